/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace, the tracer's side: which of the host's stops are stops of the guest. */
#include "linux-user/syscalls/tracees.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux-user/host.h"

enum { EVENT_STOP = 128 };
#define NEW_TASKS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

static struct tracee *tracees;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t host_ptrace(int request, pid_t tid, uint64_t addr, uint64_t data)
{
    return host_syscall(SYS_ptrace, (int64_t)request, (int64_t)tid, (int64_t)addr, (int64_t)data);
}

/* --- the list -------------------------------------------------------------------------------- */

struct tracee *tracees_find(pid_t tid)
{
    struct tracee *e;

    pthread_mutex_lock(&lock);
    for (e = tracees; e && e->tid != tid; e = e->next) {
    }
    pthread_mutex_unlock(&lock);
    return e;
}

bool tracees_any(void)
{
    return tracees;
}

/* By the program that it runs: this one. Without /proc there is nothing better than yes. */
static bool runs_us(pid_t tid)
{
    struct stat own, its;
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/exe", tid);
    if (stat("/proc/self/exe", &own) < 0 || stat(path, &its) < 0) {
        return true;
    }
    return own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

struct tracee *tracees_add(pid_t tid)
{
    struct tracee *e = tracees_find(tid);

    if (!e) {
        e = calloc(1, sizeof(*e));
        if (!e) {
            return NULL;
        }
        e->tid = tid;
        e->ours = runs_us(tid);
        pthread_mutex_lock(&lock);
        e->next = tracees;
        tracees = e;
        pthread_mutex_unlock(&lock);
    }
    return e;
}

void tracees_remove(pid_t tid)
{
    struct tracee **at, *e;

    pthread_mutex_lock(&lock);
    for (at = &tracees; *at && (*at)->tid != tid; at = &(*at)->next) {
    }
    e = *at;
    if (e) {
        *at = e->next;
        free(e);
    }
    pthread_mutex_unlock(&lock);
}

static bool any_makes_tasks(void)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (struct tracee *e = tracees; e; e = e->next) {
        found |= (e->options & NEW_TASKS) != 0;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* --- its memory ------------------------------------------------------------------------------ */

bool tracee_read(const struct tracee *e, void *dest, uint64_t from, size_t len)
{
    struct iovec local = { dest, len }, remote = { (void *)(uintptr_t)from, len };

    return host_syscall(SYS_process_vm_readv, (int64_t)e->tid, &local, (int64_t)1, &remote,
                        (int64_t)1, (int64_t)0) == (int64_t)len;
}

bool tracee_write(const struct tracee *e, uint64_t to, const void *src, size_t len)
{
    struct iovec local = { (void *)src, len }, remote = { (void *)(uintptr_t)to, len };

    return host_syscall(SYS_process_vm_writev, (int64_t)e->tid, &local, (int64_t)1, &remote,
                        (int64_t)1, (int64_t)0) == (int64_t)len;
}

void tracee_note_write(const struct tracee *e, uint64_t addr, uint64_t len)
{
    struct trace_box box;

    if (!e->box || !tracee_read(e, &box, e->box, sizeof(box))) {
        return;
    }
    if (box.n_writes < TRACE_WRITES) {
        box.writes[box.n_writes].addr = addr;
        box.writes[box.n_writes].len = len;
    }
    box.n_writes += box.n_writes <= TRACE_WRITES;
    tracee_write(e, e->box, &box, sizeof(box));
}

void tracee_ring(const struct tracee *e, int sig, unsigned status)
{
    siginfo_t info = trace_ring(sig, status);
    char path[32], line[80];
    int tgid = e->tid;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/status", e->tid);
    in = fopen(path, "re");
    while (in && fgets(line, sizeof(line), in) && sscanf(line, "Tgid: %d", &tgid) != 1) {
    }
    if (in) {
        fclose(in);
    }
    host_syscall(SYS_rt_tgsigqueueinfo, (int64_t)tgid, (int64_t)e->tid, (int64_t)sig, &info);
}

/* --- stops ----------------------------------------------------------------------------------- */

static bool go_on(const struct tracee *e, int sig)
{
    host_ptrace(PTRACE_CONT, e->tid, 0, sig);
    return false;
}

/* The stop was for a signal: another one takes its place. */
static bool ring_instead(const struct tracee *e, unsigned status)
{
    siginfo_t info = trace_ring(SIGSEGV, status);

    host_ptrace(PTRACE_SETSIGINFO, e->tid, 0, (uintptr_t)&info);
    return go_on(e, SIGSEGV);
}

static unsigned initial_status(const struct tracee *e)
{
    return e->seized ? SIGTRAP | EVENT_STOP << 8 : SIGSTOP;
}

static bool on_stop(struct tracee *e, int *status);

/* A child that the kernel attached; it may have been here before this news. */
static void on_child(const struct tracee *parent)
{
    uint64_t tid = 0;
    struct tracee *child;

    host_ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, (uintptr_t)&tid);
    child = tracees_add(tid);
    if (child) {
        child->options = parent->options;
        child->seized = parent->seized;
        child->initial = true;
        if (child->waits) {
            child->waits = false;
            on_stop(child, &child->status);
        }
    }
}

static bool on_event(struct tracee *e, int event, int *status)
{
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        on_child(e);
        return true;
    case PTRACE_EVENT_EXEC:
        e->fresh = true;
        e->box = 0;
        e->ours = runs_us(e->tid);
        if (e->ours) {
            return go_on(e, 0);
        }
        if (!(e->options & PTRACE_O_TRACEEXEC)) {
            *status = SIGTRAP << 8 | 0x7f;
            return !e->seized || go_on(e, 0);
        }
        return true;
    case EVENT_STOP:
        if (WSTOPSIG(*status) != SIGTRAP || !e->ours) {
            return true;                /* all threads of it are stopped */
        }
        if (e->initial) {
            e->initial = false;
            tracee_ring(e, SIGSEGV, initial_status(e));
        }
        return go_on(e, 0);
    default:
        return true;
    }
}

/* Takes the box over when that is what it stands in. */
static bool stopped_itself(struct tracee *e, int *status)
{
    struct user_regs_struct regs;
    struct trace_box box;
    uint64_t at;

    if (WSTOPSIG(*status) != SIGTRAP || host_ptrace(PTRACE_GETREGS, e->tid, 0, (uintptr_t)&regs)) {
        return false;
    }
    at = host_trace_box(&regs, TRACE_MAGIC);
    if (!at || !tracee_read(e, &box, at, sizeof(box)) || box.magic != TRACE_MAGIC) {
        return false;
    }
    e->box = at;
    e->fresh = false;
    *status = (box.status & 0xffff) << 8 | 0x7f;
    return true;
}

static bool is_group_stop(const struct tracee *e)
{
    siginfo_t info;

    return host_ptrace(PTRACE_GETSIGINFO, e->tid, 0, (uintptr_t)&info) == -EINVAL;
}

static bool stops_itself_now(const struct tracee *e)
{
    uint64_t flag = e->box + offsetof(struct trace_box, by_itself);
    uint8_t value = 0;

    if (!e->box || !tracee_read(e, &value, flag, 1) || !value) {
        return false;
    }
    value = 0;
    return tracee_write(e, flag, &value, 1);
}

/* Whether the guest hears of it; else the thread has been set going again. */
static bool on_stop(struct tracee *e, int *status)
{
    int sig = WSTOPSIG(*status), event = *status >> 16;

    if (event) {
        return on_event(e, event, status);
    }
    if (stopped_itself(e, status)) {
        return true;
    }
    if (!e->ours || is_group_stop(e)) {
        return true;
    }
    if (sig == SIGSTOP) {
        if (stops_itself_now(e)) {
            return go_on(e, sig);
        }
        e->initial = false;
        return ring_instead(e, SIGSTOP);
    }
    /* The kernel's own announcement of an exec; the emulator will tell when the program begins. */
    return go_on(e, e->fresh && sig == SIGTRAP ? 0 : sig);
}

static bool is_our_child(pid_t tid)
{
    char path[32], line[80];
    int parent = getpid();
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/status", tid);
    in = fopen(path, "re");
    while (in && fgets(line, sizeof(line), in) && sscanf(line, "PPid: %d", &parent) != 1) {
    }
    if (in) {
        fclose(in);
    }
    return parent == getpid();
}

bool tracees_wait(pid_t tid, int *status)
{
    struct tracee *e = tracees_find(tid);
    struct user_regs_struct regs;

    if (!WIFSTOPPED(*status)) {
        if (e && !WIFCONTINUED(*status)) {
            tracees_remove(tid);
        }
        return true;
    }
    if (!e) {
        /* Only a traced one lets us look at its registers. */
        if (host_ptrace(PTRACE_GETREGS, tid, 0, (uintptr_t)&regs)) {
            return true;
        }
        e = tracees_add(tid);
        if (!e) {
            return true;
        }
        if (any_makes_tasks() && !is_our_child(tid)) {
            e->waits = true;
            e->status = *status;
            return false;
        }
        /* It asked for this itself, and the first news may be its exec. */
        e->fresh = true;
        if (e->ours) {
            host_ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_TRACEEXEC);
        }
    }
    return on_stop(e, status);
}

bool tracees_waitid(siginfo_t *info)
{
    int status;

    switch (info->si_code) {
    case CLD_TRAPPED:
    case CLD_STOPPED:
        status = info->si_status << 8 | 0x7f;
        if (!tracees_wait(info->si_pid, &status)) {
            return false;
        }
        info->si_status = status >> 8;
        return true;
    case CLD_CONTINUED:
        return true;
    default:
        tracees_remove(info->si_pid);
        return true;
    }
}
