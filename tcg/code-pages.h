/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pages of RAM that code came from: which regions, and which bytes. A page that is translated
 * from counts the stores to it meanwhile, so that none is missed.
 *
 * Changes are made with the lock of the region cache held. code_page_touches() is asked without it,
 * by stores and with vector registers live.
 */
#ifndef TCG_CODE_PAGES_H
#define TCG_CODE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct region;

enum { CODE_LINE_BITS = 4, CODE_LINE_WORDS = (4096 >> CODE_LINE_BITS) / 64 };

struct code_page {
    struct region *regions;
    uint64_t lines[CODE_LINE_WORDS];        /* which 16-byte pieces of it hold translated code */
    uint32_t translating;           /* regions that are being made from it now */
    uint32_t stores;                /* since the first of them began */
    uint64_t entries[4096 / 128];   /* bit for two bytes: a region may have begun there */
};

/* The record of the page that holds ram_addr, made if need be; NULL when there is none. */
struct code_page *code_page_of(uint64_t ram_addr, bool create);
/* Whether a store of these bytes of a watched page matters to translated code, or the page need
   not be watched. */
bool code_page_touches(uint64_t ram_addr, unsigned size);
void code_page_link(struct region *r, unsigned n);
void code_page_unlink(struct region *r, unsigned n);
/* Works out `lines' anew after regions have gone. */
void code_page_recount(uint64_t page);
/* The part of the region's guest bytes that lies in its page n. */
void code_page_bytes(const struct region *r, unsigned n, unsigned *first, unsigned *last);
/* Forgets all regions; visit is called for each page that had a record. */
void code_pages_clear(void (*visit)(uint64_t ram_addr));

/* Whether any of the lines of these bytes is marked. */
bool code_page_marked(const struct code_page *p, unsigned first, unsigned last);

#endif
