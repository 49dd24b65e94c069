#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One record changed in a signed zone of a million names, by dynamic update: how long until the
update is answered, NOTIFY is sent, and a Knot secondary answers the change.

Holdfast and Knot one after the other, each signing with one P-256 key and NSEC, each with a Knot
secondary and one more that only notes when its NOTIFY comes. Updates go out one at a time, over
TCP, signed, and each waits for the secondary.

usage: zones_change.py --holdfast PROGRAM [--names N] [--changes N] [--servers A,B] [--no-record]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "interop"))

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import peers

ADDRESS = peers.ADDRESS
ZONE = "change.example"
NAMES = 1_000_000
CHANGES = 30
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


class NotifySink:
    """Answers NOTIFY and notes when the first of each serial came."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 0))
        self.port = self.socket.getsockname()[1]
        self.times = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            message, sender = self.socket.recvfrom(4096)
            self.times.append(time.monotonic())
            self.socket.sendto(message[:2] + bytes([message[2] | 0x84]) + message[3:], sender)

    def first_after(self, moment):
        return next((at for at in self.times if at >= moment), None)


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
notify = ["{ADDRESS}@{self.secondary}", "{ADDRESS}@{self.sink}"]
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
  - id: sink
    address: {ADDRESS}@{self.sink}
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
    notify: [secondary, sink]
""")
        return ["-c", self.path("knot.conf")]


class Secondary(peers.Peer):
    name = "secondary"
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
    journal-content: none
""")
        return ["-c", self.path("knot.conf")]


def has_address(port, name, address):
    reply = peers.ask(port, name, 1, timeout=1)
    return reply is not None and bytes(map(int, address.split("."))) in reply[12:]


def change(primary, secondary, sink, index):
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
    while sink.first_after(begun) is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{primary.name} sent no NOTIFY")
        time.sleep(0.001)
    notified = sink.first_after(begun)
    return {"answered_ms": (answered - begun) * 1e3, "notify_ms": (notified - begun) * 1e3,
            "secondary_ms": (followed - begun) * 1e3}


def measure(kind, folder, zone, options):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    peers.READY_SECONDS = START_S
    sink = NotifySink()
    primary = kind(str(folder), {ZONE: str(zone)})
    secondary = Secondary(str(folder), {ZONE: None})
    primary.secondary, primary.sink, secondary.primary = secondary.port, sink.port, primary.port
    with primary, secondary:
        time.sleep(3)  # what follows the start, on both sides
        step = max(1, (options.names - 10) // options.changes)
        samples = [change(primary, secondary, sink, index * step)
                   for index in range(options.changes)]
    shutil.rmtree(folder)
    result = {"server": primary.name, "changes": len(samples)}
    for key in samples[0]:
        values = sorted(sample[key] for sample in samples)
        result[key] = {"median": round(statistics.median(values), 2),
                       "highest": round(values[-1], 2)}
    return result


def report(results):
    lines = ["| Server | Update answered, ms | NOTIFY sent, ms | Secondary answers it, ms |",
             "|---|---|---|---|"]
    for result in results:
        cells = [f"{result[key]['median']} (at most {result[key]['highest']})"
                 for key in ("answered_ms", "notify_ms", "secondary_ms")]
        lines.append(f"| {result['server']} | " + " | ".join(cells) + " |")
    ours = next((result for result in results if result["server"] == "holdfast"), None)
    if ours:
        lines.append("")
        for key, target in TARGETS.items():
            word = "met" if ours[key]["highest"] <= target else "missed"
            lines.append(f"Target {key}: at most {target}; {word} with {ours[key]['highest']}.")
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
        results.append(measure(kind, folder / name, zone, options))
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


if __name__ == "__main__":
    sys.exit(main())
