/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of devices: making, realizing, wiring, resetting and destroying them. */
#include "hw/core/device.h"

#include <assert.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyval.h"
#include "hw/core/property.h"

static struct device *devices;   /* in creation order */
static bool reset_once;          /* after the power-on reset new devices need their own */

static const struct bus_type *bus_type_of(const struct device *dev)
{
    return dev->class->bus ? bus_type_find(dev->class->bus) : NULL;
}

static const struct property *bus_properties(const struct device *dev)
{
    const struct bus_type *type = bus_type_of(dev);

    return type ? type->properties : NULL;
}

/* --- making ---------------------------------------------------------------------------------- */

/* The lowest number that no live device of the class has. */
static uint32_t free_instance(const struct device_class *class)
{
    uint32_t number = 0;

    for (struct device *dev = devices; dev;) {
        if (dev->class == class && dev->instance == number) {
            number++;
            dev = devices;
        } else {
            dev = dev->next;
        }
    }
    return number;
}

struct device *device_create(const char *class_name, struct error **err)
{
    const struct device_class *class = device_class_find(class_name);
    struct device **at = &devices, *dev;

    if (!class) {
        error_set(err, "'%s' is not a valid device model name", class_name);
        return NULL;
    }
    dev = g_malloc0(class->size);
    dev->class = class;
    dev->instance = free_instance(class);
    dev->irqs = g_new0(struct irq, class->irqs);
    property_set_defaults(bus_properties(dev), dev);
    property_set_defaults(class->properties, dev);
    while (*at) {
        at = &(*at)->next;
    }
    *at = dev;
    return dev;
}

static bool set_id(struct device *dev, const char *id, struct error **err)
{
    for (struct device *other = devices; other; other = other->next) {
        if (other != dev && other->id && strcmp(other->id, id) == 0) {
            error_set(err, "Duplicate ID '%s' for device", id);
            return false;
        }
    }
    g_free(dev->id);
    dev->id = g_strdup(id);
    return true;
}

static bool set_bus(struct device *dev, const char *name, struct error **err)
{
    struct bus *bus = bus_find(name);

    if (!bus) {
        error_set(err, "Bus '%s' not found", name);
        return false;
    }
    if (!dev->class->bus || strcmp(bus->type->name, dev->class->bus) != 0) {
        error_set(err, "Device '%s' can't go on %s bus", dev->class->name, bus->type->name);
        return false;
    }
    dev->bus = bus;
    return true;
}

static const struct property *find_property(const struct device *dev, const char *key)
{
    const struct property *p = property_find(dev->class->properties, key);

    return p ? p : property_find(bus_properties(dev), key);
}

bool device_set(struct device *dev, const char *key, const char *value, struct error **err)
{
    const struct property *p;

    if (strcmp(key, "id") == 0) {
        return set_id(dev, value, err);
    }
    if (strcmp(key, "bus") == 0) {
        return set_bus(dev, value, err);
    }
    p = find_property(dev, key);
    if (!p) {
        error_set(err, "Property '%s.%s' not found", dev->class->name, key);
        return false;
    }
    return property_set_text(p, dev, dev->class->name, value, err);
}

bool device_get_uint(const struct device *dev, const char *key, uint64_t *value)
{
    const struct property *p = find_property(dev, key);
    const void *at = p ? (const char *)dev + p->offset : NULL;

    if (!p || p->kind > PROPERTY_SIZE) {
        return false;
    }
    switch (p->size) {
    case 1: *value = *(const uint8_t *)at; return true;
    case 2: *value = *(const uint16_t *)at; return true;
    case 4: *value = *(const uint32_t *)at; return true;
    default: *value = *(const uint64_t *)at; return true;
    }
}

static const struct property *own_property(const struct device *dev, const char *key)
{
    const struct property *p = find_property(dev, key);

    if (!p) {
        error_report("device '%s' has no property '%s'", dev->class->name, key);
        abort();
    }
    return p;
}

void device_set_uint(struct device *dev, const char *key, uint64_t value)
{
    const struct property *p = own_property(dev, key);
    bool fits = p->kind <= PROPERTY_SIZE && property_set_number(p, dev, value);

    assert(fits);
}

void device_set_pointer(struct device *dev, const char *key, void *value)
{
    const struct property *p = own_property(dev, key);

    assert(p->kind >= PROPERTY_DRIVE && p->size == sizeof(void *));
    *(void **)((char *)dev + p->offset) = value;
}

/* --- realizing ------------------------------------------------------------------------------- */

static bool find_bus(struct device *dev, struct error **err)
{
    if (dev->class->bus && !dev->bus) {
        dev->bus = bus_find(dev->class->bus);
        if (!dev->bus || strcmp(dev->bus->type->name, dev->class->bus) != 0) {
            dev->bus = NULL;
            error_set(err, "No '%s' bus found for device '%s'", dev->class->bus, dev->class->name);
            return false;
        }
    }
    return true;
}

static void make_regions(struct device *dev)
{
    const struct device_region *rows = dev->class->regions;
    size_t count = 0;

    while (rows && rows[count].name) {
        count++;
    }
    dev->regions = g_new0(struct memory_region, count);
    for (size_t i = 0; i < count; i++) {
        memory_region_init_mmio(&dev->regions[i], rows[i].name, rows[i].size, &rows[i].ops, dev);
    }
}

static void remove_regions(struct device *dev)
{
    const struct device_region *rows = dev->class->regions;

    for (size_t i = 0; dev->regions && rows && rows[i].name; i++) {
        memory_region_fini(&dev->regions[i]);
    }
    g_free(dev->regions);
    dev->regions = NULL;
}

static void leave_bus(struct device *dev)
{
    if (dev->bus && dev->bus->type->detach) {
        dev->bus->type->detach(dev->bus, dev);
    }
}

bool device_realize(struct device *dev, struct error **err)
{
    assert(!dev->realized);
    if (!find_bus(dev, err)) {
        return false;
    }
    if (dev->bus && dev->bus->type->attach && !dev->bus->type->attach(dev->bus, dev, err)) {
        return false;
    }
    make_regions(dev);
    if (dev->class->init && !dev->class->init(dev, err)) {
        leave_bus(dev);
        remove_regions(dev);
        return false;
    }
    dev->realized = true;
    return true;
}

/* What sits on the buses of a device goes before it. */
static void destroy_children(struct device *dev)
{
    struct device *child = devices;

    while (child) {
        if (child->bus && child->bus->owner == dev) {
            device_destroy(child);
            child = devices;
        } else {
            child = child->next;
        }
    }
}

void device_destroy(struct device *dev)
{
    struct device **at = &devices;

    destroy_children(dev);
    memory_transaction_begin();
    if (dev->realized) {
        if (dev->class->exit) {
            dev->class->exit(dev);
        }
        leave_bus(dev);                 /* which unmaps the regions */
        remove_regions(dev);
    }
    memory_transaction_commit();
    while (*at != dev) {
        at = &(*at)->next;
    }
    *at = dev->next;
    property_free_all(bus_properties(dev), dev);
    property_free_all(dev->class->properties, dev);
    g_free(dev->irqs);
    g_free(dev->id);
    g_free(dev);
}

/* --- -device --------------------------------------------------------------------------------- */

static bool set_all(struct device *dev, struct keyval *kv, struct error **err)
{
    const char *key, *value;

    for (size_t at = 0; keyval_next(kv, &at, &key, &value);) {
        if (strcmp(key, "driver") != 0 && !device_set(dev, key, value, err)) {
            return false;
        }
    }
    return true;
}

static bool add_from_list(struct keyval *kv, struct error **err)
{
    const char *name = keyval_string(kv, "driver", NULL);
    const struct device_class *class = name ? device_class_find(name) : NULL;
    struct device *dev;

    if (!name) {
        error_set(err, "Parameter 'driver' is missing");
        return false;
    }
    if (class && class->internal) {
        error_set(err, "'%s' belongs to the machine and cannot be added", name);
        return false;
    }
    dev = device_create(name, err);
    if (!dev) {
        return false;
    }
    if (!set_all(dev, kv, err) || !device_realize(dev, err)) {
        device_destroy(dev);
        return false;
    }
    if (reset_once) {
        device_reset_tree(dev);
        if (dev->bus && dev->bus->type->arrived) {
            dev->bus->type->arrived(dev);
        }
    }
    return true;
}

bool device_add_option(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-device", text, "driver", err);
    bool good = kv && add_from_list(kv, err);

    keyval_free(kv);
    return good;
}

/* --- wiring ---------------------------------------------------------------------------------- */

void device_connect(struct device *dev, unsigned output, struct irq irq)
{
    assert(output < dev->class->irqs);
    dev->irqs[output] = irq;
}

struct irq device_input(struct device *dev, unsigned n)
{
    assert(n < dev->class->inputs && dev->class->input);
    return (struct irq){ dev->class->input, dev, n };
}

struct memory_region *device_region(struct device *dev, const char *name)
{
    const struct device_region *rows = dev->class->regions;

    for (size_t i = 0; dev->regions && rows && rows[i].name; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &dev->regions[i];
        }
    }
    return NULL;
}

/* --- all devices ----------------------------------------------------------------------------- */

static void reset_state(struct device *dev)
{
    if (dev->bus && dev->bus->type->reset) {
        dev->bus->type->reset(dev);
    }
    if (dev->class->reset) {
        dev->class->reset(dev);
    }
}

static void reset_lines(struct device *dev)
{
    if (dev->class->reset_lines) {
        dev->class->reset_lines(dev);
    }
}

void device_reset(struct device *dev)
{
    reset_state(dev);
    reset_lines(dev);
}

void device_reset_all(void)
{
    reset_once = true;
    memory_transaction_begin();
    for (struct device *dev = devices; dev; dev = dev->next) {
        if (dev->realized) {
            reset_state(dev);
        }
    }
    for (struct device *dev = devices; dev; dev = dev->next) {
        if (dev->realized) {
            reset_lines(dev);
        }
    }
    memory_transaction_commit();
}

struct device *device_first(void)
{
    return devices;
}

struct device *device_find(const char *name)
{
    for (struct device *dev = devices; dev; dev = dev->next) {
        if (dev->id && strcmp(dev->id, name) == 0) {
            return dev;
        }
    }
    for (struct device *dev = devices; dev; dev = dev->next) {
        if (strcmp(dev->class->name, name) == 0) {
            return dev;
        }
    }
    return NULL;
}
