/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound cards on PCI: what their registers say at first, and registers and lists at random. That
 * they play is for tests/boot/sound.t. */
#include "tests/hw/chip.h"

#include "audio.h"
#include "base/bits.h"
#include "hw/pci/pci.h"

#define HDA 0xe0000000ull
#define MIXER 0xc000
#define MASTERS 0xc400
#define ENSONIQ 0xc800

static struct memory_region pci_memory, pci_io;
static struct pci_bus pci;
static uint8_t *ram;

static void set_irq(void *opaque, int n, int level)
{
}

static int map_irq(void *opaque, struct pci_device *d, int pin)
{
    return 0;
}

static void start(void)
{
    struct error *err = NULL;

    memory_region_init(&pci_memory, "pci-memory", 1ull << 32);
    memory_region_init(&pci_io, "pci-io", 0x10000);
    memory_region_add_priority(&bench.memory_root, 0, &pci_memory, -1);
    memory_region_add_priority(&bench.io_root, 0, &pci_io, -1);
    pci_bus_init(&pci, "pci.0", NULL, &pci_memory, &pci_io, &bench.memory);
    pci_bus_set_irqs(&pci, set_irq, map_irq, NULL);
    if (!audio_option(NULL, NULL, "none,id=none", &err)) {
        error_exit_with(err);
    }
    bench_device("AC97", "addr", "3", NULL);
    bench_device("ES1370", "addr", "4", NULL);
    bench_device("intel-hda", "addr", "5", NULL);
    bench_device("hda-duplex", NULL);
    device_reset_all();
    pci_config_write(&pci, 3 << 3, PCI_BAR0, MIXER, 4);
    pci_config_write(&pci, 3 << 3, PCI_BAR0 + 4, MASTERS, 4);
    pci_config_write(&pci, 4 << 3, PCI_BAR0, ENSONIQ, 4);
    pci_config_write(&pci, 5 << 3, PCI_BAR0, HDA, 4);
    for (unsigned slot = 3; slot < 6; slot++) {
        pci_config_write(&pci, (uint16_t)(slot << 3), PCI_COMMAND, 7, 2);
    }
}

static uint32_t hda_get(uint32_t offset, unsigned size)
{
    uint64_t value;

    address_space_ld(&bench.memory, HDA + offset, size, ENDIAN_LITTLE, &value);
    return (uint32_t)value;
}

static void hda_set(uint32_t offset, uint32_t value, unsigned size)
{
    address_space_st(&bench.memory, HDA + offset, size, ENDIAN_LITTLE, value);
}

/* A verb by the immediate registers. */
static uint32_t verb(uint32_t node, uint32_t bits)
{
    hda_set(0x60, node << 20 | bits, 4);
    hda_set(0x68, 1, 2);
    return hda_get(0x64, 4);
}

static void check_registers(void)
{
    is_int(in(MIXER + 0x7c, 2), 0x8384, "the AC'97 codec");
    out(MIXER + 0x2c, 44100, 2);
    is_int(in(MIXER + 0x2c, 2), 44100, "its rate");
    is_int(in(MASTERS + 0x30, 4), 0x100, "is ready");
    is_int(inb(MASTERS + 0x34), 0, "the semaphore is free");
    is_int(inb(MASTERS + 0x34), 1, "and then taken");
    is_int(in(MASTERS + 0x16, 2), 1, "the player is halted");
    out(ENSONIQ + 0x0c, 0xc, 4);
    out(ENSONIQ + 0x38, 0x12340, 4);
    out(ENSONIQ + 0x0c, 0xd, 4);
    is_int(in(ENSONIQ + 0x38, 4), 0, "pages of the ES1370");
    out(ENSONIQ + 0x0c, 0xc, 4);
    is_int(in(ENSONIQ + 0x38, 4), 0x12340, "have registers of their own");
    is_int(hda_get(0, 2), 0x4401, "streams of the HDA");
    hda_set(0x20, 0xffffffff, 4);
    is_int(hda_get(0x20, 4), 0, "nothing works in reset");
    hda_set(8, 1, 4);
    is_int(hda_get(0x0e, 2), 1, "a codec reports");
    hda_set(0x0e, 1, 2);
    is_int(hda_get(0x0e, 2), 0, "once");
    is_int(verb(0, 0xf0000), 0x1af40022, "its name");
    is_int(verb(1, 0xf0004), 0x20004, "has four nodes");
    is_int(verb(3, 0xf0200), 2, "the line out is behind the DAC");
    verb(2, 0x3b010);
    is_int(verb(2, 0xba000), 0x10, "volumes");
    is_int(verb(9, 0xf0000), 0, "nobody there");
}

static uint32_t random_word(void)
{
    switch (random() & 3) {
    case 0: return (uint32_t)random() & 0xff;
    case 1: return (uint32_t)random() & 0xffff0;
    default: return (uint32_t)random() << (random() & 1);
    }
}

static void check_nonsense(void)
{
    srandom(4);
    for (unsigned n = 0; n < 40000; n++) {
        unsigned size = 1u << random() % 3;

        switch (random() % 5) {
        case 0: out((uint16_t)(MIXER + (random() & 0x7e)), random_word(), 2); break;
        case 1: out((uint16_t)(MASTERS + (random() & 0x3c)), random_word(), size); break;
        case 2: out((uint16_t)(ENSONIQ + (random() & 0x3c)), random_word(), size); break;
        case 3: hda_set((uint32_t)random() & 0x17c, random_word(), size); break;
        default: st32_le(ram + (random() & 0xffffc), random_word()); break;
        }
        if (n % 16 == 0) {               /* streams and players that run */
            hda_set(0x80 + 0x20 * ((uint32_t)random() & 7), 0x100006, 4);
            verb(2 + 2 * ((uint32_t)random() & 1), 0x70610);
            outb((uint16_t)(MASTERS + 0x0b + 0x10 * (random() % 3)), 0x1d);
        }
        if (n % 500 == 0) {
            hda_set(8, 1, 4);
        }
        if (n % 20 == 0) {
            advance(3 * NS_PER_MS, NS_PER_MS);
        }
    }
    ok(true, "registers at random");
}

int main(void)
{
    bench_start();
    ram = memory_region_host(&bench.ram);
    start();
    check_registers();
    check_state();
    check_nonsense();
    audio_close_all();
    return tap_done();
}
