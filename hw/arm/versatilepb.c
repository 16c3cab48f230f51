/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boards Versatile/PB and /AB (ARM DUI 0224 and 0225): which chips there are and where. */
#include <glib.h>

#include "block.h"
#include "hw/arm/board.h"
#include "hw/block/pflash.h"
#include "hw/dma/pl080.h"
#include "hw/i2c/i2c.h"
#include "hw/net/nic.h"
#include "hw/pci/versatile-pci.h"
#include "hw/scsi/scsi.h"
#include "hw/usb/usb.h"
#include "hw/virtio/blk.h"
#include "hw/virtio/share.h"

#define MACHINE_PB 0x183
#define MACHINE_AB 0x25e
#define MAX_RAM (256ull << 20)
#define FLASH_BASE 0x34000000
#define FLASH_SIZE (64u << 20)
#define FLASH_SECTOR (256u << 10)
#define PCI_LINE 27

struct versatile {
    struct board board;
    bool is_ab;
    struct device *vic, *sic, *sysctl;
};

/* Interrupt lines: the primary controller's, and those of the secondary one. */
static struct irq vic(struct versatile *v, unsigned n)
{
    return device_input(v->vic, n);
}

static struct irq sic(struct versatile *v, unsigned n)
{
    return device_input(v->sic, n);
}

static bool make_interrupts(struct versatile *v, struct error **err)
{
    struct board *b = &v->board;

    v->vic = board_chip(b, "pl190", 0x10140000, board_cpu_line(b, 0), err);
    if (!v->vic) {
        return false;
    }
    device_connect(v->vic, 1, board_cpu_line(b, 1));
    v->sic = board_chip(b, "versatile_sic", 0x10003000, (struct irq){ 0 }, err);
    if (!v->sic) {
        return false;
    }
    for (unsigned n = 21; n < 32; n++) {
        device_connect(v->sic, n, vic(v, n));
    }
    return true;
}

static bool make_timers(struct versatile *v, struct error **err)
{
    struct board *b = &v->board;

    return board_chip(b, "sp810", 0x101e0000, (struct irq){ 0 }, err) &&
        board_chip(b, "sp804", 0x101e2000, vic(v, 4), err) &&
        board_chip(b, "sp804", 0x101e3000, vic(v, 5), err) &&
        board_chip(b, "pl031", 0x101e8000, vic(v, 10), err);
}

static bool make_ports(struct versatile *v, struct error **err)
{
    struct board *b = &v->board;

    for (unsigned n = 0; n < 3; n++) {
        if (!board_uart(b, n, 0x101f1000 + n * 0x1000, vic(v, 12 + n), err)) {
            return false;
        }
    }
    for (unsigned n = 0; n < 4; n++) {
        if (!board_chip(b, "pl061", 0x101e4000 + n * 0x1000, vic(v, 6 + n), err)) {
            return false;
        }
    }
    return board_uart(b, 3, 0x10009000, sic(v, 6), err) &&
        board_chip(b, "pl050_keyboard", 0x10006000, sic(v, 3), err) &&
        board_chip(b, "pl050_mouse", 0x10007000, sic(v, 4), err);
}

static bool make_dma(struct versatile *v, struct error **err)
{
    struct board *b = &v->board;
    struct device *dev = device_create("pl080", err);

    if (!dev) {
        return false;
    }
    pl080_set_memory(dev, &b->memory);
    return board_place(b, dev, 0x10130000, vic(v, 17), err);
}

static bool make_display(struct versatile *v, struct error **err)
{
    struct board *b = &v->board;
    struct device *lcd;

    v->sysctl = board_chip(b, "realview_sysctl", 0x10000000, (struct irq){ 0 }, err);
    lcd = v->sysctl ? board_lcd(b, "pl110_versatile", 0x10120000, vic(v, 16), err) : NULL;
    if (!lcd) {
        return false;
    }
    device_connect(v->sysctl, 0, device_input(lcd, 0));
    return true;
}

/* The AB has its only card slot on two lines of the primary controller. */
static bool make_cards(struct versatile *v, struct error **err)
{
    struct board *b = &v->board;

    if (v->is_ab) {
        return board_card(b, 0, 0x10005000, vic(v, 22), vic(v, 23), device_input(v->sysctl, 2),
                          device_input(v->sysctl, 0), err);
    }
    return board_card(b, 0, 0x10005000, sic(v, 22), sic(v, 23), device_input(v->sysctl, 2),
                      device_input(v->sysctl, 0), err) &&
        board_card(b, 1, 0x1000b000, sic(v, 1), sic(v, 2), device_input(v->sysctl, 3),
                   device_input(v->sysctl, 1), err);
}

static bool make_flash(struct versatile *v, struct error **err)
{
    struct device *dev = device_create("cfi.pflash01", err);

    if (!dev || !device_set(dev, "name", "versatile.flash", err)) {
        return false;
    }
    device_set_uint(dev, "sector-length", FLASH_SECTOR);
    device_set_uint(dev, "num-blocks", FLASH_SIZE / FLASH_SECTOR);
    device_set_pointer(dev, "drive", block_find_drive(BLOCK_IF_PFLASH, 0, 0));
    if (!device_realize(dev, err)) {
        return false;
    }
    memory_region_add(&v->board.system, FLASH_BASE, pflash_memory(dev));
    return true;
}

static bool make_i2c(struct versatile *v, struct error **err)
{
    struct device *host = board_chip(&v->board, "versatile_i2c", 0x10002000, (struct irq){ 0 },
                                     err);
    struct device *rtc = host ? device_create("ds1338", err) : NULL;

    if (!rtc) {
        return false;
    }
    device_set_uint(rtc, "address", 0x68);
    return device_realize(rtc, err);
}

static bool make_net(struct versatile *v, struct error **err)
{
    struct device *dev = nic_create_onboard("smc91c111", err);

    return board_place(&v->board, dev, 0x10010000, sic(v, 25), err);
}

static bool make_pci_device(const char *class, struct error **err)
{
    struct device *dev = device_create(class, err);

    return dev && device_realize(dev, err);
}

static bool make_pci(struct versatile *v, struct error **err)
{
    struct device *host = versatile_pci_create(&v->board.system, &v->board.memory, err);

    if (!host) {
        return false;
    }
    for (unsigned n = 0; n < 4; n++) {
        device_connect(host, n, sic(v, PCI_LINE + n));
    }
    if ((v->board.config->usb || usb_wanted()) && !make_pci_device("pci-ohci", err)) {
        return false;
    }
    return scsi_create_hosts("lsi53c895a", err) && nic_create_requested("rtl8139", true, err) &&
        virtio_blk_create_drives(err) && share_create_devices(err);
}

static bool versatile_create(const struct machine_config *config, bool is_ab, struct error **err)
{
    struct versatile *v = g_new0(struct versatile, 1);

    v->is_ab = is_ab;
    return board_init(&v->board, config, MAX_RAM, err) &&
        board_create_cpu(&v->board, "arm926", err) && make_interrupts(v, err) &&
        make_timers(v, err) && make_ports(v, err) && make_dma(v, err) && make_display(v, err) &&
        make_cards(v, err) && make_flash(v, err) && make_i2c(v, err) && make_net(v, err) &&
        make_pci(v, err) && board_boot(&v->board, is_ab ? MACHINE_AB : MACHINE_PB, err);
}

static bool versatilepb_init(const struct machine_config *config, struct error **err)
{
    return versatile_create(config, false, err);
}

static bool versatileab_init(const struct machine_config *config, struct error **err)
{
    return versatile_create(config, true, err);
}

MACHINE(versatilepb) = {
    .name = "versatilepb",
    .desc = "ARM Versatile/PB (ARM926EJ-S)",
    .default_cpu32 = "arm926",
    .max_cpus = 1,
    .default_ram = 128ull << 20,
    .drive_interface = "scsi",
    .init = versatilepb_init,
};

MACHINE(versatileab) = {
    .name = "versatileab",
    .desc = "ARM Versatile/AB (ARM926EJ-S)",
    .default_cpu32 = "arm926",
    .max_cpus = 1,
    .default_ram = 128ull << 20,
    .drive_interface = "scsi",
    .init = versatileab_init,
};
