/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues (Virtio 1.1, 2.6): finding rings and buffers in RAM, serving queues, when to tell the
 * driver; chains and used rings of the split layout.
 *
 * Drivers may change everything in the rings at any time: each number is read once, then checked.
 */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "hw/virtio/queue.h"

enum { AVAIL_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1, RING_HEADER = 4, USED_ENTRY = 8 };

static uint32_t map_generation = 1;      /* counts changes of all memory maps */

static void map_changed(void *opaque, struct address_space *as)
{
    __atomic_fetch_add(&map_generation, 1, __ATOMIC_SEQ_CST);
}

static uint32_t generation(void)
{
    return __atomic_load_n(&map_generation, __ATOMIC_SEQ_CST);
}

void virtq_watch_maps(void)
{
    static struct memory_listener listener = { .changed = map_changed };
    static bool added;

    if (!added) {
        memory_listener_add(&listener);
        added = true;
    }
}

/* --- finding memory -------------------------------------------------------------------------- */

/* RAM that starts at an address, at most `size' bytes of it; NULL if there is none. */
static uint8_t *find_ram(struct virtio *v, uint64_t address, uint64_t *size, bool write,
                         uint64_t *ram)
{
    struct ram_span *span = &v->span;

    if (v->span_generation != generation() || address < span->first || address > span->last) {
        v->span_generation = generation();
        if (!memory_lookup_ram(v->dma, address, span)) {
            v->span_generation = 0;
            return NULL;
        }
        v->span_at = address;
    }
    if (write && !span->writable) {
        return NULL;
    }
    *size = MIN_OF(*size, span->last - address + 1);
    *ram = span->ram_addr + (address - v->span_at);
    return span->host + (address - v->span_at);
}

uint8_t *virtq_find_whole(struct virtio *v, uint64_t address, uint64_t size, bool write,
                          uint64_t *ram)
{
    uint64_t found = size;
    uint8_t *host = find_ram(v, address, &found, write, ram);

    return host && found == size ? host : NULL;
}

/* Both event fields behind the rings are there even if they are not used. */
static bool find_split_rings(struct virtq *q)
{
    struct virtio *v = q->v;
    uint64_t n = q->s->size, ignored;

    q->desc = virtq_find_whole(v, q->s->desc, n * DESC_SIZE, false, &ignored);
    q->avail = virtq_find_whole(v, q->s->avail, RING_HEADER + 2 * n + 2, false, &ignored);
    q->used = virtq_find_whole(v, q->s->used, RING_HEADER + USED_ENTRY * n + 2, true, &q->used_ram);
    return q->desc && q->avail && q->used;
}

static bool find_rings(struct virtq *q)
{
    q->packed = virtio_has(q->v, VIRTIO_F_RING_PACKED);
    q->map_generation = generation();
    if (!(q->packed ? packed_find_rings(q) : find_split_rings(q))) {
        q->desc = NULL;
        virtio_break(q->v, "a ring lies outside of RAM");
        return false;
    }
    return true;
}

bool virtq_ready(struct virtq *q)
{
    struct virtio *v = q->v;

    if (!q->s->enabled || v->s->broken || !v->transport->can_dma(v) ||
        (virtio_has(v, VIRTIO_F_VERSION_1) && !(v->s->status & VIRTIO_DRIVER_OK))) {
        return false;
    }
    return (q->desc && q->map_generation == generation()) || find_rings(q);
}

/* --- changed memory -------------------------------------------------------------------------- */

void virtq_note_store(uint64_t ram, uint64_t size)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    memory_note_store(ram, size);
}

void virtq_note_written(const struct iovec *iov, const uint64_t *ram, unsigned count,
                        uint64_t written)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < count && written; i++) {
        uint64_t part = MIN_OF(written, (uint64_t)iov[i].iov_len);

        memory_note_store(ram[i], part);
        written -= part;
    }
}

/* --- chains ---------------------------------------------------------------------------------- */

bool virtq_add_buffer(struct virtq *q, struct virtq_chain *c, uint64_t address, uint64_t size,
                      bool in)
{
    if (!in && c->in_count) {
        virtio_break(q->v, "a buffer to read behind one to write");
        return false;
    }
    while (size) {
        unsigned n = c->out_count + c->in_count;
        uint64_t part = size;
        uint8_t *host = n < VIRTIO_QUEUE_MAX ? find_ram(q->v, address, &part, in, &c->ram[n])
                                             : NULL;

        if (!host) {
            virtio_break(q->v, n < VIRTIO_QUEUE_MAX ? "a buffer lies outside of RAM"
                                                    : "a chain is too long");
            return false;
        }
        c->iov[n] = (struct iovec){ host, part };
        *(in ? &c->in_count : &c->out_count) += 1;
        *(in ? &c->in_size : &c->out_size) += part;
        address += part;
        size -= part;
    }
    return true;
}

const uint8_t *virtq_find_table(struct virtq *q, uint64_t address, uint32_t size, uint16_t flags)
{
    const uint8_t *table = NULL;
    uint64_t ignored;

    if (virtio_has(q->v, VIRTIO_F_INDIRECT) && !(flags & DESC_NEXT) && size &&
        size % DESC_SIZE == 0 && size / DESC_SIZE <= VIRTIO_QUEUE_MAX) {
        table = virtq_find_whole(q->v, address, size, false, &ignored);
    }
    if (!table) {
        virtio_break(q->v, "an indirect table that cannot be (%u bytes)", size);
    }
    return table;
}

static bool walk(struct virtq *q, struct virtq_chain *c)
{
    const uint8_t *table = q->desc;
    unsigned count = q->s->size, i = c->head, steps = 0;

    for (;;) {
        uint8_t d[DESC_SIZE];
        uint16_t flags, next;

        memcpy(d, table + DESC_SIZE * i, DESC_SIZE);
        flags = ld16_le(d + 12);
        next = ld16_le(d + 14);
        if (flags & DESC_INDIRECT) {
            if (table != q->desc) {
                virtio_break(q->v, "an indirect table in an indirect table");
                return false;
            }
            table = virtq_find_table(q, ld64_le(d), ld32_le(d + 8), flags);
            if (!table) {
                return false;
            }
            count = ld32_le(d + 8) / DESC_SIZE;
            i = steps = 0;
            continue;
        }
        if (!virtq_add_buffer(q, c, ld64_le(d), ld32_le(d + 8), flags & DESC_WRITE)) {
            return false;
        }
        if (!(flags & DESC_NEXT)) {
            return true;
        }
        if (next >= count || ++steps >= count) {
            virtio_break(q->v, next >= count ? "a chain leaves its table" : "a chain is a loop");
            return false;
        }
        i = next;
    }
}

/* Where the driver puts the next request. */
static uint16_t avail_index(struct virtq *q)
{
    if (q->packed) {
        return packed_available_end(q);
    }
    return BITS_TO_LE(16, __atomic_load_n((uint16_t *)(q->avail + 2), __ATOMIC_ACQUIRE));
}

/* Requests that wait; more than the ring holds breaks the device. */
static unsigned waiting(struct virtq *q)
{
    unsigned n;

    if (q->v->stopped || !virtq_ready(q)) {
        return 0;
    }
    if (q->packed) {
        return packed_waiting(q);
    }
    n = (uint16_t)(avail_index(q) - q->s->last_avail);
    if (n > q->s->size) {
        virtio_break(q->v, "the available ring jumped by %u entries", n);
        return 0;
    }
    return n;
}

bool virtq_is_empty(struct virtq *q)
{
    return waiting(q) == 0;
}

static bool split_pop(struct virtq *q, struct virtq_chain *c)
{
    c->head = ld16_le(q->avail + RING_HEADER + 2 * (q->s->last_avail % q->s->size));
    if (c->head >= q->s->size) {
        virtio_break(q->v, "the available ring names descriptor %u", c->head);
        return false;
    }
    if (!walk(q, c)) {
        return false;
    }
    q->s->last_avail++;
    return true;
}

bool virtq_pop(struct virtq *q, struct virtq_chain *c)
{
    if (!waiting(q)) {
        return false;
    }
    c->out_count = c->in_count = 0;
    c->out_size = c->in_size = 0;
    if (!(q->packed ? packed_pop(q, c) : split_pop(q, c))) {
        return false;
    }
    c->in = c->iov + c->out_count;
    return true;
}

uint16_t virtq_position(const struct virtq *q)
{
    return q->s->last_avail;
}

void virtq_rewind(struct virtq *q, uint16_t position)
{
    q->s->last_avail = position;
}

/* Packed rings begin with both wrap counters set. */
void virtq_enable(struct virtq *q)
{
    if (q->s->enabled) {
        return;
    }
    q->s->enabled = true;
    q->s->last_avail = q->s->used_index = virtio_has(q->v, VIRTIO_F_RING_PACKED) ? 0x8000 : 0;
    q->s->signalled_valid = false;
    q->desc = NULL;
}

/* --- the used ring --------------------------------------------------------------------------- */

static unsigned used_offset(const struct virtq *q, unsigned index)
{
    return RING_HEADER + USED_ENTRY * (index % q->s->size);
}

void virtq_fill(struct virtq *q, uint32_t head, uint64_t written, unsigned place)
{
    uint32_t size = (uint32_t)MIN_OF(written, (uint64_t)UINT32_MAX);

    assert(place < VIRTIO_QUEUE_MAX);
    q->v->filled[place] = (struct virtq_filled){ head, size };
}

static void split_publish(struct virtq *q, unsigned count)
{
    uint16_t old = q->s->used_index;

    for (unsigned i = 0; i < count; i++) {
        uint8_t *entry = q->used + used_offset(q, old + i);

        st32_le(entry, q->v->filled[i].head);
        st32_le(entry + 4, q->v->filled[i].written);
    }
    q->s->used_index = (uint16_t)(old + count);
    __atomic_store_n((uint16_t *)(q->used + 2), BITS_TO_LE(16, q->s->used_index),
                     __ATOMIC_RELEASE);
    virtq_note_store(q->used_ram + 2, 2);
    for (unsigned i = 0; i < count; i++) {
        memory_note_store(q->used_ram + used_offset(q, old + i), USED_ENTRY);
    }
}

void virtq_publish(struct virtq *q, unsigned count)
{
    if (!virtq_ready(q) || !count) {
        return;
    }
    if (q->packed) {
        packed_publish(q, count);
    } else {
        split_publish(q, count);
    }
    q->pushed = true;
}

void virtq_push(struct virtq *q, const struct virtq_chain *c, uint64_t written)
{
    virtq_note_written(c->in, c->ram + c->out_count, c->in_count, written);
    virtq_fill(q, c->head, written, 0);
    virtq_publish(q, 1);
}

/* --- notifications --------------------------------------------------------------------------- */

/* Whether used_event lies between what was signalled and what is there now (2.6.7.1). */
static bool wants_interrupt(struct virtq *q)
{
    struct virtq_state *s = q->s;
    uint16_t event, since = (uint16_t)(s->used_index - s->signalled);
    bool first = !s->signalled_valid;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (q->packed) {
        return packed_wants_interrupt(q);
    }
    if (!virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        return !(ld16_le(q->avail) & AVAIL_NO_INTERRUPT);
    }
    s->signalled = s->used_index;
    s->signalled_valid = true;
    event = ld16_le(q->avail + RING_HEADER + 2 * s->size);
    return first || (uint16_t)(s->used_index - event - 1) < since;
}

void virtq_signal(struct virtq *q)
{
    if (!q->pushed || !virtq_ready(q)) {
        return;
    }
    q->pushed = false;
    if (wants_interrupt(q)) {
        q->v->s->isr |= VIRTIO_ISR_QUEUE;
        q->v->transport->interrupt(q->v, q->s->vector);
    }
}

void virtq_want_notify(struct virtq *q, bool on)
{
    unsigned offset = 0;

    if (!virtq_ready(q)) {
        return;
    }
    if (q->packed) {
        packed_want_notify(q, on);
        return;
    }
    if (!virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        st16_le(q->used, on ? 0 : USED_NO_NOTIFY);
    } else if (on) {
        offset = RING_HEADER + USED_ENTRY * q->s->size;
        st16_le(q->used + offset, avail_index(q));
    } else {
        return;                      /* the event lies behind us: no more of them come */
    }
    virtq_note_store(q->used_ram + offset, 2);
}

/* Serves what waits, a ring's worth at most: a driver on another CPU may go on adding. While the
 * device has a reason to wait the driver need not notify. */
static void serve(struct virtq *q)
{
    enum virtq_result result = VIRTQ_EMPTY;
    unsigned left = q->s->size;
    uint16_t index;

    do {
        index = avail_index(q);
        virtq_want_notify(q, false);
        while (left && (result = q->serve(q)) == VIRTQ_DONE) {
            left--;
        }
        virtq_signal(q);
        if (result == VIRTQ_EMPTY || result == VIRTQ_NOTIFY) {
            virtq_want_notify(q, true);
        }
    } while ((result == VIRTQ_EMPTY && !virtq_is_empty(q)) ||
             (result == VIRTQ_NOTIFY && virtq_ready(q) && avail_index(q) != index));
    if (result == VIRTQ_DONE) {
        q->again = true;
        timer_set(&q->v->later, clock_ns(CLOCK_VM));
    }
}

void virtq_kick(struct virtq *q)
{
    /* A request may reach the device's own registers; the loop above looks again anyway. */
    if (!q->serve || q->busy || !virtq_ready(q)) {
        return;
    }
    q->busy = true;
    serve(q);
    q->busy = false;
}

/* --- pieces ---------------------------------------------------------------------------------- */

enum direction { GET, PUT };

static size_t copy(const struct iovec *iov, unsigned count, uint64_t offset, uint8_t *data,
                   size_t size, enum direction direction)
{
    size_t done = 0;

    for (unsigned i = 0; i < count && done < size; i++) {
        size_t part;

        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        part = MIN_OF(size - done, iov[i].iov_len - offset);
        if (direction == GET) {
            memcpy(data + done, (uint8_t *)iov[i].iov_base + offset, part);
        } else {
            memcpy((uint8_t *)iov[i].iov_base + offset, data + done, part);
        }
        done += part;
        offset = 0;
    }
    return done;
}

size_t iov_get(const struct iovec *iov, unsigned count, uint64_t offset, void *data, size_t size)
{
    return copy(iov, count, offset, data, size, GET);
}

size_t iov_put(const struct iovec *iov, unsigned count, uint64_t offset, const void *data,
               size_t size)
{
    return copy(iov, count, offset, (uint8_t *)data, size, PUT);
}
