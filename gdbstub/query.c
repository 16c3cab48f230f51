/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets that ask (q) and set (Q): what both sides can do, threads, the monitor. */
#include "gdbstub/stub.h"

#include <stdlib.h>
#include <string.h>

/* --- features --------------------------------------------------------------------------------- */

static bool next_feature(struct cursor *c, struct cursor *feature)
{
    const char *end;

    if (at_end(c)) {
        return false;
    }
    end = memchr(c->at, ';', c->end - c->at);
    end = end ? end : c->end;
    *feature = (struct cursor){ c->at, end };
    c->at = end < c->end ? end + 1 : end;
    return true;
}

static enum answer supported(struct gdb *g, struct cursor *c)
{
    struct cursor f;

    take_char(c, ':');
    while (next_feature(c, &f)) {
        const struct { const char *name; bool *where; } known[] = {
            { "multiprocess+", &g->multiprocess }, { "swbreak+", &g->swbreak },
            { "hwbreak+", &g->hwbreak }, { "fork-events+", &g->fork_events },
            { "exec-events+", &g->exec_events },
        };

        for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            if (take(&f, known[i].name) && at_end(&f)) {
                *known[i].where = true;
            }
        }
    }
    reply_printf(g, "PacketSize=%x;qXfer:features:read+;qXfer:threads:read+;vContSupported+;"
                 "QStartNoAckMode+;swbreak+;hwbreak+%s", PACKET_MAX,
                 g->multiprocess ? ";multiprocess+" : "");
    if (!g->ops->machine) {
        reply_printf(g, ";qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:siginfo:read+;"
                     "QPassSignals+;QCatchSyscalls+%s%s",
                     g->fork_events && g->multiprocess ? ";fork-events+" : "",
                     g->exec_events ? ";exec-events+" : "");
    }
    return ANSWER_REPLY;
}

static enum answer start_no_ack(struct gdb *g, struct cursor *c)
{
    reply_text(g, "OK");
    packet_send(g);
    g->no_ack = true;
    g->out_size = 0;
    return ANSWER_NONE;
}

static enum answer ok(struct gdb *g, struct cursor *c)
{
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

/* gdb detaches when it quits from a machine; a process that we started for it dies with it. */
static enum answer attached(struct gdb *g, struct cursor *c)
{
    reply_text(g, g->ops->machine ? "1" : "0");
    return ANSWER_REPLY;
}

static enum answer offsets(struct gdb *g, struct cursor *c)
{
    size_t size;
    char *text = g->ops->object ? g->ops->object(g, thread_general(g), "offsets", &size) : NULL;

    if (text) {
        reply_bytes(g, text, size);
    }
    free(text);
    return ANSWER_REPLY;
}

/* --- threads ---------------------------------------------------------------------------------- */

static enum answer current_thread(struct gdb *g, struct cursor *c)
{
    struct cpu *cpu = thread_general(g);

    if (cpu) {
        reply_text(g, "QC");
        reply_thread_id(g, cpu);
    }
    return ANSWER_REPLY;
}

/* All at once; what does not fit into a packet is found by qXfer:threads. */
static enum answer first_threads(struct gdb *g, struct cursor *c)
{
    struct cpu *cpu = NULL;
    char separator = 'm';

    while ((cpu = g->ops->next_thread(g, cpu)) && g->reply_size < PACKET_MAX - 64) {
        reply_bytes(g, &separator, 1);
        reply_thread_id(g, cpu);
        separator = ',';
    }
    return ANSWER_REPLY;
}

static enum answer more_threads(struct gdb *g, struct cursor *c)
{
    reply_text(g, "l");
    return ANSWER_REPLY;
}

static enum answer thread_text(struct gdb *g, struct cursor *c)
{
    struct thread_id id;
    struct cpu *cpu = take_thread_id(g, c, &id) ? thread_find(g, &id) : NULL;
    char text[128];

    if (!cpu) {
        reply_error(g, 3);
        return ANSWER_REPLY;
    }
    g->ops->describe_thread(g, cpu, text, sizeof(text));
    reply_hex(g, text, strlen(text));
    return ANSWER_REPLY;
}

/* --- the monitor ------------------------------------------------------------------------------ */

enum { OUTPUT_PIECE = PACKET_MAX / 2 - 16 };

static void send_output(struct gdb *g, const char *text, size_t size)
{
    while (size) {
        size_t part = size < OUTPUT_PIECE ? size : OUTPUT_PIECE;

        reply_text(g, "O");
        reply_hex(g, text, part);
        packet_send(g);
        text += part;
        size -= part;
    }
}

static enum answer monitor(struct gdb *g, struct cursor *c)
{
    size_t length = (c->end - c->at) / 2, size = 0;
    char line[PACKET_MAX / 2 + 1], *text = NULL;
    FILE *out;

    if (!g->ops->monitor) {
        return ANSWER_REPLY;
    }
    if (!take_bytes(c, line, length) || !at_end(c) || !(out = open_memstream(&text, &size))) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    line[length] = 0;
    g->ops->monitor(g, line, out);
    fclose(out);
    send_output(g, text, size);
    free(text);
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

/* --- how steps and memory packets work -------------------------------------------------------- */

static enum answer step_bits(struct gdb *g, struct cursor *c)
{
    if (g->ops->machine) {
        reply_printf(g, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", GDB_STEP_ENABLE, GDB_STEP_NO_INTERRUPTS,
                     GDB_STEP_NO_TIMERS);
    }
    return ANSWER_REPLY;
}

static enum answer step_mode(struct gdb *g, struct cursor *c)
{
    if (g->ops->machine) {
        reply_printf(g, "0x%x", g->step_mode);
    }
    return ANSWER_REPLY;
}

static enum answer set_step_mode(struct gdb *g, struct cursor *c)
{
    uint64_t mode;

    if (!g->ops->machine) {
        return ANSWER_REPLY;
    }
    take(c, "0x");
    if (!take_hex(c, &mode) || !at_end(c) || mode > 7) {
        reply_error(g, 22);
    } else {
        g->step_mode = mode;
        reply_text(g, "OK");
    }
    return ANSWER_REPLY;
}

static enum answer physical(struct gdb *g, struct cursor *c)
{
    if (g->ops->machine) {
        reply_printf(g, "%d", g->physical);
    }
    return ANSWER_REPLY;
}

static enum answer set_physical(struct gdb *g, struct cursor *c)
{
    uint64_t on;

    if (!g->ops->machine) {
        return ANSWER_REPLY;
    }
    if (!take_hex(c, &on) || !at_end(c)) {
        reply_error(g, 22);
    } else {
        g->physical = on;
        reply_text(g, "OK");
    }
    return ANSWER_REPLY;
}

/* --- signals that gdb need not see ------------------------------------------------------------ */

static enum answer pass_signals(struct gdb *g, struct cursor *c)
{
    uint64_t mask = 0, number;
    int sig;

    if (g->ops->machine) {
        return ANSWER_REPLY;
    }
    while (take_hex(c, &number)) {
        sig = number <= 0xff ? gdb_signal_to_host(number) : 0;
        mask |= sig ? 1ull << (sig - 1) : 0;
        take_char(c, ';');
    }
    g->pass_signals = mask;
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

/* --- system calls that it wants to see -------------------------------------------------------- */

bool gdb_catches_call(const struct gdb *g, uint32_t number)
{
    for (unsigned i = 0; i < g->n_calls; i++) {
        if (g->calls[i] == number) {
            return g->catch_calls;
        }
    }
    return g->catch_calls && g->n_calls == 0;
}

static enum answer catch_calls(struct gdb *g, struct cursor *c)
{
    uint64_t on, number;
    unsigned n = 0;

    if (g->ops->machine) {
        return ANSWER_REPLY;
    }
    if (!take_hex(c, &on) || on > 1) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    while (take_char(c, ';')) {
        if (!take_hex(c, &number) || number > UINT32_MAX || n == CALLS_MAX) {
            reply_error(g, 22);
            return ANSWER_REPLY;
        }
        g->calls[n++] = number;
    }
    g->catch_calls = on;
    g->n_calls = n;
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

/* --- the tables ------------------------------------------------------------------------------- */

const struct command query_commands[] = {
    { "Supported", supported }, { "Xfer:", query_xfer }, { "fThreadInfo", first_threads },
    { "sThreadInfo", more_threads }, { "ThreadExtraInfo,", thread_text }, { "Attached", attached },
    { "Symbol:", ok }, { "CRC:", query_crc }, { "Rcmd,", monitor }, { "Offsets", offsets },
    { "qemu.sstepbits", step_bits }, { "qemu.sstep", step_mode },
    { "qemu.PhyMemMode", physical }, { "C", current_thread }, { NULL }
};

const struct command set_commands[] = {
    { "CatchSyscalls:", catch_calls }, { "StartNoAckMode", start_no_ack },
    { "PassSignals:", pass_signals },
    { "qemu.sstep=", set_step_mode }, { "qemu.sstep:", set_step_mode },
    { "qemu.PhyMemMode:", set_physical }, { NULL }
};
