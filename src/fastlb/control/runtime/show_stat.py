"""`show stat`: the statistics rows in the form and for the objects that the command asks for.

Knows the command's arguments (management guide, section 9.3, "show stat"). Must not know columns or their values.
"""

from __future__ import annotations

import re

from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.stats.csv import csv_text, json_text, typed_text
from fastlb.control.stats.rows import Filter, rows

_WORDS = frozenset(("desc", "typed", "json", "no-maint", "up", "float"))


def _show_stat(request: Request) -> str:
    words = list(request.arguments)
    proxy_id, types, sid = _scope(request, words)
    wanted = Filter(
        proxy_id=proxy_id,
        types=types,
        sid=sid,
        hides_down="up" in words,
        hides_maint="no-maint" in words,
        shows_address=request.session.level >= Level.OPERATOR,
    )
    found = rows(request.control, wanted)
    if "typed" in words:
        return typed_text(found)
    if "json" in words:
        return json_text(found)
    return csv_text(found)


def _scope(request: Request, words: list[str]) -> tuple[int | None, int, int]:
    """`iid type sid` in front of the options: an id or a name (-1 for all), a mask of types, a server's id or -1."""
    if len(words) < 3 or words[0] in _WORDS:
        return None, -1, -1
    name, types, sid = words[:3]
    if re.fullmatch(r"-?\d+", name):
        proxy_id = int(name) if int(name) > 0 else None
    else:
        directory = request.control.directory
        proxy = directory.frontend(name) or directory.backend(name)
        if proxy is None:
            raise Refused("No such proxy.\n")
        proxy_id = proxy.id
    return proxy_id, _number(types), _number(sid)


def _number(text: str) -> int:
    match = re.match(r"-?\d+", text)
    return int(match[0]) if match else 0


COMMANDS = (Command(("show", "stat"), _show_stat, "counters of proxies and servers", "[json|no-maint|typed|up]*"),)
