#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pads an option ROM to 512-byte blocks, sets its size and both checksums: sign-rom.py IN OUT"""
import sys


def main(source, target):
    with open(source, "rb") as f:
        rom = bytearray(f.read())
    if rom[:2] != b"\x55\xaa":
        sys.exit(f"{source}: does not start with 55 aa")
    # One spare byte for the checksum at the end.
    blocks = (len(rom) + 1 + 511) // 512
    if blocks > 255:
        sys.exit(f"{source}: too large for an option ROM")
    rom += bytes(blocks * 512 - len(rom))
    rom[2] = blocks
    pnp = int.from_bytes(rom[0x1a:0x1c], "little")
    if pnp:
        if rom[pnp:pnp + 4] != b"$PnP":
            sys.exit(f"{source}: no $PnP header where 0x1a points")
        header = slice(pnp, pnp + 16 * rom[pnp + 5])
        rom[pnp + 9] = 0
        rom[pnp + 9] = -sum(rom[header]) & 0xff
    rom[-1] = 0
    rom[-1] = -sum(rom) & 0xff
    with open(target, "wb") as f:
        f.write(rom)


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(sys.argv[1], sys.argv[2])
