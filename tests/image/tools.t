#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qemu-img, and its images beside those of QEMU's qemu-img where that is installed."""
import base64
import bz2
import fcntl
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import zlib

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS = os.path.join(os.environ.get("BUILD", os.path.join(TOP, "build")), "qemu-img")
PEER = "/usr/bin/qemu-img"
count = failed = 0


def ok(condition, name, *notes):
    global count, failed
    count += 1
    failed += not condition
    print(f"{'' if condition else 'not '}ok {count} - {name}")
    for note in notes if not condition else ():
        print("#", *str(note).split("\n"), sep="\n# ")
    return condition


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")


def run(tool, *words):
    p = subprocess.run([tool, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout, p.stderr


def good(name, *words, tool=OURS):
    code, out, err = run(tool, *words)
    return ok(code == 0, name, words, out, err)


def same_text(name, *words):
    """Both tools print the same and exit alike."""
    a, b = run(OURS, *words), run(PEER, *words)
    ok(a == b, name, words, a, b)


def names():
    """Images by options and by JSON."""
    good("a name in JSON", "info",
         'json:{"driver":"qcow2","file":{"driver":"file","filename":"base"}}')
    good("formats on formats", "info", 'json:{"driver":"raw","offset":512,"size":1024,"file":'
         '{"driver":"qcow2","file.filename":"base"}}')
    code, out, err = run(OURS, "info", "--image-opts", "driver=raw,offset=1k,size=512,"
                         "file.driver=file,file.filename=raw")
    ok(code == 0 and "512 bytes" in out, "a part of a file by --image-opts", out, err)
    for bad, why in (('json:{"driver":"qcow2"', "JSON"), ("json:[]", "object"),
                     ('json:{"driver":"qcow2","file.filename":"base","x":1}', "'x'"),
                     ('json:{"driver":"qcow2","file":{"filename":"base","y":1}}', "'file.y'"),
                     ('json:{"driver":"nosuch","file.filename":"base"}', "nosuch")):
        code, out, err = run(OURS, "info", bad)
        ok(code == 1 and why in err, f"'{bad}' is refused", out, err)
    loop = 'json:{"driver":"qcow2","file":{"driver":"file","filename":"loop"}}'
    run(OURS, "create", "-q", "-u", "-f", "qcow2", "-b", loop, "-F", "qcow2", "loop", "1M")
    code, out, err = run(OURS, "map", "loop")
    ok(code == 1 and "contains a loop" in err and len(err) < 400, "a loop by JSON", out, err)


def differencing_vhd():
    """A VHD above another, made by hand; every third sector of its first block is its own."""
    good("a VHD as parent", "convert", "-O", "vpc", "-o", "force_size=on", "raw", "base.vhd")
    with open("base.vhd", "rb") as f:
        footer = bytearray(f.read(512))
        f.seek(512)
        header = bytearray(f.read(1024))
    size, block = struct.unpack_from(">Q", footer, 0x30)[0], 2 << 20
    entries = size // block
    header[0x28:0x38] = footer[0x44:0x54]           # the parent's identity
    header[0x40:0x240] = "C:\\x\\base.vhd".encode("utf-16-be").ljust(512, b"\0")
    struct.pack_into(">Q", header, 0x10, 2048)      # the block table
    locator = ".\\base.vhd".encode("utf-16-le")
    struct.pack_into(">IIIIQ", header, 0x240, 0x57327275, 512, len(locator), 0, 2560)
    struct.pack_into(">I", header, 0x24, 0)
    struct.pack_into(">I", header, 0x24, ~sum(header) & 0xffffffff)
    footer[0x44:0x54] = os.urandom(16)
    struct.pack_into(">I", footer, 0x3c, 4)
    struct.pack_into(">I", footer, 0x40, 0)
    struct.pack_into(">I", footer, 0x40, ~sum(footer) & 0xffffffff)
    table = struct.pack(">I", 3072 // 512) + b"\xff" * 4 * (entries - 1)
    want = bytearray(open("raw", "rb").read())
    bitmap, data = bytearray(512), bytearray(block)
    for i in range(0, block // 512, 3):
        bitmap[i // 8] |= 0x80 >> i % 8
        data[i * 512:(i + 1) * 512] = want[i * 512:(i + 1) * 512] = bytes([i % 251]) * 512
    with open("child.vhd", "wb") as f:
        f.write(footer + header)
        f.seek(2048)
        f.write(table)
        f.seek(2560)
        f.write(locator)
        f.seek(3072)
        f.write(bitmap + data + footer)
    with open("want", "wb") as f:
        f.write(want)
    good("a differencing VHD", "compare", "-f", "raw", "-F", "vpc", "want", "child.vhd")
    code, out, err = run(OURS, "bench", "-w", "-c", "1", "-f", "vpc", "child.vhd")
    ok(code == 1, "it is only read", out, err)
    good("another parent", "convert", "-O", "vpc", "-o", "force_size=on", "raw", "base.vhd")
    code, out, err = run(OURS, "map", "child.vhd")
    ok(code == 1 and "identity" in err, "an exchanged parent is refused", out, err)


def make_raw():
    random.seed(3)
    with open("raw", "wb") as f:
        for i in range(40):
            f.seek(random.randrange(0, 7 << 20))
            f.write(random.randbytes(30000) if i % 2 else b"words " * random.randrange(20000))
        f.truncate(8 << 20)


OPTIONS = {
    "raw": [""],
    "qcow2": ["", "compat=0.10", "cluster_size=512", "cluster_size=2M", "refcount_bits=1",
              "refcount_bits=64,cluster_size=4k", "extended_l2=on", "compression_type=zstd",
              "lazy_refcounts=on", "preallocation=metadata", "preallocation=falloc",
              "data_file=data", "data_file=data,data_file_raw=on"],
    "qcow": [""], "vdi": ["", "static=on"], "parallels": ["", "cluster_size=64k"],
    "vmdk": ["", "subformat=monolithicFlat", "subformat=twoGbMaxExtentSparse",
             "subformat=twoGbMaxExtentFlat", "subformat=streamOptimized", "zeroed_grain=on"],
    "vpc": ["", "subformat=fixed", "force_size=on"],
}
PACKED = {"qcow": [""], "qcow2": ["", "compression_type=zstd", "extended_l2=on", "cluster_size=4k"]}


def interchange(fmt, options, packed):
    name = f"{fmt} '{options}'{' -c' if packed else ''}"
    words = ["-O", fmt] + (["-o", options] if options else []) + (["-c"] if packed else [])
    faults = []
    for maker, reader in ((OURS, PEER), (PEER, OURS), (OURS, OURS)):
        for step in ((maker, "convert", *words, "raw", "image"),
                     (reader, "compare", "-f", "raw", "-F", fmt, "raw", "image"),
                     (reader, "check", "-f", fmt, "image")):
            code, out, err = run(*step)
            if code and step[0] == maker == PEER:
                break               # it does not pack qcow
            if code and not (step[1] == "check" and code == 63):
                faults.append((step, code, out, err))
    ok(not faults, f"interchange of {name}", *faults)


def make_cloop():
    with open("raw", "rb") as f:
        data = f.read(1 << 20)
    blocks = [zlib.compress(data[i:i + 65536]) for i in range(0, len(data), 65536)]
    text = b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
    at = 136 + 8 * (len(blocks) + 1)
    with open("image.cloop", "wb") as f:
        f.write(text.ljust(128, b"\0") + struct.pack(">II", 65536, len(blocks)))
        for block in blocks:
            f.write(struct.pack(">Q", at))
            at += len(block)
        f.write(struct.pack(">Q", at) + b"".join(blocks))


def make_bochs():
    """Two of four extents of 64 KiB exist, in the other order; odd sectors are missing."""
    extent, body = 65536, bytearray()
    with open("raw", "rb") as f:
        data = bytearray(f.read(4 * extent))
    for number in (2, 0):
        part = data[number * extent:(number + 1) * extent]
        body += bytes([0x55] * 16).ljust(512, b"\0") + part
    for sector in range(4 * extent // 512):
        if sector % 2 or sector // 128 not in (0, 2):
            data[sector * 512:sector * 512 + 512] = bytes(512)
    head = b"Bochs Virtual HD Image".ljust(32, b"\0") + b"Redolog".ljust(16, b"\0") + \
        b"Growing".ljust(16, b"\0") + struct.pack("<IIIIIIQ", 0x20000, 512, 4, 16, extent, 0,
                                                  4 * extent)
    with open("image.bochs", "wb") as f:
        f.write(head.ljust(512, b"\0") + struct.pack("<IIII", 1, 0xffffffff, 0, 0xffffffff) + body)
    with open("want.bochs", "wb") as f:
        f.write(data)


def make_dmg():
    """Chunks of 128 KiB in turn: zlib, raw, zero, bzip2."""
    with open("raw", "rb") as f:
        data = bytearray(f.read(1 << 20))
    chunks, body = b"", b""
    for i in range(8):
        part = bytes(data[i << 17:(i + 1) << 17])
        kind = (0x80000005, 1, 0, 0x80000006)[i % 4]
        packed = {0x80000005: zlib.compress(part), 1: part, 0: b"",
                  0x80000006: bz2.compress(part)}[kind]
        if not kind:
            data[i << 17:(i + 1) << 17] = bytes(1 << 17)
        chunks += struct.pack(">IIQQQQ", kind, 0, i * 256, 256, len(body), len(packed))
        body += packed
    chunks += struct.pack(">IIQQQQ", 0xffffffff, 0, 2048, 0, len(body), 0)
    mish = struct.pack(">4sIQQQII", b"mish", 1, 0, 2048, 0, 264, 0).ljust(200, b"\0") + \
        struct.pack(">I", 9) + chunks
    text = b"<plist><dict><key>resource-fork</key><dict><key>blkx</key><array><dict><key>Data</key>" \
        b"<data>" + base64.b64encode(mish) + b"</data></dict></array></dict></dict></plist>"
    koly = bytearray(512)
    koly[:12] = struct.pack(">4sII", b"koly", 4, 512)
    koly[0x20:0x28] = struct.pack(">Q", len(body))
    koly[0xd8:0xe8] = struct.pack(">QQ", len(body), len(text))
    koly[0x1ec:0x1f4] = struct.pack(">Q", 2048)
    with open("image.dmg", "wb") as f:
        f.write(body + text + koly)
    with open("want.dmg", "wb") as f:
        f.write(data)


def only_read(peer):
    make_dmg()
    make_cloop()
    make_bochs()
    with open("raw", "rb") as f, open("want.cloop", "wb") as g:
        g.write(f.read(1 << 20))
    for fmt in ("cloop", "bochs", "dmg"):
        good(f"convert {fmt}", "convert", "-f", fmt, f"image.{fmt}", "out")
        good(f"{fmt} content", "compare", "-q", "-f", "raw", "-F", "raw", "out", f"want.{fmt}")
        if peer and fmt != "dmg":       # bzip2 is an extra package there
            good(f"{fmt} as the peer reads it", "compare", "-q", "-f", fmt, "-F", "raw",
                 f"image.{fmt}", f"want.{fmt}", tool=PEER)
    for options in ("subformat=dynamic", "subformat=fixed", "block_size=1M") if peer else ():
        good(f"the peer makes vhdx {options}", "convert", "-O", "vhdx", "-o", options, "raw", "image",
             tool=PEER)
        good("which is read", "compare", "-q", "raw", "image")


def info_alike():
    good("create a chain", "create", "-q", "-f", "qcow2", "-b", "raw", "-F", "raw", "top")
    good("snapshot", "snapshot", "-c", "one", "top")
    for words in (["top"], ["--backing-chain", "top"]):
        a, b = (json.loads(run(t, "info", "--output=json", *words)[1]) for t in (OURS, PEER))
        ok(a == b, f"info --output=json {words}", a, b)
    for words in (["info", "top"], ["snapshot", "-l", "top"], ["check", "top"], ["map", "top"],
                  ["map", "--output=json", "top"], ["map", "--output=json", "raw"],
                  ["check", "raw"], ["compare", "raw", "top"], ["info", "nosuch"],
                  ["snapshot", "-a", "nosuch", "top"], ["snapshot", "-d", "nosuch", "top"],
                  ["resize", "top", "1M"], ["measure", "-O", "qcow2", "raw"],
                  ["measure", "--output=json", "-O", "qcow2", "--size", "10G"],
                  ["convert", "-O", "nosuch", "raw", "x"], ["nosuch"], [],
                  ["create", "-f", "qcow2", "x"], ["create", "-f", "qcow2", "-o", "a=b", "x", "1M"],
                  ["create", "-f", "qcow2", "-o", "cluster_size=5k", "x", "1M"],
                  ["create", "-f", "qcow2", "x2", "1000000"], ["dd", "if=raw", "of=y", "bs=1M"]):
        if words[:1] == ["info"] or words[:1] == ["check"] or words[0:1] == ["resize"]:
            a, b = run(OURS, *words), run(PEER, *words)
            ok(a[:2] == b[:2], f"{words}: status and text", a, b)
        else:
            same_text(f"{words}: status, text and errors", *words)


def commands():
    good("create", "create", "-q", "-f", "qcow2", "a", "8M")
    good("check", "check", "-q", "a")
    good("overlay", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", "over")
    good("bench writes", "bench", "-q", "-w", "-c", "200", "-S", "20000", "--pattern=65", "over")
    good("convert keeps it", "convert", "-O", "raw", "over", "want")
    good("rebase to nothing", "rebase", "-b", "", "over")
    good("leaves the content", "compare", "-q", "want", "over")
    good("rebase back", "rebase", "-b", "base", "-F", "qcow2", "over")
    good("leaves it too", "compare", "-q", "want", "over")
    good("commit", "commit", "-q", "over")
    good("brings it below", "compare", "-q", "want", "base")
    good("and keeps it above", "compare", "-q", "want", "over")
    good("grow", "resize", "-q", "over", "+8M")
    code, _, err = run(OURS, "resize", "over", "1M")
    ok(code == 1 and "--shrink" in err, "shrinking must be asked for", err)
    good("shrink", "resize", "-q", "--shrink", "over", "1M")
    good("add a bitmap", "bitmap", "--add", "over", "map")
    good("write beside it", "bench", "-q", "-w", "-c", "5", "over")
    good("check it", "check", "-q", "over")
    good("remove the bitmap", "bitmap", "--remove", "over", "map")
    good("check again", "check", "-q", "over")
    good("amend to version 2", "amend", "-o", "compat=0.10", "a")
    good("amend to version 3", "amend", "-o", "compat=1.1,lazy_refcounts=on", "a")
    good("check what came out", "check", "-q", "a")
    code, _, err = run(OURS, "create", "-f", "qcow2", "-b", "base", "guessed")
    ok(code == 0 and "detected format of qcow2" in err, "a guessed backing format is told", err)
    code, _, err = run(OURS, "create", "-f", "qcow2", "-b", "want", "guessed")
    ok(code == 1 and err.count("\n") == 1, "raw is never guessed", err)
    code, _, err = run(OURS, "create", "x.qcow2", "1M")
    ok(code == 0 and "raw image in spite of its name" in err, "a wrong suffix is told", err)


def fragments():
    """Data, zeroes and holes in small pieces, which convert reads together or leaves out."""
    rng = random.Random(7)
    with open("pieces", "wb") as f:
        f.truncate(9 << 20)
        for at in range(0, 5 << 20, 4096):
            kind = rng.choice("dddzhhh")
            f.seek(at + rng.choice((0, 0, 512)))
            if kind != "h":
                f.write(rng.randbytes(2048) if kind == "d" else bytes(4096))
    good("an overlay of 512-byte clusters", "create", "-q", "-f", "qcow2", "-o",
         "cluster_size=512", "-b", "pieces", "-F", "raw", "thin")
    good("with pieces of its own", "bench", "-q", "-w", "-c", "400", "-s", "1024", "-S", "6000",
         "--pattern=7", "thin")
    for words in (["-O", "qcow2"], ["-O", "raw"], ["-O", "raw", "-S", "0"], ["-O", "vmdk"],
                  ["-O", "qcow2", "-W", "-m", "4"], ["-O", "qcow2", "-c"],
                  ["-O", "qcow2", "-c", "-o", "compression_type=zstd", "-m", "3"],
                  ["-O", "qcow2", "-B", "pieces", "-F", "raw"],
                  ["-O", "qcow2", "-o", "cluster_size=2M,backing_file=pieces,backing_fmt=raw"]):
        for source in ("pieces", "thin") if "pieces" not in str(words) else ("thin",):
            good(f"convert {words} from {source}", "convert", *words, source, "whole")
            good("has the same content", "compare", "-q", source, "whole")
    size = os.stat("pieces").st_blocks
    good("pieces to raw", "convert", "-O", "raw", "pieces", "whole")
    ok(os.stat("whole").st_blocks <= size, "zeroes become holes", os.stat("whole"), size)


# Lines that people type; both tools run them in a folder of their own.
LINES = """create myimage.img 4096
create -f qcow2 -b golden.qcow2 -F qcow2 apollo.qcow2
create -o backing_file=blank.raw,backing_fmt=raw -f qcow2 img1.cow
convert -f vmdk -O qcow2 chr.vmdk chr.qcow2
convert -c -f raw -O qcow2 -o compression_type=zstd blank.raw z.qcow2
convert -p -O vmdk -o subformat=streamOptimized blank.raw out.vmdk
convert -f qcow2 -O raw -t writeback golden.qcow2 target
resize golden.qcow2 +10G
resize golden.qcow +6G
snapshot -c s1 golden.qcow2
snapshot -a s1 golden.qcow2
snapshot -d s1 golden.qcow2
check golden.qcow2
check -r all golden.qcow2
rebase -u -b layer0.qcow2 -F qcow2 img1.cow
commit -- apollo.qcow2
convert -q -f qcow2 -O qcow2 golden.qcow2 out.qcow2"""


def well_known_lines():
    for folder in ("ours", "theirs"):
        os.mkdir(folder)
        for fmt, name in (("raw", "blank.raw"), ("raw", "target"), ("vmdk", "chr.vmdk"),
                          ("qcow", "golden.qcow"), ("qcow2", "golden.qcow2"),
                          ("qcow2", "layer0.qcow2")):
            run(PEER, "convert", "-O", fmt, "raw", f"{folder}/{name}")
    for line in LINES.split("\n"):
        a, b = (subprocess.run([tool, *line.split()], capture_output=True, text=True, cwd=folder)
                for tool, folder in ((OURS, "ours"), (PEER, "theirs")))
        # How far a copy is between its start and its end, and where a file ends, is each one's own.
        a.stdout, b.stdout = (re.sub(r"(?s)(?<=/100%\)).*(?=    \(100.00)|end offset: \d+", "",
                                     p.stdout) for p in (a, b))
        ok((a.returncode, a.stdout, a.stderr) == (b.returncode, b.stdout, b.stderr),
           f"'{line}' says the same", a, b)
    for name in sorted(os.listdir("theirs")):
        good(f"{name} is the same", "compare", "-q", f"ours/{name}", f"theirs/{name}", tool=PEER)


def repair():
    with open("base", "r+b") as f:
        f.seek(0x30)
        table = int.from_bytes(f.read(8), "big")
        f.seek(table)
        block = int.from_bytes(f.read(8), "big")
        f.seek(block + 2 * 4)
        f.write(b"\0\0\0\7")
    code, out, _ = run(OURS, "check", "base")
    ok(code in (2, 3) and "found on the image" in out, "wrong refcounts are found", out)
    code, out, err = run(OURS, "check", "-r", "all", "base")
    ok(code == 0 and "repaired" in out, "and repaired", out, err)
    good("the content is there", "compare", "-q", "want", "base")


def locks():
    with open("a", "r+b") as f:
        for byte in (100, 101, 103, 201, 203):
            fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, byte, 1, 0))
        code, _, err = run(OURS, "info", "a")
        ok(code == 1 and f"process {os.getpid()}" in err, "a locked image is refused, and by whom",
           err)
        good("-U looks all the same", "info", "-U", "a")
    good("the lock goes with its owner", "info", "a")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_raw()
        good("convert to qcow2", "convert", "-O", "qcow2", "raw", "base")
        names()
        differencing_vhd()
        commands()
        fragments()
        repair()
        locks()
        only_read(os.access(PEER, os.X_OK))
        if os.access(PEER, os.X_OK):
            for fmt, list_ in OPTIONS.items():
                for options in list_:
                    interchange(fmt, options, False)
            for fmt, list_ in PACKED.items():
                for options in list_:
                    interchange(fmt, options, True)
            info_alike()
            well_known_lines()
        else:
            skip("interchange with QEMU's qemu-img", "it is not installed")
        os.chdir("/")
    print(f"1..{count}")
    sys.exit(failed != 0)


main()
