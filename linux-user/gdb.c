/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How threads stop and go for gdb; see gdb.h. gdb-connection.c talks to gdb. */
#include "linux-user/gdb-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "cpu-debug.h"
#include "linux-user/host.h"
#include "linux-user/internal.h"
#include "tcg/backend.h"

enum { KICK_SIGNAL = 64, GRACE_NS = 100000000 };

bool user_gdb_active;
uint64_t user_gdb_kick_mask;
struct gdb_state gdb_state = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .settled = PTHREAD_COND_INITIALIZER,
    .go = PTHREAD_COND_INITIALIZER, .socket = -1, .wake = -1, .link = -1,
};

#define S gdb_state

/* --- asking threads to stop ------------------------------------------------------------------ */

static const int kick_mark;         /* its address tells our signal from the guest's */

bool user_gdb_is_kick(int sig, const siginfo_t *info)
{
    return sig == KICK_SIGNAL && info->si_code == SI_QUEUE &&
           info->si_value.sival_ptr == &kick_mark;
}

void gdb_kicks_init(void)
{
    user_gdb_kick_mask = 1ull << (KICK_SIGNAL - 1);
    user_signal_kicks_init(KICK_SIGNAL);
}

static void kick(struct task *t)
{
    siginfo_t info = { .si_signo = KICK_SIGNAL, .si_code = SI_QUEUE };

    info.si_pid = getpid();
    info.si_value.sival_ptr = (void *)&kick_mark;
    __atomic_store_n(&t->debug.stop, 1, __ATOMIC_SEQ_CST);
    cpu_hot_exit(cpu_hot(t->cpu));
    if (t != user_task) {
        host_syscall(SYS_rt_tgsigqueueinfo, (int64_t)getpid(), (int64_t)t->tid,
                     (int64_t)KICK_SIGNAL, &info);
    }
}

void gdb_stop_begin(void)
{
    S.stopping = true;
    user_tasks_lock();
    for (struct task *t = user_tasks(); t; t = t->next) {
        if (!t->debug.parked) {
            kick(t);
        }
    }
    user_tasks_unlock();
}

void user_gdb_task_begins(struct task *t)
{
    t->debug.stop = S.stopping;
}

/* calls: also those that are in system calls, from which they may not come soon. */
static bool all_stopped(bool calls)
{
    bool all = true;

    user_tasks_lock();
    for (struct task *t = user_tasks(); t; t = t->next) {
        all &= t->debug.parked || (!calls && __atomic_load_n(&t->debug.in_call, __ATOMIC_SEQ_CST));
    }
    user_tasks_unlock();
    return all;
}

void gdb_stop_wait(void)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += GRACE_NS;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    while (!all_stopped(true) &&
           pthread_cond_timedwait(&S.settled, &S.lock, &end) != ETIMEDOUT) {
    }
    while (!all_stopped(false)) {
        pthread_cond_wait(&S.settled, &S.lock);
    }
}

/* --- standing still -------------------------------------------------------------------------- */

/* The guest's floating-point environment goes to env, where gdb sees it. */
static void park(struct task *t)
{
    backend_fp_leave(t->cpu->env);
    t->debug.kicked = false;
    while (t->debug.stop) {
        t->debug.parked = true;
        pthread_cond_broadcast(&S.settled);
        pthread_cond_wait(&S.go, &S.lock);
    }
    t->debug.parked = false;
    backend_fp_enter(t->cpu->env);
}

static void park_while_told(struct task *t)
{
    while (t->debug.stop) {
        park(t);
    }
}

void user_gdb_lock(struct task *t)
{
    if (user_gdb_active) {
        pthread_mutex_lock(&S.lock);
        park_while_told(t);
    }
}

void user_gdb_unlock(void)
{
    if (user_gdb_active) {
        pthread_mutex_unlock(&S.lock);
    }
}

/* Stops all and tells gdb about it; comes back when this thread runs again. */
static void report(struct task *t, struct gdb_happening what)
{
    uint64_t one = 1;

    what.task = t;
    S.happening = what;
    gdb_stop_begin();
    t->debug.stop = 1;
    if (write(S.wake, &one, sizeof(one)) != sizeof(one)) {
        error_report("cannot wake the thread of the gdb stub");
    }
    park_while_told(t);
}

static void send_to_self(struct task *t, int sig)
{
    t->debug.unreported = sig;
    host_syscall(SYS_tgkill, (int64_t)getpid(), (int64_t)t->tid, (int64_t)sig);
}

static bool catches(struct task *t, int64_t num)
{
    return S.attached && !t->borrows && gdb_catches_call(S.gdb, num);
}

static void report_call(struct task *t, enum happening_kind kind)
{
    pthread_mutex_lock(&S.lock);
    park_while_told(t);
    if (catches(t, t->debug.call)) {
        report(t, (struct gdb_happening){ .kind = kind, .call = t->debug.call });
    }
    pthread_mutex_unlock(&S.lock);
}

void user_gdb_wait(struct task *t)
{
    struct cpu *cpu = t->cpu;

    if (t->debug.returned) {
        t->debug.returned = false;
        report_call(t, HAPPENED_RETURN);
    }
    pthread_mutex_lock(&S.lock);
    park_while_told(t);
    if (cpu->debug.stop && S.attached && !t->borrows) {
        t->debug.signal = 0;
        report(t, (struct gdb_happening){ .kind = HAPPENED_STOP, .signal = GDB_SIGNAL_TRAP });
    } else if (cpu->debug.stop) {
        cpu_debug_resume(cpu);
    }
    if (t->debug.signal) {
        send_to_self(t, t->debug.signal);
        t->debug.signal = 0;
    }
    pthread_mutex_unlock(&S.lock);
}

int user_gdb_signal(struct task *t, int sig, const siginfo_t *info)
{
    if (!S.attached || t->borrows) {
        return sig;
    }
    if (t->debug.unreported == sig) {
        t->debug.unreported = 0;
        return sig;
    }
    pthread_mutex_lock(&S.lock);
    park_while_told(t);
    if (S.attached && !gdb_passes_signal(S.gdb, sig)) {
        t->debug.info = *info;
        t->debug.has_info = true;
        t->debug.signal = 0;
        report(t, (struct gdb_happening){ .kind = HAPPENED_STOP,
                                         .signal = gdb_signal_from_host(sig) });
        t->debug.has_info = false;
        if (S.attached) {
            sig = t->debug.signal;
        }
        t->debug.signal = 0;
    }
    pthread_mutex_unlock(&S.lock);
    return sig;
}

int64_t user_gdb_syscall(struct task *t, int64_t num, int64_t args[6])
{
    uint64_t pc, sp;
    int64_t result;

    t->debug.call = num;
    if (catches(t, num)) {
        report_call(t, HAPPENED_CALL);
    }
    pc = cpu_debug_pc(t->cpu);
    sp = user_arch_sp(t->cpu);
    __atomic_store_n(&t->debug.in_call, true, __ATOMIC_SEQ_CST);
    result = user_syscall(t, num, args);
    __atomic_store_n(&t->debug.in_call, false, __ATOMIC_SEQ_CST);
    /* gdb has taken the thread elsewhere meanwhile, to call a function perhaps. */
    if (t->debug.stop && result != USER_NO_RESULT &&
        (pc != cpu_debug_pc(t->cpu) || sp != user_arch_sp(t->cpu))) {
        return USER_NO_RESULT;
    }
    t->debug.returned = result != USER_RESTART && catches(t, num);
    return result;
}

void user_gdb_exit(struct task *t, bool signalled, int status)
{
    if (!S.attached || t->borrows) {
        return;
    }
    pthread_mutex_lock(&S.lock);
    park_while_told(t);
    if (S.attached) {
        gdb_connection_exit(signalled, signalled ? gdb_signal_from_host(status) : status);
    }
    pthread_mutex_unlock(&S.lock);
}

/* --- letting them go ------------------------------------------------------------------------- */

/* With the lock held. Those that are not held go on. */
void gdb_go(struct task *reported)
{
    S.stopping = false;
    S.happening.kind = HAPPENED_NOTHING;
    cpu_debug_apply();
    user_tasks_lock();
    for (struct task *t = user_tasks(); t; t = t->next) {
        struct cpu *cpu = t->cpu;

        if (cpu->debug.held) {
            continue;
        }
        if (t == reported || cpu->debug.stop != CPU_STOP_WATCH) {
            cpu_debug_resume(cpu);
            cpu->debug.passes &= t == reported;
        }
        /* From now on it counts as running, even if it takes a while to wake up. */
        t->debug.stop = 0;
        t->debug.parked = false;
    }
    user_tasks_unlock();
    pthread_cond_broadcast(&S.go);
}

/* gdb is gone: everything runs as if it had never been there. */
void gdb_release(void)
{
    S.attached = false;
    cpu_debug_remove_all();
    user_tasks_lock();
    for (struct task *t = user_tasks(); t; t = t->next) {
        t->cpu->debug.held = false;
    }
    user_tasks_unlock();
    gdb_go(NULL);
}

/* --- children -------------------------------------------------------------------------------- */

void user_gdb_borrow_begin(struct task *t)
{
    t->debug.lent = t->cpu->debug;
    cpu_debug_step(t->cpu, false, 0, 0);
    t->cpu->debug.off = true;
}

void user_gdb_borrow_end(struct task *t)
{
    struct cpu_debug *lent = &t->debug.lent;

    t->cpu->debug.off = false;
    cpu_debug_step(t->cpu, lent->step, lent->range_start, lent->range_end);
}

void user_gdb_fork_begin(struct task *t)
{
    if (!user_gdb_active) {
        return;
    }
    user_gdb_lock(t);
    gdb_link_create(t);
}

void user_gdb_fork_end(struct task *t, int64_t child)
{
    if (!user_gdb_active) {
        return;
    }
    if (child == 0) {
        pthread_mutex_init(&S.lock, NULL);
        pthread_cond_init(&S.settled, NULL);
        pthread_cond_init(&S.go, NULL);
        gdb_link_child(t);
        return;
    }
    if (gdb_link_parent(child)) {
        report(t, (struct gdb_happening){ .kind = HAPPENED_FORK, .child = child });
    }
    pthread_mutex_unlock(&S.lock);
}
