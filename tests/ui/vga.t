#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""VGA modes set by the BIOS and by registers: pictures by their size and checksum. KEEP=folder
keeps them as files to look at."""
import os
import subprocess
import sys
import time
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot/lib"), os.path.join(HERE, "lib")]
from emulator import Emulator, folder
from tap import done, ok

# In the order of the guest's keys. Split and panned ones were checked against the plain ones moved.
PICTURES = [
    ("text, 80 by 25", 720, 400, 0xa407de31), ("text, 40 by 25", 640, 400, 0x372a914d),
    ("CGA, 4 colours", 640, 400, 0x3a2fe34e), ("CGA, 2 colours", 640, 400, 0x76c6ff53),
    ("320x200, 4 planes", 640, 400, 0x178b5539), ("640x200, 4 planes", 640, 400, 0xd617ee6a),
    ("640x350, 4 planes", 640, 350, 0x734633b0), ("640x480, 4 planes", 640, 480, 0x58f5bc10),
    ("320x200, 256 colours", 640, 400, 0x7b58067),
    ("320x200, 256 colours unchained", 640, 400, 0xa6c9dce),
    ("split screen, upper part moved", 640, 480, 0x9b24151a),
    ("text moved by dots and lines", 720, 400, 0x9eabe5d5),
    ("split text screen", 720, 400, 0xa0860cf0), ("text, 80 by 50", 720, 400, 0xb518f12b),
    ("VBE, 8 bits", 800, 600, 0x721a3aeb), ("VBE, 15 bits", 800, 600, 0x6dd74aeb),
    ("VBE, 24 bits", 800, 600, 0x80411737), ("text with two fonts", 720, 400, 0x23d9dd0b),
]


def show(machine, number):
    """Asks for a mode and waits until it is painted."""
    machine.command("sendkey " + chr(ord("a") + number))
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if f"0x{number + 1:02x}" in machine.command("xp /1xb 0x4f0").split("\n", 1)[1]:
            return True
        time.sleep(0.02)
    return False


def main():
    with folder() as work:
        image = os.path.join(work, "modes.img")
        subprocess.run(["gcc", "-m32", "-ffreestanding", "-nostdlib", "-no-pie",
                        "-Wl,--build-id=none", "-Wl,-Ttext=0x7c00", "-Wl,--oformat=binary",
                        "-Wl,-m,elf_i386", "-o", image, f"{HERE}/modes.S"], check=True)
        os.truncate(image, 1440 << 10)
        with Emulator("-display", "none", "-nodefaults", "-vga", "std", "-m", "32", "-boot",
                      "order=a,menu=off", "-net", "none", "-drive",
                      f"file={image},format=raw,if=floppy", monitor=True) as machine:
            machine.expect_screen("Booting from Floppy", 15)
            time.sleep(0.3)
            for number, (name, width, height, want) in enumerate(PICTURES):
                painted = show(machine, number)
                path = os.path.join(os.environ.get("KEEP", work), f"{number:02}.ppm")
                machine.command(f"screendump {path}")
                with open(path, "rb") as f:
                    data = f.read()
                size = data[3:].split(b"\n")[0].decode()
                got = zlib.crc32(data)
                ok(painted and size == f"{width} {height}" and got == want, name,
                   f"{size}, checksum {got:#x}")
    done()


main()
