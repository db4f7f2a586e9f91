"""Rows for the tables of `bind` and `server` options: with a setter, not there yet, and those that can be left undone.

Knows which table a row is for. Must not know any particular option.
"""

from __future__ import annotations

from typing import TypeVar

from ..values import names
from .row import IGNORED, UNSUPPORTED, BindOption, ServerOption, SetBind, SetServer
from .since import since

Option = TypeVar("Option", BindOption, ServerOption)

_FAMILIES = {BindOption: ("bind", "FL", "5.1"), ServerOption: ("server", "LB", "5.2")}
_VALUE = ("", "<value>")


def bind_option(name: str, apply: SetBind, grammar: str = "", missing: str = "") -> BindOption:
    """grammar: of its value, "" for a flag. missing: HAProxy's message where there is none."""
    return BindOption(
        name, "bind", "FL", grammar, manual="5.1", since=since(name), apply=apply, arity=1 if grammar else 0, missing=missing
    )


def server_option(
    name: str,
    apply: SetServer,
    grammar: str = "",
    default: str = "",
    missing: str = "",
    default_server: bool = True,
) -> ServerOption:
    """As `bind_option`. default_server: whether that keyword takes it too."""
    return ServerOption(
        name,
        "server",
        "LB",
        grammar,
        default,
        "5.2",
        since(name),
        apply=apply,
        arity=1 if grammar else 0,
        missing=missing,
        default_server=default_server,
    )


def not_yet(kind: type[Option], text: str) -> tuple[Option, ...]:
    """text: names, with `/1` behind those that take a value."""
    family, sections, manual = _FAMILIES[kind]
    rows = []
    for word in names(text):
        name, _, arity = word.partition("/")
        grammar = _VALUE[int(arity or 0)]
        rows.append(
            kind(name, family, sections, grammar, manual=manual, since=since(name), status=UNSUPPORTED, arity=int(arity or 0))
        )
    return tuple(rows)


def harmless(kind: type[Option], name: str, note: str, arity: int = 0, quiet: bool = False) -> Option:
    """note: why it can be left undone. quiet: without a warning."""
    family, sections, manual = _FAMILIES[kind]
    return kind(
        name,
        family,
        sections,
        _VALUE[arity],
        manual=manual,
        since=since(name),
        status=IGNORED,
        note=note,
        arity=arity,
        quiet=quiet,
    )
