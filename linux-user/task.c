/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads and processes: a guest thread is a host thread, a guest process a host process. */
#include "linux-user/internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "base/sanitizer.h"
#include "cpu-control.h"
#include "linux-user/gdb.h"
#include "linux-user/host.h"
#include "linux-user/trace.h"
#include "tcg/backend.h"
#include "tcg/region.h"
#include "tcg/user/user.h"

enum { THREAD_STACK = 512 << 10 };
/* Flags with which a child cannot be made by borrowing */
#define NEW_SPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
                    CLONE_NEWPID | CLONE_NEWNET | CLONE_PARENT | CLONE_FS | CLONE_FILES)

_Thread_local struct task *user_task;

static struct task *tasks;
static pthread_mutex_t tasks_lock = PTHREAD_MUTEX_INITIALIZER;

struct task *user_tasks(void)
{
    return tasks;
}

void user_tasks_lock(void)
{
    pthread_mutex_lock(&tasks_lock);
}

void user_tasks_unlock(void)
{
    pthread_mutex_unlock(&tasks_lock);
}

static void enter_list(struct task *t)
{
    user_tasks_lock();
    t->next = tasks;
    tasks = t;
    user_gdb_task_begins(t);
    user_tasks_unlock();
}

/* Returns whether it was the last. */
static bool leave_list(struct task *t)
{
    struct task **at = &tasks;
    bool last;

    user_tasks_lock();
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    last = !tasks;
    user_tasks_unlock();
    return last;
}

static void attach(struct task *t)
{
    user_task = t;
    t->tid = host_syscall(SYS_gettid);
    t->thread = pthread_self();
    cpu_set_current(t->cpu);
    if (the_target.word_bits == 32) {
        backend_set_base(user_base);
    }
    user_signal_thread_init(t);
    backend_fp_enter(t->cpu->env);
    trace_thread_init(t);
}

void user_main_task(struct cpu *cpu)
{
    static struct task first;

    first.cpu = cpu;
    first.is_first = true;
    first.abi = user_process_abi;
    attach(&first);
    enter_list(&first);
}

static __thread jmp_buf *thread_end;    /* in the thread's outermost frame */

/* --- the end --------------------------------------------------------------------------------- */

/* What a thread leaves in memory for those that wait for it. */
static void clear_tid(struct task *t)
{
    uint32_t zero = 0;

    if (t->clear_child_tid && user_write(t->clear_child_tid, &zero, sizeof(zero))) {
        host_syscall(SYS_futex, user_ptr(t->clear_child_tid), (int64_t)FUTEX_WAKE, (int64_t)1,
                     (int64_t)0, (int64_t)0, (int64_t)0);
    }
}

void user_exit_group(struct task *t, int status)
{
    if (t->trace) {
        trace_note(t);
    }
    user_gdb_exit(t, false, status);
    if (t->borrows) {
        clear_tid(t);
    } else {
        fflush(NULL);
    }
    _exit(status);
}

void user_exit_thread(struct task *t, int status)
{
    bool last;

    user_signal_block_all();
    if (t->trace) {
        trace_note(t);
    }
    if (t->borrows) {
        clear_tid(t);
        host_syscall(SYS_exit, (int64_t)status);
    }
    user_gdb_lock(t);
    last = leave_list(t);
    user_gdb_unlock();
    if (last) {
        user_exit_group(t, status);
    }
    user_robust_exit(t);
    clear_tid(t);
    backend_fp_leave(t->cpu->env);
    user_signal_thread_end(t);
    free(t->child_stack);
    user_cpu_free(t->cpu);
    cpu_set_current(NULL);
    if (t->is_first) {
        /* The process's first thread: the others go on, and its end must not end them. */
        host_syscall(SYS_exit, (int64_t)status);
    }
    free(t);
    user_task = NULL;
    longjmp(*thread_end, 1);                    /* pthread_exit() would look for frames to unwind */
}

/* --- threads --------------------------------------------------------------------------------- */

struct start {
    struct task *task;
    const struct user_clone *args;
    pid_t tid;                      /* a futex; it may be gone when it is woken */
};

static void put_tid(uint64_t addr, pid_t tid)
{
    uint32_t value = tid;

    user_write(addr, &value, sizeof(value));
}

static void *thread_main(void *opaque)
{
    struct start *s = opaque;
    struct task *t = s->task;
    jmp_buf end;

    attach(t);
    if (s->args->flags & CLONE_PARENT_SETTID) {
        put_tid(s->args->parent_tid, t->tid);
    }
    if (s->args->flags & CLONE_CHILD_SETTID) {
        put_tid(s->args->child_tid, t->tid);
    }
    enter_list(t);
    __atomic_store_n(&s->tid, t->tid, __ATOMIC_RELEASE);
    host_syscall(SYS_futex, &s->tid, (int64_t)FUTEX_WAKE_PRIVATE, (int64_t)1);
    user_signal_unblock(t);
    thread_end = &end;
    if (!setjmp(end)) {
        user_arch_loop(t);
    }
    return NULL;
}

static struct task *new_task(struct task *parent, const struct user_clone *args, int64_t *result)
{
    struct task *t = calloc(1, sizeof(*t));
    struct error *err = NULL;

    if (!t) {
        *result = -ENOMEM;
        return NULL;
    }
    t->cpu = user_cpu_alloc(&err);
    if (!t->cpu) {
        error_free(err);
        free(t);
        *result = -EAGAIN;
        return NULL;
    }
    t->abi = user_process_abi;
    t->signal_mask = parent->signal_mask;
    if (args->flags & CLONE_CHILD_CLEARTID) {
        t->clear_child_tid = args->child_tid;
    }
    *result = user_arch_clone(parent, t->cpu, args->stack, args->flags & CLONE_SETTLS, args->tls);
    if (*result < 0) {
        user_cpu_free(t->cpu);
        free(t);
        return NULL;
    }
    return t;
}

static int64_t new_thread(struct task *parent, const struct user_clone *args)
{
    struct start s = { .args = args };
    pthread_attr_t attr;
    pthread_t thread;
    int64_t result;
    int failed;

    region_memory_shared();
    s.task = new_task(parent, args, &result);
    if (!s.task) {
        return result;
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    user_signal_block_all();
    failed = pthread_create(&thread, &attr, thread_main, &s);
    while (!failed && !__atomic_load_n(&s.tid, __ATOMIC_ACQUIRE)) {
        host_syscall(SYS_futex, &s.tid, (int64_t)FUTEX_WAIT_PRIVATE, (int64_t)0, (int64_t)0);
    }
    user_signal_unblock(parent);
    pthread_attr_destroy(&attr);
    if (failed) {
        user_cpu_free(s.task->cpu);
        free(s.task);
        return -failed;
    }
    return s.tid;
}

/* --- processes ------------------------------------------------------------------------------- */

static void fork_begin(struct task *t)
{
    user_signal_block_all();
    user_gdb_fork_begin(t);
    user_tasks_lock();
    user_signal_fork_begin();
    user_memory_lock();
    region_fork_begin();
    cpu_exec_fork_begin();
    user_cpus_fork_begin();
}

static void fork_end(struct task *t, bool child)
{
    user_cpus_fork_end(child ? t->cpu : NULL);
    cpu_exec_fork_end(child);
    region_fork_end();
    user_memory_unlock();
    user_signal_fork_end();
    user_tasks_unlock();
    if (child) {
        tasks = t;
        t->next = NULL;
        t->is_first = true;
        t->tid = host_syscall(SYS_gettid);
        user_signal_forget(t);
        trace_forked(t);
    }
}

/* With flags that only the kernel itself can honour. */
static int64_t raw_clone(const struct user_clone *args)
{
    uint64_t flags = args->flags & ~(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID |
                                     CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_SIGHAND |
                                     CLONE_THREAD | CLONE_PIDFD);
    int pidfd = -1;
    int64_t pid;

    if (args->flags & CLONE_PIDFD) {
        flags |= CLONE_PIDFD;
    }
    pid = host_syscall(SYS_clone, (int64_t)(flags | args->exit_signal), (int64_t)0, &pidfd,
                       (int64_t)0, (int64_t)0);
    if (pid > 0 && args->flags & CLONE_PIDFD) {
        put_tid(args->pidfd, pidfd);
    }
    return pid;
}

static int64_t new_process(struct task *t, const struct user_clone *args)
{
    uint64_t plain = CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID |
                     CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    int64_t pid;

    fflush(NULL);
    fork_begin(t);
    if (args->exit_signal == SIGCHLD && !(args->flags & ~plain)) {
        pid = fork();
        pid = pid < 0 ? -errno : pid;
    } else {
        pid = raw_clone(args);
    }
    fork_end(t, pid == 0);
    user_gdb_fork_end(t, pid);
    if (pid == 0) {
        t->clear_child_tid = args->flags & CLONE_CHILD_CLEARTID ? args->child_tid : 0;
        if (args->flags & CLONE_CHILD_SETTID) {
            put_tid(args->child_tid, t->tid);
        }
        t->robust_list = 0;
        user_arch_clone(t, t->cpu, args->stack, args->flags & CLONE_SETTLS, args->tls);
    } else if (pid > 0 && args->flags & CLONE_PARENT_SETTID) {
        put_tid(args->parent_tid, pid);
    }
    user_signal_unblock(t);
    return pid;
}

/* --- vfork ----------------------------------------------------------------------------------- */

/* OWN_ENV: other threads write what is before that. */
enum { CHILD_STACK = 256 << 10, OWN_ENV = offsetof(struct cpu_hot, host_mxcsr) };

struct borrow {
    struct task *task;
    const struct user_clone *args;
    struct user_actions actions;
    struct trace_box box;
    struct sanitizer_frames frames;
};

static int borrower(void *opaque)
{
    struct borrow *b = opaque;
    struct task *t = b->task;

    sanitizer_borrow_begin(&b->frames);
    t->borrows = true;
    t->actions = &b->actions;
    trace_forked(t);
    t->trace_child_box = &b->box;
    t->tid = host_syscall(SYS_gettid);
    t->clear_child_tid = t->robust_list = 0;
    if (b->args->flags & CLONE_CHILD_SETTID) {
        put_tid(b->args->child_tid, t->tid);
    }
    user_arch_clone(t, t->cpu, b->args->stack, b->args->flags & CLONE_SETTLS, b->args->tls);
    t->cpu->exception = -1;
    user_signal_unblock(t);
    user_arch_loop(t);
}

/*
 * The child runs in this process's memory, on this thread's vCPU and with its task, but on a stack
 * of its own, until it is replaced or ends; so long the kernel keeps this thread waiting.
 */
static int64_t borrow_memory(struct task *t, const struct user_clone *args)
{
    int flags = CLONE_VM | CLONE_VFORK | (args->flags & CLONE_PIDFD) | args->exit_signal;
    struct borrow b = { t, args, *t->actions };
    struct task saved;
    struct signal_queue *signals;
    void *env = malloc(the_target.env_size);
    uint8_t guest_watches = t->cpu->debug.guest_watches;
    int64_t pid;
    int pidfd = -1;

    if (!t->child_stack) {
        t->child_stack = malloc(CHILD_STACK);
    }
    user_signal_block_all();
    signals = env && t->child_stack ? user_signal_put_aside(t) : NULL;
    if (!signals) {
        user_signal_unblock(t);
        free(env);
        return -ENOMEM;
    }
    backend_fp_sync(t->cpu->env);
    user_gdb_borrow_begin(t);
    user_tasks_lock();
    saved = *t;
    user_tasks_unlock();
    memcpy(env, (uint8_t *)t->cpu->env + OWN_ENV, the_target.env_size - OWN_ENV);
    pid = clone(borrower, (uint8_t *)t->child_stack + CHILD_STACK, flags, &b, &pidfd);
    pid = pid < 0 ? -errno : pid;
    sanitizer_borrow_end(&b.frames);
    user_tasks_lock();
    saved.next = t->next;
    saved.debug.stop = t->debug.stop;
    *t = saved;
    user_tasks_unlock();
    t->cpu->in_guest = false;
    backend_fp_leave(t->cpu->env);
    memcpy((uint8_t *)t->cpu->env + OWN_ENV, env, the_target.env_size - OWN_ENV);
    t->cpu->debug.guest_watches = guest_watches;
    jump_cache_select(t->cpu);
    backend_fp_enter(t->cpu->env);
    user_gdb_borrow_end(t);
    free(env);
    user_signal_give_back(t, signals);
    if (pid > 0 && args->flags & CLONE_PARENT_SETTID) {
        put_tid(args->parent_tid, pid);
    }
    if (pid > 0 && args->flags & CLONE_PIDFD) {
        put_tid(args->pidfd, pidfd);
    }
    user_signal_unblock(t);
    return pid;
}

/* --- a process of its own in the same memory ------------------------------------------------- */

struct lend {
    struct task *task;              /* the child's, on a helper thread's vCPU */
    const struct user_clone *args;  /* until `done' */
    sem_t done, taken;              /* pid is set; the parent has read it */
    int64_t pid;
    int pidfd;
    struct user_actions actions;
};

static int lent_child(void *opaque)
{
    struct lend *l = opaque;
    struct task *t = l->task;

    t->borrows = true;
    if (!(l->args->flags & CLONE_SIGHAND)) {
        t->actions = &l->actions;
    }
    t->tid = host_syscall(SYS_gettid);
    if (l->args->flags & CLONE_CHILD_SETTID) {
        put_tid(l->args->child_tid, t->tid);
    }
    l->pid = t->tid;
    sem_post(&l->done);
    user_signal_unblock(t);
    user_arch_loop(t);
}

static void drop_lend(struct lend *l)
{
    if (l && l->task) {
        free(l->task->child_stack);
        user_cpu_free(l->task->cpu);
        free(l->task);
    }
    free(l);
}

/* A thread that the child's libc takes for itself: the kernel keeps it waiting so long. */
static void *lender(void *opaque)
{
    struct lend *l = opaque;
    struct task *t = l->task;
    uint64_t flags = l->args->flags & ~(uint64_t)(CLONE_SETTLS | CLONE_PARENT_SETTID |
                                                  CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID);

    attach(t);
    if (clone(lent_child, (uint8_t *)t->child_stack + CHILD_STACK,
              flags | CLONE_VFORK | l->args->exit_signal, l, &l->pidfd) < 0) {
        l->pid = -errno;
        sem_post(&l->done);
    }
    while (sem_wait(&l->taken) < 0) {
    }
    t->cpu->in_guest = false;
    backend_fp_leave(t->cpu->env);
    user_signal_thread_end(t);
    cpu_set_current(NULL);
    user_task = NULL;
    drop_lend(l);
    return NULL;
}

static int64_t lend_memory(struct task *parent, const struct user_clone *args)
{
    struct lend *l = calloc(1, sizeof(*l));
    pthread_attr_t attr;
    pthread_t thread;
    int64_t result = -ENOMEM;

    region_memory_shared();
    if (l) {
        l->task = new_task(parent, args, &result);
    }
    if (!l || !l->task || !(l->task->child_stack = malloc(CHILD_STACK))) {
        drop_lend(l);
        return result;
    }
    l->args = args;
    l->actions = *parent->actions;
    sem_init(&l->done, 0, 0);
    sem_init(&l->taken, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    user_signal_block_all();
    result = -pthread_create(&thread, &attr, lender, l);
    pthread_attr_destroy(&attr);
    if (!result) {
        while (sem_wait(&l->done) < 0) {
        }
        result = l->pid;
        if (result > 0 && args->flags & CLONE_PARENT_SETTID) {
            put_tid(args->parent_tid, result);
        }
        if (result > 0 && args->flags & CLONE_PIDFD) {
            put_tid(args->pidfd, l->pidfd);
        }
        sem_post(&l->taken);
    } else {
        drop_lend(l);
    }
    user_signal_unblock(parent);
    return result;
}

static int64_t make(struct task *t, const struct user_clone *args)
{
    const uint64_t shared = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;

    if (!(args->flags & CLONE_THREAD)) {
        if (args->flags & CLONE_SIGHAND && !(args->flags & CLONE_VM)) {
            return -EINVAL;
        }
        if (args->flags & CLONE_VM && !(args->flags & CLONE_VFORK)) {
            return lend_memory(t, args);
        }
        if (args->flags & CLONE_VM && !(args->flags & NEW_SPACES) && !t->borrows) {
            return borrow_memory(t, args);
        }
        return new_process(t, args);
    }
    return (args->flags & shared) == shared ? new_thread(t, args) : -EINVAL;
}

int64_t user_clone(struct task *t, const struct user_clone *args)
{
    int64_t result;

    if (t->trace) {
        trace_note(t);
    }
    result = make(t, args);
    if (t->trace) {
        trace_noted(t);
    }
    return result;
}

/* --- robust futexes: what the kernel would do at the thread's end ---------------------------- */

enum { ROBUST_LIMIT = 2048 };

static bool read_word(uint64_t addr, uint64_t *value)
{
    *value = 0;
    return user_read(value, addr, user_process_abi->word_bits / 8);
}

static void release(struct task *t, uint64_t futex, bool pi, bool pending)
{
    uint32_t old;

    if ((futex & 3) || !user_read(&old, futex, sizeof(old))) {
        return;
    }
    if (pending && !pi && old == 0) {
        host_syscall(SYS_futex, user_ptr(futex), (int64_t)FUTEX_WAKE, (int64_t)1, (int64_t)0,
                     (int64_t)0, (int64_t)0);
        return;
    }
    while ((old & FUTEX_TID_MASK) == (uint32_t)t->tid) {
        uint32_t new = (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED;

        if (__atomic_compare_exchange_n((uint32_t *)user_ptr(futex), &old, new, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            if (!pi && old & FUTEX_WAITERS) {
                host_syscall(SYS_futex, user_ptr(futex), (int64_t)FUTEX_WAKE, (int64_t)1,
                             (int64_t)0, (int64_t)0, (int64_t)0);
            }
            return;
        }
    }
}

void user_robust_exit(struct task *t)
{
    unsigned word = user_process_abi->word_bits / 8;
    uint64_t entry, offset, pending, head = t->robust_list;

    if (!head || !read_word(head, &entry) || !read_word(head + word, &offset) ||
        !read_word(head + 2 * word, &pending)) {
        return;
    }
    if (word == 4) {
        offset = (int32_t)offset;
    }
    for (unsigned n = 0; n < ROBUST_LIMIT && (entry & ~1ull) != head; n++) {
        uint64_t here = entry & ~1ull;
        bool pi = entry & 1;

        if (!read_word(here, &entry)) {
            break;
        }
        if (here != (pending & ~1ull)) {
            release(t, here + offset, pi, false);
        }
    }
    if (pending) {
        release(t, (pending & ~1ull) + offset, pending & 1, true);
    }
}
