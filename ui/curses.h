/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text modes of the consoles on the terminal. */
#ifndef UI_CURSES_H
#define UI_CURSES_H

#include <stdbool.h>

#include "base/error.h"

bool curses_available(void);
bool curses_open(struct error **err);
void curses_close(void);

#endif
