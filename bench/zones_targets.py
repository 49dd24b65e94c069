# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of zones in and out, beside what the last records of `./dev bench sign`, `zones`,
`transfer` and `catalog` hold. Ends by SIGKILL are counted by tests: results/kills-*.md.
"""

import json
import sys

import targets
from targets import Row

SIGNERS = ("knot", "bind")
PEER = "knot"


def latest(kind, folder=targets.RESULTS):
    """The newest record of `kind` and its name; nothing and "" if there is none."""
    found = sorted(folder.glob(f"{kind}-*.json"))
    if not found:
        return {}, ""
    return json.loads(found[-1].read_text(encoding="utf-8")), found[-1].stem


def of_server(record, name, key="server"):
    return next((one for one in record.get("results", []) if one.get(key) == name), {})


def quotient(mine, other):
    return mine / other if mine is not None and other else None


def sign_rows(record, name):
    mine = of_server(record, targets.MINE, "signer").get("seconds")
    for peer in SIGNERS:
        other = of_server(record, peer, "signer").get("seconds")
        yield Row("A million RRsets signed, P-256: time", peer, 0.8, quotient(mine, other),
                  note=name)


def change_rows(record, name):
    """Of the slowest change of the first way to run the secondary."""
    mine = of_server(record, targets.MINE)

    def highest(key):
        return mine.get(key, {}).get("highest")

    yield Row("One record of a signed million changed, until NOTIFY is sent", "", 50,
              highest("notify_ms"), unit="ms", note=name)
    own = highest("rest_ms")
    note = name if own is None else f"{name}; without what Knot says it needed: {own:.3g} ms"
    yield Row("The same, until a Knot secondary answers it", "", 200, highest("secondary_ms"),
              unit="ms", note=note)


def transfer_rows(record, name):
    ways = (("out", ("first", "later")), ("in", ("in",)))
    for way, spans in ways:
        mine = record.get(way, {}).get(targets.MINE, {})
        other = record.get(way, {}).get(PEER, {})
        for span in spans:
            what = f"A million records {way}" + (f", {span} time" if way == "out" else "")
            yield Row(f"{what}: speed", PEER, 1,
                      quotient(other.get(span, {}).get("s"), mine.get(span, {}).get("s")),
                      "at least", note=name)
            yield Row(f"{what}: p99 of answers meanwhile", "that before", 2,
                      quotient(mine.get(span, {}).get("p99_ms"),
                               mine.get("before", {}).get("p99_ms")), note=name)
            yield Row(f"{what}: answers lost meanwhile", "", 0, mine.get(span, {}).get("lost"),
                      unit="", note=name)


def catalog_rows(record, name):
    mine, other = of_server(record, targets.MINE), of_server(record, PEER)
    yield Row(f"{mine.get('zones', 0):,} zones by a catalog: time", PEER, 2,
              quotient(mine.get("all_s"), other.get("all_s")), note=name)
    yield Row("The same: memory a zone", PEER, 1,
              quotient(mine.get("bytes_a_zone"), other.get("bytes_a_zone")), note=name)


def rows(folder=targets.RESULTS):
    """All rows in the order of the issue that set them."""
    kinds = (("sign", sign_rows), ("zones", change_rows), ("transfer", transfer_rows),
             ("catalog", catalog_rows))
    return [row for kind, rows_of in kinds for row in rows_of(*latest(kind, folder))]


def main():
    print(targets.text(rows()))


if __name__ == "__main__":
    sys.exit(main())
