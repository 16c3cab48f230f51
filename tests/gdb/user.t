#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs under Debian's gdb: breakpoints, steps, watchpoints, threads, signals, forks, for i386,
x86_64 and ARM."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from debugger import BUILD, HERE, Session, have_gdb
from tap import done, ok, skip, skip_all

ARM = next(([c] for c in ("arm-linux-gnueabihf-gcc", "arm-linux-gnueabi-gcc") if shutil.which(c)),
           None)
GDB = {"arm": "gdb-multiarch"}


def build(arch, folder):
    path = os.path.join(folder, f"program-{arch}")
    compiler = {"i386": ["cc", "-m32"], "x86_64": ["cc", "-m64"]}.get(arch) or ARM
    if not compiler:
        return None
    result = subprocess.run([*compiler, "-g", "-O0", "-static", "-pthread", "-w", "-o", path,
                             os.path.join(HERE, "program.c")], capture_output=True)
    return path if result.returncode == 0 else None


class Run(Session):
    def __init__(self, arch, program, *args):
        self.arch, self.args = arch, args
        super().__init__(lambda path: [os.path.join(BUILD, f"qemu-{arch}"), "-g", path, program,
                                       *args], program, GDB.get(arch, "gdb"))

    def check(self, command, pattern, name):
        got = self.do(command)
        return ok(re.search(pattern, got), f"{self.arch}, {' '.join(self.args)}: {name}", self.all)

    def ends(self, command, status, name):
        got = self.do(command)
        code, out = self.finish()
        ok(code == status, f"{self.arch}, {' '.join(self.args)}: {name}", f"{got}\n{code}\n{out}")


def stores(arch, program):
    pc, sp = {"x86_64": ("rip", "rsp"), "i386": ("eip", "esp")}.get(arch, ("pc", "sp"))
    vector, zero = ("$d0", "= 0") if arch == "arm" else ("$xmm0", r"v4_float = \{0, 0, 0, 0\}")
    with Run(arch, program, "stores") as s:
        s.check("info registers", rf"{pc} +0x[0-9a-f]+ .*<_start", "starts at the first instruction")
        s.check(f"p {vector}", zero, "vector registers")
        s.check("break main", "Breakpoint 1 at", "break")
        s.check("continue", r"Breakpoint 1, main \(argc=2", "stops at main")
        s.check("next", "signal", "next")
        s.check("break leaf", "Breakpoint 2", "another breakpoint")
        s.check("print middle(1)", "stopped while in a function", "a call that meets it")
        s.check("backtrace", r"#0 +leaf \(n=2\).*\n#1 .*middle \(n=1\).*\n#2 .*called from gdb|"
                r"leaf[^\n]*\n#1[^\n]*middle[^\n]*\n#2 *<function called", "backtrace")
        s.check("finish", "Value returned is .* = 4", "finish")
        s.check("delete 2", "", "delete")
        s.check("finish", "Value returned|Run till exit", "back to the caller")
        s.check("print middle(10)", "= 23", "calls a function")
        s.check("print origin", r"x = 1, y = 2, z = 2.5", "prints a structure")
        s.check("set var origin.x = 99", "", "sets a variable")
        s.check("print origin.x", "= 99", "which stays")
        s.check("break stores", "Breakpoint 3", "break in stores")
        s.check("continue", "Breakpoint 3, stores", "continue")
        s.check("watch watched", "Hardware watchpoint", "watch")
        s.check("rwatch buffer[10]", "Hardware read watchpoint", "rwatch")
        s.check("awatch wide", "Hardware access", "awatch")
        s.check("continue", r"Old value = 0\s+New value = 7", "a store")
        s.check("continue", r"Old value = 7\s+New value = 10", "an atomic addition")
        if arch == "i386":
            s.check("continue", r"New value = 1432778632", "half of a wide store")
        s.check("continue", r"New value = 1234605616436508552", "a wide store")
        s.check("delete", "", "no more watchpoints")
        s.check("break peek", "Breakpoint", "break in a function that reads code")
        s.check("continue", "Breakpoint .*peek", "stops")
        s.check("finish", "Value returned is .* = (?!204)", "the program reads its own bytes")
        s.check("stepi", "", "stepi")
        s.check(f"print ${sp} > 4096", "= 1", "the stack pointer")
        s.check("step", "", "step")
        s.check("info auxv", "AT_ENTRY", "auxiliary vector")
        s.check("info threads", r"\* 1 ", "one thread")
        s.ends("continue", 9, "ends with the program's status")


def reads(arch, program):
    with Run(arch, program, "reads") as s:
        s.check("break reads", "Breakpoint", "break")
        s.check("continue", "Breakpoint 1, reads", "continue")
        s.check("rwatch buffer[10]", "read watchpoint", "rwatch")
        s.check("continue", "read watchpoint 2: buffer.*", "a read")
        got = s.value("sum")
        ok(got == "0", f"{arch}, reads: right after it, and not after a store", s.all)
        s.check("continue", "read watchpoint 2: buffer.*", "a read by a copy of many")
        s.ends("kill", -9, "kill")


def threads(arch, program):
    with Run(arch, program, "threads") as s:
        s.check("break leaf", "Breakpoint", "break")
        s.check("continue", r"hit Breakpoint 1, leaf|Breakpoint 1, leaf", "one thread stops")
        got = s.do("info threads")
        ok(len(re.findall(r"^[* ] +\d+ +Thread", got, re.M)) >= 2, f"{arch}: info threads", got)
        s.check("backtrace", "thread_main", "its stack")
        before = s.value("counter")
        s.do("set scheduler-locking on")
        s.do("stepi")
        s.do("stepi")
        s.do("x/i $pc")
        ok(s.value("done") in ("0", "1", "2"), f"{arch}, threads: others stand still", before)
        s.do("set scheduler-locking off")
        s.check("thread apply all backtrace 1", "Thread 1", "thread apply all")
        s.check("continue", r"Breakpoint 1, leaf", "the second")
        s.check("continue", r"Breakpoint 1, leaf", "the third")
        s.do("delete")
        s.ends("continue", 9, "all end")


def signals(arch, program):
    with Run(arch, program, "signal") as s:
        s.check("continue", "received signal SIGUSR1", "a signal stops the program")
        s.check("print $_siginfo.si_signo", "= 10", "its siginfo")
        s.check("break handler", "Breakpoint", "break in the handler")
        s.check("continue", r"handler \(sig=10\)", "which gets it")
        s.check("backtrace", "signal handler called", "backtrace through the frame")
        s.check("finish", "", "finish")
        s.check("print counter", "= 1010", "what the handler did")
        s.check("catch syscall exit_group", "Catchpoint", "catch syscall")
        s.check("continue", "call to syscall exit_group", "stops before it")
        s.ends("continue", 9, "goes on")
    with Run(arch, program, "signal") as s:
        s.do("continue")
        s.do("signal 0")
        ok(s.finish()[0] == 9, f"{arch}, signal 0: the signal is thrown away", s.all)
    with Run(arch, program, "fault") as s:
        s.check("continue", "received signal SIGSEGV", "a fault")
        s.check("print $_siginfo._sifields._sigfault.si_addr", "0x10", "its address")
        s.check("continue", "terminated with signal SIGSEGV", "kills when it goes on")


def forks(arch, program):
    with Run(arch, program, "fork") as s:
        s.check("break in_child", "Breakpoint", "break in the child")
        s.check("break in_parent", "Breakpoint", "break in the parent")
        s.check("catch fork", "Catchpoint", "catch")
        s.check("continue", "Catchpoint 3 .forked process", "a fork")
        s.check("continue", r"Breakpoint 2, in_parent \(status=5\)",
                "the parent, after the child ran undisturbed")
        s.ends("continue", 9, "the parent ends")
    with Run(arch, program, "fork") as s:
        s.do("set follow-fork-mode child")
        s.check("break in_child", "Breakpoint", "break")
        s.check("continue", "Breakpoint 1.*, in_child", "follows the child")
        s.check("finish", "Run till exit", "finish")
        s.check("print counter", "= 77", "memory of its own")
        s.check("continue", "exited with code 05", "the child ends")


def others(arch, program):
    with Run(arch, program, "sleep") as s:
        got = s.interrupt("continue")
        ok("received signal SIGINT" in got, f"{arch}: ^C in a system call", s.all)
        s.check("print middle(20)", "= 43", "calls a function there")
        s.check("backtrace", "main", "backtrace")
        got = s.interrupt("continue")
        ok("received signal SIGINT" in got, f"{arch}: the call goes on, ^C again", s.all)
        s.ends("kill", -9, "kill")
    with Run(arch, program, "spin") as s:
        got = s.interrupt("continue")
        ok("received signal SIGINT" in got and "main" in got, f"{arch}: ^C in a loop", s.all)
        before = int(s.value("counter"))
        s.interrupt("continue", 0.1)
        ok(int(s.value("counter")) > before, f"{arch}: the loop goes on", s.all)
        s.do("set var leave = 1")
        s.do("detach")
        ok(s.finish()[0] == 9, f"{arch}: it runs to its end without gdb", s.all)
    with Run(arch, program, "exec") as s:
        s.check("catch exec", "Catchpoint", "catch")
        s.check("continue", "executing new program", "an exec keeps the connection")
        s.check("break stores", "Breakpoint", "break in the new program")
        s.check("continue", "Breakpoint 2, stores", "stops there")
        s.ends("continue", 9, "and ends")


def refused(arch):
    for option, pattern in (("70000", "a TCP port is a number from 1 to 65535"),
                            ("/none/x", "cannot wait for gdb there")):
        p = subprocess.run([os.path.join(BUILD, f"qemu-{arch}"), "-g", option, "/bin/true"],
                           capture_output=True, text=True, timeout=10)
        ok(p.returncode == 1 and pattern in p.stderr and p.stderr.count("\n") == 1,
           f"-g {option} is refused", p.stderr)


if not have_gdb():
    skip_all("there is no gdb")
with tempfile.TemporaryDirectory(prefix="qemu-test-") as out:
    for a in ("x86_64", "i386", "arm"):
        binary = build(a, out)
        if not os.path.exists(os.path.join(BUILD, f"qemu-{a}")):
            skip(a, "not built")
        elif not have_gdb(GDB.get(a, "gdb")):
            skip(a, f"there is no {GDB[a]}")
        elif not binary:
            skip(a, "the compiler cannot make such programs")
        else:
            for test in (stores, reads, threads, signals, forks, others):
                test(a, binary)
refused("x86_64")
done()
