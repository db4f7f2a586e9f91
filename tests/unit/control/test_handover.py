"""The exchange of listening sockets: what one side sends the other takes, and nonsense takes nothing away."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading

import pytest

from fastlb.control.handover import COMMAND, PER_MESSAGE, TakeoverError, messages, take


def serve(path: str, answer) -> threading.Thread:
    """A process to take from: `answer(connection)` after its command."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def run() -> None:
        with listener, listener.accept()[0] as link:
            assert link.recv(100) == COMMAND
            answer(link)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def n_fds() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("count", [0, 1, PER_MESSAGE, PER_MESSAGE + 1, 3 * PER_MESSAGE])
def test_all_sockets_arrive(tmp_path, count):
    with socket.create_server(("127.0.0.1", 0)) as one:

        def answer(link: socket.socket) -> None:
            for place, (data, fds) in enumerate(messages([(one, "eth0" if i % 2 else "") for i in range(count)])):
                if place > 1:
                    assert len(link.recv(4)) == 4
                socket.send_fds(link, [data], fds)

        thread = serve(str(tmp_path / "s"), answer)
        taken = take(str(tmp_path / "s"))
        thread.join()
        assert len(taken) == count
        assert [two.interface for two in taken[:4]] == ["", "eth0", "", "eth0"][:count]
        assert all(two.sock.getsockname() == one.getsockname() for two in taken)
        for two in taken:
            two.sock.close()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\1",
        struct.pack("=i", -1),
        struct.pack("=i", 2**31 - 1),
        struct.pack("=i", 2),
        struct.pack("=i", 2) + b"\0\0\0\0\0\0",
        struct.pack("=i", 2) + b"\0\xff",
        struct.pack("=i", 2) + b"\xff" * 1000,
        b"Unknown command\n",
    ],
)
def test_nonsense_is_told_and_leaves_nothing_open(tmp_path, data):
    before = n_fds()

    def answer(link: socket.socket) -> None:
        link.sendall(data[:4])
        # It may have seen enough, and be gone.
        with contextlib.suppress(BrokenPipeError):
            if data[4:]:
                socket.send_fds(link, [data[4:]], [0, 0])

    thread = serve(str(tmp_path / "s"), answer)
    with pytest.raises(TakeoverError):
        take(str(tmp_path / "s"))
    thread.join()
    assert n_fds() == before


def test_what_is_no_socket_is_closed(tmp_path):
    before = n_fds()

    def answer(link: socket.socket) -> None:
        link.sendall(struct.pack("=i", 1))
        with open(os.devnull, "rb") as null:
            socket.send_fds(link, [b"\0" * 6], [null.fileno()])

    thread = serve(str(tmp_path / "s"), answer)
    assert take(str(tmp_path / "s")) == []
    thread.join()
    assert n_fds() == before
