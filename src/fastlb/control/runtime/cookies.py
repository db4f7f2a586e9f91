"""Commands on the dynamic cookies of a backend (management guide, section 9.3).

Knows their words and answers. Must not know how a cookie is made.
"""

from __future__ import annotations

from fastlb.control.directory import LiveProxy
from fastlb.control.runtime.command import Command, Level, Refused, Request


def _backend(request: Request) -> LiveProxy:
    name = request.argument(0)
    if not name:
        raise Refused("A backend name is expected.\n")
    proxy = request.control.directory.backend(name)
    if proxy is None:
        raise Refused("No such backend.\n")
    return proxy


def _set_key(request: Request) -> str:
    proxy = _backend(request)
    if not request.argument(1):
        raise Refused("String value expected.\n")
    request.control.servers.cookies.set_key(proxy, request.argument(1))
    return ""


def _enable(request: Request) -> str:
    request.control.servers.cookies.set_enabled(_backend(request), True)
    return ""


def _disable(request: Request) -> str:
    request.control.servers.cookies.set_enabled(_backend(request), False)
    return ""


COMMANDS = (
    Command(("disable", "dynamic-cookie", "backend"), _disable, "disable dynamic cookies of a backend", "<bk>", Level.ADMIN),
    Command(("enable", "dynamic-cookie", "backend"), _enable, "enable dynamic cookies of a backend", "<bk>", Level.ADMIN),
    Command(
        ("set", "dynamic-cookie-key", "backend"), _set_key, "change a backend's key of dynamic cookies", "<bk> <key>", Level.ADMIN
    ),
)
