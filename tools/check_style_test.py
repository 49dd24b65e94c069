#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of check_style.py must be able to fail, and a clean tree must pass."""

import os
import tempfile
import unittest

import check_style

SPDX = "// " + check_style.LICENCE + "\n"
CLEAN = {
    "src/layers.txt": "base:\nwire: base\nzone: base wire\n",
    "src/base/README.md": "# base\n",
    "src/base/bytes.h": SPDX + "// Spans of bytes.\n#pragma once\n",
    "src/wire/README.md": "# wire\n",
    "src/wire/name.cc": SPDX + '#include "base/bytes.h"\n\nint f(int a) {\n  return a;\n}\n',
}


def violations(changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, **changes}.items():
            if text is None:
                continue
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return [f"{path}:{line}: {text}" for path, line, text in check_style.check_tree(root)]


class CheckStyle(unittest.TestCase):
    def expect(self, changes, fragment):
        found = violations(changes)
        self.assertEqual(len(found), 1, found)
        self.assertIn(fragment, found[0])

    def test_clean_tree_passes(self):
        self.assertEqual(violations({}), [])

    def test_include_against_the_layers(self):
        self.expect(
            {"src/base/clock.cc": SPDX + '#include "wire/name.h"\n'},
            "src/base/clock.cc:2: base may not include wire/name.h",
        )

    def test_include_without_module(self):
        self.expect({"src/wire/a.cc": SPDX + '#include "name.h"\n'}, 'write #include "wire/name.h"')

    def test_module_outside_the_table(self):
        self.expect({"src/extra/a.cc": SPDX}, "does not name the module extra")

    def test_table_out_of_order(self):
        self.expect({"src/layers.txt": "base: wire\nwire: base\n"}, "wire, which is not above it")

    def test_licence(self):
        self.expect({"src/wire/a.cc": "int a;\n"}, "src/wire/a.cc:1: the first line must say")

    def test_licence_after_interpreter(self):
        text = "#!/bin/bash\n# " + check_style.LICENCE + "\n"
        self.assertEqual(violations({"dev": text}), [])
        self.expect({"dev": "#!/bin/bash\necho\n"}, "dev:2: the first line must say")

    def test_file_length(self):
        self.expect({"src/wire/a.cc": SPDX + "int a;\n" * 500}, "501 lines")

    def test_line_length(self):
        self.expect({"src/wire/a.cc": SPDX + "// " + "a" * 98 + "\n"}, "101 columns")

    def test_function_length(self):
        body = "  a();\n" * 69
        self.expect({"src/wire/a.cc": SPDX + "void f() {\n" + body + "}\n"}, "of 71 lines")
        self.expect(
            {"src/wire/a.cc": SPDX + "void f(int a,\n       int b) {\n" + body + "}\n"},
            "src/wire/a.cc:2: a function of 72 lines",
        )
        method = "class A {\n  void f() {\n" + body + "  }\n};\n"
        self.expect({"src/wire/a.cc": SPDX + method}, "src/wire/a.cc:3: a function of 71 lines")
        template = "template <class T>\nvoid f() {\n" + body + "}\n"
        self.expect({"src/wire/a.cc": SPDX + template}, "a function of 72 lines")
        fitting = "void f() {\n" + "  a();\n" * 68 + "}\n"
        self.assertEqual(violations({"src/wire/a.cc": SPDX + fitting}), [])
        after_brace = "A::A() : b_{1}, c_{2} {\n" + body + "}\n"
        self.expect({"src/wire/a.cc": SPDX + after_brace}, "of 71 lines")
        quoted = "namespace a {\nvoid f() { // {\n  g(R\"(}})\", '}');\n" + body + "}\n}\n"
        self.expect({"src/wire/a.cc": SPDX + quoted}, "a.cc:3: a function of 72 lines")

    def test_python_function_length(self):
        text = "# " + check_style.LICENCE + "\ndef f():\n" + "    a = 1\n" * 70
        self.expect({"tools/a.py": text}, "of 71 lines")

    def test_banned_word(self):
        self.expect({"src/wire/a.cc": SPDX + "// TO" + "DO: later\n"}, "do it, or open an issue")

    def test_file_names(self):
        self.expect({"src/wire/query_utils.cc": SPDX}, "'utils' says nothing")
        self.expect({"src/wire/Query.cc": SPDX}, "file names are snake_case")

    def test_header(self):
        self.expect({"src/wire/a.h": SPDX + "// For a.\n"}, "#pragma once")
        self.expect({"src/wire/a.h": SPDX + "#pragma once\n"}, "opens with one sentence")

    def test_module_page(self):
        self.expect({"src/wire/README.md": None}, "src/wire/README.md:1: missing")
        self.expect({"src/wire/README.md": "a\n" * 41}, "41 lines; at most 40")

    def test_fuzzer_without_seed(self):
        fuzzer = {"src/wire/query_fuzz.cc": SPDX}
        self.expect(fuzzer, "tests/corpus/wire_query_fuzz holds no seed")
        self.assertEqual(violations({**fuzzer, "tests/corpus/wire_query_fuzz/seed": "a"}), [])


if __name__ == "__main__":
    unittest.main()
