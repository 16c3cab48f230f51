/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exceptions and interrupts of a machine: how nested ones combine (double and triple
 * faults), in which order pending interrupts are taken, and delivery in real mode. Delivery through
 * gates is in deliver.c.
 *
 * A fault during delivery leaves by cpu_raise() and comes back here with old_exception still set.
 */
#include "target-i386/sys.h"
#include "target-i386/helpers.h"

#include "base/log.h"
#include "hw/i386/x86-cpu.h"

#define NO_EXCEPTION ((uint32_t)-1)

/* --- classes --------------------------------------------------------------------------------- */

static bool is_contributory(uint32_t vector)
{
    return vector == EXC_DE || (vector >= EXC_TS && vector <= EXC_GP);
}

static bool pushes_error(uint32_t vector)
{
    return vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;
}

static bool is_fault(const struct x86_env *env, uint32_t vector)
{
    switch (vector) {
    case EXC_DB:
        return false;       /* a trap, or an instruction breakpoint, which pushes RF as it is */
    case EXC_NMI:
    case EXC_BP:
    case EXC_OF:
    case EXC_DF:
    case EXC_MC:
        return false;
    default:
        return true;
    }
}

/* What to deliver when `next' comes up while `old' is being delivered. */
static uint32_t combine(uint32_t old, uint32_t next)
{
    bool serious = is_contributory(next) || next == EXC_PF;

    if (old == EXC_DF && serious) {
        return NO_EXCEPTION;
    }
    if ((is_contributory(old) && is_contributory(next)) || (old == EXC_PF && serious)) {
        return EXC_DF;
    }
    return next;
}

/* --- delivery -------------------------------------------------------------------------------- */

static void deliver_real(struct x86_env *env, const struct x86_event *event)
{
    struct x86_stack s;
    uint32_t at = event->vector * 4u, target;

    if (at + 3 > env->idt_limit) {
        x86_raise_error(env, EXC_GP, 0);
    }
    target = cpu_ldl(env, (uint32_t)(env->idt_base + at), x86_system_idx(env));
    x86_stack_current(env, &s);
    x86_stack_room(&s, &env->segs[SEG_SS], 6, 0);
    x86_stack_push(&s, 2, x86_get_eflags(env));
    x86_stack_push(&s, 2, env->segs[SEG_CS].selector);
    x86_stack_push(&s, 2, event->return_pc);
    x86_stack_commit(&s);
    env->segs[SEG_CS].selector = (uint16_t)(target >> 16);
    env->segs[SEG_CS].base = target >> 16 << 4;
    env->pc = target & 0xffff;
    env->eflags &= ~(FL_IF | FL_TF | FL_AC | FL_RF);
}

void x86_deliver(struct x86_env *env, const struct x86_event *event)
{
    if (log_enabled(LOG_INT)) {
        log_printf("int %02x%s error %04x cpl %u at %04x:%016llx sp %016llx cr2 %016llx\n",
                   event->vector, event->soft ? " soft" : "",
                   event->error, env->cpl, env->segs[SEG_CS].selector,
                   (unsigned long long)env->pc, (unsigned long long)env->regs[R_SP],
                   (unsigned long long)env->cr[2]);
    }
    env->event_external = event->external;
    env->mode_inhibit = 0;
    env->db_pending = 0;
    if (!(env->cr[0] & CR0_PE)) {
        deliver_real(env, event);
    } else if (x86_long_mode(env)) {
        x86_deliver_long(env, event);
    } else {
        x86_deliver_protected(env, event);
    }
    env->event_external = 0;
    env->old_exception = NO_EXCEPTION;
    x86_update_flow(env);
}

static void deliver_soft(struct x86_env *env, uint32_t exception)
{
    struct x86_event event = { .vector = (uint8_t)exception, .soft = true };

    if (exception == EXC_ICEBP) {
        event = (struct x86_event){ .vector = EXC_DB, .external = true };
    }
    event.return_pc = (x86_word)(env->pc + env->fault_next_pc_delta);
    if (!X86_64 || !x86_code64(env)) {
        event.return_pc = (uint32_t)event.return_pc;
    }
    x86_deliver(env, &event);
}

/* Only a reset, which the board requests, gets the processor out of this. */
void x86_shutdown(struct x86_env *env)
{
    struct cpu *cpu = env_cpu(env);

    log_guest_error("triple fault at %04x:%llx", env->segs[SEG_CS].selector,
                    (unsigned long long)env->pc);
    env->old_exception = NO_EXCEPTION;
    env->event_external = 0;
    env->eflags &= ~FL_IF;
    cpu->halted = true;
    x86_poll_interrupts(env);
    if (env->triple_fault) {
        env->triple_fault(env->triple_fault_opaque);
    } else {
        cpu_interrupt(cpu, CPU_INT_RESET);
    }
}

static void deliver_interrupt(struct x86_env *env, uint8_t vector)
{
    struct x86_event event = { .vector = vector, .external = true, .return_pc = env->pc };

    env_cpu(env)->halted = false;
    x86_deliver(env, &event);
}

void x86_take_exception(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    uint32_t vector = (uint32_t)cpu->exception, error = cpu->error_code;
    struct x86_event event = { .external = true };

    cpu->exception = -1;
    if (vector >= EXC_IRQ_FIRST) {
        deliver_interrupt(env, (uint8_t)vector);
        return;
    }
    if (vector >= EXC_INT_FIRST) {
        deliver_soft(env, vector);
        return;
    }
    if (vector == EXC_PF) {
        env->cr[2] = env->fault_addr;
    }
    if (env->old_exception != NO_EXCEPTION) {
        vector = combine(env->old_exception, vector);
        if (vector == NO_EXCEPTION) {
            x86_shutdown(env);
            return;
        }
        error = vector == EXC_DF ? 0 : error;
    }
    if (vector == EXC_DB) {
        env->dr[7] &= ~(uint64_t)DR7_GD;
    }
    env->old_exception = vector;
    event.vector = (uint8_t)vector;
    event.fault = is_fault(env, vector);
    event.has_error = pushes_error(vector);
    event.error = error;
    event.return_pc = env->pc;
    x86_deliver(env, &event);
}

/* --- interrupts ------------------------------------------------------------------------------ */

static bool may_take_hard(const struct x86_env *env)
{
    return env->eflags & FL_IF;
}

/*
 * The order is the manual's: SMI, INIT, NMI, then maskable interrupts. A start-up IPI comes after
 * the INIT that it follows: a processor may wake up and find both.
 */
bool x86_take_special(struct cpu *cpu, uint32_t pending)
{
    struct x86_env *env = x86_env(cpu);

    if ((pending & X86_INT_SMI) && !env->in_smm && !env->wait_sipi) {
        cpu_clear_interrupt(cpu, X86_INT_SMI);
        cpu->halted = false;
        x86_enter_smm(env);
        return true;
    }
    if ((pending & X86_INT_INIT) && !env->in_smm) {
        cpu_clear_interrupt(cpu, X86_INT_INIT);
        x86_init_reset(cpu);
        return true;
    }
    if ((pending & X86_INT_SIPI) && env->wait_sipi) {
        cpu_clear_interrupt(cpu, X86_INT_SIPI);
        env->wait_sipi = 0;
        cpu->halted = false;
        x86_seg_set(env, SEG_CS, (uint16_t)(env->sipi_vector << 8), env->sipi_vector << 12, 0xffff,
                    env->segs[SEG_CS].flags);
        env->pc = 0;
        x86_update_mode(env);
        return true;
    }
    if ((pending & CPU_INT_NMI) && !env->nmi_blocked && !env->mode_inhibit && !env->wait_sipi) {
        cpu_clear_interrupt(cpu, CPU_INT_NMI);
        env->nmi_blocked = 1;
        deliver_interrupt(env, EXC_NMI);
        return true;
    }
    return false;
}

bool x86_take_interrupt(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    uint32_t pending = __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST);
    int vector;

    if (x86_take_special(cpu, pending)) {
        return true;
    }
    if (!(pending & CPU_INT_HARD) || !may_take_hard(env) || env->mode_inhibit || env->wait_sipi ||
        !cpu->irq_acknowledge) {
        return false;
    }
    vector = cpu->irq_acknowledge(cpu->irq_opaque);
    if (vector < 0) {
        return false;
    }
    deliver_interrupt(env, (uint8_t)vector);
    return true;
}

bool x86_has_work(struct cpu *cpu)
{
    struct x86_env *env = x86_env(cpu);
    uint32_t pending = __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST);

    if (pending & CPU_INT_RESET) {
        return true;
    }
    if (env->wait_sipi) {
        return pending & (X86_INT_SIPI | X86_INT_INIT);
    }
    if (!env->in_smm && (pending & (X86_INT_SMI | X86_INT_INIT))) {
        return true;
    }
    return ((pending & CPU_INT_NMI) && !env->nmi_blocked) ||
        ((pending & CPU_INT_HARD) && may_take_hard(env));
}

/* --- software interrupts --------------------------------------------------------------------- */

/*
 * Virtual-8086 mode with VME: a clear bit in the TSS's map sends INT n to the program's own
 * handler.
 */
static bool redirected(struct x86_env *env, unsigned vector)
{
    uint16_t map;

    if (!(env->cr[4] & CR4_VME) || !(desc_type(env->tr.flags) & 8) || env->tr.limit < 0x67) {
        return false;
    }
    map = cpu_lduw(env, env->tr.base + 0x66, x86_system_idx(env));
    map = (uint16_t)(map - 32 + vector / 8);
    if (map > env->tr.limit) {
        return false;
    }
    return !(cpu_ldub(env, env->tr.base + map, x86_system_idx(env)) >> (vector & 7) & 1);
}

static void redirect(struct x86_env *env, unsigned vector, x86_word next_pc)
{
    struct x86_stack s;
    uint32_t flags = x86_get_eflags(env), target;
    bool iopl3 = (flags & FL_IOPL) == FL_IOPL;

    if (!iopl3) {
        flags = (flags & ~FL_IF) | FL_IOPL | (flags & FL_VIF ? FL_IF : 0);
    }
    target = cpu_ldl(env, vector * 4, x86_mmu_index(env));
    x86_stack_current(env, &s);
    x86_stack_room(&s, &env->segs[SEG_SS], 6, 0);
    x86_stack_push(&s, 2, flags);
    x86_stack_push(&s, 2, env->segs[SEG_CS].selector);
    x86_stack_push(&s, 2, next_pc);
    x86_stack_commit(&s);
    x86_seg_set_vm(env, SEG_CS, (uint16_t)(target >> 16));
    env->pc = target & 0xffff;
    env->eflags &= ~(FL_TF | (iopl3 ? FL_IF : FL_VIF));
    x86_update_mode(env);
}

/* INT n. Comes back only where virtual-8086 mode handles it itself. */
void helper_int(struct x86_env *env, uint32_t vector, uint32_t insn_len, x86_word next_pc)
{
    if (env->eflags & FL_VM) {
        if (redirected(env, vector)) {
            redirect(env, vector, next_pc);
            return;
        }
        if ((env->eflags & FL_IOPL) != FL_IOPL) {
            x86_raise_error(env, EXC_GP, 0);
        }
    }
    x86_raise_soft_int(env, (int)vector, (int)insn_len);
}
