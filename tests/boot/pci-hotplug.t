#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PCI cards that come to and leave a running Linux by ACPI: network cards, a disk, by the monitor, QMP
and the guest's own will; and one that a guest without ACPI has to be reset for."""
import os
import re
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "../ui/lib")]
import packages
from emulator import Emulator, folder
from qmp import Session
from tap import done, ok

PROMPT = rb"guest:\S*# "
DRIVERS = ("virtio_pci", "virtio_net", "virtio_blk", "e1000")
WAIT = "for i in $(seq 40); do {} && break; sleep 0.25; done; "


def run(guest, command, pattern, name, seconds=20):
    """The command's output matches; it ends with a mark that the echo does not have."""
    guest.type(f"{command}; echo E''ND\n")
    found = guest.expect(rb"\nEND\r", seconds)
    text = guest.out[:guest.seen].rsplit(b"echo E''ND", 1)[-1] if found else b""
    ok(re.search(pattern, text, re.S), name, text or guest.tail())


def network(guest, s):
    ok(s.result("netdev_add", type="user", id="n") == {}, "a network")
    ok(s.result("device_add", driver="virtio-net-pci", netdev="n", id="card", addr="5",
                mac="52:54:00:00:00:05") == {}, "device_add")
    run(guest, WAIT.format("[ -e /sys/class/net/eth0 ]") + "cat /sys/class/net/eth0/address",
        rb"52:54:00:00:00:05", "the guest's driver takes it")
    run(guest, "ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; sleep 1; "
        "ping -c 1 -w 5 10.0.2.2", rb"1 packets received", "it works")
    ok(s.result("device_del", id="card") == {}, "device_del")
    ok(s.event("DEVICE_DELETED") == {"device": "card", "path": "/machine/peripheral/card"},
       "DEVICE_DELETED when the guest has let go")
    run(guest, "ls /sys/class/net; ls /sys/bus/pci/devices | grep -c 00:05", rb"lo\r\n0\r",
        "nothing is left in the guest")
    info = guest.command("info pci")
    ok("device   0," in info and "device   5," not in info, "nor in info pci", info)
    answer = guest.command("device_add e1000,netdev=n,id=card,addr=5,mac=52:54:00:00:00:06")
    ok("Error" not in answer, "another card in the same slot, by the monitor", answer)
    run(guest, WAIT.format("[ -e /sys/class/net/eth0 ]") + "cat /sys/class/net/eth0/address",
        rb"52:54:00:00:00:06", "the guest has it")
    run(guest, "ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; sleep 3; "
        "ping -c 1 -w 5 10.0.2.2", rb"1 packets received", "it works too")
    run(guest, "echo 0 > /sys/bus/pci/slots/5/power; " +
        WAIT.format("[ ! -e /sys/class/net/eth0 ]") + "ls /sys/class/net", rb"\nlo\r",
        "the guest may eject it itself")
    ok((s.event("DEVICE_DELETED") or {}).get("device") == "card", "which is told")


def disk(guest, s, work):
    path = os.path.join(work, "disk")
    with open(path, "wb") as f:
        f.write(b"hello from a disk\n".ljust(1 << 20, b"\n"))
    guest.command(f"drive_add 0 if=none,id=late,format=raw,file={path}")
    ok(s.result("device_add", driver="virtio-blk-pci", drive="late", id="disk") == {}, "a disk")
    run(guest, WAIT.format("[ -b /dev/vda ]") + "head -n 1 /dev/vda", rb"\nhello from a disk\r",
        "is read")
    guest.command("device_del disk")
    ok((s.event("DEVICE_DELETED") or {}).get("device") == "disk", "it leaves")
    ok("late" not in guest.command("info block"), "with its drive")
    ok("Error" in guest.command("device_del fixed"), "a display adapter stays")


def linux(work):
    initrd = packages.initramfs(os.path.join(work, "initrd.gz"), *(
        part for m in packages.modules(*DRIVERS) for part in ("-m", m)))
    qmp = os.path.join(work, "qmp")
    with Emulator("-M", "pc", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot",
                  "-device", "VGA,id=fixed", "-kernel", packages.kernel(), "-initrd", initrd,
                  "-append", "console=ttyS0 quiet", "-serial", "stdio",
                  "-qmp", f"unix:{qmp},server=on,wait=off", monitor=True) as guest:
        s = Session(qmp)
        s.result("qmp_capabilities")
        if ok(guest.expect(PROMPT, 60), "a shell prompts", guest.tail()):
            network(guest, s)
            disk(guest, s, work)
            guest.type("poweroff\n")
            ok(guest.finish(15) == 0, "poweroff", guest.tail())


def reset(work):
    qmp = os.path.join(work, "qmp2")
    with Emulator("-M", "pc", "-S", "-nodefaults", "-display", "none", "-device", "e1000,id=card",
                  "-qmp", f"unix:{qmp},server=on,wait=off") as guest:
        s = Session(qmp)
        s.result("qmp_capabilities")
        ok(s.result("device_del", id="card") == {}, "device_del before there is a guest")
        time.sleep(0.2)
        s.result("query-status")
        ok(all(e["event"] != "DEVICE_DELETED" for e in s.events), "waits")
        s.result("system_reset")
        ok((s.event("DEVICE_DELETED") or {}).get("device") == "card", "for a reset")
        s.command("quit")
        ok(guest.finish(10) == 0, "quit", guest.tail())


def main():
    with folder() as work:
        linux(work)
        reset(work)
    done()


main()
