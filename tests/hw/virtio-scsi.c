/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio SCSI adapter: commands, what does not fit, task management, noise. */
#include "tests/hw/virtio-bench.h"

#include <unistd.h>

#include "block.h"

#define F1 VIRTIO_BIT(32)
enum { REQUEST = 0x9000, ANSWER = 0x9100, DATA = 0xa000, SECTORS = 2048 };
enum { OK = 0, OVERRUN = 1, ABORTED = 2, BAD_TARGET = 3, BAD_UNIT = 12, REJECTED = 11 };

static char path[] = "/tmp/virtio-scsi-test-XXXXXX";
static struct ring control, commands;

static struct block *drive(const char *options)
{
    struct error *err = NULL;
    struct block *block;
    char text[200];

    snprintf(text, sizeof(text), "file=%s,format=raw,if=none,%s", path, options);
    block = block_add_drive(text, &err);
    if (!block) {
        error_exit_with(err);
    }
    return block;
}

static void start(void)
{
    negotiate(F1);
    control = make_ring(0, 16, 0x1000, 0xffff);
    commands = make_ring(2, 16, 0x3000, 0xffff);
    set(0x14, 15, 1);
}

/* Offers a command at descriptors 4 * i; data of `in' or `out' bytes. */
static void put_command(unsigned i, unsigned target, const uint8_t *cdb, uint32_t out,
                        uint32_t in)
{
    uint64_t request = REQUEST + 0x400 * i, answer = ANSWER + 0x400 * i;
    unsigned d = 4 * i;

    for (unsigned n = 0; n < 52; n += 4) {
        poke(request + n, 0, 4);
    }
    poke(request, 1 | target << 8, 2);
    poke(request + 8, 100 + i, 8);
    address_space_write(&bench.memory, request + 19, cdb, 10);
    poke(answer + 8, 0xffffffff, 4);
    put_desc(commands.desc, d, request, 51, NEXT, out ? d + 1 : d + 2);
    put_desc(commands.desc, d + 1, DATA, out, NEXT, d + 2);
    put_desc(commands.desc, d + 2, answer, 108, WRITE | (in ? NEXT : 0), d + 3);
    put_desc(commands.desc, d + 3, DATA, in, WRITE, 0);
    offer(&commands, (uint16_t)d);
}

/* The response of answer i with the target's status above; -1 when it did not come. */
static int result(unsigned i)
{
    block_drain_all();
    return reap(&commands) < 0 ? -1 : (int)(peek(ANSWER + 0x400 * i + 11, 1) |
                                            peek(ANSWER + 0x400 * i + 10, 1) << 8);
}

static int run(unsigned target, const uint8_t *cdb, uint32_t out, uint32_t in)
{
    put_command(0, target, cdb, out, in);
    notify(&commands);
    return result(0);
}

static void check_commands(struct block *block)
{
    static const uint8_t ready[10] = { 0 }, inquiry[10] = { 0x12, 0, 0, 0, 36 };
    static const uint8_t write[10] = { 0x2a, 0, 0, 0, 0, 5, 0, 0, 2 };
    static const uint8_t read[10] = { 0x28, 0, 0, 0, 0, 6, 0, 0, 1 };
    static const uint8_t beyond[10] = { 0x28, 0, 0, 0, 0xff, 0, 0, 0, 1 };
    uint8_t data[1024], back[1024];

    start();
    is_int(get(0x2018, 4), 32, "bytes of a command");
    is_int(run(0, ready, 0, 0), 0x200, "the target was reset");
    is_int(peek(ANSWER, 4), 18, "so it says by its sense data");
    is_int(peek(ANSWER + 12 + 2, 1), 6, "a unit attention");
    is_int(run(0, ready, 0, 0), OK, "then it is ready");
    is_int(run(0, inquiry, 0, 255), OK, "identity");
    is_int(peek(ANSWER + 4, 4), 255 - 36, "shorter than there was room");
    is_int(peek(DATA + 8, 4), 0x554d4551, "its vendor");
    is_int(run(3, ready, 0, 0), BAD_TARGET, "a target that is not there");
    is_int(run(200, ready, 0, 0), BAD_TARGET, "or cannot be");
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 11 + i / 256);
    }
    address_space_write(&bench.memory, DATA, data, sizeof(data));
    is_int(run(0, write, 1024, 0), OK, "a write");
    block_pread(block, 5 * 512, back, sizeof(back));
    ok(memcmp(data, back, sizeof(data)) == 0, "is on the medium");
    is_int(run(0, read, 0, 512), OK, "a read");
    address_space_read(&bench.memory, DATA, back, 512);
    ok(memcmp(data + 512, back, 512) == 0, "brings it back");
    is_int(run(0, beyond, 0, 512), 0x200, "behind the end");
    is_int(peek(ANSWER + 12 + 12, 1), 0x21, "out of range");
    is_int(run(0, read, 0, 100), OVERRUN, "a read without room");
    is_int(run(0, write, 100, 0), OVERRUN, "a write without data");
    is_int(run(0, write, 0, 1024), OVERRUN, "a write with room instead");
    is_int(run(0, ready, 0, 0), OK, "and it goes on");
}

static int task(unsigned subtype, unsigned target, uint64_t tag)
{
    poke(0xb000, 0, 4);
    poke(0xb004, subtype, 4);
    poke(0xb008, 1 | target << 8, 8);
    poke(0xb010, tag, 8);
    poke(0xb100, 0x55, 1);
    put_desc(control.desc, 0, 0xb000, 24, NEXT, 1);
    put_desc(control.desc, 1, 0xb100, 1, WRITE, 0);
    offer(&control, 0);
    notify(&control);
    return reap(&control) < 0 ? -1 : (int)peek(0xb100, 1);
}

static void check_tasks(void)
{
    static const uint8_t read[10] = { 0x28, 0, 0, 0, 0, 6, 0, 0, 1 };

    for (unsigned i = 0; i < 3; i++) {
        put_command(i, 0, read, 0, 512);
    }
    notify(&commands);
    is_int(result(0), OK, "three commands at once");
    is_int(result(1), OK, "the second");
    is_int(result(2), OK, "the third");
    for (unsigned i = 0; i < 3; i++) {
        put_command(i, 0, read, 0, 512);
    }
    notify(&commands);
    is_int(task(6, 0, 102), 10, "the third is known");
    is_int(task(0, 0, 102), OK, "and aborted");
    is_int(peek(ANSWER + 0x800 + 11, 1), ABORTED, "as its answer says");
    is_int(task(5, 0, 0), OK, "a reset of the unit");
    block_drain_all();
    ok(reap(&commands) >= 0 && reap(&commands) >= 0 && reap(&commands) >= 0, "ends all");
    is_int(task(6, 0, 100), OK, "nothing is left");
    is_int(task(5, 9, 0), BAD_TARGET, "no such target");
    is_int(task(99, 0, 0), REJECTED, "no such task");
    run(0, read, 0, 512);                        /* takes the attention of the reset */
    for (unsigned i = 0; i < 3; i++) {
        put_command(i, 0, read, 0, 512);
    }
    notify(&commands);
    set(0x14, 0, 1);
    block_drain_all();
    is_int(reap(&commands), -1, "a reset of the adapter forgets them");
}

static void check_hostile(void)
{
    start();
    put_desc(commands.desc, 0, REQUEST, 50, NEXT, 1);
    put_desc(commands.desc, 1, ANSWER, 108, WRITE, 0);
    offer(&commands, 0);
    notify(&commands);
    ok(get(0x14, 1) & 0x40, "a command that is too short");
    start();
    put_desc(commands.desc, 0, REQUEST, 51, NEXT, 1);
    put_desc(commands.desc, 1, ANSWER, 107, WRITE, 0);
    offer(&commands, 0);
    notify(&commands);
    ok(get(0x14, 1) & 0x40, "an answer that is too short");
    set(0x14, 0, 1);
    set(0x2018, 10, 4);
    is_int(get(0x2018, 4), 32, "commands of 10 bytes are refused");
    set(0x2018, 16, 4);
    is_int(get(0x2018, 4), 16, "of 16 are not");
    set(0x2014, 0xffffffff, 4);
    is_int(get(0x2014, 4), 96, "sense data of 4 GiB is");
}

static void drain(void)
{
    if (dice() % 4 == 0) {
        block_drain_all();
    }
    if (dice() % 4 == 0) {
        poke(0x10000 + dice() % 0x8000, 1 | (dice() % 2) << 8, 2);
    }
}

int main(void)
{
    int fd = mkstemp(path);
    struct block *block;
    struct device *disk;
    struct error *err = NULL;

    if (fd < 0 || ftruncate(fd, SECTORS * 512) != 0) {
        error_exit("cannot make %s", path);
    }
    machine_start();
    block = drive("id=disk");
    plug(device_create("virtio-scsi-pci", NULL));
    disk = device_create("scsi-hd", NULL);
    device_set_pointer(disk, "drive", block);
    if (!device_realize(disk, &err)) {
        error_exit_with(err);
    }
    device_reset(disk);
    check_commands(block);
    check_tasks();
    check_hostile();
    start();
    check_state();
    map_device();
    fuzz(3, 300, 0x100, drain);
    unplug();
    block_close(block);
    unlink(path);
    return tap_done();
}
