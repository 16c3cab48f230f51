/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest code as text, for x/i. */
#include "monitor/disassemble.h"

#include "cpu-exec.h"
#include "hw/core/memory.h"
#include "tcg/disas.h"

#define LONGEST_INSN 16

static size_t read_code(struct cpu *cpu, uint64_t address, bool physical, uint8_t *code)
{
    size_t n = 0;

    /* Byte by byte, since the last instruction before an unmapped page is fine. */
    while (n < LONGEST_INSN &&
           (physical ? address_space_read(cpu->memory, address + n, code + n, 1) == MEM_OK
                     : cpu_debug_access(cpu, address + n, code + n, 1, false))) {
        n++;
    }
    return n;
}

static int current_bits(struct cpu *cpu)
{
    int bits = cpu->target->word_bits;
    struct code_key key;

    if (cpu->target->code_key && cpu->target->disassemble_mode) {
        cpu->target->code_key(cpu, &key);
        cpu->target->disassemble_mode(&key, &bits);
    }
    return bits;
}

void disassemble(FILE *out, struct cpu *cpu, uint64_t address, bool physical, int count)
{
    int bits = current_bits(cpu);

    while (count-- > 0) {
        uint8_t code[LONGEST_INSN];
        size_t size = read_code(cpu, address, physical, code);

        if (size == 0) {
            fprintf(out, "0x%08llx:  Cannot access memory\n", (unsigned long long)address);
            break;
        }
        size = disas_print_count(out, bits, address, code, size, 1);
        if (size == 0) {
            break;
        }
        address += size;
    }
}
