/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floppy controller, class "isa-fdc": an 82078 at 0x3f0 with two drives on IRQ 6 and DMA 2. */
#ifndef HW_BLOCK_FDC_H
#define HW_BLOCK_FDC_H

#include <stdint.h>

/* The type of drive 0 or 1 as CMOS byte 0x10 has it: 0 none, 2 1.2 MB, 4 1.44 MB, 5 2.88 MB. */
uint8_t fdc_cmos_type(unsigned drive);

#endif
