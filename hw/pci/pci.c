/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI buses: slots, routing of INTx pins to board lines, configuration cycles through bridges. */
#include "hw/pci/pci.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "hw/pci/pci-impl.h"

static const struct bus_type pci_type;

FIELDS(pci_state) = {
    ARRAY(pci_state, config),
    FIELD(pci_state, intx_level),
    FIELDS_END
};

struct pci_bus *pci_bus_of(struct pci_device *pci)
{
    return container_of(pci->dev.bus, struct pci_bus, bus);
}

void pci_bus_init(struct pci_bus *bus, const char *name, struct device *owner,
                  struct memory_region *memory, struct memory_region *io,
                  struct address_space *dma)
{
    memset(bus, 0, sizeof(*bus));
    bus->memory = memory;
    bus->io = io;
    bus->dma = dma;
    bus_init(&bus->bus, &pci_type, name, owner);
}

void pci_bus_set_irqs(struct pci_bus *bus, pci_set_irq *set_irq, pci_map_irq *map_irq,
                      void *opaque)
{
    bus->set_irq = set_irq;
    bus->map_irq = map_irq;
    bus->opaque = opaque;
}

void pci_bus_set_hotplug(struct pci_bus *bus, const struct pci_hotplug_ops *ops, void *opaque)
{
    bus->hotplug = ops;
    bus->hotplug_opaque = opaque;
}

/* --- interrupt lines ------------------------------------------------------------------------- */

/* Bridges rotate the pins by the slot (PCI-to-PCI Bridge 1.2, 9.1). NULL when nobody is wired. */
static struct pci_bus *board_line(struct pci_device *pci, int *line)
{
    struct pci_bus *bus = pci_bus_of(pci);
    int pin = pci->pci.config[PCI_INTERRUPT_PIN] - 1;

    if (pin < 0 || pin > 3) {
        return NULL;
    }
    while (bus->bridge) {
        pin = (pin + (pci->devfn >> 3)) & 3;
        pci = bus->bridge;
        bus = pci_bus_of(pci);
    }
    if (!bus->map_irq) {
        return NULL;
    }
    *line = bus->map_irq(bus->opaque, pci, pin);
    return *line >= 0 && *line < PCI_IRQ_LINES ? bus : NULL;
}

bool pci_intx_asserted(const struct pci_device *pci)
{
    return pci->pci.intx_level &&
           !(ld16_le(pci->pci.config + PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE);
}

void pci_intx_changed(struct pci_device *pci, bool asserted)
{
    int line;
    struct pci_bus *bus = board_line(pci, &line);

    if (!bus) {
        return;
    }
    if (asserted) {
        bus->line_count[line]++;
    } else if (bus->line_count[line]) {
        bus->line_count[line]--;
    }
    if (bus->set_irq && bus->line_count[line] == (asserted ? 1 : 0)) {
        bus->set_irq(bus->opaque, line, asserted);
    }
}

static void count_lines(struct pci_bus *root, struct pci_bus *bus)
{
    for (int i = 0; i < 256; i++) {
        struct pci_device *pci = bus->devices[i];
        int line;
        if (pci && pci_intx_asserted(pci) && board_line(pci, &line) == root) {
            root->line_count[line]++;
        }
    }
}

void pci_bus_recount(struct pci_bus *root)
{
    memset(root->line_count, 0, sizeof(root->line_count));
    pci_bus_walk(root, count_lines);
}

void pci_set_intx(struct pci_device *pci, int level)
{
    bool before = pci_intx_asserted(pci);

    pci->pci.intx_level = level != 0;
    if (level) {
        pci->pci.config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
    } else {
        pci->pci.config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
    }
    if (before != pci_intx_asserted(pci)) {
        pci_intx_changed(pci, !before);
    }
}

static void intx_line(void *opaque, int n, int level)
{
    pci_set_intx(opaque, level);
}

struct irq pci_intx(struct pci_device *pci)
{
    return (struct irq){ intx_line, pci, 0 };
}

bool pci_bus_line_level(const struct pci_bus *bus, int line)
{
    return line >= 0 && line < PCI_IRQ_LINES && bus->line_count[line] != 0;
}

void pci_bus_refresh_irqs(struct pci_bus *bus)
{
    pci_bus_recount(bus);
    for (int line = 0; bus->set_irq && line < PCI_IRQ_LINES; line++) {
        bus->set_irq(bus->opaque, line, pci_bus_line_level(bus, line));
    }
}

/* --- finding functions ----------------------------------------------------------------------- */

void pci_bus_walk(struct pci_bus *root, void (*visit)(struct pci_bus *root, struct pci_bus *bus))
{
    struct pci_bus *stack[16] = { root };
    unsigned depth = 1;

    while (depth) {
        struct pci_bus *bus = stack[--depth];
        visit(root, bus);
        for (int i = 0; i < 256 && depth < ARRAY_LEN(stack); i++) {
            struct pci_bus *below = bus->devices[i] ? bus->devices[i]->secondary : NULL;
            if (below) {
                stack[depth++] = below;
            }
        }
    }
}

static struct pci_bus *find_bus(struct pci_bus *bus, uint8_t number)
{
    while (bus && bus->number != number) {
        struct pci_bus *next = NULL;
        for (int i = 0; i < 256 && !next; i++) {
            struct pci_device *pci = bus->devices[i];
            const uint8_t *config = pci ? pci->pci.config : NULL;
            if (pci && pci->secondary && config[PCI_SECONDARY_BUS] &&
                number >= config[PCI_SECONDARY_BUS] && number <= config[PCI_SUBORDINATE_BUS]) {
                next = pci->secondary;
                next->number = config[PCI_SECONDARY_BUS];
            }
        }
        bus = next;
    }
    return bus;
}

struct pci_device *pci_find(struct pci_bus *root, uint16_t bdf)
{
    struct pci_bus *bus = find_bus(root, bdf >> 8);
    return bus ? bus->devices[bdf & 0xff] : NULL;
}

uint32_t pci_config_read(struct pci_bus *root, uint16_t bdf, unsigned reg, unsigned size)
{
    struct pci_device *pci = pci_find(root, bdf);
    uint32_t ones = (uint32_t)bits_mask(8 * size);

    if (!pci || reg >= PCI_CONFIG_SIZE) {
        return ones;
    }
    size = MIN_OF(size, PCI_CONFIG_SIZE - reg);
    return pci->config_read ? pci->config_read(pci, reg, size)
                            : pci_config_default_read(pci, reg, size);
}

void pci_config_write(struct pci_bus *root, uint16_t bdf, unsigned reg, uint32_t value,
                      unsigned size)
{
    struct pci_device *pci = pci_find(root, bdf);

    if (!pci || reg >= PCI_CONFIG_SIZE) {
        return;
    }
    size = MIN_OF(size, PCI_CONFIG_SIZE - reg);
    if (pci->config_write) {
        pci->config_write(pci, reg, value, size);
    } else {
        pci_config_default_write(pci, reg, value, size);
    }
}

/* --- the bus type ---------------------------------------------------------------------------- */

/* "slot" or "slot.function", both hexadecimal as `-device ...,addr=` has them. */
static bool parse_address(const char *text, unsigned *slot, unsigned *function)
{
    char *end;
    unsigned long s = strtoul(text, &end, 16), f = 0;

    if (end == text) {
        return false;
    }
    if (*end == '.') {
        const char *start = end + 1;
        f = strtoul(start, &end, 16);
        if (end == start) {
            return false;
        }
    }
    *slot = (unsigned)s;
    *function = (unsigned)f;
    return *end == 0 && s < 32 && f < 8;
}

static bool choose_devfn(struct pci_bus *bus, struct pci_device *pci, struct error **err)
{
    unsigned slot, function = 0;

    if (pci->address) {
        if (!parse_address(pci->address, &slot, &function)) {
            error_set(err, "bad PCI address '%s'", pci->address);
            return false;
        }
    } else {
        for (slot = bus->first_slot; slot < 32 && bus->devices[PCI_DEVFN(slot, 0)]; slot++) {
        }
        if (slot == 32) {
            error_set(err, "no free slot on bus %s for %s", bus->bus.name, pci->dev.class->name);
            return false;
        }
    }
    pci->devfn = (uint8_t)PCI_DEVFN(slot, function);
    return true;
}

static bool slot_allows(struct pci_bus *bus, struct pci_device *pci, struct error **err)
{
    struct pci_device *other = bus->devices[pci->devfn];
    struct pci_device *first = bus->devices[pci->devfn & ~7];
    unsigned slot = pci->devfn >> 3, function = pci->devfn & 7;

    if (other) {
        error_set(err, "PCI: slot %u function %u not available for %s, in use by %s", slot,
                  function, pci->dev.class->name, other->dev.class->name);
        return false;
    }
    if (function && first && !first->multifunction) {
        error_set(err, "PCI: single function device can't be populated in function %u.%u", slot,
                  function);
        return false;
    }
    for (unsigned i = 1; !function && !pci->multifunction && i < 8; i++) {
        if (bus->devices[PCI_DEVFN(slot, i)]) {
            error_set(err, "PCI: %u.0 indicates single function, but %u.%u is already populated",
                      slot, slot, i);
            return false;
        }
    }
    return true;
}

static bool pci_attach(struct bus *base, struct device *dev, struct error **err)
{
    struct pci_bus *bus = container_of(base, struct pci_bus, bus);
    struct pci_device *pci = (struct pci_device *)dev;

    if (!choose_devfn(bus, pci, err) || !slot_allows(bus, pci, err)) {
        return false;
    }
    pci_config_init(pci);
    bus->devices[pci->devfn] = pci;
    return true;
}

static void pci_detach(struct bus *base, struct device *dev)
{
    struct pci_bus *bus = container_of(base, struct pci_bus, bus);
    struct pci_device *pci = (struct pci_device *)dev;

    pci_set_intx(pci, 0);
    pci_unmap_all(pci);
    if (pci->rom.block) {
        memory_region_fini(&pci->rom);
    }
    if (bus->devices[pci->devfn] == pci) {
        bus->devices[pci->devfn] = NULL;
    }
    pci->attached = false;
}

static void pci_arrived(struct device *dev)
{
    struct pci_device *pci = (struct pci_device *)dev;
    struct pci_bus *bus = pci_bus_of(pci);

    if (bus->hotplug) {
        bus->hotplug->arrived(bus->hotplug_opaque, pci);
    }
}

static bool pci_ask_to_leave(struct device *dev, struct error **err)
{
    struct pci_device *pci = (struct pci_device *)dev;
    struct pci_bus *bus = pci_bus_of(pci);

    if (!bus->hotplug) {
        error_set(err, "Device '%s' cannot be removed: bus %s does not support hotplugging",
                  dev->id ? dev->id : dev->class->name, bus->bus.name);
        return false;
    }
    return bus->hotplug->ask_to_leave(bus->hotplug_opaque, pci, err);
}

static struct pci_bus *root_of(struct pci_bus *bus)
{
    while (bus->bridge) {
        bus = pci_bus_of(bus->bridge);
    }
    return bus;
}

static void pci_bus_reset(struct device *dev)
{
    struct pci_device *pci = (struct pci_device *)dev;

    if (!pci->attached) {
        memcpy(pci->initial, pci->pci.config, sizeof(pci->initial));
        pci->attached = true;
    }
    memcpy(pci->pci.config, pci->initial, sizeof(pci->pci.config));
    pci->pci.intx_level = 0;
    pci_update_mappings(pci);
    pci_bus_recount(root_of(pci_bus_of(pci)));
}

static bool pci_bus_loaded(struct device *dev, struct error **err)
{
    struct pci_device *pci = (struct pci_device *)dev;

    if (!pci->attached) {
        error_set(err, "%s was never reset", dev->class->name);
        return false;
    }
    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++) {
        /* Identity and capabilities are the device's own, whatever the stream says. */
        uint8_t may = pci->writable[i] | pci->write_one_clears[i] |
                      (i == PCI_STATUS ? PCI_STATUS_INTERRUPT : 0);
        if (i < 0x40) {
            pci->pci.config[i] = (uint8_t)bits_merge(pci->initial[i], pci->pci.config[i], may);
        }
    }
    pci->pci.intx_level = pci->pci.intx_level != 0;
    pci_update_mappings(pci);
    pci_bus_recount(root_of(pci_bus_of(pci)));
    return true;
}

static const struct property pci_properties[] = {
    PROP_STRING("addr", pci_device, address, NULL),
    PROP_STRING("romfile", pci_device, rom_file, NULL),
    PROP_BOOL("rombar", pci_device, rom_bar, true),
    PROP_BOOL("multifunction", pci_device, multifunction, false),
    PROPERTIES_END
};

BUS_TYPE(pci) = {
    .name = "pci",
    .properties = pci_properties,
    .state = STATE(pci_device, pci, pci_state, 1),
    .hot_unplug = true,
    .arrived = pci_arrived,
    .ask_to_leave = pci_ask_to_leave,
    .attach = pci_attach,
    .detach = pci_detach,
    .reset = pci_bus_reset,
    .loaded = pci_bus_loaded,
};
