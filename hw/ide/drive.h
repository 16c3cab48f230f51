/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A drive on an ATA channel: registers, transfer buffer and the commands' shared machinery. */
#ifndef HW_IDE_DRIVE_H
#define HW_IDE_DRIVE_H

#include "block.h"
#include "hw/ide/ide.h"

#define IDE_BUFFER 65536
#define IDE_MAX_MULTIPLE 16
#define IDE_DMA_CHUNK 262144u

enum {
    IDE_STATUS_ERROR = 0x01, IDE_STATUS_DRQ = 0x08, IDE_STATUS_SEEK = 0x10,
    IDE_STATUS_FAULT = 0x20, IDE_STATUS_READY = 0x40, IDE_STATUS_BUSY = 0x80,
    IDE_STATUS_IDLE = IDE_STATUS_READY | IDE_STATUS_SEEK
};
enum {
    IDE_ERROR_ABORT = 0x04, IDE_ERROR_ID_NOT_FOUND = 0x10, IDE_ERROR_UNCORRECTABLE = 0x40,
    IDE_ERROR_CRC = 0x80
};

/* What happens when the host has moved the current block of PIO data, or starts the bus master. */
enum ide_phase {
    IDE_PHASE_NONE,
    IDE_PHASE_REPLY,           /* one sector of data, then done */
    IDE_PHASE_READ, IDE_PHASE_WRITE,
    IDE_PHASE_DMA_READ, IDE_PHASE_DMA_WRITE,
    IDE_PHASE_PACKET,          /* the 12 bytes of a packet command */
    IDE_PHASE_PACKET_IN, IDE_PHASE_PACKET_DMA,
    IDE_PHASE_COUNT
};

struct ide_drive_state {
    uint8_t feature, error, count, lba_low, lba_mid, lba_high, select, status;
    uint8_t hob_feature, hob_count, hob_low, hob_mid, hob_high;
    uint8_t command, extended;     /* extended: an EXT command with 48-bit registers */
    uint8_t phase;
    uint8_t multiple;              /* SET MULTIPLE MODE; 0 is off */
    uint8_t transfer_mode;         /* as SET FEATURES 3 gave it */
    uint8_t write_cache, smart_on, smart_autosave, standby;
    uint32_t heads, sectors;       /* of the current translation */
    /* The transfer: sectors not yet moved between buffer and medium; the place in the buffer. */
    uint64_t lba;
    uint32_t left;
    uint32_t at, block_end, end;   /* next byte, end of this DRQ block, end of valid data */
    uint32_t block_size;           /* bytes a DRQ block */
    /* Packet devices. */
    uint32_t packet_lba, packet_left;   /* sectors to fetch */
    uint32_t packet_sector;             /* bytes of each: 2048 or 2352 */
    uint32_t byte_limit;
    uint8_t packet_dma, sense_key, asc, ascq;
    uint8_t tray_open, tray_locked, medium_changed, event_medium, event_eject;
    uint8_t queue_log[16];         /* of the queued command that failed: READ LOG EXT, page 0x10 */
    uint8_t buffer[IDE_BUFFER];
};

struct ide_drive {
    struct device dev;
    struct ide_channel *channel;
    bool is_cdrom;
    struct block *block;           /* may be NULL for a CD-ROM drive */
    uint64_t total;                /* sectors of 512 bytes */
    struct ide_geometry geometry;
    struct block_request request;
    bool in_flight;
    bool dropped;                  /* a reset came meanwhile: ignore the result */
    bool retry;                    /* failed and stopped the machine: repeat when it goes on */
    void (*done)(struct ide_drive *drive, int result);
    uint8_t *dma_buffer;           /* IDE_DMA_CHUNK bytes */
    uint8_t unit_number;
    uint32_t unit;                 /* property; UINT32_MAX picks a free one */
    uint32_t boot_index;
    char *serial, *model, *version;
    struct ide_drive_state s;
};

/* --- ide.c ----------------------------------------------------------------------------------- */

void ide_raise_irq(struct ide_drive *drive);
void ide_set_signature(struct ide_drive *drive);
/* After a software or hardware reset or diagnostics: signature, status, nothing in progress. */
void ide_drive_reset_registers(struct ide_drive *drive);
/* Ends the command without error, and with one; both interrupt. */
void ide_complete(struct ide_drive *drive);
void ide_fail(struct ide_drive *drive, uint8_t error);
/* Offers `size` bytes from `start` of the buffer for PIO. */
void ide_offer(struct ide_drive *drive, enum ide_phase phase, uint32_t start, uint32_t size);
/* The data block is done: goes on by phase. */
void ide_block_moved(struct ide_drive *drive);

/* Starts a request on the drive's medium; `done` runs later unless a reset comes. */
void ide_submit(struct ide_drive *drive, enum block_op op, uint64_t offset, void *data,
                uint32_t size, void (*done)(struct ide_drive *drive, int result));
void ide_cancel(struct ide_drive *drive);
void ide_retry(struct ide_drive *drive);

enum { ATA_READ_QUEUED = 0x60, ATA_WRITE_QUEUED = 0x61 };
static inline bool ide_is_queued(const struct ide_drive *drive)
{
    return drive->s.command == ATA_READ_QUEUED || drive->s.command == ATA_WRITE_QUEUED;
}

static inline bool ide_dma_active(const struct ide_drive *drive)
{
    const struct ide_channel *channel = drive->channel;
    return channel->dma && channel->dma->active(channel->dma_opaque);
}

/* --- commands -------------------------------------------------------------------------------- */

void ide_execute(struct ide_drive *drive, uint8_t command);
/* Data phases of disk commands. */
void ide_sectors_moved(struct ide_drive *drive);
void ide_dma_go(struct ide_drive *drive);
void ide_identify_disk(struct ide_drive *drive, uint16_t *words);
void ide_identify_packet(struct ide_drive *drive, uint16_t *words);
void ide_smart(struct ide_drive *drive);
void ide_read_log(struct ide_drive *drive);
/* Notes a queued command that fails, for the log. */
void ide_log_queued(struct ide_drive *drive, uint8_t error);

/* --- packet commands ------------------------------------------------------------------------- */

void atapi_start(struct ide_drive *drive);
void atapi_packet(struct ide_drive *drive);
void atapi_block_moved(struct ide_drive *drive);
void atapi_dma_go(struct ide_drive *drive);
/* Answers of the commands: `size` bytes of the buffer, cut to what the guest allows. */
void atapi_reply(struct ide_drive *drive, uint32_t size, uint32_t allowed);
void atapi_ok(struct ide_drive *drive);
void atapi_error(struct ide_drive *drive, uint8_t sense_key, uint8_t asc);
/* Starts delivering sectors; `sector` is 2048 or 2352 bytes. */
void atapi_read(struct ide_drive *drive, uint32_t lba, uint32_t count, uint32_t sector);
/* Sectors of 2048 bytes; 0 without medium. */
uint32_t atapi_sectors(struct ide_drive *drive);
void atapi_execute(struct ide_drive *drive, const uint8_t *packet);

enum {
    SENSE_NONE = 0, SENSE_NOT_READY = 2, SENSE_MEDIUM_ERROR = 3, SENSE_ILLEGAL_REQUEST = 5,
    SENSE_UNIT_ATTENTION = 6, SENSE_ABORTED = 0xb
};
enum {
    ASC_READ_ERROR = 0x11, ASC_INVALID_OPERATION = 0x20, ASC_OUT_OF_RANGE = 0x21,
    ASC_INVALID_FIELD = 0x24, ASC_MEDIUM_CHANGED = 0x28, ASC_INCOMPATIBLE_FORMAT = 0x30,
    ASC_SAVING_UNSUPPORTED = 0x39, ASC_NO_MEDIUM = 0x3a, ASC_REMOVAL_PREVENTED = 0x53
};

#endif
