/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three clocks in nanoseconds, and timers on them.
 *
 * Reading a clock is lock-free and allowed on any thread. Timers are set and cancelled with the big
 * lock held; their callbacks run on the main thread with the big lock held.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum clock {
    CLOCK_VM,    /* guest time: starts at 0, stands still while the machine is stopped */
    CLOCK_HOST,  /* the host's monotonic clock */
    CLOCK_WALL,  /* nanoseconds since 1970, UTC; may jump */
    CLOCK_COUNT
};

#define NS_PER_SECOND 1000000000ll
#define NS_PER_MS 1000000ll
#define NS_PER_US 1000ll

int64_t clock_ns(enum clock clock);
/* Starts and stops CLOCK_VM; it starts out stopped. With the big lock held. */
void clock_vm_enable(bool on);
bool clock_vm_enabled(void);
/* Sets CLOCK_VM when a saved machine is loaded. With the big lock held. */
void clock_vm_set(int64_t ns);

/* Guest ticks of a device clock: ns * hz / 1e9 and back, without overflow; back rounds up. */
uint64_t clock_ns_to_ticks(uint64_t ns, uint32_t hz);
uint64_t clock_ticks_to_ns(uint64_t ticks, uint32_t hz);

/* Embedded in its owner; the fields belong to clock.c. All zero is a valid idle timer. */
struct timer {
    int64_t expiry;
    void (*callback)(void *opaque);
    void *opaque;
    enum clock clock;
    uint32_t slot;      /* place in the heap plus one; 0 while idle */
    uint64_t order;     /* timers that expire together run in the order they were set */
};

/* The timer must be idle. */
void timer_init(struct timer *t, enum clock clock, void (*callback)(void *opaque), void *opaque);
/* Arms or moves the timer: one shot at an absolute time. A time in the past fires soon. */
void timer_set(struct timer *t, int64_t ns_absolute);
/* Also right for an idle timer; call it before the owner is freed. */
void timer_cancel(struct timer *t);
bool timer_pending(const struct timer *t);
/* The absolute time it was set to; INT64_MAX while idle. */
int64_t timer_expiry(const struct timer *t);

/*
 * For the main loop: CLOCK_HOST time of the earliest timer, INT64_MAX if none; and run what is due.
 */
int64_t clock_next_deadline(void);
bool clock_run_timers(void);
/* Called, on a thread that sets the earliest deadline of all; installed by the main loop. */
void clock_set_notify(void (*earlier)(void));

#endif
