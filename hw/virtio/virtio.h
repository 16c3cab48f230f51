/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio devices (Virtio 1.1, and 0.9.5 for old drivers) without their transport.
 *
 * A device fills a struct virtio_kind, keeps a struct virtio_state in its saved state and serves
 * its queues. Everything holds the big lock. Rings and buffers must lie in RAM; a driver that
 * breaks the rules leaves the device broken, which then does nothing until it is reset.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"

#define VIRTIO_QUEUES 64
#define VIRTIO_QUEUE_MAX 1024        /* descriptors of a queue, and pieces of a chain */
#define VIRTIO_CONFIG_MAX 256
#define VIRTIO_NO_VECTOR 0xffff

/* Device status (2.1) and interrupt causes (4.1.4.5). */
enum {
    VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 0x40, VIRTIO_FAILED = 0x80
};
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };
/* Features of all kinds, as bit numbers (6). */
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24, VIRTIO_F_ANY_LAYOUT = 27, VIRTIO_F_INDIRECT = 28,
    VIRTIO_F_EVENT_IDX = 29, VIRTIO_F_VERSION_1 = 32, VIRTIO_F_RING_PACKED = 34
};
#define VIRTIO_BIT(n) (1ull << (n))

struct virtq_state {
    uint64_t desc, avail, used;      /* guest addresses */
    uint16_t size, vector;
    uint16_t last_avail;             /* the next entry of the available ring */
    uint16_t used_index;             /* the next of the used ring to write */
    uint16_t signalled;              /* used_index at the last thought of interrupts */
    bool enabled, signalled_valid;
};
FIELDS(virtq_state) = {
    FIELD(virtq_state, desc), FIELD(virtq_state, avail), FIELD(virtq_state, used),
    FIELD(virtq_state, size), FIELD(virtq_state, vector), FIELD(virtq_state, last_avail),
    FIELD(virtq_state, used_index), FIELD(virtq_state, signalled), FIELD(virtq_state, enabled),
    FIELD(virtq_state, signalled_valid), FIELDS_END
};

struct virtio_state {
    uint64_t driver_features;
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select, config_vector;
    uint8_t status, isr, generation;
    bool broken;
    struct virtq_state queues[VIRTIO_QUEUES];
};
FIELDS(virtio_state) = {
    FIELD(virtio_state, driver_features), FIELD(virtio_state, device_feature_select),
    FIELD(virtio_state, driver_feature_select), FIELD(virtio_state, queue_select),
    FIELD(virtio_state, config_vector), FIELD(virtio_state, status), FIELD(virtio_state, isr),
    FIELD(virtio_state, generation), FIELD(virtio_state, broken),
    NESTED_ARRAY(virtio_state, queues, virtq_state), FIELDS_END
};

struct virtio;
struct virtq;

/* What serving one buffer came to. */
enum virtq_result {
    VIRTQ_EMPTY,       /* there was none */
    VIRTQ_DONE,        /* try the next one */
    VIRTQ_WAIT,        /* there may be one, but it must wait; virtq_kick() later */
    VIRTQ_NOTIFY       /* there are too few for what is to be done; the driver shall notify */
};

/* What a device is and does; constant. Members from `changed' on may be NULL. */
struct virtio_kind {
    const char *name;
    uint16_t id;                     /* device type (5) */
    /* Brings the configuration space up to date; `config' is zeroed. */
    void (*get_config)(struct virtio *v, uint8_t *config);
    /* The driver wrote some bytes of it. */
    void (*set_config)(struct virtio *v, unsigned offset, const uint8_t *data, unsigned size);
    /* The status changed, or features were accepted. */
    void (*changed)(struct virtio *v, uint8_t old_status);
    /* The driver resets the device: forget what is under way. */
    void (*reset)(struct virtio *v);
};

/* How interrupts travel, and whether DMA may. */
struct virtio_transport {
    /* For a queue's or the configuration's vector; the cause is in v->s->isr already. */
    void (*interrupt)(struct virtio *v, uint16_t vector);
    /* v->s->isr was cleared. */
    void (*isr_cleared)(struct virtio *v);
    bool (*can_dma)(struct virtio *v);
};

/* One queue. Its members belong to queue.c; ring addresses are host memory, NULL when unknown. */
struct virtq {
    struct virtio *v;
    struct virtq_state *s;
    uint16_t max_size;
    enum virtq_result (*serve)(struct virtq *q);
    uint8_t *desc, *avail, *used;
    uint64_t used_ram, desc_ram;     /* for dirty pages */
    uint32_t map_generation;
    bool busy, pushed, again, packed;
};

/* A request that goes back at the next virtq_publish(). */
struct virtq_filled {
    uint32_t head, written;
};

struct virtio {
    const struct virtio_kind *kind;
    const struct virtio_transport *transport;
    struct virtio_state *s;
    struct address_space *dma;
    uint64_t features;               /* that the device offers */
    unsigned n_queues, config_size;
    bool stopped;                    /* with the machine: no request is taken */
    struct timer later;              /* queues that had more than their turn */
    struct ram_span span;            /* the RAM that buffers were found in last */
    uint64_t span_at;                /* the address that it was looked up for */
    uint32_t span_generation;
    struct virtq_filled filled[VIRTIO_QUEUE_MAX];
    struct virtq queues[VIRTIO_QUEUES];
};

/* --- making; `v' is zeroed, and kind, s and config_size are set ------------------------------ */

/* `serve' is called when the driver notifies; NULL: the device looks at the queue when it wants.
 * `size' is a power of two up to VIRTIO_QUEUE_MAX. */
struct virtq *virtio_add_queue(struct virtio *v, unsigned size,
                               enum virtq_result (*serve)(struct virtq *q));
void virtio_init(struct virtio *v, const struct virtio_transport *transport,
                 struct address_space *dma);
void virtio_fini(struct virtio *v);
/* Power-on or driver's reset. */
void virtio_reset(struct virtio *v);
/* False when the saved numbers are impossible. */
bool virtio_loaded(struct virtio *v, struct error **err);

/* --- the driver's side: for transports ------------------------------------------------------- */

void virtio_set_status(struct virtio *v, uint8_t status);
/* Reads and clears. */
uint8_t virtio_take_isr(struct virtio *v);
uint64_t virtio_config_read(struct virtio *v, uint64_t offset, unsigned size);
void virtio_config_write(struct virtio *v, uint64_t offset, uint64_t value, unsigned size);
void virtio_notify(struct virtio *v, unsigned queue);
/* The queue that queue_select names, or NULL. */
struct virtq *virtio_selected(struct virtio *v);
/* Learns of changes of memory maps from now on. */
void virtq_watch_maps(void);
/* Queues of 0.9: one block of pages, at 0 none. */
void virtq_set_page(struct virtq *q, uint64_t address);
void virtq_set_size(struct virtq *q, unsigned size);
/* Both sides begin where the negotiated layout begins. */
void virtq_enable(struct virtq *q);

/* --- the device's side ----------------------------------------------------------------------- */

static inline bool virtio_has(const struct virtio *v, unsigned feature)
{
    return v->s->driver_features >> feature & 1;
}
void virtio_config_changed(struct virtio *v);
/* The driver did something impossible; logged. */
void virtio_break(struct virtio *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Buffers of one request, as pieces of host memory: first those the device reads (out), then those
 * it writes (in). */
struct virtq_chain {
    uint32_t head;                           /* names the request to virtq_fill() */
    unsigned out_count, in_count;
    uint64_t out_size, in_size;
    struct iovec *in;                        /* &iov[out_count] */
    struct iovec iov[VIRTIO_QUEUE_MAX];
    uint64_t ram[VIRTIO_QUEUE_MAX];          /* RAM address of each piece */
};

/* Whether the driver has set it up and the device may use it. */
bool virtq_ready(struct virtq *q);
/* Takes the next request; false if there is none. */
bool virtq_pop(struct virtq *q, struct virtq_chain *chain);
/* Where the next request is; going back there takes requests again. */
uint16_t virtq_position(const struct virtq *q);
void virtq_rewind(struct virtq *q, uint16_t position);
/* Whether requests wait; what could not be found out counts as none. */
bool virtq_is_empty(struct virtq *q);
/* Gives a request back with `written' bytes in its in pieces. The driver hears of it by
 * virtq_signal(), which serving a queue ends with. */
void virtq_push(struct virtq *q, const struct virtq_chain *chain, uint64_t written);
/* The parts of it: what was written into pieces is changed memory; the request takes a place among
 * those that go back together, counted from 0; and the driver sees `count' of them at once. */
void virtq_note_written(const struct iovec *iov, const uint64_t *ram, unsigned count,
                        uint64_t written);
void virtq_fill(struct virtq *q, uint32_t head, uint64_t written, unsigned place);
void virtq_publish(struct virtq *q, unsigned count);
void virtq_signal(struct virtq *q);
/* Serves the queue now, as if the driver had notified. */
void virtq_kick(struct virtq *q);
/* Whether the driver shall tell of new buffers. */
void virtq_want_notify(struct virtq *q, bool on);

/* --- pieces ---------------------------------------------------------------------------------- */

/* Copies up to `size' bytes from or to a place in the pieces; the bytes that were there. */
size_t iov_get(const struct iovec *iov, unsigned count, uint64_t offset, void *data, size_t size);
size_t iov_put(const struct iovec *iov, unsigned count, uint64_t offset, const void *data,
               size_t size);

#endif
