/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptrace between two emulated processes. The host's ptrace attaches them, reports their stops and
 * wakes them; what the tracer is to see of the guest stands in a box in the traced thread's memory.
 *
 * A traced thread stops by itself between two instructions of its code: it fills the box and
 * executes a breakpoint of the emulator's (host_trace_stop()). The tracer's emulator recognises
 * this stop, and hides all others: a signal that arrives in the midst of the emulator's code is let
 * through and comes back as such a stop. To make a thread stop or notice that it is traced the
 * tracer "rings": a SIGSEGV or SIGBUS, which are never blocked, with a value that says what for.
 */
#ifndef LINUX_USER_TRACE_H
#define LINUX_USER_TRACE_H

#include <signal.h>

#include "linux-user/user.h"

enum { TRACE_REGS = 27 * 8, TRACE_XSTATE = 512 + 64, TRACE_FSAVE = 108, TRACE_WRITES = 16 };

/* What a stop is: of ptrace's PTRACE_SYSCALL_INFO_* */
enum trace_kind { TRACE_OTHER, TRACE_ENTRY, TRACE_EXIT };
/* What the tracer changed */
enum { TRACE_SET_REGS = 1, TRACE_SET_XSTATE = 2, TRACE_SET_INFO = 4, TRACE_SET_MASK = 8,
       TRACE_SET_DEBUG = 16 };
enum trace_resume { TRACE_CONT, TRACE_SYSCALL, TRACE_STEP, TRACE_DETACH };

#define TRACE_MAGIC 0x786f622065636172ull

struct trace_box {
    uint64_t magic;
    /* From the thread that stopped. */
    uint64_t base;                      /* host address of its address 0 */
    int32_t status;                     /* signal | event << 8 */
    uint8_t kind, regs_size, by_itself; /* by_itself: it is going to send itself SIGSTOP */
    uint64_t message;
    uint64_t pc, sp, call[7];           /* number and arguments of the call in progress */
    int64_t result;                     /* at TRACE_EXIT */
    uint64_t auxv, auxv_len;
    siginfo_t info;
    uint64_t mask;
    uint8_t regs[TRACE_REGS];           /* as PTRACE_GETREGS gives them */
    uint8_t xstate[TRACE_XSTATE];       /* FXSAVE and XSAVE header */
    uint8_t fsave[TRACE_FSAVE];         /* 32-bit guests */
    uint32_t tls[3][4];                 /* struct user_desc, 32-bit guests */
    uint64_t debug[8];                  /* debug registers */
    char path[256];                     /* of the program */
    /* From the tracer. */
    uint32_t changed;
    uint8_t resume, seized;
    uint8_t sysgood, reports_exec;      /* PTRACE_O_TRACESYSGOOD, PTRACE_O_TRACEEXEC */
    int32_t signal;                     /* to go on with */
    uint32_t n_writes;                  /* where it wrote; more than TRACE_WRITES: anywhere */
    struct { uint64_t addr, len; } writes[TRACE_WRITES];
};

/* --- rings ----------------------------------------------------------------------------------- */

#define RING_MAGIC 0x74726163ull

/* status: what to stop with; 0: only notice that a tracer is there. */
static inline siginfo_t trace_ring(int sig, unsigned status)
{
    siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

    info.si_value.sival_ptr = (void *)(uintptr_t)(RING_MAGIC << 32 | status);
    return info;
}

static inline bool trace_is_ring(const siginfo_t *info)
{
    return (info->si_signo == SIGSEGV || info->si_signo == SIGBUS) && info->si_code == SI_QUEUE &&
           (uintptr_t)info->si_value.sival_ptr >> 32 == RING_MAGIC;
}

/* --- the traced thread (trace.c) ------------------------------------------------------------- */

/* In the host's signal handler; t may be NULL in a thread that is being made. */
void trace_rung(struct task *t, const siginfo_t *info);
/* Takes rings over that came before there was a task. */
void trace_thread_init(struct task *t);
/* At a safe point, when a ring is to be answered. */
void trace_answer(struct task *t);
/* PTRACE_TRACEME. */
int64_t trace_me(struct task *t);
/* A signal is going to be delivered: stops; returns the one that the tracer wants, 0 none. */
int trace_signal(struct task *t, int sig, siginfo_t *info);
/* Around a system call; the first returns its number, which may have been changed. */
int64_t trace_call_begin(struct task *t, int64_t num);
void trace_call_end(struct task *t, int64_t result);
/* The instruction or the entry of a handler that was to be single-stepped is done. */
void trace_stepped(struct task *t);
/* Before the host's kernel reports an event in the midst of a call, and after. */
void trace_note(struct task *t);
void trace_noted(struct task *t);
/* In a child process: it is not traced unless it is rung for. */
void trace_forked(struct task *t);
/* exec: what the new emulator is told (NULL nothing), and what it does with it before it begins. */
const char *trace_exec_state(struct task *t, char buf[8]);
void trace_exec_start(struct task *t, const char *state);

/* --- the architecture's part (i386/trace.c) -------------------------------------------------- */

void user_arch_trace_save(struct task *t, struct trace_box *box);
void user_arch_trace_load(struct task *t, const struct trace_box *box);
/* Single-steps the next instruction; takes that back. Not every processor can. */
extern const bool user_arch_can_step;
void user_arch_step(struct task *t, bool on);
/* Gives a debug register a value; 0, or an error as PTRACE_POKEUSER has it. */
int64_t user_arch_trace_set_debug(struct trace_box *box, unsigned n, uint64_t value);
/* The part of the box that holds a set of registers, by its number as a note in core files; false:
   there is none. A part whose `changed' is 0 cannot be set. */
struct trace_part {
    void *at;
    size_t size;
    uint32_t changed;
};
bool user_arch_trace_part(struct trace_box *box, uint64_t note, struct trace_part *p);
/* The note behind PTRACE_GETREGS and its like, 0: not such a request; whether it sets. */
uint64_t user_arch_trace_note(int request);
bool user_arch_trace_sets(int request);
/* AUDIT_ARCH_* */
extern const uint32_t user_arch_audit;

#endif
