# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the management process share: the control socket, zones, and waiting."""
import json
import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

WAIT_S = 60  # sanitizer builds on a busy machine included


def zone(serial, *records):
    return "\n".join([f"@ 3600 IN SOA ns root {serial} 3600 600 86400 300", "@ 3600 IN NS ns",
                      "ns 3600 IN A 192.0.2.53", *records]) + "\n"


def wait_until(what, condition, wait_s=WAIT_S):
    """The first true value of `condition`; fails with `what` if it does not come."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {wait_s} s: {what}")


def ends(count):
    """Numbers so many ends; says of a long run now and then how far it is."""
    begun = time.monotonic()
    for number in range(count):
        if number and number % 20 == 0:
            print(f"{number} of {count} ends, {time.monotonic() - begun:.0f} s", flush=True)
        yield number


class Control:
    """A client of the control socket of `server`."""

    def __init__(self, server):
        self.path = str(server.state / "control.sock")

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            client.settimeout(WAIT_S)
            client.connect(self.path)
        except OSError:
            client.close()
            raise
        return client

    def ask(self, command, **members):
        """The reply, and the lines of the stream that follows it, if one does."""
        with self.connect() as client, client.makefile("rwb") as file:
            file.write(json.dumps({"command": command, **members}).encode() + b"\n")
            file.flush()
            reply = json.loads(file.readline())
            lines = []
            if reply.get("stream"):
                for line in iter(lambda: file.readline(), b"\n"):
                    assert line.endswith(b"\n"), "a stream cut short"
                    lines.append(line.decode().rstrip("\n"))
            return (reply, lines) if reply.get("stream") else reply

    def is_up(self):
        try:
            return self.ask("status")["ok"]
        except (OSError, ValueError):
            return False

    def status(self):
        return self.ask("status")

    def zone(self, name):
        return self.ask("zone-status", zone=name)


def serial_of(server, name):
    return server.ask(name, "SOA").answer[0][0].serial


def log_has(server, text):
    return text in server.log_text(1_000_000)
