/* SPDX-License-Identifier: GPL-2.0-or-later */
/* futex and futex_waitv: the host's own futexes at the guest's words. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

/* What the fourth and fifth arguments of an operation are. */
enum { TIMEOUT = 1, COUNT = 2, SECOND = 4, WRITES = 8 };
static const uint8_t operation[] = {
    [FUTEX_WAIT] = TIMEOUT,
    [FUTEX_WAKE] = 0,
    [FUTEX_FD] = 0,
    [FUTEX_REQUEUE] = COUNT | SECOND,
    [FUTEX_CMP_REQUEUE] = COUNT | SECOND,
    [FUTEX_WAKE_OP] = COUNT | SECOND | WRITES,
    [FUTEX_LOCK_PI] = TIMEOUT | WRITES,
    [FUTEX_UNLOCK_PI] = WRITES,
    [FUTEX_TRYLOCK_PI] = WRITES,
    [FUTEX_WAIT_BITSET] = TIMEOUT,
    [FUTEX_WAKE_BITSET] = 0,
    [FUTEX_WAIT_REQUEUE_PI] = TIMEOUT | SECOND | WRITES,
    [FUTEX_CMP_REQUEUE_PI] = COUNT | SECOND | WRITES,
    [FUTEX_LOCK_PI2] = TIMEOUT | WRITES,
};

static void *futex_word(uint64_t addr, bool writes)
{
    return writes ? user_out(addr, 4) : user_ptr(addr);
}

/* A value that the kernel compares with the word in memory. */
static uint32_t compared(const struct call *c, uint32_t value)
{
    return c->t->abi->big_endian ? __builtin_bswap32(value) : value;
}

static int64_t futex(struct call *c, const struct thunk_struct *limit)
{
    unsigned cmd = c->a[1] & FUTEX_CMD_MASK;
    unsigned kind = cmd < ARRAY_LEN(operation) ? operation[cmd] : 0;
    bool compares = cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI;
    struct timespec timeout;
    int64_t fourth = 0;
    uint32_t third = cmd == FUTEX_CMP_REQUEUE || cmd == FUTEX_CMP_REQUEUE_PI
                         ? compared(c, c->a[5])
                         : (uint32_t)c->a[5];

    if (cmd >= ARRAY_LEN(operation)) {
        return -ENOSYS;
    }
    if (call_range(c->a[0], 4) || (kind & SECOND && call_range(c->a[4], 4))) {
        return -EFAULT;
    }
    if (kind & TIMEOUT && c->a[3]) {
        if (call_get(limit, &timeout, c->a[3])) {
            return -EFAULT;
        }
        fourth = (intptr_t)&timeout;
    } else if (kind & COUNT) {
        fourth = (uint32_t)c->a[3];
    }
    return call_host(c, SYS_futex, (intptr_t)futex_word(c->a[0], kind & WRITES), c->a[1],
                     compares ? compared(c, c->a[2]) : (uint32_t)c->a[2], fourth,
                     kind & SECOND ? (intptr_t)futex_word(c->a[4], kind & WRITES) : 0, third);
}

int64_t call_futex(struct call *c)
{
    return futex(c, strcmp(c->row->name, "futex") ? &thunk_timespec64 : &thunk_timespec);
}

static int64_t waitv_host(struct call *c, const int64_t h[CALL_ARGS])
{
    struct futex_waitv v[FUTEX_WAITV_MAX];
    uint64_t n = c->a[1];

    if (n == 0 || n > FUTEX_WAITV_MAX) {
        return -EINVAL;
    }
    if (call_range(c->a[0], n * sizeof(v[0])) || !user_read(v, c->a[0], n * sizeof(v[0]))) {
        return -EFAULT;
    }
    for (uint64_t i = 0; i < n; i++) {
        if (call_range(v[i].uaddr, 4)) {
            return -EFAULT;
        }
        v[i].uaddr = (uintptr_t)user_ptr(v[i].uaddr);
    }
    return call_host(c, SYS_futex_waitv, (intptr_t)v, n, c->a[2], h[3], c->a[4], 0);
}

int64_t call_futex_waitv(struct call *c)
{
    return call_pass_with(c, waitv_host);
}
