/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block device (Virtio 1.1, 5.2). Requests go to the drive's workers with pieces of guest memory as
 * they are; up to a queue of them is under way.
 */
#include "hw/virtio/blk.h"

#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/trace.h"
#include "block.h"
#include "hw/core/machine.h"
#include "hw/ide/ide.h"
#include "hw/virtio/virtio-pci.h"

#define SECTOR BLOCK_SECTOR_SIZE
enum { TYPE_IN = 0, TYPE_OUT = 1, TYPE_FLUSH = 4, TYPE_GET_ID = 8, TYPE_DISCARD = 11,
       TYPE_WRITE_ZEROES = 13 };
enum { STATUS_OK = 0, STATUS_ERROR = 1, STATUS_UNSUPPORTED = 2 };
enum { HEADER_SIZE = 16, SEGMENT_SIZE = 16, SERIAL_SIZE = 20, SEGMENT_UNMAP = 1 };
/* Sectors of one discard or write of zeroes. */
enum { RANGE_MAX = 0x3fffff, DRIVES_MAX = 32 };
/* Feature bits (5.2.3) and the configuration (5.2.4). */
enum { F_SEG_MAX = 2, F_GEOMETRY = 4, F_READ_ONLY = 5, F_BLOCK_SIZE = 6, F_FLUSH = 9,
       F_TOPOLOGY = 10, F_CONFIG_WCE = 11, F_QUEUES = 12, F_DISCARD = 13, F_WRITE_ZEROES = 14 };
enum { CONFIG_CAPACITY = 0, CONFIG_SEG_MAX = 12, CONFIG_CYLINDERS = 16, CONFIG_HEADS = 18,
       CONFIG_SECTORS = 19, CONFIG_BLOCK_SIZE = 20, CONFIG_PHYSICAL = 24, CONFIG_MIN_IO = 26,
       CONFIG_WRITEBACK = 32, CONFIG_QUEUES = 34, CONFIG_DISCARD_MAX = 36,
       CONFIG_DISCARD_SEGMENTS = 40, CONFIG_DISCARD_ALIGNMENT = 44, CONFIG_ZEROES_MAX = 48,
       CONFIG_ZEROES_SEGMENTS = 52, CONFIG_ZEROES_UNMAP = 56, CONFIG_SIZE = 60 };

struct virtio_blk_state {
    struct virtio_pci_state transport;
    bool write_cache;
};
FIELDS(virtio_blk_state) = {
    NESTED(virtio_blk_state, transport, virtio_pci_state), FIELD(virtio_blk_state, write_cache),
    FIELDS_END
};

struct virtio_blk {
    struct virtio_pci t;
    struct block *block;
    char *serial;
    uint32_t queues, queue_size, logical, physical, boot_index;
    bool discard, write_zeroes, config_wce, write_cache;
    uint64_t sectors;
    struct ide_geometry geometry;
    struct request *first;           /* all under way */
    struct virtq_chain chain;
    struct virtio_blk_state s;
};

struct request {
    struct block_request r;
    struct virtio_blk *b;
    struct virtq *q;
    struct request *next, **back;
    uint32_t head;
    bool dropped, retry;
    uint8_t *status;                 /* in guest memory */
    uint64_t status_ram, in_size;    /* in_size: data that a read brings */
    unsigned count;
    uint64_t *ram;
    struct iovec iov[];
};

static struct virtio_blk *of(struct virtio *v)
{
    return container_of(v, struct virtio_blk, t.v);
}

/* --- the life of a request ------------------------------------------------------------------- */

/* Copies the pieces from an offset on, `size' bytes, with room for their RAM addresses behind. */
static struct request *make_request(struct virtio_blk *b, const struct iovec *iov,
                                    const uint64_t *ram, unsigned count, uint64_t skip,
                                    uint64_t size)
{
    struct request *r = g_malloc(sizeof(*r) + count * (sizeof(*r->iov) + sizeof(*r->ram)));

    memset(r, 0, sizeof(*r));
    r->ram = (uint64_t *)(r->iov + count);
    for (unsigned i = 0; i < count && size; i++) {
        uint64_t length = iov[i].iov_len, part;

        if (skip >= length) {
            skip -= length;
            continue;
        }
        part = MIN_OF(length - skip, size);
        r->iov[r->count] = (struct iovec){ (uint8_t *)iov[i].iov_base + skip, part };
        r->ram[r->count++] = ram[i] + skip;
        r->r.size += part;
        size -= part;
        skip = 0;
    }
    r->b = b;
    r->next = b->first;
    r->back = &b->first;
    if (b->first) {
        b->first->back = &r->next;
    }
    b->first = r;
    return r;
}

static void free_request(struct request *r)
{
    *r->back = r->next;
    if (r->next) {
        r->next->back = r->back;
    }
    g_free(r);
}

static void complete(struct request *r, uint8_t status)
{
    uint64_t written = status == STATUS_OK ? r->in_size : 0;

    trace(virtio_blk_complete, "request %u status %u", r->head, status);
    virtq_note_written(r->iov, r->ram, r->count, r->in_size);
    *r->status = status;
    virtq_note_written(&(struct iovec){ r->status, 1 }, &r->status_ram, 1, 1);
    virtq_fill(r->q, r->head, written + 1, 0);
    virtq_publish(r->q, 1);
    free_request(r);
}

/* A failure that shall stop the machine leaves the request for when it goes on. */
static bool stops(struct request *r, int *result)
{
    enum block_error_action action;

    if (*result >= 0) {
        return false;
    }
    action = block_error_action(r->b->block, r->r.op == BLOCK_READ, *result);
    if (action == BLOCK_ERROR_STOP) {
        r->retry = true;
        machine_stop_on_error();
    } else if (action == BLOCK_ERROR_IGNORE) {
        *result = 0;
    }
    return r->retry;
}

static void request_done(struct block_request *base, int result)
{
    struct request *r = container_of(base, struct request, r);
    struct virtq *q = r->q;

    if (r->dropped) {
        free_request(r);
    } else if (!stops(r, &result)) {
        complete(r, result < 0 ? STATUS_ERROR : STATUS_OK);
        virtq_signal(q);
    }
}

static void submit(struct request *r, enum block_op op, uint64_t offset)
{
    r->r.op = op;
    r->r.offset = offset;
    r->r.iov = r->iov;
    r->r.iov_count = r->count;
    r->r.done = request_done;
    block_submit(r->b->block, &r->r);
}

static void run_changed(void *opaque, bool running)
{
    struct virtio_blk *b = opaque;

    for (struct request *r = running ? b->first : NULL, *next; r; r = next) {
        next = r->next;
        if (r->retry) {
            r->retry = false;
            block_submit(b->block, &r->r);
        }
    }
}

static void drop_requests(struct virtio_blk *b)
{
    for (struct request *r = b->first, *next; r; r = next) {
        next = r->next;
        if (r->retry || block_cancel(&r->r)) {
            free_request(r);
        } else {
            r->dropped = true;
        }
    }
    block_drain(b->block);
}

/* --- commands -------------------------------------------------------------------------------- */

static bool in_range(const struct virtio_blk *b, uint64_t sector, uint64_t bytes)
{
    return bytes % b->logical == 0 && sector % (b->logical / SECTOR) == 0 &&
           sector <= b->sectors && bytes / SECTOR <= b->sectors - sector;
}

static void read_or_write(struct request *r, enum block_op op, uint64_t sector)
{
    if (!in_range(r->b, sector, r->r.size) ||
        (op == BLOCK_WRITE && block_readonly(r->b->block))) {
        complete(r, STATUS_ERROR);
    } else if (!r->r.size) {
        complete(r, STATUS_OK);
    } else {
        r->in_size = op == BLOCK_READ ? r->r.size : 0;
        submit(r, op, sector * SECTOR);
    }
}

static void get_id(struct request *r)
{
    char id[SERIAL_SIZE + 1] = "";

    if (r->b->serial) {
        strncpy(id, r->b->serial, SERIAL_SIZE);
    }
    r->in_size = iov_put(r->iov, r->count, 0, id, SERIAL_SIZE);
    complete(r, STATUS_OK);
}

/* One segment: a range of sectors and a flag. */
static void change_range(struct request *r, enum block_op op)
{
    uint8_t segment[SEGMENT_SIZE];
    uint64_t sector, bytes;
    uint32_t flags, known = op == BLOCK_WRITE_ZEROES ? SEGMENT_UNMAP : 0;

    if (r->r.size != SEGMENT_SIZE ||
        iov_get(r->iov, r->count, 0, segment, SEGMENT_SIZE) != SEGMENT_SIZE) {
        complete(r, STATUS_ERROR);
        return;
    }
    sector = ld64_le(segment);
    bytes = (uint64_t)ld32_le(segment + 8) * SECTOR;
    flags = ld32_le(segment + 12);
    if (flags & ~known) {
        complete(r, STATUS_UNSUPPORTED);
    } else if (bytes / SECTOR > RANGE_MAX || !in_range(r->b, sector, bytes) ||
               block_readonly(r->b->block)) {
        complete(r, STATUS_ERROR);
    } else {
        r->r.size = bytes;
        r->r.keep_allocated = op == BLOCK_WRITE_ZEROES && !(flags & SEGMENT_UNMAP);
        r->count = 0;
        submit(r, op, sector * SECTOR);
    }
}

static void flush(struct request *r)
{
    r->r.size = 0;
    r->count = 0;
    submit(r, BLOCK_FLUSH, 0);
}

static void execute(struct request *r, uint32_t type, uint64_t sector)
{
    switch (type) {
    case TYPE_IN: read_or_write(r, BLOCK_READ, sector); break;
    case TYPE_OUT: read_or_write(r, BLOCK_WRITE, sector); break;
    case TYPE_FLUSH: flush(r); break;
    case TYPE_GET_ID: get_id(r); break;
    case TYPE_DISCARD: change_range(r, BLOCK_DISCARD); break;
    case TYPE_WRITE_ZEROES: change_range(r, BLOCK_WRITE_ZEROES); break;
    default: complete(r, STATUS_UNSUPPORTED); break;
    }
}

static enum virtq_result serve(struct virtq *q)
{
    struct virtio_blk *b = of(q->v);
    struct virtq_chain *c = &b->chain;
    uint8_t header[HEADER_SIZE];
    struct request *r;
    struct iovec *last;
    uint32_t type;

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    if (!c->in_size || iov_get(c->iov, c->out_count, 0, header, HEADER_SIZE) != HEADER_SIZE) {
        virtio_break(&b->t.v, "a request without header or status");
        return VIRTQ_EMPTY;
    }
    type = ld32_le(header);
    if (type == TYPE_IN || type == TYPE_GET_ID) {
        r = make_request(b, c->in, c->ram + c->out_count, c->in_count, 0, c->in_size - 1);
    } else {
        r = make_request(b, c->iov, c->ram, c->out_count, HEADER_SIZE, c->out_size - HEADER_SIZE);
    }
    last = &c->in[c->in_count - 1];
    r->q = q;
    r->head = c->head;
    r->status = (uint8_t *)last->iov_base + last->iov_len - 1;
    r->status_ram = c->ram[c->out_count + c->in_count - 1] + last->iov_len - 1;
    trace(virtio_blk_request, "request %u type %u sector %llu size %llu", c->head, type,
          (unsigned long long)ld64_le(header + 8), (unsigned long long)r->r.size);
    execute(r, type, ld64_le(header + 8));
    return VIRTQ_DONE;
}

/* --- configuration --------------------------------------------------------------------------- */

static void get_config(struct virtio *v, uint8_t *c)
{
    const struct virtio_blk *b = of(v);

    st64_le(c + CONFIG_CAPACITY, b->sectors);
    st32_le(c + CONFIG_SEG_MAX, b->queue_size - 2);
    st16_le(c + CONFIG_CYLINDERS, (uint16_t)b->geometry.cylinders);
    c[CONFIG_HEADS] = (uint8_t)b->geometry.heads;
    c[CONFIG_SECTORS] = (uint8_t)b->geometry.sectors;
    st32_le(c + CONFIG_BLOCK_SIZE, b->logical);
    c[CONFIG_PHYSICAL] = (uint8_t)bits_ctz32(b->physical / b->logical);
    st16_le(c + CONFIG_MIN_IO, (uint16_t)(b->physical / b->logical));
    c[CONFIG_WRITEBACK] = b->s.write_cache;
    st16_le(c + CONFIG_QUEUES, (uint16_t)b->queues);
    st32_le(c + CONFIG_DISCARD_MAX, RANGE_MAX);
    st32_le(c + CONFIG_DISCARD_SEGMENTS, 1);
    st32_le(c + CONFIG_DISCARD_ALIGNMENT, b->logical / SECTOR);
    st32_le(c + CONFIG_ZEROES_MAX, RANGE_MAX);
    st32_le(c + CONFIG_ZEROES_SEGMENTS, 1);
    c[CONFIG_ZEROES_UNMAP] = 1;
}

static void set_write_cache(struct virtio_blk *b, bool on)
{
    b->s.write_cache = on;
    block_set_write_cache(b->block, on);
}

static void set_config(struct virtio *v, unsigned offset, const uint8_t *data, unsigned size)
{
    if (virtio_has(v, F_CONFIG_WCE) && offset <= CONFIG_WRITEBACK &&
        CONFIG_WRITEBACK - offset < size) {
        set_write_cache(of(v), data[CONFIG_WRITEBACK - offset] & 1);
    }
}

/* Drivers that never flush get what they write written through. */
static void status_changed(struct virtio *v, uint8_t old)
{
    if (v->s->status & ~old & VIRTIO_DRIVER_OK && !virtio_has(v, F_FLUSH) &&
        !virtio_has(v, F_CONFIG_WCE)) {
        set_write_cache(of(v), false);
    }
}

static void driver_reset(struct virtio *v)
{
    struct virtio_blk *b = of(v);

    drop_requests(b);
    set_write_cache(b, b->write_cache);
}

static void read_size(struct virtio_blk *b)
{
    int64_t length = block_length(b->block);

    b->sectors = length < 0 ? 0 : align_down((uint64_t)length, b->logical) / SECTOR;
}

static void resized(void *opaque)
{
    struct virtio_blk *b = opaque;

    read_size(b);
    virtio_config_changed(&b->t.v);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool check_properties(struct virtio_blk *b, struct error **err)
{
    if (!b->block) {
        error_set(err, "virtio-blk: drive property not set");
    } else if (!block_inserted(b->block)) {
        error_set(err, "virtio-blk: drive '%s' is empty", block_id(b->block));
    } else if (!b->queues || b->queues > VIRTIO_QUEUES) {
        error_set(err, "virtio-blk: num-queues must be 1 to %d", VIRTIO_QUEUES);
    } else if (!bits_is_power_of_two(b->queue_size) || b->queue_size < 4 ||
               b->queue_size > VIRTIO_QUEUE_MAX) {
        error_set(err, "virtio-blk: queue-size must be a power of two from 4 to %d",
                  VIRTIO_QUEUE_MAX);
    } else if (!bits_is_power_of_two(b->logical) || b->logical < SECTOR || b->logical > 32768 ||
               !bits_is_power_of_two(b->physical) || b->physical > 32768) {
        error_set(err, "virtio-blk: block sizes must be powers of two from 512 to 32768");
    } else {
        return true;
    }
    return false;
}

static void offer_features(struct virtio_blk *b)
{
    b->t.v.features = VIRTIO_BIT(F_SEG_MAX) | VIRTIO_BIT(F_GEOMETRY) | VIRTIO_BIT(F_BLOCK_SIZE) |
        VIRTIO_BIT(F_FLUSH) | VIRTIO_BIT(F_TOPOLOGY);
    b->t.v.features |= block_readonly(b->block) ? VIRTIO_BIT(F_READ_ONLY) : 0;
    b->t.v.features |= b->queues > 1 ? VIRTIO_BIT(F_QUEUES) : 0;
    b->t.v.features |= b->config_wce ? VIRTIO_BIT(F_CONFIG_WCE) : 0;
    if (!block_readonly(b->block)) {
        b->t.v.features |= b->discard ? VIRTIO_BIT(F_DISCARD) : 0;
        b->t.v.features |= b->write_zeroes ? VIRTIO_BIT(F_WRITE_ZEROES) : 0;
    }
}

static bool blk_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-blk", .id = 2, .get_config = get_config, .set_config = set_config,
        .changed = status_changed, .reset = driver_reset,
    };
    static const struct virtio_pci_id id = { 0x1001, 0x010000 };
    static const struct block_device_ops ops = { .resized = resized };
    struct virtio_blk *b = (struct virtio_blk *)dev;

    b->physical = MAX_OF(b->physical, b->logical);
    if (!check_properties(b, err) || !block_attach(b->block, &ops, b, err)) {
        return false;
    }
    if (!b->serial && block_serial(b->block)) {
        b->serial = strdup(block_serial(b->block));
    }
    read_size(b);
    ide_guess_geometry(b->block, &b->geometry);
    b->write_cache = block_write_cache(b->block);
    b->t.v.kind = &kind;
    b->t.v.s = &b->s.transport.core;
    b->t.v.config_size = CONFIG_SIZE;
    offer_features(b);
    for (unsigned n = 0; n < b->queues; n++) {
        virtio_add_queue(&b->t.v, b->queue_size, serve);
    }
    if (!virtio_pci_init(&b->t, &id, &b->s.transport, err)) {
        block_detach(b->block);
        return false;
    }
    machine_on_run_change(run_changed, b);
    return true;
}

static void blk_exit(struct device *dev)
{
    struct virtio_blk *b = (struct virtio_blk *)dev;

    machine_forget_run_change(run_changed, b);
    drop_requests(b);
    block_detach(b->block);
    virtio_pci_exit(&b->t);
}

/* Others under way are waited for. */
static bool blk_can_save(struct device *dev, struct error **err)
{
    const struct virtio_blk *b = (struct virtio_blk *)dev;

    for (const struct request *r = b->first; r; r = r->next) {
        if (r->retry) {
            error_set(err, "drive '%s' waits to repeat a request that failed; let the machine go "
                      "on first (cont)", block_id(b->block));
            return false;
        }
    }
    return true;
}

static bool blk_loaded(struct device *dev, struct error **err)
{
    struct virtio_blk *b = (struct virtio_blk *)dev;

    block_set_write_cache(b->block, b->s.write_cache);
    return virtio_pci_loaded(dev, err);
}

static const struct property blk_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_blk, t),
    PROP_DRIVE("drive", virtio_blk, block), PROP_STRING("serial", virtio_blk, serial, NULL),
    PROP_UINT("bootindex", virtio_blk, boot_index, UINT32_MAX),
    PROP_UINT("num-queues", virtio_blk, queues, 1),
    PROP_UINT("queue-size", virtio_blk, queue_size, 256),
    PROP_UINT("logical_block_size", virtio_blk, logical, 512),
    PROP_UINT("physical_block_size", virtio_blk, physical, 512),
    PROP_BOOL("discard", virtio_blk, discard, true),
    PROP_BOOL("write-zeroes", virtio_blk, write_zeroes, true),
    PROP_BOOL("config-wce", virtio_blk, config_wce, true), PROPERTIES_END
};

DEVICE(virtio_blk) = {
    .name = "virtio-blk-pci", .alias = "virtio-blk", .desc = "Virtio disk", .bus = "pci",
    .size = sizeof(struct virtio_blk), .properties = blk_properties, .init = blk_init,
    .exit = blk_exit, .reset = virtio_pci_reset, .reset_lines = virtio_pci_reset_lines,
    .can_save = blk_can_save, .loaded = blk_loaded,
    .state = STATE(virtio_blk, s, virtio_blk_state, 1),
};

bool virtio_blk_create_drives(struct error **err)
{
    for (unsigned unit = 0; unit < DRIVES_MAX; unit++) {
        struct block *block = block_find_drive(BLOCK_IF_VIRTIO, 0, unit);
        struct device *dev = block ? device_create("virtio-blk-pci", err) : NULL;

        if (!block) {
            continue;
        }
        device_set_pointer(dev, "drive", block);
        if (!device_realize(dev, err)) {
            device_destroy(dev);
            return false;
        }
    }
    return true;
}
