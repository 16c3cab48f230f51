/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCSI bus: who sits on which number, and the drives of the command line. */
#include "hw/scsi/scsi.h"

#include "base/bits.h"

#define BUSES 8
#define INITIATOR 7                 /* the number that host adapters have themselves */

static bool attach(struct bus *b, struct device *dev, struct error **err)
{
    struct scsi_bus *bus = (struct scsi_bus *)b;
    struct scsi_target *t = (struct scsi_target *)dev;

    if (t->lun != 0 || t->channel != 0) {
        error_set(err, "%s: lun=%u, channel=%u: only unit 0 of a target of channel 0 is available",
                  dev->class->name, t->lun, t->channel);
        return false;
    }
    if (t->id == UINT32_MAX) {
        for (t->id = 0; t->id < SCSI_TARGETS && (bus->targets[t->id] || t->id == INITIATOR);) {
            t->id++;
        }
    }
    if (t->id >= SCSI_TARGETS || t->id == INITIATOR || bus->targets[t->id]) {
        error_set(err, "%s: scsi-id %u of bus %s is %s", dev->class->name, t->id, b->name,
                  t->id >= SCSI_TARGETS ? "out of range, or the bus is full" : "in use");
        return false;
    }
    bus->targets[t->id] = t;
    return true;
}

static void detach(struct bus *b, struct device *dev)
{
    ((struct scsi_bus *)b)->targets[((struct scsi_target *)dev)->id] = NULL;
}

static const struct property properties[] = {
    { "scsi-id", PROPERTY_UINT, PROPERTY_AT(scsi_target, id), UINT32_MAX, NULL },
    { "lun", PROPERTY_UINT, PROPERTY_AT(scsi_target, lun), 0, NULL },
    { "channel", PROPERTY_UINT, PROPERTY_AT(scsi_target, channel), 0, NULL }, { 0 }
};

BUS_TYPE(scsi) = {
    .name = "SCSI", .properties = properties, .attach = attach, .detach = detach,
};

void scsi_bus_init(struct scsi_bus *bus, const char *name, struct device *owner,
                   void (*ready)(void *opaque, struct scsi_target *t), void *opaque)
{
    bus->ready = ready;
    bus->opaque = opaque;
    bus_init(&bus->bus, &scsi_type, name, owner);
}

void scsi_bus_reset(struct scsi_bus *bus)
{
    for (unsigned i = 0; i < SCSI_TARGETS; i++) {
        if (bus->targets[i]) {
            device_reset(&bus->targets[i]->dev);
        }
    }
}

/* --- drives of the command line -------------------------------------------------------------- */

bool scsi_create_drives(struct scsi_bus *bus, unsigned number, struct error **err)
{
    for (unsigned unit = 0; unit < SCSI_TARGETS; unit++) {
        struct block *block = block_find_drive(BLOCK_IF_SCSI, number, unit);
        struct device *dev;

        if (!block) {
            continue;
        }
        dev = device_create(block_type(block) == BLOCK_CDROM ? "scsi-cd" : "scsi-hd", err);
        if (!dev) {
            return false;
        }
        dev->bus = &bus->bus;
        device_set_uint(dev, "scsi-id", unit);
        device_set_pointer(dev, "drive", block);
        if (!device_realize(dev, err)) {
            device_destroy(dev);
            return false;
        }
    }
    return true;
}

bool scsi_create_hosts(const char *class, struct error **err)
{
    for (unsigned number = 0; number < BUSES; number++) {
        bool used = false;

        for (unsigned unit = 0; unit < SCSI_TARGETS; unit++) {
            used |= block_find_drive(BLOCK_IF_SCSI, number, unit) != NULL;
        }
        if (used) {
            struct device *dev = device_create(class, err);

            if (!dev) {
                return false;
            }
            device_set_uint(dev, "number", number);
            if (!device_realize(dev, err)) {
                return false;
            }
        }
    }
    return true;
}
