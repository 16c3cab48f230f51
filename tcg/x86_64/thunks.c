/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chooses pins and emits what all regions share: the way in, the ways out, and a thunk per C
 * function that moves pinned globals between host registers and env around it.
 *
 * MXCSR: the vCPU's thread runs under the guest's with all exceptions masked, C code included, as
 * stmxcsr costs more than most helpers: C code on that thread does no floating-point arithmetic but
 * in helpers with HELPER_MXCSR, around which env and the register are brought into agreement.
 */
#include <assert.h>
#include <cpuid.h>
#include "tcg/softmmu.h"
#include "tcg/x86_64/compile.h"

struct host the_host;

static const uint8_t gpr_pin_order[] = { RBX, R12, R13, R14, R15, RSI, RDI, R8, R9, R10 };
static const uint8_t callee_saved[] = { RBX, RBP, R12, R13, R14, R15 };
static const uint8_t argument[] = { RSI, RDX, RCX, R8, R9 };

enum {
    CALLER_SAVED_PINS = 1 << RSI | 1 << RDI | 1 << R8 | 1 << R9 | 1 << R10,
    XMM_PINS = 13,
    MXCSR_FLAGS = 0x3f, MXCSR_MASKS = 0x1f80,
    SCRATCH_MXCSR = offsetof(struct cpu_hot, scratch) + 16,
    POINTER = 0x4000,                           /* the address of a frame field, not its content */
};

static void detect_host(void)
{
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        the_host.sse41 = c >> 19 & 1;
        the_host.sse42 = c >> 20 & 1;
        the_host.popcnt = c >> 23 & 1;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        the_host.bmi1 = b >> 3 & 1;
        the_host.bmi2 = b >> 8 & 1;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        the_host.lzcnt = c >> 5 & 1;
    }
}

static void pin_global(unsigned g, int reg)
{
    the_host.pin[g] = reg;
    the_host.global_of[reg] = g;
    if (reg >= XMM0) {
        the_host.xmm_pins |= 1u << reg;
    } else {
        the_host.gpr_pins |= 1u << reg;
    }
}

/* The globals of a class with the highest priorities; earlier ones first among equals. */
static void choose_pins(bool vector, const uint8_t *order, unsigned n)
{
    const struct target *t = the_host.target;

    for (unsigned i = 0; i < n; i++) {
        int best = -1;

        for (unsigned g = 0; g < t->n_globals; g++) {
            const struct ir_global *global = &t->globals[g];

            if (is_vector(global->type) == vector && the_host.pin[g] == NO_REG &&
                global->priority && g != t->pc_global &&
                (best < 0 || global->priority > t->globals[best].priority)) {
                best = g;
            }
        }
        if (best < 0) {
            break;
        }
        pin_global(best, vector ? XMM0 + i : order[i]);
    }
}

static void move_pins(struct emitter *e, uint32_t pins, bool store)
{
    static const unsigned ops[IR_TYPE_COUNT][2] = {
        [I32] = { OP_LOAD, OP_STORE }, [I64] = { OP_LOAD | X_W, OP_STORE | X_W },
        [F32] = { OP_LOADSS, OP_STORESS }, [F64] = { OP_LOADQ, OP_STOREQ },
        [V64] = { OP_LOADQ, OP_STOREQ }, [V128] = { OP_LOADUPS, OP_STOREUPS },
    };

    for (; pins; pins &= pins - 1) {
        int r = __builtin_ctz(pins);
        const struct ir_global *g = &the_host.target->globals[the_host.global_of[r]];

        x_rm(e, ops[g->type][store], r, env_mem(g->offset));
    }
}

/* Both use ecx. */
static void mxcsr_from_env(struct emitter *e)
{
    x_rm(e, OP_LOAD, RCX, env_mem(the_host.target->mxcsr_offset));
    x_alu_imm(e, ALU_OP_OR, false, RCX, MXCSR_MASKS);
    x_rm(e, OP_STORE, RCX, env_mem(SCRATCH_MXCSR));
    x_rm(e, 0xae | X_0F, 2, env_mem(SCRATCH_MXCSR));
}

static void mxcsr_to_env(struct emitter *e)
{
    x_rm(e, 0xae | X_0F, 3, env_mem(SCRATCH_MXCSR));
    x_rm(e, OP_LOAD, RCX, env_mem(SCRATCH_MXCSR));
    x_alu_imm(e, ALU_OP_AND, false, RCX, MXCSR_FLAGS);
    x_rm(e, ALU_OP_OR << 3 | 1, RCX, env_mem(the_host.target->mxcsr_offset));
}

static uint32_t *guest_mxcsr(void *env)
{
    int32_t offset = the_host.target->mxcsr_offset;

    return offset < 0 ? NULL : (uint32_t *)((uint8_t *)env + offset);
}

void backend_fp_enter(void *env)
{
    uint32_t *mxcsr = guest_mxcsr(env), value;

    if (mxcsr) {
        __asm__ volatile("stmxcsr %0" : "=m"(((struct cpu_hot *)env)->host_mxcsr));
        value = *mxcsr | MXCSR_MASKS;
        __asm__ volatile("ldmxcsr %0" : : "m"(value));
    }
}

void backend_fp_sync(void *env)
{
    uint32_t *mxcsr = guest_mxcsr(env), value;

    if (((struct cpu_hot *)env)->x87_resident) {
        the_host.target->x87_fetch(env);
    }
    if (mxcsr) {
        __asm__ volatile("stmxcsr %0" : "=m"(value));
        *mxcsr |= value & MXCSR_FLAGS;
        value = *mxcsr | MXCSR_MASKS;
        __asm__ volatile("ldmxcsr %0" : : "m"(value));
    }
}

void backend_fp_leave(void *env)
{
    if (guest_mxcsr(env)) {
        backend_fp_sync(env);
        __asm__ volatile("ldmxcsr %0" : : "m"(((struct cpu_hot *)env)->host_mxcsr));
    }
}

/* void enter(env, host) */
static void emit_enter(struct emitter *e)
{
    the_host.enter = x_here(e);
    for (unsigned i = 0; i < sizeof(callee_saved); i++) {
        if (callee_saved[i] & 8) {
            x_8(e, 0x41);
        }
        x_8(e, 0x50 | (callee_saved[i] & 7));
    }
    x_alu_imm(e, ALU_OP_SUB, true, RSP, FRAME_SIZE);
    x_rm(e, OP_LEA | X_W, RBP, mem_at(RDI, ENV_BIAS));
    x_mov(e, true, RAX, RSI);
    x_rm(e, OP_STORE | X_W, RSP, env_mem(offsetof(struct cpu_hot, scratch)));
    move_pins(e, the_host.gpr_pins | the_host.xmm_pins, false);
    x_rr(e, 0xff, 4, RAX);
}

static void emit_leave(struct emitter *e)
{
    the_host.leave = x_here(e);
    move_pins(e, the_host.gpr_pins | the_host.xmm_pins, true);
    x_store_imm(e, 8, env_mem(offsetof(struct cpu_hot, ra)), 0);
    x_alu_imm(e, ALU_OP_ADD, true, RSP, FRAME_SIZE);
    for (unsigned i = sizeof(callee_saved); i-- > 0; ) {
        if (callee_saved[i] & 8) {
            x_8(e, 0x41);
        }
        x_8(e, 0x58 | (callee_saved[i] & 7));
    }
    x_8(e, 0xc3);
}

static uint32_t emit_exit(struct emitter *e, enum exit_reason reason)
{
    uint32_t at = x_here(e);

    if (reason == EXIT_CHAIN || reason == EXIT_CHECK) {        /* called */
        x_8(e, 0x58);
        x_rm(e, OP_STORE | X_W, RAX, env_mem(offsetof(struct cpu_hot, scratch) + 8));
    }
    x_mov_imm(e, RAX, reason);
    x_jmp_to(e, the_host.leave);
    return at;
}

/* A region for the pc in env; region_refill() changes no vector register. */
static uint32_t emit_lookup(struct emitter *e, uint32_t loop)
{
    uint32_t at = x_here(e), pins = the_host.gpr_pins & CALLER_SAVED_PINS;

    move_pins(e, pins, true);
    x_rm(e, OP_LOAD | X_W, RDI, env_mem(offsetof(struct cpu_hot, cpu)));
    x_mov_imm(e, RAX, (uintptr_t)region_refill);
    x_rr(e, 0xff, 2, RAX);
    move_pins(e, pins, false);
    x_rr(e, OP_TEST | X_W, RAX, RAX);
    x_jcc_to(e, CC_E, loop);
    x_rr(e, 0xff, 4, RAX);
    return at;
}

/* Called where a direct exit could not be chained: the pc is at the return address. */
static void emit_lookup_chain(struct emitter *e)
{
    const struct ir_global *pc = &the_host.target->globals[the_host.target->pc_global];
    uint32_t miss;

    the_host.lookup_chain = x_here(e);
    x_8(e, 0x58);
    x_rm(e, OP_LOAD | X_W, RDX, mem_at(RAX, 0));
    miss = emit_jump_cache(e);
    x_patch(e, miss, x_here(e));
    x_rm(e, OP_STORE | (pc->type == I64 ? X_W : 0), RDX, env_mem(pc->offset));
    x_jmp_to(e, the_host.exit_lookup);
}

/* What a thunk does besides calling. */
struct thunk {
    void *function;
    uint8_t nargs;
    int16_t args[5];                            /* frame offsets, | POINTER */
    bool builtin;                               /* keeps temporaries; result in the frame */
    bool xmm, full, mxcsr, noreturn;                   /* switches vector state; all of it to env */
    uint64_t reads, writes;
};

static uint32_t pins_of(uint64_t globals)
{
    uint32_t pins = 0;

    for (; globals; globals &= globals - 1) {
        unsigned g = __builtin_ctzll(globals);

        if (g < the_host.target->n_globals && the_host.pin[g] != NO_REG) {
            pins |= 1u << the_host.pin[g];
        }
    }
    return pins;
}

/* Frame fields as seen inside a thunk: the return address is on the stack, too. */
static struct mem thunk_frame(int32_t offset)
{
    return frame_mem(offset + 8);
}

static void move_temps(struct emitter *e, bool store)
{
    static const uint8_t temps[] = { RAX, RCX, RDX, R11 };

    for (unsigned i = 0; i < 4; i++) {
        x_rm(e, (store ? OP_STORE : OP_LOAD) | X_W, temps[i], thunk_frame(FRAME_TEMPS + 8 * i));
    }
    for (unsigned i = 0; i < 3; i++) {
        x_rm(e, store ? 0x29 | X_0F : 0x28 | X_0F, XMM13 + i,
             thunk_frame(FRAME_XMM_TEMPS + 16 * i));
    }
}

/* What the globals that are pinned leave out of vectors in their registers */
static void move_wide_pins(struct emitter *e, bool store)
{
    for (uint32_t m = the_host.xmm_pins; m; m &= m - 1) {
        int r = __builtin_ctz(m);

        if (the_host.target->globals[the_host.global_of[r]].type != V128) {
            x_rm(e, store ? OP_STOREAPS : OP_MOVAPS, r,
                 thunk_frame(FRAME_PINS + 16 * (r - XMM0)));
        }
    }
}

static void call_function(struct emitter *e, const struct thunk *t)
{
    x_rm(e, OP_LEA | X_W, RDI, mem_at(RBP, -ENV_BIAS));
    for (unsigned i = 0; i < t->nargs; i++) {
        int16_t arg = t->args[i];

        x_rm(e, (arg & POINTER ? OP_LEA : OP_LOAD) | X_W, argument[i],
             thunk_frame(arg & ~POINTER));
    }
    x_mov_imm(e, RAX, (uintptr_t)t->function);
    x_alu_imm(e, ALU_OP_SUB, true, RSP, 8);
    x_rr(e, 0xff, 2, RAX);
    if (t->noreturn) {
        x_8(e, 0x0f);
        x_8(e, 0x0b);                           /* ud2 */
        return;
    }
    x_alu_imm(e, ALU_OP_ADD, true, RSP, 8);
}

static uint32_t emit_thunk(struct emitter *e, const struct thunk *t)
{
    uint32_t at = x_here(e), xmm = the_host.xmm_pins;

    if (t->builtin) {
        move_temps(e, true);
        move_wide_pins(e, true);
    }
    if (t->full) {
        move_pins(e, the_host.gpr_pins | xmm, true);
    } else {
        move_pins(e, (the_host.gpr_pins & CALLER_SAVED_PINS) | pins_of(t->reads), true);
    }
    x_rm(e, OP_LOAD | X_W, RAX, mem_at(RSP, 0));
    x_rm(e, OP_STORE | X_W, RAX, env_mem(offsetof(struct cpu_hot, ra)));
    if (t->mxcsr) {
        mxcsr_to_env(e);
    }
    call_function(e, t);
    if (t->noreturn) {
        return at;
    }
    if (t->mxcsr) {
        mxcsr_from_env(e);
    }
    if (t->builtin && !(t->args[1] & POINTER && t->nargs > 1)) {
        x_rm(e, OP_STORE | X_W, RAX, thunk_frame(FRAME_RESULT));
    }
    move_pins(e, (the_host.gpr_pins & CALLER_SAVED_PINS) | pins_of(t->writes) | (t->xmm ? xmm : 0),
              false);
    if (t->builtin) {
        move_wide_pins(e, false);
        move_temps(e, false);
    }
    x_8(e, 0xc3);
    return at;
}

static void emit_builtins(struct emitter *e)
{
    enum { A0 = FRAME_ARGS, A1 = A0 + 8, A2 = A0 + 16, A3 = A0 + 24,
           RESULT = FRAME_RESULT | POINTER, BUFFER = FRAME_BUFFER | POINTER };
    static const struct { void *function; uint8_t nargs; int16_t args[4]; } list[] = {
        [BUILTIN_LOAD] = { softmmu_load, 2, { A0, A1 } },
        [BUILTIN_STORE] = { softmmu_store, 3, { A0, A2, A1 } },
        [BUILTIN_LOAD16] = { softmmu_load16, 3, { A0, RESULT, A1 } },
        [BUILTIN_STORE16] = { softmmu_store16, 3, { A0, BUFFER, A1 } },
        [BUILTIN_ATOMIC] = { soft_atomic, 4, { A0, A1, A2, A3 } },
        [BUILTIN_SOFT_INT] = { soft_int, 3, { A0, A1, A2 } },
        [BUILTIN_SOFT_VECTOR] = { soft_vector, 3, { RESULT, BUFFER, A0 } },
        [BUILTIN_FP_FIX] = { NULL, 3, { A0, A1, A2 } },
        [BUILTIN_VF_FIX] = { NULL, 3, { RESULT, BUFFER, A0 } },
    };

    for (unsigned i = 0; i < BUILTIN_X87_LOAD; i++) {
        struct thunk t = {
            .function = list[i].function, .nargs = list[i].nargs, .builtin = true, .xmm = true,
            .full = true,
        };

        if (i == BUILTIN_FP_FIX) {
            t.function = the_host.target->fp_fix;
        } else if (i == BUILTIN_VF_FIX) {
            t.function = the_host.target->vf_fix;
        }
        memcpy(t.args, list[i].args, sizeof(list[i].args));
        the_host.builtins[i] = emit_thunk(e, &t);
    }
}

static void emit_x87_builtins(struct emitter *e)
{
    struct thunk load = { .function = the_host.target->x87_load, .builtin = true };
    struct thunk fetch = { .function = the_host.target->x87_fetch, .builtin = true };

    if (the_host.target->x87_load) {
        the_host.builtins[BUILTIN_X87_LOAD] = emit_thunk(e, &load);
        the_host.builtins[BUILTIN_X87_FETCH] = emit_thunk(e, &fetch);
    }
}

static void emit_helpers(struct emitter *e)
{
    const struct target *target = the_host.target;

    for (unsigned i = 0; i < target->n_helpers; i++) {
        const struct ir_helper *h = &target->helpers[i];
        bool raises = h->flags & (HELPER_RAISES | HELPER_NORETURN);
        struct thunk t = {
            .function = h->function, .nargs = h->nargs, .reads = h->reads, .writes = h->writes,
            .args = { FRAME_ARGS, FRAME_ARGS + 8, FRAME_ARGS + 16, FRAME_ARGS + 24 },
            .xmm = !(h->flags & HELPER_NO_XMM), .noreturn = h->flags & HELPER_NORETURN,
        };

        assert(h->nargs <= 4);
        t.full = t.xmm || raises;
        t.mxcsr = h->flags & HELPER_MXCSR && target->mxcsr_offset >= 0;
        the_host.helpers[i] = emit_thunk(e, &t);
    }
}

static const uint32_t vector_constants[VC_COUNT] = {
    [VC_SIGN] = 0x80000000, [VC_RANGE] = -0x40000000u, [VC_WORD] = -0x1e000000u,
    [VC_TWO] = 0x40000000, [VC_THREE] = 0x40400000, [VC_HALF] = 0x3f000000,
};

static void emit_masks(struct emitter *e)
{
    static const struct { uint32_t *at; uint64_t v; } masks[] = {
        { &the_host.sign_f32, 0x80000000ull }, { &the_host.sign_f64, 0x8000000000000000ull },
        { &the_host.abs_f32, 0xffffffff7fffffffull }, { &the_host.abs_f64, 0x7fffffffffffffffull },
    };

    while ((uintptr_t)e->p & 15) {
        x_8(e, 0x90);
    }
    for (unsigned i = 0; i < 4; i++) {
        *masks[i].at = x_here(e);
        x_64(e, masks[i].v);
        x_64(e, i < 2 ? 0 : ~0ull);
    }
    the_host.vector_constants = x_here(e);
    for (unsigned i = 0; i < 4 * VC_COUNT; i++) {
        x_32(e, vector_constants[i / 4]);
    }
    the_host.fix_f64 = x_here(e);
    x_64(e, FIX_SUBTRACT_64);
    x_64(e, FIX_LIMIT_64);
}

size_t backend_init(const struct target *target, bool user, uint8_t *buffer, size_t size)
{
    struct emitter e = { .p = buffer, .buffer = buffer, .limit = buffer + size };

    assert(target->n_helpers <= MAX_HELPERS && target->n_globals <= IR_MAX_GLOBALS);
    assert(size >= 4096 + 1024 * (target->n_helpers + BUILTIN_COUNT));
    memset(&the_host, 0, sizeof(the_host));
    the_host.target = target;
    the_host.user = user;
    the_host.buffer = buffer;
    memset(the_host.pin, NO_REG, sizeof(the_host.pin));
    detect_host();
    choose_pins(false, gpr_pin_order, sizeof(gpr_pin_order));
    choose_pins(true, NULL, XMM_PINS);
    emit_masks(&e);
    emit_enter(&e);
    emit_leave(&e);
    the_host.exit_poll = emit_exit(&e, EXIT_POLL);
    the_host.exit_lookup = emit_lookup(&e, emit_exit(&e, EXIT_LOOKUP));
    the_host.exit_chain = emit_exit(&e, EXIT_CHAIN);
    the_host.exit_loop = emit_exit(&e, EXIT_LOOP);
    the_host.exit_check = emit_exit(&e, EXIT_CHECK);
    emit_lookup_chain(&e);
    emit_builtins(&e);
    emit_x87_builtins(&e);
    emit_lone_thunks(&e);
    emit_helpers(&e);
    return e.p - buffer;
}
