"""The lexer against the manual's sections 2.2 and 2.3, each answer as `haproxy -c` 2.6 gives it unless it says otherwise."""

from __future__ import annotations

import pytest

from fastlb.config.lexer import LexError, expand, is_continued, split, split_with_columns

VARIABLES = {"HOME": "/root", "EMPTY": "", "LIST": "one two  three ", "LEAD": "  a  b", "_x9": "ok"}


def words(line: str) -> list[str]:
    return split(line.encode("utf-8", "surrogateescape"), VARIABLES.get)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        (" \t\r ", []),
        ("global#this is the global section", ["global"]),
        ("  a\tb  c  # d", ["a", "b", "c"]),
        ("a \\# b", ["a", "#", "b"]),
        ("one\\ word", ["one word"]),
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b'\"c\"d", ["abcd"]),
        ('a "" b', ["a", "", "b"]),
        ("'$HOME # \\n'", ["$HOME # \\n"]),
        ('"# not a comment"', ["# not a comment"]),
        ("$HOME ${HOME}", ["$HOME", "${HOME}"]),
        ('"$HOME/x" "${HOME}y" "${_x9}"', ["/root/x", "/rooty", "ok"]),
        ('"${NONE}e" "${EMPTY-d}|" "${NONE-def ault}z" "${NONE-a-b}" "${NONE-}"', ["e", "|", "def aultz", "a-b", ""]),
        ('"${LIST[*]}"', ["one", "two", "three", ""]),
        ('x"${LIST[*]}"y', ["xone", "two", "three", "y"]),
        ('z"${LEAD[*]}"z', ["z", "a", "bz"]),
        ('"${NONE[*]-a b}" "${NONE[*]}"', ["a", "b", ""]),
        ("a\\x41\\n\\t\\r\\\\\\\"\\'", ["aA\n\t\r\\\"'"]),
        ('"\\$HOME \\" \\x24 \\q" \\q \\$', ['$HOME " $ \\q', "\\q", "$"]),
        ("trailing\\", ["trailing\\"]),
        ("non\u00a0breaking \u00e9", ["non\u00a0breaking", "\u00e9"]),
        ("raw\udcffbyte", ["raw\udcffbyte"]),
        ("a\vb\fc\x1cd", ["a", "b", "c\x1cd"]),
    ],
)
def test_line_is_cut_as_haproxy_cuts_it(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ('.notice "abc', 9, "unmatched quote"),
        (".notice 'abc", 9, "unmatched quote"),
        ('.notice "${HOME"', 11, "unmatched brace"),
        ('.notice "${HO ME}"', 11, "unmatched brace"),
        ('.notice "${1A}"', 12, "forbidden first char"),
        ('.notice "$"', 11, "forbidden first char"),
        ('.notice "${A[1]}"', 13, "truncated or invalid word expansion"),
        (".notice a\\xZZ", 10, "truncated or invalid hexadecimal"),
        (".notice a\\x4", 10, "truncated or invalid hexadecimal"),
        (".notice a\\x00", 10, "NUL"),
        ("a " * 63 + "b", 127, "too many words"),
        ("a" * 70000 + "''", 1, "word of more than"),
    ],
)
def test_bad_line_is_refused_at_haproxys_position(line: str, column: int, message: str) -> None:
    with pytest.raises(LexError) as caught:
        words(line)
    assert (caught.value.column, message in caught.value.message) == (column, True)


def test_columns_are_those_of_the_first_character_or_quote() -> None:
    found = split_with_columns(b"  bind \t:80 name 'a b' \"${LIST[*]}\"", VARIABLES.get)
    assert found.columns == [3, 9, 13, 18, 24, 24, 24, 24]


@pytest.mark.parametrize(
    ("line", "continued"),
    [
        (b"bind :80 \\", True),
        (b"bind :80 \\\\", False),
        (b"# comment \\", False),
        (b"a # comment \\", False),
        (b"a '# quoted' \\", True),
        (b'a "# quoted \\', True),
        (b"a 'strong \\", False),
        (b"a \\# \\", True),
        (b"plain", False),
    ],
)
def test_backslash_at_the_end_joins_lines_but_not_in_comments_or_single_quotes(line: bytes, continued: bool) -> None:
    assert is_continued(line)[0] is continued


def test_double_quote_stays_open_over_joined_lines() -> None:
    assert is_continued(b'a "b \\') == (True, True)
    assert is_continued(b"# quoted \\", True) == (True, True)
    assert is_continued(b'" # comment \\', True) == (False, False)


def test_expand_keeps_blanks_and_hashes() -> None:
    assert expand(b"streq(\"$HOME\", b) # 'c  d'", VARIABLES.get) == "streq(/root, b) # c  d"
