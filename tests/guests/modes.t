#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux prints the same with flags always computed and with one instruction to a region.

Numbers that come from the clock differ and are left out of the comparison. The kernels are Debian's
and those of the folder GUESTS=FOLDER, when it is given."""
import difflib
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/lib"))
import packages
from emulator import Emulator, folder, is_ours
from tap import done, ok, skip_all

LIMIT = 600
MODES = ("strict_flags", "one_insn")
# What a kernel says about clocks, or whenever it has the time to.
UNSTEADY = re.compile(r"clocksource|tsc:|TSC|BogoMIPS|Calibrating|sched_clock|random:|rtc|"
                      r"raid6|xor:|Refined|MHz|workingset|input:|Freeing|hpet|printk|psmouse|"
                      r"PM-Timer|apic_timer|Power down|jiffies|initcall|modprobe|scsi|ata\d|sd \d|"
                      r"sr\d|cdrom|audit:|load average|bogomips|interrupts$|-(PIC|APIC) |"
                      r"reboot:|RCU|rcu|late_time|cycle")
INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
echo MARK-BEGIN
cat /proc/cpuinfo | grep -v MHz | grep -v bogomips
seq 1 5000 | md5sum
seq 1 5000 | sha512sum
seq 1 5000 | gzip | gunzip | cksum
awk 'BEGIN { for (i = 1; i < 300; i++) s += 1 / i; print s, 7 / 3, 2 ^ 40, int(-7.5) }'
echo 'define f(n) { if (n < 2) return (1); return (n * f(n - 1)); } f(30)' | bc
seq 1 200 | sort -r | head -n 3 | sed 's/\\(.\\)/<\\1>/g'
for i in 1 2 3 4 5; do (exit $i); echo "status $?"; done
echo MARK-END
poweroff -f
"""


def steady(out):
    """The lines of a serial log, from the kernel's first, that are to be the same every time."""
    out = out[max(out.find(b"Linux version"), 0):]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|\r", "", out.decode(errors="replace"))
    lines = (re.sub(r"^\[ *\d+\.\d+\] ", "", line).rstrip() for line in text.split("\n"))
    return [line for line in lines if line and not UNSTEADY.search(line)]


def compare(name, arch, args, end):
    """Boots in each mode. The logs are compared without their order: work in the kernel is not."""
    logs = {}
    for mode in ("", *MODES):
        extra = ("-d", mode, "-D", os.devnull) if mode else ()
        with Emulator(*args, "-nographic", "-no-reboot", "-net", "none", *extra,
                      arch=arch) as guest:
            if not ok(guest.expect(end, LIMIT), f"{name}: runs {mode or 'as usual'}",
                      guest.tail()):
                return
            guest.finish(60)
            logs[mode] = steady(guest.out)
    for mode in MODES:
        difference = difflib.unified_diff(sorted(logs[""]), sorted(logs[mode]), lineterm="", n=0)
        ok(sorted(logs[mode]) == sorted(logs[""]), f"{name}: {mode} prints the same",
           "\n".join(difference))


def main():
    if not is_ours():
        skip_all("these are switches of this emulator")
    guests = os.environ.get("GUESTS")
    with folder() as work:
        init = os.path.join(work, "init")
        with open(init, "w") as f:
            f.write(INIT)
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init)
        compare("Debian amd64", "x86_64", ("-m", "256", "-kernel", packages.kernel(), "-initrd",
                                           initrd, "-append", "console=ttyS0"), rb"MARK-END")
        for arch, machine, cpu in (("x86_64", "pc", "qemu64"), ("i386", "pc", "pentium"),
                                   ("i386", "isapc", "486")) if guests else ():
            compare(f"{arch} {machine} {cpu}", arch,
                    ("-M", machine, "-cpu", cpu, "-m", "64",
                     "-kernel", os.path.join(guests, arch, "kernel"),
                     "-initrd", os.path.join(guests, arch, "initramfs.cpio.gz"),
                     "-append", "console=ttyS0 guest.off=reboot"), rb"GUEST-DONE")
    done()


main()
