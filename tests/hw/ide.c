/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ATA disk and an ATAPI drive on the ISA channel: registers, PIO, packets, errors, reset. */
#include "tests/hw/bench.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/main-loop.h"
#include "block.h"
#include "hw/ide/ide.h"

#define SECTORS 2048

static char path[] = "/tmp/ide-test-XXXXXX";

static uint8_t wait_idle(void)
{
    for (int i = 0; i < 1000 && inb(0x3f6) & 0x80; i++) {
        main_loop_step(true);
    }
    return inb(0x1f7);
}

static void command(uint8_t select, uint8_t count, uint32_t lba, uint8_t value)
{
    outb(0x1f6, select | (lba >> 24 & 0xf));
    outb(0x1f2, count);
    outb(0x1f3, lba);
    outb(0x1f4, lba >> 8);
    outb(0x1f5, lba >> 16);
    outb(0x1f7, value);
}

static void read_data(void *data, unsigned size)
{
    for (unsigned i = 0; i < size; i += 2) {
        st16_le((uint8_t *)data + i, in(0x1f0, 2));
    }
}

static void check_identify(void)
{
    uint8_t id[512];

    edges(14);
    command(0xe0, 0, 0, 0xec);
    is_int(wait_idle(), 0x58, "IDENTIFY offers data");
    is_int(edges(14), 1, "with an interrupt");
    read_data(id, sizeof(id));
    is_int(inb(0x1f7), 0x50, "idle after the last word");
    is_int(ld32_le(id + 120), SECTORS, "number of sectors");
    ok(memcmp(id + 54, "EQUMH RADDSI", 12) == 0, "model, bytes swapped");
    ok(memcmp(id + 20, "MQ0000 1", 8) == 0, "serial number");
}

static void check_pio(void)
{
    uint8_t data[512 * 3];

    command(0xe0, 3, 10, 0x20);
    is_int(wait_idle(), 0x58, "READ SECTORS");
    for (int i = 0; i < 3; i++) {
        read_data(data + 512 * i, 512);
    }
    is_int(data[0] << 16 | data[512] << 8 | data[1024], 0x0a0b0c, "three sectors");
    is_int(inb(0x1f3), 13, "the address moves on");

    command(0xe0, 2, 100, 0x30);
    is_int(inb(0x1f7), 0x58, "WRITE SECTORS asks for data at once");
    for (int i = 0; i < 512; i++) {
        out(0x1f0, 0x7700 | i >> 8, 2);
    }
    is_int(wait_idle(), 0x50, "written");
    command(0xe0, 1, 101, 0x20);
    wait_idle();
    read_data(data, 512);
    is_int(ld16_le(data), 0x7701, "and read back");
}

static void check_errors(void)
{
    command(0xe0, 1, SECTORS, 0x20);
    is_int(wait_idle(), 0x51, "past the end");
    is_int(inb(0x1f1), 0x10, "ID not found");
    command(0xe0, 0, 0, 0xfe);
    is_int(wait_idle(), 0x51, "no such command");
    is_int(inb(0x1f1), 0x04, "aborted");
    outb(0x1f6, 0xa0);
    outb(0x1f2, 5);
    outb(0x1f2, 6);
    outb(0x3f6, 0x80);
    is_int(inb(0x1f2), 5, "previous content with HOB");
    outb(0x3f6, 0x02);
    edges(14);
    command(0xe0, 0, 0, 0xec);
    is_int(edges(14), 0, "nIEN holds the interrupt back");
    outb(0x3f6, 0x06);
    is_int(inb(0x3f6) & 0x80, 0x80, "busy in reset");
    outb(0x3f6, 0);
    is_int(inb(0x1f4) | inb(0x1f5) << 8 | inb(0x1f2) << 16, 0x010000, "disk signature");
    outb(0x1f6, 0xb0);
    is_int(inb(0x1f4) | inb(0x1f5) << 8, 0xeb14, "packet device signature");
}

static uint8_t packet(const uint8_t *bytes, uint16_t limit)
{
    outb(0x1f6, 0xb0);
    outb(0x1f1, 0);
    outb(0x1f4, limit);
    outb(0x1f5, limit >> 8);
    outb(0x1f7, 0xa0);
    for (int i = 0; i < 12; i += 2) {
        out(0x1f0, ld16_le(bytes + i), 2);
    }
    return wait_idle();
}

static void check_packets(void)
{
    static const uint8_t inquiry[12] = { 0x12, 0, 0, 0, 36 }, sense[12] = { 0x03, 0, 0, 0, 18 };
    static const uint8_t bad[12] = { 0xff }, capacity[12] = { 0x25 };
    static const uint8_t read10[12] = { 0x28, 0, 0, 0, 0, 3, 0, 0, 2 };
    uint8_t data[4096];

    is_int(packet(inquiry, 0xfffe) & 0x09, 0x08, "INQUIRY");
    is_int(inb(0x1f4) | inb(0x1f5) << 8, 36, "byte count");
    read_data(data, 36);
    ok(memcmp(data + 8, "QEMU    QEMU DVD-ROM", 20) == 0, "vendor and product");
    is_int(packet(bad, 100) & 0x01, 1, "an unknown packet fails");
    is_int(inb(0x1f1), 0x50, "sense key in the error register");
    packet(sense, 0xfffe);
    read_data(data, 18);
    is_int(data[2] << 8 | data[12], 0x0520, "REQUEST SENSE tells why");
    packet(capacity, 8);
    read_data(data, 8);
    is_int(ld32_be(data), SECTORS / 4 - 1, "last sector");
    packet(read10, 2048);
    is_int(inb(0x1f4) | inb(0x1f5) << 8, 2048, "first block of two");
    read_data(data, 2048);
    is_int(wait_idle() & 0x08, 0x08, "second block");
    read_data(data + 2048, 2048);
    is_int(data[0] << 8 | data[2048], 12 << 8 | 16, "sectors 3 and 4");
    is_int(inb(0x1f7) & 0x09, 0, "done");
    is_int(inb(0x1f2) & 3, 3, "interrupt reason");
}

static void make_image(void)
{
    uint8_t sector[512];
    int fd = mkstemp(path);

    for (int i = 0; i < SECTORS; i++) {
        memset(sector, i, sizeof(sector));
        if (write(fd, sector, sizeof(sector)) != sizeof(sector)) {
            abort();
        }
    }
    close(fd);
}

int main(void)
{
    struct error *err = NULL;
    char text[100];
    struct device *ide;

    make_image();
    bench_start();
    big_unlock();
    main_loop_init();
    snprintf(text, sizeof(text), "file=%s,format=raw,if=ide,index=1,media=cdrom,readonly=on", path);
    if (!block_add_drive(text, &err)) {
        error_exit_with(err);
    }
    snprintf(text, sizeof(text), "file=%s,format=raw,if=ide,index=0,snapshot=on", path);
    if (!block_add_drive(text, &err)) {
        error_exit_with(err);
    }
    ide = bench_device("isa-ide", NULL);
    if (!ide_create_drives(isa_ide_channel(ide), &err)) {
        error_exit_with(err);
    }
    unlink(path);
    device_reset_all();
    check_identify();
    check_pio();
    check_errors();
    check_packets();
    return tap_done();
}
