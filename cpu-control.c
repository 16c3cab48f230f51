/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine's vCPUs as others see them: creation, starting and stopping, interrupts, debugging.
 */
#include "cpu-control.h"

#include <glib.h>
#include <string.h>
#include "accel/accel.h"
#include "base/bits.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/lock.h"
#include "hw/core/memory.h"
#include "tcg/region.h"
#include "tcg/tlb.h"

enum { CODE_BUFFER_SIZE = 256 << 20 };

static struct cpu *cpus;
/* Someone waits for a vCPU to stop or to finish a piece of work; with the big lock. */
static pthread_cond_t progress = PTHREAD_COND_INITIALIZER;

struct cpu *cpu_first(void)
{
    return cpus;
}

struct cpu *cpu_by_index(int index)
{
    struct cpu *cpu = cpus;

    while (cpu && cpu->index != index) {
        cpu = cpu->next;
    }
    return cpu;
}

struct cpu *cpu_create(const char *model, struct address_space *memory, struct address_space *io,
                       struct error **err)
{
    struct cpu *cpu, **at = &cpus;
    pthread_condattr_t attr;
    int index = 0;

    if (!region_cache_create(&the_target, CODE_BUFFER_SIZE, err)) {
        return NULL;
    }
    for (; *at; at = &(*at)->next) {
        index++;
    }
    cpu = g_new0(struct cpu, 1);
    cpu->target = &the_target;
    cpu->index = index;
    cpu->exception = -1;
    cpu->memory = memory;
    cpu->io = io;
    cpu->stop_request = true;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cpu->wake, &attr);
    if (!tlb_create(cpu, err) || !jump_cache_create(cpu, err)) {
        g_free(cpu);
        return NULL;
    }
    cpu_hot(cpu)->cpu = cpu;
    region_vcpu_init(cpu);
    if (!cpu->target->init(cpu, model, err)) {
        return NULL;
    }
    *at = cpu;
    cpu_reset_one(cpu);
    if (accel()->create && !accel()->create(cpu, err)) {
        *at = NULL;
        return NULL;
    }
    return cpu;
}

void cpu_start_all(void)
{
    for (struct cpu *cpu = cpus; cpu; cpu = cpu->next) {
        int failed = pthread_create(&cpu->thread, NULL, cpu_thread, cpu);

        if (failed) {
            error_exit("cannot start the thread of CPU %d: %s", cpu->index, strerror(failed));
        }
        pthread_setname_np(cpu->thread, "vcpu");
        cpu->started = true;
    }
}

void cpu_reset_one(struct cpu *cpu)
{
    cpu->exception = -1;
    cpu->halted = false;
    cpu->one_insn = false;
    __atomic_store_n(&cpu->interrupts, 0, __ATOMIC_SEQ_CST);
    cpu->target->reset(cpu);
    tlb_flush(cpu);
    jump_cache_select(cpu);
    cpu_replaced(cpu);
}

void cpu_replaced(struct cpu *cpu)
{
    if (accel()->replaced) {
        accel()->replaced(cpu);
    }
}

static void reset_on_thread(struct cpu *cpu, void *opaque)
{
    cpu_reset_one(cpu);
}

void cpu_reset_all(void)
{
    for (struct cpu *cpu = cpus; cpu; cpu = cpu->next) {
        cpu_run_on(cpu, reset_on_thread, NULL);
    }
}

/* --- asking for attention -------------------------------------------------------------------- */

void cpu_kick(struct cpu *cpu)
{
    cpu_hot_exit(cpu_hot(cpu));
    if (accel()->kick) {
        accel()->kick(cpu);
    }
    pthread_cond_broadcast(&cpu->wake);
}

/* Others are about to look at env. */
static void bring_up_to_date(struct cpu *cpu)
{
    if (accel()->sync) {
        accel()->sync(cpu);
    }
}

void cpu_interrupt(struct cpu *cpu, uint32_t mask)
{
    __atomic_fetch_or(&cpu->interrupts, mask, __ATOMIC_SEQ_CST);
    cpu_kick(cpu);
}

void cpu_clear_interrupt(struct cpu *cpu, uint32_t mask)
{
    __atomic_fetch_and(&cpu->interrupts, ~mask, __ATOMIC_SEQ_CST);
}

void cpu_wait(struct cpu *cpu)
{
    if (cpu->stop_request && !cpu->stopped) {
        bring_up_to_date(cpu);
        cpu->stopped = true;
        pthread_cond_broadcast(&progress);
    }
    big_lock_wait(&cpu->wake);
    if (!cpu->stop_request) {
        cpu->stopped = false;
    }
}

/*
 * A loop that waits for time to pass or for another processor burns host time for nothing once it
 * has lasted longer than a sleep takes to set up.
 */
unsigned cpu_spin(struct cpu *cpu)
{
    enum { PAUSES = 64, PAUSES_BETWEEN_SLEEPS = 4, FAR_APART = 20000, PATIENCE = 20000,
           SLEEP = 50000 };         /* ns */
    int64_t now = clock_ns(CLOCK_HOST);

    if (now - cpu->spin_last > FAR_APART) {
        cpu->spin_start = now;
    }
    cpu->spin_last = now;
    if (now - cpu->spin_start < PATIENCE) {
        return PAUSES;
    }
    big_lock();
    if (!__atomic_load_n(&cpu_hot(cpu)->exit_req, __ATOMIC_SEQ_CST)) {
        big_lock_wait_for(&cpu->wake, SLEEP);
    }
    big_unlock();
    cpu->spin_last = clock_ns(CLOCK_HOST);
    return PAUSES_BETWEEN_SLEEPS;
}

/* --- stopping and running -------------------------------------------------------------------- */

void cpu_stop_all(void)
{
    for (struct cpu *cpu = cpus; cpu; cpu = cpu->next) {
        cpu->stop_request = true;
        cpu_kick(cpu);
    }
    for (struct cpu *cpu = cpus; cpu; cpu = cpu->next) {
        while (cpu->started && !cpu->stopped && cpu != cpu_current()) {
            big_lock_wait(&progress);
        }
    }
}

void cpu_resume_all(void)
{
    for (struct cpu *cpu = cpus; cpu; cpu = cpu->next) {
        cpu->stop_request = false;
        cpu->stopped = false;
        cpu_kick(cpu);
    }
}

/* --- work on a vCPU's thread ----------------------------------------------------------------- */

struct cpu_work {
    void (*fn)(struct cpu *, void *);
    void *opaque;
    bool done;
    struct cpu_work *next;
};

void cpu_work_run(struct cpu *cpu)
{
    if (cpu->work) {
        bring_up_to_date(cpu);
    }
    while (cpu->work) {
        struct cpu_work *work = cpu->work;

        cpu->work = work->next;
        work->fn(cpu, work->opaque);
        work->done = true;
        pthread_cond_broadcast(&progress);
    }
}

void cpu_run_on(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *opaque)
{
    struct cpu_work work = { .fn = fn, .opaque = opaque }, **at = &cpu->work;

    if (cpu == cpu_current() || !cpu->started) {
        fn(cpu, opaque);
        return;
    }
    while (*at) {
        at = &(*at)->next;
    }
    *at = &work;
    cpu_kick(cpu);
    while (!work.done) {
        big_lock_wait(&progress);
    }
}

static void do_nothing(struct cpu *cpu, void *opaque)
{
}

void cpu_settle_all(void)
{
    for (struct cpu *cpu = cpus; cpu; cpu = cpu->next) {
        cpu_run_on(cpu, do_nothing, NULL);
    }
}

/* --- debugging ------------------------------------------------------------------------------- */

bool cpu_debug_access(struct cpu *cpu, uint64_t vaddr, void *buf, size_t len, bool write)
{
    uint8_t *at = buf;

    while (len) {
        uint64_t offset = vaddr & ~tlb_page_mask(cpu), paddr;
        size_t part = MIN_OF(len, -tlb_page_mask(cpu) - offset);

        if (!cpu->target->debug_translate(cpu, vaddr, &paddr)) {
            return false;
        }
        if (write) {
            address_space_write_rom(cpu->memory, paddr, at, part);
        } else {
            address_space_read(cpu->memory, paddr, at, part);
        }
        vaddr += part;
        at += part;
        len -= part;
    }
    return true;
}
