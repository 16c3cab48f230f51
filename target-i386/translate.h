/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What instruction handlers (trans-*.c) work with: the instruction under translation, operand
 * access, effective addresses, lazy flags, ways to leave. A handler emits IR into d->ir; it raises
 * #UD itself only for what the opcode table cannot say.
 */
#ifndef TARGET_I386_TRANSLATE_H
#define TARGET_I386_TRANSLATE_H

#include "tcg/translate.h"
#include "target-i386/cpu.h"
#include "target-i386/decode.h"
#include "target-i386/flags.h"
#include "target-i386/helpers.h"

/* A linear address: base + disp, wrapped as memop's MO_ADDR32 says. */
struct x86_ea {
    ir_val base;
    int32_t disp;
    uint16_t memop;                 /* MO_ADDR32 and mmu index; the caller adds size and others */
};

struct x86_dis {
    struct translation *t;
    struct ir *ir;
    struct x86_env *env;            /* constant fields only: CPUID words, model */
    struct x86_insn in;             /* the current instruction */
    /* Mode, from t->key.mode */
    uint32_t mode;
    uint8_t cpl, iopl;
    bool code64, code32;            /* 64-bit mode; 32-bit default sizes */
    bool pe, vm, addseg, limits;
    uint8_t word;                   /* bytes of an address and of the stack pointer in use: 8, 4 */
    uint8_t stack_size;             /* stack address size: 2, 4, 8 */
    uint8_t mmu_idx;                /* of plain data accesses */
    /* Lazy flags: how they are made at this point, CC_DYNAMIC when only the global knows */
    uint8_t cc_op;
    bool ended;                     /* the handler has left: nothing falls through */
    bool restart_mode;              /* mode bits may have changed: end the region after this */
    /* x87 and MMX: what is known since the last label */
    enum { FP_ANYWHERE, FP_IN_UNIT, FP_IN_ENV } fp_where;
    bool fp_checked;                /* MMX: the tags are right */
    int8_t fp_code_seg, fp_data_seg;        /* whose selectors fpcs, fpds hold; -1: who knows */
    const bool *has;                /* by enum x86_feature */
    struct x86_region *region;      /* translate.c's own */
    uint8_t shadow;                 /* of sti: instructions left before interrupts are looked at */
    const struct x86_insn *follow;  /* comes next, with no look at interrupts before; or NULL */
    bool to_loop;                   /* one-instruction region of MODE_INHIBIT: leave to the loop */
    bool ea_valid, ea_write;        /* operand access: the ModRM operand's address is known */
    struct x86_ea ea;
    bool live_known;                /* x86_flags_live() has been asked */
    uint32_t live;
};

/* --- operands -------------------------------------------------------------------------------- */

/* Operand n, zero-extended to an I32 or (8 bytes) I64 value. Memory is loaded, immediates are
   constants cut to the size of operand 0 or their own. GPR, SEG, MEM and IMM kinds. */
ir_val x86_read(struct x86_dis *d, unsigned n);
/* The same, but bits above the size are undefined: free for registers. */
ir_val x86_read_low(struct x86_dis *d, unsigned n);
ir_val x86_read_sx(struct x86_dis *d, unsigned n, enum ir_type type);   /* sign-extended to type */
/* Writes the low bits of v; a 4-byte GPR is zero-extended. GPR and MEM kinds. */
void x86_write(struct x86_dis *d, unsigned n, ir_val v);
static inline bool x86_is_mem(const struct x86_dis *d, unsigned n)
{
    return d->in.operand[n].kind == OPND_MEM;
}

/* GPRs by number and size in bytes (a low byte for 1; see x86_byte_read for ah..bh). */
ir_val x86_reg_read(struct x86_dis *d, unsigned reg, unsigned size);        /* zero-extended */
ir_val x86_reg_read_low(struct x86_dis *d, unsigned reg, unsigned size);
void x86_reg_write(struct x86_dis *d, unsigned reg, unsigned size, ir_val v);
ir_val x86_byte_read(struct x86_dis *d, unsigned reg);      /* reg may mean ah..bh */
void x86_byte_write(struct x86_dis *d, unsigned reg, ir_val v);

static inline enum ir_type x86_type(unsigned size)
{
    return size == 8 ? I64 : I32;
}
/* enum ir_memop size of 1, 2, 4, 8, 16 bytes */
static inline unsigned x86_memop(unsigned size)
{
    return __builtin_ctz(size);
}

/* --- memory ---------------------------------------------------------------------------------- */

/* Effective address (offset) of the ModRM operand, addrsize wide, zero-extended. */
ir_val x86_lea(struct x86_dis *d);
ir_val x86_lea_low(struct x86_dis *d);  /* only its low 32 bits, when addrsize is not 2 */
/* Linear address of the ModRM operand; emits the limit check of `size' bytes in MODE_LIMITS. */
struct x86_ea x86_address(struct x86_dis *d, unsigned size, bool write);
/* Linear address of seg:offset (a value of address width, zero-extended), check as above. */
struct x86_ea x86_address_of(struct x86_dis *d, unsigned seg, ir_val offset, unsigned size,
                             bool write);
/* Advances by a constant (second half of an operand); wraps right. */
struct x86_ea x86_ea_add(struct x86_ea ea, int32_t delta);
/* The linear address as one value, for helpers. */
ir_val x86_ea_value(struct x86_dis *d, struct x86_ea ea);
/* memop: size and MO_SIGN, MO_ALIGN... (enum ir_memop); type: also V64, V128, F32, F64 */
ir_val x86_ld(struct x86_dis *d, enum ir_type type, struct x86_ea ea, unsigned memop);
/* Before accesses by other means, in MODE_WATCH: asks for the debugger's watchpoints. */
enum { X86_WATCH_BOTH = 3 };
void x86_watch(struct x86_dis *d, struct x86_ea ea, unsigned memop, unsigned access);
void x86_st(struct x86_dis *d, enum ir_type type, struct x86_ea ea, ir_val v, unsigned memop);

/* Linear address of memory operand n, computed once per instruction. */
struct x86_ea x86_operand_ea(struct x86_dis *d, unsigned n, bool write);

/* The stack slot at sp + delta, and setting the stack pointer to sp + delta. */
struct x86_ea x86_stack_slot(struct x86_dis *d, ir_val sp, int32_t delta, unsigned size,
                             bool write);
void x86_stack_move(struct x86_dis *d, ir_val sp, int32_t delta);
/* Stack: pushes or pops a value of the current instruction's operand size. */
void x86_push(struct x86_dis *d, ir_val v);
ir_val x86_pop(struct x86_dis *d);              /* value read; the stack pointer is moved too */

/* --- helpers --------------------------------------------------------------------------------- */

ir_val x86_call0(struct x86_dis *d, enum x86_helper helper);
ir_val x86_call1(struct x86_dis *d, enum x86_helper helper, ir_val a);
ir_val x86_call2(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b);
ir_val x86_call3(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b, ir_val c);
ir_val x86_call4(struct x86_dis *d, enum x86_helper helper, ir_val a, ir_val b, ir_val c, ir_val e);
static inline ir_val x86_imm32(struct x86_dis *d, uint32_t value)
{
    return ir_const(d->ir, I32, value);
}
/* A guest address or pc as a value of the word type. */
static inline ir_val x86_imm_word(struct x86_dis *d, uint64_t value)
{
    return ir_const(d->ir, X86_IWORD, (x86_word)value);
}
/* Host pointer to the field of env at an offset, as an argument. */
ir_val x86_env_ptr(struct x86_dis *d, size_t offset);

/* --- exceptions and leaving; all but raise_if set d->ended ----------------------------------- */

void x86_gen_raise(struct x86_dis *d, unsigned vector);     /* a fault at this instruction */
void x86_gen_raise_gp0(struct x86_dis *d);
void x86_gen_ud(struct x86_dis *d);
/* Faults when the comparison holds, else goes on. Values stay valid. gp0: EXC_GP has code 0. */
void x86_raise_if(struct x86_dis *d, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b,
                  unsigned vector);
/* #GP(0) when a near transfer to pc would leave the code segment; asked before the instruction
   has any effect. `when': only if the condition holds. True: it always does, and nothing more
   follows. */
struct x86_cond;
bool x86_refuse_jump(struct x86_dis *d, uint64_t pc, const struct x86_cond *when);
void x86_check_jump(struct x86_dis *d, ir_val pc);
/* Continue with the next instruction, but through the execution loop: after anything that changes
   mode, mappings or interrupt state. */
void x86_end_region(struct x86_dis *d);
/* The helper has set the pc global itself: leave to the loop. */
void x86_leave_to_loop(struct x86_dis *d);
/* Continue at a constant or computed pc (wrapped by the caller: operand size 2 means & 0xffff). */
void x86_gen_jump(struct x86_dis *d, uint64_t pc);
void x86_gen_jump_value(struct x86_dis *d, ir_val pc, enum ir_jump_hint hint);
/* A label inside the instruction. The lazy flags must be the same on all ways to it; ir values do
   not live across it. */
unsigned x86_label_new(struct x86_dis *d);
/* The label to branch to for a direct branch to pc, inside the region or out of it. */
unsigned x86_branch_label(struct x86_dis *d, uint64_t pc);
/* Sets the pc global to the next instruction, for helpers that read env->pc as such. */
void x86_set_pc_next(struct x86_dis *d);

/* --- flags ----------------------------------------------------------------------------------- */

/* FL_* that code after this instruction may still read (a scan; all of them in strict mode). Set
   flags only as far as wanted: others may become anything. */
uint32_t x86_flags_live(struct x86_dis *d);
/* The lazy state of size bytes: CC_ADD and 4 are CC_ADD + 2. */
static inline unsigned x86_cc(unsigned kind, unsigned size)
{
    return kind + __builtin_ctz(size);
}
/* New lazy state; unused operands 0. Bits above the size do not matter. */
void x86_flags_set(struct x86_dis *d, unsigned cc_op, ir_val a, ir_val b, ir_val c);
/* All of FL_ARITH come from this I32 value. */
void x86_flags_set_packed(struct x86_dis *d, ir_val flags);
/* Replaces the flags of `mask' by the bits of an I32 value, keeps others. */
void x86_flags_merge(struct x86_dis *d, ir_val flags, uint32_t mask);
/* A helper has written the cc globals: forget what is known. */
void x86_flags_dynamic(struct x86_dis *d);
/* First in a region: go on as if they were of the kind they are now, and look at run time. */
void x86_guess_flags(struct x86_dis *d);
ir_val x86_flags_read_all(struct x86_dis *d);       /* FL_ARITH as an I32 value */
ir_val x86_flags_carry(struct x86_dis *d);          /* I32, 0 or 1 */
/* The condition in the manual's numbering (0 O, 1 NO, 2 B ... 15 G): a comparison that holds. */
struct x86_cond {
    enum ir_type type;
    enum ir_cond cc;
    ir_val a, b;
};
struct x86_cond x86_condition(struct x86_dis *d, unsigned number);

/* --- handlers and entry points --------------------------------------------------------------- */

void x86_translate(struct translation *t);          /* struct target.translate */
extern const struct ir_global x86_globals[];        /* G_COUNT of them; pc_global is G_PC */
/* The x87's state comes into the host's unit or into env. */
void x86_fp_place(struct x86_dis *d, unsigned where);
/* x87 escapes D8..DF: trans-x87.c decodes d->in.opcode and modrm itself. */
void trans_x87(struct x86_dis *d);

#define X86_HANDLER(name) void trans_##name(struct x86_dis *d);
/* Handlers named by the opcode tables */
#define INSN(map, prefix, byte, modrm, name, handler, ...) X86_HANDLER(handler)
#include "target-i386/opcodes.def"
#undef INSN

#endif
