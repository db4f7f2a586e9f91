"""Checks of arguments that several converters share: variables, words of a fixed set, counts.

Knows HAProxy's messages for them. Must not know the rows that use them.
"""

from __future__ import annotations

import re

from .values import ArgumentFault, Unset, Value, VariableRef

SCOPES = ("proc", "sess", "txn", "req", "res", "check")
_NAME = re.compile(r"[A-Za-z0-9._]+")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_INT_MAX = 2**63 - 1


def padded(values: list[Value], length: int) -> list[Value]:
    """`length` values; what was left out at the end is Unset."""
    return [*values, *[Unset()] * (length - len(values))]


def text_of(value: Value) -> str:
    """The text that was written; "" where none was."""
    return value if isinstance(value, str) else ""


def is_given(value: Value) -> bool:
    return not isinstance(value, Unset) and value != ""


def variable_of(text: Value) -> VariableRef | None:
    """The variable that `scope.name` names, or None where that is none."""
    scope, dot, name = text_of(text).partition(".")
    return VariableRef(scope, name) if dot and scope in SCOPES and _NAME.fullmatch(name) else None


def variable(text: Value) -> VariableRef:
    """For `var`, `set-var` and `unset-var`. Raises ArgumentFault with HAProxy's reason."""
    if not is_given(text):
        raise ArgumentFault("Empty variable name cannot be accepted")
    found = variable_of(text)
    if found is not None:
        return found
    scope, _, name = text_of(text).partition(".")
    if scope in SCOPES and name:
        valid = _NAME.match(name)
        raise ArgumentFault(f"invalid syntax at char '{name[valid.end() if valid else 0 :]}'")
    raise ArgumentFault(
        f"invalid variable name '{text_of(text)}'. A variable name must be start by its scope."
        " The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
    )


def registered(text: Value) -> VariableRef:
    """For converters that take an optional variable and say less when it is none."""
    found = variable_of(text)
    if found is None:
        raise ArgumentFault(f"failed to register variable name '{text_of(text)}'")
    return found


def number_of(text: Value) -> int | None:
    """The integer that is written there, or the nearest one of 64 bits; None where none is."""
    if isinstance(text, int):
        return text
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        return None
    return max(-_INT_MAX - 1, min(_INT_MAX, int(text)))


def one_of(value: Value, words: dict[str, int], message: str) -> int:
    """The number that stands for the word. Raises ArgumentFault(message) for another one."""
    if not isinstance(value, str) or value not in words:
        raise ArgumentFault(message)
    return words[value]


def int_or_variable(values: list[Value]) -> list[Value]:
    """The operand of arithmetic converters; none is 0."""
    if not values or not is_given(values[0]):
        return [0]
    number = number_of(values[0])
    found = number if number is not None else variable_of(values[0])
    if found is None:
        raise ArgumentFault("expects an integer or a variable name")
    return [found]


def required_variable(values: list[Value]) -> list[Value]:
    if not values or not is_given(values[0]):
        raise ArgumentFault("missing variable name")
    return [registered(values[0])]
