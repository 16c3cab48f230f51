/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults while a fault is delivered: which pairs make #DF (SDM 3, table 6-5) and what is reported.
 */
#include "pages.h"

CODE(disable, "cli");
CODE(divide, "xor %ecx, %ecx; 1: div %ecx");
CODE(undefined_op, "ud2");
CODE(break_point, "int3");
CODE(bad_load, "mov $0x1000, %eax; 1: mov %eax, %fs");
CODE(missing_load, "mov $0x5b, %eax; 1: mov %eax, %fs");
CODE(read_there, "mov (%ebx), %eax");
CODE(push_missing, "mov $0xc00800, %esp; 1: push %eax");
CODE(overflow, "mov $0x7fffffff, %eax; inc %eax; 1: into");

static void no_gate(uint32_t vector)
{
    idt[vector] = gate(SEL_CODE, trap_stubs[vector], 0x6e);
}

static const struct pair {
    const char *title;
    uint32_t missing;
    const uint8_t *code, *at;
    uint32_t vector, error;
} pairs[] = {
    { "#GP then #NP is #DF", GP, disable, disable_at, DF, 0 },
    { "#GP of a selector then #NP is #DF", GP, bad_load, bad_load_at, DF, 0 },
    { "#DE then #NP is #DF", DE, divide, divide_at, DF, 0 },
    { "#UD then #NP is #NP", UD, undefined_op, undefined_op_at, NP, UD * 8 + 3 },
    { "#BP then #NP is #NP, not external", BP, break_point, break_point_at, NP, BP * 8 + 2 },
    { "#OF then #NP is #NP, not external", OF, overflow, overflow_at, NP, OF * 8 + 2 },
};

/* An IDT whose vectors from `split' on are in the next page. */
static void split_idt(uint32_t split)
{
    struct { uint16_t limit; uint32_t base; } __attribute__((packed)) idtr;

    identity_map(7);
    idtr.base = TEST_VA + 0x1000 - split * 8;
    idtr.limit = sizeof idt - 1;
    memcpy(window + 0x1000 - split * 8, idt, sizeof idt);
    asm volatile("lidt %0" : : "m"(idtr));
}

static uint32_t *test_entry(uint32_t page)
{
    uint32_t *directory = (uint32_t *)READ_REG(cr3);
    return (uint32_t *)(directory[TEST_VA >> 22] & 0xfffff000) + page;
}

static void page_pairs(void)
{
    split_idt(PF);
    *test_entry(0) = 0;
    *test_entry(1) = (uint32_t)(window + 0x1000) | 7;
    paging_on(0, 0);
    run(RING3, 0, disable);
    ok(faulted(PF, 0, disable_at) && seen_cr2 == TEST_VA + 0x1000 - 8, "#GP then #PF is #PF");
    world_reset();

    split_idt(PF);
    *test_entry(1) = 0;
    paging_on(0, 0);
    uint32_t missing = TEST_VA + 0x2000;
    in.ebx = missing;
    expect("#PF then #PF is #DF", RING3, 0, read_there, DF, 0, read_there);
    ok(seen_cr2 == TEST_VA + 0x1000, "CR2 has the second address");
    world_reset();

    identity_map(7);
    paging_on(0, 0);
    no_gate(PF);
    in.ebx = missing;
    expect("#PF then #NP is #DF", RING3, 0, read_there, DF, 0, read_there);
    ok(seen_cr2 == missing, "CR2 has the address");
    world_reset();
}

static void by_task(void)
{
    identity_map(7);
    *test_entry(0) = 0;
    paging_on(0, 0);
    catch_by_task(DF, SEL_TSS2);
    expect("no stack to deliver on: #DF by a task", RING0, 0, push_missing, DF, 0, push_missing_at);
    ok(seen.esp == 0xc00800 && tss2.link == SEL_TSS, "the old task keeps its state");
    world_reset();

    identity_map(7);
    *test_entry(0) = 0;
    tss.esp0 = TEST_VA + 0x800;
    paging_on(0, 0);
    catch_by_task(DF, SEL_TSS2);
    expect("no stack in ring 0: #DF by a task", RING3, 0, disable, DF, 0, disable_at);
    ok(seen.cs == SEL_UCODE && seen_cr2 == TEST_VA + 0x7fc, "the fault was in ring 3");
    world_reset();

    catch_by_task(GP, SEL_TSS2);
    expect("an error code goes to the task's stack", RING3, 0, bad_load, GP, 0x1000, bad_load_at);
    world_reset();
    catch_by_task(NP, SEL_TSS2);
    expect("#NP by a task", RING3, 0, missing_load, NP, SEL_NP_DATA, missing_load_at);
}

void test_double(void)
{
    start_group("double fault");
    for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const struct pair *p = &pairs[i];
        world_reset();
        no_gate(p->missing);
        expect(p->title, RING3, 0, p->code, p->vector, p->error, p->at);
    }
    world_reset();
    page_pairs();
    by_task();
}
