/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every access byte of a descriptor, with every RPL, in rings 0 and 3, through every instruction
 * that looks at it, and every size of access around limits. What comes out is folded into one
 * number for each instruction; two independent implementations agreed on the numbers. `-append
 * dump' prints the single outcomes.
 */
#include "suite.h"

CODE(m_ds, "mov %ecx, %ds");
CODE(m_ss, "mov %ecx, %ss");
CODE(m_jump, "ljmp *(%ebx)");
CODE(m_call, "lcall *(%ebx)");
CODE(m_return, "mov %ebx, %esp; lret");
CODE(m_iret, "mov %ebx, %esp; iret");
CODE(m_int, "int $0x90");
CODE(m_lar, "lar %ecx, %eax; pushf; pop %edx; and $0x40, %edx");
CODE(m_lsl, "lsl %ecx, %eax; pushf; pop %edx; and $0x40, %edx");
CODE(m_verr, "verr %cx; pushf; pop %edx; and $0x40, %edx");
CODE(m_verw, "verw %cx; pushf; pop %edx; and $0x40, %edx");
CODE(m_read, "mov %ecx, %fs; movb %fs:64(%ebx), %al");
CODE(m_write, "mov %ecx, %fs; movb %al, %fs:64(%ebx)");

enum { SLOT = SEL_UP };
static uint32_t sum;
bool dump;

static bool is_task(uint32_t access)
{
    uint32_t type = access & 0x1f;
    return type == 1 || type == 3 || type == 9 || type == 0xb || type == 5;
}

static bool is_gate(uint32_t access)
{
    return !(access & 0x10) && ((access & 15) >= 12 || ((access & 15) >= 4 && (access & 15) < 8));
}

static void set_entry(uint32_t access, const void *target)
{
    bool down = (access & 0x1c) == 0x14;
    gdt[SLOT / 8] = is_gate(access) ? gate(SEL_CODE, target, access)
                                    : descriptor(0, down ? 0 : 0xfffff, 0xc00 | access);
}

/* The memory that code is pointed to: a far pointer, or a frame for lret or iret. */
static void set_memory(const uint8_t *code, const uint8_t *end, uint32_t cs, uint32_t ss)
{
    uint32_t *m = (uint32_t *)window, i = 0;

    m[i++] = (uint32_t)end - 2;
    m[i++] = cs;
    if (code == m_iret) {
        m[i++] = 2;
    }
    m[i++] = (uint32_t)window + 0x800;
    m[i++] = ss;
}

static void outcome(const char *title, uint32_t mode, uint32_t rpl, uint32_t access)
{
    sum = checksum(sum, seen.vector << 16 | seen.error);
    sum = checksum(sum, gdt[SLOT / 8] >> 40 & 0xff);
    if (seen.vector == DONE) {
        sum = checksum(sum, seen.cs << 16 | (seen.edx & 0x40));
        sum = checksum(sum, seen.eax & (is_gate(access) ? 0xffff : 0xf0ffff));
    }
    if (dump) {
        note("%s ring %d rpl %d access %x: %d %x cs %x eax %x edx %x", title, mode, rpl, access,
             seen.vector, seen.error, seen.cs, seen.eax, seen.edx);
    }
}

static void one(const char *title, const uint8_t *code, const uint8_t *end, uint32_t mode,
                uint32_t rpl, uint32_t access)
{
    set_entry(access, (void *)(end - 2));
    set_memory(code, end, SLOT | rpl, rpl == 3 ? SEL_UDATA : SEL_DATA | rpl);
    idt[0x90] = gate(SLOT | rpl, end - 2, 0xee);
    in.eax = 0x77;
    in.ecx = SLOT | rpl;
    in.ebx = (uint32_t)window;
    run(mode, 0, code);
    outcome(title, mode, rpl, access);
}

static void all(const char *title, const uint8_t *code, const uint8_t *end, bool transfers,
                uint32_t want)
{
    world_reset();
    *(uint16_t *)(((uint32_t)end - 2) & 0xffff) = 0x40cd; /* where 16-bit gates lead */
    sum = 0;
    for (uint32_t mode = 0; mode <= 3; mode += 3) {
        for (uint32_t rpl = 0; rpl < 4; rpl++) {
            for (uint32_t access = 0; access < 256; access++) {
                if (!transfers || !is_task(access)) {
                    one(title, code, end, mode, rpl, access);
                }
            }
        }
    }
    ok(sum == want, "%s of every descriptor", title);
    if (sum != want) {
        note("  0x%x", sum);
    }
}

/* The selector of ss in an iret to an outer ring. */
static void outer_stacks(uint32_t want)
{
    world_reset();
    sum = 0;
    for (uint32_t rpl = 0; rpl < 4; rpl++) {
        for (uint32_t access = 0; access < 256; access++) {
            set_entry(access, NULL);
            set_memory(m_iret, m_iret_end, SEL_UCODE, SLOT | rpl);
            in.ebx = (uint32_t)window;
            run(RING0, 0, m_iret);
            if (seen.vector == SS || seen.vector == NP) {
                seen.vector = SS; /* the manual names both */
            }
            outcome("ss of iret", RING0, rpl, access);
        }
    }
    ok(sum == want, "ss of iret of every descriptor");
    if (sum != want) {
        note("  0x%x", sum);
    }
}

/* Every type byte of a gate of the IDT. */
static void all_gates(uint32_t want)
{
    world_reset();
    *(uint16_t *)(((uint32_t)m_int_end - 2) & 0xffff) = 0x40cd;
    sum = 0;
    for (uint32_t mode = 0; mode <= 3; mode += 3) {
        for (uint32_t access = 0; access < 256; access++) {
            idt[0x90] = gate(SEL_CODE, m_int_end - 2, access);
            run(mode, 0, m_int);
            outcome("gate", mode, 0, access);
        }
    }
    ok(sum == want, "int through every gate");
    if (sum != want) {
        note("  0x%x", sum);
    }
}

/* --- limits ---------------------------------------------------------------------------------- */
CODE(e_byte, "movb %fs:(%ebx), %al");
CODE(e_word, "movw %fs:(%ebx), %ax");
CODE(e_dword, "movl %fs:(%ebx), %eax");
CODE(e_change, "lock; orl $0, %fs:(%ebx)");
CODE(e_qword, "fildll %fs:(%ebx)");
CODE(e_tbyte, "fldt %fs:(%ebx)");
CODE(e_string, "mov %ebx, %esi; lodsl %fs:(%esi), %eax");
static const uint8_t *const edge_code[] = { e_byte, e_word, e_dword, e_change, e_qword, e_tbyte,
                                            e_string };

/* Accesses of all sizes around one offset. */
static void around(uint32_t offset)
{
    for (unsigned i = 0; i < sizeof edge_code / sizeof edge_code[0]; i++) {
        for (uint32_t d = 0; d < 24; d++) {
            in.ebx = offset + d - 12;
            in.fs = SLOT | 3;
            asm volatile("fninit");
            run(RING3, 0, edge_code[i]);
            sum = checksum(sum, seen.vector << 16 | seen.error);
            if (dump) {
                note("code %d offset %x: %d %x", i, offset + d - 12, seen.vector, seen.error);
            }
        }
    }
}

/* access: up or down; kind: G and B bits. */
static void limits(uint32_t access, uint32_t kind, uint32_t want)
{
    static const uint32_t values[] = { 0, 1, 7, 0xfff, 0x1000, 0xfffe, 0xffff, 0x10000, 0xfffff };

    sum = 0;
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint32_t last = kind & 8 ? values[i] << 12 | 0xfff : values[i];
        if (last == 0xffffffff) {
            continue; /* whether accesses wrap around 4 GiB is left to the processor */
        }
        gdt[SLOT / 8] = descriptor((uint32_t)window, values[i], kind << 8 | access);
        around(last);
        around(0);
        around(0x10000);
    }
    ok(sum == want, "limits of access %x, kind %x", access, kind);
    if (sum != want) {
        note("  0x%x", sum);
    }
}

static void all_limits(void)
{
    static const struct { uint32_t access, kind, want; } rows[] = {
        { 0xf3, 0, 0x8229c417 }, { 0xf3, 4, 0x8229c417 }, { 0xf3, 8, 0xe5f1b77 },
        { 0xf3, 0xc, 0xe5f1b77 }, { 0xf7, 0, 0x112373c2 }, { 0xf7, 4, 0x84ead953 },
        { 0xf7, 8, 0x65c99255 }, { 0xf7, 0xc, 0x903bf774 }, { 0xf1, 4, 0xad19f849 },
        { 0xfb, 4, 0xad19f849 }, { 0xf9, 4, 0x13b0425c },
    };

    world_reset();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        limits(rows[i].access, rows[i].kind, rows[i].want);
    }
}

void test_matrix(void)
{
    if (brief) {
        return;
    }
    start_group("descriptors");
#define ALL(title, name, transfers, want) all(title, name, name##_end, transfers, want)
    ALL("mov ds", m_ds, false, 0x57bb4566);
    ALL("mov ss", m_ss, false, 0x8036cfac);
    ALL("read", m_read, false, 0xd32426e6);
    ALL("write", m_write, false, 0x6e218d20);
    ALL("ljmp", m_jump, true, 0x4de00943);
    ALL("lcall", m_call, true, 0x8e4b226a);
    ALL("lret", m_return, false, 0x8e0a5ed5);
    ALL("iret", m_iret, false, 0x8e0a5ed5);
    ALL("int", m_int, false, 0x8db40a8f);
    ALL("lar", m_lar, false, 0x41ea46d2);
    ALL("lsl", m_lsl, false, 0x8fc719b4);
    ALL("verr", m_verr, false, 0x691a2d30);
    ALL("verw", m_verw, false, 0xdaaac5c1);
    outer_stacks(0xc0657e1b);
    all_gates(0x4ed78f48);
    all_limits();
    world_reset();
}
