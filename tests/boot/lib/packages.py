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


def archive(package):
    """The path of a package's .deb, downloaded once. Two tests may want it at the same time."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.join(CACHE, package + ".deb")
    with open(os.path.join(CACHE, f".{package}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            # apt's own sandbox user cannot write here; root needs none for a download.
            found = run("apt-get", "download", "-qq", "--print-uris", package).stdout
            name = re.search(r"' (\S+\.deb) ", found).group(1)
            run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package, cwd=CACHE)
            os.rename(os.path.join(CACHE, name), path)
    return path


def unpacked(package, *members):
    """The folder that holds these members (paths without the leading slash) of a package."""
    deb = archive(package)
    root = os.path.join(CACHE, package)
    with open(os.path.join(CACHE, f".{package}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [m for m in members if not os.path.exists(os.path.join(root, m))]
        if missing:
            os.makedirs(root, exist_ok=True)
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                                  stdout=subprocess.PIPE) as tar:
                run("tar", "-x", "-C", root, *("./" + m for m in missing), stdin=tar.stdout)
    return root


def file(package, path):
    """A file of a package: the installed one when there is one. Without it the test is skipped."""
    if os.path.exists("/" + path):
        return "/" + path
    try:
        return os.path.join(unpacked(package, path), path)
    except (subprocess.CalledProcessError, AttributeError):
        tap.skip_all(f"cannot download package {package}")


def kernel_package(flavour="amd64"):
    """The package that holds Debian's current kernel of a flavour, and its version."""
    lines = subprocess.run(["apt-cache", "depends", f"linux-image-{flavour}"],
                           capture_output=True, text=True).stdout
    found = re.search(r"Depends: (linux-image-(\S+))", lines)
    if not found:
        tap.skip_all(f"apt does not know linux-image-{flavour}")
    return found.groups()


def kernel():
    package, version = kernel_package()
    return file(package, f"boot/vmlinuz-{version}")


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
