/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtio queues and their PCI transport, driven through the entropy device. */
#include "tests/hw/virtio-bench.h"

#define F1 VIRTIO_BIT(32)
#define RNG_FEATURES (F1 | VIRTIO_BIT(28) | VIRTIO_BIT(29))

static struct ring ring;

static void start(uint64_t features, unsigned size)
{
    negotiate(features);
    ring = make_ring(0, size, 0x2000, 0);
    set(0x14, 15, 1);
}

static void plug_rng(const char *key, const char *value)
{
    struct device *dev = device_create("virtio-rng-pci", NULL);

    if (key) {
        device_set(dev, key, value, NULL);
    }
    plug(dev);
}

/* --- identity -------------------------------------------------------------------------------- */

static void check_identity(void)
{
    static const uint8_t types[] = { 1, 3, 4, 2, 5 };

    plug_rng(NULL, NULL);
    is_int(config(SLOT, 0, 4), 0x10051af4, "transitional identity");
    is_int(config(SLOT, 0x2e, 2), 4, "the type is the subsystem");
    ok(find_capability(0x11, 0), "MSI-X");
    is_int(config(SLOT, find_capability(0x11, 0) + 2, 2), 1, "of two vectors");
    for (unsigned i = 0; i < sizeof(types); i++) {
        unsigned at = find_capability(9, i);
        is_int(config(SLOT, at + 3, 1), types[i], "a capability of 1.0");
        is_int(config(SLOT, at + 4, 1), i < 4 ? 4 : 0, "points at BAR 4");
    }
    unplug();
    plug_rng("disable-legacy", "on");
    is_int(config(SLOT, 0, 4), 0x10441af4, "identity without 0.9");
    is_int(config(SLOT, PCI_BAR0, 4), 0, "which has no ports");
    unplug();
    plug_rng("disable-modern", "on");
    ok(!find_capability(9, 0), "no capabilities without 1.0");
    is_int(config(SLOT, PCI_BAR0 + 16, 4), 0, "and no memory");
    unplug();
    plug_rng("vectors", "0");
    ok(!find_capability(0x11, 0), "MSI-X can be left out");
    unplug();
}

/* --- 1.0 ------------------------------------------------------------------------------------- */

static void check_negotiation(void)
{
    is_int(get(0x12, 2), 1, "one queue");
    set(0, 1, 4);
    is_int(get(4, 4), 1, "it offers VERSION_1");
    set(0, 0, 4);
    is_int(get(4, 4), 3 << 28, "indirect descriptors and event index");
    ok(!negotiate(VIRTIO_BIT(28)), "1.0 without VERSION_1 is refused");
    ok(!negotiate(F1 | VIRTIO_BIT(5)), "and what was not offered");
    ok(negotiate(RNG_FEATURES), "a good set is accepted");
    set(0x08, 0, 4);
    set(0x0c, 0, 4);
    is_int(get(0x0c, 4), 3 << 28, "and then fixed");
    set(0x16, 0, 2);
    is_int(get(0x18, 2), 8, "the queue's size");
    set(0x18, 5, 2);
    is_int(get(0x18, 2), 8, "which is a power of two");
    set(0x18, 16, 2);
    is_int(get(0x18, 2), 8, "and not above the device's");
    set(0x18, 4, 2);
    is_int(get(0x18, 2), 4, "but may be smaller");
    set(0x1a, 7, 2);
    is_int(get(0x1a, 2), 0xffff, "a vector that is not there");
    set(0x16, 1, 2);
    is_int(get(0x18, 2), 0, "there is no second queue");
    set(0x14, 0, 1);
    is_int(get(0x14, 1), 0, "reset");
}

static bool filled(uint64_t at, unsigned size)
{
    unsigned zeros = 0;

    for (unsigned i = 0; i < size; i++) {
        zeros += peek(at + i, 1) == 0;
    }
    return zeros < size / 4;
}

static void check_queue(void)
{
    start(F1, 8);
    put_desc(ring.desc, 0, 0x9000, 64, WRITE, 0);
    offer(&ring, 0);
    is_int(reap(&ring), -1, "nothing before the driver notifies");
    notify(&ring);
    is_int(reap(&ring), 64, "64 bytes came");
    ok(filled(0x9000, 64), "at random");
    is_int(get(0x1000, 1), 1, "the cause");
    is_int(get(0x1000, 1), 0, "which reading clears");

    is_dirty(0x9000);
    is_dirty(ring.used);
    ok(!is_dirty(0x9000) && !is_dirty(ring.used), "pages are clean");
    offer(&ring, 0);
    notify(&ring);
    ok(reap(&ring) == 64 && is_dirty(0x9000) && is_dirty(ring.used), "what it writes is dirty");

    put_desc(ring.desc, 3, 0x9100, 32, WRITE | NEXT, 6);
    put_desc(ring.desc, 6, 0x9200, 0, WRITE | NEXT, 1);
    put_desc(ring.desc, 1, 0x9300, 32, WRITE, 0);
    offer(&ring, 3);
    offer(&ring, 0);
    notify(&ring);
    is_int(reap(&ring), 64, "a chain of three");
    is_int(reap(&ring), 64, "and one more");
    ok(filled(0x9100, 32) && filled(0x9300, 32), "two pieces, one was empty");
    for (unsigned i = 0; i < 20; i++) {
        offer(&ring, 0);
        notify(&ring);
    }
    for (unsigned i = 0; i < 20; i++) {
        ok(reap(&ring) == 64, "around the ring");
    }
    set(0x14, 3, 1);
    offer(&ring, 0);
    notify(&ring);
    is_int(reap(&ring), -1, "nothing without DRIVER_OK");
    set(0x14, 15, 1);
    set_config(SLOT, PCI_COMMAND, 3, 2);
    notify(&ring);
    is_int(reap(&ring), -1, "nor without bus mastering");
    set_config(SLOT, PCI_COMMAND, 7, 2);
    notify(&ring);
    is_int(reap(&ring), 64, "then it comes");
}

static void check_indirect(void)
{
    start(F1 | VIRTIO_BIT(28), 8);
    put_desc(0xb000, 0, 0x9000, 16, WRITE | NEXT, 2);
    put_desc(0xb000, 2, 0x9100, 16, WRITE, 0);
    put_desc(ring.desc, 5, 0xb000, 48, INDIRECT, 0);
    offer(&ring, 5);
    notify(&ring);
    is_int(reap(&ring), 32, "an indirect table");
    put_desc(ring.desc, 4, 0x9200, 8, WRITE | NEXT, 5);
    offer(&ring, 4);
    notify(&ring);
    is_int(reap(&ring), 40, "behind a direct descriptor");
}

static void check_events(void)
{
    start(RNG_FEATURES, 8);
    enable_msix(2);
    set(0x16, 0, 2);
    set(0x1a, 1, 2);
    put_desc(ring.desc, 0, 0x9000, 16, WRITE, 0);
    offer(&ring, 0);
    notify(&ring);
    is_int(message(1), 0x4101, "the first always interrupts");
    is_int(peek(ring.used + 4 + 64, 2), 1, "the device wants to hear of the next request");
    offer(&ring, 0);
    notify(&ring);
    is_int(message(1), 0, "not before the driver's event");
    poke(ring.avail + 4 + 16, 3, 2);
    offer(&ring, 0);
    notify(&ring);
    is_int(message(1), 0, "not yet");
    offer(&ring, 0);
    notify(&ring);
    is_int(message(1), 0x4101, "now");
    start(F1, 8);
    set(0x16, 0, 2);
    set(0x1a, 1, 2);
    poke(ring.avail, 1, 2);
    offer(&ring, 0);
    put_desc(ring.desc, 0, 0x9000, 16, WRITE, 0);
    notify(&ring);
    is_int(message(1), 0, "without event index a flag forbids it");
}

static void check_msix(void)
{
    start(F1, 8);
    enable_msix(2);
    set(0x16, 0, 2);
    set(0x1a, 0, 2);
    put_desc(ring.desc, 0, 0x9000, 16, WRITE, 0);
    poke(MSIX + 12, 1, 4);
    offer(&ring, 0);
    notify(&ring);
    is_int(message(0), 0, "a masked vector is silent");
    is_int(peek(MSIX + 0x800, 4), 1, "it is pending");
    poke(MSIX + 12, 0, 4);
    is_int(message(0), 0x4100, "and comes when the mask goes");
    is_int(peek(MSIX + 0x800, 4), 0, "nothing is pending");
    set_config(SLOT, find_capability(0x11, 0) + 2, 0xc000, 2);
    offer(&ring, 0);
    notify(&ring);
    is_int(message(0), 0, "all masked");
    check_state();
    map_device();
    set_config(SLOT, find_capability(0x11, 0) + 2, 0x8000, 2);
    is_int(message(0), 0x4100, "until the function's mask goes");
    set_config(SLOT, find_capability(0x11, 0) + 2, 0, 2);
    offer(&ring, 0);
    notify(&ring);
    is_int(message(0), 0, "without MSI-X");
    is_int(config(SLOT, 6, 2) & 8, 8, "the pin speaks");
    get(0x1000, 1);
    is_int(config(SLOT, 6, 2) & 8, 0, "until the cause is read");
}

/* The capability through which firmware reaches BARs. */
static void check_window(void)
{
    unsigned at = find_capability(9, 4);

    set(0x14, 0, 1);
    set_config(SLOT, at + 4, 4, 1);
    set_config(SLOT, at + 8, 0x12, 4);
    set_config(SLOT, at + 12, 2, 4);
    is_int(config(SLOT, at + 16, 2), 1, "the number of queues through the window");
    set_config(SLOT, at + 8, 0x14, 4);
    set_config(SLOT, at + 12, 1, 4);
    set_config(SLOT, at + 16, 1, 1);
    is_int(get(0x14, 1), 1, "the status is written through it");
    set_config(SLOT, at + 8, 0x3fff, 4);
    set_config(SLOT, at + 12, 4, 4);
    config(SLOT, at + 16, 4);
    set_config(SLOT, at + 8, 0xfffffffc, 4);
    config(SLOT, at + 16, 4);
    set_config(SLOT, at + 4, 1, 1);
    set_config(SLOT, at + 8, 0x800, 4);
    is_int(config(SLOT, at + 16, 4), 0, "another BAR");
    set_config(SLOT, at + 4, 5, 1);
    config(SLOT, at + 16, 4);
    set_config(SLOT, at + 4, 200, 1);
    config(SLOT, at + 16, 4);
    ok(true, "impossible places are ignored");
}

/* --- 0.9 ------------------------------------------------------------------------------------- */

static void check_legacy(void)
{
    set(0x14, 0, 1);
    outb(PORTS + 18, 0);
    outb(PORTS + 18, 3);
    is_int(in(PORTS, 4), 0x38000000, "features of 0.9");
    out(PORTS + 4, 0, 4);
    out(PORTS + 14, 0, 2);
    is_int(in(PORTS + 12, 2), 8, "the size is the device's");
    ring = (struct ring){ 0, 8, 0x4000, 0x4080, 0x5000, 0, 0 };
    memset((uint8_t *)memory_region_host(&bench.ram) + 0x4000, 0, 0x2000);
    out(PORTS + 8, 4, 4);
    is_int(in(PORTS + 8, 4), 4, "the page");
    outb(PORTS + 18, 7);
    put_desc(ring.desc, 0, 0x9000, 24, WRITE, 0);
    offer(&ring, 0);
    out(PORTS + 16, 0, 2);
    is_int(reap(&ring), 24, "a request");
    is_int(inb(PORTS + 19), 1, "its cause");
    out(PORTS + 8, 0, 4);
    offer(&ring, 0);
    out(PORTS + 16, 0, 2);
    is_int(reap(&ring), -1, "a queue without page is off");
}

/* --- hostile drivers ------------------------------------------------------------------------- */

static void expect_broken(const char *name)
{
    notify(&ring);
    ok(reap(&ring) == -1 && get(0x14, 1) & VIRTIO_NEEDS_RESET, "%s", name);
    notify(&ring);
    start(RNG_FEATURES, 8);
    put_desc(ring.desc, 0, 0x9000, 16, WRITE, 0);
    offer(&ring, 0);
    notify(&ring);
    ok(reap(&ring) == 16, "  and after a reset it works");
    start(RNG_FEATURES, 8);
}

static void check_hostile(void)
{
    start(RNG_FEATURES, 8);
    put_desc(ring.desc, 0, 0x9000, 16, WRITE | NEXT, 1);
    put_desc(ring.desc, 1, 0x9000, 16, WRITE | NEXT, 0);
    offer(&ring, 0);
    expect_broken("a loop");
    put_desc(ring.desc, 0, 0x9000, 16, WRITE | NEXT, 8);
    offer(&ring, 0);
    expect_broken("a chain that leaves the table");
    offer(&ring, 8);
    expect_broken("a head outside of the table");
    put_desc(ring.desc, 0, 0x9000, 16, WRITE | NEXT, 1);
    put_desc(ring.desc, 1, 0x9000, 16, 0, 0);
    offer(&ring, 0);
    expect_broken("a buffer to read behind one to write");
    put_desc(ring.desc, 0, 0xc0000000, 16, WRITE, 0);
    offer(&ring, 0);
    expect_broken("a buffer where nothing is");
    put_desc(ring.desc, 0, REGISTERS + 0x3000, 16, WRITE, 0);
    offer(&ring, 0);
    expect_broken("a buffer in the device's own registers");
    put_desc(ring.desc, 0, 0x9ff00, 0x1000, WRITE, 0);
    offer(&ring, 0);
    expect_broken("a buffer that leaves RAM");
    put_desc(ring.desc, 0, UINT64_MAX - 7, 16, WRITE, 0);
    offer(&ring, 0);
    expect_broken("a buffer around the end of memory");
    put_desc(ring.desc, 0, 0xb000, 24, INDIRECT, 0);
    offer(&ring, 0);
    expect_broken("an indirect table of one and a half entries");
    put_desc(ring.desc, 0, 0xb000, 0, INDIRECT, 0);
    offer(&ring, 0);
    expect_broken("an empty indirect table");
    put_desc(ring.desc, 0, 0xb000, 16 * 1025, INDIRECT, 0);
    offer(&ring, 0);
    expect_broken("a huge indirect table");
    put_desc(ring.desc, 0, 0xb000, 16, INDIRECT | NEXT, 1);
    offer(&ring, 0);
    expect_broken("an indirect table with a successor");
    put_desc(0xb000, 0, 0xb000, 16, INDIRECT, 0);
    put_desc(ring.desc, 0, 0xb000, 16, INDIRECT, 0);
    offer(&ring, 0);
    expect_broken("an indirect table that holds itself");
    put_desc(0xb000, 0, 0x9000, 16, WRITE | NEXT, 0);
    put_desc(ring.desc, 0, 0xb000, 32, INDIRECT, 0);
    offer(&ring, 0);
    expect_broken("a loop in an indirect table");
    ring.index = 9;
    poke(ring.avail + 2, 9, 2);
    expect_broken("an available ring that jumps");
    negotiate(F1);
    ring = make_ring(0, 8, 0x2000, 0);
    set(0x14, 0, 1);
    negotiate(F1);
    set(0x20, REGISTERS, 4);
    set(0x1c, 1, 2);
    set(0x14, 15, 1);
    expect_broken("a ring in registers");
}

int main(void)
{
    machine_start();
    check_identity();
    plug_rng(NULL, NULL);
    check_negotiation();
    check_queue();
    check_indirect();
    check_events();
    check_msix();
    check_window();
    check_legacy();
    check_hostile();
    check_state();
    map_device();
    fuzz(1, 400, 16, NULL);
    unplug();
    return tap_done();
}
