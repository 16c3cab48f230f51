/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 instructions: one table each of register and memory forms, by escape byte and ModRM.reg.
 * With all exceptions masked they are executed as they are, by x87 ops. In MODE_FP_TRAPS it is one
 * helper an instruction; memory is read before it and written after it, and only then are the stack
 * popped and the instruction pointers moved, so that a fault finds the state from before. There
 * waiting for a pending exception is compiled in.
 */
#include "target-i386/translate.h"

#include "base/bits.h"
#include "target-i386/fpu.h"

enum kind {
    NONE, PLAIN, INDEX, TO_ST0, TO_STI, COMPARE, COMPARE_FLAGS, CMOV, XAM, CONSTANT, ROTATE, FREE,
    NOP, CLEX, INIT, STSW_AX, ARITH_MEM, COMPARE_MEM, LD_INT, LD_80, STORE, STORE_80, LDCW, STCW,
    STSW, ENVIRONMENT, KINDS
};

struct x87_op {
    uint8_t kind;                   /* enum kind */
    uint16_t helper;
    uint8_t a, b;
    uint8_t flags;                  /* of the following */
    uint8_t feature;
};

/* How a kind is emitted: by helpers in MODE_FP_TRAPS, else as it is. */
struct x87_kind {
    void (*trapping)(struct x86_dis *d, const struct x87_op *op);
    void (*native)(struct x86_dis *d, const struct x87_op *op);
    bool anywhere;                  /* native: no matter where the state is */
};
static const struct x87_kind kinds[KINDS];

enum {
    CONTROL = 1,                    /* leaves the instruction pointers alone */
    NO_WAIT = 2,
};

#define ENV(field) offsetof(struct x86_env, field)

static ir_val insn_word(struct x86_dis *d)
{
    return x86_imm32(d, FP_INSN(d->in.opcode, d->in.modrm));
}

static ir_val st_index(struct x86_dis *d)
{
    return x86_imm32(d, d->in.modrm & 7);
}

/* --- the last instruction, as FNSTENV shows it --- */

/* The new value when an exception is pending now, else the old one. */
static ir_val if_excepted(struct x86_dis *d, enum ir_type type, ir_val new, ir_val old)
{
    return ir_sel(d->ir, type, IR_TSTNE, ir_envld(d->ir, I32, ENV(fpus), MO_16),
                  ir_const(d->ir, type, FPUS_ES), new, old);
}

static ir_val selector(struct x86_dis *d, unsigned seg)
{
    return ir_envld(d->ir, I32, ENV(segs[0].selector) + seg * sizeof(struct x86_segment), MO_16);
}

static void set_operand(struct x86_dis *d)
{
    ir_set(d->ir, G_FPDP, x86_lea(d));
    if (!fp_without_selectors(d->env) && d->fp_data_seg != d->in.seg) {
        ir_envst(d->ir, I32, ENV(fpds), selector(d, d->in.seg), MO_16);
        d->fp_data_seg = d->in.seg;
    }
}

/*
 * Since the Pentium 4 the opcode is kept for unmasked exceptions only; CPUID says whether the same
 * holds for the operand.
 */
static void set_excepted(struct x86_dis *d)
{
    ir_val op = x86_imm32(d, (d->in.opcode & 7) << 8 | d->in.modrm);

    op = if_excepted(d, I32, op, ir_envld(d->ir, I32, ENV(fop), MO_16));
    ir_envst(d->ir, I32, ENV(fop), op, MO_16);
    if (d->in.mod != 3) {
        ir_set(d->ir, G_FPDP, if_excepted(d, X86_IWORD, x86_lea(d), ir_get(d->ir, G_FPDP)));
    }
    if (d->in.mod != 3 && !fp_without_selectors(d->env)) {
        ir_val seg = if_excepted(d, I32, selector(d, d->in.seg),
                                 ir_envld(d->ir, I32, ENV(fpds), MO_16));

        ir_envst(d->ir, I32, ENV(fpds), seg, MO_16);
        d->fp_data_seg = -1;
    }
}

static void set_pointers(struct x86_dis *d)
{
    ir_set(d->ir, G_FPIP, x86_imm_word(d, d->in.pc));
    if (!fp_without_selectors(d->env) && d->fp_code_seg != SEG_CS) {
        ir_envst(d->ir, I32, ENV(fpcs), selector(d, SEG_CS), MO_16);
        d->fp_code_seg = SEG_CS;
    }
    if (d->in.mod != 3 && !x86_has(d->env->cpuid_7_ebx, 6)) {
        set_operand(d);
    }
    if (d->mode & MODE_FP_TRAPS) {
        set_excepted(d);
    }
}

/* --- register forms --- */

static void emit_plain(struct x86_dis *d, const struct x87_op *op)
{
    x86_call1(d, op->helper, insn_word(d));
}

static void emit_index(struct x86_dis *d, const struct x87_op *op)
{
    x86_call2(d, op->helper, st_index(d), insn_word(d));
}

static void emit_to_st0(struct x86_dis *d, const struct x87_op *op)
{
    x86_call4(d, op->helper, x86_imm32(d, 0), st_index(d), x86_imm32(d, 0), insn_word(d));
}

/* a: pop */
static void emit_to_sti(struct x86_dis *d, const struct x87_op *op)
{
    x86_call4(d, op->helper, st_index(d), x86_imm32(d, 0), x86_imm32(d, op->a), insn_word(d));
}

/* a: pops */
static void emit_compare(struct x86_dis *d, const struct x87_op *op)
{
    x86_call3(d, op->helper, st_index(d), x86_imm32(d, op->a), insn_word(d));
}

static void emit_compare_flags(struct x86_dis *d, const struct x87_op *op)
{
    x86_flags_set_packed(d, x86_call3(d, op->helper, st_index(d), x86_imm32(d, op->a),
                                      insn_word(d)));
}

/* a: number of the condition */
static void emit_cmov(struct x86_dis *d, const struct x87_op *op)
{
    struct x86_cond cond = x86_condition(d, op->a);

    x86_call2(d, op->helper, st_index(d), ir_setc(d->ir, cond.type, cond.cc, cond.a, cond.b));
}

static void emit_xam(struct x86_dis *d, const struct x87_op *op)
{
    x86_call0(d, op->helper);
}

/* a: which */
static void emit_constant(struct x86_dis *d, const struct x87_op *op)
{
    x86_call2(d, op->helper, x86_imm32(d, op->a), insn_word(d));
}

static void emit_rotate(struct x86_dis *d, const struct x87_op *op)
{
    x86_call1(d, op->helper, x86_imm32(d, op->a));
}

static void emit_free(struct x86_dis *d, const struct x87_op *op)
{
    x86_call2(d, op->helper, st_index(d), x86_imm32(d, op->a));
}

/* fnop, and what became one after the 287 */
static void emit_nop(struct x86_dis *d, const struct x87_op *op)
{
}

static void emit_clex(struct x86_dis *d, const struct x87_op *op)
{
    x86_call0(d, op->helper);
}

static void emit_init(struct x86_dis *d, const struct x87_op *op)
{
    x86_call0(d, op->helper);
    x86_end_region(d);
}

static ir_val status_word(struct x86_dis *d)
{
    ir_val top = ir_envld(d->ir, I32, ENV(fptop), MO_8);

    return ir_2(d->ir, IR_or, I32, ir_envld(d->ir, I32, ENV(fpus), MO_16),
                ir_2i(d->ir, IR_shl, I32, top, FPUS_TOP_SHIFT));
}

static void emit_stsw_ax(struct x86_dis *d, const struct x87_op *op)
{
    x86_reg_write(d, R_AX, 2, status_word(d));
}

/* --- memory forms --- */

/* a: size of the operand in bytes, its value in an I32 or I64 */
static ir_val operand(struct x86_dis *d, const struct x87_op *op)
{
    return x86_ld(d, x86_type(op->a), x86_address(d, op->a, false), x86_memop(op->a));
}

static void emit_arith_mem(struct x86_dis *d, const struct x87_op *op)
{
    x86_call2(d, op->helper, operand(d, op), insn_word(d));
}

/* b: pops */
static void emit_compare_mem(struct x86_dis *d, const struct x87_op *op)
{
    x86_call3(d, op->helper, operand(d, op), x86_imm32(d, op->b), insn_word(d));
}

static void emit_ld_int(struct x86_dis *d, const struct x87_op *op)
{
    unsigned sign = op->a == 8 ? 0 : MO_SIGN;

    x86_call1(d, op->helper, x86_ld(d, I64, x86_address(d, op->a, false), x86_memop(op->a) | sign));
}

static void emit_ld_80(struct x86_dis *d, const struct x87_op *op)
{
    struct x86_ea ea = x86_address(d, 10, false);
    ir_val low = x86_ld(d, I64, ea, MO_64);

    x86_call3(d, op->helper, low, x86_ld(d, I32, x86_ea_add(ea, 8), MO_16), insn_word(d));
}

/* An unmasked exception may leave a store without a value. */
static void finish(struct x86_dis *d)
{
    if (d->mode & MODE_FP_TRAPS) {
        set_excepted(d);
        x86_call1(d, H_fp_finish, x86_imm32(d, d->in.len));
    }
}

/* The write has succeeded: the status that the helper left, and the pop. */
static void commit_store(struct x86_dis *d, bool pop)
{
    struct ir *ir = d->ir;
    ir_val top, bit;

    ir_envst(ir, I32, ENV(fpus), ir_envld(ir, I32, ENV(fp_staged), MO_16), MO_16);
    if (pop) {
        top = ir_envld(ir, I32, ENV(fptop), MO_8);
        bit = ir_2(ir, IR_shl, I32, x86_imm32(d, 1), top);
        ir_envst(ir, I32, ENV(fptags),
                 ir_2(ir, IR_or, I32, ir_envld(ir, I32, ENV(fptags), MO_8), bit), MO_8);
        top = ir_2i(ir, IR_and, I32, ir_2i(ir, IR_add, I32, top, 1), 7);
        ir_envst(ir, I32, ENV(fptop), top, MO_8);
    }
}

/* a: size, b: pop */
static void emit_store(struct x86_dis *d, const struct x87_op *op)
{
    ir_val v = x86_call1(d, op->helper, insn_word(d));

    finish(d);
    x86_st(d, I64, x86_address(d, op->a, true), v, x86_memop(op->a));
    commit_store(d, op->b);
}

static void emit_store_80(struct x86_dis *d, const struct x87_op *op)
{
    ir_val v = x86_call1(d, op->helper, insn_word(d));
    ir_val exp = ir_envld(d->ir, I32, ENV(fp_staged_exp), MO_16);
    struct x86_ea ea;

    finish(d);
    ea = x86_address(d, 10, true);
    x86_st(d, I64, ea, v, MO_64);
    x86_st(d, I32, x86_ea_add(ea, 8), exp, MO_16);
    commit_store(d, true);
}

/* Leaves when exceptions become masked or unmasked. */
static void emit_ldcw(struct x86_dis *d, const struct x87_op *op)
{
    ir_val v = x86_ld(d, I32, x86_address(d, 2, false), MO_16);
    unsigned same = x86_label_new(d);

    v = x86_call1(d, op->helper, v);
    ir_brc(d->ir, I32, IR_EQ, v, x86_imm32(d, 0), same);
    x86_call0(d, H_fp_mode);
    x86_end_region(d);
    d->ended = false;
    ir_label(d->ir, same);
}

static void emit_stcw(struct x86_dis *d, const struct x87_op *op)
{
    x86_st(d, I32, x86_address(d, 2, true), ir_envld(d->ir, I32, ENV(fpuc), MO_16), MO_16);
}

static void emit_stsw(struct x86_dis *d, const struct x87_op *op)
{
    x86_st(d, I32, x86_address(d, 2, true), status_word(d), MO_16);
}

/* a: bytes of registers after the environment, b: written */
static void emit_environment(struct x86_dis *d, const struct x87_op *op)
{
    unsigned format = (d->in.opsize != 2 ? FP_ENV_32 : 0) |
                      (d->pe && !d->vm ? FP_ENV_PROTECTED : 0);
    unsigned size = op->a + (format & FP_ENV_32 ? 28 : 14);

    x86_call2(d, op->helper, x86_ea_value(d, x86_address(d, size, op->b)), x86_imm32(d, format));
    x86_end_region(d);
}

/* --- as they are --- */

void x86_fp_place(struct x86_dis *d, unsigned where)
{
    if (d->fp_where != where && !(d->mode & MODE_FP_TRAPS)) {
        ir_x87(d->ir, IR_x87_state, IR_NONE, 0, 0, where == FP_IN_UNIT);
        d->fp_where = where;
    }
}

static unsigned encoding(const struct x86_dis *d)
{
    return d->in.opcode | d->in.modrm << 8;
}

static void native_register(struct x86_dis *d, const struct x87_op *op)
{
    ir_x87(d->ir, IR_x87, IR_NONE, 0, 0, encoding(d));
}

static void native_flags(struct x86_dis *d, const struct x87_op *op)
{
    x86_flags_set_packed(d, ir_x87_value(d->ir, IR_x87_fl, I32, encoding(d)));
}

static void native_cmov(struct x86_dis *d, const struct x87_op *op)
{
    struct x86_cond cond = x86_condition(d, op->a);
    ir_val v = ir_setc(d->ir, cond.type, cond.cc, cond.a, cond.b);

    ir_x87(d->ir, IR_x87_cmov, I32, v, 0, d->in.modrm & 7);
}

static void native_stsw_ax(struct x86_dis *d, const struct x87_op *op)
{
    x86_reg_write(d, R_AX, 2, ir_x87_value(d->ir, IR_x87_status, I32, 0));
}

static void native_stsw(struct x86_dis *d, const struct x87_op *op)
{
    ir_val v = ir_x87_value(d->ir, IR_x87_status, I32, 0);

    x86_st(d, I32, x86_address(d, 2, true), v, MO_16);
}

/* A process's memory is the host's: so the operand may be where it is. */
static bool native_direct(struct x86_dis *d, const struct x86_ea *ea)
{
    if (!d->t->cpu->user || d->mode & MODE_ALIGN) {
        return false;
    }
    ir_x87_mem(d->ir, ea->base, ea->disp, ea->memop | MO_64, encoding(d));
    return true;
}

/* a: size, 0 for 10 bytes */
static void native_load(struct x86_dis *d, const struct x87_op *op)
{
    struct x86_ea ea = x86_address(d, op->a ? op->a : 10, false);
    ir_val high = 0, v;

    if (native_direct(d, &ea)) {
        return;
    }
    v = x86_ld(d, x86_type(op->a ? op->a : 8), ea, op->a ? x86_memop(op->a) : MO_64);
    if (!op->a) {
        high = x86_ld(d, I32, x86_ea_add(ea, 8), MO_16);
    }
    ir_x87(d->ir, IR_x87_put, x86_type(op->a ? op->a : 8), v, high, encoding(d));
}

/*
 * Of a machine: nothing happens before the page is known to be writable, and the stack is popped
 * after the store, which may leave to be done again (where it stores into this code). Forms that do
 * nothing but pop have their helpers.
 */
static void native_store(struct x86_dis *d, const struct x87_op *op)
{
    enum { POPS = 1 << 11 };
    struct x86_ea ea = x86_address(d, op->a ? op->a : 10, true);
    unsigned memop = op->a ? x86_memop(op->a) : MO_64, reg = d->in.modrm >> 3 & 7;
    ir_val v;

    if (native_direct(d, &ea)) {
        return;
    }
    if (reg != 2 && reg != 3) {
        x86_fp_place(d, FP_IN_ENV);
        kinds[op->kind].trapping(d, op);
        return;
    }
    x86_ld(d, I64, ea, memop | MO_WRITE_INTENT);
    v = ir_x87_value(d->ir, IR_x87_take, I64, (encoding(d) & ~POPS) | memop << 16);
    x86_st(d, I64, ea, v, memop);
    if (encoding(d) & POPS) {
        ir_x87_value(d->ir, IR_x87_take, I64, encoding(d) | memop << 16);
    }
}

/* All masked before and after: else a helper, and the region ends. */
static void native_ldcw(struct x86_dis *d, const struct x87_op *op)
{
    ir_val v = x86_ld(d, I32, x86_address(d, 2, false), MO_16);
    unsigned masked = x86_label_new(d);

    ir_envst(d->ir, I32, ENV(fp_staged), v, MO_16);
    ir_brc(d->ir, I32, IR_EQ, ir_2i(d->ir, IR_and, I32, v, FPUC_MASKS), x86_imm32(d, FPUC_MASKS),
           masked);
    x86_call1(d, op->helper, v);
    x86_call0(d, H_fp_mode);
    x86_end_region(d);
    d->ended = false;
    d->fp_where = FP_IN_UNIT;       /* as it was */
    ir_label(d->ir, masked);
    v = ir_2i(d->ir, IR_and, I32, ir_envld(d->ir, I32, ENV(fp_staged), MO_16), FPUC_VALID);
    v = ir_2i(d->ir, IR_or, I32, v, FPUC_ONE);
    ir_envst(d->ir, I32, ENV(fpuc), v, MO_16);
    ir_x87(d->ir, IR_x87_put, I32, v, 0, encoding(d));
}

/* --- tables --- */

static const struct x87_kind kinds[KINDS] = {
    [PLAIN] = { emit_plain, native_register }, [INDEX] = { emit_index, native_register },
    [TO_ST0] = { emit_to_st0, native_register }, [TO_STI] = { emit_to_sti, native_register },
    [COMPARE] = { emit_compare, native_register },
    [COMPARE_FLAGS] = { emit_compare_flags, native_flags }, [CMOV] = { emit_cmov, native_cmov },
    [XAM] = { emit_xam, native_register }, [CONSTANT] = { emit_constant, native_register },
    [ROTATE] = { emit_rotate, native_register }, [FREE] = { emit_free, native_register },
    [NOP] = { emit_nop, emit_nop, true }, [CLEX] = { emit_clex, native_register },
    [INIT] = { emit_init, emit_init, true }, [STSW_AX] = { emit_stsw_ax, native_stsw_ax },
    [ARITH_MEM] = { emit_arith_mem, native_load },
    [COMPARE_MEM] = { emit_compare_mem, native_load },
    [LD_INT] = { emit_ld_int, native_load }, [LD_80] = { emit_ld_80, native_load },
    [STORE] = { emit_store, native_store }, [STORE_80] = { emit_store_80, native_store },
    [LDCW] = { emit_ldcw, native_ldcw }, [STCW] = { emit_stcw, emit_stcw, true },
    [STSW] = { emit_stsw, native_stsw },
    [ENVIRONMENT] = { emit_environment, emit_environment, true },
};

#define R(n, ...) [n] = { __VA_ARGS__ }

/* d9 e0 .. d9 ff */
static const struct x87_op d9_ops[32] = {
    R(0x00, PLAIN, H_fp_chs), R(0x01, PLAIN, H_fp_abs),
    R(0x04, PLAIN, H_fp_tst), R(0x05, XAM, H_fp_xam),
    R(0x08, CONSTANT, H_fp_ld_const, 0), R(0x09, CONSTANT, H_fp_ld_const, 1),
    R(0x0a, CONSTANT, H_fp_ld_const, 2), R(0x0b, CONSTANT, H_fp_ld_const, 3),
    R(0x0c, CONSTANT, H_fp_ld_const, 4), R(0x0d, CONSTANT, H_fp_ld_const, 5),
    R(0x0e, CONSTANT, H_fp_ld_const, 6),
    R(0x10, PLAIN, H_fp_2xm1), R(0x11, PLAIN, H_fp_yl2x),
    R(0x12, PLAIN, H_fp_other), R(0x13, PLAIN, H_fp_patan),     /* fptan */
    R(0x14, PLAIN, H_fp_other), R(0x15, PLAIN, H_fp_prem1),     /* fxtract */
    R(0x16, ROTATE, H_fp_rotate, 7), R(0x17, ROTATE, H_fp_rotate, 1),
    R(0x18, PLAIN, H_fp_prem), R(0x19, PLAIN, H_fp_yl2xp1),
    R(0x1a, PLAIN, H_fp_sqrt), R(0x1b, PLAIN, H_fp_other),      /* fsincos */
    R(0x1c, PLAIN, H_fp_rndint), R(0x1d, PLAIN, H_fp_scale),
    R(0x1e, PLAIN, H_fp_sin), R(0x1f, PLAIN, H_fp_cos),
};

/* db e0 .. db e7: feni, fdisi, fnclex, fninit, fsetpm */
static const struct x87_op db_ops[8] = {
    R(0, NOP, .flags = CONTROL | NO_WAIT), R(1, NOP, .flags = CONTROL | NO_WAIT),
    R(2, CLEX, H_fp_clex, .flags = CONTROL | NO_WAIT),
    R(3, INIT, H_fp_init, .flags = CONTROL | NO_WAIT),
    R(4, NOP, .flags = CONTROL | NO_WAIT),
};

#define CMOV(n, number) R(n, CMOV, H_fp_cmov, number, .feature = FEAT_CMOV)

/* By escape and ModRM.reg, undocumented aliases too */
static const struct x87_op register_ops[8][8] = {
    { R(0, TO_ST0, H_fp_add), R(1, TO_ST0, H_fp_mul),
      R(2, COMPARE, H_fp_com, 0), R(3, COMPARE, H_fp_com, 1),
      R(4, TO_ST0, H_fp_sub), R(5, TO_ST0, H_fp_subr),
      R(6, TO_ST0, H_fp_div), R(7, TO_ST0, H_fp_divr) },
    { R(0, INDEX, H_fp_ld_st), R(1, INDEX, H_fp_xch), R(2, NOP),
      R(3, COMPARE, H_fp_st_st, 1) },
    { CMOV(0, 2), CMOV(1, 4), CMOV(2, 6), CMOV(3, 10), R(5, COMPARE, H_fp_ucom, 2) },
    { CMOV(0, 3), CMOV(1, 5), CMOV(2, 7), CMOV(3, 11),
      R(5, COMPARE_FLAGS, H_fp_ucomi, 0, .feature = FEAT_CMOV),
      R(6, COMPARE_FLAGS, H_fp_comi, 0, .feature = FEAT_CMOV) },
    { R(0, TO_STI, H_fp_add, 0), R(1, TO_STI, H_fp_mul, 0),
      R(2, COMPARE, H_fp_com, 0), R(3, COMPARE, H_fp_com, 1),
      R(4, TO_STI, H_fp_subr, 0), R(5, TO_STI, H_fp_sub, 0),
      R(6, TO_STI, H_fp_divr, 0), R(7, TO_STI, H_fp_div, 0) },
    { R(0, FREE, H_fp_free, 0), R(1, INDEX, H_fp_xch),
      R(2, COMPARE, H_fp_st_st, 0), R(3, COMPARE, H_fp_st_st, 1),
      R(4, COMPARE, H_fp_ucom, 0), R(5, COMPARE, H_fp_ucom, 1) },
    { R(0, TO_STI, H_fp_add, 1), R(1, TO_STI, H_fp_mul, 1),
      R(2, COMPARE, H_fp_com, 1), R(3, COMPARE, H_fp_com, 2),
      R(4, TO_STI, H_fp_subr, 1), R(5, TO_STI, H_fp_sub, 1),
      R(6, TO_STI, H_fp_divr, 1), R(7, TO_STI, H_fp_div, 1) },
    { R(0, FREE, H_fp_free, 1), R(1, INDEX, H_fp_xch),
      R(2, COMPARE, H_fp_st_st, 1), R(3, COMPARE, H_fp_st_st, 1),
      R(4, STSW_AX, .flags = CONTROL | NO_WAIT),
      R(5, COMPARE_FLAGS, H_fp_ucomi, 1, .feature = FEAT_CMOV),
      R(6, COMPARE_FLAGS, H_fp_comi, 1, .feature = FEAT_CMOV) },
};

#define ARITH_MEM(n, op, suffix, size) R(n, ARITH_MEM, H_fp_##op##_##suffix, size)
#define ARITHMETIC_MEM(suffix, size)                                                               \
    { ARITH_MEM(0, add, suffix, size), ARITH_MEM(1, mul, suffix, size),                            \
      R(2, COMPARE_MEM, H_fp_com_##suffix, size, 0),                                          \
      R(3, COMPARE_MEM, H_fp_com_##suffix, size, 1),                                          \
      ARITH_MEM(4, sub, suffix, size), ARITH_MEM(5, subr, suffix, size),                           \
      ARITH_MEM(6, div, suffix, size), ARITH_MEM(7, divr, suffix, size) }

static const struct x87_op memory_ops[8][8] = {
    ARITHMETIC_MEM(f32, 4),
    { R(0, ARITH_MEM, H_fp_ld_f32, 4), R(2, STORE, H_fp_st_f32, 4, 0),
      R(3, STORE, H_fp_st_f32, 4, 1),
      R(4, ENVIRONMENT, H_fp_ldenv, 0, 0, .flags = CONTROL),
      R(5, LDCW, H_fp_ldcw, .flags = CONTROL),
      R(6, ENVIRONMENT, H_fp_stenv, 0, 1, .flags = CONTROL | NO_WAIT),
      R(7, STCW, .flags = CONTROL | NO_WAIT) },
    ARITHMETIC_MEM(i32, 4),
    { R(0, LD_INT, H_fp_ld_int, 4),
      R(1, STORE, H_fp_st_trunc32, 4, 1, .feature = FEAT_SSE3),
      R(2, STORE, H_fp_st_i32, 4, 0), R(3, STORE, H_fp_st_i32, 4, 1),
      R(5, LD_80, H_fp_ld_f80), R(7, STORE_80, H_fp_st_f80) },
    ARITHMETIC_MEM(f64, 8),
    { R(0, ARITH_MEM, H_fp_ld_f64, 8),
      R(1, STORE, H_fp_st_trunc64, 8, 1, .feature = FEAT_SSE3),
      R(2, STORE, H_fp_st_f64, 8, 0), R(3, STORE, H_fp_st_f64, 8, 1),
      R(4, ENVIRONMENT, H_fp_rstor, 80, 0, .flags = CONTROL),
      R(6, ENVIRONMENT, H_fp_save, 80, 1, .flags = CONTROL | NO_WAIT),
      R(7, STSW, .flags = CONTROL | NO_WAIT) },
    ARITHMETIC_MEM(i16, 2),
    { R(0, LD_INT, H_fp_ld_int, 2),
      R(1, STORE, H_fp_st_trunc16, 2, 1, .feature = FEAT_SSE3),
      R(2, STORE, H_fp_st_i16, 2, 0), R(3, STORE, H_fp_st_i16, 2, 1),
      R(4, LD_80, H_fp_ld_bcd), R(5, LD_INT, H_fp_ld_int, 8),
      R(6, STORE_80, H_fp_st_bcd), R(7, STORE, H_fp_st_i64, 8, 1) },
};

static const struct x87_op *find(const struct x86_insn *in)
{
    unsigned escape = in->opcode & 7, reg = in->modrm >> 3 & 7, low = in->modrm & 7;

    if (in->mod != 3) {
        return &memory_ops[escape][reg];
    }
    if (escape == 1 && reg >= 4) {
        return &d9_ops[in->modrm & 31];
    }
    if (escape == 3 && reg == 4) {
        return &db_ops[low];
    }
    if ((escape == 1 && reg == 2 && low != 0) ||        /* fnop */
        (escape == 2 && reg == 5 && low != 1) ||        /* fucompp */
        (escape == 6 && reg == 3 && low != 1) ||        /* fcompp */
        (escape == 7 && reg == 4 && low != 0)) {        /* fnstsw ax */
        return NULL;
    }
    return &register_ops[escape][reg];
}

void trans_x87(struct x86_dis *d)
{
    const struct x87_op *op = find(&d->in);

    if (!op || !op->kind || (op->feature && !d->has[op->feature])) {
        x86_gen_ud(d);
        return;
    }
    if (d->mode & (MODE_EM | MODE_TS)) {
        x86_gen_raise(d, EXC_NM);
        return;
    }
    d->fp_checked = false;
    if (d->mode & MODE_FP_TRAPS && !(op->flags & NO_WAIT)) {
        x86_call0(d, H_fp_wait);
    }
    if (d->mode & MODE_FP_TRAPS) {
        kinds[op->kind].trapping(d, op);
    } else {
        if (!kinds[op->kind].anywhere) {
            x86_fp_place(d, FP_IN_UNIT);
        }
        kinds[op->kind].native(d, op);
    }
    if (!(op->flags & CONTROL)) {
        set_pointers(d);
    }
}

void trans_fwait(struct x86_dis *d)
{
    if ((d->mode & (MODE_MP | MODE_TS)) == (MODE_MP | MODE_TS)) {
        x86_gen_raise(d, EXC_NM);
        return;
    }
    if (d->mode & MODE_FP_TRAPS) {
        x86_call0(d, H_fp_wait);
    }
}
