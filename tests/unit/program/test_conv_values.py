"""Converters that Debian's haproxy does not have, where fastlb deviates, and all of them when room is short."""

from __future__ import annotations

import pytest
from fastlb_core.bridge import exprkit

from fastlb.config.samples.values import RegexValue
from support.converter_cases import HAPROXY, NEW_CASES, OLD_CASES, VARIABLES, Case
from support.converter_run import convert

KNOWN = [*NEW_CASES, *(case for case in OLD_CASES if case.expected is not HAPROXY)]


def variables() -> dict[str, bool | int | str | bytes]:
    return {name: value for name, _, value in VARIABLES}


@pytest.mark.parametrize("name", dict.fromkeys(case.name for case in KNOWN))
def test_converter_yields_what_its_manual_says(name: str):
    found = {str(case): convert(case, variables()) for case in KNOWN if case.name == name}
    assert found == {str(case): case.expected for case in KNOWN if case.name == name}


def one_of_each() -> list[Case]:
    """Of each converter one case for each number of arguments, with bytes in it."""
    chosen = {}
    for case in [*NEW_CASES, *OLD_CASES]:
        if isinstance(case.value, (str, bytes)) and case.value:
            chosen.setdefault((case.name, len(case.written)), case)
    return list(chosen.values())


@pytest.mark.parametrize("case", one_of_each(), ids=str)
def test_converter_without_room_fails_or_yields_the_same(case: Case):
    whole = convert(case, variables())
    for room in (*range(70), 100, 200):
        assert convert(case, variables(), room) in (None, whole)


def test_unknown_converter_is_a_key_error():
    with pytest.raises(KeyError):
        exprkit.convert("nosuch", 1)


def test_regsub_gives_up_when_its_matches_are_slow_all_together():
    text = "x" * 16000 + "yz"
    found = exprkit.convert("regsub", text, RegexValue("x(?=.*y.*z)(?=.*z)(?=.*y)"), "", 1)
    assert found in (None, "yz")
