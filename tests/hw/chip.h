/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chips that are mapped at an address, one at a time, with their first lines recorded. */
#ifndef TESTS_HW_CHIP_H
#define TESTS_HW_CHIP_H

#include "tests/hw/bench.h"

#define CHIP_BASE 0x10000000ull
#define CHIP_IRQS 8

static struct device *chip;

__attribute__((unused)) static struct device *chip_place(struct device *dev)
{
    struct error *err = NULL;

    for (unsigned n = 0; n < CHIP_IRQS && n < dev->class->irqs; n++) {
        device_connect(dev, n, bench_irq((int)(16 + n)));
    }
    if (!dev->realized && !device_realize(dev, &err)) {
        error_exit_with(err);
    }
    memory_region_add(&bench.memory_root, CHIP_BASE, &dev->regions[0]);
    chip = dev;
    device_reset_all();
    return dev;
}

__attribute__((unused)) static struct device *chip_start(const char *class)
{
    printf("# %s\n", class);
    return chip_place(device_create(class, NULL));
}

__attribute__((unused)) static void chip_end(void)
{
    check_state();
    memory_region_remove(&chip->regions[0]);
    device_destroy(chip);
    memset(bench.levels, 0, sizeof(bench.levels));
    memset(bench.edges, 0, sizeof(bench.edges));
}

__attribute__((unused)) static uint32_t get_size(uint32_t offset, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, CHIP_BASE + offset, size, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

__attribute__((unused)) static void set_size(uint32_t offset, uint32_t value, unsigned size)
{
    address_space_st(&bench.memory, CHIP_BASE + offset, size, ENDIAN_LITTLE, value);
}

__attribute__((unused)) static uint32_t get(uint32_t offset)
{
    return get_size(offset, 4);
}

__attribute__((unused)) static void set(uint32_t offset, uint32_t value)
{
    set_size(offset, value, 4);
}

/* The level of the chip's output. */
__attribute__((unused)) static int line(unsigned n)
{
    return bench.levels[16 + n];
}

#endif
