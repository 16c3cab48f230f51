/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PL110 colour LCD controller (ARM DDI 0161). In the Versatile the control and interrupt enable
 * registers changed places, and a multiplexer behind it (input 0: its mode) makes 565 pixels.
 *
 * The panel shows what the upper base register pointed to when the frame began.
 */
#include "hw/display/pl110.h"

#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "console.h"
#include "hw/display/framebuffer.h"
#include "hw/misc/primecell.h"

#define PL110_ID 0x00041110
#define PALETTE_WORDS 128
#define FRAME_NS (NS_PER_SECOND / 60)

enum {
    REG_TIMING = 0x00, REG_UPPER = 0x10, REG_LOWER = 0x14, REG_MASK = 0x18, REG_CONTROL = 0x1c,
    REG_RAW = 0x20, REG_MASKED = 0x24, REG_CLEAR = 0x28, REG_CURRENT = 0x2c, REG_PALETTE = 0x200
};
enum {
    CONTROL_ENABLE = 0x001, CONTROL_BPP = 0x00e, CONTROL_BGR = 0x100, CONTROL_BIG_BYTES = 0x200,
    CONTROL_BIG_PIXELS = 0x400, CONTROL_POWER = 0x800
};
enum { INT_NEXT_BASE = 4, INT_COMPARE = 8, INT_ALL = 0x1e };
enum { MUX_888, MUX_5551, MUX_565_RED_LOW, MUX_565_BLUE_LOW };

struct pl110 {
    struct device dev;
    struct address_space *memory;
    struct console *con;
    struct timer frame;
    bool versatile, redraw;
    struct pl110_state {
        uint32_t timing[4], upper, lower, current, control, mask, raw;
        uint32_t palette[PALETTE_WORDS];
        uint8_t mux;
    } s;
};

FIELDS(pl110_state) = {
    ARRAY(pl110_state, timing), FIELD(pl110_state, upper), FIELD(pl110_state, lower),
    FIELD(pl110_state, current), FIELD(pl110_state, control), FIELD(pl110_state, mask),
    FIELD(pl110_state, raw), ARRAY(pl110_state, palette), FIELD(pl110_state, mux), FIELDS_END
};

void pl110_set_memory(struct device *dev, struct address_space *memory)
{
    ((struct pl110 *)dev)->memory = memory;
}

static bool is_on(const struct pl110_state *s)
{
    return (s->control & (CONTROL_ENABLE | CONTROL_POWER)) == (CONTROL_ENABLE | CONTROL_POWER);
}

static void update_irq(struct pl110 *lcd)
{
    irq_set(lcd->dev.irqs[0], (lcd->s.raw & lcd->s.mask) != 0);
}

/* Frames are timed only for a guest that wants to hear of them. */
static void start_frames(struct pl110 *lcd)
{
    if (!(lcd->s.control & CONTROL_ENABLE) || !lcd->s.mask) {
        timer_cancel(&lcd->frame);
    } else if (!timer_pending(&lcd->frame)) {
        timer_set(&lcd->frame, clock_ns(CLOCK_VM) + FRAME_NS);
    }
}

static void frame_ended(void *opaque)
{
    struct pl110 *lcd = opaque;

    lcd->s.current = lcd->s.upper;
    lcd->s.raw |= INT_NEXT_BASE | INT_COMPARE;
    start_frames(lcd);
    update_irq(lcd);
}

/* --- drawing --------------------------------------------------------------------------------- */

static unsigned bits_per_pixel(const struct pl110_state *s)
{
    static const uint8_t bits[8] = { 1, 2, 4, 8, 16, 32, 16, 16 };

    return bits[(s->control & CONTROL_BPP) >> 1];
}

static uint32_t widen5(unsigned v)
{
    return v << 3 | v >> 2;
}

static uint32_t pixel(uint32_t low, uint32_t middle, uint32_t high, bool low_is_blue)
{
    return low_is_blue ? high << 16 | middle << 8 | low : low << 16 | middle << 8 | high;
}

static uint32_t from_555(unsigned v, bool bgr)
{
    return pixel(widen5(v & 31), widen5(v >> 5 & 31), widen5(v >> 10 & 31), bgr);
}

static uint32_t from_565(unsigned v, bool bgr)
{
    unsigned green = v >> 5 & 63;

    return pixel(widen5(v & 31), green << 2 | green >> 4, widen5(v >> 11), bgr);
}

static uint32_t from_palette(const struct pl110_state *s, unsigned index)
{
    return from_555(s->palette[index / 2] >> 16 * (index & 1) & 0xffff, s->control & CONTROL_BGR);
}

static uint32_t from_16(const struct pl110 *lcd, unsigned v)
{
    const struct pl110_state *s = &lcd->s;

    if (lcd->versatile && s->mux == MUX_565_RED_LOW) {
        return from_565(v, false);
    }
    if (lcd->versatile && s->mux == MUX_565_BLUE_LOW) {
        return from_565(v, true);
    }
    return from_555(v, s->control & CONTROL_BGR);
}

/* The four bytes at an offset, as the byte order says. */
static uint32_t load_word(const struct pl110_state *s, const uint8_t *row, unsigned at)
{
    return s->control & CONTROL_BIG_BYTES ? ld32_be(row + at) : ld32_le(row + at);
}

static void draw_row(void *opaque, uint32_t *to, const uint8_t *row, unsigned width)
{
    const struct pl110 *lcd = opaque;
    const struct pl110_state *s = &lcd->s;
    unsigned bits = bits_per_pixel(s), per_word = 32 / bits;
    bool big_bytes = s->control & CONTROL_BIG_BYTES;
    bool big_pixels = big_bytes || s->control & CONTROL_BIG_PIXELS;

    for (unsigned x = 0; x < width; x++) {
        uint32_t word = load_word(s, row, x / per_word * 4);
        unsigned n = x % per_word;

        if (bits < 8 && big_pixels && !big_bytes) {
            n ^= 8 / bits - 1;       /* the order within bytes only */
        } else if (big_bytes) {
            n = per_word - 1 - n;
        }
        word = word >> n * bits % 32 & (uint32_t)bits_mask(bits);
        to[x] = bits == 32 ? pixel(word & 0xff, word >> 8 & 0xff, word >> 16 & 0xff,
                                   s->control & CONTROL_BGR)
                : bits == 16 ? from_16(lcd, word) : from_palette(s, word);
    }
}

static void update_display(void *opaque)
{
    struct pl110 *lcd = opaque;
    struct pl110_state *s = &lcd->s;
    struct framebuffer fb = { lcd->con, lcd->memory, draw_row, lcd };
    unsigned width = ((s->timing[0] >> 2 & 63) + 1) * 16, height = (s->timing[1] & 1023) + 1;

    if (!is_on(s) || !lcd->memory) {
        return;
    }
    if (!timer_pending(&lcd->frame) && s->current != s->upper) {
        s->current = s->upper;
        lcd->redraw = true;
    }
    framebuffer_draw(&fb, s->current, width, height, width * bits_per_pixel(s) / 8, lcd->redraw);
    lcd->redraw = false;
}

static void invalidate(void *opaque)
{
    ((struct pl110 *)opaque)->redraw = true;
}

static const struct console_adapter_ops adapter = { .update = update_display,
                                                    .invalidate = invalidate };

/* --- registers ------------------------------------------------------------------------------- */

/* The Versatile's pair the other way round. */
static uint64_t plain_offset(const struct pl110 *lcd, uint64_t offset)
{
    if (lcd->versatile && (offset == REG_MASK || offset == REG_CONTROL)) {
        return offset ^ REG_MASK ^ REG_CONTROL;
    }
    return offset;
}

static uint64_t pl110_read(void *dev, uint64_t offset, unsigned size)
{
    const struct pl110 *lcd = dev;
    const struct pl110_state *s = &lcd->s;

    switch (plain_offset(lcd, offset)) {
    case REG_TIMING ... REG_UPPER - 1: return s->timing[offset / 4];
    case REG_UPPER: return s->upper;
    case REG_LOWER: return s->lower;
    case REG_MASK: return s->mask;
    case REG_CONTROL: return s->control;
    case REG_RAW: return s->raw;
    case REG_MASKED: return s->raw & s->mask;
    case REG_CLEAR:
    case REG_CURRENT: return s->current;
    case REG_PALETTE ... REG_PALETTE + 4 * PALETTE_WORDS - 1:
        return s->palette[(offset - REG_PALETTE) / 4];
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL110_ID, offset);
    default:
        log_guest_error("pl110: read of offset 0x%x", (int)offset);
        return 0;
    }
}

static void write_control(struct pl110 *lcd, uint32_t value)
{
    bool was_on = lcd->s.control & CONTROL_ENABLE;

    lcd->s.control = value;
    lcd->redraw = true;
    if (!was_on) {
        lcd->s.current = lcd->s.upper;
    }
    start_frames(lcd);
}

static void pl110_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl110 *lcd = dev;
    struct pl110_state *s = &lcd->s;

    switch (plain_offset(lcd, offset)) {
    case REG_TIMING ... REG_UPPER - 1:
        s->timing[offset / 4] = value;
        lcd->redraw = true;
        break;
    case REG_UPPER: s->upper = value & ~3u; break;
    case REG_LOWER: s->lower = value & ~3u; break;
    case REG_MASK:
        s->mask = value & INT_ALL;
        start_frames(lcd);
        break;
    case REG_CONTROL: write_control(lcd, value); break;
    case REG_RAW:
    case REG_CLEAR: s->raw &= ~value; break;
    case REG_PALETTE ... REG_PALETTE + 4 * PALETTE_WORDS - 1:
        s->palette[(offset - REG_PALETTE) / 4] = value;
        lcd->redraw = true;
        break;
    default: log_guest_error("pl110: write of offset 0x%x", (int)offset); break;
    }
    update_irq(lcd);
}

static void pl110_input(void *dev, int n, int level)
{
    struct pl110 *lcd = dev;

    lcd->s.mux = level & 3;
    lcd->redraw = true;
}

/* --- life ------------------------------------------------------------------------------------ */

static bool pl110_init(struct device *dev, struct error **err)
{
    struct pl110 *lcd = (struct pl110 *)dev;

    lcd->versatile = strcmp(dev->class->name, "pl110_versatile") == 0;
    lcd->con = console_create(dev->class->name, &adapter, lcd);
    timer_init(&lcd->frame, CLOCK_VM, frame_ended, lcd);
    return true;
}

static void pl110_exit(struct device *dev)
{
    struct pl110 *lcd = (struct pl110 *)dev;

    timer_cancel(&lcd->frame);
    console_destroy(lcd->con);
}

static void pl110_reset(struct device *dev)
{
    struct pl110 *lcd = (struct pl110 *)dev;

    lcd->s = (struct pl110_state){ 0 };
    lcd->redraw = true;
    timer_cancel(&lcd->frame);
}

static void pl110_reset_lines(struct device *dev)
{
    update_irq((struct pl110 *)dev);
}

static bool pl110_loaded(struct device *dev, struct error **err)
{
    struct pl110 *lcd = (struct pl110 *)dev;

    lcd->redraw = true;
    lcd->s.mux &= 3;
    start_frames(lcd);
    return true;
}

static const struct device_region regions[] = {
    { "pl110", PRIMECELL_SIZE, { pl110_read, pl110_write, .min = 4 } }, { 0 }
};

DEVICE(pl110) = {
    .name = "pl110", .desc = "ARM PL110 LCD controller", .internal = true,
    .size = sizeof(struct pl110), .regions = regions, .irqs = 1, .init = pl110_init,
    .exit = pl110_exit, .reset = pl110_reset, .reset_lines = pl110_reset_lines,
    .state = STATE(pl110, s, pl110_state, 1), .loaded = pl110_loaded,
};

DEVICE(pl110_versatile) = {
    .name = "pl110_versatile", .desc = "ARM PL110 LCD controller of the Versatile",
    .internal = true, .size = sizeof(struct pl110), .regions = regions, .irqs = 1, .inputs = 1,
    .input = pl110_input, .init = pl110_init, .exit = pl110_exit, .reset = pl110_reset,
    .reset_lines = pl110_reset_lines, .state = STATE(pl110, s, pl110_state, 1),
    .loaded = pl110_loaded,
};
