/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The big lock: every device, timer and monitor command runs under it. It does not nest. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void big_lock(void);
void big_unlock(void);
/* Whether the calling thread holds it. */
bool big_lock_held(void);
/* Waits on `cond` with the big lock as its mutex; wake it with pthread_cond_broadcast. */
void big_lock_wait(pthread_cond_t *cond);
/* As above but for at most `ns`; false on timeout. The condition must use CLOCK_MONOTONIC. */
bool big_lock_wait_for(pthread_cond_t *cond, int64_t ns);

#endif
