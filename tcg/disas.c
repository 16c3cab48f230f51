/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disassembly by capstone, or hex bytes without it. */
#include "tcg/disas.h"

#include <inttypes.h>
#include <stdbool.h>

#ifdef CONFIG_CAPSTONE
#include "tcg/capstone.h"

/* False without the library. */
static bool print_insns(FILE *out, int bits, uint64_t address, const uint8_t **at, size_t len,
                        unsigned count)
{
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    const struct capstone *cs = capstone();
    cs_insn *insn;
    csh handle;

    if (!cs || cs->open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK) {
        return false;
    }
    cs->option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    insn = cs->malloc(handle);
    while (count-- && len) {
        uint64_t pc = address;

        if (cs->disasm_iter(handle, at, &len, &address, insn)) {
            fprintf(out, "0x%08" PRIx64 ":  %s %s\n", pc, insn->mnemonic, insn->op_str);
        } else {
            fprintf(out, "0x%08" PRIx64 ":  .byte 0x%02x\n", pc, **at);
            ++*at;
            len--;
            address++;
        }
    }
    cs->free(insn, 1);
    cs->close(&handle);
    return true;
}
#else
static bool print_insns(FILE *out, int bits, uint64_t address, const uint8_t **at, size_t len,
                        unsigned count)
{
    return false;
}
#endif

size_t disas_print_count(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len,
                         unsigned count)
{
    const uint8_t *insns = code;
    size_t at = 0;

    if (print_insns(out, bits, address, &insns, len, count)) {
        return insns - code;
    }
    while (count-- && at < len) {
        fprintf(out, "0x%08" PRIx64 ": ", address + at);
        for (unsigned i = 0; i < 8 && at < len; i++, at++) {
            fprintf(out, " %02x", code[at]);
        }
        fprintf(out, "\n");
    }
    return at;
}

void disas_print(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len)
{
    disas_print_count(out, bits, address, code, len, ~0u);
}
