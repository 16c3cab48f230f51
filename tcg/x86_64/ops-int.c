/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Integer operations. Two-operand host forms work on a copy of `a' in the result's register. */
#include "tcg/x86_64/compile.h"

static uint32_t reg_bit(const struct operand *s)
{
    return s->kind == OPERAND_REG ? 1u << s->reg : 0;
}

void x_alu(struct compiler *c, unsigned alu, unsigned w, int d, const struct operand *s)
{
    switch (s->kind) {
    case OPERAND_REG:
        x_rr(&c->e, alu << 3 | 3 | w, d, s->reg);
        break;
    case OPERAND_IMM:
        x_alu_imm(&c->e, alu, w, d, s->imm);
        break;
    case OPERAND_MEM:
        x_rm(&c->e, alu << 3 | 3 | w, d, s->mem);
        break;
    }
}

/* An instruction with reg and r/m operands on a register or memory operand (no immediate). */
static void x_rs(struct compiler *c, unsigned op, int reg, const struct operand *s)
{
    if (s->kind == OPERAND_MEM) {
        x_rm(&c->e, op, reg, s->mem);
    } else {
        x_rr(&c->e, op, reg, s->reg);
    }
}

static struct operand use_reg_or_mem(struct compiler *c, ir_val v, enum ir_type type)
{
    struct operand s = use_operand(c, v, type);

    if (s.kind == OPERAND_IMM) {
        s.kind = OPERAND_REG;
        s.reg = use_reg(c, v);
    }
    return s;
}

static void swap(ir_val *a, ir_val *b)
{
    ir_val t = *a;

    *a = *b;
    *b = t;
}

static unsigned host_condition(enum ir_cond cc)
{
    static const uint8_t map[IR_COND_COUNT] = {
        [IR_EQ] = CC_E, [IR_NE] = CC_NE, [IR_LT] = CC_L, [IR_GE] = CC_GE, [IR_LE] = CC_LE,
        [IR_GT] = CC_G, [IR_LTU] = CC_B, [IR_GEU] = CC_AE, [IR_LEU] = CC_BE, [IR_GTU] = CC_A,
        [IR_TSTEQ] = CC_E, [IR_TSTNE] = CC_NE,
    };

    return map[cc];
}

static void emit_test(struct compiler *c, unsigned w, int a, const struct operand *b)
{
    if (b->kind != OPERAND_IMM) {
        x_rs(c, OP_TEST | w, a, b);
    } else if ((uint32_t)b->imm < 0x80) {
        x_rr(&c->e, 0xf6 | X_M8, 0, a);
        x_8(&c->e, b->imm);
    } else {
        x_rr(&c->e, 0xf7 | w, 0, a);
        x_32(&c->e, b->imm);
    }
}

unsigned emit_compare(struct compiler *c, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b)
{
    unsigned w = wide(type);
    struct operand sb, sa;
    int64_t ignored;

    if (c->flags_val && a == c->flags_val) {
        return use_flags(c, cc, b);
    }
    sb = use_operand(c, b, type);
    if (cc == IR_TSTEQ || cc == IR_TSTNE) {
        emit_test(c, w, use_reg(c, a), &sb);
        return host_condition(cc);
    }
    if (sb.kind != OPERAND_IMM || const_of(c, a, &ignored)) {
        x_alu(c, ALU_OP_CMP, w, use_reg(c, a), &sb);
        return host_condition(cc);
    }
    sa = use_operand(c, a, type);
    if (sa.kind == OPERAND_MEM) {
        x_alu_mem_imm(&c->e, ALU_OP_CMP, w, sa.mem, sb.imm);
    } else if (sb.imm == 0 && cc <= IR_NE && c->zf_at == x_here(&c->e) && c->zf_reg == sa.reg &&
               c->zf_wide == (w != 0)) {
        return host_condition(cc);              /* the instruction before has compared it */
    } else if (sb.imm == 0) {
        x_rr(&c->e, OP_TEST | w, sa.reg, sa.reg);
    } else {
        x_alu_imm(&c->e, ALU_OP_CMP, w, sa.reg, sb.imm);
    }
    return host_condition(cc);
}

static void emit_alu(struct compiler *c, const struct ir_op *o, unsigned alu, bool commutes)
{
    int pin = dest_pin(c), d;
    ir_val a = o->a, b = o->b;
    struct operand s;

    if (commutes && pin != NO_REG && c->where[b] >> pin & 1) {
        swap(&a, &b);
    }
    s = use_operand(c, b, o->type);
    d = dest_reg(c, pin, a, reg_bit(&s));
    load_into(c, d, a);
    x_alu(c, alu, wide(o->type), d, &s);
    c->zf_at = x_here(&c->e);
    c->zf_reg = d;
    c->zf_wide = wide(o->type);
    set_result(c, pin, d);
}

void op_alu(struct compiler *c, const struct ir_op *o)
{
    static const uint8_t alu[IR_OPCODE_COUNT] = {
        [IR_sub] = ALU_OP_SUB, [IR_and] = ALU_OP_AND, [IR_or] = ALU_OP_OR, [IR_xor] = ALU_OP_XOR,
    };

    emit_alu(c, o, alu[o->op], o->op != IR_sub);
}

/* lea makes sums of two registers or of one and a constant in a third. */
void op_add(struct compiler *c, const struct ir_op *o)
{
    int pin, d;
    struct operand s;
    struct mem m;

    pin = dest_pin(c);
    if (!c->where[o->a] || (pin == NO_REG ? c->life[o->a] <= c->at && c->where[o->a] & GPR_TEMPS
                                          : c->where[o->a] >> pin & 1)) {
        emit_alu(c, o, ALU_OP_ADD, true);
        return;
    }
    if (pin != NO_REG && c->where[o->b] >> pin & 1) {
        emit_alu(c, o, ALU_OP_ADD, true);
        return;
    }
    m = mem_at(use_reg(c, o->a), 0);
    s = use_operand(c, o->b, o->type);
    if (s.kind == OPERAND_IMM) {
        m.disp = s.imm;
    } else if (s.kind == OPERAND_REG) {
        m.index = s.reg;
    }
    d = dest_reg(c, pin, o->b, s.kind == OPERAND_MEM ? 1u << m.base : 0);
    if (s.kind == OPERAND_MEM) {
        load_into(c, d, o->a);
        x_alu(c, ALU_OP_ADD, wide(o->type), d, &s);
    } else {
        x_rm(&c->e, OP_LEA | wide(o->type), d, m);
    }
    set_result(c, pin, d);
}

void op_lea(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;
    struct mem m = mem_at(use_reg(c, o->a), o->mem.disp);

    if (o->b) {
        m.index = use_reg(c, o->b);
        m.scale = MO_SCALE(o->mem.memop);
    }
    d = dest_reg(c, pin, o->a, 0);
    x_rm(&c->e, OP_LEA | wide(o->type), d, m);
    set_result(c, pin, d);
}

/* d = op(source): one instruction from register or memory */
static void op_unary(struct compiler *c, const struct ir_op *o, unsigned opcode)
{
    int pin = dest_pin(c), d;
    struct operand s = use_reg_or_mem(c, o->a, o->type);

    d = dest_reg(c, pin, o->a, 0);
    x_rs(c, opcode, d, &s);
    set_result(c, pin, d);
}

/* not, neg, bswap: in place */
void op_in_place(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d = dest_reg(c, pin, o->a, 0);
    unsigned w = wide(o->type);

    load_into(c, d, o->a);
    if (o->op == IR_bswap) {
        x_8(&c->e, 0x40 | (w ? 8 : 0) | (d & 8 ? 1 : 0));
        x_8(&c->e, 0x0f);
        x_8(&c->e, 0xc8 | (d & 7));
    } else {
        x_rr(&c->e, 0xf7 | w, o->op == IR_not ? 2 : 3, d);
    }
    set_result(c, pin, d);
}

void op_mov(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;
    struct operand s = use_operand(c, o->a, o->type);

    d = dest_reg(c, pin, o->a, 0);
    if (s.kind == OPERAND_IMM) {
        x_mov_imm(&c->e, d, o->type == I32 ? (uint32_t)s.imm : (int64_t)s.imm);
    } else {
        x_rs(c, OP_LOAD | wide(o->type), d, &s);
    }
    set_result(c, pin, d);
}

void op_mul(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;
    unsigned w = wide(o->type);
    struct operand s = use_operand(c, o->b, o->type), sa;

    if (s.kind == OPERAND_IMM) {
        sa = use_reg_or_mem(c, o->a, o->type);
        d = dest_reg(c, pin, o->a, 0);
        x_rs(c, (s.imm == (int8_t)s.imm ? 0x6b : 0x69) | w, d, &sa);
        if (s.imm == (int8_t)s.imm) {
            x_8(&c->e, s.imm);
        } else {
            x_32(&c->e, s.imm);
        }
    } else {
        d = dest_reg(c, pin, o->a, reg_bit(&s));
        load_into(c, d, o->a);
        x_rs(c, OP_IMUL | w, d, &s);
    }
    set_result(c, pin, d);
}

void op_muldiv(struct compiler *c, const struct ir_op *o)
{
    static const struct { uint8_t ext, result, divides; } forms[] = {
        [IR_mulhs - IR_mulhs] = { 5, RDX, 0 }, [IR_mulhu - IR_mulhs] = { 4, RDX, 0 },
        [IR_divs - IR_mulhs] = { 7, RAX, 1 }, [IR_divu - IR_mulhs] = { 6, RAX, 1 },
        [IR_rems - IR_mulhs] = { 7, RDX, 1 }, [IR_remu - IR_mulhs] = { 6, RDX, 1 },
    };
    unsigned w = wide(o->type), f = o->op - IR_mulhs;
    int pin = dest_pin(c);
    struct operand s;

    alloc_fixed(c, RDX);
    alloc_fixed(c, RAX);
    s = use_reg_or_mem(c, o->b, o->type);
    load_into(c, RAX, o->a);
    if (forms[f].ext == 7) {
        x_8(&c->e, w ? 0x48 : 0x99);
        if (w) {
            x_8(&c->e, 0x99);                   /* cqo */
        }
    } else if (forms[f].divides) {
        x_alu_rr(&c->e, ALU_OP_XOR, false, RDX, RDX);
    }
    x_rs(c, 0xf7 | w, forms[f].ext, &s);
    set_result(c, pin, forms[f].result);
}

void op_shift(struct compiler *c, const struct ir_op *o)
{
    static const struct { uint8_t ext; unsigned vex; } forms[] = {
        [IR_shl - IR_shl] = { SHIFT_SHL, 0xf7 | X_0F38 | X_66 },
        [IR_shr - IR_shl] = { SHIFT_SHR, 0xf7 | X_0F38 | X_F2 },
        [IR_sar - IR_shl] = { SHIFT_SAR, 0xf7 | X_0F38 | X_F3 },
        [IR_rotl - IR_shl] = { SHIFT_ROL, 0 }, [IR_rotr - IR_shl] = { SHIFT_ROR, 0 },
    };
    unsigned w = wide(o->type), f = o->op - IR_shl, bits = w ? 64 : 32;
    int pin = dest_pin(c), d, a, b;
    int64_t n;

    if (const_of(c, o->b, &n)) {
        n &= bits - 1;
        if (the_host.bmi2 && o->op >= IR_rotl && c->where[o->a]) {
            a = use_reg(c, o->a);
            d = dest_reg(c, pin, o->a, 0);
            x_rorx(&c->e, w, d, a, o->op == IR_rotr ? n : -n & (bits - 1));
        } else {
            d = dest_reg(c, pin, o->a, 0);
            load_into(c, d, o->a);
            if (o->type == I32 && type_of(c, o->a) == I64 && n == 0) {
                x_mov(&c->e, false, d, d);
            }
            if (n) {
                x_shift_imm(&c->e, forms[f].ext, w, d, n);
            }
        }
    } else if (the_host.bmi2 && forms[f].vex) {
        a = use_reg(c, o->a);
        b = use_reg(c, o->b);
        d = dest_reg(c, pin, o->a, 0);
        x_vex(&c->e, forms[f].vex | w, d, b, a);
    } else {
        alloc_fixed(c, RCX);
        load_into(c, RCX, o->b);
        d = dest_reg(c, pin, o->a, 1 << RCX);
        load_into(c, d, o->a);
        x_rr(&c->e, 0xd3 | w, forms[f].ext, d);
        if (o->type == I32) {
            x_mov(&c->e, false, d, d);          /* a count of 0 leaves the upper half alone */
        }
    }
    set_result(c, pin, d);
}

/* bsr and bsf leave the result undefined for 0: choose the width then. */
void op_count_zeros(struct compiler *c, const struct ir_op *o)
{
    unsigned w = wide(o->type), bits = w ? 64 : 32;
    bool leading = o->op == IR_clz;
    int pin, d, a, t;

    if (leading ? the_host.lzcnt : the_host.bmi1) {
        op_unary(c, o, (leading ? 0xbd : 0xbc) | X_0F | X_F3 | w);
        return;
    }
    pin = dest_pin(c);
    a = use_reg(c, o->a);
    t = alloc_temp(c, false);
    d = dest_reg(c, pin, o->a, 1u << a);
    x_mov_imm(&c->e, t, leading ? 2 * bits - 1 : bits);
    x_rr(&c->e, (leading ? 0xbd : 0xbc) | X_0F | w, d, a);
    x_rr(&c->e, 0x40 | CC_E | X_0F | w, d, t);  /* cmovz */
    if (leading) {
        x_alu_imm(&c->e, ALU_OP_XOR, w, d, bits - 1);
    }
    set_result(c, pin, d);
}

void op_exts(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;
    struct operand s = use_reg_or_mem(c, o->a, o->imm == 32 ? I32 : o->type);
    unsigned w = wide(o->type);

    d = dest_reg(c, pin, o->a, 0);
    switch (o->imm) {
    case 8:
        x_rs(c, OP_MOVSX8 | w, d, &s);
        break;
    case 16:
        x_rs(c, OP_MOVSX16 | w, d, &s);
        break;
    case 32:
        x_rs(c, w ? OP_MOVSXD : OP_LOAD, d, &s);
        break;
    default:                                    /* any other width by two shifts */
        x_rs(c, OP_LOAD | w, d, &s);
        x_shift_imm(&c->e, SHIFT_SHL, w, d, (w ? 64 : 32) - o->imm);
        x_shift_imm(&c->e, SHIFT_SAR, w, d, (w ? 64 : 32) - o->imm);
    }
    set_result(c, pin, d);
}

/* Keeps the low `len' bits of d, from s. */
static void mask_low(struct compiler *c, enum ir_type type, int d, const struct operand *s,
                     unsigned len)
{
    unsigned w = wide(type), bits = w ? 64 : 32;

    if (len == 8) {
        x_rs(c, OP_MOVZX8, d, s);
    } else if (len == 16) {
        x_rs(c, OP_MOVZX16, d, s);
    } else if (len == 32) {
        x_rs(c, OP_LOAD, d, s);
    } else {
        if (s->kind != OPERAND_REG || s->reg != d) {
            x_rs(c, OP_LOAD | w, d, s);
        }
        if (len < 32) {
            x_alu_imm(&c->e, ALU_OP_AND, false, d, (1u << len) - 1);
        } else if (len < bits) {
            x_shift_imm(&c->e, SHIFT_SHL, w, d, bits - len);
            x_shift_imm(&c->e, SHIFT_SHR, w, d, bits - len);
        }
    }
}

void op_extract(struct compiler *c, const struct ir_op *o)
{
    unsigned offset = o->imm & 0xff, len = o->imm >> 8, w = wide(o->type), bits = w ? 64 : 32;
    int pin = dest_pin(c), d;
    struct operand s;

    if (offset == 0) {
        s = use_reg_or_mem(c, o->a, o->type);
        d = dest_reg(c, pin, o->a, 0);
        mask_low(c, o->type, d, &s, len);
    } else {
        d = dest_reg(c, pin, o->a, 0);
        load_into(c, d, o->a);
        x_shift_imm(&c->e, SHIFT_SHR, w, d, offset);
        if (offset + len < bits) {
            s = (struct operand){ .kind = OPERAND_REG, .reg = d };
            mask_low(c, o->type, d, &s, len);
        }
    }
    set_result(c, pin, d);
}

void op_deposit(struct compiler *c, const struct ir_op *o)
{
    unsigned offset = o->imm & 0xff, len = o->imm >> 8, w = wide(o->type), bits = w ? 64 : 32;
    int pin = dest_pin(c), b = use_reg(c, o->b), d, t = NO_REG;

    if (len != 8 && len != 16) {
        t = alloc_temp(c, false);
        x_mov(&c->e, w, t, b);
        if (len < bits) {
            x_shift_imm(&c->e, SHIFT_SHL, w, t, bits - len);
            x_shift_imm(&c->e, SHIFT_SHR, w, t, bits - len);
        }
    }
    d = dest_reg(c, pin, o->a, 1u << b);
    load_into(c, d, o->a);
    if (offset) {
        x_shift_imm(&c->e, SHIFT_ROR, w, d, offset);
    }
    if (len == 8) {
        x_rr(&c->e, 0x8a | X_R8 | X_M8, d, b);
    } else if (len == 16) {
        x_rr(&c->e, OP_LOAD | X_66, d, b);
    } else {
        if (len < bits) {
            x_shift_imm(&c->e, SHIFT_SHR, w, d, len);
            x_shift_imm(&c->e, SHIFT_SHL, w, d, len);
        } else {
            x_alu_rr(&c->e, ALU_OP_XOR, false, d, d);
        }
        x_alu_rr(&c->e, ALU_OP_OR, w, d, t);
    }
    if (offset) {
        x_shift_imm(&c->e, SHIFT_ROL, w, d, offset);
    }
    if (o->type == I32 && type_of(c, o->a) == I64 && !offset && (len == 8 || len == 16)) {
        x_mov(&c->e, false, d, d);
    }
    set_result(c, pin, d);
}

void op_carry(struct compiler *c, const struct ir_op *o)
{
    unsigned w = wide(o->type);
    int pin = dest_pin(c), d, carry;
    struct operand s = use_operand(c, o->b, o->type);

    carry = use_reg(c, o->c);
    d = dest_reg(c, pin, o->a, reg_bit(&s) | 1u << carry);
    load_into(c, d, o->a);
    x_rr(&c->e, 0xba | X_0F, 4, carry);         /* bt carry, 0 */
    x_8(&c->e, 0);
    x_alu(c, o->op == IR_addc ? ALU_OP_ADC : ALU_OP_SBB, w, d, &s);
    set_result(c, pin, d);
}

void op_setc(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;
    unsigned cc = emit_compare(c, o->type, o->imm, o->a, o->b);

    c->flags_live = true;
    d = dest_reg(c, pin, o->a, 0);
    x_rr(&c->e, 0x90 | cc | X_0F | X_M8, 0, d);
    x_rr(&c->e, OP_MOVZX8, d, d);
    c->flags_live = false;
    set_result(c, pin, d);
}

void op_sel(struct compiler *c, const struct ir_op *o)
{
    ir_val yes = o->c, no = o->sel.d;
    int pin = dest_pin(c), d;
    unsigned cc = emit_compare(c, o->type, o->sel.cond, o->a, o->b);
    struct operand s;

    c->flags_live = true;
    c->locked = 0;
    if ((pin != NO_REG && c->where[yes] >> pin & 1) ||
        (pin == NO_REG && c->where[yes] & GPR_TEMPS && c->life[yes] <= c->at)) {
        swap(&yes, &no);
        cc ^= 1;
    }
    s = use_reg_or_mem(c, yes, o->type);
    d = dest_reg(c, pin, no, reg_bit(&s));
    load_into(c, d, no);
    x_rs(c, 0x40 | cc | X_0F | wide(o->type), d, &s);
    c->flags_live = false;
    set_result(c, pin, d);
}

void op_andc(struct compiler *c, const struct ir_op *o)
{
    unsigned w = wide(o->type);
    int pin = dest_pin(c), d, a, b = use_reg(c, o->b), t;

    if (the_host.bmi1) {
        a = use_reg(c, o->a);
        d = dest_reg(c, pin, o->a, 0);
        x_vex(&c->e, 0xf2 | X_0F38 | w, d, b, a);
    } else {
        t = alloc_temp(c, false);
        x_mov(&c->e, w, t, b);
        x_rr(&c->e, 0xf7 | w, 2, t);
        d = dest_reg(c, pin, o->a, 1u << t);
        load_into(c, d, o->a);
        x_alu_rr(&c->e, ALU_OP_AND, w, d, t);
    }
    set_result(c, pin, d);
}

void op_popcnt(struct compiler *c, const struct ir_op *o)
{
    if (the_host.popcnt) {
        op_unary(c, o, 0xb8 | X_0F | X_F3 | wide(o->type));
    } else {
        call_soft_int(c, o->a, 0, SOFT_POPCNT | (o->type == I32 ? SOFT_32 : 0));
    }
}
