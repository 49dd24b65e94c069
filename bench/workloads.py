# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of which zones: the workloads, and the files of questions that the generator takes.

A file's lines are asked in equal measure, so a file holds popularity by repeating names: `zipf`
draws the n-th name in proportion to 1/n, `uniform` draws each alike. A fixed seed draws the same
questions everywhere.
"""

import dataclasses

import zones

QUESTIONS = zones.ROOT / "build/bench/questions"
# More lines than any processor cache holds names for.
LINES = 200_000
SOURCES = 2000
EDNS = ["--edns", "1232"]
# What resolvers ask hosters for, in percent.
MIX_TYPES = (("A", 58), ("AAAA", 25), ("MX", 6), ("TXT", 4), ("NS", 3), ("HTTPS", 3), ("SOA", 1))
MIX_MISSES = 0.02
ROOT_MISSES = 0.6  # of what reaches root servers, most names do not exist

ALL_FLOORS = ("recvmmsg", "afxdp", "afxdp+busy-poll", "xdptx")
ALL_MEASURES = ("rate", "cost", "latency")
IN_SHORT = ("rate", "cost")
# At ten kilobytes a zone BIND would not leave room for the others, and PowerDNS loads for minutes.
# Those with XDP would be loaded a second time beside those without.
FIT_FOR_A_MILLION_ZONES = ("holdfast", "knot", "nsd")
# What targets name, or shares its zones; time runs out on the others.
FIRST = ("records", "nxdomain", "records-signed", "nxdomain-signed", "hosting")


@dataclasses.dataclass(frozen=True)
class Workload:
    """One line of the results: a zone set, questions, and what is measured with them."""

    name: str
    title: str
    kind: str  # of zone set
    count: int
    asked: str
    signed: bool = False
    measures: tuple = IN_SHORT
    servers: tuple = ()  # empty: all
    floors: tuple = ()  # echoes beside it
    minutes: float = 3  # of the hour; what one does not use is the others'

    def set_key(self):
        return self.kind, self.count, self.signed


def workloads(scale=1):
    """All of them, those that targets name first; `scale` divides the large sets."""
    million = 1_000_000 // scale
    size = f"{million:,}"
    return (
        Workload("records", f"{size} records", "records", million, "uniform",
                 measures=ALL_MEASURES, floors=ALL_FLOORS, minutes=7),
        Workload("nxdomain", f"{size} records, names that do not exist", "records", million,
                 "nxdomain", measures=ALL_MEASURES, floors=ALL_FLOORS[:3], minutes=6),
        Workload("records-signed", f"{size} records, signed, DO", "records", million, "uniform",
                 signed=True, measures=ALL_MEASURES, minutes=5),
        Workload("nxdomain-signed", f"{size} records, signed, DO, names that do not exist",
                 "records", million, "nxdomain", signed=True),
        Workload("hosting", "hosting mix, 1,000 zones", "hosting", zones.HOSTING_ZONES, "mix",
                 measures=ALL_MEASURES, minutes=4),
        Workload("hosting-signed", "hosting mix, signed, DO", "hosting", zones.HOSTING_ZONES, "mix",
                 signed=True),
        Workload("root", "root zone", "root", 0, "root", minutes=2.5),
        Workload("root-signed", "root zone, signed, DO", "root", 0, "root", signed=True,
                 minutes=2.5),
        Workload("tiny-1k", "1,000 tiny zones, Zipf", "tiny", 1000, "zipf", minutes=2.5),
        Workload("tiny-1k-signed", "1,000 tiny zones, Zipf, signed, DO", "tiny", 1000, "zipf",
                 signed=True, minutes=2.5),
        Workload("delegations", f"{size} delegations", "delegations", million, "uniform"),
        Workload("delegations-signed", f"{size} delegations, signed, DO", "delegations", million,
                 "uniform", signed=True),
        Workload("tiny-1m", f"{size} tiny zones, Zipf", "tiny", million, "zipf",
                 servers=FIT_FOR_A_MILLION_ZONES, minutes=5),
    )


def random_label(chance, length=12):
    return "".join(chance.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(length))


def names_drawn(workload, chance):
    """LINES numbers below the set's count, by the workload's popularity."""
    if workload.asked == "zipf":
        # The popular ones are spread over the set, not the first of it.
        order = list(range(workload.count))
        chance.shuffle(order)
        draw = zones.Zipf(workload.count, chance)
        return [order[rank] for rank in draw.choose(LINES)]
    return [chance.randrange(workload.count) for _ in range(LINES)]


def mix_lines(chance):
    """defence.md's hosting mix: zones and names by Zipf, the types resolvers ask for, some misses.
    """
    of_zones = zones.Zipf(zones.HOSTING_ZONES, chance).choose(LINES)
    of_names = zones.Zipf(zones.HOSTING_NAMES + 1, chance).choose(LINES)
    types = chance.choices([name for name, _ in MIX_TYPES], [w for _, w in MIX_TYPES], k=LINES)
    for zone, name, rtype in zip(of_zones, of_names, types):
        label = "" if name == 1 else zones.HOSTING_LABELS[max(0, name - 1)] + "."
        if rtype in ("MX", "TXT", "NS", "SOA"):
            label = ""
        if chance.random() < MIX_MISSES:
            label = random_label(chance) + "."
        elif zone % 10 == 0 and chance.random() < 0.1:
            label = random_label(chance, 6) + ".any."
        yield f"{label}{zones.hosting_zone(zone)} {rtype}"


def root_lines(zone_set, chance):
    """Names below top-level domains by Zipf, and names below none."""
    with open(zone_set.zones[0][1], encoding="ascii") as file:
        fields = [line.split(None, 4) for line in file]
    domains = sorted({f[0] for f in fields if len(f) > 3 and "NS" in f[2:4] and f[0] != "."})
    chance.shuffle(domains)
    for rank in zones.Zipf(len(domains), chance).choose(LINES):
        below = random_label(chance) + "." if chance.random() < ROOT_MISSES else domains[rank]
        yield f"www.{below} A"


def lines(workload, zone_set):
    chance = zones.chance(workload.name)
    if workload.asked == "mix":
        return mix_lines(chance)
    if workload.asked == "root":
        return root_lines(zone_set, chance)
    patterns = {"records": "n{:07d}.records.example. A", "tiny": "www.z{:07d}.example. A",
                "delegations": "www.d{:07d}.delegations.example. A"}
    pattern = patterns[workload.kind]
    return (pattern.format(number) for number in names_drawn(workload, chance))


def generator_options(workload, zone_set):
    """What `bench_lab load` is told to ask."""
    options = ["--sources", str(SOURCES)]
    if workload.signed:
        options += [*EDNS, "--do"]
    elif workload.asked == "mix":
        options += EDNS
    if workload.asked == "nxdomain":
        return ["--random-under", "records.example.", *options]
    path = QUESTIONS / f"{workload.name}-{workload.count}-{zones.EDITION}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines(workload, zone_set)) + "\n")
    return ["--questions", str(path), *options]
