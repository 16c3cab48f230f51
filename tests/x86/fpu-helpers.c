/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x87 helpers against the host's own x87: random states and operands of every class, each
 * instruction executed both ways; registers, tags, status and stored values must be equal.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "target-i386/fpu.h"
#include "target-i386/helpers.h"
#include "tests/tap.h"

struct image {
    uint32_t cw, sw, tw, fip, fcs, fdp, fds;
    uint8_t st[8][10];
} __attribute__((packed));

static struct x86_env *env;
static struct cpu cpu;
static uint8_t *code;

/* --- random operands --- */

static uint64_t seed = 88172645463325252;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1d;
}

static unsigned below(unsigned n)
{
    return (random64() >> 33) % n;
}

/* A significand with few, many or special bits. */
static uint64_t random_mant(void)
{
    static const uint64_t special[] = {
        0, 1ull << 63, 3ull << 62, 1, ~0ull, 0x8000000000000001, 0x80000000000007ff,
        0xfffffffffffff800, 0x8000000000000400, 0x8000000000000800, 0x8000008000000000,
        0xffffff8000000000, 1ull << 62,
    };

    switch (below(4)) {
    case 0: return special[below(ARRAY_LEN(special))];
    case 1: return random64() << below(64);
    case 2: return 1ull << 63 | random64() << below(63);
    default: return 1ull << 63 | random64();
    }
}

static struct x86_fpreg random_value(void)
{
    static const uint16_t exps[] = { 0, 0, 1, 0x7fff, 0x7fff, 0x7ffe, 0x3fff, 0x3c01, 0x3c00,
                                     0x43fe, 0x43ff, 0x3f81, 0x407e, 0x403e, 0x403d, 0x400e,
                                     0x401e };
    struct x86_fpreg r = { .mant = random_mant() };

    switch (below(3)) {
    case 0: r.exp = exps[below(ARRAY_LEN(exps))]; break;
    case 1: r.exp = 0x3fff - 40 + below(80); break;
    default: r.exp = 0x3fff - 4 + below(8); break;
    }
    r.exp |= below(2) << 15;
    return r;
}

static uint64_t random_memory(void)
{
    static const uint64_t special[] = {
        0, 0x80000000, 1ull << 63, 0x7f800000, 0x7ff0000000000000, 0x7fc00000, 0x7f800001,
        0x7ff0000000000001, 0x7ff8000000000000, 1, 0x3ff0000000000000, 0x3f800000, 0x8000, 0x7fff,
    };

    return below(3) ? random64() : special[below(ARRAY_LEN(special))];
}

static uint16_t random_control(void)
{
    switch (below(4)) {
    case 0: return 0x37f;
    case 1: return 0x7f | below(4) << 10 | (below(3) + (below(3) > 0)) % 4 << 8;
    case 2: return 0x340 | below(64);
    default: return 0x27f;
    }
}

static void random_state(void)
{
    memset(env, 0, sizeof(*env));
    env->hot.cpu = &cpu;
    env->cr[0] = 0x20;
    env->pc = 0x1000;
    env->fpuc = random_control();
    if ((env->fpuc & 0x300) == 0x100) {
        env->fpuc ^= 0x100;                     /* the reserved precision */
    }
    env->fpus = below(2) ? 0 : (below(64) & env->fpuc) | (random64() & FPUS_CC);
    env->fptop = below(8);
    env->fptags = below(3) ? 1 << (env->fptop + 7) % 8 : random64();
    for (unsigned i = 0; i < 8; i++) {
        env->fpregs[i] = random_value();
    }
}

/* --- the host's answer --- */

static void image_from_env(struct image *image)
{
    memset(image, 0, sizeof(*image));
    image->cw = env->fpuc;
    image->sw = env->fpus | env->fptop << 11;
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = &env->fpregs[(env->fptop + i) & 7];

        image->tw |= (env->fptags >> i & 1 ? 3 : 0) << 2 * i;
        memcpy(image->st[i], &r->mant, 8);
        memcpy(image->st[i] + 8, &r->exp, 2);
    }
}

static unsigned run_host(struct image *image, const uint8_t insn[2], void *mem, bool cf)
{
    uint64_t flags = (uint64_t)cf << 8;

    /* modrm as given; memory operands are at (%rdi) */
    memcpy(code, insn, 2);
    if (insn[1] < 0xc0) {
        code[1] = (insn[1] & 0x38) | 7;
    }
    code[2] = 0xc3;
    asm volatile("sub $256, %%rsp\n\t"
                 "fnclex\n\t"
                 "frstor (%[image])\n\t"
                 "sahf\n\t"
                 "call *%[code]\n\t"
                 "lahf\n\t"
                 "fnsave (%[image])\n\t"
                 "add $256, %%rsp"
                 : "+a" (flags) : [image] "r" (image), [code] "r" (code), "D" (mem)
                 : "memory", "cc");
    return flags >> 8 & 0x45;
}

/* --- the helper for an instruction, as the translator calls it --- */

struct outcome {
    uint64_t value;                             /* stored to memory */
    uint16_t exp;
    bool stored, skipped;
    unsigned flags;
};

typedef void arith_rr(struct x86_env *, uint32_t, uint32_t, uint32_t, uint32_t);
typedef void arith_mem(struct x86_env *, uint64_t, uint32_t);
typedef void compare_mem(struct x86_env *, uint64_t, uint32_t, uint32_t);
typedef uint64_t store_mem(struct x86_env *, uint32_t);
typedef void plain(struct x86_env *, uint32_t);

static arith_rr *const arith[8] = { helper_fp_add, helper_fp_mul, NULL, NULL, helper_fp_sub,
                                    helper_fp_subr, helper_fp_div, helper_fp_divr };
#define MEM_ROW(s)                                                                                 \
    { helper_fp_add_##s, helper_fp_mul_##s, NULL, NULL, helper_fp_sub_##s, helper_fp_subr_##s,     \
      helper_fp_div_##s, helper_fp_divr_##s }
static arith_mem *const arith_memory[4][8] = { MEM_ROW(f32), MEM_ROW(i32), MEM_ROW(f64),
                                               MEM_ROW(i16) };
static compare_mem *const compare_memory[4] = { helper_fp_com_f32, helper_fp_com_i32,
                                                helper_fp_com_f64, helper_fp_com_i16 };
static plain *const d9_plain[32] = {
    [0] = helper_fp_chs, helper_fp_abs, [4] = helper_fp_tst,
    [16] = helper_fp_2xm1, helper_fp_yl2x, helper_fp_other, helper_fp_patan, helper_fp_other,
    helper_fp_prem1, [24] = helper_fp_prem, helper_fp_yl2xp1, helper_fp_sqrt, helper_fp_other,
    helper_fp_rndint, helper_fp_scale, helper_fp_sin, helper_fp_cos,
};

static void commit(struct outcome *o, uint64_t value, bool pop)
{
    o->value = value;
    o->exp = env->fp_staged_exp;
    o->stored = true;
    env->fpus = env->fp_staged;
    if (pop) {
        fp_pop(env);
    }
}

static bool call_memory(unsigned escape, unsigned reg, uint64_t m, uint16_t high, uint32_t insn,
                        struct outcome *o)
{
    static store_mem *const stores[8][8] = {
        [1][2] = helper_fp_st_f32, [1][3] = helper_fp_st_f32, [3][1] = helper_fp_st_trunc32,
        [3][2] = helper_fp_st_i32, [3][3] = helper_fp_st_i32, [3][7] = helper_fp_st_f80,
        [5][1] = helper_fp_st_trunc64, [5][2] = helper_fp_st_f64, [5][3] = helper_fp_st_f64,
        [7][1] = helper_fp_st_trunc16, [7][2] = helper_fp_st_i16, [7][3] = helper_fp_st_i16,
        [7][6] = helper_fp_st_bcd, [7][7] = helper_fp_st_i64,
    };

    if (!(escape & 1)) {
        if (reg == 2 || reg == 3) {
            compare_memory[escape / 2](env, m, reg == 3, insn);
        } else {
            arith_memory[escape / 2][reg](env, m, insn);
        }
    } else if (stores[escape][reg]) {
        uint64_t value = stores[escape][reg](env, insn);

        helper_fp_finish(env, 2);
        commit(o, value, reg != 2);
    } else if (escape == 1 && reg == 0) {
        helper_fp_ld_f32(env, m, insn);
    } else if (escape == 3 && reg == 0) {
        helper_fp_ld_int(env, (int32_t)m);
    } else if (escape == 3 && reg == 5) {
        helper_fp_ld_f80(env, m, high, insn);
    } else if (escape == 5 && reg == 0) {
        helper_fp_ld_f64(env, m, insn);
    } else if (escape == 7 && reg == 0) {
        helper_fp_ld_int(env, (int16_t)m);
    } else if (escape == 7 && reg == 4) {
        helper_fp_ld_bcd(env, m, high, insn);
    } else if (escape == 7 && reg == 5) {
        helper_fp_ld_int(env, m);
    } else {
        return false;
    }
    return true;
}

static bool call_d9(unsigned modrm, uint32_t insn)
{
    unsigned n = modrm & 31;

    if (modrm < 0xc8) {
        helper_fp_ld_st(env, modrm & 7, insn);
    } else if (modrm < 0xd0) {
        helper_fp_xch(env, modrm & 7, insn);
    } else if (modrm == 0xe5) {
        helper_fp_xam(env);
    } else if (modrm >= 0xe8 && modrm <= 0xee) {
        helper_fp_ld_const(env, modrm & 7, insn);
    } else if (modrm == 0xf6 || modrm == 0xf7) {
        helper_fp_rotate(env, modrm == 0xf6 ? 7 : 1);
    } else if (modrm >= 0xe0 && d9_plain[n]) {
        d9_plain[n](env, insn);
    } else {
        return false;
    }
    return true;
}

static bool call_register(unsigned escape, unsigned modrm, bool cf, uint32_t insn,
                          struct outcome *o)
{
    unsigned i = modrm & 7, reg = modrm >> 3 & 7;

    if ((escape == 0 || escape == 4 || escape == 6) && arith[reg]) {
        unsigned op = escape && reg >= 4 ? reg ^ 1 : reg;      /* reversed with ST(i) as target */

        arith[op](env, escape ? i : 0, escape ? 0 : i, escape == 6, insn);
    } else if (escape == 0 || escape == 4) {
        helper_fp_com(env, i, reg == 3, insn);
    } else if (escape == 6 && modrm == 0xd9) {
        helper_fp_com(env, 1, 2, insn);
    } else if (escape == 1) {
        return call_d9(modrm, insn);
    } else if (escape == 2 && modrm == 0xe9) {
        helper_fp_ucom(env, 1, 2, insn);
    } else if (escape == 2 && reg == 0) {
        helper_fp_cmov(env, i, cf);
    } else if ((escape == 3 || escape == 7) && (reg == 5 || reg == 6)) {
        o->flags = reg == 5 ? helper_fp_ucomi(env, i, escape == 7, insn)
                            : helper_fp_comi(env, i, escape == 7, insn);
    } else if (escape == 5 && (reg == 2 || reg == 3)) {
        helper_fp_st_st(env, i, reg == 3, insn);
    } else if (escape == 5 && (reg == 4 || reg == 5)) {
        helper_fp_ucom(env, i, reg == 5, insn);
    } else if ((escape == 5 || escape == 7) && reg == 0) {
        helper_fp_free(env, i, escape == 7);
    } else {
        return false;
    }
    return true;
}

static bool call_helper(const uint8_t insn[2], uint64_t m, uint16_t high, bool cf,
                        struct outcome *o)
{
    uint32_t word = FP_INSN(insn[0], insn[1]);
    unsigned escape = insn[0] & 7;

    o->skipped = true;
    if (sigsetjmp(cpu.jmp, 0)) {
        return true;
    }
    if (insn[1] < 0xc0 ? !call_memory(escape, insn[1] >> 3, m, high, word, o)
                       : !call_register(escape, insn[1], cf, word, o)) {
        return false;
    }
    o->skipped = false;
    return true;
}

/* --- comparison --- */

static const char *difference(const struct image *host, unsigned undefined)
{
    struct image ours;

    image_from_env(&ours);
    if ((ours.sw ^ host->sw) & 0xffff & ~undefined) {
        return "status";
    }
    if (((ours.cw ^ host->cw) & 0xffff)) {
        return "control";
    }
    for (unsigned i = 0; i < 8; i++) {
        if ((ours.tw >> 2 * i & 3) == 3 ? (host->tw >> 2 * i & 3) != 3
                                        : (host->tw >> 2 * i & 3) == 3) {
            return "tags";
        }
    }
    return memcmp(ours.st, host->st, sizeof(ours.st)) ? "registers" : NULL;
}

static unsigned store_size(const uint8_t insn[2])
{
    static const uint8_t sizes[4][8] = { { 0, 0, 4, 4 }, { 0, 4, 4, 4, 0, 0, 0, 10 },
                                         { 0, 8, 8, 8 }, { 0, 2, 2, 2, 0, 0, 10, 8 } };

    return sizes[insn[0] >> 1 & 3][insn[1] >> 3 & 7];
}

static void report(const uint8_t insn[2], const char *what, const struct image *before,
                   const struct image *host)
{
    printf("# %02x %02x: %s differs; cw %04x sw %04x tags %04x; then sw %04x, ours %04x\n", insn[0],
           insn[1], what, before->cw & 0xffff, before->sw & 0xffff, before->tw & 0xffff,
           host->sw & 0xffff, env->fpus | env->fptop << 11);
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *a = before->st[i], *b = host->st[i];

        printf("#   st%u %04x.%016llx host %04x.%016llx ours %04x.%016llx\n", i, ld16_le(a + 8),
               (unsigned long long)ld64_le(a), ld16_le(b + 8), (unsigned long long)ld64_le(b),
               fp_st(env, i)->exp, (unsigned long long)fp_st(env, i)->mant);
    }
}

/* One instruction in the present state; false and a message when the two differ. */
static bool one(const uint8_t insn[2], bool *known)
{
    struct { uint64_t low; uint16_t high; } m = { random_memory(), random64() }, out = { 0, 0 };
    bool cf = below(2);
    struct image before, host;
    struct outcome o = { 0 };
    const char *what;
    unsigned flags, size;
    uint8_t mem[16] = { 0 };

    image_from_env(&before);
    host = before;
    memcpy(mem, &m.low, 8);
    memcpy(mem + 8, &m.high, 2);
    *known = call_helper(insn, m.low, m.high, cf, &o);
    if (!*known) {
        return true;
    }
    flags = run_host(&host, insn, mem, cf);
    what = difference(&host, 0);
    size = insn[1] < 0xc0 && insn[0] & 1 ? store_size(insn) : 0;
    if (!what && size && o.stored) {
        out.low = o.value;
        out.high = o.exp;
        memcpy(&m, mem, 16);
        if (size < 8 ? (out.low ^ m.low) & ((1ull << 8 * size) - 1)
                     : out.low != m.low || (size == 10 && out.high != m.high)) {
            what = "value";
        }
    }
    if (!what && o.flags && !o.skipped && o.flags != flags) {
        what = "flags";
    }
    if (!what && o.skipped && env->pc != 0x1002) {
        what = "pc after a skipped store";
    }
    env->pc = 0x1000;
    if (what) {
        report(insn, what, &before, &host);
    }
    return !what;
}

/* Sequences, so that what an instruction leaves in the host unit meets the next. */
static void test_escape(unsigned escape)
{
    unsigned failures = 0, count = 0;

    for (unsigned modrm = 0; modrm < 256; modrm += modrm < 0xc0 ? 8 : 1) {
        bool known = true;

        if (modrm >= 0x40 && modrm < 0xc0) {
            continue;
        }
        for (unsigned n = 0; known && failures < 5 && n < 400; n++) {
            const uint8_t insn[2] = { escape, modrm };

            if (n % 8 == 0 || env->fpus & FPUS_ES) {
                random_state();
            }
            if (!one(insn, &known)) {
                failures++;
            }
            count += known;
        }
    }
    ok(failures == 0, "%02x: %u cases as on the host", escape, count);
}

/* Several different instructions in a row on one state. */
static void test_sequences(void)
{
    unsigned failures = 0;

    for (unsigned n = 0; n < 40000 && failures < 5; n++) {
        uint8_t insn[2] = { 0xd8 + below(8), below(2) ? 0xc0 + below(64) : below(8) << 3 };
        bool known;

        if (n % 16 == 0 || env->fpus & FPUS_ES) {
            random_state();
        }
        failures += !one(insn, &known);
    }
    ok(failures == 0, "mixed sequences");
}

/* An exception flagged with its mask clear is raised by the next waiting instruction only. */
static void test_pending(void)
{
    random_state();
    env->fpuc = 0x37b;                          /* division by zero unmasked */
    env->fpus = 0;
    env->fptags = 0;
    env->fpregs[env->fptop] = (struct x86_fpreg){ .mant = 1ull << 63, .exp = 0x3fff };
    helper_fp_div_i32(env, 0, FP_INSN(0xda, 0x30));
    ok((env->fpus & (FPUS_ES | FPUS_ZE)) == (FPUS_ES | FPUS_ZE), "an unmasked division by zero");
    ok(fp_st(env, 0)->exp == 0x3fff, "leaves its operand");
    cpu.exception = -1;
    if (!sigsetjmp(cpu.jmp, 0)) {
        helper_fp_wait(env);
    }
    is_int(cpu.exception, EXC_MF, "the next instruction raises #MF");
    helper_fp_clex(env);
    helper_fp_wait(env);
    helper_fp_add(env, 0, 0, 0, FP_INSN(0xd8, 0xc0));
    is_int(fp_st(env, 0)->exp, 0x4000, "fnclex ends it");
}

/* A store whose memory write faults must leave no trace in later status words. */
static void test_staged(void)
{
    random_state();
    env->fpuc = FPUC_DEFAULT;
    env->fpus = 0;
    env->fptags = 0;
    env->fpregs[env->fptop] = (struct x86_fpreg){ .mant = 0xc000000000000001, .exp = 0x3fff };
    helper_fp_st_f32(env, FP_INSN(0xd9, 0x10));
    ok(env->fp_staged & FPUS_PE && !(env->fpus & FPUS_PE), "a store stages its status");
    env->fpregs[env->fptop].mant = 1ull << 63;
    helper_fp_add(env, 0, 0, 0, FP_INSN(0xd8, 0xc0));
    is_int(env->fpus & FPUS_FLAGS, 0, "and an exact operation after its fault finds no flag");
}

/* The full tag word, and control and status words through the environment's helpers. */
static void test_words(void)
{
    unsigned equal = 0;

    for (unsigned n = 0; n < 1000; n++) {
        struct image image;

        random_state();
        env->fpuc |= 0x3f;
        image_from_env(&image);
        asm volatile("fnclex; frstor (%0); fnsave (%0)" : : "r" (&image) : "memory");
        equal += fp_full_tags(env) == (image.tw & 0xffff);
    }
    is_int(equal, 1000, "tag words from register contents");
    fp_set_control(env, 0xffff);
    is_int(env->fpuc, 0x1f7f, "reserved control bits");
    fp_init(env);
    is_int(env->fpuc, 0x37f, "fninit: control");
    is_int(env->fptags, 0xff, "fninit: all empty");
    is_int(env->fpus, 0, "fninit: status");
}

int main(void)
{
    env = aligned_alloc(64, (sizeof(*env) + 63) & ~63ul);
    cpu.env = env;
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned escape = 0xd8; escape <= 0xdf; escape++) {
        test_escape(escape);
    }
    test_sequences();
    test_pending();
    test_staged();
    test_words();
    munmap(code, 4096);
    free(env);
    return tap_done();
}
