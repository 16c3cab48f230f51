/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMSC LAN91C111 Ethernet controller: four packets of 2 KiB that the guest and the chip pass to
 * each other by number, and four banks of registers behind 16 bytes.
 *
 * The serial management port has no PHY behind it; the link is always that of the back-end.
 */
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/net/nic.h"

#define PACKETS 4
#define PACKET_SIZE 2048
#define NO_PACKET 0x80
#define OVERHEAD 6                  /* status and count before the data, control word behind */

enum { TCR_ENABLE = 0x0001, TCR_LOOP = 0x0002, TCR_PAD = 0x0080 };
enum { EPH_SUCCESS = 0x0001, EPH_LINK = 0x4000 };
enum {
    RCR_PROMISCUOUS = 0x0002, RCR_ALL_MULTICAST = 0x0004, RCR_ENABLE = 0x0100, RCR_STRIP = 0x0200,
    RCR_RESET = 0x8000
};
enum { CTL_AUTO_RELEASE = 0x0800 };
enum { PTR_RECEIVE = 0x8000, PTR_INCREMENT = 0x4000 };
enum {
    INT_RECEIVE = 0x01, INT_TRANSMIT = 0x02, INT_EMPTY = 0x04, INT_ALLOCATED = 0x08,
    INT_OVERRUN = 0x10, INT_ACKNOWLEDGED = INT_TRANSMIT | INT_EMPTY | INT_OVERRUN
};
enum { STATUS_MULTICAST = 0x0001, STATUS_ODD = 0x1000, STATUS_BROADCAST = 0x4000 };
#define CONTROL_ODD 0x20            /* the low byte of the control word is data */
/* MMU commands. */
enum {
    MMU_ALLOCATE = 1, MMU_RESET = 2, MMU_REMOVE = 3, MMU_REMOVE_RELEASE = 4, MMU_RELEASE = 5,
    MMU_ENQUEUE = 6, MMU_RESET_TX = 7
};

/* Packet numbers in order. */
struct packet_fifo { uint8_t count, packet[PACKETS]; };
FIELDS(packet_fifo) = { FIELD(packet_fifo, count), ARRAY(packet_fifo, packet), FIELDS_END };

struct smc91c111 {
    struct device dev;
    struct net_nic nic;
    struct smc91c111_state {
        uint16_t tcr, rcr, config, control, general, pointer, bank;
        uint8_t rpcr[2], mac[NET_MAC_SIZE], multicast[8], early[2];
        uint8_t packet, allocated_packet, interrupts, mask;
        uint8_t free;               /* a bit for each packet that nobody owns */
        bool allocate_waits, sent;
        struct packet_fifo tx_done, rx;
        uint8_t data[PACKETS * PACKET_SIZE];
    } s;
};

FIELDS(smc91c111_state) = {
    FIELD(smc91c111_state, tcr), FIELD(smc91c111_state, rcr), FIELD(smc91c111_state, config),
    FIELD(smc91c111_state, control), FIELD(smc91c111_state, general),
    FIELD(smc91c111_state, pointer), FIELD(smc91c111_state, bank),
    ARRAY(smc91c111_state, rpcr), ARRAY(smc91c111_state, mac), ARRAY(smc91c111_state, multicast),
    ARRAY(smc91c111_state, early), FIELD(smc91c111_state, packet),
    FIELD(smc91c111_state, allocated_packet), FIELD(smc91c111_state, interrupts),
    FIELD(smc91c111_state, mask), FIELD(smc91c111_state, free),
    FIELD(smc91c111_state, allocate_waits), FIELD(smc91c111_state, sent),
    NESTED(smc91c111_state, tx_done, packet_fifo), NESTED(smc91c111_state, rx, packet_fifo),
    ARRAY(smc91c111_state, data), FIELDS_END
};

/* --- packets --------------------------------------------------------------------------------- */

static void fifo_push(struct packet_fifo *fifo, uint8_t packet)
{
    if (fifo->count < PACKETS) {
        fifo->packet[fifo->count++] = packet;
    }
}

static uint8_t fifo_pop(struct packet_fifo *fifo)
{
    uint8_t packet = fifo->packet[0];

    if (!fifo->count) {
        return NO_PACKET;
    }
    fifo->count--;
    memmove(fifo->packet, fifo->packet + 1, fifo->count);
    return packet;
}

static void update_irq(struct smc91c111 *d)
{
    struct smc91c111_state *s = &d->s;

    s->interrupts = bits_deposit(s->interrupts, 0, 1, s->rx.count != 0);
    if (s->tx_done.count) {
        s->interrupts |= INT_TRANSMIT;
    }
    irq_set(d->dev.irqs[0], (s->interrupts & s->mask) != 0);
}

static uint8_t *packet_data(struct smc91c111_state *s, uint8_t packet)
{
    return s->data + (packet % PACKETS) * PACKET_SIZE;
}

/* A free packet, or NO_PACKET. */
static uint8_t take_packet(struct smc91c111_state *s)
{
    unsigned n = bits_ctz32(s->free);

    if (!s->free) {
        return NO_PACKET;
    }
    s->free &= ~(1u << n);
    return n;
}

static void allocate(struct smc91c111 *d)
{
    struct smc91c111_state *s = &d->s;

    s->allocated_packet = take_packet(s);
    s->allocate_waits = s->allocated_packet == NO_PACKET;
    s->interrupts = bits_deposit(s->interrupts, 3, 1, !s->allocate_waits);
}

static void release(struct smc91c111 *d, uint8_t packet)
{
    if (packet >= PACKETS) {
        return;
    }
    d->s.free |= 1u << packet;
    if (d->s.allocate_waits) {
        allocate(d);
    } else if (d->nic.port) {
        net_flush(d->nic.port);
    }
}

static void put_frame(struct smc91c111 *d, const uint8_t *frame, size_t size);

/* --- transmitter ----------------------------------------------------------------------------- */

static void send_frame(struct smc91c111 *d, const uint8_t *data)
{
    uint8_t frame[PACKET_SIZE];
    size_t count = ld16_le(data + 2) & 0x7fe, size;

    if (count < OVERHEAD) {
        log_guest_error("smc91c111: a packet of %d bytes", (int)count);
        return;
    }
    size = count - OVERHEAD;
    memcpy(frame, data + 4, size);
    if (data[count - 1] & CONTROL_ODD) {
        frame[size] = data[count - 2];
        size++;
    }
    if (d->s.tcr & TCR_PAD && size < ETHERNET_MIN) {
        memset(frame + size, 0, ETHERNET_MIN - size);
        size = ETHERNET_MIN;
    }
    if (d->s.tcr & TCR_LOOP) {
        put_frame(d, frame, size);
    } else {
        net_send(d->nic.port, frame, size);
    }
}

static void enqueue(struct smc91c111 *d, uint8_t packet)
{
    struct smc91c111_state *s = &d->s;

    if (!(s->tcr & TCR_ENABLE) || packet >= PACKETS) {
        return;
    }
    send_frame(d, packet_data(s, packet));
    st16_le(packet_data(s, packet), EPH_SUCCESS | EPH_LINK);
    s->sent = true;
    if (s->control & CTL_AUTO_RELEASE) {
        release(d, packet);
    } else {
        fifo_push(&s->tx_done, packet);
    }
    s->interrupts |= INT_EMPTY;
}

/* --- receiver -------------------------------------------------------------------------------- */

static bool accepts(const struct smc91c111_state *s, const uint8_t *mac)
{
    uint32_t hash;

    if (s->rcr & RCR_PROMISCUOUS || ethernet_is_broadcast(mac)) {
        return true;
    }
    if (!(mac[0] & 1)) {
        return memcmp(mac, s->mac, NET_MAC_SIZE) == 0;
    }
    hash = ethernet_hash(mac) >> 26;
    return s->rcr & RCR_ALL_MULTICAST || s->multicast[hash >> 3] >> (hash & 7) & 1;
}

static void put_frame(struct smc91c111 *d, const uint8_t *frame, size_t size)
{
    struct smc91c111_state *s = &d->s;
    bool crc = !(s->rcr & RCR_STRIP), odd;
    uint16_t status = 0;
    uint8_t *p, packet;
    size_t total;

    if (size < NET_MAC_SIZE || size + 4 + OVERHEAD > PACKET_SIZE || !accepts(s, frame)) {
        return;
    }
    packet = take_packet(s);
    if (packet == NO_PACKET) {
        s->interrupts |= INT_OVERRUN;
        return;
    }
    p = packet_data(s, packet);
    memcpy(p + 4, frame, size);
    if (crc) {
        st32_le(p + 4 + size, ethernet_crc(frame, size));
    }
    total = size + (crc ? 4 : 0);
    odd = total & 1;
    status |= odd ? STATUS_ODD : 0;
    status |= ethernet_is_broadcast(frame) ? STATUS_BROADCAST : frame[0] & 1 ? STATUS_MULTICAST : 0;
    st16_le(p, status);
    st16_le(p + 2, total + OVERHEAD - odd);
    p[4 + total] = odd ? 0x40 | CONTROL_ODD : 0;
    if (!odd) {
        p[5 + total] = 0x40;
    }
    fifo_push(&s->rx, packet);
}

static bool can_receive(void *opaque, size_t size)
{
    struct smc91c111 *d = opaque;

    return d->s.rcr & RCR_ENABLE && !(d->s.rcr & RCR_RESET) && d->s.free;
}

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    struct smc91c111 *d = opaque;
    uint8_t padded[ETHERNET_MIN] = { 0 };

    if (size < ETHERNET_MIN) {
        memcpy(padded, frame, size);
        frame = padded;
        size = ETHERNET_MIN;
    }
    put_frame(d, frame, size);
    update_irq(d);
}

/* --- commands -------------------------------------------------------------------------------- */

static void reset_packets(struct smc91c111 *d)
{
    struct smc91c111_state *s = &d->s;

    s->free = (1 << PACKETS) - 1;
    s->rx.count = s->tx_done.count = 0;
    s->allocate_waits = false;
    s->allocated_packet = NO_PACKET;
    s->interrupts &= ~(INT_ALLOCATED | INT_TRANSMIT | INT_RECEIVE);
}

static void mmu_command(struct smc91c111 *d, uint8_t value)
{
    struct smc91c111_state *s = &d->s;

    switch (value >> 5) {
    case MMU_ALLOCATE:
        allocate(d);
        break;
    case MMU_RESET:
        reset_packets(d);
        break;
    case MMU_REMOVE:
        fifo_pop(&s->rx);
        break;
    case MMU_REMOVE_RELEASE:
        release(d, fifo_pop(&s->rx));
        break;
    case MMU_RELEASE:
        release(d, s->packet);
        break;
    case MMU_ENQUEUE:
        enqueue(d, s->packet);
        break;
    case MMU_RESET_TX:
        s->tx_done.count = 0;
        s->interrupts &= ~INT_TRANSMIT;
        break;
    default:
        break;
    }
}

static void set_defaults(struct smc91c111 *d)
{
    struct smc91c111_state *s = &d->s;

    s->tcr = s->rcr = s->pointer = 0;
    s->config = 0xa0b1;
    s->control = 0x1210;
    s->mask = s->interrupts = 0;
    s->packet = 0;
    s->sent = false;
    memset(s->rpcr, 0, sizeof(s->rpcr));
    memset(s->multicast, 0, sizeof(s->multicast));
    reset_packets(d);
}

/* --- the data port --------------------------------------------------------------------------- */

/* The byte that the pointer is at plus the lane of the port; the pointer moves if it shall. */
static uint8_t *data_byte(struct smc91c111 *d, unsigned lane)
{
    struct smc91c111_state *s = &d->s;
    uint8_t packet = s->packet;
    unsigned at = s->pointer & (PACKET_SIZE - 1);

    if (s->pointer & PTR_RECEIVE) {
        packet = s->rx.count ? s->rx.packet[0] : NO_PACKET;
    }
    if (s->pointer & PTR_INCREMENT) {
        s->pointer = (s->pointer & ~(PACKET_SIZE - 1)) | ((at + 1) & (PACKET_SIZE - 1));
    } else {
        at = (at + lane) & (PACKET_SIZE - 1);
    }
    return packet < PACKETS ? packet_data(s, packet) + at : NULL;
}

/* --- registers, a byte at a time ------------------------------------------------------------- */

#define BYTE(bank, offset) ((bank) << 4 | (offset))

static uint8_t low_or_high(uint16_t value, unsigned reg)
{
    return value >> 8 * (reg & 1);
}

static uint8_t read_byte(struct smc91c111 *d, unsigned offset)
{
    struct smc91c111_state *s = &d->s;
    unsigned reg = BYTE(s->bank & 7, offset);
    uint8_t *byte;

    if (offset >= 14) {
        return offset == 14 ? s->bank : 0x33;
    }
    switch (reg) {
    case BYTE(0, 0) ... BYTE(0, 1): return low_or_high(s->tcr, reg);
    case BYTE(0, 2): return s->sent ? EPH_SUCCESS : 0;
    case BYTE(0, 3): return net_link(d->nic.port) ? EPH_LINK >> 8 : 0;
    case BYTE(0, 4) ... BYTE(0, 5): return low_or_high(s->rcr, reg);
    case BYTE(0, 8): return PACKETS;
    case BYTE(0, 9): return bits_count(s->free);
    case BYTE(0, 10) ... BYTE(0, 11): return s->rpcr[reg & 1];
    case BYTE(1, 0) ... BYTE(1, 1): return low_or_high(s->config, reg);
    case BYTE(1, 2) ... BYTE(1, 3): return 0;    /* where the board has decoded the chip */
    case BYTE(1, 4) ... BYTE(1, 9): return s->mac[offset - 4];
    case BYTE(1, 10) ... BYTE(1, 11): return low_or_high(s->general, reg);
    case BYTE(1, 12) ... BYTE(1, 13): return low_or_high(s->control, reg);
    case BYTE(2, 2): return s->packet;
    case BYTE(2, 3): return s->allocated_packet;
    case BYTE(2, 4): return s->tx_done.count ? s->tx_done.packet[0] : NO_PACKET;
    case BYTE(2, 5): return s->rx.count ? s->rx.packet[0] : NO_PACKET;
    case BYTE(2, 6) ... BYTE(2, 7): return low_or_high(s->pointer, reg);
    case BYTE(2, 8) ... BYTE(2, 11):
        byte = data_byte(d, offset & 3);
        return byte ? *byte : 0;
    case BYTE(2, 12): return s->interrupts;
    case BYTE(2, 13): return s->mask;
    case BYTE(3, 0) ... BYTE(3, 7): return s->multicast[offset];
    case BYTE(3, 8): return 0x30;    /* management: nobody answers */
    case BYTE(3, 9): return 0x33;
    case BYTE(3, 10): return 0x91;   /* revision 1 of the 91C111 */
    case BYTE(3, 11): return 0x33;
    case BYTE(3, 12) ... BYTE(3, 13): return s->early[reg & 1];
    default: return 0;
    }
}

static void set_byte(uint16_t *value, unsigned reg, uint8_t byte)
{
    *value = bits_deposit(*value, 8 * (reg & 1), 8, byte);
}

static void acknowledge(struct smc91c111 *d, uint8_t bits)
{
    struct smc91c111_state *s = &d->s;

    s->interrupts &= ~(bits & INT_ACKNOWLEDGED);
    if (bits & INT_TRANSMIT) {
        fifo_pop(&s->tx_done);
    }
}

static void write_byte(struct smc91c111 *d, unsigned offset, uint8_t value)
{
    struct smc91c111_state *s = &d->s;
    unsigned reg = BYTE(s->bank & 7, offset);
    uint8_t *byte;

    if (offset >= 14) {
        s->bank = offset == 14 ? value & 7 : s->bank;
        return;
    }
    switch (reg) {
    case BYTE(0, 0) ... BYTE(0, 1): set_byte(&s->tcr, reg, value); break;
    case BYTE(0, 4): set_byte(&s->rcr, reg, value); break;
    case BYTE(0, 5):
        set_byte(&s->rcr, reg, value);
        if (s->rcr & RCR_RESET) {
            set_defaults(d);
        }
        break;
    case BYTE(0, 10) ... BYTE(0, 11): s->rpcr[reg & 1] = value; break;
    case BYTE(1, 0) ... BYTE(1, 1): set_byte(&s->config, reg, value); break;
    case BYTE(1, 4) ... BYTE(1, 9): s->mac[offset - 4] = value; break;
    case BYTE(1, 10) ... BYTE(1, 11): set_byte(&s->general, reg, value); break;
    case BYTE(1, 12) ... BYTE(1, 13):
        /* Reload and store of the EEPROM are over at once. */
        set_byte(&s->control, reg, reg & 1 ? value : value & ~3);
        break;
    case BYTE(2, 0): mmu_command(d, value); break;
    case BYTE(2, 2): s->packet = value & 0x3f; break;
    case BYTE(2, 6) ... BYTE(2, 7): set_byte(&s->pointer, reg, value); break;
    case BYTE(2, 8) ... BYTE(2, 11):
        byte = data_byte(d, offset & 3);
        if (byte) {
            *byte = value;
        }
        break;
    case BYTE(2, 12): acknowledge(d, value); break;
    case BYTE(2, 13): s->mask = value; break;
    case BYTE(3, 0) ... BYTE(3, 7): s->multicast[offset] = value; break;
    case BYTE(3, 12) ... BYTE(3, 13): s->early[reg & 1] = value; break;
    default: break;
    }
}

static uint64_t smc91c111_read(void *dev, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(dev, (offset + i) & 15) << 8 * i;
    }
    return value;
}

static void smc91c111_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct smc91c111 *d = dev;
    /* Hosts that can only write words select banks with one; it must not touch interrupts. */
    unsigned first = size == 4 && (offset & 15) == 12 ? 2 : 0;

    for (unsigned i = first; i < size; i++) {
        write_byte(d, (offset + i) & 15, value >> 8 * i);
    }
    update_irq(d);
    if (can_receive(d, 0)) {
        net_flush(d->nic.port);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool smc91c111_init(struct device *dev, struct error **err)
{
    static const struct net_handlers handlers = { .can_receive = can_receive, .receive = receive };
    struct smc91c111 *d = (struct smc91c111 *)dev;

    return net_nic_open(&d->nic, "smc91c111", dev->id, &handlers, d, err);
}

static void smc91c111_exit(struct device *dev)
{
    net_nic_close(&((struct smc91c111 *)dev)->nic);
}

static void smc91c111_reset(struct device *dev)
{
    struct smc91c111 *d = (struct smc91c111 *)dev;

    memset(&d->s, 0, sizeof(d->s));
    set_defaults(d);
    memcpy(d->s.mac, d->nic.mac, NET_MAC_SIZE);
}

static void smc91c111_reset_lines(struct device *dev)
{
    update_irq((struct smc91c111 *)dev);
}

static bool good_fifo(const struct packet_fifo *fifo)
{
    bool good = fifo->count <= PACKETS;

    for (unsigned i = 0; i < PACKETS; i++) {
        good &= fifo->packet[i] < PACKETS;
    }
    return good;
}

static bool smc91c111_loaded(struct device *dev, struct error **err)
{
    const struct smc91c111_state *s = &((struct smc91c111 *)dev)->s;

    if (!good_fifo(&s->tx_done) || !good_fifo(&s->rx) || s->free >> PACKETS) {
        error_set(err, "smc91c111: impossible packet numbers");
        return false;
    }
    return true;
}

static const struct device_region regions[] = {
    { "smc91c111-mmio", 16, { smc91c111_read, smc91c111_write, .max = 4 } }, { 0 }
};
static const struct property properties[] = { NET_NIC_PROPERTIES(smc91c111, nic), { 0 } };

DEVICE(smc91c111) = {
    .name = "smc91c111", .desc = "SMSC LAN91C111 network chip", .internal = true,
    .size = sizeof(struct smc91c111), .properties = properties, .regions = regions, .irqs = 1,
    .init = smc91c111_init, .exit = smc91c111_exit, .reset = smc91c111_reset,
    .reset_lines = smc91c111_reset_lines, .state = STATE(smc91c111, s, smc91c111_state, 1),
    .loaded = smc91c111_loaded,
};
