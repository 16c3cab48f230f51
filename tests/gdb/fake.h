/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that does not exist, for the stub: three threads, two pages of memory, a target with
 * five registers. Used by the tests of packets, well-formed and not.
 */
#ifndef TESTS_GDB_FAKE_H
#define TESTS_GDB_FAKE_H

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "cpu-debug.h"
#include "cpu-registers.h"
#include "gdbstub/gdbstub.h"
#include "tcg/region.h"
#include "tcg/softmmu.h"

enum { FAKE_THREADS = 3, FAKE_BASE = 0x1000, FAKE_SIZE = 0x2000, FAKE_OUT = 1 << 20 };

struct fake_env {
    struct cpu_hot hot;
    uint32_t regs[4], pc;
};

static struct fake_env fake_envs[FAKE_THREADS];
static struct cpu fake_cpus[FAKE_THREADS];
static uint8_t fake_memory[FAKE_SIZE];
static char fake_out[FAKE_OUT];
static size_t fake_out_size;
static unsigned fake_resumes, fake_stops, fake_interrupts, fake_kills, fake_detaches;
static int fake_signal;

/* --- the target ------------------------------------------------------------------------------ */

static void fake_get(struct cpu *cpu, const struct debug_register *r, uint8_t *value)
{
    struct fake_env *env = cpu->env;

    memcpy(value, r->kind ? &env->pc : &env->regs[r->index], 4);
}

static bool fake_set(struct cpu *cpu, const struct debug_register *r, const uint8_t *value)
{
    struct fake_env *env = cpu->env;

    memcpy(r->kind ? &env->pc : &env->regs[r->index], value, 4);
    return true;
}

static void fake_key(struct cpu *cpu, struct code_key *key)
{
    *key = (struct code_key){ .pc = ((struct fake_env *)cpu->env)->pc };
}

static const struct debug_register fake_registers[] = {
    { "r0", 32, "int32", "general", 0, 0 }, { "r1", 32, "int32", "general", 0, 1 },
    { "r2", 32, "int32", "general", 0, 2 }, { "r3", 32, "int32", "general", 0, 3 },
    { "pc", 32, "code_ptr", "general", 1, 0 },
};
static const struct debug_feature fake_features[] = {
    { "org.test.core", "", fake_registers, 3 }, { "org.test.more", "", fake_registers + 3, 2 },
};
static const struct debug_registers fake_table = {
    .architecture = "fake", .features = fake_features, .n_features = 2, .get = fake_get,
    .set = fake_set,
};
const struct target the_target = {
    .name = "fake", .word_bits = 32, .page_bits = 12, .code_key = fake_key,
    .registers = &fake_table,
};

struct cpu *cpu_first(void)
{
    return &fake_cpus[0];
}

void cpu_loop_exit(struct cpu *cpu)
{
    abort();
}

void cpu_restore_state(struct cpu *cpu)
{
}

void region_drop_pages(const uint64_t *pages, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        if (pages[i] < pages[i - 1]) {
            abort();
        }
    }
}

void tlb_flush_for_watch(struct cpu *cpu)
{
}

/* --- the process ----------------------------------------------------------------------------- */

static void fake_send(struct gdb *g, const void *data, size_t size)
{
    if (size < FAKE_OUT - fake_out_size) {
        memcpy(fake_out + fake_out_size, data, size);
        fake_out_size += size;
        fake_out[fake_out_size] = 0;
    }
}

static struct cpu *fake_next(struct gdb *g, struct cpu *cpu)
{
    return cpu ? cpu->next : cpu_first();
}

static uint32_t fake_thread(struct gdb *g, struct cpu *cpu)
{
    return cpu->index + 1;
}

static uint32_t fake_process(struct gdb *g)
{
    return 0x2a;
}

static void fake_describe(struct gdb *g, struct cpu *cpu, char *text, size_t size)
{
    snprintf(text, size, "thread <%d>", cpu->index);
}

static bool fake_access(struct gdb *g, struct cpu *cpu, uint64_t addr, void *data, size_t size,
                        bool write)
{
    if (addr < FAKE_BASE || size > FAKE_SIZE || addr - FAKE_BASE > FAKE_SIZE - size) {
        return false;
    }
    memcpy(write ? fake_memory + (addr - FAKE_BASE) : data,
           write ? data : fake_memory + (addr - FAKE_BASE), size);
    return true;
}

static void fake_resume(struct gdb *g)
{
    fake_resumes++;
    cpu_debug_apply();
}

static void fake_stop(struct gdb *g)
{
    fake_stops++;
}

static void fake_interrupt(struct gdb *g)
{
    fake_interrupts++;
    if (gdb_is_waiting(g)) {
        gdb_report_stop(g, cpu_first(), GDB_SIGNAL_INT);
    }
}

static void fake_kill(struct gdb *g)
{
    fake_kills++;
}

static void fake_detach(struct gdb *g)
{
    fake_detaches++;
}

static void fake_set_signal(struct gdb *g, struct cpu *cpu, int sig)
{
    fake_signal = sig ? sig : fake_signal;
}

static void fake_monitor(struct gdb *g, const char *line, FILE *out)
{
    fprintf(out, "you said '%s'\n", line);
}

static char *fake_object(struct gdb *g, struct cpu *cpu, const char *name, size_t *size)
{
    *size = strlen(name);
    return strcmp(name, "siginfo") == 0 ? NULL : strdup(name);
}

static const char *fake_path(const char *path, char *buf)
{
    return "/dev/null";
}

static const struct gdb_ops fake_ops = {
    .send = fake_send, .next_thread = fake_next, .thread_id = fake_thread,
    .process_id = fake_process, .describe_thread = fake_describe, .access = fake_access,
    .resume = fake_resume, .stop = fake_stop, .interrupt = fake_interrupt, .kill = fake_kill,
    .detach = fake_detach, .set_signal = fake_set_signal, .monitor = fake_monitor,
    .object = fake_object, .path = fake_path,
};

static struct gdb *fake_create(void)
{
    for (int i = 0; i < FAKE_THREADS; i++) {
        fake_cpus[i] = (struct cpu){ .target = &the_target, .env = &fake_envs[i], .index = i,
                                     .next = i + 1 < FAKE_THREADS ? &fake_cpus[i + 1] : NULL };
        fake_envs[i] = (struct fake_env){ .hot = { .cpu = &fake_cpus[i] }, .pc = FAKE_BASE };
    }
    for (unsigned i = 0; i < FAKE_SIZE; i++) {
        fake_memory[i] = i;
    }
    return gdb_create(&fake_ops, NULL);
}

/* The packet with its sum. */
static void fake_packet(struct gdb *g, const void *data, size_t size)
{
    uint8_t sum = 0;
    char end[4];

    gdb_input(g, "$", 1);
    for (size_t i = 0; i < size; i++) {
        char c = ((const char *)data)[i];

        sum += (uint8_t)c;
        gdb_input(g, &c, 1);
    }
    snprintf(end, sizeof(end), "#%02x", sum);
    gdb_input(g, end, 3);
}

#endif
