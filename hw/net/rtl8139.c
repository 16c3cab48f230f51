/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Realtek RTL8139C+: classic receive ring and four transmit slots, or the descriptors of C+ mode.
 */
#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/net/eeprom93.h"
#include "hw/net/nic.h"

enum { IDR = 0x00, MAR = 0x08, TSD = 0x10, TSAD = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38,
       CBR = 0x3a, IMR = 0x3c, ISR = 0x3e, TCR = 0x40, RCR = 0x44, TCTR = 0x48, MPC = 0x4c,
       EECR = 0x50, CONFIG0 = 0x51, CONFIG1 = 0x52, TIMER_INT = 0x54, MSR = 0x58, CONFIG3 = 0x59,
       CONFIG4 = 0x5a, MULINT = 0x5c, RERID = 0x5e, TSAD_STATUS = 0x60, BMCR = 0x62, BMSR = 0x64,
       ANAR = 0x66, ANLPAR = 0x68, ANER = 0x6a, CSCR = 0x74, CONFIG5 = 0xd8, TPPOLL = 0xd9,
       CPCR = 0xe0, RDSAR = 0xe4, MTPS = 0xec, REGISTERS = 0x100 };
enum { CR_EMPTY = 0x01, CR_TE = 0x04, CR_RE = 0x08, CR_RESET = 0x10 };
enum { INT_ROK = 0x01, INT_TOK = 0x04, INT_OVERFLOW = 0x10, INT_LINK = 0x20, INT_FIFO = 0x40,
       INT_TDU = 0x80 };
enum { RCR_ALL = 0x01, RCR_MATCH = 0x02, RCR_MULTICAST = 0x04, RCR_BROADCAST = 0x08,
       RCR_WRAP = 0x80 };
enum { TSD_OWN = 0x2000, TSD_OK = 0x8000, CPCR_TX = 0x01, CPCR_RX = 0x02, CPCR_VLAN = 0x40 };
enum { EE_DO = 1, EE_DI = 2, EE_SK = 4, EE_CS = 8, EE_PROGRAM = 0x80 };
enum { MSR_NO_LINK = 0x04, BMSR_LINK = 0x0024, TCR_LOOPBACK = 0x60000, TICKS = 33000000 };
/* First words of C+ descriptors. */
#define D_OWN (1u << 31)
#define D_END_OF_RING (1u << 30)
#define D_FIRST (1u << 29)
#define D_LAST (1u << 28)
#define D_LARGE (1u << 27)
enum { D_IP = 1 << 18, D_UDP = 1 << 17, D_TCP = 1 << 16, D_TAG = 1 << 17, D_TAGGED = 1 << 16 };
enum { FRAME_BROADCAST = 0x2000, FRAME_MATCH = 0x4000, FRAME_MULTICAST = 0x8000 };
enum { DESCRIPTOR = 16, MAX_DESCRIPTORS = 64 };

struct rtl8139_state {
    uint8_t regs[REGISTERS];
    int64_t timer_base;
    uint16_t tx_next, rx_next;       /* C+ descriptors */
    uint32_t packet_size, packet_flags, packet_tag;
    struct eeprom93_state eeprom;
    uint8_t packet[NET_FRAME_MAX];
};

struct rtl8139 {
    struct pci_device pci;
    struct net_nic nic;
    struct memory_region ports, memory;
    bool transmitting;
    struct rtl8139_state s;
};

#define REG16(d, reg) ld16_le((d)->s.regs + (reg))
#define REG32(d, reg) ld32_le((d)->s.regs + (reg))

static void update_irq(struct rtl8139 *d)
{
    pci_set_intx(&d->pci, (REG16(d, ISR) & REG16(d, IMR)) != 0);
}

static void raise(struct rtl8139 *d, unsigned causes)
{
    st16_le(d->s.regs + ISR, (uint16_t)(REG16(d, ISR) | causes));
    update_irq(d);
}

/* --- receiving ------------------------------------------------------------------------------- */

static uint32_t ring_size(const struct rtl8139 *d)
{
    return 8192u << (REG32(d, RCR) >> 11 & 3);
}

/* CAPR runs 16 bytes behind what was read. */
static uint32_t ring_room(const struct rtl8139 *d)
{
    uint32_t size = ring_size(d), read = (REG16(d, CAPR) + 16u) % size;
    uint32_t room = (size + read - REG16(d, CBR) % size) % size;

    return room ? room : size;
}

static bool receiving(const struct rtl8139 *d)
{
    return d->s.regs[CR] & CR_RE && net_link(d->nic.port);
}

static uint64_t rx_descriptor(const struct rtl8139 *d)
{
    return ld64_le(d->s.regs + RDSAR) + (uint64_t)d->s.rx_next * DESCRIPTOR;
}

static bool can_receive(void *opaque, size_t size)
{
    struct rtl8139 *d = opaque;
    uint8_t first[4];

    if (!receiving(d)) {
        return true;
    }
    if (REG16(d, CPCR) & CPCR_RX) {
        return pci_dma_read(&d->pci, rx_descriptor(d), first, 4) != MEM_OK ||
            ld32_le(first) & D_OWN;
    }
    return ring_room(d) > MAX_OF(size, ETHERNET_MIN) + 12;
}

/* The kind of match, 0 for none. */
static unsigned accepts(const struct rtl8139 *d, const uint8_t *frame, bool *accepted)
{
    uint32_t rcr = REG32(d, RCR);
    unsigned hash;

    *accepted = rcr & RCR_ALL;
    if (ethernet_is_broadcast(frame)) {
        *accepted |= (rcr & RCR_BROADCAST) != 0;
        return FRAME_BROADCAST;
    }
    if (frame[0] & 1) {
        hash = ethernet_hash(frame) >> 26;
        *accepted |= rcr & RCR_MULTICAST && bits_test(d->s.regs[MAR + (hash >> 3)], hash & 7);
        return FRAME_MULTICAST;
    }
    if (memcmp(frame, d->s.regs + IDR, NET_MAC_SIZE) == 0) {
        *accepted |= (rcr & RCR_MATCH) != 0;
        return FRAME_MATCH;
    }
    return 0;
}

static void put_ring(struct rtl8139 *d, const uint8_t *data, uint32_t size)
{
    uint32_t at = REG16(d, CBR), ring = ring_size(d), first = size;

    at %= ring;
    if (!(REG32(d, RCR) & RCR_WRAP) || ring == 65536) {
        first = MIN_OF(size, ring - at);
    }
    pci_dma_write(&d->pci, REG32(d, RBSTART) + at, data, first);
    pci_dma_write(&d->pci, REG32(d, RBSTART), data + first, size - first);
    st16_le(d->s.regs + CBR, (uint16_t)((at + size) % ring));
}

/* `frame` ends with its check sequence. */
static void receive_ring(struct rtl8139 *d, const uint8_t *frame, uint32_t size, unsigned kind)
{
    static uint8_t buffer[4 + NET_FRAME_MAX + 8];
    uint32_t total = (uint32_t)align_up(size + 4, 4);

    if (ring_room(d) <= total) {
        raise(d, INT_OVERFLOW);
        return;
    }
    memset(buffer + size + 4 - 1, 0, 8);
    st16_le(buffer, (uint16_t)(INT_ROK | kind));
    st16_le(buffer + 2, (uint16_t)size);
    memcpy(buffer + 4, frame, size);
    put_ring(d, buffer, total);
    raise(d, INT_ROK);
}

static void receive_descriptor(struct rtl8139 *d, uint8_t *frame, uint32_t size, unsigned kind)
{
    uint64_t at = rx_descriptor(d);
    uint32_t flags, room, tag = 0;
    uint8_t entry[DESCRIPTOR];

    pci_dma_read(&d->pci, at, entry, sizeof(entry));
    flags = ld32_le(entry);
    room = flags & 0x1fff;
    if (!(flags & D_OWN)) {
        raise(d, INT_OVERFLOW | INT_FIFO);
        return;
    }
    if (REG16(d, CPCR) & CPCR_VLAN && ld16_be(frame + 12) == 0x8100) {
        tag = D_TAGGED | ld16_le(frame + 14);
        memmove(frame + 12, frame + 16, size - 16);
        size -= 4;
        st32_le(frame + size - 4, ethernet_crc(frame, size - 4));
    }
    if (size > room) {
        return;
    }
    pci_dma_write(&d->pci, ld64_le(entry + 8), frame, size);
    flags = (flags & D_END_OF_RING) | D_FIRST | D_LAST | kind << 11 | size;
    st32_le(entry, flags);
    st32_le(entry + 4, tag);
    pci_dma_write(&d->pci, at, entry, 8);
    d->s.rx_next = flags & D_END_OF_RING || d->s.rx_next + 1 >= MAX_DESCRIPTORS
        ? 0 : d->s.rx_next + 1;
    raise(d, INT_ROK);
}

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    static uint8_t copy[NET_FRAME_MAX + 4];
    struct rtl8139 *d = opaque;
    bool accepted;
    unsigned kind;

    if (!receiving(d) || size < 14 || size > 4096) {
        return;
    }
    kind = accepts(d, frame, &accepted);
    if (!accepted) {
        return;
    }
    memcpy(copy, frame, size);
    if (size < ETHERNET_MIN) {
        memset(copy + size, 0, ETHERNET_MIN - size);
        size = ETHERNET_MIN;
    }
    st32_le(copy + size, ethernet_crc(copy, size));
    if (REG16(d, CPCR) & CPCR_RX) {
        receive_descriptor(d, copy, (uint32_t)size + 4, kind);
    } else {
        receive_ring(d, copy, (uint32_t)size + 4, kind);
    }
}

/* --- sending --------------------------------------------------------------------------------- */

static void send_frame(struct rtl8139 *d, const uint8_t *frame, uint32_t size)
{
    trace(rtl8139_send, "%u bytes", size);
    if ((REG32(d, TCR) & TCR_LOOPBACK) == TCR_LOOPBACK) {
        receive(d, frame, size);
    } else {
        net_send(d->nic.port, frame, size);
    }
}

static void send_slot(struct rtl8139 *d, unsigned slot)
{
    uint8_t *status = d->s.regs + TSD + 4 * slot;
    uint32_t size = ld32_le(status) & 0x1fff;
    static uint8_t frame[0x2000];

    if (!(d->s.regs[CR] & CR_TE) || d->transmitting) {
        return;
    }
    d->transmitting = true;
    pci_dma_read(&d->pci, REG32(d, TSAD + 4 * slot), frame, size);
    send_frame(d, frame, size);
    d->transmitting = false;
    st32_le(status, ld32_le(status) | TSD_OWN | TSD_OK);
    raise(d, INT_TOK);
}

static uint32_t add_up(const uint8_t *data, uint32_t size, uint32_t sum)
{
    for (uint32_t i = 0; i < size; i++) {
        sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* IPv4 and TCP or UDP sums; `ip` and `l4` were checked to lie in the frame. */
static void fill_sums(uint8_t *ip, uint32_t header, uint32_t length, uint32_t flags)
{
    uint8_t *l4 = ip + header;
    uint32_t size = length - header, at = flags & D_TCP ? 16 : 6;
    uint8_t protocol = flags & D_TCP ? 6 : 17;

    if (flags & (D_IP | D_LARGE)) {
        st16_be(ip + 10, 0);
        st16_be(ip + 10, (uint16_t)~add_up(ip, header, 0));
    }
    if (!(flags & (D_TCP | D_UDP)) || size < at + 2) {
        return;
    }
    st16_be(l4 + at, 0);
    st16_be(l4 + at, (uint16_t)~add_up(l4, size, add_up(ip + 12, 8, protocol + size)));
}

static void send_large(struct rtl8139 *d, uint32_t header, uint32_t total)
{
    static uint8_t frame[NET_FRAME_MAX];
    const uint8_t *packet = d->s.packet;
    uint32_t mss = d->s.packet_flags >> 16 & 0x7ff, l4 = 14 + header, start, done = 0;

    if (mss == 0 || l4 + 20 > total) {
        return;
    }
    start = l4 + (packet[l4 + 12] >> 4) * 4u;
    for (uint32_t n = 0; start < total && done < total - start; n++) {
        uint32_t chunk = MIN_OF(mss, total - start - done);

        memcpy(frame, packet, start);
        memcpy(frame + start, packet + start + done, chunk);
        st16_be(frame + 16, (uint16_t)(start + chunk - 14));
        st16_be(frame + 18, (uint16_t)(ld16_be(frame + 18) + n));
        st32_be(frame + l4 + 4, ld32_be(frame + l4 + 4) + done);
        if (done + chunk < total - start) {
            frame[l4 + 13] &= (uint8_t)~9;
        }
        fill_sums(frame + 14, header, start + chunk - 14, D_LARGE | D_TCP);
        send_frame(d, frame, start + chunk);
        done += chunk;
    }
}

static void send_packet(struct rtl8139 *d)
{
    struct rtl8139_state *s = &d->s;
    uint8_t *ip = s->packet + 14;
    uint32_t flags = s->packet_flags, header = (ip[0] & 15) * 4u, length = ld16_be(ip + 2);
    bool is_ip = s->packet_size >= 34 && ld16_be(s->packet + 12) == 0x0800 && ip[0] >> 4 == 4 &&
        header >= 20 && header <= length && 14 + length <= s->packet_size;

    if (flags & D_LARGE && s->packet_size >= 34 && header >= 20) {
        send_large(d, header, s->packet_size);
        return;
    }
    if (is_ip && flags & (D_IP | D_TCP | D_UDP)) {
        fill_sums(ip, header, length, flags & (D_IP | D_TCP | D_UDP));
    }
    if (s->packet_tag & D_TAG && s->packet_size >= 12 && s->packet_size + 4 <= sizeof(s->packet)) {
        memmove(s->packet + 16, s->packet + 12, s->packet_size - 12);
        st16_be(s->packet + 12, 0x8100);
        st16_le(s->packet + 14, (uint16_t)s->packet_tag);
        s->packet_size += 4;
    }
    send_frame(d, s->packet, s->packet_size);
}

/* False when the next descriptor is the driver's. */
static bool send_descriptor(struct rtl8139 *d, unsigned queue)
{
    struct rtl8139_state *s = &d->s;
    uint64_t at = ld64_le(s->regs + queue) + (uint64_t)s->tx_next * DESCRIPTOR;
    uint8_t entry[DESCRIPTOR];
    uint32_t flags, chunk;

    if (pci_dma_read(&d->pci, at, entry, sizeof(entry)) != MEM_OK) {
        return false;
    }
    flags = ld32_le(entry);
    if (!(flags & D_OWN)) {
        return false;
    }
    if (flags & D_FIRST) {
        s->packet_size = 0;
        s->packet_flags = flags;
        s->packet_tag = ld32_le(entry + 4);
    }
    chunk = MIN_OF(flags & 0xffff, (uint32_t)sizeof(s->packet) - s->packet_size);
    pci_dma_read(&d->pci, ld64_le(entry + 8), s->packet + s->packet_size, chunk);
    s->packet_size += chunk;
    st32_le(entry, flags & ~D_OWN);
    pci_dma_write(&d->pci, at, entry, 4);
    s->tx_next = flags & D_END_OF_RING || s->tx_next + 1 >= MAX_DESCRIPTORS ? 0 : s->tx_next + 1;
    if (flags & D_LAST) {
        send_packet(d);
        s->packet_size = 0;
    }
    return true;
}

static void poll_descriptors(struct rtl8139 *d)
{
    unsigned done = 0;

    if (!(d->s.regs[CR] & CR_TE) || !(REG16(d, CPCR) & CPCR_TX) || d->transmitting) {
        return;
    }
    d->transmitting = true;
    while (done < 4 * MAX_DESCRIPTORS && send_descriptor(d, TSAD)) {
        done++;
    }
    d->transmitting = false;
    raise(d, done ? INT_TOK : INT_TDU);
}

/* --- registers ------------------------------------------------------------------------------- */

static void update_link(struct rtl8139 *d)
{
    bool up = net_link(d->nic.port);
    uint8_t *regs = d->s.regs;

    regs[MSR] = (uint8_t)((regs[MSR] & ~MSR_NO_LINK) | (up ? 0 : MSR_NO_LINK));
    st16_le(regs + BMSR, (uint16_t)(0x7809 | (up ? BMSR_LINK : 0)));
    st16_le(regs + ANLPAR, up ? 0x05e1 : 0);
}

/* CR.RST leaves the addresses and the configuration. */
static void software_reset(struct rtl8139 *d)
{
    uint8_t kept[14], *regs = d->s.regs;

    memcpy(kept, regs, sizeof(kept));
    memset(regs, 0, sizeof(d->s.regs));
    memcpy(regs, kept, sizeof(kept));
    d->s.tx_next = d->s.rx_next = 0;
    d->s.packet_size = 0;
    d->s.timer_base = clock_ns(CLOCK_VM);
    st32_le(regs + TCR, 0x74800000);
    st32_le(regs + TSD, TSD_OWN);
    st32_le(regs + TSD + 4, TSD_OWN);
    st32_le(regs + TSD + 8, TSD_OWN);
    st32_le(regs + TSD + 12, TSD_OWN);
    st16_le(regs + CAPR, 0xfff0);
    regs[CONFIG0] = 0x10;
    regs[CONFIG1] = 0x0c;
    regs[CONFIG3] = 0x01;
    regs[CONFIG5] = 0;
    st16_le(regs + BMCR, 0x3100);
    st16_le(regs + ANAR, 0x05e1);
    st16_le(regs + ANER, 0x0001);
    st16_le(regs + CSCR, 0x03c8);
    update_link(d);
    update_irq(d);
}

static uint8_t read_byte(struct rtl8139 *d, unsigned reg)
{
    const uint8_t *regs = d->s.regs;
    uint16_t slots = 0;
    uint64_t ticks;

    switch (reg) {
    case CR:
        return (uint8_t)(regs[CR] | (!(REG16(d, CPCR) & CPCR_RX) &&
                                     ring_room(d) == ring_size(d) ? CR_EMPTY : 0));
    case EECR:
        return (uint8_t)((regs[EECR] & ~EE_DO) | (eeprom93_output(&d->s.eeprom) ? EE_DO : 0));
    case TCTR: case TCTR + 1: case TCTR + 2: case TCTR + 3:
        ticks = clock_ns_to_ticks((uint64_t)(clock_ns(CLOCK_VM) - d->s.timer_base), TICKS);
        return (uint8_t)(ticks >> 8 * (reg - TCTR));
    case TSAD_STATUS: case TSAD_STATUS + 1:
        for (unsigned i = 0; i < 4; i++) {
            uint32_t status = REG32(d, TSD + 4 * i);
            slots |= (uint16_t)((status & TSD_OK ? 0x1000 : 0) | (status & TSD_OWN ? 1 : 0)) << i;
        }
        return (uint8_t)(slots >> 8 * (reg - TSAD_STATUS));
    default:
        return regs[reg];
    }
}

/* Bits that a plain write reaches, by register. */
static uint8_t write_mask(const struct rtl8139 *d, unsigned reg)
{
    bool unlocked = (d->s.regs[EECR] & 0xc0) == 0xc0;

    switch (reg) {
    case CBR: case CBR + 1: case TCR + 3: case MSR: case RERID: case TSAD_STATUS:
    case TSAD_STATUS + 1: case BMSR: case BMSR + 1: case ANLPAR: case ANLPAR + 1: case CONFIG0:
        return 0;
    case TCR + 2:
        return 0x07;
    case CONFIG1: case CONFIG3: case CONFIG4:
        return unlocked ? 0xff : 0;
    default:
        /* Drivers tell the RTL8169 by registers that this chip does not have. */
        return reg < 0x84 || reg == CONFIG5 || reg == TPPOLL || (reg >= CPCR && reg <= MTPS)
            ? 0xff : 0;
    }
}

static void write_command(struct rtl8139 *d, uint8_t value)
{
    if (value & CR_RESET) {
        software_reset(d);
        return;
    }
    if (value & ~d->s.regs[CR] & CR_RE) {
        st16_le(d->s.regs + CBR, 0);
        st16_le(d->s.regs + CAPR, 0xfff0);
        d->s.rx_next = 0;
    }
    if (value & ~d->s.regs[CR] & CR_TE) {
        d->s.tx_next = 0;
    }
    d->s.regs[CR] = value & (CR_RE | CR_TE);
}

static void write_byte(struct rtl8139 *d, unsigned reg, uint8_t value)
{
    uint8_t *regs = d->s.regs;

    switch (reg) {
    case CR:
        write_command(d, value);
        break;
    case ISR: case ISR + 1:
        regs[reg] &= (uint8_t)~value;
        break;
    case EECR:
        regs[EECR] = value & (0xc0 | EE_DI | EE_SK | EE_CS);
        if ((value & 0xc0) == EE_PROGRAM) {
            eeprom93_set(&d->s.eeprom, value & EE_CS, value & EE_SK, value & EE_DI);
        } else if ((value & 0xc0) == 0x40) {
            memcpy(regs + IDR, d->s.eeprom.words + 7, NET_MAC_SIZE);
            regs[EECR] = 0;
        }
        break;
    case TCTR:
        d->s.timer_base = clock_ns(CLOCK_VM);
        break;
    case BMCR + 1:
        regs[reg] = value & 0x7d;        /* reset and restart are over at once */
        break;
    default:
        regs[reg] = (uint8_t)bits_merge(regs[reg], value, write_mask(d, reg));
        break;
    }
}

/* What a whole access starts, once its bytes are in place. */
static void after_write(struct rtl8139 *d, unsigned reg, unsigned size, uint64_t value)
{
    if (reg >= TSD && reg < TSAD && size == 4 && !(REG16(d, CPCR) & CPCR_TX)) {
        if (!(value & TSD_OWN)) {
            st32_le(d->s.regs + reg, (uint32_t)value & 0x3f1fff);
            send_slot(d, (reg - TSD) / 4);
        }
    } else if (reg <= TPPOLL && reg + size > TPPOLL && d->s.regs[TPPOLL] & 0xc0) {
        d->s.regs[TPPOLL] = 0;
        poll_descriptors(d);
    }
    update_irq(d);
    net_flush(d->nic.port);
}

static uint64_t card_read(void *dev, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size && offset + i < REGISTERS; i++) {
        value |= (uint64_t)read_byte(dev, (unsigned)offset + i) << 8 * i;
    }
    return value;
}

static void card_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size && offset + i < REGISTERS; i++) {
        write_byte(dev, (unsigned)offset + i, (uint8_t)(value >> 8 * i));
    }
    after_write(dev, (unsigned)offset, size, value);
}

static const struct mmio_ops card_ops = { card_read, card_write, .min = 1, .max = 4 };

/* --- the device ------------------------------------------------------------------------------ */

static void link_changed(void *opaque)
{
    update_link(opaque);
    raise(opaque, INT_LINK);
}

static void card_reset(struct device *dev)
{
    struct rtl8139 *d = (struct rtl8139 *)dev;
    uint16_t *words = d->s.eeprom.words;

    memset(&d->s, 0, sizeof(d->s));
    words[0] = 0x8129;
    words[1] = 0x10ec;
    words[2] = 0x8139;
    for (int i = 0; i < 3; i++) {
        words[7 + i] = ld16_le(d->nic.mac + 2 * i);
    }
    memcpy(d->s.regs + IDR, d->nic.mac, NET_MAC_SIZE);
    software_reset(d);
    net_purge(d->nic.port);
}

static void card_reset_lines(struct device *dev)
{
    update_irq((struct rtl8139 *)dev);
}

static bool card_loaded(struct device *dev, struct error **err)
{
    struct rtl8139 *d = (struct rtl8139 *)dev;

    if (d->s.packet_size > sizeof(d->s.packet) || d->s.tx_next >= MAX_DESCRIPTORS ||
        d->s.rx_next >= MAX_DESCRIPTORS) {
        error_set(err, "rtl8139: impossible descriptors");
        return false;
    }
    update_link(d);
    return true;
}

static bool card_init(struct device *dev, struct error **err)
{
    static const struct net_handlers handlers = { can_receive, receive, link_changed, NULL };
    struct rtl8139 *d = (struct rtl8139 *)dev;

    pci_set_ids(&d->pci, 0x10ec, 0x8139, 0x20, 0x020000);
    pci_set_subsystem(&d->pci, 0x1af4, 0x1100);
    pci_set_interrupt_pin(&d->pci, 1);
    if (!net_nic_open(&d->nic, "rtl8139", dev->id, &handlers, d, err)) {
        return false;
    }
    if (!nic_add_rom(&d->pci, "efi-rtl8139.rom", err)) {
        net_nic_close(&d->nic);
        return false;
    }
    memory_region_init_mmio(&d->ports, "rtl8139", REGISTERS, &card_ops, d);
    memory_region_init_mmio(&d->memory, "rtl8139", REGISTERS, &card_ops, d);
    pci_add_bar(&d->pci, 0, PCI_BAR_IO, &d->ports);
    pci_add_bar(&d->pci, 1, PCI_BAR_MEMORY, &d->memory);
    return true;
}

static void card_exit(struct device *dev)
{
    struct rtl8139 *d = (struct rtl8139 *)dev;

    net_nic_close(&d->nic);
    memory_region_fini(&d->ports);
    memory_region_fini(&d->memory);
}

FIELDS(rtl8139_state) = {
    ARRAY(rtl8139_state, regs), FIELD(rtl8139_state, timer_base), FIELD(rtl8139_state, tx_next),
    FIELD(rtl8139_state, rx_next), FIELD(rtl8139_state, packet_size),
    FIELD(rtl8139_state, packet_flags), FIELD(rtl8139_state, packet_tag),
    NESTED(rtl8139_state, eeprom, eeprom93_state), ARRAY(rtl8139_state, packet), FIELDS_END
};

static const struct property card_properties[] = { NET_NIC_PROPERTIES(rtl8139, nic), { 0 } };

DEVICE(rtl8139) = {
    .name = "rtl8139", .desc = "Realtek RTL8139C+ network card", .bus = "pci",
    .size = sizeof(struct rtl8139), .properties = card_properties,
    .init = card_init, .exit = card_exit, .reset = card_reset, .reset_lines = card_reset_lines,
    .loaded = card_loaded, .state = STATE(rtl8139, s, rtl8139_state, 1),
};
