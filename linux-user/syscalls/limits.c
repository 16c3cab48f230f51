/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handlers for resource limits and scheduling. Limits on the address space would hit the emulator
 * as well, which needs more of it than the program knows: they are remembered, not applied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

enum { OLD_INFINITY = 0x7fffffff }; /* of getrlimit's first i386 version */

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool set;
    struct rlimit value;
} kept[RLIM_NLIMITS];

static bool is_kept(int resource)
{
    return resource == RLIMIT_AS || resource == RLIMIT_DATA || resource == RLIMIT_STACK;
}

static int64_t kept_limit(int resource, const struct rlimit *new, struct rlimit *old)
{
    int64_t result = 0;
    struct rlimit now;

    pthread_mutex_lock(&kept_lock);
    if (kept[resource].set) {
        now = kept[resource].value;
    } else {
        result = host_syscall(SYS_prlimit64, 0l, (long)resource, NULL, &now);
    }
    if (!result && new) {
        if (new->rlim_cur > new->rlim_max) {
            result = -EINVAL;
        } else if (new->rlim_max > now.rlim_max && geteuid() != 0) {
            result = -EPERM;
        } else {
            kept[resource].set = true;
            kept[resource].value = *new;
        }
    }
    pthread_mutex_unlock(&kept_lock);
    if (!result && old) {
        *old = now;
    }
    return result;
}

static int64_t limit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old)
{
    if (is_kept(resource) && (pid == 0 || pid == getpid())) {
        return kept_limit(resource, new, old);
    }
    return host_syscall(SYS_prlimit64, (long)pid, (long)resource, new, old);
}

int64_t call_getrlimit(struct call *c)
{
    struct rlimit r;
    int64_t result = limit(0, c->a[0], NULL, &r);
    uint64_t max = c->row->number[ABI_X86_64] != CALL_NONE ? UINT32_MAX : OLD_INFINITY;

    if (result) {
        return result;
    }
    if (!call_is_64(c)) {
        r.rlim_cur = MIN_OF(r.rlim_cur, max);
        r.rlim_max = MIN_OF(r.rlim_max, max);
    }
    return call_put(&thunk_rlimit, c->a[1], &r);
}

int64_t call_setrlimit(struct call *c)
{
    struct rlimit r;
    int64_t err = call_get(&thunk_rlimit, &r, c->a[1]);

    if (err) {
        return err;
    }
    if (!call_is_64(c)) {
        r.rlim_cur = r.rlim_cur == UINT32_MAX ? RLIM_INFINITY : r.rlim_cur;
        r.rlim_max = r.rlim_max == UINT32_MAX ? RLIM_INFINITY : r.rlim_max;
    }
    return limit(0, c->a[0], &r, NULL);
}

static int64_t prlimit_host(struct call *c, const int64_t h[CALL_ARGS])
{
    struct rlimit new, old;

    if (c->a[2] && call_get(&thunk_rlimit64, &new, c->a[2])) {
        return -EFAULT;
    }
    int64_t result = limit(c->a[0], c->a[1], c->a[2] ? &new : NULL, &old);
    if (!result && c->a[3]) {
        result = call_put(&thunk_rlimit64, c->a[3], &old);
    }
    return result;
}

int64_t call_prlimit64(struct call *c)
{
    return prlimit_host(c, c->a);
}

/* --- scheduling ------------------------------------------------------------------------------ */

int64_t call_nice(struct call *c)
{
    long now = 20 - host_syscall(SYS_getpriority, (long)PRIO_PROCESS, 0l);
    int64_t wanted = now + MAX_OF(-40, MIN_OF(40, (long)c->a[0]));

    wanted = MAX_OF(-20, MIN_OF(19, wanted));
    int64_t result = host_syscall(SYS_setpriority, (long)PRIO_PROCESS, 0l, wanted);
    return result == -EACCES ? -EPERM : result;
}

enum { MAX_MASK = 8192 };

/* The host counts processors in its own longs, which may be longer than the guest's. */
int64_t call_sched_setaffinity(struct call *c)
{
    char mask[MAX_MASK] = {0};
    uint64_t size = MIN_OF((uint64_t)c->a[1], sizeof(mask));

    if (call_range(c->a[2], size) || !user_read(mask, c->a[2], size)) {
        return -EFAULT;
    }
    return host_syscall(SYS_sched_setaffinity, c->a[0], align_up(size, 8), mask);
}

int64_t call_sched_getaffinity(struct call *c)
{
    char mask[MAX_MASK] = {0};
    uint64_t size = MIN_OF((uint64_t)c->a[1], sizeof(mask));

    if (size & (c->t->abi->word_bits / 8 - 1)) {
        return -EINVAL;
    }
    int64_t n = host_syscall(SYS_sched_getaffinity, c->a[0], align_up(size, 8), mask);
    if (n < 0) {
        return n;
    }
    n = MIN_OF((uint64_t)n, size);
    return call_range(c->a[2], n) || !user_write(c->a[2], mask, n) ? -EFAULT : n;
}
