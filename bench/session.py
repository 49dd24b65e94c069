# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the bench: loads a zone set into every server, measures them in turn, again and again,
so that what disturbs the machine meets all alike; then the next set.

Servers that use sockets stay loaded and idle beside each other. One that attaches a program to the
interface runs only while it is measured.
"""

import contextlib
import dataclasses
import datetime
import itertools
import pathlib
import time

import figures
import measure
import processes
import servers
import workloads
import zones

FIRST_PORT = 5301
# In the short bench others are measured under the first workload only, and this floor not at all.
QUICK_SERVERS = ("holdfast", "holdfast-xdp", "knot", "knot-xdp", "nsd")
NOT_QUICK = "afxdp+busy-poll"


@dataclasses.dataclass
class Plan:
    """What may be measured, and until when."""

    scale: int
    runs: int
    servers: list
    deadline: float
    folder: pathlib.Path
    tell: object
    quick: bool
    adds: bool = False  # to the runs that are recorded, in place of replacing them

    def pace(self):
        return measure.Pace(0.1, 3, 1.2) if self.quick else measure.Pace(0.15, 3, 1.2)

    def seconds_left(self):
        return self.deadline - time.monotonic()


class Target:
    """A server, or a floor, that can be loaded; `pid` is its process, above all others of it."""

    def __init__(self, place, name, port, questions, pid):
        self.place = place
        self.name = name
        self.port = port
        self.questions = questions
        self.pid = pid

    def load(self, rate, seconds, windows, latency_rate=0):
        return self.place.load(self.questions, self.port, processes.tree(self.pid), rate, seconds,
                               windows, latency_rate)


class Session:
    """Holds the laboratory, the results and what is running."""

    def __init__(self, place, plan, results):
        self.place = place
        self.plan = plan
        self.results = results
        self.tell = plan.tell
        self.running = {}
        # (workload, contender): the last run's rate, from which the next search begins
        self.rates = {}

    def remember(self, recorded):
        """An earlier record's rates save searching; what is found does not depend on them."""
        for workload, one in recorded.get("workloads", {}).items():
            for name in figures.contenders(one["runs"]):
                rate = figures.median(one["runs"], name, "saturated_per_s")
                self.rates[workload, name] = rate or None

    def prepare(self, chosen):
        """Zones and questions, which are made once and do not count as measuring."""
        began = time.monotonic()
        for workload in chosen:
            zone_set = zones.zone_set(*workload.set_key(), tell=self.tell)
            if zone_set:
                workloads.generator_options(workload, zone_set)
        self.plan.deadline += time.monotonic() - began

    def measure_all(self, chosen):
        for key, group in itertools.groupby(chosen, key=lambda workload: workload.set_key()):
            group = list(group)
            zone_set = zones.zone_set(*key, tell=self.tell)
            if zone_set is None:
                self.remark(f"{group[0].name}: left out, its data is not here (bench/README.md)")
                continue
            if self.plan.seconds_left() < 60:
                self.remark(f"{', '.join(w.name for w in group)}: left out, no time was left")
                continue
            names = [name for name in self.plan.servers
                     if not group[0].servers or name in group[0].servers]
            needed = {name for workload in group for name in self.chosen(workload, names)}
            self.start_all([name for name in names if name in needed], zone_set)
            for workload in group:
                self.measure_workload(workload, zone_set, self.chosen(workload, names))
            self.stop()

    def chosen(self, workload, names):
        if not self.plan.quick or workload.name == workloads.FIRST[0]:
            return names
        return [name for name in names if name in QUICK_SERVERS]

    def remark(self, words):
        self.tell(words)
        remarks = self.results.setdefault("remarks", [])
        if words not in remarks:
            remarks.append(words)

    def start_all(self, names, zone_set):
        """Every server that uses sockets, one after the other."""
        for number, name in enumerate(names):
            if not servers.KINDS[name].xdp:
                self.start(name, zone_set, FIRST_PORT + number)

    def start(self, name, zone_set, port):
        server = servers.KINDS[name](self.place, str(self.plan.folder), zone_set, port)
        began = time.monotonic()
        try:
            server.start()
        except RuntimeError as error:
            self.remark(f"{name} with {zone_set.name}: left out, it does not start:"
                        f" {str(error).splitlines()[-1]}")
            return None
        self.running[name] = server
        loaded = self.results.setdefault("loaded", {}).setdefault(zone_set.name, {})
        loaded[name] = {"memory_bytes": server.memory_bytes(),
                        "load_s": round(time.monotonic() - began, 1)}
        self.tell(f"{name} has loaded {zone_set.name} in {loaded[name]['load_s']} s,"
                  f" {figures.megabytes(loaded[name]['memory_bytes'])}")
        return server

    def stop(self, name=None):
        for one in [name] if name else list(self.running):
            self.running.pop(one).stop()

    @contextlib.contextmanager
    def server(self, name, zone_set):
        """The server, running; one with a program on the interface only within the block."""
        if name in self.running:
            yield self.running[name]
            return
        if not servers.KINDS[name].xdp:
            yield None
            return
        server = self.start(name, zone_set, FIRST_PORT + len(servers.ALL))
        try:
            yield server
        finally:
            if server:
                self.stop(name)

    def measure_workload(self, workload, zone_set, names):
        questions = workloads.generator_options(workload, zone_set)
        record = {"title": workload.title, "date": str(datetime.date.today()),
                  "zone_set": zone_set.name, "cost_rate": measure.COST_RATE,
                  "runs": self.runs_before("workloads", workload.name, "runs")}
        for number in range(self.plan.runs):
            if self.plan.seconds_left() < 30:
                self.remark(f"{workload.name}: {number} of {self.plan.runs} runs, no time was left")
                break
            found = {}
            # Every other run goes the other way round.
            for name in names if number % 2 == 0 else reversed(names):
                with self.server(name, zone_set) as server:
                    if server:
                        found[name] = self.measure_server(workload, server, questions)
            found.update(self.measure_floors(workload, questions, found))
            record["runs"].append({name: one for name, one in found.items() if one})
            self.results["workloads"][workload.name] = record

    def runs_before(self, *path):
        """The runs that are recorded there, if this one adds to them."""
        found = self.results
        for key in path:
            found = found.get(key, {})
        return list(found) if self.plan.adds else []

    def measure_one(self, workload, target, measures):
        key = workload.name, target.name
        try:
            found = measure.measure(target, measures, self.plan.pace(), self.rates.get(key))
        except RuntimeError as error:
            self.remark(f"{target.name} in {workload.name}: {str(error)[:300]}")
            return None
        self.rates[key] = found.get("saturated_per_s") or None
        self.tell(f"{workload.name}: {target.name}"
                  f" {figures.thousands(found.get('answers_per_s'))}/s, saturated"
                  f" {figures.thousands(found.get('saturated_per_s'))}/s,"
                  f" {figures.microseconds(found.get('cost_ns'))} an answer, at full rate"
                  f" {figures.microseconds(found.get('full_cost_ns'))};"
                  f" {found['disturbed']} of {found['windows']} windows disturbed")
        return found

    def target(self, server, questions):
        return Target(self.place, server.name, server.port, questions, server.process.pid)

    def measure_server(self, workload, server, questions):
        return self.measure_one(workload, self.target(server, questions), workload.measures)

    def measure_floors(self, workload, questions, found):
        """The echoes, answering as many bytes as holdfast did."""
        size = next((one["answer_bytes"] for one in found.values() if one), 64)
        floors = {}
        for kind in workload.floors:
            if self.plan.quick and kind == NOT_QUICK:
                continue
            try:
                with self.place.floor(kind, size) as (port, pid):
                    target = Target(self.place, figures.FLOOR + kind, port, questions, pid)
                    floors[target.name] = self.measure_one(workload, target, workload.measures)
            except RuntimeError as error:
                self.remark(f"echo {kind}: {str(error)[:200]}")
        return floors
