#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The VNC server: every encoding, pixel format and security type against screendump; extensions,
websockets, sharing, clients that stall."""
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot/lib"), os.path.join(HERE, "lib")]
import rfb
from emulator import BUILD, Emulator, folder
from tap import done, note, ok, skip_all

MACHINE = ("-display", "none", "-nodefaults", "-vga", "std", "-m", "32", "-boot",
           "order=a,menu=off", "-net", "none")
FORMATS = {
    "32 bits": rfb.NATIVE,
    "32 bits, big endian, BGR": rfb.Format(32, 24, True, True, (255, 255, 255), (8, 16, 24)),
    "16 bits": rfb.Format(16, 16, False, True, (31, 63, 31), (11, 5, 0)),
    "8 bits": rfb.Format(8, 8, False, True, (7, 7, 3), (0, 3, 6)),
}
ENCODINGS = {"raw": rfb.RAW, "hextile": rfb.HEXTILE, "zlib": rfb.ZLIB, "tight": rfb.TIGHT,
             "zrle": rfb.ZRLE, "tight PNG": rfb.TIGHT_PNG}


class Guest(Emulator):
    """A guest that paints, and its VNC server on a unix socket."""

    def __init__(self, work, *options, vnc=""):
        self.work = work
        self.path = os.path.join(work, "vnc")
        super().__init__(*MACHINE, "-drive", f"file={work}/pattern.bin,format=raw,if=floppy",
                         "-vnc", f"unix:{self.path}{vnc}", *options, monitor=True)

    def client(self, **options):
        end = time.monotonic() + 10
        while True:
            try:
                return rfb.Client(self.path, **options)
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def screen_file(self):
        path = os.path.join(self.work, "screen.ppm")
        self.command(f"screendump {path}")
        with open(path, "rb") as f:
            return f.read()

    def screen_pixels(self):
        return rfb.parse_ppm(self.screen_file())

    def painted(self):
        """Waits until the picture is there, and all of it."""
        end, last = time.monotonic() + 20, None
        while time.monotonic() < end:
            now = self.screen_file()
            if now == last and now.startswith(b"P6\n640 480\n") and any(now[-900:]):
                return rfb.parse_ppm(now)
            last = now
            time.sleep(0.1)
        raise SystemExit("Bail out! the guest does not paint")


def differences(client, screen):
    width, height, rows = screen
    if (client.width, client.height) != (width, height):
        return f"{client.width}x{client.height} instead of {width}x{height}"
    form = client.format
    for y in range(height):
        want = rows[y] if form is rfb.NATIVE else [form.reduce(p) for p in rows[y]]
        if client.picture[y] != want:
            x = next(i for i in range(width) if client.picture[y][i] != want[i])
            return f"{x},{y}: {client.picture[y][x]:06x} instead of {want[x]:06x}"
    return ""


def same(client, screen, name):
    why = differences(client, screen)
    return ok(not why, name, why)


def follow(client, guest, name, seconds=10):
    """Takes updates until the picture is that of the screen."""
    end = time.monotonic() + seconds
    why = "no update"
    while time.monotonic() < end:
        client.wait_update(0.5)
        why = differences(client, guest.screen_pixels())
        if not why:
            break
    return ok(not why, name, why)


def encodings(guest, screen):
    for name, encoding in ENCODINGS.items():
        with guest.client() as client:
            client.set_encodings(encoding, rfb.LAST_RECT)
            client.wait_update(incremental=False)
            same(client, screen, f"{name}: the picture is screendump's")
            ok(set(k for k in client.seen if isinstance(k, int)) == {encoding},
               f"{name}: nothing else was used", str(client.seen))
    for name, form in FORMATS.items():
        for encoding in (rfb.TIGHT, rfb.ZRLE) if form is not rfb.NATIVE else ():
            with guest.client() as client:
                client.set_format(form)
                client.set_encodings(encoding)
                client.wait_update(incremental=False)
                same(client, screen, f"{name}, encoding {encoding}")
    with guest.client() as client:
        client.set_format(rfb.Format(8, 8, False, False, (7, 7, 3), (0, 3, 6)))
        client.wait_update(incremental=False)
        ok(client.format.map and len(client.format.map) == 256, "a colour map for who wants one")
        same(client, screen, "and its picture")


def updates(guest):
    clients = [guest.client() for _ in range(3)]
    for client, encoding in zip(clients, (rfb.ZRLE, rfb.ZRLE, rfb.TIGHT)):
        client.set_encodings(encoding, rfb.COPYRECT, rfb.DESKTOP_SIZE)
        client.wait_update(incremental=False)
    clients[0].tap(ord("s"))
    for i, client in enumerate(clients):
        follow(client, guest, f"client {i} follows a scroll")
        ok(client.seen.get(rfb.COPYRECT), f"client {i} was told to copy", str(client.seen))
    clients[0].tap(ord("x"))
    time.sleep(0.5)
    guest.painted()
    for i, client in enumerate(clients):
        follow(client, guest, f"client {i} follows new painting")
    before = clients[1].received
    ok(not clients[1].wait_update(0.6), "no update without a change")
    ok(clients[1].received == before, "and no bytes")
    for client in clients:
        client.close()


def extensions(guest):
    with guest.client() as client:
        client.set_encodings(rfb.ZRLE, rfb.EXT_SIZE, rfb.DESKTOP_SIZE, rfb.POINTER_MODE,
                             rfb.EXT_KEY, rfb.LED_STATE, rfb.NAME, rfb.FENCE, rfb.CONTINUOUS,
                             rfb.CURSOR)
        client.wait_update(incremental=False)
        ok(client.ext_key and client.absolute == 0 and client.leds == 0 and
           client.name == "QEMU (painter)", "extended keys, pointer mode, lamps and name are told",
           f"{client.ext_key} {client.absolute} {client.leds} {client.name}")
        ok(("continuous",) in client.events and any(e[0] == "fence" for e in client.events),
           "continuous updates and fences are offered", str(client.events))
        client.events.clear()
        client.send("BxxxIB4s", 248, 0x80000001, 4, b"echo")
        client.message()
        ok(client.events == [("fence", 1, b"echo")], "a fence comes back", str(client.events))
        client.send("BxHHBxIHHHHI", 251, 800, 600, 1, 0, 0, 0, 800, 600, 0)
        client.wait_update()
        ok(client.size_reply == (1, 1), "a wish for another size is turned down",
           str(client.size_reply))
        client.send("BBHHHH", 150, 1, 0, 0, 640, 480)
        client.ext_key_event(ord("s"), 0x1f, True)
        client.ext_key_event(ord("s"), 0x1f, False)
        end = time.monotonic() + 5
        while differences(client, guest.screen_pixels()) and time.monotonic() < end:
            while client.ready(0.2):
                client.message()
        same(client, guest.screen_pixels(), "continuous updates need no requests")
        client.send("BBHHHH", 150, 0, 0, 0, 640, 480)
        client.events.clear()
        while ("continuous",) not in client.events:
            client.message()
        ok(True, "and they end")
        for value in ("0xed", "6"):
            guest.command(f"o /b 0x60 {value}")
        end = time.monotonic() + 5
        while client.leds != 6 and time.monotonic() < end:
            client.wait_update(1)
        ok(client.leds == 6, "lamps that the guest lights are told", str(client.leds))
        for value in ("0xed", "0"):
            guest.command(f"o /b 0x60 {value}")


def pointers(work):
    with Guest(work, "-device", "pci-ohci", "-device", "usb-tablet") as guest:
        with guest.client() as client:
            client.set_encodings(rfb.ZRLE, rfb.POINTER_MODE)
            client.wait_update(incremental=False)
            ok(client.absolute == 1, "a tablet's pointer is absolute", str(client.absolute))
            client.pointer(1, 100, 100)
            client.pointer(0, 100, 100)
            guest.command("mouse_set 1")
            end = time.monotonic() + 5
            while client.absolute and time.monotonic() < end:
                client.wait_update(0.5)
            ok(client.absolute == 0, "and a mouse's relative, which is told", str(client.absolute))


def stalled(guest):
    """A client that asks and never reads holds up nobody."""
    with contextlib.ExitStack() as stack:
        slow = stack.enter_context(guest.client(receive_buffer=4096))
        for _ in range(50):
            slow.request(False)
        quick = stack.enter_context(guest.client())
        quick.set_encodings(rfb.RAW)
        start = time.monotonic()
        for _ in range(10):
            quick.wait_update(incremental=False)
        seconds = time.monotonic() - start
        ok(seconds < 8, f"ten pictures beside a stalled client take {seconds:.1f} s")
        ok("running" in guest.command("info status"), "and the machine runs")
    resident = int(open(f"/proc/{guest.process.pid}/statm").read().split()[1]) * 4 // 1024
    ok(resident < 300, f"nothing piles up: {resident} MB")


def hostile(guest):
    """Rubbish ends the connection, not the emulator."""
    for name, data in (("no version", b"GET / HTTP/1.0\r\n\r\n"),
                       ("a version of the future", b"RFB 004.000\n"),
                       ("an unknown security type", b"RFB 003.008\n\x63")):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(guest.path)
            s.settimeout(5)
            s.sendall(data)
            got = b"x"
            while got:
                got = s.recv(4096)
            ok(True, f"{name}: the connection ends")
    for name, data in (("an unknown message", b"\x99"),
                       ("an endless clipboard", struct.pack(">BxxxI", 6, 0x7fffffff)),
                       ("a format of 13 bits", struct.pack(">BxxxBBBBHHHBBBxxx", 0, 13, 13, 0, 1,
                                                          1, 1, 1, 0, 0, 0)),
                       ("a shift beyond the pixel", struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24,
                                                               0, 1, 255, 255, 255, 40, 8, 0))):
        with guest.client() as client:
            client.write(data)
            try:
                while True:
                    client.message()
            except (rfb.Closed, OSError):
                ok(True, f"{name}: the connection ends")
    with guest.client() as client:
        client.request(True, (60000, 60000, 65535, 65535))
        client.request(False, (65535, 65535, 65535, 65535))
        client.send("BxxxI", 6, 5)
        client.write(b"hello")
        ok(client.wait_update(5, False), "requests outside of the picture do no harm")


def consoles(work):
    with Guest(work, "-monitor", "vc:40Cx10C", vnc=",id=main") as guest:
        guest.painted()
        with guest.client() as client:
            client.set_encodings(rfb.ZRLE, rfb.EXT_SIZE)
            client.wait_update(incremental=False)
            for key in (0xffe3, 0xffe9, ord("2")):
                client.key(key, True)
            for key in (ord("2"), 0xffe9, 0xffe3):
                client.key(key, False)
            end = time.monotonic() + 5
            while client.width != 320 and time.monotonic() < end:
                client.wait_update(1)
            ok((client.width, client.height) == (320, 160), "Ctrl-Alt-2 shows the monitor")
            client.send("BxHHBxIHHHHI", 251, 800, 400, 1, 0, 0, 0, 800, 400, 0)
            client.wait_update()
            end = time.monotonic() + 5
            while client.width != 800 and time.monotonic() < end:
                client.wait_update(1)
            ok((client.width, client.height) == (800, 400), "which takes any size")
            for c in "info status":
                client.tap(ord(c))
            client.tap(0xff0d)
            time.sleep(0.3)
            client.wait_update(5, False)
            path = os.path.join(work, "text.ppm")
            guest.command(f"screendump {path}")
            lit = sum(pixel != 0 for row in client.picture for pixel in row)
            ok(lit > 1000, f"and typed commands: {lit} pixels are lit")
            answer = guest.command("info vnc")
            ok("main:" in answer and "(unix)" in answer and "Auth: none" in answer,
               "info vnc names server and client", answer)
            for key in (0xffe3, 0xffe9, ord("1")):
                client.key(key, True)
            for key in (ord("1"), 0xffe9, 0xffe3):
                client.key(key, False)
            end = time.monotonic() + 5
            while client.width != 640 and time.monotonic() < end:
                client.wait_update(1)
            follow(client, guest, "Ctrl-Alt-1 shows the guest again")


def refused(make, name, pattern=""):
    try:
        make().close()
        ok(False, name, "it was let in")
    except (rfb.Closed, OSError) as error:
        ok(pattern in str(error), name, str(error))


def passwords(work):
    with Guest(work, vnc=",password=on") as guest:
        guest.painted()
        refused(lambda: guest.client(password=""), "no password is set: nobody gets in",
                "Authentication failed")
        guest.command("change vnc password sesame42")
        for version in (b"RFB 003.003\n", b"RFB 003.005\n", b"RFB 003.007\n", b"RFB 003.008\n",
                        b"RFB 003.889\n"):
            with guest.client(version=version, password="sesame42") as client:
                client.wait_update(incremental=False)
                same(client, guest.screen_pixels(), f"password, {version.decode().strip()}")
        refused(lambda: guest.client(password="sesame43"), "a wrong password")
        guest.command("set_password vnc other")
        with guest.client(password="other"):
            ok(True, "set_password")
        guest.command("expire_password vnc now")
        refused(lambda: guest.client(password="other"), "an expired password")
        guest.command("expire_password vnc +100")
        with guest.client(password="other"):
            ok(True, "one that is still good")
        guest.socket.sendall(b"change vnc password\n")
        time.sleep(0.3)
        guest.socket.sendall(b"secret\n")
        echo = guest.answer(5)
        with guest.client(password="secret"):
            ok("secret" not in echo, "a password that is asked for is not echoed", echo)


def versions(work):
    with Guest(work) as guest:
        guest.painted()
        for version in (b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 003.889\n"):
            with guest.client(version=version) as client:
                client.wait_update(incremental=False)
                same(client, guest.screen_pixels(), f"no security, {version.decode().strip()}")
        first = guest.client()
        with guest.client(shared=False):
            try:
                while True:
                    first.message()
            except rfb.Closed:
                ok(True, "an exclusive client ends the others")
            refused(guest.client, "and keeps them out")
        first.close()
    with Guest(work, vnc=",share=ignore") as guest:
        with guest.client(), guest.client(shared=False) as client:
            client.wait_update(incremental=False)
            ok(True, "share=ignore lets everybody in")
    with Guest(work, vnc=",share=force-shared") as guest:
        refused(lambda: guest.client(shared=False), "share=force-shared refuses the exclusive")


def certificates(work):
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=work, capture_output=True, check=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "ca-key.pem", "-out", "ca-cert.pem", "-subj", "/CN=test authority",
            "-days", "2")
    for name in ("server", "client"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}-key.pem", "-out", f"{name}.csr", "-subj", f"/CN=test {name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca-cert.pem", "-CAkey",
                "ca-key.pem", "-CAcreateserial", "-out", f"{name}-cert.pem", "-days", "2")


def tls(work):
    ca = os.path.join(work, "ca-cert.pem")
    mine = (os.path.join(work, "client-cert.pem"), os.path.join(work, "client-key.pem"))
    with Guest(work, vnc=",tls=on") as guest:
        guest.painted()
        with guest.client() as client:
            client.set_encodings(rfb.ZRLE)
            client.wait_update(incremental=False)
            ok(client.subtype == 257, "VeNCrypt, anonymous TLS")
            same(client, guest.screen_pixels(), "and its picture")
        refused(lambda: guest.client(version=b"RFB 003.003\n"), "not for a client of 3.3",
                "VeNCrypt")
    with Guest(work, vnc=f",x509={work},password=on") as guest:
        guest.painted()
        guest.command("change vnc password tls")
        with guest.client(tls=ca, password="tls") as client:
            client.wait_update(incremental=False)
            ok(client.subtype == 261, "VeNCrypt, X.509 and a password")
            same(client, guest.screen_pixels(), "and its raw picture")
        refused(lambda: guest.client(tls=ca, password="no"), "but not with a wrong one")
    with Guest(work, "-object", f"tls-creds-x509,id=t,dir={work},endpoint=server,verify-peer=yes",
               vnc=",tls-creds=t") as guest:
        guest.painted()
        with guest.client(tls=ca, certificate=mine) as client:
            client.wait_update(incremental=False)
            same(client, guest.screen_pixels(), "a client with a certificate")
            answer = guest.command("info vnc")
            ok("x509_dname: CN=test client" in answer, "and its name is known", answer)
        def stranger():
            client = guest.client(tls=ca)
            client.message()
            return client
        refused(stranger, "a client without one")
    with Guest(work, vnc=f",x509={work},websocket=127.0.0.1:0") as guest:
        guest.painted()
        port = int(guest.command("info vnc").split("Server: 127.0.0.1:")[1].split()[0])
        with rfb.Client(("127.0.0.1", port), websocket=True, tls=ca) as client:
            client.set_encodings(rfb.TIGHT)
            client.wait_update(incremental=False)
            same(client, guest.screen_pixels(), "a secure websocket")


def websockets(work):
    with Guest(work, vnc=",websocket=127.0.0.1:0") as guest:
        guest.painted()
        port = int(guest.command("info vnc").split("Server: 127.0.0.1:")[1].split()[0])
        with rfb.Client(("127.0.0.1", port), websocket=True) as client:
            for encoding in (rfb.RAW, rfb.TIGHT):
                client.set_encodings(encoding)
                client.wait_update(incremental=False)
                same(client, guest.screen_pixels(), f"websocket, encoding {encoding}")
            client.socket.sendall(bytes([0x89, 0x84, 0, 0, 0, 0]) + b"ping")
            client.wait_update(incremental=False)
            ok(("websocket", 10, b"ping") in client.events, "a ping is answered")
            ok("Websocket" in guest.command("info vnc"), "info vnc says so")
        for name, data in (("no upgrade", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                           ("rubbish", b"\0" * 20000)):
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.settimeout(5)
                with contextlib.suppress(OSError):
                    s.sendall(data)
                    while s.recv(4096):
                        pass
                ok(True, f"websocket, {name}: the connection ends")


def others(work):
    path = os.path.join(work, "viewer")
    with socket.socket(socket.AF_UNIX) as viewer:
        viewer.bind(path)
        viewer.listen(1)
        viewer.settimeout(10)
        with Emulator(*MACHINE, "-vnc", f"unix:{path},reverse=on"):
            connection, _ = viewer.accept()
            connection.settimeout(5)
            ok(connection.recv(12) == b"RFB 003.008\n", "reverse=on calls a viewer")
            connection.close()
    with Guest(work, vnc=",lossy=on") as guest:
        guest.painted()
        with guest.client() as client:
            client.set_encodings(rfb.TIGHT, -27)
            client.wait_update(incremental=False)
            ok(client.seen.get(("tight", 9)) and client.jpeg[:2] == b"\xff\xd8" and
               client.jpeg[-2:] == b"\xff\xd9", "lossy=on sends JPEG", str(client.seen))
    with Emulator("-nodefaults", "-vga", "none", "-display", "none", "-vnc",
                  f"unix:{work}/none") as guest:
        end = time.monotonic() + 10
        while not os.path.exists(f"{work}/none") and time.monotonic() < end:
            time.sleep(0.05)
        with rfb.Client(f"{work}/none") as client:
            client.wait_update(incremental=False)
            ok(any(any(row) for row in client.picture), "a machine without adapter says so")
    with Emulator(*MACHINE[2:]) as guest:
        ok(guest.expect(rb"VNC server running on 127\.0\.0\.1:59\d\d\n", 10),
           "without a screen the picture is on VNC, and it is said where", guest.tail())


def main():
    if not shutil.which("openssl"):
        skip_all("no openssl for passwords and certificates")
    os.environ.pop("DISPLAY", None)
    os.environ.pop("WAYLAND_DISPLAY", None)
    with folder() as work:
        subprocess.run(["gcc", "-m32", "-ffreestanding", "-nostdlib", "-no-pie",
                        "-Wl,--build-id=none", "-Wl,-Ttext=0x7c00", "-Wl,--oformat=binary",
                        "-Wl,-m,elf_i386", "-o", f"{work}/pattern.bin", f"{HERE}/pattern.S"],
                       check=True)
        with Guest(work, "-name", "painter") as guest:
            screen = guest.painted()
            encodings(guest, screen)
            updates(guest)
            extensions(guest)
            stalled(guest)
            hostile(guest)
        consoles(work)
        pointers(work)
        versions(work)
        passwords(work)
        certificates(work)
        tls(work)
        websockets(work)
        others(work)
    done()


main()
