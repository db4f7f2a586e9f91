"""Files of patterns: lines, columns, names; and the rows of the map converters."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from fastlb.config.pattern_files import (
    FileKind,
    PatternLine,
    PatternName,
    parse_name,
    parse_patterns,
    read_patterns,
)
from fastlb.config.samples import CONVERTERS
from fastlb.config.samples.values import ArgumentFault, MapRef
from fastlb.config.values import ValueFault

LISTS = [
    (b"a\nb\n", [(1, b"a"), (2, b"b")]),
    (b"a", [(1, b"a")]),
    (b"a b c  \n  d\n", [(1, b"a b c  "), (2, b"d")]),
    (b"a\r\nb\r\n\r\n", [(1, b"a"), (2, b"b")]),
    (b"#c\n #d\n\n\t\n", [(2, b"#d")]),
    (b"a\0b\n\0\n", [(1, b"a")]),
    (b"\xff\xfe\n", [(1, b"\xff\xfe")]),
    (b"", []),
]
MAPS = [
    (b"a v\n", [(1, b"a", b"v")]),
    (b"   2.22.246.0/23    United Kingdom      \n", [(1, b"2.22.246.0/23", b"United Kingdom")]),
    (b"f\tg h\t \r\n", [(1, b"f", b"g h")]),
    (b"k\nl \n", [(1, b"k", b""), (2, b"l", b"")]),
    (b"   \n\t#x y\n#c d\nk v", [(2, b"#x", b"y"), (4, b"k", b"v")]),
    (b"a v\r\n", [(1, b"a", b"v")]),
    (b"a x\0y\n", [(1, b"a", b"x")]),
]


@pytest.mark.parametrize(("text", "entries"), LISTS)
def test_a_list_has_one_pattern_a_line(text: bytes, entries: list[tuple[int, bytes]]) -> None:
    assert parse_patterns(text, is_map=False) == [PatternLine(*entry, None) for entry in entries]


@pytest.mark.parametrize(("text", "entries"), MAPS)
def test_a_map_has_two_columns(text: bytes, entries: list[tuple[int, bytes, bytes]]) -> None:
    assert parse_patterns(text, is_map=True) == [PatternLine(*entry) for entry in entries]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("/etc/x.map", PatternName(FileKind.FILE, "/etc/x.map", "/etc/x.map")),
        ("file@x.map", PatternName(FileKind.FILE, "x.map", "x.map")),
        ("opt@/etc/x", PatternName(FileKind.OPTIONAL, "/etc/x", "/etc/x")),
        ("virt@ids", PatternName(FileKind.VIRTUAL, "virt@ids", "")),
        ("./opt@x", PatternName(FileKind.FILE, "./opt@x", "./opt@x")),
        ("other@x", PatternName(FileKind.FILE, "other@x", "other@x")),
    ],
)
def test_names(word: str, name: PatternName) -> None:
    assert parse_name(word) == name


def test_files_are_read_and_missing_ones_refused_unless_optional(tmp_path: Path) -> None:
    path = tmp_path / "x.map"
    path.write_bytes(b"a 1\n")
    assert read_patterns(str(path), is_map=True) == [PatternLine(1, b"a", b"1")]
    assert read_patterns(f"file@{path}", is_map=False) == [PatternLine(1, b"a 1", None)]
    assert read_patterns(f"opt@{path}", is_map=True) == [PatternLine(1, b"a", b"1")]
    assert read_patterns(f"opt@{tmp_path}/none", is_map=True) == []
    assert read_patterns("virt@x", is_map=True) == []
    for word in (f"{tmp_path}/none", f"file@{tmp_path}/none", str(tmp_path), f"opt@{tmp_path}", "", "a\0b"):
        with pytest.raises(ValueFault) as caught:
            read_patterns(word, is_map=True)
        assert caught.value.message == f"failed to open pattern file <{parse_name(word).path}>"


def test_the_map_family_is_complete() -> None:
    methods = ("str", "beg", "sub", "dir", "dom", "end", "reg", "int", "ip")
    expected = {f"map_{method}{output}" for method in methods for output in ("", "_int", "_ip", "_key")} | {"map", "map_regm"}
    assert {name for name in CONVERTERS if name.startswith("map")} == expected
    assert all(CONVERTERS[name].core == "map" for name in expected)


def test_arguments_become_a_reference_and_a_default() -> None:
    def check(name: str, *arguments: str | int) -> list[object]:
        function = CONVERTERS[name].check
        assert function is not None
        return list(function(list(arguments)))

    assert check("map", "x.map") == [MapRef("x.map", "str", "str")]
    assert check("map_beg", "x.map", "d") == [MapRef("x.map", "beg", "str"), "d"]
    assert check("map_ip_int", "x.map", 5) == [MapRef("x.map", "ip", "int"), 5]
    assert check("map_regm", "x.map") == [MapRef("x.map", "regm", "str")]
    assert check("map_str_ip", "x", "1.2.3.4") == [MapRef("x", "str", "ip"), IPv4Address("1.2.3.4")]
    assert check("map_str_ip", "x", "::1") == [MapRef("x", "str", "ip"), IPv6Address("::1")]
    for text in ("", "x", "10.1", "1.2.3.4/8"):
        with pytest.raises(ArgumentFault) as caught:
            check("map_str_ip", "x", text)
        assert caught.value.message == f"map: cannot parse default ip <{text}>."
