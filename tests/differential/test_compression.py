"""`compression`: what is compressed, with which algorithm and headers, is the same as with haproxy; so are the bytes inside."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from support.origin import Origin, by_request, reply
from support.proxy import Proxy
from support.wire import Message

from . import lab

CONFIG = """
defaults
    mode http
    timeout connect 2s
    timeout client 3s
    timeout server 3s
frontend gzip
    bind fd@gzip
    compression algo gzip
    compression type text/plain text/html
    default_backend plain
frontend any
    bind fd@any
    filter compression
    compression algo gzip
    default_backend plain
frontend deflate
    bind fd@deflate
    compression algo deflate gzip
    default_backend plain
frontend raw
    bind fd@raw
    compression algo raw-deflate
    default_backend plain
frontend identity
    bind fd@identity
    compression algo identity
    default_backend plain
frontend several
    bind fd@several
    compression algo identity gzip
    compression algo deflate
    default_backend plain
frontend offload
    bind fd@offload
    compression algo gzip
    compression type text/plain
    compression offload
    default_backend plain
frontend identity_offload
    bind fd@identity_offload
    compression algo gzip identity
    compression offload
    default_backend plain
frontend noalgo
    bind fd@noalgo
    compression type text/plain
    default_backend plain
frontend inner
    bind fd@inner
    default_backend packing
frontend both
    bind fd@both
    compression algo deflate
    compression type text/html
    default_backend packing
frontend outer_offload
    bind fd@outer_offload
    compression offload
    default_backend packing
frontend ruled
    bind fd@ruled
    compression algo gzip
    http-response set-header Cache-Control no-transform if { res.hdr(X-Hold) -m found }
    http-response del-header Content-Encoding
    default_backend plain
frontend late
    bind fd@late
    compression algo gzip
    http-request set-header Accept-Encoding gzip
    default_backend plain
frontend early
    bind fd@early
    compression algo gzip
    http-request del-header Accept-Encoding
    default_backend plain
frontend closing
    bind fd@closing
    option httpclose
    compression algo gzip
    default_backend plain
frontend to_rule_be
    bind fd@to_rule_be
    compression algo gzip
    default_backend rule_be
frontend plain_rule_be
    bind fd@plain_rule_be
    default_backend rule_comp_be
frontend offload_in_be
    bind fd@offload_in_be
    compression algo gzip
    default_backend offload_be
frontend algo_in_be
    bind fd@algo_in_be
    compression type text/html
    default_backend algo_be
frontend type_in_be
    bind fd@type_in_be
    compression algo gzip
    default_backend type_be
frontend changes
    bind fd@changes
    compression algo gzip
    http-response set-header Content-Type multipart/x
    http-response set-header ETag a if { res.hdr(ETag) -m found }
    default_backend plain
frontend returns
    bind fd@returns
    compression algo gzip
    http-request return status 200 content-type text/plain string "abcabcabcabcabcabcabcabcabcabcabcabcabc"
frontend late_returns
    bind fd@late_returns
    compression algo gzip
    http-response return status 200 content-type text/plain string "abcabcabcabcabcabcabcabcabcabcabcabcabc"
    default_backend plain
frontend after
    bind fd@after
    compression algo gzip
    http-after-response set-header X-Seen "%[res.hdr(content-encoding)],%[res.hdr(content-length)],%[res.hdr(vary)]"
    http-response set-header X-Comp "%[res.comp],%[res.comp_algo]"
    default_backend plain
backend rule_be
    http-request set-header Accept-Encoding gzip
    server s1 {origin}
backend rule_comp_be
    compression algo gzip
    http-request set-header Accept-Encoding gzip
    server s1 {origin}
backend offload_be
    compression offload
    server s1 {origin}
backend algo_be
    compression algo gzip
    server s1 {origin}
backend type_be
    compression type text/html
    server s1 {origin}
backend plain
    server s1 {origin}
backend packing
    compression algo gzip
    compression type text/plain
    server s1 {origin}
"""

TEXT = b"".join(b"line %d of a text that repeats itself\n" % i for i in range(300))
GZIP = "Accept-Encoding: gzip\r\n"
PLAIN = ("Content-Type: text/plain",)


def chunked(body: bytes, size: int = 1000, trailer: str = "") -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + f"0\r\n{trailer}\r\n".encode()


def in_chunks(body: bytes, *headers: str, trailer: str = "", status: str = "200 OK") -> bytes:
    return reply(b"", status, (*headers, "Transfer-Encoding: chunked"), length=False) + chunked(body, trailer=trailer)


@dataclass(frozen=True)
class Case:
    """One request to the frontend `to` with these header lines, and the origin's answer. close: the origin closes after it."""

    id: str
    headers: str = GZIP
    answer: bytes = field(default_factory=lambda: reply(TEXT, headers=PLAIN))
    to: str = "gzip"
    method: str = "GET"
    version: str = "1.1"
    close: bool = False


def answer(*headers: str, status: str = "200 OK", body: bytes = TEXT) -> bytes:
    return reply(body, status, headers)


ACCEPTED = [
    "gzip", "GZIP", "gzip;q=0", "gzip;q=0.0", "gzip;q=0.000", "gzip;q=0.001", "gzip; q=0.5", "gzip ;q=1", "gzip;q=1.1",
    "gzip;q=x", "gzip;q=", "gzip;x=0", "gzip;x=1;q=0", "gzip;q=0.5;x=1", "deflate", "deflate, gzip", "gzip, deflate",
    "gzip;q=0.5, deflate;q=0.8", "gzip;q=0.8, deflate;q=0.5", "*", "*;q=0", "*;q=0.5, gzip;q=0", "gzip;q=0, *", "identity",
    "identity;q=0, gzip;q=0.2", "br, gzip", "", ",", ",gzip,", "gzip,gzip;q=0", "x-gzip", "gzipx", "gzi", "identity, gzip",
    "identity;q=1, gzip;q=0.5", "gzip;Q=0", "gzip;q=0;q=1", "deflate;q=0, gzip;q=0", 'gzip\t;\tq=0', "gzip;q =0", "gzip;q= 0",
    "*, gzip;q=0.1", "*;q=0.1, gzip;q=0.5",
]  # fmt: skip
QUALITIES = [
    "x", "", "1.1", "2", ".6", "00", "0.", "0.5555", "0.55x", "0.x", "1", "1.000", "0.4", "-1", "01", '"1"', "0,5", "0.501", "1x",
]  # fmt: skip
TYPES = [
    "text/plain", "text/plain; charset=utf-8", "text/plain;charset=utf-8", "TEXT/PLAIN", "text/plainx", "text/html", "text/css",
    "text/plain ; x", "text", "", "text/htmlx", "multipart/mixed; boundary=x", "multipart", "Multipart/x", "application/json",
    "text/pl", "text/html, text/plain", "text/css, text/plain",
]  # fmt: skip
TAGS = [
    '"a"', 'W/"a"', "a", '"a', 'w/"a"', '""', 'W/""', "", '"a"b"', "W/a", '"', "W/", 'W/"', '"a" ',
]  # fmt: skip
CONTROLS = [
    "no-transform", "No-Transform", "max-age=1, no-transform", "no-transformx", "no-transform=1", "private", 'x="no-transform"',
]  # fmt: skip
STATUSES = [
    "200 OK", "201 Created", "202 Accepted", "203 Other", "205 Reset", "206 Partial", "300 Many", "404 Not Found", "500 Error",
]  # fmt: skip
AGENTS = [
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)", "Mozilla/4.0 (compatible; MSIE 8.0)", "Mozilla/4.76 [en]",
    "Mozilla/4", "Mozilla/5.0", "Mozilla/4.0 (compatible; MSIE 5.5; SV1)", "xMozilla/4.0", "mozilla/4.0", "Mozilla/4.0 MSIE 6",
    "Mozilla/4.0 (compatible; MSIE 10.0)", "Mozilla/4.0 (compatible; MSIE 6.0; SV2)", "Mozilla/4.0 (compatible; MSIE 7.0",
    "Mozilla/4.0 (compatible; MSIE)", "Mozilla/4.0 (compatible;  MSIE 7.0)", "Mozilla/4.0 (compatible; MSIE A.0)",
    "Mozilla/4.0 (compatible; MSIE 6.0;  Windows NT 5.1; SV1)", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV12)",
    "Mozilla/4.01 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", "Mozilla/4.0 (compatible; MSIE 7",
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV", "Mozilla/4.0 (Compatible; msie 7.0)",
    "Mozilla/40 (xompatiblex MSIE 7", "Mozilla/4.0 (compatible; MSIE ",
]  # fmt: skip

HTML = answer("Content-Type: text/html")
TE_FIRST = reply(b"", "200 OK", ("Transfer-Encoding: chunked", *PLAIN, "X: 1"), length=False) + chunked(TEXT)
CL_FIRST = reply(TEXT, "200 OK", (f"Content-Length: {len(TEXT)}", *PLAIN, "X: 1"), length=False)

CASES = [
    *(Case(f"accept {to} {value!r}", f"Accept-Encoding: {value}\r\n", to=to) for to in ("gzip", "deflate") for value in ACCEPTED),
    *(Case(f"type {to} {value!r}", answer=answer(f"Content-Type: {value}"), to=to) for to in ("gzip", "any") for value in TYPES),
    *(Case(f"etag {value!r}", answer=answer(*PLAIN, f"ETag: {value}")) for value in TAGS),
    *(Case(f"cache-control {value}", answer=answer(*PLAIN, f"Cache-Control: {value}")) for value in CONTROLS),
    *(Case(f"status {value}", answer=answer(*PLAIN, status=value)) for value in STATUSES),
    *(Case(f"user-agent {value}", GZIP + f"User-Agent: {value}\r\n") for value in AGENTS),
    *(Case(f"algorithm {to} {value}", f"Accept-Encoding: {value}\r\n" if value else "", to=to)
      for to in ("raw", "identity", "several", "noalgo", "inner", "both", "outer_offload", "offload", "early", "late",
                 "identity_offload")
      for value in ("gzip", "deflate", "gzip, deflate", "br", "", "identity", "*", "identity;q=0", "gzip;q=0.5, identity")),
    Case("no content-type where types are named", answer=answer()),
    Case("no content-type where none are named", answer=answer(), to="any"),
    Case("two content-types", answer=answer("Content-Type: text/css", *PLAIN)),
    Case("two content-types, first matches", answer=answer(*PLAIN, "Content-Type: text/css")),
    Case("two accept-encodings", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n"),
    Case("two accept-encodings, offload", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", to="offload"),
    Case("two etags", answer=answer(*PLAIN, 'ETag: "a"', 'ETag: "b"')),
    Case("weak and strong etag", answer=answer(*PLAIN, 'ETag: W/"a"', 'ETag: "b"')),
    Case("second cache-control", answer=answer(*PLAIN, "Cache-Control: private", "Cache-Control: no-transform")),
    Case("content-encoding", answer=answer(*PLAIN, "Content-Encoding: br")),
    Case("content-encoding identity", answer=answer(*PLAIN, "Content-Encoding: identity")),
    Case("empty content-encoding", answer=answer(*PLAIN, "Content-Encoding:")),
    Case("content-encoding deleted by a rule", answer=answer(*PLAIN, "Content-Encoding: br"), to="ruled"),
    Case("no-transform set by a rule", answer=answer(*PLAIN, "X-Hold: 1"), to="ruled"),
    Case("vary", answer=answer(*PLAIN, "Vary: Cookie")),
    Case("vary accept-encoding", answer=answer(*PLAIN, "Vary: accept-encoding")),
    Case("vary star", answer=answer(*PLAIN, "Vary: *")),
    Case("two varies", answer=answer(*PLAIN, "Vary: Cookie", "Vary: Accept")),
    Case("content-range", answer=answer(*PLAIN, "Content-Range: bytes 0-9/100")),
    Case("accept-ranges", answer=answer(*PLAIN, "Accept-Ranges: bytes")),
    Case("digest", answer=answer(*PLAIN, "Content-MD5: abc", "Digest: x=y")),
    Case("other headers keep their order", answer=answer("A: 1", *PLAIN, "B: 2", 'ETag: "x"', "C: 3")),
    Case("empty body", answer=answer(*PLAIN, body=b"")),
    Case("one byte", answer=answer(*PLAIN, body=b"x")),
    Case("random bytes", answer=answer(*PLAIN, body=os.urandom(50000))),
    Case("large body", answer=answer(*PLAIN, body=TEXT * 100)),
    Case("chunked", answer=in_chunks(TEXT, *PLAIN)),
    Case("chunked, empty", answer=in_chunks(b"", *PLAIN)),
    Case("chunked, large", answer=in_chunks(TEXT * 50, *PLAIN)),
    Case("chunked, etag", answer=in_chunks(TEXT, *PLAIN, 'ETag: "x"')),
    Case("chunked, trailers", answer=in_chunks(TEXT, *PLAIN, trailer="X-Sum: 5\r\n")),
    Case("chunked, not compressed", answer=in_chunks(TEXT, "Content-Type: a/b")),
    Case("until close", answer=reply(TEXT, headers=PLAIN, length=False), close=True),
    Case("until close with connection close", answer=reply(TEXT, headers=(*PLAIN, "Connection: close"), length=False),
         close=True),
    Case("length and connection close", answer=answer(*PLAIN, "Connection: close"), close=True),
    Case("HTTP/1.0 answer", answer=answer(*PLAIN).replace(b"HTTP/1.1", b"HTTP/1.0"), close=True),
    Case("HTTP/1.0 request", version="1.0"),
    Case("HTTP/1.0 request, kept", GZIP + "Connection: keep-alive\r\n", version="1.0"),
    Case("HTTP/1.0 request, chunked answer", version="1.0", answer=in_chunks(TEXT, *PLAIN)),
    Case("HEAD", method="HEAD", answer=reply(b"", headers=(*PLAIN, "Content-Length: 100"), length=False)),
    Case("HEAD, chunked", method="HEAD", answer=reply(b"", headers=(*PLAIN, "Transfer-Encoding: chunked"), length=False)),
    Case("HEAD, etag", method="HEAD", answer=reply(b"", headers=(*PLAIN, "Content-Length: 100", 'ETag: "a"'), length=False)),
    Case("POST", method="POST"),
    Case("OPTIONS", method="OPTIONS"),
    Case("204", answer=reply(b"", "204 No Content", PLAIN, length=False)),
    Case("304", answer=reply(b"", "304 Not Modified", (*PLAIN, 'ETag: "a"'), length=False)),
    Case("range asked, whole given", GZIP + "Range: bytes=0-10\r\n"),
    Case("connection close asked", GZIP + "Connection: close\r\n"),
    Case("option httpclose", to="closing"),
    Case("interim answer first", answer=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(*PLAIN)),
    Case("header set by the backend's rule, frontend compresses", "", to="to_rule_be"),
    Case("header set by the backend's rule, backend compresses", "", to="plain_rule_be"),
    Case("offload in the backend", to="offload_in_be"),
    Case("types of the frontend, algorithm of the backend", to="algo_in_be"),
    Case("types of the frontend, algorithm of the backend, other type", to="algo_in_be", answer=HTML),
    Case("types of the backend, algorithm of the frontend", to="type_in_be"),
    Case("types of the backend, algorithm of the frontend, other type", to="type_in_be", answer=HTML),
    Case("identity, etag", to="identity", answer=answer(*PLAIN, 'ETag: "a"')),
    Case("identity, trailers", to="identity", answer=in_chunks(TEXT, *PLAIN, trailer="X-Sum: 5\r\n")),
    Case("identity, empty", to="identity", answer=answer(*PLAIN, body=b"")),
    Case("two user-agents", GZIP + "User-Agent: curl\r\nUser-Agent: Mozilla/4.7\r\n"),
    Case("two user-agents, the first is old", GZIP + "User-Agent: Mozilla/4.7\r\nUser-Agent: curl\r\n"),
    Case("type changed by a rule", to="changes"),
    Case("etag changed by a rule", to="changes", answer=answer(*PLAIN, 'ETag: "a"')),
    Case("answer of a request's rule", to="after", headers=GZIP),
    Case("answer of a request's rule, a returned page", to="late_returns"),
    Case("offload, HTTP/1.0 request", to="offload", version="1.0"),
    Case("transfer-encoding first", answer=TE_FIRST),
    Case("content-length first", answer=CL_FIRST),
    *(Case(f"quality {value}", f"Accept-Encoding: gzip;q=0.5, deflate;q={value}\r\n", to="deflate") for value in QUALITIES),
    Case("TE: trailers", GZIP + "TE: trailers\r\n", answer=in_chunks(TEXT, *PLAIN)),
]  # fmt: skip


class Bench:
    """One program with an origin that answers with the current case's bytes."""

    def __init__(self, program: str) -> None:
        self.case = CASES[0]
        self.origin = Origin(self._serve)
        self.proxy = Proxy(program, CONFIG.replace("{origin}", str(self.origin)))

    def _serve(self, conn: object) -> None:
        by_request(lambda _: self.case.answer)(conn)  # type: ignore[arg-type]

    def run(self, case: Case) -> tuple[list[str], bytes, list[str]]:
        self.case = case
        self.origin.forget()
        client = self.proxy.client(case.to)
        if case.close:
            self.origin.script = self._serve_once
        try:
            got = client.request("/x", case.method, case.headers, version=case.version)
        finally:
            client.close()
            self.origin.script = self._serve
        self.origin.wait_closed() if case.close else None
        return shown(got), decoded(got), [f"{name}: {value}" for name, value in self.origin.requests[-1].headers]

    def _serve_once(self, conn: object) -> None:
        conn.read_request()  # type: ignore[attr-defined]
        conn.send(self.case.answer)  # type: ignore[attr-defined]

    def close(self) -> None:
        try:
            self.proxy.finish()
        finally:
            self.origin.close()


def shown(got: Message) -> list[str]:
    trailers = [f"trailer {name.lower()}: {value}" for name, value in got.trailers]
    interim = [f"interim {one.start}" for one in got.interim]
    return [*interim, got.start, *(f"{name}: {value}" for name, value in got.headers), f"framing {got.framing}", *trailers]


def decoded(got: Message) -> bytes:
    """The body without its coding, whichever of the two forms "deflate" has."""
    coding = got.get("content-encoding")
    if coding not in ("gzip", "deflate") or not got.body:
        return got.body
    has_zlib_head = got.body[0] & 15 == 8 and int.from_bytes(got.body[:2], "big") % 31 == 0
    kind = "gzip" if coding == "gzip" else "zlib" if has_zlib_head else "raw"
    reader = zlib.decompressobj({"gzip": 31, "zlib": 15, "raw": -15}[kind])
    body = reader.decompress(got.body)
    assert reader.eof and not reader.unused_data
    return kind.encode() + b" " + body


@pytest.fixture(scope="module")
def benches() -> Iterator[tuple[Bench, Bench]]:
    found = []
    try:
        for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
            found.append(Bench(program))
        yield found[0], found[1]
    finally:
        for bench in found:
            bench.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_compression_is_that_of_haproxy(benches: tuple[Bench, Bench], case: Case) -> None:
    expected, seen = (bench.run(case) for bench in benches)
    assert seen[0] == expected[0]
    assert seen[1] == expected[1]
    assert seen[2] == expected[2]


def test_logged_bytes_are_those_before_compression() -> None:
    config = lab.CONFIG.replace(
        "frontend fe\n",
        "frontend fe\n    compression algo gzip raw-deflate identity\n"
        "    http-response set-header X-Comp %[res.comp],%[res.comp_algo]\n",
    )
    found = []
    for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb")):
        one = lab.Lab(program, config)
        try:
            found.append([_logged(one, coding, data) for coding in ("gzip", "deflate", "br") for data in LOGGED])
        finally:
            one.close()
    assert found[1] == found[0]


LOGGED = (
    answer(*PLAIN, 'ETag: "a"'),
    in_chunks(TEXT * 20, *PLAIN, trailer="X-Sum: 5\r\n"),
    answer(*PLAIN, status="404 Not Found"),
)


def _logged(one: lab.Lab, coding: str, data: bytes) -> tuple[list[str], list[str]]:
    send = f"GET /x HTTP/1.1\r\nHost: a.test\r\nAccept-Encoding: {coding}\r\n\r\n".encode()
    outcome = one.run(lab.Case("x", send, data))
    header = [word for text in outcome.client for word in text.split("[") if word.startswith("x-comp")]
    return outcome.log, header
