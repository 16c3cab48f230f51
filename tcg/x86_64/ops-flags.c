/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86 guests' own: EFLAGS by doing the operation once more on the host, and exact instructions. */
#include "tcg/x86_64/compile.h"

/* The host's condition for: some flag in mask (of CF, PF and ZF) is set; -1 if there is none. */
static int condition_of_flags(int64_t mask)
{
    switch (mask) {
    case 0x01: return CC_B;
    case 0x04: return CC_P;
    case 0x40: return CC_E;
    case 0x41: return CC_BE;
    }
    return -1;
}

/* Whether the op does no more with value v, some flags, than to test those by one condition. */
static bool tests_flags(const struct compiler *c, const struct ir_op *o, ir_val v)
{
    unsigned cc = o->op == IR_sel ? o->sel.cond : o->imm & 0xff;
    int64_t mask;

    return (o->op == IR_brc || o->op == IR_setc || o->op == IR_sel) && o->a == v &&
           (cc == IR_TSTEQ || cc == IR_TSTNE) && const_of(c, o->b, &mask) &&
           condition_of_flags(mask) >= 0;
}

/* Emits no code, or such that leaves the flags alone when flags_live asks for it. */
static bool keeps_flags(const struct ir_op *o)
{
    return o->op == IR_insn || o->op == IR_const || o->op == IR_nop || o->op == IR_set;
}

/*
 * The op's result is the flags of the instruction that it ends with. If all that asks for them is
 * tests that follow at once, they stay in the host's flags; false: they must go to a register.
 */
bool keep_flags(struct compiler *c)
{
    const struct ir *ir = c->ir;
    unsigned left = ir->uses[c->at];

    if (!left) {
        return true;
    }
    for (unsigned i = c->at + 1; i < ir->n && left; i++) {
        const struct ir_op *o = &ir->ops[i];

        if (tests_flags(c, o, c->at) && (o->op == IR_brc || left == 1)) {
            left--;
            c->flags_end = i;
        } else if (!keeps_flags(o) || o->a == c->at) {
            return false;
        }
    }
    if (left) {
        return false;
    }
    c->flags_val = c->at;
    c->flags_live = true;
    return true;
}

unsigned use_flags(struct compiler *c, enum ir_cond cc, ir_val mask)
{
    int64_t value = 0;

    if (c->at == c->flags_end) {
        c->flags_val = 0;
        c->flags_live = false;
    }
    const_of(c, mask, &value);
    return condition_of_flags(value) ^ (cc == IR_TSTEQ);
}

/* The host flags in `mask' (those that lahf gives) as the op's result. */
void flags_to_value(struct compiler *c, int pin, uint32_t mask)
{
    x_8(&c->e, 0x9f);                           /* lahf */
    x_8(&c->e, 0x0f);                           /* movzx eax, ah */
    x_8(&c->e, 0xb6);
    x_8(&c->e, 0xc4);
    x_alu_imm(&c->e, ALU_OP_AND, false, RAX, mask);
    set_result(c, pin, RAX);
}

/* All six as they lie in EFLAGS: ah from lahf, al from seto; swap; OF from bit 8 to 11. */
void all_flags_to_value(struct compiler *c, int pin)
{
    x_8(&c->e, 0x9f);                           /* lahf */
    x_rr(&c->e, 0x90 | CC_O | X_0F, 0, RAX);    /* seto al */
    x_rr(&c->e, 0xc1 | X_66, SHIFT_ROL, RAX);
    x_8(&c->e, 8);
    x_8(&c->e, 0xc0);                           /* shl ah, 3 */
    x_8(&c->e, 0xe4);
    x_8(&c->e, 3);
    x_alu_imm(&c->e, ALU_OP_AND, false, RAX, 0x8d5);
    set_result(c, pin, RAX);
}

/* The opcode for this operand size: the byte form is one less. */
static unsigned sized(unsigned opcode, unsigned bits)
{
    return bits == 8 ? (opcode - 1) | X_R8 | X_M8 : opcode | (bits == 16 ? X_66 : 0)
                                                           | (bits == 64 ? X_W : 0);
}

void op_flags(struct compiler *c, const struct ir_op *o)
{
    static const uint8_t alu[] = {
        [ALU_ADD] = ALU_OP_ADD, [ALU_ADC] = ALU_OP_ADC, [ALU_SUB] = ALU_OP_SUB,
        [ALU_SBB] = ALU_OP_SBB,
    };
    unsigned kind = o->imm & 0xff, bits = o->imm >> 8;
    int pin = dest_pin(c), b = RAX, carry;

    alloc_fixed(c, RAX);
    if (kind >= ALU_SHL) {
        b = alloc_fixed(c, RCX);
        load_into(c, RCX, o->b);
    } else if (kind <= ALU_SBB) {
        b = use_reg(c, o->b);
    }
    load_into(c, RAX, o->a);
    if (!o->c) {
        x_8(&c->e, 0xf8);                       /* clc */
    } else if (kind == ALU_ADC || kind == ALU_SBB || kind == ALU_INC || kind == ALU_DEC) {
        carry = use_reg(c, o->c);
        x_rr(&c->e, 0xba | X_0F, 4, carry);     /* bt carry, 0 */
        x_8(&c->e, 0);
    }
    switch (kind) {
    case ALU_LOGIC:
        x_rr(&c->e, sized(OP_TEST, bits), RAX, RAX);
        break;
    case ALU_INC:
    case ALU_DEC:
        x_rr(&c->e, sized(0xff, bits), kind == ALU_DEC, RAX);
        break;
    case ALU_NEG:
        x_rr(&c->e, sized(0xf7, bits), 3, RAX);
        break;
    case ALU_SHL:
    case ALU_SHR:
    case ALU_SAR:
        x_rr(&c->e, sized(0xd3, bits), kind == ALU_SHL ? SHIFT_SHL : kind == ALU_SHR ? SHIFT_SHR
                                       : SHIFT_SAR, RAX);
        break;
    default:
        x_rr(&c->e, sized(alu[kind] << 3 | 3, bits), RAX, b);
    }
    all_flags_to_value(c, pin);
}

void call_soft_int(struct compiler *c, ir_val a, ir_val b, unsigned op)
{
    int pin = dest_pin(c), d;

    store_arg(c, 0, a);
    if (b) {
        store_arg(c, 1, b);
    }
    x_store_imm(&c->e, 8, frame_mem(FRAME_ARGS + 16), op);
    call_builtin(c, BUILTIN_SOFT_INT);
    d = dest_reg(c, pin, 0, 0);
    x_rm(&c->e, OP_LOAD | wide(c->ir->ops[c->at].type), d, frame_mem(FRAME_RESULT));
    set_result(c, pin, d);
}

static void op_crc32(struct compiler *c, const struct ir_op *o)
{
    static const unsigned forms[] = {
        [GX_CRC32_8 - GX_CRC32_8] = 0xf0 | X_M8, [GX_CRC32_16 - GX_CRC32_8] = 0xf1,
        [GX_CRC32_32 - GX_CRC32_8] = 0xf1, [GX_CRC32_64 - GX_CRC32_8] = 0xf1 | X_W,
    };
    unsigned n = o->imm - GX_CRC32_8;
    int pin, b, d;

    if (!the_host.sse42) {
        call_soft_int(c, o->a, o->b, SOFT_CRC32 | n << 4);
        return;
    }
    pin = dest_pin(c);
    b = use_reg(c, o->b);
    d = dest_reg(c, pin, o->a, 1u << b);
    load_into(c, d, o->a);
    if (o->imm == GX_CRC32_16) {
        x_8(&c->e, 0x66);
    }
    x_rr(&c->e, forms[n] | X_0F38 | X_F2, d, b);
    set_result(c, pin, d);
}

void op_gx(struct compiler *c, const struct ir_op *o)
{
    int pin, a, b, d;

    if (o->imm >= GX_CRC32_8) {
        op_crc32(c, o);
    } else if (!the_host.bmi2) {
        call_soft_int(c, o->a, o->b, (o->imm == GX_PDEP ? SOFT_PDEP : SOFT_PEXT) |
                                     (o->type == I32 ? SOFT_32 : 0));
    } else {
        pin = dest_pin(c);
        a = use_reg(c, o->a);
        b = use_reg(c, o->b);
        d = dest_reg(c, pin, o->a, 0);
        x_vex(&c->e, 0xf5 | X_0F38 | (o->imm == GX_PDEP ? X_F2 : X_F3) | wide(o->type), d, a, b);
        set_result(c, pin, d);
    }
}
