/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of IP, known by their addresses and ports. */
#include "hw/virtio/net-steer.h"

#include "base/bits.h"

enum { ETHERNET = 14, TYPE_IP4 = 0x0800, TYPE_IP6 = 0x86dd, TCP = 6, UDP = 17 };

/* Sums are the same for both directions. False: not a flow. */
static bool flow_hash(const uint8_t *f, size_t size, uint8_t *hash)
{
    uint32_t sum = 0;
    size_t ports;
    uint8_t protocol;

    if (size < ETHERNET + 40) {
        return false;
    }
    if (ld16_be(f + 12) == TYPE_IP4) {
        protocol = f[23];
        ports = ETHERNET + 4u * (f[14] & 15);
        sum = ld32_be(f + 26) + ld32_be(f + 30);
    } else if (ld16_be(f + 12) == TYPE_IP6) {
        protocol = f[20];
        ports = ETHERNET + 40;
        for (unsigned i = 22; i < ETHERNET + 40; i += 4) {
            sum += ld32_be(f + i);
        }
    } else {
        return false;
    }
    if ((protocol == TCP || protocol == UDP) && ports + 4 <= size) {
        sum += (uint32_t)ld16_be(f + ports) + ld16_be(f + ports + 2);
    }
    *hash = (uint8_t)(sum * 0x9e3779b1u >> 24);
    return true;
}

void net_steer_sent(struct net_steer *s, const uint8_t *frame, size_t size, unsigned pair)
{
    uint8_t hash;

    if (flow_hash(frame, size, &hash)) {
        s->pair[hash] = (uint8_t)pair;
    }
}

unsigned net_steer_pair(const struct net_steer *s, const uint8_t *frame, size_t size)
{
    uint8_t hash;

    return flow_hash(frame, size, &hash) ? s->pair[hash] : 0;
}
