/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random programs and states: rows of the opcode table with random operands that mostly work. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "lockstep.h"

static uint64_t seed = 1;
static unsigned *eligible, n_eligible;
static const bool *features;
static uint32_t mode;
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

static bool chance(unsigned percent)
{
    return random_below(100) < percent;
}

/* --- what may be generated ------------------------------------------------------------------- */

/* System state that the two sides cannot share, and control flow that leaves the program. */
static const char *const excluded[] = {
    "syscall", "sysret*", "sysenter", "sysexit", "int*", "iret*", "cpuid", "rdtsc*", "rdpmc",
    "rdrand", "rdseed", "rdpid", "xgetbv", "xsetbv", "verr", "verw", "lar", "lsl", "sldt", "str",
    "smsw", "sgdt", "sidt", "lgdt", "lidt", "lldt", "ltr", "lmsw", "arpl", "*fsbase", "*gsbase",
    "monitor*", "mwait*", "ret*", "retf*", "lds", "les", "lss", "lfs", "lgs", "call*", "jmp*",
    "enter", "hlt", "into", "bound", "popf*", "xsave*", "xrstor*", "fxsave*", "fxrstor*",
    "loop*", "rsm", "vm*", "swapgs", "cl?c", "stac", "clac", "invlpg", "salc",
    "wbinvd", "invd", "in", "out", "ins*", "outs*", "cli", "sti", "clts", "3dnow", "prefetch*",
};

static bool name_excluded(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(excluded); i++) {
        if (fnmatch(excluded[i], name, 0) == 0) {
            return strcmp(name, "clc") != 0 && strcmp(name, "cmc") != 0;
        }
    }
    return false;
}

static bool row_eligible(const struct x86_opcode *o, bool code64, const char *only)
{
    if ((o->attrs & (A_PRIV | A_IO | A_PM)) || (o->attrs & (code64 ? A_I64 : A_O64)) ||
        name_excluded(o->name) || o->feature == FEAT_NEVER ||
        (o->feature != FEAT_NONE && !features[o->feature])) {
        return false;
    }
    if ((o->attrs & (A_END | A_JUMP)) && !(o->attrs & A_BRANCH)) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        switch (o->operand[i]) {
        case O_Sw: case O_ES: case O_CS: case O_SS: case O_DS: case O_FS: case O_GS: case O_Cy:
        case O_Dy: case O_Ap: case O_Mp: case O_Ma:
            return false;
        }
    }
    return !only || fnmatch(only, o->name, 0) == 0;
}

void generate_init(bool code64, const bool has[FEAT_COUNT], const char *only)
{
    features = has;
    mode = MODE_PE | MODE_LMA | 3 | (code64 ? MODE_CS64 : MODE_CS32 | MODE_SS32) |
           MODE_OSFXSR | MODE_MP;
    eligible = calloc(x86_opcode_count, sizeof(*eligible));
    generate_used = calloc(x86_opcode_count, sizeof(*generate_used));
    for (unsigned i = 0; i < x86_opcode_count; i++) {
        if (row_eligible(&x86_opcodes[i], code64, only)) {
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

struct encoder {
    uint8_t bytes[32];
    unsigned n;
    bool code64;
    uint32_t pointers;              /* GPRs that still hold addresses of the data area */
};

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

static unsigned pick_pointer(const struct encoder *e)
{
    unsigned n = bits_count(e->pointers), k = n ? random_below(n) : 0;

    if (!n) {
        return R_BX;
    }
    for (unsigned r = 0;; r++) {
        if ((e->pointers >> r & 1) && k-- == 0) {
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

static void choose_memory(struct encoder *e, struct modrm *m)
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
    m->base = chance(85) ? pick_pointer(e) : random_below(regs);
    m->disp_bytes = m->mod == 1 ? 1 : m->mod == 2 ? 4 : 0;
    m->disp = m->mod == 1 ? (int8_t)random64() : (int)random_below(2048) - 1024;
    m->sib = chance(30) || (m->base & 7) == 4;
    if ((m->base & 7) == 5 && m->mod == 0) {
        m->mod = 1;
        m->disp_bytes = 1;
        m->disp = (int8_t)random64();
    }
    m->rm = m->sib ? 4 : m->base;
    m->index = m->sib && chance(40) ? random_below(regs) : 4;
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
        choose_memory(e, m);
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

/* Things that a valid encoding may still do that the two sides need not agree on. */
static bool acceptable(const struct x86_insn *in)
{
    if (!in->op || in->too_long || in->truncated || in->seg_override >= SEG_FS) {
        return false;
    }
    if (in->addrsize == 2) {
        return false;
    }
    /* Double shifts of 16 bits by more than 16 have no defined result. */
    if (strncmp(in->op->name, "sh", 2) == 0 && strlen(in->op->name) == 4 && in->opsize == 2) {
        return false;
    }
    return true;
}

static void forget_pointers(struct encoder *e, const struct x86_insn *in)
{
    for (unsigned i = 0; i < 2; i++) {
        if (in->operand[i].kind == OPND_GPR) {
            e->pointers &= ~(1u << (in->operand[i].reg & (in->operand[i].size == 1 ? 3 : 15)));
            e->pointers &= ~(1u << in->operand[i].reg);
        }
    }
}

static void append(struct program *p, const uint8_t *bytes, unsigned len)
{
    memcpy(p->code + p->len, bytes, len);
    p->len += len;
    p->n++;
    p->start[p->n] = p->len;
}

/* A short branch over the instruction that follows gets its displacement when that is known. */
static void patch_branch(struct program *p, unsigned branch, unsigned bytes)
{
    unsigned from = p->start[branch + 1];

    st_le(p->code + from - bytes, bytes, p->len - from);
}

static bool add_random(struct program *p, struct encoder *e, struct x86_insn *in, unsigned *row)
{
    const struct x86_opcode *o;

    *row = eligible[random_below(n_eligible)];
    o = &x86_opcodes[*row];
    encode(e, o);
    if (!x86_decode(in, e->bytes, e->n, CODE_AT + p->len, mode, features) || !acceptable(in) ||
        in->op != o) {
        return false;
    }
    return true;
}

void generate_program(struct program *p, unsigned insns)
{
    static const uint8_t define_flags[] = { 0x81, 0xfb, 1, 2, 3, 4 };     /* cmp $imm, %ebx */
    struct encoder e = { .code64 = p->code64,
                         .pointers = p->code64 ? 0xffe8 & ~(1u << R_SP) : 0xe8 };
    int branch = -1, branch_bytes = 0;
    uint32_t undefined = 0;

    p->n = p->len = 0;
    memset(p->compares, 0, sizeof(p->compares));
    for (unsigned tries = 0; p->n < insns && tries < 2000; tries++) {
        struct x86_insn in;
        unsigned row;

        if (!add_random(p, &e, &in, &row)) {
            continue;
        }
        if (x86_flags_read(&in) & undefined) {
            if (branch >= 0 || p->n + 2 > insns) {
                continue;
            }
            p->undefined[p->n] = undefined;
            append(p, define_flags, sizeof(define_flags));
            undefined = 0;
        }
        if (in.op->attrs & A_BRANCH) {
            if (branch >= 0 || p->n + 1 >= insns || in.opsize == 2) {
                continue;
            }
            p->undefined[p->n] = undefined;
            branch = p->n;
            branch_bytes = in.op->operand[0] == O_Jb ? 1 : 4;
            append(p, e.bytes, in.len);
            generate_used[row]++;
            continue;
        }
        p->undefined[p->n] = undefined;
        p->compares[p->n] = in.rep && (in.op->attrs & A_REPZ);
        append(p, e.bytes, in.len);
        generate_used[row]++;
        forget_pointers(&e, &in);
        if (branch >= 0) {
            /* It may be skipped: what it defines does not count, what it undefines does. */
            patch_branch(p, branch, branch_bytes);
            branch = -1;
            undefined |= undefined_after(&in);
        } else {
            undefined = (undefined & ~x86_flags_written(&in)) | undefined_after(&in);
        }
    }
    if (branch >= 0) {
        patch_branch(p, branch, branch_bytes);
    }
    p->undefined[p->n] = undefined;
    p->code[p->len++] = 0x0f;
    p->code[p->len++] = 0x0b;
}

/* --- states ---------------------------------------------------------------------------------- */

static uint64_t interesting64(void)
{
    static const uint64_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
                                       0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff,
                                       0x8000000000000000, ~0ull };

    switch (random_below(4)) {
    case 0: return values[random_below(ARRAY_LEN(values))];
    case 1: return random_below(64);
    default: return random64() >> random_below(64);
    }
}

static void random_floats(uint8_t *at, size_t size)
{
    static const uint32_t special[] = { 0, 0x80000000, 0x3f800000, 0x7f800000, 0xff800000,
                                        0x7fc00000, 0x7f800001, 0xffc12345, 1, 0x007fffff,
                                        0x00800000, 0x7f7fffff, 0x4b000000, 0xcf000000 };

    for (size_t i = 0; i < size; i += 8) {
        uint64_t v = random64();

        switch (random_below(4)) {
        case 0: v = (uint64_t)special[random_below(ARRAY_LEN(special))] << 32; break;
        case 1: v = special[random_below(ARRAY_LEN(special))] | v << 32; break;
        case 2: v = (v & 0x800fffffffffffffull) | (uint64_t)(1000 + random_below(48)) << 52; break;
        }
        st64_le(at + i, v);
    }
}

static void random_x87(uint8_t *fx)
{
    fx[4] = chance(30) ? 0xff : random64() >> 20;
    /* Some exceptions unmasked: all of the x87's, and of SSE's those whose sticky flags do not
       depend on how the host found them out. */
    st16_le(fx, 0x037f & ~(chance(30) ? random64() & 0x0f00 : 0) &
                ~(chance(10) ? random64() & 63 : 0));
    st16_le(fx + 2, random_below(8) << 11);
    for (unsigned i = 0; i < 8; i++) {
        static const uint16_t exps[] = { 0, 1, 0x3fff, 0x4000, 0x403e, 0x7ffe, 0x7fff, 0xbfff,
                                         0xffff };
        uint64_t mant = random64() >> (chance(20) ? random_below(64) : 0);

        st64_le(fx + 32 + 16 * i, chance(85) ? mant | 1ull << 63 : mant);
        st16_le(fx + 40 + 16 * i, chance(40) ? exps[random_below(ARRAY_LEN(exps))]
                : chance(70) ? 0x3fe0 + random_below(64) : random64());
    }
}

void generate_state(struct machine_state *s, bool code64)
{
    static uint8_t noise[DATA_SIZE + STACK_SIZE];
    static bool filled;

    if (!filled || chance(2)) {
        random_floats(noise, sizeof(noise));
        filled = true;
    }
    memset(s, 0, sizeof(*s));
    memcpy(s->data, noise, DATA_SIZE);
    memcpy(s->stack, noise + DATA_SIZE, STACK_SIZE);
    for (unsigned r = 0; r < (code64 ? 16 : 8); r++) {
        bool pointer = r != R_AX && r != R_CX && r != R_DX;

        s->regs[r] = pointer ? DATA_AT + 2048 + random_below(DATA_SIZE - 4096) : interesting64();
        if (pointer && chance(70)) {
            s->regs[r] &= ~15ull;
        }
    }
    s->regs[R_SP] = STACK_AT + STACK_SIZE / 2 + random_below(64) * 8;
    s->rip = CODE_AT;
    s->rflags = 2 | FL_IF | (random64() & FL_ARITH) | (chance(15) ? FL_DF : 0);
    random_x87(s->fx);
    st32_le(s->fx + 24, (0x1f80 | (random64() & (chance(50) ? 0 : 0xe03f))) &
                        ~(chance(10) ? random64() & 0x1380 : 0));
    random_floats(s->fx + 160, code64 ? 256 : 128);
    if (!code64) {
        for (unsigned r = 0; r < 8; r++) {
            s->regs[r] = (uint32_t)s->regs[r];
        }
    }
}
