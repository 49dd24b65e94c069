# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is told over NOTIFY_SOCKET (sd_notify(3)) in the life of a server."""
import os
import pathlib
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import harness  # noqa: E402

ZONE = """\
$ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
"""
WATCHDOG_S = 0.6
WAIT_S = 60


class NotifyTest(unittest.TestCase):
    seen = 0  # of what was heard

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(folder.name + "/notify")
        self.manager.settimeout(0.2)
        self.heard = []  # (time, lines) of each message, as it comes: few can wait
        self.is_over = threading.Event()
        listener = threading.Thread(target=self.listen)
        listener.start()
        self.addCleanup(listener.join)
        self.addCleanup(self.is_over.set)
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ["NOTIFY_SOCKET"] = folder.name + "/notify"
        os.environ["WATCHDOG_USEC"] = str(int(WATCHDOG_S * 10**6))
        os.environ.pop("WATCHDOG_PID", None)
        self.server = harness.Server({"example": ZONE}, workers=2)
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def listen(self):
        while not self.is_over.is_set():
            try:
                lines = self.manager.recv(4096).decode().splitlines()
            except socket.timeout:
                continue
            self.heard.append((time.monotonic(), lines))

    def wait(self, what, condition):
        deadline = time.monotonic() + WAIT_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"no {what} among {self.heard}")
            time.sleep(0.02)

    def wait_for(self, line):
        """The next message with this line; what came before it is not looked at again."""
        def place():
            return next((at for at, (_, lines) in enumerate(self.heard[self.seen:], self.seen)
                         if line in lines), None)
        self.wait(line, lambda: place() is not None)
        found = place()
        self.seen = found + 1
        return self.heard[found][1]

    def test_ready_reload_and_stop(self):
        ready = self.wait_for("READY=1")
        self.assertTrue(any(line.startswith("STATUS=") for line in ready), ready)
        os.kill(self.server.pid, signal.SIGHUP)
        reloading = self.wait_for("RELOADING=1")
        stamp = [line for line in reloading if line.startswith("MONOTONIC_USEC=")]
        self.assertEqual(len(stamp), 1, reloading)
        age_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 - int(stamp[0].split("=")[1])
        self.assertTrue(0 <= age_us < 60_000_000, age_us)
        self.wait_for("READY=1")
        self.server.process.send_signal(signal.SIGTERM)
        self.wait_for("STOPPING=1")

    def gaps(self):
        """Seconds between signs of life, from `self.seen` on."""
        times = [at for at, lines in self.heard[self.seen:] if "WATCHDOG=1" in lines]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def wait_alive(self, after=lambda gaps: gaps):
        """Three in a row in time, as often as this machine stands still between."""
        def is_alive():
            last = after(self.gaps())[-3:]
            return len(last) == 3 and max(last) < WATCHDOG_S
        self.wait("signs of life", is_alive)

    def test_the_watchdog_hears_of_life_and_of_a_hung_worker_nothing(self):
        self.wait_alive()
        self.seen = len(self.heard)
        victim = harness.children(self.server.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        # It is noticed after 5 s, and given 2 s to die; meanwhile the watchdog is left alone.
        self.wait("silence", lambda: max(self.gaps(), default=0) > 1.5)
        # It goes on when the worker is replaced.
        self.wait_alive(lambda gaps: gaps[gaps.index(max(gaps)) + 1:])
        self.assertNotIn(victim, harness.children(self.server.pid))


if __name__ == "__main__":
    unittest.main(verbosity=2)
