/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine that lays out and converts the structures of structs.c. */
#include "linux-user/syscalls/thunk.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"

static struct thunk_struct *const all_structs[] = {
#define THUNK_STRUCT(name) &thunk_##name,
#include "linux-user/syscalls/structs.def"
#undef THUNK_STRUCT
};

const struct thunk_abi *thunk_guest_abi;
static uint64_t guest_zero; /* host address of guest address 0 */

static unsigned type_of(const struct thunk_field *f)
{
    return f->type & ~THUNK_FIT;
}

static bool is_signed(unsigned type)
{
    return type == THUNK_S8 || type == THUNK_S16 || type == THUNK_S32 || type == THUNK_S64 ||
           type == THUNK_LONG;
}

static bool is_gap(unsigned type)
{
    return type == THUNK_GAP || type == THUNK_GAP_LONGS || type == THUNK_GAP_32 ||
           type == THUNK_GAP_64 || type == THUNK_GAP_PACKED;
}

/* Fills in a field's size on the guest's side and tells its alignment. */
static unsigned field_layout(struct thunk_field *f)
{
    switch (type_of(f)) {
    case THUNK_S8:
    case THUNK_U8:
        return f->guest_size = 1;
    case THUNK_S16:
    case THUNK_U16:
    case THUNK_UID16:
        return f->guest_size = 2;
    case THUNK_S32:
    case THUNK_U32:
        return f->guest_size = 4;
    case THUNK_S64:
    case THUNK_U64:
    case THUNK_NSEC:
        f->guest_size = 8;
        return thunk_guest_abi->align64;
    case THUNK_GAP_32:
        f->guest_size = thunk_guest_abi->long_size == 4 ? f->host_size : 0;
        return 1;
    case THUNK_GAP_64:
        f->guest_size = thunk_guest_abi->long_size == 8 ? f->host_size : 0;
        return 1;
    case THUNK_GAP_PACKED:
        f->guest_size = thunk_guest_abi->unpacked ? f->host_size : 0;
        return 1;
    case THUNK_LONG:
    case THUNK_ULONG:
    case THUNK_PTR:
    case THUNK_GAP_LONGS:
        f->guest_size = thunk_guest_abi->long_size;
        return MIN_OF(f->guest_size, thunk_guest_abi->align64);
    case THUNK_STRUCT:
        thunk_layout(f->sub);
        f->guest_size = f->sub->guest_size;
        return f->sub->guest_align;
    default: /* BYTES and GAP bring their size */
        return 1;
    }
}

static bool field_is_plain(const struct thunk_field *f)
{
    unsigned type = type_of(f);

    if (is_gap(type)) {
        return true;
    }
    if (f->guest_offset != f->host_offset || f->guest_size != f->host_size) {
        return false;
    }
    if (type == THUNK_STRUCT) {
        return f->sub->plain;
    }
    if ((type == THUNK_PTR && guest_zero) || type == THUNK_UID16 ||
        (type == THUNK_NSEC && thunk_guest_abi->long_size == 4)) {
        return false;
    }
    return type == THUNK_BYTES || type == THUNK_S8 || type == THUNK_U8 ||
           !thunk_guest_abi->big_endian;
}

void thunk_layout(struct thunk_struct *s)
{
    unsigned offset = 0;
    bool plain = true;

    s->guest_align = 1;
    for (struct thunk_field *f = s->fields; f->type != THUNK_END; f++) {
        unsigned align = field_layout(f);
        offset = align_up(offset, align);
        f->guest_offset = offset;
        offset += f->guest_size * f->count;
        s->guest_align = MAX_OF(s->guest_align, align);
        plain &= field_is_plain(f);
    }
    s->guest_size = align_up(offset, s->guest_align);
    s->plain = plain && s->guest_size == s->host_size;
}

void thunk_init(const struct thunk_abi *abi, uint64_t base)
{
    thunk_guest_abi = abi;
    guest_zero = base;
    for (unsigned i = 0; i < ARRAY_LEN(all_structs); i++) {
        thunk_layout(all_structs[i]);
    }
}

uint64_t thunk_get(const void *p, unsigned size)
{
    return thunk_guest_abi->big_endian ? ld_be(p, size) : ld_le(p, size);
}

void thunk_put(void *p, unsigned size, uint64_t value)
{
    if (thunk_guest_abi->big_endian) {
        st_be(p, size, value);
    } else {
        st_le(p, size, value);
    }
}

static void bytes_copy(void *to, unsigned to_size, const void *from, unsigned from_size)
{
    unsigned n = MIN_OF(to_size, from_size);

    memcpy(to, from, n);
    memset((char *)to + n, 0, to_size - n);
}

/* The part of a THUNK_NSEC that counts. */
static uint64_t nanoseconds(uint64_t v)
{
    return thunk_guest_abi->long_size == 4 ? (uint32_t)v : v;
}

static uint64_t host_value_of(const struct thunk_field *f, uint64_t v)
{
    unsigned type = type_of(f);

    if (type == THUNK_PTR) {
        return v ? v + guest_zero : 0;
    }
    if (type == THUNK_UID16) {
        return v == 0xffff ? 0xffffffff : v;
    }
    if (type == THUNK_NSEC) {
        return nanoseconds(v);
    }
    return is_signed(type) ? (uint64_t)bits_sign_extend(v, 8 * f->guest_size) : v;
}

static void field_to_host(const struct thunk_field *f, char *host, const char *guest)
{
    switch (type_of(f)) {
    case THUNK_GAP:
    case THUNK_GAP_LONGS:
    case THUNK_GAP_32:
    case THUNK_GAP_64:
    case THUNK_GAP_PACKED:
        break;
    case THUNK_BYTES:
        bytes_copy(host, f->host_size, guest, f->guest_size);
        break;
    case THUNK_STRUCT:
        thunk_to_host(f->sub, host, guest);
        break;
    default:
        st_le(host, f->host_size, host_value_of(f, thunk_get(guest, f->guest_size)));
    }
}

void thunk_to_host(const struct thunk_struct *s, void *host, const void *guest)
{
    if (s->plain) {
        memcpy(host, guest, s->host_size);
        return;
    }
    memset(host, 0, s->host_size);
    for (const struct thunk_field *f = s->fields; f->type != THUNK_END; f++) {
        for (unsigned i = 0; i < f->count; i++) {
            field_to_host(f, (char *)host + f->host_offset + i * f->host_size,
                          (const char *)guest + f->guest_offset + i * f->guest_size);
        }
    }
}

/* Whether the guest, reading its field, sees the value that the host meant. */
static bool fits(const struct thunk_field *f, uint64_t v)
{
    unsigned bits = 8 * f->guest_size;

    return is_signed(type_of(f)) ? (uint64_t)bits_sign_extend(v, bits) == v
                                 : (v & bits_mask(bits)) == v;
}

static bool integer_to_guest(const struct thunk_field *f, char *guest, const char *host)
{
    unsigned type = type_of(f);
    uint64_t v = ld_le(host, f->host_size);
    bool good = true;

    if (is_signed(type)) {
        v = bits_sign_extend(v, 8 * f->host_size);
    } else if (type == THUNK_PTR) {
        v = v ? v - guest_zero : 0;
    } else if (type == THUNK_UID16) {
        v = v > 0xffff && v != 0xffffffff ? 65534 : v;
    } else if (type == THUNK_NSEC) {
        v = nanoseconds(v);
    }
    if (f->type & THUNK_FIT) {
        good = fits(f, v);
    }
    thunk_put(guest, f->guest_size, v);
    return good;
}

static bool field_to_guest(const struct thunk_field *f, char *guest, const char *host)
{
    switch (type_of(f)) {
    case THUNK_GAP:
    case THUNK_GAP_LONGS:
    case THUNK_GAP_32:
    case THUNK_GAP_64:
    case THUNK_GAP_PACKED:
        memset(guest, 0, f->guest_size);
        return true;
    case THUNK_BYTES:
        bytes_copy(guest, f->guest_size, host, f->host_size);
        return true;
    case THUNK_STRUCT:
        return thunk_to_guest(f->sub, guest, host);
    default:
        return integer_to_guest(f, guest, host);
    }
}

bool thunk_to_guest(const struct thunk_struct *s, void *guest, const void *host)
{
    bool good = true;

    if (s->plain) {
        memcpy(guest, host, s->host_size);
        return true;
    }
    for (const struct thunk_field *f = s->fields; f->type != THUNK_END; f++) {
        for (unsigned i = 0; i < f->count; i++) {
            good &= field_to_guest(f, (char *)guest + f->guest_offset + i * f->guest_size,
                                   (const char *)host + f->host_offset + i * f->host_size);
        }
    }
    return good;
}
