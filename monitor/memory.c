/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitor commands that look at memory, ports and values. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "cpu-exec.h"
#include "hw/core/memory.h"
#include "monitor/disassemble.h"
#include "monitor/hmp.h"

static bool read_memory(struct cpu *cpu, bool physical, uint64_t address, void *data, size_t size)
{
    if (physical) {
        return address_space_read(cpu->memory, address, data, size) == MEM_OK;
    }
    return cpu_debug_access(cpu, address, data, size, false);
}

/* --- x and xp -------------------------------------------------------------------------------- */

static void print_character(FILE *out, uint8_t c)
{
    switch (c) {
    case '\'': fprintf(out, "'\\''"); break;
    case '\\': fprintf(out, "'\\\\'"); break;
    case '\n': fprintf(out, "'\\n'"); break;
    case '\r': fprintf(out, "'\\r'"); break;
    default:
        fprintf(out, c >= 32 && c <= 126 ? "'%c'" : "'\\x%02x'", c);
    }
}

static void print_value(FILE *out, char letter, int size, uint64_t value)
{
    int bits = size * 8;
    long long number = (long long)value;

    switch (letter) {
    case 'o': fprintf(out, "0%0*llo", (bits + 2) / 3, number); break;
    case 'u': fprintf(out, "%*llu", (bits * 10 + 32) / 33, number); break;
    case 'd':
        fprintf(out, "%*lld", (bits * 10 + 32) / 33, (long long)bits_sign_extend(value, bits));
        break;
    case 'c': print_character(out, value); break;
    default: fprintf(out, "0x%0*llx", size * 2, number);
    }
}

static uint64_t load_value(const struct cpu *cpu, const uint8_t *p, int size)
{
    bool big = cpu->target->big_endian;

    switch (size) {
    case 1: return *p;
    case 2: return big ? ld16_be(p) : ld16_le(p);
    case 4: return big ? ld32_be(p) : ld32_le(p);
    default: return big ? ld64_be(p) : ld64_le(p);
    }
}

static void dump(struct monitor *mon, struct hmp_args *args, bool physical)
{
    struct hmp_format f = args->format;
    struct cpu *cpu = hmp_cpu(mon);
    uint64_t address = hmp_number(args, "addr");
    int size = f.letter == 'c' ? 1 : f.size, line = size == 1 ? 8 : 16;
    int64_t left = (int64_t)f.count * size;
    int digits = physical || (cpu && cpu->target->word_bits == 64) ? 16 : 8;

    if (!cpu) {
        return;
    }
    if (f.letter == 'i') {
        disassemble(mon->out, cpu, address, physical, f.count);
        return;
    }
    while (left > 0) {
        uint8_t data[16];
        int n = MIN_OF(left, line);

        fprintf(mon->out, "%0*llx:", digits, (unsigned long long)address);
        if (!read_memory(cpu, physical, address, data, n)) {
            fprintf(mon->out, " Cannot access memory\n");
            return;
        }
        for (int i = 0; i < n; i += size) {
            fputc(' ', mon->out);
            print_value(mon->out, f.letter, size, load_value(cpu, data + i, size));
        }
        fputc('\n', mon->out);
        address += n;
        left -= n;
    }
}

void hmp_x(struct monitor *mon, struct hmp_args *args)
{
    dump(mon, args, false);
}

void hmp_xp(struct monitor *mon, struct hmp_args *args)
{
    dump(mon, args, true);
}

void hmp_print(struct monitor *mon, struct hmp_args *args)
{
    long long value = hmp_number(args, "val");

    switch (args->format.letter) {
    case 'o': fprintf(mon->out, "%#llo", value); break;
    case 'u': fprintf(mon->out, "%llu", value); break;
    case 'd': fprintf(mon->out, "%lld", value); break;
    case 'c': print_character(mon->out, value); break;
    default: fprintf(mon->out, "%#llx", value);
    }
    fputc('\n', mon->out);
}

/* --- ports ----------------------------------------------------------------------------------- */

static const char *port_name(int size)
{
    return size == 1 ? "portb" : size == 2 ? "portw" : "portl";
}

void hmp_port_in(struct monitor *mon, struct hmp_args *args)
{
    struct cpu *cpu = hmp_cpu(mon);
    int size = MIN_OF(args->format.size, 4);
    uint64_t port = hmp_number(args, "addr") & 0xffff, value;

    if (!cpu || !cpu->io) {
        return;
    }
    if (hmp_given(args, "index")) {
        address_space_st(cpu->io, port++, 1, ENDIAN_LITTLE, hmp_number(args, "index") & 0xff);
    }
    address_space_ld(cpu->io, port, size, ENDIAN_LITTLE, &value);
    fprintf(mon->out, "%s[0x%04x] = 0x%0*llx\n", port_name(size), (unsigned)port, size * 2,
            (unsigned long long)value);
}

void hmp_port_out(struct monitor *mon, struct hmp_args *args)
{
    struct cpu *cpu = hmp_cpu(mon);
    int size = MIN_OF(args->format.size, 4);

    if (cpu && cpu->io) {
        address_space_st(cpu->io, hmp_number(args, "addr") & 0xffff, size, ENDIAN_LITTLE,
                         hmp_number(args, "val"));
    }
}

/* --- ranges ---------------------------------------------------------------------------------- */

void hmp_sum(struct monitor *mon, struct hmp_args *args)
{
    struct cpu *cpu = hmp_cpu(mon);
    uint64_t address = hmp_number(args, "start"), left = (uint32_t)hmp_number(args, "size");
    uint16_t sum = 0;

    while (cpu && left) {
        uint8_t data[4096];
        size_t n = MIN_OF(left, sizeof(data));

        address_space_read(cpu->memory, address, data, n);
        for (size_t i = 0; i < n; i++) {
            /* The sum of the BSD program of that name. */
            sum = (uint16_t)(bits_rotr16(sum, 1) + data[i]);
        }
        address += n;
        left -= n;
    }
    fprintf(mon->out, "%05d\n", sum);
}

static void save_range(struct monitor *mon, struct hmp_args *args, bool physical)
{
    struct cpu *cpu = hmp_cpu(mon);
    const char *path = hmp_text(args, "filename");
    uint64_t address = hmp_number(args, "val"), left = (uint32_t)hmp_number(args, "size");
    struct error *err = NULL;
    FILE *file;

    if (!cpu) {
        return;
    }
    file = fopen(path, "wbe");
    if (!file) {
        error_set_errno(&err, errno, "Could not open '%s'", path);
    }
    while (file && left && !err) {
        uint8_t data[4096];
        size_t n = MIN_OF(left, sizeof(data) - (address & 4095));

        if (!read_memory(cpu, physical, address, data, n)) {
            error_set(&err, "Invalid addr 0x%016llx/size %llu specified",
                      (unsigned long long)address, (unsigned long long)left);
        } else if (fwrite(data, 1, n, file) != n) {
            error_set_errno(&err, errno, "writing memory to '%s' failed", path);
        }
        address += n;
        left -= n;
    }
    if (file && fclose(file) != 0 && !err) {
        error_set_errno(&err, errno, "writing memory to '%s' failed", path);
    }
    hmp_report(mon, err);
}

void hmp_memsave(struct monitor *mon, struct hmp_args *args)
{
    save_range(mon, args, false);
}

void hmp_pmemsave(struct monitor *mon, struct hmp_args *args)
{
    save_range(mon, args, true);
}

void hmp_gva2gpa(struct monitor *mon, struct hmp_args *args)
{
    struct cpu *cpu = hmp_cpu(mon);
    uint64_t address;

    if (!cpu) {
        return;
    }
    if (cpu->target->debug_translate &&
        cpu->target->debug_translate(cpu, hmp_number(args, "addr"), &address)) {
        fprintf(mon->out, "gpa: %#llx\n", (unsigned long long)address);
    } else {
        fprintf(mon->out, "Unmapped\n");
    }
}
