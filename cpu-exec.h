/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The boundary between the machine, the translator and a CPU model. `struct cpu' is what every
 * target has; the target's own registers are its env, which starts with struct cpu_hot. Only
 * target-X knows what follows that.
 */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/sanitizer.h"

struct address_space;
struct error;
struct fetch;
struct field;
struct ir_global;
struct ir_helper;
struct code_chunk;
struct jump_bank;
struct region_exit;
struct translation;
struct cpu;
struct cpu_mapping;
struct debug_registers;
struct kvm_target;

/* The values of cpu_hot.exit_req: a poll compares it, unsigned, with a register that is not 0. */
enum { EXIT_NOT, EXIT_NOW = -1 };

/*
 * The first 64 bytes of every env. Generated code addresses env through a host register that holds
 * env + 0x80, so that the first 256 bytes have short displacements: a target puts its hottest
 * registers right after this struct. The soft MMU's tables lie at constant negative offsets.
 */
struct cpu_hot {
    /* EXIT_NOW: leave translated code at the next poll; any thread */
    int32_t exit_req;
    uint32_t host_mxcsr;            /* the emulator's own, while guest code runs */
    void *jump_cache;               /* bank for the current mode, see tcg/region.h */
    struct cpu *cpu;
    /*
     * Host return address in translated code of the helper or slow path that runs now: what
     * cpu_raise() and cpu_restore_state() start from. 0 outside of translated code, where env is
     * precise as it is.
     */
    uintptr_t ra;
    uint64_t scratch[3];            /* for thunks */
    /* the host's x87 unit holds the guest's, and env does not: between loads and fetches only */
    uint32_t x87_resident;
    uint32_t pad;
};
_Static_assert(sizeof(struct cpu_hot) == 64, "struct cpu_hot is one cache line");

/* Makes translated code leave at its next poll; from any thread. */
static inline SANITIZER_SIGNAL void cpu_hot_exit(struct cpu_hot *hot)
{
    __atomic_store_n(&hot->exit_req, EXIT_NOW, __ATOMIC_SEQ_CST);
}

/* Identifies code: equal keys may share a region. */
struct code_key {
    uint64_t pc;                    /* as the pc global holds it (x86: eip/rip) */
    uint64_t base;                  /* added to pc to make the linear address (x86: cs base) */
    uint32_t mode;                  /* everything else that changes decoding */
};

enum mmu_access { MMU_READ, MMU_WRITE, MMU_FETCH };

/* A translated page, as a target's page walk returns it. */
struct tlb_fill {
    uint64_t paddr;                 /* of the page that holds the address, page aligned */
    uint8_t prot;                   /* 1 << enum mmu_access for each that is allowed */
    uint8_t page_bits;              /* log2 of the guest page: large pages flush as a whole */
    bool global;                    /* survives tlb_flush_asid() */
};

/* What a target is: one constant object per executable. */
struct target {
    const char *name;               /* "x86_64" */
    uint8_t word_bits;              /* 32: flat TLBs, pc and addresses wrap at 32 bits */
    uint8_t page_bits;
    uint8_t pc_tag;                 /* bits of the pc that are no address (ARM: Thumb) */
    bool big_endian;
    bool tso;                       /* guest memory order as on x86 */
    bool checks_code;               /* translate heeds translation.checked */
    size_t env_size;
    uint32_t pc_global;             /* index into globals; ir_exit stores here */
    int32_t mxcsr_offset;           /* of the guest's MXCSR in env, -1: none */
    const struct ir_global *globals;
    unsigned n_globals;
    const struct ir_helper *helpers;
    unsigned n_helpers;
    const struct field *state_fields;   /* of env, for save state */
    uint32_t state_version;
    uint8_t n_mmu_idx;              /* at most 4 */

    bool (*init)(struct cpu *cpu, const char *model, struct error **err);  /* env is zeroed */
    void (*reset)(struct cpu *cpu);
    void (*code_key)(struct cpu *cpu, struct code_key *key);
    /* Decodes from t->key and builds t->ir; see tcg/translate.h. Never faults except through
       translate_fetch() on the first instruction. */
    void (*translate)(struct translation *t);
    /* Targets that use x87 ops: the guest's x87 state goes to the host's unit, comes back (if it is
       there), or was found in the FXSAVE image of a host signal. No vector register is changed. */
    void (*x87_load)(void *env);
    void (*x87_fetch)(void *env);
    void (*x87_capture)(void *env, const void *image);
    /* Page walk. Fills *fill and returns true, or (probe) returns false, or raises the guest's
       fault through cpu_raise(). Runs without the big lock. */
    bool (*fill_tlb)(struct cpu *cpu, uint64_t vaddr, enum mmu_access access, unsigned mmu_idx,
                     bool probe, struct tlb_fill *fill);
    /* Of instruction fetches now. */
    unsigned (*mmu_index)(struct cpu *cpu);
    void (*misaligned)(struct cpu *cpu, uint64_t vaddr, unsigned size, enum mmu_access access,
                       unsigned mmu_idx);
    /* Called between regions when exit_req was set, big lock held. Takes at most one pending
       interrupt; true when it changed the flow. */
    bool (*take_interrupt)(struct cpu *cpu);
    /* Delivers cpu->exception (set by cpu_raise) into the guest. */
    void (*take_exception)(struct cpu *cpu);
    bool (*has_work)(struct cpu *cpu);      /* a halted CPU must wake */
    /* Before/after translated code runs or env is looked at by others: flags packed and the like */
    void (*debug_print)(struct cpu *cpu, FILE *out);    /* `info registers', -d cpu */
    /* no side effects */
    bool (*debug_translate)(struct cpu *cpu, uint64_t vaddr, uint64_t *paddr);
    /* What disas_print() calls bits; for -d in_asm */
    bool (*disassemble_mode)(const struct code_key *key, int *bits);
    /* The result of IR op ffix: what its imm says of the bits a and b. */
    uint64_t (*fp_fix)(void *env, uint64_t a, uint64_t b, uint64_t op);
    /* That of vflush, in place of a; of 64 bits: a above which is b. */
    void (*vf_fix)(void *env, void *a, const void *b, uint64_t op);
    /* cpu_debug_alone() or the number of watchpoints has changed: it is part of the mode. */
    void (*debug_changed)(struct cpu *cpu);
    const struct debug_registers *registers;            /* for gdb, see cpu-registers.h */
    /* An access of the guest is about to touch a watchpoint. */
    void (*debug_exception)(struct cpu *cpu, uint64_t vaddr, unsigned size, bool write);
    void (*list_models)(void);              /* -cpu ? */
    const char *(*model_name)(unsigned n);  /* model number n, NULL past the last; may be NULL */
    /* Around save state, the vCPU stopped: brings env into the one form that is saved; checks what
       was loaded and rebuilds what hangs on it. False for values that cannot be. */
    void (*saving)(struct cpu *cpu);
    bool (*loaded)(struct cpu *cpu, struct error **err);
    /* Calls visit for every mapped page in address order. NULL: `info tlb' is not available. */
    void (*walk_mappings)(struct cpu *cpu, void (*visit)(void *opaque, const struct cpu_mapping *),
                          void *opaque);
    const struct kvm_target *kvm;   /* NULL: KVM cannot run it */
};

extern const struct target the_target;      /* the one this executable was linked with */

/* Interrupt sources, bits of cpu->interrupts; targets define more from CPU_INT_TARGET on. */
enum {
    CPU_INT_HARD = 1 << 0,          /* the interrupt line (INTR) */
    CPU_INT_EXIT = 1 << 1,          /* some other thread wants the loop: stop, run_on_cpu */
    CPU_INT_RESET = 1 << 2,
    CPU_INT_NMI = 1 << 3,
    CPU_INT_TARGET = 1 << 8,
};

struct cpu_work;

/* One page of the current address space, for `info tlb' and `info mem'. */
struct cpu_mapping {
    uint64_t vaddr, paddr, size;
    bool user, write;
    char flags[16];                 /* the attributes as `info tlb' shows them */
};

/* Why a vCPU stopped for the debugger. */
enum cpu_stop { CPU_STOP_NONE, CPU_STOP_STEP, CPU_STOP_BREAK, CPU_STOP_WATCH };

/* What the debugger wants of a vCPU and has from it; see cpu-debug.h. */
struct cpu_debug {
    bool step;                      /* one instruction, or until the pc leaves the range */
    bool pending;                   /* a watchpoint was met: stops after this instruction */
    bool off;                       /* passes all break- and watchpoints */
    bool held;                      /* stays where it is while others run */
    bool passes;                    /* the breakpoint at `pass' was reported already */
    uint8_t guest_watches;          /* user mode: watchpoints of the guest's own, on this thread */
    bool no_interrupts;             /* none is taken while it steps */
    uint8_t stop;                   /* enum cpu_stop: the loop hands over to the debugger */
    uint8_t watch_access;           /* CPU_WATCH_* of the watchpoint that was hit */
    uint64_t pass, watch_addr, range_start, range_end;
};

struct cpu {
    const struct target *target;
    void *env;                      /* starts with struct cpu_hot */
    int index;
    uint32_t interrupts;            /* atomic */
    bool halted;                    /* waits for an interrupt */
    bool stopped;                   /* by the monitor or machine; vCPU thread waits */
    bool stop_request;
    bool running;
    bool fetching;                  /* reads guest code: a fault there is the guest's own */
    bool in_guest;                  /* atomic: between cpu_exec_begin and cpu_exec_end */
    bool started;                   /* its thread exists */
    int exception;                  /* target's number, -1 none */
    uint32_t error_code;
    sigjmp_buf jmp;                 /* of cpu_exec() */
    struct address_space *memory;
    struct address_space *io;       /* x86 ports */
    struct jump_bank *jump_banks;   /* see tcg/jump-cache.c */
    struct jump_bank *jump_previous;        /* what was current before */
    struct fetch *fetch;            /* of the region being translated */
    struct code_chunk *chunk;       /* where this vCPU's next region goes */
    struct region_exit *chain_from; /* the exit just taken, to be chained to what comes next */
    bool one_insn;                  /* the next region has a single instruction */
    bool user;                      /* runs a process: system calls and faults go to its loop */
    struct tlb_cold *tlb;           /* second level and bookkeeping */
    struct ir *ir;
    void *accel;                    /* the accelerator's own */
    void *frontend;                 /* the target's working memory for translation */
    struct cpu_work *work;          /* queue of cpu_run_on() */
    struct cpu_debug debug;
    void *irq_opaque;               /* interrupt controller: x86 acknowledge */
    /* vector of the highest pending interrupt; big lock held */
    int (*irq_acknowledge)(void *opaque);
    void *apic;
    const char *model;
    pthread_t thread;
    pid_t thread_id;                /* the kernel's number of it; 0 before it runs */
    pthread_cond_t wake;            /* with the big lock */
    int64_t spin_start, spin_last;  /* host time, see cpu_spin() */
    struct cpu *next;
};

/* --- for machines and the monitor --- */
struct cpu *cpu_create(const char *model, struct address_space *memory, struct address_space *io,
                       struct error **err);
void cpu_start_all(void);           /* starts the vCPU threads; big lock held */
struct cpu *cpu_first(void);
struct cpu *cpu_by_index(int index);
void cpu_reset_all(void);           /* big lock held, all stopped or on own thread */
void cpu_replaced(struct cpu *cpu); /* all of env is new; big lock held, stopped or own thread */
void cpu_interrupt(struct cpu *cpu, uint32_t mask);         /* any thread */
void cpu_clear_interrupt(struct cpu *cpu, uint32_t mask);
void cpu_stop_all(void);            /* waits until all have stopped; big lock held, main thread */
void cpu_resume_all(void);
void cpu_kick(struct cpu *cpu);
/* Returns when each vCPU has been out of translated code since: whatever it had under way with
   what it knew about memory is done. Any thread but a vCPU's; big lock held. */
void cpu_settle_all(void);
/* Runs fn on the vCPU's thread between regions and waits for it; big lock held. */
void cpu_run_on(struct cpu *cpu, void (*fn)(struct cpu *, void *), void *opaque);
/* Reads or writes guest virtual memory as a debugger would: no faults, no side effects, ROM
   written too. False when something is unmapped. */
bool cpu_debug_access(struct cpu *cpu, uint64_t vaddr, void *buf, size_t len, bool write);
/* Waits until no other vCPU runs translated code, and keeps them out until the end. Called on a
   vCPU's thread outside of translated code, without the big lock. */
void cpu_exclusive_begin(struct cpu *cpu);
void cpu_exclusive_end(struct cpu *cpu);
/*
 * The guest seems to spin: it executed as many pauses as the last call returned. When it keeps
 * doing so the thread sleeps for a moment, or until something wants the vCPU.
 */
unsigned cpu_spin(struct cpu *cpu);
/* The list of vCPUs of a process grows at its end while others walk it. */
static inline struct cpu *cpu_next(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->next, __ATOMIC_ACQUIRE);
}

/* The vCPU of this thread, NULL on others. */
struct cpu *cpu_current(void);

/* --- for targets (on the vCPU's thread) --- */
/* Raises the guest exception that the caller has put into cpu->exception: makes env precise as
   of the guest instruction that called out (hot.ra) and leaves translated code. */
_Noreturn void cpu_raise(struct cpu *cpu);
/* Leaves translated code for the loop without an exception; env is made precise as above, so the
   instruction that called out starts anew. */
_Noreturn void cpu_loop_exit(struct cpu *cpu);
/* Makes env precise as of the guest instruction that called out, and returns. */
void cpu_restore_state(struct cpu *cpu);

static inline struct cpu *env_cpu(void *env)
{
    return ((struct cpu_hot *)env)->cpu;
}

static inline struct cpu_hot *cpu_hot(struct cpu *cpu)
{
    return cpu->env;
}

#endif
