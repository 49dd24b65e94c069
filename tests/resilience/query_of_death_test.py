# SPDX-License-Identifier: GPL-3.0-or-later
"""A question that kills whoever answers it: kept, after its second death refused, told, and tried
again later. The program is holdfast_crashing (CMakeLists.txt)."""
import os
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent), str(HERE.parent / "control")]

import dns.exception  # noqa: E402
import dns.message  # noqa: E402
import harness  # noqa: E402
from control_client import wait_until  # noqa: E402
from load import Load  # noqa: E402

ZONE = """\
$ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
crash A 192.0.2.81
"""
WORKERS = 2
RATE = 2000


class QueryOfDeathTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(os.environ.update, HOLDFAST=harness.program())
        os.environ["HOLDFAST"] = os.environ.get(
            "HOLDFAST_CRASHING", str(pathlib.Path(harness.program()).parent
                                     / "tests/resilience/holdfast_crashing"))
        self.server = harness.Server({"example": ZONE}, workers=WORKERS)
        self.server.may_crash = True
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def is_silent(self, name, rdtype="A", tcp=False):
        try:
            self.server.ask(name, rdtype, tcp=tcp, timeout=0.3)
            return False
        except (dns.exception.Timeout, EOFError, OSError):
            return True

    def deaths(self):
        folder = self.server.state / "deaths"
        return sorted(file.with_suffix(".packet") for file in folder.glob("*.txt"))

    def wait_for_deaths(self, count):
        """Their files are there, and so are the successors."""
        wait_until(f"{count} deaths", lambda: len(self.deaths()) == count)
        self.wait_for_restarts(count)
        return self.deaths()

    def wait_for_restarts(self, count):
        def are_there():
            workers = (self.server.control_status() or {}).get("workers", [])
            return (sum(worker["restarts"] for worker in workers) == count and
                    [worker["state"] for worker in workers] == ["answering"] * WORKERS)
        wait_until(f"{count} successors", are_there)

    def die_twice(self, tcp=False):
        for count in (1, 2):
            self.assertTrue(self.is_silent("crash.example", tcp=tcp))
            files = self.wait_for_deaths(count)
        return files

    def test_kept_then_refused_then_told(self):
        children = set(harness.children(self.server.pid))
        with Load(self.server.address, self.server.port, "www.example", RATE) as load:
            time.sleep(0.3)
            files = self.die_twice()
            after_two = set(harness.children(self.server.pid))
            time.sleep(0.3)
            for _ in range(20):
                self.assertTrue(self.is_silent("crash.example"))
            self.assertEqual(set(harness.children(self.server.pid)), after_two,
                             "it killed again after its second death")
        # One worker twice, or two once each.
        self.assertIn(len(children - after_two), (1, 2))
        packet = dns.message.from_wire(files[0].read_bytes())
        self.assertEqual(str(packet.question[0].name), "crash.example.")
        text = files[1].with_suffix(".txt").read_text()
        self.assertIn("SIGILL", text)
        wait_until("the log", lambda: "refused for 300 s" in self.server.log_text())
        # The batch that the packet came in is lost with the worker, and nothing more.
        print(f"  two deaths cost {len(load.lost())} of {len(load.sent_s)} other questions",
              flush=True)
        self.assertLessEqual(len(load.lost()), 2 * 64)

    def test_only_what_is_alike_is_refused(self):
        self.die_twice()
        self.assertTrue(self.is_silent("CRASH.example"), "its case is not part of a name")
        self.assertTrue(self.server.ask("www.example", "A").answer)
        self.assertTrue(self.server.ask("example", "SOA").answer)

    def test_over_tcp(self):
        self.die_twice(tcp=True)
        after_two = set(harness.children(self.server.pid))
        self.assertTrue(self.is_silent("crash.example", tcp=True))
        self.assertTrue(self.is_silent("crash.example"), "the same over UDP")
        self.assertEqual(set(harness.children(self.server.pid)), after_two)
        wait_until("the log", lambda: f"over TCP from {harness.CLIENTS[0]}@" in
                   self.server.log_text())

    def test_a_question_that_hangs_a_worker(self):
        for count in (1, 2):
            self.assertTrue(self.is_silent("hang.example"))
            self.wait_for_restarts(count)
        after_two = set(harness.children(self.server.pid))
        for _ in range(10):
            self.assertTrue(self.is_silent("hang.example"))
        time.sleep(6)
        self.assertEqual(set(harness.children(self.server.pid)), after_two)
        for _ in range(10):
            self.assertTrue(self.server.ask("www.example", "A").answer)


if __name__ == "__main__":
    unittest.main(verbosity=2)
