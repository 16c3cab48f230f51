/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entropy device (Virtio 1.1, 5.4): random bytes of the host, at most so many in a period. */
#include <string.h>
#include <sys/random.h>

#include "base/bits.h"
#include "hw/virtio/virtio-pci.h"

enum { QUEUE_SIZE = 8, CHUNK = 256, REQUEST_MAX = 65536 };

struct virtio_rng_state { struct virtio_pci_state transport; };
FIELDS(virtio_rng_state) = {
    NESTED(virtio_rng_state, transport, virtio_pci_state), FIELDS_END
};

struct virtio_rng {
    struct virtio_pci t;
    uint64_t max_bytes;              /* properties: bytes in each period of ms */
    uint32_t period;
    uint64_t left;                   /* bytes of this period */
    struct timer tick;
    struct virtq_chain chain;
    struct virtio_rng_state s;
};

static struct virtio_rng *of(struct virtio *v)
{
    return container_of(v, struct virtio_rng, t.v);
}

static void new_period(void *opaque)
{
    struct virtio_rng *r = opaque;

    r->left = r->max_bytes;
    virtq_kick(&r->t.v.queues[0]);
}

/* Bytes are spent: a new period begins when the first is. */
static void spend(struct virtio_rng *r, uint64_t size)
{
    if (r->max_bytes == UINT64_MAX) {
        return;
    }
    r->left -= size;
    if (!timer_pending(&r->tick)) {
        timer_set(&r->tick, clock_ns(CLOCK_VM) + (int64_t)r->period * NS_PER_MS);
    }
}

static enum virtq_result serve(struct virtq *q)
{
    struct virtio_rng *r = of(q->v);
    struct virtq_chain *c = &r->chain;
    uint8_t bytes[CHUNK];
    uint64_t size, done = 0;

    if (!r->left) {
        return virtq_is_empty(q) ? VIRTQ_EMPTY : VIRTQ_WAIT;
    }
    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    size = MIN_OF(MIN_OF(c->in_size, r->left), (uint64_t)REQUEST_MAX);
    while (done < size) {
        ssize_t got = getrandom(bytes, MIN_OF(size - done, (uint64_t)CHUNK), 0);

        if (got <= 0) {
            break;
        }
        done += iov_put(c->in, c->in_count, done, bytes, (size_t)got);
    }
    explicit_bzero(bytes, sizeof(bytes));
    spend(r, done);
    virtq_push(q, c, done);
    return VIRTQ_DONE;
}

static void rng_driver_reset(struct virtio *v)
{
    struct virtio_rng *r = of(v);

    timer_cancel(&r->tick);
    r->left = r->max_bytes;
}

static bool rng_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-rng", .id = 4, .reset = rng_driver_reset,
    };
    static const struct virtio_pci_id id = { 0x1005, 0x00ff00 };
    struct virtio_rng *r = (struct virtio_rng *)dev;

    if (!r->max_bytes || !r->period) {
        error_set(err, "virtio-rng: max-bytes and period must not be 0");
        return false;
    }
    r->t.v.kind = &kind;
    r->t.v.s = &r->s.transport.core;
    timer_init(&r->tick, CLOCK_VM, new_period, r);
    virtio_add_queue(&r->t.v, QUEUE_SIZE, serve);
    return virtio_pci_init(&r->t, &id, &r->s.transport, err);
}

static void rng_exit(struct device *dev)
{
    struct virtio_rng *r = (struct virtio_rng *)dev;

    timer_cancel(&r->tick);
    virtio_pci_exit(&r->t);
}

static const struct property rng_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_rng, t),
    PROP_SIZE("max-bytes", virtio_rng, max_bytes, UINT64_MAX),
    PROP_UINT("period", virtio_rng, period, 65536), PROPERTIES_END
};

DEVICE(virtio_rng) = {
    .name = "virtio-rng-pci", .alias = "virtio-rng", .desc = "Virtio random numbers",
    .bus = "pci", .size = sizeof(struct virtio_rng), .properties = rng_properties,
    .init = rng_init, .exit = rng_exit, .reset = virtio_pci_reset,
    .reset_lines = virtio_pci_reset_lines, .loaded = virtio_pci_loaded,
    .state = STATE(virtio_rng, s, virtio_rng_state, 1),
};
