/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUs of a PC and what is wired to them: local APICs, INTR, A20, the x87 error line. */
#include <stdlib.h>

#include "base/log.h"
#include "cpu-exec.h"
#include "hw/core/machine.h"
#include "hw/i386/pc.h"
#include "hw/input/i8042.h"
#include "hw/intc/apic.h"
#include "hw/intc/i8259.h"

/* --- the local APIC, both ways --------------------------------------------------------------- */

static void to_cpu_interrupt(void *opaque, int level)
{
    if (level) {
        cpu_interrupt(opaque, CPU_INT_HARD);
    } else {
        cpu_clear_interrupt(opaque, CPU_INT_HARD);
    }
}

static void to_cpu_nmi(void *opaque)
{
    cpu_interrupt(opaque, CPU_INT_NMI);
}

static void to_cpu_smi(void *opaque)
{
    x86_cpu_smi(opaque);
}

static void to_cpu_init(void *opaque)
{
    x86_cpu_init_signal(opaque);
}

static void to_cpu_startup(void *opaque, uint8_t vector)
{
    x86_cpu_sipi(opaque, vector);
}

static int64_t tsc_to_vm_ns(void *opaque, uint64_t tsc)
{
    return x86_cpu_tsc_to_vm_ns(opaque, tsc);
}

static const struct apic_cpu_ops cpu_ops = {
    .set_interrupt = to_cpu_interrupt,
    .nmi = to_cpu_nmi,
    .smi = to_cpu_smi,
    .init = to_cpu_init,
    .startup = to_cpu_startup,
    .tsc_to_vm_ns = tsc_to_vm_ns,
};

static uint64_t get_base(void *apic)
{
    return apic_base(apic);
}

static bool set_base(void *apic, uint64_t value)
{
    return apic_set_base(apic, value);
}

static uint8_t get_tpr(void *apic)
{
    return apic_cr8(apic);
}

static void set_tpr(void *apic, uint8_t value)
{
    apic_set_cr8(apic, value);
}

static bool read_msr(void *apic, uint32_t msr, uint64_t *value)
{
    *value = apic_read(apic, (msr & 0xff) << 4);
    return true;
}

static bool write_msr(void *apic, uint32_t msr, uint64_t value)
{
    apic_write(apic, (msr & 0xff) << 4, (uint32_t)value);
    return true;
}

static void set_deadline(void *apic, uint64_t tsc)
{
    apic_set_tsc_deadline(apic, tsc);
}

static void init_reset(void *apic)
{
    apic_init_reset(apic);
}

static uint8_t get_id(void *apic)
{
    return (uint8_t)(apic_read(apic, 0x20) >> 24);
}

static const struct x86_apic_ops apic_ops = {
    .get_base = get_base,
    .set_base = set_base,
    .get_tpr = get_tpr,
    .set_tpr = set_tpr,
    .read_msr = read_msr,
    .write_msr = write_msr,
    .set_deadline = set_deadline,
    .init_reset = init_reset,
    .get_id = get_id,
};

/* --- making them ----------------------------------------------------------------------------- */

static void triple_fault(void *opaque)
{
    machine_request_reset();
}

bool pc_cpus_create(struct pc *pc, struct error **err)
{
    const char *model = pc->config->cpu_model ? pc->config->cpu_model : pc->default_cpu;

    for (unsigned i = 0; i < pc->n_cpus; i++) {
        struct cpu *cpu = cpu_create(model, &pc->memory_as, &pc->io_as, err);
        if (!cpu) {
            return false;
        }
        x86_cpu_set_bsp(cpu, i == 0);
        x86_cpu_on_triple_fault(cpu, triple_fault, NULL);
    }
    x86_cpu_facts(cpu_first(), &pc->facts);
    pc->has_apic = pc->facts.has_apic;
    if (pc->n_cpus > 1 && !pc->has_apic) {
        error_set(err, "CPUs of this model cannot be more than one: they have no local APIC");
        return false;
    }
    return true;
}

/* The window shows each CPU's thread its own registers. */
static void own_apic(struct cpu *cpu, void *opaque)
{
    if (cpu_current() == cpu) {
        apic_set_current(cpu->apic);
    }
}

static void run_changed(void *opaque, bool running)
{
    for (struct cpu *cpu = running ? cpu_first() : NULL; cpu; cpu = cpu->next) {
        cpu_run_on(cpu, own_apic, NULL);
    }
}

/* Without local APICs the 8259 pair drives INTR itself. */
static void pic_to_cpu(void *opaque, int n, int level)
{
    to_cpu_interrupt(opaque, level);
}

static void pic_to_apics(void *opaque, int n, int level)
{
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        irq_set(device_input(cpu->apic, 0), level);
    }
}

static bool create_apic(struct cpu *cpu, struct error **err)
{
    struct device *apic = apic_create((uint8_t)cpu->index, cpu->index == 0, &cpu_ops, cpu, err);

    if (!apic) {
        return false;
    }
    cpu->apic = apic;
    cpu->irq_opaque = apic;
    cpu->irq_acknowledge = apic_acknowledge;
    x86_cpu_set_apic(cpu, &apic_ops, apic);
    return true;
}

bool pc_apics_create(struct pc *pc, struct error **err)
{
    struct cpu *first = cpu_first();

    if (!pc->has_apic) {
        first->irq_opaque = pc->pic;
        first->irq_acknowledge = pic_acknowledge;
        x86_cpu_set_apic(first, NULL, NULL);
        device_connect(pc->pic, 0, (struct irq){ pic_to_cpu, first, 0 });
        return true;
    }
    for (struct cpu *cpu = first; cpu; cpu = cpu->next) {
        if (!create_apic(cpu, err)) {
            return false;
        }
    }
    apic_set_extint(pic_acknowledge, pc->pic);
    device_connect(pc->pic, 0, (struct irq){ pic_to_apics, pc, 0 });
    memory_region_add_priority(&pc->system, APIC_DEFAULT_BASE, apic_window(), 0x1000);
    machine_on_run_change(run_changed, pc);
    return true;
}

/* --- A20 and reset from the keyboard controller and port 92 ---------------------------------- */

static void set_a20(void *opaque, int n, int level)
{
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        x86_cpu_set_a20(cpu, level != 0);
    }
}

static void reset_line(void *opaque, int n, int level)
{
    if (level) {
        machine_request_reset();
    }
}

void pc_connect_a20(struct pc *pc, struct device *i8042)
{
    struct irq reset = { reset_line, pc, 0 };

    device_connect(i8042, I8042_A20, device_input(pc->port92, 0));
    device_connect(i8042, I8042_RESET, reset);
    device_connect(pc->port92, PORT92_A20, (struct irq){ set_a20, pc, 0 });
    device_connect(pc->port92, PORT92_RESET, reset);
}

/* --- the x87 error line: FERR# to IRQ 13, cleared through port 0xf0 -------------------------- */

struct fpu_error {
    struct device dev;
    struct fpu_error_state { uint8_t pending; } s;
};

FIELDS(fpu_error_state) = { FIELD(fpu_error_state, pending), FIELDS_END };

static void ferr(void *opaque, bool on)
{
    struct fpu_error *fpu = opaque;

    fpu->s.pending = on;
    irq_set(fpu->dev.irqs[0], on);
}

static void port_f0_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    struct fpu_error *fpu = dev;

    if (fpu->s.pending) {
        ferr(fpu, false);
        x86_cpu_set_ignne(cpu_first(), true);
    }
}

static const struct device_region fpu_regions[] = {
    { "ioportF0", 2, { NULL, port_f0_write, .min = 1, .max = 1 } },
    { 0 }
};

static bool fpu_init(struct device *dev, struct error **err)
{
    isa_map(dev, &dev->regions[0], 0xf0);
    x86_cpu_on_ferr(cpu_first(), ferr, dev);
    return isa_connect_irq(dev, 0, 13, err);
}

static void fpu_reset(struct device *dev)
{
    ((struct fpu_error *)dev)->s.pending = 0;
}

static void fpu_reset_lines(struct device *dev)
{
    irq_set(dev->irqs[0], ((struct fpu_error *)dev)->s.pending);
}

DEVICE(fpu_error) = {
    .name = "isa-fpu-error",
    .desc = "x87 error interrupt",
    .bus = "isa",
    .internal = true,
    .size = sizeof(struct fpu_error),
    .regions = fpu_regions,
    .irqs = 1,
    .init = fpu_init,
    .reset = fpu_reset,
    .reset_lines = fpu_reset_lines,
    .state = STATE(fpu_error, s, fpu_error_state, 1),
};

bool pc_fpu_create(struct pc *pc, struct error **err)
{
    pc->fpu = device_create("isa-fpu-error", err);
    return pc->fpu && device_realize(pc->fpu, err);
}
