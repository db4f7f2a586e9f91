"""`show errors`: the last request and the last answer of each proxy that could not be parsed.

Knows HAProxy's form (management guide, section 9.3); in place of the states of its parser stands the reason. Each worker keeps
its own: the latest is shown. Names of headers before the error are in lower case, as the parser has left them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from fastlb.control.directory import LiveProxy
from fastlb.control.messages import MessageError
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.runtime.sessions import place

_CHUNK = 50  # proxies between two turns of a worker's loop
_WIDTH = 70  # characters of a line's content
_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 27: "\\e", 92: "\\\\"}
Facts = dict[str, Any]


async def _collected(request: Request) -> tuple[list[Facts], int]:
    """The latest of each proxy and kind over all workers, and how many there were."""
    latest: dict[tuple[int, bool], Facts] = {}
    total = 0
    hub = request.control.messages
    for worker in hub.workers:
        seen = 0
        for start in range(0, len(request.control.program.proxies), _CHUNK):
            try:
                answer = await hub.request(worker, "bad-messages", start=start, most=_CHUNK)
            except MessageError:
                break
            seen = answer["seen"]
            for facts in answer["messages"]:
                key = facts["proxy"], facts["is_answer"]
                if key not in latest or facts["when"] > latest[key]["when"]:
                    latest[key] = facts
        total += seen
    return [latest[key] for key in sorted(latest)], total


def _wanted(request: Request) -> int:
    """The id of the proxy to tell of, -1 for all. Raises Refused."""
    word = request.argument(0)
    if not word:
        return -1
    try:
        return int(word)
    except ValueError:
        found = request.control.directory.frontend(word) or request.control.directory.backend(word)
    if found is None:
        raise Refused("No such proxy.\n")
    return found.id


async def _show(request: Request) -> str:
    wanted = _wanted(request)
    kinds = {"request": (False,), "response": (True,)}.get(request.argument(1), (False, True))
    found, total = await _collected(request)
    now = time.time()
    lines = [f"Total events captured on [{_date(int(now * 1000000))}] : {total}\n"]
    for facts in found:
        proxies = _proxies(request, facts)
        if facts["is_answer"] in kinds and (wanted == -1 or wanted in (proxy.id for proxy in proxies if proxy is not None)):
            lines += [" \n", *_lines(request, facts, *proxies)]
    return "".join(lines)


def _proxies(request: Request, facts: Facts) -> tuple[LiveProxy, LiveProxy | None]:
    by_index = request.control.directory.by_index
    return by_index[facts["frontend"]], by_index[facts["backend"]] if facts["backend"] is not None else None


def _lines(request: Request, facts: Facts, frontend: LiveProxy, backend: LiveProxy | None) -> Iterator[str]:
    server = request.control.directory.servers.get(facts["server"]) if facts["server"] is not None else None
    server_shown = f"server {server.name} (#{server.id})" if server is not None else "server <NONE> (#-1)"
    backend_shown = f"backend {backend.name} (#{backend.id})" if backend is not None else "backend <NONE> (#-1)"
    frontend_shown = f"frontend {frontend.name} (#{frontend.id})"
    _, source = place(facts["source"])
    content = facts["bytes"].encode("latin-1")
    size = request.control.configuration.global_.bufsize
    where, other = (backend_shown, frontend_shown) if facts["is_answer"] else (frontend_shown, backend_shown)
    yield f"[{_date(facts['when'])}] {where}: invalid {'response' if facts['is_answer'] else 'request'}\n"
    yield f"  {other}, {server_shown}, event #{facts['number']}, src {source}\n"
    yield f"  buffer starts at 0 (including 0 out), {size - len(content)} free,\n"
    yield f"  len {len(content)}, wraps at {size}, error at position {facts['at']}\n"
    yield f"  {facts['reason'] or 'the head does not fit into the buffer'} :\n"
    yield "  \n"
    yield from dump(content)


def dump(content: bytes) -> Iterator[str]:
    """Lines of the message, cut where they are too wide: `00104+ ` goes on with the line before."""
    start, mark, line = 0, " ", ""
    for at, byte in enumerate(content):
        shown = _ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02X}")
        if len(line) + len(shown) > _WIDTH:
            yield f"  {start:05}{mark} {line}\n"
            start, mark, line = at, "+", ""
        line += shown
        if byte == 10:
            yield f"  {start:05}{mark} {line}\n"
            start, mark, line = at + 1, " ", ""
    if line:
        yield f"  {start:05}{mark} {line}\n"


def _date(when_us: int) -> str:
    moment = time.localtime(when_us // 1000000)
    return f"{time.strftime('%d/%b/%Y:%H:%M:%S', moment)}.{when_us // 1000 % 1000:03}"


COMMANDS = (
    Command(("show", "errors"), _show, "the last bad messages of each proxy", "[<px>] [request|response]", Level.OPERATOR),
)
