"""`errorfile` and `errorloc`: what is sent in place of an error answer (manual, section 4.2).

Knows which statuses can be replaced, reads the files while the configuration is read, and checks that each is an HTTP
answer. Must not know when the answers are sent.
"""

from __future__ import annotations

import os
import re

from ..model import Proxy
from .row import ProxyKeyword, SetProxy, Statement

STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504)
MAX_FILE = 1 << 20

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] +([0-9]{3})( [^\r\n\0]*)?\Z")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*:[^\r\n\0]*\Z")


class BadAnswer(Exception):
    """The file is no HTTP answer; `offset` is that of the first byte of the line at fault."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(what)
        self.offset = offset


def set_errorfile(st: Statement, px: Proxy) -> None:
    if not st.argument(1):
        hint = "errorfile 503 /etc/fastlb/errors/503.http"
        raise st.fail("errorfile : expects <status_code> and <file> as arguments.", 0, "missing-argument", hint)
    status, path = _status(st, "errorfile"), st.argument(1)
    try:
        raw = _read(path)
    except IsADirectoryError:
        raise st.fail(f"errorfile : error reading file '{path}'.", 2, "unreadable-file") from None
    except (OSError, ValueError) as error:
        hint = getattr(error, "strerror", None) or str(error)
        raise st.fail(f"errorfile : error opening file '{path}'.", 2, "unreadable-file", hint) from None
    if len(raw) > MAX_FILE:
        raise st.fail(f"errorfile : '{path}': file larger than {MAX_FILE} bytes.", 2, "bad-errorfile")
    try:
        answer = normalize(raw) if raw else b""
    except BadAnswer as fault:
        raise st.fail(
            f"errorfile : '{path}': unable to parse headers (error offset: {fault.offset})", 2, "bad-errorfile",
            f"the file must hold a complete HTTP answer, status line first: {fault}",
        ) from None
    _warn_size(st, answer)
    px.errorfiles[status] = answer
    px.errorlocs.pop(status, None)


def _read(path: str) -> bytes:
    # A fifo or a device must neither block nor never end; /dev/null is HAProxy's way to send nothing.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(MAX_FILE + 1) or b""


def _warn_size(st: Statement, answer: bytes) -> None:
    glob = st.reading.configuration.global_
    room = glob.bufsize - glob.maxrewrite
    if len(answer) > room:
        st.warn(
            f"errorfile : '{st.argument(1)}' holds {len(answer)} bytes, more than a buffer takes ({room}).", 2, "large-errorfile",
            "shorten the page or raise tune.bufsize",
        )


def normalize(raw: bytes) -> bytes:
    """The answer with CRLF line ends in its head, as it is sent. Raises BadAnswer.

    # haproxy: it reads heads with bare LF and sends CRLF; the body is sent as it is.
    """
    lines: list[bytes] = []
    at = 0
    while True:
        end = raw.find(b"\n", at)
        if end < 0:
            # haproxy: a file that ends within its head is an answer without a body, if its last line is whole.
            raise BadAnswer(len(raw), "the head has no end (an empty line)")
        line = raw[at:end].removesuffix(b"\r")
        if not line:
            break
        if (_FIELD if lines else _STATUS_LINE).match(line) is None:
            raise BadAnswer(at, "not a header line" if lines else "not a status line")
        lines.append(line)
        at = end + 1
    if not lines:
        raise BadAnswer(0, "no status line")
    return b"\r\n".join(lines) + b"\r\n\r\n" + raw[end + 1 :]


def errorloc(code: int, name: str) -> SetProxy:
    def apply(st: Statement, px: Proxy) -> None:
        if not st.argument(1):
            raise st.fail(f"{name} : expects <status_code> and <url> as arguments.", 0, "missing-argument")
        status = _status(st, name)
        url = st.argument(1)
        if any(ord(char) < 0x20 or ord(char) == 0x7F for char in url):
            raise st.fail(f"{name} : control characters in the location", 2)
        px.errorlocs[status] = (code, url)
        px.errorfiles.pop(status, None)

    return apply


def _status(st: Statement, name: str) -> int:
    word = st.argument(0)
    if not (word.isascii() and word.isdecimal() and int(word[:9]) in STATUSES and len(word) == 3):
        hint = f"one of {' '.join(map(str, STATUSES))}"
        raise st.fail(f"{name} : status code '{word}' not handled.", 1, hint=hint)
    return int(word)


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword("errorfile", "errors", "DFLB", "<code> <file>", "HAProxy's page", "4.2", apply=set_errorfile),
    ProxyKeyword("errorloc", "errors", "DFLB", "<code> <url>", manual="4.2", apply=errorloc(302, "errorloc")),
    ProxyKeyword("errorloc302", "errors", "DFLB", "<code> <url>", manual="4.2", apply=errorloc(302, "errorloc302")),
    ProxyKeyword("errorloc303", "errors", "DFLB", "<code> <url>", manual="4.2", apply=errorloc(303, "errorloc303")),
)
