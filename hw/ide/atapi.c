/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet devices: the command packet, replies cut into DRQ blocks, sector reads by PIO and DMA. */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "hw/ide/drive.h"

/* Bits of the interrupt reason, which is the count register. */
enum { REASON_COMMAND = 1, REASON_IN = 2 };

#define CD_SECTOR 2048u

/* --- results --------------------------------------------------------------------------------- */

static void end_command(struct ide_drive *drive)
{
    drive->s.phase = IDE_PHASE_NONE;
    drive->s.count = (drive->s.count & 0xf8) | REASON_COMMAND | REASON_IN;
    ide_raise_irq(drive);
}

void atapi_ok(struct ide_drive *drive)
{
    drive->s.error = 0;
    drive->s.status = IDE_STATUS_IDLE;
    drive->s.sense_key = SENSE_NONE;
    drive->s.asc = drive->s.ascq = 0;
    end_command(drive);
}

void atapi_error(struct ide_drive *drive, uint8_t sense_key, uint8_t asc)
{
    drive->s.error = (uint8_t)(sense_key << 4);
    drive->s.status = IDE_STATUS_READY | IDE_STATUS_ERROR;
    drive->s.sense_key = sense_key;
    drive->s.asc = asc;
    drive->s.ascq = 0;
    end_command(drive);
}

static void medium_error(struct ide_drive *drive, int result)
{
    if (result == -ENOMEDIUM) {
        atapi_error(drive, SENSE_NOT_READY, ASC_NO_MEDIUM);
    } else {
        atapi_error(drive, SENSE_MEDIUM_ERROR, ASC_READ_ERROR);
    }
}

/* --- the packet ------------------------------------------------------------------------------ */

void atapi_start(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    if (s->feature & 2) {            /* overlapped commands are not offered */
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    s->packet_dma = s->feature & 1;
    s->byte_limit = s->lba_mid | s->lba_high << 8;
    s->count = (s->count & 0xf8) | REASON_COMMAND;
    ide_offer(drive, IDE_PHASE_PACKET, 0, 12);
}

void atapi_packet(struct ide_drive *drive)
{
    uint8_t packet[12];

    memcpy(packet, drive->s.buffer, sizeof(packet));
    drive->s.status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    drive->s.packet_left = 0;
    drive->s.at = drive->s.end = 0;
    atapi_execute(drive, packet);
}

/* --- data to the host ------------------------------------------------------------------------ */

static void fetch(struct ide_drive *drive);

/* The next DRQ block: even, at most the byte limit, at most what lies in the buffer. */
static void offer_block(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t limit = s->byte_limit == 0xffff ? 0xfffe : s->byte_limit;
    uint32_t size = s->end - s->at;

    if (size > limit) {
        size = limit & ~1u;
    }
    s->lba_mid = (uint8_t)size;
    s->lba_high = (uint8_t)(size >> 8);
    s->count = (s->count & 0xf8) | REASON_IN;
    ide_offer(drive, IDE_PHASE_PACKET_IN, s->at, size);
    ide_raise_irq(drive);
}

void atapi_block_moved(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    if (s->at < s->end) {
        offer_block(drive);
    } else if (s->packet_left) {
        fetch(drive);
    } else {
        atapi_ok(drive);
    }
}

static void dma_over(struct ide_drive *drive, bool exhausted)
{
    drive->channel->dma->finished(drive->channel->dma_opaque, exhausted);
}

/* The buffer goes out; a list that is too short ends the command early, as the guest wanted. */
void atapi_dma_go(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    const struct ide_dma_ops *dma = drive->channel->dma;
    uint32_t size = s->end - s->at;

    s->status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    if (dma->transfer(drive->channel->dma_opaque, s->buffer + s->at, size, true) < size) {
        dma_over(drive, true);
        atapi_ok(drive);
        return;
    }
    s->at = s->end;
    if (s->packet_left) {
        fetch(drive);
        return;
    }
    dma_over(drive, false);
    atapi_ok(drive);
}

static void deliver(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    if (!s->packet_dma) {
        if ((s->byte_limit & ~1u) == 0) {
            ide_fail(drive, IDE_ERROR_ABORT);
            return;
        }
        offer_block(drive);
        return;
    }
    if (!drive->channel->dma) {
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    s->phase = IDE_PHASE_PACKET_DMA;
    s->status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
    s->count = (s->count & 0xf8) | REASON_IN;
    if (ide_dma_active(drive)) {
        atapi_dma_go(drive);
    }
}

void atapi_reply(struct ide_drive *drive, uint32_t size, uint32_t allowed)
{
    drive->s.at = 0;
    drive->s.end = MIN_OF(MIN_OF(size, allowed), IDE_BUFFER);
    if (drive->s.end) {
        deliver(drive);
    } else {
        atapi_ok(drive);
    }
}

/* --- reading sectors ------------------------------------------------------------------------- */

uint32_t atapi_sectors(struct ide_drive *drive)
{
    int64_t length;

    if (!drive->block || drive->s.tray_open || !block_inserted(drive->block)) {
        return 0;
    }
    length = block_length(drive->block);
    return length < 0 ? 0 : (uint32_t)MIN_OF((uint64_t)length / CD_SECTOR, 0xffffffffull);
}

static uint8_t bcd(uint32_t value)
{
    return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

/* Spreads 2048-byte sectors to raw ones: sync, mode 1 header, data, no error correction. */
static void make_raw(uint8_t *buffer, uint32_t count, uint32_t lba)
{
    while (count-- > 0) {
        uint8_t *raw = buffer + count * 2352, *data = buffer + count * CD_SECTOR;
        uint32_t frame = lba + count + 150;
        memmove(raw + 16, data, CD_SECTOR);
        memset(raw + 1, 0xff, 10);
        raw[0] = raw[11] = 0;
        raw[12] = bcd(frame / 75 / 60);
        raw[13] = bcd(frame / 75 % 60);
        raw[14] = bcd(frame % 75);
        raw[15] = 1;
        memset(raw + 16 + CD_SECTOR, 0, 288);
    }
}

static void fetched(struct ide_drive *drive, int result)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t count = (uint32_t)drive->request.size / CD_SECTOR;

    if (result < 0) {
        if (s->packet_dma && s->phase == IDE_PHASE_PACKET_DMA && ide_dma_active(drive)) {
            dma_over(drive, false);
        }
        medium_error(drive, result);
        return;
    }
    if (s->packet_sector == 2352) {
        make_raw(s->buffer, count, s->packet_lba);
    }
    s->packet_lba += count;
    s->packet_left -= count;
    s->at = 0;
    s->end = count * s->packet_sector;
    deliver(drive);
}

static void fetch(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t count = MIN_OF(s->packet_left, IDE_BUFFER / s->packet_sector);

    s->status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    ide_submit(drive, BLOCK_READ, (uint64_t)s->packet_lba * CD_SECTOR, s->buffer,
               count * CD_SECTOR, fetched);
}

void atapi_read(struct ide_drive *drive, uint32_t lba, uint32_t count, uint32_t sector)
{
    uint32_t total = atapi_sectors(drive);

    if (count == 0) {
        atapi_ok(drive);
        return;
    }
    if (lba >= total || total - lba < count) {
        atapi_error(drive, SENSE_ILLEGAL_REQUEST, ASC_OUT_OF_RANGE);
        return;
    }
    drive->s.packet_lba = lba;
    drive->s.packet_left = count;
    drive->s.packet_sector = sector;
    fetch(drive);
}
