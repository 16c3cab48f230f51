/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Storage of ARM boards: the PL181 with an SD card, CFI flash, and I2C with a clock. */
#include "tests/hw/chip.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bits.h"
#include "block.h"
#include "hw/block/pflash.h"

static char path[] = "/tmp/cards-test-XXXXXX";

static struct block *drive(const char *id, unsigned size)
{
    struct error *err = NULL;
    struct block *block;
    char text[128];

    if (truncate(path, 0) != 0 || truncate(path, size) != 0) {
        error_exit("cannot make %s", path);
    }
    snprintf(text, sizeof(text), "file=%s,format=raw,if=none,id=%s", path, id);
    block = block_add_drive(text, &err);
    if (!block) {
        error_exit_with(err);
    }
    return block;
}

/* --- SD -------------------------------------------------------------------------------------- */

enum { REPLY = 0x40, LONG = 0x80, ENABLE = 0x400, TIMEOUT = 4, REPLIED = 0x40, SENT = 0x80 };

static uint32_t command(unsigned index, uint32_t argument, unsigned reply)
{
    set(0x38, 0x7ff);
    set(0x08, argument);
    set(0x0c, index | reply | ENABLE);
    return get(0x34) & (TIMEOUT | REPLIED | SENT);
}

static void check_identification(void)
{
    is_int(line(3), 1, "a card is there");
    is_int(command(0, 0, 0), SENT, "no reply to GO_IDLE");
    is_int(command(8, 0x1aa, REPLY), REPLIED, "SEND_IF_COND");
    is_int(get(0x14), 0x1aa, "echoes");
    is_int(command(1, 0, REPLY), TIMEOUT, "a command for other cards");
    command(55, 0, REPLY);
    is_int(get(0x14) & 0x20, 0x20, "the next is an application command");
    is_int(command(41, 0x00ff8000, REPLY), REPLIED, "SD_SEND_OP_COND");
    is_int(get(0x14), 0x80ff8000, "powered up, standard capacity");
    is_int(command(2, 0, REPLY | LONG), REPLIED, "ALL_SEND_CID");
    is_int(get(0x18) >> 8, 0x454d55, "its name");
    is_int(command(3, 0, REPLY), REPLIED, "SEND_RELATIVE_ADDR");
    is_int(get(0x14) >> 16, 0x4567, "its address");
    is_int(command(9, 0x45670000, REPLY | LONG), REPLIED, "SEND_CSD");
    is_int(get(0x14) >> 30, 0, "version 1");
    is_int(command(7, 0x45670000, REPLY), REPLIED, "SELECT_CARD");
    is_int(command(13, 0x45670000, REPLY), REPLIED, "SEND_STATUS");
    is_int(get(0x14) >> 9 & 15, 4, "transfer state");
}

static void check_blocks(struct block *block)
{
    uint8_t data[1024], back[1024];

    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 5 + i / 256);
    }
    set(0x3c, 0x100);
    set(0x28, 1024);
    command(25, 1024, REPLY);
    set(0x2c, 0x91);
    ok(get(0x34) & 0x4000, "the FIFO wants data");
    for (unsigned i = 0; i < sizeof(data); i += 4) {
        set(0x80, ld32_le(data + i));
    }
    is_int(get(0x34) & 0x500, 0x500, "all of it went out");
    is_int(line(0), 1, "which interrupts");
    is_int(command(12, 0, REPLY), REPLIED, "STOP_TRANSMISSION");
    block_pread(block, 1024, back, sizeof(back));
    ok(memcmp(data, back, sizeof(data)) == 0, "two blocks are on the medium");

    set(0x28, 512);
    command(17, 1536, REPLY);
    set(0x2c, 0x93);
    is_int(get(0x34) & 0x228000, 0x228000, "the FIFO is full");
    is_int(get(0x48), 512 / 4 - 16, "so many words are still to come");
    for (unsigned i = 0; i < 512; i += 4) {
        ok(i != 508 || !(get(0x34) & 0x100), "not over before the last word");
        st32_le(back + i, get(0x80));
    }
    ok(memcmp(data + 512, back, 512) == 0, "a block is read");
    is_int(get(0x34) & 0x100, 0x100, "over");
    command(17, 16 << 20, REPLY);
    ok(get(0x14) & 1u << 30, "beyond the end is an address error");
    command(32, 1024, REPLY);
    command(33, 1024, REPLY);
    command(38, 0, REPLY);
    block_pread(block, 1024, back, 512);
    memset(data, 0, 512);
    ok(memcmp(data, back, 512) == 0, "an erased block");
    set(0x28, 8);
    command(55, 0x45670000, REPLY);
    command(51, 0, REPLY);
    set(0x2c, 0x33);
    is_int(get(0x80), 0x2502, "the SCR");
}

static void check_card_change(void)
{
    struct error *err = NULL;
    struct block *block = block_add_drive("if=sd", &err);
    struct device *dev = device_create("pl181", NULL);

    if (!block || truncate(path, 4 << 20) != 0) {
        error_exit("no slot for cards: %s", err ? error_text(err) : path);
    }
    device_set_pointer(dev, "drive", block);
    chip_place(dev);
    is_int(line(3), 0, "an empty slot");
    is_int(command(8, 0x1aa, REPLY), TIMEOUT, "which does not answer");
    ok(block_change_medium(block, path, "raw", &err), "a card comes");
    is_int(line(3), 1, "which the line tells");
    check_identification();
    ok(block_eject_medium(block, false, &err), "it goes");
    is_int(line(3), 0, "as well");
    chip_end();
    block_close(block);
}

static void check_sd(void)
{
    struct block *block = drive("sd", 4 << 20);
    struct device *dev = device_create("pl181", NULL);
    struct error *err = NULL;

    printf("# pl181\n");
    device_set_pointer(dev, "drive", block);
    chip_place(dev);
    check_identification();
    check_blocks(block);
    chip_end();
    block_close(block);
    check_card_change();

    block = drive("odd", 5 << 20 | 512);
    dev = device_create("sd-card", NULL);
    device_set_pointer(dev, "drive", block);
    ok(!device_realize(dev, &err), "no card has an odd size");
    ok(strstr(error_text(err), "qemu-img resize") != NULL, "what helps is said");
    error_free(err);
    device_destroy(dev);
    block_close(block);
}

/* --- flash ----------------------------------------------------------------------------------- */

static void check_flash(void)
{
    struct block *block = drive("flash", 64 * 4096);
    struct device *dev = device_create("cfi.pflash01", NULL);
    struct error *err = NULL;
    uint8_t data[4];

    printf("# cfi.pflash01\n");
    device_set_uint(dev, "num-blocks", 64);
    device_set_uint(dev, "sector-length", 4096);
    device_set_pointer(dev, "drive", block);
    if (!device_realize(dev, &err)) {
        error_exit_with(err);
    }
    memory_region_add(&bench.memory_root, CHIP_BASE, pflash_memory(dev));
    device_reset(dev);
    is_int(get(0), 0, "the drive's contents");
    set(0x55 * 4, 0x98);
    is_int(get(0x10 * 4), 'Q', "the query");
    is_int(get(0x11 * 4), 'R', "  goes on");
    is_int(get(0x27 * 4), 18, "its size");
    is_int(get(0x31 * 4), 'P', "the extended table");
    set(0, 0xff);
    set(0, 0x90);
    is_int(get(0) << 16 | get(4), 0x890018, "its numbers");
    set(0, 0x50);
    set(0, 0x70);
    is_int(get(0), 0, "a cleared status is all zero, as UEFI expects");
    set(0x1000, 0x20);
    set(0x1000, 0xd0);
    is_int(get(0x1000), 0x80, "an erase is over");
    set(0, 0xff);
    is_int(get(0x1000), 0xffffffff, "erased");
    is_int(get(0x0ffc), 0, "but not the block before");
    set(0x1004, 0x40);
    set(0x1004, 0x12345678);
    set(0, 0xff);
    is_int(get(0x1004), 0x12345678, "programmed");
    set(0x1004, 0x40);
    set(0x1004, 0xffff0000);
    set(0, 0xff);
    is_int(get(0x1004), 0x12340000, "programming only clears bits");
    set(0x1010, 0xe8);
    set(0x1010, 1);                          /* two words */
    set(0x1010, 0x11111111);
    set(0x1014, 0x22222222);
    set(0x1010, 0xd0);
    is_int(get(0), 0x80, "a buffered write");
    set(0, 0xff);
    is_int(get(0x1014), 0x22222222, "has arrived");
    block_pread(block, 0x1014, data, 4);
    is_int(ld32_le(data), 0x22222222, "on the drive as well");
    memory_region_remove(pflash_memory(dev));
    device_destroy(dev);
    block_close(block);
}

/* --- I2C ------------------------------------------------------------------------------------- */

static void wires(bool scl, bool sda)
{
    set(sda ? 0 : 4, 2);
    set(scl ? 0 : 4, 1);
}

static void i2c_start(void)
{
    wires(true, true);
    set(4, 2);
    set(4, 1);
}

static bool i2c_put(uint8_t byte)
{
    bool acknowledged;

    for (int bit = 7; bit >= 0; bit--) {
        set(byte >> bit & 1 ? 0 : 4, 2);
        set(0, 1);
        set(4, 1);
    }
    set(0, 2);
    set(0, 1);
    acknowledged = !(get(0) & 2);
    set(4, 1);
    return acknowledged;
}

static uint8_t i2c_get(bool more)
{
    uint8_t byte = 0;

    set(0, 2);
    for (int bit = 0; bit < 8; bit++) {
        set(0, 1);
        byte = (uint8_t)(byte << 1 | (get(0) >> 1 & 1));
        set(4, 1);
    }
    set(more ? 4 : 0, 2);
    set(0, 1);
    set(4, 1);
    return byte;
}

static void i2c_stop(void)
{
    set(4, 2);
    set(0, 1);
    set(0, 2);
}

static void check_i2c(void)
{
    struct device *clock;
    struct error *err = NULL;

    chip_start("versatile_i2c");
    clock = bench_device("ds1338", "address", "0x68", NULL);
    i2c_start();
    ok(!i2c_put(0x50 << 1), "nobody at another address");
    i2c_stop();
    i2c_start();
    ok(i2c_put(0x68 << 1), "the clock answers");
    ok(i2c_put(0), "from register 0");
    ok(i2c_put(0x30) && i2c_put(0x59) && i2c_put(0x23) && i2c_put(1) && i2c_put(0x29) &&
       i2c_put(0x02) && i2c_put(0x24), "the time is set");
    i2c_stop();
    i2c_start();
    i2c_put(0x68 << 1);
    i2c_put(1);
    i2c_start();
    ok(i2c_put(0x68 << 1 | 1), "turned round to reading");
    is_int(i2c_get(true), 0x59, "minutes");
    is_int(i2c_get(true), 0x23, "hours");
    i2c_get(true);
    is_int(i2c_get(true), 0x29, "the leap day");
    is_int(i2c_get(true), 0x02, "February");
    is_int(i2c_get(false), 0x24, "2024");
    i2c_stop();
    i2c_start();
    i2c_put(0x68 << 1);
    i2c_put(0x20);
    i2c_put(0xa5);
    i2c_stop();
    i2c_start();
    i2c_put(0x68 << 1);
    i2c_put(0x20);
    i2c_start();
    i2c_put(0x68 << 1 | 1);
    is_int(i2c_get(false), 0xa5, "memory");
    i2c_stop();
    {
        struct device *second = device_create("ds1338", NULL);

        device_set_uint(second, "address", 0x68);
        ok(!device_realize(second, &err), "an address is given once");
        error_free(err);
        device_destroy(second);
    }
    device_destroy(clock);
    chip_end();
}

int main(void)
{
    int fd = mkstemp(path);

    if (fd < 0) {
        error_exit("cannot make %s", path);
    }
    close(fd);
    bench_start();
    check_sd();
    check_flash();
    check_i2c();
    unlink(path);
    return tap_done();
}
