/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boots a Multiboot kernel given with -kernel: loads it by fw_cfg DMA, completes the boot information
 * with what the BIOS knows of memory, and enters the kernel in protected mode.
 *
 * The items SETUP, KERNEL and INITRD are the boot information, the kernel image and the modules with
 * all strings.
 */
#include "optionrom.inc"

#define INFO_SEGMENT 0x900
#define INFO_LOWER 4
#define INFO_UPPER 8
#define INFO_MAP_SIZE 44
#define INFO_MAP_ADDR 48
#define MAP_OFFSET 0x80
#define MAP_ENTRY 24
#define MAP_MAX 64
#define SMAP 0x534d4150

    rom_header "Multiboot loader"

boot:
    rom_enter
    fetch FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA
    movw $INFO_SEGMENT, %ax
    movw %ax, %es

    sti
    int $0x12
    movzwl %ax, %eax
    movl %eax, %es:INFO_LOWER
    call upper_memory
    call memory_map
    movw $0x2401, %ax               /* A20 on */
    int $0x15
    cli

    /* Only now: the image may lie over the BIOS, where that is in RAM. */
    fetch FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA
    fetch FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA
    movw $FW_CFG_KERNEL_ENTRY, %ax
    call read_number
    movl %eax, %esi

    /* The ROM may lie anywhere: make linear addresses of the GDT and of the 32-bit code. */
    xorl %ebx, %ebx
    movw %cs, %bx
    shll $4, %ebx
    leal gdt(%ebx), %eax
    pushl %eax
    pushw $(gdt_end - gdt - 1)
    movw %sp, %bp
    lgdtl (%bp)
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    pushl $8
    leal protected(%ebx), %eax
    pushl %eax
    lretl

/* KiB from 1 MiB on, as far as it is contiguous. */
upper_memory:
    xorl %ecx, %ecx
    xorl %edx, %edx
    movw $0xe801, %ax
    int $0x15
    jc 2f
    movw %cx, %si
    orw %dx, %si
    jnz 1f
    movw %ax, %cx
    movw %bx, %dx
1:  movzwl %cx, %ecx
    movzwl %dx, %edx
    shll $6, %edx
    addl %edx, %ecx
    movl %ecx, %es:INFO_UPPER
2:  ret

/* Entries are preceded by their size; the BIOS writes 20 bytes behind it. */
memory_map:
    xorl %ebx, %ebx
    movw $MAP_OFFSET, %di
1:  movl $20, %es:(%di)
    addw $4, %di
    movl $0xe820, %eax
    movl $SMAP, %edx
    movl $20, %ecx
    int $0x15
    jc 2f
    cmpl $SMAP, %eax
    jne 2f
    addw $20, %di
    cmpw $(MAP_OFFSET + MAP_MAX * MAP_ENTRY), %di
    jae 3f
    testl %ebx, %ebx
    jnz 1b
    jmp 3f
2:  subw $4, %di
3:  subw $MAP_OFFSET, %di
    movzwl %di, %edi
    movl %edi, %es:INFO_MAP_SIZE
    movl $(INFO_SEGMENT * 16 + MAP_OFFSET), %es:INFO_MAP_ADDR
    ret

    rom_routines

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff        /* code, accessed already: the table may be in ROM */
    .quad 0x00cf93000000ffff        /* data */
gdt_end:

    .code32
protected:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $0x2badb002, %eax
    movl $(INFO_SEGMENT * 16), %ebx
    jmp *%esi
