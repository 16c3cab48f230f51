/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes by nettle, and keys from passwords. */
#include <glib.h>
#include <nettle/hmac.h>
#include <nettle/nettle-meta.h>
#include <nettle/ripemd160.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "crypto/cipher.h"

#define MAX_DIGEST 64

union context {
    struct sha1_ctx sha1;
    struct sha256_ctx sha256;
    struct sha512_ctx sha512;
    struct ripemd160_ctx ripemd160;
};

struct hash {
    const char *name;
    const struct nettle_hash *kind;
};

static const struct hash hashes[] = {
    { "sha1", &nettle_sha1 }, { "sha224", &nettle_sha224 }, { "sha256", &nettle_sha256 },
    { "sha384", &nettle_sha384 }, { "sha512", &nettle_sha512 },
    { "ripemd160", &nettle_ripemd160 },
};

const struct hash *hash_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        if (strcmp(hashes[i].name, name) == 0) {
            return &hashes[i];
        }
    }
    return NULL;
}

size_t hash_size(const struct hash *h)
{
    return h->kind->digest_size;
}

void hash_digest(const struct hash *h, const void *a, size_t a_size, const void *b, size_t b_size,
                 uint8_t *digest)
{
    union context context;

    h->kind->init(&context);
    h->kind->update(&context, a_size, a);
    h->kind->update(&context, b_size, b);
    h->kind->digest(&context, h->kind->digest_size, digest);
}

/* One block of the key: U1 ^ U2 ^ ... */
static void derive_block(const struct hash *h, const void *outer, const void *inner,
                         void *state, const void *salt, size_t salt_size, uint32_t index,
                         uint32_t iterations, uint8_t *sum)
{
    size_t size = h->kind->digest_size;
    uint8_t number[4], u[MAX_DIGEST];

    st32_be(number, index);
    hmac_update(state, h->kind, salt_size, salt);
    hmac_update(state, h->kind, 4, number);
    hmac_digest(outer, inner, state, h->kind, size, u);
    memcpy(sum, u, size);
    while (--iterations) {
        hmac_update(state, h->kind, size, u);
        hmac_digest(outer, inner, state, h->kind, size, u);
        for (size_t i = 0; i < size; i++) {
            sum[i] ^= u[i];
        }
    }
    wipe(u, sizeof(u));
}

void hash_pbkdf2(const struct hash *h, const void *password, size_t password_size,
                 const void *salt, size_t salt_size, uint32_t iterations, uint8_t *key,
                 size_t size)
{
    union context outer, inner, state;
    uint8_t sum[MAX_DIGEST];

    hmac_set_key(&outer, &inner, &state, h->kind, password_size, password);
    for (uint32_t index = 1; size; index++) {
        size_t n = MIN_OF(size, h->kind->digest_size);

        derive_block(h, &outer, &inner, &state, salt, salt_size, index, iterations, sum);
        memcpy(key, sum, n);
        key += n;
        size -= n;
    }
    wipe(sum, sizeof(sum));
    wipe(&outer, sizeof(outer));
    wipe(&inner, sizeof(inner));
    wipe(&state, sizeof(state));
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

uint32_t hash_pbkdf2_speed(const struct hash *h, size_t size, unsigned ms)
{
    uint8_t key[CIPHER_MAX_KEY] = { 0 };
    uint32_t n = 2048;
    uint64_t spent = 0, result;

    size = MIN_OF(size, sizeof(key));
    while (spent < 20000000 && n < 1u << 30) {
        uint64_t start = cpu_ns();

        n *= 2;
        hash_pbkdf2(h, "password", 8, "salt", 4, n, key, size);
        spent = MAX_OF(cpu_ns() - start, 1);
    }
    result = (uint64_t)((double)n * ms * 1e6 / spent);
    return MIN_OF(result, INT32_MAX);
}
