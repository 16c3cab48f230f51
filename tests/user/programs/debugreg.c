/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug registers that a tracer sets: data and instruction breakpoints of a child process. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITE = 1, ACCESS = 3, EXECUTE = 0, BYTES1 = 0, BYTES2 = 1, BYTES4 = 3 };
#define DR7(n, kind, len) (1ul << 2 * (n) | (unsigned long)(kind) << (16 + 4 * (n)) | \
                           (unsigned long)(len) << (18 + 4 * (n)))

static volatile int watched[4];
static volatile short halves[2];
static char text[64];
static volatile int calls;

__attribute__((noinline)) static void called(void)
{
    calls++;
}

static void child(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    watched[0] = 5;                     /* met */
    watched[1] = 6;
    int seen = watched[0];              /* met when reads are watched */
    halves[0] = 1;
    halves[1] = 2;                      /* met */
    for (int i = 0; i < 3; i++) {
        called();                       /* met */
    }
    memset(text, 'x', sizeof(text));    /* met, by whatever memset is */
    raise(SIGSTOP);
    watched[0] = 7;                     /* no more: disabled */
    pid_t pid = fork();                 /* its child has no breakpoints */
    if (pid == 0) {
        watched[1] = 8;
        called();
        _exit(3);
    }
    int status;
    waitpid(pid, &status, 0);
    watched[1] = 9;                     /* met */
    _exit(seen + calls + (WIFEXITED(status) ? WEXITSTATUS(status) : 100));
}

static long set(pid_t pid, int n, unsigned long value)
{
    errno = 0;
    return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + n * sizeof(long),
                  value) ? errno : 0;
}

static long get(pid_t pid, int n)
{
    errno = 0;
    return ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg) + n * sizeof(long), NULL);
}

static unsigned long pc_of(pid_t pid)
{
    struct user_regs_struct regs;

    ptrace(PTRACE_GETREGS, pid, NULL, &regs);
#ifdef __x86_64__
    return regs.rip;
#else
    return regs.eip;
#endif
}

/* Continues to the next stop and tells what it is; false at the end. */
static int next(pid_t pid)
{
    siginfo_t info;
    int status;

    ptrace(PTRACE_CONT, pid, NULL, NULL);
    waitpid(pid, &status, 0);
    if (WIFEXITED(status)) {
        printf("exit %d\n", WEXITSTATUS(status));
        return 0;
    }
    ptrace(PTRACE_GETSIGINFO, pid, NULL, &info);
    printf("signal %d", WSTOPSIG(status));
    if (WSTOPSIG(status) == SIGTRAP) {
        errno = 0;
        printf(", code %d, dr6 %lx, at function %d, values %ld %d, address %d", info.si_code,
               get(pid, 6), pc_of(pid) == (unsigned long)called,
               ptrace(PTRACE_PEEKDATA, pid, (void *)watched, NULL) & 0xffff,
               (int)ptrace(PTRACE_PEEKDATA, pid, (void *)&calls, NULL),
               (unsigned long)info.si_addr == pc_of(pid));
        set(pid, 6, 0);
    }
    printf("\n");
    return WSTOPSIG(status) != SIGSTOP;
}

static void refused(pid_t pid)
{
    printf("fresh %lx %lx %lx\n", get(pid, 0), get(pid, 6), get(pid, 7));
    printf("dr4 %ld dr5 %ld\n", set(pid, 4, 1), set(pid, 5, 1));
    printf("kernel's %d\n", set(pid, 0, -4096ul) == EINVAL);
    printf("odd %ld", set(pid, 0, (unsigned long)watched + 1));
    printf(" of four %ld\n", set(pid, 7, DR7(0, WRITE, BYTES4)));
    printf("ports %ld\n", set(pid, 7, DR7(0, 2, BYTES1)));
    printf("code of two bytes %ld\n", set(pid, 7, DR7(0, EXECUTE, BYTES2)));
    printf("dr7 after all %lx, disabled %ld\n", get(pid, 7), set(pid, 7, 0));
}

int main(void)
{
    pid_t pid = fork();
    int status;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pid == 0) {
        child();
    }
    waitpid(pid, &status, 0);
    refused(pid);
    printf("set %ld", set(pid, 0, (unsigned long)&watched[0]));
    printf(" %ld", set(pid, 1, (unsigned long)&halves[1]));
    printf(" %ld", set(pid, 2, (unsigned long)called));
    printf(" %ld", set(pid, 3, (unsigned long)&text[20]));
    printf(" %ld\n", set(pid, 7, DR7(0, ACCESS, BYTES4) | DR7(1, WRITE, BYTES2) |
                                 DR7(2, EXECUTE, BYTES1) | DR7(3, WRITE, BYTES1)));
    printf("read back %d %lx\n", get(pid, 0) == (long)&watched[0], get(pid, 7));
    while (next(pid)) {
    }
    printf("changed %ld", set(pid, 7, 0));
    printf(" %ld", set(pid, 0, (unsigned long)&watched[1]));
    printf(" %ld\n", set(pid, 7, DR7(0, WRITE, BYTES4)));
    while (next(pid)) {
    }
    return 0;
}
