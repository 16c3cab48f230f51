/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards: frames in and out, and registers that a hostile guest fills at random. */
#include "tests/hw/pci-bench.h"

#include "base/bits.h"
#include "net/port.h"

static struct net_port *wire;
static unsigned sent;
static uint8_t last[NET_FRAME_MAX];
static size_t last_size;

static void capture(void *opaque, const uint8_t *frame, size_t size)
{
    sent++;
    last_size = size;
    memcpy(last, frame, size);
}

static void put(uint64_t at, const void *data, size_t size)
{
    address_space_write(&bench.memory, at, data, size);
}

static void reg(uint32_t offset, uint32_t value)
{
    address_space_st(&bench.memory, 0xf0000000u + offset, 4, ENDIAN_LITTLE, value);
}

static uint32_t get_reg(uint32_t offset)
{
    uint64_t value;

    address_space_ld(&bench.memory, 0xf0000000u + offset, 4, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

static bool has_memory(const char *model)
{
    return strcmp(model, "e1000") == 0 || strncmp(model, "i82", 3) == 0;
}

static struct device *plug(const char *model)
{
    static const struct net_handlers handlers = { .receive = capture };
    struct device *dev = device_create(model, NULL);
    struct error *err = NULL;

    wire = net_port_create("wire", NULL, &handlers, NULL, NULL);
    device_set_pointer(dev, "netdev", wire);
    if (strcmp(dev->class->bus, "pci") == 0) {
        device_set(dev, "addr", "5", NULL);
        device_set(dev, "rombar", "off", NULL);
    }
    if (!device_realize(dev, &err)) {
        error_exit_with(err);
    }
    device_reset(dev);
    /* Intel's have memory at their first BAR, the others have ports. */
    set_config(PCI_DEVFN(5, 0), PCI_BAR0, has_memory(model) ? 0xf0000000 : 0xc000, 4);
    set_config(PCI_DEVFN(5, 0), PCI_COMMAND, 7, 2);
    return dev;
}

static void unplug(struct device *dev)
{
    device_destroy(dev);
    net_port_destroy(wire);
}

static void check_e1000(void)
{
    struct device *dev = plug("e1000");
    uint8_t frame[100] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54 }, d[16] = { 0 };

    is_int(get_reg(0x5400), 0x12005452, "the address is in the first filter");
    put(0x2000, frame, 100);
    st64_le(d, 0x2000);
    st16_le(d + 8, 100);
    d[11] = 0x09;
    put(0x1000, d, 16);
    reg(0x3800, 0x1000);
    reg(0x3808, 128);
    reg(0x400, 2);
    reg(0x3818, 1);
    is_int(sent, 1, "one frame leaves");
    is_int(last_size, 100, "of its size");
    address_space_read(&bench.memory, 0x1000, d, 16);
    is_int(d[12] & 1, 1, "the descriptor is done");
    is_int(get_reg(0xc0) & 3, 3, "and the cause is set");
    is_int(get_reg(0xc0), 0, "until it is read");

    memset(d, 0, 16);
    st64_le(d, 0x4000);
    put(0x3000, d, 16);
    reg(0x2800, 0x3000);
    reg(0x2808, 128);
    reg(0x100, 0x8002);
    net_send(wire, frame, 42);
    is_int(get_reg(0xc0), 0, "no room, no frame");
    reg(0x2818, 1);
    address_space_read(&bench.memory, 0x3000, d, 16);
    is_int(d[12] & 3, 3, "it comes when there is a buffer");
    is_int(ld16_le(d + 8), 64, "padded, with its check sequence");
    unplug(dev);
}

static void check_ne2000(void)
{
    struct device *dev = plug("ne2k_isa");

    outb(0x300, 0x22);
    outb(0x30e, 0x48);
    outb(0x308, 0);
    outb(0x309, 0x40);
    outb(0x30a, 60);
    outb(0x30b, 0);
    outb(0x300, 0x12);
    for (int i = 0; i < 60; i++) {
        outb(0x310, (uint8_t)i);
    }
    is_int(inb(0x307) & 0x40, 0x40, "remote DMA is complete");
    outb(0x304, 0x40);
    outb(0x305, 60);
    outb(0x306, 0);
    outb(0x300, 0x26);
    is_int(last_size, 60, "NE2000 sends");
    is_int(last[59], 59, "what was written");
    unplug(dev);
}

/* --- Intel 8255x ----------------------------------------------------------------------------- */

static void reg_size(uint32_t offset, uint32_t value, unsigned size)
{
    address_space_st(&bench.memory, 0xf0000000u + offset, size, ENDIAN_LITTLE, value);
}

/* Pointer and command byte. */
static void scb(uint8_t command, uint32_t pointer)
{
    reg(4, pointer);
    reg_size(2, command, 1);
}

static uint32_t word_at(uint32_t at)
{
    uint8_t b[4];

    address_space_read(&bench.memory, at, b, 4);
    return ld32_le(b);
}

static void put_words(uint32_t at, const uint32_t *words, unsigned n)
{
    uint8_t b[4];

    for (unsigned i = 0; i < n; i++) {
        st32_le(b, words[i]);
        put(at + 4 * i, b, 4);
    }
}

/* Bits to the chip, first the highest; what comes out at the same time. */
static uint32_t eeprom_bits(uint32_t bits, unsigned n)
{
    uint32_t got = 0;

    while (n--) {
        uint8_t lines = (uint8_t)(2 | (bits >> n & 1) << 2);

        reg_size(0x0e, lines, 1);
        reg_size(0x0e, lines | 1, 1);
        got = got << 1 | (get_reg(0x0c) >> 19 & 1);
    }
    return got;
}

static uint16_t eeprom_word(unsigned n)
{
    uint16_t word;

    reg_size(0x0e, 0, 1);
    eeprom_bits(6 << 6 | n, 9);
    word = (uint16_t)eeprom_bits(0, 16);
    reg_size(0x0e, 0, 1);
    return word;
}

static uint16_t mdi_read(unsigned phy, unsigned n)
{
    reg(0x10, 2u << 26 | phy << 21 | n << 16);
    return (uint16_t)get_reg(0x10);
}

static void check_8255x_chips(void)
{
    uint16_t sum = 0;

    is_int(get_reg(0x0c) >> 19 & 1, 1, "the EEPROM's output is high when it rests");
    for (unsigned n = 0; n < 64; n++) {
        sum = (uint16_t)(sum + eeprom_word(n));
    }
    is_int(sum, 0xbaba, "the words of the EEPROM add up");
    is_int(eeprom_word(0), 0x5452, "and begin with the address");
    is_int(mdi_read(1, 2), 0x02a8, "the PHY is an 82555");
    is_int(mdi_read(1, 1) & 4, 4, "that has a link");
    is_int(mdi_read(2, 2), 0xffff, "and is the only one");
    reg(0x10, 1u << 26 | 1u << 21 | 8u << 16 | 0x1234);
    is_int(mdi_read(1, 8), 0x1234, "its registers can be written");
    put_words(0x5000, (uint32_t[]){ 0, 0xffffffff }, 2);
    reg(8, 0x5001);
    is_int(word_at(0x5004), 0, "the self-test is passed");
    ok(word_at(0x5000) != 0, "and signed");
}

/* Commands in the order of a driver: configure, address, multicast, transmit with `tbds`. */
static void check_8255x_commands(bool extended)
{
    const uint32_t transmit = 0x2000c;
    uint8_t frame[60] = { 2, 0, 0, 0, 0, 1 }, config[24] = { 22, [6] = 0x32, [10] = 0x2e };

    config[6] = extended ? 0x20 : 0x32;
    for (unsigned i = 6; i < 60; i++) {
        frame[i] = (uint8_t)i;
    }
    scb(0x60, 0x1000);
    put_words(0x1100, (uint32_t[]){ 2u << 16, 0x200 }, 2);
    put(0x1108, config, sizeof(config));
    put_words(0x1200, (uint32_t[]){ 1u << 16, 0x300, 0x00000002, 0x0009 }, 4);
    put_words(0x1300, (uint32_t[]){ 0x80030000u, 0, 0x00010006, 0x0302005e }, 4);
    scb(0x10, 0x100);
    is_int(word_at(0x1100) & 0xa000, 0xa000, "Configure is complete");
    is_int(word_at(0x1300) & 0xa000, 0xa000, "as is Multicast Setup after it");
    is_int(get_reg(0) & 0xc0, 0, "the list's end is idleness");
    is_int(get_reg(0) >> 8 & 0xff, 0x20, "of which it tells");
    reg_size(1, 0x20, 1);
    is_int(get_reg(0) >> 8 & 0xff, 0, "until that is acknowledged");

    put(0x2000, frame, 60);
    put_words(0x1400, (uint32_t[]){ 0x60000000 | (transmit << 16 & 0xffff0000), 0x500,
              extended ? 0x1480 : 0x1410, 0x03000000, 0x2000, 20, 0x2014, 20 }, 8);
    put_words(extended ? 0x1480 : 0x1420, (uint32_t[]){ 0x2028, 20 }, 2);
    sent = 0;
    scb(0x10, 0x400);
    is_int(sent, 1, "a frame of three pieces leaves");
    ok(last_size == 60 && memcmp(last, frame, 60) == 0, "as one");
    is_int(get_reg(0) & 0xc0, 0x40, "the unit is suspended");
    is_int(get_reg(0) >> 8 & 0xff, 0xa0, "the interrupts of that");
    put_words(0x1500, (uint32_t[]){ 0x80040000u, 0, 0xffffffff, 60 }, 4);
    put(0x1510, frame, 60);
    scb(0x20, 0);
    is_int(sent, 2, "on with a frame in its block");
    put_words(0x1600, (uint32_t[]){ 0, 0x600 }, 2);
    scb(0x10, 0x600);
    is_int(get_reg(0) & 0xc0, 0, "a ring of nothing comes to an end");
    reg_size(1, 0xff, 1);
}

static void check_8255x_frames(unsigned statistics)
{
    uint8_t frame[100] = { 2, 0, 0, 0, 9, 0 };

    scb(0x06, 0x3000);
    put_words(0x3000, (uint32_t[]){ 0, 0x800, 0, 1500u << 16 }, 4);
    put_words(0x3800, (uint32_t[]){ 0x80000000u, 0, 0, 40u << 16 }, 4);
    scb(0x01, 0);
    is_int(get_reg(0) & 0x3c, 0x10, "the receive unit is ready");
    frame[5] = 1;
    net_send(wire, frame, 100);
    is_int(word_at(0x3000), 0, "a frame for others is not taken");
    frame[5] = 0;
    net_send(wire, frame, 42);
    is_int(word_at(0x3000) & 0xffff, 0xa000, "one that is ours is");
    is_int(word_at(0x300c) & 0xffff, 0xc000 | 60, "padded");
    is_int(get_reg(0) >> 8 & 0xff, 0x40, "an interrupt");
    memcpy(frame, (uint8_t[]){ 1, 0, 0x5e, 0, 2, 3 }, 6);
    net_send(wire, frame, 100);
    is_int(word_at(0x3800) & 0xa200, 0x8200, "one of its group is too long for the next");
    is_int(word_at(0x380c) & 0xffff, 0xc000 | 40, "and cut");
    is_int(get_reg(0) & 0x3c, 0x08, "no resources after the last");
    is_int(get_reg(0) >> 8 & 0xff, 0x50, "which is told");
    net_send(wire, frame, 100);
    put_words(0x3000, (uint32_t[]){ 0, 0x800, 0, 1500u << 16 }, 4);
    scb(0x01, 0);
    is_int(word_at(0x300c) & 0xffff, 0xc000 | 100, "the next waited for room");
    put_words(0x3800, (uint32_t[]){ 0x80000000u, 0, 0, 0 }, 4);
    net_send(wire, frame, 100);
    is_int(word_at(0x3800), 0x80000000u, "an RFD without room is left alone");
    put_words(0x6000 + statistics, (uint32_t[]){ 0 }, 1);
    scb(0x40, 0x6000);
    scb(0x70, 0);
    is_int(word_at(0x6000), 2, "two frames out");
    is_int(word_at(0x6024), 2, "two in");
    is_int(word_at(0x6000 + statistics), 0xa007, "the dump ends with its mark");
    scb(0x50, 0);
    is_int(word_at(0x6000), 0, "and reset the counters");
    reg_size(3, 0x02, 1);
    ok(get_reg(0) >> 8 & 0x04, "a software interrupt");
}

static void check_8255x(const char *model, bool extended)
{
    struct device *dev = plug(model);

    printf("# %s\n", model);
    check_8255x_chips();
    check_8255x_commands(extended);
    check_8255x_frames(64);
    unplug(dev);
}

/* --- noise ----------------------------------------------------------------------------------- */

static uint32_t seed = 12345;

static uint32_t dice(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8 ^ seed << 16;
}

/* Registers, descriptors and frames at random: nothing may go wrong but the guest. */
static void fuzz(const char *model, bool is_pci)
{
    struct device *dev = plug(model);
    static uint8_t noise[NET_FRAME_MAX];

    for (unsigned n = 0; n < 20000; n++) {
        uint32_t value = dice() % 4 ? dice() & 0x7ffff : dice();
        unsigned size = 1u << dice() % 3;

        if (n % 500 == 0) {
            for (size_t i = 0; i < sizeof(noise); i++) {
                noise[i] = (uint8_t)dice();
            }
            put(dice() % 0x80000, noise, 0x8000);
        }
        if (n % 7 == 0) {
            net_send(wire, noise, dice() % 20 ? 14 + dice() % 1500 : dice() % NET_FRAME_MAX);
        } else if (!is_pci) {
            out((uint16_t)(0x300 + dice() % 32), value, size);
            in((uint16_t)(0x300 + dice() % 24), size);
        } else if (strcmp(model, "e1000") == 0) {
            static const uint16_t bases[] = { 0, 0xc0, 0x100, 0x400, 0x2800, 0x3800, 0x5400 };
            reg(bases[dice() % 7] + dice() % 16 * 4, value);
        } else if (has_memory(model)) {
            reg_size(dice() % 68, value, size);
            get_reg(dice() % 68);
        } else {
            out((uint16_t)(0xc000 + dice() % 256), value, size);
            in((uint16_t)(0xc000 + dice() % 256), size);
        }
    }
    ok(true, "%s survives noise", model);
    unplug(dev);
}

int main(void)
{
    pci_bench_start();
    check_e1000();
    check_ne2000();
    check_8255x("i82551", true);
    check_8255x("i82557b", false);
    fuzz("e1000", true);
    fuzz("ne2k_isa", false);
    fuzz("ne2k_pci", true);
    fuzz("rtl8139", true);
    fuzz("pcnet", true);
    fuzz("i82551", true);
    fuzz("i82557b", true);
    return tap_done();
}
