# SPDX-License-Identifier: GPL-3.0-or-later
"""Latency at half load, without and while other zones than those that are asked for are changed and
read again: of holdfast, Knot and NSD, which stay loaded beside each other and take turns.

What a command to reload costs whoever gives it is not the server's: commands are given and run on
the load's processor, and the time of a question runs from when it really left (generator.bpf.c).
"""

import itertools
import os
import pathlib
import shutil
import subprocess
import threading

import figures
import lab
import measure as measuring
import workloads
import zones

OTHER_ZONES = 200
PAUSE_S = 0.1
SERVERS = ("holdfast", "knot", "nsd")
QUICK_SERVERS = SERVERS[:2]
FIRST_PORT = 5401
# Of each server in turn a window without and one with reloads.
ROUNDS, QUICK_ROUNDS = 12, 4
# The slowest thousandth then are some ten questions in each window. It is to hold ten reloads.
MEASURED_RATE = 8000
WINDOW_S = 1.2


class Reloading(threading.Thread):
    """Gives one zone after the other of `changes` (zone, path, serial) a new version, each in its
    turn, and has `server` read it."""

    def __init__(self, server, changes):
        super().__init__(daemon=True)
        self.server = server
        self.changes = changes
        self.ending = threading.Event()
        self.count = 0
        self.failed = 0

    def run(self):
        os.sched_setaffinity(0, {lab.LOAD_CORE})  # this thread, and the commands that it starts
        while not self.ending.wait(PAUSE_S):
            zone, path, serial = next(self.changes)
            self.count += 1
            other_zone(pathlib.Path(path), serial)
            # The generator goes first on that processor: while it is held up, nothing is measured.
            command = ["nice", "-n", "10", *self.server.reload(zone)]
            try:
                done = subprocess.run(command, capture_output=True, check=False, timeout=20)
                self.failed += 1 if done.returncode else 0
            except subprocess.TimeoutExpired:
                self.failed += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


def other_zone(path, serial):
    path.write_text(zones.SOA.format(serial=serial) + "@ 3600 IN NS ns1\nns1 3600 IN A 192.0.2.1\n")


def changes_of(others, first=2):
    """(zone, path, serial) without end. No serial comes twice: what is no new version, no server
    has to publish."""
    for serial in itertools.count(first):
        yield (*others[(serial - first) % len(others)], serial)


def zone_sets(work):
    """The hosting set alone, and with other zones beside it, as files of their own."""
    workload = next(one for one in workloads.workloads() if one.name == "hosting")
    plain = zones.zone_set(*workload.set_key(), tell=work.tell)
    folder = work.plan.folder / "reloads"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(plain.folder, folder)
    for index in range(OTHER_ZONES):
        other_zone(folder / f"other{index:04d}.example.zone", 1)
    return workload, plain, zones.listed("reloads", folder)


def measure(work):
    workload, plain, zone_set = zone_sets(work)
    options = workloads.generator_options(workload, plain)
    wanted = QUICK_SERVERS if work.plan.quick else SERVERS
    work.start_all([name for name in wanted if name in work.plan.servers], zone_set, FIRST_PORT)
    changes = changes_of([one for one in zone_set.zones if one[0].startswith("other")])
    halves, runs = {}, {}
    for name, server in work.running.items():
        tally = measuring.Tally(work.target(server, options), work.plan.pace())
        found = {}
        measuring.rates(tally, found, work.rates.get((workload.name, name)))
        if found["answers_per_s"]:
            halves[name] = min(measuring.LATENCY_LOAD_MAX, found["answers_per_s"] / 2)
            runs[name] = work.runs_before("reloads", "servers", name, "runs")
    rounds = QUICK_ROUNDS if work.plan.quick else ROUNDS
    for number in range(rounds):
        if number > 0 and work.plan.seconds_left() < 20:
            work.remark(f"reloads: {number} of {rounds} rounds, no time was left")
            break
        for name in list(halves)[::1 if number % 2 == 0 else -1]:
            target = work.target(work.running[name], options)
            runs[name].append(a_round(target, work.running[name], halves[name], changes, number))
    work.stop()
    found = {name: facts(runs[name]) for name in runs}
    for name, one in found.items():
        work.tell(f"reloads: {name} p99.9 {one['p999_without_us']} µs, with reloads"
                  f" {one['p999_with_us']} µs")
        if one["ratio"] is None:
            work.remark(f"reloads: {name} lost questions without any, or did not read what it was"
                        " told to, so there is no ratio")
    work.results["reloads"] = {"servers": found, "ratio": found.get("holdfast", {}).get("ratio")}


def a_round(target, server, rate, changes, number):
    """A window without and one with reloads; every other round the other way round. Each as it
    comes, disturbed or not: what disturbs is one of the things that a reload does."""
    found = {}
    for kind in ("without", "with")[::1 if number % 2 == 0 else -1]:
        tally = measuring.Tally(target, measuring.Pace(latency=WINDOW_S))
        if kind == "without":
            found[kind] = a_window(tally, rate)
            continue
        with Reloading(server, changes) as reloading:
            found[kind] = a_window(tally, rate)
        found.update(reloads=reloading.count, failed=reloading.failed)
    return found


def a_window(tally, rate):
    window = tally.run(rate, 1, WINDOW_S, MEASURED_RATE)[0]
    return {**(tally.last.get("latency_us") or {}), "missed": window.missed,
            "others_ms": window.others_ms}


def facts(runs):
    """What is recorded of a server: its rounds, and the medians of their windows."""
    without, during = (figures.median([{"x": run} for run in runs], "x", f"{kind}.p999")
                       for kind in ("without", "with"))
    is_read = all(run["reloads"] > 0 and run["failed"] == 0 for run in runs)
    return {"runs": runs, "p999_without_us": without, "p999_with_us": during,
            "ratio": slower(without, during) if is_read else None}


def slower(without, during):
    """How many times as slow `during` is; None where one is missing, or where questions were lost
    when nothing was going on, which says nothing of what goes on."""
    if not without or not during or without >= figures.LOST_US:
        return None
    return round(during / without, 2)
