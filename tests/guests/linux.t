#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux test kernels print the results that they printed on the reference.

GUESTS=FOLDER names them: each machine's folder has kernels, cmdline.txt (how to start each case)
and expected-CASE.txt. A network card, sound card or the like that the emulator does not have is
taken out of the command line, and what depends on it out of the comparison."""
import os
import re
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../boot/lib"))
from emulator import Emulator, binary, folder
from tap import done, note, ok, skip, skip_all

GUESTS = os.environ.get("GUESTS")
# case of the machine's folder, then what else to start it with
RUNS = (
    ("x86_64", "pc-up"), ("x86_64", "pc-up", "-cpu", "max"), ("x86_64", "pc-smp2"),
    ("x86_64", "pc-virtio"),
    ("i386", "isapc-486"), ("i386", "pc-pentium"), ("i386", "pc-pentium", "-cpu", "486"),
    ("i386", "pc-pentium", "-cpu", "pentium2"), ("i386", "pc-pentium", "-cpu", "pentium3"),
    ("i386", "pc-pentium", "-cpu", "qemu32"), ("i386", "pc-pentium", "-cpu", "n270"),
    ("i386", "pc-smp2"), ("i386", "pc-virtio"),
    ("arm", "versatilepb"), ("arm", "versatilepb-dtb"), ("arm", "integratorcp"),
)
LIMIT = 240


def cases(arch):
    """{case: arguments} of a cmdline.txt."""
    found, name = {}, None
    with open(os.path.join(GUESTS, arch, "cmdline.txt")) as f:
        for line in f:
            if match := re.match(r"# (\S+): ", line):
                name = match.group(1)
            elif line.startswith("qemu-system-"):
                found[name] = shlex.split(line)[1:]
    return found


def help_of(arch, *option):
    return subprocess.run([binary(arch), *option, "help"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL).stdout


def fit(arch, args):
    """The arguments without what the emulator lacks, and whether it has the network of the case."""
    devices = help_of(arch, "-device")
    # What -usb means on the board.
    has_usb = arch == "arm" or '"piix3-usb-uhci"' in devices
    displays = help_of(arch, "-vga")
    pairs, kept, dropped = list(zip(args, args[1:] + [""])), [], []
    skip_next = False
    for option, value in pairs:
        if skip_next:
            skip_next = False
            continue
        name = value.split(",")[0]
        if option == "-device" and (f'"{name}"' not in devices or
                                    name.startswith("usb-") and not has_usb):
            dropped += re.findall(r"netdev=(\w+)", value)
            skip_next = True
        elif option == "-vga" and name not in displays:
            skip_next = True
        elif option != "-usb" or has_usb:
            kept.append(option)
    if not has_user_network(arch):
        dropped += [m for a in kept for m in re.findall(r"^user,id=(\w+)", a)]
        for at in reversed([i for i, a in enumerate(kept) if "netdev=" in a]):
            del kept[at - 1:at + 1]
    has_network = not dropped
    for one in dropped:
        at = next(i for i, a in enumerate(kept) if a.startswith(f"user,id={one},"))
        del kept[at - 1:at + 1]
    if "-netdev" not in kept:
        kept += ["-net", "none"]
    return kept, has_network


def has_user_network(arch):
    return "not built in" not in subprocess.run(
        [binary(arch), "-M", "none", "-netdev", "user,id=a", "-help"], capture_output=True,
        text=True, stdin=subprocess.DEVNULL).stderr


def checks(text, has_network):
    lines = re.findall(r"^(CHECK .*?)\s*$", text.replace("\r", ""), re.M)
    return [line for line in lines if has_network or line.split()[1] not in ("ping", "tftp")]


def start_of(args, disk, arch):
    """Paths as seen from here; the disk is our own."""
    where = os.path.join(GUESTS, arch)
    args = [re.sub(r"file=disk\.img", f"file={disk}", a) for a in args]
    args = [re.sub(r"(file|tftp)=\.\./", rf"\1={where}/../", a) for a in args]
    files = ("kernel", "initramfs", "versatile-pb.dtb")
    return [os.path.join(where, a) if a.startswith(files) else a for a in args]


def run(arch, case, extra, work):
    name = " ".join((arch, case, *extra))
    args, has_network = fit(arch, cases(arch)[case])
    if any("if=virtio" in a for a in args) and "virtio-blk" not in help_of(arch, "-device"):
        return skip(name, "no virtio disk")
    if "-smp" in args and not may_have_cpus(arch):
        return skip(name, "no second processor")
    with open(os.path.join(GUESTS, arch, f"expected-{case}.txt"), encoding="latin-1") as f:
        expected = checks(f.read(), has_network)
    disk = os.path.join(work, "disk.img")
    with open(disk, "wb") as f:
        f.truncate(16 << 20)
    with Emulator(*start_of(args, disk, arch), *extra, arch=arch) as guest:
        if not ok(guest.expect(rb"GUEST-OK", LIMIT), f"{name}: reaches user space", guest.tail()):
            return None
        ok(guest.expect(rb"GUEST-DONE", LIMIT), f"{name}: comes to the end", guest.tail())
        ok(guest.finish(30) == 0, f"{name}: powers off", guest.tail())
        got = checks(guest.out.decode(errors="replace"), has_network)
        if not ok(got == expected, f"{name}: the checks are right"):
            note("\n".join([f"expected {x}" for x in expected if x not in got] +
                           [f"got {x}" for x in got if x not in expected]))
    return None


def may_have_cpus(arch):
    return subprocess.run([binary(arch), "-smp", "2", "-display", "none", "-S", "-monitor",
                           "stdio"], input="quit\n", capture_output=True, text=True,
                          timeout=20).returncode == 0


def main():
    if not GUESTS:
        skip_all("GUESTS does not name a folder of test kernels")
    wanted = sys.argv[1:]
    with folder() as work:
        for arch, case, *extra in RUNS:
            if not wanted or " ".join((arch, case, *extra)) in wanted:
                run(arch, case, extra, work)
    done()


main()
