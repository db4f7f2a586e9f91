"""What of health checks the core evaluates: formats, expressions and variables, as a rule set of each backend.

Every one of them becomes a rule that sets a variable of the scope `check`, which control reads after it has run the rule.
Knows their order, which is their index on both sides. Must not know how checks run (control does).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastlb.config.check_rules import Act, Connect, Expect, HeaderMatch, HttpSend, Send, Step
from fastlb.config.logformat import LogFormat
from fastlb.config.model import Location, Proxy
from fastlb.config.rule import Rule
from fastlb.config.samples.ast import Expression
from fastlb.config.samples.values import RegexValue, VariableRef

Evaluated = LogFormat | Expression | Rule
# A name that no configuration can use.
RESULT = VariableRef("check", "<result>")


def evaluated(px: Proxy) -> Iterator[Evaluated]:
    """What the steps of the backend's check need the core for, in their order."""
    for step in px.check.steps:
        for value in _values(step):
            if isinstance(value, (LogFormat, Expression, Rule)):
                yield value


def _values(step: Step) -> tuple[Any, ...]:
    if isinstance(step, Act):
        return (step.rule,)
    if isinstance(step, Connect):
        return (step.port,)
    if isinstance(step, Send):
        return (step.data,)
    if isinstance(step, HttpSend):
        return (step.uri, *(value for _, value in step.headers), step.body)
    if isinstance(step, Expect):
        pattern = step.pattern
        inner = (pattern.name, pattern.value) if isinstance(pattern, HeaderMatch) else (pattern,)
        return (*inner, step.on_success, step.on_error, step.status_code)
    return ()


def check_rules_of(px: Proxy) -> list[Rule]:
    """The rule set, in the order of `evaluated`."""
    return [_rule(value, px.location) for value in evaluated(px)]


def _rule(value: Evaluated, location: Location) -> Rule:
    if isinstance(value, Rule):
        return value
    action = "set-var-fmt" if isinstance(value, LogFormat) else "set-var"
    return Rule(location, action, action, (RESULT, 0, value))


def regexes_of(step: Step) -> Iterator[RegexValue]:
    """The regular expressions of a step."""
    yield from (value for value in _values(step) if isinstance(value, RegexValue))


def check_regexes(px: Proxy) -> Iterator[tuple[str, Location, RegexValue]]:
    """Those of all lines of the proxy, in use or not, with the keyword and the place of each."""
    for keyword, steps in (("tcp-check", px.check.tcp), ("http-check", px.check.http)):
        for step in steps:
            for value in regexes_of(step):
                yield keyword, step.location if isinstance(step, Expect) and step.location else px.location, value
