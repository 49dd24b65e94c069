# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of another folder again, with every plain question over UDP by AF_XDP.

usage: again_test.py FOLDER MODULE...
Mode "on" makes a server end that could not use it, and its address is the laboratory's.
"""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent

import laboratory  # noqa: E402
from laboratory import CLIENT4, CLIENT6, SERVER4, SERVER6, Laboratory  # noqa: E402

import harness  # noqa: E402


def main():
    if not laboratory.has_rights():
        print("skipped: " + laboratory.RIGHTS)
        return laboratory.SKIPPED
    folder, *modules = sys.argv[1:]
    sys.path.append(str(HERE.parent / folder))
    with Laboratory() as lab:
        harness.LISTEN = (SERVER4, SERVER6)
        harness.CLIENTS = (CLIENT4, CLIENT6)
        harness.Server = lab.server_like_others
        suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
