/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which windows, terminals and servers show the consoles: -display, -vnc and their relatives. */
#ifndef UI_DISPLAY_H
#define UI_DISPLAY_H

#include <stdbool.h>

#include "base/error.h"

enum display_kind { DISPLAY_DEFAULT, DISPLAY_NONE, DISPLAY_SDL, DISPLAY_CURSES, DISPLAY_VNC };

/* "sdl[,full-screen=on|off]...", "curses", "none", "vnc=address..."; "help" prints and exits. */
bool display_set(const char *option, struct error **err);
/* -vnc; "none" is none. */
void display_add_vnc(const char *option);
/* One of the classic options without argument: "sdl", "curses", "full-screen", ... */
void display_set_switch(const char *name);
/* What it will be; DISPLAY_DEFAULT is decided now: a window where there is a screen. */
enum display_kind display_decide(bool nographic);
/* Whether the user chose nothing, so that VNC on this host was taken in place of a window. */
bool display_is_fallback(void);
/* Opens them all; the machine is there, but does not run yet. */
bool display_open(struct error **err);
/* At exit: gives screen and terminal back. */
void display_close(void);

#endif
