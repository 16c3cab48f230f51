/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes of disk encryption over nettle's ciphers, a sector at a time. */
#include "crypto/cipher.h"

#include <glib.h>
#include <nettle/cast128.h>
#include <nettle/nettle-meta.h>
#include <string.h>
#include <sys/random.h>

#include "base/bits.h"

enum mode { MODE_ECB, MODE_CBC, MODE_XTS };
enum iv { IV_NONE, IV_PLAIN, IV_PLAIN64, IV_ESSIV };

#define BLOCK 16                        /* the largest block of all ciphers */

struct cipher {
    const struct nettle_cipher *kind, *iv_kind;
    enum mode mode;
    enum iv iv;
    void *encrypt, *decrypt, *tweak;    /* tweak: of XTS or ESSIV; keys set */
};

static const struct nettle_cipher *find_kind(const char *name, size_t size)
{
    /* nettle names them by their size in bits; cast5 has one name. */
    char *wanted = strcmp(name, "cast5") == 0 ? g_strdup("cast128")
        : g_strdup_printf("%s%zu", name, size * 8);
    const struct nettle_cipher *found = NULL;

    for (const struct nettle_cipher *const *k = nettle_get_ciphers(); *k && !found; k++) {
        if (strcmp((*k)->name, wanted) == 0 && (*k)->key_size == size &&
            (*k)->block_size <= BLOCK) {
            found = *k;
        }
    }
    g_free(wanted);
    return found;
}

static bool parse_mode(struct cipher *c, const char *text, const char **iv_hash)
{
    static const char *const modes[] = { "ecb", "cbc", "xts" };
    static const char *const ivs[] = { "", "plain", "plain64", "essiv" };
    char **parts = g_strsplit(text, "-", 2);
    const char *iv = parts[0] && parts[1] ? parts[1] : "", *colon = strchr(text, ':');
    size_t length = strcspn(iv, ":");
    unsigned m = 0, i = 0;

    while (m < ARRAY_LEN(modes) && parts[0] && strcmp(modes[m], parts[0]) != 0) {
        m++;
    }
    while (i < ARRAY_LEN(ivs) && (strlen(ivs[i]) != length || memcmp(ivs[i], iv, length) != 0)) {
        i++;
    }
    g_strfreev(parts);
    c->mode = m;
    c->iv = i;
    *iv_hash = colon ? colon + 1 : NULL;
    return m < ARRAY_LEN(modes) && i < ARRAY_LEN(ivs) && (m == MODE_ECB || i != IV_NONE) &&
        (i == IV_ESSIV) == (*iv_hash != NULL);
}

static void *set_key(const struct nettle_cipher *kind, const uint8_t *key, bool encrypt)
{
    void *context = g_malloc(kind->context_size);

    (encrypt ? kind->set_encrypt_key : kind->set_decrypt_key)(context, key);
    return context;
}

/* ESSIV: the sector's number is encrypted by the key's hash. */
static bool set_essiv(struct cipher *c, const char *name, const char *hash, const uint8_t *key,
                      size_t size)
{
    const struct hash *h = hash_find(hash);
    uint8_t salt[64];

    c->iv_kind = h ? find_kind(name, hash_size(h)) : NULL;
    if (!c->iv_kind) {
        return false;
    }
    hash_digest(h, key, size, "", 0, salt);
    c->tweak = set_key(c->iv_kind, salt, true);
    return true;
}

struct cipher *cipher_create(const char *name, const char *mode, const uint8_t *key, size_t size,
                             struct error **err)
{
    struct cipher *c = g_new0(struct cipher, 1);
    const char *iv_hash;
    bool good = parse_mode(c, mode, &iv_hash);
    size_t half = c->mode == MODE_XTS ? size / 2 : size;

    c->kind = good ? find_kind(name, half) : NULL;
    good = c->kind && (c->mode != MODE_XTS || (c->kind->block_size == BLOCK && half * 2 == size));
    if (good) {
        c->encrypt = set_key(c->kind, key, true);
        c->decrypt = set_key(c->kind, key, false);
        if (c->mode == MODE_XTS) {
            c->tweak = set_key(c->kind, key + half, true);
        }
    }
    /* XTS has the tweak key already: one of the two. */
    if (good && c->iv == IV_ESSIV) {
        good = c->mode == MODE_CBC && set_essiv(c, name, iv_hash, key, size);
    }
    if (!good) {
        error_set(err, "Encryption by %s-%s with a key of %zu bits is not supported", name, mode,
                  size * 8);
        cipher_free(c);
        return NULL;
    }
    return c;
}

static void free_key(void *context, const struct nettle_cipher *kind)
{
    if (context) {
        wipe(context, kind->context_size);
        g_free(context);
    }
}

void cipher_free(struct cipher *c)
{
    if (c) {
        free_key(c->encrypt, c->kind);
        free_key(c->decrypt, c->kind);
        free_key(c->tweak, c->iv_kind ? c->iv_kind : c->kind);
        g_free(c);
    }
}

static void make_iv(const struct cipher *c, uint64_t sector, uint8_t *iv)
{
    memset(iv, 0, BLOCK);
    if (c->iv == IV_PLAIN) {
        st32_le(iv, (uint32_t)sector);
    } else if (c->iv != IV_NONE) {
        st64_le(iv, sector);
    }
    if (c->iv == IV_ESSIV) {
        c->iv_kind->encrypt(c->tweak, c->iv_kind->block_size, iv, iv);
    }
}

/* --- modes ----------------------------------------------------------------------------------- */

/* IEEE 1619: tweaks are powers of x in GF(2^128), bytes in little-endian order. */
static void make_tweaks(const struct cipher *c, uint64_t sector, uint64_t *tweaks)
{
    uint8_t iv[BLOCK];
    uint64_t low, high;

    make_iv(c, sector, iv);
    c->kind->encrypt(c->tweak, BLOCK, iv, iv);
    low = ld64_le(iv);
    high = ld64_le(iv + 8);
    for (unsigned i = 0; i < CIPHER_SECTOR / BLOCK; i++) {
        uint64_t carry = high >> 63;

        st64_le(&tweaks[2 * i], low);
        st64_le(&tweaks[2 * i + 1], high);
        high = high << 1 | low >> 63;
        low = low << 1 ^ carry * 0x87;
    }
}

static void xts(const struct cipher *c, uint64_t sector, uint8_t *data, bool encrypt)
{
    uint64_t tweaks[CIPHER_SECTOR / 8], words[CIPHER_SECTOR / 8];

    make_tweaks(c, sector, tweaks);
    memcpy(words, data, CIPHER_SECTOR);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        words[i] ^= tweaks[i];
    }
    if (encrypt) {
        c->kind->encrypt(c->encrypt, CIPHER_SECTOR, (uint8_t *)words, (uint8_t *)words);
    } else {
        c->kind->decrypt(c->decrypt, CIPHER_SECTOR, (uint8_t *)words, (uint8_t *)words);
    }
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        words[i] ^= tweaks[i];
    }
    memcpy(data, words, CIPHER_SECTOR);
}

static void xor_block(uint8_t *to, const uint8_t *a, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        to[i] ^= a[i];
    }
}

static void cbc(const struct cipher *c, uint64_t sector, uint8_t *data, bool encrypt)
{
    unsigned block = c->kind->block_size;
    uint8_t iv[BLOCK], old[CIPHER_SECTOR];
    const uint8_t *previous = iv;

    make_iv(c, sector, iv);
    if (!encrypt) {
        memcpy(old, data, CIPHER_SECTOR);
        c->kind->decrypt(c->decrypt, CIPHER_SECTOR, data, data);
        xor_block(data, iv, block);
        xor_block(data + block, old, CIPHER_SECTOR - block);
        return;
    }
    for (unsigned i = 0; i < CIPHER_SECTOR; i += block) {
        xor_block(data + i, previous, block);
        c->kind->encrypt(c->encrypt, block, data + i, data + i);
        previous = data + i;
    }
}

static void run(const struct cipher *c, uint64_t sector, uint8_t *data, size_t size, bool encrypt)
{
    for (size_t i = 0; i < size; i += CIPHER_SECTOR, sector++) {
        if (c->mode == MODE_XTS) {
            xts(c, sector, data + i, encrypt);
        } else if (c->mode == MODE_CBC) {
            cbc(c, sector, data + i, encrypt);
        } else if (encrypt) {
            c->kind->encrypt(c->encrypt, CIPHER_SECTOR, data + i, data + i);
        } else {
            c->kind->decrypt(c->decrypt, CIPHER_SECTOR, data + i, data + i);
        }
    }
}

void cipher_encrypt(const struct cipher *c, uint64_t sector, void *data, size_t size)
{
    run(c, sector, data, size, true);
}

void cipher_decrypt(const struct cipher *c, uint64_t sector, void *data, size_t size)
{
    run(c, sector, data, size, false);
}

/* --- randomness ------------------------------------------------------------------------------ */

bool random_bytes(void *data, size_t size)
{
    uint8_t *at = data;

    while (size) {
        ssize_t n = getrandom(at, MIN_OF(size, 256), 0);

        if (n <= 0) {
            return false;
        }
        at += n;
        size -= n;
    }
    return true;
}

void wipe(void *data, size_t size)
{
    explicit_bzero(data, size);
}
