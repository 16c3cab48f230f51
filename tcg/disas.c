/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disassembly by capstone, or hex bytes without it. */
#include "tcg/disas.h"

#include <inttypes.h>
#include <stdbool.h>

#ifdef CONFIG_CAPSTONE
#include "tcg/capstone.h"

/* unit: bytes to go on by after what is no instruction. */
static bool open_for(const struct capstone *cs, int bits, csh *handle, unsigned *unit)
{
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;

    if (bits & (DISAS_ARM | DISAS_THUMB)) {
        mode = (bits & DISAS_THUMB ? CS_MODE_THUMB : CS_MODE_ARM) |
               (bits & DISAS_BIG ? CS_MODE_BIG_ENDIAN : CS_MODE_LITTLE_ENDIAN);
        *unit = bits & DISAS_THUMB ? 2 : 4;
        return cs->open(CS_ARCH_ARM, mode, handle) == CS_ERR_OK;
    }
    *unit = 1;
    if (cs->open(CS_ARCH_X86, mode, handle) != CS_ERR_OK) {
        return false;
    }
    cs->option(*handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    return true;
}

/* False without the library. */
static bool print_insns(FILE *out, int bits, uint64_t address, const uint8_t **at, size_t len,
                        unsigned count)
{
    const struct capstone *cs = capstone();
    cs_insn *insn;
    unsigned unit;
    csh handle;

    if (!cs || !open_for(cs, bits, &handle, &unit)) {
        return false;
    }
    insn = cs->malloc(handle);
    while (count-- && len) {
        uint64_t pc = address;

        if (cs->disasm_iter(handle, at, &len, &address, insn)) {
            fprintf(out, "0x%08" PRIx64 ":  %s %s\n", pc, insn->mnemonic, insn->op_str);
        } else {
            unsigned n = unit < len ? unit : len;

            fprintf(out, "0x%08" PRIx64 ":  .byte", pc);
            for (unsigned i = 0; i < n; i++) {
                fprintf(out, "%s 0x%02x", i ? "," : "", (*at)[i]);
            }
            fprintf(out, "\n");
            *at += n;
            len -= n;
            address += n;
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
