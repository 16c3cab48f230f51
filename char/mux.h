/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The multiplexer's settings: its escape key, and what its commands do to the machine. */
#ifndef CHAR_MUX_H
#define CHAR_MUX_H

#include "char/backend.h"

struct chardev_mux_actions {
    void (*quit)(void);             /* C-a x */
    void (*commit)(void);           /* C-a s: snapshot overlays back into their images */
};
void chardev_mux_set_actions(const struct chardev_mux_actions *actions);
/* -echr */
void chardev_mux_set_escape(uint8_t key);
/* Gives the keyboard to the front-end that was attached as number n. */
void chardev_mux_focus(struct chardev *mux, unsigned n);

#endif
