#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The language of .decode files: what is accepted, what it becomes, and every error."""
import os
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD", "build")
TOOL = os.path.join(BUILD, "decodetree")
count = failed = 0

HARNESS = r"""
#include <stdio.h>
#include <stdlib.h>
#include "out.h"
enum { ATTR_end = 1, ATTR_flags = 2 };
struct ctx { int feature; };
static inline int twice(const struct ctx *c, int v) { return v * 2; }
static inline int where(const struct ctx *c) { return c->feature; }
static inline int has(const struct ctx *c, uint32_t insn) { return c->feature; }
"""
MAIN = r"""
#include "harness.h"
%s
int main(int argc, char **argv)
{
    struct ctx c = { atoi(argv[1]) };
    for (int i = 2; i < argc; i++) {
        union t_args a;
        int row = t_decode_in(&c, strtoul(argv[i], NULL, 16), &a);
        if (row < 0) { puts("none"); continue; }
        decode_print(stdout, &t_rows[row], a.arg);
        printf(" w%%d a%%u\n", t_rows[row].width, t_rows[row].attrs);
    }
    return 0;
}
"""


def ok(good, name, note=""):
    global count, failed
    count += 1
    print(f"{'' if good else 'not '}ok {count} - {name}")
    if not good:
        failed += 1
        for line in str(note).splitlines():
            print("#", line)


def generate(folder, text):
    with open(f"{folder}/in.decode", "w") as f:
        f.write(text)
    return subprocess.run([TOOL, "t", "ctx", "harness.h", f"{folder}/out.h", f"{folder}/out.c",
                           f"{folder}/in.decode"], capture_output=True, text=True)


def error(text, want, name):
    with tempfile.TemporaryDirectory() as folder:
        p = generate(folder, text)
        ok(p.returncode == 1 and want in p.stderr and "in.decode:" in p.stderr, name, p.stderr)


def decodes(text, feature, pairs, name):
    """pairs: instruction words and the text that each becomes."""
    with tempfile.TemporaryDirectory() as folder:
        p = generate(folder, text)
        if p.returncode:
            ok(False, name, p.stderr)
            return
        handlers = "\n".join(line.replace(";", " { }") for line in open(f"{folder}/out.h")
                             if line.startswith("void trans_"))
        open(f"{folder}/harness.h", "w").write("#pragma once\n" + HARNESS)
        open(f"{folder}/main.c", "w").write(MAIN % handlers)
        c = subprocess.run(["cc", "-Wall", "-Werror", "-Wno-unused-function", "-I.", f"-I{folder}",
                            "-o", f"{folder}/a", f"{folder}/main.c", f"{folder}/out.c",
                            "tcg/decode.c"], capture_output=True, text=True)
        if c.returncode:
            ok(False, name, c.stderr)
            return
        words = [w for w, _ in pairs]
        got = subprocess.run([f"{folder}/a", str(feature), *words], capture_output=True,
                             text=True).stdout.splitlines()
        ok(got == [t for _, t in pairs], name, f"{got}")


os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

decodes("add 0000 rd:4 rn:4 imm:s20\nsub 0001 rd:4 rn:4 imm:s20\n", 0,
        [("012fffff", "add rd=1, rn=2, imm=-1 w32 a0"), ("1ab00005", "sub rd=10, rn=11, imm=5 w32 a0"),
         ("20000000", "none")], "inline fields, signed ones, no match")
decodes("%imm 16:s4 0:8\n%big 0:3 !function=twice\n%env !function=where\n"
        "x 0000 ---- ---- .... ---- ---- ........ imm=%imm b=%big e=%env k=-7\n", 3,
        [("000f0081", "x imm=-127, b=2, e=3, k=-7 w32 a0"),
         ("00070001", "x imm=1793, b=2, e=3, k=-7 w32 a0")],
        "fields of several parts, functions, constants")
decodes("&rr rd rn\n@f ---- rd:4 rn:4 ........ ............ &rr +flags\n"
        "x 0000 .... .... 00000001 ---- ---- ---- @f +end\n", 0,
        [("01200100", "none"), ("01201000", "x rd=1, rn=2 w32 a3")], "formats and attributes")
decodes("{\n nop 0000 ---- ---- ---- ---- ---- ---- 0000\n [\n  a 0000 0000 r:8 ---- ---- ---- ---- ?has\n"
        "  b 0000 0001 r:8 ---- ---- ---- ----\n ]\n c 0000 r:12 ---- ---- ---- ----\n}\n", 0,
        [("00000000", "nop w32 a0"), ("00110001", "c r=17 w32 a0"),
         ("01220001", "b r=34 w32 a0")], "groups: the first that fits, and predicates")
decodes("{\n nop 0000 ---- ---- ---- ---- ---- ---- 0000\n [\n  a 0000 0000 r:8 ---- ---- ---- ---- ?has\n"
        "  b 0000 0001 r:8 ---- ---- ---- ----\n ]\n c 0000 r:12 ---- ---- ---- ----\n}\n", 1,
        [("00110001", "a r=17 w32 a0")], "a predicate that holds")
decodes("{\n [\n  a 0000 0001 r:8 ---- ---- ---- ----\n  b 0000 0011 r:8 ---- ---- ---- ----\n ]\n"
        " c 0000 --0- r:8 ---- ---- ---- ----\n d 0000 --1- r:8 ---- ---- ---- ----\n}\n", 0,
        [("01000000", "a r=0 w32 a0"), ("03010000", "b r=1 w32 a0"),
         ("02010000", "d r=1 w32 a0"), ("00050000", "c r=5 w32 a0")],
        "a bit that decides outside of a group is compared inside of it")
decodes("s 0000 r:4 imm:8\nl 1111 r:12 i:16\n", 0,
        [("03450000", "s r=3, imm=69 w16 a0"), ("f0010002", "l r=1, i=2 w32 a0")],
        "two widths: short ones are in the upper half")
decodes("x 0000 r:4 i:8 ---- ---- ---- ----\\\n  +end # comment\n\n# more\n", 0,
        [("01020000", "x r=1, i=2 w32 a1")], "continuation lines and comments")

error("a 0000 r:28\nb 00-- r:28\n", "'b' overlaps 'a' in line 1", "overlapping patterns")
error("{\n a 0000 r:28\n b 0000 0000 r:24\n}\n", "is never reached", "a hidden pattern")
error("{\n [\n a 0000 r:28\n b 0--- r:28\n ]\n c ---- r:28\n}\n", "overlaps", "overlap in [ ]")
error("a 0000 r:8\n", "it must have 16 or 32", "too few bits")
error("a 0000 r:16 s:16\n", "does not fit", "too many bits")
error("a 0000 .... r:24\n", "is in no field", "bits in no field")
error("a 0000 ---- r:24 %f\n", "there is no field", "an unknown field")
error("a 0000 ---- r:24 @f\n", "there is no format", "an unknown format")
error("a 0000 ---- r:24 &f\n", "there is no argument set", "an unknown set")
error("&s x\na 0000 ---- r:24 &s\n", "does not say what the argument 'x' is", "a missing argument")
error("&s x\na 0000 x:4 r:24 &s\n", "'r' is no argument", "a needless argument")
error("&s x x\n", "names 'x' twice", "an argument twice")
error("%f 30:4\n", "not in an instruction", "a field that is too long")
error("%f x\n", "is neither", "a field without sense")
error("a 0000 r:4 r:24\n", "is given twice", "a value twice")
error("@f 0000 r:28\na 1111 ............................ @f\n", "contradicts its format",
      "a format of other bits")
error("{\na 0000 r:28\n", "the group is not closed", "an open group")
error("a 0000 r:28\n}\n", "closes no group", "a group too few")
error("{\n}\n", "the group is empty", "an empty group")
error("a 0000 r:28\na 0001 s:28\n", "does not say what the argument 'r' is", "one handler, two sets")

print(f"1..{count}")
sys.exit(failed != 0)
