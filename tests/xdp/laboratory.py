# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces of the test's own, joined by a veth pair: a client and a server.

    with Laboratory(queues=2) as lab:
        with lab.server({"example": ZONE}, {"mode": "on"}) as server:
            lab.ask(server, ...)

The server's end is 192.0.2.1 and 2001:db8::1, the client's .2 and ::2; the program runs in the
server's namespace, this process asks from the client's. Nothing leads out of them, and both are
gone at the end. `skip_without_rights` skips a test where namespaces cannot be made.
"""
import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "control")]

import harness  # noqa: E402
from control_client import wait_until  # noqa: E402

CLONE_NEWNET = 0x40000000
SKIPPED = 77
RIGHTS = "needs root with CAP_NET_ADMIN, CAP_BPF and CAP_NET_RAW, and network namespaces"
SERVER4, CLIENT4 = "192.0.2.1", "192.0.2.2"
SERVER6, CLIENT6 = "2001:db8::1", "2001:db8::2"
A_RESPONSE, COUNTED = b"\0\0\x80" + bytes(9), "dropped_response"


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout


def has_rights():
    """Whether this process may make network namespaces, interfaces and XDP programs."""
    if os.geteuid() != 0:
        return False
    probe = f"hfx{os.getpid()}p"
    try:
        run("ip", "netns", "add", probe)
        run("ip", "netns", "del", probe)
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False
    return True


def enter(namespace):
    """Moves this thread into a namespace, by its open file."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Laboratory:
    def __init__(self, queues=1, mtu=1500):
        self.queues = queues
        self.mtu = mtu
        self.inside = f"hfx{os.getpid()}s"
        self.outside = f"hfx{os.getpid()}c"
        self.interface = "hfs0"
        self.home = None

    def __enter__(self):
        self.home = open("/proc/self/ns/net", encoding="ascii")
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self):
        for name in (self.inside, self.outside):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        ends = (f"name {self.interface} netns {self.inside} numrxqueues {self.queues} "
                f"numtxqueues {self.queues} type veth peer name hfc0 netns {self.outside} "
                f"numrxqueues {self.queues} numtxqueues {self.queues}")
        run("ip", "link", "add", *ends.split())
        for name, interface, four, six in ((self.inside, self.interface, SERVER4, SERVER6),
                                           (self.outside, "hfc0", CLIENT4, CLIENT6)):
            run("ip", "-n", name, "link", "set", interface, "mtu", str(self.mtu))
            run("ip", "-n", name, "addr", "add", f"{four}/24", "dev", interface)
            run("ip", "-n", name, "addr", "add", f"{six}/64", "dev", interface, "nodad")
            run("ip", "-n", name, "link", "set", interface, "up")
        with open(f"/run/netns/{self.outside}", encoding="ascii") as namespace:
            enter(namespace)

    def __exit__(self, *unused):
        enter(self.home)
        self.home.close()
        for name in (self.inside, self.outside):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def server(self, zones, xdp=None, settings=None, listen=(SERVER4, SERVER6), workers=1):
        return LaboratoryServer(self, zones, {"xdp": xdp or {"mode": "on"}, **(settings or {})},
                                listen=listen, workers=workers)

    def server_like_others(self, zones, settings=None, **keywords):
        """What stands in for harness.Server, with AF_XDP."""
        return self.server(zones, settings=settings, **keywords)

    def has_program(self):
        """Whether an XDP program is attached to the server's interface."""
        return "xdp" in run("ip", "-n", self.inside, "link", "show", "dev", self.interface)


class LaboratoryServer(harness.Server):
    """A server in the laboratory. Its commands run in any namespace: they use a Unix socket."""

    def __init__(self, laboratory, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.laboratory = laboratory
        self.prefix = []  # of the command, within the namespace

    def serve_command(self):
        enter = ["ip", "netns", "exec", self.laboratory.inside]
        return [*enter, *self.prefix, *super().serve_command()]

    def status(self):
        reply = self.run("status", "--json", "--config", str(self.config))
        if reply.returncode != 0:
            raise AssertionError(reply.stdout + reply.stderr)
        return json.loads(reply.stdout)

    def packets(self, kind):
        """Packets of a kind at all queues, as the program counts them; reported each second."""
        return sum(queue["packets"][kind] for queue in self.status()["xdp"]["queues"])

    def wait_counted(self):
        """Until all that has come until now is reported: a packet that is dropped and counted shows
        in a report, and another in one that was begun after that."""
        address = self.settings["server"]["listen"][0].split("@")[0]
        if address in ("0.0.0.0", "::"):
            address = SERVER4
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for _ in range(2):
            before = self.packets(COUNTED)
            with socket.socket(family, socket.SOCK_DGRAM) as client:
                client.sendto(A_RESPONSE, (address, self.port))
            wait_until("a report", lambda count=before: self.packets(COUNTED) > count)

    def worker(self):
        """The pid of its first worker."""
        return wait_until("a worker", lambda: self.status()["workers"][0]["pid"])


def skip_without_rights(test):
    return unittest.skipUnless(has_rights(), RIGHTS)(test)
