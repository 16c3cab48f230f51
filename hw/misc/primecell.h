/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The identification registers that end the 4 KiB of every ARM PrimeCell. */
#ifndef HW_MISC_PRIMECELL_H
#define HW_MISC_PRIMECELL_H

#include <stdbool.h>
#include <stdint.h>

#define PRIMECELL_SIZE 0x1000
#define PRIMECELL_ID 0xfe0          /* the first of eight, a byte in each word */

/* `id` has part number, designer, revision and configuration in its low to high bytes. */
static inline uint32_t primecell_id(uint32_t id, uint64_t offset)
{
    static const uint8_t cell[4] = { 0x0d, 0xf0, 0x05, 0xb1 };
    unsigned n = (offset - PRIMECELL_ID) / 4 & 7;

    return n < 4 ? id >> 8 * n & 0xff : cell[n - 4];
}

#endif
