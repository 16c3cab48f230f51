/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Bochs display interface: index and data ports 0x1ce and 0x1cf, modes of 4 to 32 bits. */
#include <string.h>

#include "base/bits.h"
#include "hw/display/vga-core.h"

#define MAX_XRES 16000
#define MAX_YRES 12000
#define MAX_BPP 32
#define ID_FIRST 0xb0c0
#define ID_LAST 0xb0c5

static unsigned line_bytes(const struct vga_state *s, uint32_t pixels)
{
    unsigned bpp = s->vbe[VBE_BPP];

    /* Four planes: a byte of each for 8 pixels, interleaved. */
    return bpp == 4 ? pixels / 2 : pixels * ((bpp + 7) / 8);
}

/* Brings what the guest asked for within limits and computes start and pitch. */
static void fix_up(struct vga *vga)
{
    struct vga_state *s = vga->s;
    uint16_t *r = s->vbe;
    uint32_t pitch, lines, start;

    if (!vga_vbe_on(vga)) {
        return;
    }
    if (r[VBE_BPP] != 4 && r[VBE_BPP] != 15 && (r[VBE_BPP] == 0 || r[VBE_BPP] % 8)) {
        r[VBE_BPP] = 8;
    }
    r[VBE_BPP] = MIN_OF(r[VBE_BPP], MAX_BPP);
    r[VBE_XRES] = (uint16_t)MIN_OF(MAX_OF(r[VBE_XRES] & ~7u, 8u), MAX_XRES);
    r[VBE_VIRT_WIDTH] = MAX_OF(r[VBE_VIRT_WIDTH] & (uint16_t)~7u, r[VBE_XRES]);
    r[VBE_YRES] = (uint16_t)MIN_OF(MAX_OF(r[VBE_YRES], 1u), MAX_YRES);
    pitch = line_bytes(s, r[VBE_VIRT_WIDTH]);
    if ((uint64_t)pitch * r[VBE_YRES] > vga->size) {
        r[VBE_VIRT_WIDTH] = r[VBE_XRES];
        pitch = line_bytes(s, r[VBE_XRES]);
    }
    lines = vga->size / pitch;
    r[VBE_YRES] = (uint16_t)MAX_OF(MIN_OF(r[VBE_YRES], lines), 1u);
    r[VBE_VIRT_HEIGHT] = (uint16_t)MIN_OF(lines, 0xffffu);
    r[VBE_X_OFFSET] = (uint16_t)MIN_OF(r[VBE_X_OFFSET], (unsigned)r[VBE_VIRT_WIDTH] - r[VBE_XRES]);
    r[VBE_Y_OFFSET] = (uint16_t)MIN_OF(r[VBE_Y_OFFSET], lines - r[VBE_YRES]);
    start = r[VBE_Y_OFFSET] * pitch + line_bytes(s, r[VBE_X_OFFSET]);
    s->vbe_pitch = pitch;
    s->vbe_start = start < vga->size ? start & ~3u : 0;
    vga->redraw = true;
}

/* The VGA registers follow the mode, for guests that look at them and for when it is left. */
static void set_vga_registers(struct vga *vga)
{
    struct vga_state *s = vga->s;
    unsigned lines = s->vbe[VBE_YRES] - 1u;
    bool planar = s->vbe[VBE_BPP] == 4;

    s->gr[GR_MISC] = (uint8_t)((s->gr[GR_MISC] & ~0x0c) | 0x05);
    s->gr[GR_MODE] = (uint8_t)((s->gr[GR_MODE] & ~0x60) | (planar ? 0 : 0x40));
    s->cr[CR_MODE] |= 3;
    s->cr[CR_OFFSET] = (uint8_t)(s->vbe_pitch >> 3);
    s->cr[CR_WIDTH] = (uint8_t)((s->vbe[VBE_XRES] >> 3) - 1);
    s->cr[CR_HEIGHT] = (uint8_t)lines;
    s->cr[CR_OVERFLOW] = (uint8_t)((s->cr[CR_OVERFLOW] & ~0x42) | (lines >> 7 & 0x02) |
                                   (lines >> 3 & 0x40) | 0x10);
    s->cr[CR_LINE_COMPARE] = 0xff;
    s->cr[CR_MAX_SCAN] = (uint8_t)((s->cr[CR_MAX_SCAN] & ~0x9f) | 0x40);
    if (planar) {
        s->seq[SEQ_CLOCKING] &= (uint8_t)~8;
    } else {
        s->seq[SEQ_MEMORY_MODE] |= 8;
        s->seq[SEQ_PLANE_MASK] |= 0x0f;
    }
}

static void write_enable(struct vga *vga, uint16_t value)
{
    struct vga_state *s = vga->s;
    bool was = vga_vbe_on(vga);

    s->vbe[VBE_ENABLE] = value;
    if (value & VBE_ENABLED && !was) {
        s->vbe[VBE_VIRT_WIDTH] = 0;
        s->vbe[VBE_X_OFFSET] = s->vbe[VBE_Y_OFFSET] = 0;
        fix_up(vga);
        set_vga_registers(vga);
        if (!(value & VBE_NO_CLEAR)) {
            size_t size = MIN_OF((size_t)s->vbe[VBE_YRES] * s->vbe_pitch, (size_t)vga->size);
            memset(vga->memory, 0, size);
            memory_note_store(memory_region_ram_addr(&vga->vram), size);
        }
    }
    if (!(value & VBE_ENABLED)) {
        s->vbe[VBE_BANK] = 0;
    }
    vga->redraw = true;
}

uint16_t vga_vbe_read(struct vga *vga, unsigned index)
{
    const struct vga_state *s = vga->s;

    if (s->vbe[VBE_ENABLE] & VBE_GET_CAPS) {
        switch (index) {
        case VBE_XRES:
            return MAX_XRES;
        case VBE_YRES:
            return MAX_YRES;
        case VBE_BPP:
            return MAX_BPP;
        }
    }
    if (index == VBE_MEMORY_64K) {
        return (uint16_t)(vga->size / 65536);
    }
    return index < VBE_COUNT ? s->vbe[index] : 0;
}

void vga_vbe_write(struct vga *vga, unsigned index, uint16_t value)
{
    struct vga_state *s = vga->s;

    switch (index) {
    case VBE_ID:
        if (value >= ID_FIRST && value <= ID_LAST) {
            s->vbe[VBE_ID] = value;
        }
        break;
    case VBE_BANK:
        s->vbe[VBE_BANK] = value & (uint16_t)(vga->size / 65536 - 1);
        break;
    case VBE_ENABLE:
        write_enable(vga, value);
        break;
    case VBE_XRES: case VBE_YRES: case VBE_BPP:
    case VBE_VIRT_WIDTH: case VBE_X_OFFSET: case VBE_Y_OFFSET:
        s->vbe[index] = value;
        fix_up(vga);
        break;
    }
}

/* --- modes of other adapters ----------------------------------------------------------------- */

void vga_set_linear_mode(struct vga *vga, const struct vga_linear_mode *mode)
{
    struct vga_state *s = vga->s;
    uint32_t pitch = MIN_OF(mode->pitch, vga->size);
    uint32_t start = mode->start < vga->size ? mode->start & ~3u : 0;
    unsigned width = MIN_OF(mode->width, (unsigned)MAX_XRES);
    unsigned lines = pitch ? (vga->size - start) / pitch : MAX_YRES;
    unsigned height = MIN_OF(MIN_OF(mode->height, lines), (unsigned)MAX_YRES);

    if (vga_vbe_on(vga) && s->vbe[VBE_XRES] == width && s->vbe[VBE_YRES] == height &&
        s->vbe[VBE_BPP] == mode->bits && s->vbe_start == start && s->vbe_pitch == pitch) {
        return;
    }
    s->vbe[VBE_ENABLE] |= VBE_ENABLED;
    s->vbe[VBE_XRES] = (uint16_t)MAX_OF(width, 8u);
    s->vbe[VBE_YRES] = (uint16_t)MAX_OF(height, 1u);
    s->vbe[VBE_BPP] = (uint16_t)mode->bits;
    s->vbe_start = start;
    s->vbe_pitch = pitch;
    vga->redraw = true;
}

void vga_leave_linear_mode(struct vga *vga)
{
    vga->redraw |= vga_vbe_on(vga);
    vga->s->vbe[VBE_ENABLE] &= (uint16_t)~VBE_ENABLED;
}

/* --- ports 0x1ce to 0x1d1: the index, then the data at either of two places ------------------ */

static uint64_t vbe_read(void *opaque, uint64_t offset, unsigned size)
{
    struct vga *vga = opaque;

    if (size != 2) {
        return bits_mask(8 * size);
    }
    return offset ? vga_vbe_read(vga, vga->s->vbe_index) : vga->s->vbe_index;
}

static void vbe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga *vga = opaque;

    if (size != 2) {
        return;
    }
    if (offset) {
        vga_vbe_write(vga, vga->s->vbe_index, (uint16_t)value);
    } else {
        vga->s->vbe_index = (uint16_t)value;
    }
}

const struct mmio_ops vga_vbe_ops = { vbe_read, vbe_write, .min = 1, .max = 2, .unaligned = true };
