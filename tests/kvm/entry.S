/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entry points of the self-test: multiboot, exceptions and interrupts, a second CPU, long mode. */
    .section .multiboot, "a"
    .long 0x1badb002, 0, -0x1badb002

    .text
    .globl start
start:
    mov $stack_end, %esp
    push %ebx
    lgdt gdt_pointer
    ljmp $8, $1f
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    call test_main
2:  hlt
    jmp 2b

/* Vectors: with an error code or without; handle(frame) gets all of it. */
    .macro stub n
    .align 16
    .if \n == 8 || (\n >= 10 && \n <= 14) || \n == 17
    nop
    .else
    push $0
    .endif
    push $\n
    jmp enter
    .endm

    .align 16
    .globl stubs
stubs:
    .set i, 0
    .rept 64
    stub i
    .set i, i + 1
    .endr
enter:
    pusha
    cld
    push %esp
    call handle
    pop %eax
    popa
    add $8, %esp
/* A KVM in software has no IRET here; as nothing changes rings this does the same. */
    pushl 8(%esp)
    popf
    lret $4

/* The second CPU starts here in real mode, at a page below 1 MiB that this is copied to. */
    .globl second_begin, second_end
    .code16
second_begin:
    cli
    xor %ax, %ax
    mov %ax, %ds
    lgdtl 0x8000 + second_gdt - second_begin
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $8, $second_protected
second_gdt:
    .word 4 * 8 - 1
    .long gdt
second_end:
    .code32
second_protected:
    mov $16, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $second_stack_end, %esp
    call second_main
3:  hlt
    jmp 3b

/* uint32_t long_mode(void): a product of 64-bit numbers, from 64-bit code; pages at `tables'. */
    .globl long_mode
long_mode:
    push %ebx
    push %esi
    push %edi
    mov $tables, %eax
    mov %eax, %cr3
    mov %cr4, %eax
    or $0x20, %eax
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
    ljmp $24, $4f
    .code64
4:  movabs $0x123456789abcdef, %rax
    mov %rax, %r15
    imul %r15, %rax
    shr $32, %rax
    mov %eax, %ebx
    ljmp *back(%rip)
back:
    .long 5f, 8
    .code32
5:  mov %cr0, %eax
    and $0x7fffffff, %eax
    mov %eax, %cr0
    mov $0xc0000080, %ecx
    rdmsr
    and $~0x100, %eax
    wrmsr
    mov %cr4, %eax
    and $~0x20, %eax
    mov %eax, %cr4
    mov %ebx, %eax
    pop %edi
    pop %esi
    pop %ebx
    ret

    .data
    .align 8
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt_pointer:
    .word 4 * 8 - 1
    .long gdt

    .bss
    .align 4096
    .globl tables
tables:
    .skip 3 * 4096
    .skip 16384
stack_end:
    .skip 4096
second_stack_end:
    .section .note.GNU-stack, "", @progbits
