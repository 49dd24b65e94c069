# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd is told over NOTIFY_SOCKET (sd_notify(3)) in the life of a server."""
import os
import pathlib
import signal
import socket
import sys
import tempfile
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


class NotifyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(folder.name + "/notify")
        self.manager.settimeout(0.2)
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ["NOTIFY_SOCKET"] = folder.name + "/notify"
        os.environ["WATCHDOG_USEC"] = "600000"
        os.environ.pop("WATCHDOG_PID", None)
        self.server = harness.Server({"example": ZONE}, workers=2)
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def messages_until(self, line, seconds=10):
        """All messages up to the first with this line."""
        seen, deadline = [], time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                seen.append(self.manager.recv(4096).decode().splitlines())
            except socket.timeout:
                continue
            if line in seen[-1]:
                return seen
        self.fail(f"no {line} among {seen}")

    def test_ready_reload_and_stop(self):
        ready = self.messages_until("READY=1")[-1]
        self.assertTrue(any(line.startswith("STATUS=") for line in ready), ready)
        os.kill(self.server.pid, signal.SIGHUP)
        reloading = self.messages_until("RELOADING=1")[-1]
        stamp = [line for line in reloading if line.startswith("MONOTONIC_USEC=")]
        self.assertEqual(len(stamp), 1, reloading)
        age_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 - int(stamp[0].split("=")[1])
        self.assertTrue(0 <= age_us < 10_000_000, age_us)
        self.messages_until("READY=1")
        self.server.process.send_signal(signal.SIGTERM)
        self.messages_until("STOPPING=1")

    def test_the_watchdog_hears_of_life_and_of_a_hung_worker_nothing(self):
        for _ in range(3):
            began = time.monotonic()
            self.messages_until("WATCHDOG=1")
            self.assertLess(time.monotonic() - began, 0.6)
        victim = harness.children(self.server.pid)[0]
        os.kill(victim, signal.SIGSTOP)
        # It is noticed after 5 s, and given 2 s to die; meanwhile the watchdog is left alone.
        longest, last, deadline = 0.0, time.monotonic(), time.monotonic() + 9
        while time.monotonic() < deadline:
            try:
                if b"WATCHDOG=1" in self.manager.recv(4096):
                    longest, last = max(longest, time.monotonic() - last), time.monotonic()
            except socket.timeout:
                pass
        self.assertGreater(longest, 1.5)
        self.assertLess(time.monotonic() - last, 0.6, "it goes on when the worker is replaced")


if __name__ == "__main__":
    unittest.main(verbosity=2)
