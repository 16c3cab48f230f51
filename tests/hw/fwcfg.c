/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware configuration by port and by DMA; the debug console port. */
#include "tests/hw/bench.h"

#include "base/bits.h"
#include "hw/nvram/fw_cfg.h"

static struct device *fw;
static int selected, written_at = -1;

static void on_select(void *opaque)
{
    selected++;
}

static void on_written(void *opaque, size_t offset, size_t size)
{
    written_at = offset;
}

static void read_bytes(void *data, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ((uint8_t *)data)[i] = inb(0x511);
    }
}

/* Runs a DMA request at 0x1000; its final control word. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
    uint8_t block[16];

    st32_be(block, control);
    st32_be(block + 4, length);
    st64_be(block + 8, address);
    address_space_write(&bench.memory, 0x1000, block, sizeof(block));
    out(0x514, 0, 4);
    out(0x518, __builtin_bswap32(0x1000), 4);
    address_space_read(&bench.memory, 0x1000, block, 4);
    return ld32_be(block);
}

static void test_ports(void)
{
    uint8_t data[256];
    uint32_t size;

    out(0x510, FW_CFG_SIGNATURE, 2);
    read_bytes(data, 5);
    ok(!memcmp(data, "QEMU\0", 5), "signature, then zeros");
    out(0x510, FW_CFG_ID, 2);
    read_bytes(data, 4);
    is_int(ld32_le(data), 3, "ports and DMA");
    out(0x510, FW_CFG_RAM_SIZE, 2);
    read_bytes(data, 8);
    is_int(ld64_le(data), 1ll << 33, "a number");
    out(0x510, FW_CFG_IRQ0_OVERRIDE, 2);
    is_int(inb(0x511), 1, "an item of the architecture");
    out(0x510, 0x1234, 2);
    is_int(inb(0x511), 0, "no such item");
    out(0x510, FW_CFG_FILE_DIR, 2);
    read_bytes(data, 4 + 3 * 64);
    is_int(ld32_be(data), 3, "three files");
    is_text((char *)data + 4 + 8, "a/first", "sorted by name");
    is_text((char *)data + 4 + 64 + 8, "etc/second", "second");
    size = ld32_be(data + 4 + 64);
    is_int(size, 6, "with sizes");
    out(0x510, ld16_be(data + 4 + 64 + 4), 2);
    read_bytes(data, size);
    ok(!memcmp(data, "second", 6), "and contents");
    is_int(selected, 1, "selecting tells the board");
}

static void test_dma(void)
{
    static char ram[16];
    uint8_t got[20];

    is_int(in(0x514, 4), __builtin_bswap32(0x51454d55), "DMA signature");
    is_int(in(0x518, 4), __builtin_bswap32(0x20434647), "continued");
    is_int(dma(0x0021 << 16 | 8 | 2, 8, 0x2000), 0, "select and read");
    address_space_read(&bench.memory, 0x2000, got, 8);
    ok(!memcmp(got, "second\0\0", 8), "past the end come zeros");
    is_int(dma(0x0020 << 16 | 8 | 4, 2, 0), 0, "select and skip");
    is_int(dma(2, 3, 0x2000), 0, "read on");
    address_space_read(&bench.memory, 0x2000, got, 3);
    ok(!memcmp(got, "rst", 3), "from there");
    is_int(dma(0x0020 << 16 | 8 | 16, 2, 0x2000), 1, "a read-only file refuses writes");
    is_int(dma(0x0021 << 16 | 8 | 2, 8, 1ull << 40), 1, "an absent address is an error");
    fw_cfg_add_file_callback(fw, "z/writable", ram, sizeof(ram), NULL, on_written, NULL);
    is_int(dma(0x0023 << 16 | 8 | 4, 4, 0), 0, "skip");
    is_int(dma(16, 3, 0x2000), 0, "write");
    is_int(written_at, 4, "is reported");
    ok(!memcmp(ram + 4, "rst", 3), "and in place");
    is_int(dma(16, 100, 0x2000), 1, "not past the end");
    device_reset(fw);
    is_int(inb(0x511), 'Q', "a reset selects the signature");
}

int main(void)
{
    bench_start();
    fw = fw_cfg_create(&bench.io_root, &bench.memory, NULL);
    fw_cfg_add_i64(fw, FW_CFG_RAM_SIZE, 1ull << 33);
    fw_cfg_add_i16(fw, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_file(fw, "etc/third", "third", 5);
    fw_cfg_add_file_callback(fw, "etc/second", "second", 6, on_select, NULL, NULL);
    fw_cfg_add_file(fw, "a/first", "first", 5);
    device_reset_all();
    test_ports();
    test_dma();
    return tap_done();
}
