"""The part of checking a configuration that needs the core: whether patterns and regular expressions compile.

Knows where the model keeps them. Must not know what they match. The core is loaded only where there is something to ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastlb.config.acl import Acl, AclExpression, Condition
from fastlb.config.diagnostics import Diagnostics
from fastlb.config.model import Configuration, Location, Proxy
from fastlb.config.pattern_files import read_patterns
from fastlb.config.rule import Rule
from fastlb.config.samples.ast import Expression
from fastlb.config.samples.values import MapRef, RegexValue
from fastlb.config.values import ValueFault

from .text import file_bytes

SourceOf = Callable[[Location], str]


def verify(configuration: Configuration, diagnostics: Diagnostics, source_of: SourceOf) -> None:
    """Reports every pattern and regular expression that cannot be used, in HAProxy's words."""
    for px in configuration.proxies:
        for name, acl in px.acls.items():
            for line in acl.expressions:
                _verify_line(line, f"error detected while parsing ACL '{name}' : ", diagnostics, source_of)
        for keyword, rules in px.rules.items():
            for rule in rules:
                _verify_rule(px, keyword, rule, diagnostics, source_of)


def _verify_rule(px: Proxy, keyword: str, rule: Rule, diagnostics: Diagnostics, source_of: SourceOf) -> None:
    name = keyword if keyword == rule.action else f"{keyword} {rule.action}"
    for acl in _anonymous(rule.condition):
        for line in acl.expressions:
            _verify_line(line, f"error detected while parsing an '{name}' condition : ", diagnostics, source_of)
    lead = f"error detected in proxy '{px.name}' while parsing '{name}' rule : "
    for value in rule.arguments:
        if isinstance(value, RegexValue):
            _report(_regex_fault(value), lead, rule.location, diagnostics, source_of)
        elif isinstance(value, Expression):
            for conversion in value.conversions:
                for argument in conversion.arguments:
                    if isinstance(argument, MapRef):
                        _report(_map_fault(argument), lead, rule.location, diagnostics, source_of)
                    elif isinstance(argument, RegexValue):
                        _report(_regex_fault(argument), lead, rule.location, diagnostics, source_of)


def _anonymous(condition: Condition | None) -> Iterator[Acl]:
    for group in condition.groups if condition is not None else ():
        for term in group:
            if not term.acl.name:
                yield term.acl


def _verify_line(line: AclExpression, lead: str, diagnostics: Diagnostics, source_of: SourceOf) -> None:
    if line.match in ("found", "bool"):
        return
    from fastlb_core.bridge.patterns import pattern_error

    for source in line.sources:
        entries = [(entry.key, entry.value or b"", entry.line) for entry in source.lines]
        fault = pattern_error(line.match, source.ignore_case, entries)
        if fault is not None:
            where = f" at line {fault[1]} of file '{source.file}'" if source.file else ""
            _report(fault[0] + where, lead, line.location, diagnostics, source_of)


def _regex_fault(value: RegexValue) -> str:
    from fastlb_core.bridge.patterns import regex_error

    fault = regex_error(file_bytes(value.pattern), value.ignore_case)
    return "" if fault is None else f"regex '{value.pattern}' is invalid ({fault})"


def _map_fault(ref: MapRef) -> str:
    from fastlb_core.bridge.patterns import pattern_error

    try:
        entries = [(line.key, line.value or b"", line.line) for line in read_patterns(ref.file, True)]
    except ValueFault as unreadable:
        return unreadable.message
    fault = pattern_error(ref.method.removesuffix("m"), False, entries, ref.output, ref.method == "regm")
    return "" if fault is None else f"{fault[0]} at line {fault[1]} of file '{ref.file}'"


def _report(fault: str, lead: str, location: Location, diagnostics: Diagnostics, source_of: SourceOf) -> None:
    if fault:
        message = f"{lead}{fault}."
        diagnostics.alert("bad-pattern", message, f"parsing [{location}] : ", location, "", source_of(location))
        diagnostics.mark_file(location.file)
