/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page tests shared by all formats: accesses, and the event that rights lead to. */
#ifndef PAGES_H
#define PAGES_H

#include "suite.h"

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };
enum { ERR_P = 1, ERR_W = 2, ERR_U = 4, ERR_RSVD = 8, ERR_I = 16 };
enum access { READ, WRITE, EXEC };

/* 4 MiB-aligned addresses behind the identity map of the first 8 MiB. */
#define TEST_VA 0xc00000
#define LARGE_VA 0x1000000

/* What the levels above a page grant together. */
struct rights {
    bool present, writable, user, no_exec;
    bool checks_exec; /* the I/D bit of the error code is in use */
};

bool rights_fault(const struct rights *r, uint32_t mode, enum access access, uint32_t cr0,
                  uint32_t *error);
void page_access(uint32_t mode, enum access access, uint32_t va);
/* Reports whether the last access ended in this fault. */
void expect_page_fault(const char *title, uint32_t error, uint32_t cr2, enum access access);
bool page_fault_seen(uint32_t error, uint32_t cr2, enum access access);
void identity_map(uint32_t flags);
void paging_on(uint32_t cr0, uint32_t cr4);

static inline void invlpg(uint32_t va)
{
    asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

#endif
