/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x86-64 hosts: raw system calls, faulting copies, signal contexts. */
#include "linux-user/host.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <ucontext.h>
#include "linux-user/user.h"

/*
 * From safe_begin on nothing but this function's own check stands between a signal and the call: an
 * interruption before the instruction or (restarting) at it continues at safe_restart.
 */
__asm__(
    ".text\n"
    ".globl host_safe_syscall\n"
    ".type host_safe_syscall, @function\n"
    "host_safe_syscall:\n"
    "    push %rbx\n"
    "    mov %rdi, %rbx\n"
    "    mov %rsi, %rax\n"
    "    mov %rdx, %rdi\n"
    "    mov %rcx, %rsi\n"
    "    mov %r8, %rdx\n"
    "    mov %r9, %r10\n"
    "    mov 16(%rsp), %r8\n"
    "    mov 24(%rsp), %r9\n"
    "safe_begin:\n"
    "    cmpl $0, (%rbx)\n"
    "    jne safe_restart\n"
    "    syscall\n"
    "safe_end:\n"
    "    pop %rbx\n"
    "    ret\n"
    "safe_restart:\n"
    "    mov $-512, %rax\n"                     /* USER_RESTART */
    "    pop %rbx\n"
    "    ret\n"
    ".size host_safe_syscall, . - host_safe_syscall\n"

    ".globl host_copy\n"
    ".type host_copy, @function\n"
    "host_copy:\n"
    "copy_begin:\n"
    "    mov %rdx, %rcx\n"
    "    cmp $8, %rdx\n"
    "    jne 1f\n"
    "    mov (%rsi), %rax\n"
    "    mov %rax, (%rdi)\n"
    "    jmp 2f\n"
    "1:  rep movsb\n"
    "2:  mov $1, %eax\n"
    "copy_end:\n"
    "    ret\n"
    "copy_failed:\n"
    "    xor %eax, %eax\n"
    "    ret\n"
    ".size host_copy, . - host_copy\n"

    ".globl host_trace_stop\n"
    ".globl host_trace_point\n"
    ".type host_trace_stop, @function\n"
    "host_trace_stop:\n"
    "    int3\n"
    "host_trace_point:\n"
    "    ret\n"
    ".size host_trace_stop, . - host_trace_stop\n"

    ".type host_restorer, @function\n"
    "host_restorer:\n"
    "    mov $15, %eax\n"                       /* rt_sigreturn */
    "    syscall\n"
    ".size host_restorer, . - host_restorer\n");

extern const char safe_begin[], safe_end[], safe_restart[], copy_begin[], copy_end[], copy_failed[];
void host_restorer(void);

static greg_t *pc_of(void *context)
{
    return &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

uintptr_t host_pc(const void *context)
{
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

bool host_fault_is_store(const void *context)
{
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
}

static bool within(uintptr_t pc, const char *begin, const char *end)
{
    return pc >= (uintptr_t)begin && pc < (uintptr_t)end;
}

bool host_fixup(void *context)
{
    if (!within(host_pc(context), copy_begin, copy_end)) {
        return false;
    }
    *pc_of(context) = (uintptr_t)copy_failed;
    return true;
}

void host_rewind(void *context)
{
    if (within(host_pc(context), safe_begin, safe_end)) {
        *pc_of(context) = (uintptr_t)safe_restart;
    }
}

uint64_t host_trace_box(const struct user_regs_struct *regs, uint64_t magic)
{
    return regs->rsi == magic ? regs->rdi : 0;
}

int64_t host_syscall(long num, ...)
{
    int64_t a, b, c, d, e, f, result;
    va_list ap;

    va_start(ap, num);
    a = va_arg(ap, int64_t);
    b = va_arg(ap, int64_t);
    c = va_arg(ap, int64_t);
    d = va_arg(ap, int64_t);
    e = va_arg(ap, int64_t);
    f = va_arg(ap, int64_t);
    va_end(ap);
    /* Only now, as sanitizers call functions for each access above. */
    register int64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;

    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(num), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

int64_t host_sigaction(int sig, const struct host_sigaction *new, struct host_sigaction *old)
{
    struct host_sigaction copy;

    if (new) {
        copy = *new;
        copy.flags |= 0x04000000;               /* SA_RESTORER */
        copy.restorer = host_restorer;
        new = &copy;
    }
    return host_syscall(SYS_rt_sigaction, (int64_t)sig, new, old, (int64_t)8);
}

int64_t host_sigprocmask(int how, const uint64_t *set, uint64_t *old)
{
    return host_syscall(SYS_rt_sigprocmask, (int64_t)how, set, old, (int64_t)8);
}
