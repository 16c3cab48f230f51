/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boots a Linux kernel given with -kernel: loads its parts by fw_cfg DMA, enters its real-mode code. */
#include "optionrom.inc"

    rom_header "Linux loader"

boot:
    rom_enter
    fetch FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA
    fetch FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA
    fetch FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA
    fetch FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA

    /* Linux boot protocol: all data segments at the setup, the stack up to the command line. */
    movw $FW_CFG_CMDLINE_ADDR, %ax
    call read_number
    movl %eax, %ecx
    movw $FW_CFG_SETUP_ADDR, %ax
    call read_number
    subl %eax, %ecx
    subl $16, %ecx
    shrl $4, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %ecx, %esp
    addw $0x20, %ax
    pushw %ax
    pushw $0
    lret

    rom_routines
