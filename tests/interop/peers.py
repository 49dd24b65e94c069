# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts Knot, NSD and BIND from Debian, and holdfast, on free loopback ports with given zones.

Each runs from a folder of its own in the foreground and is stopped by its process id. Programs are
copied there first: a security profile for the installed path could forbid the folder.
"""

import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

from ports import free_port

READY_SECONDS = 60
ADDRESS = "127.0.0.1"


def wire_name(name):
    labels = [label.encode("latin-1") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def ask(port, name, rtype, timeout=0.5):
    """The response's bytes, or None."""
    query = struct.pack(">6H", 4711, 0, 1, 0, 0, 0) + wire_name(name) + struct.pack(">2H", rtype, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout)
        udp.connect((ADDRESS, port))
        try:
            udp.send(query)
            return udp.recv(65535)
        except OSError:
            return None


class Peer:
    """A server process; subclasses say how it is configured and called."""

    name = ""
    program = ""

    def __init__(self, directory, zones):
        self.directory = os.path.join(directory, self.name)
        self.zones = zones  # {name: file}
        self.port = free_port()
        self.process = None
        os.makedirs(self.directory)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def command(self):
        raise NotImplementedError

    def start(self):
        program = shutil.which(self.program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if program is None:
            raise RuntimeError(f"{self.program} is not installed: ./dev test installs it")
        copy = shutil.copy(program, self.path(os.path.basename(program)))
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen(
                [copy, *self.command()], stdout=log, stderr=log, cwd=self.directory
            )
        self.wait_ready()
        return self

    def wait_ready(self):
        """Until the SOA of every zone is answered with authority."""
        waiting = list(self.zones)
        deadline = time.monotonic() + READY_SECONDS
        while waiting:
            reply = ask(self.port, waiting[-1], 6)
            if reply and reply[2] & 4 and struct.unpack(">H", reply[6:8])[0] > 0:
                waiting.pop()
                continue
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} does not serve {waiting[-1]}:\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()


class Knot(Peer):
    name = "knot"
    program = "knotd"

    def command(self):
        lines = ["server:", f"  listen: {ADDRESS}@{self.port}", f"  rundir: {self.directory}"]
        lines += ["  udp-max-payload: 1232", "  tcp-idle-timeout: 60", "  udp-workers: 1"]
        lines += ["  tcp-workers: 1", "  background-workers: 1"]
        lines += ["database:", f"  storage: {self.directory}", "log:", "  - target: stderr"]
        lines += ["    any: warning", "template:", "  - id: default"]
        lines += [f"    storage: {self.directory}"]
        lines += ["    zonefile-sync: -1", "    journal-content: none", "    semantic-checks: off"]
        lines += ["zone:"]
        for name, file in self.zones.items():
            lines += [f'  - domain: "{name}"', f"    file: {file}"]
        config = self.write("knot.conf", "\n".join(lines) + "\n")
        return ["-c", config]


class Nsd(Peer):
    name = "nsd"
    program = "nsd"

    def command(self):
        lines = ["server:", f"  ip-address: {ADDRESS}@{self.port}", '  username: ""']
        lines += [f'  zonesdir: "{self.directory}"', '  database: ""', "  server-count: 1"]
        lines += [f'  pidfile: "{self.path("pid")}"', f'  xfrdfile: "{self.path("xfrd.state")}"']
        lines += [f'  zonelistfile: "{self.path("zone.list")}"', "  ipv4-edns-size: 1232"]
        lines += [f'  cookie-secret-file: "{self.path("cookies")}"', "  tcp-timeout: 60"]
        lines += ["  minimal-responses: yes", "  refuse-any: no", "  rrl-ratelimit: 0"]
        lines += ["remote-control:", "  control-enable: no"]
        for name, file in self.zones.items():
            lines += ["zone:", f'  name: "{name}"', f'  zonefile: "{file}"']
        config = self.write("nsd.conf", "\n".join(lines) + "\n")
        return ["-d", "-c", config]


class Bind(Peer):
    name = "bind"
    program = "named"

    def command(self):
        lines = ["options {", f"  listen-on port {self.port} {{ {ADDRESS}; }};"]
        lines += ["  listen-on-v6 { none; };", f'  directory "{self.directory}";']
        lines += [f'  pid-file "{self.path("pid")}";', "  recursion no;", "  allow-query { any; };"]
        lines += [f'  session-keyfile "{self.path("session.key")}";', "  dnssec-validation no;"]
        lines += ["  minimal-responses yes;", "  minimal-any no;", "  edns-udp-size 1232;"]
        lines += ["  zero-no-soa-ttl no;"]
        lines += ["  max-udp-size 1232;", "  notify no;", "  zone-statistics none;"]
        lines += ["  tcp-idle-timeout 600;", "  empty-zones-enable no;", "  answer-cookie no;"]
        lines += ["  allow-transfer { none; };", "};", "controls {};"]
        for name, file in self.zones.items():
            lines += [f'zone "{name}" {{', f'  type primary; file "{file}";']
            lines += ["  check-names ignore;", "  check-integrity no;"]
            lines += ["  check-mx ignore; check-mx-cname ignore;", "};"]
        config = self.write("named.conf", "\n".join(lines) + "\n")
        return ["-4", "-g", "-n", "1", "-c", config]


class Holdfast(Peer):
    name = "holdfast"

    def __init__(self, directory, zones, program):
        super().__init__(directory, zones)
        self.program = program

    def command(self):
        state = self.path("state")
        os.makedirs(state, exist_ok=True)
        lines = ["[server]", f'listen = ["{ADDRESS}@{self.port}"]', "workers = 1"]
        lines += [f'state = "{state}"']
        for name, file in self.zones.items():
            lines += ["[[zone]]", f'name = "{name}"', f'file = "{file}"']
        config = self.write("holdfast.toml", "\n".join(lines) + "\n")
        return ["serve", "--config", config]
