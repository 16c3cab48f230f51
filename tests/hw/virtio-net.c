/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio network card: frames both ways, offloads, merged buffers, filters, noise. */
#include "tests/hw/virtio-bench.h"

#include "hw/net/offload.h"
#include "net/port.h"

#define F(n) VIRTIO_BIT(n)
#define F1 F(32)
enum { CSUM = 0, GUEST_CSUM = 1, TSO4 = 11, TSO6 = 12, MERGE = 15, STATUS = 16, CTRL = 17,
       MULTIQUEUE = 22, CTRL_RX = 18, CTRL_VLAN = 19, CTRL_MAC = 23 };
enum { BUFFERS = 0x10000, CONTROL = 0x9000 };

static struct net_port *wire;
static unsigned sent;
static uint8_t last[NET_FRAME_MAX];
static size_t last_size, total_size;
static bool all_right;
static struct ring rx, tx, ctrl;
static unsigned sent_by;             /* the card's queue of the last frame */

static void capture(void *opaque, const uint8_t *frame, size_t size)
{
    sent++;
    sent_by = wire->peer->queue;
    last_size = size;
    total_size += size;
    all_right &= offload_is_right(frame, size);
    memcpy(last, frame, size);
}

static void plug_card(unsigned queues)
{
    static const struct net_handlers handlers = { .receive = capture };
    struct device *dev = device_create("virtio-net-pci", NULL);

    wire = net_port_create("wire", NULL, &handlers, NULL, NULL);
    wire->queues = queues;
    device_set_pointer(dev, "netdev", wire);
    device_set(dev, "mq", "on", NULL);
    device_set(dev, "mac", "52:54:00:12:34:56", NULL);
    plug(dev);
}

static void start(uint64_t features)
{
    negotiate(F1 | features);
    rx = make_ring(0, 16, 0x1000, 0xffff);
    tx = make_ring(1, 16, 0x3000, 0xffff);
    ctrl = make_ring(2, 16, 0x5000, 0xffff);
    set(0x14, 15, 1);
}

/* --- sending --------------------------------------------------------------------------------- */

static void transmit(const uint8_t *header, const uint8_t *frame, uint32_t size)
{
    address_space_write(&bench.memory, BUFFERS, header, 12);
    address_space_write(&bench.memory, BUFFERS + 12, frame, size);
    put_desc(tx.desc, 0, BUFFERS, 12, NEXT, 1);
    put_desc(tx.desc, 1, BUFFERS + 12, size, 0, 0);
    offer(&tx, 0);
    sent = 0;
    total_size = 0;
    all_right = true;
    notify(&tx);
    reap(&tx);
}

/* A TCP frame with data and the sum of its pseudo header, as drivers make it. */
static uint32_t make_tcp(uint8_t *f, bool v6, uint32_t data)
{
    unsigned tcp = v6 ? 54 : 34;
    uint32_t sum = 6 + 20 + data, size = tcp + 20 + data;

    memset(f, 0, tcp + 20);
    memset(f, 0x52, 12);
    if (v6) {
        st16_be(f + 12, 0x86dd);
        f[14] = 0x60;
        st16_be(f + 18, (uint16_t)(20 + data));
        f[20] = 6;
        memset(f + 22, 0x20, 32);
        sum += 16 * 0x2020;
    } else {
        st16_be(f + 12, 0x0800);
        f[14] = 0x45;
        st16_be(f + 16, (uint16_t)(40 + data));
        f[23] = 6;
        memset(f + 26, 0x0a, 8);
        sum += 4 * 0x0a0a;
    }
    st32_be(f + tcp + 4, 1000);
    f[tcp + 12] = 0x50;
    f[tcp + 13] = 0x19;                          /* FIN, PSH, ACK */
    sum = (sum & 0xffff) + (sum >> 16);
    st16_be(f + tcp + 16, (uint16_t)((sum & 0xffff) + (sum >> 16)));
    for (uint32_t i = 0; i < data; i++) {
        f[tcp + 20 + i] = (uint8_t)(i * 13);
    }
    return size;
}

static void check_transmit(void)
{
    static uint8_t frame[9000];
    uint8_t header[12] = { 0 };
    uint32_t size;

    start(F(CSUM) | F(TSO4) | F(TSO6));
    memset(frame, 0xab, 60);
    transmit(header, frame, 60);
    ok(sent == 1 && last_size == 60 && memcmp(last, frame, 60) == 0, "a frame leaves");
    transmit(header, frame, 0);
    is_int(sent, 0, "none without a byte");

    size = make_tcp(frame, false, 101);
    header[0] = 1;
    st16_le(header + 6, 34);
    st16_le(header + 8, 16);
    transmit(header, frame, size);
    ok(sent == 1 && last_size == size && all_right, "with its checksum");
    st16_le(header + 6, 60000);
    transmit(header, frame, size);
    is_int(sent, 0, "not one outside of the frame");
    st16_le(header + 6, (uint16_t)(size - 1));
    transmit(header, frame, size);
    is_int(sent, 0, "nor half outside");

    size = make_tcp(frame, false, 5000);
    header[1] = 1;
    st16_le(header + 4, 1460);
    st16_le(header + 6, 34);
    transmit(header, frame, size);
    is_int(sent, 4, "a large segment is cut");
    is_int(total_size, 4 * 54 + 5000, "into the right sizes");
    ok(all_right, "with right sums");
    is_int(ld32_be(last + 38), 1000 + 3 * 1460, "the last one's sequence number");
    is_int(last[47], 0x19, "and flags");
    is_int(ld16_be(last + 18), 3, "identifications count");
    size = make_tcp(frame, true, 3000);
    header[1] = 4;
    st16_le(header + 6, 54);
    transmit(header, frame, size);
    ok(sent == 3 && all_right && total_size == 3 * 74 + 3000, "IPv6 as well");
    is_int(ld16_be(last + 18), 20 + 80, "with its length");
    st16_le(header + 4, 0);
    transmit(header, frame, size);
    is_int(sent, 0, "segments of no length");
    st16_le(header + 4, 1460);
    header[1] = 3;
    transmit(header, frame, size);
    is_int(sent, 0, "UDP segments were not offered");
    header[1] = 1;
    frame[66] = 0xf0;
    transmit(header, frame, 70);
    is_int(sent, 0, "a TCP header longer than the frame");
}

/* --- receiving ------------------------------------------------------------------------------- */

static void give_buffer(unsigned i, uint32_t size)
{
    put_desc(rx.desc, i, BUFFERS + 0x800 * i, size, WRITE, 0);
    offer(&rx, (uint16_t)i);
}

static void check_receive(void)
{
    static uint8_t frame[4000];
    uint32_t size = make_tcp(frame, false, 3000);

    memset(frame, 0xff, 6);
    start(F(MERGE) | F(GUEST_CSUM));
    is_int(peek(rx.used, 2), 0, "the driver shall notify");
    net_send(wire, frame, 60);
    is_int(reap(&rx), -1, "no frame without buffers");
    give_buffer(0, 1024);
    notify(&rx);
    is_int(reap(&rx), 72, "it comes with one");
    is_int(peek(BUFFERS + 10, 2), 1, "in one buffer");
    ok(memcmp((uint8_t *)memory_region_host(&bench.ram) + BUFFERS + 12, frame, 60) == 0, "whole");
    is_int(peek(BUFFERS, 1), 0, "nothing is said of its sum");
    for (unsigned i = 0; i < 2; i++) {
        give_buffer(i, 1024);
    }
    notify(&rx);
    is_dirty(BUFFERS);
    net_send(wire, frame, size);
    is_int(reap(&rx), -1, "two buffers are too few for a long frame");
    give_buffer(2, 1024);
    notify(&rx);
    is_int(reap(&rx), 1024, "it takes three");
    is_int(peek(BUFFERS + 10, 2), 3, "as the header says");
    ok(is_dirty(BUFFERS), "memory is dirty");
    ok(reap(&rx) == 1024 && reap(&rx) == 12 + (int64_t)size - 2048, "all used");

    offload_checksum(frame, size, 34, 16);
    for (unsigned i = 0; i < 4; i++) {
        give_buffer(i, 1024);
    }
    net_send(wire, frame, size);
    is_int(peek(BUFFERS, 1), 2, "a right checksum is reported");
    start(0);
    give_buffer(0, 100);
    net_send(wire, frame, size);
    is_int(reap(&rx), -1, "without merging a long frame is lost");
    net_send(wire, frame, 80);
    is_int(reap(&rx), 92, "a short one is not");
    give_buffer(0, 4);
    net_send(wire, frame, 80);
    ok(get(0x14, 1) & 0x40, "a buffer of 4 bytes breaks the card");
}

/* --- control --------------------------------------------------------------------------------- */

static int control(uint8_t class, uint8_t command, const void *data, uint32_t size)
{
    poke(CONTROL, class, 1);
    poke(CONTROL + 1, command, 1);
    address_space_write(&bench.memory, CONTROL + 2, data, size);
    poke(CONTROL + 0x800, 0x55, 1);
    put_desc(ctrl.desc, 0, CONTROL, 2, NEXT, 1);
    put_desc(ctrl.desc, 1, CONTROL + 2, size, NEXT, 2);
    put_desc(ctrl.desc, 2, CONTROL + 0x800, 1, WRITE, 0);
    offer(&ctrl, 0);
    notify(&ctrl);
    return reap(&ctrl) < 0 ? -1 : (int)peek(CONTROL + 0x800, 1);
}

/* Whether a frame to this address arrives. */
static bool arrives(uint8_t first, uint8_t last_byte, unsigned vlan)
{
    uint8_t frame[60] = { first, 0x54, 0, 0x12, 0x34, last_byte };

    if (vlan) {
        st16_be(frame + 12, 0x8100);
        st16_be(frame + 14, (uint16_t)vlan);
    }
    give_buffer(0, 1024);
    net_send(wire, frame, sizeof(frame));
    if (reap(&rx) >= 0) {
        return true;
    }
    rx.index--;                                   /* take the buffer back */
    poke(rx.avail + 2, rx.index, 2);
    return false;
}

static void check_filter(void)
{
    uint8_t tables[20] = { 1, 0, 0, 0, 0x52, 0x54, 0, 0x12, 0x34, 0x77, 1, 0, 0, 0,
                           0x53, 0x54, 0, 0x12, 0x34, 0x88 };
    uint8_t on = 1, off = 0, vlan[2] = { 5, 0 }, mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x99 };

    start(F(CTRL) | F(CTRL_RX) | F(CTRL_VLAN) | F(CTRL_MAC));
    ok(arrives(0x52, 0x11, 0), "at first everything arrives");
    is_int(control(0, 0, &off, 1), 0, "promiscuous off");
    ok(!arrives(0x52, 0x11, 0) && arrives(0x52, 0x56, 0), "then only its own address");
    ok(!arrives(0x53, 0x88, 0), "and no multicast");
    is_int(control(1, 0, tables, sizeof(tables)), 0, "tables of addresses");
    ok(arrives(0x52, 0x77, 0) && arrives(0x53, 0x88, 0) && !arrives(0x53, 0x77, 0), "are obeyed");
    is_int(control(0, 1, &on, 1), 0, "all multicast");
    ok(arrives(0x53, 0x77, 0), "arrives");
    ok(!arrives(0x52, 0x56, 5), "a VLAN that was not asked for");
    is_int(control(2, 0, vlan, 2), 0, "it is added");
    ok(arrives(0x52, 0x56, 5), "and arrives");
    is_int(control(2, 1, vlan, 2), 0, "and deleted");
    ok(!arrives(0x52, 0x56, 5), "no more");
    is_int(control(1, 1, mac, 6), 0, "another address");
    ok(arrives(0x52, 0x99, 0) && !arrives(0x52, 0x56, 0), "is the card's now");
    is_int(get(0x2000, 4) >> 16 | get(0x2004, 2) << 16, 0x99341200, "as the configuration says");
    st32_le(tables, 1000);
    is_int(control(1, 0, tables, sizeof(tables)), 1, "a table that is not there");
    is_int(control(2, 0, tables, 1), 1, "half a VLAN");
    is_int(control(9, 0, tables, 1), 1, "an unknown class");
    is_int(control(0, 99, &on, 1), 1, "an unknown mode");
    check_state();
    map_device();
    ok(arrives(0x52, 0x99, 0) && !arrives(0x52, 0x56, 0), "the filter is saved");
}

static void check_link(void)
{
    start(F(STATUS));
    is_int(get(0x2006, 2), 1, "the cable is in");
    get(0x1000, 1);
    ok(net_set_link(wire->name, false, NULL), "it is pulled out");
    is_int(get(0x2006, 2), 0, "the driver sees it");
    is_int(get(0x1000, 1), 2, "and is told");
    net_set_link(wire->name, true, NULL);
    is_int(get(0x2006, 2), 1, "and back");
}

/* --- several pairs --------------------------------------------------------------------------- */

static struct ring rx1;

static void start_pairs(void)
{
    negotiate(F1 | F(CTRL) | F(MULTIQUEUE));
    rx = make_ring(0, 16, 0x1000, 0xffff);
    tx = make_ring(3, 16, 0x3000, 0xffff);
    ctrl = make_ring(6, 16, 0x5000, 0xffff);
    rx1 = make_ring(2, 16, 0x7000, 0xffff);
    set(0x14, 15, 1);
    for (unsigned i = 0; i < 8; i++) {
        put_desc(rx.desc, i, 0x20000 + 0x800 * i, 2048, WRITE, 0);
        put_desc(rx1.desc, i, 0x28000 + 0x800 * i, 2048, WRITE, 0);
        offer(&rx, (uint16_t)i);
        offer(&rx1, (uint16_t)i);
    }
}

static int pairs(uint16_t count)
{
    return control(4, 0, &count, 2);
}

/* A flow's frame and the answer to it. */
static void make_flow(uint8_t *frame, uint8_t *answer, uint16_t port)
{
    make_tcp(frame, false, 10);
    st16_be(frame + 34, port);
    st16_be(frame + 36, 80);
    memcpy(frame + 30, "\x0b\x0c\x0d\x0e", 4);
    memcpy(answer, frame, 64);
    memcpy(answer + 26, frame + 30, 4);
    memcpy(answer + 30, frame + 26, 4);
    st16_be(answer + 34, 80);
    st16_be(answer + 36, port);
}

static void check_pairs(void)
{
    uint8_t header[12] = { 0 }, frame[64], answer[64], other[64];

    start(F(CTRL));
    is_int(get(0x12, 2), 7, "three pairs and the control queue");
    is_int(get(0x2008, 2), 3, "as the configuration says");
    is_int(pairs(2), 1, "a driver that knows one pair cannot ask for two");
    is_int(control(0, 0, "", 1), 0, "but its control queue is behind that pair");
    start_pairs();
    make_flow(frame, answer, 1000);
    transmit(header, frame, 64);
    ok(sent == 1 && sent_by == 1, "a frame leaves by the second queue of the wire");
    net_send(wire, answer, 64);
    is_int(reap(&rx), 76, "the answer comes to the first pair");
    is_int(pairs(0), 1, "no pair");
    is_int(pairs(4), 1, "and four are refused");
    is_int(pairs(2), 0, "two are taken");
    net_send(wire, answer, 64);
    is_int(reap(&rx1), 76, "now it comes to the pair that sent the frame");
    make_flow(other, frame, 2001);
    net_send(wire, other, 64);
    is_int(reap(&rx), 76, "a flow that is not known to the first");
    memset(other, 0xff, 60);
    net_send(wire, other, 60);
    is_int(reap(&rx), 72, "as what is no flow");
    is_int(reap(&rx1), -1, "and nothing else came");
    check_state();
    map_device();
    net_send(wire, answer, 64);
    ok(reap(&rx) == 76 || reap(&rx1) == 76, "a card that was saved goes on");
}

static void noise(void)
{
    static uint8_t frame[NET_FRAME_MAX];

    if (dice() % 4 == 0) {
        frame[dice() % 64] = (uint8_t)dice();
        net_send(wire, frame, dice() % 8 ? 14 + dice() % 1500 : dice() % NET_FRAME_MAX);
    }
}

int main(void)
{
    machine_start();
    plug_card(1);
    check_transmit();
    check_receive();
    check_filter();
    check_link();
    fuzz(3, 300, 5, noise);
    unplug();
    net_port_destroy(wire);
    plug_card(3);
    check_pairs();
    fuzz(4, 200, 5, noise);
    unplug();
    net_port_destroy(wire);
    return tap_done();
}
