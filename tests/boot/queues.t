#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two CPUs of Debian's kernel use a pair of network queues and a disk queue each: the card is on a
tap interface with two queues, in a network namespace of the test's own."""
import ctypes
import hashlib
import os
import re
import socket
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok, skip_all

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
ip addr add 10.9.0.2/24 dev eth0
ip link set eth0 up
sleep 1
for cpu in 0 1; do
    taskset -p $((1 << cpu)) $$ > /dev/null
    echo "SUM$cpu $(nc 10.9.0.1 9999 < /dev/null | md5sum)"
    dd if=/dev/vda bs=64k count=64 skip=$((64 * cpu)) iflag=direct of=/dev/null 2> /dev/null
done
for name in input.0 input.1 output.0 output.1 req.0 req.1; do
    echo "IRQ $name $(grep -- -$name /proc/interrupts | sed 's/.*://' | awk '{print $1 + $2}')"
done
echo "QUEUES $(ls /sys/class/net/eth0/queues | tr '\\n' ' ')"
echo END
poweroff -f
"""


def serve(listener, data):
    for _ in range(2):
        peer = listener.accept()[0]
        with peer:
            peer.sendall(data)


def make_interface():
    """In a namespace; without the right to make one the test is skipped."""
    flags = CLONE_NEWNET | (CLONE_NEWUSER if os.getuid() else 0)
    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        skip_all("no network namespace can be made")
    for command in ("link set lo up", "tuntap add t0 mode tap multi_queue",
                    "addr add 10.9.0.1/24 dev t0", "link set t0 up"):
        if subprocess.run(["ip", *command.split()], capture_output=True).returncode:
            skip_all(f"'ip {command}' fails")


def main():
    with folder() as work:
        init, disk = os.path.join(work, "init"), os.path.join(work, "disk")
        with open(init, "w") as f:
            f.write(INIT)
        with open(disk, "wb") as f:
            f.truncate(16 << 20)
        modules = packages.modules("virtio_pci", "virtio_net", "virtio_blk")
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                                    *(part for m in modules for part in ("-m", m)))
        kernel = packages.kernel()
        make_interface()
        data = os.urandom(3 << 20)
        listener = socket.create_server(("10.9.0.1", 9999))
        threading.Thread(target=serve, args=(listener, data), daemon=True).start()
        args = ["-m", "256", "-smp", "2", "-nographic", "-no-reboot", "-nodefaults",
                "-serial", "stdio", "-netdev", "tap,id=n,ifname=t0,queues=2,script=no",
                "-device", "virtio-net-pci,netdev=n,mq=on,packed=on",
                "-drive", f"file={disk},format=raw,if=none,id=d",
                "-device", "virtio-blk-pci,drive=d,num-queues=2",
                "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet"]
        with Emulator(*args) as guest:
            if not ok(guest.expect(rb"END", 120), "the guest comes to its end", guest.tail()):
                done()
            sums = re.findall(rb"SUM\d (\w+)", guest.out)
            ok(sums == [hashlib.md5(data).hexdigest().encode()] * 2, "3 MiB arrive twice", sums)
            counts = {name.decode(): int(n)
                      for name, n in re.findall(rb"IRQ (\S+) (\d+)", guest.out)}
            for name in ("input.0", "input.1", "output.0", "output.1", "req.0", "req.1"):
                ok(counts.get(name, 0) > 3, f"queue {name} is used", counts)
            ok(b"QUEUES rx-0 rx-1 tx-0 tx-1" in guest.out, "two pairs", guest.tail())
            ok(guest.finish(20) == 0, "power-off", guest.tail())
    done()


main()
