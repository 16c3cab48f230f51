/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shadow picture: what changed since the last look, by tiles, and whether it was scrolled. */
#include <string.h>

#include "base/bits.h"
#include "ui/vnc/internal.h"

void vnc_frame_resize(struct vnc_frame *f, unsigned width, unsigned height)
{
    uint32_t version = f->version;

    vnc_frame_free(f);
    f->width = width;
    f->height = height;
    f->columns = (width + TILE - 1) / TILE;
    f->rows = (height + TILE - 1) / TILE;
    f->pixels = g_new0(uint32_t, (size_t)width * height);
    f->rows_hash = g_new0(uint64_t, height);
    f->dirty = g_malloc(f->columns * f->rows);
    memset(f->dirty, 1, f->columns * f->rows);
    f->tiles = g_new0(struct vnc_tile, f->columns * f->rows);
    f->spans = g_new0(struct vnc_span, f->columns);
    /* Newer than all that any client has. */
    f->version = version + 1;
    for (size_t i = 0; i < f->columns * f->rows; i++) {
        f->tiles[i].version = f->tiles[i].before = f->version;
    }
}

void vnc_frame_free(struct vnc_frame *f)
{
    g_free(f->pixels);
    g_free(f->rows_hash);
    g_free(f->dirty);
    g_free(f->tiles);
    g_free(f->spans);
    memset(f, 0, sizeof(*f));
}

struct box vnc_frame_tile_box(const struct vnc_frame *f, size_t tile)
{
    unsigned x = (unsigned)(tile % f->columns) * TILE, y = (unsigned)(tile / f->columns) * TILE;

    return (struct box){ (uint16_t)x, (uint16_t)y, (uint16_t)MIN_OF(TILE, f->width - x),
                         (uint16_t)MIN_OF(TILE, f->height - y) };
}

void vnc_frame_mark(struct vnc_frame *f, int x, int y, int width, int height)
{
    unsigned right = MIN_OF((unsigned)(x + width - 1) / TILE, f->columns - 1);
    unsigned bottom = MIN_OF((unsigned)(y + height - 1) / TILE, f->rows - 1);

    for (unsigned row = (unsigned)y / TILE; f->rows && row <= bottom; row++) {
        for (unsigned column = (unsigned)x / TILE; column <= right; column++) {
            f->dirty[row * f->columns + column] = 1;
        }
    }
}

/* --- the console's picture ------------------------------------------------------------------- */

struct source {
    const uint8_t *data;
    int stride;
};

/* Four pixels; where they lie is not aligned. */
typedef uint32_t pixels4 __attribute__((vector_size(16)));

static bool any_bit(pixels4 v)
{
    uint64_t halves[2];

    memcpy(halves, &v, sizeof(v));
    return (halves[0] | halves[1]) != 0;
}

static void widen(unsigned x, unsigned *first, unsigned *last)
{
    *first = MIN_OF(*first, x);
    *last = MAX_OF(*last, x);
}

/* Takes a row of a tile, and widens first and last to the pixels that differ, if there are any.
 * The row may be memory of a guest that runs: each pixel is read once. */
static bool take_row(uint32_t *restrict shadow, const uint32_t *restrict row, unsigned width,
                     unsigned *first, unsigned *last)
{
    unsigned from = UINT32_MAX, to = 0, x = 0;
    pixels4 from_bits = { 0 }, to_bits = { 0 }, old, new;

    for (; x + 4 <= width; x += 4) {
        memcpy(&old, shadow + x, sizeof(old));
        memcpy(&new, row + x, sizeof(new));
        new &= 0xffffff;
        old ^= new;
        if (any_bit(old)) {
            memcpy(shadow + x, &new, sizeof(new));
            from_bits = from == UINT32_MAX ? old : from_bits;
            from = MIN_OF(from, x);
            to_bits = old;
            to = x;
        }
    }
    for (unsigned i = 0; i < 4 && from != UINT32_MAX; i++) {
        if (from_bits[i]) {
            widen(from + i, first, last);
        }
        if (to_bits[i]) {
            widen(to + i, first, last);
        }
    }
    for (; x < width; x++) {
        uint32_t pixel = row[x] & 0xffffff;

        if (shadow[x] != pixel) {
            shadow[x] = pixel;
            widen(x, first, last);
            from = x;
        }
    }
    return from != UINT32_MAX;
}

/* Takes a line of the tiles in a row of them that are looked at. Memory is so read as it lies. */
static void take_line(struct vnc_frame *f, const struct source *from, unsigned y)
{
    uint32_t *shadow = f->pixels + (size_t)y * f->width;
    const uint32_t *line = (const uint32_t *)(from->data + (ptrdiff_t)from->stride * y);

    for (unsigned i = 0, x = 0; x < f->width; i++, x += TILE) {
        struct vnc_span *span = &f->spans[i];
        unsigned width = MIN_OF(TILE, f->width - x);

        if (span->looked_at && memcmp(shadow + x, line + x, 4 * width) != 0 &&
            take_row(shadow + x, line + x, width, &span->first, &span->last)) {
            span->top = MIN_OF(span->top, y);
            span->bottom = y;
        }
    }
}

/* What of a tile changed; a width of 0: nothing. */
static struct box changed_box(const struct vnc_span *span, const struct box *tile)
{
    if (span->first > span->last) {
        return (struct box){ 0 };
    }
    return (struct box){ (uint16_t)(tile->x + span->first), (uint16_t)span->top,
                         (uint16_t)(span->last - span->first + 1),
                         (uint16_t)(span->bottom - span->top + 1) };
}

/* --- scrolls --------------------------------------------------------------------------------- */

#define SAMPLES 128

/* Of some pixels only: what a scroll does not explain is compared pixel by pixel afterwards. */
static uint64_t hash_row(const uint32_t *row, unsigned width)
{
    unsigned step = MAX_OF(width / SAMPLES, 1);
    uint64_t hash = 0x9e3779b97f4a7c15u;

    /* Not always the same column of a character. */
    for (unsigned x = 0, i = 0; x + step <= width; x += step, i++) {
        hash = (hash ^ (row[x + i * 5 % step] & 0xffffff)) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The distance that most distinctive lines have moved by, and how many. */
static int find_distance(const uint64_t *old, const uint64_t *new, unsigned height,
                         unsigned *agreeing)
{
    enum { BUCKETS = 4096 };
    uint16_t *line_of = g_new0(uint16_t, BUCKETS);
    uint16_t *votes = g_new0(uint16_t, 2 * height + 1);
    int best = 0;

    for (unsigned y = 0; y + 1 < height; y++) {
        if (old[y] != old[y + 1]) {
            line_of[old[y] % BUCKETS] = (uint16_t)(y + 1);
        }
    }
    for (unsigned y = 0; y + 1 < height; y++) {
        unsigned from = line_of[new[y] % BUCKETS];

        if (from && new[y] != new[y + 1] && old[from - 1] == new[y] && old[y] != new[y]) {
            int distance = (int)(from - 1) - (int)y;

            if (++votes[distance + (int)height] > votes[best + (int)height]) {
                best = distance;
            }
        }
    }
    *agreeing = best ? votes[best + (int)height] : 0;
    g_free(votes);
    g_free(line_of);
    return best;
}

/* The lines that moved: from the first to the last that is where the distance says. */
static bool find_copy(const uint64_t *old, const uint64_t *new, const struct vnc_frame *f,
                      struct vnc_copy *copy)
{
    unsigned agreeing, top = f->height, bottom = 0, same = 0;
    int distance = find_distance(old, new, f->height, &agreeing);

    if (agreeing < f->height / 8) {
        return false;
    }
    for (unsigned y = 0; y < f->height; y++) {
        int from = (int)y + distance;

        if (from >= 0 && from < (int)f->height && new[y] == old[from]) {
            top = MIN_OF(top, y);
            bottom = y;
            same++;
        }
    }
    copy->to = (struct box){ 0, (uint16_t)top, (uint16_t)f->width,
                             (uint16_t)(bottom - top + 1) };
    copy->from_y = (uint16_t)((int)top + distance);
    return same * 2 > bottom - top + 1;
}

static bool many_dirty(const struct vnc_frame *f)
{
    size_t dirty = 0, tiles = (size_t)f->columns * f->rows;

    for (size_t i = 0; i < tiles; i++) {
        dirty += f->dirty[i];
    }
    return 2 * dirty >= tiles && f->height > 64;
}

/* Looks for a scroll and repeats it in the shadow. */
static bool take_copy(struct vnc_frame *f, const struct source *from, struct vnc_copy *copy)
{
    uint64_t *hashes = g_new(uint64_t, f->height);
    size_t line = 4 * (size_t)f->width;
    bool found;

    for (unsigned y = 0; y < f->height; y++) {
        hashes[y] = hash_row((const uint32_t *)(from->data + (ptrdiff_t)from->stride * y),
                             f->width);
    }
    for (unsigned y = 0; y < f->height && !f->hashed; y++) {
        f->rows_hash[y] = hash_row(f->pixels + (size_t)y * f->width, f->width);
    }
    found = find_copy(f->rows_hash, hashes, f, copy);
    if (found) {
        memmove((uint8_t *)f->pixels + copy->to.y * line,
                (uint8_t *)f->pixels + copy->from_y * line, copy->to.height * line);
    }
    g_free(f->rows_hash);
    f->rows_hash = hashes;
    f->hashed = true;
    return found;
}

/* --- frames ---------------------------------------------------------------------------------- */

static bool touches(const struct box *a, const struct box *b)
{
    return a->y < b->y + b->height && b->y < a->y + a->height;
}

/* `moved`: the tiles that a copy touched are looked at in any case. */
static bool take_row_of_tiles(struct vnc_frame *f, const struct source *from, size_t row,
                              bool moved, uint32_t version)
{
    struct vnc_tile *tiles = f->tiles + row * f->columns;
    unsigned y = (unsigned)row * TILE, end = MIN_OF(y + TILE, f->height);
    bool any = moved;

    for (size_t i = 0; i < f->columns; i++) {
        uint8_t *dirty = &f->dirty[row * f->columns + i];

        f->spans[i] = (struct vnc_span){ *dirty || moved, TILE, 0, UINT16_MAX, 0 };
        any |= *dirty;
        *dirty = 0;
    }
    for (; any && y < end; y++) {
        take_line(f, from, y);
    }
    any = false;
    for (size_t i = 0; i < f->columns; i++) {
        struct box box = vnc_frame_tile_box(f, row * f->columns + i);
        struct box changed = changed_box(&f->spans[i], &box);

        if (changed.width || moved) {
            tiles[i].before = tiles[i].version;
            tiles[i].version = version;
            tiles[i].changed = moved ? box : changed;
            tiles[i].residue = changed;
            tiles[i].copied = moved;
            any = true;
        }
    }
    return any;
}

/* `copy`: NULL if there was none. */
static bool take_tiles(struct vnc_frame *f, const struct source *from, const struct vnc_copy *copy)
{
    bool any = false;

    for (size_t row = 0; row < f->rows; row++) {
        struct box box = vnc_frame_tile_box(f, row * f->columns);
        bool moved = copy && touches(&box, &copy->to);

        any |= take_row_of_tiles(f, from, row, moved, f->version + 1);
    }
    return any;
}

static bool is_plain(pixman_image_t *image)
{
    pixman_format_code_t format = pixman_image_get_format(image);

    return format == PIXMAN_x8r8g8b8 || format == PIXMAN_a8r8g8b8;
}

bool vnc_frame_take(struct vnc_frame *f, pixman_image_t *image, bool scrolls)
{
    pixman_image_t *plain = image;
    struct source from;
    struct vnc_copy copy = { .version = 0 };
    bool copied, changed;

    if (!is_plain(image)) {
        plain = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)f->width, (int)f->height, NULL, 0);
        pixman_image_composite(PIXMAN_OP_SRC, image, NULL, plain, 0, 0, 0, 0, 0, 0,
                               (uint16_t)f->width, (uint16_t)f->height);
    }
    from.data = (const uint8_t *)pixman_image_get_data(plain);
    from.stride = pixman_image_get_stride(plain);
    copied = scrolls && many_dirty(f) && take_copy(f, &from, &copy);
    changed = take_tiles(f, &from, copied ? &copy : NULL);
    if (changed) {
        copy.version = copied ? f->version + 1 : 0;
        copy.before = f->version;
        f->copy = copy;
        f->version++;
        f->hashed = copied;        /* until something else changes */
    }
    if (plain != image) {
        pixman_image_unref(plain);
    }
    return changed;
}
