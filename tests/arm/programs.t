#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small ARM programs in user mode, assembled here: states, kernel helpers, signals, big endian."""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
PREFIX = next((p for p in ("arm-linux-gnueabihf-", "arm-linux-gnueabi-", "arm-none-eabi-")
               if shutil.which(p + "as") and shutil.which(p + "ld")), None)
EXIT = "    mov r7, #1\n    svc #0\n"
HEAD = "    .arch armv7ve\n    .fpu neon-vfpv4\n    .syntax unified\n    .text\n    .globl _start\n_start:\n"

# name, CPU, source; each leaves its result in r0 and must end with the number given
PROGRAMS = [
    ("interworking both ways", "max", 42, """
    mov r0, #2
    blx f
    b out
    .thumb
f:  adds r0, r0, #30
    ite eq
    addeq r0, #1
    addne r0, #10
    bx lr
    .arm
out:
"""),
    ("kernel helpers: TLS, compare and exchange", "max", 7, """
    mov r0, #7
    movw r7, #5
    movt r7, #15
    svc #0
    mov r0, #0
    mov r1, #5
    sub sp, sp, #8
    str r0, [sp]
    mov r2, sp
    ldr r3, =0xffff0fc0
    blx r3
    cmp r0, #0
    movne r0, #99
    bne out
    ldr r3, =0xffff0fe0
    blx r3
out:
"""),
    ("the same on a core without LDREX", "arm926", 7, """
    mov r0, #7
    ldr r7, =0xf0005
    svc #0
    mov r0, #0
    mov r1, #5
    sub sp, sp, #8
    str r0, [sp]
    mov r2, sp
    ldr r3, =0xffff0fc0
    mov lr, pc
    bx r3
    movcc r0, #99
    bcc out
    ldr r3, =0xffff0fe0
    mov lr, pc
    bx r3
out:
"""),
    ("a signal handler changes the pc", "max", 5, """
    mov r7, #174
    mov r0, #4
    ldr r1, =action
    mov r2, #0
    mov r3, #8
    svc #0
    mov r0, #1
    .inst 0xe7f000f0
    add r0, r0, #4
    b out
handler:
    ldr r3, [r2, #92]
    add r3, r3, #4
    str r3, [r2, #92]
    bx lr
    .data
action: .word handler, 4, 0, 0, 0
    .text
out:
"""),
    ("VFP and SIMD registers overlap", "max", 12, """
    vmov.f32 s0, #3.0
    vmov.f32 s1, #4.0
    vmul.f32 s2, s0, s1
    vdup.32 q2, d1[0]
    vcvt.s32.f32 q2, q2
    vmov r0, s10
"""),
    ("code that changes itself", "max", 3, """
    mov r7, #192
    mov r0, #0
    mov r1, #4096
    mov r2, #7
    mov r3, #0x22
    mvn r4, #0
    mov r5, #0
    svc #0
    mov r6, r0
    ldr r1, =0xe3a00001
    ldr r2, =0xe12fff1e
    mov r5, #0
    mov r4, #2
1:  str r1, [r6]
    str r2, [r6, #4]
    blx r6
    add r5, r5, r0
    add r1, r1, #1
    subs r4, r4, #1
    bne 1b
    mov r0, r5
"""),
]
count = failed = 0


def ok(good, name, note=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {count} - {name}")
    if not good:
        print("#", note)


def run(folder, name, emulator, cpu, want, source, flags=(), link=()):
    open(f"{folder}/a.s", "w").write(HEAD + source + EXIT + "    .ltorg\n")
    subprocess.run([PREFIX + "as", *flags, "-o", f"{folder}/a.o", f"{folder}/a.s"], check=True)
    subprocess.run([PREFIX + "ld", *flags, *link, "-o", f"{folder}/a", f"{folder}/a.o"],
                   check=True)
    p = subprocess.run([f"{BUILD}/{emulator}", "-cpu", cpu, f"{folder}/a"], capture_output=True,
                       text=True, timeout=30)
    ok(p.returncode == want, name, f"{p.returncode} {p.stderr}")


if not PREFIX or not os.path.exists(f"{BUILD}/qemu-arm"):
    print("1..0 # SKIP there is no assembler for ARM, or qemu-arm is not built")
    sys.exit(0)
with tempfile.TemporaryDirectory() as folder:
    for name, cpu, want, source in PROGRAMS:
        run(folder, name, "qemu-arm", cpu, want, source)
    if os.path.exists(f"{BUILD}/qemu-armeb"):
        for name, link in (("BE32", ()), ("BE8", ("--be8",))):
            for title, cpu, want, source in PROGRAMS[:1] + PROGRAMS[3:5]:
                run(folder, f"{name}: {title}", "qemu-armeb", cpu, want, source, ("-EB",), link)
print(f"1..{count}")
sys.exit(failed != 0)
