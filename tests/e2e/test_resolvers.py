"""A server's name is asked for while fastlb runs: traffic follows the answers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.dns_server import NameServer
from support.origin import named
from support.poll import poll
from support.proxy import HTTP


@pytest.fixture
def ns() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


def config(ns: NameServer, server: str, kind: str = "") -> str:
    return (
        f"resolvers r\n    nameserver ns1 {kind}{ns}\n    timeout resolve 50ms\n    timeout retry 200ms\n    hold nx 100ms\n"
        f"{HTTP}listen fe\n    bind fd@fe\n    retries 0\n    {server} resolvers r init-addr none\n"
    )


@pytest.mark.parametrize("kind", ["", "tcp@"])
def test_traffic_follows_the_name(start, origin, ns, kind):
    first, second = origin(named("a")), origin(named("b"))
    ns.zone = {("_web._tcp.test", "SRV"): [f"1 1 {first.port} h.test."], ("h.test", "A"): ["127.0.0.1"]}
    proxy = start(config(ns, "server s _web._tcp.test", kind))
    poll(lambda: proxy.fetch().body == b"a", "the first server")
    ns.zone = {("_web._tcp.test", "SRV"): [f"1 1 {second.port} h.test."], ("h.test", "A"): ["127.0.0.1"]}
    poll(lambda: proxy.fetch().body == b"b", "the second server")
    ns.zone = {}
    poll(lambda: proxy.fetch().status == 503, "the server to be taken out")
    assert "nameserver ns1" in proxy.command("show resolvers r")


def test_ipv6_address_and_another_name(start, origin, ns):
    server = origin(named("a"), host="::1")
    ns.zone = {("six.test", "AAAA"): ["::1"], ("four.test", "A"): ["127.0.0.1"]}
    proxy = start(config(ns, f"server s four.test:{server.port}"))
    poll(lambda: proxy.stat()["fe", "s"]["status"].startswith("no check"), "the first address")
    assert proxy.fetch().status == 503
    answer = proxy.command("set server fe/s fqdn six.test")
    assert answer.strip() == "fe/s changed its FQDN from four.test to six.test by 'stats socket command'"
    poll(lambda: proxy.fetch().body == b"a", "the address of the other name")


def test_a_service_that_is_gone_keeps_its_server_out(start, origin, ns):
    """The address of the service's host is still known: it must not bring the server back."""
    server = origin(named("a"))
    ns.zone = {("_web._tcp.test", "SRV"): [f"1 1 {server.port} h.test."], ("h.test", "A"): ["127.0.0.1"]}
    proxy = start(config(ns, "server s _web._tcp.test"))
    poll(lambda: proxy.fetch().body == b"a", "the server")
    ns.zone = {("h.test", "A"): ["127.0.0.1"]}
    poll(lambda: proxy.fetch().status == 503, "the server to be taken out")
    asked = len(ns.asked)
    answers: set[int] = set()

    def are_enough() -> bool:
        answers.add(proxy.fetch().status)
        return len(ns.asked) > asked + 8

    poll(are_enough, "more questions")
    assert answers == {503}


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
def test_names_are_asked_for_in_a_chroot(start, origin, ns, tmp_path):
    server = origin(named("a"))
    ns.zone = {("_web._tcp.test", "SRV"): [f"1 1 {server.port} h.test."], ("h.test", "A"): ["127.0.0.1"]}
    proxy = start(f"global\n    chroot {tmp_path}\n" + config(ns, "server s _web._tcp.test"))
    poll(lambda: proxy.fetch().body == b"a", "the server")


def test_silent_name_server_costs_the_server_only_after_hold_timeout(start, origin, ns):
    server = origin(named("a"))
    ns.zone = {("h.test", "A"): ["127.0.0.1"]}
    proxy = start(config(ns, f"server s h.test:{server.port}"))
    poll(lambda: proxy.fetch().body == b"a", "the server")
    ns.fails = "silent"
    asked = len(ns.asked)
    poll(lambda: len(ns.asked) > asked + 5, "questions")
    assert proxy.fetch().body == b"a"
