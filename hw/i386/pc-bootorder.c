/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file "bootorder" for SeaBIOS: option ROMs, then devices with bootindex=, by their index. It
 * looks for a device's place (slot, channel, unit) and takes any name.
 */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/core/machine.h"
#include "hw/i386/pc.h"
#include "hw/ide/ide.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"

struct entry {
    uint64_t index;
    char *path;
};

static uint64_t number(const struct device *dev, const char *key)
{
    uint64_t value = 0;

    device_get_uint(dev, key, &value);
    return value;
}

static bool is_on(const struct device *dev, const char *bus)
{
    return dev && dev->bus && strcmp(dev->bus->type->name, bus) == 0;
}

static char *pci_path(const struct device *dev, const char *rest)
{
    unsigned devfn = ((const struct pci_device *)dev)->devfn, function = devfn & 7;

    return function ? g_strdup_printf("/pci@i0cf8/device@%x,%x%s", devfn >> 3, function, rest)
                    : g_strdup_printf("/pci@i0cf8/device@%x%s", devfn >> 3, rest);
}

/* NULL for devices in other places. */
static char *path_of(const struct device *dev)
{
    char rest[64];

    if (is_on(dev, "pci")) {
        return pci_path(dev, "/disk@0,0");
    }
    if (!dev->bus || !is_on(dev->bus->owner, "pci")) {
        return NULL;
    }
    if (is_on(dev, "IDE")) {
        snprintf(rest, sizeof(rest), "/drive@%x/disk@%u",
                 container_of(dev->bus, struct ide_channel, bus)->number,
                 (unsigned)number(dev, "unit"));
    } else if (is_on(dev, "SCSI")) {
        snprintf(rest, sizeof(rest), "/channel@0/disk@%x,%x", (unsigned)number(dev, "scsi-id"),
                 (unsigned)number(dev, "lun"));
    } else {
        return NULL;
    }
    return pci_path(dev->bus->owner, rest);
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->index < y->index ? -1 : x->index > y->index;
}

static void add_devices(GString *text)
{
    GArray *entries = g_array_new(FALSE, FALSE, sizeof(struct entry));

    for (struct device *dev = device_first(); dev; dev = dev->next) {
        struct entry e = { 0, NULL };

        if (dev->realized && device_get_uint(dev, "bootindex", &e.index) &&
            e.index != UINT32_MAX) {
            e.path = path_of(dev);
        }
        if (e.path) {
            g_array_append_val(entries, e);
        }
    }
    g_array_sort(entries, compare);
    for (unsigned i = 0; i < entries->len; i++) {
        struct entry *e = &g_array_index(entries, struct entry, i);

        g_string_append_printf(text, "%s\n", e->path);
        g_free(e->path);
    }
    g_array_free(entries, TRUE);
}

/* At each reset, as devices come and go. */
void pc_update_boot_order(void *opaque)
{
    struct pc *pc = opaque;
    GString *text = g_string_new(pc->boot_roms);

    add_devices(text);
    if (text->len) {
        text->str[text->len - 1] = 0;            /* the last line ends with a zero byte */
        fw_cfg_add_file(pc->fw_cfg, "bootorder", text->str, text->len);
        g_free(pc->boot_list);
        pc->boot_list = g_string_free(text, FALSE);
    } else {
        g_string_free(text, TRUE);
    }
}
