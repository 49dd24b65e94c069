# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone above the tested one: it serves DS, NS and DSYNC, and does what its children ask for."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import dns.exception
import dns.rdatatype
from harness import Server

WAIT_S = 60  # sanitizer builds on a busy machine included


def wait_until(what, condition, wait_s=WAIT_S, text=lambda: ""):
    """The first true value of `condition`, which may fail to get an answer meanwhile."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        try:
            value = condition()
            if value:
                return value
        except (dns.exception.Timeout, EOFError, OSError):
            pass
        time.sleep(0.1)
    raise AssertionError(f"not within {wait_s} s: {what}\n{text()}")


def records(reply, rdtype):
    """The records of a type in the answer, as a sorted list of texts."""
    wanted = dns.rdatatype.from_text(rdtype)
    return sorted(rdata.to_text() for rrset in reply.answer if rrset.rdtype == wanted
                  for rdata in rrset)


class Parent:
    """Serves `test.`, with the delegation of one child."""

    def __init__(self, label, dsync=""):
        self.label, self.dsync = label, dsync
        self.serial, self.ds, self.ns = 1, [], [f"ns.{label}.test."]
        self.server = Server({"test": self.text()})

    def text(self):
        lines = ["$TTL 1", f"@ SOA ns admin {self.serial} 7200 3600 1209600 1", "@ NS ns",
                 "ns A 127.0.0.1"]
        lines += [f"{self.label} NS {name}" for name in self.ns]
        lines += [f"{name} A 127.0.0.1" for name in self.ns]
        lines += [f"{self.label} DS {text}" for text in self.ds]
        return "\n".join(lines) + "\n" + self.dsync

    @property
    def address(self):
        return f"{self.server.address}@{self.server.port}"

    def publish(self):
        self.serial += 1
        self.server.zones = {"test": self.text()}
        self.server.write_config()
        done = self.server.run("reload", "--config", str(self.server.config))
        assert done.returncode == 0, done.stdout + done.stderr

    def follow(self, replies):
        """Takes what all of the child's servers, whose replies to CDS these are, agree on (RFC
        7344 §4.1, RFC 8078 §4). True if that is something new."""
        asked = {tuple(records(reply, "CDS")) for reply in replies}
        if len(asked) != 1:
            return False
        cds = list(asked.pop())
        if not cds:
            return False
        ds = [] if cds[0].split()[1] == "0" else cds
        if ds == self.ds:
            return False
        self.ds = ds
        self.publish()
        return True
