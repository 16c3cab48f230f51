#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Linux guest that checks itself is saved, restored, moved while it runs, and not hurt by moves
that fail; cut and damaged streams give one error."""
import os
import random
import socket
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import BUILD, Emulator, binary, folder
from tap import done, ok

INIT = """#!/bin/sh
mount -t proc none /proc
mount -t devtmpfs none /dev
n=0
while :; do
    head -c 300000 /dev/urandom > /a
    cp /a /b
    [ "$(md5sum < /a)" = "$(md5sum < /b)" ] && echo "TICK $n." || echo "BAD $n."
    n=$((n + 1))
done
"""


def ticks(guest, count, seconds=30):
    """The numbers of the next rounds of the guest's own check; fewer when one was bad."""
    numbers = []
    while len(numbers) < count:
        found = guest.expect(rb"(TICK|BAD) (\d+)\.\r", seconds)
        if not found or found.group(1) == b"BAD":
            break
        numbers.append(int(found.group(2)))
    return numbers


def is_run(numbers, count):
    return len(numbers) == count and numbers == list(range(numbers[0], numbers[0] + count))


def wait_for(guest, command, word, seconds=30):
    """Repeats a monitor command until its answer has the word."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = guest.command(command)
        if word in answer:
            return True
        time.sleep(0.05)
    return False


def check_savevm(guest):
    guest.command("savevm first")
    guest.seen = len(guest.out)
    after_save = ticks(guest, 3)
    ok("first" in guest.command("info snapshots"), "savevm leaves a snapshot")
    guest.command("stop")
    while guest.pump(0.2) and guest.seen < len(guest.out):
        guest.seen = len(guest.out)
    guest.command("loadvm first")
    guest.command("cont")
    again = ticks(guest, 3)
    ok(is_run(after_save, 3) and is_run(again, 3) and abs(again[0] - after_save[0]) <= 1,
       "loadvm goes back to it", repr((after_save, again)).encode() + guest.tail())


def check_loadvm_option(args):
    with Emulator(*args, "-loadvm", "first", monitor=True) as guest:
        ok(is_run(ticks(guest, 2), 2), "-loadvm starts from it", guest.tail())
        guest.command("delvm first")
        ok("no snapshot" in guest.command("info snapshots"), "delvm deletes it")
    with Emulator(*args, "-loadvm", "first") as guest:
        ok(guest.finish(20) == 1 and b"Snapshot 'first' does not exist" in guest.out,
           "a snapshot that is not there: one line", guest.tail())


def check_move(source, target, address):
    before = ticks(source, 1)
    source.command(f"migrate -d {address}")
    moved = wait_for(source, "info migrate", "completed")
    ok(moved, "the machine leaves while it runs", source.command("info migrate").encode())
    ok("postmigrate" in source.command("info status"), "and is stopped here")
    for number in range(100):       # what was said before the move
        if not source.pump(0.05) or source.seen == len(source.out):
            break
        before += ticks(source, 1, 0.1)
    after = ticks(target, 3)
    ok(is_run(after, 3) and after[0] - before[-1] in (1, 2), "and goes on there",
       repr((before, after)).encode() + target.tail())
    ok("running" in target.command("info status"), "where it runs")


class Cutter(threading.Thread):
    """Takes a machine's stream at a socket, and hangs up after so many bytes."""

    def __init__(self, path, limit):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(1)
        self.limit = limit
        self.data = b""
        self.start()

    def run(self):
        peer = self.socket.accept()[0]
        while len(self.data) < self.limit:
            chunk = peer.recv(min(1 << 20, self.limit - len(self.data)))
            if not chunk:
                break
            self.data += chunk
        peer.close()
        self.socket.close()


def check_cut_source(guest, work, limit, name):
    path = os.path.join(work, f"cut{limit}")
    cutter = Cutter(path, limit)
    guest.command(f"migrate -d unix:{path}")
    failed = wait_for(guest, "info migrate", "failed")
    cutter.join(10)
    guest.seen = len(guest.out)
    ok(failed and "running" in guest.command("info status") and is_run(ticks(guest, 2), 2),
       f"a stream cut {name} leaves the source running", guest.tail())


def incoming(args, path, data):
    """The exit status and the output of an emulator that gets this as a machine."""
    with open(path, "wb") as f:
        f.write(data)
    with subprocess.Popen([binary(), *args, "-S", "-incoming", f"file:{path}", "-monitor",
                           "none"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as p:
        try:
            return p.communicate(timeout=20)[0], p.returncode
        except subprocess.TimeoutExpired:
            p.kill()
            return p.communicate()[0], None


def check_bad_streams(args, work):
    """Small machines, so that they start fast."""
    path = os.path.join(work, "machine")
    with Emulator(*args, monitor=True) as guest:
        guest.command("stop")
        guest.command(f"migrate file:{path}")
    with open(path, "rb") as f:
        whole = f.read()
    random.seed(7)
    wrong = []
    cuts = [random.randrange(len(whole)) for i in range(6)] + [0, 8, len(whole) - 1]
    for cut in cuts:
        out, status = incoming(args, path + ".cut", whole[:cut])
        if status != 1 or out.count(b"-incoming: ") != 1:
            wrong.append((cut, status, out[-300:]))
    ok(not wrong, "a destination of cut streams says one line and ends", repr(wrong).encode())
    for text, args2 in (("MiB of RAM", ["-m", "24"]), ("CPUs", ["-smp", "2"]),
                        ("pieces of RAM|devices differ|has RAM", ["-device", "e1000"]),
                        ("is a 'pc-i440fx", ["-M", "isapc"]), ("another model", ["-cpu", "max"])):
        out, status = incoming([*args, *args2], path + ".same", whole)
        ok(status == 1 and any(t.encode() in out for t in text.split("|")),
           f"another machine is refused: {' '.join(args2)}", out)
    out, status = incoming(args, path + ".old", b"QEVM\0\0\0\3" + bytes(100))
    ok(status == 1 and b"QEMU machine" in out, "so is a stream of QEMU's", out)


def check_moves(args, work):
    path = os.path.join(work, "move")
    with Emulator(*args, monitor=True) as source:
        if not ok(is_run(ticks(source, 2, 90), 2), "the guest checks itself", source.tail()):
            return
        check_cut_source(source, work, 100000, "early")
        check_cut_source(source, work, 10 << 20, "in the middle of RAM")
        with Emulator(*args, "-incoming", f"unix:{path}", monitor=True) as target:
            ok("inmigrate" in target.command("info status"), "-incoming waits")
            check_move(source, target, f"unix:{path}")
            source.command("quit")
            check_savevm(target)
            target.command("quit")
    check_loadvm_option(args)


def main():
    with folder() as work:
        kernel = packages.kernel()
        init = os.path.join(work, "init")
        with open(init, "w") as f:
            f.write(INIT)
        initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init)
        disk = os.path.join(work, "disk.qcow2")
        subprocess.run([os.path.join(BUILD, "qemu-img"), "create", "-q", "-f", "qcow2", disk,
                        "16M"], check=True)
        args = ["-m", "128", "-display", "none", "-serial", "stdio", "-net", "none", "-kernel",
                kernel, "-initrd", initrd, "-append", "console=ttyS0 quiet", "-smp", "2",
                "-drive", f"file={disk},format=qcow2"]
        check_moves(args, work)
        check_bad_streams(["-m", "16", "-display", "none", "-net", "none", "-serial", "null"],
                          work)
    done()


main()
