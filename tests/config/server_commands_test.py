#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that ask a running server, and commands on zone files: output and exit codes."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import Server  # pylint: disable=wrong-import-position

ZONE = """$TTL 3600
@ SOA ns1 hostmaster 7 7200 1800 604800 300
@ NS ns1
ns1 A 192.0.2.1
text TXT "two words" "\\"quoted\\""
"""
RECORDS = [
    "a.test. 3600 IN SOA ns1.a.test. hostmaster.a.test. 7 7200 1800 604800 300",
    "a.test. 3600 IN NS ns1.a.test.",
    "ns1.a.test. 3600 IN A 192.0.2.1",
    'text.a.test. 3600 IN TXT "two words" "\\"quoted\\""',
]


class Running(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({"a.test": ZONE, "b.test": ZONE})
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)

    def run_good(self, *arguments):
        done = self.server.run(*arguments, "--config", str(self.server.config))
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def run_bad(self, *arguments):
        done = self.server.run(*arguments)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done

    def test_status(self):
        text = self.run_good("status")
        self.assertRegex(text, r"^holdfast \S+, ready, up ")
        self.assertRegex(text, r"\nzones +2 configured, 2 serving\n")
        self.assertRegex(text, r"\nWORKER +PID +STATE +RESTARTS +UP +ANSWERS\n0 +\d+ +answering ")
        status = json.loads(self.run_good("status", "--json"))
        self.assertTrue(status["ready"])
        self.assertEqual(status["zones"]["serving"], 2)

    def test_zone_list_and_status(self):
        lines = self.run_good("zone", "list").splitlines()
        self.assertEqual(lines[0].split()[:3], ["ZONE", "STATE", "SERIAL"])
        self.assertEqual([line.split()[:4] for line in lines[1:]],
                         [["a.test.", "serving", "7", "4"], ["b.test.", "serving", "7", "4"]])
        zones = json.loads(self.run_good("zone", "list", "--json"))
        self.assertEqual([zone["zone"] for zone in zones], ["a.test.", "b.test."])
        self.assertRegex(self.run_good("zone", "status", "A.test"), r"\nserial +7\n")
        zone = json.loads(self.run_good("zone", "status", "a.test.", "--json"))
        self.assertEqual((zone["state"], zone["records"]), ("serving", 4))

    def test_a_zone_that_is_not_there(self):
        done = self.run_bad("zone", "status", "c.test", "--config", str(self.server.config))
        self.assertIn("c.test", done.stderr)
        done = self.run_bad("zone", "print", "c.test", "--json", "--config",
                            str(self.server.config))
        self.assertFalse(json.loads(done.stdout)["ok"])

    def test_zone_print_is_the_same_from_the_server_and_from_the_file(self):
        served = self.run_good("zone", "print", "a.test")
        self.assertEqual(served.splitlines(), RECORDS)
        file = str(self.server.directory / "a.test.zone")
        self.assertEqual(self.run_good("zone", "print", "a.test", file), served)
        records = json.loads(self.run_good("zone", "print", "a.test", "--json"))
        self.assertEqual(records[2], {"name": "ns1.a.test.", "ttl": 3600, "class": "IN",
                                      "type": "A", "rdata": "192.0.2.1"})
        self.assertEqual(len(records), 4)

    def test_the_socket_can_be_named(self):
        socket = str(self.server.state / "control.sock")
        done = self.server.run("zone", "list", "--socket", socket)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_bad("status", "--socket", socket + ".missing")
        self.assertIn("no holdfast server is running", done.stderr)
        done = self.run_bad("status", "--config", "/nonexistent")
        self.assertIn("/nonexistent: No such file", done.stderr)


class Reload(unittest.TestCase):
    def test_good_and_bad(self):
        with Server({"a.test": ZONE}) as server:
            config = ("--config", str(server.config))
            server.zones["a.test"] = ZONE.replace(" 7 7200", " 8 7200")
            server.write_config()
            done = server.run("reload", *config)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("a.test", done.stdout)
            self.assertEqual(server.ask("a.test", "SOA").answer[0][0].serial, 8)

            server.zones["a.test"] = ZONE + "bad A 192.0.2.256\n"
            server.write_config()
            done = server.run("reload", *config)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("a.test.zone:6: ", done.stderr)
            done = server.run("reload", "a.test", "--json", *config)
            self.assertEqual(done.returncode, 1)
            self.assertFalse(json.loads(done.stdout)["ok"])
            self.assertEqual(server.ask("a.test", "SOA").answer[0][0].serial, 8)
            self.assertRegex(server.run("status", *config).stdout, "1 applied, 2 refused")


class ZoneFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "a.test.zone"
        self.program = Server({})  # never started; for its `run`
        self.addCleanup(self.program.__exit__)

    def check(self, text, *options):
        self.file.write_text(text)
        return self.program.run("zone", "check", "a.test", str(self.file), *options)

    def test_a_good_one_is_silent(self):
        done = self.check(ZONE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        verdict = json.loads(self.check(ZONE, "--json").stdout)
        self.assertEqual((verdict["ok"], verdict["records"], verdict["findings"]), (True, 4, []))

    def test_a_bad_one_is_told_line_by_line(self):
        bad = ZONE + "bad A 192.0.2.256\nworse NOSUCHTYPE x\n"
        done = self.check(bad)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, f"{self.file}:6: .*\n{self.file}:7: ")
        findings = json.loads(self.check(bad, "--json").stdout)["findings"]
        self.assertEqual([(f["severity"], f["line"]) for f in findings],
                         [("error", 6), ("error", 7)])

    def test_what_is_doubtful_is_a_warning_and_with_strict_an_error(self):
        doubtful = ZONE + "@ MX 10 missing\n"
        done = self.check(doubtful)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"{self.file}:6: warning: ", done.stdout)
        done = self.check(doubtful, "--strict")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"{self.file}:6: ", done.stdout)
        self.assertNotIn("warning", done.stdout)

    def test_missing_files_and_bad_names(self):
        done = self.program.run("zone", "check", "a.test", "/nonexistent")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent", done.stdout)
        self.assertEqual(self.program.run("zone", "check", "a..test", "/dev/null").returncode, 2)
        self.assertEqual(self.program.run("zone", "check", "a.test").returncode, 2)


if __name__ == "__main__":
    unittest.main()
