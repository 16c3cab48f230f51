/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks and timers. CLOCK_VM is the host clock plus an offset, published under a sequence count.
 * Each clock has a binary heap of its timers; heaps change with the big lock held.
 */
#include "base/clock.h"

#include <glib.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/bits.h"

static struct {
    uint32_t sequence;   /* odd while being written */
    bool running;
    int64_t base;        /* host clock minus guest clock while it runs, else the guest clock */
} vm;

static struct heap {
    struct timer **timers;
    uint32_t count, capacity;
} heaps[CLOCK_COUNT];

static uint64_t next_order;
static int64_t announced = INT64_MAX;   /* the deadline that the main loop sleeps until */
static void (*notify)(void);

/* --- reading --------------------------------------------------------------------------------- */

static int64_t host_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static int64_t vm_ns(void)
{
    uint32_t before, after;
    int64_t base, now;
    bool running;

    do {
        before = __atomic_load_n(&vm.sequence, __ATOMIC_ACQUIRE);
        running = __atomic_load_n(&vm.running, __ATOMIC_RELAXED);
        base = __atomic_load_n(&vm.base, __ATOMIC_RELAXED);
        now = running ? host_ns(CLOCK_MONOTONIC) - base : base;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        after = __atomic_load_n(&vm.sequence, __ATOMIC_RELAXED);
    } while (before != after || (before & 1));
    return now;
}

int64_t clock_ns(enum clock clock)
{
    switch (clock) {
    case CLOCK_VM:
        return vm_ns();
    case CLOCK_WALL:
        return host_ns(CLOCK_REALTIME);
    default:
        return host_ns(CLOCK_MONOTONIC);
    }
}

uint64_t clock_ns_to_ticks(uint64_t ns, uint32_t hz)
{
    return ns / NS_PER_SECOND * hz + ns % NS_PER_SECOND * hz / NS_PER_SECOND;
}

uint64_t clock_ticks_to_ns(uint64_t ticks, uint32_t hz)
{
    uint64_t whole, part, sum;

    if (!hz) {
        return INT64_MAX;
    }
    part = (ticks % hz * NS_PER_SECOND + hz - 1) / hz;
    if (__builtin_mul_overflow(ticks / hz, (uint64_t)NS_PER_SECOND, &whole) ||
        __builtin_add_overflow(whole, part, &sum) || sum > INT64_MAX) {
        return INT64_MAX;   /* centuries away; a caller adds it to nothing */
    }
    return sum;
}

/* --- deadlines ------------------------------------------------------------------------------- */

static int64_t saturating_add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* When a clock shows `ns`, as host time. */
static int64_t to_host(enum clock clock, int64_t ns)
{
    switch (clock) {
    case CLOCK_VM:
        return vm.running ? saturating_add(ns, vm.base) : INT64_MAX;
    case CLOCK_WALL:
        return saturating_add(ns, host_ns(CLOCK_MONOTONIC) - host_ns(CLOCK_REALTIME));
    default:
        return ns;
    }
}

static int64_t heap_deadline(enum clock clock)
{
    return heaps[clock].count ? to_host(clock, heaps[clock].timers[0]->expiry) : INT64_MAX;
}

int64_t clock_next_deadline(void)
{
    announced = INT64_MAX;
    for (int clock = 0; clock < CLOCK_COUNT; clock++) {
        announced = MIN_OF(announced, heap_deadline(clock));
    }
    return announced;
}

void clock_set_notify(void (*earlier)(void))
{
    notify = earlier;
}

static void tell_if_earlier(enum clock clock)
{
    int64_t deadline = heap_deadline(clock);

    if (deadline < announced) {
        announced = deadline;
        if (notify) {
            notify();
        }
    }
}

/* --- the guest clock ------------------------------------------------------------------------- */

static void vm_publish(bool running, int64_t base)
{
    __atomic_store_n(&vm.sequence, vm.sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&vm.running, running, __ATOMIC_RELAXED);
    __atomic_store_n(&vm.base, base, __ATOMIC_RELAXED);
    __atomic_store_n(&vm.sequence, vm.sequence + 1, __ATOMIC_RELEASE);
    tell_if_earlier(CLOCK_VM);
}

void clock_vm_enable(bool on)
{
    if (on != vm.running) {
        vm_publish(on, host_ns(CLOCK_MONOTONIC) - vm.base);
    }
}

bool clock_vm_enabled(void)
{
    return __atomic_load_n(&vm.running, __ATOMIC_RELAXED);
}

void clock_vm_set(int64_t ns)
{
    vm_publish(vm.running, vm.running ? host_ns(CLOCK_MONOTONIC) - ns : ns);
}

/* --- timers ---------------------------------------------------------------------------------- */

static bool before(const struct timer *a, const struct timer *b)
{
    return a->expiry < b->expiry || (a->expiry == b->expiry && a->order < b->order);
}

static void place(struct heap *heap, uint32_t i, struct timer *t)
{
    heap->timers[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct heap *heap, uint32_t i, struct timer *t)
{
    while (i && before(t, heap->timers[(i - 1) / 2])) {
        place(heap, i, heap->timers[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(heap, i, t);
}

static void sift_down(struct heap *heap, uint32_t i, struct timer *t)
{
    for (;;) {
        uint32_t child = 2 * i + 1;

        if (child + 1 < heap->count && before(heap->timers[child + 1], heap->timers[child])) {
            child++;
        }
        if (child >= heap->count || before(t, heap->timers[child])) {
            break;
        }
        place(heap, i, heap->timers[child]);
        i = child;
    }
    place(heap, i, t);
}

void timer_init(struct timer *t, enum clock clock, void (*callback)(void *opaque), void *opaque)
{
    *t = (struct timer){ .clock = clock, .callback = callback, .opaque = opaque };
}

void timer_cancel(struct timer *t)
{
    struct heap *heap = &heaps[t->clock];
    uint32_t i = t->slot - 1;
    struct timer *last;

    if (!t->slot) {
        return;
    }
    t->slot = 0;
    last = heap->timers[--heap->count];
    if (last == t) {
        return;
    }
    if (before(last, t)) {
        sift_up(heap, i, last);
    } else {
        sift_down(heap, i, last);
    }
}

void timer_set(struct timer *t, int64_t ns_absolute)
{
    struct heap *heap = &heaps[t->clock];

    timer_cancel(t);
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? 2 * heap->capacity : 32;
        heap->timers = g_renew(struct timer *, heap->timers, heap->capacity);
    }
    t->expiry = ns_absolute;
    t->order = next_order++;
    sift_up(heap, heap->count++, t);
    if (t->slot == 1) {
        tell_if_earlier(t->clock);
    }
}

bool timer_pending(const struct timer *t)
{
    return t->slot != 0;
}

int64_t timer_expiry(const struct timer *t)
{
    return t->slot ? t->expiry : INT64_MAX;
}

/* Timers set by a callback wait for the next pass, so one that is always late starves nobody. */
static bool run_heap(enum clock clock, uint64_t limit)
{
    struct heap *heap = &heaps[clock];
    bool ran = false;
    int64_t now;

    if (!heap->count || (clock == CLOCK_VM && !vm.running)) {
        return false;
    }
    now = clock_ns(clock);
    while (heap->count && heap->timers[0]->expiry <= now && heap->timers[0]->order < limit) {
        struct timer *t = heap->timers[0];

        timer_cancel(t);
        t->callback(t->opaque);
        ran = true;
        if (clock == CLOCK_VM && !vm.running) {
            break;
        }
    }
    return ran;
}

bool clock_run_timers(void)
{
    uint64_t limit = next_order;
    bool ran = false;

    for (int clock = 0; clock < CLOCK_COUNT; clock++) {
        ran |= run_heap(clock, limit);
    }
    return ran;
}
