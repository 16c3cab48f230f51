/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA text modes: cells for the console, and glyphs drawn from the font in plane 2. */
#include <string.h>

#include "base/bits.h"
#include "hw/display/vga-core.h"

struct screen {
    unsigned columns, rows;
    unsigned cell_width, cell_height;
    uint32_t start, pitch;
    uint32_t fonts[2];             /* offsets of the glyph tables in video memory */
    int cursor_x, cursor_y;        /* -1: not visible */
    unsigned cursor_first, cursor_last;
    bool cursor_on, blink_on;      /* phases */
};

static void locate_cursor(const struct vga *vga, struct screen *screen)
{
    const uint8_t *cr = vga->s->cr;
    uint32_t at = (uint32_t)(cr[CR_CURSOR_LOW] | cr[CR_CURSOR_HIGH] << 8) * 4;
    uint32_t row = at >= screen->start ? (at - screen->start) / screen->pitch : screen->rows;

    screen->cursor_x = screen->cursor_y = -1;
    screen->cursor_first = cr[CR_CURSOR_START] & 0x1f;
    screen->cursor_last = MIN_OF(cr[CR_CURSOR_END] & 0x1fu, screen->cell_height - 1);
    if (cr[CR_CURSOR_START] & 0x20 || row >= screen->rows ||
        screen->cursor_first > screen->cursor_last) {
        return;
    }
    screen->cursor_x = (int)((at - screen->start) % screen->pitch / 4);
    screen->cursor_y = (int)row;
    if (screen->cursor_x >= (int)screen->columns) {
        screen->cursor_x = screen->cursor_y = -1;
    }
}

static void get_screen(const struct vga *vga, struct screen *screen)
{
    const struct vga_state *s = vga->s;
    uint8_t select = s->seq[SEQ_FONT];

    screen->cell_height = (s->cr[CR_MAX_SCAN] & 0x1f) + 1u;
    screen->cell_width = s->seq[SEQ_CLOCKING] & 1 ? 8 : 9;
    if (s->seq[SEQ_CLOCKING] & 8) {
        screen->cell_width = 16;
    }
    screen->columns = s->cr[CR_WIDTH] + 1u;
    screen->rows = MAX_OF(vga_lines(vga) / screen->cell_height, 1u);
    if (s->cr[CR_MAX_SCAN] & 0x80) {
        screen->rows = MAX_OF(screen->rows / 2, 1u);
    }
    screen->rows = MIN_OF(screen->rows, 128u);
    screen->start = vga_start(vga);
    screen->pitch = MAX_OF(vga_pitch(vga), 8u);
    screen->fonts[0] = ((select >> 4 & 1u) | (select << 1 & 6u)) * 8192 * 4 + 2;
    screen->fonts[1] = ((select >> 5 & 1u) | (select >> 1 & 6u)) * 8192 * 4 + 2;
    screen->cursor_on = vga_blink_phase(16);
    screen->blink_on = vga_blink_phase(32);
    locate_cursor(vga, screen);
}

static uint16_t cell_at(const struct vga *vga, const struct screen *screen, unsigned x, unsigned y)
{
    uint32_t at = screen->start + y * screen->pitch + 4 * x;
    return ld16_le(vga->memory + (at & (vga->size - 4)));
}

bool vga_text_cells(void *opaque, unsigned *columns, unsigned *rows, struct console_cell *cells,
                    size_t room, int *cursor_x, int *cursor_y)
{
    struct vga *vga = opaque;
    struct screen screen;

    if (vga_is_graphics(vga)) {
        return false;
    }
    get_screen(vga, &screen);
    *columns = screen.columns;
    *rows = screen.rows;
    *cursor_x = screen.cursor_x;
    *cursor_y = screen.cursor_y;
    for (unsigned y = 0; y < screen.rows; y++) {
        for (unsigned x = 0; x < screen.columns; x++) {
            size_t n = (size_t)y * screen.columns + x;
            if (n < room) {
                uint16_t cell = cell_at(vga, &screen, x, y);
                cells[n] = (struct console_cell){ (uint8_t)cell, (uint8_t)(cell >> 8) };
            }
        }
    }
    return true;
}

/* --- drawing --------------------------------------------------------------------------------- */

struct canvas {
    uint8_t *data;
    int stride;
};

/* The ninth column repeats the eighth for line graphics (AR 10, bit 2), else it is background. */
static unsigned glyph_row(const struct vga *vga, uint8_t character, uint8_t bits, unsigned width)
{
    unsigned row = bits;

    if (width == 9) {
        bool extend = vga->s->ar[AR_MODE] & 4 && character >= 0xc0 && character <= 0xdf;
        row = row << 1 | (extend ? row & 1 : 0);
    } else if (width == 16) {
        row = 0;
        for (unsigned i = 0; i < 8; i++) {
            row |= (bits >> i & 1u) * 3u << 2 * i;
        }
    }
    return row;
}

/* The two colours of a cell; in its dark phase a blinking one is all background. */
static void cell_colors(const struct vga *vga, const struct screen *screen, uint8_t attribute,
                        uint32_t *front, uint32_t *back)
{
    *front = vga->colors[attribute & 0xf];
    *back = vga->colors[attribute >> 4];
    if (vga->s->ar[AR_MODE] & 8) {               /* bit 7 blinks */
        *back = vga->colors[attribute >> 4 & 7];
        if (attribute & 0x80 && !screen->blink_on) {
            *front = *back;
        }
    }
}

static void draw_glyph_row(const struct vga *vga, const struct screen *screen, uint16_t cell,
                           unsigned line, bool cursor, uint32_t *to)
{
    uint8_t character = (uint8_t)cell, attribute = (uint8_t)(cell >> 8);
    uint32_t font = screen->fonts[attribute >> 3 & 1] + 32u * 4u * character, front, back;
    unsigned row = glyph_row(vga, character, vga->memory[(font + 4 * line) & (vga->size - 1)],
                             screen->cell_width);

    if (cursor && line >= screen->cursor_first && line <= screen->cursor_last) {
        row = ~0u;
    }
    cell_colors(vga, screen, attribute, &front, &back);
    for (unsigned i = screen->cell_width; i-- > 0; row >>= 1) {
        to[i] = row & 1 ? front : back;
    }
}

static void draw_cell(const struct vga *vga, const struct screen *screen,
                      const struct canvas *canvas, unsigned x, unsigned y, bool cursor)
{
    uint16_t cell = cell_at(vga, screen, x, y);

    for (unsigned line = 0; line < screen->cell_height; line++) {
        uint32_t *to = (uint32_t *)(canvas->data + (size_t)canvas->stride *
                                    (y * screen->cell_height + line)) + x * screen->cell_width;

        draw_glyph_row(vga, screen, cell, line, cursor, to);
    }
}

static void set_colors(struct vga *vga)
{
    for (unsigned i = 0; i < 16; i++) {
        vga->colors[i] = vga_attribute_color(vga, i);
    }
}

static bool cursor_moved(const struct vga *vga, const struct screen *screen)
{
    bool visible = screen->cursor_x >= 0;

    return vga->cursor_drawn != visible || (visible && vga->cursor_on != screen->cursor_on) ||
           (visible && (vga->cursor_x != (uint32_t)screen->cursor_x ||
                        vga->cursor_y != (uint32_t)screen->cursor_y));
}

static void draw_row(struct vga *vga, const struct screen *screen, const struct canvas *canvas,
                     unsigned y, bool all, bool moved)
{
    int first = -1, last = -1;

    for (unsigned x = 0; x < screen->columns; x++) {
        uint16_t cell = cell_at(vga, screen, x, y);
        uint16_t *shown = &vga->cells[y * screen->columns + x];
        bool here = (int)x == screen->cursor_x && (int)y == screen->cursor_y;
        bool was_here = vga->cursor_drawn && x == vga->cursor_x && y == vga->cursor_y;
        bool blinked = cell & 0x8000 && vga->s->ar[AR_MODE] & 8 &&
            screen->blink_on != vga->blink_on;

        if (!all && *shown == cell && !blinked && !(moved && (here || was_here))) {
            continue;
        }
        *shown = cell;
        draw_cell(vga, screen, canvas, x, y, here && screen->cursor_on);
        first = first < 0 ? (int)x : first;
        last = (int)x;
    }
    if (first >= 0) {
        console_update(vga->con, first * (int)screen->cell_width,
                       (int)(y * screen->cell_height),
                       (last - first + 1) * (int)screen->cell_width, (int)screen->cell_height);
    }
}

/* A screen that is moved by dots or lines, or split: line by line, each from its own address. */
static void draw_moved(struct vga *vga, const struct screen *screen, const struct canvas *canvas)
{
    uint32_t line[(256 + 1) * 16];
    bool doubled = vga->s->cr[CR_MAX_SCAN] & 0x80;
    unsigned width = screen->columns * screen->cell_width, pan = vga_panning(vga);
    unsigned height = screen->rows * screen->cell_height, from = vga_preset_row(vga);
    unsigned split = vga_line_compare(vga) >> doubled;
    struct screen part = *screen;

    for (unsigned y = 0; y < height; y++, from++) {
        unsigned row = from / screen->cell_height, scan = from % screen->cell_height;

        for (unsigned x = 0; x <= screen->columns; x++) {
            bool cursor = (int)x == part.cursor_x && (int)row == part.cursor_y && part.cursor_on;

            draw_glyph_row(vga, &part, cell_at(vga, &part, x, row), scan, cursor,
                           line + x * screen->cell_width);
        }
        memcpy(canvas->data + (size_t)canvas->stride * y, line + pan, width * sizeof(*line));
        if (y == split) {
            part.start = 0;
            from = UINT32_MAX;
            part.cursor_x = -1;
            pan = vga_split_is_fixed(vga) ? 0 : pan;
        }
    }
    console_update(vga->con, 0, 0, (int)width, (int)height);
}

static bool is_moved(const struct vga *vga, const struct screen *screen)
{
    bool doubled = vga->s->cr[CR_MAX_SCAN] & 0x80;

    return vga_panning(vga) || vga_preset_row(vga) ||
        vga_line_compare(vga) >> doubled < screen->rows * screen->cell_height;
}

void vga_draw_text(struct vga *vga)
{
    struct screen screen;
    struct canvas canvas;
    pixman_image_t *image;
    bool all, moved;

    get_screen(vga, &screen);
    vga_resize(vga, screen.columns * screen.cell_width, screen.rows * screen.cell_height);
    image = console_surface(vga->con);
    canvas.data = (uint8_t *)pixman_image_get_data(image);
    canvas.stride = pixman_image_get_stride(image);
    all = vga->redraw || vga->fonts_changed;
    moved = cursor_moved(vga, &screen);
    set_colors(vga);
    if (is_moved(vga, &screen)) {
        draw_moved(vga, &screen, &canvas);
        vga->redraw = true;        /* all cells, once it stands still again */
        return;
    }
    for (unsigned y = 0; y < screen.rows; y++) {
        draw_row(vga, &screen, &canvas, y, all, moved);
    }
    vga->redraw = vga->fonts_changed = false;
    vga->cursor_drawn = screen.cursor_x >= 0;
    vga->cursor_on = screen.cursor_on;
    vga->blink_on = screen.blink_on;
    vga->cursor_x = (uint32_t)screen.cursor_x;
    vga->cursor_y = (uint32_t)screen.cursor_y;
}
