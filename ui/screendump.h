/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures of a console as files. */
#ifndef UI_SCREENDUMP_H
#define UI_SCREENDUMP_H

#include "console.h"

/* Brings the picture up to date and writes it as a portable pixmap. */
bool screendump_ppm(struct console *con, const char *path, struct error **err);

#endif
