/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registers between env and KVM. */
#include "target-i386/kvm.h"

#include <string.h>

#include "base/bits.h"
#include "hw/i386/x86-cpu.h"
#include "target-i386/fpu.h"
#include "target-i386/fxsave.h"
#include "target-i386/helpers.h"
#include "target-i386/sys.h"

/* --- general --------------------------------------------------------------------------------- */

/* In the order of our numbers, which is the encoding's */
static const uint16_t general[] = {
    offsetof(struct kvm_regs, rax), offsetof(struct kvm_regs, rcx),
    offsetof(struct kvm_regs, rdx), offsetof(struct kvm_regs, rbx),
    offsetof(struct kvm_regs, rsp), offsetof(struct kvm_regs, rbp),
    offsetof(struct kvm_regs, rsi), offsetof(struct kvm_regs, rdi),
    offsetof(struct kvm_regs, r8), offsetof(struct kvm_regs, r9),
    offsetof(struct kvm_regs, r10), offsetof(struct kvm_regs, r11),
    offsetof(struct kvm_regs, r12), offsetof(struct kvm_regs, r13),
    offsetof(struct kvm_regs, r14), offsetof(struct kvm_regs, r15),
};

static void get_general(struct x86_env *env, const struct kvm_regs *regs)
{
    for (unsigned i = 0; i < X86_REGS; i++) {
        env->regs[i] = (x86_word)*(const __u64 *)((const char *)regs + general[i]);
    }
    env->pc = (x86_word)regs->rip;
    x86_load_eflags(env, (uint32_t)regs->rflags);
}

static void put_general(struct x86_env *env, struct kvm_regs *regs)
{
    memset(regs, 0, sizeof(*regs));
    for (unsigned i = 0; i < X86_REGS; i++) {
        *(__u64 *)((char *)regs + general[i]) = env->regs[i];
    }
    regs->rip = env->pc;
    regs->rflags = x86_get_eflags(env);
}

/* --- segments and control registers ---------------------------------------------------------- */

static void get_segment(struct x86_segment *s, const struct kvm_segment *k)
{
    s->selector = k->selector;
    s->base = k->base;
    s->limit = k->limit;
    s->flags = k->type << 8 | k->s << 12 | k->dpl << 13 | (k->present && !k->unusable) << 15 |
        k->avl << 20 | k->l << 21 | k->db << 22 | (uint32_t)k->g << 23;
}

static void put_segment(const struct x86_segment *s, struct kvm_segment *k)
{
    *k = (struct kvm_segment){
        .base = s->base, .limit = s->limit, .selector = s->selector, .type = s->flags >> 8 & 15,
        .s = s->flags >> 12 & 1, .dpl = s->flags >> 13 & 3, .present = s->flags >> 15 & 1,
        .avl = s->flags >> 20 & 1, .l = s->flags >> 21 & 1, .db = s->flags >> 22 & 1,
        .g = s->flags >> 23 & 1, .unusable = !(s->flags & DESC_P),
    };
}

/* In virtual-8086 mode the processor wants these and nothing else. */
static void put_segment_vm(const struct x86_segment *s, struct kvm_segment *k)
{
    *k = (struct kvm_segment){
        .base = (uint32_t)s->selector << 4, .limit = 0xffff, .selector = s->selector, .type = 3,
        .s = 1, .dpl = 3, .present = 1,
    };
}

static struct kvm_segment *segment_of(struct kvm_sregs *sregs, unsigned i)
{
    struct kvm_segment *const segments[] = {
        [SEG_ES] = &sregs->es, [SEG_CS] = &sregs->cs, [SEG_SS] = &sregs->ss,
        [SEG_DS] = &sregs->ds, [SEG_FS] = &sregs->fs, [SEG_GS] = &sregs->gs,
    };

    return segments[i];
}

static unsigned privilege(const struct x86_env *env)
{
    if (!(env->cr[0] & CR0_PE)) {
        return 0;
    }
    return env->eflags & FL_VM ? 3 : env->segs[SEG_SS].flags >> DESC_DPL_SHIFT & 3;
}

static void get_special(struct x86_env *env, struct kvm_sregs *sregs)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        get_segment(&env->segs[i], segment_of(sregs, i));
    }
    get_segment(&env->ldt, &sregs->ldt);
    get_segment(&env->tr, &sregs->tr);
    env->gdt_base = sregs->gdt.base;
    env->gdt_limit = sregs->gdt.limit;
    env->idt_base = sregs->idt.base;
    env->idt_limit = sregs->idt.limit;
    env->cr[0] = sregs->cr0;
    env->cr[2] = sregs->cr2;
    env->cr[3] = sregs->cr3;
    env->cr[4] = sregs->cr4;
    env->efer = sregs->efer;
    env->cpl = privilege(env);
}

static void put_special(struct cpu *cpu, struct kvm_sregs *sregs)
{
    struct x86_env *env = x86_env(cpu);
    bool vm = env->eflags & FL_VM;

    memset(sregs, 0, sizeof(*sregs));
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        (vm ? put_segment_vm : put_segment)(&env->segs[i], segment_of(sregs, i));
    }
    put_segment(&env->ldt, &sregs->ldt);
    put_segment(&env->tr, &sregs->tr);
    sregs->gdt = (struct kvm_dtable){ .base = env->gdt_base, .limit = (uint16_t)env->gdt_limit };
    sregs->idt = (struct kvm_dtable){ .base = env->idt_base, .limit = (uint16_t)env->idt_limit };
    sregs->cr0 = env->cr[0];
    sregs->cr2 = env->cr[2];
    sregs->cr3 = env->cr[3];
    sregs->cr4 = env->cr[4];
    sregs->efer = env->efer;
    sregs->apic_base = env->apic_base;
    if (env->apic_ops) {
        sregs->apic_base = env->apic_ops->get_base(cpu->apic);
        sregs->cr8 = env->apic_ops->get_tpr(cpu->apic);
    }
    x86_vcpu(cpu)->run->apic_base = sregs->apic_base;
    x86_vcpu(cpu)->run->cr8 = sregs->cr8;
}

/* --- x87 and SSE ----------------------------------------------------------------------------- */

enum { HEADER = 512 / 4, XSTATE_X87_SSE = 3 };      /* in 32-bit words */

static void get_image(struct x86_env *env, const struct x86_fxsave *in)
{
    env->fpuc = in->fcw;
    env->fpus = in->fsw & ~FPUS_TOP;
    env->fptop = in->fsw >> FPUS_TOP_SHIFT & 7;
    env->fptags = (uint8_t)~in->ftw;
    env->fop = in->fop;
    env->fpip = X86_64 ? in->fip : (uint32_t)in->fip;
    env->fpdp = X86_64 ? in->fdp : (uint32_t)in->fdp;
    env->mxcsr = in->mxcsr & env->mxcsr_mask;
    for (unsigned i = 0; i < 8; i++) {
        fp_st(env, i)->mant = in->st[i].mant;
        fp_st(env, i)->exp = in->st[i].exp;
    }
    memcpy(env->xmm, in->xmm, X86_REGS * sizeof(env->xmm[0]));
}

static void put_image(struct x86_env *env, struct x86_fxsave *out)
{
    out->fcw = env->fpuc;
    out->fsw = (uint16_t)((env->fpus & ~FPUS_TOP) | env->fptop << FPUS_TOP_SHIFT);
    out->ftw = (uint8_t)~env->fptags;
    out->pad = 0;
    out->fop = env->fop;
    out->fip = env->fpip;
    out->fdp = env->fpdp;
    out->mxcsr = env->mxcsr;
    out->mxcsr_mask = env->mxcsr_mask;
    for (unsigned i = 0; i < 8; i++) {
        out->st[i] = (struct x86_fpreg){ .mant = fp_st(env, i)->mant, .exp = fp_st(env, i)->exp };
    }
    memcpy(out->xmm, env->xmm, sizeof(out->xmm));
}

static void get_vectors(struct cpu *cpu)
{
    struct kvm_xsave *area = &x86_kvm_of(cpu)->xsave;
    struct kvm_xcrs xcrs = { 0 };
    struct x86_env *env = x86_env(cpu);

    if (kvm_vcpu_ioctl(cpu, KVM_GET_XSAVE, area) == 0) {
        get_image(env, (const struct x86_fxsave *)area->region);
    }
    if (kvm_vcpu_ioctl(cpu, KVM_GET_XCRS, &xcrs) == 0 && xcrs.nr_xcrs) {
        env->xcr0 = xcrs.xcrs[0].value;
    }
}

static bool put_vectors(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    struct kvm_xsave *area = &x86_kvm_of(cpu)->xsave;
    struct kvm_xcrs xcrs = { .nr_xcrs = 1 };

    put_image(env, (struct x86_fxsave *)area->region);
    area->region[HEADER] |= XSTATE_X87_SSE;
    xcrs.xcrs[0].value = env->xcr0;
    if (kvm_vcpu_ioctl(cpu, KVM_SET_XSAVE, area) < 0) {
        return false;
    }
    /* Processors without XSAVE have no XCR0. */
    return kvm_vcpu_ioctl(cpu, KVM_SET_XCRS, &xcrs) == 0 || !x86_has(env->cpuid_1_ecx, F1C_XSAVE);
}

/* --- debug registers and events -------------------------------------------------------------- */

static void get_debug(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    struct kvm_debugregs regs;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_DEBUGREGS, &regs) == 0) {
        for (unsigned i = 0; i < 4; i++) {
            env->dr[i] = regs.db[i];
        }
        env->dr[6] = regs.dr6;
        env->dr[7] = regs.dr7;
    }
}

static bool put_debug(struct cpu *cpu)
{
    const struct x86_env *env = x86_env(cpu);
    struct kvm_debugregs regs = { .dr6 = env->dr[6], .dr7 = env->dr[7] };

    for (unsigned i = 0; i < 4; i++) {
        regs.db[i] = env->dr[i];
    }
    return kvm_vcpu_ioctl(cpu, KVM_SET_DEBUGREGS, &regs) == 0;
}

/* The event that the guest is about to get, NMIs, and the shadow of STI. The instruction of a
   software interrupt is executed again. */
static void get_events(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    struct kvm_vcpu_events e;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_VCPU_EVENTS, &e) < 0) {
        return;
    }
    cpu->exception = -1;
    if (e.exception.injected || e.exception.pending) {
        cpu->exception = e.exception.nr;
        cpu->error_code = e.exception.error_code;
        env->fault_addr = env->cr[2];
    } else if (e.interrupt.injected && !e.interrupt.soft) {
        cpu->exception = EXC_IRQ_FIRST + e.interrupt.nr;
    }
    env->mode_inhibit = e.interrupt.shadow ? MODE_INHIBIT : 0;
    env->nmi_blocked = e.nmi.masked && !e.nmi.injected;
    if (e.nmi.pending || e.nmi.injected) {
        cpu_interrupt(cpu, CPU_INT_NMI);
    }
}

static bool has_error_code(int vector)
{
    return vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;
}

static bool put_events(struct cpu *cpu)
{
    const struct x86_env *env = x86_env(cpu);
    int event = cpu->exception;
    struct kvm_vcpu_events e = {
        .interrupt.shadow = env->mode_inhibit
            ? KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0,
        .nmi.masked = (uint8_t)env->nmi_blocked,
        .flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING,
    };

    if (event >= EXC_IRQ_FIRST) {
        e.interrupt.injected = 1;
        e.interrupt.nr = (uint8_t)event;
    } else if (event >= 0 && event < 32) {
        e.exception.injected = 1;
        e.exception.nr = (uint8_t)event;
        e.exception.has_error_code = has_error_code(event);
        e.exception.error_code = e.exception.has_error_code ? cpu->error_code : 0;
    }
    cpu->exception = -1;
    return kvm_vcpu_ioctl(cpu, KVM_SET_VCPU_EVENTS, &e) == 0;
}

/* --- all ------------------------------------------------------------------------------------- */

void x86_kvm_get(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    struct kvm_regs regs;
    struct kvm_sregs sregs;

    if (kvm_vcpu_ioctl(cpu, KVM_GET_REGS, &regs) < 0 ||
        kvm_vcpu_ioctl(cpu, KVM_GET_SREGS, &sregs) < 0) {
        error_exit("KVM does not give the registers of CPU %d", cpu->index);
    }
    get_general(env, &regs);
    get_special(env, &sregs);
    get_vectors(cpu);
    get_debug(cpu);
    x86_kvm_get_msrs(cpu);
    get_events(cpu);
    x86_update_mode(env);
}

bool x86_kvm_put(struct cpu *cpu, bool replaced)
{
    struct x86_env *env = x86_env(cpu);
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    const char *failed = NULL;

    put_general(env, &regs);
    put_special(cpu, &sregs);
    /* A page fault that a loaded machine is about to take */
    if (cpu->exception == EXC_PF) {
        sregs.cr2 = env->fault_addr;
    }
    if (!x86_kvm_set_cpuid(cpu)) {
        failed = "CPUID";
    } else if (kvm_vcpu_ioctl(cpu, KVM_SET_SREGS, &sregs) < 0) {
        failed = "its control registers";
    } else if (kvm_vcpu_ioctl(cpu, KVM_SET_REGS, &regs) < 0) {
        failed = "its registers";
    } else if (!put_vectors(cpu)) {
        failed = "its vector registers";
    } else if (!x86_kvm_put_msrs(cpu, replaced)) {
        failed = "its model specific registers";
    } else if (!put_events(cpu)) {
        failed = "its pending events";
    } else if (!put_debug(cpu)) {
        failed = "its debug registers";
    }
    if (failed) {
        char text[80];

        snprintf(text, sizeof(text), "%s cannot be set", failed);
        kvm_give_up(cpu, text);
    }
    return !failed;
}
