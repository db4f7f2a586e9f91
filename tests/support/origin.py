"""Origin servers for tests: threads in the test's process that record what they receive and do what a script says.

A script is a function of one connection. It reads requests, sends raw bytes, waits for events, cuts. The
scripts at the end cover the ordinary cases. A request that the strict parser refuses makes the test fail.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Callable, Iterable

from .poll import poll
from .wire import Cut, Malformed, Message, Wire


class OriginConnection(Wire):
    """One accepted connection; `requests` are those that were read to their end, `peer` the proxy's address."""

    def __init__(self, sock: socket.socket, peer: object, number: int) -> None:
        super().__init__(sock, timeout=None)
        self.peer = peer
        self.number = number
        self.requests: list[Message] = []
        self.finished = threading.Event()

    def read_request(self) -> Message | None:
        request = super().read_request()
        if request is not None:
            self.requests.append(request)
        return request


Script = Callable[[OriginConnection], None]

# What accept and the first look at a connection say of a client that has reset it by then: the next one is served.
_ONE_CLIENT_GONE = (errno.ECONNABORTED, errno.ECONNRESET, errno.ENOTCONN, errno.EINVAL, errno.EPROTO)


class Origin:
    """A listening server on 127.0.0.1 (or `host`, or a unix socket `path`); usable as `server s1 {origin}` in a configuration."""

    def __init__(self, script: Script, host: str = "127.0.0.1", port: int = 0, path: str = "") -> None:
        self.script = script
        self.connections: list[OriginConnection] = []
        self.errors: list[BaseException] = []
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            self.text = f"unix@{path}"
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listener = socket.socket(family)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, port))
            self.port = self.listener.getsockname()[1]
            self.text = f"{host}:{self.port}"
        self.listener.listen(1024)
        self.is_closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __str__(self) -> str:
        return self.text

    @property
    def requests(self) -> list[Message]:
        """Every complete request, by connection in the order of accept."""
        return [request for conn in list(self.connections) for request in list(conn.requests)]

    def wait_connections(self, count: int) -> list[OriginConnection]:
        poll(lambda: len(self.connections) >= count, f"{count} connections to the origin")
        return self.connections

    def wait_closed(self) -> None:
        """Until every connection so far was closed by the proxy or the script."""
        for conn in list(self.connections):
            poll(conn.finished.is_set, f"end of origin connection {conn.number}")

    def forget(self) -> None:
        self.connections.clear()

    def close(self) -> None:
        """Stop listening and close every connection; later connects are refused."""
        self.is_closed = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def cut(self) -> None:
        """Close every open connection, keep listening."""
        for conn in list(self.connections):
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self.listener.accept()
                conn = OriginConnection(sock, peer, len(self.connections))
            except OSError as error:
                if self.is_closed:
                    return
                if error.errno not in _ONE_CLIENT_GONE:
                    self.errors.append(error)
                    return
                continue
            self.connections.append(conn)
            threading.Thread(target=self._run, args=(conn,), daemon=True).start()

    def _run(self, conn: OriginConnection) -> None:
        try:
            self.script(conn)
        except Cut:
            pass
        except Malformed as error:
            self.errors.append(error)
        except OSError as error:
            if not self.is_closed:
                self.errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                conn.close()
            conn.finished.set()


def reply(body: bytes = b"", status: str = "200 OK", headers: Iterable[str] = (), length: bool = True) -> bytes:
    """The bytes of an HTTP/1.1 answer; `length=False` leaves Content-Length out."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(*raw: bytes, close: bool = False) -> Script:
    """Answer each request of a connection with the next of `raw`, the last one again and again; `close` after each."""

    def script(conn: OriginConnection) -> None:
        index = 0
        while conn.read_request() is not None:
            if not conn.send(raw[min(index, len(raw) - 1)]) or close:
                return
            index += 1

    return script


def named(name: str) -> Script:
    """Answer every request with 200 and the server's name as body."""
    return answers(reply(name.encode(), headers=[f"X-Server: {name}"]))


def by_request(make: Callable[[Message], bytes]) -> Script:
    """Answer each request with the bytes that `make` returns for it."""

    def script(conn: OriginConnection) -> None:
        while (request := conn.read_request()) is not None:
            if not conn.send(make(request)):
                return

    return script


def raw_answer(data: bytes) -> Script:
    """Send `data` once the first head has come, then close."""

    def script(conn: OriginConnection) -> None:
        conn.read_request_head()
        conn.send(data)

    return script


def echo(conn: OriginConnection) -> None:
    """Send every byte back; half-close when the peer does."""
    while conn.fill():
        data = bytes(conn.received[conn.position :])
        conn.position = len(conn.received)
        if not conn.send(data):
            return


def silent(conn: OriginConnection) -> None:
    """Receive, never answer, until the peer closes."""
    conn.read_to_end()


def cut_at_once(conn: OriginConnection) -> None:
    """Close right after accept."""


def reset_at_once(conn: OriginConnection) -> None:
    """Reset right after accept."""
    conn.reset()


def cut_after_head(conn: OriginConnection) -> None:
    """Read one head, close without an answer."""
    conn.read_request_head()
