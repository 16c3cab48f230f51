/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chip's side of the SCSI bus: selection, messages, and the phases that a target asks for.
 *
 * Targets answer at once and stay on the bus until their command is over. Transfers are narrow and
 * asynchronous: they reject what would negotiate something else.
 */
#include <string.h>

#include "hw/scsi/lsi53c895a.h"

enum {
    MESSAGE_COMPLETE = 0x00, MESSAGE_EXTENDED = 0x01, MESSAGE_ABORT = 0x06, MESSAGE_REJECT = 0x07,
    MESSAGE_RESET = 0x0c, MESSAGE_ABORT_TAG = 0x0d, MESSAGE_TAG_FIRST = 0x20,
    MESSAGE_TAG_LAST = 0x23, MESSAGE_IDENTIFY = 0x80
};

static struct scsi_target *target(struct lsi *lsi)
{
    bool connected = lsi->s.registers[LSI_SCNTL1] & SCNTL1_CONNECTED;

    return connected ? lsi->bus.targets[lsi->s.target % SCSI_TARGETS] : NULL;
}

enum lsi_phase lsi_phase(struct lsi *lsi)
{
    struct scsi_target *t = target(lsi);

    if (!t) {
        return lsi->s.no_answer ? LSI_NOT_YET : LSI_BUS_FREE;
    }
    if (lsi->s.attention) {
        return LSI_MESSAGE_OUT;
    }
    if (lsi->s.message_pending) {
        return LSI_MESSAGE_IN;
    }
    if (!lsi->s.has_command) {
        return LSI_COMMAND;
    }
    switch (t->s.phase) {
    case SCSI_DATA_IN: return LSI_DATA_IN;
    case SCSI_DATA_OUT: return LSI_DATA_OUT;
    case SCSI_STATUS: return LSI_STATUS;
    case SCSI_BUSY: return LSI_NOT_YET;
    default: return LSI_BUS_FREE;
    }
}

bool lsi_select(struct lsi *lsi, unsigned id, bool attention)
{
    struct lsi_state *s = &lsi->s;

    s->registers[LSI_SDID] = (uint8_t)id;
    if (!lsi->bus.targets[id % SCSI_TARGETS]) {
        return false;
    }
    s->target = (uint8_t)id;
    s->attention = attention;
    s->has_command = s->message_pending = false;
    s->message_size = 0;
    s->lun = 0;
    s->registers[LSI_SCNTL1] |= SCNTL1_CONNECTED;
    s->registers[LSI_SSID] = 0x80 | (uint8_t)id;
    return true;
}

void lsi_disconnect(struct lsi *lsi)
{
    struct scsi_target *t = target(lsi);

    if (t && t->s.phase != SCSI_IDLE) {
        scsi_cancel(t);
    }
    lsi->s.registers[LSI_SCNTL1] &= (uint8_t)~SCNTL1_CONNECTED;
    lsi->s.attention = lsi->s.message_pending = lsi->s.has_command = false;
    lsi->s.no_answer = false;
}

/* --- messages -------------------------------------------------------------------------------- */

static void send_message(struct lsi *lsi, uint8_t message)
{
    lsi->s.message_in = message;
    lsi->s.message_pending = true;
}

/* One message of those received; its length, or 0 if it is not complete. */
static unsigned take_message(struct lsi *lsi, const uint8_t *m, unsigned size)
{
    unsigned length;

    switch (m[0]) {
    case MESSAGE_EXTENDED:
        length = size >= 2 ? m[1] + 2u : 0;
        if (!length || length > size) {
            return 0;
        }
        send_message(lsi, MESSAGE_REJECT);
        return length;
    case MESSAGE_ABORT:
    case MESSAGE_ABORT_TAG:
        lsi_disconnect(lsi);
        return size;
    case MESSAGE_RESET:
        device_reset(&target(lsi)->dev);
        lsi_disconnect(lsi);
        return size;
    case MESSAGE_TAG_FIRST ... MESSAGE_TAG_LAST:
        return size >= 2 ? 2 : 0;
    case MESSAGE_IDENTIFY ... 0xff:
        lsi->s.lun = m[0] & 7;
        return 1;
    default:                         /* no operation, parity errors and the like */
        return 1;
    }
}

static void message_out(struct lsi *lsi, const uint8_t *data, uint32_t size)
{
    struct lsi_state *s = &lsi->s;
    unsigned at = 0;

    size = MIN_OF(size, sizeof(s->message) - s->message_size);
    memcpy(s->message + s->message_size, data, size);
    s->message_size += size;
    while (at < s->message_size && target(lsi)) {
        unsigned length = take_message(lsi, s->message + at, s->message_size - at);

        if (!length) {
            break;
        }
        at += length;
    }
    s->message_size -= at;
    memmove(s->message, s->message + at, s->message_size);
    s->attention = s->message_size != 0;
}

/* The script lowers attention before the last byte; what is left unfinished is forgotten. */
void lsi_clear_attention(struct lsi *lsi)
{
    lsi->s.attention = false;
    lsi->s.message_size = 0;
}

/* --- moving ---------------------------------------------------------------------------------- */

static bool move_data(struct lsi *lsi, bool in, uint32_t address, uint32_t size)
{
    struct scsi_target *t = target(lsi);
    bool good = in ? lsi_write(lsi, address, scsi_data(t), size)
                   : lsi_read(lsi, address, scsi_data(t), size);

    if (good) {
        if (in) {
            lsi->s.registers[LSI_SFBR] = *scsi_data(t);
        }
        scsi_move(t, size);
    }
    return good;
}

static bool put_byte(struct lsi *lsi, uint32_t address, uint8_t byte)
{
    lsi->s.registers[LSI_SFBR] = byte;
    return lsi_write(lsi, address, &byte, 1);
}

static void message_was_sent(struct lsi *lsi)
{
    lsi->s.message_pending = false;
    if (lsi->s.message_in == MESSAGE_COMPLETE) {
        scsi_finish(target(lsi));
        lsi_disconnect(lsi);
    }
}

uint32_t lsi_transfer(struct lsi *lsi, enum lsi_phase phase, uint32_t address, uint32_t size)
{
    struct scsi_target *t = target(lsi);
    uint8_t bytes[32];

    switch (phase) {
    case LSI_DATA_IN:
    case LSI_DATA_OUT:
        size = MIN_OF(size, scsi_size(t));
        return move_data(lsi, phase == LSI_DATA_IN, address, size) ? size : 0;
    case LSI_COMMAND:
        size = MIN_OF(size, 16u);
        if (!lsi_read(lsi, address, bytes, size)) {
            return 0;
        }
        lsi->s.has_command = true;
        lsi->s.registers[LSI_SFBR] = bytes[0];
        scsi_command(t, lsi->s.lun, bytes, size);
        return size;
    case LSI_MESSAGE_OUT:
        size = MIN_OF(size, (uint32_t)sizeof(bytes));
        if (!lsi_read(lsi, address, bytes, size)) {
            return 0;
        }
        lsi->s.registers[LSI_SFBR] = bytes[0];
        message_out(lsi, bytes, size);
        return size;
    case LSI_STATUS:
        if (!put_byte(lsi, address, t->s.status)) {
            return 0;
        }
        send_message(lsi, MESSAGE_COMPLETE);
        return 1;
    default:
        if (!put_byte(lsi, address, lsi->s.message_in)) {
            return 0;
        }
        message_was_sent(lsi);
        return 1;
    }
}
