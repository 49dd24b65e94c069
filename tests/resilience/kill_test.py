# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills processes of a server under load, and measures what its clients lose.

Printed figures: questions lost, the time between the first and the last of them, and the slowest
answer around the kill. Demanded: a killed worker costs at most its share of the questions for
100 ms; a killed control costs none.
"""
import json
import os
import pathlib
import signal
import socket
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent)]

import harness  # noqa: E402
from load import Load  # noqa: E402

ZONE = """\
$ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
"""
WORKERS = 2
RATE = int(os.environ.get("HOLDFAST_TEST_RATE", "4000"))
GAP_S = 0.1  # what the death of a worker may cost, of its share
KILLS = 3


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def new_child(server, before):
    """The child that has come in the place of another, or None."""
    fresh = set(harness.children(server.pid)) - set(before)
    return fresh.pop() if fresh else None


class KillTest(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server({"example": ZONE}, workers=WORKERS)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        # Workers are started before control.
        children = harness.children(self.server.pid)
        self.assertEqual(len(children), WORKERS + 1)
        self.workers, self.control = children[:WORKERS], children[WORKERS]

    def kill_workers_under_load(self, number):
        self.server.may_crash = number != signal.SIGKILL
        moments = []
        with Load(self.server.address, self.server.port, "www.example", RATE) as load:
            time.sleep(0.5)
            for i in range(KILLS):
                before = harness.children(self.server.pid)
                victim = self.workers[i % WORKERS]
                moments.append(time.monotonic())
                os.kill(victim, number)
                self.assertTrue(wait_until(lambda: new_child(self.server, before)))
                self.workers[i % WORKERS] = new_child(self.server, before)
                time.sleep(1.5)
        share = RATE / WORKERS * GAP_S
        figures = []
        for moment in moments:
            lost, span_ms = load.lost_near(moment, 0.7)
            figures.append((lost, span_ms, load.slowest_near(moment, 0.7)))
        for lost, span_ms, slowest_ms in figures:
            print(f"  {signal.Signals(number).name}: lost {lost} of {RATE}/s "
                  f"(allowed {share:.0f}) within {span_ms:.1f} ms; "
                  f"slowest answer {slowest_ms:.1f} ms", flush=True)
        for lost, span_ms, slowest_ms in figures:
            self.assertLessEqual(lost, share)
            self.assertLessEqual(span_ms, GAP_S * 1000)
        lost_anywhere = len(load.lost())
        self.assertEqual(lost_anywhere, sum(figure[0] for figure in figures),
                         "questions were lost that no kill explains")
        self.assertIsNone(self.server.process.poll(), "the supervisor has ended")

    def control_answers(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            try:
                client.connect(str(self.server.state / "control.sock"))
                client.sendall(b'{"command": "status"}\n')
                return json.loads(client.makefile().readline())["ok"]
            except (OSError, ValueError):  # nobody, nobody who answers, or an end meanwhile
                return False

    def test_sigkill_of_workers(self):
        self.kill_workers_under_load(signal.SIGKILL)

    def test_sigsegv_of_workers(self):
        self.kill_workers_under_load(signal.SIGSEGV)
        deaths = self.server.state / "deaths"
        self.assertFalse(deaths.exists() and list(deaths.iterdir()),
                         "a signal from outside says nothing of the packet in hand")

    def test_a_fault_that_no_test_has_asked_for_fails_it(self):
        before = harness.children(self.server.pid)
        os.kill(self.control, signal.SIGSEGV)
        self.assertTrue(wait_until(lambda: new_child(self.server, before)))
        with self.assertRaisesRegex(AssertionError, "control was ended by SIGSEGV"):
            self.server.__exit__()
        self.assertFalse(self.server.directory.exists())

    def test_kill_of_control_costs_nothing(self):
        self.server.may_crash = True
        for number in (signal.SIGKILL, signal.SIGSEGV):
            with Load(self.server.address, self.server.port, "www.example", RATE) as load:
                time.sleep(0.5)
                before = harness.children(self.server.pid)
                moment = time.monotonic()
                os.kill(self.control, number)
                self.assertTrue(wait_until(lambda: new_child(self.server, before)))
                back_ms = (time.monotonic() - moment) * 1000
                self.control = new_child(self.server, before)
                time.sleep(1)
            slowest_ms = load.slowest_near(moment, 0.5)
            print(f"  control, {number.name}: lost {len(load.lost())} of {len(load.sent_s)}; "
                  f"started again after {back_ms:.0f} ms; slowest answer {slowest_ms:.1f} ms",
                  flush=True)
            self.assertEqual(load.lost(), [])
            self.assertTrue(wait_until(self.control_answers), "control is not back")
        self.assertEqual(harness.children(self.server.pid)[:WORKERS], self.workers,
                         "a worker was replaced as well")

    def test_a_stopped_worker_is_replaced(self):
        before = harness.children(self.server.pid)
        os.kill(self.workers[0], signal.SIGSTOP)
        self.assertTrue(wait_until(lambda: new_child(self.server, before)))
        self.assertNotIn(self.workers[0], harness.children(self.server.pid))
        for _ in range(20):
            self.assertTrue(self.server.ask("www.example", "A").answer)

    def test_nothing_outlives_a_killed_supervisor(self):
        children = harness.children(self.server.pid)
        self.server.process.kill()
        self.server.process.wait()
        self.assertTrue(wait_until(
            lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children)))
        self.server.process = None
        started = time.monotonic()
        self.server.start_answering()
        print(f"  answers again {(time.monotonic() - started) * 1000:.0f} ms after a new start",
              flush=True)

    def test_a_new_start_waits_for_what_the_killed_one_still_writes(self):
        """Its control may need long to sync zone memory; answers do not wait for that."""
        os.kill(self.control, signal.SIGSTOP)  # as slow as can be
        self.server.process.kill()
        self.server.process.wait()
        self.server.process = None
        self.addCleanup(self.end_process, self.control)
        self.assertTrue(wait_until(
            lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in self.workers)))
        self.server.start_answering()  # from kept zone memory
        time.sleep(1)
        self.assertIsNone(self.server.process.poll(), self.server.log_text())
        self.assertTrue(self.server.ask("www.example", "A").answer)
        self.assertFalse(self.control_answers())
        os.kill(self.control, signal.SIGKILL)
        self.assertTrue(wait_until(self.control_answers), self.server.log_text())

    @staticmethod
    def end_process(pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def test_sigterm_under_load_ends_in_order(self):
        with Load(self.server.address, self.server.port, "www.example", RATE):
            time.sleep(0.3)
            self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
