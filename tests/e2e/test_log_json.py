"""`option httplog json`: one valid object a request, whatever bytes come; of fastlb alone, so nothing to compare it with."""

from __future__ import annotations

import json
import random
import re

import pytest

from support.logline import parse
from support.origin import answers, named, reply
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only  # haproxy: has no such option

FIELDS = (
    *("time", "frontend", "is_tls", "client_ip", "client_port", "backend", "server", "status", "bytes_read", "bytes_uploaded"),
    *("request_ms", "queue_ms", "connect_ms", "response_ms", "total_ms", "is_complete", "termination", "termination_phase"),
    *("termination_state", "retries", "is_redispatched", "process_connections", "frontend_connections", "backend_connections"),
    *("server_connections", "server_queue", "backend_queue", "method", "uri", "version", "unique_id", "request_cookie"),
    *("response_cookie", "request_headers", "response_headers", "is_cut"),
)


def site(target: str, server: object, *lines: str) -> str:
    text = "".join(f"    {line}\n" for line in lines)
    return (
        f"{HTTP}frontend fe\n    bind fd@fe\n    log {target}\n    option httplog json\n    default_backend be\n{text}"
        f"backend be\n    server s1 {server}\n"
    )


def objects(syslog, *parts: str, count: int = 1) -> list[dict[str, object]]:
    lines = [parse(line).message for line in syslog.wait('"is_cut"', *parts, count=count)]
    found = [json.loads(line) for line in lines]
    assert all(tuple(fields) == FIELDS for fields in found)
    return found


def test_object_of_an_ordinary_request(start, origin, syslog):
    lines = (
        "capture request header User-Agent len 20",
        "capture request header X-None len 20",
        "capture response header Server len 20",
        "capture cookie SID len 20",
        "unique-id-format id-%rt",
    )
    server = origin(answers(reply(b"hello", headers=["Server: srv", "Set-Cookie: SID=new"])))
    proxy = start(site(f"{syslog} local0", server, *lines))
    client = proxy.client()
    client.request("/x?y=1", headers="User-Agent: ua\r\nCookie: SID=old\r\n")
    fields = objects(syslog)[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(fields.pop("time")))
    for name in ("request_ms", "queue_ms", "connect_ms", "response_ms", "total_ms", "bytes_read", "bytes_uploaded"):
        assert int(fields.pop(name)) >= 0  # type: ignore[call-overload]
    assert fields == {
        "frontend": "fe", "is_tls": False, "client_ip": "127.0.0.1", "client_port": client.port, "backend": "be",
        "server": "s1", "status": 200, "is_complete": True, "termination": "normal", "termination_phase": "complete",
        "termination_state": "----", "retries": 0, "is_redispatched": False, "process_connections": 1,
        "frontend_connections": 1, "backend_connections": 0, "server_connections": 0, "server_queue": 0,
        "backend_queue": 0, "method": "GET", "uri": "/x?y=1", "version": "HTTP/1.1", "unique_id": "id-0",
        "request_cookie": "SID=old", "response_cookie": "SID=new", "request_headers": ["ua", None],
        "response_headers": ["srv"], "is_cut": False,
    }  # fmt: skip


def test_what_was_not_reached_is_null(start, dead, syslog):
    proxy = start(site(f"{syslog} local0", dead(), "retries 0"))
    proxy.fetch("/")
    fields = objects(syslog)[0]
    assert (fields["status"], fields["server"], fields["termination"], fields["termination_phase"]) == (
        503, "s1", "server-abort", "connect",
    )  # fmt: skip
    assert fields["connect_ms"] is None
    assert fields["response_ms"] is None
    assert fields["response_headers"] == []


def test_what_is_no_request_has_an_object_as_well(start, origin, syslog):
    client = start(site(f"{syslog} local0", origin(named("a")))).client()
    client.send(b'\xff\x00"{} / HTTP/1.1\r\n\r\n')
    assert client.read_response().status == 400
    fields = objects(syslog)[0]
    assert (fields["status"], fields["method"], fields["uri"], fields["backend"]) == (400, None, None, None)
    assert (fields["termination"], fields["termination_phase"]) == ("proxy-refused", "request")


def test_rules_answers_are_told_from_servers(start, origin, syslog):
    rules = ("http-request deny if { path /denied }", "http-request return status 200")
    client = start(site(f"{syslog} local0", origin(named("a")), *rules)).client()
    client.request("/denied")
    client.request("/local")
    assert objects(syslog, "/denied")[0]["termination"] == "proxy-refused"
    assert objects(syslog, "/local")[0]["termination"] == "local-answer"


def test_logasap_says_that_the_request_goes_on(start, origin, syslog):
    proxy = start(site(f"{syslog} local0", origin(named("a")), "option logasap"))
    proxy.fetch("/")
    assert objects(syslog)[0]["is_complete"] is False


@pytest.mark.parametrize("seed", range(4))
def test_any_bytes_of_headers_give_valid_json(start, origin, syslog, seed):
    rng = random.Random(seed)
    lines = ("capture request header X-A len 3000", "capture request header X-B len 3000")
    client = start(site(f"{syslog} local0", origin(named("a")), *lines)).client()
    allowed = bytes(byte for byte in range(256) if byte not in b"\0\r\n")
    whole = ["\u00e9", "\u20ac", "\U0001f600", "a"]
    for number in range(30):
        raw = bytes(rng.choice(allowed) for _ in range(rng.choice((0, 1, 5, 60, 2500))))
        text = "".join(rng.choice(whole) for _ in range(rng.choice((1, 10, 1000))))
        head = f"GET /{number}?{'%' * rng.randrange(900)} HTTP/1.1\r\nHost: a\r\nX-B: {text}\r\nX-A: "
        client.send(head.encode() + raw + b"\r\n\r\n")
        client.read_response()
    found = objects(syslog, count=30)
    assert [str(fields["uri"]).split("?")[0] for fields in found] == [f"/{number}" for number in range(30)]
    assert all(len(line) < 8300 for line in syslog.datagrams)
    assert any(fields["is_cut"] for fields in found)


def test_text_that_is_utf8_is_kept_and_other_bytes_are_replaced(start, origin, syslog):
    line = "capture request header X-A len 100"
    client = start(site(f"{syslog} local0", origin(named("a")), line)).client()
    cases = {
        "é€😀".encode(): "é€😀", b"a\xffb": "a\ufffdb", b"\xc3": "\ufffd", b"\xe2\x82": "\ufffd\ufffd",
        b"\xc0\xaf": "\ufffd\ufffd", b"\xed\xa0\x80": "\ufffd\ufffd\ufffd", b"\xf4\x90\x80\x80": "\ufffd" * 4,
        b'\\"\x01\x1f\x7f\t/': '\\"\x01\x1f\x7f\t/',
    }  # fmt: skip
    for raw in cases:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + raw + b"\r\n\r\n")
        client.read_response()
    lines = [data[data.index(b"{") :].decode() for data in poll_datagrams(syslog, len(cases))]
    assert [json.loads(text)["request_headers"][0] for text in lines] == list(cases.values())


def poll_datagrams(syslog, count: int) -> list[bytes]:
    syslog.wait('"is_cut"', count=count)
    return list(syslog.datagrams)


def test_shortest_lines_and_structured_data_never_cut_an_object(start, origin, syslog):
    lines = (
        f"log {syslog} len 4096 format rfc5424 local1",
        "log-format-sd [x@1\\ a=%{+E}HU%{+E}HU%{+E}HU%{+E}HU%{+E}HU]",
        *(f"capture request header X-{number} len 500" for number in range(12)),
    )
    client = start(site(f"{syslog} len 4096 format raw local0", origin(named("a")), *lines)).client()
    headers = "".join(f"X-{number}: {'é' * 240}\r\n" for number in range(12))
    client.request("/" + "x" * 1000, headers=headers)
    client.request("/short")
    found = [data.decode() for data in poll_datagrams(syslog, 4)]
    for text in found:
        assert len(text.encode()) <= 4097
        json.loads(text[text.index('{"time"') :])
    assert [json.loads(text[text.index('{"time"') :])["is_cut"] for text in found] == [True, True, False, False]
    assert "[x@1 a=/short" in found[3] or "[x@1 a=/short" in found[2]
