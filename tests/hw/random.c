/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random accesses to all the basic devices at once: nothing may crash, and what was saved in the
 * middle of it must come back the same.
 */
#include "tests/hw/bench.h"

#include "console.h"
#include "hw/input/i8042.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/nvram/fw_cfg.h"

#define HPET_BASE 0xfed00000ull

static struct device *apic, *pic, *ioapic;
static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void ignore_level(void *opaque, int level)
{
}

static void ignore(void *opaque)
{
}

static void ignore_vector(void *opaque, uint8_t vector)
{
}

static int64_t tsc_to_vm_ns(void *opaque, uint64_t tsc)
{
    return tsc > INT64_MAX ? INT64_MAX : (int64_t)tsc;
}

static const struct apic_cpu_ops ops = {
    ignore_level, ignore, ignore, ignore, ignore_vector, tsc_to_vm_ns
};

static unsigned take_some(void *opaque, uint8_t *data, unsigned size, bool to_device, bool last)
{
    unsigned n = size ? random64() % (size + 1) : 0;

    if (data && !to_device) {
        memset(data, 0x5a, n);
    }
    return n;
}

static uint16_t random_port(void)
{
    static const struct { uint16_t first, count; } ranges[] = {
        { 0x00, 16 }, { 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 2 }, { 0x80, 16 },
        { 0x92, 1 }, { 0xa0, 2 }, { 0xc0, 32 }, { 0x378, 8 }, { 0x3f8, 8 }, { 0x4d0, 2 },
        { 0x510, 12 }
    };
    unsigned i = random64() % (sizeof(ranges) / sizeof(ranges[0]));

    return ranges[i].first + random64() % ranges[i].count;
}

static uint64_t random_register(void)
{
    switch (random64() % 4) {
    case 0: return IOAPIC_BASE + (random64() & 0x50);
    case 1: return HPET_BASE + (random64() & 0x1f8);
    default: return APIC_DEFAULT_BASE + (random64() & 0x3f0);
    }
}

static void random_event(void)
{
    static uint64_t value;
    unsigned size = 1 << random64() % 3;

    switch (random64() % 12) {
    case 0:
        input_key(random64() % INPUT_KEY_COUNT, random64() & 1);
        break;
    case 1:
        input_pointer_move((int)(random64() % 2000) - 1000, (int)random64() % 1000, 1,
                           random64() & 31);
        break;
    case 2:
        jump_to(clock_ns(CLOCK_VM) + random64() % NS_PER_MS);
        break;
    case 3:
        isa_dma_request(&bench.isa, random64() % 8, random64() & 1);
        break;
    case 4:
        apic_acknowledge(apic);
        break;
    case 5:
        pic_acknowledge(pic);
        irq_set(device_input(ioapic, 16 + random64() % 8), random64() & 1);
        break;
    case 6: case 7:
        if (random64() & 1) {
            address_space_st(&bench.memory, random_register(), 4, ENDIAN_LITTLE, random64());
        } else {
            address_space_ld(&bench.memory, random_register(), 4, ENDIAN_LITTLE, &value);
        }
        break;
    default:
        if (random64() & 1) {
            out(random_port(), random64(), size);
        } else {
            in(random_port(), size);
        }
        break;
    }
}

/* Saves, resets, loads and saves again. */
static bool survives(void)
{
    struct state_writer before = { 0 }, after = { 0 };
    struct state_reader reader;
    bool same;

    device_save_all(&before);
    device_reset_all();
    reader = (struct state_reader){ before.data, before.size, 0 };
    same = device_load_all(&reader, NULL);
    device_save_all(&after);
    same = same && before.size == after.size && !memcmp(before.data, after.data, after.size);
    state_writer_free(&before);
    state_writer_free(&after);
    return same;
}

static void make_devices(void)
{
    static const char *const isa[] = {
        "isa-pit", "isa-pcspk", "mc146818rtc", "i8257", "i8042", "port92", "isa-serial",
        "isa-parallel"
    };
    struct device *hpet;

    pic = bench_device("isa-i8259", NULL);
    apic = apic_create(0, true, &ops, NULL, NULL);
    ioapic = bench_device("ioapic", NULL);
    hpet = bench_device("hpet", NULL);
    device_connect(pic, 0, device_input(apic, 0));
    for (int i = 0; i < ISA_IRQS; i++) {
        bench.isa.irqs[i] = irq_split(device_input(pic, i), device_input(ioapic, i ? i : 2));
    }
    for (unsigned i = 0; i < sizeof(isa) / sizeof(isa[0]); i++) {
        struct device *dev = bench_device(isa[i], NULL);

        if (dev->class->irqs && i < 2) {
            device_connect(dev, 0, bench.isa.irqs[0]);
        }
    }
    device_connect(device_find("i8042"), I8042_A20, device_input(device_find("port92"), 0));
    apic_set_extint(pic_acknowledge, pic);
    memory_region_add(&bench.memory_root, IOAPIC_BASE, device_region(ioapic, "ioapic"));
    memory_region_add(&bench.memory_root, HPET_BASE, device_region(hpet, "hpet"));
    memory_region_add(&bench.memory_root, APIC_DEFAULT_BASE, apic_window());
    for (unsigned n = 0; n < ISA_DMA_CHANNELS; n++) {
        isa_dma_claim(&bench.isa, n, take_some, NULL, NULL);
    }
}

int main(void)
{
    bench_start();
    fw_cfg_add_string(fw_cfg_create(&bench.io_root, &bench.memory, NULL), FW_CFG_KERNEL_CMDLINE,
                      "quiet");
    make_devices();
    device_reset_all();
    apic_set_current(apic);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 5000; i++) {
            random_event();
        }
        ok(survives(), "round %d", round);
    }
    while (device_first()) {
        device_destroy(device_first());
    }
    ok(true, "all devices can go");
    return tap_done();
}
