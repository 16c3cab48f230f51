/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SDL's scan codes, which are usage numbers of USB's keyboard page, as keys and symbols. */
#ifndef UI_SDL_KEYS_H
#define UI_SDL_KEYS_H

#include "console.h"

enum input_key sdl_key(unsigned scancode);
/* The symbol of a key that makes no text; 0 for those that do. */
uint32_t sdl_keysym(unsigned scancode);

#endif
