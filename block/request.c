/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access to drives: the synchronous calls, and requests on each drive's own worker threads.
 *
 * A worker never takes the big lock: it hands results over in a list that the main thread, or
 * whoever drains, empties. So a drain may wait for workers with the big lock held.
 */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/main-loop.h"
#include "block/drive.h"

enum request_phase { REQUEST_IDLE, REQUEST_QUEUED, REQUEST_RUNNING, REQUEST_DONE };

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_cond = PTHREAD_COND_INITIALIZER;
static struct block_request *done_first, **done_last = &done_first;

/* --- one access ------------------------------------------------------------------------------ */

static bool all_zero(const struct iovec *iov, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *p = iov[i].iov_base;
        size_t n = iov[i].iov_len;

        if (n && (*p || memcmp(p, p + 1, n - 1) != 0)) {
            return false;
        }
    }
    return true;
}

static int write_iov(struct block *block, uint64_t offset, const struct iovec *iov,
                     unsigned count)
{
    int rc;

    if (block->detect_zeroes != DETECT_ZEROES_OFF && all_zero(iov, count)) {
        return block_node_write_zeroes(block->node, offset, iov_size(iov, count),
                                       block->detect_zeroes == DETECT_ZEROES_UNMAP);
    }
    rc = block_node_write(block->node, offset, iov, count);
    return rc;
}

static void count_access(struct block *block, enum block_op op, uint64_t size, int64_t start)
{
    struct block_stats *s = &block->stats;
    int64_t now = clock_ns(CLOCK_HOST);
    uint64_t *ns = op == BLOCK_READ ? &s->read_ns : op == BLOCK_FLUSH ? &s->flush_ns : &s->write_ns;

    __atomic_fetch_add(ns, now - start, __ATOMIC_RELAXED);
    __atomic_store_n(&s->last_access, now, __ATOMIC_RELAXED);

    if (op == BLOCK_READ) {
        __atomic_fetch_add(&s->read_bytes, size, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->read_count, 1, __ATOMIC_RELAXED);
    } else if (op == BLOCK_FLUSH) {
        __atomic_fetch_add(&s->flush_count, 1, __ATOMIC_RELAXED);
    } else if (op == BLOCK_WRITE || op == BLOCK_WRITE_ZEROES) {
        __atomic_fetch_add(&s->write_bytes, size, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->write_count, 1, __ATOMIC_RELAXED);
    }
}

static int change(struct block *block, enum block_op op, uint64_t offset, uint64_t size,
                  const struct iovec *iov, unsigned count, bool may_unmap)
{
    int rc;

    block_write_begin(block, offset, size);
    if (op == BLOCK_WRITE) {
        rc = write_iov(block, offset, iov, count);
    } else if (op == BLOCK_WRITE_ZEROES) {
        rc = block_node_write_zeroes(block->node, offset, size, may_unmap);
    } else {
        rc = block_node_discard(block->node, offset, size);
    }
    block_write_end(block, offset, size);
    return rc || block->write_cache ? rc : block_node_flush(block->node);
}

static int access_node(struct block *block, enum block_op op, uint64_t offset, uint64_t size,
                       const struct iovec *iov, unsigned count, bool may_unmap)
{
    int64_t start = clock_ns(CLOCK_HOST);
    int rc;

    if (!block->node) {
        return -ENOMEDIUM;
    }
    if (op == BLOCK_READ) {
        if (block->copy_on_read) {
            block_copy_in(block, offset, size);
        }
        rc = block_node_read(block->node, offset, iov, count);
    } else if (op == BLOCK_FLUSH) {
        rc = block_node_flush(block->node);
    } else {
        rc = change(block, op, offset, size, iov, count, may_unmap);
    }
    if (!rc) {
        count_access(block, op, size, start);
    }
    return rc;
}

int block_pread(struct block *block, uint64_t offset, void *data, size_t size)
{
    struct iovec iov = { data, size };

    return access_node(block, BLOCK_READ, offset, size, &iov, 1, false);
}

int block_pwrite(struct block *block, uint64_t offset, const void *data, size_t size)
{
    struct iovec iov = { (void *)data, size };

    return access_node(block, BLOCK_WRITE, offset, size, &iov, 1, false);
}

int block_write_zeroes(struct block *block, uint64_t offset, uint64_t size, bool may_unmap)
{
    return access_node(block, BLOCK_WRITE_ZEROES, offset, size, NULL, 0, may_unmap);
}

int block_discard(struct block *block, uint64_t offset, uint64_t size)
{
    return access_node(block, BLOCK_DISCARD, offset, size, NULL, 0, false);
}

int block_flush(struct block *block)
{
    return access_node(block, BLOCK_FLUSH, 0, 0, NULL, 0, false);
}

int block_perform(struct block *block, struct block_request *r)
{
    struct iovec flat = { r->data, r->size };
    const struct iovec *iov = r->iov ? r->iov : &flat;
    unsigned count = r->iov ? r->iov_count : 1;

    return access_node(block, r->op, r->offset, r->size, iov, count, !r->keep_allocated);
}

void block_get_stats(struct block *block, struct block_stats *stats)
{
    *stats = block->stats;
}

/* --- completion ------------------------------------------------------------------------------ */

/* Tells the submitters of everything that is done. Big lock held. */
static bool tell_done(bool wait)
{
    struct block_request *r;

    pthread_mutex_lock(&done_lock);
    while (wait && !done_first) {
        pthread_cond_wait(&done_cond, &done_lock);
    }
    r = done_first;
    done_first = NULL;
    done_last = &done_first;
    pthread_mutex_unlock(&done_lock);
    if (!r) {
        return false;
    }
    while (r) {
        struct block_request *next = r->next;

        r->phase = REQUEST_IDLE;
        r->block->in_flight--;
        r->done(r, r->result);
        r = next;
    }
    return true;
}

static void tell_done_soon(void *opaque)
{
    tell_done(false);
}

static void finish(struct block_request *r)
{
    bool first;

    r->next = NULL;
    pthread_mutex_lock(&done_lock);
    first = done_first == NULL;
    r->phase = REQUEST_DONE;
    *done_last = r;
    done_last = &r->next;
    pthread_cond_signal(&done_cond);
    pthread_mutex_unlock(&done_lock);
    if (first) {
        main_loop_call(tell_done_soon, NULL);
    }
}

/* --- workers --------------------------------------------------------------------------------- */

static bool moves_data(const struct block_request *r)
{
    return r->op == BLOCK_READ || r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES;
}

/* Whether the limits of speed let it go; if not, *wait is lowered to the time to wait. */
static bool may_go(struct block *block, const struct block_request *r, int64_t *wait)
{
    bool write = r->op != BLOCK_READ;
    int64_t ns;

    if (!block->throttle || !moves_data(r)) {
        return true;
    }
    if (block->draining) {
        throttle_count(block->throttle, write, r->size, clock_ns(CLOCK_HOST));
        return true;
    }
    ns = throttle_ask(block->throttle, write, r->size, clock_ns(CLOCK_HOST));
    *wait = ns ? MIN_OF(*wait, ns) : *wait;
    return ns == 0;
}

/* The first that may go. Reads do not wait for writes that must, nor writes for reads. */
static struct block_request *take_request(struct block *block, int64_t *wait)
{
    struct block_request *previous = NULL, *r;
    bool held[2] = { false, false };

    *wait = INT64_MAX;
    for (r = block->first; r; previous = r, r = r->next) {
        bool *direction = &held[r->op != BLOCK_READ];

        if (!*direction && may_go(block, r, wait)) {
            break;
        }
        *direction = true;
    }
    if (!r) {
        return NULL;
    }
    *(previous ? &previous->next : &block->first) = r->next;
    block->last = block->last == r ? previous : block->last;
    r->phase = REQUEST_RUNNING;
    return r;
}

static void wait_for_work(struct block *block, int64_t ns)
{
    struct timespec until;

    block->idle_workers++;
    if (ns == INT64_MAX) {
        pthread_cond_wait(&block->work, &block->lock);
    } else {
        ns += clock_ns(CLOCK_HOST);
        until = (struct timespec){ ns / NS_PER_SECOND, ns % NS_PER_SECOND };
        pthread_cond_timedwait(&block->work, &block->lock, &until);
    }
    block->idle_workers--;
}

static void *worker(void *opaque)
{
    struct block *block = opaque;

    pthread_mutex_lock(&block->lock);
    while (!block->quit) {
        int64_t wait;
        struct block_request *r = take_request(block, &wait);

        if (!r) {
            wait_for_work(block, wait);
            continue;
        }
        pthread_mutex_unlock(&block->lock);
        r->result = block_perform(block, r);
        finish(r);
        pthread_mutex_lock(&block->lock);
    }
    pthread_mutex_unlock(&block->lock);
    return NULL;
}

/* Signals are for the main thread. Without a thread the request runs here and now. */
static bool start_worker(struct block *block)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&block->threads[block->workers], NULL, worker, block);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    block->workers += rc == 0;
    return block->workers != 0;
}

void block_workers_init(struct block *block)
{
    pthread_rwlockattr_t prefer_copies;
    pthread_condattr_t monotonic;

    pthread_mutex_init(&block->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&block->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_rwlockattr_init(&prefer_copies);
    pthread_rwlockattr_setkind_np(&prefer_copies, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&block->access, &prefer_copies);
    pthread_rwlockattr_destroy(&prefer_copies);
}

void block_workers_stop(struct block *block)
{
    pthread_mutex_lock(&block->lock);
    block->quit = true;
    pthread_cond_broadcast(&block->work);
    pthread_mutex_unlock(&block->lock);
    for (unsigned i = 0; i < block->workers; i++) {
        pthread_join(block->threads[i], NULL);
    }
    pthread_cond_destroy(&block->work);
    pthread_mutex_destroy(&block->lock);
    pthread_rwlock_destroy(&block->access);
}

void block_submit(struct block *block, struct block_request *request)
{
    bool have_worker = true;

    request->block = block;
    request->next = NULL;
    request->phase = REQUEST_QUEUED;
    block->in_flight++;
    pthread_mutex_lock(&block->lock);
    if (block->idle_workers == 0 && block->workers < BLOCK_WORKERS) {
        have_worker = start_worker(block);
    }
    if (have_worker) {
        if (block->last) {
            block->last->next = request;
        } else {
            block->first = request;
        }
        block->last = request;
        pthread_cond_signal(&block->work);
    }
    pthread_mutex_unlock(&block->lock);
    if (!have_worker) {
        request->phase = REQUEST_RUNNING;
        request->result = block_perform(block, request);
        finish(request);
    }
}

bool block_cancel(struct block_request *request)
{
    struct block *block = request->block;
    struct block_request **link, *previous = NULL;
    bool removed = false;

    pthread_mutex_lock(&block->lock);
    for (link = &block->first; *link; link = &(*link)->next) {
        if (*link == request) {
            *link = request->next;
            block->last = block->last == request ? previous : block->last;
            request->phase = REQUEST_IDLE;
            block->in_flight--;
            removed = true;
            break;
        }
        previous = *link;
    }
    pthread_mutex_unlock(&block->lock);
    return removed;
}

static void set_draining(struct block *block, bool on)
{
    pthread_mutex_lock(&block->lock);
    block->draining = on;
    pthread_cond_broadcast(&block->work);
    pthread_mutex_unlock(&block->lock);
}

void block_drain(struct block *block)
{
    if (!block->in_flight) {
        return;
    }
    set_draining(block, true);
    while (block->in_flight) {
        tell_done(true);
    }
    set_draining(block, false);
}

void block_drain_all(void)
{
    for (struct block *block = block_first(); block; block = block_next(block)) {
        block_drain(block);
    }
}
