/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The big lock: a mutex and a thread-local note of who has it. */
#include "base/lock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool held;

void big_lock(void)
{
    assert(!held);
    pthread_mutex_lock(&lock);
    held = true;
}

void big_unlock(void)
{
    assert(held);
    held = false;
    pthread_mutex_unlock(&lock);
}

bool big_lock_held(void)
{
    return held;
}

void big_lock_wait(pthread_cond_t *cond)
{
    assert(held);
    held = false;
    pthread_cond_wait(cond, &lock);
    held = true;
}

bool big_lock_wait_for(pthread_cond_t *cond, int64_t ns)
{
    struct timespec until;
    int result;

    assert(held);
    clock_gettime(CLOCK_MONOTONIC, &until);
    ns = ns < 0 ? 0 : ns;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec += ns % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    held = false;
    result = pthread_cond_timedwait(cond, &lock, &until);
    held = true;
    return result != ETIMEDOUT;
}
