/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advanced SIMD loads and stores. The base is written after the last access. */
#include "target-arm/trans-neon.h"

static ir_val to_int(struct arm_dis *d, ir_val v)
{
    return ir_1(d->ir, IR_bitcast, I64, v);
}

static ir_val from_int(struct arm_dis *d, ir_val v)
{
    return ir_1(d->ir, IR_bitcast, F64, v);
}

/* rm: 15 none, 13 by what was transferred, else by the register. */
static void writeback(struct arm_dis *d, unsigned rn, unsigned rm, unsigned bytes)
{
    if (rm == R_SP) {
        arm_set_reg(d, rn, arm_2i(d, IR_add, arm_reg(d, rn), bytes));
    } else if (rm != R_PC) {
        arm_set_reg(d, rn, arm_2(d, IR_add, arm_reg(d, rn), arm_reg(d, rm)));
    }
}

/* --- whole registers ------------------------------------------------------------------------- */

/* Registers of one structure, how many times, distance between them */
struct layout {
    uint8_t elements, repeats, spacing;
};

static const struct layout layouts[16] = {
    [0] = { 4, 1, 1 }, [1] = { 4, 1, 2 }, [2] = { 1, 4, 1 }, [3] = { 2, 2, 2 }, [4] = { 3, 1, 1 },
    [5] = { 3, 1, 2 }, [6] = { 1, 3, 1 }, [7] = { 1, 1, 1 }, [8] = { 2, 1, 1 }, [9] = { 2, 1, 2 },
    [10] = { 1, 2, 1 },
};

static void load_register(struct arm_dis *d, unsigned reg, ir_val base, int32_t at, unsigned size,
                          unsigned stride)
{
    unsigned bits = 8u << size;
    ir_val v = 0;

    for (unsigned e = 0; e < 64 / bits; e++) {
        ir_val x = arm_ld(d, I64, base, at + (int32_t)(e * stride), size);

        v = e ? ir_deposit(d->ir, I64, v, x, e * bits, bits) : x;
    }
    arm_set_d(d, reg, from_int(d, v));
}

static void store_register(struct arm_dis *d, unsigned reg, ir_val base, int32_t at, unsigned size,
                           unsigned stride)
{
    unsigned bits = 8u << size;
    ir_val v = to_int(d, arm_get_d(d, reg));

    for (unsigned e = 0; e < 64 / bits; e++) {
        arm_st(d, I64, base, at + (int32_t)(e * stride), ir_extract(d->ir, I64, v, e * bits, bits),
               size);
    }
}

/* Elements in memory order are registers as they are, but for big-endian data. */
void neon_whole_registers(struct arm_dis *d, bool load, unsigned reg, unsigned n, ir_val base,
                          int32_t at)
{
    for (unsigned step; n; n -= step, reg += step, at += 8 * step) {
        bool q = n > 1 && !(reg & 1) && !(d->mode & KEY_BE_DATA);

        step = q ? 2 : 1;
        if (load) {
            neon_set(d, q, reg, arm_ld(d, q ? V128 : F64, base, at, q ? MO_128 : MO_64));
        } else {
            arm_st(d, q ? V128 : F64, base, at, neon_get(d, q, reg), q ? MO_128 : MO_64);
        }
    }
}

/* --- structures of two and four elements ----------------------------------------------------- */

/* punpckl, punpckh: elements in turn */
static ir_val unpack(struct arm_dis *d, bool high, unsigned size, ir_val a, ir_val b)
{
    return arm_vx_move(d, V128, 1, 0x66, (high ? 0x68 : 0x60) + size, a, b);
}

static void load_twos(struct arm_dis *d, unsigned reg, unsigned spacing, ir_val v, unsigned size)
{
    arm_set_d(d, reg, neon_narrow(d, size, v));
    arm_set_d(d, reg + spacing, neon_narrow(d, size, neon_shift_by(d, true, size + 1, 2,
                                                                   8u << size, v)));
}

static void load_fours(struct arm_dis *d, unsigned reg, unsigned spacing, ir_val a, ir_val b,
                       unsigned size)
{
    struct neon_pair r = neon_unzip(d, size, a, b);

    load_twos(d, reg, 2 * spacing, r.even, size);
    load_twos(d, reg + spacing, 2 * spacing, r.odd, size);
}

/* Loads whole vectors and sorts elements; false: not these. */
static bool load_structures(struct arm_dis *d, const struct arm_arg_VLDST_many *a,
                            const struct layout *l, ir_val base)
{
    ir_val v[2];

    if (l->elements == 1 || l->elements == 3 || d->mode & KEY_BE_DATA ||
        !__builtin_cpu_supports("sse4.1")) {
        return false;
    }
    for (unsigned i = 0; i < l->elements * l->repeats / 2u; i++) {
        v[i] = arm_ld(d, V128, base, 16 * i, MO_128);
    }
    if (l->elements == 4) {
        load_fours(d, a->vd, l->spacing, v[0], v[1], a->size);
        return true;
    }
    for (unsigned r = 0; r < l->repeats; r++) {
        load_twos(d, a->vd + r, l->spacing, v[r], a->size);
    }
    return true;
}

static bool store_structures(struct arm_dis *d, const struct arm_arg_VLDST_many *a,
                             const struct layout *l, ir_val base)
{
    unsigned vd = a->vd, s = l->spacing, size = a->size;

    if (l->elements == 1 || l->elements == 3 || d->mode & KEY_BE_DATA) {
        return false;
    }
    if (l->elements == 4) {
        ir_val even = unpack(d, false, size, arm_get_d(d, vd), arm_get_d(d, vd + 2 * s));
        ir_val odd = unpack(d, false, size, arm_get_d(d, vd + s), arm_get_d(d, vd + 3 * s));

        arm_st(d, V128, base, 0, unpack(d, false, size, even, odd), MO_128);
        arm_st(d, V128, base, 16, unpack(d, true, size, even, odd), MO_128);
        return true;
    }
    for (unsigned r = 0; r < l->repeats; r++) {
        ir_val v = unpack(d, false, size, arm_get_d(d, vd + r), arm_get_d(d, vd + r + s));

        arm_st(d, V128, base, 16 * r, v, MO_128);
    }
    return true;
}

/* --- all of them ----------------------------------------------------------------------------- */

static void by_elements(struct arm_dis *d, const struct arm_arg_VLDST_many *a,
                        const struct layout *l, ir_val base)
{
    for (unsigned i = 0; i < l->repeats * (unsigned)l->elements; i++) {
        unsigned r = i / l->elements, k = i % l->elements;
        unsigned reg = a->vd + r + k * l->spacing;
        int32_t at = r * 8 * l->elements + (k << a->size);

        if (a->l) {
            load_register(d, reg, base, at, a->size, l->elements << a->size);
        } else {
            store_register(d, reg, base, at, a->size, l->elements << a->size);
        }
    }
}

/* Alignments that the form does not have */
static bool many_undefined(const struct arm_arg_VLDST_many *a)
{
    switch (a->type) {
    case 6: case 7: case 4: case 5: return a->align & 2;
    case 8: case 9: case 10: return a->align == 3;
    default: return false;
    }
}

void trans_VLDST_many(struct arm_dis *d, const struct arm_arg_VLDST_many *a)
{
    struct layout l = layouts[a->type];
    unsigned last = a->vd + (l.repeats - 1) + (l.elements - 1) * l.spacing;
    unsigned bytes = 8 * l.elements * l.repeats;
    ir_val base = arm_reg(d, a->rn);
    bool whole = l.elements == 1 && (!(d->mode & KEY_BE_DATA) || a->size == 3);

    if (a->type == 3) {
        last = a->vd + 3;
    }
    if (many_undefined(a)) {
        arm_undefined(d);
        return;
    }
    if (!l.elements || last > 31 || (a->size == 3 && l.elements != 1) || a->rn == R_PC) {
        arm_undefined(d);
        return;
    }
    if (a->align) {
        arm_check_aligned(d, a->rn, 0, 4u << a->align, !a->l);
    }
    if (whole) {
        neon_whole_registers(d, a->l, a->vd, l.repeats, base, 0);
    } else if (!(a->l ? load_structures : store_structures)(d, a, &l, base)) {
        by_elements(d, a, &l, base);
    }
    writeback(d, a->rn, a->rm, bytes);
}

/* --- one element ----------------------------------------------------------------------------- */

/* index_align by size; false: undefined. */
static bool lane_of(const struct arm_arg_VLDST_one *a, unsigned *lane, unsigned *spacing)
{
    unsigned i = a->index;

    *lane = i >> (a->size + 1);
    *spacing = a->size == 0 ? 1 : (i >> a->size & 1) + 1;
    if (a->n == 0) {
        *spacing = 1;
        return a->size == 0 ? !(i & 1) : a->size == 1 ? !(i & 2) : !(i & 4) && (i & 3) != 1 &&
                                                                   (i & 3) != 2;
    }
    if (a->n == 1 && a->size == 2 && i & 2) {
        return false;
    }
    if (a->n == 2) {
        return !(i & (a->size == 2 ? 3 : 1));
    }
    return !(a->n == 3 && a->size == 2 && (i & 3) == 3);
}

/* Bytes that the address must be a multiple of; 0: any. */
static unsigned lane_align(const struct arm_arg_VLDST_one *a)
{
    unsigned i = a->index;

    switch (a->n) {
    case 0: return a->size == 0 ? 0 : a->size == 1 ? (i & 1) * 2 : (i & 3) == 3 ? 4 : 0;
    case 1: return i & 1 ? 2u << a->size : 0;
    case 2: return 0;
    default: return a->size == 2 ? (i & 3 ? 4u << (i & 3) : 0) : i & 1 ? 4u << a->size : 0;
    }
}

void trans_VLDST_one(struct arm_dis *d, const struct arm_arg_VLDST_one *a)
{
    unsigned lane, spacing, bits = 8u << a->size, n = a->n + 1;
    ir_val base = arm_reg(d, a->rn);

    if (a->size == 3 || !lane_of(a, &lane, &spacing) || a->vd + a->n * spacing > 31 ||
        a->rn == R_PC) {
        arm_undefined(d);
        return;
    }
    if (lane_align(a)) {
        arm_check_aligned(d, a->rn, 0, lane_align(a), !a->l);
    }
    for (unsigned k = 0; k < n; k++) {
        unsigned reg = a->vd + k * spacing;
        ir_val v = to_int(d, arm_get_d(d, reg));

        if (a->l) {
            ir_val x = arm_ld(d, I64, base, k << a->size, a->size);

            arm_set_d(d, reg, from_int(d, ir_deposit(d->ir, I64, v, x, lane * bits, bits)));
        } else {
            arm_st(d, I64, base, k << a->size, ir_extract(d->ir, I64, v, lane * bits, bits),
                   a->size);
        }
    }
    writeback(d, a->rn, a->rm, n << a->size);
}

/* One element to all lanes; with one register T says that there are two. */
void trans_VLD_all(struct arm_dis *d, const struct arm_arg_VLD_all *a)
{
    unsigned size = a->size == 3 ? 2 : a->size, n = a->n + 1, spacing = a->n && a->t ? 2 : 1;
    bool odd = a->size == 3 && !(a->n == 3 && a->a);
    ir_val base = arm_reg(d, a->rn);

    if (odd || (a->n == 0 && a->size == 0 && a->a) || (a->n == 2 && a->a) ||
        a->vd + a->n * spacing + (a->n == 0 && a->t) > 31 || a->rn == R_PC) {
        arm_undefined(d);
        return;
    }
    if (a->a) {
        arm_check_aligned(d, a->rn, 0, a->size == 3 ? 16 : n == 4 && size == 2 ? 8 : n << size,
                          false);
    }
    for (unsigned k = 0; k < n; k++) {
        ir_val x = arm_ld(d, I32, base, k << size, size);

        x = ir_imm(d->ir, IR_vdup, V64, x, 0, 8 << size);
        arm_set_d(d, a->vd + k * spacing, x);
        if (a->n == 0 && a->t) {
            arm_set_d(d, a->vd + 1, x);
        }
    }
    writeback(d, a->rn, a->rm, n << size);
}
