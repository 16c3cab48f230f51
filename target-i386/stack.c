/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The stack as gates, far returns and task switches use it: checked as a whole, then committed. */
#include "target-i386/sys.h"

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

/* One-byte opcodes that use the stack implicitly: push, pop, pushf, popf, call, ret, enter, leave */
static bool opcode_uses_stack(uint8_t op)
{
    return (op >= 0x50 && op <= 0x5f) || op == 0x68 || op == 0x6a || op == 0x9c || op == 0x9d ||
        op == 0xe8 || (op >= 0xc2 && op <= 0xc3) || (op >= 0xc8 && op <= 0xcb) || op == 0xcf;
}

/* 64-bit code only: whether the ModRM operand has RSP or RBP as its base. */
static bool operand_uses_stack(const uint8_t *p, uint8_t rex)
{
    uint8_t mod = p[0] >> 6, rm = p[0] & 7, base;

    if (mod == 3) {
        return false;
    }
    if (rm == 4) {
        base = p[1] & 7;
        return !(rex & 1) && (base == R_SP || (base == R_BP && mod != 0));
    }
    return !(rex & 1) && rm == R_BP && mod != 0;
}

bool x86_insn_uses_stack(struct x86_env *env)
{
    uint8_t code[16] = { 0 }, rex = 0, op;
    unsigned at = 0;
    bool two_bytes;

    if (!x86_code64(env) || !cpu_debug_access(env_cpu(env), env->pc, code, 15, false)) {
        return false;
    }
    for (; at < 12; at++) {
        op = code[at];
        if (op == 0x64 || op == 0x65) {
            return false;
        }
        if (op == 0x66 || op == 0x67 || op == 0xf0 || op == 0xf2 || op == 0xf3 || op == 0x2e ||
            op == 0x36 || op == 0x3e || op == 0x26) {
            continue;
        }
        break;
    }
    if ((code[at] & 0xf0) == 0x40) {
        rex = code[at++];
    }
    two_bytes = code[at] == 0x0f;
    if (two_bytes) {
        at++;
        at += code[at] == 0x38 || code[at] == 0x3a;
        op = code[at];
        if (op == 0xa0 || op == 0xa1 || op == 0xa8 || op == 0xa9) {
            return true;
        }
    } else {
        op = code[at];
        if (opcode_uses_stack(op) || (op == 0xff && (code[at + 1] >> 3 & 7) == 6)) {
            return !(op == 0xff && (code[at + 1] >> 6) != 3) || operand_uses_stack(&code[at + 1], rex);
        }
        if ((op >= 0xa0 && op <= 0xaf) || (op >= 0x6c && op <= 0x6f) || op == 0xd7) {
            return false;
        }
    }
    return operand_uses_stack(&code[at + 1], rex);
}
