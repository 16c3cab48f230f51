#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What -action and its kin make of a guest that panics (pvpanic) or hangs (ib700)."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

# Writes a byte to a port, "R" to the first serial port, and stops.
SECTOR = "ba {port} b0 {byte} ee  ba f8 03 b0 52 ee  fb f4 eb fd"
PANIC = {"port": "05 05", "byte": "01"}
HANG = {"port": "43 04", "byte": "0f"}        # at once
# device, code, options, exit status or what `info status` says or what comes by the serial line
CASES = (
    ("pvpanic", PANIC, (), 0),
    ("pvpanic", PANIC, ("-action", "panic=exit-failure"), 1),
    ("pvpanic", PANIC, ("-no-shutdown",), "paused (guest-panicked)"),
    ("pvpanic", PANIC, ("-action", "panic=none"), b"R"),
    ("ib700", HANG, ("-watchdog-action", "poweroff"), 0),
    ("ib700", HANG, ("-action", "watchdog=pause"), "paused (watchdog)"),
    ("ib700", HANG, ("-no-reboot",), 0),
    ("ib700", HANG, (), b"R.*R"),
)
INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
echo "FOUND $(ls /sys/bus/platform/drivers/pvpanic-mmio | grep QEMU) "
echo c > /proc/sysrq-trigger
"""
# A watchdog that is not closed in order goes on counting.
WATCH_INIT = """#!/bin/sh
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m heartbeat=2; done
[ -c /dev/watchdog ] && echo x > /dev/watchdog && echo COUNTING
sleep 1000
"""


def status_becomes(machine, text):
    for _ in range(100):
        if text in machine.command("info status"):
            return True
        time.sleep(0.1)
    return False


def run(path, device, code, options, want):
    with open(path, "wb") as f:
        f.write(bytes.fromhex(SECTOR.format(**code)).ljust(510, b"\0") + b"\x55\xaa")
        f.truncate(1440 << 10)
    with Emulator("-display", "none", "-nodefaults", "-m", "16", "-serial", "stdio", "-drive",
                  f"file={path},format=raw,if=floppy",
                  "-watchdog" if code is HANG else "-device", device, *options,
                  monitor=True) as machine:
        name = f"{device} {' '.join(options)}: {want}"
        if isinstance(want, int):
            ok(machine.finish(20) == want, name, machine.tail())
        elif isinstance(want, str):
            ok(status_becomes(machine, want), name, machine.tail())
        else:
            ok(machine.expect(want, 20), name, machine.tail())


def linux(work, text, module):
    """Options that boot a kernel with one module and this init."""
    init, initrd = os.path.join(work, "init"), os.path.join(work, f"{module}.gz")
    with open(init, "w") as f:
        f.write(text)
    os.chmod(init, 0o755)
    packages.initramfs(initrd, "-i", init, *(part for m in packages.modules(module)
                                             for part in ("-m", m)))
    return ["-m", "192", "-nographic", "-nodefaults", "-serial", "stdio", "-no-reboot", "-kernel",
            packages.kernel(), "-initrd", initrd, "-append", "console=ttyS0 quiet"]


def run_linux(work):
    args = linux(work, WATCH_INIT, "i6300esb")
    with Emulator(*args, "-device", "i6300esb", "-watchdog-action", "pause",
                  monitor=True) as machine:
        ok(machine.expect(b"COUNTING", 60), "Linux starts an i6300esb", machine.tail())
        ok(status_becomes(machine, "paused (watchdog)"), "which runs out", machine.tail())
    args = linux(work, INIT, "pvpanic_mmio")
    with Emulator(*args, "-device", "pvpanic", "-action", "panic=exit-failure") as machine:
        ok(machine.expect(b"FOUND QEMU0001:00", 60), "Linux finds pvpanic", machine.tail())
        ok(machine.finish(20) == 1, "and uses it when it panics", machine.tail())
    with Emulator(*args) as machine:
        ok(machine.expect(rb"FOUND \s", 60), "there is none without the option", machine.tail())


def main():
    with folder() as work:
        run_linux(work)
        for n, case in enumerate(CASES):
            run(os.path.join(work, f"disk{n}"), *case)
    done()


main()
