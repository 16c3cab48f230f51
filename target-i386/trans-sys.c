/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports, the interrupt flag, halting, control and debug registers, MSRs and their like. */
#include "target-i386/translate.h"

#include <stddef.h>

#include "target-i386/region.h"
#include "target-i386/sys.h"

#define ENV_OFFSET(member) offsetof(struct x86_env, member)

/* --- ports ----------------------------------------------------------------------------------- */

static void check_io(struct x86_dis *d, ir_val port, unsigned size)
{
    if (d->pe && (d->vm || d->cpl > d->iopl)) {
        x86_call2(d, H_check_io, port, x86_imm32(d, size));
    }
}

void trans_in(struct x86_dis *d)
{
    unsigned size = d->in.operand[0].size;
    ir_val port = x86_read(d, 1);

    check_io(d, port, size);
    x86_write(d, 0, x86_call2(d, H_in, port, x86_imm32(d, size)));
}

void trans_out(struct x86_dis *d)
{
    unsigned size = d->in.operand[1].size;
    ir_val port = x86_read(d, 0);

    check_io(d, port, size);
    x86_call3(d, H_out, port, x86_read(d, 1), x86_imm32(d, size));
}

/* The helper moves as much as it may; what is left starts the instruction anew. */
static void string_io(struct x86_dis *d, enum x86_helper helper)
{
    unsigned size = d->in.op->arg ? 1 : d->in.opsize == 2 ? 2 : 4, complete;
    unsigned seg = d->in.seg_override >= 0 ? (unsigned)d->in.seg_override : SEG_DS;
    uint32_t sizes = size | (uint32_t)d->in.addrsize << 8 | (d->in.rep != 0) << 16 | seg << 24;
    ir_val done = x86_call1(d, helper, x86_imm32(d, sizes));

    if (!d->in.rep) {
        return;
    }
    complete = x86_label_new(d);
    ir_brc(d->ir, I32, IR_NE, done, x86_imm32(d, 0), complete);
    x86_gen_jump_value(d, x86_imm_word(d, d->in.pc), JUMP_PLAIN);
    ir_label(d->ir, complete);
    d->ended = false;
}

void trans_ins(struct x86_dis *d)
{
    string_io(d, H_ins);
}

void trans_outs(struct x86_dis *d)
{
    string_io(d, H_outs);
}

/* --- the interrupt flag ---------------------------------------------------------------------- */

static bool may_change_if(const struct x86_dis *d)
{
    return !d->pe || (d->vm ? d->iopl == 3 : d->cpl <= d->iopl);
}

static void change_eflags(struct x86_dis *d, uint32_t clear, uint32_t set)
{
    ir_val flags = ir_envld(d->ir, I32, ENV_OFFSET(eflags), MO_32);

    flags = ir_2i(d->ir, IR_and, I32, flags, (int32_t)~clear);
    ir_envst(d->ir, I32, ENV_OFFSET(eflags), ir_2i(d->ir, IR_or, I32, flags, (int32_t)set), MO_32);
}

void trans_cli(struct x86_dis *d)
{
    if (may_change_if(d)) {
        change_eflags(d, FL_IF, 0);
    } else {
        x86_call0(d, H_cli_denied);
    }
}

/* Whether the next instruction can be in this region with no look at interrupts before it, and one
   after it. A branch has that when it leaves the region. */
static bool shadow_fits(struct x86_dis *d)
{
    const struct x86_insn *next = d->follow;

    if (d->mode & (MODE_TF | MODE_INHIBIT | MODE_DR_CODE) || !next || !next->op) {
        return false;
    }
    return !(next->op->attrs & (A_BRANCH | A_JUMP)) || !x86_region_leader(d, (uint64_t)next->imm);
}

void trans_sti(struct x86_dis *d)
{
    if (may_change_if(d)) {
        change_eflags(d, FL_IF, FL_IF);
        if (shadow_fits(d)) {
            x86_call0(d, H_poll_interrupts);
            d->shadow = 2;          /* this one and the next */
            return;
        }
        x86_call0(d, H_start_shadow);
    } else {
        x86_call0(d, H_sti_denied);
    }
    x86_end_region(d);
}

void trans_hlt(struct x86_dis *d)
{
    x86_set_pc_next(d);
    x86_call0(d, H_hlt);
    x86_leave_to_loop(d);
}

/* Only one of many calls out. */
void trans_pause(struct x86_dis *d)
{
    ir_val left = ir_envld(d->ir, I32, ENV_OFFSET(pauses_left), MO_32);
    unsigned more = x86_label_new(d);

    left = ir_2i(d->ir, IR_add, I32, left, -1);
    ir_envst(d->ir, I32, ENV_OFFSET(pauses_left), left, MO_32);
    ir_brc(d->ir, I32, IR_GE, left, x86_imm32(d, 0), more);
    x86_call0(d, H_pause);
    ir_label(d->ir, more);
}

void trans_monitor(struct x86_dis *d)
{
    ir_val address;

    if (d->cpl != 0) {
        x86_gen_ud(d);
        return;
    }
    address = x86_reg_read(d, R_AX, d->in.addrsize);
    address = x86_ea_value(d, x86_address_of(d, d->in.seg_override >= 0
                                             ? (unsigned)d->in.seg_override : SEG_DS,
                                             address, 1, false));
    x86_call2(d, H_monitor, address, x86_reg_read(d, R_CX, 4));
}

void trans_mwait(struct x86_dis *d)
{
    if (d->cpl != 0) {
        x86_gen_ud(d);
        return;
    }
    x86_call1(d, H_check_mwait, x86_reg_read(d, R_CX, 4));
    x86_set_pc_next(d);
    x86_call0(d, H_mwait);
    x86_leave_to_loop(d);
}

void trans_stac_clac(struct x86_dis *d)
{
    if (d->cpl != 0) {
        x86_gen_ud(d);
        return;
    }
    x86_call1(d, H_stac_clac, x86_imm32(d, (uint32_t)d->in.op->arg));
    x86_end_region(d);
}

/* --- control and debug registers ------------------------------------------------------------- */

void trans_mov_from_cr(struct x86_dis *d)
{
    unsigned reg = d->in.operand[1].reg;
    unsigned size = d->in.operand[0].size;

    if (reg == 8) {
        x86_write(d, 0, x86_call0(d, H_read_cr8));
    } else if (reg == 0 || (reg >= 2 && reg <= 4)) {
        x86_write(d, 0, ir_envld(d->ir, x86_type(size), ENV_OFFSET(cr) + 8 * reg,
                                 x86_memop(size)));
    } else {
        x86_gen_ud(d);
    }
}

void trans_mov_to_cr(struct x86_dis *d)
{
    unsigned reg = d->in.operand[0].reg;
    ir_val v = x86_read(d, 1);

    if (reg == 2) {
        ir_envst(d->ir, I64, ENV_OFFSET(cr[2]), v, MO_64);
    } else if (reg == 0 || reg == 3 || reg == 4 || reg == 8) {
        x86_call2(d, H_write_cr, x86_imm32(d, reg), v);
    } else {
        x86_gen_ud(d);
        return;
    }
    x86_end_region(d);
}

void trans_mov_from_dr(struct x86_dis *d)
{
    if (d->in.operand[1].reg > 7) {
        x86_gen_ud(d);
        return;
    }
    x86_write(d, 0, x86_call1(d, H_read_dr, x86_imm32(d, d->in.operand[1].reg)));
}

void trans_mov_to_dr(struct x86_dis *d)
{
    if (d->in.operand[0].reg > 7) {
        x86_gen_ud(d);
        return;
    }
    x86_call2(d, H_write_dr, x86_imm32(d, d->in.operand[0].reg), x86_read(d, 1));
    x86_end_region(d);
}

void trans_clts(struct x86_dis *d)
{
    x86_call0(d, H_clts);
    x86_end_region(d);
}

void trans_lmsw(struct x86_dis *d)
{
    x86_call1(d, H_lmsw, x86_read(d, 0));
    x86_end_region(d);
}

void trans_invlpg(struct x86_dis *d)
{
    x86_call1(d, H_invlpg, x86_ea_value(d, x86_address(d, 1, false)));
    x86_end_region(d);
}

void trans_invpcid(struct x86_dis *d)
{
    struct x86_ea ea = x86_address(d, 16, false);
    ir_val type = x86_reg_read(d, d->in.operand[0].reg, d->code64 ? 8 : 4);
    ir_val low = x86_ld(d, I64, ea, MO_64);

    x86_call3(d, H_invpcid, type, low, x86_ld(d, I64, x86_ea_add(ea, 8), MO_64));
    x86_end_region(d);
}

/* --- MSRs, time, CPUID ----------------------------------------------------------------------- */

/* A 64-bit value into EDX:EAX */
static void write_pair(struct x86_dis *d, ir_val v)
{
    x86_reg_write(d, R_AX, 4, v);
    x86_reg_write(d, R_DX, 4, ir_2i(d->ir, IR_shr, I64, v, 32));
}

void trans_rdmsr(struct x86_dis *d)
{
    write_pair(d, x86_call1(d, H_rdmsr, x86_reg_read(d, R_CX, 4)));
}

void trans_wrmsr(struct x86_dis *d)
{
    ir_val v = ir_deposit(d->ir, I64, x86_reg_read(d, R_AX, 4), x86_reg_read(d, R_DX, 4), 32, 32);

    x86_call2(d, H_wrmsr, x86_reg_read(d, R_CX, 4), v);
    x86_end_region(d);
}

/* arg: RDTSCP */
void trans_rdtsc(struct x86_dis *d)
{
    write_pair(d, x86_call0(d, H_rdtsc));
    if (d->in.op->arg) {
        x86_reg_write(d, R_CX, 4, ir_envld(d->ir, I32, ENV_OFFSET(tsc_aux), MO_32));
    }
}

void trans_rdpid(struct x86_dis *d)
{
    x86_write(d, 0, ir_envld(d->ir, I32, ENV_OFFSET(tsc_aux), MO_32));
}

void trans_rdpmc(struct x86_dis *d)
{
    write_pair(d, x86_call1(d, H_rdpmc, x86_reg_read(d, R_CX, 4)));
}

void trans_cpuid(struct x86_dis *d)
{
    x86_call0(d, H_cpuid);
}

static bool needs_osxsave(struct x86_dis *d)
{
    if (!(d->mode & MODE_OSXSAVE)) {
        x86_gen_ud(d);
        return true;
    }
    return false;
}

void trans_xgetbv(struct x86_dis *d)
{
    if (!needs_osxsave(d)) {
        write_pair(d, x86_call1(d, H_xgetbv, x86_reg_read(d, R_CX, 4)));
    }
}

void trans_xsetbv(struct x86_dis *d)
{
    if (needs_osxsave(d)) {
        return;
    }
    if (d->cpl != 0) {
        x86_gen_raise_gp0(d);
        return;
    }
    x86_call3(d, H_xsetbv, x86_reg_read(d, R_CX, 4), x86_reg_read(d, R_AX, 4),
              x86_reg_read(d, R_DX, 4));
    x86_end_region(d);
}

/* --- FS and GS bases ------------------------------------------------------------------------- */

void trans_swapgs(struct x86_dis *d)
{
    ir_val user = ir_get(d->ir, G_GS_BASE);

    ir_set(d->ir, G_GS_BASE, ir_envld(d->ir, X86_IWORD, ENV_OFFSET(kernel_gs_base),
                                      X86_64 ? MO_64 : MO_32));
    ir_envst(d->ir, X86_IWORD, ENV_OFFSET(kernel_gs_base), user, X86_64 ? MO_64 : MO_32);
}

static void check_fsgsbase(struct x86_dis *d)
{
    ir_val cr4 = ir_envld(d->ir, I32, ENV_OFFSET(cr[4]), MO_32);

    x86_raise_if(d, I32, IR_TSTEQ, cr4, x86_imm32(d, CR4_FSGSBASE), EXC_UD);
}

void trans_base_read(struct x86_dis *d)
{
    check_fsgsbase(d);
    x86_write(d, 0, ir_get(d->ir, G_ES_BASE + (unsigned)d->in.op->arg));
}

void trans_base_write(struct x86_dis *d)
{
    ir_val v;

    check_fsgsbase(d);
    v = x86_read(d, 0);
    if (d->in.operand[0].size == 8) {
        ir_val canonical = ir_2i(d->ir, IR_sar, I64, ir_2i(d->ir, IR_shl, I64, v, 16), 16);

        x86_raise_if(d, I64, IR_NE, canonical, v, EXC_GP);
    }
    ir_set(d->ir, G_ES_BASE + (unsigned)d->in.op->arg, v);
}
