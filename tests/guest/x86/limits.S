/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment limits and access rights of data, stack and code segments. */
#include "suite.inc"

    .text
    group "limits"
    /* An access through fs, with fs = sel. */
    .macro access title:req, sel:req, vector:req, text:req, mode=RING3
    probe "\title", \mode, \vector
    mov $\sel+3, %eax
    mov %eax, %fs
1:  \text
    done
    .endm
    access "byte at the limit", SEL_UP, DONE, "movb %fs:0xfff, %al"
    access "byte beyond", SEL_UP, GP, "movb %fs:0x1000, %al"
    access "word at the limit", SEL_UP, DONE, "movw %fs:0xffe, %ax"
    access "word across", SEL_UP, GP, "movw %fs:0xfff, %ax"
    access "dword at the limit", SEL_UP, DONE, "movl %fs:0xffc, %eax"
    access "dword across by 1", SEL_UP, GP, "movl %fs:0xffd, %eax"
    access "dword write across by 3", SEL_UP, GP, "movl %eax, %fs:0xfff"
    access "dword write at the limit", SEL_UP, DONE, "movl %eax, %fs:0xffc"
    access "byte at the top", SEL_UP, GP, "movb %fs:0xffffffff, %al"
    access "dword wraps around", SEL_UP, GP, "movl %fs:0xfffffffe, %eax"
    access "read-modify-write across", SEL_UP, GP, "addl $1, %fs:0xffe"
    access "qword across", SEL_UP, GP, "fldl %fs:0xff9"
    access "qword at the limit", SEL_UP, DONE, "fldl %fs:0xff8"
    access "80 bits across", SEL_UP, GP, "fldt %fs:0xff7"
    access "80 bits at the limit", SEL_UP, DONE, "fldt %fs:0xff6"
    access "cmpxchg8b across", SEL_UP, GP, "cmpxchg8b %fs:0xff9", RING3+P5
    access "bound across", SEL_UP, GP, "bound %eax, %fs:0xffc"
    access "far pointer across", SEL_UP, GP, "les %fs:0xffb, %eax"
    access "bit string beyond", SEL_UP, GP, "btl %ebp, %fs:0x1000"
    access "lods beyond", SEL_UP, GP, "mov $0x1000, %esi; 1: lodsb %fs:(%esi), %al"
    access "xlat beyond", SEL_UP, GP, "mov $0x1000, %ebx; xor %eax, %eax; 1: xlat %fs:(%ebx)"
    access "sgdt across", SEL_UP, GP, "sgdt %fs:0xffb"
    access "expand-down: first byte", SEL_DOWN, DONE, "movb %fs:0x1000, %al"
    access "expand-down: at the limit", SEL_DOWN, GP, "movb %fs:0xfff, %al"
    access "expand-down: dword across", SEL_DOWN, GP, "movl %fs:0xffe, %eax"
    access "expand-down: 0", SEL_DOWN, GP, "movb %fs:0, %al"
    access "expand-down 16: last byte", SEL_DOWN16, DONE, "movb %fs:0x2fff, %al"
    access "expand-down 16: beyond 64K", SEL_DOWN16, GP, "movb %fs:0x10000, %al"
    access "expand-down 16: across 64K", SEL_DOWN16, GP, "movl %fs:0xfffd, %eax"
    access "expand-down 16: at the limit", SEL_DOWN16, GP, "movb %fs:0xfff, %al"
    access "write to read-only", SEL_RO, GP, "movb %al, %fs:window_area"
    access "read of read-only", SEL_RO, DONE, "movb %fs:window_area, %al"
    access "write to code", SEL_CONFORM, GP, "movb %al, %fs:window_area"
    access "read of code", SEL_CONFORM, DONE, "movb %fs:window_area, %al"
    probe "read through execute-only cs", RING3, GP
    ljmp $SEL_XO+3, $1f
1:  movb %cs:window_area, %al
    done
    probe "write through cs", RING3, GP
    movb %al, %cs:window_area
    done
    probe "movs stops at the limit of es", RING3, GP, verify=ecx_is_3
    mov $SEL_UP+3, %eax
    mov %eax, %es
    mov $0xffb, %edi
    mov $window_area, %esi
    mov $8, %ecx
1:  rep movsb
    done
    probe "rep stosl across the limit", RING3, GP, verify=ecx_is_1
    mov $SEL_UP+3, %eax
    mov %eax, %es
    mov $0xff6, %edi
    mov $3, %ecx
1:  rep stosl
    done
    probe "rep with a count of 0 checks nothing", RING3
    xor %ecx, %ecx
    mov $SEL_UP+3, %eax
    mov %eax, %es
    mov $0x5000, %edi
    rep stosl
    done
    probe "lea checks nothing", RING3
    mov $SEL_UP+3, %eax
    mov %eax, %fs
    .byte 0x64
    lea 0x5000, %eax
    done

    group "stack limits"
    .macro stack title:req, esp:req, vector:req, text:req
    probe "\title", RING3, \vector
    mov $SEL_WSTACK+3, %eax
    mov %eax, %ss
    mov $\esp, %esp
1:  \text
    done
    .endm
    stack "push inside", 0x1000, DONE, "push %eax"
    stack "push beyond", 0x1004, SS, "push %eax"
    stack "push across", 0x1003, SS, "push %eax"
    stack "push below 0", 2, SS, "push %eax"
    stack "push at 0 wraps to the top", 0, SS, "push %eax"
    stack "pop inside", 0xffc, DONE, "pop %eax"
    stack "pop across", 0xffe, SS, "pop %eax"
    stack "word pop inside", 0xffe, DONE, "pop %ax"
    stack "pusha across", 0x1c, SS, "pusha"
    stack "pusha inside", 0x20, DONE, "pusha"
    stack "popa across", 0xfe4, SS, "popa"
    stack "call across", 2, SS, "call 2f; 2:"
    stack "ret across", 0xffe, SS, "movl $2f, window_area+0x1ffe; 1: ret; 2:"
    stack "lret across", 0xffa, SS, "lret"
    stack "iret across", 0xff6, SS, "iret"
    stack "far call across", 6, SS, "lcall $SEL_UCODE, $2f; 2:"
    stack "enter across", 2, SS, "enter $0, $0"
    stack "leave across", 0x100, SS, "mov $0xffe, %ebp; 1: leave"
    stack "pushf across", 2, SS, "pushf"
    stack "popf across", 0xffe, SS, "popf"
    stack "access by ebp", 0x100, SS, "mov $0x1000, %ebp; 1: movb (%ebp), %al"
    stack "access by ebp inside", 0x100, DONE, "mov $0xfff, %ebp; 1: movb (%ebp), %al"
    stack "access by esp", 0x1000, SS, "movb (%esp), %al"
    stack "ss override", 0x100, SS, "movb %ss:0x1000, %al"
    stack "push of memory beyond ds is #GP", 0x100, GP, \
        "mov $SEL_UP+3, %eax; mov %eax, %ds; 1: pushl 0x1000"
    probe "failed push keeps esp", RING3, SS, verify=esp_is_2
    mov $SEL_WSTACK+3, %eax
    mov %eax, %ss
    mov $2, %esp
1:  push %eax
    done
    probe "16-bit stack wraps", RING3, setup=stack_16, verify=esp_high_kept
    mov $SEL_WSTACK+3, %eax
    mov %eax, %ss
    mov $0x12340000, %esp
    push %eax
    done
    probe "gate stack beyond SS0's limit", RING3, SS, SEL_WSTACK, setup=tss_small_ss0
    int $0x90
    done

    group "code limits"
    /* The code is copied to the window's end, where the code segment's limit is. */
    .macro code_at offset:req, title:req, vector:req, at:req, text:req
    probe "\title", RING3, \vector
    mov $2f, %esi
    mov $window_area+0x1000+\offset, %edi
    mov $3f-2f, %ecx
    rep movsb
    ljmp $SEL_WCODE+3, $\offset
2:  \text
3:
    done \at
    .endm
    code_at 0xffe, "int at the limit runs", DONE, 0, "int $DONE"
    code_at 0xffe, "instruction across the limit", GP, 0xffe, ".byte 0xb8, 0, 0"
    code_at 0xffe, "running over the limit", GP, 0x1000, "nop; nop"
    code_at 0xff0, "short jump beyond", GP, 0xff0, ".byte 0xeb, 0x7f"
    code_at 0xff0, "near jump beyond", GP, 0xff0, ".byte 0xe9, 0, 1, 0, 0"
    code_at 0xff0, "near jump of 16 bits beyond", GP, 0xff0, ".byte 0x66, 0xe9, 0, 1"
    code_at 0xff0, "taken branch beyond", GP, 0xff2, "xor %eax, %eax; .byte 0x74, 0x7f"
    code_at 0xff0, "branch beyond that is not taken", DONE, 0, \
        "xor %eax, %eax; .byte 0x75, 0x7f; int $DONE"
    code_at 0xff0, "near call beyond", GP, 0xff0, ".byte 0xe8, 0, 1, 0, 0"
    code_at 0xff0, "jump through a register beyond", GP, 0xff5, "mov $0x1000, %eax; jmp *%eax"
    code_at 0xff0, "near return beyond", GP, 0xff5, "push $0x1000; ret"
    code_at 0xff0, "loop beyond", GP, 0xff2, "mov $2, %cl; .byte 0xe2, 0x7f"

    group "strings through cs"
    probe "rep movs from code", RING3, verify=ecx_is_0
    mov $window_area, %esi
    mov $window_area+0x800, %edi
    mov $16, %ecx
    rep movsb %cs:(%esi), %es:(%edi)
    done
    probe "rep movs from execute-only code", RING3, GP
    mov $window_area, %esi
    mov $window_area+0x800, %edi
    mov $16, %ecx
    ljmp $SEL_XO+3, $1f
1:  rep movsb %cs:(%esi), %es:(%edi)
    done
