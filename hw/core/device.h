/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices: one class literal each, found through a linker section, made and wired by boards.
 *
 * The life of a device: device_create() -> device_set() its properties -> device_realize(), which
 * puts it on its bus and calls init -> wiring by the board -> resets -> device_destroy().
 * Everything runs under the big lock. Devices see offsets and lines, never addresses or CPUs.
 */
#ifndef HW_CORE_DEVICE_H
#define HW_CORE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "hw/core/irq.h"
#include "hw/core/memory.h"
#include "hw/core/state.h"

struct device;
struct bus;

/* A named region of a class: its instance is dev->regions[i] once the device is realized. */
struct device_region {
    const char *name;   /* NULL ends the table */
    uint64_t size;
    struct mmio_ops ops;
};

enum property_kind {
    PROPERTY_BOOL = 1, PROPERTY_UINT, PROPERTY_SIZE, PROPERTY_STRING, PROPERTY_MAC,
    PROPERTY_DRIVE, PROPERTY_CHARDEV, PROPERTY_NETDEV, PROPERTY_AUDIODEV
};

/* Set from text before realize. Numbers fit the member's width or are refused. */
struct property {
    const char *name;    /* NULL ends the table */
    enum property_kind kind;
    uint32_t offset, size;
    uint64_t initial;    /* UINT, SIZE, BOOL */
    const char *text;    /* STRING: the default, or NULL */
};

#define PROPERTY_AT(T, m) offsetof(struct T, m), sizeof(((struct T *)0)->m)
#define PROP_BOOL(name, T, m, initial) { name, PROPERTY_BOOL, PROPERTY_AT(T, m), initial, NULL }
#define PROP_UINT(name, T, m, initial) { name, PROPERTY_UINT, PROPERTY_AT(T, m), initial, NULL }
#define PROP_SIZE(name, T, m, initial) { name, PROPERTY_SIZE, PROPERTY_AT(T, m), initial, NULL }
/* A `char *` that the core owns. */
#define PROP_STRING(name, T, m, text) { name, PROPERTY_STRING, PROPERTY_AT(T, m), 0, text }
/* A uint8_t[6]; all zero until set. */
#define PROP_MAC(name, T, m) { name, PROPERTY_MAC, PROPERTY_AT(T, m), 0, NULL }
/* A `struct block *`, `struct chardev *`, ...; NULL until set; given by name. */
#define PROP_DRIVE(name, T, m) { name, PROPERTY_DRIVE, PROPERTY_AT(T, m), 0, NULL }
#define PROP_CHARDEV(name, T, m) { name, PROPERTY_CHARDEV, PROPERTY_AT(T, m), 0, NULL }
#define PROP_NETDEV(name, T, m) { name, PROPERTY_NETDEV, PROPERTY_AT(T, m), 0, NULL }
#define PROP_AUDIODEV(name, T, m) { name, PROPERTY_AUDIODEV, PROPERTY_AT(T, m), 0, NULL }
#define PROPERTIES_END { 0 }

struct device_class {
    const char *name;         /* as in -device */
    const char *alias;        /* another accepted name, or NULL */
    const char *desc;         /* one line for -device help */
    const char *bus;          /* bus type it sits on, "isa", "pci", ...; NULL for none */
    bool internal;            /* made by boards only; -device refuses it */
    size_t size;              /* of the struct, which starts with struct device (or the bus's own
                               * device struct, such as struct pci_device) */
    const struct property *properties;
    const struct device_region *regions;
    unsigned irqs;            /* number of output lines, dev->irqs[] */
    unsigned inputs;          /* number of input lines */
    void (*input)(void *dev, int n, int level);
    /* Called by realize with all properties set, regions made and the bus attached. Guest-visible
     * state is left to reset, which follows. On failure it must undo its own doings. */
    bool (*init)(struct device *dev, struct error **err);
    /* Undoes init: timers, back-ends, mappings. */
    void (*exit)(struct device *dev);
    /* Phase one: put the state struct to its power-on value; touch nobody else. */
    void (*reset)(struct device *dev);
    /* Phase two, when all devices are in reset state, and again after a load: drive every output
     * line, and whatever else hangs on the state, from the state as it is now. Idempotent. */
    void (*reset_lines)(struct device *dev);
    struct state state;
    /* Whether `state` tells all there is now; with a reason if not. NULL: always. */
    bool (*can_save)(struct device *dev, struct error **err);
    /* After the state was loaded: set timers, rebuild mappings and other host-side shadows. False
     * when the loaded values are impossible (an index out of range). */
    bool (*loaded)(struct device *dev, struct error **err);
    /* Text for `info` commands, or NULL. */
    void (*info)(struct device *dev, FILE *out);
};

/* Registers a class: DEVICE(rtc) = { .name = "mc146818rtc", ... }; */
#define DEVICE(id)                                                                                 \
    static const struct device_class id##_class;                                                   \
    static const struct device_class *const id##_class_entry                                       \
        __attribute__((used, section("device_classes"))) = &id##_class;                            \
    static const struct device_class id##_class

struct device {
    const struct device_class *class;
    char *id;                        /* from id=, or NULL */
    struct bus *bus;
    struct irq *irqs;                /* class->irqs outputs, unconnected at first */
    struct memory_region *regions;   /* one per class->regions row */
    bool realized;
    uint32_t instance;               /* number among the live devices of its class */
    struct device *next;             /* in creation order */
};

/* --- making ---------------------------------------------------------------------------------- */

/* NULL for an unknown class. The device has its defaults and is in the global list. */
struct device *device_create(const char *class_name, struct error **err);
/* `id` and `bus` are keys of every device; the bus type may add more (PCI: addr, romfile). */
bool device_set(struct device *dev, const char *key, const char *value, struct error **err);
/* For boards: set without text, or abort on a key that the class does not have (our bug). */
void device_set_uint(struct device *dev, const char *key, uint64_t value);
void device_set_pointer(struct device *dev, const char *key, void *value);
/* A number by its key; false when there is no such property. */
bool device_get_uint(const struct device *dev, const char *key, uint64_t *value);
/* Puts it on `dev->bus`, or on the first bus of its class's type; then init. On failure the device
 * is not realized and the caller destroys it. */
bool device_realize(struct device *dev, struct error **err);
void device_destroy(struct device *dev);

/* `-device text`: create, set, realize, reset if the machine runs. False if any step fails. */
bool device_add_option(const char *text, struct error **err);

/* device_del: takes a device off its bus, now or when the guest lets go of it. Fails on buses that
 * devices cannot leave while the machine runs. */
bool device_remove(struct device *dev, struct error **err);
/* Off its bus, destroyed with all that sits on it; its -drive goes too. */
void device_eject(struct device *dev);
bool device_remove_id(const char *id, struct error **err);
/* device_reset() of a device and of all that sits on it. */
void device_reset_tree(struct device *dev);

/* --- wiring ---------------------------------------------------------------------------------- */

void device_connect(struct device *dev, unsigned output, struct irq irq);
struct irq device_input(struct device *dev, unsigned n);
/* By the name in the class's region table; NULL if there is none. */
struct memory_region *device_region(struct device *dev, const char *name);

/* --- all devices ----------------------------------------------------------------------------- */

void device_reset(struct device *dev);
void device_reset_all(void);
struct device *device_first(void);
/* By id, then by class name. */
struct device *device_find(const char *name);
const struct device_class *device_class_find(const char *name);
/* Calls back for every class, sorted by name. */
void device_class_walk(void (*visit)(void *opaque, const struct device_class *class), void *opaque);
/* `-device help` and `-device NAME,help`. */
void device_print_help(FILE *out);
void device_class_print_help(const struct device_class *class, FILE *out);

bool device_can_save_all(struct error **err);
/* One section for each device and bus part. */
void device_save_all(struct state_writer *w);
/* Loads every section, then calls `loaded` and `reset_lines` of all devices in creation order. */
bool device_load_all(struct state_reader *r, struct error **err);

/* Who finds the object behind a drive=, chardev=, netdev= or audiodev= property. */
void device_set_resolver(enum property_kind kind, void *(*find)(const char *name));

/* --- buses ----------------------------------------------------------------------------------- */

struct bus_type {
    const char *name;                      /* "pci" */
    const struct property *properties;     /* of every device on it; offsets into the device */
    bool hot_unplug;                       /* devices may leave a running machine */
    /* A device came to a running machine; may be NULL. */
    void (*arrived)(struct device *dev);
    /* The guest must let go of a device first; device_eject() follows when it has. NULL: devices
     * leave at once. */
    bool (*ask_to_leave)(struct device *dev, struct error **err);
    struct state state;                    /* the bus's part of each device's state */
    /* Before the device's init: find a place. Undone by detach. */
    bool (*attach)(struct bus *bus, struct device *dev, struct error **err);
    void (*detach)(struct bus *bus, struct device *dev);
    /* Before the device's own reset. */
    void (*reset)(struct device *dev);
    /* Before the device's own loaded. */
    bool (*loaded)(struct device *dev, struct error **err);
};

/* Registers a type: BUS_TYPE(pci) = { .name = "pci", ... }; defines pci_type. */
#define BUS_TYPE(id)                                                                               \
    static const struct bus_type id##_type;                                                        \
    static const struct bus_type *const id##_type_entry                                            \
        __attribute__((used, section("bus_types"))) = &id##_type;                                  \
    static const struct bus_type id##_type

/* Starts the bus's own struct (struct pci_bus). */
struct bus {
    const struct bus_type *type;
    const char *name;                /* "pci.0"; for bus= */
    struct device *owner;            /* the bridge or controller, or NULL */
    struct bus *next;
};

/* `name` must outlive the bus. */
void bus_init(struct bus *bus, const struct bus_type *type, const char *name, struct device *owner);
void bus_fini(struct bus *bus);
/* By name, by its device's id= (with or without ".0"), or the first of a type; NULL: none. */
struct bus *bus_find(const char *name_or_type);
const struct bus_type *bus_type_find(const char *name);

#endif
