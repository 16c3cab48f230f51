/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SCSI targets by their phases, then the LSI53C895A running scripts. */
#include "tests/hw/chip.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/main-loop.h"
#include "block.h"
#include "hw/pci/pci.h"
#include "hw/scsi/scsi.h"

static char path[] = "/tmp/scsi-test-XXXXXX";

static struct block *drive(const char *id, const char *more)
{
    struct error *err = NULL;
    struct block *block;
    char text[160];

    snprintf(text, sizeof(text), "file=%s,format=raw,if=none,id=%s%s", path, id, more);
    block = block_add_drive(text, &err);
    if (!block) {
        error_exit_with(err);
    }
    return block;
}

/* --- targets --------------------------------------------------------------------------------- */

static struct scsi_bus bus;
static unsigned readies;

static void ready(void *opaque, struct scsi_target *t)
{
    readies++;
}

/* Runs a command to its status; data goes to and from `data`. Returns how much moved. */
static unsigned run(struct scsi_target *t, const uint8_t *cdb, unsigned size, uint8_t *data)
{
    unsigned moved = 0;

    scsi_command(t, 0, cdb, size);
    while (t->s.phase != SCSI_STATUS) {
        if (t->s.phase == SCSI_BUSY) {
            main_loop_step(true);
            continue;
        }
        {
            uint32_t part = scsi_size(t);

            if (t->s.phase == SCSI_DATA_IN) {
                memcpy(data + moved, scsi_data(t), part);
            } else {
                memcpy(scsi_data(t), data + moved, part);
            }
            moved += part;
            scsi_move(t, part);
        }
    }
    return moved;
}

#define RUN(t, data, ...) run(t, (const uint8_t[]){ __VA_ARGS__ },                                 \
                              sizeof((const uint8_t[]){ __VA_ARGS__ }), data)

static struct scsi_target *target(const char *class, struct block *block)
{
    struct device *dev = device_create(class, NULL);
    struct error *err = NULL;

    dev->bus = &bus.bus;
    device_set_pointer(dev, "drive", block);
    if (!device_realize(dev, &err)) {
        error_exit_with(err);
    }
    device_reset(dev);
    return (struct scsi_target *)dev;
}

static void check_disk(void)
{
    static uint8_t data[200 * 512], back[200 * 512];
    struct block *block = drive("disk", "");
    struct scsi_target *t = target("scsi-hd", block);

    is_int(t->id, 0, "the first free number");
    RUN(t, data, 0, 0, 0, 0, 0, 0);
    is_int(t->s.status, SCSI_CHECK_CONDITION, "attention after power on");
    is_int(RUN(t, data, 3, 0, 0, 0, 18, 0), 18, "sense data");
    is_int(data[2] << 8 | data[12], 0x0629, "unit attention, reset");
    RUN(t, data, 0, 0, 0, 0, 0, 0);
    is_int(t->s.status, SCSI_GOOD, "then it is ready");
    is_int(RUN(t, data, 0x12, 0, 0, 0, 36, 0), 36, "inquiry");
    ok(memcmp(data + 8, "QEMU    QEMU HARDDISK   2.5+", 28) == 0, "its name");
    is_int(RUN(t, data, 0x12, 0, 0, 0, 5, 0), 5, "cut to the allocation length");
    RUN(t, data, 0x12, 1, 0, 0, 255, 0);
    ok(data[1] == 0 && data[5] == 0x83, "the list of pages");
    is_int(RUN(t, data, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), 8, "capacity");
    is_int(ld32_be(data), 2047, "the last block");
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 3 + i / 512);
    }
    is_int(RUN(t, data, 0x2a, 0, 0, 0, 0, 9, 0, 0, 200, 0), sizeof(data), "200 blocks written");
    is_int(t->s.status, SCSI_GOOD, "well");
    RUN(t, back, 0x28, 0, 0, 0, 0, 9, 0, 0, 200, 0);
    ok(memcmp(data, back, sizeof(data)) == 0, "and read");
    ok(readies > 2, "the host was told of data");
    RUN(t, back, 0x28, 0, 0, 0, 7, 255, 0, 0, 2, 0);
    is_int(t->s.status, SCSI_CHECK_CONDITION, "beyond the end");
    RUN(t, back, 3, 0, 0, 0, 18, 0);
    is_int(back[2] << 8 | back[12], 0x0521, "address out of range");
    memset(data, 0, 512);
    RUN(t, data, 0x41, 0, 0, 0, 0, 10, 0, 0, 2, 0);
    RUN(t, back, 0x28, 0, 0, 0, 0, 9, 0, 0, 4, 0);
    ok(back[512] == 0 && back[1535] == 0 && back[1536] != 0, "WRITE SAME of zeroes");
    is_int(RUN(t, data, 0x1a, 8, 8, 0, 255, 0), 24, "the caching page");
    ok(data[6] & 4, "with a write cache");
    data[6] = 0;
    data[0] = 0;
    RUN(t, data, 0x15, 0x10, 0, 0, 24, 0);
    ok(t->s.status == SCSI_GOOD && !block_write_cache(block), "which can be turned off");
    RUN(t, data, 0xfe, 0, 0, 0, 0, 0);
    RUN(t, data, 3, 0, 0, 0, 18, 0);
    is_int(data[12], 0x20, "no such command");
    scsi_command(t, 0, (const uint8_t[]){ 0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0 }, 10);
    scsi_cancel(t);
    is_int(t->s.phase, SCSI_IDLE, "cancelled");
    device_destroy(&t->dev);
    block_close(block);
}

static void check_cd(void)
{
    struct block *block = drive("cd", ",media=cdrom,readonly=on");
    struct scsi_target *t = target("scsi-cd", block);
    uint8_t data[4096];

    RUN(t, data, 0, 0, 0, 0, 0, 0);
    RUN(t, data, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    is_int(ld32_be(data), 511, "blocks of a CD");
    is_int(ld32_be(data + 4), 2048, "of 2048 bytes");
    is_int(RUN(t, data, 0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0), 20, "the table of contents");
    is_int(data[6] << 8 | data[14], 0x01aa, "a track and the lead-out");
    is_int(ld32_be(data + 16), 512, "which is at the end");
    is_int(RUN(t, data, 0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0), 2048, "a block");
    is_int(RUN(t, data, 0x1e, 0, 0, 0, 1, 0), 0, "locked");
    RUN(t, data, 0x1b, 0, 0, 0, 2, 0);
    is_int(t->s.status, SCSI_CHECK_CONDITION, "so it does not open");
    RUN(t, data, 0x1e, 0, 0, 0, 0, 0);
    RUN(t, data, 0x1b, 0, 0, 0, 2, 0);
    is_int(t->s.status, SCSI_GOOD, "unlocked it does");
    RUN(t, data, 0, 0, 0, 0, 0, 0);
    RUN(t, data, 3, 0, 0, 0, 18, 0);
    is_int(data[12], 0x3a, "no medium");
    device_destroy(&t->dev);
    block_close(block);
}

/* --- the host adapter ------------------------------------------------------------------------ */

#define REGISTERS 0xe0000000ull
enum { DSTAT = 0x0c, ISTAT = 0x14, DSP = 0x2c, DSPS = 0x30, DIEN = 0x39, SIST1 = 0x43 };

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static int intx;

static void set_irq(void *opaque, int n, int level)
{
    if (n == 0) {
        intx = level;
    }
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

static uint32_t reg(unsigned offset, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, REGISTERS + offset, size, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

static void set_reg(unsigned offset, uint32_t value, unsigned size)
{
    address_space_st(&bench.memory, REGISTERS + offset, size, ENDIAN_LITTLE, value);
}

static void words(uint32_t at, const uint32_t *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        address_space_st(&bench.memory, at + 4 * i, 4, ENDIAN_LITTLE, list[i]);
    }
}

static void start_script(uint32_t at)
{
    set_reg(DSP, at, 4);
    for (int i = 0; i < 1000 && !(reg(ISTAT, 1) & 7); i++) {
        main_loop_step(true);
    }
}

static struct device *plug(struct block *block)
{
    struct device *lsi, *disk;
    struct error *err = NULL;

    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    lsi = bench_device("lsi53c895a", "addr", "3", NULL);
    disk = device_create("scsi-hd", NULL);
    disk->bus = bus_find("scsi.0");
    device_set_uint(disk, "scsi-id", 2);
    device_set_pointer(disk, "drive", block);
    if (!device_realize(disk, &err)) {
        error_exit_with(err);
    }
    device_reset_all();
    pci_config_write(&pci, 3 << 3, PCI_BAR0 + 4, REGISTERS, 4);
    pci_config_write(&pci, 3 << 3, PCI_BAR0 + 8, REGISTERS + 0x10000, 4);
    pci_config_write(&pci, 3 << 3, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    return lsi;
}

static void check_lsi(void)
{
    /* Select target 2, identify, READ(6) of block 9, data, status, message. */
    static const uint32_t read_script[] = {
        0x41020000, 0x0000f000,              /* SELECT ATN 2, or jump */
        0x0e000001, 0x00002000,              /* MOVE 1, message out */
        0x0a000006, 0x00002010,              /* MOVE 6, command */
        0x09000200, 0x00003000,              /* MOVE 512, data in */
        0x0b000001, 0x00002020,              /* MOVE 1, status */
        0x0f000001, 0x00002021,              /* MOVE 1, message in */
        0x60000040, 0x00000000,              /* CLEAR ACK */
        0x48000000, 0x00000000,              /* WAIT DISCONNECT */
        0x98080000, 0x00001234,              /* INT */
    };
    static const uint32_t nobody_script[] = {
        0x41050000, 0x0000f000,              /* SELECT ATN 5 */
        0x9e030000, 0x00000001,              /* INT unless message out comes */
    };
    static const uint32_t registers_script[] = {
        0x78345500, 0x00000000,              /* SCRATCHA = 0x55 */
        0x7e340300, 0x00000000,              /* + 3 */
        0x72340000, 0x00000000,              /* to SFBR */
        0x800c0058, 0x00001828,              /* jump if SFBR is 0x58 */
        0x98080000, 0x00000bad,
        0xc0000008, 0x00003000, 0x00003800,  /* memory move */
        0xe0340004, 0x00003810,              /* store SCRATCHA */
        0x98080000, 0x0000600d,
    };
    uint8_t data[512], back[512], *ram = memory_region_host(&bench.ram);
    struct block *block = drive("lsi", "");
    struct device *lsi = plug(block);

    is_int(pci_config_read(&pci, 3 << 3, 0, 4), 0x00121000, "PCI identity");
    set_reg(DIEN, 0x7d, 1);
    for (int i = 0; i < 2; i++) {
        words(0x1000, read_script, ARRAY_LEN(read_script));
        ram[0x2000] = 0xc0;
        memcpy(ram + 0x2010, (const uint8_t[]){ 8, 0, 0, 9, 1, 0 }, 6);
        ram[0x2020] = ram[0x2021] = 0xff;
        block_pread(block, 9 * 512, data, sizeof(data));
        start_script(0x1000);
        if (i == 0) {
            /* The first command meets the unit attention: the data phase does not come. */
            is_int(reg(ISTAT, 1) & 2, 2, "a SCSI interrupt");
            is_int(reg(0x42, 2), 0x80, "phase mismatch");
            is_int(reg(0x24, 4) & 0xffffff, 512, "nothing moved");
            start_script(0x1020);
        }
        is_int(reg(DSPS, 4), 0x1234, "the script reached its end");
        is_int(intx, 1, "with an interrupt");
        is_int(ram[0x2020], i ? SCSI_GOOD : SCSI_CHECK_CONDITION, "status");
        is_int(ram[0x2021], 0, "command complete");
        is_int(reg(DSTAT, 1), 0x84, "a script interrupt");
        is_int(intx, 0, "reading clears it");
    }
    memcpy(back, ram + 0x3000, sizeof(back));
    ok(memcmp(data, back, sizeof(data)) == 0, "the block is in memory");

    words(0x1000, nobody_script, ARRAY_LEN(nobody_script));
    start_script(0x1000);
    is_int(reg(SIST1, 1), 4, "selection timeout");
    is_int(reg(DSP, 4), 0x1010, "behind the instruction that waited");

    words(0x1800, registers_script, ARRAY_LEN(registers_script));
    start_script(0x1800);
    is_int(reg(DSPS, 4), 0x600d, "registers, a comparison, a jump");
    ok(memcmp(ram + 0x3800, data, 8) == 0, "a memory move");
    is_int(ld32_le(ram + 0x3810), 0x58, "a register stored");
    /* Scripts that never end, or are no scripts, must not stop the emulator. */
    words(0x1000, (const uint32_t[]){ 0x80080000, 0x1000 }, 2);
    reg(DSTAT, 1);
    set_reg(DSP, 0x1000, 4);
    ok(!(reg(ISTAT, 1) & 7), "an endless script");
    set_reg(ISTAT, 0x80, 1);
    is_int(reg(DSTAT, 1) & 0x10, 0x10, "is aborted");
    srandom(3);
    for (unsigned n = 0; n < 300; n++) {
        for (uint32_t at = 0x4000; at < 0x5000; at += 4) {
            words(at, (const uint32_t[]){ (uint32_t)random() << 1 ^ (uint32_t)random() }, 1);
        }
        set_reg(DSP, 0x4000, 4);
        set_reg(ISTAT, 0x40, 1);
        set_reg(ISTAT, 0, 1);
    }
    ok(true, "random scripts");
    check_state();
    device_destroy(lsi);
    block_close(block);
}

int main(void)
{
    int fd = mkstemp(path);

    if (fd < 0 || ftruncate(fd, 1 << 20) != 0) {
        error_exit("cannot make %s", path);
    }
    close(fd);
    bench_start();
    big_unlock();
    main_loop_init();
    scsi_bus_init(&bus, "test", NULL, ready, NULL);
    check_disk();
    check_cd();
    bus_fini(&bus.bus);
    check_lsi();
    unlink(path);
    return tap_done();
}
