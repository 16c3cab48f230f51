#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Windows and terminals: -display curses on a terminal, -display sdl on a driver without a screen,
and the errors of both."""
import os
import re
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot/lib"), os.path.join(HERE, "lib")]
from emulator import Emulator
from tap import done, ok, skip

MACHINE = ("-net", "none", "-m", "32", "-boot", "menu=off")


def plain(output):
    """Output without cursor movements, as far as words stay whole."""
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]", b"", output)


def wait_for(machine, pattern, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if re.search(pattern, plain(machine.out)):
            return True
        machine.pump(0.2)
    return False


def curses():
    os.environ["TERM"] = "xterm"
    with Emulator("-display", "curses", *MACHINE, terminal=True) as machine:
        if not wait_for(machine, b"SeaBIOS \\(version") and b"no curses" in machine.out:
            skip("curses", "this build has no curses")
            return
        ok(wait_for(machine, b"No bootable device"), "curses shows the guest's text",
           machine.tail())
        machine.type("\x1b2")
        ok(wait_for(machine, b"type 'help' for more"), "Alt-2 shows the monitor", machine.tail())
        machine.type("info version\n")
        ok(wait_for(machine, b"\\d\\.\\d\\.\\d\\s"), "which takes commands")
        machine.type("quit\n")
        ok(machine.finish(5) == 0, "and quits")
        ok(machine.is_terminal_clean(), "the terminal is as it was")
    with Emulator("-display", "curses", *MACHINE) as machine:
        ok(machine.finish(5) == 1 and b"needs a terminal" in machine.out, "not without a terminal",
           machine.tail())


def sdl():
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    with Emulator("-display", "sdl", *MACHINE, monitor=True) as machine:
        time.sleep(0.3)
        if machine.process.poll() is not None and machine.finish(1) == 1:
            skip("sdl", machine.out.decode(errors="replace").strip())
            return
        ok(machine.expect_screen("No bootable device", 15), "a guest runs with an SDL window")
        machine.command("quit")
        ok(machine.finish(5) == 0, "and quits")
    os.environ["SDL_VIDEODRIVER"] = "nosuch"
    with Emulator("-sdl", "-full-screen", *MACHINE) as machine:
        ok(machine.finish(5) == 1 and b"-display sdl: " in machine.out and
           b"-vnc" in machine.out, "without a screen one line says what to do", machine.tail())


def main():
    curses()
    sdl()
    done()


main()
