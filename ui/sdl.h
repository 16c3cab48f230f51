/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window by SDL 2, whose library is loaded only when one is wanted. */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <stdbool.h>

#include "base/error.h"

struct sdl_options {
    bool full_screen, show_cursor, no_frame, no_quit, alt_grab, ctrl_grab;
    bool window_close;             /* closing the window quits */
};

bool sdl_available(void);
bool sdl_open(const struct sdl_options *options, struct error **err);
void sdl_close(void);
/* The window's close button. */
void sdl_on_quit(void (*quit)(void));

#endif
