/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ptrace: x86 registers as PTRACE_GETREGS and its like show them. */
#include "linux-user/trace.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include "linux-user/i386/arch.h"
#include "target-i386/flags.h"
#include "target-i386/fpu.h"
#include "target-i386/sys.h"
#include "tcg/backend.h"

#define SET_FLAGS (FL_ARITH | FL_DF | FL_AC | FL_RF | FL_NT)
enum { FXSAVE = 512, XCR0_AT = 464, XSTATE_BV_AT = 512, ENOSYS_RESULT = -38 };

const bool user_arch_can_step = true;

#if TARGET_WORD_BITS == 64

const uint32_t user_arch_audit = AUDIT_ARCH_X86_64;

/* Our registers' numbers in the order of struct user_regs_struct; -1: not one of them. */
enum { IP = 16, CS, FLAGS, SP, SS, FS_BASE, GS_BASE, DS, ES, FS, GS, WORDS };
static const int8_t order[WORDS] = {
    15, 14, 13, 12, R_BP, R_BX, 11, 10, 9, 8, R_AX, R_CX, R_DX, R_SI, R_DI, -1, -1, -1, -1, R_SP,
    -1, -1, -1, -1, -1, -1, -1,
};
enum { AX = 10, NUMBER = 15 };
typedef uint64_t word;
typedef int64_t signed_word;

static void save_call(const struct x86_env *env, struct trace_box *box)
{
    static const uint8_t args[6] = { R_DI, R_SI, R_DX, 10, 8, 9 };

    for (unsigned i = 0; i < 6; i++) {
        box->call[1 + i] = env->regs[args[i]];
    }
}

static void save_bases(struct x86_env *env, word *w)
{
    w[FS_BASE] = env->segs[SEG_FS].base;
    w[GS_BASE] = env->segs[SEG_GS].base;
}

static void load_bases(struct x86_env *env, const word *w)
{
    env->segs[SEG_FS].base = w[FS_BASE];
    env->segs[SEG_GS].base = w[GS_BASE];
}

#else

const uint32_t user_arch_audit = AUDIT_ARCH_I386;

enum { DS = 7, ES, FS, GS, IP = 12, CS, FLAGS, SP, SS, WORDS };
static const int8_t order[WORDS] = {
    R_BX, R_CX, R_DX, R_SI, R_DI, R_BP, R_AX, -1, -1, -1, -1, -1, -1, -1, -1, R_SP, -1,
};
enum { AX = 6, NUMBER = 11 };
typedef uint32_t word;
typedef int32_t signed_word;

static void save_call(const struct x86_env *env, struct trace_box *box)
{
    static const uint8_t args[6] = { R_BX, R_CX, R_DX, R_SI, R_DI, R_BP };

    for (unsigned i = 0; i < 6; i++) {
        box->call[1 + i] = env->regs[args[i]];
    }
}

static void save_bases(struct x86_env *env, word *w)
{
}

static void load_bases(struct x86_env *env, const word *w)
{
}

#endif

static const struct { uint8_t seg, at; } selectors[] = {
    { SEG_DS, DS }, { SEG_ES, ES }, { SEG_FS, FS }, { SEG_GS, GS },
};

static void save_fp(struct x86_env *env, struct trace_box *box)
{
    uint64_t features = 3;

    backend_fp_sync(env);
    memset(box->xstate, 0, sizeof(box->xstate));
    x86_fx_save(env, box->xstate, X86_64);
    memcpy(box->xstate + XCR0_AT, &features, 8);
    memcpy(box->xstate + XSTATE_BV_AT, &features, 8);
    x86_user_fsave(env, box->fsave);
}

void user_arch_trace_save(struct task *t, struct trace_box *box)
{
    struct x86_env *env = x86_env(t->cpu);
    word w[WORDS] = { 0 };

    for (unsigned i = 0; i < WORDS; i++) {
        if (order[i] >= 0) {
            w[i] = env->regs[order[i]];
        }
    }
    if (box->kind == TRACE_ENTRY) {
        w[AX] = ENOSYS_RESULT;
    }
    w[NUMBER] = t->trace_number;
    w[IP] = box->pc = env->pc;
    box->sp = env->regs[R_SP];
    w[FLAGS] = x86_get_eflags(env);
    w[CS] = env->segs[SEG_CS].selector;
    w[SS] = env->segs[SEG_SS].selector;
    for (unsigned i = 0; i < 4; i++) {
        w[selectors[i].at] = env->segs[selectors[i].seg].selector;
    }
    save_bases(env, w);
    memcpy(box->regs, w, sizeof(w));
    box->regs_size = sizeof(w);
    box->call[0] = t->trace_number;
    save_call(env, box);
    memcpy(box->debug, env->dr, sizeof(env->dr[0]) * 4);
    box->debug[6] = t->debug_status ^ DR6_FIXED;
    box->debug[7] = env->dr[7] & ~(uint64_t)DR7_FIXED;
    x86_save_tls(env, box->tls);
    save_fp(env, box);
}

static void load_regs(struct x86_env *env, const word *w, bool entry)
{
    for (unsigned i = 0; i < WORDS; i++) {
        /* At a call's entry the shown result is not what the register holds. */
        if (order[i] >= 0 && !(entry && i == AX)) {
            env->regs[order[i]] = w[i];
        }
    }
    env->pc = w[IP];
    x86_set_eflags(env, w[FLAGS], SET_FLAGS);
    for (unsigned i = 0; i < 4; i++) {
        if (env->segs[selectors[i].seg].selector != (uint16_t)w[selectors[i].at]) {
            x86_load_segment(env, selectors[i].seg, w[selectors[i].at]);
        }
    }
    load_bases(env, w);
    x86_update_mode(env);
}

void user_arch_trace_load(struct task *t, const struct trace_box *box)
{
    struct x86_env *env = x86_env(t->cpu);
    word w[WORDS];

    if (box->changed & TRACE_SET_REGS) {
        memcpy(w, box->regs, sizeof(w));
        load_regs(env, w, box->kind == TRACE_ENTRY);
        t->trace_number = (signed_word)w[NUMBER];
    }
    if (box->changed & TRACE_SET_DEBUG) {
        memcpy(env->dr, box->debug, sizeof(env->dr[0]) * 4);
        t->debug_status = box->debug[6] ^ DR6_FIXED;
        env->dr[7] = box->debug[7] | DR7_FIXED;
        x86_debug_update(env);
    }
    if (box->changed & TRACE_SET_XSTATE) {
        uint8_t fx[512] __attribute__((aligned(16)));

        memcpy(fx, box->xstate, sizeof(fx));
        backend_fp_leave(env);
        x86_fx_load(env, fx, X86_64);
        backend_fp_enter(env);
    }
}

/* --- debug registers ------------------------------------------------------------------------- */

/* What Linux lets a tracer do with breakpoint n of DR7. */
static bool breakpoint_is_good(const struct trace_box *box, unsigned n, uint64_t dr7)
{
    static const uint8_t lengths[] = { 1, 2, 8, 4 };
    enum { EXECUTE, WRITE, IO, ACCESS };
    unsigned kind = dr7 >> (16 + 4 * n) & 3, length = lengths[dr7 >> (18 + 4 * n) & 3];

    if (!(dr7 >> 2 * n & 3)) {
        return true;
    }
    return kind != IO && (kind != EXECUTE || length == 1) && (X86_64 || length != 8) &&
           box->debug[n] % length == 0;
}

int64_t user_arch_trace_set_debug(struct trace_box *box, unsigned n, uint64_t value)
{
    uint64_t dr7 = n == 7 ? value : box->debug[7];

    if (n == 4 || n == 5) {
        return -EIO;
    }
    if (n < 4 && X86_64 && value >= user_top) {
        return -EINVAL;
    }
    box->debug[n] = n == 7 ? value & 0xffff2bff : value;
    for (unsigned i = 0; i < 4; i++) {
        if (!breakpoint_is_good(box, i, dr7)) {
            return -EINVAL;
        }
    }
    return 0;
}

bool user_arch_trace_part(struct trace_box *box, uint64_t note, struct trace_part *p)
{
    switch (note) {
    case NT_PRSTATUS:
        *p = (struct trace_part){ box->regs, box->regs_size, TRACE_SET_REGS };
        return true;
    case NT_PRFPREG:
        *p = X86_64 ? (struct trace_part){ box->xstate, FXSAVE, TRACE_SET_XSTATE }
                    : (struct trace_part){ box->fsave, TRACE_FSAVE, 0 };
        return true;
    case NT_PRXFPREG:
        *p = (struct trace_part){ box->xstate, FXSAVE, TRACE_SET_XSTATE };
        return !X86_64;
    case NT_X86_XSTATE:
        *p = (struct trace_part){ box->xstate, TRACE_XSTATE, TRACE_SET_XSTATE };
        return true;
    default:
        return false;
    }
}

enum {
    GETREGS = 12, SETREGS = 13, GETFPREGS = 14, SETFPREGS = 15, GETFPXREGS = 18, SETFPXREGS = 19,
};

uint64_t user_arch_trace_note(int request)
{
    switch (request) {
    case GETREGS: case SETREGS: return NT_PRSTATUS;
    case GETFPREGS: case SETFPREGS: return NT_PRFPREG;
    case GETFPXREGS: case SETFPXREGS: return NT_PRXFPREG;
    default: return 0;
    }
}

bool user_arch_trace_sets(int request)
{
    return request == SETREGS || request == SETFPREGS || request == SETFPXREGS;
}

void user_arch_step(struct task *t, bool on)
{
    struct x86_env *env = x86_env(t->cpu);

    x86_set_eflags(env, on ? FL_TF : 0, FL_TF);
    x86_update_mode(env);
}
