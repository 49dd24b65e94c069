# SPDX-License-Identifier: GPL-3.0-or-later
"""What the servers are asked: every name of the zones and its neighbours, times every type."""

import dns.rdatatype

# Beside the types that the zones hold. TYPE666 is nobody's.
TYPES_ALWAYS = "A DS ANY NSEC NSEC3 RRSIG SOA NS CNAME DNAME TYPE666".split()
# How a question is asked: EDNS (n none, e plain, d with DO) and transport (u UDP, t TCP).
MODES = ("n u", "d u", "n t", "d t")
HASHED_NAMES = 2
OUTSIDE = (".", "com.", "elsewhere.invalid.", "www.elsewhere.invalid.", "example.", "xtricky.test.")


def labels_of(name):
    """Labels in presentation form; an escaped dot does not part them."""
    labels, label, index = [], "", 0
    while index < len(name):
        if name[index] == "\\":
            width = 4 if name[index + 1 : index + 2].isdigit() else 2
            label += name[index : index + width]
            index += width
        elif name[index] == ".":
            labels.append(label)
            label = ""
            index += 1
        else:
            label += name[index]
            index += 1
    return [label for label in labels if label]


def join(labels):
    return ".".join(labels) + "."


def ancestors(name, apex):
    """`name` and what lies between it and the apex: empty non-terminals among them."""
    labels = labels_of(name)
    for skipped in range(len(labels) - len(labels_of(apex)) + 1):
        yield join(labels[skipped:])


def mixed_case(name):
    return "".join(c.upper() if index % 2 else c.lower() for index, c in enumerate(name))


def neighbours(name):
    """Names around `name` in the tree and in canonical order; not all of them exist."""
    labels = labels_of(name)
    if not labels:
        return ["nothing.", "*.", "a.b."]
    first, rest = labels[0], labels[1:]
    found = [
        join(["*"] + labels),
        join(["nochild"] + labels),
        join(["x", "y"] + labels),
        join(["*"] + rest),
        join([first + "\\000"] + rest),
        join([first + "0"] + rest),
    ]
    if "\\" not in first and len(first) > 1:
        found.append(join([first[:-1]] + rest))
        found.append(join([first[:-1] + chr(ord(first[-1]) - 1)] + rest))
    if "\\" not in name:
        found.append(mixed_case(name))
    return [other for other in found if valid(other)]


def valid(name):
    labels = labels_of(name)
    lengths = [len(label) - 3 * label.count("\\") for label in labels]
    return all(0 < length <= 63 for length in lengths) and sum(lengths) + len(lengths) < 254


def names_of(zone):
    """Owners and empty non-terminals of a zone; of NSEC3 records' owners, a few will do."""
    hashes = sorted({owner for owner, rtype in zone.records if rtype == "NSEC3"})
    left_out = set(hashes[HASHED_NAMES:])
    names = {}
    for owner, _ in zone.records:
        if owner not in left_out:
            for name in ancestors(owner, zone.name):
                names[name.lower()] = None
    return list(names)


def all_names(zones):
    names = {}
    for zone in zones.values():
        for name in names_of(zone):
            for other in [name] + neighbours(name):
                names[other] = None
    for name in OUTSIDE:
        names[name] = None
    for digits in (10, 16, 17, 18, 40, 63):  # below a DNAME whose target leaves little room
        names[f"{'l' * digits}.dnamelong.tricky.test."] = None
    return list(names)


def all_types(zones):
    types = set(TYPES_ALWAYS)
    for zone in zones.values():
        types.update(rtype for _, rtype in zone.records)
    return sorted({int(dns.rdatatype.from_text(rtype)) for rtype in types})


def every_question(zones):
    """Each name × type × mode, as the lines that interop_differ reads."""
    types = all_types(zones)
    for mode in MODES:
        for name in all_names(zones):
            for rtype in types:
                yield f"{name} {rtype} {mode}\n"


def root_questions(zones, sample):
    """Every cut of the root with DS and A, and a sample of its names with all types."""
    types = all_types(zones)
    zone = zones["."]
    cuts = sorted({owner.lower() for owner, rtype in zone.records if rtype == "NS"})
    for mode in MODES:
        for name in cuts:
            for rtype in (1, 2, 43):
                yield f"{name} {rtype} {mode}\n"
    names = names_of(zone)
    for name in names[:: max(1, len(names) // sample)]:
        for other in [name] + neighbours(name):
            for rtype in types:
                for mode in MODES:
                    yield f"{other} {rtype} {mode}\n"
