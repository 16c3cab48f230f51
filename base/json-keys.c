/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects as lists of keys: members of inner objects get dotted names. */
#include <glib.h>
#include <inttypes.h>

#include "base/json.h"
#include "base/keyval.h"

static void add_value(struct keyval *kv, const char *key, const struct json *value);

static void add_members(struct keyval *kv, const char *prefix, const struct json *container)
{
    for (size_t i = 0; i < json_count(container); i++) {
        char *key = json_type(container) == JSON_OBJECT
            ? g_strconcat(prefix, json_key_at(container, i), NULL)
            : g_strdup_printf("%s%zu", prefix, i);

        add_value(kv, key, json_at(container, i));
        g_free(key);
    }
}

static void add_value(struct keyval *kv, const char *key, const struct json *value)
{
    char text[64];
    char *prefix;

    switch (json_type(value)) {
    case JSON_OBJECT: case JSON_ARRAY:
        prefix = g_strconcat(key, ".", NULL);
        add_members(kv, prefix, value);
        g_free(prefix);
        return;
    case JSON_STRING:
        keyval_set(kv, key, json_text(value));
        return;
    case JSON_BOOL:
        keyval_set(kv, key, json_is_true(value) ? "on" : "off");
        return;
    case JSON_INT:
        g_snprintf(text, sizeof(text), "%" PRId64, json_integer(value));
        keyval_set(kv, key, text);
        return;
    case JSON_DOUBLE:
        keyval_set(kv, key, g_ascii_dtostr(text, sizeof(text), json_number(value)));
        return;
    case JSON_NULL:
        keyval_set(kv, key, "");
        return;
    }
}

struct keyval *json_keys(const char *option, const struct json *object)
{
    struct keyval *kv = keyval_create(option);

    add_members(kv, "", object);
    return kv;
}

struct keyval *json_parse_keys(const char *option, const char *text, size_t size,
                               struct error **err)
{
    struct error *why = NULL;
    struct json *object = json_parse(text, size, &why);
    struct keyval *kv = NULL;

    if (object && json_type(object) == JSON_OBJECT) {
        kv = json_keys(option, object);
    } else {
        error_set(&why, "an object {...} is expected");
        error_prepend(&why, "%s: ", option);
        error_propagate(err, why);
    }
    json_free(object);
    return kv;
}
