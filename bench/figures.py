# SPDX-License-Identifier: GPL-3.0-or-later
"""Minimum, median and maximum over runs; ratios within a run; numbers as people read them."""

import statistics

FLOOR = "floor:"
LOST_US = 2_000_000  # what a question without an answer counts as


def was_quiet(one):
    """Whether what was measured of a contender in a run counts: if at most half of its windows
    were disturbed."""
    return 2 * one.get("disturbed", 0) <= one.get("windows", 0)


def values(runs, contender, key):
    """The figure of each run that has it and was quiet; `key` may be a path, as
    "latency_us.p999"."""
    found = []
    for run in runs:
        value = run.get(contender)
        if value and not was_quiet(value):
            continue
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, (int, float)):
            found.append(value)
    return found


def spread(numbers):
    """(minimum, median, maximum), or None of nothing."""
    return (min(numbers), statistics.median(numbers), max(numbers)) if numbers else None


def median(runs, contender, key):
    found = values(runs, contender, key)
    return statistics.median(found) if found else None


def ratios(runs, contender, other, key):
    """The contender's figure by the other's: round by round where rounds have it, else run by run.
    """
    found = []
    for run in runs:
        pairs = list(zip(rounds(run, contender, key), rounds(run, other, key)))
        if not pairs:
            pairs = zip(values([run], contender, key), values([run], other, key))
        found += [mine / theirs for mine, theirs in pairs if mine and theirs]
    return found


def rounds(run, contender, key):
    """The contender's figure in each round of a run; None where it was disturbed."""
    made = (run.get(contender) or {}).get("rounds", [])
    return [one[key] for one in made if key in one]


def median_ratio(runs, contender, other, key):
    found = ratios(runs, contender, other, key)
    return statistics.median(found) if found else None


def contenders(runs):
    """Names in the order in which they first appear, floors last."""
    seen = list(dict.fromkeys(name for run in runs for name in run))
    return sorted(seen, key=lambda name: name.startswith(FLOOR))


def thousands(number):
    """412,345 as "412 k", 1,234,567 as "1.23 M"."""
    if number is None:
        return ""
    if number >= 999_500:
        return f"{number / 1e6:.2f} M"
    if number >= 1000:
        return f"{number / 1e3:.0f} k" if number >= 99_950 else f"{number / 1e3:.1f} k"
    return f"{number:.0f}"


def microseconds(nanoseconds):
    return "" if nanoseconds is None else f"{nanoseconds / 1e3:.2f} µs"


def megabytes(count):
    return "" if count is None else f"{count / 1e6:,.0f} MB"
