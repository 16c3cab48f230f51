/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parallel flash, class "cfi.pflash01" (Intel commands). */
#ifndef HW_BLOCK_PFLASH_H
#define HW_BLOCK_PFLASH_H

#include "hw/core/device.h"

/* What the board maps. */
struct memory_region *pflash_memory(struct device *flash);

#endif
