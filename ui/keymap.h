/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key symbols of X11, which remote and terminal users send, to places on the guest's keyboard. */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include "console.h"

/* -k; NULL lists nothing. Fails with the names that there are. */
bool keymap_set(const char *name, struct error **err);
/* "help" */
void keymap_print_help(void);

enum { KEYMAP_SHIFT = 1, KEYMAP_ALTGR = 2 };
/* The key, and in *modifiers those that the symbol needs; -1 for keys that do not care. NONE when
 * the layout does not have it. */
enum input_key keymap_find(uint32_t keysym, int *modifiers);

/* Symbols with names of their own here. */
enum {
    KEYSYM_BACKSPACE = 0xff08, KEYSYM_TAB = 0xff09, KEYSYM_RETURN = 0xff0d, KEYSYM_ESCAPE = 0xff1b,
    KEYSYM_HOME = 0xff50, KEYSYM_LEFT, KEYSYM_UP, KEYSYM_RIGHT, KEYSYM_DOWN, KEYSYM_PAGE_UP,
    KEYSYM_PAGE_DOWN, KEYSYM_END, KEYSYM_INSERT = 0xff63, KEYSYM_KP_ENTER = 0xff8d,
    KEYSYM_F1 = 0xffbe, KEYSYM_SHIFT_L = 0xffe1, KEYSYM_SHIFT_R, KEYSYM_CONTROL_L,
    KEYSYM_CONTROL_R, KEYSYM_CAPS_LOCK, KEYSYM_ALT_L = 0xffe9, KEYSYM_ALT_R,
    KEYSYM_DELETE = 0xffff
};
/* The symbol of a character, and the character of a symbol (0: none). */
uint32_t keymap_from_unicode(uint32_t character);
uint32_t keymap_to_unicode(uint32_t keysym);

#endif
