"""Actions that change a request or an answer: what the origin saw and the client got is what haproxy makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.origin import by_request, reply
from support.programs import both_programs

from .lab import HEAD, Case, Lab

H = "Host: a.test"


@dataclass(frozen=True)
class Rules:
    """Lines of one frontend, and the requests that are sent to it (request line and headers, one string each)."""

    lines: str
    requests: tuple[str, ...]


def rules(*lines: str, to: tuple[str, ...] = ()) -> Rules:
    return Rules("\n".join(lines), to or LINES)


# The forms of a target.
LINES = (
    f"GET /a/b?x=1&y HTTP/1.1\n{H}",
    f"GET /a/b HTTP/1.1\n{H}",
    f"GET / HTTP/1.0\n{H}",
    f"GET http://a.test/p/q?r HTTP/1.1\n{H}",
    f"GET http://a.test HTTP/1.1\n{H}",
    f"OPTIONS * HTTP/1.1\n{H}",
)
ROOT = (f"GET / HTTP/1.1\n{H}",)
PATHS = tuple(
    f"GET {target} HTTP/1.1\n{H}"
    for target in (
        "//", "/foo//bar///baz//", "/a//b?c//d", "/.", "/./bar/", "/a/./a", "/.well-known/", "/a/.", "/././a", "/a/.b", "/a/..",
        "/foo/../", "/foo/../bar/", "/foo/bar/../", "/../bar/", "/bar/../../", "/foo//../", "/foo/%2E%2E/", "/..", "/../../a",
        "/a/../../b", "/a/b/../../c", "/a/..b/..", "/...", "/foo/../?x/../y", "/a/b/c/../../../..", "//..", "//../a",
        "/..//b/../../%zz", "/a//../../../x/./",
    )
)  # fmt: skip
PERCENTS = tuple(
    f"GET {target} HTTP/1.1\n{H}"
    for target in (
        "/%61dmin", "/foo%3Fbar=baz", "/%%36%36", "/%ZZ", "/%", "/%4", "/%41%7e%2d%2E%5f", "/?%61%zz", "/%aF?%bc", "/a%2?b",
    )
)  # fmt: skip
QUERIES = tuple(
    f"GET {target} HTTP/1.1\n{H}"
    for target in (
        "/?c=3&a=1&b=2", "/?aaa=3&a=1&aa=2", "/?a=3&b=4&a=1&b=5&a=2", "/?b&a", "/?b=1&&a=", "/?&", "/?", "/?b=1&a=2&",
        "/?&&&b&&a", "/?ab=1&a=2&A=3", "/?=1&a", "/", "http://a.test/?b=1&a=2",
        "/?" + "&".join(f"k{n * 7919 % 50}={n}" for n in range(120)),
    )
)  # fmt: skip
LISTS = (
    f"GET / HTTP/1.1\n{H}\nX-L: 192.168.10.1, 192.168.13.24,10.0.0.37 ,x",
    f'GET / HTTP/1.1\n{H}\nX-L: "192.168.1.1, 192.168.2.2", 192.168.3.3\nx-l: 192.168.4.4\nX-L:',
    f"GET / HTTP/1.1\n{H}\nAccept: a, b\nX-A: 1\nX-B: 2\nCookie: a=b, c\nUser-Agent: u",
)

REQUEST = [
    rules("http-request set-method FOO"),
    rules("http-request set-method POST", "http-request set-header X-P %[path]", to=LINES[:4]),
    rules("http-request set-path /new", "http-request set-header X-P %[path]"),
    rules("http-request set-path /%[path]x", "http-request set-path /2%[path]", to=LINES[:4]),
    rules("http-request set-path /a?b"),
    rules("http-request set-pathq /new?q"),
    rules("http-request set-pathq /new"),
    rules("http-request set-query z"),
    rules("http-request set-query %[str(x),ltrim(x)]"),
    rules("http-request set-uri /q?r"),
    rules("http-request set-uri http://y.test/z", to=LINES[:5]),
    rules("http-request set-uri http://u@y.test:81/z", to=LINES[:5]),
    rules("http-request set-uri //y/z"),
    rules("http-request set-uri *"),
    rules("http-request set-uri @", to=ROOT),
    rules("http-request replace-path a bb"),
    rules("http-request replace-path (.*) /foo\\1"),
    rules("http-request replace-path /a/(.*) /\\1"),
    rules("http-request replace-path ^/(.)(.*)$ /\\2\\1%[path]\\\\x41"),
    rules("http-request replace-pathq ([^?]*)(\\?(.*))? \\1/foo\\2"),
    rules("http-request replace-pathq x=1 /y"),
    rules("http-request replace-uri ^http://(.*) https://\\1"),
    rules("http-request replace-uri ([^/:]*://[^/]*)?(.*) \\1/foo\\2"),
    rules("http-request normalize-uri path-merge-slashes", to=PATHS + LINES),
    rules("http-request normalize-uri path-strip-dot", to=PATHS + LINES),
    rules("http-request normalize-uri path-strip-dotdot", to=PATHS + LINES),
    rules("http-request normalize-uri path-strip-dotdot full", to=PATHS + LINES),
    rules("http-request normalize-uri percent-decode-unreserved", to=PERCENTS),
    rules("http-request normalize-uri percent-decode-unreserved strict", to=PERCENTS),
    rules("http-request normalize-uri percent-to-uppercase", to=PERCENTS),
    rules("http-request normalize-uri percent-to-uppercase strict", to=PERCENTS),
    rules("http-request normalize-uri query-sort-by-name", to=QUERIES),
    rules("http-request normalize-uri fragment-strip", to=LINES),
    rules("http-request normalize-uri fragment-encode", to=LINES),
    rules("http-request set-header Host b.test"),
    rules("http-request add-header Host b.test", to=LINES[:4]),
    rules("http-request replace-header Host a(.*) b\\1:80"),
    rules("http-request del-header Host", to=LINES[:3]),
    rules("http-request replace-header X-L 192 10", to=LISTS),
    rules("http-request replace-header X-L ^(.*),(.*)$ \\2-\\1", to=LISTS),
    rules("http-request replace-header x-l zz 10", to=LISTS),
    rules("http-request replace-header Cookie a=(.) A=\\1", to=LISTS),
    rules("http-request replace-value X-L ^192\\.168\\.(.*)$ 172.16.\\1", to=LISTS),
    rules("http-request replace-value X-L 0 z", to=LISTS),
    rules("http-request replace-value accept b %[path]c\\0", to=LISTS),
    rules("http-request replace-value accept . %[str(x),ltrim(x)]", to=LISTS),
    rules("http-request del-header ^x-[ab] -m reg", to=LISTS),
    rules("http-request del-header x- -m beg", to=LISTS),
    rules("http-request del-header t -m end", to=LISTS),
    rules("http-request del-header oo -m sub", to=LISTS),
    rules("http-request set-header X abc", "http-request set-header X abc%[str(2)]", "http-request add-header X d", to=ROOT),
]
# A rewrite that fails: more headers than there is room for.
MANY = [f"add-header X-{n} {'v' * 300}" for n in range(60)]
REQUEST += [
    rules("http-request strict-mode on", "http-request set-uri @", to=ROOT),
    rules("http-request strict-mode off", "http-request strict-mode on", "http-request set-uri @", to=ROOT),
    rules(*(f"http-request {line}" for line in MANY), to=ROOT),
]
RESPONSE = [
    rules("http-response set-status 404", to=ROOT),
    rules('http-response set-status 503 reason "Slow Down"', to=ROOT),
    rules("http-response set-status 299", "http-response set-header X-S %[status]", to=ROOT),
    rules("http-response set-status 999", to=ROOT),
    rules("http-after-response set-status 201 reason x", to=ROOT),
    rules("http-response replace-header Server (.*)x \\1y", to=ROOT),
    rules("http-response replace-value Vary b c", to=ROOT),
    rules("http-response del-header ^v -m reg", to=ROOT),
    rules("http-response strict-mode off", "http-response set-header A b", to=ROOT),
    rules(*(f"http-response {line}" for line in MANY), to=ROOT),
    rules("http-after-response strict-mode off", "http-after-response set-header A b", to=ROOT),
]
VARIABLES = [
    rules(
        "http-request set-var(txn.p) path",
        "http-request set-var(req.p) path",
        "http-request set-var(txn.q,ifnotexists) str(first)",
        "http-request set-var(txn.q,ifnotexists) str(second)",
        "http-request set-var(txn.r,ifexists) str(none)",
        "http-request set-var-fmt(txn.f) <%[path]|%[src]>",
        "http-request set-var(sess.n) var(sess.n),add(1)",
        "http-request set-var(txn.u) str(gone)",
        "http-request unset-var(txn.u)",
        "http-request set-header X-A %[var(txn.p)]/%[var(req.p)]/%[var(txn.q)]/%[var(txn.r)]/%[var(txn.f)]/%[var(txn.u)]",
        "http-request set-header X-P %[var(proc.x)]/%[var(proc.y)]/%[var(sess.n)]",
        "http-response set-var(res.z) int(3)",
        "http-response set-header X-B %[var(txn.p)]/%[var(req.p)]/%[var(res.z)]/%[var(txn.f)]",
        to=LINES[:4],
    ),
    rules(
        "tcp-request connection set-var(sess.c) src",
        "tcp-request session set-var(sess.d) str(d)",
        "tcp-request content set-var(txn.e) str(e)",
        "http-request set-header X-A %[var(sess.c)]/%[var(sess.d)]/%[var(txn.e)]",
        to=ROOT,
    ),
]
# A file that is empty when the program starts.
EMPTY = Path(__file__).with_name("pages") / "empty.lst"
VARIABLES += [
    rules(
        f"http-request set-header X-1 %[path] if {{ path -f {EMPTY} }}",
        f"http-request add-acl({EMPTY}) %[path]",
        f"http-request set-header X-2 %[path] if {{ path -f {EMPTY} }}",
        f"http-request del-acl({EMPTY}) %[path]",
        f"http-request set-header X-3 %[path] if {{ path -f {EMPTY} }}",
        to=LINES[:4],
    )
]
STREAM = [
    rules("http-request set-src str(1.2.3.4)", "http-request set-header X %[src]", "option forwardfor", to=ROOT),
    rules("http-request set-src str(2001:db8::1)", "http-request set-header X %[src]", "option forwardfor", to=ROOT),
    rules("http-request set-src-port int(1234)", "http-request set-header X %[src]:%[src_port]", to=ROOT),
    rules("http-request set-dst str(9.8.7.6)", "http-request set-dst-port int(77)", to=ROOT),
    rules("tcp-request connection set-src str(1.2.3.5)", "http-request set-header X %[src]", "option forwardfor", to=ROOT),
    rules("http-request set-tos 0x10", "http-request set-nice 5", "http-request wait-for-handshake", to=ROOT),
    rules("http-request set-log-level err", to=ROOT),
    rules("http-request set-log-level silent", to=ROOT),
    rules("http-request set-log-level silent", "http-response set-log-level debug", to=ROOT),
    rules("http-request set-priority-class int(5)", "http-request set-priority-offset int(-5)", to=ROOT),
    rules("http-request disable-l7-retry", to=ROOT),
    rules("http-request wait-for-body time 1s", to=ROOT),
]
ALL = REQUEST + RESPONSE + VARIABLES + STREAM

CONFIG = """
global
    expose-experimental-directives
    set-var proc.x int(7)
    set-var-fmt proc.y a%[var(proc.x)]b
""" + HEAD + """
frontend fe
    bind fd@fe
    default_backend be
backend be
    server s1 {origin}
"""


def config() -> str:
    text = CONFIG
    for number, theme in enumerate(ALL):
        lines = theme.lines.replace("{", "{{").replace("}", "}}")
        text += f"frontend r{number}\nbind fd@r{number}\ndefault_backend be\n{lines}\n"
    return text


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(lambda program: Lab(program, config())) as made:
        yield made


ECHO = by_request(lambda request: reply(b"ok", headers=("Server: ux", "Vary: a, b", "X-V: 1")))


names = [f"{n} {theme.lines.splitlines()[-1][:70]}" for n, theme in enumerate(ALL)]


@pytest.mark.parametrize("number", range(len(ALL)), ids=names)
def test_action_does_what_haproxy_does(pair, number):
    reference, tested = pair
    for request in ALL[number].requests:
        head = request.replace("\n", "\r\n") + "\r\nConnection: close\r\n\r\n"
        case = Case("", head.encode(), ECHO, (request.split(" ")[0],), f"r{number}", "wait")
        expected, seen = reference.run(case), tested.run(case)
        assert (request, seen.origin, seen.client) == (request, expected.origin, expected.client)
        assert seen.log == expected.log, request


BODY_CONFIG = CONFIG.replace(
    "    default_backend be\nbackend be",
    "    http-request wait-for-body time 400ms at-least 4\n    default_backend be\nbackend be",
)
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def waiting() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(lambda program: Lab(program, BODY_CONFIG)) as made:
        yield made


BODIES = [
    POST + b"Content-Length: 8\r\n\r\nabcdefgh",
    POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    POST + b"Content-Length: 2\r\n\r\nab",
    POST + b"Content-Length: 40000\r\n\r\n" + b"x" * 40000,
    POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    POST + b"Content-Length: 0\r\n\r\n",
]


@pytest.mark.parametrize("step", [0, 7])
@pytest.mark.parametrize("send", BODIES, ids=range(len(BODIES)))
def test_body_that_is_waited_for_arrives(waiting, send, step):
    reference, tested = waiting
    case = Case("", send, ECHO, ("POST",), end="wait")
    expected, seen = reference.run(case), tested.run(case, step if len(send) < 400 else 0)
    assert (seen.origin, seen.client, seen.log) == (expected.origin, expected.client, expected.log)
