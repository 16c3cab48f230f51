/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From slots to bytes: addresses, distances of branches, a pool of literals behind each block. */
#include "lockstep.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"

/* Behind the last slot: what leads out. */
enum { EXIT_ROOM = 16, ALIGN = 4 };

static unsigned slot_align(const struct slot *s)
{
    return s->thumb ? 2 : 4;
}

static uint32_t exit_at(const struct block *b)
{
    const struct slot *last = &b->slot[b->n - 1];

    return align_up(last->at + last->len, ALIGN);
}

/* The slot a branch goes to: of those that may be entered in the same state. */
static unsigned target_within(const struct block *b, unsigned i, unsigned wanted)
{
    unsigned last = 0;
    bool thumb = b->slot[i].thumb;

    if (b->slot[i].exact) {
        return i + 1 + wanted;
    }
    for (unsigned k = i + 1; k <= b->n; k++) {
        if (k == b->n) {
            return b->end_thumb == thumb || !last ? k : last;
        }
        if (b->slot[k].thumb != thumb) {
            return last ? last : k;
        }
        if (!b->slot[k].no_target && !b->slot[k].data) {
            last = k;
            if (k >= i + 1 + wanted) {
                return k;
            }
        }
    }
    return b->n;
}

static unsigned target_of(const struct block *b, unsigned i)
{
    return target_within(b, i, b->slot[i].target - NEXT_SLOT);
}

static uint32_t address_of(const struct block *b, unsigned slot)
{
    return CODE_AT + (slot == b->n ? exit_at(b) : b->slot[slot].at);
}

static bool thumb_at(const struct block *b, unsigned slot)
{
    return slot == b->n ? b->end_thumb : b->slot[slot].thumb;
}

static uint32_t nop_of(const struct slot *s)
{
    return !s->thumb ? 0xe1a00000 : s->len == 2 ? 0x46c00000 : 0xf3af8000;
}

/* --- branches -------------------------------------------------------------------------------- */

static uint32_t branch_a32(const struct slot *s, uint32_t target)
{
    uint32_t distance = target - (CODE_AT + s->at + 8);

    if (s->word >> 28 == 15) {                      /* BLX */
        return 0xfa000000 | (distance >> 2 & 0xffffff) | (distance >> 1 & 1) << 24;
    }
    return (s->word & 0xff000000) | (distance >> 2 & 0xffffff);
}

static uint32_t branch_t16(const struct slot *s, uint32_t distance)
{
    uint32_t half = s->word >> 16, to = distance >> 1;

    if (half >> 12 == 13) {
        half = (half & 0xff00) | (to & 0xff);       /* conditional */
    } else if (half >> 12 == 14) {
        half = (half & 0xf800) | (to & 0x7ff);
    } else {
        half = (half & 0xfd07) | (to & 0x1f) << 3 | (to >> 5 & 1) << 9;
    }
    return half << 16;
}

static uint32_t branch_t32(const struct slot *s, uint32_t target)
{
    uint32_t from = CODE_AT + s->at + 4, low = s->word & 0xd000, to;

    if (!(low & 0x5000)) {                          /* conditional, all others have 1s there */
        to = (target - from) >> 1;
        return (s->word & 0xfbc0d000) | (to & 0x7ff) | (to >> 11 & 0x3f) << 16;
    }
    if ((low & 0x5000) == 0x4000) {                 /* BLX: to words */
        to = (target - (from & ~3u)) >> 1;
    } else {
        to = (target - from) >> 1;
    }
    return (s->word & 0xf800d000) | 0x2800 | (to & 0x7ff) | (to >> 11 & 0x3ff) << 16;
}

/* The farthest target within reach; CBZ cannot go to the very next halfword. */
static uint32_t narrow_branch(const struct block *b, unsigned i)
{
    const struct slot *s = &b->slot[i];
    int reach = s->word >> 28 == 11 ? 126 : s->word >> 28 == 13 ? 254 : 2046;
    int least = s->word >> 28 == 11 ? 0 : -2;

    for (int wanted = s->target - NEXT_SLOT; wanted >= 0; wanted--) {
        int distance = (int)(address_of(b, target_within(b, i, wanted)) - (CODE_AT + s->at + 4));

        if (distance >= least && distance <= reach) {
            return branch_t16(s, (uint32_t)distance);
        }
    }
    return nop_of(s);
}

static uint32_t complete_branch(const struct block *b, unsigned i)
{
    const struct slot *s = &b->slot[i];
    uint32_t target = address_of(b, target_of(b, i));

    if (!s->thumb) {
        return branch_a32(s, target);
    }
    return s->len == 2 ? narrow_branch(b, i) : branch_t32(s, target);
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void put(struct batch *b, uint32_t at, uint32_t word, unsigned len, bool thumb)
{
    if (!thumb) {
        st32_le(b->code + at, word);
        return;
    }
    st16_le(b->code + at, word >> 16);
    if (len == 4) {
        st16_le(b->code + at + 2, word);
    }
}

static void put_data(struct batch *b, uint32_t at, uint32_t word, bool big)
{
    if (big) {
        st32_be(b->code + at, word);
    } else {
        st32_le(b->code + at, word);
    }
}

static void place(struct block *b, uint32_t at)
{
    b->at = at;
    for (unsigned i = 0; i < b->n; i++) {
        struct slot *s = &b->slot[i];

        at = align_up(at, slot_align(s));
        s->at = at;
        at += s->len;
    }
}

static uint32_t encode_slot(struct batch *all, const struct block *b, unsigned i, uint32_t *pool)
{
    const struct slot *s = &b->slot[i];
    uint32_t value = s->value, from;

    if (s->out) {
        return nop_of(s);
    }
    if (s->kind == SLOT_BRANCH) {
        return complete_branch(b, i);
    }
    if (s->kind == SLOT_TABLE) {
        uint32_t entry = (address_of(b, target_of(b, i)) - (CODE_AT + s->at)) / 2;
        bool halves = b->slot[i - 1].word & 0x10;

        return (b->big && halves ? (entry & 0xff) << 8 | entry >> 8 : entry) << 16;
    }
    if (s->kind != SLOT_LITERAL) {
        return s->word;
    }
    if (s->target >= 0) {
        unsigned to = target_of(b, i);

        value = address_of(b, to) + (thumb_at(b, to) && !s->value);
    }
    put_data(all, *pool, value, b->big);
    from = s->at + (s->thumb ? 4 : 8);
    from = *pool - (s->thumb ? from & ~3u : from);
    assert(from <= (s->len == 2 ? 1020 : 4095));
    *pool += 4;
    return s->word | (s->len == 2 ? from >> 2 << 16 : from);
}

/* Without a register: from Thumb without Thumb-2 by way of ARM state. */
static uint32_t put_exit(struct batch *all, const struct block *b, uint32_t block_end)
{
    uint32_t at = exit_at(b);

    if (b->end_thumb && rows_has(F_T2)) {
        put(all, at, 0xf8dff000, 4, true);
        put_data(all, at + 4, block_end, b->big);
        return at + 8;
    }
    if (b->end_thumb) {
        put(all, at, 0x477846c0, 4, true);          /* bx pc; nop */
        at += 4;
    }
    put(all, at, 0xe51ff004, 4, false);
    put_data(all, at + 4, block_end, b->big);
    return at + 8;
}

static uint32_t encode_block(struct batch *all, struct block *b, uint32_t at, uint32_t block_end)
{
    uint32_t pool;

    place(b, at);
    pool = put_exit(all, b, block_end);
    for (unsigned i = 0; i < b->n; i++) {
        uint32_t word = encode_slot(all, b, i, &pool);

        put(all, b->slot[i].at, word, b->slot[i].len, b->slot[i].thumb);
    }
    return align_up(pool, 8);
}

void encode_batch(struct batch *b, uint32_t block_end)
{
    uint32_t at = 4096;             /* literal loads may read what is before */

    memset(b->code, 0, MAX_CODE);
    for (unsigned i = 0; i < b->n_blocks; i++) {
        at = encode_block(b, &b->block[i], at, block_end);
        for (unsigned k = 0; k < RUNS_PER_BLOCK; k++) {
            b->run[i * RUNS_PER_BLOCK + k].pc = CODE_AT + b->block[i].at + b->block[i].thumb;
        }
    }
    b->code_size = at;
}
