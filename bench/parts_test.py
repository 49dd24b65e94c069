# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts conclude from readings."""

import unittest

import parts


class TwoWorkers(unittest.TestCase):
    def test_both_must_have_worked(self):
        before = {1: 0, 2: 100, 3: 100}
        self.assertTrue(parts.shared_evenly(before, {1: 5, 2: 1100, 3: 800}))
        self.assertFalse(parts.shared_evenly(before, {1: 5, 2: 1100, 3: 200}))
        self.assertFalse(parts.shared_evenly({}, {1: 50}))


if __name__ == "__main__":
    unittest.main()
