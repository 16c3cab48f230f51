/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that come to and leave a running machine. */
#include <glib.h>
#include <string.h>

#include "base/event.h"
#include "block.h"
#include "hw/core/device.h"

#define MAX_DRIVES 4                /* that one device may have, with what sits on it */

struct drives {
    struct block *blocks[MAX_DRIVES];
    unsigned count;
};

static bool sits_on(const struct device *dev, const struct device *owner)
{
    while (dev && dev != owner) {
        dev = dev->bus ? dev->bus->owner : NULL;
    }
    return dev != NULL;
}

void device_reset_tree(struct device *owner)
{
    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (dev->realized && sits_on(dev, owner)) {
            device_reset(dev);
        }
    }
}

static void collect_drives(const struct device *dev, struct drives *drives)
{
    for (const struct property *p = dev->class->properties; p && p->name; p++) {
        struct block *block = p->kind == PROPERTY_DRIVE
            ? *(struct block *const *)((const char *)dev + p->offset) : NULL;
        bool known = !block;

        for (unsigned i = 0; i < drives->count; i++) {
            known |= drives->blocks[i] == block;
        }
        if (!known && drives->count < MAX_DRIVES) {
            drives->blocks[drives->count++] = block;
        }
    }
}

static void tell(const struct device *dev)
{
    struct json *data = json_object();
    char *path = dev->id ? g_strdup_printf("/machine/peripheral/%s", dev->id)
                         : g_strdup_printf("/machine/peripheral-anon/%s%u", dev->class->name,
                                           dev->instance);

    if (dev->id) {
        json_set_string(data, "device", dev->id);
    }
    json_set_string(data, "path", path);
    event_emit("DEVICE_DELETED", data);
    g_free(path);
}

/* By its id, or by a path that ends with it. */
static struct device *find_by_id(const char *id)
{
    static const char prefix[] = "/machine/peripheral/";

    if (g_str_has_prefix(id, prefix)) {
        id += strlen(prefix);
    }
    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (dev->id && strcmp(dev->id, id) == 0) {
            return dev;
        }
    }
    return NULL;
}

bool device_remove(struct device *dev, struct error **err)
{
    if (!dev->bus || !dev->bus->type->hot_unplug || dev->class->internal) {
        error_set(err, "Device '%s' cannot be removed: %s%s does not support hotplugging",
                  dev->id ? dev->id : dev->class->name, dev->bus ? "bus " : "it",
                  dev->bus ? dev->bus->name : "");
        return false;
    }
    if (dev->bus->type->ask_to_leave) {
        return dev->bus->type->ask_to_leave(dev, err);
    }
    device_eject(dev);
    return true;
}

void device_eject(struct device *dev)
{
    struct drives drives = { 0 };

    for (struct device *child = device_first(); child; child = child->next) {
        if (sits_on(child, dev)) {
            collect_drives(child, &drives);
        }
    }
    tell(dev);
    device_destroy(dev);
    for (unsigned i = 0; i < drives.count; i++) {
        block_release(drives.blocks[i]);
    }
}

bool device_remove_id(const char *id, struct error **err)
{
    struct device *dev = find_by_id(id);

    if (!dev) {
        error_set(err, "Device '%s' not found", id);
        return false;
    }
    return device_remove(dev, err);
}
