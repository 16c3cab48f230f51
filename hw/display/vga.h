/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA adapters for boards: class "VGA" on PCI, and the one of an ISA machine. */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/isa/isa.h"

/* The legacy window 0xa0000 to 0xbffff and the VGA ports need the spaces of the ISA bus. */
struct device *vga_isa_create(struct isa_bus *isa, uint32_t memory_mb, struct error **err);

#endif
