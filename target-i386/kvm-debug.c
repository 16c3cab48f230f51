/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A debugger's steps, break- and watchpoints under KVM. */
#include "target-i386/kvm.h"

void x86_kvm_debug_exit(struct cpu *cpu)
{
}

void x86_kvm_debug_prepare(struct cpu *cpu)
{
}

void x86_kvm_debug_changed(void)
{
}
