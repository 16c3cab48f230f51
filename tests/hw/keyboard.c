/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyboard controller, keyboard and mouse, port 0x92 and A20. */
#include "tests/hw/bench.h"

#include "console.h"
#include "hw/input/i8042.h"

enum { LINE_A20 = 20, LINE_RESET };

static struct device *i8042;

static int read_byte(void)
{
    return inb(0x64) & 1 ? inb(0x60) : -1;
}

static void command(uint8_t byte)
{
    outb(0x64, byte);
}

static void to_mouse(uint8_t byte)
{
    outb(0x64, 0xd4);
    outb(0x60, byte);
}

/* All the bytes that come, in hexadecimal. */
static const char *drain(void)
{
    static char text[256];
    char *p = text;
    int byte;

    *p = '\0';
    while ((byte = read_byte()) >= 0) {
        p += sprintf(p, "%s%02x", p > text ? " " : "", byte);
        advance(NS_PER_MS, NS_PER_MS);
    }
    return text;
}

static void press(enum input_key key)
{
    input_key(key, true);
    input_key(key, false);
}

static void test_controller(void)
{
    is_int(inb(0x64), 0x18, "status after reset");
    command(0xaa);
    is_text(drain(), "55", "self test");
    is_int(inb(0x64) & 0x04, 0x04, "sets the system flag");
    command(0xab);
    is_text(drain(), "00", "interface test");
    command(0x20);
    is_text(drain(), "07", "configuration");
    command(0x60);
    outb(0x60, 0x47);
    command(0x20);
    is_text(drain(), "47", "takes another");
    command(0xa7);
    command(0x20);
    is_text(drain(), "67", "mouse off");
    command(0xa8);
    command(0xd3);
    outb(0x60, 0x99);
    is_int(inb(0x64) & 0x21, 0x21, "looped into the mouse's side");
    is_text(drain(), "99", "comes back");
    command(0x7f);
    outb(0x60, 0x12);
    command(0x3f);
    is_text(drain(), "12", "controller memory");
}

static void test_keyboard(void)
{
    outb(0x60, 0xff);
    is_text(drain(), "fa aa", "keyboard reset");
    edges(1);
    press(INPUT_KEY_a);
    is_int(edges(1), 1, "a key interrupts");
    is_int(inb(0x60), 0x1e, "set 1 by translation");
    is_int(inb(0x60), 0x1e, "reading on gives the same code for a while");
    is_text(drain(), "", "the release waits");
    advance(NS_PER_MS, NS_PER_MS);
    is_text(drain(), "9e", "then comes");
    is_int(edges(1), 1, "with its own interrupt");
    press(INPUT_KEY_up);
    advance(NS_PER_MS, NS_PER_MS);
    is_text(drain(), "e0 48 e0 c8", "an extended key");
    press(INPUT_KEY_pause);
    is_text(drain(), "e1 1d 45 e1 9d c5", "pause");
    advance(NS_PER_MS, NS_PER_MS);
    press(INPUT_KEY_print);
    is_text(drain(), "e0 2a e0 37 e0 b7 e0 aa", "print screen");
    outb(0x60, 0xf2);
    is_text(drain(), "fa ab 41", "the ID is translated too");
    outb(0x60, 0xed);
    outb(0x60, 0x05);
    is_text(drain(), "fa fa", "lamps");
    is_int(input_leds(), INPUT_LED_CAPS | INPUT_LED_SCROLL, "are seen by the interfaces");
    command(0x60);
    outb(0x60, 0x07);
    press(INPUT_KEY_f7);
    is_text(drain(), "83 f0 83", "set 2 as it is");
    outb(0x60, 0xf0);
    outb(0x60, 3);
    is_text(drain(), "fa fa", "set 3");
    press(INPUT_KEY_up);
    is_text(drain(), "63 f0 63", "has no prefixes");
    outb(0x60, 0xf0);
    outb(0x60, 0);
    is_text(drain(), "fa fa 03", "which set");
    outb(0x60, 0xf0);
    outb(0x60, 1);
    drain();
    press(INPUT_KEY_kp_enter);
    is_text(drain(), "e0 1c e0 9c", "set 1 from the keyboard");
    outb(0x60, 0xf5);
    is_text(drain(), "fa", "disable");
    press(INPUT_KEY_b);
    is_text(drain(), "", "no keys");
    outb(0x60, 0x01);
    is_text(drain(), "fe", "an unknown command is to be sent again");
    outb(0x60, 0xee);
    is_text(drain(), "ee", "echo");
}

static void test_mouse(void)
{
    to_mouse(0xff);
    is_text(drain(), "fa aa 00", "mouse reset");
    to_mouse(0xf2);
    is_text(drain(), "fa 00", "a plain mouse");
    edges(12);
    to_mouse(0xf4);
    is_int(edges(12), 1, "the answer interrupts");
    is_text(drain(), "fa", "enabled");
    input_pointer_move(5, 3, 0, INPUT_BUTTON_LEFT);
    is_text(drain(), "29 05 fd", "a packet: button, right, down");
    static const uint8_t knock[] = { 0xf3, 200, 0xf3, 100, 0xf3, 80, 0xf2 };
    for (unsigned i = 0; i < sizeof(knock); i++) {
        to_mouse(knock[i]);
        if (i + 1 < sizeof(knock)) {
            drain();
        }
    }
    is_text(drain(), "fa 03", "the wheel appears");
    input_pointer_move(0, 0, 1, 0);
    is_text(drain(), "08 00 00 ff", "and turns");
    for (unsigned i = 0; i < sizeof(knock); i++) {
        to_mouse(i == 3 ? 200 : knock[i]);
        if (i + 1 < sizeof(knock)) {
            drain();
        }
    }
    is_text(drain(), "fa 04", "five buttons");
    input_pointer_move(0, 0, 0, INPUT_BUTTON_SIDE);
    is_text(drain(), "08 00 00 10", "the fourth");
    for (int i = 0; i < 100; i++) {
        input_pointer_move(10, -10, 0, 0);
    }
    int dx = 0, packets = 0;
    while (read_byte() >= 0) {
        dx += inb(0x60);
        inb(0x60);
        inb(0x60);
        packets++;
    }
    is_int(dx, 1000, "no motion is lost");
    ok(packets < 12, "but it adds up while nobody reads");
    to_mouse(0xe9);
    is_text(drain(), "fa 20 02 50", "status");
}

static void test_lines(void)
{
    is_int(bench.levels[LINE_A20], 1, "A20 is open");
    outb(0x92, 0);
    is_int(bench.levels[LINE_A20], 0, "port 92 closes it");
    outb(0x92, 2);
    is_int(bench.levels[LINE_A20], 1, "and opens it");
    command(0xd1);
    outb(0x60, 0xdd);
    is_int(bench.levels[LINE_A20], 0, "the keyboard controller closes it");
    command(0xdf);
    is_int(bench.levels[LINE_A20], 1, "and opens it");
    edges(LINE_RESET);
    command(0xfe);
    is_int(edges(LINE_RESET), 1, "reset pulse");
    outb(0x92, 3);
    is_int(edges(LINE_RESET), 1, "fast reset");
    outb(0x92, 3);
    is_int(edges(LINE_RESET), 0, "on the rising bit only");
}

int main(void)
{
    struct device *port92;

    bench_start();
    i8042 = bench_device("i8042", NULL);
    port92 = bench_device("port92", NULL);
    device_connect(i8042, I8042_A20, device_input(port92, 0));
    device_connect(i8042, I8042_RESET, bench_irq(LINE_RESET));
    device_connect(port92, PORT92_A20, bench_irq(LINE_A20));
    device_connect(port92, PORT92_RESET, bench_irq(LINE_RESET));
    device_reset_all();
    test_controller();
    test_keyboard();
    test_mouse();
    test_lines();
    return tap_done();
}
