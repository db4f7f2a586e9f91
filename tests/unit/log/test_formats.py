"""Formats without a stream: spaces, flags, JSON, CBOR, and rooms that are too small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastlb_core.bridge.logkit import build_format
from fastlb_core.bridge.registry import aliases
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlb.config.log_aliases import ALIASES

from .conftest import build

PROGRAM = build({"kind": 2, "address": b"", "fd": 1})
QUOTE, HEX, ESCAPE, BINARY, JSON, CBOR, HTTP = 1, 2, 4, 8, 16, 32, 256


def text(content: bytes, flags: int = 0, name: bytes = b"") -> tuple[Any, ...]:
    """An expression whose value is that text."""
    return ("expr", ("expr", "str", [content], []), flags, name, b"")


def number(value: int, flags: int = 0, name: bytes = b"") -> tuple[Any, ...]:
    return ("expr", ("expr", "int", [value], []), flags, name, b"")


def alias(letters: str, flags: int = 0, name: bytes = b"") -> tuple[Any, ...]:
    return ("alias", letters, flags, name, b"")


def plain(content: bytes) -> tuple[Any, ...]:
    return ("text", content, 0, b"", b"")


SPACE = ("space", b"", 0, b"", b"")


def built(*items: tuple[Any, ...], flags: int = 0, room: int = 4000) -> bytes:
    line: bytes = build_format(PROGRAM, ("format", list(items), flags), room)
    return line


LINES = [
    ([SPACE, plain(b"a"), SPACE, SPACE, plain(b"b"), SPACE], b"a b "),
    ([plain(b"a"), SPACE, alias("sslv", HTTP), SPACE, plain(b"b")], b"a b"),
    ([alias("sslv"), alias("sslc", QUOTE), alias("sslc", HTTP), alias("sslc", HTTP | QUOTE)], b'-""""'),
    ([text(b'a"b\\c]', QUOTE), text(b'"\\]x', QUOTE | ESCAPE)], b'"a"b\\c]""\\"\\\\\\]x"'),
    ([text(b""), text(b"", QUOTE), text(b"x", HTTP | QUOTE)], b'-""x'),
    ([text(b'a\r\n\tb"]\x7f\xff', HTTP | QUOTE), text(b'"\n]', HTTP | ESCAPE)], b'a%0D%0A\tb"]%7F\xff\\"%0A\\]'),
    ([text(b"a\n", HTTP | 512 | QUOTE), text(b"", HTTP | 512 | QUOTE), text(b"", HTTP | 512)], b'"a\n"""'),
    ([text(b"a\x00b"), text(b"a\x00b", HTTP), text(b"\x00b")], b"aa%00b-"),
    ([number(5, JSON | 1024), number(5, JSON | 4096), text(b"12", JSON | 2048), alias("pid", JSON | 1024)], b'"5"true12"20697"'),
    ([number(-5), number(255, HEX), number(2**63 - 1, QUOTE)], b'-5255"9223372036854775807"'),
    ([alias("pid"), plain(b"|"), alias("pid", HEX), plain(b"|"), alias("pid", QUOTE | HEX)], b"20697|50D9|50D9"),
    ([text(b'a"\x01', JSON), number(7, JSON), alias("sslv", JSON)], b'"a\\"\\u0001"7null'),
]


@pytest.mark.parametrize("items, expected", LINES)
def test_line_of_a_format(items: list[tuple[Any, ...]], expected: bytes) -> None:
    assert built(*items) == expected


def test_json_line_has_the_named_items_only() -> None:
    line = built(plain(b"x"), text(b"v", JSON, b"k\""), SPACE, number(1, JSON), alias("pid", JSON, b"p"), flags=JSON)
    assert line == b'{"k\\"": "v", "p": 20697}'


@pytest.mark.parametrize(
    "value, encoded",
    # RFC 8949, appendix A
    [
        (0, "00"), (23, "17"), (24, "1818"), (255, "18FF"), (256, "190100"), (65536, "1A00010000"), (2**32, "1B0000000100000000"),
        (-1, "20"), (-100, "3863"), (-1000, "3903E7"), (-(2**63), "3B7FFFFFFFFFFFFFFF"),
    ],
)  # fmt: skip
def test_cbor_integers(value: int, encoded: str) -> None:
    assert built(number(value, CBOR)).decode() == encoded
    assert built(number(value, CBOR | BINARY)) == bytes.fromhex(encoded)


def test_cbor_map() -> None:
    items = (text(b"hello", CBOR, b"a"), alias("sslv", CBOR, b"b"))
    assert built(*items, flags=CBOR) == b"BF61616568656C6C6F6162F6FF"
    binary = tuple((kind, value, flags | BINARY, name, rest) for kind, value, flags, name, rest in items)
    assert built(*binary, flags=CBOR | BINARY) == bytes.fromhex("BF61616568656C6C6F6162F6FF")


PIECES = st.one_of(
    st.builds(text, st.binary(max_size=300), st.integers(0, 63), st.binary(max_size=5)),
    st.builds(number, st.integers(-(2**63), 2**63 - 1), st.integers(0, 63), st.binary(max_size=5)),
    st.builds(plain, st.binary(max_size=50)),
    st.builds(alias, st.sampled_from(["pid", "sslv", "H"]), st.integers(0, 63), st.binary(max_size=5)),
    st.just(SPACE),
)


@given(st.lists(PIECES, max_size=8), st.sampled_from([0, JSON, CBOR, CBOR | BINARY]), st.integers(0, 900))
@settings(max_examples=300)
def test_no_format_writes_behind_its_room(items: list[tuple[Any, ...]], flags: int, room: int) -> None:
    whole = built(*items, flags=flags, room=7900)
    assert len(built(*items, flags=flags, room=room)) <= room
    if not flags and not any(item[2] & (JSON | CBOR) for item in items):
        assert whole.startswith(built(*items, flags=flags, room=room))


@given(st.binary(max_size=400))
def test_json_text_is_what_went_in(content: bytes) -> None:
    line = built(text(content, JSON, b"k"), flags=JSON)
    assert json.loads(line.decode("latin-1")) == {"k": content.decode("latin-1")}


def test_core_and_tables_know_the_same_aliases() -> None:
    assert aliases() == sorted(ALIASES)
