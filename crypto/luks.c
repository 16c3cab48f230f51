/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LUKS 1. The main key is split into stripes ("anti-forensic"), which are encrypted with a key that
 * PBKDF2 makes from a password; a slot for each of up to eight passwords.
 */
#include "crypto/luks.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"

#define MAGIC "LUKS\xba\xbe"
#define SLOT_ACTIVE 0x00ac71f3u
#define SLOT_FREE 0x0000deadu
#define STRIPES 4000u
#define ALIGN_SECTORS 8u
#define MAX_STRIPES 10000u
#define MAX_ITERATIONS 1000000000u      /* minutes: more is an attack */

static uint64_t stripes_sectors(uint32_t stripes, uint32_t key_size)
{
    return ((uint64_t)stripes * key_size + CIPHER_SECTOR - 1) / CIPHER_SECTOR;
}

/* --- the header ------------------------------------------------------------------------------ */

static bool take_text(char *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
    to[size] = 0;
    return memchr(from, 0, size) != NULL;
}

static void parse(struct luks *l, const uint8_t *h)
{
    l->payload = ld32_be(h + 104);
    l->key_size = ld32_be(h + 108);
    memcpy(l->digest, h + 112, 20);
    memcpy(l->salt, h + 132, 32);
    l->iterations = ld32_be(h + 164);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const uint8_t *p = h + 208 + 48 * i;

        l->slots[i] = (struct luks_slot){ ld32_be(p) == SLOT_ACTIVE, ld32_be(p + 4),
                                          ld32_be(p + 40), ld32_be(p + 44) };
        memcpy(l->slots[i].salt, p + 8, 32);
    }
}

static const char *find_fault(const struct luks *l)
{
    if (!l->key_size || l->key_size > CIPHER_MAX_KEY) {
        return "the key has an impossible size";
    }
    if (!hash_find(l->hash)) {
        return "its hash is not supported";
    }
    if (!l->iterations || l->iterations > MAX_ITERATIONS) {
        return "the number of iterations is out of range";
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const struct luks_slot *s = &l->slots[i];
        uint64_t end = s->offset + stripes_sectors(s->stripes, l->key_size);

        if (s->stripes < 2 || s->stripes > MAX_STRIPES || s->offset < 2 ||
            (s->active && (!s->iterations || s->iterations > MAX_ITERATIONS))) {
            return "a key slot is out of range";
        }
        for (unsigned k = 0; k < i; k++) {
            if (s->offset < l->slots[k].offset + stripes_sectors(l->slots[k].stripes, l->key_size)
                && l->slots[k].offset < end) {
                return "key slots overlap";
            }
        }
    }
    return NULL;
}

bool luks_load(struct luks *l, const struct luks_place *place, struct error **err)
{
    uint8_t h[LUKS_HEADER_SIZE];
    int rc = place->read(place->opaque, 0, h, sizeof(h));
    const char *fault;

    if (rc) {
        error_set_errno(err, -rc, "Unable to read LUKS header");
        return false;
    }
    if (memcmp(h, MAGIC, 6) != 0) {
        error_set(err, "Volume is not in LUKS format");
        return false;
    }
    if (ld16_be(h + 6) != 1) {
        error_set(err, "LUKS version %u is not supported", ld16_be(h + 6));
        return false;
    }
    memset(l, 0, sizeof(*l));
    if (!take_text(l->cipher, h + 8, 32) || !take_text(l->mode, h + 40, 32) ||
        !take_text(l->hash, h + 72, 32) || !take_text(l->uuid, h + 168, 40)) {
        error_set(err, "The LUKS header is damaged: a name does not end");
        return false;
    }
    parse(l, h);
    fault = find_fault(l);
    if (fault) {
        error_set(err, "The LUKS header cannot be used: %s", fault);
    }
    return !fault;
}

static int write_header(const struct luks *l, const struct luks_place *place)
{
    uint8_t h[LUKS_HEADER_SIZE] = { 0 };

    memcpy(h, MAGIC, 6);
    st16_be(h + 6, 1);
    memcpy(h + 8, l->cipher, 32);
    memcpy(h + 40, l->mode, 32);
    memcpy(h + 72, l->hash, 32);
    st32_be(h + 104, l->payload);
    st32_be(h + 108, l->key_size);
    memcpy(h + 112, l->digest, 20);
    memcpy(h + 132, l->salt, 32);
    st32_be(h + 164, l->iterations);
    memcpy(h + 168, l->uuid, 40);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const struct luks_slot *s = &l->slots[i];
        uint8_t *p = h + 208 + 48 * i;

        st32_be(p, s->active ? SLOT_ACTIVE : SLOT_FREE);
        st32_be(p + 4, s->active ? s->iterations : 0);
        memcpy(p + 8, s->salt, 32);
        st32_be(p + 40, s->offset);
        st32_be(p + 44, s->stripes);
    }
    return place->write(place->opaque, 0, h, sizeof(h));
}

/* --- stripes --------------------------------------------------------------------------------- */

static void diffuse(const struct hash *h, uint8_t *data, size_t size)
{
    uint8_t number[4], digest[64];

    for (size_t at = 0, i = 0; at < size; at += hash_size(h), i++) {
        size_t n = MIN_OF(size - at, hash_size(h));

        st32_be(number, i);
        hash_digest(h, number, 4, data + at, n, digest);
        memcpy(data + at, digest, n);
    }
}

/* All stripes but the last, mixed. */
static void mix(const struct hash *h, const uint8_t *stripes, unsigned count, size_t size,
                uint8_t *sum)
{
    memset(sum, 0, size);
    for (unsigned i = 0; i + 1 < count; i++) {
        for (size_t k = 0; k < size; k++) {
            sum[k] ^= stripes[i * size + k];
        }
        diffuse(h, sum, size);
    }
}

static bool split(const struct hash *h, const uint8_t *key, size_t size, unsigned count,
                  uint8_t *stripes)
{
    uint8_t sum[CIPHER_MAX_KEY];

    if (!random_bytes(stripes, (count - 1) * size)) {
        return false;
    }
    mix(h, stripes, count, size, sum);
    for (size_t k = 0; k < size; k++) {
        stripes[(count - 1) * size + k] = sum[k] ^ key[k];
    }
    wipe(sum, sizeof(sum));
    return true;
}

static void join(const struct hash *h, const uint8_t *stripes, unsigned count, size_t size,
                 uint8_t *key)
{
    mix(h, stripes, count, size, key);
    for (size_t k = 0; k < size; k++) {
        key[k] ^= stripes[(count - 1) * size + k];
    }
}

/* --- unlocking ------------------------------------------------------------------------------- */

static struct cipher *slot_cipher(const struct luks *l, const struct luks_slot *s,
                                  const void *password, size_t size, struct error **err)
{
    uint8_t key[CIPHER_MAX_KEY];
    struct cipher *c;

    hash_pbkdf2(hash_find(l->hash), password, size, s->salt, 32, s->iterations, key, l->key_size);
    c = cipher_create(l->cipher, l->mode, key, l->key_size, err);
    wipe(key, sizeof(key));
    return c;
}

static bool is_main_key(const struct luks *l, const uint8_t *key)
{
    uint8_t digest[20];

    hash_pbkdf2(hash_find(l->hash), key, l->key_size, l->salt, 32, l->iterations, digest, 20);
    return memcmp(digest, l->digest, 20) == 0;
}

/* 1: opened, 0: another password, or -errno with the error set. */
static int try_slot(const struct luks *l, const struct luks_slot *s,
                    const struct luks_place *place, const void *password, size_t size,
                    uint8_t *key, struct error **err)
{
    uint64_t bytes = stripes_sectors(s->stripes, l->key_size) * CIPHER_SECTOR;
    uint8_t *stripes = g_malloc(bytes);
    struct cipher *c = NULL;
    int rc = place->read(place->opaque, (uint64_t)s->offset * CIPHER_SECTOR, stripes, bytes);

    if (rc) {
        error_set_errno(err, -rc, "Unable to read a LUKS key slot");
    } else {
        c = slot_cipher(l, s, password, size, err);
        rc = c ? 0 : -ENOTSUP;
    }
    if (c) {
        cipher_decrypt(c, 0, stripes, bytes);
        join(hash_find(l->hash), stripes, s->stripes, l->key_size, key);
        rc = is_main_key(l, key);
        cipher_free(c);
    }
    wipe(stripes, bytes);
    g_free(stripes);
    return rc;
}

static bool find_key(const struct luks *l, const struct luks_place *place, const void *password,
                     size_t size, uint8_t *key, struct error **err)
{
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        int rc = l->slots[i].active
            ? try_slot(l, &l->slots[i], place, password, size, key, err) : 0;

        if (rc) {
            return rc > 0;
        }
    }
    error_set(err, "Invalid password, cannot unlock any keyslot");
    return false;
}

struct cipher *luks_unlock(const struct luks *l, const struct luks_place *place,
                           const void *password, size_t size, struct error **err)
{
    uint8_t key[CIPHER_MAX_KEY];
    struct cipher *c = find_key(l, place, password, size, key, err)
        ? cipher_create(l->cipher, l->mode, key, l->key_size, err) : NULL;

    wipe(key, sizeof(key));
    return c;
}

bool luks_slot_opens(const struct luks *l, const struct luks_place *place, unsigned slot,
                     const void *password, size_t size)
{
    uint8_t key[CIPHER_MAX_KEY];
    bool opens = l->slots[slot].active &&
        try_slot(l, &l->slots[slot], place, password, size, key, NULL) == 1;

    wipe(key, sizeof(key));
    return opens;
}

/* --- making ---------------------------------------------------------------------------------- */

uint64_t luks_size(const struct luks *l)
{
    return (uint64_t)l->payload * CIPHER_SECTOR;
}

/* "aes-256" into a name and a key size; XTS takes two keys. */
static bool choose_cipher(struct luks *l, struct keyval *options, struct error **err)
{
    const char *alg = keyval_string(options, "cipher-alg", "aes-256");
    const char *mode = keyval_string(options, "cipher-mode", "xts");
    const char *iv = keyval_string(options, "ivgen-alg", "plain64"), *dash = strrchr(alg, '-');
    const char *iv_hash = keyval_string(options, "ivgen-hash-alg", "sha256");
    bool essiv = strcmp(iv, "essiv") == 0;
    uint64_t bits = 0;
    char *name = NULL, *text;

    if (!dash || !parse_uint(dash + 1, &bits) || bits % 8 || bits > 256 || bits < 40) {
        error_set(err, "Invalid parameter '%s'", alg);
        return false;
    }
    name = g_strndup(alg, dash - alg);
    l->key_size = bits / 8 * (strcmp(mode, "xts") == 0 ? 2 : 1);
    text = g_strdup_printf("%s-%s%s%s", mode, iv, essiv ? ":" : "", essiv ? iv_hash : "");
    if (strlen(name) < 32 && strlen(text) < 32) {
        strcpy(l->cipher, name);
        strcpy(l->mode, text);
    }
    g_free(name);
    g_free(text);
    if (!*l->cipher) {
        error_set(err, "Invalid parameter '%s'", alg);
    }
    return *l->cipher;
}

static void make_uuid(char *text)
{
    uint8_t b[16] = { 0 };

    random_bytes(b, sizeof(b));
    b[6] = (b[6] & 0x0f) | 0x40;        /* RFC 4122: a random one */
    b[8] = (b[8] & 0x3f) | 0x80;
    for (unsigned i = 0; i < 16; i++) {
        text += sprintf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
    }
}

bool luks_design(struct luks *l, uint8_t *main_key, struct keyval *options, struct error **err)
{
    const char *hash = keyval_string(options, "hash-alg", "sha256");
    uint32_t offset = ALIGN_SECTORS;
    struct cipher *c;

    memset(l, 0, sizeof(*l));
    if (!hash_find(hash)) {
        error_set(err, "Invalid parameter '%s'", hash);
        return false;
    }
    strcpy(l->hash, hash);
    if (!choose_cipher(l, options, err)) {
        return false;
    }
    if (!random_bytes(main_key, l->key_size) || !random_bytes(l->salt, sizeof(l->salt))) {
        error_set(err, "The host has no random numbers for a key");
        return false;
    }
    c = cipher_create(l->cipher, l->mode, main_key, l->key_size, err);
    if (!c) {
        return false;
    }
    cipher_free(c);
    make_uuid(l->uuid);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        l->slots[i] = (struct luks_slot){ .offset = offset, .stripes = STRIPES };
        offset += align_up(stripes_sectors(STRIPES, l->key_size), ALIGN_SECTORS);
    }
    l->payload = offset;
    return true;
}

static bool read_time(struct keyval *options, uint64_t *ms, struct error **err)
{
    *ms = 2000;
    if (!keyval_uint(options, "iter-time", ms, err)) {
        return false;
    }
    if (!*ms || *ms > 100000) {
        error_set(err, "iter-time must be between 1 and 100000 milliseconds");
        return false;
    }
    return true;
}

/* Writes the stripes first: the header that names them comes after. */
static bool lock_slot(struct luks *l, unsigned slot, const uint8_t *main_key, uint64_t ms,
                      const struct luks_place *place, const void *password, size_t size,
                      struct error **err)
{
    const struct hash *h = hash_find(l->hash);
    struct luks_slot *s = &l->slots[slot];
    uint64_t bytes = stripes_sectors(s->stripes, l->key_size) * CIPHER_SECTOR;
    uint8_t *stripes = g_malloc0(bytes);
    struct cipher *c;
    bool good;
    int rc = 0;

    s->iterations = MAX_OF(hash_pbkdf2_speed(h, l->key_size, ms), 1000);
    good = random_bytes(s->salt, sizeof(s->salt)) &&
        split(h, main_key, l->key_size, s->stripes, stripes);
    c = good ? slot_cipher(l, s, password, size, err) : NULL;
    if (c) {
        cipher_encrypt(c, 0, stripes, bytes);
        rc = place->write(place->opaque, (uint64_t)s->offset * CIPHER_SECTOR, stripes, bytes);
        s->active = rc == 0;
        rc = rc ? rc : write_header(l, place);
        cipher_free(c);
    }
    if (rc) {
        error_set_errno(err, -rc, "Unable to write LUKS key slot");
    } else if (!good) {
        error_set(err, "The host has no random numbers for a key");
    }
    wipe(stripes, bytes);
    g_free(stripes);
    return c && !rc;
}

bool luks_store(struct luks *l, const uint8_t *main_key, const struct luks_place *place,
                struct keyval *options, const void *password, size_t size, struct error **err)
{
    const struct hash *h = hash_find(l->hash);
    uint64_t ms;

    if (!read_time(options, &ms, err)) {
        return false;
    }
    /* The digest only tells whether a key is right; it may take an eighth of the time. */
    l->iterations = MAX_OF(hash_pbkdf2_speed(h, 20, ms) / 8, 1000);
    hash_pbkdf2(h, main_key, l->key_size, l->salt, 32, l->iterations, l->digest, 20);
    return lock_slot(l, 0, main_key, ms, place, password, size, err);
}

bool luks_add_password(struct luks *l, const struct luks_place *place, int slot,
                       struct keyval *options, const void *old, size_t old_size,
                       const void *password, size_t size, struct error **err)
{
    uint8_t key[CIPHER_MAX_KEY];
    uint64_t ms;
    bool good;

    for (int i = 0; slot < 0 && i < LUKS_SLOTS; i++) {
        slot = l->slots[i].active ? slot : i;
    }
    if (slot < 0 || slot >= LUKS_SLOTS) {
        error_set(err, slot < 0 ? "All key slots are in use" : "Invalid keyslot %d", slot);
        return false;
    }
    if (l->slots[slot].active) {
        error_set(err, "Refusing to overwrite active keyslot %d - please erase it first", slot);
        return false;
    }
    good = read_time(options, &ms, err) && find_key(l, place, old, old_size, key, err) &&
        lock_slot(l, slot, key, ms, place, password, size, err);
    wipe(key, sizeof(key));
    return good;
}

bool luks_erase_slot(struct luks *l, const struct luks_place *place, unsigned slot,
                     struct error **err)
{
    struct luks_slot *s = &l->slots[slot];
    uint64_t bytes = stripes_sectors(s->stripes, l->key_size) * CIPHER_SECTOR;
    uint8_t *noise = g_malloc(bytes);
    int rc;

    s->active = false;
    s->iterations = 0;
    memset(s->salt, 0, sizeof(s->salt));
    rc = write_header(l, place);
    if (!rc && random_bytes(noise, bytes)) {
        rc = place->write(place->opaque, (uint64_t)s->offset * CIPHER_SECTOR, noise, bytes);
    }
    g_free(noise);
    if (rc) {
        error_set_errno(err, -rc, "Unable to erase the key slot");
    }
    return rc == 0;
}
