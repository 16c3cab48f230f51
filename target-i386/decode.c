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

/* Rows of (map, byte): rows[start .. start of the next) in table order. */
enum { SLOTS = MAP_COUNT * 256, MAX_ROWS = 8192 };
static uint16_t row_start[SLOTS + 1], rows[MAX_ROWS];
static bool slot_modrm[SLOTS];
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
            slot_modrm[slot] |= row_needs_modrm(op);
        }
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
 * length at the end. `code' has FETCH_BYTES bytes.
 */
enum { FETCH_BYTES = X86_MAX_INSN + 1 + 8 };

struct reader {
    struct x86_insn *in;
    const uint8_t *code;
    unsigned at;
};

static const uint8_t *next_byte(const struct reader *r)
{
    return r->code + (r->at <= X86_MAX_INSN ? r->at : X86_MAX_INSN + 1);
}

static uint8_t fetch_byte(struct reader *r)
{
    uint8_t v = *next_byte(r);

    r->at++;
    return v;
}

static int64_t fetch_signed(struct reader *r, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    uint64_t v;

    memcpy(&v, next_byte(r), sizeof(v));
    r->at += size;
    return (int64_t)(v << shift) >> shift;
}

static uint64_t fetch(struct reader *r, unsigned size)
{
    return (uint64_t)fetch_signed(r, size) & ~0ull >> (64 - 8 * size);
}

static bool read_prefix(struct x86_insn *in, uint8_t byte, bool code64)
{
    switch (byte) {
    case 0x26: case 0x2e: case 0x36: case 0x3e:
        in->seg_override = code64 ? in->seg_override : (byte >> 3 & 3);
        break;
    case 0x64: case 0x65:
        in->seg_override = byte - 0x64 + SEG_FS;
        break;
    case 0x66:
        in->data16 = true;
        break;
    case 0x67:
        in->addr_prefix = true;
        break;
    case 0xf0:
        in->lock = true;
        break;
    case 0xf2: case 0xf3:
        in->rep = byte;
        break;
    default:
        return false;
    }
    return true;
}

static uint8_t read_prefixes(struct reader *r, bool code64)
{
    struct x86_insn *in = r->in;
    uint8_t byte;

    do {
        byte = fetch_byte(r);
        if (code64 && byte >> 4 == 4) {
            in->rex = byte;
        } else if (read_prefix(in, byte, code64)) {
            in->rex = 0;
        } else {
            break;
        }
    } while (r->at <= X86_MAX_INSN);
    return byte;
}

/* C4 or C5: true when it is a VEX prefix here, not LES or LDS. */
static bool is_vex(struct reader *r, uint8_t byte, uint32_t mode)
{
    if ((byte & 0xfe) != 0xc4 || !(mode & MODE_PE) || mode & MODE_VM) {
        return false;
    }
    if (mode & MODE_CS64) {
        return true;
    }
    return *next_byte(r) >= 0xc0;
}

static void read_vex(struct reader *r, uint8_t byte, bool code64)
{
    struct x86_insn *in = r->in;
    bool bad = in->rex || in->data16 || in->rep || in->lock;
    uint8_t b1 = fetch_byte(r), b2 = b1, map = 1;

    in->vex = true;
    if (byte == 0xc4) {
        b2 = fetch_byte(r);
        map = b1 & 31;
        in->rex = 0x40 | (b2 >> 4 & 8) | (~b1 >> 5 & 7);
    } else {
        in->rex = 0x40 | (~b1 >> 5 & 4);
    }
    if (!code64) {
        in->rex &= 0x48;
    }
    in->vvvv = (~b2 >> 3 & 15) & (code64 ? 15 : 7);
    in->vex_l = b2 & 4;
    in->mandatory = (const uint8_t[]){ PREFIX_NP, PREFIX_66, PREFIX_F3, PREFIX_F2 }[b2 & 3];
    in->map = map >= 1 && map <= 3 && !bad ? map : MAP_COUNT;
    in->opcode = fetch_byte(r);
}

static void read_opcode(struct reader *r, uint8_t byte, uint32_t mode)
{
    struct x86_insn *in = r->in;

    if (is_vex(r, byte, mode)) {
        read_vex(r, byte, mode & MODE_CS64);
        return;
    }
    in->mandatory = in->rep == 0xf3 ? PREFIX_F3 : in->rep == 0xf2 ? PREFIX_F2
                  : in->data16 ? PREFIX_66 : PREFIX_NP;
    in->map = MAP_1;
    in->opcode = byte;
    if (byte == 0x0f) {
        in->map = MAP_0F;
        in->opcode = fetch_byte(r);
        if (in->opcode == 0x38 || in->opcode == 0x3a) {
            in->map = in->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
            in->opcode = fetch_byte(r);
        }
    }
}

static void read_address16(struct reader *r)
{
    static const uint8_t base[8] = { R_BX, R_BX, R_BP, R_BP, R_SI, R_DI, R_BP, R_BX };
    static const uint8_t index[8] = { R_SI, R_DI, R_SI, R_DI, BASE_NONE, BASE_NONE, BASE_NONE,
                                      BASE_NONE };
    struct x86_insn *in = r->in;
    unsigned rm = in->modrm & 7;

    if (in->mod == 0 && rm == 6) {
        in->disp = fetch(r, 2);
        return;
    }
    in->base = base[rm];
    in->index = index[rm];
    in->disp = in->mod == 1 ? fetch_signed(r, 1) : in->mod == 2 ? fetch_signed(r, 2) : 0;
    in->seg = in->base == R_BP ? SEG_SS : SEG_DS;
}

static void read_address32(struct reader *r, bool code64)
{
    struct x86_insn *in = r->in;
    unsigned rm = in->modrm & 7;

    in->base = rm | (in->rex & 1) << 3;
    if (rm == 4) {
        uint8_t sib = fetch_byte(r);

        in->scale = sib >> 6;
        in->index = (sib >> 3 & 7) | (in->rex & 2) << 2;
        in->index = in->index == R_SP ? BASE_NONE : in->index;
        rm = sib & 7;
        in->base = rm | (in->rex & 1) << 3;
    } else if (in->mod == 0 && rm == 5 && code64) {
        in->base = BASE_RIP;
    }
    if (in->mod == 0 && rm == 5) {
        in->base = in->base == BASE_RIP ? BASE_RIP : BASE_NONE;
        in->disp = fetch_signed(r, 4);
    } else if (in->mod) {
        in->disp = fetch_signed(r, in->mod == 1 ? 1 : 4);
    }
    in->seg = in->base == R_SP || in->base == R_BP ? SEG_SS : SEG_DS;
}

static void read_modrm(struct reader *r, uint32_t mode)
{
    struct x86_insn *in = r->in;

    in->has_modrm = true;
    in->modrm = fetch_byte(r);
    in->mod = in->modrm >> 6;
    in->reg = (in->modrm >> 3 & 7) | (in->rex & 4) << 1;
    in->rm = (in->modrm & 7) | (in->rex & 1) << 3;
    if (in->mod == 3) {
        return;
    }
    if (in->addrsize == 2) {
        read_address16(r);
    } else {
        read_address32(r, mode & MODE_CS64);
    }
}

/* --- operands -------------------------------------------------------------------------------- */

/*
 * What prefixes, opcode and ModRM byte settle together. A program uses some hundred of these, so
 * they are remembered.
 */
struct x86_shape {
    uint64_t key;                   /* 0: none */
    const struct x86_opcode *op;
    uint8_t opsize;
    bool plain, quiet;
    uint16_t flags_read, flags_written;
    struct x86_operand operand[4];
    struct {                        /* what follows the address */
        enum { READ_NOTHING, READ_UNSIGNED, READ_SIGNED, READ_TARGET, READ_ONE,
               READ_OFFSET, READ_FAR } how;
        uint8_t size;
    } reads[2];
};

enum { SHAPE_BITS = 10 };

struct x86_shape *x86_shapes_new(void)
{
    return g_new0(struct x86_shape, 1 << SHAPE_BITS);
}

static uint64_t shape_key(const struct x86_insn *in, uint32_t mode)
{
    uint64_t sizes = (mode & MODE_CS64 ? 1 : 0) | (mode & MODE_CS32 ? 2 : 0);

    return 1 | (uint64_t)in->map << 1 | (uint64_t)in->opcode << 4 | (uint64_t)in->modrm << 12 |
           (uint64_t)in->rex << 20 | (uint64_t)in->mandatory << 28 | (uint64_t)in->data16 << 31 |
           (uint64_t)in->addrsize << 32 | sizes << 36;
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

static void find_operand(struct x86_shape *s, unsigned n, const struct x86_insn *in, uint32_t mode)
{
    struct x86_operand *o = &s->operand[n];
    unsigned form = s->op->operand[n], source = forms[form].source;
    unsigned size = form_size(in, s->opsize, forms[form].size, mode);

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
        o->size = s->operand[0].size > size ? s->operand[0].size : size;
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
        add_read(s, o, OPND_FAR, READ_FAR, s->opsize);
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

static int64_t read_value(struct reader *r, const struct x86_shape *s, unsigned n, uint32_t mode)
{
    struct x86_insn *in = r->in;
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

/* Control and debug register moves have no memory form: mod counts as 3. */
static bool ignores_mod(const struct x86_insn *in)
{
    return in->map == MAP_0F && in->opcode >= 0x20 && in->opcode <= 0x23;
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

static void find_shape(struct x86_shape *s, const struct x86_insn *in, uint32_t mode,
                       const bool *has)
{
    *s = (struct x86_shape){ .op = find_row(in, mode, has) };
    if (s->op && !forms_fit(in, s->op)) {
        s->op = NULL;
    }
    s->opsize = operand_size(in, s->op, mode);
    s->flags_read = FL_ARITH;
    if (s->op) {
        s->plain = row_traits[s->op - x86_opcodes] & ROW_PLAIN;
        s->flags_read = flags_read(in, s->op);
        s->flags_written = s->op->attrs & A_REPZ && in->rep ? 0
                         : unpack_flags(s->op->attrs >> 6 & FR_ALL);
    }
    for (unsigned i = 0; s->op && i < 4 && s->op->operand[i]; i++) {
        find_operand(s, i, in, mode);
    }
    s->quiet = s->plain && (s->op->translate == trans_lea ||
                            (s->operand[0].kind != OPND_MEM && s->operand[1].kind != OPND_MEM));
}

static void find_instruction(struct reader *r, uint32_t mode, const bool *has,
                             struct x86_shape *shapes)
{
    struct x86_insn *in = r->in;
    struct x86_shape fresh, *s = &fresh;
    uint64_t key;

    if (ignores_mod(in)) {
        in->has_modrm = true;
        in->modrm = fetch_byte(r) | 0xc0;
        in->mod = 3;
        in->reg = (in->modrm >> 3 & 7) | (in->rex & 4) << 1;
        in->rm = (in->modrm & 7) | (in->rex & 1) << 3;
    } else if (slot_modrm[in->map * 256 + in->opcode]) {
        read_modrm(r, mode);
    }
    key = shape_key(in, mode);
    if (shapes && !in->vex) {
        s = &shapes[key * 0x9e3779b97f4a7c15ull >> (64 - SHAPE_BITS)];
    }
    if (s == &fresh || s->key != key) {
        find_shape(s, in, mode, has);
        s->key = key;
    }
    in->op = s->op;
    in->opsize = s->opsize;
    in->plain = s->plain;
    in->quiet = s->quiet && !in->lock;
    in->flags_read = s->flags_read;
    in->flags_written = s->flags_written;
    memcpy(in->operand, s->operand, sizeof(in->operand));
    if (s->reads[0].how != READ_NOTHING) {
        in->imm = read_value(r, s, 0, mode);
        if (s->reads[1].how != READ_NOTHING) {
            in->imm2 = read_value(r, s, 1, mode);
        }
    }
}

static void finish(struct reader *r, unsigned avail, uint32_t mode)
{
    struct x86_insn *in = r->in;

    in->truncated = r->at > avail && avail < X86_MAX_INSN;
    in->too_long = r->at > X86_MAX_INSN && !in->truncated;
    in->len = in->too_long ? X86_MAX_INSN : r->at;
    in->next = wrap_pc(in->pc + in->len, mode);
    if (in->too_long || in->truncated) {
        in->op = NULL;
    }
    if (in->base == BASE_RIP) {
        in->disp += in->next;
        in->disp = in->addrsize == 4 ? (int64_t)(uint32_t)in->disp : in->disp;
    }
    if (in->seg_override >= 0) {
        in->seg = in->seg_override;
    }
}

bool x86_decode(struct x86_insn *in, const uint8_t *code, unsigned avail, uint64_t pc,
                uint32_t mode, const bool has[FEAT_COUNT], struct x86_shape *shapes)
{
    struct reader r = { .in = in, .code = code };
    uint8_t padded[FETCH_BYTES], byte;

    pthread_once(&index_once, build_index);
    if (avail < FETCH_BYTES) {
        memset(padded, 0, sizeof(padded));
        memcpy(padded, code, avail);
        r.code = padded;
    }
    *in = (struct x86_insn){ .pc = pc, .seg_override = -1, .base = BASE_NONE, .index = BASE_NONE,
                             .seg = SEG_DS };
    byte = read_prefixes(&r, mode & MODE_CS64);
    read_opcode(&r, byte, mode);
    if (mode & MODE_CS64) {
        in->addrsize = in->addr_prefix ? 4 : 8;
    } else {
        in->addrsize = !(mode & MODE_CS32) == !in->addr_prefix ? 2 : 4;
    }
    if (in->map < MAP_COUNT) {
        find_instruction(&r, mode, has, shapes);
    }
    finish(&r, avail, mode);
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
