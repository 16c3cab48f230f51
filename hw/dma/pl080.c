/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PL080 DMA controller (ARM DDI 0196): eight channels with linked lists. Inputs 0 to 15 are the
 * requests of peripherals, which last as long as there is something to move.
 */
#include "hw/dma/pl080.h"

#include "base/bits.h"
#include "base/log.h"
#include "hw/misc/primecell.h"

#define CHANNELS 8
#define PL080_ID 0x0a041080
/* Units that one access of the guest may move; a list that goes in circles ends here. */
#define MAX_UNITS (1u << 20)

enum {
    REG_STATUS = 0x00, REG_COUNT_STATUS = 0x04, REG_COUNT_CLEAR = 0x08, REG_ERROR_STATUS = 0x0c,
    REG_ERROR_CLEAR = 0x10, REG_RAW_COUNT = 0x14, REG_RAW_ERROR = 0x18, REG_ENABLED = 0x1c,
    REG_SOFT_FIRST = 0x20, REG_SOFT_LAST = 0x2c, REG_CONFIG = 0x30, REG_SYNC = 0x34,
    REG_CHANNEL = 0x100
};
enum { CHANNEL_SOURCE, CHANNEL_DEST, CHANNEL_LIST, CHANNEL_CONTROL, CHANNEL_CONFIG };
enum {
    CONTROL_COUNT = 0xfff, CONTROL_SOURCE_STEP = 1 << 26, CONTROL_DEST_STEP = 1 << 27,
    CONTROL_INTERRUPT = 1u << 31
};
enum {
    CONFIG_ENABLE = 1, CONFIG_ERROR_MASK = 1 << 14, CONFIG_COUNT_MASK = 1 << 15,
    CONFIG_HALT = 1 << 18, CONFIG_KEPT = 0x5fffff & ~(1 << 17)
};

struct dma_channel { uint32_t source, dest, list, control, config; };
FIELDS(dma_channel) = {
    FIELD(dma_channel, source), FIELD(dma_channel, dest), FIELD(dma_channel, list),
    FIELD(dma_channel, control), FIELD(dma_channel, config), FIELDS_END
};

struct pl080 {
    struct device dev;
    struct address_space *memory;
    bool running;
    struct pl080_state {
        struct dma_channel channels[CHANNELS];
        uint32_t counted, failed, config, sync, requests, soft;
    } s;
};
FIELDS(pl080_state) = {
    NESTED_ARRAY(pl080_state, channels, dma_channel), FIELD(pl080_state, counted),
    FIELD(pl080_state, failed), FIELD(pl080_state, config), FIELD(pl080_state, sync),
    FIELD(pl080_state, requests), FIELD(pl080_state, soft), FIELDS_END
};

void pl080_set_memory(struct device *dev, struct address_space *memory)
{
    ((struct pl080 *)dev)->memory = memory;
}

/* The channels whose configuration lets this kind of event interrupt. */
static uint32_t masked(const struct pl080_state *s, uint32_t events, uint32_t mask)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        if (!(s->channels[i].config & mask)) {
            events &= ~(1u << i);
        }
    }
    return events;
}

static uint32_t count_status(const struct pl080_state *s)
{
    return masked(s, s->counted, CONFIG_COUNT_MASK);
}

static uint32_t error_status(const struct pl080_state *s)
{
    return masked(s, s->failed, CONFIG_ERROR_MASK);
}

static void update_irq(struct pl080 *d)
{
    irq_set(d->dev.irqs[0], (count_status(&d->s) | error_status(&d->s)) != 0);
}

/* --- moving ---------------------------------------------------------------------------------- */

/* Flow control 0 is memory to memory; bit 0 of the others waits for the destination, bit 1 for the
 * source. */
static bool requested(const struct pl080_state *s, const struct dma_channel *c)
{
    unsigned flow = c->config >> 11 & 3;
    uint32_t requests = s->requests | s->soft;

    return (!(flow & 1) || requests >> (c->config >> 6 & 15) & 1) &&
        (!(flow & 2) || requests >> (c->config >> 1 & 15) & 1);
}

static bool active(const struct dma_channel *c)
{
    return (c->config & (CONFIG_ENABLE | CONFIG_HALT)) == CONFIG_ENABLE;
}

static void fail(struct pl080_state *s, struct dma_channel *c, unsigned n)
{
    s->failed |= 1u << n;
    c->config &= ~CONFIG_ENABLE;
}

/* One unit of the wider side. False on a bus error. */
static bool move_unit(struct pl080 *d, struct dma_channel *c, unsigned source, unsigned dest)
{
    unsigned unit = MAX_OF(source, dest);
    uint8_t data[4];
    uint64_t value;

    for (unsigned at = 0; at < unit; at += source) {
        if (address_space_ld(d->memory, c->source, source, ENDIAN_LITTLE, &value) != MEM_OK) {
            return false;
        }
        st_le(data + at, source, value);
        c->source += c->control & CONTROL_SOURCE_STEP ? source : 0;
    }
    for (unsigned at = 0; at < unit; at += dest) {
        value = ld_le(data + at, dest);
        if (address_space_st(d->memory, c->dest, dest, ENDIAN_LITTLE, value) != MEM_OK) {
            return false;
        }
        c->dest += c->control & CONTROL_DEST_STEP ? dest : 0;
    }
    return true;
}

static bool next_item(struct pl080 *d, struct dma_channel *c, unsigned n)
{
    uint8_t item[16];

    if (c->control & CONTROL_INTERRUPT) {
        d->s.counted |= 1u << n;
    }
    if (!(c->list & ~3u)) {
        c->config &= ~CONFIG_ENABLE;
        return true;
    }
    if (address_space_read(d->memory, c->list & ~3u, item, sizeof(item)) != MEM_OK) {
        return false;
    }
    c->source = ld32_le(item);
    c->dest = ld32_le(item + 4);
    c->list = ld32_le(item + 8);
    c->control = ld32_le(item + 12);
    return true;
}

static void run_channel(struct pl080 *d, unsigned n, unsigned *budget)
{
    struct dma_channel *c = &d->s.channels[n];

    while (active(c) && requested(&d->s, c) && (*budget)-- > 0) {
        unsigned source = 1u << (c->control >> 18 & 3), dest = 1u << (c->control >> 21 & 3);
        uint32_t count = c->control & CONTROL_COUNT, units;

        if (source > 4 || dest > 4) {
            log_guest_error("pl080: impossible width");
            fail(&d->s, c, n);
            return;
        }
        /* The count is in units of the source. */
        units = MAX_OF(dest / source, 1u);
        if (count && !move_unit(d, c, source, dest)) {
            fail(&d->s, c, n);
            return;
        }
        count = count > units ? count - units : 0;
        c->control = (c->control & ~CONTROL_COUNT) | count;
        if (!count && !next_item(d, c, n)) {
            fail(&d->s, c, n);
            return;
        }
    }
}

/* Moving may reach a peripheral whose request line then changes: that is noticed here as well. */
static void run(struct pl080 *d)
{
    unsigned budget = MAX_UNITS;

    if (d->running || !(d->s.config & 1) || !d->memory) {
        return;
    }
    d->running = true;
    for (unsigned n = 0; n < CHANNELS; n++) {
        run_channel(d, n, &budget);
    }
    d->s.soft = 0;
    d->running = false;
    update_irq(d);
}

static void pl080_input(void *dev, int n, int level)
{
    struct pl080 *d = dev;

    d->s.requests = bits_deposit(d->s.requests, (unsigned)n, 1, level != 0);
    if (level) {
        run(d);
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static uint32_t enabled(const struct pl080_state *s)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < CHANNELS; i++) {
        bits |= (s->channels[i].config & CONFIG_ENABLE) << i;
    }
    return bits;
}

static uint32_t *channel_register(struct pl080_state *s, uint64_t offset)
{
    struct dma_channel *c = &s->channels[(offset - REG_CHANNEL) >> 5];

    switch ((offset & 0x1f) / 4) {
    case CHANNEL_SOURCE: return &c->source;
    case CHANNEL_DEST: return &c->dest;
    case CHANNEL_LIST: return &c->list;
    case CHANNEL_CONTROL: return &c->control;
    case CHANNEL_CONFIG: return &c->config;
    default: return NULL;
    }
}

static uint64_t pl080_read(void *dev, uint64_t offset, unsigned size)
{
    struct pl080_state *s = &((struct pl080 *)dev)->s;
    const uint32_t *reg;

    switch (offset) {
    case REG_STATUS: return count_status(s) | error_status(s);
    case REG_COUNT_STATUS: return count_status(s);
    case REG_ERROR_STATUS: return error_status(s);
    case REG_RAW_COUNT: return s->counted;
    case REG_RAW_ERROR: return s->failed;
    case REG_ENABLED: return enabled(s);
    case REG_SOFT_FIRST ... REG_SOFT_LAST: return s->soft;
    case REG_CONFIG: return s->config;
    case REG_SYNC: return s->sync;
    case REG_CHANNEL ... REG_CHANNEL + 0x20 * CHANNELS - 1:
        reg = channel_register(s, offset);
        return reg ? *reg : 0;
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL080_ID, offset);
    default: return 0;
    }
}

static void pl080_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl080 *d = dev;
    struct pl080_state *s = &d->s;
    uint32_t *reg;

    switch (offset) {
    case REG_COUNT_CLEAR: s->counted &= ~value; break;
    case REG_ERROR_CLEAR: s->failed &= ~value; break;
    case REG_SOFT_FIRST ... REG_SOFT_LAST: s->soft |= value & 0xffff; break;
    case REG_CONFIG:
        s->config = value & 1;       /* both masters are little endian */
        if (value & 6) {
            log_unimp("pl080: big-endian masters");
        }
        break;
    case REG_SYNC: s->sync = value & 0xffff; break;
    case REG_CHANNEL ... REG_CHANNEL + 0x20 * CHANNELS - 1:
        reg = channel_register(s, offset);
        if (reg) {
            *reg = (offset & 0x1f) / 4 == CHANNEL_CONFIG ? value & CONFIG_KEPT : value;
        }
        break;
    default: log_guest_error("pl080: write of offset 0x%x", (int)offset); break;
    }
    run(d);
    update_irq(d);
}

/* --- life ------------------------------------------------------------------------------------ */

static bool pl080_init(struct device *dev, struct error **err)
{
    return true;
}

static void pl080_reset(struct device *dev)
{
    struct pl080 *d = (struct pl080 *)dev;

    d->s = (struct pl080_state){ .requests = 0 };
}

static void pl080_reset_lines(struct device *dev)
{
    update_irq((struct pl080 *)dev);
}

static const struct device_region regions[] = {
    { "pl080", PRIMECELL_SIZE, { pl080_read, pl080_write, .min = 4 } }, { 0 }
};

DEVICE(pl080) = {
    .name = "pl080", .desc = "ARM PL080 DMA controller", .internal = true,
    .size = sizeof(struct pl080), .regions = regions, .irqs = 1, .inputs = 16,
    .input = pl080_input, .init = pl080_init, .reset = pl080_reset,
    .reset_lines = pl080_reset_lines, .state = STATE(pl080, s, pl080_state, 1),
};
