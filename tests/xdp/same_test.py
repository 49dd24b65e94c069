# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions of the interop sets, answered by AF_XDP and by sockets: the same answers.

The environment names the comparing program: INTEROP_DIFFER. Every eleventh question is asked, which
meets every name and every type; HOLDFAST_TEST_EVERY=1 asks all.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "interop")]

from laboratory import SERVER4, Laboratory, skip_without_rights  # noqa: E402

import questions  # noqa: E402
import zone_sets  # noqa: E402

SHOWN_MAX = 5
EVERY = int(os.environ.get("HOLDFAST_TEST_EVERY", "11"))


@skip_without_rights
class SameTest(unittest.TestCase):
    def compare(self, variant):
        with tempfile.TemporaryDirectory(prefix="holdfast-xdp-") as directory, \
                Laboratory() as lab:
            zones = zone_sets.make_constructs(variant, directory)
            files = {name: zone.path for name, zone in zones.items()}
            with lab.server(files, {"mode": "on"}) as fast, \
                    lab.server(files, {"mode": "off"}) as plain:
                lines = list(questions.every_question(zones))[::EVERY]
                differences, asked = self.ask(fast, plain, lines)
                fast.wait_counted()
                taken = fast.packets("taken_others")
        over_udp = sum(1 for line in lines if line.split()[3] == "u")
        print(f"  {variant}: {asked} questions, {taken} by AF_XDP", flush=True)
        for record in differences[:SHOWN_MAX]:
            print(json.dumps(record, indent=1)[:2000])
        self.assertEqual(len(differences), 0)
        self.assertGreaterEqual(taken, over_udp)

    def ask(self, fast, plain, lines):
        differences = []
        with tempfile.TemporaryFile("w+") as asked:
            asked.writelines(lines)
            asked.seek(0)
            command = [os.environ["INTEROP_DIFFER"], f"xdp={SERVER4}@{fast.port}",
                       f"sockets={SERVER4}@{plain.port}"]
            with subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE,
                                  text=True) as process:
                for line in process.stdout:
                    record = json.loads(line)
                    if "asked" in record:
                        return differences, record["asked"]
                    differences.append(record)
        raise AssertionError("interop_differ ended early")

    def test_unsigned(self):
        self.compare("unsigned")

    def test_signed(self):
        self.compare("nsec3")


if __name__ == "__main__":
    unittest.main(verbosity=2)
