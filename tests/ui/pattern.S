/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot sector that paints 640x480x32 with gradients, areas, noise and two-colour fields, twice as
 * high as the screen. The key s moves the view down by 16 lines; any other paints anew. */
    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $mode, %si
1:  lodsw
    test %ax, %ax
    js paint
    mov %ax, %bx
    lodsw
    call vbe
    jmp 1b

paint:
    incb seed
    mov $0xa000, %ax
    mov %ax, %es
    xor %ebx, %ebx                  /* the bank */
    xor %edi, %edi
    xor %esi, %esi                  /* x */
    xor %ebp, %ebp                  /* y */
    movl $12345, random
next_bank:
    push %bx
    mov %bx, %ax
    mov $5, %bx
    call vbe
    pop %bx
next_pixel:
    call color
    and $0xffffff, %eax
    mov %eax, %es:(%edi)
    inc %esi
    cmp $640, %esi
    jb 1f
    xor %esi, %esi
    inc %ebp
    cmp $960, %ebp
    je keys
1:  add $4, %di
    jnz next_pixel
    inc %bx
    jmp next_bank

color:
    mov %ebp, %ecx
    shr $6, %ecx
    and $3, %ecx
    jz gradient
    dec %ecx
    jz areas
    dec %ecx
    jz noise
    mov %esi, %eax
    imul %ebp, %eax
    shr $3, %eax
    xor %esi, %eax
    test $8, %al
    mov $0x80, %eax
    jz 1f
    mov $0xffffff, %eax
1:  ret
gradient:
    mov %ebp, %eax
    shl $8, %eax
    or %esi, %eax
    movzbl seed, %ecx
    shl $20, %ecx
    xor %ecx, %eax
    ret
areas:
    mov %esi, %eax
    shr $7, %eax
    imul $0x304050, %eax
    movzbl seed, %ecx
    add %ecx, %eax
    ret
noise:
    mov random, %eax
    imul $1103515245, %eax
    add $12345, %eax
    mov %eax, random
    shr $8, %eax
    ret

keys:
    mov $0, %ah
    int $0x16
    cmp $'s', %al
    jne paint
    addw $16, offset
    mov offset, %ax
    mov $9, %bx
    call vbe
    jmp keys

/* Index %bx, value %ax. */
vbe:
    push %dx
    mov $0x1ce, %dx
    xchg %ax, %bx
    out %ax, %dx
    inc %dx
    xchg %ax, %bx
    out %ax, %dx
    pop %dx
    ret

mode:
    .word 4, 0, 1, 640, 2, 480, 3, 32, 4, 1, -1
seed:
    .byte 0
offset:
    .word 0
random:
    .long 0
    .org 510
    .word 0xaa55
