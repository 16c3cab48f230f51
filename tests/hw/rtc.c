/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real-time clock: registers, formats, alarm, update and periodic interrupts. */
#include "tests/hw/bench.h"

#include "hw/timer/mc146818rtc.h"

enum { IRQ = 8 };

static struct device *rtc;

static uint8_t get(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

static void set(uint8_t index, uint8_t value)
{
    outb(0x70, index);
    outb(0x71, value);
}

static void test_options(void)
{
    struct error *err = NULL;

    ok(!rtc_option("base=never", &err), "a bad date is refused");
    error_free(err);
    err = NULL;
    ok(!rtc_option("clock=sun", &err), "a bad clock is refused");
    error_free(err);
    err = NULL;
    ok(!rtc_option("base=2020-02-30x", &err), "a date with a tail is refused");
    error_free(err);
    ok(rtc_option("base=2024-02-29T23:59:50,clock=vm", NULL), "a date and a clock");
}

static void test_time(void)
{
    is_int(get(0), 0x50, "seconds");
    is_int(get(2), 0x59, "minutes");
    is_int(get(4), 0x23, "hours");
    is_int(get(6), 5, "Thursday");
    is_int(get(7) << 16 | get(8) << 8 | get(9), 0x290224, "the date");
    is_int(get(0x32), 0x20, "the century");
    is_int(get(0x0a) & 0x80, 0, "no update in progress");
    advance(NS_PER_SECOND - 100000, NS_PER_SECOND);
    is_int(get(0x0a) & 0x80, 0x80, "an update just before the second ends");
    advance(9 * NS_PER_SECOND + 100000, NS_PER_SECOND);
    is_int(get(7) << 16 | get(8) << 8 | get(4), 0x010300, "a leap year's February ends");
    set(0x0b, 0x06);
    set(0, 0);
    is_int(get(9), 24, "binary mode");
    set(0x0b, 0x00);
    is_int(get(4), 0x12, "12 at midnight in 12-hour mode");
    set(4, 0x81);
    set(0x0b, 0x02);
    is_int(get(4), 0x13, "1 p.m. is 13 o'clock");
}

static void test_set(void)
{
    set(0x0b, 0x82);
    set(0, 0x30);
    advance(5 * NS_PER_SECOND, NS_PER_SECOND);
    is_int(get(0), 0x30, "SET stops the clock");
    set(0x0b, 0x02);
    advance(2 * NS_PER_SECOND, NS_PER_SECOND);
    is_int(get(0), 0x32, "and it goes on from there");
    set(0x0a, 0x76);
    set(0, 0x10);
    set(0x0a, 0x26);
    advance(499 * NS_PER_MS, NS_PER_MS);
    is_int(get(0), 0x10, "half a second after the divider's reset");
    advance(2 * NS_PER_MS, NS_PER_MS);
    is_int(get(0), 0x11, "comes the first update");
}

static void test_interrupts(void)
{
    get(0x0c);
    edges(IRQ);
    advance(3 * NS_PER_SECOND, NS_PER_SECOND / 4);
    is_int(edges(IRQ), 0, "no interrupts unless enabled");
    is_int(get(0x0c) & 0x50, 0x50, "but the flags are there");
    is_int(get(0x0c) & 0x10, 0, "reading clears them");
    set(0x0b, 0x12);
    for (int i = 0; i < 3; i++) {
        advance(NS_PER_SECOND, NS_PER_SECOND / 4);
        is_int(get(0x0c), 0xd0, "update interrupt");
    }
    is_int(edges(IRQ), 3, "one a second");
    set(1, get(0) + 2);
    set(3, 0xff);
    set(5, 0xff);
    set(0x0b, 0x22);
    get(0x0c);
    edges(IRQ);
    advance(1900 * NS_PER_MS, 100 * NS_PER_MS);
    is_int(edges(IRQ), 0, "not yet the alarm");
    advance(1000 * NS_PER_MS, 100 * NS_PER_MS);
    is_int(edges(IRQ), 1, "the alarm");
    is_int(get(0x0c) & 0xa0, 0xa0, "with its flag");
    set(0x0b, 0x42);
    get(0x0c);
    edges(IRQ);
    for (int i = 0; i < 1024; i++) {
        advance(NS_PER_SECOND / 1024, NS_PER_SECOND / 4096);
        get(0x0c);
    }
    ok(bench.edges[IRQ] >= 1020 && bench.edges[IRQ] <= 1025, "1024 periodic interrupts a second");
    edges(IRQ);
    advance(NS_PER_SECOND, NS_PER_SECOND / 4096);
    is_int(edges(IRQ), 1, "one while register C is not read");
    device_reset(rtc);
    is_int(get(0x0b), 0x02, "a reset disables interrupts");
    is_int(bench.levels[IRQ], 0, "and lowers the line");
}

static void test_memory(void)
{
    rtc_set_cmos(rtc, 0x38, 0x5a);
    set(0x7f, 0xa5);
    device_reset(rtc);
    is_int(get(0x38), 0x5a, "the board's byte");
    is_int(get(0x7f), 0xa5, "memory survives a reset");
    is_int(get(0x0d), 0x80, "the battery is good");
}

int main(void)
{
    test_options();
    bench_start();
    rtc = bench_device("mc146818rtc", NULL);
    device_reset_all();
    test_time();
    test_set();
    test_interrupts();
    test_memory();
    return tap_done();
}
