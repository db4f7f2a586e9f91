"""The lists that -dK prints, made from the keyword tables.

Knows haproxy's classes and layout. Must not know any keyword.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fastlb.config.keywords import GLOBAL_ROWS, PROXY_ROWS
from fastlb.config.keywords.bind import BIND
from fastlb.config.keywords.row import REMOVED, UNSUPPORTED, Row
from fastlb.config.keywords.server import SERVER

# haproxy's classes; those that have no table here yet are empty lists there too.
CLASSES = {
    "acl": "ACL keywords",
    "cfg": "configuration keywords",
    "cli": "CLI keywords",
    "cnv": "sample converter functions",
    "flt": "filter names",
    "smp": "sample fetch functions",
    "svc": "service names",
}
_HELP = "# Supported keyword classes:\nall: list all keywords\n"


def listing(classes: list[str]) -> str:
    """The text for the words after -dK: "help", "all" or names of CLASSES, which may end in "=all" or the like."""
    if "help" in classes:
        return _HELP + "".join(f"{name}: {what}\n" for name, what in CLASSES.items())
    wanted = CLASSES if "all" in classes else [name for name in classes if name in CLASSES]
    for name in classes:
        if name != "all" and name not in CLASSES:
            sys.stderr.write(f"ignoring unknown keyword class '{name}'\n")
    return "".join(f"# List of registered {CLASSES[name]}:\n{_configuration() if name == 'cfg' else ''}" for name in wanted)


def _configuration() -> str:
    lines = ["global", *(_lines("", GLOBAL_ROWS))]
    for section, letter in (("defaults", "D"), ("frontend", "F"), ("backend", "B"), ("listen", "L")):
        rows = [row for row in PROXY_ROWS if letter in row.sections]
        lines += [section, *_lines("", rows)]
        if letter in "FL":
            lines += _lines("bind <addr> ", BIND)
        if letter in "BL":
            lines += _lines("server <name> <addr> ", SERVER)
    return "\n".join(lines) + "\n"


def _lines(prefix: str, rows: Sequence[Row]) -> list[str]:
    usable = (row for row in rows if row.status not in (UNSUPPORTED, REMOVED))
    return [f"\t{prefix}{row.name}{' ' + row.grammar if row.grammar else ''}" for row in sorted(usable, key=lambda row: row.name)]
