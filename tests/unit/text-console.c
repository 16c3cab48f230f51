/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text consoles: control sequences against the cells that they leave, keys, history, bad input. */
#include "ui/text-console.h"

#include <glib.h>
#include <stdlib.h>

#include "base/lock.h"
#include "tests/tap.h"
#include "ui/keymap.h"

#define COLUMNS 20
#define ROWS 5

static struct text_console *tc;
static GString *typed;

static void on_typed(void *opaque, const uint8_t *data, size_t size)
{
    g_string_append_len(typed, (const char *)data, (gssize)size);
}

static void put(const char *text)
{
    text_console_write(tc, (const uint8_t *)text, strlen(text));
}

/* The rows, trimmed, joined by '|', with the cursor's place behind. */
static char *screen(void)
{
    struct console_cell cells[COLUMNS * ROWS];
    GString *text = g_string_new(NULL);
    unsigned columns, rows;
    int x, y;

    console_text(console_default(), &columns, &rows, cells, COLUMNS * ROWS, &x, &y);
    for (unsigned row = 0; row < rows; row++) {
        char line[COLUMNS + 1] = "";

        for (unsigned i = 0; i < columns; i++) {
            line[i] = (char)cells[row * columns + i].character;
        }
        g_string_append_printf(text, "%s%s", row ? "|" : "", g_strchomp(line));
    }
    g_string_append_printf(text, " %d,%d", x, y);
    return g_string_free(text, FALSE);
}

static void check(const char *input, const char *want)
{
    char *got;

    put("\033c");
    put(input);
    got = screen();
    is_text(got, want, g_strescape(input, NULL));
    g_free(got);
}

static void check_colors(void)
{
    struct console_cell cells[COLUMNS * ROWS];
    unsigned columns, rows;
    int x, y;

    put("\033c\033[31mr\033[1;44mb\033[0;7mi\033[m\033[38;5;196mx\033[48;2;0;255;0my");
    console_text(console_default(), &columns, &rows, cells, COLUMNS * ROWS, &x, &y);
    is_int(cells[0].attribute, 0x04, "red");
    is_int(cells[1].attribute, 0x1c, "bright red on blue");
    is_int(cells[2].attribute, 0x70, "reverse");
    is_int(cells[3].attribute, 0x0c, "one of 256 colours");
    is_int(cells[4].attribute, 0xac, "a true colour");
}

static void check_key(uint32_t keysym, const char *want)
{
    g_string_truncate(typed, 0);
    console_key(console_default(), keysym, true);
    console_key(console_default(), keysym, false);
    is_text(typed->str, want, "key");
}

static void check_keys(void)
{
    check_key('a', "a");
    check_key(KEYSYM_RETURN, "\r");
    check_key(KEYSYM_UP, "\033[A");
    check_key(0xe9, "é");
    put("\033[?1h");
    check_key(KEYSYM_LEFT, "\033OD");
    console_key(console_default(), KEYSYM_CONTROL_L, true);
    check_key('c', "\003");
    console_key(console_default(), KEYSYM_CONTROL_L, false);
    g_string_truncate(typed, 0);
    put("\033[2;3H\033[6n");
    is_text(typed->str, "\033[2;3R", "the cursor's place is reported");
}

static void check_history(void)
{
    char *got;

    put("\033c1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7");
    console_key(console_default(), KEYSYM_SHIFT_L, true);
    console_key(console_default(), KEYSYM_UP, true);
    got = screen();
    is_text(got, "2|3|4|5|6 -1,-1", "a line back");
    g_free(got);
    console_key(console_default(), KEYSYM_PAGE_DOWN, true);
    console_key(console_default(), KEYSYM_SHIFT_L, false);
    got = screen();
    is_text(got, "3|4|5|6|7 1,4", "and down again");
    g_free(got);
}

/* Anything may come from a guest. */
static void check_rubbish(void)
{
    static const char parts[] = "\033[?;0123456789ABCDEFGHJKLMPSTXdfhlmnrsu@\r\n\t\b]P\\7 c\x07z";
    uint8_t bytes[64];

    srand(1);
    for (int i = 0; i < 200000; i++) {
        for (size_t k = 0; k < sizeof(bytes); k++) {
            bytes[k] = rand() % 4 ? (uint8_t)parts[rand() % (sizeof(parts) - 1)]
                                  : (uint8_t)rand();
        }
        text_console_write(tc, bytes, sizeof(bytes));
        if (i % 5000 == 0) {
            console_refresh(console_default());
            console_ask_size(console_default(), 160u + (unsigned)rand() % 1000,
                             64u + (unsigned)rand() % 400);
        }
    }
    ok(true, "rubbish does no harm");
}

int main(void)
{
    big_lock();
    typed = g_string_new(NULL);
    tc = text_console_create("test", COLUMNS, ROWS, on_typed, NULL);
    check("hello", "hello|||| 5,0");
    check("a\r\nb\bc\td", "a|c       d||| 9,1");
    check("12345678901234567890x", "12345678901234567890|x||| 1,1");
    check("\033[?7l12345678901234567890x", "1234567890123456789x|||| 19,0");
    check("1\r\n2\r\n3\r\n4\r\n5\r\n6", "2|3|4|5|6 1,4");
    check("\033[3;5Hx\033[Ay\033[2Dz\033[Bw", "|    zy|    xw|| 6,2");
    check("abcdef\033[4G\033[Kx", "abcx|||| 4,0");
    check("abcdef\033[3D\033[1Kx", "   xef|||| 4,0");
    check("abc\r\ndef\033[2Jx", "|   x||| 4,1");
    check("abcdef\r\033[2Px\033[2@", "x  def|||| 1,0");
    check("1\r\n2\r\n3\033[1;1H\033[L", "|1|2|3| 0,0");
    check("1\r\n2\r\n3\033[1;1H\033[2M", "3|||| 0,0");
    check("1\r\n2\r\n3\r\n4\r\n5\033[2;4r\033[4;1H\nx", "1|3|4|x|5 1,3");
    check("1\r\n2\r\n3\033[1;1H\033M", "|1|2|3| 0,0");
    check("ab\0337cd\0338X", "abXd|||| 3,0");
    check("\033]0;title\007x\033]2;y\033\\z", "xz|||| 2,0");
    check("\033(Bx\033[?25ly", "xy|||| -1,-1");
    check("\xe2\x94\x80\xc3\xa9\xff", "\xc4??|||| 3,0");
    check("\033[4hab\rX", "Xab|||| 1,0");
    check_colors();
    check_keys();
    check_history();
    check_rubbish();
    text_console_destroy(tc);
    return tap_done();
}
