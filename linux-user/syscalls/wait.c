/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers that wait for descriptors: select, poll and epoll with their signal masks. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"

enum { SIGSET_SIZE = 8 };

/* --- a signal mask for the length of the call ------------------------------------------------ */

/* A call under the mask at guest address `mask`, if any.
   The host's call gets its host form, or NULL. */
typedef int64_t masked_function(struct call *c, const int64_t h[CALL_ARGS], const sigset_t *mask);

static int64_t masked(struct call *c, uint64_t mask, uint64_t size, const int64_t h[CALL_ARGS],
                      masked_function *function)
{
    sigset_t host;
    uint64_t set;

    if (!mask) {
        return function(c, h, NULL);
    }
    if (size != sizeof(set)) {
        return -EINVAL;
    }
    if (call_get(&thunk_u64, &set, mask)) {
        return -EFAULT;
    }
    user_host_mask(set, &host);
    user_sigmask_begin(c->t, set);
    return user_sigmask_end(c->t, function(c, h, &host));
}

static int64_t ppoll_host(struct call *c, const int64_t h[CALL_ARGS], const sigset_t *mask)
{
    return call_host(c, SYS_ppoll, h[0], h[1], h[2], (intptr_t)mask, SIGSET_SIZE, 0);
}

static int64_t ppoll_masked(struct call *c, const int64_t h[CALL_ARGS])
{
    return masked(c, c->a[3], c->a[4], h, ppoll_host);
}

int64_t call_ppoll(struct call *c)
{
    return call_pass_with(c, ppoll_masked);
}

/* epoll_pwait and epoll_pwait2: the mask follows the time limit. */
static int64_t epoll_host(struct call *c, const int64_t h[CALL_ARGS], const sigset_t *mask)
{
    return call_host(c, c->row->host, h[0], h[1], h[2], h[3], (intptr_t)mask, SIGSET_SIZE);
}

static int64_t epoll_masked(struct call *c, const int64_t h[CALL_ARGS])
{
    return masked(c, c->a[4], c->a[5], h, epoll_host);
}

int64_t call_epoll_pwait(struct call *c)
{
    return call_pass_with(c, epoll_masked);
}

int64_t call_epoll_pwait2(struct call *c)
{
    return call_pass_with(c, epoll_masked);
}

/* --- select ---------------------------------------------------------------------------------- */

enum { MAX_FDS = 1 << 20 };

/* Three sets of bits in the host's form; those that the guest left out stay NULL. */
struct fd_sets {
    unsigned count; /* descriptors */
    uint64_t guest[3];
    char *host[3];
    char fixed[3 * 128]; /* room for 1024 descriptors each */
    char *heap;
};

static int64_t sets_in(struct call *c, struct fd_sets *s, uint64_t count)
{
    unsigned word = c->t->abi->word_bits / 8;
    size_t size = align_up(count, 64) / 8;
    char *at = s->fixed;
    uint64_t v;

    if (count > MAX_FDS) {
        return -EINVAL;
    }
    s->count = count;
    if (3 * size > sizeof(s->fixed)) {
        at = s->heap = calloc(3, size);
        if (!at) {
            return -ENOMEM;
        }
    }
    memset(at, 0, 3 * size);
    for (unsigned i = 0; i < 3; i++, at += size) {
        s->host[i] = s->guest[i] ? at : NULL;
        for (unsigned k = 0; s->guest[i] && k < align_up(count, 8 * word) / (8 * word); k++) {
            if (call_get_word(c, &v, s->guest[i], k)) {
                return -EFAULT;
            }
            st_le(at + k * word, word, v);
        }
    }
    return 0;
}

static int64_t sets_out(struct call *c, const struct fd_sets *s)
{
    unsigned word = c->t->abi->word_bits / 8;

    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; s->guest[i] && k < align_up(s->count, 8 * word) / (8 * word); k++) {
            uint64_t v = ld_le(s->host[i] + k * word, word);
            if (call_put_word(c, s->guest[i] + k * word, v)) {
                return -EFAULT;
            }
        }
    }
    return 0;
}

/* pselect6's last argument. */
struct select_mask {
    const sigset_t *set;
    size_t size;
};

/*
 * `num`: SYS_select or SYS_pselect6, whose time limits have the layout `limit`. The kernel leaves
 * the rest of the time there whatever the result.
 */
static int64_t select_host(struct call *c, long num, const int64_t a[5],
                           const struct thunk_struct *limit, const sigset_t *mask)
{
    struct select_mask masking = {mask, SIGSET_SIZE};
    struct fd_sets s = {.guest = {a[1], a[2], a[3]}};
    struct timespec rest;
    int64_t result = (int)a[0] < 0 ? -EINVAL : sets_in(c, &s, a[0]);

    if (!result && a[4]) {
        result = call_get(limit, &rest, a[4]);
    }
    if (!result) {
        result = call_host(c, num, a[0], (intptr_t)s.host[0], (intptr_t)s.host[1],
                           (intptr_t)s.host[2], a[4] ? (intptr_t)&rest : 0,
                           mask ? (intptr_t)&masking : 0);
        if (a[4]) {
            call_put(limit, a[4], &rest);
        }
        if (result >= 0 && sets_out(c, &s)) {
            result = -EFAULT;
        }
    }
    free(s.heap);
    return result;
}

int64_t call_select(struct call *c)
{
    return select_host(c, SYS_select, c->a, &thunk_timeval, NULL);
}

int64_t call_old_select(struct call *c)
{
    uint64_t word;
    int64_t a[5];

    for (unsigned i = 0; i < 5; i++) {
        if (call_get_word(c, &word, c->a[0], i)) {
            return -EFAULT;
        }
        a[i] = word;
    }
    return select_host(c, SYS_select, a, &thunk_timeval, NULL);
}

static int64_t pselect_host(struct call *c, const int64_t h[CALL_ARGS], const sigset_t *mask)
{
    bool wide = !strcmp(c->row->name, "pselect6_time64");

    return select_host(c, SYS_pselect6, h, wide ? &thunk_timespec64 : &thunk_timespec, mask);
}

int64_t call_pselect6(struct call *c)
{
    uint64_t mask = 0, size = 0;

    if (c->a[5] && (call_get_word(c, &mask, c->a[5], 0) || call_get_word(c, &size, c->a[5], 1))) {
        return -EFAULT;
    }
    return masked(c, mask, size, c->a, pselect_host);
}
