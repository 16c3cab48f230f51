/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Encodes x86-64 instructions. */
#include "tcg/x86_64/emit.h"

/*
 * Prefixes, REX, map and opcode byte. r, x, b: the registers behind REX.R, REX.X and REX.B. Works
 * on a local pointer: a store of a byte could change the emitter's as far as the compiler knows.
 */
static inline uint8_t *head(uint8_t *p, unsigned op, int r, int x, int b, bool byte_rm)
{
    static const uint8_t prefixes[] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned rex = (r & 8) >> 1 | (x & 8) >> 2 | (b & 8) >> 3 | (op & X_W ? 8 : 0);

    if (op & (X_LOCK | X_F2)) {
        if (op & X_LOCK) {
            *p++ = 0xf0;
        }
        if (op >> 10 & 3) {
            *p++ = prefixes[op >> 10 & 3];
        }
    }
    if (rex || (op & X_R8 && r >= RSP && r <= RDI) || (byte_rm && b >= RSP && b <= RDI)) {
        *p++ = 0x40 | rex;
    }
    if (op >> 8 & 3) {
        *p++ = 0x0f;
        if ((op & 3 << 8) != X_0F) {
            *p++ = (op & 3 << 8) == X_0F38 ? 0x38 : 0x3a;
        }
    }
    *p++ = op;
    return p;
}

void x_rr(struct emitter *e, unsigned op, int reg, int rm)
{
    uint8_t *p = head(e->p, op, reg, 0, rm, op & X_M8);

    *p++ = 0xc0 | (reg & 7) << 3 | (rm & 7);
    e->p = p;
}

static void segment_and_size(struct emitter *e, unsigned prefixes)
{
    if (prefixes & MEM_GS) {
        x_8(e, 0x65);
    }
    if (prefixes & MEM_ADDR32) {
        x_8(e, 0x67);
    }
}

void x_rm(struct emitter *e, unsigned op, int reg, struct mem m)
{
    unsigned r = (reg & 7) << 3, mod;
    uint8_t *p;

    if (m.prefixes) {
        segment_and_size(e, m.prefixes);
    }
    p = head(e->p, op, reg, m.index > 0 ? m.index : 0, m.base > 0 ? m.base : 0, false);
    if (m.base == NO_REG) {
        *p++ = r | 5;
        e->p = p;
        x_32(e, m.disp - (int32_t)(x_here(e) + 4));
        return;
    }
    if (m.base == NO_BASE) {
        *p++ = r | 4;
        *p++ = m.scale << 6 | (m.index == NO_REG ? 4 : m.index & 7) << 3 | 5;
        e->p = p;
        x_32(e, m.disp);
        return;
    }
    mod = m.disp == 0 && (m.base & 7) != RBP ? 0 : m.disp == (int8_t)m.disp ? 0x40 : 0x80;
    if (m.index != NO_REG) {
        *p++ = mod | r | 4;
        *p++ = m.scale << 6 | (m.index & 7) << 3 | (m.base & 7);
    } else if ((m.base & 7) == RSP) {
        *p++ = mod | r | 4;
        *p++ = 0x24;
    } else {
        *p++ = mod | r | (m.base & 7);
    }
    if (mod == 0x40) {
        *p++ = m.disp;
    } else if (mod == 0x80) {
        memcpy(p, &m.disp, 4);
        p += 4;
    }
    e->p = p;
}

void x_vex(struct emitter *e, unsigned op, int reg, int vvvv, int rm)
{
    static const uint8_t pp[] = { 0, 1, 2, 3 };

    x_8(e, 0xc4);
    x_8(e, (reg & 8 ? 0 : 0x80) | 0x40 | (rm & 8 ? 0 : 0x20) | (op >> 8 & 3));
    x_8(e, (op & X_W ? 0x80 : 0) | (~vvvv & 15) << 3 | pp[op >> 10 & 3]);
    x_8(e, op);
    x_8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x_rorx(struct emitter *e, bool wide, int d, int s, unsigned n)
{
    x_vex(e, 0xf0 | X_0F3A | X_F2 | (wide ? X_W : 0), d, 0, s);
    x_8(e, n);
}

void x_mov(struct emitter *e, bool wide, int d, int s)
{
    if (d >= XMM0) {
        x_rr(e, OP_MOVAPS, d, s);
    } else {
        x_rr(e, OP_LOAD | (wide ? X_W : 0), d, s);
    }
}

void x_mov_imm(struct emitter *e, int d, uint64_t v)
{
    if (v == (uint32_t)v) {
        if (d & 8) {
            x_8(e, 0x41);
        }
        x_8(e, 0xb8 | (d & 7));
        x_32(e, v);
    } else if ((int64_t)v == (int32_t)v) {
        x_rr(e, 0xc7 | X_W, 0, d);
        x_32(e, v);
    } else {
        x_8(e, d & 8 ? 0x49 : 0x48);
        x_8(e, 0xb8 | (d & 7));
        x_64(e, v);
    }
}

void x_store_imm(struct emitter *e, unsigned size, struct mem m, int32_t v)
{
    switch (size) {
    case 1:
        x_rm(e, 0xc6, 0, m);
        x_8(e, v);
        break;
    case 2:
        x_rm(e, 0xc7 | X_66, 0, m);
        x_8(e, v);
        x_8(e, v >> 8);
        break;
    default:
        x_rm(e, 0xc7 | (size == 8 ? X_W : 0), 0, m);
        x_32(e, v);
    }
}

void x_alu_imm(struct emitter *e, unsigned alu, bool wide, int d, int32_t v)
{
    unsigned w = wide ? X_W : 0;

    if (v == (int8_t)v) {
        x_rr(e, 0x83 | w, alu, d);
        x_8(e, v);
    } else {
        x_rr(e, 0x81 | w, alu, d);
        x_32(e, v);
    }
}

void x_alu_mem_imm(struct emitter *e, unsigned alu, bool wide, struct mem m, int32_t v)
{
    unsigned w = wide ? X_W : 0;

    if (v == (int8_t)v) {
        x_rm(e, 0x83 | w, alu, m);
        x_8(e, v);
    } else {
        x_rm(e, 0x81 | w, alu, m);
        x_32(e, v);
    }
}

void x_shift_imm(struct emitter *e, unsigned shift, bool wide, int d, unsigned n)
{
    unsigned w = wide ? X_W : 0;

    if (n == 1) {
        x_rr(e, 0xd1 | w, shift, d);
    } else {
        x_rr(e, 0xc1 | w, shift, d);
        x_8(e, n);
    }
}

uint32_t x_jmp(struct emitter *e)
{
    x_8(e, 0xe9);
    x_32(e, 0);
    return x_here(e) - 4;
}

uint32_t x_jcc(struct emitter *e, unsigned cc)
{
    x_8(e, 0x0f);
    x_8(e, 0x80 | cc);
    x_32(e, 0);
    return x_here(e) - 4;
}

void x_patch(struct emitter *e, uint32_t at, uint32_t target)
{
    uint32_t rel = target - (at + 4);

    memcpy(e->buffer + at, &rel, 4);
}

void x_jmp_to(struct emitter *e, uint32_t target)
{
    int32_t rel = target - (x_here(e) + 2);

    if (rel == (int8_t)rel) {
        x_8(e, 0xeb);
        x_8(e, rel);
    } else {
        x_patch(e, x_jmp(e), target);
    }
}

void x_jcc_to(struct emitter *e, unsigned cc, uint32_t target)
{
    int32_t rel = target - (x_here(e) + 2);

    if (rel == (int8_t)rel) {
        x_8(e, 0x70 | cc);
        x_8(e, rel);
    } else {
        x_patch(e, x_jcc(e, cc), target);
    }
}

void x_call_to(struct emitter *e, uint32_t target)
{
    x_8(e, 0xe8);
    x_32(e, 0);
    x_patch(e, x_here(e) - 4, target);
}
