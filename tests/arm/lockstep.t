#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random ARM and Thumb instructions: registers, flags and memory as another emulator has them.

PEER names that emulator (qemu-arm); without it, or without an assembler for ARM, all is skipped.
Arguments: seconds for each kind of code, and a seed. A difference is narrowed to one block, whose
instructions are shown. Undefined instructions are stepped over by a signal handler on both sides."""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
OURS = os.path.join(BUILD, "qemu-arm")
PEER = os.environ.get("PEER", shutil.which("qemu-arm") or "")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
KINDS = sys.argv[3:]
PREFIX = next((p for p in ("arm-linux-gnueabihf-", "arm-linux-gnueabi-", "arm-none-eabi-")
               if shutil.which(p + "as") and shutil.which(p + "ld")), None)
BLOCKS, PER_BLOCK = 300, 6

# What moves control, needs privilege, or reads what differs between processes
LEFT_OUT = {
    "MSR_r", "MSR_i", "MRS", "BX", "BXJ", "BLX_r", "BKPT", "SMC", "WFI", "WFE", "YIELD", "SVC", "B",
    "BL", "BLX_i", "UDF", "MRC", "MCR", "MRRC", "MCRR", "LDC", "SETEND", "CPS", "RFE", "SRS",
    "ERET_sub", "B_cond", "CBZ", "TBB", "TBH", "IT", "VMSR", "VMRS", "ADR", "ADR_sub",
    "STM", "LDM", "LDM_t16", "SWP", "SWPB", "VLDM", "PLD", "PLDW", "PLI", "CLREX", "DSB",
    "DMB", "ISB", "NOP", "SEV",
}
MEMORY = re.compile(r"^(LDR|STR|VLDR|VLDST|VLD_all|LDREX|STREX)")

SOURCE = """
    .arch armv7ve
    .fpu neon-vfpv4
    .syntax unified
    .text
    .globl _start
    .arm
_start:
    mov r7, #174
    mov r0, #4
    ldr r1, =action
    mov r2, #0
    mov r3, #8
    svc #0
    b blocks
    .ltorg
handler:
    ldr r3, [r2, #96]
    ldr r1, [r2, #92]
    tst r3, #32
    addeq r1, r1, #4
    beq 1f
    ldrh r0, [r1]
    lsr r0, r0, #11
    cmp r0, #29
    addge r1, r1, #4
    addlt r1, r1, #2
    bic r3, r3, #0x06000000
    bic r3, r3, #0x0000fc00
    str r3, [r2, #96]
1:  str r1, [r2, #92]
    bx lr
    .macro begin data
    ldr r0, =\\data
    vldmia r0!, {d0-d15}
    vldmia r0!, {d16-d31}
    ldmia r0!, {r1, r2}
    vmsr fpscr, r1
    msr cpsr_fs, r2
    ldr sp, =result
    mov lr, r0
    ldmia lr, {r0-r12, lr}
    .endm
    .macro end
    str lr, [sp, #52]
    stmia sp, {r0-r12}
    mrs r0, cpsr
    vmrs r1, fpscr
    strd r0, r1, [sp, #56]
    add r2, sp, #64
    vstmia r2!, {d0-d15}
    vstmia r2!, {d16-d31}
    mov r7, #4
    mov r0, #1
    mov r1, sp
    mov r2, #320
    svc #0
    .endm
    .macro finish
    mov r7, #4
    mov r0, #1
    ldr r1, =memory
    ldr r2, =1024
    svc #0
    mov r7, #1
    mov r0, #0
    svc #0
    .ltorg
    .endm
blocks:
"""


def rows():
    text = open(os.path.join(BUILD, "gen", "arm-decode.c")).read()
    decoders = {}
    table = [(m[1], int(m[3], 16), int(m[4], 16), int(m[6])) for m in re.finditer(
        r'\{ "(\w+)", "([^"]*)", (0x\w+), (0x\w+), ([^,]*), \w+, (\d+), \d+ \}', text)]
    for name in ("a32", "a32_uncond", "thumb", "vfp", "neon", "neon_ls"):
        start = text.index(f"int arm_decode_{name}(")
        end = text.find("\nint arm_decode_", start)
        numbers = {int(n) for n in re.findall(r"return (\d+);", text[start:end])}
        decoders[name] = [table[n] for n in sorted(numbers)]
    return decoders


def fill(rng, row):
    name, mask, bits, width = row
    word = bits | (rng.getrandbits(32) & ~mask & 0xffffffff)
    return word & 0xffff0000 if width == 16 else word


def registers_fine(word, mask, thumb, width):
    """No field that may be a register is sp or pc, unless the pattern says so."""
    if width == 16:
        return True
    for at in (16, 12, 8, 0):
        nibble = 15 << at
        if mask & nibble != nibble and word >> at & 15 in (13, 15):
            return False
    return True


def choose(rng, table, kind):
    while True:
        row = rng.choice(table)
        name, mask, bits, width = row
        if name in LEFT_OUT or MEMORY.match(name):
            continue
        word = fill(rng, row)
        if not predictable(name, word):
            continue
        if kind in ("a32", "vfp"):
            word = word & 0x0fffffff | (0xe0000000 if rng.random() < .7 else
                                        rng.randrange(15) << 28)
        if kind == "neon":
            return word
        if registers_fine(word, mask, kind == "thumb", width):
            if kind != "thumb" or thumb_fine(word, width):
                return word


def predictable(name, word):
    if name in ("VTRN", "VUZP", "VZIP"):
        return (word >> 12 & 15, word >> 22 & 1) != (word & 15, word >> 5 & 1)
    if name == "VCVT_fix":
        return word & 128 or (word << 1 & 30 | word >> 5 & 1) <= 16
    return word & 0xff70f0c0 != 0xf3200000 or not word & 0x30       # T32: SSAT16, USAT16


def thumb_fine(word, width):
    if width == 16:
        high = word >> 16
        # hi-register forms: no sp, no pc
        if high >> 10 == 0b010001:
            return (high >> 3 & 15) not in (13, 15) and \
                (high & 7 | high >> 4 & 8) not in (13, 15) and high >> 8 & 3 != 3
        return high >> 8 not in (0xb0,) and high >> 12 != 0xa
    return True


INTERESTING = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x3f800000, 0xbf800000, 0x7f800000,
               0xff800000, 0x7fc00000, 0x7f800001, 0x00800000, 0x007fffff, 0x00000001, 0x7f7fffff,
               0x40490fdb, 0x3ff00000, 0x7ff00000, 0x7ff80000, 0x00100000, 0x000fffff]


def value(rng):
    r = rng.random()
    if r < .3:
        return rng.choice(INTERESTING)
    if r < .5:
        return rng.getrandbits(8)
    if r < .8:
        return rng.getrandbits(23) | rng.randrange(100, 155) << 23 | rng.getrandbits(1) << 31
    return rng.getrandbits(32)


class Code:
    def __init__(self, rng, kind, table):
        self.kind = kind
        self.blocks = [[choose(rng, table, kind) for _ in range(PER_BLOCK)]
                       for _ in range(BLOCKS)]
        fpscr = 0
        self.data = []
        for _ in range(BLOCKS):
            if kind in ("vfp", "neon"):
                fpscr = rng.choice([0, 0, 1 << 22, 2 << 22, 3 << 22, 1 << 24, 1 << 25,
                                    3 << 24 | 2 << 22])
            self.data.append([value(rng) for _ in range(64)] +
                             [fpscr, rng.getrandbits(4) << 28 | rng.getrandbits(4) << 16 | 0x10] +
                             [value(rng) for _ in range(14)])

    def source(self, only=None):
        out = [SOURCE]
        for i, block in enumerate(self.blocks):
            if only is not None and i != only:
                continue
            out.append(f"    begin data{i}")
            if self.kind == "thumb":
                out.append("    .thumb\n    bx_to_thumb" if False else
                           f"    str r0, [sp, #-8]\n    ldr r0, =t{i}+1\n    str r0, [sp, #-4]\n"
                           f"    ldr r0, [sp, #-8]\n    ldr pc, [sp, #-4]\n    .ltorg\n"
                           f"    .thumb\n    .balign 4\nt{i}:")
                for word in block:
                    out.append(f"    .short 0x{word >> 16:04x}")
                    if word >> 27 >= 29:
                        out.append(f"    .short 0x{word & 0xffff:04x}")
                out.append("    nop\n    bx pc\n    nop\n    .arm" if False else
                           "    .balign 4\n    bx pc\n    nop\n    .arm")
            else:
                out += [f"    .word 0x{word:08x}" for word in block]
            out.append(f"    end\n    b e{i}\n    .ltorg\ne{i}:")
        out.append("    finish\n    .data\n    .balign 8\naction: .word handler, 0x44000004, restorer,"
                   " 0, 0\n")
        for i, d in enumerate(self.data):
            if only is None or i == only:
                out.append(f"    .balign 8\ndata{i}: .word " + ",".join(f"0x{v:x}" for v in d))
        out.append("    .balign 16\n    .space 8192\nresult: .space 320\nmemory: .space 1024\n"
                   "    .text\nrestorer: mov r7, #173\n    svc #0\n")
        return "\n".join(out)

    def run(self, folder, only=None):
        open(f"{folder}/a.s", "w").write(self.source(only))
        subprocess.run([PREFIX + "as", "-o", f"{folder}/a.o", f"{folder}/a.s"], check=True,
                       stderr=subprocess.DEVNULL)
        subprocess.run([PREFIX + "ld", "-o", f"{folder}/a", f"{folder}/a.o"], check=True,
                       stderr=subprocess.DEVNULL)
        return [subprocess.run([e, "-cpu", "max" if e == OURS else "cortex-a15", f"{folder}/a"],
                               capture_output=True, timeout=10) for e in (OURS, PEER)]


def words(result):
    return [int.from_bytes(result[i:i + 4], "little") for i in range(0, len(result), 4)]


def describe(a, b, start):
    """start: the registers before, in the order of the results; names of what differs."""
    names = [f"r{i}" for i in range(13)] + ["lr", "cpsr", "fpscr"] + \
        [f"s{i}" for i in range(64)]
    out = []
    for i, (x, y) in enumerate(zip(words(a), words(b))):
        if x != y and i < len(names):
            out.append(f"{names[i]}: ours {x:08x}, peer {y:08x}")
    return out


def check(rng, kind, table, folder):
    """None, or the description of a difference."""
    code = Code(rng, kind, table)
    ours, peer = code.run(folder)
    if ours.stdout == peer.stdout:
        return None
    for i in range(BLOCKS):
        if ours.stdout[320 * i:320 * i + 320] != peer.stdout[320 * i:320 * i + 320]:
            break
    # Shorten the block from its end.
    block = code.blocks[i]
    for n in range(1, PER_BLOCK + 1):
        code.blocks[i] = block[:n]
        ours, peer = code.run(folder, i)
        if ours.stdout != peer.stdout:
            break
    text = [f"block {i}: " + " ".join(f"{w:08x}" for w in code.blocks[i]),
            f"exit {ours.returncode} {peer.returncode} {ours.stderr[-80:]!r}"]
    text += describe(ours.stdout[:320], peer.stdout[:320], None)
    text += ["before: fpscr %08x cpsr %08x" % (code.data[i][64], code.data[i][65]),
             "r: " + " ".join(f"{v:x}" for v in code.data[i][66:]),
             "s: " + " ".join(f"{v:08x}" for v in code.data[i][:64])]
    return text


def main():
    if not PEER or not PREFIX:
        print("1..0 # SKIP there is no qemu-arm of another make, or no assembler for ARM")
        return 0
    decoders = rows()
    tables = {k: decoders[k] for k in ("a32", "vfp", "neon", "thumb")}
    failed = count = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, table in tables.items():
            if KINDS and kind not in KINDS:
                continue
            rng = random.Random(SEED)
            end, runs, text = time.time() + SECONDS, 0, None
            while time.time() < end and text is None:
                text = check(rng, kind, table, folder)
                runs += 1
            count += 1
            failed += text is not None
            print(f"{'' if text is None else 'not '}ok {count} - {kind}: "
                  f"{runs * BLOCKS * PER_BLOCK} instructions")
            for line in text or []:
                print("#", line)
    print(f"1..{count}")
    return failed != 0


sys.exit(main())
