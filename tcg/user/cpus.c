/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vCPUs of a process, one a thread. The list only grows: a vCPU whose thread has ended waits
 * for the next thread, so that others may walk the list without a lock.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "tcg/region.h"
#include "tcg/user/user.h"

enum { CODE_BUFFER_SIZE = 256 << 20, ENV_ALIGN = 256 };

static struct cpu *cpus;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct cpu *cpu_first(void)
{
    return __atomic_load_n(&cpus, __ATOMIC_ACQUIRE);
}

/* With the lock; others read it without. */
static void set_running(struct cpu *cpu, bool running)
{
    __atomic_store_n(&cpu->running, running, __ATOMIC_RELAXED);
}

static void reset(struct cpu *cpu)
{
    cpu->exception = -1;
    cpu->halted = cpu->one_insn = false;
    cpu->interrupts = 0;
    cpu->chain_from = NULL;
    set_running(cpu, true);
}

/* One that no thread uses, with its translation buffers and jump cache. */
static struct cpu *take_free(void)
{
    struct cpu *cpu = cpus;

    while (cpu && cpu->running) {
        cpu = cpu->next;
    }
    if (cpu) {
        const size_t own = sizeof(struct cpu_hot);

        memset((uint8_t *)cpu->env + own, 0, cpu->target->env_size - own);
        cpu_hot(cpu)->ra = cpu_hot(cpu)->x87_resident = 0;
        reset(cpu);
    }
    return cpu;
}

static struct cpu *create(struct error **err)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu)), **at = &cpus;

    cpu->target = &the_target;
    cpu->user = true;
    cpu->env = aligned_alloc(ENV_ALIGN, (the_target.env_size + ENV_ALIGN - 1) & -ENV_ALIGN);
    memset(cpu->env, 0, the_target.env_size);
    cpu_hot(cpu)->cpu = cpu;
    if (!jump_cache_create(cpu, err)) {
        return NULL;
    }
    region_vcpu_init(cpu);
    reset(cpu);
    for (; *at; at = &(*at)->next) {
        cpu->index++;
    }
    __atomic_store_n(at, cpu, __ATOMIC_RELEASE);
    return cpu;
}

struct cpu *user_cpu_alloc(struct error **err)
{
    struct cpu *cpu;

    pthread_mutex_lock(&lock);
    cpu = take_free();
    if (!cpu && region_cache_create(&the_target, CODE_BUFFER_SIZE, err)) {
        cpu = create(err);
    }
    pthread_mutex_unlock(&lock);
    return cpu;
}

struct cpu *user_cpu_create(const char *model, struct error **err)
{
    struct cpu *cpu = user_cpu_alloc(err);

    if (!cpu || !cpu->target->init(cpu, model, err)) {
        return NULL;
    }
    cpu->target->reset(cpu);
    jump_cache_select(cpu);
    return cpu;
}

void user_cpu_free(struct cpu *cpu)
{
    pthread_mutex_lock(&lock);
    set_running(cpu, false);
    pthread_mutex_unlock(&lock);
}

void user_cpus_fork_begin(void)
{
    pthread_mutex_lock(&lock);
}

void user_cpus_fork_end(const struct cpu *only)
{
    for (struct cpu *c = cpus; only && c; c = c->next) {
        set_running(c, c == only);
    }
    pthread_mutex_unlock(&lock);
}

/* No devices raise interrupts in a process. */
void cpu_interrupt(struct cpu *cpu, uint32_t mask)
{
    __atomic_fetch_or(&cpu->interrupts, mask, __ATOMIC_SEQ_CST);
    cpu_hot_exit(cpu_hot(cpu));
}

void cpu_clear_interrupt(struct cpu *cpu, uint32_t mask)
{
    __atomic_fetch_and(&cpu->interrupts, ~mask, __ATOMIC_SEQ_CST);
}

/* The host's scheduler knows best who else could run. */
unsigned cpu_spin(struct cpu *cpu)
{
    enum { PAUSES = 64 };

    sched_yield();
    return PAUSES;
}
