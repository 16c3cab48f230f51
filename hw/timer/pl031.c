/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PL031 real-time clock (ARM DDI 0224): seconds since 1970 as an offset from guest or wall time. */
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "hw/core/device.h"
#include "hw/core/machine.h"
#include "hw/misc/primecell.h"
#include "hw/timer/rtc-start.h"

#define PL031_ID 0x00041031

enum {
    REG_DATA = 0x00, REG_MATCH = 0x04, REG_LOAD = 0x08, REG_CONTROL = 0x0c, REG_MASK = 0x10,
    REG_RAW = 0x14, REG_MASKED = 0x18, REG_CLEAR = 0x1c
};

struct pl031 {
    struct device dev;
    enum clock clock;
    struct timer alarm;
    struct pl031_state {
        uint32_t offset;            /* the clock's seconds minus those of the host clock */
        uint32_t load, match, mask, raw;
    } s;
};

FIELDS(pl031_state) = {
    FIELD(pl031_state, offset), FIELD(pl031_state, load), FIELD(pl031_state, match),
    FIELD(pl031_state, mask), FIELD(pl031_state, raw), FIELDS_END
};

static void update_irq(struct pl031 *rtc)
{
    irq_set(rtc->dev.irqs[0], (rtc->s.raw & rtc->s.mask) != 0);
}

static uint32_t seconds(const struct pl031 *rtc)
{
    return (uint32_t)(clock_ns(rtc->clock) / NS_PER_SECOND) + rtc->s.offset;
}

static void set_alarm(struct pl031 *rtc)
{
    uint32_t wait = rtc->s.match - seconds(rtc);
    int64_t now = clock_ns(rtc->clock);

    timer_cancel(&rtc->alarm);
    if (wait) {
        timer_set(&rtc->alarm, (now / NS_PER_SECOND + wait) * NS_PER_SECOND);
    }
}

static void alarm_reached(void *opaque)
{
    struct pl031 *rtc = opaque;

    if (seconds(rtc) == rtc->s.match) {
        rtc->s.raw = 1;
        update_irq(rtc);
    }
    set_alarm(rtc);
}

static uint64_t pl031_read(void *dev, uint64_t offset, unsigned size)
{
    struct pl031 *rtc = dev;

    switch (offset) {
    case REG_DATA: return seconds(rtc);
    case REG_MATCH: return rtc->s.match;
    case REG_LOAD: return rtc->s.load;
    case REG_CONTROL: return 1;
    case REG_MASK: return rtc->s.mask;
    case REG_RAW: return rtc->s.raw;
    case REG_MASKED: return rtc->s.raw & rtc->s.mask;
    case PRIMECELL_ID ... PRIMECELL_SIZE - 1: return primecell_id(PL031_ID, offset);
    default:
        log_guest_error("pl031: read of offset 0x%x", (int)offset);
        return 0;
    }
}

static void pl031_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct pl031 *rtc = dev;

    switch (offset) {
    case REG_MATCH:
        rtc->s.match = value;
        if (rtc->s.match == seconds(rtc)) {
            rtc->s.raw = 1;
        }
        set_alarm(rtc);
        break;
    case REG_LOAD:
        rtc->s.load = value;
        rtc->s.offset += (uint32_t)value - seconds(rtc);
        set_alarm(rtc);
        break;
    case REG_CONTROL: break;        /* once started it cannot be stopped */
    case REG_MASK: rtc->s.mask = value & 1; break;
    case REG_CLEAR: rtc->s.raw &= ~value; break;
    default: log_guest_error("pl031: write of offset 0x%x", (int)offset); break;
    }
    update_irq(rtc);
}

static bool pl031_init(struct device *dev, struct error **err)
{
    struct pl031 *rtc = (struct pl031 *)dev;

    rtc->clock = rtc_start_clock();
    rtc->s.offset = (uint32_t)rtc_start_offset();
    timer_init(&rtc->alarm, rtc->clock, alarm_reached, rtc);
    return true;
}

static void pl031_exit(struct device *dev)
{
    timer_cancel(&((struct pl031 *)dev)->alarm);
}

/* The time goes on over resets. */
static void pl031_reset(struct device *dev)
{
    struct pl031 *rtc = (struct pl031 *)dev;

    rtc->s = (struct pl031_state){ .offset = rtc->s.offset };
    timer_cancel(&rtc->alarm);
}

static void pl031_reset_lines(struct device *dev)
{
    update_irq((struct pl031 *)dev);
}

static bool pl031_loaded(struct device *dev, struct error **err)
{
    set_alarm((struct pl031 *)dev);
    return true;
}

static const struct device_region regions[] = {
    { "pl031", PRIMECELL_SIZE, { pl031_read, pl031_write, .min = 4 } }, { 0 }
};

DEVICE(pl031) = {
    .name = "pl031", .desc = "ARM PL031 real-time clock", .internal = true,
    .size = sizeof(struct pl031), .regions = regions, .irqs = 1, .init = pl031_init,
    .exit = pl031_exit, .reset = pl031_reset, .reset_lines = pl031_reset_lines,
    .state = STATE(pl031, s, pl031_state, 1), .loaded = pl031_loaded,
};
