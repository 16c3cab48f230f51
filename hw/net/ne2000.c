/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DP8390 as on NE2000 and RTL8029 cards: registers, the receive ring, remote DMA. */
#include "hw/net/ne2000.h"

#include "base/bits.h"
#include "base/trace.h"

enum { CMD_STOP = 0x01, CMD_START = 0x02, CMD_TRANSMIT = 0x04, CMD_READ = 0x08, CMD_WRITE = 0x10,
       CMD_NO_DMA = 0x20 };
enum { ISR_RX = 0x01, ISR_TX = 0x02, ISR_OVERWRITE = 0x10, ISR_DMA = 0x40, ISR_RESET = 0x80,
       ISR_CAUSES = 0x7f };
enum { RCR_BROADCAST = 0x04, RCR_MULTICAST = 0x08, RCR_PROMISCUOUS = 0x10, RCR_MONITOR = 0x20 };
enum { TCR_LOOPBACK = 0x06, TSR_OK = 0x01, RSR_OK = 0x01, RSR_GROUP = 0x20, DCR_WORD = 0x01 };
enum { PORT_DATA = 0x10, PORT_RESET = 0x18, PORT_END = 0x20, HEADER = 4, KEPT_ROOM = 2048 + 256 };

void ne2000_update_irq(struct ne2000 *n)
{
    irq_set(n->irq, (n->s->isr & n->s->imr & ISR_CAUSES) != 0);
}

void ne2000_reset(struct ne2000 *n)
{
    struct ne2000_state *s = n->s;

    /* Packet memory keeps what it has. */
    memset(s, 0, offsetof(struct ne2000_state, memory));
    s->command = CMD_STOP | CMD_NO_DMA;
    s->isr = ISR_RESET;
    for (int i = 0; i < NET_MAC_SIZE; i++) {
        s->memory[2 * i] = s->memory[2 * i + 1] = n->nic->mac[i];
    }
    /* The mark of cards with a 16-bit bus. */
    memset(s->memory + 2 * 14, 0x57, 4);
}

/* --- packet memory --------------------------------------------------------------------------- */

static uint8_t load(const struct ne2000 *n, uint32_t at)
{
    return at < NE2000_PROM || (at >= NE2000_RAM && at < NE2000_END) ? n->s->memory[at] : 0xff;
}

static void store(struct ne2000 *n, uint32_t at, uint8_t value)
{
    if (at >= NE2000_RAM && at < NE2000_END) {
        n->s->memory[at] = value;
    }
}

/* Remote DMA: the address moves on through the receive ring. */
static void advance(struct ne2000 *n, unsigned size)
{
    struct ne2000_state *s = n->s;

    s->dma_address = (uint16_t)(s->dma_address + size);
    if (s->dma_address == s->page_stop << 8) {
        s->dma_address = (uint16_t)(s->page_start << 8);
    }
    if (s->dma_count <= size) {
        s->dma_count = 0;
        s->isr |= ISR_DMA;
        ne2000_update_irq(n);
    } else {
        s->dma_count = (uint16_t)(s->dma_count - size);
    }
}

/* The chip moves words or bytes as DCR says, however many of them the bus takes. */
static unsigned transfer_width(const struct ne2000 *n, unsigned size)
{
    return size > 2 ? size : n->s->dcr & DCR_WORD ? 2 : 1;
}

static uint32_t read_data(struct ne2000 *n, unsigned size)
{
    uint32_t value = 0;

    size = transfer_width(n, size);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)load(n, (uint16_t)(n->s->dma_address + i)) << 8 * i;
    }
    advance(n, size);
    return value;
}

static void write_data(struct ne2000 *n, uint32_t value, unsigned size)
{
    if (n->s->dma_count == 0) {
        return;
    }
    size = transfer_width(n, size);
    for (unsigned i = 0; i < size; i++) {
        store(n, (uint16_t)(n->s->dma_address + i), (uint8_t)(value >> 8 * i));
    }
    advance(n, size);
}

/* --- receiving ------------------------------------------------------------------------------- */

static uint32_t ring_size(const struct ne2000_state *s)
{
    return s->page_stop > s->page_start ? (uint32_t)(s->page_stop - s->page_start) << 8 : 0;
}

static uint32_t ring_room(const struct ne2000_state *s)
{
    uint32_t head = (uint32_t)s->current << 8, tail = (uint32_t)s->boundary << 8;

    return head < tail ? tail - head : ring_size(s) - MIN_OF(head - tail, ring_size(s));
}

static bool running(const struct ne2000_state *s)
{
    return !(s->command & CMD_STOP) && ring_size(s) && !(s->rcr & RCR_MONITOR) &&
        !(s->tcr & TCR_LOOPBACK);
}

/* Drivers take some frames of a burst and acknowledge all: only the next frame makes them look
 * again. So room for one is kept until then, or it would wait for ever. */
static bool can_receive(void *opaque, size_t size)
{
    const struct ne2000_state *s = ((struct ne2000 *)opaque)->s;
    size_t needed = MAX_OF(size, ETHERNET_MIN) + 2 * HEADER + 256;

    return !running(s) || needed > ring_size(s) ||
        ring_room(s) >= needed + (s->isr & ISR_RX ? KEPT_ROOM : 0);
}

static bool accepts(const struct ne2000_state *s, const uint8_t *frame)
{
    unsigned hash;

    if (ethernet_is_broadcast(frame)) {
        return s->rcr & RCR_BROADCAST || s->rcr & RCR_PROMISCUOUS;
    }
    if (frame[0] & 1) {
        hash = ethernet_hash(frame) >> 26;
        return s->rcr & RCR_MULTICAST && bits_test(s->multicast[hash >> 3], hash & 7);
    }
    return s->rcr & RCR_PROMISCUOUS || memcmp(frame, s->address, NET_MAC_SIZE) == 0;
}

static void put_ring(struct ne2000 *n, uint32_t *at, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        store(n, *at, data[i]);
        if (++*at == (uint32_t)n->s->page_stop << 8) {
            *at = (uint32_t)n->s->page_start << 8;
        }
    }
}

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    static const uint8_t zeros[ETHERNET_MIN];
    struct ne2000 *n = opaque;
    struct ne2000_state *s = n->s;
    size_t total = MAX_OF(size, ETHERNET_MIN) + HEADER;
    uint32_t at = (uint32_t)s->current << 8, next;
    uint8_t header[HEADER], check[4];

    if (!running(s) || size < 14 || size > 2000 || !accepts(s, frame)) {
        return;
    }
    if (ring_room(s) < total + 4 || s->current < s->page_start || s->current >= s->page_stop) {
        s->isr |= ISR_OVERWRITE;
        ne2000_update_irq(n);
        return;
    }
    next = at + (uint32_t)((total + 4 + 255) & ~255u);
    next = next >= (uint32_t)s->page_stop << 8 ? next - ring_size(s) : next;
    s->rsr = RSR_OK | (frame[0] & 1 ? RSR_GROUP : 0);
    header[0] = s->rsr;
    header[1] = (uint8_t)(next >> 8);
    st16_le(header + 2, (uint16_t)total);
    put_ring(n, &at, header, sizeof(header));
    put_ring(n, &at, frame, size);
    put_ring(n, &at, zeros, total - HEADER - size);
    st32_le(check, ethernet_crc(frame, size));
    put_ring(n, &at, check, sizeof(check));
    s->current = (uint8_t)(next >> 8);
    s->isr |= ISR_RX;
    ne2000_update_irq(n);
}

const struct net_handlers ne2000_handlers = { .can_receive = can_receive, .receive = receive };

/* --- registers ------------------------------------------------------------------------------- */

static void transmit(struct ne2000 *n)
{
    struct ne2000_state *s = n->s;
    uint32_t at = (uint32_t)s->transmit_page << 8, size = s->transmit_count;

    if (at >= NE2000_RAM && at < NE2000_END && size <= NE2000_END - at && size <= 2000) {
        trace(ne2000_send, "%u bytes", size);
        if (!(s->tcr & TCR_LOOPBACK)) {
            net_send(n->nic->port, s->memory + at, size);
        }
    }
    s->tsr = TSR_OK;
    s->isr |= ISR_TX;
    s->command &= (uint8_t)~CMD_TRANSMIT;
    ne2000_update_irq(n);
}

static void write_command(struct ne2000 *n, uint8_t value)
{
    struct ne2000_state *s = n->s;

    s->command = value;
    if (value & CMD_STOP) {
        s->isr |= ISR_RESET;
        return;
    }
    s->isr &= (uint8_t)~ISR_RESET;
    if (value & (CMD_READ | CMD_WRITE) && s->dma_count == 0) {
        s->isr |= ISR_DMA;
        ne2000_update_irq(n);
    }
    if (value & CMD_TRANSMIT) {
        transmit(n);
    }
    net_flush(n->nic->port);
}

static void write_page0(struct ne2000 *n, unsigned reg, uint8_t value)
{
    struct ne2000_state *s = n->s;
    uint8_t *const plain[16] = {
        [1] = &s->page_start, [2] = &s->page_stop, [3] = &s->boundary, [4] = &s->transmit_page,
        [12] = &s->rcr, [13] = &s->tcr, [14] = &s->dcr, [15] = &s->imr,
    };

    switch (reg) {
    case 5: case 6:
        s->transmit_count = (uint16_t)bits_deposit(s->transmit_count, reg == 6 ? 8 : 0, 8, value);
        break;
    case 7:
        s->isr &= (uint8_t)~(value & ISR_CAUSES);
        break;
    case 8: case 9:
        s->dma_address = (uint16_t)bits_deposit(s->dma_address, reg == 9 ? 8 : 0, 8, value);
        break;
    case 10: case 11:
        s->dma_count = (uint16_t)bits_deposit(s->dma_count, reg == 11 ? 8 : 0, 8, value);
        break;
    default:
        *plain[reg] = value;
    }
    ne2000_update_irq(n);
    net_flush(n->nic->port);
}

static void write_byte(struct ne2000 *n, unsigned reg, uint8_t value)
{
    struct ne2000_state *s = n->s;

    if (reg == 0) {
        write_command(n, value);
    } else if (s->command >> 6 == 0) {
        write_page0(n, reg, value);
    } else if (s->command >> 6 == 1 && reg <= 6) {
        s->address[reg - 1] = value;
    } else if (s->command >> 6 == 1 && reg == 7) {
        s->current = value;
    } else if (s->command >> 6 == 1) {
        s->multicast[reg - 8] = value;
    }
}

static uint8_t read_byte(struct ne2000 *n, unsigned reg)
{
    const struct ne2000_state *s = n->s;
    /* Rows: pages. Registers 10 and 11 of page 0 tell an RTL8029. */
    const uint8_t values[4][16] = {
        { 0, 0, 0, s->boundary, s->tsr, 0, 0, s->isr, (uint8_t)s->dma_address,
          (uint8_t)(s->dma_address >> 8), 0x50, 0x43, s->rsr, 0, 0, 0 },
        { 0, s->address[0], s->address[1], s->address[2], s->address[3], s->address[4],
          s->address[5], s->current, s->multicast[0], s->multicast[1], s->multicast[2],
          s->multicast[3], s->multicast[4], s->multicast[5], s->multicast[6], s->multicast[7] },
        { 0, s->page_start, s->page_stop, 0, s->transmit_page, 0, 0, 0, 0, 0, 0, 0, s->rcr,
          s->tcr, s->dcr, s->imr },
        { [5] = 0x40, [6] = 0x40 },     /* full duplex */
    };

    return reg == 0 ? s->command : values[s->command >> 6][reg];
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ne2000 *n = opaque;
    uint64_t value = 0;

    if (offset >= PORT_END) {
        return 0xff;
    }
    if (offset >= PORT_RESET) {
        ne2000_reset(n);
        ne2000_update_irq(n);
        return 0;
    }
    if (offset >= PORT_DATA) {
        return read_data(n, size) & bits_mask(8 * size);
    }
    for (unsigned i = 0; i < size && offset + i < PORT_DATA; i++) {
        value |= (uint64_t)read_byte(n, (unsigned)offset + i) << 8 * i;
    }
    return value;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct ne2000 *n = opaque;

    if (offset >= PORT_RESET) {
        return;                          /* the end of a reset pulse */
    }
    if (offset >= PORT_DATA) {
        write_data(n, (uint32_t)value, size);
        return;
    }
    for (unsigned i = 0; i < size && offset + i < PORT_DATA; i++) {
        write_byte(n, (unsigned)offset + i, (uint8_t)(value >> 8 * i));
    }
}

const struct mmio_ops ne2000_ops = { port_read, port_write, .min = 1, .max = 4 };
