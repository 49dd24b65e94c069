# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance tests over UDP again, with every question by AF_XDP.

Mode "on" makes a server end that could not use it, and its address is the laboratory's.
"""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "conformance")]

import laboratory  # noqa: E402
from laboratory import CLIENT4, CLIENT6, SERVER4, SERVER6, Laboratory  # noqa: E402

import harness  # noqa: E402


def load_tests(loader, _tests, _pattern):
    harness.LISTEN = (SERVER4, SERVER6)
    harness.CLIENTS = (CLIENT4, CLIENT6)
    suite = unittest.TestSuite()
    for name in ("rfc8906_test", "edns_test", "cookie_test"):
        suite.addTests(loader.loadTestsFromName(name))
    return suite


def main():
    if not laboratory.has_rights():
        print("skipped: " + laboratory.RIGHTS)
        return laboratory.SKIPPED
    with Laboratory() as lab:
        harness.Server = lab.server_like_others
        result = unittest.main(verbosity=2, exit=False).result
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
