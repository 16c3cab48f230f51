/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for clocks. The time of day comes from the host's vDSO: no host system call. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

int64_t call_clock_gettime(struct call *c)
{
    struct timespec now;

    if (clock_gettime(c->a[0], &now)) {
        return -errno;
    }
    return call_put(c->row->args[1].layout, c->a[1], &now);
}

int64_t call_gettimeofday(struct call *c)
{
    struct timeval now;
    struct timezone zone;

    gettimeofday(&now, &zone);
    int64_t err = c->a[0] ? call_put(&thunk_timeval, c->a[0], &now) : 0;
    if (!err && c->a[1]) {
        err = call_put(&thunk_timezone, c->a[1], &zone);
    }
    return err;
}

int64_t call_time(struct call *c)
{
    int64_t now = time(NULL);
    int64_t err = c->a[0] ? call_put(&thunk_time, c->a[0], &now) : 0;

    return err ? err : now;
}

int64_t call_stime(struct call *c)
{
    struct timespec when = {0};
    int64_t err = call_get(&thunk_time, &when.tv_sec, c->a[0]);

    return err ? err : host_syscall(SYS_clock_settime, (long)CLOCK_REALTIME, &when);
}

/* nanosleep and clock_nanosleep, whose time limit is at the end: the rest is written on EINTR. */
int64_t call_nanosleep(struct call *c)
{
    unsigned at = c->row->host == SYS_nanosleep ? 0 : 2;
    const struct thunk_struct *layout = c->row->args[at].layout;
    struct timespec wanted, rest;
    int64_t result = call_get(layout, &wanted, c->a[at]);

    if (result) {
        return result;
    }
    if (at) {
        result = call_host(c, SYS_clock_nanosleep, c->a[0], c->a[1], (intptr_t)&wanted,
                           (intptr_t)&rest, 0, 0);
    } else {
        result = call_host(c, SYS_nanosleep, (intptr_t)&wanted, (intptr_t)&rest, 0, 0, 0, 0);
    }
    if (result == -EINTR && c->a[at + 1] && !(at && c->a[1] & TIMER_ABSTIME)) {
        int64_t err = call_put(layout, c->a[at + 1], &rest);
        result = err ? err : result;
    }
    return result;
}
