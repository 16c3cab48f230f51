/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI: targets on a bus, as host adapters (and USB storage) drive them.
 *
 * The host starts a command with scsi_command() and then acts by the target's phase: it moves bytes
 * at `data` with scsi_move(), or takes the status with scsi_finish(). While the phase is SCSI_BUSY
 * it waits for its `ready`, which comes once, later, on the main thread. One command at a time.
 */
#ifndef HW_SCSI_SCSI_H
#define HW_SCSI_SCSI_H

#include "block.h"
#include "hw/core/device.h"

#define SCSI_TARGETS 16
#define SCSI_BUFFER 65536

enum scsi_phase { SCSI_IDLE, SCSI_BUSY, SCSI_DATA_IN, SCSI_DATA_OUT, SCSI_STATUS };
enum { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02 };

struct scsi_sense { uint8_t key, code, qualifier; };
FIELDS(scsi_sense) = {
    FIELD(scsi_sense, key), FIELD(scsi_sense, code), FIELD(scsi_sense, qualifier), FIELDS_END
};

struct scsi_target_state {
    uint8_t phase, status;
    uint8_t cdb[16];
    uint32_t at, end;               /* of the data in the buffer */
    uint64_t lba, left;             /* blocks that are not in the buffer yet */
    struct scsi_sense sense;
    bool attention;                 /* the next command fails: the target was reset */
    bool tray_open, locked, medium_changed, event;
    uint8_t buffer[SCSI_BUFFER];
};
FIELDS(scsi_target_state) = {
    FIELD(scsi_target_state, phase), FIELD(scsi_target_state, status),
    ARRAY(scsi_target_state, cdb), FIELD(scsi_target_state, at), FIELD(scsi_target_state, end),
    FIELD(scsi_target_state, lba), FIELD(scsi_target_state, left),
    NESTED(scsi_target_state, sense, scsi_sense), FIELD(scsi_target_state, attention),
    FIELD(scsi_target_state, tray_open), FIELD(scsi_target_state, locked),
    FIELD(scsi_target_state, medium_changed), FIELD(scsi_target_state, event),
    ARRAY(scsi_target_state, buffer), FIELDS_END
};

/* A disk or CD-ROM drive, classes "scsi-hd" and "scsi-cd". */
struct scsi_target {
    struct device dev;
    uint32_t id;                    /* property scsi-id; UINT32_MAX picks a free one */
    uint32_t lun, channel, boot_index;
    struct block *block;
    char *serial, *vendor, *product, *version;
    bool is_cd;
    uint32_t block_size;
    struct block_request request;
    bool in_flight, dropped, retry;
    void (*done)(struct scsi_target *t, int result);
    struct scsi_target_state s;
};

struct scsi_bus {
    struct bus bus;
    struct scsi_target *targets[SCSI_TARGETS];
    void (*ready)(void *opaque, struct scsi_target *t);
    void *opaque;
};

/* --- for hosts ------------------------------------------------------------------------------- */

void scsi_bus_init(struct scsi_bus *bus, const char *name, struct device *owner,
                   void (*ready)(void *opaque, struct scsi_target *t), void *opaque);
/* Makes the drives of `-drive if=scsi,bus=number` on this bus. */
bool scsi_create_drives(struct scsi_bus *bus, unsigned number, struct error **err);
/* For boards: as many hosts of that class as -drive if=scsi needs. */
bool scsi_create_hosts(const char *class, struct error **err);

void scsi_command(struct scsi_target *t, unsigned lun, const uint8_t *cdb, unsigned size);
/* What is to be moved now. */
static inline uint32_t scsi_size(const struct scsi_target *t)
{
    return t->s.end - t->s.at;
}
static inline uint8_t *scsi_data(struct scsi_target *t)
{
    return t->s.buffer + t->s.at;
}
void scsi_move(struct scsi_target *t, uint32_t size);
void scsi_finish(struct scsi_target *t);
/* The bus was reset, or the host gave up: the command is forgotten. */
void scsi_cancel(struct scsi_target *t);
/* All targets of a bus are reset. */
void scsi_bus_reset(struct scsi_bus *bus);

/* --- inside of targets ----------------------------------------------------------------------- */

enum {
    SENSE_NOT_READY = 2, SENSE_MEDIUM_ERROR = 3, SENSE_HARDWARE_ERROR = 4,
    SENSE_ILLEGAL_REQUEST = 5, SENSE_UNIT_ATTENTION = 6, SENSE_DATA_PROTECT = 7,
    SENSE_ABORTED = 0xb
};

/* From scsi-disk.c: how commands end. */
void scsi_good(struct scsi_target *t);
void scsi_fail(struct scsi_target *t, uint8_t key, uint8_t code, uint8_t qualifier);
void scsi_invalid_field(struct scsi_target *t);
/* `size` bytes of the buffer, cut to what the initiator allows. */
void scsi_reply(struct scsi_target *t, uint32_t size, uint32_t allowed);
/* Waits for `size` bytes of parameters, and then runs the command again with the phase BUSY. */
void scsi_want(struct scsi_target *t, uint32_t size);
void scsi_read_blocks(struct scsi_target *t, uint64_t lba, uint64_t count);
void scsi_write_blocks(struct scsi_target *t, uint64_t lba, uint64_t count);
void scsi_submit(struct scsi_target *t, enum block_op op, uint64_t offset, uint64_t size,
                 void (*done)(struct scsi_target *t, int result));
/* Blocks of the medium; 0 without one. */
uint64_t scsi_blocks(struct scsi_target *t);

/* From scsi-commands.c and scsi-cd.c. */
void scsi_execute(struct scsi_target *t);
/* A parameter list has come. */
void scsi_parameters(struct scsi_target *t);
/* False: not one of a CD-ROM drive's own. */
bool scsi_cd_execute(struct scsi_target *t);
uint32_t scsi_cd_page(struct scsi_target *t, uint8_t code, uint8_t *to);

#endif
