#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the process gives up before a guest runs: -chroot, -runas, -sandbox."""
import os
import signal
import subprocess
import tempfile

QEMU = os.path.join(os.environ.get("BUILD", "build"), "qemu-system-x86_64")
WITHOUT = b"built without libseccomp"
count = failed = 0
is_root = os.geteuid() == 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}", flush=True)


class Run:
    """A stopped machine with its monitor on pipes."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [os.path.abspath(QEMU), "-S", "-display", "none", "-nodefaults", "-monitor", "stdio",
             *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.started = b"(qemu)" in self.until(b"(qemu)")

    def until(self, text):
        got = b""
        while text not in got:
            piece = os.read(self.process.stdout.fileno(), 4096)
            if not piece:
                break
            got += piece
        return got

    def command(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return self.until(b"(qemu)")

    def status(self):
        """The lines of every thread's status file."""
        folder = f"/proc/{self.process.pid}/task"
        return [dict(line.rstrip("\n").split(":\t", 1) for line in open(f"{folder}/{t}/status")
                     if ":\t" in line) for t in os.listdir(folder)]

    def end(self, text="quit"):
        """(exit status, what it said to stderr)"""
        err = self.process.communicate(text.encode() + b"\n" if self.started else None, 30)[1]
        return self.process.returncode, err


def refused(why, *args):
    status, err = Run(*args).end()
    ok(status == 1 and why in err and err.count(b"\n") == 1, " ".join(args[:2]))


def sandbox(folder):
    probe = Run("-sandbox", "on")
    if not probe.started and WITHOUT in probe.process.stderr.read():
        probe.process.wait()
        skip("sandbox", "the emulator was built without libseccomp")
        return
    threads = probe.status()
    ok(all(t["Seccomp"] == "2" and t["NoNewPrivs"] == "1" for t in threads),
       f"the filter holds for all {len(threads)} threads")
    file = os.path.join(folder, "stream")
    probe.command(f"migrate exec:cat>{file}")
    ok(probe.end()[0] == 0 and os.path.getsize(file) > 1000, "programs may be started")

    file = os.path.join(folder, "none")
    run = Run("-sandbox", "on,spawn=deny,resourcecontrol=deny,elevateprivileges=deny")
    ok(b"VM status" in run.command("info status"), "everything else goes on")
    status, err = run.end(f"migrate exec:cat>{file}")
    ok(status == -signal.SIGSYS and not os.path.exists(file), "spawn=deny ends the process")

    run = Run("-sandbox", "off")
    threads = run.status()
    ok(run.end()[0] == 0 and all(t["Seccomp"] == "0" for t in threads), "off is off")


def user():
    run = Run("-runas", "65534:65533")
    threads = run.status()
    ok(run.end()[0] == 0 and all(t["Uid"].split() == ["65534"] * 4 and
                                 t["Gid"].split() == ["65533"] * 4 and
                                 t["Groups"].split() in ([], ["65533"]) for t in threads),
       "-runas by numbers")
    run = Run("-runas", "nobody")
    threads = run.status()
    ok(run.end()[0] == 0 and all(t["Uid"].split()[0] == "65534" for t in threads),
       "-runas by name")


def folder_of_its_own(folder):
    image = os.path.join(folder, "disk")
    with open(image, "wb") as f:
        f.truncate(1 << 20)
    run = Run("-chroot", folder, "-drive", f"file={image},format=raw")
    ok(os.readlink(f"/proc/{run.process.pid}/root") == folder, "-chroot")
    ok(image.encode() in run.command("info block") and run.end()[0] == 0,
       "what was opened before stays open")
    pid = os.path.join(folder, "pid")
    ended = subprocess.run([QEMU, "-S", "-display", "none", "-daemonize", "-chroot", folder,
                            "-pidfile", pid], capture_output=True, timeout=30)
    number = int(open(pid).read()) if ended.returncode == 0 else 0
    ok(number and os.readlink(f"/proc/{number}/fd/1") == "/dev/null", "a daemon in it")
    if number:
        os.kill(number, signal.SIGTERM)


with tempfile.TemporaryDirectory(prefix="confine-") as folder:
    sandbox(folder)
    refused(b"allow or deny", "-sandbox", "on,spawn=perhaps")
    refused(b"say on or off", "-sandbox", "spawn=deny")
    refused(b"say on or off", "-sandbox", "")
    refused(b"colour", "-sandbox", "on,colour=red")
    refused(b"no user 'nosuchuser'", "-runas", "nosuchuser")
    refused(b"-chroot /nonexistent", "-chroot", "/nonexistent/folder")
    if is_root:
        user()
        folder_of_its_own(folder)
    else:
        skip("-runas and -chroot", "only root can give up what it is")
        refused(b"-runas: cannot become user 0", "-runas", "0:0")
print(f"1..{count}")
raise SystemExit(failed != 0)
