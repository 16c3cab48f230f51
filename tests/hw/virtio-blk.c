/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio disk: every command, what it refuses, errors of the medium, noise. */
#include "tests/hw/virtio-bench.h"

#include <unistd.h>

#include "block.h"

#define F1 VIRTIO_BIT(32)
enum { HEADER = 0x8000, DATA = 0x9000, STATUS = 0x8100, SECTORS = 2048 };
enum { IN, OUT, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };

static char path[] = "/tmp/virtio-blk-test-XXXXXX";
static struct ring ring;
static unsigned drives;

static struct block *drive(const char *options)
{
    struct error *err = NULL;
    struct block *block;
    char text[200];

    snprintf(text, sizeof(text), "file=%s,format=raw,if=none,id=d%u,%s", path, drives++, options);
    block = block_add_drive(text, &err);
    if (!block) {
        error_exit_with(err);
    }
    return block;
}

static void plug_disk(struct block *block)
{
    struct device *dev = device_create("virtio-blk-pci", NULL);

    device_set_pointer(dev, "drive", block);
    device_set(dev, "serial", "number-of-the-disk-is-long", NULL);
    plug(dev);
}

static void start(uint64_t features)
{
    negotiate(F1 | features);
    ring = make_ring(0, 16, 0x2000, 0xffff);
    set(0x14, 15, 1);
}

/* One command; its status, or -1 when it did not come back. */
static int command(unsigned type, uint64_t sector, uint64_t data, uint32_t size)
{
    bool in = type == IN || type == GET_ID;

    poke(HEADER, type, 4);
    poke(HEADER + 8, sector, 8);
    poke(STATUS, 0x55, 1);
    put_desc(ring.desc, 0, HEADER, 16, NEXT, size ? 1 : 2);
    put_desc(ring.desc, 1, data, size, NEXT | (in ? WRITE : 0), 2);
    put_desc(ring.desc, 2, STATUS, 1, WRITE, 0);
    offer(&ring, 0);
    notify(&ring);
    block_drain_all();
    return reap(&ring) < 0 ? -1 : (int)peek(STATUS, 1);
}

static int range_command(unsigned type, uint64_t sector, uint32_t count, uint32_t flags)
{
    poke(DATA, sector, 8);
    poke(DATA + 8, count, 4);
    poke(DATA + 12, flags, 4);
    return command(type, 0, DATA, 16);
}

static void check_config(void)
{
    is_int(get(0x2000, 4), SECTORS, "capacity");
    is_int(get(0x200c, 4), 254, "pieces of a request");
    is_int(get(0x2010, 2), 2, "cylinders");
    is_int(get(0x2012, 1), 16, "heads");
    is_int(get(0x2014, 4), 512, "block size");
    is_int(get(0x2020, 1), 1, "the cache is on");
    is_int(get(0x2024, 4), 0x3fffff, "sectors of a discard");
    is_int(get(0x203c, 4), 0, "nothing behind it");
}

static void check_commands(struct block *block)
{
    uint8_t data[1024], back[1024];

    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    start(VIRTIO_BIT(9));
    address_space_write(&bench.memory, DATA, data, sizeof(data));
    is_int(command(OUT, 5, DATA, 1024), 0, "a write");
    block_pread(block, 5 * 512, back, sizeof(back));
    ok(memcmp(data, back, sizeof(data)) == 0, "is on the medium");
    is_dirty(DATA + 0x1000);
    is_int(command(IN, 6, DATA + 0x1000, 512), 0, "a read");
    ok(is_dirty(DATA + 0x1000), "makes memory dirty");
    address_space_read(&bench.memory, DATA + 0x1000, back, 512);
    ok(memcmp(data + 512, back, 512) == 0, "brings it back");
    is_int(command(FLUSH, 0, 0, 0), 0, "a flush");
    is_int(command(GET_ID, 0, DATA, 20), 0, "the serial number");
    address_space_read(&bench.memory, DATA, back, 20);
    ok(memcmp(back, "number-of-the-disk-is-long", 20) == 0, "cut to 20 bytes");
    is_int(range_command(ZEROES, 5, 1, 0), 0, "zeroes");
    block_pread(block, 5 * 512, back, sizeof(back));
    ok(back[0] == 0 && back[511] == 0 && memcmp(back + 512, data + 512, 512) == 0,
       "only where they were asked for");
    is_int(range_command(ZEROES, 6, 1, 1), 0, "zeroes that may free");
    is_int(range_command(DISCARD, 7, 8, 0), 0, "a discard");
    is_int(command(77, 0, DATA, 512), 2, "an unknown command");
    is_int(range_command(DISCARD, 0, 1, 1), 2, "a discard with flags");
    is_int(range_command(ZEROES, 0, 1, 2), 2, "zeroes with unknown flags");
}

static void check_pieces(struct block *block)
{
    uint8_t back[512];

    block_pwrite(block, 0, "first", 5);
    poke(HEADER, IN, 4);
    poke(HEADER + 8, 0, 8);
    put_desc(ring.desc, 0, HEADER, 7, NEXT, 1);
    put_desc(ring.desc, 1, HEADER + 7, 9, NEXT, 2);
    put_desc(ring.desc, 2, DATA, 3, NEXT | WRITE, 3);
    put_desc(ring.desc, 3, DATA + 0x100, 510, WRITE, 0);
    offer(&ring, 0);
    notify(&ring);
    block_drain_all();
    is_int(reap(&ring), 513, "pieces of any length, as 0.9 has them");
    address_space_read(&bench.memory, DATA, back, 3);
    ok(memcmp(back, "fir", 3) == 0, "the first piece");
    address_space_read(&bench.memory, DATA + 0x100, back, 2);
    ok(memcmp(back, "st", 2) == 0, "the second");
    is_int(peek(DATA + 0x100 + 509, 1), 0, "and the status in its last byte");
}

static void check_refusals(void)
{
    is_int(command(IN, SECTORS, DATA, 512), 1, "behind the end");
    is_int(command(IN, SECTORS - 1, DATA, 1024), 1, "across the end");
    is_int(command(OUT, UINT64_MAX, DATA, 512), 1, "a sector that wraps");
    is_int(command(OUT, UINT64_MAX / 512, DATA, 512), 1, "a byte that wraps");
    is_int(command(IN, 0, DATA, 100), 1, "less than a sector");
    is_int(command(IN, 0, DATA, 0), 0, "nothing at all");
    is_int(range_command(ZEROES, SECTORS - 1, 2, 0), 1, "zeroes across the end");
    is_int(range_command(DISCARD, UINT64_MAX, 2, 0), 1, "a discard that wraps");
    is_int(command(DISCARD, 0, DATA, 8), 1, "half a segment");
    is_int(command(DISCARD, 0, DATA, 32), 1, "two segments");
    put_desc(ring.desc, 0, HEADER, 16, 0, 0);
    offer(&ring, 0);
    notify(&ring);
    ok(get(0x14, 1) & 0x40, "without a place for the status");
    start(0);
    put_desc(ring.desc, 0, HEADER, 15, NEXT, 2);
    offer(&ring, 0);
    notify(&ring);
    ok(get(0x14, 1) & 0x40, "with half a header");
}

static void check_cache(struct block *block)
{
    start(0);
    ok(!block_write_cache(block), "a driver that cannot flush writes through");
    set(0x14, 0, 1);
    ok(block_write_cache(block), "until it goes");
    start(VIRTIO_BIT(9) | VIRTIO_BIT(11));
    set(0x2020, 0, 1);
    ok(!block_write_cache(block) && get(0x2020, 1) == 0, "the driver turns the cache off");
    check_state();
    ok(!block_write_cache(block), "which is saved");
}

/* A reset with requests under way, and a save that waits for them. */
static void check_reset(void)
{
    map_device();
    start(0);
    for (unsigned i = 0; i < 4; i++) {
        put_desc(ring.desc, 3 * i, HEADER, 16, NEXT, 3 * i + 1);
        put_desc(ring.desc, 3 * i + 1, DATA + 512 * i, 512, NEXT | WRITE, 3 * i + 2);
        put_desc(ring.desc, 3 * i + 2, STATUS + i, 1, WRITE, 0);
        poke(HEADER, IN, 4);
        poke(HEADER + 8, 0, 8);
        offer(&ring, (uint16_t)(3 * i));
    }
    notify(&ring);
    set(0x14, 0, 1);
    block_drain_all();
    is_int(reap(&ring), -1, "nothing comes back after a reset");
    start(0);
    is_int(command(IN, 0, DATA, 512), 0, "and it works again");
}

static void drain(void)
{
    if (dice() % 4 == 0) {
        block_drain_all();
    }
}

static void check_readonly(void)
{
    struct block *block = drive("readonly=on");

    plug_disk(block);
    set(0, 0, 4);
    ok(get(4, 4) & 1 << 5, "a drive that cannot be written");
    ok(!(get(4, 4) & 1 << 13), "nor discarded");
    start(0);
    is_int(command(OUT, 0, DATA, 512), 1, "a write fails");
    is_int(range_command(DISCARD, 0, 1, 0), 1, "and a discard");
    is_int(command(IN, 0, DATA, 512), 0, "a read does not");
    unplug();
    block_close(block);
}

static void check_big_blocks(void)
{
    struct block *block = drive("readonly=off");
    struct device *dev = device_create("virtio-blk-pci", NULL);

    device_set_pointer(dev, "drive", block);
    device_set_uint(dev, "logical_block_size", 4096);
    plug(dev);
    start(0);
    is_int(get(0x2014, 4), 4096, "blocks of 4096 bytes");
    is_int(command(IN, 0, DATA, 512), 1, "less is refused");
    is_int(command(IN, 1, DATA, 4096), 1, "and what is not aligned");
    is_int(command(IN, 8, DATA, 4096), 0, "one is read");
    unplug();
    block_close(block);
}

static void check_properties(void)
{
    struct error *err = NULL;
    struct device *dev = device_create("virtio-blk-pci", NULL);

    ok(!device_realize(dev, &err), "no disk without a drive");
    error_free(err);
    err = NULL;
    device_set_pointer(dev, "drive", drive("readonly=off"));
    device_set_uint(dev, "queue-size", 100);
    ok(!device_realize(dev, &err) && strstr(error_text(err), "power of two"),
       "nor with a queue of 100");
    error_free(err);
    device_destroy(dev);
}

int main(void)
{
    int fd = mkstemp(path);
    struct block *block;

    if (fd < 0 || ftruncate(fd, SECTORS * 512) != 0) {
        error_exit("cannot make %s", path);
    }
    machine_start();
    block = drive("discard=unmap");
    plug_disk(block);
    check_config();
    check_commands(block);
    check_pieces(block);
    check_refusals();
    check_cache(block);
    check_reset();
    fuzz(1, 300, 16, drain);
    unplug();
    block_close(block);
    check_readonly();
    check_big_blocks();
    check_properties();
    unlink(path);
    return tap_done();
}
