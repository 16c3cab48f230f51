/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The receive filter of the virtio network card. */
#include "hw/virtio/net-filter.h"

#include <string.h>

#include "base/bits.h"
#include "hw/net/nic.h"

enum { MODE_PROMISCUOUS, MODE_ALL_MULTICAST, MODE_ALL_UNICAST, MODE_NO_MULTICAST, MODE_NO_UNICAST,
       MODE_NO_BROADCAST };
enum { ETHERTYPE_VLAN = 0x8100, TOO_MANY = NET_FILTER_ADDRESSES + 1 };

void net_filter_reset(struct net_filter *f, const uint8_t *mac)
{
    memset(f, 0, sizeof(*f));
    memcpy(f->mac, mac, NET_MAC_SIZE);
    f->promiscuous = true;
    memset(f->vlans, 0xff, sizeof(f->vlans));
}

static bool in_table(const uint8_t *table, unsigned count, const uint8_t *mac)
{
    if (count > NET_FILTER_ADDRESSES) {
        return true;
    }
    for (unsigned i = 0; i < count; i++) {
        if (memcmp(table + i * NET_MAC_SIZE, mac, NET_MAC_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

bool net_filter_accepts(const struct net_filter *f, const uint8_t *frame, size_t size)
{
    unsigned id;

    if (size < 14) {
        return false;
    }
    if (f->promiscuous) {
        return true;
    }
    if (size >= 18 && ld16_be(frame + 12) == ETHERTYPE_VLAN) {
        id = ld16_be(frame + 14) & 0xfff;
        if (!bits_test(f->vlans[id / 8], id % 8)) {
            return false;
        }
    }
    if (ethernet_is_broadcast(frame)) {
        return !f->no_broadcast;
    }
    if (frame[0] & 1) {
        return !f->no_multicast &&
               (f->all_multicast || in_table(f->multicast, f->n_multicast, frame));
    }
    return !f->no_unicast && (f->all_unicast || memcmp(frame, f->mac, NET_MAC_SIZE) == 0 ||
                              in_table(f->unicast, f->n_unicast, frame));
}

bool net_filter_set_mode(struct net_filter *f, uint8_t command, bool on)
{
    switch (command) {
    case MODE_PROMISCUOUS: f->promiscuous = on; return true;
    case MODE_ALL_MULTICAST: f->all_multicast = on; return true;
    case MODE_ALL_UNICAST: f->all_unicast = on; return true;
    case MODE_NO_MULTICAST: f->no_multicast = on; return true;
    case MODE_NO_UNICAST: f->no_unicast = on; return true;
    case MODE_NO_BROADCAST: f->no_broadcast = on; return true;
    default: return false;
    }
}

/* Takes one table; the bytes that it has, or 0. */
static size_t take_table(const uint8_t *data, size_t size, uint8_t *table, uint8_t *count)
{
    uint32_t n = size >= 4 ? ld32_le(data) : UINT32_MAX;

    if (size < 4 || n > (size - 4) / NET_MAC_SIZE) {
        return 0;
    }
    *count = (uint8_t)MIN_OF(n, (uint32_t)TOO_MANY);
    if (*count <= NET_FILTER_ADDRESSES) {
        memcpy(table, data + 4, n * NET_MAC_SIZE);
    }
    return 4 + n * NET_MAC_SIZE;
}

bool net_filter_set_tables(struct net_filter *f, const uint8_t *data, size_t size)
{
    size_t first = take_table(data, size, f->unicast, &f->n_unicast);

    return first && take_table(data + first, size - first, f->multicast, &f->n_multicast);
}

bool net_filter_set_vlan(struct net_filter *f, unsigned id, bool on)
{
    if (id > 4095) {
        return false;
    }
    f->vlans[id / 8] = (uint8_t)bits_deposit(f->vlans[id / 8], id % 8, 1, on);
    return true;
}
