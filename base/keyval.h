/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key=value[,key=value] argument shared by -drive, -device, -netdev, -chardev, -machine, ...
 *
 * A comma in a value is written ",,". A bare word is "on" (`readonly`), except that the first one
 * is the value of the implied key when the option has one. Of repeated keys the last one counts,
 * unless the consumer walks them. Every lookup marks its key as known; keyval_check() names the
 * rest.
 */
#ifndef BASE_KEYVAL_H
#define BASE_KEYVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct keyval;

/* `option` is the option's name with its dash, for messages. implied_key may be NULL. */
struct keyval *keyval_parse(const char *option, const char *text, const char *implied_key,
                            struct error **err);
/* An empty list, for code that builds one. */
struct keyval *keyval_create(const char *option);
/* Appends; a later value of the same key wins. */
void keyval_set(struct keyval *kv, const char *key, const char *value);
void keyval_remove(struct keyval *kv, const char *key);
void keyval_free(struct keyval *kv);
/* A list of the pairs whose keys start with `prefix`, without it; marks them as known here. */
struct keyval *keyval_sub(struct keyval *kv, const char *prefix);
const char *keyval_option(const struct keyval *kv);

bool keyval_has(struct keyval *kv, const char *key);
/* The value or `fallback` (may be NULL). It lives as long as kv. */
const char *keyval_string(struct keyval *kv, const char *key, const char *fallback);
/* Typed lookups leave *value alone when the key is absent; false only for a bad value. */
bool keyval_bool(struct keyval *kv, const char *key, bool *value, struct error **err);
bool keyval_uint(struct keyval *kv, const char *key, uint64_t *value, struct error **err);
/* Bytes; suffix B, K, M, G, T, P or E, and a fraction such as 1.5G. */
bool keyval_size(struct keyval *kv, const char *key, uint64_t *value, struct error **err);

/* Walks all pairs in order without marking them: start with *at = 0; false at the end. */
bool keyval_next(const struct keyval *kv, size_t *at, const char **key, const char **value);
void keyval_mark(struct keyval *kv, const char *key);
/* Fails, naming the option and the key, if there is a key that nobody looked up. */
bool keyval_check(const struct keyval *kv, struct error **err);

/* The value parsers on their own. on/off, yes/no, true/false, y/n. */
bool parse_bool(const char *text, bool *value);
/* Decimal, 0x hexadecimal or 0 octal, the whole text. */
bool parse_uint(const char *text, uint64_t *value);
/* A size with suffix as above; a bare number is multiplied by `unit` (1, or 1 << 20 for -m). */
bool parse_size(const char *text, uint64_t unit, uint64_t *value);

#endif
