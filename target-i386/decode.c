/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The instruction decoder: prefixes, opcode table look-up, ModRM, displacement, immediates. */
#define X86_OPCODE_TABLE
#include "target-i386/decode.h"

#include <glib.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include "base/bits.h"
#include "target-i386/translate.h"

const struct x86_opcode x86_opcodes[] = {
#define INSN(map_, prefix_, byte, pattern, text, handler, arg_, o1, o2, o3, o4, feature_, attrs_) \
    { .name = text, .translate = trans_##handler, .attrs = attrs_, .modrm = pattern,          \
      .map = MAP_##map_, .prefix = PREFIX_##prefix_, .opcode = byte, .arg = arg_,             \
      .feature = FEAT_##feature_, .operand = { O_##o1, O_##o2, O_##o3, O_##o4 } },
#include "target-i386/opcodes.def"
#undef INSN
};
const unsigned x86_opcode_count = sizeof(x86_opcodes) / sizeof(x86_opcodes[0]);

static const struct {
    uint8_t source, kind, size, reg;
} forms[O_COUNT] = {
#define OPERAND(name, source, kind, size, reg) { FROM_##source, OPND_##kind, size, reg },
    X86_OPERANDS(OPERAND)
#undef OPERAND
};

/* Which CPUID bit stands for a feature; mask 0: always there. */
static const struct {
    uint16_t word;
    uint8_t bit;
    bool listed;
} feature_bits[FEAT_COUNT] = {
#define F(name, field, bit) [FEAT_##name] = { offsetof(struct x86_env, field), bit, true }
    F(FPU, cpuid_1_edx, 0), F(TSC, cpuid_1_edx, 4), F(MSR, cpuid_1_edx, 5),
    F(CX8, cpuid_1_edx, 8), F(SEP, cpuid_1_edx, 11), F(CMOV, cpuid_1_edx, 15),
    F(CLFSH, cpuid_1_edx, 19), F(MMX, cpuid_1_edx, 23), F(FXSR, cpuid_1_edx, 24),
    F(SSE, cpuid_1_edx, 25), F(SSE2, cpuid_1_edx, 26),
    F(SSE3, cpuid_1_ecx, 0), F(PCLMUL, cpuid_1_ecx, 1), F(MONITOR, cpuid_1_ecx, 3),
    F(VMX, cpuid_1_ecx, 5), F(SSSE3, cpuid_1_ecx, 9), F(CX16, cpuid_1_ecx, 13),
    F(SSE41, cpuid_1_ecx, 19), F(SSE42, cpuid_1_ecx, 20), F(MOVBE, cpuid_1_ecx, 22),
    F(POPCNT, cpuid_1_ecx, 23), F(AES, cpuid_1_ecx, 25), F(XSAVE, cpuid_1_ecx, 26),
    F(RDRAND, cpuid_1_ecx, 30),
    F(FSGSBASE, cpuid_7_ebx, 0), F(BMI1, cpuid_7_ebx, 3), F(BMI2, cpuid_7_ebx, 8),
    F(INVPCID, cpuid_7_ebx, 10), F(RDSEED, cpuid_7_ebx, 18), F(ADX, cpuid_7_ebx, 19),
    F(SMAP, cpuid_7_ebx, 20), F(CLFLUSHOPT, cpuid_7_ebx, 23), F(CLWB, cpuid_7_ebx, 24),
    F(SHA, cpuid_7_ebx, 29), F(PKU, cpuid_7_ecx, 3), F(RDPID, cpuid_7_ecx, 22),
    F(MOVDIRI, cpuid_7_ecx, 27),
    F(SYSCALL, cpuid_ext_edx, 11), F(MMXEXT, cpuid_ext_edx, 22), F(RDTSCP, cpuid_ext_edx, 27),
    F(LM, cpuid_ext_edx, 29), F(3DNOW, cpuid_ext_edx, 31),
    F(LAHF64, cpuid_ext_ecx, 0), F(SVM, cpuid_ext_ecx, 2), F(LZCNT, cpuid_ext_ecx, 5),
    F(SSE4A, cpuid_ext_ecx, 6), F(3DNOWPREFETCH, cpuid_ext_ecx, 8),
    F(XSAVEOPT, cpuid_d1_eax, 0), F(XSAVEC, cpuid_d1_eax, 1), F(XSAVES, cpuid_d1_eax, 3),
#undef F
};

void x86_decode_features(const struct x86_env *env, bool has[FEAT_COUNT])
{
    memset(has, 0, FEAT_COUNT);
    has[FEAT_NONE] = true;
    for (unsigned f = 0; f < FEAT_COUNT; f++) {
        if (feature_bits[f].listed) {
            uint32_t word;

            memcpy(&word, (const char *)env + feature_bits[f].word, sizeof(word));
            has[f] = x86_has(word, feature_bits[f].bit);
        }
    }
    has[FEAT_SSE_OR_MMXEXT] = has[FEAT_SSE] || has[FEAT_MMXEXT];
}

/* --- the table by opcode --------------------------------------------------------------------- */

/* Rows of (map, byte): rows[start .. start of the next) in table order. MAP_COUNT has none. */
enum { SLOTS = (MAP_COUNT + 1) * 256, MAX_ROWS = 8192 };
static uint16_t row_start[SLOTS + 1], rows[MAX_ROWS];
/* Bits that the ModRM byte always has: control and debug register moves have no memory form. */
enum { SLOT_MODRM = 1, SLOT_MOD_3 = 0xc0 };
static uint8_t slot_modrm[SLOTS];
static uint8_t row_traits[sizeof(x86_opcodes) / sizeof(x86_opcodes[0])];
enum { ROW_CHECKS_FORMS = 1, ROW_PLAIN = 2 };
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static unsigned row_span(const struct x86_opcode *op)
{
    return op->attrs & A_LOW3 ? 8 : op->attrs & A_LOW4 ? 16 : 1;
}

static bool row_needs_modrm(const struct x86_opcode *op)
{
    if (op->modrm >> 8 != MODRM_ANY) {
        return true;
    }
    for (int i = 0; i < 4; i++) {
        unsigned s = forms[op->operand[i]].source;

        if (s == FROM_RM || s == FROM_RM_MEM || s == FROM_RM_REG || s == FROM_REG) {
            return true;
        }
    }
    return false;
}

static bool is_plain_row(const struct x86_opcode *op)
{
    static void (*const plain[])(struct x86_dis *) = {
        trans_alu, trans_test, trans_incdec, trans_neg, trans_not, trans_shift, trans_mov,
        trans_movzx, trans_movsx, trans_lea, trans_cmov, trans_setcc,
    };

    for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (op->translate == plain[i]) {
            return true;
        }
    }
    return false;
}

static void find_traits(void)
{
    for (unsigned i = 0; i < x86_opcode_count; i++) {
        row_traits[i] |= is_plain_row(&x86_opcodes[i]) ? ROW_PLAIN : 0;
        for (int n = 0; n < 4; n++) {
            unsigned s = forms[x86_opcodes[i].operand[n]].source;

            row_traits[i] |= s == FROM_RM_MEM || s == FROM_RM_REG ? ROW_CHECKS_FORMS : 0;
        }
    }
}

/*
 * Counts the rows of each slot, then fills from the end: row_start[] falls to where a slot begins.
 */
static void build_index(void)
{
    unsigned n = 0;

    find_traits();
    for (unsigned i = 0; i < x86_opcode_count; i++) {
        const struct x86_opcode *op = &x86_opcodes[i];

        for (unsigned k = 0; k < row_span(op); k++) {
            row_start[op->map * 256 + op->opcode + k]++;
        }
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        n += row_start[slot];
        row_start[slot] = n;
    }
    row_start[SLOTS] = n;
    for (unsigned i = x86_opcode_count; i-- > 0; ) {
        const struct x86_opcode *op = &x86_opcodes[i];

        for (unsigned k = 0; k < row_span(op); k++) {
            unsigned slot = op->map * 256 + op->opcode + k;

            rows[--row_start[slot]] = i;
            slot_modrm[slot] |= row_needs_modrm(op) ? SLOT_MODRM : 0;
        }
    }
    for (unsigned byte = 0x20; byte <= 0x23; byte++) {
        slot_modrm[MAP_0F * 256 + byte] = SLOT_MODRM | SLOT_MOD_3;
    }
}

static bool modrm_fits(uint16_t pattern, uint8_t modrm)
{
    unsigned digit = modrm >> 3 & 7;
    bool mem = modrm < 0xc0;

    switch (pattern >> 8) {
    case MODRM_DIGIT: return digit == (pattern & 0xff);
    case MODRM_MEM_DIGIT: return mem && digit == (pattern & 0xff);
    case MODRM_REG_DIGIT: return !mem && digit == (pattern & 0xff);
    case MODRM_MEM: return mem;
    case MODRM_REG: return !mem;
    case MODRM_EXACT: return modrm == (pattern & 0xff);
    }
    return true;
}

static const struct x86_opcode *find_row(const struct x86_insn *in, uint32_t mode, const bool *has)
{
    unsigned slot = in->map * 256 + in->opcode;

    for (unsigned i = row_start[slot]; i < row_start[slot + 1]; i++) {
        const struct x86_opcode *op = &x86_opcodes[rows[i]];

        if ((op->prefix == PREFIX_ANY || op->prefix == in->mandatory) &&
            (op->modrm >> 8 == MODRM_ANY || modrm_fits(op->modrm, in->modrm)) &&
            !(op->attrs & (mode & MODE_CS64 ? A_I64 : A_O64)) &&
            !(op->attrs & A_VEX) == !in->vex && has[op->feature] &&
            !(op->attrs & A_NO_REX_W && x86_rex_w(in))) {
            return op;
        }
    }
    return NULL;
}

/* --- bytes ----------------------------------------------------------------------------------- */

/*
 * Reads without looking at the end: what is not there reads as zero, and x86_decode() judges by the
 * length at the end. `code' has FETCH_BYTES bytes, as much as comes behind the last prefix that is
 * looked at.
 */
enum { FETCH_BYTES = X86_MAX_INSN + 32 };

struct reader {
    const uint8_t *code;
    unsigned at;
};

static uint8_t fetch_byte(struct reader *r)
{
    return r->code[r->at++];
}

static int64_t fetch_signed(struct reader *r, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    uint64_t v;

    memcpy(&v, r->code + r->at, sizeof(v));
    r->at += size;
    return (int64_t)(v << shift) >> shift;
}

static uint64_t fetch(struct reader *r, unsigned size)
{
    return (uint64_t)fetch_signed(r, size) & ~0ull >> (64 - 8 * size);
}

/* The prefixes of an instruction: its REX byte and bits for the others. */
enum {
    P_REX = 0xff, P_66 = 1 << 8, P_67 = 1 << 9, P_LOCK = 1 << 10, P_F2 = 1 << 11, P_F3 = 1 << 12,
    P_SEG_SHIFT = 13, P_SEG = 7 << P_SEG_SHIFT,     /* 0 none, else a segment's number + 1 */
};

#define SEGMENT(seg) { P_REX | P_SEG, ((seg) + 1) << P_SEG_SHIFT }
static const struct {
    uint16_t clears, sets;
} prefix_effects[256] = {
    [0x26] = SEGMENT(SEG_ES), [0x2e] = SEGMENT(SEG_CS), [0x36] = SEGMENT(SEG_SS),
    [0x3e] = SEGMENT(SEG_DS), [0x64] = SEGMENT(SEG_FS), [0x65] = SEGMENT(SEG_GS),
    [0x66] = { P_REX, P_66 }, [0x67] = { P_REX, P_67 }, [0xf0] = { P_REX, P_LOCK },
    [0xf2] = { P_REX | P_F3, P_F2 }, [0xf3] = { P_REX | P_F2, P_F3 },
};
#undef SEGMENT

/* What comes before displacement and immediates. */
struct head {
    uint32_t prefixes;
    uint16_t vex;                   /* VEX's last byte and V_PRESENT, 0 none */
    uint8_t map, opcode;
    uint8_t modrm;
    bool has_modrm;
};
enum { V_PP = 3, V_L = 4, V_VVVV_SHIFT = 3, V_PRESENT = 0x100 };

/* Returns the byte behind the prefixes. */
static uint8_t read_prefixes(struct reader *r, uint32_t *seen, bool code64)
{
    uint8_t byte;

    do {
        byte = fetch_byte(r);
        if (code64 && byte >> 4 == 4) {
            *seen = (*seen & ~P_REX) | byte;
        } else if (!prefix_effects[byte].clears) {
            break;
        } else if (code64 && (byte & 0xe7) == 0x26) {
            *seen &= ~P_REX;        /* the old segments have no say */
        } else {
            *seen = (*seen & ~prefix_effects[byte].clears) | prefix_effects[byte].sets;
        }
    } while (r->at <= X86_MAX_INSN);
    return byte;
}

/* C4 or C5: true when it is a VEX prefix here, not LES or LDS. */
static bool is_vex(const struct reader *r, uint8_t byte, uint32_t mode)
{
    if ((byte & 0xfe) != 0xc4 || !(mode & MODE_PE) || mode & MODE_VM) {
        return false;
    }
    return mode & MODE_CS64 || r->code[r->at] >= 0xc0;
}

static void read_vex(struct reader *r, struct head *h, uint8_t byte, bool code64)
{
    bool bad = h->prefixes & (P_REX | P_66 | P_F2 | P_F3 | P_LOCK);
    uint8_t b1 = fetch_byte(r), b2 = b1, map = 1, rex;

    if (byte == 0xc4) {
        b2 = fetch_byte(r);
        map = b1 & 31;
        rex = 0x40 | (b2 >> 4 & 8) | (~b1 >> 5 & 7);
    } else {
        rex = 0x40 | (~b1 >> 5 & 4);
    }
    h->prefixes = (h->prefixes & ~P_REX) | (code64 ? rex : rex & 0x48);
    h->vex = V_PRESENT | (b2 & (V_PP | V_L)) | (~b2 & (code64 ? 15 : 7) << V_VVVV_SHIFT);
    h->map = map >= 1 && map <= 3 && !bad ? map : MAP_COUNT;
    h->opcode = fetch_byte(r);
}

static void read_head(struct reader *r, struct head *h, uint32_t mode)
{
    uint8_t byte = read_prefixes(r, &h->prefixes, mode & MODE_CS64), needs;

    if (is_vex(r, byte, mode)) {
        read_vex(r, h, byte, mode & MODE_CS64);
    } else {
        h->map = MAP_1;
        h->opcode = byte;
        if (byte == 0x0f) {
            h->map = MAP_0F;
            h->opcode = fetch_byte(r);
            if (h->opcode == 0x38 || h->opcode == 0x3a) {
                h->map = h->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
                h->opcode = fetch_byte(r);
            }
        }
    }
    needs = slot_modrm[h->map * 256 + h->opcode];
    if (needs) {
        h->has_modrm = true;
        h->modrm = fetch_byte(r) | (needs & SLOT_MOD_3);
    }
}

/* --- operands -------------------------------------------------------------------------------- */

/*
 * What prefixes, opcode and ModRM byte settle together. A program uses some hundred of these, so
 * they are remembered.
 */
struct x86_shape {
    uint64_t key;                   /* 0: none */
    bool sib;
    uint8_t disp_size;
    struct {                        /* what follows the address */
        uint8_t how, size;
    } reads[2];
    struct x86_insn insn;           /* without what pc, SIB, displacement and immediates say */
};
enum { READ_NOTHING, READ_UNSIGNED, READ_SIGNED, READ_TARGET, READ_ONE, READ_OFFSET, READ_FAR };

enum { SHAPE_BITS = 10 };

struct x86_shape *x86_shapes_new(void)
{
    return g_new0(struct x86_shape, 1 << SHAPE_BITS);
}

static uint64_t shape_key(const struct head *h, uint32_t mode)
{
    uint32_t code = h->map | h->opcode << 8 | h->modrm << 16;

    return 1 | (mode & (MODE_CS64 | MODE_CS32)) | (uint64_t)code << 4 |
           ((uint64_t)h->prefixes | (uint64_t)h->vex << 16) << 28;
}

static unsigned operand_size(const struct x86_insn *in, const struct x86_opcode *op, uint32_t mode)
{
    uint32_t attrs = op ? op->attrs : 0;

    if (mode & MODE_CS64) {
        return attrs & A_F64 || x86_rex_w(in) ? 8 : in->data16 ? 2 : attrs & A_D64 ? 8 : 4;
    }
    return !(mode & MODE_CS32) == !in->data16 ? 2 : 4;
}

static unsigned form_size(const struct x86_insn *in, unsigned opsize, unsigned size, uint32_t mode)
{
    switch (size) {
    case SIZE_V: return opsize;
    case SIZE_Z: return opsize == 2 ? 2 : 4;
    case SIZE_Y: return x86_rex_w(in) && mode & MODE_CS64 ? 8 : 4;
    case SIZE_P: return 2 + opsize;
    case SIZE_D64: return mode & MODE_CS64 ? 8 : 4;
    case SIZE_A: return 2 * opsize;
    case SIZE_X: return in->vex_l ? 32 : 16;
    }
    return size;
}

/* The operand that these bytes are. */
static void add_read(struct x86_shape *s, struct x86_operand *o, unsigned kind, unsigned how,
                     unsigned size)
{
    unsigned n = s->reads[0].how != READ_NOTHING;

    o->kind = kind;
    o->reg = kind == OPND_IMM ? n : 0;          /* which of the two */
    s->reads[n].how = how;
    s->reads[n].size = size;
}

static void find_operand(struct x86_shape *s, unsigned n, uint32_t mode)
{
    const struct x86_insn *in = &s->insn;
    struct x86_operand *o = &s->insn.operand[n];
    unsigned form = in->op->operand[n], source = forms[form].source;
    unsigned size = form_size(in, in->opsize, forms[form].size, mode);

    o->kind = forms[form].kind;
    o->size = size;
    switch (source) {
    case FROM_RM:
    case FROM_RM_MEM:
    case FROM_RM_REG:
        o->reg = o->kind == OPND_MMX ? in->rm & 7 : in->rm;
        o->kind = in->mod == 3 ? o->kind : OPND_MEM;
        break;
    case FROM_REG:
        o->reg = o->kind == OPND_MMX || o->kind == OPND_SEG ? in->reg & 7 : in->reg;
        break;
    case FROM_LOW3:
        o->reg = (in->opcode & 7) | (in->rex & 1) << 3;
        break;
    case FROM_VVVV:
        o->reg = in->vvvv;
        break;
    case FROM_FIXED:
        o->reg = forms[form].reg;
        break;
    case FROM_IMM:
        add_read(s, o, OPND_IMM, READ_UNSIGNED, size);
        break;
    case FROM_IMM_SX:
        o->size = in->operand[0].size > size ? in->operand[0].size : size;
        add_read(s, o, OPND_IMM, READ_SIGNED, size);
        break;
    case FROM_REL:
        add_read(s, o, OPND_IMM, READ_TARGET, size);
        break;
    case FROM_ONE:
        add_read(s, o, OPND_IMM, READ_ONE, 0);
        break;
    case FROM_MOFFS:
        add_read(s, o, OPND_MEM, READ_OFFSET, in->addrsize);
        break;
    case FROM_FAR:
        add_read(s, o, OPND_FAR, READ_FAR, in->opsize);
        break;
    case FROM_STRING_SRC:
    case FROM_STRING_DST:
        o->kind = OPND_MEM;
        break;
    }
}

static uint64_t wrap_pc(uint64_t pc, uint32_t mode)
{
    return mode & MODE_CS64 ? pc : (uint32_t)pc;
}

static int64_t read_value(struct reader *r, struct x86_insn *in, const struct x86_shape *s,
                          unsigned n, uint32_t mode)
{
    unsigned size = s->reads[n].size;
    int64_t v;

    switch (s->reads[n].how) {
    case READ_UNSIGNED:
        return fetch(r, size);
    case READ_SIGNED:
        return fetch_signed(r, size);
    case READ_TARGET:               /* nothing comes behind it */
        v = fetch_signed(r, size);
        v = wrap_pc(in->pc + r->at + v, mode);
        return in->opsize == 2 ? v & 0xffff : v;
    case READ_ONE:
        return 1;
    case READ_OFFSET:
        in->disp = fetch(r, size);
        break;
    case READ_FAR:
        in->imm = fetch(r, size);
        in->imm2 = fetch(r, 2);
        return in->imm;
    default:
        break;
    }
    return 0;
}

/* An operand form that the ModRM byte contradicts makes the opcode undefined, and so does a VEX
   register that no operand uses. */
static bool forms_fit(const struct x86_insn *in, const struct x86_opcode *op)
{
    bool vvvv_free = in->vvvv != 0;

    if (!vvvv_free && !(row_traits[op - x86_opcodes] & ROW_CHECKS_FORMS)) {
        return true;
    }
    for (int i = 0; i < 4; i++) {
        unsigned s = forms[op->operand[i]].source;

        if ((s == FROM_RM_MEM && in->mod == 3) || (s == FROM_RM_REG && in->mod != 3)) {
            return false;
        }
        vvvv_free &= s != FROM_VVVV;
        if (forms[op->operand[i]].kind == OPND_CR && !(0x11d >> in->reg & 1)) {
            return false;           /* there are CR0, CR2, CR3, CR4 and CR8 */
        }
        if (forms[op->operand[i]].kind == OPND_DR && in->reg >= 8) {
            return false;
        }
    }
    return !vvvv_free;
}

static uint32_t unpack_flags(uint32_t six)
{
    return (six & 1) | (six & 2) << 1 | (six & 4) << 2 | (six & 24) << 3 | (six & 32) << 6;
}

static uint32_t flags_read(const struct x86_insn *in, const struct x86_opcode *op)
{
    static const uint16_t of_condition[8] = {
        FL_OF, FL_CF, FL_ZF, FL_CF | FL_ZF, FL_SF, FL_PF, FL_SF | FL_OF, FL_ZF | FL_SF | FL_OF,
    };

    return unpack_flags(op->attrs & FR_ALL) |
           (op->attrs & A_COND ? of_condition[in->opcode >> 1 & 7] : 0);
}

/* --- addresses ------------------------------------------------------------------------------- */

static void find_address16(struct x86_shape *s)
{
    static const uint8_t base[8] = { R_BX, R_BX, R_BP, R_BP, R_SI, R_DI, R_BP, R_BX };
    static const uint8_t index[8] = { R_SI, R_DI, R_SI, R_DI, BASE_NONE, BASE_NONE, BASE_NONE,
                                      BASE_NONE };
    struct x86_insn *in = &s->insn;
    unsigned rm = in->modrm & 7;

    s->disp_size = in->mod;
    if (in->mod == 0 && rm == 6) {
        s->disp_size = 2;
        return;
    }
    in->base = base[rm];
    in->index = index[rm];
    in->seg = in->base == R_BP ? SEG_SS : SEG_DS;
}

static void find_address32(struct x86_shape *s, bool code64)
{
    struct x86_insn *in = &s->insn;
    unsigned rm = in->modrm & 7;

    s->disp_size = in->mod == 2 ? 4 : in->mod;
    if (rm == 4) {
        s->sib = true;
    } else if (in->mod == 0 && rm == 5) {
        s->disp_size = 4;
        in->base = code64 ? BASE_RIP : BASE_NONE;
    } else {
        in->base = in->rm;
        in->seg = in->base == R_BP ? SEG_SS : SEG_DS;
    }
}

/* Returns the size of the displacement. */
static unsigned read_sib(struct reader *r, struct x86_insn *in, unsigned disp_size)
{
    uint8_t sib = fetch_byte(r);

    in->scale = sib >> 6;
    in->index = (sib >> 3 & 7) | (in->rex & 2) << 2;
    in->index = in->index == R_SP ? BASE_NONE : in->index;
    if (in->mod == 0 && (sib & 7) == 5) {
        return 4;
    }
    in->base = (sib & 7) | (in->rex & 1) << 3;
    if (in->seg_override < 0 && (in->base == R_SP || in->base == R_BP)) {
        in->seg = SEG_SS;
    }
    return disp_size;
}

static void find_modrm(struct x86_shape *s, uint32_t mode)
{
    struct x86_insn *in = &s->insn;

    in->mod = in->modrm >> 6;
    in->reg = (in->modrm >> 3 & 7) | (in->rex & 4) << 1;
    in->rm = (in->modrm & 7) | (in->rex & 1) << 3;
    if (in->mod == 3) {
        return;
    }
    if (in->addrsize == 2) {
        find_address16(s);
    } else {
        find_address32(s, mode & MODE_CS64);
    }
}

/* --- whole instructions ---------------------------------------------------------------------- */

static struct x86_insn insn_of_head(const struct head *h, uint32_t mode)
{
    static const uint8_t of_vex[4] = { PREFIX_NP, PREFIX_66, PREFIX_F3, PREFIX_F2 };
    uint32_t p = h->prefixes;
    bool code32 = mode & MODE_CS32;

    return (struct x86_insn){
        .lock = p & P_LOCK, .data16 = p & P_66, .addr_prefix = p & P_67,
        .rep = p & P_F3 ? 0xf3 : p & P_F2 ? 0xf2 : 0,
        .mandatory = h->vex ? of_vex[h->vex & V_PP]
                   : p & P_F3 ? PREFIX_F3 : p & P_F2 ? PREFIX_F2 : p & P_66 ? PREFIX_66 : PREFIX_NP,
        .rex = p & P_REX, .seg_override = (int)(p >> P_SEG_SHIFT) - 1,
        .vex = h->vex, .vex_l = h->vex & V_L, .vvvv = h->vex >> V_VVVV_SHIFT & 15,
        .map = h->map, .opcode = h->opcode, .has_modrm = h->has_modrm, .modrm = h->modrm,
        .addrsize = mode & MODE_CS64 ? (p & P_67 ? 4 : 8) : code32 == !(p & P_67) ? 4 : 2,
        .base = BASE_NONE, .index = BASE_NONE, .seg = SEG_DS,
    };
}

static void find_effects(struct x86_insn *in)
{
    bool memory = in->operand[0].kind == OPND_MEM || in->operand[1].kind == OPND_MEM;

    in->plain = row_traits[in->op - x86_opcodes] & ROW_PLAIN;
    in->quiet = in->plain && !in->lock && (in->op->translate == trans_lea || !memory);
    in->flags_read = flags_read(in, in->op);
    in->flags_written = in->op->attrs & A_REPZ && in->rep ? 0
                      : unpack_flags(in->op->attrs >> 6 & FR_ALL);
}

static void find_shape(struct x86_shape *s, const struct head *h, uint32_t mode, const bool *has)
{
    struct x86_insn *in = &s->insn;

    *s = (struct x86_shape){ .insn = insn_of_head(h, mode) };
    if (h->has_modrm) {
        find_modrm(s, mode);
    }
    if (in->seg_override >= 0) {
        in->seg = in->seg_override;
    }
    in->op = find_row(in, mode, has);
    if (in->op && !forms_fit(in, in->op)) {
        in->op = NULL;
    }
    in->opsize = operand_size(in, in->op, mode);
    in->flags_read = FL_ARITH;
    if (in->op) {
        for (unsigned i = 0; i < 4 && in->op->operand[i]; i++) {
            find_operand(s, i, mode);
        }
        find_effects(in);
    }
}

static void read_tail(struct reader *r, struct x86_insn *in, const struct x86_shape *s,
                      uint32_t mode)
{
    unsigned disp_size = s->disp_size;

    if (s->sib) {
        disp_size = read_sib(r, in, disp_size);
    }
    if (disp_size) {
        in->disp = fetch_signed(r, disp_size);
    }
    if (s->reads[0].how != READ_NOTHING) {
        in->imm = read_value(r, in, s, 0, mode);
        if (s->reads[1].how != READ_NOTHING) {
            in->imm2 = read_value(r, in, s, 1, mode);
        }
    }
}

static void finish(struct reader *r, struct x86_insn *in, unsigned avail, uint32_t mode)
{
    if (r->at > avail || r->at > X86_MAX_INSN) {
        in->truncated = r->at > avail && avail < X86_MAX_INSN;
        in->too_long = r->at > X86_MAX_INSN && !in->truncated;
        in->op = NULL;
    }
    in->len = in->too_long ? X86_MAX_INSN : r->at;
    in->next = wrap_pc(in->pc + in->len, mode);
    if (in->base == BASE_RIP) {
        in->disp += in->next;
        in->disp = in->addrsize == 4 ? (int64_t)(uint32_t)in->disp : in->disp;
    }
}

bool x86_decode(struct x86_insn *in, const uint8_t *code, unsigned avail, uint64_t pc,
                uint32_t mode, const bool has[FEAT_COUNT], struct x86_shape *shapes)
{
    struct reader r = { .code = code };
    struct x86_shape fresh, *s = &fresh;
    uint8_t padded[FETCH_BYTES];
    struct head h = { 0 };
    uint64_t key;

    pthread_once(&index_once, build_index);
    if (avail < FETCH_BYTES) {
        memset(padded, 0, sizeof(padded));
        memcpy(padded, code, avail);
        r.code = padded;
    }
    read_head(&r, &h, mode);
    key = shape_key(&h, mode);
    if (shapes) {
        s = &shapes[key * 0x9e3779b97f4a7c15ull >> (64 - SHAPE_BITS)];
    }
    if (s == &fresh || s->key != key) {
        find_shape(s, &h, mode, has);
        s->key = key;
    }
    *in = s->insn;
    in->pc = pc;
    read_tail(&r, in, s, mode);
    finish(&r, in, avail, mode);
    return !in->truncated;
}

/* --- flags ----------------------------------------------------------------------------------- */

/* Shifts by an immediate leave the flags alone when the masked count is 0; rotates through CF also
   for multiples of the width, so they are taken as if they always did. */
static bool may_keep_flags(const struct x86_insn *in)
{
    bool shift = in->map == MAP_1 && (in->opcode & 0xfe) == 0xc0;
    bool shift_double = in->map == MAP_0F && (in->opcode & 0xf7) == 0xa4;

    if (shift && (in->reg & 6) == 2) {
        return true;
    }
    return (shift || shift_double) && (in->imm & (in->operand[0].size == 8 ? 63 : 31)) == 0;
}

uint32_t x86_flags_written(const struct x86_insn *in)
{
    return may_keep_flags(in) ? 0 : in->flags_written;
}
