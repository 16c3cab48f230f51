/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where guest code lies and who hears of stores to it: what region.c asks of guest memory. For a
 * machine this is RAM behind the soft MMU (code-ram.c), for a process its address space
 * (user/code.c).
 */
#ifndef TCG_CODE_H
#define TCG_CODE_H

#include "cpu-exec.h"

#define CODE_NONE (~1ull)           /* ram_page of what is no memory */

enum { CODE_PAGE_BITS = 12, CODE_PAGE = 1 << CODE_PAGE_BITS };

extern const bool code_is_user;     /* this executable runs a process, not a machine */

struct code_place {                 /* a page of guest code */
    uint64_t page;                  /* its linear address */
    uint8_t *host;                  /* its bytes, NULL when it is no memory */
    uint64_t ram_page;              /* what identifies it; CODE_NONE when it is no memory */
    bool global;                    /* as struct tlb_fill */
};

void code_init(void);
/* The page that holds an address; may raise the guest's fetch fault. */
void code_find(struct cpu *cpu, uint64_t lin, struct code_place *place);
/* The same if it is known without a look at the guest's page tables; changes no vector register. */
bool code_find_cached(struct cpu *cpu, uint64_t lin, struct code_place *place);
/* One byte of code that is no memory. */
uint8_t code_read(struct cpu *cpu, uint64_t lin);
/* From here on stores to the page are heard of; may raise the guest's fetch fault. */
void code_watch(struct cpu *cpu, uint64_t ram_page);
/* Nobody hears of stores to the page, so regions are checked; after many checks that held it is
   watched again. */
bool code_is_checked(uint64_t ram_page);
void code_quiet(uint64_t ram_page);
/* How often regions of the page are to be entered before that. */
int32_t code_checks(uint64_t ram_page);
/* The page holds no translated code any more. With region.c's lock held. */
void code_unwatch(uint64_t ram_page);

#endif
