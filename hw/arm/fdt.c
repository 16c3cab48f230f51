/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device trees: what the loader knows goes into the tree that the user gave. */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/arm/boot.h"
#include "hw/core/loader.h"

#ifdef CONFIG_FDT
#include <libfdt.h>

#define FDT_MAX (2u << 20)
#define EXTRA 8192                  /* for properties that are added */

/* As many cells as the tree's root wants. */
static unsigned put_cells(uint8_t *to, uint64_t value, int cells)
{
    if (cells == 2) {
        st64_be(to, value);
        return 8;
    }
    st32_be(to, (uint32_t)value);
    return 4;
}

static int find_memory(const void *fdt)
{
    int node = fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", 7);

    return node < 0 ? fdt_path_offset(fdt, "/memory") : node;
}

static int set_memory(void *fdt, const struct arm_fdt_facts *facts)
{
    int node = find_memory(fdt), result;
    uint8_t reg[16];
    unsigned size;

    if (node < 0) {
        node = fdt_add_subnode(fdt, 0, "memory");
        result = node < 0 ? node : fdt_setprop_string(fdt, node, "device_type", "memory");
        if (result < 0) {
            return result;
        }
    }
    size = put_cells(reg, facts->ram_base, fdt_address_cells(fdt, 0));
    size += put_cells(reg + size, facts->ram_size, fdt_size_cells(fdt, 0));
    return fdt_setprop(fdt, node, "reg", reg, (int)size);
}

static int set_chosen(void *fdt, const struct arm_fdt_facts *facts)
{
    int node = fdt_path_offset(fdt, "/chosen"), result = 0;

    if (node < 0) {
        node = fdt_add_subnode(fdt, 0, "chosen");
    }
    if (node < 0) {
        return node;
    }
    if (facts->command_line) {
        result = fdt_setprop_string(fdt, node, "bootargs", facts->command_line);
    }
    if (result == 0 && facts->initrd_size) {
        result = fdt_setprop_u32(fdt, node, "linux,initrd-start", (uint32_t)facts->initrd);
    }
    if (result == 0 && facts->initrd_size) {
        result = fdt_setprop_u32(fdt, node, "linux,initrd-end",
                                 (uint32_t)(facts->initrd + facts->initrd_size));
    }
    return result;
}

uint8_t *arm_fdt_read(const char *path, const struct arm_fdt_facts *facts, size_t *size,
                      struct error **err)
{
    uint8_t *data = loader_read_file(path, size, FDT_MAX, err), *tree;
    size_t room;
    int result;

    if (!data) {
        return NULL;
    }
    if (*size < sizeof(struct fdt_header) || fdt_check_full(data, *size) != 0) {
        error_set(err, "'%s' is no device tree blob", path);
        g_free(data);
        return NULL;
    }
    room = *size + EXTRA + (facts->command_line ? strlen(facts->command_line) : 0);
    tree = g_malloc0(room);
    result = fdt_open_into(data, tree, (int)room);
    g_free(data);
    if (result == 0) {
        result = set_memory(tree, facts);
    }
    if (result == 0) {
        result = set_chosen(tree, facts);
    }
    if (result != 0) {
        error_set(err, "cannot change the device tree '%s': %s", path, fdt_strerror(result));
        g_free(tree);
        return NULL;
    }
    fdt_pack(tree);
    *size = fdt_totalsize(tree);
    return tree;
}
#else
uint8_t *arm_fdt_read(const char *path, const struct arm_fdt_facts *facts, size_t *size,
                      struct error **err)
{
    error_set(err, "-dtb needs a build with libfdt (Debian: apt-get install libfdt-dev)");
    return NULL;
}
#endif
