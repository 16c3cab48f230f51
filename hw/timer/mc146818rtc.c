/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MC146818 real-time clock with 128 bytes of CMOS memory.
 *
 * While the clock runs its time is an offset from a host clock, and the time registers are filled
 * in when somebody looks. While it is stopped (SET, or the divider held in reset) the registers
 * themselves hold the time. Flags are worked out on demand; timers run only for enabled interrupts.
 */
#include "hw/timer/mc146818rtc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/keyval.h"
#include "hw/isa/isa.h"

enum {
    RTC_SECONDS, RTC_SECONDS_ALARM, RTC_MINUTES, RTC_MINUTES_ALARM, RTC_HOURS, RTC_HOURS_ALARM,
    RTC_WEEKDAY, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_A, RTC_B, RTC_C, RTC_D, RTC_CENTURY = 0x32
};
enum { A_UPDATING = 0x80, A_DIVIDER_RESET = 0x60, A_RATE = 0x0f };
enum {
    B_SET = 0x80, B_PERIODIC = 0x40, B_ALARM = 0x20, B_UPDATE = 0x10, B_SQUARE_WAVE = 0x08,
    B_BINARY = 0x04, B_24H = 0x02
};
enum { C_IRQ = 0x80, C_PERIODIC = 0x40, C_ALARM = 0x20, C_UPDATE = 0x10, C_FLAGS = 0x70 };
enum { D_VALID = 0x80, HOUR_PM = 0x80, ALARM_ANY = 0xc0 };
enum { CRYSTAL_HZ = 32768, SECONDS_PER_DAY = 86400 };
/* Update-in-progress is up this long before the time changes. */
#define UPDATE_NS (244 * NS_PER_US)
/* Of lost periodic interrupts this many are made up for with driftfix=slew. */
#define SLEW_TICKS 20

struct rtc {
    struct device dev;
    struct timer update, periodic;
    enum clock clock;
    struct rtc_state {
        int64_t offset;         /* seconds of the RTC minus those of the host clock + phase */
        int64_t phase;          /* 0 to 999999999 ns */
        int64_t last_second;    /* up to which the update and alarm flags are worked out */
        uint64_t last_tick;     /* the same for the periodic flag, in periods of CLOCK_VM */
        uint8_t index, cmos[128];
    } s;
};

FIELDS(rtc_state) = {
    FIELD(rtc_state, offset), FIELD(rtc_state, phase), FIELD(rtc_state, last_second),
    FIELD(rtc_state, last_tick), FIELD(rtc_state, index), ARRAY(rtc_state, cmos),
    FIELDS_END
};

/* From the command line, for clocks to be made. */
static struct { enum clock clock; bool local, has_date, slew; int64_t date; } rtc_config = {
    .clock = CLOCK_WALL
};

/* --- registers and time ---------------------------------------------------------------------- */

static uint8_t to_register(const struct rtc *r, unsigned value)
{
    return r->s.cmos[RTC_B] & B_BINARY ? value : value / 10 << 4 | value % 10;
}

static unsigned from_register(const struct rtc *r, uint8_t value)
{
    return r->s.cmos[RTC_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t hour_to_register(const struct rtc *r, unsigned hour)
{
    if (r->s.cmos[RTC_B] & B_24H) {
        return to_register(r, hour);
    }
    return to_register(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned hour_from_register(const struct rtc *r, uint8_t value)
{
    if (r->s.cmos[RTC_B] & B_24H) {
        return from_register(r, value);
    }
    return from_register(r, value & ~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

static bool running(const struct rtc *r)
{
    return !(r->s.cmos[RTC_B] & B_SET) &&
        (r->s.cmos[RTC_A] & A_DIVIDER_RESET) != A_DIVIDER_RESET;
}

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* Seconds since 1970 of the RTC's time. */
static int64_t rtc_second(const struct rtc *r)
{
    return floor_div(clock_ns(r->clock) + r->s.phase, NS_PER_SECOND) + r->s.offset;
}

static int64_t modulo_second(int64_t ns)
{
    return ns - floor_div(ns, NS_PER_SECOND) * NS_PER_SECOND;
}

static int64_t rtc_fraction(const struct rtc *r)
{
    return modulo_second(clock_ns(r->clock) + r->s.phase);
}

/* Makes it `second` and `fraction` ns now. */
static void set_time(struct rtc *r, int64_t second, int64_t fraction)
{
    int64_t now = clock_ns(r->clock);

    r->s.phase = modulo_second(fraction - now);
    r->s.offset = second - floor_div(now + r->s.phase, NS_PER_SECOND);
    r->s.last_second = second;
}

static void fill_registers(struct rtc *r)
{
    time_t second = rtc_second(r);
    uint8_t *cmos = r->s.cmos;
    struct tm tm;

    if (!gmtime_r(&second, &tm)) {
        return;
    }
    cmos[RTC_SECONDS] = to_register(r, tm.tm_sec);
    cmos[RTC_MINUTES] = to_register(r, tm.tm_min);
    cmos[RTC_HOURS] = hour_to_register(r, tm.tm_hour);
    cmos[RTC_WEEKDAY] = to_register(r, tm.tm_wday + 1);
    cmos[RTC_DAY] = to_register(r, tm.tm_mday);
    cmos[RTC_MONTH] = to_register(r, tm.tm_mon + 1);
    cmos[RTC_YEAR] = to_register(r, (tm.tm_year + 1900) % 100);
    cmos[RTC_CENTURY] = to_register(r, (tm.tm_year + 1900) / 100);
}

/* Starts the clock from the registers, `fraction` ns into the second. */
static void take_registers(struct rtc *r, int64_t fraction)
{
    const uint8_t *cmos = r->s.cmos;
    struct tm tm = {
        .tm_sec = from_register(r, cmos[RTC_SECONDS]),
        .tm_min = from_register(r, cmos[RTC_MINUTES]),
        .tm_hour = hour_from_register(r, cmos[RTC_HOURS]),
        .tm_mday = from_register(r, cmos[RTC_DAY]),
        .tm_mon = (int)from_register(r, cmos[RTC_MONTH]) - 1,
        .tm_year = from_register(r, cmos[RTC_YEAR]) +
            (int)from_register(r, cmos[RTC_CENTURY]) * 100 - 1900,
    };

    set_time(r, timegm(&tm), fraction);
}

/* --- flags and interrupts -------------------------------------------------------------------- */

static void drive_irq(struct rtc *r)
{
    uint8_t *c = &r->s.cmos[RTC_C];

    if (*c & r->s.cmos[RTC_B] & C_FLAGS) {
        *c |= C_IRQ;
    } else {
        *c &= ~C_IRQ;
    }
    irq_set(r->dev.irqs[0], *c & C_IRQ ? 1 : 0);
}

static bool alarm_field(uint8_t alarm, uint8_t now)
{
    return (alarm & ALARM_ANY) == ALARM_ANY || alarm == now;
}

static bool alarm_at(const struct rtc *r, int64_t second)
{
    const uint8_t *cmos = r->s.cmos;
    unsigned t = second - floor_div(second, SECONDS_PER_DAY) * SECONDS_PER_DAY;

    return alarm_field(cmos[RTC_SECONDS_ALARM], to_register(r, t % 60)) &&
        alarm_field(cmos[RTC_MINUTES_ALARM], to_register(r, t / 60 % 60)) &&
        alarm_field(cmos[RTC_HOURS_ALARM], hour_to_register(r, t / 3600));
}

/* The first alarm after `second` and up to `limit` seconds later; INT64_MAX if there is none. */
static int64_t next_alarm(const struct rtc *r, int64_t second, int64_t limit)
{
    for (int64_t i = 1; i <= limit; i++) {
        if (alarm_at(r, second + i)) {
            return second + i;
        }
    }
    return INT64_MAX;
}

static unsigned period_shift(const struct rtc *r)
{
    unsigned rate = r->s.cmos[RTC_A] & A_RATE;

    return rate < 3 ? rate + 6 : rate - 1;
}

static uint64_t ticks_now(const struct rtc *r)
{
    return clock_ns_to_ticks(clock_ns(CLOCK_VM), CRYSTAL_HZ) >> period_shift(r);
}

static int64_t tick_time(const struct rtc *r, uint64_t tick)
{
    return (int64_t)clock_ticks_to_ns(tick << period_shift(r), CRYSTAL_HZ);
}

/* Brings the flags of register C up to the present. */
static void update_flags(struct rtc *r)
{
    int64_t second = rtc_second(r);
    uint8_t *c = &r->s.cmos[RTC_C];

    if (running(r) && second > r->s.last_second) {
        int64_t passed = MIN_OF(second - r->s.last_second, SECONDS_PER_DAY);

        *c |= C_UPDATE;
        if (next_alarm(r, r->s.last_second, passed) != INT64_MAX) {
            *c |= C_ALARM;
        }
    }
    r->s.last_second = second;
    if (!(r->s.cmos[RTC_B] & B_PERIODIC) && r->s.cmos[RTC_A] & A_RATE &&
        ticks_now(r) > r->s.last_tick) {
        *c |= C_PERIODIC;
        r->s.last_tick = ticks_now(r);
    }
}

/* No timer for a flag that is up already: the line cannot rise again before C is read. */
static void schedule_update(struct rtc *r)
{
    uint8_t want = r->s.cmos[RTC_B] & ~r->s.cmos[RTC_C];
    int64_t due = INT64_MAX;

    if (running(r) && want & B_UPDATE) {
        due = r->s.last_second + 1;
    } else if (running(r) && want & B_ALARM) {
        due = next_alarm(r, r->s.last_second, SECONDS_PER_DAY);
    }
    if (due == INT64_MAX) {
        timer_cancel(&r->update);
    } else {
        timer_set(&r->update, (due - r->s.offset) * NS_PER_SECOND - r->s.phase);
    }
}

static void schedule_periodic(struct rtc *r, int64_t not_before)
{
    if (!(r->s.cmos[RTC_B] & B_PERIODIC) || !(r->s.cmos[RTC_A] & A_RATE) ||
        r->s.cmos[RTC_C] & C_PERIODIC) {
        timer_cancel(&r->periodic);
        return;
    }
    timer_set(&r->periodic, MAX_OF(tick_time(r, r->s.last_tick + 1), not_before));
}

static void update_tick(void *opaque)
{
    struct rtc *r = opaque;

    update_flags(r);
    drive_irq(r);
    schedule_update(r);
}

static void periodic_tick(void *opaque)
{
    struct rtc *r = opaque;
    uint64_t now = ticks_now(r), keep = rtc_config.slew ? SLEW_TICKS : 0;

    if (now > r->s.last_tick) {
        r->s.last_tick = MAX_OF(r->s.last_tick + 1, now > keep ? now - keep : 0);
        r->s.cmos[RTC_C] |= C_PERIODIC;
        drive_irq(r);
    }
    schedule_periodic(r, 0);
}

/* --- ports ----------------------------------------------------------------------------------- */

static bool is_time(uint8_t index)
{
    switch (index) {
    case RTC_SECONDS: case RTC_MINUTES: case RTC_HOURS: case RTC_WEEKDAY: case RTC_DAY:
    case RTC_MONTH: case RTC_YEAR: case RTC_CENTURY:
        return true;
    default:
        return false;
    }
}

static uint8_t read_flags(struct rtc *r)
{
    uint8_t value;
    uint64_t missed;

    update_flags(r);
    drive_irq(r);
    value = r->s.cmos[RTC_C];
    r->s.cmos[RTC_C] = 0;
    drive_irq(r);
    schedule_update(r);
    if (value & C_PERIODIC && r->s.cmos[RTC_B] & B_PERIODIC) {
        missed = ticks_now(r) - r->s.last_tick;
        if (missed && !rtc_config.slew) {
            r->s.last_tick += missed;
        }
        schedule_periodic(r, clock_ns(CLOCK_VM) + tick_time(r, 1) / 2);
    }
    return value;
}

static uint64_t rtc_read(void *dev, uint64_t offset, unsigned size)
{
    struct rtc *r = dev;

    if (!offset) {
        return 0xff;
    }
    if (r->s.index == RTC_C) {
        return read_flags(r);
    }
    if (running(r)) {
        if (is_time(r->s.index)) {
            fill_registers(r);
        } else if (r->s.index == RTC_A) {
            bool updating = rtc_fraction(r) >= NS_PER_SECOND - UPDATE_NS;

            return r->s.cmos[RTC_A] | (updating ? A_UPDATING : 0);
        }
    }
    return r->s.cmos[r->s.index];
}

/* Changes register A or B, stopping or starting the clock where that is what it means. */
static void write_mode(struct rtc *r, uint8_t index, uint8_t value)
{
    bool ran = running(r), divider = index == RTC_A;
    unsigned shift = period_shift(r);
    uint8_t old = r->s.cmos[index];

    update_flags(r);
    if (ran) {
        fill_registers(r);
    }
    r->s.cmos[index] = value;
    if (!ran && running(r)) {
        /* After the divider's reset the first update comes half a second later. */
        take_registers(r, divider ? NS_PER_SECOND / 2 : rtc_fraction(r));
    }
    if (shift != period_shift(r) || (index == RTC_B && value & ~old & B_PERIODIC)) {
        r->s.last_tick = ticks_now(r);
    }
    drive_irq(r);
    schedule_update(r);
    schedule_periodic(r, 0);
}

static void write_register(struct rtc *r, uint8_t index, uint8_t value)
{
    switch (index) {
    case RTC_A:
        write_mode(r, index, value & ~A_UPDATING);
        break;
    case RTC_B:
        write_mode(r, index, value & B_SET ? value & ~B_UPDATE : value);
        break;
    case RTC_C: case RTC_D:
        break;                  /* read-only */
    case RTC_SECONDS_ALARM: case RTC_MINUTES_ALARM: case RTC_HOURS_ALARM:
        update_flags(r);
        r->s.cmos[index] = value;
        drive_irq(r);
        schedule_update(r);
        break;
    default:
        if (is_time(index) && running(r)) {
            update_flags(r);
            fill_registers(r);
            r->s.cmos[index] = value;
            take_registers(r, rtc_fraction(r));
            schedule_update(r);
        }
        r->s.cmos[index] = value;
        break;
    }
}

static void rtc_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct rtc *r = dev;

    if (offset) {
        write_register(r, r->s.index, value);
    } else {
        r->s.index = value & 0x7f;
    }
}

void rtc_set_cmos(struct device *dev, uint8_t index, uint8_t value)
{
    ((struct rtc *)dev)->s.cmos[index & 0x7f] = value;
}

uint8_t rtc_cmos(struct device *dev, uint8_t index)
{
    struct rtc *r = (struct rtc *)dev;

    if (running(r)) {
        fill_registers(r);
    }
    return r->s.cmos[index & 0x7f];
}

/* --- command line ---------------------------------------------------------------------------- */

static bool parse_date(const char *text, int64_t *second)
{
    struct tm tm = { 0 };
    int n = -1;

    if (sscanf(text, "%d-%d-%dT%d:%d:%d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &n) != 6) {
        tm = (struct tm){ 0 };
        if (sscanf(text, "%d-%d-%d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &n) != 3) {
            return false;
        }
    }
    if (n < 0 || text[n] || tm.tm_year < 1 || tm.tm_year > 9999 || tm.tm_mon < 1 ||
        tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || (unsigned)tm.tm_hour > 23 ||
        (unsigned)tm.tm_min > 59 || (unsigned)tm.tm_sec > 60) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *second = timegm(&tm);
    return true;
}

static bool parse_base(const char *base, struct error **err)
{
    rtc_config.local = !strcmp(base, "localtime");
    rtc_config.has_date = !rtc_config.local && strcmp(base, "utc");
    if (rtc_config.has_date && !parse_date(base, &rtc_config.date)) {
        error_set(err, "-rtc: base '%s' is not utc, localtime or a date such as "
                  "2006-06-17T16:01:21", base);
        return false;
    }
    return true;
}

static bool parse_clock(const char *clock, const char *drift, struct error **err)
{
    if (!strcmp(clock, "host")) {
        rtc_config.clock = CLOCK_WALL;
    } else if (!strcmp(clock, "rt")) {
        rtc_config.clock = CLOCK_HOST;
    } else if (!strcmp(clock, "vm")) {
        rtc_config.clock = CLOCK_VM;
    } else {
        error_set(err, "-rtc: clock '%s' is not host, rt or vm", clock);
        return false;
    }
    rtc_config.slew = !strcmp(drift, "slew");
    if (!rtc_config.slew && strcmp(drift, "none")) {
        error_set(err, "-rtc: driftfix '%s' is not none or slew", drift);
        return false;
    }
    return true;
}

bool rtc_option(const char *text, struct error **err)
{
    struct keyval *kv = keyval_parse("-rtc", text, "base", err);
    bool good;

    if (!kv) {
        return false;
    }
    good = parse_base(keyval_string(kv, "base", "utc"), err) &&
        parse_clock(keyval_string(kv, "clock", "host"), keyval_string(kv, "driftfix", "none"),
                    err) &&
        keyval_check(kv, err);
    keyval_free(kv);
    return good;
}

/* The RTC's first time, in ns since 1970. */
static int64_t initial_ns(void)
{
    int64_t now = clock_ns(CLOCK_WALL);
    time_t second = now / NS_PER_SECOND;
    struct tm tm;

    if (rtc_config.has_date) {
        return rtc_config.date * NS_PER_SECOND;
    }
    if (rtc_config.local && localtime_r(&second, &tm)) {
        return now + tm.tm_gmtoff * NS_PER_SECOND;
    }
    return now;
}

/* --- the device ------------------------------------------------------------------------------ */

static bool rtc_init(struct device *dev, struct error **err)
{
    struct rtc *r = (struct rtc *)dev;
    int64_t start;

    r->clock = rtc_config.clock;
    start = initial_ns();
    timer_init(&r->update, r->clock, update_tick, r);
    timer_init(&r->periodic, CLOCK_VM, periodic_tick, r);
    /* The battery keeps all this over resets. */
    set_time(r, floor_div(start, NS_PER_SECOND), modulo_second(start));
    r->s.cmos[RTC_A] = 0x26;    /* 32768 Hz crystal, 1024 Hz interrupts */
    r->s.cmos[RTC_B] = B_24H;
    r->s.cmos[RTC_D] = D_VALID;
    fill_registers(r);
    isa_map(dev, &dev->regions[0], 0x70);
    return isa_connect_irq(dev, 0, 8, err);
}

static void rtc_exit(struct device *dev)
{
    struct rtc *r = (struct rtc *)dev;

    timer_cancel(&r->update);
    timer_cancel(&r->periodic);
}

static void rtc_reset(struct device *dev)
{
    struct rtc *r = (struct rtc *)dev;

    r->s.cmos[RTC_B] &= ~(B_PERIODIC | B_ALARM | B_UPDATE | B_SQUARE_WAVE);
    r->s.cmos[RTC_C] = 0;
    r->s.index = 0;
    timer_cancel(&r->update);
    timer_cancel(&r->periodic);
}

static void rtc_reset_lines(struct device *dev)
{
    drive_irq((struct rtc *)dev);
}

static bool rtc_loaded(struct device *dev, struct error **err)
{
    struct rtc *r = (struct rtc *)dev;

    if (r->s.index > 0x7f || r->s.phase < 0 || r->s.phase >= NS_PER_SECOND) {
        error_set(err, "mc146818rtc: impossible state");
        return false;
    }
    schedule_update(r);
    schedule_periodic(r, 0);
    return true;
}

static const struct device_region rtc_regions[] = {
    { "rtc", 2, { rtc_read, rtc_write, .max = 1 } },
    { 0 }
};

DEVICE(rtc) = {
    .name = "mc146818rtc", .desc = "Real-time clock and CMOS memory", .bus = "isa",
    .internal = true, .size = sizeof(struct rtc), .regions = rtc_regions, .irqs = 1,
    .init = rtc_init, .exit = rtc_exit, .reset = rtc_reset, .reset_lines = rtc_reset_lines,
    .loaded = rtc_loaded, .state = STATE(rtc, s, rtc_state, 1),
};
