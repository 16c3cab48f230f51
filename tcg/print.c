/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints IR to the log, one op a line: `-d op', `-d op_opt' and golden tests. */
#include <inttypes.h>
#include <stdio.h>
#include "base/log.h"
#include "tcg/ir.h"

const struct ir_op_info ir_op_info[IR_OPCODE_COUNT] = {
#define RESULT IR_RESULT
#define COMMUTES IR_COMMUTES
#define EFFECT IR_EFFECT
#define FAULT IR_FAULT
#define ENDS IR_ENDS
#define MEM IR_MEM
#define CC IR_CC
#define FOLD IR_FOLD
#define OP(name, nargs, types, flags) { #name, nargs, types, flags },
#include "tcg/ops.def"
#undef OP
};

static const char type_names[IR_TYPE_COUNT][5] = { "i32", "i64", "f32", "f64", "v64", "v128", "" };
static const char cond_names[IR_COND_COUNT][6] = {
    "eq", "ne", "lt", "ge", "le", "gt", "ltu", "geu", "leu", "gtu", "tsteq", "tstne",
};

static size_t print_memop(char *s, size_t size, unsigned memop)
{
    return snprintf(s, size, " %u%s%s%s%s%s/%u", 8u << (memop & MO_SIZE),
                    memop & MO_SIGN ? "s" : "", memop & MO_BE ? "be" : "",
                    memop & MO_ALIGN ? "a" : "", memop & MO_ADDR32 ? "w" : "",
                    memop & MO_WRITE_INTENT ? "rw" : "", MO_IDX(memop));
}

static size_t print_operands(const struct ir *ir, const struct ir_op *o, char *s, size_t size)
{
    const struct ir_op_info *info = &ir_op_info[o->op];
    const ir_val v[3] = { o->a, o->b, o->c };
    size_t n = 0;

    for (unsigned i = 0; i < info->nargs; i++) {
        if (v[i]) {
            n += snprintf(s + n, size - n, " %%%u", v[i]);
        }
    }
    if (info->flags & IR_MEM || o->op == IR_lea) {
        if (ir_in_group(o)) {
            n += snprintf(s + n, size - n, " [%%%u%+d]", o->c, o->mem.rel);
        } else if (o->mem.index) {
            n += snprintf(s + n, size - n, " +%%%u", o->mem.index);
        }
        if (MO_SCALE(o->mem.memop)) {
            n += snprintf(s + n, size - n, " <<%u", MO_SCALE(o->mem.memop));
        }
        n += snprintf(s + n, size - n, " %+d", o->mem.disp);
        if (o->op == IR_x87_mem) {
            n += snprintf(s + n, size - n, " 0x%x", o->b);
        }
        return o->op == IR_lea ? n : n + print_memop(s + n, size - n, o->mem.memop);
    }
    switch (o->op) {
    case IR_get:
    case IR_set:
    case IR_getpair:
    case IR_setpair:
        return n + snprintf(s + n, size - n, " %s", ir->globals[o->imm].name);
    case IR_sel:
        return n + snprintf(s + n, size - n, " %%%u %s", o->sel.d, cond_names[o->sel.cond]);
    case IR_setc:
        return n + snprintf(s + n, size - n, " %s", cond_names[o->imm]);
    case IR_brc:
        return n + snprintf(s + n, size - n, " %s L%" PRIu64, cond_names[o->imm & 0xff],
                            (uint64_t)o->imm >> 8);
    case IR_label:
    case IR_br:
        return n + snprintf(s + n, size - n, " L%" PRIu64 " live=%" PRIx64, o->imm,
                            ir->label_live[o->imm]);
    case IR_exit:
    case IR_ijmp:
        return n + snprintf(s + n, size - n, " 0x%" PRIx64 " live=%x", o->imm, o->c);
    case IR_call:
        if (o->call.d) {
            n += snprintf(s + n, size - n, " %%%u", o->call.d);
        }
        return n + snprintf(s + n, size - n, " %s", ir->helpers[o->call.helper].name);
    case IR_insn:
    case IR_poll:
    case IR_const:
    case IR_exts:
    case IR_extract:
    case IR_deposit:
    case IR_envld:
    case IR_envst:
    case IR_vflush:
    case IR_vx:
    case IR_vx_gv:
    case IR_vx_vg:
    case IR_vx_fl:
    case IR_vx_index:
    case IR_vx_flags:
    case IR_flags:
    case IR_gx:
    case IR_x87_state:
    case IR_x87:
    case IR_x87_put:
    case IR_x87_take:
    case IR_x87_fl:
    case IR_x87_cmov:
        return n + snprintf(s + n, size - n, " 0x%" PRIx64, o->imm);
    }
    return n;
}

void ir_print(const struct ir *ir, const char *title)
{
    char line[160];

    log_printf("%s\n", title);
    for (unsigned i = 1; i < ir->n; i++) {
        const struct ir_op *o = &ir->ops[i];
        size_t n;

        if (o->op == IR_nop) {
            continue;
        }
        n = snprintf(line, sizeof(line), o->op == IR_insn || o->op == IR_label ? "" : "  ");
        if (ir_op_info[o->op].flags & IR_RESULT) {
            n += snprintf(line + n, sizeof(line) - n, "%%%u = ", i);
        }
        n += snprintf(line + n, sizeof(line) - n, "%s%s%s", ir_op_info[o->op].name,
                      o->type == IR_NONE ? "" : ".", type_names[o->type]);
        print_operands(ir, o, line + n, sizeof(line) - n);
        log_printf("%s\n", line);
    }
}
