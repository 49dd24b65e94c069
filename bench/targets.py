# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of targets: what is wanted of holdfast, beside what was measured.

A row is measured or it is not, and then says so; nothing is taken for met because it is missing.
"""

import dataclasses
import json
import pathlib
import statistics

import figures

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
MINE, MINE_XDP = "holdfast", "holdfast-xdp"
SOCKET_FLOOR = "floor:recvmmsg"
# Memory at rest where both servers have it, else as soon as all answers were right.
LOADING = ((("memory_settled_bytes", "memory_bytes"), "memory"), (("all_right_s",), "loading"))
XDP_FLOORS = ("floor:afxdp", "floor:afxdp+busy-poll")


@dataclasses.dataclass
class Row:
    """One target: `value` is held against `bound`, from above or from below."""

    what: str
    beside: str
    bound: float
    value: float | None
    sense: str = "at most"  # or "at least"
    unit: str = "×"
    note: str = ""

    def met(self):
        if self.value is None:
            return None
        return self.value <= self.bound if self.sense == "at most" else self.value >= self.bound

    def cells(self):
        amount = "not measured" if self.value is None else f"{self.value:.3g} {self.unit}".rstrip()
        verdict = {True: "met", False: "missed", None: ""}[self.met()]
        wanted = f"{self.sense} {self.bound:g} {self.unit} {self.beside}".rstrip()
        return [self.what, wanted, amount, verdict, self.note]


def ratio_row(what, beside, bound, ratios, sense="at most", floor=None):
    """The median of the ratios, with the least and the most; `floor` is what the echo has."""
    if not ratios:
        return Row(what, beside, bound, None, sense)
    low, middle, high = figures.spread(ratios)
    notes = [f"{low:.2f} to {high:.2f} in {len(ratios)}"] if len(ratios) > 1 else []
    notes += [f"the echo {floor:.2f}"] if floor else []
    return Row(what, beside, bound, middle, sense, note="; ".join(notes))


def runs_of(results, workload):
    return results.get("workloads", {}).get(workload, {}).get("runs", [])


def socket_rows(results):
    for workload, what in (("records", "positive answers"), ("nxdomain", "NXDOMAIN")):
        runs = runs_of(results, workload)
        for other, beside, bound in ((SOCKET_FLOOR, "recvmmsg echo", 1.10), ("knot", "Knot", 0.75),
                                     ("nsd", "NSD", 0.75)):
            for key, when in (("cost_ns", ""), ("full_cost_ns", ", saturated")):
                # Whoever answers over sockets has at least this.
                floor = figures.median_ratio(runs, SOCKET_FLOOR, other, key)
                yield ratio_row(f"Sockets, {what}: processor time an answer{when}", beside, bound,
                                figures.ratios(runs, MINE, other, key),
                                floor=floor if other != SOCKET_FLOOR else None)


def xdp_rows(results):
    for workload, what in (("records", "positive answers"), ("nxdomain", "NXDOMAIN")):
        runs = runs_of(results, workload)
        for key, when in (("answers_per_s", ""), ("saturated_per_s", ", saturated")):
            floors = {floor: figures.ratios(runs, MINE_XDP, floor, key) for floor in XDP_FLOORS}
            # The faster echo is the floor.
            fastest = min((one for one in floors if floors[one]),
                          key=lambda one: statistics.median(floors[one]), default=XDP_FLOORS[0])
            yield ratio_row(f"AF_XDP, {what}: answers a second{when}", "AF_XDP echo", 0.85,
                            floors[fastest], "at least")
            yield ratio_row(f"AF_XDP, {what}: answers a second{when}", "Knot's XDP", 2,
                            figures.ratios(runs, MINE_XDP, "knot-xdp", key), "at least",
                            figures.median_ratio(runs, fastest, "knot-xdp", key))


def signed_row(results):
    plain = figures.median(runs_of(results, "records"), MINE, "cost_ns")
    signed = figures.median(runs_of(results, "records-signed"), MINE, "cost_ns")
    yield Row("Signed answers with DO (P-256, NSEC): processor time", "unsigned ones", 1.25,
              signed / plain if plain and signed else None)


def lookup_rows(results):
    found = results.get("lookup", {})
    floors, at_hand = found.get("random_reads", {}), found.get("at_hand", {})
    # Place and node; the place alone; place, cut and glue.
    for kind, deep in (("exact", "2"), ("NXDOMAIN", "1"), ("referral", "3")):
        notes = [f"{floors[deep]:.3g} ns for {deep} random reads alone"] if deep in floors else []
        if kind in at_hand:
            notes.append(f"{at_hand[kind]:.3g} ns in 5,000 names, which caches hold")
        yield Row(f"Zone lookup, cold, 5 M names, batch of 32: {kind}", "", 100, found.get(kind),
                  unit="ns", note="; ".join(notes))


def latest_load(folder=RESULTS):
    """What `./dev bench load` recorded last, at full size, with its name."""
    for path in sorted(folder.glob("load-*.json"), reverse=True):
        recorded = json.loads(path.read_text(encoding="utf-8"))
        if recorded.get("results"):
            return recorded, path.stem
    return None, ""


def load_rows(recorded, name):
    figures_of = {}
    for line in recorded.get("results", []) if recorded else []:
        figures_of[line["load"], line["server"]] = line

    def ratio(load, other, keys):
        for key in keys:
            mine = figures_of.get((load, MINE), {}).get(key)
            theirs = figures_of.get((load, other), {}).get(key)
            if mine and theirs:
                return mine / theirs
        return None

    cases = (("zones", "1 M zones of 5 records", ("knot",)),
             ("names", "one zone of 5 M names", ("knot", "nsd")))
    shown = {"knot": "Knot", "nsd": "NSD"}
    for load, what, others in cases:
        for other in others:
            for keys, figure in LOADING:
                yield Row(f"{what}: {figure}", shown[other], 0.5, ratio(load, other, keys),
                          note=name)
    restart = figures_of.get(("names", MINE), {}).get("restart_first_answer_s")
    yield Row("Restart to the first answer, 5 M names", "", 1, restart, unit="s", note=name)


def tcp_rows(results):
    for mode, what in (("pipelined", "TCP, pipelined"), ("single", "TCP, a connection a question")):
        runs = results.get("tcp", {}).get(mode, [])
        yield ratio_row(f"{what}: answers a second", "Knot", 1,
                        figures.ratios(runs, MINE, "knot", "answers_per_s"), "at least")
        yield ratio_row(f"{what}: processor time an answer", "Knot", 1,
                        figures.ratios(runs, MINE, "knot", "cost_ns"))


def shield_rows(results):
    for name, path in ((MINE, "sockets"), (MINE_XDP, "AF_XDP")):
        yield ratio_row(f"Shield without an attack, {path}: processor time an answer",
                        "shield off", 1.03,
                        figures.ratios(results.get("shield", {}).get(name, []), "on", "off",
                                       "cost_ns"))


def other_rows(results):
    change = results.get("change", {}).get("visible_ms")
    yield Row("One record changed in 5 M names, visible in all workers", "", 10, change, unit="ms",
              note=results.get("change", {}).get("note", ""))
    yield Row("2 workers on 2 cores", "1 worker", 1.8, results.get("scaling", {}).get("factor"),
              "at least", note=results.get("scaling", {}).get("note", ""))
    yield reloads_row(results.get("reloads", {}))


def reloads_row(found):
    others = [f"{shown} {found['servers'][name]['ratio']:.2f}"
              for name, shown in (("knot", "Knot"), ("nsd", "NSD"))
              if found.get("servers", {}).get(name, {}).get("ratio")]
    return Row("Latency p99.9 at half load, reloads going on", "that without", 2,
               found.get("ratio"), note="; ".join(others))


def rows(results, recorded=None, recorded_name=""):
    """All rows in the order of the issue that set them."""
    return [*socket_rows(results), *xdp_rows(results), *signed_row(results), *lookup_rows(results),
            *load_rows(recorded, recorded_name), *tcp_rows(results), *shield_rows(results),
            *other_rows(results)]


def markdown(all_rows):
    lines = ["| What | Target | Measured | | |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in all_rows]
    return "\n".join(lines) + "\n"


def text(all_rows):
    """The same for a terminal."""
    table = [("What", "Target", "Measured", "", ""), *(tuple(row.cells()) for row in all_rows)]
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in table) + "\n"
