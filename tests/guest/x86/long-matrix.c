/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptor matrix in long mode; see matrix.c. */
#include "long.h"

CODE64(l_ds, "mov %ecx, %ds");
CODE64(l_ss, "mov %ecx, %ss");
CODE64(l_jump, "ljmp *(%rbx)");
CODE64(l_call, "lcall *(%rbx)");
CODE64(l_return, "mov %rbx, %rsp; lretq");
CODE64(l_iret, "mov %rbx, %rsp; iretq");
CODE64(l_int, "int $0x90");
CODE64(l_lar, "lar %ecx, %eax; pushf; pop %rdx; and $0x40, %edx");
CODE64(l_lsl, "lsl %ecx, %eax; pushf; pop %rdx; and $0x40, %edx");
CODE64(l_verr, "verr %cx; pushf; pop %rdx; and $0x40, %edx");
CODE64(l_verw, "verw %cx; pushf; pop %rdx; and $0x40, %edx");

enum { SLOT = 0xb8, DONE_CODE = 2 }; /* an even slot for two entries; the last int */
static uint32_t sum;

static bool is_gate(uint32_t access)
{
    return !(access & 0x10) && ((access & 15) >= 12 || ((access & 15) >= 4 && (access & 15) < 8));
}

/* kind: the flags nibble of code and data, 0xa for 64 bits and 0xc for 32. */
static void set_entry(uint32_t access, uint32_t kind, const void *target)
{
    gdt[SLOT / 8] = is_gate(access) ? gate(SEL_CODE64, target, access)
                                    : descriptor(0, 0xfffff, kind << 8 | access);
    gdt[SLOT / 8 + 1] = 0;
}

static void set_memory(const uint8_t *code, const uint8_t *target, uint32_t cs, uint32_t ss)
{
    uint64_t *m = (uint64_t *)window;
    uint32_t i = 0;

    if (code == l_jump || code == l_call) {
        m[0] = (uint32_t)target | (uint64_t)cs << 32;
        return;
    }
    m[i++] = (uint32_t)target;
    m[i++] = cs;
    if (code == l_iret) {
        m[i++] = 2;
    }
    m[i++] = (uint32_t)window + 0x800;
    m[i++] = ss;
}

static void outcome(const char *title, uint32_t mode, uint32_t rpl, uint32_t access)
{
    sum = checksum(sum, (uint32_t)seen64.vector << 16 | (uint32_t)seen64.error);
    sum = checksum(sum, gdt[SLOT / 8] >> 40 & 0xff);
    if (seen64.vector == DONE) {
        sum = checksum(sum, (uint32_t)seen64.cs << 16 | ((uint32_t)seen64.rdx & 0x40));
        sum = checksum(sum, (uint32_t)seen64.rax & (is_gate(access) ? 0xffff : 0xf0ffff));
    }
    if (dump) {
        note("%s ring %d rpl %d access %x: %d %x cs %x ss %x eax %x edx %x", title, mode, rpl,
             access, (uint32_t)seen64.vector, (uint32_t)seen64.error, (uint32_t)seen64.cs,
             (uint32_t)seen64.ss, (uint32_t)seen64.rax, (uint32_t)seen64.rdx);
    }
}

static void all(const char *title, const uint8_t *code, const uint8_t *end, uint32_t kind,
                uint32_t want)
{
    const uint8_t *target = end - DONE_CODE;

    long_reset();
    sum = 0;
    for (uint32_t mode = 0; mode <= 3; mode += 3) {
        for (uint32_t rpl = 0; rpl < 4; rpl++) {
            for (uint32_t access = 0; access < 256; access++) {
                set_entry(access, kind, target);
                set_memory(code, target, SLOT | rpl, rpl == 3 ? SEL_UDATA64 : SEL_DATA | rpl);
                idt64[0x90][0] = gate(SLOT | rpl, target, 0xee);
                in64.rax = 0x77;
                in64.rcx = SLOT | rpl;
                in64.rdx = 0;
                in64.rbx = (uint32_t)window;
                run64(mode, 0, (uint32_t)code);
                outcome(title, mode, rpl, access);
            }
        }
    }
    ok(sum == want, "%s of every descriptor, kind %x", title, kind);
    if (sum != want) {
        note("  0x%x", sum);
    }
}

static void all_gates(uint32_t want)
{
    long_reset();
    sum = 0;
    for (uint32_t mode = 0; mode <= 3; mode += 3) {
        for (uint32_t access = 0; access < 256; access++) {
            idt64[0x90][0] = gate(SEL_CODE64, l_int_end - DONE_CODE, access);
            run64(mode, 0, (uint32_t)l_int);
            outcome("gate", mode, 0, access);
        }
    }
    ok(sum == want, "int through every gate");
    if (sum != want) {
        note("  0x%x", sum);
    }
}

void test_long_matrix(void)
{
    if (brief) {
        return;
    }
#define ALL(title, name, kind, want) all(title, name, name##_end, kind, want)
    ALL("mov ds", l_ds, 0xc, 0x47921c7d);
    ALL("mov ss", l_ss, 0xc, 0x3a43862);
    ALL("ljmp", l_jump, 0xa, 0xbc4129cb);
    ALL("ljmp", l_jump, 0xe, 0x7adf2487);
    ALL("lcall", l_call, 0xa, 0x23d056e2);
    ALL("lret", l_return, 0xa, 0xa4c6bec);
    ALL("iret", l_iret, 0xa, 0xa4c6bec);
    ALL("int", l_int, 0xa, 0x51e99183);
    ALL("lar", l_lar, 0xa, 0x6993cf5f);
    ALL("lsl", l_lsl, 0xa, 0x76963dd8);
    ALL("verr", l_verr, 0xa, 0x82ca6e43);
    ALL("verw", l_verw, 0xa, 0x317a86b2);
    all_gates(0x514e4572);
    long_reset();
}
