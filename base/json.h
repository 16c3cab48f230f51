/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values (RFC 8259) as trees: built, looked up, written and parsed. A container owns what is
 * in it. Functions that take a value into a container take ownership.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum json_type {
    JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT
};

struct json;
struct keyval;

struct json *json_null(void);
struct json *json_bool(bool value);
struct json *json_int(int64_t value);
struct json *json_double(double value);
/* UTF-8; other bytes are written as U+FFFD. */
struct json *json_string(const char *text);
struct json *json_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
struct json *json_array(void);
struct json *json_object(void);
struct json *json_copy(const struct json *value);
/* NULL is allowed. */
void json_free(struct json *value);

void json_append(struct json *array, struct json *item);
/* A later value of the same key replaces the earlier one. */
void json_set(struct json *object, const char *key, struct json *value);
void json_set_bool(struct json *object, const char *key, bool value);
void json_set_int(struct json *object, const char *key, int64_t value);
/* NULL text: no member. */
void json_set_string(struct json *object, const char *key, const char *text);

enum json_type json_type(const struct json *value);
const char *json_type_name(enum json_type type);
/* Members and items by number, in their order. */
size_t json_count(const struct json *container);
struct json *json_at(const struct json *container, size_t n);
const char *json_key_at(const struct json *object, size_t n);
/* NULL when there is no such member (or no object at all). */
struct json *json_get(const struct json *object, const char *key);
/* A value that must have the type. json_number() takes integers too. */
bool json_is_true(const struct json *value);
int64_t json_integer(const struct json *value);
double json_number(const struct json *value);
const char *json_text(const struct json *value);

/* To be freed with g_free(). `pretty` breaks and indents lines. */
char *json_write(const struct json *value, bool pretty);

/* One value and nothing else. Strings may also stand between single quotes. */
struct json *json_parse(const char *text, size_t size, struct error **err);

/* An object as the keys of an option: {"a": {"b": 1}} is a.b=1. The second parses it first. */
struct keyval *json_keys(const char *option, const struct json *object);
struct keyval *json_parse_keys(const char *option, const char *text, size_t size,
                               struct error **err);

/*
 * Values that arrive back to back in pieces. Whole values are handed out with json_stream_next();
 * NULL without an error means that more bytes are needed.
 */
struct json_stream;
struct json_stream *json_stream_create(size_t limit);
void json_stream_free(struct json_stream *stream);
void json_stream_add(struct json_stream *stream, const void *bytes, size_t size);
struct json *json_stream_next(struct json_stream *stream, struct error **err);

#endif
