/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSE to SSE4.2, AES, PCLMUL and SHA on XMM registers. Nearly everything is the same instruction on
 * the host (vx ops); generic vector ops stand where the optimiser gains by knowing.
 */
#include "target-i386/trans-simd.h"

#include "base/bits.h"
#include "target-i386/simd.h"

bool simd_enter(struct x86_dis *d)
{
    if ((d->mode & (MODE_EM | MODE_OSFXSR)) != MODE_OSFXSR) {
        x86_gen_ud(d);
        return false;
    }
    if (d->mode & MODE_TS) {
        x86_gen_raise(d, EXC_NM);
        return false;
    }
    return true;
}

ir_val simd_load(struct x86_dis *d, unsigned size, unsigned align)
{
    enum ir_type type = size < 4 ? I32 : V128;
    struct x86_ea ea = x86_address(d, size, false);
    ir_val v = x86_ld(d, type, ea, x86_memop(size) | (size == 16 ? align : 0));

    return type == V128 ? v : ir_1(d->ir, IR_bitcast, V128, v);
}

ir_val simd_source(struct x86_dis *d, unsigned n, unsigned align)
{
    const struct x86_operand *o = &d->in.operand[n];

    return o->kind == OPND_MEM ? simd_load(d, o->size, align) : simd_get(d, o->reg);
}

struct ir_sse simd_encoding(const struct x86_dis *d)
{
    static const uint8_t prefixes[] = { [PREFIX_66] = 0x66, [PREFIX_F3] = 0xf3,
                                        [PREFIX_F2] = 0xf2 };
    static const uint8_t maps[] = { [MAP_0F] = 1, [MAP_0F38] = 2, [MAP_0F3A] = 3 };
    struct ir_sse sse = { .prefix = prefixes[d->in.mandatory], .map = maps[d->in.map],
                          .opcode = d->in.opcode };

    if (d->in.operand[2].kind == OPND_IMM) {
        sse.has_imm8 = 1;
        sse.imm8 = d->in.imm;
    }
    return sse;
}

struct ir_sse simd_0f_66(uint8_t opcode)
{
    return (struct ir_sse){ .prefix = 0x66, .map = 1, .opcode = opcode };
}

ir_val simd_op(struct x86_dis *d, enum ir_opcode op, enum ir_type type, struct ir_sse sse, ir_val a,
               ir_val b)
{
    int64_t imm;

    memcpy(&imm, &sse, sizeof(imm));
    return ir_imm(d->ir, op, type, a, b, imm);
}

ir_val simd_vx(struct x86_dis *d, struct ir_sse sse, ir_val a, ir_val b)
{
    return simd_op(d, IR_vx, V128, sse, a, b);
}

void simd_trap_begin(struct x86_dis *d)
{
    if (d->mode & MODE_SSE_TRAPS) {
        x86_call0(d, H_sse_trap_begin);
    }
}

void simd_trap_end(struct x86_dis *d)
{
    if (d->mode & MODE_SSE_TRAPS) {
        x86_call1(d, H_sse_trap_raise, x86_call0(d, H_sse_trap_end));
    }
}

/* --- computations --- */

static void compute(struct x86_dis *d, bool two, bool floating)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src, v;

    if (!simd_enter(d)) {
        return;
    }
    src = simd_source(d, 1, MO_ALIGN);
    if (floating) {
        simd_trap_begin(d);
    }
    v = two ? simd_vx(d, simd_encoding(d), simd_get(d, dst), src)
            : simd_vx(d, simd_encoding(d), src, 0);
    if (floating) {
        simd_trap_end(d);
    }
    simd_set(d, dst, v);
}

void trans_vi1(struct x86_dis *d)
{
    compute(d, false, false);
}

void trans_vi2(struct x86_dis *d)
{
    compute(d, true, false);
}

void trans_vf1(struct x86_dis *d)
{
    compute(d, false, true);
}

void trans_vf2(struct x86_dis *d)
{
    compute(d, true, true);
}

static void logical(struct x86_dis *d, enum ir_opcode op)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val a, b;

    if (!simd_enter(d)) {
        return;
    }
    b = simd_source(d, 1, MO_ALIGN);
    a = simd_get(d, dst);
    if (a == b && (op == IR_vxor || op == IR_vandc)) {
        simd_set(d, dst, ir_imm(d->ir, IR_vzero, V128, 0, 0, 0));
    } else if (op == IR_vandc) {
        simd_set(d, dst, ir_2(d->ir, IR_vandc, V128, b, a));
    } else if (a != b) {
        simd_set(d, dst, ir_2(d->ir, op, V128, a, b));
    }
}

void trans_v_and(struct x86_dis *d)
{
    logical(d, IR_vand);
}

void trans_v_andn(struct x86_dis *d)
{
    logical(d, IR_vandc);
}

void trans_v_or(struct x86_dis *d)
{
    logical(d, IR_vor);
}

void trans_v_xor(struct x86_dis *d)
{
    logical(d, IR_vxor);
}

/* Group 12 to 14: the register operand is ModRM.rm; arg is ModRM.reg. */
static ir_val shift(struct x86_dis *d, ir_val v, uint8_t opcode, unsigned digit, unsigned count)
{
    struct ir_sse sse = { .prefix = 0x66, .map = 1, .opcode = opcode, .is_group = 1,
                          .reg_ext = digit, .has_imm8 = 1, .imm8 = count };

    return simd_vx(d, sse, v, 0);
}

void trans_v_shift(struct x86_dis *d)
{
    unsigned reg = d->in.operand[0].reg;

    if (simd_enter(d)) {
        simd_set(d, reg, shift(d, simd_get(d, reg), d->in.opcode, d->in.op->arg, d->in.imm & 0xff));
    }
}

/* XMM0's sign bits choose: a mask of whole elements first. */
void trans_blendv(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src, mask;

    if (!simd_enter(d)) {
        return;
    }
    src = simd_source(d, 1, MO_ALIGN);
    mask = simd_get(d, 0);
    if (d->in.opcode == 0x10) {
        mask = ir_imm(d->ir, IR_vcmpgt, V128, ir_imm(d->ir, IR_vzero, V128, 0, 0, 0), mask, 8);
    } else {
        mask = shift(d, mask, 0x72, 4, 31);
    }
    if (d->in.opcode == 0x15) {
        struct ir_sse pshufd = simd_0f_66(0x70);

        pshufd.has_imm8 = 1;
        pshufd.imm8 = 0xf5;
        mask = simd_vx(d, pshufd, mask, 0);
    }
    src = ir_2(d->ir, IR_vand, V128, src, mask);
    simd_set(d, dst, ir_2(d->ir, IR_vor, V128, src,
                          ir_2(d->ir, IR_vandc, V128, simd_get(d, dst), mask)));
}

void trans_insertps(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    struct ir_sse sse = simd_encoding(d);
    ir_val src;

    if (!simd_enter(d)) {
        return;
    }
    src = simd_source(d, 1, 0);
    if (x86_is_mem(d, 1)) {
        sse.imm8 &= 0x3f;                       /* there is one source element only */
    }
    simd_set(d, dst, simd_vx(d, sse, simd_get(d, dst), src));
}

/* --- flags and general registers --- */

static void compare(struct x86_dis *d, bool floating)
{
    ir_val src, flags;

    if (!simd_enter(d)) {
        return;
    }
    src = simd_source(d, 1, MO_ALIGN);
    if (floating) {
        simd_trap_begin(d);
    }
    flags = simd_op(d, IR_vx_fl, I32, simd_encoding(d), simd_get(d, d->in.operand[0].reg), src);
    if (floating) {
        simd_trap_end(d);
    }
    x86_flags_set_packed(d, flags);
}

void trans_vf_flags(struct x86_dis *d)
{
    compare(d, true);
}

void trans_ptest(struct x86_dis *d)
{
    compare(d, false);
}

void trans_vi_gpr(struct x86_dis *d)
{
    if (simd_enter(d)) {
        x86_write(d, 0, simd_op(d, IR_vx_gv, I32, simd_encoding(d), simd_source(d, 1, 0), 0));
    }
}

void trans_vf_gpr(struct x86_dis *d)
{
    ir_val src, v;

    if (!simd_enter(d)) {
        return;
    }
    src = simd_source(d, 1, 0);
    simd_trap_begin(d);
    v = simd_op(d, IR_vx_gv, x86_type(d->in.operand[0].size), simd_encoding(d), src, 0);
    simd_trap_end(d);
    x86_write(d, 0, v);
}

void trans_vf_from_gpr(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    struct ir_sse sse = simd_encoding(d);
    ir_val src, v;

    if (!simd_enter(d)) {
        return;
    }
    sse.wide = d->in.operand[1].size == 8;
    src = x86_read(d, 1);
    simd_trap_begin(d);
    v = simd_op(d, IR_vx_vg, V128, sse, simd_get(d, dst), src);
    simd_trap_end(d);
    simd_set(d, dst, v);
}

static unsigned lane_bits(struct x86_dis *d, unsigned n)
{
    return d->in.op->arg ? (unsigned)d->in.op->arg : d->in.operand[n].size * 8u;
}

static unsigned lane_imm(struct x86_dis *d, unsigned bits)
{
    return bits | (d->in.imm & (128 / bits - 1)) << 8;
}

void trans_v_extract(struct x86_dis *d)
{
    unsigned bits = lane_bits(d, 0);

    if (simd_enter(d)) {
        x86_write(d, 0, ir_imm(d->ir, IR_vext, bits == 64 ? I64 : I32,
                               simd_get(d, d->in.operand[1].reg), 0, lane_imm(d, bits)));
    }
}

void trans_v_insert(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src;

    if (simd_enter(d)) {
        src = x86_read(d, 1);
        simd_set(d, dst, ir_imm(d->ir, IR_vins, V128, simd_get(d, dst), src,
                                lane_imm(d, lane_bits(d, 1))));
    }
}

void trans_v_from_gpr(struct x86_dis *d)
{
    if (simd_enter(d)) {
        simd_set(d, d->in.operand[0].reg, ir_1(d->ir, IR_bitcast, V128, x86_read(d, 1)));
    }
}

void trans_v_to_gpr(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;

    if (simd_enter(d)) {
        x86_write(d, 0, ir_imm(d->ir, IR_vext, x86_type(size),
                               simd_get(d, d->in.operand[1].reg), 0, 8 * size));
    }
}

/* --- loads and stores --- */

static void load(struct x86_dis *d, unsigned align)
{
    if (simd_enter(d)) {
        simd_set(d, d->in.operand[0].reg, simd_source(d, 1, align));
    }
}

void trans_v_load(struct x86_dis *d)
{
    load(d, 0);
}

void trans_v_load_aligned(struct x86_dis *d)
{
    load(d, MO_ALIGN);
}

static void store(struct x86_dis *d, unsigned align)
{
    ir_val v;

    if (!simd_enter(d)) {
        return;
    }
    v = simd_get(d, d->in.operand[1].reg);
    if (x86_is_mem(d, 0)) {
        x86_st(d, V128, x86_address(d, 16, true), v, MO_128 | align);
    } else {
        simd_set(d, d->in.operand[0].reg, v);
    }
}

void trans_v_store(struct x86_dis *d)
{
    store(d, 0);
}

void trans_v_store_aligned(struct x86_dis *d)
{
    store(d, MO_ALIGN);
}

/* movss, movsd: a register source changes the low element only, memory clears the others. */
void trans_v_load_scalar(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    ir_val src;

    if (!simd_enter(d)) {
        return;
    }
    src = simd_source(d, 1, 0);
    simd_set(d, dst, x86_is_mem(d, 1) ? src
                                      : simd_vx(d, simd_encoding(d), simd_get(d, dst), src));
}

static void store_low(struct x86_dis *d, unsigned size)
{
    ir_val v = simd_get(d, d->in.operand[1].reg);

    x86_st(d, V128, x86_address(d, size, true), v, x86_memop(size));
}

void trans_v_store_scalar(struct x86_dis *d)
{
    unsigned dst = d->in.operand[0].reg;
    struct ir_sse sse = simd_encoding(d);

    if (!simd_enter(d)) {
        return;
    }
    if (x86_is_mem(d, 0)) {
        store_low(d, d->in.operand[0].size);
        return;
    }
    sse.opcode = 0x10;
    simd_set(d, dst, simd_vx(d, sse, simd_get(d, dst), simd_get(d, d->in.operand[1].reg)));
}

/* movq: clears the upper half. */
static ir_val low_half(struct x86_dis *d, ir_val v)
{
    return simd_vx(d, (struct ir_sse){ .prefix = 0xf3, .map = 1, .opcode = 0x7e }, v, 0);
}

void trans_v_load_q(struct x86_dis *d)
{
    ir_val v;

    if (simd_enter(d)) {
        v = simd_source(d, 1, 0);
        simd_set(d, d->in.operand[0].reg, x86_is_mem(d, 1) ? v : low_half(d, v));
    }
}

void trans_v_store_q(struct x86_dis *d)
{
    if (!simd_enter(d)) {
        return;
    }
    if (x86_is_mem(d, 0)) {
        store_low(d, 8);
    } else {
        simd_set(d, d->in.operand[0].reg, low_half(d, simd_get(d, d->in.operand[1].reg)));
    }
}

/* Halves: movsd takes the low one of its source, punpcklqdq puts it above that of the other. */
static void load_half(struct x86_dis *d, uint8_t prefix, uint8_t opcode)
{
    unsigned dst = d->in.operand[0].reg;
    struct ir_sse sse = { .prefix = prefix, .map = 1, .opcode = opcode };
    ir_val src;

    if (simd_enter(d)) {
        src = simd_source(d, 1, 0);
        simd_set(d, dst, simd_vx(d, sse, simd_get(d, dst), src));
    }
}

void trans_v_load_low(struct x86_dis *d)
{
    load_half(d, 0xf2, 0x10);
}

void trans_v_load_high(struct x86_dis *d)
{
    load_half(d, 0x66, 0x6c);
}

void trans_v_store_low(struct x86_dis *d)
{
    if (simd_enter(d)) {
        store_low(d, 8);
    }
}

void trans_v_store_high(struct x86_dis *d)
{
    ir_val v;

    if (simd_enter(d)) {
        v = ir_imm(d->ir, IR_vext, I64, simd_get(d, d->in.operand[1].reg), 0, 64 | 1 << 8);
        x86_st(d, I64, x86_address(d, 8, true), v, MO_64);
    }
}

void simd_maskmov(struct x86_dis *d, size_t src, size_t mask, unsigned size)
{
    unsigned seg = d->in.seg_override >= 0 ? d->in.seg_override : SEG_DS;
    ir_val offset = x86_reg_read(d, R_DI, d->in.addrsize);
    struct x86_ea ea = x86_address_of(d, seg, offset, size, true);

    x86_call4(d, H_maskmov, x86_ea_value(d, ea), x86_env_ptr(d, src), x86_env_ptr(d, mask),
              x86_imm32(d, size));
}

void trans_maskmovdqu(struct x86_dis *d)
{
    if (simd_enter(d)) {
        simd_maskmov(d, ENV(xmm) + 16 * d->in.operand[0].reg,
                     ENV(xmm) + 16 * d->in.operand[1].reg, 16);
    }
}

/* --- helpers do it --- */

/* Where a helper finds operand n. */
static ir_val operand_ptr(struct x86_dis *d, unsigned n)
{
    if (!x86_is_mem(d, n)) {
        return x86_env_ptr(d, ENV(xmm) + 16 * d->in.operand[n].reg);
    }
    ir_envst(d->ir, V128, ENV(xmm_temp), simd_load(d, 16, d->in.map == MAP_0F3A ? 0 : MO_ALIGN),
             MO_128);
    return x86_env_ptr(d, ENV(xmm_temp));
}

static void compare_strings(struct x86_dis *d, unsigned how)
{
    ir_val b, v;

    if (!simd_enter(d)) {
        return;
    }
    how |= (d->in.imm & 0xff) | (x86_rex_w(&d->in) ? PCMPSTR_WIDE : 0);
    b = operand_ptr(d, 1);
    v = x86_call3(d, H_pcmpstr, operand_ptr(d, 0), b, x86_imm32(d, how));
    if (!(how & PCMPSTR_MASK)) {
        x86_reg_write(d, R_CX, 4, ir_2i(d->ir, IR_shr, I64, v, 32));
    }
    x86_flags_set_packed(d, ir_1(d->ir, IR_mov, I32, v));
}

void trans_pcmpestrm(struct x86_dis *d)
{
    compare_strings(d, PCMPSTR_EXPLICIT | PCMPSTR_MASK);
}

void trans_pcmpestri(struct x86_dis *d)
{
    compare_strings(d, PCMPSTR_EXPLICIT);
}

void trans_pcmpistrm(struct x86_dis *d)
{
    compare_strings(d, PCMPSTR_MASK);
}

/* The frequent one; done again for the flags where anybody wants them. */
void trans_pcmpistri(struct x86_dis *d)
{
    struct ir_sse sse = simd_encoding(d);
    ir_val a, b;

    if (simd_enter(d)) {
        b = simd_source(d, 1, 0);
        a = simd_get(d, d->in.operand[0].reg);
        x86_reg_write(d, R_CX, 4, simd_op(d, IR_vx_index, I32, sse, a, b));
        x86_flags_set_packed(d, simd_op(d, IR_vx_flags, I32, sse, a, b));
    }
}

void trans_sha256rnds2(struct x86_dis *d)
{
    ir_val src;

    if (simd_enter(d)) {
        src = operand_ptr(d, 1);
        x86_call2(d, H_sha256rnds2, operand_ptr(d, 0), src);
    }
}

/* --- state --- */

void trans_ldmxcsr(struct x86_dis *d)
{
    if (simd_enter(d)) {
        x86_call1(d, H_ldmxcsr, x86_read(d, 0));
        x86_end_region(d);
    }
}

void trans_stmxcsr(struct x86_dis *d)
{
    if (simd_enter(d)) {
        x86_write(d, 0, x86_call0(d, H_stmxcsr));
    }
}

static ir_val area(struct x86_dis *d, unsigned size, bool write)
{
    return x86_ea_value(d, x86_address(d, size, write));
}

static ir_val is_wide(struct x86_dis *d)
{
    return x86_imm32(d, x86_rex_w(&d->in) != 0);
}

void trans_fxsave(struct x86_dis *d)
{
    if (d->mode & (MODE_EM | MODE_TS)) {
        x86_gen_raise(d, EXC_NM);
        return;
    }
    x86_call2(d, H_fxsave, area(d, 512, true), is_wide(d));
}

void trans_fxrstor(struct x86_dis *d)
{
    if (d->mode & (MODE_EM | MODE_TS)) {
        x86_gen_raise(d, EXC_NM);
        return;
    }
    x86_call2(d, H_fxrstor, area(d, 512, false), is_wide(d));
    x86_end_region(d);
}

/* False: has raised. */
static bool xsave_enter(struct x86_dis *d)
{
    if (!(d->mode & MODE_OSXSAVE)) {
        x86_gen_ud(d);
        return false;
    }
    if (d->mode & MODE_TS) {
        x86_gen_raise(d, EXC_NM);
        return false;
    }
    return true;
}

/* EDX:EAX */
static ir_val components(struct x86_dis *d)
{
    ir_val high = ir_2i(d->ir, IR_shl, I64, x86_reg_read(d, R_DX, 4), 32);

    return ir_2(d->ir, IR_or, I64, high, x86_reg_read(d, R_AX, 4));
}

void trans_xsave(struct x86_dis *d)
{
    if (xsave_enter(d)) {
        x86_call3(d, H_xsave, area(d, 576, true), components(d), is_wide(d));
    }
}

void trans_xrstor(struct x86_dis *d)
{
    if (xsave_enter(d)) {
        x86_call3(d, H_xrstor, area(d, 576, false), components(d), is_wide(d));
        x86_end_region(d);
    }
}
