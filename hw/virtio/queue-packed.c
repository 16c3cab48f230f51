/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packed virtqueues (Virtio 1.1, 2.7): one ring of descriptors, which both sides write.
 *
 * A position is an index with a wrap counter in bit 15, as the event structures have it. A chain's
 * head is its buffer id with the number of its descriptors above, which tells how far the used
 * position moves. A descriptor is read once, then checked.
 */
#include <string.h>

#include "base/bits.h"
#include "hw/virtio/queue.h"

enum { DESC_AVAILABLE = 1 << 7, DESC_USED = 1 << 15, WRAP = 1 << 15 };
/* An event structure: a position, then what it is good for. */
enum { EVENT_POSITION = 0, EVENT_FLAGS = 2, EVENT_SIZE = 4 };
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_AT_POSITION = 2 };

static unsigned index_of(uint16_t position)
{
    return position & (WRAP - 1u);
}

static uint16_t move(const struct virtq *q, uint16_t position, unsigned count)
{
    unsigned i = index_of(position) + count, wrap = position & WRAP;

    if (i >= q->s->size) {
        i -= q->s->size;
        wrap ^= WRAP;
    }
    return (uint16_t)(i | wrap);
}

bool packed_find_rings(struct virtq *q)
{
    uint64_t ignored;

    q->desc = virtq_find_whole(q->v, q->s->desc, (uint64_t)q->s->size * DESC_SIZE, true,
                               &q->desc_ram);
    q->avail = virtq_find_whole(q->v, q->s->avail, EVENT_SIZE, false, &ignored);
    q->used = virtq_find_whole(q->v, q->s->used, EVENT_SIZE, true, &q->used_ram);
    return q->desc && q->avail && q->used && is_aligned(q->s->desc, DESC_SIZE);
}

/* --- available ------------------------------------------------------------------------------- */

static uint8_t *descriptor(const struct virtq *q, uint16_t position)
{
    return q->desc + DESC_SIZE * index_of(position);
}

static bool is_available(const struct virtq *q, uint16_t position)
{
    uint16_t flags = BITS_TO_LE(16, __atomic_load_n((uint16_t *)(descriptor(q, position) + 14),
                                                    __ATOMIC_ACQUIRE));
    bool wrap = position & WRAP;

    return ((flags & DESC_AVAILABLE) != 0) == wrap && ((flags & DESC_USED) != 0) != wrap;
}

bool packed_waiting(struct virtq *q)
{
    return is_available(q, q->s->last_avail);
}

uint16_t packed_available_end(struct virtq *q)
{
    uint16_t position = q->s->last_avail;

    for (unsigned n = 0; n < q->s->size && is_available(q, position); n++) {
        position = move(q, position, 1);
    }
    return position;
}

/* Tables have no flags but the direction; their entries follow each other. */
static bool walk_table(struct virtq *q, struct virtq_chain *c, const uint8_t *d)
{
    uint32_t size = ld32_le(d + 8);
    const uint8_t *table = virtq_find_table(q, ld64_le(d), size, ld16_le(d + 14));

    for (unsigned i = 0; table && i < size / DESC_SIZE; i++) {
        uint8_t entry[DESC_SIZE];

        memcpy(entry, table + DESC_SIZE * i, DESC_SIZE);
        if (!virtq_add_buffer(q, c, ld64_le(entry), ld32_le(entry + 8),
                              ld16_le(entry + 14) & DESC_WRITE)) {
            return false;
        }
    }
    return table != NULL;
}

bool packed_pop(struct virtq *q, struct virtq_chain *c)
{
    uint16_t position = q->s->last_avail, flags;
    uint32_t count = 0;
    uint8_t d[DESC_SIZE];

    do {
        bool fine;

        if (count == q->s->size) {
            virtio_break(q->v, "a chain is longer than its ring");
            return false;
        }
        memcpy(d, descriptor(q, position), DESC_SIZE);
        flags = ld16_le(d + 14);
        if (flags & DESC_INDIRECT && count) {
            virtio_break(q->v, "an indirect table inside of a chain");
            return false;
        }
        fine = flags & DESC_INDIRECT
                   ? walk_table(q, c, d)
                   : virtq_add_buffer(q, c, ld64_le(d), ld32_le(d + 8), flags & DESC_WRITE);
        if (!fine) {
            return false;
        }
        position = move(q, position, 1);
        count++;
    } while (flags & DESC_NEXT);
    c->head = ld16_le(d + 12) | count << 16;
    q->s->last_avail = position;
    return true;
}

/* --- used ------------------------------------------------------------------------------------ */

/* The driver looks at the flags, so that they come last. */
static void use(struct virtq *q, uint16_t position, const struct virtq_filled *f)
{
    uint8_t *d = descriptor(q, position);
    uint16_t flags = position & WRAP ? DESC_AVAILABLE | DESC_USED : 0;

    st32_le(d + 8, f->written);
    st16_le(d + 12, (uint16_t)f->head);
    flags |= f->written ? DESC_WRITE : 0;
    __atomic_store_n((uint16_t *)(d + 14), BITS_TO_LE(16, flags), __ATOMIC_RELEASE);
    virtq_note_store(q->desc_ram + DESC_SIZE * index_of(position), DESC_SIZE);
}

/* The first one last: it is what the driver waits for. */
void packed_publish(struct virtq *q, unsigned count)
{
    const struct virtq_filled *filled = q->v->filled;
    uint16_t position = q->s->used_index;

    for (unsigned i = 0; i < count; i++) {
        if (i) {
            use(q, position, &filled[i]);
        }
        position = move(q, position, filled[i].head >> 16);
    }
    use(q, q->s->used_index, &filled[0]);
    q->s->used_index = position;
}

/* --- notifications --------------------------------------------------------------------------- */

/* Descriptors from one position to a later one. */
static unsigned distance(const struct virtq *q, uint16_t from, uint16_t to)
{
    unsigned wrapped = (from ^ to) & WRAP ? q->s->size : 0;

    return (index_of(to) + wrapped - index_of(from)) & 0xffff;
}

bool packed_wants_interrupt(struct virtq *q)
{
    struct virtq_state *s = q->s;
    uint16_t flags = ld16_le(q->avail + EVENT_FLAGS), event = ld16_le(q->avail + EVENT_POSITION);
    uint16_t before = s->signalled;
    bool first = !s->signalled_valid;

    s->signalled = s->used_index;
    s->signalled_valid = true;
    if (flags != EVENT_AT_POSITION || !virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        return flags != EVENT_DISABLE;
    }
    /* Passed since the last time: it is not ahead, and no further back than that. */
    return first || distance(q, event, s->used_index) - 1 < distance(q, before, s->used_index);
}

void packed_want_notify(struct virtq *q, bool on)
{
    uint16_t flags = on ? EVENT_ENABLE : EVENT_DISABLE;

    if (on && virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
        st16_le(q->used + EVENT_POSITION, packed_available_end(q));
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        flags = EVENT_AT_POSITION;
    }
    st16_le(q->used + EVENT_FLAGS, flags);
    virtq_note_store(q->used_ram, EVENT_SIZE);
}
