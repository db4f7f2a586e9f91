"""The part of checking a configuration that needs the core: whether patterns and regular expressions compile, whether libssl
takes what lines of TLS say.

Knows where the model keeps them. Must not know what they match. The core is loaded only where there is something to ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fastlb.config.acl import AclExpression
from fastlb.config.diagnostics import ALERT, Diagnostics
from fastlb.config.expression_uses import ExpressionUse, acls_of, uses_of
from fastlb.config.log_profiles import as_proxy
from fastlb.config.model import Configuration, Location, Proxy
from fastlb.config.pattern_files import parse_name, read_patterns
from fastlb.config.samples.values import MapRef, RegexValue, Value
from fastlb.config.values import ValueFault

from .checks import check_regexes
from .text import file_bytes
from .tls import bind_values, server_values

SourceOf = Callable[[Location], str]


class _Columns:
    """Which files are read as lists, and which as maps: haproxy: no file is both."""

    def __init__(self) -> None:
        self._is_map: dict[str, bool] = {}

    def fault(self, file: str, is_map: bool) -> str:
        name = parse_name(file).name
        if self._is_map.setdefault(name, is_map) == is_map:
            return ""
        before, now = ("one", "two") if is_map else ("two", "one")
        return f'The file "{name}" is already used as {before} column file and cannot be used by as {now} column file.'


def verify(configuration: Configuration, diagnostics: Diagnostics, source_of: SourceOf) -> None:
    """Reports every pattern and regular expression that cannot be used, in HAProxy's words."""
    columns = _Columns()
    for px in configuration.proxies:
        _Verifier(px, configuration, columns, diagnostics, source_of).run()
        _verify_tls(px, configuration, diagnostics, source_of)
    others = (*(app.proxy for app in configuration.fcgi_apps.values()), *map(as_proxy, configuration.log_profiles.values()))
    for px in others:
        _Verifier(px, configuration, columns, diagnostics, source_of).run()


def _verify_tls(px: Proxy, configuration: Configuration, diagnostics: Diagnostics, source_of: SourceOf) -> None:
    """What only libssl knows: keys that are too small for it, signature algorithms, lists that it does not take."""
    lines = [
        *((bind.location, f"Proxy '{px.name}': ", bind_values(bind, configuration.global_)) for bind in px.binds),
        *((srv.location, f"'server {px.name}/{srv.name}' : ", server_values(srv, configuration.global_)) for srv in px.servers),
    ]
    told = {(item.location.file, item.location.line) for item in diagnostics if item.severity == ALERT and item.location}
    for location, lead, values in lines:
        if values is None or (location.file, location.line) in told:
            continue
        from fastlb_core.bridge.layout_tls import tls_fault

        if fault := tls_fault(values):
            diagnostics.alert("bad-certificate", f"{lead}{fault}.", f"parsing [{location}] : ", location, "", source_of(location))
            diagnostics.mark_file(location.file)


class _Verifier:
    def __init__(
        self, px: Proxy, configuration: Configuration, columns: _Columns, diagnostics: Diagnostics, source_of: SourceOf
    ) -> None:
        self.px = px
        self.configuration = configuration
        self.columns = columns
        self.diagnostics = diagnostics
        self.source_of = source_of

    def run(self) -> None:
        for lead, line in self._pattern_lines():
            self._verify_patterns(line, lead)
        for keyword, rules in self.px.rules.items():
            for rule in rules:
                name = keyword if keyword == rule.action else f"{keyword} {rule.action}"
                lead = f"error detected in {self.px.title} '{self.px.name}' while parsing '{name}' rule : "
                for value in rule.arguments:
                    self._report(self._fault(value, rule.location), lead, rule.location)
        for keyword, location, value in check_regexes(self.px):
            self._report(_regex_fault(value), f"'{keyword} expect' : ", location)
        for use in uses_of(self.px):
            for value, number, keyword in use.arguments():
                self._report(self._fault(value, use.location), self._lead(value, number, keyword, use), use.location)

    def _lead(self, value: Value, number: int, keyword: str, use: ExpressionUse) -> str:
        what = f"regex '{value.pattern}'" if isinstance(value, RegexValue) else "map"
        within = f" in {use.place}" if use.place else ""
        return f"error in {what} in arg {number} of {keyword}{within} in proxy '{self.px.name}' : "

    def _pattern_lines(self) -> Iterator[tuple[str, AclExpression]]:
        """Each line of the ACLs, and what a message about it begins with."""
        for name, acl in self.px.acls.items():
            for line in acl.expressions:
                yield f"error detected while parsing ACL '{name}' : ", line
        for keyword, rules in self.px.rules.items():
            for rule in rules:
                name = keyword if keyword == rule.action else f"{keyword} {rule.action}"
                for acl in acls_of(rule):
                    for line in acl.expressions if not acl.name else ():
                        yield f"error detected while parsing an '{name}' condition : ", line

    def _verify_patterns(self, line: AclExpression, lead: str) -> None:
        if line.match in ("found", "bool"):
            return
        from fastlb_core.bridge.patterns import pattern_error

        for source in line.sources:
            if source.file:
                self._report(self.columns.fault(source.file, source.is_map), lead, line.location)
            entries = [(entry.key, entry.value or b"", entry.line) for entry in source.lines]
            fault = pattern_error(line.match, source.ignore_case, entries)
            if fault is not None:
                where = f" at line {fault[1]} of file '{source.file}'" if source.file else ""
                self._report(fault[0] + where, lead, line.location)

    def _report(self, fault: str, lead: str, location: Location) -> None:
        if fault:
            source = self.source_of(location)
            self.diagnostics.alert("bad-pattern", f"{lead}{fault}.", f"parsing [{location}] : ", location, "", source)
            self.diagnostics.mark_file(location.file)

    def _fault(self, value: object, location: Location) -> str:
        """What is wrong with an argument that the core has to compile; "" for a good one and for every other kind."""
        if isinstance(value, RegexValue):
            return _regex_fault(value)
        if not isinstance(value, MapRef):
            return ""
        return self.columns.fault(value.file, True) or _map_fault(value, self.configuration.directory_of(location))


def _regex_fault(value: RegexValue) -> str:
    from fastlb_core.bridge.patterns import regex_error

    fault = regex_error(file_bytes(value.pattern), value.ignore_case)
    return "" if fault is None else f"regex '{value.pattern}' is invalid (error={fault})"


def _map_fault(ref: MapRef, directory: str) -> str:
    from fastlb_core.bridge.patterns import pattern_error

    try:
        entries = [(line.key, line.value or b"", line.line) for line in read_patterns(ref.file, True, directory)]
    except ValueFault as unreadable:
        return unreadable.message
    fault = pattern_error(ref.match, False, entries, ref.output, ref.captures)
    return "" if fault is None else f"{fault[0]} at line {fault[1]} of file '{ref.file}'"
