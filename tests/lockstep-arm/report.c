/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A difference is narrowed to one block and state, and there to the instructions that make it. */
#include "lockstep.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

/*
 * What is not compared. The kernel says ILL_ILLOPC for all, the peer has other codes. The peer
 * keeps FPSCR.AHP on cores without half-precision numbers.
 */
static void normalise(struct result *r)
{
    for (unsigned i = 0; i < LOG_ENTRIES; i++) {
        if ((r->log[i].signal_code & 0xff) == SIGILL) {
            r->log[i].signal_code = SIGILL;
        }
    }
    if (!rows_has(F_HALF)) {
        r->fpscr &= ~FPSCR_AHP;
    }
}

bool outcomes_equal(const struct batch *b, struct outcome out[2])
{
    for (unsigned i = 0; i < 2 * b->n_blocks * RUNS_PER_BLOCK; i++) {
        normalise(&out[i & 1].result[i / 2]);
    }
    return out[0].finished && out[1].finished &&
           memcmp(out[0].result, out[1].result,
                  sizeof(struct result) * b->n_blocks * RUNS_PER_BLOCK) == 0 &&
           memcmp(out[0].memory, out[1].memory, MEMORY_SIZE) == 0;
}

static uint32_t end_of(const struct peers *p)
{
    return rows_has(F_V6) ? p->block_end : p->block_end_old;
}

static bool differs(struct peers *p, struct batch *b, struct outcome out[2])
{
    encode_batch(b, end_of(p));
    peers_run(p, b, out);
    return !outcomes_equal(b, out);
}

/* --- narrowing ------------------------------------------------------------------------------- */

/* The last of the fewest blocks that differ, be it in memory only. */
static unsigned first_block(struct peers *p, struct batch *b, struct outcome out[2])
{
    unsigned low = 0, high = b->n_blocks, all = b->n_blocks;

    while (low + 1 < high) {
        b->n_blocks = (low + high) / 2;
        if (differs(p, b, out)) {
            high = b->n_blocks;
        } else {
            low = b->n_blocks;
        }
    }
    b->n_blocks = all;
    return high - 1;
}

/* The block alone; else with those before it, the block being the last. */
static void keep_block(struct peers *p, struct batch *b, struct outcome out[2], unsigned block)
{
    struct batch alone = *b;

    alone.block = &b->block[block];
    alone.run = &b->run[block * RUNS_PER_BLOCK];
    alone.n_blocks = 1;
    if (differs(p, &alone, out)) {
        *b = alone;
        return;
    }
    b->n_blocks = block + 1;
    differs(p, b, out);
}

/* All but one run of the last block become that one. */
static void keep_run(struct peers *p, struct batch *b, struct outcome out[2])
{
    struct run *last = &b->run[(b->n_blocks - 1) * RUNS_PER_BLOCK], saved[RUNS_PER_BLOCK];

    memcpy(saved, last, sizeof(saved));
    for (unsigned k = 0; k < RUNS_PER_BLOCK; k++) {
        for (unsigned i = 0; i < RUNS_PER_BLOCK; i++) {
            last[i] = saved[k];
        }
        if (differs(p, b, out)) {
            return;
        }
    }
    memcpy(last, saved, sizeof(saved));
}

static void take_out(struct peers *p, struct batch *b, struct outcome out[2])
{
    struct block *last = &b->block[b->n_blocks - 1];

    for (unsigned i = last->n; i-- > 0;) {
        struct slot *s = &last->slot[i];

        if (!s->keep && !s->data && !s->out) {
            s->out = true;
            s->out = differs(p, b, out);
        }
    }
}

/* --- telling --------------------------------------------------------------------------------- */

static void tell_word(const char *name, unsigned n, uint32_t ours, uint32_t peer)
{
    if (ours != peer) {
        printf("#   %s%u: ours %08x, peer %08x\n", name, n, ours, peer);
    }
}

static void tell_result(const struct result *ours, const struct result *peer)
{
    for (unsigned i = 0; i < 13; i++) {
        tell_word("r", i, ours->r[i], peer->r[i]);
    }
    tell_word("r", 13, ours->sp, peer->sp);
    tell_word("r", 14, ours->lr, peer->lr);
    tell_word("cpsr ", 0, ours->cpsr, peer->cpsr);
    tell_word("fpscr ", 0, ours->fpscr, peer->fpscr);
    tell_word("faults ", 0, ours->faults, peer->faults);
    for (unsigned i = 0; i < 64; i++) {
        tell_word("s", i, ours->d[i], peer->d[i]);
    }
    for (unsigned i = 0; i < LOG_ENTRIES; i++) {
        const struct fault *a = &ours->log[i], *b = &peer->log[i];

        if (memcmp(a, b, sizeof(*a))) {
            printf("#   fault %u: ours signal %x at %08x, pc %08x; "
                   "peer signal %x at %08x, pc %08x\n", i, a->signal_code, a->addr, a->pc,
                   b->signal_code, b->addr, b->pc);
        }
    }
}

static void tell_memory(const uint8_t *ours, const uint8_t *peer)
{
    unsigned told = 0;

    for (unsigned i = 0; i < MEMORY_SIZE && told < 4; i += 4) {
        if (memcmp(ours + i, peer + i, 4)) {
            printf("#   memory %08x: ours %08x, peer %08x\n", MEMORY_AT + i, ld32_le(ours + i),
                   ld32_le(peer + i));
            told++;
        }
    }
}

static void tell_block(const struct batch *b)
{
    const struct block *block = &b->block[b->n_blocks - 1];

    for (unsigned i = 0; i < block->n; i++) {
        const struct slot *s = &block->slot[i];
        const uint8_t *code = b->code + s->at;

        if (s->out) {
            continue;
        }
        printf("#   %08x  ", CODE_AT + s->at);
        if (!s->thumb) {
            printf("%08x     ", ld32_le(code));
        } else if (s->len == 2) {
            printf("%04x    T    ", ld16_le(code));
        } else {
            printf("%04x%04x T   ", ld16_le(code), ld16_le(code + 2));
        }
        if (s->kind == SLOT_LITERAL) {
            printf("r%u = %08x\n", s->reg, s->value);
        } else {
            printf("%s\n", s->row >= 0 ? arm_rows[s->row].name : "");
        }
    }
}

static void tell_run(const struct run *r, bool vectors)
{
    printf("#   cpsr %08x fpscr %08x sp %08x lr %08x\n#  ", r->cpsr, r->fpscr, r->sp, r->lr);
    for (unsigned i = 0; i < 13; i++) {
        printf(" %x", r->r[i]);
    }
    printf("\n");
    for (unsigned i = 0; i < 64 && vectors; i++) {
        printf("%s%08x%s", i % 8 ? " " : "#   s: ", r->d[i], i % 8 == 7 ? "\n" : "");
    }
}

void report_difference(struct peers *p, struct batch *b, struct outcome out[2])
{
    struct run *last;
    unsigned at;

    keep_block(p, b, out, first_block(p, b, out));
    keep_run(p, b, out);
    take_out(p, b, out);
    if (!differs(p, b, out)) {
        printf("# the difference does not come again\n");
        return;
    }
    printf("# %s: %s, block of %u%s, %s\n", b->profile->name, b->profile->cpu, b->n_blocks,
           b->block[b->n_blocks - 1].big ? ", big-endian data" : "",
           !out[0].finished ? "ours ends" : !out[1].finished ? "the peer ends" : "both end well");
    tell_block(b);
    last = &b->run[(b->n_blocks - 1) * RUNS_PER_BLOCK];
    at = (b->n_blocks - 1) * RUNS_PER_BLOCK;
    while (at < b->n_blocks * RUNS_PER_BLOCK - 1 &&
           !memcmp(&out[0].result[at], &out[1].result[at], sizeof(struct result))) {
        at++;
        last++;
    }
    tell_run(last, memcmp(out[0].result[at].d, out[1].result[at].d, 256));
    tell_result(&out[0].result[at], &out[1].result[at]);
    tell_memory(out[0].memory, out[1].memory);
}
