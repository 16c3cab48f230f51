/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A floppy that shows VGA modes: every key a to z sets one and fills it with a pattern of its own;
 * byte 0x4f0 then has its number, from 1 on. */
    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    mov %ax, %es
    mov $0x0203, %ax                /* three more sectors */
    mov $0x7e00, %bx
    mov $0x0002, %cx
    xor %dh, %dh
    int $0x13
    jmp keys

    .org 510
    .word 0xaa55

keys:
    mov $0, %ah
    int $0x16
    sub $'a', %al
    cmp $18, %al
    jae keys
    mov %al, current
    movzx %al, %bx
    add %bx, %bx
    cld
    call *handlers(%bx)
    mov current, %al
    inc %al
    mov %al, 0x4f0                  /* BIOS data: free for programs */
    jmp keys

handlers:
    .word text80, text40, cga4, cga2, planar_d, planar_e, planar_10, planar_12, chain4
    .word unchained, split, text_pan, text_split, text50, vbe8, vbe15, vbe24, font512

/* --- text --------------------------------------------------------------------------------------- */
set_text:                           /* mode %al without blinking things */
    mov $0, %ah
    int $0x10
    mov $0x1003, %ax
    xor %bx, %bx
    int $0x10
    mov $1, %ah
    mov $0x2000, %cx
    int $0x10
    mov $0xb800, %ax
    mov %ax, %es
    xor %di, %di
    xor %bx, %bx
1:  mov %bl, %al
    mov %bx, %cx
    imul $7, %cx
    shr $3, %cx
    mov %cl, %ah
    stosw
    inc %bx
    cmp $8192, %bx
    jb 1b
    ret
text80:
    mov $3, %al
    jmp set_text
text40:
    mov $1, %al
    jmp set_text
text_pan:
    call text80
    mov $0x0508, %ax                /* five lines up */
    call crtc
    mov $0x520d, %ax                /* from the second character of the second row */
    call crtc
    mov $0x02, %ah                  /* three dots to the left, of nine */
    jmp pan
text_split:
    call text80
    mov $100, %al
    call compare
    mov $0x0a0c, %ax
    jmp crtc
text50:
    call text80
    mov $0x1112, %ax
    xor %bx, %bx
    int $0x10
    mov $1, %ah
    mov $0x2000, %cx
    int $0x10
    ret
font512:
    call text80
    mov $0x1102, %ax                /* the 8x8 font as the second one */
    mov $1, %bl
    int $0x10
    mov $0x1103, %ax
    mov $0x04, %bl                  /* attribute bit 3 chooses it */
    int $0x10
    mov $1, %ah
    mov $0x2000, %cx
    int $0x10
    ret

/* --- graphics ----------------------------------------------------------------------------------- */
set_cga:
    mov $0, %ah
    int $0x10
    mov $0xb800, %ax
    mov %ax, %es
    xor %di, %di
1:  mov %di, %ax
    shr $5, %ax
    imul $13, %di, %cx
    xor %cl, %al
    stosb
    cmp $0x4000, %di
    jb 1b
    ret
cga4:
    mov $4, %al
    jmp set_cga
cga2:
    mov $6, %al
    jmp set_cga

planar_d:
    mov $0x0d, %al
    jmp set_planar
planar_e:
    mov $0x0e, %al
    jmp set_planar
planar_10:
    mov $0x10, %al
    jmp set_planar
planar_12:
    mov $0x12, %al
set_planar:
    mov $0, %ah
    int $0x10
fill_planes:
    mov $0xa000, %ax
    mov %ax, %es
    xor %bx, %bx
2:  mov %bl, %cl
    mov $0x0102, %ax
    shl %cl, %ah
    call sequencer
    xor %di, %di
1:  mov %di, %ax
    shr $4, %ax
    shr %cl, %ax
    mov %di, %dx
    imul $3, %dx
    xor %dh, %al
    xor %dl, %al
    stosb
    cmp $0x9600, %di
    jb 1b
    inc %bx
    cmp $4, %bx
    jb 2b
    mov $0x0f02, %ax
    jmp sequencer
split:
    call planar_12
    mov $200, %al
    call compare
    mov $0x1f0c, %ax                /* from line 100 on */
    call crtc
    mov $0x400d, %ax
    call crtc
    mov $0x03, %ah
    call pan
    mov $0x3da, %dx                 /* the lower part stays */
    in %dx, %al
    mov $0x3c0, %dx
    mov $0x30, %al
    out %al, %dx
    inc %dx
    in %dx, %al
    dec %dx
    or $0x20, %al
    out %al, %dx
    ret

chain4:
    mov $0x13, %ax
    int $0x10
    mov $0xa000, %ax
    mov %ax, %es
    xor %di, %di
1:  mov %di, %ax
    xor %ah, %al
    stosb
    cmp $64000, %di
    jb 1b
    ret
unchained:
    call chain4
    mov $0x0604, %ax
    call sequencer
    mov $0x0014, %ax
    call crtc
    mov $0xe317, %ax
    call crtc
    jmp fill_planes

vbe8:
    mov $8, %ax
    jmp set_vbe
vbe15:
    mov $15, %ax
    jmp set_vbe
vbe24:
    mov $24, %ax
set_vbe:
    push %ax
    mov $4, %bx
    xor %ax, %ax
    call vbe
    mov $1, %bx
    mov $800, %ax
    call vbe
    mov $2, %bx
    mov $600, %ax
    call vbe
    pop %ax
    mov $3, %bx
    call vbe
    mov $4, %bx
    mov $1, %ax
    call vbe
    mov $6, %bx                     /* lines wider than the picture, which starts inside */
    mov $1024, %ax
    call vbe
    mov $8, %bx
    mov $40, %ax
    call vbe
    mov $9, %bx
    mov $10, %ax
    call vbe
    mov $0xa000, %ax
    mov %ax, %es
    xor %bp, %bp
2:  mov %bp, %ax
    mov $5, %bx
    call vbe
    xor %di, %di
1:  mov %di, %ax
    shr $3, %ax
    imul $5, %di, %cx
    xor %cx, %ax
    add %bp, %ax
    stosw
    test %di, %di
    jnz 1b
    inc %bp
    cmp $30, %bp
    jb 2b
    ret

/* --- registers: index %al, value %ah ------------------------------------------------------------ */
crtc:
    mov $0x3d4, %dx
    out %ax, %dx
    ret
sequencer:
    mov $0x3c4, %dx
    out %ax, %dx
    ret
pan:
    mov $0x3da, %dx
    in %dx, %al
    mov $0x3c0, %dx
    mov $0x33, %al
    out %al, %dx
    mov %ah, %al
    out %al, %dx
    ret
compare:                            /* the line %al */
    mov %al, %ah
    mov $0x18, %al
    call crtc
    mov $0x3d4, %dx
    mov $0x11, %al                  /* unlock */
    out %al, %dx
    inc %dx
    in %dx, %al
    and $0x7f, %al
    out %al, %dx
    dec %dx
    mov $0x07, %al
    out %al, %dx
    inc %dx
    in %dx, %al
    and $0xef, %al
    out %al, %dx
    dec %dx
    mov $0x09, %al
    out %al, %dx
    inc %dx
    in %dx, %al
    and $0xbf, %al
    out %al, %dx
    ret
vbe:                                /* index %bx, value %ax */
    mov $0x1ce, %dx
    xchg %ax, %bx
    out %ax, %dx
    inc %dx
    xchg %ax, %bx
    out %ax, %dx
    ret

current:
    .byte 0
    .org 2048
