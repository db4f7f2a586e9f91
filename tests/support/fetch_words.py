"""From the text of a fetch (`req.hdr(x,-1)`) to the core's name of it and its arguments, through the tables."""

from __future__ import annotations

from fastlb.config.samples import FETCHES
from fastlb.config.samples.values import Unset, Value


def parse(text: str, users: object = None) -> tuple[str, list[object]]:
    """The name in the core, and arguments as fetchkit.fetch takes them. users: stands for every user list."""
    name, _, rest = text.partition("(")
    row = FETCHES[name]
    kinds = [word.rstrip("?") for word in row.arguments.split()]
    arguments: list[Value] = []
    for kind, word in zip(kinds, rest[:-1].split(",") if rest else [], strict=False):
        arguments.append(int(word) if kind == "int" else Unset() if word == "" else word)
    if row.check is not None:
        arguments = row.check(arguments)
    given = [users if kind == "userlist" else value for kind, value in zip(kinds, arguments, strict=False)]
    given += arguments[len(kinds) :]
    return row.core or row.name, [None if isinstance(value, Unset) else value for value in given]
