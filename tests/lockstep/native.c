/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The silicon side: enters user code with all registers set, and is left through a signal. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <cpuid.h>

#include "lockstep.h"

static struct {
    uint64_t regs[16], rflags, rip;
    uint64_t cs;
    uint8_t fx[512] __attribute__((aligned(16)));
} entry;

static sigjmp_buf back;
static struct machine_state *result;
static struct outcome *outcome;
static uint8_t host_fx[512] __attribute__((aligned(16)));

/* Loads everything from `entry' and jumps; never returns. 32-bit code is entered by iretq. */
__asm__(
    ".text\n"
    "native_enter:\n"
    "  lea entry(%rip), %rax\n"
    "  fxrstor64 160(%rax)\n"
    "  mov $0x2b, %ecx\n  mov %ecx, %ds\n  mov %ecx, %es\n"
    "  push %rcx\n"                     /* ss */
    "  push 32(%rax)\n"                 /* rsp */
    "  push 128(%rax)\n"                /* rflags */
    "  push 144(%rax)\n"                /* cs */
    "  push 136(%rax)\n"                /* rip */
    "  mov 8(%rax), %rcx\n  mov 16(%rax), %rdx\n  mov 24(%rax), %rbx\n"
    "  mov 40(%rax), %rbp\n  mov 48(%rax), %rsi\n  mov 56(%rax), %rdi\n"
    "  mov 64(%rax), %r8\n  mov 72(%rax), %r9\n  mov 80(%rax), %r10\n"
    "  mov 88(%rax), %r11\n  mov 96(%rax), %r12\n  mov 104(%rax), %r13\n"
    "  mov 112(%rax), %r14\n  mov 120(%rax), %r15\n"
    "  mov (%rax), %rax\n"
    "  iretq\n");
void native_enter(void);

static void on_signal(int sig, siginfo_t *info, void *context)
{
    static const int from[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
                                  REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
                                  REG_R14, REG_R15 };
    ucontext_t *uc = context;

    /* The program's AC and NT are still there: they would hurt us. */
    __asm__ volatile("push $2\n\tpopfq" : : : "cc", "memory");
    for (int i = 0; i < 16; i++) {
        result->regs[i] = uc->uc_mcontext.gregs[from[i]];
    }
    result->rip = uc->uc_mcontext.gregs[REG_RIP];
    result->rflags = uc->uc_mcontext.gregs[REG_EFL];
    memcpy(result->fx, uc->uc_mcontext.fpregs, sizeof(result->fx));
    outcome->vector = uc->uc_mcontext.gregs[REG_TRAPNO];
    outcome->error_code = uc->uc_mcontext.gregs[REG_ERR];
    outcome->fault_addr = outcome->vector == EXC_PF ? uc->uc_mcontext.gregs[REG_CR2] : 0;
    siglongjmp(back, 1);
}

static void map(uint64_t at, size_t size, int prot)
{
    if (mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
        (void *)at) {
        perror("lockstep: cannot map the guest's addresses");
        exit(1);
    }
}

void native_init(void)
{
    static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP };
    stack_t alt = { .ss_sp = malloc(65536), .ss_size = 65536 };
    struct sigaction action = { .sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    map(CODE_AT, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(DATA_AT, DATA_SIZE, PROT_READ | PROT_WRITE);
    map(STACK_AT, STACK_SIZE, PROT_READ | PROT_WRITE);
    sigaltstack(&alt, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
}

void native_run(const struct program *p, struct machine_state *s, struct outcome *out)
{
    mprotect((void *)CODE_AT, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy((void *)CODE_AT, p->code, MAX_CODE);
    if (!p->writable) {
        mprotect((void *)CODE_AT, CODE_SIZE, PROT_READ | PROT_EXEC);
    }
    memcpy((void *)DATA_AT, s->data, DATA_SIZE);
    memcpy((void *)STACK_AT, s->stack, STACK_SIZE);
    memcpy(entry.regs, s->regs, sizeof(entry.regs));
    memcpy(entry.fx, s->fx, sizeof(entry.fx));
    entry.rip = s->rip;
    entry.rflags = s->rflags;
    entry.cs = p->code64 ? 0x33 : 0x23;
    result = s;
    outcome = out;
    __asm__ volatile("fxsave64 %0" : "=m"(host_fx));
    if (!sigsetjmp(back, 0)) {
        native_enter();
    }
    __asm__ volatile("fxrstor64 %0" : : "m"(host_fx));
    memcpy(s->data, (void *)DATA_AT, DATA_SIZE);
    memcpy(s->stack, (void *)STACK_AT, STACK_SIZE);
    memcpy(s->code, (void *)CODE_AT, MAX_CODE);
}

void native_features(bool has[FEAT_COUNT])
{
    static struct x86_env env;
    uint32_t a = 0, b = 0, c = 0, d = 0;

    __get_cpuid(1, &a, &b, &c, &d);
    env.cpuid_1_ecx = c;
    env.cpuid_1_edx = d;
    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    env.cpuid_7_ebx = b;
    env.cpuid_7_ecx = c;
    env.cpuid_7_edx = d;
    __get_cpuid(0x80000001, &a, &b, &c, &d);
    env.cpuid_ext_ecx = c;
    env.cpuid_ext_edx = d;
    x86_decode_features(&env, has);
}

uint32_t native_x87_bits(void)
{
    uint32_t a, b = 0, c, d;

    __get_cpuid_count(7, 0, &a, &b, &c, &d);
    return b & (1 << 6 | 1 << 13);
}
