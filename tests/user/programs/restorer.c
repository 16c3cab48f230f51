/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handlers without SA_RESTORER, which i386 has trampolines for; unwinding across a signal frame. */
#define _GNU_SOURCE
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *caller;
static int count;

static void unwinds(int sig)
{
    void *frames[32];
    int n = backtrace(frames, 32), found = 0;

    for (int i = 0; i < n; i++) {
        found |= frames[i] == caller;
    }
    printf("unwound: %d\n", found);
}

static __attribute__((noinline)) void raises(int sig)
{
    caller = __builtin_return_address(0);
    raise(sig);
}

#ifdef __i386__
struct raw_action { void *handler; unsigned long flags, restorer; unsigned mask[2]; };
struct raw_old_action { void *handler; unsigned long mask, flags, restorer; };

static void show(const unsigned char *code, int len)
{
    printf("returns to");
    for (int i = 0; i < len; i++) {
        printf(" %02x", code[i]);
    }
    printf("\n");
}

static void returns(int sig)
{
    count++;
    show(__builtin_return_address(0), 8);
}

static void rt_returns(int sig, siginfo_t *info, void *context)
{
    count++;
    show(__builtin_return_address(0), 7);
}

static void without_restorer(void)
{
    struct raw_action act = { returns }, rt = { rt_returns, SA_SIGINFO };
    struct raw_old_action old = { returns };

    printf("%ld", syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, 8));
    printf(" %ld", syscall(SYS_rt_sigaction, SIGUSR2, &rt, NULL, 8));
    printf(" %ld\n", syscall(SYS_sigaction, SIGHUP, &old, NULL));
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGHUP);
    act.handler = unwinds;
    syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, 8);
    raises(SIGUSR1);
    rt.handler = unwinds;
    syscall(SYS_rt_sigaction, SIGUSR2, &rt, NULL, 8);
    raises(SIGUSR2);
}
#else
static void without_restorer(void)
{
}
#endif

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    without_restorer();
    signal(SIGTERM, unwinds);
    raises(SIGTERM);
    printf("back after %d\n", count);
    return 0;
}
