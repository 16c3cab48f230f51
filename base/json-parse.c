/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON from text: a strict grammar, and a scanner that finds whole values in a stream. */
#include <ctype.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define DEPTH 128

struct parser {
    const char *at, *end;
    unsigned depth;
    struct error **err;
};

static struct json *parse_value(struct parser *p);

static struct json *fail(struct parser *p, const char *what)
{
    error_set(p->err, "JSON parse error, %s", what);
    return NULL;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at) {
        p->at++;
    }
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->at < p->end && *p->at == c) {
        p->at++;
        return true;
    }
    return false;
}

/* --- strings --------------------------------------------------------------------------------- */

static bool hex4(struct parser *p, gunichar *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        if (p->at == p->end || !isxdigit((unsigned char)*p->at)) {
            return false;
        }
        *value = *value << 4 | (gunichar)g_ascii_xdigit_value(*p->at++);
    }
    return true;
}

/* The part of an escape after \u; two of them for what is beyond 16 bits. */
static bool read_unicode(struct parser *p, GString *text)
{
    gunichar high, low;

    if (!hex4(p, &high)) {
        return false;
    }
    if (high >= 0xd800 && high < 0xdc00) {
        if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u') {
            return false;
        }
        p->at += 2;
        if (!hex4(p, &low) || low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    } else if (high >= 0xdc00 && high < 0xe000) {
        return false;
    }
    /* Our strings end at a zero byte. */
    if (!high) {
        return false;
    }
    g_string_append_unichar(text, high);
    return true;
}

static bool read_escape(struct parser *p, GString *text)
{
    static const char letters[] = "\"\\/bfnrt'", values[] = "\"\\/\b\f\n\r\t'";
    const char *found;

    if (p->at == p->end) {
        return false;
    }
    if (*p->at == 'u') {
        p->at++;
        return read_unicode(p, text);
    }
    found = *p->at ? strchr(letters, *p->at) : NULL;
    if (found) {
        g_string_append_c(text, values[found - letters]);
        p->at++;
    }
    return found != NULL;
}

/* The text up to the closing quote, which is as the opening one. */
static char *read_string(struct parser *p)
{
    GString *text = g_string_new(NULL);
    char quote = *p->at++;
    const char *why = NULL;

    while (!why && p->at < p->end && *p->at != quote) {
        unsigned char c = (unsigned char)*p->at++;

        if (c == '\\') {
            why = read_escape(p, text) ? NULL : "invalid escape sequence in a string";
        } else if (c < ' ') {
            why = "control character in a string";
        } else {
            g_string_append_c(text, (char)c);
        }
    }
    if (!why && p->at == p->end) {
        why = "unterminated string";
    }
    if (!why && !g_utf8_validate(text->str, (gssize)text->len, NULL)) {
        why = "invalid UTF-8 sequence in a string";
    }
    if (why) {
        fail(p, why);
        g_string_free(text, TRUE);
        return NULL;
    }
    p->at++;
    return g_string_free(text, FALSE);
}

/* --- numbers and words ----------------------------------------------------------------------- */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && isdigit((unsigned char)*at)) {
        at++;
    }
    return at;
}

static struct json *parse_number(struct parser *p)
{
    const char *start = p->at, *at = start + (*start == '-'), *digits = at, *part;
    bool whole = true;
    struct json *value;
    char *text;

    at = skip_digits(at, p->end);
    if (at == digits || (*digits == '0' && at - digits > 1)) {
        return fail(p, "invalid number");
    }
    if (at < p->end && *at == '.') {
        part = at + 1;
        at = skip_digits(part, p->end);
        whole = false;
        if (at == part) {
            return fail(p, "invalid number");
        }
    }
    if (at < p->end && (*at == 'e' || *at == 'E')) {
        part = at + 1 + (at + 1 < p->end && (at[1] == '+' || at[1] == '-'));
        at = skip_digits(part, p->end);
        whole = false;
        if (at == part) {
            return fail(p, "invalid number");
        }
    }
    text = g_strndup(start, (gsize)(at - start));
    errno = 0;
    value = whole ? json_int(strtoll(text, NULL, 10)) : NULL;
    if (!whole || errno) {
        json_free(value);
        value = json_double(g_ascii_strtod(text, NULL));
    }
    g_free(text);
    p->at = at;
    return value;
}

static struct json *parse_word(struct parser *p)
{
    const char *start = p->at;
    size_t size;
    char why[80];

    while (p->at < p->end && (isalnum((unsigned char)*p->at) || *p->at == '_')) {
        p->at++;
    }
    size = (size_t)(p->at - start);
    if (size == 4 && memcmp(start, "true", 4) == 0) {
        return json_bool(true);
    } else if (size == 5 && memcmp(start, "false", 5) == 0) {
        return json_bool(false);
    } else if (size == 4 && memcmp(start, "null", 4) == 0) {
        return json_null();
    }
    if (!size) {
        return fail(p, start == p->end ? "expecting value" : "stray character");
    }
    g_snprintf(why, sizeof(why), "invalid keyword '%.*s'", (int)MIN(size, 40), start);
    return fail(p, why);
}

/* --- containers ------------------------------------------------------------------------------ */

static struct json *parse_array(struct parser *p)
{
    struct json *array = json_array(), *item;

    p->at++;
    if (take(p, ']')) {
        return array;
    }
    do {
        item = parse_value(p);
        if (!item) {
            json_free(array);
            return NULL;
        }
        json_append(array, item);
    } while (take(p, ','));
    if (!take(p, ']')) {
        json_free(array);
        return fail(p, "expected separator in list");
    }
    return array;
}

static bool parse_member(struct parser *p, struct json *object)
{
    struct json *value = NULL;
    char *key;

    skip_space(p);
    if (p->at == p->end || (*p->at != '"' && *p->at != '\'')) {
        if (p->at < p->end && isalpha((unsigned char)*p->at)) {
            json_free(parse_word(p));
        }
        fail(p, "key is not a string in object");
        return false;
    }
    key = read_string(p);
    if (key && json_get(object, key)) {
        fail(p, "duplicate key");
    } else if (key && !take(p, ':')) {
        fail(p, "missing : in object pair");
    } else if (key) {
        value = parse_value(p);
    }
    if (value) {
        json_set(object, key, value);
    }
    g_free(key);
    return value != NULL;
}

static struct json *parse_object(struct parser *p)
{
    struct json *object = json_object();

    p->at++;
    if (take(p, '}')) {
        return object;
    }
    do {
        if (!parse_member(p, object)) {
            json_free(object);
            return NULL;
        }
    } while (take(p, ','));
    if (!take(p, '}')) {
        json_free(object);
        return fail(p, "expected separator in dict");
    }
    return object;
}

static struct json *parse_value(struct parser *p)
{
    struct json *value;
    char *text;

    skip_space(p);
    if (p->at == p->end) {
        return fail(p, "expecting value");
    }
    if (p->depth == DEPTH) {
        return fail(p, "maximum nesting exceeded");
    }
    p->depth++;
    switch (*p->at) {
    case '{':
        value = parse_object(p);
        break;
    case '[':
        value = parse_array(p);
        break;
    case '"':
    case '\'':
        text = read_string(p);
        value = text ? json_string(text) : NULL;
        g_free(text);
        break;
    case '-':
    case '0' ... '9':
        value = parse_number(p);
        break;
    default:
        value = parse_word(p);
        break;
    }
    p->depth--;
    return value;
}

struct json *json_parse(const char *text, size_t size, struct error **err)
{
    struct error *why = NULL;
    struct parser p = { text, text + size, 0, &why };
    struct json *value = parse_value(&p);

    skip_space(&p);
    if (value && p.at != p.end) {
        json_free(value);
        value = fail(&p, "text after the value");
    }
    error_propagate(err, why);
    return value;
}

/* --- streams --------------------------------------------------------------------------------- */

struct json_stream {
    GString *bytes;
    size_t scanned, limit;
    unsigned depth;
    char quote;                     /* inside of a string */
    bool escaped;
};

struct json_stream *json_stream_create(size_t limit)
{
    struct json_stream *stream = g_new0(struct json_stream, 1);

    stream->bytes = g_string_new(NULL);
    stream->limit = limit;
    return stream;
}

void json_stream_free(struct json_stream *stream)
{
    g_string_free(stream->bytes, TRUE);
    g_free(stream);
}

void json_stream_add(struct json_stream *stream, const void *bytes, size_t size)
{
    g_string_append_len(stream->bytes, bytes, (gssize)size);
}

/* Whether the byte ends a value that began at the front of the buffer. */
static bool ends_value(struct json_stream *s, char c)
{
    if (s->quote) {
        if (s->escaped) {
            s->escaped = false;
        } else if (c == '\\') {
            s->escaped = true;
        } else if (c == s->quote) {
            s->quote = 0;
        }
        return !s->quote && !s->depth;
    }
    switch (c) {
    case '"':
    case '\'':
        s->quote = c;
        return false;
    case '{':
    case '[':
        s->depth++;
        return false;
    case '}':
    case ']':
        s->depth -= s->depth > 0;
        return !s->depth;
    default:
        /* A bare word or number outside of everything goes to the end of its line. */
        return !s->depth && c == '\n';
    }
}

static struct json *take_value(struct json_stream *s, size_t size, struct error **err)
{
    struct json *value = json_parse(s->bytes->str, size, err);

    g_string_erase(s->bytes, 0, (gssize)size);
    s->scanned = 0;
    s->depth = 0;
    s->quote = 0;
    s->escaped = false;
    return value;
}

struct json *json_stream_next(struct json_stream *s, struct error **err)
{
    size_t space = strspn(s->bytes->str, " \t\r\n");

    if (!s->scanned && space) {
        g_string_erase(s->bytes, 0, (gssize)space);
    }
    while (s->scanned < s->bytes->len) {
        if (ends_value(s, s->bytes->str[s->scanned++])) {
            return take_value(s, s->scanned, err);
        }
    }
    if (s->bytes->len > s->limit) {
        error_set(err, "JSON parse error, the text is longer than %zu bytes", s->limit);
        g_string_truncate(s->bytes, 0);
        take_value(s, 0, NULL);
    }
    return NULL;
}
