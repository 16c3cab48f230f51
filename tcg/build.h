/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Builds IR: what frontends call. Folds constants and identities, forwards values of globals,
 * shares equal pure ops within a block. Nothing here emits host code.
 */
#ifndef TCG_BUILD_H
#define TCG_BUILD_H

#include "tcg/ir.h"

void ir_reset(struct ir *ir);       /* keeps globals and helpers */

/* Less than 512 ops of room are left: end the region. */
static inline bool ir_full(const struct ir *ir)
{
    return ir->n + 512 > IR_MAX_OPS || ir->n_labels + 16 > IR_MAX_LABELS;
}

static inline bool ir_is_const(const struct ir *ir, ir_val v, int64_t *value)
{
    if (ir->ops[v].op != IR_const) {
        return false;
    }
    *value = ir->ops[v].imm;
    return true;
}

static inline enum ir_type ir_type_of(const struct ir *ir, ir_val v)
{
    const struct ir_op *o = &ir->ops[v];

    return o->op == IR_setc || o->op == IR_fcmp ? I32 : o->type;
}

ir_val ir_const(struct ir *ir, enum ir_type type, int64_t value);
ir_val ir_get(struct ir *ir, unsigned global);
void ir_set(struct ir *ir, unsigned global, ir_val v);
/* The current value of a global if it is known at translation time to be that constant. */
bool ir_get_const(struct ir *ir, unsigned global, int64_t *value);

/* Ops of one, two and three operands by opcode; they fold. */
ir_val ir_1(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a);
ir_val ir_2(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b);
ir_val ir_2i(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, int64_t b);
ir_val ir_3(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, ir_val c);
/* Any op as it is; shared with an equal one if it is pure. */
ir_val ir_append_op(struct ir *ir, const struct ir_op *o);
ir_val ir_imm(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, int64_t imm);

ir_val ir_exts(struct ir *ir, enum ir_type type, ir_val a, unsigned bits);
ir_val ir_extu(struct ir *ir, enum ir_type type, ir_val a, unsigned bits);
ir_val ir_extract(struct ir *ir, enum ir_type type, ir_val a, unsigned offset, unsigned bits);
ir_val ir_deposit(struct ir *ir, enum ir_type type, ir_val a, ir_val b, unsigned offset,
                  unsigned bits);
/* Compares a and b at `type'; the result of setc is an I32, that of sel has `type' too. */
ir_val ir_setc(struct ir *ir, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b);
ir_val ir_sel(struct ir *ir, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b, ir_val yes,
              ir_val no);

/* Guest memory. `size' and the rest are in memop (enum ir_memop). */
ir_val ir_ld(struct ir *ir, enum ir_type type, ir_val addr, int32_t disp, uint16_t memop);
void ir_st(struct ir *ir, enum ir_type type, ir_val addr, int32_t disp, ir_val v, uint16_t memop);
ir_val ir_cas(struct ir *ir, enum ir_type type, ir_val addr, int32_t disp, ir_val expected,
              ir_val desired, uint16_t memop);
ir_val ir_atomic(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val addr, int32_t disp,
                 ir_val v, uint16_t memop);

/* env fields that are no globals; memop: size, MO_SIGN */
ir_val ir_envld(struct ir *ir, enum ir_type type, uint32_t offset, uint16_t memop);
void ir_envst(struct ir *ir, enum ir_type type, uint32_t offset, ir_val v, uint16_t memop);

/* x87 ops (ops.def); one that reads or writes guest memory itself. */
void ir_x87(struct ir *ir, enum ir_opcode op, enum ir_type type, ir_val a, ir_val b, int64_t imm);
ir_val ir_x87_value(struct ir *ir, enum ir_opcode op, enum ir_type type, int64_t imm);
void ir_x87_mem(struct ir *ir, ir_val addr, int32_t disp, uint16_t memop, uint16_t encoding);

/* Labels. `live': deferrable globals that code at the label may read. */
unsigned ir_label_new(struct ir *ir, uint64_t live);
void ir_label(struct ir *ir, unsigned label);
/* Lets other regions come in at a label, for this pc. */
void ir_entry(struct ir *ir, unsigned label, uint64_t pc);
void ir_br(struct ir *ir, unsigned label);
void ir_brc(struct ir *ir, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b, unsigned label);

void ir_insn(struct ir *ir, uint64_t pc);
void ir_poll(struct ir *ir, uint64_t pc);
void ir_check(struct ir *ir);
/* Whether any op from index `from' on may write guest memory. */
bool ir_stores(const struct ir *ir, unsigned from);
/* Leave for a constant or computed guest pc. `live': deferrable globals the successor may read. */
void ir_exit(struct ir *ir, uint64_t pc, uint64_t live);
enum ir_jump_hint { JUMP_PLAIN, JUMP_CALL, JUMP_RET };
void ir_ijmp(struct ir *ir, ir_val pc, uint64_t live, enum ir_jump_hint hint);
/* Leave for the execution loop, which reads everything from env (pc must be set by ir_set). */
void ir_exit_loop(struct ir *ir);

/* Calls helper(env, args...). Returns 0 when the helper has no result. */
ir_val ir_call(struct ir *ir, unsigned helper, ir_val a, ir_val b, ir_val c, ir_val d);

#endif
