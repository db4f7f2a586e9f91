"""`errorfile` and `errorloc`: what is sent in place of an error answer (manual, section 4.2).

Knows which statuses can be replaced, reads the files while the configuration is read, and checks that each is an HTTP
answer. Must not know when the answers are sent.
"""

from __future__ import annotations

import os
import re

from ..model import ErrorFiles, Proxy
from .row import ProxyKeyword, SetProxy, Statement

STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504)
MAX_FILE = 1 << 20

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] +([0-9]{3})( [^\r\n\0]*)?\Z")
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n\0]*\Z")


class BadAnswer(Exception):
    """The file is no answer that can be sent; the text is HAProxy's, `hint` says more. code: of the diagnostic."""

    def __init__(self, message: str, hint: str = "", code: str = "bad-errorfile") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def set_errorfile(st: Statement, px: Proxy) -> None:
    if not st.argument(1):
        hint = "errorfile 503 /etc/fastlb/errors/503.http"
        raise st.fail("errorfile : expects <status_code> and <file> as arguments.", 0, "missing-argument", hint)
    status = _status(st, "errorfile")
    try:
        answer = read_page(st.argument(1), st.reading.configuration.global_.bufsize)
    except BadAnswer as fault:
        lead = "" if fault.code == "too-large" else "errorfile : "
        raise st.fail(lead + fault.message, 2, fault.code.replace("too-large", "bad-errorfile"), fault.hint) from None
    px.errorfiles[status] = answer
    px.errorlocs.pop(status, None)


def read_page(path: str, room: int) -> bytes:
    """The answer in a file, as it is sent; b"" for an empty file. Raises BadAnswer; `room`: bytes it may have."""
    try:
        raw = _read(path)
    except IsADirectoryError:
        raise BadAnswer(f"error reading file '{path}'.", "", "unreadable-file") from None
    except (OSError, ValueError) as error:
        hint = getattr(error, "strerror", None) or str(error)
        raise BadAnswer(f"error opening file '{path}'.", hint, "unreadable-file") from None
    if len(raw) > room:
        message = f"custom error message file '{path}' larger than {room} bytes."
        raise BadAnswer(message, "shorten the page or raise tune.bufsize", "too-large")
    try:
        return normalize(raw) if raw else b""
    except BadAnswer as fault:
        raise BadAnswer(f"'{path}': {fault.message}", fault.hint) from None


def _read(path: str) -> bytes:
    # A fifo or a device must neither block nor never end; /dev/null is HAProxy's way to send nothing.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(MAX_FILE + 1) or b""


def normalize(raw: bytes) -> bytes:
    """The answer as HAProxy sends it: CRLF line ends and lower-case names in the head, `Connection` its own affair.

    raw: the file, not empty. Raises BadAnswer. The body stays as it is.
    """
    status_line, lines, body = _split_head(raw)
    fields = [_field(line, offset) for line, offset in lines]
    lengths = [value for name, value in fields if name == b"content-length"]
    if any(name == b"transfer-encoding" for name, _ in fields):
        raise BadAnswer("chunk-encoded payload not supported")
    if lengths and (len(set(lengths)) > 1 or not lengths[0].isdigit() or int(lengths[0][:18]) != len(body)):
        shown = lengths[0][:18].decode("latin-1")
        raise BadAnswer(f"payload size does not match the announced content-length ({len(body)} != {shown})")
    kept = [
        b"%b: %b" % (name, value) for name, value in fields if name not in (b"connection", b"keep-alive", b"proxy-connection")
    ]
    if not lengths and not status_line.startswith(b"HTTP/1.0"):
        # Without a length the answer ends with the connection (RFC 9112, section 6.3); 1.0 says so by its version.
        kept.append(b"connection: close")
    return b"\r\n".join([status_line, *kept]) + b"\r\n\r\n" + body


def _split_head(raw: bytes) -> tuple[bytes, list[tuple[bytes, int]], bytes]:
    """Status line, header lines with their offsets (folded lines joined), body."""
    lines: list[tuple[bytes, int]] = []
    at = len(raw) - len(raw.lstrip(b"\r\n"))  # haproxy: empty lines before the status line do no harm
    while True:
        end = raw.find(b"\n", at)
        if end < 0:
            raise BadAnswer("unable to parse headers (error offset: -2)", "the head has no end: an empty line is missing")
        line = raw[at:end].removesuffix(b"\r")
        if not line:
            break
        if not lines:
            _check_status_line(line)
        if line[:1] in b" \t" and len(lines) > 1:
            joined = lines[-1][0] + b" " + line.strip(b" \t")
            lines[-1] = (joined, lines[-1][1])
        else:
            lines.append((line, at))
        at = end + 1
    return lines[0][0], lines[1:], raw[end + 1 :]


def _check_status_line(line: bytes) -> None:
    if _STATUS_LINE.match(line) is not None:
        return
    version = line.split(b" ")[0].decode("latin-1")
    if version.startswith("HTTP/") and version not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadAnswer(f"invalid http version ({version})")
    raise BadAnswer(
        "unable to parse headers (error offset: 0)", "the file must begin with a status line: HTTP/1.1 503 Unavailable"
    )


def _field(line: bytes, offset: int) -> tuple[bytes, bytes]:
    if _FIELD.match(line) is None:
        raise BadAnswer(f"unable to parse headers (error offset: {offset})", f"'{line[:40].decode('latin-1')}' is not a header")
    name, _, value = line.partition(b":")
    return name.lower(), value.strip(b" \t")


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


def set_errorfiles(st: Statement, px: Proxy) -> None:
    """`errorfiles <section> [<status> ...]`."""
    statuses = []
    for at, word in enumerate(st.arguments[1:], 2):
        if not word.isdigit() or int(word[:9]) not in STATUSES:
            raise st.fail(f"errorfiles : status code '{word}' not handled.", at, hint=f"one of {' '.join(map(str, STATUSES))}")
        statuses.append(int(word))
    px.errorfile_sets.append(ErrorFiles(st.line_location(), st.argument(0), tuple(statuses)))


PROXY: tuple[ProxyKeyword, ...] = (
    ProxyKeyword(
        "errorfiles",
        "errors",
        "DFLB",
        "<name> [<code> ...]",
        manual="4.2",
        arguments=(1, None),
        missing="errorfiles : expects <name> as argument.",
        apply=set_errorfiles,
    ),
    ProxyKeyword("errorfile", "errors", "DFLB", "<code> <file>", "HAProxy's page", "4.2", apply=set_errorfile),
    ProxyKeyword("errorloc", "errors", "DFLB", "<code> <url>", manual="4.2", apply=errorloc(302, "errorloc")),
    ProxyKeyword("errorloc302", "errors", "DFLB", "<code> <url>", manual="4.2", apply=errorloc(302, "errorloc302")),
    ProxyKeyword("errorloc303", "errors", "DFLB", "<code> <url>", manual="4.2", apply=errorloc(303, "errorloc303")),
)
