/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state. A section is: name, instance (4 bytes), version (4), length of the body (4), body.
 * A body is a list of fields: name, kind (1), count (4), the elements; an empty name ends it. The
 * element of a FIELD_STRUCT is again such a list. A string has its length (2) in front.
 */
#include "hw/core/state.h"

#include <glib.h>
#include <inttypes.h>

#include "base/bits.h"

/* --- raw pieces ------------------------------------------------------------------------------ */

void state_writer_free(struct state_writer *w)
{
    g_free(w->data);
    *w = (struct state_writer){ 0 };
}

void state_put(struct state_writer *w, const void *data, size_t size)
{
    if (size > w->capacity - w->size) {
        w->capacity = MAX_OF(2 * w->capacity, w->size + size);
        w->capacity = MAX_OF(w->capacity, 4096);
        w->data = g_realloc(w->data, w->capacity);
    }
    if (size) {
        memcpy(w->data + w->size, data, size);
        w->size += size;
    }
}

void state_put_number(struct state_writer *w, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    st_le(bytes, size, value);
    state_put(w, bytes, size);
}

void state_put_string(struct state_writer *w, const char *text)
{
    size_t length = MIN_OF(strlen(text), 0xffff);

    state_put_number(w, length, 2);
    state_put(w, text, length);
}

bool state_get(struct state_reader *r, void *data, size_t size)
{
    if (size > r->size - r->at) {
        return false;
    }
    if (size) {
        memcpy(data, r->data + r->at, size);
        r->at += size;
    }
    return true;
}

bool state_get_number(struct state_reader *r, uint64_t *value, unsigned size)
{
    uint8_t bytes[8];

    if (!state_get(r, bytes, size)) {
        return false;
    }
    *value = ld_le(bytes, size);
    return true;
}

bool state_get_string(struct state_reader *r, char *text, size_t size)
{
    uint64_t length;

    if (!state_get_number(r, &length, 2) || length >= size || !state_get(r, text, length)) {
        return false;
    }
    text[length] = '\0';
    return strlen(text) == length;
}

/* --- numbers in structs ---------------------------------------------------------------------- */

static uint64_t get_element(const uint8_t *p, unsigned size)
{
    switch (size) {
    case 1:
        return *p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return *(const uint32_t *)p;
    default:
        return *(const uint64_t *)p;
    }
}

static void set_element(uint8_t *p, unsigned size, uint64_t value)
{
    switch (size) {
    case 1:
        *p = value;
        break;
    case 2:
        *(uint16_t *)p = value;
        break;
    case 4:
        *(uint32_t *)p = value;
        break;
    default:
        *(uint64_t *)p = value;
        break;
    }
}

/* --- saving ---------------------------------------------------------------------------------- */

static void save_fields(struct state_writer *w, const struct field *fields, const uint8_t *base)
{
    for (const struct field *f = fields; f->name; f++) {
        state_put_string(w, f->name);
        state_put_number(w, f->kind, 1);
        state_put_number(w, f->count, 4);
        for (uint32_t i = 0; i < f->count; i++) {
            const uint8_t *p = base + f->offset + (size_t)i * f->size;

            if (f->kind == FIELD_STRUCT) {
                save_fields(w, f->nested, p);
            } else {
                state_put_number(w, get_element(p, f->size), f->size);
            }
        }
    }
    state_put_string(w, "");
}

void state_save(struct state_writer *w, const char *name, uint32_t instance,
                const struct state *state, const void *object)
{
    size_t length_at, start;

    state_put_string(w, name);
    state_put_number(w, instance, 4);
    state_put_number(w, state->version, 4);
    length_at = w->size;
    state_put_number(w, 0, 4);
    start = w->size;
    save_fields(w, state->fields, (const uint8_t *)object + state->offset);
    st32_le(w->data + length_at, w->size - start);
}

/* --- loading --------------------------------------------------------------------------------- */

bool state_next_section(struct state_reader *r, struct state_section *section, struct error **err)
{
    uint64_t instance, version, length;

    if (r->at == r->size) {
        return false;
    }
    if (!state_get_string(r, section->name, sizeof(section->name))) {
        error_set(err, "the saved state is damaged at byte %zu", r->at);
        return false;
    }
    if (!section->name[0]) {
        return false;   /* the end of a list of sections */
    }
    if (!state_get_number(r, &instance, 4) || !state_get_number(r, &version, 4) ||
        !state_get_number(r, &length, 4) || length > r->size - r->at) {
        error_set(err, "the saved state ends inside section '%s'", section->name);
        return false;
    }
    section->instance = instance;
    section->version = version;
    section->body = (struct state_reader){ r->data + r->at, length, 0 };
    r->at += length;
    return true;
}

static bool load_fields(struct state_section *s, const struct field *fields, uint8_t *base,
                        struct error **err);

static bool load_elements(struct state_section *s, const struct field *f, uint8_t *base,
                          struct error **err)
{
    for (uint32_t i = 0; i < f->count; i++) {
        uint8_t *p = base + f->offset + (size_t)i * f->size;
        uint64_t value;

        if (f->kind == FIELD_STRUCT) {
            if (!load_fields(s, f->nested, p, err)) {
                return false;
            }
            continue;
        }
        if (!state_get_number(&s->body, &value, f->size) || (f->kind == FIELD_BOOL && value > 1)) {
            error_set(err, "%s: bad value of field '%s'", s->name, f->name);
            return false;
        }
        set_element(p, f->size, value);
    }
    return true;
}

/* The stream of version v has exactly the rows that v knew, in table order. */
static bool load_fields(struct state_section *s, const struct field *fields, uint8_t *base,
                        struct error **err)
{
    char name[64] = "";
    uint64_t kind, count;

    for (const struct field *f = fields; f->name; f++) {
        if (f->since > s->version) {
            continue;
        }
        if (!state_get_string(&s->body, name, sizeof(name)) || strcmp(name, f->name) != 0) {
            error_set(err, "%s: field '%s' is missing", s->name, f->name);
            return false;
        }
        if (!state_get_number(&s->body, &kind, 1) || !state_get_number(&s->body, &count, 4) ||
            kind != f->kind || count != f->count) {
            error_set(err, "%s: field '%s' has another type or size", s->name, f->name);
            return false;
        }
        if (!load_elements(s, f, base, err)) {
            return false;
        }
    }
    if (!state_get_string(&s->body, name, sizeof(name)) || name[0]) {
        error_set(err, "%s: unknown field '%s'", s->name, name);
        return false;
    }
    return true;
}

bool state_load(struct state_section *section, const struct state *state, void *object,
                struct error **err)
{
    if (section->version < 1 || section->version > state->version) {
        error_set(err, "%s: version %u is not supported (newest is %u)", section->name,
                  section->version, state->version);
        return false;
    }
    if (!load_fields(section, state->fields, (uint8_t *)object + state->offset, err)) {
        return false;
    }
    if (section->body.at != section->body.size) {
        error_set(err, "%s: the section is longer than its fields", section->name);
        return false;
    }
    return true;
}

/* --- looking --------------------------------------------------------------------------------- */

static void cover(const struct field *fields, uint8_t *bytes)
{
    for (const struct field *f = fields; f->name; f++) {
        for (uint32_t i = 0; i < f->count; i++) {
            uint8_t *p = bytes + f->offset + (size_t)i * f->size;

            if (f->kind == FIELD_STRUCT) {
                cover(f->nested, p);
            } else {
                memset(p, 0, f->size);
            }
        }
    }
}

long state_uncovered(const struct state *state)
{
    uint8_t *bytes;
    long found = -1;

    if (!state->fields || !state->mask) {
        return -1;
    }
    bytes = g_malloc(state->size);
    state->mask(bytes);
    cover(state->fields, bytes);
    for (uint32_t i = 0; i < state->size && found < 0; i++) {
        if (bytes[i]) {
            found = i;
        }
    }
    g_free(bytes);
    return found;
}

static void print_number(FILE *out, const struct field *f, const uint8_t *p)
{
    uint64_t value = get_element(p, f->size);

    if (f->kind >= FIELD_S8 && f->kind <= FIELD_S64) {
        fprintf(out, " %" PRId64, bits_sign_extend(value, 8 * f->size));
    } else {
        fprintf(out, " 0x%" PRIx64, value);
    }
}

static void print_fields(FILE *out, const char *prefix, const struct field *fields,
                         const uint8_t *base)
{
    for (const struct field *f = fields; f->name; f++) {
        if (f->kind != FIELD_STRUCT) {
            fprintf(out, "%s%s", prefix, f->name);
        }
        for (uint32_t i = 0; i < f->count; i++) {
            const uint8_t *p = base + f->offset + (size_t)i * f->size;
            char *inner;

            if (f->kind != FIELD_STRUCT) {
                print_number(out, f, p);
                continue;
            }
            inner = f->count == 1 ? g_strdup_printf("%s%s.", prefix, f->name)
                                  : g_strdup_printf("%s%s[%u].", prefix, f->name, i);
            print_fields(out, inner, f->nested, p);
            g_free(inner);
        }
        if (f->kind != FIELD_STRUCT) {
            fputc('\n', out);
        }
    }
}

void state_print(FILE *out, const struct state *state, const void *object)
{
    if (state->fields) {
        print_fields(out, "", state->fields, (const uint8_t *)object + state->offset);
    }
}
