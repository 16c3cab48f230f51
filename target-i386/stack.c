/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stack as gates, far returns and task switches use it: checked as a whole, then committed. */
#include "target-i386/sys.h"

#include "base/bits.h"
#include "target-i386/translate.h"
#include "tcg/softmmu.h"

void x86_stack_make(struct x86_env *env, struct x86_stack *s, uint64_t base, uint64_t sp,
                    uint32_t flags, unsigned cpl)
{
    s->env = env;
    s->base = base;
    s->sp = sp;
    s->mask = flags & DESC_DB ? 0xffffffff : 0xffff;
    s->idx = cpl == 3 ? MMU_USER
        : (env->cr[4] & CR4_SMAP) && !(env->eflags & FL_AC) ? MMU_KERNEL_SMAP : MMU_KERNEL;
}

void x86_stack_current(struct x86_env *env, struct x86_stack *s)
{
    const struct x86_segment *ss = &env->segs[SEG_SS];

    x86_stack_make(env, s, ss->base, env->regs[R_SP], ss->flags, env->cpl);
    if (x86_code64(env)) {
        s->base = 0;
        s->mask = ~0ull;
    }
}

static uint64_t stack_address(const struct x86_stack *s, uint64_t sp)
{
    uint64_t address = s->base + (sp & s->mask);

    return s->mask == ~0ull ? address : (uint32_t)address;
}

void x86_stack_room(const struct x86_stack *s, const struct x86_segment *seg, unsigned len,
                    uint32_t error)
{
    uint64_t lowest = (s->sp - len) & s->mask;

    if (s->mask == ~0ull ? !x86_canonical(lowest) || !x86_canonical(s->sp - 1)
                         : !x86_seg_covers(seg, lowest, len)) {
        x86_raise_error(s->env, EXC_SS, error);
    }
}

void x86_stack_has(const struct x86_stack *s, unsigned len)
{
    uint64_t sp = s->sp & s->mask;

    if (s->mask == ~0ull ? !x86_canonical(sp) || !x86_canonical(sp + len - 1)
                         : !x86_seg_covers(&s->env->segs[SEG_SS], sp, len)) {
        x86_raise_error(s->env, EXC_SS, 0);
    }
}

void x86_stack_push(struct x86_stack *s, unsigned size, uint64_t value)
{
    uint64_t address;

    s->sp -= size;
    address = stack_address(s, s->sp);
    if (size == 8) {
        cpu_stq(s->env, address, value, s->idx);
    } else if (size == 4) {
        cpu_stl(s->env, address, (uint32_t)value, s->idx);
    } else {
        cpu_stw(s->env, address, (uint16_t)value, s->idx);
    }
}

uint64_t x86_stack_pop(struct x86_stack *s, unsigned size)
{
    uint64_t address = stack_address(s, s->sp);

    s->sp += size;
    if (size == 8) {
        return cpu_ldq(s->env, address, s->idx);
    }
    return size == 4 ? cpu_ldl(s->env, address, s->idx) : cpu_lduw(s->env, address, s->idx);
}

/* A 32-bit stack pointer clears the upper half of RSP, a 16-bit one keeps the rest of ESP. */
void x86_set_sp(struct x86_env *env, uint64_t sp, uint64_t mask)
{
    if (mask == 0xffff) {
        env->regs[R_SP] = (env->regs[R_SP] & ~(x86_word)0xffff) | (uint16_t)sp;
    } else {
        env->regs[R_SP] = (x86_word)(sp & mask);
    }
}

void x86_stack_commit(const struct x86_stack *s)
{
    x86_set_sp(s->env, s->sp, s->mask);
}

static bool implies_stack(const struct x86_opcode *op)
{
    static void (*const handlers[])(struct x86_dis *) = {
        trans_push, trans_pop, trans_pushf, trans_popf, trans_call, trans_call_value, trans_ret,
        trans_enter, trans_leave, trans_push_seg, trans_pop_seg,
    };

    for (unsigned i = 0; i < ARRAY_LEN(handlers); i++) {
        if (op->translate == handlers[i]) {
            return true;
        }
    }
    return false;
}

bool x86_insn_uses_stack(struct x86_env *env, enum mmu_access access)
{
    unsigned len = MIN_OF(X86_MAX_INSN, 0x1000 - (env->pc & 0xfff));
    uint8_t code[X86_MAX_INSN];
    bool has[FEAT_COUNT];
    struct x86_insn in;

    if (!x86_code64(env) || !cpu_debug_access(env_cpu(env), env->pc, code, len, false)) {
        return false;
    }
    if (cpu_debug_access(env_cpu(env), env->pc + len, code + len, X86_MAX_INSN - len, false)) {
        len = X86_MAX_INSN;
    }
    x86_decode_features(env, has);
    if (!x86_decode(&in, code, len, env->pc, env->mode, has, NULL) || !in.op) {
        return false;
    }
    if (implies_stack(in.op)) {
        /* The other half of a push or call from memory, or of a pop into it, is its operand. */
        enum mmu_access operand = in.op->translate == trans_pop ? MMU_WRITE : MMU_READ;

        if (!x86_modrm_mem(&in) || access != operand) {
            return true;
        }
    }
    return x86_modrm_mem(&in) && in.seg == SEG_SS;
}
