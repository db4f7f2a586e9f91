"""Commands on streams: `show sess`, `shutdown session`, `shutdown sessions server` (management guide, section 9.3).

Knows HAProxy's lines. What has no equal here (task states, flags, analysers) is left out. Must not know where streams are: the
workers tell (bridge/sessions.pyx).
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

from fastlb.control import sockaddr
from fastlb.control.messages import MessageError
from fastlb.control.runtime.command import Command, Level, Refused, Request

_PAGE = 500  # streams that a worker tells between two turns of its loop
_WORKER_SHIFT = 48  # of a stream's id: its worker's index + 1 stands above
_PROTOCOLS = {sockaddr.AF_INET: "tcpv4", sockaddr.AF_INET6: "tcpv6", sockaddr.AF_UNIX: "unix_stream"}
_POINTER_EXPECTED = "Session pointer expected (use 'show sess').\n"

Facts = dict[str, Any]


async def _all_sessions(request: Request) -> AsyncIterator[Facts]:
    """The streams of all workers. They come and go meanwhile: it is no snapshot."""
    messages = request.control.messages
    for worker in messages.workers:
        start = 0
        while True:
            try:
                found = (await messages.request(worker, "sessions", start=start, most=_PAGE))["sessions"]
            except MessageError:
                break
            for facts in found:
                yield facts
            if len(found) < _PAGE:
                break
            start += _PAGE


async def _show(request: Request) -> str:
    wanted = request.argument(0)
    if wanted == "all":
        return "".join([_details(request, facts) async for facts in _all_sessions(request)])
    if not wanted.startswith("0x"):
        return "".join([_line(request, facts) async for facts in _all_sessions(request)])
    number = _pointer(wanted)
    async for facts in _all_sessions(request):
        if facts["id"] == number:
            return _details(request, facts)
    raise Refused("Session not found.\n")


def _pointer(text: str) -> int:
    """The id in `0x...`, 0 for what is none."""
    return int(text, 16) if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text) else 0


def _span(ms: int | None) -> str:
    """haproxy: the two largest units of a time; nothing for one that is not set."""
    if ms is None:
        return ""
    seconds = max(ms, 0) // 1000
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{seconds % 60}s" if minutes else f"{seconds}s"


def place(packed: str) -> tuple[str, str]:
    """(protocol, address) of a sockaddr; a client of a unix socket has no address of its own."""
    raw = packed.encode("latin-1")
    family, _address = sockaddr.unpack(raw)
    return _PROTOCOLS.get(int(family), "?"), "unix:1" if family == sockaddr.AF_UNIX else sockaddr.text(raw)


def _names(request: Request, facts: Facts) -> tuple[str, str, str]:
    directory = request.control.directory
    frontend = directory.by_index[facts["frontend"]].name
    backend = directory.by_index[facts["backend"]].name if facts["backend"] is not None else "<NONE>"
    server = directory.servers.get(facts["server"]) if facts["server"] is not None else None
    return frontend, backend, server.name if server is not None else "<none>"


def _expires(facts: Facts) -> str:
    """What ends the stream first, where nothing happens."""
    sides = [facts["front"], facts["back"] or {"left": None}]
    left = [ms for ms in (facts["left"], *(side["left"] for side in sides)) if ms is not None]
    return _span(min(left)) if left else ""


def _line(request: Request, facts: Facts) -> str:
    protocol, source = place(facts["source"])
    frontend, backend, server = _names(request, facts)
    front, back = facts["front"], facts["back"] or {"fd": -1, "in": 0, "left": None}
    return (
        f"{facts['id']:#x}: proto={protocol} src={source} fe={frontend} be={backend} srv={server} age={_span(facts['age'])}"
        f" calls={facts['calls']} rq[i={front['in']},rx={_span(front['left'])}] rp[i={back['in']},rx={_span(back['left'])}]"
        f" scf=[fd={front['fd']}] scb=[fd={back['fd']}] exp={_expires(facts)} rc={facts['retries']}\n"
    )


def _details(request: Request, facts: Facts) -> str:
    """The lines of one stream, as `show sess <id>` has them."""
    control, directory = request.control, request.control.directory
    protocol, source = place(facts["source"])
    seconds, micros = divmod(facts["started"], 1_000_000)
    date = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(seconds))
    frontend = directory.by_index[facts["frontend"]]
    mode = {True: "http", False: "tcp"}
    listener = next((one for one in frontend.listeners if one.index == facts["listener"]), None)
    lines = [
        f"{facts['id']:#x}: [{date}.{micros:06}] proto={protocol} source={source}",
        f"  conn_retries={facts['retries']}, waiting={int(any(facts['queues']))}, age={_span(facts['age'])},"
        f" calls={facts['calls']}, exp={_expires(facts) or '<NEVER>'}, state={facts['state']}",
        f"  frontend={frontend.name} (id={frontend.id} mode={mode[frontend.is_http]}),"
        f" listener={listener.name if listener else '?'} (id={listener.id if listener else 0}) addr={place(facts['local'])[1]}",
    ]
    if facts["backend"] is None:
        lines.append("  backend=<NONE> (id=-1 mode=-)")
    else:
        backend = directory.by_index[facts["backend"]]
        lines.append(f"  backend={backend.name} (id={backend.id} mode={mode[backend.is_http]})")
    server = directory.servers.get(facts["server"]) if facts["server"] is not None else None
    if server is None:
        lines.append("  server=<NONE> (id=-1)")
    else:
        address = sockaddr.text(control.snapshot.server_state(server.index).address)
        lines.append(f"  server={server.name} (id={server.id}) addr={address}")
    lines += [_side("scf", facts["front"]), _side("scb", facts["back"])]
    lines.append(f"  req bytes={facts['bytes_in']}, res bytes={facts['bytes_out']}, status={facts['status']}")
    return "".join(f"{line}\n" for line in lines)


def _side(name: str, side: dict[str, Any] | None) -> str:
    if side is None:
        return f"  {name}: none"
    return f"  {name}: fd={side['fd']} in={side['in']} out={side['out']} exp={_span(side['left']) or '<NEVER>'}"


async def _shutdown_session(request: Request) -> str:
    number = _pointer(request.argument(0))
    if not number:
        raise Refused(_POINTER_EXPECTED)
    try:
        worker = (number >> _WORKER_SHIFT) - 1
        ended = (await request.control.messages.request(worker, "shut-session", id=number))["ended"]
    except MessageError:
        ended = 0
    if not ended:
        raise Refused("No such session (use 'show sess').\n")
    return ""


async def _shutdown_sessions(request: Request) -> str:
    server = request.server()
    await request.control.messages.broadcast("shut-server-sessions", server=server.index)
    return ""


COMMANDS = (
    Command(("show", "sess"), _show, "list the streams, or show one in full", "[<id>|all]", Level.OPERATOR),
    Command(("shutdown", "session"), _shutdown_session, "end a stream", "<id>", Level.ADMIN),
    Command(
        ("shutdown", "sessions", "server"), _shutdown_sessions, "end all streams of a server", "<bk>/<srv>", Level.ADMIN
    ),
)
