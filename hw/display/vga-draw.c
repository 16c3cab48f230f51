/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA graphics modes: planes, CGA, 256 colours and the linear VBE modes, drawn line by line. */
#include <string.h>

#include "base/bits.h"
#include "hw/display/vga-core.h"

/* Reads video memory from `at` on and writes `width` pixels. */
typedef void draw_line(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width);

struct picture {
    unsigned width, height;        /* of the surface */
    unsigned scans;                /* scan lines of a character row (CR 9) */
    unsigned doubled;              /* 1: each of them is shown twice */
    uint32_t start, pitch, line_bytes;
    unsigned line_compare;
    unsigned pan, preset;          /* dots to the left, lines up */
    draw_line *draw;
};

#define VGA_WIDTH_MAX 4096u        /* 256 characters of 16 dots */


static uint32_t load(const struct vga *vga, uint32_t at)
{
    return ld32_le(vga->memory + (at & (vga->size - 4)));
}

/* --- one line, by format --------------------------------------------------------------------- */

/* Bit `bit` of the four planes. */
static unsigned plane_pixel(uint32_t planes, unsigned bit)
{
    return (planes >> bit & 1) | (planes >> (bit + 7) & 2) | (planes >> (bit + 14) & 4) |
           (planes >> (bit + 21) & 8);
}

static void line_planes(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x += 8, at += 4) {
        uint32_t planes = load(vga, at);
        for (unsigned i = 0; i < 8 && x + i < width; i++) {
            to[x + i] = vga->colors[plane_pixel(planes, 7 - i)];
        }
    }
}

static void line_planes_wide(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x += 16, at += 4) {
        uint32_t planes = load(vga, at);
        for (unsigned i = 0; i < 16 && x + i < width; i++) {
            to[x + i] = vga->colors[plane_pixel(planes, 7 - i / 2)];
        }
    }
}

/* CGA: two bits a pixel, bytes alternating between planes 0 and 1; planes 2 and 3 on top. */
static unsigned cga_pixel(uint32_t planes, unsigned n)
{
    unsigned shift = (n & 4 ? 8 : 0) + 6 - 2 * (n & 3);
    return (planes >> shift & 3) | (planes >> (shift + 16) & 3) << 2;
}

static void line_cga(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x += 8, at += 4) {
        uint32_t planes = load(vga, at);
        for (unsigned i = 0; i < 8 && x + i < width; i++) {
            to[x + i] = vga->colors[cga_pixel(planes, i)];
        }
    }
}

static void line_cga_wide(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x += 16, at += 4) {
        uint32_t planes = load(vga, at);
        for (unsigned i = 0; i < 16 && x + i < width; i++) {
            to[x + i] = vga->colors[cga_pixel(planes, i / 2)];
        }
    }
}

static void line_256_wide(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x += 2, at++) {
        to[x] = vga->colors[vga->memory[at & (vga->size - 1)]];
        if (x + 1 < width) {
            to[x + 1] = to[x];
        }
    }
}

static void line_256(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x++) {
        to[x] = vga->colors[vga->memory[(at + x) & (vga->size - 1)]];
    }
}

static uint32_t widen(unsigned value, unsigned bits)
{
    return (value << (8 - bits) | value >> (2 * bits - 8)) & 0xff;
}

static unsigned load16(const struct vga *vga, uint32_t at)
{
    unsigned value = ld16_le(vga->memory + (at & (vga->size - 2)));
    return vga->s->big_endian ? __builtin_bswap16((uint16_t)value) : value;
}

static void line_15(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x++) {
        unsigned v = load16(vga, at + 2 * x);
        to[x] = widen(v >> 10 & 31, 5) << 16 | widen(v >> 5 & 31, 5) << 8 | widen(v & 31, 5);
    }
}

static void line_16(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    for (unsigned x = 0; x < width; x++) {
        unsigned v = load16(vga, at + 2 * x);
        to[x] = widen(v >> 11, 5) << 16 | widen(v >> 5 & 63, 6) << 8 | widen(v & 31, 5);
    }
}

static void line_24(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    uint32_t mask = vga->size - 1;

    for (unsigned x = 0; x < width; x++, at += 3) {
        const uint8_t *m = vga->memory;
        to[x] = m[(at + 2) & mask] << 16 | m[(at + 1) & mask] << 8 | m[at & mask];
        if (vga->s->big_endian) {
            to[x] = __builtin_bswap32(to[x]) >> 8;
        }
    }
}

static void line_32(const struct vga *vga, uint32_t *to, uint32_t at, unsigned width)
{
    if (!vga->s->big_endian && (uint64_t)at + 4 * width <= vga->size) {
        memcpy(to, vga->memory + at, 4 * width);   /* the surface's upper bytes do not matter */
        return;
    }
    for (unsigned x = 0; x < width; x++) {
        uint32_t v = load(vga, at + 4 * x);
        to[x] = (vga->s->big_endian ? __builtin_bswap32(v) : v) & 0xffffff;
    }
}

/* --- the picture ----------------------------------------------------------------------------- */

static void get_vbe_picture(const struct vga *vga, struct picture *p)
{
    const uint16_t *vbe = vga->s->vbe;
    static const struct { uint8_t bpp; uint8_t bits; draw_line *draw; } formats[] = {
        { 4, 4, line_planes }, { 8, 8, line_256 }, { 15, 16, line_15 }, { 16, 16, line_16 },
        { 24, 24, line_24 }, { 32, 32, line_32 },
    };

    p->width = vbe[VBE_XRES];
    p->height = vbe[VBE_YRES];
    p->scans = 1;
    p->doubled = 0;
    p->line_compare = UINT32_MAX;
    p->pan = p->preset = 0;
    p->draw = line_32;
    p->line_bytes = 4 * p->width;
    for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
        if (formats[i].bpp == vbe[VBE_BPP]) {
            p->draw = formats[i].draw;
            p->line_bytes = p->width * formats[i].bits / 8;
        }
    }
}

static void get_vga_picture(const struct vga *vga, struct picture *p)
{
    const struct vga_state *s = vga->s;
    unsigned shift = s->gr[GR_MODE] >> 5 & 3;
    bool wide = s->seq[SEQ_CLOCKING] & 8;

    p->width = (s->cr[CR_WIDTH] + 1u) * 8;
    p->height = vga_lines(vga);
    p->scans = (s->cr[CR_MAX_SCAN] & 0x1f) + 1u;
    p->doubled = s->cr[CR_MAX_SCAN] >> 7;
    p->line_compare = vga_line_compare(vga);
    p->pan = vga_panning(vga) << wide;
    p->preset = vga_preset_row(vga) << p->doubled;
    if (shift == 0) {
        p->draw = wide ? line_planes_wide : line_planes;
        p->line_bytes = p->width / 2;
    } else if (shift == 1) {
        p->draw = wide ? line_cga_wide : line_cga;
        p->line_bytes = p->width / 2;
    } else {
        p->draw = line_256_wide;
        p->line_bytes = p->width / 2;
        wide = false;
    }
    if (wide) {
        p->width *= 2;
    }
}

static void set_colors(struct vga *vga)
{
    bool vbe = vga_vbe_on(vga);
    bool all = vbe ? vga->s->vbe[VBE_BPP] == 8 : (vga->s->gr[GR_MODE] & 0x40) != 0;

    for (unsigned i = 0; i < (all ? 256u : 16u); i++) {
        vga->colors[i] = all ? vga_dac_color(vga, i & vga->s->dac_mask)
                             : vga_attribute_color(vga, i);
    }
}

/* Where a line of the picture lies; old CGA modes take address bits from the line number. */
static uint32_t line_address(const struct vga *vga, const struct picture *p, unsigned line,
                             uint32_t start)
{
    uint8_t mode = vga->s->cr[CR_MODE];
    unsigned scan = (line >> p->doubled) % p->scans, row = (line >> p->doubled) / p->scans;
    uint32_t at = start + row * p->pitch;
    unsigned bit = mode & 0x40 ? 15 : 14;        /* byte or word addresses */

    if (vga_vbe_on(vga)) {
        return at;
    }
    /* Bits 13 and 14 of the character address may come from the row scan counter. */
    if (!(mode & 1)) {
        at = (uint32_t)bits_deposit(at, bit, 1, scan & 1);
    }
    if (!(mode & 2)) {
        at = (uint32_t)bits_deposit(at, bit + 1, 1, scan >> 1 & 1);
    }
    return at;
}

/* Takes and clears the dirty marks of all pages before drawing, so that no store is lost. */
static bool collect_dirty(struct vga *vga, uint32_t first, uint32_t size)
{
    uint64_t base = memory_region_ram_addr(&vga->vram);
    uint32_t pages = vga->size >> MEMORY_PAGE_BITS, page = first >> MEMORY_PAGE_BITS;
    uint32_t last = (uint32_t)MIN_OF(((uint64_t)first + size) >> MEMORY_PAGE_BITS,
                                     (uint64_t)pages - 1);
    bool any = false;

    for (; page <= last; page++) {
        vga->page_dirty[page] = memory_dirty_test_and_clear(
            base + ((uint64_t)page << MEMORY_PAGE_BITS), MEMORY_PAGE_SIZE, DIRTY_VGA);
        any |= vga->page_dirty[page];
    }
    return any;
}

static bool line_dirty(const struct vga *vga, uint32_t at, uint32_t size)
{
    for (uint32_t page = at >> MEMORY_PAGE_BITS;
         page <= (at + size - 1) >> MEMORY_PAGE_BITS; page++) {
        if (vga->page_dirty[page & ((vga->size >> MEMORY_PAGE_BITS) - 1)]) {
            return true;
        }
    }
    return false;
}

/* One line, moved to the left: what leaves on that side is drawn too, and cut off. */
static void draw_panned(const struct vga *vga, const struct picture *p, uint32_t *to, uint32_t at,
                        unsigned pan)
{
    uint32_t line[VGA_WIDTH_MAX + 16];

    if (!pan) {
        p->draw(vga, to, at, p->width);
    } else {
        p->draw(vga, line, at, p->width + pan);
        memcpy(to, line + pan, p->width * sizeof(*to));
    }
}

static void draw_lines(struct vga *vga, const struct picture *p, bool all)
{
    pixman_image_t *image = console_surface(vga->con);
    uint8_t *data = (uint8_t *)pixman_image_get_data(image);
    int stride = pixman_image_get_stride(image), first = -1;
    uint32_t start = p->start;
    unsigned line = p->preset, pan = p->pan;

    for (unsigned y = 0; y < p->height; y++, line++) {
        uint32_t at = line_address(vga, p, line, start);
        bool draw = all || line_dirty(vga, at, p->line_bytes + (pan ? 8 : 0));
        if (draw && !vga->shared) {
            draw_panned(vga, p, (uint32_t *)(data + (size_t)y * (size_t)stride), at, pan);
        }
        if (draw) {
            first = first < 0 ? (int)y : first;
        }
        if (first >= 0 && (!draw || y + 1 == p->height)) {
            int end = draw ? (int)y + 1 : (int)y;
            console_update(vga->con, 0, first, (int)p->width, end - first);
            first = -1;
        }
        if (y == p->line_compare) {              /* split screen: the rest is from address 0 */
            start = 0;
            line = UINT32_MAX;
            pan = vga_split_is_fixed(vga) ? 0 : pan;
        }
    }
}

/* Whether video memory is a picture as it is. */
static bool is_picture(const struct vga *vga, const struct picture *p)
{
    uint64_t end = p->start + (uint64_t)p->pitch * p->height;

    return vga_vbe_on(vga) && p->draw == line_32 && !vga->s->big_endian && end <= vga->size &&
        p->pitch >= p->line_bytes && p->start % 4 == 0 && p->pitch % 4 == 0 && p->width &&
        p->height;
}

/* Shows video memory itself: nothing is copied. */
static void share_surface(struct vga *vga, const struct picture *p)
{
    pixman_image_t *image;

    if (vga->shared && vga->shared_start == p->start && vga->shared_pitch == p->pitch &&
        vga->width == p->width && vga->height == p->height) {
        return;
    }
    image = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)p->width, (int)p->height,
                                     (uint32_t *)(vga->memory + p->start), (int)p->pitch);
    if (!image) {
        vga_resize(vga, p->width, p->height);
        return;
    }
    console_set_surface(vga->con, image);
    pixman_image_unref(image);
    vga->width = p->width;
    vga->height = p->height;
    vga->shared = vga->redraw = true;
    vga->shared_start = p->start;
    vga->shared_pitch = p->pitch;
}

void vga_draw_graphics(struct vga *vga)
{
    struct picture p;
    bool dirty;

    if (vga_vbe_on(vga)) {
        get_vbe_picture(vga, &p);
    } else {
        get_vga_picture(vga, &p);
    }
    p.start = vga_start(vga);
    p.pitch = vga_pitch(vga);
    p.width = vga_vbe_on(vga) ? p.width : MIN_OF(p.width, VGA_WIDTH_MAX);
    if (is_picture(vga, &p)) {
        share_surface(vga, &p);
    } else {
        vga_resize(vga, p.width, p.height);
    }
    /* A split screen or CGA addressing may show any page. */
    if (vga_vbe_on(vga)) {
        dirty = collect_dirty(vga, p.start, p.pitch * p.height);
    } else {
        dirty = collect_dirty(vga, 0, MIN_OF(vga->size, 1u << 19) - 1);
    }
    if (dirty || vga->redraw) {
        set_colors(vga);
        draw_lines(vga, &p, vga->redraw);
        vga->redraw = false;
    }
}
