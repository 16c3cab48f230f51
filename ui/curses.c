/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text modes of the consoles on the terminal: cells as characters, keys as typed. */
#include "ui/curses.h"

#ifdef CONFIG_CURSES
#include <curses.h>
#include <glib.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/main-loop.h"
#include "console.h"
#include "ui/keymap.h"

#define CELLS_MAX (256 * 128)
#define INTERVAL_MS 50

static struct {
    bool open;
    struct console_listener listener;
    struct main_loop_watch *watch;
    struct console_cell *cells;
    bool escaped;                  /* the last key was Esc: Alt with the next one */
} screen;

/* --- the picture ----------------------------------------------------------------------------- */

/* Code page 437 outside of ASCII. */
static const uint16_t low[32] = {
    ' ', 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642,
    0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac,
    0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const uint16_t high[128] = {
    0xc7, 0xfc, 0xe9, 0xe2, 0xe4, 0xe0, 0xe5, 0xe7, 0xea, 0xeb, 0xe8, 0xef, 0xee, 0xec, 0xc4, 0xc5,
    0xc9, 0xe6, 0xc6, 0xf4, 0xf6, 0xf2, 0xfb, 0xf9, 0xff, 0xd6, 0xdc, 0xa2, 0xa3, 0xa5, 0x20a7,
    0x192, 0xe1, 0xed, 0xf3, 0xfa, 0xf1, 0xd1, 0xaa, 0xba, 0xbf, 0x2310, 0xac, 0xbd, 0xbc, 0xa1,
    0xab, 0xbb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563,
    0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500,
    0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
    0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
    0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x3b1, 0xdf, 0x393, 0x3c0, 0x3a3, 0x3c3, 0xb5, 0x3c4,
    0x3a6, 0x398, 0x3a9, 0x3b4, 0x221e, 0x3c6, 0x3b5, 0x2229, 0x2261, 0xb1, 0x2265, 0x2264,
    0x2320, 0x2321, 0xf7, 0x2248, 0xb0, 0x2219, 0xb7, 0x221a, 0x207f, 0xb2, 0x25a0, 0xa0,
};

static wchar_t character(uint8_t c)
{
    return c < 32 ? low[c] : c == 127 ? 0x2302 : c > 127 ? high[c - 128] : c;
}

/* A VGA counts blue as 1 and red as 4, a terminal the other way round. */
static int terminal_color(unsigned vga)
{
    return (int)((vga & 1) << 2 | (vga & 2) | (vga & 4) >> 2);
}

static void draw_cell(int y, int x, const struct console_cell *cell)
{
    wchar_t text[2] = { character(cell->character) };
    unsigned front = cell->attribute & 15, back = cell->attribute >> 4 & 7;
    cchar_t c;

    setcchar(&c, text, front & 8 ? A_BOLD : A_NORMAL, (short)(1 + (front & 7) + 8 * back), NULL);
    mvadd_wch(y, x, &c);
}

static void draw_graphics(void)
{
    pixman_image_t *image = console_surface(screen.listener.con);
    char text[64];

    g_snprintf(text, sizeof(text), "%d x %d Graphics mode", pixman_image_get_width(image),
               pixman_image_get_height(image));
    erase();
    attrset(A_NORMAL);
    mvaddstr(LINES / 2, MAX(0, (COLS - (int)strlen(text)) / 2), text);
    curs_set(0);
    refresh();
}

static void on_refreshed(struct console_listener *listener)
{
    unsigned columns, rows;
    int cursor_x, cursor_y;

    if (!console_text(listener->con, &columns, &rows, screen.cells, CELLS_MAX, &cursor_x,
                      &cursor_y) || (size_t)columns * rows > CELLS_MAX) {
        draw_graphics();
        return;
    }
    for (int y = 0; y < (int)rows && y < LINES; y++) {
        for (int x = 0; x < (int)columns && x < COLS; x++) {
            draw_cell(y, x, &screen.cells[y * (int)columns + x]);
        }
    }
    if (cursor_x >= 0 && cursor_x < COLS && cursor_y < LINES) {
        curs_set(1);
        move(cursor_y, cursor_x);
    } else {
        curs_set(0);
    }
    refresh();
}

/* --- keys ------------------------------------------------------------------------------------ */

static void tap(enum input_key key, int modifiers, bool control, bool alt)
{
    enum input_key held[4];
    unsigned count = 0;

    if (modifiers > 0 && modifiers & KEYMAP_SHIFT) {
        held[count++] = INPUT_KEY_shift;
    }
    if (modifiers > 0 && modifiers & KEYMAP_ALTGR) {
        held[count++] = INPUT_KEY_alt_r;
    }
    if (control) {
        held[count++] = INPUT_KEY_ctrl;
    }
    if (alt) {
        held[count++] = INPUT_KEY_alt;
    }
    for (unsigned i = 0; i < count; i++) {
        input_key(held[i], true);
    }
    input_key(key, true);
    input_key(key, false);
    while (count) {
        input_key(held[--count], false);
    }
}

static void send_keysym(uint32_t keysym, bool control, bool alt)
{
    struct console *con = screen.listener.con;
    int modifiers;
    enum input_key key;

    if (console_has_keyboard(con)) {
        if (control) {
            console_key(con, KEYSYM_CONTROL_L, true);
        }
        console_key(con, keysym, true);
        console_key(con, keysym, false);
        if (control) {
            console_key(con, KEYSYM_CONTROL_L, false);
        }
        return;
    }
    key = keymap_find(keysym, &modifiers);
    if (key != INPUT_KEY_NONE) {
        tap(key, modifiers, control, alt);
    }
}

static uint32_t function_keysym(int code)
{
    static const struct { int code; uint32_t keysym; } keys[] = {
        { KEY_UP, KEYSYM_UP }, { KEY_DOWN, KEYSYM_DOWN }, { KEY_LEFT, KEYSYM_LEFT },
        { KEY_RIGHT, KEYSYM_RIGHT }, { KEY_HOME, KEYSYM_HOME }, { KEY_END, KEYSYM_END },
        { KEY_PPAGE, KEYSYM_PAGE_UP }, { KEY_NPAGE, KEYSYM_PAGE_DOWN },
        { KEY_IC, KEYSYM_INSERT }, { KEY_DC, KEYSYM_DELETE }, { KEY_BACKSPACE, KEYSYM_BACKSPACE },
        { KEY_ENTER, KEYSYM_RETURN }, { KEY_BTAB, KEYSYM_TAB },
    };

    if (code >= KEY_F(1) && code <= KEY_F(12)) {
        return KEYSYM_F1 + (uint32_t)(code - KEY_F(1));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].code == code) {
            return keys[i].keysym;
        }
    }
    return 0;
}

static void show(unsigned index)
{
    struct console *con = console_find(index);

    if (con && con != screen.listener.con) {
        console_unlisten(&screen.listener);
        erase();
        console_listen(con, &screen.listener);
    }
}

static void type_character(wint_t c, bool alt)
{
    switch (c) {
    case '\r': case '\n': send_keysym(KEYSYM_RETURN, false, alt); break;
    case '\t': send_keysym(KEYSYM_TAB, false, alt); break;
    case '\b': case 127: send_keysym(KEYSYM_BACKSPACE, false, alt); break;
    case 033: send_keysym(KEYSYM_ESCAPE, false, alt); break;
    case 0: send_keysym(' ', true, alt); break;
    default:
        if (c < 32) {
            send_keysym(c < 27 ? c + 'a' - 1 : c + '@', true, alt);
        } else {
            send_keysym(keymap_from_unicode(c), false, alt);
        }
        break;
    }
}

/* Alt comes as Esc before a key. Alt-1 to Alt-9 choose the console. */
static void take_key(int kind, wint_t c)
{
    bool alt = screen.escaped;

    screen.escaped = false;
    if (kind == KEY_CODE_YES && c == KEY_RESIZE) {
        erase();
    } else if (kind == KEY_CODE_YES) {
        uint32_t keysym = function_keysym((int)c);

        if (keysym) {
            send_keysym(keysym, false, alt);
        }
    } else if (c == 033 && !alt) {
        screen.escaped = true;
    } else if (alt && c >= '1' && c <= '9') {
        show(c - '1');
    } else {
        type_character(c, alt);
    }
}

static void on_input(void *opaque, int ready)
{
    wint_t c;
    int kind;

    while ((kind = get_wch(&c)) != ERR) {
        take_key(kind, c);
    }
    if (screen.escaped) {
        /* Nothing followed: it was the key itself. */
        screen.escaped = false;
        send_keysym(KEYSYM_ESCAPE, false, false);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

bool curses_available(void)
{
    return true;
}

static void set_colors(void)
{
    start_color();
    for (unsigned back = 0; back < 8; back++) {
        for (unsigned front = 0; front < 8; front++) {
            init_pair((short)(1 + front + 8 * back), (short)terminal_color(front),
                      (short)terminal_color(back));
        }
    }
}

bool curses_open(struct error **err)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        error_set(err, "-display curses: needs a terminal for standard input and output");
        return false;
    }
    if (!console_default()) {
        error_set(err, "-display curses: the machine has nothing to show");
        return false;
    }
    setlocale(LC_CTYPE, "");
    if (!newterm(NULL, stdout, stdin)) {
        error_set(err, "-display curses: the terminal '%s' is not known (TERM)",
                  getenv("TERM") ? getenv("TERM") : "");
        return false;
    }
    screen.open = true;
    atexit(curses_close);
    raw();
    noecho();
    nonl();
    set_escdelay(25);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_colors();
    screen.cells = g_new0(struct console_cell, CELLS_MAX);
    screen.listener = (struct console_listener){ .refreshed = on_refreshed,
                                                 .interval_ms = INTERVAL_MS };
    screen.watch = main_loop_watch_fd(STDIN_FILENO, WATCH_READ, on_input, NULL);
    console_listen(NULL, &screen.listener);
    return true;
}

void curses_close(void)
{
    if (screen.open) {
        screen.open = false;
        main_loop_unwatch(screen.watch);
        endwin();
    }
}

#else

bool curses_available(void)
{
    return false;
}

bool curses_open(struct error **err)
{
    error_set(err, "-display curses: this build has no curses (Debian: apt-get install "
              "libncurses-dev, then build again)");
    return false;
}

void curses_close(void)
{
}
#endif
