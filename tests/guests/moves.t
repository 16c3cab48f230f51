#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux guest that checks its memory, disk and network hops from emulator to emulator at random
instants, from the firmware on; in between it is saved and loaded. MOVES (default 30) hops."""
import os
import random
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot", "lib"))
import packages
from emulator import BUILD, Emulator, folder
from tap import done, note, ok

INIT = """#!/bin/sh
mount -t proc none /proc
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/sda ] || sleep 0.3; done
ifconfig eth0 10.0.2.15 up
( while :; do ping -c 1 -W 5 10.0.2.2 > /dev/null && echo "PING."; sleep 0.5; done ) &
n=0
while :; do
    head -c 900000 /dev/urandom > /a
    at=$((RANDOM % 30))
    dd if=/a of=/dev/sda bs=100000 seek=$at conv=fsync 2> /dev/null
    echo 3 > /proc/sys/vm/drop_caches
    dd if=/dev/sda of=/b bs=100000 skip=$at count=9 2> /dev/null
    [ "$(md5sum < /a)" = "$(md5sum < /b)" ] && echo "TICK $n." || echo "BAD $n."
    n=$((n + 1))
done
"""


def wait_for(guest, command, words, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = guest.command(command)
        if any(word in answer for word in words):
            return answer
        guest.pump(0.05)
    return ""


def pump_for(guest, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and guest.pump(0.05):
        pass


def hop(source, args, path):
    """The emulator that has the guest now, and what was wrong."""
    target = Emulator(*args, "-incoming", f"unix:{path}", monitor=True).__enter__()
    target.command("info status")
    source.command(f"migrate -d unix:{path}")
    answer = wait_for(source, "info migrate", ("completed", "failed"))
    if "completed" not in answer:
        return target, answer or "no end"
    wait_for(target, "info status", ("running",))
    source.command("quit")
    return target, ""


def main():
    moves = int(os.environ.get("MOVES", "30"))
    random.seed(int(os.environ.get("SEED", "1")))
    with folder() as work:
        init, disk = os.path.join(work, "init"), os.path.join(work, "disk.qcow2")
        with open(init, "w") as f:
            f.write(INIT)
        modules = packages.modules("ata_piix", "sd_mod", "e1000")
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                                    *(part for m in modules for part in ("-m", m)))
        subprocess.run([os.path.join(BUILD, "qemu-img"), "create", "-q", "-f", "qcow2", disk,
                        "8M"], check=True)
        args = ["-m", "128", "-display", "none", "-serial", "stdio", "-nic", "user,model=e1000",
                "-kernel", packages.kernel(), "-initrd", initrd, "-append",
                "console=ttyS0 quiet", "-smp", "2", "-drive", f"file={disk},format=qcow2"]
        guest = Emulator(*args, monitor=True).__enter__()
        said, wrong = b"", ""
        try:
            for number in range(moves):
                pump_for(guest, random.uniform(0.02, 3))
                if number % 5 == 4:
                    guest.command("savevm here", 60)
                    pump_for(guest, random.uniform(0.02, 1))
                    answer = guest.command("loadvm here", 60)
                    wrong = answer if "Error" in answer else ""
                else:
                    before = guest
                    guest, wrong = hop(before, args, os.path.join(work, f"hop{number}"))
                    pump_for(before, 0.3)
                    said += before.out
                    before.__exit__(None, None, None)
                if wrong:
                    break
            ok(not wrong, f"{moves} moves", wrong)
            guest.seen = len(guest.out)
            ok(guest.expect(rb"TICK \d+\..*TICK \d+\.", 60), "the guest goes on", guest.tail())
            ok(guest.expect(rb"PING\.", 60), "with its network", guest.tail())
            said += guest.out
            ok(b"BAD" not in said and b"rror" not in said and b"WARNING" not in said and
               b"Call Trace" not in said, "no self-check failed", said[-3000:])
            note(f"{said.count(b'TICK')} rounds, {said.count(b'PING')} pings")
        finally:
            guest.__exit__(None, None, None)
    done()


main()
