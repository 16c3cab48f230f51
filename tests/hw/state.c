/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole PC without running CPUs: its state comes back the same; damaged states give an error or
 * a machine that can be used without harm. STATE_TEST_ROUNDS and STATE_TEST_SEED make it longer.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "block/drive.h"
#include "cpu-exec.h"
#include "hw/core/device.h"
#include "hw/core/options.h"
#include "hw/core/run.h"
#include "migration/machine.h"
#include "tests/tap.h"

static uint64_t seed = 1;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* --- the machine ----------------------------------------------------------------------------- */

static char image[] = "/tmp/qemu-state-XXXXXX";

static void make_machine(void)
{
    static const char *const devices[] = {
        "e1000", "rtl8139", "pcnet", "ne2k_pci", "ne2k_isa", "i82551", "i6300esb", "ib700", "edu",
        "isa-debug-exit", "ahci,id=sata", "ide-cd,bus=sata.2"
    };
    static struct machine_config config;
    struct error *err = NULL;
    char text[128];
    int fd = mkstemp(image);

    if (fd < 0 || ftruncate(fd, 4 << 20) < 0) {
        error_exit("cannot make a disk image in /tmp");
    }
    close(fd);
    snprintf(text, sizeof(text), "file=%s,format=raw,if=ide", image);
    machine_config_init(&config);
    config.ram_size = 8 << 20;
    config.vga = MACHINE_VGA_STD;
    if (!block_add_drive(text, &err) || !block_add_drive("if=ide,media=cdrom,index=2", &err) ||
        !block_add_drive("if=floppy,index=0", &err) ||
        !machine_create(machine_class_find("pc"), &config, &err)) {
        error_exit_with(err);
    }
    for (unsigned i = 0; i < ARRAY_LEN(devices); i++) {
        if (!device_add_option(devices[i], &err)) {
            error_exit_with(err);
        }
    }
    machine_reset();
    clock_vm_set(NS_PER_SECOND);
}

/* --- what a guest could do ------------------------------------------------------------------- */

static uint16_t random_port(void)
{
    static const struct { uint16_t first, count; } ranges[] = {
        { 0x00, 16 }, { 0x20, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x70, 2 }, { 0x80, 16 }, { 0x92, 1 },
        { 0xa0, 2 }, { 0xc0, 32 }, { 0x170, 8 }, { 0x1f0, 8 }, { 0x300, 32 }, { 0x376, 1 },
        { 0x378, 8 }, { 0x3b0, 48 }, { 0x3f0, 16 }, { 0x4d0, 2 }, { 0x510, 12 }, { 0xcf8, 8 },
        { 0xb000, 64 }, { 0xb100, 64 }, { 0xc000, 0x200 },
    };
    unsigned i = random64() % ARRAY_LEN(ranges);

    return ranges[i].first + random64() % ranges[i].count;
}

static uint64_t random_address(void)
{
    static const uint64_t bases[] = { 0xa0000, 0xfec00000, 0xfed00000, 0xfee00000, 0xfd000000,
                                      0xfebc0000, 0xc0000 };

    return bases[random64() % ARRAY_LEN(bases)] + (random64() & 0xfffc);
}

static void random_access(void)
{
    struct cpu *cpu = cpu_first();
    unsigned size = 1 << random64() % 3;
    uint64_t value;

    switch (random64() % 4) {
    case 0:
        address_space_ld(cpu->io, random_port(), size, ENDIAN_LITTLE, &value);
        break;
    case 1:
        address_space_st(cpu->io, random_port(), size, ENDIAN_LITTLE, random64());
        break;
    case 2:
        address_space_ld(cpu->memory, random_address(), size, ENDIAN_LITTLE, &value);
        break;
    default:
        address_space_st(cpu->memory, random_address(), size, ENDIAN_LITTLE, random64());
        break;
    }
}

static void use_machine(unsigned accesses)
{
    clock_vm_enable(true);
    for (unsigned i = 0; i < accesses; i++) {
        random_access();
        if (i % 64 == 0) {
            clock_run_timers();
            main_loop_step(false);
        }
    }
    block_drain_all();
    clock_vm_enable(false);
}

/* --- saving and loading ---------------------------------------------------------------------- */

static bool load(const struct state_writer *state, struct error **err)
{
    struct machine_load load = { .ram = ram_pages_create(), .state_size = state->size };
    bool good;

    load.state = malloc(state->size);
    memcpy(load.state, state->data, state->size);
    machine_begin_load();
    good = machine_load_state(&load, err);
    ram_pages_free(load.ram);
    free(load.state);
    if (good) {
        machine_end_load(false);
    }
    return good;
}

/* The section with the first difference. */
static void print_difference(const struct state_writer *a, const struct state_writer *b)
{
    struct state_reader ra = { a->data, a->size, 0 }, rb = { b->data, b->size, 0 };
    struct state_section sa, sb;

    while (state_next_section(&ra, &sa, NULL) && state_next_section(&rb, &sb, NULL)) {
        for (size_t i = 0; i < MIN_OF(sa.body.size, sb.body.size); i++) {
            if (sa.body.data[i] != sb.body.data[i]) {
                printf("# %s: %02x becomes %02x at byte %zu, behind '%.*s'\n", sa.name,
                       sa.body.data[i], sb.body.data[i], i, 24,
                       sa.body.data + (i > 30 ? i - 30 : 0));
                return;
            }
        }
    }
}

static void check_identity(const struct state_writer *state)
{
    struct state_writer again = { 0 };
    struct error *err = NULL;

    ok(load(state, &err), "the state loads");
    if (err) {
        printf("# %s\n", error_text(err));
    }
    machine_save_state(&again);
    if (!ok(again.size == state->size && memcmp(again.data, state->data, state->size) == 0,
            "and is the same when it is saved again")) {
        print_difference(state, &again);
    }
    state_writer_free(&again);
}

/* Where the bodies of the sections are. */
static struct { size_t at, size; } sections[256];
static unsigned n_sections;

static void find_sections(const struct state_writer *state)
{
    struct state_reader r = { state->data, state->size, 0 };
    struct state_section section;

    while (n_sections < ARRAY_LEN(sections) && state_next_section(&r, &section, NULL)) {
        sections[n_sections].at = section.body.data - state->data;
        sections[n_sections++].size = section.body.size;
    }
}

/* Every section is hit as often; the long buffers at the end of some are hit rarely. */
static size_t random_place(void)
{
    unsigned i = random64() % n_sections;
    size_t size = random64() % 4 ? MIN_OF(sections[i].size, 3000) : sections[i].size;

    return sections[i].at + random64() % size;
}

/* Lengths and names are hit too, which the reader must notice. */
static void damage(struct state_writer *state)
{
    static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 2, 16, 64 };
    unsigned count = 1 + random64() % 4;

    for (unsigned i = 0; i < count; i++) {
        size_t at = random_place(), n = random64() % 4 ? 1 : 1 + random64() % 8;

        for (size_t k = at; k < MIN_OF(at + n, state->size); k++) {
            state->data[k] = random64() & 1 ? values[random64() % 8] : random64();
        }
    }
    if (random64() % 50 == 0) {
        state->size = random64() % state->size;
    }
}

/* Changes values only, so that more of these load: a byte behind the name, kind and count. */
static void damage_values(struct state_writer *state)
{
    for (unsigned tries = 0; tries < 1 + random64() % 8; tries++) {
        size_t at = random_place();

        while (at < state->size && state->data[at] >= '0' && state->data[at] <= 'z') {
            at++;                   /* the rest of a name */
        }
        at += 5 + random64() % 4;
        if (at < state->size && !(state->data[at] >= 'a' && state->data[at] <= 'z')) {
            state->data[at] = random64() & 1 ? 0xff : random64();
        }
    }
}

static void check_damage(const struct state_writer *state, unsigned rounds)
{
    unsigned loaded = 0, silent = 0;

    for (unsigned i = 0; i < rounds; i++) {
        struct state_writer bad = { 0 };
        struct error *err = NULL;

        state_put(&bad, state->data, state->size);
        if (i & 1) {
            damage(&bad);
        } else {
            damage_values(&bad);
        }
        if (load(&bad, &err)) {
            loaded++;
            use_machine(300);
        } else {
            silent += err == NULL;
        }
        error_free(err);
        state_writer_free(&bad);
    }
    ok(silent == 0, "%u damaged states: each refusal has its reason", rounds);
    ok(loaded > 0, "%u of them loaded and did no harm", loaded);
}

int main(void)
{
    struct state_writer state = { 0 };
    const char *rounds = getenv("STATE_TEST_ROUNDS"), *start = getenv("STATE_TEST_SEED");

    seed = start ? strtoull(start, NULL, 0) * 2 + 1 : 1;
    main_loop_init();
    make_machine();
    use_machine(20000);
    machine_begin_save();
    machine_save_state(&state);
    machine_end_save(false);
    check_identity(&state);
    find_sections(&state);
    check_damage(&state, rounds ? strtoul(rounds, NULL, 0) : 400);
    state_writer_free(&state);
    unlink(image);
    return tap_done();
}
