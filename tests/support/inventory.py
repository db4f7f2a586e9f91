"""Reads tests/golden/inventory.txt: the names of HAProxy's language that fastlb's tables are measured against."""

from __future__ import annotations

from pathlib import Path

INVENTORY = Path(__file__).parents[1] / "golden" / "inventory.txt"


def _lines(name: str) -> list[str]:
    _, _, rest = INVENTORY.read_text().partition(f"[{name}]\n")
    assert rest, f"no section [{name}] in {INVENTORY}"
    return rest.partition("\n\n")[0].splitlines()


def section(name: str) -> list[str]:
    """The words of a section."""
    return [word for line in _lines(name) for word in line.split()]


def derivatives() -> dict[str, tuple[str, str]]:
    """Of each ACL keyword the fetch and the match method."""
    found = {}
    for line in _lines("derivatives"):
        name, _, fetch, _, method = line.split()
        found[name] = (fetch, method)
    return found


def actions() -> dict[str, str]:
    """Of each action the letters of the rule sets that take it (config/actions/row.py), `Q` for quic-initial."""
    return dict(line.split(": ") for line in _lines("actions"))
