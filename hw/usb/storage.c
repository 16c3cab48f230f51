/* SPDX-License-Identifier: GPL-2.0-or-later */
/* USB mass storage, bulk-only transport (revision 1.0), with a SCSI disk inside. */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "hw/scsi/scsi.h"
#include "hw/usb/usb.h"

#define CBW_SIZE 31
#define CSW_SIZE 13
#define CBW_SIGNATURE 0x43425355u
#define CSW_SIGNATURE 0x53425355u

enum { REQUEST_RESET = 0xff, REQUEST_MAX_LUN = 0xfe };
enum { ENDPOINT_IN = 1, ENDPOINT_OUT = 2 };
enum { MODE_COMMAND, MODE_DATA_IN, MODE_DATA_OUT, MODE_STATUS };
enum { CSW_PASSED, CSW_FAILED, CSW_PHASE_ERROR };

struct usb_storage {
    struct usb_device usb;
    struct block *block;
    struct scsi_bus bus;
    struct scsi_target *target;
    struct usb_storage_state {
        uint8_t mode;
        uint32_t tag, left;         /* bytes of data that the host still expects to move */
    } s;
};
FIELDS(usb_storage_state) = {
    FIELD(usb_storage_state, mode), FIELD(usb_storage_state, tag), FIELD(usb_storage_state, left),
    FIELDS_END
};

static const char *const strings[] = { "QEMU", "QEMU USB HARDDRIVE", "1", NULL };
static const uint8_t device_descriptor[] = {
    18, 1, 0x00, 0x02, 0, 0, 0, 64, 0xf4, 0x46, 0x01, 0x00, 0, 0, 1, 2, 3, 1
};
static const uint8_t config_descriptor[] = {
    9, 2, 32, 0, 1, 1, 0, 0xc0, 0,
    9, 4, 0, 0, 2, 8, 6, 0x50, 0,                    /* SCSI, bulk only */
    7, 5, 0x80 | ENDPOINT_IN, 2, 64, 0, 0,
    7, 5, ENDPOINT_OUT, 2, 64, 0, 0
};

static struct usb_storage *storage_of(struct usb_device *d)
{
    return (struct usb_storage *)d;
}

static void forget_command(struct usb_device *d)
{
    struct usb_storage *m = storage_of(d);

    if (m->target->s.phase != SCSI_IDLE) {
        scsi_cancel(m->target);
    }
    m->s = (struct usb_storage_state){ .mode = MODE_COMMAND };
}

static int storage_control(struct usb_device *d, const struct usb_setup *setup, uint8_t *data)
{
    if ((setup->type & USB_KIND) != USB_CLASS) {
        return USB_STALL;
    }
    switch (setup->request) {
    case REQUEST_RESET:
        forget_command(d);
        return 0;
    case REQUEST_MAX_LUN:
        data[0] = 0;
        return 1;
    default: return USB_STALL;
    }
}

/* --- commands -------------------------------------------------------------------------------- */

static int take_command(struct usb_storage *m, const uint8_t *cbw, unsigned size)
{
    uint8_t length = size == CBW_SIZE ? cbw[14] & 31 : 0;

    if (size != CBW_SIZE || ld32_le(cbw) != CBW_SIGNATURE || !length || length > 16) {
        log_guest_error("usb-storage: no command block");
        usb_halt(&m->usb, ENDPOINT_IN, true);
        usb_halt(&m->usb, ENDPOINT_OUT, false);
        return USB_STALL;
    }
    m->s.tag = ld32_le(cbw + 4);
    m->s.left = ld32_le(cbw + 8);
    m->s.mode = !m->s.left ? MODE_STATUS : cbw[12] & 0x80 ? MODE_DATA_IN : MODE_DATA_OUT;
    scsi_command(m->target, cbw[13] & 15, cbw + 15, length);
    return CBW_SIZE;
}

static int send_status(struct usb_storage *m, uint8_t *data, unsigned size)
{
    struct scsi_target *t = m->target;
    bool phase_error = t->s.phase != SCSI_STATUS;

    if (t->s.phase == SCSI_BUSY) {
        return USB_NAK;
    }
    if (size < CSW_SIZE) {
        return USB_BABBLE;
    }
    st32_le(data, CSW_SIGNATURE);
    st32_le(data + 4, m->s.tag);
    st32_le(data + 8, m->s.left);
    data[12] = phase_error ? CSW_PHASE_ERROR : t->s.status == SCSI_GOOD ? CSW_PASSED : CSW_FAILED;
    if (phase_error) {
        scsi_cancel(t);              /* it wants to move data that the host does not */
    } else {
        scsi_finish(t);
    }
    m->s.mode = MODE_COMMAND;
    return CSW_SIZE;
}

/* --- data ------------------------------------------------------------------------------------ */

/* The target has no more although the host expects some: it stalls, then comes the status. */
static int end_short(struct usb_storage *m, unsigned endpoint, bool in)
{
    m->s.mode = MODE_STATUS;
    usb_halt(&m->usb, endpoint, in);
    return USB_STALL;
}

static int data_in(struct usb_storage *m, uint8_t *data, unsigned size)
{
    struct scsi_target *t = m->target;
    unsigned done = 0, wanted = MIN_OF(size, m->s.left);

    while (done < wanted && t->s.phase == SCSI_DATA_IN) {
        unsigned part = MIN_OF(wanted - done, scsi_size(t));

        memcpy(data + done, scsi_data(t), part);
        done += part;
        scsi_move(t, part);
    }
    if (!done) {
        return t->s.phase == SCSI_BUSY ? USB_NAK : end_short(m, ENDPOINT_IN, true);
    }
    m->s.left -= done;
    /* A short packet ends the data as well. */
    if (!m->s.left || (done < size && t->s.phase == SCSI_STATUS)) {
        m->s.mode = MODE_STATUS;
    }
    return (int)done;
}

static int data_out(struct usb_storage *m, const uint8_t *data, unsigned size)
{
    struct scsi_target *t = m->target;
    unsigned done = 0;

    if (t->s.phase == SCSI_BUSY) {
        return USB_NAK;
    }
    if (size > m->s.left || t->s.phase != SCSI_DATA_OUT) {
        return end_short(m, ENDPOINT_OUT, false);
    }
    /* Packets divide blocks evenly: the target never becomes busy inside of one. */
    while (done < size && t->s.phase == SCSI_DATA_OUT) {
        unsigned part = MIN_OF(size - done, scsi_size(t));

        memcpy(scsi_data(t), data + done, part);
        done += part;
        scsi_move(t, part);
    }
    m->s.left -= size;
    if (!m->s.left) {
        m->s.mode = MODE_STATUS;
    }
    return (int)size;
}

static int storage_data(struct usb_device *d, enum usb_pid pid, unsigned endpoint, uint8_t *data,
                        unsigned size)
{
    struct usb_storage *m = storage_of(d);

    if (pid == USB_OUT && endpoint == ENDPOINT_OUT) {
        switch (m->s.mode) {
        case MODE_COMMAND: return take_command(m, data, size);
        case MODE_DATA_OUT: return data_out(m, data, size);
        default: return USB_STALL;
        }
    }
    if (pid == USB_IN && endpoint == ENDPOINT_IN) {
        switch (m->s.mode) {
        case MODE_DATA_IN: return data_in(m, data, size);
        case MODE_DATA_OUT:          /* the target refused the data */
            if (m->target->s.phase != SCSI_STATUS) {
                return USB_NAK;
            }
            m->s.mode = MODE_STATUS;
            return send_status(m, data, size);
        case MODE_STATUS: return send_status(m, data, size);
        default: return USB_NAK;
        }
    }
    return USB_STALL;
}

static const struct usb_function function = {
    .device = device_descriptor, .config = config_descriptor, .strings = strings,
    .serial_string = 3, .speed = USB_FULL, .control = storage_control, .data = storage_data,
    .reset = forget_command,
};

/* --- life ------------------------------------------------------------------------------------ */

static bool storage_init(struct device *dev, struct error **err)
{
    struct usb_storage *m = (struct usb_storage *)dev;
    struct device *disk;

    if (!m->block) {
        error_set(err, "usb-storage: drive property not set");
        return false;
    }
    m->usb.function = &function;
    scsi_bus_init(&m->bus, "usb-storage", dev, NULL, NULL);
    disk = device_create(block_type(m->block) == BLOCK_CDROM ? "scsi-cd" : "scsi-hd", err);
    if (!disk) {
        bus_fini(&m->bus.bus);
        return false;
    }
    disk->bus = &m->bus.bus;
    device_set_pointer(disk, "drive", m->block);
    if (!device_realize(disk, err)) {
        device_destroy(disk);
        bus_fini(&m->bus.bus);
        return false;
    }
    m->target = (struct scsi_target *)disk;
    usb_plug(&m->usb);
    return true;
}

static void storage_exit(struct device *dev)
{
    struct usb_storage *m = (struct usb_storage *)dev;

    bus_fini(&m->bus.bus);
}

static void storage_reset(struct device *dev)
{
    forget_command((struct usb_device *)dev);
}

static bool storage_loaded(struct device *dev, struct error **err)
{
    if (((struct usb_storage *)dev)->s.mode > MODE_STATUS) {
        error_set(err, "usb-storage: impossible state");
        return false;
    }
    return true;
}

static const struct property properties[] = { PROP_DRIVE("drive", usb_storage, block), { 0 } };

DEVICE(usb_storage) = {
    .name = "usb-storage", .desc = "USB disk", .bus = "usb-bus",
    .size = sizeof(struct usb_storage), .properties = properties, .init = storage_init,
    .exit = storage_exit, .reset = storage_reset,
    .state = STATE(usb_storage, s, usb_storage_state, 1), .loaded = storage_loaded,
};
