/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel 82540EM, inside: registers, state, the parts. Section numbers are those of the developer's
 * manual of the family. */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "base/clock.h"
#include "hw/net/eeprom93.h"
#include "hw/net/nic.h"

enum { E1000_MEMORY_SIZE = 0x20000, E1000_PHY_REGS = 32 };

/* Offsets of registers. */
enum {
    CTRL = 0x0000, CTRL_ALIAS = 0x0004, STATUS = 0x0008, EECD = 0x0010, EERD = 0x0014,
    CTRL_EXT = 0x0018, MDIC = 0x0020,
    ICR = 0x00c0, ITR = 0x00c4, ICS = 0x00c8, IMS = 0x00d0, IMC = 0x00d8,
    RCTL = 0x0100, TCTL = 0x0400, LEDCTL = 0x0e00, PBA = 0x1000,
    RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818, RDTR = 0x2820,
    TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818, TIDV = 0x3820,
    STATS = 0x4000, STATS_END = 0x4128, MPC = 0x4010, GPRC = 0x4074, BPRC = 0x4078, MPRC = 0x407c,
    GPTC = 0x4080, GORCL = 0x4088, GORCH = 0x408c, GOTCL = 0x4090, GOTCH = 0x4094,
    TORL = 0x40c0, TORH = 0x40c4, TOTL = 0x40c8, TOTH = 0x40cc, TPR = 0x40d0, TPT = 0x40d4,
    MPTC = 0x40f0, BPTC = 0x40f4,
    RXCSUM = 0x5000, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404, VFTA = 0x5600, TABLES_END = 0x5800,
    MANC = 0x5820,
};
enum {
    CTRL_SLU = 1u << 6, CTRL_RST = 1u << 26, CTRL_PHY_RST = 1u << 31, CTRL_VME = 1u << 30,
    STATUS_FD = 1, STATUS_LU = 2, STATUS_SPEED_1000 = 0x80,
    INT_TXDW = 1, INT_TXQE = 2, INT_LSC = 4, INT_RXDMT0 = 0x10, INT_RXO = 0x40, INT_RXT0 = 0x80,
    INT_MDAC = 0x200,
    RCTL_EN = 2, RCTL_UPE = 8, RCTL_MPE = 0x10, RCTL_LPE = 0x20, RCTL_LBM = 0xc0, RCTL_BAM = 0x8000,
    RCTL_VFE = 0x40000, RCTL_BSEX = 0x2000000, RCTL_SECRC = 0x4000000, RCTL_SBP = 4,
    TCTL_EN = 2,
};

struct e1000_tx_context {
    uint8_t ip_start, ip_offset, sum_start, sum_offset, header_length;
    uint16_t ip_end, sum_end, mss;
    uint32_t payload;
    uint8_t is_tcp, is_ipv4;
};

struct e1000_state {
    uint32_t ctrl, status, eecd, ctrl_ext, mdic, eerd;
    uint32_t cause, mask, itr;
    uint32_t rctl, tctl, rxcsum, pba;
    uint32_t rdbal, rdbah, rdlen, rdh, rdt, rdtr;
    uint32_t tdbal, tdbah, tdlen, tdh, tdt, tidv;
    uint32_t tables[(TABLES_END - MTA) / 4];    /* MTA, RAL/RAH, VFTA */
    uint32_t stats[(STATS_END - STATS) / 4];
    uint32_t other[64];                         /* registers that only remember */
    uint32_t io_address;
    uint16_t phy[E1000_PHY_REGS];
    struct eeprom93_state eeprom;
    uint8_t throttled;                          /* an interrupt was sent less than ITR ago */
    struct e1000_tx_context context, segments;  /* for checksums; for segmentation */
    /* The packet that is being put together; its bytes are `packet` below. */
    uint32_t packet_size;
    uint8_t packet_flags, packet_options, packet_open;
    uint16_t packet_vlan;
    uint8_t packet[NET_FRAME_MAX];
};

struct e1000 {
    struct pci_device pci;
    struct net_nic nic;
    struct timer throttle;
    struct memory_region memory, ports;
    bool transmitting;
    struct e1000_state s;
};

void e1000_interrupt(struct e1000 *e, uint32_t causes);
void e1000_count(struct e1000 *e, unsigned reg, uint32_t amount);
void e1000_count64(struct e1000 *e, unsigned low, uint32_t amount);

/* e1000-tx.c */
void e1000_transmit(struct e1000 *e);
/* e1000-rx.c */
bool e1000_can_receive(void *opaque, size_t size);
void e1000_receive(void *opaque, const uint8_t *frame, size_t size);
/* e1000-phy.c */
void e1000_phy_reset(struct e1000 *e);
void e1000_update_link(struct e1000 *e);
void e1000_write_mdic(struct e1000 *e, uint32_t value);
void e1000_eeprom_init(struct e1000 *e);
void e1000_write_eecd(struct e1000 *e, uint32_t value);
uint32_t e1000_read_eecd(const struct e1000 *e);
void e1000_write_eerd(struct e1000 *e, uint32_t value);

#endif
