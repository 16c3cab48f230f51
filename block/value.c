/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts as a tree: building and printing. */
#include "block/value.h"

#include <glib.h>
#include <inttypes.h>

enum kind { OBJECT, LIST, TEXT, NUMBER, BOOL };

struct value {
    enum kind kind;
    char *key;                  /* in its object */
    char *text;
    uint64_t number;
    struct value *first, *last, *next;
};

static struct value *create(enum kind kind)
{
    struct value *v = g_new0(struct value, 1);

    v->kind = kind;
    return v;
}

struct value *value_object(void)
{
    return create(OBJECT);
}

struct value *value_list(void)
{
    return create(LIST);
}

void value_free(struct value *v)
{
    while (v) {
        struct value *next = v->next;

        value_free(v->first);
        g_free(v->key);
        g_free(v->text);
        g_free(v);
        v = next;
    }
}

void value_add(struct value *to, const char *key, struct value *item)
{
    item->key = g_strdup(key);
    if (to->last) {
        to->last->next = item;
    } else {
        to->first = item;
    }
    to->last = item;
}

void value_add_text(struct value *to, const char *key, const char *text)
{
    struct value *v = create(TEXT);

    v->text = g_strdup(text);
    value_add(to, key, v);
}

void value_add_uint(struct value *to, const char *key, uint64_t number)
{
    struct value *v = create(NUMBER);

    v->number = number;
    value_add(to, key, v);
}

void value_add_bool(struct value *to, const char *key, bool on)
{
    struct value *v = create(BOOL);

    v->number = on;
    value_add(to, key, v);
}

/* Bytes that are not UTF-8 become replacement characters, as JSON is text. */
static void print_string(const char *text, FILE *out)
{
    fputc('"', out);
    while (*text) {
        gunichar c = g_utf8_get_char_validated(text, -1);
        bool bad = c == (gunichar)-1 || c == (gunichar)-2;

        if (bad) {
            fputs("\\ufffd", out);
        } else if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", (char)c);
        } else if (c == '\n' || c == '\t') {
            fputs(c == '\n' ? "\\n" : "\\t", out);
        } else if (c < 32 || (c >= 127 && c < 0x10000)) {
            fprintf(out, "\\u%04x", c);
        } else if (c >= 0x10000) {
            c -= 0x10000;
            fprintf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
        } else {
            fputc((int)c, out);
        }
        text = bad ? text + 1 : g_utf8_next_char(text);
    }
    fputc('"', out);
}

void value_print_json(const struct value *v, unsigned level, FILE *out)
{
    bool object = v->kind == OBJECT;

    switch (v->kind) {
    case TEXT:
        print_string(v->text, out);
        return;
    case NUMBER:
        fprintf(out, "%" PRIu64, v->number);
        return;
    case BOOL:
        fputs(v->number ? "true" : "false", out);
        return;
    default:
        break;
    }
    fputc(object ? '{' : '[', out);
    for (const struct value *item = v->first; item; item = item->next) {
        fprintf(out, "%s\n%*s", item == v->first ? "" : ",", level * 4 + 4, "");
        if (object) {
            print_string(item->key, out);
            fputs(": ", out);
        }
        value_print_json(item, level + 1, out);
    }
    fprintf(out, "\n%*s%c", level * 4, "", object ? '}' : ']');
}

void value_print_text(const struct value *v, unsigned level, FILE *out)
{
    unsigned index = 0;

    for (const struct value *item = v->first; item; item = item->next) {
        char *name = item->key ? g_strdelimit(g_strdup(item->key), "-", ' ')
                               : g_strdup_printf("[%u]", index++);

        fprintf(out, "%*s%s:", level * 4, "", name);
        g_free(name);
        switch (item->kind) {
        case TEXT:
            fprintf(out, " %s\n", item->text);
            break;
        case NUMBER:
            fprintf(out, " %" PRIu64 "\n", item->number);
            break;
        case BOOL:
            fprintf(out, " %s\n", item->number ? "true" : "false");
            break;
        default:
            fputc('\n', out);
            value_print_text(item, level + 1, out);
        }
    }
}
