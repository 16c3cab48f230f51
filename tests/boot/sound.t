#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's sound drivers play a known wave on each card; the wav back-end has it bit for bit."""
import os
import random
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
import packages
from emulator import Emulator, folder
from tap import done, ok, skip_all

PROMPT = rb"guest:\S*# "
FRAMES = 14000
# -soundhw, modules
CARDS = (("ac97", ("snd_intel8x0",)), ("es1370", ("snd_ens1370",)),
         ("hda", ("snd_hda_codec_generic", "snd_hda_intel")))


def wave():
    rng = random.Random(42)
    return struct.pack(f"<{2 * FRAMES}h", *(rng.randrange(-32768, 32768) for _ in range(2 * FRAMES)))


def samples(path):
    with open(path, "rb") as f:
        data = f.read()
    return data[44:], struct.unpack_from("<I", data, 24)[0], struct.unpack_from("<I", data, 40)[0]


def check(work, player, card, modules):
    initrd = packages.initramfs(os.path.join(work, "initrd.gz"), *(
        part for m in packages.modules(*modules) for part in ("-m", m)),
        f"{player}=/bin/player", f"{work}/wave=/wave")
    out = os.path.join(work, f"{card}.wav")
    with Emulator("-m", "256", "-nographic", "-no-reboot", "-kernel", packages.kernel(),
                  "-initrd", initrd, "-append", "console=ttyS0 quiet", "-net", "none",
                  "-audiodev", f"wav,id=snd,path={out}", "-soundhw", card,
                  terminal=True, monitor=True) as guest:
        if not ok(guest.expect(PROMPT, 60), f"{card}: a shell prompts", guest.tail()):
            return
        guest.command(f"wavcapture {out}.half snd 22050 8 1")
        info = guest.command("info capture")
        ok(f"[0]: Capturing audio(22050,8,1) to {out}.half" in info, f"{card}: a capture", info)
        guest.type("player 44100 < /wave\n")
        ok(guest.expect(b"played %d frames" % FRAMES, 30), f"{card}: the driver plays",
           guest.tail())
        guest.command("stopcapture 0")
        ok("no capture" in guest.command("stopcapture 0"), f"{card}: which stops")
        guest.type("poweroff\n")
        ok(guest.finish(15) == 0, f"{card}: the end", guest.tail())
    half, rate, size = samples(f"{out}.half")
    ok(rate == 22050 and FRAMES / 2 <= size == len(half), f"{card}: its file", str(size))
    data, rate, size = samples(out)
    with open(os.path.join(work, "wave"), "rb") as f:
        expected = f.read()
    ok(rate == 44100 and size == len(data), f"{card}: the file's header", f"{rate} {size}")
    ok(expected in data, f"{card}: the file has the wave bit for bit", str(len(data)))
    rest = data.replace(expected, b"", 1)
    ok(not rest.strip(b"\0"), f"{card}: and silence around it", str(len(rest.strip(b"\0"))))


def main():
    with folder() as work:
        player = os.path.join(work, "player")
        if subprocess.run(["cc", "-O1", "-static", "-o", player, f"{HERE}/lib/player.c"]).returncode:
            skip_all("no static C library")
        with open(os.path.join(work, "wave"), "wb") as f:
            f.write(wave())
        for card, modules in CARDS:
            check(work, player, card, modules)
    done()


main()
