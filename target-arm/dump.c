/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `info registers' and -d cpu, in QEMU's layout. */
#include "target-arm/cpu.h"

#include <inttypes.h>
#include "tcg/disas.h"

static const char *mode_name(uint32_t psr)
{
    static const char names[16][4] = {
        "usr", "fiq", "irq", "svc", "???", "???", "mon", "abt", "???", "???", "hyp", "und", "???",
        "???", "???", "sys",
    };

    return names[psr & 15];
}

void arm_debug_print(struct cpu *cpu, FILE *out)
{
    struct arm_env *env = arm_env(cpu);
    uint32_t op = env->cv_op, a = env->cv_a, b = env->cv_b, psr = arm_cpsr_read(env);

    env->cv_op = op;                /* a look changes nothing */
    env->cv_a = a;
    env->cv_b = b;
    for (unsigned i = 0; i < 16; i++) {
        fprintf(out, "R%02u=%08x%c", i, i < 15 ? env->regs[i] : env->pc & ~1u,
                i % 4 == 3 ? '\n' : ' ');
    }
    fprintf(out, "PSR=%08x %c%c%c%c %c %s32\n", psr, psr & PSR_N ? 'N' : '-',
            psr & PSR_Z ? 'Z' : '-', psr & PSR_C ? 'C' : '-', psr & PSR_V ? 'V' : '-',
            psr & PSR_T ? 'T' : 'A', mode_name(psr));
    if (!arm_has(env, F_VFP2)) {
        return;
    }
    for (unsigned i = 0; i < (arm_has(env, F_D32) ? 32 : 16); i++) {
        fprintf(out, "s%02u=%08x s%02u=%08x d%02u=%016" PRIx64 "\n", 2 * i, env->d[i].s[0],
                2 * i + 1, env->d[i].s[1], i, env->d[i].q);
    }
    fprintf(out, "FPSCR: %08x\n", arm_fpscr_read(env));
}

bool arm_disassemble_mode(const struct code_key *key, int *bits)
{
    *bits = (key->pc & 1 ? DISAS_THUMB : DISAS_ARM) | (key->mode & KEY_BE_CODE ? DISAS_BIG : 0);
    return true;
}
