/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code that changes code: the next instruction, its own loop, other pages, other linear addresses.
 *
 * A store is visible to the very next instruction when both use the same linear address.
 */
#include "pages.h"

/* Each run toggles an instruction between nop (0x90) and inc %eax (0x40): eax counts what ran. */
CODE(next_byte, "xor %eax, %eax; xorb $0xd0, 1f; 1: inc %eax");
CODE(next_immediate, "movl %ebx, 1f+1; 1: mov $0x11111111, %eax");
CODE(next_by_push, "mov %esp, %ebp; mov $2f+4, %esp; push %ebx; 1: nop; 2: mov $0x1, %eax; nop;"
                   "mov %ebp, %esp");
CODE(next_by_stos, "mov $2f+1, %edi; mov %ebx, %eax; stosl; 2: mov $0, %eax");
CODE(next_by_rep, "mov $2f, %edi; mov $0x40, %al; mov $4, %ecx; rep stosb; xor %eax, %eax;"
                  "2: nop; nop; nop; nop");
CODE(next_by_movs, "mov %ebx, 4f; mov $2f+1, %edi; mov $4f, %esi; movsl; 2: mov $0, %eax; jmp 3f;"
                   "4: .long 0; 3:");
CODE(next_by_fpu, "fninit; mov %ebx, 4f; fildl 4f; fistpl 2f+1; 2: mov $0, %eax; jmp 3f;"
                  "4: .long 0; 3:");
CODE(next_by_cmpxchg8b, "mov 2f, %eax; mov 2f+4, %edx; lea 0xb8(,%esi), %ebx;"
                        "mov $0x90909000, %ecx;"
                        "cmpxchg8b 2f; jmp 2f; .balign 8; 2: mov $0, %eax; nop; nop; nop");
CODE(next_by_lock, "xor %eax, %eax; lock; xorb $0xd0, 1f; 1: inc %eax");
CODE(call_over, "mov %esp, %ebp; mov $2f+4, %esp; call 2f; 2: nop; nop; nop; nop; nop;"
                "mov %ebp, %esp");
CODE(own_loop, "movl $0, 2f+1; xor %ecx, %ecx; mov $10, %edx; xor %eax, %eax;"
               "1: add %ecx, %eax; 2: mov $0, %ecx; incl 2b+1; dec %edx; jnz 1b");
CODE(own_branch, "movb $0, 2f+1; xor %eax, %eax; 1: inc %eax; cmp $5, %eax; jne 3f;"
                 "movb $2, 2f+1; 3: 2: jmp 4f; 4: jmp 1b; inc %edx");
CODE(earlier, "movb $0x40, 1f; xor %eax, %eax; mov $3, %ecx; 1: inc %eax; movb $0x90, 1b; loop 1b");
CODE(data_near_code, "movl $0, 4f; mov $50, %ecx; 1: incl 4f; loop 1b; mov 4f, %eax; jmp 3f;"
                     "4: .long 0; 3:");
CODE(store_then_jump, "mov %ebx, (%edi); jmp *%esi");
CODE(change_by_user, "movl $0x12345678, 1f+1; jmp 1f; .balign 16; 1: mov $0, %eax");
CODE(before_fault, "movw $0x0b0f, 1f; 1: nop; nop; nop");
CODE(flags_of_store, "xor %eax, %eax; stc; movb $0x83, 2f; movb $0xd0, 2f+1; movb $0, 2f+2;"
                     "2: nop; nop; nop");
CODE(long_run, "xor %eax, %eax; mov $1000, %ecx; 1: xorb $0xd0, 2f; 2: nop; loop 1b");

static void expect_eax(const char *title, const uint8_t *code, uint32_t value)
{
    run(RING0, 0, code);
    bool good = seen.vector == DONE && seen.eax == value;
    ok(good, "%s", title);
    if (!good) {
        note("  eax 0x%x, want 0x%x; vector %d eip 0x%x", seen.eax, value, seen.vector, seen.eip);
    }
}

static void next_instruction(void)
{
    for (int i = 0; i < 4; i++) {
        expect_eax("byte before the next instruction", next_byte, i & 1);
        expect_eax("locked change", next_by_lock, i & 1);
    }
    for (uint32_t i = 1; i < 4; i++) {
        in.ebx = i * 0x01010101;
        expect_eax("immediate of the next instruction", next_immediate, i * 0x01010101);
        in.ebx = i * 0x10203;
        expect_eax("by stos", next_by_stos, i * 0x10203);
        in.ebx = i * 0x10203;
        expect_eax("by movs", next_by_movs, i * 0x10203);
        in.ebx = i * 0x10203;
        expect_eax("by fistp", next_by_fpu, i * 0x10203);
        in.ebx = 0xb8 | i << 8;
        expect_eax("by push", next_by_push, i);
    }
    expect_eax("by rep stos", next_by_rep, 4);
    if (HAS(8)) {
        for (uint32_t i = 1; i < 4; i++) {
            in.esi = i << 8;
            expect_eax("by cmpxchg8b", next_by_cmpxchg8b, i);
        }
    }
    expect_eax("flags live across the change", flags_of_store, 1);
}

static void same_page(void)
{
    expect_eax("loop that changes its own immediate", own_loop, 36);
    expect_eax("loop that changes its own branch", own_branch, 5);
    expect_eax("earlier instruction, then back", earlier, 1);
    expect_eax("data beside code", data_near_code, 50);
    expect_eax("toggled a thousand times", long_run, 500);
    expect("fault of the new instruction", RING0, 0, before_fault, UD, 0, before_fault_at);
    expect("from ring 3", RING3, 0, change_by_user, DONE, 0, NULL);
    ok(seen.eax == 0x12345678, "ring 3 ran the new code");
}

/* mov $value, %eax; int DONE, written by this C code at p. */
static void write_code(uint8_t *p, uint32_t value)
{
    p[0] = 0xb8;
    memcpy(p + 1, &value, 4);
    p[5] = 0xcd;
    p[6] = DONE;
}

static void generated(void)
{
    bool good = true;

    for (uint32_t i = 0; i < 200; i++) {
        write_code(window, i);
        run(i & 1 ? RING3 : RING0, 0, window);
        good &= seen.vector == DONE && seen.eax == i;
    }
    ok(good, "code written 200 times");
    good = true;
    for (uint32_t i = 0; i < 50; i++) {
        write_code(window + 0xffd, 0x77000000 | i << 8);
        run(RING3, 0, window + 0xffd);
        good &= seen.eax == (0x77000000 | i << 8);
        window[0x1000] = i; /* only the second page changes */
        run(RING3, 0, window + 0xffd);
        good &= seen.eax == (0x77000000 | i << 16 | i << 8) || seen.eax == (0x77u << 24 | i << 8 |
                                                                            i << 16);
    }
    ok(good, "instruction across pages, changed in the second");
    write_code(window + 0x1ff0, 1);
    window[0xff0] = 0xe9;
    *(uint32_t *)(window + 0xff1) = 0x1ff0 - 0xff5;
    run(RING0, 0, window + 0xff0);
    run(RING0, 0, window + 0xff0);
    write_code(window + 0x1ff0, 2);
    expect_eax("target of a jump from another page", window + 0xff0, 2);
    *(uint32_t *)(window + 0xff1) = 0x1fe0 - 0xff5;
    write_code(window + 0x1fe0, 3);
    expect_eax("the jump itself", window + 0xff0, 3);
    window[0x1000] = 0x90;
    write_code(window + 0x1001, 4);
    run(RING0, 0, window + 0x1000);
    *(uint32_t *)(window + 0xffe) = 0x48409090; /* inc %eax, dec %eax at 0x1000 */
    window[0x1001] = 0xb8;
    expect_eax("store across the page's start", window + 0x1000, 4);
}

/* The same page at two linear addresses. */
static void aliases(void)
{
    identity_map(7);
    paging_on(0, 0);
    bool good = true;
    for (uint32_t i = 0; i < 20; i++) {
        write_code((uint8_t *)TEST_VA + 0x100, i);
        run(RING3, 0, window + 0x100);
        good &= seen.vector == DONE && seen.eax == i;
    }
    ok(good, "written through an alias, run directly");
    good = true;
    for (uint32_t i = 0; i < 20; i++) {
        write_code(window + 0x200, i);
        run(RING3, 0, (void *)(TEST_VA + 0x200));
        good &= seen.vector == DONE && seen.eax == i;
    }
    ok(good, "written directly, run through an alias");
    write_code(window + 0x300, 1);
    run(RING0, 0, (void *)(TEST_VA + 0x300));
    in.ebx = 0x2b8;
    in.edi = (uint32_t)window + 0x300;
    in.esi = TEST_VA + 0x300;
    expect_eax("store through an alias, then a jump", store_then_jump, 2);
    write_code(window + 0x400, 7);
    write_code(window + 0x1400, 8);
    expect_eax("first mapping", (uint8_t *)TEST_VA + 0x400, 7);
    uint32_t *directory = (uint32_t *)READ_REG(cr3);
    uint32_t *pte = (uint32_t *)(directory[TEST_VA >> 22] & 0xfffff000);
    *pte = (uint32_t)(window + 0x1000) | 7;
    invlpg(TEST_VA);
    expect_eax("remapped to another page", (uint8_t *)TEST_VA + 0x400, 8);
    write_code(window + 0x400, 9);
    *pte = (uint32_t)window | 7;
    WRITE_REG(cr3, directory);
    expect_eax("mapped back after a change", (uint8_t *)TEST_VA + 0x400, 9);
    *pte = 0;
    invlpg(TEST_VA);
    run(RING0, 0, (uint8_t *)TEST_VA + 0x400);
    ok(faulted(PF, 0, (uint8_t *)TEST_VA + 0x400), "unmapped code does not run");
    world_reset();
}

void test_smc(void)
{
    start_group("self-modifying");
    next_instruction();
    same_page();
    generated();
    aliases();
}
