/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each op of the host backend that random programs do not reach, against known results. */
#include <fenv.h>
#include <math.h>
#include "tcg/fold.h"
#include "tests/ir/machine.h"

static void begin(void)
{
    ir_reset(m.ir);
    ir_insn(m.ir, m.key.pc);
}

static int run(void)
{
    if (!machine_compile()) {
        ok(false, "compiles");
        return -1;
    }
    return machine_run();
}

static int finish(void)
{
    ir_exit(m.ir, m.key.pc + PAGE, 0);
    return run();
}

static ir_val reg(unsigned r)
{
    return ir_get(m.ir, G_REG + r);
}

static ir_val xmm(unsigned r)
{
    return ir_get(m.ir, G_XMM + r);
}

static ir_val emit(enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, int64_t imm)
{
    return ir_imm(m.ir, op, type, a, b, imm);
}

/* --- control --- */
static uint64_t raise_now(void *env, uint64_t a)
{
    machine_restore();
    siglongjmp(m.jump, 1);
}

static uint64_t add_two(void *env, uint64_t a, uint64_t b)
{
    return a + b;
}

static uint64_t read_mxcsr(void *env)
{
    uint32_t host;

    __asm__ volatile("stmxcsr %0" : "=m"(host));
    return (uint64_t)host << 32 | ((struct env *)env)->mxcsr;
}

static void set_mxcsr(void *env, uint64_t v)
{
    ((struct env *)env)->mxcsr = v;
}

enum { H_RAISE, H_ADD, H_READ_MXCSR, H_SET_MXCSR };
static const struct ir_helper helpers[] = {
    { "raise", raise_now, IR_NONE, 1, HELPER_NORETURN, 0, 0 },
    { "add", add_two, I64, 2, HELPER_PURE | HELPER_NO_XMM, 0, 0 },
    { "read_mxcsr", read_mxcsr, I64, 0, HELPER_MXCSR, 0, 0 },
    { "set_mxcsr", set_mxcsr, IR_NONE, 1, HELPER_MXCSR, 0, 0 },
};

static void test_exits(void)
{
    unsigned loop, done;

    begin();
    ir_exit(m.ir, m.key.pc + 8, 0);
    is_int(run(), EXIT_CHAIN, "an exit to the same page asks to be chained");
    ok(m.slot == &m.exits[0] && m.env->pc == m.key.pc + 8, "and names its slot and pc");
    is_int(m.exits[0].patch % 4, 0, "its operand is aligned");
    /* Chain it to code that leaves by exit_loop: a second region behind the first. */
    struct compiled first = m.out;
    size_t start = m.code_start;

    m.code_start = m.out.side_table + m.out.side_len;
    begin();
    ir_set(m.ir, G_REG, ir_const(m.ir, I64, 77));
    ir_exit_loop(m.ir);
    ok(machine_compile(), "a second region compiles");
    backend_patch(m.code, first.exits[0].patch, m.out.host);
    is_int(backend_run(m.env, m.code + first.host, &m.slot), EXIT_LOOP, "chained code runs on");
    is_int(m.env->regs[0], 77, "and did its work");
    m.code_start = start;

    begin();
    ir_exit(m.ir, m.key.pc + PAGE, 0);
    is_int(run(), EXIT_LOOKUP, "an exit to another page misses the jump cache");
    is_int(m.env->pc, m.key.pc + PAGE, "pc is set");
    begin();
    ir_ijmp(m.ir, reg(3), 0, JUMP_PLAIN);
    m.env->regs[3] = 0x123456789a;
    is_int(run(), EXIT_LOOKUP, "an indirect jump misses");
    is_int(m.env->pc, machine_target.word_bits == 64 ? 0x123456789a : 0x3456789a, "with its pc");

    begin();
    loop = ir_label_new(m.ir, 0);
    done = ir_label_new(m.ir, 0);
    ir_label(m.ir, loop);
    ir_poll(m.ir, m.key.pc + 4);
    ir_set(m.ir, G_REG, ir_2i(m.ir, IR_add, I64, reg(0), 1));
    ir_brc(m.ir, I64, IR_EQ, reg(0), ir_const(m.ir, I64, 1000), done);
    ir_br(m.ir, loop);
    ir_label(m.ir, done);
    ir_exit_loop(m.ir);
    m.env->regs[0] = 0;
    is_int(run(), EXIT_LOOP, "a loop ends");
    is_int(m.env->regs[0], 1000, "after all its rounds");
    m.env->hot.exit_req = EXIT_NOW;
    is_int(machine_run(), EXIT_POLL, "a poll sees exit_req");
    is_int(m.env->pc, m.key.pc + 4, "and sets the pc");
    m.env->hot.exit_req = 0;
}

static void test_conditional_exit(void)
{
    unsigned label;

    for (unsigned i = 0; i < 2; i++) {
        begin();
        label = ir_label_new(m.ir, 0);
        ir_brc(m.ir, I64, IR_LT, reg(1), reg(12), label);
        ir_exit(m.ir, m.key.pc + 8, 0);
        ir_label(m.ir, label);
        ir_exit(m.ir, m.key.pc + 16, 0);
        m.env->regs[1] = i;
        m.env->regs[12] = 1;
        is_int(run(), EXIT_CHAIN, "a conditional exit is chained");
        is_int(m.env->pc, m.key.pc + (i ? 8 : 16), "whichever way it goes");
        ok(m.out.n_exits == 2 && m.exits[0].patch % 4 == 0 && m.exits[1].patch % 4 == 0,
           "by two patchable jumps");
    }
}

static void test_jump_cache(void)
{
    struct compiled target;
    uint64_t pc = 0xfffff123;
    size_t start = m.code_start;

    begin();
    ir_set(m.ir, G_REG + 1, ir_const(m.ir, I64, 4711));
    ir_exit_loop(m.ir);
    ok(machine_compile(), "target compiles");
    target = m.out;
    m.code_start = m.out.side_table + m.out.side_len;
    machine_cache[jump_cache_index(pc)] = (struct jump_entry){ pc, m.code + target.host };
    for (unsigned i = 0; i < 2; i++) {
        begin();
        if (i) {
            ir_exit(m.ir, pc, 0);
        } else {
            ir_ijmp(m.ir, reg(2), 0, JUMP_CALL);
        }
        m.env->regs[1] = 0;
        m.env->regs[2] = pc;
        is_int(run(), EXIT_LOOP, "the jump cache hits");
        is_int(m.env->regs[1], 4711, "and the target runs");
    }
    machine_cache[jump_cache_index(pc)].pc = ~0ull;
    m.code_start = start;
}

static void test_raise(void)
{
    begin();
    ir_set(m.ir, G_REG + 2, ir_const(m.ir, I64, 5));
    ir_insn(m.ir, m.key.pc + 3);
    ir_set(m.ir, G_LAZY + 1, ir_2i(m.ir, IR_add, I64, reg(4), 1));
    ir_set(m.ir, G_LAZY, ir_const(m.ir, I32, 9));
    ir_set(m.ir, G_XMM + 3, xmm(4));
    ir_call(m.ir, H_RAISE, reg(0), 0, 0, 0);
    m.env->regs[4] = 41;
    memset(m.env->xmm[4], 0x5a, 16);
    if (sigsetjmp(m.jump, 0) == 0) {
        run();
        ok(false, "raises");
    }
    is_int(m.env->pc, m.key.pc + 3, "raising sets pc");
    is_int(m.env->regs[2], 5, "and registers");
    is_int(m.env->lazy[1], 42, "and lazy flags");
    is_int(*(uint32_t *)m.env->lazy, 9, "also constant ones");
    is_int(m.env->xmm[3][7], 0x5a, "and vectors");
}

/* --- floating point --- */
static ir_val to_f64(ir_val v)
{
    return emit(IR_bitcast, F64, v, 0, 0);
}

static double f64_op(enum ir_opcode op, double a, double b)
{
    ir_val r;
    double d;

    memcpy(&m.env->regs[0], &a, 8);
    memcpy(&m.env->regs[11], &b, 8);
    begin();
    r = emit(op, F64, to_f64(reg(0)), ir_op_info[op].nargs > 1 ? to_f64(reg(11)) : 0, 0);
    ir_set(m.ir, G_REG + 5, emit(IR_bitcast, I64, r, 0, 0));
    finish();
    memcpy(&d, &m.env->regs[5], 8);
    return d;
}

static float f32_op(enum ir_opcode op, float a, float b)
{
    ir_val r, x, y;
    float f;

    memcpy(&m.env->regs[0], &a, 4);
    memcpy(&m.env->regs[11], &b, 4);
    begin();
    x = emit(IR_bitcast, F32, ir_1(m.ir, IR_mov, I32, reg(0)), 0, 0);
    y = emit(IR_bitcast, F32, ir_1(m.ir, IR_mov, I32, reg(11)), 0, 0);
    r = emit(op, F32, x, ir_op_info[op].nargs > 1 ? y : 0, 0);
    ir_set(m.ir, G_REG + 5, emit(IR_bitcast, I32, r, 0, 0));
    finish();
    memcpy(&f, &m.env->regs[5], 4);
    return f;
}

static unsigned f64_compare(double a, double b)
{
    memcpy(&m.env->regs[0], &a, 8);
    memcpy(&m.env->regs[11], &b, 8);
    begin();
    ir_set(m.ir, G_REG + 5, emit(IR_fcmp, F64, to_f64(reg(0)), to_f64(reg(11)), 0));
    finish();
    return m.env->regs[5];
}

static void test_float(void)
{
    ok(f64_op(IR_fadd, 1.5, 2.25) == 3.75, "fadd");
    ok(f64_op(IR_fsub, 1.5, 2.25) == -0.75, "fsub");
    ok(f64_op(IR_fmul, 1.5, 2.5) == 3.75, "fmul");
    ok(f64_op(IR_fdiv, 1, 8) == 0.125, "fdiv");
    ok(f64_op(IR_fsqrt, 2.25, 0) == 1.5, "fsqrt");
    ok(f64_op(IR_fabs, -2.5, 0) == 2.5 && f64_op(IR_fneg, 2.5, 0) == -2.5, "fabs, fneg");
    ok(f32_op(IR_fadd, 1.5f, 2.25f) == 3.75f && f32_op(IR_fdiv, 1, 8) == 0.125f, "single");
    ok(f32_op(IR_fsqrt, 9, 0) == 3 && f32_op(IR_fabs, -3, 0) == 3 &&
       f32_op(IR_fneg, 3, 0) == -3 && f32_op(IR_fmul, 3, 5) == 15 && f32_op(IR_fsub, 3, 5) == -2,
       "more single");
    is_int(f64_compare(2, 1), 0, "greater");
    is_int(f64_compare(1, 2), 1, "less");
    is_int(f64_compare(2, 2), 0x40, "equal");
    is_int(f64_compare(2, NAN), 0x45, "unordered");
    begin();
    ir_set(m.ir, G_REG + 5, emit(IR_bitcast, I32, emit(IR_fcvt, F32, to_f64(reg(0)), 0, 0), 0, 0));
    ir_set(m.ir, G_REG + 6, emit(IR_bitcast, I64, emit(IR_fcvt, F64,
           emit(IR_bitcast, F32, ir_const(m.ir, I32, 0x3fc00000), 0, 0), 0, 0), 0, 0));
    m.env->regs[0] = 0x4004000000000000;        /* 2.5 */
    finish();
    is_int(m.env->regs[5], 0x40200000, "fcvt to single");
    is_int(m.env->regs[6], 0x3ff8000000000000, "fcvt to double");
}

static void test_mxcsr(void)
{
    ir_val q;

    m.env->mxcsr = 0x7f80;                      /* towards zero */
    begin();
    q = emit(IR_fdiv, F64, to_f64(ir_const(m.ir, I64, 0x3ff0000000000000)), to_f64(reg(0)), 0);
    ir_set(m.ir, G_REG + 5, emit(IR_bitcast, I64, q, 0, 0));
    ir_set(m.ir, G_REG + 6, ir_call(m.ir, H_READ_MXCSR, 0, 0, 0, 0));
    ir_call(m.ir, H_SET_MXCSR, ir_const(m.ir, I64, 0x5f80), 0, 0, 0);   /* up */
    q = emit(IR_fdiv, F64, to_f64(ir_const(m.ir, I64, 0x3ff0000000000000)), to_f64(reg(0)), 0);
    ir_set(m.ir, G_REG + 7, emit(IR_bitcast, I64, q, 0, 0));
    m.env->regs[0] = 0x4008000000000000;        /* 3 */
    finish();
    is_int(m.env->regs[5], 0x3fd5555555555555, "the guest's rounding counts");
    is_int(m.env->regs[6] & 0xffffffff, 0x7fa0, "helpers see its sticky flags");
    is_int(m.env->regs[6] >> 32 & 0x6000, 0x6000, "and run under the guest's rounding");
    is_int(m.env->regs[7], 0x3fd5555555555556, "a helper's change takes effect");
    is_int(m.env->mxcsr, 0x5fa0, "flags are in env at the end");
    is_int(fegetround(), FE_TONEAREST, "the host's is back");
    m.env->mxcsr = 0x1f80;
}

/* --- vectors --- */
static const uint64_t va[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };
static const uint64_t vb[2] = { 0x1111111180007fff, 0x01020304fedcba98 };

static void vector_op(enum ir_opcode op, unsigned bits, uint64_t *r)
{
    memcpy(m.env->xmm[1], va, 16);
    memcpy(m.env->xmm[15], vb, 16);
    begin();
    ir_set(m.ir, G_XMM + 14, emit(op, V128, xmm(1), xmm(15), bits));
    finish();
    memcpy(r, m.env->xmm[14], 16);
}

static uint64_t lane(const uint64_t *v, unsigned i, unsigned bits)
{
    uint64_t w = v[i * bits / 64] >> (i * bits % 64);

    return bits == 64 ? w : w & ((1ull << bits) - 1);
}

static uint64_t model_lane(enum ir_opcode op, uint64_t a, uint64_t b, unsigned bits)
{
    int64_t sa = (int64_t)(a << (64 - bits)), sb = (int64_t)(b << (64 - bits));

    switch (op) {
    case IR_vadd: return a + b;
    case IR_vsub: return a - b;
    case IR_vmul: return a * b;
    case IR_vand: return a & b;
    case IR_vor: return a | b;
    case IR_vxor: return a ^ b;
    case IR_vandc: return a & ~b;
    case IR_vcmpeq: return a == b ? ~0ull : 0;
    default: return sa > sb ? ~0ull : 0;
    }
}

static void test_vectors(void)
{
    for (unsigned op = IR_vand; op <= IR_vcmpgt; op++) {
        bool good = true;

        for (unsigned bits = 8; bits <= 64; bits *= 2) {
            uint64_t r[2];

            vector_op(op, bits, r);
            for (unsigned i = 0; i < 128 / bits; i++) {
                uint64_t want = model_lane(op, lane(va, i, bits), lane(vb, i, bits), bits);

                good = good && lane(r, i, bits) == lane(&want, 0, bits);
            }
        }
        ok(good, "%s", ir_op_info[op].name);
    }
    for (unsigned bits = 8; bits <= 64; bits *= 2) {
        unsigned last = 128 / bits - 1;
        uint64_t x[2], y[2];
        bool good = true;

        memcpy(m.env->xmm[1], va, 16);
        m.env->regs[3] = 0xa1b2c3d4e5f60718;
        begin();
        ir_set(m.ir, G_XMM + 2, emit(IR_vdup, V128, reg(3), 0, bits));
        ir_set(m.ir, G_XMM + 14, emit(IR_vins, V128, xmm(1), reg(3), bits | last << 8));
        ir_set(m.ir, G_REG + 5, emit(IR_vext, I64, xmm(1), 0, bits | last << 8));
        ir_set(m.ir, G_REG + 6, emit(IR_vext, I64, xmm(1), 0, bits));
        ir_set(m.ir, G_XMM + 3, emit(IR_vzero, V128, 0, 0, 0));
        ir_set(m.ir, G_XMM + 4, emit(IR_vmov, V128, xmm(1), 0, 0));
        finish();
        memcpy(x, m.env->xmm[2], 16);
        memcpy(y, m.env->xmm[14], 16);
        for (unsigned i = 0; i <= last; i++) {
            good = good && lane(x, i, bits) == lane(&m.env->regs[3], 0, bits);
        }
        ok(good && lane(y, last, bits) == lane(&m.env->regs[3], 0, bits) && y[0] == va[0] &&
           m.env->regs[5] == lane(va, last, bits) && m.env->regs[6] == lane(va, 0, bits) &&
           m.env->xmm[3][5] == 0 && memcmp(m.env->xmm[4], va, 16) == 0,
           "vdup, vins, vext of %u bits", bits);
    }
}

/* Pairs of globals: both pinned, one of them, none; with a vector in a pin over a slow path. */
static void test_pairs(void)
{
    for (unsigned g = 0; g < 5; g++) {
        uint64_t r[2];

        for (unsigned i = 0; i < N_HALVES; i++) {
            m.env->half[i] = 0x1111111111111111 * (i + 1);
        }
        memcpy(m.env->xmm[1], va, 16);
        begin();
        ir_set(m.ir, G_XMM + 2, ir_get_pair(m.ir, G_HALF + g));
        ir_set_pair(m.ir, G_HALF + g, emit(IR_vadd, V128, xmm(1), xmm(1), 64));
        ir_set(m.ir, G_XMM + 3, ir_get(m.ir, G_HALF + g));
        ir_set(m.ir, G_REG + 1, ir_1(m.ir, IR_bitcast, I64, ir_get(m.ir, G_HALF + g + 1)));
        finish();
        memcpy(r, m.env->xmm[2], 16);
        ok(r[0] == 0x1111111111111111 * (g + 1) && r[1] == 0x1111111111111111 * (g + 2) &&
           m.env->half[g] == 2 * va[0] && m.env->half[g + 1] == 2 * va[1] &&
           m.env->regs[1] == 2 * va[1] && memcmp(m.env->xmm[3], &m.env->half[g], 8) == 0,
           "halves %u and %u as a pair", g, g + 1);
    }
}

/* A vector's value stays whole although the global that it is set to is half of it. */
static void test_wide_in_pin(void)
{
    uint64_t r[2];

    memcpy(m.env->xmm[1], va, 16);
    m.env->regs[2] = RAM_SLOW + 64;
    begin();
    ir_set_pair(m.ir, G_HALF, emit(IR_vadd, V128, xmm(1), xmm(1), 64));
    ir_set(m.ir, G_REG + 3, ir_ld(m.ir, I64, reg(2), 0, MO_64));
    ir_set(m.ir, G_XMM + 2, emit(IR_vadd, V128, ir_get(m.ir, G_HALF), xmm(1), 64));
    finish();
    memcpy(r, m.env->xmm[2], 16);
    ok(r[0] == 3 * va[0] && r[1] == 3 * va[1], "a vector in a pin, over a slow load");
}

static uint32_t flushed(enum ir_type type, unsigned kind, const uint32_t *a, const uint32_t *b,
                        unsigned lane)
{
    uint32_t r[4];

    memcpy(m.env->xmm[1], a, 16);
    memcpy(m.env->xmm[15], b, 16);
    m.env->mxcsr = 0x1f80;
    fixes = 0;
    begin();
    ir_set(m.ir, G_XMM + 14, emit(IR_bitcast, V128, emit(IR_vflush, type, xmm(1), xmm(15),
                                                      kind | 0x55 << 16), 0, 0));
    finish();
    memcpy(r, m.env->xmm[14], 16);
    return r[lane];
}

/* 1, -0, 2^-63, 2^64 and 3, 0, 2^-63, 1; what is out of range is put in their places. */
static void test_flush(void)
{
    const uint32_t a[4] = { 0x3f800000, 0x80000000, 0x20000000, 0x5f800000 };
    const uint32_t b[4] = { 0x40400000, 0, 0x20000000, 0x3f800000 };
    static const uint32_t out[] = { 1, 0x807fffff, 0x00800000, 0x1fffffff, 0x60000000, 0x7f800000,
                                    0x7fc00000, 0xff800001 };

    is_int(flushed(V128, VF_ADD, a, b, 0), 0x40800000, "vflush adds");
    is_int(flushed(V128, VF_MUL, a, b, 2), 0x00800000, "the smallest product");
    ok(fixes == 0, "with no help");
    is_int(flushed(V64, VF_SUB, a, b, 0), 0xc0000000, "subtracts two");
    is_int(flushed(V128, VF_MAX, a, b, 1), 0, "0 is greater than -0");
    is_int(flushed(V64, VF_MIN, b, a, 1), 0x80000000, "and -0 smaller");
    is_int(flushed(V128, VF_LE, a, b, 3), 0, "compares");
    is_int(flushed(V64, VF_STEP, a, b, 0), 0xbf800000, "2 - 1 * 3");
    is_int(flushed(V128, VF_STEP_ROOT, a, b, 1), 0x3fc00000, "(3 - 0) / 2");
    is_int(flushed(V64, VF_TO_S, b, b, 0), 3, "makes integers");
    ok(fixes == 0, "with no help");
    for (unsigned i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        for (unsigned n = 0; n < 8; n++) {
            uint32_t c[2][4], r;
            bool good;

            memcpy(c[0], a, 16);
            memcpy(c[1], b, 16);
            c[n / 4][n % 4] = out[i];
            r = flushed(V128, VF_MUL, c[0], c[1], 3);
            good = fixes == 1 && r == (c[0][3] ^ (0x55 + 3));
            flushed(V64, VF_ADD, c[0], c[1], 0);
            if (!good || fixes != (n % 4 < 2)) {
                ok(false, "%08x in element %u goes elsewhere", out[i], n);
                return;
            }
        }
    }
    ok(true, "numbers out of range go elsewhere");
}

static int64_t sse(uint8_t prefix, uint8_t map, uint8_t opcode, int imm8, int group)
{
    struct ir_sse s = { .prefix = prefix, .map = map, .opcode = opcode, .imm8 = imm8,
                        .has_imm8 = imm8 >= 0, .reg_ext = group, .is_group = group >= 0 };
    int64_t imm;

    memcpy(&imm, &s, 8);
    return imm;
}

static void test_sse(void)
{
    double d = -7.75, e = 2;
    uint64_t q[2];

    memcpy(m.env->xmm[0], va, 16);
    memcpy(m.env->xmm[9], vb, 16);
    memcpy(m.env->xmm[13], &d, 8);
    memcpy(m.env->xmm[12], &e, 8);
    m.env->regs[13] = 12;
    begin();
    ir_set(m.ir, G_XMM + 1, emit(IR_vx, V128, xmm(0), xmm(9), sse(0x66, 1, 0xef, -1, -1)));
    ir_set(m.ir, G_XMM + 2, emit(IR_vx, V128, xmm(0), 0, sse(0x66, 1, 0x70, 0x1b, -1)));
    ir_set(m.ir, G_XMM + 14, emit(IR_vx, V128, xmm(0), 0, sse(0x66, 1, 0x73, 3, 3)));
    ir_set(m.ir, G_XMM + 15, emit(IR_vx, V128, xmm(0), xmm(9), sse(0x66, 2, 0x00, -1, -1)));
    ir_set(m.ir, G_REG + 1, emit(IR_vx_gv, I32, xmm(13), 0, sse(0xf2, 1, 0x2c, -1, -1)));
    ir_set(m.ir, G_REG + 2, emit(IR_vx_gv, I64, xmm(13), 0, sse(0xf2, 1, 0x2d, -1, -1)));
    ir_set(m.ir, G_REG + 3, emit(IR_vx_gv, I32, xmm(0), 0, sse(0x66, 1, 0xd7, -1, -1)));
    ir_set(m.ir, G_REG + 4, emit(IR_vx_gv, I32, xmm(0), 0, sse(0x66, 3, 0x14, 15, -1)));
    ir_set(m.ir, G_REG + 5, emit(IR_vx_gv, I64, xmm(0), 0, sse(0x66, 1, 0x7e, -1, -1)));
    ir_set(m.ir, G_REG + 6, emit(IR_vx_fl, I32, xmm(13), xmm(12), sse(0x66, 1, 0x2e, -1, -1)));
    ir_set(m.ir, G_XMM + 11, emit(IR_vx_vg, V128, xmm(0), reg(13), sse(0xf2, 1, 0x2a, -1, -1)));
    ir_set(m.ir, G_XMM + 10, emit(IR_vx_vg, V128, xmm(0), reg(13), sse(0x66, 1, 0xc4, 7, -1)));
    finish();
    memcpy(q, m.env->xmm[1], 16);
    ok(q[0] == (va[0] ^ vb[0]) && q[1] == (va[1] ^ vb[1]), "vx pxor");
    memcpy(q, m.env->xmm[2], 16);
    ok(q[0] == 0x76543210fedcba98 && q[1] == 0x89abcdef01234567, "vx pshufd, one operand");
    memcpy(q, m.env->xmm[14], 16);
    ok(q[0] == 0x5432100123456789 && q[1] == 0x000000fedcba9876, "vx psrldq, a group");
    is_int((int32_t)m.env->regs[1], -7, "vx_gv cvttsd2si");
    is_int(m.env->regs[2], -8, "vx_gv cvtsd2si, 64 bits");
    is_int(m.env->regs[3], 0xf00f, "vx_gv pmovmskb");
    is_int(m.env->regs[4], 0xfe, "vx_gv pextrb");
    is_int(m.env->regs[5], va[0], "vx_gv movq");
    is_int(m.env->regs[6], 1, "vx_fl ucomisd");
    memcpy(&d, m.env->xmm[11], 8);
    ok(d == 12 && memcmp(m.env->xmm[11] + 8, va + 1, 8) == 0, "vx_vg cvtsi2sd");
    ok(m.env->xmm[10][14] == 12 && memcmp(m.env->xmm[10], va, 14) == 0, "vx_vg pinsrw");
}

/* --- x86 flags, against the host's own --- */
#define HOST_FLAGS(insn, type)                                                                     \
    do {                                                                                           \
        type x = a;                                                                                \
        __asm__("bt $0, %4\n\t" insn "\n\tpushf\n\tpop %1"                                         \
                : "+q"(x), "=&r"(f) : "q"((type)b), "c"((int)b), "r"(carry) : "cc");               \
    } while (0)
#define HOST_FLAGS_SIZES(kind, op2, operand)                                                       \
    case kind:                                                                                     \
        switch (bits) {                                                                            \
        case 8: HOST_FLAGS(op2 "b " operand "%0", uint8_t); break;                                 \
        case 16: HOST_FLAGS(op2 "w " operand "%0", uint16_t); break;                               \
        case 32: HOST_FLAGS(op2 "l " operand "%0", uint32_t); break;                               \
        default: HOST_FLAGS(op2 "q " operand "%0", uint64_t); break;                               \
        }                                                                                          \
        break

static uint64_t host_flags(unsigned kind, unsigned bits, uint64_t a, uint64_t b, unsigned carry)
{
    uint64_t f = 0;

    switch (kind) {
    HOST_FLAGS_SIZES(ALU_ADD, "add", "%2, ");
    HOST_FLAGS_SIZES(ALU_ADC, "adc", "%2, ");
    HOST_FLAGS_SIZES(ALU_SUB, "sub", "%2, ");
    HOST_FLAGS_SIZES(ALU_SBB, "sbb", "%2, ");
    HOST_FLAGS_SIZES(ALU_INC, "inc", "");
    HOST_FLAGS_SIZES(ALU_DEC, "dec", "");
    HOST_FLAGS_SIZES(ALU_NEG, "neg", "");
    HOST_FLAGS_SIZES(ALU_SHL, "shl", "%%cl, ");
    HOST_FLAGS_SIZES(ALU_SHR, "shr", "%%cl, ");
    HOST_FLAGS_SIZES(ALU_SAR, "sar", "%%cl, ");
    default:
        switch (bits) {
        case 8: HOST_FLAGS("testb %b0, %b0", uint8_t); break;
        case 16: HOST_FLAGS("testw %w0, %w0", uint16_t); break;
        case 32: HOST_FLAGS("testl %k0, %k0", uint32_t); break;
        default: HOST_FLAGS("testq %q0, %q0", uint64_t); break;
        }
    }
    return f & 0x8d5;
}

static ir_val flags(unsigned kind, unsigned bits, ir_val a, ir_val b, ir_val carry)
{
    struct ir_op o = { .op = IR_flags, .type = bits == 64 ? I64 : I32, .a = a, .b = b, .c = carry,
                       .imm = kind | bits << 8 };

    return ir_pure(m.ir, &o);
}

static void test_flags(void)
{
    static const uint64_t values[] = { 0, 1, 0x7f, 0x80, 0xff, 0x8000, 0x7fffffff, 0x80000000,
                                       0x123456789abcdef0, 1ull << 63, ~0ull };
    static const char *const names[] = { "add", "adc", "sub", "sbb", "logic", "inc", "dec", "neg",
                                         "shl", "shr", "sar" };

    for (unsigned kind = 0; kind <= ALU_SAR; kind++) {
        bool good = true;

        for (unsigned n = 0; n < 4 * 11 * 11 * 2 && good; n++) {
            unsigned bits = 8 << (n & 3), carry = n >> 2 & 1;
            uint64_t a = values[n / 8 % 11], b = values[n / 88], want;
            uint64_t mask = kind >= ALU_SHL ? 0xc5 : 0x8d5;

            if (kind >= ALU_SHL) {
                b = 1 + n / 88 % 7;
            }
            if (kind == ALU_LOGIC) {
                mask &= ~0x10;
            }
            m.env->regs[1] = a;
            m.env->regs[12] = b;
            m.env->regs[3] = carry;
            begin();
            ir_set(m.ir, G_REG + 5,
                   flags(kind, bits, reg(1), kind >= ALU_LOGIC && kind <= ALU_NEG ? 0 : reg(12),
                         ir_1(m.ir, IR_mov, I32, reg(3))));
            finish();
            want = host_flags(kind, bits, a, b, carry);
            if (((m.env->regs[5] ^ want) & mask) || m.env->regs[5] & ~0x8d5ull) {
                printf("# %u bits, %llx %llx: %llx, not %llx\n", bits, (long long)a, (long long)b,
                       (long long)m.env->regs[5], (long long)want);
                good = false;
            }
        }
        ok(good, "flags of %s", names[kind]);
    }
}

static void test_gx(void)
{
    static const uint16_t soft[] = { SOFT_PDEP, SOFT_PEXT, SOFT_PEXT | SOFT_32, SOFT_CRC32,
                                     SOFT_CRC32 | 1 << 4, SOFT_CRC32 | 2 << 4,
                                     SOFT_CRC32 | 3 << 4 };
    static const char *const names[] = { "pdep", "pext", "pext of 32", "crc32 8", "crc32 16",
                                         "crc32 32", "crc32 64" };

    m.env->regs[0] = 0x123456789abcdef0;
    m.env->regs[1] = 0xf0f0ff000ff0000f;
    begin();
    ir_set(m.ir, G_REG + 2, emit(IR_gx, I64, reg(0), reg(1), GX_PDEP));
    ir_set(m.ir, G_REG + 3, emit(IR_gx, I64, reg(0), reg(1), GX_PEXT));
    ir_set(m.ir, G_REG + 4, emit(IR_gx, I32, reg(0), reg(1), GX_PEXT));
    ir_set(m.ir, G_REG + 5, emit(IR_gx, I32, reg(0), reg(1), GX_CRC32_8));
    ir_set(m.ir, G_REG + 6, emit(IR_gx, I32, reg(0), reg(1), GX_CRC32_16));
    ir_set(m.ir, G_REG + 7, emit(IR_gx, I32, reg(0), reg(1), GX_CRC32_32));
    ir_set(m.ir, G_REG + 8, emit(IR_gx, I64, reg(0), reg(1), GX_CRC32_64));
    finish();
    for (unsigned i = 2; i < 9; i++) {
        uint64_t want = soft_int(NULL, m.env->regs[0], m.env->regs[1], soft[i - 2]);

        is_int(m.env->regs[i], want, names[i - 2]);
    }
}

/* --- memory --- */
static void test_atomics(void)
{
    static const struct { enum ir_opcode op; uint64_t want; } list[] = {
        { IR_atomic_add, 0x12345000 + 0x1fff }, { IR_atomic_and, 0x1000 },
        { IR_atomic_or, 0x12345fff }, { IR_atomic_xor, 0x12344fff }, { IR_xchg, 0x1fff },
    };

    for (unsigned i = 0; i < 10; i++) {
        uint64_t got = 0, at = i < 5 ? RAM_BASE : RAM_SLOW;
        uint8_t *p = m.ram + (at - RAM_BASE) + 64;

        memset(p, 0, 8);
        memcpy(p, &(uint32_t){ 0x12345000 }, 4);
        m.env->regs[2] = 0x1fff;
        begin();
        ir_set(m.ir, G_REG + 3, ir_atomic(m.ir, list[i % 5].op, I32, ir_const(m.ir, I64, at), 64,
                                          reg(2), MO_32));
        finish();
        memcpy(&got, p, 8);
        ok(got == list[i % 5].want && m.env->regs[3] == 0x12345000, "%s at %llx",
           ir_op_info[list[i % 5].op].name, (long long)at);
    }
    for (unsigned i = 0; i < 16; i++) {
        unsigned stores = i & 1, size = i >> 1 & 3;
        uint64_t at = i < 8 ? RAM_BASE : RAM_SLOW, mask = ~0ull >> (64 - (8 << size)), got;
        uint64_t old = 0x1122334455667788, new = 0x0a0b0c0d0e0f1011;
        uint8_t *p = m.ram + (at - RAM_BASE) + 61;

        memcpy(p, &old, 8);
        m.env->regs[2] = new;
        m.env->regs[12] = old;
        m.env->regs[9] = at - 3;
        begin();
        ir_set(m.ir, G_REG + 3, ir_cas(m.ir, I64, reg(9), 64,
                                       stores ? reg(12) : ir_2i(m.ir, IR_xor, I64, reg(12), 1),
                                       reg(2), size));
        ir_set(m.ir, G_REG + 4, ir_2(m.ir, IR_sub, I64, reg(2), reg(12)));
        finish();
        memcpy(&got, p, 8);
        ok(m.env->regs[3] == (old & mask) && m.env->regs[4] == new - old &&
           got == (stores ? (old & ~mask) | (new & mask) : old), "cas of %u bytes at %llx that %s",
           1 << size, (long long)at, stores ? "stores" : "fails");
    }
    for (unsigned size = 0; size < 4; size++) {
        uint64_t mask = ~0ull >> (64 - (8 << size)), old = 0x11223344556677f8, got;

        memcpy(m.ram + 61, &old, 8);
        begin();
        ir_set(m.ir, G_REG + 3, ir_atomic(m.ir, IR_atomic_add, I64,
                                          ir_const(m.ir, I64, RAM_BASE), 61,
                                          ir_const(m.ir, I64, 9), size));
        finish();
        memcpy(&got, m.ram + 61, 8);
        ok(got == ((old & ~mask) | ((old + 9) & mask)) && m.env->regs[3] == (old & mask),
           "atomic_add of %u bytes", 1 << size);
    }
}

static void test_vector_memory(void)
{
    for (unsigned slow = 0; slow < 2; slow++) {
        uint64_t base = slow ? RAM_SLOW : RAM_BASE;
        uint8_t *p = m.ram + (base - RAM_BASE);

        memcpy(m.env->xmm[5], va, 16);
        memcpy(m.env->xmm[14], vb, 16);
        memset(p, 0, 256);
        memcpy(p + 100, va, 16);
        m.env->regs[6] = base;
        m.guest_ram = 0;
        begin();
        ir_st(m.ir, V128, reg(6), 3, xmm(5), MO_128);
        ir_st(m.ir, V128, reg(6), 32, xmm(14), MO_128);
        ir_set(m.ir, G_XMM + 7, ir_ld(m.ir, V128, reg(6), 100, MO_128));
        ir_st(m.ir, V64, reg(6), 64, emit(IR_bitcast, V64, xmm(5), 0, 0), MO_64);
        ir_set(m.ir, G_REG + 7, emit(IR_bitcast, I32, ir_ld(m.ir, F32, reg(6), 100, MO_32), 0, 0));
        ir_set(m.ir, G_REG + 8, emit(IR_bitcast, I64, ir_ld(m.ir, F64, reg(6), 100, MO_64 | MO_BE),
                                     0, 0));
        finish();
        ok(memcmp(p + 3, va, 16) == 0 && memcmp(p + 32, vb, 16) == 0 &&
           memcmp(m.env->xmm[7], va, 16) == 0 && memcmp(p + 64, va, 8) == 0 && p[72] == 0 &&
           m.env->regs[7] == (uint32_t)va[0] &&
           (m.env->regs[8] == __builtin_bswap64(va[0])), "vector memory, slow %u", slow);
        is_int(m.guest_ram, slow ? 6 : 0, "slow paths taken");
    }
}

static void test_env(void)
{
    begin();
    ir_envst(m.ir, I64, offsetof(struct env, plain), ir_const(m.ir, I64, 0x1122334455667788),
             MO_64);
    ir_envst(m.ir, I32, offsetof(struct env, plain) + 8, reg(1), MO_16);
    ir_set(m.ir, G_REG + 2, ir_envld(m.ir, I64, offsetof(struct env, plain) + 4, MO_8 | MO_SIGN));
    ir_set(m.ir, G_REG + 3, emit(IR_hld, I64, emit(IR_envptr, I64, reg(4), 0,
                                                   offsetof(struct env, plain)), 0,
                                 (int64_t)MO_32 << 48));
    ir_envst(m.ir, V128, offsetof(struct env, plain) + 16, xmm(3), MO_128);
    ir_set(m.ir, G_REG + 6, ir_call(m.ir, H_ADD, reg(4), reg(1), 0, 0));
    m.env->regs[1] = 0xffffabcd;
    m.env->regs[4] = 2;
    memset(m.env->plain, 0, sizeof(m.env->plain));
    memcpy(m.env->xmm[3], va, 16);
    finish();
    is_int(m.env->plain[1], 0xabcd, "envst of 16 bits");
    is_int(m.env->regs[2], 0x44, "envld");
    is_int(m.env->regs[3], 0x33445566, "hld at envptr");
    is_int(m.env->plain[3], va[1], "envst of a vector");
    is_int(m.env->regs[6], 0xffffabcf, "a helper without vector registers");
}

static void test_limits(void)
{
    bool too_big;

    begin();
    ir_exit(m.ir, 0x5000, 0);
    ir_optimize(m.ir);
    ok(!backend_compile(m.ir, &m.key, m.code, m.code_start, 100, &m.out, &too_big) && !too_big,
       "no room is no error");
    begin();
    for (unsigned i = 0; i < 200; i++) {
        ir_set(m.ir, G_REG, ir_ld(m.ir, I64, ir_const(m.ir, I64, RAM_BASE), 8 * i, MO_64));
    }
    finish();
    begin();
    ir_val v[150], sum;

    for (unsigned i = 0; i < 150; i++) {
        v[i] = ir_ld(m.ir, I64, ir_const(m.ir, I64, RAM_BASE), 8 * i, MO_64);
    }
    sum = v[0];
    for (unsigned i = 1; i < 150; i++) {
        sum = ir_2(m.ir, IR_xor, I64, sum, v[i]);
    }
    ir_set(m.ir, G_REG, sum);
    ir_exit(m.ir, 0x5000, 0);
    ir_optimize(m.ir);
    ok(!backend_compile(m.ir, &m.key, m.code, m.code_start, CODE_SIZE / 2, &m.out, &too_big) &&
       too_big, "more live values than slots is too big");
}

int main(void)
{
    for (unsigned i = 0; i < 3; i++) {
        machine_init(i == 1 ? 32 : 64, helpers, 4);
        if (i == 2) {
            machine_old_host();
        }
        test_exits();
        test_conditional_exit();
        test_jump_cache();
        test_raise();
        test_float();
        test_mxcsr();
        test_vectors();
        if (i < 2) {                            /* it has the very instructions */
            test_pairs();
    test_wide_in_pin();
    test_flush();
    test_sse();
        }
        test_flags();
        test_gx();
        test_atomics();
        test_vector_memory();
        test_env();
        test_limits();
    }
    return tap_done();
}
