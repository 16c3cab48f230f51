/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers: their values, and the description of them that gdb reads first. */
#include "gdbstub/stub.h"

#include <stdlib.h>

static const struct debug_registers *table(void)
{
    return the_target.registers;
}

bool gdb_is_possible(struct error **err)
{
    if (!table()) {
        error_set(err, "programs and machines of %s cannot be debugged with gdb yet; x86 can",
                  the_target.name);
    }
    return table();
}

static const struct debug_register *by_number(uint64_t number)
{
    for (unsigned i = 0; i < table()->n_features; i++) {
        const struct debug_feature *f = &table()->features[i];

        if (number < f->count) {
            return &f->registers[number];
        }
        number -= f->count;
    }
    return NULL;
}

static void add_value(struct gdb *g, struct cpu *cpu, const struct debug_register *r)
{
    uint8_t value[DEBUG_REGISTER_MAX];

    table()->get(cpu, r, value);
    reply_hex(g, value, r->bits / 8);
}

static bool no_thread(struct gdb *g, struct cpu *cpu)
{
    if (!cpu) {
        reply_error(g, 3);
    }
    return !cpu;
}

enum answer read_registers(struct gdb *g, struct cursor *c)
{
    struct cpu *cpu = thread_general(g);
    const struct debug_register *r;

    if (no_thread(g, cpu)) {
        return ANSWER_REPLY;
    }
    for (unsigned i = 0; (r = by_number(i)); i++) {
        add_value(g, cpu, r);
    }
    return ANSWER_REPLY;
}

enum answer read_register(struct gdb *g, struct cursor *c)
{
    struct cpu *cpu = thread_general(g);
    const struct debug_register *r;
    uint64_t number;

    if (no_thread(g, cpu)) {
        return ANSWER_REPLY;
    }
    r = take_hex(c, &number) && at_end(c) ? by_number(number) : NULL;
    if (!r) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    add_value(g, cpu, r);
    return ANSWER_REPLY;
}

enum answer write_registers(struct gdb *g, struct cursor *c)
{
    struct cpu *cpu = thread_general(g);
    uint8_t value[DEBUG_REGISTER_MAX];
    const struct debug_register *r;

    if (no_thread(g, cpu)) {
        return ANSWER_REPLY;
    }
    for (unsigned i = 0; (r = by_number(i)) && !at_end(c); i++) {
        if (!take_bytes(c, value, r->bits / 8)) {
            reply_error(g, 22);
            return ANSWER_REPLY;
        }
        table()->set(cpu, r, value);
    }
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

enum answer write_register(struct gdb *g, struct cursor *c)
{
    struct cpu *cpu = thread_general(g);
    uint8_t value[DEBUG_REGISTER_MAX];
    const struct debug_register *r;
    uint64_t number;

    if (no_thread(g, cpu)) {
        return ANSWER_REPLY;
    }
    r = take_hex(c, &number) && take_char(c, '=') ? by_number(number) : NULL;
    if (!r || !take_bytes(c, value, r->bits / 8) || !at_end(c) || !table()->set(cpu, r, value)) {
        reply_error(g, 22);
        return ANSWER_REPLY;
    }
    reply_text(g, "OK");
    return ANSWER_REPLY;
}

static void describe_feature(FILE *out, const struct debug_feature *f)
{
    fprintf(out, "<feature name=\"%s\">\n%s\n", f->name, f->types);
    for (unsigned i = 0; i < f->count; i++) {
        const struct debug_register *r = &f->registers[i];

        fprintf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" group=\"%s\"/>\n", r->name,
                r->bits, r->type, r->group);
    }
    fprintf(out, "</feature>\n");
}

char *registers_describe(struct gdb *g, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);

    if (!out) {
        return NULL;
    }
    fprintf(out, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
            "<target version=\"1.0\">\n<architecture>%s</architecture>\n%s",
            table()->architecture, g->ops->machine ? "" : "<osabi>GNU/Linux</osabi>\n");
    for (unsigned i = 0; i < table()->n_features; i++) {
        describe_feature(out, &table()->features[i]);
    }
    fprintf(out, "</target>\n");
    fclose(out);
    return text;
}
