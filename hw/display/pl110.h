/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL110 LCD controller, classes "pl110" and "pl110_versatile". */
#ifndef HW_DISPLAY_PL110_H
#define HW_DISPLAY_PL110_H

#include "hw/core/device.h"
#include "hw/core/memory.h"

/* Where the frame buffer lies; before it is realized. */
void pl110_set_memory(struct device *lcd, struct address_space *memory);

#endif
