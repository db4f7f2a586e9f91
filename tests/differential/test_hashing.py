"""Keyed algorithms: the same key goes to the same server as with HAProxy, before and after servers leave or change weight."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from support.origin import Origin, named
from support.proxy import HTTP, Proxy

CONSISTENT = "hash-type consistent"
PLAIN = ("", "", "", "", "", "", "")
MIXED = ("weight 2", "id 77", "weight 256 id 9", "weight 0", "weight 17", "id 1000000", "")
RULES = ("http-request deny if { hdr(x-deny) yes }",)
FARMS = {
    "uri": (("balance uri",), PLAIN),
    "uri-whole": (("balance uri whole",), MIXED),
    "uri-len": (("balance uri len 6",), PLAIN),
    "uri-depth": (("balance uri depth 2",), PLAIN),
    "uri-len-depth": (("balance uri len 5 depth 1",), PLAIN),
    "uri-path": (("balance uri path-only",), PLAIN),
    "uri-path-whole": (("balance uri path-only whole",), PLAIN),
    "param": (("balance url_param id",), PLAIN),
    "post": (("balance url_param id check_post", "timeout http-request 1s", *RULES), PLAIN),
    "hdr": (("balance hdr(X-Key)",), MIXED),
    "domain": (("balance hdr(Host) use_domain_only",), PLAIN),
    "hash": (("balance hash hdr(x-key)",), PLAIN),
    "hash-int": (("balance hash hdr(x-key),length", "hash-type map-based crc32"), PLAIN),
    "hash-ip": (("balance hash hdr_ip(x-ip)", "hash-type map-based djb2"), PLAIN),
    "djb2": (("balance hdr(x-key)", "hash-type map-based djb2"), PLAIN),
    "wt6": (("balance hdr(x-key)", "hash-type map-based wt6"), MIXED),
    "crc32": (("balance hdr(x-key)", "hash-type map-based crc32 avalanche"), PLAIN),
    "source": (("balance source", "hash-type map-based sdbm avalanche"), PLAIN),
    "c-uri": (("balance uri", CONSISTENT), PLAIN),
    "c-mixed": (("balance uri", CONSISTENT), MIXED),
    "c-djb2": (("balance uri whole", "hash-type consistent djb2"), MIXED),
    "c-wt6": (("balance hdr(x-key)", "hash-type consistent wt6 avalanche"), PLAIN),
    "c-source": (("balance source", CONSISTENT), PLAIN),
    "c-backup": (("balance uri", CONSISTENT, "option allbackups"), ("", "backup", "backup", "backup weight 3", "", "", "")),
    "backup": (("balance uri", "option allbackups"), ("", "backup", "backup", "backup weight 3", "", "", "")),
    "factor": (("balance uri", CONSISTENT, "hash-balance-factor 150"), PLAIN),
}
QUERIES = ("", "/", "//x", "?", "?id=", "?id", "?ID=4", "?a;id=3", "?x?id=3", "?id=&id=3")
HOSTS = ("a.test", "haproxy.1wt.eu", "localhost", "www.example.co.uk", "10.1.2.3", "a.b.", ".com", "x..y", "h.t:80", "local:80")


class Farms:
    """One program with a listener and a backend for each entry of FARMS; all servers are one origin."""

    def __init__(self, program: str, origin: Origin) -> None:
        text = HTTP
        for name, (lines, servers) in FARMS.items():
            text += f"listen {name}\n    bind fd@{name.replace('-', '_')}\n    http-response set-header x-server %s\n"
            text += "".join(f"    {line}\n" for line in lines)
            text += "".join(f"    server s{i} {origin} {words}\n" for i, words in enumerate(servers))
        self.proxy = Proxy(program, text)

    def servers(self, name: str, requests: list[bytes]) -> list[str]:
        client = self.proxy.client(name.replace("-", "_"))
        seen = []
        for request in requests:
            client.send(request)
            seen.append(dict(client.read_response().headers)["x-server"])
        client.close()
        return seen


@pytest.fixture(scope="module")
def farms() -> Iterator[tuple[Farms, Farms]]:
    origin = Origin(named("o"))
    both = (Farms("haproxy", origin), Farms(os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"), origin))
    yield both
    for one in both:
        one.proxy.finish()
    origin.close()


def requests(name: str, count: int = 120) -> list[bytes]:
    """Requests with all that can be hashed, some of it missing; the same ones every time."""
    rng = random.Random(name)
    made = []
    for i in range(count):
        path = "/".join(["", *(f"{rng.getrandbits(rng.choice((4, 16))):x}" for _ in range(rng.randrange(1, 5)))])
        path += rng.choice((*QUERIES, f"?id={rng.getrandbits(20)}", f"?id={rng.getrandbits(20)}", f"?a=1&id=%41{i};x&b"))
        target = path if i % 5 else f"http://h{i % 3}.test{path}"
        host = f"h{i % 3}.test" if i % 5 == 0 else rng.choice(HOSTS)
        fields = [f"Host: {host}"]
        if rng.random() < 0.8:
            fields.append(f"X-Key: {rng.choice((f'{rng.getrandbits(30):x}', 'Foo, bar', '', 'a'))}")
        if rng.random() < 0.8:
            fields.append(f"X-Ip: {rng.choice(('1.2.3.4', f'10.0.{i}.9', f'2001:db8::{i:x}'))}")
        # haproxy: use_domain_only also looks at the byte behind the value, in the last header what an earlier request left there.
        fields.append("X-End: 1")
        made.append("\r\n".join([f"GET {target} HTTP/1.1", *fields, "", ""]).encode())
    return made


@pytest.mark.parametrize("name", FARMS)
def test_a_key_goes_to_the_same_server(farms, name):
    reference, tested = farms
    assert tested.servers(name, requests(name)) == reference.servers(name, requests(name))


@pytest.mark.parametrize("name", ["uri", "wt6", "c-uri", "c-mixed", "c-source", "c-backup", "backup"])
def test_and_still_does_when_servers_have_left_and_come_back(farms, name):
    every = requests(name, 60)
    for change in ("disable server {}/s0", "disable server {}/s4", "enable server {}/s0", "enable server {}/s4"):
        for farm in farms:
            farm.proxy.command(change.format(name))
        reference, tested = (farm.servers(name, every) for farm in farms)
        assert tested == reference, change


@pytest.mark.parametrize("name", ["c-uri", "c-mixed"])
def test_and_still_does_when_weights_change(farms, name):
    every = requests(name, 60)
    for change in ("s1 4", "s2 0", "s4 256", "s1 100%", "s2 1"):
        for farm in farms:
            farm.proxy.command(f"set weight {name}/{change}")
        reference, tested = (farm.servers(name, every) for farm in farms)
        assert tested == reference, change


def test_a_map_takes_no_new_weights(farms):
    answers = [farm.proxy.command("set weight uri/s1 7") for farm in farms]
    assert answers[0] == answers[1]
    assert "static LB algorithm" in answers[1]


def test_requests_without_a_key_are_spread(farms):
    plain = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"] * 70
    for farm in farms:
        assert Counter(farm.servers("param", plain)) == {f"s{i}": 10 for i in range(7)}


def post(body: bytes, target: str = "/", *, method: str = "POST", fields: tuple[str, ...] = ()) -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: a", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(head).encode() + body


def chunked(*chunks: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


POSTED = (
    [post(b"id=%d" % i) for i in range(20)]
    + [post(b"a=1&id=%d;x=y" % i, fields=("Content-Type: text/plain",)) for i in range(9)]
    + [chunked(b"a=1&id", b"=%d" % i, b"00&b") for i in range(9)]
    + [post(b"id=%d" % i, target) for i in range(5) for target in ("/?id=3", "/?x=3", "/?id", "/?id=")]
    + [post(b"id=1", method="PUT"), post(b"id=2", method="GET"), post(b"?id=2"), post(b"a=1;id=2"), post(b""), post(b"x" * 9000)]
)


def test_a_parameter_of_a_posts_body_decides(farms):
    reference, tested = farms
    assert tested.servers("post", POSTED) == reference.servers("post", POSTED)


@pytest.mark.parametrize(
    ("begin", "rest"),
    [
        (post(b"id=1234")[:-2], b"34"),
        (post(b"id=1234")[:-7], b"id=1234"),
        (post(b"id=1234")[:-2], b""),
        (post(b"id=1234", "/?id=3")[:-2], b""),
        (post(b"id=1234", fields=("X-Deny: yes",))[:-2], b""),
        (post(b"id=1234", fields=("Expect: 100-continue",))[:-7], b"id=1234"),
        (post(b"9" * 39_000 + b"&id=1")[:20_000], post(b"9" * 39_000 + b"&id=1")[20_000:]),
    ],
)
def test_the_body_is_waited_for_behind_the_rules(farms, begin, rest):
    seen = []
    for farm in farms:
        client = farm.proxy.client("post")
        client.send(begin)
        client.send(rest)
        answer = client.read_response()
        seen.append((answer.status, dict(answer.headers).get("x-server"), [interim.status for interim in answer.interim]))
        client.close()
    assert seen[0] == seen[1]
