/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the .decode compiler share: the description as it was read. */
#ifndef TCG_DECODETREE_DECODETREE_H
#define TCG_DECODETREE_DECODETREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_ARGS = 12, MAX_SLICES = 8, MAX_TOKENS = 64, MAX_PREDICATES = 4, MAX_ATTRIBUTES = 8 };

struct argset {
    char *name;
    unsigned n;
    char *arg[MAX_ARGS];
    struct argset *next;
};

struct slice {
    uint8_t pos, len;
    bool is_signed;
};

struct field {
    char *name;
    unsigned n;                     /* slices, the most significant first */
    struct slice slice[MAX_SLICES];
    char *function;
    struct field *next;
};

/* An argument: a field, or a number. */
struct value {
    char *name;
    struct field *field;
    int64_t number;
    bool is_inline;
};

struct handler {
    char *name;
    struct argset *args;
    unsigned number;
    struct handler *next;
};

struct pattern {                    /* or a format */
    char *name;
    const char *file;
    int line;
    unsigned width;
    uint32_t mask, bits;            /* the fixed ones; of 16-bit patterns in the upper half */
    uint32_t open, covered;         /* written as '.', used by fields */
    struct argset *args;
    struct pattern *format;
    unsigned n_values, n_predicates, n_attributes;
    struct value value[MAX_ARGS];
    char *predicate[2 * MAX_PREDICATES], *attribute[2 * MAX_ATTRIBUTES];
    struct handler *handler;
    unsigned row;
    struct pattern *next;
};

struct item {
    struct pattern *pattern;        /* or */
    struct group *group;
};

struct group {
    bool exclusive;                 /* its items do not overlap; else the first that fits */
    struct group *parent;
    const char *file;
    int line;
    unsigned n, room;
    struct item *item;
};

struct decoder {
    char *name;
    struct group *top;
    struct decoder *next;
};

struct tree {
    struct argset *argsets;
    struct field *fields;           /* of the file that is read, like the formats */
    struct pattern *formats;
    struct handler *handlers;
    struct decoder *decoders;
    struct pattern *first_row, *last_row;
    unsigned n_handlers, n_rows;
};
extern struct tree tree;

_Noreturn void tree_error(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void *tree_alloc(size_t size);
/* Ends the program if items of an exclusive group overlap, or if an item can never be reached. */
void tree_check(const struct group *g);
/* Writes both files. */
bool tree_emit(const char *prefix, const char *context, const char *header, const char *out_h,
               const char *out_c);

#endif
