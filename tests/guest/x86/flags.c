/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What POPF, IRET, CLI and STI make of EFLAGS in every ring and in virtual-8086 mode, for every
 * IOPL; folded into one number for each instruction as in matrix.c.
 */
#include "suite.h"

CODE(f_popf, "pushl %ecx; popf");
CODE(f_popf_word, "pushw %cx; popfw");
CODE(f_iret, "pushl %ecx; push %cs; pushl $2f; iret; 2:");
CODE(f_cli, "cli");
CODE(f_sti, "sti; nop");
CODE(f_pushf, "pushf; pop %edx");

#define CODE16(name, text) CODE(name, ".code16;" text "; hlt; .code32; nop")
CODE16(g_popf, "push %cx; popf");
CODE16(g_popf_long, "pushl %ecx; popfl");
CODE16(g_iret, "push %cx; push $0; push $2f-g_iret+0x8000; iret; 2:");
CODE16(g_iret_long, "pushl %ecx; pushl $0; pushl $2f-g_iret_long+0x8000; iretl; 2:");
CODE16(g_cli, "cli");
CODE16(g_sti, "sti; nop");
CODE16(g_pushf, "pushf; pop %dx");
CODE16(g_pushf_long, "pushfl; popl %edx");
CODE16(g_int, "int $0x40");

static uint32_t sum;

/* All but TF, which would step, and VM. */
static const uint32_t loaded[] = {
    0, 0xfd, FL_IF, FL_IOPL3, FL_IF | FL_IOPL3, FL_NT, FL_AC, FL_VIF, FL_VIP, FL_VIF | FL_VIP,
    FL_IF | FL_VIP, 0x200000, 0xfcfed7, 0x800, 0x1000, 0x2000,
};
static const uint32_t before[] = {
    0, FL_IF, FL_VIF, FL_VIP, FL_AC | FL_IF, 0x2000d5, FL_VIF | FL_IF,
};

static void one(const char *title, const uint8_t *code, const uint8_t *end, uint32_t mode,
                uint32_t flags, uint32_t value)
{
    if (mode == V86) {
        memcpy((void *)0x8000, code, end - code);
        in.cs = in.ss = 0;
        in.esp = 0x7000;
        code = (uint8_t *)0x8000;
    }
    in.ecx = value;
    run(mode, flags, code);
    sum = checksum(sum, seen.vector << 16 | seen.error);
    sum = checksum(sum, seen.eflags & ~FL_RF);
    sum = checksum(sum, seen.edx & ~FL_RF);
    if (dump) {
        note("%s mode %d flags %x value %x: %d %x eflags %x edx %x", title, mode, flags, value,
             seen.vector, seen.error, seen.eflags, seen.edx);
    }
}

static void all(const char *title, const uint8_t *code, const uint8_t *end, uint32_t mode,
                uint32_t want)
{
    sum = 0;
    for (uint32_t iopl = 0; iopl < 4; iopl++) {
        for (unsigned b = 0; b < sizeof before / sizeof before[0]; b++) {
            for (unsigned i = 0; i < sizeof loaded / sizeof loaded[0]; i++) {
                one(title, code, end, mode, before[b] | iopl << 12, loaded[i]);
            }
        }
    }
    ok(sum == want, "%s", title);
    if (sum != want) {
        note("  0x%x", sum);
    }
}

void test_flags(void)
{
    start_group("flags");
#define ALL(title, name, mode, want) all(title, name, name##_end, mode, want)
    ALL("popf in ring 0", f_popf, RING0, 0x95208e6d);
    ALL("popf in ring 1", f_popf, RING1, 0x847cbd0f);
    ALL("popf in ring 3", f_popf, RING3, 0xb0cfebe6);
    ALL("popf of 16 bits in ring 0", f_popf_word, RING0, 0x650db4ef);
    ALL("popf of 16 bits in ring 3", f_popf_word, RING3, 0x40e2d164);
    ALL("iret in ring 0", f_iret, RING0, 0xccab6a4a);
    ALL("iret in ring 1", f_iret, RING1, 0x847cbd0f);
    ALL("iret in ring 3", f_iret, RING3, 0xb0cfebe6);
    ALL("cli in ring 1", f_cli, RING1, 0x92ff93ba);
    ALL("sti in ring 1", f_sti, RING1, 0x8c5e105e);
    ALL("pushf in ring 3", f_pushf, RING3, 0x844f80f2);
    ALL("v86: popf", g_popf, V86, 0x7014fec3);
    ALL("v86: popf of 32 bits", g_popf_long, V86, 0xf002b3de);
    ALL("v86: iret", g_iret, V86, 0x7014fec3);
    ALL("v86: iret of 32 bits", g_iret_long, V86, 0xf002b3de);
    ALL("v86: cli", g_cli, V86, 0x3da2132c);
    ALL("v86: sti", g_sti, V86, 0xb4e0ed7f);
    ALL("v86: pushf", g_pushf, V86, 0xcb5738f3);
    ALL("v86: pushf of 32 bits", g_pushf_long, V86, 0x2ee93446);
    ALL("v86: int", g_int, V86, 0x8e919477);
    if (!HAS(1)) {
        return;
    }
    WRITE_REG(cr4, 1);
    ALL("vme: popf", g_popf, V86, 0x976fe175);
    ALL("vme: popf of 32 bits", g_popf_long, V86, 0xf002b3de);
    ALL("vme: iret", g_iret, V86, 0x976fe175);
    ALL("vme: iret of 32 bits", g_iret_long, V86, 0xf002b3de);
    ALL("vme: cli", g_cli, V86, 0x45b10403);
    ALL("vme: sti", g_sti, V86, 0x261e798f);
    ALL("vme: pushf", g_pushf, V86, 0xf0678602);
    ALL("vme: pushf of 32 bits", g_pushf_long, V86, 0x2ee93446);
    WRITE_REG(cr4, 2);
    ALL("pvi: cli", f_cli, RING3, 0x77b0e9b);
    ALL("pvi: sti", f_sti, RING3, 0x5646c54);
    ALL("pvi: popf", f_popf, RING3, 0xb0cfebe6);
    ALL("pvi: pushf", f_pushf, RING3, 0x844f80f2);
    world_reset();
}
