/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text modes of the consoles on the terminal. */
#include "ui/curses.h"

bool curses_available(void)
{
    return false;
}

bool curses_open(struct error **err)
{
    error_set(err, "-display curses: this build has no curses");
    return false;
}

void curses_close(void)
{
}
