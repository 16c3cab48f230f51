/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bench for devices without a CPU: port and memory space, an ISA bus whose lines are recorded,
 * and a guest clock that moves only when the test says so.
 */
#ifndef TESTS_HW_BENCH_H
#define TESTS_HW_BENCH_H

#include <stdlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"
#include "hw/isa/isa.h"
#include "tests/tap.h"

#define BENCH_RAM 0x100000

static struct {
    struct memory_region io_root, memory_root, ram;
    struct address_space io, memory;
    struct isa_bus isa;
    int levels[64], edges[64];     /* of recorded lines, and how often they rose */
} bench;

static void bench_line(void *opaque, int n, int level)
{
    if (level && !bench.levels[n]) {
        bench.edges[n]++;
    }
    bench.levels[n] = level;
}

/* A line that the bench records under `n`; ISA lines are 0 to 15. */
__attribute__((unused)) static struct irq bench_irq(int n)
{
    return (struct irq){ bench_line, NULL, n };
}

/* The rises of a line since the last call. */
__attribute__((unused)) static int edges(int n)
{
    int count = bench.edges[n];

    bench.edges[n] = 0;
    return count;
}

__attribute__((unused)) static void bench_start(void)
{
    struct error *err = NULL;

    big_lock();
    memory_region_init(&bench.io_root, "io", 0x10000);
    memory_region_init(&bench.memory_root, "system", 0);
    if (!memory_region_init_ram(&bench.ram, "ram", BENCH_RAM, &err)) {
        error_exit_with(err);
    }
    memory_region_add(&bench.memory_root, 0, &bench.ram);
    address_space_init(&bench.io, "I/O", &bench.io_root);
    address_space_init(&bench.memory, "memory", &bench.memory_root);
    isa_bus_init(&bench.isa, NULL, &bench.io_root, &bench.memory_root);
    for (int i = 0; i < ISA_IRQS; i++) {
        bench.isa.irqs[i] = bench_irq(i);
    }
    clock_vm_set(NS_PER_SECOND);
}

/* A device with one "key=value" setting after another, NULL at the end. */
__attribute__((unused)) static struct device *bench_device(const char *class, ...)
{
    struct error *err = NULL;
    struct device *dev = device_create(class, &err);
    const char *key;
    __builtin_va_list ap;

    __builtin_va_start(ap, class);
    while (dev && (key = __builtin_va_arg(ap, const char *))) {
        if (!device_set(dev, key, __builtin_va_arg(ap, const char *), &err)) {
            error_exit_with(err);
        }
    }
    __builtin_va_end(ap);
    if (!dev || !device_realize(dev, &err)) {
        error_exit_with(err);
    }
    return dev;
}

__attribute__((unused)) static unsigned in(uint16_t port, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.io, port, size, ENDIAN_LITTLE, &value);
    return value;
}

__attribute__((unused)) static void out(uint16_t port, uint32_t value, unsigned size)
{
    address_space_st(&bench.io, port, size, ENDIAN_LITTLE, value);
}

__attribute__((unused)) static uint8_t inb(uint16_t port)
{
    return in(port, 1);
}

__attribute__((unused)) static void outb(uint16_t port, uint8_t value)
{
    out(port, value, 1);
}

/* Sets the guest clock and lets one pass of timers run, as if the host had slept until then. */
__attribute__((unused)) static void jump_to(int64_t ns)
{
    clock_vm_set(ns);
    clock_vm_enable(true);
    clock_run_timers();
    clock_vm_enable(false);
    clock_vm_set(ns);
}

/* Moves the guest clock on in small steps, running timers on the way. */
__attribute__((unused)) static void advance(int64_t ns, int64_t step)
{
    int64_t end = clock_ns(CLOCK_VM) + ns;

    while (clock_ns(CLOCK_VM) < end) {
        int64_t next = clock_ns(CLOCK_VM) + step;

        jump_to(next < end ? next : end);
    }
}

/* What is saved comes back the same. */
__attribute__((unused)) static void check_state(void)
{
    struct state_writer first = { 0 }, second = { 0 };
    struct state_reader reader;
    struct error *err = NULL;

    device_save_all(&first);
    device_reset_all();
    reader = (struct state_reader){ first.data, first.size, 0 };
    if (!ok(device_load_all(&reader, &err), "the saved state loads")) {
        printf("# %s\n", error_text(err));
        error_free(err);
    }
    device_save_all(&second);
    ok(first.size == second.size && memcmp(first.data, second.data, first.size) == 0,
       "and is the same");
    state_writer_free(&first);
    state_writer_free(&second);
}

#endif
