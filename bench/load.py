#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long until a million zones, or a zone of five million names, are answered, and in how much
memory: holdfast beside Knot and NSD from Debian, one after the other.

usage: load.py --holdfast PROGRAM [--zones N] [--names N] [--servers A,B] [--no-record]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/interop"))

import peers  # noqa: E402

ZONES = 1_000_000
NAMES = 5_000_000
READY_SECONDS = 1800
SAMPLE = 1000  # answers verified after each start
POLL_SECONDS = 0.005  # between two questions that are not yet answered rightly
SETTLE_SECONDS = 10  # from the last verified answer to the memory that is there to stay
STOP_SECONDS = 120
LINKS_PER_FILE = 20_000  # ext4 allows 65,000 links to a file
TYPE_A = 1


def zone_name(index):
    return f"z{index:07d}.example."


def address_bytes(index):
    return bytes([10, index >> 16 & 255, index >> 8 & 255, index & 255])


def make_zones(folder, count):
    """`count` names of zone files of five records; the files are links, so that disk is bounded."""
    marker = folder / f"complete-{count}"
    if marker.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    for start in range(0, count, LINKS_PER_FILE):
        number = start // LINKS_PER_FILE
        source = folder / f"source-{number}"
        address = ".".join(str(byte) for byte in address_bytes(number))
        source.write_text(
            "@ 3600 IN SOA ns1 hostmaster 1 3600 900 604800 60\n@ 3600 IN NS ns1\n"
            f"ns1 3600 IN A {address}\n@ 300 IN A {address}\nwww 300 IN A {address}\n"
        )
        for index in range(start, min(start + LINKS_PER_FILE, count)):
            os.link(source, folder / "files" / f"{zone_name(index)[:-1]}.zone")
    marker.touch()


def make_names(folder, count):
    """One zone file with `count` names, an address each."""
    marker = folder / f"complete-{count}"
    if marker.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with open(folder / "big.zone", "w", encoding="ascii") as file:
        file.write("$ORIGIN big.example.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 900 604800 60\n")
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(count - 1):  # ns1 is one of them
            file.write("n%07d A %d.%d.%d.%d\n" % (index, *address_bytes(index)))
    marker.touch()


class Load:
    """What is loaded, and which answers prove that it is."""

    def __init__(self, name, folder, count):
        self.name = name
        self.folder = folder
        self.count = count
        choose = random.Random(count)
        self.sample = [choose.randrange(count - 1) for _ in range(SAMPLE)] + [0, count - 2]

    def question(self, index):
        """(name, address) that a right answer holds."""
        if self.name == "zones":
            return "www." + zone_name(index), address_bytes(index // LINKS_PER_FILE)
        return f"n{index:07d}.big.example.", address_bytes(index)


class Knot(peers.Knot):
    def command(self):
        lines = ["server:", f"  listen: {peers.ADDRESS}@{self.port}", f"  rundir: {self.directory}"]
        lines += ["database:", f"  storage: {self.directory}", "log:", "  - target: stderr"]
        lines += ["    any: error", "template:", "  - id: default", "    zonefile-sync: -1"]
        lines += ["    journal-content: none", "    semantic-checks: off", "zone:"]
        if self.load.name == "zones":
            lines.insert(lines.index("zone:"), f"    storage: {self.load.folder}/files")
            lines.insert(lines.index("zone:"), '    file: "%s.zone"')
            lines += [f"  - domain: {zone_name(index)}" for index in range(self.load.count)]
        else:
            lines += ["  - domain: big.example.", f"    file: {self.load.folder}/big.zone"]
        return ["-c", self.write("knot.conf", "\n".join(lines) + "\n")]


class Nsd(peers.Nsd):
    def command(self):
        lines = ["server:", f"  ip-address: {peers.ADDRESS}@{self.port}", '  username: ""']
        lines += [f'  zonesdir: "{self.directory}"', '  database: ""', "  rrl-ratelimit: 0"]
        lines += [f"  server-count: {os.cpu_count()}", f'  pidfile: "{self.path("pid")}"']
        lines += [f'  xfrdfile: "{self.path("xfrd.state")}"']
        lines += [f'  zonelistfile: "{self.path("zone.list")}"']
        lines += ["remote-control:", "  control-enable: no"]
        if self.load.name == "zones":
            lines += ["pattern:", '  name: "small"']
            lines += [f'  zonefile: "{self.load.folder}/files/%s.zone"']
            names = (f"add {zone_name(index)[:-1]} small\n" for index in range(self.load.count))
            self.write("zone.list", "# NSD zone list\n# name pattern\n" + "".join(names))
        else:
            lines += ["zone:", '  name: "big.example"']
            lines += [f'  zonefile: "{self.load.folder}/big.zone"']
        return ["-d", "-c", self.write("nsd.conf", "\n".join(lines) + "\n")]


class Holdfast(peers.Holdfast):
    def command(self):
        state = self.path("state")
        os.makedirs(state, exist_ok=True)
        lines = ["[server]", f'listen = ["{peers.ADDRESS}@{self.port}"]', f'state = "{state}"']
        lines += ["[metrics]", 'listen = ""']
        if self.load.name == "zones":
            lines += ["[[zones]]", f'directory = "{self.load.folder}/files"']
        else:
            lines += ["[[zone]]", 'name = "big.example"', f'file = "{self.load.folder}/big.zone"']
        return ["serve", "--config", self.write("holdfast.toml", "\n".join(lines) + "\n")]


def is_right(port, load, index):
    name, address = load.question(index)
    reply = peers.ask(port, name, TYPE_A)
    return bool(reply and struct.unpack(">H", reply[6:8])[0] >= 1 and address in reply[12:])


def process_tree(pid):
    """`pid` and all below it."""
    found = [pid]
    for parent in found:
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
        except FileNotFoundError:
            pass
    return found


def memory_bytes(pid):
    """Proportional set size of the process and all below it: shared pages count once."""
    total = 0
    for member in process_tree(pid):
        with open(f"/proc/{member}/smaps_rollup", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
    return total


def peak_bytes(pid):
    """The most that one process of them had resident since it began."""
    peaks = [0]
    for member in process_tree(pid):
        with open(f"/proc/{member}/status", encoding="ascii") as file:
            peaks += [int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:")]
    return max(peaks)


def wait_until_right(server, load, started):
    """Seconds from `started` until the first of the sample is answered rightly, then all of it."""
    waiting = list(load.sample)
    first = None
    while waiting:
        if is_right(server.port, load, waiting[-1]):
            waiting.pop()
            first = first or time.monotonic() - started
            continue
        if server.process.poll() is not None:
            raise RuntimeError(f"{server.name} ended:\n{server.log_tail()}")
        if time.monotonic() - started > READY_SECONDS:
            raise RuntimeError(f"{server.name} does not answer {load.question(waiting[-1])[0]}")
        time.sleep(POLL_SECONDS)
    return round(first, 3), round(time.monotonic() - started, 3)


def start(server):
    """Starts without waiting; what is written first does not count."""
    server.wait_ready = lambda: None
    command = server.command()
    server.command = lambda: command
    started = time.monotonic()
    server.start()
    return started


def stop(server):
    """Ends the server and waits for all of its processes; some leave children for a while."""
    if server.process is None:
        return
    members = process_tree(server.process.pid)
    server.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and any(is_alive(server, member) for member in members):
        time.sleep(0.05)
    server.stop()


def is_alive(server, pid):
    if pid == server.process.pid:
        return server.process.poll() is None
    return os.path.exists(f"/proc/{pid}")


def measure(server, load):
    result = {"server": server.name, "load": load.name, "count": load.count}
    try:
        for run, prefix in (("first start", ""), ("restart", "restart_")):
            first, all_right = wait_until_right(server, load, start(server))
            result[prefix + "first_answer_s"] = first
            result[prefix + "all_right_s"] = all_right
            result[prefix + "memory_bytes"] = memory_bytes(server.process.pid)
            time.sleep(SETTLE_SECONDS)
            result[prefix + "memory_settled_bytes"] = memory_bytes(server.process.pid)
            result[prefix + "peak_bytes"] = peak_bytes(server.process.pid)
            print(f"{server.name}, {load.name}, {run}: {all_right} s", file=sys.stderr, flush=True)
            stop(server)
        result["answers_verified"] = 2 * len(load.sample)
    finally:
        stop(server)
    return result


def make_server(name, directory, load, program):
    kinds = {"knot": Knot, "nsd": Nsd}
    if name == "holdfast":
        server = Holdfast(str(directory), {}, program)
    else:
        server = kinds[name](str(directory), {})
    server.load = load
    return server


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": model[0] if model else "unknown",
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "knot": first_line("/usr/sbin/knotd", "-V"),
        "nsd": first_line("/usr/sbin/nsd", "-v"),
        "commit": first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }


COLUMNS = (  # title, key, unit
    ("First answer", "first_answer_s", "s"),
    ("All right", "all_right_s", "s"),
    ("Restart: first answer", "restart_first_answer_s", "s"),
    ("all right", "restart_all_right_s", "s"),
    ("Memory when right", "memory_bytes", "MB"),
    ("settled", "memory_settled_bytes", "MB"),
    ("Peak of a process", "peak_bytes", "MB"),
)


def table(results):
    """Markdown; each figure with holdfast's as a share of it, where that is known."""
    lines = ["| Load | Server | " + " | ".join(title for title, _, _ in COLUMNS) + " |",
             "|---|---|" + "---|" * len(COLUMNS)]
    own = {result["load"]: result for result in results if result["server"] == "holdfast"}
    for result in results:
        base = own.get(result["load"], result)
        cells = []
        for _, key, unit in COLUMNS:
            value = result[key]
            cell = f"{value / 1e6:,.0f} MB" if unit == "MB" else f"{value:.2f} s"
            cells.append(cell if base is result else f"{cell} ({base[key] / value:.2f})")
        load = f"{result['count']:,} {result['load']}"
        lines.append(f"| {load} | {result['server']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def record(results, arguments):
    about = machine()
    name = ROOT / "bench/results" / f"load-{datetime.date.today()}"
    command = "./dev bench load " + " ".join(arguments)
    name.with_suffix(".json").write_text(
        json.dumps({"command": command.strip(), "machine": about, "results": results}, indent=2)
        + "\n"
    )
    lines = [f"# Loading, {datetime.date.today()}", "", f"`{command.strip()}`", ""]
    lines += [f"- {key}: {value}" for key, value in about.items()]
    lines += ["", "In brackets: holdfast's figure as a share of the peer's.", ""]
    name.with_suffix(".md").write_text("\n".join(lines) + "\n" + table(results))
    print(f"written: {name.relative_to(ROOT)}.json and .md")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--zones", type=int, default=ZONES)
    parser.add_argument("--names", type=int, default=NAMES)
    parser.add_argument("--servers", default="holdfast,knot,nsd")
    parser.add_argument("--no-record", action="store_true")
    arguments = parser.parse_args()
    folder = ROOT / "build/bench"
    loads = []
    if arguments.zones:
        make_zones(folder / "zones", arguments.zones)
        loads.append(Load("zones", folder / "zones", arguments.zones))
    if arguments.names:
        make_names(folder / "names", arguments.names)
        loads.append(Load("names", folder / "names", arguments.names))
    results = []
    for load in loads:
        for name in arguments.servers.split(","):
            directory = folder / "run"
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            result = measure(make_server(name, directory, load, arguments.holdfast), load)
            print(json.dumps(result), flush=True)
            results.append(result)
    print(table(results))
    if not arguments.no_record:
        record(results, [word for word in sys.argv[1:] if word != arguments.holdfast][1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
