/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floppy controller: reset, seek, reads and writes by DMA, identification, the change line. */
#include "tests/hw/bench.h"

#include <unistd.h>

#include "base/main-loop.h"
#include "block.h"
#include "hw/block/fdc.h"

static char path[] = "/tmp/floppy-test-XXXXXX";

static void send(const uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        outb(0x3f5, bytes[i]);
    }
}

#define SEND(...)                                                                                  \
    do {                                                                                           \
        static const uint8_t bytes_[] = { __VA_ARGS__ };                                           \
        send(bytes_, sizeof(bytes_));                                                              \
    } while (0)

static unsigned results(uint8_t *to)
{
    unsigned count = 0;

    while ((inb(0x3f4) & 0xd0) == 0xd0 && count < 16) {
        to[count++] = inb(0x3f5);
    }
    return count;
}

/* Channel 2, `size` bytes at 0x2000; mode 0x46 is into memory, 0x4a out of it. */
static void set_dma(uint8_t mode, unsigned size)
{
    outb(0x0a, 6);
    outb(0x0c, 0);
    outb(0x0b, mode);
    outb(0x04, 0x00);
    outb(0x04, 0x20);
    outb(0x81, 0);
    outb(0x05, size - 1);
    outb(0x05, (size - 1) >> 8);
    outb(0x0a, 2);
}

static uint8_t memory(unsigned at)
{
    uint8_t value;
    address_space_read(&bench.memory, 0x2000 + at, &value, 1);
    return value;
}

static void check_reset(void)
{
    uint8_t r[16];

    outb(0x3f2, 0x08);
    edges(6);
    outb(0x3f2, 0x1c);
    is_int(edges(6), 1, "the end of reset interrupts");
    for (int n = 0; n < 4; n++) {
        SEND(0x08);
        is_int(results(r), 2, "SENSE INTERRUPT STATUS");
        is_int(r[0], 0xc0 | n, "polling of each drive");
    }
    SEND(0x08);
    is_int(results(r) << 8 | r[0], 1 << 8 | 0x80, "then it is an invalid command");
    SEND(0x10);
    is_int(results(r) << 8 | r[0], 1 << 8 | 0x90, "VERSION");
    SEND(0x18);
    is_int(results(r) << 8 | r[0], 1 << 8 | 0x41, "PART ID");
    outb(0x3f7, 0);
    is_int(inb(0x3f7) & 0x80, 0x80, "the change line is up");
    SEND(0x03, 0xaf, 0x02);
    SEND(0x0f, 0, 1);
    SEND(0x08);
    results(r);
    is_int(r[0] << 8 | r[1], 0x2001, "SEEK to cylinder 1");
    is_int(inb(0x3f7) & 0x80, 0, "a seek clears the change line");
}

static void check_transfers(void)
{
    uint8_t r[16];

    set_dma(0x46, 1024);
    edges(6);
    SEND(0xe6, 0, 1, 0, 18, 2, 18, 0x1b, 0xff);
    is_int(edges(6), 1, "READ DATA interrupts");
    is_int(results(r), 7, "seven results");
    is_int(r[0] << 16 | r[1] << 8 | r[2], 0x040000, "no error");
    is_int(r[3] << 16 | r[4] << 8 | r[5], 1 << 16 | 1 << 8 | 2, "next sector, other head");
    is_int(memory(0) << 8 | memory(512), 53 << 8 | 54, "sectors 53 and 54 came");

    set_dma(0x4a, 512);
    SEND(0xc5, 0, 1, 0, 1, 2, 18, 0x1b, 0xff);
    results(r);
    is_int(r[0], 0, "WRITE DATA");
    set_dma(0x46, 512);
    SEND(0xe6, 0, 1, 0, 1, 2, 18, 0x1b, 0xff);
    results(r);
    is_int(memory(0), 53, "what was in memory is on the disk");

    SEND(0xe6, 0, 2, 0, 1, 2, 18, 0x1b, 0xff);
    is_int(results(r), 7, "the wrong cylinder");
    is_int(r[0] << 8 | r[1], 0x4004, "is not found");
    SEND(0xe6, 1, 0, 0, 1, 2, 18, 0x1b, 0xff);
    results(r);
    is_int(r[0] & 0xc0, 0x40, "no drive B");
    outb(0x3f7, 2);
    SEND(0x4a, 0);
    results(r);
    is_int(r[0] & 0xc0, 0x40, "nothing is readable at the wrong data rate");
    outb(0x3f7, 0);
    SEND(0x4a, 0);
    results(r);
    is_int(r[0] & 0xc0, 0, "READ ID at the right one");
}

int main(void)
{
    struct error *err = NULL;
    uint8_t sector[512];
    char text[100];
    struct device *fdc;
    int fd = mkstemp(path);

    for (int i = 0; i < 2880; i++) {
        memset(sector, i, sizeof(sector));
        if (write(fd, sector, sizeof(sector)) != sizeof(sector)) {
            abort();
        }
    }
    close(fd);
    bench_start();
    big_unlock();
    main_loop_init();
    snprintf(text, sizeof(text), "file=%s,format=raw,if=floppy,index=0,snapshot=on", path);
    if (!block_add_drive(text, &err)) {
        error_exit_with(err);
    }
    unlink(path);
    bench_device("i8257", NULL);
    fdc = device_create("isa-fdc", &err);
    device_set_pointer(fdc, "driveA", block_find_drive(BLOCK_IF_FLOPPY, 0, 0));
    if (!device_realize(fdc, &err)) {
        error_exit_with(err);
    }
    device_reset_all();
    outb(0xd6, 0xc0);
    outb(0xd4, 0x00);
    is_int(fdc_cmos_type(0), 4, "a 1.44 MB drive");
    is_int(fdc_cmos_type(1), 0, "and no other");
    check_reset();
    check_transfers();
    return tap_done();
}
