#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A raw disk with GRUB, Debian's kernel and an ext4 root boots through the BIOS and the drivers of
IDE, virtio, virtio SCSI and SATA disks; on SATA with a CD-ROM beside it.

The image is made without root's rights: the partition table and GRUB's two boot blocks are written
here, the file system by mke2fs -d."""
import hashlib
import os
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok, skip_all

START, SIZE = 2048, 96 << 11        # the partition, in sectors
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "serial", "normal", "configfile", "echo")
GRUB_CONFIG = """serial --unit=0 --speed=115200
terminal_output serial console
echo GRUB-OK
linux /boot/vmlinuz console=ttyS0 quiet
initrd /boot/initrd.gz
boot
"""
# In the RAM disk: finds the disk by its driver, then leaves for the root on it.
FIRST_INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for m in $(cat /lib/modules/.order); do insmod /lib/modules/$m; done
for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/sda1 -o -b /dev/vda1 ] || sleep 0.3; done
mount -t ext4 /dev/?da1 /root && exec switch_root /root /sbin/init
echo NO-ROOT
poweroff -f
"""
ROOT_INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
echo "ROOT-OK $(grep ' / ' /proc/mounts | tail -n 1)"
for d in /sys/class/ata_device/*; do
    [ $(cat $d/class) = ata ] && echo "MODE $(cat $d/dma_mode)"
done
[ -b /dev/sr0 ] && echo "SATA $(cat /sys/block/sda/device/queue_depth) $(md5sum < /dev/sr0)"
grep -q virtio.*-req /proc/interrupts && echo "MODE virtio DMA"
cat /boot/vmlinuz /boot/initrd.gz | md5sum
head -c 3000000 /dev/urandom > /root/random && sync
a=$(md5sum < /root/random)
echo 3 > /proc/sys/vm/drop_caches
b=$(md5sum < /root/random)
[ "$a" = "$b" ] && echo "WRITE-OK $a"
mount -o remount,ro / && echo READ-ONLY
poweroff -f
"""


def grub_blocks(work):
    """boot.img and core.img, which together boot from a disk with a gap behind sector 0."""
    lib = "usr/lib/grub/i386-pc"
    grub = packages.unpacked("grub-pc-bin", lib)
    tools = packages.unpacked("grub-common", "usr/bin/grub-mkimage")
    core = os.path.join(work, "core.img")
    packages.run(os.path.join(tools, "usr/bin/grub-mkimage"), "-d", os.path.join(grub, lib),
                 "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub", *GRUB_MODULES)
    with open(os.path.join(grub, lib, "boot.img"), "rb") as f:
        boot = f.read(512)
    with open(core, "rb") as f:
        core = bytearray(f.read())
    core += bytes(-len(core) % 512)
    # The list at the end of its first sector says where the others are: sector 2 and following.
    struct.pack_into("<QHH", core, 512 - 12, 2, len(core) // 512 - 1, 0x820)
    return boot, core


def make_root(work, kernel, initrd):
    root = os.path.join(work, "root")
    for name in ("bin", "sbin", "dev", "proc", "sys", "root", "boot/grub"):
        os.makedirs(os.path.join(root, name))
    shutil.copy(shutil.which("busybox"), os.path.join(root, "bin/busybox"))
    for applet in packages.run("busybox", "--list").stdout.split():
        if applet != "busybox":
            os.symlink("busybox", os.path.join(root, "bin", applet))
    shutil.copy(kernel, os.path.join(root, "boot/vmlinuz"))
    shutil.copy(initrd, os.path.join(root, "boot/initrd.gz"))
    with open(os.path.join(root, "boot/grub/grub.cfg"), "w") as f:
        f.write(GRUB_CONFIG)
    with open(os.path.join(root, "sbin/init"), "w") as f:
        f.write(ROOT_INIT)
    os.chmod(os.path.join(root, "sbin/init"), 0o755)
    return root


def make_disk(work):
    """The image, and the checksum of what the guest will read back."""
    init = os.path.join(work, "init")
    with open(init, "w") as f:
        f.write(FIRST_INIT)
    modules = packages.modules("crc32c_generic", "ata_piix", "ahci", "sd_mod", "sr_mod", "ext4",
                               "virtio_pci", "virtio_blk", "virtio_scsi")
    initrd = packages.initramfs(os.path.join(work, "initrd.gz"), "-i", init,
                                *(part for m in modules for part in ("-m", m)))
    boot, core = grub_blocks(work)
    disk = os.path.join(work, "disk.img")
    partition = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", START, SIZE)
    with open(disk, "wb") as f:
        f.write(boot[:446] + partition + bytes(48) + b"\x55\xaa" + core)
        f.truncate((START + SIZE) * 512)
    kernel = packages.kernel()
    packages.run("mke2fs", "-q", "-t", "ext4", "-d", make_root(work, kernel, initrd),
                 "-E", f"offset={START * 512},root_owner=0:0",
                 "-O", "^metadata_csum_seed,^orphan_file", disk, f"{SIZE // 2}k")
    return disk, subprocess.run(f"cat {kernel} {initrd} | md5sum", shell=True, check=True,
                                capture_output=True).stdout.split()[0]


def cd_checksum(disk):
    with open(disk + ".cd", "rb") as f:
        return hashlib.md5(f.read()).hexdigest().encode()


def boot(disk, checksum, interface, *more):
    root = b"vda1" if interface == "virtio" else b"sda1"
    drive = f"file={disk},format=raw"
    disks = {"ide": ["-drive", drive + ",if=ide,index=0"],
             "virtio": ["-drive", drive + ",if=virtio"],
             "scsi": ["-drive", drive + ",if=none,id=d", "-device", "virtio-scsi-pci,id=s",
                      "-device", "scsi-hd,bus=s.0,scsi-id=3,drive=d"],
             "sata": ["-drive", drive + ",if=none,id=d", "-drive",
                      f"file={disk}.cd,format=raw,if=none,id=c,media=cdrom,readonly=on",
                      "-device", "ahci,id=s", "-device", "ide-cd,bus=s.0,drive=c",
                      "-device", "ide-hd,bus=s.3,drive=d,bootindex=1"]}
    args = ["-m", "256", "-nographic", "-no-reboot", "-net", "none", *disks[interface]]
    with Emulator(*args, *more) as guest:
        for pattern, seconds, name in (
                (rb"GRUB-OK", 40, "GRUB reads its configuration"),
                (rb"ROOT-OK /dev/%s / ext4 rw" % root, 60, f"{interface}: the root is mounted"),
                (rb"MODE (virtio |\S*)DMA", 20, "the disk runs with DMA"),
                *([(b"SATA 32 " + cd_checksum(disk), 20, "queued commands, and the CD-ROM")]
                  if interface == "sata" else []),
                (checksum, 20, "the files read back right"),
                (rb"WRITE-OK \w+", 30, "and what is written too"),
                (rb"READ-ONLY", 20, "the root can be put to rest")):
            if not ok(guest.expect(pattern, seconds), name, guest.tail()):
                return
        ok(guest.finish(20) == 0, "power-off ends the emulator with 0", guest.tail())


def main():
    with folder() as work:
        try:
            disk, checksum = make_disk(work)
        except subprocess.CalledProcessError as error:
            skip_all(f"the disk cannot be made: {error.cmd[0]}: {error.stderr.splitlines()[-1:]}")
        with open(disk + ".cd", "wb") as f:
            f.write(os.urandom(1 << 20))
        boot(disk, checksum, "ide")
        boot(disk, checksum, "sata")
        boot(disk, checksum, "virtio")
        with open(disk, "rb") as f:
            before = f.read()
        boot(disk, checksum, "scsi", "-snapshot")
        with open(disk, "rb") as f:
            ok(f.read() == before, "-snapshot leaves the image alone")
        packages.run("dd", f"if={disk}", f"of={disk}.part", "bs=1M", f"skip={START // 2048}")
        check = subprocess.run(["e2fsck", "-fn", disk + ".part"], capture_output=True)
        ok(check.returncode == 0, "the file system is clean", check.stdout + check.stderr)
    done()


main()
