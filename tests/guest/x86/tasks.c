/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hardware task switches: the state saved and loaded, links, busy bits, and faults of a switch. */
#include "pages.h"

CODE(jump_task, "ljmp $0x30, $0; 1: nop");
CODE(call_task, "lcall $0x30, $0; 1: nop");
CODE(call_task_user, "lcall $0x33, $0; 1: nop");
CODE(jump_task_gate, "ljmp $0xc8, $0; 1: nop");
CODE(call_task_gate, "lcall $0xc8, $0; 1: nop");
CODE(int_task, "int $0x90; 1: nop");
CODE(jump_16, "ljmp $0xc0, $0; 1: nop");
CODE(call_16, "lcall $0xc0, $0; 1: nop");
CODE(new_task, "nop");
/* The upper half of esp is undefined after a 16-bit switch. */
CODE(narrow_stack, "movzwl %sp, %esp");
CODE(returns, "iret; 1: nop");
CODE(returns_twice, "iret; inc %eax; iret");
CODE(twice, "lcall $0x30, $0; lcall $0x30, $0; 1: nop");
CODE(read_test_page, "movb 0xc00000, %al");
CODE(iret_now, "iret");

static struct { uint16_t link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si,
                di, es, cs, ss, ds, ldt; } tss16;
static uint8_t stack2[2048];

static bool busy(uint32_t sel)
{
    return gdt[sel / 8] >> 41 & 1;
}

static void new_state(const void *code, uint32_t ring)
{
    world_reset();
    tss2 = (struct tss){
        .esp = (uint32_t)(stack2 + sizeof stack2), .ss = ring ? SEL_UDATA : SEL_DATA,
        .cs = ring ? SEL_UCODE : SEL_CODE, .ds = SEL_UDATA, .es = SEL_UDATA, .fs = SEL_UDATA,
        .gs = 0, .eip = (uint32_t)code, .eflags = 0x2 | FL_CF, .eax = 0x101, .ecx = 0x202,
        .edx = 0x303, .ebx = 0x404, .ebp = 0x505, .esi = 0x606, .edi = 0x707,
        .iomap = sizeof tss, .ss0 = SEL_DATA, .esp0 = (uint32_t)(stack2 + sizeof stack2 / 2),
        .cr3 = READ_REG(cr3),
    };
}

static bool loaded(uint32_t ring)
{
    return seen.vector == DONE && seen.eax == 0x101 && seen.ecx == 0x202 && seen.edx == 0x303 &&
           seen.ebx == 0x404 && seen.ebp == 0x505 && seen.esi == 0x606 && seen.edi == 0x707 &&
           seen.cs == (ring ? SEL_UCODE : SEL_CODE) && seen.ds == SEL_UDATA && seen.gs == 0 &&
           (seen.eflags & FL_CF);
}

static bool saved(const uint8_t *at)
{
    return tss.eip == (uint32_t)at && tss.eax == 0xaaaa && tss.ebx == 0xbbbb &&
           tss.cs == SEL_CODE && tss.ss == SEL_DATA && tss.ds == SEL_DATA && tss.fs == SEL_UDATA &&
           (tss.eflags & FL_ZF);
}

static uint32_t task_register(void)
{
    uint32_t sel;
    asm volatile("str %0" : "=r"(sel));
    return sel & 0xffff;
}

/* Also tells how the switch left links, busy bits, NT and CR0.TS. */
static void switches(const char *title, const uint8_t *code, const uint8_t *at, bool nested)
{
    for (uint32_t ring = 0; ring < 2; ring++) {
        new_state(new_task, ring);
        in.eax = 0xaaaa;
        in.ebx = 0xbbbb;
        run(RING0, FL_ZF, code);
        ok(loaded(ring), "%s to ring %d: new state", title, ring * 3);
        ok(saved(at), "%s: old state", title);
        ok(task_register() == SEL_TSS2 && busy(SEL_TSS2) && busy(SEL_TSS) == nested,
           "%s: TR and busy bits", title);
        ok(tss2.link == (nested ? SEL_TSS : 0) && !!(seen.eflags & FL_NT) == nested,
           "%s: link and NT", title);
        ok(READ_REG(cr0) & 8, "%s: CR0.TS", title);
    }
}

static void round_trips(void)
{
    new_state(returns, 0);
    in.eax = 0xaaaa;
    run(RING0, 0, call_task);
    ok(seen.vector == DONE && seen.eax == 0xaaaa && seen.cs == SEL_CODE, "call and iret");
    ok(task_register() == SEL_TSS && busy(SEL_TSS) && !busy(SEL_TSS2), "iret: TR and busy bits");
    ok(!(seen.eflags & FL_NT) && !(tss2.eflags & FL_NT) && tss2.eip == (uint32_t)returns_at,
       "iret: the inner task's saved NT and eip");
    new_state(returns_twice, 0);
    run(RING0, 0, twice);
    ok(seen.vector == DONE && tss2.eax == 0x102, "the inner task goes on where it was");
    new_state(returns, 0);
    idt[0x90] = gate(SEL_TSS2, NULL, 0xe5);
    in.eax = 0xaaaa;
    expect("int through a task gate and iret, ring 3", RING3, 0, int_task, DONE, 0, NULL);
    ok(seen.cs == SEL_UCODE && seen.eax == 0xaaaa, "back in ring 3");
    new_state(new_task, 0);
    gdt[SEL_TSS2 / 8] |= 3ull << 45;
    expect("call of a TSS of DPL 3 from ring 3", RING3, 0, call_task_user, DONE, 0, NULL);
    ok(seen.cs == SEL_CODE, "it runs in ring 0");
}

static void refused(void)
{
    new_state(new_task, 0);
    expect("TSS of DPL 0 from ring 3", RING3, 0, call_task_user, GP, SEL_TSS2, call_task_user);
    new_state(new_task, 0);
    gdt[SEL_TSS2 / 8] |= 1ull << 41;
    expect("busy TSS", RING0, 0, jump_task, GP, SEL_TSS2, jump_task);
    new_state(new_task, 0);
    gdt[SEL_TSS2 / 8] &= ~(1ull << 47);
    expect("missing TSS", RING0, 0, jump_task, NP, SEL_TSS2, jump_task);
    expect("missing TSS behind a gate", RING0, 0, jump_task_gate, NP, SEL_TSS2, jump_task_gate);
    new_state(new_task, 0);
    gdt[SEL_TSS2 / 8] = descriptor((uint32_t)&tss2, 0x66, 0x89);
    expect("short TSS", RING0, 0, jump_task, TS, SEL_TSS2, jump_task);
    new_state(new_task, 0);
    gdt[SEL_TASKGATE / 8] = gate(SEL_TSS2, NULL, 0x85);
    expect("gate of DPL 0 from ring 3", RING3, 0, call_task_gate, GP, SEL_TASKGATE, call_task_gate);
    new_state(new_task, 0);
    gdt[SEL_TASKGATE / 8] = gate(SEL_TSS2, NULL, 0x65);
    expect("missing gate", RING0, 0, call_task_gate, NP, SEL_TASKGATE, call_task_gate);
    new_state(new_task, 0);
    gdt[SEL_TASKGATE / 8] = gate(SEL_DATA, NULL, 0xe5);
    expect("gate to a data segment", RING0, 0, call_task_gate, GP, SEL_DATA, call_task_gate);
    new_state(new_task, 0);
    idt[0x90] = gate(SEL_DATA, NULL, 0xe5);
    expect("interrupt's gate to a data segment", RING0, 0, int_task, GP, SEL_DATA, int_task);
    new_state(new_task, 0);
    tss.link = SEL_TSS2;
    expect("iret to a task that is not busy", RING0, FL_NT, iret_now, TS, SEL_TSS2, iret_now);
}

/* Bad contents of the new TSS fault in the new task, before its first instruction. */
static void bad_state(const char *title, uint32_t *field, uint32_t value, uint32_t vector,
                      uint32_t error)
{
    uint32_t old = *field;

    *field = value;
    run(RING0, 0, jump_task);
    bool good = faulted(vector, error, new_task) && task_register() == SEL_TSS2;
    ok(good, "new task: %s", title);
    if (!good) {
        note("  vector %d error 0x%x eip 0x%x tr 0x%x", seen.vector, seen.error, seen.eip,
             task_register());
    }
    *field = old;
}

static void bad_states(void)
{
    static const struct { const char *title; uint32_t field, value, vector, error; } rows[] = {
        { "null cs", offsetof(struct tss, cs), 3, TS, 0 },
        { "cs is data", offsetof(struct tss, cs), SEL_UDATA, TS, SEL_UDATA - 3 },
        { "cs beyond the GDT", offsetof(struct tss, cs), SEL_BEYOND + 3, TS, SEL_BEYOND },
        { "cs of another DPL", offsetof(struct tss, cs), SEL_CODE + 3, TS, SEL_CODE },
        { "missing cs", offsetof(struct tss, cs), SEL_NP_CODE + 3, NP, SEL_NP_CODE },
        { "null ss", offsetof(struct tss, ss), 0, TS, 0 },
        { "ss of another DPL", offsetof(struct tss, ss), SEL_DATA + 3, TS, SEL_DATA },
        { "ss of another RPL", offsetof(struct tss, ss), SEL_UDATA - 3, TS, SEL_UDATA - 3 },
        { "ss is read-only", offsetof(struct tss, ss), SEL_RO + 3, TS, SEL_RO },
        { "missing ss", offsetof(struct tss, ss), SEL_NP_DATA + 3, SS, SEL_NP_DATA },
        { "ds of ring 0", offsetof(struct tss, ds), SEL_DATA, TS, SEL_DATA },
        { "es is a system segment", offsetof(struct tss, es), SEL_TSS, TS, SEL_TSS },
        { "missing fs", offsetof(struct tss, fs), SEL_NP_DATA + 3, NP, SEL_NP_DATA },
        { "gs beyond the GDT", offsetof(struct tss, gs), SEL_BEYOND + 3, TS, SEL_BEYOND },
        { "ldt is not an LDT", offsetof(struct tss, ldt), SEL_DATA, TS, SEL_DATA },
        { "missing ldt", offsetof(struct tss, ldt), SEL_NP_DATA, TS, SEL_NP_DATA },
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (tolerant && (i < 10 || i > 13)) {
            continue;
        }
        new_state(new_task, 3);
        bad_state(rows[i].title, (uint32_t *)((uint8_t *)&tss2 + rows[i].field), rows[i].value,
                  rows[i].vector, rows[i].error);
    }
}

static void other_state(void)
{
    new_state(new_task, 0);
    tss2.trap = 1;
    expect("T bit of the TSS", RING0, 0, jump_task, DB, 0, new_task);
    ok((seen_dr6 & 0xe00f) == 0x8000, "DR6.BT");
    new_state(new_task, 0);
    WRITE_REG(dr7, 0x400 | 0x55 | 0xaa);
    WRITE_REG(dr0, 0x1000);
    run(RING0, 0, jump_task);
    ok((READ_REG(dr7) & 0xff) == 0xaa, "local breakpoints are disabled");
    new_state(new_task, 0);
    ldt[1] = descriptor(0, 0xfffff, 0xcf3);
    tss2.ldt = SEL_LDT;
    tss2.gs = 0xf;
    run(RING0, 0, jump_task);
    ok(seen.vector == DONE && seen.gs == 0xf, "LDT of the new task");

    static uint32_t other[1024] __attribute__((aligned(4096)));
    new_state(read_test_page, 0);
    identity_map(7);
    uint32_t *first = (uint32_t *)READ_REG(cr3);
    for (int i = 0; i < 1024; i++) {
        other[i] = first[i];
    }
    other[TEST_VA >> 22] = (uint32_t)window | 7; /* a page table made of one entry */
    *(uint32_t *)window = (uint32_t)(window + 0x1000) | 7;
    window[0x1000] = 0x5a;
    tss2.cr3 = (uint32_t)other;
    paging_on(0, 0);
    run(RING0, 0, jump_task);
    ok(seen.vector == DONE && (seen.eax & 0xff) == 0x5a && READ_REG(cr3) == (uint32_t)other,
       "CR3 of the new task");
    world_reset();
}

static void sixteen_bits(void)
{
    world_reset();
    gdt[SEL_TSS16 / 8] = descriptor((uint32_t)&tss16, sizeof tss16 - 1, 0x81);
    memcpy((void *)0x8000, narrow_stack, narrow_stack_end - narrow_stack);
    tss16.ip = 0x8000;
    tss16.flags = 2;
    tss16.ax = 0x1234;
    tss16.cs = SEL_CODE;
    tss16.ss = tss16.ds = tss16.es = SEL_DATA;
    tss16.sp = 0x7000;
    expect("jmp to a 16-bit TSS", RING0, 0, jump_16, DONE, 0, NULL);
    ok((seen.eax & 0xffff) == 0x1234 && seen.eip == 0x8005, "its registers");
    ok(tss.eip == (uint32_t)jump_16_at && !busy(SEL_TSS) && busy(SEL_TSS16), "the old 32-bit TSS");
    world_reset();
    gdt[SEL_TSS16 / 8] = descriptor((uint32_t)&tss16, sizeof tss16 - 1, 0x81);
    memcpy((void *)0x8000, returns, returns_end - returns);
    in.ebx = 0xbbbb0001;
    expect("call of a 16-bit TSS and iret", RING0, 0, call_16, DONE, 0, NULL);
    ok(tss16.link == SEL_TSS && tss16.ip == 0x8001 && !busy(SEL_TSS16) &&
           seen.ebx == 0xbbbb0001, "its link and saved state");
    world_reset();
    gdt[SEL_TSS16 / 8] = descriptor((uint32_t)&tss16, 0x2a, 0x81);
    expect("short 16-bit TSS", RING0, 0, jump_16, TS, SEL_TSS16, jump_16);
}

void test_tasks(void)
{
    start_group("tasks");
    switches("jmp", jump_task, jump_task_at, false);
    switches("call", call_task, call_task_at, true);
    switches("jmp by gate", jump_task_gate, jump_task_gate_at, false);
    switches("call by gate", call_task_gate, call_task_gate_at, true);
    new_state(new_task, 0);
    idt[0x90] = gate(SEL_TSS2, NULL, 0xe5);
    round_trips();
    refused();
    bad_states();
    other_state();
    sixteen_bits();
}
