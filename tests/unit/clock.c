/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, the timer heap, the main loop with descriptors and calls, and host memory. */
#include "tests/tap.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/main-loop.h"
#include "base/memory.h"

enum { TIMERS = 64 };

static struct timer timers[TIMERS];
static int fired[TIMERS + 8], fired_count;

static void record(void *opaque)
{
    fired[fired_count++] = (struct timer *)opaque - timers;
}

static void again(void *opaque)
{
    record(opaque);
    if (fired_count < 4) {
        timer_set(opaque, 0);
    }
}

static void test_ticks(void)
{
    bool good = true;

    is_int(clock_ns_to_ticks(NS_PER_SECOND, 1193182), 1193182, "a second of PIT ticks");
    is_int(clock_ticks_to_ns(1, 32768), 30518, "a tick rounds up");
    is_int(clock_ticks_to_ns(UINT64_MAX, 1), INT64_MAX, "too many ticks saturate");
    is_int(clock_ns_to_ticks(1ull << 62, 2000000000u), 1ull << 63, "no overflow on the way");
    for (uint64_t t = 0; t < 100000; t += 37) {
        good &= clock_ns_to_ticks(clock_ticks_to_ns(t, 1193182), 1193182) == t;
    }
    ok(good, "there and back");
}

static void test_vm_clock(void)
{
    int64_t t;

    is_int(clock_ns(CLOCK_VM), 0, "the guest clock starts at zero");
    ok(!clock_vm_enabled(), "and stands still");
    clock_vm_set(5000);
    is_int(clock_ns(CLOCK_VM), 5000, "it can be set");
    clock_vm_enable(true);
    usleep(1000);
    t = clock_ns(CLOCK_VM);
    ok(t >= 5000 + NS_PER_MS && t < 5000 + NS_PER_SECOND, "it runs");
    clock_vm_enable(false);
    t = clock_ns(CLOCK_VM);
    usleep(1000);
    is_int(clock_ns(CLOCK_VM), t, "it stops");
    clock_vm_set(0);
}

static void test_heap(void)
{
    bool sorted = true;
    int64_t now = clock_ns(CLOCK_HOST);

    is_int(clock_next_deadline(), INT64_MAX, "no timer, no deadline");
    srand(1);
    for (int i = 0; i < TIMERS; i++) {
        timer_init(&timers[i], CLOCK_HOST, record, &timers[i]);
        timer_set(&timers[i], now - 1000 + rand() % 20);
    }
    for (int i = 0; i < TIMERS; i += 3) {
        timer_cancel(&timers[i]);
    }
    for (int i = 1; i < TIMERS; i += 3) {
        timer_set(&timers[i], now - 1000 + rand() % 20);
    }
    fired_count = 0;
    ok(clock_run_timers(), "timers ran");
    is_int(fired_count, TIMERS - (TIMERS + 2) / 3, "all that were not cancelled");
    for (int i = 1; i < fired_count; i++) {
        struct timer *a = &timers[fired[i - 1]], *b = &timers[fired[i]];
        sorted &= a->expiry < b->expiry || (a->expiry == b->expiry && a->order < b->order);
    }
    ok(sorted, "by time, then in the order they were set");
    ok(!timer_pending(&timers[1]) && timer_expiry(&timers[1]) == INT64_MAX, "idle after firing");
    timer_init(&timers[0], CLOCK_HOST, again, &timers[0]);
    timer_set(&timers[0], 0);
    fired_count = 0;
    clock_run_timers();
    is_int(fired_count, 1, "a timer set again by its callback waits for the next pass");
    timer_cancel(&timers[0]);
    timer_cancel(&timers[0]);
    is_int(clock_next_deadline(), INT64_MAX, "none is left");
}

static int notified;

static void note_earlier(void)
{
    notified++;
}

static void test_deadlines(void)
{
    int64_t far = clock_ns(CLOCK_HOST) + 1000 * NS_PER_SECOND;

    clock_set_notify(note_earlier);
    timer_init(&timers[0], CLOCK_HOST, record, &timers[0]);
    timer_init(&timers[1], CLOCK_VM, record, &timers[1]);
    timer_set(&timers[0], far);
    is_int(notified, 1, "the first timer is news");
    is_int(clock_next_deadline(), far, "the deadline");
    timer_set(&timers[0], far + 1);
    is_int(notified, 1, "a later one is not");
    timer_set(&timers[1], 1000);
    is_int(notified, 1, "nor one on a clock that stands still");
    is_int(clock_next_deadline(), far + 1, "which has no deadline");
    fired_count = 0;
    clock_run_timers();
    is_int(fired_count, 0, "and whose timers do not run");
    clock_vm_enable(true);
    is_int(notified, 2, "starting it is news");
    usleep(10);
    clock_run_timers();
    ok(fired_count == 1 && fired[0] == 1, "and runs them");
    clock_vm_enable(false);
    timer_init(&timers[2], CLOCK_WALL, record, &timers[2]);
    timer_set(&timers[2], clock_ns(CLOCK_WALL) + NS_PER_SECOND);
    ok(clock_next_deadline() <= clock_ns(CLOCK_HOST) + NS_PER_SECOND, "wall clock deadline");
    timer_cancel(&timers[2]);
    timer_cancel(&timers[0]);
}

static int pipe_fds[2], got_ready, calls;
static struct main_loop_watch *watch;

static void on_readable(void *opaque, int ready)
{
    char c;

    got_ready |= ready;
    ok(big_lock_held(), "watch callbacks hold the big lock");
    if ((ready & WATCH_READ) && read(pipe_fds[0], &c, 1) == 1 && c == 'x') {
        main_loop_unwatch(watch);
        watch = NULL;
    }
}

static void called(void *opaque)
{
    calls += main_loop_is_main_thread() && big_lock_held();
    if (opaque) {
        main_loop_quit();
    }
}

static void *other_thread(void *unused)
{
    main_loop_call(called, NULL);
    big_lock();
    timer_init(&timers[3], CLOCK_HOST, called, &timers[3]);
    timer_set(&timers[3], clock_ns(CLOCK_HOST) + NS_PER_MS);
    big_unlock();
    return NULL;
}

static void test_loop(void)
{
    pthread_t thread;
    int64_t start;

    main_loop_init();
    ok(big_lock_held() && main_loop_is_main_thread(), "the main thread has the big lock");
    ok(pipe(pipe_fds) == 0, "a pipe");
    watch = main_loop_watch_fd(pipe_fds[0], WATCH_READ, on_readable, NULL);
    main_loop_step(false);
    is_int(got_ready, 0, "nothing to read");
    main_loop_watch_events(watch, 0);
    ok(write(pipe_fds[1], "ax", 2) == 2, "two bytes");
    main_loop_step(false);
    is_int(got_ready, 0, "a paused watch is silent");
    main_loop_watch_events(watch, WATCH_READ);
    main_loop_step(true);
    is_int(got_ready, WATCH_READ, "readable");
    main_loop_step(true);
    ok(!watch, "unwatched from its own callback");
    close(pipe_fds[0]);
    close(pipe_fds[1]);

    start = clock_ns(CLOCK_HOST);
    pthread_create(&thread, NULL, other_thread, NULL);
    main_loop_run();
    is_int(calls, 2, "a call and a timer from another thread");
    ok(clock_ns(CLOCK_HOST) - start < NS_PER_SECOND, "the timer woke the sleeping loop");
    pthread_join(thread, NULL);
    main_loop_quit();
    main_loop_run();
    ok(true, "quitting before the loop runs");
}

static void test_memory(void)
{
    struct error *err = NULL;
    unsigned char resident;
    uint8_t *p = host_ram_alloc(1ul << 36, 0, NULL);

    ok(p, "64 GiB of RAM");
    ok(mincore(p, HOST_PAGE_SIZE, &resident) == 0 && !(resident & 1), "is not touched");
    p[1ul << 35] = 1;
    host_memory_discard(p + (1ul << 35), HOST_PAGE_SIZE);
    is_int(p[1ul << 35], 0, "discarded pages read as zero");
    host_memory_free(p, 1ul << 36);
    ok(!host_ram_alloc(SIZE_MAX - 5, 0, &err) && err, "an absurd size is an error");
    error_free(err);
    err = NULL;
    ok(!host_ram_alloc(0, 0, &err) && err, "so is none");
    error_free(err);
    p = host_memory_reserve(1 << 20, NULL);
    ok(p && host_memory_commit(p + 4096, 4096, NULL), "commit part of a reservation");
    p[4096] = 1;
    host_memory_free(p, 1 << 20);
}

int main(void)
{
    test_ticks();
    test_vm_clock();
    test_heap();
    test_deadlines();
    test_loop();
    test_memory();
    return tap_done();
}
