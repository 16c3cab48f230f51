/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error values and the lines that the program prints on stderr. */
#include "base/error.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct error {
    char *text;
};

static const char *program = "qemu-system-x86_64";

static void set_text(struct error **err, char *text)
{
    if (!err || *err) {
        g_free(text);
        return;
    }
    *err = g_new(struct error, 1);
    (*err)->text = text;
}

void error_set(struct error **err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    set_text(err, g_strdup_vprintf(fmt, args));
    va_end(args);
}

void error_set_errno(struct error **err, int os_error, const char *fmt, ...)
{
    va_list args;
    char *text;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    set_text(err, g_strdup_printf("%s: %s", text, g_strerror(os_error)));
    g_free(text);
}

void error_prepend(struct error **err, const char *fmt, ...)
{
    va_list args;
    char *front, *old;

    if (!err || !*err) {
        return;
    }
    va_start(args, fmt);
    front = g_strdup_vprintf(fmt, args);
    va_end(args);
    old = (*err)->text;
    (*err)->text = g_strconcat(front, old, NULL);
    g_free(old);
    g_free(front);
}

void error_propagate(struct error **to, struct error *from)
{
    if (!from) {
        return;
    }
    if (to && !*to) {
        *to = from;
    } else {
        error_free(from);
    }
}

const char *error_text(const struct error *err)
{
    return err->text;
}

void error_free(struct error *err)
{
    if (err) {
        g_free(err->text);
        g_free(err);
    }
}

void error_set_program(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');

    program = slash ? slash + 1 : argv0;
}

const char *error_program(void)
{
    return program;
}

/* One write a line, so that lines of several threads do not mix. */
static void print_line(const char *kind, const char *fmt, va_list args)
{
    char *text = g_strdup_vprintf(fmt, args);

    fflush(stdout);
    fprintf(stderr, "%s: %s%s\n", program, kind, text);
    g_free(text);
}

void error_report(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line("", fmt, args);
    va_end(args);
}

void error_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line("warning: ", fmt, args);
    va_end(args);
}

void error_report_free(struct error *err)
{
    error_report("%s", error_text(err));
    error_free(err);
}

void error_exit(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print_line("", fmt, args);
    va_end(args);
    exit(1);
}

void error_exit_with(struct error *err)
{
    error_report_free(err);
    exit(1);
}
