/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the option ROMs: the headers that make a ROM a boot entry, and fetching fw_cfg items.
 *
 * While a ROM runs, ss is 0 and the stack lies below 0x7c00, so that stack addresses are physical.
 */

#define FW_CFG_SELECTOR 0x510
#define FW_CFG_DMA 0x514

#define FW_CFG_KERNEL_ADDR 0x07
#define FW_CFG_KERNEL_SIZE 0x08
#define FW_CFG_INITRD_ADDR 0x0a
#define FW_CFG_INITRD_SIZE 0x0b
#define FW_CFG_KERNEL_ENTRY 0x10
#define FW_CFG_KERNEL_DATA 0x11
#define FW_CFG_INITRD_DATA 0x12
#define FW_CFG_CMDLINE_ADDR 0x13
#define FW_CFG_CMDLINE_SIZE 0x14
#define FW_CFG_CMDLINE_DATA 0x15
#define FW_CFG_SETUP_ADDR 0x16
#define FW_CFG_SETUP_SIZE 0x17
#define FW_CFG_SETUP_DATA 0x18

#define DMA_READ 0x02
#define DMA_SELECT 0x08

/* The ROM header, whose init does nothing, and a PnP header with `boot` as bootstrap entry. */
.macro rom_header product
    .code16
    .text
    .global _start
_start:
    .word 0xaa55
    .byte 0                         /* blocks: set when signed */
    lret
    .org 0x1a
    .word pnp_header
    .balign 16
pnp_header:
    .ascii "$PnP"
    .byte 1, 2                      /* version, length in 16 bytes */
    .word 0                         /* no further header */
    .byte 0, 0                      /* reserved; checksum: set when signed */
    .long 0
    .word 0, product_name
    .byte 0, 0, 0, 0
    .word 0, 0, boot, 0, 0
product_name:
    .asciz "\product"
.endm

/* A usable environment: no interrupts, ss 0, ds this ROM. */
.macro rom_enter
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ss
    movl $0x7c00, %esp
    pushw %cs
    popw %ds
.endm

/* Loads the item `data` to the address that the item `address` names. */
.macro fetch address, size, data
    movw $\address, %ax
    call read_number
    movl %eax, %edi
    movw $\size, %ax
    call read_number
    movl %eax, %ecx
    movw $\data, %ax
    call read_item
.endm

.macro rom_routines
/* ax: item; returns its first four bytes in eax. Changes dx. */
read_number:
    pushw %cx
    movw $FW_CFG_SELECTOR, %dx
    outw %ax, %dx
    incw %dx
    movw $4, %cx
1:  inb %dx, %al
    rorl $8, %eax
    loop 1b
    popw %cx
    ret

/* ax: item, edi: physical address, ecx: bytes. Changes eax, dx, bp. */
read_item:
    testl %ecx, %ecx
    jz 2f
    subw $16, %sp
    movw %sp, %bp
    shll $16, %eax
    movw $(DMA_READ | DMA_SELECT), %ax
    bswapl %eax
    movl %eax, (%bp)
    movl %ecx, %eax
    bswapl %eax
    movl %eax, 4(%bp)
    movl $0, 8(%bp)
    movl %edi, %eax
    bswapl %eax
    movl %eax, 12(%bp)
    xorl %eax, %eax
    movw $FW_CFG_DMA, %dx
    outl %eax, %dx
    movw %bp, %ax
    bswapl %eax
    addw $4, %dx
    outl %eax, %dx
1:  testl $0xfeffffff, (%bp)        /* all but the error bit, as it lies in memory */
    jnz 1b
    addw $16, %sp
2:  ret
.endm
