/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers for processes and threads; what makes and ends them is the core's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/bits.h"
#include "linux-user/syscalls/call.h"
#include "linux-user/syscalls/seccomp.h"
#include "linux-user/syscalls/siginfo.h"
#include "linux-user/syscalls/tracees.h"

/* --- new ones -------------------------------------------------------------------------------- */

int64_t call_fork(struct call *c)
{
    struct user_clone args = {.exit_signal = SIGCHLD};

    return user_clone(c->t, &args);
}

int64_t call_vfork(struct call *c)
{
    struct user_clone args = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};

    return user_clone(c->t, &args);
}

int64_t call_clone(struct call *c)
{
    bool tls_last = call_is_64(c); /* i386 has the child's tid last */
    struct user_clone args = {
        .flags = (uint32_t)c->a[0] & ~(uint64_t)CSIGNAL,
        .exit_signal = c->a[0] & CSIGNAL,
        .stack = c->a[1],
        .parent_tid = c->a[2],
        .child_tid = tls_last ? c->a[3] : c->a[4],
        .tls = tls_last ? c->a[4] : c->a[3],
    };

    if (args.flags & CLONE_PIDFD) {
        if (args.flags & CLONE_PARENT_SETTID) {
            return -EINVAL;
        }
        args.pidfd = args.parent_tid;
    }
    return user_clone(c->t, &args);
}

int64_t call_clone3(struct call *c)
{
    struct clone_args in = {0};
    uint64_t size = c->a[1];

    if (size < CLONE_ARGS_SIZE_VER0) {
        return -EINVAL;
    }
    if (size > sizeof(in)) {
        return -E2BIG;
    }
    if (call_range(c->a[0], size) || !user_read(&in, c->a[0], size)) {
        return -EFAULT;
    }
    if ((in.stack == 0) != (in.stack_size == 0) || in.exit_signal & ~(uint64_t)CSIGNAL ||
        in.flags & (CSIGNAL | CLONE_DETACHED)) {
        return -EINVAL;
    }
    struct user_clone args = {
        .flags = in.flags,
        .pidfd = in.pidfd,
        .child_tid = in.child_tid,
        .parent_tid = in.parent_tid,
        .exit_signal = in.exit_signal,
        .stack = in.stack ? in.stack + in.stack_size : 0,
        .tls = in.tls,
        .set_tid = in.set_tid,
        .set_tid_size = in.set_tid_size,
        .cgroup = in.cgroup,
    };
    return user_clone(c->t, &args);
}

/* --- programs -------------------------------------------------------------------------------- */

enum { MAX_STRINGS = 1 << 20 };

/* The guest's vector of strings as one of host pointers, NULL at the end; free() it. */
static int64_t string_vector(struct call *c, uint64_t addr, char ***vector)
{
    size_t room = 64, n = 0;
    char **v = malloc(room * sizeof(*v));
    uint64_t string = 0;
    const char *text;
    int64_t err = v ? 0 : -ENOMEM;

    while (!err && addr && !(err = call_get_word(c, &string, addr, n)) && string) {
        err = n == MAX_STRINGS ? -E2BIG : call_text(string, &text);
        if (!err && n + 2 > room) {
            char **larger = realloc(v, 2 * room * sizeof(*v));
            v = larger ? larger : v;
            err = larger ? 0 : -ENOMEM;
            room *= 2;
        }
        if (!err) {
            v[n++] = (char *)text;
        }
    }
    if (err) {
        free(v);
        v = NULL;
    } else {
        v[n] = NULL;
    }
    *vector = v;
    return err;
}

static int64_t execute(struct call *c, int dirfd, uint64_t path_addr, uint64_t argv_addr,
                       uint64_t envp_addr, int flags)
{
    char buf[PATH_MAX];
    const char *path;
    char **argv = NULL, **envp = NULL;
    int64_t err = call_path(c, path_addr, !(flags & AT_SYMLINK_NOFOLLOW), &path, buf);

    if (!err && !path) {
        err = -EFAULT;
    }
    err = err ? err : string_vector(c, argv_addr, &argv);
    err = err ? err : string_vector(c, envp_addr, &envp);
    if (!err && !argv[0]) { /* Linux gives such a program one empty argument */
        argv[0] = (char *)"";
        argv[1] = NULL;
    }
    err = err ? err : user_execve(c->t, dirfd, path, argv, envp, flags);
    free(argv);
    free(envp);
    return err;
}

int64_t call_execve(struct call *c)
{
    return execute(c, AT_FDCWD, c->a[0], c->a[1], c->a[2], 0);
}

int64_t call_execveat(struct call *c)
{
    return execute(c, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4]);
}

/* --- ends and waiting ------------------------------------------------------------------------ */

int64_t call_exit(struct call *c)
{
    user_exit_thread(c->t, c->a[0]);
}

int64_t call_exit_group(struct call *c)
{
    user_exit_group(c->t, c->a[0]);
}

static int64_t waitid_host(struct call *c, const int64_t h[CALL_ARGS])
{
    siginfo_t info;
    int64_t result;

    do {
        info.si_pid = 0;
        result = call_host(c, SYS_waitid, h[0], h[1], (intptr_t)&info, h[3], h[4], 0);
    } while (!result && !(c->a[3] & WNOWAIT) && info.si_pid && !tracees_waitid(&info));
    if (!result && c->a[2]) {
        result = siginfo_put(c->t->abi, c->a[2], &info);
    }
    return result;
}

static int64_t wait4_host(struct call *c, const int64_t h[CALL_ARGS])
{
    int64_t result;
    int status = 0;

    do {
        result = call_host(c, SYS_wait4, h[0], (intptr_t)&status, h[2], h[3], 0, 0);
    } while (result > 0 && !tracees_wait(result, &status));
    if (result > 0 && h[1]) {
        *(int *)h[1] = status;
    }
    return result;
}

int64_t call_wait4(struct call *c)
{
    return call_pass_with(c, wait4_host);
}

int64_t call_waitid(struct call *c)
{
    return call_pass_with(c, waitid_host);
}

/* --- the thread's own state ------------------------------------------------------------------ */

int64_t call_set_tid_address(struct call *c)
{
    c->t->clear_child_tid = c->a[0];
    return c->t->tid;
}

int64_t call_set_robust_list(struct call *c)
{
    if (c->a[1] != 3 * c->t->abi->word_bits / 8) {
        return -EINVAL;
    }
    c->t->robust_list = c->a[0];
    c->t->robust_list_len = c->a[1];
    return 0;
}

int64_t call_get_robust_list(struct call *c)
{
    uint64_t list = 0, len = 0;
    bool found = false;

    user_tasks_lock();
    for (struct task *t = user_tasks(); t; t = t->next) {
        if (t->tid == (c->a[0] ? c->a[0] : c->t->tid)) {
            list = t->robust_list;
            len = 3 * t->abi->word_bits / 8;
            found = true;
        }
    }
    user_tasks_unlock();
    if (!found) {
        return -ESRCH;
    }
    int64_t err = call_put_word(c, c->a[2], len);
    return err ? err : call_put_word(c, c->a[1], list);
}

int64_t call_arch_prctl(struct call *c)
{
    return user_arch_prctl(c->t, c->a[0], c->a[1]);
}

int64_t call_set_thread_area(struct call *c)
{
    return user_set_thread_area(c->t, c->a[0]);
}

int64_t call_get_thread_area(struct call *c)
{
    return user_get_thread_area(c->t, c->a[0]);
}

int64_t call_modify_ldt(struct call *c)
{
    return user_modify_ldt(c->t, c->a[0], c->a[1], c->a[2]);
}

/* --- prctl ----------------------------------------------------------------------------------- */

static int64_t prctl_host(struct call *c, int64_t a1)
{
    return host_syscall(SYS_prctl, c->a[0], a1, c->a[2], c->a[3], c->a[4]);
}

/* The layout that the loader told, as programs that change their title do. */
static int64_t set_mm(struct call *c)
{
    static const struct {
        int option;
        uint64_t *field;
    } fields[] = {
        {PR_SET_MM_START_CODE, &user_image.start_code}, {PR_SET_MM_END_CODE, &user_image.end_code},
        {PR_SET_MM_START_DATA, &user_image.start_data}, {PR_SET_MM_END_DATA, &user_image.end_data},
        {PR_SET_MM_START_STACK, &user_image.start_stack},
        {PR_SET_MM_ARG_START, &user_image.arg_start},   {PR_SET_MM_ARG_END, &user_image.arg_end},
        {PR_SET_MM_ENV_START, &user_image.env_start},   {PR_SET_MM_ENV_END, &user_image.env_end},
    };

    for (unsigned i = 0; i < ARRAY_LEN(fields); i++) {
        if (fields[i].option == c->a[1]) {
            *fields[i].field = c->a[2];
            return 0;
        }
    }
    return -EINVAL;
}

/* Calls that write one int. */
static int64_t prctl_get_int(struct call *c)
{
    int value;
    int64_t result = prctl_host(c, (intptr_t)&value);

    return result < 0 ? result : call_put_u32(c->a[1], value);
}

static int64_t prctl_name(struct call *c)
{
    char name[16] = {0};
    const char *text;

    if (c->a[0] == PR_GET_NAME) {
        int64_t err = prctl_host(c, (intptr_t)name);
        if (err) {
            return err;
        }
        return call_range(c->a[1], 16) || !user_write(c->a[1], name, 16) ? -EFAULT : 0;
    }
    int64_t err = call_text(c->a[1], &text);
    return err ? err : prctl_host(c, (intptr_t)text);
}

static int64_t prctl_vma(struct call *c)
{
    if (c->a[4] && call_range(c->a[4], 1)) {
        return -EFAULT;
    }
    return host_syscall(SYS_prctl, c->a[0], c->a[1], user_ptr(c->a[2]), c->a[3],
                        user_ptr_or_null(c->a[4]));
}

int64_t call_prctl(struct call *c)
{
    switch ((int)c->a[0]) {
    case PR_SET_NAME:
    case PR_GET_NAME:
        return prctl_name(c);
    case PR_GET_PDEATHSIG:
    case PR_GET_CHILD_SUBREAPER:
    case PR_GET_TSC:
        return prctl_get_int(c);
    case PR_GET_TID_ADDRESS:
        return call_put_word(c, c->a[1], c->t->clear_child_tid);
    case PR_SET_MM:
        return set_mm(c);
    case 0x53564d41: /* PR_SET_VMA */
        return prctl_vma(c);
    case PR_SET_TSC: /* a fault on RDTSC would be the emulator's */
        return c->a[1] == PR_TSC_ENABLE ? 0 : -EINVAL;
    case PR_SET_SECCOMP:
    case PR_GET_SECCOMP:
        return seccomp_prctl(c);
    case PR_SET_PDEATHSIG:
    case PR_GET_DUMPABLE:
    case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_SET_KEEPCAPS:
    case PR_GET_TIMING:
    case PR_SET_TIMING:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_GET_SECUREBITS:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_GET_TIMERSLACK:
    case PR_TASK_PERF_EVENTS_DISABLE:
    case PR_TASK_PERF_EVENTS_ENABLE:
    case PR_MCE_KILL:
    case PR_MCE_KILL_GET:
    case PR_SET_PTRACER:
    case PR_SET_CHILD_SUBREAPER:
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_SET_THP_DISABLE:
    case PR_GET_THP_DISABLE:
    case PR_CAP_AMBIENT:
    case PR_GET_SPECULATION_CTRL:
    case PR_SET_SPECULATION_CTRL:
    case PR_SET_IO_FLUSHER:
    case PR_GET_IO_FLUSHER:
        return prctl_host(c, c->a[1]);
    default:
        return -EINVAL;
    }
}
