"""Request heads: parsed, headers looked up, rewritten for the server. A minimal one and one as browsers send it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MINIMAL = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
BROWSER = (
    b"GET /products/list?page=3&sort=price HTTP/1.1\r\n"
    b"Host: shop.example.com\r\n"
    b"Connection: keep-alive\r\n"
    b"Cache-Control: max-age=0\r\n"
    b"Upgrade-Insecure-Requests: 1\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    b"Sec-Fetch-Site: same-origin\r\n"
    b"Sec-Fetch-Mode: navigate\r\n"
    b"Sec-Fetch-Dest: document\r\n"
    b"Referer: https://shop.example.com/products/list?page=2\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    b"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
    b"\r\n"
)
HEADS = [pytest.param(MINIMAL, id="minimal"), pytest.param(BROWSER, id="browser")]


@pytest.fixture
def heads(kernel: Callable[[str], Any]) -> Any:
    """The loops over heads, with the parser bound."""
    from fastlb_core.bridge import llhttp

    llhttp.resolve()
    return kernel("head_loop")


@pytest.mark.parametrize("head", HEADS)
def test_parse_head(heads: Any, measure: Any, head: bytes) -> None:
    assert measure(heads.parse_head, head) == measure.rounds


def test_find_host_and_cookie_by_id(heads: Any, measure: Any) -> None:
    assert measure(heads.find_known, BROWSER) == 2 * measure.rounds


def test_find_other_header_by_name(heads: Any, measure: Any) -> None:
    assert measure(heads.find_name, BROWSER, b"sec-fetch-dest") == measure.rounds


@pytest.mark.parametrize("as_slices", [pytest.param(True, id="slices"), pytest.param(False, id="copied")])
@pytest.mark.parametrize("head", HEADS)
def test_parse_rewrite_and_lay_out(heads: Any, measure: Any, head: bytes, as_slices: bool) -> None:
    assert measure(heads.rewrite, head, as_slices) > len(head)
