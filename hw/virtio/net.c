/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network card (Virtio 1.1, 5.1): pairs of queues and a control queue. What drivers leave to the
 * card (checksums, cutting large segments) is done here, so that it is offered with any back-end.
 */
#include <glib.h>
#include <string.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/net/nic.h"
#include "hw/net/offload.h"
#include "hw/virtio/net-filter.h"
#include "hw/virtio/net-steer.h"
#include "hw/virtio/virtio-pci.h"

/* Features (5.1.3). */
enum { F_CSUM = 0, F_GUEST_CSUM = 1, F_MAC = 5, F_HOST_TSO4 = 11, F_HOST_TSO6 = 12, F_HOST_ECN = 13,
       F_MERGE = 15, F_STATUS = 16, F_CTRL = 17, F_CTRL_RX = 18, F_CTRL_VLAN = 19,
       F_CTRL_RX_EXTRA = 20, F_MULTIQUEUE = 22, F_CTRL_MAC = 23 };
/* Of a pair; and the control queue behind one pair, for drivers that know no more. */
enum { RX, TX, PAIR, CTRL = PAIR };
/* With the control queue they must fit. */
enum { PAIRS_MAX = (VIRTIO_QUEUES - 1) / PAIR };
enum { CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_PAIRS = 8, CONFIG_SIZE = 12, STATUS_LINK = 1 };
/* In front of each frame (5.1.6). */
enum { HEADER_SIZE = 12, HEADER_SIZE_OLD = 10, HEADER_FLAGS = 0, HEADER_GSO = 1,
       HEADER_GSO_SIZE = 4, HEADER_START = 6, HEADER_OFFSET = 8, HEADER_BUFFERS = 10,
       FLAG_NEEDS_SUM = 1, FLAG_VALID = 2, GSO_NONE = 0, GSO_TCP4 = 1, GSO_TCP6 = 4,
       GSO_ECN = 0x80 };
enum { CLASS_RX = 0, CLASS_MAC = 1, CLASS_VLAN = 2, CLASS_PAIRS = 4, PAIRS_SET = 0,
       MAC_TABLES = 0, MAC_ADDRESS = 1, VLAN_ADD = 0, VLAN_DELETE = 1, CTRL_OK = 0, CTRL_ERROR = 1,
       CTRL_MAX = 16384 };

struct virtio_net_state {
    struct virtio_pci_state transport;
    struct net_filter filter;
    uint16_t pairs;                  /* in use */
};
FIELDS(virtio_net_state) = {
    NESTED(virtio_net_state, transport, virtio_pci_state),
    NESTED(virtio_net_state, filter, net_filter), FIELD_SINCE(virtio_net_state, pairs, 2),
    FIELDS_END
};

struct virtio_net {
    struct virtio_pci t;
    struct net_nic nic;
    bool csum, guest_csum, tso4, tso6, ecn, merge, status, ctrl, ctrl_rx, ctrl_rx_extra, ctrl_vlan,
        ctrl_mac, mq;                /* properties: offered features */
    uint32_t rx_size, tx_size;
    unsigned pairs;                  /* as many as the back-end has queues, with mq=on */
    struct net_steer steer;
    uint8_t frame[HEADER_SIZE + NET_FRAME_MAX];     /* on its way out */
    uint8_t held[NET_FRAME_MAX];     /* came when the driver had too few buffers for it */
    size_t held_size;
    struct virtq *held_for;
    struct virtq_chain tx, rx;
    struct virtio_net_state s;
};

static struct virtio_net *of(struct virtio *v)
{
    return container_of(v, struct virtio_net, t.v);
}

static unsigned header_size(const struct virtio *v)
{
    return virtio_has(v, VIRTIO_F_VERSION_1) || virtio_has(v, F_MERGE) ? HEADER_SIZE
                                                                       : HEADER_SIZE_OLD;
}

/* The pair of a receive or transmit queue. */
static unsigned pair_of(const struct virtq *q)
{
    return (unsigned)(q - q->v->queues) / PAIR;
}

/* --- sending --------------------------------------------------------------------------------- */

static void send_one(void *opaque, const uint8_t *frame, size_t size)
{
    net_send(((struct virtio_net *)opaque)->nic.port, frame, size);
}

static bool is_segmented(uint8_t gso)
{
    gso &= (uint8_t)~GSO_ECN;
    return gso == GSO_TCP4 || gso == GSO_TCP6;
}

static void send_frame(struct virtio_net *n, const uint8_t *header, uint8_t *frame, size_t size)
{
    struct net_port *port = n->nic.port;
    uint16_t start = ld16_le(header + HEADER_START), offset = ld16_le(header + HEADER_OFFSET);
    bool good = true;

    if (header[HEADER_GSO] != GSO_NONE && !is_segmented(header[HEADER_GSO])) {
        good = false;
    } else if (header[HEADER_GSO] != GSO_NONE && !net_takes_segments(port)) {
        good = offload_segment(frame, size, start, ld16_le(header + HEADER_GSO_SIZE), send_one, n);
    } else if (!(header[HEADER_FLAGS] & FLAG_NEEDS_SUM) ||
               offload_checksum(frame, size, start, offset)) {
        net_send(port, frame, size);
    } else {
        good = false;
    }
    if (!good) {
        log_guest_error("virtio-net: a frame of %zu bytes with impossible offloads", size);
    }
}

static enum virtq_result serve_tx(struct virtq *q)
{
    struct virtio_net *n = of(q->v);
    struct virtq_chain *c = &n->tx;
    unsigned header = header_size(q->v);
    size_t size;

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    size = iov_get(c->iov, c->out_count, 0, n->frame, sizeof(n->frame));
    trace(virtio_net_send, "%zu bytes", size);
    if (size > header && c->out_size <= sizeof(n->frame)) {
        net_set_queue(n->nic.port, pair_of(q));
        net_steer_sent(&n->steer, n->frame + header, size - header, pair_of(q));
        send_frame(n, n->frame, n->frame + header, size - header);
    }
    virtq_push(q, c, 0);
    return VIRTQ_DONE;
}

/* --- receiving ------------------------------------------------------------------------------- */

static struct virtq *rx_queue(struct virtio_net *n, unsigned pair)
{
    return &n->t.v.queues[pair * PAIR + RX];
}

/* Where a frame goes. */
static struct virtq *choose_queue(struct virtio_net *n, const uint8_t *frame, size_t size)
{
    unsigned pair = n->s.pairs > 1 ? net_steer_pair(&n->steer, frame, size) : 0;

    return rx_queue(n, pair < n->s.pairs ? pair : 0);
}

/* Whether there are buffers; without any, the driver shall tell of new ones. */
static bool has_buffers(struct virtq *q)
{
    if (!virtq_is_empty(q)) {
        return true;
    }
    virtq_want_notify(q, true);
    return !virtq_is_empty(q);
}

static bool is_running(const struct virtio_net *n)
{
    return n->s.transport.core.status & VIRTIO_DRIVER_OK && !n->s.transport.core.broken;
}

/* In every queue: which one is needed is known when the frame is. */
static bool all_have_buffers(struct virtio_net *n)
{
    bool fine = true;

    for (unsigned i = 0; i < n->s.pairs; i++) {
        fine &= has_buffers(rx_queue(n, i));
    }
    return fine;
}

static bool can_receive(void *opaque, size_t size)
{
    struct virtio_net *n = opaque;

    /* A card that is not in use takes frames, and drops them. */
    return !is_running(n) || (!n->held_size && all_have_buffers(n));
}

/* Puts header and frame into as many buffers as it takes. False: there are too few. */
static bool store(struct virtq *q, uint8_t *header, const uint8_t *frame, size_t size)
{
    struct virtio_net *n = of(q->v);
    struct virtq_chain *c = &n->rx;
    unsigned length = header_size(&n->t.v), count = 0;
    uint16_t position = virtq_position(q);
    uint8_t *buffers = NULL;
    size_t done = 0;

    do {
        size_t at = count ? 0 : length, part;

        if (!virtq_pop(q, c)) {
            virtq_rewind(q, position);
            return false;
        }
        if (!count) {
            if (c->in_size < length || !c->in_count || c->in[0].iov_len < length) {
                virtio_break(&n->t.v, "a buffer too small for the header");
                return true;
            }
            memcpy(c->in[0].iov_base, header, length);
            buffers = (uint8_t *)c->in[0].iov_base + HEADER_BUFFERS;
        }
        part = iov_put(c->in, c->in_count, at, frame + done, size - done);
        done += part;
        if (done < size && (!virtio_has(&n->t.v, F_MERGE) || !part)) {
            virtq_rewind(q, position);
            log_guest_error("virtio-net: no buffer for a frame of %zu bytes", size);
            return true;
        }
        virtq_note_written(c->in, c->ram + c->out_count, c->in_count, at + part);
        virtq_fill(q, c->head, at + part, count++);
    } while (done < size);
    if (length == HEADER_SIZE) {
        st16_le(buffers, (uint16_t)count);
    }
    virtq_publish(q, count);
    return true;
}

static bool deliver(struct virtq *q, const uint8_t *frame, size_t size)
{
    uint8_t header[HEADER_SIZE] = { 0 };

    if (virtio_has(q->v, F_GUEST_CSUM) && offload_is_right(frame, size)) {
        header[HEADER_FLAGS] = FLAG_VALID;
    }
    if (!store(q, header, frame, size)) {
        return false;
    }
    trace(virtio_net_receive, "%zu bytes", size);
    virtq_signal(q);
    return true;
}

static void receive(void *opaque, const uint8_t *frame, size_t size)
{
    struct virtio_net *n = opaque;
    struct virtq *q = choose_queue(n, frame, size);

    if (!is_running(n) || !virtq_ready(q) ||
        !net_filter_accepts(&n->s.filter, frame, size)) {
        return;
    }
    if (!deliver(q, frame, size) && is_running(n)) {
        memcpy(n->held, frame, size);
        n->held_size = size;
        n->held_for = q;
        virtq_kick(q);
    }
}

/* The driver added buffers. */
static enum virtq_result serve_rx(struct virtq *q)
{
    struct virtio_net *n = of(q->v);

    if (n->held_size && n->held_for == q) {
        if (!deliver(q, n->held, n->held_size)) {
            return VIRTQ_NOTIFY;
        }
        n->held_size = 0;
    }
    net_flush(n->nic.port);
    return n->held_size && n->held_for == q ? VIRTQ_NOTIFY : VIRTQ_WAIT;
}

/* --- control queue --------------------------------------------------------------------------- */

static void set_mac(struct virtio_net *n, const uint8_t *mac)
{
    memcpy(n->s.filter.mac, mac, NET_MAC_SIZE);
    memcpy(n->nic.mac, mac, NET_MAC_SIZE);
    net_nic_describe(&n->nic);
}

static bool mac_command(struct virtio_net *n, uint8_t command, const uint8_t *data, size_t size)
{
    if (command == MAC_ADDRESS && size == NET_MAC_SIZE) {
        set_mac(n, data);
        return true;
    }
    return command == MAC_TABLES && net_filter_set_tables(&n->s.filter, data, size);
}

static bool set_pairs(struct virtio_net *n, const uint8_t *data, size_t size)
{
    uint16_t pairs = size == 2 ? ld16_le(data) : 0;

    if (!virtio_has(&n->t.v, F_MULTIQUEUE) || !pairs || pairs > n->pairs) {
        return false;
    }
    n->s.pairs = pairs;
    net_flush(n->nic.port);
    return true;
}

static bool control(struct virtio_net *n, const uint8_t *data, size_t size)
{
    uint8_t class = data[0], command = data[1];

    data += 2;
    size -= 2;
    switch (class) {
    case CLASS_RX: return size && net_filter_set_mode(&n->s.filter, command, data[0]);
    case CLASS_MAC: return mac_command(n, command, data, size);
    case CLASS_PAIRS: return command == PAIRS_SET && set_pairs(n, data, size);
    case CLASS_VLAN:
        return size == 2 && command <= VLAN_DELETE &&
               net_filter_set_vlan(&n->s.filter, ld16_le(data), command == VLAN_ADD);
    default: return false;
    }
}

static enum virtq_result serve_ctrl(struct virtq *q)
{
    struct virtio_net *n = of(q->v);
    struct virtq_chain *c = &n->tx;
    uint8_t data[CTRL_MAX], answer = CTRL_ERROR;
    size_t size;

    if (!virtq_pop(q, c)) {
        return VIRTQ_EMPTY;
    }
    size = iov_get(c->iov, c->out_count, 0, data, sizeof(data));
    if (size < 2 || !c->in_size) {
        virtio_break(&n->t.v, "a control command without command or answer");
        return VIRTQ_EMPTY;
    }
    if (control(n, data, size)) {
        answer = CTRL_OK;
    }
    virtq_push(q, c, iov_put(c->in, c->in_count, 0, &answer, 1));
    return VIRTQ_DONE;
}

/* Where the control queue is depends on what the driver knows. */
static enum virtq_result serve(struct virtq *q)
{
    unsigned i = (unsigned)(q - q->v->queues);

    if (i == (virtio_has(q->v, F_MULTIQUEUE) ? of(q->v)->pairs * PAIR : CTRL)) {
        return serve_ctrl(q);
    }
    return i % PAIR == RX ? serve_rx(q) : serve_tx(q);
}

/* --- configuration --------------------------------------------------------------------------- */

static void get_config(struct virtio *v, uint8_t *config)
{
    const struct virtio_net *n = of(v);

    memcpy(config + CONFIG_MAC, n->s.filter.mac, NET_MAC_SIZE);
    st16_le(config + CONFIG_STATUS, net_link(n->nic.port) ? STATUS_LINK : 0);
    st16_le(config + CONFIG_PAIRS, (uint16_t)n->pairs);
}

/* Old drivers write the address byte by byte. */
static void set_config(struct virtio *v, unsigned offset, const uint8_t *data, unsigned size)
{
    struct virtio_net *n = of(v);
    uint8_t mac[NET_MAC_SIZE];

    if (virtio_has(v, VIRTIO_F_VERSION_1) || virtio_has(v, F_CTRL_MAC) || offset >= NET_MAC_SIZE) {
        return;
    }
    memcpy(mac, n->s.filter.mac, NET_MAC_SIZE);
    memcpy(mac + offset, data, MIN_OF(size, NET_MAC_SIZE - offset));
    set_mac(n, mac);
}

static void status_changed(struct virtio *v, uint8_t old)
{
    struct virtio_net *n = of(v);

    if (v->s->status & ~old & VIRTIO_DRIVER_OK) {
        if (virtio_has(v, F_CTRL_VLAN)) {
            memset(n->s.filter.vlans, 0, sizeof(n->s.filter.vlans));
        }
        net_flush(n->nic.port);
    }
}

static void driver_reset(struct virtio *v)
{
    struct virtio_net *n = of(v);

    n->held_size = 0;
    n->s.pairs = 1;
    memset(&n->steer, 0, sizeof(n->steer));
    net_filter_reset(&n->s.filter, n->nic.mac);
    net_purge(n->nic.port);
}

static void link_changed(void *opaque)
{
    struct virtio_net *n = opaque;

    if (virtio_has(&n->t.v, F_STATUS)) {
        virtio_config_changed(&n->t.v);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static void offer_features(struct virtio_net *n)
{
    const struct { bool on; uint8_t bit; } offers[] = {
        { n->csum, F_CSUM }, { n->guest_csum, F_GUEST_CSUM }, { true, F_MAC },
        { n->tso4 && n->csum, F_HOST_TSO4 }, { n->tso6 && n->csum, F_HOST_TSO6 },
        { n->ecn && n->tso4 && n->csum, F_HOST_ECN }, { n->merge, F_MERGE },
        { n->status, F_STATUS },
        { n->ctrl, F_CTRL }, { n->ctrl && n->ctrl_rx, F_CTRL_RX },
        { n->ctrl && n->ctrl_rx_extra, F_CTRL_RX_EXTRA }, { n->ctrl && n->ctrl_vlan, F_CTRL_VLAN },
        { n->ctrl && n->ctrl_mac, F_CTRL_MAC }, { n->pairs > 1, F_MULTIQUEUE },
    };

    for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
        n->t.v.features |= offers[i].on ? VIRTIO_BIT(offers[i].bit) : 0;
    }
}

static bool check_sizes(const struct virtio_net *n, struct error **err)
{
    if (!bits_is_power_of_two(n->rx_size) || n->rx_size < 256 || n->rx_size > VIRTIO_QUEUE_MAX ||
        !bits_is_power_of_two(n->tx_size) || n->tx_size < 256 || n->tx_size > VIRTIO_QUEUE_MAX) {
        error_set(err, "virtio-net: queue sizes must be powers of two from 256 to %d",
                  VIRTIO_QUEUE_MAX);
        return false;
    }
    return true;
}

static bool net_init(struct device *dev, struct error **err)
{
    static const struct virtio_kind kind = {
        .name = "virtio-net", .id = 1, .get_config = get_config, .set_config = set_config,
        .changed = status_changed, .reset = driver_reset,
    };
    static const struct net_handlers handlers = {
        .can_receive = can_receive, .receive = receive, .link_changed = link_changed
    };
    static const struct virtio_pci_id id = { 0x1000, 0x020000 };
    struct virtio_net *n = (struct virtio_net *)dev;
    struct virtio *v = &n->t.v;

    if (!check_sizes(n, err) || !net_nic_open(&n->nic, "virtio-net-pci", dev->id, &handlers, n,
                                              err)) {
        return false;
    }
    n->pairs = n->mq && n->ctrl ? MIN_OF(net_queues(n->nic.port), (unsigned)PAIRS_MAX) : 1;
    v->kind = &kind;
    v->s = &n->s.transport.core;
    v->config_size = CONFIG_SIZE;
    offer_features(n);
    for (unsigned i = 0; i < n->pairs; i++) {
        virtio_add_queue(v, n->rx_size, serve);
        virtio_add_queue(v, n->tx_size, serve);
    }
    if (n->ctrl) {
        virtio_add_queue(v, 64, serve);
    }
    if (!virtio_pci_init(&n->t, &id, &n->s.transport, err) ||
        !nic_add_rom(&n->t.pci, "efi-virtio.rom", err)) {
        net_nic_close(&n->nic);
        return false;
    }
    return true;
}

static void net_exit(struct device *dev)
{
    struct virtio_net *n = (struct virtio_net *)dev;

    net_nic_close(&n->nic);
    virtio_pci_exit(&n->t);
}

static bool net_loaded(struct device *dev, struct error **err)
{
    struct virtio_net *n = (struct virtio_net *)dev;

    if (!n->s.pairs || n->s.pairs > n->pairs) {
        error_set(err, "virtio-net: %u pairs of queues", n->s.pairs);
        return false;
    }
    n->held_size = 0;
    memcpy(n->nic.mac, n->s.filter.mac, NET_MAC_SIZE);
    net_nic_describe(&n->nic);
    return virtio_pci_loaded(dev, err);
}

#define OFFER(name, member) PROP_BOOL(name, virtio_net, member, true)
static const struct property net_properties[] = {
    VIRTIO_PCI_PROPERTIES(virtio_net, t), NET_NIC_PROPERTIES(virtio_net, nic),
    OFFER("csum", csum), OFFER("guest_csum", guest_csum), OFFER("host_tso4", tso4),
    OFFER("host_tso6", tso6), OFFER("host_ecn", ecn), OFFER("mrg_rxbuf", merge),
    OFFER("status", status), OFFER("ctrl_vq", ctrl), OFFER("ctrl_rx", ctrl_rx),
    OFFER("ctrl_rx_extra", ctrl_rx_extra), OFFER("ctrl_vlan", ctrl_vlan),
    OFFER("ctrl_mac_addr", ctrl_mac), PROP_UINT("rx_queue_size", virtio_net, rx_size, 256),
    PROP_UINT("tx_queue_size", virtio_net, tx_size, 256), PROP_BOOL("mq", virtio_net, mq, false),
    PROPERTIES_END
};

DEVICE(virtio_net) = {
    .name = "virtio-net-pci", .alias = "virtio-net", .desc = "Virtio network card", .bus = "pci",
    .size = sizeof(struct virtio_net), .properties = net_properties, .init = net_init,
    .exit = net_exit, .reset = virtio_pci_reset, .reset_lines = virtio_pci_reset_lines,
    .loaded = net_loaded, .state = STATE(virtio_net, s, virtio_net_state, 2),
};
