/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ATA channels: what controllers (PIIX, ISA, AHCI) need. Each channel is a bus of type "IDE" with
 * at most two devices, classes "ide-hd" and "ide-cd"; one if it is a serial link.
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/core/irq.h"
#include "hw/core/memory.h"
#include "hw/core/state.h"

struct block;
struct ide_drive;

/* The bus master of a channel, as its drives use it. All may be missing: PIO only. */
struct ide_dma_ops {
    /* Moves up to `size` bytes between `data` and the guest's scatter list, going on where the last
     * call stopped; returns how many until the list ended. */
    unsigned (*transfer)(void *opaque, uint8_t *data, unsigned size, bool to_memory);
    /* The guest has started the engine. */
    bool (*active)(void *opaque);
    /* The drive's command is over; `exhausted`: because the scatter list was too short. */
    void (*finished)(void *opaque, bool exhausted);
    /* A request to the medium came back and the drive went on with its command. May be NULL. */
    void (*settled)(void *opaque);
};

struct ide_channel_state {
    uint8_t selected;              /* 0 or 1 */
    uint8_t control;               /* device control register */
    uint8_t irq_pending;           /* INTRQ, before nIEN */
};

struct ide_channel {
    struct bus bus;
    char name[32];
    bool sata;                     /* a serial link: one drive, queued commands */
    uint8_t number;
    struct ide_drive *drives[2];
    struct ide_channel_state *s;   /* in the controller's saved state */
    struct irq irq;
    const struct ide_dma_ops *dma;
    void *dma_opaque;
};

FIELDS(ide_channel_state) = {
    FIELD(ide_channel_state, selected), FIELD(ide_channel_state, control),
    FIELD(ide_channel_state, irq_pending), FIELDS_END
};

/* Device control bits. */
enum { IDE_CONTROL_NIEN = 0x02, IDE_CONTROL_SRST = 0x04, IDE_CONTROL_HOB = 0x80 };

void ide_channel_init(struct ide_channel *channel, struct device *owner, unsigned number,
                      struct ide_channel_state *s);
void ide_channel_fini(struct ide_channel *channel);
void ide_channel_reset(struct ide_channel *channel);
/* Drives the interrupt line from the state. */
void ide_channel_update_irq(struct ide_channel *channel);
/* The bus master engine was started: a drive that waits for it goes on. */
void ide_channel_dma_start(struct ide_channel *channel);
/* It was stopped: waits for what is in flight and forgets the rest. */
void ide_channel_dma_stop(struct ide_channel *channel);

/* A write to the selected drive's command register. */
void ide_channel_command(struct ide_channel *channel, uint8_t command);
/* Software reset, as the bit in device control asserts and releases it. */
void ide_channel_software_reset(struct ide_channel *channel, bool asserted);

/* Command block registers (8 ports, opaque is the channel) and the control register (1 port). */
extern const struct mmio_ops ide_command_ops;
extern const struct mmio_ops ide_control_ops;

/* The drives of -hda to -hdd, -cdrom and -drive if=ide for this channel. */
bool ide_create_drives(struct ide_channel *channel, struct error **err);

/* For the board's CMOS: false when there is no disk. */
struct ide_geometry {
    uint32_t cylinders, heads, sectors;
    uint8_t translation;           /* 0 none, 1 LBA, 2 large */
};
bool ide_disk_geometry(const struct ide_channel *channel, unsigned unit,
                       struct ide_geometry *geometry);
/* Guesses as BIOSes did: hint, partition table, size. */
void ide_guess_geometry(struct block *block, struct ide_geometry *geometry);

/* Class "piix3-ide" and "isa-ide": their channels 0 and 1 (isa-ide: only 0). */
struct ide_channel *piix_ide_channel(struct device *dev, unsigned n);
struct ide_channel *isa_ide_channel(struct device *dev);

#endif
