/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -kernel with a Multiboot (0.6.96) kernel: image, modules, boot information for multiboot.bin. */
#include <elf.h>
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/loader.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"

#define HEADER_MAGIC 0x1badb002
#define SEARCH_SIZE 8192
#define INFO_ADDR 0x9000
#define INFO_SIZE 0x80
#define IMAGE_MAX (1ull << 31)
/* Below it lie the boot information, the loader's stack and the BIOS data. */
#define LOWEST 0x10000

enum { WANT_VIDEO = 1 << 2, HAS_ADDRESSES = 1 << 16 };
enum {
    INFO_MEMORY = 1 << 0, INFO_BOOT_DEVICE = 1 << 1, INFO_COMMAND = 1 << 2, INFO_MODULES = 1 << 3,
    INFO_MAP = 1 << 6, INFO_LOADER = 1 << 9
};

/* The image as it lies in memory. */
struct loaded {
    uint8_t *data;
    uint64_t base, size;
    uint32_t entry;
};

/* Strings and modules, one piece of memory behind the kernel. */
struct extras {
    GByteArray *bytes;
    uint32_t base;
};

static const uint8_t *find_header(const uint8_t *image, size_t size)
{
    for (size_t at = 0; at + 12 <= size && at + 12 <= SEARCH_SIZE; at += 4) {
        const uint8_t *h = image + at;
        if (ld32_le(h) == HEADER_MAGIC && ld32_le(h) + ld32_le(h + 4) + ld32_le(h + 8) == 0) {
            return h;
        }
    }
    return NULL;
}

/* --- the kernel image ------------------------------------------------------------------------ */

static bool allocate(struct loaded *k, uint64_t low, uint64_t high, uint64_t limit,
                     struct error **err)
{
    if (high <= low || high > limit || low < LOWEST) {
        error_set(err, "the Multiboot kernel does not fit into memory (0x%llx to 0x%llx)",
                  (unsigned long long)low, (unsigned long long)high);
        return false;
    }
    k->base = low;
    k->size = high - low;
    k->data = g_malloc0(k->size);
    return true;
}

/* The address fields of the header (a.out kludge). */
static bool load_by_header(struct loaded *k, const uint8_t *image, size_t size, const uint8_t *h,
                           uint64_t limit, struct error **err)
{
    uint64_t header = ld32_le(h + 12), load = ld32_le(h + 16), load_end = ld32_le(h + 20);
    uint64_t bss_end = ld32_le(h + 24), offset = (uint64_t)(h - image);
    uint64_t start, length;

    if (size < offset + 32 || load > header || offset < header - load) {
        error_set(err, "the addresses in the Multiboot header are wrong");
        return false;
    }
    start = offset - (header - load);
    length = load_end ? load_end - load : size - start;
    if ((load_end && load_end < load) || length > size - start) {
        error_set(err, "the addresses in the Multiboot header are wrong");
        return false;
    }
    if (!allocate(k, load, MAX_OF(load + length, bss_end), limit, err)) {
        return false;
    }
    memcpy(k->data, image + start, length);
    k->entry = ld32_le(h + 28);
    return true;
}

static const Elf32_Phdr *segment(const uint8_t *image, const Elf32_Ehdr *elf, unsigned n)
{
    const Elf32_Phdr *ph = (const Elf32_Phdr *)(image + elf->e_phoff) + n;
    return ph->p_type == PT_LOAD && ph->p_memsz ? ph : NULL;
}

static bool check_elf(const uint8_t *image, size_t size, struct error **err)
{
    const Elf32_Ehdr *elf = (const Elf32_Ehdr *)image;

    if (size < sizeof(*elf) || memcmp(image, ELFMAG, SELFMAG) != 0 ||
        elf->e_ident[EI_CLASS] != ELFCLASS32 || elf->e_ident[EI_DATA] != ELFDATA2LSB ||
        elf->e_machine != EM_386) {
        error_set(err, "the Multiboot kernel is no 32-bit x86 ELF file and gives no addresses");
        return false;
    }
    if (elf->e_phentsize != sizeof(Elf32_Phdr) || elf->e_phoff % 4 || elf->e_phoff > size ||
        (size - elf->e_phoff) / sizeof(Elf32_Phdr) < elf->e_phnum) {
        error_set(err, "the program headers of the Multiboot kernel are wrong");
        return false;
    }
    return true;
}

static bool load_elf(struct loaded *k, const uint8_t *image, size_t size, uint64_t limit,
                     struct error **err)
{
    const Elf32_Ehdr *elf = (const Elf32_Ehdr *)image;
    uint64_t low = UINT64_MAX, high = 0;

    if (!check_elf(image, size, err)) {
        return false;
    }
    for (unsigned n = 0; n < elf->e_phnum; n++) {
        const Elf32_Phdr *ph = segment(image, elf, n);
        if (!ph) {
            continue;
        }
        if (ph->p_offset > size || ph->p_filesz > size - ph->p_offset ||
            ph->p_filesz > ph->p_memsz) {
            error_set(err, "a segment of the Multiboot kernel is cut off");
            return false;
        }
        low = MIN_OF(low, (uint64_t)ph->p_paddr);
        high = MAX_OF(high, (uint64_t)ph->p_paddr + ph->p_memsz);
    }
    if (!allocate(k, low, high, limit, err)) {
        return false;
    }
    k->entry = elf->e_entry;
    for (unsigned n = 0; n < elf->e_phnum; n++) {
        const Elf32_Phdr *ph = segment(image, elf, n);
        if (!ph) {
            continue;
        }
        memcpy(k->data + (ph->p_paddr - low), image + ph->p_offset, ph->p_filesz);
        /* The entry is a virtual address, but paging is off. */
        if (elf->e_entry >= ph->p_vaddr && elf->e_entry - ph->p_vaddr < ph->p_memsz) {
            k->entry = elf->e_entry - ph->p_vaddr + ph->p_paddr;
        }
    }
    return true;
}

/* --- modules and strings --------------------------------------------------------------------- */

static uint32_t add_bytes(struct extras *x, const void *data, size_t size, size_t alignment)
{
    static const uint8_t zeros[4096];
    size_t at = x->bytes->len;

    g_byte_array_append(x->bytes, zeros, (guint)(align_up(at, alignment) - at));
    at = x->bytes->len;
    g_byte_array_append(x->bytes, data, (guint)size);
    return x->base + (uint32_t)at;
}

static uint32_t add_string(struct extras *x, const char *text)
{
    return add_bytes(x, text, strlen(text) + 1, 1);
}

/* "file arguments": the file is read, the whole text is the module's string. */
static bool add_module(struct extras *x, const char *text, uint8_t *entry, struct error **err)
{
    char *file = g_strndup(text, strcspn(text, " "));
    size_t size;
    void *data = loader_read_file(file, &size, IMAGE_MAX / 4, err);
    uint32_t start;

    g_free(file);
    if (!data) {
        return false;
    }
    start = add_bytes(x, data, size, 4096);
    g_free(data);
    st32_le(entry, start);
    st32_le(entry + 4, start + (uint32_t)size);
    st32_le(entry + 8, add_string(x, text));
    return true;
}

static bool add_modules(struct extras *x, const char *list, uint8_t *info, struct error **err)
{
    char **names = list ? g_strsplit(list, ",", 0) : NULL;
    unsigned count = names ? g_strv_length(names) : 0;
    uint8_t *entries = g_malloc0(16 * (count + 1));
    bool fine = true;

    for (unsigned i = 0; i < count && fine; i++) {
        fine = add_module(x, g_strchug(names[i]), entries + 16 * i, err);
    }
    if (fine) {
        st32_le(info + 20, count);
        st32_le(info + 24, add_bytes(x, entries, 16 * count, 16));
    }
    g_free(entries);
    g_strfreev(names);
    return fine;
}

/* --- boot information ------------------------------------------------------------------------ */

static void give(struct pc *pc, uint16_t addr_key, uint16_t size_key, uint16_t data_key,
                 uint32_t addr, const void *data, size_t size)
{
    fw_cfg_add_i32(pc->fw_cfg, addr_key, addr);
    fw_cfg_add_i32(pc->fw_cfg, size_key, (uint32_t)size);
    fw_cfg_add_bytes(pc->fw_cfg, data_key, data, size);
}

static bool give_kernel(struct pc *pc, const struct loaded *k, struct error **err)
{
    const struct machine_config *config = pc->config;
    struct extras x = { g_byte_array_new(), (uint32_t)align_up(k->base + k->size, 4096) };
    char *command = g_strdup_printf("%s%s%s", config->kernel, config->append ? " " : "",
                                    config->append ? config->append : "");
    uint8_t *info = g_malloc0(INFO_SIZE);

    st32_le(info, INFO_MEMORY | INFO_BOOT_DEVICE | INFO_COMMAND | INFO_MODULES | INFO_MAP |
                  INFO_LOADER);
    st32_le(info + 12, 0x8000ffff);              /* first hard disk, no partition */
    st32_le(info + 16, add_string(&x, command));
    st32_le(info + 64, add_string(&x, "qemu"));
    g_free(command);
    if (!add_modules(&x, config->initrd, info, err)) {
        return false;
    }
    if (x.base + (uint64_t)x.bytes->len > pc->low_size) {
        error_set(err, "there is not enough memory for the Multiboot modules");
        return false;
    }
    give(pc, FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, INFO_ADDR, info, INFO_SIZE);
    give(pc, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, (uint32_t)k->base,
         k->data, k->size);
    give(pc, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, x.base, x.bytes->data,
         x.bytes->len);
    fw_cfg_add_i32(pc->fw_cfg, FW_CFG_KERNEL_ENTRY, k->entry);
    return pc_add_option_rom(pc, "multiboot.bin", "genroms/multiboot.bin", true, err);
}

bool multiboot_load(struct pc *pc, uint8_t *image, size_t size, bool *found, struct error **err)
{
    const uint8_t *header = find_header(image, size);
    struct loaded k = { 0 };
    uint32_t flags;

    *found = header != NULL;
    if (!header) {
        return true;
    }
    flags = ld32_le(header + 4);
    if (flags & 0xffff & ~(3u | WANT_VIDEO)) {
        error_set(err, "the Multiboot kernel wants features that do not exist (flags 0x%x)", flags);
        return false;
    }
    if (!(flags & HAS_ADDRESSES ? load_by_header(&k, image, size, header, pc->low_size, err)
                                : load_elf(&k, image, size, pc->low_size, err))) {
        return false;
    }
    return give_kernel(pc, &k, err);
}
