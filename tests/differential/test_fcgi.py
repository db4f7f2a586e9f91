"""FastCGI: the parameters that an application gets, what becomes of its answers, and the log, are the same as with haproxy.

haproxy 2.6 is not asked what it does with half a head or a record for request 0: it crashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.fcgi import (
    GET_VALUES_RESULT,
    STDERR,
    STDOUT,
    UNKNOWN,
    Application,
    Request,
    encoded,
    end,
    output,
    read_body,
    read_head,
    record,
    whole,
)  # fmt: skip
from support.logline import parse
from support.origin import Origin, OriginConnection
from support.poll import poll
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

CONFIG = """
global
    log {syslog} len 4096 local0
{http}
    log global
    option httplog
    timeout server 1s
    retries 0
frontend fe
    bind fd@fe
    use_backend %[req.hdr(x-be)]
backend plain
    use-fcgi-app plain
    server s1 {echo} proto fcgi
backend info
    use-fcgi-app info
    server s1 {echo} proto fcgi
backend script
    filter fcgi-app script
    server s1 {echo} proto fcgi
backend rules
    use-fcgi-app rules
    http-request set-header X-Fetch %[fcgi.docroot],%[fcgi.index]
    server s1 {echo} proto fcgi
backend underscores
    option http-restrict-req-hdr-names preserve
    use-fcgi-app plain
    server s1 {echo} proto fcgi
backend forwarding
    option forwardfor
    http-request set-path /b%%20%[path]
    http-request set-src hdr(x-src)
    use-fcgi-app info
    server s1 {echo} proto fcgi
backend answers
    use-fcgi-app logging
    server s1 {player} proto fcgi
fcgi-app plain
    docroot /var/www
    index index.php
fcgi-app info
    docroot /var/www/
    index index.php
    path-info ^(/.+\\.php)(/.*)?$
fcgi-app script
    docroot rel
    path-info ^(/.+\\.php)
fcgi-app rules
    docroot /d
    index i.php
    acl local hdr(host) a.test
    set-param REDIRECT_STATUS 200 if local
    set-param REDIRECT_STATUS 201 unless local
    set-param PHP_AUTH_DIGEST %[req.hdr(Authorization)]
    set-param HTTP_X_FOO "%[req.hdr(x-foo)]z"
    set-param EMPTY %[req.hdr(nope)]
    set-param SCRIPT_NAME %[path]
    set-param TWICE 1
    set-param TWICE 2
    set-param x-y.z %[fcgi.docroot]-%[fcgi.index]-%ci-%b-%[be_name]
    set-param DOCUMENT_ROOT /other
    set-param QUERY_STRING a=%[url_param(b)] if {{ url_param(b) -m found }}
    set-param HTTPS off
    pass-header authorization
    pass-header Proxy-Authorization unless local
    pass-header connection
    pass-header keep-alive
    pass-header te
    pass-header proxy
    pass-header content-length
fcgi-app logging
    docroot /d
    log-stderr {stderr} local1
"""
# The port and the program are not the other's.
NOT_COMPARED = ("REMOTE_PORT", "SERVER_PORT", "SERVER_SOFTWARE")
TEXT = b"Content-Type: text/plain\r\n"
STOP = record(STDOUT) + end()

HEADERS = {
    "usual": "User-Agent: u\r\nAccept: a/b\r\nCookie: c=d\r\nX-Dup: 1\r\nX-Dup: 2\r\nReferer: r\r\nRange: bytes=0-1\r\n",
    "hidden": "Authorization: Basic dXNlcjpwYXNz\r\nProxy-Authorization: p\r\nConnection: close, x\r\nKeep-Alive: 5\r\n"
    "TE: trailers\r\nProxy: p\r\nProxy-Authenticate: v\r\nTrailers: v\r\nUpgrade: v\r\n",
    "passed": "Proxy-Connection: v\r\nTrailer: v\r\nVia: v\r\nForwarded: v\r\nContent-Encoding: v\r\nX--Y: v\r\n-Z: v\r\n",
    "other characters": "X_Under: 1\r\nX.Dot: 2\r\nX-Plain: 3\r\n",
    "other authentication": "Authorization: Digest username=x\r\n",
    "bearer": "Authorization: Bearer token\r\n",
    "no colon": "Authorization: basic dXNlcg==\r\n",
    "no base64": "Authorization: Basic !!!\r\n",
    "empty authentication": "Authorization:\r\n",
    "small letters": "authorization: bASIC dXNlcjpwYXNz\r\n",
    "foo": "X-Foo: bar\r\n",
    "type": "Content-Type: a/b\r\nExpect: x\r\n",
    "client": "X-Src: 192.0.2.7\r\nX-Forwarded-For: 1.1.1.1\r\n",
    "client by IPv6": "X-Src: 2001:db8::7\r\n",
}
TARGETS = (
    "/", "/a.php/b/c?q", "/x.html", "/d/", "/d/?", "/%61.php/%62%0ac", "/a%00b", "/a.php%zz/%", "/a%", "/%2e%2e/a.php",
    "/a.php/../b.php/c", "//a.php//b", "/a.php/b%2Fc%3Fx", "/a.php/+x?y+z", "/a.php/", "http://h.test/a/?x", "*",
    "/" + "y" * 5000,
)  # fmt: skip
BACKENDS = ("plain", "info", "script", "rules", "underscores", "forwarding")
METHODS = ("GET", "HEAD", "OPTIONS", "FOO", "DELETE")

# What an application sends, by the target of the request.
ANSWERS = {
    "status": whole(b"Status: 404 Not Found\r\n" + TEXT + b"\r\nx"),
    "no reason": whole(b"Status: 404\r\n" + TEXT + b"\r\nx"),
    "late status": whole(TEXT + b"Status: 201 Made\r\nX: y\r\n\r\nx"),
    "two statuses": whole(TEXT + b"Status: 201 Made\r\nStatus: 202 Two\r\n\r\nx"),
    "status 100": whole(b"Status: 100 Continue\r\n\r\nStatus: 200 OK\r\n\r\nx"),
    "status 101": whole(b"Status: 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"),
    "status 204": whole(b"Status: 204 No\r\n\r\n"),
    "status 204 with a body": whole(b"Status: 204 No\r\n\r\nbody"),
    "status 304": whole(b"Status: 304 No\r\nContent-Length: 10\r\n\r\n"),
    "location": whole(b"Location: /x\r\n\r\n"),
    "location and body": whole(b"Location: http://a/x\r\n" + TEXT + b"\r\nbody"),
    "location and status": whole(b"Location: http://a/x\r\nStatus: 200 OK\r\n\r\nbody"),
    "status line": whole(b"HTTP/1.1 200 OK\r\n" + TEXT + b"\r\nbody"),
    "length": whole(b"Content-Length: 4\r\n\r\nbody"),
    "length too small": whole(b"Content-Length: 2\r\n\r\nbody"),
    "length twice": whole(b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody"),
    "two lengths": whole(b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody"),
    "no length": whole(b"Content-Length: x\r\n\r\nbody"),
    "chunked": whole(b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"),
    "other coding": whole(b"Transfer-Encoding: gzip\r\n\r\nbody"),
    "connection": whole(b"Connection: close\r\nKeep-Alive: 5\r\n" + TEXT + b"\r\nbody"),
    "line feeds": whole(b"Status: 201 x\nContent-Type: a\n\nbody"),
    "no headers": whole(b"\r\nbody"),
    "nothing": whole(b"\r\n"),
    "junk": whole(b"\0\1\2 junk\r\n\r\n"),
    "no name": whole(b": a\r\n\r\nbody"),
    "date": whole(b"Date: x\r\nServer: me\r\n\r\nbody"),
    "many headers": whole(b"".join(b"H%d: x\r\n" % i for i in range(90)) + b"\r\nbody"),
    "too many headers": whole(b"".join(b"H%d: x\r\n" % i for i in range(150)) + b"\r\nbody"),
    "large head": whole(b"X: " + b"y" * 14000 + b"\r\n\r\nbody"),
    "too large head": whole(b"X: " + b"y" * 20000 + b"\r\n\r\nbody"),
    "small records": whole(b"Status: 200 OK\r\n" + TEXT + b"\r\nbody", size=1),
    "large body": whole(TEXT + b"\r\n" + b"0123456789" * 30000),
    "large body, small records": whole(TEXT + b"\r\n" + b"0123456789" * 3000, size=333),
    "large body with length": whole(b"Content-Length: 300000\r\n\r\n" + b"0123456789" * 30000),
    "no end of output": output(TEXT + b"\r\nabc") + end(),
    "status of the application": output(TEXT + b"\r\nabc") + record(STDOUT) + end(application=255),
    "unknown type": record(99, b"abc") + output(TEXT + b"\r\nabc") + STOP,
    "unknown type at the application": record(UNKNOWN, b"12345678", 0) + output(TEXT + b"\r\nabc") + STOP,
    "values": record(GET_VALUES_RESULT, encoded({"FCGI_MAX_CONNS": "3"}), 0) + output(TEXT + b"\r\nabc") + STOP,
    "another request's": record(STDOUT, b"zzz", 9) + output(TEXT + b"\r\nabc") + STOP,
    "long end": output(TEXT + b"\r\nabc") + record(STDOUT) + record(3, b"\0" * 16),
    "padding": output(TEXT + b"\r\nabc", padding=255) + record(STDOUT, padding=3) + end(),
    "output behind the end": output(TEXT + b"\r\nabc") + record(STDOUT) + output(b"zz") + end(),
    "errors": whole(TEXT + b"\r\nabc", stderr=b"first\nsecond\n\n"),
    "errors in the middle": output(TEXT + b"\r\nabc") + output(b"err", kind=STDERR) + output(b"def") + STOP,
    "long error": whole(TEXT + b"\r\nabc", stderr=b"z" * 5000),
}
# haproxy answers after `timeout server`, or not as it announced: fastlb's status, and how its line ends.
OWN = {
    "end alone": (end(), 502, "PH--"),
    "overloaded": (end(protocol=2), 502, "PH--"),
    "no output": (STOP, 502, "PH--"),
    "version": (record(STDOUT, TEXT + b"\r\nabc", version=2) + STOP, 502, "PH--"),
    "HTTP": (b"HTTP/1.1 200 OK\r\n\r\n", 502, "PH--"),
    "no status": (whole(b"Status: abc\r\n\r\nx"), 502, "PH--"),
    "small status": (whole(b"Status: 99\r\n\r\nx"), 502, "PH--"),
    "large status": (whole(b"Status: 1000\r\n\r\nx"), 502, "PH--"),
    "half a head": (whole(TEXT + b"X: y"), 502, "PH--"),
    "short end": (output(TEXT) + record(3, b"1234"), 502, "PH--"),
    "head without end": (b"".join(output(b"X%d: y\r\n" % i) for i in range(4000)), 502, "PH--"),
    "length too large": (whole(b"Content-Length: 9\r\n\r\nbody"), 200, "SD--"),
}
# The application closes behind it.
CUT = {
    "at once": b"",
    "in the body": output(TEXT + b"\r\nabc"),
    "in the body with length": output(b"Content-Length: 6\r\n\r\nabc"),
    "behind the body": output(b"Content-Length: 3\r\n\r\nabc"),
    "behind the output": output(TEXT + b"\r\nabc") + record(STDOUT),
}


class Site:
    """One program with an application that answers with what it got, and one that plays the answers above."""

    def __init__(self, program: str) -> None:
        self.application = Application(lambda request: whole(TEXT + b"\r\nok", request.id))
        self.echo, self.player = Origin(self.application), Origin(self._play)
        self.syslog, self.stderr = Syslog(), Syslog()
        self.answer, self.closes = b"", False
        text = CONFIG.format(http=HTTP, echo=self.echo, player=self.player, syslog=self.syslog, stderr=self.stderr)
        self.proxy = Proxy(program, text)

    def _play(self, conn: OriginConnection) -> None:
        while (request := read_head(conn)) is not None:
            read_body(conn, request)
            # Requests are numbered here as the program likes.
            conn.send(renumbered(self.answer, request.id))
            if self.closes:
                return

    def request(self, backend: str, target: str, method: str = "GET", headers: str = "", body: bytes = b"", version: str = "1.1"):
        """The answer, the requests that the application got meanwhile, and the fields of the log line that are compared."""
        before, n_lines = len(self.application.requests), len(self.syslog.lines)
        client = self.proxy.client()
        host = "Host: h.test\r\n" if version == "1.1" else ""
        client.send(f"{method} {target} HTTP/{version}\r\nx-be: {backend}\r\n{host}{headers}\r\n".encode() + body)
        try:
            answer: Any = client.read_response(method)
            seen = (answer.start, [head for head in answer.headers if head[0] != "date"], answer.body, answer.framing)
        except Exception:
            seen = bytes(client.received).partition(b"\r\n\r\n")[::2]
            seen = (b"".join(line for line in seen[0].splitlines(True) if not line.startswith(b"date")), seen[1])
        client.close()
        line = poll(lambda: self.syslog.lines[n_lines:], "log line")[0]
        fields = parse(line)
        # Whether there was an answer, not when.
        timed = [int(fields[name]) >= 0 for name in ("TR", "Tw", "Tc", "Tr")]
        # haproxy counts what had come of an answer that is none.
        size = fields["bytes"] if fields["status"] != "502" else ""
        logged = (fields["backend"], fields["server"], fields["status"], size, fields["termination"], timed)
        return seen, [shown(one) for one in self.application.requests[before:]], logged

    def close(self) -> None:
        self.proxy.finish()
        for thing in (self.echo, self.player, self.syslog, self.stderr):
            thing.close()
        assert self.echo.errors == self.player.errors == []


def renumbered(records: bytes, number: int) -> bytes:
    """The records of request 1 as those of another one."""
    at, made = 0, bytearray(records)
    while at + 8 <= len(made):
        if made[at + 2 : at + 4] == b"\0\1" and made[at] == 1:
            made[at + 2 : at + 4] = number.to_bytes(2, "big")
        at += 8 + int.from_bytes(made[at + 4 : at + 6], "big") + made[at + 6]
    return bytes(made)


def shown(request: Request) -> tuple[Any, ...]:
    params = [pair for pair in request.params if pair[0] not in NOT_COMPARED and pair[0] != "HTTP_X_BE"]
    return sorted(params), request.body, request.keep


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Site, Site]]:
    with both_programs(Site) as made:
        yield made


@pytest.mark.parametrize("backend", BACKENDS)
def test_paths(both, backend):
    # A rule's new path has less room than haproxy's.
    for target in TARGETS if backend != "forwarding" else TARGETS[:-1]:
        reference, tested = (site.request(backend, target) for site in both)
        assert tested == reference, target[:40]


@pytest.mark.parametrize("backend", BACKENDS)
def test_headers(both, backend):
    for name, lines in HEADERS.items():
        reference, tested = (site.request(backend, "/x/?b=c", headers=lines) for site in both)
        assert tested == reference, name


def test_methods(both):
    for method in METHODS:
        reference, tested = (site.request("info", "/a.php/b", method) for site in both)
        assert tested == reference, method


def test_connect_is_no_request_of_fastcgi(both):
    reference, tested = (site.request("info", "h.test:1", "CONNECT") for site in both)
    assert tested == reference


def test_http10_request(both):
    for line in ("", "Host: old.test\r\n", "Connection: keep-alive\r\n"):
        reference, tested = (site.request("plain", "/x", headers=line, version="1.0") for site in both)
        assert tested == reference, line


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\nX-Trailer: t\r\n\r\n"


BODIES = {
    "none": ("", b""),
    "empty": ("Content-Length: 0\r\n", b""),
    "small": ("Content-Length: 3\r\nContent-Type: a/b\r\n", b"abc"),
    "large": ("Content-Length: 200000\r\n", b"0123456789" * 20000),
    "chunked": ("Transfer-Encoding: chunked\r\n", chunked(b"abc", b"d" * 10000, b"e")),
    "chunked, larger than a buffer": ("Transfer-Encoding: chunked\r\n", chunked(b"a" * 30000)),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies(both, name):
    headers, body = BODIES[name]
    reference, tested = (site.request("plain", "/up", "POST", headers, body) for site in both)
    assert tested == reference


def test_empty_chunked_body_is_one(both):
    """haproxy never sends the request."""
    seen, requests, logged = both[1].request("plain", "/up", "POST", "Transfer-Encoding: chunked\r\n", chunked())
    assert seen[2] == b"ok"
    assert ("CONTENT_LENGTH", "0") in requests[0][0]
    assert logged[2:] == ("200", "58", "----", [True] * 4)


def test_parameters_larger_than_a_buffer(both):
    reference, tested = (site.request("plain", "/" + "y" * 6000, headers=f"X: {'x' * 2000}\r\n") for site in both)
    assert tested == reference
    assert tested[0][0].split()[1] == "500"


def play(site: Site, answer: bytes, closes: bool = False, method: str = "GET"):
    site.answer, site.closes = answer, closes
    site.stderr.datagrams.clear()
    seen = site.request("answers", "/play", method)
    return seen, site.stderr


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(both, name):
    (reference, _), (tested, _) = (play(site, ANSWERS[name]) for site in both)
    if name.startswith(("large body", "small records")):
        # What has come when the head is complete decides the framing.
        reference, tested = ((seen[0][0], seen[0][2], seen[2][2], seen[2][4]) for seen in (reference, tested))
    assert tested == reference


@pytest.mark.parametrize("name", ("status", "length", "status 304", "nothing", "location"))
def test_answers_to_head(both, name):
    (reference, _), (tested, _) = (play(site, ANSWERS[name], method="HEAD") for site in both)
    assert tested == reference


@pytest.mark.parametrize("name", CUT)
def test_cut_answers(both, name):
    (reference, _), (tested, _) = (play(site, CUT[name], closes=True) for site in both)
    if name == "behind the output":
        # haproxy makes a length where it has seen the end in time.
        reference, tested = ((seen[0][0], seen[0][2], seen[2][2], seen[2][4]) for seen in (reference, tested))
    assert tested == reference


@pytest.mark.parametrize("name", OWN)
def test_what_is_no_answer_is_told_at_once(both, name):
    """haproxy waits for `timeout server`, sends it, or crashes."""
    answer, status, termination = OWN[name]
    (_, _, logged), _ = play(both[1], answer)
    assert (logged[2], logged[4]) == (str(status), termination)
    # And the next request is served.
    (seen, _, _), _ = play(both[1], whole(TEXT + b"\r\nok"))
    assert seen[2] == b"ok"


def without_pid(text: bytes) -> bytes:
    head, _, rest = text.partition(b"[")
    return head.split(b" ", 3)[0][:5] + head.split(b" ")[-1] + rest.partition(b"]")[2]


@pytest.mark.parametrize("name", ("errors", "errors in the middle", "long error"))
def test_stderr_is_logged(both, name):
    lines = []
    for site in both:
        _, stderr = play(site, ANSWERS[name])
        stderr.wait("logging[")
        lines.append([without_pid(text)[:900] for text in stderr.datagrams])
    assert lines[1] == lines[0]
    assert lines[1]
