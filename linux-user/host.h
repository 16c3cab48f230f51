/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few things that need the host's instruction set: system calls, faulting copies, contexts. */
#ifndef LINUX_USER_HOST_H
#define LINUX_USER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The host system call unless *pending is set by then; see host_rewind(). */
int64_t host_safe_syscall(const volatile int *pending, long num, int64_t a, int64_t b, int64_t c,
                          int64_t d, int64_t e, int64_t f);
/* memcpy() that returns false at a fault, which host_fixup() has turned into that. */
bool host_copy(void *dest, const void *src, size_t len);

/* In a signal handler: the interrupted pc; was the fault a store. */
uintptr_t host_pc(const void *context);
bool host_fault_is_store(const void *context);
/* If the context is inside of host_copy(), makes it return false. */
bool host_fixup(void *context);
/* If the context is inside of host_safe_syscall() before the kernel did anything, makes it return
   USER_RESTART. */
void host_rewind(void *context);

/* Stops a traced thread: the registers of a tracer's choice hold these two. Returns at once in a
   process that is not traced, whose handler finds host_trace_point as the pc of its SIGTRAP. */
void host_trace_stop(void *box, uint64_t magic);
extern const char host_trace_point[];
struct user_regs_struct;
/* A tracer: the stopped thread's box, or 0 when it is not in host_trace_stop(). */
uint64_t host_trace_box(const struct user_regs_struct *regs, uint64_t magic);

/* sigaction without libc, which reserves signals. */
struct host_sigaction {
    void (*handler)(int sig, void *info, void *context);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};
int64_t host_sigaction(int sig, const struct host_sigaction *new, struct host_sigaction *old);
int64_t host_sigprocmask(int how, const uint64_t *set, uint64_t *old);

#endif
