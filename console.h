/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consoles: the surface that a display adapter draws into, and the way of keys and pointer motion
 * from a user interface to the keyboard and mouse devices. All calls hold the big lock.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <pixman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct console;

/* --- the adapter's side ---------------------------------------------------------------------- */

struct console_cell {
    uint8_t character;             /* code page 437 */
    uint8_t attribute;             /* VGA colours: background << 4 | foreground */
};

struct console_adapter_ops {
    /* A user interface wants the picture brought up to date: draw what changed and report it with
     * console_update(). Called at the refresh rate of the busiest interface, and not at all while
     * nobody looks. */
    void (*update)(void *opaque);
    /* The whole picture must be drawn by the next update. */
    void (*invalidate)(void *opaque);
    /* In a text mode: its size and cells (row by row, up to `room`), cursor -1 if hidden; false in
     * graphics modes. May be NULL. */
    bool (*text)(void *opaque, unsigned *columns, unsigned *rows, struct console_cell *cells,
                 size_t room, int *cursor_x, int *cursor_y);
    /* A console that has a keyboard of its own (a text console): X11 key symbols. May be NULL. */
    void (*key)(void *opaque, uint32_t keysym, bool down);
    /* An interface would like this size; false when the adapter cannot have it. May be NULL. */
    bool (*ask_size)(void *opaque, unsigned width, unsigned height);
};

/* The first console is the default of every interface; text consoles come last. `ops` must stay. */
struct console *console_create(const char *name, const struct console_adapter_ops *ops,
                               void *opaque);
void console_destroy(struct console *con);

/* A new size; the console owns the new x8r8g8b8 picture, black at first. */
void console_resize(struct console *con, unsigned width, unsigned height);
/* Shows guest memory itself: the adapter's picture of any format, which must outlive its use. The
 * console keeps a reference. */
void console_set_surface(struct console *con, pixman_image_t *image);
/* Where to draw; data, stride and format through pixman_image_get_*. Never NULL. */
pixman_image_t *console_surface(struct console *con);
/* These pixels changed; clipped to the surface. */
void console_update(struct console *con, int x, int y, int width, int height);

struct console_cursor {
    unsigned width, height;
    int hot_x, hot_y;
    const uint32_t *pixels;        /* a8r8g8b8, copied by console_set_cursor() */
};
/* A hardware cursor; NULL hides it. */
void console_set_cursor(struct console *con, const struct console_cursor *cursor);
void console_move_cursor(struct console *con, int x, int y);

/* --- the interface's side (VNC, SDL, screendump) --------------------------------------------- */

struct console_listener {
    void (*updated)(struct console_listener *listener, int x, int y, int width, int height);
    void (*resized)(struct console_listener *listener);  /* also after console_set_surface() */
    void (*cursor_set)(struct console_listener *listener, const struct console_cursor *cursor);
    void (*cursor_moved)(struct console_listener *listener, int x, int y);
    /* After each update at the interval: everything that changed was reported. */
    void (*refreshed)(struct console_listener *listener);
    struct console *con;
    unsigned interval_ms;          /* wanted time between updates; 0 = never */
    struct console_listener *next;
};
/*
 * NULL con: the default console. Callbacks may be NULL; the listener hears of the current picture.
 */
void console_listen(struct console *con, struct console_listener *listener);
void console_unlisten(struct console_listener *listener);
/* Changes the listener's interval: 0 while nobody looks. */
void console_set_interval(struct console_listener *listener, unsigned ms);
/* Asks the adapter to bring the picture up to date now. */
void console_refresh(struct console *con);
struct console *console_default(void);
struct console *console_find(unsigned index);
const char *console_name(const struct console *con);
/* The `text` of the adapter; false when it has none now. */
bool console_text(struct console *con, unsigned *columns, unsigned *rows,
                  struct console_cell *cells, size_t room, int *cursor_x, int *cursor_y);

/* Whether keys are the console's own; else they go to the guest by input_key(). */
bool console_has_keyboard(const struct console *con);
void console_key(struct console *con, uint32_t keysym, bool down);
bool console_ask_size(struct console *con, unsigned width, unsigned height);

/* --- input ----------------------------------------------------------------------------------- */

/* Keys by their place on a PC keyboard, with the names that `sendkey` takes. */
#define INPUT_KEYS(KEY)                                                                            \
    KEY(esc) KEY(1) KEY(2) KEY(3) KEY(4) KEY(5) KEY(6) KEY(7) KEY(8) KEY(9) KEY(0) KEY(minus)      \
    KEY(equal) KEY(backspace) KEY(tab) KEY(q) KEY(w) KEY(e) KEY(r) KEY(t) KEY(y) KEY(u) KEY(i)     \
    KEY(o) KEY(p) KEY(bracket_left) KEY(bracket_right) KEY(ret) KEY(ctrl) KEY(a) KEY(s) KEY(d)     \
    KEY(f) KEY(g) KEY(h) KEY(j) KEY(k) KEY(l) KEY(semicolon) KEY(apostrophe) KEY(grave_accent)     \
    KEY(shift) KEY(backslash) KEY(z) KEY(x) KEY(c) KEY(v) KEY(b) KEY(n) KEY(m) KEY(comma) KEY(dot) \
    KEY(slash) KEY(shift_r) KEY(asterisk) KEY(alt) KEY(spc) KEY(caps_lock) KEY(f1) KEY(f2) KEY(f3) \
    KEY(f4) KEY(f5) KEY(f6) KEY(f7) KEY(f8) KEY(f9) KEY(f10) KEY(num_lock) KEY(scroll_lock)        \
    KEY(kp_7) KEY(kp_8) KEY(kp_9) KEY(kp_subtract) KEY(kp_4) KEY(kp_5) KEY(kp_6) KEY(kp_add)       \
    KEY(kp_1) KEY(kp_2) KEY(kp_3) KEY(kp_0) KEY(kp_decimal) KEY(sysrq) KEY(less) KEY(f11) KEY(f12) \
    KEY(kp_enter) KEY(ctrl_r) KEY(kp_divide) KEY(print) KEY(alt_r) KEY(home) KEY(up) KEY(pgup)     \
    KEY(left) KEY(right) KEY(end) KEY(down) KEY(pgdn) KEY(insert) KEY(delete) KEY(meta_l)          \
    KEY(meta_r) KEY(menu) KEY(pause) KEY(ro) KEY(yen) KEY(henkan) KEY(muhenkan)                    \
    KEY(katakanahiragana) KEY(kp_equals) KEY(kp_comma) KEY(power) KEY(sleep) KEY(wake)             \
    KEY(volumeup) KEY(volumedown) KEY(audiomute) KEY(stop) KEY(again) KEY(props) KEY(undo)         \
    KEY(front) KEY(copy) KEY(open) KEY(paste) KEY(find) KEY(cut) KEY(lf) KEY(help)

enum input_key {
    INPUT_KEY_NONE,
#define KEY(name) INPUT_KEY_##name,
    INPUT_KEYS(KEY)
#undef KEY
    INPUT_KEY_COUNT
};

enum {
    INPUT_BUTTON_LEFT = 1, INPUT_BUTTON_MIDDLE = 2, INPUT_BUTTON_RIGHT = 4, INPUT_BUTTON_SIDE = 8,
    INPUT_BUTTON_EXTRA = 16
};
/* Absolute positions run from 0 to this over the width and height of the picture. */
#define INPUT_ABSOLUTE_MAX 0x7fff

/* A keyboard or pointing device. Callbacks may be NULL. */
struct input_handler {
    const char *name;
    bool absolute;                 /* a tablet: gets `moved_to`, not `moved` */
    void (*key)(void *opaque, enum input_key key, bool down);
    void (*moved)(void *opaque, int dx, int dy, int wheel, unsigned buttons);
    void (*moved_to)(void *opaque, int x, int y, int wheel, unsigned buttons);
    void *opaque;
    struct input_handler *next;
};
/* The newest keyboard and the newest pointer get the input. */
void input_add(struct input_handler *handler);
void input_remove(struct input_handler *handler);
/* Makes it the one that gets the input: `mouse_set`. */
void input_activate(struct input_handler *handler);
struct input_handler *input_first(void);

/* Events from an interface. Keys left down are the interface's to release. */
void input_key(enum input_key key, bool down);
/* Relative motion; `wheel` > 0 is away from the user. */
void input_pointer_move(int dx, int dy, int wheel, unsigned buttons);
/* Absolute position; becomes relative motion when the active pointer is a mouse. */
void input_pointer_set(int x, int y, int wheel, unsigned buttons);
/* Whether the active pointer takes absolute positions (no grab needed). */
bool input_pointer_absolute(void);

/* Told when the active pointer becomes absolute or relative, or another one. */
void input_on_pointer(void (*changed)(void *opaque), void *opaque);

/* "ctrl" -> INPUT_KEY_ctrl; also numbers such as 0x1d (set 1 codes, 0x80 set for extended ones). */
enum input_key input_key_from_name(const char *name);
const char *input_key_name(enum input_key key);
/* Scan code set 1; extended keys have bit 7 set; 0 when there is none. */
uint8_t input_key_to_set1(enum input_key key);
enum input_key input_key_from_set1(uint8_t code);

/* Keyboard lamps, from the keyboard device to the interfaces. */
enum { INPUT_LED_SCROLL = 1, INPUT_LED_NUM = 2, INPUT_LED_CAPS = 4 };
void input_set_leds(unsigned leds);
unsigned input_leds(void);
void input_on_leds(void (*changed)(void *opaque, unsigned leds), void *opaque);

#endif
