# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the RFB protocol for tests: every encoding is decoded to pixels 0xRRGGBB."""
import base64
import hashlib
import os
import select
import socket
import ssl
import struct
import subprocess
import time
import zlib

RAW, COPYRECT, HEXTILE, ZLIB, TIGHT, ZRLE, TIGHT_PNG = 0, 1, 5, 6, 7, 16, -260
DESKTOP_SIZE, LAST_RECT, CURSOR, POINTER_MODE, EXT_KEY = -223, -224, -239, -257, -258
LED_STATE, NAME, EXT_SIZE, XVP, FENCE, CONTINUOUS, ALPHA_CURSOR = (-261, -307, -308, -309, -312,
                                                                  -313, -314)


class Closed(Exception):
    pass


def des(password, challenge):
    key = bytes(int(f"{c:08b}"[::-1], 2) for c in password.encode()[:8].ljust(8, b"\0"))
    return subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(),
                           "-provider", "legacy", "-provider", "default"], input=challenge,
                          capture_output=True, check=True).stdout


class Format:
    """A pixel format; decodes bytes to 0xRRGGBB as well as the format tells."""

    def __init__(self, bits=32, depth=24, big=False, true=True, maxes=(255, 255, 255),
                 shifts=(16, 8, 0)):
        self.bits, self.depth, self.big, self.true = bits, depth, big, true
        self.maxes, self.shifts = maxes, shifts
        self.size = bits // 8
        self.order = "big" if big else "little"
        self.map = None
        self.cache, self.reduced = {}, {}

    def pack(self):
        return struct.pack(">BBBBHHHBBBxxx", self.bits, self.depth, self.big, self.true,
                           *self.maxes, *self.shifts)

    def rgb(self, value):
        if value not in self.cache:
            if self.map:
                self.cache[value] = self.map[value]
            else:
                levels = [(value >> s & m) * 255 // m for s, m in zip(self.shifts, self.maxes)]
                self.cache[value] = levels[0] << 16 | levels[1] << 8 | levels[2]
        return self.cache[value]

    def pixels(self, data, size=None, shift=0):
        """Many pixels of `size' bytes each."""
        size = size or self.size
        if size in (2, 4):
            letter = "I" if size == 4 else "H"
            values = struct.unpack(f"{'>' if self.big else '<'}{len(data) // size}{letter}", data)
        elif size == 1:
            values = data
        else:
            values = [int.from_bytes(data[i:i + size], self.order) << shift
                      for i in range(0, len(data), size)]
        if self.true and self.maxes == (255, 255, 255) and self.shifts == (16, 8, 0):
            return [v & 0xFFFFFF for v in values]
        known = self.cache
        return [known[v] if v in known else self.rgb(v) for v in values]

    def compact(self):
        """Size and shift of ZRLE's pixels."""
        used = sum(m << s for m, s in zip(self.maxes, self.shifts))
        if self.bits != 32 or self.depth > 24:
            return self.size, 0
        return (3, 0) if used < 1 << 24 else (3, 8)

    def reduce(self, rgb):
        """What of 0xRRGGBB survives the format."""
        if rgb not in self.reduced:
            self.reduced[rgb] = self.reduce_anew(rgb)
        return self.reduced[rgb]

    def reduce_anew(self, rgb):
        levels = [(rgb >> s & 255) * (m + 1) >> 8 if m < 255 else rgb >> s & 255
                  for s, m in zip((16, 8, 0), self.maxes)]
        if self.map:
            return self.map[sum(v << s for v, s in zip(levels, self.shifts))]
        levels = [v * 255 // m for v, m in zip(levels, self.maxes)]
        return levels[0] << 16 | levels[1] << 8 | levels[2]


NATIVE = Format()


class Client:
    def __init__(self, address, version=b"RFB 003.008\n", password=None, shared=True,
                 websocket=False, tls=None, certificate=None, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(address)
        self.buffer = b""
        self.websocket = False
        self.certificate, self.ca = certificate, tls
        self.width = self.height = 0
        self.picture = []
        self.format = NATIVE
        self.streams = {}
        self.events, self.encodings = [], set()
        self.leds = self.absolute = self.ext_key = self.cursor = self.name = None
        self.size_reply = None
        self.seen = {}
        self.received = 0
        if websocket:
            if tls:
                self.start_tls(anonymous=False)
            self.open_websocket()
        self.handshake(version, password, shared)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    # --- bytes ---

    def fill(self):
        try:
            chunk = self.socket.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        if not chunk:
            raise Closed("end of connection")
        self.received += len(chunk)
        if self.websocket:
            self.raw += chunk
            self.unframe()
        else:
            self.buffer += chunk

    def read(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def unpack(self, form):
        values = struct.unpack(">" + form, self.read(struct.calcsize(">" + form)))
        return values[0] if len(values) == 1 else values

    def send(self, form, *values):
        self.write(struct.pack(">" + form, *values))

    def write(self, data):
        if self.websocket:
            mask = os.urandom(4)
            size = bytes([0x82, 0x80 | len(data)]) if len(data) < 126 else \
                struct.pack(">BBH", 0x82, 0x80 | 126, len(data))
            data = size + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data))
        self.socket.sendall(data)

    def open_websocket(self):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET /websockify HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                            f"Sec-WebSocket-Version: 13\r\n"
                            f"Sec-WebSocket-Protocol: binary\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        want = base64.b64encode(hashlib.sha1(
            (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        if not head.startswith(b"HTTP/1.1 101") or want not in head:
            raise Closed(head.decode())
        self.websocket, self.raw, self.buffer = True, self.buffer, b""
        self.unframe()

    def unframe(self):
        while len(self.raw) >= 2:
            size, at = self.raw[1] & 127, 2
            if size == 126:
                size, at = int.from_bytes(self.raw[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(self.raw[2:10], "big"), 10
            if len(self.raw) < at + size:
                return
            if self.raw[0] & 15 == 2:
                self.buffer += self.raw[at:at + size]
            else:
                self.events.append(("websocket", self.raw[0] & 15, self.raw[at:at + size]))
            self.raw = self.raw[at + size:]

    # --- handshake ---

    def start_tls(self, anonymous):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        if anonymous:
            context.verify_mode = ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ADH:AECDH:@SECLEVEL=0")
        else:
            context.load_verify_locations(self.ca)
        if self.certificate:
            context.load_cert_chain(*self.certificate)
        try:
            self.socket = context.wrap_socket(self.socket)
        except (ssl.SSLError, OSError) as error:
            raise Closed(str(error)) from error

    def handshake(self, version, password, shared):
        self.server_version = self.read(12)
        self.write(version)
        minor = int(version[8:11])
        if minor < 7:
            self.security = self.unpack("I")
            if self.security == 0:
                raise Closed(self.read(self.unpack("I")).decode())
        else:
            types = self.read(self.unpack("B"))
            self.security = types[0]
            self.send("B", self.security)
        kind = self.security
        if kind == 19:
            kind = self.vencrypt()
        if kind == 2:
            self.write(des(password or "", self.read(16)))
        if minor >= 8 or self.security != 1:
            if self.unpack("I"):
                raise Closed(self.read(self.unpack("I")).decode() if minor >= 8 else "refused")
        self.send("B", shared)
        self.width, self.height = self.unpack("HH")
        self.read(16)
        self.name = self.read(self.unpack("I")).decode()
        self.picture = [[0] * self.width for _ in range(self.height)]

    def vencrypt(self):
        self.read(2)
        self.write(b"\0\2")
        if self.unpack("B"):
            raise Closed("VeNCrypt version")
        self.subtype = [self.unpack("I") for _ in range(self.unpack("B"))][0]
        self.send("I", self.subtype)
        if self.unpack("B") != 1:
            raise Closed("VeNCrypt type")
        self.start_tls(anonymous=self.subtype < 260)
        return 2 if self.subtype in (258, 261) else 1

    # --- requests ---

    def set_format(self, form):
        self.format = form
        self.send("Bxxx16s", 0, form.pack())

    def set_encodings(self, *encodings):
        self.send(f"BxH{len(encodings)}i", 2, len(encodings), *encodings)

    def request(self, incremental=True, box=None):
        self.send("BBHHHH", 3, incremental, *(box or (0, 0, self.width, self.height)))

    def key(self, keysym, down):
        self.send("BBxxI", 4, down, keysym)

    def tap(self, keysym):
        self.key(keysym, True)
        self.key(keysym, False)

    def ext_key_event(self, keysym, code, down):
        self.send("BBHII", 255, 0, down, keysym, code)

    def pointer(self, buttons, x, y):
        self.send("BBHH", 5, buttons, x, y)

    # --- messages ---

    def ready(self, seconds):
        pending = getattr(self.socket, "pending", lambda: 0)()
        return bool(self.buffer or pending or
                    select.select([self.socket], [], [], seconds)[0])

    def message(self):
        """Takes one message; its kind."""
        kind = self.unpack("B")
        if kind == 0:
            self.update()
        elif kind == 1:
            first, count = self.unpack("xHH")
            colors = [self.unpack("HHH") for _ in range(count)]
            self.format.map = {first + i: (r >> 8) << 16 | (g >> 8) << 8 | b >> 8
                               for i, (r, g, b) in enumerate(colors)}
        elif kind == 3:
            self.events.append(("cut", self.read(self.unpack("xxxI"))))
        elif kind == 150:
            self.events.append(("continuous",))
        elif kind == 248:
            flags, size = self.unpack("xxxIB")
            self.events.append(("fence", flags, self.read(size)))
        elif kind == 250:
            self.events.append(("xvp", *self.unpack("xBB")))
        elif kind != 2:
            raise Closed(f"message {kind}")
        return kind

    def wait_update(self, seconds=10, incremental=True):
        """Asks for an update and takes messages until it is there; False if it does not come."""
        self.request(incremental)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.ready(end - time.monotonic()) and self.message() == 0:
                return True
        return False

    def update(self):
        for _ in range(self.unpack("xH")):
            x, y, w, h, encoding = self.unpack("HHHHi")
            self.seen[encoding] = self.seen.get(encoding, 0) + 1
            if encoding == LAST_RECT:
                break
            self.rectangle(x, y, w, h, encoding)

    def rectangle(self, x, y, w, h, encoding):
        decoders = {RAW: self.raw_pixels, COPYRECT: self.copyrect, HEXTILE: self.hextile,
                    ZLIB: self.zlib_pixels, TIGHT: self.tight, ZRLE: self.zrle,
                    TIGHT_PNG: self.tight}
        if encoding in decoders:
            if x + w > self.width or y + h > self.height:
                raise Closed(f"rectangle {x},{y} {w}x{h} is outside of the picture")
            decoders[encoding](x, y, w, h)
        elif encoding in (DESKTOP_SIZE, EXT_SIZE):
            if encoding == EXT_SIZE:
                count = self.unpack("Bxxx")
                self.read(16 * count)
                self.size_reply = (x, y)
            self.resize(w, h)
        elif encoding == CURSOR:
            self.cursor = (w, h, self.read(w * h * self.format.size + (w + 7) // 8 * h))
        elif encoding == ALPHA_CURSOR:
            self.unpack("i")
            self.cursor = (w, h, self.read(w * h * 4))
        elif encoding == POINTER_MODE:
            self.absolute = x
        elif encoding == EXT_KEY:
            self.ext_key = True
        elif encoding == LED_STATE:
            self.leds = self.unpack("B")
        elif encoding == NAME:
            self.name = self.read(self.unpack("I")).decode()
        else:
            raise Closed(f"encoding {encoding}")

    def resize(self, width, height):
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self.picture = [[0] * width for _ in range(height)]

    # --- encodings ---

    def put(self, x, y, w, h, pixels):
        for row in range(h):
            self.picture[y + row][x:x + w] = pixels[row * w:(row + 1) * w]

    def fill_box(self, x, y, w, h, pixel):
        for row in range(y, y + h):
            self.picture[row][x:x + w] = [pixel] * w

    def raw_pixels(self, x, y, w, h):
        self.put(x, y, w, h, self.format.pixels(self.read(w * h * self.format.size)))

    def copyrect(self, x, y, w, h):
        from_x, from_y = self.unpack("HH")
        rows = [self.picture[from_y + row][from_x:from_x + w] for row in range(h)]
        for row in range(h):
            self.picture[y + row][x:x + w] = rows[row]

    def one(self):
        return self.format.pixels(self.read(self.format.size))[0]

    def hextile(self, x, y, w, h):
        back = front = 0
        for ty in range(y, y + h, 16):
            for tx in range(x, x + w, 16):
                tw, th = min(16, x + w - tx), min(16, y + h - ty)
                flags = self.unpack("B")
                if flags & 1:
                    self.raw_pixels(tx, ty, tw, th)
                    continue
                back = self.one() if flags & 2 else back
                front = self.one() if flags & 4 else front
                self.fill_box(tx, ty, tw, th, back)
                for _ in range(self.unpack("B") if flags & 8 else 0):
                    color = self.one() if flags & 16 else front
                    place, size = self.unpack("BB")
                    self.fill_box(tx + (place >> 4), ty + (place & 15), (size >> 4) + 1,
                                  (size & 15) + 1, color)

    def inflate(self, stream, data):
        if stream not in self.streams:
            self.streams[stream] = zlib.decompressobj()
        return self.streams[stream].decompress(data)

    def zlib_pixels(self, x, y, w, h):
        data = self.inflate("zlib", self.read(self.unpack("I")))
        if len(data) != w * h * self.format.size:
            raise Closed(f"zlib: {len(data)} bytes for {w}x{h}")
        self.put(x, y, w, h, self.format.pixels(data))

    def zrle(self, x, y, w, h):
        data = self.inflate("zrle", self.read(self.unpack("I")))
        at = 0
        for ty in range(y, y + h, 64):
            for tx in range(x, x + w, 64):
                tw, th = min(64, x + w - tx), min(64, y + h - ty)
                at = self.zrle_tile(data, at, tx, ty, tw, th)
        if at != len(data):
            raise Closed(f"zrle: {len(data) - at} bytes too many")

    def zrle_tile(self, data, at, x, y, w, h):
        size, shift = self.format.compact()
        kind = data[at]
        at += 1

        def take(count):
            nonlocal at
            at += count * size
            return self.format.pixels(data[at - count * size:at], size, shift)

        def length():
            nonlocal at
            total = 1
            while data[at] == 255:
                total += 255
                at += 1
            at += 1
            return total + data[at - 1]

        if kind == 0:
            self.put(x, y, w, h, take(w * h))
        elif kind == 1:
            self.fill_box(x, y, w, h, take(1)[0])
        elif kind <= 16:
            palette = take(kind)
            bits = 1 if kind == 2 else 2 if kind <= 4 else 4
            row = (w * bits + 7) // 8
            out = []
            for line in range(h):
                value = int.from_bytes(data[at + line * row:at + (line + 1) * row], "big")
                out += [palette[value >> (row * 8 - bits * (i + 1)) & (1 << bits) - 1]
                        for i in range(w)]
            at += row * h
            self.put(x, y, w, h, out)
        else:
            palette = take(kind - 128) if kind > 128 else None
            out = []
            while len(out) < w * h:
                if not palette:
                    color = take(1)[0]
                    out += [color] * length()
                else:
                    index = data[at]
                    at += 1
                    out += [palette[index & 127]] * (length() if index & 128 else 1)
            self.put(x, y, w, h, out)
        return at

    def compact_length(self):
        value = shift = 0
        while True:
            byte = self.unpack("B")
            value |= (byte & (255 if shift == 14 else 127)) << shift
            if byte < 128 or shift == 14:
                return value
            shift += 7

    def tight_pixels(self, data):
        f = self.format
        if f.bits == 32 and f.depth == 24 and f.maxes == (255, 255, 255):
            return [data[i] << 16 | data[i + 1] << 8 | data[i + 2]
                    for i in range(0, len(data), 3)]
        return f.pixels(data)

    def tight_data(self, stream, size):
        if size < 12:
            return self.read(size)
        data = self.inflate(stream, self.read(self.compact_length()))
        if len(data) != size:
            raise Closed(f"tight: {len(data)} bytes instead of {size}")
        return data

    def tight(self, x, y, w, h):
        control = self.unpack("B")
        f = self.format
        pixel = 3 if f.bits == 32 and f.depth == 24 and f.maxes == (255, 255, 255) else f.size
        for stream in range(4):
            if control >> stream & 1:
                self.streams.pop(stream, None)
        kind = control >> 4
        self.seen["tight", kind] = self.seen.get(("tight", kind), 0) + 1
        if kind == 8:
            self.fill_box(x, y, w, h, self.tight_pixels(self.read(pixel))[0])
        elif kind == 9:
            self.jpeg = self.read(self.compact_length())
        elif kind == 10:
            self.put(x, y, w, h, png(self.read(self.compact_length()), w, h))
        else:
            stream = kind & 3
            chosen = self.unpack("B") if kind & 4 else 0
            if chosen == 0:
                self.put(x, y, w, h, self.tight_pixels(self.tight_data(stream, w * h * pixel)))
                return
            colors = self.unpack("B") + 1
            palette = self.tight_pixels(self.read(colors * pixel))
            row = (w + 7) // 8
            if colors == 2:
                data = self.tight_data(stream, row * h)
                out = [palette[data[line * row + (i >> 3)] >> (7 - (i & 7)) & 1]
                       for line in range(h) for i in range(w)]
            else:
                out = [palette[i] for i in self.tight_data(stream, w * h)]
            self.put(x, y, w, h, out)


def png(data, w, h):
    """Pixels of an RGB picture with filter 0 in every line."""
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    raw = zlib.decompress(packed)
    out = []
    for y in range(h):
        line = raw[y * (3 * w + 1) + 1:(y + 1) * (3 * w + 1)]
        out += [line[i] << 16 | line[i + 1] << 8 | line[i + 2] for i in range(0, 3 * w, 3)]
    return out


def parse_ppm(data):
    """Width, height and rows of 0xRRGGBB."""
    _, size, _, pixels = data.split(b"\n", 3)
    width, height = map(int, size.split())
    flat = [pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]
            for i in range(0, 3 * width * height, 3)]
    return width, height, [flat[y * width:(y + 1) * width] for y in range(height)]
