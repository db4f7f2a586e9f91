"""A blocking byte stream over a socket, and a strict HTTP/1 parser on top of it.

Strict on purpose and written apart from the product: what it accepts has one reading under RFC 9112,
so a test that parses an answer also checks that the answer was well formed. Names keep their case.
"""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass, field

from .poll import DEADLINE

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(%s) ([\x21-\x7e\x80-\xff]+) (HTTP/1\.[01])" % TOKEN)
STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([0-9]{3})(?: ([\t\x20-\x7e\x80-\xff]*))?")
HEADER_LINE = re.compile(rb"(%s):[ \t]*([^\x00\r\n]*?)[ \t]*" % TOKEN)
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")


class Malformed(AssertionError):
    """The peer sent bytes that RFC 9112 does not allow."""


class Cut(Exception):
    """The peer closed or reset the connection in the middle of a message."""


@dataclass
class Message:
    """One parsed message. `framing`: how the body ended: "none", "length", "chunked" or "close"."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    framing: str = "none"
    interim: list[Message] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """The values of every header line of that name, in order; the name's case does not matter."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def version(self) -> str:
        return self.start.split(" ")[0 if self.start.startswith("HTTP/") else 2]


class Wire:
    """One connection's bytes; `received` keeps all of them, `was_reset` tells that the peer sent RST."""

    def __init__(self, sock: socket.socket, timeout: float | None = DEADLINE) -> None:
        sock.settimeout(timeout)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.received = bytearray()
        self.position = 0
        self.at_end = False
        self.was_reset = False

    def send(self, data: bytes) -> bool:
        """Send everything; False where the peer no longer takes it."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close so that the peer gets RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def fill(self, size: int = 65536) -> bool:
        """Receive once; False at the end of the stream."""
        if self.at_end:
            return False
        try:
            data = self.sock.recv(size)
        except ConnectionResetError:
            self.was_reset = True
            data = b""
        except TimeoutError:
            raise AssertionError(f"nothing received in time; so far {bytes(self.received[-500:])!r}") from None
        self.received += data
        self.at_end = not data
        return bool(data)

    def read_line(self) -> bytes:
        """Up to the next CRLF, without it; raises Cut at the end of the stream, Malformed on a bare LF or CR."""
        start = self.position
        while (end := self.received.find(b"\n", start)) < 0:
            if not self.fill():
                raise Cut(bytes(self.received[self.position :]))
        line = bytes(self.received[start:end])
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise Malformed(f"line does not end in CRLF: {line!r}")
        self.position = end + 1
        return line[:-1]

    def read_exact(self, size: int) -> bytes:
        while len(self.received) - self.position < size:
            if not self.fill():
                raise Cut(bytes(self.received[self.position :]))
        self.position += size
        return bytes(self.received[self.position - size : self.position])

    def read_to_end(self) -> bytes:
        while self.fill():
            pass
        start, self.position = self.position, len(self.received)
        return bytes(self.received[start:])

    def has_more(self) -> bool:
        """Whether another byte comes before the end of the stream; blocks until one of the two."""
        return len(self.received) > self.position or self.fill()

    def read_headers(self) -> list[tuple[str, str]]:
        headers = []
        while line := self.read_line():
            match = HEADER_LINE.fullmatch(line)
            if match is None:
                raise Malformed(f"header line {line!r}")
            headers.append((match[1].decode(), match[2].decode("latin-1")))
        return headers

    def read_chunked(self) -> tuple[bytes, list[tuple[str, str]]]:
        body = bytearray()
        while True:
            match = CHUNK_LINE.fullmatch(line := self.read_line())
            if match is None:
                raise Malformed(f"chunk size {line!r}")
            size = int(match[1], 16)
            if size == 0:
                return bytes(body), self.read_headers()
            body += self.read_exact(size)
            if self.read_exact(2) != b"\r\n":
                raise Malformed("no CRLF after chunk data")

    def read_body(self, message: Message, until_close: bool) -> None:
        coding, lengths = message.all("transfer-encoding"), message.all("content-length")
        if coding:
            if lengths or [value.lower() for value in coding] != ["chunked"]:
                raise Malformed(f"framing of {message}")
            message.framing = "chunked"
            message.body, message.trailers = self.read_chunked()
        elif lengths:
            if len(lengths) != 1 or not re.fullmatch("[0-9]+", lengths[0]):
                raise Malformed(f"framing of {message}")
            message.framing = "length"
            message.body = self.read_exact(int(lengths[0]))
        elif until_close:
            message.framing = "close"
            message.body = self.read_to_end()

    def read_request_head(self) -> Message | None:
        """The next request without its body; None where the peer closed between two requests."""
        if not self.has_more():
            return None
        line = self.read_line()
        if REQUEST_LINE.fullmatch(line) is None:
            raise Malformed(f"request line {line!r}")
        return Message(line.decode("latin-1"), self.read_headers())

    def read_request(self) -> Message | None:
        request = self.read_request_head()
        if request is not None:
            self.read_body(request, until_close=False)
        return request

    def read_response(self, method: str = "GET", body: bool = True) -> Message:
        """The next answer to a request of that method, interim (1xx but 101) answers in its `interim`."""
        interim = []
        while True:
            line = self.read_line()
            if STATUS_LINE.fullmatch(line) is None:
                raise Malformed(f"status line {line!r}")
            response = Message(line.decode("latin-1"), self.read_headers(), interim=interim)
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response)
        if body and method != "HEAD" and response.status not in (101, 204, 304):
            self.read_body(response, until_close=True)
        return response
