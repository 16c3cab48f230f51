/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The status registers as a whole, and modes with their banked registers. */
#include "target-arm/flags.h"
#include "target-arm/cpu.h"
#include "target-arm/helpers.h"

#include <string.h>

#include "base/bits.h"
#include "tcg/region.h"

/* --- condition flags ------------------------------------------------------------------------- */

/* Uses no vector register: helpers call it from translated code. */
__attribute__((target("general-regs-only"))) void arm_pack_flags(struct arm_env *env)
{
    uint32_t a = env->cv_a, b = env->cv_b, r;

    switch (env->cv_op) {
    case CV_SUB:
        r = a - b;
        env->cv_a = a >= b;
        env->cv_b = ((a ^ b) & (a ^ r)) >> 31;
        break;
    case CV_ADD:
        r = a + b;
        env->cv_a = r < a;
        env->cv_b = ((a ^ r) & (b ^ r)) >> 31;
        break;
    }
    env->cv_op = CV_VALUES;
}

__attribute__((target("general-regs-only"))) void helper_pack_cv(struct arm_env *env)
{
    arm_pack_flags(env);
}

static void set_nzcv(struct arm_env *env, uint32_t value)
{
    env->nf = value;
    env->zf = value & PSR_Z ? 0 : 1;
    env->cv_op = CV_VALUES;
    env->cv_a = value >> 29 & 1;
    env->cv_b = value >> 28 & 1;
}

uint32_t arm_ge_spread(uint32_t bits)
{
    return (bits & 15) * 0x00204081 << 7 & 0x80808080;
}

uint32_t arm_ge_packed(uint32_t ge)
{
    return (ge >> 7) * 0x10204080 >> 28;
}

uint32_t arm_cpsr_read(struct arm_env *env)
{
    uint32_t it = env->it;

    arm_pack_flags(env);
    return env->cpsr | (arm_is_thumb(env) ? PSR_T : 0) | (env->nf & PSR_N) |
           (env->zf ? 0 : PSR_Z) | env->cv_a << 29 | env->cv_b << 28 | (env->qf ? PSR_Q : 0) |
           arm_ge_packed(env->ge) << 16 | (it & 3) << 25 | (it & 0xfc) << 8;
}

void arm_cpsr_write(struct arm_env *env, uint32_t value, uint32_t mask)
{
    if (mask & PSR_NZCV) {
        set_nzcv(env, value);
    }
    if (mask & PSR_Q) {
        env->qf = value >> 27 & 1;
    }
    if (mask & PSR_GE) {
        env->ge = arm_ge_spread(value >> 16);
    }
    if (mask & PSR_T) {
        env->pc = (env->pc & ~1u) | (value >> 5 & 1);
    }
    if (mask & PSR_IT) {
        env->it = (value >> 25 & 3) | (value >> 8 & 0xfc);
    }
    if (mask & PSR_MODE) {
        arm_switch_mode(env, value & PSR_MODE);
    }
    mask &= PSR_KEPT & ~PSR_MODE;
    env->cpsr = (env->cpsr & ~mask) | (value & mask);
    arm_update_mode(env);
}

/* --- modes ----------------------------------------------------------------------------------- */

unsigned arm_bank(unsigned mode)
{
    switch (mode) {
    case MODE_FIQ: return BANK_FIQ;
    case MODE_IRQ: return BANK_IRQ;
    case MODE_SVC: return BANK_SVC;
    case MODE_ABT: return BANK_ABT;
    case MODE_UND: return BANK_UND;
    case MODE_MON: return BANK_MON;
    default: return BANK_USR;
    }
}

void arm_switch_mode(struct arm_env *env, unsigned mode)
{
    unsigned from = arm_bank(env->cpsr & PSR_MODE), to = arm_bank(mode);

    env->cpsr = (env->cpsr & ~PSR_MODE) | mode;
    if (from == to) {
        return;
    }
    env->banked_sp[from] = env->regs[R_SP];
    env->banked_lr[from] = env->regs[R_LR];
    env->regs[R_SP] = env->banked_sp[to];
    env->regs[R_LR] = env->banked_lr[to];
    if (from == BANK_FIQ || to == BANK_FIQ) {
        memcpy(env->banked_r8[from == BANK_FIQ], &env->regs[8], sizeof(env->banked_r8[0]));
        memcpy(&env->regs[8], env->banked_r8[to == BANK_FIQ], sizeof(env->banked_r8[0]));
    }
}

/* --- what changes decoding ------------------------------------------------------------------- */

unsigned arm_mmu_index(const struct arm_env *env)
{
    return env->key_mode & KEY_PRIVILEGED ? MMU_PRIVILEGED : MMU_USER;
}

__attribute__((target("general-regs-only")))
void arm_code_key(struct cpu *cpu, struct code_key *key)
{
    struct arm_env *env = arm_env(cpu);

    key->pc = env->pc;
    key->base = 0;
    key->mode = env->key_mode | env->it;
    if (unlikely(env->selected_mode != key->mode)) {
        env->selected_mode = key->mode;
        jump_cache_select(cpu);     /* asks again */
    }
}
