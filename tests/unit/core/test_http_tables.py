"""Request targets, authorities, default pages, reason phrases and dates."""

from __future__ import annotations

import email.utils
import time

import pytest
from fastlb_core.bridge import testkit_base as core
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("target", "form", "authority", "path", "query", "path_query"),
    [
        (b"/", "origin", None, b"/", None, b"/"),
        (b"/a?b?c", "origin", None, b"/a", b"b?c", b"/a?b?c"),
        (b"/a?", "origin", None, b"/a", b"", b"/a?"),
        (b"*", "asterisk", None, b"*", None, b"*"),
        (b"http://h", "absolute", b"h", b"", None, b""),
        (b"http://h:1/p?q", "absolute", b"h:1", b"/p", b"q", b"/p?q"),
        (b"http://h?q", "absolute", b"h", b"", b"q", b"?q"),
        (b"h+1.-x://u@h/", "absolute", b"u@h", b"/", None, b"/"),
        (b"h:443", "authority", b"h:443", None, None, None),
        (b"1http://h/", "invalid", None, None, None, None),
        (b"abc", "invalid", None, None, None, None),
        (b"", "invalid", None, None, None, None),
    ],
)
def test_target_is_split_by_its_form(
    target: bytes, form: str, authority: bytes | None, path: bytes | None, query: bytes | None, path_query: bytes | None
) -> None:
    uri = core.split_uri(target)
    assert uri["form"] == form
    assert uri["authority"] == authority
    if form != "invalid":
        assert (uri["path"], uri["query"], uri["path_query"]) == (path, query, path_query)


@pytest.mark.parametrize(
    ("authority", "found"),
    [
        (b"a.test", (b"a.test", 0)),
        (b"a.test:80", (b"a.test", 80)),
        (b"a.test:", (b"a.test", 0)),
        (b"a.test:65535", (b"a.test", 65535)),
        (b"a.test:65536", None),
        (b"a.test:4294967297", None),
        (b"a.test:+1", None),
        (b"a:1:2", None),
        (b":80", None),
        (b"", None),
        (b"[::1]", (b"[::1]", 0)),
        (b"[::1]:8", (b"[::1]", 8)),
        (b"[]", None),
        (b"[::1", None),
        (b"[::1]x", None),
        (b"[v1.a:b]", (b"[v1.a:b]", 0)),
        (b"a_b-c.d~e", (b"a_b-c.d~e", 0)),
        (b"a%20b", (b"a%20b", 0)),
        (b"a%2", None),
        (b"a%zz", None),
    ],
)
def test_authority_is_split_at_its_port(authority: bytes, found: tuple[bytes, int] | None) -> None:
    assert core.host_port(authority) == found


@pytest.mark.parametrize("byte", [bytes([b]) for b in b'\0\t\n\r "#,/<>?@\\^`{|}\x7f\x80\xff'])
def test_byte_that_joins_or_ends_a_host_is_refused(byte: bytes) -> None:
    assert core.host_port(b"a" + byte + b"b") is None


STATUSES = [400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504, 505]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("closes", [False, True])
def test_default_page_frames_its_body(status: int, closes: bool) -> None:
    page = core.default_page(status, closes)
    head, body = page.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 %d " % status)
    if status in (400, 408, 414, 431, 505):
        # Sent before there is a request, as haproxy spells it.
        assert lines[1] == b"Content-length: %d" % len(body)
        assert lines[2:] == [b"Cache-Control: no-cache", b"Connection: close", b"Content-Type: text/html"]
    else:
        assert lines[1] == b"content-length: %d" % len(body)
        assert lines[2:4] == [b"cache-control: no-cache", b"content-type: text/html"]
        assert lines[4:] == ([b"connection: close"] if closes else [])
    assert body.startswith(b"<html><body><h1>" + lines[0][9:] + b"</h1>\n")
    assert body.endswith(b"\n</body></html>\n")
    assert core.default_page(status, closes, head_only=True) == head + b"\r\n\r\n"


def test_pages_are_haproxys() -> None:
    assert core.default_page(503) == (
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n"
        b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"
    )
    assert core.monitor(True) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 58\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n"
        b"<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n"
    )
    assert core.monitor(False) == core.default_page(503)
    assert core.default_page(418) is None
    assert core.default_page(200) is None


def test_reason_phrases() -> None:
    assert core.phrase(404) == b"Not Found"
    assert core.phrase(599) == b"Server Error"


@given(st.integers(1, 4_000_000_000))
def test_dates_are_those_of_the_standard_library(now: int) -> None:
    http, log = core.dates(now)
    assert http.decode() == email.utils.formatdate(now, usegmt=True)
    local = time.localtime(now)
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][local.tm_mon - 1]
    assert log.decode() == f"{local.tm_mday:02}/{month}/{local.tm_year}:{time.strftime('%H:%M:%S', local)}"
