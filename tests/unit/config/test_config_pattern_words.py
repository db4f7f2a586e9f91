"""Words of ACLs before the core reads them: operators, short addresses, host names; as haproxy 2.6 was seen to show them."""

from __future__ import annotations

import pytest

from fastlb.config.pattern_words import apply_operator, resolve_address
from fastlb.config.values import Resolver, ValueFault


@pytest.mark.parametrize(
    ("words", "is_dotted", "result"),
    [
        ("gt 3", False, "4:"),
        ("ge 3", False, "3:"),
        ("lt 3", False, ":2"),
        ("le 3", False, ":3"),
        ("eq 3", False, "3"),
        ("lt 0", False, ":-1"),
        ("ge 2.5", False, "2:"),
        ("gt 007", False, "8:"),
        ("ge 3:5", False, "3:5"),
        ("ge 1-5", False, "1-5"),
        ("gt -5", False, "-5"),
        ("eq 3.1", False, "3.1"),
        ("gt 3", True, "3.1:"),
        ("gt 3.1", True, "3.2:"),
        ("gt 3.65535", True, "4.0:"),
        ("ge 3.1", True, "3.1:"),
        ("lt 3", True, ":2.65535"),
        ("lt 3.1", True, ":3.0"),
        ("le 3", True, ":3.0"),
        ("lt 0", True, ":-1.65535"),
        ("gt 3:4", True, "3:4"),
    ],
)
def test_an_operator_makes_a_range(words: str, is_dotted: bool, result: str) -> None:
    assert apply_operator(*words.split(), is_dotted=is_dotted) == result


@pytest.mark.parametrize("word", ["x", "3x", "+5", "99999999999999999999", "3.", ".5", ""])
def test_what_is_no_number_takes_no_operator(word: str) -> None:
    with pytest.raises(ValueFault) as caught:
        apply_operator("gt", word)
    assert caught.value.message == f"'{word}' is neither a number nor a supported operator"


@pytest.mark.parametrize(
    ("pattern", "result"),
    [
        ("10.1", "10.0.0.1"),
        ("10", "0.0.0.10"),
        ("192.168.1/24", "192.168.0.1/24"),
        ("010.1", "8.0.0.1"),
        ("1.2.3.4/8", "1.2.3.4/8"),
        ("01.2.3.4", "01.2.3.4"),
        ("0xa.1", "0xa.1"),
        ("name.test/8", "192.0.2.7/8"),
        ("unknown.test", "unknown.test"),
        ("::1", "::1"),
        ("::x", "::x"),
        (" 10.1", " 10.1"),
        ("", ""),
        ("999.1", "999.1"),
    ],
)
def test_short_addresses_and_host_names_become_addresses(pattern: str, result: str) -> None:
    resolver = Resolver(lambda name, family: "192.0.2.7" if name == "name.test" else None)
    assert resolve_address(pattern, resolver) == result
