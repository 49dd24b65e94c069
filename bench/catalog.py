#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secondary zones that come by a catalog (RFC 9432): how long until all of them are answered, what
memory they take, and how long one more takes.

Holdfast and Knot one after the other, each alone beside the same primary, an NSD that serves the
catalog and all members. The time runs from the start of the follower, with nothing kept, until the
last member was answered with authority.

usage: catalog.py --holdfast PROGRAM [--zones N] [--servers A,B] [--no-record]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import struct
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "interop"))

import peers
import processes

ADDRESS = peers.ADDRESS
CATALOG = "catalog.bench"
ZONES = 100_000
LIMIT_S = 600
TARGET = 2.0  # times Knot's time
SOA = 6
MEMBER = """@ 3600 SOA ns1 host 1 86400 3600 1209600 300
@ 3600 NS ns1
ns1 3600 A 192.0.2.1
www 3600 A 192.0.2.2
"""


def member(index):
    return f"z{index:06d}.bench"


class Primary(peers.Nsd):
    """Has one member more than the catalog says at first."""

    def __init__(self, directory, zones, port_of_follower):
        super().__init__(directory, {CATALOG: None})
        self.count, self.follower = zones, port_of_follower
        self.write("member", MEMBER)
        self.put_catalog(1, zones)

    def put_catalog(self, serial, count):
        lines = [f"$TTL 0\n@ SOA invalid. invalid. {serial} 86400 3600 2147483646 0",
                 "@ NS invalid.", 'version TXT "2"']
        lines += [f"m{index:06d}.zones PTR {member(index)}." for index in range(count)]
        self.write("catalog", "\n".join(lines) + "\n")

    def command(self):
        lines = ["server:", f"  ip-address: {ADDRESS}@{self.port}", '  username: ""']
        lines += [f'  zonesdir: "{self.directory}"', '  database: ""', "  server-count: 1"]
        lines += [f'  pidfile: "{self.path("pid")}"', f'  xfrdfile: "{self.path("xfrd.state")}"']
        lines += [f'  zonelistfile: "{self.path("zone.list")}"', "  tcp-count: 2000"]
        lines += [f'  cookie-secret-file: "{self.path("cookies")}"', "  xfrd-reload-timeout: 0"]
        lines += ["remote-control:", "  control-enable: no"]
        for name, file in [(CATALOG, "catalog"), *((member(index), "member")
                                                   for index in range(self.count + 1))]:
            lines += ["zone:", f"  name: {name}", f"  zonefile: {file}"]
            lines += [f"  provide-xfr: {ADDRESS} NOKEY"]
            if name == CATALOG:
                lines += [f"  notify: {ADDRESS}@{self.follower} NOKEY"]
        return ["-d", "-c", self.write("nsd.conf", "\n".join(lines) + "\n")]


class Holdfast(peers.Peer):
    name = program = "holdfast"

    def command(self):
        source = f'primaries = ["{ADDRESS}@{self.primary}"]'
        self.write("holdfast.toml", f"""[server]
listen = ["{ADDRESS}@{self.port}"]
workers = 1
state = "{self.path("state")}"
[metrics]
listen = ""
[log]
level = "warning"
[[zone]]
name = "{CATALOG}"
{source}
[[catalog]]
name = "{CATALOG}"
{source}
""")
        return ["serve", "--config", self.path("holdfast.toml")]


class Knot(peers.Peer):
    name = "knot"
    program = "knotd"

    def command(self):
        self.write("knot.conf", f"""server:
  listen: {ADDRESS}@{self.port}
  rundir: {self.directory}
  udp-workers: 1
  tcp-workers: 1
database:
  storage: {self.directory}
  journal-db-max-size: 20G
log:
  - target: stderr
    any: warning
remote:
  - id: primary
    address: {ADDRESS}@{self.primary}
acl:
  - id: notify
    address: {ADDRESS}
    action: notify
template:
  - id: member
    master: primary
    storage: {self.directory}
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
zone:
  - domain: {CATALOG}
    storage: {self.directory}
    master: primary
    acl: notify
    catalog-role: interpret
    catalog-template: member
""")
        return ["-c", self.path("knot.conf")]


def is_answered(asker, name):
    asker.send(struct.pack(">6H", 4711, 0, 1, 0, 0, 0) + peers.wire_name(name) +
               struct.pack(">2H", SOA, 1))
    try:
        reply = asker.recv(4096)
    except OSError:
        return False
    return len(reply) > 12 and reply[2] & 4 and reply[3] & 15 == 0 and reply[7] > 0


def wait_all(port, first, end, deadline):
    """Until each of the members from `first` to `end` was answered once, in order."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(0.5)
        asker.connect((ADDRESS, port))
        index = first
        while index < end:
            if is_answered(asker, member(index)):
                index += 1
                continue
            if time.monotonic() > deadline:
                raise RuntimeError(f"{member(index)} is not answered after {LIMIT_S} s")
            time.sleep(0.02)


def measure(kind, folder, options):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    follower = kind(str(folder), {})
    primary = Primary(str(folder), options.zones, follower.port)
    follower.primary = primary.port
    peers.READY_SECONDS = LIMIT_S
    with primary:
        wait_all(primary.port, options.zones, options.zones + 1, time.monotonic() + LIMIT_S)
        begun = time.monotonic()
        with follower:
            wait_all(follower.port, 0, options.zones, begun + LIMIT_S)
            all_s = time.monotonic() - begun
            time.sleep(3)  # what follows, on both sides
            memory = processes.memory_bytes(follower.process.pid)
            primary.put_catalog(2, options.zones + 1)
            begun = time.monotonic()
            primary.process.send_signal(signal.SIGHUP)
            wait_all(follower.port, options.zones, options.zones + 1, begun + LIMIT_S)
            one_s = time.monotonic() - begun
    shutil.rmtree(folder)
    return {"server": follower.name, "zones": options.zones, "all_s": round(all_s, 2),
            "memory_mib": round(memory / 2**20), "bytes_a_zone": round(memory / options.zones),
            "one_more_s": round(one_s, 2)}


def report(results):
    lines = ["| Server | All answered, s | Memory, MiB | Bytes a zone | One more, s |",
             "|---|---|---|---|---|"]
    for result in results:
        lines.append("| {server} | {all_s} | {memory_mib} | {bytes_a_zone} | {one_more_s} |".format(
            **result))
    times = {result["server"]: result["all_s"] for result in results}
    if len(times) == 2:
        ratio = times["holdfast"] / times["knot"]
        word = "met" if ratio <= TARGET else "missed"
        lines += ["", f"Target: at most {TARGET} × Knot's time; {word} with {ratio:.2f}."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--zones", type=int, default=ZONES)
    parser.add_argument("--servers", default="holdfast,knot")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    Holdfast.program = str(pathlib.Path(options.holdfast).resolve())
    folder = ROOT / "build" / "bench" / "catalog"
    results = []
    for name in options.servers.split(","):
        results.append(measure({"holdfast": Holdfast, "knot": Knot}[name], folder / name, options))
        print(json.dumps(results[-1]), flush=True)
    text = report(results)
    print(text)
    if options.no_record:
        return
    date = datetime.date.today().isoformat()
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, Linux {platform.release()}"
    target = ROOT / "bench" / "results"
    record = {"date": date, "machine": machine, "results": results}
    (target / f"catalog-{date}.json").write_text(json.dumps(record, indent=1) + "\n")
    (target / f"catalog-{date}.md").write_text(
        f"# Zones by a catalog, {date}\n\n`./dev bench catalog`: {options.zones:,} secondary zones "
        f"of four records from one NSD, {machine}.\n\n{text}\n")


if __name__ == "__main__":
    sys.exit(main())
