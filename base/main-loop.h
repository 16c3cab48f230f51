/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop: glib's default context, polled with the big lock released and nanosecond timers.
 *
 * Sources attached to the default glib context work as usual; their callbacks hold the big lock.
 * The loop sleeps until a descriptor, a timer or a wake-up: an idle machine causes no periodic
 * wake-ups.
 */
#ifndef BASE_MAIN_LOOP_H
#define BASE_MAIN_LOOP_H

#include <stdbool.h>

enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_HANGUP = 4 };

/* Call once, on the main thread. It takes the big lock, which the main thread then owns. */
void main_loop_init(void);
/* Runs until main_loop_quit(). */
void main_loop_run(void);
/* One pass; waits for an event if `wait`. For tests and for waiting on asynchronous work. */
void main_loop_step(bool wait);
/* Any thread; also safe before the loop runs. */
void main_loop_quit(void);
/* Makes a sleeping poll return. Any thread, any lock. */
void main_loop_wake(void);
bool main_loop_is_main_thread(void);

/* A descriptor watch. The callback gets the WATCH_ events that are ready. */
struct main_loop_watch;
struct main_loop_watch *main_loop_watch_fd(int fd, int events,
                                           void (*callback)(void *opaque, int ready), void *opaque);
/* Changes the events wanted; 0 pauses the watch. */
void main_loop_watch_events(struct main_loop_watch *watch, int events);
/* Also right from inside its own callback. NULL is allowed. */
void main_loop_unwatch(struct main_loop_watch *watch);

/* Runs callback(opaque) once on the main thread under the big lock. Any thread, any lock. */
void main_loop_call(void (*callback)(void *opaque), void *opaque);

#endif
