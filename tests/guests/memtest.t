#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memtest86+ completes a full pass without errors: 64-bit from -kernel, 32-bit from its CD."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/lib"))
import packages
from emulator import Emulator
from tap import done, note, ok

# The fade test alone waits 160 seconds of the guest's clock.
LIMIT = 900


def run(name, *args):
    with Emulator("-display", "none", "-net", "none", "-m", "16", *args, monitor=True) as machine:
        if not ok(machine.expect_screen(r"Memtest86\+ v\d", 60), f"{name}: it starts"):
            note(machine.screen())
            return
        ok(machine.expect_screen(r"Memory *: *1[56]", 20), f"{name}: it finds the memory")
        passed = machine.expect_screen(r"Pass: +[1-9]", LIMIT)
        screen = machine.screen()
        if not ok(passed and "Errors: 0" in screen, f"{name}: one pass, no errors"):
            note(screen)


def main():
    run("64 bits", "-kernel", packages.file("memtest86+", "boot/memtest86+x64.bin"))
    run("32 bits", "-cdrom", packages.file("memtest86+", "usr/lib/memtest86+/memtest86+ia32.iso"))
    done()


main()
