/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consoles that show text: a terminal emulator's screen with a keyboard. */
#ifndef UI_TEXT_CONSOLE_H
#define UI_TEXT_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#include "console.h"

struct text_console;

/* Bytes from the keyboard go to `typed`. */
struct text_console *text_console_create(const char *name, unsigned columns, unsigned rows,
                                         void (*typed)(void *opaque, const uint8_t *data,
                                                       size_t size),
                                         void *opaque);
void text_console_destroy(struct text_console *tc);
/* Output of the other side, with the control sequences of a VT102 or xterm. */
void text_console_write(struct text_console *tc, const uint8_t *data, size_t size);
/* A console that only says something. */
void text_console_placeholder(const char *message);

#endif
