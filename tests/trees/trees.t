#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's programs in trees of both word sizes: the same output and status as without the emulator.

Each line of `commands' runs twice in a chroot. Needs root and debootstrap; the trees are made once,
in $TREES or $BUILD/trees. ARM's are made by our emulator, and their programs must print what those
of i386 do on the host; where the output says which machine it is, only the status counts.
Arguments choose: trees.t [amd64|i386|armhf|armel] [NAME...]. Minutes to an hour."""
import difflib
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(HERE, "../../build")))
TREES = os.path.abspath(os.environ.get("TREES", os.path.join(BUILD, "trees")))
MIRROR = os.environ.get("MIRROR", "http://deb.debian.org/debian")
LUA = "pool/main/l/lua5.4/lua5.4_5.4.4.orig.tar.gz"
PACKAGES = ("python3,libpython3.11-testsuite,perl,gcc,libc6-dev,make,git,sqlite3,openssl,xz-utils,"
            "zstd,bzip2,file,procps,busybox,strace")
QEMU = {"amd64": "qemu-x86_64", "i386": "qemu-i386", "armhf": "qemu-arm", "armel": "qemu-arm"}
LIKE = {"armhf": "i386", "armel": "i386"}
# Their output names the machine, holds code for it, or depends on its long double (sqlite).
MACHINES = {"gcc", "binutils", "lua", "dpkg", "apt", "file", "python-version", "python-struct",
            "strace", "busybox", "find", "sqlite"}
ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


# What cannot be there at all
UNFIT = {("armel", "gcc-threads")}              # libubsan wants libatomic


def put_emulator(arch, tree):
    """Its path in the tree."""
    emulator = "/" + QEMU[arch] + "-static"
    if os.path.exists(tree + emulator):
        os.unlink(tree + emulator)              # something may still run
    shutil.copy(os.path.join(BUILD, QEMU[arch]), tree + emulator)
    return emulator


def make_tree(arch):
    """Unpacks a Debian system, once."""
    tree = os.path.join(TREES, arch)
    if os.path.exists(os.path.join(tree, "lua.tar.gz")):
        return tree
    os.makedirs(TREES, exist_ok=True)
    shutil.rmtree(tree, ignore_errors=True)
    with open(tree + ".log", "w") as log:
        foreign = ["--foreign"] if arch in LIKE else []
        subprocess.run(["debootstrap", f"--arch={arch}", "--variant=minbase", *foreign,
                        f"--include={PACKAGES}", "bookworm", tree, MIRROR], check=True,
                       stdout=log, stderr=log)
        if foreign:
            emulator = put_emulator(arch, tree)
            stage = f"mount -t proc proc $0/proc && exec chroot $0 {emulator} /bin/sh " \
                "/debootstrap/debootstrap --second-stage"
            subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                            stage, tree], env=ENV, check=True, stdout=log, stderr=log)
        subprocess.run(["curl", "-sfo", f"{tree}/lua.tar.gz", f"{MIRROR}/{LUA}"], check=True,
                       stdout=log, stderr=log)
    with open(f"{tree}/etc/hosts", "w") as hosts:
        hosts.write("127.0.0.1 localhost\n")
    return tree


def read_commands():
    text = open(os.path.join(HERE, "commands")).read().replace("\\\n", "\0")
    for line in text.split("\n"):
        if line and not line.startswith("#"):
            name, seconds, command = line.split(" ", 2)
            yield name, int(seconds), command.replace("\0", "\n")


def run(tree, emulator, command, seconds):
    """Output with the exit status, and the time. What was started ends with it: a namespace."""
    work = os.path.join(tree, "tmp/work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    inside = "/usr/bin/timeout -k 5 %d chroot %s %s /bin/sh -c" % (seconds, tree, emulator)
    script = ("mount -t proc proc $0/proc && mount --bind /dev $0/dev && mount -t tmpfs x $0/run &&"
              f"exec {inside} \"$1\"")
    started = time.time()
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                           script, tree, "cd /tmp/work\n" + command], env=ENV, cwd="/",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    text = re.sub(r"qemu: uncaught target signal.*\n", "",
                  done.stdout.decode(errors="backslashreplace"))
    return text.splitlines() + [f"status {done.returncode}"], time.time() - started


def main():
    chosen = sys.argv[1:]
    arches = [a for a in chosen if a in QEMU] or list(QEMU)
    names = [c for c in chosen if c not in QEMU]
    if os.geteuid() or not shutil.which("debootstrap"):
        print("1..0 # SKIP needs root and debootstrap")
        return 0
    n = failed = 0
    for arch in arches:
        tree = make_tree(arch)
        like = make_tree(LIKE[arch]) if arch in LIKE else tree
        emulator = put_emulator(arch, tree)
        for name, seconds, command in read_commands():
            if (names and name not in names) or (arch, name) in UNFIT:
                continue
            want, native = run(like, "", command, seconds)
            got, emulated = run(tree, emulator, command, seconds)
            if arch in LIKE and name in MACHINES:
                want, got = want[-1:], got[-1:]
            n += 1
            print(f"{'ok' if want == got else 'not ok'} {n} - {arch}: {name} "
                  f"({len(want)} lines; {native:.1f} s, emulated {emulated:.1f} s)", flush=True)
            if want != got:
                failed += 1
                diff = difflib.unified_diff(want, got, "native", "emulated", n=1, lineterm="")
                for line in list(diff)[:60]:
                    print("#", line, flush=True)
    print(f"1..{n}")
    return failed != 0


sys.exit(main())
