/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard VGA: registers of sequencer, CRTC, graphics and attribute controller and DAC. */
#include "hw/display/vga-core.h"

#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"

enum { STATUS1_BLANK = 0x01, STATUS1_RETRACE = 0x08 };

/* Bits that exist. */
static const uint8_t seq_mask[SEQ_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff };
static const uint8_t gr_mask[GR_COUNT] = {
    0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff
};

/* --- what the registers mean ----------------------------------------------------------------- */

unsigned vga_lines(const struct vga *vga)
{
    const uint8_t *cr = vga->s->cr;
    return (cr[CR_HEIGHT] | (cr[CR_OVERFLOW] & 0x02) << 7 | (cr[CR_OVERFLOW] & 0x40) << 3) + 1u;
}

unsigned vga_line_compare(const struct vga *vga)
{
    const uint8_t *cr = vga->s->cr;
    return cr[CR_LINE_COMPARE] | (cr[CR_OVERFLOW] & 0x10) << 4 | (cr[CR_MAX_SCAN] & 0x40) << 3;
}

uint32_t vga_start(const struct vga *vga)
{
    const struct vga_state *s = vga->s;
    uint32_t start = (uint32_t)(s->cr[CR_START_LOW] | s->cr[CR_START_HIGH] << 8);

    /* Bits 5 and 6 of the row scan register skip bytes: panning by whole characters. */
    return vga_vbe_on(vga) ? s->vbe_start : (start + (s->cr[CR_ROW_SCAN] >> 5 & 3)) * 4;
}

unsigned vga_panning(const struct vga *vga)
{
    unsigned pan = vga->s->ar[AR_PANNING] & 0xf;
    bool nine = !vga_is_graphics(vga) && !(vga->s->seq[SEQ_CLOCKING] & 1);

    if (vga_vbe_on(vga)) {
        return 0;
    }
    /* With nine dots 8 means none and 0 one; 256 colours move in steps of two dots. */
    if (nine) {
        return pan >= 8 ? 0 : pan + 1;
    }
    return pan & 7;
}

unsigned vga_preset_row(const struct vga *vga)
{
    return vga_vbe_on(vga) ? 0 : vga->s->cr[CR_ROW_SCAN] & 0x1fu;
}

bool vga_split_is_fixed(const struct vga *vga)
{
    return vga->s->ar[AR_MODE] & 0x20;
}

bool vga_blink_phase(unsigned frames)
{
    return clock_ns(CLOCK_VM) / (frames * NS_PER_SECOND / 70) % 2 == 0;
}

uint32_t vga_pitch(const struct vga *vga)
{
    return vga_vbe_on(vga) ? vga->s->vbe_pitch : (uint32_t)vga->s->cr[CR_OFFSET] << 3;
}

uint32_t vga_dac_color(const struct vga *vga, unsigned index)
{
    const uint8_t *entry = vga->s->palette + 3 * (index & 0xff);
    uint32_t color = 0;

    for (unsigned i = 0; i < 3; i++) {
        uint8_t level = entry[i];
        if (!(vga->s->vbe[VBE_ENABLE] & VBE_8BIT_DAC)) {
            level = (uint8_t)((level & 0x3f) << 2 | (level & 0x3f) >> 4);
        }
        color = color << 8 | level;
    }
    return color;
}

uint32_t vga_attribute_color(const struct vga *vga, unsigned value)
{
    const uint8_t *ar = vga->s->ar;
    unsigned index = ar[value & ar[AR_PLANES] & 0xf];

    if (ar[AR_MODE] & 0x80) {
        index = (index & 0x0f) | (ar[AR_COLOR_SELECT] & 0x0f) << 4;
    } else {
        index = (index & 0x3f) | (ar[AR_COLOR_SELECT] & 0x0c) << 4;
    }
    return vga_dac_color(vga, index & vga->s->dac_mask);
}

/* --- attribute controller and DAC ------------------------------------------------------------ */

static void write_attribute(struct vga *vga, uint8_t value)
{
    static const uint8_t mask[AR_COUNT] = {
        0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
        0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f
    };
    struct vga_state *s = vga->s;
    unsigned index = s->ar_index & 0x1f;

    if (!s->ar_data_next) {
        s->ar_index = value & 0x3f;
    } else if (index < AR_COUNT) {
        s->ar[index] = value & mask[index];
    }
    s->ar_data_next = !s->ar_data_next;
    vga->redraw = true;
}

static void write_dac(struct vga *vga, uint8_t value)
{
    struct vga_state *s = vga->s;

    s->dac_latch[s->dac_part] = value;
    if (++s->dac_part == 3) {
        memcpy(s->palette + 3 * s->dac_write_index, s->dac_latch, 3);
        s->dac_part = 0;
        s->dac_write_index++;
        vga->redraw = true;
    }
}

static uint8_t read_dac(struct vga_state *s)
{
    uint8_t value = s->palette[3 * s->dac_read_index + s->dac_part];

    if (++s->dac_part == 3) {
        s->dac_part = 0;
        s->dac_read_index++;
    }
    return value;
}

/* --- CRTC ------------------------------------------------------------------------------------ */

static void write_crtc(struct vga *vga, uint8_t value)
{
    struct vga_state *s = vga->s;
    unsigned index = s->cr_index;

    if (index >= CR_COUNT) {
        return;
    }
    if (index <= CR_OVERFLOW && s->cr[CR_RETRACE_END] & 0x80) {
        if (index == CR_OVERFLOW) {              /* the line compare bit is not protected */
            s->cr[index] = (uint8_t)bits_merge(s->cr[index], value, 0x10);
        }
        return;
    }
    if (s->cr[index] == value) {
        return;
    }
    s->cr[index] = value;
    if (index != CR_CURSOR_HIGH && index != CR_CURSOR_LOW) {
        vga->redraw = true;
    }
}

/* --- ports ----------------------------------------------------------------------------------- */

/* The CRTC and status ports move with bit 0 of the miscellaneous output register. */
static bool port_absent(const struct vga_state *s, unsigned port)
{
    return s->misc & 1 ? port >= 0x3b0 && port <= 0x3bf : port >= 0x3d0 && port <= 0x3df;
}

static uint8_t read_status1(struct vga_state *s)
{
    s->ar_data_next = 0;
    /* Nobody can see the beam: every look finds it elsewhere, so waits for either end soon. */
    s->status1 ^= STATUS1_BLANK | STATUS1_RETRACE;
    return s->status1;
}

uint8_t vga_port_read(struct vga *vga, unsigned port)
{
    struct vga_state *s = vga->s;

    uint8_t value;

    if (port_absent(s, port)) {
        return 0xff;
    }
    if (vga->extension && vga->extension->read && vga->extension->read(vga, port, &value)) {
        return value;
    }
    switch (port) {
    case 0x3c0:
        return s->ar_data_next ? 0 : s->ar_index;
    case 0x3c1:
        return (s->ar_index & 0x1f) < AR_COUNT ? s->ar[s->ar_index & 0x1f] : 0;
    case 0x3c2:
        return 0x10;                             /* switch sense: a colour monitor */
    case 0x3c4:
        return s->seq_index;
    case 0x3c5:
        return s->seq[s->seq_index & 7];
    case 0x3c6:
        return s->dac_mask;
    case 0x3c7:
        return s->dac_reading ? 3 : 0;
    case 0x3c8:
        return s->dac_write_index;
    case 0x3c9:
        return read_dac(s);
    case 0x3ca:
        return s->feature;
    case 0x3cc:
        return s->misc;
    case 0x3ce:
        return s->gr_index;
    case 0x3cf:
        return s->gr[s->gr_index & 0xf];
    case 0x3b4: case 0x3d4:
        return s->cr_index;
    case 0x3b5: case 0x3d5:
        return s->cr_index < CR_COUNT ? s->cr[s->cr_index] : 0;
    case 0x3ba: case 0x3da:
        return read_status1(s);
    default:
        return 0xff;
    }
}

void vga_port_write(struct vga *vga, unsigned port, uint8_t value)
{
    struct vga_state *s = vga->s;

    if (port_absent(s, port) ||
        (vga->extension && vga->extension->write && vga->extension->write(vga, port, value))) {
        return;
    }
    switch (port) {
    case 0x3c0:
        write_attribute(vga, value);
        break;
    case 0x3c2:
        s->misc = value & (uint8_t)~0x10;
        break;
    case 0x3c4:
        s->seq_index = value & 7;
        break;
    case 0x3c5:
        s->seq[s->seq_index] = value & seq_mask[s->seq_index];
        vga->redraw |= s->seq_index != SEQ_PLANE_MASK && s->seq_index != SEQ_MEMORY_MODE;
        break;
    case 0x3c6:
        vga->redraw |= s->dac_mask != value;
        s->dac_mask = value;
        break;
    case 0x3c7:
        s->dac_read_index = value;
        s->dac_part = 0;
        s->dac_reading = 1;
        break;
    case 0x3c8:
        s->dac_write_index = value;
        s->dac_part = 0;
        s->dac_reading = 0;
        break;
    case 0x3c9:
        write_dac(vga, value);
        break;
    case 0x3ce:
        s->gr_index = value & 0xf;
        break;
    case 0x3cf:
        s->gr[s->gr_index] = value & gr_mask[s->gr_index];
        vga->redraw |= s->gr_index == GR_MODE || s->gr_index == GR_MISC;
        break;
    case 0x3b4: case 0x3d4:
        s->cr_index = value;
        break;
    case 0x3b5: case 0x3d5:
        write_crtc(vga, value);
        break;
    case 0x3ba: case 0x3da:
        s->feature = value & 0x10;
        break;
    }
}

#define PORT_OPS(name, base)                                                                       \
    static uint64_t name##_read(void *opaque, uint64_t offset, unsigned size)                      \
    {                                                                                              \
        return vga_port_read(opaque, base + (unsigned)offset);                                     \
    }                                                                                              \
    static void name##_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)         \
    {                                                                                              \
        vga_port_write(opaque, base + (unsigned)offset, (uint8_t)value);                           \
    }                                                                                              \
    static const struct mmio_ops name##_ops = { name##_read, name##_write, .min = 1, .max = 1 };
PORT_OPS(mono_crtc, 0x3b4)
PORT_OPS(mono_status, 0x3ba)
PORT_OPS(color, 0x3c0)
PORT_OPS(color_crtc, 0x3d4)
PORT_OPS(color_status, 0x3da)

/* The Bochs interface is the last. */
static const struct {
    uint16_t port, count;
    const struct mmio_ops *ops;
} port_ranges[] = {
    { 0x3b4, 2, &mono_crtc_ops }, { 0x3ba, 1, &mono_status_ops }, { 0x3c0, 16, &color_ops },
    { 0x3d4, 2, &color_crtc_ops }, { 0x3da, 1, &color_status_ops },
    { VGA_VBE_PORT, 4, &vga_vbe_ops },
};

/* --- the console ----------------------------------------------------------------------------- */

void vga_resize(struct vga *vga, unsigned width, unsigned height)
{
    if (vga->width != width || vga->height != height || vga->shared) {
        vga->width = width;
        vga->height = height;
        vga->shared = false;
        vga->redraw = true;
        console_resize(vga->con, width, height);
    }
}

static void draw_blank(struct vga *vga)
{
    pixman_image_t *image;
    int width, height, stride;
    uint8_t *data;

    if (vga->shared) {
        vga_resize(vga, vga->width, vga->height);
    }
    if (!vga->redraw) {
        return;
    }
    image = console_surface(vga->con);
    width = pixman_image_get_width(image);
    height = pixman_image_get_height(image);
    stride = pixman_image_get_stride(image);
    data = (uint8_t *)pixman_image_get_data(image);
    for (int y = 0; y < height; y++) {
        memset(data + (size_t)y * (size_t)stride, 0, 4 * (size_t)width);
    }
    vga->redraw = false;
    vga->cursor_drawn = false;
    console_update(vga->con, 0, 0, width, height);
}

static void update(void *opaque)
{
    struct vga *vga = opaque;
    bool blank;

    if (vga->extension && vga->extension->update && vga->extension->update(vga)) {
        return;
    }
    blank = !vga_vbe_on(vga) &&
        (!(vga->s->ar_index & 0x20) || vga->s->seq[SEQ_CLOCKING] & 0x20);
    if (blank) {
        draw_blank(vga);
        vga->width = vga->height = 0;            /* draw all when the picture comes back */
    } else if (vga_is_graphics(vga)) {
        vga_draw_graphics(vga);
    } else {
        vga_draw_text(vga);
    }
}

static void invalidate(void *opaque)
{
    ((struct vga *)opaque)->redraw = true;
}

static const struct console_adapter_ops adapter_ops = { update, invalidate, vga_text_cells };

/* --- life ------------------------------------------------------------------------------------ */

bool vga_init(struct vga *vga, struct vga_state *s, struct device *owner, uint32_t memory_mb,
              struct memory_region *memory, struct memory_region *io, struct error **err)
{
    if (memory_mb < 1 || memory_mb > 512 || !bits_is_power_of_two(memory_mb)) {
        error_set(err, "vgamem_mb must be a power of two from 1 to 512");
        return false;
    }
    vga->s = s;
    vga->owner = owner;
    vga->size = memory_mb << 20;
    if (!memory_region_init_ram(&vga->vram, "vga.vram", vga->size, err)) {
        return false;
    }
    vga->memory = memory_region_host(&vga->vram);
    vga->page_dirty = g_malloc0(vga->size >> MEMORY_PAGE_BITS);
    memory_region_init_mmio(&vga->window, "vga-lowmem", 0x20000,
                            vga->extension && vga->extension->window ? vga->extension->window
                                                                     : &vga_window_ops, vga);
    memory_region_add_priority(memory, 0xa0000, &vga->window, 1);
    vga->n_ports = ARRAY_LEN(port_ranges) - (vga->extension && vga->extension->no_vbe);
    for (unsigned i = 0; i < vga->n_ports; i++) {
        memory_region_init_mmio(&vga->ports[i], "vga", port_ranges[i].count, port_ranges[i].ops,
                                vga);
        memory_region_add(io, port_ranges[i].port, &vga->ports[i]);
    }
    vga->con = console_create("VGA", &adapter_ops, vga);
    return true;
}

void vga_exit(struct vga *vga)
{
    console_destroy(vga->con);
    for (unsigned i = 0; i < vga->n_ports; i++) {
        memory_region_fini(&vga->ports[i]);
    }
    memory_region_fini(&vga->window);
    memory_region_fini(&vga->vram);
    g_free(vga->page_dirty);
}

void vga_reset(struct vga *vga)
{
    memset(vga->s, 0, sizeof(*vga->s));
    vga->s->dac_mask = 0xff;
    vga->s->vbe[VBE_ID] = 0xb0c5;
    vga->redraw = true;
}

bool vga_loaded(struct vga *vga, struct error **err)
{
    struct vga_state *s = vga->s;

    s->seq_index &= 7;
    s->gr_index &= 0xf;
    s->dac_part %= 3;
    if (s->vbe_start >= vga->size || s->vbe_pitch > vga->size) {
        error_set(err, "VGA: impossible picture address");
        return false;
    }
    vga->redraw = true;
    return true;
}
