/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment loads, far jumps, calls and returns: privilege and descriptor checks. */
#include "suite.inc"

    .text
    group "segment load"
    .macro load title:req, sel:req, mode:req, vector=DONE, error=0
    probe "ds: \title", \mode, \vector, \error
    mov $\sel, %eax
1:  mov %eax, %ds
    done
    .endm
    load "null", 0, RING3
    load "null with RPL 3", 3, RING3
    load "user data", SEL_UDATA, RING3
    load "read-only data", SEL_RO+3, RING3
    load "conforming code", SEL_CONFORM, RING3
    load "kernel data", SEL_DATA, RING3, GP, SEL_DATA
    load "kernel data with RPL 3 in ring 0", SEL_DATA+3, RING0, GP, SEL_DATA
    load "execute-only code", SEL_XO+3, RING3, GP, SEL_XO
    load "missing data", SEL_NP_DATA+3, RING3, NP, SEL_NP_DATA
    load "a TSS", SEL_TSS, RING0, GP, SEL_TSS
    load "a call gate", SEL_GATE+3, RING3, GP, SEL_GATE
    load "beyond the GDT", SEL_BEYOND+3, RING3, GP, SEL_BEYOND
    load "an LDT that is not there", 0xf, RING3, GP, 0xc
    probe "use of a null ds", RING3, GP
    xor %eax, %eax
    mov %eax, %ds
1:  mov (%esi), %eax
    done
    probe "use of a null es by stos", RING3, GP
    xor %eax, %eax
    mov %eax, %es
1:  stosb
    done
    probe "a load marks the descriptor accessed", RING3, setup=clear_accessed, verify=up_accessed
    mov $SEL_UP+3, %eax
    mov %eax, %fs
    done
    probe "pop of a bad selector keeps esp", RING3, GP, SEL_DATA, verify=esp_below_by_4
    pushl $SEL_DATA
1:  pop %es
    done
    probe "lfs of a bad selector keeps the register", RING3, GP, SEL_DATA, verify=eax_is_77
    mov $0x77, %eax
    pushl $SEL_DATA
    pushl $0x1234
1:  lfs (%esp), %eax
    done
    .macro load_ss title:req, sel:req, mode:req, vector=DONE, error=0
    probe "ss: \title", \mode, \vector, \error
    mov $\sel, %eax
1:  mov %eax, %ss
    done
    .endm
    load_ss "user data", SEL_UDATA, RING3
    load_ss "null", 0, RING3, GP, 0
    load_ss "null in ring 0", 0, RING0, GP, 0
    load_ss "wrong RPL", SEL_UDATA-3, RING3, GP, SEL_UDATA-3
    load_ss "kernel data", SEL_DATA, RING3, GP, SEL_DATA
    load_ss "user data in ring 0", SEL_UDATA, RING0, GP, SEL_UDATA-3
    load_ss "read-only data", SEL_RO+3, RING3, GP, SEL_RO
    load_ss "code", SEL_UCODE, RING3, GP, SEL_UCODE-3
    load_ss "missing data", SEL_NP_DATA+3, RING3, SS, SEL_NP_DATA
    load_ss "beyond the GDT", SEL_BEYOND+3, RING3, GP, SEL_BEYOND
    probe "lldt of a data segment", RING0, GP, SEL_DATA
    mov $SEL_DATA, %eax
1:  lldt %ax
    done
    probe "lldt of an LDT selector", RING0, GP, 4
    mov $4, %eax
1:  lldt %ax
    done
    probe "lldt of a missing LDT", RING0, NP, SEL_LDT, setup=ldt_not_present
    mov $SEL_LDT, %eax
1:  lldt %ax
    done
    probe "ltr of a busy TSS", RING0, GP, SEL_TSS
    mov $SEL_TSS, %eax
1:  ltr %ax
    done
    probe "ltr of null", RING0, GP, 0
    xor %eax, %eax
1:  ltr %ax
    done
    probe "ltr of a missing TSS", RING0, NP, SEL_TSS2, setup=tss2_not_present
    mov $SEL_TSS2, %eax
1:  ltr %ax
    done
    probe "ltr marks the TSS busy", RING0, verify=tss2_busy
    mov $SEL_TSS2, %eax
    ltr %ax
    done
    probe "LDT segment", RING3, setup=load_ldt
    mov $0xf, %eax
    mov %eax, %fs
    movb %fs:0xfff, %al
    done
    probe "beyond the LDT", RING3, GP, 0x24, setup=load_ldt
    mov $0x27, %eax
1:  mov %eax, %fs
    done
    probe "LDT segment is missing", RING3, NP, 0x14, setup=load_ldt
    mov $0x17, %eax
1:  mov %eax, %fs
    done

    group "far transfer"
    .macro far_jump title:req, sel:req, mode:req, vector=DONE, error=0, verify=0
    probe "jmp: \title", \mode, \vector, \error, verify=\verify
1:  ljmp $\sel, $2f
2:
    done
    probe "call: \title", \mode, \vector, \error, verify=\verify
1:  lcall $\sel, $2f
2:
    done
    .endm
    far_jump "same ring", SEL_UCODE, RING3
    far_jump "null", 0, RING3, GP, 0
    far_jump "beyond the GDT", SEL_BEYOND, RING3, GP, SEL_BEYOND
    far_jump "kernel code", SEL_CODE, RING3, GP, SEL_CODE
    far_jump "user code from ring 0", SEL_UCODE, RING0, GP, SEL_UCODE-3
    far_jump "data", SEL_UDATA, RING3, GP, SEL_UDATA-3
    far_jump "missing code", SEL_NP_CODE+3, RING3, NP, SEL_NP_CODE
    far_jump "conforming code keeps the ring", SEL_CONFORM, RING3, verify=cs_is_conforming_3
    far_jump "an LDT descriptor", SEL_LDT, RING0, GP, SEL_LDT
    far_jump "missing gate", SEL_GATE_NP, RING3, NP, SEL_GATE_NP
    far_jump "gate of DPL 0", SEL_GATE0, RING3, GP, SEL_GATE0
    far_jump "gate to data", SEL_GATE_DATA, RING3, GP, SEL_DATA
    far_jump "beyond the limit", SEL_WCODE+3, RING3, GP, 0
    probe "jmp through a gate cannot raise privilege", RING3, GP, SEL_CODE
    ljmp $SEL_GATE, $0
    done
    probe "jmp through a gate in ring 0", RING0, verify=cs_is_kernel
    ljmp $SEL_GATE, $0
    done
    probe "call through a gate: stack and parameters", RING3, verify=gate_stack
    pushl $0x1111
    pushl $0x2222
    lcall $SEL_GATE+3, $0
1:  done
    probe "call through a gate in ring 0 copies nothing", RING0, verify=gate_stack_same
    pushl $0x1111
    pushl $0x2222
    lcall $SEL_GATE, $0
1:  done
    probe "call through a gate with null SS0", RING3, TS, 0, setup=tss_null_ss0
    lcall $SEL_GATE+3, $0
    done
    probe "call through a 16-bit gate", RING3, verify=gate16_stack, setup=gate_16
    pushw $0x1111
    pushw $0x2222
    lcall $SEL_GATE+3, $0
1:  done
    probe "return to the outer ring releases parameters", RING3, setup=gate_returns, verify=esp_balanced
    pushl $0x1111
    pushl $0x2222
    lcall $SEL_GATE+3, $0
    done

    group "far return"
    /* Frames for iret or lret to ring 3: the stack holds ip, cs[, flags], sp, ss. */
    .macro outer title:req, cs:req, ss:req, vector=DONE, error=0, setup=0, verify=0, ip=2f
    probe "iret: \title", RING0, \vector, \error, setup=\setup, verify=\verify
    pushl $\ss
    pushl $window_area+0x800
    pushl $2
    pushl $\cs
    pushl $\ip
1:  iret
2:
    done
    probe "lret: \title", RING0, \vector, \error, setup=\setup, verify=\verify
    pushl $\ss
    pushl $window_area+0x800
    pushl $\cs
    pushl $\ip
1:  lret
2:
    done
    .endm
    outer "to ring 3", SEL_UCODE, SEL_UDATA, verify=cs_is_user
    outer "null cs", 0, SEL_UDATA, GP, 0
    outer "cs beyond the GDT", SEL_BEYOND+3, SEL_UDATA, GP, SEL_BEYOND
    outer "cs is data", SEL_UDATA, SEL_UDATA, GP, SEL_UDATA-3
    outer "cs has another DPL than RPL", SEL_CODE+3, SEL_UDATA, GP, SEL_CODE
    outer "cs is missing", SEL_NP_CODE+3, SEL_UDATA, NP, SEL_NP_CODE
    outer "ss null", SEL_UCODE, 0, GP, 0
    outer "ss null with RPL 3", SEL_UCODE, 3, GP, 0
    outer "ss of ring 0", SEL_UCODE, SEL_DATA, GP, SEL_DATA
    outer "ss of the wrong DPL", SEL_UCODE, SEL_DATA+3, GP, SEL_DATA
    outer "ss is read-only", SEL_UCODE, SEL_RO+3, GP, SEL_RO
    /* The manual names both #SS and #NP for iret. */
    probe "lret: ss is missing", RING0, SS, SEL_NP_DATA
    pushl $SEL_NP_DATA+3
    pushl $window_area+0x800
    pushl $SEL_UCODE
    pushl $2f
1:  lret
2:
    done
    outer "ss beyond the GDT", SEL_UCODE, SEL_BEYOND+3, GP, SEL_BEYOND
    outer "eip beyond the limit", SEL_WCODE+3, SEL_UDATA, GP, 0, ip=0x1800
    outer "kernel data segments become null", SEL_UCODE, SEL_UDATA, setup=fs_user, verify=ds_null
    probe "iret cannot raise privilege", RING3, GP, SEL_CODE
    pushl $2
    pushl $SEL_CODE
    pushl $2f
1:  iret
2:
    done
    probe "lret cannot raise privilege", RING3, GP, SEL_CODE
    pushl $SEL_CODE
    pushl $2f
1:  lret
2:
    done
    probe "iret of ring 3 keeps IF and IOPL", RING3, verify=if_clear_iopl0
    pushl $FL_IF|FL_IOPL3|2
    pushl $SEL_UCODE
    pushl $2f
    iret
2:
    done
    probe "iret of ring 3 cannot enter v86", RING3, verify=not_v86
    pushl $FL_VM|2
    pushl $SEL_UCODE
    pushl $2f
    iret
2:
    done
    probe "iret with NT and a null back link", RING0, TS, 0, flags=FL_NT
    iret
    done

    group "lar lsl verr verw arpl"
    .macro query title:req, text:req, sel:req, verify:req, mode=RING3
    probe "\title", \mode, verify=\verify
    mov $\sel, %ecx
    mov $0x77, %eax
    \text
    done
    .endm
    query "lar of user code", "lar %ecx, %eax", SEL_UCODE, lar_user_code
    query "lar of kernel data from ring 3", "lar %ecx, %eax", SEL_DATA, zf_clear_eax_77
    query "lar of a TSS in ring 0", "lar %ecx, %eax", SEL_TSS2, lar_tss, RING0
    query "lar of null", "lar %ecx, %eax", 0, zf_clear_eax_77
    query "lar beyond the GDT", "lar %ecx, %eax", SEL_BEYOND, zf_clear_eax_77
    query "lar of a gate", "lar %ecx, %eax", SEL_GATE+3, lar_gate
    query "lsl of pages", "lsl %ecx, %eax", SEL_UDATA, lsl_flat
    query "lsl of bytes", "lsl %ecx, %eax", SEL_UP+3, lsl_fff
    query "lsl of a gate", "lsl %ecx, %eax", SEL_GATE+3, zf_clear_eax_77
    query "verr of readable data", "verr %cx", SEL_UDATA, zf_set
    query "verr of execute-only code", "verr %cx", SEL_XO+3, zf_clear
    query "verr of kernel data", "verr %cx", SEL_DATA, zf_clear
    query "verr of conforming code", "verr %cx", SEL_CONFORM, zf_set
    query "verw of data", "verw %cx", SEL_UDATA, zf_set
    query "verw of read-only data", "verw %cx", SEL_RO+3, zf_clear
    query "verw of code", "verw %cx", SEL_UCODE, zf_clear
    query "arpl raises", "mov $8, %eax; mov $3, %ecx; arpl %cx, %ax", 0, arpl_raised
    query "arpl keeps", "mov $3, %eax; arpl %cx, %ax", 0x8, zf_clear

    group "sysenter"
    probe "without SYSENTER_CS", RING3+SEP, GP, setup=sysenter_off
    sysenter
    done
    probe "into ring 0", RING3+SEP, flags=FL_IF|FL_CF|2, setup=sysenter_on, verify=sysenter_state32
    sysenter
    done
    probe "sysexit in ring 3", RING3+SEP, GP, setup=sysenter_on
    sysexit
    done
    probe "sysexit without SYSENTER_CS", RING0+SEP, GP, setup=sysenter_off
    sysexit
    done
    probe "sysexit", RING0+SEP, setup=sysenter_on, verify=sysexit_state32
    mov $2f, %edx
    mov $window_area+0x800, %ecx
    sysexit
2:  done
