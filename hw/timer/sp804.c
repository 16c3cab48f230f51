/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Down counters of ARM boards: SP804 (two of them, ARM DDI 0271, class "sp804") and the three of
 * the Integrator ("integrator_pit").
 *
 * While a counter runs its value is worked out from the time at which it was last loaded.
 */
#include "base/bits.h"
#include "base/clock.h"
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/misc/primecell.h"

#define COUNTERS 3
#define SP804_ID 0x00141804

enum {
    REG_LOAD = 0x00, REG_VALUE = 0x04, REG_CONTROL = 0x08, REG_CLEAR = 0x0c, REG_RAW = 0x10,
    REG_MASKED = 0x14, REG_BACKGROUND = 0x18
};
enum {
    CONTROL_ONE_SHOT = 0x01, CONTROL_32BIT = 0x02, CONTROL_PRESCALE = 0x0c,
    CONTROL_INTERRUPT = 0x20, CONTROL_PERIODIC = 0x40, CONTROL_ENABLE = 0x80
};

struct counter_state {
    uint32_t load, control;
    uint32_t value;                 /* while stopped; at `start` while running */
    int64_t start;                  /* when it had that value */
    bool raw, expired;              /* expired: a one-shot counter has reached zero */
};
FIELDS(counter_state) = {
    FIELD(counter_state, load), FIELD(counter_state, control), FIELD(counter_state, value),
    FIELD(counter_state, start), FIELD(counter_state, raw), FIELD(counter_state, expired),
    FIELDS_END
};

struct counters {
    struct device dev;
    struct counter {
        struct counters *owner;
        struct counter_state *s;
        struct timer timer;
        uint32_t hz;
    } counters[COUNTERS];
    uint32_t hz[COUNTERS];
    struct counters_state { struct counter_state counters[COUNTERS]; } s;
};
FIELDS(counters_state) = {
    NESTED_ARRAY(counters_state, counters, counter_state), FIELDS_END
};

static bool is_pair(const struct counters *t)
{
    return t->dev.class->irqs == 1;
}

/* The SP804 has one line for both, the Integrator one for each. */
static void update_irq(struct counters *t)
{
    bool any = false;

    for (unsigned i = 0; i < COUNTERS; i++) {
        const struct counter_state *s = &t->s.counters[i];
        bool level = s->raw && s->control & CONTROL_INTERRUPT;

        any |= level;
        if (!is_pair(t)) {
            irq_set(t->dev.irqs[i], level);
        }
    }
    if (is_pair(t)) {
        irq_set(t->dev.irqs[0], any);
    }
}

/* --- counting -------------------------------------------------------------------------------- */

static uint32_t limit(const struct counter_state *s)
{
    return s->control & CONTROL_32BIT ? UINT32_MAX : 0xffff;
}

static unsigned prescale_shift(const struct counter_state *s)
{
    static const uint8_t shifts[4] = { 0, 4, 8, 8 };

    return shifts[(s->control & CONTROL_PRESCALE) >> 2];
}

/* From one zero to the next: periodic counters reload, free-running ones wrap. */
static uint64_t period(const struct counter_state *s)
{
    uint32_t top = s->control & CONTROL_PERIODIC ? s->load & limit(s) : limit(s);

    return MAX_OF((uint64_t)top + !(s->control & CONTROL_PERIODIC), 1ull);
}

static uint64_t elapsed(const struct counter *c)
{
    int64_t ns = clock_ns(CLOCK_VM) - c->s->start;

    return clock_ns_to_ticks(MAX_OF(ns, 0), c->hz) >> prescale_shift(c->s);
}

static uint32_t value_now(const struct counter *c)
{
    const struct counter_state *s = c->s;
    uint64_t ticks;

    if (!(s->control & CONTROL_ENABLE)) {
        return s->value;
    }
    ticks = elapsed(c);
    if (ticks <= s->value) {
        return s->value - (uint32_t)ticks;
    }
    if (s->control & CONTROL_ONE_SHOT) {
        return 0;
    }
    ticks = (ticks - s->value) % period(s);
    return ticks ? (uint32_t)(period(s) - ticks) : 0;
}

/* The next time the value reaches zero. */
static void set_timer(struct counter *c)
{
    const struct counter_state *s = c->s;
    uint64_t ticks, zero = s->value;

    if (!(s->control & CONTROL_ENABLE) || !(s->control & CONTROL_INTERRUPT) || s->expired) {
        timer_cancel(&c->timer);
        return;
    }
    ticks = elapsed(c);
    if (ticks >= zero && !(s->control & CONTROL_ONE_SHOT)) {
        zero += ((ticks - zero) / period(s) + 1) * period(s);
    }
    timer_set(&c->timer, s->start + (int64_t)clock_ticks_to_ns(zero << prescale_shift(s), c->hz));
}

/* A stretch of counting starts now at this value. */
static void restart(struct counter *c, uint32_t value)
{
    c->s->value = value & limit(c->s);
    c->s->start = clock_ns(CLOCK_VM);
    c->s->expired = false;
    set_timer(c);
}

/* What happened up to now: zeros that were passed raise the flag, whoever comes first, the timer or
 * the guest. Periodic counters start a new stretch at the last zero. */
static void catch_up(struct counter *c)
{
    struct counter_state *s = c->s;
    uint64_t ticks, zero = s->value;

    if (!(s->control & CONTROL_ENABLE) || s->expired) {
        return;
    }
    ticks = elapsed(c);
    if (ticks < zero) {
        return;
    }
    s->raw = true;
    if (s->control & CONTROL_ONE_SHOT) {
        s->expired = true;
        return;
    }
    zero += (ticks - zero) / period(s) * period(s);
    s->start += (int64_t)clock_ticks_to_ns(zero << prescale_shift(s), c->hz);
    s->value = (uint32_t)MIN_OF(period(s), (uint64_t)UINT32_MAX);
}

static void reached_zero(void *opaque)
{
    struct counter *c = opaque;

    catch_up(c);
    set_timer(c);
    update_irq(c->owner);
}

/* --- registers ------------------------------------------------------------------------------- */

static uint32_t read_counter(struct counter *c, unsigned reg)
{
    struct counter_state *s = c->s;

    catch_up(c);
    switch (reg) {
    case REG_LOAD:
    case REG_BACKGROUND: return s->load;
    case REG_VALUE: return value_now(c);
    case REG_CONTROL: return s->control;
    case REG_RAW: return s->raw;
    case REG_MASKED: return s->raw && s->control & CONTROL_INTERRUPT;
    default: return 0;
    }
}

static void write_counter(struct counter *c, unsigned reg, uint32_t value)
{
    struct counter_state *s = c->s;
    uint32_t now;
    bool expired;

    catch_up(c);
    switch (reg) {
    case REG_LOAD:
        s->load = value;
        restart(c, value);
        break;
    case REG_BACKGROUND:
        now = value_now(c);
        s->load = value;
        restart(c, now);
        break;
    case REG_CONTROL:
        now = value_now(c);
        if (!(s->control & CONTROL_ENABLE) && value & CONTROL_ENABLE && now == 0) {
            now = value & CONTROL_PERIODIC ? s->load : UINT32_MAX;
        }
        expired = s->expired;
        s->control = value & 0xff;
        restart(c, now);
        s->expired = expired && now == 0;
        break;
    case REG_CLEAR:
        s->raw = false;
        break;
    default:
        log_guest_error("timer: write of offset 0x%x", reg);
        break;
    }
    update_irq(c->owner);
}

static uint64_t sp804_read(void *dev, uint64_t offset, unsigned size)
{
    struct counters *t = dev;

    if (offset < 0x40) {
        return read_counter(&t->counters[offset >> 5], offset & 0x1f);
    }
    return offset >= PRIMECELL_ID ? primecell_id(SP804_ID, offset) : 0;
}

static void sp804_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct counters *t = dev;

    if (offset < 0x40) {
        write_counter(&t->counters[offset >> 5], offset & 0x1f, value);
    }
}

static uint64_t integrator_read(void *dev, uint64_t offset, unsigned size)
{
    struct counters *t = dev;

    return offset >> 8 < COUNTERS ? read_counter(&t->counters[offset >> 8], offset & 0xff) : 0;
}

static void integrator_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct counters *t = dev;

    if (offset >> 8 < COUNTERS) {
        write_counter(&t->counters[offset >> 8], offset & 0xff, value);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static bool counters_init(struct device *dev, struct error **err)
{
    struct counters *t = (struct counters *)dev;

    for (unsigned i = 0; i < COUNTERS; i++) {
        struct counter *c = &t->counters[i];

        *c = (struct counter){ .owner = t, .s = &t->s.counters[i], .hz = MAX_OF(t->hz[i], 1u) };
        timer_init(&c->timer, CLOCK_VM, reached_zero, c);
    }
    return true;
}

static void stop_timers(struct device *dev)
{
    struct counters *t = (struct counters *)dev;

    for (unsigned i = 0; i < COUNTERS; i++) {
        timer_cancel(&t->counters[i].timer);
    }
}

static void counters_reset(struct device *dev)
{
    struct counters *t = (struct counters *)dev;

    stop_timers(dev);
    for (unsigned i = 0; i < COUNTERS; i++) {
        t->s.counters[i] = (struct counter_state){
            .control = CONTROL_INTERRUPT, .value = is_pair(t) ? UINT32_MAX : 0xffff
        };
    }
}

static void counters_reset_lines(struct device *dev)
{
    update_irq((struct counters *)dev);
}

static bool counters_loaded(struct device *dev, struct error **err)
{
    struct counters *t = (struct counters *)dev;

    for (unsigned i = 0; i < COUNTERS; i++) {
        set_timer(&t->counters[i]);
    }
    return true;
}

static const struct property properties[] = {
    PROP_UINT("freq0", counters, hz[0], 1000000), PROP_UINT("freq1", counters, hz[1], 1000000),
    PROP_UINT("freq2", counters, hz[2], 1000000), { 0 }
};
static const struct device_region sp804_regions[] = {
    { "sp804", PRIMECELL_SIZE, { sp804_read, sp804_write, .min = 4 } }, { 0 }
};
static const struct device_region integrator_regions[] = {
    { "integrator_pit", 0x1000, { integrator_read, integrator_write, .min = 4 } }, { 0 }
};

DEVICE(sp804) = {
    .name = "sp804", .desc = "ARM SP804 dual timer", .internal = true,
    .size = sizeof(struct counters), .properties = properties, .regions = sp804_regions,
    .irqs = 1, .init = counters_init, .exit = stop_timers, .reset = counters_reset,
    .reset_lines = counters_reset_lines, .state = STATE(counters, s, counters_state, 1),
    .loaded = counters_loaded,
};

DEVICE(integrator_pit) = {
    .name = "integrator_pit", .desc = "Integrator counters", .internal = true,
    .size = sizeof(struct counters), .properties = properties, .regions = integrator_regions,
    .irqs = COUNTERS, .init = counters_init, .exit = stop_timers, .reset = counters_reset,
    .reset_lines = counters_reset_lines, .state = STATE(counters, s, counters_state, 1),
    .loaded = counters_loaded,
};
