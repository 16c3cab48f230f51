/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -kernel: splits a bzImage by the Linux/x86 boot protocol into fw_cfg items for linuxboot.bin. */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/loader.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"

/* Offsets in the setup header (Documentation/arch/x86/boot.rst). */
enum {
    SETUP_COMMAND_MAGIC = 0x20, SETUP_COMMAND_OFFSET = 0x22, SETUP_SECTS = 0x1f1,
    SETUP_VIDEO_MODE = 0x1fa, SETUP_MAGIC = 0x202, SETUP_VERSION = 0x206, SETUP_LOADER = 0x210,
    SETUP_FLAGS = 0x211, SETUP_INITRD = 0x218, SETUP_INITRD_SIZE = 0x21c, SETUP_HEAP_END = 0x224,
    SETUP_COMMAND_LINE = 0x228, SETUP_INITRD_MAX = 0x22c
};
enum { FLAG_HIGH = 0x01, FLAG_HEAP = 0x80 };

#define HEADER_MAGIC 0x53726448          /* "HdrS" */
#define LOADER_ID 0xb0
#define KERNEL_MAX (1ull << 31)
/* What SeaBIOS keeps at the end of low memory for its tables. */
#define FIRMWARE_RESERVE 0x80000

struct kernel {
    uint8_t *image;
    size_t size;
    size_t setup_size;
    uint16_t version;
    uint32_t setup_addr, command_addr, kernel_addr, initrd_addr, initrd_max;
    const char *command;
};

static void add_item(struct pc *pc, uint16_t addr_key, uint16_t size_key, uint16_t data_key,
                     uint32_t addr, const void *data, size_t size)
{
    fw_cfg_add_i32(pc->fw_cfg, addr_key, addr);
    fw_cfg_add_i32(pc->fw_cfg, size_key, (uint32_t)size);
    if (size) {
        fw_cfg_add_bytes(pc->fw_cfg, data_key, data, size);
    }
}

/* vga= is the loader's to understand: a mode number, or one of three words. */
static uint16_t video_mode(const char *command)
{
    const char *at = strstr(command, "vga=");

    if (!at) {
        return 0xffff;
    }
    at += 4;
    if (strncmp(at, "normal", 6) == 0) {
        return 0xffff;
    }
    if (strncmp(at, "ext", 3) == 0) {
        return 0xfffe;
    }
    if (strncmp(at, "ask", 3) == 0) {
        return 0xfffd;
    }
    return (uint16_t)strtoul(at, NULL, 0);
}

static bool check_image(struct kernel *k, const char *file, struct error **err)
{
    bool has_header = k->size >= 0x260 && ld32_le(k->image + SETUP_MAGIC) == HEADER_MAGIC;
    unsigned sectors = k->size > SETUP_SECTS ? k->image[SETUP_SECTS] : 0;

    if (k->size < 0x400 || (!has_header && ld16_le(k->image + 0x1fe) != 0xaa55)) {
        error_set(err, "'%s' is neither a Linux kernel image nor a Multiboot kernel", file);
        return false;
    }
    k->version = has_header ? ld16_le(k->image + SETUP_VERSION) : 0;
    k->setup_size = ((sectors ? sectors : 4) + 1) * 512u;
    if (k->setup_size >= k->size) {
        error_set(err, "the kernel image '%s' is cut off", file);
        return false;
    }
    return true;
}

static void choose_addresses(struct kernel *k)
{
    size_t command_size = align_up(strlen(k->command) + 1, 16);

    k->initrd_max = k->version >= 0x203 ? ld32_le(k->image + SETUP_INITRD_MAX) : 0x37ffffff;
    if (k->version < 0x200 || !(k->image[SETUP_FLAGS] & FLAG_HIGH)) {
        k->setup_addr = 0x90000;
        k->command_addr = (uint32_t)(0x9a000 - command_size);
        k->kernel_addr = 0x10000;
    } else if (k->version < 0x202) {
        k->setup_addr = 0x90000;
        k->command_addr = (uint32_t)(0x9a000 - command_size);
        k->kernel_addr = 0x100000;
    } else {
        k->setup_addr = 0x10000;
        k->command_addr = 0x20000;
        k->kernel_addr = 0x100000;
    }
}

static void fill_header(struct kernel *k)
{
    uint8_t *setup = k->image;

    if (k->version >= 0x202) {
        st32_le(setup + SETUP_COMMAND_LINE, k->command_addr);
    } else {
        st16_le(setup + SETUP_COMMAND_MAGIC, 0xa33f);
        st16_le(setup + SETUP_COMMAND_OFFSET, (uint16_t)(k->command_addr - k->setup_addr));
    }
    st16_le(setup + SETUP_VIDEO_MODE, video_mode(k->command));
    if (k->version >= 0x200) {
        setup[SETUP_LOADER] = LOADER_ID;
    }
    if (k->version >= 0x201) {
        setup[SETUP_FLAGS] |= FLAG_HEAP;
        st16_le(setup + SETUP_HEAP_END, (uint16_t)(k->command_addr - k->setup_addr - 0x200));
    }
}

static bool load_initrd(struct pc *pc, struct kernel *k, struct error **err)
{
    const char *file = pc->config->initrd;
    uint64_t limit = pc->low_size > FIRMWARE_RESERVE ? pc->low_size - FIRMWARE_RESERVE : 0;
    uint64_t lowest = k->kernel_addr + (k->size - k->setup_size);
    size_t size;
    uint8_t *data;

    if (!file) {
        return true;
    }
    if (k->version < 0x200) {
        error_set(err, "the kernel is too old for an initial RAM disk");
        return false;
    }
    limit = MIN_OF(limit, (uint64_t)k->initrd_max + 1);
    data = loader_read_file(file, &size, KERNEL_MAX, err);
    if (!data) {
        return false;
    }
    if (size > limit || align_down(limit - size, 4096) < lowest) {
        error_set(err, "there is not enough memory for the initial RAM disk '%s'", file);
        g_free(data);
        return false;
    }
    k->initrd_addr = (uint32_t)align_down(limit - size, 4096);
    st32_le(k->image + SETUP_INITRD, k->initrd_addr);
    st32_le(k->image + SETUP_INITRD_SIZE, (uint32_t)size);
    add_item(pc, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, k->initrd_addr, data,
             size);
    return true;
}

static bool load_linux(struct pc *pc, struct kernel *k, struct error **err)
{
    size_t protected_size;

    if (!check_image(k, pc->config->kernel, err)) {
        return false;
    }
    choose_addresses(k);
    protected_size = k->size - k->setup_size;
    if (k->command_addr <= k->setup_addr || strlen(k->command) > 0xffff) {
        error_set(err, "the kernel command line is too long");
        return false;
    }
    if (k->kernel_addr + (uint64_t)protected_size > pc->low_size) {
        error_set(err, "there is not enough memory for the kernel '%s'", pc->config->kernel);
        return false;
    }
    add_item(pc, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, 0, NULL, 0);
    if (!load_initrd(pc, k, err)) {
        return false;
    }
    fill_header(k);
    add_item(pc, FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, k->setup_addr, k->image,
             k->setup_size);
    add_item(pc, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, k->kernel_addr,
             k->image + k->setup_size, protected_size);
    add_item(pc, FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, k->command_addr,
             k->command, strlen(k->command) + 1);
    return pc_add_option_rom(pc, "linuxboot.bin", "genroms/linuxboot.bin", true, err);
}

bool pc_load_kernel(struct pc *pc, struct error **err)
{
    const struct machine_config *config = pc->config;
    struct kernel k = { .command = config->append ? config->append : "" };
    bool is_multiboot = false;

    if (!config->kernel) {
        if (config->initrd || config->append) {
            error_set(err, "-%s only works with -kernel", config->initrd ? "initrd" : "append");
            return false;
        }
        return true;
    }
    k.image = loader_read_file(config->kernel, &k.size, KERNEL_MAX, err);
    if (!k.image) {
        return false;
    }
    if (!multiboot_load(pc, k.image, k.size, &is_multiboot, err)) {
        return false;
    }
    return is_multiboot || load_linux(pc, &k, err);
}
