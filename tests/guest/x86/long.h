/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long mode's harness: the C code stays 32-bit and runs in compatibility mode. */
#ifndef LONG_H
#define LONG_H

#include "pages.h"

/* Registers of a probe, and those of the event that ended it. long.S knows the layout. */
struct state64 {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
    uint64_t cr2, handler_ss, handler_rsp, ds;
};

extern struct state64 in64, seen64;
extern uint8_t ist_stack[1024];
extern uint64_t idt64[256][2];
extern struct tss64 {
    uint32_t reserved;
    uint32_t rsp[6];
    uint32_t reserved2[2];
    uint32_t ist[14];
    uint32_t reserved3[2];
    uint16_t reserved4, iomap;
} tss64;

enum { EFER = 0xc0000080, STAR, LSTAR, CSTAR, SFMASK, FS_BASE = 0xc0000100, GS_BASE, KERNEL_GS_BASE,
       SYSENTER_CS = 0x174, SYSENTER_ESP, SYSENTER_EIP };
#define NX (1ull << 63)
/* A user page and what leads to it, in both halves of the address space. */
#define LOW64 0x0000123440000000ull
#define HIGH64 0xffff923440000000ull
extern uint64_t pml4[512], test_pdpt[512], test_pd[512], test_pt[512];

void enter64(void);
void long_reset(void);
void run64(uint32_t mode, uint32_t flags, uint32_t code);
void test_long_pages(void);
void test_long_matrix(void);

#define CODE64(name, text) CODE(name, ".code64;" text "; int $0x40; .code32; nop")

#endif
