/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real mode: the vector table, 64 KiB limits, limits kept from protected mode, undefined opcodes.
 */
#include "suite.h"

#define CODE16(name, text) CODE(name, ".code16;" text "; int $0x40; .code32; nop")
enum { BASE = 0x8000, STACK = 0x6000 };

extern uint8_t real_stubs[256][8], low_start[], low_end[], low_load[];
extern struct { uint16_t limit; uint32_t base; } __attribute__((packed)) real_vectors;
extern uint32_t real_eax, real_ebx, real_ecx;
extern uint16_t real_vector[2], real_cs[2], real_sp, real_flags;
void real_enter(uint32_t ip);

CODE16(r_int, "int $0x21; 1: nop");
CODE16(r_int3, "int3; 1: nop");
CODE16(r_into, "mov $0x7fff, %ax; inc %ax; into; 1: nop");
CODE16(r_bound, "movw $5, 0x7f00; movw $6, 0x7f02; mov $7, %ax; 1: bound %ax, 0x7f00");
CODE16(r_divide, "xor %cx, %cx; 1: div %cx");
CODE16(r_undefined, "nop; 1: ud2");
CODE16(r_step, "nop; 1: nop");
CODE16(r_word_top, "mov $0xffff, %bx; 1: movw (%bx), %ax");
CODE16(r_byte_top, "mov $0xffff, %bx; movb (%bx), %al");
CODE16(r_stack_top, "mov $0xffff, %bp; 1: movw (%bp), %ax");
CODE16(r_beyond, "mov $0x10000, %ebx; 1: movb (%ebx), %al");
CODE16(r_jump_beyond, "1: jmpl *%cs:2f-r_jump_beyond+0x8000; 2: .long 0x12345");
CODE16(r_arpl, "arpl %ax, %ax");
CODE16(r_lldt, "lldt %ax");
CODE16(r_str, "str %ax");
CODE16(r_lar, "lar %ax, %ax");
CODE16(r_mov_cr, "mov %cr0, %eax");
CODE16(r_in, "inb $0x80, %al");
CODE16(r_unreal, "cli; mov %cr0, %eax; or $1, %al; mov %eax, %cr0; mov $0x10, %bx; mov %bx, %ds;"
                 "and $0xfe, %al; mov %eax, %cr0; xor %bx, %bx; mov %bx, %ds;"
                 "mov $0x00200000, %ebx; movb (%ebx), %cl; mov $0x1234, %ax; mov %ax, %ds;"
                 "movb (%ebx), %ch");
CODE16(r_wrap, "mov $0xffff, %ax; mov %ax, %ds; movb 0x510, %cl");
CODE16(r_far, "mov $0x7000, %sp; lcall $0x0700, $2f-r_far+0x1000; jmp 3f; 2: mov %cs, %bx;"
              "lret; 3:");
CODE16(r_iret, "pushw $0x0ed7; pushw $0x0700; pushw $2f-r_iret+0x1000; iret; 2: pushf;"
               "pop %bx; cld");
CODE16(r_push_wraps, "xor %sp, %sp; push %ax; mov %sp, %bx; mov $0x6000, %sp");
CODE16(r_segment_base, "mov $0x800, %ax; mov %ax, %ds; movb 0, %cl");

static void prepare(void)
{
    memcpy(low_start, low_load, low_end - low_start);
    *(uint16_t *)0x12345 = 0x40cd; /* catches a jump that should have failed */
    for (uint32_t v = 0; v < 256; v++) {
        ((uint32_t *)0)[v] = (uint32_t)real_stubs[v];
    }
}

/* Real mode has no error codes; flags and sp must be those of the place. */
static void real(const char *title, const uint8_t *code, const uint8_t *at, uint16_t flags,
                 uint16_t vector)
{
    memcpy((void *)BASE, code, 256);
    real_flags = flags | 2;
    real_enter(BASE);
    bool good = real_vector[0] == vector &&
                (vector == DONE || (real_vector[1] == BASE + (at - code) && real_cs[0] == 0 &&
                                    real_sp == STACK));
    ok(good, "%s", title);
    if (!good) {
        note("  want vector %d ip 0x%x; seen vector %d at %x:%x sp 0x%x", vector,
             BASE + (at - code), real_vector[0], real_cs[0], real_vector[1], real_sp);
    }
}
#define REAL(title, name, vector) real(title, name, name##_at, 0, vector)

static void __attribute__((noinline)) events(void)
{
    REAL("int", r_int, 0x21);
    REAL("int3", r_int3, BP);
    REAL("into", r_into, OF);
    REAL("bound", r_bound, BR);
    REAL("#DE", r_divide, DE);
    REAL("#UD", r_undefined, UD);
    real("single step", r_step, r_step, FL_TF, DB);
    ok(real_cs[1] & FL_TF, "its frame holds TF");
    REAL("word at ffff", r_word_top, GP);
    REAL("byte at ffff", r_byte_top, DONE);
    REAL("word at ss:ffff", r_stack_top, SS);
    REAL("byte at 10000", r_beyond, GP);
    REAL("jump beyond 64 KiB", r_jump_beyond, GP);
    REAL("arpl", r_arpl, UD);
    REAL("lldt", r_lldt, UD);
    REAL("str", r_str, UD);
    REAL("lar", r_lar, UD);
    REAL("mov from cr0", r_mov_cr, DONE);
    REAL("in", r_in, DONE);
    real_vectors.limit = 0x41 * 4 - 1;
    memcpy((void *)BASE, r_int, 256);
    *(uint8_t *)(BASE + 1) = 0x80;
    real_enter(BASE);
    ok(real_vector[0] == GP && real_vector[1] == BASE, "int beyond the vector table's limit");
    real_vectors.limit = 0x3ff;
}

static void memory(void)
{
    *(uint8_t *)0x200000 = 0x99;
    *(uint8_t *)0x212340 = 0x88;
    REAL("4 GiB limit of protected mode stays", r_unreal, DONE);
    ok((real_ecx & 0xffff) == 0x8899, "loads change the base only");
    *(uint8_t *)0x500 = 0x01;
    uint8_t high = *(uint8_t *)0x100500;
    *(uint8_t *)0x500 = ~high;
    REAL("ffff:0510", r_wrap, DONE);
    ok((real_ecx & 0xff) == high, "does not wrap with A20 open");
    REAL("far call and return", r_far, DONE);
    ok((real_ebx & 0xffff) == 0x700, "cs is the paragraph");
    REAL("iret", r_iret, DONE);
    ok((real_ebx & 0xed5) == 0xed5 && !(real_ebx & 0x7000), "it loads the flags");
    REAL("push at sp 0", r_push_wraps, DONE);
    ok((real_ebx & 0xffff) == 0xfffe, "sp wraps");
    REAL("segment base", r_segment_base, DONE);
    ok((real_ecx & 0xff) == 0xb8, "is 16 times the selector");
}

void test_real(void)
{
    start_group("real mode");
    prepare();
    /* The code of protected mode that leads there needs its table entries in low memory. */
    gdt[SEL_CODE16 / 8] = descriptor(0, 0xffff, 0x9b);
    events();
    memory();
    world_reset();
}
