"""Reload in master mode: a new generation takes over the same sockets, nobody is refused, old sessions finish."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from support.origin import named
from support.poll import poll
from support.proxy import HTTP
from support.wire import Cut

pytestmark = pytest.mark.fastlb_only(reason="there is nothing to wait for before a signal is safe to send to 2.6's master")


def site(server, *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    return f"{HTTP}{options}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"


def change(proxy, old: object, new: object) -> None:
    text = proxy.config_path.read_text()
    assert str(old) in text
    proxy.config_path.write_text(text.replace(str(old), str(new)))


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGHUP])
def test_reload_under_load_refuses_nobody(start, origin, number):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    seen, failed, stop = [], [], threading.Event()

    def load():
        while not stop.is_set():
            try:
                seen.append(proxy.fetch().body)
            except (Cut, OSError) as error:
                failed.append(repr(error))

    loaders = [threading.Thread(target=load) for _ in range(3)]
    for one in loaders:
        one.start()
    poll(lambda: len(seen) > 30, "requests before the reload")
    change(proxy, first, second)
    proxy.process.send_signal(number)
    # Until its workers have heard of it, the old generation accepts as well.
    poll(lambda: set(seen[-30:]) == {b"b"}, "the new configuration to serve alone")
    count = len(seen)
    poll(lambda: len(seen) > count + 50, "requests after the reload")
    stop.set()
    for one in loaders:
        one.join()
    assert failed == []
    assert set(seen[count:]) == {b"b"}


def test_a_session_that_is_under_way_survives_a_reload(start, origin):
    first, second = origin(named("a")), origin(named("b"))
    proxy = start(site(first), mode=("-W",))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the session")
    change(proxy, first, second)
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: proxy.fetch().body == b"b", "the new configuration to serve")
    client.send(b"x")
    assert client.read_response().body == b"a"


def test_a_broken_configuration_leaves_the_old_one_running(start, origin):
    first = origin(named("a"))
    proxy = start(site(first), mode=("-W",))
    assert proxy.fetch().body == b"a"
    change(proxy, "default_backend be", "default_backend be\n    nonsense here")
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: "nonsense" in proxy.stderr, "the complaint")
    assert proxy.fetch().body == b"a"
    change(proxy, "\n    nonsense here", "\n    # mended")
    before = set(proxy.children())
    proxy.process.send_signal(signal.SIGUSR2)
    poll(lambda: set(proxy.children()) - before, "a new generation")
    assert proxy.fetch().body == b"a"


def test_the_old_generation_leaves_once_its_sessions_have_ended(start, origin):
    proxy = start(site(origin(named("a"))), mode=("-W",))
    proxy.fetch()
    before = set(proxy.children())
    for _ in range(3):
        known = set(proxy.children())
        proxy.process.send_signal(signal.SIGUSR2)
        poll(lambda known=known: set(proxy.children()) - known, "a new generation")
        poll(lambda: proxy.fetch().body == b"a", "service")
    poll(lambda: not before & set(proxy.children()), "the first generation to be gone")
    poll(lambda: len(proxy.children()) <= len(before), "one generation to be left")
    assert os.path.exists(f"/proc/{proxy.pid}")
