/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions and I/O that rings and IOPL forbid, and malformed instructions. */
#include "suite.inc"

    .text
    group "privilege"
    probe "cli, IOPL 0", RING3, GP
    cli
    done
    probe "sti, IOPL 0", RING3, GP
    sti
    done
    probe "cli, IOPL 3", RING3, flags=FL_IOPL3|FL_IF, verify=if_clear
    cli
    done
    probe "sti, IOPL 3", RING3, flags=FL_IOPL3, verify=if_set
    sti
    nop
    done
    probe "hlt, IOPL 3", RING3, GP, flags=FL_IOPL3
    hlt
    done
    probe "in, IOPL 0", RING3, GP
    in $0x80, %al
    done
    probe "out, IOPL 0", RING3, GP
    out %al, $0x80
    done
    probe "insb, IOPL 0", RING3, GP
    mov $0x80, %edx
1:  insb
    done
    probe "rep outsl, IOPL 0", RING3, GP
    mov $0x80, %edx
    mov $1, %ecx
1:  rep outsl
    done
    probe "in, IOPL 3", RING3, flags=FL_IOPL3
    in $0x80, %al
    done
    probe "I/O bitmap: open port", RING3, setup=open_port_80
    out %al, $0x80
    done
    probe "I/O bitmap: closed port", RING3, GP, setup=open_port_80
    in $0x81, %al
    done
    probe "I/O bitmap: word over a closed port", RING3, GP, setup=open_port_80
    in $0x80, %ax
    done
    probe "I/O bitmap: port beyond the TSS", RING3, GP, setup=open_port_80
    mov $0x8000, %edx
1:  in %dx, %al
    done
    probe "I/O bitmap: last bits lie beyond the TSS", RING3, GP, setup=open_port_80
    mov $0x118, %edx
1:  in %dx, %al
    done
    probe "popf keeps IF and IOPL, IOPL 0", RING3, verify=if_clear_iopl0
    pushl $FL_IF|FL_IOPL3|2
    popf
    done
    probe "popf keeps IOPL but not IF, IOPL 3", RING3, flags=FL_IOPL3|FL_IF, verify=if_clear_iopl3
    pushl $2
    popf
    done

    .macro forbidden text:vararg
    probe "\text", RING3, GP
    \text
    done
    .endm
    forbidden mov %eax, %cr0
    forbidden mov %cr0, %eax
    forbidden mov %cr2, %eax
    forbidden mov %cr3, %eax
    probe "mov from cr4", RING3+P5, GP
    mov %cr4, %eax
    done
    forbidden mov %dr7, %eax
    forbidden mov %eax, %dr0
    forbidden clts
    forbidden lmsw %ax
    forbidden lgdt (%esp)
    forbidden lidt (%esp)
    forbidden lldt %ax
    forbidden ltr %ax
    forbidden invd
    forbidden wbinvd
    forbidden invlpg (%esp)
    probe "rdmsr", RING3+P5, GP
    rdmsr
    done
    probe "wrmsr", RING3+P5, GP
    wrmsr
    done
    .macro allowed text:vararg
    probe "\text", RING3
    \text
    done
    .endm
    allowed sgdt -16(%esp)
    allowed sidt -16(%esp)
    allowed sldt %eax
    allowed str %eax
    allowed smsw %eax
    probe "rdtsc", RING3+P5
    rdtsc
    done
    probe "rdtsc with CR4.TSD", RING3+P5, GP, setup=set_tsd
    rdtsc
    done
    probe "rdtsc with CR4.TSD, ring 0", RING0+P5, setup=set_tsd
    rdtsc
    done

    group "gates"
    probe "int to a gate of DPL 0", RING3, GP, 0x20*8+2
    int $0x20
    done
    probe "int beyond the IDT", RING3, GP, 0x90*8+2, setup=short_idt
    int $0x90
    done
    probe "int to a missing gate", RING3, NP, 0x90*8+2, setup=idt_90_not_present
    int $0x90
    done
    probe "int to a code descriptor", RING0, GP, 0x90*8+2, setup=idt_90_not_gate
    int $0x90
    done
    probe "int to a gate with null CS", RING0, GP, 0, setup=idt_90_null_cs
    int $0x90
    done
    probe "int to a gate with a data segment", RING0, GP, SEL_DATA, setup=idt_90_data
    int $0x90
    done
    probe "int to a gate with a missing segment", RING0, NP, SEL_NP_CODE, setup=idt_90_np_code
    int $0x90
    done
    probe "int to a gate whose segment is less privileged", RING0, GP, SEL_UCODE-3, setup=idt_90_user
    int $0x90
    done
    probe "int3 through a gate of DPL 0", RING3, GP, 3*8+2, setup=idt_3_dpl0
    int3
    done
    probe "int with null SS0 in the TSS", RING3, TS, 0, setup=tss_null_ss0
    int $DONE
    done
    probe "int with SS0 of DPL 3 in the TSS", RING3, TS, SEL_UDATA&~3, setup=tss_user_ss0
    int $DONE
    done
    probe "int with a missing SS0 in the TSS", RING3, SS, SEL_NP_DATA, setup=tss_np_ss0
    int $DONE
    done
    probe "int3", RING3, BP
    int3
1:  nop
    done
    probe "into", RING3, OF
    mov $0x7fffffff, %eax
    inc %eax
    into
1:  nop
    done
    probe "into without overflow", RING3
    xor %eax, %eax
    into
    done
    probe "bound", RING3, BR
    push $5
    push $2
    mov $6, %eax
1:  bound %eax, (%esp)
    done
    probe "bound inside", RING3
    push $5
    push $2
    mov $5, %eax
    bound %eax, (%esp)
    done
    probe "interrupt gate clears IF and NT", RING3, flags=FL_IF|FL_NT, setup=hook_flags, \
        verify=handler_if_clear
    done
    probe "trap gate keeps IF", RING3, DONE_TRAP, flags=FL_IF, setup=hook_flags, verify=handler_if_set
    int $DONE_TRAP
1:  nop
    done

    group "undefined"
    .macro undefined title:req, bytes:vararg
    probe "\title", RING0, UD
    .byte \bytes
    done
    .endm
    undefined "ud2", 0x0f, 0x0b
    undefined "ud1", 0x0f, 0xb9, 0xc0
    undefined "lock mov", 0xf0, 0x89, 0x03
    undefined "lock add to a register", 0xf0, 0x01, 0xc0
    undefined "lock cmp", 0xf0, 0x39, 0x03
    undefined "lock nop", 0xf0, 0x90
    undefined "mov to cs", 0x8e, 0xc8
    undefined "mov to segment 6", 0x8e, 0xf0
    undefined "mov from segment 7", 0x8c, 0xf8
    undefined "lds of a register", 0xc5, 0xc0
    undefined "bound of a register", 0x62, 0xc0
    undefined "lea of a register", 0x8d, 0xc0
    undefined "cmpxchg8b of a register", 0x0f, 0xc7, 0xc8
    undefined "far jump through a register", 0xff, 0xe8
    undefined "far call through a register", 0xff, 0xd8
    undefined "group 5 /7", 0xff, 0xf8
    undefined "group 4 /2", 0xfe, 0xd0
    undefined "mov to cr1", 0x0f, 0x22, 0xc8
    undefined "mov from cr5", 0x0f, 0x20, 0xe8
    undefined "group 8 /0", 0x0f, 0xba, 0xc0, 0x00
    undefined "invlpg of a register", 0x0f, 0x01, 0xf8
    undefined "lgdt of a register", 0x0f, 0x01, 0xd2
    probe "15 bytes run", RING3
    .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
    done
    probe "16 bytes do not", RING3, GP
    .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66
    nop
    done
    probe "mov from cr7", RING0, UD
    .byte 0x0f, 0x20, 0xf8
    done

    group "arithmetic"
    probe "div by 0", RING3, DE
    xor %ecx, %ecx
1:  div %ecx
    done
    probe "div overflow", RING3, DE
    mov $2, %edx
    mov $1, %ecx
1:  div %ecx
    done
    probe "idiv of the most negative by -1", RING3, DE
    mov $0x80000000, %eax
    cltd
    mov $-1, %ecx
1:  idiv %ecx
    done
    probe "idiv byte overflow", RING3, DE
    mov $0x8000, %eax
    mov $-1, %ecx
1:  idiv %cl
    done
    probe "idiv byte to -128", RING3, verify=al_is_80
    mov $0xff80, %eax
    mov $1, %ecx
    idiv %cl
    done
    probe "aam 0", RING3, DE
    .byte 0xd4, 0
    done

    group "fpu"
    probe "fnop with CR0.TS", RING3, NM, setup=set_ts
    fnop
    done
    probe "fnop with CR0.EM", RING3, NM, setup=set_em
    fnop
    done
    probe "wait with TS and MP", RING3, NM, setup=set_ts_mp
    fwait
    done
    probe "wait with TS alone", RING3, setup=set_ts
    fwait
    done
    probe "#MF on the next waiting instruction", RING3, MF, setup=set_ne
    fninit
    pushl $0x37b
    fldcw (%esp)
    fldz
    fld1
    fdiv %st(1), %st
1:  fld1
    fnclex
    done
    probe "non-waiting instructions pass a pending #MF", RING3, setup=set_ne
    fninit
    pushl $0x37b
    fldcw (%esp)
    fldz
    fld1
    fdiv %st(1), %st
    fnstsw %ax
    fnclex
    fwait
    done
    probe "misaligned with AM and AC", RING3, AC, flags=FL_AC, setup=set_am
    mov 1(%esp), %eax
    done
    probe "misaligned with AC alone", RING3, flags=FL_AC
    mov 1(%esp), %eax
    done
    probe "misaligned in ring 0", RING0, flags=FL_AC, setup=set_am
    mov 1(%esp), %eax
    done
    probe "misaligned word", RING3, AC, flags=FL_AC, setup=set_am
    mov %ax, 1(%esp)
    done
    probe "misaligned push", RING3, AC, flags=FL_AC, setup=set_am
    sub $2, %esp
1:  push %eax
    done
    probe "misaligned double", RING3, AC, flags=FL_AC, setup=set_am
    fninit
1:  fldl 4(%esp)
    done
    probe "aligned with AM and AC", RING3, flags=FL_AC, setup=set_am
    mov 4(%esp), %eax
    movw 2(%esp), %ax
    movb 1(%esp), %al
    done

    group "control registers"
    probe "CR0.PG without PE", RING0, GP, setup=tables_ready
    mov $0x80000000, %eax
1:  mov %eax, %cr0
    mov $0x31, %eax
    mov %eax, %cr0
    done
    probe "CR0.NW without CD", RING0, GP
    mov $0x20000031, %eax
1:  mov %eax, %cr0
    done
    probe "reserved bit of CR4", RING0+P5+FATAL, GP
    mov $0x80000000, %eax
1:  mov %eax, %cr4
    done
    probe "lmsw cannot clear PE", RING0, verify=pe_set
    xor %eax, %eax
    lmsw %ax
    done
    probe "DR4 is DR6 without CR4.DE", RING0, verify=eax_is_dr6
    mov %dr4, %eax
    done
    probe "DR4 with CR4.DE", RING0+P5, UD, setup=set_de
    mov %dr4, %eax
    done
    probe "DR5 with CR4.DE", RING0+P5, UD, setup=set_de
    mov %eax, %dr5
    done
    probe "DR7.GD catches mov of dr", RING0, DB, setup=set_gd, verify=dr6_bd
    mov %dr0, %eax
    done
