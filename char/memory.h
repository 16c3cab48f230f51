/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access to the bytes that a ringbuf back-end keeps, for the monitor. */
#ifndef CHAR_MEMORY_H
#define CHAR_MEMORY_H

#include "char/backend.h"

bool chardev_is_ringbuf(const struct chardev *chr);
/* Takes the oldest bytes out. */
size_t chardev_ringbuf_read(struct chardev *chr, uint8_t *data, size_t size);

#endif
