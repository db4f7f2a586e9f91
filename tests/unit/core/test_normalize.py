"""`normalize-uri`: the manual's forms, and any bytes within the room that was asked for."""

from __future__ import annotations

import pytest
from fastlb_core.bridge.testkit import normalize

MERGE, DOT, DOTDOT, FULL, DECODE, UPPER, SORT = 2, 3, 4, 5, 6, 8, 10
CASES = [
    (0, b"/#foo", b"/%23foo"),
    (1, b"/#foo", b"/"),
    (MERGE, b"//a///b/", b"/a/b/"),
    (DOT, b"/a/./b/.", b"/a/b/"),
    (DOTDOT, b"/foo//../", b"/foo/"),
    (DOTDOT, b"/../a/../..", b"/../../"),
    (DOTDOT, b"..", b"../"),
    (FULL, b"/../a/../..", b"/"),
    (DECODE, b"/%61%2f%zz%", b"/a%2f%zz%"),
    (7, b"/%zz", None),
    (UPPER, b"%af%", b"%AF%"),
    (SORT, b"b&a=2&a=1&", b"a=2&a=1&b"),
    (SORT, b"", b""),
]


@pytest.mark.parametrize(("normalizer", "text", "expected"), CASES)
def test_normalizer_gives_the_manuals_form(normalizer: int, text: bytes, expected: bytes | None) -> None:
    assert normalize(normalizer, text) == expected


@pytest.mark.parametrize("normalizer", range(11))
def test_normalizer_takes_any_bytes_in_the_room_it_asks_for(normalizer: int) -> None:
    for text in (b"/", b"%", b"%%4", b"/..", b"/../" * 4000, b"&" * 16000, b"%41" * 5000, b"#" * 300, bytes(range(256))):
        normalize(normalizer, text)
