/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The receive unit of the Intel 8255x: address filters, and frames into a list of RFDs whose data
 * follows the descriptor (simplified mode). */
#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/net/i8255x.h"

enum { RFD_SIZE = 16, RFD_COMPLETE = 0x8000, RFD_OK = 0x2000, RFD_OUT_OF_BUFFER = 0x0200,
       RFD_TYPE = 0x0020, RFD_NOT_MINE = 0x0002, RFD_END = 0x8000, RFD_SUSPEND = 0x4000,
       RFD_FLEXIBLE = 0x0008, RFD_COUNT_VALID = 0xc000, RFD_COUNT = 0x3fff };
enum { MAX_FRAME = 4096, MAX_NORMAL = 1518, CRC = 4 };

enum ru_state i8255x_ru_state(const struct i8255x *d)
{
    return (enum ru_state)(d->s.csr[SCB_STATUS] >> 2 & 0xf);
}

void i8255x_set_ru_state(struct i8255x *d, enum ru_state state)
{
    d->s.csr[SCB_STATUS] = (uint8_t)bits_merge(d->s.csr[SCB_STATUS], (uint32_t)state << 2, 0x3c);
}

/* A unit that waits for the driver lets frames wait as well; a switched off one loses them. */
bool i8255x_can_receive(void *opaque, size_t size)
{
    enum ru_state state = i8255x_ru_state(opaque);

    return state == RU_READY || state == RU_IDLE;
}

static bool is_mine(const struct i8255x *d, const uint8_t *frame)
{
    return memcmp(frame, d->s.address, NET_MAC_SIZE) == 0 || frame[0] & 1;
}

static bool accepts(const struct i8255x *d, const uint8_t *frame)
{
    const uint8_t *config = d->s.config;
    bool promiscuous = config[15] & 0x01;

    if (promiscuous) {
        return true;
    }
    if (ethernet_is_broadcast(frame)) {
        return !(config[15] & 0x02);
    }
    if (frame[0] & 1) {
        return config[21] & 0x08 || bits_test(d->s.multicast, ethernet_hash(frame) >> 26);
    }
    return memcmp(frame, d->s.address, NET_MAC_SIZE) == 0 ||
        (config[20] & 0x40 && bits_test(d->s.multicast, ethernet_hash(frame) >> 26));
}

static void out_of_resources(struct i8255x *d)
{
    d->s.counters[COUNT_RX_RESOURCE]++;
    i8255x_set_ru_state(d, RU_NO_RESOURCES);
    i8255x_interrupt(d, ACK_RNR);
}

/* After a frame: the next RFD, unless this was the last or the driver wants a pause. */
static void advance(struct i8255x *d, uint16_t command, uint32_t link)
{
    d->s.ru_offset = link;
    if (command & RFD_END) {
        i8255x_set_ru_state(d, RU_NO_RESOURCES);
        i8255x_interrupt(d, ACK_FR | ACK_RNR);
    } else if (command & RFD_SUSPEND) {
        i8255x_set_ru_state(d, RU_SUSPENDED);
        i8255x_interrupt(d, ACK_FR | ACK_RNR);
    } else {
        i8255x_interrupt(d, ACK_FR);
    }
}

static void put_frame(struct i8255x *d, const uint8_t *frame, uint32_t size)
{
    uint32_t at = d->s.ru_base + d->s.ru_offset, room, used;
    uint16_t status = RFD_COMPLETE, command;
    uint8_t rfd[RFD_SIZE], count[2];

    if (pci_dma_read(&d->pci, at, rfd, sizeof(rfd)) != MEM_OK) {
        out_of_resources(d);
        return;
    }
    command = ld16_le(rfd + 2);
    room = ld16_le(rfd + 14) & RFD_COUNT;
    /* Drivers mark with a size of 0 an RFD that is not theirs to give yet. */
    if (room == 0 || command & RFD_FLEXIBLE) {
        if (command & RFD_FLEXIBLE) {
            log_unimp("i8255x: an RFD in flexible mode");
        }
        out_of_resources(d);
        return;
    }
    used = MIN_OF(room, size);
    status |= used < size ? RFD_OUT_OF_BUFFER : RFD_OK;
    status |= ld16_be(frame + 12) > 1500 ? RFD_TYPE : 0;
    status |= is_mine(d, frame) ? 0 : RFD_NOT_MINE;
    trace(i8255x_receive, "%u of %u bytes at 0x%x", used, size, at);
    pci_dma_write(&d->pci, at + RFD_SIZE, frame, used);
    st16_le(count, (uint16_t)(used | RFD_COUNT_VALID));
    pci_dma_write(&d->pci, at + 12, count, 2);
    st16_le(count, status);
    pci_dma_write(&d->pci, at, count, 2);
    d->s.counters[used < size ? COUNT_RX_RESOURCE : COUNT_RX_GOOD]++;
    advance(d, command, ld32_le(rfd + 4));
}

void i8255x_receive(void *opaque, const uint8_t *frame, size_t size)
{
    uint8_t copy[MAX_FRAME + CRC];
    struct i8255x *d = opaque;
    bool long_ok = d->s.config[18] & 0x08;

    if (i8255x_ru_state(d) != RU_READY || size < 14 ||
        size > (long_ok ? MAX_FRAME : MAX_NORMAL - CRC) || !accepts(d, frame)) {
        return;
    }
    memcpy(copy, frame, size);
    if (size < ETHERNET_MIN) {
        memset(copy + size, 0, ETHERNET_MIN - size);
        size = ETHERNET_MIN;
    }
    if (d->s.config[18] & 0x04) {
        st32_le(copy + size, ethernet_crc(copy, size));
        size += CRC;
    }
    put_frame(d, copy, (uint32_t)size);
}
