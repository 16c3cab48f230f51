/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User mode: from the host registers of a signal's context to the guest's state in env. */
#include <asm/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "tcg/x86_64/compile.h"

static const uint8_t context_index[] = {
    [RAX] = REG_RAX, [RCX] = REG_RCX, [RDX] = REG_RDX, [RBX] = REG_RBX, [RSP] = REG_RSP,
    [RBP] = REG_RBP, [RSI] = REG_RSI, [RDI] = REG_RDI, [R8] = REG_R8, [R9] = REG_R9,
    [R10] = REG_R10, [R11] = REG_R11, [R12] = REG_R12, [R13] = REG_R13, [R14] = REG_R14,
    [R15] = REG_R15,
};
static const uint8_t temps[] = { RAX, RCX, RDX, R11 };  /* as thunks save them */
static const uint8_t type_size[IR_TYPE_COUNT] = {
    [I32] = 4, [I64] = 8, [F32] = 4, [F64] = 8, [V64] = 8, [V128] = 16,
};

static void save_pins(uint8_t *env, const mcontext_t *m)
{
    for (uint32_t pins = the_host.gpr_pins | the_host.xmm_pins; pins; pins &= pins - 1) {
        int r = __builtin_ctz(pins);
        const struct ir_global *g = &the_host.target->globals[the_host.global_of[r]];
        const void *value = r >= XMM0 ? (const void *)&m->fpregs->_xmm[r - XMM0]
                                      : (const void *)&m->gregs[context_index[r]];

        memcpy(env + g->offset, value, type_size[g->type]);
    }
}

/* The kernel has reset the unit: what the guest's code raised is in the context only. */
static void save_mxcsr(uint8_t *env, const mcontext_t *m)
{
    if (the_host.target->mxcsr_offset >= 0) {
        uint32_t *mxcsr = (uint32_t *)(env + the_host.target->mxcsr_offset);

        *mxcsr |= m->fpregs->mxcsr & 0x3f;
    }
}

bool backend_fault(void *env, void *context)
{
    const mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    struct cpu_hot *hot = env;
    uint64_t *frame = (uint64_t *)((uint8_t *)hot->scratch[0] + FRAME_TEMPS);

    save_mxcsr(env, m);
    if (!region_by_host(m->gregs[REG_RIP])) {
        return false;
    }
    save_pins(env, m);
    for (unsigned i = 0; i < sizeof(temps); i++) {
        frame[i] = m->gregs[context_index[temps[i]]];
    }
    hot->ra = m->gregs[REG_RIP] + 1;
    return true;
}

void backend_fault_leaves(void *env, void *context)
{
    if (((struct cpu_hot *)env)->x87_resident) {
        the_host.target->x87_capture(env, ((ucontext_t *)context)->uc_mcontext.fpregs);
    }
}

void backend_set_base(uint64_t base)
{
    syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}
