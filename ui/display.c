/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which windows, terminals and servers show the consoles: -display, -vnc and their relatives. */
#include "ui/display.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyval.h"
#include "console.h"
#include "ui/curses.h"
#include "ui/sdl.h"
#include "ui/text-console.h"
#include "ui/vnc/vnc.h"

static struct {
    enum display_kind kind;
    bool decided, fallback;
    GPtrArray *vnc;
    struct sdl_options sdl;
} display = { .sdl = { .window_close = true } };

static const struct { const char *name; enum display_kind kind; } kinds[] = {
    { "none", DISPLAY_NONE }, { "sdl", DISPLAY_SDL }, { "curses", DISPLAY_CURSES },
};

/* Displays of others that this emulator does not have. */
static const char *const unavailable[] = { "gtk", "egl-headless", "spice-app", "dbus", "cocoa" };

static void print_help(void)
{
    printf("Available display backend types:\nnone\n%s%svnc\n", sdl_available() ? "sdl\n" : "",
           curses_available() ? "curses\n" : "");
    exit(0);
}

static bool set_kind(const char *name, struct error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            display.kind = kinds[i].kind;
            return true;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(unavailable); i++) {
        if (strcmp(unavailable[i], name) == 0) {
            error_set(err, "-display %s: this display is not available; there are sdl, curses, "
                      "vnc=address and none", name);
            return false;
        }
    }
    error_set(err, "-display %s: unknown display; there are sdl, curses, vnc=address and none",
              name);
    return false;
}

bool display_set(const char *option, struct error **err)
{
    bool *alt_grab = &display.sdl.alt_grab, *ctrl_grab = &display.sdl.ctrl_grab;
    struct keyval *kv;
    bool good;

    if (strcmp(option, "help") == 0 || strcmp(option, "?") == 0) {
        print_help();
    }
    if (g_str_has_prefix(option, "vnc=")) {
        display_add_vnc(option + 4);
        display.kind = DISPLAY_VNC;
        return true;
    }
    kv = keyval_parse("-display", option, "type", err);
    if (!kv) {
        return false;
    }
    keyval_string(kv, "charset", NULL);
    keyval_string(kv, "grab-mod", NULL);
    keyval_string(kv, "gl", NULL);
    good = keyval_bool(kv, "full-screen", &display.sdl.full_screen, err) &&
        keyval_bool(kv, "show-cursor", &display.sdl.show_cursor, err) &&
        keyval_bool(kv, "alt_grab", alt_grab, err) &&
        keyval_bool(kv, "ctrl_grab", ctrl_grab, err) &&
        keyval_bool(kv, "window-close", &display.sdl.window_close, err) &&
        keyval_bool(kv, "window_close", &display.sdl.window_close, err) &&
        set_kind(keyval_string(kv, "type", ""), err) && keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

void display_add_vnc(const char *option)
{
    if (!display.vnc) {
        display.vnc = g_ptr_array_new();
    }
    g_ptr_array_add(display.vnc, g_strdup(option));
}

void display_set_switch(const char *name)
{
    if (strcmp(name, "sdl") == 0) {
        display.kind = DISPLAY_SDL;
    } else if (strcmp(name, "curses") == 0) {
        display.kind = DISPLAY_CURSES;
    } else if (strcmp(name, "full-screen") == 0) {
        display.sdl.full_screen = true;
    } else if (strcmp(name, "show-cursor") == 0) {
        display.sdl.show_cursor = true;
    } else if (strcmp(name, "no-frame") == 0) {
        display.sdl.no_frame = true;
    } else if (strcmp(name, "alt-grab") == 0) {
        display.sdl.alt_grab = true;
    } else if (strcmp(name, "ctrl-grab") == 0) {
        display.sdl.ctrl_grab = true;
    } else if (strcmp(name, "no-quit") == 0) {
        display.sdl.no_quit = true;
    }
}

static bool has_screen(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

    return sdl_available() && ((x && *x) || (wayland && *wayland));
}

enum display_kind display_decide(bool nographic)
{
    if (display.decided) {
        return display.kind;
    }
    display.decided = true;
    if (nographic) {
        /* An explicit -vnc shows the picture all the same. */
        display.kind = DISPLAY_NONE;
    } else if (display.kind == DISPLAY_DEFAULT && display.vnc) {
        display.kind = DISPLAY_VNC;
    } else if (display.kind == DISPLAY_DEFAULT) {
        display.fallback = !has_screen();
        display.kind = display.fallback ? DISPLAY_VNC : DISPLAY_SDL;
    }
    return display.kind;
}

bool display_is_fallback(void)
{
    return display.fallback;
}

/* A machine without a screen: VNC on this host alone, on the first display that is free. */
static bool open_fallback(void)
{
    struct error *err = NULL;
    char *address;

    if (!console_default()) {
        return true;
    }
    if (!vnc_open("127.0.0.1:0,to=99", &err)) {
        error_warn("there is no screen, and no VNC server either: %s", error_text(err));
        error_free(err);
        return true;
    }
    address = vnc_address();
    fprintf(stderr, "VNC server running on %s\n", address);
    g_free(address);
    return true;
}

bool display_open(struct error **err)
{
    if (display.vnc && !console_default()) {
        text_console_placeholder("This machine has no display device.");
    }
    for (guint i = 0; display.vnc && i < display.vnc->len; i++) {
        if (!vnc_open(g_ptr_array_index(display.vnc, i), err)) {
            return false;
        }
    }
    if (display.fallback) {
        return open_fallback();
    }
    switch (display.kind) {
    case DISPLAY_SDL:
        return sdl_open(&display.sdl, err);
    case DISPLAY_CURSES:
        return curses_open(err);
    default:
        return true;
    }
}

void display_close(void)
{
    vnc_close_all();
    sdl_close();
    curses_close();
}
