#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may include whom, sizes of files and functions, licence lines, headers that stand alone.

`make check-style' runs this alone. The exceptions below may only become fewer."""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(TOP)

# module: what its files may include besides their own folder
PUBLIC = {"audio.h", "block.h", "char.h", "console.h", "net.h"}
LAYERS = {
    "base": {"base"},
    "fpu": {"base", "fpu"},
    "tcg": {"base", "tcg", "cpu-exec.h", "hw/core/memory.h"},
    "accel": {"base", "tcg", "cpu-exec.h", "cpu-control.h", "cpu-debug.h", "hw/core/memory.h",
              "hw/core/machine.h"},
    "cpu": {"accel/accel.h", "base", "tcg", "cpu-exec.h", "cpu-control.h", "hw/core/memory.h"},
    "target-": {"base", "tcg", "fpu", "gen", "cpu-exec.h", "hw/core/memory.h", "hw/core/state.h",
                "hw/i386/x86-cpu.h", "hw/arm/arm-cpu.h", "accel"},
    "crypto": {"base"},
    "nbd": {"base", "crypto", "block", "char/address.h"},
    "block": {"base", "block.h", "crypto", "nbd/client.h"},
    "img": {"base", "block"},
    "qemu-img.c": {"base", "img", "monitor/version.h"},
    "audio": {"base", "audio.h"},
    "char": {"base", "char.h"},
    "net": {"base", "net.h"},
    "ui": {"base", "console.h", "char.h", "char", "ui", "crypto"},
    "gdbstub": {"base", "hw/core", "monitor/monitor.h"} | PUBLIC,
    "migration": {"accel/accel.h", "base", "block", "char/address.h", "cpu-exec.h", "hw/core"} | PUBLIC,
    "monitor": {"accel/accel.h", "base", "block", "char", "crypto/object.h", "migration", "ui", "cpu-exec.h",
                "hw/core", "hw/pci/pci.h", "hw/usb/usb.h",
                "hw/virtio/balloon.h", "gdbstub", "tcg/disas.h", "tcg/ir.h"} | PUBLIC,
    "hw/core": {"base", "hw/core", "cpu-exec.h"} | PUBLIC,
    "hw/i386": {"base", "hw", "cpu-exec.h"} | PUBLIC,
    "hw": {"base", "hw"} | PUBLIC,
    "linux-user": {"base", "tcg", "cpu-exec.h", "target-i386", "target-arm", "gdbstub"},
    "img": {"base", "block.h", "block", "crypto/object.h"},
    "qemu-img.c": {"base", "block.h", "block", "img"},
    "qemu-nbd.c": {"base", "block", "char/address.h", "crypto", "nbd"},
    "vl.c": {"accel/accel.h", "base", "cpu-exec.h", "hw/audio/sound.h", "hw/core", "hw/usb/usb.h",
             "hw/virtio/share.h", "migration", "monitor", "block", "char", "ui", "gdbstub",
             "tcg/disas.h", "tcg/perf-map.h", "crypto/object.h"} | PUBLIC,
    "tests": None,
}
MAX_FILE, MAX_FUNCTION, MAX_COLUMN = 1000, 100, 100
# file or file:function -> why
EXCEPTIONS = {}

files = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.def", "*.S"], capture_output=True,
                       text=True, check=True).stdout.split()
count = failed = 0


def ok(faults, name):
    global count, failed
    count += 1
    print(f"{'not ' if faults else ''}ok {count} - {name}")
    for fault in faults:
        print("#", fault)
    failed += bool(faults)


def module_of(path):
    for m in sorted(LAYERS, key=len, reverse=True):
        if path == m or path.startswith(m + "/") or (m in ("cpu", "target-") and path.startswith(m)):
            return m
    return None


def allowed(path, included):
    module = module_of(path)
    rules = LAYERS.get(module)
    if rules is None or included.split("/")[0] == path.split("/")[0] not in ("hw", "tests"):
        return True
    if os.path.dirname(included) == os.path.dirname(path):
        return True
    return any(included == r or included.startswith(r + "/") for r in rules)


def functions(lines):
    """Yields (name, length) of function bodies: an opening brace in column 0 to the closing one."""
    start = name = None
    for i, line in enumerate(lines):
        if line == "{" and start is None:
            start = i
            head = " ".join(lines[max(0, i - 4):i])
            m = re.findall(r"(\w+)\s*\(", head)
            name = m[0] if m else "?"
        elif line.startswith("}") and start is not None:
            yield name, i - start + 1
            start = None


layer_faults, size_faults, column_faults, licence_faults, word_faults = [], [], [], [], []
for path in files:
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for line in lines:
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m and "/" in m.group(1) and not allowed(path, m.group(1)):
            layer_faults.append(f"{path} includes {m.group(1)}")
    if len(lines) > MAX_FILE and not path.endswith(".def") and path not in EXCEPTIONS:
        size_faults.append(f"{path}: {len(lines)} lines")
    if path.endswith(".c"):
        for name, length in functions(lines):
            if length > MAX_FUNCTION and f"{path}:{name}" not in EXCEPTIONS:
                size_faults.append(f"{path}: {name}() has {length} lines")
    if not path.endswith((".def", ".S")):
        for n, line in enumerate(lines, 1):
            if len(line) > MAX_COLUMN and path not in EXCEPTIONS:
                column_faults.append(f"{path}:{n}: {len(line)} columns")
    lgpl = path.startswith(("tcg/", "target-", "cpu-"))
    want = "LGPL-2.1-or-later" if lgpl else "GPL-2.0-or-later"
    if not re.search(r"SPDX-License-Identifier: " + want, "\n".join(lines[:3])):
        licence_faults.append(f"{path}: its first line must name {want}")
    for n, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            word_faults.append(f"{path}:{n}: unfinished")

ok(layer_faults, "every include follows the layer table")
ok(size_faults, f"files up to {MAX_FILE} lines, functions up to {MAX_FUNCTION}")
ok(column_faults, f"lines up to {MAX_COLUMN} columns")
ok(licence_faults, "every file names its licence")
ok(word_faults, "no marks of unfinished work")

# Headers stand alone.
make = subprocess.run(["make", "-s", "print-cflags"], capture_output=True, text=True)
flags = make.stdout.strip().split("\n")[-1].split()
header_faults = []
for path in files:
    if path.endswith(".h") and not path.startswith(("tests/", "pc-bios/")):
        p = subprocess.run(["cc", "-fsyntax-only", "-DTARGET_WORD_BITS=64", "-x", "c", *flags, path],
                           capture_output=True, text=True)
        if p.returncode:
            header_faults.append(f"{path}: {p.stderr.strip().splitlines()[0] if p.stderr else '?'}")
ok(header_faults, "every header compiles alone")
print(f"1..{count}")
sys.exit(failed != 0)
