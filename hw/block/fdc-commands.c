/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the 82078 (data sheet, chapter 5): one table; sector transfers by DMA and FIFO. */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/block/fdc-core.h"

/* --- results --------------------------------------------------------------------------------- */

static void to_command(struct fdc *fdc)
{
    fdc->s.phase = FDC_COMMAND;
    fdc->s.fifo_at = fdc->s.fifo_size = 0;
}

static void to_result(struct fdc *fdc, unsigned size)
{
    fdc->s.phase = FDC_RESULT;
    fdc->s.fifo_at = 0;
    fdc->s.fifo_size = (uint8_t)size;
}

static struct fdc_drive_state *drive_of(struct fdc *fdc)
{
    return &fdc->s.drives[fdc->s.drive];
}

/* ST0 to ST2, then cylinder, head, sector and size code; with an interrupt. */
static void end_transfer(struct fdc *fdc, uint8_t st0, uint8_t st1, uint8_t st2)
{
    struct fdc_state *s = &fdc->s;
    const struct fdc_drive_state *drive = drive_of(fdc);
    uint8_t *r = s->fifo;

    isa_dma_request(fdc->bus, fdc->dma_number, false);
    r[0] = (uint8_t)(st0 | s->drive | drive->head << 2);
    r[1] = st1;
    r[2] = st2;
    r[3] = (uint8_t)(drive->track + s->track_done);
    r[4] = drive->head;
    r[5] = drive->sector;
    r[6] = 2;
    s->st0 = r[0];
    s->data_at = 0;
    trace(fdc_result, "drive %u: %02x %02x %02x, next %u/%u/%u", s->drive, st0, st1, st2, r[3],
          r[4], r[5]);
    s->track_done = 0;
    to_result(fdc, 7);
    fdc_set_irq(fdc, true);
}

/* --- sectors --------------------------------------------------------------------------------- */

static uint64_t sector_offset(struct fdc *fdc)
{
    const struct floppy *floppy = &fdc->floppies[fdc->s.drive];
    const struct fdc_drive_state *d = drive_of(fdc);

    return (((uint64_t)d->track * floppy->heads + d->head) * floppy->sectors + d->sector - 1) *
           FDC_SECTOR;
}

static bool sector_exists(struct fdc *fdc)
{
    const struct floppy *floppy = &fdc->floppies[fdc->s.drive];
    const struct fdc_drive_state *d = drive_of(fdc);

    return d->track < floppy->tracks && d->head < floppy->heads && d->sector >= 1 &&
           d->sector <= floppy->sectors;
}

/* Moves to the next sector; false at the end of the track (or of both sides, with MT). */
static bool next_sector(struct fdc *fdc)
{
    struct fdc_drive_state *d = drive_of(fdc);

    if (d->sector < fdc->s.last_sector) {
        d->sector++;
        return true;
    }
    d->sector = 1;
    if (fdc->s.multi_track && d->head == 0 && fdc->floppies[fdc->s.drive].heads > 1) {
        d->head = 1;
        return true;
    }
    if (fdc->s.multi_track) {
        d->head = 0;
    }
    fdc->s.track_done = 1;                       /* the result names the next cylinder */
    return false;
}

static bool read_sector(struct fdc *fdc)
{
    struct floppy *floppy = &fdc->floppies[fdc->s.drive];

    if (!sector_exists(fdc)) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NO_DATA, 0);
        return false;
    }
    if (block_pread(floppy->block, sector_offset(fdc), fdc->s.data, FDC_SECTOR) < 0) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_CRC, 0x20);
        return false;
    }
    return true;
}

static bool write_sector(struct fdc *fdc)
{
    struct floppy *floppy = &fdc->floppies[fdc->s.drive];

    if (!sector_exists(fdc)) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NO_DATA, 0);
        return false;
    }
    if (block_pwrite(floppy->block, sector_offset(fdc), fdc->s.data, FDC_SECTOR) < 0) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_CRC, 0x20);
        return false;
    }
    return true;
}

/* One byte of the transfer in either direction; false once the result phase is reached. */
static bool move_byte(struct fdc *fdc, uint8_t *byte)
{
    struct fdc_state *s = &fdc->s;
    bool write = s->transfer == FDC_WRITE;

    if (s->data_at == 0 && !write && !read_sector(fdc)) {
        return false;
    }
    if (write) {
        s->data[s->data_at] = *byte;
    } else {
        *byte = s->data[s->data_at];
    }
    if (++s->data_at < FDC_SECTOR) {
        return true;
    }
    s->data_at = 0;
    return !write || write_sector(fdc);
}

/* After a byte: at a sector's end go on, or end for want of a terminal count. */
static bool step(struct fdc *fdc, bool terminal)
{
    if (fdc->s.data_at == 0 && !next_sector(fdc) && !terminal) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_END_OF_TRACK, 0);
        return false;
    }
    return true;
}

/* A terminal count in the middle of a sector: a write fills it with zeros. */
static void terminal_count(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;

    if (s->data_at && s->transfer == FDC_WRITE) {
        memset(s->data + s->data_at, 0, FDC_SECTOR - s->data_at);
        if (!write_sector(fdc)) {
            return;
        }
    }
    if (s->data_at) {
        next_sector(fdc);
    }
    end_transfer(fdc, 0, 0, 0);
}

/* FORMAT takes four bytes a sector: cylinder, head, sector, size. */
static bool format_byte(struct fdc *fdc, uint8_t byte)
{
    struct fdc_state *s = &fdc->s;
    struct fdc_drive_state *d = drive_of(fdc);
    uint8_t id[4];

    s->data[s->data_at++] = byte;
    if (s->data_at < 4) {
        return true;
    }
    s->data_at = 0;
    memcpy(id, s->data, sizeof(id));
    d->sector = id[2];
    memset(s->data, s->filler, FDC_SECTOR);
    if (!write_sector(fdc)) {
        return false;
    }
    if (--s->last_sector == 0) {
        end_transfer(fdc, 0, 0, 0);
        return false;
    }
    return true;
}

unsigned fdc_dma_transfer(void *opaque, uint8_t *data, unsigned size, bool to_device, bool last)
{
    struct fdc *fdc = opaque;
    struct fdc_state *s = &fdc->s;
    unsigned done = 0;

    while (done < size && s->phase == FDC_EXECUTION) {
        uint8_t byte = to_device && data ? data[done] : 0;
        bool terminal = last && done + 1 == size;
        if (s->transfer == FDC_FORMAT) {
            done++;
            format_byte(fdc, byte);
            continue;
        }
        if (!move_byte(fdc, &byte)) {
            break;
        }
        if (!to_device && data) {
            data[done] = byte;
        }
        done++;
        if (!step(fdc, terminal)) {
            break;
        }
    }
    if (last && done == size && s->phase == FDC_EXECUTION) {
        terminal_count(fdc);
    }
    return done;
}

/* --- starting transfers ---------------------------------------------------------------------- */

static void select_drive(struct fdc *fdc)
{
    fdc->s.drive = fdc->s.fifo[1] & 3;
    drive_of(fdc)->head = fdc->s.fifo[1] >> 2 & 1;
}

/* Whether the drive can find sectors at all: there, loaded, and at the disk's data rate. */
static bool readable(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;

    if (!fdc_loaded_disk(fdc, s->drive)) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_MISSING_ADDRESS, 0);
        return false;
    }
    if ((s->dsr & 3) != fdc->floppies[s->drive].rate) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_MISSING_ADDRESS, 0);
        return false;
    }
    return true;
}

static void begin(struct fdc *fdc, enum fdc_transfer transfer)
{
    struct fdc_state *s = &fdc->s;

    s->transfer = (uint8_t)transfer;
    s->phase = FDC_EXECUTION;
    s->data_at = 0;
    if (s->non_dma) {
        fdc_set_irq(fdc, true);
    } else {
        isa_dma_request(fdc->bus, fdc->dma_number, true);
    }
}

static bool prepare(struct fdc *fdc, bool write)
{
    struct fdc_state *s = &fdc->s;
    struct fdc_drive_state *d;

    select_drive(fdc);
    d = drive_of(fdc);
    s->multi_track = s->fifo[0] >> 7;
    s->last_sector = s->fifo[6];
    if (!readable(fdc)) {
        return false;
    }
    if (write && block_readonly(fdc->floppies[s->drive].block)) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NOT_WRITABLE, 0);
        return false;
    }
    /* The cylinder in the command must be where the head is, unless seeks are implied. */
    if (s->config & 0x40) {
        d->track = s->fifo[2];
    }
    if (d->track != s->fifo[2] || s->fifo[5] != 2) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NO_DATA, s->fifo[5] == 2 ? 0x10 : 0);
        return false;
    }
    d->head = s->fifo[3] & 1;
    d->sector = s->fifo[4];
    if (!sector_exists(fdc)) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NO_DATA, 0);
        return false;
    }
    return true;
}

static void read_data(struct fdc *fdc)
{
    if (prepare(fdc, false)) {
        begin(fdc, FDC_READ);
    }
}

static void read_track(struct fdc *fdc)
{
    fdc->s.fifo[4] = 1;
    read_data(fdc);
}

static void write_data(struct fdc *fdc)
{
    if (prepare(fdc, true)) {
        begin(fdc, FDC_WRITE);
    }
}

/* Reads without handing over: sectors up to the last one. */
static void verify(struct fdc *fdc)
{
    if (!prepare(fdc, false)) {
        return;
    }
    do {
        if (!read_sector(fdc)) {
            return;
        }
    } while (next_sector(fdc));
    end_transfer(fdc, 0, 0, 0);
}

static void format_track(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;

    select_drive(fdc);
    if (!readable(fdc)) {
        return;
    }
    if (block_readonly(fdc->floppies[s->drive].block)) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NOT_WRITABLE, 0);
        return;
    }
    s->last_sector = s->fifo[3];
    s->filler = s->fifo[5];
    if (s->fifo[2] != 2 || s->last_sector == 0) {
        end_transfer(fdc, ST0_ABNORMAL, ST1_NO_DATA, 0);
        return;
    }
    begin(fdc, FDC_FORMAT);
}

static void read_id(struct fdc *fdc)
{
    struct fdc_drive_state *d;

    select_drive(fdc);
    d = drive_of(fdc);
    if (!readable(fdc)) {
        return;
    }
    d->sector = (uint8_t)(d->sector % fdc->floppies[fdc->s.drive].sectors + 1);
    if (sector_exists(fdc)) {
        end_transfer(fdc, 0, 0, 0);
    } else {
        end_transfer(fdc, ST0_ABNORMAL, ST1_MISSING_ADDRESS, 0);
    }
}

/* --- moving the head ------------------------------------------------------------------------- */

static void seek_done(struct fdc *fdc, int track)
{
    struct fdc_drive_state *d = drive_of(fdc);
    uint8_t st0 = ST0_SEEK_END;

    if (!fdc_floppy(fdc, fdc->s.drive)) {
        st0 |= ST0_ABNORMAL | 0x10;              /* track 0 never came */
    } else {
        d->track = (uint8_t)MAX_OF(MIN_OF(track, 255), 0);
        if (fdc_loaded_disk(fdc, fdc->s.drive)) {
            d->changed = 0;                      /* a step with a disk in clears the line */
        }
    }
    fdc->s.st0 = (uint8_t)(st0 | fdc->s.drive | d->head << 2);
    to_command(fdc);
    fdc_set_irq(fdc, true);
}

static void recalibrate(struct fdc *fdc)
{
    select_drive(fdc);
    drive_of(fdc)->head = 0;
    seek_done(fdc, 0);
}

static void seek(struct fdc *fdc)
{
    select_drive(fdc);
    seek_done(fdc, fdc->s.fifo[2]);
}

static void relative_seek(struct fdc *fdc)
{
    int steps = fdc->s.fifo[2];

    select_drive(fdc);
    seek_done(fdc, drive_of(fdc)->track + (fdc->s.fifo[0] & 0x40 ? steps : -steps));
}

static void sense_interrupt(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;

    if (s->polling) {
        s->fifo[0] = (uint8_t)(ST0_POLLING | (4 - s->polling));
        s->fifo[1] = s->drives[4 - s->polling].track;
        s->polling--;
    } else if (!s->irq) {
        s->fifo[0] = ST0_INVALID;
        to_result(fdc, 1);
        return;
    } else {
        s->fifo[0] = s->st0;
        s->fifo[1] = s->drives[s->st0 & 3].track;
    }
    to_result(fdc, 2);
    fdc_set_irq(fdc, false);
}

static void sense_drive(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;
    struct floppy *floppy;

    select_drive(fdc);
    floppy = fdc_floppy(fdc, s->drive);
    s->fifo[0] = (uint8_t)(0x28 | s->drive | drive_of(fdc)->head << 2 |
                           (drive_of(fdc)->track == 0 ? 0x10 : 0) |
                           (floppy && block_readonly(floppy->block) ? 0x40 : 0));
    to_result(fdc, 1);
}

/* --- the controller itself ------------------------------------------------------------------- */

static void specify(struct fdc *fdc)
{
    fdc->s.timer0 = fdc->s.fifo[1];
    fdc->s.timer1 = fdc->s.fifo[2];
    fdc->s.non_dma = fdc->s.fifo[2] & 1;
    to_command(fdc);
}

static void dump_registers(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;
    uint8_t *r = s->fifo, perpendicular = 0;

    for (unsigned n = 0; n < 4; n++) {
        r[n] = s->drives[n].track;
        perpendicular |= (uint8_t)(s->drives[n].perpendicular << n);
    }
    r[4] = s->timer0;
    r[5] = s->timer1;
    r[6] = s->last_sector;
    r[7] = (uint8_t)(s->locked << 7 | perpendicular << 2);
    r[8] = s->config;
    r[9] = s->precompensation;
    to_result(fdc, 10);
}

static void version(struct fdc *fdc)
{
    fdc->s.fifo[0] = 0x90;                       /* an enhanced controller */
    to_result(fdc, 1);
}

static void part_id(struct fdc *fdc)
{
    fdc->s.fifo[0] = 0x41;                       /* 82078-1 */
    to_result(fdc, 1);
}

static void perpendicular(struct fdc *fdc)
{
    uint8_t value = fdc->s.fifo[1];

    for (unsigned n = 0; value & 0x80 && n < 4; n++) {
        fdc->s.drives[n].perpendicular = value >> (n + 2) & 1;
    }
    to_command(fdc);
}

static void configure(struct fdc *fdc)
{
    fdc->s.config = fdc->s.fifo[2];
    fdc->s.precompensation = fdc->s.fifo[3];
    to_command(fdc);
}

static void lock(struct fdc *fdc)
{
    fdc->s.locked = fdc->s.fifo[0] >> 7;
    fdc->s.fifo[0] = (uint8_t)(fdc->s.locked << 4);
    to_result(fdc, 1);
}

static void power_down(struct fdc *fdc)
{
    fdc->s.powered_down = fdc->s.fifo[1] & 1;
    fdc->s.fifo[0] = fdc->s.fifo[1];
    to_result(fdc, 1);
}

static void option(struct fdc *fdc)
{
    to_command(fdc);
}

static void invalid(struct fdc *fdc)
{
    log_unimp("fdc: command 0x%02x", fdc->s.fifo[0]);
    fdc->s.fifo[0] = ST0_INVALID;
    to_result(fdc, 1);
}

/* --- the table ------------------------------------------------------------------------------- */

static const struct fdc_command {
    uint8_t value, mask, parameters;
    void (*run)(struct fdc *fdc);
} commands[] = {
    { 0x02, 0x9f, 8, read_track },
    { 0x03, 0xff, 2, specify },
    { 0x04, 0xff, 1, sense_drive },
    { 0x05, 0x3f, 8, write_data },
    { 0x06, 0x1f, 8, read_data },
    { 0x07, 0xff, 1, recalibrate },
    { 0x08, 0xff, 0, sense_interrupt },
    { 0x09, 0x3f, 8, write_data },               /* with deleted marks, which images cannot hold */
    { 0x0a, 0xbf, 1, read_id },
    { 0x0c, 0x1f, 8, read_data },
    { 0x0d, 0xbf, 5, format_track },
    { 0x0e, 0xff, 0, dump_registers },
    { 0x0f, 0xff, 2, seek },
    { 0x10, 0xff, 0, version },
    { 0x12, 0xff, 1, perpendicular },
    { 0x13, 0xff, 3, configure },
    { 0x14, 0x7f, 0, lock },
    { 0x16, 0x1f, 8, verify },
    { 0x17, 0xff, 1, power_down },
    { 0x18, 0xff, 0, part_id },
    { 0x33, 0xff, 1, option },
    { 0x8f, 0xbf, 2, relative_seek },
    { 0x00, 0x00, 0, invalid },
};

static const struct fdc_command *find_command(uint8_t value)
{
    const struct fdc_command *row = commands;

    while ((value & row->mask) != row->value) {
        row++;
    }
    return row;
}

uint8_t fdc_main_status(const struct fdc *fdc)
{
    const struct fdc_state *s = &fdc->s;
    bool to_host = s->transfer == FDC_READ;

    if (!(s->dor & DOR_NOT_RESET)) {
        return 0;
    }
    switch (s->phase) {
    case FDC_COMMAND:
        return (uint8_t)(MSR_REQUEST | (s->fifo_at ? MSR_BUSY : 0));
    case FDC_EXECUTION:
        return (uint8_t)(MSR_BUSY | (s->non_dma ? MSR_NON_DMA | MSR_REQUEST |
                                                  (to_host ? MSR_TO_HOST : 0) : 0));
    default:
        return MSR_BUSY | MSR_REQUEST | MSR_TO_HOST;
    }
}

static void execution_write(struct fdc *fdc, uint8_t value)
{
    if (!fdc->s.non_dma || fdc->s.transfer == FDC_READ) {
        return;
    }
    if (fdc->s.transfer == FDC_FORMAT) {
        format_byte(fdc, value);
    } else if (move_byte(fdc, &value)) {
        step(fdc, false);
    }
}

void fdc_fifo_write(struct fdc *fdc, uint8_t value)
{
    struct fdc_state *s = &fdc->s;
    const struct fdc_command *command;

    if (!(s->dor & DOR_NOT_RESET) || s->phase == FDC_RESULT) {
        log_guest_error("fdc: data written while the controller does not take it");
        return;
    }
    if (s->phase == FDC_EXECUTION) {
        execution_write(fdc, value);
        return;
    }
    s->fifo[s->fifo_at++] = value;
    command = find_command(s->fifo[0]);
    if (s->fifo_at <= command->parameters) {
        return;
    }
    trace(fdc_command, "command 0x%02x", s->fifo[0]);
    if (command->run != sense_interrupt && !s->polling) {
        fdc_set_irq(fdc, false);
    }
    s->fifo_at = 0;
    command->run(fdc);
}

uint8_t fdc_fifo_read(struct fdc *fdc)
{
    struct fdc_state *s = &fdc->s;
    uint8_t value = 0;

    if (s->phase == FDC_EXECUTION && s->non_dma && s->transfer == FDC_READ) {
        if (move_byte(fdc, &value)) {
            step(fdc, false);
        }
        return value;
    }
    if (s->phase != FDC_RESULT) {
        return 0;
    }
    value = s->fifo[s->fifo_at++];
    fdc_set_irq(fdc, false);
    if (s->fifo_at >= s->fifo_size) {
        to_command(fdc);
    }
    return value;
}
