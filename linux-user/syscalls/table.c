/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of all system calls, and the index from an ABI's numbers to them. */
#include <assert.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

/* The words of the rows. */
#define NO CALL_NONE
#define __NR_none CALL_NONE
#define BLOCKS CALL_BLOCKS
#define RESULT_HEX CALL_RESULT_HEX
#define RESULT_LONG CALL_RESULT_LONG
#define RESULT_ID16 CALL_RESULT_ID16
#define NO_RETURN CALL_NO_RETURN
#define INT {ARG_INT}
#define UINT {ARG_UINT}
#define LONG {ARG_LONG}
#define ULONG {ARG_ULONG}
#define HEX {ARG_HEX}
#define OCTAL {ARG_OCTAL}
#define FD {ARG_FD}
#define DIRFD {ARG_DIRFD}
#define ID16 {ARG_ID16}
#define OFF64 {ARG_OFF64}
#define POS {ARG_POS}
#define SIGNAL {ARG_SIGNAL}
#define ADDR {ARG_ADDR}
#define HOST {ARG_HOST}
#define MAPPED(n) {ARG_MAPPED, n}
#define PATH {ARG_PATH}
#define LPATH {ARG_LPATH}
#define TEXT {ARG_TEXT}
#define FLAGS(set) {ARG_FLAGS, .flags = &flags_##set}
#define ENUM(set) {ARG_ENUM, .flags = &flags_##set}
#define IN(s) {ARG_IN, .layout = &thunk_##s}
#define OUT(s) {ARG_OUT, .layout = &thunk_##s}
#define INOUT(s) {ARG_INOUT, .layout = &thunk_##s}
#define IN_V(s, n) {ARG_IN_V, n, .layout = &thunk_##s}
#define INOUT_V(s, n) {ARG_INOUT_V, n, .layout = &thunk_##s}
#define RESULT_V(s, n) {ARG_RESULT_V, n, .layout = &thunk_##s}
#define BYTES_IN(n) {ARG_BYTES_IN, n}
#define BYTES_OUT(n) {ARG_BYTES_OUT, n}
#define STRINGS {ARG_STRINGS}
#define SOCKADDR(n) {ARG_SOCKADDR, n}
#define BITS_IN(n) {ARG_BITS_IN, n}
#define BITS_OUT(n) {ARG_BITS_OUT, n}
#define RAW(n) {ARG_RAW, n}
#define IOV_IN(n) {ARG_IOV_IN, n}
#define IOV_OUT(n) {ARG_IOV_OUT, n}

static const struct call_row rows[] = {
#define SYS(name, host, x86_64, i386, flags, handler, ...)                                         \
    {#name, __NR_##host, {x86_64, i386}, flags, call_##handler, {__VA_ARGS__}},
#include "linux-user/syscalls/all.def"
#undef SYS
};

/* Row numbers plus one, by ABI and the call's number; written once by call_init(). */
static uint16_t row_of[3][CALL_LIMIT];

const struct call_row *call_find(const struct user_abi *abi, int64_t num)
{
    if (num < 0 || num >= CALL_LIMIT || !row_of[abi->id][num]) {
        return NULL;
    }
    return &rows[row_of[abi->id][num] - 1];
}

const struct call_row *call_by_name(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (!strcmp(rows[i].name, name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static void index_abi(enum user_abi_id id)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        int num = rows[i].number[id];
        if (num != CALL_NONE) {
            assert(num < CALL_LIMIT && !row_of[id][num]);
            row_of[id][num] = i + 1;
        }
    }
}

/* The row of this name for 32-bit programs, if there is one. */
static unsigned named_row(const char *name)
{
    unsigned found = 0;

    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (!strcmp(rows[i].name, name) && (!found || rows[i].number[ABI_I386] != CALL_NONE)) {
            found = i + 1;
        }
    }
    return found;
}

/* After i386's. */
static void index_arm(void)
{
    uint16_t *row = row_of[ABI_ARM];
    const uint16_t *i386 = row_of[ABI_I386];

    memcpy(row, i386, sizeof(row_of[ABI_ARM]));
#define ARM(number, same) row[number] = i386[same];
#define ABSENT(number) row[number] = 0;
#define NAMED(number, name) row[number] = named_row(#name);
#include "linux-user/syscalls/arm.def"
#undef ARM
#undef ABSENT
#undef NAMED
}

void call_init(const struct user_abi *abi)
{
    static struct thunk_abi layout;

    layout = (struct thunk_abi){
        .long_size = abi->word_bits / 8,
        .align64 = abi->align64,
        .big_endian = abi->big_endian,
        .unpacked = abi->id == ABI_ARM,
    };
    thunk_init(&layout, user_base);
    index_abi(ABI_X86_64);
    index_abi(ABI_I386);
    if (abi->id == ABI_ARM) {
        thunk_statfs64.guest_size = 84;         /* packed to words */
        index_arm();
    }
}
