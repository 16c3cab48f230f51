#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives as the monitor sees and changes them: limits, sizes, layers, jobs, -blockdev, and what
becomes of a guest whose disk fails."""
import os
import re
import resource
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot", "lib"))
import emulator
from emulator import BUILD, Emulator, folder
from tap import done, ok

# A boot sector: writes eight sectors of the first hard disk, prints W or F on port 0xe9.
BOOT = bytes.fromhex(
    "31c0 8ed8 be307c b280 b80043 cd13"      # ds = 0, si = packet, dl = 0x80, int 0x13 ah = 0x43
    "b057 7302 b046 e6e9 f4 ebfd")           # al = W, or F with carry; out 0xe9; hlt
PACKET = bytes.fromhex("1000 0800 007c 0000 0010000000000000")   # to sector 0x1000


def img(*args):
    return subprocess.run([os.path.join(BUILD, "qemu-img"), *args], check=True,
                          capture_output=True, text=True).stdout


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def make_boot(work):
    path = os.path.join(work, "boot.img")
    with open(path, "wb") as f:
        f.write(BOOT.ljust(0x30, b"\0") + PACKET)
        f.truncate(1440 << 10)
        f.seek(510)
        f.write(b"\x55\xaa")
    return path


def check_settings(work):
    disk, boot = os.path.join(work, "a.qcow2"), make_boot(work)
    img("create", "-q", "-f", "qcow2", disk, "4M")
    with Emulator("-S", "-display", "none", "-net", "none", "-drive",
                  f"file={disk},format=qcow2,id=d,if=none,bps=1000000,iops_rd=50,detect-zeroes=on",
                  "-blockdev", f"file,node-name=bytes,filename={boot},read-only=on", "-blockdev",
                  '{"driver": "raw", "node-name": "raw", "file": "bytes", "read-only": true}',
                  monitor=True) as e:
        info = e.command("info block d")
        ok("bps=1000000" in info and "iops_rd=50" in info and "Detect zeroes:    on" in info,
           "info block shows limits", info)
        ok("(raw, read-only)" in e.command("info block raw"), "-blockdev makes a drive",
           e.command("info block"))
        e.command("block_set_io_throttle d 0 5 6 0 0 0")
        ok("bps=0 bps_rd=5 bps_wr=6" in e.command("info block d"), "limits change")
        ok("cannot be used" in e.command("block_set_io_throttle d 1 1 0 0 0 0"),
           "impossible limits are refused")
        e.command("block_resize d 8M")
        ok("8388608 bytes" in e.command("info block -v d"), "block_resize")
        for number in range(3):
            e.command(f"snapshot_blkdev d {disk}.{number}")
        ok("chain depth: 3" in e.command("info block d"), "snapshot_blkdev adds layers")
        e.command("snapshot_blkdev_internal d inside")
        ok("inside" in img("snapshot", "-U", "-l", f"{disk}.2"), "snapshot_blkdev_internal")
        e.command("snapshot_delete_blkdev_internal d inside")
        e.command("block_stream d")
        ok(until(lambda: "No active jobs" in e.command("info block-jobs")) and
           "chain depth" not in e.command("info block d"), "block_stream takes them away")
        e.command(f"drive_mirror -f d {disk}.copy qcow2")
        ok(until(lambda: "cannot be completed" not in e.command("block_job_complete d")) and
           until(lambda: f"{disk}.copy" in e.command("info block d")), "drive_mirror moves a drive")
        ok("OK" in e.command(f"drive_add 0 if=none,id=n,file={disk},format=qcow2"), "drive_add")
        ok("lock" in e.command(f"drive_add 0 if=none,id=m,file={disk},format=qcow2"),
           "an image is used once")
        e.command("drive_del n")
        ok("not found" in e.command("info block n"), "drive_del")
        ok("Cannot find device='x'" in e.command("drive_backup x y"), "an unknown drive")


def check_layers(work):
    """-blockdev builds the chain of images, and -snapshot a layer for commands."""
    base, other, top = (os.path.join(work, f"{name}.qcow2") for name in ("base", "other", "top"))
    raw = os.path.join(work, "low.img")
    img("create", "-q", "-f", "qcow2", base, "4M")
    img("create", "-q", "-f", "raw", raw, "4M")
    img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top)
    img("create", "-q", "-f", "qcow2", other, "4M")
    img("bench", "-q", "-w", "-c", "64", "-s", "65536", "--pattern=17", other)
    quiet = ("-S", "-display", "none", "-net", "none")
    for name, node, keys in (("another image", other, f"driver=qcow2,file.driver=file,"
                              f"file.filename={other},node-name=low"),
                             ("a file", raw, f"driver=file,filename={raw},node-name=low")):
        with Emulator(*quiet, "-blockdev", keys, "-blockdev",
                      f"driver=qcow2,node-name=top,file.driver=file,file.filename={top},"
                      "backing=low", "-device", "ide-hd,drive=top,id=d", monitor=True) as e:
            info = e.command("info block -v")
            ok(f"{node} (chain depth: 1)" in info and "low:" not in info,
               f"-blockdev backing= lays an image over {name}", info)
    with Emulator(*quiet, "-blockdev", '{"driver": "qcow2", "node-name": "top", "backing": null, '
                  f'"file": {{"driver": "file", "filename": "{top}"}}}}', monitor=True) as e:
        ok("Backing file" not in e.command("info block top"), "null hides what the image says")
    with Emulator(*quiet, "-drive", f"file={base},if=none,id=d", "-device", "lsi53c895a,id=s",
                  "-device", "scsi-hd,bus=s.0,drive=d", monitor=True) as e:
        info = e.command("info block")
        ok("d: " in info and "cd0" not in info,
           "a disk on the bus of a device's id; no CD-ROM beside a disk made by hand", info)
    for keys, why in (("driver=qcow2,node-name=x,file.filename=y,backing=no", "no node 'no'"),
                      ("driver=qcow2,node-name=x,file=no", "no node 'no'")):
        code = subprocess.run([os.path.join(BUILD, "qemu-system-x86_64"), *quiet, "-blockdev", keys],
                              capture_output=True, text=True)
        ok(code.returncode == 1 and why in code.stderr, f"{keys} is refused", code.stderr)


def start(image, boot, interface, *, limit, policy):
    """An emulator whose files cannot grow beyond a limit."""
    def limit_files():
        emulator.die_with_parent()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    e = Emulator("-display", "none", "-net", "none", "-m", "16", "-debugcon", "stdio", "-boot",
                 "a", "-drive", f"file={boot},format=raw,if=floppy,readonly=on", "-drive",
                 f"file={image},format=qcow2,if={interface},{policy}", monitor=True)
    real = subprocess.Popen
    emulator.subprocess.Popen = lambda *a, **k: real(*a, **{**k, "preexec_fn": limit_files,
                                                          "restore_signals": False})
    try:
        return e.__enter__()
    finally:
        emulator.subprocess.Popen = real


def check_errors(work, interface):
    boot, image = make_boot(work), os.path.join(work, "d.qcow2")
    for policy, letter in (("werror=report", b"F"), ("werror=ignore", b"W")):
        img("create", "-q", "-f", "qcow2", image, "8M")
        e = start(image, boot, interface, limit=os.path.getsize(image), policy=policy)
        ok(e.expect(rb"[WF]", 30) and e.out.endswith(letter), f"{interface}, {policy}: the guest goes on",
           e.tail())
        e.__exit__(None, None, None)
    img("create", "-q", "-f", "qcow2", image, "8M")
    e = start(image, boot, interface, limit=os.path.getsize(image), policy="werror=stop")
    ok(until(lambda: "paused (io-error)" in e.command("info status"), 30) and
       not re.search(rb"[WF]$", e.out), "werror=stop stops the guest", e.command("info status"))
    ok("waits to repeat a request" in e.command("savevm x"), "which cannot be saved like that")
    e.command("cont")
    ok(until(lambda: "paused (io-error)" in e.command("info status")), "again while it fails")
    resource.prlimit(e.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    e.command("cont")
    ok(e.expect(rb"[WF]", 20) and e.out.endswith(b"W"), "and goes on when it works", e.tail())
    e.command("quit")
    ok(e.finish(20) == 0, "quit ends it")
    e.__exit__(None, None, None)
    ok("No errors" in img("check", image), "the image is clean")


def main():
    with folder() as work:
        check_settings(work)
        check_layers(work)
        check_errors(work, "ide")
        check_errors(work, "virtio")
    done()


main()
