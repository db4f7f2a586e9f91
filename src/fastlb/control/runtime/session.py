"""Commands about this connection to the runtime API: its rights and its idle time.

Knows what there is to say about a session. Must not know the socket.
"""

from __future__ import annotations

from fastlb.control.runtime.command import Command, Handler, Level, Refused, Request
from fastlb.control.runtime.words import seconds_from


def _lower(request: Request, level: Level) -> str:
    """Lowers the level and ends the modes of experts; asking for a higher one is refused."""
    session = request.session
    if level > session.level:
        raise Refused("Permission denied\n")
    session.level = level
    session.is_expert = session.is_experimental = False
    return ""


def _show_level(request: Request) -> str:
    return f"{request.session.level.name.lower()}\n"


def _set_timeout(request: Request) -> str:
    if request.argument(0) != "cli":
        raise Refused("'set timeout' only supports 'cli'.\n")
    text = request.argument(1)
    if not text:
        raise Refused("Expects an integer value.\n")
    seconds = seconds_from(text, "s")
    if not seconds:
        raise Refused("Invalid timeout value.\n")
    request.session.timeout_s = seconds
    return ""


def _set_severity(request: Request) -> str:
    if request.argument(0) not in ("none", "number", "string"):
        raise Refused("one of 'none', 'number', 'string' is a required argument\n")
    request.session.severity_output = request.argument(0)
    return ""


def _mode(name: str) -> Handler:
    """`expert-mode` and `experimental-mode`: `on`, `off`, or say which."""

    def run(request: Request) -> str:
        word, flag = request.argument(0), f"is_{name}"
        if not word:
            return f"{name}-mode is {'ON' if getattr(request.session, flag) else 'OFF'}\n"
        setattr(request.session, flag, word == "on")
        return ""

    return run


def _echo(request: Request) -> str:
    return f"{' '.join(request.arguments)}\n"


COMMANDS = (
    Command(("echo",), _echo, "say these words, between the answers of other commands", "<word>*"),
    Command(("expert-mode",), _mode("expert"), "allow what needs an expert", "[on|off]", Level.ADMIN),
    Command(("experimental-mode",), _mode("experimental"), "allow what may still change", "[on|off]", Level.ADMIN),
    Command(("operator",), lambda request: _lower(request, Level.OPERATOR), "continue with the rights of an operator"),
    Command(("user",), lambda request: _lower(request, Level.USER), "continue with the rights of a user"),
    Command(("set", "severity-output"), _set_severity, "show how severe a message is", "[none|number|string]"),
    Command(("set", "timeout"), _set_timeout, "change how long this connection may be idle", "[cli] <delay>"),
    Command(("show", "cli", "level"), _show_level, "tell the rights of this connection"),
)
