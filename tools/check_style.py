#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what no compiler does: layers in words, sizes, names, licence lines, module pages.

usage: check_style.py [ROOT]. Prints one line a violation, `file:line: what`, and exits with 1.
"""

import ast
import os
import re
import sys

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
MODULE_PAGE_LINES_MAX = 40

SKIPPED_FOLDERS = {"build", ".git", "node_modules", "__pycache__", "corpus"}
CODE_SUFFIXES = (".cc", ".h", ".c", ".py", ".sh", ".cmake", ".js", ".ts")
CODE_NAMES = ("CMakeLists.txt", "dev")
CODE_PATHS = (".ci/run",)
# Generated tables are excused from sizes, by path.
GENERATED = set()

BANNED_WORDS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
SNAKE_CASE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*\.(cc|h|py|sh)$")
LAYER_LINE = re.compile(r"^([a-z]+):(.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
NOT_A_FUNCTION = re.compile(
    r"(template\s*<[^{]*>\s*)?(namespace|class|struct|union|enum|extern \s*$)\b|.*=\s*$", re.S
)
PREPROCESSOR = re.compile(r"^\s*#.*$", re.M)
ACCESS = re.compile(r"\b(public|private|protected)\s*:")
LITERAL = re.compile(
    r'R"([^()\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
    r"|//[^\n]*|/\*.*?\*/",
    re.S,
)


class Report:
    """Collects violations as (path, line, text)."""

    def __init__(self):
        self.violations = []

    def add(self, path, line, text):
        self.violations.append((path, line, text))


def is_code(path):
    name = os.path.basename(path)
    return path.endswith(CODE_SUFFIXES) or name in CODE_NAMES or path in CODE_PATHS


def code_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        if os.path.basename(folder) == "tests":
            folders.append("corpus")
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if is_code(path):
                yield path


def read_layers(root):
    """{module: modules it may include}, from src/layers.txt."""
    layers = {}
    with open(os.path.join(root, "src/layers.txt"), encoding="utf-8") as table:
        for line in table:
            match = LAYER_LINE.match(line)
            if match:
                layers[match.group(1)] = match.group(2).split()
    return layers


def check_licence(path, lines, report):
    first = 1 if lines and lines[0].startswith("#!") else 0
    if len(lines) <= first or LICENCE not in lines[first]:
        report.add(path, first + 1, f"the first line must say {LICENCE}")


def check_sizes(path, lines, report):
    if path in GENERATED:
        return
    if len(lines) > FILE_LINES_MAX:
        report.add(path, len(lines), f"{len(lines)} lines; a file has at most {FILE_LINES_MAX}")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            report.add(path, number, f"{len(line)} columns; a line has at most {COLUMNS_MAX}")


def blank_literals(text):
    """C++ source with comments and literals blanked, line breaks kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return LITERAL.sub(blank, text)


def cpp_functions(lines):
    """(first line, lines) of each outermost function body with its head."""
    text = blank_literals("\n".join(lines))
    head = 0  # where the statement before the brace begins
    depth = 0  # of braces within the function
    start = None
    for match in re.finditer(r"[{};]", text):
        position, sign = match.start(), match.group(0)
        if start is not None:
            depth += {"{": 1, "}": -1, ";": 0}[sign]
            # A braced member initialiser is followed by the next one, or by the body.
            if depth == 0 and not re.match(r"\s*[,{]", text[position + 1 :]):
                first = text.count("\n", 0, start) + 1
                yield first, text.count("\n", 0, position) + 2 - first
                start = None
                head = position + 1
            continue
        if sign == "{":
            statement = PREPROCESSOR.sub("", text[head:position])
            statement = ACCESS.sub("", statement).strip()
            if "(" in statement and not NOT_A_FUNCTION.match(statement):
                start = position - len(text[head:position].lstrip())
                depth = 1
        head = position + 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def check_functions(path, lines, report):
    if path in GENERATED:
        return
    if path.endswith((".cc", ".h", ".c")):
        functions = cpp_functions(lines)
    elif path.endswith(".py"):
        functions = python_functions("\n".join(lines))
    else:
        return
    for first, length in functions:
        if length > FUNCTION_LINES_MAX:
            report.add(
                path, first, f"a function of {length} lines; at most {FUNCTION_LINES_MAX}"
            )


def check_words(path, lines, report):
    for number, line in enumerate(lines, 1):
        match = BANNED_WORDS.search(line)
        if match:
            report.add(path, number, f"'{match.group(1)}': do it, or open an issue")


def check_name(path, report):
    name = os.path.basename(path)
    if not path.endswith((".cc", ".h", ".py", ".sh")):
        return
    if not SNAKE_CASE.match(name):
        report.add(path, 1, "file names are snake_case")
    for word in re.split(r"[_.]", name):
        if word in BANNED_NAMES:
            report.add(path, 1, f"'{word}' says nothing: name the file after what it holds")


def check_header(path, lines, report):
    if not path.endswith(".h") or path in GENERATED:
        return
    if "#pragma once" not in lines:
        report.add(path, 1, "a header needs #pragma once")
    if len(lines) < 2 or not lines[1].startswith("// "):
        report.add(path, 2, "a header opens with one sentence on what it is for")


def check_layers(path, lines, layers, report):
    parts = path.split(os.sep)
    if len(parts) != 3 or parts[0] != "src":
        return
    module = parts[1]
    if module not in layers:
        report.add(path, 1, f"src/layers.txt does not name the module {module}")
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        included = match.group(1).split("/")[0]
        if "/" not in match.group(1):
            report.add(path, number, f'write #include "{module}/{match.group(1)}"')
        elif included != module and included not in layers[module]:
            allowed = ", ".join(layers[module]) or "nothing else"
            report.add(
                path,
                number,
                f"{module} may not include {match.group(1)}: src/layers.txt lets it include"
                f" {allowed}",
            )


def check_layer_order(layers, report):
    seen = set()
    for module, allowed in layers.items():
        for name in allowed:
            if name not in seen:
                report.add("src/layers.txt", 1, f"{module} names {name}, which is not above it")
        seen.add(module)


def check_module_pages(root, layers, report):
    for module in layers:
        folder = os.path.join(root, "src", module)
        if not os.path.isdir(folder) or not os.listdir(folder):
            continue
        page = os.path.join(folder, "README.md")
        shown = f"src/{module}/README.md"
        if not os.path.exists(page):
            report.add(shown, 1, "missing: purpose, files in reading order, what it must not do")
            continue
        with open(page, encoding="utf-8") as file:
            count = len(file.read().splitlines())
        if count > MODULE_PAGE_LINES_MAX:
            report.add(shown, count, f"{count} lines; at most {MODULE_PAGE_LINES_MAX}")


def check_corpora(root, path, report):
    if not path.endswith("_fuzz.cc"):
        return
    module, name = path.split(os.sep)[-2:]
    folder = f"tests/corpus/{module}_{name[:-3]}"
    full = os.path.join(root, folder)
    if not os.path.isdir(full) or not os.listdir(full):
        report.add(path, 1, f"{folder} holds no seed")


def check_tree(root):
    """All violations in the tree at `root`, in order of path and line."""
    report = Report()
    layers = read_layers(root)
    check_layer_order(layers, report)
    check_module_pages(root, layers, report)
    for path in code_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
        check_licence(path, lines, report)
        check_sizes(path, lines, report)
        check_functions(path, lines, report)
        check_words(path, lines, report)
        check_name(path, report)
        check_header(path, lines, report)
        check_layers(path, lines, layers, report)
        check_corpora(root, path, report)
    return sorted(report.violations)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    violations = check_tree(root)
    for path, line, text in violations:
        print(f"{path}:{line}: {text}")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
