/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cirrus Logic GD5446 on PCI: the VGA with extension registers, a blitter and a cursor. */
#include "hw/display/cirrus.h"

#include <string.h>

#include "base/bits.h"

#define BAR_SIZE 0x2000000
#define FEED_AT 0x1000000
#define MMIO_SIZE 0x1000
#define MMIO_BLITTER 0x100
#define MMIO_PORTS 0x3c0                /* what its first bytes are */

static const struct vga_extension extension = {
    .read = cirrus_port_read, .write = cirrus_port_write, .update = cirrus_update,
    .window = &cirrus_window_ops, .no_vbe = true,
};

static uint64_t mmio_read(void *dev, uint64_t offset, unsigned size)
{
    struct cirrus *c = dev;

    if (offset >= MMIO_BLITTER) {
        return offset < 2 * MMIO_BLITTER ? cirrus_mmio_read(c, (unsigned)offset - MMIO_BLITTER)
                                         : 0xff;
    }
    return offset < 0x20 ? vga_port_read(&c->vga, MMIO_PORTS + (unsigned)offset) : 0xff;
}

static void mmio_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct cirrus *c = dev;

    if (offset >= MMIO_BLITTER && offset < 2 * MMIO_BLITTER) {
        cirrus_mmio_write(c, (unsigned)offset - MMIO_BLITTER, (uint8_t)value);
    } else if (offset < 0x20) {
        vga_port_write(&c->vga, MMIO_PORTS + (unsigned)offset, (uint8_t)value);
    }
}

static void init_memory(struct cirrus *c)
{
    memory_region_init(&c->linear, "cirrus-linear", BAR_SIZE);
    memory_region_init_mmio(&c->slow, "cirrus-slow", c->vga.size, &cirrus_linear_ops, c);
    memory_region_init_mmio(&c->feed, "cirrus-feed", BAR_SIZE - FEED_AT, &cirrus_feed_ops, c);
    memory_region_add(&c->linear, 0, &c->vga.vram);
    memory_region_add_priority(&c->linear, 0, &c->slow, 1);
    memory_region_add(&c->linear, FEED_AT, &c->feed);
    memory_region_enable(&c->slow, false);
}

static void exit_memory(struct cirrus *c)
{
    memory_region_fini(&c->feed);
    memory_region_fini(&c->slow);
    memory_region_remove(&c->vga.vram);
    memory_region_fini(&c->linear);
}

static bool cirrus_init(struct device *dev, struct error **err)
{
    struct cirrus *c = (struct cirrus *)dev;
    struct pci_bus *bus = pci_bus_of(&c->pci);

    if (c->memory_mb != 2 && c->memory_mb != 4 && c->memory_mb != 8 && c->memory_mb != 16) {
        error_set(err, "cirrus-vga: vgamem_mb must be 2, 4, 8 or 16");
        return false;
    }
    c->vga.extension = &extension;
    if (!vga_init(&c->vga, &c->s.vga, dev, c->memory_mb, bus->memory, bus->io, err)) {
        return false;
    }
    init_memory(c);
    pci_set_ids(&c->pci, 0x1013, 0x00b8, 0, 0x030000);
    pci_add_bar(&c->pci, 0, PCI_BAR_PREFETCH, &c->linear);
    pci_add_bar(&c->pci, 1, PCI_BAR_MEMORY, &dev->regions[0]);
    if (!pci_add_rom(&c->pci, "vgabios-cirrus.bin", err)) {
        exit_memory(c);
        vga_exit(&c->vga);
        return false;
    }
    return true;
}

static void cirrus_exit(struct device *dev)
{
    struct cirrus *c = (struct cirrus *)dev;

    exit_memory(c);
    vga_exit(&c->vga);
}

static void cirrus_reset(struct device *dev)
{
    cirrus_reset_registers((struct cirrus *)dev);
}

static void cirrus_reset_lines(struct device *dev)
{
    cirrus_update_memory((struct cirrus *)dev);
}

static bool cirrus_loaded(struct device *dev, struct error **err)
{
    struct cirrus *c = (struct cirrus *)dev;
    const struct cirrus_state *s = &c->s;

    if (s->line_size > CIRRUS_LINE || (s->line_size && s->line_at >= s->line_size) ||
        s->blit.width > CIRRUS_LINE || s->gr_index >= CIRRUS_GR_COUNT || s->dac_reads > 4) {
        error_set(err, "cirrus-vga: impossible blit or index");
        return false;
    }
    c->cursor_changed = true;
    return vga_loaded(&c->vga, err);
}

FIELDS(cirrus_blit) = {
    FIELD(cirrus_blit, to), FIELD(cirrus_blit, from), FIELD(cirrus_blit, to_pitch),
    FIELD(cirrus_blit, from_pitch), FIELD(cirrus_blit, width), FIELD(cirrus_blit, height),
    FIELD(cirrus_blit, front), FIELD(cirrus_blit, back), FIELD(cirrus_blit, key),
    FIELD(cirrus_blit, mode), FIELD(cirrus_blit, extensions), FIELD(cirrus_blit, rop),
    FIELD(cirrus_blit, skip), FIELD(cirrus_blit, pattern_row), FIELDS_END
};
FIELDS(cirrus_state) = {
    NESTED(cirrus_state, vga, vga_state), FIELD(cirrus_state, sr_index), ARRAY(cirrus_state, sr),
    FIELD(cirrus_state, gr_index), ARRAY(cirrus_state, gr), ARRAY(cirrus_state, cr),
    FIELD(cirrus_state, dac_mode), FIELD(cirrus_state, dac_reads),
    ARRAY(cirrus_state, cursor_colors), FIELD(cirrus_state, cursor_x),
    FIELD(cirrus_state, cursor_y), NESTED(cirrus_state, blit, cirrus_blit),
    ARRAY(cirrus_state, line), FIELD(cirrus_state, line_size), FIELD(cirrus_state, line_at),
    FIELD(cirrus_state, rows), FIELDS_END
};

static const struct property properties[] = { PROP_UINT("vgamem_mb", cirrus, memory_mb, 4), { 0 } };
static const struct device_region regions[] = {
    { "cirrus-mmio", MMIO_SIZE, { mmio_read, mmio_write, .min = 1, .max = 1 } }, { 0 }
};

DEVICE(cirrus) = {
    .name = "cirrus-vga", .desc = "Cirrus CLGD 54xx VGA", .bus = "pci",
    .size = sizeof(struct cirrus), .properties = properties, .regions = regions,
    .init = cirrus_init, .exit = cirrus_exit, .reset = cirrus_reset,
    .reset_lines = cirrus_reset_lines, .state = STATE(cirrus, s, cirrus_state, 1),
    .loaded = cirrus_loaded,
};
