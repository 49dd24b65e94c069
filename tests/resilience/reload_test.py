# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads that change listen addresses and workers, under load: nothing is lost at the addresses
that stay, and a reload that cannot be made changes nothing."""
import json
import pathlib
import resource
import socket
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent), str(HERE.parent / "control")]

import dns.exception  # noqa: E402
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
"""
RATE = 3000


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server({"example": ZONE}, listen=("127.0.0.1",), workers=2)
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def reload(self, **server_settings):
        self.server.settings["server"].update(server_settings)
        self.server.write_config()
        return self.server.run("reload", "--config", str(self.server.config))

    def listen(self, *addresses):
        return [f"{address}@{self.server.port}" for address in addresses]

    def workers(self):
        return len(harness.children(self.server.pid)) - 1

    def is_silent_at(self, address):
        try:
            self.server.ask("www.example", "A", address=address, timeout=0.5)
            return False
        except (dns.exception.Timeout, OSError):
            return True

    def assert_answers_at(self, address, wanted=True):
        if wanted:
            self.assertTrue(self.server.ask("www.example", "A", address=address).answer, address)
        else:
            wait_until(f"{address} to be silent", lambda: self.is_silent_at(address))

    def test_addresses_and_workers_change_without_a_loss(self):
        with Load(self.server.address, self.server.port, "www.example", RATE) as load:
            time.sleep(0.3)
            for addresses, workers in ((["127.0.0.1", "127.0.0.2"], 2), (["127.0.0.1"], 4),
                                       (["127.0.0.1", "127.0.0.3"], 4)):
                done = self.reload(listen=self.listen(*addresses), workers=workers)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                wait_until("so many workers", lambda: self.workers() == workers)
                for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
                    self.assert_answers_at(address, address in addresses)
                time.sleep(0.3)
        print(f"  lost {len(load.lost())} of {len(load.sent_s)} over three changes; slowest answer "
              f"{load.slowest_near(load.begun_s, 60):.1f} ms", flush=True)
        self.assertEqual(load.lost(), [])

    def test_fewer_workers(self):
        done = self.reload(workers=1)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        wait_until("one worker", lambda: self.workers() == 1)
        for _ in range(50):
            self.assert_answers_at("127.0.0.1")
        status = json.loads(self.server.run("status", "--json", "--config",
                                            str(self.server.config)).stdout)
        self.assertEqual([worker["state"] for worker in status["workers"]], ["answering"])

    def test_more_connections_than_descriptors_change_nothing(self):
        resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (1500, 1500))
        self.server.settings["tcp"] = {"connections_max": 5000}
        done = self.reload(nsid="other")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"nothing was changed: too few file descriptors: this "
                                      r"configuration needs 5\d\d\d, but the limit is 1500;")
        self.assert_answers_at("127.0.0.1")
        self.server.settings["tcp"] = {"connections_max": 1100}
        self.assertEqual(self.reload().returncode, 0)
        # More workers need no more of each, but the supervisor holds the sockets of all.
        done = self.reload(workers=200, listen=self.listen(*(f"127.0.0.{i}" for i in range(1, 9))))
        self.assertIn("needs ", done.stderr)
        self.assertEqual(self.workers(), 2)

    def test_a_port_that_is_taken_changes_nothing(self):
        before = harness.children(self.server.pid)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            taken = other.getsockname()[1]
            done = self.reload(listen=[*self.listen("127.0.0.1"), f"127.0.0.1@{taken}"])
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"127.0.0.1@{taken} (UDP)", done.stdout + done.stderr)
        self.assertEqual(harness.children(self.server.pid), before)
        self.assert_answers_at("127.0.0.1")
        # And the next one, which can be made, is.
        done = self.reload(listen=self.listen("127.0.0.1", "127.0.0.2"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_answers_at("127.0.0.2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
