/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing: keys in, lines and a screen out. */
#include "monitor/readline.h"

#include <glib.h>
#include <string.h>

#include "tests/tap.h"

static GString *screen, *last_line;

static void on_write(void *opaque, const char *text, size_t size)
{
    g_string_append_len(screen, text, size);
}

static void on_line(void *opaque, const char *text)
{
    g_string_assign(last_line, text);
}

static void on_complete(void *opaque, struct readline *rl, const char *text)
{
    static const char *const words[] = { "info", "install", "quit" };

    for (int i = 0; i < 3; i++) {
        if (g_str_has_prefix(words[i], readline_last_word(text))) {
            readline_add_completion(rl, words[i], false);
        }
    }
}

static const struct readline_ops ops = {
    .write = on_write, .line = on_line, .complete = on_complete
};

static struct readline *rl;

static const char *type(const char *keys)
{
    g_string_truncate(screen, 0);
    g_string_truncate(last_line, 0);
    for (const char *p = keys; *p; p++) {
        readline_input(rl, *p);
    }
    return last_line->str;
}

static const struct {
    const char *keys, *line, *name;
} edits[] = {
    { "hello\r", "hello", "plain typing" },
    { "hellp\177o\r", "hello", "backspace" },
    { "ello\001h\r", "hello", "C-a goes to the start" },
    { "hllo\001\006e\005!\r", "hello!", "C-f and C-e" },
    { "helllo\002\002\004\r", "hello", "C-b and C-d delete under the cursor" },
    { "hello world\027\r", "hello ", "C-w erases a word" },
    { "hello world\001\006\006\013\r", "he", "C-k erases to the end" },
    { "junk\025hello\r", "hello", "C-u erases to the start" },
    { "hlo\033[D\033[Del\033[C\033[C\r", "hello", "cursor keys" },
    { "ello\033[Hh\033[F!\r", "hello!", "home and end" },
    { "xhello\033[1~\033[3~\r", "hello", "numbered home and delete" },
    { "one two\033b\033d2\r", "one 2", "M-b and M-d" },
    { "\020\r", "one 2", "C-p brings the last line back" },
    { "\033[A\033[A\r", "hello", "cursor up twice" },
    { "new\033[A\033[B\r", "new", "cursor down returns to the new line" },
    { "q\t\r", "quit ", "tab completes a single word" },
    { "in\tf\t\r", "info ", "tab completes as far as words agree" },
    { "\006\002\033[D\033[C\004\177\r", "", "keys at the ends of an empty line" },
};

int main(void)
{
    screen = g_string_new(NULL);
    last_line = g_string_new(NULL);
    rl = readline_create(&ops, NULL, "> ");
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        is_text(type(edits[i].keys), edits[i].line, edits[i].name);
    }
    type("abc");
    is_text(screen->str, "abc", "typing at the end echoes plainly");
    type("\001x");
    is_text(screen->str, "\033[3D\r> xabc\033[K\033[3D", "inserting draws the line anew");
    type("\025\013");
    type("in\t");
    ok(strstr(screen->str, "info") && strstr(screen->str, "install"), "a second tab lists words");
    type("\025");
    for (int i = 0; i < 5000; i++) {
        readline_input(rl, 'x');
    }
    ok(strlen(type("\r")) == 4095, "a line has a largest length");
    for (int i = 0; i < 100; i++) {
        char text[16];

        g_snprintf(text, sizeof(text), "line%d\r", i);
        type(text);
    }
    is_text(readline_history(rl, 63), "line99", "the history keeps the newest lines");
    ok(!readline_history(rl, 64), "and only so many");
    readline_free(rl);
    return tap_done();
}
