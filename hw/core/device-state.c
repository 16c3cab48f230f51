/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saves and loads all devices: a section "class" for its state, "class/bus" for the bus's part. */
#include <glib.h>
#include <string.h>

#include "hw/core/device.h"

enum { MAX_NAME = 64 };

static const struct state *bus_state(const struct device *dev)
{
    return dev->bus && dev->bus->type->state.fields ? &dev->bus->type->state : NULL;
}

static const struct state *own_state(const struct device *dev)
{
    return dev->class->state.fields ? &dev->class->state : NULL;
}

static void bus_section_name(const struct device *dev, char name[MAX_NAME])
{
    g_snprintf(name, MAX_NAME, "%s/%s", dev->class->name, dev->bus->type->name);
}

bool device_can_save_all(struct error **err)
{
    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (dev->realized && dev->class->can_save && !dev->class->can_save(dev, err)) {
            return false;
        }
    }
    return true;
}

void device_save_all(struct state_writer *w)
{
    char name[MAX_NAME];

    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (!dev->realized) {
            continue;
        }
        if (bus_state(dev)) {
            bus_section_name(dev, name);
            state_save(w, name, dev->instance, bus_state(dev), dev);
        }
        if (own_state(dev)) {
            state_save(w, dev->class->name, dev->instance, own_state(dev), dev);
        }
    }
    state_put_string(w, "");
}

/* Whose section it is; *state says which part. */
static struct device *find_owner(const struct state_section *section, const struct state **state)
{
    char name[MAX_NAME];

    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (!dev->realized || dev->instance != section->instance) {
            continue;
        }
        if (own_state(dev) && strcmp(dev->class->name, section->name) == 0) {
            *state = own_state(dev);
            return dev;
        }
        if (bus_state(dev)) {
            bus_section_name(dev, name);
            if (strcmp(name, section->name) == 0) {
                *state = bus_state(dev);
                return dev;
            }
        }
    }
    return NULL;
}

static unsigned count_parts(void)
{
    unsigned count = 0;

    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (dev->realized) {
            count += (bus_state(dev) != NULL) + (own_state(dev) != NULL);
        }
    }
    return count;
}

/* Every part of every device exactly once. */
static bool load_sections(struct state_reader *r, struct error **err)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct error *reason = NULL;
    struct state_section section;
    const struct state *state;

    while (!reason && state_next_section(r, &section, &reason)) {
        struct device *dev = find_owner(&section, &state);

        if (!dev) {
            error_set(&reason, "the machine has no device '%s' number %u", section.name,
                      section.instance);
        } else if (!g_hash_table_add(seen, g_strdup_printf("%s %u", section.name,
                                                           section.instance))) {
            error_set(&reason, "section '%s' is there twice", section.name);
        } else {
            state_load(&section, state, dev, &reason);
        }
    }
    if (!reason && g_hash_table_size(seen) != count_parts()) {
        error_set(&reason, "the saved state lacks a device of this machine");
    }
    g_hash_table_destroy(seen);
    error_propagate(err, reason);
    return reason == NULL;
}

static bool finish_load(struct device *dev, struct error **err)
{
    if (dev->bus && dev->bus->type->loaded && !dev->bus->type->loaded(dev, err)) {
        return false;
    }
    return !dev->class->loaded || dev->class->loaded(dev, err);
}

bool device_load_all(struct state_reader *r, struct error **err)
{
    bool good;

    if (!load_sections(r, err)) {
        return false;
    }
    memory_transaction_begin();
    good = true;
    for (struct device *dev = device_first(); good && dev; dev = dev->next) {
        good = !dev->realized || finish_load(dev, err);
    }
    for (struct device *dev = device_first(); good && dev; dev = dev->next) {
        if (dev->realized && dev->class->reset_lines) {
            dev->class->reset_lines(dev);
        }
    }
    memory_transaction_commit();
    return good;
}
