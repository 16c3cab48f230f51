/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random x86 user code runs on the host CPU and in the translator from the same state over the same
 * memory map, and must leave the same state, down to the fault that ends it.
 */
#ifndef LOCKSTEP_H
#define LOCKSTEP_H

#include <stdbool.h>
#include <stdint.h>

#include "target-i386/cpu.h"
#include "target-i386/decode.h"

/* Linear addresses, the same on both sides, below 4 GiB for 32-bit code. */
enum {
    CODE_AT = 0x10000000, CODE_SIZE = 0x1000,
    DATA_AT = 0x20000000, DATA_SIZE = 0x3000,
    STACK_AT = 0x30000000, STACK_SIZE = 0x2000,
};

enum { STOP_AT_END = -1 };          /* struct outcome.vector: the ud2 after the last instruction */

enum { MAX_PROGRAM = 40, MAX_CODE = 1024 };

struct machine_state {
    uint64_t regs[16], rip, rflags;
    uint8_t fx[512] __attribute__((aligned(16)));   /* FXSAVE image, 64-bit form */
    uint8_t data[DATA_SIZE], stack[STACK_SIZE], code[MAX_CODE];
};

struct outcome {
    int vector;                     /* exception that ended it */
    uint32_t error_code;
    uint64_t fault_addr;            /* of page faults */
};

struct program {
    bool code64, writable;          /* writable: it may change itself */
    unsigned n, len;
    unsigned start[MAX_PROGRAM + 1];        /* offsets of the instructions */
    uint32_t undefined[MAX_PROGRAM + 1];    /* flags that are undefined before instruction i */
    bool compares[MAX_PROGRAM + 1];         /* instruction i is a repeated cmps or scas */
    uint8_t code[MAX_CODE];
};

uint64_t random64(void);
void random_seed(uint64_t seed);
static inline unsigned random_below(unsigned n)
{
    return (random64() >> 33) % n;
}

/* native.c */
void native_init(void);
void native_run(const struct program *p, struct machine_state *s, struct outcome *out);
/* What the host CPU has, as the decoder's features. */
void native_features(bool has[FEAT_COUNT]);
/* CPUID.7.EBX: the x87 keeps operand pointers for exceptions only; it keeps no selectors. */
uint32_t native_x87_bits(void);

/* emulate.c */
void emulate_init(bool code64);
void emulate_run(const struct program *p, struct machine_state *s, struct outcome *out,
                 unsigned max_insns);
bool emulate_has(enum x86_feature f);

/* generate.c */
void generate_init(bool code64, const bool has[FEAT_COUNT], const char *only);
void generate_program(struct program *p, unsigned insns);
void generate_state(struct machine_state *s, bool code64);
/* How often each row of the opcode table was used. */
extern uint64_t *generate_used;
bool generate_eligible(unsigned row);

#endif
