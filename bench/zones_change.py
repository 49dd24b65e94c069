#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One record changed in a signed zone of a million names, by dynamic update: how long until the
update is answered, NOTIFY is sent, a client that asks for the difference at once has it (IXFR), and
a Knot secondary answers the change; what of that Knot says it needed to take the change over, and
what is left: the primary's part, NOTIFY, Knot's question for the SOA, IXFR, and being asked.

Holdfast and Knot one after the other, each signing with one P-256 key and NSEC, each with a Knot
secondary and that client; Holdfast once more with a secondary that keeps a journal. Updates go out
one at a time, over TCP, signed, and each waits for the secondary.

usage: zones_change.py --holdfast PROGRAM [--names N] [--changes N] [--servers A,B] [--no-record]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "interop"))

import dns.message
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import peers

import targets
import zones_targets

ADDRESS = peers.ADDRESS
ZONE = "change.example"
NAMES = 1_000_000
CHANGES = 20
# Between changes: Knot plans what NOTIFY asks for to whole seconds while it is still busy with the
# change before.
PAUSE_S = 1.1
START_S = 600
KEY = "change-key"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
TARGETS = {"notify_ms": 50, "secondary_ms": 200}


def make_zone(path, names):
    with open(path, "w", encoding="ascii") as file:
        file.write(f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 900 604800 60\n")
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(names - 2):
            file.write("n%07d A 10.%d.%d.%d\n"
                       % (index, index >> 16 & 255, index >> 8 & 255, index & 255))


class Follower:
    """Answers NOTIFY, asks for the difference to the version before, and notes when both came."""

    def __init__(self):
        self.listener = socket.create_server((ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, self.port))
        self.primary_port = None
        self.notified, self.followed = [], []
        for run in (self.take_datagrams, self.take_connections):
            threading.Thread(target=run, daemon=True).start()

    def take_datagrams(self):
        while True:
            message, sender = self.socket.recvfrom(4096)
            self.socket.sendto(self.reply(message), sender)
            self.follow()

    def take_connections(self):
        """Knot says NOTIFY over TCP."""
        while True:
            connection, _ = self.listener.accept()
            with connection:
                message = connection.recv(4096)
                reply = self.reply(message[2:])
                connection.sendall(len(reply).to_bytes(2, "big") + reply)
            self.follow()

    def reply(self, message):
        self.notified.append(time.monotonic())
        return message[:2] + bytes([message[2] | 0x84]) + message[3:]

    def serial(self):
        query = dns.message.make_query(ZONE, "SOA", flags=0)
        answer = dns.query.udp(query, ADDRESS, port=self.primary_port, timeout=5).answer
        return answer[0][0].serial

    def follow(self):
        serial = self.serial() - 1  # as a secondary does, which asks for the SOA first
        query = dns.message.make_query(ZONE, "IXFR", flags=0)
        query.find_rrset(query.authority, query.question[0].name, dns.rdataclass.IN,
                         dns.rdatatype.SOA, create=True).add(
            dns.rdata.from_text("IN", "SOA", f". . {serial} 0 0 0 0"))
        dns.query.tcp(query, ADDRESS, port=self.primary_port, timeout=60)
        self.followed.append(time.monotonic())

    @staticmethod
    def first_after(times, moment):
        return next((at for at in times if at >= moment), None)


class Holdfast(peers.Peer):
    name = program = "holdfast"

    def command(self):
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
file = "{self.zones[ZONE]}"
policy = "default"
update = ["{KEY}"]
transfer_to = ["{ADDRESS}"]
notify = ["{ADDRESS}@{self.secondary}", "{ADDRESS}@{self.follower}"]
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
  background-workers: 1
database:
  storage: {self.directory}
log:
  - target: stderr
    any: warning
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: secondary
    address: {ADDRESS}@{self.secondary}
  - id: follower
    address: {ADDRESS}@{self.follower}
acl:
  - id: update
    key: {KEY}
    action: update
  - id: transfer
    address: {ADDRESS}
    action: transfer
policy:
  - id: csk
    algorithm: ecdsap256sha256
    single-type-signing: on
    signing-threads: {len(os.sched_getaffinity(0))}
zone:
  - domain: {ZONE}
    storage: {self.directory}
    file: {self.zones[ZONE]}
    dnssec-signing: on
    dnssec-policy: csk
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    journal-max-usage: 2G
    acl: [update, transfer]
    notify: [secondary, follower]
""")
        return ["-c", self.path("knot.conf")]


class Secondary(peers.Peer):
    name = "secondary"
    program = "knotd"

    def __init__(self, directory, zones, journal):
        super().__init__(directory, zones)
        self.journal = journal

    def command(self):
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
remote:
  - id: primary
    address: {ADDRESS}@{self.primary}
acl:
  - id: notify
    address: {ADDRESS}
    action: notify
zone:
  - domain: {ZONE}
    storage: {self.directory}
    master: primary
    acl: notify
    zonefile-sync: -1
    journal-content: {self.journal}
    journal-max-usage: 2G
""")
        return ["-c", self.path("knot.conf")]

    def own_times_ms(self):
        """What it says it took to take over each change, of one hundredth of a second."""
        log = pathlib.Path(self.path("log")).read_text(encoding="utf-8", errors="replace")
        return [float(seconds) * 1e3 for seconds in
                re.findall(r"zone updated, ([0-9.]+) seconds, serial [0-9]+ ->", log)]


def has_address(port, name, address):
    reply = peers.ask(port, name, 1, timeout=1)
    return reply is not None and bytes(map(int, address.split("."))) in reply[12:]


def change(primary, secondary, follower, index):
    """Times in ms since the update was sent."""
    name, address = f"n{index:07d}", f"192.0.2.{index % 250 + 1}"
    update = dns.update.Update(ZONE, keyring=dns.tsigkeyring.from_text({KEY: SECRET}),
                               keyname=KEY, keyalgorithm="hmac-sha256")
    update.replace(name, 300, "A", address)
    begun = time.monotonic()
    answer = dns.query.tcp(update, ADDRESS, port=primary.port, timeout=60)
    answered = time.monotonic()
    if answer.rcode() != dns.rcode.NOERROR:
        raise RuntimeError(f"{primary.name} answered {dns.rcode.to_text(answer.rcode())}")
    deadline = begun + 60
    while not has_address(secondary.port, f"{name}.{ZONE}", address):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the secondary of {primary.name} did not follow")
        time.sleep(0.0005)
    followed = time.monotonic()
    while follower.first_after(follower.followed, begun) is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{primary.name} sent no NOTIFY, or no difference")
        time.sleep(0.001)
    notified = follower.first_after(follower.notified, begun)
    in_hand = follower.first_after(follower.followed, begun)
    return {"answered_ms": (answered - begun) * 1e3, "notify_ms": (notified - begun) * 1e3,
            "ixfr_ms": (in_hand - begun) * 1e3, "secondary_ms": (followed - begun) * 1e3}


def measure(kind, journal, folder, zone, options):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    peers.READY_SECONDS = START_S
    follower = Follower()
    primary = kind(str(folder), {ZONE: str(zone)})
    secondary = Secondary(str(folder), {ZONE: None}, journal)
    primary.secondary, primary.follower = secondary.port, follower.port
    secondary.primary = follower.primary_port = primary.port
    with primary, secondary:
        time.sleep(3)  # what follows the start, on both sides
        step = max(1, (options.names - 10) // options.changes)
        samples = []
        for index in range(options.changes):
            samples.append(change(primary, secondary, follower, index * step))
            time.sleep(PAUSE_S)
        own_ms = secondary.own_times_ms()[-options.changes:]
    shutil.rmtree(folder)
    for sample, own in zip(samples, own_ms, strict=True):
        sample |= {"knot_ms": own, "rest_ms": sample["secondary_ms"] - own}
    result = {"server": primary.name, "journal": journal, "changes": len(samples)}
    for key in samples[0]:
        values = [sample[key] for sample in samples]
        result[key] = {"median": round(statistics.median(values), 2),
                       "highest": round(max(values), 2), "first": round(values[0], 2)}
    return result


def report(results):
    lines = ["| Server | Its secondary's journal | Update answered, ms | NOTIFY sent, ms | "
             "IXFR in hand, ms | Knot secondary answers it, ms | of that by its own log, ms | "
             "the rest, ms |", "|---|---|---|---|---|---|---|---|"]
    for result in results:
        cells = [f"{result[key]['median']} (at most {result[key]['highest']}, first "
                 f"{result[key]['first']})"
                 for key in ("answered_ms", "notify_ms", "ixfr_ms", "secondary_ms", "knot_ms",
                             "rest_ms")]
        lines.append(f"| {result['server']} | {result['journal']} | " + " | ".join(cells) + " |")
    ours = next((result for result in results if result["server"] == "holdfast"), None)
    if ours:
        lines.append("")
        for key, target in TARGETS.items():
            word = "met" if ours[key]["highest"] <= target else "missed"
            lines.append(f"Target {key}: at most {target}; {word} with {ours[key]['highest']}.")
        lines.append(f"Without what Knot says it needed itself: {ours['rest_ms']['median']} ms, at "
                     f"most {ours['rest_ms']['highest']}; its log counts hundredths of a second.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--names", type=int, default=NAMES)
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--servers", default="holdfast,knot")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    Holdfast.program = str(pathlib.Path(options.holdfast).resolve())
    folder = ROOT / "build" / "bench" / "change"
    folder.mkdir(parents=True, exist_ok=True)
    zone = folder / f"{ZONE}-{options.names}"
    if not zone.exists():
        make_zone(zone, options.names)
    results = []
    for name in options.servers.split(","):
        kind = {"holdfast": Holdfast, "knot": Knot}[name]
        for journal in ("none", "changes") if kind is Holdfast else ("none",):
            results.append(measure(kind, journal, folder / name, zone, options))
            print(json.dumps(results[-1]), flush=True)
    text = report(results)
    print(text)
    if options.no_record:
        return
    date = datetime.date.today().isoformat()
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, Linux {platform.release()}"
    target = ROOT / "bench" / "results"
    target.mkdir(exist_ok=True)
    record = {"date": date, "machine": machine, "names": options.names, "results": results}
    (target / f"zones-{date}.json").write_text(json.dumps(record, indent=1) + "\n")
    (target / f"zones-{date}.md").write_text(
        f"# A change, {date}\n\n`./dev bench zones`: one record of a signed zone of "
        f"{options.names:,} names changed by update, {machine}. Since the update was sent; median "
        f"of {options.changes}.\n\n{text}\n")
    print("\n" + targets.text(zones_targets.rows()))


if __name__ == "__main__":
    sys.exit(main())
