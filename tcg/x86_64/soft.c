/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* C functions behind single operations: atomics, and instructions that older hosts lack. */
#include <pthread.h>
#include "tcg/softmmu.h"
#include "tcg/x86_64/compile.h"

static uint64_t swap_size(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

static uint64_t modify(unsigned op, uint64_t old, uint64_t b, uint64_t c, unsigned size)
{
    uint64_t mask = size == 8 ? ~0ull : (1ull << 8 * size) - 1;

    switch (op) {
    case IR_cas: return ((old ^ b) & mask) == 0 ? c : old;
    case IR_atomic_add: return old + b;
    case IR_atomic_and: return old & b;
    case IR_atomic_or: return old | b;
    case IR_atomic_xor: return old ^ b;
    default: return b;                          /* xchg */
    }
}

static bool exchange(void *p, unsigned size, uint64_t *old, uint64_t new)
{
    uint8_t o8 = *old;
    uint16_t o16 = *old;
    uint32_t o32 = *old;
    bool done;

    switch (size) {
    case 1:
        done = __atomic_compare_exchange_n((uint8_t *)p, &o8, new, false, 5, 5);
        *old = o8;
        return done;
    case 2:
        done = __atomic_compare_exchange_n((uint16_t *)p, &o16, new, false, 5, 5);
        *old = o16;
        return done;
    case 4:
        done = __atomic_compare_exchange_n((uint32_t *)p, &o32, new, false, 5, 5);
        *old = o32;
        return done;
    default:
        return __atomic_compare_exchange_n((uint64_t *)p, old, new, false, 5, 5);
    }
}

static uint64_t read_host(const void *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

/* Off plain memory: one at a time, as far as other such accesses are concerned. */
static uint64_t serialised(void *env, uint64_t addr, uint64_t b, uint64_t c, unsigned op,
                           unsigned memop)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    unsigned size = 1u << (memop & MO_SIZE);
    uint64_t old;

    cpu_probe(env, addr, size, MMU_WRITE, MO_IDX(memop));
    pthread_mutex_lock(&lock);
    old = softmmu_load(env, addr, memop | MO_WRITE_INTENT);
    softmmu_store(env, addr, modify(op, old, b, c, size), memop & ~MO_WRITE_INTENT);
    pthread_mutex_unlock(&lock);
    return old;
}

uint64_t soft_atomic(void *env, uint64_t addr, uint64_t b, uint64_t c, uint64_t op_memop)
{
    unsigned op = op_memop >> 16, memop = (op_memop & 0xffff) & ~MO_SIGN;
    unsigned size = 1u << (memop & MO_SIZE);
    void *p = softmmu_atomic(env, addr, memop);
    uint64_t old, value;

    if (!p) {
        return serialised(env, addr, b, c, op, memop);
    }
    old = read_host(p, size);
    do {
        value = memop & MO_BE ? swap_size(old, size) : old;
    } while (!exchange(p, size, &old, memop & MO_BE
                       ? swap_size(modify(op, value, b, c, size), size)
                       : modify(op, value, b, c, size)));
    return value;
}

static uint64_t deposit_bits(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;

    for (uint64_t m = mask; m; m &= m - 1, v >>= 1) {
        r |= v & 1 ? m & -m : 0;
    }
    return r;
}

static uint64_t extract_bits(uint64_t v, uint64_t mask)
{
    uint64_t r = 0;
    unsigned n = 0;

    for (uint64_t m = mask; m; m &= m - 1, n++) {
        r |= (v & m & -m ? 1ull : 0) << n;
    }
    return r;
}

static uint32_t crc32c(uint32_t crc, uint64_t v, unsigned bytes)
{
    for (; bytes; bytes--, v >>= 8) {
        crc ^= v & 0xff;
        for (int i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    return crc;
}

uint64_t soft_int(void *env, uint64_t a, uint64_t b, uint64_t op)
{
    if (op & SOFT_32) {
        a = (uint32_t)a;
        b = (uint32_t)b;
    }
    switch (op & 15) {
    case SOFT_PDEP: return deposit_bits(a, b);
    case SOFT_PEXT: return extract_bits(a, b);
    case SOFT_CRC32: return crc32c(a, b, 1u << (op >> 4 & 3));
    default: return __builtin_popcountll(a);
    }
}

static int64_t element(const uint64_t *v, unsigned i, unsigned bits)
{
    uint64_t w = v[i * bits / 64] >> (i * bits % 64);

    return (int64_t)(w << (64 - bits)) >> (64 - bits);
}

void soft_vector(void *env, uint64_t *a, const uint64_t *b, uint64_t op)
{
    unsigned bits = op >> 8;
    uint64_t mask = bits == 64 ? ~0ull : (1ull << bits) - 1, r[2] = { 0, 0 };

    for (unsigned i = 0; i < 128 / bits; i++) {
        int64_t x = element(a, i, bits), y = element(b, i, bits);
        uint64_t v = (op & 0xff) == IR_vmul ? (uint64_t)x * y
                   : (op & 0xff) == IR_vcmpgt ? -(uint64_t)(x > y) : -(uint64_t)(x == y);

        r[i * bits / 64] |= (v & mask) << (i * bits % 64);
    }
    memcpy(a, r, sizeof(r));
}
