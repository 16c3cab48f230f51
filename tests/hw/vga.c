/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA: planar write and read modes, chain 4, text cells, the Bochs interface and its pixels. */
#include "tests/hw/bench.h"

#include "console.h"

static void seq(uint8_t index, uint8_t value)
{
    outb(0x3c4, index);
    outb(0x3c5, value);
}

static void gr(uint8_t index, uint8_t value)
{
    outb(0x3ce, index);
    outb(0x3cf, value);
}

static void cr(uint8_t index, uint8_t value)
{
    outb(0x3d4, index);
    outb(0x3d5, value);
}

static void vbe(uint16_t index, uint16_t value)
{
    out(0x1ce, index, 2);
    out(0x1cf, value, 2);
}

static uint16_t vbe_get(uint16_t index)
{
    out(0x1ce, index, 2);
    return in(0x1cf, 2);
}

static uint8_t get(uint32_t address)
{
    uint8_t value;
    address_space_read(&bench.memory, address, &value, 1);
    return value;
}

static void put(uint32_t address, uint8_t value)
{
    address_space_write(&bench.memory, address, &value, 1);
}

static uint8_t plane(unsigned n, uint32_t address)
{
    gr(4, n);
    return get(address);
}

static void check_planes(void)
{
    seq(2, 0x0f);
    seq(4, 0x06);
    gr(5, 0);
    gr(6, 0x05);
    gr(8, 0xff);
    put(0xa0000, 0x5a);
    is_int(plane(0, 0xa0000) << 8 | plane(3, 0xa0000), 0x5a5a, "write mode 0, all planes");
    seq(2, 0x04);
    put(0xa0000, 0xff);
    is_int(plane(1, 0xa0000) << 8 | plane(2, 0xa0000), 0x5aff, "plane mask");
    seq(2, 0x0f);
    gr(0, 0x0a);
    gr(1, 0x0f);
    gr(8, 0x0f);
    get(0xa0000);
    put(0xa0000, 0);
    is_int(plane(0, 0xa0000) << 8 | plane(1, 0xa0000), 0x505f, "set/reset under the bit mask");
    gr(1, 0);
    gr(8, 0xff);
    gr(5, 1);
    get(0xa0000);
    put(0xa0001, 0);
    is_int(plane(0, 0xa0001) << 8 | plane(1, 0xa0001), 0x505f, "write mode 1 copies latches");
    gr(5, 2);
    put(0xa0002, 0x9);
    is_int(plane(0, 0xa0002) << 8 | plane(1, 0xa0002), 0xff00, "write mode 2 writes a colour");
    gr(5, 8);
    gr(2, 0x9);
    gr(7, 0xf);
    is_int(get(0xa0002), 0xff, "read mode 1 finds it");
    gr(2, 0x8);
    is_int(get(0xa0002), 0, "and nothing else");
    gr(5, 0);
    gr(3, 0x18);
    get(0xa0002);
    put(0xa0002, 0xf0);
    gr(3, 0);
    is_int(plane(0, 0xa0002), 0x0f, "exclusive or with the latch");
    seq(4, 0x0e);
    put(0xa0005, 0x77);
    seq(4, 0x06);
    is_int(plane(1, 0xa0001), 0x77, "chain 4: byte 5 is plane 1 of address 1");
}

static void check_text(void)
{
    struct console_cell cells[80 * 25];
    unsigned columns, rows;
    int x, y;

    seq(4, 0x02);
    seq(2, 0x03);
    gr(5, 0x10);
    gr(6, 0x0e);
    cr(0x11, 0);
    cr(0x01, 79);
    cr(0x07, 0x1f);
    cr(0x09, 0x4f);
    cr(0x12, 0x8f);
    cr(0x13, 40);
    cr(0x0a, 13);
    cr(0x0b, 14);
    cr(0x0f, 81);
    put(0xb8000 + 160, 'A');
    put(0xb8001 + 160, 0x1e);
    is_int(get(0xb8000 + 160), 'A', "odd/even addressing reads back");
    ok(console_text(console_default(), &columns, &rows, cells, 80 * 25, &x, &y), "text mode");
    is_int(columns << 8 | rows, 80 << 8 | 25, "80 by 25");
    is_int(cells[80].character << 8 | cells[80].attribute, 'A' << 8 | 0x1e, "the cell");
    is_int(y << 8 | x, 1 << 8 | 1, "the cursor");
    cr(0x11, 0x80);
    cr(0x01, 39);
    outb(0x3d4, 0x01);
    is_int(inb(0x3d5), 79, "write protected CRTC registers");
}

static uint32_t pixel(int x, int y)
{
    pixman_image_t *image = console_surface(console_default());
    const uint8_t *data = (const uint8_t *)pixman_image_get_data(image);

    return *(const uint32_t *)(data + y * pixman_image_get_stride(image) + 4 * x) & 0xffffff;
}

static void attribute(uint8_t index, uint8_t value)
{
    inb(0x3da);
    outb(0x3c0, index);
    outb(0x3c0, value);
    outb(0x3c0, 0x20);
}

/* In text mode: character 'A' with the attribute 0x87 and white on black, the cursor elsewhere. */
static void check_blinking(void)
{
    attribute(7, 7);
    attribute(0x10, 0x08);
    attribute(0x12, 0x0f);
    outb(0x3c6, 0xff);
    outb(0x3c8, 7);
    for (int i = 0; i < 3; i++) {
        outb(0x3c9, 63);
    }
    seq(4, 0x06);                                  /* the first line of the glyph */
    seq(2, 0x04);
    gr(5, 0);
    gr(6, 0x04);
    put(0xa0000 + 'A' * 32, 0xff);
    seq(4, 0x02);
    seq(2, 0x03);
    gr(5, 0x10);
    gr(6, 0x0e);
    put(0xb8000, 'A');
    put(0xb8001, 0x87);
    put(0xb8000 + 162, ' ');
    put(0xb8001 + 162, 0x07);
    clock_vm_set(0);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0xffffff, "blinking text is to be seen");
    is_int(pixel(9 + 1, 16 + 13), 0xffffff, "and the cursor");
    clock_vm_set(NS_PER_SECOND * 20 / 70);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0xffffff, "20 frames later it still is");
    is_int(pixel(9 + 1, 16 + 13), 0, "but not the cursor");
    clock_vm_set(NS_PER_SECOND * 40 / 70);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0, "40 frames later it is not");
    is_int(pixel(9 + 1, 16 + 13), 0xffffff, "but the cursor is");
    attribute(0x10, 0);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0xffffff, "without blinking bit 7 is only a background");
}

static void check_vbe(void)
{
    is_int(vbe_get(0), 0xb0c5, "interface version");
    vbe(4, 2);
    is_int(vbe_get(3), 32, "capabilities: 32 bits");
    vbe(4, 0);
    vbe(1, 640);
    vbe(2, 480);
    vbe(3, 16);
    vbe(4, 0x41);
    is_int(vbe_get(6) << 16 | vbe_get(1), 640 << 16 | 640, "virtual width follows");
    put(0xa0000, 0x00);
    put(0xa0001, 0xf8);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0xff0000, "a red pixel of 5:6:5");
    vbe(5, 1);
    put(0xa0000, 0x1f);
    vbe(5, 0);
    console_refresh(console_default());
    is_int(pixel(65536 / 2 % 640, 65536 / 2 / 640), 0x0000ff, "a blue one through bank 1");
    vbe(9, 1);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0, "scrolled by a line");
    vbe(4, 0);
}

/* Video memory is the picture of 32-bit modes; another mode must not draw into it. */
static void check_shared(void)
{
    pixman_image_t *image;

    vbe(4, 0);
    vbe(1, 640);
    vbe(2, 480);
    vbe(3, 32);
    vbe(4, 0x41);
    put(0xa0000, 0x56);
    put(0xa0001, 0x34);
    put(0xa0002, 0x12);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0x123456, "a pixel of 32 bits");
    image = console_surface(console_default());
    vbe(9, 1);
    console_refresh(console_default());
    ok(image != console_surface(console_default()), "scrolled: another picture");
    is_int(pixel(0, 0), 0, "from the second line on");
    vbe(9, 0);
    vbe(4, 0);
    seq(1, 0x20);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0, "a blank screen");
    vbe(4, 0xc1);
    console_refresh(console_default());
    is_int(pixel(0, 0), 0x123456, "leaves memory alone");
    vbe(9, 6000);
    console_refresh(console_default());
    is_int(pixman_image_get_width(console_surface(console_default())), 640, "at the end it wraps");
    vbe(4, 0);
    seq(1, 0);
}

int main(void)
{
    bench_start();
    bench_device("isa-vga", NULL);
    device_reset_all();
    outb(0x3c2, 0x67);
    check_planes();
    check_text();
    inb(0x3da);
    outb(0x3c0, 0x20);
    check_blinking();
    check_vbe();
    check_shared();
    return tap_done();
}
