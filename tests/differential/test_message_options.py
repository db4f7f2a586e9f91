"""Options that relax what a message may be, or change what connections are told: what haproxy does, but for smuggling."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from support.origin import Origin, OriginConnection
from support.programs import both_programs
from support.proxy import Proxy
from support.syslog import Syslog

CONFIG = """
global
    log {log} local0
    h1-accept-payload-with-any-method
userlist users
    user a insecure-password b
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    timeout http-request 300ms
    http-reuse never
frontend strict
    bind fd@strict
    default_backend be
frontend lax
    bind fd@lax
    option accept-invalid-http-request
    default_backend be
frontend answers
    bind fd@answers
    default_backend lax_answers
frontend probes
    bind fd@probes
    option http-ignore-probes
    default_backend be
frontend proxied
    bind fd@proxied
    option http-use-proxy-header
    http-request auth realm R unless {{ http_auth(users) }}
    default_backend be
frontend pretends
    bind fd@pretends
    option httpclose
    default_backend pretend
frontend cached
    bind fd@cached
    default_backend cache
backend be
    server s1 {origin}
backend lax_answers
    option accept-invalid-http-response
    server s1 {origin}
backend pretend
    option http-pretend-keepalive
    server s1 {origin}
backend cache
    option checkcache
    server s1 {origin}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST = b"Host: a.test\r\n"


class Site:
    """One program with an origin that answers with what the request's header X-Answer says, and keeps the heads as they came."""

    def __init__(self, program: str) -> None:
        self.log = Syslog()
        self.heads: list[bytes] = []
        self.origin = Origin(self.answer)
        self.proxy = Proxy(program, CONFIG.format(log=self.log, origin=self.origin))

    def answer(self, conn: OriginConnection) -> None:
        while b"\r\n\r\n" not in conn.received:
            if not conn.fill():
                return
        head = bytes(conn.received).partition(b"\r\n\r\n")[0]
        self.heads.append(head)
        _, found, rest = head.partition(b"x-answer: ")
        conn.send(base64.b64decode(rest.split(b"\r\n")[0]) if found else OK)

    def ask(self, name: str, send: bytes, half_close: bool = False) -> bytes:
        """What the client gets until the proxy closes."""
        client = self.proxy.client(name)
        client.send(send)
        if half_close:
            client.half_close()
        got = client.read_to_end()
        client.close()
        return got

    def close(self) -> None:
        self.proxy.finish()
        self.origin.close()
        self.log.close()


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


def outcomes(pair: tuple[Site, Site], name: str, send: bytes, half_close: bool = False) -> list[tuple[bytes, list[bytes]]]:
    """Of both programs: the head that the client got, and those that the origin did."""
    found = []
    for site in pair:
        site.heads.clear()
        got = site.ask(name, send, half_close)
        found.append((got.partition(b"\r\n\r\n")[0], list(site.heads)))
    return found


def get(line: bytes = b"GET / HTTP/1.1\r\n", headers: bytes = b"", host: bytes = HOST) -> bytes:
    return line + host + headers + b"Connection: close\r\n\r\n"


ACCEPTED = {
    "target-8bit": get(b"GET /\xc3\xa9\xff HTTP/1.1\r\n"),
    "target-fragment": get(b"GET /a#b HTTP/1.1\r\n"),
    "target-no-slash": get(b"GET a HTTP/1.1\r\n"),
    "target-odd": get(b'GET /"<>\\^`{|} HTTP/1.1\r\n'),
    "name-paren": get(headers=b"X(Y: 1\r\n"),
    "name-quote": get(headers=b'"x": 1\r\n'),
    "name-8bit": get(headers=b"X\xc3\xa9: 1\r\n"),
    "name-slash": get(headers=b"a/b@c[]{}=?;,: 1\r\n"),
    "folded": get(headers=b"X(: a\r\n b\r\n\tc\r\nY: d\r\n"),
    "bare-lf": b"GET / HTTP/1.1\nHost: a.test\nX(: 1\nConnection: close\n\n",
    "http09": b"GET /\r\n",
    "rtsp-1.0": get(b"GET / RTSP/1.0\r\n"),
    "rtsp-1.1": get(b"GET / RTSP/1.1\r\n"),
    "http-1.2": get(b"GET / HTTP/1.2\r\n"),
    "http-0.9": get(b"GET / HTTP/0.9\r\n"),
    "host-mismatch": get(b"GET http://b.test/ HTTP/1.1\r\n"),
    "host-none": get(host=b""),
    "host-twice": get(headers=HOST),
    "host-bad": get(host=b"Host: a b\r\n"),
}
# haproxy: takes some of these; another recipient could see other headers or another length in them.
REFUSED = {
    "name-space": get(headers=b"X Y: 1\r\n"),
    "name-space-end": get(headers=b"Content-Length : 5\r\n"),
    "name-tab-end": get(headers=b"Transfer-Encoding\t: chunked\r\n"),
    "name-control": get(headers=b"X\x01: 1\r\n"),
    "name-nul": get(headers=b"X\0: 1\r\n"),
    "name-cr": get(headers=b"X\rY: 1\r\n"),
    "name-empty": get(headers=b": 1\r\n"),
    "no-colon": get(headers=b"novalue\r\n"),
    "first-folded": b"GET / HTTP/1.1\r\n Host: a.test\r\n\r\n",
    "value-nul": get(headers=b"X: a\0b\r\n"),
    "value-cr": get(headers=b"X: a\rb\r\n"),
    "target-control": get(b"GET /a\x01 HTTP/1.1\r\n"),
    "target-space": get(b"GET /a b HTTP/1.1\r\n"),
    "version-lower": get(b"GET / http/1.1\r\n"),
    "version-tail": get(b"GET / HTTP/1.1x\r\n"),
    "host-two": get(headers=b"Host: b.test\r\n"),
    "chunked-1.0": get(b"POST / RTSP/1.0\r\n", b"Transfer-Encoding: chunked\r\n"),
    "length-two": get(headers=b"Content-Length: 1\r\nContent-Length: 2\r\n"),
}


@pytest.mark.parametrize("row", ACCEPTED)
def test_lax_request_passes_as_with_haproxy(pair, row):
    expected, seen = outcomes(pair, "lax", ACCEPTED[row])
    assert seen == expected
    assert seen[1], "the server has seen it"


@pytest.mark.parametrize("row", REFUSED)
def test_what_could_be_smuggled_is_refused_with_the_option_too(pair, row):
    for name in ("lax", "strict"):
        _, (head, heads) = outcomes(pair, name, REFUSED[row])
        assert (head[:12], heads) == (b"HTTP/1.1 400", [])


@pytest.mark.parametrize("version", [b"HTTP/1.10", b"HTTP/1.", b"RTSP/11.1"])
def test_version_of_another_length_is_sent_as_what_it_is_taken_for(pair, version):
    """haproxy: sends it as it came, though it treats it as HTTP/1.0."""
    _, (head, heads) = outcomes(pair, "lax", get(b"GET / " + version + b"\r\n"))
    assert head.startswith(b"HTTP/1.1 200") and heads[0].split(b"\r\n")[0] == b"GET / HTTP/1.0"


def test_head_that_comes_in_pieces(pair):
    for site in pair:
        site.heads.clear()
        client = site.proxy.client("lax")
        for byte in get(headers=b"X(Y: a\r\n b\r\n"):
            client.send(bytes([byte]))
        assert client.read_to_end().startswith(b"HTTP/1.1 200")
        client.close()
    assert pair[0].heads == pair[1].heads


ANSWERS = {
    "name-paren": b"HTTP/1.1 200 OK\r\nX(Y: 1\r\nContent-Length: 2\r\n\r\nok",
    "name-8bit": b"HTTP/1.1 200 OK\r\nX\xc3\xa9: 1\r\nContent-Length: 2\r\n\r\nok",
    "http-2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "http-0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "rtsp-1.0": b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no-reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
}
BAD_ANSWERS = {
    "name-space": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "name-control": b"HTTP/1.1 200 OK\r\nX\x01: 1\r\nContent-Length: 2\r\n\r\nok",
    "first-folded": b"HTTP/1.1 200 OK\r\n X: 1\r\nContent-Length: 2\r\n\r\nok",
    "no-status": b"HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok",
    "length-two": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
}


def with_answer(raw: bytes, line: bytes = b"GET / HTTP/1.1\r\n") -> bytes:
    return get(line, b"X-Answer: " + base64.b64encode(raw) + b"\r\n")


@pytest.mark.parametrize("row", ANSWERS)
def test_lax_answer_passes_as_with_haproxy(pair, row):
    expected, seen = (found[0] for found in outcomes(pair, "answers", with_answer(ANSWERS[row])))
    assert seen == expected


@pytest.mark.parametrize("row", BAD_ANSWERS)
def test_bad_answer_stays_a_502(pair, row):
    assert outcomes(pair, "answers", with_answer(BAD_ANSWERS[row]))[1][0].startswith(b"HTTP/1.1 502")


@pytest.mark.parametrize("version", [b"ICY", b"HTTP/1.10", b"HTTP/1"])
def test_answer_with_a_version_of_another_length(pair, version):
    """haproxy: passes it on as it came; here the client gets what it is taken for."""
    raw = version + b" 200 Fine\r\nContent-Length: 2\r\n\r\nok"
    assert outcomes(pair, "answers", with_answer(raw))[1][0].startswith(b"HTTP/1.0 200 Fine\r\ncontent-length: 2")


@pytest.mark.parametrize("method", [b"GET", b"DELETE"])
def test_payload_of_http10_with_any_method(pair, method):
    send = method + b" / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello"
    expected, seen = outcomes(pair, "strict", send)
    assert seen == expected and seen[0].startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(("send", "half_close"), [(b"", False), (b"", True), (b"GET", False), (b"GET", True)])
def test_probes(pair, send, half_close):
    expected, seen = (found[0] for found in outcomes(pair, "probes", send, half_close))
    assert seen == expected
    assert bool(seen) == bool(send)


def test_probes_are_not_logged(pair):
    for site in pair:
        before = len(site.log.lines)
        site.ask("probes", b"")
        site.ask("probes", get())
        site.log.wait('"GET / HTTP/1.1"', "probes", count=1)
        assert not any("BADREQ" in line for line in site.log.lines[before:])


@pytest.mark.parametrize("target", [b"/x", b"http://a.test/", b"*"])
@pytest.mark.parametrize("header", [b"", b"Authorization: Basic YTpi\r\n", b"Proxy-Authorization: Basic YTpi\r\n"])
def test_login_of_a_proxy(pair, target, header):
    method = b"OPTIONS " if target == b"*" else b"GET "
    expected, seen = (found[0].lower() for found in outcomes(pair, "proxied", get(method + target + b" HTTP/1.1\r\n", header)))
    assert seen.split(b"\r\n")[0] == expected.split(b"\r\n")[0]
    for name in (b"www-authenticate", b"proxy-authenticate"):
        assert (name in seen) == (name in expected)


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n"])
def test_server_is_told_that_its_connection_is_kept(pair, line):
    expected, seen = outcomes(pair, "pretends", get(line))
    assert seen == expected


# Method, status, headers, and whether the manual calls the cookie cacheable. haproxy: 2.6.12 lets all of them pass.
CACHED = {
    "plain": (b"GET", 200, b"", True),
    "post": (b"POST", 200, b"", False),
    "post-public": (b"POST", 200, b"Cache-Control: public\r\n", True),
    "options": (b"OPTIONS", 200, b"", True),
    "302": (b"GET", 302, b"", False),
    "302-public": (b"GET", 302, b"Cache-Control: public\r\n", True),
    "404": (b"GET", 404, b"", True),
    "500": (b"GET", 500, b"", False),
    "pragma": (b"GET", 200, b"Pragma: no-cache\r\n", False),
    "private": (b"GET", 200, b"Cache-Control: max-age=10, Private\r\n", False),
    "no-store": (b"GET", 200, b"Cache-Control: no-store\r\n", False),
    "no-cache": (b"GET", 200, b"Cache-Control: no-cache\r\n", False),
    "max-age-0": (b"GET", 200, b"Cache-Control: max-age=0\r\n", False),
    "s-maxage-0": (b"GET", 200, b"Cache-Control: s-maxage=0\r\n", False),
    "max-age-1": (b"GET", 200, b"Cache-Control: max-age=01\r\n", True),
    "no-cache-cookie": (b"GET", 200, b'Cache-Control: no-cache="set-cookie"\r\n', False),
    "no-cache-cookies": (b"GET", 200, b'Cache-Control: no-cache="set-cookie, x"\r\n', False),
    "no-cache-other": (b"GET", 200, b'Cache-Control: no-cache="x"\r\n', True),
    "public-private": (b"GET", 200, b"Cache-Control: public, private\r\n", False),
}


@pytest.mark.parametrize("cookie", [b"", b"Set-Cookie: a=b\r\n"])
@pytest.mark.parametrize("row", CACHED)
def test_cacheable_cookie_is_blocked(pair, row, cookie):
    method, status, headers, is_cacheable = CACHED[row]
    raw = b"HTTP/1.1 %d X\r\n%b%bContent-Length: 0\r\n\r\n" % (status, cookie, headers)
    got = pair[1].ask("cached", with_answer(raw, method + b" / HTTP/1.1\r\n"))
    assert got[:12] == b"HTTP/1.1 %d" % (502 if cookie and is_cacheable else status)


def test_blocked_cookie_is_logged_and_counted(pair):
    site = pair[1]
    before = site.proxy.stat()
    raw = b"HTTP/1.1 200 X\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    assert site.ask("cached", with_answer(raw)).startswith(b"HTTP/1.1 502")
    assert " PH-- " in site.log.wait(" 502 ", "cached cache/s1")[-1]
    assert site.log.wait("Blocking cacheable cookie in response from instance cache, server s1.")
    after = site.proxy.stat()
    for row in (("cached", "FRONTEND"), ("cache", "s1"), ("cache", "BACKEND")):
        assert int(after[row]["dresp"]) == int(before[row]["dresp"]) + 1
