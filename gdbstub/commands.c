/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From packet to command, and the commands that need no file of their own. */
#include "gdbstub/stub.h"

#include <stdlib.h>
#include <string.h>

enum answer command_run(struct gdb *g, const struct command *table, struct cursor *c)
{
    for (; table->name; table++) {
        if (take(c, table->name)) {
            return table->run(g, c);
        }
    }
    return ANSWER_REPLY;            /* empty: not known */
}

/* --- single letters --------------------------------------------------------------------------- */

static enum answer select_thread(struct gdb *g, struct cursor *c)
{
    bool general = take_char(c, 'g');
    struct thread_id id;
    struct cpu *cpu;

    if ((!general && !take_char(c, 'c')) || !take_thread_id(g, c, &id)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    cpu = id.thread > 0 || general ? thread_find(g, &id) : NULL;
    if (!cpu && (id.thread > 0 || general)) {
        reply_error(g, 3);
        return ANSWER_REPLY;
    }
    *(general ? &g->general : &g->control) = cpu;
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

static enum answer is_alive(struct gdb *g, struct cursor *c)
{
    struct thread_id id;

    if (!take_thread_id(g, c, &id) || !thread_find(g, &id)) {
        reply_error(g, 3);
        return ANSWER_REPLY;
    }
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

static enum answer extended_mode(struct gdb *g, struct cursor *c)
{
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

static enum answer detach(struct gdb *g, struct cursor *c)
{
    points_clear(g);
    reply_text(g, "OK");
    packet_send(g);
    g->waiting = false;
    g->ops->detach(g);
    return ANSWER_NONE;
}

static enum answer kill_all(struct gdb *g, struct cursor *c)
{
    g->ops->kill(g);
    return ANSWER_NONE;
}

static enum answer kill_process(struct gdb *g, struct cursor *c)
{
    reply_text(g, "OK");
    packet_send(g);
    g->ops->kill(g);
    return ANSWER_NONE;
}

static enum answer query(struct gdb *g, struct cursor *c)
{
    return command_run(g, query_commands, c);
}

static enum answer set(struct gdb *g, struct cursor *c)
{
    return command_run(g, set_commands, c);
}

static enum answer v_packet(struct gdb *g, struct cursor *c)
{
    return command_run(g, v_commands, c);
}

static enum answer v_file(struct gdb *g, struct cursor *c)
{
    return g->ops->path ? command_run(g, file_commands, c) : ANSWER_REPLY;
}

const struct command v_commands[] = {
    { "Cont?", tell_vcont }, { "Cont", run_vcont }, { "File:", v_file }, { "Kill;", kill_process },
    { NULL }
};

static const struct command letters[] = {
    { "?", tell_stop }, { "!", extended_mode }, { "g", read_registers }, { "G", write_registers },
    { "p", read_register }, { "P", write_register }, { "m", read_memory }, { "M", write_memory },
    { "X", write_binary }, { "Z", insert_point }, { "z", remove_point }, { "H", select_thread },
    { "T", is_alive }, { "c", run_continue }, { "C", run_continue_signal }, { "s", run_step },
    { "S", run_step_signal }, { "D", detach }, { "k", kill_all }, { "q", query }, { "Q", set },
    { "v", v_packet }, { NULL }
};

/* --- packets ---------------------------------------------------------------------------------- */

/* The process that a packet is about, when it names another than this one; else 0. */
static uint32_t foreign_process(struct gdb *g)
{
    static const char *const before[] = { "Hgp", "Hcp", "Tp", "D;", "vKill;",
                                          "qThreadExtraInfo,p" };
    struct cursor c = { g->in, g->in + g->in_size };
    const char *named = strstr(g->in, ":p");
    uint64_t process;

    if (take(&c, "vCont;")) {
        c.at = named ? named + 2 : c.end;
        return take_hex(&c, &process) && process != g->ops->process_id(g) &&
               process <= UINT32_MAX ? process : 0;
    }
    for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        if (take(&c, before[i])) {
            return take_hex(&c, &process) && process && process <= UINT32_MAX &&
                   process != g->ops->process_id(g) ? process : 0;
        }
    }
    return 0;
}

void command_packet(struct gdb *g)
{
    struct cursor c = { g->in, g->in + g->in_size };
    uint32_t foreign;

    /* It may run without gdb's doing, or gdb does not wait for the stop any longer. */
    g->waiting = false;
    g->ops->stop(g);
    g->reply_size = 0;
    g->reply_cut = false;
    foreign = foreign_process(g);
    if (foreign && g->ops->other_process && g->ops->other_process(g, foreign, g->in, g->in_size)) {
        return;
    }
    if (command_run(g, letters, &c) == ANSWER_REPLY) {
        if (g->reply_cut) {
            reply_error(g, 7);
        }
        packet_send(g);
    }
}

/* --- life ------------------------------------------------------------------------------------- */

struct gdb *gdb_create(const struct gdb_ops *ops, void *opaque)
{
    struct gdb *g = calloc(1, sizeof(*g));

    if (!g) {
        error_exit("out of memory for the gdb stub");
    }
    g->ops = ops;
    g->opaque = opaque;
    for (unsigned i = 0; i < FILES_MAX; i++) {
        g->files[i] = -1;
    }
    gdb_reset(g);
    return g;
}

void gdb_reset(struct gdb *g)
{
    points_clear(g);
    files_close(g);
    g->state = PACKET_IDLE;
    g->out_size = 0;
    g->no_ack = g->multiprocess = g->swbreak = g->hwbreak = g->fork_events = g->exec_events = false;
    g->waiting = g->physical = g->catch_calls = false;
    g->n_calls = 0;
    g->step_mode = GDB_STEP_ENABLE | GDB_STEP_NO_INTERRUPTS | GDB_STEP_NO_TIMERS;
    g->general = g->control = g->stop_cpu = NULL;
    g->stop_signal = GDB_SIGNAL_TRAP;
    g->stop_event = GDB_EVENT_NONE;
    g->pass_signals = 0;
}

void gdb_free(struct gdb *g)
{
    gdb_reset(g);
    free(g->stop_path);
    free(g->points);
    free(g);
}

void *gdb_opaque(struct gdb *g)
{
    return g->opaque;
}

bool gdb_is_waiting(const struct gdb *g)
{
    return g->waiting;
}

struct cpu *gdb_stop_thread(const struct gdb *g)
{
    return g->stop_cpu;
}

bool gdb_passes_signal(const struct gdb *g, int sig)
{
    return g->pass_signals >> (sig - 1) & 1;
}

bool gdb_wants_event(const struct gdb *g, enum gdb_event event)
{
    return event == GDB_EVENT_FORK ? g->fork_events && g->multiprocess
         : event == GDB_EVENT_EXEC ? g->exec_events : false;
}

void gdb_expect_stop(struct gdb *g)
{
    g->waiting = true;
}

/* --- handing a connection over ---------------------------------------------------------------- */

struct flag {
    char letter;
    size_t offset;
};
static const struct flag flags[] = {
    { 'n', offsetof(struct gdb, no_ack) }, { 'm', offsetof(struct gdb, multiprocess) },
    { 's', offsetof(struct gdb, swbreak) }, { 'h', offsetof(struct gdb, hwbreak) },
    { 'f', offsetof(struct gdb, fork_events) }, { 'e', offsetof(struct gdb, exec_events) },
};
enum { FLAGS = sizeof(flags) / sizeof(flags[0]) };

const char *gdb_negotiated(const struct gdb *g)
{
    static char text[FLAGS + 1];
    unsigned n = 0;

    for (unsigned i = 0; i < FLAGS; i++) {
        if (*((const bool *)((const char *)g + flags[i].offset))) {
            text[n++] = flags[i].letter;
        }
    }
    text[n] = 0;
    return text;
}

void gdb_set_negotiated(struct gdb *g, const char *text)
{
    for (unsigned i = 0; i < FLAGS; i++) {
        *(bool *)((char *)g + flags[i].offset) = strchr(text, flags[i].letter) != NULL;
    }
}

void gdb_forked(struct gdb *g, struct cpu *cpu)
{
    files_close(g);
    g->waiting = false;
    g->general = g->control = NULL;
    g->stop_cpu = cpu;
    g->stop_event = GDB_EVENT_NONE;
    g->state = PACKET_IDLE;
}

void gdb_packet(struct gdb *g, const char *packet, size_t size)
{
    size = size < PACKET_MAX ? size : PACKET_MAX;
    memcpy(g->in, packet, size);
    g->in_size = size;
    g->in[size] = 0;
    command_packet(g);
}

unsigned gdb_step_mode(const struct gdb *g)
{
    return g->step_mode;
}
