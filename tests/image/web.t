#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks on a web server."""
import http.server
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/boot/lib"))

from tap import done, ok, skip

IMG = os.path.abspath(os.path.join(os.environ.get("BUILD", os.path.join(TOP, "build")), "qemu-img"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = []

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        name = self.path.strip("/")
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/raw")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if name == "locked" and self.headers.get("Authorization") != "Basic YWxpY2U6YWJj" or \
                not os.path.exists("raw" if name == "locked" else name.replace("plain-", "")):
            self.send_error(401 if name == "locked" else 404)
            return
        data = open("raw" if name == "locked" else name.replace("plain-", ""), "rb").read()
        m = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
        if m and not name.startswith("plain-"):
            first, last = int(m[1]), min(int(m[2]), len(data) - 1)
            self.requests.append((first, last))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            data = data[first:last + 1]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            try:
                self.wfile.write(data)
            except OSError:
                pass

    def log_message(self, *_):
        pass


def run(*words):
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    p = subprocess.run([IMG, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                       timeout=60, env=env)
    return p.returncode, p.stdout, p.stderr


def main():
    random.seed(8)
    with open("raw", "wb") as f:
        f.write(random.randbytes(1 << 20))
        f.truncate((3 << 20) + 512)
    run("convert", "-f", "raw", "-O", "qcow2", "-c", "raw", "q")
    http.server.ThreadingHTTPServer.handle_error = lambda *_: None     # clients that leave
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    code, out, err = run("info", "-f", "raw", url + "/raw")
    if "without libcurl" in err:
        skip("http", "built without libcurl")
        return
    ok(code == 0 and f"{(3 << 20) + 512} bytes" in out, "the size is known", out, err)
    a = run("compare", "-f", "raw", "-F", "raw", "raw", url + "/raw")
    ok(a[0] == 0, "a raw disk", a)
    a = run("compare", "raw", url + "/q")
    ok(a[0] == 0, "a compressed qcow2 image, whose format is guessed", a)
    a = run("create", "-f", "qcow2", "-b", url + "/q", "-F", "qcow2", "top")
    b = run("compare", "-f", "raw", "-F", "qcow2", "raw", "top")
    ok(a[0] == b[0] == 0, "as a backing file", a, b)
    Handler.requests.clear()
    run("dd", "-f", "raw", "-O", "raw", "bs=512", "count=1", "skip=10", f"if={url}/raw", "of=part")
    ok(sum(l - f + 1 for f, l in Handler.requests) < 1 << 20, "only parts are fetched",
       Handler.requests)
    a = run("info", "--image-opts", f"driver=raw,file.driver=http,file.url={url}/raw,"
            "file.readahead=64k,file.timeout=7")
    ok(a[0] == 0, "as options", a)
    a = run("info", "-f", "raw", url + "/moved")
    ok(a[0] == 0, "a redirection", a)
    a = run("info", "-f", "raw", url + "/nosuch")
    ok(a[0] == 1 and "404" in a[2], "a file that is missing", a)
    a = run("info", "-f", "raw", url + "/plain-raw")
    ok(a[0] == 1 and "range" in a[2], "a server without ranges", a)
    a = run("bench", "-w", "-c", "1", "-f", "raw", url + "/raw")
    ok(a[0] == 1, "no writes", a)
    key = ["--object", "secret,id=s,data=abc", "--image-opts"]
    opts = f"driver=raw,file.driver=http,file.url={url}/locked"
    a = run("info", *key, opts)
    b = run("info", *key, opts + ",file.username=alice,file.password-secret=s")
    ok(a[0] == 1 and b[0] == 0, "a password", a, b)
    server.shutdown()
    server.server_close()
    a = run("info", "-f", "raw", url + "/raw")
    ok(a[0] == 1, "a server that is gone", a)


folder = tempfile.mkdtemp(prefix="web-")
here = os.getcwd()
os.chdir(folder)
try:
    main()
finally:
    os.chdir(here)
    shutil.rmtree(folder)
done()
