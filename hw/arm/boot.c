/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot protocol of ARM Linux (Documentation/arm/booting.rst): r0 zero, r1 the machine type, r2
 * the address of a device tree or of tagged lists. All of it is placed anew at every reset.
 */
#include "hw/arm/boot.h"

#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/arm/arm-cpu.h"
#include "hw/core/loader.h"

#define TAGS_OFFSET 0x100
#define KERNEL_OFFSET 0x10000
#define INITRD_MAX_OFFSET (128ull << 20)
#define COMMAND_MAX 1024
#define TAGS_SIZE (COMMAND_MAX + 128)

enum {
    TAG_CORE = 0x54410001, TAG_MEMORY = 0x54410002, TAG_COMMAND = 0x54410009,
    TAG_INITRD = 0x54420005, TAG_NONE = 0
};

struct loaded {
    const struct arm_board *board;
    struct arm_blob *blobs;
    struct arm_cpu_entry entry;
    bool has_entry;
};

/* --- tagged lists ---------------------------------------------------------------------------- */

/* A tag: its size in words, its number, its data. Returns where the next one goes. */
static uint8_t *put_tag(uint8_t *at, uint32_t number, const uint32_t *data, unsigned words)
{
    st32_le(at, number == TAG_NONE ? 0 : words + 2);
    st32_le(at + 4, number);
    for (unsigned i = 0; i < words; i++) {
        st32_le(at + 8 + 4 * i, data[i]);
    }
    return at + 8 + 4 * words;
}

static uint8_t *make_tags(const struct arm_fdt_facts *facts, size_t *size)
{
    uint8_t *tags = g_malloc0(TAGS_SIZE), *at = tags;
    uint32_t core[3] = { 1, 4096, 0 };
    uint32_t memory[2] = { (uint32_t)facts->ram_size, (uint32_t)facts->ram_base };
    uint32_t initrd[2] = { (uint32_t)facts->initrd, (uint32_t)facts->initrd_size };
    uint32_t text[COMMAND_MAX / 4] = { 0 };

    at = put_tag(at, TAG_CORE, core, ARRAY_LEN(core));
    at = put_tag(at, TAG_MEMORY, memory, ARRAY_LEN(memory));
    if (facts->initrd_size) {
        at = put_tag(at, TAG_INITRD, initrd, ARRAY_LEN(initrd));
    }
    if (facts->command_line && facts->command_line[0]) {
        size_t length = strlen(facts->command_line);

        for (size_t i = 0; i < length; i++) {
            text[i / 4] |= (uint32_t)(uint8_t)facts->command_line[i] << 8 * (i % 4);
        }
        at = put_tag(at, TAG_COMMAND, text, (unsigned)(length / 4 + 1));
    }
    at = put_tag(at, TAG_NONE, NULL, 0);
    *size = (size_t)(at - tags);
    return tags;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Half way through memory, where the kernel unpacks without reaching it, but not too far. */
static bool read_initrd(struct loaded *l, struct arm_fdt_facts *facts, struct error **err)
{
    const struct arm_board *b = l->board;
    const char *path = b->config->initrd;
    uint64_t offset = MIN_OF(b->ram_size / 2, INITRD_MAX_OFFSET);
    size_t size, room = b->ram_size - offset;
    uint8_t *data;

    if (!path) {
        return true;
    }
    data = loader_read_file(path, &size, room, err);
    data = data ? arm_uimage_payload(data, &size, room, path, err) : NULL;
    if (!data) {
        return false;
    }
    facts->initrd = b->ram_base + offset;
    facts->initrd_size = size;
    arm_blob_add(&l->blobs, facts->initrd, data, size);
    return true;
}

static bool fits(const struct arm_board *b, uint64_t address, uint64_t size)
{
    return address >= b->ram_base && size <= b->ram_size &&
        address - b->ram_base <= b->ram_size - size;
}

/* Behind the initrd, or where that would be. */
static bool read_tree(struct loaded *l, const struct arm_fdt_facts *facts, struct error **err)
{
    const struct arm_board *b = l->board;
    uint64_t address = facts->initrd_size ? facts->initrd + facts->initrd_size
                                          : b->ram_base + MIN_OF(b->ram_size / 2,
                                                                 INITRD_MAX_OFFSET);
    size_t size;
    uint8_t *tree = arm_fdt_read(b->config->dtb, facts, &size, err);

    if (!tree) {
        return false;
    }
    address = align_up(address, 4096);
    if (!fits(b, address, size)) {
        error_set(err, "there is no room for the device tree: give the guest more memory (-m)");
        g_free(tree);
        return false;
    }
    arm_blob_add(&l->blobs, address, tree, size);
    l->entry.r2 = (uint32_t)address;
    return true;
}

static bool read_parameters(struct loaded *l, struct error **err)
{
    const struct arm_board *b = l->board;
    struct arm_fdt_facts facts = {
        b->ram_base, b->ram_size, .command_line = b->config->append
    };
    uint8_t *tags;
    size_t size;

    if (!read_initrd(l, &facts, err)) {
        return false;
    }
    l->entry.r1 = b->id;
    if (b->config->dtb) {
        return read_tree(l, &facts, err);
    }
    if (facts.command_line && strlen(facts.command_line) >= COMMAND_MAX - 4) {
        error_set(err, "-append: the kernel command line is longer than %d bytes",
                  COMMAND_MAX - 5);
        return false;
    }
    tags = make_tags(&facts, &size);
    arm_blob_add(&l->blobs, b->ram_base + TAGS_OFFSET, tags, size);
    l->entry.r2 = (uint32_t)(b->ram_base + TAGS_OFFSET);
    return true;
}

static bool read_kernel(struct loaded *l, struct error **err)
{
    const struct arm_board *b = l->board;
    struct arm_image image = { 0 };

    if (!arm_image_read(b->config->kernel, b->ram_base + KERNEL_OFFSET, b->ram_size, &image, err)) {
        return false;
    }
    for (const struct arm_blob *blob = image.blobs; blob; blob = blob->next) {
        if (!fits(b, blob->address, blob->size)) {
            error_set(err, "the kernel '%s' does not fit into memory at 0x%llx: see -m",
                      b->config->kernel, (unsigned long long)blob->address);
            return false;
        }
    }
    l->blobs = image.blobs;
    l->entry.pc = (uint32_t)image.entry;
    l->has_entry = true;
    return !image.is_linux || read_parameters(l, err);
}

/* --- every reset ----------------------------------------------------------------------------- */

static void place(void *opaque)
{
    const struct loaded *l = opaque;

    for (const struct arm_blob *blob = l->blobs; blob; blob = blob->next) {
        address_space_write_rom(l->board->memory, blob->address, blob->data, blob->size);
    }
    if (l->has_entry) {
        arm_cpu_enter(l->board->cpu, &l->entry);
    }
}

bool arm_boot(const struct arm_board *board, struct error **err)
{
    struct loaded *l = g_new0(struct loaded, 1);

    l->board = board;
    if (board->config->bios) {
        error_set(err, "-bios: this board has no firmware socket; use -kernel, or "
                  "-drive if=pflash,file=...");
        return false;
    }
    if (board->config->kernel && !read_kernel(l, err)) {
        return false;
    }
    machine_on_reset(place, l);
    return true;
}
