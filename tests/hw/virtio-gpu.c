/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio display adapter: pictures from the guest's memory on the screen, cursor, monitors, and
 * commands that ask for the impossible. */
#include "tests/hw/virtio-bench.h"

#include "console.h"

#define REQUEST 0x9000u
#define REPLY 0xa000u
#define PIXELS 0x40000u
#define F1 VIRTIO_BIT(32)
#define EDID VIRTIO_BIT(1)
enum {
    GET_DISPLAY_INFO = 0x100, CREATE, UNREF, SET_SCANOUT, FLUSH, TRANSFER, ATTACH, DETACH,
    GET_EDID = 0x10a, UPDATE_CURSOR = 0x300, MOVE_CURSOR
};
enum {
    OK = 0x1100, OK_DISPLAY = 0x1101, OK_EDID = 0x1104, UNSPECIFIED = 0x1200, NO_MEMORY,
    BAD_SCANOUT, BAD_RESOURCE, BAD_PARAMETER = 0x1205
};

static struct ring control, cursor;
static int64_t written;              /* by the last command */

static void start(uint64_t features)
{
    negotiate(features);
    control = make_ring(0, 8, 0x2000, 0xffff);
    cursor = make_ring(1, 8, 0x4000, 0xffff);
    set(0x14, 15, 1);
}

/* Words behind a header; the type of the answer. */
static uint32_t send(uint32_t type, unsigned count, const uint32_t *words)
{
    memset((uint8_t *)memory_region_host(&bench.ram) + REQUEST, 0, 24);
    poke(REQUEST, type, 4);
    for (unsigned i = 0; i < count; i++) {
        poke(REQUEST + 24 + 4 * i, words[i], 4);
    }
    poke(REPLY, 0, 4);
    put_desc(control.desc, 0, REQUEST, 24 + 4 * count, NEXT, 1);
    put_desc(control.desc, 1, REPLY, 2048, WRITE, 0);
    offer(&control, 0);
    notify(&control);
    written = reap(&control);
    return peek(REPLY, 4);
}

#define SEND(type, ...)                                                                            \
    send(type, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (const uint32_t[]){ __VA_ARGS__ })

static uint32_t create(uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
    return SEND(CREATE, id, format, width, height);
}

static uint32_t attach(uint32_t id, uint32_t address, uint32_t size)
{
    return SEND(ATTACH, id, 1, address, 0, size, 0);
}

static uint32_t transfer(uint32_t id, uint32_t x, uint32_t y, uint32_t w, uint32_t h, uint32_t at)
{
    return SEND(TRANSFER, x, y, w, h, at, 0, id, 0);
}

static uint32_t set_scanout(uint32_t n, uint32_t id, uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return SEND(SET_SCANOUT, x, y, w, h, n, id);
}

static uint32_t flush(uint32_t id, uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return SEND(FLUSH, x, y, w, h, id, 0);
}

/* A pixel of the screen as 0xrrggbb, whatever the surface's format. */
static uint32_t pixel(unsigned x, unsigned y)
{
    pixman_image_t *surface = console_surface(console_default());
    uint32_t value = 0;
    pixman_image_t *one = pixman_image_create_bits(PIXMAN_x8r8g8b8, 1, 1, &value, 4);

    pixman_image_composite(PIXMAN_OP_SRC, surface, NULL, one, (int16_t)x, (int16_t)y, 0, 0, 0, 0, 1,
                           1);
    pixman_image_unref(one);
    return value & 0xffffff;
}

/* --- who looks ------------------------------------------------------------------------------- */

static struct { int updates, x, y, width, height, cursor_x, cursor_y; uint32_t corner; } seen;

static void updated(struct console_listener *l, int x, int y, int width, int height)
{
    seen.updates++;
    seen.x = x;
    seen.y = y;
    seen.width = width;
    seen.height = height;
}

static void cursor_set(struct console_listener *l, const struct console_cursor *c)
{
    seen.corner = c ? c->pixels[0] : 0;
}

static void cursor_moved(struct console_listener *l, int x, int y)
{
    seen.cursor_x = x;
    seen.cursor_y = y;
}

static struct console_listener listener = {
    .updated = updated, .cursor_set = cursor_set, .cursor_moved = cursor_moved
};

/* --- what is right --------------------------------------------------------------------------- */

static void check_monitor(void)
{
    uint8_t sum = 0;

    is_int(get(0x2000 + 8, 4), 1, "one monitor");
    is_int(send(GET_DISPLAY_INFO, 0, NULL), OK_DISPLAY, "GET_DISPLAY_INFO");
    is_int(written, 24 + 16 * 24, "with room for sixteen");
    is_int(peek(REPLY + 32, 4) << 16 | peek(REPLY + 36, 4), 1280 << 16 | 800, "its size");
    is_int(peek(REPLY + 40, 4), 1, "it is there");
    is_int(peek(REPLY + 64, 4), 0, "the second is not");
    is_int(SEND(GET_EDID, 0, 0), OK_EDID, "GET_EDID");
    is_int(peek(REPLY + 24, 4), 128, "a block");
    for (unsigned i = 0; i < 128; i++) {
        sum += peek(REPLY + 32 + i, 1);
    }
    is_int(sum, 0, "with a right sum");
    is_int(peek(REPLY + 32 + 54 + 2, 1) | peek(REPLY + 32 + 54 + 4, 1) >> 4 << 8, 1280, "width");
    is_int(peek(REPLY + 32 + 54 + 5, 1) | peek(REPLY + 32 + 54 + 7, 1) >> 4 << 8, 800, "height");
    ok(console_ask_size(console_default(), 1000, 700), "a window becomes larger");
    is_int(get(0x2000, 4), 1, "the driver hears of it");
    set(0x2004, 1, 4);
    is_int(get(0x2000, 4), 0, "once");
    send(GET_DISPLAY_INFO, 0, NULL);
    is_int(peek(REPLY + 32, 4) << 16 | peek(REPLY + 36, 4), 1000 << 16 | 700, "and of the size");
    start(F1);
    is_int(SEND(GET_EDID, 0, 0), UNSPECIFIED, "no EDID unless negotiated");
    start(F1 | EDID);
}

static void check_picture(void)
{
    for (unsigned i = 0; i < 64 * 32; i++) {
        poke(PIXELS + 4 * i, 0x00010203 * (i % 60), 4);
    }
    is_int(create(7, 2, 64, 32), OK, "a picture");
    is_int(SEND(ATTACH, 7, 2, PIXELS, 0, 1000, 0, PIXELS + 1000, 0, 64 * 32 * 4 - 1000, 0), OK,
           "in two pieces of memory");
    is_int(transfer(7, 0, 0, 64, 32, 0), OK, "is filled");
    is_int(set_scanout(0, 7, 4, 2, 40, 20), OK, "a part of it is shown");
    is_int(pixman_image_get_width(console_surface(console_default())), 40, "in its size");
    is_int(pixel(0, 0), 0x010203 * ((2 * 64 + 4) % 60), "the corner");
    is_int(pixel(39, 19), 0x010203 * ((21 * 64 + 43) % 60), "the other one, of the second piece");
    poke(PIXELS + 4 * (5 * 64 + 10), 0xabcdef, 4);
    poke(PIXELS + 4 * (5 * 64 + 11), 0x123456, 4);
    is_int(transfer(7, 10, 5, 1, 1, 4 * (5 * 64 + 10)), OK, "one pixel is brought");
    seen.updates = 0;
    is_int(flush(7, 10, 5, 30, 2), OK, "and shown");
    is_int(pixel(6, 3), 0xabcdef, "it");
    ok(pixel(7, 3) != 0x123456, "and no other");
    ok(seen.updates == 1 && seen.x == 6 && seen.y == 3 && seen.width == 30 && seen.height == 2,
       "the interface hears of the place on the screen");
    flush(7, 0, 0, 2, 2);
    is_int(seen.updates, 1, "but not of what is outside");
    is_int(create(8, 67, 2, 1), OK, "another format: red first");
    attach(8, PIXELS, 8);
    poke(PIXELS, 0xff332211, 4);
    transfer(8, 0, 0, 2, 1, 0);
    set_scanout(0, 8, 0, 0, 2, 1);
    is_int(pixel(0, 0), 0x112233, "is shown right");
    is_int(SEND(UNREF, 8, 0), OK, "what is shown may go");
    is_int(pixel(1, 0), 0, "the screen is black then");
    is_int(pixman_image_get_width(console_surface(console_default())), 1280, "as at first");
    poke(REQUEST + 4, 0, 4);
    is_int(SEND(DETACH, 7, 0), OK, "memory is taken away");
    is_int(transfer(7, 0, 0, 64, 32, 0), BAD_RESOURCE, "and is not read any more");
}

static void check_fence(void)
{
    memset((uint8_t *)memory_region_host(&bench.ram) + REQUEST, 0, 24);
    poke(REQUEST, GET_DISPLAY_INFO, 4);
    poke(REQUEST + 4, 1, 4);
    poke(REQUEST + 8, 0x1122334455667788, 8);
    put_desc(control.desc, 0, REQUEST, 24, NEXT, 1);
    put_desc(control.desc, 1, REPLY, 24, WRITE, 0);
    offer(&control, 0);
    notify(&control);
    is_int(reap(&control), 24, "a short answer is cut");
    is_int(peek(REPLY + 4, 4), 1, "it is fenced");
    is_int(peek(REPLY + 12, 4), 0x11223344, "by the same number");
}

static void send_cursor(uint32_t type, uint32_t x, uint32_t y, uint32_t id)
{
    const uint32_t words[8] = { 0, x, y, 0, id, 3, 4, 0 };

    poke(REQUEST, type, 4);
    for (unsigned i = 0; i < 8; i++) {
        poke(REQUEST + 24 + 4 * i, words[i], 4);
    }
    put_desc(cursor.desc, 0, REQUEST, 56, 0, 0);
    offer(&cursor, 0);
    notify(&cursor);
    reap(&cursor);
}

static void check_cursor(void)
{
    create(9, 1, 64, 64);
    attach(9, PIXELS, 64 * 64 * 4);
    poke(PIXELS, 0x80ff8000, 4);
    transfer(9, 0, 0, 64, 64, 0);
    send_cursor(UPDATE_CURSOR, 100, 200, 9);
    is_int(seen.corner, 0x80ff8000, "a cursor with transparency");
    ok(seen.cursor_x == 100 && seen.cursor_y == 200, "its place");
    send_cursor(MOVE_CURSOR, 110, 210, 0);
    ok(seen.cursor_x == 110 && seen.corner, "it moves");
    send_cursor(UPDATE_CURSOR, 110, 210, 0);
    is_int(seen.corner, 0, "and goes");
    create(10, 1, 300, 1);
    send_cursor(UPDATE_CURSOR, 0, 0, 10);
    send_cursor(UPDATE_CURSOR, 0, 0, 12345);
    is_int(seen.corner, 0, "too large or missing ones are ignored");
}

/* --- what is wrong --------------------------------------------------------------------------- */

static void check_hostile(void)
{
    is_int(create(0, 2, 4, 4), BAD_RESOURCE, "picture 0");
    is_int(create(7, 2, 4, 4), BAD_RESOURCE, "a number that is taken");
    is_int(create(20, 5, 4, 4), BAD_PARAMETER, "no such format");
    is_int(create(20, 2, 0, 4), BAD_PARAMETER, "an empty one");
    is_int(create(20, 2, 0xffffffff, 0xffffffff), BAD_PARAMETER, "an endless one");
    is_int(create(20, 2, 16384, 16384), NO_MEMORY, "more than the host gives");
    is_int(SEND(CREATE, 20, 2), BAD_PARAMETER, "half a command");
    is_int(SEND(0x999, 0), UNSPECIFIED, "no such command");
    is_int(SEND(UNREF, 99, 0), BAD_RESOURCE, "no such picture to free");
    is_int(set_scanout(1, 7, 0, 0, 64, 32), BAD_SCANOUT, "a monitor that is not there");
    is_int(set_scanout(0, 99, 0, 0, 64, 32), BAD_RESOURCE, "a picture that is not");
    is_int(set_scanout(0, 7, 1, 0, 64, 32), BAD_PARAMETER, "a part outside of it");
    is_int(set_scanout(0, 7, 0xffffffff, 0, 2, 2), BAD_PARAMETER, "around its end");
    is_int(set_scanout(0, 7, 0, 0, 0, 0), BAD_PARAMETER, "of nothing");
    is_int(flush(7, 60, 0, 5, 1), BAD_PARAMETER, "showing outside of it");
    is_int(SEND(GET_EDID, 16, 0), BAD_SCANOUT, "EDID of no monitor");
    is_int(SEND(ATTACH, 7, 0x10000000, PIXELS, 0, 16, 0), UNSPECIFIED, "a list that is not there");
    is_int(SEND(ATTACH, 7, 0), UNSPECIFIED, "an empty one");
    is_int(attach(7, PIXELS, 100), OK, "too little memory");
    is_int(attach(7, PIXELS, 100), UNSPECIFIED, "only once");
    is_int(transfer(7, 0, 0, 64, 32, 0), UNSPECIFIED, "is not read beyond its end");
    is_int(transfer(7, 0, 0, 64, 32, 0xffffffff), UNSPECIFIED, "nor from behind it");
    is_int(transfer(7, 0, 31, 64, 2, 0), BAD_PARAMETER, "nor written outside of the picture");
    SEND(DETACH, 7, 0);
    attach(7, REGISTERS, 0x10000);
    is_int(transfer(7, 0, 0, 64, 32, 0), UNSPECIFIED, "registers are no memory");
    SEND(DETACH, 7, 0);
    SEND(ATTACH, 7, 1, 0xfffffff0, 0xffffffff, 0xffffffff, 0);
    is_int(transfer(7, 0, 0, 64, 32, 0), UNSPECIFIED, "nor is what lies around the end");
    put_desc(control.desc, 0, REQUEST, 8, NEXT, 1);
    offer(&control, 0);
    notify(&control);
    ok(get(0x14, 1) & VIRTIO_NEEDS_RESET, "a third of a header breaks the device");
    start(F1 | EDID);
    is_int(SEND(UNREF, 7, 0), BAD_RESOURCE, "a reset forgets all pictures");
    for (unsigned i = 1; create(i, 2, 1, 1) == OK; i++) {
        seen.x = (int)i;
    }
    ok(peek(REPLY, 4) == NO_MEMORY && seen.x < 100000, "as many small ones as fit: %d", seen.x);
    start(F1 | EDID);
    ok(create(1, 2, 1000, 1000) == OK, "there is room again");
}

static void noise(void)
{
    static const uint32_t types[] = { CREATE, UNREF, SET_SCANOUT, FLUSH, TRANSFER, ATTACH, DETACH,
                                      GET_EDID, GET_DISPLAY_INFO };
    uint32_t words[12];

    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        words[i] = dice() % 5 ? dice() % 8 : dice() % 3 ? dice() % 200 : dice();
    }
    if (dice() % 3 == 0) {
        words[1] = 1;
        words[2] = PIXELS;
        words[3] = 0;
        words[4] = dice() % 50000;
    }
    send(types[dice() % ARRAY_LEN(types)], dice() % 13, words);
    if (dice() % 8 == 0) {
        send_cursor(UPDATE_CURSOR, dice(), dice(), dice() % 8);
    }
    console_refresh(console_default());
    pixel(0, 0);
}

int main(void)
{
    static const char *const names[] = { "virtio-gpu-pci", "virtio-vga" };
    struct error *err = NULL;

    machine_start();
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        plug(device_create(names[i], NULL));
        set_config(SLOT, PCI_BAR0, 0xe0000000, 4);
        if (i == 0) {
            is_int(config(SLOT, 8, 4), 0x03800001, "a display adapter");
            console_listen(NULL, &listener);
            start(F1 | EDID);
            check_monitor();
            check_picture();
            check_fence();
            check_cursor();
            ok(!device_can_save_all(&err), "pictures are not saved: %s",
               err ? error_text(err) : "");
            error_free(err);
            check_hostile();
            console_unlisten(&listener);
        } else {
            is_int(config(SLOT, 8, 4), 0x03000001, "a VGA");
        }
        for (unsigned round = 0; round < 300; round++) {
            start(F1 | EDID);
            for (unsigned n = 0; n < 60; n++) {
                noise();
            }
        }
        ok(true, "%s survives commands at random", names[i]);
        fuzz(2, 300, 0x110, NULL);
        check_state();
        unplug();
    }
    return tap_done();
}
