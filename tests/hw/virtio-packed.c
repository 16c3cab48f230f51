/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed virtqueues, driven through the entropy device: layout, wrap counters, events, attacks. */
#include "tests/hw/virtio-bench.h"

#define F1 VIRTIO_BIT(32)
#define PACKED VIRTIO_BIT(34)
#define ALL (F1 | PACKED | VIRTIO_BIT(28) | VIRTIO_BIT(29))
#define RING 0x2000u
#define DRIVER_EVENT 0x3000u
#define DEVICE_EVENT 0x3010u
enum { AVAILABLE = 1 << 7, USED = 1 << 15 };

/* The driver's side: where the next descriptor goes, and where the next used one comes. */
static struct {
    unsigned size, next, seen;
    bool next_wrap, seen_wrap;
} ring;

static void lay_out(unsigned size, uint64_t desc, uint64_t driver, uint64_t device)
{
    memset((uint8_t *)memory_region_host(&bench.ram) + RING, 0, 0x1100);
    ring.size = size;
    ring.next = ring.seen = 0;
    ring.next_wrap = ring.seen_wrap = true;
    set(0x16, 0, 2);
    set(0x18, size, 2);
    set(0x1a, 1, 2);
    for (unsigned i = 0; i < 2; i++) {
        set(0x20 + 4 * i, (uint32_t)(desc >> 32 * i), 4);
        set(0x28 + 4 * i, (uint32_t)(driver >> 32 * i), 4);
        set(0x30 + 4 * i, (uint32_t)(device >> 32 * i), 4);
    }
    set(0x1c, 1, 2);
    set(0x14, 15, 1);
}

static void start(uint64_t features, unsigned size)
{
    negotiate(features);
    lay_out(size, RING, DRIVER_EVENT, DEVICE_EVENT);
}

static void put(uint64_t address, uint32_t size, uint16_t id, unsigned flags)
{
    uint64_t at = RING + 16 * ring.next;

    poke(at, address, 8);
    poke(at + 8, size, 4);
    poke(at + 12, id, 2);
    poke(at + 14, flags | (ring.next_wrap ? AVAILABLE : USED), 2);
    ring.next = (ring.next + 1) % ring.size;
    ring.next_wrap ^= ring.next == 0;
}

static void kick(void)
{
    set(0x3000, 0, 2);
}

/* Id << 16 | length of the next request that came back, which had `count' descriptors; -1: none. */
static int64_t take(unsigned count)
{
    uint64_t at = RING + 16 * ring.seen;
    uint16_t flags = (uint16_t)peek(at + 14, 2);
    int64_t result = (int64_t)peek(at + 12, 2) << 16 | (peek(at + 8, 4) & 0xffff);

    if (((flags & AVAILABLE) != 0) != ring.seen_wrap || ((flags & USED) != 0) != ring.seen_wrap) {
        return -1;
    }
    ring.seen += count;
    if (ring.seen >= ring.size) {
        ring.seen -= ring.size;
        ring.seen_wrap = !ring.seen_wrap;
    }
    return result;
}

static void plug_rng(const char *packed)
{
    struct device *dev = device_create("virtio-rng-pci", NULL);

    device_set(dev, "packed", packed, NULL);
    plug(dev);
}

/* --- what is right --------------------------------------------------------------------------- */

static void check_negotiation(void)
{
    plug_rng("off");
    ok(!negotiate(F1 | PACKED), "packed rings are not offered by default");
    unplug();
    plug_rng("on");
    set(0, 1, 4);
    is_int(get(4, 4), 5, "with packed=on they are");
    ok(negotiate(F1), "a driver may do without");
    ok(negotiate(ALL), "or take them");
    set(0x16, 0, 2);
    set(0x18, 5, 2);
    is_int(get(0x18, 2), 5, "of any size");
}

static void check_ring(void)
{
    start(F1 | PACKED, 4);
    put(0x9000, 64, 7, WRITE);
    is_int(take(1), -1, "nothing before the driver notifies");
    is_dirty(RING);
    is_dirty(0x9000);
    kick();
    is_int(take(1), 7 << 16 | 64, "64 bytes came");
    ok(is_dirty(RING) && is_dirty(0x9000), "what it writes is dirty");
    is_int(peek(RING + 14, 2) & WRITE, WRITE, "and has a length");
    put(0x9000, 8, 1, WRITE | NEXT);
    put(0x9100, 0, 1, WRITE | NEXT);
    put(0x9200, 24, 0xabcd, WRITE);
    put(0x9300, 4, 3, WRITE);
    kick();
    is_int(take(3), 0xabcdll << 16 | 32, "a chain of three, with the last one's id");
    is_int(take(1), 3 << 16 | 4, "and one more, around the ring");
    for (unsigned size = 3; size < 6; size++) {
        bool fine = true;

        start(F1 | PACKED, size);
        for (unsigned i = 0; i < 30; i++) {
            put(0x9000, 16, (uint16_t)i, WRITE | NEXT);
            put(0x9000, i, (uint16_t)i, WRITE);
            kick();
            fine &= take(2) == (i << 16 | (16 + i)) && take(2) == -1;
        }
        ok(fine, "thirty times around a ring of %u", size);
    }
}

static void check_indirect(void)
{
    start(ALL, 4);
    for (unsigned i = 0; i < 3; i++) {
        poke(0xb000 + 16 * i, 0x9000 + 0x100 * i, 8);
        poke(0xb008 + 16 * i, 10, 4);
        poke(0xb00e + 16 * i, WRITE, 2);
    }
    put(0xb000, 48, 9, INDIRECT);
    kick();
    is_int(take(1), 9 << 16 | 30, "an indirect table takes one descriptor");
    put(0x9000, 5, 2, WRITE);
    kick();
    is_int(take(1), 2 << 16 | 5, "and the next one follows it");
}

static void request(uint16_t id)
{
    put(0x9000, 16, id, WRITE);
    kick();
    take(1);
}

static void check_events(void)
{
    start(F1 | PACKED, 8);
    enable_msix(2);
    set(0x16, 0, 2);
    set(0x1a, 1, 2);
    request(0);
    is_int(message(1), 0x4101, "an interrupt");
    poke(DRIVER_EVENT + 2, 1, 2);
    request(1);
    is_int(message(1), 0, "the driver wants none");
    is_int(peek(DEVICE_EVENT + 2, 2), 0, "the device wants notifications");
    start(ALL, 4);
    set(0x16, 0, 2);
    set(0x1a, 1, 2);
    poke(DRIVER_EVENT, 0x8002, 2);
    poke(DRIVER_EVENT + 2, 2, 2);
    request(0);
    is_int(message(1), 0x4101, "the first always interrupts");
    is_int(peek(DEVICE_EVENT, 4), 0x28001, "the device waits for the second descriptor");
    request(1);
    is_int(message(1), 0, "not before the driver's position");
    request(2);
    is_int(message(1), 0x4101, "now");
    request(3);
    is_int(message(1), 0, "not behind it");
    is_int(peek(DEVICE_EVENT, 4), 0x20000, "the device's position has wrapped");
    poke(DRIVER_EVENT, 0x0001, 2);
    request(4);
    is_int(message(1), 0, "nor before it in the next round");
    request(5);
    is_int(message(1), 0x4101, "but there");
    check_state();
    map_device();
    put(0x9000, 16, 6, WRITE);
    kick();
    is_int(take(1), 6 << 16 | 16, "a machine that was saved goes on");
}

/* --- what is wrong --------------------------------------------------------------------------- */

static void expect_broken(const char *name)
{
    kick();
    ok(get(0x14, 1) & VIRTIO_NEEDS_RESET, "%s", name);
    start(ALL, 4);
    put(0x9000, 16, 1, WRITE);
    kick();
    is_int(take(1), 1 << 16 | 16, "  and after a reset it works");
    start(ALL, 4);
}

static void check_hostile(void)
{
    start(ALL, 4);
    for (unsigned i = 0; i < 4; i++) {
        put(0x9000, 16, 1, WRITE | NEXT);
    }
    expect_broken("a chain without end");
    put(0x9000, 16, 1, WRITE | NEXT);
    put(0xb000, 16, 1, INDIRECT);
    expect_broken("an indirect table inside of a chain");
    put(0xb000, 48, 1, INDIRECT | NEXT);
    expect_broken("an indirect table with a successor");
    put(0xb000, 40, 1, INDIRECT);
    expect_broken("an indirect table of two and a half entries");
    put(0xb000, 0x80000000, 1, INDIRECT);
    expect_broken("a huge one");
    put(REGISTERS, 16, 1, INDIRECT);
    expect_broken("one in registers");
    put(0x9000, 16, 1, WRITE | NEXT);
    put(0x9000, 16, 1, 0);
    expect_broken("a buffer to read behind one to write");
    put(UINT64_MAX - 7, 16, 1, WRITE);
    expect_broken("a buffer around the end of memory");
    put(REGISTERS + 0x3000, 16, 1, WRITE);
    expect_broken("a buffer in the device's own registers");
    negotiate(ALL);
    lay_out(4, REGISTERS, DRIVER_EVENT, DEVICE_EVENT);
    expect_broken("a ring in registers");
    negotiate(ALL);
    lay_out(4, RING, DRIVER_EVENT, 0xfffffffffffffffcull);
    expect_broken("an event structure where nothing is");
    negotiate(ALL);
    lay_out(4, RING + 1, DRIVER_EVENT, DEVICE_EVENT);
    expect_broken("a ring at an odd address");
    put(RING, 64, 1, WRITE);
    kick();
    ok(true, "a buffer over its own ring harms the driver alone");
}

/* Descriptors at random, most of them available; the device may only break. */
static void check_noise(void)
{
    for (unsigned round = 0; round < 3000; round++) {
        unsigned size = 1 + dice() % 8;

        start(dice() % 2 ? ALL : F1 | PACKED, size);
        for (unsigned n = 0; n < 20; n++) {
            unsigned flags = dice() % 2 * WRITE | (dice() % 3 == 0 ? NEXT : 0) |
                             (dice() % 10 == 0 ? INDIRECT : 0);

            put(random_address(), dice() % 6 ? dice() % 300 : dice(), (uint16_t)dice(), flags);
            if (dice() % 6 == 0) {
                poke(RING + dice() % (16 * size), dice(), 2);
            }
            if (dice() % 8 == 0) {
                poke(DRIVER_EVENT, dice(), 4);
            }
            if (dice() % 2) {
                kick();
            }
        }
    }
    set(0x14, 0, 1);
    ok(get(0x14, 1) == 0, "it survives noise");
}

int main(void)
{
    machine_start();
    check_negotiation();
    check_ring();
    check_indirect();
    check_events();
    check_hostile();
    check_noise();
    unplug();
    return tap_done();
}
