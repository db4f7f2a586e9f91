"""Log servers that take lines over TCP or a unix stream, each told from the next as RFC 6587 has it."""

from __future__ import annotations

import contextlib
import socket
import threading

from .poll import poll


class LogServer:
    """Collects what comes from 127.0.0.1, or over `path`. is_deaf: accepts and then reads nothing until `hear()`."""

    def __init__(self, path: str = "", *, is_deaf: bool = False) -> None:
        self.sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        if is_deaf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.bind(path or ("127.0.0.1", 0))
        self.sock.listen()
        self.text = path or f"127.0.0.1:{self.sock.getsockname()[1]}"
        self.received: list[bytearray] = []
        self._hears = threading.Event()
        if not is_deaf:
            self.hear()
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __str__(self) -> str:
        return self.text

    def hear(self) -> None:
        self._hears.set()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            self._held.append(sock)
            self.received.append(bytearray())
            threading.Thread(target=self._receive, args=(sock, self.received[-1]), daemon=True).start()

    def _receive(self, sock: socket.socket, into: bytearray) -> None:
        self._hears.wait()
        with contextlib.suppress(OSError):
            while data := sock.recv(65536):
                into += data

    @property
    def data(self) -> bytes:
        """All bytes of all connections."""
        return b"".join(bytes(part) for part in list(self.received))

    @property
    def lines(self) -> list[str]:
        """Of a server that gets lines with an end."""
        return self.data.decode("latin-1").splitlines()

    def counted(self) -> list[str]:
        """Of a server that gets each line behind its length; AssertionError for anything else."""
        data, lines = self.data, []
        while data:
            digits, space, rest = data.partition(b" ")
            assert space and digits.isdigit() and len(rest) >= int(digits), data
            lines.append(rest[: int(digits)].decode("latin-1"))
            data = rest[int(digits) :]
        return lines

    def wait(self, *parts: str) -> bytes:
        """The bytes, once all of `parts` are among them."""
        poll(lambda: all(part.encode() in self.data for part in parts), f"{parts} at the log server {self}")
        return self.data

    def cut(self) -> None:
        """Resets the connections that stand."""
        for sock in self._held:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._held.clear()

    def close(self) -> None:
        self.hear()
        self.sock.close()
        self.cut()
