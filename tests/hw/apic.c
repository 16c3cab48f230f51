/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APICs of two CPUs, an I/O APIC and the 8259 pair on one bus. */
#include "tests/hw/bench.h"

#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"

enum { LAPIC = APIC_DEFAULT_BASE, IOAPIC = IOAPIC_BASE };
enum { ID = 0x20, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0,
       ISR = 0x100, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320,
       LVT0 = 0x350, LVT1 = 0x360, COUNT = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0 };

static struct device *apics[2], *io, *pic;
static int lines[2], nmis[2], inits[2], startups[2];

static void set_interrupt(void *opaque, int level)
{
    lines[(intptr_t)opaque] = level;
}

static void nmi(void *opaque)
{
    nmis[(intptr_t)opaque]++;
}

static void init(void *opaque)
{
    inits[(intptr_t)opaque]++;
}

static void startup(void *opaque, uint8_t vector)
{
    startups[(intptr_t)opaque] = vector;
}

static int64_t tsc_to_vm_ns(void *opaque, uint64_t tsc)
{
    return tsc / 2;
}

static const struct apic_cpu_ops ops = {
    set_interrupt, nmi, nmi, init, startup, tsc_to_vm_ns
};

static uint32_t get(uint64_t address)
{
    uint64_t value;

    address_space_ld(&bench.memory, address, 4, ENDIAN_LITTLE, &value);
    return value;
}

static void set(uint64_t address, uint32_t value)
{
    address_space_st(&bench.memory, address, 4, ENDIAN_LITTLE, value);
}

static uint32_t lapic(unsigned reg)
{
    return get(LAPIC + reg);
}

static void set_lapic(unsigned reg, uint32_t value)
{
    set(LAPIC + reg, value);
}

static void set_entry(unsigned pin, uint64_t entry)
{
    set(IOAPIC, 0x11 + 2 * pin);
    set(IOAPIC + 0x10, entry >> 32);
    set(IOAPIC, 0x10 + 2 * pin);
    set(IOAPIC + 0x10, entry);
}

static uint32_t entry_low(unsigned pin)
{
    set(IOAPIC, 0x10 + 2 * pin);
    return get(IOAPIC + 0x10);
}

static void eoi(int cpu)
{
    apic_write(apics[cpu], EOI, 0);
}

static void test_virtual_wire(void)
{
    is_int(lapic(ID), 0, "the window shows the current CPU");
    is_int(lapic(0x30), 0x50014, "version");
    apic_set_current(apics[1]);
    is_int(lapic(ID), 0x01000000, "or the other");
    apic_set_current(apics[0]);
    irq_raise(device_input(pic, 1));
    is_int(lines[0], 1, "after reset the 8259 gets through");
    is_int(lines[1], 0, "to the first CPU");
    is_int(apic_acknowledge(apics[0]), 0x21, "with its vector");
    irq_lower(device_input(pic, 1));
    is_int(lines[0], 0, "once");
    is_int(apic_acknowledge(apics[0]), -1, "no second");
    outb(0x20, 0x20);
    for (int i = 0; i < 2; i++) {
        apic_write(apics[i], SVR, 0x1ff);
        apic_write(apics[i], LVT0, 0x10000);
        apic_write(apics[i], LDR, 0x01000000 << i);
    }
    irq_pulse(device_input(pic, 1));
    is_int(lines[0], 0, "masked it does not");
    pic_acknowledge(pic);
    outb(0x20, 0x20);
}

static void test_priority(void)
{
    set_lapic(ICR, 0x40030);
    set_lapic(ICR, 0x40051);
    is_int(lapic(IRR + 0x10), 0x10000, "a self interrupt is requested");
    is_int(apic_acknowledge(apics[0]), 0x51, "the higher vector goes first");
    is_int(lapic(PPR), 0x50, "and sets the processor priority");
    is_int(lines[0], 0, "the lower one waits");
    set_lapic(ICR, 0x40060);
    is_int(apic_acknowledge(apics[0]), 0x60, "a higher class interrupts");
    is_int(lapic(ISR + 0x20) >> 17 & 1, 1, "the other stays in service");
    set_lapic(EOI, 0);
    set_lapic(EOI, 0);
    is_int(lines[0], 1, "after the EOIs the lower one comes");
    apic_set_cr8(apics[0], 3);
    is_int(lines[0], 0, "unless CR8 holds it back");
    is_int(lapic(TPR), 0x30, "which is the TPR");
    set_lapic(TPR, 0);
    is_int(apic_acknowledge(apics[0]), 0x30, "now");
    set_lapic(EOI, 0);
    set_lapic(ICR, 0x40005);
    set_lapic(ESR, 0);
    is_int(lapic(ESR), 0x20, "an illegal vector is an error");
    set_lapic(ESR, 0);
    is_int(lapic(ESR), 0, "until the next write");
}

static void test_destinations(void)
{
    set_lapic(ICR_HIGH, 0x01000000);
    set_lapic(ICR, 0x40);
    ok(!lines[0] && lines[1], "physical destination");
    is_int(apic_acknowledge(apics[1]), 0x40, "arrives");
    eoi(1);
    set_lapic(ICR_HIGH, 0x03000000);
    set_lapic(ICR, 0x841);
    ok(lines[0] && lines[1], "logical destination, flat");
    apic_acknowledge(apics[0]);
    apic_acknowledge(apics[1]);
    eoi(0);
    eoi(1);
    apic_write(apics[0], TPR, 0x20);
    set_lapic(ICR, 0x942);
    ok(!lines[0] && lines[1], "lowest priority");
    apic_write(apics[0], TPR, 0);
    apic_acknowledge(apics[1]);
    eoi(1);
    set_lapic(ICR, 0xc0043);
    ok(!lines[0] && lines[1], "all but self");
    apic_acknowledge(apics[1]);
    eoi(1);
    set_lapic(ICR_HIGH, 0x01000000);
    set_lapic(ICR, 0xc500);
    set_lapic(ICR, 0x8500);
    is_int(inits[1], 1, "INIT, once with its de-assert");
    set_lapic(ICR, 0x4608);
    is_int(startups[1], 8, "start-up");
    set_lapic(ICR, 0x4400);
    is_int(nmis[1], 1, "NMI");
    for (int i = 0; i < 2; i++) {
        apic_write(apics[i], DFR, 0x0fffffff);
        apic_write(apics[i], LDR, 0x11000000 + 0x10000000 * i);
    }
    set_lapic(ICR_HIGH, 0x21000000);
    set_lapic(ICR, 0x844);
    ok(!lines[0] && lines[1], "cluster");
    apic_acknowledge(apics[1]);
    eoi(1);
    apic_set_current(NULL);
    set(LAPIC + 0x1000, 0x45);
    apic_set_current(apics[0]);
    ok(!lines[0] && lines[1], "a message signalled interrupt");
    apic_acknowledge(apics[1]);
    eoi(1);
}

static void test_timer(void)
{
    set_lapic(DIVIDE, 0x0b);
    set_lapic(LVT_TIMER, 0x70);
    set_lapic(COUNT, 1000000);
    advance(400000, 100000);
    is_int(lapic(CURRENT), 600000, "the timer counts");
    is_int(lines[0], 0, "quietly");
    advance(700000, 100000);
    is_int(lapic(CURRENT), 0, "to zero");
    is_int(apic_acknowledge(apics[0]), 0x70, "and interrupts");
    eoi(0);
    advance(5 * NS_PER_MS, 100000);
    is_int(lines[0], 0, "once");
    set_lapic(DIVIDE, 0x03);
    set_lapic(LVT_TIMER, 0x20070);
    set_lapic(COUNT, 62500);
    int count = 0;
    for (int i = 0; i < 1000; i++) {
        advance(100000, 100000);
        while (lines[0]) {
            apic_acknowledge(apics[0]);
            eoi(0);
            count++;
        }
    }
    is_int(count, 100, "periodic, divided by 16");
    set_lapic(LVT_TIMER, 0x40070);
    is_int(lapic(COUNT), 0, "deadline mode disarms the count");
    apic_set_tsc_deadline(apics[0], 2 * (clock_ns(CLOCK_VM) + NS_PER_MS));
    advance(900000, 100000);
    is_int(lines[0], 0, "before the deadline");
    advance(200000, 100000);
    is_int(apic_acknowledge(apics[0]), 0x70, "at the deadline");
    is_int(apic_tsc_deadline(apics[0]), 0, "which is then clear");
    eoi(0);
}

static void test_ioapic(void)
{
    struct irq pin = device_input(io, 4), level = device_input(io, 11);

    set(IOAPIC, 1);
    is_int(get(IOAPIC + 0x10), 0x170020, "24 pins, version 0x20");
    is_int(entry_low(4), 0x10000, "masked after reset");
    irq_pulse(pin);
    set_entry(4, 0x31);
    is_int(lines[0], 0, "a masked edge is lost");
    irq_pulse(pin);
    is_int(apic_acknowledge(apics[0]), 0x31, "an edge");
    eoi(0);
    set_entry(11, 0x01000000ull << 32 | 0x8032);
    irq_raise(level);
    is_int(apic_acknowledge(apics[1]), 0x32, "a level, to the other CPU");
    is_int(entry_low(11), 0xc032, "remote IRR");
    is_int(lines[1], 0, "nothing more until EOI");
    eoi(1);
    is_int(apic_acknowledge(apics[1]), 0x32, "again, as the line is up");
    irq_lower(level);
    eoi(1);
    ok(!lines[1] && entry_low(11) == 0x8032, "until it falls");
    irq_raise(level);
    apic_acknowledge(apics[1]);
    irq_lower(level);
    set(IOAPIC + 0x40, 0x32);
    is_int(entry_low(11), 0x8032, "EOI by register");
    eoi(1);
}

static void test_base(void)
{
    ok(!apic_set_base(apics[0], 0xfee00c00), "no x2APIC mode");
    is_int(apic_base(apics[0]), 0xfee00900, "enabled, boot processor");
    is_int(apic_base(apics[1]), 0xfee00800, "the other is not");
    ok(apic_set_base(apics[0], 0xfee00000), "disabling it");
    is_int(lapic(ID), UINT32_MAX, "makes its registers go");
    irq_pulse(device_input(pic, 3));
    is_int(lines[0], 1, "and LINT0 is INTR");
    apic_acknowledge(apics[0]);
    device_reset_all();
    is_int(lapic(SVR), 0xff, "a reset brings it back");
}

int main(void)
{
    bench_start();
    pic = bench_device("isa-i8259", NULL);
    io = bench_device("ioapic", NULL);
    for (intptr_t i = 0; i < 2; i++) {
        apics[i] = apic_create(i, i == 0, &ops, (void *)i, NULL);
    }
    device_connect(pic, 0, irq_split(device_input(apics[0], 0), device_input(apics[1], 0)));
    apic_set_extint(pic_acknowledge, pic);
    memory_region_add(&bench.memory_root, IOAPIC, device_region(io, "ioapic"));
    memory_region_add(&bench.memory_root, LAPIC, apic_window());
    device_reset_all();
    apic_set_current(apics[0]);
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 0x04);
    outb(0x21, 0x01);
    test_virtual_wire();
    test_priority();
    test_destinations();
    test_timer();
    test_ioapic();
    test_base();
    return tap_done();
}
