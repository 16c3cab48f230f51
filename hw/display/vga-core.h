/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VGA itself, without its attachment to a bus.
 *
 * Video memory is interleaved: byte 4 * a + p is plane p at address a, so that plain, chain-4 and
 * linear accesses meet the same bytes.
 */
#ifndef HW_DISPLAY_VGA_CORE_H
#define HW_DISPLAY_VGA_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"
#include "hw/core/state.h"

enum {
    SEQ_RESET, SEQ_CLOCKING, SEQ_PLANE_MASK, SEQ_FONT, SEQ_MEMORY_MODE, SEQ_COUNT = 8
};
enum {
    GR_SET_RESET, GR_ENABLE_SET_RESET, GR_COMPARE, GR_ROTATE, GR_READ_PLANE, GR_MODE, GR_MISC,
    GR_DONT_CARE, GR_BIT_MASK, GR_COUNT = 16
};
enum {
    CR_WIDTH = 0x01, CR_OVERFLOW = 0x07, CR_ROW_SCAN = 0x08, CR_MAX_SCAN = 0x09,
    CR_CURSOR_START = 0x0a, CR_CURSOR_END = 0x0b, CR_START_HIGH = 0x0c, CR_START_LOW = 0x0d,
    CR_CURSOR_HIGH = 0x0e, CR_CURSOR_LOW = 0x0f, CR_RETRACE_END = 0x11, CR_HEIGHT = 0x12,
    CR_OFFSET = 0x13, CR_MODE = 0x17, CR_LINE_COMPARE = 0x18, CR_COUNT = 32
};
enum { AR_MODE = 0x10, AR_OVERSCAN, AR_PLANES, AR_PANNING, AR_COLOR_SELECT, AR_COUNT };
/* Bochs display interface. */
enum {
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT,
    VBE_X_OFFSET, VBE_Y_OFFSET, VBE_COUNT, VBE_MEMORY_64K = VBE_COUNT
};
enum { VBE_ENABLED = 0x01, VBE_GET_CAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LINEAR = 0x40,
       VBE_NO_CLEAR = 0x80 };

/* A mode with one pixel behind the other. */
struct vga_linear_mode {
    unsigned width, height, bits;   /* 8, 15, 16, 24 or 32 bits a pixel */
    uint32_t start, pitch;          /* in bytes */
};

struct vga_state {
    uint8_t seq_index, seq[SEQ_COUNT];
    uint8_t gr_index, gr[GR_COUNT];
    uint8_t cr_index, cr[CR_COUNT];
    uint8_t ar_index, ar_data_next, ar[AR_COUNT];
    uint8_t misc, feature, status1;
    uint8_t dac_mask, dac_reading, dac_part, dac_read_index, dac_write_index, dac_latch[3];
    uint8_t palette[768];
    uint32_t latch;
    uint16_t vbe_index, vbe[VBE_COUNT];
    uint32_t vbe_start;            /* in bytes */
    uint32_t vbe_pitch;            /* bytes a line */
    uint8_t big_endian;
};

#define VGA_TEXT_MAX (256 * 128)

struct vga;

/* An adapter with more than a VGA. Members may be NULL. */
struct vga_extension {
    /* True: the port, or its present index, is the adapter's own. */
    bool (*read)(struct vga *vga, unsigned port, uint8_t *value);
    bool (*write)(struct vga *vga, unsigned port, uint8_t value);
    /* Before the picture is drawn. True: it is drawn already. */
    bool (*update)(struct vga *vga);
    const struct mmio_ops *window;      /* at 0xa0000, with the vga as device */
    bool no_vbe;                        /* the Bochs interface is not there for the guest */
};

struct vga {
    const struct vga_extension *extension;  /* set before vga_init(), or NULL */
    struct vga_state *s;
    struct device *owner;
    struct memory_region vram, window;
    struct memory_region ports[6];
    unsigned n_ports;
    uint8_t *memory;
    uint32_t size;                 /* of video memory, a power of two */
    struct console *con;
    bool redraw;                   /* everything is to be drawn */
    bool colors_changed;
    uint32_t colors[256];          /* x8r8g8b8 of the DAC, or of the 16 attributes */
    uint32_t width, height;        /* of the console as last set */
    bool shared;                   /* it shows video memory itself: */
    uint32_t shared_start, shared_pitch;
    /* Text: what is on the surface. */
    uint16_t cells[VGA_TEXT_MAX];
    bool fonts_changed, cursor_drawn, cursor_on, blink_on;
    uint32_t cursor_x, cursor_y;
    uint8_t *page_dirty;
};

/* vga.c */
bool vga_init(struct vga *vga, struct vga_state *s, struct device *owner, uint32_t memory_mb,
              struct memory_region *memory, struct memory_region *io, struct error **err);
void vga_exit(struct vga *vga);
void vga_reset(struct vga *vga);
bool vga_loaded(struct vga *vga, struct error **err);
uint8_t vga_port_read(struct vga *vga, unsigned port);
void vga_port_write(struct vga *vga, unsigned port, uint8_t value);

/* vga-memory.c: the window at 0xa0000 */
extern const struct mmio_ops vga_window_ops;

/* vga-vbe.c; adapters with modes of their own also describe them to it */
#define VGA_VBE_PORT 0x1ce
void vga_set_linear_mode(struct vga *vga, const struct vga_linear_mode *mode);
void vga_leave_linear_mode(struct vga *vga);
uint16_t vga_vbe_read(struct vga *vga, unsigned index);
void vga_vbe_write(struct vga *vga, unsigned index, uint16_t value);
extern const struct mmio_ops vga_vbe_ops;

/* vga-text.c, vga-draw.c */
bool vga_text_cells(void *opaque, unsigned *columns, unsigned *rows, struct console_cell *cells,
                    size_t room, int *cursor_x, int *cursor_y);
void vga_draw_text(struct vga *vga);
void vga_draw_graphics(struct vga *vga);

static inline bool vga_vbe_on(const struct vga *vga)
{
    return vga->s->vbe[VBE_ENABLE] & VBE_ENABLED;
}

static inline bool vga_is_graphics(const struct vga *vga)
{
    return vga_vbe_on(vga) || vga->s->gr[GR_MISC] & 1;
}

/* Lines of the picture, by the CRTC. */
unsigned vga_lines(const struct vga *vga);
/* Start address and pitch in bytes of interleaved memory. */
uint32_t vga_start(const struct vga *vga);
uint32_t vga_pitch(const struct vga *vga);
unsigned vga_line_compare(const struct vga *vga);
/* How far the picture is moved: pixels to the left (in dots), and lines up. */
unsigned vga_panning(const struct vga *vga);
unsigned vga_preset_row(const struct vga *vga);
/* Whether the lower part of a split screen stays where it is. */
bool vga_split_is_fixed(const struct vga *vga);
/* The phases of things that blink: half a period is 16 frames for the cursor, 32 for text. */
bool vga_blink_phase(unsigned frames);
/* The colour of a 4-bit attribute value, and of a DAC entry. */
uint32_t vga_attribute_color(const struct vga *vga, unsigned value);
uint32_t vga_dac_color(const struct vga *vga, unsigned index);
/* Sets the console's size, with a surface to draw on; everything is to be drawn when it changed. */
void vga_resize(struct vga *vga, unsigned width, unsigned height);

FIELDS(vga_state) = {
    FIELD(vga_state, seq_index), ARRAY(vga_state, seq), FIELD(vga_state, gr_index),
    ARRAY(vga_state, gr), FIELD(vga_state, cr_index), ARRAY(vga_state, cr),
    FIELD(vga_state, ar_index), FIELD(vga_state, ar_data_next), ARRAY(vga_state, ar),
    FIELD(vga_state, misc), FIELD(vga_state, feature), FIELD(vga_state, status1),
    FIELD(vga_state, dac_mask), FIELD(vga_state, dac_reading), FIELD(vga_state, dac_part),
    FIELD(vga_state, dac_read_index), FIELD(vga_state, dac_write_index),
    ARRAY(vga_state, dac_latch), ARRAY(vga_state, palette), FIELD(vga_state, latch),
    FIELD(vga_state, vbe_index), ARRAY(vga_state, vbe), FIELD(vga_state, vbe_start),
    FIELD(vga_state, vbe_pitch), FIELD(vga_state, big_endian), FIELDS_END
};

#endif
