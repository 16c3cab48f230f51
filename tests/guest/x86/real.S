/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to real mode and back. The part that runs there is linked at REAL_BASE, below 64 KiB, and
 * copied to its place; it uses segment 0 throughout.
 */
#define CONST(name, value) .set name, value;
#include "suite.def"

    .set REAL_STACK, 0x6000

    .text
    .globl real_enter
/* void real_enter(uint32_t ip): runs the code at 0000:ip until its first event. */
real_enter:
    mov 4(%esp), %edx
    push %ebx
    push %esi
    push %edi
    push %ebp
    sgdt real_gdtr
    sidt real_idtr
    mov %esp, real_saved_esp
    ljmp $SEL_CODE16, $to_real

    .section .low, "awx"
    .code16
to_real:
    mov $SEL_DATA16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    lidt real_vectors
    mov %cr0, %eax
    and $~1, %al
    mov %eax, %cr0
    ljmp $0, $1f
1:  xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov $REAL_STACK, %esp
    pushw real_flags
    popf
    jmp *%dx

    /* Entered by the vector table: the stack holds the vector, ip, cs, flags. */
real_event:
    cli
    lidt %cs:real_idtr_copy
    movl %eax, %cs:real_eax
    movl %ebx, %cs:real_ebx
    movl %ecx, %cs:real_ecx
    popl %eax
    movl %eax, %cs:real_vector
    popl %eax
    movl %eax, %cs:real_cs
    movw %sp, %cs:real_sp
    lgdtl %cs:real_gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $SEL_CODE, $1f
    .code32
1:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    lidt real_idtr
    mov real_saved_esp, %esp
    pop %ebp
    pop %edi
    pop %esi
    pop %ebx
    ret

    .code16
    .balign 8
    .globl real_stubs
real_stubs:
    .set vector, 0
    .rept 256
    pushw $vector
    jmp real_event
    .balign 8
    .set vector, vector + 1
    .endr

    .balign 4
    .globl real_vectors, real_gdtr, real_idtr, real_eax, real_ebx, real_ecx, real_vector, real_cs
    .globl real_sp, real_flags
real_vectors:
    .word 0x3ff
    .long 0
real_idtr_copy:
    .word 0x3ff
    .long 0
real_gdtr:
    .space 8
real_idtr:
    .space 8
real_saved_esp:
    .long 0
real_eax:
    .long 0
real_ebx:
    .long 0
real_ecx:
    .long 0
/* Vector and ip, then cs and flags. */
real_vector:
    .long 0
real_cs:
    .long 0
real_sp:
    .word 0
real_flags:
    .word 2
