/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the command line through an option table, and prints the table as help. */
#include "base/option.h"

#include <glib.h>
#include <string.h>

enum { HELP_COLUMN = 16 };

const struct option_row *option_find(const struct option_row *table, const char *name)
{
    for (const struct option_row *row = table; row->name; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

/* Runs one handler. Its message gets the option in front, unless it says it already. */
static bool handle(const struct option_row *row, void *config, const char *arg,
                   struct error **err)
{
    struct error *reason = NULL;
    char *dashed;

    if (row->handler(config, row, arg, &reason)) {
        return true;
    }
    if (!reason) {
        error_set(&reason, "invalid option");
    }
    dashed = g_strconcat("-", row->name, NULL);
    if (!g_str_has_prefix(error_text(reason), dashed)) {
        error_prepend(&reason, arg ? "%s %s: " : "%s: ", dashed, arg);
    }
    g_free(dashed);
    error_propagate(err, reason);
    return false;
}

bool option_parse(const struct option_row *table, int argc, char **argv, void *config,
                  bool (*positional)(void *config, const char *word, struct error **err),
                  struct error **err)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        const struct option_row *row;

        if (word[0] != '-') {
            if (!positional) {
                error_set(err, "unexpected argument '%s'", word);
                return false;
            }
            if (!positional(config, word, err)) {
                return false;
            }
            continue;
        }
        row = option_find(table, word + (word[1] == '-' ? 2 : 1));
        if (!row) {
            error_set(err, "%s: invalid option", word);
            return false;
        }
        if (row->has_arg && i + 1 >= argc) {
            error_set(err, "%s: requires an argument", word);
            return false;
        }
        if (!handle(row, config, row->has_arg ? argv[++i] : NULL, err)) {
            return false;
        }
    }
    return true;
}

void option_print_help(const struct option_row *table, FILE *out)
{
    for (const struct option_row *row = table; row->name; row++) {
        int width;

        if (!row->help) {
            continue;
        }
        width = fprintf(out, "-%s%s%s", row->name, row->arg_help ? " " : "",
                        row->arg_help ? row->arg_help : "");
        if (width >= HELP_COLUMN) {
            fputc('\n', out);
            width = 0;
        }
        fprintf(out, "%*s", HELP_COLUMN - width, "");
        for (const char *p = row->help; *p; p++) {
            fputc(*p, out);
            if (*p == '\n' && p[1]) {
                fprintf(out, "%*s", HELP_COLUMN, "");
            }
        }
        fputc('\n', out);
    }
}
