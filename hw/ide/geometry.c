/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cylinders, heads and sectors that a disk claims, and how BIOSes translate them. */
#include "base/bits.h"
#include "block.h"
#include "hw/ide/ide.h"

enum { TRANSLATION_NONE, TRANSLATION_LBA, TRANSLATION_LARGE };

/* The first partition's end is on a track's end if the partitioning tool knew its geometry. */
static bool from_partitions(struct block *block, uint64_t total, struct ide_geometry *g)
{
    uint8_t mbr[BLOCK_SECTOR_SIZE];

    if (block_pread(block, 0, mbr, sizeof(mbr)) < 0 || ld16_le(mbr + 510) != 0xaa55) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *entry = mbr + 0x1be + 16 * i;
        uint32_t heads = entry[5] + 1u, sectors = entry[6] & 63;
        if (ld32_le(entry + 12) == 0 || entry[5] == 0 || sectors == 0) {
            continue;
        }
        g->heads = heads;
        g->sectors = sectors;
        g->cylinders = (uint32_t)MIN_OF(total / (heads * sectors), 16384u);
        return g->cylinders >= 1 && g->cylinders <= 16383;
    }
    return false;
}

static void from_size(uint64_t total, struct ide_geometry *g)
{
    uint64_t cylinders = total / (16 * 63);

    g->heads = 16;
    g->sectors = 63;
    g->cylinders = (uint32_t)MAX_OF(MIN_OF(cylinders, 16383u), 2u);
}

void ide_guess_geometry(struct block *block, struct ide_geometry *g)
{
    int64_t length = block_length(block);
    uint64_t total = length > 0 ? (uint64_t)length / BLOCK_SECTOR_SIZE : 0;
    struct block_geometry hint;

    if (block_geometry_hint(block, &hint) && hint.heads && hint.sectors) {
        g->cylinders = hint.cylinders;
        g->heads = MIN_OF(hint.heads, 16u);
        g->sectors = MIN_OF(hint.sectors, 63u);
        g->translation = g->cylinders <= 1024 ? TRANSLATION_NONE : TRANSLATION_LBA;
        if (hint.trans) {
            g->translation = (uint8_t)(hint.trans - 1);
        }
    } else if (from_partitions(block, total, g)) {
        g->translation = TRANSLATION_NONE;
        if (g->heads > 16) {         /* made under a translation: the disk's own is the usual one */
            from_size(total, g);
            g->translation = g->cylinders * g->heads <= 131072 ? TRANSLATION_LARGE
                                                               : TRANSLATION_LBA;
        }
    } else {
        from_size(total, g);
        g->translation = g->cylinders <= 1024 ? TRANSLATION_NONE : TRANSLATION_LBA;
    }
}
