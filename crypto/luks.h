/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LUKS version 1 (the LUKS On-Disk Format Specification): headers and their keys. */
#ifndef CRYPTO_LUKS_H
#define CRYPTO_LUKS_H

#include "base/keyval.h"
#include "crypto/cipher.h"

#define LUKS_SLOTS 8
#define LUKS_HEADER_SIZE 592

struct luks_slot {
    bool active;
    uint32_t iterations, offset, stripes;   /* offset in sectors */
    uint8_t salt[32];
};

struct luks {
    char cipher[33], mode[33], hash[33], uuid[41];
    uint32_t payload, key_size, iterations; /* payload in sectors */
    uint8_t digest[20], salt[32];
    struct luks_slot slots[LUKS_SLOTS];
};

/* Reads or writes bytes of the place where the header is. 0 or -errno. */
struct luks_place {
    int (*read)(void *opaque, uint64_t offset, void *data, size_t size);
    int (*write)(void *opaque, uint64_t offset, const void *data, size_t size);
    void *opaque;
};

/* Reads and checks the header. */
bool luks_load(struct luks *l, const struct luks_place *place, struct error **err);
/* Tries the password on every slot; the main key's cipher, or NULL. */
struct cipher *luks_unlock(const struct luks *l, const struct luks_place *place,
                           const void *password, size_t size, struct error **err);

/*
 * Chooses a main key and fills the header in from cipher-alg=, cipher-mode=, ivgen-alg=,
 * ivgen-hash-alg= and hash-alg=. luks_size() bytes are needed for it.
 */
bool luks_design(struct luks *l, uint8_t *main_key, struct keyval *options, struct error **err);
uint64_t luks_size(const struct luks *l);
/* Locks slot 0 with the password (about iter-time= ms), and writes the header and its slot. */
bool luks_store(struct luks *l, const uint8_t *main_key, const struct luks_place *place,
                struct keyval *options, const void *password, size_t size, struct error **err);
/* Adds a password that opens it too, in `slot` or the first that is free (-1). */
bool luks_add_password(struct luks *l, const struct luks_place *place, int slot,
                       struct keyval *options, const void *old, size_t old_size,
                       const void *password, size_t size, struct error **err);
/* Destroys the slot's key for good. */
bool luks_erase_slot(struct luks *l, const struct luks_place *place, unsigned slot,
                     struct error **err);
/* Whether the password opens this slot. */
bool luks_slot_opens(const struct luks *l, const struct luks_place *place, unsigned slot,
                     const void *password, size_t size);

#endif
