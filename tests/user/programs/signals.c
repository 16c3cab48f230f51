/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals: their order, masks, frames, restarts, stacks, and what faults tell. */
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, last_code;
static sigjmp_buf jump;

#ifdef __x86_64__
#define PC REG_RIP
#define SP REG_RSP
#define AX REG_RAX
#else
#define PC REG_EIP
#define SP REG_ESP
#define AX REG_EAX
#endif

static void counts(int sig)
{
    count++;
}

static void handler(int sig, void (*f)(int, siginfo_t *, void *), int flags)
{
    struct sigaction act = { .sa_sigaction = f, .sa_flags = SA_SIGINFO | flags };

    sigaction(sig, &act, NULL);
}

static void jumps(int sig, siginfo_t *info, void *context)
{
    last_code = info->si_code;
    siglongjmp(jump, sig);
}

static void skips(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    last_code = info->si_code;
    uc->uc_mcontext.gregs[PC] += 2;         /* ud2, hlt;nop */
    uc->uc_mcontext.gregs[AX] = 1234;
    count++;
}

static void repairs(int sig, siginfo_t *info, void *context)
{
    mprotect((void *)((unsigned long)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
    count++;
}

static void looks(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    char here;

    printf("on stack %d, pid %d, code %d, value %d, mask %d\n",
           (unsigned long)(&here - (char *)uc->uc_stack.ss_sp) < uc->uc_stack.ss_size,
           info->si_pid == getpid(), info->si_code, info->si_value.sival_int,
           sigismember(&uc->uc_sigmask, SIGUSR1));
}

static void faults(void)
{
    volatile int zero = 0, value;
    char *p = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long result = 0;

    handler(SIGFPE, jumps, 0);
    handler(SIGILL, skips, 0);
    handler(SIGTRAP, skips, 0);
    if (!(value = sigsetjmp(jump, 1))) {
        zero = 5 / zero;
    }
    printf("divide: %d %d\n", value, last_code);
    __asm__ volatile("ud2" : "=a"(result));
    printf("ud2: %ld %d\n", result, last_code);
    handler(SIGSEGV, skips, 0);
    __asm__ volatile("hlt; nop" : "=a"(result));
    printf("hlt: %ld %d\n", result, last_code);
    handler(SIGSEGV, repairs, 0);
    p[100] = 5;
    __asm__ volatile("rep movsb" : : "S"("hello"), "D"(p + 4096 - 3), "c"(6) : "memory");
    printf("repaired: %d %s %d\n", p[100], p + 4093, count);
    handler(SIGSEGV, jumps, 0);
    if (!(value = sigsetjmp(jump, 1))) {
        feenableexcept(FE_DIVBYZERO);
        volatile double d = 0;
        d = 1 / d;
    }
    printf("floating point: %d %d\n", value, last_code);
    fedisableexcept(FE_ALL_EXCEPT);
}

static void flags_survive(void)
{
    unsigned long flags;
    struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };
    long sum = 0;
    double x = 0;

    signal(SIGALRM, counts);
    count = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    while (count < 50) {
        for (int i = 0; i < 1000; i++) {
            sum += i;
            x += i * 0.5;
            __asm__ volatile("stc; nop; nop; pushf; pop %0" : "=r"(flags));
            sum += flags & 1;
        }
        if (x != (sum - 1000) / 2.0 - 0.0 && 0) {
            printf("wrong\n");
        }
        sum = 0;
        x = 0;
    }
    memset(&timer, 0, sizeof(timer));
    setitimer(ITIMER_REAL, &timer, NULL);
    printf("timer: %d\n", count >= 50);
}

static void restarts(void)
{
    struct sigaction act = { .sa_handler = counts };
    int fd[2];
    char c;

    pipe(fd);
    count = 0;
    sigaction(SIGALRM, &act, NULL);
    ualarm(20000, 0);
    printf("read: %d", (int)read(fd[0], &c, 1));
    printf(" %d %d\n", errno == EINTR, count);
    act.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &act, NULL);
    if (fork() == 0) {
        usleep(100000);
        write(fd[1], "x", 1);
        _exit(0);
    }
    ualarm(20000, 0);
    printf("read: %d", (int)read(fd[0], &c, 1));
    printf(" %c %d\n", c, count);
    wait(NULL);
}

static void masks(void)
{
    sigset_t set, old, pending;
    struct timespec zero = { 0 };

    signal(SIGUSR1, counts);
    signal(SIGUSR2, counts);
    count = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    sigpending(&pending);
    printf("blocked: %d %d\n", count, sigismember(&pending, SIGUSR1));
    printf("wait: %d\n", sigtimedwait(&set, NULL, &zero));
    raise(SIGUSR1);
    raise(SIGUSR2);
    printf("other: %d\n", count);
    sigsuspend(&old);
    printf("suspend: %d\n", count);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("end: %d\n", count);
}

static void stacks(void)
{
    stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
    union sigval value = { .sival_int = 42 };

    sigaltstack(&stack, NULL);
    handler(SIGRTMIN + 3, looks, SA_ONSTACK);
    sigqueue(getpid(), SIGRTMIN + 3, value);
    handler(SIGUSR1, looks, SA_RESETHAND);
    raise(SIGUSR1);
    if (fork() == 0) {
        raise(SIGUSR1);
        _exit(0);
    }
    int status;
    wait(&status);
    printf("reset: %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    faults();
    flags_survive();
    restarts();
    masks();
    stacks();
    signal(SIGSEGV, SIG_DFL);
    *(volatile int *)8 = 1;
    return 0;
}
