/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segment registers, far transfers, descriptor tables, software interrupts, system calls. */
#include "target-i386/translate.h"

#include <stddef.h>
#include <string.h>

#include "target-i386/sys.h"

#define ENV_OFFSET(member) offsetof(struct x86_env, member)

/* The helper has moved everything, the pc too. */
static void leave_transferred(struct x86_dis *d)
{
    x86_flags_dynamic(d);
    x86_gen_jump_value(d, ir_get(d->ir, G_PC), JUMP_PLAIN);
}

/* --- loads ----------------------------------------------------------------------------------- */

/* After a load of a segment register: the region goes on unless the mode changed. */
static void finish_load(struct x86_dis *d, unsigned seg, ir_val changed)
{
    unsigned same;

    if (seg == SEG_SS) {
        x86_call0(d, H_start_shadow);
        if (d->mode & MODE_TF) {
            /* The step, or a breakpoint that the load met, comes after the next instruction. */
            x86_set_pc_next(d);
            ir_exit_loop(d->ir);
            d->ended = true;
        } else {
            x86_end_region(d);
        }
        return;
    }
    if (d->code64) {
        return;
    }
    if (d->mode & (MODE_TF | MODE_INHIBIT)) {
        x86_end_region(d);
        return;
    }
    same = x86_label_new(d);
    ir_brc(d->ir, I32, IR_EQ, changed, x86_imm32(d, 0), same);
    ir_ijmp(d->ir, x86_imm_word(d, d->in.next), G_CC_MASK | G_FP_MASK, JUMP_PLAIN);
    ir_label(d->ir, same);
}

static ir_val load_seg(struct x86_dis *d, unsigned seg, ir_val selector)
{
    d->fp_data_seg = -1;
    return x86_call2(d, H_load_seg, x86_imm32(d, seg), selector);
}

void trans_mov_to_seg(struct x86_dis *d)
{
    unsigned seg = d->in.operand[0].reg;

    if (seg == SEG_CS || seg > SEG_GS) {
        x86_gen_ud(d);
        return;
    }
    finish_load(d, seg, load_seg(d, seg, x86_read(d, 1)));
}

void trans_mov_from_seg(struct x86_dis *d)
{
    if (d->in.operand[1].reg > SEG_GS) {
        x86_gen_ud(d);
        return;
    }
    x86_write(d, 0, x86_read(d, 1));
}

/* The slot is as wide as the operand size, but of 32 bits only the selector is written. */
void trans_push_seg(struct x86_dis *d)
{
    unsigned size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);
    struct x86_ea slot = x86_stack_slot(d, sp, -(int)size, size, true);

    x86_st(d, x86_type(size), slot, x86_read(d, 0), size == 8 ? MO_64 : MO_16);
    x86_stack_move(d, sp, -(int)size);
}

/* The stack pointer moves only when the load did not fault. */
void trans_pop_seg(struct x86_dis *d)
{
    unsigned seg = d->in.operand[0].reg, size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);
    ir_val selector = x86_ld(d, I32, x86_stack_slot(d, sp, 0, size, false), MO_16);
    ir_val changed = load_seg(d, seg, selector);

    x86_stack_move(d, sp, (int32_t)size);
    finish_load(d, seg, changed);
}

/* Offset and selector of a far pointer in memory */
static void read_far(struct x86_dis *d, unsigned n, ir_val *offset, ir_val *selector)
{
    unsigned size = d->in.opsize;
    struct x86_ea ea = x86_address(d, d->in.operand[n].size, false);

    *offset = x86_ld(d, x86_type(size), ea, x86_memop(size));
    *selector = x86_ld(d, I32, x86_ea_add(ea, (int32_t)size), MO_16);
}

void trans_load_far(struct x86_dis *d)
{
    unsigned seg = (unsigned)d->in.op->arg;
    ir_val offset, selector, changed;

    read_far(d, 1, &offset, &selector);
    changed = load_seg(d, seg, selector);
    x86_write(d, 0, offset);
    finish_load(d, seg, changed);
}

/* --- far transfers --------------------------------------------------------------------------- */

static void far(struct x86_dis *d, ir_val selector, ir_val offset)
{
    enum x86_helper helper = d->in.op->arg ? H_far_call : H_far_jump;

    x86_call4(d, helper, selector, offset, x86_imm32(d, d->in.opsize),
              x86_imm_word(d, d->in.next));
    leave_transferred(d);
}

void trans_far_direct(struct x86_dis *d)
{
    uint64_t mask = d->in.opsize == 2 ? 0xffff : 0xffffffff;

    far(d, x86_imm32(d, (uint16_t)d->in.imm2), x86_imm_word(d, (uint64_t)d->in.imm & mask));
}

void trans_far_memory(struct x86_dis *d)
{
    ir_val offset, selector;

    read_far(d, 0, &offset, &selector);
    far(d, selector, offset);
}

void trans_far_return(struct x86_dis *d)
{
    uint32_t extra = d->in.operand[0].kind == OPND_IMM ? (uint16_t)d->in.imm : 0;

    x86_call2(d, H_far_return, x86_imm32(d, d->in.opsize), x86_imm32(d, extra));
    leave_transferred(d);
}

void trans_iret(struct x86_dis *d)
{
    x86_call2(d, H_iret, x86_imm32(d, d->in.opsize), x86_imm_word(d, d->in.next));
    leave_transferred(d);
}

/* --- software interrupts, system calls ------------------------------------------------------- */

void trans_int(struct x86_dis *d)
{
    x86_call3(d, H_int, x86_imm32(d, (uint8_t)d->in.imm), x86_imm32(d, d->in.len),
              x86_imm_word(d, d->in.next));
    if (d->t->cpu->user) {
        x86_leave_to_loop(d);
    } else {
        leave_transferred(d);
    }
}

void trans_trap(struct x86_dis *d)
{
    x86_call2(d, H_trap, x86_imm32(d, (uint32_t)d->in.op->arg), x86_imm32(d, d->in.len));
    d->ended = true;
}

void trans_into(struct x86_dis *d)
{
    struct x86_cond no_overflow = x86_condition(d, 1);
    unsigned skip = x86_label_new(d);

    ir_brc(d->ir, no_overflow.type, no_overflow.cc, no_overflow.a, no_overflow.b, skip);
    x86_call2(d, H_trap, x86_imm32(d, EXC_INT_FIRST + EXC_OF), x86_imm32(d, d->in.len));
    ir_label(d->ir, skip);
}

void trans_undefined(struct x86_dis *d)
{
    x86_gen_ud(d);
}

static void check_sce(struct x86_dis *d)
{
    ir_val efer = ir_envld(d->ir, I32, ENV_OFFSET(efer), MO_32);

    x86_raise_if(d, I32, IR_TSTEQ, efer, x86_imm32(d, EFER_SCE), EXC_UD);
}

void trans_syscall(struct x86_dis *d)
{
    check_sce(d);
    x86_call1(d, H_syscall, x86_imm_word(d, d->in.next));
    if (d->t->cpu->user) {
        x86_leave_to_loop(d);
    } else {
        leave_transferred(d);
    }
}

void trans_sysret(struct x86_dis *d)
{
    check_sce(d);
    if (d->in.opsize == 8) {
        ir_val pc = ir_get(d->ir, G_REG0 + R_CX);
        ir_val canonical = ir_2i(d->ir, IR_sar, I64, ir_2i(d->ir, IR_shl, I64, pc, 16), 16);

        x86_raise_if(d, I64, IR_NE, canonical, pc, EXC_GP);
    }
    x86_call1(d, H_sysret, x86_imm32(d, d->in.opsize == 8 ? 8 : 4));
    leave_transferred(d);
}

/* AMD processors have no SYSENTER in long mode. */
static bool sysenter_missing(struct x86_dis *d)
{
    if ((d->mode & MODE_LMA) && strcmp(d->env->cpuid_vendor, "GenuineIntel") != 0) {
        x86_gen_ud(d);
        return true;
    }
    return false;
}

void trans_sysenter(struct x86_dis *d)
{
    if (!sysenter_missing(d)) {
        x86_call0(d, H_sysenter);
        leave_transferred(d);
    }
}

void trans_sysexit(struct x86_dis *d)
{
    if (!sysenter_missing(d)) {
        x86_call1(d, H_sysexit, x86_imm32(d, d->in.opsize == 8 ? 8 : 4));
        leave_transferred(d);
    }
}

void trans_rsm(struct x86_dis *d)
{
    x86_call0(d, H_rsm);
    leave_transferred(d);
}

/* --- descriptor tables ----------------------------------------------------------------------- */

/* CR4.UMIP keeps user mode from reading system state. */
static void check_umip(struct x86_dis *d)
{
    if (d->cpl != 0 && x86_has(d->env->cpuid_7_ecx, F7C_UMIP)) {
        ir_val cr4 = ir_envld(d->ir, I32, ENV_OFFSET(cr[4]), MO_32);

        x86_raise_if(d, I32, IR_TSTNE, cr4, x86_imm32(d, CR4_UMIP), EXC_GP);
    }
}

/* A memory operand gets 16 bits whatever the operand size. */
static void store_word(struct x86_dis *d, ir_val v)
{
    if (x86_is_mem(d, 0)) {
        x86_st(d, I32, x86_address(d, 2, true), v, MO_16);
    } else {
        x86_write(d, 0, v);
    }
}

void trans_store_selector(struct x86_dis *d)
{
    uint32_t at = d->in.op->arg ? ENV_OFFSET(tr.selector) : ENV_OFFSET(ldt.selector);

    check_umip(d);
    store_word(d, ir_envld(d->ir, I32, at, MO_16));
}

void trans_smsw(struct x86_dis *d)
{
    check_umip(d);
    store_word(d, ir_envld(d->ir, I32, ENV_OFFSET(cr[0]), x86_is_mem(d, 0) ? MO_16 : MO_32));
}

void trans_load_selector(struct x86_dis *d)
{
    x86_call1(d, d->in.op->arg ? H_ltr : H_lldt, x86_read(d, 0));
}

void trans_store_table(struct x86_dis *d)
{
    bool idt = d->in.op->arg;
    unsigned size = d->code64 ? 8 : 4;
    struct x86_ea ea;

    check_umip(d);
    ea = x86_address(d, 2 + size, true);
    x86_st(d, I32, ea, ir_envld(d->ir, I32, idt ? ENV_OFFSET(idt_limit) : ENV_OFFSET(gdt_limit),
                                MO_32), MO_16);
    x86_st(d, x86_type(size), x86_ea_add(ea, 2),
           ir_envld(d->ir, x86_type(size), idt ? ENV_OFFSET(idt_base) : ENV_OFFSET(gdt_base),
                    x86_memop(size)), x86_memop(size));
}

void trans_load_table(struct x86_dis *d)
{
    unsigned size = d->code64 ? 8 : 4;
    struct x86_ea ea = x86_address(d, 2 + size, false);
    ir_val limit = x86_ld(d, I32, ea, MO_16);
    ir_val base = x86_ld(d, x86_type(size), x86_ea_add(ea, 2), x86_memop(size));

    if (!d->code64 && d->in.opsize == 2) {
        base = ir_extu(d->ir, I32, base, 24);
    }
    x86_call3(d, H_load_table, x86_imm32(d, (uint32_t)d->in.op->arg), limit, base);
}

/* --- LAR, LSL, VERR, VERW, ARPL -------------------------------------------------------------- */

static void set_zf(struct x86_dis *d, ir_val bit)
{
    x86_flags_merge(d, ir_2i(d->ir, IR_shl, I32, bit, 6), FL_ZF);
}

void trans_look(struct x86_dis *d)
{
    unsigned reg = G_REG0 + d->in.operand[0].reg;
    ir_val v = x86_call1(d, d->in.op->arg ? H_lsl : H_lar, x86_read(d, 1));
    ir_val failed = ir_2i(d->ir, IR_shr, I64, v, 63), old = ir_get(d->ir, reg);
    ir_val new = d->in.opsize == 2 ? ir_deposit(d->ir, X86_IWORD, old, v, 0, 16)
                                   : ir_1(d->ir, IR_mov, I32, v);

    ir_set(d->ir, reg, ir_sel(d->ir, X86_IWORD, IR_NE, failed, ir_const(d->ir, X86_IWORD, 0), old,
                              new));
    set_zf(d, ir_2i(d->ir, IR_xor, I32, failed, 1));
}

void trans_verify(struct x86_dis *d)
{
    set_zf(d, x86_call1(d, d->in.op->arg ? H_verw : H_verr, x86_read(d, 0)));
}

void trans_arpl(struct x86_dis *d)
{
    struct ir *ir = d->ir;
    ir_val to = x86_read(d, 0), have = ir_2i(ir, IR_and, I32, to, 3);
    ir_val want = ir_2i(ir, IR_and, I32, x86_read(d, 1), 3);
    ir_val below = ir_setc(ir, I32, IR_LTU, have, want);

    x86_write(d, 0, ir_deposit(ir, I32, to, ir_sel(ir, I32, IR_LTU, have, want, want, have), 0, 2));
    set_zf(d, below);
}
