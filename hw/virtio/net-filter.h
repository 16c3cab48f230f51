/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which frames a virtio network card takes: modes, addresses and VLANs (Virtio 1.1, 5.1.6.5). */
#ifndef HW_VIRTIO_NET_FILTER_H
#define HW_VIRTIO_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/core/state.h"
#include "net.h"

enum { NET_FILTER_ADDRESSES = 64 };

struct net_filter {
    uint8_t mac[NET_MAC_SIZE];
    bool promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
    uint8_t n_unicast, n_multicast;  /* addresses of the tables; above the maximum: take all */
    uint8_t unicast[NET_FILTER_ADDRESSES * NET_MAC_SIZE];
    uint8_t multicast[NET_FILTER_ADDRESSES * NET_MAC_SIZE];
    uint8_t vlans[4096 / 8];
};
FIELDS(net_filter) = {
    ARRAY(net_filter, mac), FIELD(net_filter, promiscuous), FIELD(net_filter, all_multicast),
    FIELD(net_filter, all_unicast), FIELD(net_filter, no_multicast),
    FIELD(net_filter, no_unicast), FIELD(net_filter, no_broadcast), FIELD(net_filter, n_unicast),
    FIELD(net_filter, n_multicast), ARRAY(net_filter, unicast), ARRAY(net_filter, multicast),
    ARRAY(net_filter, vlans), FIELDS_END
};

/* Takes everything, as before a driver says more. */
void net_filter_reset(struct net_filter *f, const uint8_t *mac);
bool net_filter_accepts(const struct net_filter *f, const uint8_t *frame, size_t size);

/* A mode of command class 0; false if it is unknown. */
bool net_filter_set_mode(struct net_filter *f, uint8_t command, bool on);
/* Both tables as the driver sends them: count and addresses, twice. False if that is not so. */
bool net_filter_set_tables(struct net_filter *f, const uint8_t *data, size_t size);
bool net_filter_set_vlan(struct net_filter *f, unsigned id, bool on);

#endif
