"""Arguments of converters: what rows make of them, and the reasons for which they refuse them."""

from __future__ import annotations

import pytest
from fastlb_core.bridge import registry

from fastlb.config.keywords.row import SUPPORTED
from fastlb.config.samples import CONVERTERS, FETCHES, convert_text
from fastlb.config.samples.values import ArgumentFault, RegexValue, Unset, VariableRef
from support.converter_cases import arguments_of
from support.converter_refused import REFUSED


@pytest.mark.parametrize(("name", "words", "message"), REFUSED)
def test_bad_argument_is_refused_with_haproxys_reason(name: str, words: str, message: str):
    with pytest.raises(ArgumentFault) as refused:
        arguments_of(CONVERTERS[name], words.split(",") if words else ())
    assert refused.value.message == message


ACCEPTED = [
    ("add", [], [0]),
    ("add", ["txn.a"], [VariableRef("txn", "a")]),
    ("add", ["99999999999999999999"], [2**63 - 1]),
    ("add_item", ["-", "", "y"], ["-", Unset(), "y"]),
    ("concat", [], [Unset(), Unset(), Unset()]),
    ("concat", ["x", "check.a.b"], ["x", VariableRef("check", "a.b"), Unset()]),
    ("bytes", ["1"], [1, Unset()]),
    ("debug", ["x", "stdout"], ["x", 1]),
    ("debug", [], [Unset(), -1]),
    ("http_date", ["5", "ms"], [5, 1000]),
    ("http_date", [], [Unset(), 1]),
    ("json", ["utf8ps"], [7]),
    ("json", [], [0]),
    ("regsub", ["a+", "b", "gi"], [RegexValue("a+", True), "b", 1]),
    ("regsub", ["a", ""], [RegexValue("a"), "", 0]),
    ("set-var", ["txn.a", "ifset", "iflt"], [VariableRef("txn", "a"), 0x90]),
    ("unset-var", ["proc.a"], [VariableRef("proc", "a")]),
    ("url_enc", ["query"], []),
]


@pytest.mark.parametrize(("name", "words", "values"), ACCEPTED)
def test_arguments_reach_the_core_in_its_form(name: str, words: list[str], values: list[object]):
    assert arguments_of(CONVERTERS[name], words) == values


@pytest.mark.parametrize(
    ("name", "words", "message", "index"),
    [
        ("bytes", ["x"], "failed to parse 'x' as type 'integer' at position 1", 0),
        ("bytes", ["1", "y"], "failed to parse 'y' as type 'integer' at position 2", 1),
        ("bytes", [""], "expected type 'integer' at position 1, but got nothing", 0),
        ("regsub", ["", "b"], "missing regex", 0),
    ],
)
def test_fault_names_the_argument(name: str, words: list[str], message: str, index: int):
    with pytest.raises(ArgumentFault) as refused:
        arguments_of(CONVERTERS[name], words)
    assert (refused.value.message, refused.value.index) == (message, index)


def test_var_takes_a_name_and_a_default():
    row = FETCHES["var"]
    assert row.check is not None
    assert row.check(["txn.a", "none"]) == [VariableRef("txn", "a"), "none"]
    with pytest.raises(ArgumentFault):
        row.check([""])


def test_supported_converters_of_text_are_in_the_core():
    wanted = {row.core or row.name for row in convert_text.CONVERTERS if row.status == SUPPORTED}
    assert wanted <= set(registry.names()[1])
