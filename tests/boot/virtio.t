#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel drives the virtio devices: network, random numbers, balloon, ports, in both
generations of their registers and both layouts of queues; shared folders with each kind of
security; and disks that are used while the machine moves to another emulator."""
import hashlib
import os
import re
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok

MODULES = ("virtio_pci", "virtio_net", "virtio_rng", "virtio_balloon", "virtio_console",
           "virtio_input", "evdev", "9p", "9pnet_virtio", "virtio_blk", "virtio_scsi", "sd_mod")
INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
mkdir -p /dev/pts
echo "RNG $(cat /sys/class/misc/hw_random/rng_current) $(head -c 100000 /dev/hwrng | wc -c)"
ip link set eth0 up
udhcpc -q -n -i eth0 -s /bin/lease > /dev/null 2>&1
echo "NET $(ip -4 addr show eth0 | grep -o 'inet [0-9.]*') $(cat /sys/class/net/eth0/carrier)"
nc 10.0.2.2 $(grep -o 'port=[0-9]*' /proc/cmdline | cut -d= -f2) < /dev/null | md5sum
head -c 3000000 /lib/modules/$(head -n 1 /lib/modules/.order | cut -d' ' -f1) > /big
while [ $(wc -c < /big) -lt 3000000 ]; do cat /big /big | head -c 3000000 > /big2; mv /big2 /big; done
nc 10.0.2.2 $(grep -o 'back=[0-9]*' /proc/cmdline | cut -d= -f2) < /big
echo "SENT $(md5sum < /big)"
echo "IRQ $(grep -c 'virtio.*MSI\\|MSI.*virtio' /proc/interrupts)"
port=/dev/$(ls /sys/class/virtio-ports | while read p; do
    [ "$(cat /sys/class/virtio-ports/$p/name)" = org.test.0 ] && echo $p; done)
echo "PORT $port"
line=
exec 3<> $port                  # kept open: Linux drops what came when the last one closes it
until [ "$line" ]; do read line <&3 || sleep 0.1; done    # it ends at once without a host
echo "got $line" >&3
exec 3>&-
echo "hello console" > /dev/hvc0
echo "INPUT $(grep -c 'QEMU Virtio' /proc/bus/input/devices)"
event=$(sed -n '/Virtio Keyboard/,/^$/s/.*\\(event[0-9]*\\).*/\\1/p' /proc/bus/input/devices)
echo "WAITING"
echo "KEY $(dd if=/dev/input/$event bs=24 count=1 2>/dev/null | od -A n -t u2 -j 16 -N 4)"
echo "READY"
while read word; do
    case $word in
    mem) echo "MEM $(grep MemTotal /proc/meminfo | tr -dc 0-9)" ;;
    off) poweroff -f ;;
    esac
done < /dev/ttyS0
"""
SHARE_INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
try() { "$@" 2> /dev/null && echo "OK $*" || echo "NO $*"; }
for tag in none mapped ro; do
    mkdir -p /$tag
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072,cache=none $tag /$tag || continue
    cd /$tag
    echo "TAG $tag $(cat hello) $(ls | tr '\n' ' ')"
    try mkdir made
    seq 1 100000 > made/numbers
    echo "SUM $(md5sum < made/numbers)"
    try mv made/numbers made/moved
    try ln made/moved made/linked
    try ln -s ../hello made/link
    echo "LINK $(readlink made/link) $(cat made/link)"
    try cat escape/passwd
    try cat escape2
    try chmod 640 made/moved
    try chown 123:456 made/moved
    try mknod made/device c 1 3
    stat -c "STAT %a %u:%g %s %F" made/moved made/device
    try touch -d '2001-02-03 00:00:00' made/moved
    stat -c "TIME %Y" made/moved
    truncate -s 5 made/moved
    echo "CUT $(cat made/moved | tr '\n' ' ')"
    mv made renamed && cat renamed/moved > /dev/null && echo RENAMED
    i=0; while [ $i -lt 300 ]; do echo $i > renamed/f$i; i=$((i + 1)); done
    echo "COUNT $(ls renamed | grep -c '^f') $(cat renamed/f* | wc -l)"
    try rmdir renamed
    try rm -r renamed
    echo "FREE $(df -P . | tail -n 1 | awk '{ print ($2 > 0) }')"
    cd /
    [ $tag = ro ] || umount /$tag
    echo "END $tag"
done
poweroff -f
"""
MOVE_INIT = """#!/bin/sh
mount -t proc none /proc
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
n=0
while :; do
    head -c 262144 /dev/urandom > /a
    for d in vda sda; do
        dd if=/a of=/dev/$d bs=64k oflag=direct conv=notrunc 2> /dev/null
        dd if=/dev/$d of=/$d bs=64k count=4 iflag=direct 2> /dev/null
    done
    s="$(md5sum < /a)"
    [ "$s" = "$(md5sum < /vda)" -a "$s" = "$(md5sum < /sda)" ] && echo "TICK $n." || echo "BAD $n."
    n=$((n + 1))
done
"""
LEASE = """#!/bin/sh
[ "$1" = bound ] && ip addr add $ip/24 dev eth0
exit 0
"""


class Server:
    """Sends data to whoever connects to one port, and takes what comes to the other."""

    def __init__(self, data):
        self.data = data
        self.got = b""
        self.out, self.back = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.send, self.take)]
        for thread in self.threads:
            thread.start()

    def send(self):
        c, _ = self.out.accept()
        c.sendall(self.data)
        c.close()

    def take(self):
        c, _ = self.back.accept()
        while True:
            chunk = c.recv(65536)
            if not chunk:
                break
            self.got += chunk
        c.close()

    def ports(self):
        return self.out.getsockname()[1], self.back.getsockname()[1]


def check_port(guest, path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        s.sendall(b"over the port\n")
        got = b""
        while not got.endswith(b"\n"):
            chunk = s.recv(100)
            if not chunk:
                break
            got += chunk
        ok(got == b"got over the port\n", "bytes pass a port both ways", got + guest.tail())


def check_balloon(guest):
    ok("actual=256" in guest.command("info balloon"), "the balloon is empty")
    guest.command("balloon 160")
    shrunk = False
    for _ in range(100):
        shrunk = "actual=160" in guest.command("info balloon")
        if shrunk:
            break
        guest.pump(0.1)
    ok(shrunk, "it takes 96 MiB", guest.tail())
    guest.type("mem\n")
    found = guest.expect(rb"MEM (\d+)\s", 20)
    ok(found and int(found.group(1)) < 160 << 10, "which the guest misses", guest.tail())


def run(work, initrd, generation, *more):
    data = os.urandom(1 << 16) * 80
    server = Server(data)
    out, back = server.ports()
    path = os.path.join(work, "port")
    console = os.path.join(work, "console")
    args = ["-m", "256", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
            "-netdev", "user,id=n", "-device", f"virtio-net-pci,netdev=n{generation}",
            "-device", f"virtio-rng-pci{generation}",
            "-device", f"virtio-balloon-pci{generation}",
            "-device", f"virtio-serial-pci{generation}",
            "-device", "virtio-keyboard-pci", "-device", "virtio-tablet-pci",
            "-chardev", f"file,id=c,path={console}", "-device", "virtconsole,chardev=c",
            "-chardev", f"socket,id=p,path={path},server=on,wait=off",
            "-device", "virtserialport,chardev=p,name=org.test.0",
            "-kernel", packages.kernel(), "-initrd", initrd, "-append",
            f"console=ttyS0 quiet port={out} back={back}", *more]
    with Emulator(*args, monitor=True) as guest:
        md5 = hashlib.md5(data).hexdigest().encode()
        for pattern, seconds, name in (
                (rb"RNG virtio_rng.0 100000", 90, f"random numbers{generation}"),
                (rb"NET inet 10.0.2.15 1", 30, "an address by DHCP, the link is up"),
                (md5, 30, "5 MiB arrive"),
                (rb"SENT (\w{32})", 30, "3 MB leave"),
                (rb"IRQ [1-9]", 10, "interrupts are messages"),
                (rb"PORT /dev/vport\w+", 10, "a port with a name")):
            found = guest.expect(pattern, seconds)
            if not ok(found, name, guest.tail()):
                return
            if name == "3 MB leave":
                server.threads[1].join(10)
                ok(hashlib.md5(server.got).hexdigest().encode() == found.group(1), "the same")
        check_port(guest, path)
        ok(guest.expect(rb"INPUT 2.*WAITING", 20), "a keyboard and a tablet", guest.tail())
        guest.press("z")
        ok(guest.expect(rb"KEY +1 +44\s", 20), "a key arrives", guest.tail())
        if not ok(guest.expect(rb"READY", 20), "the console takes text", guest.tail()):
            return
        with open(console, "rb") as f:
            ok(b"hello console" in f.read(), "which comes out")
        check_balloon(guest)
        guest.type("off\n")
        ok(guest.finish(20) == 0, "power-off", guest.tail())


def run_shares(work, initrd):
    """Three folders, with links in them that would lead out if the host followed them."""
    args = ["-m", "256", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
            "-kernel", packages.kernel(), "-initrd", initrd, "-append", "console=ttyS0 quiet"]
    for tag, model in (("none", "none"), ("mapped", "mapped-xattr"), ("ro", "none,readonly=on")):
        path = os.path.join(work, tag)
        os.mkdir(path)
        with open(os.path.join(path, "hello"), "w") as f:
            f.write("hi\n")
        os.symlink("/etc", os.path.join(path, "escape"))
        os.symlink(os.path.join(work, "secret"), os.path.join(path, "escape2"))
        if tag == "ro":
            args += ["-fsdev", f"local,id=f,path={path},security_model={model}",
                     "-device", "virtio-9p-pci,fsdev=f,mount_tag=ro"]
        else:
            args += ["-virtfs", f"local,path={path},mount_tag={tag},security_model={model}"]
    with open(os.path.join(work, "secret"), "w") as f:
        f.write("secret\n")
    sums = hashlib.md5("".join(f"{i}\n" for i in range(1, 100001)).encode()).hexdigest().encode()
    with Emulator(*args, monitor=True) as guest:
        for tag in ("none", "mapped"):
            for pattern, name in (
                    (b"TAG %s hi" % tag.encode(), f"{tag}: a file is read"),
                    (b"OK mkdir made.*SUM " + sums, "what is written reads back"),
                    (rb"OK mv .*OK ln made.*OK ln -s", "names move and are linked"),
                    (rb"LINK ../hello hi", "links are for the guest"),
                    (rb"NO cat escape/passwd.*NO cat escape2", "which do not lead out"),
                    (rb"OK chmod.*OK chown.*STAT 640 123:456 588895 regular",
                     "mode and owner") if tag == "mapped" or os.getuid() == 0 else
                    (rb"OK chmod.*OK chown.*STAT 640", "mode and owner"),
                    (rb"TIME 981158400", "times"), (rb"CUT 1 2 3", "a file is cut"),
                    (rb"RENAMED.*COUNT 300 300", "a folder of 300 files"),
                    (rb"NO rmdir.*OK rm -r", "all is removed"),
                    (b"FREE 1.*END %s" % tag.encode(), "room is told")):
                if not ok(guest.expect(pattern, 60), name, guest.tail()):
                    return
            path = os.path.join(work, tag)
            ok(sorted(os.listdir(path)) == ["escape", "escape2", "hello"], "nothing is left")
        ok(guest.expect(rb"TAG ro hi.*NO mkdir made.*NO mv.*END ro", 60), "a read-only share",
           guest.tail())
        guest.finish(20)


def run_move(work, initrd):
    args = ["-m", "192", "-nographic", "-nodefaults", "-serial", "stdio", "-kernel",
            packages.kernel(), "-initrd", initrd, "-append", "console=ttyS0 quiet",
            "-drive", f"if=virtio,file={work}/vda,format=raw", "-drive",
            f"if=none,id=s,file={work}/sda,format=raw", "-device", "virtio-scsi-pci",
            "-device", "scsi-hd,drive=s", "-netdev", "user,id=n",
            "-device", "virtio-net-pci,netdev=n", "-device", "virtio-serial-pci",
            "-device", "virtserialport", "-device", "virtio-tablet-pci", "-device",
            "virtio-balloon-pci", "-device", "virtio-rng-pci"]
    for disk in ("vda", "sda"):
        with open(os.path.join(work, disk), "wb") as f:
            f.truncate(16 << 20)
    path = os.path.join(work, "move")
    with Emulator(*args, monitor=True) as source, \
            Emulator(*args, "-incoming", f"unix:{path}", monitor=True) as target:
        ok(source.expect(rb"TICK 3\.", 90), "both disks are in use", source.tail())
        source.command(f"migrate -d unix:{path}")
        status = ""
        for _ in range(300):
            status = source.command("info migrate")
            if "completed" in status or "failed" in status:
                break
            time.sleep(0.1)
        ok("completed" in status, "the machine moves", status.encode())
        while source.pump(0.1) and source.seen < len(source.out):
            source.seen = len(source.out)
        target.expect(rb"(TICK \d+\.\s+){3}", 40)
        numbers = [int(n) for n in re.findall(rb"TICK (\d+)\.", source.out + target.out)]
        ok(len(numbers) > 6 and numbers == list(range(len(numbers))) and
           b"BAD" not in source.out + target.out, "and misses nothing",
           source.tail() + target.tail())


def main():
    with folder() as work:
        init, lease = os.path.join(work, "init"), os.path.join(work, "lease")
        for path, text in ((init, INIT), (lease, LEASE)):
            with open(path, "w") as f:
                f.write(text)
            os.chmod(path, 0o755)
        modules = packages.modules(*MODULES)
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                                    *(part for m in modules for part in ("-m", m)),
                                    f"{lease}=bin/lease")
        run(work, initrd, "")
        run(work, initrd, ",disable-modern=on")
        run(work, initrd, ",packed=on")
        with open(init, "w") as f:
            f.write(SHARE_INIT)
        packages.initramfs(initrd, "-i", init, *(part for m in modules for part in ("-m", m)))
        run_shares(work, initrd)
        with open(init, "w") as f:
            f.write(MOVE_INIT)
        packages.initramfs(initrd, "-i", init, *(part for m in modules for part in ("-m", m)))
        run_move(work, initrd)
    done()


main()
