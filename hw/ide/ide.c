/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ATA channel: task file registers of two drives, selection, interrupts, software reset. */
#include "hw/ide/drive.h"

#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/core/machine.h"

enum {
    REG_DATA, REG_ERROR, REG_COUNT, REG_LBA_LOW, REG_LBA_MID, REG_LBA_HIGH, REG_SELECT, REG_STATUS
};

/* --- interrupts and results ------------------------------------------------------------------ */

void ide_channel_update_irq(struct ide_channel *channel)
{
    irq_set(channel->irq, channel->s->irq_pending && !(channel->s->control & IDE_CONTROL_NIEN));
}

static void set_pending(struct ide_channel *channel, bool on)
{
    channel->s->irq_pending = on;
    ide_channel_update_irq(channel);
}

void ide_raise_irq(struct ide_drive *drive)
{
    set_pending(drive->channel, true);
}

void ide_complete(struct ide_drive *drive)
{
    drive->s.status = IDE_STATUS_IDLE;
    drive->s.error = 0;
    drive->s.phase = IDE_PHASE_NONE;
    ide_raise_irq(drive);
}

void ide_fail(struct ide_drive *drive, uint8_t error)
{
    if (ide_is_queued(drive)) {
        ide_log_queued(drive, error);
    }
    drive->s.status = IDE_STATUS_IDLE | IDE_STATUS_ERROR;
    drive->s.error = error;
    drive->s.phase = IDE_PHASE_NONE;
    ide_raise_irq(drive);
}

void ide_set_signature(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    s->select &= 0xf0;
    s->count = s->lba_low = 1;
    s->lba_mid = drive->is_cdrom ? 0x14 : 0;
    s->lba_high = drive->is_cdrom ? 0xeb : 0;
}

void ide_drive_reset_registers(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    s->phase = IDE_PHASE_NONE;
    s->error = 1;
    s->status = drive->is_cdrom ? 0 : IDE_STATUS_IDLE;
    s->select = 0xa0;
    s->at = s->block_end = s->end = 0;
    s->left = s->packet_left = 0;
    ide_set_signature(drive);
}

/* --- requests to the medium ------------------------------------------------------------------ */

static void request_done(struct block_request *request, int result)
{
    struct ide_drive *drive = container_of(request, struct ide_drive, request);
    void (*done)(struct ide_drive *drive, int result) = drive->done;

    drive->in_flight = false;
    if (drive->dropped) {
        drive->dropped = false;
        return;
    }
    if (result < 0) {
        switch (block_error_action(drive->block, request->op == BLOCK_READ, result)) {
        case BLOCK_ERROR_STOP:
            drive->retry = true;
            machine_stop_on_error();
            return;
        case BLOCK_ERROR_IGNORE:
            result = 0;
            break;
        case BLOCK_ERROR_REPORT:
            break;
        }
    }
    done(drive, result);
    if (drive->channel->dma && drive->channel->dma->settled) {
        drive->channel->dma->settled(drive->channel->dma_opaque);
    }
}

void ide_retry(struct ide_drive *drive)
{
    if (drive->retry) {
        drive->retry = false;
        drive->in_flight = true;
        block_submit(drive->block, &drive->request);
    }
}

void ide_submit(struct ide_drive *drive, enum block_op op, uint64_t offset, void *data,
                uint32_t size, void (*done)(struct ide_drive *drive, int result))
{
    drive->request = (struct block_request){
        .op = op, .offset = offset, .size = size, .data = data, .done = request_done,
    };
    drive->done = done;
    drive->in_flight = true;
    block_submit(drive->block, &drive->request);
}

void ide_cancel(struct ide_drive *drive)
{
    drive->retry = false;
    if (!drive->in_flight) {
        return;
    }
    if (block_cancel(&drive->request)) {
        drive->in_flight = false;
        return;
    }
    drive->dropped = true;
    block_drain(drive->block);
}

/* --- PIO data -------------------------------------------------------------------------------- */

void ide_offer(struct ide_drive *drive, enum ide_phase phase, uint32_t start, uint32_t size)
{
    struct ide_drive_state *s = &drive->s;

    s->phase = (uint8_t)phase;
    s->at = start;
    s->block_end = start + size;
    s->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
}

void ide_block_moved(struct ide_drive *drive)
{
    drive->s.status &= (uint8_t)~IDE_STATUS_DRQ;
    switch (drive->s.phase) {
    case IDE_PHASE_REPLY:
        drive->s.status = IDE_STATUS_IDLE;
        drive->s.phase = IDE_PHASE_NONE;
        break;
    case IDE_PHASE_READ:
    case IDE_PHASE_WRITE:
        ide_sectors_moved(drive);
        break;
    case IDE_PHASE_PACKET:
        atapi_packet(drive);
        break;
    case IDE_PHASE_PACKET_IN:
        atapi_block_moved(drive);
        break;
    }
}

static bool is_input(const struct ide_drive *drive)
{
    uint8_t phase = drive->s.phase;
    return phase == IDE_PHASE_REPLY || phase == IDE_PHASE_READ || phase == IDE_PHASE_PACKET_IN;
}

static bool is_output(const struct ide_drive *drive)
{
    uint8_t phase = drive->s.phase;
    return phase == IDE_PHASE_WRITE || phase == IDE_PHASE_PACKET;
}

static struct ide_drive *selected(const struct ide_channel *channel)
{
    return channel->drives[channel->s->selected];
}

static uint64_t data_read(struct ide_channel *channel, unsigned size)
{
    struct ide_drive *drive = selected(channel);
    uint64_t value;

    if (!drive || !(drive->s.status & IDE_STATUS_DRQ) || !is_input(drive)) {
        return 0;
    }
    size = MIN_OF(size, drive->s.block_end - drive->s.at);
    value = ld_le(drive->s.buffer + drive->s.at, size);
    drive->s.at += size;
    if (drive->s.at >= drive->s.block_end) {
        ide_block_moved(drive);
    }
    return value;
}

static void data_write(struct ide_channel *channel, uint64_t value, unsigned size)
{
    struct ide_drive *drive = selected(channel);

    if (!drive || !(drive->s.status & IDE_STATUS_DRQ) || !is_output(drive)) {
        return;
    }
    size = MIN_OF(size, drive->s.block_end - drive->s.at);
    st_le(drive->s.buffer + drive->s.at, size, value);
    drive->s.at += size;
    if (drive->s.at >= drive->s.block_end) {
        ide_block_moved(drive);
    }
}

/* --- task file ------------------------------------------------------------------------------- */

/* Both drives see every write, the old value moving into the "previous content" register. */
static void write_both(struct ide_channel *channel, unsigned reg, uint8_t value)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive_state *s = channel->drives[i] ? &channel->drives[i]->s : NULL;
        if (!s) {
            continue;
        }
        switch (reg) {
        case REG_ERROR:
            s->hob_feature = s->feature;
            s->feature = value;
            break;
        case REG_COUNT:
            s->hob_count = s->count;
            s->count = value;
            break;
        case REG_LBA_LOW:
            s->hob_low = s->lba_low;
            s->lba_low = value;
            break;
        case REG_LBA_MID:
            s->hob_mid = s->lba_mid;
            s->lba_mid = value;
            break;
        case REG_LBA_HIGH:
            s->hob_high = s->lba_high;
            s->lba_high = value;
            break;
        case REG_SELECT:
            s->select = value | 0xa0;
            break;
        }
    }
}

void ide_channel_command(struct ide_channel *channel, uint8_t command)
{
    struct ide_drive *drive = selected(channel);

    /* Both drives diagnose themselves, and the first one reports. */
    if (command == 0x90) {
        channel->s->selected = 0;
        for (unsigned i = 0; i < 2; i++) {
            if (channel->drives[i]) {
                ide_cancel(channel->drives[i]);
                ide_drive_reset_registers(channel->drives[i]);
            }
        }
        if (channel->drives[0] || channel->drives[1]) {
            set_pending(channel, true);
        }
        return;
    }
    if (!drive) {
        return;
    }
    if (drive->s.status & (IDE_STATUS_BUSY | IDE_STATUS_DRQ) &&
        !(command == 0x08 && drive->is_cdrom)) {
        log_guest_error("ide: command 0x%02x while drive %u is busy", command, drive->unit_number);
        return;
    }
    set_pending(channel, false);
    trace(ide_command, "channel %u drive %u command 0x%02x", channel->number, drive->unit_number,
          command);
    ide_execute(drive, command);
}

static void write_register(struct ide_channel *channel, unsigned reg, uint8_t value)
{
    channel->s->control &= (uint8_t)~IDE_CONTROL_HOB;
    if (reg == REG_STATUS) {
        ide_channel_command(channel, value);
        return;
    }
    if (reg == REG_SELECT) {
        channel->s->selected = value >> 4 & 1;
    }
    write_both(channel, reg, value);
}

static uint8_t read_register(struct ide_channel *channel, unsigned reg)
{
    struct ide_drive *drive = selected(channel);
    const struct ide_drive_state *s;
    bool hob = channel->s->control & IDE_CONTROL_HOB;

    if (!drive) {
        return 0;
    }
    s = &drive->s;
    switch (reg) {
    case REG_ERROR:
        return hob ? s->hob_feature : s->error;
    case REG_COUNT:
        return hob ? s->hob_count : s->count;
    case REG_LBA_LOW:
        return hob ? s->hob_low : s->lba_low;
    case REG_LBA_MID:
        return hob ? s->hob_mid : s->lba_mid;
    case REG_LBA_HIGH:
        return hob ? s->hob_high : s->lba_high;
    case REG_SELECT:
        return s->select;
    case REG_STATUS:
        set_pending(channel, false);
        return s->status;
    default:
        return 0xff;
    }
}

static uint64_t command_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ide_channel *channel = opaque;
    uint64_t value = 0;

    if (offset == REG_DATA && size > 1) {
        return data_read(channel, size);
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_register(channel, (unsigned)offset + i) << 8 * i;
    }
    return value;
}

static void command_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide_channel *channel = opaque;

    if (offset == REG_DATA && size > 1) {
        data_write(channel, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        write_register(channel, (unsigned)offset + i, (uint8_t)(value >> 8 * i));
    }
}

const struct mmio_ops ide_command_ops = { command_read, command_write, .min = 1, .max = 4 };

/* --- device control -------------------------------------------------------------------------- */

static uint64_t control_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ide_channel *channel = opaque;
    struct ide_drive *drive = selected(channel);

    return drive ? drive->s.status : 0;
}

void ide_channel_software_reset(struct ide_channel *channel, bool asserted)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *drive = channel->drives[i];
        if (!drive) {
            continue;
        }
        if (asserted) {
            ide_cancel(drive);
            drive->s.phase = IDE_PHASE_NONE;
            drive->s.status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
            drive->s.error = 1;
        } else {
            ide_drive_reset_registers(drive);
        }
    }
    if (asserted) {
        channel->s->selected = 0;
        channel->s->irq_pending = 0;
    }
}

static void control_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ide_channel *channel = opaque;
    uint8_t changed = channel->s->control ^ (uint8_t)value;

    channel->s->control = (uint8_t)value;
    if (changed & IDE_CONTROL_SRST) {
        ide_channel_software_reset(channel, value & IDE_CONTROL_SRST);
    }
    ide_channel_update_irq(channel);
}

const struct mmio_ops ide_control_ops = { control_read, control_write, .min = 1, .max = 1 };

/* --- the channel ----------------------------------------------------------------------------- */

void ide_channel_reset(struct ide_channel *channel)
{
    *channel->s = (struct ide_channel_state){ 0 };
}

void ide_channel_dma_start(struct ide_channel *channel)
{
    struct ide_drive *drive = selected(channel);

    if (!drive || drive->in_flight) {
        return;
    }
    if (drive->s.phase == IDE_PHASE_DMA_READ || drive->s.phase == IDE_PHASE_DMA_WRITE) {
        ide_dma_go(drive);
    } else if (drive->s.phase == IDE_PHASE_PACKET_DMA) {
        atapi_dma_go(drive);
    }
}

void ide_channel_dma_stop(struct ide_channel *channel)
{
    struct ide_drive *drive = selected(channel);

    if (drive && drive->in_flight &&
        (drive->s.phase == IDE_PHASE_DMA_READ || drive->s.phase == IDE_PHASE_DMA_WRITE ||
         drive->s.phase == IDE_PHASE_PACKET_DMA)) {
        block_drain(drive->block);
    }
}
