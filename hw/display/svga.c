/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMware SVGA II: a VGA whose own modes have 32 bits a pixel, with a queue of 2D commands.
 *
 * What the guest draws itself shows by the dirty marks of video memory, so its update commands have
 * nothing to do. While it is disabled it is a VGA with the Bochs interface, for the BIOS.
 */
#include "hw/display/svga.h"

#include <string.h>

#include "base/bits.h"

#define MAGIC 0x900000u
#define BITS 32
#define PALETTE_AT 1024
#define SCRATCH_AT (PALETTE_AT + 768)

enum {
    REG_ID, REG_ENABLE, REG_WIDTH, REG_HEIGHT, REG_MAX_WIDTH, REG_MAX_HEIGHT, REG_DEPTH, REG_BITS,
    REG_PSEUDOCOLOR, REG_RED, REG_GREEN, REG_BLUE, REG_PITCH, REG_FB_START, REG_FB_OFFSET,
    REG_VRAM_SIZE, REG_FB_SIZE, REG_CAPABILITIES, REG_MEM_START, REG_MEM_SIZE, REG_CONFIG_DONE,
    REG_SYNC, REG_BUSY, REG_GUEST, REG_DEAD, REG_CURSOR_X, REG_CURSOR_Y, REG_CURSOR_ON,
    REG_HOST_BITS, REG_SCRATCH_SIZE, REG_MEM_REGS, REG_DISPLAYS, REG_PITCH_LOCK, REG_IRQ_MASK
};
enum {
    CAP_RECT_FILL = 0x1, CAP_RECT_COPY = 0x2, CAP_CURSOR = 0x20,
    CAP_CURSOR_BYPASS = 0x40, CAP_CURSOR_BYPASS_2 = 0x80, CAP_ALPHA_CURSOR = 0x200,
    CAP_EXTENDED_FIFO = 0x8000, CAP_PITCH_LOCK = 0x20000, CAP_IRQ_MASK = 0x40000
};
enum { FIFO_CAP_FENCE = 1, FIFO_CAP_CURSOR = 0x10 };
enum { PORT_INDEX = 0, PORT_VALUE = 1, PORT_BIOS = 2, PORT_IRQ = 8 };

void svga_update_irq(struct svga *v)
{
    pci_set_intx(&v->pci, (v->s.irq_status & v->s.irq_mask) != 0);
}

uint32_t svga_pitch(const struct svga *v)
{
    uint32_t least = v->s.width * (BITS / 8);

    return v->s.pitch_lock >= least && (uint64_t)v->s.pitch_lock * v->s.height <= v->vga.size
        ? v->s.pitch_lock : least;
}

/* --- the mode -------------------------------------------------------------------------------- */

static void update_mode(struct svga *v)
{
    struct vga_linear_mode mode = {
        .width = v->s.width, .height = v->s.height, .bits = BITS, .pitch = svga_pitch(v)
    };

    if (v->s.enabled) {
        vga_set_linear_mode(&v->vga, &mode);
    }
}

static bool update(struct vga *vga)
{
    struct svga *v = (struct svga *)((char *)vga - offsetof(struct svga, vga));

    if (v->s.enabled) {
        svga_run_fifo(v);            /* drivers need not tell of every command */
        update_mode(v);
    }
    svga_update_cursor(v);
    return false;
}

static const struct vga_extension extension = { .update = update };

static void write_enable(struct svga *v, uint32_t value)
{
    bool was = v->s.enabled;

    v->s.enabled = value & 1;
    if (was && !v->s.enabled) {
        v->s.configured = false;
        vga_leave_linear_mode(&v->vga);
    }
    v->cursor_moved = true;
    update_mode(v);
}

/* --- registers ------------------------------------------------------------------------------- */

static void init_queue(struct svga *v)
{
    svga_set_fifo_word(v, FIFO_CAPABILITIES, FIFO_CAP_FENCE | FIFO_CAP_CURSOR);
    svga_set_fifo_word(v, FIFO_FLAGS, 0);
}

static uint32_t read_register(struct svga *v)
{
    const struct svga_state *s = &v->s;

    switch (s->index) {
    case REG_ID: return s->id;
    case REG_ENABLE: return s->enabled;
    case REG_WIDTH: return s->width;
    case REG_HEIGHT: return s->height;
    case REG_MAX_WIDTH: return SVGA_MAX_WIDTH;
    case REG_MAX_HEIGHT: return SVGA_MAX_HEIGHT;
    case REG_DEPTH: return 24;
    case REG_BITS:
    case REG_HOST_BITS: return BITS;
    case REG_RED: return 0xff0000;
    case REG_GREEN: return 0x00ff00;
    case REG_BLUE: return 0x0000ff;
    case REG_PITCH: return svga_pitch(v);
    case REG_FB_START: return ld32_le(v->pci.pci.config + PCI_BAR0 + 4) & ~15u;
    case REG_VRAM_SIZE: return v->vga.size;
    case REG_FB_SIZE: return svga_pitch(v) * s->height;
    case REG_CAPABILITIES:
        return CAP_RECT_FILL | CAP_RECT_COPY | CAP_CURSOR | CAP_CURSOR_BYPASS |
            CAP_CURSOR_BYPASS_2 | CAP_ALPHA_CURSOR | CAP_EXTENDED_FIFO | CAP_PITCH_LOCK |
            CAP_IRQ_MASK;
    case REG_MEM_START: return ld32_le(v->pci.pci.config + PCI_BAR0 + 8) & ~15u;
    case REG_MEM_SIZE: return SVGA_FIFO_SIZE;
    case REG_CONFIG_DONE: return s->configured;
    case REG_BUSY:
        svga_run_fifo(v);
        return 0;
    case REG_GUEST: return s->guest;
    case REG_CURSOR_X: return s->cursor_x;
    case REG_CURSOR_Y: return s->cursor_y;
    case REG_CURSOR_ON: return s->cursor_on;
    case REG_SCRATCH_SIZE: return SVGA_SCRATCH;
    case REG_MEM_REGS: return FIFO_REGISTERS;
    case REG_DISPLAYS: return 1;
    case REG_PITCH_LOCK: return s->pitch_lock;
    case REG_IRQ_MASK: return s->irq_mask;
    default: break;
    }
    if (s->index >= SCRATCH_AT && s->index - SCRATCH_AT < SVGA_SCRATCH) {
        return s->scratch[s->index - SCRATCH_AT];
    }
    return 0;
}

static void write_size(struct svga *v, uint32_t *size, uint32_t value, uint32_t limit)
{
    if (value && value <= limit) {
        *size = value;
        update_mode(v);
    }
}

static void write_register(struct svga *v, uint32_t value)
{
    struct svga_state *s = &v->s;

    switch (s->index) {
    case REG_ID:
        if (value >> 8 == MAGIC && (value & 0xff) <= 2) {
            s->id = value;
        }
        break;
    case REG_ENABLE: write_enable(v, value); break;
    case REG_WIDTH: write_size(v, &s->width, value, SVGA_MAX_WIDTH); break;
    case REG_HEIGHT: write_size(v, &s->height, value, SVGA_MAX_HEIGHT); break;
    case REG_CONFIG_DONE:
        s->configured = value & 1;
        init_queue(v);
        svga_run_fifo(v);
        break;
    case REG_SYNC:
        svga_run_fifo(v);
        svga_set_fifo_word(v, FIFO_BUSY, 0);
        break;
    case REG_GUEST: s->guest = value; break;
    case REG_CURSOR_X: s->cursor_x = value; break;
    case REG_CURSOR_Y: s->cursor_y = value; break;
    case REG_CURSOR_ON: s->cursor_on = value; break;
    case REG_PITCH_LOCK:
        s->pitch_lock = value <= v->vga.size ? value & ~3u : 0;
        update_mode(v);
        break;
    case REG_IRQ_MASK:
        s->irq_mask = value;
        svga_update_irq(v);
        break;
    default:
        if (s->index >= SCRATCH_AT && s->index - SCRATCH_AT < SVGA_SCRATCH) {
            s->scratch[s->index - SCRATCH_AT] = value;
        }
    }
    v->cursor_moved |= s->index >= REG_CURSOR_X && s->index <= REG_CURSOR_ON;
}

/* The value's port lies one byte behind the index's; both are words. */
static uint64_t io_read(void *dev, uint64_t offset, unsigned size)
{
    struct svga *v = dev;

    switch (offset) {
    case PORT_INDEX: return v->s.index;
    case PORT_VALUE: return read_register(v);
    case PORT_IRQ: return v->s.irq_status;
    default: return 0;
    }
}

static void io_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct svga *v = dev;

    switch (offset) {
    case PORT_INDEX: v->s.index = (uint32_t)value; break;
    case PORT_VALUE: write_register(v, (uint32_t)value); break;
    case PORT_IRQ:
        v->s.irq_status &= ~(uint32_t)value;
        svga_update_irq(v);
        break;
    default: break;
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool svga_init(struct device *dev, struct error **err)
{
    struct svga *v = (struct svga *)dev;
    struct pci_bus *bus = pci_bus_of(&v->pci);

    if (v->memory_mb < 16) {
        error_set(err, "vmware-svga: vgamem_mb must be at least 16");
        return false;
    }
    v->vga.extension = &extension;
    if (!vga_init(&v->vga, &v->s.vga, dev, v->memory_mb, bus->memory, bus->io, err)) {
        return false;
    }
    if (!memory_region_init_ram(&v->fifo, "vmsvga.fifo", SVGA_FIFO_SIZE, err)) {
        vga_exit(&v->vga);
        return false;
    }
    v->queue = memory_region_host(&v->fifo);
    pci_set_ids(&v->pci, 0x15ad, 0x0405, 0, 0x030000);
    pci_set_subsystem(&v->pci, 0x15ad, 0x0405);
    pci_set_interrupt_pin(&v->pci, 1);
    pci_add_bar(&v->pci, 0, PCI_BAR_IO, &dev->regions[0]);
    pci_add_bar(&v->pci, 1, PCI_BAR_PREFETCH, &v->vga.vram);
    pci_add_bar(&v->pci, 2, PCI_BAR_PREFETCH, &v->fifo);
    if (!pci_add_rom(&v->pci, "vgabios-vmware.bin", err)) {
        memory_region_fini(&v->fifo);
        vga_exit(&v->vga);
        return false;
    }
    return true;
}

static void svga_exit(struct device *dev)
{
    struct svga *v = (struct svga *)dev;

    memory_region_fini(&v->fifo);
    vga_exit(&v->vga);
}

static void svga_reset(struct device *dev)
{
    struct svga *v = (struct svga *)dev;

    memset(&v->s, 0, sizeof(v->s));
    vga_reset(&v->vga);
    v->s.id = MAGIC << 8 | 2;
    v->s.width = 1024;
    v->s.height = 768;
    v->cursor_changed = v->cursor_moved = true;
    memset(v->queue, 0, 4 * FIFO_REGISTERS);
    init_queue(v);
}

static void svga_reset_lines(struct device *dev)
{
    svga_update_irq((struct svga *)dev);
}

static bool svga_loaded(struct device *dev, struct error **err)
{
    struct svga *v = (struct svga *)dev;
    const struct svga_state *s = &v->s;

    if (!s->width || !s->height || s->width > SVGA_MAX_WIDTH || s->height > SVGA_MAX_HEIGHT ||
        s->pitch_lock > v->vga.size || s->cursor_width > SVGA_CURSOR_MAX ||
        s->cursor_height > SVGA_CURSOR_MAX) {
        error_set(err, "vmware-svga: impossible size");
        return false;
    }
    v->cursor_changed = v->cursor_moved = true;
    return vga_loaded(&v->vga, err);
}

FIELDS(svga_state) = {
    NESTED(svga_state, vga, vga_state), FIELD(svga_state, index), FIELD(svga_state, id),
    FIELD(svga_state, width), FIELD(svga_state, height), FIELD(svga_state, guest),
    FIELD(svga_state, pitch_lock), FIELD(svga_state, irq_mask), FIELD(svga_state, irq_status),
    ARRAY(svga_state, scratch), FIELD(svga_state, enabled), FIELD(svga_state, configured),
    FIELD(svga_state, cursor_x), FIELD(svga_state, cursor_y), FIELD(svga_state, cursor_on),
    FIELD(svga_state, cursor_count), FIELD(svga_state, cursor_width),
    FIELD(svga_state, cursor_height), FIELD(svga_state, hot_x), FIELD(svga_state, hot_y),
    ARRAY(svga_state, cursor), FIELDS_END
};

static const struct property properties[] = { PROP_UINT("vgamem_mb", svga, memory_mb, 16), { 0 } };
static const struct device_region regions[] = {
    { "vmsvga-io", 16, { io_read, io_write, .min = 1, .max = 4, .unaligned = true } }, { 0 }
};

DEVICE(svga) = {
    .name = "vmware-svga", .desc = "VMware SVGA II", .bus = "pci", .size = sizeof(struct svga),
    .properties = properties, .regions = regions, .init = svga_init, .exit = svga_exit,
    .reset = svga_reset, .reset_lines = svga_reset_lines, .state = STATE(svga, s, svga_state, 1),
    .loaded = svga_loaded,
};
