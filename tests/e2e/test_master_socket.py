"""The master's runtime socket and clients that are slow, greedy, or leave: the master serves on, and keeps little for them."""

from __future__ import annotations

import re
import select
import signal
import socket
from pathlib import Path

import pytest

from support import runtime
from support.origin import named
from support.poll import poll
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only(reason="2.6's master has fewer commands, and other limits")


@pytest.fixture
def master(start, origin, tmp_path):
    """A program with -S, what its socket answers, and connections to it."""
    (tmp_path / "x.map").write_text("k v\n")
    rule = f"    http-request set-header x %[src,map({tmp_path}/x.map)]\n"
    site = f"{HTTP}frontend fe\n    bind fd@fe\n{rule}    default_backend be\nbackend be\n    server s1 {origin(named('a'))}\n"
    proxy = start(site, mode=("-W",), args=("-S", "unix@master.sock"), threads=1)
    address = str(proxy.directory / "master.sock")

    def connected(text: bytes) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(address)
        sock.sendall(text)
        return sock

    return proxy, lambda text: runtime.command(address, text), connected


def test_who_follows_events_and_leaves_is_let_go_of(master):
    """The control process was never told: after 32 of them it took nothing from the master any more."""
    _, ask, connected = master
    for _ in range(40):
        with connected(b"@1 show events buf0 -w\n"):
            pass
    assert "Uptime" in ask("@1 show info")


@pytest.mark.parametrize("key", [b"\n", b"q"])
def test_any_key_ends_show_events(master, key):
    """What a client said during `show events -w` waited for the end of it."""
    _, _, connected = master
    with connected(b"@1 show events buf0 -w\n") as sock:
        sock.sendall(key)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1000):
            pass


def test_an_escaped_semicolon_is_part_of_a_word(master, tmp_path):
    """The master took it for the end of a command, and its rest for one of its own."""
    _, ask, _ = master
    ask(rf"@1 add map {tmp_path}/x.map two a\;b")
    assert "two a;b\n" in ask(f"@1 show map {tmp_path}/x.map")


def test_a_payload_belongs_to_the_last_command_of_its_line(master, tmp_path):
    """All commands of the line were sent to one process, `@1` in their midst with them."""
    _, ask, _ = master
    answer = ask(f"@1 show version; @1 add map {tmp_path}/x.map <<\nthree c\n\n")
    assert re.match(r"\S+\n\n", answer), answer
    assert "three c\n" in ask(f"@1 show map {tmp_path}/x.map")


def fed(sock: socket.socket, chunk: bytes, most: int) -> int:
    """How many bytes the peer takes before it takes no more for a second, or closes."""
    sock.setblocking(False)
    done = 0
    while done < most and select.select([], [sock], [], 1.0)[1]:
        try:
            done += sock.send(chunk)
        except OSError:
            break
    return done


@pytest.mark.parametrize(
    ("first", "chunk"),
    [(b"@1 add map x <<\n", b"a b\n" * 4000), (b"prompt\n", b"help\n" * 4000)],
    ids=["a payload without an end", "answers that nobody reads"],
)
def test_no_client_fills_the_masters_memory(master, first, chunk):
    """Lines of a payload, and answers to who does not read them, were kept without a limit."""
    proxy, ask, connected = master
    with connected(first) as sock:
        assert fed(sock, chunk, 32 << 20) < 8 << 20
        assert "# workers" in ask("show proc")
    assert proxy.fetch().body == b"a"


def switches(pid: int) -> int:
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def test_a_program_that_ends_is_not_reloaded(master):
    """A reload that was asked for then was never answered, and the master looked every millisecond whether it could."""
    proxy, ask, _ = master
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the session")
    proxy.process.send_signal(signal.SIGUSR1)
    poll(lambda: ask("reload") == "Success=0\n--\nThe program ends.\n\n", "the end to begin")
    proxy.process.send_signal(signal.SIGUSR2)
    pid = re.search(r"(\d+)\s+control", ask("show proc"))[1]
    before = switches(proxy.pid)
    ask(f"@!{pid} wait 300ms")
    assert switches(proxy.pid) - before < 50
