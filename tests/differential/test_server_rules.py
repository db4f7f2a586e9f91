"""`use-server` and `monitor fail`: the same server, the same status as HAProxy's for each rule."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.origin import Origin, named
from support.proxy import HTTP, Proxy

# Behind `use-server`; server c is down (disabled), d has the weight 0, "cold" is not a server's name.
RULES = {
    "name": ("a if { path_beg /a }", "b unless { path_beg /a }"),
    "always": ("b if TRUE",),
    "weight_0": ("d if TRUE",),
    "down_then_next": ("c if TRUE", "b if TRUE"),
    "down_alone": ("c if TRUE",),
    "format": ("%[path,field(2,/)] if TRUE",),
    "format_and_condition": ("%[req.hdr(x-server)] if { req.hdr(x-server) -m found }", "b if TRUE"),
    "never": ("b if { path /nowhere }",),
}
PATHS = ("/a", "/b", "/c", "/cold", "/d", "/")


def configuration(origins: list[Origin]) -> str:
    text = HTTP + "    balance roundrobin\n"
    for name, rules in RULES.items():
        text += f"listen {name}\n    bind fd@{name}\n"
        text += "".join(f"    use-server {rule}\n" for rule in rules)
        for letter, origin in zip("abcd", origins, strict=True):
            extra = {"c": " disabled", "d": " weight 0"}.get(letter, "")
            text += f"    server {letter} {origin}{extra}\n"
    text += f"""
listen tcp
    mode tcp
    bind fd@tcp
    tcp-request inspect-delay 2s
    tcp-request content accept if {{ req.len gt 0 }}
    use-server b if {{ req.payload(0,6) -m str "GET /b" }}
    server a {origins[0]}
    server b {origins[1]} weight 0
frontend monitor
    bind fd@monitor
    monitor-uri /health
    monitor fail if {{ nbsrv(monitored) lt 1 }}
    monitor fail if {{ req.hdr(x-fail) -m found }}
    default_backend monitored
backend monitored
    server a {origins[0]}
"""
    return text


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Proxy, Proxy]]:
    origins = [Origin(named(letter)) for letter in "abcd"]
    pair = [Proxy(program, configuration(origins)) for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))]
    yield pair[0], pair[1]
    for one in pair:
        one.finish()
    for origin in origins:
        origin.close()


@pytest.mark.parametrize("name", RULES)
def test_rules_choose_the_same_server(both, name):
    def servers(proxy: Proxy) -> list[bytes]:
        return [
            proxy.fetch(path, headers=f"X-Server: {server}\r\n" if server else "", name=name).body
            for path in PATHS
            for server in ("", "a", "d", "nobody")
        ]

    reference, tested = both
    assert servers(tested) == servers(reference)


def test_rules_choose_in_tcp_mode_too(both):
    seen = [[proxy.fetch(path, name="tcp").body for path in ("/b", "/x", "/b")] for proxy in both]
    assert seen == [[b"b", b"a", b"b"]] * 2


def test_monitor_fails_while_a_condition_holds(both):
    def statuses(proxy: Proxy) -> list[tuple[int, bytes]]:
        answers = [
            proxy.fetch("/health", name="monitor"),
            proxy.fetch("/health", headers="X-Fail: 1\r\n", name="monitor"),
            proxy.fetch("/other", headers="X-Fail: 1\r\n", name="monitor"),
        ]
        proxy.command("disable server monitored/a")
        answers.append(proxy.fetch("/health", name="monitor"))
        proxy.command("enable server monitored/a")
        proxy.wait_state("monitored", "a", "no check")
        answers.append(proxy.fetch("/health", name="monitor"))
        return [(answer.status, answer.body) for answer in answers]

    reference, tested = both
    assert statuses(tested) == statuses(reference)
