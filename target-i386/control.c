/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control registers and the instructions around them: CR0-CR8, INVLPG, INVPCID, XSETBV, SWAPGS. */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

#include "base/bits.h"
#include "base/lock.h"
#include "base/log.h"
#include "hw/i386/x86-cpu.h"
#include "tcg/region.h"

#define CR0_WRITABLE                                                                               \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

static _Noreturn void gp0(struct x86_env *env)
{
    x86_raise_error(env, EXC_GP, 0);
}

void x86_set_cr0(struct x86_env *env, uint64_t value)
{
    uint64_t old = env->cr[0];

    env->cr[0] = (value & CR0_WRITABLE) | CR0_ET;
    if ((old ^ env->cr[0]) & (CR0_PG | CR0_WP | CR0_PE)) {
        tlb_flush(env_cpu(env));
    }
    if ((old & CR0_PG) && !(value & CR0_PG)) {
        env->efer &= ~(uint64_t)EFER_LMA;
    }
}

/* Turning paging on with EFER.LME enters long mode; it wants PAE, and no 64-bit or 16-bit TSS. */
static void enter_long_mode(struct x86_env *env)
{
    if (!(env->cr[4] & CR4_PAE) || (env->segs[SEG_CS].flags & DESC_L)) {
        gp0(env);
    }
    env->efer |= EFER_LMA;
}

/* PAE without long mode: the four page-directory pointers must have their reserved bits clear. */
static void check_pointers(struct x86_env *env, uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
    uint64_t reserved = 0x1e6 | ~bits_mask(env->phys_bits);

    if (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE) || (env->efer & EFER_LME)) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        uint64_t pointer = x86_read_phys(env, (cr3 & 0xffffffe0) + 8 * i, 8);

        if ((pointer & 1) && (pointer & reserved)) {
            gp0(env);
        }
    }
}

void x86_write_cr0(struct x86_env *env, uint64_t value)
{
    if (((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)) ||
        value >> 32) {
        gp0(env);
    }
    if ((value & CR0_PG) && !(env->cr[0] & CR0_PG) && (env->efer & EFER_LME)) {
        enter_long_mode(env);
    }
    if (!(value & CR0_PG) && x86_code64(env)) {
        gp0(env);
    }
    if ((value ^ env->cr[0]) & CR0_PG) {
        check_pointers(env, value, env->cr[3], env->cr[4]);
    }
    if ((value ^ env->cr[0]) & CR0_PE) {
        x86_set_cpl(env, 0);
    }
    x86_set_cr0(env, value);
    x86_update_mode(env);
}

void x86_write_cr3(struct x86_env *env, uint64_t value)
{
    if (x86_long_mode(env) && (value & ~bits_mask(env->phys_bits))) {
        gp0(env);
    }
    check_pointers(env, env->cr[0], value, env->cr[4]);
    env->cr[3] = value;
    if (env->cr[0] & CR0_PG) {
        tlb_flush_asid(env_cpu(env));
    }
}

/* The bits that this processor has. */
static uint64_t cr4_valid(const struct x86_env *env)
{
    static const struct { uint8_t word, bit; uint32_t cr4; } gates[] = {
        { 0, F1D_VME, CR4_VME | CR4_PVI }, { 0, F1D_TSC, CR4_TSD }, { 0, F1D_DE, CR4_DE },
        { 0, F1D_PSE, CR4_PSE }, { 0, F1D_PAE, CR4_PAE }, { 0, F1D_MCE, CR4_MCE },
        { 0, F1D_PGE, CR4_PGE }, { 0, F1D_FXSR, CR4_OSFXSR }, { 0, F1D_SSE, CR4_OSXMMEXCPT },
        { 1, F1C_XSAVE, CR4_OSXSAVE }, { 2, F7B_FSGSBASE, CR4_FSGSBASE },
        { 2, F7B_SMEP, CR4_SMEP }, { 2, F7B_SMAP, CR4_SMAP }, { 3, F7C_UMIP, CR4_UMIP },
    };
    const uint32_t words[] = { env->cpuid_1_edx, env->cpuid_1_ecx, env->cpuid_7_ebx,
                               env->cpuid_7_ecx };
    uint64_t valid = CR4_PCE;

    for (unsigned i = 0; i < ARRAY_LEN(gates); i++) {
        if (x86_has(words[gates[i].word], gates[i].bit)) {
            valid |= gates[i].cr4;
        }
    }
    return valid;
}

void x86_write_cr4(struct x86_env *env, uint64_t value)
{
    const uint64_t walk = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP;
    uint64_t changed = value ^ env->cr[4];

    if ((value & ~cr4_valid(env)) || (x86_long_mode(env) && !(value & CR4_PAE))) {
        gp0(env);
    }
    if (changed & walk) {
        check_pointers(env, env->cr[0], env->cr[3], value);
    }
    env->cr[4] = value;
    if (changed & walk) {
        tlb_flush(env_cpu(env));
    }
    x86_update_mode(env);
}

/* --- CR8, through the local APIC ------------------------------------------------------------- */

static uint64_t read_cr8(struct x86_env *env)
{
    uint64_t value = env->cr8;

    if (env->apic_ops) {
        big_lock();
        value = env->apic_ops->get_tpr(env_cpu(env)->apic);
        big_unlock();
    }
    return value;
}

static void write_cr8(struct x86_env *env, uint64_t value)
{
    if (value & ~15ull) {
        gp0(env);
    }
    env->cr8 = value;
    if (env->apic_ops) {
        big_lock();
        env->apic_ops->set_tpr(env_cpu(env)->apic, (uint8_t)value);
        big_unlock();
    }
}

x86_word helper_read_cr8(struct x86_env *env)
{
    return (x86_word)read_cr8(env);
}

/* reg is one of 0, 3, 4, 8. The values of 32-bit code come zero-extended. */
void helper_write_cr(struct x86_env *env, uint32_t reg, x86_word value)
{
    switch (reg) {
    case 0:
        x86_write_cr0(env, value);
        break;
    case 3:
        x86_write_cr3(env, value);
        break;
    case 4:
        x86_write_cr4(env, value);
        break;
    default:
        write_cr8(env, value);
        break;
    }
    x86_poll_interrupts(env);
}

/* LMSW sets PE but cannot clear it. */
void helper_lmsw(struct x86_env *env, uint32_t value)
{
    uint64_t cr0 = env->cr[0];

    x86_write_cr0(env, (cr0 & ~0xeull) | (value & 0xf) | (cr0 & CR0_PE));
}

void helper_clts(struct x86_env *env)
{
    env->cr[0] &= ~(uint64_t)CR0_TS;
    x86_update_mode(env);
}

/* --- tables ---------------------------------------------------------------------------------- */

/* which: 0 GDT, 1 IDT */
void helper_load_table(struct x86_env *env, uint32_t which, uint32_t limit, x86_word base)
{
    if (x86_long_mode(env) && !x86_canonical(base)) {
        gp0(env);
    }
    if (which == 0) {
        env->gdt_limit = limit & 0xffff;
        env->gdt_base = base;
    } else {
        env->idt_limit = limit & 0xffff;
        env->idt_base = base;
    }
}

void helper_invlpg(struct x86_env *env, x86_word address)
{
    tlb_flush_page(env_cpu(env), address);
}

/* Without PCIDs every type but the single address one drops whole contexts. */
void helper_invpcid(struct x86_env *env, x86_word type, uint64_t low, uint64_t address)
{
    if (type > 3 || (low & ~0xfffull) || (type == 0 && (low || !x86_canonical(address))) ||
        (type == 1 && low)) {
        gp0(env);
    }
    if (type == 0) {
        tlb_flush_page(env_cpu(env), address);
    } else if (type == 2) {
        tlb_flush(env_cpu(env));
    } else {
        tlb_flush_asid(env_cpu(env));
    }
}

/* --- XCR0 ------------------------------------------------------------------------------------ */

void helper_xsetbv(struct x86_env *env, uint32_t index, uint32_t low, uint32_t high)
{
    /* x87 must be on; x87 and SSE are all there is. */
    if (index != 0 || high || !(low & 1) || (low & ~3u)) {
        gp0(env);
    }
    env->xcr0 = low;
    x86_update_mode(env);
}

uint64_t helper_xgetbv(struct x86_env *env, uint32_t index)
{
    if (index > 1 || (index == 1 && !(env->cpuid_d1_eax & 4))) {
        gp0(env);
    }
    return env->xcr0;       /* index 1: XCR0 & XINUSE; everything may be in use */
}

/* --- small flag instructions ----------------------------------------------------------------- */

/* CLI and STI where IOPL is below CPL: virtual interrupts of VME and PVI, or #GP(0). */
static bool has_virtual_if(const struct x86_env *env)
{
    return env->eflags & FL_VM ? env->cr[4] & CR4_VME
                               : env->cpl == 3 && (env->cr[4] & CR4_PVI);
}

void helper_cli_denied(struct x86_env *env)
{
    if (!has_virtual_if(env)) {
        gp0(env);
    }
    env->eflags &= ~FL_VIF;
}

void helper_sti_denied(struct x86_env *env)
{
    if (!has_virtual_if(env) || (env->eflags & FL_VIP)) {
        gp0(env);
    }
    env->eflags |= FL_VIF;
}

/* sti, mov ss, pop ss: no interrupt before the next instruction is done. */
void helper_start_shadow(struct x86_env *env)
{
    env->mode_inhibit = MODE_INHIBIT;
    x86_update_flow(env);
}

void helper_end_shadow(struct x86_env *env)
{
    env->mode_inhibit = 0;
    x86_update_flow(env);
    x86_poll_interrupts(env);
}

void helper_update_mode(struct x86_env *env)
{
    x86_update_mode(env);
}

void helper_stac_clac(struct x86_env *env, uint32_t set)
{
    env->eflags = set ? env->eflags | FL_AC : env->eflags & ~FL_AC;
    x86_update_flow(env);
}

/* The pc is that of the next instruction already. */
void helper_hlt(struct x86_env *env)
{
    env->mode_inhibit = 0;
    x86_update_flow(env);
    env_cpu(env)->halted = true;
}

void helper_pause(struct x86_env *env)
{
    env->pauses_left = (int32_t)cpu_spin(env_cpu(env));
}

void helper_monitor(struct x86_env *env, x86_word address, uint32_t extensions)
{
    if (extensions) {
        gp0(env);
    }
    cpu_ldub(env, address, x86_mmu_index(env));
}

void helper_check_mwait(struct x86_env *env, uint32_t extensions)
{
    if (extensions) {
        gp0(env);
    }
}

/* Writes are not watched: with other processors about this is only a pause. */
void helper_mwait(struct x86_env *env)
{
    if (cpu_first()->next) {
        cpu_hot_exit(&env->hot);
    } else {
        helper_hlt(env);
    }
}

uint64_t helper_rdtsc(struct x86_env *env)
{
    if ((env->cr[4] & CR4_TSD) && env->cpl != 0) {
        gp0(env);
    }
    return x86_tsc(env);
}

uint64_t helper_rdpmc(struct x86_env *env, uint32_t counter)
{
    if (!(env->cr[4] & CR4_PCE) && env->cpl != 0) {
        gp0(env);
    }
    log_unimp("rdpmc of counter %x: there are no performance counters", counter);
    gp0(env);
}

void helper_cpuid(struct x86_env *env)
{
    uint32_t out[4];

    x86_cpuid(env, (uint32_t)env->regs[R_AX], (uint32_t)env->regs[R_CX], out);
    env->regs[R_AX] = out[0];
    env->regs[R_BX] = out[1];
    env->regs[R_CX] = out[2];
    env->regs[R_DX] = out[3];
}
