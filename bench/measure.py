# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures one server, or one floor, under one workload, by the same rules for all.

Everything is taken in windows, short runs of the generator with the answers awaited after each. Of
several windows the median counts, so that a moment in which the machine was elsewhere decides
nothing; a window that is known to be disturbed is made again, and how many were is recorded.

- cost: processor time an answer at a fixed offered rate, the server's and its receiving threads'
- saturated: answers a second when a quarter more is asked than can be answered; and the processor
  time an answer then takes
- rate: the most answers a second at less than LOSS_MAX loss, searched downwards from there
- latency: of questions sent at their own pace, whatever the answers do, at half that rate, or at
  LATENCY_LOAD_MAX if that is less

Cost and saturation are taken in rounds, in each of which every contender has one window of either:
the machine's speed changes by half from one minute to the next, and a ratio is only worth something
between windows that are seconds apart.
"""

import dataclasses
import statistics
import time

LOSS_MAX = 0.001
# What may come after the window's end: else a queue that fills passes for an answer.
LATE_MAX = 0.03
OVERLOAD = 1.25
# A window with less loss than this was not saturated; then so many times as much is asked.
SATURATED_LOSS = 0.05
MORE = 2
TRIES_OF_ROUND = 5
# What one window says is not trusted to have halved: it may have been a stall.
SLOWER = 0.7
# Steps down from the saturated rate; two rates nearer than the precision are the same.
STEP = 1.12
PRECISION = 1.04
TRIES_MAX = 14
RATE_MIN = 500
RATE_MAX = 6_000_000  # above what the generator makes
RATE_FIRST = 150_000
# Every server can answer this many, none is near it to idle.
COST_RATE = 40_000
LATENCY_RATE = 2000
# Beyond this a stall of the machine overflows the veth's ring, and the times are the laboratory's.
LATENCY_LOAD_MAX = 100_000
# A window is disturbed in which so large a share of the questions was left out because something
# kept the generator from running, or others had so large a share of the server's core, or the
# machine's other guests of either. From some rate on the generator's own core is what lacks: it
# receives the answers too.
MISSED_MAX = 0.02
GENERATOR_RATE = 300_000
PAUSE_S = 0.3  # before disturbed windows are made again
OTHERS_MAX = 0.3
STEAL_MAX = 0.15
WRONG_MAX = 0.001
RIGHT_CODES = {"NOERROR", "NXDOMAIN"}


@dataclasses.dataclass
class Window:
    """One run of the generator against a server."""

    seconds: float
    sent: int
    answers: int
    in_time: int  # of the answers, those before the window's end
    server_ns: int = 0
    missed: int = 0
    others_ms: int = 0
    steal_ms: int = 0

    def loss(self):
        return 1 - self.answers / self.sent if self.sent else 0.0

    def late(self):
        return (self.answers - self.in_time) / self.sent if self.sent else 0.0

    def passes(self):
        return self.loss() < LOSS_MAX and self.late() < LATE_MAX

    def rate(self):
        return self.in_time / self.seconds

    def cost_ns(self):
        return self.server_ns / max(1, self.answers)

    def is_disturbed(self):
        due = self.missed + self.sent
        return (self.missed > MISSED_MAX * due and due < GENERATOR_RATE * self.seconds
                or self.others_ms > OTHERS_MAX * 1000 * self.seconds
                or self.steal_ms > STEAL_MAX * 1000 * self.seconds)


@dataclasses.dataclass(frozen=True)
class Pace:
    """How long a window takes, in seconds, and how many are made."""

    window: float = 0.2
    windows: int = 5
    latency: float = 2.0


class Tally:
    """What was measured of one target, and how many windows had to be made again."""

    def __init__(self, target, pace):
        self.target = target
        self.pace = pace
        self.made = 0
        self.disturbed = 0
        self.last = {}  # what the generator printed

    def run(self, rate, count, seconds=None, latency_rate=0):
        seconds = seconds or self.pace.window
        rate = min(rate, RATE_MAX)
        self.last = self.target.load(rate, seconds, count, latency_rate)
        if wrong_share(self.last) > WRONG_MAX:
            raise RuntimeError(f"{self.target.name} answers wrongly: {self.last['rcode']}")
        names = [field.name for field in dataclasses.fields(Window) if field.name != "seconds"]
        windows = [Window(seconds, **{name: one[name] for name in names})
                   for one in self.last["windows"]]
        self.made += len(windows)
        self.disturbed += sum(window.is_disturbed() for window in windows)
        return windows

    def windows(self, rate, count):
        """`count` undisturbed windows; those that were disturbed are made again, once and a half
        as many at most. If all are, they must do."""
        made = self.run(rate, count)
        kept = [window for window in made if not window.is_disturbed()]
        for _ in range((count + 1) // 2):
            if len(kept) >= count:
                break
            time.sleep(PAUSE_S)
            made += self.run(rate, count - len(kept))
            kept = [window for window in made if not window.is_disturbed()]
        return kept or made

    def passes(self, rate):
        """Of up to three windows, whether two pass; and the median one of those."""
        windows = self.windows(rate, 2)
        if len({window.passes() for window in windows}) > 1:
            windows += self.windows(rate, 1)
        middle = sorted(windows, key=Window.loss)[(len(windows) - 1) // 2]
        return sum(window.passes() for window in windows) * 2 > len(windows), middle


def wrong_share(result):
    """The share of answers whose response code says that the server did not know its zone."""
    codes = result.get("rcode") or {}
    total = sum(codes.values())
    wrong = sum(count for code, count in codes.items() if code not in RIGHT_CODES)
    return wrong / total if total else 0.0


def median_of(windows, what):
    return statistics.median(what(window) for window in windows)


def saturate(tally, start=None, count=None):
    """`count` windows in which a quarter more is asked than the server answers. What it answers is
    found by doubling what is asked until twice not all of it is answered, or the generator gives no
    more."""
    rate = start or RATE_FIRST
    count = count or tally.pace.windows
    windows = []
    for _ in range(TRIES_MAX):
        best = tally.windows(rate, 1)[0]
        if best.rate() < 0.95 * rate:  # a stall, perhaps
            best = max(best, tally.windows(rate, 1)[0], key=Window.rate)
        if best.rate() >= 0.95 * rate:
            rate *= 2
            continue
        windows = tally.windows(OVERLOAD * max(RATE_MIN, best.rate()), count)
        loss = median_of(windows, Window.loss)
        if best.sent < 0.9 * rate * best.seconds or loss > SATURATED_LOSS:
            break
        rate = 2 * OVERLOAD * best.rate()  # it was a stall after all
    return windows or tally.windows(rate, count)


def highest(passes, saturated):
    """The most that passes: `passes` gives for a rate whether it does, and a window. First in steps
    down from the saturated rate, then one rate between. None if nothing passes."""
    rate, above = saturated, None
    for _ in range(TRIES_MAX):
        if rate < RATE_MIN:
            return None
        passed, window = passes(rate)
        if passed:
            break
        above, rate = rate, rate / STEP
    else:
        return None
    if above is None:
        # The saturated rate itself: perhaps more is answered when less is lost.
        passed, more = passes(rate * PRECISION)
        return more if passed else window
    passed, more = passes((rate * above) ** 0.5)
    return more if passed and more.rate() > window.rate() else window


def latency(tally, rate):
    """One long window, made again if it was disturbed; then the least disturbed."""
    best = None
    for _ in range(3):
        window = tally.run(rate, 1, tally.pace.latency, LATENCY_RATE)[0]
        if best is None or window.others_ms + window.missed < best[0].others_ms + best[0].missed:
            best = window, tally.last.get("latency_us") or {}
        if not window.is_disturbed():
            break
    return best


def rates(tally, found, previous):
    windows = saturate(tally, previous)
    found["saturated_per_s"] = round(median_of(windows, Window.rate))
    best = highest(tally.passes, found["saturated_per_s"])
    found["answers_per_s"] = round(best.rate()) if best else 0


class Measurement:
    """What is measured of one contender in one run: `begin`, then rounds that take turns with those
    of the others, then `end`. `previous` is an earlier run's saturated rate."""

    def __init__(self, target, measures, pace, previous=None):
        self.tally = Tally(target, pace)
        self.measures = measures
        self.capacity = previous  # answers a second, as last seen
        self.rounds = []  # the figures of each, None where no window was undisturbed
        self.kept = {"cost": [], "full": []}
        self.found = {}

    def begin(self):
        if self.capacity:
            return
        self.tally.run(COST_RATE, 1)  # caches, and what is made at the first questions
        if "rate" in self.measures:
            self.capacity = median_of(saturate(self.tally, None, 1), Window.rate)

    def round(self):
        found = {}
        if "cost" in self.measures:
            window = self.tally.windows(COST_RATE, 1)[-1]
            self.describe_answers()
            self.keep("cost", window)
            found["cost_ns"] = round(window.cost_ns()) if is_worth(window) else None
        if "rate" in self.measures:
            window = self.full_window()
            self.keep("full", window)
            found["full_cost_ns"] = round(window.cost_ns()) if is_worth(window) else None
            found["saturated_per_s"] = round(window.rate()) if is_worth(window) else None
        self.rounds.append(found)

    def full_window(self):
        """A window beyond what is answered, at a rate that follows the machine."""
        rate = OVERLOAD * max(RATE_MIN, self.capacity)
        for tried in range(TRIES_OF_ROUND):
            window = self.tally.windows(rate, 1)[-1]
            generator_ends = window.sent < 0.9 * min(rate, RATE_MAX) * window.seconds
            if window.loss() > SATURATED_LOSS or generator_ends:
                break
            rate *= MORE
        if tried > 0 and not generator_ends:  # by up to MORE too much was asked
            window = self.tally.windows(OVERLOAD * window.rate(), 1)[-1]
        self.capacity = max(window.rate(), SLOWER * self.capacity)
        return window

    def describe_answers(self):
        answers = max(1, self.tally.last["answers"])
        self.found.update(answer_bytes=round(self.tally.last.get("bytes", 0) / answers),
                          truncated=round(self.tally.last.get("tc", 0) / answers, 4))

    def keep(self, kind, window):
        self.kept[kind].append(window)

    def windows_of(self, kind):
        """The undisturbed ones; if there is none, all."""
        kept = self.kept[kind]
        return [window for window in kept if is_worth(window)] or kept

    def end(self):
        """The results as recorded."""
        found = self.found
        if self.kept["cost"]:
            windows = self.windows_of("cost")
            found.update(cost_ns=round(median_of(windows, Window.cost_ns)),
                         cost_loss=median_of(windows, Window.loss))
        if self.kept["full"]:
            windows = self.windows_of("full")
            saturated = median_of(windows, Window.rate)
            found.update(saturated_per_s=round(saturated),
                         full_cost_ns=round(median_of(windows, Window.cost_ns)),
                         saturated_loss=round(median_of(windows, Window.loss), 4))
            best = highest(self.tally.passes, saturated)
            found["answers_per_s"] = round(best.rate()) if best else 0
        if "latency" in self.measures:
            half = min(LATENCY_LOAD_MAX, (found["answers_per_s"] or found["saturated_per_s"]) / 2)
            window, found["latency_us"] = latency(self.tally, half)
            found["latency_loss"] = window.loss()
        found.update(rounds=self.rounds, windows=self.tally.made, disturbed=self.tally.disturbed)
        return found


def is_worth(window):
    return not window.is_disturbed() and window.answers > 0


def measure(target, measures, pace, previous=None):
    """All of it for one contender alone."""
    one = Measurement(target, measures, pace, previous)
    one.begin()
    for _ in range(pace.windows):
        one.round()
    return one.end()
