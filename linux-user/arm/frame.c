/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signal frames, byte for byte as Linux lays them out for ARM, with the VFP registers: unwinders,
 * debuggers and programs that change registers from a handler depend on them.
 */
#include "linux-user/arm/arch.h"

#include <string.h>
#include <sys/mman.h>
#include "base/bits.h"
#include "base/error.h"
#include "tcg/backend.h"

enum { SIGINFO_SIZE = 128, VFP_MAGIC = 0x56465001, OLD_FRAME = 0x5ac3c35a };
#define SA_RESTORER_FLAG 0x04000000u
#define SA_THIRTYTWO 0x02000000u

struct arm_context {
    uint32_t trap_no, error_code, oldmask, r[16], cpsr, fault_address;
};

struct arm_vfp {
    uint32_t magic, size;
    uint32_t d[64];
    uint32_t fpscr, pad;
    uint32_t fpexc, fpinst, fpinst2, pad2;
};

struct arm_frame {
    uint32_t uc_flags, uc_link;
    uint32_t stack_sp, stack_flags, stack_size;
    struct arm_context sc;
    uint32_t sigmask[2], unused[30];
    struct arm_vfp vfp;
    uint32_t end[(512 - sizeof(struct arm_vfp)) / 4];
    uint32_t retcode[4];
};

struct arm_rt_frame {
    uint8_t info[SIGINFO_SIZE];
    struct arm_frame f;
};
_Static_assert(sizeof(struct arm_vfp) == 288, "struct vfp_sigframe");
_Static_assert(offsetof(struct arm_frame, vfp) == 232, "uc_regspace is aligned to 8");

/* The frame's words in the guest's order; vfp.d of big-endian guests as two words each. */
static void swap_words(void *frame, size_t size)
{
    uint32_t *w = frame;

    if (!user_process_abi->big_endian) {
        return;
    }
    for (size_t i = 0; i < size / 4; i++) {
        w[i] = __builtin_bswap32(w[i]);
    }
}

/* --- state ----------------------------------------------------------------------------------- */

static void save_vfp(struct arm_env *env, struct arm_vfp *v)
{
    unsigned high = user_process_abi->big_endian;

    if (!arm_has(env, F_VFP2)) {
        return;
    }
    backend_fp_sync(env);
    v->magic = VFP_MAGIC;
    v->size = sizeof(*v);
    for (unsigned i = 0; i < 32; i++) {
        v->d[2 * i + high] = env->d[i].s[0];
        v->d[2 * i + !high] = env->d[i].s[1];
    }
    v->fpscr = arm_fpscr_read(env);
    v->fpexc = 1u << 30;
}

static bool load_vfp(struct arm_env *env, const struct arm_vfp *v)
{
    unsigned high = user_process_abi->big_endian;

    if (!arm_has(env, F_VFP2)) {
        return true;
    }
    if (v->magic != VFP_MAGIC || v->size != sizeof(*v)) {
        return false;
    }
    for (unsigned i = 0; i < 32; i++) {
        env->d[i].s[0] = v->d[2 * i + high];
        env->d[i].s[1] = v->d[2 * i + !high];
    }
    backend_fp_leave(env);
    arm_fpscr_write(env, v->fpscr);
    backend_fp_enter(env);
    return true;
}

static void save_context(struct task *t, struct arm_frame *f, uint64_t mask)
{
    struct arm_env *env = arm_env(t->cpu);
    struct arm_context *c = &f->sc;

    memcpy(c->r, env->regs, sizeof(env->regs));
    c->r[15] = env->pc & ~1u;
    c->cpsr = arm_cpsr_read(env);
    c->trap_no = t->fault_trapno;
    c->error_code = t->fault_error;
    c->fault_address = t->fault_address;
    c->oldmask = mask;
    f->sigmask[0] = mask;
    f->sigmask[1] = mask >> 32;
    save_vfp(env, &f->vfp);
}

/* --- going to a handler ---------------------------------------------------------------------- */

static uint32_t frame_top(struct task *t, const struct user_sigaction *act)
{
    uint32_t sp = arm_env(t->cpu)->regs[R_SP];
    const struct user_stack *s = &t->sigaltstack;

    if (act->flags & SA_ONSTACK && s->size && sp - s->sp - 1 >= s->size) {
        sp = s->sp + s->size;
    }
    return sp;
}

static int stack_flags(struct task *t)
{
    const struct user_stack *s = &t->sigaltstack;
    uint64_t sp = arm_env(t->cpu)->regs[R_SP];

    if (!s->size) {
        return SS_DISABLE;
    }
    return (int)(s->flags & 1u << 31) | (sp - s->sp - 1 < s->size ? SS_ONSTACK : 0);
}

/*
 * Handlers without SA_RESTORER return to a page of our own: mov r7, #119 or #173; svc #0, in ARM
 * and in Thumb state.
 */
static uint32_t trampolines;

static bool map_trampolines(void)
{
    static const uint32_t code[] = {
        0xe3a07077, 0xef000000, 0xe3a070ad, 0xef000000, 0xdf002777, 0xdf0027ad,
    };
    int64_t page = user_mmap(0, USER_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                             0);
    uint32_t words[ARRAY_LEN(code)];

    memcpy(words, code, sizeof(code));
    if (!arm_env(user_task->cpu)->be8) {        /* BE8: only data is big-endian */
        swap_words(words, sizeof(words));
    }
    if (page < 0 || !user_write(page, words, sizeof(words)) ||
        user_mprotect(page, USER_PAGE, PROT_READ | PROT_EXEC) < 0) {
        return false;
    }
    trampolines = page;
    return true;
}

static uint32_t return_address(const struct user_sigaction *act, bool thumb)
{
    bool rt = act->flags & SA_SIGINFO;

    if (act->flags & SA_RESTORER_FLAG) {
        return act->restorer;
    }
    if (!trampolines && !map_trampolines()) {
        return 0;
    }
    return thumb ? trampolines + 16 + 4 * rt + 1 : trampolines + 8 * rt;
}

static void enter(struct arm_env *env, uint32_t handler, uint32_t sp, uint32_t link)
{
    env->regs[R_SP] = sp;
    env->regs[R_LR] = link;
    env->pc = handler & 1 ? handler : handler & ~3u;
    env->it = 0;
    env->exclusive_size = 0;
    env->cpsr = MODE_USR | (env->big_endian ? PSR_E : 0);
    arm_update_mode(env);
}

bool user_arch_push_frame(struct task *t, int sig, const siginfo_t *info,
                          const struct user_sigaction *act, uint64_t mask)
{
    struct arm_env *env = arm_env(t->cpu);
    struct arm_rt_frame f = { 0 };
    bool rt = act->flags & SA_SIGINFO;
    size_t size = rt ? sizeof(f) : sizeof(f.f);
    uint32_t at = align_down(frame_top(t, act) - size, 8), link;

    link = return_address(act, act->handler & 1);
    f.f.uc_flags = rt ? 0 : OLD_FRAME;
    f.f.stack_sp = t->sigaltstack.sp;
    f.f.stack_flags = stack_flags(t);
    f.f.stack_size = t->sigaltstack.size;
    save_context(t, &f.f, mask);
    swap_words(&f.f, sizeof(f.f));
    user_siginfo_32(info, f.info);
    if (!link || !user_write(at, rt ? (void *)&f : &f.f, size)) {
        return false;
    }
    enter(env, act->handler, at, link);
    env->regs[0] = sig;
    if (rt) {
        env->regs[1] = at;
        env->regs[2] = at + offsetof(struct arm_rt_frame, f);
    }
    if (t->sigaltstack.flags & 1u << 31) {      /* SS_AUTODISARM */
        t->sigaltstack = (struct user_stack){ 0 };
    }
    return true;
}

/* --- and back -------------------------------------------------------------------------------- */

int64_t user_sigreturn(struct task *t, bool rt)
{
    struct arm_env *env = arm_env(t->cpu);
    uint32_t sp = env->regs[R_SP];
    struct arm_frame f;

    if (sp & 7 || !user_read(&f, sp + (rt ? SIGINFO_SIZE : 0), sizeof(f))) {
        user_force_signal(t, SIGSEGV, SI_KERNEL, 0);
        return USER_NO_RESULT;
    }
    swap_words(&f, sizeof(f));
    if (!load_vfp(env, &f.vfp)) {
        user_force_signal(t, SIGSEGV, SI_KERNEL, 0);
        return USER_NO_RESULT;
    }
    memcpy(env->regs, f.sc.r, sizeof(env->regs));
    env->pc = f.sc.r[15];
    arm_cpsr_write(env, f.sc.cpsr, PSR_NZCV | PSR_Q | PSR_GE | PSR_IT | PSR_T | PSR_E);
    user_signal_restore(t, f.sigmask[0] | (uint64_t)f.sigmask[1] << 32);
    if (rt) {
        user_sigaltstack(t, &(struct user_stack){ f.stack_sp, f.stack_size, f.stack_flags }, NULL);
    }
    return USER_NO_RESULT;
}
