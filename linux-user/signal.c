/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals. The host's mask follows the guest's, and the host has a handler where the guest has one
 * or where we die with a line on stderr, so the kernel decides what is pending, ignored, restarted
 * and inherited. Our handler queues the signal for the thread, blocks all others until the guest's
 * handler is entered between two regions of its code, and keeps a blocking system call from
 * starting.
 *
 * Faults of guest instructions arrive as host SIGSEGV and SIGBUS, which are never blocked on the
 * host; see on_fault().
 */
#include "linux-user/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/bits.h"
#include "base/error.h"
#include "base/sanitizer.h"
#include "cpu-control.h"
#include "linux-user/gdb.h"
#include "linux-user/host.h"
#include "linux-user/trace.h"
#include "tcg/backend.h"
#include "tcg/code.h"
#include "tcg/region.h"
#include "tcg/user/user.h"

enum { QUEUE = 64, HOST_STACK = 64 << 10 };

struct signal_queue {
    struct { int sig; siginfo_t info; } entries[QUEUE];
    unsigned head, tail;            /* filled by the handler at tail */
    void *stack;                    /* for host handlers */
};

static struct user_actions process_actions;
static pthread_mutex_t actions_lock = PTHREAD_MUTEX_INITIALIZER;

#define BIT(sig) (1ull << ((sig) - 1))
/* What the host must always be able to deliver: faults of guest code */
#define FAULTS (BIT(SIGSEGV) | BIT(SIGBUS))
/* And what the debugger stops threads with */
#define ALWAYS (FAULTS | user_gdb_kick_mask)
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

/* --- masks ----------------------------------------------------------------------------------- */

static void set_host_mask(uint64_t mask)
{
    mask &= ~ALWAYS;
    host_sigprocmask(SIG_SETMASK, &mask, NULL);
}

void user_host_mask(uint64_t mask, sigset_t *host)
{
    memset(host, 0, sizeof(*host));
    mask &= ~ALWAYS;
    memcpy(host, &mask, sizeof(mask));
}

void user_signal_unblock(struct task *t)
{
    set_host_mask(t->signal_mask);
}

void user_signal_block_all(void)
{
    set_host_mask(~0ull);
}

void user_signal_block_all_but(int sig)
{
    set_host_mask(~BIT(sig));
}

SANITIZER_SIGNAL void user_signal_kick(struct task *t)
{
    t->signal_pending = 1;
    cpu_hot_exit(cpu_hot(t->cpu));
}

static void set_mask(struct task *t, uint64_t mask)
{
    t->signal_mask = mask & ~UNBLOCKABLE;
    if (t->queue->head != t->queue->tail) {
        user_signal_kick(t);            /* some may be no longer blocked */
    }
    user_signal_unblock(t);
}

void user_signal_restore(struct task *t, uint64_t mask)
{
    user_signal_block_all();
    set_mask(t, mask);
}

int64_t user_sigprocmask(struct task *t, int how, const uint64_t *set, uint64_t *old)
{
    uint64_t mask = t->signal_mask;

    if (set) {
        user_signal_block_all();
        if (t->signal_pending) {
            return USER_RESTART;        /* it came before the mask changed */
        }
        switch (how) {
        case SIG_BLOCK: mask |= *set; break;
        case SIG_UNBLOCK: mask &= ~*set; break;
        case SIG_SETMASK: mask = *set; break;
        default:
            user_signal_unblock(t);
            return -EINVAL;
        }
    }
    if (old) {
        *old = t->signal_mask;
    }
    if (set) {
        set_mask(t, mask);
    }
    return 0;
}

void user_sigmask_begin(struct task *t, uint64_t mask)
{
    t->saved_mask = t->signal_mask;
    t->signal_mask = mask & ~UNBLOCKABLE;
}

int64_t user_sigmask_end(struct task *t, int64_t result)
{
    if (t->signal_pending) {
        t->restore_mask = true;
    } else {
        t->signal_mask = t->saved_mask;
    }
    return result;
}

/* --- the queue ------------------------------------------------------------------------------- */

SANITIZER_SIGNAL void user_signal_queue(struct task *t, int sig, const siginfo_t *info)
{
    struct signal_queue *q = t->queue;

    if (q->tail - q->head < QUEUE) {
        q->entries[q->tail % QUEUE].sig = sig;
        q->entries[q->tail % QUEUE].info = *info;
        q->tail++;
    }
    user_signal_kick(t);
}

void user_signal_fork_begin(void)
{
    pthread_mutex_lock(&actions_lock);
}

void user_signal_fork_end(void)
{
    pthread_mutex_unlock(&actions_lock);
}

void user_signal_forget(struct task *t)
{
    t->queue->head = t->queue->tail;
    t->signal_pending = t->trace_request != 0;
}

struct signal_queue *user_signal_put_aside(struct task *t)
{
    struct signal_queue *aside = malloc(sizeof(*aside));

    if (aside) {
        *aside = *t->queue;
        user_signal_forget(t);
    }
    return aside;
}

void user_signal_give_back(struct task *t, struct signal_queue *aside)
{
    if (aside->head != aside->tail) {
        memcpy(t->queue->entries, aside->entries, sizeof(aside->entries));
        t->queue->head = aside->head;
        t->queue->tail = aside->tail;
        user_signal_kick(t);
    }
    free(aside);
}

/* Takes the first that is not blocked. With the host's signals blocked. */
static bool dequeue(struct task *t, int *sig, siginfo_t *info)
{
    struct signal_queue *q = t->queue;

    for (unsigned i = q->head; i != q->tail; i++) {
        if (t->signal_mask & BIT(q->entries[i % QUEUE].sig)) {
            continue;
        }
        *sig = q->entries[i % QUEUE].sig;
        *info = q->entries[i % QUEUE].info;
        for (; i != q->head; i--) {
            q->entries[i % QUEUE] = q->entries[(i - 1) % QUEUE];
        }
        q->head++;
        return true;
    }
    return false;
}

/* --- dying ----------------------------------------------------------------------------------- */

static bool dumps_core(int sig)
{
    switch (sig) {
    case SIGQUIT: case SIGILL: case SIGABRT: case SIGFPE: case SIGSEGV: case SIGBUS: case SIGTRAP:
    case SIGXCPU: case SIGXFSZ: case SIGSYS:
        return true;
    }
    return false;
}

/* The emulator dies of the signal, so that its parent sees what a program's parent would. */
static _Noreturn void die(int sig)
{
    struct host_sigaction act = { 0 };
    uint64_t mask = ~BIT(sig);

    host_sigaction(sig, &act, NULL);
    host_syscall(SYS_tgkill, (int64_t)getpid(), host_syscall(SYS_gettid), (int64_t)sig);
    host_sigprocmask(SIG_SETMASK, &mask, NULL);
    _exit(128 + sig);
}

/* The line is what scripts and people look for in logs. */
void user_die(int sig)
{
    user_gdb_exit(user_task, true, sig);
    if (dumps_core(sig)) {
        fprintf(stderr, "qemu: uncaught target signal %d (%s) - core dumped\n", sig,
                strsignal(sig));
    }
    die(sig);
}

/* Something that can be nothing but a fault of the emulator itself. */
static _Noreturn void own_fault(int sig, const siginfo_t *info, const void *context)
{
    char text[200];
    int n = snprintf(text, sizeof(text), "%s: internal error: signal %d at address %p, host pc %p, "
                     "guest pc unknown\n", error_program(), sig, info->si_addr,
                     (void *)host_pc(context));

    if (write(STDERR_FILENO, text, n) != n) {
        n = 0;
    }
    die(sig);
}

/* --- faults of guest instructions ------------------------------------------------------------ */

static bool in_guest_code(struct task *t, void *context)
{
    return backend_fault(t->cpu->env, context) || cpu_hot(t->cpu)->ra;
}

/* A store into a page of code that was not the guest's own fault. True: go on. */
static bool store_to_code(struct task *t, const siginfo_t *info, void *context)
{
    uint64_t addr = user_addr(info->si_addr);

    if (info->si_signo != SIGSEGV || info->si_code != SEGV_ACCERR ||
        !code_store_fault(t->cpu, addr)) {
        return false;
    }
    if (in_guest_code(t, context)) {
        if (!t->cpu->one_insn && region_overlaps(t->cpu, addr, 16)) {
            /* It changes the code it is in: alone once more, then the new code. */
            t->cpu->one_insn = true;
            backend_fault_leaves(t->cpu->env, context);
            user_signal_unblock(t);
            cpu_loop_exit(t->cpu);
        }
        if (region_by_host(host_pc(context))) {
            cpu_hot(t->cpu)->ra = 0;
        }
    }
    return true;
}

static bool is_mapped(uint64_t addr)
{
    struct user_mapping m;

    return user_mapping_at(addr, &m) && m.start <= addr;
}

static _Noreturn void fetch_fault(struct cpu *cpu, siginfo_t *info, uint64_t addr)
{
    struct code_key key;
    uint64_t pc;

    /* The instruction itself, or the page that it goes on in. */
    cpu->target->code_key(cpu, &key);
    pc = key.base + (key.pc & ~(uint64_t)cpu->target->pc_tag);
    if (pc / USER_PAGE == addr / USER_PAGE) {
        addr = pc;
    }
    info->si_addr = user_ptr(addr);
    user_arch_note_fault(user_task, info, NULL);
    cpu->exception = user_arch_exc_signal;
    cpu_raise(cpu);
}

void user_fetch_fault(struct cpu *cpu, uint64_t addr, bool mapped)
{
    siginfo_t info = { .si_signo = SIGSEGV, .si_code = mapped ? SEGV_ACCERR : SEGV_MAPERR };

    fetch_fault(cpu, &info, addr);
}

static void on_fault(struct task *t, int sig, siginfo_t *info, void *context)
{
    if (store_to_code(t, info, context) || host_fixup(context)) {
        return;
    }
    backend_fault_leaves(t->cpu->env, context);
    if (t->fault_jump) {
        siglongjmp(*t->fault_jump, 1);
    }
    if (t->cpu->fetching) {
        user_signal_unblock(t);         /* another thread took away what was being translated */
        fetch_fault(t->cpu, info, user_addr(info->si_addr));
    }
    if (!in_guest_code(t, context)) {
        own_fault(sig, info, context);
    }
    if (info->si_code == SEGV_ACCERR && !is_mapped(user_addr(info->si_addr))) {
        info->si_code = SEGV_MAPERR;        /* reserved on the host only */
    }
    user_arch_note_fault(t, info, context);
    t->cpu->exception = user_arch_exc_signal;
    user_signal_unblock(t);
    cpu_raise(t->cpu);
}

/* --- the host's handler ---------------------------------------------------------------------- */

static SANITIZER_SIGNAL void on_signal(int sig, void *siginfo, void *context)
{
    int saved_errno = errno;
    struct task *t = user_task;
    siginfo_t *info = siginfo;
    uint64_t all = ~ALWAYS;

    if (user_gdb_is_kick(sig, info)) {
        t->debug.kicked = true;
        t->signal_pending = 1;
        host_rewind(context);
    } else if ((sig == SIGSEGV || sig == SIGBUS) && info->si_code > 0) {
        on_fault(t, sig, info, context);
    } else if ((sig == SIGILL || sig == SIGFPE) && info->si_code > 0 &&
               info->si_addr == (void *)host_pc(context)) {
        own_fault(sig, info, context);
    } else if (sig == SIGTRAP && host_pc(context) == (uintptr_t)host_trace_point) {
        t->trace_lost = 1;              /* nobody there who would have taken it */
    } else {
        if (trace_is_ring(info)) {
            trace_rung(t, info);
        } else {
            user_signal_queue(t, sig, info);
        }
        if (!t) {
            return;                     /* a thread that is being made */
        }
        host_rewind(context);
        memcpy(&((ucontext_t *)context)->uc_sigmask, &all, sizeof(all));
    }
    errno = saved_errno;
}

/* A child in its parent's memory has actions of its own, and outlives who held the lock there. */
static void lock_actions(void)
{
    if (user_task->actions == &process_actions) {
        pthread_mutex_lock(&actions_lock);
    }
}

static void unlock_actions(void)
{
    if (user_task->actions == &process_actions) {
        pthread_mutex_unlock(&actions_lock);
    }
}

static void host_action(int sig, const struct user_sigaction *act)
{
    struct host_sigaction host = { .mask = ~ALWAYS };
    bool traced = user_task->actions->traced;

    host.flags = (act->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_RESTART)) | SA_SIGINFO |
                 SA_ONSTACK;
    if (traced && act->handler <= 1) {
        host.flags |= SA_RESTART;
    }
    if (BIT(sig) & ALWAYS || act->handler > 1 || (act->handler == 0 && dumps_core(sig)) || traced) {
        host.handler = on_signal;
    } else {
        host.handler = (void (*)(int, void *, void *))(uintptr_t)act->handler;
    }
    host_sigaction(sig, &host, NULL);
}

/* A count of threads that are traced would be exact; one is enough for all. */
void user_signal_trace(bool on)
{
    lock_actions();
    if (user_task->actions->traced != on) {
        user_task->actions->traced = on;
        for (int sig = 1; sig <= USER_SIGNALS; sig++) {
            if (!(BIT(sig) & UNBLOCKABLE)) {
                host_action(sig, &user_task->actions->of[sig]);
            }
        }
    }
    unlock_actions();
}

int64_t user_sigaction(int sig, const struct user_sigaction *new, struct user_sigaction *old)
{
    if (sig < 1 || sig > USER_SIGNALS || (new && (BIT(sig) & UNBLOCKABLE))) {
        return -EINVAL;
    }
    lock_actions();
    if (old) {
        *old = user_task->actions->of[sig];
    }
    if (new) {
        user_task->actions->of[sig] = *new;
        user_task->actions->of[sig].mask &= ~UNBLOCKABLE;
        host_action(sig, new);
    }
    unlock_actions();
    return 0;
}

/* --- delivery -------------------------------------------------------------------------------- */

static bool ignored_by_default(int sig)
{
    return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}

static bool stops_by_default(int sig)
{
    return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void stop_self(struct task *t)
{
    if (t->trace) {
        t->trace->by_itself = true;
    }
    host_syscall(SYS_tgkill, (int64_t)getpid(), host_syscall(SYS_gettid), (int64_t)SIGSTOP);
}

static void default_action(struct task *t, int sig)
{
    if (stops_by_default(sig)) {
        stop_self(t);
    } else if (!ignored_by_default(sig)) {
        user_die(sig);
    }
}

static void enter_handler(struct task *t, int sig, const siginfo_t *info,
                          const struct user_sigaction *act)
{
    uint64_t mask = t->restore_mask ? t->saved_mask : t->signal_mask;

    t->restore_mask = false;
    if (!user_arch_push_frame(t, sig, info, act, mask)) {
        user_die(SIGSEGV);
    }
    t->debug.entered = true;
    t->signal_mask = (t->signal_mask | act->mask | (act->flags & SA_NODEFER ? 0 : BIT(sig))) &
                     ~UNBLOCKABLE;
}

/* Returns whether a handler was entered. */
static bool deliver(struct task *t, int sig, siginfo_t *info)
{
    struct user_sigaction act;

    if (t->trace) {
        sig = trace_signal(t, sig, info);
        if (!sig) {
            return false;
        }
    }
    sig = user_gdb_signal(t, sig, info);
    if (!sig) {
        return false;
    }
    lock_actions();
    act = user_task->actions->of[sig];
    if (act.handler > 1 && act.flags & SA_RESETHAND) {
        user_task->actions->of[sig].handler = 0;
        host_action(sig, &user_task->actions->of[sig]);
    }
    unlock_actions();
    if (act.handler > 1) {
        enter_handler(t, sig, info, &act);
        if (t->trace && t->trace->resume == TRACE_STEP) {
            trace_stepped(t);
        }
        return true;
    }
    if (act.handler == 0) {
        default_action(t, sig);
    }
    return false;
}

bool user_take_signals(struct task *t)
{
    bool entered = false;
    siginfo_t info;
    int sig;

    user_signal_block_all();
    t->signal_pending = 0;
    if (t->trace_request) {
        trace_answer(t);
    }
    while (dequeue(t, &sig, &info)) {
        entered |= deliver(t, sig, &info);
    }
    if (t->restore_mask) {
        t->restore_mask = false;
        t->signal_mask = t->saved_mask;
    }
    user_signal_unblock(t);
    return entered;
}

/* A blocked or ignored one kills, as the instruction cannot go on. */
static void force(struct task *t, const siginfo_t *info)
{
    int sig = info->si_signo;
    siginfo_t copy = *info;

    user_signal_block_all();
    if (t->signal_mask & BIT(sig) || user_task->actions->of[sig].handler == 1) {
        if (t->trace && !trace_signal(t, sig, &copy)) {
            user_signal_unblock(t);
            return;
        }
        sig = user_gdb_signal(t, sig, info);
        if (sig) {
            user_die(sig);
        }
    } else {
        deliver(t, sig, &copy);
    }
    user_signal_unblock(t);
}

void user_force_info(struct task *t, const siginfo_t *info)
{
    force(t, info);
}

void user_force_signal(struct task *t, int sig, int code, uint64_t addr)
{
    siginfo_t info = { .si_signo = sig, .si_code = code };

    info.si_addr = (void *)(uintptr_t)addr;
    force(t, &info);
}

int64_t user_sigaltstack(struct task *t, const struct user_stack *new, struct user_stack *old)
{
    uint64_t sp = user_arch_sp(t->cpu);
    struct user_stack *s = &t->sigaltstack;
    bool on_it = s->size && sp - s->sp - 1 < s->size;

    if (old) {
        *old = *s;
        old->flags = s->size == 0 ? SS_DISABLE : on_it ? SS_ONSTACK : 0;
        old->flags |= s->flags & (1u << 31);
    }
    if (!new) {
        return 0;
    }
    if (on_it) {
        return -EPERM;
    }
    if ((new->flags & ~(1u << 31)) != 0 && (new->flags & ~(1u << 31)) != SS_ONSTACK &&
        (new->flags & ~(1u << 31)) != SS_DISABLE) {
        return -EINVAL;
    }
    if (new->flags & SS_DISABLE) {
        *s = (struct user_stack){ 0 };
        return 0;
    }
    if (new->size < 2048) {
        return -ENOMEM;
    }
    *s = *new;
    return 0;
}

/* What was accepted for this thread but not delivered is sent to it again. */
void user_signal_exec(struct task *t)
{
    struct signal_queue *q = t->queue;

    user_signal_block_all();
    for (; q->head != q->tail; q->head++) {
        int sig = q->entries[q->head % QUEUE].sig;

        host_syscall(SYS_rt_tgsigqueueinfo, (int64_t)getpid(), (int64_t)t->tid, (int64_t)sig,
                     &q->entries[q->head % QUEUE].info);
    }
    t->signal_pending = 0;
    /* The new program starts with the guest's mask. */
    host_sigprocmask(SIG_SETMASK, &t->signal_mask, NULL);
}

/* --- the debugger's --------------------------------------------------------------------------- */

void user_signal_kicks_init(int sig)
{
    host_action(sig, &user_task->actions->of[sig]);
    user_signal_unblock(user_task);
}

int64_t host_syscall_blocking(struct task *t, long num, int64_t a, int64_t b, int64_t c, int64_t d,
                              int64_t e, int64_t f)
{
    int64_t result = host_safe_syscall(&t->signal_pending, num, a, b, c, d, e, f);

    /* What only the debugger interrupted begins again; no signal of the guest's was there. */
    if (result == -EINTR && t->debug.kicked && t->queue->head == t->queue->tail) {
        return USER_RESTART;
    }
    return result;
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* Queues of threads that have ended, for those that begin. No lock: a child may be forked. */
static struct signal_queue *spare_queues[16];

static struct signal_queue *queue_alloc(void)
{
    struct signal_queue *q = NULL;

    for (unsigned i = 0; i < sizeof(spare_queues) / sizeof(spare_queues[0]) && !q; i++) {
        q = __atomic_exchange_n(&spare_queues[i], NULL, __ATOMIC_ACQ_REL);
    }
    if (q) {
        q->head = q->tail = 0;
        return q;
    }
    q = mmap(NULL, sizeof(*q) + HOST_STACK, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (q == MAP_FAILED) {
        error_exit("cannot get memory for a thread's signals");
    }
    return q;
}

static void queue_free(struct signal_queue *q)
{
    for (unsigned i = 0; i < sizeof(spare_queues) / sizeof(spare_queues[0]); i++) {
        struct signal_queue *none = NULL;

        if (__atomic_compare_exchange_n(&spare_queues[i], &none, q, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            return;
        }
    }
    munmap(q, sizeof(*q) + HOST_STACK);
}

void user_signal_thread_init(struct task *t)
{
    struct signal_queue *q = queue_alloc();
    stack_t stack = { .ss_size = HOST_STACK };

    t->queue = q;
    t->actions = &process_actions;
    q->stack = stack.ss_sp = q + 1;
    sigaltstack(&stack, NULL);
}

void user_signal_thread_end(struct task *t)
{
    stack_t stack = { .ss_flags = SS_DISABLE };

    sigaltstack(&stack, NULL);
    queue_free(t->queue);
    t->queue = NULL;
}

/* What the parent left ignored stays so; nothing else is set in a new program. */
void user_signal_init(void)
{
    static const struct user_sigaction none;

    for (int sig = 1; sig <= USER_SIGNALS; sig++) {
        struct host_sigaction old;

        if (host_sigaction(sig, NULL, &old) == 0 && old.handler == (void *)SIG_IGN) {
            user_task->actions->of[sig].handler = 1;
        } else if (dumps_core(sig)) {
            host_action(sig, &none);
        }
    }
    host_action(SIGSEGV, &none);
    host_action(SIGBUS, &none);
    host_sigprocmask(SIG_BLOCK, NULL, &user_task->signal_mask);
    user_signal_unblock(user_task);
}
