/* SPDX-License-Identifier: GPL-2.0-or-later */
/* USB: an OHCI controller's lists in memory, with input devices and a disk behind it. */
#include "tests/hw/chip.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/main-loop.h"
#include "block.h"
#include "console.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb.h"

#define REGISTERS 0xe0000000ull
#define HCCA 0x1000
#define ED 0x2000
#define TD 0x2100
#define BUFFER 0x4000

enum { CONTROL = 0x04, COMMAND = 0x08, STATUS = 0x0c, ENABLE = 0x10, HCCA_REG = 0x18,
       CONTROL_HEAD = 0x20, BULK_HEAD = 0x28, NUMBER = 0x3c, PORT = 0x54 };

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static int intx;
static uint8_t *ram;

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

static uint32_t reg(unsigned offset)
{
    uint64_t value;

    address_space_ld(&bench.memory, REGISTERS + offset, 4, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

static void set_reg(unsigned offset, uint32_t value)
{
    address_space_st(&bench.memory, REGISTERS + offset, 4, ENDIAN_LITTLE, value);
}

static void plug_controller(void)
{
    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    bench_device("pci-ohci", "addr", "4", NULL);
}

static void start_controller(void)
{
    device_reset_all();
    pci_config_write(&pci, 4 << 3, PCI_BAR0, REGISTERS, 4);
    pci_config_write(&pci, 4 << 3, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    set_reg(HCCA_REG, HCCA);
    set_reg(ENABLE, 0x80000002);
    set_reg(CONTROL, 0x80 | 0x3c);
}

/* A frame, and what the host does for the guest meanwhile. */
static void frame(void)
{
    advance(NS_PER_MS, NS_PER_MS);
}

static void put_words(uint32_t at, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        st32_le(ram + at + 4 * i, words[i]);
    }
}

/* Runs a list of transfer descriptors on a list register; returns the first condition code
 * that is not 0; 15: it did not happen. */
static unsigned run_list(unsigned head, uint32_t command, uint32_t flags, unsigned count,
                         unsigned frames)
{
    unsigned code = 0;

    put_words(ED, (const uint32_t[]){ flags, TD + 16 * count, TD, 0 }, 4);
    for (unsigned i = 0; i < count; i++) {
        st32_le(ram + TD + 16 * i + 8, TD + 16 * (i + 1));
    }
    st32_le(ram + HCCA + 0x84, 0);
    set_reg(STATUS, 2);
    set_reg(head, ED);
    set_reg(COMMAND, command);
    for (unsigned i = 0; i < frames && !(reg(STATUS) & 2); i++) {
        main_loop_step(false);
        frame();
        if (i > 10) {
            usleep(200);                     /* the disk's worker needs real time */
        }
    }
    for (unsigned i = 0; i < count && !code; i++) {
        code = ram[TD + 16 * i + 3] >> 4;
    }
    return code;
}

static void put_td(unsigned n, uint32_t flags, uint32_t buffer, uint32_t size)
{
    put_words(TD + 16 * n, (const uint32_t[]){ 0xf0000000 | flags, size ? buffer : 0, 0,
                                               size ? buffer + size - 1 : 0 }, 4);
}

/* A control transfer to an address; data to the host lies at BUFFER + 64. */
static unsigned control(unsigned address, const uint8_t *setup, unsigned length)
{
    bool in = setup[0] & 0x80;
    unsigned n = 0;

    memcpy(ram + BUFFER, setup, 8);
    put_td(n++, 0x02000000, BUFFER, 8);
    if (length) {
        put_td(n++, 0x03040000 | (in ? 2 : 1) << 19, BUFFER + 64, length);
    }
    put_td(n++, 0x03000000 | (in ? 1 : 2) << 19, 0, 0);
    return run_list(CONTROL_HEAD, 2, address | 8 << 16, n, 8);
}

#define SETUP(...) (const uint8_t[8]){ __VA_ARGS__ }

static void check_hub(void)
{
    is_int(reg(0x00), 0x10, "revision");
    is_int(reg(0x48) & 0xff, 3, "three ports");
    is_int(reg(PORT) & 0x10001, 0x10001, "something came to the first");
    is_int(reg(PORT + 8) & 1, 0, "nothing to the third");
    set_reg(PORT, 0x10000);
    set_reg(PORT, 0x10);
    is_int(reg(PORT) & 0x100002, 0x100002, "reset and enabled");
    set_reg(PORT, 0x100000);
    is_int(reg(PORT) & 0x1f0000, 0, "changes acknowledged");
    set_reg(PORT + 8, 0x10);
    is_int(reg(PORT + 8) & 0x10002, 0x10000, "an empty port cannot be reset");
    frame();
    frame();
    ok(reg(NUMBER) >= 2, "frames are counted");
    is_int(ld16_le(ram + HCCA + 0x80), reg(NUMBER), "in memory too");
}

static void check_tablet(void)
{
    is_int(control(0, SETUP(0x80, 6, 0, 1, 0, 0, 18, 0), 18), 0, "the device descriptor");
    is_int(ld32_le(ram + BUFFER + 64 + 8), 0x00010627, "its identity");
    is_int(intx, 1, "done lists interrupt");
    is_int(ld32_le(ram + HCCA + 0x84) & ~1u, TD + 32, "the last descriptor comes first");
    is_int(control(0, SETUP(0, 5, 7, 0, 0, 0, 0, 0), 0), 0, "a new address");
    is_int(control(0, SETUP(0x80, 6, 0, 1, 0, 0, 18, 0), 18), 5, "nobody at the old one");
    is_int(control(7, SETUP(0x80, 6, 3, 3, 9, 4, 255, 0), 255), 0, "a string");
    is_int(ram[BUFFER + 64 + 2], 'Q', "its text");
    is_int(control(7, SETUP(0x80, 6, 10, 3, 9, 4, 255, 0), 255), 0, "the serial number");
    ok(ram[BUFFER + 64] == 2 + 2 * strlen("28754-pci:04.0-1"), "tells the place");
    is_int(control(7, SETUP(0x80, 6, 0, 9, 0, 0, 8, 0), 8), 4, "an unknown descriptor stalls");
    is_int(ld32_le(ram + ED + 8) & 1, 1, "and halts the endpoint");
    is_int(control(7, SETUP(0x80, 6, 0, 9, 0, 0, 0xff, 0xff), 64), 4, "however much is asked for");
    check_state();
    is_int(control(7, SETUP(0, 9, 1, 0, 0, 0, 0, 0), 0), 0, "configured");
    is_int(control(7, SETUP(0x81, 6, 0, 0x22, 0, 0, 128, 0), 128), 0, "the report descriptor");
    is_int(ram[BUFFER + 64], 5, "its first item");

    put_td(0, 0x00040000, BUFFER + 64, 8);
    is_int(run_list(BULK_HEAD, 4, 7 | 1 << 7 | 2 << 11 | 8 << 16, 1, 4), 15, "nothing to report");
    input_pointer_set(0x1234, 0x2345, 0, INPUT_BUTTON_RIGHT);
    is_int(run_list(BULK_HEAD, 4, 7 | 1 << 7 | 2 << 11 | 8 << 16, 1, 4), 0, "a report");
    is_int(ram[BUFFER + 64], 2, "the right button");
    is_int(ld32_le(ram + BUFFER + 65), 0x23451234, "and where");
    is_int(ld32_le(ram + TD + 4), BUFFER + 64 + 6, "short, which rounding allows");
    put_td(0, 0x02000000, BUFFER + 64, 8);
    input_pointer_set(1, 1, 0, 0);
    is_int(run_list(BULK_HEAD, 4, 7 | 1 << 7 | 2 << 11 | 8 << 16, 1, 4), 9, "or is an underrun");
}

static void check_keyboard(void)
{
    set_reg(PORT + 4, 0x10);
    control(0, SETUP(0, 5, 8, 0, 0, 0, 0, 0), 0);
    is_int(control(8, SETUP(0, 9, 1, 0, 0, 0, 0, 0), 0), 0, "a keyboard on port 2");
    input_key(INPUT_KEY_shift, true);
    input_key(INPUT_KEY_a, true);
    put_td(0, 0x00040000, BUFFER + 64, 8);
    is_int(run_list(BULK_HEAD, 4, 8 | 1 << 7 | 2 << 11 | 8 << 16, 1, 4), 0, "keys are reported");
    is_int(ram[BUFFER + 64] << 8 | ram[BUFFER + 66], 0x0204, "shift and A");
    ram[BUFFER + 64] = 2;
    is_int(control(8, SETUP(0x21, 9, 0, 2, 0, 0, 1, 0), 1), 0, "lamps");
    is_int(input_leds(), INPUT_LED_CAPS, "caps lock");
}

static void bulk_out(const void *data, unsigned size)
{
    memcpy(ram + BUFFER, data, size);
    put_td(0, 0x00040000, BUFFER, size);
    is_int(run_list(BULK_HEAD, 4, 9 | 2 << 7 | 1 << 11 | 64 << 16, 1, 200), 0, "bulk out");
}

static unsigned bulk_in(unsigned size)
{
    put_td(0, 0x00040000, BUFFER, size);
    return run_list(BULK_HEAD, 4, 9 | 1 << 7 | 2 << 11 | 64 << 16, 1, 200);
}

static void command(uint32_t size, uint8_t flags, const uint8_t *cdb, unsigned length)
{
    uint8_t cbw[31] = { 'U', 'S', 'B', 'C', 1, 2, 3, 4 };

    st32_le(cbw + 8, size);
    cbw[12] = flags;
    cbw[14] = (uint8_t)length;
    memcpy(cbw + 15, cdb, length);
    bulk_out(cbw, sizeof(cbw));
}

static void check_storage(struct block *block)
{
    static uint8_t data[8192];

    set_reg(PORT + 8, 0x10);
    control(0, SETUP(0, 5, 9, 0, 0, 0, 0, 0), 0);
    is_int(control(9, SETUP(0, 9, 1, 0, 0, 0, 0, 0), 0), 0, "a disk on port 3");
    command(36, 0x80, (const uint8_t[]){ 0x12, 0, 0, 0, 36, 0 }, 6);
    is_int(bulk_in(36), 0, "inquiry");
    ok(memcmp(ram + BUFFER + 8, "QEMU    QEMU HARDDISK", 21) == 0, "its name");
    is_int(bulk_in(13), 0, "the status");
    is_int(ld32_le(ram + BUFFER + 4), 0x04030201, "with the tag");
    command(0, 0, (const uint8_t[]){ 0, 0, 0, 0, 0, 0 }, 6);
    bulk_in(13);
    is_int(ram[BUFFER + 12], 1, "unit attention fails a command");
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    command(8192, 0, (const uint8_t[]){ 0x2a, 0, 0, 0, 0, 3, 0, 0, 16, 0 }, 10);
    bulk_out(data, 4096);
    bulk_out(data + 4096, 4096);
    is_int(bulk_in(13), 0, "written");
    is_int(ram[BUFFER + 12], 0, "well");
    command(4096, 0x80, (const uint8_t[]){ 0x28, 0, 0, 0, 0, 3, 0, 0, 8, 0 }, 10);
    is_int(bulk_in(4096), 0, "and read");
    ok(memcmp(ram + BUFFER, data, 4096) == 0, "the same");
    is_int(bulk_in(13), 0, "with status");
    command(512, 0x80, (const uint8_t[]){ 0x28, 0, 0xff, 0, 0, 0, 0, 0, 1, 0 }, 10);
    is_int(bulk_in(512), 4, "beyond the end it stalls");
    is_int(control(9, SETUP(2, 1, 0, 0, 0x81, 0, 0, 0), 0), 0, "the stall is cleared");
    is_int(bulk_in(13), 0, "then comes the status");
    is_int(ld32_le(ram + BUFFER + 8), 512, "with what is left");
    is_int(ram[BUFFER + 12], 1, "failed");
}

/* Lists of nonsense and circles end every frame. */
static void check_nonsense(void)
{
    srandom(5);
    for (unsigned n = 0; n < 50; n++) {
        for (uint32_t at = 0x2000; at < 0x3000; at += 4) {
            st32_le(ram + at, (uint32_t)random() & (random() & 1 ? 0xffffffff : 0x3ff0));
        }
        set_reg(CONTROL_HEAD, 0x2000 + ((uint32_t)random() & 0xff0));
        set_reg(BULK_HEAD, 0x2000 + ((uint32_t)random() & 0xff0));
        set_reg(COMMAND, 6);
        frame();
        if (reg(STATUS) & 0x10) {
            set_reg(COMMAND, 1);
            set_reg(HCCA_REG, HCCA);
            set_reg(CONTROL, 0x80 | 0x3c);
        }
    }
    ok(true, "random lists");
}

int main(void)
{
    char path[] = "/tmp/usb-test-XXXXXX", text[100];
    struct error *err = NULL;
    struct block *block;
    struct device *disk;
    int fd = mkstemp(path);

    if (fd < 0 || ftruncate(fd, 1 << 20) != 0) {
        error_exit("cannot make %s", path);
    }
    close(fd);
    bench_start();
    big_unlock();
    main_loop_init();
    ram = memory_region_host(&bench.ram);
    plug_controller();
    bench_device("usb-tablet", NULL);
    bench_device("usb-kbd", NULL);
    start_controller();
    check_hub();
    check_tablet();
    check_keyboard();
    snprintf(text, sizeof(text), "file=%s,format=raw,if=none,id=stick", path);
    block = block_add_drive(text, &err);
    if (!block) {
        error_exit_with(err);
    }
    unlink(path);
    disk = device_create("usb-storage", NULL);
    device_set_pointer(disk, "drive", block);
    set_reg(PORT + 8, 0x10000);
    ok(device_realize(disk, &err), "a disk is plugged in");
    device_reset(disk);
    device_reset(device_find("scsi-hd"));
    is_int(reg(PORT + 8) & 0x10001, 0x10001, "which the hub tells");
    check_storage(block);
    check_state();
    set_reg(CONTROL, 0x80 | 0x3c);
    check_nonsense();
    device_destroy(disk);
    is_int(reg(PORT + 8) & 1, 0, "unplugged");
    block_close(block);
    return tap_done();
}
