/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes the decoders: nested switches over the bits that the patterns at hand all fix. Rows of the
 * table, one a pattern, serve the disassembler, tests and generators of random code.
 */
#include "tcg/decodetree/decodetree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *out;
static const char *prefix, *context;

static void put(unsigned depth, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(unsigned depth, const char *format, ...)
{
    va_list args;

    fprintf(out, "%*s", 4 * depth, "");
    va_start(args, format);
    vfprintf(out, format, args);
    va_end(args);
    fputc('\n', out);
}

/* --- one pattern ----------------------------------------------------------------------------- */

static void put_slice(const struct slice *s, unsigned shift)
{
    unsigned pos = s->pos + shift;

    if (s->is_signed) {
        fprintf(out, "((int32_t)(insn << %u) >> %u)", 32 - pos - s->len, 32 - s->len);
    } else {
        fprintf(out, "(int32_t)(insn >> %u & 0x%xu)", pos,
                s->len == 32 ? 0xffffffffu : (1u << s->len) - 1);
    }
}

static void put_value(const struct pattern *p, const struct value *v, unsigned depth)
{
    const struct field *f = v->field;
    unsigned shift = p->width == 16 ? 16 : 0;

    fprintf(out, "%*sargs->%s.%s = ", 4 * depth, "", p->args->name, v->name);
    if (!f) {
        fprintf(out, "%lld;\n", (long long)v->number);
        return;
    }
    if (f->function) {
        fprintf(out, "%s(ctx%s", f->function, f->n ? ", " : "");
    }
    for (unsigned i = 1; i < f->n; i++) {
        fputc('(', out);
    }
    for (unsigned i = 0; i < f->n; i++) {
        if (i) {
            fprintf(out, " * %lld | ", 1ll << f->slice[i].len);
        }
        put_slice(&f->slice[i], shift);
        fprintf(out, "%s", i ? ")" : "");
    }
    fprintf(out, "%s;\n", f->function ? ")" : "");
}

/* `known': bits that were compared already. */
static void put_pattern(const struct pattern *p, uint32_t known, unsigned depth)
{
    uint32_t rest = p->mask & ~known;
    bool asks = rest || p->n_predicates;

    put(depth, "/* %s:%d */", p->file, p->line);
    if (asks) {
        const char *and = "";

        fprintf(out, "%*sif (", 4 * depth, "");
        if (rest) {
            fprintf(out, "(insn & 0x%08x) == 0x%08x", rest, p->bits & rest);
            and = " && ";
        }
        for (unsigned i = 0; i < p->n_predicates; i++) {
            fprintf(out, "%s%s(ctx, insn)", and, p->predicate[i]);
            and = " && ";
        }
        fprintf(out, ") {\n");
        depth++;
    }
    for (unsigned i = 0; i < p->n_values; i++) {
        put_value(p, &p->value[i], depth);
    }
    put(depth, "return %u;", p->row);
    if (asks) {
        put(depth - 1, "}");
    }
}

/* --- groups ---------------------------------------------------------------------------------- */

static uint32_t item_mask(const struct item *item)
{
    uint32_t mask = ~0u;

    if (item->pattern) {
        return item->pattern->mask;
    }
    for (unsigned i = 0; i < item->group->n; i++) {
        mask &= item_mask(&item->group->item[i]);
    }
    return mask;
}

static uint32_t item_bits(const struct item *item)
{
    return item->pattern ? item->pattern->bits : item_bits(&item->group->item[0]);
}

/* The bits of the mask that all patterns of the item agree on. */
static uint32_t item_common(const struct item *item)
{
    uint32_t mask = item_mask(item), bits = item_bits(item);

    for (unsigned i = 0; item->group && i < item->group->n; i++) {
        mask &= item_common(&item->group->item[i]);
        mask &= ~(bits ^ item_bits(&item->group->item[i]));
    }
    return mask;
}

/* Bits that were compared already, and what they were. */
struct known {
    uint32_t mask, bits;
};

static void put_items(const struct item *item, unsigned n, struct known known, unsigned depth);

static void put_item(const struct item *item, struct known known, unsigned depth)
{
    if (item->pattern) {
        put_pattern(item->pattern, known.mask, depth);
    } else {
        put_items(item->group->item, item->group->n, known, depth);
    }
}

/* The bit that is fixed, both ways, in as many items as possible; 0: none. */
static uint32_t best_bit(const struct item *item, unsigned n, uint32_t known)
{
    unsigned best = 0;
    uint32_t result = 0;

    for (unsigned b = 0; b < 32; b++) {
        unsigned ones = 0, zeros = 0;

        for (unsigned i = 0; i < n; i++) {
            if (item_common(&item[i]) & ~known & 1u << b) {
                *(item_bits(&item[i]) >> b & 1 ? &ones : &zeros) += 1;
            }
        }
        if (ones && zeros && ones + zeros > best) {
            best = ones + zeros;
            result = 1u << b;
        }
    }
    return result;
}

/* The same items where these bits have been found, too. */
static void put_subset(const struct item *item, unsigned n, uint32_t mask, uint32_t bits,
                       struct known known, unsigned depth)
{
    put_items(item, n, (struct known){ known.mask | mask, known.bits | bits }, depth);
}

static void put_switch(const struct item *item, unsigned n, uint32_t mask, struct known known,
                       unsigned depth)
{
    put(depth, "switch (insn & 0x%08x) {", mask);
    for (unsigned i = 0; i < n; i++) {
        uint32_t bits = item_bits(&item[i]) & mask;
        bool first = true;

        for (unsigned k = 0; k < i; k++) {
            first &= (item_bits(&item[k]) & mask) != bits;
        }
        if (first) {
            put(depth, "case 0x%08x:", bits);
            put_subset(item, n, mask, bits, known, depth + 1);
            put(depth + 1, "break;");
        }
    }
    put(depth, "}");
}

static void put_possible(const struct item *item, unsigned n, struct known known, unsigned depth)
{
    uint32_t common = ~known.mask, first = item_bits(&item[0]), differ = 0, bit;

    for (unsigned i = 0; i < n; i++) {
        common &= item_common(&item[i]);
        differ |= item_bits(&item[i]) ^ first;
    }
    common &= differ;
    bit = n > 2 ? best_bit(item, n, known.mask) : 0;
    if (n > 1 && common && __builtin_popcount(common) <= 16) {
        put_switch(item, n, common, known, depth);
    } else if (bit) {
        put(depth, "if (insn & 0x%08x) {", bit);
        put_subset(item, n, bit, bit, known, depth + 1);
        put(depth, "} else {");
        put_subset(item, n, bit, 0, known, depth + 1);
        put(depth, "}");
    } else {
        for (unsigned i = 0; i < n; i++) {
            put_item(&item[i], known, depth);
        }
    }
}

/* Leaves out what the known bits exclude. */
static void put_items(const struct item *item, unsigned n, struct known known, unsigned depth)
{
    struct item *possible = tree_alloc(n * sizeof(*possible));
    unsigned m = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!(item_common(&item[i]) & known.mask & (item_bits(&item[i]) ^ known.bits))) {
            possible[m++] = item[i];
        }
    }
    if (m) {
        put_possible(possible, m, known, depth);
    }
    free(possible);
}

/* --- files ----------------------------------------------------------------------------------- */

static void put_header(void)
{
    put(0, "/* Made by decodetree. */");
    put(0, "#include <stdint.h>");
    put(0, "#include \"tcg/decode.h\"\n");
    for (const struct argset *a = tree.argsets; a; a = a->next) {
        put(0, "struct %s_arg_%s {", prefix, a->name);
        for (unsigned i = 0; i < a->n; i++) {
            put(1, "int %s;", a->arg[i]);
        }
        put(0, "};");
    }
    put(0, "union %s_args {", prefix);
    put(1, "int arg[DECODE_ARGS];");
    for (const struct argset *a = tree.argsets; a; a = a->next) {
        if (a->n) {
            put(1, "struct %s_arg_%s %s;", prefix, a->name, a->name);
        }
    }
    put(0, "};");
    put(0, "enum {");
    for (const struct handler *h = tree.handlers; h; h = h->next) {
        put(1, "%s_OP_%s,", prefix, h->name);
    }
    put(0, "};");
    put(0, "enum { %s_ROWS = %u };", prefix, tree.n_rows);
    put(0, "extern const struct decode_row %s_rows[];", prefix);
    put(0, "struct %s;", context);
    for (const struct handler *h = tree.handlers; h; h = h->next) {
        if (h->args->n) {
            put(0, "void trans_%s(struct %s *ctx, const struct %s_arg_%s *a);", h->name, context,
                prefix, h->args->name);
        } else {
            put(0, "void trans_%s(struct %s *ctx);", h->name, context);
        }
    }
    put(0, "/* The row that fits, or -1. */");
    for (const struct decoder *d = tree.decoders; d; d = d->next) {
        put(0, "int %s_decode_%s(const struct %s *ctx, uint32_t insn, union %s_args *args);",
            prefix, d->name, context, prefix);
    }
    put(0, "void %s_translate_op(struct %s *ctx, unsigned op, const union %s_args *args);", prefix,
        context, prefix);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void put_table(void)
{
    put(0, "const struct decode_row %s_rows[] = {", prefix);
    for (const struct pattern *p = tree.first_row; p; p = p->next) {
        fprintf(out, "    { \"%s\", \"", p->name);
        for (unsigned i = 0; i < p->args->n; i++) {
            fprintf(out, "%s%s", i ? " " : "", p->args->arg[i]);
        }
        fprintf(out, "\", \"%s\", %d, 0x%08x, 0x%08x, 0", base_name(p->file), p->line, p->mask,
                p->bits);
        for (unsigned i = 0; i < p->n_attributes; i++) {
            fprintf(out, " | ATTR_%s", p->attribute[i]);
        }
        fprintf(out, ", %s_OP_%s, %u, %u },\n", prefix, p->name, p->width, p->args->n);
    }
    put(0, "};");
}

static void put_dispatch(void)
{
    put(0, "void %s_translate_op(struct %s *ctx, unsigned op, const union %s_args *args)\n{",
        prefix, context, prefix);
    put(1, "switch (op) {");
    for (const struct handler *h = tree.handlers; h; h = h->next) {
        if (h->args->n) {
            put(1, "case %s_OP_%s: trans_%s(ctx, &args->%s); break;", prefix, h->name, h->name,
                h->args->name);
        } else {
            put(1, "case %s_OP_%s: trans_%s(ctx); break;", prefix, h->name, h->name);
        }
    }
    put(1, "}\n}");
}

bool tree_emit(const char *prefix_, const char *context_, const char *header, const char *out_h,
               const char *out_c)
{
    bool good;

    prefix = prefix_;
    context = context_;
    out = fopen(out_h, "w");
    if (!out) {
        tree_error(out_h, 0, "cannot write it");
    }
    put_header();
    good = fclose(out) == 0;
    out = fopen(out_c, "w");
    if (!out) {
        tree_error(out_c, 0, "cannot write it");
    }
    put(0, "/* Made by decodetree. */");
    put(0, "#include \"%s\"\n", header);
    put_table();
    for (const struct decoder *d = tree.decoders; d; d = d->next) {
        put(0, "\nint %s_decode_%s(const struct %s *ctx, uint32_t insn, union %s_args *args)\n{",
            prefix, d->name, context, prefix);
        if (d->top->n) {
            put_items(d->top->item, d->top->n, (struct known){ 0, 0 }, 1);
        }
        put(1, "return -1;\n}");
    }
    fputc('\n', out);
    put_dispatch();
    return (fclose(out) == 0) & good;
}
