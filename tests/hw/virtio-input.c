/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio keyboard, mouse and tablet. */
#include "tests/hw/virtio-bench.h"

#include "console.h"

#define F1 VIRTIO_BIT(32)
enum { BUFFERS = 0x9000 };
static struct ring events, status;

static void start(unsigned buffers)
{
    negotiate(F1);
    events = make_ring(0, 64, 0x1000, 0xffff);
    status = make_ring(1, 64, 0x4000, 0xffff);
    set(0x14, 15, 1);
    for (unsigned i = 0; i < buffers; i++) {
        put_desc(events.desc, i, BUFFERS + 8 * i, 8, WRITE, 0);
        offer(&events, (uint16_t)i);
    }
    notify(&events);
}

/* The event in buffer i: type, code and value. */
static bool came(unsigned i, unsigned type, unsigned code, uint32_t value)
{
    return reap(&events) == 8 && peek(BUFFERS + 8 * i, 2) == type &&
           peek(BUFFERS + 8 * i + 2, 2) == code && peek(BUFFERS + 8 * i + 4, 4) == value;
}

static unsigned selected(unsigned select, unsigned subselect)
{
    set(0x2000, select, 1);
    set(0x2001, subselect, 1);
    return get(0x2002, 1);
}

static void check_keyboard(void)
{
    plug(device_create("virtio-keyboard-pci", NULL));
    is_int(config(SLOT, 0, 4), 0x10521af4, "there is no older form");
    is_int(selected(1, 0), 20, "its name");
    is_int(get(0x2008, 4), 0x554d4551, "  begins so");
    ok(selected(0x11, 1) >= 16 && get(0x2008 + 30 / 8, 1) & 1 << 30 % 8, "it has the key a");
    is_int(selected(0x11, 2), 0, "and does not move");
    is_int(selected(0x12, 0), 0, "nor know places");
    is_int(selected(99, 99), 0, "nothing else");
    start(4);
    input_key(INPUT_KEY_a, true);
    ok(came(0, 1, 30, 1) && came(1, 0, 0, 0), "a key and a report");
    input_key(INPUT_KEY_a, false);
    input_key(INPUT_KEY_right, true);
    ok(came(2, 1, 30, 0) && came(3, 0, 0, 0), "its release");
    is_int(reap(&events), -1, "what has no buffer waits");
    check_state();
    map_device();
    for (unsigned i = 0; i < 2; i++) {
        offer(&events, (uint16_t)i);
    }
    notify(&events);
    ok(came(0, 1, 106, 1) && came(1, 0, 0, 0), "until there is one");
    poke(0xa000, 0x11 | 1 << 16, 4);
    poke(0xa004, 1, 4);
    put_desc(status.desc, 0, 0xa000, 8, 0, 0);
    offer(&status, 0);
    notify(&status);
    ok(reap(&status) == 0 && input_leds() & INPUT_LED_CAPS, "a lamp");
    for (unsigned i = 0; i < 1000; i++) {
        input_key(INPUT_KEY_b, i & 1);
    }
    fuzz(2, 100, 0x20, NULL);
    unplug();
}

static void check_pointers(void)
{
    plug(device_create("virtio-tablet-pci", NULL));
    is_int(selected(0x12, 1), 20, "the tablet knows places");
    is_int(get(0x200c, 4), 32767, "up to this one");
    start(16);
    input_pointer_set(100, 200, 0, INPUT_BUTTON_RIGHT);
    ok(came(0, 3, 0, 100) && came(1, 3, 1, 200) && came(2, 1, 0x111, 1) && came(3, 0, 0, 0),
       "a click at a place");
    input_pointer_set(100, 200, -1, 0);
    ok(came(4, 3, 0, 100) && came(5, 3, 1, 200) && came(6, 1, 0x111, 0) &&
       came(7, 2, 8, UINT32_MAX) && came(8, 0, 0, 0), "its end and the wheel");
    unplug();
    plug(device_create("virtio-mouse-pci", NULL));
    is_int(selected(0x11, 2), 2, "the mouse moves");
    start(16);
    input_pointer_move(5, -3, 0, 0);
    ok(came(0, 2, 0, 5) && came(1, 2, 1, (uint32_t)-3) && came(2, 0, 0, 0), "like this");
    unplug();
}

int main(void)
{
    machine_start();
    check_keyboard();
    check_pointers();
    return tap_done();
}
