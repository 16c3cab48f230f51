/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simple chips of ARM boards: UART, timers, clock, ports, DMA, interrupt controllers. */
#include "tests/hw/chip.h"

#include "base/bits.h"
#include "base/main-loop.h"
#include "char.h"
#include "char/memory.h"
#include "console.h"
#include "hw/dma/pl080.h"
#include "hw/misc/integrator.h"

static void check_ids(void)
{
    static const struct { const char *class; uint32_t id; } cells[] = {
        { "pl011", 0x00141011 }, { "pl031", 0x00041031 }, { "pl050_keyboard", 0x00041050 },
        { "pl061", 0x00041061 }, { "pl080", 0x0a041080 }, { "pl110", 0x00041110 },
        { "pl181", 0x00041181 }, { "pl190", 0x00041190 }, { "sp804", 0x00141804 },
        { "sp810", 0x00041810 },
    };

    for (unsigned i = 0; i < ARRAY_LEN(cells); i++) {
        uint32_t id = 0, cell = 0;

        chip_start(cells[i].class);
        for (unsigned n = 0; n < 4; n++) {
            id |= get(0xfe0 + 4 * n) << 8 * n;
            cell |= get(0xff0 + 4 * n) << 8 * n;
        }
        is_int(id, cells[i].id, "peripheral number");
        is_int(cell, 0xb105f00d, "PrimeCell number");
        chip_end();
    }
}

static void check_uart(void)
{
    struct chardev *chr = chardev_open("uart", "ringbuf", NULL);
    struct device *dev = device_create("pl011", NULL);

    printf("# pl011\n");
    device_set_pointer(dev, "chardev", chr);
    chip_place(dev);
    is_int(get(0x18) & 0x90, 0x90, "empty at first");
    set(0x38, 0x20);
    set(0x00, 'A');
    is_int(line(0), 1, "a byte that went out interrupts");
    is_int(get(0x40), 0x20, "as a transmitter interrupt");
    set(0x44, 0x20);
    is_int(line(0), 0, "until it is cleared");
    set(0x38, 0x50);
    set(0x2c, 0x70);
    set(0x30, 0x381);                        /* loop */
    set(0x34, 2 << 3);                       /* interrupt at half of the FIFO */
    for (int i = 0; i < 7; i++) {
        set(0x00, (uint32_t)('a' + i));
    }
    is_int(line(0), 0, "seven bytes do not interrupt");
    set(0x00, 'h');
    is_int(get(0x40), 0x10, "eight do");
    is_int(get(0x00), 'a', "the first comes first");
    is_int(line(0), 0, "below the level there is none");
    set(0x24, 13);
    set(0x00, 'i');
    get(0x00);
    advance(NS_PER_SECOND, NS_PER_MS);
    is_int(get(0x40), 0x40, "what lies there for long interrupts");
    for (int i = 0; i < 7; i++) {
        get(0x00);
    }
    is_int(get(0x40), 0, "until all of it is read");
    is_int(get(0x18) & 0x10, 0x10, "empty again");
    for (int i = 0; i < 17; i++) {
        set(0x00, 0);
    }
    is_int(get(0x3c) & 0x400, 0x400, "the 17th byte is an overrun");
    is_int(get(0x00) & 0x800, 0x800, "which the data tells as well");
    chip_end();
    chardev_close(chr);
}

static void check_timers(void)
{
    chip_start("sp804");
    set(0x00, 1000);
    set(0x08, 0xe2);                         /* on, periodic, interrupts, 32 bits */
    advance(500 * NS_PER_US, 500 * NS_PER_US);
    is_int(get(0x04), 500, "counts microseconds");
    is_int(line(0), 0, "no interrupt yet");
    advance(600 * NS_PER_US, 600 * NS_PER_US);
    is_int(line(0), 1, "zero interrupts");
    is_int(get(0x04), 900, "and reloads");
    set(0x0c, 1);
    is_int(line(0), 0, "cleared");
    clock_vm_set(clock_ns(CLOCK_VM) + 2500 * NS_PER_US);
    is_int(get(0x10), 1, "a zero is noticed even before the host's timer runs");
    set(0x08, 0xa3);                         /* one shot */
    set(0x00, 100);
    set(0x0c, 1);
    clock_vm_set(clock_ns(CLOCK_VM) + 200 * NS_PER_US);
    set(0x08, 0xa3);
    advance(NS_PER_MS, NS_PER_MS);
    is_int(line(0), 1, "a late write of the control register loses no interrupt");
    set(0x0c, 1);
    advance(20 * NS_PER_MS, NS_PER_MS);
    is_int(line(0), 0, "one shot");
    is_int(get(0x04), 0, "and it stays at zero");
    set(0x28, 0xc0);
    is_int(get(0x24), 0xffff, "16 bits");
    advance(NS_PER_MS, NS_PER_MS);
    set(0x38, 50);
    is_int(get(0x20), 50, "the background register");
    chip_end();

    chip_start("integrator_pit");
    set(0x100, 10);
    set(0x108, 0xe0);
    advance(NS_PER_MS, NS_PER_MS);
    is_int(line(1), 1, "each counter of the Integrator has a line");
    is_int(line(0), 0, "of its own");
    chip_end();
}

static void check_clock(void)
{
    uint32_t now;

    chip_start("pl031");
    set(0x08, 1000);
    now = get(0x00);
    ok(now == 1000 || now == 1001, "the time is what was loaded");
    set(0x10, 1);
    set(0x04, get(0x00));
    is_int(line(0), 1, "the alarm at this second");
    set(0x1c, 1);
    is_int(line(0), 0, "cleared");
    chip_end();
}

static void check_ps2(void)
{
    chip_start("pl050_keyboard");
    set(0x00, 0x10);
    input_key(INPUT_KEY_a, true);
    is_int(line(0), 1, "a key interrupts");
    is_int(get(0x04) & 0x10, 0x10, "the receiver is full");
    is_int(get(0x08), 0x1c, "set 2 code of A");
    is_int(line(0), 0, "then it is empty");
    set(0x08, 0xf2);
    is_int(get(0x08) << 16 | get(0x08) << 8 | get(0x08), 0xfaab83, "a keyboard answers");
    chip_end();
    chip_start("pl050_mouse");
    set(0x08, 0xf2);
    is_int(get(0x08) << 8 | get(0x08), 0xfa00, "a mouse answers");
    chip_end();
}

static void check_gpio(void)
{
    chip_start("pl061");
    set(0x400, 0x0f);
    set(0x3fc, 0x05);
    is_int(line(1) | line(2) << 1 | line(3) << 2, 5, "outputs");
    set(0x004 << 1, 0xff);                   /* only pin 1 */
    is_int(get(0x3fc), 0x07, "the address masks");
    set(0x410, 0x80);
    set(0x40c, 0x80);
    irq_set(device_input(chip, 7), 1);
    is_int(line(0), 1, "a rising edge interrupts");
    irq_set(device_input(chip, 7), 0);
    is_int(get(0x418), 0x80, "and is kept");
    set(0x41c, 0x80);
    is_int(line(0), 0, "until it is cleared");
    set(0x404, 0x80);
    irq_set(device_input(chip, 7), 1);
    is_int(line(0), 1, "a level");
    irq_set(device_input(chip, 7), 0);
    is_int(line(0), 0, "is not kept");
    chip_end();
}

static void check_dma(void)
{
    struct device *dev = device_create("pl080", NULL);
    uint8_t *ram = memory_region_host(&bench.ram);

    printf("# pl080\n");
    pl080_set_memory(dev, &bench.memory);
    chip_place(dev);
    for (unsigned i = 0; i < 64; i++) {
        ram[0x1000 + i] = (uint8_t)(i * 7);
    }
    /* A second item: 4 words from 0x1020 to 0x3000. */
    st32_le(ram + 0x800, 0x1020);
    st32_le(ram + 0x804, 0x3000);
    st32_le(ram + 0x808, 0);
    st32_le(ram + 0x80c, 0x8c480004);
    set(0x30, 1);
    set(0x100, 0x1000);
    set(0x104, 0x2000);
    set(0x108, 0x800);
    set(0x10c, 0x0c480008);                  /* 8 words, both addresses step */
    set(0x110, 0xc001);
    ok(memcmp(ram + 0x1000, ram + 0x2000, 32) == 0, "the first item is moved");
    ok(memcmp(ram + 0x1020, ram + 0x3000, 16) == 0, "and the linked one");
    is_int(get(0x1c), 0, "then the channel is off");
    is_int(get(0x04), 1, "which it tells");
    is_int(line(0), 1, "by an interrupt");
    set(0x08, 1);
    is_int(line(0), 0, "cleared");
    set(0x100, 0x90000000);
    set(0x10c, 0x8c480001);
    set(0x110, 0xc001);
    is_int(get(0x0c), 1, "a bus error");
    chip_end();
}

static void check_vic(void)
{
    chip_start("pl190");
    set(0x10, 0xff);
    set(0x34, 0xdead);
    set(0x100, 0x1111);
    set(0x200, 0x23);                        /* line 3 first */
    set(0x104, 0x2222);
    set(0x204, 0x25);
    irq_set(device_input(chip, 5), 1);
    is_int(line(0), 1, "an enabled line");
    is_int(get(0x30), 0x2222, "its vector");
    is_int(line(0), 0, "in service it does not interrupt again");
    irq_set(device_input(chip, 3), 1);
    is_int(line(0), 1, "a better one does");
    is_int(get(0x30), 0x1111, "with its vector");
    set(0x30, 0);
    is_int(line(0), 1, "the end of its service leaves it pending");
    irq_set(device_input(chip, 3), 0);
    set(0x30, 0);
    irq_set(device_input(chip, 5), 0);
    is_int(line(0), 0, "all served");
    set(0x18, 1);
    is_int(get(0x30), 0xdead, "a software interrupt without vector");
    set(0x30, 0);
    set(0x1c, 1);
    set(0x0c, 2);
    set(0x18, 2);
    is_int(line(1), 1, "FIQ");
    is_int(line(0), 0, "and no IRQ");
    chip_end();
}

static void check_fpga(void)
{
    chip_start("integrator_pic");
    irq_set(device_input(chip, 6), 1);
    is_int(line(0), 0, "a disabled line");
    set(0x08, 0x40);
    is_int(line(0), 1, "enabled");
    is_int(get(0x00), 0x40, "in the status");
    set(0x28, 0x40);
    is_int(line(1), 1, "FIQ is enabled separately");
    set(0x0c, 0x40);
    is_int(line(0), 0, "disabled");
    chip_end();

    chip_start("versatile_sic");
    device_connect(chip, 25, bench_irq(40));
    device_connect(chip, 31, bench_irq(41));
    irq_set(device_input(chip, 25), 1);
    set(0x20, 0xffd00000);
    is_int(bench.levels[40], 1, "a line that passes on");
    is_int(bench.levels[41], 0, "is not in the cascade");
    set(0x08, 1 << 25);
    is_int(bench.levels[41], 1, "unless it is enabled there");
    chip_end();
}

static void check_registers(void)
{
    chip_start("realview_sysctl");
    is_int(get(0x00), 0x41007004, "the board's number");
    set(0x0c, 5);
    is_int(get(0x0c), 0, "locked oscillators");
    set(0x20, 0xa05f);
    set(0x0c, 5);
    is_int(get(0x0c), 5, "unlocked ones");
    set(0x50, 2);
    is_int(line(0), 2, "the display's multiplexer");
    is_int(get(0x50), 0x1f02, "and the panel's number");
    set(0x38, 0x12);
    device_reset(chip);
    is_int(get(0x38), 0x12, "NV flags survive a reset");
    is_int(get(0x20), 0x10000, "which locks");
    chip_end();

    printf("# integrator_core\n");
    {
        struct device *dev = device_create("integrator_core", NULL);
        struct memory_region low;

        memory_region_init(&low, "low", 0x1000);
        integrator_core_set_remap(dev, &low, false);
        chip_place(dev);
        ok(low.enabled, "flash lies at 0 after a reset");
        set(0x0c, 4);
        ok(!low.enabled, "until it is remapped");
        is_int(get(0x20), 0x2e, "128 MiB of SDRAM");
        is_int(get(0x100) & 0xffff, 0x0880, "the module's EEPROM");
        chip_end();
        memory_region_fini(&low);
    }

    chip_start("icp-ctrl-regs");
    irq_set(device_input(chip, 1), 1);
    is_int(line(0), 1, "a card that comes");
    set(0x08, 8);
    is_int(line(0), 0, "is acknowledged");
    is_int(get(0x08), 2, "and stays");
    chip_end();
}

int main(void)
{
    bench_start();
    check_ids();
    check_uart();
    check_timers();
    check_clock();
    check_ps2();
    check_gpio();
    check_dma();
    check_vic();
    check_fpga();
    check_registers();
    return tap_done();
}
