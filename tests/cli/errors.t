#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong around a run: broken kernels and firmware, full disks, an end by force.

Each gives one clear line and status 1, or goes on as a machine would, and leaves no files."""
import os
import random
import signal
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/lib"))
from emulator import Emulator, binary, folder
from tap import done, ok, skip

QUIET = ("-display", "none", "-net", "none")


def refuses(name, *args, environment=None):
    """Status 1 and one line that begins with the program's name, both without delay."""
    try:
        run = subprocess.run([binary(), *QUIET, *args], capture_output=True, text=True, timeout=20,
                             stdin=subprocess.DEVNULL, env=environment)
    except subprocess.TimeoutExpired:
        return ok(False, f"{name}: it ran")
    lines = run.stderr.splitlines()
    return ok(run.returncode == 1 and len(lines) == 1 and not run.stdout and
              lines[0].startswith(os.path.basename(binary()) + ": "), f"{name}: one line, status 1",
              f"status {run.returncode}\n{run.stderr}{run.stdout}")


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def setup_header(sectors, loaded_high=True):
    """The first sector of something that says it is a bzImage, and nothing behind it."""
    image = bytearray(1024)
    image[0x1f1] = sectors
    struct.pack_into("<H", image, 0x1fe, 0xaa55)
    struct.pack_into("<4sH", image, 0x202, b"HdrS", 0x020f)
    image[0x211] = loaded_high
    return bytes(image)


def broken_kernels(work):
    chance = random.Random(1)
    kernel = os.path.join(work, "kernel")
    for name, data in (
            ("an empty kernel", b""),
            ("a short kernel", b"short"),
            ("random bytes as a kernel", chance.randbytes(100000)),
            ("a boot sector without a kernel", bytes(510) + b"\x55\xaa" + bytes(1024)),
            ("a kernel cut in its setup code", setup_header(20)),
            ("a Multiboot header in a cut ELF file",
             b"\x7fELF\x01\x01\x01" + bytes(57) + struct.pack("<III", 0x1badb002, 0, 0xe4524ffe)),
            ("a Multiboot header with absurd addresses", struct.pack(
                "<8I", 0x1badb002, 0x10000, -(0x1badb002 + 0x10000) & 0xffffffff,
                0xfffffff0, 0xffffff00, 0xffffffff, 0, 0) + bytes(8192))):
        refuses(name, "-kernel", write(kernel, data))
    refuses("a folder as a kernel", "-kernel", work)
    good = write(kernel, setup_header(1) + bytes(4096))
    refuses("a RAM disk that is not there", "-kernel", good, "-initrd", os.path.join(work, "no"))


def broken_firmware(work):
    bios = os.path.join(work, "bios")
    refuses("an empty BIOS", "-bios", write(bios, b""))
    refuses("a BIOS of an odd size", "-bios", write(bios, bytes(100001)))
    refuses("a BIOS of 32 MiB", "-bios", write(bios, bytes(32 << 20)))
    refuses("no firmware at all", "-L", work, "-bios", "bios-none.bin")
    refuses("an option ROM that is not there", "-option-rom", os.path.join(work, "no"))
    garbled = write(bios, random.Random(2).randbytes(1 << 18))
    with Emulator(*QUIET, "-nodefaults", "-bios", garbled, "-no-reboot", monitor=True) as machine:
        ended = machine.finish(1.5)
        ok(ended in (None, 0), "a garbled BIOS is the guest's own trouble", machine.tail())
        if ended is None:
            machine.command("quit")
            ok(machine.finish(5) == 0, "and can be quit", machine.tail())


def memory_sizes():
    for size in ("0", "-1", "x", "1.5.2", "99999999T", "18446744073709551615", "16E"):
        refuses(f"-m {size}", "-m", size)


def full_disk(work):
    if not os.path.exists("/dev/full"):
        return skip("full disk", "no /dev/full")
    refuses("a pidfile on a full disk", "-S", "-pidfile", "/dev/full")
    with Emulator("-nodefaults", *QUIET, "-serial", "file:/dev/full", "-chardev",
                  "file,id=d,path=/dev/full", "-device", "isa-debugcon,iobase=0x402,chardev=d",
                  monitor=True) as machine:
        ok(machine.finish(2) is None, "a log on a full disk does not stop the guest",
           machine.tail())
        machine.command("quit")
        ok(machine.finish(5) == 0, "which can be quit", machine.tail())
    return None


def by_force(work):
    disk = write(os.path.join(work, "disk"), bytes(1 << 20))
    environment = {**os.environ, "TMPDIR": os.path.join(work, "tmp")}
    os.mkdir(environment["TMPDIR"])
    for number in (signal.SIGKILL, signal.SIGTERM):
        pidfile = os.path.join(work, "pid")
        run = subprocess.Popen([binary(), *QUIET, "-snapshot", "-pidfile", pidfile, "-drive",
                                f"file={disk},format=raw"], env=environment,
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not os.path.exists(pidfile) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.3)
        run.send_signal(number)
        status = run.wait(10)
        ok(status == (-9 if number == signal.SIGKILL else 0), f"{number.name} ends it", status)
        ok(not os.listdir(environment["TMPDIR"]), "and no temporary file stays")
        left = os.path.exists(pidfile)
        ok(left == (number == signal.SIGKILL), "the pidfile stays only after SIGKILL")
    refuses("no place for a snapshot", "-snapshot", "-drive", f"file={disk},format=raw",
            environment={**os.environ, "TMPDIR": os.path.join(work, "none")})


def main():
    with folder() as work:
        broken_kernels(work)
        broken_firmware(work)
        memory_sizes()
        full_disk(work)
        by_force(work)
    done()


main()
