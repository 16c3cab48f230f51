/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the handlers of XMM and of MMX instructions share. */
#ifndef TARGET_I386_TRANS_SIMD_H
#define TARGET_I386_TRANS_SIMD_H

#include "target-i386/translate.h"

#define ENV(field) offsetof(struct x86_env, field)

/* The checks of an SSE instruction that may touch XMM registers; false: has raised. */
bool simd_enter(struct x86_dis *d);
/* Operand n as a V128, upper bits zero when it is smaller memory. */
ir_val simd_source(struct x86_dis *d, unsigned n, unsigned align);
ir_val simd_load(struct x86_dis *d, unsigned size, unsigned align);
/* The current instruction's own encoding, for vx ops. */
struct ir_sse simd_encoding(const struct x86_dis *d);
/* Another one, with a 66 prefix, in map 0F. */
struct ir_sse simd_0f_66(uint8_t opcode);
ir_val simd_op(struct x86_dis *d, enum ir_opcode op, enum ir_type type, struct ir_sse sse, ir_val a,
               ir_val b);
ir_val simd_vx(struct x86_dis *d, struct ir_sse sse, ir_val a, ir_val b);
/* Around an instruction that may raise a SIMD exception, its result not yet written. */
void simd_trap_begin(struct x86_dis *d);
void simd_trap_end(struct x86_dis *d);

static inline ir_val simd_get(struct x86_dis *d, unsigned reg)
{
    return ir_get(d->ir, G_XMM0 + reg);
}

static inline void simd_set(struct x86_dis *d, unsigned reg, ir_val v)
{
    ir_set(d->ir, G_XMM0 + reg, v);
}

/* A masked store at DS:rDI; pointers into env. */
void simd_maskmov(struct x86_dis *d, size_t src, size_t mask, unsigned size);

#endif
