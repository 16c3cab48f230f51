/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of buses, and the bus types of the program. */
#include <string.h>

#include "hw/core/device.h"

/* Weak: a program may have no bus types. */
extern const struct bus_type *const __start_bus_types[] __attribute__((weak));
extern const struct bus_type *const __stop_bus_types[] __attribute__((weak));

static struct bus *buses;   /* in creation order */

const struct bus_type *bus_type_find(const char *name)
{
    for (const struct bus_type *const *t = __start_bus_types; t < __stop_bus_types; t++) {
        if (strcmp((*t)->name, name) == 0) {
            return *t;
        }
    }
    return NULL;
}

void bus_init(struct bus *bus, const struct bus_type *type, const char *name, struct device *owner)
{
    struct bus **at = &buses;

    *bus = (struct bus){ .type = type, .name = name, .owner = owner };
    while (*at) {
        at = &(*at)->next;
    }
    *at = bus;
}

void bus_fini(struct bus *bus)
{
    struct bus **at = &buses;

    while (*at && *at != bus) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = bus->next;
        bus->next = NULL;
    }
}

/* "ID.0" or "ID": the bus of the device with that id=. */
static bool is_of_device(const struct bus *bus, const char *name)
{
    const char *id = bus->owner ? bus->owner->id : NULL;
    size_t length = id ? strlen(id) : 0;

    return id && strncmp(name, id, length) == 0 &&
        (!name[length] || strcmp(name + length, ".0") == 0);
}

struct bus *bus_find(const char *name_or_type)
{
    for (struct bus *bus = buses; bus; bus = bus->next) {
        if (strcmp(bus->name, name_or_type) == 0) {
            return bus;
        }
    }
    for (struct bus *bus = buses; bus; bus = bus->next) {
        if (is_of_device(bus, name_or_type)) {
            return bus;
        }
    }
    for (struct bus *bus = buses; bus; bus = bus->next) {
        if (strcmp(bus->type->name, name_or_type) == 0) {
            return bus;
        }
    }
    return NULL;
}
