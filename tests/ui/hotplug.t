#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts that come and go by QMP: devices, networks, character devices, block nodes, descriptors; and
block jobs with their events."""
import os
import socket
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot/lib"), os.path.join(HERE, "lib")]
from emulator import Emulator, folder
from qmp import Session
from tap import done, ok

SIZE = 4 << 20


def equal(got, want, name):
    ok(got == want, name, f"{got!r} instead of {want!r}")


def image(work, name, size=SIZE, fill=0):
    path = os.path.join(work, name)
    with open(path, "wb") as f:
        if fill:
            f.write(bytes([fill]) * size)
        f.truncate(size)
    return path


def devices(s):
    equal(s.result("device_add", driver="usb-tablet", id="tablet"), {}, "device_add")
    ok("Tablet" in s.result("human-monitor-command", command_line="info usb"), "it is there")
    equal(s.error("device_del", id="nosuch"), "Device 'nosuch' not found", "device_del of nothing")
    equal(s.result("device_del", id="/machine/peripheral/tablet"), {}, "device_del")
    equal(s.event("DEVICE_DELETED"), {"device": "tablet", "path": "/machine/peripheral/tablet"},
          "DEVICE_DELETED")
    ok("cannot be removed" in s.error("device_del", id="video"), "not what cannot leave its bus")


def networks(s):
    equal(s.error("netdev_add", type="nosuch", id="n"),
          "Parameter 'type' does not accept value 'nosuch'", "netdev_add of no type")
    equal(s.error("netdev_add", id="n"), "Parameter 'type' is missing", "without a type")
    equal(s.result("netdev_add", type="hubport", id="n", hubid=3), {}, "netdev_add")
    ok("Duplicate" in s.error("netdev_add", type="hubport", id="n", hubid=4), "twice")
    ok("nosuch" in s.error("netdev_add", type="hubport", id="m", hubid=1, nosuch=1), "unknown key")
    ok("hub 3" in s.result("human-monitor-command", command_line="info network"), "it is there")
    equal(s.error("netdev_del", id="nosuch"), "Device 'nosuch' not found", "netdev_del of nothing")
    ok("not a netdev" in s.error("netdev_del", id="card"), "not a card")
    equal(s.result("netdev_del", id="n"), {}, "netdev_del")
    equal(s.result("netdev_del", id="wire"), {}, "under a card")
    ok("wire" not in s.result("human-monitor-command", command_line="info network"), "it is gone")


def characters(s, work):
    path = os.path.join(work, "out")
    backend = {"type": "file", "data": {"out": path, "append": False}}
    equal(s.result("chardev-add", id="f", backend=backend), {}, "chardev-add file")
    ok("duplicate" in s.error("chardev-add", id="f", backend=backend), "twice")
    reply = s.result("chardev-add", id="p", backend={"type": "pty", "data": {}})
    ok(reply and os.path.exists(reply.get("pty", "")), "chardev-add pty names it", str(reply))
    address = {"type": "unix", "data": {"path": os.path.join(work, "sock,et")}}
    equal(s.result("chardev-add", id="s", backend={"type": "socket", "data": {
        "addr": address, "wait": False}}), {}, "chardev-add socket")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address["data"]["path"])
    labels = {c["label"]: c for c in s.result("query-chardev")}
    ok({"f", "p", "s"} <= labels.keys(), "they are there", str(labels))
    equal(s.result("device_add", driver="usb-serial", chardev="f", id="line"), {}, "one is used")
    equal(s.error("chardev-remove", id="f"), "Chardev 'f' is busy", "busy")
    s.result("device_del", id="line")
    for name in "fps":
        equal(s.result("chardev-remove", id=name), {}, f"chardev-remove {name}")
    equal(s.error("chardev-remove", id="f"), "Chardev 'f' not found", "twice")


def nodes(s, work):
    equal(s.error("blockdev-add", driver="nosuch", **{"node_name": "a"}), "Unknown driver 'nosuch'",
          "blockdev-add of no driver")
    ok("No such file" in s.error("blockdev-add", driver="file", node_name="a",
                                 filename=os.path.join(work, "nosuch")), "of no file")
    equal(s.result("blockdev-add", driver="file", node_name="file", filename=image(work, "a")), {},
          "blockdev-add of a file")
    equal(s.result("blockdev-add", driver="raw", node_name="disk", file="file"), {},
          "and of a format on it")
    ok("Duplicate" in s.error("blockdev-add", driver="raw", node_name="disk", file="file"), "twice")
    ok("in use" in s.error("blockdev-add", driver="raw", node_name="d2", file="file"),
       "not over the same file")
    ok("in use" in s.error("blockdev-del", node_name="file"), "blockdev-del of what is used")
    equal(s.result("device_add", driver="usb-storage", drive="disk", id="stick"), {}, "a device")
    ok("in use" in s.error("blockdev-del", node_name="disk"), "blockdev-del under it")
    equal(s.result("device_del", id="stick"), {}, "the device goes")
    ok(any(b["device"] == "disk" for b in s.result("query-block")), "the node stays")
    equal(s.result("blockdev-del", node_name="disk"), {}, "blockdev-del")
    equal(s.result("blockdev-del", node_name="file"), {}, "and of its file")
    ok("Failed to find" in s.error("blockdev-del", node_name="file"), "twice")


def jobs(s, work):
    equal(s.result("query-block-jobs"), [], "no jobs")
    target = os.path.join(work, "copy")
    mirror = {"device": "ide0-hd0", "target": target, "format": "raw", "sync": "full"}
    ok("not available" in s.error("drive-mirror", **mirror | {"sync": "bitmap"}), "no bitmaps")
    ok("Cannot find" in s.error("drive-mirror", **mirror | {"device": "x"}), "no such drive")
    equal(s.result("drive-mirror", **mirror), {}, "drive-mirror")
    equal((s.event("BLOCK_JOB_READY") or {}).get("type"), "mirror", "BLOCK_JOB_READY")
    job = s.result("query-block-jobs")[0]
    equal((job["device"], job["ready"], job["len"], job["offset"]), ("ide0-hd0", True, SIZE, SIZE),
          "query-block-jobs")
    s.result("block-job-cancel", device="ide0-hd0")
    equal((s.event("BLOCK_JOB_COMPLETED") or {}).get("offset"), SIZE, "BLOCK_JOB_COMPLETED")
    with open(target, "rb") as f:
        ok(f.read() == b"\x5a" * SIZE, "the copy is whole")
    s.result("drive-mirror", mode="existing", speed=1 << 30, **mirror)
    s.event("BLOCK_JOB_READY")
    s.result("block-job-cancel", device="ide0-hd0", force=True)
    equal((s.event("BLOCK_JOB_CANCELLED") or {}).get("type"), "mirror", "BLOCK_JOB_CANCELLED")
    equal(s.result("query-block-jobs"), [], "no jobs are left")
    s.result("drive-backup", mode="existing", **mirror)
    equal((s.event("BLOCK_JOB_COMPLETED") or {}).get("type"), "backup", "drive-backup")
    over = os.path.join(work, "over.qcow2")
    equal(s.result("blockdev-snapshot-sync", device="ide0-hd0", snapshot_file=over), {},
          "blockdev-snapshot-sync")
    equal(s.result("block-stream", device="ide0-hd0"), {}, "block-stream")
    equal((s.event("BLOCK_JOB_COMPLETED") or {}).get("type"), "stream", "its end")
    equal(s.error("block-commit", device="ide0-hd0"), "Device 'ide0-hd0' has no backing file",
          "nothing is left to commit to")


def descriptors(s, work):
    equal(s.error("getfd", fdname="a"), "No file descriptor supplied via SCM_RIGHTS", "getfd alone")
    with open(image(work, "b"), "r+b") as f:
        equal(s.command("getfd", f.fileno(), fdname="a").get("return"), {}, "getfd")
        ok("digit" in s.command("getfd", f.fileno(), fdname="1a")["error"]["desc"], "not 1a")
        equal(s.result("closefd", fdname="a"), {}, "closefd")
        equal(s.error("closefd", fdname="a"), "File descriptor named 'a' not found", "twice")
        reply = s.command("add-fd", f.fileno(), opaque="rw:b")["return"]
    equal(reply["fdset-id"], 0, "add-fd makes a set")
    equal(s.result("query-fdsets"), [{"fdset-id": 0, "fds": [{"fd": reply["fd"],
          "opaque": "rw:b"}]}], "query-fdsets")
    equal(s.result("blockdev-add", driver="file", node_name="set", filename="/dev/fdset/0"), {},
          "the set opens")
    equal(s.result("blockdev-del", node_name="set"), {}, "and closes")
    equal(s.result("remove-fd", fdset_id=0), {}, "remove-fd")
    ok("not found" in s.error("remove-fd", fdset_id=0), "twice")
    ok("No such file" in s.error("blockdev-add", driver="file", node_name="set",
                                 filename="/dev/fdset/0"), "then it opens no more")
    one, other = socket.socketpair()
    with one, other:
        s.command("getfd", one.fileno(), fdname="wire")
        equal(s.result("netdev_add", type="socket", id="w", fd="wire"), {}, "netdev_add fd=name")
        equal(s.result("netdev_del", id="w"), {}, "which goes")


def main():
    with folder() as work:
        disk = image(work, "disk", fill=0x5A)
        path = os.path.join(work, "qmp")
        argv = ("-M", "pc", "-S", "-nodefaults", "-display", "none", "-usb",
                "-drive", f"file={disk},format=raw,if=ide,index=0",
                "-netdev", "hubport,id=wire,hubid=0", "-device", "e1000,netdev=wire,id=card",
                "-device", "VGA,id=video",
                "-qmp", f"unix:{path},server=on,wait=off")
        with Emulator(*argv) as guest:
            s = Session(path)
            s.result("qmp_capabilities")
            devices(s)
            networks(s)
            characters(s, work)
            nodes(s, work)
            jobs(s, work)
            descriptors(s, work)
            s.command("quit")
            ok(guest.finish(10) == 0, "quit", guest.tail())
    done()


main()
