/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command unit of the Intel 8255x: a list of command blocks (transmit, configure, addresses),
 * and the dump of statistics. A walk ends after WALK blocks, whatever the list says.
 */
#include "base/bits.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/net/i8255x.h"

enum { CB_HEADER = 8, CB_COMPLETE = 0x8000, CB_OK = 0x2000, CB_END = 0x8000, CB_SUSPEND = 0x4000,
       CB_INTERRUPT = 0x2000, CB_NO_CRC = 0x10, CB_FLEXIBLE = 0x08, CB_COMMAND = 0x07 };
enum { WALK = 1024, MAX_FRAME = 4096, CRC = 4, CONFIG_BYTES = 0x3f };
enum { TBD_SIZE = 8, TBD_END = 0x10000, TBD_COUNT = 0x3fff, TBDS_INSIDE = 2 };
enum { CONFIG_IDLE_ONLY = 0x08, CONFIG_STANDARD_TCB = 0x10, CONFIG_STANDARD_STATS = 0x20,
       CONFIG_TCO_STATS = 0x04, CONFIG_KEEP_SOURCE = 0x08, CONFIG_LOOPBACK = 0xc0 };

static void set_cu_state(struct i8255x *d, enum cu_state state)
{
    d->s.csr[SCB_STATUS] = (uint8_t)bits_merge(d->s.csr[SCB_STATUS], (uint32_t)state << 6, 0xc0);
}

static enum cu_state cu_state(const struct i8255x *d)
{
    return (enum cu_state)(d->s.csr[SCB_STATUS] >> 6);
}

/* --- transmitting ---------------------------------------------------------------------------- */

struct packet {
    uint32_t size;
    uint8_t data[MAX_FRAME];
};

/* What does not fit is cut off. */
static bool gather(struct i8255x *d, struct packet *p, uint32_t address, uint32_t size)
{
    uint32_t room = MIN_OF(size, (uint32_t)MAX_FRAME - p->size);

    if (room && pci_dma_read(&d->pci, address, p->data + p->size, room) != MEM_OK) {
        return false;
    }
    p->size += room;
    return true;
}

/* `count` buffers that an array describes; fewer when one is marked as the `end`. False when memory
 * cannot be read. */
static bool gather_array(struct i8255x *d, struct packet *p, uint32_t array, unsigned count,
                         bool *end)
{
    for (unsigned n = 0; n < count && !*end; n++) {
        uint8_t tbd[TBD_SIZE];

        if (pci_dma_read(&d->pci, array + n * TBD_SIZE, tbd, sizeof(tbd)) != MEM_OK ||
            !gather(d, p, ld32_le(tbd), ld32_le(tbd + 4) & TBD_COUNT)) {
            return false;
        }
        *end = ld32_le(tbd + 4) & TBD_END;
    }
    return true;
}

static void send_packet(struct i8255x *d, struct packet *p, uint16_t command)
{
    const uint8_t *config = d->s.config;

    if (command & CB_NO_CRC) {
        p->size -= MIN_OF(p->size, CRC);
    }
    if (p->size < 14) {
        log_guest_error("i8255x: a frame of %u bytes", p->size);
        return;
    }
    if (!(config[10] & CONFIG_KEEP_SOURCE)) {
        memcpy(p->data + NET_MAC_SIZE, d->s.address, NET_MAC_SIZE);
    }
    trace(i8255x_send, "%u bytes", p->size);
    d->s.counters[COUNT_TX_GOOD]++;
    if (config[10] & CONFIG_LOOPBACK) {
        i8255x_receive(d, p->data, p->size);
    } else {
        net_send(d->nic.port, p->data, p->size);
    }
}

static bool transmit(struct i8255x *d, uint32_t at, uint16_t command)
{
    struct packet p;
    uint32_t array, inside = at + 16;
    unsigned count, here = 0;
    bool end = false;
    uint8_t tcb[8];

    if (pci_dma_read(&d->pci, at + CB_HEADER, tcb, sizeof(tcb)) != MEM_OK) {
        return false;
    }
    array = ld32_le(tcb);
    count = tcb[7];
    p.size = 0;
    if (!gather(d, &p, inside, ld16_le(tcb + 4) & TBD_COUNT)) {
        return false;
    }
    if (command & CB_FLEXIBLE && array != UINT32_MAX) {
        if (i8255x_is_extended(d) && !(d->s.config[6] & CONFIG_STANDARD_TCB)) {
            here = MIN_OF(count, TBDS_INSIDE);
        }
        if (!gather_array(d, &p, inside, here, &end) ||
            !gather_array(d, &p, array, count - here, &end)) {
            return false;
        }
    }
    send_packet(d, &p, command);
    return true;
}

/* --- the other commands ---------------------------------------------------------------------- */

static bool set_address(struct i8255x *d, uint32_t at, uint16_t command)
{
    return pci_dma_read(&d->pci, at + CB_HEADER, d->s.address, NET_MAC_SIZE) == MEM_OK;
}

/* The first byte says how many there are. */
static bool configure(struct i8255x *d, uint32_t at, uint16_t command)
{
    uint8_t count;

    return pci_dma_read(&d->pci, at + CB_HEADER, &count, 1) == MEM_OK &&
        pci_dma_read(&d->pci, at + CB_HEADER, d->s.config,
                     MIN_OF(count & CONFIG_BYTES, I8255X_CONFIG)) == MEM_OK;
}

static bool set_multicast(struct i8255x *d, uint32_t at, uint16_t command)
{
    uint8_t count[2], mac[NET_MAC_SIZE];

    if (pci_dma_read(&d->pci, at + CB_HEADER, count, 2) != MEM_OK) {
        return false;
    }
    d->s.multicast = 0;
    for (unsigned n = 0; n < (ld16_le(count) & TBD_COUNT) / NET_MAC_SIZE; n++) {
        if (pci_dma_read(&d->pci, at + CB_HEADER + 2 + n * NET_MAC_SIZE, mac,
                         NET_MAC_SIZE) != MEM_OK) {
            return false;
        }
        d->s.multicast |= 1ull << (ethernet_hash(mac) >> 26);
    }
    return true;
}

/* No operation; microcode, which only tunes when real chips interrupt; the self-diagnosis. */
static bool do_nothing(struct i8255x *d, uint32_t at, uint16_t command)
{
    return true;
}

static bool dump(struct i8255x *d, uint32_t at, uint16_t command)
{
    log_unimp("i8255x: the dump of internal registers");
    return false;
}

static bool (*const commands[])(struct i8255x *d, uint32_t at, uint16_t command) = {
    do_nothing, set_address, configure, set_multicast, transmit, do_nothing, dump, do_nothing
};

/* --- the list -------------------------------------------------------------------------------- */

/* The unit leaves the active state. */
static void halt(struct i8255x *d, enum cu_state state)
{
    set_cu_state(d, state);
    if (state == CU_IDLE || !(d->s.config[6] & CONFIG_IDLE_ONLY)) {
        i8255x_interrupt(d, ACK_CNA);
    }
}

/* False when the walk is over. */
static bool execute_block(struct i8255x *d)
{
    uint32_t at = d->s.cu_base + d->s.cu_offset;
    uint8_t header[CB_HEADER], status[2];
    uint16_t command;
    bool good;

    if (pci_dma_read(&d->pci, at, header, sizeof(header)) != MEM_OK) {
        log_guest_error("i8255x: no command block at 0x%x", at);
        halt(d, CU_IDLE);
        return false;
    }
    command = ld16_le(header + 2);
    good = commands[command & CB_COMMAND](d, at, command);
    st16_le(status, CB_COMPLETE | (good ? CB_OK : 0));
    pci_dma_write(&d->pci, at, status, 2);
    if (command & CB_INTERRUPT) {
        i8255x_interrupt(d, ACK_CX);
    }
    if (command & CB_END) {
        halt(d, CU_IDLE);
    } else if (command & CB_SUSPEND) {
        halt(d, CU_SUSPENDED);
    } else {
        d->s.cu_offset = ld32_le(header + 4);
        return true;
    }
    return false;
}

static void walk(struct i8255x *d)
{
    unsigned n;

    if (d->running) {
        log_guest_error("i8255x: a command block starts the command unit");
        return;
    }
    d->running = true;
    set_cu_state(d, CU_ACTIVE);
    for (n = 0; n < WALK && execute_block(d); n++) {
    }
    d->running = false;
    if (n == WALK) {
        log_guest_error("i8255x: a list of command blocks without an end");
        halt(d, CU_IDLE);
    }
}

void i8255x_cu_start(struct i8255x *d, uint32_t offset)
{
    if (!d->running) {
        d->s.cu_offset = offset;
    }
    walk(d);
}

/* On from the block that suspended the unit, by its link as it is now. */
void i8255x_cu_resume(struct i8255x *d)
{
    uint8_t link[4];

    if (cu_state(d) != CU_SUSPENDED || d->running) {
        log_guest_error("i8255x: the command unit is not suspended");
        return;
    }
    if (pci_dma_read(&d->pci, d->s.cu_base + d->s.cu_offset + 4, link, 4) == MEM_OK) {
        i8255x_cu_start(d, ld32_le(link));
    }
}

void i8255x_dump_statistics(struct i8255x *d, bool reset)
{
    uint8_t out[sizeof(d->s.counters) + 8] = { 0 };
    unsigned size = 64;

    if (i8255x_is_extended(d)) {
        size = d->s.config[6] & CONFIG_TCO_STATS ? 80 :
            d->s.config[6] & CONFIG_STANDARD_STATS ? 64 : 76;
    }
    for (unsigned n = 0; n < I8255X_COUNTERS && n * 4 < size; n++) {
        st32_le(out + n * 4, d->s.counters[n]);
    }
    st32_le(out + size, reset ? 0xa007 : 0xa005);
    pci_dma_write(&d->pci, d->s.statistics, out, size + 4);
    if (reset) {
        memset(d->s.counters, 0, sizeof(d->s.counters));
    }
}
