"""Cookies of a header taken out or shortened in place, at the edge of a page that may not be touched."""

from __future__ import annotations

import itertools

import pytest
from fastlb_core.bridge.cookiekit import put_cookie, read_date, walk_cookies, write_date


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"S=a", None),
        (b"S=a; b=1", b"b=1"),
        (b"b=1; S=a", b"b=1"),
        (b"b=1; S=a; c=2", b"b=1; c=2"),
        (b"b=1 ;S = a , c = 2", b"b=1, c=2"),
        (b"S=a; S=b; S=c", None),
        (b"$Version=1; S=a; $Path=/; b=1; $Path=/x", b"$Version=1; b=1; $Path=/x"),
        (b"$Version=1; S=a; $Path=/", None),
        (b"; S=a", None),
        (b";; S=a", b";"),
        (b'b="x;S=a"; S=c', b'b="x;S=a"'),
        (b"b=1; S=a;", b"b=1;"),
        (b"S; S=a", b"S"),
        (b"b=1", b"b=1"),
        (b";;,,=;", b";;,,=;"),
        (b"", b""),
    ],
)
def test_a_cookie_is_taken_out(value, left):
    assert walk_cookies(value, b"S")[1] == left


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"S=a~v", b"S=v"),
        (b"b=1; S=a~v~w ; c=1", b"b=1; S=v~w ; c=1"),
        (b"S=a~", b"S="),
        (b"S=a~v; S = b~w", b"S=v; S=w"),
        (b"S=a", b"S=a"),
    ],
)
def test_the_beginning_of_a_value_is_taken_away(value, left):
    assert walk_cookies(value, b"S", b"~")[1] == left


def test_pairs_are_found_whatever_stands_between_them():
    pieces = (b"S=a", b"b", b"=", b"", b" ", b"$P=1", b'c="', b";", b",")
    for parts in itertools.product(pieces, repeat=4):
        value = b";".join(parts).strip(b" ")
        pairs, left = walk_cookies(value, b"S")
        assert left is None or (b"S", b"a") not in walk_cookies(left)[0], value
        assert len(pairs) <= value.count(b";") + value.count(b",") + 1
        assert left is None or len(left) <= len(value)


@pytest.mark.parametrize(
    ("value", "whole", "begun"),
    [
        (b"S=old; path=/", b"S=new; path=/", b"S=newold; path=/"),
        (b"S  =  old  ; path = /", b"S=new  ; path = /", b"S=newold  ; path = /"),
        (b"S=", b"S=new", b"S=new"),
        (b"S", None, None),
        (b"; S=1", None, None),
    ],
)
def test_the_value_of_a_set_cookie_is_replaced_or_begun(value, whole, begun):
    assert (put_cookie(value, b"new"), put_cookie(value, b"new", cut_all=False)) == (whole, begun)


def test_dates_count_units_of_four_seconds_rounded_up():
    assert [write_date(seconds) for seconds in (0, 1, 4, 5)] == [b"AAAAA", b"AAAAB", b"AAAAB", b"AAAAC"]
    assert read_date(write_date(1795657500) + b"rest") == 1795657500 // 4
    assert [read_date(text) for text in (b"", b"AAAA", b"!!!!!", b"AAA A")] == [0, 0, 0, 0]
