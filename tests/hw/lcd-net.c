/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The LCD controller's pixels, and the Ethernet chip of ARM boards. */
#include "tests/hw/chip.h"

#include "base/bits.h"
#include "console.h"
#include "hw/display/pl110.h"
#include "net/port.h"

/* --- PL110 ----------------------------------------------------------------------------------- */

static uint32_t pixel(unsigned x, unsigned y)
{
    struct console *con = console_find(0);
    pixman_image_t *image;

    console_refresh(con);
    image = console_surface(con);
    return pixman_image_get_data(image)[y * (unsigned)pixman_image_get_stride(image) / 4 + x] &
        0xffffff;
}

static void start_lcd(const char *class)
{
    struct device *dev = device_create(class, NULL);

    printf("# %s\n", class);
    pl110_set_memory(dev, &bench.memory);
    chip_place(dev);
    set(0x00, 3 << 2);                       /* 64 x 16 */
    set(0x04, 15);
    set(0x10, 0x10000);
}

static void check_lcd(void)
{
    uint8_t *ram = memory_region_host(&bench.ram);

    start_lcd("pl110");
    st32_le(ram + 0x10000, 0x00112233);
    set(0x1c, 0x80b);                        /* 24 bits */
    is_int(pixel(0, 0), 0x332211, "red is low");
    set(0x1c, 0x90b);
    is_int(pixel(0, 0), 0x112233, "or blue is");
    address_space_st(&bench.memory, 0x10000 + 256, 4, ENDIAN_LITTLE, 0x00abcdef);
    is_int(pixel(0, 1), 0xabcdef, "a store shows");
    st32_le(ram + 0x20000, 0x010203);
    set(0x10, 0x20000);
    is_int(pixel(0, 0), 0x010203, "another base");
    set(0x10, 0x10000);
    set(0x200, 0x7c1f001f);                  /* colours 0 and 1 */
    ram[0x10000] = 0x02;
    set(0x1c, 0x801);                        /* 1 bit */
    is_int(pixel(0, 0), 0xff0000, "colour 0");
    is_int(pixel(1, 0), 0xff00ff, "colour 1");
    set(0x18, 4);
    advance(20 * NS_PER_MS, NS_PER_MS);
    is_int(line(0), 1, "a frame interrupts");
    set(0x20, 4);
    is_int(line(0), 0, "cleared");
    chip_end();

    start_lcd("pl110_versatile");
    st16_le(ram + 0x10000, 0xf81f);
    st16_le(ram + 0x10002, 0x001f);
    irq_set(device_input(chip, 0), 3);
    set(0x18, 0x809);                        /* 16 bits; the registers are swapped */
    is_int(pixel(0, 0), 0xff00ff, "565 through the multiplexer");
    is_int(pixel(1, 0), 0x0000ff, "blue is low");
    irq_set(device_input(chip, 0), 2);
    is_int(pixel(1, 0), 0xff0000, "or red is");
    irq_set(device_input(chip, 0), 1);
    is_int(pixel(1, 0), 0xff0000, "5551");
    chip_end();
}

/* --- SMC91C111 ------------------------------------------------------------------------------- */

static struct net_port *wire;
static uint8_t last[NET_FRAME_MAX];
static size_t last_size;

static void capture(void *opaque, const uint8_t *frame, size_t size)
{
    last_size = size;
    memcpy(last, frame, size);
}

static void bank(unsigned n)
{
    set_size(14, n, 2);
}

static unsigned half(unsigned reg)
{
    return get_size(reg, 2);
}

static void check_send(void)
{
    uint8_t packet;

    bank(2);
    set_size(13, 0x0f, 1);
    set_size(0, 0x20, 2);
    is_int(get_size(12, 1) & 8, 8, "a packet was allocated");
    packet = (uint8_t)get_size(3, 1);
    ok(packet < 4, "its number");
    set_size(2, packet, 1);
    set_size(6, 0x4000, 2);
    set_size(8, 0, 2);
    set_size(8, 6 + 64, 2);
    for (unsigned i = 0; i < 64; i += 4) {
        set(8, 0x03020100 + i * 0x01010101);
    }
    set_size(8, 0x2055, 2);                  /* one more byte */
    last_size = 0;
    set_size(0, 0xc0, 2);
    is_int(last_size, 65, "an odd frame goes out");
    ok(last[63] == 63 && last[64] == 0x55, "with its bytes");
    is_int(get_size(12, 1) & 6, 6, "sent");
    is_int(line(0), 1, "which interrupts");
    is_int(get_size(4, 1), packet, "it waits for its release");
    set_size(12, 6, 1);
    is_int(get_size(4, 1), 0x80, "the acknowledgement takes it off the list");
    set_size(0, 0xa0, 2);
    bank(0);
    is_int(half(8) >> 8, 4, "all memory is free again");
}

static void check_receive(void)
{
    static const uint8_t mac[6] = { 2, 4, 6, 8, 10, 12 };
    uint8_t frame[61] = { 0 };

    bank(1);
    for (unsigned i = 0; i < 6; i++) {
        set_size(4 + i, mac[i], 1);
    }
    bank(0);
    set_size(4, 0x0300, 2);
    memcpy(frame, mac, 6);
    frame[60] = 0xee;
    net_send(wire, frame, sizeof(frame));
    bank(2);
    is_int(get_size(12, 1) & 1, 1, "a frame came");
    ok(!(get_size(5, 1) & 0x80), "it has a number");
    set_size(6, 0xe000, 2);
    is_int(half(8) & 0x1000, 0x1000, "odd");
    is_int(half(8), 61 + 5, "its size");
    is_int(half(8), 0x0402, "the first bytes");
    set_size(6, 0xe000 | (4 + 60), 2);
    is_int(half(8), 0x60ee, "the last byte and the control byte");
    set_size(0, 0x80, 2);
    is_int(get_size(12, 1) & 1, 0, "released");
    frame[0] = 0x40;
    net_send(wire, frame, sizeof(frame));
    is_int(get_size(12, 1) & 1, 0, "other addresses are not for us");
    memset(frame, 0xff, 6);
    for (int i = 0; i < 6; i++) {
        net_send(wire, frame, sizeof(frame));
    }
    bank(0);
    is_int(half(8) >> 8, 0, "memory is full");
    bank(2);
    for (int i = 0; i < 6; i++) {
        ok(get_size(12, 1) & 1, "broadcast %d waited", i + 1);
        set_size(0, 0x80, 2);
    }
    is_int(get_size(12, 1) & 1, 0, "then there are none");
}

static void check_net(void)
{
    static const struct net_handlers handlers = { .receive = capture };
    struct device *dev = device_create("smc91c111", NULL);

    printf("# smc91c111\n");
    wire = net_port_create("wire", NULL, &handlers, NULL, NULL);
    device_set_pointer(dev, "netdev", wire);
    chip_place(dev);
    bank(3);
    is_int(half(10), 0x3391, "its revision");
    bank(0);
    set_size(0, 1, 2);
    is_int(half(2) & 0x4000, 0x4000, "the link is up");
    check_send();
    check_receive();
    bank(2);
    set_size(13, 5, 1);
    set(12, 1 << 16);
    is_int(get_size(14, 2) & 7, 1, "a word selects the bank");
    bank(2);
    is_int(get_size(13, 1), 5, "and leaves the mask alone");
    /* Nonsense at random must not harm. */
    srandom(7);
    for (int i = 0; i < 200000; i++) {
        if (random() & 1) {
            set_size((uint32_t)random() & 15, (uint32_t)random(), 1);
        } else {
            get_size((uint32_t)random() & 15, 1);
        }
    }
    ok(true, "random accesses");
    chip_end();
}

int main(void)
{
    bench_start();
    check_lcd();
    check_net();
    return tap_done();
}
