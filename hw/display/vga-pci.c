/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA on its buses: class "VGA" (PCI 1234:1111 with linear frame buffer) and class "isa-vga". */
#include "base/bits.h"
#include "hw/display/vga-core.h"
#include "hw/display/vga.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"

/* BAR 2: ports 0x3c0 to 0x3df, the dispi registers, and the byte order of the frame buffer. */
enum { MMIO_PORTS = 0x400, MMIO_VBE = 0x500, MMIO_EXTENDED = 0x600, MMIO_SIZE = 0x1000 };
#define EXTENDED_SIZE 8
#define ORDER_LITTLE 0x1e1e1e1eu
#define ORDER_BIG 0xbebebebeu

struct vga_pci {
    struct pci_device pci;
    struct vga vga;
    struct vga_state s;
    uint32_t memory_mb;
};

struct vga_isa {
    struct device dev;
    struct vga vga;
    struct vga_state s;
    uint32_t memory_mb;
};

static uint64_t mmio_read(void *dev, uint64_t offset, unsigned size)
{
    struct vga *vga = &((struct vga_pci *)dev)->vga;

    if (offset >= MMIO_PORTS && offset < MMIO_PORTS + 0x20) {
        uint64_t value = 0;
        for (unsigned i = 0; i < size; i++) {
            unsigned port = 0x3c0 + (unsigned)(offset - MMIO_PORTS) + i;
            value |= (uint64_t)vga_port_read(vga, port) << 8 * i;
        }
        return value;
    }
    if (offset >= MMIO_VBE && offset < MMIO_VBE + 2 * (VBE_MEMORY_64K + 1) && size == 2) {
        return vga_vbe_read(vga, (unsigned)(offset - MMIO_VBE) / 2);
    }
    if (offset == MMIO_EXTENDED && size == 4) {
        return EXTENDED_SIZE;
    }
    if (offset == MMIO_EXTENDED + 4 && size == 4) {
        return vga->s->big_endian ? ORDER_BIG : ORDER_LITTLE;
    }
    return 0;
}

static void mmio_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga *vga = &((struct vga_pci *)dev)->vga;

    if (offset >= MMIO_PORTS && offset < MMIO_PORTS + 0x20) {
        for (unsigned i = 0; i < size; i++) {
            vga_port_write(vga, 0x3c0 + (unsigned)(offset - MMIO_PORTS) + i,
                           (uint8_t)(value >> 8 * i));
        }
    } else if (offset >= MMIO_VBE && offset < MMIO_VBE + 2 * VBE_COUNT && size == 2) {
        vga_vbe_write(vga, (unsigned)(offset - MMIO_VBE) / 2, (uint16_t)value);
    } else if (offset == MMIO_EXTENDED + 4 && (value == ORDER_LITTLE || value == ORDER_BIG)) {
        vga->s->big_endian = value == ORDER_BIG;
        vga->redraw = true;
    }
}

static const struct device_region vga_pci_regions[] = {
    { "vga.mmio", MMIO_SIZE, { mmio_read, mmio_write, .min = 1, .max = 4 } },
    { 0 }
};

static bool vga_pci_init(struct device *dev, struct error **err)
{
    struct vga_pci *card = (struct vga_pci *)dev;
    struct pci_bus *bus = pci_bus_of(&card->pci);

    if (!vga_init(&card->vga, &card->s, dev, card->memory_mb, bus->memory, bus->io, err)) {
        return false;
    }
    pci_set_ids(&card->pci, 0x1234, 0x1111, 2, 0x030000);
    pci_add_bar(&card->pci, 0, PCI_BAR_PREFETCH, &card->vga.vram);
    pci_add_bar(&card->pci, 2, PCI_BAR_MEMORY, &dev->regions[0]);
    if (!pci_add_rom(&card->pci, "vgabios-stdvga.bin", err)) {
        vga_exit(&card->vga);
        return false;
    }
    return true;
}

static void vga_pci_exit(struct device *dev)
{
    struct vga_pci *card = (struct vga_pci *)dev;

    vga_exit(&card->vga);
}

static void vga_pci_reset(struct device *dev)
{
    vga_reset(&((struct vga_pci *)dev)->vga);
}

static bool vga_pci_loaded(struct device *dev, struct error **err)
{
    return vga_loaded(&((struct vga_pci *)dev)->vga, err);
}

static const struct property vga_pci_properties[] = {
    PROP_UINT("vgamem_mb", vga_pci, memory_mb, 16),
    PROPERTIES_END
};

DEVICE(vga_pci) = {
    .name = "VGA",
    .desc = "Standard VGA with Bochs display interface",
    .bus = "pci",
    .size = sizeof(struct vga_pci),
    .properties = vga_pci_properties,
    .regions = vga_pci_regions,
    .init = vga_pci_init,
    .exit = vga_pci_exit,
    .reset = vga_pci_reset,
    .loaded = vga_pci_loaded,
    .state = STATE(vga_pci, s, vga_state, 1),
};

/* --- ISA ------------------------------------------------------------------------------------- */

static bool vga_isa_init(struct device *dev, struct error **err)
{
    struct vga_isa *card = (struct vga_isa *)dev;
    struct isa_bus *bus = isa_bus_of(dev);

    return vga_init(&card->vga, &card->s, dev, card->memory_mb, bus->memory, bus->io, err);
}

static void vga_isa_exit(struct device *dev)
{
    vga_exit(&((struct vga_isa *)dev)->vga);
}

static void vga_isa_reset(struct device *dev)
{
    vga_reset(&((struct vga_isa *)dev)->vga);
}

static bool vga_isa_loaded(struct device *dev, struct error **err)
{
    return vga_loaded(&((struct vga_isa *)dev)->vga, err);
}

static const struct property vga_isa_properties[] = {
    PROP_UINT("vgamem_mb", vga_isa, memory_mb, 8),
    PROPERTIES_END
};

DEVICE(vga_isa) = {
    .name = "isa-vga",
    .desc = "Standard VGA on ISA",
    .bus = "isa",
    .size = sizeof(struct vga_isa),
    .properties = vga_isa_properties,
    .init = vga_isa_init,
    .exit = vga_isa_exit,
    .reset = vga_isa_reset,
    .loaded = vga_isa_loaded,
    .state = STATE(vga_isa, s, vga_state, 1),
};

struct device *vga_isa_create(struct isa_bus *isa, uint32_t memory_mb, struct error **err)
{
    struct device *dev = device_create("isa-vga", err);

    if (!dev) {
        return NULL;
    }
    if (memory_mb) {
        device_set_uint(dev, "vgamem_mb", memory_mb);
    }
    return device_realize(dev, err) ? dev : NULL;
}
