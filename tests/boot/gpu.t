#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel drives the virtio display adapter: the BIOS and the kernel show text by its VGA,
then what a program writes to the frame buffer is what a screendump shows."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

WIDTH, HEIGHT = 1024, 600
INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
echo "SIZE $(cat /sys/class/graphics/fb0/virtual_size) $(cat /sys/class/drm/card0-*/modes)" |
    tr '\\n' ' '
echo "EDID $(wc -c < /sys/class/drm/card0-Virtual-1/edid)"
for c in /sys/class/vtconsole/*; do echo 0 > $c/bind; done
while read word; do
    case $word in
    draw) cat /picture > /dev/fb0 && echo DRAWN ;;
    off) poweroff -f ;;
    esac
done < /dev/ttyS0
"""


def read_ppm(path):
    """Width, height and pixels of a screendump."""
    with open(path, "rb") as f:
        data = f.read()
    kind, width, height, most, pixels = data.split(maxsplit=4)
    assert kind == b"P6" and most == b"255"
    return int(width), int(height), data[-int(width) * int(height) * 3:]


def expected(picture):
    """x8r8g8b8 in memory as red, green, blue."""
    out = bytearray(len(picture) // 4 * 3)
    for to, start in enumerate((2, 1, 0)):
        out[to::3] = picture[start::4]
    return bytes(out)


def matches(guest, path, want):
    """Whether the screen comes to show the picture; drivers bring changes some time later."""
    for _ in range(50):
        guest.command(f"screendump {path}")
        if read_ppm(path) == (WIDTH, HEIGHT, want):
            return True
        time.sleep(0.2)
    return False


def run(work, initrd, picture, device, vga):
    args = ["-m", "256", "-display", "none", "-serial", "stdio", "-no-reboot", "-nodefaults",
            "-device", f"{device},xres={WIDTH},yres={HEIGHT}", "-kernel", packages.kernel(),
            "-initrd", initrd, "-append", "console=ttyS0 quiet"]
    dump = os.path.join(work, "dump.ppm")
    with Emulator(*args, monitor=True) as guest:
        if vga:
            ok(guest.expect_screen(r"SeaBIOS", 30), f"{device}: the BIOS shows text", guest.tail())
        found = guest.expect(rb"SIZE (\d+),(\d+) (\d+x\d+).*?EDID (\d+)\s", 90)
        if not ok(found, f"{device}: the driver makes a frame buffer", guest.tail()):
            return
        size = f"{WIDTH}x{HEIGHT}".encode()
        ok(b"%sx%s" % found.group(1, 2) == size and found.group(3) == size,
           "of the monitor's size", found.group())
        ok(found.group(4) == b"128", "which it knows by EDID", found.group())
        guest.type("draw\n")
        ok(guest.expect(rb"DRAWN", 20), "a program draws", guest.tail())
        ok(matches(guest, dump, expected(picture)), "the screen shows exactly that")
        guest.type("off\n")
        ok(guest.finish(20) == 0, "power-off", guest.tail())


def main():
    with folder() as work:
        init, path = os.path.join(work, "init"), os.path.join(work, "picture")
        picture = os.urandom(WIDTH * HEIGHT * 4)
        for name, data in ((init, INIT.encode()), (path, picture)):
            with open(name, "wb") as f:
                f.write(data)
        modules = packages.modules("virtio_pci", "virtio_gpu")
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                                    *(part for m in modules for part in ("-m", m)),
                                    f"{path}=picture")
        run(work, initrd, picture, "virtio-gpu-pci", False)
        run(work, initrd, picture, "virtio-vga", True)
    done()


main()
