/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main loop. It drives glib's default context itself, to poll without the big lock. */
#include "base/main-loop.h"

#include <glib.h>
#include <glib-unix.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/lock.h"

static GMainContext *context;
static pthread_t main_thread;
static bool initialised;
static bool quit;
static GPollFD *polls;
static int polls_capacity;

bool main_loop_is_main_thread(void)
{
    return initialised && pthread_equal(pthread_self(), main_thread);
}

void main_loop_wake(void)
{
    g_main_context_wakeup(g_main_context_default());
}

/* The main thread looks at the timers again before it sleeps; others must wake it. */
static void earlier_deadline(void)
{
    if (!main_loop_is_main_thread()) {
        main_loop_wake();
    }
}

void main_loop_init(void)
{
    main_thread = pthread_self();
    initialised = true;
    context = g_main_context_default();
    g_main_context_acquire(context);
    /* Guest timers are precise to the microsecond; the kernel's default slack is 50. */
    prctl(PR_SET_TIMERSLACK, 1ul, 0, 0, 0);
    clock_set_notify(earlier_deadline);
    big_lock();
}

void main_loop_quit(void)
{
    __atomic_store_n(&quit, true, __ATOMIC_RELEASE);
    main_loop_wake();
}

void main_loop_run(void)
{
    while (!__atomic_load_n(&quit, __ATOMIC_ACQUIRE)) {
        main_loop_step(true);
    }
    __atomic_store_n(&quit, false, __ATOMIC_RELAXED);
}

/* Nanoseconds until something is due on its own; -1: never. */
static int64_t time_to_sleep(int glib_ms)
{
    int64_t deadline = clock_next_deadline(), ns = -1;

    if (deadline != INT64_MAX) {
        ns = MAX_OF(deadline - clock_ns(CLOCK_HOST), 0);
    }
    if (glib_ms >= 0 && (ns < 0 || glib_ms * NS_PER_MS < ns)) {
        ns = glib_ms * NS_PER_MS;
    }
    return ns;
}

static void poll_unlocked(int count, int64_t ns)
{
    struct timespec timeout = { ns / NS_PER_SECOND, ns % NS_PER_SECOND };

    big_unlock();
    ppoll((struct pollfd *)polls, count, ns < 0 ? NULL : &timeout, NULL);
    big_lock();
}

void main_loop_step(bool wait)
{
    int priority, glib_ms, count;

    g_main_context_prepare(context, &priority);
    while ((count = g_main_context_query(context, priority, &glib_ms, polls,
                                         polls_capacity)) > polls_capacity) {
        polls_capacity = 2 * count;
        polls = g_renew(GPollFD, polls, polls_capacity);
    }
    for (int i = 0; i < count; i++) {
        polls[i].revents = 0;
    }
    poll_unlocked(count, wait ? time_to_sleep(glib_ms) : 0);
    if (g_main_context_check(context, priority, polls, count)) {
        g_main_context_dispatch(context);
    }
    clock_run_timers();
}

/* --- descriptors ----------------------------------------------------------------------------- */

struct main_loop_watch {
    GSource source;      /* owns this struct */
    int fd, events;
    void *tag;           /* NULL while paused: poll() would still report a hang-up */
    void (*callback)(void *opaque, int ready);
    void *opaque;
};

static gboolean dispatch_watch(GSource *source, GSourceFunc unused, gpointer unused_data)
{
    struct main_loop_watch *watch = (struct main_loop_watch *)source;
    int got, ready = 0;

    if (!watch->tag) {
        return G_SOURCE_CONTINUE;
    }
    got = g_source_query_unix_fd(source, watch->tag);
    ready |= got & G_IO_IN ? WATCH_READ : 0;
    ready |= got & G_IO_OUT ? WATCH_WRITE : 0;
    if (got & (G_IO_HUP | G_IO_ERR | G_IO_NVAL)) {
        /* Who does not ask for hang-ups learns of them by reading or writing. */
        ready |= watch->events;
    }
    ready &= watch->events;
    if (ready) {
        watch->callback(watch->opaque, ready);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_functions = { .dispatch = dispatch_watch };

struct main_loop_watch *main_loop_watch_fd(int fd, int events,
                                           void (*callback)(void *opaque, int ready), void *opaque)
{
    GSource *source = g_source_new(&watch_functions, sizeof(struct main_loop_watch));
    struct main_loop_watch *watch = (struct main_loop_watch *)source;

    watch->fd = fd;
    watch->callback = callback;
    watch->opaque = opaque;
    main_loop_watch_events(watch, events);
    g_source_attach(source, NULL);
    return watch;
}

void main_loop_watch_events(struct main_loop_watch *watch, int events)
{
    GIOCondition condition = 0;

    condition |= events & WATCH_READ ? G_IO_IN : 0;
    condition |= events & WATCH_WRITE ? G_IO_OUT : 0;
    condition |= events & WATCH_HANGUP ? G_IO_HUP | G_IO_ERR : 0;
    watch->events = events;
    if (watch->tag && condition) {
        g_source_modify_unix_fd(&watch->source, watch->tag, condition);
    } else if (watch->tag) {
        g_source_remove_unix_fd(&watch->source, watch->tag);
        watch->tag = NULL;
    } else if (condition) {
        watch->tag = g_source_add_unix_fd(&watch->source, watch->fd, condition);
    }
}

void main_loop_unwatch(struct main_loop_watch *watch)
{
    if (watch) {
        watch->events = 0;
        g_source_destroy(&watch->source);
        g_source_unref(&watch->source);
    }
}

/* --- calls from other threads ---------------------------------------------------------------- */

struct call {
    void (*callback)(void *opaque);
    void *opaque;
};

static gboolean run_call(gpointer data)
{
    struct call *call = data;

    call->callback(call->opaque);
    return G_SOURCE_REMOVE;
}

void main_loop_call(void (*callback)(void *opaque), void *opaque)
{
    struct call *call = g_new(struct call, 1);

    *call = (struct call){ callback, opaque };
    g_idle_add_full(G_PRIORITY_DEFAULT, run_call, call, g_free);
}
