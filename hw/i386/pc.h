/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PC boards' own parts, shared among the files of this folder. */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/core/memory.h"
#include "hw/i386/x86-cpu.h"
#include "hw/ide/ide.h"
#include "hw/isa/isa.h"
#include "hw/pci/i440fx.h"
#include "hw/pci/pci.h"

struct cpu;

#define PC_MAX_CPUS 255
#define PC_E820_ENTRIES 8
#define HPET_BASE 0xfed00000ull
#define HPET_ID 0x8086a201u

struct pc {
    const struct machine_config *config;
    bool has_pci, has_acpi, has_apic;
    /* Memory. */
    struct memory_region system, io, pci_space, smm;
    struct memory_region ram, ram_low, ram_high;
    struct memory_region bios, bios_low, option_roms;
    struct address_space memory_as, io_as, smm_as;
    struct i440fx_memory chipset;    /* what of these the bridges get */
    uint64_t low_size, high_size;    /* of RAM below and above 4 GiB */
    uint8_t *bios_image;             /* isapc: what a reset restores */
    /* Chips. */
    struct isa_bus *isa, isa_own;    /* isa_own: when there is no bridge to hold it */
    struct pci_bus *pci;
    struct device *pic, *ioapic, *rtc, *fw_cfg, *port92, *fpu;
    struct device *pm;               /* NULL without ACPI */
    struct device *hpet;             /* or NULL */
    struct ide_channel *ide[2];
    unsigned n_cpus;
    const char *default_cpu;
    uint8_t *e820;
    char *boot_roms;                 /* lines of the file "bootorder" for option ROMs */
    char *boot_list;                 /* the whole file */
    struct x86_cpu_facts facts;
};

/* pc-memory.c */
bool pc_memory_init(struct pc *pc, struct error **err);
bool pc_bios_load(struct pc *pc, struct error **err);
/* The RAM part of the e820 map, for fw_cfg. */
void pc_add_e820(struct pc *pc);

/* pc-flash.c: the chips of if=pflash; *firmware is the first, or NULL. */
bool pc_flash_create(struct pc *pc, struct memory_region **firmware, struct error **err);

/* pc-cpu.c */
bool pc_cpus_create(struct pc *pc, struct error **err);
/* Local APICs and how lines reach the CPUs; the 8259 pair exists. */
bool pc_apics_create(struct pc *pc, struct error **err);
void pc_connect_a20(struct pc *pc, struct device *i8042);
bool pc_fpu_create(struct pc *pc, struct error **err);

/* pc-cmos.c */
void pc_cmos_init(struct pc *pc);
bool pc_set_boot_order(void *opaque, const char *order, struct error **err);

/* pc-fwcfg.c */
bool pc_fw_cfg_init(struct pc *pc, struct error **err);
/* pc-bootorder.c: a reset hook. */
void pc_update_boot_order(void *opaque);
/* An option ROM that SeaBIOS runs; with boot_first its entry comes before all others. */
bool pc_add_option_rom(struct pc *pc, const char *file, const char *name, bool boot_first,
                       struct error **err);
void *pc_firmware_load(const char *name, size_t limit, size_t *size, struct error **err);

/* pc-boot.c, multiboot.c: -kernel */
bool pc_load_kernel(struct pc *pc, struct error **err);
/* *found: the image has a Multiboot header. */
bool multiboot_load(struct pc *pc, uint8_t *image, size_t size, bool *found, struct error **err);

/* pc-acpi.c, pc-smbios.c: tables for fw_cfg */
void pc_acpi_init(struct pc *pc);
bool pc_smbios_init(struct pc *pc, struct error **err);

#endif
