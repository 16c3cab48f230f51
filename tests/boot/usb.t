#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel and USB on the PC: tablet, keyboard, disk and serial adapter behind UHCI and a
hub that was not asked for, and devices that come and go."""
import hashlib
import json
import os
import re
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

PROMPT = rb"guest:\S*# "
DRIVERS = ("uhci_hcd", "usbhid", "hid_generic", "evdev", "usb_storage", "sd_mod", "ftdi_sio")


def run(guest, command, pattern, name, seconds=20):
    """The command's output matches; it ends with a mark that the echo does not have."""
    guest.type(f"{command}; echo E''ND\n")
    found = guest.expect(rb"\nEND\r", seconds)
    text = guest.out[:guest.seen].rsplit(b"echo E''ND", 1)[-1] if found else b""
    match = re.search(pattern, text, re.S)
    ok(match, name, text or guest.tail())
    return match


def picture(seed, size):
    block, out = hashlib.sha256(seed).digest(), b""
    while len(out) < size:
        block = hashlib.sha256(block).digest()
        out += block
    return out[:size]


def serve(listener, got):
    connection, _ = listener.accept()
    while not got.endswith(b"\n"):
        got += connection.recv(100)
    connection.sendall(b"hello from the host\n")
    connection.recv(1)
    connection.close()


def point(work, x, y):
    """Moves the pointer by QMP; the answers."""
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.connect(os.path.join(work, "qmp"))
        lines = qmp.makefile("r")
        lines.readline()
        qmp.sendall(b'{"execute": "qmp_capabilities"}\n')
        events = [{"type": "abs", "data": {"axis": a, "value": v}} for a, v in (("x", x), ("y", y))]
        qmp.sendall(json.dumps({"execute": "input-send-event",
                                "arguments": {"events": events}}).encode() + b"\n")
        return lines.readline() + lines.readline()


def main():
    with folder() as work:
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), *(
            part for m in packages.modules(*DRIVERS) for part in ("-m", m)))
        data = {name: picture(name.encode(), 1 << 20) for name in ("first", "second")}
        for name, content in data.items():
            with open(os.path.join(work, name), "wb") as f:
                f.write(content)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(work, "line"))
        listener.listen()
        got = bytearray()
        thread = threading.Thread(target=serve, args=(listener, got), daemon=True)
        thread.start()
        with Emulator("-m", "256", "-nographic", "-no-reboot", "-kernel", packages.kernel(),
                      "-initrd", initrd, "-append", "console=ttyS0 quiet", "-serial", "stdio",
                      "-usbdevice", "tablet", "-usbdevice", "keyboard",
                      "-usbdevice", f"disk:format=raw:{work}/first",
                      "-usbdevice", f"serial:unix:{work}/line",
                      "-qmp", f"unix:{work}/qmp,server=on,wait=off", monitor=True) as guest:
            use(guest, work, data, got)
    done()


def use(guest, work, data, got):
    if not ok(guest.expect(PROMPT, 60), "a shell prompts", guest.tail()):
        return
    info = guest.command("info usb")
    ok(all(f"Port {p}, Speed 12 Mb/s, Product {name}" in info for p, name in (
        ("1", "QEMU USB Tablet"), ("2", "QEMU USB Hub"), ("2.1", "QEMU USB Keyboard"),
        ("2.2", "QEMU USB HARDDRIVE"), ("2.3", "QEMU USB SERIAL"))), "info usb lists all", info)
    run(guest, "for i in $(seq 30); do [ -b /dev/sda -a -c /dev/ttyUSB0 ] && break; sleep 0.5; "
        "done; cat /sys/bus/usb/devices/*/product | sort",
        rb"QEMU USB HARDDRIVE.*QEMU USB Hub.*QEMU USB Keyboard.*QEMU USB SERIAL.*QEMU USB Tablet",
        "the kernel sees all")
    run(guest, "cat /sys/bus/usb/devices/*/devpath | sort | xargs", rb"1 2 2.1 2.2 2.3",
        "in their ports")
    run(guest, "md5sum < /dev/sda", hashlib.md5(data["first"]).hexdigest().encode(),
        "the disk reads right")
    run(guest, "seq 1 3000 > /tmp/f; dd if=/tmp/f of=/dev/sda bs=4k conv=sync,fsync 2>/dev/null; "
        "echo 3 > /proc/sys/vm/drop_caches; head -c 13893 /dev/sda | cmp - /tmp/f && echo SA''ME",
        rb"SAME", "and is written to")

    guest.type("for e in /sys/class/input/event*; do "
               "grep -q Tablet $e/device/name && dev=/dev/input/${e##*/}; done; "
               "(sleep 1; echo LISTEN''ING) & hexdump -v -n 72 -e '24/1 \"%02x\" \"\\n\"' $dev\n")
    guest.expect(rb"LISTENING\r", 10)               # the driver drops what comes while it opens
    answer = point(work, 0x1234, 0x2345)
    # 24 bytes: time, type 3 (absolute), code 0 or 1 (x, y), value
    if not ok(guest.expect(rb"\n.{32}0300000034120000\r\n.{32}0300010045230000", 10),
              "the tablet reports a position", answer.encode() + guest.tail()):
        return
    guest.expect(PROMPT, 10)

    run(guest, "stty -F /dev/ttyUSB0 raw -echo 115200; exec 3<>/dev/ttyUSB0; "
        "echo hello from the guest >&3; head -n 1 <&3; exec 3>&-", rb"hello from the host",
        "the serial adapter reads")
    ok(bytes(got) == b"hello from the guest\n", "and writes", bytes(got))

    guest.command("drive_add 0 if=none,id=late,format=raw,file=" + os.path.join(work, "second"))
    answer = guest.command("device_add usb-storage,id=stick,drive=late")
    ok("Error" not in answer, "a disk is plugged in", answer)
    run(guest, "for i in 1 2 3 4 5 6 7 8; do [ -b /dev/sdb ] && break; sleep 1; done; "
        "md5sum < /dev/sdb", hashlib.md5(data["second"]).hexdigest().encode(),
        "the guest reads it")
    answer = guest.command("device_del stick")
    ok("Error" not in answer, "and taken out", answer)
    run(guest, "for i in $(seq 20); do [ -b /dev/sdb ] || break; sleep 0.5; done; ls /dev/sdb",
        rb"No such file", "which the guest notices")
    ok("late" not in guest.command("info block"), "its drive is gone")
    guest.command("usb_add mouse")
    run(guest, "for i in $(seq 20); do grep -q Mouse /sys/bus/usb/devices/*/product && break; "
        "sleep 0.5; done; cat /sys/bus/usb/devices/*/product", rb"QEMU USB Mouse", "usb_add")
    info = guest.command("info usb")
    place = next(line.split()[1].rstrip(",") for line in info.splitlines() if "USB Mouse" in line)
    answer = guest.command(f"usb_del {place}")
    run(guest, "for i in $(seq 20); do cat /sys/bus/usb/devices/*/product | grep -q Mouse || break; "
        "sleep 0.5; done; cat /sys/bus/usb/devices/*/product | grep -c Mouse", rb"\n0\r", "usb_del")
    ok("could not find" in guest.command("usb_del 0.99"), "of nothing fails")
    guest.type("poweroff\n")
    ok(guest.finish(15) == 0, "poweroff", guest.tail())


main()
