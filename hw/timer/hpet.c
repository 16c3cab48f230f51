/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * High precision event timer (IA-PC HPET 1.0a), class "hpet": a 64-bit counter of 10 ns and three
 * comparators.
 *
 * Region "hpet" is mapped by the board at 0xfed00000. Outputs 0 to 23 go to the I/O APIC's inputs;
 * output 24 is IRQ 0 and 25 IRQ 8 of the ISA bus in legacy replacement mode; output 26 is up in
 * that mode, for input 0 of the 8254 (which then has to be silent).
 */
#include "base/bits.h"
#include "base/clock.h"
#include "base/trace.h"
#include "hw/core/device.h"
#include "hw/intc/apic.h"

enum { TIMERS = 3, ROUTES = 24, OUT_IRQ0 = 24, OUT_IRQ8, OUT_LEGACY, OUTPUTS };
enum { REG_ID = 0x000, REG_CONFIG = 0x010, REG_STATUS = 0x020, REG_COUNTER = 0x0f0,
       REG_TIMERS = 0x100, TIMER_SIZE = 0x20 };
enum { TIMER_CONFIG = 0x00, TIMER_COMPARE = 0x08, TIMER_FSB = 0x10 };
enum { CONFIG_ENABLE = 1, CONFIG_LEGACY = 2 };
enum {
    T_LEVEL = 1 << 1, T_ENABLE = 1 << 2, T_PERIODIC = 1 << 3, T_CAN_PERIODIC = 1 << 4,
    T_CAN_64 = 1 << 5, T_SET_ACCUMULATOR = 1 << 6, T_32 = 1 << 8, T_ROUTE_SHIFT = 9,
    T_ROUTE = 0x1f << T_ROUTE_SHIFT, T_FSB = 1 << 14, T_CAN_FSB = 1 << 15,
    T_WRITABLE = T_LEVEL | T_ENABLE | T_PERIODIC | T_SET_ACCUMULATOR | T_32 | T_ROUTE | T_FSB
};
enum { TICK_NS = 10, PERIOD_FS = 10000000, SHORTEST_NS = 20000 };
/* Revision 1, three 64-bit timers, legacy replacement capable, Intel. */
#define ID_LOW (0x8086a001u | (TIMERS - 1) << 8)
struct hpet_timer { uint64_t config, compare, period, fsb; };

FIELDS(hpet_timer) = {
    FIELD(hpet_timer, config), FIELD(hpet_timer, compare), FIELD(hpet_timer, period),
    FIELD(hpet_timer, fsb), FIELDS_END
};

struct hpet {
    struct device dev;
    struct timer host[TIMERS];
    struct hpet_channel { struct hpet *hpet; unsigned n; } channels[TIMERS];
    uint32_t routes;            /* inputs of the I/O APIC that can be chosen */
    bool msi;
    struct hpet_state {
        uint64_t config, status;
        uint64_t counter;       /* while stopped */
        int64_t offset;         /* CLOCK_VM at which the running counter was 0 */
        struct hpet_timer timers[TIMERS];
    } s;
};

FIELDS(hpet_state) = {
    FIELD(hpet_state, config), FIELD(hpet_state, status), FIELD(hpet_state, counter),
    FIELD(hpet_state, offset), NESTED_ARRAY(hpet_state, timers, hpet_timer), FIELDS_END
};

static bool running(const struct hpet *h)
{
    return h->s.config & CONFIG_ENABLE;
}

static bool legacy(const struct hpet *h)
{
    return h->s.config & CONFIG_LEGACY;
}

static uint64_t counter(const struct hpet *h)
{
    if (!running(h)) {
        return h->s.counter;
    }
    /* Unsigned: the guest may set the counter to anything. */
    return h->s.counter + (uint64_t)(clock_ns(CLOCK_VM) - h->s.offset) / TICK_NS;
}

static uint64_t width_mask(const struct hpet_timer *t)
{
    return t->config & T_32 ? UINT32_MAX : UINT64_MAX;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static unsigned output_of(const struct hpet *h, unsigned n)
{
    if (legacy(h) && n < 2) {
        return n ? OUT_IRQ8 : OUT_IRQ0;
    }
    return bits_extract(h->s.timers[n].config, T_ROUTE_SHIFT, 5) % ROUTES;
}

static void drive(struct hpet *h, unsigned n)
{
    const struct hpet_timer *t = &h->s.timers[n];

    if (t->config & T_LEVEL && !(t->config & T_FSB)) {
        irq_set(h->dev.irqs[output_of(h, n)], t->config & T_ENABLE && h->s.status >> n & 1);
    }
}

static void interrupt(struct hpet *h, unsigned n)
{
    const struct hpet_timer *t = &h->s.timers[n];

    if (t->config & T_LEVEL) {
        h->s.status |= 1 << n;
    }
    if (!(t->config & T_ENABLE)) {
        return;
    }
    trace(hpet_interrupt, "timer %u", n);
    if (t->config & T_FSB) {
        apic_send_message(t->fsb >> 32, t->fsb);
    } else if (t->config & T_LEVEL) {
        drive(h, n);
    } else {
        irq_pulse(h->dev.irqs[output_of(h, n)]);
    }
}

/* --- timers ---------------------------------------------------------------------------------- */

/* Ticks until the counter meets the comparator; a comparator just behind means a full turn. */
static uint64_t ticks_left(const struct hpet *h, const struct hpet_timer *t)
{
    return (t->compare - counter(h)) & width_mask(t);
}

static void schedule(struct hpet *h, unsigned n)
{
    const struct hpet_timer *t = &h->s.timers[n];
    int64_t now = clock_ns(CLOCK_VM);
    uint64_t left = ticks_left(h, t);

    if (!running(h) || !(t->config & (T_ENABLE | T_LEVEL)) ||
        left > (uint64_t)(INT64_MAX - now) / TICK_NS) {
        timer_cancel(&h->host[n]);
    } else {
        timer_set(&h->host[n], now + (int64_t)left * TICK_NS);
    }
}

/* Moves a periodic comparator past the present; periods missed for long are not made up for. */
static void next_period(struct hpet *h, struct hpet_timer *t)
{
    uint64_t behind = (counter(h) - t->compare) & width_mask(t);

    t->compare = (t->compare + (behind / t->period + 1) * t->period) & width_mask(t);
}

static void expired(void *opaque)
{
    struct hpet_channel *channel = opaque;
    struct hpet *h = channel->hpet;
    struct hpet_timer *t = &h->s.timers[channel->n];
    int64_t soonest = clock_ns(CLOCK_VM) + SHORTEST_NS;

    if (t->config & T_PERIODIC && t->period) {
        next_period(h, t);
        schedule(h, channel->n);
        if (timer_pending(&h->host[channel->n]) && timer_expiry(&h->host[channel->n]) < soonest) {
            timer_set(&h->host[channel->n], soonest);
        }
    } else if (t->config & T_32) {
        /* A one-shot comparator of 32 bits is met again when the counter wraps. */
        timer_set(&h->host[channel->n],
                  clock_ns(CLOCK_VM) + (int64_t)(ticks_left(h, t) ? ticks_left(h, t)
                                                                 : 1ull << 32) * TICK_NS);
    }
    interrupt(h, channel->n);
}

/* --- registers ------------------------------------------------------------------------------- */

static uint64_t read_timer(const struct hpet *h, const struct hpet_timer *t, unsigned reg)
{
    switch (reg) {
    case TIMER_CONFIG: return t->config | (uint64_t)h->routes << 32;
    case TIMER_COMPARE: return t->compare & width_mask(t);
    case TIMER_FSB: return t->fsb;
    default: return 0;
    }
}

static uint64_t read_register(const struct hpet *h, unsigned reg)
{
    if (reg >= REG_TIMERS) {
        unsigned n = (reg - REG_TIMERS) / TIMER_SIZE;

        return n < TIMERS ? read_timer(h, &h->s.timers[n], reg % TIMER_SIZE) : 0;
    }
    switch (reg) {
    case REG_ID: return (uint64_t)PERIOD_FS << 32 | ID_LOW;
    case REG_CONFIG: return h->s.config;
    case REG_STATUS: return h->s.status;
    case REG_COUNTER: return counter(h);
    default: return 0;
    }
}

static uint64_t hpet_read(void *dev, uint64_t offset, unsigned size)
{
    uint64_t value = read_register(dev, offset & ~7u);

    return size == 8 ? value : (uint32_t)(value >> (offset & 4) * 8);
}

static void drive_all(struct hpet *h)
{
    irq_set(h->dev.irqs[OUT_LEGACY], legacy(h));
    for (unsigned n = 0; n < TIMERS; n++) {
        drive(h, n);
    }
}

static void write_config(struct hpet *h, uint64_t value)
{
    bool run = value & CONFIG_ENABLE;

    if (run && !running(h)) {
        h->s.offset = clock_ns(CLOCK_VM);
    } else if (!run && running(h)) {
        h->s.counter = counter(h);
    }
    h->s.config = value & (CONFIG_ENABLE | CONFIG_LEGACY);
    for (unsigned n = 0; n < TIMERS; n++) {
        schedule(h, n);
    }
    drive_all(h);
}

static void write_compare(struct hpet_timer *t, uint64_t value, uint64_t lanes)
{
    value &= width_mask(t);
    lanes &= width_mask(t);
    /* A periodic timer takes its period here, and its first expiry too if that is asked for. */
    if (!(t->config & T_PERIODIC) || t->config & T_SET_ACCUMULATOR) {
        t->compare = bits_merge(t->compare, value, lanes);
    }
    if (t->config & T_PERIODIC) {
        t->period = bits_merge(t->period, value, lanes);
    }
    t->config &= ~(uint64_t)T_SET_ACCUMULATOR;
}

static void write_timer(struct hpet *h, unsigned n, unsigned reg, uint64_t value, uint64_t lanes)
{
    struct hpet_timer *t = &h->s.timers[n];

    switch (reg) {
    case TIMER_CONFIG:
        if (t->config & T_LEVEL && !(t->config & T_FSB)) {
            irq_lower(h->dev.irqs[output_of(h, n)]);
        }
        lanes &= h->msi ? T_WRITABLE : T_WRITABLE & ~T_FSB;
        t->config = bits_merge(t->config, value, lanes);
        if (t->config & T_32) {
            t->compare &= UINT32_MAX;
            t->period &= UINT32_MAX;
        }
        drive(h, n);
        break;
    case TIMER_COMPARE:
        write_compare(t, value, lanes);
        break;
    case TIMER_FSB:
        t->fsb = bits_merge(t->fsb, value, lanes);
        break;
    }
    schedule(h, n);
}

static void write_register(struct hpet *h, unsigned reg, uint64_t value, uint64_t lanes)
{
    unsigned n = (reg - REG_TIMERS) / TIMER_SIZE;

    if (reg >= REG_TIMERS) {
        if (n < TIMERS) {
            write_timer(h, n, reg % TIMER_SIZE, value, lanes);
        }
        return;
    }
    switch (reg) {
    case REG_CONFIG:
        write_config(h, bits_merge(h->s.config, value, lanes));
        break;
    case REG_STATUS:            /* writing ones clears */
        h->s.status &= ~(value & lanes);
        drive_all(h);
        break;
    case REG_COUNTER:           /* only meant for the stopped counter */
        h->s.counter = bits_merge(counter(h), value, lanes);
        h->s.offset = clock_ns(CLOCK_VM);
        for (n = 0; n < TIMERS; n++) {
            schedule(h, n);
        }
        break;
    }
}

static void hpet_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    unsigned shift = (offset & 4) * 8;

    trace(hpet_write, "offset 0x%03x value 0x%llx", (unsigned)offset, (unsigned long long)value);
    write_register(dev, offset & ~7u, value << shift, bits_mask(size * 8) << shift);
}

/* --- the device ------------------------------------------------------------------------------ */

static bool hpet_init(struct device *dev, struct error **err)
{
    struct hpet *h = (struct hpet *)dev;

    for (unsigned n = 0; n < TIMERS; n++) {
        h->channels[n] = (struct hpet_channel){ h, n };
        timer_init(&h->host[n], CLOCK_VM, expired, &h->channels[n]);
    }
    return true;
}

static void cancel_timers(struct hpet *h)
{
    for (unsigned n = 0; n < TIMERS; n++) {
        timer_cancel(&h->host[n]);
    }
}

static void hpet_exit(struct device *dev)
{
    cancel_timers((struct hpet *)dev);
}

static void hpet_reset(struct device *dev)
{
    struct hpet *h = (struct hpet *)dev;

    cancel_timers(h);
    h->s = (struct hpet_state){ 0 };
    for (unsigned n = 0; n < TIMERS; n++) {
        h->s.timers[n].config = T_CAN_PERIODIC | T_CAN_64 | (h->msi ? T_CAN_FSB : 0);
        h->s.timers[n].compare = UINT64_MAX;
    }
}

static void hpet_reset_lines(struct device *dev)
{
    drive_all((struct hpet *)dev);
}

static bool hpet_loaded(struct device *dev, struct error **err)
{
    struct hpet *h = (struct hpet *)dev;

    for (unsigned n = 0; n < TIMERS; n++) {
        schedule(h, n);
    }
    return true;
}

static const struct property hpet_properties[] = {
    PROP_UINT("hpet-intcap", hpet, routes, 0x4),
    PROP_BOOL("msi", hpet, msi, false),
    { 0 }
};

static const struct device_region hpet_regions[] = {
    { "hpet", 0x400, { hpet_read, hpet_write, .min = 4, .max = 8 } },
    { 0 }
};

DEVICE(hpet) = {
    .name = "hpet", .desc = "High precision event timer", .internal = true,
    .size = sizeof(struct hpet), .properties = hpet_properties, .regions = hpet_regions,
    .irqs = OUTPUTS, .init = hpet_init, .exit = hpet_exit, .reset = hpet_reset,
    .reset_lines = hpet_reset_lines, .loaded = hpet_loaded, .state = STATE(hpet, s, hpet_state, 1),
};
