/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding: bytes and mode in, one struct x86_insn out. Knows no IR and no guest state, so that the
 * translator, the flag liveness scan and the tests share it.
 *
 * The instruction set is one table in the manual's operand notation, opcodes.def with its parts
 * opcodes-simd.def and opcodes-sys.def (x87 escapes have their own, see trans_x87). A row is
 *
 *   INSN(map, prefix, byte, modrm, name, handler, arg, op1, op2, op3, op4, feature, attrs)
 *
 * map      1, 0F, 0F38, 0F3A
 * prefix   ANY: 66/F2/F3 do not select; NP, 66, F3, F2: mandatory prefix (F2/F3 win over 66)
 * byte     opcode; with LOW3 the row covers 8 opcodes (Z operands), with LOW4 16 (conditions)
 * modrm    ANY, D(n) /n, MD(n) /n memory only, RD(n) /n register only, MEM, REG, EXACT(0xc1)
 * handler  trans_<handler>(struct x86_dis *d); finds arg in d->in.op->arg
 * op1..4   operand forms below, `_' for none
 * feature  FEAT_<feature>; a row whose feature the CPU lacks is passed over
 * attrs    A_* and FR_/FW_ bits below
 *
 * The first row that fits wins; none: #UD.
 */
#ifndef TARGET_I386_DECODE_H
#define TARGET_I386_DECODE_H

#include "target-i386/cpu.h"

struct x86_dis;
struct x86_shape;

enum { X86_MAX_INSN = 15 };

enum x86_map { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A, MAP_COUNT };
enum x86_prefix { PREFIX_ANY, PREFIX_NP, PREFIX_66, PREFIX_F3, PREFIX_F2 };

/* ModRM patterns of a row */
enum {
    MODRM_ANY, MODRM_DIGIT, MODRM_MEM_DIGIT, MODRM_REG_DIGIT, MODRM_MEM, MODRM_REG, MODRM_EXACT
};
#ifdef X86_OPCODE_TABLE     /* short names, for the table only */
#define D(n)     (MODRM_DIGIT << 8 | (n))
#define MD(n)    (MODRM_MEM_DIGIT << 8 | (n))
#define RD(n)    (MODRM_REG_DIGIT << 8 | (n))
#define EXACT(b) (MODRM_EXACT << 8 | (b))
#define ANY      (MODRM_ANY << 8)
#define MEM      (MODRM_MEM << 8)
#define REG      (MODRM_REG << 8)
#endif

/* What an operand is */
enum x86_operand_kind {
    OPND_NONE, OPND_GPR, OPND_MEM, OPND_IMM, OPND_SEG, OPND_CR, OPND_DR, OPND_XMM, OPND_MMX,
    OPND_FAR,                       /* ptr16:16/32: offset in imm, selector in imm2 */
};

/* Where the encoding says which */
enum x86_operand_source {
    FROM_NONE, FROM_RM, FROM_RM_MEM, FROM_RM_REG, FROM_REG, FROM_LOW3, FROM_FIXED, FROM_IMM,
    FROM_IMM_SX, FROM_REL, FROM_MOFFS, FROM_FAR, FROM_STRING_SRC, FROM_STRING_DST, FROM_ONE,
    FROM_VVVV,
};

/* Sizes that depend on the operand size */
enum { SIZE_V = 100, SIZE_Z, SIZE_Y, SIZE_P, SIZE_D64, SIZE_A, SIZE_X };

/*
 * Operand forms: OPERAND(name, source, kind of the register form, size in bytes, fixed register).
 * Sizes: V operand size; Z 4 when that is 8; Y 8 with REX.W, else 4; P a far pointer (2 + V);
 * D64 8 in 64-bit mode, else 4; A two of V; X 16 (32 with VEX.L).
 */
#define X86_OPERANDS(OPERAND) \
    OPERAND(_, NONE, NONE, 0, 0) OPERAND(Eb, RM, GPR, 1, 0) OPERAND(Ew, RM, GPR, 2, 0) \
    OPERAND(Ed, RM, GPR, 4, 0) OPERAND(Eq, RM, GPR, 8, 0) OPERAND(Ev, RM, GPR, SIZE_V, 0) \
    OPERAND(Ey, RM, GPR, SIZE_Y, 0) OPERAND(Gb, REG, GPR, 1, 0) OPERAND(Gw, REG, GPR, 2, 0) \
    OPERAND(Gd, REG, GPR, 4, 0) OPERAND(Gq, REG, GPR, 8, 0) OPERAND(Gv, REG, GPR, SIZE_V, 0) \
    OPERAND(Gy, REG, GPR, SIZE_Y, 0) OPERAND(Rw, RM_REG, GPR, 2, 0) \
    OPERAND(Rd, RM_REG, GPR, 4, 0) OPERAND(Rv, RM_REG, GPR, SIZE_V, 0) \
    OPERAND(Ry, RM_REG, GPR, SIZE_Y, 0) OPERAND(R64, RM_REG, GPR, SIZE_D64, 0) \
    OPERAND(Zb, LOW3, GPR, 1, 0) OPERAND(Zv, LOW3, GPR, SIZE_V, 0) \
    OPERAND(Zy, LOW3, GPR, SIZE_Y, 0) OPERAND(AL, FIXED, GPR, 1, R_AX) \
    OPERAND(AX, FIXED, GPR, 2, R_AX) OPERAND(rAX, FIXED, GPR, SIZE_V, R_AX) \
    OPERAND(eAX, FIXED, GPR, SIZE_Z, R_AX) OPERAND(CL, FIXED, GPR, 1, R_CX) \
    OPERAND(DX, FIXED, GPR, 2, R_DX) OPERAND(By, VVVV, GPR, SIZE_Y, 0) \
    OPERAND(Ib, IMM, NONE, 1, 0) OPERAND(Iw, IMM, NONE, 2, 0) \
    OPERAND(Iz, IMM_SX, NONE, SIZE_Z, 0) OPERAND(Iv, IMM, NONE, SIZE_V, 0) \
    OPERAND(sIb, IMM_SX, NONE, 1, 0) OPERAND(I1, ONE, NONE, 1, 0) OPERAND(Jb, REL, NONE, 1, 0) \
    OPERAND(Jz, REL, NONE, SIZE_Z, 0) OPERAND(Ap, FAR, NONE, SIZE_P, 0) \
    OPERAND(M, RM_MEM, NONE, 0, 0) OPERAND(Mb, RM_MEM, NONE, 1, 0) \
    OPERAND(Mw, RM_MEM, NONE, 2, 0) OPERAND(Md, RM_MEM, NONE, 4, 0) \
    OPERAND(Mq, RM_MEM, NONE, 8, 0) OPERAND(Mt, RM_MEM, NONE, 10, 0) \
    OPERAND(Mdq, RM_MEM, NONE, 16, 0) OPERAND(Mx, RM_MEM, NONE, SIZE_X, 0) \
    OPERAND(Mv, RM_MEM, NONE, SIZE_V, 0) OPERAND(My, RM_MEM, NONE, SIZE_Y, 0) \
    OPERAND(Mp, RM_MEM, NONE, SIZE_P, 0) OPERAND(Ma, RM_MEM, NONE, SIZE_A, 0) \
    OPERAND(Ob, MOFFS, NONE, 1, 0) OPERAND(Ov, MOFFS, NONE, SIZE_V, 0) \
    OPERAND(Xb, STRING_SRC, NONE, 1, 0) OPERAND(Xv, STRING_SRC, NONE, SIZE_V, 0) \
    OPERAND(Xz, STRING_SRC, NONE, SIZE_Z, 0) OPERAND(Yb, STRING_DST, NONE, 1, 0) \
    OPERAND(Yv, STRING_DST, NONE, SIZE_V, 0) OPERAND(Yz, STRING_DST, NONE, SIZE_Z, 0) \
    OPERAND(Sw, REG, SEG, 2, 0) OPERAND(Cy, REG, CR, SIZE_D64, 0) \
    OPERAND(Dy, REG, DR, SIZE_D64, 0) OPERAND(ES, FIXED, SEG, 2, SEG_ES) \
    OPERAND(CS, FIXED, SEG, 2, SEG_CS) OPERAND(SS, FIXED, SEG, 2, SEG_SS) \
    OPERAND(DS, FIXED, SEG, 2, SEG_DS) OPERAND(FS, FIXED, SEG, 2, SEG_FS) \
    OPERAND(GS, FIXED, SEG, 2, SEG_GS) OPERAND(Pq, REG, MMX, 8, 0) OPERAND(Pd, REG, MMX, 4, 0) \
    OPERAND(Qq, RM, MMX, 8, 0) OPERAND(Qd, RM, MMX, 4, 0) OPERAND(Nq, RM_REG, MMX, 8, 0) \
    OPERAND(Vd, REG, XMM, 4, 0) OPERAND(Vq, REG, XMM, 8, 0) OPERAND(Vdq, REG, XMM, 16, 0) \
    OPERAND(Vx, REG, XMM, SIZE_X, 0) OPERAND(Wb, RM, XMM, 1, 0) OPERAND(Ww, RM, XMM, 2, 0) \
    OPERAND(Wd, RM, XMM, 4, 0) OPERAND(Wq, RM, XMM, 8, 0) OPERAND(Wdq, RM, XMM, 16, 0) \
    OPERAND(Wx, RM, XMM, SIZE_X, 0) OPERAND(Ud, RM_REG, XMM, 4, 0) \
    OPERAND(Uq, RM_REG, XMM, 8, 0) OPERAND(Udq, RM_REG, XMM, 16, 0) \
    OPERAND(Ux, RM_REG, XMM, SIZE_X, 0) OPERAND(Hdq, VVVV, XMM, 16, 0) \
    OPERAND(Hx, VVVV, XMM, SIZE_X, 0) OPERAND(XMM0, FIXED, XMM, 16, 0)

enum x86_operand_form {
#define OPERAND(name, source, kind, size, reg) O_##name,
    X86_OPERANDS(OPERAND)
#undef OPERAND
    O_COUNT
};

enum x86_feature {
    FEAT_NONE, FEAT_NEVER, FEAT_FPU, FEAT_TSC, FEAT_MSR, FEAT_CX8, FEAT_SEP, FEAT_CMOV, FEAT_CLFSH,
    FEAT_MMX, FEAT_FXSR, FEAT_SSE, FEAT_SSE2, FEAT_SSE3, FEAT_PCLMUL, FEAT_MONITOR, FEAT_SSSE3,
    FEAT_CX16, FEAT_SSE41, FEAT_SSE42, FEAT_MOVBE, FEAT_POPCNT, FEAT_AES, FEAT_XSAVE, FEAT_RDRAND,
    FEAT_FSGSBASE, FEAT_BMI1, FEAT_BMI2, FEAT_INVPCID, FEAT_RDSEED, FEAT_ADX, FEAT_SMAP,
    FEAT_CLFLUSHOPT, FEAT_CLWB, FEAT_SHA, FEAT_RDPID, FEAT_PKU, FEAT_SYSCALL, FEAT_MMXEXT,
    FEAT_RDTSCP, FEAT_LM, FEAT_LAHF64, FEAT_SVM, FEAT_LZCNT, FEAT_SSE4A, FEAT_3DNOWPREFETCH,
    FEAT_XSAVEOPT, FEAT_XSAVEC, FEAT_XSAVES, FEAT_SSE_OR_MMXEXT, FEAT_MOVDIRI,
    FEAT_3DNOW, FEAT_CLZERO, FEAT_VMX, FEAT_COUNT
};

/* attrs: arithmetic flags read and surely overwritten, six bits each, then the rest */
enum {
    FR_C = 1, FR_P = 2, FR_A = 4, FR_Z = 8, FR_S = 16, FR_O = 32, FR_ALL = 63,
    FW_C = 1 << 6, FW_P = 2 << 6, FW_A = 4 << 6, FW_Z = 8 << 6, FW_S = 16 << 6, FW_O = 32 << 6,
    FW_ALL = 63 << 6,
    A_LOCK = 1 << 12,               /* LOCK allowed, with a memory destination (operand 0) */
    A_I64 = 1 << 13,                /* invalid in 64-bit mode */
    A_O64 = 1 << 14,                /* 64-bit mode only */
    A_D64 = 1 << 15,                /* 64-bit operand size by default there; 66 gives 16 */
    A_F64 = 1 << 16,                /* 64-bit operand size there whatever the prefixes */
    A_PRIV = 1 << 17,               /* CPL 0 only, else #GP(0) */
    A_PM = 1 << 18,                 /* #UD in real and virtual-8086 mode */
    A_END = 1 << 19,                /* control never falls through, or the region must end */
    A_LOW3 = 1 << 20,
    A_LOW4 = 1 << 21,
    A_COND = 1 << 22,               /* reads the flags of the condition in the low opcode bits */
    A_JUMP = 1 << 23,               /* direct jmp: the scan goes on at the target */
    A_BRANCH = 1 << 24,             /* direct conditional branch: the scan takes both ways */
    A_REP = 1 << 25,                /* string instruction: F2/F3 repeat */
    A_REPZ = 1 << 26,               /* ... while ZF is 1 (F3) or 0 (F2) */
    A_IO = 1 << 27,                 /* a device may be touched: the handler checks IOPL itself */
    A_VEX = 1 << 28,                /* VEX encoded (room for AVX; BMI uses it) */
    A_RMW = 1 << 29,                /* operand 0 is read and written */
    A_NO_REX_W = 1 << 30,           /* REX.W must be clear */
};

struct x86_opcode {
    const char *name;
    void (*translate)(struct x86_dis *d);
    uint32_t attrs;
    uint16_t modrm;                 /* pattern */
    uint8_t map, prefix, opcode;
    uint8_t feature;
    int16_t arg;
    uint8_t operand[4];             /* enum x86_operand_form */
};
extern const struct x86_opcode x86_opcodes[];
extern const unsigned x86_opcode_count;

struct x86_operand {
    uint8_t kind;                   /* enum x86_operand_kind */
    uint8_t reg;                    /* number, REX applied; for byte GPRs see x86_high_byte() */
    uint8_t size;                   /* in bytes */
};

enum { BASE_NONE = 0xff, BASE_RIP = 0xfe };

struct x86_insn {
    const struct x86_opcode *op;    /* NULL: undefined opcode */
    uint64_t pc, next;              /* eip/rip of this and the next instruction (wrapped) */
    uint8_t len;
    bool too_long;                  /* more than 15 bytes: #GP */
    bool truncated;                 /* ran out of the given bytes */
    bool lock, data16, addr_prefix; /* prefixes F0, 66, 67 */
    uint8_t rep;                    /* last of F2, F3; 0 */
    uint8_t mandatory;              /* enum x86_prefix: NP, 66, F3, F2 */
    uint8_t rex;                    /* whole byte, 0 none; VEX fills W R X B in too */
    bool vex, vex_l;
    uint8_t vvvv;
    int8_t seg_override;            /* -1 none */
    uint8_t map, opcode;
    bool has_modrm;
    uint8_t modrm, mod, reg, rm;    /* reg and rm with REX */
    uint8_t opsize, addrsize;       /* 2, 4, 8 */
    /* Effective address, when mod != 3 or for moffs */
    uint8_t base, index, scale;     /* register, BASE_NONE, BASE_RIP (disp is then absolute) */
    uint8_t seg;                    /* override or default */
    int64_t disp;
    int64_t imm, imm2;              /* extended as the form says; branch targets absolute */
    struct x86_operand operand[4];
    bool plain;                     /* it computes, perhaps on memory, no more */
    bool quiet;                     /* the same, and cannot raise */
    uint16_t flags_read;            /* arithmetic flags that it reads */
    uint16_t flags_written;         /* ... and overwrites, unless x86_flags_written() says no */
    bool flags_unseen;              /* region.c: what it does to the flags is overwritten at once */
};

static inline bool x86_rex_w(const struct x86_insn *in)
{
    return in->rex & 8;
}

static inline bool x86_modrm_mem(const struct x86_insn *in)
{
    return in->has_modrm && in->mod != 3;
}

/* A byte register operand that means ah, ch, dh or bh (of reg - 4). */
static inline bool x86_high_byte(const struct x86_insn *in, unsigned reg)
{
    return !in->rex && !in->vex && reg >= 4 && reg < 8;
}

/*
 * Decodes at most avail bytes. `mode' is code_key.mode, `has' tells which features exist. Returns
 * false when the bytes do not suffice (in->truncated). Undefined opcodes give in->op == NULL.
 * `shapes' may be NULL; it is the caller's memory for one thread and one set of features.
 */
bool x86_decode(struct x86_insn *in, const uint8_t *code, unsigned avail, uint64_t pc,
                uint32_t mode, const bool has[FEAT_COUNT], struct x86_shape *shapes);
struct x86_shape *x86_shapes_new(void);
/* Fills `has' from the CPUID words of env. */
void x86_decode_features(const struct x86_env *env, bool has[FEAT_COUNT]);
/* Arithmetic flags (FL_*) that the instruction surely overwrites. */
uint32_t x86_flags_written(const struct x86_insn *in);

#endif
