/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's flash: chips that end below 4 GiB, each under the one before. The first holds the
 * firmware in place of the ROM, further ones what it keeps, such as the variables of UEFI.
 */
#include <glib.h>

#include "block.h"
#include "hw/block/pflash.h"
#include "hw/i386/pc.h"

#define TOP (1ull << 32)
#define FLASH_MAX (8u << 20)        /* all chips; below are the APICs */
#define SECTOR 4096
#define CHIPS 2

static struct block *drive_of(unsigned unit)
{
    struct block *block = block_find_drive(BLOCK_IF_PFLASH, 0, unit);

    return block && block_inserted(block) ? block : NULL;
}

static struct device *make_chip(unsigned unit, uint64_t size, struct error **err)
{
    struct device *dev = device_create("cfi.pflash01", err);
    char name[16];

    g_snprintf(name, sizeof(name), "system.flash%u", unit);
    if (!dev || !device_set(dev, "name", name, err)) {
        return NULL;
    }
    device_set_uint(dev, "width", 1);
    device_set_uint(dev, "sector-length", SECTOR);
    device_set_uint(dev, "num-blocks", size / SECTOR);
    device_set_uint(dev, "id0", 0);
    device_set_uint(dev, "id1", 0);
    device_set_pointer(dev, "drive", drive_of(unit));
    return device_realize(dev, err) ? dev : NULL;
}

bool pc_flash_create(struct pc *pc, struct memory_region **firmware, struct error **err)
{
    uint64_t end = TOP;

    *firmware = NULL;
    for (unsigned unit = 0; unit < CHIPS && pc->has_pci; unit++) {
        struct block *block = drive_of(unit);
        int64_t size = block ? block_length(block) : 0;
        struct device *dev;

        if (!block) {
            continue;
        }
        if (unit && !*firmware) {
            error_set(err, "the flash in unit %u needs one with the firmware in unit 0", unit);
            return false;
        }
        if (size <= 0 || size % SECTOR || size > (int64_t)(FLASH_MAX - (TOP - end))) {
            error_set(err, "the flash in unit %u: %lld bytes are no multiple of %u, or there are "
                      "more than %u in all", unit, (long long)size, SECTOR, FLASH_MAX);
            return false;
        }
        dev = make_chip(unit, size, err);
        if (!dev) {
            return false;
        }
        end -= size;
        memory_region_add_priority(&pc->pci_space, end, pflash_memory(dev), 1);
        *firmware = *firmware ? *firmware : pflash_memory(dev);
    }
    return true;
}
