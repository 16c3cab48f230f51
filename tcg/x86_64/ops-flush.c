/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Floats of 32 bits that flush to zero, by the host's packed instructions, which do not. Operands
 * with exponents from -63 to 64 give results that are normal numbers, zero or infinity, whose flags
 * are the same everywhere. So are those of zeros. Anything else goes to target->vf_fix before the
 * host has raised a flag.
 *
 * In line: the bits twice (the sign falls out) less VC_RANGE are negative for operands out of range
 * and for zeros, which the code out of line then lets pass. VC_WORD is the range of exponents of
 * conversions to integers: nothing that is too large for one.
 *
 * V64: both operands are put into one register, so that one check does for both, and what stands
 * beside a D register can raise nothing.
 */
#include "tcg/x86_64/compile.h"

enum {
    OP_PADDD = 0xfe | X_0F | X_66, OP_PCMPEQD = 0x76 | X_0F | X_66, OP_MOVMSKPS = 0x50 | X_0F,
    OP_POR = 0xeb | X_0F | X_66, OP_JOIN = 0x6c | X_0F | X_66, OP_ADDPS = 0x58 | X_0F,
    OP_MULPS = 0x59 | X_0F, OP_SUBPS = 0x5c | X_0F, OP_MAXPS = 0x5f | X_0F, OP_MINPS = 0x5d | X_0F,
    OP_ANDPS = 0x54 | X_0F, OP_ORPS = 0x56 | X_0F, OP_CMPPS = 0xc2 | X_0F,
    OP_SHIFT_BYTES = 0x73 | X_0F | X_66, OP_TO_INT = 0x5b | X_0F | X_F3, OP_NOT = 0xf7,
};

static struct mem constant(unsigned n)
{
    return mem_rip(the_host.vector_constants + 16 * n);
}

static unsigned kind_of(int64_t imm)
{
    return imm & 0xff;
}

static unsigned clean_of(int64_t imm)
{
    return imm >> 8 & 0xff;
}

static bool to_integer(unsigned kind)
{
    return kind == VF_TO_S || kind == VF_TO_U;
}

/* g: the elements of v that are out of range or zero; t is scratch. */
static void out_of_range(struct emitter *e, unsigned kind, int v, int t, int g)
{
    x_mov(e, true, t, v);
    x_rr(e, OP_PADDD, t, t);
    x_rm(e, OP_PADDD, t, constant(to_integer(kind) ? VC_WORD : VC_RANGE));
    if (kind == VF_TO_U) {
        x_rr(e, OP_POR, t, v);                  /* nor negative ones */
    }
    x_rr(e, OP_MOVMSKPS, g, t);
}

/* g: 0 when all elements of v are in range or zero; g2 and t are scratch. */
static void bad_elements(struct emitter *e, unsigned kind, int v, int t, int g, int g2)
{
    out_of_range(e, kind, v, t, g);
    x_mov(e, true, t, v);
    if (kind != VF_TO_U) {
        x_rr(e, OP_PADDD, t, t);
    }
    x_rm(e, OP_PCMPEQD, t, constant(VC_ZERO));
    x_rr(e, OP_MOVMSKPS, g2, t);
    x_rr(e, OP_NOT, 2, g2);
    x_alu_rr(e, ALU_OP_AND, false, g, g2);
}

/* Which elements of a and b together, in a V64's register, must be looked at */
static unsigned checked_half(int64_t imm)
{
    return to_integer(kind_of(imm)) ? 3 : (clean_of(imm) & VF_CLEAN_A ? 0 : 3) |
                                          (clean_of(imm) & VF_CLEAN_B ? 0 : 12);
}

/*
 * Of zeros of both signs the host takes the second, whatever that is. d: a, at first; the frame's
 * place for a result is free.
 */
static void extreme(struct emitter *e, bool max, int d, int a, int b)
{
    x_rr(e, max ? OP_MAXPS : OP_MINPS, d, b);
    x_rm(e, OP_STOREAPS, d, frame_mem(FRAME_RESULT));
    x_mov(e, true, d, b);
    x_rr(e, max ? OP_MAXPS : OP_MINPS, d, a);
    x_rm(e, max ? OP_ANDPS : OP_ORPS, d, frame_mem(FRAME_RESULT));
}

/* d is a copy of a, but for V64 that register itself. */
static void compute(struct emitter *e, unsigned kind, int d, int b)
{
    static const uint8_t predicate[] = { [VF_EQ] = 0, [VF_LT] = 1, [VF_LE] = 2 };

    switch (kind) {
    case VF_ADD: x_rr(e, OP_ADDPS, d, b); break;
    case VF_SUB: x_rr(e, OP_SUBPS, d, b); break;
    case VF_MUL: x_rr(e, OP_MULPS, d, b); break;
    case VF_EQ: case VF_LT: case VF_LE:
        x_rr(e, OP_CMPPS, d, b);
        x_8(e, predicate[kind]);
        break;
    case VF_STEP: case VF_STEP_ROOT:
        x_rr(e, OP_MULPS, d, b);
        x_rm(e, OP_XORPS, d, constant(VC_SIGN));
        x_rm(e, OP_ADDPS, d, constant(kind == VF_STEP ? VC_TWO : VC_THREE));
        if (kind == VF_STEP_ROOT) {
            x_rm(e, OP_MULPS, d, constant(VC_HALF));
        }
        break;
    default:                                    /* VF_TO_S, VF_TO_U */
        x_rr(e, OP_TO_INT, d, d);
    }
}

static struct stub *flush_stub(struct compiler *c, const struct ir_op *o)
{
    struct stub *s = new_stub(c);

    s->kind = STUB_FLUSH;
    s->type = o->type;
    s->imm = o->imm;
    s->base.reg = alloc_temp(c, false);
    s->second.reg = alloc_temp(c, false);
    return s;
}

static void flush_narrow(struct compiler *c, const struct ir_op *o)
{
    struct emitter *e = &c->e;
    unsigned kind = kind_of(o->imm), half = checked_half(o->imm);
    int pin = dest_pin(c), a = use_reg(c, o->a), b = use_reg(c, o->b);
    int d = dest_reg(c, pin, o->a, a == b ? 0 : 1u << b), t;
    struct stub *s = flush_stub(c, o);

    if (d != a) {
        x_mov(e, true, d, a);
    }
    x_rr(e, OP_JOIN, d, b);
    c->locked &= ~(1u << a | 1u << b);
    c->locked |= 1u << d;
    t = alloc_temp(c, true);
    out_of_range(e, kind, d, t, s->base.reg);
    if (half == 15) {
        x_rr(e, OP_TEST, s->base.reg, s->base.reg);
    } else {
        x_alu_imm(e, ALU_OP_AND, false, s->base.reg, half);
    }
    s->from = x_jcc(e, CC_NE);
    s->back = x_here(e);
    s->reg = d;
    s->scratch = t;
    x_mov(e, true, t, d);
    x_rr(e, OP_SHIFT_BYTES, 3, t);              /* psrldq */
    x_8(e, 8);
    x_rr(e, OP_LOADQ, d, d);
    if (kind == VF_MAX || kind == VF_MIN) {
        x_rm(e, OP_STOREAPS, d, frame_mem(FRAME_BUFFER));
        x_rr(e, kind == VF_MAX ? OP_MAXPS : OP_MINPS, d, t);
        x_rm(e, kind == VF_MAX ? OP_MAXPS : OP_MINPS, t, frame_mem(FRAME_BUFFER));
        x_rr(e, kind == VF_MAX ? OP_ANDPS : OP_ORPS, d, t);
    } else {
        compute(e, kind, d, t);
    }
    s->aligned = x_here(e);
    set_result(c, pin, d);
}

static void flush_whole(struct compiler *c, const struct ir_op *o)
{
    struct emitter *e = &c->e;
    unsigned kind = kind_of(o->imm), clean = clean_of(o->imm);
    int pin = dest_pin(c), a = use_reg(c, o->a), b = use_reg(c, o->b), d, t;
    struct stub *s;

    /* The code out of line wants the operands, so that d is free for the check alone. */
    d = dest_reg(c, pin, o->a, 1u << b);
    s = flush_stub(c, o);
    t = d == a ? alloc_temp(c, true) : d;
    s->address = a;
    s->result = b;
    if (!(clean & VF_CLEAN_A)) {
        out_of_range(e, kind, a, t, s->base.reg);
    }
    if (!(clean & VF_CLEAN_B) && a != b) {
        out_of_range(e, kind, b, t, s->second.reg);
    }
    if (clean || a == b) {
        int g = clean & VF_CLEAN_A ? s->second.reg : s->base.reg;

        x_rr(e, OP_TEST, g, g);
    } else {
        x_alu_rr(e, ALU_OP_OR, false, s->base.reg, s->second.reg);
    }
    s->from = x_jcc(e, CC_NE);
    s->back = x_here(e);
    s->reg = d;
    s->scratch = t;
    if (kind == VF_MAX || kind == VF_MIN) {
        int copy = a;

        if (d == a) {
            x_mov(e, true, t, a);
            copy = t;
        } else {
            x_mov(e, true, d, a);
        }
        extreme(e, kind == VF_MAX, d, copy, b);
    } else {
        if (d != a) {
            x_mov(e, true, d, a);
        }
        compute(e, kind, d, a == b ? d : b);
    }
    s->aligned = x_here(e);
    set_result(c, pin, d);
}

void op_vflush(struct compiler *c, const struct ir_op *o)
{
    if (o->type == V64) {
        flush_narrow(c, o);
    } else {
        flush_whole(c, o);
    }
}

void emit_flush_stub(struct compiler *c, const struct stub *s)
{
    struct emitter *e = &c->e;
    unsigned kind = kind_of(s->imm), clean = clean_of(s->imm);
    int g = s->base.reg, g2 = s->second.reg, t = s->scratch, a = s->address, b = s->result;
    uint32_t bad = 0;

    x_patch(e, s->from, x_here(e));
    if (s->type == V64) {
        bad_elements(e, kind, s->reg, t, g, g2);
        x_alu_imm(e, ALU_OP_AND, false, g, checked_half(s->imm));
        x_jcc_to(e, CC_E, s->back);
        x_rm(e, OP_STOREAPS, s->reg, frame_mem(FRAME_RESULT));
    } else {
        if (!(clean & VF_CLEAN_A)) {
            bad_elements(e, kind, a, t, g, g2);
        }
        if (!clean && a != b) {
            bad = x_jcc(e, CC_NE);
        }
        if (!(clean & VF_CLEAN_B) && a != b) {
            bad_elements(e, kind, b, t, g, g2);
        }
        x_jcc_to(e, CC_E, s->back);
        if (bad) {
            x_patch(e, bad, x_here(e));
        }
        x_rm(e, OP_STOREAPS, a, frame_mem(FRAME_RESULT));
        x_rm(e, OP_STOREAPS, b, frame_mem(FRAME_BUFFER));
    }
    x_store_imm(e, 8, frame_mem(FRAME_ARGS), (int32_t)(s->imm >> 16));
    call_builtin(c, BUILTIN_VF_FIX);
    x_rm(e, OP_MOVAPS, s->reg, frame_mem(FRAME_RESULT));
    x_jmp_to(e, s->aligned);
}
