/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace points: trace(serial_write, "addr 0x%x value 0x%x", addr, value) is free when off, and
 * `--trace 'serial_*'` turns it on. The point declares itself where it is used.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct trace_event {
    const char *name;
    bool on;
};

#define trace(event, ...)                                                                          \
    do {                                                                                           \
        static struct trace_event event_here = { #event, false };                                  \
        static struct trace_event *const event_entry                                               \
            __attribute__((used, section("trace_events"))) = &event_here;                          \
        (void)event_entry;                                                                         \
        if (__builtin_expect(event_here.on, 0)) {                                                  \
            trace_line(#event, __VA_ARGS__);                                                       \
        }                                                                                          \
    } while (0)

/* Writes "name text" as one line of the log. */
void trace_line(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Shell pattern; a leading '-' turns matching points off. Fails when nothing matches. */
bool trace_enable(const char *pattern, struct error **err);
/* The names, sorted, for `--trace help`. */
void trace_print_help(FILE *out);

#endif
