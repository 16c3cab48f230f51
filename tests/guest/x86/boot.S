/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Multiboot entry, the trap stubs, and the way into and out of a probe. */
#include "suite.inc"

    .section .multiboot, "a"
    .balign 4
    .long 0x1badb002, 3, -(0x1badb002 + 3)

    .text
    .globl start, enter, leave, trap_stubs, load_tables, task_entry
start:
    cli
    mov $boot_stack_top, %esp
    pushl $2
    popf
    push %ebx
    call main
1:  hlt
    jmp 1b

/* void load_tables(const void *gdtr, const void *idtr): flat segments, no LDT. */
load_tables:
    mov 4(%esp), %eax
    lgdt (%eax)
    mov 8(%esp), %eax
    lidt (%eax)
    ljmp $SEL_CODE, $1f
1:  mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    xor %eax, %eax
    lldt %ax
    ret

/* void enter(struct frame *): starts the probe that the frame describes; leave() returns here. */
enter:
    mov 4(%esp), %eax
    push %ebx
    push %esi
    push %edi
    push %ebp
    mov %esp, resume_esp
    mov %eax, %esp
trap_return:
    pop %gs
    pop %fs
    pop %es
    pop %ds
    popa
    add $8, %esp
    iret

leave:
    mov resume_esp, %esp
    pop %ebp
    pop %edi
    pop %esi
    pop %ebx
    pushl $2
    popf
    ret

trap_entry:
    pusha
    push %ds
    push %es
    push %fs
    push %gs
    mov $SEL_DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    cld
    push %esp
    call trap
    add $4, %esp
    jmp trap_return

/* Where the catching task starts: eax is the vector, an error code may be on the stack. */
task_entry:
    push %esp
    push %eax
    call task_trap

/* One 16-byte stub a vector. Vectors 8, 10-14, 17 and 21 come with an error code. */
    .balign 16
trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    pushl $0
    .endif
    pushl $vector
    jmp trap_entry
    .set vector, vector + 1
    .endr

    .bss
    .balign 16
    .space 16384
boot_stack_top:
resume_esp:
    .long 0
