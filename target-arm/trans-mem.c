/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads and stores. A register that a fault must leave alone (the base, above all) is written
 * after the last access.
 */
#include <stddef.h>
#include "cpu-debug.h"
#include "target-arm/gdb.h"
#include "target-arm/translate.h"

unsigned arm_memop(const struct arm_dis *d)
{
    return MO_ADDR32 | d->mmu_idx << MO_IDX_SHIFT | (d->mode & KEY_BE_DATA ? MO_BE : 0) |
           (d->mode & KEY_ALIGN ? MO_ALIGN : 0);
}

/* access: CPU_WATCH_* */
static void watch(struct arm_dis *d, ir_val addr, int32_t disp, unsigned memop, unsigned access)
{
    if (d->mode & KEY_WATCH) {
        arm_call2(d, H_debug_access, disp ? arm_2i(d, IR_add, addr, disp) : addr,
                  arm_imm(d, 1u << (memop & MO_SIZE) | access << ARM_WATCH_SHIFT));
    }
}

ir_val arm_ld(struct arm_dis *d, enum ir_type type, ir_val addr, int32_t disp, unsigned memop)
{
    watch(d, addr, disp, memop, CPU_WATCH_READ);
    return ir_ld(d->ir, type, addr, disp, memop | arm_memop(d));
}

void arm_st(struct arm_dis *d, enum ir_type type, ir_val addr, int32_t disp, ir_val v,
            unsigned memop)
{
    watch(d, addr, disp, memop, CPU_WATCH_WRITE);
    ir_st(d->ir, type, addr, disp, v, memop | arm_memop(d));
}

/* --- one register ---------------------------------------------------------------------------- */

/* Address of an access, and what the base becomes. */
struct address {
    ir_val base, next;              /* next: 0 without writeback */
    int32_t disp;
    uint8_t old_idx;
};

static ir_val base_of(struct arm_dis *d, unsigned rn)
{
    return rn == R_PC ? arm_imm(d, arm_pc_value(d) & ~3u) : arm_reg(d, rn);
}

/*
 * P and W as instructions have them: post-indexed with W is an access without privilege. T32 has
 * those with an offset and no writeback: P is 2.
 */
static struct address begin(struct arm_dis *d, unsigned rn, int p, bool w)
{
    struct address a = { base_of(d, rn), 0, 0, d->mmu_idx };

    if (p == 2 || (!p && w)) {
        d->mmu_idx = MMU_USER;
    }
    return a;
}

static struct address address_imm(struct arm_dis *d, const struct arm_arg_ldst_ri *a)
{
    struct address at = begin(d, a->rn, a->p, a->w);
    int32_t offset = a->u ? a->imm : -a->imm;

    if (!a->p || a->w) {
        at.next = arm_2i(d, IR_add, at.base, offset);
    }
    at.disp = a->p ? offset : 0;
    return at;
}

static struct address address_reg(struct arm_dis *d, bool p, bool u, bool w, unsigned rn,
                                  ir_val offset)
{
    struct address at = begin(d, rn, p, w);
    ir_val sum = arm_2(d, u ? IR_add : IR_sub, at.base, offset);

    if (!p || w) {
        at.next = sum;
    }
    if (p) {
        at.base = sum;
    }
    return at;
}

static struct address address_shifted(struct arm_dis *d, const struct arm_arg_ldst_rr *a)
{
    ir_val offset = arm_shift_imm(d, arm_reg(d, a->rm), a->shty, a->shim, NULL);

    return address_reg(d, a->p, a->u, a->w, a->rn, offset);
}

static void end(struct arm_dis *d, unsigned rn, const struct address *at)
{
    d->mmu_idx = at->old_idx;
    if (at->next && rn != R_PC) {
        arm_set_reg(d, rn, at->next);
    }
}

static void load(struct arm_dis *d, unsigned rt, unsigned rn, struct address at, unsigned memop)
{
    ir_val v = arm_ld(d, I32, at.base, at.disp, memop);

    end(d, rn, &at);
    if (rt != R_PC) {
        arm_set_reg(d, rt, v);
    } else {
        arm_write_pc_load(d, v, rn == R_SP ? JUMP_RET : JUMP_PLAIN);
    }
}

static void store(struct arm_dis *d, unsigned rt, unsigned rn, struct address at, unsigned memop)
{
    arm_st(d, I32, at.base, at.disp, arm_reg(d, rt), memop);
    end(d, rn, &at);
}

#define LOAD(name, memop) \
    void trans_##name##_ri(struct arm_dis *d, const struct arm_arg_ldst_ri *a) \
    { \
        load(d, a->rt, a->rn, address_imm(d, a), memop); \
    } \
    void trans_##name##_rr(struct arm_dis *d, const struct arm_arg_ldst_rr *a) \
    { \
        load(d, a->rt, a->rn, address_shifted(d, a), memop); \
    }
#define STORE(name, memop) \
    void trans_##name##_ri(struct arm_dis *d, const struct arm_arg_ldst_ri *a) \
    { \
        store(d, a->rt, a->rn, address_imm(d, a), memop); \
    } \
    void trans_##name##_rr(struct arm_dis *d, const struct arm_arg_ldst_rr *a) \
    { \
        store(d, a->rt, a->rn, address_shifted(d, a), memop); \
    }
LOAD(LDR, MO_32)
LOAD(LDRB, MO_8)
LOAD(LDRH, MO_16)
LOAD(LDRSB, MO_8 | MO_SIGN)
LOAD(LDRSH, MO_16 | MO_SIGN)
STORE(STR, MO_32)
STORE(STRB, MO_8)
STORE(STRH, MO_16)

/* --- two registers --------------------------------------------------------------------------- */

static void load_dual(struct arm_dis *d, unsigned rt, unsigned rt2, unsigned rn, struct address at)
{
    ir_val v = arm_ld(d, I32, at.base, at.disp, MO_32);
    ir_val w = arm_ld(d, I32, at.base, at.disp + 4, MO_32);

    end(d, rn, &at);
    arm_set_reg(d, rt, v);
    arm_set_reg(d, rt2, w);
}

static void store_dual(struct arm_dis *d, unsigned rt, unsigned rt2, unsigned rn,
                       struct address at)
{
    arm_st(d, I32, at.base, at.disp, arm_reg(d, rt), MO_32);
    arm_st(d, I32, at.base, at.disp + 4, arm_reg(d, rt2), MO_32);
    end(d, rn, &at);
}

/* A32 has a pair that begins with an even register. */
static bool pair(struct arm_dis *d, unsigned rt, int *rt2)
{
    if (*rt2 < 0) {
        *rt2 = rt + 1;
        if (rt & 1 || rt == R_LR) {
            arm_undefined(d);
            return false;
        }
    }
    if (rt == R_PC || *rt2 == R_PC) {
        arm_undefined(d);
        return false;
    }
    return true;
}

static struct address address_dual(struct arm_dis *d, const struct arm_arg_ldst_dual *a)
{
    struct arm_arg_ldst_ri i = { a->p, a->u, a->w, a->rn, a->rt, a->imm };
    struct address at;

    if (!a->p) {
        i.w = 0;                    /* these have no form without privilege */
    }
    at = address_imm(d, &i);
    return at;
}

void trans_LDRD_ri(struct arm_dis *d, const struct arm_arg_ldst_dual *a)
{
    int rt2 = a->rt2;

    if (pair(d, a->rt, &rt2)) {
        load_dual(d, a->rt, rt2, a->rn, address_dual(d, a));
    }
}

void trans_STRD_ri(struct arm_dis *d, const struct arm_arg_ldst_dual *a)
{
    int rt2 = a->rt2;

    if (pair(d, a->rt, &rt2)) {
        store_dual(d, a->rt, rt2, a->rn, address_dual(d, a));
    }
}

void trans_LDRD_rr(struct arm_dis *d, const struct arm_arg_ldst_dual_r *a)
{
    int rt2 = a->rt2;

    if (pair(d, a->rt, &rt2)) {
        load_dual(d, a->rt, rt2, a->rn,
                  address_reg(d, a->p, a->u, a->p && a->w, a->rn, arm_reg(d, a->rm)));
    }
}

void trans_STRD_rr(struct arm_dis *d, const struct arm_arg_ldst_dual_r *a)
{
    int rt2 = a->rt2;

    if (pair(d, a->rt, &rt2)) {
        store_dual(d, a->rt, rt2, a->rn,
                   address_reg(d, a->p, a->u, a->p && a->w, a->rn, arm_reg(d, a->rm)));
    }
}

/* --- many registers -------------------------------------------------------------------------- */

struct block {
    ir_val base;
    int32_t first, change;          /* offset of the lowest word; what is added to the base */
};

static struct block block_of(struct arm_dis *d, const struct arm_arg_block *a)
{
    int n = __builtin_popcount(a->list) * 4;
    struct block b = { arm_reg(d, a->rn), 0, a->u ? n : -n };

    b.first = a->u ? (a->p ? 4 : 0) : (a->p ? -n : 4 - n);
    return b;
}

static void block_writeback(struct arm_dis *d, const struct arm_arg_block *a,
                            const struct block *b)
{
    if (a->w) {
        arm_set_reg(d, a->rn, arm_2i(d, IR_add, b->base, b->change));
    }
}

/* With ^: registers of user mode. */
void trans_STM(struct arm_dis *d, const struct arm_arg_block *a)
{
    struct block b = block_of(d, a);
    int32_t at = b.first;

    if (a->list == 0 || (a->s && !(d->mode & KEY_PRIVILEGED))) {
        arm_undefined(d);
        return;
    }
    for (unsigned r = 0; r < 16; r++) {
        ir_val v;

        if (!(a->list >> r & 1)) {
            continue;
        }
        if (a->s && r >= 8 && r != R_PC) {
            v = arm_call1(d, H_get_user_reg, arm_imm(d, r));
        } else if (r == a->rn && a->w && a->list & ((1 << r) - 1)) {
            v = arm_2i(d, IR_add, b.base, b.change);            /* not the first: the new value */
        } else {
            v = arm_reg(d, r);
        }
        arm_st(d, I32, b.base, at, v, MO_32);
        at += 4;
    }
    block_writeback(d, a, &b);
}

static void load_block(struct arm_dis *d, const struct arm_arg_block *a, bool user)
{
    struct block b = block_of(d, a);
    int32_t at = b.first;
    ir_val base_value = 0, pc = 0;

    for (unsigned r = 0; r < 16; r++) {
        ir_val v;

        if (!(a->list >> r & 1)) {
            continue;
        }
        v = arm_ld(d, I32, b.base, at, MO_32);
        at += 4;
        if (r == R_PC) {
            pc = v;
        } else if (user && r >= 8) {
            arm_call2(d, H_set_user_reg, arm_imm(d, r), v);
        } else if (r == a->rn) {
            base_value = v;
        } else {
            arm_set_reg(d, r, v);
        }
    }
    block_writeback(d, a, &b);
    if (base_value) {
        arm_set_reg(d, a->rn, base_value);
    }
    if (!pc) {
        return;
    }
    if (a->s) {
        arm_call1(d, H_exception_return, pc);
        arm_leave(d);
    } else {
        arm_write_pc_load(d, pc, a->rn == R_SP ? JUMP_RET : JUMP_PLAIN);
    }
}

void trans_LDM(struct arm_dis *d, const struct arm_arg_block *a)
{
    if (a->list == 0 || (a->s && !(d->mode & KEY_PRIVILEGED))) {
        arm_undefined(d);
        return;
    }
    load_block(d, a, a->s && !(a->list >> 15 & 1));
}

/* The 16-bit form writes back unless the base is in the list. */
void trans_LDM_t16(struct arm_dis *d, const struct arm_arg_block *a)
{
    struct arm_arg_block b = *a;

    b.w = !(a->list >> a->rn & 1);
    trans_LDM(d, &b);
}

/* --- exclusive access ------------------------------------------------------------------------ */

#define AT(field) offsetof(struct arm_env, field)

/* Faults unless the address is a multiple of size, a power of 2. */
static ir_val exclusive_address(struct arm_dis *d, unsigned rn, int imm)
{
    ir_val addr = arm_reg(d, rn);

    return imm ? arm_2i(d, IR_add, addr, imm) : addr;
}

static void misaligned(struct arm_dis *d, unsigned rn, int imm, bool write)
{
    arm_call2(d, H_misaligned, exclusive_address(d, rn, imm), arm_imm(d, write));
}

/* Too many for one region: in line. */
static void check_in_line(struct arm_dis *d, unsigned rn, int imm, unsigned size, bool write)
{
    ir_val low = arm_2i(d, IR_and, exclusive_address(d, rn, imm), size - 1);
    unsigned good = arm_label_new(d);

    ir_brc(d->ir, I32, IR_EQ, low, arm_imm(d, 0), good);
    misaligned(d, rn, imm, write);
    arm_label_placed(d, good);
}

void arm_check_aligned(struct arm_dis *d, unsigned rn, int imm, unsigned size, bool write)
{
    struct arm_region *r = d->region;
    struct arm_misaligned *m = &r->misaligned[r->n_misaligned];

    if (r->n_misaligned == MAX_MISALIGNED) {
        check_in_line(d, rn, imm, size, write);
        return;
    }
    r->n_misaligned++;
    *m = (struct arm_misaligned){ d->in, arm_label_new(d), imm, rn, write };
    ir_brc(d->ir, I32, IR_NE, arm_2i(d, IR_and, exclusive_address(d, rn, imm), size - 1),
           arm_imm(d, 0), m->label);
}

void arm_emit_misaligned(struct arm_dis *d)
{
    for (unsigned i = 0; i < d->region->n_misaligned; i++) {
        const struct arm_misaligned *m = &d->region->misaligned[i];

        d->in = m->in;
        ir_label(d->ir, m->label);
        ir_insn(d->ir, m->in->flow.pc);
        if (m->in->flow.state) {
            ir_set(d->ir, G_IT, arm_imm(d, m->in->flow.state));
        }
        misaligned(d, m->rn, m->imm, m->write);
    }
}

/* The value read is what a later store must still find. */
static void load_exclusive(struct arm_dis *d, const struct arm_arg_ldrex *a, unsigned size)
{
    struct ir *ir = d->ir;
    enum ir_type type = size == MO_64 ? I64 : I32;
    ir_val addr = exclusive_address(d, a->rn, a->imm), v;
    int rt2 = a->rt2 < 0 ? a->rt + 1 : a->rt2;

    if (size != MO_8) {
        arm_check_aligned(d, a->rn, a->imm, 1 << size, false);
    }
    v = arm_ld(d, type, addr, 0, size | MO_ALIGN);
    ir_envst(ir, I32, AT(exclusive_addr), addr, MO_32);
    ir_envst(ir, I32, AT(exclusive_size), arm_imm(d, 1 << size), MO_32);
    ir_envst(ir, I64, AT(exclusive_value), v, MO_64);
    if (size != MO_64) {
        arm_set_reg(d, a->rt, v);
    } else if (d->mode & KEY_BE_DATA) {
        arm_set_reg(d, a->rt, arm_high(d, v));
        arm_set_reg(d, rt2, arm_low(d, v));
    } else {
        arm_set_reg(d, a->rt, arm_low(d, v));
        arm_set_reg(d, rt2, arm_high(d, v));
    }
}

/* A compare-and-swap with what the load saw, which was aligned; rd: 0 when it was done. */
static void store_exclusive(struct arm_dis *d, const struct arm_arg_strex *a, unsigned size)
{
    struct ir *ir = d->ir;
    enum ir_type type = size == MO_64 ? I64 : I32;
    int rt2 = a->rt2 < 0 ? a->rt + 1 : a->rt2;
    unsigned fail = arm_label_new(d), done = arm_label_new(d);
    ir_val addr = exclusive_address(d, a->rn, a->imm), v = arm_reg(d, a->rt), expected, old;

    if (size == MO_64) {
        v = d->mode & KEY_BE_DATA ? arm_join(d, arm_reg(d, rt2), v)
                                  : arm_join(d, v, arm_reg(d, rt2));
    }
    watch(d, addr, 0, size, CPU_WATCH_WRITE);
    ir_brc(ir, I32, IR_NE, addr, ir_envld(ir, I32, AT(exclusive_addr), MO_32), fail);
    ir_brc(ir, I32, IR_NE, ir_envld(ir, I32, AT(exclusive_size), MO_32), arm_imm(d, 1 << size),
           fail);
    expected = ir_envld(ir, type, AT(exclusive_value), size == MO_64 ? MO_64 : MO_32);
    old = ir_cas(ir, type, addr, 0, expected, v, size | MO_ALIGN | arm_memop(d));
    ir_envst(ir, I32, AT(exclusive_size), arm_imm(d, 0), MO_32);
    ir_set(ir, G_REG0 + a->rd, ir_setc(ir, type, IR_NE, old, expected));
    ir_br(ir, done);
    ir_label(ir, fail);
    ir_envst(ir, I32, AT(exclusive_size), arm_imm(d, 0), MO_32);
    ir_set(ir, G_REG0 + a->rd, arm_imm(d, 1));
    ir_label(ir, done);
    d->fp_compare = 0;
}

#define EXCLUSIVE(suffix, size) \
    void trans_LDREX##suffix(struct arm_dis *d, const struct arm_arg_ldrex *a) \
    { \
        load_exclusive(d, a, size); \
    } \
    void trans_STREX##suffix(struct arm_dis *d, const struct arm_arg_strex *a) \
    { \
        store_exclusive(d, a, size); \
    }
EXCLUSIVE(, MO_32)
EXCLUSIVE(B, MO_8)
EXCLUSIVE(H, MO_16)
EXCLUSIVE(D, MO_64)

void trans_CLREX(struct arm_dis *d)
{
    ir_envst(d->ir, I32, AT(exclusive_size), arm_imm(d, 0), MO_32);
}

static void swap(struct arm_dis *d, unsigned rt, unsigned rm, unsigned rn, unsigned size)
{
    ir_val v;

    if (size != MO_8 && arm_dis_has(d, F_V6)) {
        arm_check_aligned(d, rn, 0, 1 << size, true);
    }
    watch(d, arm_reg(d, rn), 0, size, CPU_WATCH_READ | CPU_WATCH_WRITE);
    v = ir_atomic(d->ir, IR_xchg, I32, arm_reg(d, rn), 0, arm_reg(d, rm), size | arm_memop(d));
    arm_set_reg(d, rt, v);
}

void trans_SWP(struct arm_dis *d, const struct arm_arg_SWP *a)
{
    swap(d, a->rt, a->rm, a->rn, MO_32);
}

void trans_SWPB(struct arm_dis *d, const struct arm_arg_SWPB *a)
{
    swap(d, a->rt, a->rm, a->rn, MO_8);
}

/* --- hints and barriers ---------------------------------------------------------------------- */

void trans_PLD(struct arm_dis *d)
{
}

void trans_PLDW(struct arm_dis *d)
{
}

void trans_PLI(struct arm_dis *d)
{
}

void trans_DMB(struct arm_dis *d)
{
    ir_1(d->ir, IR_fence, IR_NONE, 0);
}

void trans_DSB(struct arm_dis *d)
{
    ir_1(d->ir, IR_fence, IR_NONE, 0);
}

/* What other instructions changed (translations, modes) is seen at once; interrupts are now. */
void trans_ISB(struct arm_dis *d)
{
    arm_end_region(d);
}
