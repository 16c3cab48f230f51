/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key=value lists and the parsers of their values. Lists are short: lookups are linear. */
#include "base/keyval.h"

#include <ctype.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    char *key, *value;
    bool known;
};

struct keyval {
    char *option;
    char *prefix;               /* of keyval_sub(), for messages; NULL: none */
    struct pair *pairs;
    size_t count, capacity;
};

struct keyval *keyval_create(const char *option)
{
    struct keyval *kv = g_new0(struct keyval, 1);

    kv->option = g_strdup(option);
    return kv;
}

void keyval_free(struct keyval *kv)
{
    if (!kv) {
        return;
    }
    for (size_t i = 0; i < kv->count; i++) {
        g_free(kv->pairs[i].key);
        g_free(kv->pairs[i].value);
    }
    g_free(kv->pairs);
    g_free(kv->prefix);
    g_free(kv->option);
    g_free(kv);
}

const char *keyval_option(const struct keyval *kv)
{
    return kv->option;
}

/* Takes both strings. */
static void append(struct keyval *kv, char *key, char *value)
{
    if (kv->count == kv->capacity) {
        kv->capacity = kv->capacity ? 2 * kv->capacity : 8;
        kv->pairs = g_renew(struct pair, kv->pairs, kv->capacity);
    }
    kv->pairs[kv->count++] = (struct pair){ key, value, false };
}

void keyval_set(struct keyval *kv, const char *key, const char *value)
{
    append(kv, g_strdup(key), g_strdup(value));
}

void keyval_remove(struct keyval *kv, const char *key)
{
    size_t kept = 0;

    for (size_t i = 0; i < kv->count; i++) {
        if (strcmp(kv->pairs[i].key, key) == 0) {
            g_free(kv->pairs[i].key);
            g_free(kv->pairs[i].value);
        } else {
            kv->pairs[kept++] = kv->pairs[i];
        }
    }
    kv->count = kept;
}

struct keyval *keyval_sub(struct keyval *kv, const char *prefix)
{
    struct keyval *sub = keyval_create(kv->option);
    size_t length = strlen(prefix);

    sub->prefix = g_strconcat(kv->prefix ? kv->prefix : "", prefix, NULL);
    for (size_t i = 0; i < kv->count; i++) {
        if (strncmp(kv->pairs[i].key, prefix, length) == 0) {
            kv->pairs[i].known = true;
            keyval_set(sub, kv->pairs[i].key + length, kv->pairs[i].value);
        }
    }
    return sub;
}

/* Copies up to the next single comma, turning ",," into ","; moves *at behind that comma. */
static char *take_value(const char **at)
{
    GString *value = g_string_new(NULL);
    const char *p = *at;

    for (; *p; p++) {
        if (*p == ',' && *++p != ',') {
            break;
        }
        g_string_append_c(value, *p);
    }
    *at = p;
    return g_string_free(value, FALSE);
}

struct keyval *keyval_parse(const char *option, const char *text, const char *implied_key,
                            struct error **err)
{
    struct keyval *kv = keyval_create(option);

    for (const char *p = text; *p;) {
        size_t length = strcspn(p, "=,");

        if (p[length] != '=' && p == text && implied_key) {
            append(kv, g_strdup(implied_key), take_value(&p));
            continue;
        }
        if (length == 0) {
            error_set(err, "%s: a parameter name is missing before '%s'", option, p);
            keyval_free(kv);
            return NULL;
        }
        char *key = g_strndup(p, length);
        p += length;
        if (*p == '=') {
            p++;
            append(kv, key, take_value(&p));
        } else {
            append(kv, key, g_strdup("on"));
            p += *p == ',';
        }
    }
    return kv;
}

/* Marks every pair of the key and returns the last. */
static struct pair *find(struct keyval *kv, const char *key)
{
    struct pair *found = NULL;

    for (size_t i = 0; i < kv->count; i++) {
        if (strcmp(kv->pairs[i].key, key) == 0) {
            found = &kv->pairs[i];
            found->known = true;
        }
    }
    return found;
}

bool keyval_has(struct keyval *kv, const char *key)
{
    return find(kv, key) != NULL;
}

void keyval_mark(struct keyval *kv, const char *key)
{
    find(kv, key);
}

const char *keyval_string(struct keyval *kv, const char *key, const char *fallback)
{
    struct pair *pair = find(kv, key);

    return pair ? pair->value : fallback;
}

bool keyval_bool(struct keyval *kv, const char *key, bool *value, struct error **err)
{
    struct pair *pair = find(kv, key);

    if (pair && !parse_bool(pair->value, value)) {
        error_set(err, "%s: parameter '%s' expects 'on' or 'off', not '%s'", kv->option, key,
                  pair->value);
        return false;
    }
    return true;
}

bool keyval_uint(struct keyval *kv, const char *key, uint64_t *value, struct error **err)
{
    struct pair *pair = find(kv, key);

    if (pair && !parse_uint(pair->value, value)) {
        error_set(err, "%s: parameter '%s' expects a number, not '%s'", kv->option, key,
                  pair->value);
        return false;
    }
    return true;
}

bool keyval_size(struct keyval *kv, const char *key, uint64_t *value, struct error **err)
{
    struct pair *pair = find(kv, key);

    if (pair && !parse_size(pair->value, 1, value)) {
        error_set(err, "%s: parameter '%s' expects a size such as 64K or 1.5G, not '%s'",
                  kv->option, key, pair->value);
        return false;
    }
    return true;
}

bool keyval_next(const struct keyval *kv, size_t *at, const char **key, const char **value)
{
    if (*at >= kv->count) {
        return false;
    }
    *key = kv->pairs[*at].key;
    *value = kv->pairs[*at].value;
    ++*at;
    return true;
}

bool keyval_check(const struct keyval *kv, struct error **err)
{
    for (size_t i = 0; i < kv->count; i++) {
        if (!kv->pairs[i].known) {
            error_set(err, "%s: invalid parameter '%s%s'", kv->option,
                      kv->prefix ? kv->prefix : "", kv->pairs[i].key);
            return false;
        }
    }
    return true;
}

bool parse_bool(const char *text, bool *value)
{
    static const char *const words[][2] = {
        { "off", "on" }, { "no", "yes" }, { "false", "true" }, { "n", "y" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        for (int v = 0; v < 2; v++) {
            if (strcmp(text, words[i][v]) == 0) {
                *value = v;
                return true;
            }
        }
    }
    return false;
}

/* A number at the start of the text, without the signs and blanks that strtoull() lets through. */
static bool leading_uint(const char *text, int base, uint64_t *value, char **end)
{
    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    errno = 0;
    *value = strtoull(text, end, base);
    return errno == 0;
}

bool parse_uint(const char *text, uint64_t *value)
{
    uint64_t parsed;
    char *end;

    if (!leading_uint(text, 0, &parsed, &end) || *end) {
        return false;
    }
    *value = parsed;
    return true;
}

/* The multiplier of a suffix letter; 0 when it is none. */
static uint64_t suffix_unit(char suffix)
{
    static const char letters[] = "BKMGTPE";
    const char *at = suffix ? strchr(letters, toupper((unsigned char)suffix)) : NULL;

    return at ? 1ull << (10 * (at - letters)) : 0;
}

/* ".25" as a fraction; digits beyond what a long double holds do no harm. */
static long double take_fraction(const char **at)
{
    long double value = 0, weight = 1;
    const char *p = *at + 1;

    for (; isdigit((unsigned char)*p); p++) {
        weight /= 10;
        value += weight * (*p - '0');
    }
    *at = p;
    return value;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    long double fraction = 0;
    uint64_t whole, sum;
    const char *p;
    char *end;

    if (!leading_uint(text, hex ? 16 : 10, &whole, &end)) {
        return false;
    }
    p = end;
    if (*p == '.' && !hex) {
        fraction = take_fraction(&p);
        if (p == end + 1) {
            return false;
        }
    }
    if (*p) {
        unit = suffix_unit(*p++);
    }
    if (!unit || *p || (fraction != 0 && unit == 1)) {
        return false;
    }
    if (__builtin_mul_overflow(whole, unit, &sum) ||
        __builtin_add_overflow(sum, (uint64_t)(fraction * unit), &sum)) {
        return false;
    }
    *value = sum;
    return true;
}
