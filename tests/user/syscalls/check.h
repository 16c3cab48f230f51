/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints results of calls so that two runs, native and emulated, can be compared line by line. */
#ifndef TESTS_USER_SYSCALLS_CHECK_H
#define TESTS_USER_SYSCALLS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The value and, of failures, the error. */
#define R(expr)                                                                                    \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long long r_ = (long long)(expr);                                                          \
        printf("%d %s = %lld %s\n", __LINE__, #expr, r_, r_ == -1 ? strerrorname_np(errno) : "");  \
    } while (0)
/* Only whether it succeeded: where the value itself may differ. */
#define OK(expr)                                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long long r_ = (long long)(expr);                                                          \
        printf("%d %s %s %s\n", __LINE__, #expr, r_ == -1 ? "fails" : "succeeds",                  \
               r_ == -1 ? strerrorname_np(errno) : "");                                            \
    } while (0)
#define V(expr) printf("%d %s is %lld\n", __LINE__, #expr, (long long)(expr))
#define S(expr) printf("%d %s is \"%s\"\n", __LINE__, #expr, (expr))

/* Nothing is ever mapped there. */
#define BAD ((void *)16)

/* A directory of our own, removed by leave(). */
static char work_dir[64];

__attribute__((unused)) static void enter(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    strcpy(work_dir, "/tmp/syscalls-XXXXXX");
    if (!mkdtemp(work_dir) || chdir(work_dir)) {
        perror(work_dir);
        exit(1);
    }
}

__attribute__((unused)) static void leave(void)
{
    char command[100];

    snprintf(command, sizeof(command), "rm -rf %s", work_dir);
    if (chdir("/") || system(command)) {
        exit(1);
    }
}

#endif
