/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that come and go, forks, a timer's signals: what a debugger must be able to stop. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long count, alarms;

static void on_alarm(int sig)
{
    alarms++;
}

static void *brief(void *arg)
{
    count++;
    usleep(rand() % 300);
    return NULL;
}

static void *maker(void *arg)
{
    pthread_t t[3];

    for (;;) {
        for (int i = 0; i < 3; i++) {
            pthread_create(&t[i], NULL, brief, NULL);
        }
        for (int i = 0; i < 3; i++) {
            pthread_join(t[i], NULL);
        }
    }
    return NULL;
}

static void *spinner(void *arg)
{
    for (;;) {
        count++;
    }
    return NULL;
}

int main(void)
{
    struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
    pthread_t t;
    int status;

    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &every, NULL);
    pthread_create(&t, NULL, maker, NULL);
    pthread_create(&t, NULL, maker, NULL);
    pthread_create(&t, NULL, spinner, NULL);
    for (;;) {
        pid_t pid = fork();

        if (pid == 0) {
            _exit(3);
        }
        waitpid(pid, &status, 0);
        usleep(2000);
    }
}
