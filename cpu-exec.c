/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The execution loop: find or translate the region for the CPU's state, run it, take exceptions
 * between regions. What happens between runs is cpu-thread.c's for machines, linux-user's for
 * processes.
 */
#include "cpu-exec.h"

#include <assert.h>
#include <inttypes.h>
#include "base/log.h"
#include "base/sanitizer.h"
#include "cpu-control.h"
#include "cpu-debug.h"
#include "tcg/backend.h"
#include "tcg/code.h"
#include "tcg/region.h"
#include "tcg/translate.h"

static __thread struct cpu *current_cpu;

struct cpu *cpu_current(void)
{
    return current_cpu;
}

void cpu_set_current(struct cpu *cpu)
{
    current_cpu = cpu;
}

/* --- leaving translated code ----------------------------------------------------------------- */

void cpu_restore_state(struct cpu *cpu)
{
    uintptr_t ra = cpu_hot(cpu)->ra;
    struct region *r = ra ? region_by_host(ra) : NULL;

    if (r) {
        backend_restore(cpu, region_buffer(), r, ra);
    }
}

/* Once only: after it env is precise and hot.ra has no meaning any more. */
static _Noreturn void leave(struct cpu *cpu)
{
    cpu_restore_state(cpu);
    cpu_hot(cpu)->ra = 0;
    siglongjmp(cpu->jmp, 1);
}

_Noreturn void cpu_raise(struct cpu *cpu)
{
    leave(cpu);
}

_Noreturn void cpu_loop_exit(struct cpu *cpu)
{
    leave(cpu);
}

/* --- one stretch of guest code --------------------------------------------------------------- */

static void log_region(struct cpu *cpu, const struct region *r)
{
    log_begin();
    if (log_enabled(LOG_EXEC)) {
        log_printf("Trace %d: 0x%08" PRIx64 " mode 0x%x, %u instructions\n", cpu->index,
                   r->key.pc, r->key.mode, r->insns);
    }
    if (log_enabled(LOG_CPU)) {
        cpu->target->debug_print(cpu, log_stream());
    }
    log_end();
}

/* A signal or an interrupt may have come between: then something else follows. */
static bool leads_to(const struct region_exit *slot, const struct region *r)
{
    return slot && slot->pc == r->key.pc && slot->from->key.mode == r->key.mode &&
           slot->from->key.base == r->key.base;
}

/* Finds or translates what comes next, and how to get there without asking again. */
static const void *next_region(struct cpu *cpu)
{
    bool single = cpu->one_insn;
    struct region *r;

    cpu->fetching = true;
    r = region_lookup(cpu, single ? 1 : REGION_MAX_INSNS);
    cpu->fetching = false;
    if (!single && !region_is_dead(r) && !log_enabled(LOG_NOCHAIN)) {
        if (!leads_to(cpu->chain_from, r) || !region_chain(cpu->chain_from, r)) {
            jump_cache_add(cpu, r->key.pc, r);
        }
    }
    cpu->chain_from = NULL;
    if (log_enabled(LOG_EXEC | LOG_CPU)) {
        log_region(cpu, r);
    }
    return region_buffer() + r->host;
}

static enum exit_reason run_region(struct cpu *cpu)
{
    const void *host = cpu->chain_from ? NULL : region_quick(cpu);
    struct region_exit *slot = NULL;
    enum exit_reason reason;

    if (!host) {
        host = next_region(cpu);
    }
    reason = backend_run(cpu->env, host, &slot);
    if (reason == EXIT_CHECK) {
        cpu->fetching = true;
        region_checked(cpu, cpu_hot(cpu)->scratch[1]);
        cpu->fetching = false;
        return reason;                          /* nothing has been executed */
    }
    cpu->one_insn = false;
    if (reason == EXIT_CHAIN) {
        cpu->chain_from = slot;
    }
    return reason;
}

/* After instructions that may have enabled interrupts the region left for the loop. */
static bool must_look(struct cpu *cpu, enum exit_reason reason)
{
    return cpu->halted || __atomic_load_n(&cpu_hot(cpu)->exit_req, __ATOMIC_RELAXED) ||
           cpu_debug_alone(cpu) ||
           (reason == EXIT_LOOP && (code_is_user || (cpu->interrupts &&
                                                     cpu->target->has_work(cpu))));
}

/* Exceptions come back to the sigsetjmp. */
void cpu_run_guest(struct cpu *cpu)
{
    if (sigsetjmp(cpu->jmp, 0)) {
        backend_fp_sync(cpu->env);
        cpu_hot(cpu)->ra = 0;
        cpu->chain_from = NULL;
        cpu->fetching = false;
        sanitizer_guest_reads_end();
        if (cpu->halted || cpu->debug.stop) {
            return;
        }
    }
    if (cpu->exception >= 0 && code_is_user) {
        return;
    }
    if (cpu->exception >= 0) {
        /* Delivery may raise again: it finds the old number in the target's own state. */
        cpu->one_insn = false;
        cpu->target->take_exception(cpu);
        if (cpu_debug_alone(cpu)) {
            cpu_debug_after(cpu, true);
            return;
        }
    }
    while (!must_look(cpu, run_region(cpu))) {
    }
    if (cpu_debug_alone(cpu)) {
        cpu_debug_after(cpu, false);
    }
}

/* --- exclusive sections ---------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool wanted;
} exclusive = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };

/* A vCPU announces itself before it looks at `wanted', and who wants looks afterwards. */
void cpu_exec_begin(struct cpu *cpu)
{
    __atomic_store_n(&cpu->in_guest, true, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&exclusive.wanted, __ATOMIC_SEQ_CST)) {
        cpu_exec_end(cpu);
        pthread_mutex_lock(&exclusive.lock);
        while (exclusive.wanted) {
            pthread_cond_wait(&exclusive.changed, &exclusive.lock);
        }
        __atomic_store_n(&cpu->in_guest, true, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&exclusive.lock);
    }
}

void cpu_exec_end(struct cpu *cpu)
{
    __atomic_store_n(&cpu->in_guest, false, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&exclusive.wanted, __ATOMIC_SEQ_CST)) {
        pthread_mutex_lock(&exclusive.lock);
        pthread_cond_broadcast(&exclusive.changed);
        pthread_mutex_unlock(&exclusive.lock);
    }
}

/* And asks them to leave. */
static bool others_in_guest(struct cpu *cpu)
{
    bool any = false;

    for (struct cpu *c = cpu_first(); c; c = cpu_next(c)) {
        if (c != cpu && __atomic_load_n(&c->in_guest, __ATOMIC_SEQ_CST)) {
            cpu_hot_exit(cpu_hot(c));
            any = true;
        }
    }
    return any;
}

void cpu_exclusive_begin(struct cpu *cpu)
{
    cpu_exec_end(cpu);
    pthread_mutex_lock(&exclusive.lock);
    while (exclusive.wanted) {
        pthread_cond_wait(&exclusive.changed, &exclusive.lock);
    }
    __atomic_store_n(&exclusive.wanted, true, __ATOMIC_SEQ_CST);
    while (others_in_guest(cpu)) {
        pthread_cond_wait(&exclusive.changed, &exclusive.lock);
    }
    pthread_mutex_unlock(&exclusive.lock);
}

void cpu_exclusive_end(struct cpu *cpu)
{
    pthread_mutex_lock(&exclusive.lock);
    __atomic_store_n(&exclusive.wanted, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->in_guest, true, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&exclusive.changed);
    pthread_mutex_unlock(&exclusive.lock);
}

void cpu_exec_fork_begin(void)
{
    pthread_mutex_lock(&exclusive.lock);
}

void cpu_exec_fork_end(bool child)
{
    if (child) {
        for (struct cpu *c = cpu_first(); c; c = cpu_next(c)) {
            c->in_guest = false;
        }
        exclusive.wanted = false;
        pthread_cond_init(&exclusive.changed, NULL);
    }
    pthread_mutex_unlock(&exclusive.lock);
}
