/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's side: reads blocks of code and states from standard input (struct batch_header and
 * what follows it, lockstep.h), runs each state's block, and writes all results and the memory.
 *
 * A signal is noted in the result, and the instruction stepped over; control that left the blocks
 * ends the run. Code and variables are on neighbouring pages, so that a block can be entered and
 * left without a register.
 */
    .arch armv7ve
    .fpu neon-vfpv4
    .syntax unified
    .arm
    .set CODE_AT, 0x20000000
    .set RUNS_AT, 0x28000000
    .set RESULTS_AT, 0x30000000
    .set MEMORY_AT, 0x38000000
    .set MEMORY_SIZE, 0x4000
    .set HAS_VFP, 1
    .set HAS_D32, 2
    .set HAS_V6, 4

    /* struct run: words */
    .set RUN_D, 0
    .set RUN_FPSCR, 256
    .set RUN_CPSR, 260
    .set RUN_SP, 264
    .set RUN_REGS, 272                  /* r0-r12, lr, pc */
    .set RUN_SIZE, 336
    /* struct result */
    .set RES_SP, 52
    .set RES_LR, 56
    .set RES_CPSR, 60
    .set RES_FPSCR, 64
    .set RES_FAULTS, 68
    .set RES_D, 72
    .set RES_LOG, 328
    .set RES_SIZE, 424
    .set LOG_ENTRIES, 8
    .set MAX_FAULTS, 64

    .text
    .globl _start
/* r1: where, r2: how much */
write_all:
    mov r7, #4
    mov r0, #1
    svc #0
    cmp r0, #0
    ble give_up
    add r1, r1, r0
    subs r2, r2, r0
    bne write_all
    bx lr
read_all:
    mov r7, #3
    mov r0, #0
    svc #0
    cmp r0, #0
    ble give_up
    add r1, r1, r0
    subs r2, r2, r0
    bne read_all
    bx lr
give_up:
    mov r7, #1
    mov r0, #3
    svc #0

/* r0: where, r1: how much */
map:
    mov r7, #192
    mov r2, #3
    mov r3, #0x32
    mvn r4, #0
    mov r5, #0
    svc #0
    bx lr

leave:
    str lr, saved_lr
    ldr lr, result
    stmia lr, {r0-r12}
    str sp, [lr, #RES_SP]
    ldr r0, saved_lr
    str r0, [lr, #RES_LR]
    ldr r0, saved_cpsr
    str r0, [lr, #RES_CPSR]
    ldr r4, features
    tst r4, #HAS_VFP
    beq 1f
    vmrs r0, fpscr
    str r0, [lr, #RES_FPSCR]
    add r2, lr, #RES_D
    vstmia r2!, {d0-d15}
    tst r4, #HAS_D32
    beq 1f
    vstmia r2!, {d16-d31}
1:  add lr, lr, #RES_SIZE
    str lr, result
    ldr r0, runs_left
    subs r0, r0, #1
    str r0, runs_left
    beq finish
    ldr r0, run
    add r0, r0, #RUN_SIZE
    str r0, run

start_run:
    ldr r0, run
    ldr r4, features
    tst r4, #HAS_VFP
    beq 1f
    mov r2, r0
    vldmia r2!, {d0-d15}
    tst r4, #HAS_D32
    beq 2f
    vldmia r2!, {d16-d31}
2:  ldr r1, [r0, #RUN_FPSCR]
    vmsr fpscr, r1
1:
    ldr r2, [r0, #RUN_CPSR]
    ldr sp, [r0, #RUN_SP]
    add lr, r0, #RUN_REGS
    msr cpsr_fs, r2
    ldmia lr, {r0-r12, lr, pc}

/* The end of a block comes here; the flags are saved before anything changes them. */
    .globl block_end
block_end:
    .inst 0xf1010000                    /* setend le: never reached where it is undefined */
block_end_old:
    str r0, saved_r0
    mrs r0, cpsr
    str r0, saved_cpsr
    ldr r0, saved_r0
    b leave

finish:
    ldr r1, =RESULTS_AT
    ldr r2, result
    sub r2, r2, r1
    bl write_all
    ldr r1, =MEMORY_AT
    ldr r2, =MEMORY_SIZE
    bl write_all
    mov r7, #1
    mov r0, #0
    svc #0

_start:
    mov r7, #125                        /* the variables are for writing */
    ldr r0, =variables
    ldr r1, =variables_end
    sub r1, r1, r0
    mov r2, #3
    svc #0
    ldr sp, =own_stack_end
    /* What the system put where it liked: the stack, for one */
    mov r7, #91
    ldr r0, =0x3f000000
    ldr r1, =0x04000000
    svc #0
    mov r7, #91
    ldr r0, =0xfe000000
    ldr r1, =0x01ff0000
    svc #0
    ldr r0, =CODE_AT
    ldr r1, =0x200000
    bl map
    ldr r0, =RUNS_AT
    ldr r1, =0x1000000
    bl map
    ldr r0, =RESULTS_AT
    ldr r1, =0x1000000
    bl map
    ldr r0, =MEMORY_AT
    ldr r1, =MEMORY_SIZE
    bl map
    ldr r1, =header
    mov r2, #16
    bl read_all
    ldr r1, =CODE_AT
    ldr r2, code_size
    bl read_all
    ldr r1, =MEMORY_AT
    ldr r2, =MEMORY_SIZE
    bl read_all
    ldr r1, =RUNS_AT
    ldr r2, runs_left
    mov r3, #RUN_SIZE
    mul r2, r3, r2
    bl read_all
    mov r7, #125                        /* code is for reading */
    ldr r0, =CODE_AT
    ldr r1, =0x200000
    mov r2, #5
    svc #0
    mov r7, #186
    ldr r0, =signal_stack
    mov r1, #0
    svc #0
    mov r0, #4
    bl catch
    mov r0, #5
    bl catch
    mov r0, #7
    bl catch
    mov r0, #8
    bl catch
    mov r0, #11
    bl catch
    b start_run
catch:
    mov r7, #174
    ldr r1, =action
    mov r2, #0
    mov r3, #8
    svc #0
    bx lr

/* r0: signal, r1: siginfo, r2: ucontext with pc at 92 and cpsr at 96 */
handler:
    push {r4-r8}
    ldr r4, [r2, #92]
    ldr r5, [r2, #96]
    ldr r6, result
    ldr r7, [r6, #RES_FAULTS]
    cmp r7, #LOG_ENTRIES
    bge 1f
    add r3, r6, #RES_LOG
    add r3, r3, r7, lsl #3
    add r3, r3, r7, lsl #2
    ldr r8, [r1, #8]
    orr r8, r0, r8, lsl #8
    str r8, [r3]
    ldr r8, [r1, #12]
    str r8, [r3, #4]
    str r4, [r3, #8]
1:  add r7, r7, #1
    str r7, [r6, #RES_FAULTS]
    cmp r7, #MAX_FAULTS
    bge outside
    ldr r3, =CODE_AT
    sub r3, r4, r3
    ldr r8, code_size
    cmp r3, r8
    bhs outside
    tst r5, #0x20
    addeq r4, r4, #4
    beq 2f
    ldrh r3, [r4]
    lsr r3, r3, #11
    cmp r3, #29
    addge r4, r4, #4
    addlt r4, r4, #2
    /* The IT state behind the instruction */
    lsr r3, r5, #8
    and r3, r3, #0xfc
    lsr r8, r5, #25
    and r8, r8, #3
    orr r3, r3, r8
    tst r3, #7
    moveq r3, #0
    andne r8, r3, #0xe0
    lslne r3, r3, #1
    andne r3, r3, #0x1f
    orrne r3, r3, r8
    bic r5, r5, #0x06000000
    bic r5, r5, #0x0000fc00
    and r8, r3, #3
    orr r5, r5, r8, lsl #25
    and r8, r3, #0xfc
    orr r5, r5, r8, lsl #8
    b 2f
outside:
    ldr r4, =block_end_old
    bic r5, r5, #0x06000000
    bic r5, r5, #0x0000fc00
    bic r5, r5, #0x220
2:  str r4, [r2, #92]
    str r5, [r2, #96]
    pop {r4-r8}
    bx lr
restorer:
    mov r7, #173
    svc #0
    .ltorg

    .balign 4096
variables:
saved_lr: .word 0
saved_r0: .word 0
saved_cpsr: .word 0
result: .word RESULTS_AT
run: .word RUNS_AT
header:
features: .word 0
code_size: .word 0
runs_left: .word 0
    .word 0
action: .word handler, 0x4c000004, restorer, 0, 0     /* SIGINFO, RESTORER, ONSTACK, NODEFER */
signal_stack: .word signal_stack_area, 0, 8192
    .balign 8
signal_stack_area: .space 8192
own_stack: .space 4096
own_stack_end:
    .balign 4096
variables_end:
