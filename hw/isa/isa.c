/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ISA bus: hands out ports, interrupt lines and DMA channels. */
#include "hw/isa/isa.h"

#include "base/bits.h"

BUS_TYPE(isa) = { .name = "isa" };

void isa_bus_init(struct isa_bus *bus, struct device *owner, struct memory_region *io,
                  struct memory_region *memory)
{
    bus_init(&bus->bus, &isa_type, "isa.0", owner);
    bus->io = io;
    bus->memory = memory;
}

struct isa_bus *isa_bus_of(struct device *dev)
{
    if (!dev->bus || dev->bus->type != &isa_type) {
        return NULL;
    }
    return container_of(dev->bus, struct isa_bus, bus);
}

struct isa_bus *isa_bus_first(void)
{
    struct bus *bus = bus_find("isa");

    if (!bus || bus->type != &isa_type) {
        return NULL;
    }
    return container_of(bus, struct isa_bus, bus);
}

void isa_map(struct device *dev, struct memory_region *region, uint16_t port)
{
    struct isa_bus *bus = isa_bus_of(dev);

    if (bus) {
        memory_region_add(bus->io, port, region);
    }
}

bool isa_connect_irq(struct device *dev, unsigned output, unsigned number, struct error **err)
{
    struct isa_bus *bus = isa_bus_of(dev);

    if (number >= ISA_IRQS) {
        error_set(err, "%s: there is no IRQ %u on the ISA bus", dev->class->name, number);
        return false;
    }
    if (bus) {
        device_connect(dev, output, bus->irqs[number]);
    }
    return true;
}

bool isa_dma_claim(struct isa_bus *bus, unsigned channel, isa_dma_transfer *transfer, void *opaque,
                   struct error **err)
{
    if (channel >= ISA_DMA_CHANNELS || channel == 4) {
        error_set(err, "there is no DMA channel %u for devices", channel);
        return false;
    }
    if (bus->channels[channel].transfer) {
        error_set(err, "DMA channel %u is taken", channel);
        return false;
    }
    bus->channels[channel] = (struct isa_dma_channel){ transfer, opaque };
    return true;
}

void isa_dma_release(struct isa_bus *bus, unsigned channel)
{
    if (channel < ISA_DMA_CHANNELS) {
        isa_dma_request(bus, channel, false);
        bus->channels[channel] = (struct isa_dma_channel){ 0 };
    }
}

void isa_dma_request(struct isa_bus *bus, unsigned channel, bool on)
{
    if (channel < ISA_DMA_CHANNELS) {
        irq_set(bus->dma_requests[channel], on);
    }
}
