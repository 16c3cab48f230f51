/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control characters and sequences (ECMA-48, and the private ones of VT102 and xterm). */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "ui/text-internal.h"

static void line_feed(struct text_console *tc)
{
    if (tc->y == tc->scroll_last) {
        text_scroll(tc, tc->scroll_first, tc->scroll_last, 1);
    } else if (tc->y + 1 < tc->rows) {
        tc->y++;
    }
}

static void reverse_feed(struct text_console *tc)
{
    if (tc->y == tc->scroll_first) {
        text_scroll(tc, tc->scroll_first, tc->scroll_last, -1);
    } else if (tc->y) {
        tc->y--;
    }
}

static void put_character(struct text_console *tc, uint32_t c)
{
    const struct text_pen *pen = &tc->pen;
    uint8_t front = pen->front | (pen->bold ? 8 : 0);
    struct text_cell *row;

    if (tc->x >= tc->columns) {
        if (tc->wrap) {
            tc->x = 0;
            line_feed(tc);
        } else {
            tc->x = tc->columns - 1;
        }
    }
    row = text_row(tc, tc->y);
    if (tc->insert) {
        memmove(row + tc->x + 1, row + tc->x, (tc->columns - tc->x - 1) * sizeof(*row));
    }
    row[tc->x] = (struct text_cell){ c, pen->reverse ? pen->back : front,
                                     pen->reverse ? front : pen->back, pen->underline };
    text_mark(tc, tc->y);
    tc->x++;
}

static void control(struct text_console *tc, uint8_t c)
{
    switch (c) {
    case '\b':
        tc->x = MIN_OF(tc->x, tc->columns - 1);
        tc->x -= tc->x > 0;
        break;
    case '\t':
        tc->x = MIN_OF((tc->x | 7) + 1, tc->columns - 1);
        break;
    case '\n': case '\v': case '\f':
        line_feed(tc);
        break;
    case '\r':
        tc->x = 0;
        break;
    case 033:
        tc->state = PARSE_ESCAPE;
        break;
    }
}

static void save_cursor(struct text_console *tc)
{
    tc->saved_x = tc->x;
    tc->saved_y = tc->y;
    tc->saved_pen = tc->pen;
}

static void restore_cursor(struct text_console *tc)
{
    tc->x = MIN_OF(tc->saved_x, tc->columns - 1);
    tc->y = MIN_OF(tc->saved_y, tc->rows - 1);
    tc->pen = tc->saved_pen;
}

static void escape(struct text_console *tc, uint8_t c)
{
    tc->state = PARSE_TEXT;
    switch (c) {
    case '[':
        tc->state = PARSE_CSI;
        tc->n_params = 0;
        tc->marker = 0;
        memset(tc->params, 0, sizeof(tc->params));
        break;
    case ']': case 'P': case 'X': case '^': case '_':
        tc->state = PARSE_STRING;
        break;
    case '(': case ')': case '*': case '+': case '#': case '%':
        tc->state = PARSE_SKIP_ONE;
        break;
    case '7': save_cursor(tc); break;
    case '8': restore_cursor(tc); break;
    case 'D': line_feed(tc); break;
    case 'E': tc->x = 0; line_feed(tc); break;
    case 'M': reverse_feed(tc); break;
    case 'c': text_reset(tc); break;
    }
}

/* --- CSI sequences --------------------------------------------------------------------------- */

/* Parameter n, where 0 and nothing mean `fallback`. */
static unsigned param(const struct text_console *tc, unsigned n, unsigned fallback)
{
    return n < TEXT_PARAMS && tc->params[n] ? tc->params[n] : fallback;
}

static void move_to(struct text_console *tc, int x, int y)
{
    tc->x = (unsigned)MIN_OF(MAX_OF(x, 0), (int)tc->columns - 1);
    tc->y = (unsigned)MIN_OF(MAX_OF(y, 0), (int)tc->rows - 1);
}

static void move_by(struct text_console *tc, int x, int y)
{
    move_to(tc, (int)MIN_OF(tc->x, tc->columns - 1) + x, (int)tc->y + y);
}

/* Of 256 or true colours the nearest of the 16: by which of the three are strong. */
static uint8_t nearest(unsigned red, unsigned green, unsigned blue)
{
    bool bright = red > 170 || green > 170 || blue > 170;
    unsigned limit = bright ? 128 : 64;

    return (uint8_t)((red > limit ? 4 : 0) | (green > limit ? 2 : 0) | (blue > limit ? 1 : 0) |
                     (bright ? 8 : 0));
}

/* ANSI numbers red 1 and blue 4; a VGA the other way round. */
static uint8_t vga_color(unsigned ansi)
{
    return (uint8_t)((ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2 | (ansi & 8));
}

static uint8_t color_256(unsigned n)
{
    unsigned level;

    if (n < 16) {
        return vga_color(n);
    }
    if (n >= 232) {
        level = (n - 232) * 10 + 8;
        return nearest(level, level, level);
    }
    n -= 16;
    return nearest(n / 36 * 51, n / 6 % 6 * 51, n % 6 * 51);
}

/* "38;5;n" or "38;2;r;g;b"; the number of parameters used beyond the first. */
static unsigned extended_color(const struct text_console *tc, unsigned at, uint8_t *color)
{
    if (at + 2 < TEXT_PARAMS && tc->params[at + 1] == 5) {
        *color = color_256(tc->params[at + 2] & 255);
        return 2;
    }
    if (at + 4 < TEXT_PARAMS && tc->params[at + 1] == 2) {
        *color = nearest(tc->params[at + 2], tc->params[at + 3], tc->params[at + 4]);
        return 4;
    }
    return 0;
}

static void set_pen(struct text_console *tc)
{
    struct text_pen *pen = &tc->pen;

    for (unsigned i = 0; i <= tc->n_params && i < TEXT_PARAMS; i++) {
        unsigned n = tc->params[i];

        switch (n) {
        case 0: *pen = (struct text_pen){ .front = 7 }; break;
        case 1: pen->bold = true; break;
        case 4: pen->underline = true; break;
        case 7: pen->reverse = true; break;
        case 21: case 22: pen->bold = false; break;
        case 24: pen->underline = false; break;
        case 27: pen->reverse = false; break;
        case 30 ... 37: pen->front = vga_color(n - 30); break;
        case 38: i += extended_color(tc, i, &pen->front); break;
        case 39: pen->front = 7; break;
        case 40 ... 47: pen->back = vga_color(n - 40); break;
        case 48: i += extended_color(tc, i, &pen->back); break;
        case 49: pen->back = 0; break;
        case 90 ... 97: pen->front = vga_color(n - 90 + 8); break;
        case 100 ... 107: pen->back = vga_color(n - 100 + 8); break;
        }
    }
}

static void erase_display(struct text_console *tc, unsigned how)
{
    if (how == 0) {
        text_erase(tc, tc->y, tc->x, tc->columns);
    } else if (how == 1) {
        text_erase(tc, tc->y, 0, tc->x + 1);
    }
    for (unsigned y = 0; y < tc->rows; y++) {
        if ((how == 0 && y > tc->y) || (how == 1 && y < tc->y) || how >= 2) {
            text_erase(tc, y, 0, tc->columns);
        }
    }
}

static void erase_line(struct text_console *tc, unsigned how)
{
    text_erase(tc, tc->y, how == 0 ? tc->x : 0, how == 1 ? tc->x + 1 : tc->columns);
}

/* Shifts the rest of the row: count < 0 deletes characters, > 0 makes room. */
static void shift_row(struct text_console *tc, int count)
{
    struct text_cell *row = text_row(tc, tc->y);
    unsigned x = MIN_OF(tc->x, tc->columns - 1), room = tc->columns - x;
    unsigned n = MIN_OF((unsigned)(count < 0 ? -count : count), room);

    if (count < 0) {
        memmove(row + x, row + x + n, (room - n) * sizeof(*row));
        text_erase(tc, tc->y, tc->columns - n, tc->columns);
    } else {
        memmove(row + x + n, row + x, (room - n) * sizeof(*row));
        text_erase(tc, tc->y, x, x + n);
    }
}

static void shift_rows(struct text_console *tc, int count)
{
    if (tc->y >= tc->scroll_first && tc->y <= tc->scroll_last) {
        text_scroll(tc, tc->y, tc->scroll_last, count);
    }
}

static void set_region(struct text_console *tc)
{
    unsigned first = param(tc, 0, 1) - 1, last = param(tc, 1, tc->rows) - 1;

    if (first < last && last < tc->rows) {
        tc->scroll_first = first;
        tc->scroll_last = last;
        move_to(tc, 0, 0);
    }
}

static void set_mode(struct text_console *tc, bool on)
{
    for (unsigned i = 0; i <= tc->n_params && i < TEXT_PARAMS; i++) {
        unsigned mode = tc->params[i] | (tc->marker == '?' ? 0x10000u : 0);

        switch (mode) {
        case 4: tc->insert = on; break;
        case 0x10001: tc->application_keys = on; break;
        case 0x10007: tc->wrap = on; break;
        case 0x10000 + 25: tc->cursor_hidden = !on; break;
        }
    }
}

static void answer(struct text_console *tc, const char *text)
{
    tc->typed(tc->opaque, (const uint8_t *)text, strlen(text));
}

static void report(struct text_console *tc)
{
    char text[32];

    if (tc->params[0] == 5) {
        answer(tc, "\033[0n");
    } else if (tc->params[0] == 6) {
        snprintf(text, sizeof(text), "\033[%u;%uR", tc->y + 1,
                 MIN_OF(tc->x, tc->columns - 1) + 1);
        answer(tc, text);
    }
}

static void end_csi(struct text_console *tc, uint8_t c)
{
    int n = (int)MIN_OF(param(tc, 0, 1), 9999u);

    switch (c) {
    case '@': shift_row(tc, n); break;
    case 'A': move_by(tc, 0, -n); break;
    case 'B': case 'e': move_by(tc, 0, n); break;
    case 'C': case 'a': move_by(tc, n, 0); break;
    case 'D': move_by(tc, -n, 0); break;
    case 'E': tc->x = 0; move_by(tc, 0, n); break;
    case 'F': tc->x = 0; move_by(tc, 0, -n); break;
    case 'G': case '`': move_to(tc, n - 1, (int)tc->y); break;
    case 'H': case 'f': move_to(tc, (int)MIN_OF(param(tc, 1, 1), 9999u) - 1, n - 1); break;
    case 'J': erase_display(tc, tc->params[0]); break;
    case 'K': erase_line(tc, tc->params[0]); break;
    case 'L': shift_rows(tc, -n); break;
    case 'M': shift_rows(tc, n); break;
    case 'P': shift_row(tc, -n); break;
    case 'S': text_scroll(tc, tc->scroll_first, tc->scroll_last, n); break;
    case 'T': text_scroll(tc, tc->scroll_first, tc->scroll_last, -n); break;
    case 'X': text_erase(tc, tc->y, tc->x, tc->x + (unsigned)n); break;
    case 'c': answer(tc, "\033[?6c"); break;
    case 'd': move_to(tc, (int)tc->x, n - 1); break;
    case 'h': set_mode(tc, true); break;
    case 'l': set_mode(tc, false); break;
    case 'm': set_pen(tc); break;
    case 'n': report(tc); break;
    case 'r': set_region(tc); break;
    case 's': save_cursor(tc); break;
    case 'u': restore_cursor(tc); break;
    }
}

static void csi(struct text_console *tc, uint8_t c)
{
    if (c >= '0' && c <= '9') {
        if (tc->n_params < TEXT_PARAMS) {
            unsigned *p = &tc->params[tc->n_params];
            *p = MIN_OF(*p * 10 + c - '0', 99999u);
        }
    } else if (c == ';' || c == ':') {
        tc->n_params += tc->n_params < TEXT_PARAMS;
    } else if (c >= '<' && c <= '?') {
        tc->marker = (char)c;
    } else if (c >= '@' && c < 127) {
        tc->state = PARSE_TEXT;
        end_csi(tc, c);
    } else if (c < ' ') {
        control(tc, c);            /* works as if it were not inside */
    }
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* A byte of UTF-8; one that cannot be is shown as the replacement character. */
static void text_byte(struct text_console *tc, uint8_t c)
{
    if (tc->utf8_left && (c & 0xc0) == 0x80) {
        tc->utf8 = tc->utf8 << 6 | (c & 0x3f);
        if (!--tc->utf8_left) {
            put_character(tc, tc->utf8 < 0x110000 && tc->utf8 >= 0xa0 ? tc->utf8 : 0xfffd);
        }
        return;
    }
    tc->utf8_left = 0;
    if (c < ' ') {
        control(tc, c);
    } else if (c < 127) {
        put_character(tc, c);
    } else if (c >= 0xc2 && c <= 0xf4) {
        tc->utf8_left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        tc->utf8 = c & (0x3f >> tc->utf8_left);
    } else if (c > 127) {
        put_character(tc, 0xfffd);
    }
}

void text_interpret(struct text_console *tc, uint8_t c)
{
    switch (tc->state) {
    case PARSE_TEXT:
        text_byte(tc, c);
        break;
    case PARSE_ESCAPE:
        escape(tc, c);
        break;
    case PARSE_CSI:
        csi(tc, c);
        break;
    case PARSE_STRING:             /* titles and the like: up to BEL or ESC backslash */
        tc->state = c == '\a' ? PARSE_TEXT : c == 033 ? PARSE_STRING_ESCAPE : PARSE_STRING;
        break;
    case PARSE_STRING_ESCAPE:
        tc->state = PARSE_TEXT;
        if (c != '\\') {
            escape(tc, c);
        }
        break;
    case PARSE_SKIP_ONE:
        tc->state = PARSE_TEXT;
        break;
    }
}
