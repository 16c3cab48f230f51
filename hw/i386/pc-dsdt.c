/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DSDT: the PCI root bridge with its windows and routing, interrupt links, ISA chips, sleep. */
#include "hw/i386/pc-dsdt.h"

#include <stdio.h>

#include "base/bits.h"
#include "hw/acpi/aml.h"
#include "hw/acpi/pci-hotplug.h"

static const char *const link_fields[] = { "PRQ0", "PRQ1", "PRQ2", "PRQ3" };

/* --- interrupt links ------------------------------------------------------------------------- */

static void put_interrupts(struct aml *aml, const char *name, const uint32_t *numbers,
                           unsigned count)
{
    struct aml_resources r;

    aml_name(aml, name);
    aml_resources_init(&r);
    aml_resource_interrupts(&r, numbers, count);
    aml_resources(aml, &r);
}

/* If (And (field, 0x80)) */
static void if_high_bit(struct aml *aml, const char *field)
{
    aml_if(aml);
    aml_op(aml, AML_AND);
    aml_path(aml, field);
    aml_integer(aml, 0x80);
    aml_op(aml, AML_ZERO);
}

static void put_link_methods(struct aml *aml, const char *field)
{
    static const uint32_t none[] = { 0 };

    aml_method(aml, "_STA", 0, false);
    if_high_bit(aml, field);
    aml_op(aml, AML_RETURN);
    aml_integer(aml, 0x09);
    aml_end(aml);
    aml_op(aml, AML_RETURN);
    aml_integer(aml, 0x0b);
    aml_end(aml);

    aml_method(aml, "_DIS", 0, false);
    aml_op(aml, AML_OR);
    aml_path(aml, field);
    aml_integer(aml, 0x80);
    aml_path(aml, field);
    aml_end(aml);

    /* The interrupt number is at byte 5 of the descriptor. */
    aml_method(aml, "_CRS", 0, true);
    put_interrupts(aml, "PRR0", none, 1);
    aml_op(aml, AML_CREATE_DWORD_FIELD);
    aml_path(aml, "PRR0");
    aml_integer(aml, 5);
    aml_path(aml, "PRRI");
    aml_op(aml, AML_AND);
    aml_path(aml, field);
    aml_integer(aml, 0x0f);
    aml_path(aml, "PRRI");
    if_high_bit(aml, field);
    aml_op(aml, AML_STORE);
    aml_integer(aml, 0);
    aml_path(aml, "PRRI");
    aml_end(aml);
    aml_op(aml, AML_RETURN);
    aml_path(aml, "PRR0");
    aml_end(aml);

    aml_method(aml, "_SRS", 1, false);
    aml_op(aml, AML_CREATE_DWORD_FIELD);
    aml_op(aml, AML_ARG0);
    aml_integer(aml, 5);
    aml_path(aml, "PRRI");
    aml_op(aml, AML_STORE);
    aml_path(aml, "PRRI");
    aml_path(aml, field);
    aml_end(aml);
}

static void put_links(struct aml *aml)
{
    static const uint32_t choices[] = { 5, 10, 11 }, sci[] = { 9 };

    for (unsigned i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof(name), "LNK%c", 'A' + i);
        aml_device(aml, name);
        aml_name_eisa_id(aml, "_HID", "PNP0C0F");
        aml_name_integer(aml, "_UID", i);
        put_interrupts(aml, "_PRS", choices, ARRAY_LEN(choices));
        put_link_methods(aml, link_fields[i]);
        aml_end(aml);
    }
    aml_device(aml, "LNKS");                     /* SCI is hard-wired */
    aml_name_eisa_id(aml, "_HID", "PNP0C0F");
    aml_name_integer(aml, "_UID", 4);
    put_interrupts(aml, "_PRS", sci, 1);
    put_interrupts(aml, "_CRS", sci, 1);
    aml_name_integer(aml, "_STA", 0x0b);
    aml_method(aml, "_DIS", 0, false);
    aml_end(aml);
    aml_method(aml, "_SRS", 1, false);
    aml_end(aml);
    aml_end(aml);
}

static void put_route(struct aml *aml, unsigned slot, unsigned pin)
{
    char name[24];
    bool sci = slot == 1 && pin == 0;

    snprintf(name, sizeof(name), "\\_SB.PCI0.ISA.LNK%c", sci ? 'S' : 'A' + (slot + pin + 3) % 4);
    aml_package(aml, 4);
    aml_integer(aml, (uint64_t)slot << 16 | 0xffff);
    aml_integer(aml, pin);
    aml_path(aml, name);
    aml_integer(aml, 0);
    aml_end(aml);
}

static void put_routing(struct aml *aml)
{
    aml_name(aml, "_PRT");
    aml_package(aml, 128);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            put_route(aml, slot, pin);
        }
    }
    aml_end(aml);
}

enum { PVPANIC_PORT = 0x505 };

/* --- ISA chips ------------------------------------------------------------------------------- */

struct chip {
    const char *name, *id;
    uint8_t uid;
    uint16_t ports[3];             /* 0 ends */
    uint8_t sizes[3];
    int8_t irq, dma;               /* -1: none */
};

static const struct chip chips[] = {
    { "RTC", "PNP0B00", 0, { 0x70 }, { 8 }, 8, -1 },
    { "KBD", "PNP0303", 0, { 0x60, 0x64 }, { 1, 1 }, 1, -1 },
    { "MOU", "PNP0F13", 0, { 0 }, { 0 }, 12, -1 },
    { "FDC0", "PNP0700", 0, { 0x3f2, 0x3f7 }, { 4, 1 }, 6, 2 },
};
static const struct chip serial_chips[] = {
    { "COM1", "PNP0501", 1, { 0x3f8 }, { 8 }, 4, -1 },
    { "COM2", "PNP0501", 2, { 0x2f8 }, { 8 }, 3, -1 },
    { "COM3", "PNP0501", 3, { 0x3e8 }, { 8 }, 4, -1 },
    { "COM4", "PNP0501", 4, { 0x2e8 }, { 8 }, 3, -1 },
};
static const struct chip parallel_chips[] = {
    { "LPT1", "PNP0400", 1, { 0x378 }, { 8 }, 7, -1 },
    { "LPT2", "PNP0400", 2, { 0x278 }, { 8 }, 7, -1 },
    { "LPT3", "PNP0400", 3, { 0x3bc }, { 4 }, 7, -1 },
};

static void put_chip(struct aml *aml, const struct chip *chip)
{
    struct aml_resources r;

    aml_device(aml, chip->name);
    aml_name_eisa_id(aml, "_HID", chip->id);
    if (chip->uid) {
        aml_name_integer(aml, "_UID", chip->uid);
    }
    aml_name_integer(aml, "_STA", 0x0f);
    aml_name(aml, "_CRS");
    aml_resources_init(&r);
    for (unsigned i = 0; i < 3 && chip->ports[i]; i++) {
        aml_resource_io(&r, chip->ports[i], chip->ports[i], 1, chip->sizes[i]);
    }
    if (chip->irq >= 0) {
        aml_resource_irq(&r, (unsigned)chip->irq);
    }
    if (chip->dma >= 0) {
        aml_resource_dma(&r, (unsigned)chip->dma);
    }
    aml_resources(aml, &r);
    aml_end(aml);
}

/* The device at its usual port, when -device put it there: an empty port reads as ones, the device
 * as a few low bits. */
static void put_pvpanic(struct aml *aml)
{
    static const char *const field = "PEPT";
    struct aml_resources r;

    aml_device(aml, "PEVT");
    aml_name(aml, "_HID");
    aml_string(aml, "QEMU0001");
    aml_region(aml, "PEOR", AML_SYSTEM_IO, PVPANIC_PORT, 1);
    aml_byte_field(aml, "PEOR", &field, 1);
    aml_name(aml, "_CRS");
    aml_resources_init(&r);
    aml_resource_io(&r, PVPANIC_PORT, PVPANIC_PORT, 1, 1);
    aml_resources(aml, &r);
    aml_method(aml, "_STA", 0, false);
    if_high_bit(aml, field);
    aml_op(aml, AML_RETURN);
    aml_op(aml, AML_ZERO);
    aml_end(aml);
    aml_op(aml, AML_RETURN);
    aml_integer(aml, 0x0f);
    aml_end(aml);
    aml_end(aml);
}

static void put_isa(struct aml *aml, const struct pc *pc)
{
    aml_device(aml, "ISA");
    aml_name_integer(aml, "_ADR", 0x00010000);
    aml_region(aml, "P40C", AML_PCI_CONFIG, 0x60, 4);
    aml_byte_field(aml, "P40C", link_fields, ARRAY_LEN(link_fields));
    for (unsigned i = 0; i < ARRAY_LEN(chips); i++) {
        put_chip(aml, &chips[i]);
    }
    for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++) {
        if (pc->config->serial[i]) {
            put_chip(aml, &serial_chips[i]);
        }
    }
    for (unsigned i = 0; i < MACHINE_PARALLEL_PORTS; i++) {
        if (pc->config->parallel[i]) {
            put_chip(aml, &parallel_chips[i]);
        }
    }
    put_pvpanic(aml);
    put_links(aml);
    aml_end(aml);
}

/* --- hot plug -------------------------------------------------------------------------------- */

enum { NOTIFY_LOOK = 1, NOTIFY_EJECT = 3 };

/* In the order of the registers. */
static const char *const hotplug_fields[PCI_HOTPLUG_SIZE] = {
    "PUP0", "PUP1", "PUP2", "PUP3", "PDN0", "PDN1", "PDN2", "PDN3", "PEJ0", "PEJ1", "PEJ2", "PEJ3"
};

static void slot_name(char *name, size_t size, unsigned slot)
{
    snprintf(name, size, "S%03X", slot);
}

static bool has_hotplug(const struct pc *pc, unsigned slot)
{
    return pci_hotplug_allows(pc->pci, slot);
}

static void put_slot(struct aml *aml, unsigned slot)
{
    char name[8];

    slot_name(name, sizeof(name), slot);
    aml_device(aml, name);
    aml_name_integer(aml, "_SUN", slot);
    aml_name_integer(aml, "_ADR", (uint64_t)slot << 16);
    aml_method(aml, "_EJ0", 1, false);
    aml_op(aml, AML_STORE);
    aml_integer(aml, 1u << slot % 8);
    aml_path(aml, hotplug_fields[PCI_HOTPLUG_EJECT + slot / 8]);
    aml_end(aml);
    aml_end(aml);
}

/* Reading a register clears it, so each is read once. */
static void put_notifications(struct aml *aml, const struct pc *pc, unsigned reg, unsigned first,
                              uint8_t what)
{
    aml_op(aml, AML_STORE);
    aml_path(aml, hotplug_fields[reg]);
    aml_op(aml, AML_LOCAL0);
    for (unsigned slot = first; slot < first + 8; slot++) {
        char name[8];

        if (has_hotplug(pc, slot)) {
            slot_name(name, sizeof(name), slot);
            aml_if(aml);
            aml_op(aml, AML_AND);
            aml_op(aml, AML_LOCAL0);
            aml_integer(aml, 1u << slot % 8);
            aml_op(aml, AML_ZERO);
            aml_op(aml, AML_NOTIFY);
            aml_path(aml, name);
            aml_integer(aml, what);
            aml_end(aml);
        }
    }
}

static void put_hotplug(struct aml *aml, const struct pc *pc)
{
    struct aml_resources r;

    aml_device(aml, "PHPD");
    aml_name_eisa_id(aml, "_HID", "PNP0A06");
    aml_name(aml, "_UID");
    aml_string(aml, "PCI hotplug");
    aml_name_integer(aml, "_STA", 0x0b);
    aml_name(aml, "_CRS");
    aml_resources_init(&r);
    aml_resource_io(&r, PCI_HOTPLUG_PORT, PCI_HOTPLUG_PORT, 1, PCI_HOTPLUG_SIZE);
    aml_resources(aml, &r);
    aml_end(aml);
    aml_region(aml, "PHPR", AML_SYSTEM_IO, PCI_HOTPLUG_PORT, PCI_HOTPLUG_SIZE);
    aml_byte_field(aml, "PHPR", hotplug_fields, ARRAY_LEN(hotplug_fields));
    for (unsigned slot = 0; slot < 32; slot++) {
        if (has_hotplug(pc, slot)) {
            put_slot(aml, slot);
        }
    }
    aml_method(aml, "PCNT", 0, true);
    for (unsigned reg = 0; reg < 4; reg++) {
        put_notifications(aml, pc, PCI_HOTPLUG_UP + reg, 8 * reg, NOTIFY_LOOK);
        put_notifications(aml, pc, PCI_HOTPLUG_DOWN + reg, 8 * reg, NOTIFY_EJECT);
    }
    aml_end(aml);
}

/* The event of hot plug is GPE 1. */
static void put_events(struct aml *aml)
{
    aml_scope(aml, "\\_GPE");
    aml_method(aml, "_E01", 0, false);
    aml_path(aml, "\\_SB.PCI0.PCNT");
    aml_end(aml);
    aml_end(aml);
}

/* --- the root bridge ------------------------------------------------------------------------- */

static void put_windows(struct aml *aml, const struct pc *pc)
{
    struct aml_resources r;

    aml_name(aml, "_CRS");
    aml_resources_init(&r);
    aml_resource_window(&r, AML_WINDOW_BUS, 0, 0xff);
    aml_resource_io(&r, 0xcf8, 0xcf8, 1, 8);
    aml_resource_window(&r, AML_WINDOW_IO, 0, 0xcf7);
    aml_resource_window(&r, AML_WINDOW_IO, 0xd00, 0xffff);
    aml_resource_window(&r, AML_WINDOW_MEMORY, 0xa0000, 0xbffff);
    aml_resource_window(&r, AML_WINDOW_MEMORY, pc->low_size, 0xfebfffff);
    aml_resources(aml, &r);
}

static void put_sleep_state(struct aml *aml, const char *name, uint8_t type)
{
    aml_name(aml, name);
    aml_package(aml, 4);
    aml_integer(aml, type);
    aml_integer(aml, type);
    aml_integer(aml, 0);
    aml_integer(aml, 0);
    aml_end(aml);
}

static void put_processors(struct aml *aml, const struct pc *pc)
{
    for (unsigned i = 0; i < pc->n_cpus; i++) {
        char name[8];
        snprintf(name, sizeof(name), "C%03X", i & 0xfff);
        aml_processor(aml, name, (uint8_t)i);
        aml_end(aml);
    }
}

GByteArray *pc_dsdt(const struct pc *pc)
{
    struct aml aml;

    aml_init(&aml);
    aml_scope(&aml, "\\_SB");
    put_processors(&aml, pc);
    aml_device(&aml, "PCI0");
    aml_name_eisa_id(&aml, "_HID", "PNP0A03");
    aml_name_integer(&aml, "_ADR", 0);
    aml_name_integer(&aml, "_UID", 0);
    put_windows(&aml, pc);
    put_isa(&aml, pc);
    put_routing(&aml);
    put_hotplug(&aml, pc);
    aml_end(&aml);
    aml_end(&aml);
    put_events(&aml);

    put_sleep_state(&aml, "\\_S3", 1);
    put_sleep_state(&aml, "\\_S4", 2);
    put_sleep_state(&aml, "\\_S5", 0);
    return aml.bytes;
}
