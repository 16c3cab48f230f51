/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of their own in the same memory: clone() with CLONE_VM and nothing else. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 65536 };

static atomic_int turn, shared;
static pid_t child_tid;
static char stack[STACK] __attribute__((aligned(16)));

static int writer(void *arg)
{
    for (int i = 0; i < 100; i++) {
        while (turn != 1) {
            sched_yield();
        }
        shared += 2;
        turn = 0;
    }
    return 7;
}

static int runs(void *arg)
{
    execl("/bin/sh", "sh", "-c", "exit 5", NULL);
    return 99;
}

static int faults(void *arg)
{
    *(volatile int *)8 = 1;
    return 98;
}

static int own_pid(void *arg)
{
    shared = getpid() != getppid() && getpid() == gettid();
    signal(SIGUSR1, SIG_IGN);
    return 0;
}

static void report(const char *what, pid_t pid)
{
    int status = 0;

    printf("%s: waited %d, ", what, waitpid(pid, &status, 0) == pid);
    printf(WIFEXITED(status) ? "exit %d\n" : "signal %d\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int main(void)
{
    char *top = stack + STACK;
    pid_t pid = clone(writer, top, CLONE_VM | SIGCHLD, NULL), seen;
    struct sigaction act;

    for (int i = 0; i < 100; i++) {
        shared += 1;
        turn = 1;
        while (turn) {
            sched_yield();
        }
    }
    report("writer", pid);
    printf("shared %d\n", shared);
    report("exec", clone(runs, top, CLONE_VM | SIGCHLD, NULL));
    report("fault", clone(faults, top, CLONE_VM | SIGCHLD, NULL));
    report("own pid", clone(own_pid, top, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL));
    sigaction(SIGUSR1, NULL, &act);
    printf("a process %d, handlers of its own %d\n", shared, act.sa_handler == SIG_DFL);
    report("handlers", clone(own_pid, top, CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL));
    sigaction(SIGUSR1, NULL, &act);
    printf("shared ones %d\n", act.sa_handler == SIG_IGN);
    child_tid = -1;
    pid = clone(own_pid, top, CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |
                CLONE_PARENT_SETTID | SIGCHLD, NULL, &seen, NULL, &child_tid);
    while (child_tid) {
        sched_yield();
    }
    report("tid", pid);
    printf("told %d\n", seen == pid);
    return 0;
}
