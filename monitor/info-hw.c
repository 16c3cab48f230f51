/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subjects of `info`: devices, buses and the memory map. */
#include <string.h>

#include "base/bits.h"
#include "cpu-exec.h"
#include "hw/core/device.h"
#include "hw/core/memory.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb.h"
#include "hw/virtio/balloon.h"
#include "monitor/hmp.h"

/* --- devices --------------------------------------------------------------------------------- */

void hmp_info_pci(struct monitor *mon, struct hmp_args *args)
{
    pci_print(mon->out);
}

void hmp_info_usb(struct monitor *mon, struct hmp_args *args)
{
    usb_print(mon->out);
}

void hmp_info_balloon(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;
    uint64_t bytes;

    if (balloon_get(&bytes, &err)) {
        fprintf(mon->out, "balloon: actual=%llu\n", (unsigned long long)(bytes >> 20));
    }
    hmp_report(mon, err);
}

void hmp_balloon(struct monitor *mon, struct hmp_args *args)
{
    struct error *err = NULL;

    balloon_set((uint64_t)hmp_number(args, "value") << 20, &err);
    hmp_report(mon, err);
}

/* Chips that route interrupts say so by their names. */
static bool is_interrupt_controller(const struct device *dev)
{
    static const char *const names[] = { "8259", "pic", "apic" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strstr(dev->class->name, names[i])) {
            return true;
        }
    }
    return false;
}

void hmp_info_pic(struct monitor *mon, struct hmp_args *args)
{
    for (struct device *dev = device_first(); dev; dev = dev->next) {
        if (is_interrupt_controller(dev) && dev->class->info) {
            dev->class->info(dev, mon->out);
        }
    }
}

void hmp_info_irq(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "interrupts are not counted; `info pic' shows the controllers\n");
}

static void print_device(FILE *out, const struct device *dev)
{
    fprintf(out, "  dev: %s, id \"%s\"\n", dev->class->name, dev->id ? dev->id : "");
    for (const struct device_region *r = dev->class->regions; r && r->name; r++) {
        fprintf(out, "    region \"%s\", size 0x%llx\n", r->name, (unsigned long long)r->size);
    }
    if (dev->class->irqs || dev->class->inputs) {
        fprintf(out, "    irqs: %u out, %u in\n", dev->class->irqs, dev->class->inputs);
    }
}

/* Buses in the order in which their first devices were made. */
void hmp_info_qtree(struct monitor *mon, struct hmp_args *args)
{
    for (struct device *dev = device_first(); dev; dev = dev->next) {
        struct device *earlier = device_first();

        while (earlier != dev && earlier->bus != dev->bus) {
            earlier = earlier->next;
        }
        if (earlier != dev) {
            continue;
        }
        fprintf(mon->out, "bus: %s\n", dev->bus ? dev->bus->name : "main-system-bus");
        for (struct device *d = dev; d; d = d->next) {
            if (d->bus == dev->bus) {
                print_device(mon->out, d);
            }
        }
    }
}

/* --- memory ---------------------------------------------------------------------------------- */

static const char *const kinds[] = {
    [MEMORY_CONTAINER] = "container", [MEMORY_RAM] = "ram", [MEMORY_ROM] = "rom",
    [MEMORY_ROMD] = "romd", [MEMORY_MMIO] = "i/o", [MEMORY_ALIAS] = "alias",
};

static void print_region(FILE *out, const struct memory_region *mr, uint64_t base, int depth)
{
    fprintf(out, "%*s%016llx-%016llx (prio %d, %s): %s", depth * 2 + 2, "",
            (unsigned long long)base, (unsigned long long)(base + mr->size - 1), mr->priority,
            kinds[mr->kind], mr->name);
    if (mr->kind == MEMORY_ALIAS) {
        fprintf(out, " @%s %016llx", mr->target->name, (unsigned long long)mr->target_offset);
    }
    fprintf(out, "%s\n", mr->enabled ? "" : " [disabled]");
    for (struct memory_region *c = mr->first_child; c; c = c->next_sibling) {
        print_region(out, c, base + c->address, depth + 1);
    }
}

static void print_range(void *opaque, const struct memory_range *r)
{
    fprintf(opaque, "  %016llx-%016llx (%s%s): %s @%016llx\n", (unsigned long long)r->first,
            (unsigned long long)r->last, kinds[r->region->kind], r->readonly ? ", read-only" : "",
            r->region->name, (unsigned long long)r->offset);
}

void hmp_info_mtree(struct monitor *mon, struct hmp_args *args)
{
    struct cpu *cpu = hmp_cpu(mon);
    struct address_space *spaces[2] = { cpu ? cpu->memory : NULL, cpu ? cpu->io : NULL };

    for (int i = 0; i < 2; i++) {
        if (!spaces[i]) {
            continue;
        }
        fprintf(mon->out, "address-space: %s\n", spaces[i]->name);
        if (hmp_given(args, "flat")) {
            address_space_walk(spaces[i], print_range, mon->out);
        } else {
            print_region(mon->out, spaces[i]->root, 0, 0);
        }
    }
}

static void print_rom(void *opaque, const struct memory_range *r)
{
    if (r->region->kind == MEMORY_ROM || r->region->kind == MEMORY_ROMD) {
        fprintf(opaque, "addr=%016llx size=0x%06llx mem=rom name=\"%s\"\n",
                (unsigned long long)r->first, (unsigned long long)(r->last - r->first + 1),
                r->region->name);
    }
}

void hmp_info_roms(struct monitor *mon, struct hmp_args *args)
{
    struct cpu *cpu = hmp_cpu(mon);

    if (cpu) {
        address_space_walk(cpu->memory, print_rom, mon->out);
    }
}

void hmp_info_ramblock(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "%24s %18s %18s\n", "Block Name", "Offset", "Used");
    for (struct ram_block *b = ram_block_first(); b; b = b->next) {
        fprintf(mon->out, "%24s 0x%016llx 0x%016llx\n", b->name, (unsigned long long)b->ram_addr,
                (unsigned long long)b->size);
    }
}
