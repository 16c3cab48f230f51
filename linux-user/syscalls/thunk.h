/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structures that cross the system call boundary, as tables of fields. The table names each field's
 * type in the guest's terms and its place in the host's structure; thunk_init() computes the
 * guest's layout from the ABI, and one engine converts both ways. A structure whose two layouts
 * turn out to be the same is marked plain, and callers hand the guest's own memory to the host.
 */
#ifndef LINUX_USER_THUNK_H
#define LINUX_USER_THUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the layout of a structure depends on. */
struct thunk_abi {
    uint8_t long_size; /* of long and of pointers: 4 or 8 */
    uint8_t align64;   /* alignment of 64-bit integers inside structures: 4 on i386, else 8 */
    bool big_endian;
    bool unpacked;     /* struct epoll_event has a gap, as everywhere but on x86 */
};

enum thunk_type {
    THUNK_END,
    THUNK_S8, THUNK_U8, THUNK_S16, THUNK_U16, THUNK_S32, THUNK_U32, THUNK_S64, THUNK_U64,
    THUNK_LONG, THUNK_ULONG, /* the guest's long */
    THUNK_PTR,               /* guest address here, pointer there */
    THUNK_UID16,             /* 16 bits; wider values read 65534, -1 keeps its meaning */
    THUNK_BYTES,             /* no byte order: text, network order, opaque */
    THUNK_NSEC,              /* 64 bits, of which a 32-bit guest fills in the lower half */
    THUNK_GAP,               /* guest bytes that the host does not know */
    THUNK_GAP_LONGS,         /* the same in words of the guest */
    THUNK_GAP_32,            /* a gap that only 32-bit guests have */
    THUNK_GAP_64,            /* and one that only 64-bit guests have */
    THUNK_GAP_PACKED,        /* one that guests have for which the kernel does not pack */
    THUNK_STRUCT,
    THUNK_FIT = 0x40,        /* flag: a value that does not fit the guest's field is EOVERFLOW */
};

struct thunk_struct;

struct thunk_field {
    uint8_t type; /* enum thunk_type with its flag */
    uint8_t count; /* array elements */
    uint16_t host_offset, host_size; /* size of one element */
    struct thunk_struct *sub;
    const char *name; /* for strace */
    uint16_t guest_offset, guest_size; /* by thunk_init(); GAP and BYTES: given */
};

struct thunk_struct {
    const char *name;
    struct thunk_field *fields;
    uint16_t host_size;
    /* By thunk_init(): */
    uint16_t guest_size, guest_align;
    bool plain; /* both layouts are the same */
};

/* The fields of `struct` T, which the table's file defines as a macro before each table. */
#define THUNK_N(type_, member, n)                                                                  \
    {.type = THUNK_##type_, .name = #member, .count = (n), .host_offset = offsetof(T, member),     \
     .host_size = sizeof(((T *)0)->member) / (n)}
#define THUNK_F(type_, member) THUNK_N(type_, member, 1)
#define THUNK_FITS(type_, member)                                                                  \
    {.type = THUNK_##type_ | THUNK_FIT, .name = #member, .count = 1,                               \
     .host_offset = offsetof(T, member), .host_size = sizeof(((T *)0)->member)}
/* `size` bytes on the guest's side. */
#define THUNK_BYTES_OF(member, size)                                                               \
    {.type = THUNK_BYTES, .name = #member, .count = 1, .host_offset = offsetof(T, member),         \
     .host_size = sizeof(((T *)0)->member), .guest_size = (size)}
#define THUNK_GAP_OF(size) {.type = THUNK_GAP, .count = 1, .guest_size = (size)}
#define THUNK_LONGS(n) {.type = THUNK_GAP_LONGS, .count = (n)}
#define THUNK_GAP32(size) {.type = THUNK_GAP_32, .count = 1, .host_size = (size)}
#define THUNK_GAP64(size) {.type = THUNK_GAP_64, .count = 1, .host_size = (size)}
#define THUNK_GAP_UNPACKED(size) {.type = THUNK_GAP_PACKED, .count = 1, .host_size = (size)}
#define THUNK_SUB_N(struct_, member, n)                                                            \
    {.type = THUNK_STRUCT, .name = #member, .count = (n), .host_offset = offsetof(T, member),      \
     .host_size = sizeof(((T *)0)->member) / (n), .sub = &thunk_##struct_}
#define THUNK_SUB(struct_, member) THUNK_SUB_N(struct_, member, 1)
#define THUNK_TABLE(name_, ...)                                                                    \
    static struct thunk_field fields_##name_[] = {__VA_ARGS__, {.type = THUNK_END}};               \
    struct thunk_struct thunk_##name_ = {.name = #name_, .fields = fields_##name_,                 \
                                         .host_size = sizeof(T)};

/* Lays out every structure of structs.c for the guest. `base`: host address of guest address 0. */
void thunk_init(const struct thunk_abi *abi, uint64_t base);
/* Lays out one structure, its members' structures first. */
void thunk_layout(struct thunk_struct *s);

void thunk_to_host(const struct thunk_struct *s, void *host, const void *guest);
/* false: a field marked THUNK_FIT does not fit; `guest` then holds a partial result. */
bool thunk_to_guest(const struct thunk_struct *s, void *guest, const void *host);

/* One integer of the guest at p. */
uint64_t thunk_get(const void *p, unsigned size);
void thunk_put(void *p, unsigned size, uint64_t value);

extern const struct thunk_abi *thunk_guest_abi;

#define THUNK_STRUCT(name) extern struct thunk_struct thunk_##name;
#include "linux-user/syscalls/structs.def"
#undef THUNK_STRUCT

#endif
