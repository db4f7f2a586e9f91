"""Programs with log targets, sinks to receive what the logger sends, and packed addresses."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from fastlb_core.bridge.builder import Program, ProgramBuilder
from fastlb_core.bridge.constants import CAPS, LOG_FORMATS, LOG_KINDS, LOG_SINKS, MODES


def inet(host: str, port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_pton(socket.AF_INET, host) + bytes(8)


def inet6(host: str, port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + socket.inet_pton(socket.AF_INET6, host) + bytes(4)


UNIX = struct.pack("=H", socket.AF_UNIX) + bytes(26)


def build(
    sink: dict[str, object], *targets: dict[str, object], kind: str = "httplog", mode: str = "http", **program: object
) -> Program:
    """fe (a frontend) and be (a backend with s1), whose lines go to one sink; `program` as for ProgramBuilder."""
    builder = ProgramBuilder(n_workers=1, log_pid=20697, **program)  # type: ignore[arg-type]
    index = builder.add_log_sink(**sink)  # type: ignore[arg-type]
    fe = builder.add_proxy("fe", id=2, caps=CAPS["frontend"], mode=MODES[mode], log_kind=LOG_KINDS[kind])
    be = builder.add_proxy("be", id=3, caps=CAPS["backend"], mode=MODES[mode])
    builder.add_listener(fe, "u", id=7, fds=[0], flags=4)
    builder.add_server(be, "s1", id=1, address=inet("127.0.0.1", 80))
    for target in targets or ({"format": LOG_FORMATS["raw"]},):
        for owner in (fe, None):
            builder.add_log_target(owner, index, **{"facility": 16, **target})  # type: ignore[arg-type]
    return builder.finish()


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A UDP socket on a free port; reading from it waits for two seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(2)
        yield sock


@pytest.fixture
def udp(receiver: socket.socket) -> dict[str, object]:
    return {"kind": LOG_SINKS["udp"], "address": inet(*receiver.getsockname())}


@pytest.fixture
def drain(receiver: socket.socket) -> Callable[[], list[bytes]]:
    """All datagrams that have arrived; loopback delivers before send returns."""

    def read() -> list[bytes]:
        receiver.setblocking(False)
        lines = []
        while True:
            try:
                lines.append(receiver.recv(70000))
            except BlockingIOError:
                return lines

    return read
