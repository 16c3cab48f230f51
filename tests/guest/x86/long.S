/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long mode: the way in and out of a probe, and the table of tests. */
#include "suite.inc"

    .text
    .globl enter64, stubs64, syscall_target, gate64_target, compat_target
/* void enter64(void): runs the probe in64 describes until its event, recorded in seen64. */
enter64:
    push %ebx
    push %esi
    push %edi
    push %ebp
    mov %esp, resume64
    ljmp $SEL_CODE64, $1f
    .code64
1:  mov $in64, %r15d
    mov $probe64_stack_top, %esp
    pushq 136(%r15)
    pushq 128(%r15)
    pushq 120(%r15)
    pushq 112(%r15)
    pushq 104(%r15)
    mov 168(%r15), %eax
    mov %eax, %ds
    mov %eax, %es
    mov (%r15), %rax
    mov 8(%r15), %rbx
    mov 16(%r15), %rcx
    mov 24(%r15), %rdx
    mov 32(%r15), %rsi
    mov 40(%r15), %rdi
    mov 48(%r15), %rbp
    mov 56(%r15), %r8
    mov 64(%r15), %r9
    mov 72(%r15), %r10
    mov 80(%r15), %r11
    iretq

trap64:
    push %r15
    mov $seen64, %r15d
    mov %rax, (%r15)
    mov %rbx, 8(%r15)
    mov %rcx, 16(%r15)
    mov %rdx, 24(%r15)
    mov %rsi, 32(%r15)
    mov %rdi, 40(%r15)
    mov %rbp, 48(%r15)
    mov %r8, 56(%r15)
    mov %r9, 64(%r15)
    mov %r10, 72(%r15)
    mov %r11, 80(%r15)
    lea 8(%rsp), %rsi
    lea 88(%r15), %rdi
    mov $7, %ecx
    cld
    mov %ds, %eax
    mov %rax, 168(%r15)
    mov $SEL_DATA, %edx
    mov %edx, %ds
    mov %edx, %es
    rep movsq
    mov %cr2, %rax
    mov %rax, 144(%r15)
    mov %ss, %eax
    mov %rax, 152(%r15)
    mov %rsp, 160(%r15)
    mov %edx, %ss
    mov $resume64, %ecx
    mov (%rcx), %esp
    pushq $SEL_CODE
    mov $1f, %ecx
    push %rcx
    lretq
    .code32
1:  pop %ebp
    pop %edi
    pop %esi
    pop %ebx
    pushl $2
    popf
    ret

    .code64
    .balign 16
stubs64:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    pushq $0
    .endif
    pushq $vector
    jmp trap64
    .set vector, vector + 1
    .endr

syscall_target:
    int $DONE
gate64_target:
    int $DONE
    .code32
compat_target:
    int $DONE
    .code64

    .set NONCANONICAL, 0x800000000000
    .text
    probe64 "ring 0"
    done64
    probe64 "ring 3", RING3
    done64
    probe64 "compatibility mode", COMPAT3, verify=eax_plus_1
    .code32
    inc %eax
    .code64
    done64

    .macro address title:req, vector:req, text:req
    probe64 "\title", RING3, \vector
    movabs $NONCANONICAL, %rax
1:  \text
    done64
    .endm
    address "load from a non-canonical address", GP, "mov (%rax), %ecx"
    address "store to one", GP, "mov %ecx, (%rax)"
    probe64 "load across the edge", RING3, GP, setup=map_edge
    movabs $NONCANONICAL, %rax
1:  mov -4(%rax), %rcx
    done64
    probe64 "load up to the edge", RING3, setup=map_edge
    movabs $NONCANONICAL, %rax
    mov -8(%rax), %rcx
    done64
    address "through rbp", SS, "mov %rax, %rbp; 1: mov (%rbp), %ecx"
    address "through rsp", SS, "mov %rax, %rsp; 1: mov (%rsp), %ecx"
    address "push", SS, "lea 8(%rax), %rsp; 1: push %rcx"
    address "pop", SS, "mov %rax, %rsp; 1: pop %rcx"
    address "call with a bad rsp", SS, "lea 8(%rax), %rsp; 1: call syscall_target"
    /* One maker's branch faults, the other's fetch from its target. */
    .macro branch title:req, text:req
    probe64 "\title", RING3+ANYWHERE, GP
    movabs $NONCANONICAL, %rax
    \text
    done64
    .endm
    branch "jmp", "jmp *%rax"
    branch "call", "call *%rax"
    branch "ret", "push %rax; ret"
    address "string load", GP, "mov %rax, %rsi; 1: lodsq"
    address "string store", GP, "mov %rax, %rdi; mov $1, %ecx; 1: rep stosb"
    address "lea is no access", DONE, "lea (%rax), %rcx"
    address "through r13 is ds", GP, "mov %rax, %r13; 1: mov (%r13), %ecx"
    probe64 "iretq to a non-canonical address", RING0, GP
    movabs $NONCANONICAL, %rax
    pushq $SEL_UDATA64
    pushq $0x1000
    pushq $2
    pushq $SEL_UCODE64
    pushq %rax
1:  iretq
    done64
    .macro bad_base title:req, msr:req
    probe64 "wrmsr of a non-canonical \title", RING0, GP
    mov $\msr, %ecx
    mov $0x8000, %edx
    xor %eax, %eax
1:  wrmsr
    done64
    .endm
    bad_base "FS base", 0xc0000100
    bad_base "GS base", 0xc0000101
    bad_base "kernel GS base", 0xc0000102
    bad_base "LSTAR", 0xc0000082
    bad_base "SYSENTER_EIP", 0x176

    .macro undefined64 title:req, bytes:vararg
    probe64 "\title", RING0, UD
    .byte \bytes
    done64
    .endm
    undefined64 "push es", 0x06
    undefined64 "pop ds", 0x1f
    undefined64 "daa", 0x27
    undefined64 "aaa", 0x37
    undefined64 "pusha", 0x60
    undefined64 "popa", 0x61
    undefined64 "group 1 alias", 0x82, 0xc0, 0
    undefined64 "far call", 0x9a, 0, 0, 0, 0, 0, 0
    undefined64 "into", 0xce
    undefined64 "aam", 0xd4, 10
    undefined64 "salc", 0xd6
    undefined64 "far jump", 0xea, 0, 0, 0, 0, 0, 0
    undefined64 "mov from cr9", 0x44, 0x0f, 0x20, 0xc8
    undefined64 "lock mov", 0xf0, 0x89, 0x03

    .macro control title:req, vector:req, text:req, mode=RING0
    probe64 "\title", \mode, \vector
    \text
    done64
    .endm
    control "cr0 above 32 bits", GP, "mov %cr0, %rax; bts $32, %rax; 1: mov %rax, %cr0"
    control "cr4 above 32 bits", GP, "mov %cr4, %rax; bts $40, %rax; 1: mov %rax, %cr4", RING0+FATAL
    control "cr3 beyond the physical address", GP, "mov %cr3, %rax; bts $62, %rax; 1: mov %rax, %cr3", RING0+FATAL
    control "clearing CR4.PAE", GP, "mov %cr4, %rax; and $~0x20, %rax; 1: mov %rax, %cr4", RING0+FATAL
    control "clearing CR0.PG in 64-bit code", GP, "mov %cr0, %rax; btr $31, %rax; 1: mov %rax, %cr0", RING0+FATAL
    control "cr8 above 4 bits", GP, "mov $0x10, %eax; 1: mov %rax, %cr8"
    control "cr8", DONE, "mov $5, %eax; mov %rax, %cr8; xor %eax, %eax; mov %rax, %cr8"
    control "dr7 above 32 bits", GP, "mov $1, %eax; shl $32, %rax; 1: mov %rax, %dr7"
    control "dr6 above 32 bits", GP, "mov $1, %eax; shl $32, %rax; 1: mov %rax, %dr6"
    control "clearing EFER.LME with paging", GP, \
        "mov $0xc0000080, %ecx; rdmsr; and $~0x100, %eax; 1: wrmsr"
    control "reserved bit of EFER", GP, "mov $0xc0000080, %ecx; rdmsr; or $2, %eax; 1: wrmsr"
    control "cmpxchg16b off 16 bytes", GP, "lea -24(%rsp), %rsi; 1: cmpxchg16b (%rsi)"
    control "movaps off 16 bytes", GP, "lea -24(%rsp), %rsi; 1: movaps (%rsi), %xmm0"
    control "movups off 16 bytes", DONE, "movups -24(%rsp), %xmm0"
    control "null ss in ring 0", DONE, "xor %eax, %eax; mov %eax, %ss; push %rax; pop %rax"
    control "null ds", DONE, "xor %eax, %eax; mov %eax, %ds; mov (%rsp), %eax"
    control "jump to L and D both set", GP+0x3800, \
        "pushq $SEL_LONG_BOTH; push $0; 1: lretq"
    control "rex.w far return to 32-bit code", DONE, \
        "pushq $SEL_CODE; mov $compat_target, %eax; push %rax; lretq"
    control "task switch", GP+0x2800, "pushq $SEL_TSS64; pushq $0; lea (%rsp), %rax; \
        mov $SEL_TSS64, %ecx; mov %ecx, 4(%rax); 1: ljmp *(%rax)"
    probe64 "iret with NT", RING0, GP, flags=FL_NT
    iretq
    done64
    probe64 "null ss in ring 3", RING3, GP
    xor %eax, %eax
1:  mov %eax, %ss
    done64
    probe64 "swapgs in ring 3", RING3, GP
    swapgs
    done64
    probe64 "swapgs", RING0, setup=set_gs_bases, verify=gs_swapped
    swapgs
    mov %gs:0, %rax
    swapgs
    mov %gs:0, %rbx
    done64
    probe64 "cli in ring 3", RING3, GP
    cli
    done64
    probe64 "mov of cr8 in ring 3", RING3, GP
    mov %cr8, %rax
    done64
    probe64 "wrmsr in ring 3", RING3, GP
    wrmsr
    done64

    probe64 "SSE without CR4.OSFXSR", RING3, UD, setup=clear_osfxsr
    xorps %xmm0, %xmm0
    done64
    probe64 "SSE with CR0.TS", RING3, NM, setup=set_ts64
    xorps %xmm0, %xmm0
    done64
    probe64 "SSE with CR0.EM", RING3, UD, setup=set_em64
    xorps %xmm0, %xmm0
    done64
    probe64 "#XM", RING3, XM
    push $0x1d80
    ldmxcsr (%rsp)
    xorps %xmm0, %xmm0
    pcmpeqd %xmm1, %xmm1
    psrld $25, %xmm1
    pslld $23, %xmm1
    mov $1, %eax
    cvtsi2ss %eax, %xmm1
1:  divss %xmm0, %xmm1
    done64
    probe64 "ldmxcsr of a reserved bit", RING3, GP
    push $0x10000000
1:  ldmxcsr (%rsp)
    done64

    probe64 "syscall", RING3, setup=set_syscall, verify=syscall_state, flags=FL_CF|FL_ZF|2
    syscall
1:  done64
    probe64 "syscall without EFER.SCE", RING3, UD, setup=clear_sce
    syscall
    done64
    probe64 "sysret in ring 3", RING3, GP, setup=set_syscall
    sysretq
    done64
    probe64 "sysret", RING0, setup=set_syscall, verify=sysret_state
    mov $1f, %ecx
    mov $FL_CF|2, %r11d
    sysretq
1:  done64
    probe64 "sysret to 32-bit code", RING0, setup=set_syscall, verify=sysret32_state
    mov $compat_target, %ecx
    mov $2, %r11d
    sysretl
    done64
    probe64 "sysret to a non-canonical address", RING0+INTEL, GP, setup=set_syscall
    movabs $NONCANONICAL, %rcx
    mov $2, %r11d
1:  sysretq
    done64
    probe64 "sysenter without SYSENTER_CS", RING3+INTEL, GP
    sysenter
    done64
    probe64 "sysenter", RING3+INTEL, setup=set_sysenter, verify=sysenter_state, flags=FL_CF|2
    sysenter
    done64
    probe64 "sysenter from 32-bit code", COMPAT3+INTEL, setup=set_sysenter, verify=sysenter_state
    sysenter
    done64
    probe64 "sysexit in ring 3", RING3+INTEL, GP, setup=set_sysenter
    sysexitq
    done64
    probe64 "sysexit", RING0+INTEL, setup=set_sysenter, verify=sysexit_state
    mov $1f, %edx
    mov $0x1000, %ecx
    sysexitq
1:  done64
    probe64 "sysexit to 32-bit code", RING0+INTEL, setup=set_sysenter, verify=sysexit32_state
    mov $compat_target, %edx
    mov $0x1000, %ecx
    sysexitl
    done64

    .macro call_gate title:req, sel:req, vector:req, error=0, verify=0
    probe64 "\title", RING3, \vector, \error, verify=\verify
    lea -64(%rsp), %rax
    movl $0, (%rax)
    movl $\sel, 4(%rax)
1:  lcall *(%rax)
    done64
    .endm
    call_gate "call gate", SEL_GATE64+3, DONE, verify=gate64_stack
    call_gate "call gate to 32-bit code", SEL_GATE64_COMPAT+3, GP, SEL_CODE
    call_gate "call gate with a bad upper half", SEL_GATE64_TYPE+3, GP, SEL_GATE64_TYPE
    call_gate "call gate beyond the GDT", SEL_BEYOND+3, GP, SEL_BEYOND

    probe64 "the frame is aligned to 16", RING0, verify=frame_aligned
    sub $4, %rsp
    done64
    probe64 "with an error code too", RING0, GP, 0x1000, verify=frame_aligned_error
    sub $4, %rsp
    mov $0x1000, %eax
1:  mov %eax, %fs
    done64
    probe64 "ring 0 pushes ss:rsp", RING0, verify=ss_pushed
    mov %rsp, %rax
    done64
    probe64 "from ring 3, ss is null", RING3, verify=handler_ss_null
    done64
    probe64 "interrupt stack table", RING0, verify=on_ist, setup=use_ist
    done64
    probe64 "interrupt stack table from ring 3", RING3, verify=on_ist, setup=use_ist
    done64
    probe64 "gate to 32-bit code", RING0, GP, SEL_CODE, setup=gate_compat
    int $0x90
    done64
    probe64 "gate of 16 bits' type", RING0, GP, 0x90*8+2, setup=gate_task
    int $0x90
    done64
    probe64 "int beyond the IDT", RING0, GP, 0x90*8+2, setup=short_idt64
    int $0x90
    done64
    probe64 "#DF", RING0, DF, 0, setup=no_gp_gate
    mov $0x1000, %eax
1:  mov %eax, %fs
    done64
    probe64 "#DF by a bad stack, on the IST", RING0, DF, 0, setup=df_ist, verify=on_ist_df
    movabs $NONCANONICAL, %rsp
1:  push %rax
    done64

    probe64 "single step", RING3, DB, flags=FL_TF
    nop
1:  nop
    done64
    probe64 "single step of syscall waits for the flags", RING3, DONE, flags=FL_TF, \
        setup=set_syscall_mask, verify=syscall_masked
    syscall
    done64
    probe64 "int3", RING3, BP
    int3
1:  done64
    probe64 "#DE", RING3, DE
    xor %ecx, %ecx
1:  div %rcx
    done64
    probe64 "idiv of the most negative by -1", RING3, DE
    mov $1, %eax
    ror $1, %rax
    cqto
    mov $-1, %rcx
1:  idiv %rcx
    done64
    probe64 "compat: segment limit", COMPAT3, GP, setup=small_compat
    .code32
    mov $SEL_LONG_BOTH, %eax
    mov $0x3b, %eax
    mov %eax, %fs
1:  movb %fs:0x1000, %al
    .code64
    done64
    probe64 "64-bit code ignores limits", RING3, setup=small_compat
    mov $0x3b, %eax
    mov %eax, %fs
    movb %fs:0x1000, %al
    done64
    probe64 "compat: far jump to 64-bit code", COMPAT3, verify=rax_wide
    .code32
    ljmp $SEL_UCODE64, $1f
    .code64
1:  mov $1, %eax
    shl $32, %rax
    done64

    probe64 "wrfsbase without CR4.FSGSBASE", RING3, UD
    .byte 0xf3, 0x48, 0x0f, 0xae, 0xd0
    done64
    probe64 "xgetbv without CR4.OSXSAVE", RING3, UD
    xor %ecx, %ecx
1:  .byte 0x0f, 0x01, 0xd0
    done64
    probe64 "monitor in ring 3", RING3, UD
    .byte 0x0f, 0x01, 0xc8
    done64
    probe64 "hlt in ring 3", RING3, GP
    hlt
    done64
    probe64 "pop of 16 bits and a bad rsp", RING3, SS
    movabs $NONCANONICAL, %rsp
1:  popw %ax
    done64
    probe64 "enter on a bad stack", RING3, SS
    movabs $NONCANONICAL+8, %rsp
1:  enter $0, $0
    done64
    probe64 "leave to a bad stack", RING3, SS
    movabs $NONCANONICAL, %rbp
1:  leave
    done64
    probe64 "iretq to ring 3 with a null ss", RING0, GP
    pushq $0
    pushq $0x1000
    pushq $2
    pushq $SEL_UCODE64
    mov $2f, %eax
    push %rax
1:  iretq
2:  done64
    probe64 "iretq to ring 0 with a null ss", RING0, verify=ss_null
    mov %rsp, %rcx
    pushq $0
    push %rcx
    pushq $2
    pushq $SEL_CODE64
    mov $2f, %eax
    push %rax
    iretq
2:  done64
    probe64 "iretq cannot raise privilege", RING3, GP, SEL_CODE64
    pushq $SEL_DATA64
    pushq $0x1000
    pushq $2
    pushq $SEL_CODE64
    pushq $0
1:  iretq
    done64
    probe64 "iretq in 64-bit code keeps VM clear", RING0, verify=vm_clear
    mov %rsp, %rcx
    pushq $SEL_DATA64
    push %rcx
    pushq $FL_VM|2
    pushq $SEL_CODE64
    mov $2f, %eax
    push %rax
    iretq
2:  done64

    .bss
    .balign 16
    .globl probe64_stack_top
    .space 4096
probe64_stack_top:
resume64:
    .long 0
