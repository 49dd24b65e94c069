# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the bench: loads a zone set into every server and lets the servers take turns under
the workloads of that set, so that what disturbs the machine meets all alike; then the next set.

All stay loaded and idle beside each other. One that attaches a program to the interface has a
laboratory of its own on the same cores, so that it is in nobody's way.
"""

import contextlib
import dataclasses
import datetime
import itertools
import os
import pathlib
import signal
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
# What never sleeps has its turn after the rounds of the others, and is stopped before and after.
RESTLESS = "busy-poll"
SOCKETS = "recvmmsg"  # the floor that needs no laboratory of its own
# Rounds of a run.
ROUNDS, QUICK_ROUNDS = 3, 5


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
        window, rounds = (0.1, QUICK_ROUNDS) if self.quick else (0.15, ROUNDS)
        return measure.Pace(window, rounds, 1.2)

    def seconds_left(self):
        return self.deadline - time.monotonic()


class Shares:
    """Divides the time that is left among all that is still to be measured, in proportion to what
    each was given in minutes. So the last is not left out because the first took its time."""

    def __init__(self, minutes, seconds_left):
        self.minutes = dict(minutes)
        self.seconds_left = seconds_left

    def take(self, name):
        """Seconds that `name` may use from now on; it is then no longer waiting."""
        whole = sum(self.minutes.values())
        minutes = self.minutes.pop(name, whole)
        return self.seconds_left() * minutes / whole if whole else self.seconds_left()


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


class Resting(Target):
    """One that never sleeps, and so is stopped whenever it is not asked."""

    def __init__(self, *about):
        super().__init__(*about)
        os.kill(self.pid, signal.SIGSTOP)

    def load(self, *asked):
        os.kill(self.pid, signal.SIGCONT)
        try:
            return super().load(*asked)
        finally:
            os.kill(self.pid, signal.SIGSTOP)


class Session:
    """Holds the laboratory, the results and what is running."""

    def __init__(self, place, plan, results):
        self.place = place
        self.plan = plan
        self.results = results
        self.tell = plan.tell
        self.running = {}
        self.places = {}  # laboratories of those who attach programs
        self.standing = contextlib.ExitStack()
        # (workload, contender): the last run's rate, from which the next search begins
        self.rates = {}
        self.shares = Shares({}, plan.seconds_left)

    def remember(self, recorded):
        """An earlier record's rates save searching; what is found does not depend on them."""
        for workload, one in recorded.get("workloads", {}).items():
            for name in figures.contenders(one["runs"]):
                rate = figures.median(one["runs"], name, "saturated_per_s")
                self.rates[workload, name] = rate or None

    def prepare(self, chosen):
        """Zones and questions, which are made once."""
        for workload in chosen:
            zone_set = zones.zone_set(*workload.set_key(), tell=self.tell)
            if zone_set:
                workloads.generator_options(workload, zone_set)

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
                self.measure_workload(workload, zone_set, self.chosen(workload, names),
                                      self.shares.take(workload.name))
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

    def place_of(self, name):
        """The laboratory that is `name`'s alone, made when it is first asked for."""
        if name not in self.places:
            self.places[name] = self.standing.enter_context(self.place.beside())
        return self.places[name]

    def start_all(self, names, zone_set, first_port=FIRST_PORT):
        """One after the other."""
        for number, name in enumerate(names):
            self.start(name, zone_set, first_port + number)

    def start(self, name, zone_set, port):
        place = self.place_of(name) if servers.KINDS[name].xdp else self.place
        server = servers.KINDS[name](place, str(self.plan.folder), zone_set, port)
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

    def close(self):
        self.stop()
        self.standing.close()

    def measure_workload(self, workload, zone_set, names, seconds):
        """As many of the plan's runs as fit into `seconds`, one at least."""
        questions = workloads.generator_options(workload, zone_set)
        record = {"title": workload.title, "date": str(datetime.date.today()),
                  "zone_set": zone_set.name, "cost_rate": measure.COST_RATE,
                  "runs": self.runs_before("workloads", workload.name, "runs")}
        with contextlib.ExitStack() as floors:
            targets = [self.target(self.running[name], questions) for name in names
                       if name in self.running]
            targets += self.floors(workload, questions, targets, floors)
            ends, longest = time.monotonic() + seconds, 0
            for number in range(self.plan.runs):
                began = time.monotonic()
                if self.plan.seconds_left() < 30 or number > 0 and began + longest > ends:
                    self.remark(f"{workload.name}: {number} of {self.plan.runs} runs, no time was"
                                " left")
                    break
                # Every other run goes the other way round.
                record["runs"].append(self.run(workload, targets[::1 if number % 2 == 0 else -1]))
                self.results["workloads"][workload.name] = record
                longest = max(longest, time.monotonic() - began)

    def runs_before(self, *path):
        """The runs that are recorded there, if this one adds to them."""
        found = self.results
        for key in path:
            found = found.get(key, {})
        return list(found) if self.plan.adds else []

    def run(self, workload, targets):
        """What each contender gave, by name."""
        pace = self.plan.pace()
        made = {one.name: measure.Measurement(one, workload.measures, pace,
                                              self.rates.get((workload.name, one.name)))
                for one in targets}
        found = {}
        resting = [one for one in targets if RESTLESS not in one.name]
        alone = [[one] for one in targets if RESTLESS in one.name]
        for group in [resting, *alone]:
            self.take_turns(workload, {one.name: made[one.name] for one in group}, found)
        return found

    def take_turns(self, workload, made, found):
        """Rounds of all; then the rest of each. One that fails is left out, with a remark."""
        def each(step):
            for name in list(made):
                try:
                    yield name, step(made[name])
                except RuntimeError as error:
                    self.remark(f"{name} in {workload.name}: {str(error)[:300]}")
                    del made[name]

        list(each(measure.Measurement.begin))
        for _ in range(self.plan.pace().windows):
            list(each(measure.Measurement.round))
        for name, one in each(measure.Measurement.end):
            found[name] = one
            self.rates[workload.name, name] = one.get("saturated_per_s") or None
            self.tell_figures(workload, name, one)

    def tell_figures(self, workload, name, found):
        self.tell(f"{workload.name}: {name}"
                  f" {figures.thousands(found.get('answers_per_s'))}/s, saturated"
                  f" {figures.thousands(found.get('saturated_per_s'))}/s,"
                  f" {figures.microseconds(found.get('cost_ns'))} an answer, at full rate"
                  f" {figures.microseconds(found.get('full_cost_ns'))};"
                  f" {found['disturbed']} of {found['windows']} windows disturbed")

    def target(self, server, questions):
        return Target(server.place, server.name, server.port, questions, server.process.pid)

    def floors(self, workload, questions, targets, stack):
        """The echoes, answering as many bytes as the first server."""
        kinds = [kind for kind in workload.floors if not (self.plan.quick and kind == NOT_QUICK)]
        if not kinds or not targets:
            return []
        tally = measure.Tally(targets[0], self.plan.pace())
        tally.run(measure.COST_RATE, 1)
        size = round(tally.last["bytes"] / max(1, tally.last["answers"])) or 64
        made = []
        for kind in kinds:
            name = figures.FLOOR + kind
            place = self.place if kind == SOCKETS else self.place_of(name)
            try:
                port, pid = stack.enter_context(place.floor(kind, size))
            except RuntimeError as error:
                self.remark(f"echo {kind}: {str(error)[:200]}")
                continue
            made.append(Resting(place, name, port, questions, pid) if RESTLESS in kind
                        else Target(place, name, port, questions, pid))
        return made
