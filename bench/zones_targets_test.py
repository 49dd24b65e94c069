# SPDX-License-Identifier: GPL-3.0-or-later
"""What the targets of zones in and out are read from."""

import json
import pathlib
import tempfile
import unittest

import zones_targets


class Targets(unittest.TestCase):
    def rows(self, **records):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, record in records.items():
                kind, day = name.rsplit("_", 1)
                (folder / f"{kind}-2026-01-{day}.json").write_text(json.dumps(record))
            return {(row.what, row.beside): row for row in zones_targets.rows(folder)}

    def test_nothing_recorded_is_nothing_met(self):
        rows = self.rows()
        self.assertGreater(len(rows), 10)
        self.assertTrue(all(row.met() is None for row in rows.values()))

    def test_the_newest_record_counts(self):
        def signed(seconds):
            return {"results": [{"signer": "holdfast", "seconds": seconds},
                                {"signer": "knot", "seconds": 10}]}

        row = self.rows(sign_01=signed(5), sign_02=signed(9))[
            "A million RRsets signed, P-256: time", "knot"]
        self.assertEqual(row.value, 0.9)
        self.assertFalse(row.met())
        self.assertIn("01-02", row.note)

    def test_speed_is_the_inverse_of_time_and_one_lost_answer_is_too_many(self):
        rows = self.rows(transfer_01={"in": {
            "holdfast": {"before": {"p99_ms": 2}, "in": {"s": 2, "p99_ms": 3, "lost": 1}},
            "knot": {"in": {"s": 3}}}})
        self.assertEqual(rows["A million records in: speed", "knot"].value, 1.5)
        self.assertTrue(rows["A million records in: speed", "knot"].met())
        self.assertEqual(
            rows["A million records in: p99 of answers meanwhile", "that before"].value, 1.5)
        self.assertFalse(rows["A million records in: answers lost meanwhile", ""].met())


if __name__ == "__main__":
    unittest.main()
