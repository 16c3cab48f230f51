/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operands that find mistakes: special values, their neighbours, few bits, equal exponents. */
#ifndef TESTS_FPU_VALUES_H
#define TESTS_FPU_VALUES_H

#include <stdio.h>
#include <stdlib.h>

#include "fpu/fpu.h"
#include "tests/tap.h"

static uint64_t random_state = 1;

static inline uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545f4914f6cdd1dull;
}

/* A fraction of `bits` bits: random, a run of ones or zeros at the top, or a few bits. */
static inline f128 random_fraction(unsigned bits)
{
    f128 all = bits == 128 ? ~(f128)0 : ((f128)1 << bits) - 1;
    f128 random = ((f128)random64() << 64 | random64()) & all;
    uint64_t kind = random64();

    switch (kind & 7) {
    case 0: return 0;
    case 1: return all;
    case 2: return all & ~(all >> (kind >> 8) % bits);
    case 3: return all >> (kind >> 8) % bits;
    case 4: return (f128)1 << (kind >> 8) % bits;
    case 5: return ((f128)1 << (kind >> 8) % bits ^ (f128)1 << (kind >> 16) % bits) & all;
    default: return random;
    }
}

/* The exponent of `near`, a little more or less, the ends of the range, the middle, or any. */
static inline unsigned random_exponent(unsigned bits, unsigned near)
{
    unsigned all = (1u << bits) - 1;
    uint64_t kind = random64();
    unsigned small = kind >> 8 & 3;

    switch (kind & 15) {
    case 0: return 0;
    case 1: return all;
    case 2: return small;
    case 3: return all - small;
    case 4: case 5: return all / 2 + small;
    case 6: return all / 2 - small;
    case 7: case 8: case 9: return (near + small) & all;
    case 10: case 11: return (near - small) & all;
    case 12: return (all / 2 + (kind >> 8) % 70) & all;
    default: return kind >> 8 & all;
    }
}

static inline f128 random_value(unsigned exponent_bits, unsigned field_bits, f128 near)
{
    unsigned old = near >> field_bits & ((1u << exponent_bits) - 1);
    unsigned exponent = random_exponent(exponent_bits, old);
    f128 fraction = random_fraction(field_bits);

    if (field_bits == 64 && random64() % 32) {      /* f80: mostly a fitting integer bit */
        fraction &= ~((f128)1 << 63);
        fraction |= (f128)(exponent != 0) << 63;
    }
    return (f128)(random64() & 1) << (exponent_bits + field_bits) |
        (f128)exponent << field_bits | fraction;
}

static inline uint64_t random_integer(void)
{
    uint64_t value = random64() >> random64() % 64;

    return random64() & 1 ? -value : value;
}

/* --- reporting: the first few differences of each operation ---------------------------------- */

struct operation {
    const char *name;
    unsigned long cases, wrong;
};

static inline bool report(struct operation *op, bool good)
{
    op->cases++;
    return !good && op->wrong++ < 3;
}

/* --count N, --seed N */
static inline unsigned long test_count(int argc, char **argv, unsigned long count)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--count")) {
            count = strtoul(argv[i + 1], NULL, 0);
        } else if (!strcmp(argv[i], "--seed")) {
            random_state = strtoull(argv[i + 1], NULL, 0) | 1;
        }
    }
    return count;
}

#endif
