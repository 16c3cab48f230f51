#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The CPU's exceptions by the manual: builds the kernel of tests/guest/x86 and boots it on several
CPU models. Its results are passed on, each with the model in front of its name."""
import glob
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from emulator import BUILD, TOP, Emulator, binary, is_ours
from tap import done, line, note, ok, skip, skip_all

SOURCE = os.path.join(TOP, "tests/guest/x86")
OUT = os.path.join(BUILD, "tests/guest/x86")
KERNEL = os.path.join(OUT, "faults.elf")
CFLAGS = ("-m32 -march=i486 -mno-sse -mno-mmx -std=gnu11 -O1 -Wall -Wextra -Wmissing-prototypes "
          "-Wno-unused-parameter -Wno-main -ffreestanding -fno-builtin -nostdlib -fno-pic -fno-pie "
          "-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables "
          "-fomit-frame-pointer").split()
LDFLAGS = "-m elf_i386 --no-warn-rwx-segments -z noexecstack --build-id=none".split()
# The makers differ in a few places, hence two 64-bit models; the small ones lack features.
MODELS = [("x86_64", "max"), ("x86_64", "Nehalem"), ("x86_64", "qemu64"),
          ("i386", "qemu32"), ("i386", "pentium"), ("i386", "486")]
# Other ways to translate must not show.
VARIANTS = [("x86_64", "max", "strict_flags"), ("x86_64", "max", "one_insn"),
            ("i386", "pentium", "one_insn")]


def build():
    os.makedirs(OUT, exist_ok=True)
    objects = []
    newest = max(os.path.getmtime(path) for path in glob.glob(SOURCE + "/*") + [__file__])
    if os.path.exists(KERNEL) and os.path.getmtime(KERNEL) > newest:
        return
    for path in sorted(glob.glob(SOURCE + "/*.[cS]")):
        objects.append(os.path.join(OUT, os.path.basename(path) + ".o"))
        subprocess.run(["cc", *CFLAGS, "-c", "-o", objects[-1], path], check=True)
    subprocess.run(["ld", *LDFLAGS, "-T", SOURCE + "/kernel.ld", "-o", KERNEL, *objects], check=True)


def arguments(model, append):
    # The original hangs or dies on a few of the tests: `peer' leaves those out.
    return ["-M", "pc", "-cpu", model, "-m", "32", "-display", "none", "-serial", "stdio",
            "-monitor", "none", "-no-reboot", "-kernel", KERNEL,
            "-append", append if is_ours() else append + " peer",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]


def run(arch, model, variant=""):
    name = f"{arch} {model} {variant}".strip()
    if not os.path.exists(binary(arch)):
        skip(name, f"{binary(arch)} is not built")
        return
    more = ["-d", variant, "-D", "/dev/null"] if variant else []
    with Emulator(*arguments(model, "brief" if variant else "all"), *more, arch=arch) as guest:
        status = guest.finish(60)
    text = guest.out.decode(errors="replace").replace("\r", "")
    for row in text.split("\n"):
        result = re.match(r"(ok|not ok) \d+ - (.*)", row)
        if result:
            line(result[1] == "ok", f"{name}: {result[2]}")
        elif row.startswith("#"):
            print(row)
        elif row and not row.startswith("1.."):
            note(row)
    ok(re.search(r"^1\.\.\d+$", text, re.M) and status in (1, 3), f"{name}: the suite ends",
       f"exit status {status}")


def run_triple():
    """A fault that cannot be delivered resets, and -no-reboot makes that the end."""
    with Emulator(*arguments("max", "triple")) as guest:
        status = guest.finish(20)
    ok(status == 0 and b"survived" not in guest.out, "triple fault resets the machine", guest.tail())


if not os.path.exists(binary()):
    skip_all(f"{binary()} is not built")
build()
for model in MODELS:
    run(*model)
for variant in VARIANTS if is_ours() else []:
    run(*variant)
run_triple()
done()
