#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON Schema and the reference page are those of the program, and the schema and the parser
accept and refuse the same configurations.
"""
import itertools
import json
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("HOLDFAST", str(ROOT / "build" / "release" / "holdfast"))
SECRET = "00112233445566778899AABBCCDDEEFF"

TEXTS = [
    "", " ", ".", "@", "a", "auto", "holdfast 1.0", "caf\u00e9", "tab\t", "\u0000", "\u007f", "~",
    "x" * 32, "x" * 33, "x" * 63, "x" * 64, "x" * 128, "x" * 129, "x" * 255, "x" * 256,
    "0x", "0x0", "0x00", "0xzz", "0xAbCd", "0x" + "00" * 128, "0x" + "00" * 129, "0X00",
    SECRET, SECRET.lower(), SECRET[:-1], SECRET + "0", "g" + SECRET[1:],
    "example.com", "Example.COM.", "a..b", ".a", "a.b..", "_dmarc.a-b.test", "*.test", "a b.test",
    "a\\.b.test", "a\\046b.test", "a\\256b", "a\\25b", "a\\", "a\\\\b", "1.2.3.4",
    "x" * 63 + ".test", "x" * 64 + ".test", "xn--mnchen-3ya.test", "@.test",
    "\"quoted\".test", "$a;(b)",
    "/absolute/path", "relative/path", "../up",
    "192.0.2.1", "192.0.2.1@53", "192.0.2.1@0", "192.0.2.1@65535", "192.0.2.1@65536",
    "192.0.2.1@053", "192.0.2.1@+5", "192.0.2.1@", "192.0.2.256@53", "192.0.2@53", "192.0.02.1@53",
    "0.0.0.0@53", "::", "::@53", "::1@5300", "1::@53", "2001:db8::1@53", "2001:DB8:0:0:1:2:3:4@53",
    "1:2:3:4:5:6:7:8@53", "1:2:3:4:5:6:7:8:9@53", "1:2:3:4:5:6:7@53", "1:2:3:4:5:6:7::@53",
    "::2:3:4:5:6:7:8@53",
    "1::3:4:5:6:7:8@53", "1:2:3:4::5:6:7:8@53", "1::2::3@53", ":::@53",
    "12345::@53", "::ffff:192.0.2.1@53", "64:ff9b::192.0.2.1@53", "1:2:3:4:5:6:192.0.2.1@53",
    "1:2:3:4:5::192.0.2.1@53", "::192.0.2.300@53", "fe80::1%lo@53", "[::1]@53", "localhost@53",
    "127.0.0.1:9153", "127.0.0.1:0", "127.0.0.1:", ":9153", "[::1]:9153", "::1:9153", "[::]:80",
    "[127.0.0.1]:9153", "[::1]", "[]:80", "127.0.0.1@9153", "localhost:9153",
    "debug", "info", "warning", "error", "Info", "text", "json", "xml", "default", "hmac-sha256",
    "rsasha256", "ed25519", "ED25519", "csk", "ksk+zsk", "zsk", "nsec", "nsec3", "nsec3-opt-out",
    "on", "off", "dry-run", "other 192.0.2.2", "o-1 ::1@5300 192.0.2.2 ns1.test ns2.test.",
    "other ns1.test",
]
OTHERS = [True, False, 0, 1, -1, 2, 64, 99, 100, 256, 257, 511, 512, 4096, 4097, 600000, 600001,
          1000000, 1000001, 1000000000, 1000000001, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 1.5,
          [], ["a"], [1], {}, {"a": 1}]
LISTS = ([[text] for text in TEXTS] +
         [["::1", "::"], ["::1", 1], [], [[]], ["::1", "::1"],
          [f"192.0.2.{i}" for i in range(64)], [f"192.0.2.{i}" for i in range(65)]])


def toml(value):
    """A value in TOML; strings and numbers are written as in JSON."""
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}"
                               for key, item in value.items()) + "}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\u007f", "\\u007f")
    return json.dumps(value)


class Documents(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "holdfast.toml"
        self.schema = json.loads(self.run_program("config", "schema"))
        self.validator = jsonschema.Draft7Validator(self.schema)

    @staticmethod
    def run_program(*arguments):
        return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
                              check=False).stdout

    def complaints(self, text):
        """The lines of `text` that the parser complains of."""
        self.path.write_text(text, encoding="utf-8")
        verdict = json.loads(self.run_program("config", "check", "--json", "-c", str(self.path)))
        return {problem["line"] for problem in verdict["problems"] if problem["line"] > 0}

    def accepts(self, text):
        self.path.write_text(text, encoding="utf-8")
        done = subprocess.run([PROGRAM, "config", "print", "-c", str(self.path)],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode == 0

    def test_the_documents_in_the_repository_are_up_to_date(self):
        for file, command in (("configuration.schema.json", "schema"),
                              ("configuration.md", "reference")):
            wanted = self.run_program("config", command)
            found = (ROOT / "docs" / file).read_text(encoding="utf-8")
            self.assertTrue(found == wanted, f"run: holdfast config {command} > docs/{file}")

    def test_the_schema_is_one(self):
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_each_value_is_judged_alike(self):
        """One value after another for a third of the keys at once, as no more than 50 complaints
        are listed; the judgements are compared by line."""
        judged = {True: 0, False: 0}
        tables = list(self.schema["properties"].items())
        thirds = [tables[i::3] for i in range(3)]
        for value, third in itertools.product(TEXTS + OTHERS + LISTS, thirds):
            keys, text = [], ""
            for table, table_schema in third:
                is_array = table_schema["type"] == "array"
                rules = table_schema["items"] if is_array else table_schema
                text += f"[[{table}]]\n" if is_array else f"[{table}]\n"
                for key, rule in rules["properties"].items():
                    if key in ("active_file", "staged_file", "secret_file", "file",
                               "address") and table != "zone":
                        continue  # either-or with the key before it: the next test's
                    if key == "update" and value and \
                            jsonschema.Draft7Validator(rule).is_valid(value):
                        continue  # names a [[key]] that is not there
                    text += f"{key} = {toml(value)}\n"
                    keys.append((text.count("\n"), table, key, rule))
            complaints = self.complaints(text)
            for line, table, key, rule in keys:
                good = jsonschema.Draft7Validator(rule).is_valid(value)
                judged[good] += 1
                self.assertEqual(good, line not in complaints,
                                 f"{table}.{key} = {value!r}: the schema says {good}")
        self.assertGreater(judged[True], 500)
        self.assertGreater(judged[False], 500)

    def test_whole_documents_are_judged_alike(self):
        secret = self.path.with_name("secret")
        secret.write_text(SECRET)
        documents = [
            {}, {"server": {}}, {"server": []}, {"servers": {}}, {"server": {"lisen": ["::1"]}},
            {"zone": []}, {"zone": {}}, {"zone": [{}]}, {"zone": [{"name": "a.test"}]},
            {"zone": [{"name": "a.test", "file": "a"}, {"name": "b.test", "file": "b"}]},
            {"zone": [{"name": "a.test", "file": "a", "extra": 1}]},
            {"zone": [{"name": "a.test", "primaries": ["::1"]}]},
            {"zone": [{"name": "a.test", "primaries": []}]},
            {"zone": [{"name": "a.test", "file": ""}]},
            {"zone": [{"name": "a.test", "file": "a", "primaries": ["::1"]}]},
            {"zone": [{"name": "a.test", "file": "", "primaries": ["::1"]}]},
            {"zone": [{"name": "a.test", "file": "a", "transfer_to": ["any", "::/0"]}]},
            {"key": [{"name": "k"}]}, {"key": [{"name": "k", "secret": "AAAA"}]},
            {"key": [{"name": "k", "secret": ""}]}, {"key": [{"secret": "AAAA"}]},
            {"key": [{"name": "k", "secret": "AAAA", "algorithm": "hmac-md5"}]},
            {"zones": [{"directory": "a"}]}, {"zones": ["a"]}, {"zones": [{}]}, {"listen": ["::1"]},
            {"cookies": {"active": SECRET, "active_file": str(secret)}},
            {"cookies": {"active": "", "active_file": str(secret)}},
            {"cookies": {"active": SECRET, "active_file": ""}},
            {"cookies": {"staged": SECRET, "active_file": str(secret)}},
            {"cookies": {"staged": SECRET, "staged_file": str(secret)}},
            {"dnstap": {"socket": "a", "file": "b"}}, {"dnstap": {"socket": "", "file": "b"}},
            {"dnstap": {"socket": "a", "file": ""}}, {"dnstap": {"file": "a"}},
        ]
        source = random.Random(1)
        for _ in range(200):
            documents.append(self.random_document(source))
        judged = {True: 0, False: 0}
        for document in documents:
            text = "".join(f"{key} = {toml(value)}\n" for key, value in document.items())
            good = self.validator.is_valid(document)
            judged[good] += 1
            self.assertEqual(good, self.accepts(text), text)
        self.assertGreater(min(judged.values()), 50)

    def random_document(self, source):
        """Mostly good values in two sections, now and then something odd."""
        document = {}
        for table in source.sample(sorted(self.schema["properties"]), 2):
            rules = self.schema["properties"][table]
            rules = rules.get("items", rules)["properties"]
            entry = {}
            for key in source.sample(sorted(rules), source.randint(0, len(rules))):
                if key.endswith("file") or key == "update":
                    continue
                odd = source.random() < 0.1
                pool = OTHERS if odd else TEXTS + OTHERS + LISTS
                good = [value for value in pool
                        if odd or jsonschema.Draft7Validator(rules[key]).is_valid(value)]
                if good:  # tables in arrays are judged by the halves above
                    entry[key] = source.choice(good)
            if source.random() < 0.05:
                entry["surplus"] = 1
            document[table] = [entry] if "items" in self.schema["properties"][table] else entry
        return document


if __name__ == "__main__":
    unittest.main()
