/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands that act as the user at the guest's keyboard, mouse and screen. */
#include <glib.h>
#include <string.h>

#include "base/clock.h"
#include "console.h"
#include "monitor/hmp.h"
#include "monitor/keys.h"
#include "ui/screendump.h"

/* --- sendkey --------------------------------------------------------------------------------- */

struct chord {
    enum input_key keys[KEYS_MAX];
    unsigned count;
    int hold_ms;
    struct chord *next;
};

static struct chord *chords;
static struct timer chord_timer;
static bool chord_down;

static void step_chord(void *opaque)
{
    struct chord *c = chords;

    if (!c) {
        return;
    }
    if (!chord_down) {
        for (unsigned i = 0; i < c->count; i++) {
            input_key(c->keys[i], true);
        }
        chord_down = true;
    } else {
        for (unsigned i = c->count; i-- > 0;) {
            input_key(c->keys[i], false);
        }
        chord_down = false;
        chords = c->next;
    }
    timer_set(&chord_timer, clock_ns(CLOCK_HOST) + c->hold_ms * NS_PER_MS);
    if (!chord_down) {
        g_free(c);
    }
}

void keys_press(const enum input_key *keys, unsigned count, int hold_ms)
{
    struct chord *chord = g_new0(struct chord, 1), **last = &chords;

    memcpy(chord->keys, keys, count * sizeof(*keys));
    chord->count = count;
    chord->hold_ms = hold_ms;
    while (*last) {
        last = &(*last)->next;
    }
    *last = chord;
    if (!chord_timer.callback) {
        timer_init(&chord_timer, CLOCK_HOST, step_chord, NULL);
    }
    if (!timer_pending(&chord_timer)) {
        step_chord(NULL);
    }
}

void hmp_sendkey(struct monitor *mon, struct hmp_args *args)
{
    char **names = g_strsplit(hmp_text(args, "keys"), "-", -1);
    int hold_ms = hmp_given(args, "hold-time") ? hmp_number(args, "hold-time") : KEYS_HOLD_MS;
    enum input_key keys[KEYS_MAX];
    unsigned count = 0;
    bool good = *names != NULL;

    for (char **name = names; good && *name; name++) {
        enum input_key key = input_key_from_name(*name);

        good = key != INPUT_KEY_NONE && count < KEYS_MAX;
        if (good) {
            keys[count++] = key;
        } else {
            fprintf(mon->out, count == KEYS_MAX ? "too many keys\n" : "invalid parameter: %s\n",
                    *name);
        }
    }
    g_strfreev(names);
    if (good && hold_ms >= 0) {
        keys_press(keys, count, hold_ms);
    }
}

void hmp_complete_keys(struct monitor *mon, struct readline *rl, const char *word)
{
    const char *dash = strrchr(word, '-'), *last = dash ? dash + 1 : word;

    for (int key = 1; key < INPUT_KEY_COUNT; key++) {
        if (g_str_has_prefix(input_key_name(key), last)) {
            char *full = g_strdup_printf("%.*s%s", (int)(last - word), word, input_key_name(key));

            readline_add_completion(rl, full, true);
            g_free(full);
        }
    }
}

/* --- mouse ----------------------------------------------------------------------------------- */

static unsigned buttons;

void hmp_mouse_move(struct monitor *mon, struct hmp_args *args)
{
    input_pointer_move(hmp_number(args, "dx"), hmp_number(args, "dy"), -hmp_number(args, "dz"),
                       buttons);
}

/* The command's 2 is the middle and 4 the right button. */
void hmp_mouse_button(struct monitor *mon, struct hmp_args *args)
{
    buttons = hmp_number(args, "state") &
        (INPUT_BUTTON_LEFT | INPUT_BUTTON_MIDDLE | INPUT_BUTTON_RIGHT);
    input_pointer_move(0, 0, 0, buttons);
}

static bool is_mouse(const struct input_handler *h)
{
    return h->moved || h->moved_to;
}

void hmp_mouse_set(struct monitor *mon, struct hmp_args *args)
{
    int64_t left = hmp_number(args, "index");

    for (struct input_handler *h = input_first(); h; h = h->next) {
        if (is_mouse(h) && left-- == 0) {
            input_activate(h);
            return;
        }
    }
    fprintf(mon->out, "Error: Mouse at given index not found\n");
}

void hmp_info_mice(struct monitor *mon, struct hmp_args *args)
{
    int index = 0;

    for (struct input_handler *h = input_first(); h; h = h->next) {
        if (is_mouse(h)) {
            fprintf(mon->out, "%c Mouse #%d: %s%s\n", index ? ' ' : '*', index, h->name,
                    h->absolute ? " (absolute)" : "");
            index++;
        }
    }
    if (!index) {
        fprintf(mon->out, "No mouse devices connected\n");
    }
}

/* --- screen ---------------------------------------------------------------------------------- */

void hmp_screendump(struct monitor *mon, struct hmp_args *args)
{
    struct console *con = console_find(hmp_number(args, "head"));
    struct error *err = NULL;

    if (!con) {
        error_set(&err, "There is no console to take a screendump from");
    } else {
        screendump_write(con, hmp_text(args, "filename"),
                         hmp_given(args, "png") ? "png" : "ppm", &err);
    }
    hmp_report(mon, err);
}
