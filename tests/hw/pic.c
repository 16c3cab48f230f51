/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8259 pair: priorities, modes, spurious vectors, level lines. */
#include "tests/hw/bench.h"

#include "hw/intc/i8259.h"

enum { LINE_INTR = 20 };

static struct device *pic;

static void set(int n, int level)
{
    irq_set(device_input(pic, n), level);
}

static void pulse(int n)
{
    set(n, 1);
    set(n, 0);
}

static void init_pics(uint8_t icw4)
{
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 0x04);
    outb(0x21, icw4);
    outb(0xa0, 0x11);
    outb(0xa1, 0x28);
    outb(0xa1, 0x02);
    outb(0xa1, 0x01);
}

static void test_priorities(void)
{
    init_pics(0x01);
    is_int(inb(0x21), 0, "initialization clears the mask");
    outb(0x21, 0xaa);
    is_int(inb(0x21), 0xaa, "the mask reads back");
    outb(0x21, 0);
    pulse(5);
    pulse(3);
    is_int(bench.levels[LINE_INTR], 1, "a request raises INTR");
    is_int(pic_acknowledge(pic), 0x23, "the lower line goes first");
    is_int(bench.levels[LINE_INTR], 0, "a lower priority waits");
    pulse(1);
    is_int(pic_acknowledge(pic), 0x21, "a higher one interrupts");
    outb(0x20, 0x0b);
    is_int(inb(0x20), 0x0a, "both are in service");
    outb(0x20, 0x20);
    is_int(inb(0x20), 0x08, "EOI ends the highest");
    outb(0x20, 0x63);
    is_int(inb(0x20), 0x00, "specific EOI ends its line");
    is_int(pic_acknowledge(pic), 0x25, "now the waiting one");
    outb(0x20, 0x20);
    is_int(pic_acknowledge(pic), 0x27, "with nothing pending the vector is spurious");
    is_int(inb(0x20), 0x00, "and not in service");
}

static void test_slave(void)
{
    pulse(12);
    is_int(pic_acknowledge(pic), 0x2c, "the slave gives the vector");
    pulse(8);
    is_int(bench.levels[LINE_INTR], 0, "the slave's line is in service in the master");
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
    is_int(pic_acknowledge(pic), 0x28, "after both EOIs the next of the slave comes");
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
    init_pics(0x11);
    pulse(12);
    pic_acknowledge(pic);
    pulse(8);
    is_int(pic_acknowledge(pic), 0x28, "special fully nested: the slave interrupts itself");
    outb(0xa0, 0x20);
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
    init_pics(0x01);
}

static void test_modes(void)
{
    init_pics(0x03);
    pulse(4);
    pic_acknowledge(pic);
    outb(0x20, 0x0b);
    is_int(inb(0x20), 0, "automatic EOI leaves nothing in service");
    init_pics(0x01);
    outb(0x20, 0xc3);
    pulse(3);
    pulse(4);
    is_int(pic_acknowledge(pic), 0x24, "set priority: line 3 is the lowest");
    outb(0x20, 0xa0);
    is_int(pic_acknowledge(pic), 0x23, "rotate on EOI");
    pulse(4);
    is_int(bench.levels[LINE_INTR], 0, "line 4 has become the lowest");
    outb(0x20, 0x20);
    init_pics(0x01);
    pulse(2 + 4);
    outb(0x20, 0x0c);
    is_int(inb(0x20), 0x86, "poll acknowledges");
    outb(0x20, 0x20);
    outb(0x20, 0x0c);
    is_int(inb(0x20), 0x00, "poll of nothing");
    pulse(1);
    pic_acknowledge(pic);
    outb(0x21, 0x02);
    outb(0x20, 0x68);
    pulse(6);
    is_int(pic_acknowledge(pic), 0x26, "special mask lets lower lines through");
    init_pics(0x01);
}

static void test_level(void)
{
    outb(0x4d0, 0xff);
    outb(0x4d1, 0xff);
    is_int(inb(0x4d0) | inb(0x4d1) << 8, 0xdef8, "system lines stay edge-triggered");
    set(11, 1);
    is_int(pic_acknowledge(pic), 0x2b, "a level line");
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
    is_int(pic_acknowledge(pic), 0x2b, "interrupts as long as it is up");
    set(11, 0);
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
    is_int(bench.levels[LINE_INTR], 0, "and no longer");
    set(11, 1);
    set(11, 0);
    is_int(pic_acknowledge(pic), 0x27, "a level that went away is spurious");
    outb(0x4d0, 0);
    outb(0x4d1, 0);
    set(6, 1);
    pic_acknowledge(pic);
    outb(0x20, 0x20);
    is_int(bench.levels[LINE_INTR], 0, "an edge counts once");
    set(6, 0);
}

int main(void)
{
    bench_start();
    pic = bench_device("isa-i8259", NULL);
    device_connect(pic, 0, bench_irq(LINE_INTR));
    device_reset_all();
    test_priorities();
    test_slave();
    test_modes();
    test_level();
    return tap_done();
}
