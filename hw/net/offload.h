/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What drivers leave to cards: checksums of frames, and cutting large TCP segments. Frames come
 * from guests, so nothing in them is believed.
 */
#ifndef HW_NET_OFFLOAD_H
#define HW_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The Internet checksum from `start' to the frame's end goes to start + offset, where the sum of
 * the pseudo header is. False when there is no room for it. */
bool offload_checksum(uint8_t *frame, size_t size, size_t start, size_t offset);

/*
 * Cuts a TCP frame (IPv4 or IPv6 behind an Ethernet header, with or without a VLAN tag) into
 * segments of `segment' bytes of data, the TCP header being at `tcp', and hands each to `send'. The
 * sums of all are computed. False when the headers are not what they should be.
 */
bool offload_segment(const uint8_t *frame, size_t size, size_t tcp, size_t segment,
                     void (*send)(void *opaque, const uint8_t *frame, size_t size), void *opaque);

/* Whether it is TCP or UDP, whole, with a right checksum. */
bool offload_is_right(const uint8_t *frame, size_t size);

#endif
