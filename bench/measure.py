# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures one server, or one floor, under one workload.

- rate: the most answers a second at less than LOSS_MAX loss, searched over offered rates
- cost: processor time an answer at a fixed offered rate, the server's and its receiving threads'
- latency: of questions sent at their own pace, whatever the answers do, at half that rate
"""

import dataclasses

import processes

LOSS_MAX = 0.001
# Within a search, two rates nearer than this are the same.
PRECISION = 1.03
STEP = 1.6
STEP_KNOWN = 1.1
PROBES_MAX = 16
RATE_MIN = 500
RATE_MAX = 4_000_000
# Every server can answer this many, none is near it to idle.
COST_RATE = 40_000
LATENCY_RATE = 2000
# A probe that loses no more than this is made once more: other guests share the machine.
LOSS_DOUBTFUL = 0.05
# So is one in which the generator left out more than this share, because it was kept from running.
MISSED_MAX = 0.02
WRONG_MAX = 0.001
RIGHT_CODES = {"NOERROR", "NXDOMAIN"}


@dataclasses.dataclass
class Probe:
    """One run of the generator against a server."""

    offered: float
    answered: float  # a second
    loss: float
    cost_ns: float  # processor time an answer
    answer_bytes: float = 0
    latency_us: dict = dataclasses.field(default_factory=dict)
    truncated: float = 0
    missed: float = 0  # of the questions that were due

    def passes(self):
        return self.loss < LOSS_MAX


@dataclasses.dataclass(frozen=True)
class Pace:
    """How long each step takes, in seconds."""

    probe: float = 0.5
    cost: float = 1.5
    latency: float = 2.0


def wrong_share(result):
    """The share of answers whose response code says that the server did not know its zone."""
    codes = result.get("rcode") or {}
    total = sum(codes.values())
    wrong = sum(count for code, count in codes.items() if code not in RIGHT_CODES)
    return wrong / total if total else 0.0


def probe(target, rate, seconds, latency_rate=0):
    before = target.processor_ns()
    result = target.load(rate, seconds, latency_rate)
    spent = processes.spent_ns(before, target.processor_ns())
    if wrong_share(result) > WRONG_MAX:
        raise RuntimeError(f"{target.name} answers wrongly: {result['rcode']}")
    answers = max(1, result["answers"])
    return Probe(result["sent_per_s"], result["answers_per_s"], result["loss"], spent / answers,
                 result.get("bytes", 0) / answers, result.get("latency_us") or {},
                 result.get("tc", 0) / answers,
                 result.get("missed", 0) / max(1, result.get("missed", 0) + result["sent"]))


def highest(try_rate, start, step):
    """The best passing probe, by trying rates from `start`: up or down in steps until both a rate
    that passes and one that fails are known, then halving between them. None if nothing passes."""
    low = high = best = None
    rate = start
    for _ in range(PROBES_MAX):
        made = try_rate(rate)
        if made.passes():
            best = made if best is None or made.answered > best.answered else best
            if made.offered < rate / PRECISION:  # the generator gives no more
                return best
            low = rate
        else:
            high = rate
        if low and high and high / low < PRECISION:
            return best
        if low and high:
            rate = (low * high) ** 0.5
        else:
            rate = low * step if low else high / step
        if not RATE_MIN <= rate <= RATE_MAX:
            return best
    return best


def search(target, pace, previous=None):
    """`highest` with doubtful probes made twice; an earlier run's rate is where the next begins."""

    def try_rate(rate):
        made = probe(target, rate, pace.probe)
        if made.passes() and made.missed < MISSED_MAX or made.loss > LOSS_DOUBTFUL:
            return made
        again = probe(target, rate, pace.probe)
        return max(made, again, key=lambda one: (one.passes(), one.answered))

    if previous:
        return highest(try_rate, previous, STEP_KNOWN)
    return highest(try_rate, 1.5 * COST_RATE, STEP)


def undisturbed(target, rate, seconds, latency_rate=0):
    """A probe, made twice if something kept the generator from running."""
    made = probe(target, rate, seconds, latency_rate)
    if made.missed > MISSED_MAX:
        again = probe(target, rate, seconds, latency_rate)
        return min(made, again, key=lambda one: one.missed)
    return made


def measure(target, measures, pace, previous_rate=None):
    """The results of one run, as recorded."""
    if not previous_rate:
        probe(target, COST_RATE, pace.probe)  # caches, and what is made at the first questions
    found = {}
    if "cost" in measures:
        made = undisturbed(target, COST_RATE, pace.cost)
        found.update(cost_ns=round(made.cost_ns), cost_loss=made.loss,
                     answer_bytes=round(made.answer_bytes), truncated=round(made.truncated, 4))
    if "rate" not in measures:
        return found
    best = search(target, pace, previous_rate)
    if best is None:
        found["answers_per_s"] = 0
        return found
    found.update(answers_per_s=round(best.answered), full_cost_ns=round(best.cost_ns))
    if "latency" in measures:
        made = undisturbed(target, best.offered / 2, pace.latency, LATENCY_RATE)
        found.update(latency_us=made.latency_us, latency_loss=made.loss)
    return found
