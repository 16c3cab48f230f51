/* SPDX-License-Identifier: GPL-2.0-or-later */
/* $registers of expressions, found through the tables that every CPU model has. */
#include <ctype.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "cpu-exec.h"
#include "hw/core/state.h"
#include "monitor/hmp.h"
#include "tcg/ir.h"

struct lookup {
    const char *name;
    uint64_t value;
    bool found;
};

static uint64_t load(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1: return *p;
    case 2: return *(const uint16_t *)p;
    case 4: return *(const uint32_t *)p;
    default: return *(const uint64_t *)p;
    }
}

/* "sp" is also rsp, and esp for its low half. */
static bool is_global_named(const struct ir_global *g, const char *name, unsigned *size)
{
    if (strcmp(g->name, name) == 0) {
        return true;
    }
    if ((*name != 'e' && *name != 'r') || strcmp(g->name, name + 1) != 0) {
        return false;
    }
    *size = *name == 'e' ? 4 : *size;
    return true;
}

static unsigned word_size(const struct cpu *cpu)
{
    return cpu->target->word_bits / 8;
}

static bool find_global(struct cpu *cpu, const char *name, uint64_t *value)
{
    const struct target *t = cpu->target;
    bool is_pc = strcmp(name, "rip") == 0 || strcmp(name, "eip") == 0;

    for (unsigned i = 0; i < t->n_globals; i++) {
        const struct ir_global *g = &t->globals[i];
        unsigned size = g->type == I64 ? 8 : g->type == I32 ? 4 : 0;

        if (size && ((is_pc && i == t->pc_global) || is_global_named(g, name, &size))) {
            *value = load((const uint8_t *)cpu->env + g->offset, size);
            return true;
        }
    }
    return false;
}

/* "cr3" is element 3 of the array "cr", unless there is a field of that name. */
static bool find_field(struct cpu *cpu, const char *name, uint64_t *value)
{
    size_t stem = strlen(name);
    unsigned long index;

    while (stem && isdigit((unsigned char)name[stem - 1])) {
        stem--;
    }
    index = strtoul(name + stem, NULL, 10);
    for (const struct field *f = cpu->target->state_fields; f && f->name; f++) {
        bool whole = strcmp(f->name, name) == 0 && f->count == 1;
        bool element = strncmp(f->name, name, stem) == 0 && !f->name[stem] && name[stem] &&
            index < f->count && f->count > 1;

        if (f->kind != FIELD_STRUCT && (whole || element)) {
            *value = load((const uint8_t *)cpu->env + f->offset + (whole ? 0 : index * f->size),
                          f->size);
            return true;
        }
    }
    return false;
}

static void look_up(struct cpu *cpu, void *opaque)
{
    struct lookup *l = opaque;

    l->found = find_global(cpu, l->name, &l->value) || find_field(cpu, l->name, &l->value);
    if (l->found && word_size(cpu) == 4) {
        l->value = (uint32_t)l->value;
    }
}

bool hmp_register(void *opaque, const char *name, uint64_t *value)
{
    struct monitor *mon = opaque;
    struct cpu *cpu = cpu_by_index(mon->cpu_index);
    struct lookup l = { .name = name };

    if (cpu) {
        cpu_run_on(cpu, look_up, &l);
    }
    *value = l.value;
    return l.found;
}
