/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Letting threads run: c, s and their like, and vCont with an action for each thread. */
#include "gdbstub/stub.h"

#include <stdlib.h>
#include "cpu-debug.h"

enum { ACTIONS_MAX = 64 };

struct action {
    char kind;                      /* c, s, r or t */
    int signal;                     /* gdb's number */
    uint64_t start, end;            /* of r: steps while the pc is inside */
    struct thread_id id;
};

/* --- plans ----------------------------------------------------------------------------------- */

/* NULL: the thread stays where it is. */
static void plan(struct gdb *g, struct cpu *cpu, const struct action *a)
{
    bool runs = a && a->kind != 't', steps = runs && (a->kind == 's' || a->kind == 'r');

    cpu->debug.held = !runs;
    cpu->debug.no_interrupts = g->ops->machine && (g->step_mode & GDB_STEP_NO_INTERRUPTS);
    if (a && a->kind == 'r') {
        cpu_debug_step(cpu, true, a->start, a->end);
    } else {
        cpu_debug_step(cpu, steps, 0, 0);
    }
    if (g->ops->set_signal) {
        g->ops->set_signal(g, cpu, runs ? gdb_signal_to_host(a->signal) : 0);
    }
}

/* The first action that fits a thread is its own. */
static enum answer run(struct gdb *g, const struct action *actions, unsigned n)
{
    struct cpu *cpu = NULL;
    bool any = false;

    while ((cpu = g->ops->next_thread(g, cpu))) {
        const struct action *mine = NULL;

        for (unsigned i = 0; i < n && !mine; i++) {
            mine = thread_matches(g, &actions[i].id, cpu) ? &actions[i] : NULL;
        }
        plan(g, cpu, mine);
        any |= !cpu->debug.held;
    }
    if (!any) {
        reply_error(g, 3);
        return ANSWER_REPLY;
    }
    g->waiting = true;
    g->ops->resume(g);
    return ANSWER_NONE;
}

/* --- c, C, s, S [addr] ----------------------------------------------------------------------- */

static bool set_pc(struct gdb *g, struct cpu *cpu, uint64_t pc)
{
    const struct debug_registers *t = the_target.registers;

    for (unsigned i = 0; i < t->n_features; i++) {
        for (unsigned k = 0; k < t->features[i].count; k++) {
            const struct debug_register *r = &t->features[i].registers[k];
            uint8_t value[DEBUG_REGISTER_MAX];

            if (__builtin_strcmp(r->type, "code_ptr") == 0) {
                for (unsigned n = 0; n < r->bits / 8u; n++) {
                    unsigned at = the_target.big_endian ? r->bits / 8u - 1 - n : n;

                    value[at] = pc >> 8 * n;
                }
                return t->set(cpu, r, value);
            }
        }
    }
    return false;
}

/* All threads continue; of a step, one steps and the others go on, as older gdbs expect. */
static enum answer run_all(struct gdb *g, struct cursor *c, char kind, bool with_signal)
{
    struct action actions[2] = { { .kind = kind }, { .kind = 'c' } };
    struct cpu *cpu = g->control && g->ops->thread_id(g, g->control) ? g->control
                                                                     : thread_general(g);
    uint64_t number = 0, pc;

    if (!cpu || (with_signal && !take_hex(c, &number)) ||
        (with_signal && !at_end(c) && !take_char(c, ';')) ||
        (!at_end(c) && (!take_hex(c, &pc) || !at_end(c) || !set_pc(g, cpu, pc)))) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    actions[0].signal = number & 0xff;
    actions[0].id.thread = g->ops->thread_id(g, cpu);
    return run(g, actions, g->control ? 1 : 2);
}

enum answer run_continue(struct gdb *g, struct cursor *c)
{
    return run_all(g, c, 'c', false);
}

enum answer run_continue_signal(struct gdb *g, struct cursor *c)
{
    return run_all(g, c, 'c', true);
}

enum answer run_step(struct gdb *g, struct cursor *c)
{
    return run_all(g, c, 's', false);
}

enum answer run_step_signal(struct gdb *g, struct cursor *c)
{
    return run_all(g, c, 's', true);
}

/* --- vCont ----------------------------------------------------------------------------------- */

enum answer tell_vcont(struct gdb *g, struct cursor *c)
{
    reply_text(g, "vCont;c;C;s;S;t;r");
    return ANSWER_REPLY;
}

static bool take_action(struct gdb *g, struct cursor *c, struct action *a)
{
    uint64_t number = 0;

    if (at_end(c)) {
        return false;
    }
    *a = (struct action){ .kind = *c->at++ };
    switch (a->kind) {
    case 'C':
    case 'S':
        if (!take_hex(c, &number) || number > 0xff) {
            return false;
        }
        a->signal = number;
        a->kind += 'a' - 'A';
        break;
    case 'r':
        if (!take_hex(c, &a->start) || !take_char(c, ',') || !take_hex(c, &a->end)) {
            return false;
        }
        break;
    case 'c': case 's': case 't':
        break;
    default:
        return false;
    }
    return !take_char(c, ':') || take_thread_id(g, c, &a->id);
}

enum answer run_vcont(struct gdb *g, struct cursor *c)
{
    struct action actions[ACTIONS_MAX];
    unsigned n = 0;

    while (take_char(c, ';')) {
        if (n == ACTIONS_MAX || !take_action(g, c, &actions[n++])) {
            reply_error(g, 22);
            return ANSWER_REPLY;
        }
    }
    if (!n || !at_end(c)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    return run(g, actions, n);
}
