/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration bytes in CMOS memory as SeaBIOS reads them: memory, drives, boot order. */
#include <string.h>

#include "base/bits.h"
#include "block.h"
#include "hw/block/fdc.h"
#include "hw/i386/pc.h"
#include "hw/timer/mc146818rtc.h"

static void put16(struct pc *pc, uint8_t index, uint64_t value)
{
    uint16_t word = (uint16_t)MIN_OF(value, 0xffffull);

    rtc_set_cmos(pc->rtc, index, (uint8_t)word);
    rtc_set_cmos(pc->rtc, index + 1, (uint8_t)(word >> 8));
}

static void put_memory(struct pc *pc)
{
    uint64_t low = pc->low_size;
    uint64_t extended = low > 0x100000 ? low - 0x100000 : 0;

    put16(pc, 0x15, MIN_OF(low / 1024, 640ull));
    put16(pc, 0x17, extended / 1024);
    put16(pc, 0x30, extended / 1024);
    put16(pc, 0x34, low > 0x1000000 ? (low - 0x1000000) / 65536 : 0);
    for (unsigned i = 0; i < 3; i++) {
        rtc_set_cmos(pc->rtc, (uint8_t)(0x5b + i), (uint8_t)(pc->high_size >> (16 + 8 * i)));
    }
    rtc_set_cmos(pc->rtc, 0x5f, (uint8_t)(pc->n_cpus - 1));
}

static void put_disk(struct pc *pc, uint8_t type_index, uint8_t index,
                     const struct ide_geometry *g)
{
    uint16_t cylinders = (uint16_t)g->cylinders;

    rtc_set_cmos(pc->rtc, type_index, 47);       /* "user defined" */
    put16(pc, index, cylinders);
    rtc_set_cmos(pc->rtc, index + 2, (uint8_t)g->heads);
    rtc_set_cmos(pc->rtc, index + 3, 0xff);
    rtc_set_cmos(pc->rtc, index + 4, 0xff);
    rtc_set_cmos(pc->rtc, index + 5, (uint8_t)(0xc0 | (g->heads > 8 ? 8 : 0)));
    put16(pc, index + 6, cylinders);
    rtc_set_cmos(pc->rtc, index + 8, (uint8_t)g->sectors);
}

static void put_disks(struct pc *pc)
{
    struct ide_geometry g;
    uint8_t types = 0, translations = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (!pc->ide[i / 2] || !ide_disk_geometry(pc->ide[i / 2], i % 2, &g)) {
            continue;
        }
        translations |= (uint8_t)(g.translation << 2 * i);
        if (i == 0) {
            types |= 0xf0;
            put_disk(pc, 0x19, 0x1b, &g);
        } else if (i == 1) {
            types |= 0x0f;
            put_disk(pc, 0x1a, 0x24, &g);
        }
    }
    rtc_set_cmos(pc->rtc, 0x12, types);
    rtc_set_cmos(pc->rtc, 0x39, translations);
}

static void put_floppies(struct pc *pc)
{
    uint8_t first = fdc_cmos_type(0), second = fdc_cmos_type(1);
    unsigned count = (first != 0) + (second != 0);
    uint8_t equipment = 0x02 | 0x04;             /* x87 and PS/2 mouse */

    rtc_set_cmos(pc->rtc, 0x10, (uint8_t)(first << 4 | second));
    if (count) {
        equipment |= (uint8_t)(0x01 | (count - 1) << 6);
    }
    rtc_set_cmos(pc->rtc, 0x14, equipment);
}

static bool boot_code(char letter, uint8_t *code)
{
    static const char letters[] = "acdn";
    const char *at = letter ? strchr(letters, letter) : NULL;

    *code = at ? (uint8_t)(at - letters + 1) : 0;
    return at != NULL;
}

bool pc_set_boot_order(void *opaque, const char *order, struct error **err)
{
    struct pc *pc = opaque;
    uint8_t codes[3] = { 0 };

    if (strlen(order) > 3) {
        error_set(err, "a PC has three boot devices at most: '%s' names more", order);
        return false;
    }
    for (unsigned i = 0; order[i]; i++) {
        if (!boot_code(order[i], &codes[i])) {
            error_set(err, "'%c' is no boot device of a PC", order[i]);
            return false;
        }
    }
    rtc_set_cmos(pc->rtc, 0x3d, (uint8_t)(codes[1] << 4 | codes[0]));
    rtc_set_cmos(pc->rtc, 0x38, (uint8_t)(codes[2] << 4 | pc->config->no_fd_boot_check));
    return true;
}

void pc_cmos_init(struct pc *pc)
{
    put_memory(pc);
    put_disks(pc);
    put_floppies(pc);
}
