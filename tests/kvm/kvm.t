#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PCs on KVM: the firmware, a self-test, GRUB, pause, saved state, gdb; and what happens without it.

The KVM of some machines is software (the module kvm_pvm) and runs neither paging nor the x87 of a
guest in 32-bit protected mode: there the self-test leaves these out."""
import os
import re
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "boot", "lib"))
import packages
from emulator import Emulator, binary, folder
from tap import done, ok, skip

DEVICE = "/dev/kvm"
NOBODY = 65534
SOFTWARE = os.path.exists("/sys/module/kvm_pvm")
SLOW = 90                               # seconds; a KVM in software emulates most of the firmware
BARE = ("-display", "none", "-m", "64", "-net", "none", "-serial", "none")
KVM = ("-accel", "kvm", *BARE)


def build_selftest(work):
    path = os.path.join(work, "selftest")
    flags = ("-m32 -g -march=pentium2 -mfpmath=387 -mno-sse -mno-mmx -std=gnu11 -O1 -Wall -Wextra "
             "-ffreestanding -fno-pic -no-pie -fno-stack-protector -nostdlib -static "
             "-Wl,--build-id=none,--no-warn-rwx-segments -Wl,-T,selftest.ld").split()
    subprocess.run(["cc", *flags, "-o", path, "entry.S", "selftest.c"], cwd=HERE, check=True)
    return path


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def run_as_nobody(*args):
    """A run of a user who may not open the device; None where that cannot be had."""
    if os.geteuid() != 0 or not os.path.exists(DEVICE) or os.stat(DEVICE).st_mode & 6:
        return None
    try:
        return subprocess.run([binary(), *BARE, "-monitor", "stdio", *args], input=b"quit\n",
                              capture_output=True, preexec_fn=as_nobody, timeout=60)
    except PermissionError:
        return None


def test_refusals():
    """Reasons are one line with a remedy."""
    run = run_as_nobody("-accel", "kvm")
    if run is None:
        skip("a device that must not be opened", "wants root and a device that only root may open")
        return
    text = run.stderr.decode()
    ok(run.returncode == 1 and len(text.splitlines()) == 1 and "Permission denied" in text and
       "adduser" in text, "no permission: one line, with the remedy, status 1", text)
    for args in (("-accel", "kvm", "-accel", "tcg"), ("-machine", "accel=kvm:tcg")):
        run = run_as_nobody(*args)
        text = run.stderr.decode()
        ok(run.returncode == 0 and len(text.splitlines()) == 1 and
           "tcg is used instead of kvm: " in text, f"{' '.join(args)}: falls back and says why", text)


def test_options():
    for args, why in ((("-cpu", "host"), "KVM"), (("-accel", "magic"), "magic")):
        run = subprocess.run([binary(), *BARE, *args], capture_output=True, timeout=60)
        text = run.stderr.decode()
        ok(run.returncode == 1 and why in text and len(text.splitlines()) == 1,
           f"{' '.join(args)} is refused", text)


def selftest_words(arch):
    if SOFTWARE:
        return "smp"
    return "smp float paging" + (" long" if arch == "x86_64" else "")


def test_selftest(kernel):
    for arch in ("x86_64", "i386"):
        with Emulator(*KVM, "-smp", "2", "-debugcon", "stdio", "-monitor", "none",
                      "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel,
                      "-append", selftest_words(arch), arch=arch) as machine:
            status = machine.finish(SLOW)
            good = status == 1 and b"\n1.." in machine.out and b"not ok" not in machine.out
            ok(good, f"{arch}: the self-test passes on two CPUs", machine.tail())


def rounds(machine, least, seconds=SLOW):
    """Waits until the guest has counted so far; the number, or 0. A bad round counts as none."""
    while True:
        found = machine.expect(r"(round|bad) (\d+)\n", seconds)
        if not found or found.group(1) == b"bad":
            return 0
        if int(found.group(2)) >= least:
            return int(found.group(2))


class Loop(Emulator):
    """The self-test in its loop. Patterns are bytes here."""

    def __init__(self, kernel, *args, accel="kvm", **more):
        super().__init__("-accel", accel, *BARE, "-debugcon", "stdio", "-kernel", kernel,
                         "-append", "loop", *args, monitor=True, **more)

    def expect(self, pattern, seconds):
        return super().expect(pattern.encode(), seconds)


def test_pause(kernel):
    with Loop(kernel) as machine:
        ok(rounds(machine, 2), "the guest counts", machine.tail())
        machine.command("stop")
        before = machine.command("info registers")
        time.sleep(0.5)
        after = machine.command("info registers")
        ok(before == after and re.search(r"CR0=0*13\b", before), "stop: the registers stand still",
           before, after)
        ok(re.search(r"EIP=006|RIP=0*6", before), "and are the guest's", before)
        machine.pump(0.2)
        machine.seen = len(machine.out)
        machine.command("cont")
        ok(rounds(machine, 1), "cont: it goes on", machine.tail())
        ok("enabled" in machine.command("info kvm"), "info kvm")
        ok(re.search(r"ok 1 ", machine.out.decode()) and b"not ok" not in machine.out,
           "its self-test was good", machine.tail())


def test_saved_state(kernel, work):
    disk = os.path.join(work, "state.qcow2")
    image = os.path.join(os.path.dirname(binary()), "qemu-img")
    subprocess.run([image, "create", "-q", "-f", "qcow2", disk, "64M"], check=True)
    # A model that both accelerators have in full
    drive = ("-drive", f"file={disk},format=qcow2,if=ide", "-cpu", "pentium2")
    with Loop(kernel, *drive) as machine:
        last = rounds(machine, 3)
        answer = machine.command("savevm here", 60)
        ok(last and "Error" not in answer and "here" in machine.command("info snapshots"),
           "savevm under KVM", answer, machine.tail())
        ok(rounds(machine, last + 2), "and the guest goes on", machine.tail())
        machine.command("loadvm here", 60)
        machine.pump(0.2)
        found = machine.expect(r"(round|bad) (\d+)\n", 30)
        ok(found and found.group(1) == b"round" and rounds(machine, 1), "loadvm under KVM",
           machine.tail())
    for accel in ("kvm", "tcg"):
        with Loop(kernel, *drive, "-loadvm", "here", accel=accel) as machine:
            first = rounds(machine, 1, 30)
            ok(last and last <= first <= last + 2 and rounds(machine, first + 2, 30),
               f"a new process goes on with it ({accel})", machine.tail())


def test_migration(kernel, work):
    """The guest runs, and stores, while its memory goes: the log of dirty pages must be right."""
    path = os.path.join(work, "stream")
    with Loop(kernel) as machine:
        last = rounds(machine, 2)
        answer = machine.command(f"migrate exec:cat>{path}", 60)
        ok(last and "completed" in machine.command("info migrate"), "a running guest is sent",
           answer, machine.tail())
        machine.pump(0.2)
        sent = [int(n) for n in re.findall(rb"round (\d+)\n", machine.out)]
    with Loop(kernel, "-incoming", f"exec:cat {path}") as machine:
        first = rounds(machine, 1, 30)
        ok(first and first == sent[-1] + 1 and rounds(machine, first + 2, 30),
           "and goes on where it was", f"{sent[-1:]} then {first}", machine.tail())


def picture(machine, work):
    path = os.path.join(work, "picture.ppm")
    machine.command(f"screendump {path}")
    with open(path, "rb") as f:
        return f.read()


def test_display(kernel, work):
    """Each round stores a digit of its number to the screen."""
    with Loop(kernel) as machine:
        pictures = set()
        for n in range(1, 6):
            rounds(machine, n)
            pictures.add(picture(machine, work))
        ok(len(pictures) >= 3, "the screen shows what the guest stores", str(len(pictures)))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_gdb(kernel):
    if subprocess.run(["sh", "-c", "command -v gdb"], capture_output=True).returncode:
        skip("gdb", "there is none")
        return
    port = free_port()
    # KVM's emulator, with which the software one runs such code, knows no data breakpoints.
    watch = [] if SOFTWARE else ["watch ticks", "continue", "printf \"TICKS %d\\n\", ticks > 0"]
    commands = ["set pagination off", "set confirm off", f"target remote 127.0.0.1:{port}",
                "hbreak print_number", "continue",
                "printf \"AT %x\\n\", $pc == (unsigned)print_number", "delete", "stepi", "stepi",
                "printf \"STEP %d\\n\", $pc - (unsigned)print_number",
                "break handle", "continue", "printf \"FRAME %d\\n\", f->vector", "delete",
                "x/1xw &count", *watch, "kill"]
    with Loop(kernel, "-gdb", f"tcp:127.0.0.1:{port}", arch="i386") as machine:
        ok(rounds(machine, 1), "gdb: the guest runs", machine.tail())
        args = [part for c in commands for part in ("-ex", c)]
        run = subprocess.run(["gdb", "-q", "-nx", "-batch", *args, kernel], capture_output=True,
                             timeout=SLOW, stdin=subprocess.DEVNULL)
        out = run.stdout.decode() + run.stderr.decode()
        for mark, name in (("AT 1", "a breakpoint"), ("STEP 2", "two steps of a byte"),
                           ("FRAME 32", "another breakpoint"), ("<count>", "memory")):
            ok(mark in out, f"gdb: {name}", out)
        if watch:
            ok("TICKS 1" in out, "gdb: a watchpoint", out)


def test_grub():
    cd = packages.file("grub-rescue-pc", "usr/lib/grub-rescue/grub-rescue-cdrom.iso")
    with Emulator(*KVM, "-cdrom", cd, "-boot", "d", monitor=True) as machine:
        ok(machine.expect_screen(r"^SeaBIOS \(version", SLOW), "SeaBIOS shows its banner",
           machine.screen())
        ok(machine.expect_screen(r"GNU GRUB +version 2\.", SLOW), "GRUB starts from a CD",
           machine.screen())
        machine.press("c")
        ok(machine.expect_screen(r"^ *grub> *$", SLOW), "and prompts", machine.screen())


def test_invaders():
    game = packages.file("grub-invaders", "boot/invaders.exec")
    with Emulator(*KVM, "-kernel", game, monitor=True) as machine:
        machine.expect_screen(r"\S", SLOW)
        ok(machine.expect_screen(r"-\*-  -\*-", SLOW), "GRUB invaders come", machine.screen())


def can_use_kvm():
    try:
        os.close(os.open(DEVICE, os.O_RDWR))
        return ""
    except OSError as error:
        return f"{DEVICE}: {error.strerror}"


def main():
    test_refusals()
    test_options()
    missing = can_use_kvm()
    if missing:
        skip("guests on KVM", missing)
        done()
    with folder() as work:
        kernel = build_selftest(work)
        test_selftest(kernel)
        test_pause(kernel)
        test_saved_state(kernel, work)
        test_migration(kernel, work)
        test_display(kernel, work)
        test_gdb(kernel)
    test_grub()
    test_invaders()
    done()


main()
