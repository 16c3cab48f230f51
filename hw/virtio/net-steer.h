/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pair of queues a flow belongs to: the one that the driver last sent it by (Virtio 1.1,
 * 5.1.6.5.5). */
#ifndef HW_VIRTIO_NET_STEER_H
#define HW_VIRTIO_NET_STEER_H

#include <stddef.h>
#include <stdint.h>

struct net_steer {
    uint8_t pair[256];               /* by a hash that is the same both ways */
};

void net_steer_sent(struct net_steer *s, const uint8_t *frame, size_t size, unsigned pair);
/* For a frame that arrives; the first pair for flows that are not known. */
unsigned net_steer_pair(const struct net_steer *s, const uint8_t *frame, size_t size);

#endif
