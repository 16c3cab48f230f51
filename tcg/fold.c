/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Constant folding and algebraic identities, applied to each op as it is built. */
#include "tcg/fold.h"

#include "tcg/build.h"

static uint64_t width_mask(enum ir_type type)
{
    return type == I32 ? 0xffffffffull : ~0ull;
}

static int64_t sign_extend(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* How many low bits of an integer value may be non-zero. */
static unsigned value_bits(const struct ir *ir, ir_val v)
{
    const struct ir_op *o = &ir->ops[v];

    switch (o->op) {
    case IR_const:
        return o->imm ? 64 - __builtin_clzll(o->imm) : 0;
    case IR_ld:
        if (!(o->mem.memop & MO_SIGN) && (o->mem.memop & MO_SIZE) < MO_64) {
            return 8 << (o->mem.memop & MO_SIZE);
        }
        break;
    case IR_extract:
        return o->imm >> 8;
    case IR_setc:
        return 1;
    }
    return ir_type_of(ir, v) == I32 ? 32 : 64;
}

static bool compare(enum ir_type type, enum ir_cond cc, uint64_t a, uint64_t b)
{
    unsigned bits = type == I32 ? 32 : 64;
    int64_t sa = sign_extend(a, bits), sb = sign_extend(b, bits);
    bool r;

    a &= width_mask(type);
    b &= width_mask(type);
    switch (cc & ~1) {
    case IR_EQ: r = a == b; break;
    case IR_LT: r = sa < sb; break;
    case IR_LE: r = sa <= sb; break;
    case IR_LTU: r = a < b; break;
    case IR_LEU: r = a <= b; break;
    default: r = (a & b) == 0; break;
    }
    return r ^ (cc & 1);
}

static enum ir_cond swap_operands(enum ir_cond cc)
{
    static const uint8_t swapped[IR_COND_COUNT] = {
        [IR_EQ] = IR_EQ, [IR_NE] = IR_NE, [IR_LT] = IR_GT, [IR_GE] = IR_LE, [IR_LE] = IR_GE,
        [IR_GT] = IR_LT, [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU, [IR_LEU] = IR_GEU,
        [IR_GTU] = IR_LTU, [IR_TSTEQ] = IR_TSTEQ, [IR_TSTNE] = IR_TSTNE,
    };

    return swapped[cc];
}

int ir_fold_compare(struct ir *ir, enum ir_type type, enum ir_cond *cc, ir_val *a, ir_val *b)
{
    int64_t ca, cb;

    if (ir_is_const(ir, *a, &ca)) {
        ir_val t = *a;

        if (ir_is_const(ir, *b, &cb)) {
            return compare(type, *cc, ca, cb);
        }
        *a = *b;
        *b = t;
        *cc = swap_operands(*cc);
    }
    if (*a == *b && *cc < IR_TSTEQ) {
        return compare(type, *cc, 0, 0);
    }
    if (ir_is_const(ir, *b, &cb) && cb == 0) {
        const struct ir_op *o = &ir->ops[*a];

        if (*cc == IR_TSTEQ || *cc == IR_TSTNE) {
            return *cc == IR_TSTEQ;
        }
        if (*cc == IR_LTU || *cc == IR_GEU) {
            return *cc == IR_GEU;
        }
        /* A comparison of a comparison's result with zero is that comparison. */
        if (o->op == IR_setc && (enum ir_type)o->type == type &&
            (*cc == IR_NE || *cc == IR_EQ)) {
            *cc = (uint8_t)o->imm ^ (*cc == IR_EQ);
            *b = o->b;
            *a = o->a;
        }
    }
    return -1;
}

static uint64_t rotate_left(enum ir_type type, uint64_t a, unsigned n)
{
    if (type == I32) {
        uint32_t x = a;

        return x << (n & 31) | x >> (-n & 31);
    }
    return a << (n & 63) | a >> (-n & 63);
}

static uint64_t high_product(enum ir_type type, bool is_signed, uint64_t a, uint64_t b)
{
    if (type == I32) {
        return is_signed ? (uint64_t)((int64_t)(int32_t)a * (int32_t)b) >> 32
                         : (uint64_t)(uint32_t)a * (uint32_t)b >> 32;
    }
    return is_signed ? (unsigned __int128)((__int128)(int64_t)a * (int64_t)b) >> 64
                     : (unsigned __int128)a * b >> 64;
}

static uint64_t evaluate(const struct ir_op *o, uint64_t a, uint64_t b)
{
    enum ir_type type = o->type;
    unsigned bits = type == I32 ? 32 : 64, offset = o->imm & 0xff, len = o->imm >> 8;
    uint64_t field = len && len < 64 ? (1ull << len) - 1 : ~0ull;

    a &= width_mask(type);
    b &= width_mask(type);
    switch (o->op) {
    case IR_mov: return a;
    case IR_add: return a + b;
    case IR_sub: return a - b;
    case IR_mul: return a * b;
    case IR_mulhs: return high_product(type, true, a, b);
    case IR_mulhu: return high_product(type, false, a, b);
    case IR_and: return a & b;
    case IR_or: return a | b;
    case IR_xor: return a ^ b;
    case IR_andc: return a & ~b;
    case IR_not: return ~a;
    case IR_neg: return -a;
    case IR_shl: return a << (b & (bits - 1));
    case IR_shr: return a >> (b & (bits - 1));
    case IR_sar: return sign_extend(a, bits) >> (b & (bits - 1));
    case IR_rotl: return rotate_left(type, a, b);
    case IR_rotr: return rotate_left(type, a, -(unsigned)b);
    case IR_clz: return a ? __builtin_clzll(a) - (64 - bits) : bits;
    case IR_ctz: return a ? (unsigned)__builtin_ctzll(a) : bits;
    case IR_popcnt: return __builtin_popcountll(a);
    case IR_bswap: return type == I32 ? __builtin_bswap32(a) : __builtin_bswap64(a);
    case IR_exts: return sign_extend(a, o->imm);
    case IR_extract: return a >> offset & field;
    case IR_deposit: return (a & ~(field << offset)) | (b & field) << offset;
    default: return compare(type, o->imm, a, b);            /* setc */
    }
}

/* x as a value of the op's type. */
static ir_val as_type(struct ir *ir, const struct ir_op *o, ir_val x)
{
    return o->type == I32 && ir_type_of(ir, x) == I64 ? ir_1(ir, IR_mov, I32, x) : x;
}

static ir_val fold_right_const(struct ir *ir, struct ir_op *o, uint64_t c)
{
    enum ir_type type = o->type;
    const struct ir_op *a = &ir->ops[o->a];
    int64_t inner;

    c &= width_mask(type);
    switch (o->op) {
    case IR_sub:
        return ir_2i(ir, IR_add, type, o->a, -c);
    case IR_add:
        /* Not through a value that a register holds: its operand would have to live on beside. */
        if (a->op == IR_add && (enum ir_type)a->type == type && !ir->held[o->a] &&
            ir_is_const(ir, a->b, &inner)) {
            return ir_2i(ir, IR_add, type, a->a, inner + c);
        }
        /* fall through */
    case IR_or:
    case IR_xor:
    case IR_shl:
    case IR_shr:
    case IR_sar:
    case IR_rotl:
    case IR_rotr:
        return c == 0 ? as_type(ir, o, o->a) : 0;
    case IR_mul:
        if (c == 0) {
            return ir_const(ir, type, 0);
        }
        if ((c & (c - 1)) == 0) {
            return ir_2i(ir, IR_shl, type, o->a, __builtin_ctzll(c));
        }
        return 0;
    case IR_andc:
        return ir_2i(ir, IR_and, type, o->a, ~c);
    case IR_and:
        if (c == 0) {
            return ir_const(ir, type, 0);
        }
        if (c == width_mask(type)) {
            return as_type(ir, o, o->a);
        }
        if (c == 0xff || c == 0xffff || c == 0xffffffff) {
            return ir_extu(ir, type, o->a, __builtin_ctzll(~c));
        }
        return 0;
    }
    return 0;
}

static ir_val fold_same(struct ir *ir, const struct ir_op *o)
{
    switch (o->op) {
    case IR_sub:
    case IR_xor:
    case IR_andc:
        return ir_const(ir, o->type, 0);
    case IR_and:
    case IR_or:
        return as_type(ir, o, o->a);
    }
    return 0;
}

static ir_val fold_extract(struct ir *ir, struct ir_op *o)
{
    unsigned offset = o->imm & 0xff, len = o->imm >> 8;
    const struct ir_op *a = &ir->ops[o->a];

    if (offset == 0 && len >= value_bits(ir, o->a)) {
        return as_type(ir, o, o->a);
    }
    if (offset == 0 && len == 32) {
        return ir_1(ir, IR_mov, I32, o->a);
    }
    if (a->op == IR_deposit && a->imm == o->imm) {
        return ir_extu(ir, o->type, a->b, len);
    }
    if (a->op == IR_extract && a->imm >> 8 >= offset + len) {
        return ir_extract(ir, a->type, a->a, (a->imm & 0xff) + offset, len);
    }
    return 0;
}

static ir_val fold_exts(struct ir *ir, struct ir_op *o)
{
    const struct ir_op *a = &ir->ops[o->a];
    unsigned bits = o->imm;

    if (o->type == I32 && bits >= 32) {
        return as_type(ir, o, o->a);
    }
    if ((a->op == IR_extract && (a->imm & 0xff) == 0 && a->imm >> 8 >= bits)) {
        return ir_exts(ir, o->type, a->a, bits);
    }
    if (a->op == IR_deposit && (a->imm & 0xff) == 0 && a->imm >> 8 == bits) {
        return ir_exts(ir, o->type, a->b, bits);
    }
    return 0;
}

static ir_val fold_deposit(struct ir *ir, struct ir_op *o)
{
    const struct ir_op *a = &ir->ops[o->a], *b = &ir->ops[o->b];
    unsigned offset = o->imm & 0xff, len = o->imm >> 8;

    if (offset == 0 && len >= (o->type == I32 ? 32 : 64)) {
        return as_type(ir, o, o->b);
    }
    if (offset == 0 && len <= 32 && a->op == IR_const && a->imm == 0) {
        return ir_extu(ir, I32, o->b, len);
    }
    if (a->op == IR_deposit && a->imm == o->imm && (o->type == I32 || a->type == I64)) {
        o->a = a->a;
    }
    if (b->op == IR_extract && (b->imm & 0xff) == 0 && b->imm >> 8 >= len) {
        o->b = b->a;
    }
    return 0;
}

ir_val ir_fold(struct ir *ir, struct ir_op *o)
{
    const struct ir_op_info *info = &ir_op_info[o->op];
    int64_t ca = 0, cb = 0;
    bool a_const, b_const;
    ir_val v;

    if (!(info->flags & IR_FOLD)) {
        return 0;
    }
    if (o->op == IR_setc) {
        enum ir_cond cc = o->imm;
        int known = ir_fold_compare(ir, o->type, &cc, &o->a, &o->b);

        o->imm = cc;
        return known >= 0 ? ir_const(ir, I32, known) : 0;
    }
    a_const = ir_is_const(ir, o->a, &ca);
    b_const = info->nargs < 2 || ir_is_const(ir, o->b, &cb);
    if (a_const && b_const) {
        return ir_const(ir, o->type, evaluate(o, ca, cb));
    }
    if (a_const && info->flags & IR_COMMUTES) {
        v = o->a;
        o->a = o->b;
        o->b = v;
        cb = ca;
        b_const = true;
    }
    switch (o->op) {
    case IR_mov:
        return o->type == I64 || value_bits(ir, o->a) <= 32 ? o->a : 0;
    case IR_extract:
        return fold_extract(ir, o);
    case IR_exts:
        return fold_exts(ir, o);
    case IR_deposit:
        return fold_deposit(ir, o);
    }
    if (info->nargs == 2 && o->a == o->b) {
        return fold_same(ir, o);
    }
    return info->nargs == 2 && b_const ? fold_right_const(ir, o, cb) : 0;
}
