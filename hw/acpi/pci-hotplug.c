/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of PCI hot plug, and cards that come, are asked to leave, and leave. */
#include "hw/acpi/pci-hotplug.h"

#include "base/main-loop.h"

enum { CLASS_DISPLAY = 0x03, CLASS_BRIDGE = 0x06 };

static bool may_leave(const struct pci_device *pci)
{
    uint8_t class = pci->pci.config[PCI_CLASS_DEVICE + 1];

    return !pci->dev.class->internal && class != CLASS_DISPLAY && class != CLASS_BRIDGE;
}

bool pci_hotplug_allows(const struct pci_bus *bus, unsigned slot)
{
    bool allows = true;

    for (unsigned function = 0; function < 8; function++) {
        const struct pci_device *pci = bus->devices[PCI_DEVFN(slot, function)];

        allows &= !pci || may_leave(pci);
    }
    return allows;
}

static uint32_t slot_bit(const struct pci_device *pci)
{
    return 1u << (pci->devfn >> 3);
}

/* --- the machine's side ---------------------------------------------------------------------- */

/* The function 0 of a card comes last. */
static void arrived(void *opaque, struct pci_device *pci)
{
    struct pci_hotplug *h = opaque;

    if (!(pci->devfn & 7)) {
        h->s->up |= slot_bit(pci);
        h->event(h->opaque);
    }
}

static bool ask_to_leave(void *opaque, struct pci_device *pci, struct error **err)
{
    struct pci_hotplug *h = opaque;

    if (!pci_hotplug_allows(h->bus, pci->devfn >> 3)) {
        error_set(err, "Device '%s' cannot be removed: it does not support hotplugging",
                  pci->dev.id ? pci->dev.id : pci->dev.class->name);
        return false;
    }
    h->s->down |= slot_bit(pci);
    h->s->leaving |= slot_bit(pci);
    h->event(h->opaque);
    return true;
}

static const struct pci_hotplug_ops ops = { arrived, ask_to_leave };

static void eject_slot(struct pci_hotplug *h, unsigned slot)
{
    if (!pci_hotplug_allows(h->bus, slot)) {
        return;
    }
    for (unsigned function = 8; function--;) {
        struct pci_device *pci = h->bus->devices[PCI_DEVFN(slot, function)];

        if (pci) {
            device_eject(&pci->dev);
        }
    }
    h->s->leaving &= ~(1u << slot);
}

/* Back-ends are closed on the main thread. */
static void eject_all(void *opaque)
{
    struct pci_hotplug *h = opaque;
    uint32_t slots = h->eject;

    h->eject = 0;
    for (unsigned slot = 0; slot < 32; slot++) {
        if (slots >> slot & 1) {
            eject_slot(h, slot);
        }
    }
}

static void eject(struct pci_hotplug *h, uint32_t slots)
{
    if (slots) {
        h->eject |= slots;
        main_loop_call(eject_all, h);
    }
}

/* --- the guest's side ------------------------------------------------------------------------ */

uint64_t pci_hotplug_read(struct pci_hotplug *h, uint64_t offset)
{
    uint32_t *reg = offset < PCI_HOTPLUG_DOWN ? &h->s->up : &h->s->down;
    unsigned shift = 8 * (offset & 3);
    uint8_t value = (uint8_t)(*reg >> shift);

    if (offset >= PCI_HOTPLUG_EJECT) {
        return 0;
    }
    *reg &= ~(0xffu << shift);
    return value;
}

void pci_hotplug_write(struct pci_hotplug *h, uint64_t offset, uint8_t value)
{
    if (offset >= PCI_HOTPLUG_EJECT) {
        eject(h, (uint32_t)value << 8 * (offset & 3));
    }
}

void pci_hotplug_reset(struct pci_hotplug *h)
{
    eject(h, h->s->leaving);
}

void pci_hotplug_init(struct pci_hotplug *h, struct pci_hotplug_state *s, struct pci_bus *bus,
                      void (*event)(void *opaque), void *opaque)
{
    *h = (struct pci_hotplug){ s, bus, 0, event, opaque };
    pci_bus_set_hotplug(bus, &ops, h);
}
