/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Eight threads do at random what is hard together: faults whose handlers repair and resume or
 * siglongjmp() away, timers, signals to each other, new code, code that another thread takes away,
 * fork and exec. The first argument is how many seconds; every action checks its result.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { THREADS = 8, PAGE = 4096, SHARED = 4 };

struct thread {
    pthread_t id;
    pid_t tid;
    unsigned number;
    uint64_t random;
    uint8_t *page, *code;               /* its own: to fault on, to make code in */
    timer_t timer;
    sigjmp_buf jump;
    volatile sig_atomic_t expect;       /* what the next fault is to be answered with */
    volatile sig_atomic_t armed;        /* SIGUSR2 jumps away */
    void *volatile fault_at;
    volatile unsigned faults, ticks, jumps;
    const char *volatile action;
    unsigned long done;
};

enum { NOTHING, OPEN_PAGE, NEW_REGISTER, JUMP_AWAY };

static struct thread threads[THREADS];
static __thread struct thread *self;
static atomic_int stop, mismatches, alarms;
static uint8_t *shared_code[SHARED];
static pthread_barrier_t all_there;
static const char *program;
extern char **environ;

static void mismatch(const char *what, long got, long want)
{
    if (atomic_fetch_add(&mismatches, 1) < 20) {
        printf("thread %u, %s: %s is %ld (0x%lx), not %ld (0x%lx)\n", self ? self->number : 99,
               self ? self->action : "-", what, got, got, want, want);
        fflush(stdout);
    }
}

static void same(const char *what, long got, long want)
{
    if (got != want) {
        mismatch(what, got, want);
    }
}

static unsigned roll(struct thread *t, unsigned n)
{
    t->random = t->random * 6364136223846793005ull + 1442695040888963407ull;
    return (t->random >> 33) % n;
}

/* --- handlers -------------------------------------------------------------------------------- */

static greg_t *answer_register(ucontext_t *context)
{
#if defined(__x86_64__)
    return &context->uc_mcontext.gregs[REG_RDX];
#else
    return &context->uc_mcontext.gregs[REG_EDX];
#endif
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    struct thread *t = self;
    int expect = t->expect;

    t->faults++;
    if (expect != JUMP_AWAY || t->fault_at) {
        same("fault address", (long)info->si_addr, (long)t->fault_at);
    }
    t->expect = NOTHING;
    switch (expect) {
    case OPEN_PAGE:
        same("code", info->si_code, SEGV_ACCERR);
        mprotect(t->page, PAGE, PROT_READ | PROT_WRITE);
        break;
    case NEW_REGISTER:
        *answer_register(context) = (greg_t)(uintptr_t)(t->page + 64);
        break;
    case JUMP_AWAY:
        siglongjmp(t->jump, 1);
    default:
        mismatch("unexpected fault at", (long)info->si_addr, 0);
        _exit(9);
    }
}

static void on_timer(int sig, siginfo_t *info, void *context)
{
    struct thread *t = self;
    volatile double x = 1.5;

    same("timer's thread", syscall(SYS_gettid), t->tid);
    t->ticks++;
    for (int i = 0; i < 20; i++) {
        x = x * 1.5 - 0.25;
    }
}

static void on_alarm(int sig)
{
    alarms++;
}

static void on_call(int sig)
{
    struct thread *t = self;

    if (t && t->armed) {
        t->armed = 0;
        t->jumps++;
        siglongjmp(t->jump, 2);
    }
}

/* --- actions --------------------------------------------------------------------------------- */

/* A result that depends on each step: integers, flags and floating point survive interruptions. */
static uint64_t compute(unsigned seed, unsigned rounds)
{
    uint64_t h = seed;
    double d = seed + 1;

    for (unsigned i = 0; i < rounds; i++) {
        h = (h << 7 | h >> 57) ^ (h * 0x9e3779b97f4a7c15ull + i);
        h += h > 0x8000000000000000ull ? 3 : 5;
        d = d * 0.75 + (double)(h & 0xff);
    }
    return h ^ (uint64_t)(d * 1024);
}

static void act_compute(struct thread *t)
{
    unsigned seed = roll(t, 100);
    uint64_t first = compute(seed, 3000);

    same("sum", (long)compute(seed, 3000), (long)first);
}

static void act_repair(struct thread *t)
{
    unsigned at = roll(t, PAGE / 4) * 4, value = roll(t, 1 << 30), faults = t->faults;
    volatile uint32_t *p = (volatile uint32_t *)(t->page + at);

    mprotect(t->page, PAGE, roll(t, 2) ? PROT_NONE : PROT_READ);
    t->fault_at = (void *)p;
    t->expect = OPEN_PAGE;
    *p = value;
    same("value", *p, value);
    same("faults", t->faults, faults + 1);
}

static void act_register(struct thread *t)
{
    unsigned long got = 0, faults = t->faults, value = roll(t, 1 << 30);
    void *bad = (void *)(uintptr_t)(16 + roll(t, 1000));

    mprotect(t->page, PAGE, PROT_READ | PROT_WRITE);
    memcpy(t->page + 64, &value, sizeof(value));
    t->fault_at = bad;
    t->expect = NEW_REGISTER;
    __asm__ volatile("mov (%1), %0" : "=r"(got), "+d"(bad) : : "memory");
    same("value read through the new register", got, value);
    same("faults", t->faults, faults + 1);
}

static void act_jump(struct thread *t)
{
    volatile unsigned value = roll(t, 1000), faults = t->faults;
    sigset_t mask;
    int how = sigsetjmp(t->jump, 1);

    if (!how) {
        t->fault_at = (void *)(uintptr_t)(value * 8);
        t->expect = JUMP_AWAY;
        *(volatile int *)t->fault_at = 1;
        mismatch("survived store", value, 0);
    }
    same("result of sigsetjmp", how, 1);
    same("faults", t->faults, faults + 1);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    same("SIGSEGV in the mask", sigismember(&mask, SIGSEGV), 0);
}

static void act_asynchronous(struct thread *t)
{
    volatile unsigned long rounds = 0;
    volatile unsigned jumps = t->jumps;

    if (sigsetjmp(t->jump, 1)) {
        same("jumps", t->jumps, jumps + 1);
        return;
    }
    t->armed = 1;
    pthread_kill(roll(t, 4) ? t->id : threads[roll(t, THREADS)].id, SIGUSR2);
    for (unsigned i = 0; i < 20000 && !stop; i++) {
        rounds += compute(i, 3) & 1;
    }
    t->armed = 0;
}

/* mov $value, %eax; ret */
static void make_code(uint8_t *at, uint32_t value)
{
    at[0] = 0xb8;
    memcpy(at + 1, &value, 4);
    at[5] = 0xc3;
}

static void act_code(struct thread *t)
{
    for (int i = 0; i < 10; i++) {
        uint32_t value = roll(t, 1 << 30);
        uint8_t *at = t->code + 16 * roll(t, 200);

        make_code(at, value);
        same("new code", ((uint32_t (*)(void))at)(), value);
    }
}

/* Code that any thread may replace or take away while another runs it. */
static void act_call_shared(struct thread *t)
{
    uint8_t *at = shared_code[roll(t, SHARED)];
    volatile unsigned i = 0;

    if (sigsetjmp(t->jump, 1)) {
        return;
    }
    t->fault_at = NULL;
    for (; i < 50; i++) {
        uint32_t got;

        t->expect = JUMP_AWAY;
        got = ((uint32_t (*)(void))at)();
        t->expect = NOTHING;
        if ((got & 0xffff0000u) != 0x12340000u) {
            mismatch("shared code", got, 0x12340000);
        }
    }
}

static void act_change_shared(struct thread *t)
{
    uint8_t *at = shared_code[roll(t, SHARED)], *other;

    switch (roll(t, 4)) {
    case 0:
        mprotect(at, PAGE, PROT_NONE);
        mprotect(at, PAGE, PROT_READ | PROT_EXEC);
        break;
    case 1:
        mmap(at, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        /* fall through */
    default:
        other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
        make_code(other, 0x12340000 | roll(t, 1 << 16));
        if (mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) != at) {
            mismatch("mremap's errno", errno, 0);
        }
    }
}

static void wait_for(pid_t child, int want)
{
    int status = 0;
    pid_t got;

    while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR) {
    }
    same("waited for", got, child);
    same("status", status, want << 8);
}

static void act_fork(struct thread *t)
{
    unsigned want = roll(t, 100);
    uint64_t sum = compute(want, 100);
    pid_t child = fork();

    if (child == 0) {
        t->tid = syscall(SYS_gettid);
        act_repair(t);
        act_jump(t);
        act_code(t);
        _exit(compute(want, 100) == sum && !mismatches ? (int)want : 101);
    }
    wait_for(child, want);
}

static void act_exec(struct thread *t)
{
    char number[8];
    char *argv[] = { (char *)program, "exit", number, NULL };
    int want = roll(t, 100);
    pid_t child = 0;

    sprintf(number, "%d", want);
    if (roll(t, 2)) {
        child = fork();
        if (child == 0) {
            execv(program, argv);
            _exit(102);
        }
    } else {
        same("posix_spawn", posix_spawn(&child, program, NULL, NULL, argv, environ), 0);
    }
    wait_for(child, want);
}

static void act_mask(struct thread *t)
{
    sigset_t timer, old, pending;

    sigemptyset(&timer);
    sigaddset(&timer, SIGRTMIN);
    sigaddset(&timer, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &timer, &old);
    unsigned ticks = t->ticks;
    compute(1, 5000);
    same("ticks while blocked", t->ticks, ticks);
    sigpending(&pending);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static const struct {
    const char *name;
    void (*act)(struct thread *t);
    unsigned weight;
} actions[] = {
    { "compute", act_compute, 60 },          { "repair", act_repair, 60 },
    { "register", act_register, 60 },        { "jump", act_jump, 60 },
    { "asynchronous", act_asynchronous, 20 }, { "code", act_code, 40 },
    { "call shared", act_call_shared, 40 },  { "change shared", act_change_shared, 20 },
    { "fork", act_fork, 2 },                 { "exec", act_exec, 1 },
    { "mask", act_mask, 20 },
};
enum { N_ACTIONS = sizeof(actions) / sizeof(*actions) };

/* --- threads --------------------------------------------------------------------------------- */

static void *map(int prot)
{
    return mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void start_timer(struct thread *t)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
    struct itimerspec every = { { 0, 3000000 + t->number * 77777 }, { 0, 1000000 } };

    event.sigev_notify_thread_id = t->tid;
    same("timer_create", timer_create(CLOCK_MONOTONIC, &event, &t->timer), 0);
    timer_settime(t->timer, 0, &every, NULL);
}

static void *run(void *opaque)
{
    struct thread *t = self = opaque;
    stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

    t->tid = syscall(SYS_gettid);
    t->random = t->number * 977 + 5;
    t->page = map(PROT_READ | PROT_WRITE);
    t->code = map(PROT_READ | PROT_WRITE | PROT_EXEC);
    sigaltstack(&stack, NULL);
    start_timer(t);
    pthread_barrier_wait(&all_there);
    while (!stop) {
        unsigned n = roll(t, 400), i = 0;

        while (i < N_ACTIONS && n >= actions[i].weight) {
            n -= actions[i++].weight;
        }
        if (i < N_ACTIONS) {
            t->action = actions[i].name;
            actions[i].act(t);
            t->done++;
        }
    }
    timer_delete(t->timer);
    return NULL;
}

static void handle(int sig, void *handler, int flags)
{
    struct sigaction act = { .sa_flags = flags };

    act.sa_sigaction = handler;
    sigaction(sig, &act, NULL);
}

static void join_all(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_timedjoin_np(threads[i].id, NULL, &until)) {
            printf("thread %u hangs in %s\n", i, threads[i].action);
            fflush(stdout);
            _exit(8);
        }
        if (!threads[i].done || !threads[i].ticks) {
            printf("thread %u did %lu actions, heard its timer %u times\n", i, threads[i].done,
                   threads[i].ticks);
        }
    }
}

int main(int argc, char **argv)
{
    const struct itimerval often = { { 0, 5000 }, { 0, 5000 } }, never = { { 0 } };
    double seconds = argc > 1 && atof(argv[1]) > 0 ? atof(argv[1]) : 1;
    unsigned long done = 0;
    struct timespec until;

    if (argc > 2 && strcmp(argv[1], "exit") == 0) {
        return atoi(argv[2]);
    }
    program = argv[0];
    handle(SIGSEGV, on_fault, SA_SIGINFO | SA_ONSTACK);
    handle(SIGBUS, on_fault, SA_SIGINFO | SA_ONSTACK);
    handle(SIGRTMIN, on_timer, SA_SIGINFO | SA_RESTART);
    handle(SIGALRM, on_alarm, SA_RESTART);
    handle(SIGUSR2, on_call, SA_RESTART);
    for (unsigned i = 0; i < SHARED; i++) {
        shared_code[i] = map(PROT_READ | PROT_WRITE | PROT_EXEC);
        make_code(shared_code[i], 0x12340000 + i);
    }
    pthread_barrier_init(&all_there, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i].number = i;
        pthread_create(&threads[i].id, NULL, run, &threads[i]);
    }
    setitimer(ITIMER_REAL, &often, NULL);
    clock_gettime(CLOCK_MONOTONIC, &until);
    seconds += until.tv_nsec * 1e-9;
    until.tv_sec += (long)seconds;
    until.tv_nsec = (seconds - (long)seconds) * 1e9;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
    stop = 1;
    join_all();
    setitimer(ITIMER_REAL, &never, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        done += threads[i].done;
    }
    printf("mismatches %d, alarms %s\n", mismatches, alarms ? "heard" : "missed");
    if (argc > 2 && strcmp(argv[2], "count") == 0) {
        printf("%lu actions\n", done);
    }
    return mismatches != 0;
}
