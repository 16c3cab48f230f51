/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board Integrator/CP (ARM DUI 0159): which chips there are and where. */
#include <glib.h>

#include "hw/arm/board.h"
#include "hw/misc/integrator.h"
#include "hw/net/nic.h"

#define MACHINE_ID 0x113
#define MAX_RAM (256ull << 20)
#define RAM_ALIAS 0x80000000
#define BOOT_FLASH 0x20000000
#define BOOT_FLASH_SIZE (1u << 20)

struct integrator {
    struct board board;
    struct memory_region ram_alias, flash, low;
    struct device *pic, *sic, *icp;
};

static struct irq pic(struct integrator *m, unsigned n)
{
    return device_input(m->pic, n);
}

/* The primary controller of the board, and behind its line 26 the secondary one. */
static bool make_interrupts(struct integrator *m, struct error **err)
{
    struct board *b = &m->board;

    m->pic = board_chip(b, "integrator_pic", 0x14000000, board_cpu_line(b, 0), err);
    if (!m->pic) {
        return false;
    }
    device_connect(m->pic, 1, board_cpu_line(b, 1));
    m->sic = board_chip(b, "integrator_pic", 0xca000000, pic(m, 26), err);
    return m->sic != NULL;
}

/* RAM is at 0 and again at 2 GiB; the boot flash lies over it until the guest remaps. */
static bool make_core_module(struct integrator *m, struct error **err)
{
    struct board *b = &m->board;
    struct device *core = device_create("integrator_core", err);

    if (!core || !memory_region_init_rom(&m->flash, "integrator.flash", BOOT_FLASH_SIZE, err)) {
        return false;
    }
    memory_region_init_alias(&m->ram_alias, "ram.alias", &b->ram, 0, b->config->ram_size);
    memory_region_add(&b->system, RAM_ALIAS, &m->ram_alias);
    memory_region_add(&b->system, BOOT_FLASH, &m->flash);
    memory_region_init_alias(&m->low, "flash.alias", &m->flash, 0, BOOT_FLASH_SIZE);
    memory_region_add_priority(&b->system, 0, &m->low, 1);
    device_set_uint(core, "ram_size", b->config->ram_size);
    integrator_core_set_remap(core, &m->low, b->config->kernel != NULL);
    return board_place(b, core, 0x10000000, (struct irq){ 0 }, err);
}

static bool make_chips(struct integrator *m, struct error **err)
{
    struct board *b = &m->board;
    struct device *pit = device_create("integrator_pit", err);

    if (!pit) {
        return false;
    }
    device_set_uint(pit, "freq0", 25000000);
    for (unsigned n = 1; n < 3; n++) {
        device_connect(pit, n, pic(m, 5 + n));
    }
    m->icp = board_chip(b, "icp-ctrl-regs", 0xcb000000, device_input(m->sic, 3), err);
    return m->icp && board_place(b, pit, 0x13000000, pic(m, 5), err) &&
        board_chip(b, "pl031", 0x15000000, pic(m, 8), err) &&
        board_uart(b, 0, 0x16000000, pic(m, 1), err) &&
        board_uart(b, 1, 0x17000000, pic(m, 2), err) &&
        board_chip(b, "pl050_keyboard", 0x18000000, pic(m, 3), err) &&
        board_chip(b, "pl050_mouse", 0x19000000, pic(m, 4), err) &&
        board_chip(b, "integrator_debug", 0x1a000000, (struct irq){ 0 }, err) &&
        board_card(b, 0, 0x1c000000, pic(m, 23), pic(m, 24), device_input(m->icp, 0),
                   device_input(m->icp, 1), err) &&
        board_lcd(b, "pl110", 0xc0000000, pic(m, 22), err) &&
        board_place(b, nic_create_onboard("smc91c111", err), 0xc8000000, pic(m, 27), err) &&
        nic_create_requested("smc91c111", false, err);
}

static bool integratorcp_init(const struct machine_config *config, struct error **err)
{
    struct integrator *m = g_new0(struct integrator, 1);

    return board_init(&m->board, config, MAX_RAM, err) &&
        board_create_cpu(&m->board, "arm926", err) && make_interrupts(m, err) &&
        make_core_module(m, err) && make_chips(m, err) &&
        board_boot(&m->board, MACHINE_ID, err);
}

MACHINE(integratorcp) = {
    .name = "integratorcp",
    .desc = "ARM Integrator/CP (ARM926EJ-S)",
    .default_cpu32 = "arm926",
    .max_cpus = 1,
    .default_ram = 128ull << 20,
    .init = integratorcp_init,
};
