#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""GRUB's rescue CD and floppy reach their prompt and answer, read back from the text screen."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, note, ok

FOLDER = "usr/lib/grub-rescue"


def answer(machine, name):
    """Leaves the menu for the prompt and asks GRUB something."""
    if not ok(machine.expect_screen(r"GNU GRUB +version 2\.", 40), f"{name}: GRUB starts"):
        note(machine.screen())
        return
    machine.press("c")
    if not ok(machine.expect_screen(r"^ *grub> *$", 20), f"{name}: it prompts"):
        note(machine.screen())
        return
    machine.press(*"echo", "spc", *"answer", "spc", "shift-4", *"root", "ret")
    if not ok(machine.expect_screen(r"^ *answer \S+ *$", 10), f"{name}: it answers"):
        note(machine.screen())
    machine.press(*"ls", "ret")
    if not ok(machine.expect_screen(r"\(hd0\)", 10), f"{name}: it sees the disk"):
        note(machine.screen())


def main():
    cd = packages.file("grub-rescue-pc", f"{FOLDER}/grub-rescue-cdrom.iso")
    floppy = packages.file("grub-rescue-pc", f"{FOLDER}/grub-rescue-floppy.img")
    with folder() as work:
        disk = os.path.join(work, "disk.img")
        with open(disk, "wb") as f:
            f.truncate(1 << 20)
        drive = ("-display", "none", "-m", "64", "-net", "none",
                 "-drive", f"file={disk},format=raw")
        with Emulator(*drive, "-cdrom", cd, "-boot", "d", monitor=True) as machine:
            answer(machine, "CD")
        with Emulator(*drive, "-drive", f"if=floppy,format=raw,readonly=on,file={floppy}",
                      "-boot", "a", monitor=True) as machine:
            answer(machine, "floppy")
    done()


main()
