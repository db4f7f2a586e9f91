"""Regular expressions: PCRE2's answers, its words, groups and replacement, and an end to every match."""

from __future__ import annotations

import os
import re

import pytest
from fastlb_core.bridge.patternkit import Regex
from hypothesis import given
from hypothesis import strategies as st


def test_a_match_is_found_anywhere_and_groups_are_given() -> None:
    regex = Regex(rb"(\w+)=(\d+)?(x)?")
    assert regex.matches(b"; a=5")
    assert regex.groups(b"; a=5")[:4] == [b"a=5", b"a", b"5", None]
    assert regex.groups(b"; a=")[:4] == [b"a=", b"a", None, None]
    assert regex.groups(b"nothing") is None
    assert len(regex.groups(b"a=")) == 10


def test_case_start_of_line_and_nul() -> None:
    assert Regex(b"^ABC$", icase=True).matches(b"abc")
    assert not Regex(b"^ABC$").matches(b"abc")
    assert Regex(b"^a").groups(b"a") is not None
    assert Regex(b"^a").groups(b"a", notbol=True) is None
    assert Regex(b"a.b").matches(b"a\0b")
    assert Regex(b"^$").matches(b"")
    assert Regex(b"").matches(b"")


def test_more_than_nine_groups_match_and_nine_are_given() -> None:
    groups = Regex(b"(.)" * 12).groups(b"abcdefghijkl")
    assert groups == [b"abcdefghijkl", *(b"%c" % c for c in b"abcdefghi")]


def test_without_capture_parentheses_only_group() -> None:
    assert Regex(b"(a)(b)", capture=False).groups(b"ab")[:2] == [b"ab", None]
    with pytest.raises(ValueError, match="reference to non-existent subpattern, erroffset=4"):
        Regex(rb"(a)\1", capture=False)
    assert Regex(rb"(a)\1").matches(b"aa")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (b"(", "missing closing parenthesis, erroffset=1"),
        (b"[a", "missing terminating ] for character class, erroffset=2"),
        (b"*", "quantifier does not follow a repeatable item, erroffset=0"),
        (b"\\", r"\ at end of pattern, erroffset=1"),
        (b"(?z)", "unrecognized character after (? or (?-, erroffset=2"),
    ],
)
def test_bad_patterns_give_pcres_words(pattern: bytes, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Regex(pattern)
    assert str(caught.value) == words


SUBST = [
    (rb"\1\1", b"xx"),
    (rb"<\0>", b"<xy>"),
    (rb"\2", b""),
    (rb"\9", b""),
    (rb"\\1", rb"\1"),
    (rb"\x41\x7a\x00", b"Az\0"),
    (rb"\x4", b"x4"),
    (rb"\x", b"x"),
    (rb"\xzz", b"xzz"),
    (rb"\n\t", b"nt"),
    (b"", b""),
    (b"x\\", None),
]


@pytest.mark.parametrize(("template", "result"), SUBST)
def test_templates(template: bytes, result: bytes | None) -> None:
    assert Regex(b"(x)y(z)?").subst(b"axyb", template) == result


def test_a_template_that_finds_no_room_fails() -> None:
    regex = Regex(b"(.*)")
    assert regex.subst(b"abc", rb"\1\1", room=6) == b"abcabc"
    assert regex.subst(b"abc", rb"\1\1", room=5) is None
    assert regex.subst(b"abc", b"x", room=0) is None


LONG = 16384
HOSTILE = [
    (rb"(a+)+$", b"a" * 8191 + b"b"),
    (rb"(a|aa)+$", b"a" * LONG + b"b"),
    (rb"(x+x+)+[yz]", b"x" * LONG),
    (rb".*.*.*=[xy]", b"=" * LONG),
    (rb"a.*b.*c[de]", b"abc" * 5000),
    (rb"[ab]*[bc]*[ef]", b"b" * LONG),
    (rb"[ab]*[bc]*[ef]", b"b" * 3000),
    (rb"(?:a|b)*[cd]", b"ab" * 8000),
    (rb"a{0,16}a{0,16}a{0,16}a{0,16}[cd]", b"a" * LONG),
    (rb"^(([a-z])+.)+[A-Z]([a-z])+$", b"a" * LONG),
    (rb"(.*a){12}[bc]", b"a" * LONG),
    (rb"(?=(a+))a*[bc]\1", b"a" * LONG),
    (rb"^(a?){25}(a){25}[bc]", b"a" * 25),
]


@pytest.mark.parametrize(("pattern", "subject"), HOSTILE)
def test_hostile_subjects_end_as_no_match(pattern: bytes, subject: bytes) -> None:
    # Without bounds most of these take from many seconds to centuries.
    assert not Regex(pattern).matches(subject)


@pytest.mark.parametrize(
    ("pattern", "repeats"),
    [
        (b"abc", 0), (b"a*", 1), (b"a+?b*", 2), (b"a++b*+", 0), (b"[*+]x", 0), (b"[]*]x*", 1), (b"[^]*]x*", 1), (rb"\*\+", 0),
        (b"a{2,}", 1), (b"a{2,4}", 0), (b"a{3}", 0), (b"(ab){3}", 1), (b"a*b*c*d*e*f*", 4), (rb"[\]*]+", 1),
    ],
)
def test_unbounded_repeats_are_counted(pattern: bytes, repeats: int) -> None:
    assert Regex(pattern).repeats == repeats


def test_long_honest_subjects_still_match() -> None:
    cookie = b"; ".join(b"name%d=value%d" % (n, n) for n in range(500)) + b"; session=abc; last=1"
    assert Regex(rb"name7=[^;]+;.*session=([^;]+).*last=(\d+)$").groups(cookie)[1:3] == [b"abc", b"1"]
    assert Regex(rb"^.*name[0-9]+=.*session=.*last=.*$").matches(cookie)
    assert Regex(rb"(\w+)=(\w+); last=(\d)").groups(cookie)[1:4] == [b"session", b"abc", b"1"]
    assert Regex(rb"/+a+/+b+/+c+").matches(b"x" * 10000 + b"/a/b/c")
    assert Regex(b"x*[yz]").matches(b"x" * 12000 + b"y")


pieces = st.lists(
    st.sampled_from(["a", "b", ".", "a*", "b+", "(a|b)", "(ab)*", "[ab]", "[^a]+", "a?", "^", "$", "(.*)", "b{1,2}"]), max_size=6
)


@given(pieces, st.lists(st.sampled_from([b"a", b"b", b"c", b"ab"]), max_size=60), st.integers(1, 3))
def test_answers_are_those_of_pythons_re(parts: list[str], text: list[bytes], times: int) -> None:
    pattern = "".join(parts).encode()
    subject = b"".join(text) * times
    found = re.search(pattern, subject)
    groups = Regex(pattern).groups(subject)
    assert (groups is not None) == (found is not None)
    if found is not None and groups is not None:
        assert groups[0] == found[0]


def test_regexes_compiled_before_a_fork_match_after_it() -> None:
    regex = Regex(rb"^(a|b)*c$")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if regex.matches(b"ab" * 2000 + b"c") and not regex.matches(b"ab") else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert regex.matches(b"c")
