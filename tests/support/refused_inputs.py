"""The rows of reference/REFUSED-INPUTS.md, HTTP/1 requests and answers of servers, as data.

Knows bytes and verdicts only: the unit tests of the parser and the differential tests against haproxy read the same rows.
It must not know how either of them sends the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

HOST = b"Host: a.test\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True)
class Row:
    """One input and what must become of it.

    status: 0 when the head and what there is of the body are passed on; else what a client is answered with (502 for answers).
    where: "head", "body" (the head is right, its body is not), "size" (the head fills a 16 KiB buffer without
    an end), "short" (the body is right so far and the peer closes) or "next" (what follows the message is wrong).
    haproxy: what 3.5 answers, as the reference has it; "=" where it is known to be what fastlb answers.
    """

    id: str
    raw: bytes
    status: int
    where: str = "head"
    haproxy: str = "="
    method: bytes = b"GET"


def post(headers: bytes, body: bytes = b"") -> bytes:
    """A POST with a Host line, these header lines and this body."""
    return b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


def get(headers: bytes = b"", line: bytes = b"GET / HTTP/1.1\r\n", host: bytes = HOST) -> bytes:
    """A GET with these header lines; its start line and Host line may be replaced."""
    return line + host + headers + b"\r\n"


def chunks(body: bytes, headers: bytes = b"") -> bytes:
    """A chunked POST with this raw body."""
    return post(CHUNKED + headers, body)


CL5 = b"Content-Length: 5\r\n"
END = b"0\r\n\r\n"
HELLO = b"5\r\nhello\r\n"

REQUESTS: list[Row] = [
    Row("cl-two-different", post(CL5 + b"Content-Length: 6\r\n", b"hello!"), 400),
    Row("cl-list-diff", post(b"Content-Length: 5, 6\r\n", b"hello!"), 400),
    Row("cl-list-same", post(b"Content-Length: 5, 5\r\n", b"hello"), 0),
    Row("cl-two-same", post(CL5 + CL5, b"hello"), 0),
    Row("cl-two-same-number", post(CL5 + b"Content-Length: 05\r\n", b"hello"), 0),
    Row("cl-negative", post(b"Content-Length: -1\r\n"), 400),
    Row("cl-plus", post(b"Content-Length: +5\r\n", b"hello"), 400),
    Row("cl-underscore", post(b"Content-Length: 1_0\r\n", b"helloworld"), 400),
    Row("cl-unicode-digit", post(b"Content-Length: \xd9\xa5\r\n", b"hello"), 400),
    Row("cl-overflow-64", post(b"Content-Length: 18446744073709551621\r\n", b"hello"), 400),
    Row("cl-huge", post(b"Content-Length: 9223372036854775808\r\n", b"hello"), 400, haproxy="400 part"),
    Row("cl-leading-zero", post(b"Content-Length: 0005\r\n", b"hello"), 0),
    Row("cl-dot", post(b"Content-Length: 5.0\r\n", b"hello"), 400),
    Row("cl-nul", post(b"Content-Length: 5\x00\r\n", b"hello"), 400),
    Row("cl-empty", post(b"Content-Length: \r\n", b"hello"), 400),
    Row("cl-empty-then-second", post(b"Content-Length: \r\n" + CL5, b"hello"), 400),
    Row("cl-inner-space", post(b"Content-Length: 5 5\r\n", b"hello"), 400),
    Row("te-cl", chunks(b"8\r\nSMUGGLED\r\n" + END, b"Content-Length: 3\r\n"), 0),
    Row("cl-te", post(b"Content-Length: 3\r\n" + CHUNKED, b"8\r\nSMUGGLED\r\n" + END), 0),
    Row("te-twice", post(CHUNKED + CHUNKED, END), 400),
    Row("te-chunked-chunked", post(b"Transfer-Encoding: chunked, chunked\r\n", END), 400),
    Row("te-identity", post(b"Transfer-Encoding: identity\r\n" + CL5, b"hello"), 400),
    Row("te-gzip-chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", END), 422),
    Row("te-chunked-gzip", post(b"Transfer-Encoding: chunked, gzip\r\n", END), 400),
    Row("te-comma-lead", post(b"Transfer-Encoding: ,chunked\r\n" + CL5, END), 400),
    Row("te-vtab-val", post(b"Transfer-Encoding: \x0bchunked\r\n", END), 400),
    Row("te-obsfold", post(b"Transfer-Encoding:\r\n chunked\r\n", END), 0),
    Row("te-quoted", post(b'Transfer-Encoding: "chunked"\r\n', END), 400),
    Row("te-semi", post(b"Transfer-Encoding: chunked;q=1\r\n", END), 400),
    Row("te-empty", post(b"Transfer-Encoding: \r\n" + CL5, b"hello"), 400),
    Row("te-nul", post(b"Transfer-Encoding: chunked\x00\r\n", END), 400),
    Row("te-case", post(b"tRANSFER-eNCODING: ChUnKeD\r\n", HELLO + END), 0),
    Row("te-http10", b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n" + END, 400, haproxy="200 fwd"),
    Row("cl-in-connection", post(b"Connection: Content-Length\r\n" + CL5, b"hello"), 0),
    Row("chunk-ext-barecr", chunks(b"5;a\rb\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-ext-ok", chunks(b'5;a=b;c="d"\r\nhello\r\n' + END), 0),
    Row("chunk-ext-nul", chunks(b"5;a\x00\r\nhello\r\n" + END), 400, "body", "?"),
    Row("chunk-0x", chunks(b"0x5\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-neg", chunks(b"-5\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-empty", chunks(b"\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-trailspace", chunks(b"5 \r\nhello\r\n" + END), 0),
    Row("chunk-max", chunks(b"FFFFFFFFFFFFFFFF\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-wrap", chunks(b"10000000000000005\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-leadzeros-ok", chunks(b"0000000005\r\nhello\r\n" + END), 0),
    Row("chunk-data-too-long", chunks(b"3\r\nhello\r\n" + END), 400, "body"),
    Row("chunk-barelf", chunks(b"5\nhello\r\n" + END), 400, "body", "?"),
    Row("chunk-ext-barelf", chunks(b"5;a\nhello\r\n" + END), 400, "body", "?"),
    Row("chunk-ext-long", chunks(b"5;" + b"a" * 20000 + b"\r\nhello\r\n" + END), 400, "body", "?"),
    Row("trailer-cl", chunks(HELLO + b"0\r\nContent-Length: 50\r\n\r\n"), 400, "body", "200 fwd"),
    Row("trailer-te", chunks(HELLO + b"0\r\nTransfer-Encoding: x\r\n\r\n"), 400, "body"),
    Row("trailer-host", chunks(HELLO + b"0\r\nhOST: evil\r\n\r\n"), 400, "body", "?"),
    Row("trailer-ok", chunks(HELLO + b"0\r\nX-T: v\r\n\r\n", b"Trailer: X-T\r\n"), 0),
    Row("trailer-name-space", chunks(HELLO + b"0\r\nX T: v\r\n\r\n"), 400, "body", "?"),
    Row("trailer-64k", chunks(HELLO + b"0\r\nX: " + b"a" * 70000 + b"\r\n\r\n"), 400, "body", "close"),
    Row("rl-barecr", get(line=b"GET / HTTP/1.1\r"), 400),
    Row("rl-tab", get(line=b"GET\t/\tHTTP/1.1\r\n"), 400, haproxy="200 fwd"),
    Row("rl-uri-space", get(line=b"GET /a b HTTP/1.1\r\n"), 400),
    Row("rl-uri-nul", get(line=b"GET /a\x00b HTTP/1.1\r\n"), 400),
    Row("rl-uri-ctl", get(line=b"GET /a\x01b HTTP/1.1\r\n"), 400),
    Row("rl-uri-del", get(line=b"GET /a\x7fb HTTP/1.1\r\n"), 400, haproxy="?"),
    Row("rl-uri-8bit", get(line=b"GET /\xe9 HTTP/1.1\r\n"), 400),
    Row("rl-uri-fragment", get(line=b"GET /a#b HTTP/1.1\r\n"), 400),
    Row("rl-uri-noslash", get(line=b"GET a HTTP/1.1\r\n"), 400),
    Row("rl-uri-8k", get(line=b"GET /" + b"a" * 8200 + b" HTTP/1.1\r\n"), 0),
    Row("rl-uri-32k", get(line=b"GET /" + b"a" * 32768 + b" HTTP/1.1\r\n"), 414, "size"),
    Row("rl-method-bad", get(line=b"GE(T / HTTP/1.1\r\n"), 400),
    Row("rl-method-unknown", get(line=b"BREW / HTTP/1.1\r\n"), 0),
    Row("rl-method-empty", get(line=b" / HTTP/1.1\r\n"), 400),
    Row("rl-two-spaces", get(line=b"GET  /  HTTP/1.1\r\n"), 0),
    Row("rl-trailing-space", get(line=b"GET / HTTP/1.1 \r\n"), 400),
    Row("rl-http09", b"GET /\r\n" + HOST + b"\r\n", 400),
    Row("rl-http12", get(line=b"GET / HTTP/1.2\r\n"), 505, haproxy="200 fwd"),
    Row("rl-http20", get(line=b"GET / HTTP/2.0\r\n"), 505, haproxy="200 fwd"),
    Row("rl-http-1.10", get(line=b"GET / HTTP/1.10\r\n"), 400),
    Row("rl-http-01.1", get(line=b"GET / HTTP/01.1\r\n"), 400),
    Row("rl-http-lower", get(line=b"GET / http/1.1\r\n"), 400),
    Row("rl-trace", get(line=b"TRACE / HTTP/1.1\r\n"), 0),
    Row("rl-connect", get(line=b"CONNECT a.test:443 HTTP/1.1\r\n", host=b"Host: a.test:443\r\n"), 0),
    Row("rl-connect-no-port", get(line=b"CONNECT a.test HTTP/1.1\r\n"), 400),
    Row("rl-connect-path", get(line=b"CONNECT /x HTTP/1.1\r\n"), 400),
    Row("rl-connect-mismatch", get(line=b"CONNECT b.test:443 HTTP/1.1\r\n", host=b"Host: a.test:443\r\n"), 400),
    Row("rl-asterisk", get(line=b"OPTIONS * HTTP/1.1\r\n"), 0),
    Row("rl-absolute", get(line=b"GET http://A.TEST:80/x HTTP/1.1\r\n"), 0),
    Row("rl-absolute-mismatch", get(line=b"GET http://evil.test/ HTTP/1.1\r\n"), 400),
    Row("rl-absolute-port-mismatch", get(line=b"GET http://a.test:81/ HTTP/1.1\r\n"), 400),
    Row("rl-absolute-userinfo", get(line=b"GET http://u@a.test/ HTTP/1.1\r\n"), 400, haproxy="200 fwd"),
    Row("rl-absolute-no-authority", get(line=b"GET http:///x HTTP/1.1\r\n"), 400, haproxy="200 fwd"),
    Row("rl-empty-lines-first", get(line=b"\r\n\nGET / HTTP/1.1\r\n"), 0),
    Row("rl-cr-first", get(line=b"\r\rGET / HTTP/1.1\r\n"), 400),
    Row("rl-tls-hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, haproxy="?"),
    Row("host-missing", b"GET / HTTP/1.1\r\n\r\n", 400, haproxy="200 fwd"),
    Row("host-missing-http10", b"GET / HTTP/1.0\r\n\r\n", 0),
    Row("host-missing-absolute", b"GET http://a.test/ HTTP/1.1\r\n\r\n", 400, haproxy="200 fwd"),
    Row("host-twice-same", get(HOST), 400, haproxy="200 fwd"),
    Row("host-twice-different", get(b"Host: b.test\r\n"), 400),
    Row("host-empty", get(host=b"Host: \r\n"), 0),
    Row("host-comma", get(host=b"Host: a.test,b.test\r\n"), 400),
    Row("host-slash", get(host=b"Host: a.test/x\r\n"), 400),
    Row("host-at", get(host=b"Host: u@a.test\r\n"), 400),
    Row("host-nul", get(host=b"Host: a.test\x00.b\r\n"), 400),
    Row("host-space", get(host=b"Host: a b\r\n"), 400, haproxy="?"),
    Row("host-bad-port", get(host=b"Host: x:abc\r\n"), 400, haproxy="200 fwd"),
    Row("host-large-port", get(host=b"Host: x:99999\r\n"), 400, haproxy="200 fwd"),
    Row("host-empty-port", get(host=b"Host: x:\r\n"), 0),
    Row("host-ipv6", get(host=b"Host: [2001:db8::1]:8080\r\n"), 0),
    Row("host-ipv6-open", get(host=b"Host: [::1\r\n"), 400, haproxy="?"),
    Row("hdr-empty-name-cl", post(CL5 + b": x\r\nX-A: b\r\n", b"hello"), 400),
    Row("hdr-name-sp", get(b"Foo Bar: x\r\n"), 400),
    Row("hdr-name-sp-colon", get(b"Foo : x\r\n"), 400),
    Row("hdr-name-tab-colon", get(b"Foo\t: x\r\n"), 400),
    Row("hdr-name-paren", get(b"Fo(o: x\r\n"), 400),
    Row("hdr-name-8bit", get(b"Fo\xe9: x\r\n"), 400),
    Row("hdr-name-no-colon", get(b"Foo\r\n"), 400),
    Row("hdr-name-underscore", get(b"X_Forwarded_For: 1.2.3.4\r\n"), 0),
    Row("hdr-name-all-token-bytes", get(b"!#$%&'*+-.^_`|~09azAZ: x\r\n"), 0),
    Row("hdr-first-leadsp", b"GET / HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    Row("hdr-first-leadtab", b"GET / HTTP/1.1\r\n\t" + HOST + b"\r\n", 400),
    Row("hdr-obsfold", get(b"X-A: a\r\n b\r\n\tc\r\n"), 0),
    Row("hdr-val-nul", get(b"X-A: a\x00b\r\n"), 400),
    Row("hdr-val-barecr", get(b"X-A: a\rb\r\n"), 400),
    Row("hdr-val-crcrlf", get(b"X-A: a\r\r\n"), 400),
    Row("hdr-val-barelf", get(b"X-A: a\nX-B: b\r\n"), 0),
    Row("hdr-val-ctl", get(b"X-A: a\x01b\r\n"), 0),
    Row("hdr-val-del", get(b"X-A: a\x7fb\r\n"), 0),
    Row("hdr-val-8bit", get(b"X-A: caf\xe9\r\n"), 0),
    Row("hdr-end-barecr", get()[:-2] + b"\rX", 400, haproxy="?"),
    Row("hdr-one-16k", get(b"X-A: " + b"a" * 17000 + b"\r\n"), 431, "size"),
    Row("hdr-name-64k", get(b"A" * 65600 + b": x\r\n"), 431, "size"),
    Row("hdr-name-300-then-cl", post(b"A" * 270 + b": x\r\n" + CL5 + b"Content-Length: 6\r\n", b"hello"), 400),
    Row("hdr-count-100", get(b"".join(b"X%d: a\r\n" % i for i in range(99))), 0),
    Row("hdr-count-101", get(b"".join(b"X%d: a\r\n" % i for i in range(100))), 400),
    Row("hdr-connection-junk", get(b"Connection: close, ,,, keep-alive,\x7f\r\n"), 0),
    Row("expect-unknown", post(b"Expect: foo\r\n" + CL5, b"hello"), 0),
    Row("upgrade-h2c", get(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), 0),
    Row("upgrade-bad-ws", get(b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), 400),
    Row("upgrade-ws", get(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 0),
    Row("head-with-body", b"HEAD / HTTP/1.1\r\n" + HOST + CL5 + b"\r\nhello", 0),
    Row("post-garbage-after", post(CL5, b"hello\x00\x00garbage\r\n\r\n"), 400, "next", "200+400 fwd"),
    Row("body-short-close", post(b"Content-Length: 50\r\n", b"hello"), 400, "short", "close"),
    Row("chunk-short-close", chunks(b"5\r\nhel"), 400, "short", "close"),
    Row("range-1000", get(b"Range: bytes=0-" + b"".join(b",%d-" % i for i in range(1, 1000)) + b"\r\n"), 0),
    Row("valid-post-chunked", chunks(HELLO + END), 0),
]

OK = b"Content-Length: 2\r\n\r\nok"
S200 = b"HTTP/1.1 200 OK\r\n"

RESPONSES: list[Row] = [
    Row("r-plain", S200 + OK, 0),
    Row("r-chunk-bad", S200 + CHUNKED + b"\r\nzz\r\nok\r\n" + END, 502, "body"),
    Row("r-te-gzip", S200 + b"Transfer-Encoding: gzip\r\n\r\nxx", 502),
    Row("r-te-gzip-chunked", S200 + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n" + END, 502),
    Row("r-cl-te", S200 + CHUNKED + b"Content-Length: 3\r\n\r\n2\r\nok\r\n" + END, 0),
    Row("r-cl-different", S200 + b"Content-Length: 3\r\n" + OK, 502),
    Row("r-status-junk", b"HTTP/1.1 abc OK\r\n" + OK, 502),
    Row("r-status-1000", b"HTTP/1.1 1000 OK\r\n" + OK, 502),
    Row("r-status-99", b"HTTP/1.1 99 OK\r\n" + OK, 502, haproxy="?"),
    Row("r-status-099", b"HTTP/1.1 099 OK\r\n" + OK, 502, haproxy="?"),
    Row("r-status-999", b"HTTP/1.1 999 OK\r\n" + OK, 0),
    Row("r-icy", b"ICY 200 OK\r\n" + OK, 502),
    Row("r-09", b"<html>hello</html>", 502),
    Row("r-no-reason", b"HTTP/1.1 200\r\n" + OK, 0),
    Row("r-empty-reason", b"HTTP/1.1 200 \r\n" + OK, 0),
    Row("r-reason-8bit", b"HTTP/1.1 200 tr\xe8s bien\r\n" + OK, 0),
    Row("r-reason-barecr", b"HTTP/1.1 200 O\rK\r\n" + OK, 502, haproxy="?"),
    Row("r-hdr-nocolon", S200 + b"Foo\r\n" + OK, 502),
    Row("r-hdr-emptyname", S200 + b": x\r\n" + OK, 502),
    Row("r-hdr-space-colon", S200 + b"X : x\r\n" + OK, 502),
    Row("r-hdr-barecr", S200 + b"X: a\rb\r\n" + OK, 502),
    Row("r-hdr-nul", S200 + b"X: a\x00b\r\n" + OK, 502, haproxy="200"),
    Row("r-hdr-first-leadsp", S200 + b" X: a\r\n" + OK, 502),
    Row("r-hdr-20k", S200 + b"X: " + b"a" * 20000 + b"\r\n" + OK, 502, "size"),
    Row("r-hdr-count-101", S200 + b"X: a\r\n" * 101 + OK, 502),
    Row("r-setcookie-delim", S200 + b"Set-Cookie: ;;,,=;\r\n" + OK, 0),
    Row("r-setcookie2-empty", S200 + b"Set-Cookie2:\r\n" + OK, 0),
    Row("r-extra-resp", S200 + OK + S200 + b"Content-Length: 6\r\n\r\npoison", 0, "next"),
    Row("r-103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + S200 + OK, 0, "next"),
    Row("r-101-unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw", 502),
    Row("r-204-cl", b"HTTP/1.1 204 No Content\r\n" + OK, 0, "next"),
    Row("r-head", S200 + b"Content-Length: 5\r\n\r\n", 0, method=b"HEAD"),
    Row("r-304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0),
    Row("r-until-close", S200 + b"X: y\r\n\r\nall of this", 0),
    Row("r-short-close", S200 + b"Content-Length: 50\r\n\r\nhello", 502, "short", "close"),
    Row("r-upgrade-h2c", S200 + b"Upgrade: h2c\r\nConnection: Upgrade, X-Secret\r\nX-Secret: s\r\n" + OK, 0),
]
