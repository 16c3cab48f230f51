/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a thread's x86 code: system calls, exceptions as signals, the vsyscall page. */
#include "linux-user/i386/arch.h"
#include "linux-user/trace.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include "base/bits.h"
#include "base/log.h"
#include "cpu-control.h"
#include "cpu-debug.h"
#include "linux-user/gdb.h"
#include "target-i386/gdb.h"
#include "target-i386/sys.h"
#include "tcg/backend.h"
#include "tcg/region.h"

const struct user_abi user_abi_x86_64 = { "x86_64", ABI_X86_64, 64, 8, false };
const struct user_abi user_abi_i386 = { "i686", ABI_I386, 32, 4, false };
const struct user_abi *const user_process_abi = X86_64 ? &user_abi_x86_64 : &user_abi_i386;
const struct user_arch_elf user_arch_elf = {
    X86_64 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB, X86_64 ? EM_X86_64 : EM_386,
    X86_64 ? EM_X86_64 : 6 /* the 486 of old files */
};
const int user_arch_exc_signal = EXC_SIGNAL;
const uint64_t user_arch_top = 0xffffe000;

const char *user_arch_platform(void)
{
    return X86_64 ? "x86_64" : "i686";
}

uint64_t user_arch_hwcap(struct cpu *cpu)
{
    return x86_env(cpu)->cpuid_1_edx;
}

uint64_t user_arch_sp(struct cpu *cpu)
{
    return x86_env(cpu)->regs[R_SP];
}

void user_arch_start(struct cpu *cpu, const struct user_program *p)
{
    struct x86_env *env = x86_env(cpu);

    x86_tables_init(env);
    x86_map_trampolines();
    env->pc = p->entry;
    env->regs[R_SP] = p->stack;
}

/* A new thread or process has none of its parent's. */
static void clear_debug_registers(struct x86_env *env)
{
    memset(env->dr, 0, sizeof(env->dr));
    env->dr[6] = DR6_FIXED;
    env->dr[7] = DR7_FIXED;
    x86_debug_update(env);
}

int64_t user_arch_clone(struct task *t, struct cpu *child, uint64_t stack, bool set_tls,
                        uint64_t tls)
{
    struct x86_env *from = x86_env(t->cpu), *to = x86_env(child);
    int64_t result = 0;

    if (from != to) {
        const size_t own = sizeof(struct cpu_hot);

        memcpy((uint8_t *)to + own, (const uint8_t *)from + own, sizeof(*to) - own);
        x86_tables_init(to);
        memcpy((void *)(uintptr_t)to->gdt_base, (void *)(uintptr_t)from->gdt_base,
               GDT_ENTRIES * 8);
        child->exception = -1;
        jump_cache_select(child);
    }
    clear_debug_registers(to);
    to->regs[R_AX] = 0;
    if (stack) {
        to->regs[R_SP] = stack;
    }
    if (set_tls && X86_64) {
        to->segs[SEG_FS].base = tls;
    } else if (set_tls) {
        result = x86_set_tls(to, tls);
    }
    return result;
}

/* --- exceptions as signals ------------------------------------------------------------------- */

/* Page fault error codes, as the kernel passes them on */
enum { PF_WRITE = 2, PF_USER = 4, PF_INSTR = 16 };

void user_arch_note_fault(struct task *t, const siginfo_t *info, const void *context)
{
    t->fault = *info;
    t->fault_trapno = EXC_PF;
    t->fault_error = PF_USER | (info->si_code == SEGV_ACCERR);
    if (context) {
        const greg_t *regs = ((const ucontext_t *)context)->uc_mcontext.gregs;

        t->fault_trapno = regs[REG_TRAPNO];
        t->fault_error = regs[REG_ERR];
        if (t->fault_trapno == EXC_PF && info->si_code == SEGV_MAPERR) {
            t->fault_error &= ~1ull;
        }
        t->fault_address = user_addr((void *)(uintptr_t)regs[REG_CR2]);
    } else {
        t->fault_error |= PF_INSTR;
        t->fault_address = user_addr(info->si_addr);
    }
    if (t->fault_trapno == EXC_PF) {
        t->fault.si_addr = (void *)(uintptr_t)t->fault_address;
    }
}

static void raise_signal(struct task *t, int sig, int code, uint64_t addr, int trapno)
{
    t->fault_trapno = trapno;
    t->fault_error = t->cpu->error_code;
    user_force_signal(t, sig, code, addr);
}

static int fp_code(unsigned flags)
{
    static const int codes[] = { FPE_FLTINV, FPE_FLTUND, FPE_FLTDIV, FPE_FLTOVF, FPE_FLTUND,
                                 FPE_FLTRES };

    for (unsigned i = 0; i < ARRAY_LEN(codes); i++) {
        static const uint8_t order[] = { 0, 2, 3, 4, 1, 5 };

        if (flags >> order[i] & 1) {
            return codes[order[i]];
        }
    }
    return FPE_FLTUNK;
}

/* Why #DB came. An instruction breakpoint lets its instruction pass when the thread goes on. */
static int debug_code(struct task *t, struct x86_env *env)
{
    enum { FOR_TRACERS = 0xe00f };
    uint64_t hits = env->dr[6] & 15;

    t->debug_status = env->dr[6] & FOR_TRACERS;
    env->dr[6] = DR6_FIXED;
    for (unsigned i = 0; i < 4; i++) {
        if (hits >> i & 1 && !(env->dr[7] >> (16 + 4 * i) & 3)) {
            env->eflags |= FL_RF;
        }
    }
    return hits && !(t->debug_status & DR6_BS) ? TRAP_HWBKPT : TRAP_TRACE;
}

static void take_exception(struct task *t, int vector)
{
    struct x86_env *env = x86_env(t->cpu);
    uint64_t pc = env->pc;

    switch (vector) {
    case EXC_DE:
        raise_signal(t, SIGFPE, FPE_INTDIV, pc, vector);
        break;
    case EXC_DB:
        raise_signal(t, SIGTRAP, debug_code(t, env), pc, vector);
        break;
    case EXC_INT_FIRST + EXC_BP:
        env->pc += env->fault_next_pc_delta;
        raise_signal(t, SIGTRAP, SI_KERNEL, 0, EXC_BP);
        break;
    case EXC_INT_FIRST + EXC_OF:
        env->pc += env->fault_next_pc_delta;
        raise_signal(t, SIGSEGV, SI_KERNEL, 0, EXC_OF);
        break;
    case EXC_ICEBP:
        env->pc += env->fault_next_pc_delta;
        raise_signal(t, SIGTRAP, TRAP_BRKPT, env->pc, EXC_DB);
        break;
    case EXC_UD:
        raise_signal(t, SIGILL, ILL_ILLOPN, pc, vector);
        break;
    case EXC_MF:
        raise_signal(t, SIGFPE, fp_code(env->fpus & ~env->fpuc & 0x3f), pc, vector);
        break;
    case EXC_XM:
        raise_signal(t, SIGFPE, fp_code(env->mxcsr & ~(env->mxcsr >> 7) & 0x3f), pc, vector);
        break;
    case EXC_AC:
        raise_signal(t, SIGBUS, BUS_ADRALN, 0, vector);
        break;
    case EXC_NP:
    case EXC_SS:
        raise_signal(t, SIGBUS, SI_KERNEL, 0, vector);
        break;
    default:                        /* #GP and software interrupts, whose gates are closed */
        if (vector >= EXC_INT_FIRST) {
            t->cpu->error_code = (vector - EXC_INT_FIRST) * 8 + 2;
        }
        raise_signal(t, SIGSEGV, SI_KERNEL, 0, vector >= EXC_INT_FIRST ? EXC_GP : vector);
    }
}

/* --- the vsyscall page ----------------------------------------------------------------------- */

#define VSYSCALL_PAGE 0xffffffffff600000ull

/* A call of one of its three functions: does it, and returns to the caller. */
static bool vsyscall(struct task *t)
{
    static const int numbers[] = { SYS_gettimeofday, SYS_time, SYS_getcpu };
    struct x86_env *env = x86_env(t->cpu);
    uint64_t offset = env->pc - VSYSCALL_PAGE, return_pc;
    int64_t args[6] = { 0 };

    if (!X86_64 || offset >= USER_PAGE || (offset & 1023) || offset >> 10 >= 3 ||
        !user_read(&return_pc, env->regs[R_SP], 8)) {
        return false;
    }
    args[0] = env->regs[R_DI];
    args[1] = env->regs[R_SI];
    args[2] = env->regs[R_DX];
    env->regs[R_AX] = user_syscall(t, numbers[offset >> 10], args);
    env->regs[R_SP] += 8;
    env->pc = return_pc;
    return true;
}

/* --- system calls ---------------------------------------------------------------------------- */

static int64_t call(struct task *t, int64_t num, int64_t args[6])
{
    return user_gdb_active ? user_gdb_syscall(t, num, args) : user_syscall(t, num, args);
}

/*
 * The tracer sees the result in the register, may change it, and sees also signals that the guest
 * ignores; those must not interrupt a call that the kernel would not have.
 */
static void finish_traced(struct task *t, struct x86_env *env, int64_t num, int64_t result)
{
    int64_t shown = result == USER_NO_RESULT ? (int64_t)env->regs[R_AX] : result;

    env->regs[R_AX] = (x86_word)shown;
    trace_call_end(t, shown);
    if (result == USER_RESTART ||
        (result == -EINTR && t->signal_pending && !user_take_signals(t))) {
        env->regs[R_AX] = (x86_word)num;
        env->pc -= 2;
    }
}

static void finish_syscall(struct task *t, struct x86_env *env, int64_t num, int64_t result)
{
    if (unlikely(t->trace)) {
        finish_traced(t, env, num, result);
        return;
    }
    if (result == USER_RESTART) {
        env->pc -= 2;                   /* syscall and int 0x80 have two bytes */
    } else if (result != USER_NO_RESULT) {
        env->regs[R_AX] = (x86_word)result;
    }
}

#if TARGET_WORD_BITS == 64
static void take_args64(const struct x86_env *env, int64_t args[6])
{
    static const uint8_t order[6] = { R_DI, R_SI, R_DX, 10, 8, 9 };

    for (unsigned i = 0; i < 6; i++) {
        args[i] = env->regs[order[i]];
    }
}

static void syscall64(struct task *t, struct x86_env *env)
{
    int64_t args[6], num = env->regs[R_AX];

    if (unlikely(t->trace)) {
        num = trace_call_begin(t, num);
    }
    take_args64(env, args);
    finish_syscall(t, env, num, call(t, num, args));
}
#else
static void syscall64(struct task *t, struct x86_env *env)
{
    take_exception(t, EXC_UD);          /* AMD's 32-bit SYSCALL is for the vDSO only */
}
#endif

static void syscall32(struct task *t, struct x86_env *env)
{
    static const uint8_t order[6] = { R_BX, R_CX, R_DX, R_SI, R_DI, R_BP };
    int64_t args[6], num = (uint32_t)env->regs[R_AX];

    if (unlikely(t->trace)) {
        num = (uint32_t)trace_call_begin(t, num);
    }
    for (unsigned i = 0; i < 6; i++) {
        args[i] = (uint32_t)env->regs[order[i]];
    }
    t->abi = &user_abi_i386;
    finish_syscall(t, env, num, call(t, num, args));
    t->abi = user_process_abi;
}

static void handle(struct task *t, int exception)
{
    struct x86_env *env = x86_env(t->cpu);

    switch (exception) {
    case EXC_SYSCALL:
        syscall64(t, env);
        break;
    case EXC_INT_FIRST + 0x80:
        syscall32(t, env);
        break;
    case EXC_SIGNAL:
        if (!vsyscall(t)) {
            user_force_info(t, &t->fault);
        }
        break;
    default:
        take_exception(t, exception);
    }
}

void user_arch_loop(struct task *t)
{
    struct cpu *cpu = t->cpu;

    for (;;) {
        int exception;
        bool steps;

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
        steps = unlikely(t->trace) && t->trace->resume == TRACE_STEP;
        if (steps) {
            user_arch_step(t, true);
        }
        cpu_exec_begin(cpu);
        cpu_run_guest(cpu);
        cpu_exec_end(cpu);
        if (steps) {
            user_arch_step(t, false);
        }
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
