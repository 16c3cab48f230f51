/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL080 DMA controller, class "pl080". */
#ifndef HW_DMA_PL080_H
#define HW_DMA_PL080_H

#include "hw/core/device.h"
#include "hw/core/memory.h"

/* What it reads and writes; before it is realized. */
void pl080_set_memory(struct device *dma, struct address_space *memory);

#endif
