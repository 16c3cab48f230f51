/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A system call as data. A row of the table (*.def) names the call, the host's number, the numbers
 * of each guest ABI, and its arguments' kinds. The kinds drive three things: conversion between the
 * guest's words and structures and the host's, the check for EFAULT, and -strace.
 */
#ifndef LINUX_USER_CALL_H
#define LINUX_USER_CALL_H

#include <limits.h>

#include "linux-user/syscalls/thunk.h"
#include "linux-user/user.h"

enum { CALL_ARGS = 6, CALL_NONE = -1, CALL_LIMIT = 512 };

enum arg_kind {
    ARG_END,
    /* Numbers. */
    ARG_INT, ARG_UINT, ARG_LONG, ARG_ULONG,
    ARG_HEX,   /* unsigned long, printed so */
    ARG_OCTAL, /* mode_t */
    ARG_FD,
    ARG_DIRFD, /* a descriptor or AT_FDCWD */
    ARG_ID16,  /* an old 16-bit user or group */
    ARG_OFF64, /* 64 bits: two words, low first, of a 32-bit guest */
    ARG_POS,   /* preadv's position: always two words, the high one unused by 64-bit guests */
    ARG_FLAGS, ARG_ENUM, /* printed by the flag table */
    ARG_SIGNAL,
    ARG_ADDR,  /* a guest address for the handler */
    ARG_HOST,  /* an address that the host call takes without reading there */
    ARG_MAPPED, /* the same, ENOMEM unless all of it is mapped; argument n is the length */
    /* Pointers. */
    ARG_PATH,  /* absolute ones are looked for in the sysroot */
    ARG_LPATH, /* the same where a final symbolic link is not followed */
    ARG_TEXT,  /* any other string */
    ARG_IN, ARG_OUT, ARG_INOUT,       /* one structure */
    ARG_IN_V, ARG_OUT_V, ARG_INOUT_V, /* an array of them, as many as argument n says */
    ARG_RESULT_V,                     /* the same, as many were written as the result says */
    ARG_BYTES_IN, ARG_BYTES_OUT,      /* argument n is the length */
    ARG_SOCKADDR,                     /* bytes that are an address of a socket */
    ARG_STRINGS,                      /* a vector of strings, for the handler */
    ARG_BITS_IN, ARG_BITS_OUT,        /* words with argument n bits */
    ARG_RAW,                          /* in and out, n bytes at most */
    ARG_IOV_IN, ARG_IOV_OUT,          /* an iovec array of argument n elements */
};

struct flag_set;

struct call_arg {
    uint8_t kind;
    uint16_t n;
    union {
        const void *any;
        const struct thunk_struct *layout;
        const struct flag_set *flags;
    };
};

enum call_flags {
    CALL_BLOCKS = 1,   /* may wait: signals interrupt it */
    CALL_RESULT_HEX = 2,
    CALL_RESULT_LONG = 4, /* EOVERFLOW when the result does not fit the guest's long */
    CALL_RESULT_ID16 = 8,
    CALL_NO_RETURN = 16, /* strace shows the call before it happens */
};

struct call;
typedef int64_t call_handler(struct call *c);

struct call_row {
    const char *name;
    int16_t host;     /* the host's number, or CALL_NONE */
    int16_t number[2]; /* by enum user_abi_id */
    uint8_t flags;
    call_handler *handler;
    struct call_arg args[CALL_ARGS];
};

/* A call in progress. */
struct call {
    struct task *t;
    const struct call_row *row;
    int64_t a[CALL_ARGS]; /* numbers sign- or zero-extended, pairs joined; addresses the guest's */
};

/* One handler for each name that the rows mention; these are the ones with a meaning elsewhere. */
call_handler call_pass;   /* converts what the kinds say and calls the host */
call_handler call_enosys;
/* The same with another function than the plain host call between the two conversions. */
typedef int64_t call_function(struct call *c, const int64_t host[CALL_ARGS]);
int64_t call_pass_with(struct call *c, call_function *function);
#define SYS(name, host, x86_64, i386, flags, handler, ...) call_handler call_##handler;
#include "linux-user/syscalls/all.def"
#undef SYS

/* The row behind a number of this ABI, or NULL. */
const struct call_row *call_find(const struct user_abi *abi, int64_t num);
/* Lays out the structures for the process's ABI; the first call does it. */
void call_init(const struct user_abi *abi);

/* --- for handlers ---------------------------------------------------------------------------- */

/* The host call `num` in the row's way (waiting or not). */
int64_t call_host(struct call *c, long num, int64_t a0, int64_t a1, int64_t a2, int64_t a3,
                  int64_t a4, int64_t a5);
/* The call as another row does it: multiplexers. */
int64_t call_as(struct call *c, const struct call_row *row, const int64_t words[CALL_ARGS]);
const struct call_row *call_by_name(const char *name);

/* Structures and words at guest addresses: 0, -EFAULT or -EOVERFLOW. */
int64_t call_get(const struct thunk_struct *s, void *host, uint64_t addr);
int64_t call_put(const struct thunk_struct *s, uint64_t addr, const void *host);
/* Word `index` of an array of the guest's words. */
int64_t call_get_word(const struct call *c, uint64_t *value, uint64_t addr, unsigned index);
int64_t call_put_word(const struct call *c, uint64_t addr, uint64_t value);
int64_t call_put_u32(uint64_t addr, uint32_t value);
int64_t call_get_u32(uint32_t *value, uint64_t addr);

/* Whether the guest has something mapped at each address of the range. */
bool call_is_mapped(uint64_t addr, uint64_t len);

/* 0 or -EFAULT: all of [addr, addr + len) lies where the guest's memory may be. */
int64_t call_range(uint64_t addr, uint64_t len);

/* A string at a guest address: its host pointer, or -errno. */
int64_t call_text(uint64_t addr, const char **text);
/* A path: translated by the sysroot and /proc; `buf` has PATH_MAX bytes. NULL stays NULL. */
int64_t call_path(const struct call *c, uint64_t addr, bool follow, const char **path, char *buf);

struct iovec;
/*
 * The guest's iovec array. Small ones are put in `fixed` (IOV_FIXED elements); free `*iov` when it
 * is another. `out`: the kernel will write there.
 */
enum { IOV_FIXED = 16 };
int64_t call_iov_get(uint64_t addr, uint64_t count, bool out, struct iovec *fixed,
                     struct iovec **iov);

/* The flags of open() as the host has them, or back. */
uint64_t call_open_flags(const struct call *c, uint64_t flags, bool to_host);

static inline bool call_is_64(const struct call *c)
{
    return c->t->abi->word_bits == 64;
}

static inline bool call_failed(int64_t result)
{
    return result < 0 && result >= -4095;
}

/* --- -strace --------------------------------------------------------------------------------- */

struct flag_set {
    const struct flag {
        const char *name;
        uint64_t value, mask; /* named when value & mask agrees */
    } *flags;
};
#define FLAG_SET(name) extern const struct flag_set flags_##name;
#include "linux-user/syscalls/flag-sets.def"
#undef FLAG_SET

void strace_enter(const struct call *c);
void strace_leave(const struct call *c, int64_t result);
void strace_unknown(const struct task *t, int64_t num, const int64_t args[CALL_ARGS]);

#endif
