"""Rules that answer: `return`, `deny`, `redirect`, `auth` and their kin give the client haproxy's bytes and log lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.programs import both_programs

from .lab import HEAD, Case, Lab, assert_same

PAGE = Path(__file__).with_name("pages") / "down.http"

# One rule each; the request's path is /N for the Nth, with a query.
RULES = [
    'http-request return status 200 content-type text/plain string "abc" hdr X-Y "v %[path]" hdr Zz b',
    "http-request return",
    "http-request return status 404",
    'http-request return status 200 content-type text/html lf-string "p=%[path]"',
    "http-request return status 204 hdr A b",
    "http-request return status 599 content-type a/b string x",
    f"http-request return status 200 errorfile {PAGE}",
    "http-request return status 503 default-errorfiles",
    "http-request return status 400 content-type a/b string x",
    "http-request deny",
    "http-request deny deny_status 404",
    "http-request deny status 418 content-type a/b string x",
    "http-request deny hdr A b",
    "http-request deny deny_status 400",
    "http-request tarpit",
    "http-request tarpit deny_status 429",
    "http-request redirect location /x%[path] code 301",
    "http-request redirect prefix http://h/p",
    "http-request redirect scheme https",
    "http-request redirect location /z code 303 drop-query set-cookie A=b",
    "http-request redirect location /z code 302 clear-cookie A=",
    "http-request redirect prefix / drop-query append-slash",
    "http-request redirect code 307 prefix /q",
    "http-request redirect code 308 location /q",
    "http-request redirect location x ignore-empty",
    'http-request auth realm "a b"',
    "http-request auth",
    "http-request reject",
    "http-request allow",
    "http-request early-hint link </a>",
    "redirect location /old",
    "redirect prefix /p code 301",
]

CONFIG = HEAD + """    timeout tarpit 100ms
frontend fe
    bind fd@fe
RULES
    default_backend be
frontend fe_response
    bind fd@fe_response
    default_backend be_response
backend be
    server s1 {origin}
backend be_response
    http-response deny if {{ status 201 }}
    http-response deny status 418 content-type a/b string x if {{ status 202 }}
    http-response return status 200 content-type a/b string x hdr A b if {{ status 203 }}
    http-response redirect location /x if {{ status 204 }}
    http-response set-header X-Seen %[status]
    server s1 {origin}
"""


def config() -> str:
    lines = []
    for number, rule in enumerate(RULES):
        condition = f"{{{{ path /{number} }}}}"
        lines.append(f"    {rule} if {condition}")
    # haproxy warns where a redirect rule stands before an http-request rule; these stand last.
    return CONFIG.replace("RULES", "\n".join(lines))


def get(path: str, version: str = "1.1", method: str = "GET", head: str = "") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: a.test\r\n{head}\r\n".encode()


def status(code: int) -> bytes:
    return b"HTTP/1.1 %d Some\r\nContent-Length: 2\r\nX: y\r\n\r\nok" % code


CASES = [
    *(
        Case(
            f"{number} {rule.split(' hdr')[0].replace(str(PAGE), 'page')}",
            get(f"/{number}?a=b"),
            end="wait" if "reject" in rule else "next",
        )
        for number, rule in enumerate(RULES)
    ),
    *(Case(f"{number} closed", get(f"/{number}", head="Connection: close\r\n"), end="wait") for number in (0, 3, 6, 9, 10, 16)),
    *(Case(f"{number} 1.0", get(f"/{number}", "1.0"), end="wait") for number in (0, 1, 6, 9, 16, 26, 29)),
    *(Case(f"{number} HEAD", get(f"/{number}", method="HEAD"), methods=("HEAD",)) for number in (0, 3, 9, 16)),
    Case("deny of a post", b"POST /9 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello", methods=("POST",)),
    Case("redirect of an absolute target", get("http://b.test/18?x"), end="wait"),
    Case("no rule applies", get("/none")),
    *(Case(f"answer {code}", get("/"), status(code), to="fe_response") for code in (200, 201, 202, 203)),
    Case("answer 204", get("/"), b"HTTP/1.1 204 No\r\n\r\n", to="fe_response"),
]


@pytest.fixture(scope="module")
def labs() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(lambda program: Lab(program, config())) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_reply_of_a_rule_is_the_same(labs, case):
    assert_same(labs, case)
