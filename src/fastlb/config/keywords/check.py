"""`option httpchk` and `option tcp-check`: how servers with `check` are probed (manual, section 4.2).

Knows the request as it is written. Must not know how a check is run (`control/checks`).
"""

from __future__ import annotations

import re

from ..model import HttpCheck, Proxy
from .row import ProxyKeyword, Statement

_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*(.*)\Z", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


def set_httpchk(st: Statement, px: Proxy) -> None:
    """`option httpchk [[<method>] <uri> [<version>]]`; a version may hide headers behind it."""
    st.at_most(3)
    words = st.arguments
    check = HttpCheck()
    if len(words) == 1:
        check.uri = words[0]
    elif words:
        check.method, check.uri = words[0], words[1]
    for at, word in enumerate((check.method, check.uri)):
        if not word or _FORBIDDEN.search(word):
            raise st.fail(f"'option httpchk' : '{word}' cannot stand in a request line.", min(2 + at, len(st.words) - 1))
    if len(words) == 3:
        _set_version(st, check, words[2])
    px.check = check
    px.options.discard("tcp-check")


def _set_version(st: Statement, check: HttpCheck, word: str) -> None:
    version, *lines = word.split("\r\n")
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise st.fail(f"'option httpchk' : invalid version '{version}'.", 4, hint="HTTP/1.0 or HTTP/1.1")
    check.version = version
    for number, line in enumerate(lines):
        if not line and number == len(lines) - 1:
            break
        match = _HEADER.match(line)
        if match is None or any(ord(char) < 0x20 and char != "\t" for char in match.group(2)):
            raise st.fail(f"'option httpchk' : invalid header '{line}' behind the version.", 4)
        check.headers.append((match.group(1), match.group(2)))
    if lines:
        # haproxy: 2.6 warns, 3.x refuses; `http-check send` is the modern way.
        st.warn(
            "'option httpchk' : hiding headers or body at the end of the version string is deprecated. Please, consider to use "
            "'http-check send' directive instead.",
            4,
            "deprecated",
            lead=f"parsing [{st.line_location()}]: ",
        )


def set_tcp_check(st: Statement, px: Proxy) -> None:
    px.check = None
    px.options.add("tcp-check")


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "option httpchk", "check", "DLB", "[[<method>] <uri> [<version>]]", "OPTIONS / HTTP/1.0", "4.2", apply=set_httpchk
    ),
    ProxyKeyword("option tcp-check", "check", "DLB", manual="4.2", apply=set_tcp_check, arguments=(0, 0)),
)
