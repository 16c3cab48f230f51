/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DS1338 real-time clock with 56 bytes of memory, on I2C. The time runs as an offset. */
#include <time.h>

#include "hw/i2c/i2c.h"
#include "hw/timer/rtc-start.h"

#define SIZE 64

enum { SECONDS, MINUTES, HOURS, WEEKDAY, DAY, MONTH, YEAR, CONTROL };
enum { HALTED = 0x80, HOURS_12 = 0x40, HOURS_PM = 0x20, CONTROL_MASK = 0xb3 };

struct ds1338 {
    struct i2c_device i2c;
    enum clock clock;
    struct ds1338_state {
        int64_t offset;             /* of the time to that of the host clock, in seconds */
        uint8_t weekday_offset;     /* of the guest's counting to ours */
        uint8_t memory[SIZE];       /* the time as it was when this transfer began */
        uint8_t at;
        bool at_set;                /* the first byte written is the place */
        bool hours_12;
    } s;
};

FIELDS(ds1338_state) = {
    FIELD(ds1338_state, offset), FIELD(ds1338_state, weekday_offset),
    ARRAY(ds1338_state, memory), FIELD(ds1338_state, at), FIELD(ds1338_state, at_set),
    FIELD(ds1338_state, hours_12), FIELDS_END
};

static uint8_t to_bcd(int value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

static int from_bcd(uint8_t value)
{
    return (value >> 4) * 10 + (value & 15);
}

static int64_t now(const struct ds1338 *d)
{
    return clock_ns(d->clock) / NS_PER_SECOND + d->s.offset;
}

static void capture(struct ds1338 *d)
{
    time_t t = (time_t)now(d);
    uint8_t *m = d->s.memory;
    struct tm tm;

    if (!gmtime_r(&t, &tm)) {
        return;
    }
    m[SECONDS] = (m[SECONDS] & HALTED) | to_bcd(tm.tm_sec);
    m[MINUTES] = to_bcd(tm.tm_min);
    m[HOURS] = to_bcd(tm.tm_hour);
    if (d->s.hours_12) {
        m[HOURS] = HOURS_12 | (tm.tm_hour >= 12 ? HOURS_PM : 0) |
            to_bcd(tm.tm_hour % 12 ? tm.tm_hour % 12 : 12);
    }
    m[WEEKDAY] = (uint8_t)((tm.tm_wday + d->s.weekday_offset) % 7 + 1);
    m[DAY] = to_bcd(tm.tm_mday);
    m[MONTH] = to_bcd(tm.tm_mon + 1);
    m[YEAR] = to_bcd(tm.tm_year % 100);
}

static int hour_of(uint8_t value)
{
    if (value & HOURS_12) {
        return from_bcd(value & 0x1f) % 12 + (value & HOURS_PM ? 12 : 0);
    }
    return from_bcd(value & 0x3f);
}

/* The registers, of which one was written, are the time from now on. */
static void set_time(struct ds1338 *d, uint8_t reg, uint8_t value)
{
    uint8_t *m = d->s.memory;
    struct tm tm = { 0 };

    if (reg == WEEKDAY) {
        d->s.weekday_offset = (uint8_t)((d->s.weekday_offset + 7 + (value & 7) - m[WEEKDAY]) % 7);
        return;
    }
    m[reg] = value;
    d->s.hours_12 = m[HOURS] & HOURS_12;
    tm.tm_sec = from_bcd(m[SECONDS] & 0x7f);
    tm.tm_min = from_bcd(m[MINUTES] & 0x7f);
    tm.tm_hour = hour_of(m[HOURS]);
    tm.tm_mday = from_bcd(m[DAY] & 0x3f);
    tm.tm_mon = from_bcd(m[MONTH] & 0x1f) - 1;
    tm.tm_year = from_bcd(m[YEAR]) + 100;
    d->s.offset += timegm(&tm) - now(d);
}

static void begin(struct i2c_device *i2c, bool read)
{
    struct ds1338 *d = (struct ds1338 *)i2c;

    capture(d);
    d->s.at_set = read;
}

static bool put(struct i2c_device *i2c, uint8_t byte)
{
    struct ds1338 *d = (struct ds1338 *)i2c;

    if (!d->s.at_set) {
        d->s.at = byte % SIZE;
        d->s.at_set = true;
        return true;
    }
    if (d->s.at < CONTROL) {
        set_time(d, d->s.at, byte);
    } else {
        d->s.memory[d->s.at] = d->s.at == CONTROL ? byte & CONTROL_MASK : byte;
    }
    d->s.at = (d->s.at + 1) % SIZE;
    return true;
}

static uint8_t get(struct i2c_device *i2c)
{
    struct ds1338 *d = (struct ds1338 *)i2c;
    uint8_t byte = d->s.memory[d->s.at];

    d->s.at = (d->s.at + 1) % SIZE;
    if (d->s.at == 0) {
        capture(d);
    }
    return byte;
}

static bool ds1338_init(struct device *dev, struct error **err)
{
    struct ds1338 *d = (struct ds1338 *)dev;

    d->clock = rtc_start_clock();
    d->s.offset = rtc_start_offset();
    d->i2c.start = begin;
    d->i2c.write = put;
    d->i2c.read = get;
    return true;
}

/* A battery keeps time and memory. */
static void ds1338_reset(struct device *dev)
{
    struct ds1338 *d = (struct ds1338 *)dev;

    d->s.at = 0;
    d->s.at_set = false;
}

static bool ds1338_loaded(struct device *dev, struct error **err)
{
    ((struct ds1338 *)dev)->s.at %= SIZE;
    return true;
}

DEVICE(ds1338) = {
    .name = "ds1338", .desc = "DS1338 real-time clock", .bus = "i2c-bus",
    .size = sizeof(struct ds1338), .init = ds1338_init, .reset = ds1338_reset,
    .state = STATE(ds1338, s, ds1338_state, 1), .loaded = ds1338_loaded,
};
