#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An ARM board under gdb-multiarch: registers, breakpoints and steps in both states, watchpoints."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from debugger import BUILD, Session, have_gdb
from tap import done, ok, skip_all


PREFIX = next((p for p in ("arm-linux-gnueabihf-", "arm-linux-gnueabi-", "arm-none-eabi-")
               if shutil.which(p + "as") and shutil.which(p + "ld")), None)
CODE = """
    .arch armv7-a
    .syntax unified
    .globl start, again, in_thumb, called
    .arm
start:
    ldr sp, =stack
    ldr r4, =counter
    mov r5, #0
again:
    add r5, r5, #1
    str r5, [r4]
    cmp r5, #0
    moveq r6, #1
    bl called
    blx in_thumb
    b again
called:
    mov r7, #0x55
    bx lr
    .thumb
    .thumb_func
in_thumb:
    movs r0, #3
    cmp r0, #3
    ite ne
    addne r0, #10
    addeq r0, #4
    push {r0, r1}
    pop {r0, r1}
    bx lr
    .ltorg
    .balign 8
    .globl counter
counter: .word 0, 0
    .space 256
stack:
"""


def build(folder):
    source, elf = os.path.join(folder, "a.s"), os.path.join(folder, "a.elf")
    with open(source, "w") as f:
        f.write(CODE)
    subprocess.run([PREFIX + "as", "-g", "-o", elf + ".o", source], check=True)
    subprocess.run([PREFIX + "ld", "-Ttext=0x10000", "-e", "start", "-o", elf, elf + ".o"], check=True)
    return elf


class Run(Session):
    def __init__(self, cpu, elf):
        self.cpu = cpu
        super().__init__(lambda path: [
            os.path.join(BUILD, "qemu-system-arm"), "-M", "versatilepb", "-cpu", cpu, "-display",
            "none", "-serial", "none", "-monitor", "none", "-net", "none", "-kernel", elf, "-S",
            "-gdb", f"unix:{path}"], elf, "gdb-multiarch")

    def check(self, command, pattern, name):
        got = self.do(command)
        return ok(re.search(pattern, got), f"{self.cpu}: {name}", self.all)

    def is_value(self, expression, want, name):
        got = self.value(expression, "/x")
        ok(got == want, f"{self.cpu}: {name}", f"got {got}\n{self.all}")


def board(cpu, elf):
    with Run(cpu, elf) as s:
        s.is_value("$pc", "0x10000", "waits at the first instruction")
        s.is_value("$cpsr & 0x1f", "0x13", "in supervisor mode")
        s.check("stepi 3", "again|add", "three steps")
        s.is_value("$sp", s.value("&stack", "/x"), "the stack pointer")
        s.check("break called", "Breakpoint 1", "break")
        s.check("continue", "Breakpoint 1, called", "reached")
        s.is_value("$r6", "0x0", "a conditional instruction was not done")
        s.check("x/2i $pc", r"mov\s+r7, #85.*\n.*bx\s+lr", "disassembly")
        s.do("stepi")
        s.is_value("$r7", "0x55", "a step")
        s.check("break in_thumb", "Breakpoint 2", "break in Thumb code")
        s.check("continue", "Breakpoint 2, in_thumb", "reached")
        s.is_value("($cpsr >> 5) & 1", "0x1", "in Thumb state")
        s.do("stepi 5")
        s.is_value("$r0", "0x7", "steps through an IT block")
        s.check("watch *(int *)&counter", "atchpoint 3", "watch")
        s.do("delete 1 2")
        s.check("continue", r"Old value = 1\s+New value = 2", "a store")
        s.check("set var $r5 = 0xffffffff", "", "sets a register")
        s.check("continue", r"Old value = 2\s+New value = 0", "which counts")
        s.do("delete")
        s.do("break called")
        s.do("continue")
        s.is_value("$r6", "0x1", "now it was done")
        s.check("set var $cpsr = ($cpsr & ~0x1f) | 0x10", "", "to user mode")
        s.is_value("$cpsr & 0x1f", "0x10", "the mode is another one")
        s.do("delete")
        got = s.interrupt("continue")
        ok("received signal SIGINT" in got, f"{cpu}: ^C", s.all)
        s.check("monitor info status", "paused", "the monitor's commands")
        s.do("kill")


if not have_gdb("gdb-multiarch"):
    skip_all("there is no gdb-multiarch")
if not PREFIX:
    skip_all("there is no assembler for ARM")
if not os.path.exists(os.path.join(BUILD, "qemu-system-arm")):
    skip_all("qemu-system-arm is not built")
with tempfile.TemporaryDirectory(prefix="qemu-test-") as out:
    program = build(out)
    for model in ("cortex-a8", "cortex-a15"):
        board(model, program)
done()
