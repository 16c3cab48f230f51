/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards: frames in and out, and registers that a hostile guest fills at random. */
#include "tests/hw/bench.h"

#include "base/bits.h"
#include "hw/pci/i440fx.h"
#include "net/port.h"

static struct memory_region pci_space, smm_root;
static struct i440fx_memory memory;
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

static void set_config(unsigned devfn, unsigned reg, uint32_t value, unsigned size)
{
    out(0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    out((uint16_t)(0xcfc + (reg & 3)), value, size);
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
    /* The e1000 has memory at its first BAR, the others have ports. */
    set_config(PCI_DEVFN(5, 0), PCI_BAR0, strcmp(model, "e1000") == 0 ? 0xf0000000 : 0xc000, 4);
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
    struct error *err = NULL;
    struct pci_bus *bus;
    struct isa_bus *isa;

    bench_start();
    memory_region_init(&pci_space, "pci", 0);
    memory_region_init(&smm_root, "smm", 0);
    memory = (struct i440fx_memory){ &bench.memory_root, &bench.io_root, &pci_space, &bench.ram,
                                     &smm_root, &bench.memory };
    bus = i440fx_create(&memory, &err);
    isa = bus ? piix3_create(bus, &memory, &err) : NULL;
    if (!isa) {
        error_exit_with(err);
    }
    for (int n = 0; n < ISA_IRQS; n++) {
        isa->irqs[n] = bench_irq(n);
    }
    device_reset_all();
    check_e1000();
    check_ne2000();
    fuzz("e1000", true);
    fuzz("ne2k_isa", false);
    fuzz("ne2k_pci", true);
    fuzz("rtl8139", true);
    fuzz("pcnet", true);
    return tap_done();
}
