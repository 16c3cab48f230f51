/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE function of PIIX3 and PIIX4: two channels at the legacy ports and their bus masters. */
#include "base/bits.h"
#include "base/trace.h"
#include "hw/ide/ide.h"
#include "hw/pci/pci.h"

/* Bus master registers (82371SB, 2.7), eight bytes a channel. */
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
enum { COMMAND_START = 1, COMMAND_TO_MEMORY = 8 };
enum { STATUS_ACTIVE = 1, STATUS_ERROR = 2, STATUS_INTERRUPT = 4, STATUS_CAPABLE = 0x60 };

struct bus_master_state {
    uint8_t command, status;
    uint32_t table;
    /* The entry in progress: the next one, what is left of this one, whether it is the last. */
    uint32_t next, address, left;
    uint8_t last;
    struct ide_channel_state channel;
};

struct piix_ide_state {
    struct bus_master_state masters[2];
};

struct piix_ide;

struct bus_master {
    struct piix_ide *ide;
    unsigned n;
    struct bus_master_state *s;
    struct ide_channel channel;
    struct memory_region command_ports, control_port;
};

struct piix_ide {
    struct pci_device pci;
    struct bus_master masters[2];
    struct piix_ide_state s;
};

FIELDS(bus_master_state) = {
    FIELD(bus_master_state, command), FIELD(bus_master_state, status),
    FIELD(bus_master_state, table), FIELD(bus_master_state, next),
    FIELD(bus_master_state, address), FIELD(bus_master_state, left),
    FIELD(bus_master_state, last), NESTED(bus_master_state, channel, ide_channel_state),
    FIELDS_END
};
FIELDS(piix_ide_state) = { NESTED_ARRAY(piix_ide_state, masters, bus_master_state), FIELDS_END };

static const struct { uint16_t command, control; uint8_t irq; } legacy[2] = {
    { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 }
};

/* --- the scatter list ------------------------------------------------------------------------ */

/* False at the end of the list. An entry is an address and a byte count, 0 meaning 64 KiB. */
static bool next_entry(struct bus_master *master)
{
    struct bus_master_state *s = master->s;
    uint8_t entry[8];

    /* A table is at most 64 KiB, so a list without an end does end. */
    if (s->last || s->next - s->table >= 0x10000) {
        return false;
    }
    pci_dma_read(&master->ide->pci, s->next, entry, sizeof(entry));
    s->next += sizeof(entry);
    s->address = ld32_le(entry) & ~1u;
    s->left = ld16_le(entry + 4) & 0xfffe;
    s->left = s->left ? s->left : 0x10000;
    s->last = entry[7] >> 7;
    return true;
}

static unsigned master_transfer(void *opaque, uint8_t *data, unsigned size, bool to_memory)
{
    struct bus_master *master = opaque;
    struct bus_master_state *s = master->s;
    unsigned done = 0;

    while (done < size) {
        unsigned chunk;
        if (s->left == 0 && !next_entry(master)) {
            break;
        }
        chunk = MIN_OF(s->left, size - done);
        if (to_memory) {
            pci_dma_write(&master->ide->pci, s->address, data + done, chunk);
        } else {
            pci_dma_read(&master->ide->pci, s->address, data + done, chunk);
        }
        s->address += chunk;
        s->left -= chunk;
        done += chunk;
    }
    return done;
}

static bool master_active(void *opaque)
{
    return ((struct bus_master *)opaque)->s->status & STATUS_ACTIVE;
}

/* A list longer than the transfer leaves the engine active (Bus Master IDE 1.0, 3.1). */
static void master_finished(void *opaque, bool exhausted)
{
    struct bus_master *master = opaque;

    if (exhausted || (master->s->last && master->s->left == 0)) {
        master->s->status &= (uint8_t)~STATUS_ACTIVE;
    }
}

static const struct ide_dma_ops master_ops = { master_transfer, master_active, master_finished };

/* --- registers ------------------------------------------------------------------------------- */

static void write_command(struct bus_master *master, uint8_t value)
{
    struct bus_master_state *s = master->s;
    uint8_t changed = s->command ^ value;

    if (changed & COMMAND_START && !(value & COMMAND_START)) {
        ide_channel_dma_stop(&master->channel);
        s->status &= (uint8_t)~STATUS_ACTIVE;
    }
    s->command = value & (COMMAND_START | COMMAND_TO_MEMORY);
    if (changed & value & COMMAND_START) {
        s->next = s->table;
        s->left = s->last = 0;
        s->status |= STATUS_ACTIVE;
        trace(ide_dma_start, "channel %u table 0x%x", master->n, s->table);
        ide_channel_dma_start(&master->channel);
    }
}

static uint8_t read_byte(struct bus_master *master, unsigned reg)
{
    const struct bus_master_state *s = master->s;

    switch (reg) {
    case BM_COMMAND:
        return s->command;
    case BM_STATUS:
        return s->status;
    case BM_TABLE: case BM_TABLE + 1: case BM_TABLE + 2: case BM_TABLE + 3:
        return (uint8_t)(s->table >> 8 * (reg - BM_TABLE));
    default:
        return 0xff;
    }
}

static void write_byte(struct bus_master *master, unsigned reg, uint8_t value)
{
    struct bus_master_state *s = master->s;

    switch (reg) {
    case BM_COMMAND:
        write_command(master, value);
        break;
    case BM_STATUS:
        s->status = (uint8_t)((value & STATUS_CAPABLE) | (s->status & STATUS_ACTIVE) |
                              (s->status & ~value & (STATUS_ERROR | STATUS_INTERRUPT)));
        break;
    case BM_TABLE: case BM_TABLE + 1: case BM_TABLE + 2: case BM_TABLE + 3:
        s->table = (uint32_t)bits_deposit(s->table, 8 * (reg - BM_TABLE), 8, value) & ~3u;
        break;
    }
}

static uint64_t master_read(void *dev, uint64_t offset, unsigned size)
{
    struct piix_ide *ide = dev;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(&ide->masters[offset >> 3 & 1], (offset & 7) + i) << 8 * i;
    }
    return value;
}

static void master_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct piix_ide *ide = dev;

    for (unsigned i = 0; i < size; i++) {
        write_byte(&ide->masters[offset >> 3 & 1], (offset & 7) + i, (uint8_t)(value >> 8 * i));
    }
}

static const struct device_region piix_regions[] = {
    { "piix-bmdma", 16, { master_read, master_write, .min = 1, .max = 4 } },
    { 0 }
};

/* --- the device ------------------------------------------------------------------------------ */

static void channel_irq(void *opaque, int n, int level)
{
    struct piix_ide *ide = opaque;

    if (level) {
        ide->s.masters[n].status |= STATUS_INTERRUPT;
    }
    irq_set(ide->pci.dev.irqs[n], level);
}

static void init_channel(struct piix_ide *ide, unsigned n)
{
    struct bus_master *master = &ide->masters[n];
    struct ide_channel *channel = &master->channel;
    struct memory_region *io = pci_bus_of(&ide->pci)->io;

    master->ide = ide;
    master->n = n;
    master->s = &ide->s.masters[n];
    ide_channel_init(channel, &ide->pci.dev, n, &master->s->channel);
    channel->irq = (struct irq){ channel_irq, ide, (int)n };
    channel->dma = &master_ops;
    channel->dma_opaque = master;
    memory_region_init_mmio(&master->command_ports, "ide-command", 8, &ide_command_ops, channel);
    memory_region_init_mmio(&master->control_port, "ide-control", 1, &ide_control_ops, channel);
    memory_region_add(io, legacy[n].command, &master->command_ports);
    memory_region_add(io, legacy[n].control, &master->control_port);
}

static bool piix_init(struct device *dev, uint16_t id)
{
    struct piix_ide *ide = (struct piix_ide *)dev;
    struct pci_device *pci = &ide->pci;

    pci_set_ids(pci, 0x8086, id, 0, 0x010180);
    st16_le(pci->pci.config + PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_add_bar(pci, 4, PCI_BAR_IO, &dev->regions[0]);
    init_channel(ide, 0);
    init_channel(ide, 1);
    return true;
}

static bool piix3_init(struct device *dev, struct error **err)
{
    return piix_init(dev, 0x7010);
}

static bool piix4_init(struct device *dev, struct error **err)
{
    return piix_init(dev, 0x7111);
}

static void piix_exit(struct device *dev)
{
    struct piix_ide *ide = (struct piix_ide *)dev;

    for (unsigned n = 0; n < 2; n++) {
        memory_region_fini(&ide->masters[n].command_ports);
        memory_region_fini(&ide->masters[n].control_port);
        ide_channel_fini(&ide->masters[n].channel);
    }
}

static void piix_reset(struct device *dev)
{
    struct piix_ide *ide = (struct piix_ide *)dev;

    ide->s = (struct piix_ide_state){ 0 };
}

static void piix_reset_lines(struct device *dev)
{
    struct piix_ide *ide = (struct piix_ide *)dev;

    ide_channel_update_irq(&ide->masters[0].channel);
    ide_channel_update_irq(&ide->masters[1].channel);
}

static bool piix_loaded(struct device *dev, struct error **err)
{
    struct piix_ide *ide = (struct piix_ide *)dev;

    for (unsigned n = 0; n < 2; n++) {
        if (ide->s.masters[n].channel.selected > 1) {
            error_set(err, "%s: impossible drive selected", dev->class->name);
            return false;
        }
    }
    return true;
}

struct ide_channel *piix_ide_channel(struct device *dev, unsigned n)
{
    return &((struct piix_ide *)dev)->masters[n & 1].channel;
}

DEVICE(piix3_ide) = {
    .name = "piix3-ide",
    .desc = "PIIX3 IDE controller",
    .bus = "pci",
    .internal = true,
    .size = sizeof(struct piix_ide),
    .regions = piix_regions,
    .irqs = 2,
    .init = piix3_init,
    .exit = piix_exit,
    .reset = piix_reset,
    .reset_lines = piix_reset_lines,
    .loaded = piix_loaded,
    .state = STATE(piix_ide, s, piix_ide_state, 1),
};

DEVICE(piix4_ide) = {
    .name = "piix4-ide",
    .desc = "PIIX4 IDE controller",
    .bus = "pci",
    .internal = true,
    .size = sizeof(struct piix_ide),
    .regions = piix_regions,
    .irqs = 2,
    .init = piix4_init,
    .exit = piix_exit,
    .reset = piix_reset,
    .reset_lines = piix_reset_lines,
    .loaded = piix_loaded,
    .state = STATE(piix_ide, s, piix_ide_state, 1),
};
