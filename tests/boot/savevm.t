#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest on an ext4 root, eleven qcow2 images deep, under load: savevm, changes, loadvm bring
memory and files back; the file system and all images stay clean; -snapshot changes nothing."""
import hashlib
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import BUILD, Emulator, folder
from tap import done, ok, skip_all

DEPTH = 10
VIRTIO = ("-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n", "-device",
          "virtio-serial-pci", "-device", "virtserialport,name=p", "-device", "virtio-balloon-pci",
          "-device", "virtio-keyboard-pci", "-device", "virtio-rng-pci")
# In the RAM disk: loads the drivers and goes to the root on the disk.
FIRST_INIT = """#!/bin/sh
mount -t proc none /proc
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/sda -o -b /dev/vda ] || sleep 0.3; done
mount -t ext4 /dev/?da /root && exec switch_root /root /sbin/init
echo NO-ROOT
poweroff -f
"""
# Two files get the same writes at random places, and must stay the same; what stands in a shell's
# variable and in files changes on demand.
ROOT_INIT = """#!/bin/sh
mount -t proc none /proc
mount -t devtmpfs none /dev
cd /data
word=before
head -c 400000 /dev/urandom > a; cp a b
for i in 1 2 3 4 5 6 7 8; do head -c ${i}1111 /dev/urandom > f$i; done
sync
load() {
    n=0
    while :; do
        at=$((RANDOM % 90))
        head -c 4096 /dev/urandom > /data/block
        dd if=/data/block of=a bs=4096 seek=$at conv=notrunc 2> /dev/null
        dd if=/data/block of=b bs=4096 seek=$at conv=notrunc 2> /dev/null
        n=$((n + 1))
        [ $((n % 16)) = 0 ] && sync && echo 1 > /proc/sys/vm/drop_caches
        cmp a b > /dev/null || echo "LOAD-BAD $n"
    done
}
load &
echo ROOT-READY
while read -r command; do
    case $command in
    sum) echo 3 > /proc/sys/vm/drop_caches; echo "SUM $(cat f* | md5sum | cut -c1-32) $word.";;
    change) word=after; rm f3; head -c 99999 /dev/urandom > f9; date > f1; sync; echo CHANGED.;;
    off) kill %1; wait; sync; mount -o remount,ro / && echo READ-ONLY; poweroff -f;;
    esac
done
"""


def img(*args):
    return subprocess.run([os.path.join(BUILD, "qemu-img"), *args], check=True,
                          capture_output=True, text=True).stdout


def make_root(work):
    root = os.path.join(work, "root")
    for name in ("bin", "sbin", "dev", "proc", "sys", "data"):
        os.makedirs(os.path.join(root, name))
    shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
    for applet in packages.run("busybox", "--list").stdout.split():
        if applet != "busybox":
            os.symlink("busybox", os.path.join(root, "bin", applet))
    with open(os.path.join(root, "sbin/init"), "w") as f:
        f.write(ROOT_INIT)
    os.chmod(os.path.join(root, "sbin/init"), 0o755)
    raw = os.path.join(work, "root.img")
    with open(raw, "wb") as f:
        f.truncate(48 << 20)
    packages.run("mke2fs", "-q", "-t", "ext4", "-d", root, "-E", "root_owner=0:0",
                 "-O", "^metadata_csum_seed,^orphan_file", raw)
    return raw


def make_chain(work):
    """The images from the base to the one that the guest gets."""
    chain = [os.path.join(work, "base.qcow2")]
    img("convert", "-f", "raw", "-O", "qcow2", make_root(work), chain[0])
    for number in range(DEPTH):
        chain.append(os.path.join(work, f"layer{number}.qcow2"))
        img("create", "-q", "-f", "qcow2", "-b", chain[-2], "-F", "qcow2", chain[-1])
    return chain


def make_initrd(work):
    init = os.path.join(work, "init")
    with open(init, "w") as f:
        f.write(FIRST_INIT)
    modules = packages.modules("crc32c_generic", "ata_piix", "sd_mod", "ext4", "virtio_pci", "virtio_blk",
                               "virtio_scsi", "virtio_net", "virtio_console", "virtio_balloon",
                               "virtio_input")
    return packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                              *(part for m in modules for part in ("-m", m)))


def ask(guest, command, answer, seconds=30):
    """What the guest's shell says, or None."""
    guest.seen = len(guest.out)
    guest.type(command + "\n")
    found = guest.expect(answer, seconds)
    return found and found.group(1)


def total(guest):
    return ask(guest, "sum", rb"SUM (\w{32} \w+)\.")


def check_snapshots(guest):
    before = total(guest)
    ok(before and before.endswith(b" before"), "the guest knows its files", guest.tail())
    guest.command("savevm one", 60)
    ok("one" in guest.command("info snapshots"), "savevm under load")
    ask(guest, "change", rb"(CHANGED)\.")
    after = total(guest)
    ok(after and after[:32] != before[:32] and after.endswith(b" after"), "files and memory change")
    guest.command("savevm two", 60)
    guest.command("loadvm one", 60)
    ok(total(guest) == before, "loadvm brings both back", guest.tail())
    guest.command("loadvm two", 60)
    ok(total(guest) == after, "and forth", guest.tail())
    guest.command("loadvm one", 60)
    ok(total(guest) == before, "and back again", guest.tail())
    guest.command("delvm two")


def run(args, first_boot):
    with Emulator(*args, monitor=True) as guest:
        if not ok(guest.expect(rb"ROOT-READY", 90), "the guest runs on its root", guest.tail()):
            return
        check_snapshots(guest)
        if not first_boot:
            ask(guest, "change", rb"(CHANGED)\.")
        ok(ask(guest, "off", rb"(READ-ONLY)"), "the root can be put to rest", guest.tail())
        ok(guest.finish(20) == 0 and b"LOAD-BAD" not in guest.out and b"EXT4-fs error" not in
           guest.out, "the load found no mistake", guest.tail())


def check_images(work, chain):
    flat = os.path.join(work, "flat.img")
    for image in chain:
        if "No errors were found" not in img("check", image):
            ok(False, f"{os.path.basename(image)} is clean")
    img("convert", "-O", "raw", chain[-1], flat)
    check = subprocess.run(["e2fsck", "-fn", flat], capture_output=True)
    ok(check.returncode == 0, "the file system is clean", check.stdout + check.stderr)


def digest(chain):
    total_digest = hashlib.sha256()
    for image in chain:
        with open(image, "rb") as f:
            total_digest.update(f.read())
    return total_digest.hexdigest()


def main():
    with folder() as work:
        try:
            chain = make_chain(work)
            initrd = make_initrd(work)
            kernel = packages.kernel()
        except subprocess.CalledProcessError as error:
            skip_all(f"the disk cannot be made: {error.cmd[0]}: {error.stderr.splitlines()[-1:]}")
        common = ["-m", "160", "-display", "none", "-serial", "stdio", "-net", "none",
                  "-no-reboot", "-kernel", kernel, "-initrd", initrd,
                  "-append", "console=ttyS0 quiet"]
        args = [*common, "-drive", f"file={chain[-1]},format=qcow2"]
        base = digest(chain[:-1])
        run(args, True)
        check_images(work, chain)
        ok(digest(chain[:-1]) == base, "the images below are as they were")
        before = digest(chain)
        run([*args, "-snapshot"], False)
        ok(digest(chain) == before, "-snapshot leaves all images alone")
        for disk in (("-drive", "if=virtio,file={},format=qcow2"),
                     ("-drive", "if=none,id=d,file={},format=qcow2", "-device", "virtio-scsi-pci",
                      "-device", "scsi-hd,drive=d")):
            print("#", *disk)
            image = os.path.join(work, "flat.qcow2")
            img("convert", "-O", "qcow2", chain[0], image)
            run([*common, *(part.format(image) for part in disk), *VIRTIO], True)
            check_images(work, [image])
    done()


main()
