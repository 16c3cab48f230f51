/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tab key offers: commands, files, drives, and what a command knows of itself. */
#include <ctype.h>
#include <glib.h>
#include <string.h>

#include "block.h"
#include "monitor/hmp.h"

/* Whether `name` is one of the names in "quit|q". */
static bool is_named(const struct hmp_command *command, const char *name, size_t length)
{
    const char *p = command->name;

    for (;;) {
        size_t n = strcspn(p, "|");

        if (n == length && memcmp(p, name, n) == 0) {
            return true;
        }
        if (!p[n]) {
            return false;
        }
        p += n + 1;
    }
}

const struct hmp_command *hmp_find(const struct hmp_command *table, const char **at)
{
    size_t length = strcspn(*at, " \t/");

    for (const struct hmp_command *c = table; c->name; c++) {
        if (is_named(c, *at, length)) {
            *at += length;
            return c;
        }
    }
    return NULL;
}

static void complete_command(struct readline *rl, const struct hmp_command *table,
                             const char *word)
{
    for (const struct hmp_command *c = table; c->name; c++) {
        char **names = g_strsplit(c->name, "|", -1);

        if (g_str_has_prefix(names[0], word)) {
            readline_add_completion(rl, names[0], false);
        }
        g_strfreev(names);
    }
}

static void complete_file(struct readline *rl, const char *word)
{
    char *folder = g_path_get_dirname(word);
    const char *slash = strrchr(word, '/'), *base = slash ? slash + 1 : word, *name;
    GDir *dir = g_dir_open(*word ? folder : ".", 0, NULL);

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, base)) {
            char *path = g_strdup_printf("%.*s%s", (int)(base - word), word, name);
            bool is_folder = g_file_test(path, G_FILE_TEST_IS_DIR);
            char *full = g_strconcat(path, is_folder ? "/" : "", NULL);

            readline_add_completion(rl, full, is_folder);
            g_free(full);
            g_free(path);
        }
    }
    if (dir) {
        g_dir_close(dir);
    }
    g_free(folder);
}

void hmp_complete_block(struct monitor *mon, struct readline *rl, const char *word)
{
    for (struct block *b = block_first(); b; b = block_next(b)) {
        if (g_str_has_prefix(block_id(b), word)) {
            readline_add_completion(rl, block_id(b), false);
        }
    }
}

/* The type of argument number n of the row, not counting flags and formats; 0 past the end. */
static char arg_type(const struct hmp_command *command, unsigned n)
{
    char **rows = g_strsplit(command->args, " ", -1);
    char type = 0;

    for (char **row = rows; *row && **row && !type; row++) {
        char t = strchr(*row, ':')[1];

        if (t != '-' && t != '/' && n-- == 0) {
            type = t;
        }
    }
    g_strfreev(rows);
    return type;
}

void hmp_complete(struct monitor *mon, struct readline *rl, const char *text)
{
    const struct hmp_command *table = hmp_commands, *command = NULL;
    const char *word = readline_last_word(text), *at = text;
    unsigned n = 0;
    char type;

    while (isspace((unsigned char)*at)) {
        at++;
    }
    while (table && at < word) {
        command = hmp_find(table, &at);
        if (!command) {
            return;
        }
        table = command->subcommands;
        while (isspace((unsigned char)*at)) {
            at++;
        }
    }
    if (table) {
        complete_command(rl, table, word);
        return;
    }
    while (at < word) {
        size_t length = strcspn(at, " \t");

        n += *at != '-' && *at != '/';
        at += length;
        at += strspn(at, " \t");
    }
    type = arg_type(command, n);
    if (command->complete) {
        command->complete(mon, rl, word);
    } else if (type == 'F') {
        complete_file(rl, word);
    } else if (type == 'B') {
        hmp_complete_block(mon, rl, word);
    }
}
