/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x86-64 backend's own interfaces.
 *
 * rbp holds env + 0x80; rsp a frame with spill slots and the places where thunks pass arguments.
 * Pinned globals live in rbx r12-r15 rsi rdi r8-r10 and xmm0-xmm12 for as long as translated code
 * runs; rax rcx rdx r11 and xmm13-xmm15 are temporaries. C code sees env: thunks store and reload.
 *
 * A value (its op's index) may be at several places at once: registers (the mask where[v]; pins
 * among them), a spill slot, env when it came from or went to an unpinned global, or be constant.
 * A pin may hold a vector that is wider than its global, until a call.
 * Registers are reclaimed lazily: a temporary whose value's life[] has passed is free.
 */
#ifndef TCG_X86_64_COMPILE_H
#define TCG_X86_64_COMPILE_H

#include "cpu-exec.h"
#include "tcg/backend.h"
#include "tcg/x86_64/emit.h"

enum {
    ENV_BIAS = 0x80,
    GPR_SLOTS = 64, VEC_SLOTS = 32, SLOTS = GPR_SLOTS + VEC_SLOTS,
    /* The frame, from rsp up */
    FRAME_ARGS = 0,                             /* 4 arguments of a thunk */
    FRAME_RESULT = 32,                          /* 16 bytes, aligned */
    FRAME_SLOTS = 48,                           /* 8 bytes each */
    FRAME_VEC_SLOTS = FRAME_SLOTS + 8 * GPR_SLOTS,      /* 16 bytes each */
    FRAME_TEMPS = FRAME_VEC_SLOTS + 16 * VEC_SLOTS,     /* rax rcx rdx r11 over a slow path */
    FRAME_XMM_TEMPS = FRAME_TEMPS + 32,
    FRAME_BUFFER = FRAME_XMM_TEMPS + 48,        /* 16 bytes, vector operands in memory */
    FRAME_SAVED = FRAME_BUFFER + 16,            /* a register, out of line */
    FRAME_PINS = FRAME_SAVED + 16,              /* vectors in pins of narrower globals */
    FRAME_SIZE = FRAME_PINS + 16 * 13 + 8,      /* aligned after return address, 6 pushes */

    GPR_TEMPS = 1 << RAX | 1 << RCX | 1 << RDX | 1 << R11,
    XMM_TEMPS = 7 << XMM13,
    GPRS = 0xffff,
};
_Static_assert(FRAME_VEC_SLOTS % 16 == 0 && FRAME_SIZE % 16 == 8, "aligned frame");

/* Functions of ours that translated code calls, through thunks as helpers are. */
enum builtin {
    BUILTIN_LOAD, BUILTIN_STORE, BUILTIN_LOAD16, BUILTIN_STORE16, BUILTIN_ATOMIC, BUILTIN_SOFT_INT,
    BUILTIN_SOFT_VECTOR, BUILTIN_FP_FIX, BUILTIN_VF_FIX,
    BUILTIN_X87_LOAD, BUILTIN_X87_FETCH, BUILTIN_COUNT
};

enum { MAX_HELPERS = 512 };

/* What backend_init() settles for the process. Offsets are in the code buffer. */
struct host {
    const struct target *target;
    bool user;                                  /* guest memory is host memory, see ops-user.c */
    uint8_t *buffer;
    int8_t pin[IR_MAX_GLOBALS];                 /* host register or NO_REG */
    uint8_t global_of[HOST_REGS];               /* of a pin */
    uint32_t gpr_pins, xmm_pins;                /* masks of host registers that are in use */
    uint32_t enter, leave, exit_poll, exit_lookup, exit_chain, lookup_chain, exit_loop,
             exit_check;
    uint32_t lone_load, lone_store;             /* by the TLB if they can, or the builtins */
    uint32_t builtins[BUILTIN_COUNT], helpers[MAX_HELPERS];
    uint32_t sign_f32, sign_f64, abs_f32, abs_f64;      /* 16-byte masks */
    uint32_t vector_constants;                  /* 16 bytes each, see thunks.c */
    uint32_t fix_f64;                           /* two 64-bit numbers, see op_fix() */
    bool bmi1, bmi2, lzcnt, popcnt, sse41, sse42;
};
extern struct host the_host;

/* ffix: bits * 2 less the first is at least the second for NaNs and the smallest normal number; and
   for subnormal numbers and zero. */
#define FIX_SUBTRACT_64 0x0020000000000001ull
#define FIX_LIMIT_64 0xffc0000000000000ull
#define FIX_SUBTRACT_32 0x01000001
#define FIX_LIMIT_32 0xfe000000u

/* Four times the same 32 bits; for VC_RANGE and VC_WORD see ops-flush.c */
enum { VC_ZERO, VC_SIGN, VC_RANGE, VC_WORD, VC_TWO, VC_THREE, VC_HALF, VC_COUNT };

struct operand {
    enum { OPERAND_REG, OPERAND_IMM, OPERAND_MEM } kind;
    int reg;
    int32_t imm;
    struct mem mem;
};

struct stub {                                   /* out-of-line code of one op */
    enum { STUB_LOAD, STUB_STORE, STUB_ATOMIC, STUB_PAGE, STUB_SINK, STUB_POLL, STUB_LOOKUP,
           STUB_LOOKUP_REG, STUB_CHAIN, STUB_X87, STUB_CHECK, STUB_FIX, STUB_FLUSH } kind;
    uint32_t from, back;                        /* the rel32 that comes here; where it goes on */
    uint32_t misaligned, aligned;               /* rel32 for misaligned addresses, or 0; its back */
    int8_t address, reg, scratch;               /* registers; reg is the value or its destination */
    int8_t result;                              /* of an atomic */
    uint8_t type, exit, op, n_sinks;
    uint16_t label, sinks;
    uint16_t memop, snapshot;
    bool has_imm;
    bool grouped, base_wide;                    /* the address is still base + disp */
    struct operand base, second;                /* second: of ffix */
    int32_t disp;
    int64_t imm;                                /* constant to store, or pc */
};

/* A store of a deferred global on the way of a branch that is taken: out of line. */
struct sink {
    uint8_t global;
    uint16_t wide;                              /* X_W when the value has 64 bits */
    struct operand value;
};

enum { MAX_SINKS = 1024 };
enum { MAX_STUBS = 3072, MAX_RECORDS = 6144, SNAPSHOT_BYTES = 60000, MAX_FIXUPS = 2048 };

struct compiler {
    struct emitter e;
    struct ir *ir;
    const struct code_key *key;
    struct compiled *out;
    unsigned at;                                /* the op being compiled */
    bool too_big, reachable;
    bool flags_live;                            /* do not change the host flags now */
    ir_val flags_val;                           /* whose value they are, until op flags_end */
    unsigned flags_end;
    uint32_t zf_at;                             /* up to here ZF is that of zf_reg's value */
    int8_t zf_reg;
    bool zf_wide;
    bool consumed;                              /* all operands of the op are in their registers */
    uint32_t locked;                            /* registers that this op needs */
    uint64_t pc;                                /* of the guest instruction */
    unsigned n_sinks;
    unsigned n_stubs, n_records, n_fixups, n_snapshots, snapshot_len, last_snapshot;

    uint16_t val_in[HOST_REGS];
    uint16_t slot_val[SLOTS];
    uint16_t pending[IR_MAX_GLOBALS];           /* deferrable globals' sets not in env yet */
    uint16_t env_val[IR_MAX_GLOBALS];           /* whose home this global's env field is */
    uint64_t pending_mask;
    uint16_t pending_until[IR_MAX_GLOBALS];     /* last observer that may ask for it */
    uint32_t label_at[IR_MAX_LABELS];
    uint16_t label_refs[IR_MAX_LABELS];
    uint32_t where[IR_MAX_OPS];
    uint16_t life[IR_MAX_OPS];
    uint8_t slot[IR_MAX_OPS], home[IR_MAX_OPS]; /* plus one; 0 none */

    struct stub stubs[MAX_STUBS];
    struct sink sinks[MAX_SINKS];
    struct { uint32_t at; uint16_t label; } fixups[MAX_FIXUPS];
    struct { uint32_t ra; uint16_t snapshot; } records[MAX_RECORDS];
    uint32_t snapshot_at[MAX_RECORDS + 1];
    uint8_t snapshots[SNAPSHOT_BYTES + 1024];
};

static inline struct mem env_mem(int32_t offset)
{
    return mem_at(RBP, offset - ENV_BIAS);
}

static inline struct mem frame_mem(int32_t offset)
{
    return mem_at(RSP, offset);
}

static inline unsigned wide(enum ir_type type)
{
    return type == I32 ? 0 : X_W;
}

static inline bool is_vector(enum ir_type type)
{
    return type >= F32;
}

/* alloc.c: where values are. Functions that return a register lock it for the current op. */
void alloc_block(struct compiler *c);                   /* nothing is known: after a label */
int alloc_temp(struct compiler *c, bool vector);        /* for scratch use within the op */
int alloc_fixed(struct compiler *c, int reg);           /* this temporary; moves what lives in it */
int use_reg(struct compiler *c, ir_val v);
void load_into(struct compiler *c, int reg, ir_val v);  /* a copy; the register is the caller's */
/* The value as ALU operand of an instruction of this width. */
struct operand use_operand(struct compiler *c, ir_val v, enum ir_type type);
/* Where code out of line will find the value, if possible without any code in line. */
struct operand cold_operand(struct compiler *c, ir_val v);
/* The pin that the result goes to at once (call before fetching operands), or NO_REG. */
int dest_pin(struct compiler *c);
/* A register for the result of the op, not one of `avoid': pin, a's dying register, or another. */
int dest_reg(struct compiler *c, int pin, ir_val reuse, uint32_t avoid);
/* The result is in reg: move it to the pin if there is one and note where it is. */
void set_result(struct compiler *c, int pin, int reg);
void alloc_get(struct compiler *c, const struct ir_op *o);
void alloc_set(struct compiler *c, const struct ir_op *o);
void flush_pending(struct compiler *c, uint64_t mask);
/* Leaves the stores of these to code out of line, or is false; they are still pending then. */
bool sink_pending(struct compiler *c, uint64_t mask, struct stub *s);
void emit_sinks(struct compiler *c, const struct stub *s);
/* Before a call: temporaries go to slots, what the callee overwrites in env or pins is saved. */
void save_for_call(struct compiler *c, uint64_t writes);
void forget_written(struct compiler *c, uint64_t writes);       /* after it */
int slot_offset(unsigned slot);

static inline bool const_of(const struct compiler *c, ir_val v, int64_t *value)
{
    if (c->ir->ops[v].op != IR_const) {
        return false;
    }
    *value = c->ir->ops[v].imm;
    return true;
}

static inline enum ir_type type_of(const struct compiler *c, ir_val v)
{
    const struct ir_op *o = &c->ir->ops[v];

    return o->op == IR_setc || o->op == IR_fcmp ? I32 : o->type;
}


/* ops-int.c */
void op_add(struct compiler *c, const struct ir_op *o);
void op_alu(struct compiler *c, const struct ir_op *o);
void op_andc(struct compiler *c, const struct ir_op *o);
void op_carry(struct compiler *c, const struct ir_op *o);
void op_count_zeros(struct compiler *c, const struct ir_op *o);
void op_deposit(struct compiler *c, const struct ir_op *o);
void op_extract(struct compiler *c, const struct ir_op *o);
void op_exts(struct compiler *c, const struct ir_op *o);
void op_in_place(struct compiler *c, const struct ir_op *o);
void op_lea(struct compiler *c, const struct ir_op *o);
void op_mov(struct compiler *c, const struct ir_op *o);
void op_mul(struct compiler *c, const struct ir_op *o);
void op_muldiv(struct compiler *c, const struct ir_op *o);
void op_popcnt(struct compiler *c, const struct ir_op *o);
void op_sel(struct compiler *c, const struct ir_op *o);
void op_setc(struct compiler *c, const struct ir_op *o);
void op_shift(struct compiler *c, const struct ir_op *o);
void x_alu(struct compiler *c, unsigned alu, unsigned w, int d, const struct operand *s);
/* Compares and returns the host condition. */
unsigned emit_compare(struct compiler *c, enum ir_type type, enum ir_cond cc, ir_val a, ir_val b);
/* ops-flags.c */
enum soft_op { SOFT_PDEP, SOFT_PEXT, SOFT_CRC32, SOFT_POPCNT, SOFT_32 = 0x100 };
/* Result of the op = soft_int(a, b, op); b may be 0. */
void call_soft_int(struct compiler *c, ir_val a, ir_val b, unsigned op);
void op_flags(struct compiler *c, const struct ir_op *o);
void op_gx(struct compiler *c, const struct ir_op *o);
bool keep_flags(struct compiler *c);
unsigned use_flags(struct compiler *c, enum ir_cond cc, ir_val mask);
void all_flags_to_value(struct compiler *c, int pin);               /* the same */
void flags_to_value(struct compiler *c, int pin, uint32_t mask);    /* rax is free and locked */
/* ops-mem.c */
void op_mem(struct compiler *c, const struct ir_op *o);
void op_env(struct compiler *c, const struct ir_op *o);
void emit_mem_stub(struct compiler *c, const struct stub *s);
void plain_load(struct compiler *c, enum ir_type type, unsigned memop, int d, struct mem m);
void swapped_copy(struct compiler *c, unsigned memop, int r, int copy);
void called_atomic(struct compiler *c, const struct ir_op *o);
void store_arg(struct compiler *c, unsigned n, ir_val v);
void call_builtin(struct compiler *c, enum builtin builtin);
/* ops-user.c */
void op_user_mem(struct compiler *c, const struct ir_op *o);
void op_check(struct compiler *c, const struct ir_op *o);
/* The operand of a guest access; its registers are locked. The access comes next, after this. */
struct mem guest_mem(struct compiler *c, const struct ir_op *o);
void may_fault(struct compiler *c, uint16_t snapshot);
static inline unsigned size_of(unsigned memop)
{
    return 1u << (memop & MO_SIZE);
}
static inline bool wraps32(unsigned memop)
{
    return memop & MO_ADDR32 || the_host.target->word_bits == 32;
}
int effective_address(struct compiler *c, const struct ir_op *o);   /* of a memory op */
struct stored {                                 /* what a store stores */
    bool is_imm;
    int64_t imm;
    int reg;
};
struct stored stored_value(struct compiler *c, ir_val v, unsigned memop);
/* scratch: for the swapped copy of a big-endian store */
void plain_store(struct compiler *c, unsigned memop, const struct stored *s, struct mem m,
                 int scratch);
/*
 * 64-bit guests: compares the tag of the first byte's entry with the page of the last byte (or, to
 * be aligned, with the address less its high offset bits). Returns the jump of a miss and where the
 * addend is.
 */
uint32_t compare_tag(struct compiler *c, const struct ir_op *o, int address, unsigned span,
                     bool write, int t, int t2, struct mem *addend);
/* ops-group.c */
void op_page(struct compiler *c, const struct ir_op *o);
void grouped_ld(struct compiler *c, const struct ir_op *o);
void grouped_st(struct compiler *c, const struct ir_op *o);
void store_address(struct compiler *c, const struct stub *s);
void emit_lone_thunks(struct emitter *e);
/* Globals as pairs */
void alloc_get_pair(struct compiler *c, const struct ir_op *o);
void alloc_set_pair(struct compiler *c, const struct ir_op *o);
/* ops-flush.c */
void op_vflush(struct compiler *c, const struct ir_op *o);
void emit_flush_stub(struct compiler *c, const struct stub *s);
/* ops-vec.c */
void emit_fix_stub(struct compiler *c, const struct stub *s);
void op_vector(struct compiler *c, const struct ir_op *o);
/* ops-x87.c */
void op_x87(struct compiler *c, const struct ir_op *o);
/* ops-control.c */
void op_br(struct compiler *c, const struct ir_op *o);
void op_brc(struct compiler *c, const struct ir_op *o);
void op_call(struct compiler *c, const struct ir_op *o);
void op_exit(struct compiler *c, const struct ir_op *o);
void op_exit_loop(struct compiler *c, const struct ir_op *o);
void op_fence(struct compiler *c, const struct ir_op *o);
void op_ijmp(struct compiler *c, const struct ir_op *o);
void op_label(struct compiler *c, const struct ir_op *o);
void op_poll(struct compiler *c, const struct ir_op *o);
void emit_control_stub(struct compiler *c, const struct stub *s);
void resolve_labels(struct compiler *c);
struct stub *new_stub(struct compiler *c);
uint32_t emit_jump_cache(struct emitter *e);
/* Stores to the pc global. */
void store_pc(struct emitter *e, uint64_t pc);
/* The jump that is taken when somebody asks to leave */
uint32_t x_poll(struct emitter *e);
/* side.c */
uint16_t take_snapshot(struct compiler *c);
void add_record(struct compiler *c, uint16_t snapshot);     /* for a call that ends here */
bool write_side_table(struct compiler *c);
/* soft.c: what this host's instruction set lacks, and atomics off the plain path. */
uint64_t soft_atomic(void *env, uint64_t addr, uint64_t b, uint64_t c, uint64_t op_memop);
uint64_t soft_int(void *env, uint64_t a, uint64_t b, uint64_t op);
void soft_vector(void *env, uint64_t *a, const uint64_t *b, uint64_t op);

#endif
