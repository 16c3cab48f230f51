/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI 1.0 tables for SeaBIOS: the files "etc/acpi/tables" and "etc/acpi/rsdp", and
 * "etc/table-loader" with the commands that place them, fix pointers and set checksums.
 */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/acpi/piix4.h"
#include "hw/i386/pc-dsdt.h"
#include "hw/i386/pc.h"
#include "hw/intc/apic.h"
#include "hw/intc/ioapic.h"
#include "hw/nvram/fw_cfg.h"

#define TABLES "etc/acpi/tables"
#define RSDP "etc/acpi/rsdp"
#define HEADER 36

struct builder {
    GByteArray *tables, *loader;
    uint8_t *rsdp;
};

/* --- loader commands, 128 bytes each --------------------------------------------------------- */

enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };

static void put_name(uint8_t *to, const char *name)
{
    memcpy(to, name, strlen(name) + 1);
}

static void load_file(struct builder *b, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t command[128] = { ALLOCATE };

    put_name(command + 4, file);
    st32_le(command + 60, align);
    command[64] = zone;
    g_byte_array_append(b->loader, command, sizeof(command));
}

/* The 4 bytes at `offset` of `file` hold an offset into the tables, and become an address. */
static void load_pointer(struct builder *b, const char *file, uint32_t offset)
{
    uint8_t command[128] = { ADD_POINTER };

    put_name(command + 4, file);
    put_name(command + 60, TABLES);
    st32_le(command + 116, offset);
    command[120] = 4;
    g_byte_array_append(b->loader, command, sizeof(command));
}

static void load_checksum(struct builder *b, const char *file, uint32_t at, uint32_t start,
                          uint32_t length)
{
    uint8_t command[128] = { ADD_CHECKSUM };

    put_name(command + 4, file);
    st32_le(command + 60, at);
    st32_le(command + 64, start);
    st32_le(command + 68, length);
    g_byte_array_append(b->loader, command, sizeof(command));
}

/* --- tables ---------------------------------------------------------------------------------- */

/* Appends a table: header and body, to be checksummed by the firmware. Returns its offset. */
static uint32_t add_table(struct builder *b, const char *signature, uint8_t revision,
                          const void *body, size_t size)
{
    uint8_t header[HEADER] = { 0 };
    uint32_t at = b->tables->len, length = (uint32_t)(HEADER + size);

    memcpy(header, signature, 4);
    st32_le(header + 4, length);
    header[8] = revision;
    memcpy(header + 10, "BOCHS ", 6);
    memcpy(header + 16, "BXPC    ", 8);
    st32_le(header + 24, 1);
    memcpy(header + 28, "BXPC", 4);
    st32_le(header + 32, 1);
    g_byte_array_append(b->tables, header, sizeof(header));
    g_byte_array_append(b->tables, body, (guint)size);
    return at;
}

static void checksum_table(struct builder *b, uint32_t at)
{
    load_checksum(b, TABLES, at + 9, at, ld32_le(b->tables->data + at + 4));
}

static uint32_t add_facs(struct builder *b)
{
    uint8_t facs[64] = "FACS";
    uint32_t at = b->tables->len;

    st32_le(facs + 4, sizeof(facs));
    g_byte_array_append(b->tables, facs, sizeof(facs));
    return at;
}

static uint32_t add_dsdt(struct builder *b, const struct pc *pc)
{
    GByteArray *code = pc_dsdt(pc);
    uint32_t at = add_table(b, "DSDT", 1, code->data, code->len);

    g_byte_array_unref(code);
    checksum_table(b, at);
    return at;
}

/* The fixed description of version 1.0; offsets are those of the whole table. */
static uint32_t add_fadt(struct builder *b, uint32_t facs, uint32_t dsdt)
{
    uint8_t t[116] = { 0 };
    uint32_t at;

    st32_le(t + 36, facs);
    st32_le(t + 40, dsdt);
    t[44] = 1;                                   /* APIC present */
    st16_le(t + 46, 9);                          /* SCI */
    st32_le(t + 48, PIIX4_SMI_PORT);
    t[52] = PIIX4_ACPI_ENABLE;
    t[53] = PIIX4_ACPI_DISABLE;
    st32_le(t + 56, PIIX4_PM_PORT);              /* PM1a events, control, timer */
    st32_le(t + 64, PIIX4_PM_PORT + 4);
    st32_le(t + 76, PIIX4_PM_PORT + 8);
    st32_le(t + 80, PIIX4_GPE_PORT);
    t[88] = 4;
    t[89] = 2;
    t[91] = 4;
    t[92] = PIIX4_GPE_SIZE;
    st16_le(t + 96, 0xfff);                      /* no C2, no C3 */
    st16_le(t + 98, 0xfff);
    t[108] = 0x32;                               /* CMOS index of the century */
    /* WBINVD works, C1 works, sleep button is a device, RTC can wake from S4, use the PM timer. */
    st32_le(t + 112, 1u << 0 | 1u << 2 | 1u << 5 | 1u << 7 | 1u << 15);
    at = add_table(b, "FACP", 1, t + HEADER, sizeof(t) - HEADER);
    load_pointer(b, TABLES, at + 36);
    load_pointer(b, TABLES, at + 40);
    checksum_table(b, at);
    return at;
}

static void add_override(GByteArray *body, uint8_t source, uint8_t target, uint16_t flags)
{
    uint8_t entry[10] = { 2, 10, 0, source, target };

    st16_le(entry + 8, flags);
    g_byte_array_append(body, entry, sizeof(entry));
}

static uint32_t add_madt(struct builder *b, const struct pc *pc)
{
    static const uint8_t pci_lines[] = { 5, 9, 10, 11 };
    GByteArray *body = g_byte_array_new();
    uint8_t start[8] = { 0 }, io[12] = { 1, 12 }, nmi[6] = { 4, 6, 0xff, 0, 0, 1 };
    uint32_t at;

    st32_le(start, (uint32_t)APIC_DEFAULT_BASE);
    st32_le(start + 4, 1);                       /* there is a pair of 8259s as well */
    g_byte_array_append(body, start, sizeof(start));
    for (unsigned i = 0; i < pc->n_cpus; i++) {
        uint8_t cpu[8] = { 0, 8, (uint8_t)i, (uint8_t)i, 1 };
        g_byte_array_append(body, cpu, sizeof(cpu));
    }
    st32_le(io + 4, (uint32_t)IOAPIC_BASE);
    g_byte_array_append(body, io, sizeof(io));
    add_override(body, 0, 2, 0);
    for (unsigned i = 0; i < ARRAY_LEN(pci_lines); i++) {
        add_override(body, pci_lines[i], pci_lines[i], 0x0d);   /* level, active high */
    }
    g_byte_array_append(body, nmi, sizeof(nmi));
    at = add_table(b, "APIC", 1, body->data, body->len);
    g_byte_array_unref(body);
    checksum_table(b, at);
    return at;
}

static uint32_t add_hpet(struct builder *b)
{
    uint8_t body[20] = { 0 };
    uint32_t at;

    st32_le(body, HPET_ID);
    st64_le(body + 8, HPET_BASE);                /* in memory space */
    at = add_table(b, "HPET", 1, body, sizeof(body));
    checksum_table(b, at);
    return at;
}

/* Tells Windows that the PM timer needs no second read. */
static uint32_t add_waet(struct builder *b)
{
    static const uint8_t body[4] = { 2 };
    uint32_t at = add_table(b, "WAET", 1, body, sizeof(body));

    checksum_table(b, at);
    return at;
}

static void add_rsdt(struct builder *b, const uint32_t *tables, unsigned count)
{
    uint8_t body[4 * 8];
    uint32_t at;

    for (unsigned i = 0; i < count; i++) {
        st32_le(body + 4 * i, tables[i]);
    }
    at = add_table(b, "RSDT", 1, body, 4 * count);
    for (unsigned i = 0; i < count; i++) {
        load_pointer(b, TABLES, at + HEADER + 4 * i);
    }
    checksum_table(b, at);

    b->rsdp = g_malloc0(20);
    memcpy(b->rsdp, "RSD PTR ", 8);
    memcpy(b->rsdp + 9, "BOCHS ", 6);
    st32_le(b->rsdp + 16, at);
    load_pointer(b, RSDP, 16);
    load_checksum(b, RSDP, 8, 0, 20);
}

void pc_acpi_init(struct pc *pc)
{
    struct builder b = { g_byte_array_new(), g_byte_array_new(), NULL };
    uint32_t facs, dsdt, tables[4];
    unsigned count = 0;

    load_file(&b, RSDP, 16, ZONE_FSEG);
    load_file(&b, TABLES, 64, ZONE_HIGH);
    facs = add_facs(&b);
    dsdt = add_dsdt(&b, pc);
    tables[count++] = add_fadt(&b, facs, dsdt);
    if (pc->ioapic) {
        tables[count++] = add_madt(&b, pc);
    }
    if (pc->hpet) {
        tables[count++] = add_hpet(&b);
    }
    tables[count++] = add_waet(&b);
    add_rsdt(&b, tables, count);
    fw_cfg_add_file(pc->fw_cfg, TABLES, b.tables->data, b.tables->len);
    fw_cfg_add_file(pc->fw_cfg, RSDP, b.rsdp, 20);
    fw_cfg_add_file(pc->fw_cfg, "etc/table-loader", b.loader->data, b.loader->len);
}
