/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of code pages in two levels: records lie together as their pages do. */
#pragma GCC target("general-regs-only")
#include "tcg/code-pages.h"

#include <string.h>
#include "base/bits.h"
#include "base/error.h"
#include "base/memory.h"
#include "hw/core/memory.h"
#include "tcg/region.h"

enum {
    BLOCK_BITS = 14, BLOCK = 1 << BLOCK_BITS,   /* pages of 64 MiB */
    BLOCKS = 1 << 21,                           /* of a process: all its addresses */
};

static struct code_page *blocks[BLOCKS];

struct code_page *code_page_of(uint64_t ram_addr, bool create)
{
    uint64_t n = ram_addr >> MEMORY_PAGE_BITS;
    struct code_page **at = &blocks[n >> BLOCK_BITS & (BLOCKS - 1)];
    struct code_page *block = __atomic_load_n(at, __ATOMIC_ACQUIRE);
    struct error *err = NULL;

    if (!block && create) {
        block = host_ram_alloc(BLOCK * sizeof(struct code_page), 0, &err);
        if (!block) {
            error_exit_with(err);
        }
        __atomic_store_n(at, block, __ATOMIC_RELEASE);
    }
    return block ? &block[n & (BLOCK - 1)] : NULL;
}

/* The bits of word w that stand for these bytes. */
static uint64_t word_mask(unsigned w, unsigned first, unsigned last)
{
    unsigned from = MAX_OF(first >> CODE_LINE_BITS, w * 64);
    unsigned to = MIN_OF(last >> CODE_LINE_BITS, w * 64 + 63);

    return from <= to ? ~0ull >> (63 - (to - from)) << (from & 63) : 0;
}

bool code_page_marked(const struct code_page *p, unsigned first, unsigned last)
{
    for (unsigned w = first >> (CODE_LINE_BITS + 6); w <= last >> (CODE_LINE_BITS + 6); w++) {
        if (__atomic_load_n(&p->lines[w], __ATOMIC_RELAXED) & word_mask(w, first, last)) {
            return true;
        }
    }
    return false;
}

static void mark(uint64_t *lines, unsigned first, unsigned last)
{
    for (unsigned w = 0; w < CODE_LINE_WORDS; w++) {
        __atomic_store_n(&lines[w], lines[w] | word_mask(w, first, last), __ATOMIC_RELAXED);
    }
}

bool code_page_touches(uint64_t ram_addr, unsigned size)
{
    const struct code_page *p = code_page_of(ram_addr, false);
    unsigned offset = ram_addr & (MEMORY_PAGE_SIZE - 1);

    if (!p || !__atomic_load_n(&p->regions, __ATOMIC_RELAXED)) {
        return true;                /* watched without need */
    }
    /* In this order: what is no longer being translated is marked. */
    return __atomic_load_n(&p->translating, __ATOMIC_ACQUIRE) ||
           code_page_marked(p, offset, offset + size - 1);
}

void code_page_bytes(const struct region *r, unsigned n, unsigned *first, unsigned *last)
{
    unsigned end = r->first_offset + r->guest_len;

    if (n == 0) {
        *first = r->first_offset;
        *last = MIN_OF(end, MEMORY_PAGE_SIZE) - 1;
    } else {
        *first = 0;
        *last = end - MEMORY_PAGE_SIZE - 1;
    }
}

void code_page_link(struct region *r, unsigned n)
{
    struct code_page *p = code_page_of(r->ram_page[n], true);
    unsigned first, last;

    r->page_next[n] = p->regions;
    p->regions = r;
    code_page_bytes(r, n, &first, &last);
    mark(p->lines, first, last);
}

void code_page_unlink(struct region *r, unsigned n)
{
    struct code_page *p = code_page_of(r->ram_page[n], false);
    struct region **at = &p->regions;

    while (*at != r) {
        at = &(*at)->page_next[(*at)->ram_page[0] != r->ram_page[n]];
    }
    *at = r->page_next[n];
}

void code_page_recount(uint64_t page)
{
    struct code_page *p = code_page_of(page, false);
    uint64_t lines[CODE_LINE_WORDS] = { 0 };
    unsigned first, last;

    for (struct region *r = p->regions; r;) {
        unsigned n = r->ram_page[0] != page;

        code_page_bytes(r, n, &first, &last);
        mark(lines, first, last);
        r = r->page_next[n];
    }
    for (unsigned w = 0; w < CODE_LINE_WORDS; w++) {
        __atomic_store_n(&p->lines[w], lines[w], __ATOMIC_RELAXED);
    }
}

void code_pages_clear(void (*visit)(uint64_t ram_addr))
{
    for (uint64_t i = 0; i < BLOCKS; i++) {
        for (uint64_t k = 0; blocks[i] && k < BLOCK; k++) {
            struct code_page *p = &blocks[i][k];

            if (p->regions) {
                p->regions = NULL;
                memset(p->lines, 0, sizeof(p->lines));
                memset(p->entries, 0, sizeof(p->entries));
                p->stores++;        /* the page will not be watched any more */
                visit((i << BLOCK_BITS | k) << MEMORY_PAGE_BITS);
            }
        }
    }
}
