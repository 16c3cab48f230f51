/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qXfer: objects that gdb reads piece by piece. */
#include "gdbstub/stub.h"

#include <stdlib.h>
#include <string.h>

/* --- the list of threads --------------------------------------------------------------------- */

static void print_quoted(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"'", *text) || (unsigned char)*text < ' ') {
            fprintf(out, "&#%u;", (unsigned char)*text < ' ' ? ' ' : (unsigned char)*text);
        } else {
            fputc(*text, out);
        }
    }
}

static char *list_threads(struct gdb *g, size_t *size)
{
    char *text = NULL, name[128];
    FILE *out = open_memstream(&text, size);
    struct cpu *cpu = NULL;

    if (!out) {
        return NULL;
    }
    fprintf(out, "<?xml version=\"1.0\"?>\n<threads>\n");
    while ((cpu = g->ops->next_thread(g, cpu))) {
        g->ops->describe_thread(g, cpu, name, sizeof(name));
        fprintf(out, "<thread id=\"");
        if (g->multiprocess) {
            fprintf(out, "p%x.", g->ops->process_id(g));
        }
        fprintf(out, "%x\" name=\"", g->ops->thread_id(g, cpu));
        print_quoted(out, name);
        fprintf(out, "\"/>\n");
    }
    fprintf(out, "</threads>\n");
    fclose(out);
    return text;
}

/* --- the packet ------------------------------------------------------------------------------ */

static char *object(struct gdb *g, struct cursor *c, size_t *size)
{
    static const char *const others[] = { "auxv", "exec-file", "siginfo" };

    if (take(c, "features:read:target.xml:")) {
        return registers_describe(g, size);
    }
    if (take(c, "threads:read::")) {
        return list_threads(g, size);
    }
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        uint64_t process;

        if (take(c, others[i]) && take(c, ":read:")) {
            take_hex(c, &process);      /* exec-file: the annex is the process or nothing */
            return take_char(c, ':') && g->ops->object
                 ? g->ops->object(g, thread_general(g), others[i], size) : NULL;
        }
    }
    return NULL;
}

enum answer query_xfer(struct gdb *g, struct cursor *c)
{
    uint64_t offset, length;
    size_t size = 0;
    char *data = object(g, c, &size);

    if (!data) {
        reply_error(g, 0);
        return ANSWER_REPLY;
    }
    if (!take_hex(c, &offset) || !take_char(c, ',') || !take_hex(c, &length) || !at_end(c) ||
        offset > size) {
        reply_error(g, 22);
    } else {
        bool last;

        length = length < PACKET_MAX - 16 ? length : PACKET_MAX - 16;
        last = length >= size - offset;
        reply_text(g, last ? "l" : "m");
        reply_bytes(g, data + offset, last ? size - offset : length);
    }
    free(data);
    return ANSWER_REPLY;
}
