/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel images as they come: ELF, U-Boot images, raw. */
#include <elf.h>
#include <glib.h>
#include <string.h>
#include <zlib.h>

#include "base/bits.h"
#include "hw/arm/boot.h"
#include "hw/core/loader.h"

#define UIMAGE_HEADER 64
#define UIMAGE_MAGIC 0x27051956u

/* Offsets in the header of U-Boot images, big endian; its values. */
enum {
    UIMAGE_SIZE = 12, UIMAGE_LOAD = 16, UIMAGE_ENTRY = 20, UIMAGE_ARCH = 29, UIMAGE_TYPE = 30,
    UIMAGE_PACKING = 31
};
enum { ARCH_ARM = 2, TYPE_KERNEL = 2, TYPE_RAMDISK = 3, PACKED_NOT = 0, PACKED_GZIP = 1 };

void arm_blob_add(struct arm_blob **list, uint64_t address, uint8_t *data, size_t size)
{
    struct arm_blob *blob = g_new(struct arm_blob, 1);

    *blob = (struct arm_blob){ address, data, size, *list };
    *list = blob;
}

static void add(struct arm_image *image, uint64_t address, uint8_t *data, size_t size)
{
    arm_blob_add(&image->blobs, address, data, size);
    image->end = MAX_OF(image->end, address + size);
}

/* --- U-Boot images --------------------------------------------------------------------------- */

/* NULL unless it is a whole gzip stream of at most `max` bytes. */
static uint8_t *unpack(const uint8_t *data, size_t size, size_t max, size_t *unpacked)
{
    z_stream z = { .next_in = (uint8_t *)data, .avail_in = (unsigned)size };
    size_t room = MIN_OF(MAX_OF(size * 4, (size_t)65536), max);
    uint8_t *out = g_malloc(room);
    int result = inflateInit2(&z, 15 + 16);

    while (result == Z_OK) {
        if (z.total_out == room) {
            if (room == max) {
                break;
            }
            room = MIN_OF(room * 2, max);
            out = g_realloc(out, room);
        }
        z.next_out = out + z.total_out;
        z.avail_out = (unsigned)(room - z.total_out);
        result = inflate(&z, Z_NO_FLUSH);
    }
    *unpacked = z.total_out;
    inflateEnd(&z);
    if (result != Z_STREAM_END) {
        g_free(out);
        return NULL;
    }
    return out;
}

static bool is_uimage(const uint8_t *data, size_t size)
{
    return size >= UIMAGE_HEADER && ld32_be(data) == UIMAGE_MAGIC;
}

uint8_t *arm_uimage_payload(uint8_t *data, size_t *size, size_t max, const char *path,
                            struct error **err)
{
    size_t length, unpacked = 0;
    uint8_t *out = NULL;

    if (!is_uimage(data, *size)) {
        return data;
    }
    length = ld32_be(data + UIMAGE_SIZE);
    if (length > *size - UIMAGE_HEADER) {
        error_set(err, "the U-Boot image '%s' is cut off", path);
    } else if (data[UIMAGE_PACKING] == PACKED_NOT) {
        out = g_memdup2(data + UIMAGE_HEADER, length);
        unpacked = length;
    } else if (data[UIMAGE_PACKING] != PACKED_GZIP) {
        error_set(err, "the U-Boot image '%s' is packed in a way other than gzip", path);
    } else if (!(out = unpack(data + UIMAGE_HEADER, length, max, &unpacked))) {
        error_set(err, "the gzip data of '%s' is damaged or unpacks to more than %zu bytes", path,
                  max);
    }
    g_free(data);
    *size = unpacked;
    return out;
}

static bool read_uimage(uint8_t *data, size_t size, size_t max, const char *path,
                        struct arm_image *image, struct error **err)
{
    uint32_t load = ld32_be(data + UIMAGE_LOAD);

    if (data[UIMAGE_ARCH] != ARCH_ARM || data[UIMAGE_TYPE] != TYPE_KERNEL) {
        error_set(err, "the U-Boot image '%s' is no ARM kernel", path);
        g_free(data);
        return false;
    }
    image->entry = ld32_be(data + UIMAGE_ENTRY);
    image->is_linux = true;
    data = arm_uimage_payload(data, &size, max, path, err);
    if (!data) {
        return false;
    }
    add(image, load, data, size);
    return true;
}

/* --- ELF ------------------------------------------------------------------------------------- */

static bool read_elf(const uint8_t *data, size_t size, size_t max, const char *path,
                     struct arm_image *image, struct error **err)
{
    Elf32_Ehdr header;
    Elf32_Phdr segment;

    memcpy(&header, data, sizeof(header));
    if (header.e_ident[EI_CLASS] != ELFCLASS32 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != EM_ARM || header.e_phentsize != sizeof(segment)) {
        error_set(err, "'%s' is no little-endian 32-bit ARM ELF file", path);
        return false;
    }
    image->entry = header.e_entry;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        uint64_t at = header.e_phoff + (uint64_t)i * sizeof(segment);
        uint8_t *bytes;

        if (at + sizeof(segment) > size) {
            error_set(err, "the ELF file '%s' is cut off", path);
            return false;
        }
        memcpy(&segment, data + at, sizeof(segment));
        if (segment.p_type != PT_LOAD || !segment.p_memsz) {
            continue;
        }
        if ((uint64_t)segment.p_offset + segment.p_filesz > size ||
            segment.p_filesz > segment.p_memsz || segment.p_memsz > max) {
            error_set(err, "the ELF file '%s' has a segment that is cut off or too large", path);
            return false;
        }
        bytes = g_malloc0(segment.p_memsz);
        memcpy(bytes, data + segment.p_offset, segment.p_filesz);
        add(image, segment.p_paddr, bytes, segment.p_memsz);
        /* An entry given as a virtual address of this segment. */
        if (header.e_entry - segment.p_vaddr < segment.p_memsz) {
            image->entry = header.e_entry - segment.p_vaddr + segment.p_paddr;
        }
    }
    return true;
}

/* --- any ------------------------------------------------------------------------------------- */

bool arm_image_read(const char *path, uint64_t raw_address, size_t max, struct arm_image *image,
                    struct error **err)
{
    size_t size, unpacked;
    uint8_t *data = loader_read_file(path, &size, max, err), *plain;
    bool good;

    if (!data) {
        return false;
    }
    if (is_uimage(data, size)) {
        return read_uimage(data, size, max, path, image, err);
    }
    if (size >= sizeof(Elf32_Ehdr) && memcmp(data, ELFMAG, SELFMAG) == 0) {
        good = read_elf(data, size, max, path, image, err);
        g_free(data);
        return good;
    }
    if (size > 2 && data[0] == 0x1f && data[1] == 0x8b &&
        (plain = unpack(data, size, max, &unpacked))) {
        g_free(data);
        data = plain;
        size = unpacked;
    }
    add(image, raw_address, data, size);
    image->entry = raw_address;
    image->is_linux = true;
    return true;
}
