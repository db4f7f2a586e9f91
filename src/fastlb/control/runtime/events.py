"""`show events`: the rings, and what is in one of them (management guide, section 9.3).

Knows HAProxy's words. Must not know how lines get into a ring (control/logs/rings.py).
"""

from __future__ import annotations

from fastlb.control.logs.rings import Ring
from fastlb.control.runtime.command import Command, Level, Refused, Request


async def _show_events(request: Request) -> str:
    rings = request.control.journal.sender.rings.by_name
    name = request.argument(0)
    if not name:
        head = "Supported events sinks are listed below. Add -w(wait), -n(new). Any key to stop\n"
        return head + "".join(_line(ring) for ring in rings.values())
    ring = rings.get(name)
    if ring is None:
        raise Refused("No such event sink")
    flags = _flags(request.arguments[1:])
    if "w" not in flags:
        return "" if "n" in flags else _text(ring.entries())
    await _follow(request, ring, is_new="n" in flags)
    return ""


def _line(ring: Ring) -> str:
    return f"    {ring.config.name:<10} : type=buffer, {ring.dropped} dropped, {ring.config.description}\n"


def _flags(words: list[str]) -> set[str]:
    flags: set[str] = set()
    for word in words:
        letters = set(word[1:])
        if not word.startswith("-") or not letters or letters - {"n", "w", "0"}:
            raise Refused("unknown option")
        flags |= letters
    if "0" in flags:
        raise Refused("'-0' is not supported by fastlb yet: each event ends in a newline.")
    return flags


def _text(lines: list[bytes]) -> str:
    return "".join(line.decode("utf-8", "surrogateescape") + "\n" for line in lines)


async def _follow(request: Request, ring: Ring, is_new: bool) -> None:
    """Sends lines as they come until the client says something, or leaves."""
    assert request.stream is not None
    with ring.follow() as follower:
        if not is_new:
            await request.stream.send(_text(ring.entries()))
        while await request.stream.until(follower.has_some):
            await request.stream.send(_text(follower.take()))


COMMANDS = (Command(("show", "events"), _show_events, "show event sink state", "[<sink>] [-w] [-n]", Level.OPERATOR),)
