"""Commands about sessions: this one (level, timeout) and those of the traffic (show sess, shutdown).

Knows what the workers are asked by message. Must not know how messages travel.
"""

from __future__ import annotations

import re
from typing import Any

from fastlb.control.messages import MessageError
from fastlb.control.runtime.command import Command, Level, Refused, Request

_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def _lower(request: Request, level: Level) -> str:
    """Lowers the level; asking for a higher one is refused."""
    if level > request.session.level:
        raise Refused("Permission denied\n")
    request.session.level = level
    return ""


def _show_level(request: Request) -> str:
    return f"{request.session.level.name.lower()}\n"


def _set_timeout(request: Request) -> str:
    if request.argument(0) != "cli":
        raise Refused("'set timeout' only supports 'cli'.\n")
    text = request.argument(1)
    if not text:
        raise Refused("Expects an integer value.\n")
    match = re.fullmatch(r"(\d+)(us|ms|s|m|h|d|)", text)
    seconds = int(match[1]) * _UNITS_S[match[2]] if match else 0.0
    if not 0.001 <= seconds <= 2**31 / 1000:
        raise Refused("Invalid timeout value.\n")
    request.session.timeout_s = seconds
    return ""


async def _show_sess(request: Request) -> str:
    """The streams of every worker; with an id, that one. A worker that does not answer in time is left out."""
    wanted = request.argument(0)
    is_one = wanted.startswith("0x")
    answers = await request.control.messages.broadcast("show sess", id=wanted if is_one else "")
    found = [(worker, session) for worker, answer in sorted(answers.items()) for session in answer.get("sessions", ())]
    lines = [_session_line(worker, session) for worker, session in found]
    if is_one and not lines:
        raise Refused("Session not found.\n")
    return "".join(lines)


def _session_line(worker: int, session: dict[str, Any]) -> str:
    """One line of `show sess`: `id: name=value ...`, all as the worker tells it."""
    fields = {key: value for key, value in session.items() if key != "id"}
    return f"{session.get('id', '?')}: worker={worker} {' '.join(f'{key}={value}' for key, value in fields.items())}\n"


async def _shutdown_sessions_server(request: Request) -> str:
    await request.control.messages.broadcast("shutdown sessions server", server=request.server().index)
    return ""


async def _shutdown_session(request: Request) -> str:
    wanted = request.argument(0)
    if not wanted:
        raise Refused("Session pointer expected (use 'show sess').\n")
    try:
        answers = await request.control.messages.broadcast("shutdown session", id=wanted)
    except MessageError:
        answers = {}
    if not any(answer.get("found") for answer in answers.values()):
        raise Refused("No such session (use 'show sess').\n")
    return ""


COMMANDS = (
    Command(("operator",), lambda request: _lower(request, Level.OPERATOR), "continue with the rights of an operator"),
    Command(("user",), lambda request: _lower(request, Level.USER), "continue with the rights of a user"),
    Command(("set", "timeout"), _set_timeout, "change how long this connection may be idle", "[cli] <delay>"),
    Command(("show", "cli", "level"), _show_level, "tell the rights of this connection"),
    Command(("show", "sess"), _show_sess, "list the current sessions, or one of them", "[id]", Level.OPERATOR),
    Command(("shutdown", "session"), _shutdown_session, "end one session", "[id]", Level.ADMIN),
    Command(("shutdown", "sessions", "server"), _shutdown_sessions_server, "end a server's sessions", "<bk>/<srv>", Level.ADMIN),
)
