/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds trace points through their linker section and turns them on by pattern. */
#include "base/trace.h"

#include <fnmatch.h>
#include <glib.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"

/* Weak: a program may have no trace points. */
extern struct trace_event *__start_trace_events[] __attribute__((weak));
extern struct trace_event *__stop_trace_events[] __attribute__((weak));

void trace_line(const char *name, const char *fmt, ...)
{
    va_list args;

    log_begin();
    fprintf(log_stream(), "%s ", name);
    va_start(args, fmt);
    vfprintf(log_stream(), fmt, args);
    va_end(args);
    fputc('\n', log_stream());
    log_end();
}

bool trace_enable(const char *pattern, struct error **err)
{
    bool on = pattern[0] != '-', found = false;

    for (struct trace_event **e = __start_trace_events; e < __stop_trace_events; e++) {
        if (fnmatch(pattern + !on, (*e)->name, 0) == 0) {
            (*e)->on = on;
            found = true;
        }
    }
    if (!found) {
        error_set(err, "no trace point matches '%s' (--trace help lists them)", pattern);
    }
    return found;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void trace_print_help(FILE *out)
{
    GPtrArray *names = g_ptr_array_new();

    for (struct trace_event **e = __start_trace_events; e < __stop_trace_events; e++) {
        g_ptr_array_add(names, (gpointer)(*e)->name);
    }
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        /* One event may be traced in several places. */
        if (!i || strcmp(name, g_ptr_array_index(names, i - 1)) != 0) {
            fprintf(out, "%s\n", name);
        }
    }
    g_ptr_array_free(names, TRUE);
}
