/* SPDX-License-Identifier: GPL-2.0-or-later */
/* AHCI with a disk and a CD-ROM: registers, commands with and without DMA, queued ones, packets,
 * errors, resets; and drivers that break the rules. */
#include "tests/hw/pci-bench.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/main-loop.h"
#include "block.h"

#define SECTORS 4096
#define SLOT PCI_DEVFN(5, 0)
#define ABAR 0xf0000000u
/* The driver's memory: a command list and a FIS area for two ports, a table for each slot. */
#define LIST(port) (0x10000u + 0x1000 * (port))
#define RECEIVED(port) (0x12000u + 0x1000 * (port))
#define TABLE(slot) (0x20000u + 0x1000 * (slot))
#define DATA 0x40000u
#define MESSAGE 0xf00u

enum { CAP = 0x00, GHC = 0x04, IS = 0x08, PI = 0x0c };
enum {
    CLB = 0x00, FB = 0x08, PXIS = 0x10, IE = 0x14, CMD = 0x18, TFD = 0x20, SIG = 0x24, SSTS = 0x28,
    SCTL = 0x2c, SERR = 0x30, SACT = 0x34, CI = 0x38
};
enum { DHRS = 1, PSS = 2, SDBS = 8, DPS = 0x20, OFS = 1 << 24, TFES = 1 << 30 };

static char path[] = "/tmp/ahci-test-XXXXXX";

/* --- the driver ------------------------------------------------------------------------------ */

static uint32_t get(unsigned port, unsigned reg)
{
    return peek(ABAR + 0x100 + 0x80 * port + reg, 4);
}

static void set(unsigned port, unsigned reg, uint32_t value)
{
    poke(ABAR + 0x100 + 0x80 * port + reg, value, 4);
}

static uint8_t *ram(uint64_t at)
{
    return (uint8_t *)memory_region_host(&bench.ram) + at;
}

static void start(unsigned port)
{
    set(port, CLB, LIST(port));
    set(port, FB, RECEIVED(port));
    set(port, SERR, 0xffffffff);
    set(port, PXIS, 0xffffffff);
    set(port, CMD, 0x11);
}

static void restart(unsigned port)
{
    set(port, CMD, 0x10);
    set(port, PXIS, 0xffffffff);
    set(port, CMD, 0x11);
}

struct piece {
    uint64_t address;
    uint32_t size;
};

/* Puts a command into a slot, with a scatter list of `count' pieces. */
static void prepare(unsigned port, unsigned slot, const uint8_t *fis, const struct piece *pieces,
                    unsigned count)
{
    uint8_t *header = ram(LIST(port) + 32 * slot), *table = ram(TABLE(slot));

    memset(header, 0, 32);
    memset(table, 0, 0x100);
    st32_le(header, 5 | count << 16);
    st64_le(header + 8, TABLE(slot));
    memcpy(table, fis, 20);
    for (unsigned i = 0; i < count; i++) {
        st64_le(table + 0x80 + 16 * i, pieces[i].address);
        st32_le(table + 0x80 + 16 * i + 12, pieces[i].size - 1);
    }
}

/* Until the slot is free or the port has failed. */
static uint32_t wait_slot(unsigned port, unsigned slot)
{
    uint32_t bit = 1u << slot;

    for (int i = 0; i < 2000 && (get(port, CI) | get(port, SACT)) & bit; i++) {
        if (get(port, PXIS) & TFES) {
            break;
        }
        main_loop_step(true);
    }
    return get(port, PXIS);
}

static uint32_t issue(unsigned port, unsigned slot)
{
    set(port, PXIS, 0xffffffff);
    set(port, CI, 1u << slot);
    return wait_slot(port, slot);
}

/* Host to device, with 48-bit address and count. */
static const uint8_t *fis48(uint8_t command, uint64_t lba, uint16_t count)
{
    static uint8_t fis[20];

    memset(fis, 0, sizeof(fis));
    fis[0] = 0x27;
    fis[1] = 0x80;
    fis[2] = command;
    fis[7] = 0x40;
    for (int i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t)(lba >> 8 * i);
        fis[8 + i] = (uint8_t)(lba >> 8 * (i + 3));
    }
    st16_le(fis + 12, count);
    return fis;
}

static const uint8_t *queued(uint8_t command, uint64_t lba, uint16_t count, unsigned tag)
{
    uint8_t *fis = (uint8_t *)fis48(command, lba, (uint16_t)(tag << 3));

    fis[3] = (uint8_t)count;
    fis[11] = (uint8_t)(count >> 8);
    return fis;
}

static uint32_t run(const uint8_t *fis, uint32_t size)
{
    struct piece piece = { DATA, size };

    prepare(0, 0, fis, &piece, size ? 1 : 0);
    return issue(0, 0);
}

static uint32_t run_packet(const uint8_t *packet, bool dma, uint16_t limit, uint32_t size)
{
    struct piece piece = { DATA, size };
    uint8_t *fis = (uint8_t *)fis48(0xa0, (uint64_t)limit << 8, 0);

    fis[3] = dma;
    prepare(1, 0, fis, &piece, size ? 1 : 0);
    ram(LIST(1))[0] |= 0x20;
    memcpy(ram(TABLE(0) + 0x40), packet, 12);
    return issue(1, 0);
}

/* --- what is right --------------------------------------------------------------------------- */

static void check_registers(void)
{
    is_int(config(SLOT, 0, 4), 0x29228086, "identity of ICH9");
    is_int(config(SLOT, 9, 3), 0x010601, "class: SATA, AHCI");
    is_int(peek(ABAR + CAP, 4) & 0x1f, 5, "six ports");
    is_int(peek(ABAR + PI, 4), 0x3f, "all of them");
    is_int(peek(ABAR + GHC, 4) >> 31, 1, "AHCI is enabled");
    is_int(get(0, SIG), 0x101, "a disk's signature");
    is_int(get(1, SIG), 0xeb140101, "a packet device's");
    is_int(get(0, SSTS), 0x123, "its link is up");
    is_int(get(2, SSTS), 0, "that of an empty port is not");
    is_int(get(2, TFD) & 0xff, 0x7f, "nor is there a task file");
    is_int(get(0, TFD) & 0x88, 0, "the disk is ready");
    start(0);
    start(1);
    is_int(peek(RECEIVED(0) + 0x40, 1), 0x34, "the signature came as a FIS");
    is_int(peek(RECEIVED(1) + 0x44, 4) & 0xffff00, 0xeb1400 , "the other, too");
    is_int(get(0, CMD) & 0xc000, 0xc000, "both engines run");
}

static void check_pio(void)
{
    is_int(run(fis48(0xec, 0, 0), 512), PSS, "IDENTIFY ends with a PIO setup");
    is_int(peek(LIST(0) + 4, 4), 512, "bytes moved");
    is_int(peek(RECEIVED(0) + 0x20, 1), 0x5f, "its FIS");
    ok(memcmp(ram(DATA + 54), "EQUMH RADDSI", 12) == 0, "the model");
    is_int(peek(DATA + 152, 2), 0x0106, "SATA capabilities: queues");
    is_int(peek(DATA + 150, 2), 31, "their depth");
    is_int(run(fis48(0x24, 300, 130), 130 * 512), PSS, "READ SECTORS EXT");
    is_int(peek(DATA, 1) << 8 | peek(DATA + 129 * 512, 1), 0x2c00 | 0xad, "in order");
    memset(ram(DATA), 0x5a, 3 * 512);
    is_int(run(fis48(0x34, 40, 3), 3 * 512) & DHRS, DHRS, "WRITE SECTORS EXT");
    memset(ram(DATA), 0, 3 * 512);
    run(fis48(0x24, 41, 2), 1024);
    is_int(peek(DATA, 1) << 8 | peek(DATA + 512, 1), 0x5a5a, "is there");
}

static void check_dma(void)
{
    static const struct piece pieces[3] = { { DATA, 700 }, { DATA + 0x8000, 2 },
                                            { DATA + 0x10000, 322 + 512 } };

    prepare(0, 7, fis48(0x25, 700, 3), pieces, 3);
    st32_le(ram(TABLE(7) + 0x80 + 12), 699 | 1u << 31);
    is_int(issue(0, 7), DHRS | DPS, "READ DMA EXT, and the descriptor that says so");
    is_int(peek(LIST(0) + 7 * 32 + 4, 4), 1536, "bytes moved");
    is_int(peek(DATA, 1) << 16 | peek(DATA + 699, 1) << 8 | peek(DATA + 0x8001, 1), 0xbcbdbd,
           "over three pieces");
    is_int(peek(DATA + 0x10000 + 322, 1), 0xbe, "to the end");
    is_int(peek(RECEIVED(0) + 0x42, 1), 0x50, "status in the FIS");
    is_int(get(0, CMD) >> 8 & 0x1f, 7, "the slot's number");
    memset(ram(DATA), 0x33, 0x58000);
    is_int(run(fis48(0x35, 1000, 640), 640 * 512), DHRS, "WRITE DMA EXT in several parts");
    memset(ram(DATA), 0, 0x58000);
    is_int(run(fis48(0x25, 999, 642), 642 * 512), DHRS, "read back");
    ok(ram(DATA)[511] == (999 & 0xff) && ram(DATA)[512] == 0x33 &&
       ram(DATA)[641 * 512 - 1] == 0x33 &&
       ram(DATA)[641 * 512] == (1640 & 0xff), "what was written");
    is_int(run(fis48(0xea, 0, 0), 0), DHRS, "FLUSH CACHE EXT");
}

static void check_interrupts(void)
{
    unsigned msi = config(SLOT, PCI_CAPABILITY_LIST, 1);

    set(0, IE, DHRS);
    poke(ABAR + IS, 0xffffffff, 4);
    run(fis48(0xea, 0, 0), 0);
    is_int(peek(ABAR + IS, 4), 1, "port 0 in the summary");
    is_int(config(SLOT, 6, 2) & 8, 0, "no interrupt unless enabled");
    poke(ABAR + GHC, 0x80000002, 4);
    is_int(config(SLOT, 6, 2) & 8, 8, "the pin is driven");
    poke(ABAR + IS, 1, 4);
    is_int(config(SLOT, 6, 2) & 8, 8, "and stays while the port's cause does");
    set(0, PXIS, DHRS);
    poke(ABAR + IS, 1, 4);
    is_int(config(SLOT, 6, 2) & 8, 0, "quiet");
    is_int(config(SLOT, msi, 1), 5, "MSI");
    set_config(SLOT, msi + 4, MESSAGE, 4);
    set_config(SLOT, msi + 12, 0x41a5, 2);
    set_config(SLOT, msi + 2, 1, 2);
    poke(MESSAGE, 0, 4);
    run(fis48(0xea, 0, 0), 0);
    is_int(peek(MESSAGE, 4), 0x41a5, "a message");
    is_int(config(SLOT, 6, 2) & 8, 0, "instead of the pin");
    set_config(SLOT, msi + 2, 0, 2);
    poke(ABAR + GHC, 0x80000000, 4);
    set(0, IE, 0);
}

static void check_queue(void)
{
    uint32_t all = 1u << 3 | 1u << 9 | 1u << 31;
    unsigned slots[3] = { 3, 9, 31 };

    for (unsigned i = 0; i < 3; i++) {
        struct piece piece = { DATA + 0x2000 * i, 1024 };

        prepare(0, slots[i], queued(0x60, 100 * i + 5, 2, slots[i]), &piece, 1);
    }
    set(0, PXIS, 0xffffffff);
    set(0, SACT, all);
    set(0, CI, all);
    for (unsigned i = 0; i < 3; i++) {
        wait_slot(0, slots[i]);
    }
    is_int(get(0, SACT) | get(0, CI), 0, "three queued reads are done");
    is_int(get(0, PXIS), SDBS, "told by set device bits");
    is_int(peek(DATA, 1) << 16 | peek(DATA + 0x2000, 1) << 8 | peek(DATA + 0x4200, 1), 0x0569ce,
           "each its own data");
    memset(ram(DATA), 0x44, 1024);
    prepare(0, 2, queued(0x61, 2000, 2, 2), &(struct piece){ DATA, 1024 }, 1);
    set(0, SACT, 4);
    is_int(issue(0, 2), SDBS, "a queued write");
    run(fis48(0x25, 2001, 1), 512);
    is_int(peek(DATA, 1), 0x44, "is on the disk");

    prepare(0, 4, queued(0x60, SECTORS - 1, 2, 4), &(struct piece){ DATA, 1024 }, 1);
    prepare(0, 5, queued(0x60, 1, 2, 5), &(struct piece){ DATA, 1024 }, 1);
    set(0, SACT, 0x30);
    set(0, PXIS, 0xffffffff);
    set(0, CI, 0x10);
    set(0, CI, 0x20);
    is_int(wait_slot(0, 4) & (SDBS | TFES), SDBS | TFES, "one past the end fails");
    is_int(get(0, TFD), 0x1051, "not found");
    is_int(get(0, SACT), 0x30, "and holds up the queue");
    restart(0);
    is_int(get(0, SACT) | get(0, CI), 0, "until the driver stops it");
    is_int(run(fis48(0x2f, 0x10, 1), 512), PSS, "READ LOG EXT");
    is_int(peek(DATA, 1) << 16 | peek(DATA + 2, 2), 0x041051, "names the tag and the error");
}

static void check_errors(void)
{
    uint8_t control[20] = { 0x27 };

    is_int(run(fis48(0x25, SECTORS, 1), 512) & (DHRS | TFES), DHRS | TFES, "past the end");
    is_int(get(0, TFD), 0x1051, "ID not found");
    is_int(get(0, CI), 1, "the command stays");
    set(0, CI, 2);
    is_int(get(0, CI), 3, "others wait");
    restart(0);
    is_int(get(0, CI), 0, "all are forgotten with ST");
    is_int(run(fis48(0xfe, 0, 0), 0) & TFES, TFES, "no such command");
    is_int(get(0, TFD), 0x0451, "aborted");
    restart(0);
    is_int(run(fis48(0x25, 5, 4), 1000) & (TFES | OFS), TFES | OFS, "a scatter list too short");
    restart(0);
    is_int(run(fis48(0xec, 0, 0), 511 & ~1) & (TFES | OFS), TFES | OFS, "without DMA, too");
    restart(0);

    set(0, SCTL, 0x301);
    is_int(get(0, SSTS), 0, "no link while DET is 1");
    is_int(get(0, SIG), 0xffffffff, "nor a signature");
    poke(RECEIVED(0) + 0x40, 0, 1);
    set(0, SCTL, 0x300);
    is_int(get(0, SSTS), 0x123, "COMRESET brings it back");
    is_int(get(0, SERR), 1 << 26, "as an exchange");
    is_int(get(0, PXIS), 1 << 6, "which counts as connected");
    is_int(peek(RECEIVED(0) + 0x40, 1), 0x34, "with a FIS");
    is_int(get(0, TFD), 0x0150, "diagnostics passed");
    set(0, SERR, 0xffffffff);
    is_int(get(0, PXIS), 0, "until it was seen");

    control[15] = 4;
    prepare(0, 0, control, NULL, 0);
    ram(LIST(0))[1] = 5;
    control[15] = 0;
    prepare(0, 1, control, NULL, 0);
    poke(RECEIVED(0) + 0x40, 0, 1);
    issue(0, 0);
    issue(0, 1);
    is_int(get(0, CI), 0, "software reset by two FISes");
    is_int(peek(RECEIVED(0) + 0x40, 1) << 8 | peek(RECEIVED(0) + 0x42, 1), 0x3450, "signature");
    is_int(run(fis48(0x25, 5, 1), 512), DHRS, "and the disk works");
}

static void check_packets(void)
{
    static const uint8_t inquiry[12] = { 0x12, 0, 0, 0, 36 }, bad[12] = { 0xff };
    static const uint8_t read10[12] = { 0x28, 0, 0, 0, 0, 3, 0, 0, 2 };

    is_int(run_packet(inquiry, false, 0xfffe, 64), DHRS | PSS, "INQUIRY without DMA");
    ok(memcmp(ram(DATA + 8), "QEMU    QEMU DVD-ROM", 20) == 0, "vendor and product");
    is_int(peek(LIST(1) + 4, 4), 36, "bytes moved");
    is_int(run_packet(read10, true, 0, 4096), DHRS, "READ with DMA");
    is_int(peek(DATA, 1) << 8 | peek(DATA + 2048, 1), 12 << 8 | 16, "sectors 3 and 4");
    is_int(run_packet(read10, false, 2048, 4096), DHRS | PSS, "in two blocks without");
    is_int(peek(DATA + 2048, 1), 16, "the second");
    is_int(run_packet(bad, true, 0, 0) & TFES, TFES, "no such packet");
    is_int(get(1, TFD) >> 8, 0x50, "illegal request");
    restart(1);
}

/* --- what is wrong --------------------------------------------------------------------------- */

static void check_own_registers(void)
{
    struct piece own = { ABAR + 0x100 + CMD, 512 };

    prepare(0, 0, fis48(0x25, 5, 1), &own, 1);
    ok(issue(0, 0) & DHRS, "a transfer to our own registers comes to an end");
    is_int(get(0, CMD) & 0x11, 0x11, "and changes none");
    set(0, CMD, 0);
    set(0, FB, ABAR + 0x100);
    set(0, CMD, 0x11);
    run(fis48(0x25, 5, 1), 512);
    is_int(get(0, FB), ABAR + 0x100, "nor does a FIS");
    set(0, CMD, 0);
    set(0, CLB, ABAR);
    set(0, CMD, 0x11);
    set(0, CI, 0xffffffff);
    ok(get(0, CI) != 0, "a command list of registers holds no command");
    set(0, CMD, 0);
    start(0);
    is_int(run(fis48(0x25, 5, 1), 512), DHRS, "the port works again");
}

static void check_lists(void)
{
    uint8_t *table;

    prepare(0, 0, fis48(0x25, 0, 0), NULL, 0);
    st16_le(ram(LIST(0) + 2), 0xffff);
    table = ram(TABLE(0) + 0x80);
    for (unsigned i = 0; i < 4096; i++) {        /* entries of two bytes, then other memory */
        st64_le(table + 16 * i, DATA);
        st64_le(table + 16 * i + 8, 1ull << 32);
    }
    set(0, PXIS, 0xffffffff);
    set(0, CI, 1);
    ok(wait_slot(0, 0) & TFES, "65536 sectors of a smaller disk: refused");
    restart(0);
    st16_le(ram(TABLE(0) + 12), 2048);
    set(0, CI, 1);
    ok(wait_slot(0, 0), "thousands of small pieces come to an end");
    restart(0);
    st64_le(ram(LIST(0) + 8), 0xffffffffffffff80ull);
    set(0, CI, 1);
    is_int(get(0, CI), 1, "a table at the end of the addresses is no command");
    restart(0);
    prepare(0, 0, fis48(0x25, 0, 64), &(struct piece){ 0xfffffffffffff000ull, 0x400000 }, 1);
    ok(issue(0, 0) & DHRS, "a piece that runs off the addresses");
    prepare(0, 0, (const uint8_t[20]){ 0x46, 0x80, 0x25 }, NULL, 0);
    set(0, CI, 1);
    is_int(get(0, CI), 1, "an unknown FIS is ignored");
    set(0, CI, 2);
    is_int(get(0, CI), 3, "as is what follows");
    restart(0);
}

static void check_interrupted(void)
{
    uint32_t size = 512 * 512;
    struct piece piece = { DATA, size };

    for (int way = 0; way < 4; way++) {
        prepare(0, 0, fis48(0x25, 0, 512), &piece, 1);
        set(0, CI, 1);
        if (way == 0) {
            set(0, CMD, 0x10);
        } else if (way == 1) {
            set(0, SCTL, 1);
            set(0, SCTL, 0);
        } else if (way == 2) {
            poke(ABAR + GHC, 1, 4);
        } else {
            device_reset_all();
            set_config(SLOT, PCI_BAR0 + 20, ABAR, 4);
            set_config(SLOT, PCI_COMMAND, 6, 2);
        }
        main_loop_step(false);
        ok(get(0, CI) == 0, "a read is cut off (%d)", way);
        set(0, CMD, 8);
        start(0);
        is_int(run(fis48(0x25, 7, 1), 512), DHRS, "and the next one works");
        is_int(peek(DATA, 1), 7, "with its own data");
    }
    start(1);
}

static uint32_t seed = 4711;

static uint32_t dice(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8 ^ seed << 16;
}

static uint64_t random_address(void)
{
    switch (dice() % 10) {
    case 0: return ABAR + dice() % 0x400;
    case 1: return BENCH_RAM - 16 + dice() % 32;
    case 2: return (uint64_t)dice() << 32 | dice();
    case 3: return LIST(dice() % 2) + dice() % 0x3000;
    default: return DATA + dice() % 0x40000;
    }
}

static void random_command(unsigned port, unsigned slot)
{
    static const uint8_t commands[] = { 0xa0, 0xec, 0xa1, 0x24, 0x25, 0x29, 0x34, 0x35, 0x60, 0x61,
                                        0x2f, 0xb0, 0xef, 0x90, 0x08, 0xe7, 0xc8, 0xca, 0x39 };
    static const uint8_t packets[] = { 0x28, 0x12, 0x03, 0x25, 0xbe, 0x43, 0x5a, 0x4a, 0xa8, 0x1b };
    struct piece pieces[4];
    uint8_t fis[20];
    unsigned count = dice() % 5;

    memcpy(fis, queued(commands[dice() % ARRAY_LEN(commands)],
                       dice() % 8 ? dice() % SECTORS : dice(), dice() % 200, slot), sizeof(fis));
    fis[1] = dice() % 20 ? 0x80 : (uint8_t)dice();
    fis[12] = dice() % 3 ? (uint8_t)(dice() % 100) : fis[12];
    fis[15] = dice() % 10 ? 0 : (uint8_t)dice();
    for (unsigned i = 0; i < count; i++) {
        pieces[i] = (struct piece){ random_address(), dice() % 8 ? 1 + dice() % 30000 : dice() };
    }
    prepare(port, slot, fis, pieces, count);
    st16_le(ram(LIST(port) + 32 * slot + 2), (uint16_t)(dice() % 10 ? count : dice()));
    ram(TABLE(slot) + 0x40)[0] = packets[dice() % ARRAY_LEN(packets)];
    st64_be(ram(TABLE(slot) + 0x41), (uint64_t)dice() % 64 << 24 | dice() % 16);
    if (dice() % 20 == 0) {
        st64_le(ram(LIST(port) + 32 * slot + 8), random_address());
    }
}

static void fuzz(void)
{
    for (unsigned round = 0; round < 1500; round++) {
        unsigned port = dice() % 2;

        start(port);
        for (unsigned n = 0; n < 12; n++) {
            unsigned slot = dice() % 32;

            random_command(port, slot);
            if (dice() % 2) {
                set(port, SACT, 1u << slot);
            }
            set(port, CI, dice() % 8 ? 1u << slot : dice());
            if (dice() % 6 == 0) {
                set(port, dice() % 0x20 * 4, dice());
            }
            main_loop_step(false);
            if (dice() % 4 == 0) {
                restart(port);
            }
        }
        if (dice() % 3 == 0) {
            poke(ABAR + GHC, dice(), 4);
        }
        set(port, CMD, 0);
        set(port, SCTL, 1);
        set(port, SCTL, 0);
    }
    poke(ABAR + GHC, 1, 4);
    block_drain_all();
    for (int i = 0; i < 2; i++) {
        set(i, SCTL, 0);
        start(i);
    }
    ok(run(fis48(0xec, 0, 0), 512) == PSS, "the controller survives noise");
}

/* --- the machine ----------------------------------------------------------------------------- */

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

static void add_drive(const char *more)
{
    struct error *err = NULL;
    char text[100];

    snprintf(text, sizeof(text), "file=%s,format=raw,if=none,%s", path, more);
    if (!block_add_drive(text, &err)) {
        error_exit_with(err);
    }
}

static void add_device(const char *bus, const char *drive)
{
    struct error *err = NULL;
    struct device *dev = device_create("ide-drive", &err);

    if (!dev || !device_set(dev, "bus", bus, &err)) {
        error_exit_with(err);
    }
    device_set_pointer(dev, "drive", block_find(drive));
    if (!device_realize(dev, &err)) {
        error_exit_with(err);
    }
}

int main(void)
{
    struct error *err = NULL;

    make_image();
    main_loop_init();
    big_unlock();
    pci_bench_start();
    add_drive("id=disk,snapshot=on");
    add_drive("id=cd,media=cdrom,readonly=on");
    unlink(path);
    bench_device("ahci", "id", "sata", "addr", "5", NULL);
    add_device("sata.0", "disk");
    add_device("sata.1", "cd");
    ok(!device_add_option("ide-cd,bus=sata.0", &err), "a port has one drive: %s",
       err ? error_text(err) : "");
    error_free(err);
    device_reset_all();
    set_config(SLOT, PCI_BAR0 + 20, ABAR, 4);
    set_config(SLOT, PCI_COMMAND, 6, 2);
    check_registers();
    check_pio();
    check_dma();
    check_interrupts();
    check_queue();
    check_errors();
    check_packets();
    check_state();
    set_config(SLOT, PCI_COMMAND, 6, 2);
    check_own_registers();
    check_lists();
    check_interrupted();
    fuzz();
    return tap_done();
}
