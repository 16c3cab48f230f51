/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Live migration: a thread sends RAM while the machine runs, again and again what changed, until
 * the rest can go within the allowed downtime. Then the machine stops, the rest and the state of
 * the devices follow, and the other side answers. Anything that goes wrong before that answer lets
 * the machine run on here.
 *
 * All functions: main thread, big lock held.
 */
#ifndef MIGRATION_MIGRATION_H
#define MIGRATION_MIGRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "migration/ram.h"

enum migration_status {
    MIGRATION_NONE, MIGRATION_SETUP, MIGRATION_ACTIVE, MIGRATION_DEVICE, MIGRATION_COMPLETED,
    MIGRATION_FAILED, MIGRATION_CANCELLING, MIGRATION_CANCELLED
};

struct migration_info {
    enum migration_status status;
    const char *reason;             /* of a failure */
    int64_t total_ms, setup_ms, downtime_ms, expected_downtime_ms;
    uint64_t remaining, total;      /* bytes of RAM */
    uint64_t passes, pages_per_second, dirty_pages_per_second;
    double megabits_per_second;
    struct ram_stats ram;
};

struct migration_parameters {
    uint64_t max_bandwidth;         /* bytes a second; 0: no limit */
    uint64_t downtime_limit;        /* ms */
};
extern struct migration_parameters migration_parameters;

/* `done` is called when it is over, however it went; NULL is allowed. */
bool migration_start(const char *uri, void (*done)(void *opaque), void *opaque, struct error **err);
void migration_cancel(void);
void migration_get_info(struct migration_info *info);
/* True, with the reason, when the machine is on its way out or in: other changes must wait. */
bool migration_refuses(struct error **err);

/* -incoming: the machine waits; once it is there it runs if `run` and if it ran where it came
 * from. What goes wrong ends the emulator. "defer" waits for migration_incoming(). */
bool migration_incoming_prepare(const char *uri, bool run, struct error **err);
bool migration_incoming(const char *uri, struct error **err);
/* The start of the machine: -incoming, -loadvm (NULL: neither), or plainly. */
bool migration_begin(const char *incoming, const char *snapshot, bool run, struct error **err);
/* At exit: what waits for a connection that will not come any more. */
void migration_incoming_close(void);

#endif
