#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holdfast against Knot, NSD and BIND: the same zones, the same questions, the same answers.

usage: differential.py --holdfast PROGRAM --differ PROGRAM SET
SET is a variant of zone_sets.py for the zones that hold every construct, or root-nsec, root-nsec3,
or random-SEED for zones made by chance.
Sections are compared as multisets with lower-case names; RRSIG, TTL, rcode, flags and EDNS must be
equal. Only the differences that allowed.py lists, each with its reason, are let pass, and one
that is not met any more fails the test too. Exit code 77 without the root zone (skipped).
"""

import argparse
import collections
import json
import subprocess
import sys
import tempfile

import allowed
import peers
import questions
import random_zones
import zone_sets

SHOWN_MAX = 12
SKIPPED = 77
ROOT_SAMPLE = 150


def show(record):
    """A question, the replies that differ, and who gave them."""
    print(f"--- {record['name']} {record['type']} edns={record['edns']} over {record['over']}")
    for name, reply in record["replies"].items():
        print(f"  {name}: {reply['problem']} rcode={reply['rcode']} [{reply['flags']}]"
              f" edns=[{reply['edns']}] {reply['size']} bytes")
        for section in ("answer", "authority", "additional"):
            for line in reply[section][:12]:
                print(f"    {section}: {line[:160]}")


class Judge:
    """Sorts differences into allowed ones, by rule, and others, by their kind."""

    def __init__(self, zones):
        self.fired = collections.Counter()
        self.unexplained = collections.Counter()
        self.examples = {}
        self.rules = allowed.rules_for(zones)

    def judge(self, record, first):
        ours = allowed.Reply(record["replies"][first])
        for peer, reply in record["replies"].items():
            if peer == first:
                continue
            theirs = allowed.Reply(reply)
            if ours.same_as(theirs):
                continue
            kind = self.explain(record, peer, ours, theirs)
            if kind:
                self.unexplained[kind] += 1
                self.examples.setdefault(kind, record)

    def explain(self, record, peer, ours, theirs):
        """None if the rules take the whole difference away, or what is left of it."""
        fired = []
        for rule in self.rules:
            if peer not in rule.peers:
                continue
            changed = rule.judge(record, ours, theirs)
            if changed is None:
                continue
            if ours.same_as(changed[0]) and theirs.same_as(changed[1]):
                continue
            ours, theirs = changed
            fired.append(rule.name)
            if ours.same_as(theirs):
                self.fired.update((name, peer) for name in fired)
                return None
        return peer + ": " + ours.difference(theirs)


def compare(arguments, zones, lines, directory):
    files = {name: zone.path for name, zone in zones.items()}
    servers = [peers.Holdfast(directory, files, arguments.holdfast)] if arguments.holdfast else []
    servers += [peers.Knot(directory, files), peers.Nsd(directory, files)]
    servers += [peers.Bind(directory, files)]
    judge = Judge(zones)
    try:
        for server in servers:
            server.start()
        command = [f"{server.name}={peers.ADDRESS}@{server.port}" for server in servers]
        with tempfile.TemporaryFile("w+") as asked:
            asked.writelines(lines)
            asked.seek(0)
            with subprocess.Popen(
                [arguments.differ, *command], stdin=asked, stdout=subprocess.PIPE, text=True
            ) as process:
                for line in process.stdout:
                    record = json.loads(line)
                    if "asked" in record:
                        return judge, record
                    judge.judge(record, servers[0].name)
        raise RuntimeError("interop_differ ended early")
    finally:
        for server in servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--holdfast", help="without it, Knot is compared with NSD and BIND")
    parser.add_argument("--differ", required=True)
    parser.add_argument("set")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-interop-") as directory:
        if arguments.set.startswith("root-"):
            zones = zone_sets.make_root(arguments.set[5:], directory)
            if zones is None:
                print("skipped: no root zone; HOLDFAST_SHARED names the folder that holds data/")
                return SKIPPED
            lines = questions.root_questions(zones, ROOT_SAMPLE)
        elif arguments.set.startswith("random-"):
            zones = zone_sets.make_random(int(arguments.set[7:]), directory)
            lines = random_zones.questions(zones)
        else:
            zones = zone_sets.make_constructs(arguments.set, directory)
            lines = questions.every_question(zones)
        judge, totals = compare(arguments, zones, lines, directory)
    print(f"{totals['asked']} questions, {totals['different']} with any difference")
    for (name, peer), count in sorted(judge.fired.items()):
        print(f"  allowed: {name} ({peer}): {count}")
    failed = bool(judge.unexplained)
    for kind, count in judge.unexplained.most_common():
        print(f"  NOT ALLOWED {count} times: {kind}")
    for kind, _ in judge.unexplained.most_common(SHOWN_MAX):
        show(judge.examples[kind])
    if arguments.holdfast:
        for rule in judge.rules:
            for peer in rule.peers:
                if arguments.set in rule.sets and (rule.name, peer) not in judge.fired:
                    print(f"  rule '{rule.name}' allows nothing any more for {peer}: take it out")
                    failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
