/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives as devices and tools see them: bytes of a medium behind format and protocol drivers.
 *
 * Results are 0 or a negative errno. Synchronous calls work on any thread without the big lock and
 * may block. Requests run on the drive's own worker threads and complete on the main thread under
 * the big lock; a device submits with the big lock held. Requests that overlap in flight are the
 * submitter's race, as on real disks.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/keyval.h"

struct block;

#define BLOCK_SECTOR_SIZE 512

enum block_type { BLOCK_DISK, BLOCK_CDROM, BLOCK_FLOPPY, BLOCK_CARD };
enum block_if {
    BLOCK_IF_NONE, BLOCK_IF_IDE, BLOCK_IF_SCSI, BLOCK_IF_FLOPPY, BLOCK_IF_PFLASH, BLOCK_IF_VIRTIO,
    BLOCK_IF_SD, BLOCK_IF_MTD
};

/* --- opening --------------------------------------------------------------------------------- */

/* An image without a drive around it: tools, -loadvm checks. Keys as in -drive (format, cache,
 * ...); options may be NULL. */
struct block *block_open(const char *file, struct keyval *options, bool readonly,
                         struct error **err);
/* `-drive text`: keeps the interface, bus, unit and id for boards to find. */
struct block *block_add_drive(const char *text, struct error **err);
/* What drives without if= are on: NULL is "ide". `name` must stay. */
void block_set_default_interface(const char *name);
void block_close(struct block *block);

struct block *block_find(const char *id);
/* The drive of `-drive if=...,bus=...,unit=...`, or NULL. */
struct block *block_find_drive(enum block_if interface, unsigned bus, unsigned unit);
struct block *block_first(void);
struct block *block_next(struct block *block);

/* --- facts ----------------------------------------------------------------------------------- */

const char *block_id(const struct block *block);
const char *block_file(const struct block *block);     /* "" when the drive is empty */
const char *block_format(const struct block *block);
const char *block_serial(const struct block *block);   /* NULL unless serial= was given */
enum block_type block_type(const struct block *block);
/* False: no medium in the drive; every access then gives -ENOMEDIUM. */
bool block_inserted(const struct block *block);
/* In bytes, or -errno; it may change for host devices and growing images. */
int64_t block_length(struct block *block);
bool block_readonly(const struct block *block);
/* False with cache=writethrough: a completed write is already stable. */
bool block_write_cache(const struct block *block);
void block_set_write_cache(struct block *block, bool on);
/* Geometry from -drive or -hdachs; false leaves the choice to the device. trans is 0 to choose. */
struct block_geometry {
    uint32_t cylinders, heads, sectors, trans;
};
bool block_geometry_hint(const struct block *block, struct block_geometry *geometry);

/* --- synchronous access ---------------------------------------------------------------------- */

/* The whole range or an error; out of range is -EINVAL. Any alignment. */
int block_pread(struct block *block, uint64_t offset, void *data, size_t size);
int block_pwrite(struct block *block, uint64_t offset, const void *data, size_t size);
int block_write_zeroes(struct block *block, uint64_t offset, uint64_t size, bool may_unmap);
int block_discard(struct block *block, uint64_t offset, uint64_t size);
/* All completed writes are on stable storage when it returns 0. */
int block_flush(struct block *block);

/* --- asynchronous access --------------------------------------------------------------------- */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

/* Owned by the submitter; untouched by it from submit until `done` (which may free it). */
struct block_request {
    enum block_op op;
    uint64_t offset;
    uint64_t size;                 /* must equal the vector's total for reads and writes */
    const struct iovec *iov;       /* or NULL: `data` alone */
    unsigned iov_count;
    void *data;
    bool keep_allocated;           /* written zeroes stay allocated in the image */
    void (*done)(struct block_request *request, int result);
    void *opaque;                  /* the submitter's own */
    /* The block layer's own from here. */
    struct block *block;
    struct block_request *next;
    int result;
    uint8_t phase;
};

void block_submit(struct block *block, struct block_request *request);
/* True if it was removed before it started, and `done` is not called; false: `done` will be. */
bool block_cancel(struct block_request *request);
/* Waits for all requests of one drive, or of all; runs the main loop's callbacks meanwhile. For
 * resets, stop, savevm and exit. With the big lock held. */
void block_drain(struct block *block);
void block_drain_all(void);

/* Takes the images back after a migration gave them up; nothing to do otherwise. On failure some
 * drives stay as they were. */
bool block_activate_all(struct error **err);

/* What -drive werror=/rerror= wants done about a failed request. Asked once for each: it tells
 * management of the failure. */
enum block_error_action { BLOCK_ERROR_REPORT, BLOCK_ERROR_IGNORE, BLOCK_ERROR_STOP };
enum block_error_action block_error_action(struct block *block, bool is_read, int result);

/* --- removable media ------------------------------------------------------------------------- */

/* The device's side. `changed` is called after a medium came or went. */
struct block_device_ops {
    void (*changed)(void *opaque, bool inserted);
    /* The monitor asks to take the medium out although the guest locked the tray; may be NULL. */
    void (*eject_request)(void *opaque, bool force);
    bool (*tray_open)(void *opaque);
    bool (*locked)(void *opaque);
    /* The medium has another length now; may be NULL. */
    void (*resized)(void *opaque);
};
/* Claims the drive for one device; fails when another has it. */
bool block_attach(struct block *block, const struct block_device_ops *ops, void *opaque,
                  struct error **err);
void block_detach(struct block *block);
/* Its device was unplugged: a -drive is closed then, a -blockdev stays for another device. */
void block_release(struct block *block);
/* The guest's side: it ejects (or loads) by command. */
void block_eject(struct block *block);
/* The monitor's side: `change`, `eject`. */
bool block_change_medium(struct block *block, const char *file, const char *format,
                         struct error **err);
bool block_eject_medium(struct block *block, bool force, struct error **err);

/* --- counters, `info blockstats` ------------------------------------------------------------- */

struct block_stats {
    uint64_t read_bytes, write_bytes, read_count, write_count, flush_count;
    uint64_t read_ns, write_ns, flush_ns;
    int64_t last_access;            /* on CLOCK_HOST; 0: never */
};
void block_get_stats(struct block *block, struct block_stats *stats);

#endif
