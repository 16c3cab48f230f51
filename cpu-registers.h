/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A target's registers as gdb knows them: features of its target description, each with its
 * registers in order. Numbers count through all features. Values are in the target's byte order.
 */
#ifndef CPU_REGISTERS_H
#define CPU_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

enum { DEBUG_REGISTER_MAX = 64 };   /* bytes of the largest */

struct debug_register {
    const char *name;
    uint16_t bits;
    const char *type;               /* one of gdb's, or of the feature's own types */
    const char *group;              /* "general", "float", "vector", "system" */
    uint8_t kind, index;            /* the target's own: where the value is */
};

struct debug_feature {
    const char *name;               /* "org.gnu.gdb.i386.core" */
    const char *types;              /* XML of the types that its registers use, or "" */
    const struct debug_register *registers;
    unsigned count;
};

struct debug_registers {
    const char *architecture;       /* gdb's name, "i386:x86-64" */
    const struct debug_feature *features;
    unsigned n_features;
    /* The vCPU does not run. set: false when the value cannot be had by this register. */
    void (*get)(struct cpu *cpu, const struct debug_register *r, uint8_t *value);
    bool (*set)(struct cpu *cpu, const struct debug_register *r, const uint8_t *value);
    uint8_t breakpoint_size;        /* bytes of a breakpoint instruction */
};

#endif
