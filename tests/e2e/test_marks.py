"""`set-bc-tos` and `set-bc-mark`: what the packets to the server carry, and whose connection they travel on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from support.origin import named, reply
from support.proxy import HTTP, TCP

pytestmark = pytest.mark.fastlb_only(reason="2.6 does not have them")

# linux/tcp.h: the listener keeps the packet that a connection began with.
TCP_SAVE_SYN, TCP_SAVED_SYN = 27, 28


class FirstPackets:
    """A server that notes the type of service of each connection's first packet, and answers one request on each."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.IPPROTO_TCP, TCP_SAVE_SYN, 1)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                with sock:
                    self.seen.append(sock.getsockopt(socket.IPPROTO_TCP, TCP_SAVED_SYN, 60)[1])
                    sock.recv(65536)
                    sock.sendall(reply(b"ok", headers=["Connection: close"]))

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def packets() -> Iterator[FirstPackets]:
    server = FirstPackets()
    yield server
    server.close()


@pytest.mark.parametrize(
    ("rule", "tos"),
    [
        ("set-bc-tos 0x20", 0x20),
        ("set-bc-tos req.hdr(x-tos)", 0x40),
        ("set-bc-tos int(8) if { path /other }", 0),
        ("set-bc-mark 1", 0),
    ],
)
def test_first_packet_to_the_server_is_marked(start, packets, rule, tos):
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    http-request {rule}\n    server s {packets.address}\n")
    assert proxy.fetch(headers="X-Tos: 64\r\n").status == 200
    assert packets.seen == [tos]


def test_rule_of_a_tcp_stream_marks_too(start, packets):
    proxy = start(f"{TCP}listen fe\n    bind fd@fe\n    tcp-request content set-bc-tos 0x10\n    server s {packets.address}\n")
    client = proxy.client()
    client.send(b"x")
    assert client.read_response().status == 200
    assert packets.seen == [0x10]


@pytest.mark.parametrize(("rule", "connections"), [("set-bc-mark int(5)", 3), ("set-bc-tos 4", 3), ("set-nice 1", 1)])
def test_marked_connection_is_nobody_elses(start, origin, rule, connections):
    server = origin(named("a"))
    proxy = start(
        f"{HTTP}listen fe\n    bind fd@fe\n    http-reuse always\n    server s {server}\n"
        f"    http-request {rule} if {{ path /marked }}\n"
    )
    for path in ("/marked", "/plain", "/marked") if connections > 1 else ("/plain",) * 3:
        assert proxy.fetch(path).body == b"a"
    assert len(server.connections) == connections
