/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signal frames, byte for byte as Linux lays them out for x86-64 and i386: unwinders, debuggers and
 * programs that change registers from a handler depend on them.
 */
#include "linux-user/i386/arch.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "base/bits.h"
#include "base/error.h"
#include "target-i386/flags.h"
#include "target-i386/fpu.h"
#include "target-i386/sys.h"
#include "tcg/backend.h"

enum {
    FX_SIZE = 512, XSTATE_SIZE = FX_SIZE + 64, XSTATE_FRAME = XSTATE_SIZE + 4,
    FSAVE_SIZE = 112,                   /* in front of it in i386 frames */
    SIGINFO_SIZE = 128, RED_ZONE = 128,
};
#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u
#define SA_RESTORER_FLAG 0x04000000

/* Flags that sigreturn takes over */
#define RETURN_FLAGS (FL_ARITH | FL_DF | FL_TF | FL_AC | FL_RF | FL_NT)

/* The last bytes of the FXSAVE area, which software owns */
struct sw_bytes {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t xstate_size, pad[7];
};

struct stack64 { uint64_t sp; int32_t flags, pad; uint64_t size; };
struct stack32 { uint32_t sp; int32_t flags; uint32_t size; };

struct context64 {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct frame64 {
    uint64_t pretcode;
    uint64_t uc_flags, uc_link;
    struct stack64 stack;
    struct context64 sc;
    uint64_t sigmask;
    uint8_t info[SIGINFO_SIZE];
};
_Static_assert(sizeof(struct context64) == 256, "struct sigcontext of x86-64");

struct context32 {
    uint32_t gs, fs, es, ds, di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip, cs, flags,
        sp_at_signal, ss, fpstate, oldmask, cr2;
};

struct frame32 {
    uint32_t pretcode, sig;
    struct context32 sc;
    uint8_t unused_fpstate[624];
    uint32_t extramask;
    uint8_t retcode[8];
};

struct rt_frame32 {
    uint32_t pretcode, sig, pinfo, puc;
    uint8_t info[SIGINFO_SIZE];
    uint32_t uc_flags, uc_link;
    struct stack32 stack;
    struct context32 sc;
    uint32_t sigmask[2];
    uint8_t retcode[8];
};
_Static_assert(sizeof(struct rt_frame32) == 16 + SIGINFO_SIZE + 108 + 8 + 8, "no padding");

/* --- floating point state -------------------------------------------------------------------- */

static unsigned fp_size(const struct x86_env *env)
{
    return (X86_64 ? 0 : FSAVE_SIZE) + (env->cr[4] & CR4_OSXSAVE ? XSTATE_FRAME : FX_SIZE);
}

void x86_user_fsave(const struct x86_env *env, uint8_t *p)
{
    uint32_t head[7] = {
        0xffff0000 | env->fpuc, 0xffff0000 | env->fpus | env->fptop << FPUS_TOP_SHIFT,
        0xffff0000 | fp_full_tags(env), env->fpip, env->fpcs | (uint32_t)env->fop << 16,
        env->fpdp, 0xffff0000 | env->fpds,
    };
    memcpy(p, head, sizeof(head));
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = &env->fpregs[fp_index(env, i)];

        memcpy(p + 28 + 10 * i, &r->mant, 8);
        memcpy(p + 28 + 10 * i + 8, &r->exp, 2);
    }
}

static bool push_fp(struct x86_env *env, uint64_t at)
{
    uint8_t buf[FSAVE_SIZE + XSTATE_FRAME] __attribute__((aligned(64))) = { 0 };
    uint8_t *fx = buf + (X86_64 ? 0 : FSAVE_SIZE);
    uint64_t features = 3;
    uint32_t magic2 = MAGIC2;

    backend_fp_sync(env);
    if (!X86_64) {
        uint32_t status;                        /* and magic 0: FXSAVE data follows */

        x86_user_fsave(env, buf);
        status = env->fpus | env->fptop << FPUS_TOP_SHIFT;
        memcpy(buf + 108, &status, 4);
    }
    x86_fx_save(env, fx, X86_64);
    if (env->cr[4] & CR4_OSXSAVE) {
        struct sw_bytes sw = { MAGIC1, fp_size(env), features, XSTATE_SIZE };

        memcpy(fx + FX_SIZE - sizeof(sw), &sw, sizeof(sw));
        memcpy(fx + FX_SIZE, &features, 8);
        memcpy(fx + XSTATE_SIZE, &magic2, 4);
    }
    return user_write(at, buf, fp_size(env));
}

static bool pop_fp(struct x86_env *env, uint64_t at)
{
    uint8_t fx[FX_SIZE] __attribute__((aligned(16)));

    if (at && !user_read(fx, at + (X86_64 ? 0 : FSAVE_SIZE), sizeof(fx))) {
        return false;
    }
    backend_fp_leave(env);
    if (at) {
        x86_fx_load(env, fx, X86_64);
    } else {
        x86_user_reset_fpu(env);
    }
    backend_fp_enter(env);
    return true;
}

/* --- where the frame goes -------------------------------------------------------------------- */

static uint64_t frame_top(struct task *t, const struct user_sigaction *act)
{
    uint64_t sp = x86_env(t->cpu)->regs[R_SP] - (X86_64 ? RED_ZONE : 0);
    const struct user_stack *s = &t->sigaltstack;

    if (act->flags & SA_ONSTACK && s->size && sp - s->sp - 1 >= s->size) {
        sp = s->sp + s->size;
    }
    return X86_64 ? sp : (uint32_t)sp;
}

static void disarm(struct task *t)
{
    if (t->sigaltstack.flags & 1u << 31) {      /* SS_AUTODISARM */
        t->sigaltstack = (struct user_stack){ 0 };
    }
}

static int stack_flags(struct task *t)
{
    const struct user_stack *s = &t->sigaltstack;
    uint64_t sp = x86_env(t->cpu)->regs[R_SP];

    if (!s->size) {
        return SS_DISABLE;
    }
    return (int)(s->flags & 1u << 31) | (sp - s->sp - 1 < s->size ? SS_ONSTACK : 0);
}

/* What all handlers begin with; the kernel clears floating point state, too. */
static void enter(struct x86_env *env, uint64_t handler, uint64_t sp)
{
    backend_fp_leave(env);
    x86_user_reset_fpu(env);
    memset(env->xmm, 0, sizeof(env->xmm));
    backend_fp_enter(env);
    env->regs[R_SP] = sp;
    env->pc = handler;
    x86_set_eflags(env, 0, FL_DF | FL_TF | FL_RF);
    x86_load_code_segment(env, X86_64 ? USER_CS64 : USER_CS32, USER_DS);
    if (!X86_64) {
        x86_load_segment(env, SEG_DS, USER_DS);
        x86_load_segment(env, SEG_ES, USER_DS);
    }
    x86_update_mode(env);
}

#if TARGET_WORD_BITS == 64

void x86_map_trampolines(void)
{
    /* Without SA_RESTORER the kernel has no way back, either. */
}

/* --- x86-64 ---------------------------------------------------------------------------------- */

static void save_context(struct task *t, struct context64 *c, uint64_t mask, uint64_t fp)
{
    struct x86_env *env = x86_env(t->cpu);
    const x86_word *r = env->regs;

    *c = (struct context64){
        r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15], r[R_DI], r[R_SI], r[R_BP], r[R_BX],
        r[R_DX], r[R_AX], r[R_CX], r[R_SP], env->pc, x86_get_eflags(env),
        env->segs[SEG_CS].selector, 0, 0, env->segs[SEG_SS].selector,
        t->fault_error, t->fault_trapno, mask, t->fault_address, fp,
    };
}

bool user_arch_push_frame(struct task *t, int sig, const siginfo_t *info,
                          const struct user_sigaction *act, uint64_t mask)
{
    struct x86_env *env = x86_env(t->cpu);
    uint64_t fp = align_down(frame_top(t, act) - fp_size(env), 64);
    uint64_t at = align_down(fp - sizeof(struct frame64), 16) - 8;
    struct frame64 f = { .pretcode = act->restorer, .sigmask = mask };

    f.uc_flags = 6 | (env->cr[4] & CR4_OSXSAVE ? 1 : 0);
    f.stack = (struct stack64){ t->sigaltstack.sp, stack_flags(t), 0, t->sigaltstack.size };
    save_context(t, &f.sc, mask, fp);
    memcpy(f.info, info, SIGINFO_SIZE);
    if (!push_fp(env, fp) || !user_write(at, &f, sizeof(f))) {
        return false;
    }
    enter(env, act->handler, at);
    env->regs[R_DI] = sig;
    env->regs[R_SI] = at + offsetof(struct frame64, info);
    env->regs[R_DX] = at + offsetof(struct frame64, uc_flags);
    env->regs[R_AX] = 0;
    disarm(t);
    return true;
}

static void load_context(struct x86_env *env, const struct context64 *c, bool strict_ss)
{
    const uint64_t regs[16] = { c->ax, c->cx, c->dx, c->bx, c->sp, c->bp, c->si, c->di, c->r8,
                                c->r9, c->r10, c->r11, c->r12, c->r13, c->r14, c->r15 };

    memcpy(env->regs, regs, sizeof(regs));
    env->pc = c->ip;
    x86_set_eflags(env, c->flags, RETURN_FLAGS);
    x86_load_code_segment(env, c->cs, strict_ss ? c->ss : USER_DS);
    x86_update_mode(env);
}

int64_t user_sigreturn(struct task *t, bool rt)
{
    struct x86_env *env = x86_env(t->cpu);
    struct frame64 f;

    if (!user_read(&f, env->regs[R_SP] - 8, sizeof(f)) || !pop_fp(env, f.sc.fpstate)) {
        user_force_signal(t, SIGSEGV, SI_KERNEL, 0);
        return USER_NO_RESULT;
    }
    load_context(env, &f.sc, f.uc_flags & 4);
    user_signal_restore(t, f.sigmask);
    user_sigaltstack(t, &(struct user_stack){ f.stack.sp, f.stack.size, f.stack.flags }, NULL);
    return USER_NO_RESULT;
}

#else

/* --- i386 ------------------------------------------------------------------------------------ */

static void save_context(struct task *t, struct context32 *c, uint64_t mask, uint64_t fp)
{
    struct x86_env *env = x86_env(t->cpu);
    const x86_word *r = env->regs;

    *c = (struct context32){
        env->segs[SEG_GS].selector, env->segs[SEG_FS].selector, env->segs[SEG_ES].selector,
        env->segs[SEG_DS].selector, r[R_DI], r[R_SI], r[R_BP], r[R_SP], r[R_BX], r[R_DX], r[R_CX],
        r[R_AX], t->fault_trapno, t->fault_error, env->pc, env->segs[SEG_CS].selector,
        x86_get_eflags(env), r[R_SP], env->segs[SEG_SS].selector, fp, mask, t->fault_address,
    };
}

/*
 * popl %eax; mov $119, %eax; int $0x80 and mov $173, %eax; int $0x80: unwinders know a signal frame
 * by these bytes. Handlers return to them in a page of their own, as stacks are not executable; the
 * copies in the frames are for debuggers only.
 */
static const uint8_t retcode[8] = { 0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80 };
static const uint8_t rt_retcode[8] = { 0xb8, 173, 0, 0, 0, 0xcd, 0x80, 0 };
static uint32_t trampolines;            /* address of that page: retcode, 16 bytes on rt_retcode */

void x86_map_trampolines(void)
{
    int64_t page = user_mmap(0, USER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                             0);

    if (page < 0 || !user_write(page, retcode, sizeof(retcode)) ||
        !user_write(page + 16, rt_retcode, sizeof(rt_retcode)) ||
        user_mprotect(page, USER_PAGE, PROT_READ | PROT_EXEC) < 0) {
        error_exit("cannot map the page that signal handlers return to; see -R");
    }
    trampolines = page;
}

static bool push_old(struct task *t, int sig, const struct user_sigaction *act, uint64_t mask,
                     uint32_t fp, uint32_t *at)
{
    struct frame32 f = { .sig = sig, .extramask = mask >> 32 };

    *at = align_down(fp - sizeof(f) + 4, 16) - 4;
    f.pretcode = act->flags & SA_RESTORER_FLAG ? act->restorer : trampolines;
    save_context(t, &f.sc, mask, fp);
    memcpy(f.retcode, retcode, sizeof(retcode));
    return user_write(*at, &f, sizeof(f));
}

static bool push_rt(struct task *t, int sig, const siginfo_t *info,
                    const struct user_sigaction *act, uint64_t mask, uint32_t fp, uint32_t *at)
{
    struct rt_frame32 f = { .sig = sig, .sigmask = { mask, mask >> 32 } };

    *at = align_down(fp - sizeof(f) + 4, 16) - 4;
    f.pretcode = act->flags & SA_RESTORER_FLAG ? act->restorer : trampolines + 16;
    f.pinfo = *at + offsetof(struct rt_frame32, info);
    f.puc = *at + offsetof(struct rt_frame32, uc_flags);
    f.uc_flags = x86_env(t->cpu)->cr[4] & CR4_OSXSAVE ? 1 : 0;
    f.stack = (struct stack32){ t->sigaltstack.sp, stack_flags(t), t->sigaltstack.size };
    save_context(t, &f.sc, mask, fp);
    user_siginfo_32(info, f.info);
    memcpy(f.retcode, rt_retcode, sizeof(rt_retcode));
    return user_write(*at, &f, sizeof(f));
}

bool user_arch_push_frame(struct task *t, int sig, const siginfo_t *info,
                          const struct user_sigaction *act, uint64_t mask)
{
    struct x86_env *env = x86_env(t->cpu);
    /* The FXSAVE part behind the FSAVE part is aligned to 64. */
    uint32_t fp = align_down(frame_top(t, act) - fp_size(env) + FSAVE_SIZE, 64) - FSAVE_SIZE, at;
    bool rt = act->flags & SA_SIGINFO;

    if (!push_fp(env, fp) || !(rt ? push_rt(t, sig, info, act, mask, fp, &at)
                                  : push_old(t, sig, act, mask, fp, &at))) {
        return false;
    }
    enter(env, act->handler, at);
    env->regs[R_AX] = sig;
    env->regs[R_DX] = rt ? at + offsetof(struct rt_frame32, info) : 0;
    env->regs[R_CX] = rt ? at + offsetof(struct rt_frame32, uc_flags) : 0;
    disarm(t);
    return true;
}

static bool load_context(struct x86_env *env, const struct context32 *c)
{
    const uint32_t regs[8] = { c->ax, c->cx, c->dx, c->bx, c->sp, c->bp, c->si, c->di };

    if (!pop_fp(env, c->fpstate)) {
        return false;
    }
    memcpy(env->regs, regs, sizeof(regs));
    env->pc = c->ip;
    x86_set_eflags(env, c->flags, RETURN_FLAGS);
    x86_load_code_segment(env, c->cs, c->ss);
    x86_load_segment(env, SEG_DS, c->ds);
    x86_load_segment(env, SEG_ES, c->es);
    x86_load_segment(env, SEG_FS, c->fs);
    x86_load_segment(env, SEG_GS, c->gs);
    x86_update_mode(env);
    return true;
}

/* The old frame's handler has popped the signal's number. */
static bool return_old(struct task *t)
{
    struct frame32 f;
    uint64_t mask;

    if (!user_read(&f, (uint32_t)x86_env(t->cpu)->regs[R_SP] - 8, sizeof(f)) ||
        !load_context(x86_env(t->cpu), &f.sc)) {
        return false;
    }
    mask = f.sc.oldmask | (uint64_t)f.extramask << 32;
    user_signal_restore(t, mask);
    return true;
}

static bool return_rt(struct task *t)
{
    struct rt_frame32 f;
    uint64_t mask;

    if (!user_read(&f, (uint32_t)x86_env(t->cpu)->regs[R_SP] - 4, sizeof(f)) ||
        !load_context(x86_env(t->cpu), &f.sc)) {
        return false;
    }
    mask = f.sigmask[0] | (uint64_t)f.sigmask[1] << 32;
    user_signal_restore(t, mask);
    user_sigaltstack(t, &(struct user_stack){ f.stack.sp, f.stack.size, f.stack.flags }, NULL);
    return true;
}

int64_t user_sigreturn(struct task *t, bool rt)
{
    if (!(rt ? return_rt(t) : return_old(t))) {
        user_force_signal(t, SIGSEGV, SI_KERNEL, 0);
    }
    return USER_NO_RESULT;
}

#endif
