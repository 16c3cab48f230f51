/* SPDX-License-Identifier: GPL-2.0-or-later */
/* i440FX and PIIX3: configuration cycles, BARs, shadow RAM, SMRAM, interrupts, PM timer. */
#include "tests/hw/bench.h"

#include "base/bits.h"
#include "base/main-loop.h"
#include "hw/pci/i440fx.h"

static struct memory_region pci_space, smm_root;
static struct address_space smm;
static struct i440fx_memory memory;

static uint32_t config(unsigned devfn, unsigned reg, unsigned size)
{
    out(0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    return in(0xcfc + (reg & 3), size);
}

static void set_config(unsigned devfn, unsigned reg, uint32_t value, unsigned size)
{
    out(0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    out(0xcfc + (reg & 3), value, size);
}

static uint8_t peek(struct address_space *as, uint64_t address)
{
    uint8_t value;
    address_space_read(as, address, &value, 1);
    return value;
}

static void poke(struct address_space *as, uint64_t address, uint8_t value)
{
    address_space_write(as, address, &value, 1);
}

static void check_config(void)
{
    is_int(config(0, 0, 4), 0x12378086, "host bridge identity");
    is_int(config(PCI_DEVFN(1, 0), 0, 4), 0x70008086, "ISA bridge identity");
    is_int(config(PCI_DEVFN(1, 1), 8, 4), 0x01018000, "IDE class");
    is_int(config(PCI_DEVFN(7, 0), 0, 4), 0xffffffff, "an empty slot reads as ones");
    is_int(config(PCI_DEVFN(1, 0), 0x0e, 1), 0x80, "the ISA bridge has more functions");
    set_config(0, 0, 0, 4);
    is_int(config(0, 0, 4), 0x12378086, "identity cannot be written");
    out(0xcf8, 0x0000000, 4);
    is_int(in(0xcfc, 4), 0xffffffff, "no cycle without the enable bit");
}

static void check_bars(void)
{
    unsigned ide = PCI_DEVFN(1, 1);

    set_config(ide, 0x20, 0xffffffff, 4);
    is_int(config(ide, 0x20, 4), 0xfffffff1, "a BAR shows its size");
    set_config(ide, 0x20, 0xc000, 4);
    is_int(in(0xc002, 1), 0xff, "not mapped before ports are enabled");
    set_config(ide, 0x04, 0x5, 2);
    is_int(in(0xc002, 1), 0, "mapped");
    out(0xc004, 0x12345677, 4);
    is_int(in(0xc004, 4), 0x12345674, "table address of the bus master");
    set_config(ide, 0x20, 0xd000, 4);
    is_int(in(0xc004, 1), 0xff, "moved away");
    is_int(in(0xd004, 4), 0x12345674, "moved here");
}

static void check_shadow(void)
{
    poke(&bench.memory, 0xc8000, 0x11);
    is_int(peek(&bench.memory, 0xc8000), 0xff, "at reset the BIOS area is PCI");
    set_config(0, 0x5b, 0x03, 1);
    poke(&bench.memory, 0xc8000, 0x22);
    is_int(peek(&bench.memory, 0xc8000), 0x22, "shadow RAM");
    is_int(peek(&bench.memory, 0xcc000), 0xff, "its neighbour is still PCI");
    set_config(0, 0x5b, 0x01, 1);
    poke(&bench.memory, 0xc8000, 0x33);
    is_int(peek(&bench.memory, 0xc8000), 0x22, "write protected");
}

static void check_smram(void)
{
    poke(&bench.memory, 0xa0000, 1);
    is_int(peek(&smm, 0xa0000), 0xff, "no SMRAM yet");
    set_config(0, 0x72, 0x4a, 1);
    poke(&bench.memory, 0xa0000, 0x5a);
    set_config(0, 0x72, 0x0a, 1);
    is_int(peek(&bench.memory, 0xa0000), 0xff, "closed for ordinary code");
    is_int(peek(&smm, 0xa0000), 0x5a, "open in SMM");
    set_config(0, 0x72, 0x5a, 1);
    is_int(config(0, 0x72, 1), 0x1a, "locking closes it");
    set_config(0, 0x72, 0x4a, 1);
    is_int(config(0, 0x72, 1), 0x1a, "and keeps it closed");
}

static void check_interrupts(struct pci_bus *bus)
{
    struct pci_device *ide = bus->devices[PCI_DEVFN(1, 1)];

    ide->pci.config[PCI_INTERRUPT_PIN] = 1;      /* slot 1, pin A: PIRQA */
    set_config(PCI_DEVFN(1, 0), 0x60, 0x0b, 1);
    pci_set_intx(ide, 1);
    is_int(bench.levels[11], 1, "INTA# of slot 1 is on the line of PIRQA");
    is_int(config(PCI_DEVFN(1, 1), 6, 2) & 8, 8, "and in the status register");
    set_config(PCI_DEVFN(1, 0), 0x60, 0x0a, 1);
    is_int(bench.levels[11] << 1 | bench.levels[10], 1, "it follows the routing register");
    set_config(PCI_DEVFN(1, 1), 4, 0x401, 2);
    is_int(bench.levels[10], 0, "the command register disables it");
    set_config(PCI_DEVFN(1, 1), 4, 0x001, 2);
    is_int(bench.levels[10], 1, "and enables it");
    device_reset_all();
    is_int(bus->line_count[0], 0, "reset releases it");
}

static void check_pm(struct device *pm)
{
    unsigned devfn = PCI_DEVFN(1, 3);

    device_connect(pm, 0, bench_irq(40));
    set_config(devfn, 0x40, 0x601, 4);
    set_config(devfn, 0x80, 1, 1);
    jump_to(NS_PER_SECOND);
    is_int(in(0x608, 4), 3579545, "the PM timer counts 3.579545 MHz");
    out(0x600, 1, 2);
    out(0x602, 1, 2);
    out(0xb2, 0xf1, 1);
    is_int(in(0x604, 2) & 1, 1, "the SMI command switches ACPI on");
    is_int(bench.levels[40], 0, "no SCI yet");
    jump_to(NS_PER_SECOND * 24 / 10);
    is_int(bench.levels[40], 1, "SCI when bit 23 of the timer changes");
    out(0x600, 1, 2);
    is_int(bench.levels[40], 0, "until the status is cleared");
}

/* After check_pm(), which leaves ACPI on. */
static void check_hotplug(struct pci_bus *bus)
{
    struct device *card;

    out(0xafe2, 2, 1);
    ok(device_add_option("edu,id=card,addr=0xa", NULL), "a card comes");
    is_int(bench.levels[40], 1, "which is an event");
    is_int(in(0xafe0, 1), 2, "of its own");
    is_int(in(0xae01, 1), 4, "the slot");
    is_int(in(0xae00, 4), 0, "is told once");
    out(0xafe0, 2, 1);
    is_int(bench.levels[40], 0, "acknowledged");
    ok(device_remove_id("card", NULL), "it is to leave");
    is_int(in(0xae00, 4), 0, "that is");
    is_int(in(0xae05, 1), 4, "another register");
    main_loop_step(false);
    ok(device_find("card") != NULL, "it stays until the guest lets go");
    out(0xae08, 0xff, 1);
    main_loop_step(false);
    ok(bus->devices[0] && bus->devices[PCI_DEVFN(1, 0)], "what is the board's stays");
    out(0xae09, 4, 1);
    main_loop_step(false);
    ok(!device_find("card") && !bus->devices[PCI_DEVFN(10, 0)], "it left");
    ok(device_add_option("edu,id=card,addr=0xa", NULL), "another one comes");
    ok(device_remove_id("card", NULL), "is to leave");
    device_reset_all();
    main_loop_step(false);
    ok(!device_find("card"), "and does by a reset");
    is_int(in(0xae00, 4) | in(0xae04, 4), 0, "of which nothing is left");
    ok(device_add_option("VGA,id=card,rombar=off", NULL), "an adapter comes");
    card = device_find("card");
    ok(!device_remove(card, NULL), "but stays");
}

static struct device *at(const char *class, const char *address)
{
    return bench_device(class, "addr", address, NULL);
}

int main(void)
{
    struct error *err = NULL;
    struct pci_bus *bus;
    struct device *pm;

    bench_start();
    big_unlock();
    main_loop_init();
    memory_region_init(&pci_space, "pci", 0);
    memory_region_init(&smm_root, "smm", 0);
    address_space_init(&smm, "smm", &smm_root);
    memory = (struct i440fx_memory){ &bench.memory_root, &bench.io_root, &pci_space, &bench.ram,
                                     &smm_root, &bench.memory };
    bus = i440fx_create(&memory, &err);
    if (!bus) {
        error_exit_with(err);
    }
    struct isa_bus *isa = piix3_create(bus, &memory, &err);
    for (int n = 0; n < ISA_IRQS; n++) {
        isa->irqs[n] = bench_irq(n);
    }
    at("piix3-ide", "1.1");
    pm = at("PIIX4_PM", "1.3");
    device_reset_all();
    check_config();
    check_bars();
    check_shadow();
    check_smram();
    check_interrupts(bus);
    check_pm(pm);
    check_hotplug(bus);
    return tap_done();
}
