#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SeaBIOS says its name on screen, serial line and debug console; option ROMs are run; disks on
each kind of controller boot by their bootindex=; firmware in flash."""
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, note, ok

OVMF = "usr/share/OVMF/OVMF_"
SCREEN = ("-display", "none", "-nodefaults", "-vga", "std", "-boot", "menu=off")


def banner():
    with Emulator(*SCREEN, monitor=True) as machine:
        good = machine.expect_screen(r"^SeaBIOS \(version 1\.\d+", 20)
        if not ok(good, "SeaBIOS is on the screen"):
            note(machine.screen())
        ok(machine.expect_screen(r"No bootable device", 20), "and finds nothing to boot")
        machine.command("quit")
        ok(machine.finish(5) == 0, "quit ends it with 0", machine.out)
    with Emulator("-nographic", "-net", "none") as machine:
        ok(machine.expect(rb"SeaBIOS \(version 1\.\d+", 20), "-nographic has it on the serial line",
           machine.tail())
        machine.type("\x01x")
        ok(machine.finish(5) == 0, "C-a x ends it with 0", machine.tail())


def debug_console(work):
    log = os.path.join(work, "log")
    with Emulator(*SCREEN, "-chardev", f"file,id=log,path={log}",
                  "-device", "isa-debugcon,iobase=0x402,chardev=log", "-cpu", "qemu64", "-m", "64",
                  monitor=True) as machine:
        machine.expect_screen(r"No bootable device", 20)
        machine.command("quit")
        machine.finish(5)
    with open(log, encoding="latin-1") as f:
        text = f.read()
    for line in ("SeaBIOS (version", "Found QEMU fw_cfg", "Running on QEMU (i440fx)",
                 "=== PCI device probing ===", "Found 1 cpu(s) max supported 1 cpu(s)",
                 "Copying SMBIOS", "Copying PIR", "Copying MPTABLE",
                 "Scan for VGA option rom", "Turning on vga text mode console",
                 "PS2 keyboard initialized", "Booting from"):
        ok(line in text, f"the firmware's log has: {line}", text)


def option_rom():
    rom = packages.file("ipxe-qemu", "usr/lib/ipxe/qemu/pxe-e1000.rom")
    with Emulator(*SCREEN, "-option-rom", rom, monitor=True) as machine:
        if not ok(machine.expect_screen(r"^iPXE .*PnP PMM", 20), "iPXE's ROM announces itself"):
            note(machine.screen())
        found = machine.expect_screen(r"^iPXE \d.* -- Open Source Network Boot Firmware", 30)
        if not ok(found, "and is booted, which shows its banner"):
            note(machine.screen())


# Sends the byte at 0x7c40 to the first serial port and stops.
SENDER = bytes.fromhex("31c08ed8baf803a0407ceef4ebfd")


def boot_order(work):
    """Each disk says its letter; the one with the lowest index is asked."""
    drives = []
    for letter in "IVS":
        path = os.path.join(work, letter)
        with open(path, "wb") as f:
            f.write(SENDER.ljust(64, b"\0") + letter.encode() + bytes(445) + b"\x55\xaa")
            f.truncate(1 << 20)
        drives += ["-drive", f"file={path},format=raw,if=none,id={letter}"]
    for first, indices in (("I", (1, 2, 3)), ("V", (3, 1, 2)), ("S", (2, 3, 1))):
        devices = []
        for device, index in zip(("ide-hd,drive=I", "virtio-blk-pci,drive=V",
                                  "scsi-hd,drive=S,bus=s.0"), indices):
            devices += ["-device", f"{device},bootindex={index}"]
        with Emulator("-display", "none", "-nodefaults", "-serial", "stdio", *drives,
                      "-device", "virtio-scsi-pci,id=s", *devices) as machine:
            ok(machine.expect(first.encode() + b"$", 20), f"the disk {first} boots",
               machine.tail())
    with Emulator("-display", "none", "-nodefaults", "-serial", "stdio", "-drive",
                  f"file={os.path.join(work, 'S')},format=raw,if=scsi,bus=0,unit=6") as machine:
        ok(machine.expect(b"S$", 20), "so does one of if=scsi", machine.tail())


def flash(work):
    """UEFI runs from flash, and keeps what it is told in the second chip."""
    code, variables = packages.file("ovmf", OVMF + "CODE_4M.fd"), os.path.join(work, "variables")
    shutil.copy(packages.file("ovmf", OVMF + "VARS_4M.fd"), variables)
    for first in (True, False):
        with Emulator("-m", "128", "-display", "none", "-nodefaults", "-serial", "stdio",
                      "-drive", f"if=pflash,format=raw,readonly=on,file={code}",
                      "-drive", f"if=pflash,format=raw,file={variables}") as machine:
            machine.expect(rb"ESC.* in [0-9] second", 60)
            machine.type("\x1b")
            ok(machine.expect(rb"Shell> ", 20), "UEFI's shell runs from flash", machine.tail())
            if first:
                machine.type("set answer forty-two\r")
                machine.expect(rb"Shell> ", 10)
            else:
                machine.type("set answer\r")
                ok(machine.expect(rb"answer .*= .*forty-two", 10), "which remembers",
                   machine.tail())
            machine.type("reset -s\r")
            ok(machine.finish(10) == 0, "and switches the machine off", machine.tail())
    with Emulator(*SCREEN, "-drive", f"if=pflash,unit=1,format=raw,file={variables}") as machine:
        ok(machine.finish(5) == 1 and b"unit 0" in machine.out, "a second chip needs the first",
           machine.tail())
    with Emulator(*SCREEN, "-pflash", packages.file("seabios", "usr/share/seabios/bios-256k.bin"),
                  monitor=True) as machine:
        ok(machine.expect_screen(r"^SeaBIOS \(version 1\.\d+", 20), "a BIOS does so as well")


def main():
    with folder() as work:
        flash(work)
        boot_order(work)
        banner()
        debug_console(work)
        option_rom()
    done()


main()
