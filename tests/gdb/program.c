/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the user mode tests debug; the argument chooses. Line numbers matter to nobody. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int counter, watched, other, sum, done, leave;
volatile long long wide;
char buffer[64] __attribute__((aligned(8)));
struct point { int x, y; double z; };
struct point origin = { 1, 2, 2.5 };

__attribute__((noinline)) int leaf(int n)
{
    counter += n;
    return n * 2;
}

__attribute__((noinline)) int middle(int n)
{
    int r = leaf(n + 1);

    return r + 1;
}

static void handler(int sig)
{
    counter = 1000 + sig;
}

static void stores(void)
{
    other = 1;
    watched = 7;
    other = 2;
    memset(buffer, 'a', sizeof(buffer));
    other = watched;
    __atomic_fetch_add(&watched, 3, __ATOMIC_SEQ_CST);
    wide = 0x1122334455667788;
    other = 3;
}

/* The first byte of code of a function at which a breakpoint may be. */
__attribute__((noinline)) int peek(void)
{
    return *(volatile unsigned char *)peek;
}

__attribute__((noinline)) static void reads(void)
{
    char copy[64];

    buffer[10] = 5;
    other = 1;
    sum = buffer[10];
    other = 2;
    __builtin_memcpy(copy, buffer, sizeof(copy));
#ifdef __arm__
    __asm__ volatile("ldm %0, {r1-r3, r12}" : : "r"(buffer) : "r1", "r2", "r3", "r12", "memory");
#else
    __asm__ volatile("rep movsb" : : "S"(buffer), "D"(copy), "c"(sizeof(copy)) : "memory");
#endif
    other = copy[3];
}

static void *thread_main(void *arg)
{
    int n = (int)(long)arg;

    for (int i = 0; i < 200; i++) {
        __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
        usleep(100);
    }
    leaf(n);
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void threads(void)
{
    pthread_t t[3];

    for (long i = 0; i < 3; i++) {
        pthread_create(&t[i], NULL, thread_main, (void *)(i + 1));
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
    }
}

__attribute__((noinline)) void in_child(void)
{
    counter = 77;
}

__attribute__((noinline)) void in_parent(int status)
{
    counter = status;
}

static void forks(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        in_child();
        _exit(5);
    }
    waitpid(pid, &status, 0);
    in_parent(WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    signal(SIGUSR1, handler);
    if (strcmp(what, "stores") == 0) {
        stores();
        peek();
    } else if (strcmp(what, "reads") == 0) {
        reads();
    } else if (strcmp(what, "threads") == 0) {
        threads();
    } else if (strcmp(what, "fork") == 0) {
        forks();
    } else if (strcmp(what, "signal") == 0) {
        raise(SIGUSR1);
    } else if (strcmp(what, "fault") == 0) {
        *(volatile int *)16 = 1;
    } else if (strcmp(what, "sleep") == 0) {
        sleep(60);
    } else if (strcmp(what, "spin") == 0) {
        while (!leave) {
            counter++;
        }
    } else if (strcmp(what, "exec") == 0) {
        execl(argv[0], argv[0], "stores", NULL);
    }
    return middle(3) & 15;
}
