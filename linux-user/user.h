/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User mode's own contract: the core (loader, memory map, threads, signals, the guest's registers)
 * on one side, the table of system calls on the other.
 *
 * Results of system calls and of the functions here that say so are int64_t: a value, or -errno
 * with the host's number. Guest addresses are uint64_t; struct layouts are the guest's.
 */
#ifndef LINUX_USER_USER_H
#define LINUX_USER_USER_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "cpu-exec.h"

enum { USER_PAGE = 4096, USER_SIGNALS = 64 };

/* Results besides values and -errno, for the loop that called user_syscall(). */
enum {
    USER_RESTART = -512,            /* not done: take signals, then execute the instruction again */
    USER_NO_RESULT = -513,          /* the registers are as they must be (sigreturn, exec) */
};

/* --- the ABI of the guest -------------------------------------------------------------------- */

enum user_abi_id { ABI_X86_64, ABI_I386, ABI_ARM };

/* What tells one ABI's data from another's. */
struct user_abi {
    const char *name;               /* as uname -m and messages show it: "x86_64", "i686" */
    enum user_abi_id id;
    uint8_t word_bits;              /* of long and of pointers */
    uint8_t align64;                /* of 64-bit integers in structs: 4 on i386 */
    bool big_endian;
    bool even_pairs;                /* 64-bit arguments of calls begin at an even word */
    bool arm_open_flags;            /* O_DIRECTORY and its like have ARM's values */
};
extern const struct user_abi user_abi_x86_64, user_abi_i386;

/* --- a thread -------------------------------------------------------------------------------- */

struct user_siginfo {               /* host layout; numbers as the guest's architecture has them */
    siginfo_t info;
};

struct user_sigaction {             /* as sigaction() gives it, already converted */
    uint64_t handler;               /* guest address, or 0 (default), 1 (ignore) */
    uint64_t flags;                 /* SA_* with the host's values */
    uint64_t restorer;
    uint64_t mask;                  /* bit n-1: signal n */
};

struct user_stack {
    uint64_t sp, size;
    uint32_t flags;                 /* SS_DISABLE, SS_AUTODISARM */
};

/* A thread as gdb has it, see gdb.h. */
struct task_debug {
    volatile int stop;              /* it is to stand still */
    bool parked, in_call;           /* it does; it is inside of a system call */
    bool kicked;                    /* asked to come out of it */
    bool entered;                   /* a signal's handler, since it last ran */
    bool has_info;                  /* info is of the signal that it stopped for */
    bool returned;                  /* from a system call, whose number gdb is to hear */
    uint32_t call;
    int signal, unreported;         /* to be delivered when it goes on; without a word to gdb */
    siginfo_t info;
    struct cpu_debug lent;          /* of the vCPU, while a child borrows it */
};

struct task {
    struct cpu *cpu;
    const struct user_abi *abi;     /* of the system call in progress, else of the process */
    pid_t tid;
    uint64_t clear_child_tid;       /* guest address, 0 none: cleared and woken at
                                       the thread's end */
    uint64_t robust_list, robust_list_len;
    uint64_t signal_mask;           /* as the guest set it; the host's mask follows it */
    uint64_t saved_mask;            /* of sigsuspend and its like: what the handler returns to */
    bool restore_mask;              /* saved_mask counts: set it when the signals are taken */
    volatile int signal_pending;   /* something is queued for this thread */
    struct user_stack sigaltstack;
    struct signal_queue *queue;     /* signal.c's own */
    struct user_actions *actions;   /* the process's, or those of a child that borrows its memory */
    bool borrows;                   /* this is such a child, of vfork() */
    void *child_stack;              /* host stack for one */
    sigjmp_buf *fault_jump;         /* where a fault in the emulator's reads of strings goes */
    siginfo_t fault;                /* of the exception that cpu_run_guest() returned for */
    uint64_t fault_trapno, fault_error, fault_address;      /* as signal frames show them */
    uint64_t debug_status;          /* of the last debug exception (x86: DR6, fixed bits 0) */
    bool is_first;                  /* the process's main thread */
    /* ptrace, see trace.h: what a tracer sees, NULL none; what it asked for, not yet done; that it
       has gone; the number of the call in progress or -1. */
    struct trace_box *trace, *trace_child_box;
    volatile uint32_t trace_request;
    volatile int trace_lost;
    int64_t trace_number;
    struct task_debug debug;
    struct task *next;
    pthread_t thread;
};

/* The calling thread. */
extern _Thread_local struct task *user_task;
/* All threads, user_tasks_lock() held. */
struct task *user_tasks(void);
void user_tasks_lock(void);
void user_tasks_unlock(void);

/* --- guest memory ---------------------------------------------------------------------------- */

extern uint64_t user_base;          /* host address of the guest's address 0 */
extern uint64_t user_top;           /* first address above what the guest may map */

static inline void *user_ptr(uint64_t addr)
{
    return (void *)(uintptr_t)(user_base + addr);
}

static inline uint64_t user_addr(const void *host)
{
    return (uint64_t)(uintptr_t)host - user_base;
}

/* For optional pointers: NULL stays NULL. */
static inline void *user_ptr_or_null(uint64_t addr)
{
    return addr ? user_ptr(addr) : NULL;
}

/* Copies that end at a fault: false (the caller returns -EFAULT); part may have been copied. */
bool user_read(void *dest, uint64_t addr, size_t len);
bool user_write(uint64_t addr, const void *src, size_t len);
/* Length of the guest's string, or -EFAULT; -ENAMETOOLONG above max. */
int64_t user_strlen(uint64_t addr, size_t max);
/*
 * A host pointer for the host kernel to read from or write to, which itself finds what is not
 * mapped. Before the kernel writes: translated code of this range is dropped, as the pages that
 * hold code are write-protected.
 */
static inline const void *user_in(uint64_t addr)
{
    return user_ptr(addr);
}
void *user_out(uint64_t addr, size_t len);
/* Whether all of the range is mapped with these PROT_* bits. */
bool user_access(uint64_t addr, size_t len, int prot);

/* --- the memory map: arguments as the Linux calls have them, all results guest addresses ----- */

int64_t user_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, int64_t offset);
int64_t user_munmap(uint64_t addr, uint64_t len);
int64_t user_mprotect(uint64_t addr, uint64_t len, int prot);
int64_t user_mremap(uint64_t addr, uint64_t old_len, uint64_t new_len, int flags, uint64_t new);
int64_t user_brk(uint64_t addr);
int64_t user_madvise(uint64_t addr, uint64_t len, int advice);
/* shmat and shmdt; a size of an attached segment is found by shmctl(). */
int64_t user_shmat(int id, uint64_t addr, int flags);
int64_t user_shmdt(uint64_t addr);

struct user_mapping {
    uint64_t start, end;
    int prot;                       /* as the guest sees it */
    int flags;                      /* MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS */
};
/* The mapping that holds addr or, if none, the next one; false: no more. */
bool user_mapping_at(uint64_t addr, struct user_mapping *m);

/* What the loader put where, for /proc/self and prctl(PR_SET_MM). */
struct user_image {
    char *path;                     /* of the program, absolute: /proc/self/exe */
    uint64_t start_code, end_code, start_data, end_data, start_brk, brk;
    uint64_t start_stack, arg_start, arg_end, env_start, env_end;
    uint64_t auxv, auxv_len;        /* guest address and bytes */
    uint64_t stack_low, stack_high;
};
extern struct user_image user_image;

/* --- options --------------------------------------------------------------------------------- */

struct user_options {
    const char *sysroot;            /* -L; NULL none */
    const char *cpu_model, *uname_release, *argv0;
    const char *exec_trace;         /* from an exec of another emulator, see trace.h; or NULL */
    uint64_t stack_size, reserved, base;
    bool strace, base_given;
    int exec_fd;                    /* the program, open, from an exec of another emulator; or -1 */
};
extern struct user_options user_options;

/* What the guest's absolute path is on the host: below -L when that exists there. Returns path or
   buf (PATH_MAX bytes). */
const char *user_path(const char *path, char *buf);

/* --- system calls ---------------------------------------------------------------------------- */

/* Owned by the table: args[] holds six words, 32-bit ones zero-extended. */
int64_t user_syscall(struct task *t, int64_t num, int64_t args[6]);

/* A host system call without libc in between: value or -errno. */
int64_t host_syscall(long num, ...);
/*
 * One that may block: USER_RESTART when a signal for the guest came before it began, or while it
 * waited and is to be restarted; -EINTR when it waited and is not. No window between the two.
 */
int64_t host_syscall_blocking(struct task *t, long num, int64_t a, int64_t b, int64_t c, int64_t d,
                              int64_t e, int64_t f);

/* --- signals --------------------------------------------------------------------------------- */

/* Either of new and old may be NULL. */
int64_t user_sigaction(int sig, const struct user_sigaction *new, struct user_sigaction *old);
/* how: SIG_BLOCK...; set and old may be NULL. */
int64_t user_sigprocmask(struct task *t, int how, const uint64_t *set, uint64_t *old);
/* For sigsuspend, ppoll, pselect, epoll_pwait: `mask' holds until the signals are taken after the
   call; call user_sigmask_end() with the call's result, and return what it returns. */
void user_sigmask_begin(struct task *t, uint64_t mask);
int64_t user_sigmask_end(struct task *t, int64_t result);
int64_t user_sigaltstack(struct task *t, const struct user_stack *new, struct user_stack *old);
/* Back from a handler: all registers are loaded from the frame. rt: rt_sigreturn. */
int64_t user_sigreturn(struct task *t, bool rt);
/* A synchronous signal for the calling thread, forced like the kernel's force_sig_info(). */
void user_force_signal(struct task *t, int sig, int code, uint64_t addr);
void user_force_info(struct task *t, const siginfo_t *info);
/* The mask in the host's form, without the signals that the emulator itself must get. */
void user_host_mask(uint64_t mask, sigset_t *host);

/* --- processes and threads ------------------------------------------------------------------- */

struct user_clone {                 /* as struct clone_args of the host, guest addresses */
    uint64_t flags;                 /* CLONE_*, without the exit signal */
    uint64_t pidfd, child_tid, parent_tid;
    uint64_t exit_signal;
    uint64_t stack;                 /* the new stack pointer (clone3's stack + size), 0: the same */
    uint64_t tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
/* clone, clone3, fork and vfork: the child's tid, or -errno; 0 in a child process. */
int64_t user_clone(struct task *t, const struct user_clone *args);
/* exit: the last thread ends the process. exit_group. */
_Noreturn void user_exit_thread(struct task *t, int status);
_Noreturn void user_exit_group(struct task *t, int status);
/*
 * Replaces the process; returns only on errors. dirfd and flags as in execveat(), path and the
 * vectors are host memory, NULL-terminated. Programs of the guest's kind run in the emulator again.
 */
int64_t user_execve(struct task *t, int dirfd, const char *path, char **argv, char **envp,
                    int flags);

/* --- x86 ------------------------------------------------------------------------------------- */

int64_t user_arch_prctl(struct task *t, int code, uint64_t addr);
int64_t user_set_thread_area(struct task *t, uint64_t desc);
int64_t user_get_thread_area(struct task *t, uint64_t desc);
int64_t user_modify_ldt(struct task *t, int func, uint64_t addr, uint64_t bytes);

#endif
