/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making VMware disk images: the descriptor, and sparse or flat extents. */
#include "block/vmdk.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"

#define GRAIN 128                       /* sectors */
#define SPLIT_SECTORS 4192256u          /* just below 2 GiB */

const struct image_option vmdk_options[] = {
    { "size", IMAGE_SIZE, "Virtual disk size" },
    { "adapter_type", IMAGE_STRING, "Virtual adapter type, can be one of ide (default), lsilogic, "
      "buslogic or legacyESX" },
    { "backing_file", IMAGE_STRING, "File name of a base image" },
    { "backing_fmt", IMAGE_STRING, "Must be 'vmdk' if present" },
    { "compat6", IMAGE_BOOL, "VMDK version 6 image", "off" },
    { "hwversion", IMAGE_STRING, "VMDK hardware version", "undefined" },
    { "toolsversion", IMAGE_STRING, "VMware guest tools version" },
    { "subformat", IMAGE_STRING, "VMDK flat extent format, can be one of {monolithicSparse "
      "(default) | monolithicFlat | twoGbMaxExtentSparse | twoGbMaxExtentFlat | "
      "streamOptimized} " },
    { "zeroed_grain", IMAGE_BOOL,
      "Enable efficient zero writes using the zeroed-grain GTE feature" },
    { NULL }
};

struct plan {
    const char *file, *type, *adapter, *backing, *hwversion, *toolsversion;
    uint64_t sectors;
    uint32_t parent_cid;
    bool flat, split, stream, zeroed;
};

/* --- extents --------------------------------------------------------------------------------- */

static void put_directory(uint8_t *data, uint64_t at, uint64_t tables, uint64_t entries)
{
    for (uint64_t i = 0; i < entries; i++) {
        st32_le(data + at * 512 + i * 4, tables + i * (VMDK_GTES * 4 / 512));
    }
}

/* Header, descriptor room, and two directories with empty tables. */
static int write_sparse(struct block_node *child, const struct plan *p, uint64_t sectors)
{
    uint64_t entries = (sectors + GRAIN * VMDK_GTES - 1) / (GRAIN * VMDK_GTES);
    uint64_t gd_sectors = (entries * 4 + 511) / 512, gt_sectors = entries * (VMDK_GTES * 4 / 512);
    uint64_t rgd = 1 + VMDK_DESCRIPTOR_SECTORS, gd = rgd + gd_sectors + gt_sectors;
    uint64_t overhead = align_up(gd + gd_sectors + gt_sectors, GRAIN);
    uint8_t *data = g_malloc0(overhead * 512);
    int rc;

    st32_le(data, VMDK_MAGIC);
    st32_le(data + VMDK_VERSION, p->stream ? 3 : p->zeroed ? 2 : 1);
    st32_le(data + VMDK_FLAGS, VMDK_NEWLINES | VMDK_REDUNDANT | (p->zeroed ? VMDK_ZEROED : 0) |
            (p->stream ? VMDK_COMPRESSED | VMDK_MARKERS : 0));
    st64_le(data + VMDK_CAPACITY, sectors);
    st64_le(data + VMDK_GRAIN, GRAIN);
    st64_le(data + VMDK_DESC, 1);
    st64_le(data + VMDK_DESC_SIZE, VMDK_DESCRIPTOR_SECTORS);
    st32_le(data + VMDK_GTES_PER_GT, VMDK_GTES);
    st64_le(data + VMDK_RGD, rgd);
    st64_le(data + VMDK_GD, gd);
    st64_le(data + VMDK_OVERHEAD, overhead);
    memcpy(data + VMDK_NEWLINE_TEST, "\n \r\n", 4);
    st16_le(data + VMDK_ALGORITHM, p->stream);
    put_directory(data, rgd, rgd + gd_sectors, entries);
    put_directory(data, gd, gd + gd_sectors, entries);
    rc = block_node_pwrite(child, 0, data, overhead * 512);
    g_free(data);
    return rc;
}

static bool make_extent(const struct plan *p, const char *file, uint64_t sectors,
                        struct error **err)
{
    struct block_node *child = image_create_file(file, err);
    bool good = child != NULL;
    int rc;

    if (good && p->flat) {
        good = block_node_resize(child, sectors * 512, BLOCK_PREALLOC_OFF, err);
    } else if (good) {
        rc = write_sparse(child, p, sectors);
        good = rc == 0;
        if (rc) {
            error_set_errno(err, -rc, "Could not write '%s'", file);
        }
    }
    if (child) {
        block_node_close(child);
    }
    return good;
}

/* Makes the extents, and their lines of the descriptor. */
static bool make_extents(const struct plan *p, GString *lines, struct error **err)
{
    size_t stem = g_str_has_suffix(p->file, ".vmdk") ? strlen(p->file) - 5 : strlen(p->file);
    const char *suffix = p->file + stem, *slash;
    uint64_t left = p->sectors, n;
    bool own = !p->flat && !p->split, good = true;

    for (int i = 1; (left || i == 1) && good; i++, left -= n) {
        char *path = own ? g_strdup(p->file)
            : p->split ? g_strdup_printf("%.*s-%c%03d%s", (int)stem, p->file, p->flat ? 'f' : 's',
                                         i, suffix)
            : g_strdup_printf("%.*s-flat%s", (int)stem, p->file, suffix);

        n = p->split ? MIN_OF(left, SPLIT_SECTORS) : left;
        good = make_extent(p, path, n, err);
        slash = strrchr(path, '/');
        g_string_append_printf(lines, "RW %llu %s \"%s\"%s\n", (unsigned long long)n,
                               p->flat ? "FLAT" : "SPARSE", slash ? slash + 1 : path,
                               p->flat ? " 0" : "");
        g_free(path);
    }
    return good;
}

/* --- the descriptor -------------------------------------------------------------------------- */

static char *descriptor(const struct plan *p, const char *extents)
{
    bool ide = strcmp(p->adapter, "ide") == 0;
    unsigned heads = ide ? 16 : 255;
    char *parent = p->backing ? g_strdup_printf("parentFileNameHint=\"%s\"\n", p->backing)
                              : g_strdup("");
    char *text = g_strdup_printf(
        "# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=%08x\ncreateType=\"%s\"\n%s\n"
        "# Extent description\n%s\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"%s\"\n"
        "ddb.geometry.cylinders = \"%llu\"\nddb.geometry.heads = \"%u\"\n"
        "ddb.geometry.sectors = \"63\"\nddb.adapterType = \"%s\"\nddb.toolsVersion = \"%s\"\n",
        g_random_int() & 0x7fffffff, p->parent_cid, p->type, parent, extents, p->hwversion,
        (unsigned long long)(p->sectors / (63ull * heads)), heads, p->adapter, p->toolsversion);

    g_free(parent);
    return text;
}

static bool write_descriptor(const struct plan *p, const char *text, struct error **err)
{
    bool own = !p->flat && !p->split;
    struct block_node *child = own ? block_node_open_file(p->file, NULL, 0, err)
                                   : image_create_file(p->file, err);
    int rc;

    if (!child) {
        return false;
    }
    rc = strlen(text) > VMDK_DESCRIPTOR_SECTORS * 512 && own ? -ENOSPC
        : block_node_pwrite(child, own ? 512 : 0, text, strlen(text));
    block_node_close(child);
    if (rc) {
        error_set_errno(err, -rc, "Could not write description");
    }
    return rc == 0;
}

/* --- the plan -------------------------------------------------------------------------------- */

/* The image below: only VMDK, of which the content identity is noted. */
static bool read_parent(struct plan *p, struct error **err)
{
    struct block_node *node;
    struct image_info info;
    char *path, *head = NULL, *cid, *at;
    size_t size = 0;

    p->parent_cid = UINT32_MAX;
    if (!p->backing) {
        return true;
    }
    path = block_resolve_name(p->file, p->backing);
    node = block_node_open(path, NULL, NULL, NODE_READONLY | NODE_NO_BACKING, err);
    if (node && strcmp(node->driver->name, "vmdk") != 0) {
        error_set(err, "Invalid backing file format: %s. Must be vmdk", node->driver->name);
        block_node_close(node);
        node = NULL;
    }
    if (node) {
        node->driver->image->info(node, &info);
        value_free(info.specific);
        head = g_malloc0(65536 + 1);
        size = MIN_OF(65536, block_node_length(node->child));
        block_node_pread(node->child, 0, head, size);
        at = memmem(head, size, "\nCID=", 5);
        cid = at ? vmdk_value(at, "\nCID") : NULL;
        p->parent_cid = at ? strtoul(at + 5, NULL, 16) : UINT32_MAX;
        g_free(cid);
        g_free(head);
        block_node_close(node);
    }
    g_free(path);
    return node != NULL;
}

static bool read_plan(struct plan *p, struct keyval *options, struct error **err)
{
    static const char *const types[] = { "monolithicSparse", "monolithicFlat",
                                         "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
                                         "streamOptimized" };
    bool compat6 = false;

    p->type = keyval_string(options, "subformat", types[0]);
    p->adapter = keyval_string(options, "adapter_type", "ide");
    p->backing = keyval_string(options, "backing_file", NULL);
    p->hwversion = keyval_string(options, "hwversion", "undefined");
    p->toolsversion = keyval_string(options, "toolsversion", "2147483647");
    if (!keyval_bool(options, "compat6", &compat6, err) ||
        !keyval_bool(options, "zeroed_grain", &p->zeroed, err)) {
        return false;
    }
    if (strcmp(p->hwversion, "undefined") == 0) {
        p->hwversion = compat6 ? "6" : "4";
    }
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i], p->type) == 0) {
            p->flat = strstr(p->type, "Flat") != NULL;
            p->split = strstr(p->type, "twoGb") != NULL;
            p->stream = strcmp(p->type, "streamOptimized") == 0;
            if (p->flat && p->backing) {
                error_set(err, "Flat image can't have backing file");
                return false;
            }
            return read_parent(p, err);
        }
    }
    error_set(err, "Invalid subformat '%s'", p->type);
    return false;
}

bool vmdk_create(const char *file, uint64_t size, struct keyval *options, struct error **err)
{
    struct plan p = { .file = file, .sectors = size / 512 };
    GString *lines;
    char *text;
    bool good;

    if (!read_plan(&p, options, err)) {
        return false;
    }
    if (!p.flat && !p.split && p.sectors > (uint64_t)UINT32_MAX) {
        error_set(err, "A sparse VMDK image can have 2 TiB at most");
        return false;
    }
    lines = g_string_new(NULL);
    good = make_extents(&p, lines, err);
    text = descriptor(&p, lines->str);
    good = good && write_descriptor(&p, text, err);
    g_string_free(lines, TRUE);
    g_free(text);
    return good;
}
