/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of text consoles: the screen, the interpreter of control sequences, glyphs. */
#ifndef UI_TEXT_INTERNAL_H
#define UI_TEXT_INTERNAL_H

#include <stdbool.h>

#include "ui/text-console.h"

#define TEXT_WIDTH 8               /* of a cell, in pixels */
#define TEXT_HEIGHT 16
#define TEXT_HISTORY 1024          /* lines, a power of two */
#define TEXT_COLUMNS_MAX 512
#define TEXT_ROWS_MAX 256

struct text_cell {
    uint32_t character;            /* Unicode */
    uint8_t front, back;           /* of the 16 colours of a VGA */
    bool underline;
};

struct text_pen {
    uint8_t front, back;
    bool bold, underline, reverse;
};

enum text_parse { PARSE_TEXT, PARSE_ESCAPE, PARSE_CSI, PARSE_STRING, PARSE_STRING_ESCAPE,
                  PARSE_SKIP_ONE };

#define TEXT_PARAMS 16

struct text_console {
    struct console *con;
    void (*typed)(void *opaque, const uint8_t *data, size_t size);
    void *opaque;
    unsigned columns, rows;
    /* Lines in a ring; line 0 of the screen is at `top`, older ones before it. */
    struct text_cell *lines;       /* TEXT_HISTORY of TEXT_COLUMNS_MAX */
    unsigned top, history;         /* lines kept above the screen */
    unsigned scrolled;             /* lines that the view is above the screen */
    unsigned x, y;                 /* x == columns: the next character wraps */
    unsigned saved_x, saved_y;
    unsigned scroll_first, scroll_last;   /* rows */
    struct text_pen pen, saved_pen;
    bool cursor_hidden, application_keys, wrap, insert;
    enum text_parse state;
    unsigned params[TEXT_PARAMS], n_params;
    char marker;                   /* '?' and the like after CSI */
    uint32_t utf8;                 /* a character under way */
    unsigned utf8_left;
    bool *dirty;                   /* per row of the view */
    bool all_dirty;
    unsigned drawn_x, drawn_y;     /* where the cursor was drawn */
    uint8_t held;                  /* Control and Shift keys */
};

struct text_cell *text_row(struct text_console *tc, unsigned row);
void text_mark(struct text_console *tc, unsigned row);
void text_erase(struct text_console *tc, unsigned row, unsigned from, unsigned to);
/* Moves rows first to last up by count (or down), blank rows come in. */
void text_scroll(struct text_console *tc, unsigned first, unsigned last, int count);
void text_reset(struct text_console *tc);
void text_interpret(struct text_console *tc, uint8_t byte);
/* 16 rows of 8 pixels, the left one in bit 7. */
void text_glyph(uint32_t character, uint8_t *rows);

#endif
