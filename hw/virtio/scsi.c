/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI host adapter (Virtio 1.1, 5.6) for the targets of hw/scsi.
 *
 * A target runs one command at a time; more requests for it wait in a list. When the machine is
 * saved its drives were drained, and with them the lists.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/scsi/scsi.h"
#include "hw/virtio/virtio-pci.h"

enum { CONTROL, EVENTS, COMMANDS, CONTROL_SIZE = 64, CONFIG_SIZE = 36, SENSE_SIZE = 96,
       CDB_SIZE = 32, SENSE_LENGTH = 18 };
enum { CONFIG_QUEUES = 0, CONFIG_SEG_MAX = 4, CONFIG_MAX_SECTORS = 8, CONFIG_PER_UNIT = 12,
       CONFIG_EVENT_SIZE = 16, CONFIG_SENSE = 20, CONFIG_CDB = 24, CONFIG_MAX_CHANNEL = 28,
       CONFIG_MAX_TARGET = 30, CONFIG_MAX_UNIT = 32 };
/* A request: unit, tag and attributes, then the command; its answer, then the sense data. */
enum { REQUEST_TAG = 8, REQUEST_CDB = 19, ANSWER_SENSE_LENGTH = 0, ANSWER_LEFT = 4,
       ANSWER_STATUS = 10, ANSWER_RESPONSE = 11, ANSWER_SENSE = 12 };
enum { RESPONSE_OK = 0, RESPONSE_OVERRUN = 1, RESPONSE_ABORTED = 2, RESPONSE_BAD_TARGET = 3,
       RESPONSE_RESET = 4, RESPONSE_FAILURE = 9, RESPONSE_SUCCEEDED = 10, RESPONSE_REJECTED = 11,
       RESPONSE_BAD_UNIT = 12 };
/* Task management. */
enum { TYPE_TASKS = 0, TYPE_QUERY = 1, TYPE_SUBSCRIBE = 2, ABORT_TASK = 0, ABORT_SET = 1,
       CLEAR_SET = 3, RESET_NEXUS = 4, RESET_UNIT = 5, QUERY_TASK = 6, QUERY_SET = 7 };

struct virtio_scsi_state {
    struct virtio_pci_state transport;
    uint32_t sense_size, cdb_size;   /* which the driver may change */
};
FIELDS(virtio_scsi_state) = {
    NESTED(virtio_scsi_state, transport, virtio_pci_state), FIELD(virtio_scsi_state, sense_size),
    FIELD(virtio_scsi_state, cdb_size), FIELDS_END
};

struct request {
    struct request *next;
    struct virtq *q;
    uint64_t tag;
    unsigned unit;
    uint64_t out_at, in_at;          /* data that was moved, from the pieces' beginnings on */
    bool started;
    uint8_t cdb[16];
    struct virtq_chain chain;
};

struct virtio_scsi {
    struct virtio_pci t;
    uint32_t queues, queue_size;     /* properties */
    struct scsi_bus bus;
    char bus_name[64];
    struct request *first[SCSI_TARGETS];
    bool advancing[SCSI_TARGETS];
    struct virtq_chain control;
    struct virtio_scsi_state s;
};

static struct virtio_scsi *of(struct virtio *v)
{
    return container_of(v, struct virtio_scsi, t.v);
}

/* The target that an address names, and the unit in it; NULL if there is none. */
static struct scsi_target *find_target(struct virtio_scsi *v, const uint8_t *lun, unsigned *unit)
{
    *unit = ld16_be(lun + 2) & 0x3fff;
    return lun[0] == 1 && lun[1] < SCSI_TARGETS ? v->bus.targets[lun[1]] : NULL;
}

/* --- answers --------------------------------------------------------------------------------- */

static unsigned answer_size(const struct virtio_scsi *v)
{
    return ANSWER_SENSE + v->s.sense_size;
}

static void answer(struct virtio_scsi *v, struct request *r, uint8_t response, uint8_t status,
                   const struct scsi_sense *sense)
{
    struct virtq_chain *c = &r->chain;
    uint8_t a[ANSWER_SENSE + SENSE_LENGTH] = { 0 };
    uint64_t in_total = c->in_size - answer_size(v);
    uint64_t out_total = c->out_size - REQUEST_CDB - v->s.cdb_size;
    uint64_t left = in_total - MIN_OF(in_total, r->in_at) +
                    out_total - MIN_OF(out_total, r->out_at);
    unsigned length = 0;

    if (sense && status == SCSI_CHECK_CONDITION) {
        length = MIN_OF((unsigned)SENSE_LENGTH, v->s.sense_size);
        a[ANSWER_SENSE] = 0x70;
        a[ANSWER_SENSE + 2] = sense->key;
        a[ANSWER_SENSE + 7] = 10;
        a[ANSWER_SENSE + 12] = sense->code;
        a[ANSWER_SENSE + 13] = sense->qualifier;
    }
    st32_le(a + ANSWER_SENSE_LENGTH, length);
    st32_le(a + ANSWER_LEFT, (uint32_t)MIN_OF(left, (uint64_t)UINT32_MAX));
    a[ANSWER_STATUS] = status;
    a[ANSWER_RESPONSE] = response;
    trace(virtio_scsi_answer, "tag %llu response %u status %u", (unsigned long long)r->tag,
          response, status);
    iov_put(c->in, c->in_count, 0, a, ANSWER_SENSE + length);
    virtq_push(r->q, c, answer_size(v) + r->in_at);
    virtq_signal(r->q);
    g_free(r);
}

static struct request *unlink_first(struct virtio_scsi *v, unsigned target)
{
    struct request *r = v->first[target];

    v->first[target] = r->next;
    return r;
}

/* --- commands -------------------------------------------------------------------------------- */

/* Moves what the target wants; false when the request has no place for it. */
static bool move_data(struct virtio_scsi *v, struct scsi_target *t, struct request *r)
{
    struct virtq_chain *c = &r->chain;
    uint32_t size = scsi_size(t);
    uint64_t *at = t->s.phase == SCSI_DATA_IN ? &r->in_at : &r->out_at;
    size_t done;

    if (t->s.phase == SCSI_DATA_IN) {
        done = iov_put(c->in, c->in_count, answer_size(v) + *at, scsi_data(t), size);
    } else {
        done = iov_get(c->iov, c->out_count, REQUEST_CDB + v->s.cdb_size + *at, scsi_data(t),
                       size);
    }
    *at += done;
    if (done < size) {
        scsi_cancel(t);
        return false;
    }
    scsi_move(t, size);
    return true;
}

/* One step of a target's first request; false when it must wait or there is none. */
static bool step(struct virtio_scsi *v, struct scsi_target *t, unsigned number)
{
    struct request *r = v->first[number];
    struct scsi_sense sense = t->s.sense;

    if (!r || t->s.phase == SCSI_BUSY) {
        return false;
    }
    if (!r->started) {
        r->started = true;
        scsi_command(t, r->unit, r->cdb, sizeof(r->cdb));
    } else if (t->s.phase == SCSI_STATUS) {
        uint8_t status = t->s.status;

        scsi_finish(t);
        if (status == SCSI_CHECK_CONDITION) {
            t->s.sense = (struct scsi_sense){ 0 };   /* it goes with the status */
        }
        answer(v, unlink_first(v, number), RESPONSE_OK, status, &sense);
    } else if (t->s.phase == SCSI_IDLE || !move_data(v, t, r)) {
        answer(v, unlink_first(v, number), RESPONSE_OVERRUN, SCSI_GOOD, NULL);
    }
    return true;
}

/* Cancelling may complete requests of others, which come here again. */
static void advance(struct virtio_scsi *v, struct scsi_target *t)
{
    unsigned number = t->id;

    if (!v->advancing[number]) {
        v->advancing[number] = true;
        while (v->bus.targets[number] == t && step(v, t, number)) {
        }
        v->advancing[number] = false;
    }
}

static void target_ready(void *opaque, struct scsi_target *t)
{
    advance(opaque, t);
}

static void append(struct virtio_scsi *v, unsigned target, struct request *r)
{
    struct request **at = &v->first[target];

    while (*at) {
        at = &(*at)->next;
    }
    *at = r;
}

static enum virtq_result serve_command(struct virtq *q)
{
    struct virtio_scsi *v = of(q->v);
    uint8_t header[REQUEST_CDB + 16];
    struct request *r = g_malloc(sizeof(*r));
    struct scsi_target *t;

    memset(r, 0, offsetof(struct request, chain));
    if (!virtq_pop(q, &r->chain)) {
        g_free(r);
        return VIRTQ_EMPTY;
    }
    if (r->chain.out_size < REQUEST_CDB + v->s.cdb_size || r->chain.in_size < answer_size(v)) {
        virtio_break(&v->t.v, "a command without room for itself or its answer");
        g_free(r);
        return VIRTQ_EMPTY;
    }
    iov_get(r->chain.iov, r->chain.out_count, 0, header, sizeof(header));
    r->q = q;
    r->tag = ld64_le(header + REQUEST_TAG);
    memcpy(r->cdb, header + REQUEST_CDB, MIN_OF((size_t)16, (size_t)v->s.cdb_size));
    t = find_target(v, header, &r->unit);
    if (!t) {
        answer(v, r, RESPONSE_BAD_TARGET, SCSI_GOOD, NULL);
    } else {
        append(v, t->id, r);
        advance(v, t);
    }
    return VIRTQ_DONE;
}

/* --- task management ------------------------------------------------------------------------- */

/* Ends requests of a target: all, or the one with that tag. How many there were. */
static unsigned abort_requests(struct virtio_scsi *v, struct scsi_target *t, const uint64_t *tag,
                               uint8_t response)
{
    struct request **at = &v->first[t->id];
    unsigned count = 0;

    while (*at) {
        struct request *r = *at;

        if (tag && r->tag != *tag) {
            at = &r->next;
            continue;
        }
        if (r->started) {
            scsi_cancel(t);
        }
        *at = r->next;
        answer(v, r, response, SCSI_GOOD, NULL);
        count++;
    }
    return count;
}

static bool has_request(const struct virtio_scsi *v, const struct scsi_target *t,
                        const uint64_t *tag)
{
    const struct request *r = v->first[t->id];

    while (r && tag && r->tag != *tag) {
        r = r->next;
    }
    return r != NULL;
}

static uint8_t manage(struct virtio_scsi *v, const uint8_t *m)
{
    uint64_t tag = ld64_le(m + 16);
    unsigned unit;
    struct scsi_target *t = find_target(v, m + 8, &unit);
    uint8_t response = RESPONSE_OK;

    if (!t) {
        return RESPONSE_BAD_TARGET;
    }
    if (unit) {
        return RESPONSE_BAD_UNIT;
    }
    switch (ld32_le(m + 4)) {
    case ABORT_TASK: abort_requests(v, t, &tag, RESPONSE_ABORTED); break;
    case ABORT_SET:
    case CLEAR_SET: abort_requests(v, t, NULL, RESPONSE_ABORTED); break;
    case RESET_NEXUS:
    case RESET_UNIT:
        abort_requests(v, t, NULL, RESPONSE_RESET);
        device_reset(&t->dev);
        break;
    case QUERY_TASK: response = has_request(v, t, &tag) ? RESPONSE_SUCCEEDED : RESPONSE_OK; break;
    case QUERY_SET: response = has_request(v, t, NULL) ? RESPONSE_SUCCEEDED : RESPONSE_OK; break;
    default: response = RESPONSE_REJECTED; break;
    }
    advance(v, t);
    return response;
}

static enum virtq_result serve_control(struct virtq *q)
{
    struct virtio_scsi *v = of(q->v);
    struct virtq_chain *c = &v->control;
    uint8_t m[24] = { 0 }, a[5] = { 0 };
    size_t size;
    unsigned length;

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    size = iov_get(c->iov, c->out_count, 0, m, sizeof(m));
    if (ld32_le(m) == TYPE_TASKS && size == 24) {
        a[0] = manage(v, m);
        length = 1;
    } else if ((ld32_le(m) == TYPE_QUERY || ld32_le(m) == TYPE_SUBSCRIBE) && size >= 16) {
        length = 5;                              /* no event is offered */
    } else {
        virtio_break(&v->t.v, "an impossible control request");
        return VIRTQ_EMPTY;
    }
    virtq_push(q, c, iov_put(c->in, c->in_count, 0, a, length));
    return VIRTQ_DONE;
}

/* Nothing happens yet that the driver would be told of. */
static enum virtq_result serve_events(struct virtq *q)
{
    return VIRTQ_WAIT;
}

/* --- configuration --------------------------------------------------------------------------- */

static void get_config(struct virtio *base, uint8_t *c)
{
    const struct virtio_scsi *v = of(base);

    st32_le(c + CONFIG_QUEUES, v->queues);
    st32_le(c + CONFIG_SEG_MAX, v->queue_size - 2);
    st32_le(c + CONFIG_MAX_SECTORS, 0xffff);
    st32_le(c + CONFIG_PER_UNIT, 128);
    st32_le(c + CONFIG_EVENT_SIZE, 16);
    st32_le(c + CONFIG_SENSE, v->s.sense_size);
    st32_le(c + CONFIG_CDB, v->s.cdb_size);
    st16_le(c + CONFIG_MAX_TARGET, SCSI_TARGETS - 1);
    st32_le(c + CONFIG_MAX_UNIT, 0);
}

static bool sizes_good(const struct virtio_scsi_state *s)
{
    return s->cdb_size >= 16 && s->cdb_size <= 255 && s->sense_size <= 65536;
}

static void set_config(struct virtio *base, unsigned offset, const uint8_t *data, unsigned size)
{
    struct virtio_scsi *v = of(base);
    struct virtio_scsi_state old = v->s;
    uint8_t c[CONFIG_SIZE] = { 0 };

    get_config(base, c);
    memcpy(c + offset, data, size);
    v->s.sense_size = ld32_le(c + CONFIG_SENSE);
    v->s.cdb_size = ld32_le(c + CONFIG_CDB);
    if (!sizes_good(&v->s) || base->s->status & VIRTIO_DRIVER_OK) {
        log_guest_error("virtio-scsi: sizes of %u and %u", v->s.sense_size, v->s.cdb_size);
        v->s = old;
    }
}

static void driver_reset(struct virtio *base)
{
    struct virtio_scsi *v = of(base);

    for (unsigned n = 0; n < SCSI_TARGETS; n++) {
        if (v->first[n] && v->first[n]->started && v->bus.targets[n]) {
            scsi_cancel(v->bus.targets[n]);
        }
        while (v->first[n]) {
            g_free(unlink_first(v, n));
        }
    }
    v->s.sense_size = SENSE_SIZE;
    v->s.cdb_size = CDB_SIZE;
}

/* --- life ------------------------------------------------------------------------------------ */

static void name_bus(struct virtio_scsi *v)
{
    unsigned n = 0;

    if (v->t.pci.dev.id) {
        snprintf(v->bus_name, sizeof(v->bus_name), "%s.0", v->t.pci.dev.id);
        return;
    }
    do {
        snprintf(v->bus_name, sizeof(v->bus_name), "scsi.%u", n++);
    } while (bus_find(v->bus_name));
}

static bool scsi_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-scsi", .id = 8, .get_config = get_config, .set_config = set_config,
        .reset = driver_reset,
    };
    static const struct virtio_pci_id id = { 0x1004, 0x010000 };
    struct virtio_scsi *v = (struct virtio_scsi *)dev;
    struct virtio *base = &v->t.v;

    if (!v->queues || v->queues > VIRTIO_QUEUES - COMMANDS ||
        !bits_is_power_of_two(v->queue_size) || v->queue_size < 4 ||
        v->queue_size > VIRTIO_QUEUE_MAX) {
        error_set(err, "virtio-scsi: num_queues must be 1 to %d, virtqueue_size a power of two up "
                  "to %d", VIRTIO_QUEUES - COMMANDS, VIRTIO_QUEUE_MAX);
        return false;
    }
    base->kind = &kind;
    base->s = &v->s.transport.core;
    base->config_size = CONFIG_SIZE;
    virtio_add_queue(base, CONTROL_SIZE, serve_control);
    virtio_add_queue(base, CONTROL_SIZE, serve_events);
    for (unsigned n = 0; n < v->queues; n++) {
        virtio_add_queue(base, v->queue_size, serve_command);
    }
    if (!virtio_pci_init(&v->t, &id, &v->s.transport, err)) {
        return false;
    }
    name_bus(v);
    scsi_bus_init(&v->bus, v->bus_name, dev, target_ready, v);
    return true;
}

static void scsi_exit(struct device *dev)
{
    struct virtio_scsi *v = (struct virtio_scsi *)dev;

    driver_reset(&v->t.v);
    bus_fini(&v->bus.bus);
    virtio_pci_exit(&v->t);
}

static bool scsi_loaded(struct device *dev, struct error **err)
{
    if (!sizes_good(&((struct virtio_scsi *)dev)->s)) {
        error_set(err, "virtio-scsi: impossible sizes");
        return false;
    }
    return virtio_pci_loaded(dev, err);
}

static const struct property scsi_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_scsi, t), PROP_UINT("num_queues", virtio_scsi, queues, 1),
    PROP_UINT("virtqueue_size", virtio_scsi, queue_size, 256), PROPERTIES_END
};

DEVICE(virtio_scsi) = {
    .name = "virtio-scsi-pci", .alias = "virtio-scsi", .desc = "Virtio SCSI host adapter",
    .bus = "pci", .size = sizeof(struct virtio_scsi), .properties = scsi_properties,
    .init = scsi_init, .exit = scsi_exit, .reset = virtio_pci_reset,
    .reset_lines = virtio_pci_reset_lines, .loaded = scsi_loaded,
    .state = STATE(virtio_scsi, s, virtio_scsi_state, 1),
};
