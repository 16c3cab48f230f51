# SPDX-License-Identifier: GPL-2.0-or-later
"""Test Anything Protocol: results as they come, the plan at the end."""
import sys

count = failed = 0


def line(good, name, tail=""):
    global count, failed
    count += 1
    failed += not good
    print(f"{'' if good else 'not '}ok {count} - {name}{tail}", flush=True)


def note(text):
    """Prints text as TAP comments; bytes of a guest may be anything."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    for part in text.splitlines():
        print("#", "".join(c if c.isprintable() else "." for c in part), flush=True)


def ok(good, name, *why):
    """A result; what `why' has (text or bytes, only its last 30 lines) is shown when it is bad."""
    line(bool(good), name)
    for part in why if not good else ():
        if isinstance(part, bytes):
            part = part.decode(errors="replace")
        note("\n".join(str(part).splitlines()[-30:]))
    return bool(good)


def skip(name, reason):
    line(True, name, f" # SKIP {reason}")


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def done():
    print(f"1..{count}")
    sys.exit(failed != 0)
