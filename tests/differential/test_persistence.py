"""Persistence by cookie: for each request and answer the same server, the same bytes to both sides and the same log letters."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from support.origin import Origin, by_request, reply
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

# Listeners by name, and what each says beside its servers.
COOKIES = {
    "insert": "cookie SRV insert",
    "indirect": "cookie SRV insert indirect",
    "nocache": "cookie SRV insert indirect nocache",
    "nocache_idle": "cookie SRV insert nocache maxidle 1h",
    "postonly": "cookie SRV insert indirect postonly",
    "preserve": "cookie SRV insert indirect preserve",
    "attributes": "cookie SRV insert attr SameSite=Lax httponly secure domain .a.test domain b.test attr X=1",
    "maxidle": "cookie SRV insert indirect maxidle 1h",
    "maxlife": "cookie SRV insert indirect maxlife 1h",
    "both_limits": "cookie SRV insert maxidle 10m maxlife 1h",
    "prefix": "cookie SRV prefix",
    "prefix_indirect": "cookie SRV prefix indirect",
    "rewrite": "cookie SRV rewrite",
    "rewrite_maxidle": "cookie SRV rewrite maxidle 1h",
    "passive": "cookie SRV",
    "passive_indirect": "cookie SRV indirect",
    "use_server": "cookie SRV insert indirect\n    use-server b if { hdr(u) -m found }",
    "use_server_maxidle": "cookie SRV insert indirect maxidle 1h\n    use-server b if { hdr(u) -m found }",
    "rules": """cookie SRV insert indirect
    http-request deny if { hdr(deny) -m found }
    http-request redirect location /x if { hdr(redirect) -m found }
    http-request return status 200 if { hdr(return) -m found }
    http-response set-header seen %[res.cook(SRV)]
    http-response deny if { res.hdr(refuse) -m found }
    http-after-response set-header seen-after %[res.cook(SRV)] if { res.cook(SRV) -m found }""",
    "option_persist": "cookie SRV insert indirect\n    option persist",
    "forced": "cookie SRV insert\n    force-persist if { hdr(f) -m found }\n    ignore-persist if { hdr(i) -m found }",
    "ignored": "cookie SRV insert\n    ignore-persist if { hdr(i) -m found }\n    force-persist if { hdr(f) -m found }",
    "stick": "cookie SRV insert indirect\n    stick-table type string size 1k expire 10m\n    stick on hdr(k)",
    "stick_maxidle": "cookie SRV insert indirect maxidle 1h\n    stick-table type string size 1k expire 10m\n    stick on hdr(k)",
    "stick_on_cookie": "cookie SRV insert indirect\n    stick-table type string size 1k expire 10m\n    stick on req.cook(SRV)",
}
# Everything by which a client may send a cookie, and then everything that is wrong with some of them.
GOOD = (
    "",
    "SRV=sa",
    "SRV=sb",
    "x=1; SRV=sb; y=2",
    "SRV=sb; y=2",
    "y=2; SRV=sb",
    "SRV=sdead",
    "SRV=snone",
    "SRV=sa~value",
    "a=1; SRV=sb~v~w; b=2",
    "SRV=sdead~v",
    "SRV=sa~",
)
BAD = (
    "SRV=",
    "SRV",
    "SRV=zz",
    'SRV="sa"',
    'SRV="sa~v"',
    "SRV=~v",
    "SRV=zz~v",
    "srv=sb",
    "xSRV=sb",
    "SRVX=sa; SRV=sb",
    "SRV; SRV=sb",
    "=sb; SRV=sb",
    "=; SRV=sb",
    "SRV=sb=1",
    "SRV=s b",
    "SRV=s\xe9",
    "SRV=" + "s" * 5000,
    "p=" + "v" * 5000 + "; SRV=sb; q=1",
    ";",
    ";;",
    ";;,,=;",
    "; SRV=sb",
    ";; SRV=sb",
    "; SRV=sb; y=2",
    ",SRV=sb,",
    "SRV=sb;",
    "SRV=sb; ;",
    "SRV=sb;;b=1",
    "a=1; SRV=sb;",
    "a=1; SRV=sb; ;",
    "; ; SRV=sb; ; ",
    "a=1;;SRV=sb;;b=2",
    "a=1;SRV=sb;b=2",
    "a=1;\tSRV=sb\t;b=2",
    "a=1,SRV=sb",
    "a=1,SRV=sb,c=3",
    "a=1;SRV=sb, c=2",
    "SRV = sb",
    " SRV  =  sb  ;  y=2 ",
    "x  =  1 ; SRV=sb; y = 2",
    "a=1 ; SRV=sb",
    'a="x;SRV=sa"; SRV=sb',
    'a="\\";SRV=sa"; SRV=sb',
    'a="x;SRV=sa; SRV=sb',
    '"SRV=sb"',
    "$Version=1; SRV=sb; $Path=/",
    "$Version=1; SRV=sb; $Path=/; $Domain=x; o=1; $Path=/q",
    "$Version=1, SRV=sb, o=1",
    "$Path = / ; SRV=sb; c = 1",
    "$SRV=sa; SRV=sb",
    "$Version=1",
    "SRV=sb; $Path=/",
    "a=1; SRV=sb; $Path=/, $Port; b=2",
    "a=1, SRV=sb ,$Path=/; b=1",
    "SRV=sa; SRV=sb",
    "SRV=zz; SRV=sb",
    "SRV=sdead; SRV=sb",
    "SRV=zz; SRV=sdead",
    "SRV=sdead; SRV=zz",
    "SRV=sb; SRV=sdead",
    "SRV=sb; SRV=zz",
    "SRV=sb; SRV=sb; a=1; SRV=sb",
    "SRV=sb; SRV=sa; $P=1; c=3",
    "a=1; SRV=sb; b=2; SRV=sa",
    "SRV=sa~v; SRV=sb~w; x~y=1",
    "x=1\r\nCookie: SRV=sb",
    "SRV=sa\r\nCookie: SRV=sb",
    "a=1\r\nCookie: SRV=sb\r\nCookie: b=2",
    "SRV=sb|x",
    "SRV=sb|x~v",
)
# Answers' headers.
SET_COOKIES = (
    ["Set-Cookie: SRV=foo; path=/app"],
    ["Set-Cookie: OTHER=1"],
    ["Set-Cookie: SRV=a1", "Set-Cookie: X=1", "Set-Cookie: SRV=a2; secure"],
    ["Set-Cookie: X=1, SRV=q; path=/, Y=2"],
    ["Set-Cookie: SRV=a,b; path=/"],
    ["Set-Cookie: SRV="],
    ["Set-Cookie: SRV=; path=/"],
    ['Set-Cookie: SRV="a b"; path=/'],
    ["Set-Cookie:   SRV  =  foo  ; path = /", "Set-Cookie: X = 1 ; path = /"],
    ["Set-Cookie: SRV"],
    ["Set-Cookie2: SRV=foo; path=/"],
    ["Set-Cookie: ;;,,=;", "Set-Cookie2: "],
    ["Set-Cookie: $Version=1; SRV=foo"],
    ["Set-Cookie: srv=foo"],
    ["Set-Cookie: , SRV=foo"],
    ["Set-Cookie: SRV=" + "v" * 2000 + "; path=/"],
)
_WORDS = ("max-age=10", "max-age=0", "s-maxage=10", "public", "private", "must-revalidate", "max-age=0, public", "max-age")
_WORDS_WITH_ETAG = (
    "private",
    "PRIVATE",
    "no-cache",
    "no-store",
    "max-age=0",
    "s-maxage=0",
    'no-cache="set-cookie"',
    "no-cache=x",
    "private, public",
    "public, private",
    "a=b ,  private  , c",
    "no-storeX",
    'private="x"',
)
CACHING = (
    [],
    ["Last-Modified: Thu, 26 Nov 2026 01:00:00 GMT"],
    ["Expires: 0"],
    *([f"Cache-Control: {words}"] for words in _WORDS),
    *(["ETag: x", f"Cache-Control: {words}"] for words in _WORDS_WITH_ETAG),
    ["ETag: x", "Pragma: no-cache"],
    ["ETag: x", "Pragma: x, no-cache"],
    ["ETag: x", "Pragma: no-cache", "Cache-Control: public"],
    ["ETag: x", "Cache-Control: no-store", "Cache-Control: public"],
    ["ETag: x", "Vary: *"],
)
STATUSES = (200, 201, 203, 206, 300, 301, 302, 303, 307, 400, 401, 403, 404, 405, 410, 414, 500, 501, 503)
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def date(seconds: float) -> str:
    """That many seconds from now, as a cookie has it."""
    units = (int(time.time() + seconds) + 3) >> 2
    return "".join(_DIGITS[units >> shift & 63] for shift in (24, 18, 12, 6, 0))


# Values behind `SRV=`, with {N} for a time N seconds from now.
DATED = (
    "sb|{7}",
    "sb|{-60}|{-100}",
    "sb|{-300}|{-300}",
    "sb|{-660}",
    "sb|{-660}|{-660}",
    "sb|{-7200}",
    "sb|{7}|{-7200}",
    "sb|{3600}",
    "sb|{90000}",
    "sb|{7}|{90000}",
    "sb|xx",
    "sb|!!!!!|{7}",
    "sb|{7}|!!",
    "sb|{7}zz|{7}yy",
    "sb|",
    "sb||{-7200}",
    "sb|{7}|",
    "sb|{7}|{7}|zz",
    "sb|AAAAA|AAAAA",
    "zz|{7}|{-100}",
    "sdead|{-7200}|{-7200}",
    "sdead|{7}|{-100}",
    "sb|{-7200}; SRV=zz",
    "zz; SRV=sb|{-7200}",
    "sb|{-7200}; SRV=sb",
    "sdead; SRV=sb|{-7200}",
    "sb|{-7200}; SRV=sdead",
    "sb|{7}; SRV=sb|{-7200}",
    "sb|{7}; SRV=sb|{-100}",
    "zz|{-10}; SRV=sb|{7}",
    "zz|{-10}|{-50}; SRV=sb",
    "sb|{-900}|{-1000}",
)


def dated(value: str) -> str:
    head, *rest = value.split("{")
    return head + "".join(date(float(number)) + tail for number, _, tail in (part.partition("}") for part in rest))


def configuration(origins: list[Origin], log: Syslog) -> str:
    text = f"global\n    log {log} len 20000 local0\n{HTTP}    log global\n    http-reuse never\n"
    text += '    log-format "%HU %b/%s %tsc %ST"\n'
    for name, lines in COOKIES.items():
        text += f"listen {name}\n    bind fd@{name}\n    {lines}\n"
        text += f"    server a {origins[0]} cookie sa\n    server b {origins[1]} cookie sb\n"
        text += f"    server none {origins[2]} weight 0\n    server dead {origins[3]} cookie sdead disabled\n"
    return (
        text
        + f"""
listen no_cookie
    bind fd@no_cookie
    cookie SRV insert indirect domain .x.test secure attr A=b maxidle 1h nocache
    server a {origins[0]}
    server b {origins[1]} cookie sb weight 0
listen no_cookie_prefix
    bind fd@no_cookie_prefix
    cookie SRV prefix
    server a {origins[0]}
listen unreachable
    bind fd@unreachable
    cookie SRV insert indirect
    retries 0
    server a 127.0.0.1:1 cookie sa
    server b {origins[1]} cookie sb weight 0
listen redispatch
    bind fd@redispatch
    cookie SRV insert indirect
    retries 1
    option redispatch
    server a 127.0.0.1:1 cookie sa
    server b {origins[1]} cookie sb
listen all_down
    bind fd@all_down
    cookie SRV insert indirect
    server a {origins[0]} cookie sa disabled
listen shared_cookie
    bind fd@shared_cookie
    cookie SRV insert indirect
    server a {origins[0]} cookie s1 disabled
    server b {origins[1]} cookie s1 backup
    server c {origins[2]} cookie s2
frontend split
    bind fd@split
    http-request deny if {{ hdr(deny) -m found }}
    default_backend split_be
backend split_be
    cookie SRV insert indirect
    http-request deny if {{ hdr(deny-be) -m found }}
    server a {origins[0]} cookie sa
"""
    )


@dataclass(frozen=True)
class Exchange:
    """headers: of the request. answer: headers that the origin sends. status: what it answers."""

    name: str
    cookie: str = ""
    headers: str = ""
    answer: tuple[str, ...] = ()
    method: str = "GET"
    status: int = 200


class Lab:
    """One program before four origins, whose answers the exchange under way decides."""

    def __init__(self, program: str) -> None:
        self.exchange = Exchange("")
        self.syslog = Syslog()
        self.origins = [Origin(by_request(lambda request: self._answer())) for _ in range(4)]
        self.proxy = Proxy(program, configuration(self.origins, self.syslog))
        self.number = 0

    def _answer(self) -> bytes:
        return reply(b"x", f"{self.exchange.status} S", self.exchange.answer)

    def run(self, exchange: Exchange, cookie: str) -> dict[str, object]:
        self.exchange = exchange
        self.number += 1
        for origin in self.origins:
            origin.forget()
        target = f"/{self.number}"
        headers = (f"Cookie: {cookie}\r\n" if cookie else "") + exchange.headers
        answer = self.proxy.fetch(target, exchange.method, headers, name=exchange.name)
        line = self.syslog.line(f" {target} ")
        requests = [(number, request) for number, origin in enumerate(self.origins) for request in origin.requests]
        return {
            "status": answer.status,
            "headers": [(name, value) for name, value in answer.headers if name.lower() != "content-length"],
            "requests": [(number, request.method, request.headers[1:]) for number, request in requests],
            "log": line[line.index(f" {target} ") :],
        }

    def close(self) -> None:
        print(self.proxy.output)
        self.proxy.finish()
        for origin in self.origins:
            origin.close()
        self.syslog.close()


@pytest.fixture(scope="module")
def labs() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(Lab) as made:
        yield made


@pytest.fixture
def same(labs: tuple[Lab, Lab]) -> Callable[[Exchange], None]:
    """Runs an exchange through both, again where a four-second unit of time began in between."""

    def check(exchange: Exchange) -> None:
        now = ""
        while now != date(0):
            now = date(0)
            cookie = dated(exchange.cookie)
            reference, tested = [lab.run(exchange, cookie) for lab in labs]
        assert tested == reference, exchange

    return check


@pytest.mark.parametrize("name", list(COOKIES)[: list(COOKIES).index("use_server")])
def test_cookies_of_requests(same, name):
    for cookie in GOOD + BAD:
        same(Exchange(name, cookie))


@pytest.mark.parametrize("name", list(COOKIES)[: list(COOKIES).index("use_server")])
def test_cookies_of_answers(same, name):
    for lines in SET_COOKIES:
        for cookie in ("", "SRV=sa", "SRV=zz", "SRV=sa~v"):
            same(Exchange(name, cookie, answer=tuple(lines)))


@pytest.mark.parametrize("name", ["insert", "maxidle", "maxlife", "both_limits", "nocache_idle", "rewrite_maxidle"])
def test_dates_of_cookies(same, name):
    for value in DATED:
        same(Exchange(name, f"SRV={value}"))


@pytest.mark.parametrize("name", ["nocache", "nocache_idle", "insert"])
def test_cached_answers_are_made_private(same, name):
    for lines in CACHING:
        same(Exchange(name, answer=tuple(lines)))
    for method in ("HEAD", "POST", "PUT", "OPTIONS", "DELETE", "TRACE"):
        same(Exchange(name, answer=("ETag: x",), method=method))
        same(Exchange(name, answer=("ETag: x", "Cache-Control: public"), method=method))
    for status in STATUSES:
        same(Exchange(name, answer=("ETag: x",), status=status))
    for cookie in ("SRV=sa", "SRV=sa|{-60}", "SRV=sa|{7}", "SRV=zz"):
        same(Exchange(name, cookie, answer=("ETag: x",)))


@pytest.mark.parametrize("cookie", ["", "SRV=sa", "SRV=zz"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_postonly(same, cookie, method):
    same(Exchange("postonly", cookie, method=method))


@pytest.mark.parametrize("name", ["use_server", "use_server_maxidle"])
def test_a_rule_comes_before_the_cookie(same, name):
    for cookie in ("", "SRV=sb", "SRV=zz", "SRV=sdead", "SRV=sb|{7}|{7}", "SRV=sb|{-9000}", "SRV=sb|{-9000}; SRV=sa"):
        same(Exchange(name, cookie, "u: 1\r\n"))
        same(Exchange(name, cookie, "u: 1\r\n", ("Set-Cookie: SRV=x",)))
        same(Exchange(name, cookie))


@pytest.mark.parametrize("header", ["", "deny", "redirect", "return"])
@pytest.mark.parametrize("cookie", ["", "SRV=sa", "SRV=zz"])
def test_rules_see_the_cookie_before_and_after(same, header, cookie):
    for answer in ((), ("Set-Cookie: SRV=q",), ("Refuse: 1",)):
        same(Exchange("rules", cookie, f"{header}: 1\r\n" if header else "", answer))


@pytest.mark.parametrize("name", ["option_persist", "forced", "ignored"])
@pytest.mark.parametrize("headers", ["", "i: 1\r\n", "f: 1\r\n", "i: 1\r\nf: 1\r\n"])
def test_persistence_forced_and_ignored(same, name, headers):
    for cookie in ("", "SRV=sb", "SRV=zz", "SRV=sdead"):
        same(Exchange(name, cookie, headers))
        same(Exchange(name, cookie, headers, ("Set-Cookie: SRV = q",)))


@pytest.mark.parametrize("name", ["stick", "stick_maxidle"])
def test_the_cookie_comes_before_the_table(same, name):
    for _ in range(2):
        for key, cookie in ((1, ""), (1, "SRV=sb"), (1, "SRV=sa"), (1, "SRV=zz"), (2, "SRV=zz"), (3, "SRV=sdead"), (3, "")):
            same(Exchange(name, cookie, f"k: {key}\r\n"))
            same(Exchange(name, cookie, f"k: {key}\r\n", ("Set-Cookie: SRV=q",)))


def test_a_table_does_not_see_a_hidden_cookie(same):
    for _ in range(3):
        same(Exchange("stick_on_cookie", "SRV=zz"))


@pytest.mark.parametrize("name", ["no_cookie", "no_cookie_prefix"])
def test_servers_without_a_cookie(same, name):
    for cookie in ("", "SRV=sb", "SRV=zz", "SRV=zz~v"):
        for answer in ((), ("ETag: x",), ("Set-Cookie: SRV=q; path=/",)):
            same(Exchange(name, cookie, answer=answer))


@pytest.mark.parametrize("name", ["unreachable", "redispatch", "all_down", "shared_cookie", "split"])
def test_servers_that_cannot_be_reached(same, name):
    for cookie in ("", "SRV=sa", "SRV=sb", "SRV=s1", "SRV=zz"):
        same(Exchange(name, cookie))
    same(Exchange(name, "SRV=sa", "deny: 1\r\n"))
    same(Exchange(name, "SRV=sa", "deny-be: 1\r\n"))
