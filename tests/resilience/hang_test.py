# SPDX-License-Identifier: GPL-3.0-or-later
"""A control process that gives no sign of life is replaced; answers do not notice.

That long work alone is no hang, and what is, is tested in src/control/liveness_test.cc.
"""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent), str(HERE.parent / "control")]

import harness  # noqa: E402
from control_client import Control, log_has, wait_until, zone  # noqa: E402
from load import Load  # noqa: E402

HUNG_AFTER_S = 15


class HangTest(unittest.TestCase):
    def start(self, zones, workers=1):
        self.metrics = f"127.0.0.1:{harness.free_port()}"
        self.server = harness.Server(zones, {"metrics": {"listen": self.metrics}}, workers=workers)
        self.addCleanup(self.server.__exit__)
        self.server.start()
        # Workers are started before control.
        self.first = harness.children(self.server.pid)
        self.assertEqual(len(self.first), workers + 1)
        self.control = self.first[-1]
        self.client = Control(self.server)

    def hangs(self):
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=60) as reply:
            lines = reply.read().decode().splitlines()
        return next(line.split()[1] for line in lines
                    if line.startswith("holdfast_control_hangs_total "))

    def successor(self):
        return next((pid for pid in harness.children(self.server.pid) if pid not in self.first),
                    None)

    def test_a_stopped_control_is_replaced(self):
        self.start({"example": zone(1)}, workers=2)
        wait_until("ready", self.client.is_up)
        self.assertEqual(self.hangs(), "0")
        with Load(self.server.address, self.server.port, "example", 500) as load:
            stopped = time.monotonic()
            os.kill(self.control, signal.SIGSTOP)
            wait_until("another control", self.successor, 8 * HUNG_AFTER_S)
            took_s = time.monotonic() - stopped
            wait_until("its socket", self.client.is_up)
        print(f"  another control after {took_s:.1f} s; lost {len(load.lost())} of "
              f"{len(load.sent_s)}", flush=True)
        self.assertEqual(load.lost(), [])
        self.assertGreater(took_s, HUNG_AFTER_S - 2)
        self.assertTrue(log_has(self.server, "control gives no sign of life"))
        self.assertTrue(log_has(self.server, "because it had hung"))
        self.assertEqual(self.hangs(), "1")
        status = self.client.status()
        self.assertTrue(status["ready"])
        # What is reloaded then works as before.
        self.server.zones["example"] = zone(2)
        self.server.write_config()
        self.assertTrue(self.client.ask("reload")["ok"])

    def test_a_control_that_is_ended_while_it_loads_is_replaced(self):
        """By SIGTERM, which it takes for an orderly end."""
        names = "".join(f"n{number} 3600 IN A 192.0.2.1\n" for number in range(400_000))
        server = harness.Server({"example": zone(1) + names})
        self.addCleanup(server.__exit__)
        with open(server.log, "ab") as log:
            server.process = subprocess.Popen(
                [harness.program(), "serve", "--config", str(server.config)],
                stdout=log, stderr=log, start_new_session=True)
        wait_until("control", lambda: len(harness.children(server.pid)) == 2)
        first = harness.children(server.pid)[-1]
        wait_until("its start", Control(server).is_up)
        os.kill(first, signal.SIGTERM)
        wait_until("another control", lambda: first not in harness.children(server.pid)
                   and len(harness.children(server.pid)) == 2)
        wait_until("the zone", lambda: Control(server).is_up()
                   and Control(server).zone("example").get("serial") == 1)
        self.assertIsNone(server.process.poll())


if __name__ == "__main__":
    unittest.main(verbosity=2)
