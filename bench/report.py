# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what was measured: a JSON file with every run, the same as Markdown tables, and plots."""

import json

import figures
import plot
import targets

NAMES = {"holdfast": "holdfast", "holdfast-xdp": "holdfast XDP", "knot": "Knot",
         "knot-xdp": "Knot XDP", "nsd": "NSD", "bind": "BIND", "powerdns": "PowerDNS",
         "floor:recvmmsg": "echo, recvmmsg", "floor:afxdp": "echo, AF_XDP",
         "floor:afxdp+busy-poll": "echo, AF_XDP, busy poll", "floor:xdptx": "echo, XDP_TX"}


def shown(contender):
    return NAMES.get(contender, contender)


def with_range(numbers, write):
    """Median, then the least and the most in brackets where runs differ."""
    found = figures.spread(numbers)
    if found is None:
        return ""
    low, middle, high = (write(number) for number in found)
    return middle if len(numbers) == 1 else f"{middle} ({low} to {high})"


def ratio_cell(runs, contender, key):
    ratio = figures.median_ratio(runs, contender, targets.MINE, key)
    return "" if ratio is None else f"{ratio:.2f}"


def microseconds(number):
    """A question without an answer counts as two seconds."""
    return f"{number:,.0f}" if number < figures.LOST_US else "lost"


def workload_table(runs):
    lines = ["| Server | Answers a second | ÷ holdfast | saturated | ÷ holdfast |"
             " Time an answer | ÷ holdfast | saturated | ÷ holdfast | p50 | p99 | p99.9 µs |",
             "|---" * 12 + "|"]
    for contender in figures.contenders(runs):
        cells = [shown(contender)]
        for key, write in (("answers_per_s", figures.thousands),
                           ("saturated_per_s", figures.thousands),
                           ("cost_ns", figures.microseconds),
                           ("full_cost_ns", figures.microseconds)):
            cells.append(with_range(figures.values(runs, contender, key), write))
            cells.append(ratio_cell(runs, contender, key))
        for key in ("p50", "p99", "p999"):
            cells.append(with_range(figures.values(runs, contender, f"latency_us.{key}"),
                                    microseconds))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def disturbances(runs):
    """How quiet the machine was: windows that had to be made again, and of how many."""
    made, disturbed = (sum(one.get(key, 0) for run in runs for one in run.values())
                       for key in ("windows", "disturbed"))
    words = f"{disturbed} of {made} windows were disturbed, and made again."
    loud = [shown(name) for run in runs for name, one in run.items() if not figures.was_quiet(one)]
    if loud:
        words += f" Left out, as more than half of a run's were: {', '.join(loud)}."
    return words + "\n"


def tcp_table(runs):
    lines = ["| Server | Answers a second | ÷ holdfast | Time an answer | ÷ holdfast |",
             "|---|---|---|---|---|"]
    for contender in figures.contenders(runs):
        cells = [shown(contender)]
        for key, write in (("answers_per_s", figures.thousands), ("cost_ns", figures.microseconds)):
            cells.append(with_range(figures.values(runs, contender, key), write))
            cells.append(ratio_cell(runs, contender, key))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def reloads_table(found):
    """The medians of all windows, with the least and the most."""
    lines = ["| Server | p99.9 without, µs | with reloads | × | p99 without, µs | with reloads |"
             " Reloads a window |", "|---" * 7 + "|"]
    for name, one in found.items():
        runs = [{"x": run} for run in one["runs"]]
        cells = [with_range(figures.values(runs, "x", f"{kind}.{key}"), microseconds)
                 for key in ("p999", "p99") for kind in ("without", "with")]
        cells.insert(2, "" if one["ratio"] is None else f"{one['ratio']:.2f}")
        cells.append(with_range(figures.values(runs, "x", "reloads"), "{:.0f}".format))
        lines.append(f"| {shown(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def memory_table(loaded):
    lines = ["| Zones | Server | Memory | Loaded in |", "|---|---|---|---|"]
    for name, servers in loaded.items():
        for server, found in servers.items():
            lines.append(f"| {name} | {shown(server)} | {figures.megabytes(found['memory_bytes'])}"
                         f" | {found['load_s']:.1f} s |")
    return "\n".join(lines) + "\n"


def markdown(results, rows):
    about = results["machine"]
    parts = [f"# Measured with `{results['command']}`, {results['date']}\n",
             "".join(f"- {key}: {value}\n" for key, value in about.items()),
             "".join(f"- {shown(name)} {one['version']}: {one['note']}. `{one['flags']}`\n"
                     for name, one in results["peers"].items()),
             "\n".join(f"- {line}" for line in results.get("remarks", [])) + "\n",
             "## Targets\n", targets.markdown(rows)]
    for name, workload in results["workloads"].items():
        count = len(workload["runs"])
        parts += [f"## {workload['title']} (`{name}`, {count} runs, {workload['date']})\n",
                  workload_table(workload["runs"]), disturbances(workload["runs"])]
    for mode, runs in results.get("tcp", {}).items():
        parts += [f"## TCP, {mode} ({len(runs)} runs)\n", tcp_table(runs)]
    reloads = {name: one for name, one in results.get("reloads", {}).get("servers", {}).items()
               if one.get("runs")}
    if reloads:
        rounds = max(len(one["runs"]) for one in reloads.values())
        parts += [f"## Latency with reloads going on ({rounds} rounds)\n", reloads_table(reloads)]
    parts += ["## Memory once loaded, and loading on all cores\n",
              memory_table(results.get("loaded", {}))]
    return "\n".join(parts)


def write(results, folder, name):
    """`name`.json, .md, and the plots, into `folder`; returns the target rows."""
    recorded, recorded_name = targets.latest_load()
    rows = targets.rows(results, recorded, recorded_name)
    folder.mkdir(parents=True, exist_ok=True)
    written = dict(results, targets=[row.cells()[:4] for row in rows])
    (folder / f"{name}.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(markdown(results, rows), encoding="utf-8")
    (folder / f"{name}.svg").write_text(plot.bars(results, shown), encoding="utf-8")
    latency = plot.latencies(results, shown)
    if latency:
        (folder / f"{name}-latency.svg").write_text(latency, encoding="utf-8")
    return rows
