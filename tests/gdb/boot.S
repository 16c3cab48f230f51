/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot sector for gdb: real mode, protected mode and, with LONG, long mode; then it counts. */
    .text
    .code16
    .globl start, in_real, rep_insn, rep_done, in_protected, in_long, count, counter, copy, called
start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $0x12345678, %eax
in_real:
    mov $text, %si
    mov $copy, %di
    mov $8, %cx
    cld
rep_insn:
    rep movsb
rep_done:
    incl counter
    lgdt gdtr
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $8, $in_protected

    .code32
in_protected:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x7000, %esp
    incl counter
    call called
#ifdef LONG
    mov $0x1000, %edi
    xor %eax, %eax
    mov $0xc00, %ecx
    rep stosl
    movl $0x2003, 0x1000
    movl $0x3003, 0x2000
    movl $0x83, 0x3000
    mov $0x1000, %eax
    mov %eax, %cr3
    mov $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $1, %ah
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $24, $in_long
    .code64
in_long:
    movabs $0x1122334455667788, %rax
    incl counter
#else
in_long:
    nop
#endif
count:
    incl counter
    mov counter, %edx
    and $0xffff, %edx
    jmp count

    .code32
called:
    push %ebp
    mov %esp, %ebp
    pop %ebp
    ret

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00af9b000000ffff
gdtr:
    .word gdtr - gdt - 1
    .long gdt
    .balign 4
counter:
    .long 0
text:
    .ascii "a string"
copy:
    .skip 8
    .org 510
    .word 0xaa55
