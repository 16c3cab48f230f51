/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MMX instructions, and those between MMX and XMM registers. A value is computed as the low half of
 * a V128 by the XMM form of the instruction; the register is the significand of an x87 register.
 */
#include "target-i386/trans-simd.h"

static void mmx_wait(struct x86_dis *d)
{
    x86_fp_place(d, FP_IN_ENV);
    if (d->mode & MODE_FP_TRAPS && !d->fp_checked) {
        x86_call0(d, H_fp_wait);
    }
}

/* False: has raised. Instructions that touch XMM registers too need what SSE needs instead. */
static bool mmx_enter(struct x86_dis *d)
{
    if (d->mode & MODE_EM) {
        x86_gen_ud(d);
        return false;
    }
    if (d->mode & MODE_TS) {
        x86_gen_raise(d, EXC_NM);
        return false;
    }
    mmx_wait(d);
    return true;
}

static bool mmx_enter_with_simd(struct x86_dis *d)
{
    if (!simd_enter(d)) {
        return false;
    }
    mmx_wait(d);
    return true;
}

_Static_assert(ENV(fptags) == ENV(fptop) + 1, "one store for both");

static void set_state(struct x86_dis *d, uint8_t tags)
{
    ir_envst(d->ir, I32, ENV(fptop), x86_imm32(d, tags << 8), MO_16);
}

/* Makes all registers valid and TOP 0, when memory has been accessed; once in straight MMX code. */
static void mmx_state(struct x86_dis *d)
{
    if (!d->fp_checked) {
        set_state(d, 0);
        d->fp_checked = true;
    }
}

/* Before a store that may fault: as silicon does, TOP is 0 already then. */
static void mmx_top(struct x86_dis *d)
{
    if (!d->fp_checked) {
        ir_envst(d->ir, I32, ENV(fptop), x86_imm32(d, 0), MO_8);
    }
}

static size_t mmx_offset(unsigned reg)
{
    return ENV(fpregs) + (reg & 7) * sizeof(struct x86_fpreg);
}

static ir_val mmx_get(struct x86_dis *d, unsigned reg)
{
    ir_val v = ir_envld(d->ir, V64, mmx_offset(reg) + offsetof(struct x86_fpreg, mant), MO_64);

    return ir_1(d->ir, IR_bitcast, V128, v);
}

static void mmx_mark(struct x86_dis *d, unsigned reg)
{
    ir_envst(d->ir, I32, mmx_offset(reg) + offsetof(struct x86_fpreg, exp), x86_imm32(d, 0xffff),
             MO_16);
}

static void mmx_set(struct x86_dis *d, unsigned reg, ir_val v)
{
    ir_envst(d->ir, V64, mmx_offset(reg) + offsetof(struct x86_fpreg, mant),
             ir_1(d->ir, IR_bitcast, V64, v), MO_64);
    mmx_mark(d, reg);
}

/* Operand n; memory is read before the state changes. */
static ir_val mmx_source(struct x86_dis *d, unsigned n)
{
    const struct x86_operand *o = &d->in.operand[n];
    ir_val v = o->kind == OPND_MEM ? simd_load(d, o->size, 0) : 0;

    mmx_state(d);
    return v ? v : o->kind == OPND_MMX ? mmx_get(d, o->reg) : simd_get(d, o->reg);
}

static ir_val pair(struct x86_dis *d, ir_val low, ir_val high)
{
    return simd_vx(d, simd_0f_66(0x6c), low, high);
}

static ir_val shift_bytes_right(struct x86_dis *d, ir_val v, unsigned count)
{
    struct ir_sse psrldq = simd_0f_66(0x73);

    psrldq.is_group = psrldq.has_imm8 = 1;
    psrldq.reg_ext = 3;
    psrldq.imm8 = count;
    return simd_vx(d, psrldq, v, 0);
}

/* The XMM form of the current instruction. */
static struct ir_sse xmm_form(struct x86_dis *d)
{
    struct ir_sse sse = simd_encoding(d);

    sse.prefix = 0x66;
    return sse;
}

/* --- computations whose low half does not depend on upper halves --- */

void trans_mmx1(struct x86_dis *d)
{
    if (mmx_enter(d)) {
        mmx_set(d, d->in.operand[0].reg, simd_vx(d, xmm_form(d), mmx_source(d, 1), 0));
    }
}

void trans_mmx2(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src;

    if (mmx_enter(d)) {
        src = mmx_source(d, 1);
        mmx_set(d, dst, simd_vx(d, xmm_form(d), mmx_get(d, dst), src));
    }
}

static void logical(struct x86_dis *d, enum ir_opcode op)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src;

    if (!mmx_enter(d)) {
        return;
    }
    src = mmx_source(d, 1);
    if (op == IR_vandc) {
        mmx_set(d, dst, ir_2(d->ir, op, V128, src, mmx_get(d, dst)));
    } else if (op == IR_vxor && d->in.operand[1].kind == OPND_MMX &&
               d->in.operand[1].reg == dst) {
        mmx_set(d, dst, ir_imm(d->ir, IR_vzero, V128, 0, 0, 0));
    } else {
        mmx_set(d, dst, ir_2(d->ir, op, V128, mmx_get(d, dst), src));
    }
}

void trans_mmx_and(struct x86_dis *d)
{
    logical(d, IR_vand);
}

void trans_mmx_andn(struct x86_dis *d)
{
    logical(d, IR_vandc);
}

void trans_mmx_or(struct x86_dis *d)
{
    logical(d, IR_vor);
}

void trans_mmx_xor(struct x86_dis *d)
{
    logical(d, IR_vxor);
}

void trans_mmx_shift(struct x86_dis *d)
{
    unsigned reg = d->in.operand[0].reg;
    struct ir_sse sse = simd_0f_66(d->in.opcode);

    if (!mmx_enter(d)) {
        return;
    }
    mmx_state(d);
    sse.is_group = sse.has_imm8 = 1;
    sse.reg_ext = d->in.op->arg;
    sse.imm8 = d->in.imm;
    mmx_set(d, reg, simd_vx(d, sse, mmx_get(d, reg), 0));
}

/* --- those that must see 8 bytes as a whole register --- */

/* Packs and horizontal sums: of both operands side by side, the low half of the result. */
void trans_mmx_pair(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src, both;

    if (mmx_enter(d)) {
        src = mmx_source(d, 1);
        both = pair(d, mmx_get(d, dst), src);
        mmx_set(d, dst, simd_vx(d, xmm_form(d), both, both));
    }
}

/* punpckh*: the upper half of what punpckl* gives of 16 bytes. */
void trans_mmx_unpack_high(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src, all;

    if (mmx_enter(d)) {
        src = mmx_source(d, 1);
        all = simd_vx(d, simd_0f_66(d->in.opcode - 8), mmx_get(d, dst), src);
        mmx_set(d, dst, shift_bytes_right(d, all, 8));
    }
}

void trans_pshufw(struct x86_dis *d)
{
    struct ir_sse pshuflw = simd_encoding(d);

    if (mmx_enter(d)) {
        pshuflw.prefix = 0xf2;
        mmx_set(d, d->in.operand[0].reg, simd_vx(d, pshuflw, mmx_source(d, 1), 0));
    }
}

/* Bit 3 of an index means nothing here. */
void trans_mmx_pshufb(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src, mask;

    if (mmx_enter(d)) {
        src = mmx_source(d, 1);
        mask = ir_1(d->ir, IR_bitcast, V128, ir_const(d->ir, I64, 0x8787878787878787));
        src = ir_2(d->ir, IR_vand, V128, src, mask);
        mmx_set(d, dst, simd_vx(d, xmm_form(d), mmx_get(d, dst), src));
    }
}

void trans_mmx_palignr(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src;

    if (mmx_enter(d)) {
        src = mmx_source(d, 1);
        mmx_set(d, dst, shift_bytes_right(d, pair(d, src, mmx_get(d, dst)), d->in.imm & 0xff));
    }
}

/* --- moves --- */

void trans_mmx_load(struct x86_dis *d)
{
    if (mmx_enter(d)) {
        mmx_set(d, d->in.operand[0].reg, mmx_source(d, 1));
    }
}

/* movq, movntq */
void trans_mmx_store(struct x86_dis *d)
{
    ir_val v;

    if (!mmx_enter(d)) {
        return;
    }
    v = mmx_get(d, d->in.operand[1].reg);
    mmx_top(d);
    if (x86_is_mem(d, 0)) {
        x86_st(d, V64, x86_address(d, 8, true), ir_1(d->ir, IR_bitcast, V64, v), MO_64);
    } else {
        mmx_set(d, d->in.operand[0].reg, v);
    }
    mmx_state(d);
}

void trans_mmx_from_gpr(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val v;

    if (mmx_enter(d)) {
        v = x86_read(d, 1);
        mmx_state(d);
        ir_envst(d->ir, I64, mmx_offset(dst), v, MO_64);
        mmx_mark(d, dst);
    }
}

void trans_mmx_to_gpr(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;

    if (mmx_enter(d)) {
        mmx_top(d);
        x86_write(d, 0, ir_envld(d->ir, x86_type(size), mmx_offset(d->in.operand[1].reg),
                                 x86_memop(size)));
        mmx_state(d);
    }
}

void trans_mmx_insert(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val v;

    if (mmx_enter(d)) {
        v = x86_read(d, 1);
        mmx_state(d);
        ir_envst(d->ir, I32, mmx_offset(dst) + 2 * (d->in.imm & 3), v, MO_16);
        mmx_mark(d, dst);
    }
}

void trans_mmx_extract(struct x86_dis *d)
{
    if (mmx_enter(d)) {
        mmx_state(d);
        x86_write(d, 0, ir_envld(d->ir, I32, mmx_offset(d->in.operand[1].reg) +
                                 2 * (d->in.imm & 3), MO_16));
    }
}

void trans_mmx_mask(struct x86_dis *d)
{
    ir_val v;

    if (mmx_enter(d)) {
        v = simd_op(d, IR_vx_gv, I32, xmm_form(d), mmx_source(d, 1), 0);
        x86_write(d, 0, ir_2i(d->ir, IR_and, I32, v, 0xff));
    }
}

void trans_maskmovq(struct x86_dis *d)
{
    if (mmx_enter(d)) {
        mmx_state(d);
        simd_maskmov(d, mmx_offset(d->in.operand[0].reg), mmx_offset(d->in.operand[1].reg), 8);
    }
}

void trans_emms(struct x86_dis *d)
{
    if (mmx_enter(d)) {
        set_state(d, 0xff);
        d->fp_checked = false;
    }
}

/* --- between MMX and XMM --- */

void trans_movq2dq(struct x86_dis *d)
{
    if (mmx_enter_with_simd(d)) {
        simd_set(d, d->in.operand[0].reg, mmx_source(d, 1));
    }
}

void trans_movdq2q(struct x86_dis *d)
{
    if (mmx_enter_with_simd(d)) {
        mmx_set(d, d->in.operand[0].reg, mmx_source(d, 1));
    }
}

/* Two integers; those in memory are no business of MMX. */
static ir_val integers(struct x86_dis *d)
{
    if (x86_is_mem(d, 1)) {
        return simd_load(d, 8, 0);
    }
    mmx_wait(d);
    return mmx_source(d, 1);
}

/* Two integers as floats into the low half, as cvtdq2ps does for four. */
void trans_cvtpi2ps(struct x86_dis *d)
{
    static const struct ir_sse cvtdq2ps = { .map = 1, .opcode = 0x5b };
    static const struct ir_sse movsd = { .prefix = 0xf2, .map = 1, .opcode = 0x10 };
    unsigned dst = d->in.operand[0].reg;
    ir_val v;

    if (!simd_enter(d)) {
        return;
    }
    v = integers(d);
    simd_trap_begin(d);
    v = simd_vx(d, cvtdq2ps, v, 0);
    simd_trap_end(d);
    simd_set(d, dst, simd_vx(d, movsd, simd_get(d, dst), v));
}

void trans_cvtpi2pd(struct x86_dis *d)
{
    static const struct ir_sse cvtdq2pd = { .prefix = 0xf3, .map = 1, .opcode = 0xe6 };
    ir_val v;

    if (simd_enter(d)) {
        v = integers(d);
        simd_set(d, d->in.operand[0].reg, simd_vx(d, cvtdq2pd, v, 0));
    }
}

/* By the XMM form with a clean upper half; 2c truncates, 2d rounds. */
static void to_mmx(struct x86_dis *d, uint8_t prefix, uint8_t opcode, bool low)
{
    struct ir_sse sse = { .prefix = prefix, .map = 1, .opcode = opcode };
    ir_val v;

    if (!mmx_enter_with_simd(d)) {
        return;
    }
    v = simd_source(d, 1, MO_ALIGN);
    mmx_state(d);
    if (low) {
        v = ir_1(d->ir, IR_bitcast, V128, ir_1(d->ir, IR_bitcast, V64, v));
    }
    simd_trap_begin(d);
    v = simd_vx(d, sse, v, 0);
    simd_trap_end(d);
    mmx_set(d, d->in.operand[0].reg, v);
}

void trans_cvtps2pi(struct x86_dis *d)
{
    to_mmx(d, d->in.opcode == 0x2c ? 0xf3 : 0x66, 0x5b, true);
}

void trans_cvtpd2pi(struct x86_dis *d)
{
    to_mmx(d, d->in.opcode == 0x2c ? 0x66 : 0xf2, 0xe6, false);
}
