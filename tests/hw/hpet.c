/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HPET: counter, one-shot and periodic comparators, legacy replacement. */
#include "tests/hw/bench.h"

enum { BASE = 0xfed00000, LINE = 20, LEGACY_TIMER = 24, LEGACY_MODE = 26 };

static uint64_t get(unsigned offset, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, BASE + offset, size, ENDIAN_LITTLE, &value);
    return value;
}

static void set(unsigned offset, uint64_t value, unsigned size)
{
    address_space_st(&bench.memory, BASE + offset, size, ENDIAN_LITTLE, value);
}

static void test_counter(void)
{
    is_int(get(0, 4), 0x8086a201, "three 64-bit timers");
    is_int(get(4, 4), 10000000, "of 10 ns");
    advance(NS_PER_MS, NS_PER_MS);
    is_int(get(0xf0, 8), 0, "stopped after reset");
    set(0xf0, 1000, 8);
    set(0x10, 1, 4);
    advance(NS_PER_MS, NS_PER_MS);
    is_int(get(0xf0, 8), 101000, "100 ticks a microsecond");
    set(0x10, 0, 4);
    advance(NS_PER_MS, NS_PER_MS);
    is_int(get(0xf0, 4), 101000, "stopped");
    set(0xf0, 0xffffffff, 4);
    set(0xf4, 5, 4);
    is_int(get(0xf0, 8), 0x5ffffffff, "halves");
}

static void test_one_shot(void)
{
    set(0xf0, 0, 8);
    set(0x120, 2 << 9 | 4, 4);
    set(0x128, 100000, 8);
    set(0x10, 1, 4);
    advance(900000, 100000);
    is_int(edges(LINE + 2), 0, "not before the comparator");
    advance(200000, 100000);
    is_int(edges(LINE + 2), 1, "one shot");
    advance(5 * NS_PER_MS, 100000);
    is_int(edges(LINE + 2), 0, "once");
    set(0x120, 2 << 9 | 6, 4);
    set(0x128, get(0xf0, 8) + 100, 8);
    advance(100000, 100000);
    is_int(get(0x20, 4), 2, "level mode sets the status");
    is_int(bench.levels[LINE + 2], 1, "and the line");
    set(0x20, 2, 4);
    is_int(bench.levels[LINE + 2], 0, "until it is cleared");
    set(0x120, 0, 4);
}

static void test_periodic(void)
{
    set(0x10, 3, 4);
    is_int(bench.levels[LINE + LEGACY_MODE], 1, "legacy replacement");
    set(0x100, 0x14c, 4);
    set(0x108, get(0xf0, 4) + 100000, 4);
    set(0x108, 100000, 4);
    edges(LINE + LEGACY_TIMER);
    advance(100 * NS_PER_MS + 1000, 100000);
    is_int(edges(LINE + LEGACY_TIMER), 100, "once a millisecond");
    jump_to(clock_ns(CLOCK_VM) + 3600 * NS_PER_SECOND);
    advance(100 * NS_PER_MS, 100000);
    ok(bench.edges[LINE + LEGACY_TIMER] >= 100 && bench.edges[LINE + LEGACY_TIMER] <= 102,
       "no burst after an hour");
    set(0x10, 0, 4);
    is_int(bench.levels[LINE + LEGACY_MODE], 0, "legacy replacement off");
}

int main(void)
{
    struct device *hpet;

    bench_start();
    hpet = bench_device("hpet", NULL);
    memory_region_add(&bench.memory_root, BASE, device_region(hpet, "hpet"));
    for (int i = 0; i < 27; i++) {
        device_connect(hpet, i, bench_irq(LINE + i));
    }
    device_reset_all();
    test_counter();
    test_one_shot();
    test_periodic();
    return tap_done();
}
