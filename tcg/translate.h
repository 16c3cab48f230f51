/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a frontend gets to translate one region: up to 16 basic blocks and 256 guest instructions
 * inside one guest page (an instruction that crosses into the next page is allowed only as the
 * region's first).
 */
#ifndef TCG_TRANSLATE_H
#define TCG_TRANSLATE_H

#include "cpu-exec.h"
#include "tcg/build.h"

enum { REGION_MAX_BLOCKS = 16, REGION_MAX_INSNS = 256, CHECKED_BYTES = 512 };

struct translation {
    struct cpu *cpu;
    struct ir *ir;
    struct code_key key;
    unsigned max_insns;             /* 1: one-instruction region, -d one_insn, single step */
    bool strict_flags;              /* keep every flag store across edges */
    /*
     * The code is in pages that are stored to again and again, and not watched: the region starts
     * with a check op, is one straight run of at most CHECKED_BYTES, ends after what may store, and
     * relies on no other byte of the page. May become true while the first instruction is decoded.
     */
    bool checked;
    uint64_t page;                  /* linear address of the first code page */
    const uint8_t *code;            /* host address of that page's bytes: code[lin - page] */
    unsigned page_size;
    struct fetch *fetch;            /* region.c's own */
    /* Set by the frontend: */
    uint64_t first, end;            /* linear range of guest code the region was made from */
    unsigned insns;
    uint8_t second[16];             /* region.c's own: bytes of the second page */
};

/*
 * Copies `len' (<= 16) code bytes at linear address `lin' that are not all in the first page: may
 * raise the guest's fetch fault, so call it for the region's first instruction only.
 */
void translate_fetch(struct translation *t, uint64_t lin, uint8_t *buf, unsigned len);
/* Whether these bytes of a checked region, an immediate, are known to change: the frontend then
   loads them from there each time. */
bool translate_loads(struct translation *t, uint64_t lin, unsigned len);
/* Whether a region begins at this pc of the page already: better go there than translate again. */
bool translate_is_entry(const struct translation *t, uint64_t pc, unsigned offset);

#endif
