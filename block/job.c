/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all jobs share: their thread, their list, bits, limits and targets. */
#include "block/job.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/main-loop.h"

static struct block_job *jobs;

/* --- bits ------------------------------------------------------------------------------------ */

bool block_job_test(const struct block_job *job, uint64_t chunk)
{
    return __atomic_load_n(&job->bits[chunk / 64], __ATOMIC_ACQUIRE) >> (chunk % 64) & 1;
}

static bool set_bit(struct block_job *job, uint64_t chunk)
{
    uint64_t bit = 1ull << (chunk % 64);

    return !(__atomic_fetch_or(&job->bits[chunk / 64], bit, __ATOMIC_ACQ_REL) & bit);
}

void block_job_mark(struct block_job *job, uint64_t offset, uint64_t size)
{
    uint64_t end = MIN_OF(offset + size, job->length);

    for (uint64_t c = offset / JOB_CHUNK; size && c * JOB_CHUNK < end; c++) {
        if (set_bit(job, c)) {
            __atomic_fetch_sub(&job->done_chunks, 1, __ATOMIC_RELAXED);
        }
    }
}

static bool find_bit(struct block_job *job, uint64_t from, uint64_t to, uint64_t *found)
{
    while (from < to) {
        uint64_t word = __atomic_load_n(&job->bits[from / 64], __ATOMIC_ACQUIRE) >> (from % 64);

        if (word) {
            *found = from + __builtin_ctzll(word);
            return *found < to;
        }
        from = (from / 64 + 1) * 64;
    }
    return false;
}

bool block_job_take(struct block_job *job, uint64_t *at)
{
    if (!find_bit(job, *at, job->chunks, at) && !find_bit(job, 0, job->chunks, at)) {
        return false;
    }
    __atomic_fetch_and(&job->bits[*at / 64], ~(1ull << (*at % 64)), __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&job->done_chunks, 1, __ATOMIC_RELAXED);
    return true;
}

/* Sets a bit for each chunk with data in the images from the drive's own to right above `base`. */
bool block_job_want(struct block_job *job, const struct block_node *base, struct error **err)
{
    struct block_node *top = job->block->node;
    uint64_t at = 0;

    memset(job->bits, 0, (job->chunks + 63) / 64 * 8);
    job->done_chunks = job->chunks;
    for (struct block_node *n = top; n && n != base; n = n->backing) {
        int64_t length = block_node_length(n);

        for (at = 0; length > 0 && at < MIN_OF(length, job->length);) {
            struct block_extent e;
            int rc = block_node_status(n, at, length - at, &e);

            if (rc || !e.length) {
                error_set_errno(err, rc ? -rc : EIO, "cannot find out what '%s' holds", n->file);
                return false;
            }
            if (e.allocated) {
                block_job_mark(job, at, e.length);
            }
            at += e.length;
        }
    }
    return true;
}

/* --- events ---------------------------------------------------------------------------------- */

static uint64_t done_bytes(const struct block_job *job)
{
    uint64_t done = __atomic_load_n(&job->done_chunks, __ATOMIC_RELAXED) * JOB_CHUNK;

    return MIN_OF(done, job->length);
}

/* What events and queries have in common. */
static struct json *describe(const struct block_job *job)
{
    struct json *o = json_object();

    json_set_string(o, "type", job->type->name);
    json_set_string(o, "device", block_id(job->block));
    json_set_int(o, "len", (int64_t)job->length);
    json_set_int(o, "offset", (int64_t)done_bytes(job));
    json_set_int(o, "speed", (int64_t)__atomic_load_n(&job->speed, __ATOMIC_RELAXED));
    return o;
}

/* A mirror that is ended without going over to its target is complete too. */
static void tell_end(struct block_job *job, const struct error *err)
{
    bool cancelled = job->cancelled && (job->forced || !job->ready);
    struct json *data = describe(job);

    if (err) {
        json_set_string(data, "error", error_text(err));
    }
    event_emit(cancelled && !err ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED", data);
}

static void tell_ready(void *opaque)
{
    for (struct block_job *job = jobs; job; job = job->next) {
        if (job->number == GPOINTER_TO_UINT(opaque)) {
            event_emit("BLOCK_JOB_READY", describe(job));
            return;
        }
    }
}

void block_job_set_ready(struct block_job *job)
{
    if (!__atomic_exchange_n(&job->ready, true, __ATOMIC_ACQ_REL)) {
        main_loop_call(tell_ready, GUINT_TO_POINTER(job->number));
    }
}

/* --- copying --------------------------------------------------------------------------------- */

bool block_job_should_stop(struct block_job *job)
{
    while (__atomic_load_n(&job->paused, __ATOMIC_ACQUIRE) &&
           !__atomic_load_n(&job->cancelled, __ATOMIC_ACQUIRE)) {
        g_usleep(20000);
    }
    return __atomic_load_n(&job->cancelled, __ATOMIC_ACQUIRE) ||
        __atomic_load_n(&job->completing, __ATOMIC_ACQUIRE);
}

void block_job_spend(struct block_job *job, uint64_t bytes)
{
    uint64_t speed = __atomic_load_n(&job->speed, __ATOMIC_RELAXED);
    uint64_t now = clock_ns(CLOCK_HOST);

    job->budget_used += bytes;
    while (speed && job->budget_used > speed / 10 && !block_job_should_stop(job)) {
        uint64_t spent = now - job->budget_start;
        uint64_t slice = MIN_OF((double)job->budget_used / speed, 1.0) * NS_PER_SECOND;

        if (spent >= slice) {
            break;
        }
        g_usleep(MIN_OF((slice - spent) / 1000, 20000));
        now = clock_ns(CLOCK_HOST);
    }
    if (!speed || job->budget_used > speed / 10) {
        job->budget_start = now;
        job->budget_used = 0;
    }
}

static int write_target(struct block_job *job, uint64_t at, uint8_t *data, uint64_t size)
{
    const struct block_driver *driver = job->target->driver;
    uint8_t *packed;
    size_t packed_size;
    int rc;

    if (block_is_zero(data, size)) {
        return block_node_write_zeroes(job->target, at, size, true);
    }
    if (!job->compress) {
        return block_node_pwrite(job->target, at, data, size);
    }
    packed = g_malloc(JOB_CHUNK);
    packed_size = driver->compress(job->target, data, size, packed);
    rc = packed_size ? driver->write_packed(job->target, at, packed, packed_size)
                     : block_node_pwrite(job->target, at, data, size);
    g_free(packed);
    return rc;
}

int block_job_copy_chunk(struct block_job *job, uint64_t chunk, uint8_t *data)
{
    uint64_t at = chunk * JOB_CHUNK, size = MIN_OF(JOB_CHUNK, job->length - at);
    int rc = block_node_pread(job->block->node, at, data, size);

    return rc ? rc : write_target(job, at, data, size);
}

/* --- targets --------------------------------------------------------------------------------- */

static bool create_target(struct block_job *job, const char *file, const char *format,
                          unsigned flags, struct error **err)
{
    struct block_node *source = job->block->node;
    struct keyval *options = keyval_create("the new image");
    bool good;

    if (!(flags & JOB_FULL) && source->backing) {
        keyval_set(options, "backing_file", source->backing->file);
        keyval_set(options, "backing_fmt", source->backing->driver->name);
    }
    good = image_create(file, format, job->length, options, err);
    keyval_free(options);
    return good;
}

static bool check_target(struct block_job *job, struct error **err)
{
    struct image_info info = { 0 };
    int64_t length = block_node_length(job->target);

    if (length != job->length) {
        error_set(err, "'%s' has another size than the drive", job->target_file);
        return false;
    }
    if (job->compress) {
        if (job->target->driver->image && job->target->driver->image->info) {
            job->target->driver->image->info(job->target, &info);
            value_free(info.specific);
        }
        if (!job->target->driver->compress || info.cluster_size != JOB_CHUNK) {
            error_set(err, "'%s' cannot take compressed data in pieces of 64 KiB",
                      job->target_file);
            return false;
        }
    }
    return true;
}

bool block_job_open_target(struct block_job *job, const char *file, const char *format,
                           unsigned flags, struct error **err)
{
    const char *wanted = format ? format : block_format(job->block);

    if (!(flags & JOB_REUSE) && !create_target(job, file, wanted, flags, err)) {
        return false;
    }
    job->compress = flags & JOB_COMPRESS;
    job->target_file = g_strdup(file);
    job->target_format = flags & JOB_REUSE ? g_strdup(format) : g_strdup(wanted);
    job->target = block_node_open(file, job->target_format, NULL, NODE_UNMAP, err);
    return job->target && check_target(job, err);
}

/* --- life ------------------------------------------------------------------------------------ */

struct block_job *block_job_create(const struct block_job_type *type, struct block *block,
                                   struct error **err)
{
    int64_t length = block_length(block);
    static unsigned last_number;
    struct block_job *job;

    if (!block_job_allows(block, err)) {
        return NULL;
    }
    if (length < 0 || block_readonly(block) || block_is_snapshot(block) || block->inactive) {
        error_set(err, "Device '%s' %s", block_id(block), length < 0 ? "has no medium"
                  : block_is_snapshot(block) ? "writes to a temporary file (-snapshot)"
                  : "is read only");
        return NULL;
    }
    job = g_new0(struct block_job, 1);
    job->type = type;
    job->block = block;
    job->number = ++last_number;
    job->length = length;
    job->chunks = (length + JOB_CHUNK - 1) / JOB_CHUNK;
    job->bits = g_malloc0((job->chunks + 63) / 64 * 8 + 8);
    job->data = g_malloc(JOB_CHUNK);
    job->done_chunks = job->chunks;
    job->budget_start = clock_ns(CLOCK_HOST);
    block_job_mark(job, 0, length);
    return job;
}

void block_job_free(struct block_job *job)
{
    if (!job->target_is_below) {
        block_node_close(job->target);
    }
    g_free(job->target_file);
    g_free(job->target_format);
    g_free(job->base);
    g_free(job->bits);
    g_free(job->data);
    g_free(job);
}

static void set_job(struct block *block, struct block_job *job)
{
    pthread_rwlock_wrlock(&block->access);
    block->job = job;
    pthread_rwlock_unlock(&block->access);
}

/* Main thread: the thread has ended. */
static void end(struct block_job *job)
{
    struct block_job **link = &jobs;
    struct error *err = NULL;

    pthread_join(job->thread, NULL);
    block_drain(job->block);
    if (job->result) {
        error_set_errno(&err, -job->result, "cannot copy");
    } else {
        job->type->finish(job, &err);
    }
    tell_end(job, err);
    if (err) {
        error_prepend(&err, "block job %s of '%s' failed: ", job->type->name,
                      block_id(job->block));
        error_report_free(err);
    }
    set_job(job->block, NULL);
    while (*link && *link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    block_job_free(job);
}

/* The job may be gone by then: block_job_stop() does not wait for the main loop. */
static void ended(void *opaque)
{
    for (struct block_job *job = jobs; job; job = job->next) {
        if (job->number == GPOINTER_TO_UINT(opaque)) {
            end(job);
            return;
        }
    }
}

static void *run(void *opaque)
{
    struct block_job *job = opaque;

    job->result = job->type->run(job);
    main_loop_call(ended, GUINT_TO_POINTER(job->number));
    return NULL;
}

bool block_job_start(struct block_job *job, struct error **err)
{
    int failed;

    set_job(job->block, job);
    failed = pthread_create(&job->thread, NULL, run, job);
    if (failed) {
        error_set_errno(err, failed, "cannot start the thread of the job");
        set_job(job->block, NULL);
        block_job_free(job);
        return false;
    }
    job->next = jobs;
    jobs = job;
    return true;
}

void block_job_stop(struct block *block)
{
    if (block->job) {
        block_job_cancel(block->job, true);
        end(block->job);
    }
}

/* --- for the monitor ------------------------------------------------------------------------- */

struct block_job *block_job_find(const char *device, struct error **err)
{
    for (struct block_job *job = jobs; job; job = job->next) {
        if (strcmp(block_id(job->block), device) == 0) {
            return job;
        }
    }
    error_set(err, "No active block job on device '%s'", device);
    return NULL;
}

bool block_job_allows(const struct block *block, struct error **err)
{
    if (block->job) {
        error_set(err, "Device '%s' is busy: block device is in use by block job: %s",
                  block_id(block), block->job->type->name);
    }
    return !block->job;
}

void block_job_set_speed(struct block_job *job, uint64_t bytes_per_second)
{
    __atomic_store_n(&job->speed, bytes_per_second, __ATOMIC_RELAXED);
}

void block_job_pause(struct block_job *job, bool on)
{
    __atomic_store_n(&job->paused, on, __ATOMIC_RELEASE);
}

bool block_job_complete(struct block_job *job, struct error **err)
{
    if (!job->type->catches_up || !__atomic_load_n(&job->ready, __ATOMIC_ACQUIRE)) {
        error_set(err, "The active block job '%s' cannot be completed", block_id(job->block));
        return false;
    }
    __atomic_store_n(&job->completing, true, __ATOMIC_RELEASE);
    return true;
}

void block_job_cancel(struct block_job *job, bool force)
{
    __atomic_store_n(&job->forced, force, __ATOMIC_RELEASE);
    __atomic_store_n(&job->cancelled, true, __ATOMIC_RELEASE);
}

void block_jobs_print(FILE *out)
{
    if (!jobs) {
        fprintf(out, "No active jobs\n");
    }
    for (struct block_job *job = jobs; job; job = job->next) {
        fprintf(out, "Type %s, device %s: Completed %llu of %llu bytes, speed limit %llu "
                "bytes/s\n", job->type->name, block_id(job->block),
                (unsigned long long)done_bytes(job), (unsigned long long)job->length,
                (unsigned long long)__atomic_load_n(&job->speed, __ATOMIC_RELAXED));
    }
}

struct json *block_jobs_describe(void)
{
    struct json *list = json_array();

    for (const struct block_job *job = jobs; job; job = job->next) {
        bool ready = __atomic_load_n(&job->ready, __ATOMIC_ACQUIRE);
        bool paused = __atomic_load_n(&job->paused, __ATOMIC_ACQUIRE);
        struct json *o = describe(job);

        json_set_bool(o, "busy", !paused);
        json_set_bool(o, "paused", paused);
        json_set_string(o, "io-status", "ok");
        json_set_bool(o, "ready", ready);
        json_set_string(o, "status", paused ? ready ? "standby" : "paused"
                        : ready ? "ready" : "running");
        json_set_bool(o, "auto-finalize", true);
        json_set_bool(o, "auto-dismiss", true);
        json_append(list, o);
    }
    return list;
}
