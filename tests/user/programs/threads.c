/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads: mutexes, conditions, thread-local storage, signals to threads, fork and exec from them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, ROUNDS = 20000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long plain, turn;
static atomic_long atomic;
static __thread long mine;
static atomic_int hits;

static void *count(void *opaque)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        plain++;
        pthread_mutex_unlock(&mutex);
        atomic_fetch_add(&atomic, 3);
        atomic_fetch_xor(&atomic, 0);
        mine++;
    }
    return (void *)mine;
}

static void *take_turns(void *opaque)
{
    long me = (long)opaque;

    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != me) {
            pthread_cond_wait(&cond, &mutex);
        }
        turn++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void on_signal(int sig)
{
    hits++;
}

static void *spin(void *opaque)
{
    while (hits < 3) {
    }
    return NULL;
}

static void *spawn(void *opaque)
{
    int status, pid = fork();

    if (pid == 0) {
        if (opaque) {
            execl("/bin/sh", "sh", "-c", "exit 9", NULL);
        }
        _exit(4);
    }
    waitpid(pid, &status, 0);
    return (void *)(long)WEXITSTATUS(status);
}

static void *robust(void *opaque)
{
    pthread_mutex_lock(opaque);
    return NULL;
}

static void run(void *(*f)(void *), int n, const char *what)
{
    pthread_t t[THREADS];
    void *result;
    long sum = 0;

    for (long i = 0; i < n; i++) {
        pthread_create(&t[i], NULL, f, (void *)i);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(t[i], &result);
        sum += (long)result;
    }
    printf("%s: %ld\n", what, sum);
}

int main(int argc, char **argv)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t owned;
    pthread_t t;

    run(count, THREADS, "count");
    printf("%ld %ld\n", plain, (long)atomic);
    run(take_turns, 2, "turns");
    printf("%ld\n", turn);
    signal(SIGUSR1, on_signal);
    pthread_create(&t, NULL, spin, NULL);
    for (int i = 0; i < 3; i++) {
        pthread_kill(t, SIGUSR1);
        while (hits <= i) {
        }
    }
    pthread_join(t, NULL);
    printf("hits %d\n", hits);
    run(spawn, 2, "spawn");
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&owned, &attr);
    pthread_create(&t, NULL, robust, &owned);
    pthread_join(t, NULL);
    printf("robust: %s\n", strerror(pthread_mutex_lock(&owned)));
    for (int i = 0; i < 300; i++) {
        pthread_create(&t, NULL, robust, malloc(1) ? calloc(1, sizeof(mutex)) : NULL);
        pthread_join(t, NULL);
    }
    printf("argc %d, %s, %s\n", argc, argv[1], argv[2]);
    fflush(stdout);
    pthread_create(&t, NULL, spin, NULL);
    pthread_exit(NULL);
}
