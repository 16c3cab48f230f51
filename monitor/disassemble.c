/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest code as text, for x/i. */
#include "monitor/disassemble.h"

#include <string.h>

#include "cpu-exec.h"
#include "hw/core/memory.h"

#ifdef CONFIG_CAPSTONE
#include <capstone.h>

static size_t read_code(struct cpu *cpu, uint64_t address, bool physical, uint8_t *code,
                        size_t size)
{
    size_t n = 0;

    /* Byte by byte, since the last instruction before an unmapped page is fine. */
    while (n < size && (physical
                            ? address_space_read(cpu->memory, address + n, code + n, 1) == MEM_OK
                            : cpu_debug_access(cpu, address + n, code + n, 1, false))) {
        n++;
    }
    return n;
}

/* True if a handle for the CPU's current mode is open. */
static bool open_handle(struct cpu *cpu, csh *handle)
{
    struct code_key key;
    int bits = cpu->target->word_bits;

    if (!cpu->target->code_key || !cpu->target->disassemble_mode) {
        return false;
    }
    cpu->target->code_key(cpu, &key);
    if (!cpu->target->disassemble_mode(key.mode, &bits)) {
        return false;
    }
    if (cs_open(CS_ARCH_X86, bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16,
                handle) != CS_ERR_OK) {
        return false;
    }
    cs_option(*handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    return true;
}

static void print_line(FILE *out, uint64_t address, const uint8_t *code, size_t size,
                       const char *text, const char *operands)
{
    fprintf(out, "0x%08llx: ", (unsigned long long)address);
    for (size_t i = 0; i < size; i++) {
        fprintf(out, " %02x", code[i]);
    }
    fprintf(out, "%*s%-8s %s\n", size < 8 ? (int)(8 - size) * 3 + 2 : 2, "", text, operands);
}

void disassemble(FILE *out, struct cpu *cpu, uint64_t address, bool physical, int count)
{
    cs_insn *insn;
    csh handle;

    if (!open_handle(cpu, &handle)) {
        fprintf(out, "there is no disassembler for this CPU\n");
        return;
    }
    insn = cs_malloc(handle);
    while (count-- > 0) {
        uint8_t code[16];
        size_t left = read_code(cpu, address, physical, code, sizeof(code));
        const uint8_t *at = code;
        uint64_t next = address;

        if (left == 0) {
            fprintf(out, "0x%08llx:  Cannot access memory\n", (unsigned long long)address);
            break;
        }
        if (cs_disasm_iter(handle, &at, &left, &next, insn)) {
            print_line(out, address, code, insn->size, insn->mnemonic, insn->op_str);
        } else {
            print_line(out, address, code, 1, ".byte", "");
            next = address + 1;
        }
        address = next;
    }
    cs_free(insn, 1);
    cs_close(&handle);
}
#else
void disassemble(FILE *out, struct cpu *cpu, uint64_t address, bool physical, int count)
{
    fprintf(out, "this executable was built without the capstone disassembler\n");
}
#endif
