/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of monitor commands: parsed by the command's row, looked up by name. */
#include <assert.h>
#include <ctype.h>
#include <glib.h>
#include <string.h>

#include "monitor/expr.h"
#include "monitor/hmp.h"

static struct hmp_arg *find(struct hmp_args *args, const char *name)
{
    for (unsigned i = 0; i < args->count; i++) {
        if (strcmp(args->args[i].name, name) == 0) {
            return &args->args[i];
        }
    }
    assert(!"the command has no such argument");
    return NULL;
}

const char *hmp_text(struct hmp_args *args, const char *name)
{
    return find(args, name)->text;
}

int64_t hmp_number(struct hmp_args *args, const char *name)
{
    return find(args, name)->number;
}

bool hmp_given(struct hmp_args *args, const char *name)
{
    return find(args, name)->set;
}

void hmp_free_args(struct hmp_args *args)
{
    for (unsigned i = 0; i < args->count; i++) {
        g_free(args->args[i].text);
    }
}

/* A word, or a text in double quotes with backslash escapes. */
static char *read_word(const char **at, struct error **err)
{
    GString *word = g_string_new(NULL);
    const char *p = *at;

    if (*p != '"') {
        while (*p && !isspace((unsigned char)*p)) {
            g_string_append_c(word, *p++);
        }
        *at = p;
        return g_string_free(word, FALSE);
    }
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1]) {
            p++;
            g_string_append_c(word, *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p);
        } else {
            g_string_append_c(word, *p);
        }
    }
    *at = p + (*p == '"');
    if (*p != '"') {
        error_set(err, "unterminated string");
        g_string_free(word, TRUE);
        return NULL;
    }
    return g_string_free(word, FALSE);
}

/* "/10xw" in front of the other arguments; what it does not say is as the last time. */
static bool read_format(struct monitor *mon, const char **at, struct hmp_format *format,
                        struct error **err)
{
    const char *p = *at;

    *format = (struct hmp_format){ .count = 1, .size = -1, .letter = 0 };
    if (*p == '/') {
        p++;
        if (isdigit((unsigned char)*p)) {
            format->count = 0;
            while (isdigit((unsigned char)*p)) {
                format->count = MIN(format->count * 10 + *p - '0', 1 << 20);
                p++;
            }
        }
        for (; *p && !isspace((unsigned char)*p); p++) {
            static const char sizes[] = "bhwg", letters[] = "oduxicsS";

            if (strchr(sizes, *p)) {
                format->size = 1 << (strchr(sizes, *p) - sizes);
            } else if (strchr(letters, *p)) {
                format->letter = *p;
            } else {
                error_set(err, "invalid char in format: '%c'", *p);
                return false;
            }
        }
    }
    format->letter = format->letter ? format->letter : mon->format;
    format->size = format->size < 0 ? mon->format_size : format->size;
    mon->format = format->letter;
    mon->format_size = format->size;
    *at = p;
    return true;
}

static bool read_number(struct monitor *mon, const char **at, char type, int64_t *value,
                        struct error **err)
{
    if (!expr_parse(at, hmp_register, mon, value, err)) {
        return false;
    }
    if (type == 'i' && *value != (int32_t)*value && *value != (uint32_t)*value) {
        error_set(err, "integer is for 32-bit values");
        return false;
    }
    return true;
}

static const char *missing(char type)
{
    switch (type) {
    case 'B': return "block device name expected";
    case 'F': return "filename expected";
    case 's': return "string expected";
    default: return "expression expected";
    }
}

/* One argument; `type` points at what follows the colon in the row. */
static bool read_arg(struct monitor *mon, const char **at, const char *type,
                     struct hmp_args *args, struct hmp_arg *arg, struct error **err)
{
    bool optional = type[strlen(type) - 1] == '?';

    while (isspace((unsigned char)**at)) {
        ++*at;
    }
    if (*type == '/') {
        return read_format(mon, at, &args->format, err);
    }
    if (*type == '-') {
        arg->set = (*at)[0] == '-' && (*at)[1] == type[1] &&
            ((*at)[2] == '\0' || isspace((unsigned char)(*at)[2]));
        *at += arg->set ? 2 : 0;
        return true;
    }
    if (**at == '\0') {
        if (!optional) {
            error_set(err, "%s", missing(*type));
        }
        return optional;
    }
    arg->set = true;
    if (*type == 'S') {
        arg->text = g_strdup(*at);
        *at += strlen(*at);
        return true;
    }
    if (strchr("sBF", *type)) {
        arg->text = read_word(at, err);
        return arg->text != NULL;
    }
    return read_number(mon, at, *type, &arg->number, err);
}

bool hmp_parse_args(struct monitor *mon, const struct hmp_command *command, const char *text,
                    struct hmp_args *args)
{
    char **rows = g_strsplit(command->args, " ", -1);
    struct error *err = NULL;
    bool good = true;

    memset(args, 0, sizeof(*args));
    for (char **row = rows; good && *row && **row; row++) {
        struct hmp_arg *arg = &args->args[args->count++];
        const char *colon = strchr(*row, ':');

        assert(args->count <= HMP_ARGS && colon);
        g_strlcpy(arg->name, *row, MIN(sizeof(arg->name), (size_t)(colon - *row) + 1));
        good = read_arg(mon, &text, colon + 1, args, arg, &err);
    }
    while (isspace((unsigned char)*text)) {
        text++;
    }
    if (good && *text) {
        error_set(&err, "extraneous characters at the end of line");
        good = false;
    }
    if (!good) {
        fprintf(mon->out, "%s%s%s\n", strchr(command->args, 'F') ? command->name : "",
                strchr(command->args, 'F') ? ": " : "", error_text(err));
        error_free(err);
    }
    g_strfreev(rows);
    return good;
}
