/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scan codes of PC keyboards. */
#ifndef HW_INPUT_SCANCODE_H
#define HW_INPUT_SCANCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "console.h"

/* The keyboard controller's translation of a set 2 code to set 1. */
extern const uint8_t scancode_set2_to_set1[256];

#define SCANCODE_MAX 8

/* The bytes that pressing or releasing a key sends in set 1, 2 or 3; 0 when the key has none. `alt`
 * and `shifted` (shift or control) are the modifiers that are down. */
unsigned scancode_bytes(unsigned set, enum input_key key, bool down, bool alt, bool shifted,
                        uint8_t bytes[SCANCODE_MAX]);

#endif
