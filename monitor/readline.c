/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line editing: emacs and cursor keys on a terminal that understands three escape sequences. */
#include "monitor/readline.h"

#include <ctype.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"

#define HISTORY 64
#define LINE_MAX_LENGTH 4095

enum escape { ESCAPE_NONE, ESCAPE_ESC, ESCAPE_CSI };

struct readline {
    const struct readline_ops *ops;
    void *opaque;
    const char *prompt;
    const char *secret;                 /* the prompt of a line that must not be seen */
    GString *line;
    size_t cursor;
    enum escape escape;
    unsigned escape_number;
    char *history[HISTORY];
    size_t history_count, history_at;   /* at == count: the new line */
    char *kept;                         /* the new line while an old one is shown */
    GPtrArray *words;                   /* completions */
    bool word_partial;
    uint8_t last;
};

struct readline *readline_create(const struct readline_ops *ops, void *opaque, const char *prompt)
{
    struct readline *rl = g_new0(struct readline, 1);

    rl->ops = ops;
    rl->opaque = opaque;
    rl->prompt = prompt;
    rl->line = g_string_new(NULL);
    return rl;
}

void readline_free(struct readline *rl)
{
    for (size_t i = 0; i < rl->history_count; i++) {
        g_free(rl->history[i]);
    }
    g_free(rl->kept);
    g_string_free(rl->line, TRUE);
    g_free(rl);
}

/* --- showing --------------------------------------------------------------------------------- */

static void put(struct readline *rl, const char *text)
{
    rl->ops->write(rl->opaque, text, strlen(text));
}

static void put_count(struct readline *rl, size_t count, char final)
{
    char text[32];

    if (count) {
        g_snprintf(text, sizeof(text), "\033[%zu%c", count, final);
        put(rl, text);
    }
}

void readline_ask_secret(struct readline *rl, const char *prompt)
{
    rl->secret = prompt;
}

void readline_show(struct readline *rl)
{
    if (rl->secret) {
        put(rl, rl->secret);
        return;
    }
    put(rl, rl->prompt);
    put(rl, rl->line->str);
    put_count(rl, rl->line->len - rl->cursor, 'D');
}

/* Draws the line anew after a change anywhere in it. */
static void redraw(struct readline *rl)
{
    if (rl->secret) {
        return;
    }
    put(rl, "\r");
    put(rl, rl->prompt);
    put(rl, rl->line->str);
    put(rl, "\033[K");
    put_count(rl, rl->line->len - rl->cursor, 'D');
}

/* --- editing --------------------------------------------------------------------------------- */

static void insert(struct readline *rl, const char *text)
{
    size_t length = strlen(text);

    if (rl->line->len + length > LINE_MAX_LENGTH) {
        return;
    }
    g_string_insert(rl->line, rl->cursor, text);
    rl->cursor += length;
    /* Plain typing echoes plainly, for scripts and logs. */
    if (rl->secret) {
        return;
    } else if (rl->cursor == rl->line->len) {
        put(rl, text);
    } else {
        redraw(rl);
    }
}

static void erase(struct readline *rl, size_t from, size_t to)
{
    if (from < to) {
        g_string_erase(rl->line, from, to - from);
        rl->cursor = from;
        redraw(rl);
    }
}

static void move_to(struct readline *rl, size_t to)
{
    if (to < rl->cursor) {
        put_count(rl, rl->cursor - to, 'D');
    } else {
        put_count(rl, to - rl->cursor, 'C');
    }
    rl->cursor = to;
}

static size_t word_left(const struct readline *rl)
{
    size_t at = rl->cursor;

    while (at && isspace((unsigned char)rl->line->str[at - 1])) {
        at--;
    }
    while (at && !isspace((unsigned char)rl->line->str[at - 1])) {
        at--;
    }
    return at;
}

static size_t word_right(const struct readline *rl)
{
    size_t at = rl->cursor;

    while (at < rl->line->len && isspace((unsigned char)rl->line->str[at])) {
        at++;
    }
    while (at < rl->line->len && !isspace((unsigned char)rl->line->str[at])) {
        at++;
    }
    return at;
}

static void set_line(struct readline *rl, const char *text)
{
    g_string_assign(rl->line, text);
    rl->cursor = rl->line->len;
    redraw(rl);
}

/* --- history --------------------------------------------------------------------------------- */

static void remember(struct readline *rl)
{
    const char *text = rl->line->str;

    for (size_t i = 0; i < rl->history_count; i++) {
        if (strcmp(rl->history[i], text) == 0) {
            char *found = rl->history[i];

            memmove(&rl->history[i], &rl->history[i + 1],
                    (rl->history_count - i - 1) * sizeof(char *));
            rl->history[rl->history_count - 1] = found;
            return;
        }
    }
    if (rl->history_count == HISTORY) {
        g_free(rl->history[0]);
        memmove(&rl->history[0], &rl->history[1], (HISTORY - 1) * sizeof(char *));
        rl->history_count--;
    }
    rl->history[rl->history_count++] = g_strdup(text);
}

const char *readline_history(const struct readline *rl, size_t n)
{
    return n < rl->history_count ? rl->history[n] : NULL;
}

static void step_history(struct readline *rl, int step)
{
    if (rl->secret || (step < 0 && rl->history_at == 0) ||
        (step > 0 && rl->history_at == rl->history_count)) {
        return;
    }
    if (rl->history_at == rl->history_count) {
        g_free(rl->kept);
        rl->kept = g_strdup(rl->line->str);
    }
    rl->history_at += step;
    set_line(rl, rl->history_at == rl->history_count ? rl->kept : rl->history[rl->history_at]);
}

/* --- completion ------------------------------------------------------------------------------ */

const char *readline_last_word(const char *text)
{
    const char *space = strrchr(text, ' ');

    return space ? space + 1 : text;
}

void readline_add_completion(struct readline *rl, const char *word, bool partial)
{
    g_ptr_array_add(rl->words, g_strdup(word));
    rl->word_partial = partial;
}

static int compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_words(struct readline *rl)
{
    size_t widest = 0, column = 0;

    for (unsigned i = 0; i < rl->words->len; i++) {
        widest = MAX_OF(widest, strlen(g_ptr_array_index(rl->words, i)) + 2);
    }
    put(rl, "\r\n");
    for (unsigned i = 0; i < rl->words->len; i++) {
        char *cell = g_strdup_printf("%-*s", (int)widest, (char *)g_ptr_array_index(rl->words, i));

        put(rl, cell);
        g_free(cell);
        column += widest;
        if (column + widest > 80 || i + 1 == rl->words->len) {
            put(rl, "\r\n");
            column = 0;
        }
    }
    readline_show(rl);
}

static void complete(struct readline *rl)
{
    char *head = g_strndup(rl->line->str, rl->cursor);
    const char *first;
    size_t typed = strlen(readline_last_word(head)), common;

    if (rl->secret) {
        g_free(head);
        return;
    }
    rl->words = g_ptr_array_new_with_free_func(g_free);
    if (rl->ops->complete) {
        rl->ops->complete(rl->opaque, rl, head);
    }
    g_ptr_array_sort(rl->words, compare_words);
    if (rl->words->len) {
        first = g_ptr_array_index(rl->words, 0);
        common = strlen(first);
        for (unsigned i = 1; i < rl->words->len; i++) {
            const char *other = g_ptr_array_index(rl->words, i);
            size_t same = 0;

            while (same < common && other[same] == first[same]) {
                same++;
            }
            common = same;
        }
        if (common > typed) {
            char *more = g_strndup(first + typed, common - typed);

            insert(rl, more);
            g_free(more);
        } else if (rl->words->len > 1) {
            list_words(rl);
        }
        if (rl->words->len == 1 && !rl->word_partial) {
            insert(rl, " ");
        }
    }
    g_ptr_array_free(rl->words, TRUE);
    rl->words = NULL;
    g_free(head);
}

/* --- keys ------------------------------------------------------------------------------------ */

static void enter(struct readline *rl)
{
    char *text;

    put(rl, "\r\n");
    if (rl->line->len && !rl->secret) {
        remember(rl);
    }
    rl->secret = NULL;
    rl->history_at = rl->history_count;
    text = g_strdup(rl->line->str);
    g_string_truncate(rl->line, 0);
    rl->cursor = 0;
    rl->ops->line(rl->opaque, text);
    g_free(text);
}

static void left(struct readline *rl)
{
    move_to(rl, rl->cursor ? rl->cursor - 1 : 0);
}

static void right(struct readline *rl)
{
    move_to(rl, MIN_OF(rl->cursor + 1, rl->line->len));
}

static void delete_here(struct readline *rl)
{
    erase(rl, rl->cursor, MIN_OF(rl->cursor + 1, rl->line->len));
}

static void cursor_key(struct readline *rl, char final)
{
    switch (final) {
    case 'A': step_history(rl, -1); break;
    case 'B': step_history(rl, 1); break;
    case 'C': right(rl); break;
    case 'D': left(rl); break;
    case 'H': move_to(rl, 0); break;
    case 'F': move_to(rl, rl->line->len); break;
    case '~':
        if (rl->escape_number == 1 || rl->escape_number == 7) {
            move_to(rl, 0);
        } else if (rl->escape_number == 4 || rl->escape_number == 8) {
            move_to(rl, rl->line->len);
        } else if (rl->escape_number == 3) {
            delete_here(rl);
        }
        break;
    }
}

static void escape_key(struct readline *rl, uint8_t byte)
{
    if (rl->escape == ESCAPE_CSI) {
        if (isdigit(byte)) {
            rl->escape_number = (rl->escape_number * 10 + byte - '0') % 1000;
        } else if (byte != ';') {
            rl->escape = ESCAPE_NONE;
            cursor_key(rl, byte);
        }
        return;
    }
    rl->escape = ESCAPE_NONE;
    switch (byte) {
    case '[':
    case 'O':
        rl->escape = ESCAPE_CSI;
        rl->escape_number = 0;
        break;
    case 'b': move_to(rl, word_left(rl)); break;
    case 'f': move_to(rl, word_right(rl)); break;
    case 'd': erase(rl, rl->cursor, word_right(rl)); break;
    }
}

static void control_key(struct readline *rl, uint8_t byte)
{
    switch (byte) {
    case 'A' - '@': move_to(rl, 0); break;
    case 'B' - '@': left(rl); break;
    case 'C' - '@': erase(rl, 0, rl->line->len); break;
    case 'D' - '@': delete_here(rl); break;
    case 'E' - '@': move_to(rl, rl->line->len); break;
    case 'F' - '@': right(rl); break;
    case '\t': complete(rl); break;
    case '\n':
        if (rl->last == '\r') {
            break;              /* of a terminal that ends lines with both */
        }
        /* fall through */
    case '\r': enter(rl); break;
    case 'K' - '@':
        g_string_truncate(rl->line, rl->cursor);
        redraw(rl);
        break;
    case 'L' - '@':
        put(rl, "\033[H\033[2J");
        readline_show(rl);
        break;
    case 'N' - '@': step_history(rl, 1); break;
    case 'P' - '@': step_history(rl, -1); break;
    case 'U' - '@': erase(rl, 0, rl->cursor); break;
    case 'W' - '@': erase(rl, word_left(rl), rl->cursor); break;
    case 033: rl->escape = ESCAPE_ESC; break;
    case '\b':
    case 0177: erase(rl, rl->cursor ? rl->cursor - 1 : 0, rl->cursor); break;
    }
}

void readline_input(struct readline *rl, uint8_t byte)
{
    if (rl->escape != ESCAPE_NONE) {
        escape_key(rl, byte);
    } else if (byte < ' ' || byte == 0177) {
        control_key(rl, byte);
    } else {
        insert(rl, (const char[]){ byte, '\0' });
    }
    rl->last = byte;
}
