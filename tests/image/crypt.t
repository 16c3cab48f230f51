#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Encrypted images: LUKS alone and in qcow2, old AES; with QEMU's and cryptsetup where installed."""
import os
import random
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/boot/lib"))

from tap import done, ok, skip

OURS = os.path.abspath(os.path.join(os.environ.get("BUILD", os.path.join(TOP, "build")), "qemu-img"))
PEER = "/usr/bin/qemu-img"
KEY = ["--object", "secret,id=s,data=abc"]
WRONG = ["--object", "secret,id=s,data=abd"]
RAW = "driver=raw,file.filename=raw"


def run(*words, data=None):
    for _ in range(10):
        p = subprocess.run(words, capture_output=True, input=data, timeout=60)
        # QEMU gives up when its measurement of key derivation fell between two ticks of the clock.
        if words[0] != PEER or b"accurate CPU usage" not in p.stderr:
            break
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def both(maker, reader, name):
    for what, fmt, key, extra in (
            ("LUKS", "luks", "key-secret", ""),
            ("LUKS, CBC", "luks", "key-secret",
             ",cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,hash-alg=sha1"),
            ("LUKS in qcow2", "qcow2", "encrypt.key-secret", ",encrypt.format=luks")):
        iterations = key.replace("key-secret", "iter-time")
        a = run(maker, "convert", *KEY, "-O", fmt, "-o", f"{key}=s,{iterations}=1{extra}", "raw", "i")
        opts = f"driver={fmt},file.filename=i,{key}=s"
        b = run(reader, "compare", *KEY, "--image-opts", opts, RAW)
        ok(a[0] == b[0] == 0, f"{name}: {what}", a, b)
        a = run(reader, "compare", *WRONG, "--image-opts", opts, RAW)
        ok(a[0] == 2 and "Invalid password" in a[2], f"{name}: {what}, wrong password", a)
        a = run(reader, "convert", *KEY, "-n", "--target-image-opts", "raw2", opts)
        b = run(maker, "compare", *KEY, "--image-opts", opts, "driver=raw,file.filename=raw2")
        ok(a[0] == b[0] == 0, f"{name}: {what}, changed", a, b)


def passwords(tool, other, name):
    run(OURS, "create", *KEY, "-f", "luks", "-o", "key-secret=s,iter-time=1", "i", "1M")
    keys = [*KEY, "--object", "secret,id=n,data=new"]
    opts = "driver=luks,file.filename=i,key-secret="
    a = run(tool, "amend", *keys, "--image-opts", opts + "s", "-o",
            "state=active,new-secret=n,iter-time=1")
    b = run(other, "dd", *keys, "--image-opts", f"if={opts}n", "of=copy")
    ok(a[0] == b[0] == 0, f"{name}: a password is added", a, b)
    a = run(tool, "amend", *keys, "--image-opts", opts + "n", "-o", "state=inactive,old-secret=s")
    b = run(other, "dd", *keys, "--image-opts", f"if={opts}s", "of=copy")
    ok(a[0] == 0 and b[0] == 1, f"{name}: a password is taken away", a, b)
    a = run(tool, "amend", *keys, "--image-opts", opts + "n", "-o", "state=inactive,old-secret=n")
    ok(a[0] == 1, f"{name}: the last one stays", a)


def main():
    random.seed(4)
    for name in ("raw", "raw2"):
        with open(name, "wb") as f:
            for _ in range(6):
                f.seek(random.randrange(0, 900) << 10)
                f.write(random.randbytes(70000))
            f.truncate(2 << 20)
    both(OURS, OURS, "ours")
    passwords(OURS, OURS, "ours")
    if os.path.exists(PEER):
        both(OURS, PEER, "we write, they read")
        both(PEER, OURS, "they write, we read")
        passwords(OURS, PEER, "we amend")
        for fmt in ("qcow2", "qcow"):
            run(PEER, "convert", *KEY, "-O", fmt, "-o", "encrypt.format=aes,encrypt.key-secret=s",
                "raw", "i")
            a = run(OURS, "compare", *KEY, "--image-opts",
                    f"driver={fmt},file.filename=i,encrypt.key-secret=s", RAW)
            ok(a[0] == 0, f"old AES in {fmt}", a)
    else:
        skip("with QEMU's qemu-img", "it is not installed")
    run(OURS, "create", *KEY, "-f", "luks", "-o", "key-secret=s,iter-time=1", "i", "1M")
    a = run(OURS, "info", "i")
    ok(a[0] == 0 and "encrypted: yes" in a[1], "facts need no key", a)
    a = run(OURS, "convert", "-O", "raw", "i", "copy")
    ok(a[0] == 1 and "key-secret" in a[2], "data does", a)
    a = run(OURS, "convert", *KEY, "-c", "-O", "qcow2", "-o",
            "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1", "raw", "j")
    ok(a[0] == 1 and "not supported at the same time" in a[2], "no compression with encryption", a)
    a = run(OURS, "create", "--object", "secret,id=s,file=nosuch", "-f", "raw", "j", "1M")
    ok(a[0] == 1 and "nosuch" in a[2], "a secret's file that is missing", a)
    if shutil.which("cryptsetup"):
        a = run("cryptsetup", "open", "--test-passphrase", "--key-file=-", "i", data=b"abc")
        ok(a[0] == 0, "cryptsetup knows the password", a)
    else:
        skip("cryptsetup", "it is not installed")


folder = tempfile.mkdtemp(prefix="crypt-")
here = os.getcwd()
os.chdir(folder)
try:
    main()
finally:
    os.chdir(here)
    shutil.rmtree(folder)
done()
