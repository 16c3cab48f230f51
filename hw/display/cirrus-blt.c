/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GD5446: the bit block transfer engine.
 *
 * A blit goes row by row: its source is fetched into a buffer, or made from colours and a pattern;
 * it meets the destination by the raster operation; then what is not masked goes back. Addresses
 * wrap at the end of video memory, so there is none that a guest could not use. Blits are over when
 * the register write returns, unless the CPU provides the source.
 */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/display/cirrus.h"

enum { MODE_BACKWARD = 0x01, MODE_TO_CPU = 0x02, MODE_FROM_CPU = 0x04, MODE_TRANSPARENT = 0x08,
       MODE_PATTERN = 0x40, MODE_EXPAND = 0x80 };
enum { EXT_DWORDS = 0x01, EXT_INVERT = 0x02, EXT_SOLID = 0x04 };
enum { STATUS_BUSY = 0x01, STATUS_START = 0x02 };

struct row {
    const uint8_t *source;              /* bytes, or bits to be expanded */
    uint8_t pixels[CIRRUS_LINE + 3], old[CIRRUS_LINE];  /* the last pixel may stick out */
    bool keep[CIRRUS_LINE + 3];             /* a byte that stays as it is */
};

static unsigned pixel_bytes(const struct cirrus_blit *b)
{
    return (b->mode >> 4 & 3u) + 1;
}

static unsigned pixels(const struct cirrus_blit *b)
{
    return (b->width + pixel_bytes(b) - 1) / pixel_bytes(b);
}

static bool is_plain(const struct cirrus_blit *b)
{
    return !(b->mode & (MODE_PATTERN | MODE_EXPAND));
}

static bool is_solid(const struct cirrus_blit *b)
{
    return b->extensions & EXT_SOLID &&
        (b->mode & (MODE_PATTERN | MODE_EXPAND | MODE_TRANSPARENT | MODE_FROM_CPU)) ==
        (MODE_PATTERN | MODE_EXPAND);
}

/* --- video memory ---------------------------------------------------------------------------- */

static void fetch(const struct cirrus *c, uint32_t at, uint8_t *to, uint32_t size)
{
    uint32_t first;

    at &= c->vga.size - 1;
    first = MIN_OF(size, c->vga.size - at);
    memcpy(to, c->vga.memory + at, first);
    memcpy(to + first, c->vga.memory, size - first);
}

static void put_back(struct cirrus *c, uint32_t at, const uint8_t *from, uint32_t size)
{
    uint64_t base = memory_region_ram_addr(&c->vga.vram);
    uint32_t first;

    at &= c->vga.size - 1;
    first = MIN_OF(size, c->vga.size - at);
    memcpy(c->vga.memory + at, from, first);
    memory_note_store(base + at, first);
    if (first < size) {
        memcpy(c->vga.memory, from + first, size - first);
        memory_note_store(base, size - first);
    }
}

/* --- raster operations ----------------------------------------------------------------------- */

#define OPERATION(name, expression)                                                                \
    static void name(uint8_t *s, const uint8_t *d, uint32_t size)                                  \
    {                                                                                              \
        for (uint32_t i = 0; i < size; i++) {                                                      \
            s[i] = (uint8_t)(expression);                                                          \
        }                                                                                          \
    }
OPERATION(zeroes, 0)
OPERATION(ones, 0xff)
OPERATION(keep_old, d[i])
OPERATION(not_old, ~d[i])
OPERATION(not_new, ~s[i])
OPERATION(and, s[i] & d[i])
OPERATION(and_not_old, s[i] & ~d[i])
OPERATION(not_and_old, ~s[i] & d[i])
OPERATION(exclusive, s[i] ^ d[i])
OPERATION(equal, ~(s[i] ^ d[i]))
OPERATION(or, s[i] | d[i])
OPERATION(or_not_old, s[i] | ~d[i])
OPERATION(not_or_old, ~s[i] | d[i])
OPERATION(nor, ~(s[i] | d[i]))
OPERATION(nand, ~(s[i] & d[i]))

static const struct { uint8_t code; void (*run)(uint8_t *s, const uint8_t *d, uint32_t size); }
operations[] = {
    { 0x00, zeroes }, { 0x05, and }, { 0x06, keep_old }, { 0x09, and_not_old }, { 0x0b, not_old },
    { 0x0e, ones }, { 0x50, not_and_old }, { 0x59, exclusive }, { 0x6d, or }, { 0x90, nor },
    { 0x95, equal }, { 0xad, or_not_old }, { 0xd0, not_new }, { 0xd6, not_or_old }, { 0xda, nand },
};

/* The result is in place of the source. Code 0x0d, and codes that do not exist, copy. */
static void operate(uint8_t rop, uint8_t *source, const uint8_t *old, uint32_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        if (operations[i].code == rop) {
            operations[i].run(source, old, size);
            return;
        }
    }
}

/* --- the source of a row --------------------------------------------------------------------- */

static void put_pixel(uint8_t *to, uint32_t color, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(color >> 8 * i);
    }
}

/* Pixels at the left that are not drawn, in bytes. 24-bit blits count them in bytes. */
static uint32_t skipped(const struct cirrus_blit *b)
{
    unsigned bytes = pixel_bytes(b);

    if (is_plain(b) || is_solid(b)) {
        return 0;
    }
    return bytes == 3 ? b->skip & 0x1f : (b->skip & 7u) * bytes;
}

/* A bit for each pixel; `mask` wraps a pattern's eight bits. */
static void expand(const struct cirrus_blit *b, struct row *row, const uint8_t *bits,
                   unsigned mask)
{
    unsigned bytes = pixel_bytes(b), count = pixels(b);
    bool invert = b->extensions & EXT_INVERT, transparent = b->mode & MODE_TRANSPARENT;

    for (unsigned x = 0; x < count; x++) {
        bool front = bits[(x & mask) / 8] >> (7 - (x & 7)) & 1;

        put_pixel(row->pixels + x * bytes, front ? b->front : b->back, bytes);
        if (transparent && front == invert) {
            memset(row->keep + x * bytes, true, bytes);
        }
    }
}

/* Eight pixels of a pattern over and over. */
static void repeat(const struct cirrus_blit *b, struct row *row, const uint8_t *pattern)
{
    uint32_t size = 8 * pixel_bytes(b);

    for (uint32_t at = 0; at < b->width; at += size) {
        memcpy(row->pixels + at, pattern, MIN_OF(size, b->width - at));
    }
}

static unsigned pattern_pitch(const struct cirrus_blit *b)
{
    unsigned bytes = pixel_bytes(b);

    return b->mode & MODE_EXPAND ? 1 : bytes == 3 ? 32 : 8 * bytes;
}

/* Fills row->pixels, and row->keep where pixels stay, from the row's source or all of a pattern. */
static void make_source(const struct cirrus_blit *b, struct row *row, unsigned y)
{
    const uint8_t *source = row->source;

    if (is_solid(b)) {
        for (unsigned x = 0; x < pixels(b); x++) {
            put_pixel(row->pixels + x * pixel_bytes(b), b->front, pixel_bytes(b));
        }
        return;
    }
    if (b->mode & MODE_PATTERN) {
        source += pattern_pitch(b) * ((b->pattern_row + y) & 7);
    }
    if (b->mode & MODE_EXPAND) {
        expand(b, row, source, b->mode & MODE_PATTERN ? 7 : ~0u);
    } else if (b->mode & MODE_PATTERN) {
        repeat(b, row, source);
    } else {
        memcpy(row->pixels, source, b->width);
    }
}

/* Pixels of the key colour do not show; there are keys of 8 and 16 bits. */
static void apply_key(const struct cirrus_blit *b, struct row *row)
{
    unsigned bytes = pixel_bytes(b);

    if (!(b->mode & MODE_TRANSPARENT) || b->mode & MODE_EXPAND || bytes > 2) {
        return;
    }
    for (uint32_t at = 0; at + bytes <= b->width; at += bytes) {
        unsigned pixel = bytes == 1 ? row->pixels[at] : ld16_le(row->pixels + at);

        if (pixel == (bytes == 1 ? b->key & 0xffu : b->key)) {
            memset(row->keep + at, true, bytes);
        }
    }
}

/* --- rows ------------------------------------------------------------------------------------ */

/* Where a row starts: backward blits give the address of its last byte. */
static uint32_t row_address(const struct cirrus_blit *b, uint32_t first, uint32_t pitch, unsigned y)
{
    if (is_plain(b) && b->mode & MODE_BACKWARD) {
        return first - (b->width - 1) - y * pitch;
    }
    return first + y * pitch;
}

static void run_row(struct cirrus *c, const struct cirrus_blit *b, struct row *row, unsigned y)
{
    uint32_t to = row_address(b, b->to, b->to_pitch, y), skip = MIN_OF(skipped(b), b->width);
    bool masked = skip || (b->mode & MODE_TRANSPARENT && !is_solid(b));

    if (masked) {
        memset(row->keep, false, b->width + 3);
        memset(row->keep, true, skip);
    }
    make_source(b, row, y);
    fetch(c, to, row->old, b->width);
    operate(b->rop, row->pixels, row->old, b->width);
    if (masked) {
        apply_key(b, row);
        for (uint32_t i = 0; i < b->width; i++) {
            row->pixels[i] = row->keep[i] ? row->old[i] : row->pixels[i];
        }
    }
    put_back(c, to, row->pixels, b->width);
}

/* Bytes that the CPU, or video memory, provides for one row; for patterns all of it. */
static uint32_t source_size(const struct cirrus_blit *b)
{
    unsigned count = pixels(b);

    if (b->mode & MODE_PATTERN) {
        return 8 * pattern_pitch(b);
    }
    if (!(b->mode & MODE_EXPAND)) {
        return b->mode & MODE_FROM_CPU ? (b->width + 3) & ~3u : b->width;
    }
    return b->mode & MODE_FROM_CPU && b->extensions & EXT_DWORDS ? (count + 31) / 32 * 4
                                                                  : (count + 7) / 8;
}

static void run_from_memory(struct cirrus *c, const struct cirrus_blit *b)
{
    uint32_t size = source_size(b), from = b->from;
    uint8_t source[CIRRUS_LINE];
    struct row row;

    row.source = source;
    if (b->mode & MODE_PATTERN) {
        from &= ~((b->mode & MODE_EXPAND ? 8u : pixel_bytes(b) == 3 ? 256u : size) - 1);
        fetch(c, from, source, size);
    }
    for (unsigned y = 0; y < b->height; y++) {
        if (!(b->mode & MODE_PATTERN)) {
            /* Bits are packed row behind row, without a pitch. */
            from = b->mode & MODE_EXPAND ? b->from + y * size
                                         : row_address(b, b->from, b->from_pitch, y);
            fetch(c, from, source, size);
        }
        run_row(c, b, &row, y);
    }
}

/* --- starting and feeding -------------------------------------------------------------------- */

static uint32_t number(const struct cirrus *c, unsigned index, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint32_t)c->s.gr[index + i] << 8 * i;
    }
    return value;
}

/* The bytes of a colour are two registers apart, behind the first one. */
static uint32_t color(const struct cirrus *c, unsigned first)
{
    const uint8_t *gr = c->s.gr;

    return gr[first] | (uint32_t)gr[0x10 + first] << 8 | (uint32_t)gr[0x12 + first] << 16 |
        (uint32_t)gr[0x14 + first] << 24;
}

static void finish(struct cirrus *c)
{
    c->s.gr[GR_BLT_STATUS] &= (uint8_t)~(STATUS_BUSY | STATUS_START);
    c->s.line_size = c->s.line_at = c->s.rows = 0;
    cirrus_update_memory(c);
}

void cirrus_blt_cancel(struct cirrus *c)
{
    finish(c);
}

void cirrus_blt_start(struct cirrus *c)
{
    struct cirrus_blit *b = &c->s.blit;

    *b = (struct cirrus_blit){
        .to = number(c, GR_BLT_TO, 3), .from = number(c, GR_BLT_FROM, 3),
        .to_pitch = number(c, GR_BLT_TO_PITCH, 2), .from_pitch = number(c, GR_BLT_FROM_PITCH, 2),
        .width = number(c, GR_BLT_WIDTH, 2) + 1, .height = number(c, GR_BLT_HEIGHT, 2) + 1,
        .front = color(c, GR_FRONT), .back = color(c, GR_BACK),
        .key = (uint16_t)number(c, GR_BLT_KEY, 2), .mode = c->s.gr[GR_BLT_MODE],
        .extensions = c->s.gr[GR_BLT_EXTENSIONS], .rop = c->s.gr[GR_BLT_ROP],
        .skip = c->s.gr[GR_BLT_SKIP],
    };
    b->pattern_row = b->from & 7;
    trace(cirrus_blit, "mode %02x rop %02x to %06x from %06x size %ux%u", b->mode, b->rop, b->to,
          b->from, b->width, b->height);
    if (b->mode & MODE_TO_CPU) {
        log_unimp("cirrus: a blit to the CPU");
        finish(c);
    } else if (b->mode & MODE_FROM_CPU && !is_solid(b)) {
        c->s.line_size = source_size(b);
        c->s.line_at = c->s.rows = 0;
        c->s.gr[GR_BLT_STATUS] |= STATUS_BUSY | STATUS_START;
        cirrus_update_memory(c);
    } else {
        run_from_memory(c, b);
        finish(c);
    }
}

void cirrus_blt_feed(struct cirrus *c, uint8_t value)
{
    struct cirrus_state *s = &c->s;
    struct row row;

    s->line[s->line_at++] = value;
    if (s->line_at < s->line_size) {
        return;
    }
    s->line_at = 0;
    row.source = s->line;
    do {
        run_row(c, &s->blit, &row, s->rows++);
    } while (s->blit.mode & MODE_PATTERN && s->rows < s->blit.height);
    if (s->rows >= s->blit.height) {
        finish(c);
    }
}
