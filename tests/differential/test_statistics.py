"""The statistics page's forms and rules, the columns of servers and the exporter, beside haproxy on the same traffic."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.origin import Origin, named
from support.proxy import HTTP, Proxy

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


def site(origin: Origin) -> str:
    return (
        f"{HTTP}frontend fe\n    bind fd@fe\n    stats enable\n    stats uri /s\n    stats admin if {{ hdr(x-role) admin }}\n"
        "    stats http-request auth realm Zone if { hdr(x-role) stranger }\n    stats http-request deny if { hdr(x-role) foe }\n"
        "    http-request use-service prometheus-exporter if { path /metrics }\n    default_backend be\n"
        f"backend be\n    server s1 {origin}\n    server s2 {origin} disabled\n"
    )


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Proxy, Proxy]]:
    with contextlib.ExitStack() as stack:
        origin = Origin(named("a"))
        stack.callback(origin.close)
        started = []
        for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
            proxy = Proxy(program, site(origin))
            stack.callback(proxy.finish)
            started.append(proxy)
        yield started[0], started[1]


def told(proxy: Proxy, body: str, role: str) -> tuple[int, str, str]:
    answer = proxy.fetch("/s", "POST", f"{FORM}X-Role: {role}\r\n", body.encode())
    return answer.status, answer.get("location"), proxy.stat()["be", "s1"]["status"]


BODIES = (
    *("b=be&s=s1&action=drain", "b=be&s=s1&action=ready", "b=be&s=s1&s=x&action=maint", "b=be&s=x&action=ready"),
    "b=be&s=s1&action=ready",
    *("b=x&s=s1&action=maint", "b=fe&s=s1&action=maint", "b=be&s=s1&action=x", "b=be&s=s1&action=", "b=be&action=maint"),
    *("s=s1", ""),
    *("b=be&s=s1&action=hdown", "b=be&s=s1&action=hnolb", "b=be&s=s1&action=hrunn", "b=be&s=s1&action=dhlth"),
    "s=%731&b=%62e&action=drai%6e",
    *(f"b=be&s=s1&action={word}" for word in ("dagent", "eagent", "arunn", "adown")),
    *("b=be&s=s1&s=x&action=dagent", "b=be&s=x&action=adown", "b=be&s=s1&action=weight"),
    *("b=be&s=s1&action=shutdown", "b=be&s=s1&s=x&action=shutdown"),
)


def test_forms(pair):
    reference, tested = pair
    for role in ("admin", "nobody"):
        for body in BODIES:
            assert told(tested, body, role) == told(reference, body, role), (role, body)
    for proxy in pair:
        told(proxy, "b=be&s=s1&action=ready", "admin")


@pytest.mark.parametrize("role", ["stranger", "foe", "friend"])
def test_rules(pair, role):
    seen = [proxy.fetch("/s", headers=f"X-Role: {role}\r\n") for proxy in pair]
    assert seen[1].status == seen[0].status
    assert seen[1].get("www-authenticate") == seen[0].get("www-authenticate")


def metrics(proxy: Proxy, query: str):
    answer = proxy.fetch(f"/metrics{query}")
    found = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        if family.type != "histogram":
            found[family.name] = (family.type, sorted(tuple(sorted(one.labels.items())) for one in family.samples))
    return found


@pytest.mark.parametrize("query", ["?scope=frontend", "?scope=backend", "?scope=server", "?scope=server&no-maint"])
def test_exporters_series(pair, query):
    reference, tested = (metrics(proxy, query) for proxy in pair)
    assert tested == reference
