"""The lists that -dK prints, made from the keyword tables.

Knows haproxy's classes and layout. Must not know any keyword.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fastlb.config.actions import ROWS as ACTIONS
from fastlb.config.actions.row import RULE_SETS
from fastlb.config.keywords import GLOBAL_ROWS, PROXY_ROWS
from fastlb.config.keywords.bind import BIND
from fastlb.config.keywords.row import REMOVED, SUPPORTED, UNSUPPORTED, Row
from fastlb.config.keywords.server import SERVER
from fastlb.config.samples import ACL_FETCHES, CONVERTERS, FETCHES
from fastlb.config.samples.types import SAME, SampleType

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
    lists = {"acl": _acls, "cfg": _configuration, "cnv": _converters, "smp": _fetches}
    return "".join(f"# List of registered {CLASSES[name]}:\n{lists[name]() if name in lists else ''}" for name in wanted)


def _acls() -> str:
    rows = sorted(ACL_FETCHES.values(), key=lambda row: row.name)
    return "".join(f"{row.name} = {row.core or row.name} -m {row.match}\n" for row in rows if row.status == SUPPORTED)


def _converters() -> str:
    rows = sorted((row for row in CONVERTERS.values() if row.status == SUPPORTED), key=lambda row: row.name)
    return "".join(
        f"{row.name}{_arguments(row.arguments)}: {_type(row.input)} => {_type(row.input if row.output is SAME else row.output)}\n"
        for row in rows
    )


def _fetches() -> str:
    rows = sorted((row for row in FETCHES.values() if row.status == SUPPORTED), key=lambda row: row.name)
    return "".join(f"{row.name}{_arguments(row.arguments)}: {_type(row.output)}\n" for row in rows)


def _type(kind: SampleType) -> str:
    return kind.name.lower()


def _arguments(grammar: str) -> str:
    """`int str?` as haproxy writes it: `(int[,str])`."""
    words = grammar.split()
    least = next((number for number, word in enumerate(words) if word.endswith("?")), len(words))
    required, optional = words[:least], [word.removesuffix("?") for word in words[least:]]
    if not words:
        return ""
    left_out = f"[{',' if required else ''}{','.join(optional)}]" if optional else ""
    return f"({','.join(required)}{left_out})"


def _rules() -> list[str]:
    """The actions of each rule set; a star behind those that take a name of their own, as haproxy marks them."""
    return [
        f"\t{name} {row.name}{'*' if row.takes_parenthesis else ''}"
        for letter, (name, _) in RULE_SETS.items()
        for row in sorted(ACTIONS, key=lambda row: row.name)
        if letter in row.sets and row.status == SUPPORTED
    ]


def _configuration() -> str:
    lines = ["global", *(_lines("", GLOBAL_ROWS))]
    for section, letter in (("defaults", "D"), ("frontend", "F"), ("backend", "B"), ("listen", "L")):
        rows = [row for row in PROXY_ROWS if letter in row.sections]
        lines += [section, *_lines("", rows)]
        if letter in "FL":
            lines += _lines("bind <addr> ", BIND)
        if letter in "BL":
            lines += _lines("server <name> <addr> ", SERVER)
    return "\n".join([*lines, *_rules()]) + "\n"


def _lines(prefix: str, rows: Sequence[Row]) -> list[str]:
    usable = (row for row in rows if row.status not in (UNSUPPORTED, REMOVED))
    return [f"\t{prefix}{row.name}{' ' + row.grammar if row.grammar else ''}" for row in sorted(usable, key=lambda row: row.name)]
