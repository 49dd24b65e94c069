# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers under measurement: holdfast and its peers from Debian, each on one core, configured by
the files in peers/ plus the zones, started on the server's side of the laboratory.
"""

import os
import pathlib
import shutil
import sqlite3
import string
import struct
import subprocess
import time

import lab
import processes
from lab import peers

SETTINGS = pathlib.Path(__file__).resolve().parent / "peers"
LOAD_SECONDS = 180
TYPE_SOA = 6
SAMPLE = 20


class Server(peers.Peer):
    """A server in the laboratory. While it loads it may use every core, then only its own."""

    settings = ""
    xdp = False

    def __init__(self, place, directory, zone_set, port):
        shutil.rmtree(os.path.join(directory, self.name), ignore_errors=True)
        super().__init__(directory, dict(zone_set.zones))
        self.place = place
        self.zone_set = zone_set
        self.port = port
        self.cores = {lab.SERVER_CORE}

    def configuration(self, **more):
        text = (SETTINGS / self.settings).read_text(encoding="ascii")
        return string.Template(text).substitute(
            address=self.place.address, port=self.port, directory=self.directory, **more
        )

    def start(self):
        program = shutil.which(self.program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if program is None:
            raise RuntimeError(f"{self.program} is not installed")
        copy = shutil.copy(program, self.path(os.path.basename(program)))
        command = self.command()
        with open(self.path("log"), "ab") as log:
            # nsenter becomes the server, so its process id is the server's.
            self.process = subprocess.Popen(
                self.place.on_server_side([copy, *command]),
                stdout=log, stderr=log, cwd=self.directory, start_new_session=True,
            )
        self.wait_ready()
        processes.pin(processes.tree(self.process.pid), self.cores)
        if self.xdp and "prog/xdp" not in self.link():
            self.stop()
            raise RuntimeError(f"{self.name} has no program on the interface")
        return self

    def link(self):
        done = subprocess.run(
            self.place.on_server_side(["ip", "link", "show", "dev", self.place.interface]),
            capture_output=True, text=True, check=True,
        )
        return done.stdout

    def wait_ready(self):
        """Until a sample of the zones, evenly spread with both ends, is answered."""
        names = [name for name, _ in self.zone_set.zones]
        step = max(1, len(names) // SAMPLE)
        waiting = names[::step] + names[-1:]
        deadline = time.monotonic() + LOAD_SECONDS
        while waiting:
            reply = self.place.ask(self.port, waiting[-1], TYPE_SOA)
            if reply and reply[2] & 4 and struct.unpack(">H", reply[6:8])[0] > 0:
                waiting.pop()
                continue
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self.log_tail()
                self.stop()
                raise RuntimeError(f"{self.name} does not serve {waiting[-1]}:\n{log}")
            time.sleep(0.05)

    def processor_ns(self):
        """A reading of the server's threads and of those that receive for it."""
        receiving = self.place.receive_threads()
        return processes.processor_ns(processes.tree(self.process.pid) + receiving)

    def memory_bytes(self):
        return processes.memory_bytes(self.process.pid)

    def reload(self, zone):
        """The command that makes the server read `zone`'s file again."""
        raise NotImplementedError


class Knot(Server):
    name = "knot"
    program = "knotd"
    settings = "knot.conf"

    def command(self):
        extra = f"xdp:\n  listen: {self.place.interface}@{self.port}" if self.xdp else ""
        lines = [self.configuration(extra=extra)]
        for name, file in self.zone_set.zones:
            lines.append(f'  - domain: "{name}"\n    file: {file}\n')
        return ["-c", self.write("knot.conf", "".join(lines))]

    def reload(self, zone):
        return ["knotc", "-s", self.path("control"), "zone-reload", zone]


class KnotXdp(Knot):
    name = "knot-xdp"
    xdp = True

    def stop(self):
        super().stop()
        # Knot leaves its program on the interface; the next server must not run behind it.
        subprocess.run(
            self.place.on_server_side(
                ["ip", "link", "set", "dev", self.place.interface, "xdpdrv", "off"]
            ),
            check=False,
        )


class Nsd(Server):
    name = "nsd"
    program = "nsd"
    settings = "nsd.conf"

    def command(self):
        lines = [self.configuration()]
        for name, file in self.zone_set.zones:
            lines.append(f'zone:\n  name: "{name}"\n  zonefile: "{file}"\n')
        return ["-d", "-c", self.write("nsd.conf", "".join(lines))]

    def reload(self, zone):
        return ["nsd-control", "-c", self.path("nsd.conf"), "reload", zone]


class Bind(Server):
    name = "bind"
    program = "named"
    settings = "named.conf"

    def command(self):
        lines = [self.configuration()]
        for name, file in self.zone_set.zones:
            lines.append(f'zone "{name}" {{ type primary; file "{file}"; check-names ignore; }};\n')
        return ["-4", "-g", "-n", "1", "-c", self.write("named.conf", "".join(lines))]


class PowerDns(Server):
    name = "powerdns"
    program = "pdns_server"
    settings = "pdns.conf"

    def command(self):
        lines = [f'options {{ directory "{self.directory}"; }};\n']
        for name, file in self.zone_set.zones:
            lines.append(f'zone "{name}" {{ type master; file "{file}"; }};\n')
        self.write("zones.conf", "".join(lines))
        self.write("pdns.conf", self.configuration())
        self.mark_signed()
        return [f"--config-dir={self.directory}"]

    def mark_signed(self):
        """The backend keeps in a small database which zones come with their signatures."""
        utility = ["pdnsutil", f"--config-dir={self.directory}"]
        subprocess.run([*utility, "create-bind-db", self.path("dnssec.db")], check=True,
                       capture_output=True)
        if not self.zone_set.name.endswith("-signed"):
            return
        with sqlite3.connect(self.path("dnssec.db")) as database:
            database.executemany(
                "INSERT INTO domainmetadata (domain, kind, content) VALUES (?, 'PRESIGNED', '1')",
                [(name.rstrip(".") or ".",) for name, _ in self.zone_set.zones],
            )


class Holdfast(Server):
    name = "holdfast"
    settings = "holdfast.toml"
    xdp = False

    def __init__(self, place, directory, zone_set, port):
        super().__init__(place, directory, zone_set, port)
        self.program = os.environ["HOLDFAST_PROGRAM"]
        self.workers = 1
        self.shield = "dry-run"

    def use_workers(self, count):
        """Two use the load's core as well."""
        self.workers = count
        self.cores = {lab.SERVER_CORE} if count == 1 else {lab.SERVER_CORE, lab.LOAD_CORE}

    def command(self):
        os.makedirs(self.path("state"), exist_ok=True)
        lines = [self.configuration(workers=self.workers, shield=self.shield)]
        if self.has_setting("xdp"):
            mode = "on" if self.xdp else "off"
            lines.append(f'\n[xdp]\nmode = "{mode}"\ninterfaces = ["{self.place.interface}"]\n')
        elif self.xdp:
            raise RuntimeError("this build of holdfast has no [xdp]")
        lines.append(f'\n[[zones]]\ndirectory = "{self.zone_set.folder}"\n')
        return ["serve", "--config", self.write("holdfast.toml", "".join(lines))]

    def has_setting(self, section):
        done = subprocess.run([self.program, "config", "reference"], capture_output=True, text=True,
                              check=True)
        return f"## [{section}]" in done.stdout

    def reload(self, zone):
        return [self.program, "reload", "--config", self.path("holdfast.toml"), zone]


class HoldfastXdp(Holdfast):
    name = "holdfast-xdp"
    xdp = True


KINDS = {kind.name: kind for kind in (Holdfast, HoldfastXdp, Knot, KnotXdp, Nsd, Bind, PowerDns)}
ALL = tuple(KINDS)
