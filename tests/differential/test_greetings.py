"""What must come before a connection's own bytes: PROXY headers that a rule asks for, and NetScaler's, as haproxy takes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import proxy_protocol
from support.netscaler import MAGIC, V4, V6, ip_header, new, old, tcp_header
from support.programs import both_programs

from .lab import CONFIG, Case, Lab, Outcome

GET = b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"
OPTIONS = b"\1\1\1\1"
FRONTENDS = f"""
frontend proxied
    bind fd@proxied
    tcp-request connection expect-proxy layer4 if {{{{ src 127.0.0.1 }}}}
    tcp-request session set-var(sess.who) src
    http-request set-header X-From %[src]:%[src_port]-%[dst]:%[dst_port]-%[var(sess.who)]
    default_backend be
frontend not_proxied
    bind fd@not_proxied
    tcp-request connection expect-proxy layer4 if {{{{ src 10.0.0.1 }}}}
    default_backend be
frontend cip
    bind fd@cip accept-netscaler-cip {MAGIC}
    http-request set-header X-From %[src]:%[src_port]-%[dst]:%[dst_port]
    default_backend be
frontend cip_rule
    bind fd@cip_rule
    tcp-request connection expect-netscaler-cip layer4
    http-request set-header X-From %[src]:%[src_port]-%[dst]:%[dst_port]
    default_backend be
frontend both
    bind fd@both accept-proxy accept-netscaler-cip {MAGIC}
    http-request set-header X-From %[src]:%[src_port]-%[dst]:%[dst_port]
    default_backend be
"""
V1 = proxy_protocol.v1("192.0.2.7", "198.51.100.2", 1111, 80)


def closed(seen: Outcome) -> None:
    assert seen.client == seen.origin == []


def both_read(seen: Outcome) -> None:
    assert "[x-from: 192.0.2.1:1111-" in seen.origin[0]


UDP = ip_header("192.0.2.1", "198.51.100.2", 17) + tcp_header(1, 2)
STRICT = "fastlb goes by the header's own lengths"
CASES = [
    Case("PROXY header", V1 + GET, to="proxied"),
    Case("PROXY header of version 2", proxy_protocol.v2("192.0.2.7", "198.51.100.2", 1111, 80) + GET, to="proxied"),
    Case("no PROXY header", GET, to="proxied", end="wait"),
    Case("a client that need not say who it is", GET, to="not_proxied"),
    Case("old", old(V4) + GET, to="cip"),
    Case("old, IPv6", old(V6) + GET, to="cip"),
    Case("old, options", old(ip_header("192.0.2.1", "198.51.100.2", 6, OPTIONS) + tcp_header(9, 8, OPTIONS)) + GET, to="cip"),
    Case("old, more behind the headers", old(V4 + bytes(8)) + GET, to="cip"),
    Case("new", new(V4) + GET, to="cip"),
    Case("new, IPv6", new(V6) + GET, to="cip"),
    Case("new, more behind the headers", new(V4 + bytes(8)) + GET, to="cip"),
    Case("wrong magic number", old(V4, MAGIC + 1) + GET, to="cip", end="wait"),
    Case("no header of NetScaler's", GET, to="cip", end="wait"),
    Case("UDP", old(UDP) + GET, to="cip", end="wait"),
    Case("unknown IP version", old(b"\x55" + V4[1:]) + GET, to="cip", end="wait"),
    Case("unknown type", new(V4, kind=2) + GET, to="cip", end="wait", fastlb=closed, why="only type 1 is described"),
    Case("length 0", new(V4, length=0) + GET, to="cip", end="wait", fastlb=closed, why=STRICT),
    Case("length too small", old(V4, length=32) + GET, to="cip", end="wait", fastlb=closed, why=STRICT),
    Case("a rule asks, and the bind line has no magic number", old(V4, 0) + GET, to="cip_rule"),
    Case("both", V1 + old(V4) + GET, to="both", fastlb=both_read, why="haproxy takes the first of the two for the second"),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(lambda program: Lab(program, CONFIG + FRONTENDS)) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_greeting_is_taken_as_haproxy_takes_it(compare, case):
    compare(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.to == "cip" and case.fastlb is None], ids=lambda case: case.id)
def test_greeting_may_come_in_pieces(pair, case):
    expected, seen = pair[0].run(case), pair[1].run(case, 7)
    assert (seen.client, seen.origin, seen.log) == (expected.client, expected.origin, expected.log)
