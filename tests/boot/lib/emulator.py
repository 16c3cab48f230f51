# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs an emulator for a test: waits for what it prints, types, reads its screen, always ends it.

The emulators are those of $BUILD; EMU=/path/of/qemu-system-x86_64 runs the tests with another one,
whose -i386 sibling is used for i386 guests."""
import contextlib
import ctypes
import os
import pty
import re
import select
import signal
import socket
import subprocess
import tempfile
import termios
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(TOP, "build")))
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def binary(arch="x86_64"):
    path = os.environ.get("EMU", os.path.join(BUILD, "qemu-system-x86_64"))
    return path if arch == "x86_64" else path.replace("x86_64", arch)


def is_ours():
    """Whether the emulator under test is this project's own."""
    return "EMU" not in os.environ


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="qemu-test-") as name:
        yield name


class Emulator:
    """One run, for a `with' statement. Its standard input and output are pipes, or a terminal.

    `out' is all that it printed, errors included; expect() looks behind the last thing found."""

    def __init__(self, *args, arch="x86_64", terminal=False, monitor=False):
        self.argv = [binary(arch), *args]
        self.out = b""
        self.seen = 0
        self.status = None
        self.terminal = terminal
        self.folder = tempfile.TemporaryDirectory(prefix="qemu-test-") if monitor else None
        self.socket = None
        if monitor:
            self.monitor_path = os.path.join(self.folder.name, "monitor")
            self.argv += ["-monitor", f"unix:{self.monitor_path},server=on,wait=off"]

    def __enter__(self):
        if self.terminal:
            self.master, self.slave = pty.openpty()
            self.before = termios.tcgetattr(self.slave)
            self.process = subprocess.Popen(self.argv, stdin=self.slave, stdout=self.slave,
                                            stderr=self.slave, preexec_fn=die_with_parent)
            self.input = self.output = self.master
        else:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                            preexec_fn=die_with_parent)
            self.input = self.process.stdin.fileno()
            self.output = self.process.stdout.fileno()
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.terminal:
            os.close(self.master)
            os.close(self.slave)
        else:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
            self.process.stdout.close()
        if self.socket:
            self.socket.close()
        if self.folder:
            self.folder.cleanup()

    def pump(self, seconds):
        """Takes what was printed within some time; False at the end of output."""
        if not select.select([self.output], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self.output, 65536)
        except OSError:
            chunk = b""
        self.out += chunk
        return chunk != b""

    def expect(self, pattern, seconds):
        """Waits until a regular expression matches new output; the match, or None in the end."""
        end = time.monotonic() + seconds
        alive = True
        while True:
            found = re.search(pattern, self.out[self.seen:], re.S)
            if found:
                self.seen += found.end()
                return found
            left = end - time.monotonic()
            if left <= 0 or not alive:
                return None
            alive = self.pump(min(left, 1)) and (not self.terminal or self.process.poll() is None)

    def type(self, text):
        with contextlib.suppress(BrokenPipeError):
            os.write(self.input, text.encode())

    def finish(self, seconds):
        """Waits for the end; the exit status, or None when it did not end."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.pump(0.1)
            if not self.terminal and self.process.poll() is None:
                time.sleep(0.01)
        while select.select([self.output], [], [], 0.05)[0]:
            if not self.pump(0):
                break
        return self.process.poll()

    def is_terminal_clean(self):
        return termios.tcgetattr(self.slave) == self.before

    def cpu_seconds(self):
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def tail(self):
        """What to show when something failed."""
        return " ".join(self.argv).encode() + b"\n" + self.out[-3000:]

    def command(self, text, seconds=20):
        """Runs a monitor command; what it printed."""
        if not self.socket:
            self.socket = socket.socket(socket.AF_UNIX)
            self.connect(time.monotonic() + seconds)
            self.answer(seconds)
        self.socket.sendall(text.encode() + b"\n")
        return self.answer(seconds)

    def connect(self, end):
        while True:
            try:
                return self.socket.connect(self.monitor_path)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def answer(self, seconds):
        got, end = b"", time.monotonic() + seconds
        while not got.endswith(b"(qemu) ") and time.monotonic() < end:
            if select.select([self.socket], [], [], 0.2)[0]:
                chunk = self.socket.recv(65536)
                if not chunk:
                    break
                got += chunk
        return got.decode(errors="replace")

    def screen(self):
        """The text on an 80x25 VGA screen, as lines."""
        words = []
        for row in re.findall(r"^[0-9a-f]+:((?: 0x[0-9a-f]+)+)", self.command("xp /2000xh 0xb8000"),
                              re.M):
            words += [int(word, 16) & 0xFF for word in row.split()]
        text = "".join(chr(c) if 32 <= c < 127 else " " for c in words)
        return "\n".join(text[i:i + 80].rstrip() for i in range(0, len(text), 80)).rstrip()

    def expect_screen(self, pattern, seconds):
        """Waits until the text screen matches; the match, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(pattern, self.screen(), re.M)
            if found:
                return found
            time.sleep(0.5)
        return None

    def press(self, *keys):
        for key in keys:
            self.command(f"sendkey {key}")
            time.sleep(0.12)
