/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stub of a machine: vCPUs are its threads, a character device its connection. Everything here
 * runs on the main thread but for on_vcpu_stop(); all of it holds the big lock.
 */
#include "gdbstub/gdbstub.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/main-loop.h"
#include "char.h"
#include "cpu-debug.h"
#include "gdbstub/stub.h"
#include "hw/core/memory.h"
#include "hw/core/run.h"
#include "monitor/monitor.h"

static struct {
    struct gdb *gdb;
    struct chardev *chr;
    bool listening;
    bool called;                    /* stop_soon() is under way */
    bool reading;                   /* a packet is being carried out */
} stub;

/* --- threads ---------------------------------------------------------------------------------- */

static struct cpu *next_thread(struct gdb *g, struct cpu *cpu)
{
    return cpu ? cpu->next : cpu_first();
}

static uint32_t thread_id(struct gdb *g, struct cpu *cpu)
{
    return cpu->index + 1;
}

static uint32_t process_id(struct gdb *g)
{
    return 1;
}

static void describe_thread(struct gdb *g, struct cpu *cpu, char *text, size_t size)
{
    snprintf(text, size, "CPU#%d [%s]", cpu->index, cpu->halted ? "halted " : "running");
}

static bool access_memory(struct gdb *g, struct cpu *cpu, uint64_t addr, void *data,
                          size_t size, bool write)
{
    if (!g->physical) {
        return cpu_debug_access(cpu, addr, data, size, write);
    }
    if (write) {
        address_space_write_rom(cpu->memory, addr, data, size);
    } else {
        address_space_read(cpu->memory, addr, data, size);
    }
    return true;
}

/* --- stopping and running --------------------------------------------------------------------- */

static void stop(struct gdb *g)
{
    machine_stop();
}

static void interrupt(struct gdb *g)
{
    machine_stop();
}

static void stop_soon(void *opaque)
{
    stub.called = false;
    machine_stop_for_debugger();
}

/* On the vCPU's thread. The others stop at once, not when the main thread gets to it. */
static void on_vcpu_stop(struct cpu *cpu)
{
    for (struct cpu *other = cpu_first(); other; other = other->next) {
        other->stop_request = true;
        cpu_kick(other);
    }
    if (!stub.called) {
        stub.called = true;
        main_loop_call(stop_soon, NULL);
    }
}

static void prepare(struct cpu *cpu, bool reported)
{
    if (reported || cpu->debug.stop != CPU_STOP_WATCH) {
        cpu_debug_resume(cpu);
        /* Another that met a breakpoint meanwhile has not told anyone. */
        cpu->debug.passes &= reported;
    }
}

static void resume(struct gdb *g)
{
    bool timers = !(gdb_step_mode(g) & GDB_STEP_NO_TIMERS);

    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        if (!cpu->debug.held) {
            prepare(cpu, cpu == gdb_stop_thread(g));
        }
        /* A halted one steps when something wakes it up. */
        timers |= !cpu->debug.held && (!cpu->debug.step || cpu->halted);
    }
    cpu_debug_apply();
    if (machine_needs_reset()) {
        gdb_report_stop(g, gdb_stop_thread(g), GDB_SIGNAL_QUIT);
        return;
    }
    machine_cont();
    if (!timers) {
        clock_vm_enable(false);
    }
}

static void release(void)
{
    cpu_debug_remove_all();
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        bool reported = cpu->debug.stop && cpu == gdb_stop_thread(stub.gdb);

        cpu->debug.held = cpu->debug.no_interrupts = false;
        prepare(cpu, reported);
        cpu->debug.stop = CPU_STOP_NONE;
    }
    cpu_debug_apply();
}

static void detach(struct gdb *g)
{
    release();
    machine_cont();
}

static void kill_machine(struct gdb *g)
{
    fprintf(stderr, "QEMU: Terminated via GDBstub\n");
    machine_quit(0);
}

static int signal_of(const char *status)
{
    return strstr(status, "shutdown") ? GDB_SIGNAL_QUIT
         : strstr(status, "panicked") ? GDB_SIGNAL_ABRT : GDB_SIGNAL_INT;
}

/* Whatever stopped the machine, gdb hears of it when it waits. */
static void on_run_change(void *opaque, bool running)
{
    struct cpu *cpu = cpu_first();
    struct cpu *before = stub.gdb ? gdb_stop_thread(stub.gdb) : NULL;

    if (!stub.gdb || running || machine_quitting()) {
        return;
    }
    while (cpu && !cpu->debug.stop) {
        cpu = cpu->next;
    }
    if (cpu) {
        gdb_report_stop(stub.gdb, cpu, GDB_SIGNAL_TRAP);
    } else {
        gdb_report_stop(stub.gdb, before ? before : cpu_first(), signal_of(machine_status()));
    }
}

static void run_monitor(struct gdb *g, const char *line, FILE *out)
{
    monitor_execute(line, out);
}

static void send(struct gdb *g, const void *data, size_t size)
{
    chardev_write_all(stub.chr, data, size);
}

static const struct gdb_ops ops = {
    .machine = true,
    .send = send,
    .next_thread = next_thread,
    .thread_id = thread_id,
    .process_id = process_id,
    .describe_thread = describe_thread,
    .access = access_memory,
    .resume = resume,
    .detach = detach,
    .kill = kill_machine,
    .stop = stop,
    .interrupt = interrupt,
    .monitor = run_monitor,
};

/* --- the connection --------------------------------------------------------------------------- */

static size_t can_read(void *opaque)
{
    return machine_quitting() ? 0 : PACKET_MAX;
}

static void on_read(void *opaque, const uint8_t *data, size_t size)
{
    stub.reading = true;
    gdb_input(stub.gdb, data, size);
    stub.reading = false;
}

/* A new gdb finds the machine stopped. One that is gone without a word leaves it as it is, but for
   breakpoints that nobody would hear of. */
static void on_event(void *opaque, enum chardev_event event)
{
    bool running = machine_running();

    if (event == CHARDEV_BREAK) {
        interrupt(stub.gdb);
    } else if (event == CHARDEV_OPENED || event == CHARDEV_CLOSED) {
        machine_stop();
        gdb_reset(stub.gdb);
        release();
        if (event == CHARDEV_CLOSED && running && !machine_quitting()) {
            machine_cont();
        }
    }
}

static const struct chardev_handlers handlers = {
    .can_read = can_read, .read = on_read, .event = on_event,
};

static void close_stub(void)
{
    bool running = machine_running();

    if (!stub.gdb) {
        return;
    }
    machine_stop();
    release();
    chardev_detach(stub.chr, &stub);
    chardev_close(stub.chr);
    gdb_free(stub.gdb);
    stub.gdb = NULL;
    stub.chr = NULL;
    cpu_debug_on_stop(NULL);
    if (running) {
        machine_cont();
    }
}

/* Sockets wait for gdb unless told otherwise, but not with the guest. */
static struct chardev *open_device(const char *spec, struct error **err)
{
    bool socket = g_str_has_prefix(spec, "tcp:") || g_str_has_prefix(spec, "unix:");
    char *full = socket && !strstr(spec, ",server") ? g_strconcat(spec, ",server,nowait", NULL)
                                                    : g_strdup(spec);
    struct chardev *chr = chardev_open("gdb", full, err);

    g_free(full);
    return chr;
}

bool gdb_machine_open(const char *spec, struct error **err)
{
    if (stub.reading) {
        error_set(err, "gdb cannot close its own connection so; use its 'detach', or a monitor");
        return false;
    }
    close_stub();
    if (strcmp(spec, "none") == 0) {
        return true;
    }
    if (!gdb_is_possible(err)) {
        return false;
    }
    stub.chr = open_device(spec, err);
    if (!stub.chr) {
        error_prepend(err, "gdb: ");
        return false;
    }
    stub.gdb = gdb_create(&ops, NULL);
    cpu_debug_on_stop(on_vcpu_stop);
    if (!stub.listening) {
        stub.listening = true;
        machine_on_run_change(on_run_change, NULL);
    }
    if (!chardev_attach(stub.chr, &handlers, &stub, err)) {
        chardev_close(stub.chr);
        gdb_free(stub.gdb);
        stub.gdb = NULL;
        stub.chr = NULL;
        return false;
    }
    return true;
}

void gdb_machine_exit(int status)
{
    if (stub.gdb && gdb_is_waiting(stub.gdb)) {
        gdb_report_exit(stub.gdb, false, status);
    }
}
