#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures holdfast beside Knot, NSD, BIND and PowerDNS, and beside echoes that know no DNS.

usage: bench.py [quick] [PART..] --lab PROGRAM --holdfast PROGRAM [--servers S,S] [--runs N] [--add]
                [--minutes M] [--no-record]

Without a part everything is measured and the record replaced; with some, these are replaced in the
record, or with --add their runs are added to it. So a record can be made in several sittings.
Parts are workloads (workloads.py), and tcp, reloads, scaling, shield, lookup, change.
"""

import argparse
import datetime
import json
import os
import pathlib
import sys
import time

import lab
import machine
import parts
import report
import servers
import session
import targets
import workloads

RECORD = targets.RESULTS
BUILD = machine.ROOT / "build/bench"
# With room for what is being measured when time is up.
QUICK_MINUTES, FULL_MINUTES = 4.5, 57
QUICK_SCALE = 10  # the large sets are so much smaller
QUICK_PARTS = ("records", "nxdomain", "records-signed", "hosting", "tcp", "reloads", "lookup")
# Beside the workloads; with the minutes that each takes of the hour.
PARTS = {"tcp": 3, "reloads": 3, "scaling": 2, "shield": 1, "lookup": 1, "change": 1}
ALL_PARTS = (*(one.name for one in workloads.workloads()), *PARTS)


def tell(words):
    print(f"{datetime.datetime.now():%H:%M:%S} {words}", flush=True)


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="PART",
                        help="quick, and " + ", ".join(ALL_PARTS))
    parser.add_argument("--lab", required=True)
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--servers", default=",".join(servers.ALL))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--no-record", action="store_true")
    parser.add_argument("--fair-napi", action="store_true",
                        help="the server's receiving thread waits its turn (docs/decisions/0006)")
    options = parser.parse_args(words)
    # argparse would not take "none of them" for one of its choices.
    for word in options.words:
        if word not in ("quick", *ALL_PARTS):
            parser.error(f"no part is called '{word}'; there are quick, {', '.join(ALL_PARTS)}")
    return options


def empty_results(command):
    return {"command": command, "date": str(datetime.date.today()), "machine": machine.machine(),
            "peers": machine.peers(), "workloads": {}, "remarks": []}


def recorded(name):
    path = RECORD / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def begin(options, name, chosen):
    """What is recorded so far, if only parts of it are replaced or added to."""
    results = empty_results("./dev bench" + (" quick" if name == "quick" else "")
                            + (f" --minutes {options.minutes:g}" if options.minutes else ""))
    before = recorded(name)
    if not chosen or not before:
        return results
    before.update({key: results[key] for key in ("date", "machine", "peers")})
    if not options.add:
        before["remarks"] = [words for words in before.get("remarks", [])
                             if not any(part in words for part in chosen)]
    return before


def run(options):
    quick = "quick" in options.words
    name = "quick" if quick else "full"
    chosen_parts = [word for word in options.words if word != "quick"]
    results = begin(options, name, chosen_parts)
    wanted = chosen_parts or (QUICK_PARTS if quick else ALL_PARTS)
    minutes = options.minutes or (QUICK_MINUTES if quick else FULL_MINUTES)
    plan = session.Plan(
        scale=QUICK_SCALE if quick else 1,
        runs=options.runs or (1 if quick else 5),
        servers=options.servers.split(","),
        deadline=time.monotonic() + 60 * minutes,
        folder=BUILD / "run",
        tell=tell,
        quick=quick,
        adds=options.add,
    )
    work = session.Session(lab.Lab(options.lab), plan, results)
    work.remember(recorded(name))
    chosen = [w for w in workloads.workloads(plan.scale) if w.name in wanted]
    work.prepare(chosen)
    if plan.seconds_left() < 60:
        tell("making the zones took all the time; nothing is recorded. They are kept: once more")
        return 1
    work.shares = session.Shares(
        {**{w.name: w.minutes for w in chosen},
         **{part: minutes for part, minutes in PARTS.items() if part in wanted}},
        plan.seconds_left)
    try:
        work.measure_all([w for w in chosen if w.name in workloads.FIRST])
        for part in PARTS:
            if part in wanted:
                work.shares.take(part)
                parts.measure(part, work)
        work.measure_all([w for w in chosen if w.name not in workloads.FIRST])
    finally:
        work.close()
        folder = BUILD if options.no_record else RECORD
        rows = report.write(results, folder, name)
        print("\n" + targets.text(rows))
        tell(f"written: {folder}/{name}.json, .md, .svg, -latency.svg")
    return 0


def main():
    options = arguments()
    os.environ["HOLDFAST_PROGRAM"] = str(pathlib.Path(options.holdfast).resolve())
    options.lab = str(pathlib.Path(options.lab).resolve())
    if not lab.is_inside():
        if os.geteuid() != 0:
            sys.exit("./dev bench: the laboratory needs root")
        return lab.enter(options.lab, [sys.executable, os.path.abspath(__file__), *sys.argv[1:]],
                         *(["--fair-napi"] if options.fair_napi else []))
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
