/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts kernels on ARM boards: -kernel, -initrd, -append, -dtb. */
#ifndef HW_ARM_BOOT_H
#define HW_ARM_BOOT_H

#include "base/error.h"
#include "cpu-exec.h"
#include "hw/core/machine.h"
#include "hw/core/memory.h"

struct arm_board {
    const struct machine_config *config;
    struct cpu *cpu;
    struct address_space *memory;
    uint64_t ram_base, ram_size;
    uint32_t id;                    /* the machine type number of ARM Linux, for r1 */
};

/* Reads the images and has them put into memory, and the CPU started, at each reset. Without
 * -kernel the CPU starts at its reset vector. The board must stay. */
bool arm_boot(const struct arm_board *board, struct error **err);

/* --- boot-image.c ---------------------------------------------------------------------------- */

/* A piece of memory to fill. */
struct arm_blob {
    uint64_t address;
    uint8_t *data;                  /* for g_free() */
    size_t size;
    struct arm_blob *next;
};

struct arm_image {
    struct arm_blob *blobs;
    uint64_t entry;
    uint64_t end;                   /* behind its last byte */
    bool is_linux;                    /* starts by the rules for Linux kernels */
};

void arm_blob_add(struct arm_blob **list, uint64_t address, uint8_t *data, size_t size);
/* ELF, U-Boot image, or raw bytes such as a zImage, which go to `raw_address`. */
bool arm_image_read(const char *path, uint64_t raw_address, size_t max, struct arm_image *image,
                    struct error **err);
/* Takes data and gives it back without the header of a U-Boot image, unpacked. */
uint8_t *arm_uimage_payload(uint8_t *data, size_t *size, size_t max, const char *path,
                            struct error **err);

/* --- fdt.c ----------------------------------------------------------------------------------- */

struct arm_fdt_facts {
    uint64_t ram_base, ram_size;
    uint64_t initrd, initrd_size;   /* size 0: there is none */
    const char *command_line;       /* NULL: what the tree says */
};
/* A device tree from a file with memory size, initrd and command line put in; for g_free(). */
uint8_t *arm_fdt_read(const char *path, const struct arm_fdt_facts *facts, size_t *size,
                      struct error **err);

#endif
