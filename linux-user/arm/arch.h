/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the ARM part of user mode share. */
#ifndef LINUX_USER_ARM_ARCH_H
#define LINUX_USER_ARM_ARCH_H

#include "linux-user/internal.h"
#include "target-arm/cpu.h"

/* kuser.c: the page of helpers at the top of each program's memory */
void arm_map_kuser_page(struct arm_env *env);
void arm_set_tls(struct arm_env *env, uint32_t value);

/* Calls that the kernel has for ARM alone, as the number in r7 or the instruction */
enum {
    ARM_NR_BASE = 0x0f0000, ARM_NR_BREAKPOINT = ARM_NR_BASE + 1, ARM_NR_CACHEFLUSH, ARM_NR_USR26,
    ARM_NR_USR32, ARM_NR_SET_TLS, ARM_NR_GET_TLS,
    ARM_NR_CMPXCHG = 0x0ffff0,      /* our own, for processors without LDREX */
};
/* r0 the old value, r1 the new one, r2 the address: C is set when it was done, and r0 0. */
void arm_kuser_cmpxchg(struct task *t);

#endif
