/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware configuration device, class "fw_cfg_io": numbered items and a directory of named
 * files, read through ports 0x510 (selector), 0x511 (data) and 0x514 (DMA).
 */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"

enum {
    FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_UUID = 0x02, FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04, FW_CFG_NB_CPUS = 0x05, FW_CFG_MACHINE_ID = 0x06,
    FW_CFG_KERNEL_ADDR = 0x07, FW_CFG_KERNEL_SIZE = 0x08, FW_CFG_KERNEL_CMDLINE = 0x09,
    FW_CFG_INITRD_ADDR = 0x0a, FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d, FW_CFG_BOOT_MENU = 0x0e, FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10, FW_CFG_KERNEL_DATA = 0x11, FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13, FW_CFG_CMDLINE_SIZE = 0x14, FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16, FW_CFG_SETUP_SIZE = 0x17, FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19, FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000
};
/* x86: items of the board. */
enum {
    FW_CFG_ACPI_TABLES = FW_CFG_ARCH_LOCAL, FW_CFG_SMBIOS_ENTRIES = FW_CFG_ARCH_LOCAL + 1,
    FW_CFG_IRQ0_OVERRIDE = FW_CFG_ARCH_LOCAL + 2, FW_CFG_E820_TABLE = FW_CFG_ARCH_LOCAL + 3,
    FW_CFG_HPET = FW_CFG_ARCH_LOCAL + 4
};

/* Made and realized: ports mapped in `io`, DMA through `dma` (NULL: no DMA interface). */
struct device *fw_cfg_create(struct memory_region *io, struct address_space *dma,
                             struct error **err);

/* `data` is kept, not copied, and must stay. A second call for a key or name replaces the first. */
void fw_cfg_add_bytes(struct device *fw_cfg, uint16_t key, const void *data, size_t size);
/* These copy. Numbers are little endian; the string is with its zero byte. */
void fw_cfg_add_string(struct device *fw_cfg, uint16_t key, const char *text);
void fw_cfg_add_i16(struct device *fw_cfg, uint16_t key, uint16_t value);
void fw_cfg_add_i32(struct device *fw_cfg, uint16_t key, uint32_t value);
void fw_cfg_add_i64(struct device *fw_cfg, uint16_t key, uint64_t value);

/* A named file of the directory ("etc/e820"), `data` kept. At most 55 characters of name. All files
 * are added before the machine starts: keys follow the order of the names. */
void fw_cfg_add_file(struct device *fw_cfg, const char *name, const void *data, size_t size);
/* As above; `select` (may be NULL) is called before the guest reads the file from its start, and
 * may replace the data with fw_cfg_set_file(). With `written` the guest may write by DMA into
 * `data`, and each write is reported. */
void fw_cfg_add_file_callback(struct device *fw_cfg, const char *name, void *data, size_t size,
                              void (*select)(void *opaque),
                              void (*written)(void *opaque, size_t offset, size_t size),
                              void *opaque);
/* Other contents for a file that exists. */
void fw_cfg_set_file(struct device *fw_cfg, const char *name, const void *data, size_t size);

#endif
