/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What user mode knows of the x86 CPU beyond cpu.h. */
#ifndef TARGET_I386_USER_USER_H
#define TARGET_I386_USER_USER_H

#include "target-i386/cpu.h"

/* Selectors and descriptors as Linux for x86-64 has them. */
enum {
    USER_CS32 = 0x23, USER_DS = 0x2b, USER_CS64 = 0x33,
    GDT_TLS_MIN = 12, GDT_TLS_COUNT = 3, GDT_ENTRIES = 16, LDT_ENTRIES = 8192,
};

void x86_user_reset_fpu(struct x86_env *env);

#endif
