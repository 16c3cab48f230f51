/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DP8390 chip with the memory and ports of an NE2000 card. */
#ifndef HW_NET_NE2000_H
#define HW_NET_NE2000_H

#include "hw/core/irq.h"
#include "hw/net/nic.h"

/* The address PROM is at 0, packet memory from 16 KiB to 48 KiB. */
enum { NE2000_PROM = 32, NE2000_RAM = 0x4000, NE2000_END = 0xc000 };

struct ne2000_state {
    uint8_t command, page_start, page_stop, boundary, current, transmit_page;
    uint8_t isr, imr, rcr, tcr, dcr, rsr, tsr;
    uint16_t transmit_count, dma_address, dma_count;
    uint8_t address[6], multicast[8];
    uint8_t memory[NE2000_END];
};

struct ne2000 {
    struct ne2000_state *s;
    struct net_nic *nic;
    struct irq irq;
};

/* 32 ports; `opaque` is the struct ne2000. */
extern const struct mmio_ops ne2000_ops;
extern const struct net_handlers ne2000_handlers;
void ne2000_reset(struct ne2000 *n);
void ne2000_update_irq(struct ne2000 *n);

FIELDS(ne2000_state) = {
    FIELD(ne2000_state, command), FIELD(ne2000_state, page_start), FIELD(ne2000_state, page_stop),
    FIELD(ne2000_state, boundary), FIELD(ne2000_state, current),
    FIELD(ne2000_state, transmit_page), FIELD(ne2000_state, isr), FIELD(ne2000_state, imr),
    FIELD(ne2000_state, rcr), FIELD(ne2000_state, tcr), FIELD(ne2000_state, dcr),
    FIELD(ne2000_state, rsr), FIELD(ne2000_state, tsr), FIELD(ne2000_state, transmit_count),
    FIELD(ne2000_state, dma_address), FIELD(ne2000_state, dma_count),
    ARRAY(ne2000_state, address), ARRAY(ne2000_state, multicast), ARRAY(ne2000_state, memory),
    FIELDS_END
};

#endif
