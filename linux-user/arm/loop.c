/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a thread's ARM code: system calls, exceptions as signals. */
#include "linux-user/arm/arch.h"
#include "linux-user/gdb.h"
#include "linux-user/trace.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <ucontext.h>
#include "base/bits.h"
#include "cpu-control.h"
#include "cpu-debug.h"
#include "target-arm/gdb.h"
#include "tcg/region.h"

static const struct user_abi abi_eabi = {
    .name = "armv7l", .id = ABI_ARM, .word_bits = 32, .align64 = 8, .even_pairs = true,
    .arm_open_flags = true,
#ifdef TARGET_ARM_BIG
    .big_endian = true,
#endif
};
/* The old ABI: calls by the number in the instruction; pairs begin anywhere. */
static const struct user_abi abi_oabi = {
    .name = "armv7l", .id = ABI_ARM, .word_bits = 32, .align64 = 4, .arm_open_flags = true,
#ifdef TARGET_ARM_BIG
    .big_endian = true,
#endif
};
const struct user_abi *const user_process_abi = &abi_eabi;
const struct user_arch_elf user_arch_elf = {
    ELFCLASS32,
#ifdef TARGET_ARM_BIG
    ELFDATA2MSB,
#else
    ELFDATA2LSB,
#endif
    EM_ARM, EM_ARM,
};
const int user_arch_exc_signal = EXC_SIGNAL;
const uint64_t user_arch_top = 0xffff0000;     /* the page of kernel helpers */

const char *user_arch_platform(void)
{
    const struct arm_env *env = arm_env(user_task->cpu);

    return arm_has(env, F_V7) ? "v7l" : arm_has(env, F_V6) ? "v6l" : arm_has(env, F_V5) ? "v5l"
                                                                                        : "v4l";
}

/* HWCAP_* of arch/arm */
uint64_t user_arch_hwcap(struct cpu *cpu)
{
    static const struct { uint8_t feature; uint32_t bits; } caps[] = {
        { F_DSP, 1 << 7 | 1 << 15 }, { F_VFP2, 1 << 6 }, { F_NEON, 1 << 12 }, { F_VFP3, 1 << 13 },
        { F_V6K, 1 << 15 }, { F_VFP4, 1 << 16 }, { F_DIV_ARM, 1 << 17 }, { F_DIV_THUMB, 1 << 18 },
        { F_D32, 1 << 19 }, { F_LPAE, 1 << 20 },
    };
    const struct arm_env *env = arm_env(cpu);
    /* SWP, half words, Thumb, fast multiplication */
    uint32_t hwcap = 1 | 2 | 4 | 16;

    for (unsigned i = 0; i < ARRAY_LEN(caps); i++) {
        hwcap |= arm_has(env, caps[i].feature) ? caps[i].bits : 0;
    }
    if (!arm_has(env, F_V6K)) {
        hwcap &= ~(1u << 15);       /* TLS register */
    }
    if (arm_has(env, F_VFP3) && !arm_has(env, F_D32)) {
        hwcap |= 1 << 14;
    }
    return hwcap;
}

uint64_t user_arch_sp(struct cpu *cpu)
{
    return arm_env(cpu)->regs[R_SP];
}

void user_arch_start(struct cpu *cpu, const struct user_program *p)
{
    struct arm_env *env = arm_env(cpu);

    env->be8 = p->flags & 0x00800000;   /* EF_ARM_BE8 */
    arm_map_kuser_page(env);
    env->pc = p->entry;
    env->regs[R_SP] = p->stack;
    arm_update_mode(env);
}

int64_t user_arch_clone(struct task *t, struct cpu *child, uint64_t stack, bool set_tls,
                        uint64_t tls)
{
    struct arm_env *from = arm_env(t->cpu), *to = arm_env(child);

    if (from != to) {
        const size_t own = sizeof(struct cpu_hot);

        memcpy((uint8_t *)to + own, (const uint8_t *)from + own, sizeof(*to) - own);
        to->selected_mode = ~0u;
        to->exclusive_size = 0;
        child->exception = -1;
        jump_cache_select(child);
        arm_debug_changed(child);
    }
    to->regs[0] = 0;
    if (stack) {
        to->regs[R_SP] = stack;
    }
    if (set_tls) {
        arm_set_tls(to, tls);
    }
    return 0;
}

/* --- exceptions as signals ------------------------------------------------------------------- */

/* Fault status as the kernel passes it on */
enum { FSR_TRANSLATION = 7, FSR_PERMISSION = 15, FSR_WRITE = 1 << 11, TRAP_FAULT = 14 };

void user_arch_note_fault(struct task *t, const siginfo_t *info, const void *context)
{
    bool write = false;

    t->fault = *info;
    if (context) {
        const greg_t *regs = ((const ucontext_t *)context)->uc_mcontext.gregs;

        write = regs[REG_ERR] & 2;
        t->fault_address = user_addr((void *)(uintptr_t)regs[REG_CR2]);
    } else {
        t->fault_address = user_addr(info->si_addr);
    }
    t->fault_trapno = TRAP_FAULT;
    t->fault_error = (info->si_code == SEGV_ACCERR ? FSR_PERMISSION : FSR_TRANSLATION) |
                     (write ? FSR_WRITE : 0);
    t->fault.si_addr = (void *)(uintptr_t)(uint32_t)t->fault_address;
}

static void raise_signal(struct task *t, int sig, int code, uint64_t addr, int trapno)
{
    t->fault_trapno = trapno;
    t->fault_error = 0;
    user_force_signal(t, sig, code, addr);
}

/* --- system calls ---------------------------------------------------------------------------- */

static int64_t private_call(struct task *t, uint32_t number)
{
    struct arm_env *env = arm_env(t->cpu);

    switch (number) {
    case ARM_NR_BREAKPOINT:
        raise_signal(t, SIGTRAP, TRAP_BRKPT, env->pc & ~1u, 0);
        return USER_NO_RESULT;
    case ARM_NR_CACHEFLUSH:         /* code is seen to change anyway */
        return 0;
    case ARM_NR_SET_TLS:
        arm_set_tls(env, env->regs[0]);
        return 0;
    case ARM_NR_GET_TLS:
        return env->cp15.tpidruro;
    case ARM_NR_CMPXCHG:
        arm_kuser_cmpxchg(t);
        return USER_NO_RESULT;
    }
    if (number >> 16 == ARM_NR_BASE >> 16 && (number & 0xffff) <= 0x7ff) {
        return -ENOSYS;             /* calls that may come to be */
    }
    raise_signal(t, SIGILL, ILL_ILLTRP, (env->pc & ~1u) - (arm_is_thumb(env) ? 2 : 4), 0);
    return USER_NO_RESULT;
}

/* The tracer may have changed the result; what it sees must not interrupt more than the kernel. */
static void finish_traced(struct task *t, struct arm_env *env, uint32_t first, int64_t result)
{
    if (result != USER_NO_RESULT) {
        env->regs[0] = (uint32_t)result;
    }
    trace_call_end(t, (int32_t)env->regs[0]);
    if (result == USER_RESTART ||
        (result == -EINTR && t->signal_pending && !user_take_signals(t))) {
        env->regs[0] = first;
        env->pc -= arm_is_thumb(env) ? 2 : 4;
    }
}

static void system_call(struct task *t, uint32_t imm)
{
    struct arm_env *env = arm_env(t->cpu);
    uint32_t number = env->regs[7];
    int64_t args[6], result;
    uint32_t first = env->regs[0];

    if (imm && !arm_is_thumb(env)) {
        number = imm ^ 0x900000;
        t->abi = &abi_oabi;
    }
    if (number >= ARM_NR_BASE) {
        result = private_call(t, number);
    } else {
        if (unlikely(t->trace)) {
            number = trace_call_begin(t, number);
        }
        for (unsigned i = 0; i < 6; i++) {
            args[i] = env->regs[i];
        }
        first = env->regs[0];
        result = user_gdb_active ? user_gdb_syscall(t, number, args)
                                 : user_syscall(t, number, args);
    }
    t->abi = user_process_abi;
    if (unlikely(t->trace)) {
        finish_traced(t, env, first, result);
    } else if (result == USER_RESTART) {
        env->pc -= arm_is_thumb(env) ? 2 : 4;
    } else if (result != USER_NO_RESULT) {
        env->regs[0] = (uint32_t)result;
    }
}

/* Undefined instructions that debuggers use: the kernel's undef hooks. */
static bool is_breakpoint(const struct arm_env *env)
{
    bool big = env->big_endian && !env->be8;
    uint32_t pc = env->pc & ~1u;
    uint8_t code[4];

    if (!arm_is_thumb(env)) {
        return user_read(code, pc, 4) &&
               ((big ? ld32_be(code) : ld32_le(code)) & 0x0fffffff) == 0x07f001f0;
    }
    if (!user_read(code, pc, 2)) {
        return false;
    }
    return (big ? ld16_be(code) : ld16_le(code)) == 0xde01 ||
           (user_read(code, pc, 4) && (big ? ld16_be(code) == 0xf7f0 && ld16_be(code + 2) == 0xa000
                                           : ld32_le(code) == 0xa000f7f0));
}

static void handle(struct task *t, int exception)
{
    struct arm_env *env = arm_env(t->cpu);
    uint32_t pc = env->pc & ~1u;

    switch (exception) {
    case EXC_SVC:
        system_call(t, env->fault_status);
        break;
    case EXC_SIGNAL:
        user_force_info(t, &t->fault);
        break;
    case EXC_BKPT:
        raise_signal(t, SIGTRAP, TRAP_BRKPT, pc, 0);
        break;
    case EXC_DATA:
        raise_signal(t, SIGBUS, BUS_ADRALN, env->fault_addr, TRAP_FAULT);
        break;
    case EXC_PREFETCH:
        raise_signal(t, SIGBUS, BUS_ADRALN, pc, 0);
        break;
    default:
        if (exception == EXC_UNDEF && is_breakpoint(env)) {
            raise_signal(t, SIGTRAP, TRAP_BRKPT, pc, 0);
            break;
        }
        raise_signal(t, SIGILL, ILL_ILLOPC, pc, 6);
    }
}

void user_arch_loop(struct task *t)
{
    struct cpu *cpu = t->cpu;

    for (;;) {
        int exception;

        __atomic_store_n(&cpu_hot(cpu)->exit_req, 0, __ATOMIC_SEQ_CST);
        user_gdb_poll(t);
        if (t->signal_pending) {
            user_take_signals(t);
            if (cpu_debug_alone(cpu) && t->debug.entered) {
                cpu_debug_after(cpu, true);
                t->debug.entered = false;
                continue;
            }
        }
        t->debug.entered = false;
        cpu_exec_begin(cpu);
        cpu_run_guest(cpu);
        cpu_exec_end(cpu);
        exception = cpu->exception;
        cpu->exception = -1;
        if (exception >= 0) {
            handle(t, exception);
        }
        /* A step that was a fault ends before its handler. */
        if (cpu_debug_alone(cpu) && t->debug.entered) {
            cpu_debug_after(cpu, true);
        }
    }
}

/* --- calls that ARM does not have ------------------------------------------------------------ */

int64_t user_arch_prctl(struct task *t, int code, uint64_t addr)
{
    return -ENOSYS;
}

int64_t user_set_thread_area(struct task *t, uint64_t desc)
{
    return -ENOSYS;
}

int64_t user_get_thread_area(struct task *t, uint64_t desc)
{
    return -ENOSYS;
}

int64_t user_modify_ldt(struct task *t, int func, uint64_t addr, uint64_t bytes)
{
    return -ENOSYS;
}
