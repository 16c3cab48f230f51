#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Without gdb: a client of ours stops and lets go a busy program, and a machine with two processors,
some hundred times at random places; and sends what gdb would never send."""
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from debugger import BUILD, HERE, die_with_parent
from tap import done, ok, skip

SECONDS = 1
SEED = int(os.environ.get("SEED", "1"))


class Client:
    def __init__(self, argv, path):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                        stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        for _ in range(1000):
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.01)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def send(self, text):
        data = text.encode("latin1")
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))

    def packet(self):
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start)
            if 0 <= start < end and len(self.buffer) >= end + 3:
                data, self.buffer = self.buffer[start + 1:end], self.buffer[end + 3:]
                return data.decode("latin1")
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the connection is closed")
            self.buffer += data

    def ask(self, text):
        self.send(text)
        return self.packet()

    def stop(self, after):
        """^C, if no stop comes by itself."""
        self.socket.settimeout(after)
        try:
            return self.packet()
        except socket.timeout:
            self.socket.settimeout(10)
            self.socket.sendall(b"\3")
            return self.packet()
        finally:
            self.socket.settimeout(10)


def look(client):
    """All threads' registers; returns the threads."""
    threads = client.ask("qfThreadInfo")[1:].split(",")
    client.ask("qsThreadInfo")
    for thread in threads:
        if client.ask("Hg" + thread) == "OK" and len(client.ask("g")) < 200:
            raise ValueError("no registers")
    return threads


def rounds(client, pc_at):
    """Stops and goes; returns how often."""
    dice = random.Random(SEED)
    client.ask("qSupported:multiprocess+;swbreak+;hwbreak+")
    client.ask("QStartNoAckMode")
    current, sig, n = "", "", 0
    threads = look(client)
    end = time.time() + SECONDS
    while time.time() < end:
        n += 1
        what = dice.random()
        pc = None
        if what < 0.4:
            client.send(f"vCont;C{sig}:{current};c" if sig else "vCont;c")
        elif what < 0.8:
            client.send(f"vCont;s:{dice.choice([current or threads[0], dice.choice(threads)])}"
                        f"{dice.choice(['', ';c'])}")
        else:
            client.ask("Hg" + (current or threads[0]))
            pc = int.from_bytes(bytes.fromhex(client.ask("g"))[pc_at[0]:pc_at[0] + pc_at[1]],
                                "little")
            client.ask(f"Z{dice.choice('01')},{pc:x},1")
            client.send("vCont;c")
        reply = client.stop(dice.random() * 0.01)
        if pc is not None:
            client.ask(f"z0,{pc:x},1")
            client.ask(f"z1,{pc:x},1")
        current = reply.split("thread:")[1].split(";")[0]
        sig = reply[1:3] if reply[1:3] not in ("02", "05") else ""
        threads = look(client)
    return n


def storm(name, argv, path, pc_at, detach):
    with Client(argv, path) as client:
        try:
            n = rounds(client, pc_at)
            ok(n > 20, f"{name}: stops and goes at random", f"only {n} rounds")
            ok(client.ask(detach) == "OK", f"{name}: detach")
            time.sleep(0.1)
            ok(client.process.poll() is None, f"{name}: it lives on")
        except (OSError, EOFError, ValueError, IndexError) as e:
            ok(False, f"{name}: stops and goes at random", repr(e))


def noise(name, argv, path):
    """Bytes at random, with packets among them that are none."""
    dice = random.Random(SEED)
    with Client(argv, path) as client:
        for _ in range(200):
            letters = "".join(chr(dice.randrange(256)) for _ in range(dice.randrange(40)))
            letters = letters.replace("\3", "").replace("k", "").replace("D", "")
            start = dice.choice(["", "m", "M", "X", "Z", "z", "H", "P", "qXfer:", "vFile:", "q", "T"])
            if dice.random() < 0.5:
                client.socket.sendall(letters.encode("latin1").replace(b"$", b""))
            else:
                client.send(start + letters.replace("#", "").replace("$", "").replace("}", ""))
        client.buffer = b""
        client.socket.sendall(b"#00$QStartNoAckMode#b0")
        end = time.time() + 10
        reply = ""
        client.send("qAttached")
        while reply not in ("0", "1") and time.time() < end:
            reply = client.packet()
        ok(reply in ("0", "1"), f"{name}: noise does it no harm", reply)


def user(arch, folder):
    program, path = os.path.join(folder, "churn-" + arch), os.path.join(folder, arch)
    emulator = os.path.join(BUILD, "qemu-" + arch)
    bits, pc_at = ("-m32", (32, 4)) if arch == "i386" else ("-m64", (128, 8))
    result = subprocess.run(["cc", bits, "-O1", "-w", "-static", "-pthread", "-o", program,
                             os.path.join(HERE, "churn.c")], capture_output=True)
    if not os.path.exists(emulator):
        skip(emulator, "not built")
    elif result.returncode:
        skip(arch, "the compiler cannot make such programs")
    else:
        storm(f"qemu-{arch}", [emulator, "-g", path, program], path, pc_at, "D")
        noise(f"qemu-{arch}", [emulator, "-g", path, program], path)


def machine(arch, folder):
    path = os.path.join(folder, "system-" + arch)
    emulator = os.path.join(BUILD, "qemu-system-" + arch)
    argv = [emulator, "-display", "none", "-serial", "none", "-monitor", "none", "-net", "none",
            "-smp", "2", "-gdb", f"unix:{path}"]
    pc_at = (32, 4) if arch == "i386" else (128, 8)
    if not os.path.exists(emulator):
        skip(emulator, "not built")
        return
    storm(f"qemu-system-{arch}", argv, path, pc_at, "D;1")
    noise(f"qemu-system-{arch}", argv, path)


with tempfile.TemporaryDirectory(prefix="qemu-test-") as work:
    for a in ("x86_64", "i386"):
        user(a, work)
        machine(a, work)
done()
