/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random programs in IR, whose outcome is computed while they are built: integers, vectors, memory
 * in place and by the slow path, branches, many live values. Helpers and slow paths compare the
 * whole guest state with what it must be at that point.
 */
#include "tests/ir/machine.h"

struct state {
    uint64_t known;                 /* globals whose value is defined */
    uint64_t global[G_XMM];
    uint8_t xmm[N_XMM][16];
    uint8_t ram[RAM_SIZE];
};

struct point {                      /* what env must be at an observer */
    uint64_t known;
    uint64_t global[G_XMM];
    uint8_t xmm[N_XMM][16];
};

enum { MAX_POINTS = 400, POOL = 48 };
static struct point points[MAX_POINTS];
static unsigned n_points, n_checked;
static struct state model;
static const char *mismatch;
static uint64_t val[IR_MAX_OPS];
static uint8_t vval[IR_MAX_OPS][16];
static ir_val pool[POOL], vpool[8];
static unsigned n_pool, n_vpool;
static bool narrow;                 /* 32-bit guest addresses */

static uint64_t seed = 1;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

static unsigned below(unsigned n)
{
    return (rnd() >> 32) % n;
}

static uint64_t interesting(void)
{
    static const uint64_t v[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000,
                                  0xffffffff, 0x100000000, ~0ull, 1ull << 63, ~0ull >> 1 };

    return below(3) ? rnd() >> below(64) : v[below(14)];
}

/* --- observers --- */
static uint64_t env_global(unsigned g)
{
    uint64_t v = 0;

    memcpy(&v, (uint8_t *)m.env + machine_globals[g].offset,
           machine_globals[g].type == I32 ? 4 : 8);
    return v;
}

static void compare_point(unsigned i)
{
    static char text[100];
    const struct point *p = &points[i];

    n_checked++;
    machine_restore();
    for (unsigned g = 0; g < G_XMM && !mismatch; g++) {
        if (p->known >> g & 1 && env_global(g) != p->global[g]) {
            snprintf(text, sizeof(text), "point %u: %s is %llx, not %llx", i,
                     machine_globals[g].name, (long long)env_global(g), (long long)p->global[g]);
            mismatch = text;
        }
    }
    for (unsigned x = 0; x < N_XMM && !mismatch; x++) {
        if (memcmp(m.env->xmm[x], p->xmm[x], 16)) {
            snprintf(text, sizeof(text), "point %u: xmm%u", i, x);
            mismatch = text;
        }
    }
}

static void observe_slow(uint64_t addr)
{
    /* Slow accesses are 32 bytes apart in the order of their points. */
    if (addr >= RAM_SLOW) {
        compare_point((addr - RAM_SLOW) / 32);
    }
}

static uint64_t helper_observe(void *env, uint64_t point, uint64_t a, uint64_t b, uint64_t c)
{
    compare_point(point);
    return a + 3 * b + 5 * c;
}

static uint64_t helper_write(void *env, uint64_t point, uint64_t a)
{
    struct env *e = env;

    compare_point(point);
    e->regs[1] = a;
    e->regs[12] = ~a;
    e->lazy[1] = a + 1;
    memset(e->xmm[2], a, 16);
    memset(e->xmm[14], a + 1, 16);
    return a >> 1;
}

/* Cannot raise: what it may look at is what `reads' says. */
static uint64_t helper_read(void *env, uint64_t point)
{
    const struct point *p = &points[point];
    struct env *e = env;

    if ((p->known >> (G_LAZY + 2) & 1 && e->lazy[2] != p->global[G_LAZY + 2]) ||
        e->regs[3] != p->global[G_REG + 3] || e->regs[13] != p->global[G_REG + 13]) {
        mismatch = "a helper reads something wrong";
    }
    return e->regs[13];
}

static uint64_t helper_pure(void *env, uint64_t a, uint64_t b)
{
    return a * 7 + b;
}

#define WRITTEN (1ull << (G_REG + 1) | 1ull << (G_REG + 12) | 1ull << (G_LAZY + 1) |               \
                 1ull << (G_XMM + 2) | 1ull << (G_XMM + 14))
#define READ (1ull << (G_LAZY + 2) | 1ull << (G_REG + 3) | 1ull << (G_REG + 13))
static const struct ir_helper helpers[] = {
    { "observe", helper_observe, I64, 4, HELPER_RAISES, 0, 0 },
    { "write", helper_write, I32, 2, HELPER_RAISES, 1, WRITTEN },
    { "pure", helper_pure, I64, 2, HELPER_PURE, 0, 0 },
    { "read", helper_read, I64, 1, HELPER_NO_XMM, READ, 0 },
};

static unsigned add_point(void)
{
    struct point *p = &points[n_points];

    p->known = model.known;
    memcpy(p->global, model.global, sizeof(p->global));
    memcpy(p->xmm, model.xmm, sizeof(p->xmm));
    return n_points++;
}

/* --- values --- */
static uint64_t truncate_to(enum ir_type type, uint64_t v)
{
    return type == I32 ? (uint32_t)v : v;
}

/* v is the result of an op of this type, or what folding made of it. */
static ir_val know(enum ir_type type, ir_val v, uint64_t value)
{
    val[v] = truncate_to(type, value);
    if (n_pool < POOL) {
        pool[n_pool++] = v;
    } else {
        pool[below(POOL)] = v;
    }
    return v;
}

static ir_val constant(enum ir_type type, uint64_t v)
{
    ir_val c = ir_const(m.ir, type, v);

    val[c] = type == I32 ? (uint32_t)v : v;
    return c;
}

static ir_val get(unsigned g)
{
    ir_val v = ir_get(m.ir, g);

    val[v] = model.global[g];
    return v;
}

static ir_val any(void)
{
    unsigned g;

    if (below(6) == 0) {
        return constant(below(2) ? I32 : I64, interesting());
    }
    if (n_pool == 0 || below(4) == 0) {
        g = below(G_LAZY);
        return know(I64, get(g), model.global[g]);
    }
    return pool[below(n_pool)];
}

static void set(unsigned g, ir_val v)
{
    ir_set(m.ir, g, v);
    model.known |= 1ull << g;
    model.global[g] = machine_globals[g].type == I32 ? (uint32_t)val[v] : val[v];
}

static int64_t sext(enum ir_type type, uint64_t v)
{
    return type == I32 ? (int64_t)(int32_t)v : (int64_t)v;
}

static bool holds(enum ir_type t, unsigned cc, uint64_t a, uint64_t b)
{
    uint64_t x = truncate_to(t, a), y = truncate_to(t, b);
    int64_t sx = sext(t, a), sy = sext(t, b);
    bool r[] = { x == y, sx < sy, sx <= sy, x < y, x <= y, (x & y) == 0 };

    return r[cc >> 1] ^ (cc & 1);
}

static uint64_t eval2(unsigned op, enum ir_type t, uint64_t a, uint64_t b)
{
    unsigned bits = t == I32 ? 32 : 64, n = b & (bits - 1);
    uint64_t x = truncate_to(t, a), y = truncate_to(t, b);
    __int128 s = (__int128)sext(t, a) * sext(t, b);
    unsigned __int128 u = (unsigned __int128)x * y;

    switch (op) {
    case IR_add: return x + y;
    case IR_sub: return x - y;
    case IR_mul: return x * y;
    case IR_mulhs: return s >> bits;
    case IR_mulhu: return u >> bits;
    case IR_and: return x & y;
    case IR_or: return x | y;
    case IR_xor: return x ^ y;
    case IR_andc: return x & ~y;
    case IR_shl: return x << n;
    case IR_shr: return x >> n;
    case IR_sar: return sext(t, x) >> n;
    case IR_rotl: return x << n | (n ? x >> (bits - n) : 0);
    case IR_rotr: return x >> n | (n ? x << (bits - n) : 0);
    case IR_divu: return x / y;
    case IR_remu: return x % y;
    case IR_divs: return sext(t, a) / sext(t, b);
    case IR_rems: return sext(t, a) % sext(t, b);
    }
    return 0;
}

static void emit_binary(void)
{
    static const uint8_t ops[] = { IR_add, IR_add, IR_add, IR_sub, IR_sub, IR_mul, IR_mulhs,
                                   IR_mulhu, IR_and, IR_or, IR_xor, IR_andc, IR_shl, IR_shr,
                                   IR_sar, IR_rotl, IR_rotr, IR_divu, IR_remu, IR_divs, IR_rems };
    unsigned op = ops[below(sizeof(ops))];
    enum ir_type t = below(2) ? I32 : I64;
    ir_val a = any(), b = any();

    if (op >= IR_divs && op <= IR_remu) {
        if (truncate_to(t, val[b]) == 0 || sext(t, val[b]) == -1) {
            b = constant(t, 1 + below(1000));
        }
    }
    know(t, ir_2(m.ir, op, t, a, b), eval2(op, t, val[a], val[b]));
}

static uint64_t eval1(unsigned op, enum ir_type t, uint64_t a)
{
    uint64_t x = truncate_to(t, a);
    unsigned bits = t == I32 ? 32 : 64;

    switch (op) {
    case IR_mov: return x;
    case IR_not: return ~x;
    case IR_neg: return -x;
    case IR_clz: return x ? __builtin_clzll(x) - (64 - bits) : bits;
    case IR_ctz: return x ? __builtin_ctzll(x) : bits;
    case IR_popcnt: return __builtin_popcountll(x);
    }
    return t == I32 ? __builtin_bswap32(x) : __builtin_bswap64(x);
}

static void emit_unary(void)
{
    static const uint8_t ops[] = { IR_mov, IR_not, IR_neg, IR_clz, IR_ctz, IR_popcnt, IR_bswap };
    unsigned op = ops[below(sizeof(ops))];
    enum ir_type t = below(2) ? I32 : I64;
    ir_val a = any();

    know(t, ir_1(m.ir, op, t, a), eval1(op, t, val[a]));
}

static void emit_field(void)
{
    enum ir_type t = below(2) ? I32 : I64;
    unsigned bits = t == I32 ? 32 : 64, len = below(3) ? 8u << below(t == I32 ? 2 : 3)
                                                         : 1 + below(bits - 1);
    unsigned offset = below(2) ? 0 : below(bits - len + 1);
    uint64_t mask = len == 64 ? ~0ull : (1ull << len) - 1;
    ir_val a = any(), b = any();

    switch (below(3)) {
    case 0:
        know(t, ir_extract(m.ir, t, a, offset, len), truncate_to(t, val[a]) >> offset & mask);
        break;
    case 1:
        know(t, ir_deposit(m.ir, t, a, b, offset, len),
             (val[a] & ~(mask << offset)) | (val[b] & mask) << offset);
        break;
    default:
        know(t, ir_exts(m.ir, t, a, len), (int64_t)(val[a] << (64 - len)) >> (64 - len));
    }
}

static void emit_choice(void)
{
    enum ir_type t = below(2) ? I32 : I64;
    unsigned cc = below(IR_COND_COUNT);
    ir_val a = any(), b = any(), x = any(), y = any(), c;

    switch (below(3)) {
    case 0:
        know(I32, ir_setc(m.ir, t, cc, a, b), holds(t, cc, val[a], val[b]));
        break;
    case 1:
        know(t, ir_sel(m.ir, t, cc, a, b, x, y),
             truncate_to(t, holds(t, cc, val[a], val[b]) ? val[x] : val[y]));
        break;
    default:
        c = ir_setc(m.ir, I64, cc, a, b);
        val[c] = holds(I64, cc, val[a], val[b]);
        if (below(2)) {
            know(t, ir_3(m.ir, IR_addc, t, x, y, c), val[x] + val[y] + val[c]);
        } else {
            know(t, ir_3(m.ir, IR_subb, t, x, y, c), val[x] - val[y] - val[c]);
        }
    }
}

/* An address value that adds up to `where'. */
static ir_val address_of(uint64_t where, int32_t *disp)
{
    enum ir_type t = narrow ? I32 : I64;
    ir_val base = any(), sum;
    uint64_t rest;

    *disp = below(2) ? (int32_t)rnd() >> below(32) : 0;
    rest = where - *disp;
    if (below(4) == 0) {
        return constant(t, rest);
    }
    sum = ir_2(m.ir, IR_add, t, base, constant(t, rest - val[base]));
    val[sum] = truncate_to(t, rest);
    return sum;
}

static ir_val scaled_address(uint64_t where, int32_t *disp)
{
    enum ir_type t = narrow ? I32 : I64;
    ir_val index = any(), base, sum;
    unsigned k = below(4);
    uint64_t scaled = truncate_to(t, val[index] << k);

    *disp = below(2) ? (int8_t)rnd() : 0;
    base = constant(t, where - *disp - scaled);
    sum = ir_2(m.ir, IR_shl, t, index, constant(t, k));
    val[sum] = scaled;
    sum = below(2) ? ir_2(m.ir, IR_add, t, sum, base) : ir_2(m.ir, IR_add, t, base, sum);
    val[sum] = truncate_to(t, where - *disp);
    return sum;
}

static void emit_atomic(enum ir_type t, ir_val addr, int32_t disp, uint16_t memop, uint8_t *p)
{
    static const uint8_t ops[] = { IR_atomic_add, IR_atomic_and, IR_atomic_or, IR_atomic_xor,
                                   IR_xchg, IR_cas };
    unsigned op = ops[below(6)], bytes = 1u << (memop & MO_SIZE);
    uint64_t old = 0, mask = ~0ull >> (64 - 8 * bytes), new;
    ir_val b = any(), c = any();

    memcpy(&old, p, bytes);
    if (memop & MO_BE) {
        old = __builtin_bswap64(old) >> (64 - 8 * bytes);
    }
    if (op == IR_cas) {
        b = below(2) ? b : constant(I64, old);
        know(t, ir_cas(m.ir, t, addr, disp, b, c, memop), old);
        new = ((val[b] ^ old) & mask) == 0 ? val[c] : old;
    } else {
        know(t, ir_atomic(m.ir, op, t, addr, disp, b, memop), old);
        new = op == IR_atomic_add ? old + val[b] : op == IR_atomic_and ? old & val[b]
            : op == IR_atomic_or ? old | val[b] : op == IR_atomic_xor ? old ^ val[b] : val[b];
    }
    if (memop & MO_BE) {
        new = __builtin_bswap64(new) >> (64 - 8 * bytes);
    }
    memcpy(p, &new, bytes);
}

/* A load or store of p's bytes. */
static void emit_access(enum ir_type t, ir_val addr, int32_t disp, uint16_t memop, uint8_t *p)
{
    unsigned bytes = 1u << (memop & MO_SIZE);
    ir_val x = any();
    uint64_t v = 0;

    if (below(2)) {
        v = val[x];
        if (memop & MO_BE) {
            v = __builtin_bswap64(v) >> (64 - 8 * bytes);
        }
        ir_st(m.ir, t, addr, disp, x, memop);
        memcpy(p, &v, bytes);
        return;
    }
    memop |= below(2) ? MO_SIGN : 0;
    memcpy(&v, p, bytes);
    if (memop & MO_BE) {
        v = __builtin_bswap64(v) >> (64 - 8 * bytes);
    }
    if (memop & MO_SIGN) {
        v = (int64_t)(v << (64 - 8 * bytes)) >> (64 - 8 * bytes);
    }
    know(t, ir_ld(m.ir, t, addr, disp, memop), v);
}

/* Several near to each other, in the slow part of RAM or perhaps over the end of a page. */
static void emit_group(void)
{
    bool slow = below(3) == 0 && n_points < MAX_POINTS - 6;
    uint64_t start = slow ? RAM_SLOW + 32 * n_points
                   : RAM_BASE + below(RAM_SIZE / 2 / PAGE - 2) * PAGE +
                     (below(3) ? below(PAGE) : PAGE - below(64));
    unsigned idx = below(4) << MO_IDX_SHIFT | (narrow ? MO_ADDR32 : 0);
    int32_t disp;
    ir_val addr = address_of(start, &disp);

    if (disp != (int8_t)disp) {
        return;
    }
    for (unsigned n = 2 + below(3); n; n--) {
        unsigned size = below(4);
        uint64_t where = slow ? RAM_SLOW + 32 * n_points + below(32 - (1 << size))
                              : start + below(48);

        if (slow) {
            add_point();
        }
        emit_access(size == MO_64 || below(2) ? I64 : I32, addr, disp + (int32_t)(where - start),
                    size | idx, model.ram + (where - RAM_BASE));
        if (below(2)) {
            uint64_t k = below(64), from = val[addr];

            addr = ir_2(m.ir, IR_add, narrow ? I32 : I64, addr, constant(narrow ? I32 : I64, k));
            val[addr] = truncate_to(narrow ? I32 : I64, from + k);
            disp -= k;
        }
        if (below(2)) {
            emit_binary();
        }
    }
}

static void emit_memory(void)
{
    bool slow = below(3) == 0 && n_points < MAX_POINTS - 2;
    unsigned size = below(4), bytes = 1u << size;
    uint64_t where = slow ? RAM_SLOW + 32 * n_points + below(32 - bytes)
                          : RAM_BASE + below(RAM_SIZE / 2 - 2 * PAGE);
    uint16_t memop = size | below(4) << MO_IDX_SHIFT | (narrow ? MO_ADDR32 : 0);
    enum ir_type t = size == MO_64 || below(2) ? I64 : I32;
    uint8_t *p = model.ram + (where - RAM_BASE);
    ir_val addr;
    int32_t disp;

    if (!slow && below(8) == 0) {
        where = (where & -PAGE) + PAGE - 1;     /* crosses into a mapped page */
        p = model.ram + (where - RAM_BASE);
    }
    addr = below(2) ? address_of(where, &disp) : scaled_address(where, &disp);
    memop |= below(4) ? 0 : MO_BE;
    if (slow) {
        add_point();
    }
    if (below(6) == 0) {
        emit_atomic(t, addr, disp, memop, p);
        return;
    }
    emit_access(t, addr, disp, memop, p);
}

static void know_vector(ir_val v, const void *bytes)
{
    memcpy(vval[v], bytes, 16);
    vpool[n_vpool < 8 ? n_vpool++ : below(8)] = v;
}

static ir_val any_vector(void)
{
    unsigned x = below(N_XMM);
    ir_val v;

    if (n_vpool && below(3)) {
        return vpool[below(n_vpool)];
    }
    v = ir_get(m.ir, G_XMM + x);
    memcpy(vval[v], model.xmm[x], 16);
    return v;
}

static void emit_vector(void)
{
    ir_val a = any_vector(), b = any_vector(), n = any();
    unsigned x = below(N_XMM), lane = below(16);
    uint8_t r[16];

    switch (below(5)) {
    case 0:
        ir_set(m.ir, G_XMM + x, a);
        memcpy(model.xmm[x], vval[a], 16);
        break;
    case 1:
        for (int i = 0; i < 16; i++) {
            r[i] = vval[a][i] + vval[b][i];
        }
        know_vector(ir_imm(m.ir, IR_vadd, V128, a, b, 8), r);
        break;
    case 2:
        for (int i = 0; i < 16; i++) {
            r[i] = vval[a][i] & ~vval[b][i];
        }
        know_vector(ir_imm(m.ir, IR_vandc, V128, a, b, 8), r);
        break;
    case 3:
        memcpy(r, vval[a], 16);
        r[lane] = val[n];
        know_vector(ir_imm(m.ir, IR_vins, V128, a, n, 8 | lane << 8), r);
        break;
    default:
        know(I32, ir_imm(m.ir, IR_vext, I32, a, 0, 8 | lane << 8), vval[a][lane]);
    }
}

static void emit_call(void)
{
    ir_val a = any(), b = any(), c = any(), r;
    unsigned point;

    if (below(3) == 0) {
        know(I64, ir_call(m.ir, 2, a, b, 0, 0), val[a] * 7 + val[b]);
        return;
    }
    if (n_points >= MAX_POINTS - 2) {
        return;
    }
    point = add_point();
    if (below(3) == 0) {
        know(I64, ir_call(m.ir, 3, constant(I64, point), 0, 0, 0), model.global[G_REG + 13]);
        return;
    }
    if (below(2)) {
        r = ir_call(m.ir, 0, constant(I64, point), a, b, c);
        know(I64, r, val[a] + 3 * val[b] + 5 * val[c]);
        return;
    }
    r = ir_call(m.ir, 1, constant(I64, point), a, 0, 0);
    model.global[G_REG + 1] = val[a];
    model.global[G_REG + 12] = ~val[a];
    model.known |= 1ull << (G_LAZY + 1);
    model.global[G_LAZY + 1] = val[a] + 1;
    memset(model.xmm[2], val[a], 16);
    memset(model.xmm[14], val[a] + 1, 16);
    know(I32, r, val[a] >> 1);
}

static void emit_insn(void)
{
    model.global[G_PC] = m.key.pc + below(4000);
    ir_insn(m.ir, model.global[G_PC]);
}

static void emit_some(unsigned n);

/* A forward branch over code that runs or does not. */
static void emit_branch(unsigned depth)
{
    static struct state saved;
    enum ir_type t = below(2) ? I32 : I64;
    uint64_t lazy = (uint64_t)LAZY_MASK << G_LAZY, live = below(2) ? lazy : lazy & rnd();
    unsigned cc = below(IR_COND_COUNT), label = ir_label_new(m.ir, live);
    ir_val a = any(), b = any();
    bool taken = holds(t, cc, val[a], val[b]);

    saved = model;
    ir_brc(m.ir, t, cc, a, b, label);
    emit_some(1 + below(6));
    if (taken) {
        model = saved;
    }
    ir_label(m.ir, label);
    model.known &= ~lazy | live;
    emit_insn();
    n_pool = n_vpool = 0;
}

static bool in_branch;

static void emit_one(void)
{
    unsigned g;

    switch (below(in_branch ? 20 : 21)) {
    case 0: case 1: case 2: case 3: emit_binary(); break;
    case 4: emit_unary(); break;
    case 5: case 6: emit_field(); break;
    case 7: emit_choice(); break;
    case 8: case 9: emit_memory(); break;
    case 10: emit_group(); break;
    case 11: case 12: emit_vector(); break;
    case 13: emit_call(); break;
    case 14:
        for (unsigned i = 0; i < 3; i++) {
            g = G_LAZY + below(N_LAZY);
            set(g, machine_globals[g].type == I32 ? constant(I32, below(100)) : any());
        }
        break;
    case 20:
        in_branch = true;
        emit_branch(0);
        in_branch = false;
        break;
    default:
        set(below(G_LAZY), any());
    }
}

static void emit_some(unsigned n)
{
    for (; n; n--) {
        if (below(3) == 0) {
            emit_insn();
        }
        emit_one();
    }
}

static void randomise(void)
{
    for (unsigned g = 0; g < G_PC; g++) {
        model.global[g] = machine_globals[g].type == I32 ? (uint32_t)interesting()
                                                          : interesting();
        memcpy((uint8_t *)m.env + machine_globals[g].offset, &model.global[g],
               machine_globals[g].type == I32 ? 4 : 8);
    }
    for (unsigned i = 0; i < sizeof(model.xmm); i += 8) {
        uint64_t v = rnd();

        memcpy((uint8_t *)model.xmm + i, &v, 8);
    }
    for (unsigned i = 0; i < RAM_SIZE; i += 8) {
        uint64_t v = seed * i;

        memcpy(model.ram + i, &v, 8);
    }
    memcpy(m.env->xmm, model.xmm, sizeof(model.xmm));
    memcpy(m.ram, model.ram, RAM_SIZE);
    model.global[G_PC] = m.key.pc;
    model.known = ~0ull;
}

static const char *run_one(uint64_t number, unsigned length)
{
    static char text[100];
    uint64_t live, end;

    seed = number * 0x9e3779b97f4a7c15ull + 1;
    n_points = n_pool = n_vpool = 0;
    mismatch = NULL;
    randomise();
    ir_reset(m.ir);
    ir_insn(m.ir, m.key.pc);
    emit_some(length);
    live = rnd() & LAZY_MASK;
    end = m.key.pc + (below(2) ? 0 : PAGE);
    ir_exit(m.ir, end, live << G_LAZY);
    if (!machine_compile()) {
        return "does not compile";
    }
    if (getenv("DUMP")) {
        FILE *f = fopen(getenv("DUMP"), "wb");

        fwrite(m.code + m.out.host, 1, m.out.host_end - m.out.host, f);
        fclose(f);
        ir_print(m.ir, "optimised");
    }
    machine_run();
    if (mismatch) {
        return mismatch;
    }
    if (m.env->pc != end || m.env->hot.ra) {
        return "pc or ra at the end";
    }
    for (unsigned g = 0; g < G_PC; g++) {
        bool wanted = g < G_LAZY || live & model.known >> G_LAZY & 1 << (g - G_LAZY);

        if (wanted && env_global(g) != model.global[g]) {
            snprintf(text, sizeof(text), "%s is %llx at the end, not %llx",
                     machine_globals[g].name, (long long)env_global(g),
                     (long long)model.global[g]);
            return text;
        }
    }
    return memcmp(m.ram, model.ram, RAM_SIZE) ? "memory differs"
         : memcmp(m.env->xmm, model.xmm, sizeof(model.xmm)) ? "vectors differ" : NULL;
}

/* For a debugger: which program runs. */
static volatile uint64_t running;

static void run_many(const char *machine, const char *name, uint64_t first, unsigned n,
                     unsigned length)
{
    const char *bad = NULL;
    uint64_t i;

    for (i = first; i < first + n; i++) {
        running = i;
        bad = run_one(i, length);
        if (bad) {
            printf("# program %llu: %s\n", (long long)i, bad);
            break;
        }
    }
    ok(!bad && n_checked, "%s, %s: %u programs, %u states compared", machine, name, n, n_checked);
    n_checked = 0;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? atoi(argv[1]) : 300, first = argc > 2 ? atoi(argv[2]) : 1;

    for (unsigned i = 0; i < 3; i++) {
        static const char *const names[] = { "64-bit", "32-bit", "old host" };

        machine_init(i == 1 ? 32 : 64, helpers, sizeof(helpers) / sizeof(helpers[0]));
        if (i == 2) {
            machine_old_host();
        }
        m.at_slow = observe_slow;
        narrow = i == 1;
        run_many(names[i], "short", first, n, 8);
        run_many(names[i], "medium", first, n, 50);
        run_many(names[i], "long", first, n / 2, 400);
    }
    return tap_done();
}
