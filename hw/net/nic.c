/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the cards of -net nic and -nic, and holds what all cards need. */
#include "hw/net/nic.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bits.h"
#include "hw/core/machine.h"

/* Where old drivers look for NE2000 cards. */
static const struct { uint16_t iobase; uint8_t irq; } isa_places[] = {
    { 0x300, 9 }, { 0x320, 10 }, { 0x340, 11 }, { 0x360, 3 }, { 0x280, 4 }, { 0x380, 5 }
};

static const char *const models[] = { "e1000", "i82551", "i82557b", "i82559er", "ne2k_isa",
                                      "ne2k_pci", "pcnet", "rtl8139", "virtio-net-pci" };

static void list_model(void *opaque, const struct device_class *class)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i], class->name) == 0) {
            g_string_append_printf(opaque, " %s", class->name);
        }
    }
}

static void print_model(void *opaque, const struct device_class *class)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i], class->name) == 0) {
            fprintf(opaque, "%s\n", class->name);
        }
    }
}

/* model=help */
static void print_models(void)
{
    printf("Supported NIC models:\n");
    device_class_walk(print_model, stdout);
    exit(0);
}

static bool check_model(const char *model, bool has_pci, struct error **err)
{
    const struct device_class *class = device_class_find(model);
    GString *known;

    if (class && class->bus && (has_pci || strcmp(class->bus, "pci") != 0)) {
        for (size_t i = 0; i < ARRAY_LEN(models); i++) {
            if (strcmp(models[i], class->name) == 0) {
                return true;
            }
        }
    }
    known = g_string_new(NULL);
    device_class_walk(list_model, known);
    error_set(err, "Unsupported NIC model: %s (there are:%s)", model, known->str);
    g_string_free(known, TRUE);
    return false;
}

static bool place_isa(struct device *dev, unsigned n, struct error **err)
{
    if (n >= ARRAY_LEN(isa_places)) {
        error_set(err, "too many ISA network cards; there is room for %zu",
                  ARRAY_LEN(isa_places));
        return false;
    }
    device_set_uint(dev, "iobase", isa_places[n].iobase);
    device_set_uint(dev, "irq", isa_places[n].irq);
    return true;
}

/* What the request says goes into the device. */
static bool configure(struct device *dev, const struct net_nic_request *r, struct error **err)
{
    bool good = true;

    if (r->mac[0] || r->mac[1] || r->mac[2] || r->mac[3] || r->mac[4] || r->mac[5]) {
        char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", r->mac[0], r->mac[1],
                                    r->mac[2], r->mac[3], r->mac[4], r->mac[5]);
        good = device_set(dev, "mac", mac, err);
        g_free(mac);
    }
    device_set_pointer(dev, "netdev", r->peer);
    return good && (!r->name || device_set(dev, "id", r->name, err)) &&
        (!r->address || device_set(dev, "addr", r->address, err));
}

static bool create(const struct net_nic_request *r, const char *model, unsigned *isa_cards,
                   struct error **err)
{
    struct device *dev = device_create(model, err);
    bool good = dev != NULL;

    if (!dev) {
        return false;
    }
    if (strcmp(dev->class->bus, "isa") == 0) {
        good = place_isa(dev, (*isa_cards)++, err);
    }
    good = good && configure(dev, r, err) && device_realize(dev, err);
    if (!good) {
        device_destroy(dev);
    }
    return good;
}

struct device *nic_create_onboard(const char *model, struct error **err)
{
    struct device *dev = device_create(model, err);

    for (struct net_nic_request *r = net_nic_requests(); dev && r; r = r->next) {
        if (!r->taken && (!r->model || strcmp(r->model, model) == 0)) {
            r->taken = true;
            return configure(dev, r, err) ? dev : NULL;
        }
    }
    return dev;
}

bool nic_create_requested(const char *model, bool has_pci, struct error **err)
{
    unsigned isa_cards = 0;

    for (struct net_nic_request *r = net_nic_requests(); r; r = r->next) {
        const char *wanted = r->model ? r->model : model;

        if (r->taken) {
            continue;
        }
        if (strcmp(wanted, "help") == 0) {
            print_models();
        }
        if (strcmp(wanted, "virtio") == 0) {
            wanted = "virtio-net-pci";
        }
        if (!check_model(wanted, has_pci, err) || !create(r, wanted, &isa_cards, err)) {
            return false;
        }
    }
    return true;
}

/* One ROM serves several cards: the firmware wants to see this one's identity in it. Byte 6 is
 * unused and keeps the checksum. */
static void adopt_rom(struct pci_device *pci)
{
    uint8_t *rom = memory_region_host(&pci->rom);
    unsigned at = ld16_le(rom + 0x18);

    if (ld16_le(rom) != 0xaa55 || at + 8u > pci->rom.size || memcmp(rom + at, "PCIR", 4) != 0) {
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        uint8_t wanted = pci->pci.config[PCI_VENDOR_ID + i];

        rom[6] = (uint8_t)(rom[6] + rom[at + 4 + i] - wanted);
        rom[at + 4 + i] = wanted;
    }
}

bool nic_add_rom(struct pci_device *pci, const char *file, struct error **err)
{
    char *path;

    if (pci->rom_file) {
        return pci_add_rom(pci, NULL, err);
    }
    path = machine_find_firmware(file);
    if (!path) {
        return true;
    }
    g_free(path);
    if (!pci_add_rom(pci, file, err)) {
        return false;
    }
    if (pci->rom.block) {
        adopt_rom(pci);
    }
    return true;
}

uint32_t ethernet_crc(const uint8_t *data, size_t size)
{
    return (uint32_t)crc32(0, data, (unsigned)size);
}

uint32_t ethernet_hash(const uint8_t *mac)
{
    uint32_t crc = 0xffffffff;

    for (int i = 0; i < NET_MAC_SIZE; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bool carry = (crc >> 31) ^ (mac[i] >> bit & 1);
            crc = crc << 1 ^ (carry ? 0x04c11db7 : 0);
        }
    }
    return crc;
}

bool ethernet_is_broadcast(const uint8_t *mac)
{
    return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}
