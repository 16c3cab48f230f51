/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bench with a PC's PCI bus and its configuration ports. */
#ifndef TESTS_HW_PCI_BENCH_H
#define TESTS_HW_PCI_BENCH_H

#include "hw/pci/i440fx.h"
#include "tests/hw/bench.h"

static struct memory_region pci_space, smm_root;
static struct i440fx_memory memory;

__attribute__((unused)) static uint32_t config(unsigned devfn, unsigned reg, unsigned size)
{
    out(0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    return in((uint16_t)(0xcfc + (reg & 3)), size);
}

static void set_config(unsigned devfn, unsigned reg, uint32_t value, unsigned size)
{
    out(0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    out((uint16_t)(0xcfc + (reg & 3)), value, size);
}

__attribute__((unused)) static uint32_t peek(uint64_t at, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, at, size, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

__attribute__((unused)) static void poke(uint64_t at, uint64_t value, unsigned size)
{
    address_space_st(&bench.memory, at, size, ENDIAN_LITTLE, value);
}

static void pci_bench_start(void)
{
    struct error *err = NULL;
    struct pci_bus *bus;
    struct isa_bus *isa;

    bench_start();
    memory_region_init(&pci_space, "pci", 0);
    memory_region_init(&smm_root, "smm", 0);
    memory = (struct i440fx_memory){ &bench.memory_root, &bench.io_root, &pci_space, &bench.ram,
                                     &smm_root, &bench.memory };
    bus = i440fx_create(&memory, &err);
    isa = bus ? piix3_create(bus, &memory, &err) : NULL;
    if (!isa) {
        error_exit_with(err);
    }
    for (int n = 0; n < ISA_IRQS; n++) {
        isa->irqs[n] = bench_irq(n);
    }
    device_reset_all();
}

#endif
