/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the PC's firmware finds in fw_cfg: sizes, counts, boot choices, option ROMs, boot order. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/loader.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"

void *pc_firmware_load(const char *name, size_t limit, size_t *size, struct error **err)
{
    char *path = machine_find_firmware(name);
    void *data = NULL;

    if (path) {
        data = loader_read_file(path, size, limit, err);
    } else {
        error_set(err, "cannot find the firmware file '%s'", name);
    }
    g_free(path);
    return data;
}

bool pc_add_option_rom(struct pc *pc, const char *file, const char *name, bool boot_first,
                       struct error **err)
{
    size_t size;
    void *data = pc_firmware_load(file, 1u << 20, &size, err);

    if (!data) {
        return false;
    }
    if (strlen(name) > 55) {
        error_set(err, "the name of option ROM '%s' is too long", file);
        g_free(data);
        return false;
    }
    fw_cfg_add_file(pc->fw_cfg, name, data, size);
    if (boot_first) {
        char *list = g_strconcat("/rom@", name, "\n", pc->boot_roms, NULL);
        g_free(pc->boot_roms);
        pc->boot_roms = list;
    }
    return true;
}

static bool add_user_roms(struct pc *pc, struct error **err)
{
    const struct machine_config *config = pc->config;

    for (unsigned i = 0; i < config->n_option_roms; i++) {
        const struct machine_option_rom *rom = &config->option_roms[i];
        char *base = g_path_get_basename(rom->file);
        char *name = g_strdup_printf("genroms/%s", base);
        bool fine = pc_add_option_rom(pc, rom->file, name, rom->boot_index >= 0, err);
        g_free(base);
        g_free(name);
        if (!fine) {
            return false;
        }
    }
    return true;
}

static void add_number_file(struct pc *pc, const char *name, uint64_t value, size_t size)
{
    uint8_t *data = g_malloc0(8);

    st64_le(data, value);
    fw_cfg_add_file(pc->fw_cfg, name, data, size);
}

static void add_boot_choices(struct pc *pc)
{
    const struct machine_config *config = pc->config;
    const char *order = config->boot_once ? config->boot_once : config->boot_order;

    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_BOOT_DEVICE, order ? (uint8_t)order[0] : 'c');
    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_BOOT_MENU, config->boot_menu);
    fw_cfg_add_i16(pc->fw_cfg, FW_CFG_NOGRAPHIC, config->nographic);
    if (config->boot_splash_time >= 0) {
        add_number_file(pc, "etc/boot-menu-wait", (uint64_t)config->boot_splash_time, 2);
    }
    add_number_file(pc, "etc/boot-fail-wait", (uint64_t)(int64_t)config->reboot_timeout, 4);
}

/* One timer block of eight possible: id, address, shortest period. */
static void add_hpet(struct pc *pc)
{
    uint8_t *list = g_malloc0(1 + 8 * 15);

    list[0] = pc->hpet ? 1 : 0xff;               /* 0xff: no blocks at all */
    if (pc->hpet) {
        st32_le(list + 1, HPET_ID);
        st64_le(list + 5, HPET_BASE);
    }
    fw_cfg_add_bytes(pc->fw_cfg, FW_CFG_HPET, list, 1 + 8 * 15);
}

/* S3 and S4 offered, with the sleep types that the power management chip takes. */
static const uint8_t system_states[6] = { 128, 0, 0, 128 | 1, 128 | 2, 128 };

bool pc_fw_cfg_init(struct pc *pc, struct error **err)
{
    struct device *fw_cfg = fw_cfg_create(&pc->io, &pc->memory_as, err);

    if (!fw_cfg) {
        return false;
    }
    pc->fw_cfg = fw_cfg;
    pc->boot_roms = g_strdup("");
    fw_cfg_add_i16(fw_cfg, FW_CFG_NB_CPUS, (uint16_t)pc->n_cpus);
    fw_cfg_add_i16(fw_cfg, FW_CFG_MAX_CPUS, (uint16_t)MAX_OF(pc->config->max_cpus, pc->n_cpus));
    fw_cfg_add_i64(fw_cfg, FW_CFG_RAM_SIZE, pc->config->ram_size);
    fw_cfg_add_i32(fw_cfg, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_bytes(fw_cfg, FW_CFG_UUID, pc->config->uuid, sizeof(pc->config->uuid));
    add_number_file(pc, "etc/max-cpus", MAX_OF(pc->config->max_cpus, pc->n_cpus), 2);
    add_boot_choices(pc);
    pc_add_e820(pc);
    add_hpet(pc);
    if (pc->pm) {
        fw_cfg_add_file(fw_cfg, "etc/system-states", system_states, sizeof(system_states));
    }
    if (!add_user_roms(pc, err) || !pc_load_kernel(pc, err)) {
        return false;
    }
    machine_on_reset(pc_update_boot_order, pc);
    return true;
}
