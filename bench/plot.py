# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws results as SVG: bars from zero with each run's range, and latencies on a logarithmic line.

Each panel is a workload and has its own scale; within it, lengths compare. Holdfast is coloured,
peers are grey, floors (echoes that know no DNS) are outlines.
"""

import html
import math

import figures

WIDTH = 1080
MARGIN = 28
LABEL = 160
GAP = 150  # between the halves: room for the left half's figures
FIGURES = 130  # behind the right half's bars
ALIKE = 1.03  # two figures nearer than this are told as one
ROW = 21
BAR = 13
COLOURS = {"holdfast": "#0b7285", "holdfast-xdp": "#12a594"}
PEER = "#9aa7b4"
# Answers without leaving the driver: with it in the scale the others would be of one length.
OFF_SCALE = "floor:xdptx"
INK, PALE, RULE = "#1f2933", "#66727f", "#e4e8ec"
STYLE = (
    f"text{{font-family:Inter,'Helvetica Neue',Arial,sans-serif;font-size:12px;fill:{INK}}}"
    f".pale{{fill:{PALE};font-size:11px}}.title{{font-size:20px;font-weight:600}}"
    ".panel{font-size:14px;font-weight:600}.own{font-weight:600}"
)


class Canvas:
    """Collects SVG elements from the top down."""

    def __init__(self):
        self.parts = []
        self.height = MARGIN

    def text(self, x, y, words, style="", anchor="start"):
        words = html.escape(str(words))
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{words}</text>')

    def line(self, x1, y1, x2, y2, colour=RULE, width=1.0):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
                          f' stroke="{colour}" stroke-width="{width}"/>')

    def bar(self, x, y, length, contender):
        colour = COLOURS.get(contender, PEER)
        fill = colour
        stroke = ""
        if contender.startswith(figures.FLOOR):
            fill, stroke = "#ffffff", f' stroke="{PALE}" stroke-dasharray="3 2"'
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1, length):.1f}"'
                          f' height="{BAR}" rx="2" fill="{fill}"{stroke}/>')

    def pale_bar(self, x, y, length, contender):
        """Behind a bar, and further than it."""
        if length > 1:
            colour = COLOURS.get(contender, PEER)
            self.parts.append(f'<rect x="{x:.1f}" y="{y + 2:.1f}" width="{length:.1f}"'
                              f' height="{BAR - 4}" rx="2" fill="{colour}" fill-opacity="0.3"/>')

    def dot(self, x, y, colour, radius):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>')

    def svg(self):
        height = self.height + MARGIN
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}"'
                f' width="{WIDTH}" height="{height:.0f}" role="img"><style>{STYLE}</style>'
                f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
                + "\n".join(self.parts) + "</svg>\n")


def nice_step(top, count=4):
    """A step of 1, 2 or 5 times a power of ten that divides `top` into about `count`."""
    raw = top / count
    power = 10 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)


def heading(canvas, results, title):
    canvas.text(MARGIN, canvas.height + 12, title, "title")
    about = results["machine"]
    canvas.text(MARGIN, canvas.height + 32,
                f"One core for each server, another for the load. {about['processor']},"
                f" {about['cores']} cores, kernel {about['kernel']}, {results['date']}."
                " Median, with least and most of the runs.", "pale")
    canvas.height += 52


def grid(canvas, x, width, top, bottom, most, write):
    step = nice_step(most)
    mark = 0.0
    while mark <= most * 1.0001:
        at = x + width * mark / most
        canvas.line(at, top, at, bottom)
        canvas.text(at, bottom + 13, write(mark), "pale", "middle")
        mark += step


def rate_mark(number):
    return f"{number / 1e6:g} M" if number >= 1e6 else f"{number / 1e3:g} k"


def time_mark(nanoseconds):
    return f"{nanoseconds / 1e3:g} µs"


def half(canvas, runs, names, key, writers, place):
    """One measure of a panel: its grid, then a bar for each contender."""
    x, width, top = place
    write, mark, beyond_key = writers
    spreads = {name: figures.spread(figures.values(runs, name, key)) for name in names}
    beyond = {name: figures.median(runs, name, beyond_key) or 0 for name in names}
    most = max((max(found[2], beyond[name]) for name, found in spreads.items()
                if found and name != OFF_SCALE), default=0)
    if not most:
        return
    grid(canvas, x, width, top - 4, top + ROW * len(names), most, mark)
    for row, name in enumerate(names):
        found = spreads[name]
        y = top + ROW * row + 2
        if found is None:
            canvas.text(x + 4, y + 11, "not measured", "pale")
            continue
        low, middle, high = (min(width, width * number / most) for number in found)
        reach = min(width, width * beyond[name] / most)
        canvas.pale_bar(x, y, reach, name)
        canvas.bar(x, y, middle, name)
        if high - low > 1:
            canvas.line(x + low, y + BAR / 2, x + high, y + BAR / 2, INK, 1.2)
        style = "own" if name in COLOURS else ""
        words = write(found[1])
        if beyond[name] > ALIKE * found[1]:
            words += f" · {write(beyond[name])}"
        words += " →" if max(found[1], beyond[name]) > most else ""
        canvas.text(x + max(middle, high, reach) + 6, y + 11, words, style)


def panel_title(canvas, workload):
    canvas.line(MARGIN, canvas.height, WIDTH - MARGIN, canvas.height)
    count = len(workload["runs"])
    canvas.text(MARGIN, canvas.height + 20, workload["title"], "panel")
    canvas.text(WIDTH - MARGIN, canvas.height + 20, f"{count} run{'s' if count != 1 else ''}",
                "pale", "end")
    canvas.height += 28


def names_down(canvas, names, shown):
    for row, name in enumerate(names):
        style = "own" if name in COLOURS else ""
        canvas.text(MARGIN + LABEL - 8, canvas.height + ROW * row + 13, shown(name), style, "end")


def bars(results, shown):
    """Answers a second and processor time an answer, a panel for each workload."""
    canvas = Canvas()
    heading(canvas, results, "Authoritative DNS on one core")
    left = MARGIN + LABEL
    width = (WIDTH - left - MARGIN - GAP - FIGURES) / 2
    right = left + width + GAP
    canvas.text(left, canvas.height, "Answers a second: more is better", "own")
    canvas.text(right, canvas.height, "Processor time an answer: less is better", "own")
    canvas.height += 16
    canvas.text(left, canvas.height, "at less than 0.1 % loss · pale: when more is asked than it"
                " can", "pale")
    canvas.text(right, canvas.height, "at the full rate · pale: at 40,000 questions a second",
                "pale")
    canvas.height += 14
    for workload in results["workloads"].values():
        runs = workload["runs"]
        names = figures.contenders(runs)
        panel_title(canvas, workload)
        names_down(canvas, names, shown)
        half(canvas, runs, names, "answers_per_s",
             (figures.thousands, rate_mark, "saturated_per_s"), (left, width, canvas.height))
        half(canvas, runs, names, "full_cost_ns",
             (figures.microseconds, time_mark, "cost_ns"), (right, width, canvas.height))
        canvas.height += ROW * len(names) + 28
    return canvas.svg()


QUANTILES = (("p50", 5.0), ("p99", 4.0), ("p999", 3.0))


def latencies(results, shown):
    """p50, p99 and p99.9 at half load; None where nothing was measured."""
    canvas = Canvas()
    heading(canvas, results, "Latency at half of each server's own highest rate, at most 100,000/s")
    canvas.text(MARGIN, canvas.height, "Large dot p50, middle p99, small p99.9, in microseconds, on"
                " a logarithmic scale; questions are sent at their own pace, whatever is answered.")
    canvas.height += 14
    drawn = False
    for workload in results["workloads"].values():
        runs = workload["runs"]
        names = [name for name in figures.contenders(runs)
                 if figures.values(runs, name, "latency_us.p999")]
        if names:
            latency_panel(canvas, workload, names, shown)
            drawn = True
    return canvas.svg() if drawn else None


def latency_panel(canvas, workload, names, shown):
    runs = workload["runs"]
    points = {name: [figures.median(runs, name, f"latency_us.{key}") for key, _ in QUANTILES]
              for name in names}
    known = [value for values in points.values() for value in values if value]
    if not known:
        return
    first = math.floor(math.log10(max(1, min(known))))
    last = max(first + 1, math.ceil(math.log10(max(known))))
    left = MARGIN + LABEL
    width = WIDTH - left - MARGIN - 70

    def at(value):
        return left + width * (math.log10(max(value, 10**first)) - first) / (last - first)

    panel_title(canvas, workload)
    names_down(canvas, names, shown)
    bottom = canvas.height + ROW * len(names)
    for power in range(first, last + 1):
        canvas.line(at(10**power), canvas.height - 4, at(10**power), bottom)
        canvas.text(at(10**power), bottom + 13, f"{10**power:,} µs", "pale", "middle")
    for row, name in enumerate(names):
        y = canvas.height + ROW * row + 9
        colour = COLOURS.get(name, PEER)
        shown_points = [value for value in points[name] if value]
        if not shown_points:
            continue
        canvas.line(at(shown_points[0]), y, at(shown_points[-1]), y, colour, 2)
        for value, (_, radius) in zip(shown_points, QUANTILES):
            canvas.dot(at(value), y, colour, radius)
        slowest = shown_points[-1]
        words = f"{slowest:,.0f}" if slowest < figures.LOST_US else "some are lost"
        canvas.text(at(slowest) + 8, y + 4, words)
    canvas.height = bottom + 28
