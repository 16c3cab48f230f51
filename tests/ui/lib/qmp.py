# SPDX-License-Identifier: GPL-2.0-or-later
"""A QMP session on a unix socket."""
import json
import socket
import time


class Session:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        end = time.monotonic() + 10
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.file = self.socket.makefile("r")
        self.events = []
        self.greeting = self.line()

    def line(self):
        text = self.file.readline()
        return json.loads(text) if text else None

    def raw(self, text):
        self.socket.sendall(text.encode())

    def answer(self):
        while True:
            reply = self.line()
            if reply is None or "event" not in reply:
                return reply
            self.events.append(reply)

    def command(self, execute, passed=None, **arguments):
        """The reply. A descriptor goes along with the command."""
        message = {"execute": execute}
        if arguments:
            message["arguments"] = {k.replace("_", "-"): v
                                    for k, v in arguments.items()}
        if passed is not None:
            socket.send_fds(self.socket, [json.dumps(message).encode()], [passed])
        else:
            self.raw(json.dumps(message))
        return self.answer()

    def error(self, execute, **arguments):
        """The text of the error that the command must give."""
        return self.command(execute, **arguments).get("error", {}).get("desc")

    def result(self, execute, **arguments):
        reply = self.command(execute, **arguments)
        return reply["return"] if reply and "return" in reply else None

    def event(self, name, seconds=10):
        """The data of the next event of that name."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event.get("data", {})
            reply = self.line()
            if reply is None:
                return None
            self.events.append(reply)
        return None
