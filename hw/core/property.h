/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties in their objects: defaults, text values, help. Private to hw/core. */
#ifndef HW_CORE_PROPERTY_H
#define HW_CORE_PROPERTY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "hw/core/device.h"

/* The row of a table (which may be NULL), or NULL. */
const struct property *property_find(const struct property *table, const char *name);
/* Puts every default of a table into the object, which is zeroed. */
void property_set_defaults(const struct property *table, void *object);
void property_free_all(const struct property *table, void *object);
/* `owner` is a name for messages. */
bool property_set_text(const struct property *p, void *object, const char *owner,
                       const char *value, struct error **err);
/* False when the number does not fit. */
bool property_set_number(const struct property *p, void *object, uint64_t value);
void property_print_help(const struct property *table, FILE *out);

#endif
