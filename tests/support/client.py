"""A raw client: sends bytes as they are written in the test, reads answers with the strict parser."""

from __future__ import annotations

from .sockets import connect
from .wire import Message, Wire


class Client(Wire):
    """One client connection. `source` is the local address to connect from (127.0.0.0/8 is all local)."""

    def __init__(self, address: tuple[str, int] | str, source: str = "") -> None:
        super().__init__(connect(address, source))

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def request(
        self, target: str = "/", method: str = "GET", headers: str = "", body: bytes = b"", version: str = "1.1"
    ) -> Message:
        """Send one request and read its answer. `headers` are whole lines, each with its CRLF."""
        if body:
            headers += f"Content-Length: {len(body)}\r\n"
        host = "Host: a.test\r\n" if version == "1.1" else ""
        self.send(f"{method} {target} HTTP/{version}\r\n{host}{headers}\r\n".encode() + body)
        return self.read_response(method)

    def is_closed(self) -> bool:
        """Whether the peer closes without sending anything more; blocks until it does either."""
        return not self.has_more()


def fetch(
    address: tuple[str, int] | str, target: str = "/", method: str = "GET", headers: str = "", body: bytes = b""
) -> Message:
    """One request on a connection of its own."""
    client = Client(address)
    try:
        return client.request(target, method, headers, body)
    finally:
        client.close()
