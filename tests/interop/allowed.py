# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between servers that are right, or theirs, each with the RFC that says why.

A rule gets the question and both replies and, where it knows the difference, takes it out of both.
What is left after all rules must be equal.
"""

import collections

SETS = ("unsigned", "nsec", "nsec3", "optout", "root-nsec", "root-nsec3")
RANDOM = ("random-1", "random-5")
ALL_PEERS = ("knot", "nsd", "bind")

DS, RRSIG, NSEC, NSEC3, ANY = 43, 46, 47, 50, 255

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

    def types(self, section):
        return {line.split(" ")[2] for line in self.values[section]}

    def is_referral(self):
        types = self.types("authority")
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


# --- sizes


def fits(record, ours):
    """True if our reply over UDP is what our whole answer, as TCP gives it, must become."""
    whole = Reply(record["whole"])
    limit = 512 if record["edns"] == 0 else 1232
    if ours.has("tc"):
        return whole.size > limit
    if ours.answer != whole.answer or ours.authority != whole.authority:
        return False
    missing = [record for record in whole.records("additional")
               if " ".join(record) not in ours.additional]
    cuts = [record.owner for record in ours.records("authority") if record.type == "NS"]
    return not missing or whole.size > limit and (
        ours.has("aa") or not any(at_or_below(record.owner, cuts[0]) for record in missing))


def truncated(record, ours, theirs):
    if record["over"] != "udp" or not (ours.has("tc") or theirs.has("tc")):
        return None
    return (ours, ours) if fits(record, ours) else None


def glue_that_fits(record, ours, theirs):
    if record["over"] != "udp" or ours.has("tc") or not fits(record, ours):
        return None
    limit = 512 if record["edns"] == 0 else 1232
    if Reply(record["whole"]).size + COMPRESSION_BYTES < limit:
        return None
    return ours, theirs.with_changes(additional=ours.additional)


COMPRESSION_BYTES = 100  # by which other servers' messages were seen to be larger than ours


# --- additional data


def optional_additional(record, ours, theirs):
    if not (ours.has("aa") and theirs.has("aa")):
        return None
    return without(ours, OPTIONAL, always), without(theirs, OPTIONAL, always)


def authoritative_addresses(zones):
    def judge(record, ours, theirs):
        if not ours.is_referral():
            return None

        def is_authoritative(owner):
            zone = zone_of(zones, owner)
            return zone and not any(at_or_below(owner, cut) for cut in cuts_of(zone))

        return without(ours, ADDRESSES, is_authoritative), without(
            theirs, ADDRESSES, is_authoritative)

    return judge


def wildcard_addresses(zones):
    def judge(record, ours, theirs):
        if not ours.is_referral():
            return None

        def is_made(owner):
            zone = zone_of(zones, owner)
            return zone and owner not in owners_of(zone)

        return ours, without(theirs, ADDRESSES, is_made)

    return judge


def without(reply, types, is_dropped):
    kept = [line for line in reply.additional
            if not (line.split(" ")[2] in types and is_dropped(line.split(" ")[0]))]
    return reply.with_changes(additional=kept)


def always(owner):
    return True


ADDRESSES = {"A", "AAAA", "RRSIG(A)", "RRSIG(AAAA)"}
DENIAL = {"NSEC", "RRSIG(NSEC)", "NSEC3", "RRSIG(NSEC3)"}
OPTIONAL = ADDRESSES | DENIAL


# --- aliases


def alias_end(record, reply):
    """Where the aliases in the answer lead from the question's name, how many they are, and
    whether in a circle."""
    targets = {r.owner: r.rdata for r in reply.records("answer") if r.type == "CNAME"}
    name, seen = record["name"].lower(), set()
    while name in targets and name not in seen:
        seen.add(name)
        name = targets[name]
    return name, len(seen), name in seen


def other_zone(zones):
    def judge(record, ours, theirs):
        end, length, _ = alias_end(record, theirs)
        home = zone_of(zones, record["name"])
        if not length or theirs.rcode or not set(theirs.answer) <= set(ours.answer):
            return None
        asks_parent = record["type"] == DS and end in zones and home is zones[end]
        if zone_of(zones, end) in (home, None) and not asks_parent:
            return None
        return ours, ours

    return judge


def loop(record, ours, theirs):
    if not alias_end(record, ours)[2] or theirs.rcode != 2 or ours.rcode != 0:
        return None
    return ours, theirs.with_changes(rcode=0)


def into_itself(record, ours, theirs):
    """A DNAME that leads below itself: each step makes the name longer, and none ends it."""
    inward = any(r.type == "DNAME" and at_or_below(r.rdata, r.owner)
                 for r in ours.records("answer"))
    return (ours, ours) if inward and set(ours.answer) <= set(theirs.answer) else None


def repeated(record, ours, theirs):
    return ours, theirs.with_changes(answer=list(dict.fromkeys(theirs.answer)))


def long_chain(record, ours, theirs):
    length = alias_end(record, theirs)[1]
    shorter = length < alias_end(record, ours)[1] or theirs.rcode == 2
    if length < CHAIN_FOLLOWED_BY_ALL or not shorter:
        return None
    return (ours, ours) if set(theirs.answer) <= set(ours.answer) else None


CHAIN_FOLLOWED_BY_ALL = 5


def name_too_long(record, ours, theirs):
    if ours.rcode != 6 or theirs.rcode != 3:
        return None
    return ours, theirs.with_changes(rcode=6, authority=ours.authority)


def type_beside_alias(*types):
    def judge(record, ours, theirs):
        if record["type"] not in types or not alias_end(record, ours)[1]:
            return None
        return (ours, ours) if set(theirs.answer) <= set(ours.answer) else None

    return judge


# --- question types that servers take their own way


def any_type(record, ours, theirs):
    if record["type"] != ANY or ours.rcode != theirs.rcode:
        return None
    owners = [{line.split(" ")[0] for line in reply.answer} for reply in (ours, theirs)]
    if not owners[0] or owners[0] != owners[1]:
        return None
    return [reply.with_changes(answer=[], authority=[], additional=[]) for reply in (ours, theirs)]


def any_through_dname(record, ours, theirs):
    if record["type"] != ANY or "DNAME" not in ours.types("answer"):
        return None
    return (ours, ours) if set(ours.answer) <= set(theirs.answer) else None


def signatures_asked(record, ours, theirs):
    if record["type"] != RRSIG or not ours.answer or not theirs.answer:
        return None
    return ours.with_changes(answer=[]), theirs.with_changes(answer=[])


def nsec_at_cut(record, ours, theirs):
    if record["type"] != NSEC or not ours.is_referral():
        return None
    if {"NSEC"} != theirs.types("answer") - {"RRSIG(NSEC)"} or not theirs.has("aa"):
        return None
    return ours, ours


# --- denial


def names_with_zero(record, ours, theirs):
    if "\\000" not in record["name"]:
        return None
    return only_denial(ours, theirs)


def empty_wildcard(record, ours, theirs):
    """No data at a wildcard that is an empty non-terminal: two NSEC records, ours has both."""
    if ours.rcode != 0 or ours.answer or not set(theirs.authority) < set(ours.authority):
        return None
    return only_denial(ours, theirs)


def denial_after_dname(record, ours, theirs):
    if "DNAME" not in ours.types("answer"):
        return None
    return only_denial(ours, theirs)


def wildcard_without_data(record, ours, theirs):
    pair = set(ours.authority), set(theirs.authority)
    if ours.rcode != 0 or not (pair[0] < pair[1] or pair[1] < pair[0]):
        return None
    return only_denial(ours, theirs)


def nsec_of_wildcard(record, ours, theirs):
    if record["type"] != NSEC or not ours.answer or not set(theirs.authority) < set(ours.authority):
        return None
    return only_denial(ours, theirs)


def provable_encloser(zones):
    """Names at and below an empty non-terminal that opt-out leaves without an NSEC3."""
    def judge(record, ours, theirs):
        zone = zone_of(zones, record["name"])
        if not zone or not any(at_or_below(record["name"].lower(), name)
                               for name in unproven_of(zone)):
            return None
        return only_denial(ours, theirs)

    return judge


def hashed_name(zones):
    def judge(record, ours, theirs):
        name = record["name"].lower()
        zone = zone_of(zones, name)
        if not zone or not any(at_or_below(name, owner) for owner in hashes_of(zone)):
            return None
        return ours, ours

    return judge


def only_denial(ours, theirs):
    """Ours for both, if they differ in nothing but NSEC and NSEC3 records."""
    kept = [sorted(line for line in reply.authority if line.split(" ")[2] not in DENIAL)
            for reply in (ours, theirs)]
    return (ours, theirs.with_changes(authority=ours.authority)) if kept[0] == kept[1] else None


# --- names


def at_or_below(name, ancestor):
    return ancestor == "." or name == ancestor or name.endswith("." + ancestor)


def zone_of(zones, name):
    """The deepest of our zones that holds `name`, or None."""
    while True:
        if name.lower() in zones:
            return zones[name.lower()]
        if name == "." or "." not in name:
            return None
        name = name.split(".", 1)[1] or "."


def cuts_of(zone):
    if not hasattr(zone, "cuts"):
        zone.cuts = {owner.lower() for owner, rtype in zone.records
                     if rtype == "NS" and owner.lower() != zone.name}
    return zone.cuts


def owners_of(zone):
    if not hasattr(zone, "owners"):
        zone.owners = {owner.lower() for owner, _ in zone.records}
    return zone.owners


def unproven_of(zone):
    """Empty non-terminals that lead to insecure cuts only."""
    if not hasattr(zone, "unproven"):
        secure = {owner.lower() for owner, rtype in zone.records if rtype == "DS"}
        insecure = cuts_of(zone) - secure
        proven = set()
        for owner, _ in zone.records:
            if not any(at_or_below(owner.lower(), cut) for cut in insecure):
                proven.update(above(owner.lower(), zone.name))
        zone.unproven = {name for cut in insecure for name in above(cut, zone.name)
                         if name != cut and name not in proven}
    return zone.unproven


def above(name, apex):
    """`name` and its ancestors within the zone."""
    found = [name]
    while found[-1] != apex and "." in found[-1][:-1]:
        found.append(found[-1].split(".", 1)[1])
    return found


def hashes_of(zone):
    if not hasattr(zone, "hashes"):
        zone.hashes = {owner.lower() for owner, rtype in zone.records if rtype == "NSEC3"}
    return zone.hashes


def rules_for(zones):
    knot, nsd, bind = ALL_PEERS
    signed = SETS[1:]
    constructs = SETS[:4]
    return [
        Rule("truncated", "RFC 2181 §9: what a TC response holds is to be ignored; RFC 9471 §3.1"
             " wants TC where required glue does not fit", truncated, sets=SETS),
        Rule("glue-that-fits", "RFC 9471 §3: which addresses are left out beyond the required"
             " ones is the server's choice", glue_that_fits, sets=SETS[4:]),
        Rule("optional-additional", "RFC 1034 §4.3.2 step 6: additional data of an authoritative"
             " answer is a courtesy", optional_additional, (knot,), constructs),
        Rule("authoritative-addresses", "RFC 1034 §4.3.2 step 3b: a referral carries what addresses"
             " there are; BIND's minimal ones hold only glue", authoritative_addresses(zones),
             (bind,), constructs),
        Rule("wildcard-addresses", "RFC 9471 §2: glue are addresses that stand in the zone; what a"
             " wildcard makes of a name server's name can be asked for", wildcard_addresses(zones),
             (knot, nsd), ("random-5",)),
        Rule("other-zone", "RFC 1034 §4.3.2 step 3a: an alias is followed from step 1 on, through"
             " all zones; Knot and BIND stay in the first", other_zone(zones), (knot, bind),
             constructs),
        Rule("loop", "RFC 1034 §3.6.2: a loop is for the resolver to find; the server's part are"
             " the records", loop, (bind,), constructs),
        Rule("into-itself", "RFC 6672 §3.2: a DNAME that leads below itself has no end; one step"
             " shows it", into_itself, (knot, bind), RANDOM),
        Rule("repeated", "RFC 2181 §5.5: an RRset stands in a reply once", repeated, (knot, nsd),
             RANDOM),
        Rule("long-chain", "RFC 1034 §3.6.2: chains are followed; Knot and BIND stop earlier",
             long_chain, (knot, bind), constructs),
        Rule("name-too-long", "RFC 6672 §2.2: YXDOMAIN where the substituted name is too long",
             name_too_long, (knot,), constructs),
        Rule("type-beside-alias", "RFC 4035 §2.5: only an alias that owns NSEC or RRSIG answers for"
             " them itself; others are followed (RFC 1034 §4.3.2 step 3a)",
             type_beside_alias(RRSIG, NSEC), (knot, bind), ("unsigned", "nsec3", "optout")),
        Rule("nsec3-beside-alias", "RFC 5155 §7.2.8: an NSEC3 never lies beside an alias",
             type_beside_alias(NSEC3), (nsd,), constructs),
        Rule("denial-after-dname", "RFC 4035 §3.1.3: what follows a DNAME is denied or shown to be"
             " a wildcard's like any name", denial_after_dname, (nsd,), ("nsec",)),
        Rule("any", "RFC 8482 §4.1: any subset of the RRsets answers ANY", any_type, (nsd, bind),
             SETS),
        Rule("any-of-knot", "RFC 8482 §4.1: any subset, of RRSIGs too", any_type, (knot,),
             signed[:3]),
        Rule("any-through-dname", "RFC 8482 §4.1: the alias itself is a subset; RFC 6604 §3: the"
             " RCODE is that of the last name followed", any_through_dname, (knot, nsd),
             constructs),
        Rule("signatures-asked", "RFC 4035 §2.2: the RRSIGs of a name are no RRset",
             signatures_asked, (nsd, bind), signed),
        Rule("nsec-at-cut", "RFC 4035 §3.1.4.1: only DS is answered from above a cut; for other"
             " types there is a referral", nsec_at_cut, (bind,), ("nsec", "root-nsec")),
        Rule("names-with-zero", "RFC 4034 §6.1: a label that ends in a zero byte sorts after all"
             " below the label without it", names_with_zero, (knot,), ("nsec",)),
        Rule("empty-wildcard", "RFC 4035 §3.1.3.4: both the NSEC that shows the wildcard's types"
             " and the one that rules out a closer match", empty_wildcard, (knot, bind), ("nsec",)),
        Rule("wildcard-without-data", "RFC 5155 §7.2.5: three NSEC3 prove that a wildcard has no"
             " data", wildcard_without_data, (nsd,), ("nsec3", "optout")),
        Rule("provable-encloser", "RFC 5155 §7.2.1: under opt-out the closest encloser is the"
             " one that has an NSEC3", provable_encloser(zones), (nsd,), ("optout",)),
        Rule("nsec-of-wildcard", "RFC 4035 §3.1.3.3: a wildcard's answer comes with the proof that"
             " nothing is closer", nsec_of_wildcard, (knot,), ("nsec",)),
        Rule("hashed-name", "RFC 5155 §7.2.8: the owner of an NSEC3 is no name of the zone",
             hashed_name(zones), (nsd,), ("nsec3", "optout")),
    ]
