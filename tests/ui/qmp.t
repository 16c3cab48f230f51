#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP: greeting, errors, every query against the schema, events, and what management programs do
to learn what an emulator can."""
import contextlib
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot/lib"), os.path.join(HERE, "lib")]
from emulator import Emulator, folder
from qmp import Session
from tap import done, ok


@contextlib.contextmanager
def machine(*args, negotiate=True):
    with folder() as work:
        path = os.path.join(work, "qmp")
        with Emulator("-display", "none", *args, "-qmp", f"unix:{path},server=on,wait=off") as m:
            session = Session(path)
            if negotiate:
                session.command("qmp_capabilities")
            session.machine, session.work = m, work
            yield session


def handshake():
    with machine("-M", "none", "-S", "-nodefaults", "-no-user-config", "-nographic",
                 negotiate=False) as qmp:
        version = qmp.greeting["QMP"]["version"]["qemu"]
        ok(version["major"] >= 7 and qmp.greeting["QMP"]["capabilities"] == [], "the greeting",
           str(qmp.greeting))
        reply = qmp.command("query-version")
        ok(reply["error"]["class"] == "CommandNotFound", "nothing before qmp_capabilities",
           str(reply))
        ok(qmp.command("qmp_capabilities") == {"return": {}}, "qmp_capabilities")
        ok("error" in qmp.command("qmp_capabilities"), "only once")
        for text, why in (('{"execute": "query-nosuch"}', "has not been found"),
                          ('{"execute": 1}', "must be a string"),
                          ('{"execute": "stop", "arguments": 1}', "must be an object"),
                          ('{"execute": "stop", "more": 1}', "'more' is unexpected"),
                          ('{"id": 1}', "lacks member 'execute'"),
                          ('[1]', "must be a JSON object"),
                          ('{execute}', "JSON parse error"),
                          ('{"execute": "stop", "arguments": {"x": 1}}', "'x' is unexpected"),
                          ('{"execute": "eject", "arguments": {"force": 1}}',
                           "expected: boolean"),
                          ('{"execute": "memsave", "arguments": {"val": 0}}',
                           "'size' is missing"),
                          ('{"execute": "screendump", "arguments": {"filename": "x", '
                           '"format": "gif"}}', "does not accept value 'gif'")):
            qmp.raw(text)
            reply = qmp.answer()
            ok(why in reply["error"]["desc"], f"refused: {text}", str(reply))
        qmp.raw('{"execute": "query-sta')
        time.sleep(0.05)
        qmp.raw('tus", "id": {"a": [1, null]}} {"execute":"query-name"}{"execute":"query-uuid"}')
        ok(qmp.answer() == {"return": {"running": False, "singlestep": False,
                                       "status": "prelaunch"}, "id": {"a": [1, None]}},
           "a command in pieces, and its id")
        ok(qmp.answer() == {"return": {}} and "UUID" in qmp.answer()["return"],
           "commands back to back")
        for name in ("query-machines", "query-cpu-definitions", "qom-list-types",
                     "query-command-line-options", "query-kvm", "query-target"):
            ok(qmp.result(name), f"{name} on a machine without anything")
        ok(qmp.result("device-list-properties", typename="e1000"), "device-list-properties")
        reply = qmp.command("device-list-properties", typename="nosuch")
        ok(reply["error"]["class"] == "DeviceNotFound", "of a device that is not there", str(reply))
        qmp.command("quit")
        ok(qmp.machine.finish(5) == 0, "quit")


BUILTIN = {"string": str, "int": int, "number": (int, float), "boolean": bool}


def mismatch(schema, kind, value, where):
    """Why a value is not what the schema says; None if it is."""
    entity = schema.get(kind)
    if not entity:
        return f"{where}: the schema has no {kind}"
    meta = entity["meta-type"]
    if meta == "builtin":
        want = BUILTIN.get(entity["json-type"])
        if want and (not isinstance(value, want) or (want is int and isinstance(value, bool))):
            return f"{where}: {value!r} is not a {entity['json-type']}"
    elif meta == "enum":
        if value not in entity["values"]:
            return f"{where}: {value!r} is not one of {kind}"
    elif meta == "array":
        if not isinstance(value, list):
            return f"{where} is no list"
        for i, item in enumerate(value):
            why = mismatch(schema, entity["element-type"], item, f"{where}[{i}]")
            if why:
                return why
    else:
        if not isinstance(value, dict):
            return f"{where} is no object"
        members = {m["name"]: m for m in entity["members"]}
        for name, member in members.items():
            if name not in value and "default" not in member:
                return f"{where}: {name} is missing"
        for name, item in value.items():
            if name not in members:
                return f"{where}: {name} is not in the schema"
            why = mismatch(schema, members[name]["type"], item, f"{where}.{name}")
            if why:
                return why
    return None


def queries():
    with folder() as work:
        image = os.path.join(work, "disk.img")
        with open(image, "wb") as f:
            f.truncate(1 << 20)
        with machine("-m", "64", "-smp", "2", "-name", "queried", "-drive",
                     f"file={image},format=raw", "-vnc", f"unix:{work}/vnc", "-net", "none",
                     "-uuid", "12345678-1234-1234-1234-123456789abc", "-device",
                     "virtio-balloon") as qmp:
            schema = {e["name"]: e for e in qmp.result("query-qmp-schema")}
            commands = [c["name"] for c in qmp.result("query-commands")]
            ok(all(c in schema for c in commands), "every command is in the schema")
            for name in sorted(c for c in commands if c.startswith("query-")):
                why = mismatch(schema, schema[name]["ret-type"], qmp.result(name), name)
                ok(not why, f"{name} is as the schema says", str(why))
            ok(qmp.result("query-name") == {"name": "queried"} and
               qmp.result("query-uuid")["UUID"].endswith("789abc"), "name and UUID")
            ok(len(qmp.result("query-cpus-fast")) == 2, "two CPUs")
            drives = {d["device"]: d for d in qmp.result("query-block")}
            ok(drives["ide0-hd0"]["inserted"]["file"] == image, "the drive's file", str(drives))
            ok(qmp.result("query-vnc")["family"] == "unix", "the VNC server")
            for event in list(qmp.events):
                why = mismatch(schema, schema[event["event"]]["arg-type"], event.get("data", {}),
                               event["event"])
                ok(not why, f"{event['event']} is as the schema says", str(why))


def actions():
    with machine("-m", "64", "-net", "none", "-boot", "menu=off", "-vga", "std") as qmp:
        qmp.command("stop")
        ok(qmp.event("STOP") == {} and qmp.result("query-status")["status"] == "paused", "STOP")
        qmp.command("cont")
        ok(qmp.event("RESUME") == {}, "RESUME")
        qmp.command("system_reset")
        ok(qmp.event("RESET") == {"guest": False, "reason": "host-qmp-system-reset"}, "RESET")
        qmp.command("system_powerdown")
        ok(qmp.event("POWERDOWN") == {}, "POWERDOWN")
        answer = qmp.result("human-monitor-command", command_line="info status")
        ok(answer == "VM status: running\r\n", "human-monitor-command", repr(answer))
        image = os.path.join(qmp.work, "floppy.img")
        with open(image, "wb") as f:
            f.truncate(1440 << 10)
        qmp.command("blockdev-change-medium", device="floppy0", filename=image, format="raw")
        ok(qmp.event("DEVICE_TRAY_MOVED")["tray-open"] is False, "DEVICE_TRAY_MOVED")
        inserted = [d for d in qmp.result("query-block") if d["device"] == "floppy0"]
        ok(inserted[0]["inserted"]["file"] == image, "blockdev-change-medium")
        ok(qmp.command("eject", device="floppy0") == {"return": {}}, "eject")
        reply = qmp.command("eject", device="nosuch")
        ok(reply["error"]["class"] == "DeviceNotFound", "of a drive that is not there", str(reply))
        path = os.path.join(qmp.work, "shot.png")
        qmp.command("screendump", filename=path, format="png")
        with open(path, "rb") as f:
            ok(f.read(8) == b"\x89PNG\r\n\x1a\n", "screendump as PNG")
        ok(qmp.command("send-key", keys=[{"type": "qcode", "data": "ctrl"},
                                         {"type": "number", "data": 30}]) == {"return": {}},
           "send-key")
        ok("error" in qmp.command("send-key", keys=[{"type": "qcode", "data": "nokey"}]),
           "an unknown key")
        events = [{"type": "key", "data": {"down": True, "key": {"type": "qcode", "data": "a"}}},
                  {"type": "rel", "data": {"axis": "x", "value": 5}},
                  {"type": "btn", "data": {"down": True, "button": "left"}}]
        ok(qmp.command("input-send-event", events=events) == {"return": {}}, "input-send-event")
        ok("error" in qmp.command("input-send-event", events=[{"type": "abs", "data": 7}]),
           "an event that is none")
        ok("error" in qmp.command("device_add", driver="nosuch"), "device_add of nothing")
        ok("error" in qmp.command("set_link", name="nosuch", up=False), "set_link of nothing")
        saved = os.path.join(qmp.work, "saved")
        ok(qmp.command("migrate", uri=f"exec:cat > {saved}") == {"return": {}}, "migrate")
        end = time.monotonic() + 20
        while qmp.result("query-migrate").get("status") not in ("completed", "failed") and \
                time.monotonic() < end:
            time.sleep(0.1)
        info = qmp.result("query-migrate")
        ok(info["status"] == "completed" and os.path.getsize(saved) > 10000 and
           qmp.result("query-status")["status"] == "postmigrate", "query-migrate", str(info))
        ok("error" in qmp.command("block-job-cancel", device="floppy0"), "no job to cancel")
        ok(qmp.command("quit") == {"return": {}}, "quit is answered")
        ok(qmp.event("SHUTDOWN") == {"guest": False, "reason": "host-qmp-quit"}, "SHUTDOWN")
        ok(qmp.machine.finish(5) == 0, "and the emulator ends")
    with machine("-nodefaults", "-device", "isa-debug-exit,iobase=0xf4") as qmp:
        qmp.command("human-monitor-command", command_line="o /b 0xf4 1")
        ok(qmp.event("SHUTDOWN") == {"guest": True, "reason": "guest-shutdown"},
           "SHUTDOWN by the guest")


def forms():
    with folder() as work:
        path = os.path.join(work, "qmp")
        with Emulator("-display", "none", "-M", "none", "-chardev",
                      f"socket,id=q,path={path},server=on,wait=off", "-mon",
                      "chardev=q,mode=control,pretty=on"):
            for n in range(2):
                with socket.socket(socket.AF_UNIX) as s:
                    end = time.monotonic() + 10
                    while time.monotonic() < end:
                        with contextlib.suppress(OSError):
                            s.connect(path)
                            break
                        time.sleep(0.05)
                    s.settimeout(5)
                    text = b""
                    while b"\n}\r\n" not in text:
                        text += s.recv(4096)
                    ok(b'{\n    "QMP": {\n' in text, f"-mon mode=control, pretty: session {n}")


def main():
    handshake()
    queries()
    actions()
    forms()
    done()


main()
