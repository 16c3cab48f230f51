/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reception of the 82540EM: address filters, VLAN tags, the descriptor ring (3.2). */
#include "base/bits.h"
#include "base/trace.h"
#include "hw/net/e1000.h"

enum { RX_DD = 1, RX_EOP = 2, RX_IXSM = 4, RX_VP = 8, RX_PIF = 0x80 };
enum { DESCRIPTOR = 16, LONG_FRAME = 1522, ETHERTYPE_VLAN = 0x8100 };

static uint32_t ring_length(const struct e1000 *e)
{
    return e->s.rdlen / DESCRIPTOR;
}

static uint32_t buffer_size(const struct e1000 *e)
{
    uint32_t code = e->s.rctl >> 16 & 3;

    if (e->s.rctl & RCTL_BSEX && code) {
        return 32768u >> code;
    }
    return 2048u >> code;
}

static uint32_t free_descriptors(const struct e1000 *e)
{
    uint32_t length = ring_length(e), head = e->s.rdh, tail = e->s.rdt;

    if (head >= length || tail >= length) {
        return 0;
    }
    return tail >= head ? tail - head : length - head + tail;
}

/* Frames too large for the whole ring are taken, and dropped. */
bool e1000_can_receive(void *opaque, size_t size)
{
    struct e1000 *e = opaque;
    uint32_t needed = (uint32_t)((MAX_OF(size, ETHERNET_MIN) + 4 + buffer_size(e) - 1) /
                                 buffer_size(e));

    if (!(e->s.rctl & RCTL_EN) || !(e->s.status & STATUS_LU)) {
        return true;
    }
    return free_descriptors(e) >= needed || needed >= ring_length(e);
}

static bool is_tagged(const uint8_t *frame, size_t size)
{
    return size >= 18 && ld16_be(frame + 12) == ETHERTYPE_VLAN;
}

static bool accepts_vlan(const struct e1000 *e, const uint8_t *frame, size_t size)
{
    unsigned id;

    if (!(e->s.rctl & RCTL_VFE) || !is_tagged(frame, size)) {
        return true;
    }
    id = ld16_be(frame + 14) & 0xfff;
    return bits_test(e->s.tables[(VFTA - MTA) / 4 + id / 32], id % 32);
}

/* `exact` tells a match of a whole address from one of a hash. */
static bool accepts(const struct e1000 *e, const uint8_t *frame, bool *exact)
{
    static const uint8_t shifts[] = { 4, 3, 2, 0 };
    const uint32_t *ra = e->s.tables + (RAL - MTA) / 4;
    unsigned hash;

    *exact = true;
    for (int i = 0; i < 16; i++) {
        if (ra[2 * i + 1] >> 31 && ra[2 * i] == ld32_le(frame) &&
            (ra[2 * i + 1] & 0xffff) == ld16_le(frame + 4)) {
            return true;
        }
    }
    if (ethernet_is_broadcast(frame)) {
        return e->s.rctl & (RCTL_BAM | RCTL_MPE);
    }
    *exact = false;
    if (!(frame[0] & 1)) {
        return e->s.rctl & RCTL_UPE;
    }
    hash = ld16_le(frame + 4) >> shifts[e->s.rctl >> 12 & 3] & 0xfff;
    return e->s.rctl & RCTL_MPE || bits_test(e->s.tables[hash / 32], hash % 32);
}

/* The tag goes into the descriptor when the driver wants it taken out. */
static size_t take_tag(const struct e1000 *e, uint8_t *frame, size_t size, uint16_t *tag)
{
    *tag = ld16_be(frame + 14);
    memmove(frame + 12, frame + 16, size - 16);
    return size - 4;
}

/* The sum of the bytes from RXCSUM.PCSS on, for drivers that compare it themselves. */
static uint16_t packet_sum(const struct e1000 *e, const uint8_t *frame, size_t size)
{
    uint64_t sum = 0;

    for (size_t i = e->s.rxcsum & 0xff; i < size; i += 2) {
        sum += i + 1 < size ? ld16_le(frame + i) : frame[i];
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static void store(struct e1000 *e, const uint8_t *frame, size_t size, uint8_t status, uint16_t tag)
{
    struct e1000_state *s = &e->s;
    uint64_t base = (uint64_t)s->rdbah << 32 | (s->rdbal & ~15u);
    uint16_t sum = packet_sum(e, frame, size);
    size_t done = 0;

    do {
        uint64_t at = base + (uint64_t)s->rdh * DESCRIPTOR;
        size_t chunk = MIN_OF(size - done, buffer_size(e));
        uint8_t d[DESCRIPTOR];

        pci_dma_read(&e->pci, at, d, sizeof(d));
        if (ld64_le(d)) {
            pci_dma_write(&e->pci, ld64_le(d), frame + done, chunk);
        }
        done += chunk;
        st16_le(d + 8, (uint16_t)chunk);
        st16_le(d + 10, sum);
        d[12] = (uint8_t)(status | RX_DD | RX_IXSM | (done == size ? RX_EOP : 0));
        d[13] = 0;
        st16_le(d + 14, tag);
        pci_dma_write(&e->pci, at, d, sizeof(d));
        s->rdh = s->rdh + 1 >= ring_length(e) ? 0 : s->rdh + 1;
    } while (done < size && free_descriptors(e) > 0);
}

static void count(struct e1000 *e, const uint8_t *frame, size_t size)
{
    e1000_count(e, TPR, 1);
    e1000_count(e, GPRC, 1);
    e1000_count64(e, GORCL, (uint32_t)size);
    e1000_count64(e, TORL, (uint32_t)size);
    if (ethernet_is_broadcast(frame)) {
        e1000_count(e, BPRC, 1);
    } else if (frame[0] & 1) {
        e1000_count(e, MPRC, 1);
    }
}

void e1000_receive(void *opaque, const uint8_t *frame, size_t size)
{
    struct e1000 *e = opaque;
    static uint8_t copy[NET_FRAME_MAX + 4];      /* big lock held; never entered twice */
    uint32_t needed, threshold;
    uint8_t status = 0;
    uint16_t tag = 0;
    bool exact;

    if (!(e->s.rctl & RCTL_EN) || !(e->s.status & STATUS_LU) || size < 14 ||
        (size > LONG_FRAME - 4 && !(e->s.rctl & (RCTL_LPE | RCTL_SBP)))) {
        return;
    }
    if (!accepts_vlan(e, frame, size) || !accepts(e, frame, &exact)) {
        return;
    }
    memcpy(copy, frame, size);
    if (size < ETHERNET_MIN) {
        memset(copy + size, 0, ETHERNET_MIN - size);
        size = ETHERNET_MIN;
    }
    count(e, copy, size + 4);
    if (e->s.ctrl & CTRL_VME && is_tagged(copy, size)) {
        size = take_tag(e, copy, size, &tag);
        status |= RX_VP;
    }
    if (!(e->s.rctl & RCTL_SECRC)) {
        st32_le(copy + size, ethernet_crc(copy, size));
        size += 4;
    }
    needed = (uint32_t)((size + buffer_size(e) - 1) / buffer_size(e));
    if (free_descriptors(e) < needed) {
        e1000_count(e, MPC, 1);
        e1000_interrupt(e, INT_RXO);
        return;
    }
    store(e, copy, size, status | (exact ? 0 : RX_PIF), tag);
    threshold = ring_length(e) >> ((e->s.rctl >> 8 & 3) + 1);
    trace(e1000_receive, "%zu bytes", size);
    e1000_interrupt(e, INT_RXT0 | (free_descriptors(e) <= threshold ? INT_RXDMT0 : 0));
}
