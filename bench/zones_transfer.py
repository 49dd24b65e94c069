#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone of a million records sent and received whole (AXFR), and what becomes of answers then.

Holdfast and Knot one after the other, each with one answer process or thread. "Out": until a client
on this machine, which only counts, has all records; the first transfer of a version stands for
itself, as Holdfast keeps for later ones what it made for that. "In": since NOTIFY until a new
version is answered; it is sent by this program from memory, the same bytes to both, as fast as they
are taken, to a server that has the version before. Meanwhile and before, another process asks for
names that exist, RATE times a second.

usage: zones_transfer.py --holdfast PROGRAM [--names N] [--runs N] [--servers A,B] [--no-record]
"""

import argparse
import datetime
import json
import multiprocessing
import os
import pathlib
import platform
import random
import select
import shutil
import socket
import statistics
import struct
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "interop"))

import peers

ADDRESS = peers.ADDRESS
ZONE = "move.example"
NAMES = 1_000_000
RUNS = 3
START_S = 300
BEFORE_S = 4
RATE = 1000
SOA, A, AXFR = 6, 1, 252
SOA_IN = b"\x00\x06\x00\x01"
NOTIFY_FLAGS, ANSWER_FLAGS = 0x2400, 0x8400


def make_zone(path, names):
    with open(path, "w", encoding="ascii") as file:
        file.write(f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 900 604800 60\n")
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(names - 3):
            file.write("n%07d A 10.%d.%d.%d\n"
                       % (index, index >> 16 & 255, index >> 8 & 255, index & 255))


class Server(peers.Peer):
    """A primary, or a secondary of `primary_port` if that is not None."""

    def __init__(self, directory, file, primary_port):
        super().__init__(directory, {ZONE: file})
        self.primary_port = primary_port


class Holdfast(Server):
    name = program = "holdfast"

    def command(self):
        where = (f'file = "{self.zones[ZONE]}"' if self.primary_port is None else
                 f'primaries = ["{ADDRESS}@{self.primary_port}"]')
        self.write("holdfast.toml", f"""[server]
listen = ["{ADDRESS}@{self.port}"]
workers = 1
state = "{self.path("state")}"
[metrics]
listen = ""
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
remote:
  - id: primary
    address: {ADDRESS}@{self.primary_port or 1}
acl:
  - id: all
    address: {ADDRESS}
    action: [transfer, notify]
zone:
  - domain: {ZONE}
    storage: {self.directory}
{where}
    acl: all
    zonefile-sync: -1
    journal-content: none
""")
        return ["-c", self.path("knot.conf")]


def question(flags, rtype, name=ZONE, number=4711):
    return (struct.pack(">6H", number, flags, 1, 0, 0, 0) + peers.wire_name(name) +
            struct.pack(">2H", rtype, 1))


def read_exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise RuntimeError("a transfer was cut short")
        data += more
    return bytes(data)


def transfer(port, records):
    """The messages of an AXFR, with their lengths before them, until `records` have come."""
    messages, counted = [], 0
    with socket.create_connection((ADDRESS, port), 60) as connection:
        query = question(0, AXFR)
        connection.sendall(struct.pack(">H", len(query)) + query)
        while counted < records:
            head = read_exactly(connection, 2)
            message = read_exactly(connection, struct.unpack(">H", head)[0])
            if message[3] & 15:
                raise RuntimeError(f"the transfer was answered with {message[3] & 15}")
            counted += struct.unpack(">H", message[6:8])[0]
            messages.append(head + message)
    return messages


class Replay:
    """A primary that sends one recorded transfer, under the serial that is asked for."""

    def __init__(self, messages):
        self.messages = messages
        self.serial = 1
        self.soa_at = messages[0].index(SOA_IN, 2 + 12 + len(peers.wire_name(ZONE)) + 4)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.create_server((ADDRESS, 0))
        self.port = self.tcp.getsockname()[1]
        self.udp.bind((ADDRESS, self.port))
        for run in (self.answer_datagrams, self.answer_connections):
            threading.Thread(target=run, daemon=True).start()

    def with_serial(self, message, soa_at):
        """RFC 1035 §3.3.13: the serial is the first of the five numbers that end the RDATA."""
        size_at = soa_at + 8
        end = size_at + 2 + struct.unpack(">H", message[size_at:size_at + 2])[0]
        return message[:end - 20] + struct.pack(">I", self.serial) + message[end - 16:]

    def soa(self, query):
        """The first message's own SOA record, alone."""
        first = self.with_serial(self.messages[0], self.soa_at)[2:]
        at = self.soa_at - 2
        end = at + 10 + struct.unpack(">H", first[at + 8:at + 10])[0]
        head = 12 + len(peers.wire_name(ZONE)) + 4
        return (query[:2] + struct.pack(">5H", ANSWER_FLAGS, 1, 1, 0, 0) + query[12:head] +
                b"\xc0\x0c" + first[at:end])

    def answer_datagrams(self):
        while True:
            query, sender = self.udp.recvfrom(4096)
            if not query[2] & 0x80:
                self.udp.sendto(self.soa(query[:12] + question(0, SOA)[12:]), sender)

    def answer_connections(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                while True:
                    size = struct.unpack(">H", read_exactly(connection, 2))[0]
                    self.answer(connection, read_exactly(connection, size))
            except (OSError, RuntimeError):
                return

    def answer(self, connection, query):
        name_end = 12 + len(peers.wire_name(ZONE))
        if struct.unpack(">H", query[name_end:name_end + 2])[0] == SOA:
            reply = self.soa(query)
            connection.sendall(struct.pack(">H", len(reply)) + reply)
            return
        messages = list(self.messages)
        messages[0] = self.with_serial(messages[0], self.soa_at)
        messages[-1] = self.with_serial(messages[-1], messages[-1].rindex(SOA_IN))
        for message in messages:
            reply = message[:2] + query[:2] + message[4:]
            if message[6:8] == b"\0\1":
                # The question of the recording was AXFR; it is repeated as it was asked.
                reply = reply[:14] + query[12:name_end + 4] + reply[name_end + 6:]
            connection.sendall(reply)


class Asker:
    """Another process that asks, and tells latencies in ms since the last look."""

    def __init__(self, port, names):
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=ask_on, args=(port, names, theirs),
                                               daemon=True)
        self.process.start()

    def look(self):
        """(p99 in ms, questions without an answer) since the last look."""
        self.ours.send("look")
        latencies, lost = self.ours.recv()
        latencies.sort()
        return (latencies[int(len(latencies) * 0.99)] if latencies else None), lost

    def stop(self):
        self.process.terminate()
        self.process.join()


def ask_on(port, names, pipe):
    numbers, latencies, lost = random.Random(1), [], 0
    # What it would wait for behind the client of the transfer, or another of ours, is not the
    # server's doing. Its own work is small beside what the server has left of each processor.
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("without root, the one who asks waits for others too", file=sys.stderr)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((ADDRESS, port))
        sent, number = {}, 0
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= due:
                number = number + 1 & 0xFFFF
                udp.send(question(0, A, f"n{numbers.randrange(names - 3):07d}.{ZONE}", number))
                sent[number] = due  # at the moment it was due: a stall of ours is no excuse
                due += 1 / RATE
            for old in [one for one, at in sent.items() if now - at > 2]:
                del sent[old]
                lost += 1
            if select.select([udp], [], [], max(0.0, min(due - time.monotonic(), 0.01)))[0]:
                reply = udp.recv(4096)
                at = sent.pop(struct.unpack(">H", reply[:2])[0], None)
                if at is not None:
                    latencies.append((time.monotonic() - at) * 1e3)
            if pipe.poll():
                pipe.recv()
                pipe.send((latencies, lost))
                latencies, lost = [], 0


def serial_of(port):
    reply = peers.ask(port, ZONE, SOA)
    if not reply or not struct.unpack(">H", reply[6:8])[0]:
        return None
    at = reply.index(SOA_IN, 12 + len(peers.wire_name(ZONE)) + 4)
    end = at + 10 + struct.unpack(">H", reply[at + 8:at + 10])[0]
    return struct.unpack(">I", reply[end - 20:end - 16])[0]


def tell(port, replay):
    """NOTIFY, and waits until the version is answered; the time that took."""
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((ADDRESS, port))
        udp.send(question(NOTIFY_FLAGS, SOA))
        while serial_of(port) != replay.serial:
            if time.monotonic() - begun > 120:
                raise RuntimeError("the new version did not come")
            time.sleep(0.005)
    return time.monotonic() - begun


def measure(kind, folder, zone, options, replay):
    """Figures of one server; `replay` is made from the first transfer if there is none."""
    peers.READY_SECONDS = START_S
    result = {"server": kind.name}
    for way in ("out", "in"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if way == "in":
            replay.serial = 1
        server = kind(str(folder), str(zone), replay.port if way == "in" else None)
        with server:
            time.sleep(2)
            asker = Asker(server.port, options.names)
            time.sleep(BEFORE_S)
            result[f"{way}_p99_before_ms"], _ = asker.look()
            times, worst, lost = [], 0.0, 0
            for number in range(options.runs):
                begun = time.monotonic()
                if way == "out":
                    messages = transfer(server.port, options.names + 1)
                    times.append(time.monotonic() - begun)
                    replay = replay or Replay(messages)
                else:
                    replay.serial = number + 2
                    times.append(tell(server.port, replay))
                p99, missing = asker.look()
                worst, lost = max(worst, p99 or 0.0), lost + missing
                time.sleep(2.5)  # what is lost is known by then
                lost += asker.look()[1]
            asker.stop()
        # Of those that go out, the first is the one that costs most.
        result |= {f"{way}_s": times[0] if way == "out" else statistics.median(times),
                   f"{way}_later_s": statistics.median(times[1:] or times), f"{way}_p99_ms": worst,
                   f"{way}_lost": lost}
    shutil.rmtree(folder)
    return {key: round(value, 3) if isinstance(value, float) else value
            for key, value in result.items()}, replay


def report(results):
    lines = ["| Server | AXFR out, first, later, s | p99 before, meanwhile, ms | lost "
             "| AXFR in, s | p99 before, meanwhile, ms | lost |", "|---|---|---|---|---|---|---|"]
    for one in results:
        cells = [cell for way in ("out", "in") for cell in
                 (", ".join(f"{one[key]:.2f}" for key in
                            (["out_s", "out_later_s"] if way == "out" else ["in_s"])),
                  f"{one[way + '_p99_before_ms']:.2f}, {one[way + '_p99_ms']:.2f}",
                  str(one[way + "_lost"]))]
        lines.append(f"| {one['server']} | " + " | ".join(cells) + " |")
    named = {one["server"]: one for one in results}
    if len(named) == 2:
        ours, knot = named["holdfast"], named["knot"]
        lines.append("")
        for way in ("out", "in"):
            speed = knot[way + "_s"] / ours[way + "_s"]
            slower = ours[way + "_p99_ms"] / ours[way + "_p99_before_ms"]
            is_met = speed >= 1 and slower <= 2 and ours[way + "_lost"] == 0
            lines.append(f"Targets {way}: Knot's speed (here {speed:.2f} times), no answer lost "
                         f"({ours[way + '_lost']}), p99 at most doubled ({slower:.1f} times): "
                         f"{'met' if is_met else 'missed'}.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--names", type=int, default=NAMES, help="records, that is")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--servers", default="holdfast,knot")
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    Holdfast.program = str(pathlib.Path(options.holdfast).resolve())
    folder = ROOT / "build" / "bench" / "transfer"
    folder.mkdir(parents=True, exist_ok=True)
    zone = folder / f"{ZONE}-{options.names}"
    if not zone.exists():
        make_zone(zone, options.names)
    results, replay = [], None
    for name in options.servers.split(","):
        kind = {"holdfast": Holdfast, "knot": Knot}[name]
        result, replay = measure(kind, folder / name, zone, options, replay)
        results.append(result)
        print(json.dumps(result), flush=True)
    text = report(results)
    print(text)
    if options.no_record:
        return
    date = datetime.date.today().isoformat()
    cores = len(os.sched_getaffinity(0))
    machine = f"{platform.machine()}, {cores} cores, Linux {platform.release()}"
    target = ROOT / "bench" / "results"
    record = {"date": date, "machine": machine, "names": options.names, "results": results}
    (target / f"transfer-{date}.json").write_text(json.dumps(record, indent=1) + "\n")
    (target / f"transfer-{date}.md").write_text(
        f"# Whole transfers, {date}\n\n`./dev bench transfer`: {options.names:,} records, "
        f"{machine}; median of {options.runs}, {RATE} questions a second meanwhile, the worst "
        f"p99.\n\n{text}\n")


if __name__ == "__main__":
    sys.exit(main())
