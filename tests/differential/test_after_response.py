"""`http-after-response` rules over answers that come from no server: pages, rules' answers, redirects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.programs import both_programs

from .lab import Case, Lab, assert_same

PAGE = Path(__file__).with_name("pages") / "down.http"

CONFIG = """
global
    log {log} len 20000 local0
    tune.bufsize 4096
defaults
    mode http
    log global
    log-format "%ft %b/%s %ST %B %tsc %hs %r"
    timeout connect 2s
    timeout client 2s
    timeout server 900ms
    timeout http-request 900ms
    timeout tarpit 100ms
    timeout http-keep-alive 2s
    retries 0
    http-reuse never
frontend fe
    bind fd@fe
    declare capture response len 20
    monitor-uri /monitor
    http-request set-var(txn.a) str(kept)
    http-request set-var(txn.odd) req.hdr(x-odd)
    http-request deny if {{ path /deny }}
    http-request deny status 418 content-type a/b string x if {{ path /teapot }}
    http-request return status 200 content-type text/plain string abc hdr X-Drop 1 if {{ path /return }}
    http-request return status 200 content-type text/plain string abc hdr Connection close if {{ path /return_close }}
    http-request return status 200 errorfile PAGE if {{ path /page }}
    http-request redirect location /x if {{ path /redirect }}
    http-request auth if {{ path /auth }}
    http-request tarpit if {{ path /tarpit }}
    http-request early-hint a b if {{ path /hint }}
    http-response return status 200 content-type text/plain string abc if {{ status 203 }}
    http-response set-header X-Response no
    http-after-response set-header X-Fe %[status]/%[res.fhdr_cnt]/%[var(txn.a)]
    http-after-response del-header x-drop
    http-after-response set-header X-Be-Seen %[res.hdr(x-be)]
    http-after-response capture res.hdr(content-length) id 0
    http-after-response set-status 299 reason Odd if {{ var(txn.odd) -m str 1 }}
    http-after-response replace-value content-type text/(.*) "text/x \\1"
    http-after-response allow if {{ status 302 }}
    http-after-response set-header X-Last 1
    use_backend none if {{ path /none }}
    use_backend dead if {{ path_beg /dead }}
    use_backend be_deny if {{ path /be_deny }}
    default_backend be
frontend fe_strict
    bind fd@fe_strict
    http-request return status 204 if {{ path /empty }}
    http-request set-var(txn.long) str(LONG)
    http-request deny if {{ path /deny }}
    http-request set-var(txn.off) int(1) if {{ path /off }}
    http-request deny if {{ path /off }}
    http-after-response strict-mode off if {{ var(txn.off) -m int 1 }}
    http-after-response set-header X-A %[var(txn.long)]
    http-after-response set-header X-B %[var(txn.long)]
    http-after-response set-header X-C %[var(txn.long)]
    http-after-response set-header X-D d
    default_backend be
backend none
    http-after-response set-header X-None %[be_name]
backend dead
    http-after-response set-header X-Be %[be_name]
    errorfile 503 PAGE
    server s1 {dead}
backend be_deny
    http-request deny
    http-after-response set-header X-Be %[be_name]
    server s1 {origin}
backend be
    http-after-response set-header X-Be %[be_name]
    http-response deny if {{ status 201 }}
    server s1 {origin}
"""


def config() -> str:
    return CONFIG.replace("PAGE", str(PAGE)).replace("LONG", "x" * 1500)


def get(path: str, version: str = "1.1", method: str = "GET", head: str = "") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: a.test\r\n{head}\r\n".encode()


def status(code: int) -> bytes:
    return b"HTTP/1.1 %d Some\r\nContent-Length: 2\r\nX: y\r\n\r\nok" % code


PATHS = (
    "/deny", "/teapot", "/return", "/return_close", "/page", "/redirect", "/auth", "/tarpit",
    "/hint", "/monitor", "/none", "/dead", "/be_deny", "/",
)  # fmt: skip
CASES = [
    *(Case(path, get(path), end="next" if "dead" not in path else "wait") for path in PATHS),
    *(Case(f"{path} closed", get(path, head="Connection: close\r\n"), end="wait") for path in ("/deny", "/return", "/redirect")),
    *(Case(f"{path} 1.0", get(path, "1.0"), end="wait") for path in ("/deny", "/return", "/page")),
    *(Case(f"{path} HEAD", get(path, method="HEAD"), methods=("HEAD",)) for path in ("/deny", "/return", "/redirect")),
    *(Case(f"{path} odd", get(path, head="X-Odd: 1\r\n"), end="wait") for path in ("/deny", "/return", "/dead")),
    *(Case(f"answer {code}", get("/"), status(code)) for code in (200, 201, 203)),
    *(Case(f"failing {path}", get(path), to="fe_strict", end="wait") for path in ("/deny", "/off", "/")),
    Case("no answer", get("/"), b"", close=True, end="wait"),
    Case("junk answer", get("/"), b"junk\r\n\r\n", close=True, end="wait"),
    Case("answer too late", get("/"), lambda conn: conn.read_to_end(), end="wait"),
    Case("bad request", b"GET / HTTP/1.1\r\nHo st: a\r\n\r\n", end="wait"),
    Case("too late", b"GET / HTTP/1.1\r\n", end="wait"),
]


@pytest.fixture(scope="module")
def labs() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(lambda program: Lab(program, config())) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_answer_is_the_same(labs, case):
    assert_same(labs, case)
