/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal in raw mode, given back as it was found on every way out of the process. */
#ifndef CHAR_TERMINAL_H
#define CHAR_TERMINAL_H

#include <stdbool.h>

/* Puts standard input, if it is a terminal, into raw mode. With `signals`, C-c, C-z and C-\ keep
 * their meaning. Nothing happens in the background or without a terminal. */
void terminal_raw(bool signals, bool echo);
/* Gives the terminal back. Safe in signal handlers, any number of times. */
void terminal_restore(void);
/* Something that moves the cursor or colours text was written: reset that on restore. */
void terminal_note_escape(void);

#endif
