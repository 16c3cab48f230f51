/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The compiler of instruction set descriptions: a host program, built first, that turns *.decode
 * files into C. docs/decodetree.md tells the language.
 *
 *   decodetree PREFIX CONTEXT HEADER OUT.h OUT.c FILE.decode...
 *
 * Each file becomes one decoder, PREFIX_decode_FILE(); argument sets and handlers are common to all
 * files. CONTEXT is the struct that predicates and field functions get, HEADER declares it.
 */
#include "tcg/decodetree/decodetree.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree tree;

static const char *current_file = "decodetree";
static int current_line;

_Noreturn void tree_error(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: error: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

#define fail(...) tree_error(current_file, current_line, __VA_ARGS__)

void *tree_alloc(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        fail("out of memory");
    }
    return p;
}

static char *copy(const char *s)
{
    return strcpy(tree_alloc(strlen(s) + 1), s);
}

static bool is_name(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_') {
        return false;
    }
    while (isalnum((unsigned char)*s) || *s == '_') {
        s++;
    }
    return !*s;
}

/* --- looking up ------------------------------------------------------------------------------ */

static struct argset *find_argset(const char *name)
{
    for (struct argset *a = tree.argsets; a; a = a->next) {
        if (strcmp(a->name, name) == 0) {
            return a;
        }
    }
    return NULL;
}

static struct field *find_field(const char *name)
{
    for (struct field *f = tree.fields; f; f = f->next) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static struct pattern *find_format(const char *name)
{
    for (struct pattern *p = tree.formats; p; p = p->next) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

static struct handler *get_handler(const char *name, struct argset *args)
{
    struct handler **at = &tree.handlers;

    for (; *at; at = &(*at)->next) {
        if (strcmp((*at)->name, name) == 0) {
            if ((*at)->args != args) {
                fail("'%s' was given the arguments '&%s' before, now '&%s'", name,
                     (*at)->args->name, args->name);
            }
            return *at;
        }
    }
    *at = tree_alloc(sizeof(**at));
    (*at)->name = copy(name);
    (*at)->args = args;
    (*at)->number = tree.n_handlers++;
    return *at;
}

/* --- the parts of a line --------------------------------------------------------------------- */

static struct argset *add_argset(const char *name)
{
    struct argset **at = &tree.argsets;

    while (*at) {
        at = &(*at)->next;
    }
    *at = tree_alloc(sizeof(**at));
    (*at)->name = copy(name);
    return *at;
}

static void add_argument(struct argset *set, const char *name)
{
    if (set->n == MAX_ARGS) {
        fail("'&%s' has more than %d arguments", set->name, MAX_ARGS);
    }
    for (unsigned i = 0; i < set->n; i++) {
        if (strcmp(set->arg[i], name) == 0) {
            fail("'&%s' names '%s' twice", set->name, name);
        }
    }
    set->arg[set->n++] = copy(name);
}

static void parse_argset(const char *name, char **token, unsigned n)
{
    struct argset *set;

    if (find_argset(name)) {
        fail("the argument set '&%s' exists already", name);
    }
    set = add_argset(name);
    for (unsigned i = 0; i < n; i++) {
        if (!is_name(token[i])) {
            fail("'%s' is no name of an argument", token[i]);
        }
        add_argument(set, token[i]);
    }
}

static bool parse_slice(const char *text, struct slice *s)
{
    unsigned pos, len;
    int used = 0;

    s->is_signed = false;
    if (sscanf(text, "%u:%u%n", &pos, &len, &used) != 2 || text[used]) {
        s->is_signed = true;
        if (sscanf(text, "%u:s%u%n", &pos, &len, &used) != 2 || text[used]) {
            return false;
        }
    }
    if (len == 0 || pos > 31 || len > 32 - pos) {
        fail("the bits '%s' are not in an instruction", text);
    }
    s->pos = pos;
    s->len = len;
    return true;
}

static void parse_field(const char *name, char **token, unsigned n)
{
    struct field *f = tree_alloc(sizeof(*f));

    if (find_field(name)) {
        fail("the field '%%%s' exists already", name);
    }
    f->name = copy(name);
    for (unsigned i = 0; i < n; i++) {
        if (strncmp(token[i], "!function=", 10) == 0) {
            f->function = copy(token[i] + 10);
        } else if (f->n == MAX_SLICES || !parse_slice(token[i], &f->slice[f->n])) {
            fail("'%s' is neither POS:LEN nor !function=NAME", token[i]);
        } else {
            f->n++;
        }
    }
    if (!f->n && !f->function) {
        fail("the field '%%%s' is empty", name);
    }
    f->next = tree.fields;
    tree.fields = f;
}

static uint32_t slice_mask(const struct slice *s)
{
    return (s->len == 32 ? 0xffffffffu : (1u << s->len) - 1) << s->pos;
}

static void set_value(struct pattern *p, const char *name, struct field *field, int64_t number)
{
    struct value *v;

    for (unsigned i = 0; i < p->n_values; i++) {
        if (strcmp(p->value[i].name, name) == 0) {
            fail("'%s' is given twice", name);
        }
    }
    if (p->n_values == MAX_ARGS) {
        fail("more than %d arguments", MAX_ARGS);
    }
    v = &p->value[p->n_values++];
    v->name = copy(name);
    v->field = field;
    v->number = number;
    for (unsigned i = 0; field && i < field->n; i++) {
        p->covered |= slice_mask(&field->slice[i]);
    }
}

/* 0, 1, '.' (a field covers it) and '-' (ignored), most significant first. */
static void take_bits(struct pattern *p, const char *bits)
{
    for (; *bits; bits++) {
        if (p->width == 32) {
            fail("'%s' has more than 32 bits", p->name);
        }
        p->mask = p->mask << 1 | (*bits == '0' || *bits == '1');
        p->bits = p->bits << 1 | (*bits == '1');
        p->open = p->open << 1 | (*bits == '.');
        p->covered <<= 1;
        p->width++;
    }
}

/* NAME:LEN, a field where it stands. Positions are known only when the line is complete. */
static bool take_inline(struct pattern *p, const char *text)
{
    char name[64];
    unsigned len;
    int used = 0;
    bool is_signed = false;
    struct field *f;

    if (sscanf(text, "%63[A-Za-z0-9_]:%u%n", name, &len, &used) != 2 || text[used]) {
        is_signed = true;
        if (sscanf(text, "%63[A-Za-z0-9_]:s%u%n", name, &len, &used) != 2 || text[used]) {
            return false;
        }
    }
    if (!is_name(name) || len == 0 || len > 32 || p->width + len > 32) {
        fail("'%s' does not fit", text);
    }
    f = tree_alloc(sizeof(*f));
    f->name = copy(name);
    f->n = 1;
    f->slice[0] = (struct slice){ p->width, len, is_signed };   /* from the left, for now */
    set_value(p, name, f, 0);
    p->covered = 0;
    p->value[p->n_values - 1].is_inline = true;
    p->mask = len == 32 ? 0 : p->mask << len;
    p->bits = len == 32 ? 0 : p->bits << len;
    p->open = len == 32 ? 0 : p->open << len;
    p->width += len;
    return true;
}

static void take_assignment(struct pattern *p, char *text)
{
    char *value = strchr(text, '='), *end;
    struct field *f = NULL;
    int64_t number = 0;

    *value++ = 0;
    if (!is_name(text)) {
        fail("'%s' is no name of an argument", text);
    }
    if (*value == '%') {
        f = find_field(value + 1);
        if (!f) {
            fail("there is no field '%s'", value);
        }
    } else {
        number = strtoll(value, &end, 0);
        if (!*value || *end) {
            fail("'%s' is no number", value);
        }
    }
    set_value(p, text, f, number);
}

static void take_reference(struct pattern *p, const char *text)
{
    struct field *f;

    switch (text[0]) {
    case '&':
        p->args = find_argset(text + 1);
        if (!p->args) {
            fail("there is no argument set '%s'", text);
        }
        break;
    case '@':
        p->format = find_format(text + 1);
        if (!p->format) {
            fail("there is no format '%s'", text);
        }
        break;
    case '%':
        f = find_field(text + 1);
        if (!f) {
            fail("there is no field '%s'", text);
        }
        set_value(p, text + 1, f, 0);
        break;
    case '?':
        if (p->n_predicates == MAX_PREDICATES) {
            fail("too many predicates");
        }
        p->predicate[p->n_predicates++] = copy(text + 1);
        break;
    case '+':
        if (p->n_attributes == MAX_ATTRIBUTES) {
            fail("too many attributes");
        }
        p->attribute[p->n_attributes++] = copy(text + 1);
        break;
    }
}

static void take_token(struct pattern *p, char *text)
{
    if (strspn(text, "01.-") == strlen(text)) {
        take_bits(p, text);
    } else if (strchr("&@%?+", text[0])) {
        take_reference(p, text);
    } else if (strchr(text, '=')) {
        take_assignment(p, text);
    } else if (!take_inline(p, text)) {
        fail("'%s' is not understood", text);
    }
}

/* Inline fields were counted from the left. */
static void place_inline(struct pattern *p)
{
    p->covered = 0;
    for (unsigned i = 0; i < p->n_values; i++) {
        struct value *v = &p->value[i];

        if (v->field && v->is_inline) {
            v->field->slice[0].pos = p->width - v->field->slice[0].pos - v->field->slice[0].len;
        }
        for (unsigned k = 0; v->field && k < v->field->n; k++) {
            p->covered |= slice_mask(&v->field->slice[k]);
        }
    }
}

/* What the format says and the pattern does not. */
static void inherit(struct pattern *p)
{
    const struct pattern *f = p->format;

    if (!f) {
        return;
    }
    if (p->width != f->width) {
        fail("'%s' has %u bits, its format '@%s' has %u", p->name, p->width, f->name, f->width);
    }
    if (p->mask & f->mask & (p->bits ^ f->bits)) {
        fail("'%s' contradicts its format '@%s'", p->name, f->name);
    }
    p->mask |= f->mask;
    p->bits |= f->bits;
    p->covered |= f->covered;
    p->args = p->args ? p->args : f->args;
    for (unsigned i = 0; i < f->n_values; i++) {
        bool given = false;

        for (unsigned k = 0; k < p->n_values; k++) {
            given |= strcmp(p->value[k].name, f->value[i].name) == 0;
        }
        if (!given && p->n_values == MAX_ARGS) {
            fail("more than %d arguments", MAX_ARGS);
        }
        if (!given) {
            p->value[p->n_values++] = f->value[i];
        }
    }
    for (unsigned i = 0; i < f->n_predicates; i++) {
        p->predicate[p->n_predicates++] = f->predicate[i];
    }
    for (unsigned i = 0; i < f->n_attributes; i++) {
        p->attribute[p->n_attributes++] = f->attribute[i];
    }
}

/* A pattern that names no set has one of its own, or that of an equal pattern before. */
static void own_argset(struct pattern *p)
{
    struct handler *h;

    for (h = tree.handlers; h; h = h->next) {
        if (strcmp(h->name, p->name) == 0) {
            p->args = h->args;
            return;
        }
    }
    p->args = p->n_values ? find_argset(p->name) : find_argset("empty");
    if (!p->args) {
        p->args = add_argset(p->n_values ? p->name : "empty");
        for (unsigned i = 0; i < p->n_values; i++) {
            add_argument(p->args, p->value[i].name);
        }
    }
}

static void check_arguments(const struct pattern *p)
{
    for (unsigned i = 0; i < p->args->n; i++) {
        bool given = false;

        for (unsigned k = 0; k < p->n_values; k++) {
            given |= strcmp(p->value[k].name, p->args->arg[i]) == 0;
        }
        if (!given) {
            fail("'%s' does not say what the argument '%s' is", p->name, p->args->arg[i]);
        }
    }
    for (unsigned k = 0; k < p->n_values; k++) {
        bool wanted = false;

        for (unsigned i = 0; i < p->args->n; i++) {
            wanted |= strcmp(p->value[k].name, p->args->arg[i]) == 0;
        }
        if (!wanted) {
            fail("'%s' is no argument of '&%s'", p->value[k].name, p->args->name);
        }
    }
}

static void finish_pattern(struct pattern *p)
{
    uint32_t bare;

    inherit(p);
    if (!p->args) {
        own_argset(p);
    }
    check_arguments(p);
    bare = p->open & ~p->mask & ~p->covered;
    if (bare) {
        fail("bit %d of '%s' is in no field; write '-' to ignore it", __builtin_ctz(bare),
             p->name);
    }
    p->handler = get_handler(p->name, p->args);
    if (p->width == 16) {
        /* The first of two halfwords. */
        p->mask <<= 16;
        p->bits <<= 16;
    }
}

static struct pattern *parse_line(const char *name, char **token, unsigned n)
{
    struct pattern *p = tree_alloc(sizeof(*p));

    p->name = copy(name);
    p->file = current_file;
    p->line = current_line;
    for (unsigned i = 0; i < n; i++) {
        take_token(p, token[i]);
    }
    if (p->width != 16 && p->width != 32) {
        fail("'%s' has %u bits; it must have 16 or 32", p->name, p->width);
    }
    place_inline(p);
    return p;
}

/* --- groups ---------------------------------------------------------------------------------- */

static struct group *open_group(struct group *parent, bool exclusive)
{
    struct group *g = tree_alloc(sizeof(*g));

    g->exclusive = exclusive;
    g->parent = parent;
    g->file = current_file;
    g->line = current_line;
    return g;
}

static void add_item(struct group *g, struct item item)
{
    if (g->n == g->room) {
        g->room = g->room ? g->room * 2 : 8;
        g->item = realloc(g->item, g->room * sizeof(*g->item));
        if (!g->item) {
            fail("out of memory");
        }
    }
    g->item[g->n++] = item;
}

static void add_pattern(struct group *g, const char *name, char **token, unsigned n)
{
    struct pattern *p;

    if (!is_name(name)) {
        fail("'%s' is no name", name);
    }
    p = parse_line(name, token, n);
    finish_pattern(p);
    p->row = tree.n_rows++;
    add_item(g, (struct item){ .pattern = p });
    if (!tree.first_row) {
        tree.first_row = p;
    } else {
        tree.last_row->next = p;
    }
    tree.last_row = p;
}

static struct group *parse_brace(struct group *g, const char *token)
{
    if (token[0] == '{' || token[0] == '[') {
        struct group *inner = open_group(g, token[0] == '[');

        if (g->exclusive && inner->exclusive && g->parent) {
            fail("a '[' group belongs into a '{' group");
        }
        add_item(g, (struct item){ .group = inner });
        return inner;
    }
    if (!g->parent || g->exclusive != (token[0] == ']')) {
        fail("'%s' closes no group", token);
    }
    if (g->n == 0) {
        fail("the group is empty");
    }
    return g->parent;
}

/* --- files ----------------------------------------------------------------------------------- */

static struct group *parse_tokens(struct group *g, char **token, unsigned n)
{
    char *first = token[0];
    struct pattern *format;

    switch (first[0]) {
    case '%':
        parse_field(first + 1, token + 1, n - 1);
        break;
    case '&':
        parse_argset(first + 1, token + 1, n - 1);
        break;
    case '@':
        if (find_format(first + 1)) {
            fail("the format '%s' exists already", first);
        }
        format = parse_line(first + 1, token + 1, n - 1);
        inherit(format);
        format->next = tree.formats;
        tree.formats = format;
        break;
    case '{':
    case '[':
    case '}':
    case ']':
        if (n != 1 || first[1]) {
            fail("'%c' stands alone in its line", first[0]);
        }
        return parse_brace(g, first);
    default:
        add_pattern(g, first, token + 1, n - 1);
    }
    return g;
}

/* Reads a line with its continuations; false at the end. */
static bool read_line(FILE *in, char *line, size_t size)
{
    size_t len = 0;

    while (len + 2 < size && fgets(line + len, size - len, in)) {
        current_line++;
        line[len + strcspn(line + len, "#\n")] = 0;
        len = strlen(line);
        if (!len || line[len - 1] != '\\') {
            return true;
        }
        line[--len] = 0;
    }
    return len > 0;
}

static char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = copy(slash ? slash + 1 : path);

    name[strcspn(name, ".")] = 0;
    for (char *p = name; *p; p++) {
        *p = *p == '-' ? '_' : *p;
    }
    return name;
}

static void parse_file(const char *path)
{
    struct group *top, *g;
    struct decoder **at = &tree.decoders;
    char line[4096], *token[MAX_TOKENS];
    FILE *in = fopen(path, "r");

    current_file = copy(path);
    current_line = 0;
    if (!in) {
        fail("cannot open it");
    }
    tree.fields = NULL;
    tree.formats = NULL;
    top = g = open_group(NULL, true);
    while (read_line(in, line, sizeof(line))) {
        unsigned n = 0;

        for (char *t = strtok(line, " \t\r"); t; t = strtok(NULL, " \t\r")) {
            if (n == MAX_TOKENS) {
                fail("the line has more than %d words", MAX_TOKENS);
            }
            token[n++] = t;
        }
        if (n) {
            g = parse_tokens(g, token, n);
        }
    }
    fclose(in);
    if (g != top) {
        tree_error(g->file, g->line, "the group is not closed");
    }
    while (*at) {
        at = &(*at)->next;
    }
    *at = tree_alloc(sizeof(**at));
    (*at)->name = base_name(path);
    (*at)->top = top;
    tree_check(top);
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: decodetree PREFIX CONTEXT HEADER OUT.h OUT.c FILE.decode...\n");
        return 1;
    }
    for (int i = 6; i < argc; i++) {
        parse_file(argv[i]);
    }
    return tree_emit(argv[1], argv[2], argv[3], argv[4], argv[5]) ? 0 : 1;
}
