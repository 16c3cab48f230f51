/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transmission of the 82540EM: the descriptor ring, checksums, segmentation (3.3 to 3.6). */
#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/net/e1000.h"

enum { DESCRIPTOR = 16, TYPE_CONTEXT = 0, TYPE_DATA = 1, STATUS_DD = 1, MAX_HEADER = 256 };
/* The command byte; bits 2 and 3 differ between the kinds of descriptors. */
enum { CMD_EOP = 0x01, CMD_IC = 0x04, CMD_TSE = 0x04, CMD_RS = 0x08, CMD_RPS = 0x10,
       CMD_DEXT = 0x20, CMD_VLE = 0x40, TU_TCP = 0x01, TU_IPV4 = 0x02 };
enum { POPTS_IP = 1, POPTS_TCP = 2 };
enum { TCP_FIN_PSH = 0x09, TCP_FLAGS = 13, TCP_SEQUENCE = 4 };

/* --- checksums ------------------------------------------------------------------------------- */

/* Over start..end (inclusive, 0: to the end of the frame), into `offset`. */
static void put_sum(uint8_t *frame, uint32_t size, unsigned offset, unsigned start, unsigned end)
{
    uint32_t stop = end && end + 1 < size ? end + 1 : size, sum = 0;

    if (offset + 2 > size || start >= stop) {
        return;
    }
    for (uint32_t i = start; i < stop; i++) {
        sum += (i - start) & 1 ? frame[i] : (uint32_t)frame[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    st16_be(frame + offset, (uint16_t)~sum);
}

/* --- sending --------------------------------------------------------------------------------- */

static void send_frame(struct e1000 *e, uint8_t *frame, uint32_t size)
{
    struct e1000_state *s = &e->s;
    static uint8_t tagged[NET_FRAME_MAX + 4];

    if (s->packet_flags & CMD_VLE && size >= 12) {
        memcpy(tagged, frame, 12);
        st16_be(tagged + 12, 0x8100);
        st16_be(tagged + 14, s->packet_vlan);
        memcpy(tagged + 16, frame + 12, size - 12);
        frame = tagged;
        size += 4;
    }
    trace(e1000_send, "%u bytes", size);
    e1000_count(e, TPT, 1);
    e1000_count(e, GPTC, 1);
    e1000_count64(e, GOTCL, size + 4);
    e1000_count64(e, TOTL, size + 4);
    if (size && frame[0] & 1) {
        e1000_count(e, ethernet_is_broadcast(frame) ? BPTC : MPTC, 1);
    }
    if (s->rctl & RCTL_LBM || s->phy[0] & 0x4000) {
        e1000_receive(e, frame, size);
    } else {
        net_send(e->nic.port, frame, size);
    }
}

static void finish_sums(struct e1000 *e, uint8_t *frame, uint32_t size,
                        const struct e1000_tx_context *c)
{
    if (e->s.packet_options & POPTS_TCP) {
        put_sum(frame, size, c->sum_offset, c->sum_start, c->sum_end);
    }
    if (e->s.packet_options & POPTS_IP) {
        put_sum(frame, size, c->ip_offset, c->ip_start, c->ip_end);
    }
}

/* Adds to a big-endian word of the frame, which may not be there. */
static void add16(uint8_t *frame, uint32_t size, unsigned at, uint32_t amount)
{
    if (at + 2 <= size) {
        uint32_t sum = ld16_be(frame + at) + amount;
        st16_be(frame + at, (uint16_t)sum);
    }
}

/* The driver's pseudo header sum lacks the length of the segment (3.5.8). */
static void add_length(uint8_t *frame, uint32_t size, unsigned at, uint32_t length)
{
    if (at + 2 <= size) {
        uint32_t sum = ld16_be(frame + at) + length;
        st16_be(frame + at, (uint16_t)((sum & 0xffff) + (sum >> 16)));
    }
}

static void make_segment(struct e1000 *e, uint8_t *frame, uint32_t size, uint32_t number,
                         uint32_t done, bool last)
{
    const struct e1000_tx_context *c = &e->s.segments;

    if (c->is_ipv4) {
        if (c->ip_start + 4u <= size) {
            st16_be(frame + c->ip_start + 2, (uint16_t)(size - c->ip_start));
        }
        add16(frame, size, c->ip_start + 4, number);
    } else if (c->ip_start + 6u <= size) {
        st16_be(frame + c->ip_start + 4, (uint16_t)(size - c->ip_start - 40));
    }
    if (c->is_tcp) {
        if (c->sum_start + TCP_FLAGS < size) {
            st32_be(frame + c->sum_start + TCP_SEQUENCE,
                    ld32_be(frame + c->sum_start + TCP_SEQUENCE) + done);
            frame[c->sum_start + TCP_FLAGS] &= (uint8_t)~(last ? 0 : TCP_FIN_PSH);
        }
    } else if (c->sum_start + 6u <= size) {
        st16_be(frame + c->sum_start + 4, (uint16_t)(size - c->sum_start));
    }
    if (e->s.packet_options & POPTS_TCP) {
        add_length(frame, size, c->sum_offset, size - c->sum_start);
    }
    finish_sums(e, frame, size, c);
}

static void send_segments(struct e1000 *e)
{
    const struct e1000_tx_context *c = &e->s.segments;
    uint32_t header = c->header_length, total = e->s.packet_size, mss = c->mss, done = 0;
    static uint8_t frame[NET_FRAME_MAX];

    if (header == 0 || mss == 0 || total <= header) {
        log_guest_error("e1000: segmentation of %u bytes with a header of %u and segments of %u",
                        total, header, mss);
        return;
    }
    for (uint32_t number = 0; done < total - header; number++) {
        uint32_t chunk = MIN_OF(mss, total - header - done);

        memcpy(frame, e->s.packet, header);
        memcpy(frame + header, e->s.packet + header + done, chunk);
        make_segment(e, frame, header + chunk, number, done, done + chunk == total - header);
        send_frame(e, frame, header + chunk);
        done += chunk;
    }
}

static void send_packet(struct e1000 *e)
{
    struct e1000_state *s = &e->s;
    bool extended = s->packet_flags & CMD_DEXT;

    if (s->packet_size < 14) {
        return;
    }
    if (extended && s->packet_flags & CMD_TSE) {
        send_segments(e);
        return;
    }
    if (extended) {
        finish_sums(e, s->packet, s->packet_size, &s->context);
    }
    send_frame(e, s->packet, s->packet_size);
}

/* --- descriptors ----------------------------------------------------------------------------- */

static void set_context(struct e1000 *e, const uint8_t *d)
{
    uint8_t command = d[11];
    struct e1000_tx_context *c = command & CMD_TSE ? &e->s.segments : &e->s.context;

    *c = (struct e1000_tx_context){
        .ip_start = d[0], .ip_offset = d[1], .ip_end = ld16_le(d + 2),
        .sum_start = d[4], .sum_offset = d[5], .sum_end = ld16_le(d + 6),
        .payload = ld32_le(d + 8) & 0xfffff, .is_tcp = command & TU_TCP ? 1 : 0,
        .is_ipv4 = command & TU_IPV4 ? 1 : 0, .header_length = d[13], .mss = ld16_le(d + 14),
    };
}

static void add_data(struct e1000 *e, const uint8_t *d, uint32_t size)
{
    struct e1000_state *s = &e->s;
    uint32_t room = (uint32_t)sizeof(s->packet) - s->packet_size, chunk = MIN_OF(size, room);

    pci_dma_read(&e->pci, ld64_le(d), s->packet + s->packet_size, chunk);
    s->packet_size += chunk;
}

static void process(struct e1000 *e, const uint8_t *d)
{
    struct e1000_state *s = &e->s;
    uint8_t command = d[11];
    bool extended = command & CMD_DEXT;

    if (extended && (d[10] >> 4) == TYPE_CONTEXT) {
        set_context(e, d);
        return;
    }
    if (!s->packet_open) {
        s->packet_open = 1;
        s->packet_size = 0;
        s->packet_flags = command & (CMD_DEXT | CMD_VLE | (extended ? CMD_TSE : 0));
        s->packet_options = extended ? d[13] : 0;
    }
    add_data(e, d, extended ? ld32_le(d + 8) & 0xfffff : ld16_le(d + 8));
    if (!(command & CMD_EOP)) {
        return;
    }
    s->packet_flags = (uint8_t)bits_merge(s->packet_flags, command, CMD_VLE);
    s->packet_vlan = ld16_le(d + 14);
    if (!extended && command & CMD_IC) {
        put_sum(s->packet, s->packet_size, d[10], d[13], 0);
    }
    send_packet(e);
    s->packet_open = 0;
}

static uint32_t write_back(struct e1000 *e, uint64_t at, uint8_t *d)
{
    if (!(d[11] & (CMD_RS | CMD_RPS))) {
        return 0;
    }
    d[12] = (d[12] & 0xf0) | STATUS_DD;
    pci_dma_write(&e->pci, at + 12, d + 12, 1);
    return INT_TXDW;
}

void e1000_transmit(struct e1000 *e)
{
    struct e1000_state *s = &e->s;
    uint64_t base = (uint64_t)s->tdbah << 32 | (s->tdbal & ~15u);
    uint32_t length = s->tdlen / DESCRIPTOR, causes = 0;

    /* Loopback and descriptors in our own registers come back here. */
    if (e->transmitting || !(s->tctl & TCTL_EN) || s->tdh >= length) {
        return;
    }
    e->transmitting = true;
    /* At most once around the ring, so a tail outside of it does not turn us for ever. */
    for (uint32_t n = 0; n < length && s->tdh != s->tdt && s->tctl & TCTL_EN; n++) {
        uint64_t at = base + (uint64_t)s->tdh * DESCRIPTOR;
        uint8_t d[DESCRIPTOR];

        pci_dma_read(&e->pci, at, d, sizeof(d));
        process(e, d);
        causes |= write_back(e, at, d);
        s->tdh = s->tdh + 1 >= length ? 0 : s->tdh + 1;
    }
    e->transmitting = false;
    e1000_interrupt(e, causes | INT_TXQE);
}
