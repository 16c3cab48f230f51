/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks that IR is well formed. Debug builds run it after every pass. */
#include <stdio.h>
#include <string.h>
#include "tcg/build.h"

static char message[160];

static const char *fault(const struct ir *ir, unsigned at, const char *what)
{
    snprintf(message, sizeof(message), "op %u (%s): %s", at, ir_op_info[ir->ops[at].op].name, what);
    return message;
}

static bool is_int(enum ir_type t)
{
    return t == I32 || t == I64;
}

/* Of vectors the low part counts. */
static bool is_as_wide(const struct ir_op *o, enum ir_type t)
{
    static const uint8_t size[IR_TYPE_COUNT] = {
        [F32] = 4, [F64] = 8, [V64] = 8, [V128] = 16, [IR_NONE] = 0,
    };

    return size[t] >= size[o->type] || (o->op == IR_vx && size[t]);
}

/* Whether operand n of the op may have type t. */
static bool operand_fits(const struct ir_op *o, unsigned n, enum ir_type t)
{
    enum ir_type type = o->type;

    switch (o->op) {
    case IR_st:
    case IR_hst:
        return n == 0 ? is_int(t) : is_int(type) ? is_int(t) : is_as_wide(o, t);
    case IR_set:
    case IR_envst:
        return is_int(type) ? is_int(t) : is_as_wide(o, t);
    case IR_ld:
    case IR_hld:
    case IR_call:
        return is_int(t);
    case IR_bitcast:
        return true;
    case IR_fcvt:
        return t == F32 || t == F64;
    case IR_vins:
    case IR_vx_vg:
        return n == 0 ? t == type : is_int(t);
    case IR_vdup:
        return is_int(t);
    case IR_vx_gv:
        return !is_int(t) && t != IR_NONE;
    case IR_vext:
    case IR_vx_fl:
    case IR_vx_index:
    case IR_vx_flags:
        return t == V64 || t == V128;
    }
    return is_int(type) || type == IR_NONE ? is_int(t) : is_as_wide(o, t);
}

static const char *check_value(const struct ir *ir, unsigned at, unsigned n, ir_val v,
                               unsigned block)
{
    const struct ir_op *o = &ir->ops[at], *def = &ir->ops[v];

    if (v >= at) {
        return fault(ir, at, "uses a later value");
    }
    if (v < block) {
        return fault(ir, at, "uses a value from across a label");
    }
    if (def->op == IR_call ? def->type == IR_NONE : !(ir_op_info[def->op].flags & IR_RESULT)) {
        return fault(ir, at, "uses an op without a value");
    }
    return operand_fits(o, n, ir_type_of(ir, v)) ? NULL : fault(ir, at, "operand of a wrong type");
}

static const char *check_operands(const struct ir *ir, unsigned at, unsigned block)
{
    const struct ir_op *o = &ir->ops[at];
    const struct ir_op_info *info = &ir_op_info[o->op];
    const ir_val v[4] = { o->a, o->b, o->c, o->op == IR_call ? o->call.d
                                            : o->op == IR_sel ? o->sel.d
                                            : ir_in_group(o) ? o->c
                                            : info->flags & IR_MEM ? o->mem.index : 0 };
    bool optional = o->op == IR_call || o->op == IR_vx || o->op == IR_flags || o->op == IR_lea ||
                    o->op == IR_envptr || o->op == IR_x87_put;
    const char *bad;

    for (unsigned n = 0; n < 4; n++) {
        if (n < 3 && n >= info->nargs) {
            continue;
        }
        if (v[n] == 0) {
            if (n < info->nargs && !optional) {
                return fault(ir, at, "lacks an operand");
            }
            continue;
        }
        bad = info->flags & IR_MEM && n == 3 ? NULL : check_value(ir, at, n, v[n], block);
        if (bad) {
            return bad;
        }
    }
    return NULL;
}

static bool is_half(const struct ir *ir, unsigned global)
{
    return ir->globals[global].type == F64 || ir->globals[global].type == V64;
}

static const char *check_references(const struct ir *ir, unsigned at)
{
    const struct ir_op *o = &ir->ops[at];

    switch (o->op) {
    case IR_get:
    case IR_set:
        if ((uint64_t)o->imm >= ir->n_globals || o->type != ir->globals[o->imm].type) {
            return fault(ir, at, "no such global, or another type");
        }
        break;
    case IR_getpair:
    case IR_setpair:
        if ((uint64_t)o->imm + 1 >= ir->n_globals || !is_half(ir, o->imm) ||
            !is_half(ir, o->imm + 1)) {
            return fault(ir, at, "no such globals, or of another type");
        }
        break;
    case IR_label:
    case IR_br:
        if ((uint64_t)o->imm >= ir->n_labels) {
            return fault(ir, at, "no such label");
        }
        break;
    case IR_brc:
        if ((uint64_t)o->imm >> 8 >= ir->n_labels || (o->imm & 0xff) >= IR_COND_COUNT) {
            return fault(ir, at, "no such label or condition");
        }
        break;
    case IR_ld:
    case IR_st:
        if (o->c && ir->ops[o->c].op != IR_page) {
            return fault(ir, at, "is in the group of something else than a page");
        }
        break;
    case IR_call:
        if (o->call.helper >= ir->n_helpers) {
            return fault(ir, at, "no such helper");
        }
        break;
    }
    return NULL;
}

const char *ir_verify(const struct ir *ir)
{
    uint8_t placed[IR_MAX_LABELS] = { 0 };
    unsigned block = 1;
    const char *bad;

    for (unsigned i = 1; i < ir->n; i++) {
        const struct ir_op *o = &ir->ops[i];

        if (o->op >= IR_OPCODE_COUNT || o->type >= IR_TYPE_COUNT) {
            return "no such op or type";
        }
        if (o->op == IR_nop) {
            continue;
        }
        if (o->op != IR_call && !(ir_op_info[o->op].types >> o->type & 1) && o->op != IR_ijmp) {
            return fault(ir, i, "has a type it cannot have");
        }
        bad = check_references(ir, i);
        if (!bad) {
            bad = check_operands(ir, i, block);
        }
        if (bad) {
            return bad;
        }
        if (o->op == IR_label) {
            if (placed[o->imm]++) {
                return fault(ir, i, "label placed twice");
            }
            block = i;
        }
    }
    for (unsigned i = 1; i < ir->n; i++) {
        unsigned op = ir->ops[i].op;

        if ((op == IR_br && !placed[ir->ops[i].imm]) ||
            (op == IR_brc && !placed[ir->ops[i].imm >> 8])) {
            return fault(ir, i, "label never placed");
        }
    }
    return ir->n > 1 && (ir_op_info[ir->ops[ir->n - 1].op].flags & IR_ENDS) ? NULL
         : ir->n > 1 && ir->ops[ir->n - 1].op == IR_call ? NULL
         : "falls off the end";
}
