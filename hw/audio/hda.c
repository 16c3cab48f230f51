/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel HD audio controller (82801F, ICH6): command rings, streams and their buffer lists.
 *
 * Registers are bytes with masks; what a write means is found out afterwards. Commands are answered
 * while they are written.
 */
#include "hw/audio/hda.h"

#include <string.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/trace.h"
#include "hw/pci/pci.h"

#define INPUTS 4
#define STREAMS 8                       /* inputs first */
#define SIZE 0x180
#define RING 256
#define WALL_HZ 24000000

enum {
    REG_GCAP = 0x00, REG_VMAJOR = 0x03, REG_OUTPAY = 0x04, REG_INPAY = 0x06, REG_GCTL = 0x08,
    REG_WAKE_ENABLE = 0x0c, REG_STATE = 0x0e, REG_INT_CONTROL = 0x20, REG_INT_STATUS = 0x24,
    REG_WALL = 0x30, REG_CORB_BASE = 0x40, REG_CORB_WRITE = 0x48, REG_CORB_READ = 0x4a,
    REG_CORB_CONTROL = 0x4c, REG_CORB_SIZE = 0x4e, REG_RIRB_BASE = 0x50, REG_RIRB_WRITE = 0x58,
    REG_RIRB_COUNT = 0x5a, REG_RIRB_CONTROL = 0x5c, REG_RIRB_STATUS = 0x5d, REG_RIRB_SIZE = 0x5e,
    REG_IMMEDIATE = 0x60, REG_ANSWER = 0x64, REG_IMMEDIATE_STATUS = 0x68, REG_POSITIONS = 0x70,
    REG_STREAMS = 0x80
};
/* Of a stream, each 0x20 bytes. */
enum { SD_CONTROL = 0x00, SD_TAG = 0x02, SD_STATUS = 0x03, SD_POSITION = 0x04, SD_LENGTH = 0x08,
       SD_LAST = 0x0c, SD_FIFO = 0x10, SD_FORMAT = 0x12, SD_LIST = 0x18, SD_SIZE = 0x20 };
enum { GCTL_RUN = 1 };
enum { INT_GLOBAL = 1u << 31, INT_CONTROLLER = 1u << 30 };
enum { RING_RESET = 0x8000, RING_RUN = 2, RIRB_INTERRUPT = 1 };
enum { SD_RESET = 1, SD_RUN = 2, SD_COMPLETE_ENABLE = 4, SD_COMPLETE = 4 };

struct hda_place { uint32_t at; uint16_t entry; };
FIELDS(hda_place) = { FIELD(hda_place, at), FIELD(hda_place, entry), FIELDS_END };

struct hda {
    struct pci_device pci;
    struct hda_bus bus;
    struct hda_state {
        uint8_t regs[SIZE];
        struct hda_place places[STREAMS];   /* in the buffer lists */
        uint16_t answers;               /* since the last interrupt */
        int64_t wall_start;
    } s;
};
FIELDS(hda_state) = {
    ARRAY(hda_state, regs), NESTED_ARRAY(hda_state, places, hda_place), FIELD(hda_state, answers),
    FIELD(hda_state, wall_start), FIELDS_END
};

/* --- register bytes -------------------------------------------------------------------------- */

static uint32_t reg32(const struct hda *h, unsigned at)
{
    return ld32_le(h->s.regs + at);
}

static uint16_t reg16(const struct hda *h, unsigned at)
{
    return ld16_le(h->s.regs + at);
}

static uint64_t base(const struct hda *h, unsigned at)
{
    return reg32(h, at) | (uint64_t)reg32(h, at + 4) << 32;
}

static uint8_t *stream(struct hda *h, unsigned n)
{
    return h->s.regs + REG_STREAMS + SD_SIZE * n;
}

/* Writable bits of a byte; and those that a one clears. */
static uint8_t mask_of(unsigned at, uint8_t *clears)
{
    static const struct { uint8_t at; uint8_t mask[4], clears[4]; } words[] = {
        { REG_GCTL, { 0x03, 0x01 } }, { REG_WAKE_ENABLE, { 0xff, 0x7f }, { 0, 0, 0xff, 0x7f } },
        { REG_INT_CONTROL, { 0xff, 0, 0, 0xc0 } }, { 0x38, { 0xff } },
        { REG_CORB_BASE, { 0x80, 0xff, 0xff, 0xff } }, { 0x44, { 0xff, 0xff, 0xff, 0xff } },
        { REG_CORB_WRITE, { 0xff, 0, 0, 0x80 } }, { REG_CORB_CONTROL, { 0x03 }, { 0, 0x01 } },
        { REG_RIRB_BASE, { 0x80, 0xff, 0xff, 0xff } }, { 0x54, { 0xff, 0xff, 0xff, 0xff } },
        { REG_RIRB_WRITE, { 0, 0x80, 0xff, 0 } }, { REG_RIRB_CONTROL, { 0x07 }, { 0, 0x05 } },
        { REG_IMMEDIATE, { 0xff, 0xff, 0xff, 0xff } },
        { REG_IMMEDIATE_STATUS, { 0x01 }, { 0x02 } },
        { REG_POSITIONS, { 0x81, 0xff, 0xff, 0xff } }, { 0x74, { 0xff, 0xff, 0xff, 0xff } },
    };
    static const uint8_t in_stream[SD_SIZE] = {
        [SD_CONTROL] = 0x1f, [SD_TAG] = 0xff, [SD_LENGTH] = 0xff, 0xff, 0xff, 0xff,
        [SD_LAST] = 0xff, [SD_FORMAT] = 0xff, 0x7f, [SD_LIST] = 0x80, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff
    };

    *clears = 0;
    if (at >= REG_STREAMS) {
        *clears = at % SD_SIZE == SD_STATUS ? 0x1c : 0;
        return in_stream[at % SD_SIZE];
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].at == (at & ~3u)) {
            *clears = words[i].clears[at & 3];
            return words[i].mask[at & 3];
        }
    }
    return 0;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static void update_irq(struct hda *h)
{
    uint32_t status = 0, enabled = reg32(h, REG_INT_CONTROL);

    for (unsigned n = 0; n < STREAMS; n++) {
        const uint8_t *sd = stream(h, n);

        status |= sd[SD_STATUS] & SD_COMPLETE && sd[SD_CONTROL] & SD_COMPLETE_ENABLE ? 1u << n : 0;
    }
    if ((h->s.regs[REG_RIRB_STATUS] & 1 && h->s.regs[REG_RIRB_CONTROL] & RIRB_INTERRUPT) ||
        reg16(h, REG_STATE) & reg16(h, REG_WAKE_ENABLE)) {
        status |= INT_CONTROLLER;
    }
    status |= status & enabled ? INT_GLOBAL : 0;
    st32_le(h->s.regs + REG_INT_STATUS, status);
    pci_set_intx(&h->pci, enabled & INT_GLOBAL && status & INT_GLOBAL);
}

/* --- commands -------------------------------------------------------------------------------- */

static uint32_t command(struct hda *h, uint32_t verb)
{
    unsigned address = verb >> 28;
    struct hda_codec *codec = address < HDA_CODECS ? h->bus.codecs[address] : NULL;
    uint32_t answer = codec ? codec->ops->command(codec, verb >> 20 & 0x7f, verb & 0xfffff) : 0;

    trace(hda_command, "codec %u node %02x verb %05x: %08x", address, verb >> 20 & 0x7f,
          verb & 0xfffff, answer);
    return answer;
}

static void put_answer(struct hda *h, uint32_t answer, unsigned address)
{
    unsigned at = (h->s.regs[REG_RIRB_WRITE] + 1u) % RING;
    uint8_t bytes[8];

    if (!(h->s.regs[REG_RIRB_CONTROL] & RING_RUN)) {
        return;
    }
    st32_le(bytes, answer);
    st32_le(bytes + 4, address);
    pci_dma_write(&h->pci, base(h, REG_RIRB_BASE) + 8 * at, bytes, sizeof(bytes));
    h->s.regs[REG_RIRB_WRITE] = (uint8_t)at;
    if (++h->s.answers >= MAX_OF(reg16(h, REG_RIRB_COUNT), 1)) {
        h->s.answers = 0;
        h->s.regs[REG_RIRB_STATUS] |= 1;
    }
}

static void run_commands(struct hda *h)
{
    uint8_t *read = h->s.regs + REG_CORB_READ;

    if (!(h->s.regs[REG_CORB_CONTROL] & RING_RUN)) {
        return;
    }
    for (unsigned n = 0; n < RING && *read != h->s.regs[REG_CORB_WRITE]; n++) {
        uint8_t bytes[4];
        uint32_t verb;

        ++*read;
        pci_dma_read(&h->pci, base(h, REG_CORB_BASE) + 4u * *read, bytes, sizeof(bytes));
        verb = ld32_le(bytes);
        put_answer(h, command(h, verb), verb >> 28);
    }
    /* The last answers interrupt even if there are fewer than wanted. */
    if (h->s.answers) {
        h->s.answers = 0;
        h->s.regs[REG_RIRB_STATUS] |= 1;
    }
}

/* --- streams --------------------------------------------------------------------------------- */

static int find_stream(struct hda *h, unsigned tag, bool output)
{
    for (unsigned n = output ? INPUTS : 0; n < (output ? STREAMS : INPUTS); n++) {
        const uint8_t *sd = stream(h, n);

        if (tag && sd[SD_TAG] >> 4 == tag && sd[SD_CONTROL] & SD_RUN) {
            return (int)n;
        }
    }
    return -1;
}

static struct hda *controller(struct hda_codec *codec)
{
    return (struct hda *)codec->dev.bus->owner;
}

bool hda_running(struct hda_codec *codec, unsigned tag, bool output)
{
    return find_stream(controller(codec), tag, output) >= 0;
}

struct entry { uint64_t address; uint32_t size; bool interrupts; };

static struct entry entry_of(struct hda *h, unsigned n)
{
    uint64_t list = base(h, REG_STREAMS + SD_SIZE * n + SD_LIST);
    uint8_t bytes[16];

    pci_dma_read(&h->pci, list + 16u * h->s.places[n].entry, bytes, sizeof(bytes));
    return (struct entry){ ld64_le(bytes), ld32_le(bytes + 8), bytes[12] & 1 };
}

uint32_t hda_block(struct hda_codec *codec, unsigned tag, bool output)
{
    struct hda *h = controller(codec);
    int n = find_stream(h, tag, output);

    return n < 0 ? 0 : entry_of(h, (unsigned)n).size;
}

static void end_entry(struct hda *h, unsigned n, bool interrupts)
{
    struct hda_place *place = &h->s.places[n];
    uint8_t *sd = stream(h, n);

    place->at = 0;
    place->entry = place->entry >= sd[SD_LAST] ? 0 : place->entry + 1;
    if (interrupts) {
        sd[SD_STATUS] |= SD_COMPLETE;
        update_irq(h);
    }
}

/* Drivers may read positions in memory. */
static void tell_position(struct hda *h, unsigned n)
{
    if (h->s.regs[REG_POSITIONS] & 1) {
        pci_dma_write(&h->pci, (base(h, REG_POSITIONS) & ~0x7full) + 8 * n,
                      stream(h, n) + SD_POSITION, 4);
    }
}

static void move_position(struct hda *h, unsigned n, uint32_t size)
{
    uint8_t *sd = stream(h, n);
    uint32_t length = ld32_le(sd + SD_LENGTH), at = ld32_le(sd + SD_POSITION) + size;

    st32_le(sd + SD_POSITION, length ? at % length : 0);
}

size_t hda_transfer(struct hda_codec *codec, unsigned tag, bool output, uint8_t *data, size_t size)
{
    struct hda *h = controller(codec);
    int found = find_stream(h, tag, output);
    unsigned n = (unsigned)found;
    size_t done = 0;

    /* Entries may be empty: no more than a round of those in a row. */
    for (unsigned empty = 0; found >= 0 && done < size && empty <= 256;) {
        struct hda_place *place = &h->s.places[n];
        struct entry e = entry_of(h, n);
        uint32_t left = e.size > place->at ? e.size - place->at : 0;
        uint32_t part = (uint32_t)MIN_OF((size_t)left, size - done);

        if (output) {
            pci_dma_read(&h->pci, e.address + place->at, data + done, part);
        } else {
            pci_dma_write(&h->pci, e.address + place->at, data + done, part);
        }
        done += part;
        place->at += part;
        empty = part ? 0 : empty + 1;
        move_position(h, n, part);
        if (part == left) {
            end_entry(h, n, e.interrupts);
        }
    }
    if (found >= 0) {
        tell_position(h, n);
    }
    return done;
}

static void tell_codecs(struct hda *h)
{
    for (unsigned i = 0; i < HDA_CODECS; i++) {
        if (h->bus.codecs[i]) {
            h->bus.codecs[i]->ops->streams_changed(h->bus.codecs[i]);
        }
    }
}

static void control_stream(struct hda *h, unsigned n, uint8_t before)
{
    uint8_t *sd = stream(h, n), now = sd[SD_CONTROL];

    if (now & ~before & SD_RESET) {
        memset(sd, 0, SD_SIZE);
        sd[SD_CONTROL] = SD_RESET;
        h->s.places[n] = (struct hda_place){ 0 };
    }
    if ((now ^ before) & (SD_RUN | SD_RESET)) {
        tell_codecs(h);
    }
}

/* --- register access ------------------------------------------------------------------------- */

static void reset_registers(struct hda *h)
{
    struct hda_state *s = &h->s;

    memset(s->regs, 0, sizeof(s->regs));
    memset(s->places, 0, sizeof(s->places));
    s->answers = 0;
    st16_le(s->regs + REG_GCAP, 0x4401);             /* four of each kind, 64-bit addresses */
    s->regs[REG_VMAJOR] = 1;
    st16_le(s->regs + REG_OUTPAY, 0x3c);
    st16_le(s->regs + REG_INPAY, 0x1d);
    s->regs[REG_CORB_SIZE] = s->regs[REG_RIRB_SIZE] = 0x42;
    for (unsigned n = 0; n < STREAMS; n++) {
        st16_le(stream(h, n) + SD_FIFO, n < INPUTS ? 0x77 : 0xbf);
    }
    s->wall_start = clock_ns(CLOCK_VM);
}

/* Out of reset the codecs report. */
static void control_global(struct hda *h, uint8_t before)
{
    uint8_t now = h->s.regs[REG_GCTL];

    if (before & ~now & GCTL_RUN) {
        reset_registers(h);
        tell_codecs(h);
    }
    for (unsigned i = 0; now & ~before & GCTL_RUN && i < HDA_CODECS; i++) {
        if (h->bus.codecs[i]) {
            h->s.regs[REG_STATE + i / 8] |= (uint8_t)(1u << i % 8);
        }
    }
}

static void run_immediate(struct hda *h)
{
    if (h->s.regs[REG_IMMEDIATE_STATUS] & 1) {
        st32_le(h->s.regs + REG_ANSWER, command(h, reg32(h, REG_IMMEDIATE)));
        h->s.regs[REG_IMMEDIATE_STATUS] = 2;
    }
}

static void written(struct hda *h, unsigned at, uint8_t before)
{
    uint8_t *byte = h->s.regs + at;

    if (at >= REG_STREAMS) {
        if (at % SD_SIZE == SD_CONTROL) {
            control_stream(h, (at - REG_STREAMS) / SD_SIZE, before);
        }
        return;
    }
    switch (at) {
    case REG_GCTL: control_global(h, before); break;
    case REG_CORB_WRITE:
    case REG_CORB_CONTROL: run_commands(h); break;
    case REG_CORB_READ + 1:
        if (*byte & RING_RESET >> 8) {
            h->s.regs[REG_CORB_READ] = 0;
        }
        break;
    case REG_RIRB_WRITE + 1:
        if (*byte & RING_RESET >> 8) {
            *byte = h->s.regs[REG_RIRB_WRITE] = 0;
        }
        break;
    case REG_IMMEDIATE_STATUS: run_immediate(h); break;
    default: break;
    }
}

static uint64_t hda_read(void *dev, uint64_t offset, unsigned size)
{
    struct hda *h = dev;
    uint64_t value = 0;

    if (offset + size > SIZE) {
        return 0;
    }
    st32_le(h->s.regs + REG_WALL, (uint32_t)clock_ns_to_ticks(
        (uint64_t)(clock_ns(CLOCK_VM) - h->s.wall_start), WALL_HZ));
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)h->s.regs[offset + i] << 8 * i;
    }
    return value;
}

/* In reset only the bit that ends it can be written. */
static void hda_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct hda *h = dev;

    for (unsigned i = 0; i < size && offset + i < SIZE; i++) {
        unsigned at = (unsigned)offset + i;
        uint8_t clears, mask = mask_of(at, &clears), *byte = h->s.regs + at, before = *byte;
        uint8_t bits = (uint8_t)(value >> 8 * i);

        if (at != REG_GCTL && !(h->s.regs[REG_GCTL] & GCTL_RUN)) {
            continue;
        }
        *byte = (uint8_t)bits_merge(*byte, bits, mask) & (uint8_t)~(bits & clears);
        written(h, at, before);
    }
    update_irq(h);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool hda_init(struct device *dev, struct error **err)
{
    struct hda *h = (struct hda *)dev;

    pci_set_ids(&h->pci, 0x8086, 0x2668, 1, 0x040300);
    h->pci.pci.config[0x40] = 1;                     /* the link is HD audio */
    pci_set_interrupt_pin(&h->pci, 1);
    pci_add_bar(&h->pci, 0, PCI_BAR_MEMORY, &dev->regions[0]);
    hda_bus_init(&h->bus, dev);
    return true;
}

static void hda_exit(struct device *dev)
{
    hda_bus_fini(&((struct hda *)dev)->bus);
}

static void hda_reset(struct device *dev)
{
    reset_registers((struct hda *)dev);
}

static void hda_reset_lines(struct device *dev)
{
    struct hda *h = (struct hda *)dev;

    tell_codecs(h);
    update_irq(h);
}

static const struct device_region regions[] = {
    { "intel-hda", 0x4000, { hda_read, hda_write, .min = 1, .max = 4 } }, { 0 }
};

DEVICE(hda) = {
    .name = "intel-hda", .desc = "Intel HD Audio Controller (ich6)", .bus = "pci",
    .size = sizeof(struct hda), .regions = regions, .init = hda_init, .exit = hda_exit,
    .reset = hda_reset, .reset_lines = hda_reset_lines, .state = STATE(hda, s, hda_state, 1),
};
