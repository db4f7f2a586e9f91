"""Log sinks: UDP and unix datagram sockets that collect syslog messages."""

from __future__ import annotations

import socket
import threading

from .poll import poll


class Syslog:
    """Collects datagrams from 127.0.0.1 (or a unix datagram socket at `path`); `{syslog}` names it in a `log` line."""

    def __init__(self, path: str = "") -> None:
        if path:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.sock.bind(path)
            self.text = path
        else:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.sock.bind(("127.0.0.1", 0))
            self.text = f"127.0.0.1:{self.sock.getsockname()[1]}"
        self.datagrams: list[bytes] = []
        self.is_closed = False
        threading.Thread(target=self._receive, daemon=True).start()

    def __str__(self) -> str:
        return self.text

    def _receive(self) -> None:
        while not self.is_closed:
            try:
                data = self.sock.recv(65536)
            except OSError:
                return
            self.datagrams.append(data)

    @property
    def lines(self) -> list[str]:
        return [data.decode("latin-1").rstrip("\n") for data in list(self.datagrams)]

    def wait(self, *parts: str, count: int = 1) -> list[str]:
        """The lines that contain all of `parts`, once there are `count` of them."""

        def found() -> list[str]:
            lines = [line for line in self.lines if all(part in line for part in parts)]
            return lines if len(lines) >= count else []

        try:
            return poll(found, f"{count} log lines with {parts}")
        except AssertionError as error:
            raise AssertionError(f"{error}; lines: {self.lines}") from None

    def line(self, *parts: str) -> str:
        """The first line that contains all of `parts`."""
        return self.wait(*parts)[0]

    def close(self) -> None:
        self.is_closed = True
        self.sock.close()
