/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ISA bus: port ranges, sixteen interrupt lines and the DMA channels. */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/core/device.h"
#include "hw/core/irq.h"
#include "hw/core/memory.h"

#define ISA_IRQS 16
#define ISA_DMA_CHANNELS 8

/*
 * One side of a DMA transfer, called by the controller while the channel's request is up. `data`
 * has room for `size` bytes (an even number on channels 5 to 7); the return value says how many the
 * device produced or took. `to_device` tells the direction; `data` is NULL in verify mode. `last`
 * says that size bytes would reach the terminal count.
 */
typedef unsigned isa_dma_transfer(void *opaque, uint8_t *data, unsigned size, bool to_device,
                                  bool last);

struct isa_dma_channel {
    isa_dma_transfer *transfer;
    void *opaque;
};

struct isa_bus {
    struct bus bus;
    struct memory_region *io;        /* port space */
    struct memory_region *memory;    /* memory space, for the 0xa0000 to 0xfffff window and above */
    struct irq irqs[ISA_IRQS];       /* into the interrupt controllers, set by the board */
    struct isa_dma_channel channels[ISA_DMA_CHANNELS];
    struct irq dma_requests[ISA_DMA_CHANNELS];  /* into the DMA controllers, set by the board */
};

/* The bus is called "isa.0". The regions are the machine's port and memory roots. */
void isa_bus_init(struct isa_bus *bus, struct device *owner, struct memory_region *io,
                  struct memory_region *memory);
/* The bus of a realized ISA device (NULL if it is not on one), and the machine's only one. */
struct isa_bus *isa_bus_of(struct device *dev);
struct isa_bus *isa_bus_first(void);

/* Maps a region at a port; the device's init calls this. */
void isa_map(struct device *dev, struct memory_region *region, uint16_t port);
/* The line with that number, for device_connect(); fails above 15. */
bool isa_connect_irq(struct device *dev, unsigned output, unsigned number, struct error **err);

/* -soundhw pcspk: lets the machine's speaker be heard. */
bool pcspk_listen(struct error **err);

/* Claims a channel for the device; fails when it is taken, or is 4. */
bool isa_dma_claim(struct isa_bus *bus, unsigned channel, isa_dma_transfer *transfer, void *opaque,
                   struct error **err);
void isa_dma_release(struct isa_bus *bus, unsigned channel);
/* Raises or lowers the channel's DREQ. The controller may call `transfer` before this returns. */
void isa_dma_request(struct isa_bus *bus, unsigned channel, bool on);

#endif
