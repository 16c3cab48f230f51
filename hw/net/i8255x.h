/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 8255x, inside: registers, state, the parts. Names are those of the open source developer's
 * manual of the family. */
#ifndef HW_NET_I8255X_H
#define HW_NET_I8255X_H

#include "hw/net/eeprom93.h"
#include "hw/net/nic.h"

enum { I8255X_CSR_SIZE = 64, I8255X_PHY_REGS = 32, I8255X_CONFIG = 32, I8255X_COUNTERS = 19 };

/* Offsets of registers: system control block and what follows. */
enum {
    SCB_STATUS = 0x00, SCB_ACK = 0x01, SCB_COMMAND = 0x02, SCB_MASK = 0x03, SCB_POINTER = 0x04,
    CSR_PORT = 0x08, CSR_EEPROM = 0x0e, CSR_MDI = 0x10, CSR_PMDR = 0x1b, CSR_GENERAL_STATUS = 0x1d
};
/* Interrupt causes in SCB_ACK. */
enum { ACK_CX = 0x80, ACK_FR = 0x40, ACK_CNA = 0x20, ACK_RNR = 0x10, ACK_MDI = 0x08,
       ACK_SWI = 0x04 };
enum { MASK_CAUSES = 0xf0, MASK_SWI = 0x02, MASK_ALL = 0x01 };
enum cu_state { CU_IDLE, CU_SUSPENDED, CU_ACTIVE };
enum ru_state { RU_IDLE, RU_SUSPENDED, RU_NO_RESOURCES, RU_READY = 4 };

/* Statistics in the order of their dump. */
enum {
    COUNT_TX_GOOD = 0, COUNT_RX_GOOD = 9, COUNT_RX_RESOURCE = 12, COUNT_RX_SHORT = 15
};

struct i8255x_state {
    uint8_t csr[I8255X_CSR_SIZE];
    uint8_t config[I8255X_CONFIG];       /* bytes of the Configure command */
    uint8_t address[NET_MAC_SIZE];
    uint64_t multicast;                  /* hash filter */
    uint32_t cu_base, ru_base;
    uint32_t cu_offset, ru_offset;       /* the current block; the RFD for the next frame */
    uint32_t statistics;                 /* where they are dumped */
    uint32_t counters[I8255X_COUNTERS];
    uint16_t phy[I8255X_PHY_REGS];
    struct eeprom93_state eeprom;
};

struct i8255x_model;

struct i8255x {
    struct pci_device pci;
    struct net_nic nic;
    struct memory_region memory, ports, flash;
    const struct i8255x_model *model;
    bool running;                        /* within a walk over command blocks */
    struct i8255x_state s;
};

void i8255x_interrupt(struct i8255x *d, uint8_t causes);
/* Whether it has what came with the 82558: descriptors within the block, longer statistics. */
bool i8255x_is_extended(const struct i8255x *d);

/* i8255x-cu.c: command blocks. */
void i8255x_cu_start(struct i8255x *d, uint32_t offset);
void i8255x_cu_resume(struct i8255x *d);
void i8255x_dump_statistics(struct i8255x *d, bool reset);

/* i8255x-ru.c: received frames. */
enum ru_state i8255x_ru_state(const struct i8255x *d);
void i8255x_set_ru_state(struct i8255x *d, enum ru_state state);
bool i8255x_can_receive(void *opaque, size_t size);
void i8255x_receive(void *opaque, const uint8_t *frame, size_t size);

#endif
