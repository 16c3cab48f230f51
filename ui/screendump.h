/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of a console as files. */
#ifndef UI_SCREENDUMP_H
#define UI_SCREENDUMP_H

#include "console.h"

/* Brings the picture up to date and writes it; `format` is "ppm" or "png". */
bool screendump_write(struct console *con, const char *path, const char *format,
                      struct error **err);

#endif
