/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line as a table: one row an option, with its help and its handler. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct option_row {
    const char *name;      /* without the dash; NULL ends the table */
    bool has_arg;
    const char *arg_help;  /* "[file=]f[,if=t]" or NULL */
    const char *help;      /* NULL: a classic spelling that -help does not list */
    /* `arg` is NULL without has_arg. `config` is what option_parse() was given. */
    bool (*handler)(void *config, const struct option_row *row, const char *arg,
                    struct error **err);
};

/*
 * Calls the handlers in command-line order; -name and --name are the same. A word without a dash
 * goes to `positional` (an error when NULL). Stops at the first error, whose text names the option.
 */
bool option_parse(const struct option_row *table, int argc, char **argv, void *config,
                  bool (*positional)(void *config, const char *word, struct error **err),
                  struct error **err);
const struct option_row *option_find(const struct option_row *table, const char *name);
void option_print_help(const struct option_row *table, FILE *out);

#endif
