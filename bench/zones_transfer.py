#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone of a million records sent and received whole (AXFR), and what becomes of answers then.

Holdfast and Knot, each with one answer process or thread, are loaded beside each other and take
turns. "Out": until a client on this machine, which only counts, has all records. In each turn one
record is changed by update; the first transfer of that version stands for itself, as Holdfast keeps
for later ones what it made for that. "In": since NOTIFY until a new version is answered; it is sent
by this program from memory, the same bytes to both, as fast as they are taken, to a server that has
the version before.

Another process asks for names that exist, RATE times a second, QUIET_S before each transfer and
while it runs. p99 is that of all questions of all turns that were due then. The floor has turns of
its own: a program sends the same bytes to the same client as fast as they are taken, while nothing
is asked of Holdfast but those questions. That much is the machine's, the client's and the kernel's.

usage: zones_transfer.py --holdfast PROGRAM [--names N] [--runs N] [--servers A,B] [--no-record]
"""

import argparse
import contextlib
import datetime
import json
import math
import os
import pathlib
import platform
import shutil
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "interop"))

import dns.query
import dns.tsigkeyring
import dns.update
import peers
from steady_asker import RATE, Asker, Windows
from transfer_sides import (ADDRESS, SOA, ZONE, OnlySender, Replay, question, serial_of, transfer)

NAMES = 1_000_000
RUNS = 12
LATER = 3  # transfers of a version after its first
START_S = 300
QUIET_S = 0.6
SETTLE_S = 0.4  # after an update, and between transfers
NOTIFY_FLAGS = 0x2400
KEY = "change-key"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def make_zone(path, names):
    with open(path, "w", encoding="ascii") as file:
        file.write(f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 900 604800 60\n")
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(names - 3):
            file.write("n%07d A 10.%d.%d.%d\n"
                       % (index, index >> 16 & 255, index >> 8 & 255, index & 255))


class Server(peers.Peer):
    """A primary that takes updates, or a secondary of `primary_port` if that is not None."""

    def __init__(self, directory, file, primary_port):
        super().__init__(directory, {ZONE: file})
        self.primary_port = primary_port


class Holdfast(Server):
    name = program = "holdfast"

    def command(self):
        where = (f'file = "{self.zones[ZONE]}"\nupdate = ["{KEY}"]' if self.primary_port is None
                 else f'primaries = ["{ADDRESS}@{self.primary_port}"]')
        self.write("holdfast.toml", f"""[server]
listen = ["{ADDRESS}@{self.port}"]
workers = 1
state = "{self.path("state")}"
[metrics]
listen = ""
[[key]]
name = "{KEY}"
secret = "{SECRET}"
[[zone]]
name = "{ZONE}"
{where}
transfer_to = ["{ADDRESS}"]
""")
        return ["serve", "--config", self.path("holdfast.toml")]


class Knot(Server):
    name = "knot"
    program = "knotd"

    def command(self):
        where = f"    file: {self.zones[ZONE]}"
        if self.primary_port is not None:
            where = "    master: primary"
        self.write("knot.conf", f"""server:
  listen: {ADDRESS}@{self.port}
  rundir: {self.directory}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {self.directory}
log:
  - target: stderr
    any: info
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: primary
    address: {ADDRESS}@{self.primary_port or 1}
acl:
  - id: update
    key: {KEY}
    action: update
  - id: all
    address: {ADDRESS}
    action: [transfer, notify]
zone:
  - domain: {ZONE}
    storage: {self.directory}
{where}
    acl: [update, all]
    zonefile-sync: -1
    journal-content: none
""")
        return ["-c", self.path("knot.conf")]


KINDS = {"holdfast": Holdfast, "knot": Knot}


def tell(port, replay):
    """NOTIFY, and waits until the version is answered."""
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((ADDRESS, port))
        udp.send(question(NOTIFY_FLAGS, SOA))
        while serial_of(port) != replay.serial:
            if time.monotonic() - begun > 120:
                raise RuntimeError("the new version did not come")
            time.sleep(0.005)


def change(server, number):
    """Another version, by update."""
    update = dns.update.Update(ZONE, keyring=dns.tsigkeyring.from_text({KEY: SECRET}), keyname=KEY,
                               keyalgorithm="hmac-sha256")
    update.replace("n0000000", 300, "A", f"192.0.2.{number % 250 + 1}")
    answer = dns.query.tcp(update, ADDRESS, port=server.port, timeout=60)
    if answer.rcode() != 0:
        raise RuntimeError(f"{server.name} answered an update with {answer.rcode()}")
    time.sleep(SETTLE_S)


class Turns:
    """One way of transfers with all servers, in turns."""

    def __init__(self, options, folder, zone):
        self.options, self.folder, self.zone = options, folder, zone
        self.records = options.names + 1

    def run(self, way, primary_ports, turn, more=()):
        """{name: {window: facts}}; `turn(server, windows, number)` is one turn's transfers, and
        `more` has (name, server's name, turn) of others."""
        with contextlib.ExitStack() as running:
            servers = {}
            for name in self.options.servers.split(","):
                where = self.folder / way
                shutil.rmtree(where / name, ignore_errors=True)
                where.mkdir(parents=True, exist_ok=True)
                servers[name] = running.enter_context(
                    KINDS[name](str(where), str(self.zone), primary_ports.get(name)))
            time.sleep(2)
            turns = [(name, name, turn) for name in servers]
            turns += [one for one in more if one[1] in servers]
            askers = {name: Asker(servers[of].port, self.options.names) for name, of, _ in turns}
            windows = {name: Windows() for name in askers}
            for number in range(self.options.runs):
                for name, of, one in turns if number % 2 == 0 else turns[::-1]:
                    with askers[name].asking():
                        with windows[name].span("before"):
                            time.sleep(QUIET_S)
                        one(servers[of], windows[name], number)
            asked = {name: asker.end() for name, asker in askers.items()}
        shutil.rmtree(self.folder / way)
        return {name: {window: windows[name].facts(window, asked[name])
                       for window in windows[name].spans} for name in askers}

    def out(self, messages):
        def turn(server, windows, number):
            change(server, number)
            with windows.span("first"):
                transfer(server.port, self.records)
            for _ in range(LATER):
                time.sleep(SETTLE_S)
                with windows.span("later"):
                    transfer(server.port, self.records)

        sender = OnlySender(messages)

        def only_send(_, windows, __):
            for _ in range(LATER):
                time.sleep(SETTLE_S)
                with windows.span("later"):
                    transfer(sender.port, self.records)

        try:
            return self.run("out", {}, turn, [("floor", "holdfast", only_send)])
        finally:
            sender.stop()

    def come_in(self, messages):
        replays = {name: Replay(messages) for name in KINDS}

        def turn(server, windows, number):
            replays[server.name].serial = number + 2
            with windows.span("in"):
                tell(server.port, replays[server.name])
            time.sleep(SETTLE_S)

        return self.run("in", {name: one.port for name, one in replays.items()}, turn)

    def record(self):
        """The messages of the zone as Holdfast sends them."""
        folder = self.folder / "record"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        messages = []
        with Holdfast(str(folder), str(self.zone), None) as server:
            transfer(server.port, self.records, messages)
        shutil.rmtree(folder)
        return messages


def shown(facts):
    return "none" if facts["p99_ms"] is None else f"{facts['p99_ms']:.2f}"


def times(meanwhile, before):
    """How many times as high p99 was; where nothing was answered, more than any."""
    if meanwhile["p99_ms"] is None or before["p99_ms"] is None:
        return math.inf
    return meanwhile["p99_ms"] / before["p99_ms"]


def report(out, come_in):
    lines = ["| | AXFR out, first, later, s | p99 before, first, later, ms | lost "
             "| AXFR in, s | p99 before, meanwhile, ms | lost |", "|---|---|---|---|---|---|---|"]
    names = {"floor": "floor: a program that only sends"}
    for name, windows in out.items():
        spans = [windows[one] for one in ("first", "later") if one in windows]
        cells = [", ".join(f"{one['s']:.2f}" for one in spans),
                 ", ".join(shown(one) for one in [windows["before"], *spans]),
                 str(sum(one["lost"] for one in spans))]
        if name in come_in:
            one = come_in[name]["in"]
            cells += [f"{one['s']:.2f}",
                      f"{shown(come_in[name]['before'])}, {shown(one)}",
                      str(one["lost"])]
        lines.append(f"| {names.get(name, name)} | " + " | ".join(cells + [""] * (6 - len(cells))) +
                     " |")
    if {"holdfast", "knot"} <= out.keys():
        lines.append("")
        for way, results, kinds in (("out", out, ("first", "later")), ("in", come_in, ("in",))):
            ours, knot = results["holdfast"], results["knot"]
            speed = knot[kinds[0]]["s"] / ours[kinds[0]]["s"]
            slower = [times(ours[kind], ours["before"]) for kind in kinds]
            lost = sum(ours[kind]["lost"] for kind in kinds)
            is_met = speed >= 1 and max(slower) <= 2 and lost == 0
            lines.append(f"Targets {way}: Knot's speed (here {speed:.2f} times), no answer lost "
                         f"({lost}), p99 at most doubled "
                         f"({', '.join(f'{one:.1f}' for one in slower)} times; Knot's "
                         + ", ".join(f"{times(knot[kind], knot['before']):.1f}" for kind in kinds)
                         + f"): {'met' if is_met else 'missed'}.")
    return "\n".join(lines)


def rounded(results):
    def short(value):
        return None if value is None else round(value, 3)

    return {name: {window: {key: short(value) for key, value in facts.items()}
                   for window, facts in windows.items()} for name, windows in results.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--names", type=int, default=NAMES, help="records, that is")
    parser.add_argument("--runs", type=int, default=RUNS, help="turns of each")
    parser.add_argument("--servers", default="holdfast,knot")
    parser.add_argument("--ways", default="out,in")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    Holdfast.program = str(pathlib.Path(options.holdfast).resolve())
    peers.READY_SECONDS = START_S
    folder = ROOT / "build" / "bench" / "transfer"
    folder.mkdir(parents=True, exist_ok=True)
    zone = folder / f"{ZONE}-{options.names}"
    if not zone.exists():
        make_zone(zone, options.names)
    turns = Turns(options, folder, zone)
    messages = turns.record()
    out = rounded(turns.out(messages)) if "out" in options.ways else {}
    print(json.dumps(out), flush=True)
    come_in = rounded(turns.come_in(messages)) if "in" in options.ways else {}
    print(json.dumps(come_in), flush=True)
    if not (out and come_in):
        return
    text = report(out, come_in)
    print(text)
    if options.no_record:
        return
    date = datetime.date.today().isoformat()
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, Linux {platform.release()}"
    target = ROOT / "bench" / "results"
    record = {"date": date, "machine": machine, "names": options.names, "out": out, "in": come_in}
    (target / f"transfer-{date}.json").write_text(json.dumps(record, indent=1) + "\n")
    (target / f"transfer-{date}.md").write_text(
        f"# Whole transfers, {date}\n\n`./dev bench transfer`: {options.names:,} records, "
        f"{machine}; {options.runs} turns each, medians of seconds, {RATE} questions a second, p99 "
        f"of all turns' questions.\n\n{text}\n")


if __name__ == "__main__":
    sys.exit(main())
