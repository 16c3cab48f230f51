/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gdb remote stub: packets in, packets out. It knows threads as vCPUs and nothing of where they
 * come from; a machine (gdbstub/system.c) and a process (linux-user/gdb.c) give it struct gdb_ops.
 *
 * All-stop: commands are carried out while every thread is stopped. One caller at a time.
 */
#ifndef GDBSTUB_GDBSTUB_H
#define GDBSTUB_GDBSTUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "cpu-exec.h"

struct gdb;
struct error;

/* gdb's own numbers, which are not the host's. */
enum { GDB_SIGNAL_0, GDB_SIGNAL_INT = 2, GDB_SIGNAL_QUIT, GDB_SIGNAL_TRAP = 5, GDB_SIGNAL_ABRT,
       GDB_SIGNAL_KILL = 9, GDB_SIGNAL_UNKNOWN = 143 };
int gdb_signal_from_host(int sig);
int gdb_signal_to_host(int signal);     /* 0: there is none */

enum gdb_event { GDB_EVENT_NONE, GDB_EVENT_FORK, GDB_EVENT_EXEC, GDB_EVENT_CALL, GDB_EVENT_RETURN };

/* Bits of the single-step mode that gdb's user may choose in a machine. */
enum { GDB_STEP_ENABLE = 1, GDB_STEP_NO_INTERRUPTS = 2, GDB_STEP_NO_TIMERS = 4 };

struct gdb_ops {
    bool machine;
    void (*send)(struct gdb *g, const void *data, size_t size);
    /* The thread after this one, NULL: the first. */
    struct cpu *(*next_thread)(struct gdb *g, struct cpu *cpu);
    uint32_t (*thread_id)(struct gdb *g, struct cpu *cpu);      /* 0: it has ended */
    uint32_t (*process_id)(struct gdb *g);
    void (*describe_thread)(struct gdb *g, struct cpu *cpu, char *text, size_t size);
    /* Debuggers may read and write what the guest may not. False: not mapped. */
    bool (*access)(struct gdb *g, struct cpu *cpu, uint64_t addr, void *data, size_t size,
                   bool write);
    /* Threads run whose debug.held is clear; gdb_report_stop() follows when one stops. */
    void (*resume)(struct gdb *g);
    void (*detach)(struct gdb *g);              /* all go on, undisturbed */
    void (*kill)(struct gdb *g);
    /* Stops all threads, which run without gdb's doing. */
    void (*stop)(struct gdb *g);
    /* ^C: the same, and gdb_report_stop() follows. */
    void (*interrupt)(struct gdb *g);
    /* The rest may be NULL. */
    void (*monitor)(struct gdb *g, const char *line, FILE *out);
    /* With the resume: this host signal is delivered, 0: none. */
    void (*set_signal)(struct gdb *g, struct cpu *cpu, int sig);
    /* The bytes of "auxv", "exec-file" or "siginfo", to be freed; NULL: none. */
    char *(*object)(struct gdb *g, struct cpu *cpu, const char *name, size_t *size);
    /* What a path of the guest is on the host; returns path or buf (PATH_MAX bytes). */
    const char *(*path)(const char *path, char *buf);
    /* Packets for another process: true when it took over, and this one has nothing to answer. */
    bool (*other_process)(struct gdb *g, uint32_t pid, const char *packet, size_t size);
};

/* False: the stub does not know this target's registers. */
bool gdb_is_possible(struct error **err);
struct gdb *gdb_create(const struct gdb_ops *ops, void *opaque);
void gdb_free(struct gdb *g);
void *gdb_opaque(struct gdb *g);
/* A new connection: forgets what was negotiated, removes break- and watchpoints. */
void gdb_reset(struct gdb *g);
/* Bytes from gdb. */
void gdb_input(struct gdb *g, const void *data, size_t size);
/*
 * All threads have stopped because of this one. signal: gdb's number; what cpu->debug.stop says is
 * added. Nothing is sent unless gdb waits for it.
 */
void gdb_report_stop(struct gdb *g, struct cpu *cpu, int signal);
/* The same for an event: the child's process and thread number, or the path of a new program. */
void gdb_report_fork(struct gdb *g, struct cpu *cpu, uint32_t child);
void gdb_report_exec(struct gdb *g, struct cpu *cpu, const char *path);
/* Of a system call that gdb wants to hear of: it is about to begin, or it has returned. */
void gdb_report_call(struct gdb *g, struct cpu *cpu, bool returns, uint32_t number);
bool gdb_catches_call(const struct gdb *g, uint32_t number);
/* The process has exited (W) or was killed (X, gdb's number); sent whether gdb waits or not. */
void gdb_report_exit(struct gdb *g, bool signalled, int status);

bool gdb_is_waiting(const struct gdb *g);       /* for a stop */
void gdb_expect_stop(struct gdb *g);
/* What both sides agreed on, as a short text without spaces, and back. */
const char *gdb_negotiated(const struct gdb *g);
void gdb_set_negotiated(struct gdb *g, const char *text);
/* This is a copy in a child process, whose only thread is this one. */
void gdb_forked(struct gdb *g, struct cpu *cpu);
/* A packet that another process has read. */
void gdb_packet(struct gdb *g, const char *packet, size_t size);
struct cpu *gdb_stop_thread(const struct gdb *g);
bool gdb_passes_signal(const struct gdb *g, int sig);   /* gdb does not want to hear of it */
bool gdb_wants_event(const struct gdb *g, enum gdb_event event);
unsigned gdb_step_mode(const struct gdb *g);

/* --- gdbstub/system.c ------------------------------------------------------------------------- */

/* -gdb and the monitor's gdbserver: a character device, or "none" to end it. Big lock held. */
bool gdb_machine_open(const char *spec, struct error **err);
/* The emulator ends. */
void gdb_machine_exit(int status);

#endif
