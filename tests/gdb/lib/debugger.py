# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's gdb on an emulator: one command after the other, each with what it printed."""
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(TOP, "build")))
sys.path.insert(0, os.path.join(TOP, "tests/boot/lib"))
PROMPT = "\x01ready\x02"
SETTINGS = ["set confirm off", "set pagination off", "set width 0", "set debuginfod enabled off",
            "set breakpoint pending off", "set print thread-events off", "set sysroot /"]


def have_gdb(name="gdb"):
    return shutil.which(name) is not None


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Session:
    """An emulator that waits for gdb on a socket, and gdb; for a `with' statement."""

    def __init__(self, command, program, gdb="gdb"):
        """command: a function of the socket's path."""
        self.folder = tempfile.TemporaryDirectory(prefix="qemu-test-")
        path = os.path.join(self.folder.name, "gdb")
        self.emulator = subprocess.Popen(command(path), stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         preexec_fn=die_with_parent)
        end = time.time() + 10
        while not os.path.exists(path) and time.time() < end and self.emulator.poll() is None:
            time.sleep(0.01)
        self.gdb = subprocess.Popen([gdb, "-nx", "-q", *[x for s in SETTINGS for x in ("-iex", s)],
                                     program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
                                    env=dict(os.environ, LC_ALL="C", HOME=self.folder.name))
        self.out = ""
        self.all = ""
        self.send("set prompt " + PROMPT + "\\n")
        self.wait()
        self.all += self.do(f"target remote {path}")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in (self.gdb, self.emulator):
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
        self.gdb.stdin.close()
        self.folder.cleanup()

    def send(self, text):
        try:
            self.gdb.stdin.write(text.encode() + b"\n")
            self.gdb.stdin.flush()
        except BrokenPipeError:
            pass

    def wait(self, seconds=20):
        """What gdb prints up to its next prompt."""
        end = time.time() + seconds
        while PROMPT not in self.out:
            left = end - time.time()
            if left <= 0 or not select.select([self.gdb.stdout], [], [], left)[0]:
                text, self.out = self.out + f"\n[no prompt after {seconds} s]", ""
                return text
            data = os.read(self.gdb.stdout.fileno(), 65536)
            if not data:
                text, self.out = self.out + "\n[gdb has ended]", ""
                return text
            self.out += data.decode(errors="replace")
        text, self.out = self.out.split(PROMPT, 1)
        self.out = self.out.lstrip("\n")
        return text

    def do(self, text, seconds=20):
        self.send(text)
        got = self.wait(seconds)
        self.all += f"> {text}\n{got}"
        return got

    def interrupt(self, command, after=0.3):
        """Lets it run for a moment, then ^C."""
        self.send(command)
        end = time.time() + 10
        while "Continuing" not in self.out and time.time() < end:
            if select.select([self.gdb.stdout], [], [], 0.1)[0]:
                self.out += os.read(self.gdb.stdout.fileno(), 65536).decode(errors="replace")
        time.sleep(after)
        self.gdb.send_signal(signal.SIGINT)
        got = self.wait()
        self.all += f"> {command}\n^C{got}"
        return got

    def value(self, expression, form=""):
        m = re.search(r"= (.*)", self.do(f"print{form} {expression}"))
        return m.group(1).strip() if m else None

    def finish(self, seconds=5):
        """The emulator's exit status and what it printed."""
        try:
            out = self.emulator.communicate(timeout=seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            self.emulator.kill()
            out = self.emulator.communicate()[0].decode(errors="replace") + "[killed]"
        return self.emulator.returncode, out
