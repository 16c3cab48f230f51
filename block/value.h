/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about images as a tree, printed as JSON or as indented text. */
#ifndef BLOCK_VALUE_H
#define BLOCK_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct value;

struct value *value_object(void);
struct value *value_list(void);
void value_free(struct value *v);

/* Append to an object (key given) or a list (key NULL). `item` is taken over. */
void value_add(struct value *to, const char *key, struct value *item);
void value_add_text(struct value *to, const char *key, const char *text);
void value_add_uint(struct value *to, const char *key, uint64_t number);
void value_add_bool(struct value *to, const char *key, bool on);
/* Four spaces a level; no newline at the end. */
void value_print_json(const struct value *v, unsigned level, FILE *out);
/* "key: value" lines; `-` in keys becomes a blank. */
void value_print_text(const struct value *v, unsigned level, FILE *out);

#endif
