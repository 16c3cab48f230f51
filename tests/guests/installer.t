#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's network installers reach their first screen on the serial line and take keys."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/lib"))
import packages
from emulator import Emulator
from tap import done, ok


def run(debian, arch, *args):
    package = f"debian-installer-12-netboot-{debian}"
    where = f"usr/lib/debian-installer/images/12/{debian}/text/debian-installer/{debian}"
    with Emulator(*args, "-nographic", "-no-reboot", "-net", "none",
                  "-kernel", packages.file(package, f"{where}/linux"),
                  "-initrd", packages.file(package, f"{where}/initrd.gz"),
                  "-append", "console=ttyS0", arch=arch) as guest:
        if not ok(guest.expect(rb"Select a language", 300), f"{debian}: the language screen",
                  guest.tail()):
            return
        guest.expect(rb"<Enter>", 20)
        guest.type("\r")
        ok(guest.expect(rb"Select your location", 60), f"{debian}: a key leads to the next",
           guest.tail())


def main():
    run("amd64", "x86_64", "-m", "1024")
    run("i386", "i386", "-m", "512")
    done()


main()
