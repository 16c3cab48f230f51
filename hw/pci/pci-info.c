/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info pci`: every function with its identity, interrupt and base addresses. */
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "base/json.h"
#include "hw/pci/pci-impl.h"

static const struct { uint16_t class; const char *name; } class_names[] = {
    { 0x0001, "VGA controller" }, { 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" },
    { 0x0102, "Floppy controller" }, { 0x0103, "IPI controller" }, { 0x0104, "RAID controller" },
    { 0x0106, "SATA controller" }, { 0x0107, "SAS controller" }, { 0x0180, "Storage controller" },
    { 0x0200, "Ethernet controller" }, { 0x0201, "Token Ring controller" },
    { 0x0202, "FDDI controller" }, { 0x0203, "ATM controller" }, { 0x0280, "Network controller" },
    { 0x0300, "VGA controller" }, { 0x0301, "XGA controller" }, { 0x0302, "3D controller" },
    { 0x0380, "Display controller" }, { 0x0400, "Video controller" },
    { 0x0401, "Audio controller" }, { 0x0402, "Phone" }, { 0x0403, "Audio controller" },
    { 0x0480, "Multimedia controller" }, { 0x0500, "RAM controller" },
    { 0x0501, "Flash controller" }, { 0x0580, "Memory controller" }, { 0x0600, "Host bridge" },
    { 0x0601, "ISA bridge" }, { 0x0602, "EISA bridge" }, { 0x0603, "MC bridge" },
    { 0x0604, "PCI bridge" }, { 0x0605, "PCMCIA bridge" }, { 0x0606, "NUBUS bridge" },
    { 0x0607, "CARDBUS bridge" }, { 0x0608, "RACEWAY bridge" }, { 0x0680, "Bridge" },
    { 0x0700, "Serial port" }, { 0x0701, "Parallel port" }, { 0x0800, "Interrupt controller" },
    { 0x0801, "DMA controller" }, { 0x0802, "Timer" }, { 0x0803, "RTC" },
    { 0x0900, "Keyboard" }, { 0x0901, "Pen" }, { 0x0902, "Mouse" },
    { 0x0a00, "Dock station" }, { 0x0b00, "i386 cpu" }, { 0x0c00, "Firewire controller" },
    { 0x0c01, "Access bus controller" }, { 0x0c02, "SSA controller" },
    { 0x0c03, "USB controller" }, { 0x0c04, "Fibre channel controller" }, { 0x0c05, "SMBus" },
};

static const char *class_name(uint16_t class)
{
    for (unsigned i = 0; i < ARRAY_LEN(class_names); i++) {
        if (class_names[i].class == class) {
            return class_names[i].name;
        }
    }
    return NULL;
}

static void print_class(FILE *out, uint16_t class)
{
    if (class_name(class)) {
        fprintf(out, "    %s", class_name(class));
    } else {
        fprintf(out, "    Class %04d", class);
    }
}

static void print_bar(FILE *out, const struct pci_device *pci, unsigned n)
{
    const struct pci_bar *bar = &pci->bars[n];
    uint64_t last = bar->mapped_at + bar->size - 1;

    fprintf(out, "      BAR%u: ", n);
    if (bar->flags & PCI_BAR_IO) {
        fprintf(out, "I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", bar->mapped_at, last);
        return;
    }
    fprintf(out, "%d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
            bar->flags & PCI_BAR_64BIT ? 64 : 32,
            bar->flags & PCI_BAR_PREFETCH ? " prefetchable" : "", bar->mapped_at, last);
}

static void print_bridge(FILE *out, const uint8_t *config)
{
    fprintf(out, "      BUS %u.\n", config[PCI_PRIMARY_BUS]);
    fprintf(out, "      secondary bus %u.\n", config[PCI_SECONDARY_BUS]);
    fprintf(out, "      subordinate bus %u.\n", config[PCI_SUBORDINATE_BUS]);
}

static void print_device(FILE *out, unsigned bus, const struct pci_device *pci)
{
    const uint8_t *config = pci->pci.config;
    bool bridge = (config[PCI_HEADER_TYPE] & 0x7f) == 1;

    fprintf(out, "  Bus %2u, device %3u, function %u:\n", bus, pci->devfn >> 3, pci->devfn & 7);
    print_class(out, ld16_le(config + PCI_CLASS_DEVICE));
    fprintf(out, ": PCI device %04x:%04x\n", ld16_le(config + PCI_VENDOR_ID),
            ld16_le(config + PCI_DEVICE_ID));
    if (!bridge && ld16_le(config + PCI_SUBSYSTEM_VENDOR)) {
        fprintf(out, "      PCI subsystem %04x:%04x\n", ld16_le(config + PCI_SUBSYSTEM_VENDOR),
                ld16_le(config + PCI_SUBSYSTEM_ID));
    }
    if (config[PCI_INTERRUPT_PIN]) {
        fprintf(out, "      IRQ %u, pin %c\n", config[PCI_INTERRUPT_LINE],
                'A' + config[PCI_INTERRUPT_PIN] - 1);
    }
    if (bridge) {
        print_bridge(out, config);
    }
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        if (pci->bars[n].region) {
            print_bar(out, pci, n);
        }
    }
    fprintf(out, "      id \"%s\"\n", pci->dev.id ? pci->dev.id : "");
}

static void print_bus(FILE *out, const struct pci_bus *bus, unsigned depth)
{
    for (unsigned i = 0; i < 256; i++) {
        const struct pci_device *pci = bus->devices[i];
        if (!pci) {
            continue;
        }
        print_device(out, bus->number, pci);
        if (pci->secondary && depth < 8) {
            print_bus(out, pci->secondary, depth + 1);
        }
    }
}

void pci_print(FILE *out)
{
    struct bus *bus = bus_find("pci");

    if (!bus) {
        fprintf(out, "PCI devices not supported\n");
        return;
    }
    print_bus(out, container_of(bus, struct pci_bus, bus), 0);
}

/* --- for QMP --------------------------------------------------------------------------------- */

static struct json *describe_bar(const struct pci_bar *bar, unsigned n)
{
    struct json *o = json_object();
    bool memory = !(bar->flags & PCI_BAR_IO);

    json_set_int(o, "bar", n);
    json_set_string(o, "type", memory ? "memory" : "io");
    json_set_int(o, "address", (int64_t)bar->mapped_at);
    json_set_int(o, "size", (int64_t)bar->size);
    if (memory) {
        json_set_bool(o, "prefetch", (bar->flags & PCI_BAR_PREFETCH) != 0);
        json_set_bool(o, "mem_type_64", (bar->flags & PCI_BAR_64BIT) != 0);
    }
    return o;
}

static struct json *describe_ids(const uint8_t *config)
{
    struct json *o = json_object();

    json_set_int(o, "device", ld16_le(config + PCI_DEVICE_ID));
    json_set_int(o, "vendor", ld16_le(config + PCI_VENDOR_ID));
    json_set_int(o, "subsystem", ld16_le(config + PCI_SUBSYSTEM_ID));
    json_set_int(o, "subsystem-vendor", ld16_le(config + PCI_SUBSYSTEM_VENDOR));
    return o;
}

static struct json *describe_device(unsigned bus, const struct pci_device *pci)
{
    const uint8_t *config = pci->pci.config;
    uint16_t class = ld16_le(config + PCI_CLASS_DEVICE);
    struct json *o = json_object(), *kind = json_object(), *bars = json_array();

    json_set_int(kind, "class", class);
    json_set_string(kind, "desc", class_name(class));
    json_set_int(o, "bus", bus);
    json_set_int(o, "slot", pci->devfn >> 3);
    json_set_int(o, "function", pci->devfn & 7);
    json_set(o, "class_info", kind);
    json_set(o, "id", describe_ids(config));
    json_set_int(o, "irq_pin", config[PCI_INTERRUPT_PIN]);
    if (config[PCI_INTERRUPT_PIN]) {
        json_set_int(o, "irq", config[PCI_INTERRUPT_LINE]);
    }
    json_set_string(o, "qdev_id", pci->dev.id ? pci->dev.id : "");
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        if (pci->bars[n].region) {
            json_append(bars, describe_bar(&pci->bars[n], n));
        }
    }
    json_set(o, "regions", bars);
    return o;
}

static void describe_bus(struct json *list, const struct pci_bus *bus, unsigned depth)
{
    struct json *o = json_object(), *devices = json_array();

    json_set_int(o, "bus", bus->number);
    json_set(o, "devices", devices);
    json_append(list, o);
    for (unsigned i = 0; i < 256; i++) {
        if (bus->devices[i]) {
            json_append(devices, describe_device(bus->number, bus->devices[i]));
        }
        if (bus->devices[i] && bus->devices[i]->secondary && depth < 8) {
            describe_bus(list, bus->devices[i]->secondary, depth + 1);
        }
    }
}

struct json *pci_describe(void)
{
    struct bus *bus = bus_find("pci");
    struct json *list = json_array();

    if (bus) {
        describe_bus(list, container_of(bus, struct pci_bus, bus), 0);
    }
    return list;
}
