#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qemu-nbd and nbd: images, with each other and with QEMU's and nbdkit where those are installed."""
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/boot/lib"))

from tap import done, ok, skip

BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
IMG, NBD = os.path.join(BUILD, "qemu-img"), os.path.join(BUILD, "qemu-nbd")
PEER_IMG, PEER_NBD = "/usr/bin/qemu-img", "/usr/bin/qemu-nbd"


def run(*words):
    p = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return p.returncode, p.stdout, p.stderr


class Server:
    """A server on the unix socket `s`, up when the block starts."""
    def __init__(self, *words):
        self.words = words

    def __enter__(self):
        if os.path.exists("s"):
            os.unlink("s")
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        for _ in range(500):
            if os.path.exists("s") or self.process.poll() is not None:
                break
            time.sleep(0.02)
        time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.errors = self.process.communicate(timeout=20)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.errors = self.process.communicate()[1]
        self.status = self.process.returncode


def make_raw(name):
    random.seed(3)
    with open(name, "wb") as f:
        for i in range(12):
            f.seek(random.randrange(0, 3 << 20))
            f.write(random.randbytes(30000))
        f.truncate(4 << 20)


def pair(name, server, tool):
    """Reads, writes and block status through a server."""
    shutil.copy("raw", "disk")
    url = "nbd+unix:///?socket=s"
    with Server(*server) as s:
        a = run(tool, "convert", "-f", "raw", "-O", "raw", url, "copy")
        ok(a[0] == 0 and open("raw", "rb").read() == open("copy", "rb").read(), f"{name}: read", a)
        maps = [json.loads(run(t, "map", "-U", "-f", "raw", "--output=json", f)[1] or "[]")
                for t, f in ((tool, url), (IMG, "disk"))]
        want = [[(e["start"], e["length"], e["zero"]) for e in m] for m in maps]
        ok(want[0] == want[1] and want[0], f"{name}: block status", *want)
        a = run(tool, "convert", "-n", "-f", "raw", "-O", "raw", "other", url)
        b = run(IMG, "compare", "-U", "-f", "raw", "-F", "raw", "other", "disk")
        ok(a[0] == 0 and b[0] == 0, f"{name}: write", a, b)
        a = run(tool, "convert", "-f", "raw", "-O", "qcow2", "raw", url)
        b = run(tool, "check", "-f", "qcow2", url)
        c = run(IMG, "compare", "-f", "raw", "-F", "qcow2", "raw", url)
        ok(a[0] == b[0] == c[0] == 0, f"{name}: a qcow2 image inside", a, b, c)
    ok(s.status in (0, -signal.SIGTERM), f"{name}: ends at SIGTERM", s.status, s.errors)


def features():
    shutil.copy("raw", "disk")
    run(IMG, "convert", "-f", "raw", "-O", "qcow2", "raw", "q")
    with Server(NBD, "-k", "s", "-t", "-e", "0", "-x", "d", "-D", "about it", "-A", "q") as s:
        code, out, err = run(NBD, "-L", "-k", "s")
        ok(code == 0 and "export: 'd'" in out and "description: about it" in out and
           "base:allocation" in out and "qemu:allocation-depth" in out, "--list", out, err)
        many = [subprocess.Popen([IMG, "bench", "-w", "-f", "raw", "-c", "300", "-d", "16",
                                  "nbd+unix:///d?socket=s"], stdout=subprocess.DEVNULL)
                for _ in range(4)]
        ok(all(p.wait(60) == 0 for p in many), "four clients at the same time")
        code, out, err = run(IMG, "info", "nbd:unix:s:exportname=e")
        ok(code == 1 and "'e' is not available" in err, "an export that is not there", err)
        code, out, err = run(IMG, "info", "--output=json", "--image-opts",
                             "driver=nbd,server.type=unix,server.path=s,export=d")
        ok(code == 0 and json.loads(out)["virtual-size"] == 4 << 20, "server.path=", err)
    ok(run(IMG, "check", "-q", "q")[0] == 0, "the image is clean afterwards")
    with Server(NBD, "-k", "s", "-r", "-f", "raw", "disk") as s:
        code, _, err = run(IMG, "bench", "-w", "-c", "1", "-f", "raw", "nbd:unix:s")
        ok(code == 1 and "read-only" in err, "-r refuses writers", err)
        s.process.wait(10)
    ok(s.status == 0 and not os.path.exists("s"), "without -t it ends with its last client",
       s.status)
    before = open("disk", "rb").read()
    with Server(NBD, "-k", "s", "-t", "-s", "-f", "raw", "disk"):
        a = run(IMG, "convert", "-n", "-f", "raw", "-O", "raw", "other", "nbd:unix:s")
        b = run(IMG, "compare", "-f", "raw", "-F", "raw", "other", "nbd:unix:s")
    ok(a[0] == b[0] == 0 and before == open("disk", "rb").read(), "-s leaves the file alone", a, b)
    with Server(NBD, "-k", "s", "-t", "-o", "1M", "-f", "raw", "disk"):
        run(IMG, "convert", "-f", "raw", "-O", "raw", "nbd:unix:s", "copy")
    ok(open("copy", "rb").read() == before[1 << 20:], "-o exports the rest")
    run(IMG, "bitmap", "--add", "q", "b")
    run(IMG, "bench", "-w", "-c", "1", "-f", "qcow2", "-o", "1M", "q")
    with Server(NBD, "-k", "s", "-t", "-r", "-f", "qcow2", "-B", "b", "q"):
        code, out, err = run(IMG, "map", "--output=json", "--image-opts",
                             "driver=nbd,path=s,x-dirty-bitmap=qemu:dirty-bitmap:b")
        dirty = [(e["start"], e["length"]) for e in json.loads(out or "[]") if not e["data"]]
        ok(code == 0 and dirty == [(1 << 20, 65536)], "-B offers a dirty bitmap", out, err)
    with Server(NBD, "-k", "s", "-t", "--fork", "--pid-file", "pid", "-f", "raw", "-r", "disk") as s:
        s.process.wait(10)
        a = run(IMG, "compare", "-f", "raw", "-F", "raw", "disk", "nbd:unix:s")
        pid = int(open("pid").read())
        os.kill(pid, signal.SIGTERM)
    ok(s.status == 0 and a[0] == 0, "--fork and --pid-file", s.status, a)
    for _ in range(100):
        if not os.path.exists("pid"):
            break
        time.sleep(0.05)
    ok(not os.path.exists("pid"), "the pid file goes away")


def tls(name, server, tool):
    words = ["--object", "tls-creds-psk,id=t,dir=psk,endpoint=server", "--tls-creds", "t"]
    client = ["--object", "tls-creds-psk,id=t,dir=psk,endpoint=client,username=alice",
              "--image-opts", "driver=nbd,path=s,tls-creds=t"]
    with Server(server, *words, "-k", "s", "-t", "-e", "3", "-f", "raw", "-r", "raw"):
        a = run(tool, "convert", "-O", "raw", *client, "copy")
        same = a[0] == 0 and open("raw", "rb").read() == open("copy", "rb").read()
        ok(same, f"{name}: TLS with a shared key", a)
        a = run(tool, "info", "-f", "raw", "nbd:unix:s")
        ok(a[0] == 1 and "TLS" in a[2], f"{name}: nothing without TLS", a)


def hostile_clients():
    """Garbage, half requests and absurd ones do not stop the server."""
    random.seed(5)
    hello = struct.pack(">I", 3) + struct.pack(">QII", 0x49484156454F5054, 1, 0)
    with Server(NBD, "-k", "s", "-t", "-e", "0", "-f", "raw", "disk") as s:
        for i in range(60):
            c = socket.socket(socket.AF_UNIX)
            c.connect("s")
            data = random.randbytes(random.randrange(200))
            if i % 3:
                data = hello
                for _ in range(random.randrange(5)):
                    data += struct.pack(">IHHQQI", 0x25609513, random.randrange(20),
                                        random.randrange(9), i, random.getrandbits(
                                            random.randrange(64)), random.getrandbits(
                                                random.randrange(32)))
            try:
                c.sendall(data)
                if i % 2:
                    c.settimeout(0.05)
                    c.recv(1000)
            except OSError:
                pass
            c.close()
        a = run(IMG, "info", "-f", "raw", "nbd:unix:s")
    ok(a[0] == 0 and s.status == 0, "hostile clients do not harm the server", a, s.errors)


def hostile_server():
    """A server that greets well and then lies: an error, no hang."""
    replies = [
        b"", b"NBDMAGIC", b"NBDMAGICIHAVEOPT\0\3",
        b"NBDMAGIC" + struct.pack(">Q", 0x420281861253) + struct.pack(">QI", 2 ** 63, 0) +
        bytes(124),
        b"NBDMAGICIHAVEOPT\0\3" + struct.pack(">QIII", 0x3e889045565a9, 8, 1, 2 ** 31),
        b"NBDMAGIC" + struct.pack(">Q", 0x420281861253) + struct.pack(">QI", 65536, 1) +
        bytes(124) + struct.pack(">IIQ", 0x67446698, 0, 99),
        b"NBDMAGIC" + struct.pack(">Q", 0x420281861253) + struct.pack(">QI", 65536, 1) +
        bytes(124) + struct.pack(">IHHQI", 0x668e33ef, 1, 1, 1, 2 ** 30),
    ]
    faults = []
    for reply in replies:
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists("s"):
            os.unlink("s")
        listener.bind("s")
        listener.listen(4)
        p = subprocess.Popen([IMG, "info", "nbd:unix:s"], stderr=subprocess.PIPE,
                             stdout=subprocess.DEVNULL)
        for _ in range(6):              # it may try anew
            listener.settimeout(1)
            try:
                c = listener.accept()[0]
            except OSError:
                break
            c.sendall(reply)
            c.shutdown(socket.SHUT_WR)
            c.settimeout(2)
            try:
                while c.recv(4096):
                    pass
            except OSError:
                pass
            c.close()
            if p.poll() is not None:
                break
        listener.close()
        try:
            if p.wait(20) != 1:
                faults.append((reply, p.returncode, p.stderr.read()))
        except subprocess.TimeoutExpired:
            p.kill()
            faults.append((reply, "hangs"))
        p.stderr.close()
    ok(not faults, "lying servers give an error", *faults)


def main():
    make_raw("raw")
    shutil.copy("raw", "other")
    with open("other", "r+b") as f:
        f.seek(1 << 20)
        f.write(random.randbytes(1 << 20))
        f.write(bytes(1 << 20))
    ours = [NBD, "-k", "s", "-t", "-e", "4", "-f", "raw", "disk"]
    pair("ours with ours", ours, IMG)
    os.mkdir("psk")
    with open("psk/keys.psk", "w") as f:
        f.write(f"alice:{'5a' * 32}\n")
    tls("ours with ours", NBD, IMG)
    if os.path.exists(PEER_IMG) and os.path.exists(PEER_NBD):
        cwd = os.getcwd()
        theirs = [PEER_NBD, "-k", f"{cwd}/s", "-t", "-e", "4", "-f", "raw", "disk"]
        pair("our server, their client", ours, PEER_IMG)
        pair("their server, our client", theirs, IMG)
        tls("our server, their client", NBD, PEER_IMG)
    else:
        skip("with QEMU's tools", "they are not installed")
    if shutil.which("nbdkit"):
        pair("nbdkit, our client", ["nbdkit", "-f", "-U", "s", "file", "disk"], IMG)
    else:
        skip("with nbdkit", "it is not installed")
    features()
    hostile_clients()
    hostile_server()


folder = tempfile.mkdtemp(prefix="nbd-")
here = os.getcwd()
IMG, NBD = os.path.abspath(IMG), os.path.abspath(NBD)
os.chdir(folder)
try:
    main()
finally:
    os.chdir(here)
    shutil.rmtree(folder)
done()
