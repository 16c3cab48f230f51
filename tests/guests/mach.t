#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""GNU Mach, a Multiboot kernel, prints its banner and probes on the serial line."""
import gzip
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

PATTERNS = (
    (rb"GNU Mach 1\.8", "the kernel prints its banner"),
    (rb"(?i)hd0|ide0|No bootstrap", "it probes the disk controller"),
    (rb"No bootstrap code loaded", "and wants its first task"),
)


def main():
    packed = packages.file("gnumach-image-1.8-486", "boot/gnumach-1.8-486.gz", "i386")
    with folder() as work:
        kernel = os.path.join(work, "gnumach")
        with gzip.open(packed) as source, open(kernel, "wb") as f:
            f.write(source.read())
        for cpu in ("pentium3", "qemu32"):
            with Emulator("-cpu", cpu, "-m", "64", "-nographic", "-no-reboot", "-net", "none",
                          "-kernel", kernel, "-append", "console=com0", arch="i386") as guest:
                for pattern, name in PATTERNS:
                    if not ok(guest.expect(pattern, 60), f"{cpu}: {name}", guest.tail()):
                        break
    done()


main()
