/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disk encryption: block ciphers in modes that treat sectors of 512 bytes one by one; PBKDF2. */
#ifndef CRYPTO_CIPHER_H
#define CRYPTO_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CIPHER_SECTOR 512
#define CIPHER_MAX_KEY 64               /* two keys of 256 bits, for XTS */

struct cipher;
struct hash;

/*
 * `name` is "aes", "serpent", "twofish" or "cast5"; `mode` as in LUKS: "xts-plain64",
 * "cbc-essiv:sha256", "ecb", ...
 */
struct cipher *cipher_create(const char *name, const char *mode, const uint8_t *key, size_t size,
                             struct error **err);
void cipher_free(struct cipher *c);
/* Whole sectors in place, the first with this number. Any thread. */
void cipher_encrypt(const struct cipher *c, uint64_t sector, void *data, size_t size);
void cipher_decrypt(const struct cipher *c, uint64_t sector, void *data, size_t size);

/* "sha1", "sha224", "sha256", "sha384", "sha512" or "ripemd160"; NULL: not known. */
const struct hash *hash_find(const char *name);
size_t hash_size(const struct hash *h);
/* The digest of two pieces of data. */
void hash_digest(const struct hash *h, const void *a, size_t a_size, const void *b, size_t b_size,
                 uint8_t *digest);
/* RFC 8018 with HMAC. */
void hash_pbkdf2(const struct hash *h, const void *password, size_t password_size,
                 const void *salt, size_t salt_size, uint32_t iterations, uint8_t *key,
                 size_t size);
/* How many iterations take `ms` on this host. */
uint32_t hash_pbkdf2_speed(const struct hash *h, size_t size, unsigned ms);
/* Bytes nobody can guess. */
bool random_bytes(void *data, size_t size);
/* Forgets a key for good. */
void wipe(void *data, size_t size);

#endif
