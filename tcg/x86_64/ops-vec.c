/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Floating point and vectors, all in SSE registers; V64 values use the low half. */
#include "tcg/x86_64/compile.h"

static void binary(struct compiler *c, ir_val a, ir_val b, unsigned opcode)
{
    int pin = dest_pin(c), s = use_reg(c, b), d = dest_reg(c, pin, a, 1u << s);

    load_into(c, d, a);
    x_rr(&c->e, opcode, d, s);
    set_result(c, pin, d);
}

static void unary(struct compiler *c, ir_val a, unsigned opcode)
{
    int pin = dest_pin(c), s = use_reg(c, a), d = dest_reg(c, pin, a, 0);

    x_rr(&c->e, opcode, d, s);
    set_result(c, pin, d);
}

static unsigned scalar(enum ir_type type)
{
    return X_0F | (type == F32 ? X_F3 : X_F2);
}

static void op_mask_sign(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d = dest_reg(c, pin, o->a, 0);
    uint32_t mask = o->op == IR_fneg ? (o->type == F32 ? the_host.sign_f32 : the_host.sign_f64)
                                     : (o->type == F32 ? the_host.abs_f32 : the_host.abs_f64);

    load_into(c, d, o->a);
    x_rm(&c->e, (o->op == IR_fneg ? 0x57 : 0x54) | X_0F, d, mem_rip(mask));
    set_result(c, pin, d);
}

/* An instruction that compares two vector registers and sets ZF, PF and CF. */
static void compare(struct compiler *c, const struct ir_op *o, unsigned opcode)
{
    bool kept = keep_flags(c);
    int pin = NO_REG, a, b;

    if (!kept) {
        pin = dest_pin(c);
        alloc_fixed(c, RAX);
    }
    a = use_reg(c, o->a);
    b = use_reg(c, o->b);
    x_rr(&c->e, opcode, a, b);
    if (o->op == IR_vx_fl && o->sse.has_imm8) {
        x_8(&c->e, o->sse.imm8);
    }
    if (!kept) {
        flags_to_value(c, pin, 0x45);
    }
}

static unsigned sse_opcode(const struct ir_sse *s)
{
    unsigned prefix = s->prefix == 0x66 ? X_66 : s->prefix == 0xf3 ? X_F3
                    : s->prefix == 0xf2 ? X_F2 : 0;

    return s->opcode | s->map << 8 | prefix;
}

static void sse_imm(struct compiler *c, const struct ir_sse *s)
{
    if (s->has_imm8) {
        x_8(&c->e, s->imm8);
    }
}

static void op_strings(struct compiler *c, const struct ir_op *o)
{
    bool kept = o->op == IR_vx_flags && keep_flags(c);
    int pin = kept ? NO_REG : dest_pin(c), a, b;

    alloc_fixed(c, RCX);
    if (o->op == IR_vx_flags && !kept) {
        alloc_fixed(c, RAX);
    }
    a = use_reg(c, o->a);
    b = use_reg(c, o->b);
    x_rr(&c->e, sse_opcode(&o->sse), a, b);
    sse_imm(c, &o->sse);
    if (o->op == IR_vx_index) {
        set_result(c, pin, RCX);
    } else if (!kept) {
        all_flags_to_value(c, pin);
    }
}

static void op_bitcast(struct compiler *c, const struct ir_op *o)
{
    enum ir_type from = type_of(c, o->a), to = o->type;
    int pin = dest_pin(c), s = use_reg(c, o->a), d;
    bool narrow = from == F32 && to != F32 && to != I32;

    d = dest_reg(c, pin, is_vector(from) == is_vector(to) ? o->a : 0,
                 narrow && is_vector(to) ? 1u << s : 0);
    if (is_vector(to) && !is_vector(from)) {
        x_rr(&c->e, OP_MOVD_TO_XMM | wide(from), d, s);
    } else if (is_vector(from) && !is_vector(to)) {
        x_rr(&c->e, OP_MOVD_FROM_XMM | (from == F32 ? 0 : wide(to)), s, d);
    } else if (!is_vector(to)) {
        x_mov(&c->e, from == I64 && to == I64, d, s);
    } else if (narrow) {
        x_rr(&c->e, OP_XORPS, d, d);
        x_rr(&c->e, OP_LOADSS, d, s);
    } else if (to == V128 && from != V128) {
        x_rr(&c->e, OP_LOADQ, d, s);
    } else if (d != s) {
        x_mov(&c->e, true, d, s);
    }
    set_result(c, pin, d);
}

/* By the C function: element operations that this host lacks. */
static void soft_binary(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d;

    x_rm(&c->e, OP_STOREUPS, use_reg(c, o->a), frame_mem(FRAME_RESULT));
    x_rm(&c->e, OP_STOREUPS, use_reg(c, o->b), frame_mem(FRAME_BUFFER));
    x_store_imm(&c->e, 8, frame_mem(FRAME_ARGS), o->op | (o->imm & 0xff) << 8);
    call_builtin(c, BUILTIN_SOFT_VECTOR);
    d = dest_reg(c, pin, o->a, 0);
    x_rm(&c->e, OP_LOADUPS, d, frame_mem(FRAME_RESULT));
    set_result(c, pin, d);
}

static void op_elements(struct compiler *c, const struct ir_op *o)
{
    /* By log2 of the element's bytes; 0 when there is no such instruction */
    static const unsigned opcodes[][4] = {
        [IR_vadd - IR_vadd] = { 0xfc | X_0F, 0xfd | X_0F, 0xfe | X_0F, 0xd4 | X_0F },
        [IR_vsub - IR_vadd] = { 0xf8 | X_0F, 0xf9 | X_0F, 0xfa | X_0F, 0xfb | X_0F },
        [IR_vmul - IR_vadd] = { 0, 0xd5 | X_0F, 0x40 | X_0F38, 0 },
        [IR_vcmpeq - IR_vadd] = { 0x74 | X_0F, 0x75 | X_0F, 0x76 | X_0F, 0x29 | X_0F38 },
        [IR_vcmpgt - IR_vadd] = { 0x64 | X_0F, 0x65 | X_0F, 0x66 | X_0F, 0x37 | X_0F38 },
    };
    unsigned size = __builtin_ctz((o->imm & 0xff) >> 3);
    unsigned opcode = opcodes[o->op - IR_vadd][size];
    bool available = o->op == IR_vcmpgt ? the_host.sse42 : the_host.sse41;

    if (!opcode || ((opcode & 3 << 8) == X_0F38 && !available)) {
        soft_binary(c, o);
    } else {
        binary(c, o->a, o->b, opcode | X_66);
    }
}

static void op_vins(struct compiler *c, const struct ir_op *o)
{
    unsigned bits = o->imm & 0xff, lane = o->imm >> 8;
    int pin = dest_pin(c), b = use_reg(c, o->b), d = dest_reg(c, pin, o->a, 0);

    load_into(c, d, o->a);
    if (bits == 16) {
        x_rr(&c->e, 0xc4 | X_0F | X_66, d, b);
        x_8(&c->e, lane);
    } else if (the_host.sse41) {
        x_rr(&c->e, (bits == 8 ? 0x20 : 0x22) | X_0F3A | X_66 | (bits == 64 ? X_W : 0), d, b);
        x_8(&c->e, lane);
    } else {
        x_rm(&c->e, OP_STOREUPS, d, frame_mem(FRAME_BUFFER));
        x_rm(&c->e, bits == 8 ? OP_STORE8 : OP_STORE | (bits == 64 ? X_W : 0), b,
             frame_mem(FRAME_BUFFER + lane * bits / 8));
        x_rm(&c->e, OP_LOADUPS, d, frame_mem(FRAME_BUFFER));
    }
    set_result(c, pin, d);
}

static void op_vext(struct compiler *c, const struct ir_op *o)
{
    unsigned bits = o->imm & 0xff, lane = o->imm >> 8;
    unsigned memop = __builtin_ctz(bits >> 3);
    int pin = dest_pin(c), a = use_reg(c, o->a), d = dest_reg(c, pin, 0, 0);

    if (bits == 16) {
        x_rr(&c->e, 0xc5 | X_0F | X_66, d, a);
        x_8(&c->e, lane);
    } else if (bits >= 32 && lane == 0) {
        x_rr(&c->e, OP_MOVD_FROM_XMM | (bits == 64 ? X_W : 0), a, d);
    } else if (the_host.sse41) {
        x_rr(&c->e, (bits == 8 ? 0x14 : 0x16) | X_0F3A | X_66 | (bits == 64 ? X_W : 0), a, d);
        x_8(&c->e, lane);
    } else {
        x_rm(&c->e, OP_STOREUPS, a, frame_mem(FRAME_BUFFER));
        plain_load(c, I64, memop, d, frame_mem(FRAME_BUFFER + lane * bits / 8));
    }
    if (o->type == I32 && bits == 64) {
        x_mov(&c->e, false, d, d);
    }
    set_result(c, pin, d);
}

static void op_vdup(struct compiler *c, const struct ir_op *o)
{
    unsigned bits = o->imm & 0xff;
    int pin = dest_pin(c), a = use_reg(c, o->a), d = dest_reg(c, pin, 0, 0);

    x_rr(&c->e, OP_MOVD_TO_XMM | (bits == 64 ? X_W : 0), d, a);
    if (bits == 8) {
        x_rr(&c->e, 0x60 | X_0F | X_66, d, d);  /* punpcklbw */
    }
    if (bits <= 16) {
        x_rr(&c->e, 0x70 | X_0F | X_F2, d, d);  /* pshuflw */
        x_8(&c->e, 0);
    }
    if (bits == 32) {
        x_rr(&c->e, 0x70 | X_0F | X_66, d, d);  /* pshufd */
        x_8(&c->e, 0);
    } else {
        x_rr(&c->e, 0x6c | X_0F | X_66, d, d);  /* punpcklqdq */
    }
    set_result(c, pin, d);
}

/* What has one operand does not read its destination, but for groups. */
static void one_operand(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), s = use_reg(c, o->a), d = dest_reg(c, pin, o->a, 0);

    x_rr(&c->e, sse_opcode(&o->sse), d, s);
    sse_imm(c, &o->sse);
    set_result(c, pin, d);
}

static void op_vx(struct compiler *c, const struct ir_op *o)
{
    unsigned opcode = sse_opcode(&o->sse);
    int pin = dest_pin(c), s = o->b ? use_reg(c, o->b) : NO_REG, d;

    d = dest_reg(c, pin, o->a, s == NO_REG ? 0 : 1u << s);
    load_into(c, d, o->a);
    if (o->sse.is_group) {
        x_rr(&c->e, opcode, o->sse.reg_ext, d);
    } else {
        x_rr(&c->e, opcode, d, s);
    }
    sse_imm(c, &o->sse);
    set_result(c, pin, d);
}

/* Most have the general register in ModRM.reg; movd, movq and pextrb/d/q, extractps in rm. */
static void op_vx_gv(struct compiler *c, const struct ir_op *o)
{
    unsigned opcode = sse_opcode(&o->sse) | wide(o->type), last = o->sse.opcode;
    int pin = dest_pin(c), a = use_reg(c, o->a), d = dest_reg(c, pin, 0, 0);

    if ((o->sse.map == 3 && last >= 0x14 && last <= 0x17) || (o->sse.map == 1 && last == 0x7e)) {
        x_rr(&c->e, opcode, a, d);
    } else {
        x_rr(&c->e, opcode, d, a);
    }
    sse_imm(c, &o->sse);
    set_result(c, pin, d);
}

static void op_vx_vg(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), b = use_reg(c, o->b), d = dest_reg(c, pin, o->a, 0);

    load_into(c, d, o->a);
    x_rr(&c->e, sse_opcode(&o->sse) | (o->sse.wide & SSE_WIDE ? X_W : 0), d, b);
    sse_imm(c, &o->sse);
    set_result(c, pin, d);
}

static void op_vmov(struct compiler *c, const struct ir_op *o)
{
    int pin = dest_pin(c), d = dest_reg(c, pin, o->a, 0);

    load_into(c, d, o->a);
    set_result(c, pin, d);
}

static void op_vzero(struct compiler *c)
{
    int pin = dest_pin(c), d = dest_reg(c, pin, 0, 0);

    x_rr(&c->e, OP_XORPS, d, d);
    set_result(c, pin, d);
}

/* --- results that the host's unit may get wrong ---------------------------------------------- */

/* Twice the bits less a constant, so that one comparison finds all that need another look. */
static void op_fix(struct compiler *c, const struct ir_op *o)
{
    bool wide64 = o->type == F64;
    struct stub *s = new_stub(c);
    int pin = dest_pin(c), d, t;

    s->kind = STUB_FIX;
    s->type = o->type;
    s->imm = o->imm;
    s->base = cold_operand(c, o->b);
    s->second = o->c ? cold_operand(c, o->c) : s->base;
    d = dest_reg(c, NO_REG, o->a, 0);
    load_into(c, d, o->a);
    t = alloc_temp(c, false);
    x_rr(&c->e, OP_MOVD_FROM_XMM | (wide64 ? X_W : 0), d, t);
    x_alu_rr(&c->e, ALU_OP_ADD, wide64, t, t);
    if (wide64) {
        x_rm(&c->e, (ALU_OP_SUB << 3 | 3) | X_W, t, mem_rip(the_host.fix_f64));
        x_rm(&c->e, (ALU_OP_CMP << 3 | 3) | X_W, t, mem_rip(the_host.fix_f64 + 8));
    } else {
        x_alu_imm(&c->e, ALU_OP_SUB, false, t, FIX_SUBTRACT_32);
        x_alu_imm(&c->e, ALU_OP_CMP, false, t, (int32_t)FIX_LIMIT_32);
    }
    s->from = x_jcc(&c->e, CC_AE);
    s->back = x_here(&c->e);
    s->reg = d;
    s->scratch = t;
    set_result(c, pin, d);
}

static void fix_argument(struct compiler *c, const struct operand *v, int t, unsigned n)
{
    struct mem m = frame_mem(FRAME_ARGS + 8 * n);

    if (v->kind == OPERAND_REG) {
        x_rm(&c->e, OP_STOREQ, v->reg, m);
    } else {
        x_rm(&c->e, OP_LOAD | X_W, t, v->mem);
        x_rm(&c->e, OP_STORE | X_W, t, m);
    }
}

/* Zero and subnormal results are right as they are: those are where the fraction's borrow shows. */
void emit_fix_stub(struct compiler *c, const struct stub *s)
{
    bool wide64 = s->type == F64;

    x_patch(&c->e, s->from, x_here(&c->e));
    x_alu_imm(&c->e, ALU_OP_ADD, wide64, s->scratch, 1);
    x_shift_imm(&c->e, SHIFT_SHR, wide64, s->scratch, wide64 ? 53 : 24);
    x_alu_imm(&c->e, ALU_OP_CMP, false, s->scratch, wide64 ? 0x7ff : 0xff);
    x_jcc_to(&c->e, CC_E, s->back);
    fix_argument(c, &s->base, s->scratch, 0);
    fix_argument(c, &s->second, s->scratch, 1);
    x_store_imm(&c->e, 8, frame_mem(FRAME_ARGS + 16), s->imm);
    call_builtin(c, BUILTIN_FP_FIX);
    x_rm(&c->e, OP_LOADQ, s->reg, frame_mem(FRAME_RESULT));
    x_jmp_to(&c->e, s->back);
}

void op_vector(struct compiler *c, const struct ir_op *o)
{
    switch (o->op) {
    case IR_fadd: binary(c, o->a, o->b, 0x58 | scalar(o->type)); break;
    case IR_fsub: binary(c, o->a, o->b, 0x5c | scalar(o->type)); break;
    case IR_fmul: binary(c, o->a, o->b, 0x59 | scalar(o->type)); break;
    case IR_fdiv: binary(c, o->a, o->b, 0x5e | scalar(o->type)); break;
    case IR_ffix: op_fix(c, o); break;
    case IR_fsqrt: unary(c, o->a, 0x51 | scalar(o->type)); break;
    case IR_fcvt: unary(c, o->a, 0x5a | scalar(type_of(c, o->a))); break;
    case IR_fabs: case IR_fneg: op_mask_sign(c, o); break;
    case IR_fcmp:
        compare(c, o, (o->imm ? 0x2f : 0x2e) | X_0F | (o->type == F64 ? X_66 : 0));
        break;
    case IR_bitcast: op_bitcast(c, o); break;
    case IR_vmov: op_vmov(c, o); break;
    case IR_vzero: op_vzero(c); break;
    case IR_vand: binary(c, o->a, o->b, 0xdb | X_0F | X_66); break;
    case IR_vor: binary(c, o->a, o->b, 0xeb | X_0F | X_66); break;
    case IR_vxor: binary(c, o->a, o->b, 0xef | X_0F | X_66); break;
    case IR_vandc: binary(c, o->b, o->a, 0xdf | X_0F | X_66); break;
    case IR_vins: op_vins(c, o); break;
    case IR_vext: op_vext(c, o); break;
    case IR_vdup: op_vdup(c, o); break;
    case IR_vx:
        if (!o->b && !o->sse.is_group) {
            one_operand(c, o);
        } else {
            op_vx(c, o);
        }
        break;
    case IR_vx_gv: op_vx_gv(c, o); break;
    case IR_vx_vg: op_vx_vg(c, o); break;
    case IR_vx_fl: compare(c, o, sse_opcode(&o->sse)); break;
    case IR_vx_index: case IR_vx_flags: op_strings(c, o); break;
    default: op_elements(c, o);
    }
}
