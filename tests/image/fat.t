#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fat: folders as disks, read and changed by mtools, checked by fsck.fat."""
import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/boot/lib"))

from tap import done, ok, skip

BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(TOP, "build")))
IMG, NBD = os.path.join(BUILD, "qemu-img"), os.path.join(BUILD, "qemu-nbd")


def run(*words):
    env = dict(os.environ, MTOOLS_SKIP_CHECK="1", LC_ALL="C.UTF-8")
    p = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                       env=env)
    return p.returncode, p.stdout, p.stderr


def same(a, b):
    c = filecmp.dircmp(a, b)
    return not (c.left_only or c.right_only or c.funny_files) and \
        not filecmp.cmpfiles(a, b, c.common_files, shallow=False)[1] and \
        all(same(os.path.join(a, d), os.path.join(b, d)) for d in c.common_dirs)


def read_back(disk, offset):
    """The files of a disk, by mtools."""
    shutil.rmtree("back", ignore_errors=True)
    os.mkdir("back")
    return run("mcopy", "-s", "-n", "-i", f"{disk}@@{offset}", "::*", "back/")


def make_folder():
    random.seed(6)
    os.makedirs("d/sub/deeper")
    for name, size in (("hello.txt", 6), ("A long name with blanks.text", 1234), ("EMPTY", 0),
                       ("big.bin", 300000), ("sub/x", 1), ("sub/deeper/file.c", 70000),
                       ("sub/\u00fcml\u00e4ut.txt", 33), ("UPPER.TXT", 512)):
        with open(os.path.join("d", name), "wb") as f:
            f.write(random.randbytes(size))
    os.mkdir("d/many")
    for i in range(300):
        with open(f"d/many/a file with number {i}", "w") as f:
            f.write(str(i))


def layouts():
    for name, offset in (("fat:d", 32256), ("fat:12:d", 32256), ("fat:32:d", 32256),
                         ("fat:floppy:d", 0), ("fat:floppy:12:d", 0)):
        a = run(IMG, "convert", "-f", "raw", "-O", "raw", name, "disk")
        with open("disk", "rb") as f, open("part", "wb") as g:
            f.seek(offset)
            shutil.copyfileobj(f, g)
        b = run("fsck.fat", "-n", "part")
        ok(a[0] == b[0] == 0, f"{name} is a sound file system", a, b)
        c = read_back("disk", offset)
        ok(c[0] == 0 and same("d", "back"), f"{name} holds the folder", c)


def changes():
    shutil.copytree("d", "rw")
    with subprocess.Popen([NBD, "-k", "s", "-f", "raw", "-t", "fat:rw:rw"]) as server:
        for _ in range(200):
            if os.path.exists("s"):
                break
            time.sleep(0.02)
        time.sleep(0.05)
        run(IMG, "convert", "-f", "raw", "-O", "raw", "nbd:unix:s", "disk")
        i = ["-i", "disk@@32256"]
        with open("fresh", "wb") as f:
            f.write(random.randbytes(100000))
        steps = [run("mdel", *i, "::hello.txt"), run("mcopy", *i, "fresh", "::A new file.dat"),
                 run("mmd", *i, "::folder"), run("mcopy", *i, "d/big.bin", "::folder/copy.bin"),
                 run("mren", *i, "::big.bin", "::other.bin"),
                 run("mcopy", *i, "fresh", "::big.bin"), run("mdeltree", *i, "::many")]
        ok(all(s[0] == 0 for s in steps), "mtools change the disk", *steps)
        # With a flush before it ends: that is when the folder changes.
        a = run(IMG, "convert", "-n", "-t", "writeback", "-f", "raw", "-O", "raw", "disk",
                "nbd:unix:s")
        b = read_back("disk", 32256)
        ok(a[0] == b[0] == 0 and same("rw", "back"), "fat:rw: brings changes to the folder", a, b,
           sorted(os.listdir("rw")))
        c = run(IMG, "compare", "-f", "raw", "-F", "raw", "disk", "nbd:unix:s")
        ok(c[0] == 0, "and the disk stays what was written", c)
        # A chain that leads into another file: nothing must reach the host.
        before = sorted(os.listdir("rw"))
        with open("disk", "r+b") as f:
            f.seek(32256 + 512 + 4)
            f.write(b"\x05\x00\x05\x00\x05\x00")
        run("mdel", *i, "::other.bin")
        run(IMG, "convert", "-n", "-t", "writeback", "-f", "raw", "-O", "raw", "disk", "nbd:unix:s")
        ok(sorted(os.listdir("rw")) == before, "a broken file system does not reach the folder")
        server.send_signal(signal.SIGTERM)
    shutil.rmtree("back")


def refusals():
    a = run(IMG, "bench", "-w", "-c", "1", "-f", "raw", "fat:d")
    ok(a[0] == 1, "without rw: nothing is written", a)
    a = run(IMG, "info", "fat:nosuch")
    ok(a[0] == 1 and "nosuch" in a[2], "a folder that is missing", a)
    with open("d/huge", "wb") as f:
        f.truncate(3 << 20)
    a = run(IMG, "info", "fat:floppy:d")
    ok(a[0] == 1 and "does not fit" in a[2], "a folder that does not fit", a)
    os.symlink("/etc", "d/link")
    run(IMG, "convert", "-f", "raw", "-O", "raw", "fat:d", "disk")
    read_back("disk", 32256)
    ok(not os.path.exists("back/link"), "links to folders are left out")


def main():
    if not shutil.which("mcopy") or not shutil.which("fsck.fat"):
        skip("fat", "mtools or dosfstools are not installed")
        return
    make_folder()
    layouts()
    changes()
    refusals()


os.environ["PATH"] += ":/usr/sbin:/sbin"
folder = tempfile.mkdtemp(prefix="fat-")
here = os.getcwd()
os.chdir(folder)
try:
    main()
finally:
    os.chdir(here)
    shutil.rmtree(folder)
done()
