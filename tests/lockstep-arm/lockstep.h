/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random ARM user code runs under our qemu-arm and another make's from the same states, and must
 * leave the same registers, flags, memory and signals. guest.S is the guest's side.
 */
#ifndef LOCKSTEP_ARM_H
#define LOCKSTEP_ARM_H

#include <stdbool.h>
#include <stdint.h>

#include "target-arm/decode.h"

/* As in guest.S */
enum {
    CODE_AT = 0x20000000, MAX_CODE = 0x200000, MEMORY_AT = 0x38000000, MEMORY_SIZE = 0x4000,
    LOG_ENTRIES = 8, HAS_VFP = 1, HAS_D32 = 2,
};

struct batch_header {
    uint32_t features, code_size, runs, zero;
};                                  /* then code, memory, runs */

struct run {
    uint32_t d[64];
    uint32_t fpscr, cpsr, sp, zero;
    uint32_t r[13], lr, pc, pad;
};

struct fault {
    uint32_t signal_code, addr, pc; /* signal | si_code << 8 */
};

struct result {
    uint32_t r[13], sp, lr, cpsr, fpscr, faults;
    uint32_t d[64];
    struct fault log[LOG_ENTRIES];
};

enum { MAX_SLOTS = 240, MAX_BLOCKS = 512, RUNS_PER_BLOCK = 4 };

enum slot_kind {
    SLOT_WORD,                      /* as it is */
    SLOT_LITERAL,                   /* loads a register with `value' or a target's address */
    SLOT_BRANCH,                    /* word is completed by the distance to the target */
    SLOT_TABLE,                     /* data: half of the distance from it to the target */
};

struct slot {
    uint32_t word, value;           /* 16-bit instructions in the upper half */
    uint32_t at;                    /* offset in the code */
    int16_t row, target;            /* -1: none; target: a slot */
    uint8_t kind, len, reg;
    bool thumb, data, keep;         /* keep: not to be taken out when a difference is narrowed */
    bool out;                       /* taken out: a nop instead */
    bool no_target;                 /* control must not come here from elsewhere */
    bool exact;                     /* the target is that slot and no other: it changes state */
};

struct block {
    unsigned n;
    struct slot slot[MAX_SLOTS];
    bool thumb, end_thumb, big;     /* where it begins and ends; data is big-endian */
    uint32_t at, size;
};

/* What is made: a CPU, and the share of each kind of instruction. */
enum category {
    CAT_INT, CAT_MEMORY, CAT_EXCLUSIVE, CAT_VFP, CAT_SIMD, CAT_FLOAT, CAT_VECTOR_MEMORY,
    CAT_BRANCH, CAT_SYSTEM, CAT_COUNT, CAT_NEVER = CAT_COUNT,
};
struct profile {
    const char *name, *cpu;
    bool thumb, vectors;            /* vectors: FPSCR.LEN and STRIDE are not 0 */
    uint8_t weight[CAT_COUNT];
    bool floats;                    /* registers hold floats; few instructions in a block */
};

struct batch {
    const struct profile *profile;
    unsigned n_blocks;
    struct block *block;
    struct run *run;                /* RUNS_PER_BLOCK a block */
    uint8_t memory[MEMORY_SIZE];
    uint32_t code_size;
    uint8_t *code;                  /* MAX_CODE */
};

/* random.c */
uint32_t random32(void);
void random_seed(uint64_t seed);
static inline unsigned below(unsigned n)
{
    return (uint64_t)random32() * n >> 32;
}
static inline bool chance(unsigned percent)
{
    return below(100) < percent;
}
/* Numbers that matter to integers and floats */
uint32_t random_value(void);
/* Mostly floats of single precision that stay such when they are computed with */
uint32_t random_float(void);

/* rows.c: instructions of one pattern whose outcome the architecture defines. */
struct pick {
    uint32_t word;
    struct arm_insn in;
    const struct decode_row *row;
};
void rows_init(const struct profile *p);
enum category rows_category(const struct decode_row *row);
/* Why a pattern cannot be tried in user mode; NULL: it can. */
const char *rows_excluded(const struct decode_row *row);
/* False: none was found. */
bool rows_pick(struct pick *p, enum category c, bool thumb, uint8_t it);
bool rows_pick_named(struct pick *p, const char *const *names, bool thumb, uint8_t it);
bool rows_pick_load_of_pc(struct pick *p, bool thumb);
/* The argument of that name, or -1 */
int pick_arg(const struct pick *p, const char *name);
bool rows_has(enum arm_feature f);
/* legal.c */
bool pick_legal(const struct pick *p, bool thumb);
bool pick_legal_pc_load(const struct pick *p, bool thumb);

/* generate.c, branches.c, encode.c */
void generate_batch(struct batch *b, const struct profile *p, unsigned blocks, unsigned insns);
void encode_batch(struct batch *b, uint32_t block_end);
struct generator {
    struct block *b;
    const struct profile *p;
    bool thumb;
    unsigned wanted;                /* slots */
};
struct slot *add_slot(struct generator *g, const struct pick *p);
void add_literal(struct generator *g, unsigned reg, uint32_t value, int target);
bool literal_possible(const struct generator *g, unsigned reg);
void add_branch(struct generator *g);
enum { NEXT_SLOT = 1000 };          /* a target: so many slots further on */
extern uint64_t *rows_used;

/* peers.c */
struct peers {
    char folder[64];
    const char *ours, *peer, *prefix;
    uint32_t block_end, block_end_old;
};
bool peers_init(struct peers *p, const char **why);
void peers_done(struct peers *p);
struct outcome {
    bool finished;                  /* else: it crashed or hung */
    struct result *result;
    uint8_t memory[MEMORY_SIZE];
};
/* Runs a batch of `runs' on both at once. */
void peers_run(struct peers *p, const struct batch *b, struct outcome out[2]);

/* report.c */
bool outcomes_equal(const struct batch *b, struct outcome out[2]);
void report_difference(struct peers *p, struct batch *b, struct outcome out[2]);

#endif
