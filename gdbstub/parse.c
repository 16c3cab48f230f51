/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pieces of packets: numbers, bytes, thread numbers. */
#include "gdbstub/stub.h"

#include <string.h>

bool at_end(const struct cursor *c)
{
    return c->at == c->end;
}

bool take_char(struct cursor *c, char wanted)
{
    if (at_end(c) || *c->at != wanted) {
        return false;
    }
    c->at++;
    return true;
}

bool take(struct cursor *c, const char *text)
{
    size_t size = strlen(text);

    if ((size_t)(c->end - c->at) < size || memcmp(c->at, text, size) != 0) {
        return false;
    }
    c->at += size;
    return true;
}

static int digit(const struct cursor *c, const char *at)
{
    char d = at < c->end ? *at : 0;

    return d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10
         : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
}

bool take_hex(struct cursor *c, uint64_t *value)
{
    const char *start = c->at;

    *value = 0;
    while (digit(c, c->at) >= 0) {
        if (*value >> 60) {
            return false;
        }
        *value = *value << 4 | digit(c, c->at++);
    }
    return c->at != start;
}

bool take_bytes(struct cursor *c, void *data, size_t size)
{
    uint8_t *to = data;

    for (size_t i = 0; i < size; i++) {
        int high = digit(c, c->at), low = high < 0 ? -1 : digit(c, c->at + 1);

        if (low < 0) {
            return false;
        }
        to[i] = high << 4 | low;
        c->at += 2;
    }
    return true;
}

/* --- threads --------------------------------------------------------------------------------- */

static bool take_id(struct cursor *c, int64_t *id)
{
    uint64_t value;

    if (take(c, "-1")) {
        *id = -1;
        return true;
    }
    if (!take_hex(c, &value) || value > UINT32_MAX) {
        return false;
    }
    *id = value;
    return true;
}

bool take_thread_id(struct gdb *g, struct cursor *c, struct thread_id *id)
{
    *id = (struct thread_id){ .process = 0, .thread = -1 };
    if (!take_char(c, 'p')) {
        return take_id(c, &id->thread);
    }
    return take_id(c, &id->process) && (!take_char(c, '.') || take_id(c, &id->thread));
}

void reply_thread_id(struct gdb *g, struct cpu *cpu)
{
    if (g->multiprocess) {
        reply_printf(g, "p%02x.", g->ops->process_id(g));
    }
    reply_printf(g, "%02x", g->ops->thread_id(g, cpu));
}

bool thread_matches(struct gdb *g, const struct thread_id *id, struct cpu *cpu)
{
    return (id->process <= 0 || id->process == g->ops->process_id(g)) &&
           (id->thread <= 0 || id->thread == g->ops->thread_id(g, cpu));
}

struct cpu *thread_find(struct gdb *g, const struct thread_id *id)
{
    struct cpu *cpu = NULL;

    if (id->thread <= 0 && g->stop_cpu && g->ops->thread_id(g, g->stop_cpu) &&
        thread_matches(g, id, g->stop_cpu)) {
        return g->stop_cpu;
    }
    while ((cpu = g->ops->next_thread(g, cpu)) && !thread_matches(g, id, cpu)) {
    }
    return cpu;
}

struct cpu *thread_general(struct gdb *g)
{
    static const struct thread_id any;

    if (g->general && g->ops->thread_id(g, g->general)) {
        return g->general;
    }
    return thread_find(g, &any);
}
