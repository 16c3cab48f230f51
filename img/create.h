/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Creating images, for create, convert and dd. */
#ifndef IMG_CREATE_H
#define IMG_CREATE_H

#include "base/keyval.h"

#define BLOCK_ALIGN 512

/* Prints its errors. `size_word` NULL: from the options or the backing file. `unsafe`: do not look
 * at the backing file. Options may get the backing format added. */
bool img_create_image(const char *file, const char *format, const char *size_word,
                      struct keyval *options, bool unsafe, bool quiet);
/* `-o help`; returns the exit status. */
int img_create_help(const char *format);

#endif
