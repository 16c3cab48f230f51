/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for signals: the guest's structures, and the old calls in terms of the new ones. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/siginfo.h"

enum { SIGSET_SIZE = 8 };

/* --- actions --------------------------------------------------------------------------------- */

static int64_t action(struct call *c, const struct thunk_struct *layout)
{
    struct user_sigaction new, old;
    int64_t result = c->a[1] ? call_get(layout, &new, c->a[1]) : 0;

    if (!result) {
        result = user_sigaction(c->a[0], c->a[1] ? &new : NULL, c->a[2] ? &old : NULL);
    }
    if (!result && c->a[2]) {
        result = call_put(layout, c->a[2], &old);
    }
    return result;
}

int64_t call_rt_sigaction(struct call *c)
{
    return c->a[3] == SIGSET_SIZE ? action(c, &thunk_sigaction) : -EINVAL;
}

int64_t call_sigaction(struct call *c)
{
    return action(c, &thunk_sigaction_old);
}

int64_t call_signal(struct call *c)
{
    struct user_sigaction new = {.handler = c->a[1], .flags = SA_RESETHAND | SA_NODEFER};
    struct user_sigaction old;
    int64_t err = user_sigaction(c->a[0], &new, &old);

    return err ? err : (int64_t)old.handler;
}

int64_t call_sigaltstack(struct call *c)
{
    struct user_stack new, old;
    int64_t result = c->a[0] ? call_get(&thunk_sigstack, &new, c->a[0]) : 0;

    if (!result) {
        result = user_sigaltstack(c->t, c->a[0] ? &new : NULL, &old);
    }
    if (!result && c->a[1]) {
        result = call_put(&thunk_sigstack, c->a[1], &old);
    }
    return result;
}

int64_t call_rt_sigreturn(struct call *c)
{
    return user_sigreturn(c->t, true);
}

int64_t call_sigreturn(struct call *c)
{
    return user_sigreturn(c->t, false);
}

/* --- masks ----------------------------------------------------------------------------------- */

int64_t call_rt_sigprocmask(struct call *c)
{
    uint64_t new, old;

    if (c->a[3] != SIGSET_SIZE) {
        return -EINVAL;
    }
    int64_t result = c->a[1] ? call_get(&thunk_u64, &new, c->a[1]) : 0;
    if (!result) {
        result = user_sigprocmask(c->t, c->a[0], c->a[1] ? &new : NULL, &old);
    }
    if (!result && c->a[2]) {
        result = call_put(&thunk_u64, c->a[2], &old);
    }
    return result;
}

/* The first 32 signals; a set mask leaves the others as they are. */
static int64_t set_low_mask(struct call *c, int how, uint32_t low, uint64_t *old)
{
    uint64_t mask = low;

    user_sigprocmask(c->t, SIG_BLOCK, NULL, old);
    if (how == SIG_SETMASK) {
        mask |= *old & ~0xffffffffull;
    }
    return user_sigprocmask(c->t, how, &mask, old);
}

int64_t call_sigprocmask(struct call *c)
{
    uint64_t old = 0;
    uint32_t low;
    int64_t result;

    if (c->a[1]) {
        result = call_get_u32(&low, c->a[1]);
        result = result ? result : set_low_mask(c, c->a[0], low, &old);
    } else {
        result = user_sigprocmask(c->t, SIG_BLOCK, NULL, &old);
    }
    if (!result && c->a[2]) {
        result = call_put_u32(c->a[2], old);
    }
    return result;
}

int64_t call_sgetmask(struct call *c)
{
    uint64_t old = 0;

    user_sigprocmask(c->t, SIG_BLOCK, NULL, &old);
    return (uint32_t)old;
}

int64_t call_ssetmask(struct call *c)
{
    uint64_t old = 0;
    int64_t err = set_low_mask(c, SIG_SETMASK, c->a[0], &old);

    return err ? err : (uint32_t)old;
}

static int64_t pending(uint64_t *set)
{
    return host_syscall(SYS_rt_sigpending, set, (long)SIGSET_SIZE);
}

int64_t call_rt_sigpending(struct call *c)
{
    uint64_t set;

    if (c->a[1] > SIGSET_SIZE) {
        return -EINVAL;
    }
    int64_t err = pending(&set);
    return err ? err : call_put(&thunk_u64, c->a[0], &set);
}

int64_t call_sigpending(struct call *c)
{
    uint64_t set;
    int64_t err = pending(&set);

    return err ? err : call_put_word(c, c->a[0], set);
}

/* --- waiting --------------------------------------------------------------------------------- */

static int64_t suspend(struct call *c, uint64_t mask)
{
    sigset_t host;

    user_host_mask(mask, &host);
    user_sigmask_begin(c->t, mask);
    return user_sigmask_end(c->t, call_host(c, SYS_rt_sigsuspend, (intptr_t)&host, SIGSET_SIZE, 0,
                                            0, 0, 0));
}

int64_t call_rt_sigsuspend(struct call *c)
{
    uint64_t mask;

    if (c->a[1] != SIGSET_SIZE) {
        return -EINVAL;
    }
    int64_t err = call_get(&thunk_u64, &mask, c->a[0]);
    return err ? err : suspend(c, mask);
}

int64_t call_sigsuspend(struct call *c)
{
    return suspend(c, (uint32_t)c->a[2]);
}

int64_t call_rt_sigtimedwait(struct call *c)
{
    const struct thunk_struct *layout = c->row->args[2].layout;
    struct timespec limit;
    siginfo_t info;
    sigset_t host;
    uint64_t set;

    if (c->a[3] != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (call_get(&thunk_u64, &set, c->a[0]) || (c->a[2] && call_get(layout, &limit, c->a[2]))) {
        return -EFAULT;
    }
    user_host_mask(set, &host);
    int64_t result = call_host(c, SYS_rt_sigtimedwait, (intptr_t)&host, (intptr_t)&info,
                               c->a[2] ? (intptr_t)&limit : 0, SIGSET_SIZE, 0, 0);
    if (result > 0 && c->a[1] && siginfo_put(c->t->abi, c->a[1], &info)) {
        return -EFAULT;
    }
    return result;
}

int64_t call_signalfd(struct call *c)
{
    sigset_t host;
    uint64_t set;

    if (c->a[2] != SIGSET_SIZE) {
        return -EINVAL;
    }
    int64_t err = call_get(&thunk_u64, &set, c->a[1]);
    if (err) {
        return err;
    }
    user_host_mask(set, &host);
    return host_syscall(SYS_signalfd4, c->a[0], &host, (long)SIGSET_SIZE, c->a[3]);
}

/* --- sending --------------------------------------------------------------------------------- */

int64_t call_rt_sigqueueinfo(struct call *c)
{
    siginfo_t info;
    int64_t err = siginfo_get(c->t->abi, &info, c->a[2]);

    return err ? err : host_syscall(SYS_rt_sigqueueinfo, c->a[0], c->a[1], &info);
}

int64_t call_rt_tgsigqueueinfo(struct call *c)
{
    siginfo_t info;
    int64_t err = siginfo_get(c->t->abi, &info, c->a[3]);

    return err ? err : host_syscall(SYS_rt_tgsigqueueinfo, c->a[0], c->a[1], c->a[2], &info);
}

int64_t call_pidfd_send_signal(struct call *c)
{
    siginfo_t info;
    int64_t err = c->a[2] ? siginfo_get(c->t->abi, &info, c->a[2]) : 0;

    return err ? err : host_syscall(SYS_pidfd_send_signal, c->a[0], c->a[1],
                                    c->a[2] ? &info : NULL, c->a[3]);
}

/* The host's kernel asks for its own restarts only. */
int64_t call_restart_syscall(struct call *c)
{
    return -EINTR;
}
