/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expressions of the monitor: C operators on 64-bit numbers, and $registers. */
#ifndef MONITOR_EXPR_H
#define MONITOR_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Finds the value of a register by its name without the dollar sign. */
typedef bool expr_register(void *opaque, const char *name, uint64_t *value);

/* Reads an expression at *at and moves it behind that; false with *err set if there is none. */
bool expr_parse(const char **at, expr_register *find, void *opaque, int64_t *value,
                struct error **err);

#endif
