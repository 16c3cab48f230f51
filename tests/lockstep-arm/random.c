/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that can be had again, and numbers that matter. */
#include "lockstep.h"

#include "base/bits.h"

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
    state = seed * 0x9e3779b97f4a7c15 + 0x1234567;
    for (unsigned i = 0; i < 8; i++) {
        random32();
    }
}

uint32_t random32(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1d >> 32;
}

uint32_t random_value(void)
{
    static const uint32_t interesting[] = {
        0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000,
        0x7fc00000, 0x7f800001, 0x00800000, 0x007fffff, 0x7f7fffff, 0x40490fdb, 0x3ff00000,
        0x7ff00000, 0x7ff80000, 0x00100000, 0x000fffff, 0x7fff8000, 0x80007fff, 0x00ff00ff,
    };
    unsigned r = below(100);

    if (r < 30) {
        return interesting[below(ARRAY_LEN(interesting))];
    }
    if (r < 45) {
        return below(256);
    }
    if (r < 60) {
        return (random32() & 0x7fffff) | (100 + below(55)) << 23 | (random32() & 1u << 31);
    }
    if (r < 70) {
        return (random32() & 0x800fffff) | (960 + below(128)) << 20;     /* half of a double */
    }
    return random32();
}

uint32_t random_float(void)
{
    static const uint8_t edges[] = { 0, 1, 2, 62, 63, 64, 65, 126, 127, 128, 156, 157, 158, 190,
                                     191, 192, 193, 253, 254, 255 };
    uint32_t sign = random32() & 1u << 31, fraction = random32() & 0x7fffff;
    unsigned r = below(100);

    if (r < 6) {
        return sign;
    }
    if (r < 10) {
        return random_value();
    }
    if (chance(25)) {
        fraction &= 0x7f8000;                       /* what is exact */
    }
    if (r < 18) {
        return sign | (uint32_t)edges[below(ARRAY_LEN(edges))] << 23 | fraction;
    }
    return sign | (100 + below(55)) << 23 | fraction;
}
