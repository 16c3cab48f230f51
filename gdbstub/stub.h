/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the stub: the connection's state and what its files share. */
#ifndef GDBSTUB_STUB_H
#define GDBSTUB_STUB_H

#include "base/error.h"
#include "cpu-registers.h"
#include "gdbstub/gdbstub.h"

enum { PACKET_MAX = 0x4000, BREAKPOINTS_MAX = 4096, FILES_MAX = 16, CALLS_MAX = 64 };

enum packet_state { PACKET_IDLE, PACKET_DATA, PACKET_ESCAPE, PACKET_SUM1, PACKET_SUM2 };

/* What Z and z packets name. */
enum point_type { POINT_SOFTWARE, POINT_HARDWARE, POINT_WRITE, POINT_READ, POINT_ACCESS };
struct point {
    uint8_t type;
    uint64_t addr, len;
};

struct gdb {
    const struct gdb_ops *ops;
    void *opaque;

    enum packet_state state;
    uint8_t sum, sum_given;
    bool too_long;
    char in[PACKET_MAX + 1];        /* always ends with 0 */
    size_t in_size;
    char out[2 * PACKET_MAX + 64];  /* the packet as sent: '$', escaped, '#', sum */
    size_t out_size;                /* 0: none that may have to be sent again */
    char reply[PACKET_MAX];
    size_t reply_size;
    bool reply_cut;                 /* it did not fit */

    bool no_ack, multiprocess, swbreak, hwbreak, fork_events, exec_events;
    bool waiting;                   /* gdb waits for a stop reply */
    bool physical;                  /* memory packets mean physical addresses */
    unsigned step_mode;
    struct cpu *general, *control;  /* Hg, Hc; NULL: the first, all */
    struct cpu *stop_cpu;
    int stop_signal;
    enum gdb_event stop_event;
    uint32_t stop_child, stop_call;
    char *stop_path;                /* of an exec */
    uint64_t pass_signals;          /* bit n-1: host signal n */
    bool catch_calls;               /* system calls: all if there are no numbers */
    uint32_t calls[CALLS_MAX];
    unsigned n_calls;
    struct point *points;
    unsigned n_points;
    int files[FILES_MAX];           /* open for vFile, -1: free */
};

/* A packet being read. */
struct cursor {
    const char *at, *end;
};

/* --- packet.c --------------------------------------------------------------------------------- */

void reply_text(struct gdb *g, const char *text);
void reply_printf(struct gdb *g, const char *fmt, ...) PRINTF_LIKE(2, 3);
void reply_hex(struct gdb *g, const void *data, size_t size);
void reply_bytes(struct gdb *g, const void *data, size_t size);
void reply_error(struct gdb *g, int number);
/* Sends what reply holds as a packet of its own; handlers' replies are sent for them. */
void packet_send(struct gdb *g);

/* --- parsing (parse.c) ------------------------------------------------------------------------ */

/* Takes the text if it is next. */
bool take(struct cursor *c, const char *text);
bool take_char(struct cursor *c, char wanted);
bool take_hex(struct cursor *c, uint64_t *value);
/* Exactly size bytes of two digits each. */
bool take_bytes(struct cursor *c, void *data, size_t size);
bool at_end(const struct cursor *c);

/* Of a thread: -1 all, 0 any. */
struct thread_id {
    int64_t process, thread;
};
bool take_thread_id(struct gdb *g, struct cursor *c, struct thread_id *id);
void reply_thread_id(struct gdb *g, struct cpu *cpu);
bool thread_matches(struct gdb *g, const struct thread_id *id, struct cpu *cpu);
/* The first that matches; NULL: none. */
struct cpu *thread_find(struct gdb *g, const struct thread_id *id);
/* Whose registers and memory packets mean. */
struct cpu *thread_general(struct gdb *g);

/* --- commands --------------------------------------------------------------------------------- */

enum answer { ANSWER_REPLY, ANSWER_NONE };
struct command {
    const char *name;               /* the packet begins so */
    enum answer (*run)(struct gdb *g, struct cursor *c);
};
enum answer command_run(struct gdb *g, const struct command *table, struct cursor *c);
/* The whole packet in g->in. */
void command_packet(struct gdb *g);

extern const struct command query_commands[], set_commands[], v_commands[];

/* registers.c */
enum answer read_registers(struct gdb *g, struct cursor *c);
enum answer write_registers(struct gdb *g, struct cursor *c);
enum answer read_register(struct gdb *g, struct cursor *c);
enum answer write_register(struct gdb *g, struct cursor *c);
char *registers_describe(struct gdb *g, size_t *size);      /* target.xml */
/* memory.c */
enum answer read_memory(struct gdb *g, struct cursor *c);
enum answer write_memory(struct gdb *g, struct cursor *c);
enum answer write_binary(struct gdb *g, struct cursor *c);
enum answer query_crc(struct gdb *g, struct cursor *c);
/* points.c */
enum answer insert_point(struct gdb *g, struct cursor *c);
enum answer remove_point(struct gdb *g, struct cursor *c);
void points_clear(struct gdb *g);
bool points_have(const struct gdb *g, enum point_type type, uint64_t addr);
/* resume.c */
enum answer run_continue(struct gdb *g, struct cursor *c);
enum answer run_continue_signal(struct gdb *g, struct cursor *c);
enum answer run_step(struct gdb *g, struct cursor *c);
enum answer run_step_signal(struct gdb *g, struct cursor *c);
enum answer run_vcont(struct gdb *g, struct cursor *c);
enum answer tell_vcont(struct gdb *g, struct cursor *c);
/* stop.c */
enum answer tell_stop(struct gdb *g, struct cursor *c);
/* xfer.c */
enum answer query_xfer(struct gdb *g, struct cursor *c);
/* files.c */
extern const struct command file_commands[];
void files_close(struct gdb *g);

#endif
