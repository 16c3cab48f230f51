/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs and states: rows of the opcode table with random operands that mostly work. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "generate.h"

static uint64_t seed = 1;
static unsigned *eligible, n_eligible;
static const bool *features;
static uint32_t mode;
static bool only_one;                   /* some rows only: no sequences around them */
uint64_t *generate_used;

uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * 0x2545f4914f6cdd1dull;
}

void random_seed(uint64_t s)
{
    seed = s * 0x9e3779b97f4a7c15ull + 1;
}

bool chance(unsigned percent)
{
    return random_below(100) < percent;
}

/* --- what may be generated ------------------------------------------------------------------- */

/* System state that the two sides cannot share, control flow that leaves the program, and what
   flow.c makes with operands that fit. */
static const char *const excluded[] = {
    "syscall", "sysret*", "sysenter", "sysexit", "int", "iret*", "cpuid", "rdtsc*", "rdpmc",
    "rdrand", "rdseed", "rdpid", "xgetbv", "verr", "verw", "lar", "lsl", "sldt", "str", "smsw",
    "sgdt", "sidt", "arpl", "*fsbase", "*gsbase", "monitor*", "mwait*", "ret*", "lds", "les", "lss",
    "lfs", "lgs", "call*", "jmp*", "enter", "popf*", "xsave*", "xrstor*", "fxrstor*", "vm*", "stac",
    "clac", "3dnow",
};

static bool name_excluded(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(excluded); i++) {
        if (fnmatch(excluded[i], name, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Only reads a segment register. */
static bool reads_segment(const struct x86_opcode *o)
{
    return o->operand[1] == O_Sw || strcmp(o->name, "push") == 0;
}

static bool row_eligible(const struct x86_opcode *o, bool code64, const char *only)
{
    if ((o->attrs & (code64 ? A_I64 : A_O64)) || name_excluded(o->name) ||
        o->feature == FEAT_NEVER || (o->feature != FEAT_NONE && !features[o->feature])) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        switch (o->operand[i]) {
        case O_Sw: case O_ES: case O_CS: case O_SS: case O_DS: case O_FS: case O_GS:
            if (!reads_segment(o)) {
                return false;
            }
            break;
        case O_Ap: case O_Mp:
            return false;
        }
    }
    return !only || fnmatch(only, o->name, 0) == 0;
}

/* The same as the eligible row before it, for another feature: it never comes to its turn. */
static bool shadowed(const struct x86_opcode *o)
{
    const struct x86_opcode *before = n_eligible ? &x86_opcodes[eligible[n_eligible - 1]] : o;

    return before->map == o->map && before->opcode == o->opcode && before->modrm == o->modrm &&
           before->prefix == o->prefix && before->feature != o->feature;
}

void generate_init(bool code64, const bool has[FEAT_COUNT], const char *only)
{
    features = has;
    only_one = only;
    mode = MODE_PE | MODE_LMA | 3 | (code64 ? MODE_CS64 : MODE_CS32 | MODE_SS32) |
           MODE_OSFXSR | MODE_MP;
    eligible = calloc(x86_opcode_count, sizeof(*eligible));
    generate_used = calloc(x86_opcode_count, sizeof(*generate_used));
    for (unsigned i = 0; i < x86_opcode_count; i++) {
        if (row_eligible(&x86_opcodes[i], code64, only) && !shadowed(&x86_opcodes[i])) {
            eligible[n_eligible++] = i;
        }
    }
    if (!n_eligible) {
        fprintf(stderr, "lockstep: no instruction matches '%s'\n", only ? only : "*");
        exit(1);
    }
}

bool generate_eligible(unsigned row)
{
    for (unsigned i = 0; i < n_eligible; i++) {
        if (eligible[i] == row) {
            return true;
        }
    }
    return false;
}

/* --- flags that the manual leaves undefined -------------------------------------------------- */

static const struct {
    const char *names;
    uint32_t flags;
} undefined_flags[] = {
    { "shl|shr|sar|sal|shld|shrd", FL_AF | FL_OF },
    { "rol|ror|rcl|rcr", FL_OF },
    { "mul|imul", FL_SF | FL_ZF | FL_AF | FL_PF },
    { "div|idiv", FL_ARITH },
    { "bsf|bsr", FL_CF | FL_OF | FL_SF | FL_AF | FL_PF },
    { "bt|bts|btr|btc", FL_OF | FL_SF | FL_AF | FL_PF },
    { "and|or|xor|test", FL_AF },
    { "aam|aad", FL_OF | FL_CF | FL_AF },
    { "daa|das", FL_OF },
    { "aaa|aas", FL_OF | FL_SF | FL_ZF | FL_PF },
    { "tzcnt|lzcnt", FL_OF | FL_SF | FL_AF | FL_PF },
    { "andn|blsr|blsi|blsmsk|bzhi", FL_AF | FL_PF },
    { "bextr", FL_AF | FL_SF | FL_PF },
};

static uint32_t undefined_after(const struct x86_insn *in)
{
    const char *name = in->op->name;
    size_t len = strlen(name);

    for (unsigned i = 0; i < ARRAY_LEN(undefined_flags); i++) {
        const char *at = undefined_flags[i].names;

        while (at) {
            if (strncmp(at, name, len) == 0 && (at[len] == '|' || at[len] == 0)) {
                return undefined_flags[i].flags;
            }
            at = strchr(at, '|');
            at = at ? at + 1 : NULL;
        }
    }
    return 0;
}

/* --- encoding -------------------------------------------------------------------------------- */

static void put(struct encoder *e, uint8_t byte)
{
    e->bytes[e->n++] = byte;
}

static void put32(struct encoder *e, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        put(e, v >> 8 * i);
    }
}

static unsigned pick(uint32_t set, unsigned otherwise)
{
    unsigned n = bits_count(set), k = n ? random_below(n) : 0;

    if (!n) {
        return otherwise;
    }
    for (unsigned r = 0;; r++) {
        if ((set >> r & 1) && k-- == 0) {
            return r;
        }
    }
}

struct modrm {
    unsigned mod, reg, rm, base, index;     /* with bit 3; base and index only when used */
    bool sib;
    int32_t disp;
    unsigned disp_bytes;
};

static void choose_memory(struct encoder *e, struct modrm *m, bool align)
{
    unsigned regs = e->code64 ? 16 : 8;

    if (e->code64 && chance(8)) {
        m->mod = 0;             /* rip-relative, patched by the caller's displacement */
        m->rm = 5;
        m->disp_bytes = 4;
        m->disp = DATA_AT - CODE_AT + random_below(DATA_SIZE - 64);
        return;
    }
    m->mod = random_below(3);
    m->base = chance(95) ? pick(e->pointers, R_SP) : random_below(regs);
    if ((m->base & 7) == 5 && m->mod == 0) {
        m->mod = 1;
    }
    m->disp_bytes = m->mod == 1 ? 1 : m->mod == 2 ? 4 : 0;
    m->disp = m->mod == 1 ? (int8_t)random64() : m->mod ? (int)random_below(2048) - 1024 : 0;
    if (align) {
        m->disp &= ~15;
    }
    m->sib = chance(30) || (m->base & 7) == 4;
    m->rm = m->sib ? 4 : m->base;
    m->index = m->sib && chance(40) && !align ? pick(chance(92) ? e->indexes : 0,
                                                     random_below(regs)) : 4;
}

static void choose_modrm(struct encoder *e, const struct x86_opcode *o, struct modrm *m)
{
    unsigned kind = o->modrm >> 8, arg = o->modrm & 0xff, regs = e->code64 ? 16 : 8;
    bool memory = kind == MODRM_MEM || kind == MODRM_MEM_DIGIT ||
                  ((kind == MODRM_ANY || kind == MODRM_DIGIT) && chance(50));

    *m = (struct modrm){ .mod = 3, .reg = random_below(regs), .rm = random_below(regs) };
    if (kind == MODRM_EXACT) {
        m->reg = arg >> 3 & 7;
        m->rm = arg & 7;
        return;
    }
    if (kind == MODRM_DIGIT || kind == MODRM_MEM_DIGIT || kind == MODRM_REG_DIGIT) {
        m->reg = arg;
    }
    if (memory) {
        choose_memory(e, m, (o->map != MAP_1 || o->opcode > 0xd7) && chance(75));
    }
}

static void put_modrm(struct encoder *e, const struct modrm *m)
{
    put(e, m->mod << 6 | (m->reg & 7) << 3 | (m->rm & 7));
    if (m->mod != 3 && m->sib) {
        put(e, random_below(4) << 6 | (m->index & 7) << 3 | (m->base & 7));
    }
    if (m->mod != 3) {
        for (unsigned i = 0; i < m->disp_bytes; i++) {
            put(e, m->disp >> 8 * i);
        }
    }
}

static bool has_modrm(const struct x86_opcode *o)
{
    if (o->modrm >> 8 != MODRM_ANY || (o->map == MAP_1 && o->opcode >= 0xd8 && o->opcode <= 0xdf)) {
        return true;
    }
    for (unsigned i = 0; i < 4; i++) {
        static const uint8_t without[] = { O__, O_Zb, O_Zv, O_Zy, O_AL, O_AX, O_rAX, O_eAX, O_CL,
                                           O_DX, O_Ib, O_Iw, O_Iz, O_Iv, O_sIb, O_I1, O_Jb, O_Jz,
                                           O_Ob, O_Ov, O_Xb, O_Xv, O_Xz, O_Yb, O_Yv, O_Yz, O_XMM0 };

        if (!memchr(without, o->operand[i], sizeof(without))) {
            return true;
        }
    }
    return false;
}

static void put_vex(struct encoder *e, const struct x86_opcode *o, const struct modrm *m)
{
    static const uint8_t pp[] = { [PREFIX_ANY] = 0, [PREFIX_NP] = 0, [PREFIX_66] = 1,
                                  [PREFIX_F3] = 2, [PREFIX_F2] = 3 };
    bool base_ext = m->mod == 3 || !m->sib ? m->rm & 8 : m->base & 8;

    put(e, 0xc4);
    put(e, (m->reg & 8 ? 0 : 0x80) | (m->sib && (m->index & 8) ? 0 : 0x40) |
           (base_ext ? 0 : 0x20) | o->map);
    put(e, (e->code64 && chance(50) ? 0x80 : 0) | (~random_below(e->code64 ? 16 : 8) & 15) << 3 |
           pp[o->prefix]);
}

static void put_prefixes(struct encoder *e, const struct x86_opcode *o, const struct modrm *m)
{
    static const uint8_t mandatory[] = { [PREFIX_66] = 0x66, [PREFIX_F3] = 0xf3,
                                         [PREFIX_F2] = 0xf2 };
    uint8_t rex = 0;

    if (o->prefix == PREFIX_ANY && chance(25)) {
        put(e, 0x66);
    }
    if ((o->attrs & (A_REP | A_REPZ)) && chance(50)) {
        put(e, chance(70) ? 0xf3 : 0xf2);
    }
    if ((o->attrs & A_LOCK) && m->mod != 3 && chance(30)) {
        put(e, 0xf0);
    }
    if (chance(4)) {
        put(e, 0x67);
    }
    if (chance(3)) {
        static const uint8_t segments[] = { 0x26, 0x2e, 0x36, 0x3e };

        put(e, segments[random_below(4)]);
    }
    if (chance(1)) {
        put(e, 0xf0);
    }
    if (o->prefix >= PREFIX_66) {
        put(e, mandatory[o->prefix]);
    }
    if (e->code64) {
        rex |= m->reg & 8 ? 4 : 0;
        rex |= m->mod != 3 && m->sib && (m->index & 8) ? 2 : 0;
        rex |= (m->mod == 3 || !m->sib ? m->rm : m->base) & 8 ? 1 : 0;
        rex |= chance(40) && !(o->attrs & A_NO_REX_W) ? 8 : 0;
        if (rex || chance(15)) {
            put(e, 0x40 | rex);
        }
    }
}

static void put_opcode(struct encoder *e, const struct x86_opcode *o)
{
    if (o->map != MAP_1) {
        put(e, 0x0f);
        if (o->map == MAP_0F38) {
            put(e, 0x38);
        } else if (o->map == MAP_0F3A) {
            put(e, 0x3a);
        }
    }
    put(e, o->opcode | (o->attrs & A_LOW3 ? random_below(8) : 0) |
           (o->attrs & A_LOW4 ? random_below(16) : 0));
}

static void encode(struct encoder *e, const struct x86_opcode *o)
{
    struct modrm m = { .mod = 3 };

    e->n = 0;
    if (has_modrm(o)) {
        choose_modrm(e, o, &m);
    }
    if (o->attrs & A_VEX) {
        put_vex(e, o, &m);
        put(e, o->opcode);
    } else {
        put_prefixes(e, o, &m);
        put_opcode(e, o);
    }
    if (has_modrm(o)) {
        put_modrm(e, &m);
    }
    if (o->operand[0] == O_Ob || o->operand[1] == O_Ob || o->operand[0] == O_Ov ||
        o->operand[1] == O_Ov) {
        put32(e, DATA_AT + random_below(DATA_SIZE - 8));
        put32(e, 0);
    }
    while (e->n < X86_MAX_INSN + 8) {
        put(e, random64() >> 40);
    }
}

/* FXSAVE and the x87 environment */
static bool large_operand(const struct x86_insn *in)
{
    bool x87 = in->map == MAP_1 && (in->opcode == 0xd9 || in->opcode == 0xdd) && in->reg & 4;

    return x86_modrm_mem(in) && (x87 || strcmp(in->op->name, "fxsave") == 0);
}

/* Things that a valid encoding may still do that the two sides need not agree on. */
static bool acceptable(const struct x86_insn *in)
{
    if (!in->op || in->too_long || in->truncated || in->seg_override >= SEG_FS) {
        return false;
    }
    if (in->op->attrs & (A_PRIV | A_IO) && !chance(5)) {
        return false;
    }
    /* It would wrap in the middle; and models differ in which of two faults comes first. */
    if (large_operand(in) && (in->addrsize == 2 || in->seg_override == SEG_CS)) {
        return false;
    }
    /* At a fault the upper halves of the pointers are cut now and then only. */
    if (mode & MODE_CS64 && in->addrsize == 4 && in->rep && strcmp(in->op->name, "cmps") == 0) {
        return false;
    }
    /* Double shifts of 16 bits by more than 16 have no defined result. */
    if (strncmp(in->op->name, "sh", 2) == 0 && strlen(in->op->name) == 4 && in->opsize == 2) {
        return false;
    }
    return true;
}

static bool names_gpr(const struct x86_insn *in, unsigned n, unsigned reg)
{
    const struct x86_operand *o = &in->operand[n];

    return o->kind == OPND_GPR &&
           (o->reg == reg || (o->size == 1 && x86_high_byte(in, o->reg) && o->reg - 4u == reg));
}

static void forget_registers(struct encoder *e, const struct x86_insn *in)
{
    for (unsigned r = 0; r < 16; r++) {
        if (names_gpr(in, 0, r) || (names_gpr(in, 1, r) && in->op->attrs & (A_RMW | A_VEX))) {
            e->pointers &= ~(1u << r);
            e->indexes &= ~(1u << r);
        }
    }
}

/* Where silicon goes its own ways, or the program would end too early. */
static bool suits(const struct generator *g, const struct x86_insn *in)
{
    static const char *const cx_users[] = { "popa", "pcmp?str?", "loop*", "xchg", "j*", "rdrand" };

    if ((names_gpr(in, 0, R_SP) || names_gpr(in, 1, R_SP)) && !chance(10)) {
        return false;
    }
    if (g->loop_left) {
        for (unsigned i = 0; i < ARRAY_LEN(cx_users); i++) {
            if (fnmatch(cx_users[i], in->op->name, 0) == 0) {
                return false;
            }
        }
        return !in->rep && !names_gpr(in, 0, R_CX) && !names_gpr(in, 1, R_CX);
    }
    return true;
}

static void append(struct program *p, const uint8_t *bytes, unsigned len)
{
    memcpy(p->code + p->len, bytes, len);
    p->len += len;
    p->n++;
    p->start[p->n] = p->len;
}

void generator_emit(struct generator *g, const uint8_t *bytes, unsigned len)
{
    g->p->undefined[g->p->n] = g->undefined;
    append(g->p, bytes, len);
}

void generator_define_flags(struct generator *g)
{
    static const uint8_t cmp[] = { 0x81, 0xfb, 1, 2, 3, 4 };     /* cmp $imm, %ebx */

    if (g->undefined) {
        generator_emit(g, cmp, sizeof(cmp));
        g->undefined = 0;
    }
}

/* A short branch over the instruction that follows gets its displacement when that is known. */
static void close_branch(struct generator *g)
{
    struct program *p = g->p;
    unsigned from = p->start[g->branch + 1];

    st_le(p->code + from - g->branch_bytes, g->branch_bytes, p->len - from);
    g->branch = -1;
}

static bool choose(struct generator *g, struct x86_insn *in, unsigned *row)
{
    struct encoder *e = &g->e;
    const struct x86_opcode *o;

    *row = eligible[random_below(n_eligible)];
    o = &x86_opcodes[*row];
    encode(e, o);
    return x86_decode(in, e->bytes, e->n, CODE_AT + g->p->len, mode, features, NULL) &&
           acceptable(in) && in->op == o && suits(g, in);
}

/* Operands that an instruction implies, so that it comes to its end. */
static void prepare(struct generator *g, unsigned reg, uint32_t value)
{
    uint8_t mov[X86_MAX_INSN] = { 0xb8 + reg };

    st32_le(mov + 1, value);
    generator_emit(g, mov, 5);
}

static bool add_random(struct generator *g)
{
    struct program *p = g->p;
    struct x86_insn in;
    unsigned row;

    if (!choose(g, &in, &row)) {
        return false;
    }
    if (in.flags_read & g->undefined) {
        if (g->branch >= 0 || p->n + 2 > g->limit) {
            return false;
        }
        generator_define_flags(g);
    }
    if (in.op->attrs & A_BRANCH) {
        if (g->branch >= 0 || g->loop_left || p->n + 1 >= g->limit || in.opsize == 2) {
            return false;
        }
        g->branch = p->n;
        g->branch_bytes = in.op->operand[0] == O_Jb ? 1 : 4;
        generator_emit(g, g->e.bytes, in.len);
        generate_used[row]++;
        return true;
    }
    if (in.rep && in.op->attrs & (A_REP | A_REPZ) && g->branch < 0 && chance(70)) {
        prepare(g, R_CX, random_below(40));
    }
    if (fnmatch("maskmov*", in.op->name, 0) == 0) {
        /* Elsewhere an empty mask faults or not as the model likes. */
        if (g->branch >= 0 || in.addrsize == 2) {
            return false;
        }
        prepare(g, R_DI, DATA_AT + 0x800 + random_below(0x700));
    }
    p->compares[p->n] = in.rep && (in.op->attrs & A_REPZ);
    generator_emit(g, g->e.bytes, in.len);
    generate_used[row]++;
    forget_registers(&g->e, &in);
    if (g->branch >= 0) {
        /* It may be skipped: what it defines does not count, what it undefines does. */
        close_branch(g);
        g->undefined |= undefined_after(&in);
    } else {
        g->undefined = (g->undefined & ~x86_flags_written(&in)) | undefined_after(&in);
    }
    return true;
}

static void count_down(struct generator *g)
{
    if (g->loop_left && --g->loop_left == 0) {
        flow_loop_end(g);
    }
    if (g->patch_at && --g->patch_left == 0) {
        flow_patched(g);
    }
}

void generate_program(struct program *p, unsigned insns)
{
    struct generator g = {
        .p = p, .limit = insns, .branch = -1, .has_xsave = features[FEAT_XSAVE],
        .e = { .code64 = p->code64, .pointers = p->code64 ? 0xefe8 & ~(1u << R_SP) : 0xe8,
               .indexes = p->code64 ? 1 << R_DX | 1 << 12 : 1 << R_DX },
    };

    p->n = p->len = 0;
    p->writable = chance(20);
    memset(p->compares, 0, sizeof(p->compares));
    memset(p->code, 0xcc, sizeof(p->code));
    for (unsigned tries = 0; p->n < insns && tries < 2000; tries++) {
        bool quiet = g.branch < 0 && !g.loop_left && !g.patch_at && !only_one;

        if (quiet && chance(8)) {
            flow_add(&g);
        } else if (add_random(&g) && g.branch < 0) {
            count_down(&g);
        }
    }
    if (g.branch >= 0) {
        close_branch(&g);
    }
    if (g.patch_at) {
        flow_patched(&g);
    }
    p->undefined[p->n] = g.undefined;
    p->code[p->len++] = 0x0f;
    p->code[p->len++] = 0x0b;
}
