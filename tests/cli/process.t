#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The process: the terminal is given back on every way out, signals, pidfile, daemon, stdin's end."""
import os
import pty
import select
import shutil
import signal
import subprocess
import tempfile
import termios
import time

QEMU = os.path.join(os.environ.get("BUILD", "build"), "qemu-system-x86_64")
count = failed = 0

# Whoever runs the tests in the background may have had these ignored, which children inherit.
for ignored in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(ignored, signal.SIG_DFL)


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)


class Run:
    """The emulator on a terminal of its own. The guest is stopped (-S) unless told otherwise."""

    def __init__(self, *args, command=None):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.out = b""
        self.process = subprocess.Popen(command or [QEMU, *args], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave,
                                        start_new_session=True,
                                        preexec_fn=lambda: __import__("fcntl").ioctl(
                                            0, termios.TIOCSCTTY, 0))

    def read(self, until, seconds=5):
        end = time.time() + seconds
        while until not in self.out and time.time() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                self.out += os.read(self.master, 65536)
        return until in self.out

    def type(self, keys):
        os.write(self.master, keys)

    def is_raw(self):
        end = time.time() + 5
        while time.time() < end:
            if not termios.tcgetattr(self.slave)[3] & termios.ICANON:
                return True
            time.sleep(0.01)
        return False

    def finish(self):
        """(exit status, whether the terminal is as before)"""
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        while select.select([self.master], [], [], 0.05)[0]:
            self.out += os.read(self.master, 65536)
        same = termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)
        return status, same


def on_terminal():
    run = Run("-nographic", "-S")
    ok(run.is_raw(), "-nographic puts the terminal into raw mode")
    run.type(b"\x01h")
    ok(run.read(b"C-a x    exit emulator"), "C-a h prints the keys")
    run.type(b"\x01c")
    ok(run.read(b"\n(qemu) ") and b"monitor - type 'help' for more information\r" in run.out,
       "C-a c opens the monitor")
    run.type(b"info status\r")
    ok(run.read(b"VM status: paused (prelaunch)"), "which answers")
    run.type(b"\x01x")
    ok(run.finish() == (0, True), "C-a x exits with 0 and gives the terminal back")
    ok(b"QEMU: Terminated" in run.out, "and says so")

    run = Run("-display", "none", "-monitor", "stdio", "-S")
    run.read(b"(qemu) ")
    run.type(b"quit\r")
    ok(run.finish() == (0, True), "quit exits with 0 and gives the terminal back")

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        run = Run("-nographic", "-S")
        run.is_raw()
        run.process.send_signal(number)
        ok(run.finish() == (0, True), f"signal {number} ends it cleanly")
        ok(b"terminating on signal %d from pid %d (" % (number, os.getpid()) in run.out,
           "and names the sender")
    for number in (signal.SIGABRT, signal.SIGQUIT):
        run = Run("-nographic", "-S")
        run.is_raw()
        run.process.send_signal(number)
        ok(run.finish() == (-number, True), f"signal {number} gives the terminal back")

    run = Run("-display", "none", "-serial", "stdio", "-S")
    run.is_raw()
    run.type(b"\x03")
    ok(run.finish() == (0, True), "-serial stdio leaves C-c to the emulator")

    script = f"{QEMU} -display none -serial stdio -S; stty -a; echo STOPPED; fg; echo DONE $?"
    run = Run(command=["bash", "-mc", script])
    run.is_raw()
    run.type(b"\x1a")
    ok(run.read(b"STOPPED") and b" icanon" in run.out, "C-z gives the terminal back meanwhile")
    ok(run.is_raw(), "and takes it again")
    run.type(b"\x03")
    ok(run.read(b"DONE 0") and run.finish()[1], "until the end")

    run = Run("-display", "none", "-serial", "stdio", "-S")
    run.is_raw()
    run.type(b"\x1a")
    time.sleep(0.2)
    ok(run.is_raw(), "a stop that nobody could end is refused")
    run.type(b"\x03")
    ok(run.finish() == (0, True), "and changes nothing")

    run = Run("-nographic", "-S", "-hda", "/nonexistent/disk")
    ok(run.finish() == (1, True), "an error after the terminal was taken gives it back")


def without_terminal(folder):
    pidfile = os.path.join(folder, "pid")
    run = subprocess.Popen([QEMU, "-nographic", "-S", "-pidfile", pidfile],
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
    end = time.time() + 5
    while not os.path.exists(pidfile) and time.time() < end:
        time.sleep(0.01)
    ok(open(pidfile).read() == f"{run.pid}\n", "the pidfile holds the number")
    second = subprocess.run([QEMU, "-nographic", "-S", "-pidfile", pidfile], capture_output=True,
                            stdin=subprocess.DEVNULL)
    ok(second.returncode == 1 and b"another run uses it" in second.stderr,
       "a second run with it is refused")
    time.sleep(0.3)
    ticks = open(f"/proc/{run.pid}/stat").read().split(")")[1].split()
    ok(run.poll() is None, "a closed standard input does not end it")
    ok(int(ticks[11]) + int(ticks[12]) < 15, "and does not keep it busy")
    run.terminate()
    ok(run.wait(5) == 0 and not os.path.exists(pidfile), "the pidfile goes with it")

    result = subprocess.run([QEMU, "-display", "none", "-S", "-daemonize", "-pidfile", pidfile],
                            capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
    ok(result.returncode == 0 and os.path.exists(pidfile), "-daemonize returns when all is ready")
    pid = int(open(pidfile).read())
    ok(os.readlink(f"/proc/{pid}/fd/0") == "/dev/null" and os.getsid(pid) != os.getsid(0),
       "the daemon has a session of its own")
    os.kill(pid, signal.SIGTERM)
    end = time.time() + 5
    while os.path.exists(pidfile) and time.time() < end:
        time.sleep(0.01)
    ok(not os.path.exists(pidfile), "and ends by a signal")
    result = subprocess.run([QEMU, "-display", "none", "-daemonize", "-hda", "/nonexistent"],
                            capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
    ok(result.returncode == 1 and b"/nonexistent" in result.stderr,
       "a daemon that cannot start says why")

    lines = b"info status\ninfo version\nquit\n"
    result = subprocess.run([QEMU, "-display", "none", "-S", "-monitor", "stdio"], input=lines,
                            capture_output=True, timeout=10)
    ok(result.returncode == 0 and b"VM status: paused (prelaunch)" in result.stdout,
       "a script can drive the monitor")


def main():
    folder = tempfile.mkdtemp()
    try:
        on_terminal()
        without_terminal(folder)
        ok(not os.listdir(folder), "nothing is left behind")
    finally:
        shutil.rmtree(folder)
    print(f"1..{count}")
    return failed != 0


raise SystemExit(main())
