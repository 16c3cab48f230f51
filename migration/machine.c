/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole machine in a stream, see machine.h. */
#include "migration/machine.h"

#include <glib.h>
#include <string.h>

#include "accel/accel.h"
#include "base/bits.h"
#include "base/clock.h"
#include "cpu-exec.h"
#include "hw/core/device.h"
#include "hw/core/run.h"

#define MAGIC "vmstate\n"

enum { FORMAT = 1, MAX_FACTS = 64 << 10, MAX_STATE = 256 << 20 };
enum { RECORD_RAM = 1, RECORD_STATE, RECORD_END };

/* What must be the same on both sides. */
struct machine_facts {
    char target[16], machine[48];
    uint64_t ram_size;
    uint32_t cpus;
};

#define TEXT(T, m) { #m, offsetof(struct T, m), 1, sizeof(FIELD_MEMBER(T, m)), FIELD_U8, 1, NULL }

FIELDS(machine_facts) = {
    TEXT(machine_facts, target), TEXT(machine_facts, machine),
    FIELD(machine_facts, ram_size), FIELD(machine_facts, cpus), FIELDS_END
};
static const struct state facts_state = {
    0, sizeof(struct machine_facts), 1, machine_facts_fields, machine_facts_mask
};

/* --- clock and CPUs -------------------------------------------------------------------------- */

struct saved_clock {
    int64_t vm_ns;
    uint32_t run_state, requests;
};
FIELDS(saved_clock) = {
    FIELD(saved_clock, vm_ns), FIELD(saved_clock, run_state), FIELD(saved_clock, requests),
    FIELDS_END
};
static const struct state clock_state = {
    0, sizeof(struct saved_clock), 1, saved_clock_fields, saved_clock_mask
};

/* What struct cpu holds of the guest's state; the rest is in its env. */
struct saved_cpu {
    uint32_t interrupts, error_code;
    int32_t exception;
    bool halted;
};
FIELDS(saved_cpu) = {
    FIELD(saved_cpu, interrupts), FIELD(saved_cpu, error_code), FIELD(saved_cpu, exception),
    FIELD(saved_cpu, halted), FIELDS_END
};
static const struct state cpu_state = {
    0, sizeof(struct saved_cpu), 1, saved_cpu_fields, saved_cpu_mask
};

enum { NOT_SAVED = CPU_INT_EXIT | CPU_INT_RESET };

static struct state env_state(const struct cpu *cpu)
{
    return (struct state){ 0, cpu->target->env_size, MAX_OF(cpu->target->state_version, 1u),
                           cpu->target->state_fields, NULL };
}

static void save_cpu(struct state_writer *w, struct cpu *cpu)
{
    struct state env = env_state(cpu);
    struct saved_cpu c = {
        .interrupts = __atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST) & ~NOT_SAVED,
        .error_code = cpu->error_code, .exception = cpu->exception, .halted = cpu->halted,
    };

    if (cpu->target->saving) {
        cpu->target->saving(cpu);
    }
    state_save(w, "cpu", cpu->index, &cpu_state, &c);
    state_save(w, cpu->target->name, cpu->index, &env, cpu->env);
}

static void save_clock(struct state_writer *w)
{
    struct saved_clock c = { .vm_ns = clock_ns(CLOCK_VM) };

    machine_get_condition(&c.run_state, &c.requests);
    state_save(w, "clock", 0, &clock_state, &c);
}

static bool load_section(struct state_reader *r, const char *name, uint32_t instance,
                         const struct state *state, void *object, struct error **err)
{
    struct state_section section;
    struct error *why = NULL;

    if (!state_next_section(r, &section, &why) || strcmp(section.name, name) != 0 ||
        section.instance != instance) {
        error_set(&why, "the saved state lacks section '%s' number %u", name, instance);
        error_propagate(err, why);
        return false;
    }
    return state_load(&section, state, object, err);
}

static bool load_clock(struct state_reader *r, struct saved_clock *c, struct error **err)
{
    if (!load_section(r, "clock", 0, &clock_state, c, err)) {
        return false;
    }
    if (c->vm_ns < 0 || c->vm_ns > INT64_MAX / 4) {
        error_set(err, "clock: impossible time");
        return false;
    }
    clock_vm_set(c->vm_ns);
    return true;
}

static bool load_cpu(struct state_reader *r, struct cpu *cpu, struct error **err)
{
    struct state env = env_state(cpu);
    struct saved_cpu c;

    if (!load_section(r, "cpu", cpu->index, &cpu_state, &c, err) ||
        !load_section(r, cpu->target->name, cpu->index, &env, cpu->env, err)) {
        return false;
    }
    __atomic_store_n(&cpu->interrupts, c.interrupts & ~NOT_SAVED, __ATOMIC_SEQ_CST);
    cpu->error_code = c.error_code;
    cpu->exception = c.exception;
    cpu->halted = c.halted;
    cpu->one_insn = false;
    cpu_replaced(cpu);
    return !cpu->target->loaded || cpu->target->loaded(cpu, err);
}

/* --- saving ---------------------------------------------------------------------------------- */

bool machine_can_save(struct error **err)
{
    if (machine_needs_reset()) {
        error_set(err, "the machine is %s and must be reset first", machine_status());
        return false;
    }
    return (!accel()->can_save || accel()->can_save(err)) && device_can_save_all(err);
}

static void get_facts(struct machine_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
    g_strlcpy(facts->target, the_target.name, sizeof(facts->target));
    g_strlcpy(facts->machine, machine_class()->name, sizeof(facts->machine));
    facts->ram_size = machine_config()->ram_size;
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        facts->cpus++;
    }
}

void machine_save_header(struct stream *s, const struct ram_pages *ram)
{
    struct state_writer w = { 0 };
    struct machine_facts facts;

    get_facts(&facts);
    stream_put(s, MAGIC, 8);
    stream_put_number(s, FORMAT, 4);
    state_save(&w, "machine", 0, &facts_state, &facts);
    stream_put_number(s, w.size, 4);
    stream_put(s, w.data, w.size);
    state_writer_free(&w);
    ram_save_blocks(s, ram);
}

bool machine_save_ram(struct stream *s, struct ram_pages *ram, struct ram_stats *stats)
{
    if (!ram->left) {
        return false;
    }
    stream_put_number(s, RECORD_RAM, 1);
    return ram_save_run(s, ram, stats);
}

void machine_save_state(struct state_writer *w)
{
    save_clock(w);
    for (struct cpu *cpu = cpu_first(); cpu; cpu = cpu->next) {
        save_cpu(w, cpu);
    }
    device_save_all(w);
}

void machine_save_end(struct stream *s, const struct state_writer *state)
{
    stream_put_number(s, RECORD_STATE, 1);
    stream_put_number(s, state->size, 4);
    stream_put(s, state->data, state->size);
    stream_put_number(s, RECORD_END, 1);
    stream_flush(s);
}

/* --- loading --------------------------------------------------------------------------------- */

static void check_magic(struct stream *s)
{
    char magic[9] = "";
    uint32_t format;

    if (!stream_get(s, magic, 8)) {
        return;
    }
    if (memcmp(magic, "QEVM", 4) == 0) {
        stream_fail(s, "this is the state of a QEMU machine, which has another format");
        return;
    }
    if (memcmp(magic, MAGIC, 8) != 0) {
        stream_fail(s, "this is not the state of a machine");
        return;
    }
    format = stream_get_number(s, 4);
    if (!stream_failed(s) && format != FORMAT) {
        stream_fail(s, "format %u of saved states is not supported (newest is %u)", format, FORMAT);
    }
}

static void compare_facts(struct stream *s, struct machine_facts *saved)
{
    struct machine_facts facts;

    get_facts(&facts);
    saved->target[sizeof(saved->target) - 1] = '\0';
    saved->machine[sizeof(saved->machine) - 1] = '\0';
    if (strcmp(saved->target, facts.target) != 0) {
        stream_fail(s, "the saved machine has a CPU of type '%.15s', this one '%s'",
                    saved->target, facts.target);
    } else if (strcmp(saved->machine, facts.machine) != 0) {
        stream_fail(s, "the saved machine is a '%.47s', this one a '%s'", saved->machine,
                    facts.machine);
    } else if (saved->ram_size != facts.ram_size) {
        stream_fail(s, "the saved machine has %llu MiB of RAM and this one %llu MiB (use -m)",
                    (unsigned long long)saved->ram_size >> 20,
                    (unsigned long long)facts.ram_size >> 20);
    } else if (saved->cpus != facts.cpus) {
        stream_fail(s, "the saved machine has %u CPUs and this one %u (use -smp)", saved->cpus,
                    facts.cpus);
    }
}

static void load_facts(struct stream *s)
{
    uint32_t size = stream_get_number(s, 4);
    struct machine_facts saved;
    struct state_reader r;
    uint8_t *data;

    if (size > MAX_FACTS) {
        stream_fail(s, "the stream is damaged in its header");
        return;
    }
    data = g_malloc(size + 1);
    stream_get(s, data, size);
    r = (struct state_reader){ data, size, 0 };
    if (!stream_failed(s) && load_section(&r, "machine", 0, &facts_state, &saved, &s->failure)) {
        compare_facts(s, &saved);
    }
    g_free(data);
}

static void load_blob(struct stream *s, struct machine_load *load)
{
    uint32_t size = stream_get_number(s, 4);

    if (load->state || size > MAX_STATE) {
        stream_fail(s, "the stream is damaged after %llu bytes",
                    (unsigned long long)stream_position(s));
        return;
    }
    load->state = g_try_malloc(size + 1);
    load->state_size = size;
    if (!load->state) {
        stream_fail(s, "no memory for %u bytes of state", size);
        return;
    }
    stream_get(s, load->state, size);
}

static void load_records(struct stream *s, struct machine_load *load)
{
    while (!stream_failed(s)) {
        uint8_t kind = stream_get_number(s, 1);

        if (stream_failed(s)) {
            return;
        }
        if (kind == RECORD_RAM && !load->state) {
            ram_load_run(s, load->ram);
        } else if (kind == RECORD_STATE) {
            load_blob(s, load);
        } else if (kind == RECORD_END && load->state) {
            return;
        } else {
            stream_fail(s, "the stream is damaged after %llu bytes",
                        (unsigned long long)stream_position(s));
        }
    }
}

bool machine_load_stream(struct stream *s, struct machine_load *load, struct error **err)
{
    *load = (struct machine_load){ .ram = ram_pages_create() };
    check_magic(s);
    if (!stream_failed(s)) {
        load_facts(s);
    }
    if (!stream_failed(s) && ram_load_blocks(s, load->ram)) {
        load_records(s, load);
    }
    return stream_result(s, err);
}

bool machine_load_state(struct machine_load *load, struct error **err)
{
    struct state_reader r = { load->state, load->state_size, 0 };
    struct saved_clock c;
    bool good;

    ram_loaded(load->ram);
    good = load_clock(&r, &c, err);
    for (struct cpu *cpu = cpu_first(); good && cpu; cpu = cpu->next) {
        good = load_cpu(&r, cpu, err);
    }
    good = good && device_load_all(&r, err);
    if (good && r.at != r.size) {
        error_set(err, "the saved state goes on after its end");
        good = false;
    }
    if (good) {
        machine_set_condition(c.run_state, c.requests);
    } else {
        machine_set_broken();
    }
    return good;
}

void machine_load_free(struct machine_load *load)
{
    ram_pages_free(load->ram);
    g_free(load->state);
    *load = (struct machine_load){ 0 };
}
