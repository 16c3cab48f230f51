#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's drivers on each display adapter: the kernel's console appears in the mode that the driver
chose, and shows what is written to it."""
import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot/lib")]
import packages
from emulator import Emulator, folder
from tap import done, ok

PROMPT = rb"guest:\S*# "
# -vga, module, its name in /proc/fb, size
CASES = (("cirrus", "cirrus", "cirrusdrmfb", (1024, 768)),
         ("cirrus", "cirrusfb", "CL Picasso4", (640, 480)),
         ("vmware", "vmwgfx", "vmwgfxdrmfb", (1280, 800)))


def picture(guest, path):
    guest.command(f"screendump {path}")
    with open(path, "rb") as f:
        kind, size, _, pixels = f.read().split(b"\n", 3)
    assert kind == b"P6"
    return tuple(map(int, size.split())), pixels


def rows_with(pixels, width, color):
    """Lines that are mostly of a colour."""
    count = 0
    for at in range(0, len(pixels), 3 * width):
        row = pixels[at:at + 3 * width]
        count += sum(row[i:i + 3] == color for i in range(0, len(row), 3)) > width / 2
    return count


def check(work, vga, module, name, size):
    initrd = packages.initramfs(os.path.join(work, "initrd.gz"), *(
        part for m in packages.modules(module) for part in ("-m", m)))
    with Emulator("-m", "256", "-no-reboot", "-kernel", packages.kernel(), "-initrd", initrd,
                  "-append", "console=ttyS0 quiet", "-serial", "stdio", "-display", "none",
                  "-net", "none", "-vga", vga, monitor=True) as guest:
        if not ok(guest.expect(PROMPT, 60), f"{module}: a shell prompts", guest.tail()):
            return
        guest.type("cat /proc/fb; cat /sys/class/graphics/fb0/virtual_size\n")
        found = guest.expect(rb"0 (\w[ \w]*\w)\r\n(\d+),(\d+)\r", 10)
        ok(found and found.group(1).decode() == name, f"{module}: the driver's frame buffer",
           guest.tail())
        # A screen of white: blanks in reverse.
        guest.type("printf '\\033[2J\\033[H\\033[47m\\033[J' > /dev/tty0; echo DO''NE\n")
        guest.expect(rb"DONE", 10)
        time.sleep(1)
        got, pixels = picture(guest, os.path.join(work, "screen.ppm"))
        ok(got == size, f"{module}: the picture has its size", str(got))
        ok(rows_with(pixels, got[0], b"\xaa\xaa\xaa") > got[1] * 0.9 or
           rows_with(pixels, got[0], b"\xa8\xa8\xa8") > got[1] * 0.9 or
           rows_with(pixels, got[0], b"\xad\xaa\xad") > got[1] * 0.9,
           f"{module}: and shows what was written", str(pixels[3000:3030]))


def main():
    with folder() as work:
        for case in CASES:
            check(work, *case)
    done()


main()
