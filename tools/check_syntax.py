#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the compiler of a build folder read files without generating code, for its warnings.

usage: check_syntax.py BUILD JOBS PATTERN. Reads those files of BUILD/compile_commands.json whose
path PATTERN matches; prints what the compiler says and exits with 1 if it refuses one.
"""

import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys


def command(entry):
    """What compiles the file, without cache, output and dependency file."""
    words = shlex.split(entry["command"])
    if words[0].endswith("ccache"):
        words = words[1:]
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        elif word not in ("-c", "-MD"):
            kept.append(word)
    return kept + ["-fsyntax-only"]


def read(entry):
    done = subprocess.run(command(entry), cwd=entry["directory"], stderr=subprocess.PIPE, text=True,
                          check=False)
    return entry["file"], done.returncode, done.stderr


def main():
    build, jobs, pattern = sys.argv[1:]
    entries = json.loads((pathlib.Path(build) / "compile_commands.json").read_text("utf-8"))
    chosen = [entry for entry in entries
              if entry["file"].endswith(".cc") and re.search(pattern, entry["file"])]
    if not chosen:
        sys.exit(f"check_syntax.py: no file of {build} matches {pattern}")
    refused = 0
    with concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        for path, status, words in pool.map(read, chosen):
            if words:
                print(words, end="")
            if status != 0:
                refused += 1
                print(f"{path}: refused")
    print(f"{len(chosen)} files read, {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
