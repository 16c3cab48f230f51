/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP's types: checks of arguments, and query-qmp-schema out of the same tables. */
#include <glib.h>
#include <string.h>

#include "monitor/qmp.h"

#define OBJECT(name, members) { name, members, NULL },
#define ENUM(name, values) { name, NULL, values },
#define EVENT(name, members)
const struct qmp_type qmp_types[] = {
#include "monitor/qmp-types.def"
    { NULL }
};
#undef OBJECT
#undef ENUM
#undef EVENT

#define OBJECT(name, members)
#define ENUM(name, values)
#define EVENT(name, members) { name, members },
const struct qmp_event qmp_events[] = {
#include "monitor/qmp-types.def"
    { NULL }
};

static const struct { const char *name; const char *json; } builtins[] = {
    { "str", "string" }, { "int", "int" }, { "number", "number" }, { "bool", "boolean" },
    { "any", "value" },
};

bool qmp_next_member(const char **at, struct qmp_member *m)
{
    size_t length = strcspn(*at, " "), name = strcspn(*at, ":");

    if (!length) {
        return false;
    }
    m->optional = (*at)[length - 1] == '?';
    g_strlcpy(m->name, *at, MIN(name + 1, sizeof(m->name)));
    g_strlcpy(m->type, *at + name + 1, MIN(length - name - m->optional, sizeof(m->type)));
    *at += length;
    *at += strspn(*at, " ");
    return true;
}

const struct qmp_type *qmp_type_find(const char *name)
{
    for (const struct qmp_type *t = qmp_types; t->name; t++) {
        if (strcmp(t->name, name) == 0) {
            return t;
        }
    }
    return NULL;
}

/* --- checks ---------------------------------------------------------------------------------- */

static bool has_builtin_type(const struct json *value, const char *type)
{
    enum json_type kind = json_type(value);

    return strcmp(type, "any") == 0 || (strcmp(type, "str") == 0 && kind == JSON_STRING) ||
        (strcmp(type, "int") == 0 && kind == JSON_INT) ||
        (strcmp(type, "bool") == 0 && kind == JSON_BOOL) ||
        (strcmp(type, "number") == 0 && (kind == JSON_INT || kind == JSON_DOUBLE));
}

static bool is_value_of(const char *values, const char *text)
{
    size_t length = strlen(text);

    for (const char *at = values; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");

        if (n == length && strncmp(at, text, n) == 0) {
            return true;
        }
        at += n;
    }
    return false;
}

static bool check_list(const struct json *value, const char *type, const char *what,
                       struct error **err)
{
    char *element = g_strndup(type + 1, strlen(type) - 2);
    bool good = json_type(value) == JSON_ARRAY;

    if (!good) {
        error_set(err, "Invalid parameter type for '%s', expected: array", what);
    }
    for (size_t i = 0; good && i < json_count(value); i++) {
        good = qmp_check(json_at(value, i), element, what, err);
    }
    g_free(element);
    return good;
}

bool qmp_check(const struct json *value, const char *type, const char *what, struct error **err)
{
    const struct qmp_type *t;

    if (*type == '[') {
        return check_list(value, type, what, err);
    }
    t = qmp_type_find(type);
    if (t && t->values) {
        if (json_type(value) == JSON_STRING && is_value_of(t->values, json_text(value))) {
            return true;
        }
        error_set(err, "Parameter '%s' does not accept value '%s'", what,
                  json_type(value) == JSON_STRING ? json_text(value) : "");
        return false;
    }
    if (t) {
        if (json_type(value) == JSON_OBJECT) {
            return qmp_check_members(value, t->members, err);
        }
        error_set(err, "Invalid parameter type for '%s', expected: object", what);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(builtins); i++) {
        if (strcmp(builtins[i].name, type) == 0 && !has_builtin_type(value, type)) {
            error_set(err, "Invalid parameter type for '%s', expected: %s", what,
                      strcmp(type, "int") == 0 ? "integer" : builtins[i].json);
            return false;
        }
    }
    return true;
}

static bool is_member(const char *members, const char *name)
{
    struct qmp_member m;

    while (qmp_next_member(&members, &m)) {
        if (strcmp(m.name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool qmp_check_members(const struct json *object, const char *members, struct error **err)
{
    const char *at = members;
    struct qmp_member m;

    while (qmp_next_member(&at, &m)) {
        const struct json *value = json_get(object, m.name);

        if (!value && !m.optional) {
            error_set(err, "Parameter '%s' is missing", m.name);
            return false;
        }
        if (value && !qmp_check(value, m.type, m.name, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < json_count(object); i++) {
        if (!is_member(members, json_key_at(object, i))) {
            error_set(err, "Parameter '%s' is unexpected", json_key_at(object, i));
            return false;
        }
    }
    return true;
}

/* --- schema ---------------------------------------------------------------------------------- */

static struct json *entity(struct json *list, const char *name, const char *meta)
{
    struct json *o = json_object();

    json_set_string(o, "name", name);
    json_set_string(o, "meta-type", meta);
    json_append(list, o);
    return o;
}

static bool is_listed(const struct json *list, const char *name)
{
    for (size_t i = 0; i < json_count(list); i++) {
        if (strcmp(json_text(json_get(json_at(list, i), "name")), name) == 0) {
            return true;
        }
    }
    return false;
}

/* Lists are types of their own. */
static void add_list_type(struct json *list, const char *type)
{
    if (*type == '[' && !is_listed(list, type)) {
        char *element = g_strndup(type + 1, strlen(type) - 2);

        json_set_string(entity(list, type, "array"), "element-type", element);
        g_free(element);
    }
}

static void add_object(struct json *list, const char *name, const char *members)
{
    struct json *array = json_array();
    struct qmp_member m;

    while (*members != '*' && qmp_next_member(&members, &m)) {
        struct json *o = json_object();

        json_set_string(o, "name", m.name);
        if (m.optional) {
            json_set(o, "default", json_null());
        }
        json_set_string(o, "type", m.type);
        json_append(array, o);
        add_list_type(list, m.type);
    }
    json_set(entity(list, name, "object"), "members", array);
}

static void add_enum(struct json *list, const struct qmp_type *t)
{
    char **values = g_strsplit(t->values, " ", -1);
    struct json *array = json_array(), *members = json_array(), *o;

    for (char **value = values; *value; value++) {
        struct json *member = json_object();

        json_set_string(member, "name", *value);
        json_append(members, member);
        json_append(array, json_string(*value));
    }
    o = entity(list, t->name, "enum");
    json_set(o, "members", members);
    json_set(o, "values", array);
    g_strfreev(values);
}

/* The name of the argument object of a command or event. */
static char *add_arguments(struct json *list, const char *owner, const char *members)
{
    char *name = *members ? g_strdup_printf("q_obj-%s-arg", owner) : g_strdup("q_empty");

    if (*members) {
        add_object(list, name, members);
    }
    return name;
}

struct json *qmp_query_qmp_schema(const struct json *args, struct error **err)
{
    struct json *list = json_array(), *o;
    char *name;

    for (size_t i = 0; i < G_N_ELEMENTS(builtins); i++) {
        json_set_string(entity(list, builtins[i].name, "builtin"), "json-type", builtins[i].json);
    }
    add_object(list, "q_empty", "");
    for (const struct qmp_type *t = qmp_types; t->name; t++) {
        if (t->values) {
            add_enum(list, t);
        } else {
            add_object(list, t->name, t->members);
        }
    }
    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        name = add_arguments(list, c->name, c->args);
        add_list_type(list, c->returns ? c->returns : "");
        o = entity(list, c->name, "command");
        json_set_string(o, "arg-type", name);
        json_set_string(o, "ret-type", c->returns ? c->returns : "q_empty");
        g_free(name);
    }
    for (const struct qmp_event *e = qmp_events; e->name; e++) {
        name = add_arguments(list, e->name, e->members);
        json_set_string(entity(list, e->name, "event"), "arg-type", name);
        g_free(name);
    }
    return list;
}
