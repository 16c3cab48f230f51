/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers as the operations see them, the same for every format; private to fpu/.
 *
 * A finite number is significand / 2^127 * 2^exponent with bit 127 set. The low bits are exact, or
 * the very last one stands for "and something more". A NaN keeps its fraction below bit 127.
 */
#ifndef FPU_NUMBER_H
#define FPU_NUMBER_H

#include "fpu/fpu.h"

typedef unsigned __int128 u128;
#define U128_TOP ((u128)1 << 127)
#define QUIET_BIT ((u128)1 << 126)

enum number_kind { ZERO, FINITE, INFINITE, QUIET, SIGNALING, UNSUPPORTED };

struct number {
    uint8_t kind;
    bool negative, subnormal;
    int32_t exponent;
    u128 significand;
};

struct format {
    uint8_t fraction_bits;          /* without the integer bit */
    uint8_t field_bits;             /* as stored */
    uint8_t exponent_bits;
    bool no_infinity;               /* the largest exponent is a binade like the others */
};
#define FORMAT_BIAS(f) ((1 << ((f)->exponent_bits - 1)) - 1)

/* --- pack.c ---------------------------------------------------------------------------------- */

struct number number_unpack(u128 bits, const struct format *f, struct fp_status *s);
u128 number_pack(struct number n, const struct format *f, struct fp_status *s);
u128 number_default_nan_bits(const struct format *f, const struct fp_status *s);
/* Raises FP_DENORMAL if one of them is subnormal. */
void number_note_subnormal(const struct number *a, const struct number *b, struct fp_status *s);

/* Rounds at bit `shift` (1 to 127), whose lower bits become zero; a carry out leaves zero. */
struct rounded {
    u128 value;
    bool inexact, up;
};
struct rounded number_round(u128 value, unsigned shift, bool negative, unsigned rounding);

static inline unsigned u128_clz(u128 x)
{
    uint64_t high = x >> 64;

    return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)x);
}

/* Shifted right, bits that fall out gathered in the last one. */
static inline u128 u128_shift_jam(u128 x, unsigned count)
{
    if (count == 0) {
        return x;
    }
    if (count >= 128) {
        return x != 0;
    }
    return x >> count | (x << (128 - count) != 0);
}

static inline bool number_is_nan(const struct number *n)
{
    return n->kind >= QUIET;
}

/* --- nan.c ----------------------------------------------------------------------------------- */

struct number number_default_nan(const struct fp_status *s);
struct number number_invalid(uint32_t why, struct fp_status *s);
/* The result when some operand is a NaN; raises FP_INVALID for signaling ones. */
struct number number_nan1(struct number a, struct fp_status *s);
struct number number_nan2(struct number a, struct number b, struct fp_status *s);
struct number number_nan3(struct number a, struct number b, struct number c, bool inf_times_zero,
                          struct fp_status *s);

/* --- arith.c, convert.c, compare.c ----------------------------------------------------------- */

struct number number_add(struct number a, struct number b, struct fp_status *s);
struct number number_mul(struct number a, struct number b, struct fp_status *s);
/* `bits` of the quotient or root are exact, the rest is gathered in the last bit. */
struct number number_div(struct number a, struct number b, unsigned bits, struct fp_status *s);
struct number number_sqrt(struct number a, unsigned bits, struct fp_status *s);
struct number number_rem(struct number a, struct number b, struct fp_status *s);
struct number number_fma(struct number a, struct number b, struct number c, unsigned negate,
                         struct fp_status *s);

struct number number_round_to_int(struct number a, unsigned fraction_bits, unsigned rounding,
                                  uint32_t *flags);
int64_t number_to_int(struct number a, unsigned bits, int scale, unsigned rounding,
                      struct fp_status *s);
uint64_t number_to_uint(struct number a, unsigned bits, int scale, unsigned rounding,
                        struct fp_status *s);
struct number number_from_uint(uint64_t value, bool negative, int scale);

enum fp_order number_compare(struct number a, struct number b, bool quiet, struct fp_status *s);
struct number number_minmax(struct number a, struct number b, unsigned kind, struct fp_status *s);

#endif
