/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Over all device classes: every byte of saved state is in a table, and the tables make sense. */
#include "tests/tap.h"

#include "hw/core/device.h"

static void check_properties(const char *owner, const struct property *table, size_t size)
{
    bool good = true;

    for (const struct property *p = table; p && p->name; p++) {
        static const uint8_t widths[] = {
            [PROPERTY_STRING] = sizeof(void *), [PROPERTY_MAC] = 6,
            [PROPERTY_DRIVE] = sizeof(void *), [PROPERTY_CHARDEV] = sizeof(void *),
            [PROPERTY_NETDEV] = sizeof(void *), [PROPERTY_AUDIODEV] = sizeof(void *),
        };

        good &= p->offset >= sizeof(struct device) && p->offset + p->size <= size;
        good &= p->kind <= PROPERTY_SIZE ? p->size <= 8 && !(p->size & (p->size - 1))
                                         : p->size == widths[p->kind];
        for (const struct property *q = table; q < p; q++) {
            good &= strcmp(p->name, q->name) != 0;
        }
    }
    ok(good, "%s: properties", owner);
}

static void check_saved(const char *owner, const struct state *state, size_t size)
{
    long byte = state_uncovered(state);

    ok(byte < 0 && state->offset + state->size <= size, "%s: saved state", owner);
    if (byte >= 0) {
        printf("# byte %ld is neither saved nor padding\n", byte);
    }
    ok(!state->fields == !state->version, "%s: version", owner);
}

static void check_class(void *count, const struct device_class *class)
{
    const struct bus_type *type = class->bus ? bus_type_find(class->bus) : NULL;

    ++*(unsigned *)count;
    ok(device_class_find(class->name) == class, "%s: the only one of its name", class->name);
    ok(class->size >= sizeof(struct device), "%s: size", class->name);
    ok(!class->bus || type, "%s: its bus is there", class->name);
    ok(class->internal || class->desc, "%s: described", class->name);
    ok(!class->inputs || class->input, "%s: inputs", class->name);
    check_properties(class->name, class->properties, class->size);
    check_saved(class->name, &class->state, class->size);
    if (type) {
        check_properties(type->name, type->properties, class->size);
        check_saved(type->name, &type->state, class->size);
    }
}

int main(void)
{
    unsigned count = 0;

    device_class_walk(check_class, &count);
    ok(count > 0, "there are devices");
    return tap_done();
}
