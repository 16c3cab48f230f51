/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subjects of `info`: the emulator, the machine and its CPUs. */
#include <string.h>

#include "accel/accel.h"
#include "cpu-exec.h"
#include "hw/core/run.h"
#include "monitor/hmp.h"
#include "base/version.h"

void hmp_info_version(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "%s\n", QEMU_VERSION);
}

void hmp_info_status(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "VM status: %s\n", machine_status());
}

void hmp_info_name(struct monitor *mon, struct hmp_args *args)
{
    if (machine_config()->name) {
        fprintf(mon->out, "%s\n", machine_config()->name);
    }
}

void hmp_info_uuid(struct monitor *mon, struct hmp_args *args)
{
    const uint8_t *u = machine_config()->uuid;

    for (int i = 0; i < 16; i++) {
        fprintf(mon->out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
    }
    fputc('\n', mon->out);
}

void hmp_info_kvm(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "kvm support: %s\n", accel_is(&accel_kvm) ? "enabled" : "disabled");
}

void hmp_info_jit(struct monitor *mon, struct hmp_args *args)
{
    fprintf(mon->out, "statistics of the translator are not available yet\n");
}

void hmp_info_history(struct monitor *mon, struct hmp_args *args)
{
    const char *line;

    for (size_t i = 0; mon->rl && (line = readline_history(mon->rl, i)); i++) {
        fprintf(mon->out, "%zu: '%s'\n", i, line);
    }
}

/* --- CPUs ------------------------------------------------------------------------------------ */

void hmp_info_cpus(struct monitor *mon, struct hmp_args *args)
{
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        fprintf(mon->out, "%c CPU #%d: %s\n", cpu->index == mon->cpu_index ? '*' : ' ',
                cpu->index, cpu->halted ? "(halted)" : "running");
    }
}

static void print_registers(struct cpu *cpu, void *opaque)
{
    cpu->target->debug_print(cpu, opaque);
}

void hmp_info_registers(struct monitor *mon, struct hmp_args *args)
{
    bool all = hmp_given(args, "all");

    for (struct cpu *cpu = all ? cpu_first() : hmp_cpu(mon); cpu; cpu = all ? cpu->next : NULL) {
        if (all) {
            fprintf(mon->out, "\nCPU#%d\n", cpu->index);
        }
        cpu_run_on(cpu, print_registers, mon->out);
    }
}

/* --- mappings -------------------------------------------------------------------------------- */

struct mapping_walk {
    FILE *out;
    int digits;
    bool merge, have;
    struct cpu_mapping run;
};

static void print_page(struct mapping_walk *w, const struct cpu_mapping *m)
{
    fprintf(w->out, "%0*llx: %0*llx %s\n", w->digits, (unsigned long long)m->vaddr, w->digits,
            (unsigned long long)m->paddr, m->flags);
}

static void flush_run(struct mapping_walk *w)
{
    const struct cpu_mapping *r = &w->run;

    if (w->have) {
        fprintf(w->out, "%0*llx-%0*llx %0*llx %c%c%c\n", w->digits, (unsigned long long)r->vaddr,
                w->digits, (unsigned long long)(r->vaddr + r->size), w->digits,
                (unsigned long long)r->size, r->user ? 'u' : '-', 'r', r->write ? 'w' : '-');
    }
    w->have = false;
}

static void visit_mapping(void *opaque, const struct cpu_mapping *m)
{
    struct mapping_walk *w = opaque;

    if (!w->merge) {
        print_page(w, m);
    } else if (w->have && w->run.vaddr + w->run.size == m->vaddr && w->run.user == m->user &&
               w->run.write == m->write) {
        w->run.size += m->size;
    } else {
        flush_run(w);
        w->run = *m;
        w->have = true;
    }
}

static void walk_on_cpu(struct cpu *cpu, void *opaque)
{
    cpu->target->walk_mappings(cpu, visit_mapping, opaque);
}

static void print_mappings(struct monitor *mon, bool merge)
{
    struct cpu *cpu = hmp_cpu(mon);
    struct mapping_walk w = { .out = mon->out, .merge = merge };

    if (!cpu) {
        return;
    }
    if (!cpu->target->walk_mappings) {
        fprintf(mon->out, "the mappings of this CPU are not available\n");
        return;
    }
    w.digits = cpu->target->word_bits / 4;
    cpu_run_on(cpu, walk_on_cpu, &w);
    flush_run(&w);
}

void hmp_info_tlb(struct monitor *mon, struct hmp_args *args)
{
    print_mappings(mon, false);
}

void hmp_info_mem(struct monitor *mon, struct hmp_args *args)
{
    print_mappings(mon, true);
}
