/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling gdb that and why the threads have stopped, or are no more. */
#include "gdbstub/stub.h"

#include <stdlib.h>
#include <string.h>
#include "cpu-debug.h"

/* The address that a breakpoint packet would name. */
static uint64_t linear_pc(struct cpu *cpu)
{
    struct code_key key;

    cpu->target->code_key(cpu, &key);
    key.pc += key.base;
    return cpu->target->word_bits == 32 ? (uint32_t)key.pc : key.pc;
}

static void add_break(struct gdb *g, struct cpu *cpu)
{
    uint64_t pc = linear_pc(cpu);

    if (g->swbreak && points_have(g, POINT_SOFTWARE, pc)) {
        reply_text(g, "swbreak:;");
    } else if (g->hwbreak && points_have(g, POINT_HARDWARE, pc)) {
        reply_text(g, "hwbreak:;");
    }
}

static void add_reason(struct gdb *g, struct cpu *cpu)
{
    static const char *const names[] = { [CPU_WATCH_WRITE] = "watch", [CPU_WATCH_READ] = "rwatch",
                                         [CPU_WATCH_WRITE | CPU_WATCH_READ] = "awatch" };

    switch (g->stop_event) {
    case GDB_EVENT_FORK:
        reply_printf(g, "fork:p%x.%x;", g->stop_child, g->stop_child);
        return;
    case GDB_EVENT_EXEC:
        reply_text(g, "exec:");
        reply_hex(g, g->stop_path, strlen(g->stop_path));
        reply_text(g, ";");
        return;
    case GDB_EVENT_CALL:
    case GDB_EVENT_RETURN:
        reply_printf(g, "syscall_%s:%x;", g->stop_event == GDB_EVENT_CALL ? "entry" : "return",
                     g->stop_call);
        return;
    case GDB_EVENT_NONE:
        break;
    }
    if (cpu->debug.stop == CPU_STOP_BREAK) {
        add_break(g, cpu);
    } else if (cpu->debug.stop == CPU_STOP_WATCH) {
        reply_printf(g, "%s:%llx;", names[cpu->debug.watch_access & 3],
                     (unsigned long long)cpu->debug.watch_addr);
    }
}

static void describe(struct gdb *g)
{
    static const struct thread_id any;
    struct cpu *cpu = g->stop_cpu ? g->stop_cpu : thread_find(g, &any);

    g->stop_cpu = cpu;
    if (!cpu) {
        reply_text(g, "W00");
        return;
    }
    reply_printf(g, "T%02xthread:", g->stop_signal);
    reply_thread_id(g, cpu);
    reply_text(g, ";");
    add_reason(g, cpu);
}

enum answer tell_stop(struct gdb *g, struct cursor *c)
{
    describe(g);
    g->general = g->stop_cpu;
    return ANSWER_REPLY;
}

static void report(struct gdb *g, struct cpu *cpu, int signal, enum gdb_event event)
{
    g->stop_cpu = g->general = cpu;
    g->stop_signal = signal;
    g->stop_event = event;
    if (g->waiting) {
        g->waiting = false;
        g->reply_size = 0;
        describe(g);
        packet_send(g);
    }
}

void gdb_report_stop(struct gdb *g, struct cpu *cpu, int signal)
{
    report(g, cpu, signal, GDB_EVENT_NONE);
}

void gdb_report_fork(struct gdb *g, struct cpu *cpu, uint32_t child)
{
    g->stop_child = child;
    report(g, cpu, GDB_SIGNAL_TRAP, GDB_EVENT_FORK);
}

void gdb_report_exec(struct gdb *g, struct cpu *cpu, const char *path)
{
    free(g->stop_path);
    g->stop_path = strdup(path);
    report(g, cpu, GDB_SIGNAL_TRAP, g->stop_path ? GDB_EVENT_EXEC : GDB_EVENT_NONE);
}

void gdb_report_call(struct gdb *g, struct cpu *cpu, bool returns, uint32_t number)
{
    g->stop_call = number;
    report(g, cpu, GDB_SIGNAL_TRAP, returns ? GDB_EVENT_RETURN : GDB_EVENT_CALL);
}

void gdb_report_exit(struct gdb *g, bool signalled, int status)
{
    g->waiting = false;
    g->reply_size = 0;
    reply_printf(g, "%c%02x", signalled ? 'X' : 'W', status & 0xff);
    if (g->multiprocess) {
        reply_printf(g, ";process:%x", g->ops->process_id(g));
    }
    packet_send(g);
}
