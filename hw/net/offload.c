/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums (RFC 1071) and segmentation of frames, in place of a driver. */
#include "hw/net/offload.h"

#include <string.h>

#include "base/bits.h"
#include "net.h"

enum { ETHERNET = 14, VLAN_TAG = 4, TYPE_VLAN = 0x8100, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };
enum { IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { TCP_SEQUENCE = 4, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_SUM = 16, UDP_SUM = 6 };
enum { SEGMENT_MIN = 48 };               /* no TCP uses less; it bounds what one frame may cost */
enum { FLAG_FIN = 0x01, FLAG_PUSH = 0x08, FLAG_CWR = 0x80 };

/* --- sums ------------------------------------------------------------------------------------ */

/* The one's complement sum in the host's byte order, not folded. */
static uint64_t add_bytes(uint64_t sum, const uint8_t *p, size_t size)
{
    uint32_t word;
    uint16_t half = 0;

    for (; size >= 4; p += 4, size -= 4) {
        memcpy(&word, p, 4);
        sum += word;
    }
    if (size >= 2) {
        memcpy(&half, p, 2);
        sum += half;
        p += 2;
        size -= 2;
    }
    if (size) {
        half = 0;
        memcpy(&half, p, 1);
        sum += half;
    }
    return sum;
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static void put_sum(uint8_t *at, uint64_t sum)
{
    uint16_t value = (uint16_t)~fold(sum);

    memcpy(at, &value, 2);
}

bool offload_checksum(uint8_t *frame, size_t size, size_t start, size_t offset)
{
    if (start >= size || offset + 2 > size - start) {
        return false;
    }
    put_sum(frame + start + offset, add_bytes(0, frame + start, size - start));
    return true;
}

/* --- headers --------------------------------------------------------------------------------- */

struct headers {
    size_t ip, payload, end;         /* offsets; `end' is behind the IP packet */
    uint8_t protocol;
    bool is_v4;
};

static bool parse(const uint8_t *frame, size_t size, struct headers *h)
{
    uint16_t type = size >= ETHERNET ? ld16_be(frame + 12) : 0;

    h->ip = ETHERNET;
    if (type == TYPE_VLAN && size >= ETHERNET + VLAN_TAG) {
        type = ld16_be(frame + 16);
        h->ip += VLAN_TAG;
    }
    h->is_v4 = type == TYPE_IPV4;
    if (h->is_v4 && size >= h->ip + IPV4_HEADER && frame[h->ip] >> 4 == 4) {
        h->payload = h->ip + 4u * (frame[h->ip] & 15);
        h->end = h->ip + ld16_be(frame + h->ip + 2);
        h->protocol = frame[h->ip + 9];
        return h->payload >= h->ip + IPV4_HEADER && h->payload <= size;
    }
    if (type == TYPE_IPV6 && size >= h->ip + IPV6_HEADER && frame[h->ip] >> 4 == 6) {
        h->payload = h->ip + IPV6_HEADER;
        h->end = h->payload + ld16_be(frame + h->ip + 4);
        h->protocol = frame[h->ip + 6];
        return true;
    }
    return false;
}

/* Of the pseudo header (RFC 793, 3.1; RFC 8200, 8.1). */
static uint64_t pseudo_sum(const uint8_t *frame, const struct headers *h, uint8_t protocol,
                           size_t length)
{
    const uint8_t *ip = frame + h->ip;
    uint8_t tail[8] = { 0 };

    st32_be(tail, (uint32_t)length);
    tail[7] = protocol;
    return h->is_v4 ? add_bytes(add_bytes(0, tail, 8), ip + 12, 8)
                    : add_bytes(add_bytes(0, tail, 8), ip + 8, 32);
}

bool offload_is_right(const uint8_t *frame, size_t size)
{
    struct headers h;
    size_t length;

    if (!parse(frame, size, &h) || h.end > size || h.end < h.payload ||
        (h.is_v4 && ld16_be(frame + h.ip + 6) & 0x3fff)) {
        return false;
    }
    length = h.end - h.payload;
    if (h.protocol == PROTOCOL_UDP) {
        if (length < UDP_HEADER || !ld16_be(frame + h.payload + UDP_SUM)) {
            return false;
        }
    } else if (h.protocol != PROTOCOL_TCP || length < TCP_HEADER) {
        return false;
    }
    return fold(add_bytes(pseudo_sum(frame, &h, h.protocol, length), frame + h.payload,
                          length)) == 0xffff;
}

/* --- segments -------------------------------------------------------------------------------- */

/* Makes the headers right for the segment with that number, `done' bytes behind the first. */
static void finish_segment(uint8_t *frame, size_t size, const struct headers *h, size_t tcp,
                           unsigned number, size_t done)
{
    uint8_t *ip = frame + h->ip, *t = frame + tcp;

    if (h->is_v4) {
        st16_be(ip + 2, (uint16_t)(size - h->ip));
        st16_be(ip + 4, (uint16_t)(ld16_be(ip + 4) + number));
        st16_be(ip + 10, 0);
        put_sum(ip + 10, add_bytes(0, ip, h->payload - h->ip));
    } else {
        st16_be(ip + 4, (uint16_t)(size - h->payload));
    }
    st32_be(t + TCP_SEQUENCE, ld32_be(t + TCP_SEQUENCE) + (uint32_t)done);
    st16_be(t + TCP_SUM, 0);
    put_sum(t + TCP_SUM, add_bytes(pseudo_sum(frame, h, PROTOCOL_TCP, size - tcp), t, size - tcp));
}

bool offload_segment(const uint8_t *frame, size_t size, size_t tcp, size_t segment,
                     void (*send)(void *opaque, const uint8_t *frame, size_t size), void *opaque)
{
    static uint8_t out[NET_FRAME_MAX];       /* big lock held */
    struct headers h;
    size_t header;
    unsigned number = 0;

    if (!parse(frame, size, &h) || tcp < h.payload || size < TCP_HEADER ||
        tcp > size - TCP_HEADER || segment < SEGMENT_MIN || size > sizeof(out)) {
        return false;
    }
    header = tcp + 4u * (frame[tcp + TCP_OFFSET] >> 4);
    if (header < tcp + TCP_HEADER || header > size || header + segment > sizeof(out)) {
        return false;
    }
    for (size_t done = 0; done < size - header; done += segment, number++) {
        size_t part = MIN_OF(segment, size - header - done);

        memcpy(out, frame, header);
        memcpy(out + header, frame + header + done, part);
        if (done) {
            out[tcp + TCP_FLAGS] &= (uint8_t)~FLAG_CWR;
        }
        if (done + part < size - header) {
            out[tcp + TCP_FLAGS] &= (uint8_t)~(FLAG_FIN | FLAG_PUSH);
        }
        finish_segment(out, header + part, &h, tcp, number, done);
        send(opaque, out, header + part);
    }
    return true;
}
