/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that start block jobs, and that take external snapshots. */
#include <string.h>

#include "block/job.h"
#include "monitor/qmp.h"

static struct block *find_drive(const struct json *args, struct error **err)
{
    struct block *block = block_find(qmp_text(args, "device"));

    if (!block) {
        error_set(err, "Cannot find device='%s' nor node-name=''", qmp_text(args, "device"));
    }
    return block;
}

static bool is_existing(const struct json *args)
{
    const char *mode = qmp_text(args, "mode");

    return mode && strcmp(mode, "existing") == 0;
}

/* What is to be copied, and whether the target is there. */
static bool job_flags(const struct json *args, unsigned *flags, struct error **err)
{
    const char *sync = qmp_text(args, "sync");

    if (strcmp(sync, "full") != 0 && strcmp(sync, "top") != 0) {
        error_set(err, "sync mode '%s' is not available; there are full and top", sync);
        return false;
    }
    *flags = (strcmp(sync, "full") == 0 ? JOB_FULL : 0) | (is_existing(args) ? JOB_REUSE : 0) |
        (qmp_bool(args, "compress", false) ? JOB_COMPRESS : 0);
    return true;
}

static uint64_t speed_of(const struct json *args)
{
    int64_t speed = qmp_int(args, "speed", 0);

    return speed > 0 ? (uint64_t)speed : 0;
}

static struct json *copy(const struct json *args, struct error **err,
                         bool (*start)(struct block *block, const char *file, const char *format,
                                       unsigned flags, struct error **err))
{
    struct block *block = find_drive(args, err);
    unsigned flags;

    if (block && job_flags(args, &flags, err) &&
        start(block, qmp_text(args, "target"), qmp_text(args, "format"), flags, err)) {
        block_job_set_speed(block_job_find(block_id(block), NULL), speed_of(args));
    }
    return NULL;
}

struct json *qmp_drive_mirror(const struct json *args, struct error **err)
{
    return copy(args, err, block_mirror);
}

struct json *qmp_drive_backup(const struct json *args, struct error **err)
{
    return copy(args, err, block_backup);
}

struct json *qmp_block_stream(const struct json *args, struct error **err)
{
    struct block *block = find_drive(args, err);

    if (block) {
        block_stream(block, qmp_text(args, "base"), speed_of(args), err);
    }
    return NULL;
}

struct json *qmp_block_commit(const struct json *args, struct error **err)
{
    struct block *block = find_drive(args, err);

    if (block) {
        block_commit_live(block, qmp_text(args, "base"), speed_of(args), err);
    }
    return NULL;
}

struct json *qmp_snapshot_sync(const struct json *args, struct error **err)
{
    struct block *block = find_drive(args, err);

    if (block) {
        block_snapshot_external(block, qmp_text(args, "snapshot-file"), qmp_text(args, "format"),
                                is_existing(args), err);
    }
    return NULL;
}
