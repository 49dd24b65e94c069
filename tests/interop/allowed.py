# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between servers that are right, or theirs, each with the RFC that says why.

A rule gets the question and both replies and, where it knows the difference, takes it out of both.
What is left after all rules must be equal.
"""

import collections

SETS = ("unsigned", "nsec", "nsec3", "optout", "root-nsec", "root-nsec3")
ALL_PEERS = ("knot", "nsd", "bind")

Record = collections.namedtuple("Record", "owner ttl type rdata")


class Reply:
    """A reply as interop_differ prints it, cheap to copy with changes."""

    FIELDS = ("problem", "rcode", "flags", "question", "edns", "answer", "authority", "additional")

    def __init__(self, values):
        self.values = values

    def __getattr__(self, name):
        return self.values[name]

    def same_as(self, other):
        return all(self.values[name] == other.values[name] for name in self.FIELDS)

    def with_changes(self, **changes):
        return Reply({**self.values, **changes})

    def has(self, flag):
        return flag in self.flags.split()

    def records(self, section):
        return [Record(*line.split(" ", 3)) for line in self.values[section]]

    def is_referral(self):
        types = {record.type for record in self.records("authority")}
        return "NS" in types and "SOA" not in types and self.rcode == 0

    def difference(self, other):
        """The kind of what differs, without the names: for counting."""
        parts = []
        for name in self.FIELDS:
            mine, yours = self.values[name], other.values[name]
            if mine == yours:
                continue
            if not isinstance(mine, list):
                parts.append(f"{name} {mine!r} / {yours!r}")
                continue
            only = [sorted({line.split(" ")[2] for line in a if line not in b})
                    for a, b in ((mine, yours), (yours, mine))]
            parts.append(f"{name} only ours {only[0]} only theirs {only[1]}")
        return "; ".join(parts)


class Rule:
    """`reason` begins with the RFC; `sets` are those in which it must be met."""

    def __init__(self, name, reason, judge, named_peers=ALL_PEERS, sets=()):
        self.name = name
        self.reason = reason
        self.judge = judge
        self.peers = named_peers
        self.sets = sets


def truncated(record, ours, theirs):
    if not (ours.has("tc") and theirs.has("tc")):
        return None
    empty = {"answer": [], "authority": [], "additional": []}
    return ours.with_changes(**empty), theirs.with_changes(**empty)


def optional_addresses(record, ours, theirs):
    """Addresses of names that an authoritative answer mentions."""
    if not (ours.has("aa") and theirs.has("aa")):
        return None
    changed = []
    for reply in (ours, theirs):
        kept = [line for line in reply.additional if line.split(" ")[2] not in OPTIONAL_TYPES]
        changed.append(reply.with_changes(additional=kept))
    if ours.additional == changed[0].additional and theirs.additional == changed[1].additional:
        return None
    return changed


OPTIONAL_TYPES = {"A", "AAAA", "RRSIG(A)", "RRSIG(AAAA)"}


def rules_for(zones):
    return [
        Rule("truncated", "RFC 2181 §9: what a TC response holds is to be ignored", truncated),
        Rule(
            "optional-addresses",
            "RFC 1034 §4.3.2 step 6: additional data of an authoritative answer is a courtesy",
            optional_addresses,
        ),
    ]
