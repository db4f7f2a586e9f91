"""Keyed algorithms and `random` through a whole program: what one key is, that it stays on its server, and who takes over."""

from __future__ import annotations

from collections import Counter

import pytest

from support.fetch_cases import rdp_request
from support.origin import by_request, echo, named, reply
from support.poll import poll
from support.proxy import HTTP, TCP

NAMES = "abc"


def farm(origins, *lines: str, options: str = "") -> str:
    settings = "".join(f"    {line}\n" for line in lines)
    servers = "".join(f"    server {name} {one} {options}\n" for name, one in zip(NAMES, origins, strict=True))
    return f"{HTTP}listen fe\n    bind fd@fe\n{settings}{servers}"


def ask(proxy, target="/", headers=""):
    return proxy.fetch(target, headers=headers).body.decode()


@pytest.mark.parametrize("method", ["map-based", "consistent"])
@pytest.mark.parametrize(
    ("balance", "key"),
    [
        ("uri", lambda i, noise: (f"/{i}?{noise}", "")),
        ("uri whole", lambda i, noise: (f"/?{i}", f"X-Noise: {noise}\r\n")),
        ("uri depth 1", lambda i, noise: (f"/{i}/{noise}", "")),
        ("uri len 3", lambda i, noise: (f"/{i:02}{noise}", "")),
        ("url_param id", lambda i, noise: (f"/{noise}?x={noise}&id={i}&y", "")),
        ("hdr(X-Key)", lambda i, noise: (f"/{noise}", f"x-key: {i}\r\n")),
        ("hash hdr(x-key),lower", lambda i, noise: (f"/{noise}", f"X-Key: {'K' if noise % 2 else 'k'}{i}\r\n")),
    ],
)
def test_a_key_stays_on_its_server_and_keys_are_spread(start, origin, balance, key, method):
    proxy = start(farm([origin(named(name)) for name in NAMES], f"balance {balance}", f"hash-type {method}"))
    chosen = []
    for i in range(24):
        seen = {ask(proxy, *key(i, noise)) for noise in (1, 2, 33)}
        assert len(seen) == 1, f"key {i} went to {seen}"
        chosen.append(seen.pop())
    assert set(chosen) == set(NAMES)


@pytest.mark.fastlb_only(reason="2.8 and later")
@pytest.mark.parametrize(
    ("text", "place"),
    [
        *((f"{i}", i % 3) for i in range(7)),
        ("7 and more", 1),
        ("+8", 2),
        ("-1", (2**32 - 1) % 3),
        ("4294967297", 1),
        ("99999999999999999999", (2**63 - 1) % 2**32 % 3),
        ("-99999999999999999999", 0),
        ("none", 0),
    ],
)
def test_without_a_function_the_key_is_the_hash(start, origin, text, place):
    """Manual, "hash-type none": for a key that a converter has hashed already."""
    proxy = start(farm([origin(named(name)) for name in NAMES], "balance hdr(x-key)", "hash-type map-based none"))
    assert ask(proxy, headers=f"X-Key: {text}\r\n") == NAMES[place]


def test_only_the_keys_of_a_server_that_leaves_move(start, origin):
    proxy = start(farm([origin(named(name)) for name in NAMES], "balance uri", "hash-type consistent"))
    before = [ask(proxy, f"/{i}") for i in range(40)]
    proxy.command("disable server fe/b")
    during = [ask(proxy, f"/{i}") for i in range(40)]
    assert "b" not in during
    assert all(old in (new, "b") for old, new in zip(before, during, strict=True))
    proxy.command("enable server fe/b")
    assert [ask(proxy, f"/{i}") for i in range(40)] == before


def test_hash_balance_factor_sends_what_is_too_much_to_others(start, origin):
    """Manual, "hash-balance-factor": one key alone may not fill one server while others idle."""
    proxy = start(farm([origin(named(name)) for name in NAMES], "balance uri", "hash-type consistent", "hash-balance-factor 150"))
    owner = ask(proxy, "/one")
    held = []
    for _ in range(6):
        client = proxy.client()
        client.send(b"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
        held.append(client)
    for client in held:
        client.send(b"y")
    seen = Counter(client.read_response().body.decode() for client in held)
    assert seen[owner] <= 3 and len(seen) > 1


def test_check_post_finds_the_key_in_a_body_that_comes_later(start, origin):
    proxy = start(farm([origin(named(name)) for name in NAMES], "balance url_param id check_post"))
    for i in range(6):
        client = proxy.client()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\na=1")
        by_url = ask(proxy, f"/?id={i}")
        client.send(b"&id=%d" % i)
        assert client.read_response().body.decode() == by_url
        client.close()


def test_check_post_leaves_the_head_of_a_request_alone(start, origin):
    """Rules write the new head where the body would otherwise come to lie."""
    shown = by_request(lambda request: reply((request.get("x-long") or "").encode() + b"|" + request.body))
    rule = f"http-request set-header X-Long {'v' * 300}"
    proxy = start(farm([origin(shown) for _ in NAMES], "balance url_param id check_post", rule))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the head to be read")
    client.send(b"a=1&id=2")
    assert client.read_response().body.decode() == "v" * 300 + "|a=1&id=2"


def test_consistent_redispatch_goes_to_the_next_server_of_the_key(start, origin, dead):
    """Retries ask for the same key although its request has left the buffer, and leave out the server that failed."""
    servers = (dead(), origin(named("b")), origin(named("c")))
    settings = ("balance uri", "hash-type consistent", "option redispatch 1", "retries 1", "timeout connect 100ms")
    proxy = start(farm(servers, *settings))
    assert [len({ask(proxy, f"/{i}") for _ in range(3)}) for i in range(12)] == [1] * 12
    assert {ask(proxy, f"/{i}") for i in range(12)} == {"b", "c"}


def test_random_uses_every_server_and_no_drained_one(start, origin):
    proxy = start(farm([origin(named(name)) for name in NAMES], "balance random(3)"))
    assert {ask(proxy) for _ in range(60)} == set(NAMES)
    proxy.command("set weight fe/a 0")
    assert {ask(proxy) for _ in range(40)} == {"b", "c"}


def test_rdp_cookie_keeps_a_user_on_one_server(start, origin):
    """Manual, "balance rdp-cookie": a TCP proxy waits for the cookie with an inspect delay."""
    origins = [origin(echo) for _ in NAMES]
    servers = "".join(f"    server {name} {one}\n" for name, one in zip(NAMES, origins, strict=True))
    proxy = start(
        f"{TCP}listen fe\n    bind fd@fe\n    tcp-request inspect-delay 5s\n"
        f"    tcp-request content accept if RDP_COOKIE\n    balance rdp-cookie\n{servers}"
    )
    used = set()
    for user in range(12):
        raw = rdp_request(f"Cookie: mstshash=user{user}\r\n")
        owners = set()
        for _ in range(2):
            before = [len(one.connections) for one in origins]
            client = proxy.client()
            client.send(raw)
            assert client.read_exact(len(raw)) == raw
            owners |= {i for i, one in enumerate(origins) if len(one.connections) != before[i]}
            client.close()
        assert len(owners) == 1
        used |= owners
    assert used == {0, 1, 2}


def test_allbackups_share_the_requests(start, origin):
    origins = [origin(named(name)) for name in NAMES]
    proxy = start(farm(origins, "balance roundrobin", "option allbackups", options="backup"))
    assert Counter(ask(proxy) for _ in range(9)) == dict.fromkeys(NAMES, 3)
