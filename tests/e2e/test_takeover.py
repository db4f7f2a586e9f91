"""Replacing a running process: -sf, and -x with `expose-fd listeners`, from fastlb and from haproxy, and haproxy from fastlb."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from pathlib import Path

import pytest

from support.client import fetch
from support.origin import named
from support.poll import poll
from support.proxy import HTTP, Proxy
from support.wire import Cut


def site(server, listener: str = "bind port@fe") -> str:
    return f"{HTTP}frontend fe\n    {listener}\n    default_backend be\nbackend be\n    server s1 {server}\n"


def exposing(config: str) -> str:
    """A runtime socket that hands out the listeners; the tests' own does not."""
    return f"global\n    stats socket unix@expose.sock level admin expose-fd listeners\n{config}"


def successor(start, old: Proxy, server, *args: str, program: str = "", socket_path: str = "expose.sock") -> Proxy:
    """A second program on the addresses of the first one, with another server."""
    text = old.config_path.read_text().split("\n", 3)[3]
    for line in old.config_path.read_text().splitlines():
        if "server s1" in line:
            text = text.replace(line, f"    server s1 {server}")
    text = text.replace("@expose.sock", "@" + str(old.directory / "expose.sock"))
    path = str(old.directory / socket_path)
    words = [path if word == "SOCKET" else str(old.pid) if word == "PID" else word for word in args]
    if program:
        return Proxy(program, text, args=tuple(words))
    return start(text, args=tuple(words))


class Fetchers:
    """Threads that fetch all the time, each request on a connection of its own; nothing may fail."""

    def __init__(self, address, n: int = 4) -> None:
        self.bodies: list[bytes] = []
        self.failed: list[str] = []
        self._stop = threading.Event()
        self._address = address
        self._threads = [threading.Thread(target=self._run) for _ in range(n)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.bodies.append(fetch(self._address).body)
            except (OSError, Cut) as error:
                self.failed.append(repr(error))

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.fastlb_only(reason="haproxy loses what waits in its accept queue where it has no -x")
def test_a_successor_takes_the_listeners_and_loses_nothing(start, origin, threads):
    first, second = origin(named("a")), origin(named("b"))
    old = start(exposing(site(first)), threads=threads)
    fetchers = Fetchers(old.addresses["fe"])
    poll(lambda: len(fetchers.bodies) > 20, "requests before")
    new = successor(start, old, second, "-x", "SOCKET", "-sf", "PID")
    assert old.wait() == 0
    count = len(fetchers.bodies)
    poll(lambda: len(fetchers.bodies) > count + 20, "requests after")
    fetchers.stop()
    assert fetchers.failed == []
    assert set(fetchers.bodies[-4:]) == {b"b"}
    assert new.process.poll() is None


def test_st_ends_the_old_process_at_once(start, origin):
    old = start(exposing(site(origin(named("a")))))
    client = old.client()
    client.send(b"GET / HTTP/1.1\r\n")
    successor(start, old, origin(named("b")), "-x", "SOCKET", "-st", "PID")
    assert old.wait() != 0
    assert client.is_closed()
    assert fetch(old.addresses["fe"]).body == b"b"


def test_unix_and_abstract_listeners_are_taken_over(start, origin, tmp_path):
    name = f"fastlb-test-{tmp_path.name}-{id(tmp_path)}"
    path = tmp_path / "web.sock"
    config = site(origin(named("a")), f"bind unix@{path}\n    bind abns@{name}")
    old = start(exposing(config))
    inode = path.stat().st_ino
    successor(start, old, origin(named("b")), "-x", "SOCKET", "-sf", "PID")
    assert old.wait() == 0
    assert path.stat().st_ino == inode
    assert fetch(str(path)).body == b"b"
    assert fetch("\0" + name.ljust(107, "\0")).body == b"b"


@pytest.mark.parametrize("how", ["nobody", "not exposed", "no socket"])
@pytest.mark.fastlb_only(reason="the words are ours")
def test_no_listeners_no_start(start, origin, how):
    old = start(site(origin(named("a"))))
    path = {"nobody": "/nonexistent/x", "not exposed": old.runtime_path, "no socket": str(old.config_path)}[how]
    new = start(site(origin(named("b"))), args=("-x", path), wait=False)
    assert new.wait() == 1
    assert "Failed to get the sockets from the old process" in new.stderr
    reason = {"nobody": "No such file", "not exposed": "expose-fd listeners", "no socket": "refused"}[how]
    assert reason in new.stderr
    assert old.fetch().body == b"a"


@pytest.mark.fastlb_only(reason="both programs are named")
@pytest.mark.parametrize(("before", "after"), [("haproxy", "fastlb"), ("fastlb", "haproxy")])
def test_the_other_program_takes_over(origin, before, after):
    """The exchange is haproxy's: either can replace the other without closing a port."""
    first, second = origin(named("a")), origin(named("b"))
    old = Proxy(before, exposing(site(first)))
    new = None
    try:
        fetchers = Fetchers(old.addresses["fe"], 2)
        poll(lambda: len(fetchers.bodies) > 20, "requests before")
        new = successor(None, old, second, "-x", "SOCKET", "-sf", "PID", program=after)
        assert old.wait() == 0
        count = len(fetchers.bodies)
        poll(lambda: len(fetchers.bodies) > count + 20, "requests after")
        fetchers.stop()
        assert fetchers.failed == []
        assert set(fetchers.bodies[-2:]) == {b"b"}
    finally:
        for one in (old, new):
            if one is not None:
                print(one.output)
                with contextlib.suppress(AssertionError):
                    one.finish()


@pytest.mark.fastlb_only(reason="of our side of the exchange")
@pytest.mark.parametrize("sent", [b"_getsocks\n", b"_getsocks", b"_getsocks\nx" * 50])
def test_a_client_that_leaves_half_way_does_no_harm(start, origin, sent):
    old = start(exposing(site(origin(named("a")), "bind port@fe")))
    for _ in range(5):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(old.directory / "expose.sock"))
            link.sendall(sent)
    assert old.fetch().body == b"a"
    before = len(list(Path(f"/proc/{old.pid}/fd").iterdir()))
    assert old.stop(signal.SIGUSR1) == 0, before
