/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder against capstone on random bytes, every row of the opcode table reached, and the IR
 * of random code in all modes verified.
 */
#include "tests/tap.h"

#include <stdlib.h>
#include "target-i386/translate.h"
#ifdef CONFIG_CAPSTONE
/* Its tags are also ours. */
#define x86_insn capstone_x86_insn
#define x86_prefix capstone_x86_prefix
#include <capstone/capstone.h>
#undef x86_insn
#undef x86_prefix
#endif

static uint64_t seed = 0x243f6a8885a308d3ull;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

static const uint32_t modes[] = {
    MODE_IOPL,                                                      /* real */
    MODE_ADDSEG | MODE_LIMITS,
    MODE_PE | MODE_VM | MODE_ADDSEG | 3,
    MODE_PE | MODE_CS32 | MODE_SS32 | MODE_OSFXSR | MODE_KERNEL_USER_OK,
    MODE_PE | MODE_CS32 | MODE_SS32 | MODE_ADDSEG | MODE_LIMITS | MODE_FS_LIMITS | 3 | MODE_OSFXSR,
    MODE_PE | MODE_ADDSEG | MODE_OSFXSR,
    MODE_PE | MODE_CS32 | MODE_SS32 | MODE_TF,
    MODE_PE | MODE_CS32 | MODE_SS32 | MODE_INHIBIT,
#if TARGET_WORD_BITS == 64
    MODE_PE | MODE_LMA | MODE_CS64 | MODE_OSFXSR,
    MODE_PE | MODE_LMA | MODE_CS64 | MODE_OSFXSR | 3,
    MODE_PE | MODE_LMA | MODE_CS64 | MODE_OSFXSR | 3 | MODE_TF,
    MODE_PE | MODE_LMA | MODE_CS64 | MODE_DR_CODE | MODE_SSE_TRAPS,
    MODE_PE | MODE_LMA | MODE_CS32 | MODE_SS32 | MODE_OSFXSR | 3,
#endif
};
enum { N_MODES = sizeof(modes) / sizeof(modes[0]) };

/* Random bytes, but often something that starts like a real instruction. */
static void random_code(uint8_t *code, unsigned len)
{
    static const uint8_t starts[] = { 0x0f, 0x0f, 0x0f, 0x66, 0xf2, 0xf3, 0x48, 0x4c, 0xc4, 0xc5 };

    for (unsigned i = 0; i < len; i++) {
        uint64_t r = next_random();

        code[i] = r & 0xf000 ? r : starts[(r >> 32) % sizeof(starts)];
        if (i && code[i - 1] == 0x0f && (r & 0xf0000) == 0) {
            code[i] = r & 0x100000 ? 0x38 : 0x3a;
        }
    }
}

static void all_features(bool has[FEAT_COUNT])
{
    memset(has, 1, FEAT_COUNT);
    has[FEAT_NEVER] = false;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void note_rows(uint8_t *seen, const uint8_t *code, uint32_t mode, const bool *has)
{
    struct x86_insn in;

    if (x86_decode(&in, code, 16, 0x1000, mode, has, NULL) && in.op) {
        seen[in.op - x86_opcodes] = 1;
    }
}

/* Every prefix, map, opcode and ModRM byte of interest, in 32-bit and 64-bit code. */
static void try_opcode(uint8_t *seen, unsigned map, unsigned opcode, uint32_t mode, const bool *has)
{
    static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };

    for (unsigned p = 0; p < 4; p++) {
        for (unsigned vex = 0; vex < 2; vex++) {
            for (unsigned modrm = 0; modrm < 256; modrm++) {
                uint8_t code[16] = { 0 };
                unsigned n = 0;

                if (vex) {
                    code[n++] = 0xc4;
                    code[n++] = 0xe0 | map;
                    code[n++] = 0x78 | p;
                } else {
                    if (prefix[p]) {
                        code[n++] = prefix[p];
                    }
                    if (map) {
                        code[n++] = 0x0f;
                    }
                    if (map > 1) {
                        code[n++] = map == 2 ? 0x38 : 0x3a;
                    }
                }
                code[n++] = opcode;
                code[n++] = modrm;
                note_rows(seen, code, mode, has);
            }
        }
    }
}

static void test_rows(void)
{
    const uint32_t mode32 = MODE_PE | MODE_CS32, mode64 = MODE_PE | MODE_CS64;
    uint8_t *seen = calloc(x86_opcode_count, 1);
    bool has[FEAT_COUNT];
    unsigned missing = 0;

    for (unsigned variant = 0; variant < 2; variant++) {
        all_features(has);
        if (variant) {              /* so that fallback rows are seen */
            has[FEAT_3DNOWPREFETCH] = has[FEAT_BMI1] = has[FEAT_LZCNT] = false;
        }
        for (unsigned i = 0; i < 4 * 256; i++) {
            try_opcode(seen, i >> 8, i & 255, mode32, has);
            try_opcode(seen, i >> 8, i & 255, mode64, has);
        }
    }
    for (unsigned i = 0; i < x86_opcode_count; i++) {
        const struct x86_opcode *op = &x86_opcodes[i];

        if (!seen[i] && op->feature != FEAT_NEVER) {
            printf("# row %u (%s, map %u, opcode %02x, prefix %u) is unreachable\n", i, op->name,
                   op->map, op->opcode, op->prefix);
            missing++;
        }
    }
    is_int(missing, 0, "every row of the opcode table is reachable");
    free(seen);
}

/* --- prefixes and operands, by hand ---------------------------------------------------------- */

static void decode_text(struct x86_insn *in, uint32_t mode, const char *hex)
{
    uint8_t code[32] = { 0 };
    bool has[FEAT_COUNT];
    unsigned n = 0;

    all_features(has);
    for (; *hex && n < sizeof(code); n++) {
        code[n] = strtoul((char[]){ hex[0], hex[1], 0 }, NULL, 16);
        hex += 2;
    }
    x86_decode(in, code, n < 15 ? 15 : n, 0x1000, mode, has, NULL);
}

static void test_details(void)
{
    const uint32_t mode16 = 0, mode32 = MODE_PE | MODE_CS32, mode64 = MODE_PE | MODE_CS64;
    struct x86_insn in;

    decode_text(&in, mode64, "488b4c9d10");
    ok(in.len == 5 && in.opsize == 8 && in.base == R_BP && in.index == R_BX && in.scale == 2 &&
       in.disp == 0x10 && in.operand[0].reg == R_CX, "mov rcx, [rbp + rbx * 4 + 16]");
    decode_text(&in, mode64, "488b0510000000");
    ok(in.base == BASE_RIP && in.disp == 0x1017, "a rip-relative address is absolute");
    decode_text(&in, mode64, "f30fbcc1");
    is_text(in.op->name, "tzcnt", "F3 makes bsf a tzcnt");
    decode_text(&in, mode16, "e9fdef");
    ok(in.len == 3 && in.imm == 0, "a 16-bit jump wraps at 64 KiB");
    decode_text(&in, mode32, "c80800ff");
    ok(in.imm == 8 && in.imm2 == 0xff, "enter has two immediates");
    decode_text(&in, mode32, "6683c0ff");
    ok(in.imm == -1 && in.operand[1].size == 2, "a sign-extended byte immediate");
    decode_text(&in, mode64, "66666666666666666666666666669090");
    ok(!in.too_long && in.len == 15, "15 bytes are not too long");
    decode_text(&in, mode64, "6666666666666666666666666666669090");
    ok(in.too_long, "16 bytes are too long");
    decode_text(&in, mode64, "4066b80100");
    ok(in.rex == 0 && in.opsize == 2, "a prefix after REX voids it");
    decode_text(&in, mode32, "c4e278f7c1");
    is_text(in.op ? in.op->name : "none", "bextr", "VEX outside of 64-bit mode");
    decode_text(&in, mode32, "c400");
    ok(!in.vex, "les is no VEX prefix");
    ok(x86_flags_written(&in) == 0, "les writes no flags");
}

/* --- capstone -------------------------------------------------------------------------------- */

#ifdef CONFIG_CAPSTONE
/* Where capstone is known to see it otherwise. */
static bool incomparable(const struct x86_insn *in, const cs_insn *ci)
{
    if (in->vex || in->too_long || in->lock) {
        return true;
    }
    /* Near branches: 66 in 64-bit mode is ignored by us, as by one of the two vendors. */
    if (in->data16 && in->op && in->op->attrs & A_F64) {
        return true;
    }
    /* ud0 and ud1 have a ModRM byte, which capstone leaves out. */
    if (in->map == MAP_0F && (in->opcode == 0xff || in->opcode == 0xb9)) {
        return true;
    }
    return ci->id == X86_INS_XBEGIN || ci->id == X86_INS_XABORT;
}

static unsigned differs(csh handle, const uint8_t *code, uint32_t mode, const bool *has,
                        unsigned *compared)
{
    struct x86_insn in;
    cs_insn *ci = NULL;
    unsigned bad = 0;

    x86_decode(&in, code, 16, 0x1000, mode, has, NULL);
    if (in.op && !in.too_long && cs_disasm(handle, code, 15, 0x1000, 1, &ci) == 1 &&
        !incomparable(&in, ci)) {
        ++*compared;
        if (ci->size != in.len) {
            printf("# %s: %u bytes, capstone: %s %s, %u bytes:", in.op->name, in.len, ci->mnemonic,
                   ci->op_str, ci->size);
            for (unsigned i = 0; i < 15; i++) {
                printf(" %02x", code[i]);
            }
            printf("\n");
            bad = 1;
        }
    }
    if (ci) {
        cs_free(ci, 1);
    }
    return bad;
}

static void test_capstone(uint32_t mode, cs_mode cs, const char *name)
{
    unsigned bad = 0, compared = 0;
    bool has[FEAT_COUNT];
    csh handle;

    all_features(has);
    cs_open(CS_ARCH_X86, cs, &handle);
    for (unsigned i = 0; i < 60000 && bad < 20; i++) {
        uint8_t code[16];

        random_code(code, sizeof(code));
        bad += differs(handle, code, mode, has, &compared);
    }
    cs_close(&handle);
    printf("# %u instructions compared\n", compared);
    ok(bad == 0 && compared > 10000, "lengths as capstone has them, %s", name);
}
#endif

/* --- IR of random code ----------------------------------------------------------------------- */

static struct ir ir;
static uint8_t page[4096];

static void translate_at(struct cpu *cpu, uint32_t mode, uint64_t pc, unsigned max, bool strict)
{
    struct translation t = { .cpu = cpu, .ir = &ir, .max_insns = max, .strict_flags = strict,
                             .code = page, .page_size = sizeof(page) };

    t.key = (struct code_key){ .pc = pc, .mode = mode };
    t.key.base = mode & MODE_ADDSEG ? 0x10000 : 0;
    t.page = (t.key.base + pc) & ~0xfffull;
    ir_reset(&ir);
    x86_translate(&t);
}

static void test_random_ir(struct cpu *cpu, uint32_t mode)
{
    unsigned faults = 0, ops = 0, insns = 0;

    for (unsigned round = 0; round < 150 && faults < 5; round++) {
        const char *bad;

        random_code(page, sizeof(page));
        translate_at(cpu, mode, 0x2000 + next_random() % 3000, round % 8 ? 256 : 1, round & 1);
        bad = ir_verify(&ir);
        if (!bad) {
            ir_optimize(&ir);
            bad = ir_verify(&ir);
        }
        if (bad) {
            printf("# %s\n", bad);
            faults++;
        }
        ops += ir.n;
        for (unsigned i = 1; i < ir.n; i++) {
            insns += ir.ops[i].op == IR_insn;
        }
    }
    printf("# %.1f ops an instruction\n", insns ? (double)ops / insns : 0.0);
    ok(faults == 0 && insns, "IR of random code verifies, mode %06x", mode);
}

int main(void)
{
    struct cpu cpu = { .target = &the_target };
    struct x86_env *env = calloc(1, sizeof(*env));

    cpu.env = env;
    env->hot.cpu = &cpu;
    env->cpuid_1_edx = env->cpuid_1_ecx = env->cpuid_7_ebx = ~0u;
    env->cpuid_ext_edx = env->cpuid_ext_ecx = ~0u;
    ir.globals = the_target.globals;
    ir.n_globals = the_target.n_globals;
    ir.helpers = the_target.helpers;
    ir.n_helpers = the_target.n_helpers;

    test_rows();
    test_details();
#ifdef CONFIG_CAPSTONE
    test_capstone(0, CS_MODE_16, "16 bits");
    test_capstone(MODE_PE | MODE_CS32, CS_MODE_32, "32 bits");
    if (TARGET_WORD_BITS == 64) {
        test_capstone(MODE_PE | MODE_CS64, CS_MODE_64, "64 bits");
    }
#else
    printf("ok %d # SKIP no capstone\n", ++tap_count);
#endif
    for (unsigned i = 0; i < N_MODES; i++) {
        test_random_ir(&cpu, modes[i]);
    }
    free(env);
    return tap_done();
}
