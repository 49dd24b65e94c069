# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured beside the workloads: TCP, a second worker, the shield while nobody attacks, and
the micro-benchmarks that targets name. Reloads under load are in reloads.py.
"""

import contextlib
import itertools
import json
import pathlib
import subprocess

import figures
import lab
import measure as measuring
import processes
import reloads
import servers
import workloads
import zones

BUILD = zones.ROOT / "build/release"
TCP_CLIENT = BUILD / "bench/bench_tcp_load"
TCP_CONNECTIONS = 50
# Where no generator has been: its counter goes on taking what comes from the port it last asked.
TCP_PORT = 5601
TCP_MODES = {"pipelined": ["--depth", "32"], "single": ["--single"]}
TCP_COUNT = 100_000  # records: what TCP costs does not depend on the zone
NETWORK = pathlib.Path("/proc/sys/net/ipv4")
# Batches as under load, at half of what one core answers: nothing is turned away.
SHIELD_RATES = {"holdfast": 50_000, "holdfast-xdp": 250_000}
SHIELD_MODES = ("off", "on")
CHANGE_NAMES = 5_000_000
LOOKUPS = {"exact": "look_up/positive/32", "NXDOMAIN": "look_up/name_error/32",
           "referral": "look_up/referral/32"}
AT_HAND = {kind: name.replace("/32", "_at_hand/32") for kind, name in LOOKUPS.items()}
RANDOM_READS = {deep: f"random_reads/deep:{deep}/batch:32" for deep in ("1", "2", "3")}


def measure(part, work):
    if work.plan.seconds_left() < 15:
        work.remark(f"{part}: left out, no time was left")
        return
    {"tcp": tcp, "reloads": reloads.measure, "scaling": scaling, "shield": shield, "lookup": lookup,
     "change": change}[part](work)


def workload_named(name, scale):
    return next(one for one in workloads.workloads(scale) if one.name == name)


def questions_file(options):
    return options[options.index("--questions") + 1]


# --- TCP


def tcp(work):
    """Answers a second as fast as a closed loop of connections takes them."""
    # A client that closes a connection a question would run out of ports in a second.
    (NETWORK / "tcp_tw_reuse").write_text("1")
    (NETWORK / "ip_local_port_range").write_text("1024 65535")
    workload = workload_named("records", 1_000_000 // TCP_COUNT)
    zone_set = zones.zone_set(*workload.set_key(), tell=work.tell)
    asked = questions_file(workloads.generator_options(workload, zone_set))
    names = [name for name in work.plan.servers if not servers.KINDS[name].xdp]
    work.start_all(names, zone_set, TCP_PORT)
    found = {mode: work.runs_before("tcp", mode) for mode in TCP_MODES}
    for number, mode in itertools.product(range(work.plan.runs), TCP_MODES):
        if work.plan.seconds_left() < 10:
            work.remark(f"TCP {mode}: {number} of {work.plan.runs} runs, no time was left")
            break
        order = names if number % 2 == 0 else reversed(names)
        found[mode].append({name: tcp_run(work, work.running[name], asked, mode) for name in order
                            if name in work.running})
    work.stop()
    work.results["tcp"] = found


def tcp_run(work, server, asked, mode):
    seconds = 1.0 if work.plan.quick else 1.5
    command = ["taskset", "-c", str(lab.LOAD_CORE), str(TCP_CLIENT), "--address",
               work.place.address, "--port", str(server.port), "--questions", asked,
               "--connections", str(TCP_CONNECTIONS), "--seconds", str(seconds), *TCP_MODES[mode]]
    before = server.processor_ns()
    result = work.place.run_json(command, seconds)
    spent = processes.spent_ns(before, server.processor_ns())
    answers = max(1, result["answers"])
    if result["wrong"] / answers > measuring.WRONG_MAX:
        work.remark(f"TCP {mode}: {server.name} answered {result['wrong']} of {answers} wrongly")
    work.tell(f"TCP {mode}: {server.name} {figures.thousands(result['answers_per_s'])}/s,"
              f" {figures.microseconds(spent / answers)} an answer")
    return {"answers_per_s": round(result["answers_per_s"]), "cost_ns": round(spent / answers),
            "closed_early": result["closed_early"]}


# --- two workers


def scaling(work):
    """What two workers on two cores can answer beside one, each asked a quarter more than one
    answers. The generator shares the second core, so capacity is what the servers' processor time
    allows: cores by time an answer."""
    workload = workload_named("records", 1_000_000 // TCP_COUNT)
    zone_set = zones.zone_set(*workload.set_key(), tell=work.tell)
    options = workloads.generator_options(workload, zone_set)
    made = {count: work.runs_before("scaling", "runs", str(count)) for count in (1, 2)}
    for _ in range(work.plan.runs):
        asked = None
        for count in made:
            server = servers.Holdfast(work.place, str(work.plan.folder), zone_set, 5501)
            server.use_workers(count)
            with server:
                tally = measuring.Tally(work.target(server, options), work.plan.pace())
                if asked is None:
                    one = measuring.median_of(measuring.saturate(tally), measuring.Window.rate)
                    asked = measuring.OVERLOAD * one
                tally.run(count * asked, 1)
                before = processes.processor_ns(processes.tree(server.process.pid))
                # Others are not to be told from a worker on the load's core, so none is left out.
                windows = tally.run(count * asked, 2 * tally.pace.windows)
                after = processes.processor_ns(processes.tree(server.process.pid))
                made[count].append({
                    "cost_ns": round(measuring.median_of(windows, measuring.Window.cost_ns)),
                    "answers_per_s": round(measuring.median_of(windows, measuring.Window.rate)),
                    "loss": round(measuring.median_of(windows, measuring.Window.loss), 3)})
                if count == 2 and not shared_evenly(before, after):
                    work.remark("scaling: the kernel gave one worker most of the questions")
    factors = [2 * one["cost_ns"] / two["cost_ns"] for one, two in zip(made[1], made[2])]
    least, middle, most = figures.spread(factors)
    work.results["scaling"] = {
        "runs": {str(count): runs for count, runs in made.items()}, "factor": round(middle, 2),
        "note": f"{least:.2f} to {most:.2f} in {len(factors)}; all asked a quarter more than they"
                " answer; by processor time an answer, the generator's on one of the cores counted"
                " out"}
    work.tell(f"scaling: {made}")


def shared_evenly(before, after):
    """Whether the second busiest process had at least half as much to do as the busiest."""
    used = sorted((after[pid] - before.get(pid, 0) for pid in after), reverse=True)
    return len(used) > 1 and used[1] * 2 >= used[0]


# --- the shield


def shield(work):
    """Processor time an answer with the shield on beside that with it off, while nobody attacks."""
    workload = workload_named("records", 1_000_000 // TCP_COUNT)
    zone_set = zones.zone_set(*workload.set_key(), tell=work.tell)
    options = workloads.generator_options(workload, zone_set)
    found = {}
    for name, rate in SHIELD_RATES.items():
        if name in work.plan.servers:
            found[name] = work.runs_before("shield", name)
            found[name] += shield_rounds(work, name, rate, zone_set, options)
    work.results["shield"] = found


def shield_rounds(work, name, rate, zone_set, options):
    """Both stay loaded and take turns, every other round in the opposite order."""
    pace = work.plan.pace()
    made = []
    with contextlib.ExitStack() as standing:
        tallies = {}
        for number, mode in enumerate(SHIELD_MODES):
            place = standing.enter_context(work.place.beside())
            server = servers.KINDS[name](place, str(work.plan.folder / f"shield-{mode}"), zone_set,
                                         5701 + number)
            server.shield = mode
            standing.enter_context(server)
            tallies[mode] = measuring.Tally(work.target(server, options), pace)
            tallies[mode].run(rate, 1)
        for number in range(work.plan.runs * pace.windows):
            order = SHIELD_MODES[::1 if number % 2 == 0 else -1]
            windows = {mode: tallies[mode].windows(rate, 1)[-1] for mode in order}
            made.append({mode: {"cost_ns": round(window.cost_ns()), "loss": round(window.loss(), 4),
                                "windows": 1, "disturbed": int(window.is_disturbed())}
                         for mode, window in windows.items()})
    ratio = figures.median_ratio(made, "on", "off", "cost_ns")
    work.tell(f"shield: {name} at {rate:,} a second costs {ratio} of what it does without")
    return made


# --- micro-benchmarks


def benchmark(program, chosen, *options):
    """Google Benchmark's results by name, of several their median; empty without the program."""
    path = BUILD / program
    if not path.exists():
        return {}
    done = subprocess.run(
        ["taskset", "-c", str(lab.SERVER_CORE), str(path), "--benchmark_format=json",
         f"--benchmark_filter={chosen}", *options], capture_output=True, text=True, check=True)
    return {one["run_name"]: one for one in json.loads(done.stdout)["benchmarks"]
            if one.get("aggregate_name", "median") == "median"}


def lookup(work):
    found = benchmark("answer_look_ahead_bench", "^look_up/.*/32$|^random_reads/.*:32$",
                      "--benchmark_min_time=0.2", "--benchmark_repetitions=5",
                      "--benchmark_report_aggregates_only=true")
    if not found:
        work.remark("lookup: no benchmark of look-ups in batches is built")
        return
    def times(names):
        return {key: round(found[name]["per_question"] * 1e9, 1)
                for key, name in names.items() if name in found}

    work.results["lookup"] = {
        **times(LOOKUPS), "random_reads": times(RANDOM_READS), "at_hand": times(AT_HAND),
        "large_pages": {kind: round(found[name]["large_pages"], 3)
                        for kind, name in LOOKUPS.items() if name in found}}
    work.tell(f"lookup: {work.results['lookup']}")


def change(work):
    found = benchmark("zone_visibility_bench", f"^one_record_changed/{CHANGE_NAMES}/")
    if not found:
        work.remark("change: no benchmark of a changed record is built")
        return
    one = next(iter(found.values()))
    work.results["change"] = {
        "visible_ms": round(one["median_ms"], 4), "p99_ms": round(one["p99_ms"], 4),
        "longest_ms": round(one["longest_ms"], 4),
        "note": "until two processes that read as workers do have seen it; of "
                f"{one['iterations']:,} changes the slowest took {one['longest_ms']:.2g} ms"}
    work.tell(f"change: {one['median_ms']:.3f} ms, at most {one['longest_ms']:.2f} ms")
