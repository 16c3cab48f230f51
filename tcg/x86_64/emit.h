/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encodes x86-64 instructions into a buffer: one function per operand form, opcodes as numbers. */
#ifndef TCG_X86_64_EMIT_H
#define TCG_X86_64_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Host registers; the vector registers follow the general ones so that a mask holds both. */
enum {
    RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, XMM0,
    XMM13 = XMM0 + 13, XMM15 = XMM0 + 15, HOST_REGS = 32, NO_REG = -1,
};

/* An opcode is its last byte and these. */
enum {
    X_0F = 1 << 8, X_0F38 = 2 << 8, X_0F3A = 3 << 8,            /* opcode map */
    X_66 = 1 << 10, X_F3 = 2 << 10, X_F2 = 3 << 10,             /* mandatory prefix */
    X_W = 1 << 12,                                              /* REX.W */
    X_R8 = 1 << 13, X_M8 = 1 << 14,             /* ModRM.reg, ModRM.rm is a byte register */
    X_LOCK = 1 << 15,
};

enum {                                          /* opcodes that several files use */
    OP_LOAD = 0x8b, OP_STORE = 0x89, OP_STORE8 = 0x88 | X_R8, OP_LEA = 0x8d,
    OP_MOVZX8 = 0xb6 | X_0F | X_M8, OP_MOVZX16 = 0xb7 | X_0F,
    OP_MOVSX8 = 0xbe | X_0F | X_M8, OP_MOVSX16 = 0xbf | X_0F, OP_MOVSXD = 0x63 | X_W,
    OP_MOVAPS = 0x28 | X_0F, OP_STOREAPS = 0x29 | X_0F,
    OP_LOADUPS = 0x10 | X_0F, OP_STOREUPS = 0x11 | X_0F,
    OP_LOADQ = 0x7e | X_0F | X_F3, OP_STOREQ = 0xd6 | X_0F | X_66,
    OP_LOADSS = 0x10 | X_0F | X_F3, OP_STORESS = 0x11 | X_0F | X_F3,
    OP_XORPS = 0x57 | X_0F, OP_TEST = 0x85, OP_IMUL = 0xaf | X_0F,
    OP_MOVD_TO_XMM = 0x6e | X_0F | X_66, OP_MOVD_FROM_XMM = 0x7e | X_0F | X_66,
};

enum { ALU_OP_ADD, ALU_OP_OR, ALU_OP_ADC, ALU_OP_SBB, ALU_OP_AND, ALU_OP_SUB, ALU_OP_XOR,
       ALU_OP_CMP };
enum { SHIFT_ROL, SHIFT_ROR, SHIFT_SHL = 4, SHIFT_SHR, SHIFT_SAR = 7 };
enum {
    CC_O, CC_B = 2, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_P = 10, CC_NP, CC_L, CC_GE, CC_LE,
    CC_G
};

/*
 * A memory operand; base NO_REG: rip-relative, disp is then an offset from the code buffer; base
 * NO_BASE: index and displacement only.
 */
struct mem {
    int8_t base, index, scale;
    uint8_t prefixes;                           /* MEM_GS, MEM_ADDR32 */
    int32_t disp;
};
enum { NO_BASE = -2, MEM_GS = 1, MEM_ADDR32 = 2 };

struct emitter {
    uint8_t *p, *limit;
    uint8_t *buffer;                            /* start of the whole code buffer */
};

static inline struct mem mem_at(int base, int32_t disp)
{
    return (struct mem){ .base = base, .index = NO_REG, .disp = disp };
}

static inline struct mem mem_rip(uint32_t offset)
{
    return (struct mem){ .base = NO_REG, .index = NO_REG, .disp = offset };
}

static inline void x_8(struct emitter *e, unsigned v)
{
    *e->p++ = v;
}

static inline void x_32(struct emitter *e, uint32_t v)
{
    memcpy(e->p, &v, 4);
    e->p += 4;
}

static inline void x_64(struct emitter *e, uint64_t v)
{
    memcpy(e->p, &v, 8);
    e->p += 8;
}

static inline uint32_t x_here(const struct emitter *e)
{
    return e->p - e->buffer;
}

/* reg, rm: the registers of ModRM */
void x_rr(struct emitter *e, unsigned op, int reg, int rm);
void x_rm(struct emitter *e, unsigned op, int reg, struct mem m);
/* VEX-encoded BMI instructions: reg, vvvv, rm */
void x_vex(struct emitter *e, unsigned op, int reg, int vvvv, int rm);
void x_rorx(struct emitter *e, bool wide, int d, int s, unsigned n);    /* BMI2 */

void x_mov(struct emitter *e, bool wide, int d, int s);
void x_mov_imm(struct emitter *e, int d, uint64_t v);           /* leaves the flags alone */
void x_store_imm(struct emitter *e, unsigned size, struct mem m, int32_t v);
void x_alu_imm(struct emitter *e, unsigned alu, bool wide, int d, int32_t v);
void x_alu_mem_imm(struct emitter *e, unsigned alu, bool wide, struct mem m, int32_t v);
void x_shift_imm(struct emitter *e, unsigned shift, bool wide, int d, unsigned n);

/* Jumps by offset in the buffer; those to a place yet unknown return where the rel32 is. */
uint32_t x_jmp(struct emitter *e);
uint32_t x_jcc(struct emitter *e, unsigned cc);
void x_jmp_to(struct emitter *e, uint32_t target);
void x_jcc_to(struct emitter *e, unsigned cc, uint32_t target);
void x_call_to(struct emitter *e, uint32_t target);
void x_patch(struct emitter *e, uint32_t at, uint32_t target);

static inline void x_alu_rr(struct emitter *e, unsigned alu, bool wide, int d, int s)
{
    x_rr(e, (alu << 3 | 3) | (wide ? X_W : 0), d, s);
}

#endif
