# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of Debian packages for tests: the installed ones, or downloaded into $BUILD/cache."""
import fcntl
import os
import re
import subprocess

import tap
from emulator import BUILD, TOP

CACHE = os.path.join(BUILD, "cache")


def run(*argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, check=True, **options)


def apt_options(arch):
    """Options that let apt see packages of another architecture, with lists of their own."""
    if not arch:
        return []
    root = os.path.join(CACHE, f"apt-{arch}")
    options = []
    for name, path in (("State", "state"), ("Cache", "cache"), ("State::status", "state/status")):
        options += ["-o", f"Dir::{name}={root}/{path}"]
    options += ["-o", f"APT::Architecture={arch}", "-o", f"APT::Architectures={arch}",
                "-o", "APT::Sandbox::User=root"]
    with open(os.path.join(CACHE, f".apt-{arch}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(f"{root}/state/ready"):
            os.makedirs(f"{root}/state/lists/partial", exist_ok=True)
            os.makedirs(f"{root}/cache/archives/partial", exist_ok=True)
            open(f"{root}/state/status", "w").close()
            # One list that cannot be had does not matter: the wanted package may be in another.
            subprocess.run(["apt-get", "update", "-qq", *options], capture_output=True)
            open(f"{root}/state/ready", "w").close()
    return options


def archive(package, arch=""):
    """The path of a package's .deb, downloaded once. Two tests may want it at the same time."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.join(CACHE, package + (f"-{arch}" if arch else "") + ".deb")
    options = ["-qq", *apt_options(arch)]
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            # apt's own sandbox user cannot write here; root needs none for a download.
            found = run("apt-get", "download", "--print-uris", *options, package).stdout
            name = re.search(r"' (\S+\.deb) ", found).group(1)
            run("apt-get", "download", "-o", "APT::Sandbox::User=root", *options, package,
                cwd=CACHE)
            os.rename(os.path.join(CACHE, name), path)
    return path


def unpacked(package, *members, arch=""):
    """The folder that holds these members (paths without the leading slash) of a package."""
    deb = archive(package, arch)
    root = deb.removesuffix(".deb")
    with open(deb + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [m for m in members if not os.path.exists(os.path.join(root, m))]
        if missing:
            os.makedirs(root, exist_ok=True)
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                                  stdout=subprocess.PIPE) as tar:
                run("tar", "-x", "-C", root, *("./" + m for m in missing), stdin=tar.stdout)
    return root


def file(package, path, arch=""):
    """A file of a package: the installed one when there is one. Without it the test is skipped."""
    if not arch and os.path.exists("/" + path):
        return "/" + path
    try:
        return os.path.join(unpacked(package, path, arch=arch), path)
    except (subprocess.CalledProcessError, AttributeError):
        tap.skip_all(f"cannot download package {package}")


def kernel_package(flavour="amd64", arch=""):
    """The package that holds Debian's current kernel of a flavour, and its version."""
    lines = subprocess.run(["apt-cache", *apt_options(arch), "depends", f"linux-image-{flavour}"],
                           capture_output=True, text=True).stdout
    found = re.search(r"Depends: (linux-image-(\S+))", lines)
    if not found:
        tap.skip_all(f"apt does not know linux-image-{flavour}")
    return found.groups()


def kernel(flavour="amd64", arch=""):
    package, version = kernel_package(flavour, arch)
    return file(package, f"boot/vmlinuz-{version}", arch)


def initramfs(out, *args):
    """Makes an initial RAM disk with busybox; args as for tools/mkinitramfs."""
    run(os.path.join(TOP, "tools", "mkinitramfs"), out, *args)
    return out


def modules(*names):
    """Paths of kernel modules in loading order: the named ones, each behind what it depends on."""
    package, version = kernel_package()
    tree = f"lib/modules/{version}/kernel"
    root = unpacked(package, tree)
    paths = {}
    for where, _, files in os.walk(os.path.join(root, tree)):
        paths.update((f[:-3].replace("-", "_"), os.path.join(where, f)) for f in files)
    order = []

    def add(name):
        with open(paths[name], "rb") as f:
            found = re.search(rb"\0depends=([^\0]*)\0", f.read())
        for need in found.group(1).decode().split(",") if found.group(1) else []:
            add(need.replace("-", "_"))
        if paths[name] not in order:
            order.append(paths[name])

    for name in names:
        add(name)
    return order
