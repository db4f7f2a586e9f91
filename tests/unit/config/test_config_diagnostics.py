"""How messages are printed, and what is suggested for a typo."""

from __future__ import annotations

import json

import pytest

from fastlb.config import Resolver, load_text
from fastlb.config.diagnostics import MAX_DIAGNOSTICS, Diagnostic, Diagnostics, nearest
from fastlb.config.model import Location


def test_haproxys_line_is_followed_by_source_caret_and_hint() -> None:
    diagnostic = Diagnostic(
        "alert",
        "unknown-keyword",
        "unknown keyword 'balnce'",
        "parsing [f:3] : ",
        Location("f", 3, 2),
        "write 'balance'",
        "\tbalnce x",
    )
    assert diagnostic.render(pid=42).split("\n") == [
        "[ALERT]    (42) : config : parsing [f:3] : unknown keyword 'balnce'",
        "  3:2 | \tbalnce x",
        "      | \t^~~~~~",
        "      hint: write 'balance'",
    ]


def test_tags_line_up_as_haproxys_do() -> None:
    lines = [Diagnostic(severity, "x", "m").render(pid=1) for severity in ("alert", "warning", "notice")]
    assert lines == ["[ALERT]    (1) : config : m", "[WARNING]  (1) : config : m", "[NOTICE]   (1) : config : m"]


def test_long_lines_are_cut_around_the_fault_and_controls_are_escaped() -> None:
    source = "a" * 5000 + " \x1b[31mfault " + "b" * 5000
    text = Diagnostic("alert", "x", "m\x07", "", Location("f", 1, 5002), "", source).render(pid=1)
    assert "\x1b" not in text and "\x07" not in text and "\\x1b[31mfault" in text
    assert max(len(line) for line in text.split("\n")) < 200


def test_json_has_an_object_for_each_message() -> None:
    _, diagnostics = load_text("frontend f\n    bind :80 nme x\n", file="a.cfg", environment={})
    first = json.loads(diagnostics.to_json())[0]
    assert first == {
        "severity": "alert",
        "code": "unknown-keyword",
        "message": "parsing [a.cfg:2] : 'bind :80' in section 'frontend': unknown keyword 'nme'; did you mean 'name' maybe ?",
        "file": "a.cfg",
        "line": 2,
        "column": 14,
        "hint": "write 'name'",
        "source": "    bind :80 nme x",
    }


def test_messages_beyond_the_limit_are_counted_not_kept() -> None:
    configuration, diagnostics = load_text("global\n" + "nosuchkeyword\n" * 3000, environment={})
    assert configuration is None
    assert len(diagnostics) <= MAX_DIAGNOSTICS + 3


def test_nothing_is_concluded_without_errors() -> None:
    diagnostics = Diagnostics()
    diagnostics.warning("x", "y")
    diagnostics.conclude()
    assert (len(diagnostics), diagnostics.has_errors, diagnostics.has_warnings) == (1, False, True)


@pytest.mark.parametrize(
    ("word", "candidates", "expected"),
    [
        ("balnce", ["bind", "balance", "backlog"], "balance"),
        ("chek", ["check", "cookie"], "check"),
        ("frontedn", ["frontend", "backend"], "frontend"),
        ("x", ["y", "xy"], ""),
        ("completely-different", ["bind"], ""),
        ("wieght", ["weight"], "weight"),
    ],
)
def test_suggestion_is_the_nearest_keyword_or_none(word: str, candidates: list[str], expected: str) -> None:
    assert nearest(word, candidates) == expected


def test_column_of_a_continued_line_is_that_of_its_physical_line() -> None:
    text = "frontend f\n    bind :80 \\\n        nme x\n"
    _, diagnostics = load_text(text, environment={}, resolver=Resolver(lambda name, family: None))
    assert (diagnostics.items[0].location, diagnostics.items[0].source) == (Location("<text>", 3, 9), "        nme x")


def test_column_counts_characters_not_bytes() -> None:
    _, diagnostics = load_text("frontend f\n    bind :80 name '\u00e9\u00e9' nme\n", environment={})
    assert diagnostics.items[0].location == Location("<text>", 2, 24)


def test_hint_that_repeats_bytes_that_are_not_utf8_can_be_printed() -> None:
    """The hint for an unknown user repeated its raw bytes, and `--format json` could not be encoded."""
    _, diagnostics = load_text(b"global\n user \x80\n", environment={})
    diagnostics.to_json().encode()
    diagnostics.render(pid=1).encode()
