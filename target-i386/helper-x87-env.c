/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x87's reset and exceptions, and the instructions that move its environment to and from memory
 * in the four formats: 16 or 32 bits, real or protected mode.
 */
#include "target-i386/cpu.h"

#include "base/bits.h"
#include "base/lock.h"
#include "target-i386/fpu.h"
#include "target-i386/helpers.h"
#include "target-i386/sys.h"
#include "tcg/softmmu.h"

uint16_t fp_full_tags(const struct x86_env *env)
{
    unsigned full = 0;

    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = &env->fpregs[i];
        unsigned exp = r->exp & 0x7fff, tag = 0;

        if (env->fptags >> i & 1) {
            tag = 3;
        } else if (exp == 0 && r->mant == 0) {
            tag = 1;
        } else if (exp == 0 || exp == 0x7fff || !(r->mant >> 63)) {
            tag = 2;
        }
        full |= tag << 2 * i;
    }
    return full;
}

void fp_init(struct x86_env *env)
{
    env->fpuc = FPUC_DEFAULT;
    env->fptop = 0;
    env->fptags = 0xff;
    env->fop = env->fpcs = env->fpds = 0;
    env->fpip = env->fpdp = 0;
    fp_set_status(env, 0);
}

/* --- unmasked exceptions, MODE_FP_TRAPS only --- */

/*
 * The PC's way, with CR0.NE clear: FERR# is IRQ 13, taken before this instruction if it can be. Its
 * handler's write to port 0xf0 lets x87 instructions pass (IGNNE#) until the exception is gone.
 */
static void signal_error(struct x86_env *env)
{
    struct cpu *cpu = env_cpu(env);

    if (env->ignne) {
        return;
    }
    big_lock();
    x86_ferr(env, true);
    big_unlock();
    if ((__atomic_load_n(&cpu->interrupts, __ATOMIC_SEQ_CST) & CPU_INT_HARD) &&
        (env->eflags & FL_IF) && !env->mode_inhibit) {
        cpu_restore_state(cpu);
        env->hot.ra = 0;
        cpu_loop_exit(cpu);
    }
}

void helper_fp_wait(struct x86_env *env)
{
    if (likely(!(env->fpus & FPUS_ES))) {
        env->ignne = false;
        return;
    }
    if (env->cr[0] & CR0_NE) {
        x86_raise(env, EXC_MF);
    }
    signal_error(env);
}

/* After the helper of a store: with fp_skip, goes on behind the instruction instead of storing. */
void helper_fp_finish(struct x86_env *env, uint32_t length)
{
    struct cpu *cpu = env_cpu(env);

    if (likely(!env->fp_skip)) {
        return;
    }
    env->fp_skip = false;
    cpu_restore_state(cpu);
    env->hot.ra = 0;
    env->fpip = env->pc;
    env->pc += length;
    if (env->mode & MODE_TF) {
        helper_single_step(env, env->pc, false);
    }
    cpu_loop_exit(cpu);
}

/* After whatever may have changed the masks. */
void helper_fp_mode(struct x86_env *env)
{
    x86_update_mode(env);
}

void helper_fp_init(struct x86_env *env)
{
    x86_fp_fetch(env);
    fp_init(env);
    x86_update_mode(env);
}

/* --- the environment --- */

struct fp_words { uint32_t cw, sw, tw, fip, fcs, fdp, fds; };

static uint64_t wrap(const struct x86_env *env, uint64_t addr)
{
    return env->mode & MODE_CS64 ? addr : (uint32_t)addr;
}

static struct fp_words words_get(const struct x86_env *env, unsigned format)
{
    struct fp_words w = { .cw = env->fpuc, .sw = env->fpus | env->fptop << FPUS_TOP_SHIFT,
                          .tw = fp_full_tags(env), .fip = env->fpip, .fdp = env->fpdp };

    if (format & FP_ENV_PROTECTED) {
        w.fcs = env->fpcs | (format & FP_ENV_32 ? (env->fop & 0x7ffu) << 16 : 0);
        w.fds = env->fpds | (format & FP_ENV_32 ? 0xffff0000 : 0);
    } else {
        uint32_t ip = w.fip + env->fpcs * 16, dp = w.fdp + env->fpds * 16;

        w.fip = (ip & 0xffff) | 0xffff0000;
        w.fcs = ip >> 16 << 12 | (env->fop & 0x7ff);
        w.fdp = (dp & 0xffff) | 0xffff0000;
        w.fds = dp >> 16 << 12;
    }
    w.cw |= 0xffff0000;
    w.sw |= 0xffff0000;
    w.tw |= 0xffff0000;
    return w;
}

static void words_set(struct x86_env *env, const struct fp_words *w, unsigned format)
{
    env->fpuc = (w->cw & FPUC_VALID) | FPUC_ONE;
    env->fptop = w->sw >> FPUS_TOP_SHIFT & 7;
    fp_set_tags(env, w->tw);
    if (format & FP_ENV_PROTECTED) {
        env->fpip = w->fip;
        env->fpcs = fp_without_selectors(env) ? 0 : w->fcs;
        env->fpdp = w->fdp;
        env->fpds = fp_without_selectors(env) ? 0 : w->fds;
        env->fop = format & FP_ENV_32 ? w->fcs >> 16 & 0x7ff : 0;
    } else {
        env->fpip = (w->fip & 0xffff) | (w->fcs & 0xffff000) << 4;
        env->fpdp = (w->fdp & 0xffff) | (w->fds & 0xffff000) << 4;
        env->fpcs = env->fpds = 0;
        env->fop = w->fcs & 0x7ff;
    }
    fp_set_status(env, w->sw);
}

static unsigned words_size(unsigned format)
{
    return format & FP_ENV_32 ? 28 : 14;
}

static void words_write(struct x86_env *env, uint64_t addr, unsigned format)
{
    struct fp_words w = words_get(env, format);
    const uint32_t *word = &w.cw;
    unsigned mmu = x86_mmu_index(env);

    for (unsigned i = 0; i < 7; i++) {
        if (format & FP_ENV_32) {
            cpu_stl(env, wrap(env, addr + 4 * i), word[i], mmu);
        } else {
            cpu_stw(env, wrap(env, addr + 2 * i), word[i], mmu);
        }
    }
}

static struct fp_words words_read(struct x86_env *env, uint64_t addr, unsigned format)
{
    struct fp_words w;
    uint32_t *word = &w.cw;
    unsigned mmu = x86_mmu_index(env);

    for (unsigned i = 0; i < 7; i++) {
        word[i] = format & FP_ENV_32 ? cpu_ldl(env, wrap(env, addr + 4 * i), mmu)
                                     : cpu_lduw(env, wrap(env, addr + 2 * i), mmu);
    }
    return w;
}

/* As silicon does: the first word, then the last byte. */
static void check_area(struct x86_env *env, uint64_t addr, unsigned size, enum mmu_access access,
                       uint32_t format)
{
    unsigned mmu = x86_mmu_index(env), word = format & FP_ENV_32 ? 4 : 2;

    x86_check_alignment(env, addr, word);
    cpu_probe(env, addr, word, access, mmu);
    cpu_probe(env, wrap(env, addr + size - 1), 1, access, mmu);
}

void helper_fp_stenv(struct x86_env *env, uint64_t addr, uint32_t format)
{
    check_area(env, addr, words_size(format), MMU_WRITE, format);
    x86_fp_fetch(env);
    words_write(env, addr, format);
    fp_set_control(env, env->fpuc | FPUC_MASKS);
    x86_update_mode(env);
}

void helper_fp_ldenv(struct x86_env *env, uint64_t addr, uint32_t format)
{
    struct fp_words w;

    check_area(env, addr, words_size(format), MMU_READ, format);
    x86_fp_fetch(env);
    w = words_read(env, addr, format);
    words_set(env, &w, format);
    x86_update_mode(env);
}

void helper_fp_save(struct x86_env *env, uint64_t addr, uint32_t format)
{
    unsigned size = words_size(format), mmu = x86_mmu_index(env);

    check_area(env, addr, size + 80, MMU_WRITE, format);
    x86_fp_fetch(env);
    words_write(env, addr, format);
    for (unsigned i = 0; i < 8; i++) {
        const struct x86_fpreg *r = fp_st(env, i);

        cpu_stq(env, wrap(env, addr + size + 10 * i), r->mant, mmu);
        cpu_stw(env, wrap(env, addr + size + 10 * i + 8), r->exp, mmu);
    }
    fp_init(env);
    x86_update_mode(env);
}

void helper_fp_rstor(struct x86_env *env, uint64_t addr, uint32_t format)
{
    unsigned size = words_size(format), mmu = x86_mmu_index(env);
    struct x86_fpreg st[8];
    struct fp_words w;

    check_area(env, addr, size + 80, MMU_READ, format);
    x86_fp_fetch(env);
    w = words_read(env, addr, format);
    for (unsigned i = 0; i < 8; i++) {
        st[i].mant = cpu_ldq(env, wrap(env, addr + size + 10 * i), mmu);
        st[i].exp = cpu_lduw(env, wrap(env, addr + size + 10 * i + 8), mmu);
    }
    words_set(env, &w, format);
    for (unsigned i = 0; i < 8; i++) {
        struct x86_fpreg *r = fp_st(env, i);

        r->mant = st[i].mant;
        r->exp = st[i].exp;
    }
    x86_update_mode(env);
}
