/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the system half of the CPU shares: control bits, descriptors, stacks, events, entry points.
 */
#ifndef TARGET_I386_SYS_H
#define TARGET_I386_SYS_H

#include <stdio.h>

#include "hw/core/state.h"
#include "target-i386/cpu.h"
#include "tcg/softmmu.h"

enum {
    CR0_PE = 1, CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_ET = 1 << 4, CR0_NE = 1 << 5,
    CR0_WP = 1 << 16, CR0_AM = 1 << 18, CR0_NW = 1 << 29, CR0_CD = 1 << 30,
};
#define CR0_PG 0x80000000u
enum {
    CR4_VME = 1, CR4_PVI = 1 << 1, CR4_TSD = 1 << 2, CR4_DE = 1 << 3, CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5, CR4_MCE = 1 << 6, CR4_PGE = 1 << 7, CR4_PCE = 1 << 8, CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10, CR4_UMIP = 1 << 11, CR4_FSGSBASE = 1 << 16, CR4_OSXSAVE = 1 << 18,
    CR4_SMEP = 1 << 20, CR4_SMAP = 1 << 21,
};
enum { EFER_SCE = 1, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11 };
enum {
    DR6_BS = 1 << 14, DR6_BT = 1 << 15, DR6_BD = 1 << 13, DR7_GD = 1 << 13,
    DR7_FIXED = 0x400,
};
#define DR6_FIXED 0xffff0ff0u

/* CPUID bits that the code asks for, see x86_has() */
enum {
    F1D_VME = 1, F1D_DE, F1D_PSE, F1D_TSC, F1D_MSR, F1D_PAE, F1D_MCE, F1D_CX8, F1D_APIC,
    F1D_SEP = 11, F1D_MTRR, F1D_PGE, F1D_MCA, F1D_CMOV, F1D_PAT, F1D_PSE36, F1D_CLFSH = 19,
    F1D_FXSR = 24, F1D_SSE, F1D_SSE2,
    F1C_MONITOR = 3, F1C_CX16 = 13, F1C_TSC_DEADLINE = 24, F1C_XSAVE = 26, F1C_OSXSAVE = 27,
    F1C_RDRAND = 30, F1C_HYPERVISOR = 31,
    F7B_FSGSBASE = 0, F7B_SMEP = 7, F7B_INVPCID = 10, F7B_SMAP = 20,
    F7C_UMIP = 2, F7C_RDPID = 22,
    FXD_SYSCALL = 11, FXD_NX = 20, FXD_PDPE1GB = 26, FXD_RDTSCP = 27, FXD_LM = 29,
};

/* Results and arguments of helpers */
enum { X86_CHECK_WRITE = 1 << 8 };
#define X86_LOOK_FAILED (1ull << 63)     /* of lar and lsl */

enum { X86_64 = TARGET_WORD_BITS == 64 };

/* System descriptor types */
enum {
    SYS_TSS16 = 1, SYS_LDT, SYS_TSS16_BUSY, SYS_CALL16, SYS_TASK_GATE, SYS_INT16, SYS_TRAP16,
    SYS_TSS32 = 9, SYS_TSS32_BUSY = 11, SYS_CALL32, SYS_INT32 = 14, SYS_TRAP32,
};

static inline bool x86_long_mode(const struct x86_env *env)
{
    return X86_64 && (env->efer & EFER_LMA);
}

static inline bool x86_code64(const struct x86_env *env)
{
    return X86_64 && (env->mode & MODE_CS64);
}

static inline bool x86_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* The mmu index of accesses that the processor makes to its own tables: never as the user. */
static inline unsigned x86_system_idx(const struct x86_env *env)
{
    return env->cr[4] & CR4_SMAP ? MMU_KERNEL_SMAP : MMU_KERNEL;
}

/* --- descriptors (seg.c) --- */
struct x86_desc {
    uint32_t lo, hi;
    uint64_t base_high;             /* of system descriptors in long mode */
    uint8_t type_high;              /* of a 16-byte gate: must be 0 */
};

static inline unsigned desc_type(uint32_t hi)
{
    return hi >> 8 & 15;
}

static inline unsigned desc_dpl(uint32_t hi)
{
    return hi >> DESC_DPL_SHIFT & 3;
}

static inline uint32_t desc_base(const struct x86_desc *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
}

static inline uint32_t desc_limit(const struct x86_desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

    return d->hi & DESC_G ? limit << 12 | 0xfff : limit;
}

static inline bool desc_is_code(uint32_t hi)
{
    return (hi & (DESC_S | DESC_CODE)) == (DESC_S | DESC_CODE);
}

static inline bool desc_is_writable_data(uint32_t hi)
{
    return (hi & (DESC_S | DESC_CODE | DESC_RW)) == (DESC_S | DESC_RW);
}

/* False when the selector lies outside of its table. */
bool x86_desc_read(struct x86_env *env, uint16_t selector, struct x86_desc *d);
/* Sets the accessed bit in memory. */
void x86_desc_accessed(struct x86_env *env, uint16_t selector, struct x86_desc *d);
static inline void x86_seg_set(struct x86_env *env, int seg, uint16_t selector, uint64_t base,
                               uint32_t limit, uint32_t flags)
{
    struct x86_segment *s = &env->segs[seg];

    s->selector = selector;
    s->base = base;
    s->limit = limit;
    s->flags = flags & 0xf0ff00;
}
void x86_seg_set_desc(struct x86_env *env, int seg, uint16_t selector, const struct x86_desc *d);
/* A segment as in real and virtual-8086 mode. */
void x86_seg_set_vm(struct x86_env *env, int seg, uint16_t selector);
/* CS with its privilege level: the selector's RPL is replaced. */
void x86_seg_set_cs(struct x86_env *env, uint16_t selector, const struct x86_desc *d, unsigned cpl);
/* Protected mode checks and load of ES, SS, DS, FS, GS. */
void x86_seg_load(struct x86_env *env, int seg, uint16_t selector);
/* A null selector, or what privilege changes make of it. */
void x86_seg_set_null(struct x86_env *env, int seg, uint16_t selector);
bool x86_seg_covers(const struct x86_segment *s, uint64_t offset, unsigned len);
void x86_set_cpl(struct x86_env *env, unsigned cpl);
/* The SS:ESP of an inner ring from the TSS. */
void x86_tss_stack(struct x86_env *env, unsigned dpl, uint16_t *ss, uint32_t *esp);
/* Checks the stack segment of an inner ring; faults are #TS and #SS with the selector. */
void x86_check_inner_ss(struct x86_env *env, uint16_t ss, unsigned dpl, struct x86_desc *d);
uint64_t x86_tss_rsp(struct x86_env *env, unsigned slot);
/* Offset checks of a far transfer's target: limit, or canonical in 64-bit code; else #GP(0). */
void x86_check_target(struct x86_env *env, const struct x86_desc *d, uint64_t offset);

/* --- stacks (stack.c) --- */
struct x86_stack {
    struct x86_env *env;
    uint64_t sp, base, mask;
    unsigned idx;
};
void x86_stack_current(struct x86_env *env, struct x86_stack *s);
void x86_stack_make(struct x86_env *env, struct x86_stack *s, uint64_t base, uint64_t sp,
                    uint32_t flags, unsigned cpl);
/* #SS(error) unless `len' bytes can be pushed. */
void x86_stack_room(const struct x86_stack *s, const struct x86_segment *seg, unsigned len,
                    uint32_t error);
/* #SS(0) unless `len' bytes can be popped from the current stack. */
void x86_stack_has(const struct x86_stack *s, unsigned len);
void x86_stack_push(struct x86_stack *s, unsigned size, uint64_t value);
uint64_t x86_stack_pop(struct x86_stack *s, unsigned size);
void x86_stack_commit(const struct x86_stack *s);
void x86_set_sp(struct x86_env *env, uint64_t sp, uint64_t mask);

/* --- events (excp.c) --- */
struct x86_event {
    uint8_t vector;
    bool soft;                      /* int n, int3, into: the gate's DPL counts */
    bool external;                  /* EXT in error codes of nested faults */
    bool fault;                     /* pushes RF */
    bool has_error;
    uint32_t error;
    uint64_t return_pc;
};
void x86_deliver(struct x86_env *env, const struct x86_event *event);
void x86_deliver_protected(struct x86_env *env, const struct x86_event *event);
void x86_deliver_long(struct x86_env *env, const struct x86_event *event);
void x86_take_exception(struct cpu *cpu);
bool x86_take_interrupt(struct cpu *cpu);
bool x86_has_work(struct cpu *cpu);
/* The first of these that can be taken now: SMI, INIT, start-up IPI, NMI. */
bool x86_take_special(struct cpu *cpu, uint32_t pending);
/* The instruction is done and execution would go on at next_pc: #DB with these DR6 bits. */
_Noreturn void x86_raise_debug_trap(struct x86_env *env, uint64_t next_pc, uint32_t dr6);
/* Something that held interrupts back is gone: makes the loop look at them soon. */
static inline void x86_poll_interrupts(struct x86_env *env)
{
    if (__atomic_load_n(&env_cpu(env)->interrupts, __ATOMIC_RELAXED)) {
        cpu_hot_exit(&env->hot);
    }
}

/* --- tasks (task.c) --- */
enum x86_switch { SWITCH_JMP, SWITCH_CALL, SWITCH_IRET };
/* `d' is the TSS descriptor; next_pc is saved in the old task. */
void x86_task_switch(struct x86_env *env, uint16_t selector, const struct x86_desc *d,
                     enum x86_switch kind, uint64_t next_pc);
/* Through a task gate whose selector is given: finds and checks the TSS. */
void x86_task_gate(struct x86_env *env, uint16_t tss, enum x86_switch kind, uint64_t next_pc);

/* --- memory management (mmu.c) --- */
bool x86_fill_tlb(struct cpu *cpu, uint64_t vaddr, enum mmu_access access, unsigned mmu_idx,
                  bool probe, struct tlb_fill *fill);
bool x86_debug_translate(struct cpu *cpu, uint64_t vaddr, uint64_t *paddr);
void x86_walk_mappings(struct cpu *cpu, void (*visit)(void *opaque, const struct cpu_mapping *),
                       void *opaque);
/* Whether this access of the instruction at pc goes through SS (stack.c). */
bool x86_insn_uses_stack(struct x86_env *env, enum mmu_access access);
void x86_misaligned(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                    unsigned mmu_idx);
/* For helpers: #AC in MODE_ALIGN unless the address is a multiple of `align'. */
static inline void x86_check_alignment(struct x86_env *env, uint64_t address, unsigned align)
{
    if (env->mode & MODE_ALIGN && address & (align - 1)) {
        x86_misaligned(env_cpu(env), address, align, MMU_READ, MMU_USER);
    }
}
uint64_t x86_read_phys(struct x86_env *env, uint64_t address, unsigned size);
void x86_write_phys(struct x86_env *env, uint64_t address, unsigned size, uint64_t value);

/* --- control state (control.c, msr.c, debug.c) --- */
void x86_write_cr0(struct x86_env *env, uint64_t value);
void x86_write_cr3(struct x86_env *env, uint64_t value);
void x86_write_cr4(struct x86_env *env, uint64_t value);
/* Without checks: reset, RSM, task switch. */
void x86_set_cr0(struct x86_env *env, uint64_t value);
uint64_t x86_tsc(const struct x86_env *env);
/* False: #GP(0). */
bool x86_read_msr(struct x86_env *env, uint32_t msr, uint64_t *value);
bool x86_write_msr(struct x86_env *env, uint32_t msr, uint64_t value);
void x86_reset_msrs(struct x86_env *env);
void x86_debug_update(struct x86_env *env);
void x86_debug_exception(struct cpu *cpu, uint64_t vaddr, unsigned size, bool write);
/* Data or I/O breakpoint on a port: restarts the instruction as a single step. */
void x86_io_breakpoint(struct x86_env *env, uint32_t port, unsigned size);
void x86_cpuid(struct x86_env *env, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* --- the processor as a whole (cpu.c, smm.c, models.c, hooks.c) --- */
void x86_reset(struct cpu *cpu);
/* INIT: as reset, but keeps what INIT keeps. */
void x86_init_reset(struct cpu *cpu);
void x86_enter_smm(struct x86_env *env);
void x86_shutdown(struct x86_env *env);
bool x86_model_apply(struct x86_env *env, const char *text, struct error **err);
void x86_list_models(void);
const char *x86_model_name(unsigned n);
/* An unmasked x87 error is pending and CR0.NE is clear. */
void x86_ferr(struct x86_env *env, bool on);
void x86_debug_print(struct cpu *cpu, FILE *out);
extern const struct field x86_state_fields[];
void x86_saving(struct cpu *cpu);
bool x86_loaded(struct cpu *cpu, struct error **err);
/* kvm*.c */
extern const struct kvm_target x86_kvm;
/* The address space of system management mode, or back to the normal one. */
void x86_smm_memory(struct x86_env *env, bool smm);

#endif
