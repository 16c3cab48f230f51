/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON values: trees, and their text. */
#include "base/json.h"

#include <assert.h>
#include <glib.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

struct json {
    enum json_type type;
    union {
        bool truth;
        int64_t integer;
        double number;
        char *text;
        GPtrArray *items;           /* of arrays and objects */
    };
    GPtrArray *keys;                /* of objects, beside the items */
};

/* --- making ---------------------------------------------------------------------------------- */

static void free_item(gpointer item)
{
    json_free(item);
}

static struct json *make(enum json_type type)
{
    struct json *value = g_new0(struct json, 1);

    value->type = type;
    return value;
}

struct json *json_null(void)
{
    return make(JSON_NULL);
}

struct json *json_bool(bool truth)
{
    struct json *value = make(JSON_BOOL);

    value->truth = truth;
    return value;
}

struct json *json_int(int64_t integer)
{
    struct json *value = make(JSON_INT);

    value->integer = integer;
    return value;
}

struct json *json_double(double number)
{
    struct json *value = make(JSON_DOUBLE);

    value->number = number;
    return value;
}

struct json *json_string(const char *text)
{
    struct json *value = make(JSON_STRING);

    value->text = g_utf8_make_valid(text, -1);
    return value;
}

struct json *json_printf(const char *fmt, ...)
{
    struct json *value;
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    value = json_string(text);
    g_free(text);
    return value;
}

struct json *json_array(void)
{
    struct json *value = make(JSON_ARRAY);

    value->items = g_ptr_array_new_with_free_func(free_item);
    return value;
}

struct json *json_object(void)
{
    struct json *value = make(JSON_OBJECT);

    value->items = g_ptr_array_new_with_free_func(free_item);
    value->keys = g_ptr_array_new_with_free_func(g_free);
    return value;
}

struct json *json_copy(const struct json *from)
{
    struct json *to;

    switch (from->type) {
    case JSON_STRING:
        return json_string(from->text);
    case JSON_ARRAY:
    case JSON_OBJECT:
        to = from->type == JSON_ARRAY ? json_array() : json_object();
        for (size_t i = 0; i < json_count(from); i++) {
            if (from->keys) {
                g_ptr_array_add(to->keys, g_strdup(json_key_at(from, i)));
            }
            g_ptr_array_add(to->items, json_copy(json_at(from, i)));
        }
        return to;
    default:
        return g_memdup2(from, sizeof(*from));
    }
}

void json_free(struct json *value)
{
    if (!value) {
        return;
    }
    if (value->type == JSON_STRING) {
        g_free(value->text);
    } else if (value->type == JSON_ARRAY || value->type == JSON_OBJECT) {
        g_ptr_array_free(value->items, TRUE);
    }
    if (value->keys) {
        g_ptr_array_free(value->keys, TRUE);
    }
    g_free(value);
}

void json_append(struct json *array, struct json *item)
{
    assert(array->type == JSON_ARRAY && item);
    g_ptr_array_add(array->items, item);
}

void json_set(struct json *object, const char *key, struct json *value)
{
    assert(object->type == JSON_OBJECT && value);
    for (size_t i = 0; i < object->keys->len; i++) {
        if (strcmp(json_key_at(object, i), key) == 0) {
            json_free(object->items->pdata[i]);
            object->items->pdata[i] = value;
            return;
        }
    }
    g_ptr_array_add(object->keys, g_strdup(key));
    g_ptr_array_add(object->items, value);
}

void json_set_bool(struct json *object, const char *key, bool value)
{
    json_set(object, key, json_bool(value));
}

void json_set_int(struct json *object, const char *key, int64_t value)
{
    json_set(object, key, json_int(value));
}

void json_set_string(struct json *object, const char *key, const char *text)
{
    if (text) {
        json_set(object, key, json_string(text));
    }
}

/* --- looking --------------------------------------------------------------------------------- */

enum json_type json_type(const struct json *value)
{
    return value->type;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        "null", "boolean", "integer", "number", "string", "array", "object"
    };

    return names[type];
}

size_t json_count(const struct json *container)
{
    return container->items->len;
}

struct json *json_at(const struct json *container, size_t n)
{
    return g_ptr_array_index(container->items, n);
}

const char *json_key_at(const struct json *object, size_t n)
{
    return g_ptr_array_index(object->keys, n);
}

struct json *json_get(const struct json *object, const char *key)
{
    if (!object || object->type != JSON_OBJECT) {
        return NULL;
    }
    for (size_t i = 0; i < json_count(object); i++) {
        if (strcmp(json_key_at(object, i), key) == 0) {
            return json_at(object, i);
        }
    }
    return NULL;
}

bool json_is_true(const struct json *value)
{
    return value && value->type == JSON_BOOL && value->truth;
}

int64_t json_integer(const struct json *value)
{
    assert(value->type == JSON_INT);
    return value->integer;
}

double json_number(const struct json *value)
{
    assert(value->type == JSON_INT || value->type == JSON_DOUBLE);
    return value->type == JSON_INT ? (double)value->integer : value->number;
}

const char *json_text(const struct json *value)
{
    assert(value->type == JSON_STRING);
    return value->text;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_string(GString *out, const char *text)
{
    static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

    g_string_append_c(out, '"');
    for (; *text; text++) {
        const char *escape = strchr(escapes, *text);

        if (escape) {
            g_string_append_c(out, '\\');
            g_string_append_c(out, letters[escape - escapes]);
        } else if ((unsigned char)*text < ' ' || *text == 127) {
            g_string_append_printf(out, "\\u%04x", *text);
        } else {
            g_string_append_c(out, *text);
        }
    }
    g_string_append_c(out, '"');
}

static void write_number(GString *out, double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    /* Not numbers of JSON: the nearest that is. */
    if (isnan(number) || isinf(number)) {
        number = isnan(number) ? 0 : number > 0 ? G_MAXDOUBLE : -G_MAXDOUBLE;
    }
    /* "-0" would be the integer. */
    g_string_append(out, number == 0 && signbit(number) ? "-0.0"
                    : g_ascii_dtostr(text, sizeof(text), number));
}

static void new_line(GString *out, int depth)
{
    if (depth >= 0) {
        g_string_append_printf(out, "\n%*s", depth * 4, "");
    }
}

/* depth < 0: on one line. */
static void write_value(GString *out, const struct json *value, int depth)
{
    bool object = value->type == JSON_OBJECT;
    int inner = depth < 0 ? -1 : depth + 1;

    switch (value->type) {
    case JSON_NULL:
        g_string_append(out, "null");
        break;
    case JSON_BOOL:
        g_string_append(out, value->truth ? "true" : "false");
        break;
    case JSON_INT:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, value->integer);
        break;
    case JSON_DOUBLE:
        write_number(out, value->number);
        break;
    case JSON_STRING:
        write_string(out, value->text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        g_string_append_c(out, object ? '{' : '[');
        for (size_t i = 0; i < json_count(value); i++) {
            g_string_append(out, i ? depth < 0 ? ", " : "," : "");
            new_line(out, inner);
            if (object) {
                write_string(out, json_key_at(value, i));
                g_string_append(out, ": ");
            }
            write_value(out, json_at(value, i), inner);
        }
        if (json_count(value)) {
            new_line(out, depth);
        }
        g_string_append_c(out, object ? '}' : ']');
        break;
    }
}

char *json_write(const struct json *value, bool pretty)
{
    GString *out = g_string_new(NULL);

    write_value(out, value, pretty ? 0 : -1);
    return g_string_free(out, FALSE);
}
