/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How handlers reach operands: registers, effective and linear addresses, memory, the stack. */
#include "target-i386/translate.h"

#include <assert.h>
#include <stddef.h>
#include "cpu-debug.h"
#include "target-i386/gdb.h"
#include "target-i386/region.h"
#include "target-i386/sys.h"

/* --- registers ------------------------------------------------------------------------------- */

ir_val x86_reg_read_low(struct x86_dis *d, unsigned reg, unsigned size)
{
    return ir_get(d->ir, G_REG0 + reg);
}

ir_val x86_reg_read(struct x86_dis *d, unsigned reg, unsigned size)
{
    ir_val v = ir_get(d->ir, G_REG0 + reg);

    if (size == 8) {
        return v;
    }
    return size == 4 ? ir_1(d->ir, IR_mov, I32, v) : ir_extu(d->ir, I32, v, 8 * size);
}

void x86_reg_write(struct x86_dis *d, unsigned reg, unsigned size, ir_val v)
{
    unsigned g = G_REG0 + reg;

    if (size < 4) {
        v = ir_deposit(d->ir, X86_IWORD, ir_get(d->ir, g), v, 0, 8 * size);
    } else if (size == 4) {
        v = ir_1(d->ir, IR_mov, I32, v);
    }
    ir_set(d->ir, g, v);
}

ir_val x86_byte_read(struct x86_dis *d, unsigned reg)
{
    if (x86_high_byte(&d->in, reg)) {
        return ir_extract(d->ir, I32, ir_get(d->ir, G_REG0 + reg - 4), 8, 8);
    }
    return x86_reg_read(d, reg, 1);
}

void x86_byte_write(struct x86_dis *d, unsigned reg, ir_val v)
{
    if (x86_high_byte(&d->in, reg)) {
        unsigned g = G_REG0 + reg - 4;

        ir_set(d->ir, g, ir_deposit(d->ir, X86_IWORD, ir_get(d->ir, g), v, 8, 8));
        return;
    }
    x86_reg_write(d, reg, 1, v);
}

/* --- effective addresses --------------------------------------------------------------------- */

static ir_val add_some(struct x86_dis *d, enum ir_type type, ir_val a, ir_val b)
{
    return !a ? b : !b ? a : ir_2(d->ir, IR_add, type, a, b);
}

/* base + (index << scale), 0 when there is neither. */
static ir_val address_registers(struct x86_dis *d, enum ir_type type)
{
    const struct x86_insn *in = &d->in;
    ir_val base = 0, index = 0;

    if (in->base < X86_REGS) {
        base = ir_get(d->ir, G_REG0 + in->base);
    }
    if (in->index < X86_REGS) {
        index = ir_get(d->ir, G_REG0 + in->index);
        if (in->scale) {
            index = ir_2i(d->ir, IR_shl, type, index, in->scale);
        }
    }
    return add_some(d, type, base, index);
}

static ir_val address_sum(struct x86_dis *d, enum ir_type type)
{
    ir_val v = address_registers(d, type);

    return v ? ir_2i(d->ir, IR_add, type, v, d->in.disp) : ir_const(d->ir, type, d->in.disp);
}

ir_val x86_lea_low(struct x86_dis *d)
{
    return address_sum(d, I32);
}

ir_val x86_lea(struct x86_dis *d)
{
    ir_val v = address_sum(d, d->in.addrsize == 8 ? I64 : I32);

    if (d->in.addrsize == 2) {
        return ir_extu(d->ir, I32, v, 16);
    }
    return d->in.addrsize == 4 ? ir_1(d->ir, IR_mov, I32, v) : v;
}

/* --- linear addresses ------------------------------------------------------------------------ */

static bool segment_has_base(const struct x86_dis *d, unsigned seg)
{
    if (seg == SEG_FS || seg == SEG_GS) {
        return true;
    }
    return !d->code64 && (seg == SEG_CS ? d->t->key.base != 0 : d->addseg);
}

static bool segment_is_checked(const struct x86_dis *d, unsigned seg)
{
    static const uint32_t bits[] = {
        [SEG_ES] = MODE_LIMITS, [SEG_CS] = MODE_CS_64K | MODE_CS_LIMIT, [SEG_SS] = MODE_LIMITS,
        [SEG_DS] = MODE_LIMITS, [SEG_FS] = MODE_FS_LIMITS, [SEG_GS] = MODE_GS_LIMITS,
    };

    if (d->code64) {
        return false;
    }
    /* Code is never writable in protected mode, nor always readable. */
    return d->mode & bits[seg] || (seg == SEG_CS && d->pe && !d->vm);
}

static ir_val segment_base(struct x86_dis *d, unsigned seg)
{
    if (!segment_has_base(d, seg)) {
        return 0;
    }
    return seg == SEG_CS ? x86_imm_word(d, d->t->key.base) : ir_get(d->ir, G_ES_BASE + seg);
}

static void check_segment(struct x86_dis *d, unsigned seg, ir_val offset, unsigned size, bool write)
{
    if (segment_is_checked(d, seg)) {
        size = size < 255 ? size : 255;
        x86_call3(d, H_check_segment, x86_imm32(d, seg), offset,
                  x86_imm32(d, size | (write ? X86_CHECK_WRITE : 0)));
    }
}

static uint16_t linear_memop(const struct x86_dis *d)
{
    return d->mmu_idx << MO_IDX_SHIFT | (d->code64 ? 0 : MO_ADDR32) |
           (d->mode & MODE_ALIGN ? MO_ALIGN : 0);
}

struct x86_ea x86_address_of(struct x86_dis *d, unsigned seg, ir_val offset, unsigned size,
                             bool write)
{
    ir_val base = segment_base(d, seg);
    struct x86_ea ea = { .memop = linear_memop(d) };

    check_segment(d, seg, offset, size, write);
    ea.base = base ? ir_2(d->ir, IR_add, d->code64 ? I64 : I32, base, offset) : offset;
    return ea;
}

/* The displacement can stay apart: sums of address width wrap as the memory access does. */
struct x86_ea x86_address(struct x86_dis *d, unsigned size, bool write)
{
    const struct x86_insn *in = &d->in;
    enum ir_type type = d->code64 ? I64 : I32;
    struct x86_ea ea = { .memop = linear_memop(d) };

    if (in->addrsize != (d->code64 ? 8 : 4) || in->disp != (int32_t)in->disp) {
        return x86_address_of(d, in->seg, x86_lea(d), size, write);
    }
    if (segment_is_checked(d, in->seg)) {
        check_segment(d, in->seg, x86_lea(d), size, write);
    }
    ea.base = add_some(d, type, segment_base(d, in->seg), address_registers(d, type));
    ea.disp = in->disp;
    if (!ea.base) {
        ea.base = ir_const(d->ir, type, in->disp);
        ea.disp = 0;
    }
    return ea;
}

struct x86_ea x86_ea_add(struct x86_ea ea, int32_t delta)
{
    ea.disp += delta;
    return ea;
}

ir_val x86_ea_value(struct x86_dis *d, struct x86_ea ea)
{
    enum ir_type type = ea.memop & MO_ADDR32 ? I32 : I64;
    ir_val v = ir_2i(d->ir, IR_add, type, ea.base, ea.disp);

    return type == I32 ? ir_1(d->ir, IR_mov, I32, v) : v;
}

/* 16 bytes have instructions of their own that demand alignment; #AC does not come in. */
static unsigned whole_memop(struct x86_ea ea, unsigned memop)
{
    return ((memop & MO_SIZE) == MO_128 ? ea.memop & ~MO_ALIGN : ea.memop) | memop;
}

void x86_watch(struct x86_dis *d, struct x86_ea ea, unsigned memop, unsigned access)
{
    if (d->mode & MODE_WATCH) {
        uint32_t what = 1u << (memop & MO_SIZE) | access << X86_WATCH_SHIFT;

        x86_call2(d, H_debug_access, x86_ea_value(d, ea), x86_imm32(d, what));
    }
}

ir_val x86_ld(struct x86_dis *d, enum ir_type type, struct x86_ea ea, unsigned memop)
{
    x86_watch(d, ea, memop, CPU_WATCH_READ);
    return ir_ld(d->ir, type, ea.base, ea.disp, whole_memop(ea, memop));
}

void x86_st(struct x86_dis *d, enum ir_type type, struct x86_ea ea, ir_val v, unsigned memop)
{
    x86_watch(d, ea, memop, CPU_WATCH_WRITE);
    ir_st(d->ir, type, ea.base, ea.disp, v, whole_memop(ea, memop));
}

/* --- operands -------------------------------------------------------------------------------- */

struct x86_ea x86_operand_ea(struct x86_dis *d, unsigned n, bool write)
{
    if (!d->ea_valid) {
        d->ea = x86_address(d, d->in.operand[n].size, write);
        d->ea_valid = true;
    }
    return d->ea;
}

/* A large immediate that the program keeps changing, from where it is: last in the instruction. */
static ir_val load_immediate(struct x86_dis *d, const struct x86_operand *o)
{
    unsigned form = d->in.op->operand[o - d->in.operand];
    unsigned size = form == O_Iz && d->in.opsize == 8 ? 4 : d->in.opsize;
    uint64_t at = x86_linear_pc(d, d->in.pc) + d->in.len - size;

    if ((form != O_Iz && form != O_Iv) || !translate_loads(d->t, at, size)) {
        return 0;
    }
    return ir_ld(d->ir, x86_type(o->size), x86_imm_word(d, at), 0,
                 x86_memop(size) | d->mmu_idx << MO_IDX_SHIFT | (o->size == 8 ? MO_SIGN : 0));
}

static ir_val read_immediate(struct x86_dis *d, const struct x86_operand *o)
{
    int64_t v = o->reg ? d->in.imm2 : d->in.imm;
    unsigned size = o->size;
    ir_val loaded = d->t->checked ? load_immediate(d, o) : 0;

    if (loaded) {
        return loaded;
    }
    if (size < 4) {
        v &= (1u << 8 * size) - 1;
    }
    return ir_const(d->ir, x86_type(size), v);
}

static ir_val read_memory(struct x86_dis *d, unsigned n, enum ir_type type, unsigned flags)
{
    bool rmw = n == 0 && d->in.op->attrs & A_RMW;

    return x86_ld(d, type, x86_operand_ea(d, n, rmw),
                  x86_memop(d->in.operand[n].size) | flags | (rmw ? MO_WRITE_INTENT : 0));
}

static ir_val read_segment(struct x86_dis *d, unsigned seg)
{
    return ir_envld(d->ir, I32, offsetof(struct x86_env, segs[seg].selector), MO_16);
}

ir_val x86_read(struct x86_dis *d, unsigned n)
{
    const struct x86_operand *o = &d->in.operand[n];

    if (o->kind == OPND_GPR && o->size != 1) {
        return x86_reg_read(d, o->reg, o->size);
    }
    return x86_read_low(d, n);
}

ir_val x86_read_low(struct x86_dis *d, unsigned n)
{
    const struct x86_operand *o = &d->in.operand[n];

    switch (o->kind) {
    case OPND_GPR:
        return o->size == 1 ? x86_byte_read(d, o->reg) : x86_reg_read_low(d, o->reg, o->size);
    case OPND_SEG:
        return read_segment(d, o->reg);
    case OPND_IMM:
        return read_immediate(d, o);
    }
    assert(o->kind == OPND_MEM);
    return read_memory(d, n, x86_type(o->size), 0);
}

ir_val x86_read_sx(struct x86_dis *d, unsigned n, enum ir_type type)
{
    const struct x86_operand *o = &d->in.operand[n];

    if (o->kind == OPND_MEM) {
        return read_memory(d, n, type, o->size < (type == I64 ? 8 : 4) ? MO_SIGN : 0);
    }
    if (o->size == 8) {
        return x86_read(d, n);
    }
    return ir_exts(d->ir, type, x86_read_low(d, n), 8 * o->size);
}

void x86_write(struct x86_dis *d, unsigned n, ir_val v)
{
    const struct x86_operand *o = &d->in.operand[n];

    if (o->kind == OPND_MEM) {
        x86_st(d, x86_type(o->size), x86_operand_ea(d, n, true), v, x86_memop(o->size));
    } else if (o->size == 1) {
        x86_byte_write(d, o->reg, v);
    } else {
        x86_reg_write(d, o->reg, o->size, v);
    }
}

/* --- the stack ------------------------------------------------------------------------------- */

struct x86_ea x86_stack_slot(struct x86_dis *d, ir_val sp, int32_t delta, unsigned size, bool write)
{
    ir_val base = segment_base(d, SEG_SS);
    struct x86_ea ea = { .memop = linear_memop(d) };

    if (d->stack_size == 2 || segment_is_checked(d, SEG_SS)) {
        ir_val offset = ir_2i(d->ir, IR_add, I32, sp, delta);

        offset = d->stack_size == 2 ? ir_extu(d->ir, I32, offset, 16)
                                    : ir_1(d->ir, IR_mov, I32, offset);
        return x86_address_of(d, SEG_SS, offset, size, write);
    }
    ea.base = base ? ir_2(d->ir, IR_add, I32, base, sp) : sp;
    ea.disp = delta;
    return ea;
}

void x86_stack_move(struct x86_dis *d, ir_val sp, int32_t delta)
{
    x86_reg_write(d, R_SP, d->stack_size,
                  ir_2i(d->ir, IR_add, d->stack_size == 8 ? I64 : I32, sp, delta));
}

void x86_push(struct x86_dis *d, ir_val v)
{
    unsigned size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);

    x86_st(d, x86_type(size), x86_stack_slot(d, sp, -size, size, true), v, x86_memop(size));
    x86_stack_move(d, sp, -size);
}

ir_val x86_pop(struct x86_dis *d)
{
    unsigned size = d->in.opsize;
    ir_val sp = ir_get(d->ir, G_REG0 + R_SP);
    ir_val v = x86_ld(d, x86_type(size), x86_stack_slot(d, sp, 0, size, false), x86_memop(size));

    x86_stack_move(d, sp, size);
    return v;
}

/* --- helpers --------------------------------------------------------------------------------- */

/* Helpers that look at the x87's state leave it in env. */
static ir_val call(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b, ir_val c,
                   ir_val e)
{
    if (x86_helpers[helper].reads & R_FP) {
        d->fp_where = FP_ANYWHERE;
        d->fp_code_seg = d->fp_data_seg = -1;
    }
    return ir_call(d->ir, helper, a, b, c, e);
}

ir_val x86_call0(struct x86_dis *d, enum x86_helper helper)
{
    return call(d, helper, 0, 0, 0, 0);
}

ir_val x86_call1(struct x86_dis *d, enum x86_helper helper, ir_val a)
{
    return call(d, helper, a, 0, 0, 0);
}

ir_val x86_call2(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b)
{
    return call(d, helper, a, b, 0, 0);
}

ir_val x86_call3(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b, ir_val c)
{
    return call(d, helper, a, b, c, 0);
}

ir_val x86_call4(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b, ir_val c, ir_val e)
{
    return call(d, helper, a, b, c, e);
}

ir_val x86_env_ptr(struct x86_dis *d, size_t offset)
{
    return ir_imm(d->ir, IR_envptr, I64, 0, 0, offset);
}
