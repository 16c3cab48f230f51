/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Intel PRO/1000 MT (82540EM): registers, interrupts and the device itself. */
#include "hw/net/e1000.h"

#include <stddef.h>

#include "base/bits.h"
#include "base/log.h"

/* --- interrupts ------------------------------------------------------------------------------ */

static void update_irq(struct e1000 *e)
{
    struct e1000_state *s = &e->s;
    bool on = s->cause & s->mask;

    /* ITR counts the time between two interrupts in units of 256 ns (13.4.18). */
    if (on && !e->pci.pci.intx_level && s->itr) {
        if (s->throttled) {
            return;
        }
        s->throttled = 1;
        timer_set(&e->throttle, clock_ns(CLOCK_VM) + (int64_t)s->itr * 256);
    }
    pci_set_intx(&e->pci, on);
}

static void throttle_over(void *opaque)
{
    struct e1000 *e = opaque;

    e->s.throttled = 0;
    update_irq(e);
}

void e1000_interrupt(struct e1000 *e, uint32_t causes)
{
    e->s.cause |= causes;
    update_irq(e);
}

/* --- counters -------------------------------------------------------------------------------- */

void e1000_count(struct e1000 *e, unsigned reg, uint32_t amount)
{
    uint32_t *value = &e->s.stats[(reg - STATS) / 4];

    *value = *value + amount < *value ? UINT32_MAX : *value + amount;
}

void e1000_count64(struct e1000 *e, unsigned low, uint32_t amount)
{
    uint32_t *value = &e->s.stats[(low - STATS) / 4];

    value[0] += amount;
    value[1] += value[0] < amount;
}

/* --- registers that hold a value ------------------------------------------------------------- */

struct plain {
    uint16_t reg, offset;
    uint32_t writable;
};
#define PLAIN(reg, member, writable) { reg, offsetof(struct e1000_state, member), writable }
static const struct plain plain_registers[] = {
    PLAIN(CTRL_EXT, ctrl_ext, 0xffffffff), PLAIN(RDBAL, rdbal, 0xfffffff0),
    PLAIN(RDBAH, rdbah, 0xffffffff), PLAIN(RDLEN, rdlen, 0xfff80), PLAIN(RDH, rdh, 0xffff),
    PLAIN(RDT, rdt, 0xffff), PLAIN(RDTR, rdtr, 0xffff), PLAIN(TDBAL, tdbal, 0xfffffff0),
    PLAIN(TDBAH, tdbah, 0xffffffff), PLAIN(TDLEN, tdlen, 0xfff80), PLAIN(TDH, tdh, 0xffff),
    PLAIN(TDT, tdt, 0xffff), PLAIN(TIDV, tidv, 0xffff), PLAIN(TCTL, tctl, 0xffffffff),
    PLAIN(RCTL, rctl, 0xffffffff), PLAIN(RXCSUM, rxcsum, 0x7ff), PLAIN(PBA, pba, 0xffff),
    PLAIN(ITR, itr, 0xffff), PLAIN(STATUS, status, 0), PLAIN(MDIC, mdic, 0),
    PLAIN(EERD, eerd, 0), PLAIN(CTRL, ctrl, 0xffffffff), PLAIN(IMS, mask, 0),
    PLAIN(ICS, cause, 0), PLAIN(ICR, cause, 0),
};

/* They only remember: flow control, wake up, diagnostics. */
static const uint16_t remembered[] = {
    0x0028, 0x002c, 0x0030, 0x0038, 0x0170, 0x0178, 0x0410, 0x0458, LEDCTL, 0x1008, 0x2160, 0x2168,
    0x2410, 0x2418, 0x2420, 0x2428, 0x2430, 0x2828, 0x282c, 0x2c00, 0x3410, 0x3418, 0x3420, 0x3428,
    0x3430, 0x3828, 0x382c, 0x3830, 0x5008, 0x5800, 0x5808, 0x5810, MANC, 0x5838, 0x5840, 0x5848,
    0x5850, 0x5880, 0x5b50, 0x5b54,
};

static const struct plain *find_plain(uint32_t reg)
{
    for (size_t i = 0; i < ARRAY_LEN(plain_registers); i++) {
        if (plain_registers[i].reg == reg) {
            return &plain_registers[i];
        }
    }
    return NULL;
}

static uint32_t *find_remembered(struct e1000 *e, uint32_t reg)
{
    for (size_t i = 0; i < ARRAY_LEN(remembered); i++) {
        if (remembered[i] == reg) {
            return &e->s.other[i];
        }
    }
    return NULL;
}

static uint32_t *plain_value(struct e1000 *e, const struct plain *p)
{
    return (uint32_t *)((char *)&e->s + p->offset);
}

/* --- reads and writes ------------------------------------------------------------------------ */

static uint32_t read_stat(struct e1000 *e, uint32_t reg)
{
    uint32_t value = e->s.stats[(reg - STATS) / 4];

    e->s.stats[(reg - STATS) / 4] = 0;      /* counters clear when read */
    return value;
}

static uint32_t read_cause(struct e1000 *e)
{
    uint32_t value = e->s.cause;

    e->s.cause = 0;
    update_irq(e);
    return value;
}

static uint32_t read_register(struct e1000 *e, uint32_t reg)
{
    const struct plain *p;
    uint32_t *value;

    if (reg >= STATS && reg < STATS_END) {
        return read_stat(e, reg);
    }
    if (reg >= MTA && reg < TABLES_END) {
        return e->s.tables[(reg - MTA) / 4];
    }
    if (reg == ICR) {
        return read_cause(e);
    }
    if (reg == EECD) {
        return e1000_read_eecd(e);
    }
    p = find_plain(reg == CTRL_ALIAS ? CTRL : reg);
    if (p) {
        return *plain_value(e, p);
    }
    value = find_remembered(e, reg);
    if (!value) {
        log_unimp("e1000: read of register 0x%x", reg);
    }
    return value ? *value : 0;
}

static void software_reset(struct e1000 *e);

static void write_ctrl(struct e1000 *e, uint32_t value)
{
    if (value & CTRL_RST) {
        software_reset(e);
        return;
    }
    if (value & CTRL_PHY_RST) {
        e1000_phy_reset(e);
    }
    e->s.ctrl = value & ~(CTRL_RST | CTRL_PHY_RST);
}

static void write_plain(struct e1000 *e, uint32_t reg, uint32_t value)
{
    const struct plain *p = find_plain(reg);
    uint32_t *other = p ? NULL : find_remembered(e, reg);

    if (p) {
        uint32_t *at = plain_value(e, p);
        *at = (uint32_t)bits_merge(*at, value, p->writable);
        if (p->writable == 0xffff || reg == RDLEN || reg == TDLEN) {
            *at &= p->writable;
        }
    } else if (other) {
        *other = value;
    } else {
        log_unimp("e1000: write of 0x%x to register 0x%x", value, reg);
    }
}

/* What a write does beyond being kept. */
static void after_write(struct e1000 *e, uint32_t reg)
{
    switch (reg) {
    case TCTL:
    case TDT:
        e1000_transmit(e);
        break;
    case RCTL:
    case RDT:
        net_flush(e->nic.port);
        break;
    case ITR:
        update_irq(e);
        break;
    }
}

static void write_register(struct e1000 *e, uint32_t reg, uint32_t value)
{
    if (reg >= MTA && reg < TABLES_END) {
        e->s.tables[(reg - MTA) / 4] = value;
        return;
    }
    switch (reg) {
    case CTRL:
    case CTRL_ALIAS:
        write_ctrl(e, value);
        break;
    case EECD:
        e1000_write_eecd(e, value);
        break;
    case EERD:
        e1000_write_eerd(e, value);
        break;
    case MDIC:
        e1000_write_mdic(e, value);
        break;
    case ICR:
        e->s.cause &= ~value;
        update_irq(e);
        break;
    case ICS:
        e1000_interrupt(e, value & 0x1ffff);
        break;
    case IMS:
        e->s.mask |= value & 0x1ffff;
        update_irq(e);
        break;
    case IMC:
        e->s.mask &= ~value;
        update_irq(e);
        break;
    default:
        write_plain(e, reg, value);
        after_write(e, reg);
        break;
    }
}

static uint64_t memory_read(void *dev, uint64_t offset, unsigned size)
{
    return read_register(dev, (uint32_t)offset);
}

static void memory_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    write_register(dev, (uint32_t)offset, (uint32_t)value);
}

static const struct mmio_ops memory_ops = { memory_read, memory_write, .min = 4, .max = 4 };

/* IOADDR and IODATA (13.3) */
static uint64_t port_read(void *dev, uint64_t offset, unsigned size)
{
    struct e1000 *e = dev;

    if (offset == 0) {
        return e->s.io_address;
    }
    return offset == 4 && e->s.io_address < E1000_MEMORY_SIZE
        ? read_register(e, e->s.io_address & ~3u) : 0;
}

static void port_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct e1000 *e = dev;

    if (offset == 0) {
        e->s.io_address = (uint32_t)value;
    } else if (offset == 4 && e->s.io_address < E1000_MEMORY_SIZE) {
        write_register(e, e->s.io_address & ~3u, (uint32_t)value);
    }
}

static const struct mmio_ops port_ops = { port_read, port_write, .min = 4, .max = 4 };

/* --- the device ------------------------------------------------------------------------------ */

/* What CTRL.RST leaves: all but the EEPROM and the PHY. */
static void software_reset(struct e1000 *e)
{
    struct e1000_state *s = &e->s;
    struct eeprom93_state eeprom = s->eeprom;
    uint16_t phy[E1000_PHY_REGS];

    memcpy(phy, s->phy, sizeof(phy));
    timer_cancel(&e->throttle);
    memset(s, 0, sizeof(*s));
    s->eeprom = eeprom;
    memcpy(s->phy, phy, sizeof(phy));
    s->ctrl = 0x18140240;
    s->status = 0x80000000 | STATUS_SPEED_1000 | STATUS_FD;
    s->pba = 0x00100030;
    s->tables[(RAL - MTA) / 4] = ld32_le(e->nic.mac);
    s->tables[(RAH - MTA) / 4] = 0x80000000 | ld16_le(e->nic.mac + 4);
    *find_remembered(e, LEDCTL) = 0x07061302;
    e1000_update_link(e);
    update_irq(e);
}

static void link_changed(void *opaque)
{
    struct e1000 *e = opaque;

    e1000_update_link(e);
    e1000_interrupt(e, INT_LSC);
}

static void e1000_reset(struct device *dev)
{
    struct e1000 *e = (struct e1000 *)dev;

    e1000_eeprom_init(e);
    timer_cancel(&e->throttle);
    e->s.cause = e->s.mask = e->s.throttled = 0;
    software_reset(e);
    e1000_phy_reset(e);
    net_purge(e->nic.port);
}

static void e1000_reset_lines(struct device *dev)
{
    update_irq((struct e1000 *)dev);
}

static bool e1000_loaded(struct device *dev, struct error **err)
{
    struct e1000 *e = (struct e1000 *)dev;

    if (e->s.packet_size > sizeof(e->s.packet)) {
        error_set(err, "e1000: a packet of %u bytes", e->s.packet_size);
        return false;
    }
    if (e->s.throttled) {
        timer_set(&e->throttle, clock_ns(CLOCK_VM) + (int64_t)e->s.itr * 256);
    }
    e1000_update_link(e);
    return true;
}

static bool e1000_init(struct device *dev, struct error **err)
{
    static const struct net_handlers handlers = {
        .can_receive = e1000_can_receive, .receive = e1000_receive, .link_changed = link_changed
    };
    struct e1000 *e = (struct e1000 *)dev;
    struct pci_device *pci = &e->pci;

    pci_set_ids(pci, 0x8086, 0x100e, 3, 0x020000);
    pci_set_subsystem(pci, 0x1af4, 0x1100);
    pci_set_interrupt_pin(pci, 1);
    if (!net_nic_open(&e->nic, "e1000", dev->id, &handlers, e, err)) {
        return false;
    }
    if (!nic_add_rom(pci, "efi-e1000.rom", err)) {
        net_nic_close(&e->nic);
        return false;
    }
    memory_region_init_mmio(&e->memory, "e1000-mmio", E1000_MEMORY_SIZE, &memory_ops, e);
    memory_region_init_mmio(&e->ports, "e1000-io", 64, &port_ops, e);
    pci_add_bar(pci, 0, PCI_BAR_MEMORY, &e->memory);
    pci_add_bar(pci, 1, PCI_BAR_IO, &e->ports);
    timer_init(&e->throttle, CLOCK_VM, throttle_over, e);
    return true;
}

static void e1000_exit(struct device *dev)
{
    struct e1000 *e = (struct e1000 *)dev;

    timer_cancel(&e->throttle);
    net_nic_close(&e->nic);
    memory_region_fini(&e->memory);
    memory_region_fini(&e->ports);
}

FIELDS(e1000_tx_context) = {
    FIELD(e1000_tx_context, ip_start), FIELD(e1000_tx_context, ip_offset),
    FIELD(e1000_tx_context, sum_start), FIELD(e1000_tx_context, sum_offset),
    FIELD(e1000_tx_context, header_length), FIELD(e1000_tx_context, ip_end),
    FIELD(e1000_tx_context, sum_end), FIELD(e1000_tx_context, mss),
    FIELD(e1000_tx_context, payload), FIELD(e1000_tx_context, is_tcp),
    FIELD(e1000_tx_context, is_ipv4), FIELDS_END
};

#define F(m) FIELD(e1000_state, m)
#define A(m) ARRAY(e1000_state, m)
FIELDS(e1000_state) = {
    F(ctrl), F(status), F(eecd), F(ctrl_ext), F(mdic), F(eerd), F(cause), F(mask), F(itr), F(rctl),
    F(tctl), F(rxcsum), F(pba), F(rdbal), F(rdbah), F(rdlen), F(rdh), F(rdt), F(rdtr), F(tdbal),
    F(tdbah), F(tdlen), F(tdh), F(tdt), F(tidv), A(tables), A(stats), A(other), F(io_address),
    A(phy), NESTED(e1000_state, eeprom, eeprom93_state), F(throttled),
    NESTED(e1000_state, context, e1000_tx_context), NESTED(e1000_state, segments, e1000_tx_context),
    F(packet_size), F(packet_flags), F(packet_options), F(packet_open), F(packet_vlan), A(packet),
    FIELDS_END
};
#undef F
#undef A

static const struct property e1000_properties[] = { NET_NIC_PROPERTIES(e1000, nic), { 0 } };

DEVICE(e1000) = {
    .name = "e1000", .alias = "e1000-82540em", .desc = "Intel Gigabit Ethernet", .bus = "pci",
    .size = sizeof(struct e1000), .properties = e1000_properties,
    .init = e1000_init, .exit = e1000_exit, .reset = e1000_reset,
    .reset_lines = e1000_reset_lines, .loaded = e1000_loaded,
    .state = STATE(e1000, s, e1000_state, 1),
};
