/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's memory balloon, for monitors. */
#ifndef HW_VIRTIO_BALLOON_H
#define HW_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Asks the guest to have this many bytes of memory, at most all. False without a balloon. */
bool balloon_set(uint64_t bytes, struct error **err);
/* What the guest has now. */
bool balloon_get(uint64_t *bytes, struct error **err);

#endif
