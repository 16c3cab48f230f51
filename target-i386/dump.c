/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `info registers' and -d cpu, in QEMU's layout. */
#include "target-i386/sys.h"

#include <inttypes.h>
#include "target-i386/fpu.h"

/* 64-bit guests show 16 digits, 32-bit ones 8 */
#define W (X86_64 ? 16 : 8)

static void print_general(const struct x86_env *env, FILE *out)
{
    static const char names[] = "AXBXCXDXSIDIBPSP";
    static const uint8_t order[] = { R_AX, R_BX, R_CX, R_DX, R_SI, R_DI, R_BP, R_SP };
    char prefix = X86_64 ? 'R' : 'E';

    for (unsigned i = 0; i < 8; i++) {
        fprintf(out, "%c%.2s=%0*" PRIx64 "%c", prefix, names + 2 * i, W,
                (uint64_t)env->regs[order[i]], i % 4 == 3 ? '\n' : ' ');
    }
    for (unsigned i = 8; i < X86_REGS; i++) {
        fprintf(out, "R%-2u=%0*" PRIx64 "%c", i, W, (uint64_t)env->regs[i],
                i % 4 == 3 ? '\n' : ' ');
    }
}

static void print_flags(struct x86_env *env, FILE *out)
{
    uint32_t flags = x86_get_eflags(env);

    fprintf(out, "%cIP=%0*" PRIx64 " %s=%08x [%c%c%c%c%c%c%c] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n",
            X86_64 ? 'R' : 'E', W, (uint64_t)env->pc, X86_64 ? "RFL" : "EFL", flags,
            flags & FL_DF ? 'D' : '-', flags & FL_OF ? 'O' : '-', flags & FL_SF ? 'S' : '-',
            flags & FL_ZF ? 'Z' : '-', flags & FL_AF ? 'A' : '-', flags & FL_PF ? 'P' : '-',
            flags & FL_CF ? 'C' : '-', env->cpl, env->mode_inhibit != 0, env->a20_mask_off == 0,
            env->in_smm != 0, env_cpu(env)->halted);
}

static void print_segment(const struct x86_env *env, FILE *out, const char *name,
                          const struct x86_segment *s)
{
    static const char *const system_types[2][16] = {
        { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
          "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32",
          "Reserved", "IntGate32", "TrapGate32" },
        { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved",
          "Reserved", "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved",
          "IntGate64", "TrapGate64" },
    };

    fprintf(out, "%-3s=%04x %0*" PRIx64 " %08x %08x", name, s->selector, W, s->base, s->limit,
            s->flags);
    if ((env->cr[0] & CR0_PE) && (s->flags & DESC_P)) {
        fprintf(out, " DPL=%u ", desc_dpl(s->flags));
        if (!(s->flags & DESC_S)) {
            fprintf(out, "%s", system_types[x86_long_mode(env)][desc_type(s->flags)]);
        } else if (s->flags & DESC_CODE) {
            fprintf(out, "%s [%c%c%c]", s->flags & DESC_L ? "CS64" : s->flags & DESC_DB ? "CS32"
                    : "CS16", s->flags & DESC_DC ? 'C' : '-', s->flags & DESC_RW ? 'R' : '-',
                    s->flags & DESC_A ? 'A' : '-');
        } else {
            fprintf(out, "%s [%c%c%c]", s->flags & DESC_DB || x86_long_mode(env) ? "DS  " : "DS16",
                    s->flags & DESC_DC ? 'E' : '-', s->flags & DESC_RW ? 'W' : '-',
                    s->flags & DESC_A ? 'A' : '-');
        }
    }
    fputc('\n', out);
}

static void print_system(const struct x86_env *env, FILE *out)
{
    static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS" };

    for (unsigned i = 0; i < SEG_COUNT; i++) {
        print_segment(env, out, names[i], &env->segs[i]);
    }
    print_segment(env, out, "LDT", &env->ldt);
    print_segment(env, out, "TR", &env->tr);
    fprintf(out, "GDT=     %0*" PRIx64 " %08x\n", W, env->gdt_base, env->gdt_limit);
    fprintf(out, "IDT=     %0*" PRIx64 " %08x\n", W, env->idt_base, env->idt_limit);
    fprintf(out, "CR0=%08x CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08x\n", (uint32_t)env->cr[0], W,
            env->cr[2], W, env->cr[3], (uint32_t)env->cr[4]);
    for (unsigned i = 0; i < 4; i++) {
        fprintf(out, "DR%u=%0*" PRIx64 "%c", i, W, env->dr[i], i == 3 ? '\n' : ' ');
    }
    fprintf(out, "DR6=%0*" PRIx64 " DR7=%0*" PRIx64 "\n", W, env->dr[6], W, env->dr[7]);
    fprintf(out, "EFER=%016" PRIx64 "\n", env->efer);
}

static void print_fpu(const struct x86_env *env, FILE *out)
{
    unsigned top = env->fptop & 7;

    fprintf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", env->fpuc,
            (env->fpus & ~0x3800) | top << 11, top, (uint8_t)~env->fptags, env->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        fprintf(out, "FPR%u=%016" PRIx64 " %04x%c", i, env->fpregs[i].mant, env->fpregs[i].exp,
                i & 1 ? '\n' : ' ');
    }
    for (unsigned i = 0; i < X86_REGS; i++) {
        fprintf(out, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i, env->xmm[i].q[1],
                env->xmm[i].q[0], i & 1 ? '\n' : ' ');
    }
}

void x86_debug_print(struct cpu *cpu, FILE *out)
{
    struct x86_env *env = x86_env(cpu);

    if (cpu == cpu_current()) {
        x86_fp_fetch(env);
    }
    print_general(env, out);
    print_flags(env, out);
    print_system(env, out);
    print_fpu(env, out);
}
