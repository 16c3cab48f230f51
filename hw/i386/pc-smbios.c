/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMBIOS 2.8 tables for SeaBIOS, which adds its own BIOS table and places them. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "hw/i386/pc.h"
#include "hw/nvram/fw_cfg.h"

struct builder {
    GByteArray *bytes;
    unsigned count;
    size_t largest;
    /* The structure in progress. */
    uint8_t data[64];
    GString *strings;
    uint8_t n_strings;
};

static void begin(struct builder *b, uint8_t type, uint8_t size, uint16_t handle)
{
    memset(b->data, 0, sizeof(b->data));
    b->data[0] = type;
    b->data[1] = size;
    st16_le(b->data + 2, handle);
    b->strings = g_string_new(NULL);
    b->n_strings = 0;
}

static void string(struct builder *b, unsigned offset, const char *text)
{
    g_string_append_len(b->strings, text, (gssize)strlen(text) + 1);
    b->data[offset] = ++b->n_strings;
}

static void end(struct builder *b)
{
    guint start = b->bytes->len;

    g_string_append_len(b->strings, "\0\0", b->n_strings ? 1 : 2);
    g_byte_array_append(b->bytes, b->data, b->data[1]);
    g_byte_array_append(b->bytes, (const guint8 *)b->strings->str, (guint)b->strings->len);
    g_string_free(b->strings, TRUE);
    b->largest = MAX_OF(b->largest, (size_t)(b->bytes->len - start));
    b->count++;
}

static void system_information(struct builder *b, const struct pc *pc)
{
    const uint8_t *uuid = pc->config->uuid;

    begin(b, 1, 27, 0x100);
    string(b, 4, "QEMU");
    string(b, 5, pc->has_pci ? "Standard PC (i440FX + PIIX, 1996)" : "ISA-only PC");
    string(b, 6, pc->has_pci ? "pc-i440fx-7.2" : "isapc");
    if (pc->config->uuid_set) {
        /* The first three fields are little endian. */
        st32_le(b->data + 8, ld32_be(uuid));
        st16_le(b->data + 12, ld16_be(uuid + 4));
        st16_le(b->data + 14, ld16_be(uuid + 6));
        memcpy(b->data + 16, uuid + 8, 8);
    }
    b->data[24] = 6;                             /* woken by the power switch */
    end(b);
}

static void chassis(struct builder *b, const struct pc *pc)
{
    begin(b, 3, 22, 0x300);
    string(b, 4, "QEMU");
    b->data[5] = 1;                              /* other */
    string(b, 6, pc->has_pci ? "pc-i440fx-7.2" : "isapc");
    b->data[9] = b->data[10] = b->data[11] = 3;  /* safe */
    b->data[12] = 2;
    end(b);
}

static void processor(struct builder *b, const struct pc *pc, unsigned n)
{
    char socket[16];

    snprintf(socket, sizeof(socket), "CPU %u", n);
    begin(b, 4, 42, (uint16_t)(0x400 + n));
    string(b, 4, socket);
    b->data[5] = 3;                              /* central processor */
    b->data[6] = 1;
    string(b, 7, "QEMU");
    st32_le(b->data + 8, pc->facts.signature);
    st32_le(b->data + 12, pc->facts.features);
    string(b, 16, "pc-i440fx-7.2");
    st16_le(b->data + 20, 2000);
    st16_le(b->data + 22, 2000);
    b->data[24] = 0x41;                          /* populated, enabled */
    b->data[25] = 1;
    st16_le(b->data + 26, 0xffff);
    st16_le(b->data + 28, 0xffff);
    st16_le(b->data + 30, 0xffff);
    b->data[35] = b->data[36] = b->data[37] = 1;
    st16_le(b->data + 38, 2);
    st16_le(b->data + 40, 1);
    end(b);
}

static void memory(struct builder *b, const struct pc *pc)
{
    uint64_t size = pc->config->ram_size, mib = size >> 20;

    begin(b, 16, 23, 0x1000);                    /* the array */
    b->data[4] = 1;
    b->data[5] = 3;
    b->data[6] = 6;                              /* multi-bit ECC */
    st32_le(b->data + 7, (uint32_t)MIN_OF(size >> 10, 0x80000000ull));
    st16_le(b->data + 11, 0xfffe);
    st16_le(b->data + 13, 1);
    if (size >> 10 >= 0x80000000ull) {
        st64_le(b->data + 15, size);
    }
    end(b);

    begin(b, 17, 40, 0x1100);                    /* one module */
    st16_le(b->data + 4, 0x1000);
    st16_le(b->data + 6, 0xfffe);
    st16_le(b->data + 8, 0xffff);
    st16_le(b->data + 10, 0xffff);
    st16_le(b->data + 12, (uint16_t)MIN_OF(mib, 0x7fffull));
    if (mib >= 0x7fff) {
        st32_le(b->data + 28, (uint32_t)mib);
    }
    b->data[14] = 9;                             /* DIMM */
    string(b, 16, "DIMM 0");
    b->data[18] = 7;
    st16_le(b->data + 19, 2);
    string(b, 23, "QEMU");
    end(b);
}

static void mapped_range(struct builder *b, unsigned n, uint64_t first, uint64_t size)
{
    begin(b, 19, 31, (uint16_t)(0x1300 + n));
    if ((first + size) >> 42) {
        st32_le(b->data + 4, UINT32_MAX);
        st64_le(b->data + 15, first);
        st64_le(b->data + 23, first + size - 1);
    } else {
        st32_le(b->data + 4, (uint32_t)(first >> 10));
        st32_le(b->data + 8, (uint32_t)((first + size - 1) >> 10));
    }
    st16_le(b->data + 12, 0x1000);
    b->data[14] = 1;
    end(b);
}

static uint8_t checksum(const uint8_t *data, size_t size)
{
    uint8_t sum = 0;

    while (size-- > 0) {
        sum += *data++;
    }
    return (uint8_t)-sum;
}

/* The entry point (SMBIOS 2.8, 5.2.1); the firmware sets the table address and the checksums. */
static uint8_t *entry_point(const struct builder *b)
{
    uint8_t *e = g_malloc0(31);

    memcpy(e, "_SM_", 4);
    e[5] = 31;
    e[6] = 2;
    e[7] = 8;
    st16_le(e + 8, (uint16_t)MIN_OF(b->largest, (size_t)0xffff));
    memcpy(e + 16, "_DMI_", 5);
    st16_le(e + 22, (uint16_t)b->bytes->len);
    st16_le(e + 28, (uint16_t)b->count);
    e[30] = 0x28;
    e[21] = checksum(e + 16, 15);
    e[4] = checksum(e, 31);
    return e;
}

bool pc_smbios_init(struct pc *pc, struct error **err)
{
    struct builder b = { .bytes = g_byte_array_new() };

    if (pc->config->smbios && pc->config->smbios[0]) {
        error_set(err, "-smbios is not available yet");
        return false;
    }
    system_information(&b, pc);
    chassis(&b, pc);
    for (unsigned n = 0; n < pc->n_cpus; n++) {
        processor(&b, pc, n);
    }
    memory(&b, pc);
    mapped_range(&b, 0, 0, pc->low_size);
    if (pc->high_size) {
        mapped_range(&b, 1, 1ull << 32, pc->high_size);
    }
    begin(&b, 32, 11, 0x2000);                   /* boot status: no error */
    end(&b);
    begin(&b, 127, 4, 0x7f00);
    end(&b);
    fw_cfg_add_file(pc->fw_cfg, "etc/smbios/smbios-tables", b.bytes->data, b.bytes->len);
    fw_cfg_add_file(pc->fw_cfg, "etc/smbios/smbios-anchor", entry_point(&b), 31);
    return true;
}
