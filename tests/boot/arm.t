#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How ARM boards start kernels: a program of a dozen instructions sends what it was given to the
serial port, as raw image, U-Boot image, ELF file; with tagged lists and with a device tree."""
import gzip
import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from emulator import Emulator, binary, folder
from tap import done, ok, skip_all

UARTS = {"versatilepb": (0x10000000, 0x001F0000, 0x1000), "versatileab": (0x10000000, 0x001F0000,
         0x1000), "integratorcp": (0x10000000, 0x06000000, 0)}
IDS = {"versatilepb": 0x183, "versatileab": 0x25E, "integratorcp": 0x113}
SENT = 2048


def immediate(value):
    """The 12 bits of a data processing instruction's immediate operand."""
    for rotation in range(16):
        turned = (value << 2 * rotation | value >> (32 - 2 * rotation)) & 0xFFFFFFFF
        if turned < 256:
            return rotation << 8 | turned
    raise ValueError(value)


def program(board):
    """Sends r1 in two bytes, then SENT bytes from where r2 points to; then waits for ever."""
    first, *more = UARTS[board]
    code = [0xE3A04000 | immediate(first)]                          # mov r4, #
    code += [0xE3844000 | immediate(part) for part in more if part]  # orr r4, r4, #
    code += [
        0xE5C41000,                         # strb r1, [r4]
        0xE1A03421, 0xE5C43000,             # lsr r3, r1, #8; strb r3, [r4]
        0xE3A05000 | immediate(SENT),       # mov r5, #
        0xE4D23001, 0xE5C43000,             # ldrb r3, [r2], #1; strb r3, [r4]
        0xE2555001, 0x1AFFFFFB,             # subs r5, r5, #1; bne
        0xEAFFFFFE,                         # b .
    ]
    return struct.pack(f"<{len(code)}I", *code)


def uimage(data, packed=False):
    body = gzip.compress(data) if packed else data
    return struct.pack(">7I4B32s", 0x27051956, 0, 0, len(body), 0x20000, 0x20000, 0, 5, 2, 2,
                       1 if packed else 0, b"test") + body


def elf(data):
    return struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 40, 1, 0x30000, 52, 0, 0,
                       52, 32, 1, 0, 0, 0) + \
        struct.pack("<8I", 1, 84, 0x30000, 0x30000, len(data), len(data), 5, 4) + data


def tree():
    """A flattened tree with memory of nothing and a command line to be replaced."""
    strings = b"#address-cells\0#size-cells\0device_type\0reg\0bootargs\0"

    def prop(name, value):
        at = strings.index(name.encode() + b"\0")
        return struct.pack(">3I", 3, len(value), at) + value + b"\0" * (-len(value) % 4)

    def node(name, *parts):
        text = name.encode() + b"\0"
        return struct.pack(">I", 1) + text + b"\0" * (-len(text) % 4) + b"".join(parts) + \
            struct.pack(">I", 2)

    one = struct.pack(">I", 1)
    body = node("", prop("#address-cells", one), prop("#size-cells", one),
                node("memory", prop("device_type", b"memory\0"), prop("reg", b"\0" * 8)),
                node("chosen", prop("bootargs", b"old\0"))) + struct.pack(">I", 9)
    size = 40 + 16 + len(body) + len(strings)
    return struct.pack(">10I", 0xD00DFEED, size, 56, 56 + len(body), 40, 17, 16, 0, len(strings),
                       len(body)) + b"\0" * 16 + body + strings


def tags(data):
    """{number: data} of a tagged list."""
    found, at = {}, 0
    while at + 8 <= len(data):
        size, number = struct.unpack_from("<2I", data, at)
        if not number or size < 2:
            return found
        found[number] = data[at + 8:at + 4 * size]
        at += 4 * size
    return {}


def run(board, work, kernel, *args):
    """r1 and the bytes at r2."""
    path = os.path.join(work, "kernel")
    with open(path, "wb") as f:
        f.write(kernel)
    with Emulator("-M", board, "-kernel", path, "-display", "none", "-serial", "stdio",
                  "-net", "none", "-m", "64", *args, arch="arm") as guest:
        for _ in range(200):
            if len(guest.out) >= SENT + 2:
                break
            guest.expect(rb"never to be seen", 0.1)
        data = guest.out
    return (struct.unpack("<H", data[:2])[0], data[2:]) if len(data) >= SENT + 2 else (None, data)


def check_tags(work):
    initrd = os.path.join(work, "initrd")
    with open(initrd, "wb") as f:
        f.write(b"x" * 5000)
    for board, number in IDS.items():
        r1, data = run(board, work, program(board), "-append", "one two", "-initrd", initrd)
        ok(r1 == number, f"{board}: the machine number", repr((r1, data[:200])))
        found = tags(data)
        ok(0x54410001 in found, f"{board}: the list begins")
        ok(found.get(0x54410002) == struct.pack("<2I", 64 << 20, 0), f"{board}: memory")
        ok(found.get(0x54410009, b"").rstrip(b"\0") == b"one two", f"{board}: command line")
        ok(found.get(0x54420005) == struct.pack("<2I", 32 << 20, 5000), f"{board}: initrd")


def check_images(work):
    board = "versatilepb"
    for name, image in (("U-Boot", uimage(program(board))),
                        ("packed U-Boot", uimage(program(board), True)),
                        ("gzip", gzip.compress(program(board)))):
        ok(run(board, work, image)[0] == IDS[board], f"{name} image")
    r1, data = run(board, work, elf(program(board)))
    ok(len(data) >= SENT, "an ELF file starts at its entry")
    dtb = os.path.join(work, "dtb")
    with open(dtb, "wb") as f:
        f.write(tree())
    r1, data = run(board, work, program(board), "-dtb", dtb, "-append", "new line")
    ok(data[:4] == b"\xd0\x0d\xfe\xed", "a device tree")
    ok(b"new line\0" in data and b"old\0" not in data, "with the command line")
    ok(struct.pack(">2I", 0, 64 << 20) in data, "and the memory")


def fails(*args):
    result = subprocess.run([binary("arm"), "-display", "none", "-net", "none", *args],
                            capture_output=True, text=True, timeout=20,
                            stdin=subprocess.DEVNULL)
    return result.stderr.strip() if result.returncode == 1 else f"status {result.returncode}"


def check_errors(work):
    path = os.path.join(work, "bad")
    with open(path, "wb") as f:
        f.write(uimage(b"x" * 1000)[:500])
    text = fails("-M", "versatilepb", "-kernel", path)
    ok("cut off" in text and text.count("\n") == 0, "an image that is cut off", text)
    text = fails("-M", "versatilepb", "-m", "512")
    ok("256 MiB" in text, "too much memory", text)
    with open(path, "wb") as f:
        f.write(program("versatilepb"))
    text = fails("-M", "versatilepb", "-kernel", path, "-dtb", path)
    ok("device tree" in text, "no device tree", text)
    text = fails("-M", "versatilepb", "-dtb", path)
    ok("-kernel" in text, "-dtb without a kernel", text)
    with open(path, "wb") as f:
        f.write(elf(b"")[:60])
    text = fails("-M", "integratorcp", "-kernel", path)
    ok("cut off" in text, "an ELF file that is cut off", text)


def main():
    if not os.path.exists(binary("arm")):
        skip_all("qemu-system-arm was not built")
    with folder() as work:
        check_tags(work)
        check_images(work)
        check_errors(work)
    done()


main()
