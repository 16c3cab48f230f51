/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace, the traced thread's side; trace.h tells how it works. */
#include "linux-user/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "linux-user/host.h"
#include "linux-user/internal.h"
#include "tcg/user/user.h"

enum { SYSGOOD = 0x80, EVENT_STOP = 128 };

/* A ring for a thread that has no task yet. */
static _Thread_local uint64_t early;

/* --- the stop -------------------------------------------------------------------------------- */

static void fill(struct task *t, int status, enum trace_kind kind)
{
    struct trace_box *box = t->trace;

    box->status = status;
    box->kind = kind;
    box->base = user_base;
    box->mask = t->signal_mask;
    box->auxv = user_image.auxv;
    box->auxv_len = user_image.auxv_len;
    snprintf(box->path, sizeof(box->path), "%s", user_image.path);
    user_arch_trace_save(t, box);
}

static void drop_code(const struct trace_box *box)
{
    if (box->n_writes > TRACE_WRITES) {
        code_open(0, user_top);
        return;
    }
    for (unsigned i = 0; i < box->n_writes; i++) {
        code_open(box->writes[i].addr, box->writes[i].len);
    }
}

static void take_changes(struct task *t)
{
    struct trace_box *box = t->trace;

    if (box->changed & TRACE_SET_MASK) {
        t->signal_mask = box->mask;
    }
    if (box->changed & (TRACE_SET_REGS | TRACE_SET_XSTATE | TRACE_SET_DEBUG)) {
        user_arch_trace_load(t, box);
    }
    if (box->n_writes) {
        drop_code(box);
    }
    box->changed = box->n_writes = 0;
}

static void end(struct task *t)
{
    free(t->trace == t->trace_child_box ? NULL : t->trace);
    t->trace = NULL;
    t->trace_request = 0;
    user_signal_trace(false);
}

static void start(struct task *t)
{
    if (!t->trace) {
        t->trace = t->trace_child_box ? t->trace_child_box : calloc(1, sizeof(*t->trace));
        if (!t->trace) {
            return;                     /* its tracer waits in vain */
        }
        t->trace->magic = TRACE_MAGIC;
        t->trace_number = -1;
        user_signal_trace(true);
    }
}

/* Returns the signal to go on with; all are blocked before and after. */
static int stop(struct task *t, int status, enum trace_kind kind, int without_tracer)
{
    struct trace_box *box = t->trace;
    int sig;

    fill(t, status, kind);
    user_signal_block_all_but(SIGTRAP);
    t->trace_lost = 0;
    host_trace_stop(box, TRACE_MAGIC);
    user_signal_block_all();
    if (t->trace_lost) {
        end(t);
        return without_tracer;
    }
    take_changes(t);
    sig = box->signal;
    box->signal = 0;
    if (box->resume == TRACE_DETACH) {
        end(t);
    }
    return sig < 0 || sig > USER_SIGNALS ? 0 : sig;
}

/* --- rings ----------------------------------------------------------------------------------- */

enum { REQUEST = 1 << 30 };             /* so that one without a status counts */

void trace_rung(struct task *t, const siginfo_t *info)
{
    uint32_t request = REQUEST | (uint32_t)(uintptr_t)info->si_value.sival_ptr;

    if (!t) {
        early = request;
        return;
    }
    t->trace_request |= request;
    user_signal_kick(t);
}

void trace_thread_init(struct task *t)
{
    if (early) {
        t->trace_request = early;
        early = 0;
        user_signal_kick(t);
    }
}

void trace_answer(struct task *t)
{
    int status = t->trace_request & ~REQUEST, sig;
    siginfo_t info = { .si_signo = status & 0xff, .si_code = SI_USER };

    t->trace_request = 0;
    start(t);
    if (!status || !t->trace) {
        return;
    }
    if (status >> 8) {
        info.si_code = status;
        info.si_signo = SIGTRAP;
        t->trace->info = info;
        stop(t, status, TRACE_OTHER, 0);
        return;
    }
    t->trace->info = info;
    sig = stop(t, status, TRACE_OTHER, status);
    if (sig) {
        user_signal_queue(t, sig, &info);
    }
}

/* --- what stops for -------------------------------------------------------------------------- */

int64_t trace_me(struct task *t)
{
    int64_t result = host_syscall(SYS_ptrace, (int64_t)PTRACE_TRACEME, (int64_t)0, (int64_t)0,
                                  (int64_t)0);

    if (result == 0) {
        user_signal_block_all();
        start(t);
        user_signal_unblock(t);
    }
    return result;
}

int trace_signal(struct task *t, int sig, siginfo_t *info)
{
    struct trace_box *box = t->trace;
    int chosen;

    box->info = *info;
    chosen = stop(t, sig, TRACE_OTHER, sig);
    if (t->trace && chosen == sig) {
        *info = box->info;
    } else if (chosen && chosen != sig) {
        *info = (siginfo_t){ .si_signo = chosen, .si_code = SI_USER };
    }
    return chosen;
}

static void call_stop(struct task *t, enum trace_kind kind)
{
    int status = SIGTRAP | (t->trace->sysgood ? SYSGOOD : 0), sig;

    t->trace->info = (siginfo_t){ .si_signo = SIGTRAP, .si_code = status };
    user_signal_block_all();
    sig = stop(t, status, kind, 0);
    if (sig) {
        siginfo_t info = { .si_signo = sig, .si_code = SI_USER };

        user_signal_queue(t, sig, &info);
    }
    user_signal_unblock(t);
}

int64_t trace_call_begin(struct task *t, int64_t num)
{
    t->trace_number = num;
    if (t->trace->resume == TRACE_SYSCALL) {
        call_stop(t, TRACE_ENTRY);
    }
    return t->trace_number;
}

void trace_call_end(struct task *t, int64_t result)
{
    if (t->trace->resume == TRACE_SYSCALL) {
        t->trace->result = result;
        call_stop(t, TRACE_EXIT);
    }
    if (t->trace && t->trace->resume == TRACE_STEP) {
        trace_stepped(t);
    }
    t->trace_number = -1;
}

void trace_stepped(struct task *t)
{
    siginfo_t info = { .si_signo = SIGTRAP, .si_code = TRAP_TRACE };
    int sig;

    info.si_addr = (void *)(uintptr_t)t->trace->pc;
    user_signal_block_all();
    sig = trace_signal(t, SIGTRAP, &info);
    if (sig) {
        user_signal_queue(t, sig, &info);
    }
    user_signal_unblock(t);
}

void trace_note(struct task *t)
{
    fill(t, SIGTRAP, TRACE_OTHER);
}

void trace_noted(struct task *t)
{
    take_changes(t);
}

/* --- children and programs ------------------------------------------------------------------- */

void trace_forked(struct task *t)
{
    if (t->trace) {
        t->trace = NULL;                /* the parent's */
        t->trace_number = -1;
        user_signal_trace(false);
    }
}

const char *trace_exec_state(struct task *t, char buf[8])
{
    if (!t->trace && !t->trace_request) {
        return NULL;
    }
    snprintf(buf, 8, "%d%d%d%d", t->trace ? t->trace->resume : 0, t->trace && t->trace->seized,
             t->trace && t->trace->sysgood, t->trace && t->trace->reports_exec);
    return buf;
}

/* The stop after a successful execve, and the one at the call's end. */
void trace_exec_start(struct task *t, const char *state)
{
    siginfo_t info = { .si_signo = SIGTRAP, .si_code = SI_USER };
    struct trace_box *box;

    user_signal_block_all();
    start(t);
    box = t->trace;
    if (box && strlen(state) == 4) {
        box->resume = state[0] - '0';
        box->seized = state[1] == '1';
        box->sysgood = state[2] == '1';
        box->reports_exec = state[3] == '1';
        box->message = t->tid;
        t->trace_number = user_process_abi->id == ABI_I386 ? 11 : SYS_execve;
        if (box->reports_exec) {
            info.si_code = SIGTRAP | PTRACE_EVENT_EXEC << 8;
            box->info = info;
            stop(t, SIGTRAP | PTRACE_EVENT_EXEC << 8, TRACE_OTHER, 0);
        } else if (!box->seized) {
            info.si_pid = t->tid;
            trace_signal(t, SIGTRAP, &info);
        }
    }
    if (t->trace) {
        trace_call_end(t, 0);
    }
    user_signal_unblock(t);
}
