/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text consoles: lines with history, their picture, and keys. Drawing waits for a look. */
#include "ui/text-console.h"

#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "ui/keymap.h"
#include "ui/text-internal.h"

enum { HELD_CONTROL = 1, HELD_SHIFT = 2, HELD_ALT = 4 };

static const uint32_t colors[16] = {
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
};

/* --- lines ----------------------------------------------------------------------------------- */

static struct text_cell *line_at(struct text_console *tc, unsigned line)
{
    return tc->lines + (size_t)(line & (TEXT_HISTORY - 1)) * TEXT_COLUMNS_MAX;
}

struct text_cell *text_row(struct text_console *tc, unsigned row)
{
    return line_at(tc, tc->top + row);
}

void text_mark(struct text_console *tc, unsigned row)
{
    if (row + tc->scrolled < tc->rows) {
        tc->dirty[row + tc->scrolled] = true;
    }
}

void text_erase(struct text_console *tc, unsigned row, unsigned from, unsigned to)
{
    struct text_cell *cells = text_row(tc, row);

    for (unsigned x = from; x < MIN_OF(to, tc->columns); x++) {
        cells[x] = (struct text_cell){ ' ', tc->pen.front, tc->pen.back, false };
    }
    text_mark(tc, row);
}

/* The whole screen moves up: the top line becomes history, nothing is copied. */
static void scroll_screen(struct text_console *tc)
{
    tc->top++;
    tc->history = MIN_OF(tc->history + 1, TEXT_HISTORY - TEXT_ROWS_MAX);
    if (tc->scrolled) {
        tc->scrolled = MIN_OF(tc->scrolled + 1, tc->history);
    }
    text_erase(tc, tc->rows - 1, 0, tc->columns);
    tc->all_dirty = true;
}

static void scroll_once(struct text_console *tc, unsigned first, unsigned last, bool up)
{
    size_t size = tc->columns * sizeof(struct text_cell);

    for (unsigned i = 0; i < last - first; i++) {
        unsigned to = up ? first + i : last - i;

        memcpy(text_row(tc, to), text_row(tc, up ? to + 1 : to - 1), size);
        text_mark(tc, to);
    }
    text_erase(tc, up ? last : first, 0, tc->columns);
}

void text_scroll(struct text_console *tc, unsigned first, unsigned last, int count)
{
    unsigned n = MIN_OF((unsigned)(count < 0 ? -count : count), last - first + 1);

    while (n--) {
        if (count > 0 && first == 0 && last == tc->rows - 1) {
            scroll_screen(tc);
        } else {
            scroll_once(tc, first, last, count > 0);
        }
    }
}

void text_reset(struct text_console *tc)
{
    tc->x = tc->y = 0;
    tc->scroll_first = 0;
    tc->scroll_last = tc->rows - 1;
    tc->pen = tc->saved_pen = (struct text_pen){ .front = 7 };
    tc->wrap = true;
    tc->cursor_hidden = tc->application_keys = tc->insert = false;
    for (unsigned y = 0; y < tc->rows; y++) {
        text_erase(tc, y, 0, TEXT_COLUMNS_MAX);
    }
}

static void look_at(struct text_console *tc, int lines)
{
    int to = (int)tc->scrolled + lines;

    to = MIN_OF(MAX_OF(to, 0), (int)tc->history);
    if ((unsigned)to != tc->scrolled) {
        tc->scrolled = (unsigned)to;
        tc->all_dirty = true;
    }
}

void text_console_write(struct text_console *tc, const uint8_t *data, size_t size)
{
    text_mark(tc, tc->y);
    for (size_t i = 0; i < size; i++) {
        text_interpret(tc, data[i]);
    }
    text_mark(tc, tc->y);
}

/* --- the picture ----------------------------------------------------------------------------- */

/* Most of what is shown is ASCII, whose glyphs are kept. */
static const uint8_t *glyph(uint32_t c, uint8_t *made)
{
    static uint8_t kept[128][TEXT_HEIGHT];
    static bool have[128];

    if (c >= 128) {
        text_glyph(c, made);
        return made;
    }
    if (!have[c]) {
        text_glyph(c ? c : ' ', kept[c]);
        have[c] = true;
    }
    return kept[c];
}

static void draw_cell(struct text_console *tc, uint8_t *data, int stride, unsigned x, unsigned y,
                      const struct text_cell *cell, bool cursor)
{
    uint32_t front = colors[cursor ? cell->back : cell->front];
    uint32_t back = colors[cursor ? cell->front : cell->back];
    uint8_t made[TEXT_HEIGHT];
    const uint8_t *rows = glyph(cell->character, made);

    for (unsigned line = 0; line < TEXT_HEIGHT; line++) {
        uint32_t *to = (uint32_t *)(data + (ptrdiff_t)stride * (y * TEXT_HEIGHT + line)) +
            x * TEXT_WIDTH;
        uint8_t bits = cell->underline && line == TEXT_HEIGHT - 2 ? 0xff : rows[line];

        for (unsigned i = 0; i < TEXT_WIDTH; i++) {
            to[i] = bits << i & 0x80 ? front : back;
        }
    }
}

static void draw_row(struct text_console *tc, uint8_t *data, int stride, unsigned y)
{
    const struct text_cell *row = line_at(tc, tc->top - tc->scrolled + y);
    unsigned cursor = MIN_OF(tc->x, tc->columns - 1);

    for (unsigned x = 0; x < tc->columns; x++) {
        bool here = !tc->cursor_hidden && x == cursor && y == tc->y + tc->scrolled;

        draw_cell(tc, data, stride, x, y, &row[x], here);
    }
    console_update(tc->con, 0, (int)(y * TEXT_HEIGHT), (int)(tc->columns * TEXT_WIDTH),
                   TEXT_HEIGHT);
}

static void update(void *opaque)
{
    struct text_console *tc = opaque;
    pixman_image_t *image = console_surface(tc->con);
    uint8_t *data = (uint8_t *)pixman_image_get_data(image);
    int stride = pixman_image_get_stride(image);

    if (tc->drawn_y != tc->y || tc->drawn_x != tc->x) {
        text_mark(tc, MIN_OF(tc->drawn_y, tc->rows - 1));
        text_mark(tc, tc->y);
        tc->drawn_x = tc->x;
        tc->drawn_y = tc->y;
    }
    for (unsigned y = 0; y < tc->rows; y++) {
        if (tc->all_dirty || tc->dirty[y]) {
            draw_row(tc, data, stride, y);
        }
    }
    memset(tc->dirty, 0, TEXT_ROWS_MAX * sizeof(*tc->dirty));
    tc->all_dirty = false;
}

static void invalidate(void *opaque)
{
    ((struct text_console *)opaque)->all_dirty = true;
}

/* The code of a character in code page 437, for terminals that take cells. */
static uint8_t code_page_437(uint32_t c)
{
    static const struct { uint16_t unicode; uint8_t code; } codes[] = {
        { 0x2500, 0xc4 }, { 0x2502, 0xb3 }, { 0x250c, 0xda }, { 0x2510, 0xbf }, { 0x2514, 0xc0 },
        { 0x2518, 0xd9 }, { 0x251c, 0xc3 }, { 0x2524, 0xb4 }, { 0x252c, 0xc2 }, { 0x2534, 0xc1 },
        { 0x253c, 0xc5 }, { 0x2588, 0xdb }, { 0x2592, 0xb1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (codes[i].unicode == c) {
            return codes[i].code;
        }
    }
    return c == 0 ? ' ' : c < 127 ? (uint8_t)c : '?';
}

static bool text_cells(void *opaque, unsigned *columns, unsigned *rows, struct console_cell *cells,
                       size_t room, int *cursor_x, int *cursor_y)
{
    struct text_console *tc = opaque;

    *columns = tc->columns;
    *rows = tc->rows;
    *cursor_x = tc->cursor_hidden || tc->scrolled ? -1 : (int)MIN_OF(tc->x, tc->columns - 1);
    *cursor_y = *cursor_x < 0 ? -1 : (int)tc->y;
    for (size_t i = 0; i < MIN_OF(room, (size_t)tc->columns * tc->rows); i++) {
        const struct text_cell *cell = line_at(tc, tc->top - tc->scrolled +
                                               (unsigned)(i / tc->columns)) + i % tc->columns;

        cells[i] = (struct console_cell){ code_page_437(cell->character),
                                          (uint8_t)(cell->back << 4 | cell->front) };
    }
    return true;
}

/* --- size ------------------------------------------------------------------------------------ */

static void set_size(struct text_console *tc, unsigned columns, unsigned rows)
{
    /* Rows that no longer fit go up into history. */
    if (tc->y >= rows) {
        unsigned lost = tc->y - rows + 1;

        tc->top += lost;
        tc->history = MIN_OF(tc->history + lost, TEXT_HISTORY - TEXT_ROWS_MAX);
        tc->y -= lost;
    }
    for (unsigned y = tc->rows; y < rows; y++) {
        memset(text_row(tc, y), 0, TEXT_COLUMNS_MAX * sizeof(struct text_cell));
    }
    /* What a narrower screen left beside it. */
    for (unsigned line = 0; columns > tc->columns && line < TEXT_HISTORY; line++) {
        memset(line_at(tc, line) + tc->columns, 0,
               (columns - tc->columns) * sizeof(struct text_cell));
    }
    tc->columns = columns;
    tc->rows = rows;
    tc->x = MIN_OF(tc->x, columns - 1);
    tc->scroll_first = 0;
    tc->scroll_last = rows - 1;
    tc->scrolled = 0;
    tc->all_dirty = true;
    console_resize(tc->con, columns * TEXT_WIDTH, rows * TEXT_HEIGHT);
}

static bool ask_size(void *opaque, unsigned width, unsigned height)
{
    unsigned columns = width / TEXT_WIDTH, rows = height / TEXT_HEIGHT;

    if (columns < 20 || rows < 4 || columns > TEXT_COLUMNS_MAX || rows > TEXT_ROWS_MAX) {
        return false;
    }
    set_size(opaque, columns, rows);
    return true;
}

/* --- keys ------------------------------------------------------------------------------------ */

static void type(struct text_console *tc, const char *text)
{
    look_at(tc, -(int)tc->scrolled);
    tc->typed(tc->opaque, (const uint8_t *)text, strlen(text));
}

static bool hold(struct text_console *tc, uint32_t keysym, bool down)
{
    uint8_t bit = keysym == KEYSYM_CONTROL_L || keysym == KEYSYM_CONTROL_R ? HELD_CONTROL
        : keysym == KEYSYM_SHIFT_L || keysym == KEYSYM_SHIFT_R ? HELD_SHIFT
        : keysym == KEYSYM_ALT_L ? HELD_ALT : 0;

    tc->held = down ? tc->held | bit : tc->held & (uint8_t)~bit;
    return bit != 0;
}

/* With Control or Shift: history. */
static bool move_view(struct text_console *tc, uint32_t keysym)
{
    if (!(tc->held & (HELD_CONTROL | HELD_SHIFT))) {
        return false;
    }
    switch (keysym) {
    case KEYSYM_UP: look_at(tc, 1); return true;
    case KEYSYM_DOWN: look_at(tc, -1); return true;
    case KEYSYM_PAGE_UP: look_at(tc, (int)tc->rows / 2); return true;
    case KEYSYM_PAGE_DOWN: look_at(tc, -(int)tc->rows / 2); return true;
    default: return false;
    }
}

static void type_character(struct text_console *tc, uint32_t c)
{
    char text[8] = "";
    bool control = tc->held & HELD_CONTROL;

    if (tc->held & HELD_ALT) {
        type(tc, "\033");
    }
    if (control && c >= '@' && c < 127) {
        c &= 0x1f;
        tc->typed(tc->opaque, (const uint8_t[]){ (uint8_t)c }, 1);
    } else if (control && c == ' ') {
        tc->typed(tc->opaque, (const uint8_t[]){ 0 }, 1);
    } else {
        g_unichar_to_utf8(c, text);
        type(tc, text);
    }
}

static void key(void *opaque, uint32_t keysym, bool down)
{
    static const struct { uint32_t keysym; const char *text; } keys[] = {
        { KEYSYM_BACKSPACE, "\177" }, { KEYSYM_TAB, "\t" }, { KEYSYM_RETURN, "\r" },
        { KEYSYM_KP_ENTER, "\r" }, { KEYSYM_ESCAPE, "\033" }, { KEYSYM_HOME, "\033[1~" },
        { KEYSYM_INSERT, "\033[2~" }, { KEYSYM_DELETE, "\033[3~" }, { KEYSYM_END, "\033[4~" },
        { KEYSYM_PAGE_UP, "\033[5~" }, { KEYSYM_PAGE_DOWN, "\033[6~" },
        { KEYSYM_F1, "\033OP" }, { KEYSYM_F1 + 1, "\033OQ" }, { KEYSYM_F1 + 2, "\033OR" },
        { KEYSYM_F1 + 3, "\033OS" }, { KEYSYM_F1 + 4, "\033[15~" }, { KEYSYM_F1 + 5, "\033[17~" },
        { KEYSYM_F1 + 6, "\033[18~" }, { KEYSYM_F1 + 7, "\033[19~" },
        { KEYSYM_F1 + 8, "\033[20~" }, { KEYSYM_F1 + 9, "\033[21~" },
        { KEYSYM_F1 + 10, "\033[23~" }, { KEYSYM_F1 + 11, "\033[24~" },
    };
    struct text_console *tc = opaque;
    char arrow[4] = "\033[ ";

    if (hold(tc, keysym, down) || !down || move_view(tc, keysym)) {
        return;
    }
    if (keysym >= KEYSYM_LEFT && keysym <= KEYSYM_DOWN) {
        arrow[1] = tc->application_keys ? 'O' : '[';
        arrow[2] = "DACB"[keysym - KEYSYM_LEFT];
        type(tc, arrow);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (keys[i].keysym == keysym) {
            type(tc, keys[i].text);
            return;
        }
    }
    if (keymap_to_unicode(keysym)) {
        type_character(tc, keymap_to_unicode(keysym));
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static const struct console_adapter_ops ops = {
    .update = update, .invalidate = invalidate, .text = text_cells, .key = key,
    .ask_size = ask_size,
};

struct text_console *text_console_create(const char *name, unsigned columns, unsigned rows,
                                         void (*typed)(void *opaque, const uint8_t *data,
                                                       size_t size),
                                         void *opaque)
{
    struct text_console *tc = g_new0(struct text_console, 1);

    tc->typed = typed;
    tc->opaque = opaque;
    tc->columns = columns;
    tc->rows = rows;
    tc->lines = g_new0(struct text_cell, (size_t)TEXT_HISTORY * TEXT_COLUMNS_MAX);
    tc->dirty = g_new0(bool, TEXT_ROWS_MAX);
    tc->con = console_create(name, &ops, tc);
    text_reset(tc);
    set_size(tc, columns, rows);
    return tc;
}

void text_console_destroy(struct text_console *tc)
{
    console_destroy(tc->con);
    g_free(tc->dirty);
    g_free(tc->lines);
    g_free(tc);
}

static void ignore(void *opaque, const uint8_t *data, size_t size)
{
}

void text_console_placeholder(const char *message)
{
    struct text_console *tc = text_console_create("none", 80, 24, ignore, NULL);

    text_console_write(tc, (const uint8_t *)"\033[?25l\033[12;20H", 15);
    text_console_write(tc, (const uint8_t *)message, strlen(message));
}
