/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest-visible state as field tables: one table serves save, load, dump and the padding test.
 *
 *     struct rtc {
 *         struct device dev;
 *         struct timer tick;                                  // host side, rebuilt by `loaded`
 *         struct rtc_state { uint8_t index, ram[128]; } s;    // all that is saved
 *     };
 *     FIELDS(rtc_state) = { FIELD(rtc_state, index), ARRAY(rtc_state, ram), FIELDS_END };
 *     ... .state = STATE(rtc, s, rtc_state, 1) in the device class.
 *
 * Every byte of the state struct is in the table or is padding; state_uncovered() proves it, and a
 * test runs it over all devices. Field types: the fixed-width integers, bool, and structs that have
 * a FIELDS table of their own. An enum is kept in a uint8_t or uint32_t.
 */
#ifndef HW_CORE_STATE_H
#define HW_CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum field_kind {
    FIELD_U8 = 1, FIELD_U16, FIELD_U32, FIELD_U64,
    FIELD_S8, FIELD_S16, FIELD_S32, FIELD_S64, FIELD_BOOL,
    FIELD_STRUCT
};

struct field {
    const char *name;            /* NULL ends the table */
    uint32_t offset;
    uint32_t size;               /* of one element */
    uint32_t count;
    uint8_t kind;
    uint8_t since;               /* the version that added it; older streams lack it */
    const struct field *nested;  /* of FIELD_STRUCT */
};

#define FIELD_MEMBER(T, m) (((struct T *)0)->m)
#define FIELD_KIND_OF(x)                                                                           \
    _Generic((x), uint8_t: FIELD_U8, uint16_t: FIELD_U16, uint32_t: FIELD_U32,                     \
        uint64_t: FIELD_U64, unsigned long long: FIELD_U64, int8_t: FIELD_S8, int16_t: FIELD_S16,  \
        int32_t: FIELD_S32, int64_t: FIELD_S64, long long: FIELD_S64, bool: FIELD_BOOL)
#define FIELD_ROW(T, m, element, kind, since, nested)                                              \
    { #m, offsetof(struct T, m), sizeof(element), sizeof(FIELD_MEMBER(T, m)) / sizeof(element),    \
      kind, since, nested }

/* One member; an array of any number of elements; FIRST of a two-dimensional array is ARRAY2. */
#define FIELD(T, m) FIELD_SINCE(T, m, 1)
#define ARRAY(T, m) ARRAY_SINCE(T, m, 1)
#define ARRAY2(T, m)                                                                               \
    FIELD_ROW(T, m, FIELD_MEMBER(T, m)[0][0], FIELD_KIND_OF(FIELD_MEMBER(T, m)[0][0]), 1, NULL)
/* A struct, or an array of structs, of type `struct U` with its own FIELDS(U). */
#define NESTED(T, m, U) NESTED_SINCE(T, m, U, 1)
#define NESTED_ARRAY(T, m, U) NESTED_SINCE(T, m, U, 1)

/* The same, added by version `v` of the device's state; absent from older streams, whose load
 * leaves the value that reset gave. */
#define FIELD_SINCE(T, m, v)                                                                       \
    FIELD_ROW(T, m, FIELD_MEMBER(T, m), FIELD_KIND_OF(FIELD_MEMBER(T, m)), v, NULL)
#define ARRAY_SINCE(T, m, v)                                                                       \
    FIELD_ROW(T, m, FIELD_MEMBER(T, m)[0], FIELD_KIND_OF(FIELD_MEMBER(T, m)[0]), v, NULL)
#define NESTED_SINCE(T, m, U, v)                                                                   \
    { #m, offsetof(struct T, m), sizeof(struct U),                                                 \
      sizeof(FIELD_MEMBER(T, m)) / sizeof(struct U), FIELD_STRUCT, v, U##_fields }

#define FIELDS_END { 0 }

/*
 * Defines T_fields[] and T_mask(), which sets every byte of a struct T that is not padding. The
 * union makes GCC 12 go through arrays element by element: its loop loses count of what follows.
 */
#define FIELDS(T)                                                                                  \
    static inline void T##_mask(void *p)                                                           \
    {                                                                                              \
        union {                                                                                    \
            struct T object;                                                                       \
        } *bytes = p;                                                                              \
        memset(bytes, 0xff, sizeof(*bytes));                                                       \
        __builtin_clear_padding(bytes);                                                            \
    }                                                                                              \
    static const struct field T##_fields[]

/* Where an object keeps its saved struct. All zero: nothing to save. */
struct state {
    uint32_t offset, size, version;
    const struct field *fields;
    void (*mask)(void *);
};

/* Member `m` of struct D has type struct T with FIELDS(T); `version` starts at 1. */
#define STATE(D, m, T, version) \
    { offsetof(struct D, m), sizeof(struct T), version, T##_fields, T##_mask }

/* The first byte that is neither in the table nor padding; -1 if there is none. */
long state_uncovered(const struct state *state);

/* A growing byte buffer to write to, or a piece of memory to read from. */
struct state_writer {
    uint8_t *data;
    size_t size, capacity;
};
struct state_reader {
    const uint8_t *data;
    size_t size, at;
};

void state_writer_free(struct state_writer *w);
/* Raw pieces for the layers around (RAM, disks); numbers are little endian. */
void state_put(struct state_writer *w, const void *data, size_t size);
void state_put_number(struct state_writer *w, uint64_t value, unsigned size);
void state_put_string(struct state_writer *w, const char *text);
/* These fail at the end of the data; a string longer than `size` - 1 fails too. */
bool state_get(struct state_reader *r, void *data, size_t size);
bool state_get_number(struct state_reader *r, uint64_t *value, unsigned size);
bool state_get_string(struct state_reader *r, char *text, size_t size);

/*
 * A section: name, instance, version, then fields by name with kind and count. The reader takes the
 * header, finds the object by name and instance, then loads or skips the body.
 */
struct state_section {
    char name[64];
    uint32_t instance, version;
    struct state_reader body;
};

void state_save(struct state_writer *w, const char *name, uint32_t instance,
                const struct state *state, const void *object);
bool state_next_section(struct state_reader *r, struct state_section *section, struct error **err);
/* Checks everything; on failure the object may be partly loaded. */
bool state_load(struct state_section *section, const struct state *state, void *object,
                struct error **err);
/* "name.field value" lines, for the monitor and for tests. */
void state_print(FILE *out, const struct state *state, const void *object);

#endif
