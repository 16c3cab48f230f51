/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits of a drive's, or a group of drives', speed: leaky buckets of bytes and operations. A
 * bucket drains at the average rate; what overflows it waits.
 */
#ifndef BLOCK_THROTTLE_H
#define BLOCK_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/keyval.h"

enum throttle_kind {
    THROTTLE_BPS, THROTTLE_BPS_READ, THROTTLE_BPS_WRITE,
    THROTTLE_IOPS, THROTTLE_IOPS_READ, THROTTLE_IOPS_WRITE, THROTTLE_KINDS
};

struct throttle_limits {
    struct throttle_limit {
        uint64_t average;       /* a second; 0: no limit */
        uint64_t max;           /* during bursts; 0: none */
        uint64_t length;        /* of a burst, seconds */
    } limit[THROTTLE_KINDS];
    uint64_t iops_size;         /* larger requests count as several; 0: never */
};

struct throttle;

/* The keys of -drive; *throttle stays NULL without any. `id` names the group when none is given. */
bool throttle_parse(struct throttle **throttle, struct keyval *kv, const char *id,
                    struct error **err);
bool throttle_check(const struct throttle_limits *limits, struct error **err);
/* Changes the limits of the whole group; makes *throttle when it is NULL. */
void throttle_set(struct throttle **throttle, const struct throttle_limits *limits,
                  const char *id);
void throttle_get(struct throttle *throttle, struct throttle_limits *limits);
const char *throttle_group(const struct throttle *throttle);
bool throttle_active(struct throttle *throttle);
/* Leaves the group; NULL is allowed. */
void throttle_release(struct throttle *throttle);
/* 0: the request may go, and is counted; else the nanoseconds after which to ask again. */
int64_t throttle_ask(struct throttle *throttle, bool write, uint64_t size, int64_t now);
/* Counts a request that goes whatever the limits say: drains do not wait. */
void throttle_count(struct throttle *throttle, bool write, uint64_t size, int64_t now);

#endif
