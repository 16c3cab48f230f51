/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disassembly by capstone, or hex bytes without it. */
#include "tcg/disas.h"

#include <inttypes.h>
#include <stdbool.h>

#ifdef CONFIG_CAPSTONE
#include <capstone.h>

/* unit: bytes to go on by after what is no instruction. */
static bool open_for(int bits, csh *handle, unsigned *unit)
{
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;

    if (bits & (DISAS_ARM | DISAS_THUMB)) {
        mode = (bits & DISAS_THUMB ? CS_MODE_THUMB : CS_MODE_ARM) |
               (bits & DISAS_BIG ? CS_MODE_BIG_ENDIAN : CS_MODE_LITTLE_ENDIAN);
        *unit = bits & DISAS_THUMB ? 2 : 4;
        return cs_open(CS_ARCH_ARM, mode, handle) == CS_ERR_OK;
    }
    *unit = 1;
    if (cs_open(CS_ARCH_X86, mode, handle) != CS_ERR_OK) {
        return false;
    }
    cs_option(*handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    return true;
}

size_t disas_print_count(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len,
                         unsigned count)
{
    const uint8_t *at = code;
    cs_insn *insn;
    csh handle;
    unsigned unit;

    if (!open_for(bits, &handle, &unit)) {
        return 0;
    }
    insn = cs_malloc(handle);
    while (count-- && len) {
        uint64_t pc = address;

        if (cs_disasm_iter(handle, &at, &len, &address, insn)) {
            fprintf(out, "0x%08" PRIx64 ":  %s %s\n", pc, insn->mnemonic, insn->op_str);
        } else {
            unsigned n = unit < len ? unit : len;

            fprintf(out, "0x%08" PRIx64 ":  .byte", pc);
            for (unsigned i = 0; i < n; i++) {
                fprintf(out, "%s 0x%02x", i ? "," : "", at[i]);
            }
            fprintf(out, "\n");
            at += n;
            len -= n;
            address += n;
        }
    }
    cs_free(insn, 1);
    cs_close(&handle);
    return at - code;
}
#else
size_t disas_print_count(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len,
                         unsigned count)
{
    size_t at = 0;

    while (count-- && at < len) {
        fprintf(out, "0x%08" PRIx64 ": ", address + at);
        for (unsigned i = 0; i < 8 && at < len; i++, at++) {
            fprintf(out, " %02x", code[at]);
        }
        fprintf(out, "\n");
    }
    return at;
}
#endif

void disas_print(FILE *out, int bits, uint64_t address, const uint8_t *code, size_t len)
{
    disas_print_count(out, bits, address, code, len, ~0u);
}
