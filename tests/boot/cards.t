#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's drivers of network cards get an address and carry data both ways, all cards in one
machine; SeaBIOS loads a boot sector over a card by its iPXE ROM."""
import hashlib
import os
import socket
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

# -device, what the kernel calls its numbers and driver. It drives an i82551 only with microcode of
# Debian's non-free part, so that one is tried with iPXE.
CARDS = (("i82557b", "0x1229 e100"), ("i82559er", "0x1209 e100"), ("e1000", "0x100e e1000"),
         ("rtl8139", "0x8139 8139cp"), ("pcnet", "0x2000 pcnet32"),
         ("ne2k_pci", "0x8029 ne2k-pci"))
MODULES = ("e100", "e1000", "8139cp", "pcnet32", "ne2k_pci")
SIZE = 1000000
INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
port=$(grep -o 'port=[0-9]*' /proc/cmdline | cut -d= -f2)
head -c SIZE /dev/urandom > /big
echo "SUM $(md5sum < /big)"
for path in $(ls -d /sys/bus/pci/devices/*/net/* | sort); do
    eth=${path##*/}
    ip link set $eth up
    udhcpc -q -n -i $eth -s /bin/lease > /dev/null 2>&1
    echo "CARD $(cat $path/device/device) $(basename $(readlink $path/device/driver))" \\
        "$(ip -4 addr show $eth | grep -o 'inet [0-9.]*') $(cat $path/carrier)" \\
        "$(nc 10.0.2.2 $port < /big | md5sum) end"
    ip addr flush dev $eth
    ip link set $eth down
done
poweroff -f
"""
LEASE = """#!/bin/sh
[ "$1" = bound ] && ip addr add $ip/24 dev $interface
exit 0
"""
# Sends "PXE" to the first serial port and stops.
SECTOR = bytes.fromhex("baf803b050eeb058eeb045eef4ebfd")


def echo(listener):
    """What a connection brought goes back when it is complete."""
    while True:
        try:
            c, _ = listener.accept()
        except OSError:
            return
        got = b""
        while chunk := c.recv(65536):
            got += chunk
        c.sendall(got)
        c.close()


def run_drivers(work):
    init, lease = os.path.join(work, "init"), os.path.join(work, "lease")
    for path, text in ((init, INIT.replace("SIZE", str(SIZE))), (lease, LEASE)):
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)
    initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                                *(part for m in packages.modules(*MODULES) for part in ("-m", m)),
                                f"{lease}=bin/lease")
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=echo, args=(listener,), daemon=True).start()
    args = ["-m", "256", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
            "-kernel", packages.kernel(), "-initrd", initrd, "-append",
            f"console=ttyS0 quiet port={listener.getsockname()[1]}"]
    for n, (card, _) in enumerate(CARDS):
        args += ["-netdev", f"user,id=n{n}", "-device",
                 f"{card},netdev=n{n},addr={n + 4},romfile="]
    with Emulator(*args) as guest:
        md5 = guest.expect(rb"SUM (\w{32})", 90)
        if not ok(md5, "the kernel boots", guest.tail()):
            return
        for card, name in CARDS:
            found = guest.expect(rb"CARD (.*?) end", 30)
            want = f"{name} inet 10.0.2.15 1 {md5.group(1).decode()}  -"
            if not ok(found and found.group(1).decode() == want,
                      f"{card}: an address by DHCP, {SIZE} bytes out and in", guest.tail()):
                return
        ok(guest.finish(20) == 0, "power-off", guest.tail())
    listener.close()


def run_rom(work, card):
    with open(os.path.join(work, "boot.bin"), "wb") as f:
        f.write(SECTOR)
    with Emulator("-display", "none", "-nodefaults", "-m", "64", "-serial", "stdio", "-netdev",
                  f"user,id=n,tftp={work},bootfile=boot.bin", "-device",
                  f"{card},netdev=n,bootindex=1") as machine:
        ok(machine.expect(rb"PXE$", 60), f"{card} loads a program by TFTP", machine.tail())


def main():
    with folder() as work:
        run_drivers(work)
        run_rom(work, "i82551")
    done()


main()
