/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual-8086 mode: IOPL-sensitive instructions, VME, limits, and interrupts out of it. */
#include "pages.h"

/* 16-bit code; it runs at 0000:8000. `1:' marks the event. */
#define CODE16(name, text) CODE(name, ".code16;" text "; hlt; .code32; nop")
enum { BASE = 0x8000, STACK = 0x7000 };

CODE16(v_cli, "cli");
CODE16(v_sti, "sti; nop");
CODE16(v_pushf, "pushf; pop %ax");
CODE16(v_popf, "pushw $0x202; 1: popf");
CODE16(v_popf_tf, "pushw $0x302; 1: popf; nop");
CODE16(v_popf_iopl, "pushw $0x0002; popf; pushf; pop %ax");
CODE16(v_int, "int $0x40; 1: nop");
CODE16(v_int_21, "int $0x21; 1: nop");
CODE16(v_int3, "int3; 1: nop");
CODE16(v_into, "mov $0x7fff, %ax; inc %ax; into; 1: nop");
CODE16(v_iret_good, "pushw $0x202; pushw $0; pushw $2f-v_iret_good+0x8000; 1: iret; 2: nop");
CODE16(v_hlt, "hlt");
CODE16(v_in, "inb $0x80, %al");
CODE16(v_in_dx, "mov $0x81, %dx; 1: inw %dx, %ax");
CODE16(v_mov_cr, "mov %cr0, %eax");
CODE16(v_mov_dr, "mov %eax, %dr0");
CODE16(v_lgdt, "lgdt 0");
CODE16(v_lidt, "lidt 0");
CODE16(v_lmsw, "lmsw %ax");
CODE16(v_clts, "clts");
CODE16(v_smsw, "smsw %ax");
CODE16(v_lldt, "lldt %ax");
CODE16(v_sldt, "sldt %ax");
CODE16(v_str, "str %ax");
CODE16(v_ltr, "ltr %ax");
CODE16(v_arpl, "arpl %ax, %ax");
CODE16(v_lar, "lar %ax, %ax");
CODE16(v_lsl, "lsl %ax, %ax");
CODE16(v_verr, "verr %ax");
CODE16(v_verw, "verw %ax");
CODE16(v_word_top, "mov $0xffff, %bx; 1: movw (%bx), %ax");
CODE16(v_byte_top, "mov $0xffff, %bx; movb (%bx), %al");
CODE16(v_stack_top, "mov $0xffff, %bp; 1: movw (%bp), %ax");
CODE16(v_32_bits, "mov $0x10000, %ebx; 1: movb (%ebx), %al");
CODE16(v_push_odd, "mov $1, %sp; 1: push %ax");
CODE16(v_push_wraps, "mov $0, %sp; push %ax; mov $0x7000, %sp");
CODE16(v_segments, "mov $0x1234, %ax; mov %ax, %ds; mov $0xffff, %ax; mov %ax, %es;"
                   "movb %es:0x10, %al; movw %ds, %bx; mov %es, %cx");
CODE16(v_far_jump, "ljmp $0x700, $2f-v_far_jump+0x1000; 2: mov %cs, %ax");
CODE16(v_pushfd, "pushfl; pop %eax");
CODE16(v_undefined, "ud2");
CODE16(v_read, "movb (%bx), %al");
CODE16(v_nops, "nop; nop");
CODE16(v_divide, "xor %cx, %cx; 1: div %cx");

static bool v86(const char *title, uint32_t flags, const uint8_t *code, const uint8_t *at,
                uint32_t vector, uint32_t error)
{
    memcpy((void *)BASE, code, 256);
    in.cs = in.ss = 0;
    in.esp = STACK;
    in.v86_ds = 0x1111;
    in.v86_es = 0x2222;
    in.v86_fs = 0x3333;
    in.v86_gs = 0x4444;
    return expect(title, V86, flags, (void *)BASE, vector, error, (void *)(BASE + (at - code)));
}

/* Ends at its hlt, that is without an event of its own. */
static bool v86_runs(const char *title, uint32_t flags, const uint8_t *code, const uint8_t *end)
{
    /* The code ends with hlt, nop and the int of CODE(). */
    return v86(title, flags, code, end - 4, GP, 0);
}
#define RUNS(title, flags, name) v86_runs(title, flags, name, name##_end)
#define FAULTS(title, flags, name, vector) v86(title, flags, name, name##_at, vector, 0)

static void entry_and_exit(void)
{
    in.eax = 0x1234;
    v86("int leaves through a gate", FL_IOPL3, v_int, v_int_at, DONE, 0);
    ok((seen.eflags & FL_VM) && seen.ss == 0 && seen.esp == STACK && seen.cs == 0,
       "the frame holds VM, cs and ss:sp");
    ok(seen.v86_ds == 0x1111 && seen.v86_es == 0x2222 && seen.v86_fs == 0x3333 &&
           seen.v86_gs == 0x4444, "and the data segments");
    ok(!seen.ds && !seen.es && !seen.fs && !seen.gs, "the handler has null data segments");
    FAULTS("int3 ignores IOPL", 0, v_int3, BP);
    FAULTS("into ignores IOPL", 0, v_into, OF);
    FAULTS("#UD", 0, v_undefined, UD);
    FAULTS("#DE", 0, v_divide, DE);
    v86("single step", FL_TF, v_nops, v_nops + 1, DB, 0);
    idt[0x40] = gate(SEL_CONFORM, trap_stubs[0x40], 0xee);
    v86("gate to conforming code", FL_IOPL3, v_int, v_int, GP, SEL_CONFORM);
    idt[0x40] = gate(SEL_UCODE, trap_stubs[0x40], 0xee);
    v86("gate to ring 3", FL_IOPL3, v_int, v_int, GP, SEL_UCODE - 3);
    world_reset();
    idt[0x40] = gate(SEL_CODE, trap_stubs[0x40], 0x8e);
    v86("gate of DPL 0", FL_IOPL3, v_int, v_int, GP, 0x40 * 8 + 2);
    world_reset();
}

static void sensitive(void)
{
    FAULTS("cli, IOPL 0", 0, v_cli, GP);
    FAULTS("sti, IOPL 0", 0, v_sti, GP);
    FAULTS("pushf, IOPL 0", 0, v_pushf, GP);
    FAULTS("popf, IOPL 0", 0, v_popf, GP);
    v86("int, IOPL 0", 0, v_int, v_int, GP, 0);
    FAULTS("iret, IOPL 0", 0, v_iret_good, GP);
    FAULTS("hlt, IOPL 3", FL_IOPL3, v_hlt, GP);
    RUNS("cli, IOPL 3", FL_IOPL3 | FL_IF, v_cli);
    ok(!(seen.eflags & FL_IF), "IF is clear");
    RUNS("sti, IOPL 3", FL_IOPL3, v_sti);
    ok(seen.eflags & FL_IF, "IF is set");
    RUNS("pushf, IOPL 3", FL_IOPL3, v_pushf);
    RUNS("popf, IOPL 3", FL_IOPL3, v_popf);
    ok(seen.eflags & FL_IF, "IF is set");
    RUNS("popf of IOPL 0", FL_IOPL3, v_popf_iopl);
    ok((seen.eax & FL_IOPL3) == FL_IOPL3, "IOPL stays 3");
    RUNS("iret, IOPL 3", FL_IOPL3, v_iret_good);
    ok((seen.eflags & (FL_IF | FL_IOPL3)) == (FL_IF | FL_IOPL3), "IF is set, IOPL kept");
    RUNS("pushfd, IOPL 3", FL_IOPL3, v_pushfd);
    ok(!(seen.eax & (FL_VM | FL_RF)), "it hides VM");
}

static void forbidden(void)
{
    FAULTS("in is for the bitmap alone, IOPL 3", FL_IOPL3, v_in, GP);
    tss.iomap = offsetof(struct tss, io);
    tss.io[0x80 / 8] = 0xfc;
    tss.io[sizeof tss.io - 1] = 0xff;
    RUNS("in of an open port, IOPL 0", 0, v_in);
    FAULTS("word of a half open port", 0, v_in_dx, GP);
    world_reset();
    FAULTS("mov from cr0", FL_IOPL3, v_mov_cr, GP);
    FAULTS("mov to dr0", FL_IOPL3, v_mov_dr, GP);
    FAULTS("lgdt", FL_IOPL3, v_lgdt, GP);
    FAULTS("lidt", FL_IOPL3, v_lidt, GP);
    FAULTS("lmsw", FL_IOPL3, v_lmsw, GP);
    FAULTS("clts", FL_IOPL3, v_clts, GP);
    RUNS("smsw", 0, v_smsw);
    FAULTS("lldt", 0, v_lldt, UD);
    FAULTS("sldt", 0, v_sldt, UD);
    FAULTS("str", 0, v_str, UD);
    FAULTS("ltr", 0, v_ltr, UD);
    FAULTS("arpl", 0, v_arpl, UD);
    FAULTS("lar", 0, v_lar, UD);
    FAULTS("lsl", 0, v_lsl, UD);
    FAULTS("verr", 0, v_verr, UD);
    FAULTS("verw", 0, v_verw, UD);
}

static void limits(void)
{
    FAULTS("word at ffff", 0, v_word_top, GP);
    RUNS("byte at ffff", 0, v_byte_top);
    FAULTS("word at ss:ffff", 0, v_stack_top, SS);
    FAULTS("byte at 10000", 0, v_32_bits, GP);
    FAULTS("push at 1", 0, v_push_odd, SS);
    RUNS("push at 0", 0, v_push_wraps);
    RUNS("segment loads", 0, v_segments);
    ok(seen.v86_ds == 0x1234 && seen.v86_es == 0xffff && (seen.ebx & 0xffff) == 0x1234 &&
           (seen.ecx & 0xffff) == 0xffff, "any selector is a paragraph");
    memcpy((void *)BASE, v_far_jump, 256);
    in.cs = in.ss = 0;
    in.esp = STACK;
    run(V86, 0, (void *)BASE);
    ok(seen.vector == GP && (seen.eax & 0xffff) == 0x700 && seen.cs == 0x700, "far jump");
}

static void page_fault(void)
{
    identity_map(7);
    uint32_t *directory = (uint32_t *)READ_REG(cr3);
    uint32_t *low = (uint32_t *)(directory[0] & 0xfffff000);
    low[5] = 0x5000 | PTE_P | PTE_W;
    paging_on(0, 0);
    memcpy((void *)BASE, v_read, 256);
    in.cs = in.ss = 0;
    in.esp = STACK;
    in.ebx = 0x4010;
    in.v86_ds = 0x100;
    run(V86, 0, (void *)BASE);
    ok(faulted(PF, ERR_P | ERR_U, (void *)BASE) && seen_cr2 == 0x5010, "page of the supervisor");
    world_reset();
}

static void by_task(void)
{
    tss2 = (struct tss){
        .esp = STACK, .ss0 = SEL_DATA, .esp0 = (uint32_t)window + 0x2000, .cs = 0, .eip = BASE,
        .eflags = FL_VM | FL_IOPL3 | 2, .ds = 0x5555, .iomap = sizeof tss2, .cr3 = READ_REG(cr3),
    };
    memcpy((void *)BASE, v_int, 256);
    static const uint8_t jump[] = { 0xea, 0, 0, 0, 0, SEL_TSS2, 0 };
    expect("task switch into v86", RING0, 0, jump, DONE, 0, NULL);
    ok((seen.eflags & FL_VM) && seen.v86_ds == 0x5555 && seen.eip == BASE + 2, "its state");
    world_reset();
}

/* The virtual-mode extensions: virtual IF, and int through the 8086 vector table. */
static void extensions(void)
{
    if (!HAS(1)) {
        return;
    }
    WRITE_REG(cr4, 1);
    RUNS("cli clears VIF", FL_VIF, v_cli);
    ok(!(seen.eflags & FL_VIF), "VIF is clear");
    RUNS("sti sets VIF", 0, v_sti);
    ok((seen.eflags & FL_VIF) && !(seen.eflags & FL_IF), "VIF is set, IF is not");
    FAULTS("sti with VIP", FL_VIP, v_sti, GP);
    RUNS("pushf shows VIF as IF and IOPL 3", FL_VIF, v_pushf);
    ok((seen.eax & (FL_IF | FL_IOPL3)) == (FL_IF | FL_IOPL3), "the pushed word");
    RUNS("popf sets VIF", 0, v_popf);
    ok((seen.eflags & (FL_VIF | FL_IF)) == FL_VIF, "VIF is set, IF is not");
    FAULTS("popf of IF with VIP", FL_VIP, v_popf, GP);
    FAULTS("popf of TF", 0, v_popf_tf, GP);
    FAULTS("pushfd", 0, v_pushfd, GP);
    RUNS("iret sets VIF", 0, v_iret_good);
    ok((seen.eflags & (FL_VIF | FL_IF)) == FL_VIF, "VIF is set, IF is not");
    tss.iomap = offsetof(struct tss, io);
    memset(tss.redirect, 0, sizeof tss.redirect);
    *(uint32_t *)(0x21 * 4) = 0x06000100; /* 0600:0100 is at 0x6100 */
    *(uint8_t *)0x6100 = 0xf4;
    memcpy((void *)BASE, v_int_21, 256);
    in.cs = in.ss = 0;
    in.esp = STACK;
    run(V86, FL_VIF, (void *)BASE);
    ok(faulted(GP, 0, (void *)0x100) && seen.cs == 0x600, "int by the redirection bitmap");
    uint16_t *stack = (uint16_t *)(STACK - 6);
    ok(seen.esp == STACK - 6 && stack[0] == BASE + 2 && stack[1] == 0 &&
           (stack[2] & (FL_IF | FL_IOPL3)) == (FL_IF | FL_IOPL3), "its frame shows VIF and IOPL 3");
    ok(!(seen.eflags & FL_VIF), "VIF is clear");
    tss.redirect[0x21 / 8] = 1 << (0x21 & 7);
    v86("int not in the bitmap, IOPL 0", 0, v_int_21, v_int_21, GP, 0);
    tss.redirect[0x40 / 8] = 1;
    v86("int not in the bitmap, IOPL 3", FL_IOPL3, v_int, v_int_at, DONE, 0);
    world_reset();
}

void test_v86(void)
{
    start_group("v86");
    entry_and_exit();
    sensitive();
    forbidden();
    limits();
    page_fault();
    by_task();
    start_group("vme");
    extensions();
}
