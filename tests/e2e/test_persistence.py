"""The demonstration that ends a first installation: the cookie holds a client at its server, and lets it go when that is down."""

from __future__ import annotations

import re

import pytest

from support.origin import Origin, named
from support.poll import poll
from support.proxy import HTTP

CONFIG = (
    HTTP
    + """
    option http-server-close
    option redispatch
    retries 3
frontend www
    bind fd@fe
    default_backend web
backend web
    balance roundrobin
    option httpchk HEAD /
    cookie SRVID insert indirect nocache maxlife 10m
    server web1 {} cookie web1 check inter 50ms fall 2 rise 2 maxconn 1000
    server web2 {} cookie web2 check inter 50ms fall 2 rise 2 maxconn 1000
"""
)


class Browser:
    """A client that keeps its cookie."""

    def __init__(self, proxy) -> None:
        self.proxy = proxy
        self.cookie = ""

    def get(self) -> str:
        """The server that answered."""
        answer = self.proxy.fetch(headers=f"Cookie: SRVID={self.cookie}\r\n" if self.cookie else "")
        assert answer.status == 200
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                found = re.fullmatch(r"SRVID=([^;|]+(?:\|[A-Za-z0-9+/]{5}){2}); path=/", value)
                assert found, value
                self.cookie = found[1]
        return answer.body.decode()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_client_stays_at_its_server_until_that_is_down_and_then_at_the_other(start, origin, threads):
    origins = [origin(named("web1")), origin(named("web2"))]
    ports = [one.port for one in origins]
    proxy = start(CONFIG.format(*origins), threads=threads)
    browser = Browser(proxy)
    first = browser.get()
    assert [browser.get() for _ in range(6)] == [first] * 6
    assert all("cookie" not in dict(request.headers) for one in origins for request in one.requests)

    place = ["web1", "web2"].index(first)
    other = ["web1", "web2"][1 - place]
    origins[place].close()
    proxy.wait_state("web", first, "DOWN")
    assert browser.get() == other
    assert browser.cookie.startswith(other)

    again = Origin(named(first), port=ports[place])
    try:
        proxy.wait_state("web", first, "UP")
        assert [browser.get() for _ in range(4)] == [other] * 4
        newcomers = [Browser(proxy).get() for _ in range(4)]
        assert {name: newcomers.count(name) for name in ("web1", "web2")} == {"web1": 2, "web2": 2}
    finally:
        again.close()


def test_a_dead_server_is_left_before_its_checks_notice(start, origin):
    origins = [origin(named("web1")), origin(named("web2"))]
    config = CONFIG.replace("inter 50ms", "inter 1h").replace("retries 3", "retries 1").format(*origins)
    proxy = start(config)
    browser = Browser(proxy)
    first = browser.get()
    origins[["web1", "web2"].index(first)].close()
    other = "web2" if first == "web1" else "web1"
    assert browser.get() == other
    assert browser.get() == other


def test_draining_keeps_clients_and_maintenance_sends_them_away(start, origin):
    proxy = start(CONFIG.format(origin(named("web1")), origin(named("web2"))))
    browser = Browser(proxy)
    first = browser.get()
    other = "web2" if first == "web1" else "web1"
    proxy.command(f"set server web/{first} state drain")
    poll(lambda: proxy.stat()["web", first]["status"].startswith("DRAIN"), "drain")
    assert [browser.get() for _ in range(3)] == [first] * 3
    assert [Browser(proxy).get() for _ in range(3)] == [other] * 3
    proxy.command(f"set server web/{first} state maint")
    poll(lambda: proxy.stat()["web", first]["status"] == "MAINT", "maintenance")
    assert browser.get() == other


def test_a_backend_without_servers_may_have_a_cookie(start):
    """It ended the start with a traceback: the longest of no cookies was asked for."""
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    cookie SRVID insert indirect\n")
    assert proxy.fetch().status == 503
