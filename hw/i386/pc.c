/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boards `pc' (i440FX and PIIX) and `isapc': which chips there are and how they are wired. */
#include "hw/i386/pc.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "block.h"
#include "char.h"
#include "cpu-exec.h"
#include "hw/acpi/piix4.h"
#include "hw/display/vga.h"
#include "hw/intc/apic.h"
#include "hw/intc/ioapic.h"
#include "hw/net/nic.h"
#include "hw/pci/i440fx.h"
#include "hw/scsi/scsi.h"
#include "hw/timer/mc146818rtc.h"
#include "hw/usb/usb.h"
#include "hw/virtio/blk.h"
#include "hw/virtio/share.h"

/* --- lines ----------------------------------------------------------------------------------- */

/* An ISA line reaches both interrupt controllers; the timer is on input 2 of the I/O APIC. */
static void gsi(void *opaque, int n, int level)
{
    struct pc *pc = opaque;

    irq_set(device_input(pc->pic, (unsigned)n), level);
    if (pc->ioapic) {
        irq_set(device_input(pc->ioapic, n == 0 ? 2 : (unsigned)n), level);
    }
}

static void smi(void *opaque, int n, int level)
{
    if (level) {
        x86_cpu_smi(cpu_first());
    }
}

/* Outputs of the HPET behind those to the I/O APIC. */
enum { HPET_IRQ0 = IOAPIC_PINS, HPET_IRQ8, HPET_LEGACY };

/* --- chips ----------------------------------------------------------------------------------- */

static struct device *make(const char *class, struct error **err)
{
    struct device *dev = device_create(class, err);

    return dev && device_realize(dev, err) ? dev : NULL;
}

static bool make_chipset(struct pc *pc, struct error **err)
{
    pc->chipset = (struct i440fx_memory){
        .system = &pc->system, .io = &pc->io, .pci = &pc->pci_space, .ram = &pc->ram,
        .smm = &pc->smm, .dma = &pc->memory_as,
    };
    if (!pc->has_pci) {
        isa_bus_init(&pc->isa_own, NULL, &pc->io, &pc->system);
        pc->isa = &pc->isa_own;
    } else {
        pc->pci = i440fx_create(&pc->chipset, err);
        pc->isa = pc->pci ? piix3_create(pc->pci, &pc->chipset, err) : NULL;
        address_space_init(&pc->smm_as, "smm", &pc->smm);
    }
    if (!pc->isa) {
        return false;
    }
    for (int n = 0; n < ISA_IRQS; n++) {
        pc->isa->irqs[n] = (struct irq){ gsi, pc, n };
    }
    return true;
}

static bool make_interrupts(struct pc *pc, struct error **err)
{
    pc->pic = make("isa-i8259", err);
    if (!pc->pic) {
        return false;
    }
    if (pc->has_pci && pc->has_apic) {
        pc->ioapic = make("ioapic", err);
        if (!pc->ioapic) {
            return false;
        }
        memory_region_add_priority(&pc->system, IOAPIC_BASE, device_region(pc->ioapic, "ioapic"),
                                   1);
    }
    return pc_apics_create(pc, err) && pc_fpu_create(pc, err);
}

/* Its comparators reach the I/O APIC, or replace the 8254 and the clock on IRQ 0 and 8. */
static bool make_hpet(struct pc *pc, struct device *pit, struct error **err)
{
    struct device *hpet;

    if (!pc->ioapic || pc->config->no_hpet) {
        return true;
    }
    hpet = device_create("hpet", err);
    if (!hpet) {
        return false;
    }
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        device_connect(hpet, n, device_input(pc->ioapic, n));
    }
    device_connect(hpet, HPET_IRQ0, pc->isa->irqs[0]);
    device_connect(hpet, HPET_IRQ8, pc->isa->irqs[8]);
    device_connect(hpet, HPET_LEGACY, device_input(pit, 0));
    pc->hpet = hpet;
    if (!device_realize(hpet, err)) {
        return false;
    }
    memory_region_add_priority(&pc->system, HPET_BASE, device_region(hpet, "hpet"), 1);
    return true;
}

/* The -rtc option, for the clock that is made next. */
static bool set_clock_source(const struct machine_config *config, struct error **err)
{
    time_t start = (time_t)config->rtc_start;
    char date[32] = "utc", text[96];
    struct tm tm;

    if (config->rtc_base == MACHINE_RTC_LOCALTIME) {
        strcpy(date, "localtime");
    } else if (config->rtc_base == MACHINE_RTC_DATE && gmtime_r(&start, &tm)) {
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    }
    snprintf(text, sizeof(text), "base=%s,clock=%s,driftfix=%s", date,
             config->rtc_host_clock ? "host" : "vm",
             config->fast_rtc_drift_fix ? "slew" : "none");
    return rtc_option(text, err);
}

static bool make_timers(struct pc *pc, struct error **err)
{
    struct device *pit = make("isa-pit", err), *speaker;

    if (!pit || !make_hpet(pc, pit, err)) {
        return false;
    }
    device_connect(pit, 0, pc->isa->irqs[0]);
    speaker = device_create("isa-pcspk", err);
    if (!speaker || (pc->config->speaker_audio &&
                     !device_set(speaker, "audiodev", pc->config->speaker_audio, err)) ||
        !device_realize(speaker, err)) {
        return false;
    }
    pc->rtc = set_clock_source(pc->config, err) ? make("mc146818rtc", err) : NULL;
    return pc->rtc && make("i8257", err);
}

static bool make_port(const char *class, unsigned index, struct chardev *chr, struct error **err)
{
    struct device *dev = device_create(class, err);

    if (!dev) {
        return false;
    }
    device_set_uint(dev, "index", index);
    device_set_pointer(dev, "chardev", chr);
    return device_realize(dev, err);
}

static bool make_debugcon(struct pc *pc, struct error **err)
{
    struct device *dev;

    if (!pc->config->debugcon) {
        return true;
    }
    dev = device_create("isa-debugcon", err);
    if (!dev) {
        return false;
    }
    device_set_pointer(dev, "chardev", pc->config->debugcon);
    return device_realize(dev, err);
}

static bool make_ports(struct pc *pc, struct error **err)
{
    const struct machine_config *config = pc->config;
    struct device *i8042;

    for (unsigned i = 0; i < MACHINE_SERIAL_PORTS; i++) {
        if (config->serial[i] && !make_port("isa-serial", i, config->serial[i], err)) {
            return false;
        }
    }
    for (unsigned i = 0; i < MACHINE_PARALLEL_PORTS; i++) {
        if (config->parallel[i] && !make_port("isa-parallel", i, config->parallel[i], err)) {
            return false;
        }
    }
    pc->port92 = make("port92", err);
    i8042 = pc->port92 ? make("i8042", err) : NULL;
    if (!i8042) {
        return false;
    }
    pc_connect_a20(pc, i8042);
    return make_debugcon(pc, err);
}

static bool make_display(struct pc *pc, struct error **err)
{
    static const char *const cards[] = {
        [MACHINE_VGA_DEFAULT] = "VGA", [MACHINE_VGA_STD] = "VGA",
        [MACHINE_VGA_CIRRUS] = "cirrus-vga", [MACHINE_VGA_VMWARE] = "vmware-svga",
        [MACHINE_VGA_VIRTIO] = "virtio-vga",
    };
    const struct machine_config *config = pc->config;
    struct device *vga;

    if (config->vga == MACHINE_VGA_NONE) {
        return true;
    }
    if (!pc->has_pci && strcmp(cards[config->vga], "VGA") == 0) {
        return vga_isa_create(pc->isa, config->vga_memory_mb, err) != NULL;
    }
    if (!pc->has_pci) {
        error_set(err, "display adapter %s needs a machine with PCI", cards[config->vga]);
        return false;
    }
    vga = device_create(cards[config->vga], err);
    if (!vga || !device_set(vga, "addr", "2", err)) {
        return false;
    }
    if (config->vga_memory_mb) {
        device_set_uint(vga, "vgamem_mb", config->vga_memory_mb);
    }
    return device_realize(vga, err);
}

/* --- disks ----------------------------------------------------------------------------------- */

static bool make_isa_ide(struct pc *pc, unsigned n, struct error **err)
{
    static const struct { uint16_t command, control; uint8_t irq; } ports[2] = {
        { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 }
    };
    struct device *ide = device_create("isa-ide", err);

    if (!ide) {
        return false;
    }
    device_set_uint(ide, "iobase", ports[n].command);
    device_set_uint(ide, "iobase2", ports[n].control);
    device_set_uint(ide, "irq", ports[n].irq);
    device_set_uint(ide, "number", n);
    if (!device_realize(ide, err)) {
        return false;
    }
    pc->ide[n] = isa_ide_channel(ide);
    return true;
}

static bool make_pci_ide(struct pc *pc, struct error **err)
{
    struct device *ide = device_create("piix3-ide", err);

    if (!ide || !device_set(ide, "addr", "1.1", err) || !device_realize(ide, err)) {
        return false;
    }
    for (unsigned n = 0; n < 2; n++) {
        device_connect(ide, n, pc->isa->irqs[14 + n]);
        pc->ide[n] = piix_ide_channel(ide, n);
    }
    return true;
}

static bool make_disks(struct pc *pc, struct error **err)
{
    struct device *fdc = device_create("isa-fdc", err);

    if (!fdc) {
        return false;
    }
    device_set_pointer(fdc, "driveA", block_find_drive(BLOCK_IF_FLOPPY, 0, 0));
    device_set_pointer(fdc, "driveB", block_find_drive(BLOCK_IF_FLOPPY, 0, 1));
    if (!device_realize(fdc, err)) {
        return false;
    }
    if (pc->has_pci ? !make_pci_ide(pc, err)
                    : !make_isa_ide(pc, 0, err) || !make_isa_ide(pc, 1, err)) {
        return false;
    }
    return ide_create_drives(pc->ide[0], err) && ide_create_drives(pc->ide[1], err);
}

static bool make_power(struct pc *pc, struct error **err)
{
    struct device *pm;

    if (!pc->has_acpi) {
        return true;
    }
    pm = device_create("PIIX4_PM", err);
    if (!pm || !device_set(pm, "addr", "1.3", err)) {
        return false;
    }
    device_set_uint(pm, "serial0", pc->config->serial[0] != NULL);
    device_set_uint(pm, "serial1", pc->config->serial[1] != NULL);
    device_set_uint(pm, "parallel0", pc->config->parallel[0] != NULL);
    device_set_uint(pm, "smm-enabled", x86_cpu_has_smm());
    device_connect(pm, PIIX4_SCI, pc->isa->irqs[9]);
    device_connect(pm, PIIX4_SMI, (struct irq){ smi, pc, 0 });
    pc->pm = pm;
    if (!device_realize(pm, err)) {
        return false;
    }
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        x86_cpu_set_smm_memory(cpu, &pc->smm_as);
    }
    return true;
}

/* Function 2 of the PIIX3. */
static bool make_usb(struct pc *pc, struct error **err)
{
    struct device *usb;

    if (!pc->has_pci || (!pc->config->usb && !usb_wanted())) {
        return true;
    }
    usb = device_create("piix3-usb-uhci", err);
    return usb && device_set(usb, "addr", "1.2", err) && device_realize(usb, err);
}

/* --- the machines ---------------------------------------------------------------------------- */

static bool pc_create(const struct machine_config *config, bool has_pci, struct error **err)
{
    struct pc *pc = g_new0(struct pc, 1);

    pc->config = config;
    pc->has_pci = has_pci;
    pc->has_acpi = has_pci && !config->no_acpi;
    pc->n_cpus = config->cpus ? config->cpus : 1;
    pc->default_cpu = !has_pci ? "486" : the_target.word_bits == 64 ? "qemu64" : "qemu32";
    if (!pc_memory_init(pc, err) || !pc_cpus_create(pc, err) || !make_chipset(pc, err) ||
        !pc_bios_load(pc, err) || !make_interrupts(pc, err) || !make_display(pc, err) ||
        !make_timers(pc, err) || !make_ports(pc, err) ||
        !nic_create_requested(has_pci ? "e1000" : "ne2k_isa", has_pci, err) ||
        !make_disks(pc, err) || !make_usb(pc, err) || !make_power(pc, err) ||
        (has_pci && (!scsi_create_hosts("lsi53c895a", err) || !virtio_blk_create_drives(err) ||
                     !share_create_devices(err))) ||
        !pc_fw_cfg_init(pc, err) || !pc_smbios_init(pc, err)) {
        return false;
    }
    if (pc->has_acpi) {
        pc_acpi_init(pc);
    }
    pc_cmos_init(pc);
    machine_on_boot_set(pc_set_boot_order, pc);
    return pc_set_boot_order(pc, config->boot_once ? config->boot_once
                                 : config->boot_order ? config->boot_order : "cad", err);
}

static bool pc_i440fx_init(const struct machine_config *config, struct error **err)
{
    return pc_create(config, true, err);
}

static bool isapc_init(const struct machine_config *config, struct error **err)
{
    return pc_create(config, false, err);
}

MACHINE(pc_i440fx) = {
    .name = "pc-i440fx-7.2",
    .alias = "pc",
    .desc = "Standard PC (i440FX + PIIX, 1996)",
    .default_cpu32 = "qemu32",
    .default_cpu64 = "qemu64",
    .max_cpus = PC_MAX_CPUS,
    .default_ram = 128ull << 20,
    .is_default = true,
    .init = pc_i440fx_init,
};

MACHINE(isapc) = {
    .name = "isapc",
    .desc = "ISA-only PC",
    .default_cpu32 = "486",
    .default_cpu64 = "486",
    .max_cpus = 1,
    .default_ram = 128ull << 20,
    .init = isapc_init,
};
