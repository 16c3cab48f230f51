/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Atomic operations that begin alone and go on against other threads and processes. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 1000000, THREADS = 3 };

struct counters {
    uint32_t added, compared, bits, exchanged;
    uint64_t wide;
    uint16_t narrow;
    volatile int waiting;           /* others to start together with */
};

/* The same code in all cases. */
__attribute__((noinline)) static void count(struct counters *c)
{
    __atomic_fetch_sub(&c->waiting, 1, __ATOMIC_SEQ_CST);
    while (c->waiting > 0) {
        sched_yield();
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t old = __atomic_load_n(&c->compared, __ATOMIC_RELAXED);

        __atomic_fetch_add(&c->added, 1, __ATOMIC_SEQ_CST);
        while (!__atomic_compare_exchange_n(&c->compared, &old, old + 3, 0, __ATOMIC_SEQ_CST,
                                            __ATOMIC_RELAXED)) {
        }
        c->bits ^= __atomic_fetch_add(&c->exchanged, 5, __ATOMIC_SEQ_CST) & 0;
        __atomic_fetch_sub(&c->wide, 2, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&c->narrow, 1, __ATOMIC_SEQ_CST);
    }
}

static void show(const char *what, const struct counters *c)
{
    printf("%s: %u %u %u %llu %u\n", what, c->added, c->compared, c->exchanged,
           (unsigned long long)c->wide, c->narrow);
}

static int in_process(void *c)
{
    count(c);
    return 0;
}

static void with_child(const char *what, struct counters *c)
{
    pid_t pid;

    c->waiting = 2;
    pid = fork();
    count(c);
    if (pid == 0) {
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    show(what, c);
}

static void *in_thread(void *c)
{
    count(c);
    return NULL;
}

static void with_threads(struct counters *c)
{
    pthread_t t[THREADS];

    c->waiting = THREADS + 1;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&t[i], NULL, in_thread, c);
    }
    count(c);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
    }
    show("threads", c);
}

/* Each first in a process of its own, which begins alone. */
int main(int argc, char **argv)
{
    static struct counters own;
    static char stack[65536] __attribute__((aligned(16)));

    setvbuf(stdout, NULL, _IOLBF, 0);
    count(&own);
    show("alone", &own);
    for (int kind = 0; kind < 4; kind++) {
        pid_t pid = fork();

        if (pid) {
            waitpid(pid, NULL, 0);
            continue;
        }
        if (kind == 0) {
            with_threads(&own);
        } else if (kind == 1) {
            with_child("mmap", mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        } else if (kind == 2) {
            int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);

            with_child("shm", shmat(id, NULL, 0));
            shmctl(id, IPC_RMID, NULL);
        } else {
            own.waiting = 2;
            pid = clone(in_process, stack + sizeof(stack), CLONE_VM | SIGCHLD, &own);
            count(&own);
            waitpid(pid, NULL, 0);
            show("memory of two processes", &own);
        }
        _exit(0);
    }
    return 0;
}
