/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PC's physical memory: RAM below and above 4 GiB, the BIOS ROM, the option ROM area, e820. */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"

#define FOUR_GIB (1ull << 32)
/* RAM reaches up to the first address; if there is more, it ends at the second one. */
#define LOW_LIMIT 0xe0000000ull
#define LOW_LIMIT_SPLIT 0xc0000000ull
#define BIOS_MAX (8u << 20)
#define BIOS_LEGACY 0x20000u
#define OPTION_ROM_BASE 0xc0000
#define OPTION_ROM_SIZE 0x20000

enum { E820_RAM = 1 };

bool pc_memory_init(struct pc *pc, struct error **err)
{
    uint64_t size = pc->config->ram_size;

    if (!pc->has_pci && size > LOW_LIMIT_SPLIT) {
        error_set(err, "isapc has room for 3 GiB of RAM at most");
        return false;
    }
    pc->low_size = size >= LOW_LIMIT ? LOW_LIMIT_SPLIT : size;
    pc->high_size = size - pc->low_size;

    memory_region_init(&pc->system, "system", 0);
    memory_region_init(&pc->io, "io", 0x10000);
    memory_region_init(&pc->pci_space, "pci", 0);
    memory_region_init(&pc->smm, "smm", 0);
    if (!memory_region_init_ram(&pc->ram, "pc.ram", size, err)) {
        return false;
    }
    memory_region_init_alias(&pc->ram_low, "ram-below-4g", &pc->ram, 0, pc->low_size);
    memory_region_add(&pc->system, 0, &pc->ram_low);
    if (pc->high_size) {
        memory_region_init_alias(&pc->ram_high, "ram-above-4g", &pc->ram, pc->low_size,
                                 pc->high_size);
        memory_region_add(&pc->system, FOUR_GIB, &pc->ram_high);
    }
    address_space_init(&pc->memory_as, "memory", &pc->system);
    address_space_init(&pc->io_as, "I/O", &pc->io);
    return true;
}

/* --- ROMs ------------------------------------------------------------------------------------ */

/* Without shadow RAM SeaBIOS keeps its variables in the image, so an ISA machine has it in RAM. */
static bool init_bios_region(struct pc *pc, size_t size, struct error **err)
{
    return pc->has_pci ? memory_region_init_rom(&pc->bios, "pc.bios", size, err)
                       : memory_region_init_ram(&pc->bios, "pc.bios", size, err);
}

static void restore_bios(void *opaque)
{
    struct pc *pc = opaque;

    memcpy(memory_region_host(&pc->bios), pc->bios_image, pc->bios.size);
    memory_note_store(memory_region_ram_addr(&pc->bios), pc->bios.size);
    memset(memory_region_host(&pc->option_roms), 0, OPTION_ROM_SIZE);
    memory_note_store(memory_region_ram_addr(&pc->option_roms), OPTION_ROM_SIZE);
}

static void map_low(struct pc *pc)
{
    struct memory_region *space = pc->has_pci ? &pc->pci_space : &pc->system;
    uint64_t size = pc->bios.size, legacy = MIN_OF(size, BIOS_LEGACY);

    memory_region_init_alias(&pc->bios_low, "isa-bios", &pc->bios, size - legacy, legacy);
    memory_region_add_priority(space, 0x100000 - legacy, &pc->bios_low, 2);
    memory_region_add_priority(space, OPTION_ROM_BASE, &pc->option_roms, 1);
}

/* Below 1 MiB is a copy of the flash's end, which takes no commands. */
static bool copy_flash(struct pc *pc, struct memory_region *flash, struct error **err)
{
    size_t size = MIN_OF(flash->size, BIOS_LEGACY);

    if (!memory_region_init_rom(&pc->bios, "pc.bios", size, err)) {
        return false;
    }
    memcpy(memory_region_host(&pc->bios),
           (uint8_t *)memory_region_host(flash) + flash->size - size, size);
    if (pc->config->bios) {
        error_warn("-bios is not used: the firmware is in the flash");
    }
    return true;
}

static bool load_rom(struct pc *pc, struct error **err)
{
    const char *name = pc->config->bios;
    size_t size;
    uint8_t *image;

    name = name ? name : pc->has_pci ? "bios-256k.bin" : "bios.bin";
    image = pc_firmware_load(name, BIOS_MAX, &size, err);
    if (!image) {
        return false;
    }
    if (size == 0 || size % 65536) {
        error_set(err, "'%s' is no BIOS image: its size is not a multiple of 64 KiB", name);
        g_free(image);
        return false;
    }
    if (!init_bios_region(pc, size, err)) {
        g_free(image);
        return false;
    }
    memcpy(memory_region_host(&pc->bios), image, size);
    if (pc->has_pci) {
        g_free(image);
    } else {
        pc->bios_image = image;
        machine_on_reset(restore_bios, pc);
    }
    memory_region_add_priority(pc->has_pci ? &pc->pci_space : &pc->system, FOUR_GIB - size,
                               &pc->bios, 1);
    return true;
}

bool pc_bios_load(struct pc *pc, struct error **err)
{
    struct memory_region *flash;

    if (!memory_region_init_ram(&pc->option_roms, "pc.rom", OPTION_ROM_SIZE, err) ||
        !pc_flash_create(pc, &flash, err) ||
        !(flash ? copy_flash(pc, flash, err) : load_rom(pc, err))) {
        return false;
    }
    if (pc->has_pci) {
        memory_region_set_readonly(&pc->option_roms, true);
    }
    map_low(pc);
    return true;
}

/* --- e820 ------------------------------------------------------------------------------------ */

static void add_entry(struct pc *pc, unsigned *n, uint64_t base, uint64_t size, uint32_t type)
{
    uint8_t *entry = pc->e820 + 20 * (*n)++;

    st64_le(entry, base);
    st64_le(entry + 8, size);
    st32_le(entry + 16, type);
}

/* SeaBIOS takes RAM from here; what it reserves in it is its own affair. */
void pc_add_e820(struct pc *pc)
{
    unsigned n = 0;

    pc->e820 = g_malloc0(20 * PC_E820_ENTRIES);
    add_entry(pc, &n, 0, pc->low_size, E820_RAM);
    if (pc->high_size) {
        add_entry(pc, &n, FOUR_GIB, pc->high_size, E820_RAM);
    }
    fw_cfg_add_file(pc->fw_cfg, "etc/e820", pc->e820, 20 * n);
}
