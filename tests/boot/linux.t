#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's amd64 kernel boots to a shell on the terminal, works, and powers the machine off."""
import hashlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

PROMPT = rb"guest:\S*# "
MD5 = hashlib.md5("".join(f"{i}\n" for i in range(1, 20001)).encode()).hexdigest().encode()


def main():
    with folder() as work:
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"))
        with Emulator("-m", "256", "-nographic", "-no-reboot", "-kernel", packages.kernel(),
                      "-initrd", initrd, "-append", "console=ttyS0 quiet",
                      terminal=True) as guest:
            use(guest)
    done()


def use(guest):
    if not ok(guest.expect(rb"Linux 6\.\S+ on x86_64", 60), "the kernel reaches /init",
              guest.tail()) or not ok(guest.expect(PROMPT, 20), "a shell prompts", guest.tail()):
        return
    for command, pattern, name in (
            ("echo $((6 * 7))", rb"\n42\r", "the shell calculates"),
            ("uname -srm", rb"\nLinux 6\.\S+ x86_64\r", "uname names the machine"),
            ("seq 1 20000 | md5sum", MD5, "md5sum is right"),
            ("seq 1 30000 | gzip | gunzip | tail -n 1", rb"\n30000\r", "gzip and gunzip agree"),
            ("cat /sys/devices/system/clocksource/*/current_clocksource",
             rb"\n(tsc|hpet|acpi_pm)\S*\r", "a good clock source is chosen"),
            ("sleep 1; echo SLE''PT", rb"\nSLEPT\r", "timers run"),
            ("grep -c ^processor /proc/cpuinfo", rb"\n1\r", "one processor"),
            ("awk 'BEGIN { print 10 / 4 * 1.3, 1 / 3 }'", rb"\n3\.25 0\.333333\r",
             "floating point works")):
        guest.type(command + "\n")
        ok(guest.expect(pattern, 20), name, guest.tail())
    guest.type("poweroff\n")
    ok(guest.finish(15) == 0, "poweroff ends the emulator with 0", guest.tail())
    ok(guest.is_terminal_clean(), "and leaves the terminal as it was")


main()
