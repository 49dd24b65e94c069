# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of lines that docs/operating.md gives for other servers, by section and by what the
comment in their first line says they are for.

    block("Holdfast as primary", "BIND: named.conf")
"""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "operating.md"


def sections():
    """{heading of the third level: {(server, file): lines}}"""
    found = {}
    for part in re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        text = re.split(r"^## ", text, flags=re.MULTILINE)[0]
        blocks = {}
        for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            named = re.match(r"# (\w+): ([\w./]+)", block)
            if named:
                blocks[named.groups()] = block
        if blocks:
            found[heading] = blocks
    return found


SECTIONS = sections()
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def block(section, server, file, folder):
    """Its lines with a secret, and with what lies below /etc below `folder`."""
    lines = SECTIONS[section].get((server, file))
    if lines is None:
        raise KeyError(f"{PAGE}: section {section} has no block for {server}: {file}")
    return re.sub(r"/etc/\w+/", f"{folder}/", lines.replace("…", SECRET))
