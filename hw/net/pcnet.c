/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AMD PCnet-PCI II (Am79C970A): CSRs, BCRs, the descriptor rings in their three styles. */
#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/net/nic.h"

enum { CSRS = 128, BCRS = 32, PROM_SIZE = 16, PORTS = 32, MAX_FRAME = 4096 };
enum { CSR0_INIT = 0x01, CSR0_START = 0x02, CSR0_STOP = 0x04, CSR0_DEMAND = 0x08, CSR0_TXON = 0x10,
       CSR0_RXON = 0x20, CSR0_ENABLE = 0x40, CSR0_INTR = 0x80, CSR0_IDON = 0x100,
       CSR0_TINT = 0x200, CSR0_RINT = 0x400, CSR0_MISS = 0x1000, CSR0_CAUSES = 0x7f00 };
enum { MODE_NO_RX = 0x01, MODE_NO_TX = 0x02, MODE_LOOP = 0x04, MODE_NO_BROADCAST = 0x4000,
       MODE_NO_PHYSICAL = 0x2000, MODE_PROMISCUOUS = 0x8000 };
enum { OWN = 0x80, ERROR = 0x40, BUFFER = 0x04, FIRST = 0x02, LAST = 0x01 };
enum { BCR_LED0 = 4, BCR_LED3 = 7, BCR_BUS = 18, BCR_STYLE = 20, BUS_DWORD = 0x80,
       STYLE_32 = 0x100, LED_LINK = 0x40, LED_ON = 0x8000 };

struct pcnet_state {
    uint16_t csr[CSRS], bcr[BCRS];
    uint16_t rap;
    uint8_t prom[PROM_SIZE];
    uint32_t rx_ring, tx_ring;
    uint16_t rx_count, tx_count, rx_next, tx_next;
    uint16_t packet_size;
    uint8_t packet_open;
    uint8_t packet[MAX_FRAME];
};

struct pcnet {
    struct pci_device pci;
    struct net_nic nic;
    struct memory_region ports, memory;
    bool transmitting;
    struct pcnet_state s;
};

static void update_irq(struct pcnet *d)
{
    uint16_t *csr = d->s.csr;
    bool on = csr[0] & ~csr[3] & 0x5f00;

    csr[0] = (uint16_t)(on ? csr[0] | CSR0_INTR : csr[0] & ~CSR0_INTR);
    pci_set_intx(&d->pci, on && csr[0] & CSR0_ENABLE);
}

/* --- descriptors ----------------------------------------------------------------------------- */

/* Whatever the style in memory. `count` is of the buffer, `used` of the received frame. */
struct descriptor {
    uint64_t at;
    uint32_t address, count;
    uint8_t status;
};

static unsigned style(const struct pcnet *d)
{
    return d->s.bcr[BCR_STYLE] & 0xff;
}

static bool load(struct pcnet *d, uint32_t ring, unsigned index, struct descriptor *e)
{
    unsigned size = style(d) == 0 ? 8 : 16;
    uint8_t raw[16];

    e->at = ring + (uint64_t)index * size;
    if (pci_dma_read(&d->pci, e->at, raw, size) != MEM_OK) {
        return false;
    }
    if (style(d) == 0) {
        e->address = ld32_le(raw) & 0xffffff;
        e->status = raw[3];
    } else {
        e->address = ld32_le(raw + (style(d) == 3 ? 8 : 0));
        e->status = raw[7];
    }
    e->count = (0x1000 - (ld16_le(raw + 4) & 0xfff)) & 0xfff;
    e->count = e->count ? e->count : 0x1000;
    return true;
}

/* The length of a received frame first; the owner last. */
static void store(struct pcnet *d, const struct descriptor *e, bool received, uint16_t length)
{
    unsigned at = style(d) == 0 ? 6 : style(d) == 3 ? 0 : 8;
    uint8_t bytes[2];

    if (received && e->status & LAST) {
        st16_le(bytes, length);
        pci_dma_write(&d->pci, e->at + at, bytes, 2);
    }
    pci_dma_write(&d->pci, e->at + (style(d) == 0 ? 3 : 7), &e->status, 1);
}

static uint16_t after(uint16_t index, uint16_t count)
{
    return (uint16_t)(index + 1u >= count ? 0 : index + 1);
}

/* --- receiving ------------------------------------------------------------------------------- */

static bool receiving(const struct pcnet *d)
{
    return d->s.csr[0] & CSR0_RXON && d->s.rx_count;
}

static bool can_receive(void *opaque, size_t size)
{
    struct pcnet *d = opaque;
    struct descriptor e;

    return !receiving(d) || !load(d, d->s.rx_ring, d->s.rx_next, &e) || e.status & OWN;
}

static bool accepts(const struct pcnet *d, const uint8_t *frame)
{
    const uint16_t *csr = d->s.csr;
    unsigned hash;

    if (csr[15] & MODE_PROMISCUOUS) {
        return true;
    }
    if (ethernet_is_broadcast(frame)) {
        return !(csr[15] & MODE_NO_BROADCAST);
    }
    if (frame[0] & 1) {
        hash = ethernet_crc(frame, NET_MAC_SIZE);
        hash = ~hash >> 26;
        return bits_test(csr[8 + (hash >> 4)], hash & 15);
    }
    return !(csr[15] & MODE_NO_PHYSICAL) && ld16_le(frame) == csr[12] &&
        ld16_le(frame + 2) == csr[13] && ld16_le(frame + 4) == csr[14];
}

static void put_frame(struct pcnet *d, const uint8_t *frame, uint32_t size)
{
    struct pcnet_state *s = &d->s;
    struct descriptor e;
    uint32_t done = 0;

    if (!load(d, s->rx_ring, s->rx_next, &e) || !(e.status & OWN)) {
        s->csr[0] |= CSR0_MISS;
        return;
    }
    while (done < size) {
        uint32_t chunk = MIN_OF(e.count, size - done);
        struct descriptor next;
        bool more;

        pci_dma_write(&d->pci, e.address, frame + done, chunk);
        e.status = done == 0 ? FIRST : 0;
        done += chunk;
        s->rx_next = after(s->rx_next, s->rx_count);
        more = done < size && load(d, s->rx_ring, s->rx_next, &next) && next.status & OWN;
        if (done == size) {
            e.status |= LAST;
        } else if (!more) {
            e.status |= LAST | ERROR | BUFFER;
        }
        store(d, &e, true, (uint16_t)size);
        if (!more) {
            break;
        }
        e = next;
    }
    s->csr[0] |= CSR0_RINT;
}

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    static uint8_t copy[MAX_FRAME + 4];
    struct pcnet *d = opaque;

    if (!receiving(d) || size < 14 || size > MAX_FRAME - 4 || !accepts(d, frame)) {
        return;
    }
    memcpy(copy, frame, size);
    if (size < ETHERNET_MIN) {
        memset(copy + size, 0, ETHERNET_MIN - size);
        size = ETHERNET_MIN;
    }
    st32_le(copy + size, ethernet_crc(copy, size));
    put_frame(d, copy, (uint32_t)size + 4);
    update_irq(d);
}

/* --- sending --------------------------------------------------------------------------------- */

static void send_packet(struct pcnet *d)
{
    struct pcnet_state *s = &d->s;

    trace(pcnet_send, "%u bytes", s->packet_size);
    if (s->csr[15] & MODE_LOOP) {
        receive(d, s->packet, s->packet_size);
    } else {
        net_send(d->nic.port, s->packet, s->packet_size);
    }
}

static bool send_descriptor(struct pcnet *d)
{
    struct pcnet_state *s = &d->s;
    struct descriptor e;
    uint32_t chunk;

    if (!load(d, s->tx_ring, s->tx_next, &e) || !(e.status & OWN)) {
        return false;
    }
    if (e.status & FIRST) {
        s->packet_size = 0;
        s->packet_open = 1;
    }
    if (s->packet_open) {
        chunk = MIN_OF(e.count, (uint32_t)MAX_FRAME - s->packet_size);
        pci_dma_read(&d->pci, e.address, s->packet + s->packet_size, chunk);
        s->packet_size = (uint16_t)(s->packet_size + chunk);
    }
    if (e.status & LAST && s->packet_open) {
        send_packet(d);
        s->packet_open = 0;
        s->csr[0] |= CSR0_TINT;
    }
    e.status &= (uint8_t)~OWN;
    store(d, &e, false, 0);
    s->tx_next = after(s->tx_next, s->tx_count);
    return true;
}

static void transmit(struct pcnet *d)
{
    if (!(d->s.csr[0] & CSR0_TXON) || !d->s.tx_count || d->transmitting) {
        return;
    }
    d->transmitting = true;
    for (unsigned n = 0; n < 1024 && send_descriptor(d); n++) {
    }
    d->transmitting = false;
    update_irq(d);
}

/* --- control --------------------------------------------------------------------------------- */

static void load_init_block(struct pcnet *d)
{
    struct pcnet_state *s = &d->s;
    uint32_t at = s->csr[1] | (uint32_t)s->csr[2] << 16;
    bool wide = s->bcr[BCR_STYLE] & STYLE_32;
    uint8_t b[28];
    unsigned rx_log, tx_log;

    pci_dma_read(&d->pci, wide ? at : at & 0xffffff, b, wide ? 28 : 24);
    s->csr[15] = ld16_le(b);
    for (int i = 0; i < 3; i++) {
        s->csr[12 + i] = ld16_le(b + (wide ? 4 : 2) + 2 * i);
    }
    for (int i = 0; i < 4; i++) {
        s->csr[8 + i] = ld16_le(b + (wide ? 12 : 8) + 2 * i);
    }
    if (wide) {
        rx_log = MIN_OF(b[2] >> 4, 9);
        tx_log = MIN_OF(b[3] >> 4, 9);
        s->rx_ring = ld32_le(b + 20);
        s->tx_ring = ld32_le(b + 24);
    } else {
        rx_log = b[19] >> 5;
        tx_log = b[23] >> 5;
        s->rx_ring = ld32_le(b + 16) & 0xffffff;
        s->tx_ring = ld32_le(b + 20) & 0xffffff;
    }
    s->rx_count = (uint16_t)(1 << rx_log);
    s->tx_count = (uint16_t)(1 << tx_log);
    s->csr[76] = (uint16_t)-s->rx_count;
    s->csr[78] = (uint16_t)-s->tx_count;
    s->csr[24] = (uint16_t)s->rx_ring;
    s->csr[25] = (uint16_t)(s->rx_ring >> 16);
    s->csr[30] = (uint16_t)s->tx_ring;
    s->csr[31] = (uint16_t)(s->tx_ring >> 16);
    s->rx_next = s->tx_next = 0;
    s->packet_open = 0;
    s->csr[0] |= CSR0_IDON;
}

static void stop(struct pcnet *d)
{
    d->s.csr[0] = CSR0_STOP;
    d->s.csr[4] &= 0xfdb9;
    d->s.packet_open = 0;
}

static void start(struct pcnet *d)
{
    uint16_t *csr = d->s.csr;

    csr[0] &= (uint16_t)~CSR0_STOP;
    csr[0] |= CSR0_START | (csr[15] & MODE_NO_TX ? 0 : CSR0_TXON) |
              (csr[15] & MODE_NO_RX ? 0 : CSR0_RXON);
}

static void write_csr0(struct pcnet *d, uint16_t value)
{
    uint16_t *csr = d->s.csr;

    csr[0] &= (uint16_t)~(value & CSR0_CAUSES);
    csr[0] = (uint16_t)bits_merge(csr[0], value, CSR0_ENABLE);
    if (value & CSR0_STOP) {
        stop(d);
    } else {
        if (value & CSR0_INIT && !(csr[0] & CSR0_INIT)) {
            csr[0] = (uint16_t)((csr[0] & ~CSR0_STOP) | CSR0_INIT);
            load_init_block(d);
        }
        if (value & CSR0_START && !(csr[0] & CSR0_START)) {
            start(d);
        }
        if (value & (CSR0_DEMAND | CSR0_START)) {
            transmit(d);
        }
    }
    update_irq(d);
    net_flush(d->nic.port);
}

static void write_csr(struct pcnet *d, unsigned reg, uint16_t value)
{
    struct pcnet_state *s = &d->s;
    bool stopped = s->csr[0] & CSR0_STOP;

    switch (reg) {
    case 0:
        write_csr0(d, value);
        break;
    case 3:
        s->csr[3] = value;
        update_irq(d);
        break;
    case 4:
        s->csr[4] = (uint16_t)((value & ~0x026a) | (s->csr[4] & ~value & 0x026a));
        break;
    case 5:
        s->csr[5] = (uint16_t)((value & ~0x0a90) | (s->csr[5] & ~value & 0x0a90));
        break;
    case 58:
        s->bcr[BCR_STYLE] = (uint16_t)((value & 0xff) | (value & 0xff ? STYLE_32 : 0));
        s->csr[58] = s->bcr[BCR_STYLE];
        break;
    case 88: case 89: case 112: case 114:
        break;
    case 76: case 78:
        if (stopped && value) {
            s->csr[reg] = value;
            *(reg == 76 ? &s->rx_count : &s->tx_count) = (uint16_t)-value;
        }
        break;
    default:
        if (reg < CSRS && (stopped || reg >= 64)) {
            s->csr[reg] = value;
        }
        if (stopped && (reg == 24 || reg == 25)) {
            s->rx_ring = s->csr[24] | (uint32_t)s->csr[25] << 16;
        } else if (stopped && (reg == 30 || reg == 31)) {
            s->tx_ring = s->csr[30] | (uint32_t)s->csr[31] << 16;
        }
    }
}

static uint16_t read_bcr(struct pcnet *d, unsigned reg)
{
    uint16_t value = reg < BCRS ? d->s.bcr[reg] : 0;

    if (reg >= BCR_LED0 && reg <= BCR_LED3) {
        bool lit = value & LED_LINK && net_link(d->nic.port);
        value = (uint16_t)((value & ~LED_ON) | (lit ? LED_ON : 0));
    }
    return value;
}

static void write_bcr(struct pcnet *d, unsigned reg, uint16_t value)
{
    if (reg == BCR_STYLE) {
        write_csr(d, 58, value);
    } else if (reg == 2 || (reg >= BCR_LED0 && reg <= 9) || (reg >= 16 && reg <= 19) ||
               reg == 21 || reg == 22) {
        d->s.bcr[reg] = value;
    }
}

/* S_RESET: all but the BCRs that describe the board. */
static void software_reset(struct pcnet *d)
{
    static const struct { uint8_t reg; uint16_t value; } csrs[] = {
        { 0, CSR0_STOP }, { 4, 0x0115 }, { 80, 0x1410 }, { 88, 0x1003 }, { 89, 0x0262 },
        { 94, 0 }, { 100, 0x0200 }, { 103, 0x0105 },
    };
    struct pcnet_state *s = &d->s;

    memset(s->csr, 0, sizeof(s->csr));
    for (size_t i = 0; i < ARRAY_LEN(csrs); i++) {
        s->csr[csrs[i].reg] = csrs[i].value;
    }
    for (int i = 0; i < 3; i++) {
        s->csr[12 + i] = ld16_le(s->prom + 2 * i);
    }
    s->bcr[BCR_BUS] &= (uint16_t)~BUS_DWORD;
    s->bcr[BCR_STYLE] = 0;
    s->rap = 0;
    s->rx_count = s->tx_count = 0;
    s->packet_open = 0;
    update_irq(d);
}

/* --- ports ----------------------------------------------------------------------------------- */

enum port { PORT_RDP, PORT_RAP, PORT_RESET, PORT_BDP, PORT_NONE };

static enum port port_of(const struct pcnet *d, unsigned offset)
{
    unsigned n = offset - PROM_SIZE;

    n = d->s.bcr[BCR_BUS] & BUS_DWORD ? n / 4 : n / 2;
    return n < PORT_NONE ? (enum port)n : PORT_NONE;
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pcnet *d = opaque;
    struct pcnet_state *s = &d->s;

    if (offset < PROM_SIZE) {
        return ld_le(s->prom + offset, MIN_OF(size, PROM_SIZE - (unsigned)offset));
    }
    switch (port_of(d, (unsigned)offset)) {
    case PORT_RDP:
        return s->rap < CSRS ? s->csr[s->rap] : 0;
    case PORT_RAP:
        return s->rap;
    case PORT_RESET:
        software_reset(d);
        return 0;
    case PORT_BDP:
        return read_bcr(d, s->rap);
    default:
        return 0;
    }
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct pcnet *d = opaque;
    struct pcnet_state *s = &d->s;

    /* A dword to RDP before anything else switches to dword ports. */
    if (size == 4 && offset == PROM_SIZE && !(s->bcr[BCR_BUS] & BUS_DWORD)) {
        s->bcr[BCR_BUS] |= BUS_DWORD;
    }
    if (offset < PROM_SIZE) {
        return;
    }
    switch (port_of(d, (unsigned)offset)) {
    case PORT_RDP:
        write_csr(d, s->rap, (uint16_t)value);
        break;
    case PORT_RAP:
        s->rap = value & 0x7f;
        break;
    case PORT_BDP:
        write_bcr(d, s->rap, (uint16_t)value);
        break;
    default:
        break;
    }
}

static const struct mmio_ops port_ops = { port_read, port_write, .min = 1, .max = 4 };

/* --- the device ------------------------------------------------------------------------------ */

static void card_reset(struct device *dev)
{
    static const struct { uint8_t reg; uint16_t value; } bcrs[] = {
        { 0, 5 }, { 1, 5 }, { 2, 2 }, { 4, 0x00c0 }, { 5, 0x0084 }, { 6, 0x0088 }, { 7, 0x0090 },
        { 16, 0 }, { 17, 0 }, { 18, 0x9001 }, { 19, 2 }, { 21, 0 }, { 22, 0xff06 },
    };
    struct pcnet *d = (struct pcnet *)dev;
    struct pcnet_state *s = &d->s;
    unsigned sum = 0;

    memset(s, 0, sizeof(*s));
    for (size_t i = 0; i < ARRAY_LEN(bcrs); i++) {
        s->bcr[bcrs[i].reg] = bcrs[i].value;
    }
    memcpy(s->prom, d->nic.mac, NET_MAC_SIZE);
    s->prom[9] = 0x11;
    s->prom[14] = s->prom[15] = 'W';
    for (int i = 0; i < PROM_SIZE; i++) {
        sum += s->prom[i];
    }
    st16_le(s->prom + 12, (uint16_t)sum);
    software_reset(d);
    net_purge(d->nic.port);
}

static void card_reset_lines(struct device *dev)
{
    update_irq((struct pcnet *)dev);
}

static bool card_loaded(struct device *dev, struct error **err)
{
    struct pcnet *d = (struct pcnet *)dev;

    if (d->s.packet_size > MAX_FRAME || d->s.rap > 0x7f) {
        error_set(err, "pcnet: impossible packet");
        return false;
    }
    return true;
}

static bool card_init(struct device *dev, struct error **err)
{
    static const struct net_handlers handlers = { .can_receive = can_receive, .receive = receive };
    struct pcnet *d = (struct pcnet *)dev;

    pci_set_ids(&d->pci, 0x1022, 0x2000, 0x10, 0x020000);
    st16_le(d->pci.pci.config + PCI_STATUS, PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM);
    pci_set_interrupt_pin(&d->pci, 1);
    d->pci.pci.config[PCI_MIN_GNT] = 0x06;
    d->pci.pci.config[PCI_MAX_LAT] = 0xff;
    if (!net_nic_open(&d->nic, "pcnet", dev->id, &handlers, d, err)) {
        return false;
    }
    if (!nic_add_rom(&d->pci, "efi-pcnet.rom", err)) {
        net_nic_close(&d->nic);
        return false;
    }
    memory_region_init_mmio(&d->ports, "pcnet", PORTS, &port_ops, d);
    memory_region_init_mmio(&d->memory, "pcnet", PORTS, &port_ops, d);
    pci_add_bar(&d->pci, 0, PCI_BAR_IO, &d->ports);
    pci_add_bar(&d->pci, 1, PCI_BAR_MEMORY, &d->memory);
    return true;
}

static void card_exit(struct device *dev)
{
    struct pcnet *d = (struct pcnet *)dev;

    net_nic_close(&d->nic);
    memory_region_fini(&d->ports);
    memory_region_fini(&d->memory);
}

#define F(m) FIELD(pcnet_state, m)
FIELDS(pcnet_state) = {
    ARRAY(pcnet_state, csr), ARRAY(pcnet_state, bcr), F(rap), ARRAY(pcnet_state, prom),
    F(rx_ring), F(tx_ring), F(rx_count), F(tx_count), F(rx_next), F(tx_next), F(packet_size),
    F(packet_open), ARRAY(pcnet_state, packet), FIELDS_END
};
#undef F

static const struct property card_properties[] = { NET_NIC_PROPERTIES(pcnet, nic), { 0 } };

DEVICE(pcnet) = {
    .name = "pcnet", .desc = "AMD PCnet-PCI II network card", .bus = "pci",
    .size = sizeof(struct pcnet), .properties = card_properties,
    .init = card_init, .exit = card_exit, .reset = card_reset, .reset_lines = card_reset_lines,
    .loaded = card_loaded, .state = STATE(pcnet, s, pcnet_state, 1),
};
