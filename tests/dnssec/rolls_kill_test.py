#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are rolled one after another while the server that rolls them is killed, by turns its
management process alone and all of it, at moments that a seed chooses: after each end the zone and
the chain from its parent are judged as in rolls_test.py.

HOLDFAST_KILLS=200 kills as often (some four minutes), HOLDFAST_SEED chooses the moments.
"""
import os
import random
import time
import unittest

import rolls_test  # and where to find what follows
from control_client import ends, wait_until

KILLS = int(os.environ.get("HOLDFAST_KILLS", "4"))
SEED = int(os.environ.get("HOLDFAST_SEED", "1"))


class KilledRolls(rolls_test.Rolls):
    test_a_pair_is_rolled_whole_through_the_end_of_control = None
    test_a_csk_goes_to_another_algorithm = None

    def kill(self, is_whole):
        if is_whole:
            self.child.begin_anew()
            return
        self.kill_control()

    def test_rolls_go_on_whenever_it_is_killed(self):
        # With these lives some step of a roll is due at nearly every second.
        self.start(keys="ksk+zsk", zsk_lifetime_s=3, ksk_lifetime_s=4)
        numbers = random.Random(SEED)
        seen = set(self.first)
        for number in ends(KILLS):
            until = time.monotonic() + numbers.uniform(0.2, 1.4)
            while time.monotonic() < until:
                self.follow_cds()
                time.sleep(0.05)
            self.kill(is_whole=number % 2 == 0)
            self.judge()
            seen |= self.dnskeys()
        wait_until("successors", lambda: len(seen | self.dnskeys()) > len(self.first))
        if KILLS > 20:
            self.assertFalse(self.first & self.dnskeys())
        print(f"{KILLS} kills, {len(seen | self.dnskeys())} keys seen")


if __name__ == "__main__":
    unittest.main()
