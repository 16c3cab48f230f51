/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the x86 part of user mode share. */
#ifndef LINUX_USER_I386_ARCH_H
#define LINUX_USER_I386_ARCH_H

#include "linux-user/internal.h"
#include "target-i386/cpu.h"
#include "target-i386/user/user.h"

/* segments.c: descriptor tables of a new vCPU; TLS of a new 32-bit thread: -errno or 0. */
void x86_tables_init(struct x86_env *env);
int64_t x86_set_tls(struct x86_env *env, uint64_t desc);
/* Loads a segment register as sigreturn does: a selector that is not valid becomes null. */
void x86_load_segment(struct x86_env *env, int seg, uint16_t selector);
void x86_load_code_segment(struct x86_env *env, uint16_t cs, uint16_t ss);

/* The thread's own entries of the GDT as struct user_desc. */
void x86_save_tls(struct x86_env *env, uint32_t (*tls)[4]);

/* frame.c: FSAVE's 108 bytes as Linux shows them, with the FPU's state in env. */
void x86_user_fsave(const struct x86_env *env, uint8_t *p);
/* Where handlers without SA_RESTORER return to; once for a new program. */
void x86_map_trampolines(void);

#endif
