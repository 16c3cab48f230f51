/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks and CD-ROM drives on SCSI: phases, data in and out of the buffer, the medium. */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/machine.h"
#include "hw/scsi/scsi.h"

static struct scsi_bus *bus_of(struct scsi_target *t)
{
    return (struct scsi_bus *)t->dev.bus;
}

/* --- how commands end ------------------------------------------------------------------------ */

static void end(struct scsi_target *t, uint8_t status)
{
    t->s.status = status;
    t->s.phase = SCSI_STATUS;
    t->s.at = t->s.end = 0;
    t->s.left = 0;
}

void scsi_good(struct scsi_target *t)
{
    end(t, SCSI_GOOD);
}

void scsi_fail(struct scsi_target *t, uint8_t key, uint8_t code, uint8_t qualifier)
{
    t->s.sense = (struct scsi_sense){ key, code, qualifier };
    end(t, SCSI_CHECK_CONDITION);
}

void scsi_invalid_field(struct scsi_target *t)
{
    scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x24, 0);
}

void scsi_reply(struct scsi_target *t, uint32_t size, uint32_t allowed)
{
    t->s.at = 0;
    t->s.end = MIN_OF(MIN_OF(size, allowed), SCSI_BUFFER);
    t->s.left = 0;
    if (t->s.end) {
        t->s.phase = SCSI_DATA_IN;
    } else {
        scsi_good(t);
    }
}

void scsi_want(struct scsi_target *t, uint32_t size)
{
    if (!size) {
        scsi_good(t);
        return;
    }
    if (size > SCSI_BUFFER) {
        scsi_invalid_field(t);
        return;
    }
    t->s.at = 0;
    t->s.end = size;
    t->s.left = 0;
    t->s.phase = SCSI_DATA_OUT;
}

static void io_error(struct scsi_target *t, int result)
{
    switch (-result) {
    case ENOMEDIUM: scsi_fail(t, SENSE_NOT_READY, 0x3a, 0); break;
    case ENOSPC: scsi_fail(t, SENSE_DATA_PROTECT, 0x27, 7); break;
    case EROFS:
    case EPERM:
    case EACCES: scsi_fail(t, SENSE_DATA_PROTECT, 0x27, 0); break;
    default:
        scsi_fail(t, SENSE_MEDIUM_ERROR, t->request.op == BLOCK_READ ? 0x11 : 0x0c, 0);
        break;
    }
}

/* --- the medium ------------------------------------------------------------------------------ */

uint64_t scsi_blocks(struct scsi_target *t)
{
    int64_t length;

    if (!t->block || t->s.tray_open || !block_inserted(t->block)) {
        return 0;
    }
    length = block_length(t->block);
    return length < 0 ? 0 : (uint64_t)length / t->block_size;
}

/* A failure that shall stop the machine leaves the request for when it goes on. */
static bool stops(struct scsi_target *t, int result)
{
    if (result >= 0 ||
        block_error_action(t->block, t->request.op == BLOCK_READ, result) != BLOCK_ERROR_STOP) {
        return false;
    }
    t->retry = true;
    machine_stop_on_error();
    return true;
}

static void request_done(struct block_request *request, int result)
{
    struct scsi_target *t = request->opaque;
    bool is_read = request->op == BLOCK_READ, dropped = t->dropped;

    t->in_flight = t->dropped = false;
    if (dropped || stops(t, result)) {
        return;
    }
    if (result < 0 && block_error_action(t->block, is_read, result) == BLOCK_ERROR_IGNORE) {
        result = 0;
    }
    t->done(t, result);
    if (t->s.phase != SCSI_BUSY && bus_of(t)->ready) {
        bus_of(t)->ready(bus_of(t)->opaque, t);
    }
}

void scsi_submit(struct scsi_target *t, enum block_op op, uint64_t offset, uint64_t size,
                 void (*done)(struct scsi_target *t, int result))
{
    t->done = done;
    t->s.phase = SCSI_BUSY;
    t->request = (struct block_request){
        .op = op, .offset = offset, .size = size, .data = t->s.buffer, .done = request_done,
        .opaque = t,
    };
    t->in_flight = true;
    block_submit(t->block, &t->request);
}

static void run_changed(void *opaque, bool running)
{
    struct scsi_target *t = opaque;

    if (running && t->retry) {
        t->retry = false;
        t->in_flight = true;
        block_submit(t->block, &t->request);
    }
}

/* --- data phases ----------------------------------------------------------------------------- */

static uint64_t chunk(const struct scsi_target *t)
{
    return MIN_OF(t->s.left, (uint64_t)SCSI_BUFFER / t->block_size);
}

static void fetched(struct scsi_target *t, int result)
{
    uint64_t blocks = t->request.size / t->block_size;

    if (result < 0) {
        io_error(t, result);
        return;
    }
    t->s.lba += blocks;
    t->s.left -= blocks;
    t->s.at = 0;
    t->s.end = (uint32_t)t->request.size;
    t->s.phase = SCSI_DATA_IN;
}

static void fetch(struct scsi_target *t)
{
    scsi_submit(t, BLOCK_READ, t->s.lba * t->block_size, chunk(t) * t->block_size, fetched);
}

static void want_blocks(struct scsi_target *t)
{
    t->s.at = 0;
    t->s.end = (uint32_t)(chunk(t) * t->block_size);
    t->s.phase = SCSI_DATA_OUT;
}

static void stored(struct scsi_target *t, int result)
{
    uint64_t blocks = t->request.size / t->block_size;

    if (result < 0) {
        io_error(t, result);
        return;
    }
    t->s.lba += blocks;
    t->s.left -= blocks;
    if (t->s.left) {
        want_blocks(t);
    } else {
        scsi_good(t);
    }
}

static bool range_good(struct scsi_target *t, uint64_t lba, uint64_t count)
{
    uint64_t total = scsi_blocks(t);

    if (lba > total || count > total - lba) {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x21, 0);
        return false;
    }
    t->s.lba = lba;
    t->s.left = count;
    if (!count) {
        scsi_good(t);
    }
    return count != 0;
}

void scsi_read_blocks(struct scsi_target *t, uint64_t lba, uint64_t count)
{
    if (range_good(t, lba, count)) {
        fetch(t);
    }
}

void scsi_write_blocks(struct scsi_target *t, uint64_t lba, uint64_t count)
{
    if (block_readonly(t->block)) {
        scsi_fail(t, SENSE_DATA_PROTECT, 0x27, 0);
    } else if (range_good(t, lba, count)) {
        want_blocks(t);
    }
}

void scsi_move(struct scsi_target *t, uint32_t size)
{
    t->s.at += MIN_OF(size, scsi_size(t));
    if (t->s.at < t->s.end) {
        return;
    }
    if (t->s.phase == SCSI_DATA_IN) {
        if (t->s.left) {
            fetch(t);
        } else {
            scsi_good(t);
        }
    } else if (t->s.phase == SCSI_DATA_OUT) {
        if (t->s.left) {
            scsi_submit(t, BLOCK_WRITE, t->s.lba * t->block_size, t->s.end, stored);
        } else {
            scsi_parameters(t);
        }
    }
}

/* --- commands -------------------------------------------------------------------------------- */

void scsi_command(struct scsi_target *t, unsigned lun, const uint8_t *cdb, unsigned size)
{
    memset(t->s.cdb, 0, sizeof(t->s.cdb));
    memcpy(t->s.cdb, cdb, MIN_OF(size, sizeof(t->s.cdb)));
    t->s.phase = SCSI_BUSY;
    t->s.at = t->s.end = 0;
    t->s.left = 0;
    if (lun != 0 && t->s.cdb[0] != 0x03 && t->s.cdb[0] != 0x12) {
        scsi_fail(t, SENSE_ILLEGAL_REQUEST, 0x25, 0);
    } else if (lun != 0 && t->s.cdb[0] == 0x12) {
        memset(t->s.buffer, 0, 36);
        t->s.buffer[0] = 0x7f;                       /* no such unit */
        t->s.buffer[4] = 31;
        scsi_reply(t, 36, ld16_be(t->s.cdb + 3));
    } else {
        scsi_execute(t);
    }
}

void scsi_finish(struct scsi_target *t)
{
    t->s.phase = SCSI_IDLE;
}

void scsi_cancel(struct scsi_target *t)
{
    t->retry = false;
    if (t->in_flight && !block_cancel(&t->request)) {
        t->dropped = true;
        block_drain(t->block);
    }
    t->in_flight = false;
    t->s.phase = SCSI_IDLE;
    t->s.at = t->s.end = 0;
    t->s.left = 0;
}

/* --- life ------------------------------------------------------------------------------------ */

static void medium_changed(void *opaque, bool inserted)
{
    struct scsi_target *t = opaque;

    t->s.medium_changed = t->s.event = inserted;
    t->s.tray_open = false;
}

static bool tray_open(void *opaque)
{
    return ((struct scsi_target *)opaque)->s.tray_open;
}

static bool locked(void *opaque)
{
    return ((struct scsi_target *)opaque)->s.locked;
}

static bool target_init(struct device *dev, struct error **err)
{
    static const struct block_device_ops ops = {
        .changed = medium_changed, .tray_open = tray_open, .locked = locked
    };
    struct scsi_target *t = (struct scsi_target *)dev;

    t->is_cd = strcmp(dev->class->name, "scsi-cd") == 0;
    t->block_size = t->is_cd ? 2048 : 512;
    if (!t->block && !t->is_cd) {
        error_set(err, "scsi-hd: drive property not set");
        return false;
    }
    if (t->block && !t->is_cd && !block_inserted(t->block)) {
        error_set(err, "scsi-hd: the drive '%s' is empty", block_id(t->block));
        return false;
    }
    if (t->block && !block_attach(t->block, &ops, t, err)) {
        return false;
    }
    machine_on_run_change(run_changed, t);
    return true;
}

static void target_exit(struct device *dev)
{
    struct scsi_target *t = (struct scsi_target *)dev;

    scsi_cancel(t);
    machine_forget_run_change(run_changed, t);
    if (t->block) {
        block_detach(t->block);
    }
}

static void target_reset(struct device *dev)
{
    struct scsi_target *t = (struct scsi_target *)dev;
    bool open = t->s.tray_open;

    scsi_cancel(t);
    memset(&t->s, 0, sizeof(t->s));
    t->s.attention = true;
    t->s.tray_open = open;
}

static bool target_can_save(struct device *dev, struct error **err)
{
    struct scsi_target *t = (struct scsi_target *)dev;

    if (t->retry) {
        error_set(err, "drive '%s' waits to repeat a request that failed; let the machine go on "
                  "first (cont)", block_id(t->block));
    }
    return !t->retry;
}

static bool target_loaded(struct device *dev, struct error **err)
{
    const struct scsi_target_state *s = &((struct scsi_target *)dev)->s;

    if (s->at > s->end || s->end > SCSI_BUFFER || s->phase > SCSI_STATUS) {
        error_set(err, "%s: impossible transfer", dev->class->name);
        return false;
    }
    return true;
}

#define TARGET_PROPERTIES(product_name)                                                            \
    { PROP_DRIVE("drive", scsi_target, block), PROP_STRING("serial", scsi_target, serial, NULL),   \
      PROP_UINT("bootindex", scsi_target, boot_index, UINT32_MAX),                                 \
      PROP_STRING("vendor", scsi_target, vendor, "QEMU"),                                          \
      PROP_STRING("product", scsi_target, product, product_name),                                  \
      PROP_STRING("ver", scsi_target, version, "2.5+"), PROPERTIES_END }
static const struct property hd_properties[] = TARGET_PROPERTIES("QEMU HARDDISK");
static const struct property cd_properties[] = TARGET_PROPERTIES("QEMU CD-ROM");

DEVICE(scsi_hd) = {
    .name = "scsi-hd", .desc = "virtual SCSI disk", .bus = "SCSI",
    .size = sizeof(struct scsi_target), .properties = hd_properties, .init = target_init,
    .exit = target_exit, .reset = target_reset,
    .state = STATE(scsi_target, s, scsi_target_state, 1), .loaded = target_loaded,
    .can_save = target_can_save,
};

DEVICE(scsi_cd) = {
    .name = "scsi-cd", .desc = "virtual SCSI CD-ROM", .bus = "SCSI",
    .size = sizeof(struct scsi_target), .properties = cd_properties, .init = target_init,
    .exit = target_exit, .reset = target_reset,
    .state = STATE(scsi_target, s, scsi_target_state, 1), .loaded = target_loaded,
    .can_save = target_can_save,
};
