/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single steps under TF: flags after each instruction, also those that the next one overwrites. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum { FLAGS = 0x8d5 | 0x100, STEPS = 32 };

extern char begin[], end[];
static struct { long offset; unsigned flags; } steps[STEPS];
static volatile int n;

static void on_trap(int sig, siginfo_t *info, void *context)
{
    const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
#ifdef __x86_64__
    long pc = regs[REG_RIP];
#else
    long pc = regs[REG_EIP];
#endif

    if (pc >= (long)begin && pc <= (long)end && n < STEPS) {
        steps[n].offset = pc - (long)begin;
        steps[n++].flags = regs[REG_EFL] & FLAGS;
    }
}

int main(void)
{
    struct sigaction act = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

    sigaction(SIGTRAP, &act, NULL);
    __asm__ volatile(
        "xorl %%eax, %%eax\n"
        "pushf\n"
        "orl $0x100, (%%" 
#ifdef __x86_64__
        "rsp"
#else
        "esp"
#endif
        ")\n"
        "popf\n"
        ".globl begin, end\n"
        "begin:\n"
        "nop\n"
        "movl $0x7fffffff, %%eax\n"
        "addl $1, %%eax\n"
        "cmpl %%eax, %%eax\n"
        "subl $5, %%eax\n"
        "xorl %%edx, %%edx\n"
        "movl $3, %%ecx\n"
        "1: incl %%edx\n"
        "decl %%ecx\n"
        "jnz 1b\n"
        "orl $-1, %%eax\n"
        "addl %%eax, %%eax\n"
        "shll $4, %%eax\n"
        "testl %%eax, %%eax\n"
        "pushf\n"
        "andl $~0x100, (%%"
#ifdef __x86_64__
        "rsp"
#else
        "esp"
#endif
        ")\n"
        "popf\n"
        "end: nop\n" : : : "eax", "ecx", "edx", "cc", "memory");
    for (int i = 0; i < n; i++) {
        printf("%ld %x\n", steps[i].offset, steps[i].flags);
    }
    return 0;
}
