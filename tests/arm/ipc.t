#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A C program for ARM prints what it prints on the host: structures of System V IPC, with both
sizes of time_t. Needs a compiler for ARM."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BUILD", os.path.join(HERE, "../../build"))
CC = next((c for c in ("arm-linux-gnueabihf-gcc", "arm-linux-gnueabi-gcc") if shutil.which(c)), None)
WIDE = ["-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64"]

if not CC:
    print("1..0 # SKIP there is no compiler for ARM")
    sys.exit(0)
failed = 0
with tempfile.TemporaryDirectory(prefix="qemu-test-") as folder:
    def output(compiler, emulator, *flags):
        subprocess.run([compiler, "-static", "-w", *flags, "-o", f"{folder}/a", f"{HERE}/ipc.c"],
                       check=True)
        return subprocess.run([*emulator, f"{folder}/a"], capture_output=True, text=True,
                              timeout=60).stdout

    want = output("cc", [])
    for n, flags in enumerate(([], WIDE), 1):
        got = output(CC, [os.path.join(BUILD, "qemu-arm")], *flags)
        good = got == want and want
        failed += not good
        print(f"{'ok' if good else 'not ok'} {n} - System V IPC{', 64-bit time_t' if flags else ''}")
        if not good:
            print("".join(f"# {x}\n" for x in got.splitlines()), end="")
print("1..2")
sys.exit(failed != 0)
