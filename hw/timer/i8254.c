/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8254 programmable interval timer.
 *
 * Nothing counts: a channel knows when its count was loaded, and the count, the output and the next
 * interrupt follow from the time that has passed, so they never drift from CLOCK_VM.
 */
#include "hw/timer/i8254.h"

#include "base/bits.h"
#include "base/clock.h"
#include "base/trace.h"
#include "hw/isa/isa.h"

enum { CHANNELS = 3 };
enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };
/* Interrupts that came due while the host was busy are given late, but no more than this time's. */
#define BACKLOG_NS (200 * NS_PER_MS)
/* And never faster than this, whatever count the guest gives. */
#define SHORTEST_NS (20 * NS_PER_US)

struct pit_channel {
    int64_t start;              /* CLOCK_VM when the counting began, while it counts */
    uint64_t paused_at;         /* ticks counted so far, while it does not */
    uint64_t delivered;         /* ticks since start of the last output edge given as interrupt */
    int64_t switch_time;        /* when next_count takes over, in modes 2 and 3 */
    uint32_t count;             /* 1 to 65536; 0 before it is given */
    uint32_t next_count;        /* 0: none */
    uint16_t latched;
    uint8_t latched_bytes;      /* that are still to be read */
    uint8_t status;
    uint8_t mode, access, write_low;
    bool bcd, gate, counting, triggered, status_latched, read_high, write_high;
};

FIELDS(pit_channel) = {
    FIELD(pit_channel, start), FIELD(pit_channel, paused_at), FIELD(pit_channel, delivered),
    FIELD(pit_channel, switch_time), FIELD(pit_channel, count), FIELD(pit_channel, next_count),
    FIELD(pit_channel, latched), FIELD(pit_channel, latched_bytes), FIELD(pit_channel, status),
    FIELD(pit_channel, mode), FIELD(pit_channel, access), FIELD(pit_channel, write_low),
    FIELD(pit_channel, bcd), FIELD(pit_channel, gate), FIELD(pit_channel, counting),
    FIELD(pit_channel, triggered), FIELD(pit_channel, status_latched),
    FIELD(pit_channel, read_high), FIELD(pit_channel, write_high),
    FIELDS_END
};

struct pit {
    struct device dev;
    uint32_t iobase;
    struct timer timer;
    struct pit_state {
        bool irq_off;           /* input 0 */
        bool line;              /* the interrupt line as last driven: it is not moved at falls */
        struct pit_channel channels[CHANNELS];
    } s;
};

FIELDS(pit_state) = {
    FIELD(pit_state, irq_off), FIELD(pit_state, line),
    NESTED_ARRAY(pit_state, channels, pit_channel),
    FIELDS_END
};

/* --- counting -------------------------------------------------------------------------------- */

static bool is_periodic(const struct pit_channel *c)
{
    return c->mode == 2 || c->mode == 3;
}

/* Modes whose counting waits for a rising gate. */
static bool is_triggered(const struct pit_channel *c)
{
    return c->mode == 1 || c->mode == 5;
}

static uint64_t elapsed(const struct pit_channel *c, int64_t now)
{
    if (!c->counting) {
        return c->paused_at;
    }
    return now > c->start ? clock_ns_to_ticks(now - c->start, PIT_HZ) : 0;
}

static int64_t time_of_tick(const struct pit_channel *c, uint64_t tick)
{
    return c->start + (int64_t)clock_ticks_to_ns(tick, PIT_HZ);
}

static void start_counting(struct pit_channel *c, int64_t now)
{
    c->start = now;
    c->paused_at = c->delivered = 0;
    c->counting = c->gate || is_triggered(c);
}

static void pause_counting(struct pit_channel *c, int64_t now)
{
    c->paused_at = elapsed(c, now);
    c->counting = false;
}

static void resume_counting(struct pit_channel *c, int64_t now)
{
    if (!c->counting) {
        c->start = now - (int64_t)clock_ticks_to_ns(c->paused_at, PIT_HZ);
        c->counting = true;
    }
}

/* A count written to a running periodic channel takes over when the current period ends. */
static void take_next_count(struct pit_channel *c, int64_t now)
{
    if (c->next_count && now >= c->switch_time) {
        c->count = c->next_count;
        c->next_count = 0;
        start_counting(c, c->switch_time);
    }
}

static uint32_t to_counter(const struct pit_channel *c, uint32_t value)
{
    if (!c->bcd) {
        return value & 0xffff;
    }
    value %= 10000;
    return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
}

static uint32_t from_counter(const struct pit_channel *c, uint32_t value)
{
    if (c->bcd) {
        value = (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 +
            (value & 15);
        return value ? value : 10000;
    }
    return value ? value : 0x10000;
}

/* What the counting element shows. */
static uint16_t current_count(const struct pit_channel *c, int64_t now)
{
    uint32_t modulus = c->bcd ? 10000 : 0x10000;
    uint64_t ticks = elapsed(c, now);
    uint32_t phase, half;

    if (!c->count) {
        return 0;
    }
    switch (c->mode) {
    case 2:
        return to_counter(c, c->count - ticks % c->count);
    case 3:
        /* Counts down by two, twice a period; an odd count has the longer half first. */
        phase = ticks % c->count;
        half = (c->count + 1) / 2;
        return to_counter(c, (c->count & ~1u) - 2 * (phase < half ? phase : phase - half));
    default:
        return to_counter(c, modulus + c->count % modulus - ticks % modulus);
    }
}

static bool output(const struct pit_channel *c, int64_t now)
{
    uint64_t ticks = elapsed(c, now);

    if (!c->count) {
        return c->mode != 0;
    }
    switch (c->mode) {
    case 0:
        return ticks >= c->count;
    case 1:
        return !c->triggered || ticks >= c->count;
    case 2:
        return !c->gate || ticks % c->count != c->count - 1;
    case 3:
        return !c->gate || ticks % c->count < (c->count + 1) / 2;
    case 4:
        return ticks != c->count;
    default:
        return !c->triggered || ticks != c->count;
    }
}

/* --- interrupts of channel 0 ----------------------------------------------------------------- */

/* The tick of the first rising edge of the output after tick `after`; UINT64_MAX if none. */
static uint64_t next_rise(const struct pit_channel *c, uint64_t after)
{
    uint64_t rise = c->count;

    if (!c->count || !c->counting || (is_triggered(c) && !c->triggered)) {
        return UINT64_MAX;
    }
    if (is_periodic(c)) {
        return (after / c->count + 1) * c->count;
    }
    if (c->mode >= 4) {
        rise++;                 /* the strobe is low for the tick at which the count ends */
    }
    return after < rise ? rise : UINT64_MAX;
}

static void schedule(struct pit *pit, int64_t not_before)
{
    struct pit_channel *c = &pit->s.channels[0];
    uint64_t rise = next_rise(c, c->delivered);

    if (pit->s.irq_off || rise == UINT64_MAX) {
        timer_cancel(&pit->timer);
    } else {
        int64_t due = time_of_tick(c, rise);

        timer_set(&pit->timer, MAX_OF(due, not_before));
    }
}

static void set_line(struct pit *pit, bool level)
{
    pit->s.line = level;
    irq_set(pit->dev.irqs[0], level);
}

static void drive_irq(struct pit *pit)
{
    if (!pit->s.irq_off) {
        set_line(pit, output(&pit->s.channels[0], clock_ns(CLOCK_VM)));
    }
}

/* Late edges are made up for at double speed, so that the guest sees each as one interrupt. */
static void tick(void *opaque)
{
    struct pit *pit = opaque;
    struct pit_channel *c = &pit->s.channels[0];
    int64_t now = clock_ns(CLOCK_VM);
    uint64_t rise = next_rise(c, c->delivered);
    int64_t half_period = MAX_OF((int64_t)clock_ticks_to_ns(c->count, PIT_HZ) / 2, SHORTEST_NS);
    bool late;

    if (rise == UINT64_MAX || now < time_of_tick(c, rise)) {
        schedule(pit, 0);
        return;
    }
    if (is_periodic(c)) {
        uint64_t oldest = elapsed(c, MAX_OF(now - BACKLOG_NS, c->start));

        if (rise < oldest) {
            rise = oldest / c->count * c->count;
        }
    }
    c->delivered = rise;
    set_line(pit, false);
    set_line(pit, true);
    take_next_count(c, now);
    late = next_rise(c, c->delivered) <= elapsed(c, now);
    schedule(pit, late ? now + half_period : 0);
}

/* After channel 0 changed. */
static void restart(struct pit *pit, struct pit_channel *c)
{
    if (c == &pit->s.channels[0]) {
        drive_irq(pit);
        schedule(pit, 0);
    }
}

/* --- registers ------------------------------------------------------------------------------- */

static void load_count(struct pit *pit, struct pit_channel *c, uint16_t value)
{
    int64_t now = clock_ns(CLOCK_VM);
    uint32_t count = from_counter(c, value);

    take_next_count(c, now);
    if (is_periodic(c) && c->count && c->counting) {
        uint64_t period_end = (elapsed(c, now) / c->count + 1) * c->count;

        c->next_count = count;
        c->switch_time = time_of_tick(c, period_end);
        return;
    }
    if (is_triggered(c) && c->triggered) {
        c->next_count = count;  /* for the next trigger */
        c->switch_time = INT64_MAX;
        return;
    }
    c->count = count;
    start_counting(c, now);
    if (is_triggered(c)) {
        c->counting = false;
    }
    restart(pit, c);
}

static void write_count(struct pit *pit, struct pit_channel *c, uint8_t value)
{
    if (c->access == ACCESS_LOW) {
        load_count(pit, c, value);
    } else if (c->access == ACCESS_HIGH) {
        load_count(pit, c, value << 8);
    } else if (!c->write_high) {
        c->write_low = value;
        c->write_high = true;
        /* The first byte stops a mode 0 count and lowers the output. */
        if (c->mode == 0) {
            c->count = 0;
            restart(pit, c);
        }
    } else {
        c->write_high = false;
        load_count(pit, c, value << 8 | c->write_low);
    }
}

static void latch_count(struct pit_channel *c, int64_t now)
{
    if (!c->latched_bytes) {
        c->latched = current_count(c, now);
        c->latched_bytes = c->access == ACCESS_BOTH ? 2 : 1;
    }
}

static void latch_status(struct pit_channel *c, int64_t now)
{
    if (!c->status_latched) {
        c->status = output(c, now) << 7 | (!c->count || c->next_count) << 6 | c->access << 4 |
            c->mode << 1 | c->bcd;
        c->status_latched = true;
    }
}

static void read_back(struct pit *pit, uint8_t value)
{
    int64_t now = clock_ns(CLOCK_VM);

    for (unsigned i = 0; i < CHANNELS; i++) {
        struct pit_channel *c = &pit->s.channels[i];

        if (value >> (i + 1) & 1) {
            take_next_count(c, now);
            if (!(value & 0x20)) {
                latch_count(c, now);
            }
            if (!(value & 0x10)) {
                latch_status(c, now);
            }
        }
    }
}

static void write_control(struct pit *pit, uint8_t value)
{
    unsigned n = value >> 6, mode = value >> 1 & 7;
    struct pit_channel *c = &pit->s.channels[n < CHANNELS ? n : 0];

    if (n == CHANNELS) {
        read_back(pit, value);
        return;
    }
    if ((value >> 4 & 3) == ACCESS_LATCH) {
        take_next_count(c, clock_ns(CLOCK_VM));
        latch_count(c, clock_ns(CLOCK_VM));
        return;
    }
    c->access = value >> 4 & 3;
    c->mode = mode > 5 ? mode - 4 : mode;
    c->bcd = value & 1;
    c->count = c->next_count = 0;
    c->counting = c->triggered = false;
    c->paused_at = 0;
    c->latched_bytes = 0;
    c->status_latched = c->read_high = c->write_high = false;
    restart(pit, c);
}

static uint8_t read_count(struct pit_channel *c, int64_t now)
{
    uint16_t count;
    bool high;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    count = c->latched_bytes ? c->latched : current_count(c, now);
    high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->read_high);
    if (c->access == ACCESS_BOTH) {
        c->read_high = !c->read_high;
    }
    if (c->latched_bytes) {
        c->latched_bytes--;
    }
    return high ? count >> 8 : count & 0xff;
}

static uint64_t pit_read(void *dev, uint64_t offset, unsigned size)
{
    struct pit *pit = dev;
    int64_t now = clock_ns(CLOCK_VM);

    if (offset == CHANNELS) {
        return 0xff;            /* the control word cannot be read */
    }
    take_next_count(&pit->s.channels[offset], now);
    return read_count(&pit->s.channels[offset], now);
}

static void pit_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    trace(pit_write, "port %d value 0x%02x", (int)offset, (int)value);
    if (offset == CHANNELS) {
        write_control(dev, value);
    } else {
        write_count(dev, &((struct pit *)dev)->s.channels[offset], value);
    }
}

/* --- gates and outputs ----------------------------------------------------------------------- */

void pit_set_gate(struct device *dev, unsigned channel, bool gate)
{
    struct pit *pit = (struct pit *)dev;
    struct pit_channel *c = &pit->s.channels[channel];
    int64_t now = clock_ns(CLOCK_VM);

    if (gate == c->gate) {
        return;
    }
    take_next_count(c, now);
    c->gate = gate;
    if (!c->count) {
        return;
    }
    if (is_triggered(c)) {
        if (gate) {
            c->count = c->next_count ? c->next_count : c->count;
            c->next_count = 0;
            c->triggered = true;
            start_counting(c, now);
        }
    } else if (!gate) {
        pause_counting(c, now);
    } else if (is_periodic(c)) {
        c->count = c->next_count ? c->next_count : c->count;
        c->next_count = 0;
        start_counting(c, now);
    } else {
        resume_counting(c, now);
    }
    restart(pit, c);
}

void pit_channel_info(struct device *dev, unsigned channel, struct pit_channel_info *info)
{
    struct pit_channel *c = &((struct pit *)dev)->s.channels[channel];
    int64_t now = clock_ns(CLOCK_VM);

    take_next_count(c, now);
    *info = (struct pit_channel_info){ c->mode, c->count, c->gate, output(c, now) };
}

static void pit_input(void *dev, int n, int level)
{
    struct pit *pit = dev;
    struct pit_channel *c = &pit->s.channels[0];

    if (pit->s.irq_off == !!level) {
        return;
    }
    pit->s.irq_off = level;
    if (level) {
        set_line(pit, false);
    } else {
        c->delivered = elapsed(c, clock_ns(CLOCK_VM));
        drive_irq(pit);
    }
    schedule(pit, 0);
}

/* --- the device ------------------------------------------------------------------------------ */

static bool pit_init(struct device *dev, struct error **err)
{
    struct pit *pit = (struct pit *)dev;

    timer_init(&pit->timer, CLOCK_VM, tick, pit);
    isa_map(dev, &dev->regions[0], pit->iobase);
    return true;
}

static void pit_exit(struct device *dev)
{
    timer_cancel(&((struct pit *)dev)->timer);
}

static void pit_reset(struct device *dev)
{
    struct pit *pit = (struct pit *)dev;

    pit->s = (struct pit_state){ .line = true };
    for (unsigned i = 0; i < CHANNELS; i++) {
        pit->s.channels[i].mode = 3;
        pit->s.channels[i].access = ACCESS_BOTH;
        pit->s.channels[i].gate = i != 2;
    }
    timer_cancel(&pit->timer);
}

static void pit_reset_lines(struct device *dev)
{
    irq_set(dev->irqs[0], ((struct pit *)dev)->s.line);
}

static bool pit_loaded(struct device *dev, struct error **err)
{
    struct pit *pit = (struct pit *)dev;

    for (unsigned i = 0; i < CHANNELS; i++) {
        const struct pit_channel *c = &pit->s.channels[i];

        if (c->mode > 5 || c->access > 3 || c->latched_bytes > 2 || c->count > 0x10000 ||
            c->next_count > 0x10000) {
            error_set(err, "isa-pit: impossible state of channel %u", i);
            return false;
        }
    }
    schedule(pit, 0);
    return true;
}

static const struct property pit_properties[] = {
    PROP_UINT("iobase", pit, iobase, 0x40),
    { 0 }
};

static const struct device_region pit_regions[] = {
    { "pit", 4, { pit_read, pit_write, .max = 1 } },
    { 0 }
};

DEVICE(pit) = {
    .name = "isa-pit", .desc = "8254 interval timer", .bus = "isa", .internal = true,
    .size = sizeof(struct pit), .properties = pit_properties, .regions = pit_regions, .irqs = 1,
    .inputs = 1, .input = pit_input, .init = pit_init, .exit = pit_exit, .reset = pit_reset,
    .reset_lines = pit_reset_lines, .loaded = pit_loaded, .state = STATE(pit, s, pit_state, 1),
};
