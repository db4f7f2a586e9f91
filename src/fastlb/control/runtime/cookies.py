"""Commands on the dynamic cookies of a backend (management guide, section 9.3).

Knows their words and answers. Must not know how a cookie is made.
"""

from __future__ import annotations

from fastlb.control.runtime.command import Command, Level, Refused, Request


def _set_key(request: Request) -> str:
    backend = request.backend()
    if not request.argument(1):
        raise Refused("String value expected.\n")
    request.control.servers.cookies.set_key(backend, request.argument(1))
    return ""


def _enable(request: Request) -> str:
    request.control.servers.cookies.set_enabled(request.backend(), True)
    return ""


def _disable(request: Request) -> str:
    request.control.servers.cookies.set_enabled(request.backend(), False)
    return ""


COMMANDS = (
    Command(("disable", "dynamic-cookie", "backend"), _disable, "disable dynamic cookies of a backend", "<bk>", Level.ADMIN),
    Command(("enable", "dynamic-cookie", "backend"), _enable, "enable dynamic cookies of a backend", "<bk>", Level.ADMIN),
    Command(
        ("set", "dynamic-cookie-key", "backend"), _set_key, "change a backend's key of dynamic cookies", "<bk> <key>", Level.ADMIN
    ),
)
