/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A PC's PCI bus with one virtio device in slot 5, and a driver's side of its queues. */
#ifndef TESTS_HW_VIRTIO_BENCH_H
#define TESTS_HW_VIRTIO_BENCH_H

#include "tests/hw/pci-bench.h"

#include "base/bits.h"
#include "base/main-loop.h"
#include "hw/virtio/virtio.h"

#define SLOT PCI_DEVFN(5, 0)
#define PORTS 0xc000
#define MSIX 0xf0001000u
#define REGISTERS 0xf0010000u
#define MESSAGES 0xa00u              /* where MSI-X messages go: a word for each vector */
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

static struct device *device;

/* The capability with this identity, after `skip' others of it; 0 if there is none. */
__attribute__((unused)) static unsigned find_capability(uint8_t id, unsigned skip)
{
    unsigned at = config(SLOT, PCI_CAPABILITY_LIST, 1);

    for (unsigned n = 0; at && n < 48; at = config(SLOT, at + 1, 1), n++) {
        if (config(SLOT, at, 1) == id && !skip--) {
            return at;
        }
    }
    return 0;
}

/* --- the machine ----------------------------------------------------------------------------- */

__attribute__((unused)) static void machine_start(void)
{
    main_loop_init();
    big_unlock();
    pci_bench_start();
}

static void map_device(void)
{
    set_config(SLOT, PCI_BAR0, PORTS, 4);
    set_config(SLOT, PCI_BAR0 + 4, MSIX, 4);
    set_config(SLOT, PCI_BAR0 + 16, REGISTERS, 4);
    set_config(SLOT, PCI_COMMAND, 7, 2);
}

/* Realizes a device in the slot and maps it. */
static void plug(struct device *dev)
{
    struct error *err = NULL;

    printf("# %s\n", dev->class->name);
    device = dev;
    if (!device_set(dev, "addr", "5", &err) || !device_set(dev, "rombar", "off", &err) ||
        !device_realize(dev, &err)) {
        error_exit_with(err);
    }
    device_reset(dev);
    map_device();
}

static void unplug(void)
{
    device_destroy(device);
    device = NULL;
}

/* --- registers of 1.0 ------------------------------------------------------------------------ */

static uint32_t get(unsigned offset, unsigned size)
{
    return peek(REGISTERS + offset, size);
}

static void set(unsigned offset, uint32_t value, unsigned size)
{
    poke(REGISTERS + offset, value, size);
}

/* Up to FEATURES_OK; whether the device took the features. */
static bool negotiate(uint64_t features)
{
    set(0x14, 0, 1);
    set(0x14, 3, 1);
    for (unsigned word = 0; word < 2; word++) {
        set(0x08, word, 4);
        set(0x0c, (uint32_t)(features >> 32 * word), 4);
    }
    set(0x14, 11, 1);
    return get(0x14, 1) == 11;
}

__attribute__((unused)) static void enable_msix(unsigned vectors)
{
    unsigned at = find_capability(0x11, 0);

    for (unsigned n = 0; n < vectors; n++) {
        poke(MSIX + 16 * n, MESSAGES + 4 * n, 4);
        poke(MSIX + 16 * n + 4, 0, 4);
        poke(MSIX + 16 * n + 8, 0x4100 + n, 4);
        poke(MSIX + 16 * n + 12, 0, 4);
        poke(MESSAGES + 4 * n, 0, 4);
    }
    set_config(SLOT, at + 2, 0x8000, 2);
}

/* The message that a vector sent since the last look; 0: none. */
__attribute__((unused)) static uint32_t message(unsigned vector)
{
    uint32_t value = peek(MESSAGES + 4 * vector, 4);

    poke(MESSAGES + 4 * vector, 0, 4);
    return value;
}

/* --- queues ---------------------------------------------------------------------------------- */

struct ring {
    unsigned number, size;
    uint64_t desc, avail, used;
    uint16_t index, seen;
};

/* Lays a queue out at a page of its own, and enables it with that vector. */
static struct ring make_ring(unsigned number, unsigned size, uint64_t at, uint16_t vector)
{
    struct ring r = { number, size, at, at + 16 * size, align_up(at + 18 * size + 6, 4096), 0, 0 };

    memset((uint8_t *)memory_region_host(&bench.ram) + at, 0, r.used + 8 * size + 6 - at);
    set(0x16, number, 2);
    set(0x18, size, 2);
    set(0x1a, vector, 2);
    for (unsigned i = 0; i < 2; i++) {
        set(0x20 + 4 * i, (uint32_t)(r.desc >> 32 * i), 4);
        set(0x28 + 4 * i, (uint32_t)(r.avail >> 32 * i), 4);
        set(0x30 + 4 * i, (uint32_t)(r.used >> 32 * i), 4);
    }
    set(0x1c, 1, 2);
    return r;
}

static void put_desc(uint64_t table, unsigned i, uint64_t address, uint32_t size, unsigned flags,
                     unsigned next)
{
    poke(table + 16 * i, address, 8);
    poke(table + 16 * i + 8, size, 4);
    poke(table + 16 * i + 12, flags, 2);
    poke(table + 16 * i + 14, next, 2);
}

static void offer(struct ring *r, uint16_t head)
{
    poke(r->avail + 4 + 2 * (r->index % r->size), head, 2);
    poke(r->avail + 2, ++r->index, 2);
}

static void notify(const struct ring *r)
{
    set(0x3000 + 4 * r->number, r->number, 2);
}

/* The bytes written for the next request that came back; -1: none did. */
__attribute__((unused)) static int64_t reap(struct ring *r)
{
    uint64_t entry = r->used + 4 + 8 * (r->seen % r->size);

    if (r->seen == peek(r->used + 2, 2)) {
        return -1;
    }
    r->seen++;
    return peek(entry + 4, 4);
}

/* Whether the page is to be sent again by a migration, since the last look. */
__attribute__((unused)) static bool is_dirty(uint64_t at)
{
    uint64_t ram = memory_region_ram_addr(&bench.ram) + at;
    bool dirty = memory_dirty_test(ram, 1, DIRTY_MIGRATION);

    memory_dirty_clear(ram, 1, DIRTY_MIGRATION);
    return dirty;
}

/* --- noise ----------------------------------------------------------------------------------- */

static uint32_t seed = 12345;

static uint32_t dice(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8 ^ seed << 16;
}

static uint64_t random_address(void)
{
    switch (dice() % 12) {
    case 0: return REGISTERS + 0x3000 + dice() % 64;
    case 1: return BENCH_RAM - 8 + dice() % 16;
    case 2: return (uint64_t)dice() << 32 | dice();
    case 3: return MSIX + dice() % 64;
    default: return 0x10000 + dice() % 0x8000;
    }
}

/* A chain that is right more often than not: the device shall get beyond the first check. */
__attribute__((unused)) static void random_chain(struct ring *r, uint32_t type_max)
{
    unsigned head = dice() % r->size, i = head, length = 1 + dice() % 4;
    bool in = false;

    for (unsigned n = 0; n < length; n++) {
        unsigned next = dice() % 50 ? (i + 1) % r->size : dice();
        unsigned flags = n + 1 < length || dice() % 60 == 0 ? NEXT : 0;

        in |= dice() % 2;
        flags |= (dice() % 30 ? in : !in) ? WRITE : 0;
        flags |= dice() % 40 == 0 ? INDIRECT : 0;
        put_desc(r->desc, i, random_address(), dice() % 8 ? dice() % 700 : dice(), flags, next);
        i = next % r->size;
    }
    for (unsigned n = 0; n < 16; n++) {
        poke(0x10000 + dice() % 0x8000, dice() % type_max, 4);
    }
    offer(r, (uint16_t)(dice() % 100 ? head : dice()));
}

/* Registers, rings and descriptors at random, with resets in between: only the guest may suffer. */
__attribute__((unused)) static void fuzz(unsigned queues, unsigned rounds, uint32_t type_max,
                                         void (*extra)(void))
{
    struct ring rings[4];

    for (unsigned round = 0; round < rounds; round++) {
        negotiate(VIRTIO_BIT(32) | ((uint64_t)dice() & (get(4, 4) | 3u << 28)));
        for (unsigned q = 0; q < queues && q < 4; q++) {
            rings[q] = make_ring(q, 1u << (2 + dice() % 3), 0x1000 + 0x2000 * q, 0xffff);
        }
        set(0x14, 15, 1);
        for (unsigned n = 0; n < 40; n++) {
            struct ring *r = &rings[dice() % MIN_OF(queues, 4u)];

            random_chain(r, type_max);
            if (dice() % 2) {
                notify(r);
            }
            if (dice() % 20 == 0) {
                set(dice() % 0x38, dice(), 1u << dice() % 3);
            }
            if (dice() % 20 == 0) {
                set(0x2000 + dice() % 64, dice(), 1u << dice() % 3);
            }
            if (dice() % 10 == 0) {
                out((uint16_t)(PORTS + dice() % 64), dice(), 1u << dice() % 3);
            }
            if (extra) {
                extra();
            }
        }
        get(dice() % 0x2040, 1u << dice() % 3);
    }
    set(0x14, 0, 1);
    ok(get(0x14, 1) == 0, "%s survives noise", device->class->name);
}

#endif
