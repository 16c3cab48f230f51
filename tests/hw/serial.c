/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 16550A and the parallel port against a back-end that the test controls. */
#include "tests/hw/bench.h"

#include "char/backend.h"

enum { COM1 = 0x3f8, LPT1 = 0x378 };

static uint8_t sent[256];
static unsigned sent_count, room = 1000;
static struct chardev_line line;

static size_t take(struct chardev *chr, const uint8_t *data, size_t size)
{
    size_t n = size < room ? size : room;

    memcpy(sent + sent_count, data, n);
    sent_count += n;
    room -= n;
    return n;
}

static bool open_wire(struct chardev *chr, struct keyval *kv, struct error **err)
{
    chr->connected = true;
    return true;
}

static void take_line(struct chardev *chr, const struct chardev_line *settings)
{
    line = *settings;
}

static const struct chardev_backend wire = {
    .name = "wire", .size = sizeof(struct chardev), .open = open_wire, .write = take,
    .set_line = take_line
};

static struct chardev *com, *lpt;

static void send(const char *text)
{
    chardev_deliver(com, (const uint8_t *)text, strlen(text));
}

static void test_transmit(void)
{
    is_int(inb(COM1 + 5), 0x60, "the transmitter is empty");
    outb(COM1 + 1, 0x02);
    is_int(bench.levels[4], 1, "enabling its interrupt raises it");
    is_int(inb(COM1 + 2), 0x02, "IIR: transmitter empty");
    is_int(bench.levels[4], 0, "reading IIR ends it");
    edges(4);
    for (int i = 0; i < 20; i++) {
        outb(COM1, 'a' + i);
    }
    is_int(sent_count, 20, "bytes go out at once");
    is_int(edges(4), 20, "each with an interrupt edge");
    sent_count = 0;
    room = 0;
    outb(COM1 + 2, 0xc1);
    inb(COM1 + 2);
    outb(COM1, 'x');
    outb(COM1, 'y');
    is_int(inb(COM1 + 5) & 0x60, 0, "a back-end that takes nothing fills the transmitter");
    is_int(bench.levels[4], 0, "without interrupt");
    room = 1000;
    chardev_ready(com);
    is_int(sent_count, 2, "until it does");
    is_int(bench.levels[4], 1, "then it is empty again");
    outb(COM1 + 1, 0x00);
}

static void test_receive(void)
{
    outb(COM1 + 2, 0x87);
    outb(COM1 + 1, 0x01);
    is_int(chardev_room(com), 16, "room for the FIFO");
    send("1234567");
    is_int(bench.levels[4], 0, "below the trigger no interrupt");
    send("8");
    is_int(inb(COM1 + 2), 0xc4, "at the trigger");
    is_int(inb(COM1), '1', "first in");
    is_int(inb(COM1 + 2), 0xc1, "below it again");
    advance(5 * NS_PER_MS, NS_PER_MS / 10);
    is_int(inb(COM1 + 2), 0xcc, "after four character times the timeout");
    is_int(inb(COM1), '2', "first out");
    for (int i = 0; i < 6; i++) {
        inb(COM1);
    }
    is_int(inb(COM1 + 5), 0x60, "all read");
    chardev_event(com, CHARDEV_BREAK);
    is_int(inb(COM1 + 5), 0xf1, "a break");
    is_int(inb(COM1 + 5) & 0x10, 0, "is shown once");
    inb(COM1);
    outb(COM1 + 2, 0x00);
    is_int(chardev_room(com), 1, "without FIFO one byte");
    send("a");
    send("b");
    is_int(inb(COM1 + 5) & 0x03, 0x03, "overrun");
    is_int(inb(COM1), 'b', "by the newer byte");
}

static void test_modem(void)
{
    is_int(inb(COM1 + 6), 0xb0, "CTS, DSR and CD");
    outb(COM1 + 4, 0x1f);
    is_int(inb(COM1 + 6), 0xf0, "loopback: all outputs come back");
    outb(COM1 + 4, 0x10);
    is_int(inb(COM1 + 6), 0x0f, "and drop, with deltas");
    is_int(inb(COM1 + 6), 0x00, "that are cleared by reading");
    outb(COM1, 0x5a);
    is_int(inb(COM1), 0x5a, "data comes back");
    outb(COM1 + 4, 0x0b);
    inb(COM1 + 6);
    outb(COM1 + 3, 0x83);
    outb(COM1, 0x0c);
    outb(COM1 + 1, 0x00);
    outb(COM1 + 3, 0x1b);
    is_int(line.baud, 9600, "9600 baud");
    ok(line.data_bits == 8 && line.parity == 'E' && line.stop_bits == 1, "8E1");
    outb(COM1 + 7, 0x42);
    is_int(inb(COM1 + 7), 0x42, "scratch");
}

static void print(uint8_t byte)
{
    outb(LPT1, byte);
    outb(LPT1 + 2, 0x1d);
    outb(LPT1 + 2, 0x1c);
}

static void test_parallel(void)
{
    sent_count = 0;
    room = 1;
    edges(7);
    is_int(inb(LPT1 + 1), 0xdf, "ready");
    print('P');
    is_int(edges(7), 1, "the byte is acknowledged by interrupt");
    is_int(inb(LPT1 + 1), 0x1f, "and in the status");
    is_int(inb(LPT1 + 1), 0xdf, "once");
    print('Q');
    is_int(inb(LPT1 + 1) & 0x80, 0, "busy while the back-end is");
    room = 10;
    chardev_ready(lpt);
    inb(LPT1 + 1);
    is_int(inb(LPT1 + 1) & 0x80, 0x80, "ready again");
    ok(sent_count == 2 && sent[0] == 'P' && sent[1] == 'Q', "both bytes arrived");
}

static void *find_chardev(const char *name)
{
    return chardev_find(name);
}

int main(void)
{
    bench_start();
    device_set_resolver(PROPERTY_CHARDEV, find_chardev);
    com = chardev_create(&wire, "com", NULL, NULL);
    lpt = chardev_create(&wire, "lpt", NULL, NULL);
    bench_device("isa-serial", "chardev", "com", NULL);
    bench_device("isa-serial", NULL);
    bench_device("isa-parallel", "chardev", "lpt", NULL);
    device_reset_all();
    test_transmit();
    test_receive();
    test_modem();
    test_parallel();
    is_int(inb(0x2f8 + 5), 0x60, "the second port is COM2");
    return tap_done();
}
