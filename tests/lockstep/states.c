/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random start states: registers that mostly point somewhere, numbers that mostly mean something.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "generate.h"

static uint64_t interesting64(void)
{
    static const uint64_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
                                       0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
                                       0x8000000000000000, ~0ull };

    switch (random_below(4)) {
    case 0: return values[random_below(ARRAY_LEN(values))];
    case 1: return random_below(64);
    default: return random64() >> random_below(64);
    }
}

static void random_floats(uint8_t *at, size_t size)
{
    static const uint32_t special[] = { 0, 0x80000000, 0x3f800000, 0x7f800000, 0xff800000,
                                        0x7fc00000, 0x7f800001, 0xffc12345, 1, 0x007fffff,
                                        0x00800000, 0x7f7fffff, 0x4b000000, 0xcf000000 };

    for (size_t i = 0; i < size; i += 8) {
        uint64_t v = random64();

        switch (random_below(4)) {
        case 0: v = (uint64_t)special[random_below(ARRAY_LEN(special))] << 32; break;
        case 1: v = special[random_below(ARRAY_LEN(special))] | v << 32; break;
        case 2: v = (v & 0x800fffffffffffffull) | (uint64_t)(1000 + random_below(48)) << 52; break;
        }
        st64_le(at + i, v);
    }
}

static void random_x87(uint8_t *fx)
{
    fx[4] = chance(30) ? 0xff : random64() >> 20;
    /* Some exceptions unmasked, here and in MXCSR */
    st16_le(fx, 0x037f & ~(chance(30) ? random64() & 0x0f00 : 0) &
                ~(chance(10) ? random64() & 63 : 0));
    st16_le(fx + 2, random_below(8) << 11);
    for (unsigned i = 0; i < 8; i++) {
        static const uint16_t exps[] = { 0, 1, 0x3fff, 0x4000, 0x403e, 0x7ffe, 0x7fff, 0xbfff,
                                         0xffff };
        uint64_t mant = random64() >> (chance(20) ? random_below(64) : 0);

        st64_le(fx + 32 + 16 * i, chance(85) ? mant | 1ull << 63 : mant);
        st16_le(fx + 40 + 16 * i, chance(40) ? exps[random_below(ARRAY_LEN(exps))]
                : chance(70) ? 0x3fe0 + random_below(64) : random64());
    }
}

/* Mostly into the middle, aligned; else before a page's end, or before the end of all. */
static uint64_t random_pointer(void)
{
    if (chance(8)) {
        return DATA_AT + 0x1000 * (1 + random_below(DATA_SIZE / 0x1000)) - random_below(24);
    }
    return (DATA_AT + 2048 + random_below(DATA_SIZE - 4096)) & (chance(85) ? ~15ull : ~0ull);
}

void generate_state(struct machine_state *s, bool code64)
{
    static uint8_t noise[DATA_SIZE + STACK_SIZE];
    static bool filled;

    if (!filled || chance(2)) {
        random_floats(noise, sizeof(noise));
        filled = true;
    }
    memset(s, 0, sizeof(*s));
    memcpy(s->data, noise, DATA_SIZE);
    memcpy(s->stack, noise + DATA_SIZE, STACK_SIZE);
    memset(s->data + XSAVE_AT - DATA_AT + 512, 0, 64);
    for (unsigned r = 0; r < (code64 ? 16 : 8); r++) {
        bool pointer = r != R_AX && r != R_CX && r != R_DX && r != 12;

        s->regs[r] = pointer ? random_pointer() : interesting64();
    }
    s->regs[R_DX] = chance(60) ? random_below(256) : s->regs[R_DX];
    s->regs[12] = random_below(256);
    for (unsigned r = R_SI; code64 && r <= R_DI; r++) {
        s->regs[r] |= chance(3) ? random64() << 32 : 0;
    }
    s->regs[R_SP] = STACK_AT + STACK_SIZE / 2 + random_below(64) * 8;
    s->rip = CODE_AT;
    s->rflags = 2 | FL_IF | (random64() & FL_ARITH) | (chance(15) ? FL_DF : 0);
    random_x87(s->fx);
    st32_le(s->fx + 24, (0x1f80 | (random64() & (chance(50) ? 0 : 0xe03f))) &
                        ~(chance(10) ? random64() & 0x1f80 : 0));
    random_floats(s->fx + 160, code64 ? 256 : 128);
    if (!code64) {
        for (unsigned r = 0; r < 8; r++) {
            s->regs[r] = (uint32_t)s->regs[r];
        }
    }
}
