/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A UHCI controller's frames and queues in memory, with a hub, a keyboard and a serial adapter. */
#include "tests/hw/chip.h"

#include "base/bits.h"
#include "base/main-loop.h"
#include "char.h"
#include "char/memory.h"
#include "console.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb.h"

#define REGISTERS 0xc000
#define FRAMES 0x1000
#define QUEUE 0x2000
#define TD 0x2100
#define BUFFER 0x4000

enum { COMMAND = 0, STATUS = 2, ENABLE = 4, NUMBER = 6, BASE = 8, PORT = 0x10 };
enum { IN = 0x69, OUT = 0xe1, SETUP = 0x2d };
enum { ACTIVE = 1 << 23, STALLED = 1 << 22, TIMEOUT = 1 << 18, NAK = 1 << 19, COMPLETE = 1 << 24,
       SHORT = 1 << 29 };

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static int intx;
static uint8_t *ram;

static void set_irq(void *opaque, int n, int level)
{
    intx = level;
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

static unsigned reg(unsigned offset)
{
    return in((uint16_t)(REGISTERS + offset), 2);
}

static void set_reg(unsigned offset, unsigned value)
{
    out((uint16_t)(REGISTERS + offset), value, 2);
}

static void put(uint32_t at, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    st32_le(ram + at, a);
    st32_le(ram + at + 4, b);
    st32_le(ram + at + 8, c);
    st32_le(ram + at + 12, d);
}

static void plug_controller(void)
{
    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, -1);
    memory_region_add_priority(&bench.io_root, 0, &pci_io, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    bench_device("piix3-usb-uhci", "addr", "1.2", "id", "usb", NULL);
}

/* Every frame starts with the queue. */
static void start_controller(void)
{
    pci_config_write(&pci, 0x0a, 0x20, REGISTERS, 4);
    pci_config_write(&pci, 0x0a, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    for (unsigned i = 0; i < 1024; i++) {
        st32_le(ram + FRAMES + 4 * i, QUEUE | 2);
    }
    put(QUEUE, 1, 1, 0, 0);
    set_reg(BASE, FRAMES);
    set_reg(ENABLE, 15);
    set_reg(COMMAND, 1);
}

static void frame(void)
{
    advance(NS_PER_MS, NS_PER_MS);
}

static void put_td(unsigned n, uint8_t pid, unsigned address, unsigned endpoint, uint32_t flags,
                   uint32_t buffer, unsigned size)
{
    put(TD + 16 * n, (TD + 16 * (n + 1)) | 4, ACTIVE | flags,
        pid | address << 8 | endpoint << 15 | ((size - 1) & 0x7ff) << 21, buffer);
}

/* Puts so many descriptors on the queue and lets frames pass; the state of the last one, or of the
 * one that it hung at. */
static uint32_t run(unsigned count)
{
    st32_le(ram + TD + 16 * (count - 1), 1);
    st32_le(ram + QUEUE + 4, TD);
    set_reg(STATUS, 0x1f);
    for (unsigned i = 0; i < 4; i++) {
        main_loop_step(false);
        frame();
    }
    for (unsigned n = 0; n < count; n++) {
        uint32_t control = ld32_le(ram + TD + 16 * n + 4);

        if (n == count - 1 || control & (ACTIVE | STALLED)) {
            return control;
        }
    }
    return 0;
}

/* A control transfer; data to the host lies at BUFFER + 64. */
static uint32_t control(unsigned address, const uint8_t *setup, unsigned length)
{
    bool to_host = setup[0] & 0x80;
    unsigned n = 0;

    memcpy(ram + BUFFER, setup, 8);
    put_td(n++, SETUP, address, 0, 0, BUFFER, 8);
    for (unsigned at = 0; at < length; at += 8) {
        put_td(n++, to_host ? IN : OUT, address, 0, 0, BUFFER + 64 + at, MIN_OF(8u, length - at));
    }
    put_td(n++, to_host ? OUT : IN, address, 0, COMPLETE, 0, 0);
    return run(n) & (ACTIVE | STALLED | TIMEOUT);
}

#define REQUEST(...) (const uint8_t[8]){ __VA_ARGS__ }

static void check_ports(void)
{
    is_int(reg(STATUS), 0x20, "halted at first");
    is_int(reg(PORT), 0x83, "something came to port 1");
    is_int(reg(PORT + 2), 0x83, "and to port 2");
    is_int(reg(PORT + 4) & 0x80, 0, "there are no more");
    start_controller();
    frame();
    frame();
    is_int(reg(NUMBER), 2, "frames are counted");
    is_int(reg(STATUS), 0, "it runs");
    set_reg(PORT, 0x200);
    set_reg(PORT, 0x00a);
    set_reg(PORT, 0x004);
    is_int(reg(PORT), 0x85, "reset and enabled");
}

static void check_keyboard(void)
{
    is_int(control(0, REQUEST(0x80, 6, 0, 1, 0, 0, 18, 0), 18), 0, "the device descriptor");
    is_int(ld32_le(ram + BUFFER + 64 + 8), 0x00010627, "its identity");
    is_int(intx, 1, "the end interrupts");
    is_int(reg(STATUS), 1, "and is told");
    set_reg(STATUS, 1);
    is_int(intx, 0, "until acknowledged");
    is_int(control(0, REQUEST(0, 5, 7, 0, 0, 0, 0, 0), 0), 0, "a new address");
    is_int(control(0, REQUEST(0x80, 6, 0, 1, 0, 0, 18, 0), 18), STALLED | TIMEOUT, "not the old");
    is_int(reg(STATUS), 2, "which is an error");
    is_int(control(7, REQUEST(0x80, 6, 0, 9, 0, 0, 8, 0), 8), STALLED, "an unknown descriptor");
    is_int(control(7, REQUEST(0, 9, 1, 0, 0, 0, 0, 0), 0), 0, "configured");
    put_td(0, IN, 7, 1, SHORT, BUFFER, 8);
    is_int(run(1) & (ACTIVE | NAK), ACTIVE | NAK, "nothing to report");
    input_key(INPUT_KEY_b, true);
    frame();
    is_int(ld32_le(ram + TD + 4) & (ACTIVE | 0x7ff), 7, "then a key");
    is_int(ram[BUFFER + 2], 5, "B");
    is_int(ld32_le(ram + QUEUE + 4), 1, "the queue went on");
    put_td(0, IN, 7, 1, SHORT, BUFFER, 16);
    input_key(INPUT_KEY_b, false);
    is_int(run(1) & (ACTIVE | 0x7ff), 7, "a short report");
    is_int(ld32_le(ram + QUEUE + 4), TD, "stops the queue");
    is_int(reg(STATUS), 1, "and interrupts");
    /* Asleep it wakes the host only when that has asked for it. */
    set_reg(COMMAND, 0);
    frame();
    set_reg(PORT, 0x1004);
    set_reg(COMMAND, 8);
    input_key(INPUT_KEY_b, true);
    is_int(reg(STATUS) & 4, 0, "sleep");
    set_reg(COMMAND, 1);
    set_reg(PORT, 0x0004);
    control(7, REQUEST(0, 3, 1, 0, 0, 0, 0, 0), 0);
    set_reg(COMMAND, 0);
    frame();
    set_reg(PORT, 0x1004);
    set_reg(COMMAND, 8);
    input_key(INPUT_KEY_b, false);
    is_int(reg(STATUS) & 4, 4, "and wakeup");
    is_int(reg(PORT) & 0x40, 0x40, "of the port");
    set_reg(PORT, 0x1044);
    set_reg(PORT, 0x0004);
    is_int(reg(PORT) & 0x1040, 0, "resumed");
    set_reg(COMMAND, 1);
}

static void check_hub(void)
{
    set_reg(PORT + 2, 0x200);
    set_reg(PORT + 2, 0x00a);
    set_reg(PORT + 2, 0x004);
    control(0, REQUEST(0, 5, 8, 0, 0, 0, 0, 0), 0);
    is_int(control(8, REQUEST(0, 9, 1, 0, 0, 0, 0, 0), 0), 0, "a hub in port 2");
    is_int(control(8, REQUEST(0xa0, 6, 0, 0x29, 0, 0, 9, 0), 9), 0, "its descriptor");
    is_int(ram[BUFFER + 64 + 2], 8, "eight ports");
    put_td(0, IN, 8, 1, 0, BUFFER, 2);
    is_int(run(1) & ACTIVE, 0, "changes");
    is_int(ram[BUFFER], 2, "of its first port");
    is_int(control(8, REQUEST(0xa3, 0, 0, 0, 1, 0, 4, 0), 4), 0, "the port's status");
    is_int(ld32_le(ram + BUFFER + 64), 0x00010101, "connected");
    is_int(control(8, REQUEST(0x23, 1, 16, 0, 1, 0, 0, 0), 0), 0, "acknowledged");
    is_int(control(0, REQUEST(0x80, 6, 0, 1, 0, 0, 18, 0), 18), STALLED | TIMEOUT, "not enabled");
    is_int(control(8, REQUEST(0x23, 3, 4, 0, 1, 0, 0, 0), 0), 0, "reset");
    is_int(control(0, REQUEST(0x80, 6, 0, 1, 0, 0, 18, 0), 18), 0, "a device behind it");
    is_int(ld32_le(ram + BUFFER + 64 + 8), 0x60010403, "the serial adapter");
    is_int(control(0, REQUEST(0, 5, 9, 0, 0, 0, 0, 0), 0), 0, "its address");
    is_int(control(9, REQUEST(0, 9, 1, 0, 0, 0, 0, 0), 0), 0, "configured");
    is_int(control(8, REQUEST(0x23, 3, 4, 0, 9, 0, 0, 0), 0), STALLED, "there is no ninth port");
}

static void check_serial(struct chardev *chr)
{
    uint8_t text[8] = "";

    memcpy(ram + BUFFER, "hello", 5);
    put_td(0, OUT, 9, 2, 0, BUFFER, 5);
    is_int(run(1) & ACTIVE, 0, "text is sent");
    is_int((int)chardev_ringbuf_read(chr, text, 8), 5, "and arrives");
    ok(memcmp(text, "hello", 5) == 0, "the same");
    put_td(0, IN, 9, 1, 0, BUFFER, 64);
    is_int(run(1) & (ACTIVE | 0x7ff), 1, "status alone");
    is_int(ld16_le(ram + BUFFER), 0x60b1, "lines and empty registers");
    is_int(control(9, REQUEST(0x40, 3, 0x1a, 0, 0, 0, 0, 0), 0), 0, "115200 baud");
    is_int(control(9, REQUEST(0xc0, 5, 0, 0, 0, 0, 2, 0), 2), 0, "modem lines");
}

static unsigned random_word(void)
{
    return (unsigned)random() & (random() & 1 ? 0xffffffff : 0x3ff7);
}

/* Lists of nonsense and circles end every frame. */
static void check_nonsense(void)
{
    srandom(6);
    for (unsigned n = 0; n < 200; n++) {
        for (uint32_t at = 0x2000; at < 0x3000; at += 4) {
            st32_le(ram + at, random_word());
        }
        for (uint32_t at = 0x2000; at < 0x3000; at += 16) {
            static const uint8_t pids[] = { IN, OUT, SETUP, IN };

            ram[at + 8] = random() & 7 ? pids[random() & 3] : ram[at + 8];
            ram[at + 10] &= 0x87;
        }
        set_reg(BASE, 0x2000);
        frame();
        if (reg(STATUS) & 0x38) {
            set_reg(STATUS, 0x1f);
            set_reg(COMMAND, 1);
        }
        set_reg((unsigned)random() & 0x1e, random_word() & ~6u);
    }
    ok(true, "random lists and registers");
}

static void check_places(void)
{
    struct error *err = NULL;
    struct device *mouse = device_create("usb-mouse", NULL);

    ok(device_set(mouse, "port", "2.7", NULL) && device_realize(mouse, &err), "port=2.7");
    is_int(((struct usb_device *)mouse)->port, 7, "is the hub's seventh");
    ok(!device_add_option("usb-mouse,port=2.7", &err), "taken");
    ok(err && strcmp(error_text(err), "usb port 2.7 (bus usb.0) already in use") == 0, "says why");
    error_free(err);
    err = NULL;
    ok(!device_add_option("usb-mouse,port=1.1", &err), "the keyboard is no hub");
    error_free(err);
    err = NULL;
    ok(!device_add_option("usb-mouse,bus=usb.0,port=9", &err), "no port 9");
    error_free(err);
    err = NULL;
    for (unsigned i = 0; i < 6; i++) {
        ok(device_add_option("usb-mouse", &err), "mouse %u", i);
    }
    ok(!device_add_option("usb-mouse", &err), "then it is full");
    error_free(err);
    ok(device_remove(mouse, NULL), "out again");
    ok(device_add_option("usb-mouse", NULL), "there is room");
    ok(device_remove(device_find("usb-hub"), NULL), "the hub with everything");
    ok(!device_find("usb-mouse") && !device_find("usb-serial"), "is gone");
    is_int(reg(PORT + 2) & 1, 0, "unplugged");
}

int main(void)
{
    struct error *err = NULL;
    struct chardev *chr;

    bench_start();
    big_unlock();
    main_loop_init();
    ram = memory_region_host(&bench.ram);
    chr = chardev_open_option("ringbuf,id=line,size=64", &err);
    if (!chr) {
        error_exit_with(err);
    }
    plug_controller();
    bench_device("usb-kbd", NULL);
    device_set_pointer(device_create("usb-serial", NULL), "chardev", chr);
    ok(device_realize(device_find("usb-serial"), &err), "the last port gets a hub");
    device_reset_all();
    pci_config_write(&pci, 0x0a, 0x20, REGISTERS, 4);
    pci_config_write(&pci, 0x0a, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    check_ports();
    check_keyboard();
    check_hub();
    check_serial(chr);
    check_state();
    check_nonsense();
    check_places();
    return tap_done();
}
