#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`holdfast shield …` of a running server: who is known, what operators say, a restart."""
import json
import time
import unittest

from control_client import wait_until, zone

from harness import Server

CLIENT = "127.0.0.1"
NAMES = [f"host{number}" for number in range(12)]


class Shield(unittest.TestCase):
    def setUp(self):
        # Slots of a second: what takes hours else takes seconds here.
        self.server = Server({"example.com": zone(1, *(f"{name} A 192.0.2.1" for name in NAMES))},
                             {"shield": {"history_slot_s": 1}})
        self.addCleanup(self.server.__exit__)
        self.server.__enter__()

    def shield(self, *arguments, code=0):
        ran = self.server.run("shield", *arguments, "--config", str(self.server.config))
        self.assertEqual(ran.returncode, code, ran.stderr)
        return ran.stdout

    def shield_json(self, *arguments):
        return json.loads(self.shield(*arguments, "--json"))

    def ask_until_known(self):
        def is_known():
            self.server.ask("example.com", "SOA")
            return self.shield_json("explain", CLIENT)["known"]
        wait_until("the client is known", is_known)

    def test_learns_in_quiet_times_and_keeps_it_over_a_restart(self):
        self.assertFalse(self.shield_json("explain", "192.0.2.99")["seen"])
        self.ask_until_known()
        seen = self.shield_json("explain", CLIENT)
        self.assertEqual(seen["class"], "known")
        self.assertGreaterEqual(seen["slots_seen"], 2)
        self.assertEqual(seen["hop_limit"], 64)
        self.assertIn("known", self.shield("explain", CLIENT))
        status = self.shield_json("status")
        self.assertEqual((status["enabled"], status["level"], status["dry_run"]), (True, 0, []))
        self.assertEqual(status["sources"]["known"], 1)
        self.assertEqual(status["filtered"], {"datagrams": 0, "syn": 0}, "the kernel refuses none")
        self.assertIn("overload       none", self.shield("status"))
        self.server.stop()
        self.server.start()
        config = ("--config", str(self.server.config))
        wait_until("control is back",
                   lambda: self.server.run("shield", "status", *config).returncode == 0)
        wait_until("the shield is told its settings",
                   lambda: self.shield_json("status")["enabled"])
        self.assertTrue(self.shield_json("explain", CLIENT)["known"])
        history = self.server.state / "shield.history"
        self.assertEqual(history.stat().st_mode & 0o777, 0o600)

    def test_zones_are_watched(self):
        def is_counted():
            for _ in range(20):
                self.server.ask("nothing.example.com", "A")
            top = self.shield_json("top")["zones"]
            return top and top[0]["absent_per_s"] > 0 and top[0]
        counted = wait_until("the zone is counted", is_counted)
        self.assertEqual(counted["zone"], "example.com.")
        self.assertFalse(counted["under_attack"])
        self.assertIn("example.com.", self.shield("explain", "a.b.example.com"))

        # How many they are is an estimate of a worker, of those that came to it in a window: a few
        # of the dozen are more than the one of above.
        def has_names():
            for name in NAMES:
                self.server.ask(f"{name}.example.com", "A")
            of_zone = self.shield_json("explain", "example.com")
            return of_zone["names_per_window"] >= 3 and of_zone
        self.assertFalse(wait_until("different names are counted", has_names)["many_names"])
        self.assertRegex(self.shield("explain", "example.com"), r"names +\d+ different ones")
        self.assertIn("NAMES", self.shield("top"))
        self.shield("explain", "elsewhere.test", code=1)

    def test_words_of_operators(self):
        self.shield("deny", "192.0.2.7", "--seconds", "3600")
        self.shield("allow", "2001:db8::7")
        self.assertEqual(self.shield_json("explain", "192.0.2.7")["class"], "unknown_fast")
        self.assertEqual(self.shield_json("explain", "2001:db8::7")["class"], "known")
        words = {word["address"]: word["word"] for word in self.shield_json("status")["words"]}
        self.assertEqual(words, {"192.0.2.7": "deny", "2001:db8::7": "allow"})
        self.shield("forget", "192.0.2.7")
        self.assertEqual(self.shield_json("explain", "192.0.2.7")["class"], "unknown_slow")
        self.shield("deny", "192.0.2.8", "--seconds", "1")
        wait_until("the word ends", lambda: self.shield_json("explain", "192.0.2.8")["class"]
                   == "unknown_slow")
        self.shield("deny", "nobody", code=1)
        self.shield("deny", "192.0.2.8", "--seconds", "0", code=1)

    def test_dry_runs(self):
        self.shield("dry-run", "hop", "on")
        wait_until("the dry run is on", lambda: self.shield_json("status")["dry_run"] == ["hop"])
        self.shield("dry-run", "hop", "off")
        wait_until("the dry run is off", lambda: self.shield_json("status")["dry_run"] == [])
        self.server.settings["shield"]["mode"] = "off"
        self.server.write_config()
        reloaded = self.server.run("reload", "--config", str(self.server.config))
        self.assertEqual(reloaded.returncode, 0, reloaded.stderr)
        wait_until("the shield is off", lambda: not self.shield_json("status")["enabled"])
        self.assertIn("off", self.shield("status"))
        before = self.shield_json("status")["sources"]["remembered"]
        time.sleep(1.1)
        self.server.ask("example.com", "SOA", address=self.server.address)
        self.assertLessEqual(self.shield_json("status")["sources"]["remembered"], before)


if __name__ == "__main__":
    unittest.main()
