"""A FastCGI application for tests: scripts for `support.origin.Origin` that read requests record by record and answer.

Strict on purpose and written apart from the product: a request that the specification (FastCGI 1.0) does not allow makes the
test fail. What an application may get wrong is made with `record`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from .origin import OriginConnection, Script
from .wire import Malformed, Wire

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT, UNKNOWN = range(1, 12)
RESPONDER, KEEP_CONN = 1, 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)


@dataclass
class Request:
    """One request: its parameters in the order they came, and what followed on STDIN."""

    id: int
    keep: bool
    params: list[tuple[str, str]]
    body: bytes = b""
    records: list[tuple[int, int]] = field(default_factory=list)
    aborted: bool = False

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.params if key == name]
        if len(found) > 1:
            raise Malformed(f"{name} came twice: {found}")
        return found[0] if found else None


def record(kind: int, content: bytes = b"", request: int = 1, *, version: int = 1, padding: int = 0) -> bytes:
    return struct.pack(">BBHHBB", version, kind, request, len(content), padding, 0) + content + b"\0" * padding


def end(request: int = 1, protocol: int = REQUEST_COMPLETE, application: int = 0) -> bytes:
    return record(END, struct.pack(">IB3x", application, protocol), request)


def output(data: bytes, request: int = 1, size: int = 65535, padding: int = 0, kind: int = STDOUT) -> bytes:
    """`data` in records of at most `size` bytes."""
    return b"".join(record(kind, data[i : i + size], request, padding=padding) for i in range(0, len(data), size))


def whole(answer: bytes, request: int = 1, size: int = 65535, stderr: bytes = b"") -> bytes:
    """A complete answer: STDERR if there is any, STDOUT with its end, END_REQUEST."""
    errors = output(stderr, request, kind=STDERR)
    return errors + output(answer, request, size) + record(STDOUT, b"", request) + end(request)


def pairs(data: bytes) -> list[tuple[str, str]]:
    """Names and values of a PARAMS or GET_VALUES stream (specification, 3.4)."""
    found, at = [], 0

    def length() -> int:
        nonlocal at
        size = 4 if data[at] & 0x80 else 1
        value = int.from_bytes(data[at : at + size], "big") & 0x7FFFFFFF
        at += size
        return value

    while at < len(data):
        n_name, n_value = length(), length()
        if at + n_name + n_value > len(data):
            raise Malformed(f"pair beyond the end of {data!r}")
        name, value = data[at : at + n_name], data[at + n_name : at + n_name + n_value]
        found.append((name.decode("latin-1"), value.decode("latin-1")))
        at += n_name + n_value
    return found


def encoded(values: dict[str, str]) -> bytes:
    return b"".join(bytes((len(name), len(value))) + name.encode() + value.encode() for name, value in values.items())


def read_record(wire: Wire) -> tuple[int, int, bytes]:
    """Type, request id and content of the next record."""
    version, kind, number, size, padding, _ = struct.unpack(">BBHHBB", wire.read_exact(8))
    if version != 1:
        raise Malformed(f"version {version}")
    content = wire.read_exact(size)
    wire.read_exact(padding)
    return kind, number, content


def read_head(conn: Wire, values: dict[str, str] | None = None) -> Request | None:
    """The next request up to the end of its parameters; None where the proxy closed. `values` answer FCGI_GET_VALUES."""
    while True:
        if not conn.has_more():
            return None
        kind, number, content = read_record(conn)
        if kind == BEGIN:
            break
        if kind == GET_VALUES and number == 0 and values is not None:
            conn.send(record(GET_VALUES_RESULT, encoded(values), 0))
        elif kind != ABORT:
            raise Malformed(f"record {kind} of request {number} outside a request")
    role, flags = struct.unpack(">HB5x", content)
    if role != RESPONDER or flags & ~KEEP_CONN or not number:
        raise Malformed(f"request {number} of role {role} with flags {flags}")
    request = Request(number, bool(flags & KEEP_CONN), [])
    collected = bytearray()
    while content := _content(conn, request, PARAMS):
        collected += content
    request.params = pairs(bytes(collected))
    return request


def _content(conn: Wire, request: Request, kind: int) -> bytes:
    found, number, content = read_record(conn)
    if number != request.id:
        raise Malformed(f"a record of request {number} in request {request.id}")
    if found == ABORT:
        request.aborted = True
        return b""
    if found != kind:
        raise Malformed(f"record {found} where {kind} was due")
    request.records.append((found, len(content)))
    return content


def read_body(conn: Wire, request: Request) -> Request:
    while content := _content(conn, request, STDIN):
        request.body += content
    return request


class Application:
    """A script that answers each request with the bytes that `make` returns for it, and keeps the requests."""

    def __init__(self, make: Callable[[Request], bytes], values: dict[str, str] | None = None) -> None:
        self.make = make
        self.values = values
        self.requests: list[Request] = []

    def __call__(self, conn: OriginConnection) -> None:
        while (request := read_head(conn, self.values)) is not None:
            self.requests.append(read_body(conn, request))
            if not conn.send(self.make(request)) or not request.keep:
                return


def says(answer: bytes) -> Script:
    """Answers every request with this CGI answer."""
    return Application(lambda request: whole(answer, request.id))
