"""What log lines tell of both sides of a stream, of HAProxy 3.2 and 3.3: bytes, and the rule that ended it or was waited for."""

from __future__ import annotations

import pytest

from support.client import Client
from support.logline import parse
from support.origin import by_request, echo, named, reply
from support.poll import poll
from support.proxy import HTTP, TCP
from support.sockets import connect

pytestmark = pytest.mark.fastlb_only  # of 3.2 and later

BYTES = "%[req.bytes_in] %[req.bytes_out] %[res.bytes_in] %[res.bytes_out]"
ENTITIES = "%[last_entity] %[waiting_entity]"


def site(syslog, server, form: str, *front: str, back: tuple[str, ...] = (), base: str = HTTP) -> str:
    lines = ["frontend fe", "bind fd@fe", f"log {syslog} local0", f'log-format "F {form}"', *front, "default_backend be"]
    lines += ["backend be", *back, f"server s1 {server}"]
    return base + "\n".join(lines) + "\n"


def told(syslog) -> list[str]:
    return parse(syslog.line("F ")).message.split()[1:]


def line_of(proxy, text: str) -> str:
    """As last_entity shows it."""
    lines = proxy.config_path.read_text().splitlines()
    return f"{proxy.config_path}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


@pytest.fixture
def mirror(origin):
    """An origin whose answer's body is what the request had."""
    return origin(by_request(lambda request: reply(request.body, headers=["X-Made: here"])))


@pytest.mark.parametrize("chunked", (False, True))
def test_bytes_of_each_side_count_what_rules_have_changed(start, mirror, syslog, chunked):
    proxy = start(site(syslog, mirror, BYTES, back=("http-request set-header x-added yes", "http-request del-header x-gone")))
    if chunked:
        client = Client(proxy.addresses["fe"])
        head = b"POST / HTTP/1.1\r\nHost: a\r\nX-Gone: 12\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(head + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n")
        assert len(client.read_response("POST").body) == 1000
    else:
        assert len(proxy.fetch("/", "POST", "X-Gone: 12\r\n", b"x" * 1000).body) == 1000
    req_in, req_out, res_in, res_out = map(int, told(syslog))
    assert req_out - req_in == len("x-added" + "yes") - len("x-gone" + "12")
    assert 1000 < req_in < 1200
    assert 1000 < res_in == res_out < 1200


def test_body_longer_than_the_buffers_counts_whole(start, mirror, syslog):
    proxy = start(site(syslog, mirror, BYTES))
    assert len(proxy.fetch("/", "POST", "", b"x" * 300_000).body) == 300_000
    req_in, req_out, res_in, _ = map(int, told(syslog))
    assert req_in == req_out and 300_000 < req_in < 300_200 and 300_000 < res_in < 300_200


def test_no_server_has_no_bytes(start, mirror, syslog):
    assert start(site(syslog, mirror, BYTES, "http-request deny")).fetch("/", "POST", "", b"x" * 10).status == 403
    req_in, req_out, res_in, res_out = map(int, told(syslog))
    assert (req_out, res_in) == (0, 0) and req_in > 0 and res_out > 0


def test_answer_that_is_not_used_has_come_from_the_server(start, origin, syslog):
    server = origin(by_request(lambda request: reply(b"y" * 500)))
    assert start(site(syslog, server, BYTES, "http-response deny")).fetch("/").status == 502
    req_in, req_out, res_in, res_out = map(int, told(syslog))
    assert req_out == req_in and 500 < res_in < 600
    assert res_out > res_in


def test_interim_answers_are_the_servers_too(start, origin, syslog):
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    server = origin(by_request(lambda request: hint + reply(b"ok")))
    assert start(site(syslog, server, BYTES)).fetch("/").status == 200
    _, _, res_in, res_out = map(int, told(syslog))
    assert res_in == res_out > len(hint)


def test_bytes_of_a_tcp_session(start, origin, syslog):
    proxy = start(site(syslog, origin(echo), BYTES, base=TCP))
    with connect(proxy.addresses["fe"]) as sock:
        sock.sendall(b"12345")
        assert sock.recv(5, 256) == b"12345"
    assert told(syslog) == ["5", "5", "5", "5"]


# ---- rules


def test_rule_that_ended_the_stream(start, origin, syslog):
    front = ("http-request set-var(txn.a) path", "http-request deny if { path /denied }", "http-response set-header x-a b")
    proxy = start(site(syslog, origin(named("a")), ENTITIES, *front))
    proxy.fetch("/denied")
    assert told(syslog) == [line_of(proxy, "http-request deny"), "-"]
    proxy.fetch("/")
    assert parse(syslog.wait("F ", count=2)[1]).message == "F - -"


def test_rule_that_failed_comes_before_the_last_final_one(start, origin, syslog):
    front = ("tcp-request content accept", 'http-request set-path "%[req.hdr(x-none)]"', "http-request allow")
    proxy = start(site(syslog, origin(named("a")), ENTITIES, *front))
    assert proxy.fetch("/").status in (400, 500)
    assert told(syslog) == [line_of(proxy, "set-path"), "-"]


WAITING = {
    "wait-for-body": ("http-request wait-for-body time 30s",),
    "pause": ("http-request set-var(txn.a) path", "http-request pause 30s"),
    "req.len": ("tcp-request inspect-delay 30s", "tcp-request content accept if { req.len gt 1000 }"),
}


@pytest.mark.parametrize("rule", WAITING)
def test_rule_that_is_still_waited_for(start, origin, syslog, rule):
    proxy = start(site(syslog, origin(echo), ENTITIES, *WAITING[rule], base=TCP if rule == "req.len" else HTTP))
    with connect(proxy.addresses["fe"]) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12")
        poll(lambda: "fe=fe" in proxy.command("show sess"), "the stream waits")
        proxy.command("shutdown session " + proxy.command("show sess").split(":")[0])
        assert told(syslog) == ["-", line_of(proxy, rule)]


def test_rule_that_was_waited_for_long_enough_is_none(start, origin, syslog):
    front = ("http-request pause 20", "http-request wait-for-body time 30s")
    proxy = start(site(syslog, origin(named("a")), f"{ENTITIES} %[var(txn.during)]", *front))
    assert proxy.fetch("/", "POST", "", b"12").status == 200
    assert told(syslog) == ["-", "-", "-"]
