#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines under Debian's gdb, from the reset vector through real and protected to long mode on one
connection; and the ways to open and close it."""
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from debugger import BUILD, HERE, Session, die_with_parent, have_gdb
from tap import done, ok, skip, skip_all

def build(arch, folder):
    elf, image = os.path.join(folder, arch + ".elf"), os.path.join(folder, arch + ".img")
    flags = ["-m64", "-DLONG"] if arch == "x86_64" else ["-m32"]
    result = subprocess.run(["cc", *flags, "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext=0x7c00",
                             "-Wl,--build-id=none", "-Wl,-e,start", "-o", elf,
                             os.path.join(HERE, "boot.S")], capture_output=True)
    if result.returncode:
        return None, None
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", elf, image], check=True)
    return elf, image


def command(arch, image, *args):
    return [os.path.join(BUILD, f"qemu-system-{arch}"), "-display", "none", "-serial", "none",
            "-monitor", "none", "-net", "none", "-drive", f"file={image},format=raw,if=floppy",
            "-boot", "a", *args]


class Run(Session):
    def __init__(self, arch, elf, image, *args):
        self.arch = arch
        super().__init__(lambda path: command(arch, image, "-gdb", f"unix:{path}", *args), elf)

    def check(self, text, pattern, name):
        got = self.do(text)
        return ok(re.search(pattern, got), f"{self.arch}: {name}", self.all)

    def is_value(self, expression, want, name):
        got = self.value(expression, "/x")
        return ok(got == want, f"{self.arch}: {name}", f"{got}, not {want}\n{self.all}")


def modes(arch, elf, image):
    pc, ax, cx = ("$rip", "$rax", "$rcx") if arch == "x86_64" else ("$eip", "$eax", "$ecx")
    with Run(arch, elf, image, "-S", "-smp", "2") as s:
        s.is_value(pc, "0xfff0", "stopped at the reset vector")
        s.is_value("$cs", "0xf000", "with its segment")
        s.is_value("*(unsigned char *)0xffff0", "0xea", "reads the firmware")
        s.check("info threads", r"CPU#0 .*\n.*CPU#1 \[halted", "threads are vCPUs")
        s.check("stepi", "", "stepi in the firmware")
        ok(s.value(pc) != "0xfff0", f"{arch}: moved", s.all)
        s.check("hbreak *start", "Hardware assisted breakpoint 1", "hbreak before the code is there")
        s.check("continue", "Breakpoint 1, .*start", "stops at the boot sector")
        s.is_value("(long)$sp & 0xffff0000", "0x0", "a 16-bit stack pointer")
        s.check("break in_real", "Breakpoint 2", "break")
        s.check("continue", "Breakpoint 2, .*in_real", "in real mode")
        s.is_value("$eax", "0x12345678", "a register")
        s.check("set var $ebx = 0x42", "", "sets a register")
        s.check("break rep_insn", "Breakpoint 3", "break at a repeated instruction")
        s.check("continue", "Breakpoint 3", "continue")
        s.is_value("$ebx", "0x42", "the register kept its value")
        s.do("delete 3")
        s.do("stepi")
        s.is_value(cx, "0x7", "stepi does one repetition")
        s.do("stepi 3")
        s.is_value(cx, "0x4", "and three")
        s.check("tbreak rep_done", "Temporary breakpoint", "tbreak behind it")
        s.check("continue", "rep_done", "the rest at once")
        s.check("x/s &copy", '"a string"', "memory")
        s.check("watch *(int *)&counter", "Hardware watchpoint", "watch")
        s.check("continue", r"Old value = 0\s+New value = 1", "a store in real mode")
        s.is_value("$cr0 & 1", "0x0", "still in real mode")
        s.check("continue", r"Old value = 1\s+New value = 2", "a store in protected mode")
        s.is_value("$cr0 & 1", "0x1", "in protected mode")
        s.do("delete")
        s.check("break called", "Breakpoint", "break in a function")
        s.check("continue", "called", "continue")
        s.check("x/i $pc", "push|pop", "disassembly")
        s.do("delete")
        s.check("break in_long", "Breakpoint", "break in long mode")
        s.check("continue", "in_long", "continue")
        if arch == "x86_64":
            s.is_value("($efer >> 10) & 1", "0x1", "long mode is active")
            s.do("stepi")
            s.is_value("$rax", "0x1122334455667788", "64-bit registers")
        s.do("delete")
        got = s.interrupt("continue")
        ok("received signal SIGINT" in got, f"{arch}: ^C", s.all)
        s.check("monitor info status", "paused", "the monitor's commands")
        s.check("monitor nonsense", "unknown command", "and its errors")
        before = int(s.value("*(int *)&counter"))
        s.check("break count", "Breakpoint", "break in a loop")
        for _ in range(2):
            s.do("continue")
        ok(int(s.value("*(int *)&counter")) >= before, f"{arch}: each time around", s.all)
        s.do("set var *(int *)&counter = 1000000")
        s.is_value("*(int *)&counter", "0xf4240", "sets memory")
        s.check("maint packet qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4", "step modes")
        s.check("maint packet Qqemu.PhyMemMode:1", "OK", "physical memory")
        s.is_value("*(unsigned short *)0x7dfe", "0xaa55", "is read")
        s.check("monitor gdbserver none", "cannot close its own", "the stub stays open")


def lives(arch, elf, image):
    """The connection goes and comes; the guest does not mind."""
    with Run(arch, elf, image) as s:
        s.do("break count")
        s.do("continue")
        s.check("backtrace 1", "count", "a running machine stops for gdb")
        s.do("detach")
        time.sleep(0.1)
        path = os.path.join(s.folder.name, "gdb")
        s.do(f"target remote {path}")
        first = int(s.value("*(int *)&counter"))
        s.do("disconnect")
        s.do(f"target remote {path}")
        second = int(s.value("*(int *)&counter"))
        ok(first > 0 and second >= first, f"{arch}: detach, and attach again twice", s.all)
        for _ in range(20):         # a busy host may not get to it at once
            s.do("detach")
            time.sleep(0.1)
            s.do(f"target remote {path}")
            third = int(s.value("*(int *)&counter"))
            if third > second:
                break
        ok(third > second, f"{arch}: it ran meanwhile", s.all)
        s.do("kill")
        ok(s.finish()[0] == 0, f"{arch}: kill ends the emulator", s.all)


def packet(text):
    return f"${text}#{sum(text.encode()) & 255:02x}".encode()


def opening(image):
    """Without gdb: options, the monitor, and what is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        p = subprocess.run(command("x86_64", image, "-gdb", f"tcp:127.0.0.1:{port}"),
                           capture_output=True, text=True, timeout=10)
        ok(p.returncode == 1 and p.stderr.count("\n") == 1 and "Address already in use" in p.stderr,
           "a port in use", p.stderr)
    p = subprocess.run(command("x86_64", image, "-p", "x"), capture_output=True, text=True,
                       timeout=10)
    ok(p.returncode == 1 and "not a TCP port" in p.stderr, "-p x", p.stderr)
    with tempfile.TemporaryDirectory(prefix="qemu-test-") as folder:
        argv = command("x86_64", image, "-S", "-monitor", "stdio")
        p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             preexec_fn=die_with_parent)
        path = os.path.join(folder, "gdb")
        p.stdin.write(f"gdbserver unix:{path}\n".encode())
        p.stdin.flush()
        end = time.time() + 5
        while not os.path.exists(path) and time.time() < end:
            time.sleep(0.01)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(path)
            s.sendall(packet("?"))
            got = b""
            while got.count(b"#") < 1 or len(got) < got.index(b"#") + 3:
                got += s.recv(1000)
            ok(got.startswith(b"+$T05thread:01;"), "the monitor's gdbserver", repr(got))
        out = p.communicate(b"gdbserver none\nquit\n", timeout=5)[0].decode()
        ok("Waiting for gdb connection on device" in out and "Disabled gdbserver" in out,
           "and none closes it", out)


if not have_gdb():
    skip_all("there is no gdb")
with tempfile.TemporaryDirectory(prefix="qemu-test-") as out:
    for a in ("x86_64", "i386"):
        program, disk = build(a, out)
        if not os.path.exists(os.path.join(BUILD, f"qemu-system-{a}")):
            skip(a, "not built")
        elif not program:
            skip(a, "the compiler cannot make such programs")
        else:
            modes(a, program, disk)
            lives(a, program, disk)
            if a == "x86_64":
                opening(disk)
done()
