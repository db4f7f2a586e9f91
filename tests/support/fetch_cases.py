"""Inputs for sample fetches: groups of messages and the expressions that are tried on every one of them.

Knows bytes and expressions. Must not know which program evaluates them, nor what comes out: haproxy says that.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

USERS = (("bob", "secret", True), ("amy", "$5$saltsalt$RbPzYqnFT1LNCcOWtdAiXhbOU3.DdAOHpZjHOJoFo69", False))


def head(*lines: str, start: str = "GET /p/a?x=1 HTTP/1.1", host: str = "h") -> bytes:
    return "\r\n".join([start, f"Host: {host}", *lines, "", ""]).encode()


def _basic(pair: str) -> str:
    return "Authorization: Basic " + base64.b64encode(pair.encode()).decode()


def _post(length: int, body: str) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{body}".encode()


@dataclass(frozen=True, slots=True)
class Group:
    """Every expression is evaluated on every input."""

    inputs: tuple[bytes, ...]
    expressions: tuple[str, ...]


_HEADER_VALUES = (
    "a, b ,c", '"a,b",c\\,d, "e\\",f",g', "", ",,a,,", ",", "12abc, -5,+7, 0x10 ,99999999999999999999", "-5", "+7",
    "5000000000",
    "1.2.3.4:80, [::1]:80", "[::1], 1.2.3.4:", "::1, 1.2.3.4:99999", "1.2.3.4x", "::1:80", "[::1", "[1.2.3.4]", "1.2.3",
    "01.2.3.4", "1.2.3.0004", "1..2.3", "1.2.3.4:0", "1.2.3.4:65535", "1.2.3.4:x", "256.1.1.1", "::ffff:1.2.3.4", '"1.2.3.4"',
    'a, "open, b', "a\tb", "x" * 100,
)  # fmt: skip
HEADERS = Group(
    (
        head(),
        *(head(f"X: {value}") for value in _HEADER_VALUES),
        head("X: a, b", "X: c", "Y: d", "x: e,f"),
        head(*(f"X: {n}" for n in range(12))),
    ),
    (
        *(f"req.{kind}(x{occ})" for kind in ("hdr", "fhdr", "hdr_val", "hdr_ip")
          for occ in ("", ",1", ",2", ",3", ",-1", ",-2", ",-3", ",-10", ",0")),
        "req.hdr_cnt(x)", "req.fhdr_cnt(x)", "req.hdr", "req.hdr(,1)", "req.hdr(,-1)", "req.hdr_cnt", "req.fhdr_cnt",
        "req.hdr_names",
        "req.hdr_names(;)", "req.hdrs", "req.hdrs_bin", "hdr(X)", "hdr_cnt(X)", "hdr_val(X)", "hdr_ip(X)", "req.hdr(nope)",
    ),
)  # fmt: skip

TARGETS = Group(
    (
        *(
            head(start=f"{line} HTTP/1.1", host=host)
            for line, host in (
                ("GET /", "h"), ("GET /a/b?c=d?e", "Ho.St:80"), ("GET /a?", "h"), ("OPTIONS *", "h"),
                ("GET http://1.2.3.4:81/x?y", "1.2.3.4:81"), ("GET http://h", "h"), ("GET http://[::1]:8080/", "[::1]:8080"),
                ("GET https://1.2.3.4/", "1.2.3.4"), ("FOO /x", "h"), ("PATCH /x", "a"), ("GET //a//b", "h"),
                ("GET http://localhost:81/x?y", "localhost:81"), ("GET http://h/p/a=1?a=2", "h"), ("GET /a%20b;x=1", "h"),
                ("DELETE /b?c#d".replace("#", "%23"), "h"), ("PUT /\x7e", "h"), ("TRACE /", "h"), ("POST /", "h"),
            )
        ),
        b"GET /x?y HTTP/1.0\r\n\r\n", b"GET http://1.2.3.4:81/ HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.0\r\n\r\n",
        *(head(start=f"GET {target} HTTP/1.1") for target in (
            "/?", "/?a", "/?a=", "/?a=1&b=2", "/?b=2;a=3", "/?a=1&a=2", "/?aa=1&a=2", "/;a=1;b=2?a=9&c", "/?=5&a=7",
            "/?&&a=12x&",
            "/?c=a=1", "/?a=1?b=2", "/?a=-5", "/?a=+5", "/?c&a=1", "/?c=&a=1", "/x?A=1", "/p/a=4/b=5?a=6", "/?a=0x10",
            "/?a=99999999999999999999", "/?x%25a=1",
        )),
    ),
    (
        "base", "baseq", "base32", "url32", "path", "pathq", "query", "url", "url_ip", "url_port", "method", "req.ver",
        "req_ver",
        "http_first_req", "capture.req.method", "capture.req.uri", "capture.req.ver", "urlp(a)", "urlp(b)", "urlp",
        "urlp_val(a)",
        "urlp(a,;)", "urlp(a,ab)", "urlp(,;)", "urlp(c)", "url_param(a)", "urlp(a,%)", "urlp(a,/)", "urlp(b,;)",
    ),
)  # fmt: skip

COOKIES = Group(
    (
        *(
            head(f"Cookie: {value}")
            for value in (
                "a=1", "a=1; b=2; a=3", "  a = 1 ;b =2;", "a", "a=", "=5; a=1", 'a="x;y"; b=2', "a=1, b=2; c=3",
                ";;a=1;;", "A=1; a=2",
                "a=1;b", 'a ="1" ; b=', "a=12x", "aa=1; a=2", "a=b=c", "a=1;c", "a=x y ; b=2", "$Version=1; a=1",
                'a="q\\"r;s"; b=2', "a=1 ;\t b=2", "a=1;b=", "a=1; b=", "x=1,b=", "a= ; b=1", "",
            )
        ),
        head("Cookie: a=1; b=2", "Cookie: a=3"), head("Cookie: b=1; b=2", "Cookie: c=3"), head(),
    ),
    (
        "req.cook(a)", "req.cook", "req.cook_cnt(a)", "req.cook_cnt", "req.cook_val(a)", "cookie(a)", "cook(b)", "req.cook(c)",
        "cook_val(b)", "cook_cnt(b)",
    ),
)  # fmt: skip

LOGINS = Group(
    (
        head(), head(_basic("bob:secret")), head(_basic("bob:wrong")), head(_basic("bob:secret").replace("Basic", "basic")),
        head(_basic("bob:secret").replace("Basic ", "Basic  ")), head(_basic("bob")), head(_basic("a:b:c")), head(_basic(":x")),
        head(_basic("x:")), head(_basic("amy:geheim")), head(_basic("amy:other")), head(_basic("bob:secret").rstrip("=")),
        head(_basic("bob:secret") + "x"),
        *(head(f"Authorization: {value}") for value in (
            "Basic !!!", "Basic", "Bearer tok", "Bearer  tok", "bearer tok", "Bearer", "Digest x=y", "Bearer a b",
            "Bearer a, b", "",
        )),
        head("X: Bearer xx"), head("X: xx"), head("X: Foo xx"), head("X: Bearer"), head("X: bearer xx, Bearer yy"),
        head("Authorization: Bearer 1", "Authorization: Bearer 2"),
    ),
    (
        "http_auth(ul)", "http_auth_group(ul)", "http_auth_type", "http_auth_user", "http_auth_pass", "http_auth_bearer",
        "http_auth_bearer(X)", "http_auth_bearer(Authorization)",
    ),
)  # fmt: skip

BODIES = Group(
    (
        head(), _post(7, "a=1&b=2"), _post(0, ""), _post(6, "x&a;b="), _post(8, "a=1;b=2x"), _post(7, "?a=1&=5"),
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na=1&\r\n3\r\nb=2\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nA;x=y\r\na=12345678\r\n0\r\n\r\n",
    ),
    (
        "req.body", "req.body_len", "req.body_size", "req.body_param(a)", "req.body_param", "req.body_param(b)",
        "req.body_param(A)",
    ),
)  # fmt: skip
REQUESTS = (HEADERS, TARGETS, COOKIES, LOGINS, BODIES)


def _answer(*lines: str, start: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join([start, "content-length: 3", *lines, "", "abc"]).encode()


RESPONSES = Group(
    (
        _answer(), _answer("X: a, b", "X: c"), _answer("X: 7", start="HTTP/1.0 404 Not Found"), _answer("X: 1.2.3.4"),
        *(_answer(f"Set-Cookie: {value}") for value in (
            "a=1; path=/", "a=1; b=2", "a=x,y; b=2", "a=", "a", "$a=1", 'a="x;y"; z',
            " a = 5 ; Expires=Thu, 01 Jan 2030", "b=1",
        )),
        _answer("Set-Cookie: a=1", "Set-Cookie: a=2; b=3", "Set-Cookie: c=4"),
    ),
    (
        "res.hdr(x)", "res.hdr(x,1)", "res.fhdr(x)", "res.hdr_cnt(x)", "res.fhdr_cnt(x)", "res.hdr_val(x)",
        "res.hdr_ip(x)", "shdr(x)",
        "shdr_cnt(x)", "shdr_val(x)", "shdr_ip(x)", "hdr(x)", "res.hdr_names", "status", "res.ver", "resp_ver", "res.cook(a)",
        "res.cook", "res.cook_cnt", "res.cook_cnt(a)", "res.cook_val(a)", "scook(b)", "scook_cnt(a)", "scook_val(a)",
        "cookie(a)",
        "capture.res.ver", "res.hdr_cnt", "res.hdrs", "res.hdrs_bin",
    ),
)  # fmt: skip


def rdp_request(cookie: str) -> bytes:
    text = cookie.encode()
    length = 11 + len(text)
    return b"\x03\x00" + length.to_bytes(2, "big") + bytes([length - 5]) + b"\xe0\0\0\0\0\0" + text


def _extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def _list(content: bytes, width: int = 2) -> bytes:
    return len(content).to_bytes(width, "big") + content


def hello(*extensions: tuple[int, bytes], kind: int = 1, has_extensions: bool = True, version: bytes = b"\x03\x01") -> bytes:
    """A TLS record with a client hello (`kind` 1) of two cipher suites."""
    body = b"\x03\x03" + bytes(range(32)) + _list(b"s" * 8, 1) + _list(b"\x13\x01\xc0\x2f") + _list(b"\0", 1)
    if has_extensions:
        body += _list(b"".join(_extension(number, content) for number, content in extensions))
    message = bytes([kind]) + _list(body, 3)
    return b"\x16" + version + _list(message)


SNI = (0, _list(b"\0" + _list(b"www.example.com")))
ALPN = (16, _list(_list(b"h2", 1) + _list(b"http/1.1", 1)))
GROUPS = (10, _list(b"\0\x1d\0\x17"))
HELLO = hello(SNI, ALPN, GROUPS, (13, _list(b"\x04\x03\x08\x04")), (35, b""), (51, _list(b"\0\x1d" + _list(b"k" * 32))))
BYTES = Group(
    (
        HELLO, hello(SNI), hello(ALPN, (35, b"ticket")), hello(), hello(GROUPS), hello(has_extensions=False),
        hello(SNI, version=b"\x03\x03"),
        hello((0, b"")), hello((0, _list(b"\0" + _list(b"")))), hello((0, _list(b"\1" + _list(b"abc")))), HELLO[:60], HELLO[:3],
        hello(kind=2), b"\x16\x02\x00\x00\x10" + b"y" * 16,
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\x01\x00\x03abcdefghij", b"\x00\x05hello world", b"ab",
        rdp_request("Cookie: mstshash=bob\r\n"), rdp_request("Cookie: msts=1.2.3\r\nmore"), rdp_request("cookie: MSTS=x\r\n"),
        rdp_request("Cookie: nope\r\n"),
        rdp_request("Cookie: a=1"), b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003-cxDOTI00000004abcd",
    ),
    (
        "req.len", "req_len", "req.payload(0,3)", "req.payload(1,0)", "req.payload(0,9999)", "payload(2,2)",
        "req.payload_lv(0,2)",
        "req.payload_lv(0,1,0)", "req.payload_lv(0,1,+1)", "payload_lv(1,1,-1)", "req.rdp_cookie",
        "req.rdp_cookie(mstshash)", "rdp_cookie(msts)", "req.rdp_cookie_cnt", "rdp_cookie_cnt(msts)", "req.ssl_hello_type",
        "req_ssl_hello_type", "req.ssl_sni", "req_ssl_sni", "req.ssl_alpn", "req.ssl_ec_ext", "req.ssl_st_ext", "req.ssl_ver",
        "req_ssl_ver", "distcc_param(DIST)", "distcc_param(ARGV,2)", "distcc_body(ARGV,2)", "distcc_body(DOTI)",
        "distcc_param(DOTI)",
    ),
)  # fmt: skip
