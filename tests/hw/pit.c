/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8254 and port 0x61: counts, modes, interrupts that neither drift nor burst. */
#include "tests/hw/bench.h"

#include "hw/timer/i8254.h"

static struct device *pit;

static int64_t ticks(uint64_t n)
{
    return clock_ticks_to_ns(n, PIT_HZ);
}

static void program(unsigned channel, unsigned mode, uint16_t count)
{
    outb(0x43, channel << 6 | 0x30 | mode << 1);
    outb(0x40 + channel, count & 0xff);
    outb(0x40 + channel, count >> 8);
}

static unsigned read_word(unsigned channel)
{
    unsigned low = inb(0x40 + channel);

    return low | inb(0x40 + channel) << 8;
}

static unsigned count_of(unsigned channel)
{
    outb(0x43, channel << 6);
    return read_word(channel);
}

static uint8_t status_of(unsigned channel)
{
    outb(0x43, 0xe0 | 2 << channel);
    return inb(0x40 + channel);
}

static void test_counts(void)
{
    int64_t t0;

    program(0, 2, 1000);
    t0 = clock_ns(CLOCK_VM);
    is_int(count_of(0), 1000, "mode 2 starts at its count");
    clock_vm_set(t0 + ticks(400));
    is_int(count_of(0), 600, "and counts down");
    clock_vm_set(t0 + ticks(1000 + 999));
    is_int(count_of(0), 1, "to one");
    is_int(status_of(0) & 0x80, 0, "where the output is low");
    clock_vm_set(t0 + ticks(2000));
    is_int(status_of(0), 0xb4, "status: high, both bytes, mode 2");
    outb(0x43, 0xc2);
    is_int(inb(0x40), 0xb4, "read-back of both: status first");
    is_int(read_word(0), 1000, "then the count");
    program(0, 3, 1000);
    t0 = clock_ns(CLOCK_VM);
    clock_vm_set(t0 + ticks(100));
    is_int(count_of(0), 800, "mode 3 counts by two");
    is_int(status_of(0) & 0x80, 0x80, "high in the first half");
    clock_vm_set(t0 + ticks(600));
    is_int(count_of(0), 800, "twice a period");
    is_int(status_of(0) & 0x80, 0, "low in the second half");
    outb(0x43, 0x31);
    is_int(status_of(0), 0x71, "no count yet: null count, output low");
    outb(0x40, 0x00);
    outb(0x40, 0x10);
    clock_vm_set(clock_ns(CLOCK_VM) + ticks(1));
    is_int(count_of(0), 0x0999, "BCD");
    outb(0x43, 0x10);
    outb(0x40, 5);
    clock_vm_set(clock_ns(CLOCK_VM) + ticks(6));
    is_int(inb(0x40), 0xff, "mode 0 goes on below zero");
}

static void test_interrupts(void)
{
    int64_t t0;

    program(0, 0, 1000);
    edges(0);
    is_int(bench.levels[0], 0, "mode 0 holds the line low");
    advance(ticks(999), ticks(100));
    is_int(bench.levels[0], 0, "until the count ends");
    advance(ticks(2), ticks(1));
    is_int(bench.levels[0], 1, "then raises it");
    advance(ticks(200000), ticks(1000));
    is_int(edges(0), 1, "once");
    program(0, 2, 1193);
    edges(0);
    t0 = clock_ns(CLOCK_VM);
    advance(ticks(1193 * 100) + 1000, ticks(300));
    is_int(edges(0), 100, "mode 2 interrupts once a period");
    is_int(clock_ns(CLOCK_VM) - t0, ticks(1193 * 100) + 1000, "in that time");
    /* The host sleeps for 50 periods. */
    jump_to(clock_ns(CLOCK_VM) + ticks(1193 * 50));
    ok(edges(0) == 1, "a pass of timers gives one late interrupt");
    advance(ticks(1193 * 100), ticks(100));
    is_int(edges(0), 149, "the others follow, none is lost");
    jump_to(clock_ns(CLOCK_VM) + 3600 * NS_PER_SECOND);
    advance(ticks(1193 * 1000), ticks(300));
    t0 = edges(0);
    ok(t0 > 1000 && t0 < 1300, "after an hour the backlog is bounded");
}

static void test_reload(void)
{
    int64_t t0;

    program(0, 2, 1000);
    t0 = clock_ns(CLOCK_VM);
    clock_vm_set(t0 + ticks(300));
    outb(0x40, 0xf4);
    outb(0x40, 0x01);
    is_int(count_of(0), 700, "a new count waits");
    clock_vm_set(t0 + ticks(1000));
    is_int(count_of(0), 500, "for the end of the period");
    device_reset(pit);
}

static void test_speaker(void)
{
    int64_t t0;

    outb(0x61, 0);
    program(2, 0, 1000);
    t0 = clock_ns(CLOCK_VM);
    clock_vm_set(t0 + ticks(5000));
    is_int(inb(0x61) & 0x20, 0, "the gate is closed");
    outb(0x61, 1);
    clock_vm_set(t0 + ticks(5999));
    is_int(inb(0x61) & 0x2f, 0x01, "counting");
    clock_vm_set(t0 + ticks(6001));
    is_int(inb(0x61) & 0x2f, 0x21, "channel 2 has finished");
    t0 = inb(0x61) & 0x10;
    clock_vm_set(clock_ns(CLOCK_VM) + 15085);
    ok((inb(0x61) & 0x10) != t0, "the refresh bit toggles");
    outb(0x61, 0);
    program(2, 1, 1000);
    is_int(inb(0x61) & 0x20, 0x20, "mode 1 waits for its trigger");
    outb(0x61, 1);
    is_int(inb(0x61) & 0x20, 0, "the gate triggers it");
    clock_vm_set(clock_ns(CLOCK_VM) + ticks(1001));
    is_int(inb(0x61) & 0x20, 0x20, "one shot");
}

int main(void)
{
    bench_start();
    pit = bench_device("isa-pit", NULL);
    bench_device("isa-pcspk", NULL);
    device_connect(pit, 0, bench_irq(0));
    device_reset_all();
    test_counts();
    test_interrupts();
    test_reload();
    test_speaker();
    return tap_done();
}
