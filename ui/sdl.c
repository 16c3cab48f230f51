/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window by SDL 2, whose library is loaded only when one is wanted. */
#include "ui/sdl.h"

bool sdl_available(void)
{
    return false;
}

bool sdl_open(const struct sdl_options *options, struct error **err)
{
    error_set(err, "-display sdl: this build has no SDL");
    return false;
}

void sdl_close(void)
{
}

void sdl_on_quit(void (*quit)(void))
{
}
