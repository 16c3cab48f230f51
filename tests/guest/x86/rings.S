/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inner rings 1 and 2, expand-down and 16-bit stacks, 16-bit code. */
#include "suite.inc"

    .text
    group "ring 1"
    probe "runs", RING1, verify=cs_is_ring1
    done
    probe "cli with IOPL 0", RING1, GP
    cli
    done
    probe "cli with IOPL 1", RING1, flags=0x1000|FL_IF|2, verify=if_clear
    cli
    done
    probe "hlt", RING1, GP
    hlt
    done
    probe "mov to cr3", RING1, GP
    mov %eax, %cr3
    done
    probe "in with IOPL 0", RING1, GP
    in $0x80, %al
    done
    probe "popf keeps IOPL", RING1, flags=0x1002, verify=iopl_1
    pushl $FL_IOPL3|2
    popf
    done
    probe "kernel data", RING1, GP, SEL_DATA
    mov $SEL_DATA, %eax
1:  mov %eax, %ds
    done
    probe "user data", RING1
    mov $SEL_UDATA, %eax
    mov %eax, %ds
    done
    probe "user stack", RING1, GP, SEL_UDATA-3
    mov $SEL_UDATA, %eax
1:  mov %eax, %ss
    done
    probe "call gate from ring 3 uses its stack", RING3, verify=ring1_stack_used
    pushl $0x1234
    lcall $SEL_GATE1+3, $0
1:  done
    probe "call gate from ring 1 to 0", RING1, verify=cs_is_kernel
    pushl $0x1111
    pushl $0x2222
    lcall $SEL_GATE, $0
    done
    probe "call gate from ring 0 to 1 is refused", RING0, GP, SEL_CODE1-1
    lcall $SEL_GATE1, $0
    done
    probe "far return to ring 3", RING1, verify=cs_is_user
    pushl $SEL_UDATA
    pushl $window_area+0x800
    pushl $SEL_UCODE
    pushl $2f
    lret
2:  done
    probe "iret to ring 3 keeps IOPL", RING1, verify=cs_is_user_iopl0
    pushl $SEL_UDATA
    pushl $window_area+0x800
    pushl $FL_IOPL3|2
    pushl $SEL_UCODE
    pushl $2f
    iret
2:  done
    probe "far return to ring 0 is refused", RING1, GP, SEL_CODE
    pushl $SEL_CODE
    pushl $2f
1:  lret
2:  done
    probe "null SS1 in the TSS", RING3, TS, 0, setup=tss_null_ss1
    lcall $SEL_GATE1+3, $0
    done
    probe "supervisor page", RING1, setup=supervisor_pages
    movb 0xc00000, %al
    done
    probe "read-only page with WP", RING1, PF, 3, setup=supervisor_read_only
    movb %al, 0xc00000
    done

    group "stacks"
    .macro down title:req, sp:req, vector:req, text:req
    probe "expand-down: \title", RING3, \vector
    mov $SEL_WDOWN+3, %eax
    mov %eax, %ss
    mov $\sp, %esp
1:  \text
    done
    .endm
    down "push above the limit", 0x804, DONE, "push %eax"
    down "push below it", 0x803, SS, "push %eax"
    down "pop at the top", 0xfffc, DONE, "pop %eax"
    down "pop over the top", 0xfffe, SS, "pop %eax"
    down "access below", 0x900, SS, "mov $0x7ff, %ebp; 1: movb (%ebp), %al"
    down "access above 64K", 0x900, SS, "mov $0x10000, %ebp; 1: movb (%ebp), %al"
    probe "16-bit pop wraps", RING3, setup=stack_16, verify=esp_is_12340000
    mov $SEL_WSTACK+3, %eax
    mov %eax, %ss
    mov $0x1234fffe, %esp
    popw %ax
    done
    probe "16-bit pop across the end", RING3, SS, setup=stack_16
    mov $SEL_WSTACK+3, %eax
    mov %eax, %ss
    mov $0xfffe, %esp
1:  popl %eax
    done
    probe "16-bit call uses sp alone", RING3, setup=stack_16, verify=esp_is_56780ffc
    mov $SEL_WSTACK+3, %eax
    mov %eax, %ss
    mov $0x56781000, %esp
    call 2f
2:  done

    group "16-bit code"
    /* Copied to the window, whose 16-bit code segment it runs in. */
    .macro narrow title:req, offset:req, vector:req, at:req, text:req
    probe "\title", RING3, \vector
    mov $2f, %esi
    mov $window_area+0x1000+\offset, %edi
    mov $3f-2f, %ecx
    rep movsb
    ljmp $SEL_UCODE16, $\offset
    .code16
2:  \text
    int $DONE
3:
    .code32
    done \at
    .endm
    narrow "32-bit registers by prefix", 0, DONE, 0, "mov $0x12345678, %eax"
    narrow "jump beyond 64K", 0, GP, 0, ".byte 0x66, 0xe9, 0, 0, 1, 0"
    narrow "call pushes 16 bits", 0x10, DONE, 0, "call 4f; 4: pop %ax"
    narrow "ret takes 16 bits", 0x10, DONE, 0, "push $0x16; ret; nop; nop; nop"
    narrow "near return of 32 bits beyond", 0x10, GP, 0x16, "pushl $0x12345; retl"
