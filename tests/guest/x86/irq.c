/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hardware interrupts: where they are taken, what holds them back, and what wakes hlt. */
#include "suite.h"

enum { IRQ0 = 0x20 };

CODE(sti_two, "sti; nop; 1: nop; nop");
CODE(sti_cli, "sti; cli; nop");
CODE(sti_hlt, "sti; hlt; 1: nop");
CODE(popf_enables, "pushl $0x202; popf; 1: nop");
CODE(iret_enables, "pushl $0x202; push %cs; pushl $1f; iret; 1: nop");
CODE(spin, "1: jmp 1b");
CODE(sti_string, "sti; 1: rep movsb");
CODE(wait_here, "sti; 2: pause; jmp 2b");

static void controller(uint8_t mask)
{
    static const uint8_t words[] = { IRQ0, 4, 1 };
    static const uint8_t words2[] = { IRQ0 + 8, 2, 1 };

    outb(0x20, 0x11);
    outb(0xa0, 0x11);
    for (int i = 0; i < 3; i++) {
        outb(0x21, words[i]);
        outb(0xa1, words2[i]);
    }
    outb(0x21, mask);
    outb(0xa1, 0xff);
}

/* Counter 0 in mode 0: one edge after count / 1193182 s. */
static void one_shot(uint16_t ticks)
{
    controller(0xfe);
    outb(0x43, 0x30);
    outb(0x40, ticks & 0xff);
    outb(0x40, ticks >> 8);
}

static bool requested(void)
{
    outb(0x20, 0x0a);
    return inb(0x20) & 1;
}

/* Returns with IRQ 0 requested, or not at all: then the test's time limit tells. */
static void make_pending(void)
{
    one_shot(100);
    while (!requested()) {
    }
}

static void acknowledge(void)
{
    outb(0x20, 0x20);
    outb(0x21, 0xff);
}

static void taken(const char *title, uint32_t mode, uint32_t flags, const uint8_t *code,
                  const void *at)
{
    make_pending();
    expect(title, mode, flags, code, IRQ0, 0, at);
    acknowledge();
}

/* From virtual-8086 mode, whatever its IOPL. */
static void from_v86(void)
{
    static const uint8_t nops[] = { 0x90, 0x90, 0xf4 };

    memcpy((void *)0x8000, nops, sizeof nops);
    make_pending();
    in.cs = in.ss = 0;
    in.esp = 0x7000;
    expect("out of virtual-8086 mode", V86, FL_IF, (void *)0x8000, IRQ0, 0, (void *)0x8000);
    ok((seen.eflags & FL_VM) && seen.esp == 0x7000, "its frame");
    acknowledge();
    make_pending();
    in.cs = in.ss = 0;
    in.esp = 0x7000;
    expect("IF is clear there", V86, FL_IOPL3, (void *)0x8000, GP, 0, (void *)0x8002);
    acknowledge();
}

/* FERR#: with CR0.NE clear an x87 fault is IRQ 13. */
CODE(divide_float, "fninit; pushl $0x37b; fldcw (%esp); fldz; fld1; fdiv %st(1), %st; fwait;"
                   "mov $1000, %ecx; 2: nop; loop 2b");

static void coprocessor_error(void)
{
    controller(0xfb);
    outb(0xa1, 0xdf);
    WRITE_REG(cr0, 0x11);
    run(RING0, FL_IF, divide_float);
    ok(seen.vector == IRQ0 + 13, "an x87 fault with CR0.NE clear is IRQ 13");
    outb(0xf0, 0);
    asm volatile("fnclex");
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
    outb(0xa1, 0xff);
    acknowledge();
    world_reset();
}

/* The local APIC sends this processor an NMI. */
CODE(send_nmi, "movl $0x4400, 0xfee00300; mov $200, %ecx; 2: nop; loop 2b");
CODE(send_two, "movl $0x4400, 0xfee00300; mov $200, %ecx; 2: nop; loop 2b; mov %eax, %ebx;"
               "movl $0x4400, 0xfee00300; mov $200, %ecx; 2: nop; loop 2b");
static uint32_t nmis, nested;

/* The first NMI's handler sends another, which must wait for the handler's iret. */
static bool count_nmi(struct frame *f)
{
    static bool inside;

    if (f->vector != 2) {
        return false;
    }
    nested += inside;
    inside = true;
    if (nmis++ == 0) {
        *(volatile uint32_t *)0xfee00300 = 0x4400;
        for (volatile int i = 0; i < 200; i++) {
        }
    }
    inside = false;
    return true;
}

static void non_maskable(void)
{
    if (!HAS(9)) {
        return;
    }
    *(volatile uint32_t *)0xfee000f0 = 0x1ff;
    run(RING0, 0, send_nmi);
    ok(seen.vector == 2, "an NMI needs no IF");
    /* leave() has no iret: one ends the NMI's blocking. */
    asm volatile("pushf\npush %cs\npush $1f\niret\n1:");
    on_trap = count_nmi;
    nmis = nested = 0;
    run(RING0, 0, send_nmi);
    ok(seen.vector == DONE && nmis == 2 && nested == 0, "another waits for iret");
    nmis = 1;
    run(RING3, 0, send_two);
    ok(seen.vector == DONE && nmis == 3, "two from ring 3");
    on_trap = NULL;
    *(volatile uint32_t *)0xfee000f0 = 0xff;
}

void test_irq(void)
{
    start_group("interrupts");
    taken("sti lets one instruction pass", RING0, 0, sti_two, sti_two_at);
    taken("popf lets none pass", RING0, 0, popf_enables, popf_enables_at);
    taken("iret lets none pass", RING0, 0, iret_enables, iret_enables_at);
    taken("iret to ring 3 lets none pass", RING3, FL_IF, spin, spin);
    ok(seen.cs == SEL_UCODE && seen.ss == SEL_UDATA, "it came from ring 3");
    taken("before the string instruction's rest", RING0, 0, sti_string, NULL);
    make_pending();
    expect("sti and cli let nothing in", RING0, 0, sti_cli, DONE, 0, NULL);
    make_pending();
    expect("IF is clear", RING0, 0, sti_cli + 1, DONE, 0, NULL);
    acknowledge();
    controller(0xff);
    one_shot(2000);
    expect("hlt wakes", RING0, 0, sti_hlt, IRQ0, 0, sti_hlt_at);
    acknowledge();
    one_shot(2000);
    expect("a loop is interrupted", RING3, FL_IF, spin, IRQ0, 0, spin);
    acknowledge();
    one_shot(2000);
    run(RING0, 0, wait_here);
    ok(seen.vector == IRQ0, "a loop of ring 0 is interrupted");
    acknowledge();
    make_pending();
    idt[IRQ0] = gate(SEL_CODE, trap_stubs[IRQ0], 0x0e);
    expect("missing gate is external", RING3, FL_IF, spin, NP, IRQ0 * 8 + 3, spin);
    acknowledge();
    world_reset();
    catch_by_task(IRQ0, SEL_TSS2);
    make_pending();
    expect("task gate", RING3, FL_IF, spin, IRQ0, 0, spin);
    acknowledge();
    world_reset();
    from_v86();
    if (!tolerant) {
        coprocessor_error();
    }
    non_maskable();
}
