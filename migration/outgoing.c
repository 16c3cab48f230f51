/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sending side of a migration. */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/main-loop.h"
#include "block/drive.h"
#include "cpu-exec.h"
#include "hw/core/memory.h"
#include "hw/core/run.h"
#include "migration/channel.h"
#include "migration/incoming.h"
#include "migration/machine.h"
#include "migration/migration.h"

struct migration_parameters migration_parameters = { 128ull << 20, 300 };

/* Slices of time in which the limit of bandwidth holds. */
enum { SLICE_NS = 50000000 };

static struct {
    enum migration_status status;
    struct error *failure;
    void (*done)(void *opaque);
    void *opaque;
    struct channel channel;
    struct stream stream;
    struct ram_pages *ram;
    struct state_writer state;
    pthread_t thread;
    bool cancelled;                 /* atomic */
    bool stopped;                   /* the machine, for the last part */
    /* Between the thread and the main thread, under the big lock. */
    pthread_cond_t turned;
    bool turn_done;
    /* Figures; the thread writes, anyone may read. */
    struct ram_stats stats;
    uint64_t passes, total_pages, remaining_pages, dirty_rate, bandwidth;
    int64_t start, setup_end, stop, end;
    int64_t pass_start, slice_start;
    uint64_t slice_bytes;
} out = { .turned = PTHREAD_COND_INITIALIZER };

static bool is_cancelled(void)
{
    return __atomic_load_n(&out.cancelled, __ATOMIC_ACQUIRE);
}

static bool in_progress(void)
{
    return out.status == MIGRATION_SETUP || out.status == MIGRATION_ACTIVE ||
        out.status == MIGRATION_DEVICE || out.status == MIGRATION_CANCELLING;
}

/* --- the thread: RAM ------------------------------------------------------------------------- */

/* Sleeps off what was sent too fast. */
static void limit_bandwidth(void)
{
    uint64_t limit = __atomic_load_n(&migration_parameters.max_bandwidth, __ATOMIC_RELAXED);
    uint64_t sent = out.stats.bytes - out.slice_bytes;
    int64_t now = clock_ns(CLOCK_HOST), spent = now - out.slice_start;

    if (limit && sent > limit / (NS_PER_SECOND / SLICE_NS) && spent < SLICE_NS && !out.stopped) {
        g_usleep((SLICE_NS - spent) / 1000);
        now = clock_ns(CLOCK_HOST);
        spent = now - out.slice_start;
    }
    if (spent >= SLICE_NS) {
        out.bandwidth = (out.bandwidth + sent * NS_PER_SECOND / spent) / 2;
        out.slice_start = now;
        out.slice_bytes = out.stats.bytes;
    }
}

/* All pages of the set once. */
static void send_pages(void)
{
    while (!stream_failed(&out.stream) && !is_cancelled() &&
           machine_save_ram(&out.stream, out.ram, &out.stats)) {
        __atomic_store_n(&out.remaining_pages, out.ram->left, __ATOMIC_RELAXED);
        limit_bandwidth();
    }
}

/* What changed meanwhile. */
static void next_pass(void)
{
    int64_t now = clock_ns(CLOCK_HOST), spent = MAX_OF(now - out.pass_start, 1);

    big_lock();
    ram_pages_collect(out.ram);
    cpu_settle_all();
    big_unlock();
    if (out.passes) {
        out.dirty_rate = out.ram->left * NS_PER_SECOND / spent;
    }
    out.passes++;
    out.pass_start = now;
    __atomic_store_n(&out.remaining_pages, out.ram->left, __ATOMIC_RELAXED);
}

static bool fits_downtime(void)
{
    uint64_t limit = __atomic_load_n(&migration_parameters.max_bandwidth, __ATOMIC_RELAXED);
    uint64_t rate = out.bandwidth ? out.bandwidth : limit ? limit : 32 << 20;
    uint64_t ms = __atomic_load_n(&migration_parameters.downtime_limit, __ATOMIC_RELAXED);

    return out.ram->left * MEMORY_PAGE_SIZE <= rate / 1000 * ms;
}

static void send_while_running(void)
{
    next_pass();
    do {
        send_pages();
        next_pass();
    } while (!fits_downtime() && !stream_failed(&out.stream) && !is_cancelled());
}

/* --- the last part --------------------------------------------------------------------------- */

/* Main thread: stops the machine and notes all that is left to send. */
static bool stop_machine(struct error **err)
{
    if (out.status != MIGRATION_ACTIVE || !machine_can_save(err)) {
        return false;
    }
    out.stop = clock_ns(CLOCK_HOST);
    machine_begin_save();
    out.stopped = true;
    if (!machine_can_save(err)) {
        return false;
    }
    if (!ram_pages_valid(out.ram)) {
        error_set(err, "the machine's devices changed during the migration");
        return false;
    }
    if (!block_deactivate_all(err)) {
        return false;
    }
    ram_pages_collect(out.ram);
    machine_save_state(&out.state);
    out.status = MIGRATION_DEVICE;
    return true;
}

static void turn(void *opaque)
{
    struct error *why = NULL;

    if (!stop_machine(&why)) {
        stream_fail(&out.stream, "%s", why ? error_text(why) : "cancelled");
        error_free(why);
    }
    out.turn_done = true;
    pthread_cond_broadcast(&out.turned);
}

static void wait_for_stop(void)
{
    main_loop_call(turn, NULL);
    big_lock();
    while (!out.turn_done) {
        big_lock_wait(&out.turned);
    }
    big_unlock();
}

/* A socket's other side sends one byte when it has taken over. */
static void wait_for_answer(void)
{
    struct stream in;
    uint8_t answer;

    stream_open_fd(&in, out.channel.fd, false, &out.cancelled);
    if (!stream_get(&in, &answer, 1)) {
        stream_fail(&out.stream, "the other side did not confirm that it has the machine");
    }
    stream_close(&in);
}

static void send_rest(void)
{
    send_pages();
    machine_save_end(&out.stream, &out.state);
    if (!stream_failed(&out.stream) && out.channel.answers) {
        shutdown(out.channel.fd, SHUT_WR);
        wait_for_answer();
    }
}

/* --- the end --------------------------------------------------------------------------------- */

static void clean_up(void)
{
    ram_pages_unwatch(out.ram);
    ram_pages_free(out.ram);
    out.ram = NULL;
    state_writer_free(&out.state);
    stream_close(&out.stream);
}

/* Failed: back to where the machine was. */
static void go_on_here(void)
{
    struct error *err = NULL;

    if (!out.stopped) {
        return;
    }
    if (block_activate_all(&err)) {
        machine_end_save(false);
        return;
    }
    /* The images belong to someone else now; running on them would destroy them. */
    error_prepend(&err, "the machine stays stopped: ");
    error_report_free(err);
    machine_end_save(true);
}

/* What a command says about its end tells more than that it does not read any more. */
static void close_channel(struct error **why)
{
    struct error *closing = NULL;

    channel_close(&out.channel, &closing);
    if (closing && !is_cancelled()) {
        error_free(*why);
        *why = closing;
    } else {
        error_free(closing);
    }
}

static void finish(void *opaque)
{
    struct error *why = NULL;

    pthread_join(out.thread, NULL);
    out.end = clock_ns(CLOCK_HOST);
    stream_result(&out.stream, &why);
    close_channel(&why);
    if (!why) {
        out.status = MIGRATION_COMPLETED;
        machine_end_save(true);
    } else {
        out.status = is_cancelled() ? MIGRATION_CANCELLED : MIGRATION_FAILED;
        go_on_here();
        if (out.status == MIGRATION_FAILED) {
            error_report("migration failed: %s", error_text(why));
        }
    }
    out.failure = why;
    clean_up();
    if (out.done) {
        out.done(out.opaque);
    }
}

static void *send_machine(void *opaque)
{
    machine_save_header(&out.stream, out.ram);
    send_while_running();
    if (!stream_failed(&out.stream) && !is_cancelled()) {
        wait_for_stop();
        send_rest();
    }
    if (is_cancelled()) {
        stream_fail(&out.stream, "cancelled");
    }
    main_loop_call(finish, NULL);
    return NULL;
}

/* --- for the monitor ------------------------------------------------------------------------- */

static void begin(void)
{
    int64_t now = clock_ns(CLOCK_HOST);

    error_free(out.failure);
    out.failure = NULL;
    out.cancelled = out.stopped = out.turn_done = false;
    out.stats = (struct ram_stats){ 0 };
    out.passes = out.dirty_rate = out.bandwidth = out.slice_bytes = 0;
    out.start = out.slice_start = out.pass_start = now;
    out.stop = out.end = 0;
    out.ram = ram_pages_create();
    out.total_pages = out.remaining_pages = out.ram->left;
    stream_open_fd(&out.stream, out.channel.fd, true, &out.cancelled);
}

bool migration_start(const char *uri, void (*done)(void *opaque), void *opaque, struct error **err)
{
    int failed;

    if (migration_refuses(err) || !machine_can_save(err) || !block_can_deactivate_all(err) ||
        !channel_open(&out.channel, uri, true, err)) {
        return false;
    }
    out.done = done;
    out.opaque = opaque;
    begin();
    out.status = MIGRATION_ACTIVE;
    out.setup_end = clock_ns(CLOCK_HOST);
    failed = pthread_create(&out.thread, NULL, send_machine, NULL);
    if (failed) {
        error_set_errno(err, failed, "cannot start the thread that sends");
        out.status = MIGRATION_FAILED;
        clean_up();
        channel_close(&out.channel, NULL);
    }
    return failed == 0;
}

void migration_cancel(void)
{
    if (in_progress()) {
        out.status = MIGRATION_CANCELLING;
        __atomic_store_n(&out.cancelled, true, __ATOMIC_RELEASE);
    }
}

void migration_get_info(struct migration_info *info)
{
    int64_t now = out.end ? out.end : clock_ns(CLOCK_HOST);

    *info = (struct migration_info){ .status = out.status };
    if (out.status == MIGRATION_NONE) {
        return;
    }
    info->reason = out.failure ? error_text(out.failure) : NULL;
    info->total_ms = (now - out.start) / NS_PER_MS;
    info->setup_ms = (out.setup_end - out.start) / NS_PER_MS;
    info->downtime_ms = out.stop ? (now - out.stop) / NS_PER_MS : 0;
    info->expected_downtime_ms = out.bandwidth
        ? __atomic_load_n(&out.remaining_pages, __ATOMIC_RELAXED) * MEMORY_PAGE_SIZE * 1000 /
          out.bandwidth : migration_parameters.downtime_limit;
    info->remaining = __atomic_load_n(&out.remaining_pages, __ATOMIC_RELAXED) * MEMORY_PAGE_SIZE;
    info->total = out.total_pages * MEMORY_PAGE_SIZE;
    info->passes = out.passes;
    info->dirty_pages_per_second = out.dirty_rate;
    info->ram = out.stats;
    if (now > out.start) {
        double seconds = (now - out.start) / 1e9;

        info->pages_per_second = (info->ram.zero_pages + info->ram.normal_pages) / seconds;
        info->megabits_per_second = info->ram.bytes * 8 / seconds / 1e6;
    }
}

bool migration_outgoing_refuses(struct error **err)
{
    if (in_progress()) {
        error_set(err, "There's a migration process in progress");
    }
    return in_progress();
}
