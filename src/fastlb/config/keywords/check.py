"""`option httpchk`, `option tcp-check` and the options for other protocols: how servers with `check` are probed
(manual, section 4.2).

Knows the options as they are written. The steps' lines are in check_rules.py. Must not know how a check is run.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..check_rules import HttpSend
from ..logformat import Item, LogFormat
from ..model import Proxy
from .row import ProxyKeyword, SetProxy, Statement

_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*(.*)\Z", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


def set_httpchk(st: Statement, px: Proxy) -> None:
    """`option httpchk [[<method>] <uri> [<version>]]`; a version may hide headers behind it."""
    st.at_most(3)
    words = st.arguments
    request = HttpSend("OPTIONS", "/", "HTTP/1.0")
    if len(words) == 1:
        request = replace(request, uri=words[0])
    elif words:
        request = replace(request, method=words[0], uri=words[1])
    for at, word in enumerate((request.method, request.uri)):
        if not isinstance(word, str) or not word or _FORBIDDEN.search(word):
            raise st.fail(f"'option httpchk' : '{word}' cannot stand in a request line.", min(2 + at, len(st.words) - 1))
    if len(words) == 3:
        request = _with_version(st, request, words[2])
    px.check.kind, px.check.arguments, px.check.request = "httpchk", (), request


def _with_version(st: Statement, request: HttpSend, word: str) -> HttpSend:
    version, *lines = word.split("\r\n")
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise st.fail(f"'option httpchk' : invalid version '{version}'.", 4, hint="HTTP/1.0 or HTTP/1.1")
    headers = []
    for number, line in enumerate(lines):
        if not line and number == len(lines) - 1:
            break
        match = _HEADER.match(line)
        if match is None or any(ord(char) < 0x20 and char != "\t" for char in match.group(2)):
            raise st.fail(f"'option httpchk' : invalid header '{line}' behind the version.", 4)
        headers.append((match.group(1), LogFormat((Item(text=match.group(2)),), text=match.group(2))))
    if lines:
        # haproxy: 2.6 warns, 3.x refuses; `http-check send` is the modern way.
        st.warn(
            "'option httpchk' : hiding headers or body at the end of the version string is deprecated. Please, consider to use "
            "'http-check send' directive instead.",
            4,
            "deprecated",
            lead=f"parsing [{st.line_location()}]: ",
        )
    return replace(request, version=version, headers=tuple(headers))


def protocol_check(kind: str) -> SetProxy:
    """An option that takes what _ARGUMENTS says."""

    def apply(st: Statement, px: Proxy) -> None:
        arguments = tuple(st.arguments)
        message, hint = _fault(kind, arguments)
        if message:
            raise st.fail(f"'{st.keyword}' {message}.", min(2, len(st.words)), hint=hint)
        px.check.kind, px.check.arguments = kind, arguments

    return apply


def _fault(kind: str, arguments: tuple[str, ...]) -> tuple[str, str]:
    """What is wrong with the arguments of a protocol's option, and what to write."""
    if kind == "pgsql-check" and (len(arguments) != 2 or arguments[0] != "user" or not arguments[1]):
        return "expects 'user <username>' as argument", "option pgsql-check user <username>"
    if kind != "mysql-check" or not arguments:
        return "", ""
    hint = "option mysql-check [user <username> [post-41 | pre-41]]"
    if arguments[0] != "user":
        return "only supports optional values: 'user'", hint
    if len(arguments) < 2 or not arguments[1]:
        return "'user' expects <username> as argument", hint
    if len(arguments) > 2 and arguments[2] not in ("post-41", "pre-41"):
        return "keyword only supports option 'post-41' and 'pre-41'", hint
    return "", ""


def _protocol(kind: str, grammar: str = "", most: int = 0) -> ProxyKeyword:
    return ProxyKeyword(f"option {kind}", "check", "DLB", grammar, manual="4.2", apply=protocol_check(kind), arguments=(0, most))


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "option httpchk", "check", "DLB", "[[<method>] <uri> [<version>]]", "OPTIONS / HTTP/1.0", "4.2", apply=set_httpchk
    ),
    _protocol("tcp-check"),
    _protocol("mysql-check", "[ user <username> [ { post-41 | pre-41 } ] ]", 3),
    _protocol("pgsql-check", "user <username>", 2),
    _protocol("redis-check"),
    _protocol("smtpchk", "[ <hello> <domain> ]", 2),
    _protocol("ldap-check"),
    _protocol("ssl-hello-chk"),
)
