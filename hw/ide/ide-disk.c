/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ATA commands (ATA/ATAPI-6): one table, and the PIO and DMA data transfers of disks. */
#include <string.h>

#include "base/bits.h"
#include "hw/ide/drive.h"

#define SECTOR BLOCK_SECTOR_SIZE
#define BUFFER_SECTORS (IDE_BUFFER / SECTOR)

/* --- addresses ------------------------------------------------------------------------------- */

static bool load_chs(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t cylinder = s->lba_high << 8 | s->lba_mid, head = s->select & 0xf;

    if (s->lba_low == 0 || s->lba_low > s->sectors || head >= s->heads) {
        return false;
    }
    s->lba = ((uint64_t)cylinder * s->heads + head) * s->sectors + s->lba_low - 1;
    return true;
}

static bool check_range(struct ide_drive *drive, bool valid)
{
    const struct ide_drive_state *s = &drive->s;

    if (!valid || s->lba >= drive->total || drive->total - s->lba < s->left) {
        ide_fail(drive, IDE_ERROR_ID_NOT_FOUND);
        return false;
    }
    return true;
}

static uint64_t extended_address(const struct ide_drive_state *s)
{
    uint32_t low = s->lba_low | s->lba_mid << 8 | s->lba_high << 16;
    uint32_t high = s->hob_low | s->hob_mid << 8 | s->hob_high << 16;

    return (uint64_t)high << 24 | low;
}

/* Takes address and count from the registers; fails the command when they are off the disk. */
static bool load_address(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t low = s->lba_low | s->lba_mid << 8 | s->lba_high << 16;
    bool valid = true;

    s->left = s->count ? s->count : 256;
    if (s->extended) {
        uint32_t count = s->hob_count << 8 | s->count;
        s->left = count ? count : 65536;
        s->lba = extended_address(s);
    } else if (s->select & 0x40) {
        s->lba = (uint64_t)(s->select & 0xf) << 24 | low;
    } else {
        valid = load_chs(drive);
    }
    return check_range(drive, valid);
}

static void store_chs(struct ide_drive_state *s)
{
    uint32_t track = (uint32_t)(s->lba / s->sectors), cylinder = track / s->heads;

    s->lba_low = (uint8_t)(s->lba % s->sectors + 1);
    s->select = (uint8_t)((s->select & 0xf0) | (track % s->heads & 0xf));
    s->lba_mid = (uint8_t)cylinder;
    s->lba_high = (uint8_t)(cylinder >> 8);
}

static void store_lba(struct ide_drive_state *s, uint64_t lba, bool extended)
{
    s->lba_low = (uint8_t)lba;
    s->lba_mid = (uint8_t)(lba >> 8);
    s->lba_high = (uint8_t)(lba >> 16);
    if (extended) {
        s->hob_low = (uint8_t)(lba >> 24);
        s->hob_mid = (uint8_t)(lba >> 32);
        s->hob_high = (uint8_t)(lba >> 40);
    } else {
        s->select = (uint8_t)((s->select & 0xf0) | (lba >> 24 & 0xf));
    }
}

static void advance(struct ide_drive *drive, uint32_t sectors)
{
    struct ide_drive_state *s = &drive->s;

    s->lba += sectors;
    s->left -= sectors;
    s->count = (uint8_t)s->left;
    s->hob_count = (uint8_t)(s->left >> 8);
    if (s->extended || s->select & 0x40) {
        store_lba(s, s->lba, s->extended);
    } else {
        store_chs(s);
    }
}

/* --- PIO ------------------------------------------------------------------------------------- */

static void offer_block(struct ide_drive *drive, enum ide_phase phase, uint32_t start)
{
    struct ide_drive_state *s = &drive->s;
    ide_offer(drive, phase, start, MIN_OF(s->block_size, s->end - start));
}

static void pio_read_done(struct ide_drive *drive, int result)
{
    if (result < 0) {
        ide_fail(drive, IDE_ERROR_UNCORRECTABLE);
        return;
    }
    offer_block(drive, IDE_PHASE_READ, 0);
    ide_raise_irq(drive);
}

static void pio_fetch(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t sectors = MIN_OF(s->left, BUFFER_SECTORS);

    s->status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    s->end = sectors * SECTOR;
    ide_submit(drive, BLOCK_READ, s->lba * SECTOR, s->buffer, s->end, pio_read_done);
}

static void start_pio_write(struct ide_drive *drive)
{
    drive->s.end = MIN_OF(drive->s.left, BUFFER_SECTORS) * SECTOR;
    offer_block(drive, IDE_PHASE_WRITE, 0);
}

static void pio_write_done(struct ide_drive *drive, int result)
{
    if (result < 0) {
        ide_fail(drive, IDE_ERROR_UNCORRECTABLE);
        return;
    }
    advance(drive, drive->s.end / SECTOR);
    if (drive->s.left) {
        start_pio_write(drive);
        ide_raise_irq(drive);
    } else {
        ide_complete(drive);
    }
}

static void read_block_moved(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t start = align_down(s->block_end - 1, s->block_size);

    advance(drive, (s->block_end - start) / SECTOR);
    if (s->at < s->end) {
        offer_block(drive, IDE_PHASE_READ, s->at);
        ide_raise_irq(drive);
    } else if (s->left) {
        pio_fetch(drive);
    } else {
        s->status = IDE_STATUS_IDLE;
        s->phase = IDE_PHASE_NONE;
    }
}

/* Blocks gather in the buffer and go to the medium together. */
static void write_block_moved(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;

    if (s->at < s->end) {
        offer_block(drive, IDE_PHASE_WRITE, s->at);
        ide_raise_irq(drive);
        return;
    }
    s->status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    ide_submit(drive, BLOCK_WRITE, s->lba * SECTOR, s->buffer, s->end, pio_write_done);
}

void ide_sectors_moved(struct ide_drive *drive)
{
    if (drive->s.phase == IDE_PHASE_READ) {
        read_block_moved(drive);
    } else {
        write_block_moved(drive);
    }
}

static void read_sectors(struct ide_drive *drive)
{
    drive->s.block_size = SECTOR;
    if (load_address(drive)) {
        pio_fetch(drive);
    }
}

static void write_sectors(struct ide_drive *drive)
{
    drive->s.block_size = SECTOR;
    if (load_address(drive)) {
        start_pio_write(drive);
    }
}

static bool multiple_on(struct ide_drive *drive)
{
    if (!drive->s.multiple) {
        ide_fail(drive, IDE_ERROR_ABORT);
        return false;
    }
    drive->s.block_size = drive->s.multiple * SECTOR;
    return load_address(drive);
}

static void read_multiple(struct ide_drive *drive)
{
    if (multiple_on(drive)) {
        pio_fetch(drive);
    }
}

static void write_multiple(struct ide_drive *drive)
{
    if (multiple_on(drive)) {
        start_pio_write(drive);
    }
}

/* --- DMA ------------------------------------------------------------------------------------- */

static void dma_finished(struct ide_drive *drive, bool exhausted)
{
    drive->channel->dma->finished(drive->channel->dma_opaque, exhausted);
}

static void dma_advance(struct ide_drive *drive, uint32_t bytes)
{
    advance(drive, bytes / SECTOR);
    if (drive->s.left) {
        ide_dma_go(drive);
        return;
    }
    dma_finished(drive, false);
    ide_complete(drive);
}

/* The scatter list ended early: the engine stops, and no interrupt comes. */
static void dma_too_short(struct ide_drive *drive)
{
    drive->s.status = IDE_STATUS_IDLE;
    drive->s.phase = IDE_PHASE_NONE;
    dma_finished(drive, true);
}

static unsigned dma_move(struct ide_drive *drive, bool to_memory)
{
    return drive->channel->dma->transfer(drive->channel->dma_opaque, drive->dma_buffer,
                                         (unsigned)drive->request.size, to_memory);
}

static void dma_done(struct ide_drive *drive, int result)
{
    uint32_t size = (uint32_t)drive->request.size;

    if (result < 0) {
        dma_finished(drive, false);
        ide_fail(drive, IDE_ERROR_UNCORRECTABLE);
    } else if (drive->s.phase == IDE_PHASE_DMA_READ && dma_move(drive, true) < size) {
        dma_too_short(drive);
    } else {
        dma_advance(drive, size);
    }
}

void ide_dma_go(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t size = MIN_OF(s->left, IDE_DMA_CHUNK / SECTOR) * SECTOR;
    bool read = s->phase == IDE_PHASE_DMA_READ;

    s->status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    drive->request.size = size;
    if (!read && dma_move(drive, false) < size) {
        dma_too_short(drive);
        return;
    }
    ide_submit(drive, read ? BLOCK_READ : BLOCK_WRITE, s->lba * SECTOR, drive->dma_buffer, size,
               dma_done);
}

static void begin_dma(struct ide_drive *drive, enum ide_phase phase)
{
    drive->s.phase = (uint8_t)phase;
    drive->s.status = IDE_STATUS_IDLE | IDE_STATUS_DRQ;
    if (ide_dma_active(drive)) {
        ide_dma_go(drive);
    }
}

static void start_dma(struct ide_drive *drive, enum ide_phase phase)
{
    if (!drive->channel->dma) {
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    if (load_address(drive)) {
        begin_dma(drive, phase);
    }
}

static void read_dma(struct ide_drive *drive)
{
    start_dma(drive, IDE_PHASE_DMA_READ);
}

static void write_dma(struct ide_drive *drive)
{
    start_dma(drive, IDE_PHASE_DMA_WRITE);
}

/* Queued commands (Serial ATA 2.6, 13.6) have their sector count in the features; the count
 * register holds the tag, which is the link's business. */
static void start_queued(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    uint32_t count = s->hob_feature << 8 | s->feature;

    if (!drive->channel->sata) {
        ide_fail(drive, IDE_ERROR_ABORT);
        return;
    }
    s->queue_log[0] = 0x80 | s->count >> 3;
    s->left = count ? count : 65536;
    s->lba = extended_address(s);
    if (check_range(drive, s->select & 0x40)) {
        begin_dma(drive, s->command == ATA_READ_QUEUED ? IDE_PHASE_DMA_READ : IDE_PHASE_DMA_WRITE);
    }
}

/* --- commands without data ------------------------------------------------------------------- */

static void abort_command(struct ide_drive *drive)
{
    ide_fail(drive, IDE_ERROR_ABORT);
}

static void verify(struct ide_drive *drive)
{
    if (load_address(drive)) {
        advance(drive, drive->s.left);
        ide_complete(drive);
    }
}

static void seek(struct ide_drive *drive)
{
    if (load_address(drive)) {
        ide_complete(drive);
    }
}

static void flush_done(struct ide_drive *drive, int result)
{
    if (result < 0) {
        ide_fail(drive, IDE_ERROR_ABORT);
    } else {
        ide_complete(drive);
    }
}

static void flush(struct ide_drive *drive)
{
    drive->s.status = IDE_STATUS_BUSY | IDE_STATUS_SEEK;
    ide_submit(drive, BLOCK_FLUSH, 0, NULL, 0, flush_done);
}

static void read_native_max(struct ide_drive *drive)
{
    uint64_t last = drive->total - 1;

    if (!(drive->s.select & 0x40) || drive->total == 0) {
        abort_command(drive);
        return;
    }
    store_lba(&drive->s, drive->s.extended ? last : MIN_OF(last, 0xffffffeull),
              drive->s.extended);
    ide_complete(drive);
}

static void set_parameters(struct ide_drive *drive)
{
    if (drive->s.count == 0) {
        abort_command(drive);
        return;
    }
    drive->s.heads = (drive->s.select & 0xf) + 1u;
    drive->s.sectors = drive->s.count;
    ide_complete(drive);
}

static void set_multiple(struct ide_drive *drive)
{
    uint8_t count = drive->s.count;

    if (count > IDE_MAX_MULTIPLE || (count & (count - 1))) {
        abort_command(drive);
        return;
    }
    drive->s.multiple = count;
    ide_complete(drive);
}

/* SET FEATURES subcommands that change nothing here: look-ahead, power management, acoustics. */
static bool is_harmless_feature(uint8_t feature)
{
    static const uint8_t list[] = { 0x05, 0x42, 0x55, 0x66, 0x67, 0x69, 0x85, 0x96, 0x9a, 0xaa,
                                    0xc2, 0xcc };
    return memchr(list, feature, sizeof(list)) != NULL;
}

static bool valid_transfer_mode(uint8_t mode)
{
    unsigned kind = mode >> 3, number = mode & 7;

    switch (kind) {
    case 0:
        return number <= 1;
    case 1:
        return number <= 4;
    case 2:
    case 4:
        return number <= 2;
    case 8:
        return number <= 5;
    default:
        return false;
    }
}

static void set_features(struct ide_drive *drive)
{
    struct ide_drive_state *s = &drive->s;
    bool fine = true;

    if (s->feature == 0x02 || s->feature == 0x82) {
        fine = !drive->is_cdrom;
        if (fine) {
            s->write_cache = s->feature == 0x02;
            block_set_write_cache(drive->block, s->write_cache);
            if (!s->write_cache) {
                flush(drive);
                return;
            }
        }
    } else if (s->feature == 0x03) {
        fine = valid_transfer_mode(s->count);
        s->transfer_mode = fine ? s->count : s->transfer_mode;
    } else {
        fine = is_harmless_feature(s->feature);
    }
    if (fine) {
        ide_complete(drive);
    } else {
        abort_command(drive);
    }
}

static void power_set(struct ide_drive *drive)
{
    /* Standby, idle and sleep, in both numberings. */
    uint8_t kind = drive->s.command & 0xf;
    drive->s.standby = kind == 0 || kind == 2 || kind == 4 || kind == 6 || kind == 9;
    ide_complete(drive);
}

static void power_check(struct ide_drive *drive)
{
    drive->s.count = 0xff;
    ide_complete(drive);
}

static void packet_device_reset(struct ide_drive *drive)
{
    ide_cancel(drive);
    ide_drive_reset_registers(drive);
}

static void signature_abort(struct ide_drive *drive)
{
    ide_set_signature(drive);
    abort_command(drive);
}

static void identify(struct ide_drive *drive)
{
    uint16_t words[256] = { 0 };

    if (drive->is_cdrom) {
        ide_identify_packet(drive, words);
    } else {
        ide_identify_disk(drive, words);
    }
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        st16_le(drive->s.buffer + 2 * i, words[i]);
    }
    ide_offer(drive, IDE_PHASE_REPLY, 0, SECTOR);
    ide_raise_irq(drive);
}

/* --- the table ------------------------------------------------------------------------------- */

enum { DISK = 1, PACKET = 2, BOTH = 3, EXTENDED = 4 };

static const struct ata_command {
    uint8_t first, last, flags;
    void (*run)(struct ide_drive *drive);
} commands[] = {
    { 0x00, 0x00, BOTH, abort_command },             /* NOP always aborts */
    { 0x08, 0x08, PACKET, packet_device_reset },
    { 0x10, 0x1f, BOTH, ide_complete },              /* RECALIBRATE */
    { 0x20, 0x21, DISK, read_sectors },
    { 0x20, 0x21, PACKET, signature_abort },
    { 0x24, 0x24, DISK | EXTENDED, read_sectors },
    { 0x25, 0x25, DISK | EXTENDED, read_dma },
    { 0x27, 0x27, DISK | EXTENDED, read_native_max },
    { 0x29, 0x29, DISK | EXTENDED, read_multiple },
    { 0x2f, 0x2f, DISK | EXTENDED, ide_read_log },
    { 0x30, 0x31, DISK, write_sectors },
    { 0x34, 0x34, DISK | EXTENDED, write_sectors },
    { 0x35, 0x35, DISK | EXTENDED, write_dma },
    { 0x39, 0x39, DISK | EXTENDED, write_multiple },
    { 0x3c, 0x3c, DISK, write_sectors },             /* WRITE VERIFY */
    { 0x40, 0x41, DISK, verify },
    { 0x42, 0x42, DISK | EXTENDED, verify },
    { ATA_READ_QUEUED, ATA_WRITE_QUEUED, DISK | EXTENDED, start_queued },
    { 0x70, 0x7f, DISK, seek },
    { 0x91, 0x91, DISK, set_parameters },
    { 0x94, 0x97, BOTH, power_set },
    { 0x98, 0x98, BOTH, power_check },
    { 0x99, 0x99, BOTH, power_set },
    { 0xa0, 0xa0, PACKET, atapi_start },
    { 0xa1, 0xa1, PACKET, identify },
    { 0xb0, 0xb0, DISK, ide_smart },
    { 0xc4, 0xc4, DISK, read_multiple },
    { 0xc5, 0xc5, DISK, write_multiple },
    { 0xc6, 0xc6, DISK, set_multiple },
    { 0xc8, 0xc9, DISK, read_dma },
    { 0xca, 0xcb, DISK, write_dma },
    { 0xe0, 0xe3, BOTH, power_set },
    { 0xe5, 0xe5, BOTH, power_check },
    { 0xe6, 0xe6, BOTH, power_set },
    { 0xe7, 0xe7, DISK, flush },
    { 0xea, 0xea, DISK | EXTENDED, flush },
    { 0xec, 0xec, DISK, identify },
    { 0xec, 0xec, PACKET, signature_abort },
    { 0xef, 0xef, BOTH, set_features },
    { 0xf8, 0xf8, DISK, read_native_max },
};

void ide_execute(struct ide_drive *drive, uint8_t command)
{
    unsigned kind = drive->is_cdrom ? PACKET : DISK;

    drive->s.command = command;
    drive->s.error = 0;
    drive->s.status = IDE_STATUS_IDLE;
    drive->s.phase = IDE_PHASE_NONE;
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        const struct ata_command *row = &commands[i];
        if (command >= row->first && command <= row->last && row->flags & kind) {
            drive->s.extended = (row->flags & EXTENDED) != 0;
            row->run(drive);
            return;
        }
    }
    abort_command(drive);
}
